"""The phone log: each call once, whose it was, what waits, and what settles it."""

from datetime import date, timedelta

import pytest
from peewee import DatabaseError, IntegrityError

from billing import calls, notes, tickets
from billing.collections import gate
from billing.errors import BillingError
from models import Call, Contact, Event, Note, Staff
from tests.factories import BY, NOW, fresh, payer

TODAY = date(2026, 12, 1)
TOLD = {"by": BY, "today": TODAY, "now": NOW}
NUMBER = "+15125550100"


def reported(source_id="1", **told):
    """A call as a phone system reports it: missed, from Alice's number."""
    told = {"number": "(512) 555-0100", "direction": "in", "outcome": "missed", "started_at": NOW} | told
    return calls.Received("pbx", source_id, **told)


def take(source_id="1", **told):
    return calls.take(reported(source_id, **told), now=NOW)[0]


@pytest.fixture
def ann(alice):
    """Alice's payer, with a phone."""
    person = payer(alice)
    Contact.update(phone="512.555.0100 x 12").where(Contact.id == person.id).execute()
    return fresh(person)


# --- Whose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["5125550100", "+1 (512) 555-0100", "sip:+15125550100@pbx.local", "1-512-555-0100;ext=3"]
)
def test_a_call_is_matched_by_its_number_in_any_format(ann, number):
    call = take(number=number)

    assert (call.customer, call.contact, call.number) == (ann.customer, ann, NUMBER)
    assert (call.state, call.waits) == (Call.TO_CALL, True)


@pytest.mark.parametrize(
    "number", ["", "Anonymous", "Private", "555 0199", "+44 20 7946 0958", "x", "9" * 60]
)
def test_an_unknown_a_withheld_and_a_malformed_number_wait_for_somebody_who_knows(ann, number):
    call = take(number=number)

    assert call.customer is None and list(calls.unmatched()) == [call]
    assert not calls.to_return().exists()


def test_a_number_of_two_customers_is_nobodys_and_of_two_people_the_customers(ann, bob):
    Contact.create(customer=ann.customer, name="Carl", phone="512-555-0100")
    assert (take().customer, take().contact) == (ann.customer, None)

    Contact.create(customer=bob, name="Bea", phone="(512) 555-0100")
    assert take("2").customer is None


def test_somebody_who_left_is_not_found_by_the_number(ann):
    Contact.update(left_on=TODAY).execute()

    assert take().customer is None


def test_a_person_says_whose_it_was_and_the_number_is_remembered(bob):
    person = payer(bob)
    Contact.update(phone="").execute()
    call = take()

    calls.give(call, bob, contact=fresh(person), remember=True, by=BY, now=NOW)

    assert (fresh(call).customer, fresh(person).phone) == (bob, "(512) 555-0100")
    assert list(calls.to_return()) == [call]
    assert Event.get(Event.what == "call.given").customer_id == bob.id
    with pytest.raises(BillingError, match="already"):
        calls.give(fresh(call), bob, by=BY, now=NOW)


# --- Once ----------------------------------------------------------------------------------------


def test_the_same_call_reported_again_changes_nothing(ann):
    first, is_new = calls.take(reported(), now=NOW)
    again, is_again_new = calls.take(reported(outcome="answered", note="other"), now=NOW)

    assert (is_new, is_again_new, first) == (True, False, again)
    assert Call.select().count() == 1 and fresh(first).outcome == "missed"


def test_a_form_that_was_sent_twice_is_one_call(alice):
    for _ in range(2):
        calls.log(alice, direction="in", outcome="answered", key="click", **TOLD)

    assert Call.select().count() == Event.select().where(Event.what == "call.logged").count() == 1


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"started_at": NOW + timedelta(hours=1)}, "has not come yet"),
        ({"started_at": NOW - timedelta(days=2000)}, "three years"),
        ({"direction": "sideways"}, "no direction"),
        ({"outcome": "exploded"}, "no outcome"),
        ({"seconds": -1}, "lasts"),
        ({"seconds": 10**7}, "lasts"),
    ],
)
def test_what_cannot_be_a_call_is_refused_with_a_sentence(db, told, sentence):
    with pytest.raises(BillingError, match=sentence):
        take(**told)
    assert not Call.select().exists()


