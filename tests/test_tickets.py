"""Tickets: a question, an answer that is mailed, and whose turn it is."""

import json
from datetime import timedelta

import pytest
from peewee import DatabaseError

from billing import attachments, inbound, tickets
from billing.errors import BillingError
from billing.tickets import canned, finding, looking
from models import Attachment, CannedReply, Contact, Event, Message, Notice, Staff, Ticket
from tests.factories import BY, NOW, fresh, make_contract, make_invoice, make_site, payer

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def sam(db):
    return Staff.create(email="sam@example.com", name="Sam", role="support")


@pytest.fixture
def ticket(alice):
    return tickets.open(
        alice, subject=" Why? ", body="So much", by="Alice", now=NOW, contact=payer(alice),
        invoice=make_invoice(alice),
    )  # fmt: skip


def test_a_question_waits_on_us(ticket, alice):
    assert (ticket.state, ticket.subject, ticket.messages.get().body) == ("waiting_on_us", "Why?", "So much")
    assert Event.get(Event.what == "ticket.opened").customer_id == alice.id
    assert not Notice.select().exists()


def test_our_answer_is_mailed_and_waits_on_the_customer(ticket, alice, sam):
    message = tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)

    [notice] = Notice.select()
    assert Ticket.get().state == "waiting_on_customer"
    assert (notice.kind, notice.address, notice.ticket_message) == (
        "ticket_reply",
        "alice@example.com",
        message,
    )


def test_the_customers_next_message_waits_on_us_again(ticket, alice, sam):
    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)
    tickets.reply(ticket, body="I see.", by="Alice", now=NOW, contact=payer(alice))

    assert Ticket.get().state == "waiting_on_us"
    assert Notice.select().count() == 1


def test_an_internal_note_changes_nothing_that_the_customer_sees(ticket, sam):
    tickets.reply(ticket, body="Grumpy.", by=BY, now=NOW, staff=sam, internal=True)

    assert (Ticket.get().state, Notice.select().count()) == ("waiting_on_us", 0)
    assert Message.select().where(Message.internal).count() == 1


def test_a_closed_ticket_opens_again_whoever_writes(ticket, alice, sam):
    tickets.close(ticket, by=BY, now=NOW)
    assert tickets.close(ticket, by=BY, now=NOW).state == "closed"

    tickets.reply(ticket, body="Still?", by="Alice", now=NOW, contact=payer(alice))
    assert Ticket.get().state == "waiting_on_us"

    tickets.close(Ticket.get(), by=BY, now=NOW)
    tickets.reply(Ticket.get(), body="One more thing.", by=BY, now=NOW, staff=sam)
    assert Ticket.get().state == "waiting_on_customer"


def test_without_a_named_contact_the_payers_get_the_answer(alice, sam):
    ticket = tickets.open(alice, subject="By phone", body="Why?", by=BY, now=NOW, staff=sam)

    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)

    assert [notice.address for notice in Notice.select()] == ["alice@example.com"]


@pytest.mark.parametrize(
    ("subject", "body", "sentence"),
    [
        ("", "x", "Please write a subject"),
        (" \n", "x", "Please write a subject"),
        ("x", "", "what it is about"),
        ("x", "\x00 ", "what it is about"),
        ("x" * 121, "x", "under 120 characters"),
        ("x", "y" * 10_001, "under 10,000 characters"),
    ],
)
def test_what_is_no_question_is_refused_with_a_sentence(alice, subject, body, sentence):
    with pytest.raises(BillingError, match=sentence):
        tickets.open(alice, subject=subject, body=body, by="Alice", now=NOW)
    assert not Ticket.select().exists()


def test_any_text_arrives_as_it_was_written(alice):
    body = "<script>alert('x')</script> — naïve 漢 💡 \x00; DROP TABLE ticket"

    ticket = tickets.open(alice, subject="x", body=body, by="Alice", now=NOW)

    assert ticket.messages.get().body == body.replace("\x00", "")


# --- What it is about, and whose it is -----------------------------------------------------------


def test_what_it_is_about_decides_its_kind_and_priority(alice):
    invoice = make_invoice(alice)
    about = tickets.open(alice, subject="x", body="x", by=BY, now=NOW, line=invoice.lines.get())
    fault = tickets.open(alice, subject="x", body="x", by=BY, now=NOW, kind="service")

    assert (about.invoice, about.kind, about.priority) == (invoice, "billing", "normal")
    assert (fault.kind, fault.priority, fault.reported_from_at) == ("service", "high", NOW)
    assert [row.id for row in tickets.faults(alice)] == [fault.id]
    assert tickets.close(fault, by=BY, now=NOW + HOUR).reported_until_at == NOW + HOUR
    assert not tickets.faults(alice).exists()


