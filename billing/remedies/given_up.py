"""Bad debt that somebody paid after all, with money that came back: a person first, before anything asks.

Two people had given it up, and whoever tried to pay it has shown good will. It is owed again, because the
books say what is so; but until a person has looked, no message asks for it and no fee is added. They end the
hold, or give the debt up again. Not here: writing off, and what was paid after all (write_offs.py).
"""

from billing import events
from billing.periods import DAY
from models import Credit, CreditReversal, Hold, Invoice, db

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
    about = {"scope": Hold.NOTICES, "customer": payment.customer_id, "reason": REASON}
    hold = Hold.create(by=by, starts_on=today, created_at=now, **about)
    events.record("hold.begun", hold, by=by, now=now, reason=REASON)
    return hold


def running():
    """A query of the holds that wait for a person's word."""
    return Hold.select().where(
        (Hold.reason == REASON) & (Hold.scope == Hold.NOTICES) & Hold.ends_on.is_null()
    )


def settle(today, *, now):
    """End the holds of those who owe nothing of it any more, paid or given up again. Returns how many."""
    owed = (
        Invoice.select(Invoice.customer)
        .join(Credit)
        .join(CreditReversal)
        .where(Invoice.IS_OWED & (Credit.kind == Credit.BAD_DEBT) & CreditReversal.payment.is_null(False))
    )
    over = list(running().where(Hold.customer.not_in(owed)))
    for hold in over:
        with db.atomic():
            Hold.update(ends_on=max(hold.starts_on, today - DAY)).where(Hold.id == hold.id).execute()
            events.record("hold.lifted", hold, by="daily job", now=now, reason=REASON)
    return len(over)
