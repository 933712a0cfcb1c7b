"""A customer's messages on hold: by a person of ours, with a reason and a last day, undone the same way.

What a hold keeps back is what asks for money (billing/collections/gate); it is looked at again each day, so a
hold ends by itself. Not here: how one is ended (billing/holds.py), the pauses of contracts (contracts.py).
"""

from billing import holds, ledger, masking, words
from billing.errors import BillingError
from billing.periods import DAY
from models import Hold

LONGEST = 90 * DAY
WAITS = (
    "What asks for money waits, also what is on its way: reminders, late notices, personal mails, late fees, "
    "suspensions and hand-overs."
)
COMES = (
    "Still sent, because the customer or the law wants it, and no hold stops it: invoices, receipts, answers "
    "to questions, what autopay will charge, contract ends, new prices."
)


def running(customer_ids, today):
    """A query of the holds of messages that count today, newest last."""
    return (
        Hold.select()
        .where(
            Hold.customer.in_(list(customer_ids))
            & (Hold.scope == Hold.NOTICES)
            & (Hold.starts_on <= today)
            & (Hold.ends_on.is_null() | (Hold.ends_on >= today))
        )
        .order_by(Hold.id)
    )


def lasting(customer_ids, today):
    """Of those that run, all but those that end today: on its last day, the next one may begin."""
    return running(customer_ids, today).where(Hold.ends_on.is_null() | (Hold.ends_on > today))


def begin(customer, *, until, reason, by, today, now):
    """Keep a customer's messages about money back until a day, and with it. Returns the Hold.

    Raises BillingError without a reason, for a day that is over or too far away, and while one lasts.
    """
    reason = masking.reason(reason, "Say why: whoever looks at the account reads it.")
    if until < today:
        raise BillingError("That day is over. Choose today or a later one.")
    if until > today + LONGEST:
        raise BillingError(f"Choose a day until {words.date(today + LONGEST)}: then somebody looks again.")
    with ledger.locked(customer.id):
        if known := lasting([customer.id], today).first():
            raise BillingError(f"Messages are on hold already: {known.reason.rstrip('.')}.")
        about = {"by": by, "today": today, "now": now, "until": until}
        return holds.begin(Hold.NOTICES, customer, reason, **about)
