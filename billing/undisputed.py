"""A dispute of an invoice on which nothing is open any more has no part left that could rest.

Called by what pays, credits or cancels invoices. What the customer asked stays open as their ticket: whoever
paid everything anyway still has our answer, and a credit if they were right.
"""

from billing import approvals, events
from billing.states import move
from models import Dispute, Invoice, among, db

KIND = "dispute"  # of the request for a second person, where a credit is above what one may give
PAID = "The invoice was paid, so nothing of it rests any more. The question itself is still answered."
CANCELED = "The invoice was canceled."


def settle(invoice_ids, *, by, now):
    """Close the open disputes of those of these invoices that owe nothing; returns how many."""
    return _settle(among(Invoice.id, list(invoice_ids)), by, now)


def settle_all(*, by, now):
    """The same for every invoice: what was paid in a way that does not ask here. For the daily job."""
    return _settle(True, by, now)


def _settle(condition, by, now):
    over = (
        Dispute.select(Dispute, Invoice)
        .join(Invoice)
        .where((Dispute.state == Dispute.OPEN) & (Invoice.open_cents == 0) & condition)
    )
    rows = list(over.order_by(Dispute.id))
    for dispute in rows:
        why = CANCELED if dispute.invoice.state == Invoice.VOID else PAID
        with db.atomic():
            move(dispute, Dispute.WITHDRAWN, decision=why, decided_by=by, decided_at=now)
            approvals.lapse(KIND, dispute, reason=why, by=by, now=now)
            events.record("dispute.settled", dispute, by=by, now=now, reason=why)
    return len(rows)
