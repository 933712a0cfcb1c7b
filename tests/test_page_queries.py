"""How often the busiest pages ask the database: a fixed number, however many rows they show."""

from collections import Counter
from datetime import date
from functools import partial

import pytest

import models
from billing import links, tickets
from tests import factories, office
from tests.portal_visitor import Visitor
from tests.test_portal_account import enter

MOST = {"pay page": 15, "portal list": 6, "portal overview": 17, "staff list": 6, "staff timeline": 18,
        "portal preferences": 42}  # fmt: skip


NEVER_AGAIN = {"pay page", "portal list", "portal overview", "staff list"}  # the same question, in one page


@pytest.fixture
def pages(app, alice, clock):
    """{name: a call that opens it} for Alice and somebody at the desk."""
    latest = factories.make_invoice(alice)
    factories.make_charge(factories.make_contract(alice))  # so that the overview says what comes next
    token = links.pay_link(latest, now=clock.now(), contact=factories.payer(alice))
    alices, desk = enter(Visitor(app), factories.payer(alice), clock), office.enter(app)
    return {
        "pay page": lambda: Visitor(app).open(f"/i/{token}").status,
        "portal list": lambda: alices.open("/account/invoices").status,
        "portal overview": lambda: alices.open("/account").status,
        "portal preferences": lambda: alices.open("/account/preferences").status,
        "staff list": lambda: desk.get("/staff/invoice/").status_code,
        "staff timeline": lambda: desk.get(f"/staff/customer/{alice.id}/timeline").status_code,
    }


def questions(open_page):
    """(statement, its values) of what a page asks of the database."""
    hooks, statements = models.db.obj.query_hooks, []
    hooks.append(statements.append)
    try:
        assert open_page() == 200
    finally:
        hooks.remove(statements.append)
    return [(query.sql, repr(query.params)) for query in statements if query.sql.startswith("SELECT")]


def asked(open_page):
    """The statements that a page sends to the database."""
    return [sql for sql, _ in questions(open_page)]


@pytest.mark.parametrize("name", MOST)
def test_a_page_asks_as_often_for_many_invoices_as_for_one(name, pages, alice):
    for_one = asked(pages[name])
    for _ in range(23):
        factories.make_invoice(alice)
    for_many = asked(pages[name])

    assert len(for_many) <= MOST[name], "\n".join(for_many)
    assert len(for_many) <= len(for_one) + 1
    again = len(for_many) - len(set(questions(pages[name])))
    assert again <= (0 if name in NEVER_AGAIN else MOST_AGAIN)


MOST_AGAIN = 3  # by parts of a page that know nothing of each other
WITHOUT_SIGN_IN = {"staff.sign_in"}  # it leads on for who is signed in


def test_no_page_of_the_back_office_asks_more_often_for_many_than_for_one(app, alice, clock):
    """Every page that stands by itself, as the map of addresses has them: a new one cannot be forgotten."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and not rule.arguments]
    paths = [rule.rule for rule in rules if rule.endpoint.startswith("staff.")
             and rule.endpoint not in WITHOUT_SIGN_IN]  # fmt: skip
    _trouble("Carl", clock)
    paths += [f"/staff/customer/{alice.id}", "/staff/collections/2", "/staff/ticket/1", "/staff/ticket/"]
    desk = office.enter(app)
    for_one = {path: len(asked(partial(_status, desk, path))) for path in paths}

    for number in range(23):
        _trouble(f"Customer {number}", clock)

    for_many = {path: len(asked(partial(_status, desk, path))) for path in paths}
    assert len(paths) > 18
    assert {path: (for_one[path], many) for path, many in for_many.items() if many > for_one[path] + 2} == {}
    again = {path: _asked_again(desk, path) for path in paths}
    assert {path: some for path, some in again.items() if len(some) > MOST_AGAIN} == {}


def _asked_again(desk, path):
    """The questions that a page asks more than once, with the same values."""
    counted = Counter(questions(partial(_status, desk, path)))
    return [question for question, count in counted.items() if count > 1]


def _status(desk, path):
    return desk.get(path).status_code


def _trouble(name, clock):
    """A customer who owes, and who has asked something."""
    customer = factories.make_customer(name, email=f"{name.replace(' ', '')}@example.com".lower())
    factories.make_invoice(customer, due=date(2026, 10, 1), issued=date(2026, 9, 1))
    told = {"contact": factories.payer(customer), "by": factories.BY, "now": clock.now()}
    tickets.open(customer, subject="Two panels", body="We have one.", **told)