@pytest.mark.parametrize("what", ["invoice", "line", "site", "contract"])
def test_nothing_of_somebody_else_is_named(alice, bob, what):
    theirs = {
        "invoice": lambda: make_invoice(bob), "line": lambda: make_invoice(bob).lines.get(),
        "site": lambda: make_site(bob), "contract": lambda: make_contract(bob),
    }[what]()  # fmt: skip

    with pytest.raises(BillingError, match="belongs to another customer"):
        tickets.open(alice, subject="x", body="x", by=BY, now=NOW, **{what: theirs})
    ticket = tickets.open(alice, subject="x", body="x", by=BY, now=NOW)
    with pytest.raises(BillingError, match="belongs to another customer"):
        tickets.sort(ticket, by=BY, now=NOW, **{what: theirs})
    assert not Event.select().where(Event.what == "ticket.sorted").exists()


def test_a_line_of_another_invoice_is_refused(alice):
    with pytest.raises(BillingError, match="not on that invoice"):
        line = make_invoice(alice).lines.get()
        tickets.open(alice, subject="x", body="x", by=BY, now=NOW, invoice=make_invoice(alice), line=line)


def test_what_is_sorted_is_in_the_audit_with_before_and_after(ticket, sam):
    tickets.sort(ticket, by=BY, now=NOW, priority="urgent", owner=sam, kind="billing")
    tickets.sort(ticket, by=BY, now=NOW, priority="urgent")

    [event] = Event.select().where(Event.what == "ticket.sorted")
    assert json.loads(event.before) == {"priority": "normal", "owner": ""}
    assert json.loads(event.after) == {"priority": "urgent", "owner": "Sam"}
    assert fresh(ticket).owner == sam


def test_a_fault_does_not_end_before_it_begins(ticket):
    tickets.sort(ticket, by=BY, now=NOW, reported_from_at=NOW, reported_until_at=NOW)
    with pytest.raises(BillingError, match="ends before it begins"):
        tickets.sort(ticket, by=BY, now=NOW, reported_until_at=NOW - HOUR)


def test_somebody_who_left_takes_no_ticket(ticket, sam):
    sam.left_on = NOW.date()
    with pytest.raises(BillingError, match="no longer works here"):
        tickets.assign(ticket, sam, by=BY, now=NOW)


def test_whoever_answers_owns_it_unless_somebody_does(ticket, sam):
    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)
    kim = Staff.create(email="kim@example.com", name="Kim", role="support")
    tickets.reply(ticket, body="Indeed.", by=BY, now=NOW, staff=kim)

    assert fresh(ticket).owner == sam


# --- What the customer hears ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("via", "count"),
    [("portal", 1), ("pay_link", 1), ("mail", 1), ("phone", 1), ("text", 0), ("staff", 0)],
)
def test_whoever_writes_to_us_hears_once_that_we_have_it(alice, via, count):
    ticket = tickets.open(alice, subject="x", body="x", by=BY, now=NOW, contact=payer(alice), via=via)
    tickets.reply(ticket, body="And one more thing.", by="Alice", now=NOW, contact=payer(alice))

    found = Notice.select().where(Notice.kind == Notice.TICKET_RECEIVED)
    assert [row.address for row in found] == ["alice@example.com"] * count


def test_they_hear_that_it_is_closed_when_we_say_so(ticket):
    tickets.close(ticket, by=BY, now=NOW, tell=True)
    tickets.close(ticket, by=BY, now=NOW, tell=True)

    [notice] = Notice.select()
    assert (notice.kind, notice.address) == ("ticket_closed", "alice@example.com")


# --- Whose turn, since when ----------------------------------------------------------------------


def test_the_first_answer_and_the_wait_are_kept(ticket, sam, alice):
    assert (ticket.waiting_since_at, ticket.first_answered_at) == (NOW, None)
    tickets.reply(ticket, body="More.", by="Alice", now=NOW + HOUR, contact=payer(alice))
    assert fresh(ticket).waiting_since_at == NOW

    tickets.reply(ticket, body="Hm.", by=BY, now=NOW + HOUR, staff=sam, internal=True)
    assert fresh(ticket).first_answered_at is None
    tickets.reply(ticket, body="Because.", by=BY, now=NOW + 2 * HOUR, staff=sam)
    assert (fresh(ticket).waiting_since_at, fresh(ticket).first_answered_at) == (None, NOW + 2 * HOUR)

    tickets.reply(ticket, body="Still?", by="Alice", now=NOW + 3 * HOUR, contact=payer(alice))
    tickets.reply(fresh(ticket), body="Yes.", by=BY, now=NOW + 4 * HOUR, staff=sam)
    assert fresh(ticket).first_answered_at == NOW + 2 * HOUR
    assert fresh(tickets.close(fresh(ticket), by=BY, now=NOW + 5 * HOUR)).closed_at == NOW + 5 * HOUR


