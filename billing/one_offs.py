"""One-off work after it was entered: canceling it, and whether its words may still be mended.

Billing it is the bill step's (billing/bill.py).
"""

from billing import events, ledger, masking
from billing.errors import BillingError
from models import Invoice, Line, OneOff


def cancel(work, *, reason, by, today, now):
    """Take back work that will not be billed. Returns it; raises BillingError once it is billed or canceled.

    A bill run at the same moment holds the same lock, so that work is billed or canceled and never both.
    """
    reason = masking.reason(reason, "Say why the work is canceled.")
    with ledger.locked(work.customer_id):
        waiting = (OneOff.id == work.id) & OneOff.billed_on.is_null() & OneOff.canceled_on.is_null()
        if not OneOff.update(canceled_on=today, version=OneOff.version + 1).where(waiting).execute():
            raise BillingError("This work is billed or canceled already. Credit the invoice instead.")
        events.record("one_off.canceled", work, by=by, now=now, reason=reason)
    return OneOff.get_by_id(work.id)


def is_unclear(work):
    """True while it waits on a draft that would confuse its reader: its words are mended, then billed."""
    drafts = Line.select().join(Invoice).where(
        (Line.one_off == work) & (Invoice.state == Invoice.DRAFT) & (Invoice.unclear != "")
    )  # fmt: skip
    return drafts.exists()
