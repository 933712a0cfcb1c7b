"""Money that is on its way: the one meaning of it, which the gate and the verdicts both read.

A payment whose end nobody knows, and one that the processor approved and has not settled. What autopay will
do stands in ``billing.automatic.upcoming``.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from peewee import JOIN

from models import Allocation, Invoice, Payment, PaymentPart, among, as_instant, db

SETTLING = timedelta(days=10)  # for so long an approved payment may wait for its settlement


class Way(NamedTuple):
    """A payment on its way to one invoice; without an invoice it may be for any of the account."""

    customer_id: int
    invoice_id: int | None
    id: int
    state: str
    cents: int
    label: str
    at: datetime  # when it was begun


_PAYMENT = (Payment.id, Payment.state, Payment.amount_cents, Payment.method_label, Payment.created_at)


def unknown(customer_ids):
    """[Way] of payments whose end is not known: being made, held, in doubt; oldest first."""
    return _ways(
        Payment.select(Payment.customer, PaymentPart.invoice, *_PAYMENT)
        .join(
            PaymentPart, JOIN.LEFT_OUTER, on=((PaymentPart.payment == Payment.id) & PaymentPart.live)
        )
        .where(among(Payment.customer, customer_ids) & Payment.state.in_(Payment.LIVE))
    )  # fmt: skip


def settling(customer_ids, now):
    """[Way] of part payments that the processor approved and has not settled; oldest first."""
    return _ways(
        Payment.select(Payment.customer, Allocation.invoice, *_PAYMENT)
        .join(Allocation, on=((Allocation.payment == Payment.id) & (Allocation.amount_cents > 0)))
        .join(Invoice, on=(Invoice.id == Allocation.invoice))
        .where(
            among(Payment.customer, customer_ids)
            & (Payment.state == Payment.APPROVED)
            & Payment.transaction_id.is_null(False)
            & (Payment.created_at > now - SETTLING)
            & Invoice.IS_OWED
        )
    )


def _ways(query):
    rows = db.execute(query.order_by(Payment.id))
    return [Way(*row[:-1], as_instant(row[-1])) for row in rows]