def test_those_who_waited_longest_come_first(alice, bob):
    old = tickets.open(bob, subject="x", body="x", by=BY, now=NOW - HOUR)
    new = tickets.open(alice, subject="x", body="x", by=BY, now=NOW)
    tickets.close(tickets.open(alice, subject="x", body="x", by=BY, now=NOW), by=BY, now=NOW)

    assert [row.id for row in tickets.waiting_on_us()] == [old.id, new.id]


def test_the_queue_begins_with_whom_we_owed_an_answer_first_not_with_the_highest_number(alice, bob, company):
    told = {"subject": "x", "body": "x", "by": BY}
    low = tickets.open(alice, now=NOW - 3 * HOUR, priority="low", **told)
    answered = tickets.open(alice, now=NOW, **told)
    tickets.close(answered, by=BY, now=NOW)
    normal = tickets.open(bob, now=NOW - 2 * HOUR, **told)
    urgent = tickets.open(bob, now=NOW, priority="urgent", **told)
    later = tickets.open(bob, now=NOW - HOUR, **told)

    ids = [row.id for row in Ticket.select()]
    assert finding.by_urgency(ids, company) == [urgent.id, normal.id, later.id, low.id, answered.id]


# --- Merging -------------------------------------------------------------------------------------


@pytest.fixture
def second(ticket, alice):
    """The same thing, asked once more by somebody else of the account, an hour before."""
    bea = Contact.create(customer=alice, name="Bea", email="bea@example.com", role=Contact.VIEWER)
    return tickets.open(
        alice, subject="Again", body="I ask too", by="Bea", now=NOW - HOUR, contact=bea, priority="urgent"
    )


def test_two_tickets_become_one_thread(ticket, second, sam):
    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)

    into = tickets.merge(second, ticket, by=BY, now=NOW, staff=sam)

    assert [row.body for row in into.messages.order_by(Message.id) if not row.internal] == [
        "So much", "I ask too", "Because.",
    ]  # fmt: skip
    gone = fresh(second)
    assert (gone.state, gone.merged_into, gone.messages.count()) == ("closed", ticket, 0)
    stands = fresh(ticket)
    assert (stands.state, stands.priority, stands.waiting_since_at) == ("waiting_on_us", "urgent", NOW - HOUR)
    assert stands.messages.where(Message.internal).get().body == (
        f"Ticket {second.id}, “Again”, was merged into this one."
    )
    assert {row.what for row in Event.select()} >= {"ticket.merged", "ticket.took_over"}


def test_what_is_written_to_a_merged_ticket_lands_where_its_messages_are(ticket, second):
    tickets.merge(second, ticket, by=BY, now=NOW)
    third = tickets.open(ticket.customer, subject="Thrice", body="x", by=BY, now=NOW)
    tickets.merge(ticket, third, by=BY, now=NOW)

    tickets.reply(fresh(second), body="Hello?", by="Bea", now=NOW)

    assert tickets.standing(fresh(second)) == third
    assert third.messages.order_by(Message.id.desc()).get().body == "Hello?"
    assert fresh(second).merged_into == third


def test_an_answer_by_mail_to_a_merged_ticket_lands_in_the_one_that_stands(ticket, second, sam):
    tickets.reply(second, body="Because.", by=BY, now=NOW, staff=sam)
    notice = Notice.get(Notice.kind == Notice.TICKET_REPLY)
    tickets.merge(second, ticket, by=BY, now=NOW)

    mail = inbound.Received("m", NOW, sender="bea@example.com", body="I see.", notice_id=notice.id)
    row = inbound.take(mail, now=NOW)

    assert row.ticket == ticket
    assert ticket.messages.order_by(Message.id.desc()).get().body == "I see."


def test_whoever_asked_in_the_merged_ticket_is_answered_too(ticket, second, alice, sam):
    """Two people of one house asked the same: the answer goes to both, once each."""
    zoe = Contact.create(customer=alice, name="Zoe", email="zoe@example.com")
    Ticket.update(contact=zoe).where(Ticket.id == second.id).execute()
    third = tickets.open(alice, subject="Third", body="x", by="Zoe", now=NOW, contact=zoe)
    for one in (second, third):
        tickets.merge(fresh(one), ticket, by=BY, now=NOW)

    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)
    tickets.close(fresh(ticket), by=BY, now=NOW, tell=True)

    told = [(notice.kind, notice.address) for notice in Notice.select().order_by(Notice.id)]
    assert told == [
        ("ticket_reply", "alice@example.com"), ("ticket_reply", "zoe@example.com"),
        ("ticket_closed", "alice@example.com"), ("ticket_closed", "zoe@example.com"),
    ]  # fmt: skip


