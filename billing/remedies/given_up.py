"""Bad debt that somebody paid after all, with money that came back: a person first, before anything asks.

Two people had given it up, and whoever tried to pay it has shown good will. It is owed again, because the
books say what is so; but until a person has looked, no message asks for it and no fee is added. They end the
hold, or give the debt up again. Not here: writing off, and what was paid after all (write_offs.py).
"""

from billing import holds
from billing.errors import BillingError
from models import Credit, CreditReversal, Hold, Invoice

REASON = "Bad debt was paid, and that payment came back"


def came_back(payment, *, by, today, now):
    """A payment is gone again: hold messages where it had paid bad debt. Returns the Hold, or None.

    Runs in the transaction that takes the payment back.
    """
    paid = CreditReversal.select().join(Credit).where(
        (CreditReversal.payment == payment) & (Credit.kind == Credit.BAD_DEBT)
    )  # fmt: skip
    if not paid.exists() or running().where(Hold.customer == payment.customer_id).exists():
        return None
    about = {"by": by, "today": today, "now": now, "payment": payment}
    return holds.begin(Hold.NOTICES, payment.customer, REASON, **about)


def running():
    """A query of the holds that wait for a person's word."""
    return holds.after_payments(Hold.NOTICES)


def settle(today, *, now):
    """End the holds of those who owe nothing of it any more, paid or given up again. Returns how many."""
    owed = (
        Invoice.select(Invoice.customer)
        .join(Credit)
        .join(CreditReversal)
        .where(Invoice.IS_OWED & (Credit.kind == Credit.BAD_DEBT) & CreditReversal.payment.is_null(False))
    )
    over = list(running().where(Hold.customer.not_in(owed)))
    return sum(_ended(hold, today, now) for hold in over)


def _ended(hold, today, now):
    """End one hold; False where staff were quicker."""
    try:
        holds.end(hold, by="daily job", today=today, now=now)
    except BillingError:
        return False
    return True
