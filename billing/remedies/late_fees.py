"""Late fees in the order of the story: planned, told, and only then charged; waived whenever somebody asks.

Off until an owner switches them on. Once for an invoice, told at least ten days before it is charged and
never in the letter that first speaks of it, never while the gate is shut, the first in twelve months waived
by itself. It is a line of the customer's next invoice and never an invoice of its own. What it comes to
stands in fees.py.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from peewee import IntegrityError

from billing import company as companies
from billing import events, invoices, ledger, localtime, masking, notices, one_offs, words
from billing.collections import gate
from billing.errors import BillingError
from billing.remedies import fees
from billing.states import move
from models import Credit, Customer, ImportBatch, Invoice, Item, LateFee, Line, Notice, OneOff

BY = "daily job"
ITEM = "LATE-FEE"
FIRST = "The first in twelve months: it is waived."
PAID = "It was paid before the day."
REACHED = (LateFee.CHARGED, LateFee.WAIVED)  # what counts for the first in twelve months


@dataclass
class Report:
    """What a day did, in counts; ``trouble`` is sentences."""

    planned: int = 0
    waived: int = 0
    told: int = 0
    charged: int = 0
    held: int = 0
    trouble: list = field(default_factory=list)

    def __str__(self):
        counts = {name: value for name, value in vars(self).items() if name != "trouble" and value}
        said = ", ".join(f"{value:,} {name}" for name, value in counts.items())
        return f"late fees: {said}" if said else ""


def run(today, *, now):
    """The day's late fees: note what was told, plan what is new, charge what is due. Returns a Report.

    Harmless while the policy is off: then what was told and not charged is not charged any more.
    """
    report = Report()
    _note_told(today, report)
    for invoice in list(_late(today)) if fees.is_on() else ():
        _count(report, plan(invoice, today=today, now=now))
    for fee in list(_due(today)):
        try:
            if charge(fee, today=today, now=now):
                report.charged += 1
        except BillingError:  # the gate is shut: it waits, and nobody is told anything new
            report.held += 1
    return report


def _count(report, fee):
    if fee is not None:
        name = "waived" if fee.state == LateFee.WAIVED else "planned"
        setattr(report, name, getattr(report, name) + 1)


# --- Planning and telling ------------------------------------------------------------------------


def _late(today):
    """Open invoices past the grace that have no late fee yet, of customers who get messages."""
    company = companies.current()
    since = today - timedelta(days=company.late_fee_grace_days)
    known = LateFee.select(LateFee.invoice)
    return (
        Invoice.select(Invoice, Customer)
        .join(Customer)
        .left_outer_join(ImportBatch)
        .where(
            Invoice.IS_OWED
            & (Invoice.due_on < since)
            & Invoice.id.not_in(known)
            & (ImportBatch.id.is_null() | (ImportBatch.state == ImportBatch.RELEASED))
        )
        .order_by(Invoice.id)
    )


def plan(invoice, *, today, now):
    """Plan the one late fee of an invoice and queue the message that tells of it; None where there is none.

    The first in twelve months is waived at once, and nobody is bothered with it. While the gate is shut
    nothing is planned.
    """
    with ledger.locked(invoice.customer_id):
        invoice, company = Invoice.get_by_id(invoice.id), companies.current()
        base = fees.base_cents(invoice, today=today, grace_days=company.late_fee_grace_days)
        cents = fees.cents(base, invoice.customer, company)
        if not cents or _gate_is_shut(invoice, today, now):
            return None
        first = _is_first(invoice.customer_id, today)
        try:
            fee = LateFee.create(
                customer=invoice.customer_id, invoice=invoice, cents=cents, base_cents=base,
                computed_on=today, charge_from_on=today + timedelta(days=fees.PLAN_DAYS),
                **({"state": LateFee.WAIVED, "reason": FIRST, "decided_by": BY, "decided_on": today}
                   if first else {}),
            )  # fmt: skip
        except IntegrityError:
            return None  # somebody else planned it: it is one fee
        what = "late_fee.waived" if first else "late_fee.planned"
        events.record(what, fee, by=BY, now=now, reason=fee.reason, after={"cents": cents})
        if not first:
            notices.queue_late_fee(fee, now=now)
    return fee


def _gate_is_shut(invoice, today, now):
    try:
        gate.refuse(invoice.customer, gate.LATE_FEE, today=today, now=now, invoice=invoice)
    except BillingError:
        return True
    return False


def _is_first(customer_id, today):
    since = LateFee.computed_on > today - fees.AGAIN
    return (
        not LateFee.select()
        .where((LateFee.customer == customer_id) & since & LateFee.state.in_(REACHED))
        .exists()
    )


def _note_told(today, report):
    """What was sent is told; what still waits to be sent gets a later day, so that the days are kept."""
    zone = companies.current().time_zone
    for fee in list(LateFee.select().where(LateFee.state == LateFee.PLANNED)):
        sent = fee.notices.where((Notice.state == Notice.SENT) & Notice.bounced_at.is_null())
        first = sent.order_by(Notice.sent_at).first()
        if first is not None:
            move(fee, LateFee.TOLD, told_on=localtime.day(first.sent_at, zone))
            report.told += 1
        elif (fee.charge_from_on - today).days <= fees.TOLD_DAYS:
            later = today + timedelta(days=fees.PLAN_DAYS)
            LateFee.update(charge_from_on=later).where(
                (LateFee.id == fee.id) & (LateFee.state == LateFee.PLANNED)
            ).execute()


# --- Charging ------------------------------------------------------------------------------------


def _due(today):
    return (
        LateFee.select()
        .where(LateFee.state.in_(LateFee.WAITING) & (LateFee.charge_from_on <= today))
        .order_by(LateFee.id)
    )


def charge(fee, *, today, now):
    """Charge a fee whose day has come: a line of the next invoice. Returns the OneOff, or None.

    Nothing is charged that was paid, told too late, or is disputed or in a plan by now; nor above what was
    told. Raises BillingError while the gate is shut.
    """
    with ledger.locked(fee.customer_id):
        fee = LateFee.get_by_id(fee.id)
        if fee.state not in LateFee.WAITING:
            return None
        if not fee.invoice.open_cents or not fees.is_on():
            reason = PAID if fee.invoice.open_cents == 0 else "We do not charge late fees any more."
            _end(fee, LateFee.AVOIDED, reason, BY, today, now)
            return None
        if not _was_told(fee, today):
            return None
        gate.refuse(fee.customer, gate.LATE_FEE, today=today, now=now, invoice=fee.invoice)
        base = fees.base_cents(fee.invoice, today=today, grace_days=companies.current().late_fee_grace_days)
        cents = min(fee.cents, fees.cents(base, fee.customer, companies.current()))
        return _bill(fee, cents, today, now) if cents else None


def _was_told(fee, today):
    return (
        fee.state == LateFee.TOLD
        and fee.charge_from_on <= today
        and (today - fee.told_on).days >= fees.TOLD_DAYS
    )


def _bill(fee, cents, today, now):
    due = words.date(fee.invoice.due_on)
    work = OneOff.create(
        customer=fee.customer_id, item=_item(), unit_cents=cents, done_on=today,
        text=f"Late fee for invoice {fee.invoice.number}, which was due {due}",
    )  # fmt: skip
    move(fee, LateFee.CHARGED, one_off=work, cents=cents, decided_by=BY, decided_on=today)
    events.record("late_fee.charged", fee, by=BY, now=now, after={"cents": cents})
    return work


def _item():
    item, _ = Item.get_or_create(code=ITEM, defaults={"name": "Late fee", "kind": Item.FEE, "taxable": False})
    return item


# --- Waiving -------------------------------------------------------------------------------------


def waive(fee, *, reason, by, today, now):
    """Do not charge it, or give it back: unbilled it goes away, billed its line is credited. Returns the fee.

    Raises BillingError without a reason, and for one that is not charged anyway.
    """
    reason = masking.reason(reason, "Say why it is waived; the customer and your colleagues may read it.")
    with ledger.locked(fee.customer_id):
        fee = LateFee.get_by_id(fee.id)
        if fee.state not in (*LateFee.WAITING, LateFee.CHARGED):
            raise BillingError("This late fee is not charged anyway.")
        credit = _give_back(fee, reason, by, today, now) if fee.state == LateFee.CHARGED else None
        return _end(fee, LateFee.WAIVED, reason[:255], by, today, now, credit=credit)


def _give_back(fee, reason, by, today, now):
    """The Credit of its line, or None when the line was never billed."""
    line = Line.get_or_none((Line.one_off == fee.one_off_id) & Line.voided_on.is_null())
    if line is None:
        one_offs.cancel(fee.one_off, reason=reason, by=by, today=today, now=now)
        return None
    if line.invoice.state != Invoice.ISSUED:
        raise BillingError("The invoice with this fee is a draft. Discard or issue it first.")
    cents = min(line.total_cents, invoices.creditable_cents(line.invoice))
    if cents <= 0:
        return None
    made = invoices.credit(
        line.invoice, amount_cents=cents, reason=f"{line.text}: waived. {reason}", by=by, today=today,
        now=now, kind=Credit.LATE_FEE, line=line,
    )  # fmt: skip
    notices.queue_credit_given(made, now=now)
    return made


def _end(fee, state, reason, by, today, now, **changes):
    move(fee, state, reason=reason, decided_by=by, decided_on=today, **changes)
    events.record(f"late_fee.{state}", fee, by=by, now=now, reason=reason)
    return fee
