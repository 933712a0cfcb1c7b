"""What customers told us: that they will pay, how, why not, and what is wrong; one query each for many."""

from datetime import timedelta

from peewee import fn

from billing.collections.rows import grouped, named, of_people, quoted
from billing.collections.rules import Kept, Parts, Question, Told
from models import (
    Dispute,
    Installment,
    InstallmentPart,
    Payment,
    Plan,
    PlanInvoice,
    Promise,
    Stance,
    among,
    as_date,
    db,
)

REMEMBERED = timedelta(days=120)  # a promise that was broken, a plan that was asked for


def promises(customer_ids, today, who):
    """({customer id: [(invoice id or None, made on, Kept)]} that run, {customer id: Kept} last broken)."""
    recent = (Promise.state == Promise.BROKEN) & (Promise.decided_on > today - REMEMBERED)
    query = of_people(
        Promise, Promise.state, Promise.invoice, Promise.id, Promise.made_on, Promise.pay_on
    ).where(among(Promise.customer, customer_ids) & ((Promise.state == Promise.RUNNING) | recent))
    running, broken = [], {}
    for customer_id, state, invoice_id, id, made_on, pay_on, name in named(query.order_by(Promise.id), who):
        kept = Kept(id, name, as_date(made_on), as_date(pay_on))
        if state == Promise.RUNNING:
            running.append((customer_id, (invoice_id, kept)))
        else:
            broken[customer_id] = kept
    return grouped(running), broken


def asked_for_plans(customer_ids, today, who):
    """{customer id: [Told]} of plans that they asked for lately and that do not run."""
    waits = (Plan.state == Plan.PROPOSED) & (Plan.waits_for == Plan.US)
    query = of_people(Plan, Plan.id, Plan.proposed_on, Plan.words).where(
        among(Plan.customer, customer_ids)
        & (Plan.via != Plan.STAFF)
        & (Plan.proposed_on > today - REMEMBERED)
        & (Plan.state << (Plan.PROPOSED, Plan.REFUSED, Plan.BROKEN))
        & ~waits
    )
    return grouped(
        (customer_id, Told("plan", id, name, as_date(on), quoted(said)))
        for customer_id, id, on, said, name in named(query.order_by(Plan.id), who)
    )


def stances(customer_ids, who):
    """{customer id: [(code, invoice id or None, Told)]} that stand: no money came since they said it."""
    query = of_people(Stance, Stance.code, Stance.invoice, Stance.id, Stance.heard_on, Stance.words)
    standing = among(Stance.customer, customer_ids) & Stance.ended_at.is_null()
    rows = list(named(query.where(standing).order_by(Stance.id), who))
    last = last_paid({row[0] for row in rows}) if rows else {}
    return grouped(
        (customer_id, (code, invoice_id, Told("stance", id, name, as_date(on), quoted(said))))
        for customer_id, code, invoice_id, id, on, said, name in rows
        if customer_id not in last or last[customer_id] <= as_date(on)
    )


def last_paid(customer_ids):
    """{customer id: the day on which their last money came}."""
    query = (
        Payment.select(Payment.customer, fn.MAX(Payment.received_on))
        .where(among(Payment.customer, customer_ids) & (Payment.state << Payment.MONEY))
        .group_by(Payment.customer)
    )
    return {id: as_date(on) for id, on in db.execute(query)}


REASONS = {
    Dispute.WRONG_AMOUNT: "the amount is wrong",
    Dispute.NOT_ORDERED: "they did not order it",
    Dispute.SERVICE_FAULT: "the service did not work",
    Dispute.ALREADY_PAID: "they have paid it",
    Dispute.OTHER: "see their words",
}


def questions(invoice_ids, who):
    """{invoice id: [Question]} of open disputes."""
    query = of_people(
        Dispute, Dispute.invoice, Dispute.id, Dispute.amount_cents, Dispute.opened_on, Dispute.reason,
        Dispute.answer_by_on, Dispute.ticket,
    ).where(among(Dispute.invoice, invoice_ids) & (Dispute.state == Dispute.OPEN))  # fmt: skip
    return grouped(
        (row[1], Question(row[2], row[8], row[3], as_date(row[4]), REASONS[row[5]], as_date(row[6]), row[7]))
        for row in named(query.order_by(Dispute.id), who)
    )


def plans(invoice_ids):
    """{invoice id: {installment id: Parts}} of running plans, by date."""
    query = (
        InstallmentPart.select(
            InstallmentPart.invoice, Installment.id, Plan.id, Plan.count, Installment.number,
            Installment.due_on, InstallmentPart.amount_cents,
        )
        .join(Installment)
        .join(Plan)
        .join(PlanInvoice, on=((PlanInvoice.plan == Plan.id) & PlanInvoice.active))
        .where(
            among(InstallmentPart.invoice, invoice_ids)
            & (Plan.state == Plan.RUNNING)
            & (PlanInvoice.invoice == InstallmentPart.invoice)
        )
        .order_by(Installment.due_on, Installment.number)
    )  # fmt: skip
    found = {}
    for invoice_id, installment_id, id, count, number, due_on, cents in db.execute(query):
        found.setdefault(invoice_id, {})[installment_id] = Parts(id, count, number, as_date(due_on), cents)
    return found
