"""The calendar of somebody of staff: what falls due, behind an address that is theirs alone."""

import re
from datetime import date, datetime, timedelta

import pytest
from icalendar import Calendar

from billing import desk_calendars, links
from billing.renewals import prices
from models import Call, Event, Promise, RenewalNotice, Staff
from tests.office import enter, text_of
from tests.test_renewals import agree, run, table  # noqa: F401

TODAY, NOW = date(2026, 12, 1), datetime(2026, 12, 1, 18, 0)


@pytest.fixture
def fetch(app):
    """What a calendar program gets, without any cookie."""

    def get(address):
        return app.test_client().get(re.sub(r"^\w+://[^/]+", "", address))

    return get


def opened(desk):
    """Open the calendar of who sits at the desk; returns its address."""
    desk.post("/staff/calendar", do="open")
    [address] = set(re.findall(r'value="(http\S+/calendar/\S+\.ics)"', desk.get("/staff/calendar").text))
    return address


def titles(answer):
    calendar = Calendar.from_ical(answer.data)
    return [str(event["summary"]) for event in calendar.walk("VEVENT")]


def test_what_falls_due_at_the_desk_stands_in_it(app, table, alice, bob, fetch):  # noqa: F811
    contract = agree(alice)
    run(TODAY)
    prices.plan([agree(bob).charges.get()], prices.Rise(more_cents=100), from_on=date(2027, 3, 1),
                reason="New prices", by="tests", today=TODAY, now=NOW)  # fmt: skip
    Promise.create(customer=alice, amount_cents=4210, owed_cents=4210, pay_on=date(2026, 12, 9), by="t",
                   made_on=TODAY, made_at=NOW)  # fmt: skip
    answer = fetch(opened(enter(app)))

    assert answer.mimetype == "text/calendar"
    said = [title.partition(": ")[2] for title in titles(answer)]
    row = contract.renewal_notices.get()
    assert f"Last day for the notice by {row.called}: {alice}" in said
    assert f"Last day to tell a new price: {bob}" in said
    assert f"{alice} pays $42.10, as promised" in said
    assert "/staff" in answer.text and "/sign-in" not in answer.text


def test_next_steps_are_ones_own_and_those_that_nobody_took(app, alice):
    desk = enter(app)
    mine, other = Staff.get(), Staff.create(email="other@lantern.example", name="Other", role="support")
    for number, staff in enumerate((mine, other, None)):
        Call.create(customer=alice, direction="in", outcome="answered", started_at=NOW, staff=staff, by="t",
                    next_step=f"Send the form {number}", next_on=TODAY + timedelta(days=2), source="staff",
                    source_id=str(number), logged_at=NOW, state=Call.TO_CALL)  # fmt: skip
    assert desk

    found = [entry.title for entry in desk_calendars.of(mine, today=TODAY).entries]

    assert found == [f"Send the form 0: {alice}", f"Send the form 2: {alice}"]


def test_a_call_of_the_evening_was_on_that_day(app, alice):
    enter(app)
    Call.create(customer=alice, direction="in", outcome="answered", started_at=datetime(2026, 12, 2, 1, 30),
                by="t", next_step="Call again", next_on=TODAY + timedelta(days=2), source="staff",
                source_id="1", logged_at=NOW, state=Call.TO_CALL)  # fmt: skip

    [entry] = desk_calendars.of(Staff.get(), today=TODAY).entries

    assert entry.text == "Agreed on the phone on December 1, 2026."


def test_the_address_is_shown_once_renewed_and_withdrawn(app, fetch):
    desk = enter(app)
    first = opened(desk)
    assert first not in desk.get("/staff/calendar").text
    assert "It is on" in text_of(desk.get("/staff/calendar"))
    second = opened(desk)
    assert (fetch(first).status_code, fetch(second).status_code) == (404, 200)

    desk.post("/staff/calendar", do="close")

    assert fetch(second).status_code == 404
    assert "It is off" in text_of(desk.get("/staff/calendar"))
    assert [event.what for event in Event.select().where(Event.what.startswith("staff.calendar"))] == [
        "staff.calendar_opened", "staff.calendar_opened", "staff.calendar_closed",
    ]  # fmt: skip


def test_who_left_has_no_calendar_any_more(app, fetch):
    address = opened(enter(app))
    Staff.update(left_on=TODAY).execute()

    assert fetch(address).status_code == 404
    with pytest.raises(links.DeadLink):
        desk_calendars.feed("", today=TODAY)


def test_the_secret_is_not_kept(app):
    address = opened(enter(app))
    stored = Staff.get().calendar_hash

    assert len(stored) == 64 and stored not in address and address.rpartition("/")[2][:-4] not in stored


def test_rules_that_one_message_serves_are_one_entry_and_our_own_has_a_name(app, table, alice, bob):  # noqa: F811
    agree(alice, "NY")
    agree(bob, "TX")
    run(TODAY)
    enter(app)

    found = [entry.title for entry in desk_calendars.of(Staff.get(), today=TODAY).entries]

    assert sorted(found) == [
        f"Last day for the notice by NY-527a: {alice}",
        f"Last day for the notice by company practice: {bob}",
    ]


def test_a_window_with_its_proof_is_gone(app, table, alice):  # noqa: F811
    agree(alice)
    run(TODAY)
    enter(app)
    assert len(desk_calendars.of(Staff.get(), today=TODAY).entries) == 1
    RenewalNotice.update(state="canceled").execute()

    assert desk_calendars.of(Staff.get(), today=TODAY).entries == ()
