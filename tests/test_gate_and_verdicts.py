"""The gate and the verdicts never disagree: whatever holds a message back is why it is unpaid, or came later.

Many customers with two late invoices each, of whom chance decides what happened; one look at all of them. The
database is asked as well: it lets pass what the gate lets pass, and nothing else.
"""

import random
from datetime import date, timedelta

import pytest
from peewee import IntegrityError

from billing.collections import gate, obstacles, verdicts
from models import (
    Autopay,
    Call,
    Contact,
    Dispute,
    Inbound,
    Invoice,
    Notice,
    Payment,
    Plan,
    PlannedCharge,
    Ticket,
    Verdict,
    among,
)
from models import db as database
from tests import shutting as scenes
from tests.factories import BY, make_customer, make_invoice, make_method, payer
from tests.shutting import AT, BEFORE, DUE, day

TOLD = {"today": day(15), "now": AT}
CUSTOMERS = 90
NAMED_BY = {  # why the gate is shut, and the verdict that says the same
    "payment": Verdict.PAYMENT_IN_FLIGHT,
    "settling": Verdict.PAYMENT_IN_FLIGHT,
    "autopay": Verdict.PAYMENT_IN_FLIGHT,
    "our_mistake": Verdict.OUR_MISTAKE,
    "ticket": Verdict.WAITING_FOR_US,
    "call": Verdict.WAITING_FOR_US,
    "inbound": Verdict.WAITING_FOR_US,
    "proposal": Verdict.WAITING_FOR_US,
    "dispute": Verdict.DISPUTED,
    "fault": Verdict.SERVICE_FAULT,
    "never_delivered": Verdict.NEVER_DELIVERED,
    "promise": Verdict.PROMISE_RUNNING,
    "plan": Verdict.PLAN_RUNNING,
    "plan_missed": Verdict.PLAN_RUNNING,
}
# Why nothing is said now, and never why somebody has not paid.
OF_THE_MOMENT = {
    "bankruptcy", "deceased", "handed_over", "hold", "feed", "just_answered", "just_told", "bad_address",
}  # fmt: skip
# Who is not to be pressed; a card that failed, or a mail that nobody opened, is told of, and not waited for.
SHUT = set(NAMED_BY.values())
IN_THE_RULE_ONLY = {"autopay", "just_answered", "just_told", "handed_over"}


def test_every_reason_of_the_gate_is_one_or_the_other():
    assert set(NAMED_BY) | OF_THE_MOMENT == set(obstacles.CODES)
    assert not set(NAMED_BY) & OF_THE_MOMENT


# --- What may have happened ------------------------------------------------------------------------


def question_of_a_dispute(customer, invoice):
    """A part is disputed, and the ticket of it waits for us."""
    ticket = scenes.ticket(customer, invoice)
    dispute = scenes.dispute(customer, invoice, 1000)
    Dispute.update(ticket=ticket).where(Dispute.id == dispute.id).execute()


def question_about_all(customer, invoice):
    ticket = scenes.ticket(customer, invoice)
    dispute = scenes.dispute(customer, invoice)
    Dispute.update(ticket=ticket).where(Dispute.id == dispute.id).execute()


def part_disputed(customer, invoice):
    scenes.dispute(customer, invoice, 1000)


def somebody_called(customer, invoice):
    """From a number that is theirs as well; nobody has said whose call it was."""
    number = f"+1512555{customer.id:04}"
    Contact.update(phone=number).where(Contact.customer == customer).execute()
    scenes.call(None, invoice, number=number)


def answered_but_to_do(customer, invoice):
    scenes.call(customer, invoice, outcome=Call.ANSWERED, next_step="Send a copy")


def staff_proposed_for_them(customer, invoice):
    scenes.proposal(customer, invoice, via=Plan.STAFF, proposed_on=day(-200))


def promised_before_this_one(customer, invoice):
    scenes.promise(customer, invoice, made_on=date(2026, 11, 1))


def payment_of_nothing_yet(customer, invoice):
    scenes.payment(customer, invoice, state=Payment.PREPARED, has_part=False)


