"""What customers paid, try to pay, and how they pay: read for many of them at once, one query each."""

from datetime import timedelta

from peewee import fn

from billing.automatic import upcoming
from billing.collections import habits, underway
from billing.collections.rows import grouped
from billing.collections.rules import Attempt, Money, PlannedDebit
from models import (
    Allocation,
    Autopay,
    Chargeback,
    Credit,
    Invoice,
    Payment,
    PaymentMethod,
    PaymentPart,
    among,
    as_date,
    db,
)

FAILED = (Payment.DECLINED, Payment.RETURNED, Payment.CHARGED_BACK)
_STANDS = (Chargeback.payment == Payment.id) & (Chargeback.state != Chargeback.WON)
HISTORY = timedelta(days=365)  # of payments, for habits


def unused(customer_ids):
    """{customer id: [Money that pays nothing yet, oldest first]}; two queries."""
    payments = Payment.select(Payment.customer, Payment.id, Payment.open_cents, Payment.received_on).where(
        among(Payment.customer, customer_ids) & (Payment.open_cents > 0) & (Payment.state << Payment.MONEY)
    )
    credits = Credit.select(Credit.customer, Credit.id, Credit.open_cents, Credit.made_on).where(
        among(Credit.customer, customer_ids) & (Credit.open_cents > 0)
    )
    rows = [
        (customer_id, Money(table, id, cents, as_date(on)))
        for table, query in (("payment", payments), ("credit", credits))
        for customer_id, id, cents, on in db.execute(query)
    ]
    return grouped(sorted(rows, key=lambda row: (row[1].on, row[1].table, row[1].id)))


def methods(customer_ids, today):
    """{customer id: (id, label, reason)} of standing autopay whose method cannot be charged."""
    unusable = (PaymentMethod.state != PaymentMethod.ACTIVE) | (PaymentMethod.expires_on < today)
    query = (
        Autopay.select(Autopay.customer, PaymentMethod.id, PaymentMethod.label, PaymentMethod.reason)
        .join(PaymentMethod)
        .where(among(Autopay.customer, customer_ids) & Autopay.ended_at.is_null() & unusable)
    )
    return {row[0]: tuple(row[1:]) for row in db.execute(query)}


def in_flight(customer_ids, now, day):
    """{(customer id, invoice id or None): Attempt} of payments on their way."""
    ways = [*underway.settling(customer_ids, now), *underway.unknown(customer_ids)]
    return {
        (one.customer_id, one.invoice_id): Attempt(one.id, one.state, one.cents, one.label, day(one.at))
        for one in ways
    }


def tries(invoice_ids, day):
    """({invoice id: [id of each payment of it]}, {invoice id: Attempt} of those whose last one failed)."""
    query = (
        PaymentPart.select(
            PaymentPart.invoice, Payment.id, Payment.state, Payment.amount_cents, Payment.method_label,
            fn.COALESCE(Payment.concluded_at, Payment.created_at),
            fn.COALESCE(Payment.returned_on, Chargeback.opened_on), Payment.reason,
        )
        .join(Payment)
        .left_outer_join(Chargeback, on=_STANDS)
        .where(among(PaymentPart.invoice, invoice_ids))
        .order_by(Payment.id)
    )  # fmt: skip
    ids, last = {}, {}
    for invoice_id, id, state, cents, label, at, returned_on, reason in db.execute(query):
        ids.setdefault(invoice_id, []).append(id)
        if state in FAILED or state in Payment.MONEY:
            last[invoice_id] = Attempt(id, state, cents, label, as_date(returned_on) or day(at), reason)
    for invoice_id, check in _checks(invoice_ids).items():
        if invoice_id not in last or last[invoice_id].id < check.id:
            last[invoice_id] = check
    return ids, {id: one for id, one in last.items() if one.state in FAILED}


def _checks(invoice_ids):
    """{invoice id: Attempt} of the last payment by hand that paid it, or paid it once and came back."""
    query = (
        Allocation.select(
            Allocation.invoice, Payment.id, Payment.state, Payment.amount_cents, Payment.check_number,
            fn.COALESCE(Payment.returned_on, Payment.received_on), Payment.reason,
        )
        .join(Payment)
        .where(among(Allocation.invoice, invoice_ids) & Payment.kind.in_(Payment.BY_HAND))
        .order_by(Allocation.id)
    )  # fmt: skip
    return {
        invoice_id: Attempt(id, state, cents, f"check {number}" if number else "", as_date(on), reason)
        for invoice_id, id, state, cents, number, on, reason in db.execute(query)
    }


def debits(customer_ids, today):
    """{invoice id: PlannedDebit} of what autopay will do without anybody doing anything."""
    found = {}
    for charges in upcoming.by_customer(customer_ids, today=today).values():
        for one in charges:
            if one.is_promise:
                made = [(row.invoice_id, row.id) for row in one.planned]
                found.update((at, PlannedDebit(id, one.charge_on, one.method.label)) for at, id in made)
    return found


def paid(customer_ids, today):
    """{customer id: [(invoice id, days from due date to payment), …]} of a year, newest first."""
    query = (
        Invoice.select(Invoice.customer, Invoice.id, Invoice.due_on, fn.MAX(Allocation.made_on))
        .join(Allocation)
        .where(
            among(Invoice.customer, customer_ids)
            & (Invoice.open_cents == 0)
            & (Invoice.state == Invoice.ISSUED)
            & (Invoice.due_on > today - HISTORY)
            & Allocation.payment.is_null(False)
            & (Allocation.amount_cents > 0)
        )
        .group_by(Invoice.customer, Invoice.id, Invoice.due_on)
        .order_by(Invoice.customer, Invoice.due_on.desc(), Invoice.id.desc())
    )
    rows = db.execute(query)
    return grouped((row[0], (row[1], (as_date(row[3]) - as_date(row[2])).days)) for row in rows)


def habits_of(history):
    """{customer id: Habit} of those who have one. ``history`` is what ``paid`` gives."""
    found = {id: habits.of(rows) for id, rows in history.items() if len(rows) >= habits.LEAST_PAID}
    return {id: habit for id, habit in found.items() if habit}
