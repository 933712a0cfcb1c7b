"""Tickets: a question, an answer that is mailed, and whose turn it is."""

import pytest

from billing import tickets
from billing.errors import BillingError
from models import Event, Message, Notice, Staff, Ticket
from tests.factories import BY, NOW, make_invoice, payer


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
