"""What was read before the lock is not what is true under it: every use case looks again.

Each test holds a row as a slow page or a second process would, lets somebody else change the world, and goes
on with what it holds.
"""

from datetime import date
from types import SimpleNamespace

import pytest

from billing import bill, contracts, invoices, links, notices, one_offs, outbox, payments, tickets
from billing.edges.clock import FixedClock
from billing.errors import BillingError
from billing.reversals import returns
from models import Contact, Hold, Invoice, Link, Notice, OneOff, Payment, Ticket
from tests.at_once import together
from tests.factories import BY, NOW, fresh, make_charge, make_contract, make_invoice, make_one_off, payer
from tests.office import make_staff

pytestmark = pytest.mark.usefixtures("sound_books")

TODAY = date(2026, 12, 1)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}


def test_nobody_is_led_to_pay_what_was_paid_a_moment_ago(paying, alice):
    seen = make_invoice(alice, cents=4250)
    payments.record(alice, amount_cents=4250, kind="check", received_on=TODAY, key="check", **AGAIN)

    with pytest.raises(BillingError, match="nothing left to pay"):
        paying.start(seen)
    assert Payment.select().count() == 1


def test_nobody_is_led_to_pay_an_invoice_that_was_voided_a_moment_ago(paying, alice):
    seen = make_invoice(alice, cents=4250)
    invoices.void(fresh(seen), reason="Wrong", **AGAIN)

    with pytest.raises(BillingError, match="nothing left to pay"):
        paying.start(seen)


def test_an_invoice_that_was_voided_a_moment_ago_gets_no_credit(alice):
    seen = make_invoice(alice, cents=4250)
    invoices.void(fresh(seen), reason="Wrong", **AGAIN)

    with pytest.raises(BillingError, match="issued invoice"):
        invoices.credit(seen, amount_cents=1000, reason="Late", **AGAIN)


def test_a_contract_is_paused_once_even_when_many_pause_it_at_once(alice):
    contract = make_contract(alice)

    given = together(6, lambda n: contracts.pause(contract, from_on=TODAY, reason="Away", by=BY, now=NOW))

    refused = [one for one in given if isinstance(one, BillingError)]
    assert (len(refused), Hold.select().count()) == (5, 1)


def test_work_is_billed_or_canceled_and_never_both(alice):
    work = [make_one_off(alice) for _ in range(6)]

    def act(n):
        if n == 3:
            return bill.run(TODAY, by=BY, now=NOW)
        return one_offs.cancel(fresh(work[n]), reason="Not done", **AGAIN)

    together(6, act)

    billed = OneOff.select().where(OneOff.billed_on.is_null(False))
    assert not billed.where(OneOff.canceled_on.is_null(False)).exists()
    assert sum(one.lines.count() for one in Invoice.select()) == billed.count()


def test_a_question_after_our_answer_waits_on_us_although_the_page_was_older(alice):
    seen = tickets.open(alice, subject="Bill", body="Why?", by=BY, now=NOW)
    staff_answers(fresh(seen))

    tickets.reply(seen, body="And this?", by=BY, now=NOW)

    assert fresh(seen).state == Ticket.WAITING_ON_US


def test_a_question_is_kept_although_staff_closed_the_ticket_a_moment_ago(alice):
    seen = tickets.open(alice, subject="Bill", body="Why?", by=BY, now=NOW)
    staff_answers(seen)
    tickets.close(fresh(seen), by=BY, now=NOW)

    tickets.reply(seen, body="And this?", by=BY, now=NOW)

    assert (fresh(seen).state, seen.messages.count()) == (Ticket.WAITING_ON_US, 3)


def staff_answers(ticket):
    tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=make_staff())


def test_days_that_a_pause_had_left_out_are_not_given_back_when_the_contract_ends(alice):
    contract = make_contract(alice)
    make_charge(contract, cents=3100)
    contracts.pause(contract, from_on=date(2026, 12, 17), reason="Rebuilding", by=BY, now=NOW)
    contracts.resume(contract, on=date(2027, 1, 1), by=BY, now=NOW)
    bill.run(TODAY, by=BY, now=NOW)
    [line] = Invoice.get().lines
    assert (line.days, line.total_cents) == (16, 1600)

    credits = contracts.end(
        contract, on=date(2026, 12, 14), reason_code="moved", by=BY, today=date(2026, 12, 14), now=NOW
    )

    assert [credit.amount_cents for credit in credits] == [200]  # December 15 and 16


def test_a_period_that_was_given_up_does_not_come_back_with_the_end_of_a_pause(alice):
    contract = make_contract(alice)
    make_charge(contract, cents=3100)
    bill.run(TODAY, by=BY, now=NOW)
    invoices.void(Invoice.get(), reason="A month for free", **AGAIN)
    contracts.pause(contract, from_on=date(2026, 12, 11), reason="Rebuilding", by=BY, now=NOW)

    contracts.resume(contract, on=date(2026, 12, 21), by=BY, now=NOW)

    assert bill.run(date(2026, 12, 21), by=BY, now=NOW).invoices == 0


# --- Messages: judged again when they leave ------------------------------------------------------


def sent():
    """Send what waits; returns (kind, address) of what left."""
    left = []
    letter = SimpleNamespace(subject="s", text="t", html="h", kept_text="t", kept_html="h", message_id="m")
    outbox.send_due(
        send=lambda notice, mail: left.append((notice.kind, notice.address)),
        compose=lambda notice, now: letter,
        clock=FixedClock(TODAY),
    )
    return left


def test_a_message_goes_to_the_address_that_is_right_when_it_leaves(alice):
    notices.queue_invoices([make_invoice(alice).id], now=NOW)
    Contact.update(email="alice@right.example").execute()

    assert sent() == [("invoice", "alice@right.example")]
    assert Notice.get().address == "alice@right.example"


def test_nothing_leaves_for_an_address_that_was_taken_off(alice):
    notices.queue_invoices([make_invoice(alice).id], now=NOW)
    Contact.update(email="").execute()

    assert (sent(), Notice.get().state) == ([], Notice.SKIPPED)


def test_the_old_address_is_told_at_the_old_address(alice):
    contact = payer(alice)
    notices.queue_contact_changed(contact, "old@example.com", now=NOW)

    assert sent() == [("contact_changed", "old@example.com")]


def test_nothing_leaves_for_somebody_who_is_no_contact_any_more(alice):
    notices.queue_invoices([make_invoice(alice).id], now=NOW)
    notices.queue_sign_in(payer(alice), now=NOW)
    Contact.update(left_on=TODAY).execute()

    assert sent() == []
    assert {notice.reason for notice in Notice.select()} == {"This person is no longer a contact."}


def test_no_receipt_leaves_for_a_payment_that_came_back_meanwhile(alice):
    make_invoice(alice, cents=4250)
    check = payments.record(alice, amount_cents=4250, kind="check", received_on=TODAY, key="check", **AGAIN)
    returns.bounce(check, reason="No funds", **AGAIN)

    assert sent() == [("payment_problem", "alice@example.com")]


def test_a_withdrawn_code_signs_nobody_in(alice):
    _, code = links.sign_in_link(payer(alice), now=NOW)
    assert links.revoke(Link.select(), by=BY, now=NOW) == 1

    with pytest.raises(BillingError, match="code is not right"):
        links.sign_in_by_code("alice@example.com", code, now=NOW)
