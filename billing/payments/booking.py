"""Booking what the processor says about an attempt, in one transaction, whoever learned it first.

Return page, webhook, confirm step and reconciliation all come here; each is enough, together they are
harmless. Money that was taken back later belongs to ``billing.reversals``.
"""

from billing import attempts, events, ledger, notices, undisputed
from billing.automatic import retries
from billing.outcomes import Approved, Declined, Held, InDoubt, NothingChanged, Returned, Voided
from billing.payments import claiming
from billing.remedies import write_offs
from billing.reversals import refunds, returns
from billing.states import move
from models import Payment, PaymentPart, db

# --- Whose it is, and what it says ---------------------------------------------------------------


def of_transaction(transaction):
    """The payment that counts a transaction, else the attempt that it was made for; None for a refund's.

    A second charge of one attempt has a payment of its own under the attempt's reference.
    """
    if transaction.is_refund:
        return None
    counted = Payment.get_or_none(Payment.transaction_id == transaction.transaction_id)
    if counted or not transaction.reference:
        return counted
    return Payment.get_or_none(Payment.reference == transaction.reference)


def conclude(payment, transaction, *, today, now):
    """Book what the gateway tells about an attempt, in one transaction; harmless when it is known already.

    A decline is not final while the customer may still try again on the same page. Money that comes after
    we stopped waiting is still booked, and so is money that comes twice.
    """
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)  # another of the three ways may have been faster
        if payment.state in returns.KNOWN and returns.is_told_by(transaction):
            returns.follow(transaction, today=today, now=now)
        elif transaction.is_money and Payment.APPROVED not in Payment.MOVES.get(payment.state, ()):
            _book_extra(payment, transaction, today, now)
        elif transaction.is_money or not _counts_another(payment, transaction):
            _follow(payment, transaction, today, now)
    return Payment.get_by_id(payment.id)


def _counts_another(payment, transaction):
    """True when this payment is, or waits for, another transaction: what refuses this one is no news."""
    counts = payment.state in (Payment.HELD, *Payment.MONEY)
    return counts and payment.transaction_id != transaction.transaction_id


def _follow(payment, transaction, today, now):
    """Let the payment become what its transaction is."""
    match transaction.outcome():
        case Approved() if transaction.amount_cents != payment.amount_cents:
            doubt(payment, "The processor reports another amount than was asked for.", now)
        case Approved():
            _book_transaction(payment, transaction, today, now)
        case Held():
            hold(payment, transaction, now)
        case Declined() as refusal:
            _note_decline(payment, refusal, today, now)
        case Voided() | NothingChanged():
            _cancel(payment, transaction, today, now)
        case Returned():
            _take_back(payment, transaction, today, now)
        case InDoubt(why=why):
            doubt(payment, why, now)


# --- Money ---------------------------------------------------------------------------------------


def _book_transaction(payment, transaction, today, now):
    book(
        payment,
        today,
        now,
        Payment.SETTLED if transaction.is_settled else Payment.APPROVED,
        kind=transaction.kind,
        method_label=transaction.method_label or payment.method_label,
        transaction_id=transaction.transaction_id,
        auth_code=transaction.auth_code,
    )


def book(payment, today, now, state=Payment.APPROVED, **known):
    """The money is ours: apply it to what it was meant for; what is no longer owed stays on the account."""
    ended = {"concluded_at": now, "ask_at": None, "form_token": "", "reason": "", "retry_on": None}
    move(payment, state, received_on=today, **ended, **known)
    claiming.free(payment)
    _apply_to_parts(payment, today, now)
    undisputed.settle([part.invoice_id for part in payment.parts], by=events.PROCESSOR, now=now)
    notices.queue_receipt(payment, now=now)
    events.record("payment.approved", payment, by=events.PROCESSOR, now=now)