def autopay_will_charge(customer, invoice):
    autopay = Autopay.create(
        customer=customer, method=make_method(customer), text="I agree.", text_version="1", agreed_at=BEFORE,
        agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip
    PlannedCharge.create(
        autopay=autopay, customer=customer, invoice=invoice, charge_on=day(17), created_at=BEFORE
    )


def settled_long_ago(customer, invoice):
    payment = scenes.settling(customer, invoice)
    Payment.update(created_at=AT - timedelta(days=20)).where(Payment.id == payment.id).execute()


def closed_ticket(customer, invoice):
    ticket = scenes.ticket(customer, invoice)
    Ticket.update(state=Ticket.CLOSED, waiting_since_at=None).where(Ticket.id == ticket.id).execute()


def read_mail(customer, invoice):
    mail = scenes.inbound(customer, invoice)
    Inbound.update(state=Inbound.HANDLED).where(Inbound.id == mail.id).execute()


def came_back_and_was_sent_again(customer, invoice):
    scenes.came_back(customer, invoice)
    scenes.message(customer, invoice, channel=Notice.PAPER)


def came_back_and_was_seen(customer, invoice):
    scenes.came_back(customer, invoice)
    Invoice.update(first_seen_at=BEFORE).where(Invoice.id == invoice.id).execute()


def came_back_but_a_summary_told(customer, invoice):
    scenes.came_back(customer, invoice)
    scenes.message(customer, None, kind=Notice.DIGEST)


MAY_HAPPEN = (
    scenes.ticket, scenes.fault, scenes.call, scenes.voicemail, scenes.inbound, scenes.inbound_of_address,
    scenes.proposal, scenes.plan, scenes.missed_plan, scenes.dispute, scenes.hold, scenes.payment,
    scenes.held_payment, scenes.settling, scenes.promise, scenes.promise_of_invoice, scenes.bankruptcy,
    scenes.came_back, scenes.to_print, scenes.unused_money, question_of_a_dispute, question_about_all,
    part_disputed, somebody_called, answered_but_to_do, staff_proposed_for_them, promised_before_this_one,
    payment_of_nothing_yet, autopay_will_charge, settled_long_ago, closed_ticket, read_mail,
    came_back_and_was_sent_again, came_back_and_was_seen, came_back_but_a_summary_told,
)  # fmt: skip
ONCE = (  # of an invoice: a plan, an open dispute of all of it, a promise
    {scenes.plan, scenes.missed_plan, scenes.promise_of_invoice, scenes.proposal, staff_proposed_for_them},
    {scenes.dispute, question_of_a_dispute, question_about_all, part_disputed},
    {scenes.promise, promised_before_this_one, scenes.promise_of_invoice},
    {scenes.settling, settled_long_ago, scenes.payment, scenes.held_payment, payment_of_nothing_yet},
)


def _happened(rng):
    """One to three things that can be so together; each thing first where nobody had it yet."""
    chosen = []
    for scene in rng.sample(MAY_HAPPEN, rng.choice((1, 1, 2, 3))):
        if not any(scene in group and group & set(chosen) for group in ONCE):
            chosen.append(scene)
    return chosen


@pytest.fixture
def histories(db):
    """{invoice: names of what happened to its customer}, of two late invoices each."""
    rng, found = random.Random(20270120), {}
    for number in range(CUSTOMERS):
        customer = make_customer(f"Customer {number}", email=f"c{number}@example.com")
        first, second = (make_invoice(customer, due=DUE, issued=date(2026, 11, 24)) for _ in range(2))
        chosen = [MAY_HAPPEN[number]] if number < len(MAY_HAPPEN) else _happened(rng)
        if not any(scene.__name__.startswith(("came_back", "to_print")) for scene in chosen):
            scenes.message(customer, first)
        scenes.message(customer, second)
        for scene in chosen:
            scene(customer, first)
        found[first] = found[second] = [scene.__name__ for scene in chosen]
    verdicts.judge_all(TOLD["today"], now=AT)
    return found


# --- What both say ---------------------------------------------------------------------------------


def test_they_say_the_same_of_any_history(histories):
    codes, shutting = disagreements(histories, **TOLD)

    assert SHUT - codes == set()
    assert set(NAMED_BY) - shutting == set()


def disagreements(invoices, *, today, now):
    """Fails where the two say different things of one of these; returns (verdicts seen, reasons seen)."""
    reasons = gate.reasons({invoice.customer_id for invoice in invoices}, today=today, now=now)
    codes, seen = set(), set()
    for verdict in Verdict.select().where(
        Verdict.current & among(Verdict.invoice, [one.id for one in invoices])
    ):
        against = gate.shutting(reasons.get(verdict.customer_id, ()), verdict.invoice_id)
        for reason in against:
            assert _names(verdict, reason), (verdict.sentence, reason)
        assert verdict.code not in SHUT or against or _never_sent(verdict), verdict.sentence
        codes.add(verdict.code)
        seen |= {reason.code for reason in against}
    return codes, seen


def _never_sent(verdict):
    """No message of ours carries it: another system may have sent it, so it is asked for like any other."""
    return verdict.code == Verdict.NEVER_DELIVERED and verdicts.proofs(verdict)[0].table == "invoice"


def _names(verdict, reason):
    """True where a verdict gives this reason, or one that was asked before it, or nobody could."""
    if reason.code in OF_THE_MOMENT:
        return True
    asked = Verdict.CODES.index(verdict.code) <= Verdict.CODES.index(NAMED_BY[reason.code])
    return asked or reason.row in {(proof.table, proof.id) for proof in verdicts.proofs(verdict)}


def test_the_database_says_the_same_as_the_rule(histories):
    reasons = gate.reasons({invoice.customer_id for invoice in histories}, **TOLD)
    for invoice, happened in histories.items():
        against = gate.shutting(reasons.get(invoice.customer_id, ()), invoice.id)
        codes = {one.code for one in against} - IN_THE_RULE_ONLY
        if "somebody_called" in happened and "call" in codes:
            continue  # how numbers are written is known to the rule alone
        assert _is_refused(invoice) == bool(codes), (happened, codes)


def _is_refused(invoice):
    try:
        with database.atomic() as attempt:
            Notice.create(
                key="late", kind=Notice.OVERDUE, state=Notice.SENT, customer=invoice.customer,
                invoice=invoice, contact=payer(invoice.customer), address="x@example.com", why="x",
                send_at=AT, created_at=AT, sent_at=AT,
            )  # fmt: skip
            attempt.rollback()
    except IntegrityError:
        return True
    return False