def test_whoever_left_is_not_answered_and_nobody_twice(ticket, second, alice, sam):
    gone = Contact.create(customer=alice, name="Zoe", email="zoe@example.com", left_on=NOW.date())
    Ticket.update(contact=gone).where(Ticket.id == second.id).execute()
    tickets.merge(fresh(second), ticket, by=BY, now=NOW)

    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)

    assert [notice.address for notice in Notice.select()] == ["alice@example.com"]


def test_a_ticket_is_not_merged_with_itself_nor_twice_nor_with_that_of_another_customer(ticket, second, bob):
    other = tickets.open(bob, subject="x", body="x", by=BY, now=NOW)
    for into, sentence in ((ticket, "with itself"), (other, "Only tickets of one customer")):
        with pytest.raises(BillingError, match=sentence):
            tickets.merge(ticket, into, by=BY, now=NOW)
    tickets.merge(second, ticket, by=BY, now=NOW)
    with pytest.raises(BillingError, match="merged already"):
        tickets.merge(fresh(second), ticket, by=BY, now=NOW)
    with pytest.raises(BillingError, match="with itself"):
        tickets.merge(ticket, fresh(second), by=BY, now=NOW)  # it points at the first already


# --- Two of us -----------------------------------------------------------------------------------


def test_a_colleague_who_looks_is_named(ticket, sam):
    kim = Staff.create(email="kim@example.com", name="Kim", role="support")

    assert looking.look(fresh(ticket), sam, now=NOW) == ""
    assert looking.look(fresh(ticket), sam, now=NOW + HOUR) == ""
    assert (
        looking.look(fresh(ticket), kim, now=NOW + HOUR + 2 * MINUTE)
        == "Sam looked at this ticket 2 minutes ago."
    )
    assert (
        looking.look(fresh(ticket), sam, now=NOW + HOUR + 2 * MINUTE)
        == "Kim looked at this ticket a moment ago."
    )
    assert looking.look(fresh(ticket), kim, now=NOW + 3 * HOUR) == ""


def test_what_others_wrote_meanwhile_is_news_and_ones_own_is_not(ticket, sam, alice):
    kim, since = (
        Staff.create(email="kim@example.com", name="Kim", role="support"),
        looking.last_message(ticket),
    )
    assert looking.news(ticket, since=since, staff=kim) == ""

    tickets.reply(ticket, body="Note", by=BY, now=NOW, staff=sam, internal=True)
    assert looking.news(ticket, since=since, staff=kim) == ""
    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=sam)
    assert looking.news(ticket, since=since, staff=kim) == "Sam answered while you were writing."
    assert looking.news(ticket, since=since, staff=sam) == ""
    tickets.reply(ticket, body="And?", by="Alice", now=NOW, contact=payer(alice))
    assert looking.news(ticket, since=since, staff=sam) == "Alice Archer wrote again while you were writing."


# --- Canned replies ------------------------------------------------------------------------------


def test_a_canned_reply_is_filled_in_and_offered_where_it_fits(ticket, sam, alice):
    CannedReply.create(title="B", body="Hello {name}, about {invoice}: {else}. {me}", kind="billing")
    CannedReply.create(title="A", body="Hola", language="es")
    CannedReply.create(title="C", body="no", kind="service")
    CannedReply.create(title="D", body="no", active=False)

    number = ticket.invoice.number
    assert canned.offered(ticket, sam) == [
        ("B", f"Hello Alice, about {number}: {{else}}. Sam"),
        ("A", "Hola"),
    ]
    alice.language = "es"
    alice.save()
    assert [title for title, _ in canned.offered(fresh(ticket), sam)] == ["A", "B"]


# --- Files ---------------------------------------------------------------------------------------


def test_files_belong_to_their_message(ticket, alice):
    [file] = attachments.all_checked([("log.txt", b"hello")])
    message = tickets.reply(ticket, body="See", by="Alice", now=NOW, contact=payer(alice), files=[file])

    [row] = attachments.of_messages([message])[message.id]
    assert (row.name, row.kind, row.size, row.stored_as) == ("log.txt", "text/plain", 5, file.stored_as)
    with pytest.raises(DatabaseError):
        Attachment.delete().execute()
