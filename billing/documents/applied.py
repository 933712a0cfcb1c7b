"""What was applied to invoices, payments and credits, and what was taken back of them, as printed.

Which of it counts at the issue: ``as_issued``.
"""

from billing import naming, prepared
from billing.documents import printed
from models import Allocation, Credit, Payment, among


def allocations(invoices):
    """{invoice id: what was ever applied to it, in order, with the payment or credit that it came from}."""
    found = {}
    for allocation in _of_invoices([invoice.id for invoice in invoices]):
        found.setdefault(allocation.invoice_id, []).append(allocation)
    return found


@prepared.question
def _of_invoices(ids):
    return (
        Allocation.select(Allocation, Payment, Credit)
        .left_outer_join(Payment)
        .switch(Allocation)
        .left_outer_join(Credit, on=Allocation.credit)
        .where(among(Allocation.invoice, ids))
        .order_by(Allocation.made_on, Allocation.id)
    )


def amounts(allocations):
    """Payments and credits as negative amounts; what came back is its own row."""
    return tuple(printed.Amount(_text(a), -a.amount_cents, _on(a)) for a in allocations)


def _on(allocation):
    if allocation.payment and not allocation.reverses_id:
        return allocation.payment.received_on
    return allocation.made_on


def _text(allocation):
    if allocation.reverses_id:
        return f"Taken back: {allocation.reason}" if allocation.reason else "Taken back"
    if allocation.payment:
        return f"Payment, {naming.method(allocation.payment)}"
    return f"Credit: {allocation.credit.reason}"
