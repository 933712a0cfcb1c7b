"""The customer's calendar: read back by a parser, as the account stands, private, closed when they say so."""

import re
from datetime import date, datetime, timedelta

import pytest
from icalendar import Calendar

from billing import calendars, invoices, links, payments, preferences
from billing.automatic import autopay
from models import Contact, Link, Preference, PreferenceChange
from tests import factories
from tests.portal_visitor import Visitor
from tests.test_portal_account import enter
from tests.test_portal_autopay import agreed, planned

NOW = datetime(2026, 12, 1, 18, 0)
TODAY = date(2026, 12, 1)
ALL = set(calendars.CHOICES)
TOLD = {"by": "customer:alice", "via": PreferenceChange.PAGE, "now": NOW}


@pytest.fixture
def opened(alice):
    """Open Alice's calendar; returns its secret."""

    def open_it(*shows):
        return calendars.open_one(factories.payer(alice), shows=set(shows or ALL), **TOLD)

    return open_it


@pytest.fixture
def fetch(app):
    """What a calendar program gets, without any cookie."""

    def get(token, **headers):
        return app.test_client().get(f"/calendar/{token}.ics", headers=headers)

    return get


def events_of(answer):
    assert answer.status_code == 200
    return Calendar.from_ical(answer.data).walk("VEVENT")


def titles(answer):
    return [str(event["summary"]) for event in events_of(answer)]


# --- What stands in it ---------------------------------------------------------------------------


def test_a_due_date_stands_in_it_until_it_is_paid(opened, fetch, alice):
    invoice = factories.make_invoice(alice)
    token = opened()
    [event] = events_of(fetch(token))
    assert (event["summary"], event["dtstart"].dt) == (
        "Lantern Security: Invoice 10001 is due",
        date(2026, 12, 15),
    )
    assert event["dtend"].dt == date(2026, 12, 16) and event["transp"] == "TRANSPARENT"

    invoices.void(invoice, reason="Wrong", bill_again=False, by="staff:olga", today=TODAY, now=NOW)

    assert events_of(fetch(token)) == []


def test_nothing_of_others_stands_in_it(opened, fetch, bob):
    factories.make_invoice(bob)
    assert events_of(fetch(opened())) == []


def test_no_personal_data_without_being_asked(opened, fetch, alice):
    factories.make_invoice(alice)
    text = fetch(opened()).text
    for secret in ("Alice", "Archer", "42.50", "Oak Street", "alice@", alice.account_number):
        assert secret not in text


def test_amounts_where_they_are_ticked(opened, fetch, alice):
    factories.make_invoice(alice)
    assert titles(fetch(opened(*ALL, calendars.AMOUNTS))) == [
        "Lantern Security: Invoice 10001 is due, $42.50"
    ]


def test_the_end_of_a_term_and_the_last_day_to_cancel(opened, fetch, alice):
    factories.make_contract(
        alice, starts_on=date(2024, 4, 1), term_months=36, renewal_months=12, notice_days=30
    )
    found = {event["dtstart"].dt: str(event["summary"]) for event in events_of(fetch(opened()))}
    assert found == {
        date(2027, 3, 1): "Lantern Security: Last day to cancel the renewal",
        date(2027, 3, 31): "Lantern Security: Your term ends and renews",
    }


def test_a_contract_that_was_ended_says_its_last_day_only(opened, fetch, alice):
    contract = factories.make_contract(alice, starts_on=date(2024, 4, 1), term_months=36, renewal_months=12)
    token = opened()
    contract.ends_on = date(2026, 12, 31)
    contract.save()
    assert titles(fetch(token)) == ["Lantern Security: Your service ends"]


def test_month_to_month_nothing_ends(opened, fetch, alice):
    factories.make_contract(alice, term_months=0, renewal_months=1)
    assert events_of(fetch(opened())) == []


def test_only_what_was_chosen(opened, fetch, alice):
    factories.make_invoice(alice)
    factories.make_contract(alice, starts_on=date(2024, 4, 1), term_months=36, renewal_months=12)
    assert titles(fetch(opened(Preference.INVOICE))) == ["Lantern Security: Invoice 10001 is due"]


def test_in_the_language_of_the_customer(opened, fetch, alice):
    factories.make_invoice(alice)
    alice.language = "es"
    alice.save()
    assert titles(fetch(opened())) == ["Lantern Security: Vence la factura 10001"]


def test_a_day_of_autopay_keeps_its_name_when_it_is_put_off(opened, fetch, alice, clock):
    factories.make_invoice(alice)
    agreed(alice, factories.make_method(alice), clock)
    [plan] = planned(alice, clock)
    token = opened(*ALL, calendars.AMOUNTS)
    [before] = events_of(fetch(token))  # the due date is not told twice
    assert before["summary"] == "Lantern Security: Autopay charges you, $42.50"
    assert before["dtstart"].dt == plan.charge_on

    until = plan.charge_on + timedelta(days=5)
    clock.advance(hours=1)
    autopay.postpone(plan, until_on=until, by="customer:alice", today=TODAY, now=clock.now())

    [after] = events_of(fetch(token))
    assert (after["uid"], after["dtstart"].dt) == (before["uid"], until)
    assert after["sequence"] > before["sequence"]
    assert after["last-modified"].dt > before["last-modified"].dt