# --- What waits, and what settles it -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "outcome", "waits"),
    [
        ("in", "missed", True), ("in", "voicemail", True), ("in", "message", True), ("in", "busy", True),
        ("in", "answered", False), ("in", "wrong_number", False), ("out", "no_answer", False),
        ("out", "voicemail", False), ("out", "answered", False),
    ],
)  # fmt: skip
def test_who_was_not_answered_waits_for_us(ann, direction, outcome, waits):
    call = take(direction=direction, outcome=outcome)

    assert (call.waits, call.state == Call.TO_CALL) == (waits, waits)


def test_calling_back_settles_what_waited_and_a_ring_does_not(ann):
    missed, spoken = take(started_at=NOW - timedelta(hours=3)), take("2", outcome="voicemail")
    take("3", direction="out", outcome="no_answer")
    assert list(calls.to_return()) == [missed, spoken]

    back = calls.log(ann.customer, direction="out", outcome="answered", **TOLD)

    assert not calls.to_return().exists()
    assert (fresh(missed).state, fresh(missed).done_with, fresh(spoken).done_with) == ("done", back, back)


def test_an_answer_from_another_customer_settles_nothing(ann, bob):
    missed = take()

    calls.log(bob, direction="out", outcome="answered", **TOLD)

    assert fresh(missed).state == Call.TO_CALL


def test_a_call_that_came_after_we_spoke_waits_again(ann):
    take(direction="out", outcome="answered", started_at=NOW - timedelta(hours=1))

    assert take("2").state == Call.TO_CALL


def test_calls_may_be_reported_in_any_order(ann):
    back = take("late", direction="out", outcome="answered")
    missed = take("early", started_at=NOW - timedelta(hours=1))

    assert (missed.state, missed.done_with) == (Call.DONE, back)
    assert fresh(missed).state == Call.DONE


def test_an_unknown_number_is_settled_by_its_number_and_gets_its_customer(ann, bob):
    unknown = take(number="512 555 0188")

    calls.log(bob, direction="out", outcome="answered", number="(512) 555-0188", **TOLD)

    assert (fresh(unknown).state, fresh(unknown).customer) == (Call.DONE, bob)
    assert not calls.unmatched().exists()


def test_withheld_numbers_are_not_each_other(ann, bob):
    unknown = take(number="")

    calls.log(None, direction="out", outcome="answered", note="Somebody", **TOLD)

    assert fresh(unknown).state == Call.TO_CALL


def test_a_person_says_why_nobody_has_to_be_called(ann):
    call = take()
    with pytest.raises(BillingError, match="Say what was done"):
        calls.done(call, how=" ", by=BY, now=NOW)

    calls.done(call, how="They wrote instead.", by=BY, now=NOW)

    assert (fresh(call).state, fresh(call).done_how) == (Call.DONE, "They wrote instead.")
    with pytest.raises(BillingError, match="done already"):
        calls.done(fresh(call), how="Again", by=BY, now=NOW)


def test_what_was_agreed_with_them_waits_for_its_day(ann):
    friday = date(2026, 12, 4)
    call = calls.log(
        ann.customer, direction="in", outcome="answered", next_step="Send the permit", next_on=friday, **TOLD
    )

    assert call.waits and not calls.to_return().exists()
    assert list(calls.steps_due(TODAY)) == [] and list(calls.steps_due(friday)) == [call]
    calls.log(ann.customer, direction="out", outcome="answered", **TOLD)
    assert list(calls.steps_due(friday)) == [call]  # speaking once more is not sending the permit


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"next_on": date(2026, 11, 30), "next_step": "Call"}, "from today on"),
        ({"next_on": date(2029, 12, 1), "next_step": "Call"}, "two years"),
        ({"next_on": date(2026, 12, 4)}, "what is to be done"),
        ({"note": "x" * 10_001}, "under 10,000"),
        ({"outcome": "nonsense"}, "what became of it"),
    ],
)
def test_staff_are_told_what_is_missing(alice, told, sentence):
    with pytest.raises(BillingError, match=sentence):
        calls.log(alice, **{"direction": "out", "outcome": "answered", **TOLD, **told})


