"""What becomes of mail that comes in: answers, failures, complaints, machines, and what nobody can match."""

from datetime import timedelta

import pytest

from billing import inbound, tickets
from billing.edges import envelopes
from billing.edges.replies import Replies
from billing.errors import BillingError, StaleState
from billing.notices import bouncing
from models import Contact, Event, Inbound, Message, Notice, Preference, PreferenceChange, Staff, Ticket
from tests.at_once import together
from tests.factories import BY, NOW, make_customer, make_invoice, payer
from tests.incoming import QUOTE, REPLIES, complaint, mail, opened, report


@pytest.fixture
def invoice(alice):
    return make_invoice(alice)


def sent(customer, kind=Notice.INVOICE, *, contact=None, key=None, **about):
    """A message that left."""
    contact = contact or payer(customer)
    return Notice.create(
        key=key or f"{kind}:{Notice.select().count()}", kind=kind, state=Notice.SENT, customer=customer,
        contact=contact, address=contact.email, why="why", send_at=NOW, sent_at=NOW, created_at=NOW, **about,
    )  # fmt: skip


@pytest.fixture
def notice(alice, invoice):
    return sent(alice, invoice=invoice)


def take(raw, now=NOW):
    return inbound.take(opened(raw), now=now)


# --- Answers -------------------------------------------------------------------------------------


def test_an_answer_becomes_a_ticket_about_the_invoice_of_the_message(alice, invoice, notice):
    row = take(mail("Is this right?" + QUOTE, notice=notice))

    ticket = Ticket.get()
    assert (ticket.customer, ticket.contact, ticket.invoice) == (alice, payer(alice), invoice)
    assert (ticket.subject, ticket.state) == ("Invoice 10423", Ticket.WAITING_ON_US)
    assert ticket.messages.get().body == "Is this right?"
    assert (row.kind, row.state, row.ticket) == (Inbound.REPLY, Inbound.HANDLED, ticket)
    assert "> Your invoice" in row.body


def test_the_next_answer_continues_the_open_ticket_whatever_its_subject(alice, notice):
    take(mail("One", notice=notice))
    reminder = sent(alice, Notice.REMINDER, invoice=notice.invoice)
    take(mail("Two", notice=reminder, subject="Something else"))

    assert [message.body for message in Ticket.get().messages.order_by(Message.id)] == ["One", "Two"]


def test_an_answer_to_our_answer_continues_its_ticket_even_when_it_was_closed(alice):
    staff = Staff.create(email="sam@example.com", name="Sam", role="support")
    ticket = tickets.open(alice, subject="Why?", body="?", contact=payer(alice), by=BY, now=NOW)
    tickets.reply(ticket, body="Because.", staff=staff, by=BY, now=NOW)
    tickets.close(Ticket.get(), by=BY, now=NOW)

    take(mail("I see.", notice=Notice.get()))

    assert Ticket.get().state == Ticket.WAITING_ON_US
    assert Ticket.select().count() == 1


def test_an_answer_after_half_a_year_opens_a_ticket_of_its_own(notice):
    take(mail("One", notice=notice))
    take(mail("Two", notice=notice), now=NOW + timedelta(days=200))

    assert Ticket.select().count() == 2


def test_a_closed_ticket_about_the_invoice_stays_closed(notice):
    take(mail("One", notice=notice))
    tickets.close(Ticket.get(), by=BY, now=NOW)
    take(mail("Two", notice=notice))

    assert sorted(ticket.state for ticket in Ticket.select()) == [Ticket.CLOSED, Ticket.WAITING_ON_US]


def test_two_people_of_one_account_do_not_read_each_others_answers(alice, invoice, notice):
    carl = Contact.create(customer=alice, name="Carl", email="carl@example.com")
    take(mail("From Alice", notice=notice))
    take(mail("From Carl", sender="carl@example.com", notice=sent(alice, contact=carl, invoice=invoice)))

    assert [ticket.contact.name for ticket in Ticket.select().order_by(Ticket.id)] == ["Alice Archer", "Carl"]