def _apply_to_parts(payment, today, now):
    """What an invoice still needs of it; an invoice that was written off meanwhile is paid after all."""
    ledger.open_money(payment)
    meant = [(part.invoice, part.amount_cents) for part in payment.parts.order_by(PaymentPart.id)]
    for invoice, cents in write_offs.make_room(payment, meant, by=events.PROCESSOR, today=today, now=now):
        cents = min(cents, invoice.open_cents)
        if cents:
            ledger.apply(payment, [(invoice, cents)], by=events.PROCESSOR, on=today)


def _book_extra(payment, transaction, today, now):
    """The customer managed to pay twice: keep the second as unapplied, for a refund, and know it once."""
    if Payment.select().where(Payment.transaction_id == transaction.transaction_id).exists():
        return
    extra = Payment.create(
        customer=payment.customer_id,
        reference=f"{payment.reference}-{transaction.transaction_id[-4:]}",
        key=f"extra:{transaction.transaction_id}",
        state=Payment.APPROVED,
        kind=transaction.kind,
        amount_cents=transaction.amount_cents,
        method_label=transaction.method_label,
        transaction_id=transaction.transaction_id,
        auth_code=transaction.auth_code,
        received_on=today,
        reason="Paid a second time on another open page. Refund it, or keep it as credit if they wish.",
        created_at=now,
        concluded_at=now,
    )
    ledger.open_money(extra)
    notices.queue_receipt(extra, now=now)
    events.record("payment.twice", extra, by=events.PROCESSOR, now=now, reason=extra.reason)


# --- No money, or not yet ------------------------------------------------------------------------


def hold(payment, transaction, now):
    """Neither paid nor failed: the processor's people look at it, and the invoices stay claimed."""
    if Payment.HELD not in Payment.MOVES.get(payment.state, ()):
        return
    move(payment, Payment.HELD, transaction_id=transaction.transaction_id, ask_at=now + claiming.ASK_LATER)
    claiming.claim_again(payment)
    events.record("payment.held", payment, by=events.PROCESSOR, now=now)


def _note_decline(payment, refusal, today, now):
    """While the page can still be sent, the customer may try another card there: the claim stays."""
    may_try_again = payment.method_id is None and now < claiming.opened_at(payment) + attempts.QUARANTINE
    if may_try_again and payment.state in (Payment.SENT, Payment.IN_DOUBT):
        Payment.update(reason=refusal.sentence[:255]).where(Payment.id == payment.id).execute()
    elif payment.state in Payment.LIVE:
        code, id = refusal.reason_code, refusal.transaction_id or None
        end(payment, Payment.DECLINED, refusal.sentence, now, today, decline_code=code, transaction_id=id)


def end(payment, state, reason, now, today, **changes):
    """No money moved and none will: free the invoices. The same consequences, whoever found it out."""
    with db.atomic():
        move(payment, state, reason=reason[:255], concluded_at=now, ask_at=None, form_token="", **changes)
        claiming.free(payment)
        events.record(f"payment.{state}", payment, by=events.PROCESSOR, now=now, reason=reason)
        if state == Payment.DECLINED and payment.method_id:
            retries.after_decline(payment, today=today, now=now)


def _cancel(payment, transaction, today, now):
    """Canceled at the processor: by a refund of ours, by its people, or before we counted it."""
    if payment.state in Payment.LIVE:
        why = "The payment was canceled at the processor."
        end(payment, Payment.VOIDED, why, now, today, transaction_id=transaction.transaction_id)
    else:
        refunds.payment_voided(payment, today=today, now=now)


def _take_back(payment, transaction, today, now):
    """A debit came back before we knew that it had gone through: it counts for a moment, and then no more."""
    if payment.state in Payment.LIVE and transaction.was_returned:
        _book_transaction(payment, transaction, today, now)
        returns.follow(transaction, today=today, now=now)


def doubt(payment, why, now):
    """Keep the claim, tell staff, ask again."""
    if payment.state in (Payment.PREPARED, Payment.SENT):
        next_question = claiming.ASK_CHARGE_AT[0] if payment.method_id else claiming.ASK_AT[1]
        move(payment, Payment.IN_DOUBT, reason=why[:255], ask_at=now + next_question)
        events.record("payment.in_doubt", payment, by=events.PROCESSOR, now=now, reason=why)