def test_what_is_paid_in_part_is_the_same_entry_changed(opened, fetch, alice):
    """A program that goes by the number of the change, as the standard says, takes the new amount over."""
    invoice = factories.make_invoice(alice)
    token = opened(*ALL, calendars.AMOUNTS)
    [before] = events_of(fetch(token))
    next_day = {"received_on": TODAY + timedelta(days=1), "today": TODAY + timedelta(days=1)}
    payments.record(
        alice, kind="check", amount_cents=1_250, key="k", parts=[(invoice, 1_250)], by="tests",
        now=NOW + timedelta(days=1), **next_day,
    )  # fmt: skip

    [after] = events_of(fetch(token))

    assert (after["uid"], after["summary"]) == (
        before["uid"],
        "Lantern Security: Invoice 10001 is due, $30.00",
    )
    assert after["sequence"] > before["sequence"]
    assert after["last-modified"].dt > before["last-modified"].dt


# --- The format ----------------------------------------------------------------------------------


def test_lines_end_and_fold_as_the_standard_says(opened, fetch, alice):
    for number in range(3):
        factories.make_invoice(alice, due=date(2026, 12, 15 + number))
    data = fetch(opened()).data

    assert data.endswith(b"\r\n") and b"\n" not in data.replace(b"\r\n", b"")
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert b"VALARM" not in data and b"BEGIN:VCALENDAR\r\nVERSION:2.0" in data
    for event in Calendar.from_ical(data).walk("VEVENT"):
        assert {"UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "SUMMARY", "DTSTART"} <= set(event)


def test_names_of_entries_stay_while_nothing_but_the_day_changes(opened, fetch, alice):
    invoice = factories.make_invoice(alice)
    token = opened()
    before = [(str(event["uid"]), int(event["sequence"])) for event in events_of(fetch(token))]
    assert before == [(f"due-{invoice.id}@127.0.0.1", 0)]
    assert [(str(event["uid"]), int(event["sequence"])) for event in events_of(fetch(token))] == before


def test_a_company_with_an_odd_name_breaks_nothing(opened, fetch, alice, company):
    company.name = "Él, Ñandú; Söhne\\\u2028 & Cía " + "x" * 40
    company.save()
    factories.make_invoice(alice)
    [title] = titles(fetch(opened()))
    assert title.startswith("Él, Ñandú; Söhne")


def test_a_program_that_has_it_gets_nothing_again(opened, fetch, alice):
    factories.make_invoice(alice)
    token = opened()
    first = fetch(token)
    assert first.headers["Cache-Control"] == "private, max-age=900" and first.mimetype == "text/calendar"

    again = fetch(token, **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""

    factories.make_invoice(alice)
    assert fetch(token, **{"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_fetching_changes_nothing(opened, fetch, alice):
    token = opened()
    before = list(Link.select().order_by(Link.id).dicts())
    fetch(token)
    assert list(Link.select().order_by(Link.id).dicts()) == before


# --- Private, and closed -------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["wrong", "x" * 43, "x" * 100])
def test_a_wrong_address_is_not_found(fetch, db, token):
    assert fetch(token).status_code == 404


def test_a_link_of_another_purpose_opens_no_calendar(fetch, alice):
    assert fetch(links.preferences_link(factories.payer(alice), now=NOW)).status_code == 404


def test_a_withdrawn_address_is_not_found(opened, fetch, alice):
    token = opened()
    assert calendars.close(factories.payer(alice), by="customer:alice", now=NOW)
    assert fetch(token).status_code == 404


def test_a_new_address_ends_the_one_before(opened, fetch):
    first, second = opened(), opened()
    assert (fetch(first).status_code, fetch(second).status_code) == (404, 200)


def test_who_left_has_no_calendar(opened, fetch, alice):
    token = opened()
    Contact.update(left_on=TODAY).where(Contact.customer == alice).execute()
    assert fetch(token).status_code == 404


def test_only_its_fingerprint_is_kept(opened, db):
    token = opened()
    assert all(token not in str(row) for row in Link.select().dicts())


# --- The page ------------------------------------------------------------------------------------


@pytest.fixture
def visitor(app, alice, clock):
    visitor = Visitor(app)
    enter(visitor, factories.payer(alice), clock)
    return visitor


def test_the_page_opens_changes_and_closes_it(visitor, fetch, alice):
    factories.make_invoice(alice)
    page = visitor.open("/account/calendar")
    assert "It is off" in page.text

    page = visitor.press(page, "Make an address")
    address = re.search(r'value="(http[^"]+\.ics)"', page.source)[1]
    assert page.link("Add to my calendar").startswith("webcal://") and "shown this once" in page.text
    token = address.rpartition("/")[2].removesuffix(".ics")
    assert titles(fetch(token)) == ["Lantern Security: Invoice 10001 is due"]

    page = visitor.open("/account/calendar")
    assert token not in page.source and "It is on" in page.text
    page = visitor.press(page, "Switch it off")
    assert "It is off" in page.text and fetch(token).status_code == 404


def test_the_choices_are_those_of_the_preferences(visitor, alice):
    visitor.press(visitor.open("/account/calendar"), "Make an address")
    wishes = preferences.wishes(factories.payer(alice))
    assert all(
        wishes.wants(event, Preference.CALENDAR) for event in (Preference.INVOICE, Preference.CONTRACT_END)
    )


def test_its_page_is_spanish_with_the_days_that_stand_in_it(visitor, opened, alice):
    type(alice).update(language="es").execute()
    factories.make_invoice(alice)
    opened()

    page = visitor.open("/account/calendar")

    assert page.tree.get("lang") == "es-US" and "Vence la factura 10001" in page.text


def test_the_calendar_page_is_for_payers(visitor, alice):
    Contact.update(role=Contact.VIEWER).where(Contact.customer == alice).execute()
    assert visitor.open("/account/calendar").status == 404