def test_a_colleague_who_answers_instead_is_known(alice, notice):
    carl = Contact.create(customer=alice, name="Carl", email="carl@example.com")
    row = take(mail("I pay.", sender="CARL@Example.com", notice=notice))

    assert (row.state, row.ticket.contact) == (Inbound.HANDLED, carl)


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("alice@example.com", "Alice@EXAMPLE.com"),
        ("jürgen@exämple.de", "ju\u0308rgen@xn--exmple-cua.de"),
        ("ana@example.com", "=?utf-8?q?Ana?= <ana@example.com>"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(db, stored, written):
    customer = make_customer("Ana", email=stored)
    raw = mail(notice=sent(customer)).replace(b"Alice <alice@example.com>", written.encode())

    assert take(raw).state == Inbound.HANDLED


def test_the_answer_to_a_message_without_an_invoice_is_a_ticket_too(alice):
    receipt = sent(alice, Notice.RECEIPT)
    take(mail("Thanks", notice=receipt, subject=""))
    take(mail("Once more", notice=receipt))

    assert Ticket.get().subject == "Answer to our message"
    assert Message.select().count() == 2


def test_a_very_long_answer_is_cut_and_says_so(notice):
    take(mail("word " * 30_000, notice=notice))

    body = Message.get().body
    assert len(body) <= tickets.LONGEST and body.endswith("in the mailbox.)")


def test_an_empty_answer_is_a_message_all_the_same(notice):
    take(mail("", notice=notice))

    assert Message.get().body == "(No text.)"


# --- What a person has to look at ----------------------------------------------------------------


def test_an_answer_from_somebody_else_waits_for_a_person(notice):
    row = take(mail(sender="Mallory <mallory@example.com>", notice=notice))

    assert row.state == Inbound.WAITING and not Ticket.select().exists()
    assert row.result == "We wrote to alice@example.com; the answer comes from somebody else."


def test_a_sender_that_our_server_doubts_waits_for_a_person(notice):
    assert take(mail(notice=notice, Authentication_Results="mx; dmarc=fail")).state == Inbound.WAITING


def test_an_answer_of_somebody_who_left_waits_for_a_person(alice, notice):
    Contact.update(left_on=NOW.date()).execute()

    assert "no longer a contact" in take(mail(notice=notice)).result


def test_a_mail_that_answers_nothing_waits_and_says_whose_address_it_is(alice):
    row = take(mail("Good day"))

    assert (row.state, row.customer, row.contact) == (Inbound.WAITING, alice, payer(alice))
    assert row.result == "It answers none of our messages. The address is that of Alice Archer."


def test_an_address_of_two_accounts_is_nobodys(alice):
    make_customer("Alice's shop", email="alice@example.com")

    assert take(mail("Good day")).contact is None


def test_a_person_gives_it_to_whose_it_is(alice, invoice, notice):
    row = take(mail("I pay for my mother.", sender="son@example.com", notice=notice))

    ticket = inbound.give(Inbound.get_by_id(row.id), payer(alice), by=BY, now=NOW)

    assert (ticket.customer, ticket.invoice, ticket.contact) == (alice, invoice, payer(alice))
    row = Inbound.get()
    assert (row.state, row.kind, row.handled_by, row.ticket) == ("handled", "reply", BY, ticket)
    assert Event.get(Event.what == "inbound.handled").customer_id == alice.id


def test_a_person_gives_it_to_another_customer_than_it_seemed(alice, bob, notice):
    row = take(mail("Wrong?", sender="x@example.com", notice=notice))

    ticket = inbound.give(row, payer(bob), by=BY, now=NOW)

    assert (ticket.customer, Inbound.get().customer) == (bob, bob)


def test_a_person_puts_it_aside(db):
    row = inbound.dismiss(take(mail("Buy now")), "An advertisement", by=BY, now=NOW)

    assert (row.state, Inbound.get().result) == ("handled", "Put aside: An advertisement")
    with pytest.raises(StaleState):
        inbound.dismiss(Inbound(id=row.id, state="waiting"), "again", by=BY, now=NOW)


def test_nothing_is_given_to_somebody_who_left(alice):
    contact = payer(alice)
    contact.left_on = NOW.date()
    row = take(mail("Hi", sender="x@example.com"))

    with pytest.raises(BillingError, match="no longer a contact"):
        inbound.give(row, contact, by=BY, now=NOW)


# --- Loops ---------------------------------------------------------------------------------------


def test_a_machine_is_not_answered_and_opens_nothing(notice):
    row = take(mail("I am away until Monday.", notice=notice, Auto_Submitted="auto-replied"))

    assert (row.kind, row.state, row.notice) == (Inbound.AUTOMATIC, Inbound.HANDLED, notice)
    assert not Ticket.select().exists() and Notice.select().count() == 1


def test_our_own_message_that_comes_back_opens_nothing(notice):
    assert take(mail(notice=notice, message_id=REPLIES.message_id(notice.id))).kind == Inbound.AUTOMATIC


def test_two_machines_that_answer_each_other_end_after_twenty(notice):
    rows = [take(mail(f"Ticket received, number {n}", notice=notice)) for n in range(inbound.MOST_A_DAY + 5)]

    assert Message.select().count() == inbound.MOST_A_DAY
    assert [row.state for row in rows[-5:]] == ["waiting"] + ["handled"] * 4
    assert take(mail("The next day", notice=notice), now=NOW + timedelta(days=2)).kind == Inbound.REPLY


# --- Failures ------------------------------------------------------------------------------------


def test_a_dead_address_is_known_and_a_letter_goes_instead(alice, notice):
    row = take(report(notice))

    notice, contact = Notice.get_by_id(notice.id), payer(alice)
    assert (notice.bounced_at, notice.bounce_code) == (NOW, "5.1.1")
    assert notice.bounce_text == "550 5.1.1 No such user"
    assert contact.bounced_at == NOW
    letter = Notice.get(Notice.channel == Preference.PAPER)
    assert (letter.kind, letter.invoice, letter.state) == (Notice.INVOICE, notice.invoice, Notice.QUEUED)
    assert (row.kind, row.state) == (Inbound.BOUNCE, Inbound.HANDLED)
    assert "A letter was queued instead." in row.result


@pytest.mark.parametrize("code", ["4.4.1", "5.2.2", "5.7.1"])
def test_what_may_pass_does_not_make_an_address_dead_but_the_letter_goes(alice, notice, code):
    take(report(notice, status=code, code="later"))

    assert payer(alice).bounced_at is None
    assert Notice.select().where(Notice.channel == Preference.PAPER).count() == 1


def test_the_third_soft_failure_within_a_month_makes_an_address_dead(alice):
    for n in range(3):
        assert payer(alice).bounced_at is None
        take(report(sent(alice, Notice.RECEIPT, key=f"r{n}"), status="4.4.1", code=f"later {n}"))

    assert payer(alice).bounced_at == NOW


def test_a_receipt_that_failed_is_not_printed(alice):
    take(report(sent(alice, Notice.RECEIPT)))

    assert not Notice.select().where(Notice.channel == Preference.PAPER).exists()


def test_a_delay_is_no_failure(notice):
    row = take(report(notice, action="delayed", status="4.0.0"))

    assert row.kind == Inbound.AUTOMATIC and Notice.get().bounced_at is None


def test_an_address_that_was_changed_since_is_not_blamed(alice, notice):
    Contact.update(email="new@example.com").execute()
    take(report(notice))

    assert payer(alice).bounced_at is None and Notice.get_by_id(notice.id).bounced_at


def test_told_twice_is_done_once(notice):
    take(report(notice))
    take(report(notice, status="5.1.10", code="550 again"))

    assert Notice.select().where(Notice.channel == Preference.PAPER).count() == 1
    assert Notice.get_by_id(notice.id).bounce_code == "5.1.1"


def test_a_forged_report_changes_nothing(alice, notice):
    liar = Replies("guessed", "reply@lantern.example", "pay.lantern.example")
    raw = report(notice)
    for real, forged in (
        (REPLIES.address_for(notice.id), liar.address_for(notice.id)),
        (REPLIES.message_id(notice.id), liar.message_id(notice.id)),
    ):
        raw = raw.replace(real.encode(), forged.encode())

    row = take(raw)

    assert (row.kind, row.state) == (Inbound.BOUNCE, Inbound.WAITING)
    assert payer(alice).bounced_at is None and Notice.get().bounced_at is None


def test_an_address_can_be_said_to_work_again(alice, notice):
    take(report(notice))
    bouncing.works_again(payer(alice), by=BY, now=NOW)

    assert payer(alice).bounced_at is None
    assert Event.select().where(Event.what == "contact.reached").count() == 1


# --- Complaints ----------------------------------------------------------------------------------


def test_who_calls_us_spam_gets_only_what_they_must_and_a_person_is_told(alice, notice):
    row = take(complaint(notice))

    assert (row.kind, row.state) == (Inbound.COMPLAINT, Inbound.WAITING)
    stopped = {one.event for one in PreferenceChange.select().where(PreferenceChange.timing == "never")}
    assert stopped >= {"reminder", "receipt"} and "invoice" not in stopped
    assert "Call them." in row.result


def test_no_spam_after_all_changes_nothing(notice):
    assert take(complaint(notice, kind="not-spam")).kind == Inbound.AUTOMATIC
    assert not PreferenceChange.select().exists()


# --- Once ----------------------------------------------------------------------------------------


def test_a_mail_that_is_delivered_again_changes_nothing(notice):
    raw = mail("Hello", notice=notice)
    first, second = take(raw), take(b"Received: from elsewhere\n" + raw)

    assert first == second
    assert (Ticket.select().count(), Message.select().count(), Inbound.select().count()) == (1, 1, 1)


def test_two_readers_at_once_take_it_once(notice):
    raw = mail("Hello", notice=notice)

    rows = together(4, lambda n: take(raw).id)

    assert len(set(rows)) == 1 and Message.select().count() == 1


def test_what_cannot_be_read_waits_for_a_person(db):
    row = inbound.take(envelopes.unreadable(b"\xff\x00x", "ValueError", NOW), now=NOW)

    assert (row.state, row.subject) == (Inbound.WAITING, "A mail that cannot be read")
