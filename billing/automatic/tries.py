"""What earlier tries of a saved method mean for today: how many there were, whether to wait, or to stop.

Only reading; pages, reminders and the autopay step ask here, so that all say the same. What follows from a
decline or a return is decided in ``retries``. Only payments with the same method count: another method,
added or chosen after a decline, is tried at once.
"""

from dataclasses import dataclass
from datetime import date

from billing.outcomes import OURS, cause_of
from models import Payment, PaymentPart, among

ENDED = (Payment.VOIDED, Payment.REFUNDED, Payment.CHARGED_BACK)
CANCELED = "The earlier charge was canceled or paid back, so nothing is charged again by itself."


@dataclass(frozen=True)
class Past:
    """What the automatic tries of one method mean for one invoice."""

    count: int = 0  # tries that reached the bank
    again_on: date | None = None  # the day of the next one
    is_over: bool = False  # not tried again by itself
    is_canceled: bool = False  # over because somebody took the charge back
    sentence: str = ""  # why the last one brought no money


def past(method_ids, invoice_ids):
    """{(method id, invoice id): Past}; pairs that were never tried are left out.

    A charge that was canceled, paid back or disputed by its owner is over, too: a person decides about more.
    """
    found = {}
    for payment, invoice_id in tried(method_ids, invoice_ids):
        key = payment.method_id, invoice_id
        found[key] = _after(found.get(key, Past()), payment)
    return found


def _after(before, payment):
    """The Past after one more try, in the order of time."""
    if payment.state in ENDED:
        return Past(before.count, None, True, True, CANCELED)
    if payment.state not in (Payment.DECLINED, Payment.RETURNED):
        return before  # under way, or it never reached the processor
    if payment.state == Payment.DECLINED and cause_of(payment.decline_code, payment.kind).kind == OURS:
        return Past(before.count, payment.retry_on, False, False, payment.reason)
    count = max(before.count, payment.try_number, 1)  # a debit that its owner started was presented, too
    return Past(count, payment.retry_on, payment.retry_on is None, False, payment.reason)


def tried(method_ids, invoice_ids):
    """[(payment, invoice id)] of the automatic tries and of all returned debits, oldest first."""
    query = (
        PaymentPart.select(PaymentPart, Payment)
        .join(Payment)
        .where(
            among(PaymentPart.invoice, invoice_ids)
            & among(Payment.method, method_ids)
            & ((Payment.try_number > 0) | (Payment.state == Payment.RETURNED))
        )
        .order_by(Payment.created_at, Payment.id)
    )
    return [(part.payment, part.invoice_id) for part in query]


def waits(method_ids, today):
    """{method id: day of the next try} of the methods that wait for one; the latest of several.

    Other invoices on the same method wait with it: a bank that has just said no is not asked again tomorrow.
    """
    planned = Payment.select(Payment.method, Payment.retry_on).where(
        among(Payment.method, method_ids) & (Payment.retry_on > today)  # only what brought no money has a day
    )
    days = {}
    for method_id, retry_on in planned.tuples():
        days[method_id] = max(retry_on, days.get(method_id, retry_on))
    return days
