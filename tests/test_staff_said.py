"""Search over what was said, in the back office: in the box, as a section, as a page with filters."""

import re
from pathlib import Path

import pytest

from tests import factories, office
from tests.test_page_queries import asked
from tests.test_search import make_call, make_note, make_notice, make_ticket

NOW = factories.NOW


@pytest.fixture
def desk(app):
    return office.enter(app)


def test_the_search_box_finds_what_was_said(desk, alice):
    ticket = make_ticket(alice, "The keypad beeps at night", subject="Noise")

    page = desk.get("/staff/search", q="keypads")

    assert "What was said" in page.text
    assert "<mark>keypad</mark>" in page.text
    assert f"/staff/ticket/{ticket.id}#message-" in page.text


def test_the_box_suggests_it_below_everything_else(desk, alice):
    make_note(alice, "Archer prefers mornings")

    answer = desk.client.get("/staff/search?q=archer", headers={"Accept": "application/json"})

    assert [hit["kind"] for hit in answer.json] == ["Customer", "Note"]


def test_an_only_hit_among_names_is_still_opened_at_once(desk, alice):
    make_note(alice, "Archer prefers mornings")

    assert desk.get("/staff/search", q="archer").location == f"/staff/customer/{alice.id}"


def test_the_page_narrows_to_a_kind_and_to_a_customer(desk, alice, bob):
    make_note(alice, "a siren in the attic")
    make_call(bob, "asked about the siren")
    make_notice(alice, state="sent", subject="Your siren", body_text="b", sent_at=NOW)

    by_people = office.text_of(desk.get("/staff/said", q="siren"))
    by_us = office.text_of(desk.get("/staff/said", q="siren", kind="sent"))
    calls = office.text_of(desk.get("/staff/said", q="siren", kind="call"))
    of_alice = office.text_of(desk.get("/staff/said", q="siren", customer=alice.id))

    assert "attic" in by_people and "asked about" in by_people and "Your siren" not in by_people
    assert "Your siren" in by_us and "attic" not in by_us
    assert "asked about" in calls and "attic" not in calls
    assert "attic" in of_alice and "asked about" not in of_alice
    assert "Only Alice Archer" in of_alice


def test_more_than_a_page_leads_to_older_ones(desk, alice):
    for number in range(25):
        make_note(alice, f"garden hose {number}")

    page = desk.get("/staff/said", q="hose").text
    older = page.split('href="')[[i for i, part in enumerate(page.split('href="')) if "before=" in part][0]]
    address = older.partition('"')[0].replace("&amp;", "&")

    assert "</mark> 24" in page and "</mark> 4<" not in page
    assert "</mark> 4<" in desk.get(address).text


@pytest.mark.parametrize(
    "query",
    [{}, {"q": '"'}, {"q": "x" * 10_000}, {"q": "a", "kind": "zebra"}, {"q": "a", "customer": "x"},
     {"q": "a", "customer": "99999999999"}, {"q": "\x00\ud7ff"}, {"q": "a b", "before": "w1; --"}],
)  # fmt: skip
def test_odd_questions_are_answered(desk, alice, query):
    make_note(alice, "a b")

    assert desk.get("/staff/said", **query).status_code == 200


def test_what_was_said_is_no_markup(desk, alice):
    make_note(alice, "<img src=x onerror=alert(1)> siren")

    page = desk.get("/staff/said", q="siren").text

    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_who_may_not_read_a_kind_does_not_find_it(app, alice, monkeypatch):
    from admin import security

    make_note(alice, "siren")
    monkeypatch.setitem(security.ACCESS, "note.read", security.OWNERS)

    assert "Nobody said that" in office.enter(app, "support").get("/staff/said", q="siren").text
    assert "<mark>siren" in office.enter(app, "owner").get("/staff/said", q="siren").text


def test_many_hits_ask_the_database_as_often_as_few(desk, alice, bob):
    def fill(number):
        for customer in (alice, bob):
            make_note(customer, f"siren {number}")
            make_call(customer, "siren")
            make_ticket(customer, "siren")

    fill(0)
    few = len(asked(lambda: desk.get("/staff/said", q="siren").status_code))
    for number in range(8):
        fill(number)

    assert len(asked(lambda: desk.get("/staff/said", q="siren").status_code)) <= few <= 12


def test_the_portal_has_no_search_and_knows_nothing_of_it(app):
    portal = Path(__file__).parent.parent / "portal"
    source = "".join(path.read_text("utf-8") for path in portal.glob("*.py"))
    pages = [str(rule) for rule in app.url_map.iter_rules() if rule.endpoint.startswith("portal.")]

    assert not re.search(r"import .*\bsearch\b|\bbilling\.search\b|(?<!\.)\bsearch\.", source)
    assert pages and not any("search" in page for page in pages)
