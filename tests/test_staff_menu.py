"""The menu beside every page: what is opened all day stands open, the rest behind its heading."""

import re

from tests.office import enter, text_of


def _menu(page):
    return re.search(r'<nav id="menu".*?</nav>', page.text, re.S)[0]


def _open(menu):
    return re.findall(r"<details open>\s*<summary>([^<]+)", menu)


def test_only_what_is_opened_all_day_stands_open(app, company):
    menu = _menu(enter(app).get("/staff/"))

    assert _open(menu) == ["Records"]
    assert "Money" in re.findall(r"<details>\s*<summary>([^<]+)", menu)
    assert 'href="/staff/" aria-current="page"' in menu


def test_the_group_in_which_somebody_is_stands_open(app, company):
    desk = enter(app)

    assert _open(_menu(desk.get("/staff/refund/"))) == ["Records", "Money"]

    inside = _menu(desk.get("/staff/site/new"))
    assert _open(inside) == ["Records", "People and sites"]
    assert re.findall(r'aria-current="true">([^<]+)', inside) == ["Sites"]


def test_nobody_sees_what_their_role_cannot_open(app, company):
    menu = _menu(enter(app, "read_only").get("/staff/"))

    assert "Record payment" not in menu
    assert "Invoices" in menu


def test_a_screen_is_found_by_its_name(app, company):
    desk = enter(app)

    assert desk.get("/staff/search", q="late fees").location == "/staff/late-fee/"
    assert "Reminder policies" in text_of(desk.get("/staff/search", q="reminder"))
    assert "Record payment" not in text_of(enter(app, "read_only").get("/staff/search", q="record"))
