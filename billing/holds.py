"""Pauses of messages and of autopay: begun, and ended, with an entry in the history of the customer.

Not here: what a person of ours may put on hold, and for how long (notices/resting.py), and the pauses of
contracts (contracts.py), which end by charging again.
"""

from billing import events, ledger, words
from billing.errors import BillingError
from billing.periods import DAY
from models import Hold

BEGUN = {Hold.AUTOPAY: "hold.begun", Hold.NOTICES: "hold.messages_held"}
ENDED = {Hold.AUTOPAY: "hold.lifted", Hold.NOTICES: "hold.messages_released"}


def begin(scope, customer, reason, *, by, today, now, until=None, payment=None):
    """Let messages or autopay of a customer rest from today. Returns the Hold.

    until   -- the last day; None: until somebody ends it
    payment -- the one that came back, where that is why
    """
    with ledger.locked(customer.id):
        hold = Hold.create(
            scope=scope, customer=customer, reason=reason[:120], by=by, starts_on=today, ends_on=until,
            created_at=now, payment=payment,
        )  # fmt: skip
        told = f"Until {words.date(until)}: {hold.reason}" if until else hold.reason
        events.record(BEGUN[scope], hold, by=by, now=now, reason=told)
    return hold


def after_payments(scope):
    """A query of the holds without an end that payments began which came back."""
    return Hold.select().where(
        (Hold.scope == scope) & Hold.payment.is_null(False) & Hold.ends_on.is_null()
    )  # fmt: skip


def can_end(hold, today):
    """True for a pause of messages or autopay that runs on after today."""
    return hold.scope in ENDED and (hold.ends_on is None or hold.ends_on > today)


def end(hold, *, by, today, now):
    """End a pause: tomorrow, for one that began today; else at once. Returns the Hold.

    What is due is charged again, and messages leave again, with the next daily run. Raises BillingError for
    one that is over already, or ends today by itself.
    """
    with ledger.locked(hold.customer_id):
        stands = (Hold.id == hold.id) & (Hold.ends_on.is_null() | (Hold.ends_on > today))
        last_on = max(hold.starts_on, today - DAY)
        if not can_end(hold, today) or not Hold.update(ends_on=last_on).where(stands).execute():
            raise BillingError("This hold is over, or ends today by itself.")
        hold = Hold.get_by_id(hold.id)
        events.record(ENDED[hold.scope], hold, by=by, now=now, reason=hold.reason)
    return hold