def test_a_call_of_nobody_needs_a_number_or_a_note(db):
    with pytest.raises(BillingError, match="whose call"):
        calls.log(None, direction="in", outcome="missed", **TOLD)


def test_a_card_number_that_was_said_is_not_kept(alice):
    call = calls.log(alice, direction="in", outcome="answered", note="Card 4111 1111 1111 1111 ok", **TOLD)
    note = notes.write(alice, "4111111111111111", by=BY, now=NOW)

    assert "4111 1111" not in call.note and "1111" in call.note and "4111111111111111" not in note.body


# --- Tickets and notes ---------------------------------------------------------------------------


def test_a_call_becomes_a_ticket_and_is_done(ann):
    call = take(outcome="voicemail", note="The keypad beeps")

    ticket = calls.open_ticket(call, subject="Keypad", body=call.note, by=BY, now=NOW)

    assert (fresh(call).ticket, fresh(call).state) == (ticket, Call.DONE)
    assert (ticket.contact, ticket.via) == (ann, "phone")
    assert tickets.waiting_on_us().exists()
    with pytest.raises(BillingError, match="already"):
        calls.open_ticket(fresh(call), subject="Keypad", body="x", by=BY, now=NOW)


def test_a_note_is_pinned_and_its_words_stay(alice, bob):
    old = notes.write(alice, "Dog in the yard", by=BY, now=NOW)
    new = notes.write(alice, "Prefers mornings", by=BY, now=NOW)
    notes.write(bob, "Other", by=BY, now=NOW)

    notes.pin(old, pinned=True, by=BY, now=NOW)

    assert [note.id for note in alice.notes.where(Note.pinned)] == [old.id]
    assert alice.notes.where(~Note.pinned).get() == new
    with pytest.raises(DatabaseError):
        Note.update(body="Nice dog").execute()


# --- What the database refuses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"outcome": "answered"}, {"number": ""}, {"note": "x"}, {"waits": False}, {"customer": None}]
)
def test_the_database_keeps_a_call_as_it_was(ann, change):
    take()
    with pytest.raises(DatabaseError):
        Call.update(**change).execute()


def test_the_database_refuses_to_forget_reopen_or_delete_a_call(ann):
    call = take()
    for act in (
        Call.update(state="done", done_how="", done_at=NOW),
        Call.update(state="done", done_how="x"),
        Call.delete(),
    ):
        with pytest.raises(DatabaseError):
            act.execute()
    calls.done(call, how="Reached by mail.", by=BY, now=NOW)
    with pytest.raises(DatabaseError):
        Call.update(state="to_call").execute()


def test_two_reports_at_once_are_one_call(ann):
    with pytest.raises(IntegrityError):
        for _ in range(2):
            Call.insert({**Call.get_by_id(take().id).__data__, "id": None}).execute()


def test_the_phone_system_names_the_colleague_who_spoke(ann):
    olga = Staff.create(email="olga@lantern.example", name="Olga Orr")

    assert take(outcome="answered", agent="Olga Orr").staff == olga
    assert take("2", outcome="answered", agent="Nobody").by == "pbx: Nobody"


def test_while_nobody_knows_whose_call_it_was_none_of_those_who_share_the_number_is_pressed(ann, bob):
    Contact.create(customer=bob, name="Bea", phone="(512) 555-0100")
    call = take()

    found = gate.reasons([ann.customer_id, bob.id], today=TODAY, now=NOW)
    assert {id: [one.code for one in against] for id, against in found.items()} == {
        ann.customer_id: ["call"], bob.id: ["call"]
    }  # fmt: skip

    calls.give(call, bob, by=BY, now=NOW)
    assert list(gate.reasons([ann.customer_id, bob.id], today=TODAY, now=NOW)) == [bob.id]
