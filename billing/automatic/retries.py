"""When autopay tries a method again after a decline or a return, and when never again.

The calendar is arithmetic on days and try numbers; what follows from a decline or a return is decided in the
transaction that concludes the payment, so it is the same whoever found out: our own call, the confirm step, a
webhook, the settlement. What earlier tries mean for today is read in ``tries``; charging itself belongs in
``charging``.
"""

from contextlib import suppress
from datetime import timedelta

from billing import notices
from billing.automatic import methods, tries
from billing.errors import StaleState
from billing.outcomes import HARD, OURS, RETRY, cause_of, return_cause
from models import Autopay, Payment, PaymentMethod

TRY_AGAIN_AFTER = (3, 5, 7)  # days after the first, second and third declined try: four within fifteen days
DEBIT_AGAIN_AFTER = (5, 10)  # days after the first and second return: Nacha allows two more presentments
DEBIT_WITHIN = timedelta(days=180)  # of the first
ON_THE_PAGE = timedelta(minutes=2)  # whoever pressed a button so recently reads the answer there
BY = "processor"


# --- The calendar --------------------------------------------------------------------------------


def next_try(tried_on, try_number, *, today):
    """The day of the try after ``try_number`` was declined softly, or None when that was the last.

    Gaps count from the day of the try itself; a decline that was learned late is tried again tomorrow at the
    earliest.

    >>> from datetime import date
    >>> next_try(date(2026, 12, 1), 1, today=date(2026, 12, 1))
    datetime.date(2026, 12, 4)
    >>> next_try(date(2026, 12, 16), 4, today=date(2026, 12, 16))
    """
    if not 1 <= try_number <= len(TRY_AGAIN_AFTER):
        return None
    return max(tried_on + timedelta(days=TRY_AGAIN_AFTER[try_number - 1]), today + timedelta(days=1))


def next_debit(first_on, try_number, *, today):
    """The day on which a debit that came back ``today`` for lack of funds is tried again, or None.

    first_on -- the day of the first try; 180 days later nothing is tried any more (Nacha Operating Rules,
                reinitiation of entries)

    >>> from datetime import date
    >>> next_debit(date(2026, 12, 1), 1, today=date(2026, 12, 4))
    datetime.date(2026, 12, 9)
    >>> next_debit(date(2026, 12, 1), 3, today=date(2026, 12, 21))
    """
    if not 1 <= try_number <= len(DEBIT_AGAIN_AFTER):
        return None
    again_on = today + timedelta(days=DEBIT_AGAIN_AFTER[try_number - 1])
    return again_on if again_on <= first_on + DEBIT_WITHIN else None


# --- What follows --------------------------------------------------------------------------------


def after_decline(payment, *, today, now):
    """Decide what follows from the decline of a saved method, in the transaction that concludes it.

    Hard: never again with this method, and its owner is asked for another. Soft: again by the calendar, as
    far as it was an automatic try. Ours: tomorrow, without a word to the customer, who cannot help it.
    """
    cause = cause_of(payment.decline_code, payment.kind)
    if cause.kind == HARD:
        _give_up_method(payment, cause.sentence, now)
        notices.queue_method_problem(payment, now=now)
    elif cause.kind == OURS:
        _plan(payment, today + timedelta(days=1) if payment.try_number else None)
    else:
        again_on = next_try(payment.received_on, payment.try_number, today=today)
        _plan(payment, again_on if _may_repeat(payment) else None)
        if payment.try_number or now - payment.created_at > ON_THE_PAGE:
            notices.queue_charge_declined(payment, now=now)


def after_return(payment, *, today, now):
    """Decide what follows from a returned bank debit, in the transaction that books it.

    Lack of funds: again by the calendar, twice at most, as far as it was an automatic charge. Anything else:
    never again with this account until somebody has looked or the customer has agreed anew.
    """
    cause = return_cause(payment.return_code)
    if cause.consequence == RETRY:
        invoices = [part.invoice_id for part in payment.parts]
        earlier = [one for one, _ in tries.tried([payment.method_id], invoices)]
        first_on = min(one.received_on for one in (payment, *earlier))
        again_on = next_debit(first_on, max(payment.try_number, 1), today=today)
        _plan(payment, again_on if _may_repeat(payment) else None)
    else:
        _give_up_method(payment, cause.sentence, now)


def _may_repeat(payment):
    """True while autopay with this method stands: else nothing is tried again, and no mail may promise it."""
    standing = (Autopay.method == payment.method_id) & Autopay.ended_at.is_null()
    return payment.autopay_id is not None and Autopay.select().where(standing).exists()


def _plan(payment, again_on):
    Payment.update(retry_on=again_on).where(Payment.id == payment.id).execute()
    payment.retry_on = again_on
    payment._dirty.discard("retry_on")


def _give_up_method(payment, reason, now):
    method = PaymentMethod.get_by_id(payment.method_id)
    with suppress(StaleState):  # removed or disabled by somebody else in this moment: as good
        methods.disable(method, reason=reason, by=BY, now=now)
