"""Asking what became of an attempt, until it is known, or a person has found out.

No answer is not "declined": "it never happened" takes a quarantine and two empty searches.
"""

from contextlib import suppress

from billing import attempts, events, ledger, masking, notices
from billing.errors import BillingError, StaleState
from billing.payments import booking, claiming
from models import Payment


def due_to_ask(now):
    """A query of the attempts whose answer is missing and should be asked for now."""
    return (
        Payment.select()
        .where((Payment.ask_at <= now) & Payment.state.in_(Payment.LIVE))
        .order_by(Payment.ask_at)
    )


def ask(payment, *, gateway, today, now):
    """Ask the gateway what became of an attempt, and book it. Returns the payment as it is now.

    "It never happened" is concluded only after a quarantine longer than a page can live, and two empty
    searches. Raises GatewayUnavailable when there was no usable answer; nothing changes then but the
    time of the next question.
    """
    if payment.state not in Payment.LIVE:
        return payment
    ask_at = claiming.next_question(payment, now)
    _ask_again(payment, min(ask_at, now + attempts.WITHOUT_ANSWER))  # should this one die, or get no answer
    listed = gateway.find(payment.reference, since=payment.created_at)
    _ask_again(payment, ask_at)
    found = [one for one in listed if not one.is_refund and not one.is_entry_about_another]
    if not found:
        _nothing_found(payment, today, now)
    for transaction in _telling(payment, found):
        booking.conclude(payment, transaction, today=today, now=now)
    return Payment.get_by_id(payment.id)


def _ask_again(payment, ask_at):
    Payment.update(ask_at=ask_at).where(
        (Payment.id == payment.id) & (Payment.state == payment.state)
    ).execute()


def _telling(payment, found):
    """Those of an attempt's transactions that say what became of it.

    One page can be sent more than once: money counts before a review, a review before a refusal, and among
    refusals the one that we waited for, else the last.
    """
    money = [one for one in found if one.is_money]
    undecided = [one for one in found if not one.is_final]
    awaited = [one for one in found if one.transaction_id == payment.transaction_id]
    return money or undecided or awaited or found[-1:]


def _nothing_found(payment, today, now):
    """An empty search proves nothing while a page could still be sent, or the lists could still lag."""
    if payment.state == Payment.HELD or not attempts.never_arrived(payment, claiming.opened_at(payment), now):
        return
    declined = payment.reason and payment.state == Payment.SENT
    never = (
        "The charge never reached the processor."
        if payment.method_id
        else "The payment page was never completed."
    )
    reason = payment.reason if declined else never
    with suppress(StaleState):  # it was booked while we searched
        booking.end(payment, Payment.DECLINED if declined else Payment.EXPIRED, reason, now, today)


# --- By hand, when nobody answers ----------------------------------------------------------------


def unresolved(now):
    """A query of the attempts that have had no answer for three days: work for a person."""
    silent = Payment.created_at <= now - attempts.UNRESOLVED
    return Payment.select().where(Payment.state.in_((Payment.SENT, Payment.IN_DOUBT)) & silent)


def conclude_by_hand(payment, *, reason, by, today, now):
    """A person found out that no money moved: free the invoices. Returns the payment.

    Only after three days without an answer; should the processor report the money one day, it is booked.
    Whoever paid by themselves, and was told that we check it, is told; autopay tries again and then tells.
    """
    if not unresolved(now).where(Payment.id == payment.id).exists():
        raise BillingError("Only a payment that has had no answer for three days is concluded by hand.")
    reason = masking.reason(reason, "Say how you found out; your colleagues will read it.")
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        events.record("payment.concluded_by_hand", payment, by=by, now=now, reason=reason)
        booking.end(payment, Payment.EXPIRED, f"{reason} ({by})", now, today)
        if payment.autopay_id is None:
            notices.queue_payment_problem(payment, now=now)
    return payment
