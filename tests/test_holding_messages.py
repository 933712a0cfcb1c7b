"""Staff hold a customer's messages: why and until when; what waits, what never does, and how it ends."""

from datetime import date, datetime, timedelta

import pytest

from billing import holds
from billing.collections import gate
from billing.errors import BillingError
from billing.notices import resting
from models import Event, Hold, Notice
from tests.office import enter, text_of
from tests.test_notices import Sender, reminded  # noqa: F401

TODAY, NOW = date(2026, 12, 12), datetime(2026, 12, 12, 18, 0)
UNTIL = date(2026, 12, 26)


def hold(customer, *, until=UNTIL, reason="Death in the family", today=TODAY):
    return resting.begin(customer, until=until, reason=reason, by="priya", today=today, now=NOW)


def test_what_asks_for_money_waits_and_says_until_when(reminded, alice):  # noqa: F811
    hold(alice)

    assert Sender()().skipped == 1
    assert "on hold" in Notice.get().reason


def test_it_ends_by_itself_on_its_last_day(alice):
    hold(alice)

    assert resting.running([alice.id], UNTIL).exists()
    assert not resting.running([alice.id], UNTIL + timedelta(days=1)).exists()


def test_invoices_and_what_the_law_wants_are_not_held(alice):
    """Nobody is to believe that a notice of the law was stopped: the page says so, and so it is."""
    kinds = {Notice.INVOICE, Notice.RECEIPT, Notice.RENEWAL, Notice.PRICE_CHANGE, Notice.UPCOMING_CHARGE}

    assert not kinds & set(Notice.GATED)
    for word in ("invoices", "receipts", "contract ends", "new prices"):
        assert word in resting.COMES


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reason": "  "}, "Say why"),
        ({"until": TODAY - timedelta(days=1)}, "That day is over"),
        ({"until": TODAY + timedelta(days=91)}, "Choose a day until"),
    ],
)
def test_a_hold_has_a_reason_and_an_end(alice, fields, sentence):
    with pytest.raises(BillingError, match=sentence):
        hold(alice, **fields)
    assert not Hold.select().exists()


def test_there_is_one_at_a_time(alice):
    hold(alice)

    with pytest.raises(BillingError, match="on hold already: Death in the family"):
        hold(alice, reason="Another")


def test_on_its_last_day_the_next_one_may_begin(alice):
    hold(alice, until=TODAY)

    assert hold(alice, reason="Still away").ends_on == UNTIL


def test_who_ends_it_lets_messages_leave_again_and_both_are_in_the_history(alice):
    row = hold(alice, today=TODAY - timedelta(days=3))
    holds.end(row, by="priya", today=TODAY, now=NOW)

    assert not resting.running([alice.id], TODAY).exists()
    told = [one.what for one in Event.select().where(Event.customer_id == alice.id).order_by(Event.id)]
    assert told[-2:] == ["hold.messages_held", "hold.messages_released"]
    with pytest.raises(BillingError, match="is over"):
        holds.end(row, by="priya", today=TODAY, now=NOW)


def test_one_of_today_ends_with_today(alice):
    row = holds.end(hold(alice), by="priya", today=TODAY, now=NOW)

    assert row.ends_on == TODAY


def test_the_gate_says_until_when(alice):
    hold(alice)

    found = gate.reasons([alice.id], today=TODAY, now=NOW)[alice.id]

    assert [one.sentence for one in found if one.code == "hold"] == [
        "Messages have been on hold since December 12, 2026, until December 26, 2026: Death in the family."
    ]


@pytest.mark.parametrize("role", ["support", "billing", "owner"])
def test_staff_hold_and_release_on_the_account(app, alice, clock, role):
    desk = enter(app, role)
    page = text_of(desk.get("/staff/customer/act/hold_messages", id=alice.id))
    until = (clock.today() + timedelta(days=20)).isoformat()
    desk.act("customer", "hold_messages", alice, until=until, reason="Flood at home")
    account = text_of(desk.get(f"/staff/customer/{alice.id}"))

    assert "Still sent, because the customer or the law wants it" in page
    assert "Messages about money are on hold until" in account and "Flood at home" in account
    assert "Messages were put on hold" in account
    assert "Flood at home" in text_of(desk.get("/staff/hold/", standing="running"))
    assert "otices on hold" in account
    desk.act("customer", "release_messages", alice)
    lifted = text_of(desk.get(f"/staff/customer/{alice.id}"))
    assert "Messages may leave again" in lifted and "leave again from tomorrow" in lifted
    assert "otices on hold" not in lifted and "Let them leave again" not in lifted


def test_who_only_reads_holds_nothing(app, alice):
    assert enter(app, "read_only").get("/staff/customer/act/hold_messages", id=alice.id).status_code == 403
