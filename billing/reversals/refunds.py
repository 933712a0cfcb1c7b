"""Refunds: money goes back to who paid, never more than was paid, each order once and never in the dark.

Like a payment, an order is on disk before the processor hears of it, its amount is kept back, and no
transaction is open while the processor is asked. What the processor says about the payment decides whether
it is canceled (not settled, as a whole) or refunded (settled); in between the order waits. No answer is not
"declined": the order is asked about until it is known. Money that others take back belongs in returns.py.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import IntegrityError, fn

from billing import approvals, attempts, banking_days, events, ledger, localtime, masking, notices, words
from billing import company as companies
from billing.errors import BillingError, GatewayUnavailable, StaleState
from billing.events import PROCESSOR
from billing.money import format_cents
from billing.outcomes import (
    Approved,
    Declined,
    Held,
    InDoubt,
    NothingChanged,
    Returned,
    Voided,
    plain_words,
)
from billing.reversals import returns
from billing.states import move
from models import Loss, Payment, Refund

UNSEARCHED = {"asks": 0, "searched_at": None}
PAID = (Refund.APPROVED, Refund.SETTLED)  # the money has gone
MOST_DAYS = timedelta(days=180)  # after settlement; later the processor refuses
ASK_AT = tuple(timedelta(minutes=minutes) for minutes in (5, 60, 120))  # after it was sent; then daily
ASK_LATER = timedelta(days=1)
TRY_LATER = timedelta(hours=1)  # the processor could not be asked, or is at work on the payment
NOT_YET = ("50", "54", "327")  # not settled, or being settled right now
TOO_LATE_TO_VOID = "16"
WAITS_FOR_SETTLEMENT = (
    "Waits for the settlement, normally tonight: before it, only the whole payment can be canceled."
)


@dataclass(frozen=True)
class Room:
    """What can be refunded of a payment, in cents."""

    most_cents: int = 0  # paid and not refunded
    free_cents: int = 0  # of it, without anything being owed again


# --- Ordering ------------------------------------------------------------------------------------


def room(payment):
    """The Room of a payment now; nothing for one that is not money, or is disputed."""
    if payment.state not in Payment.MONEY:
        return Room()
    most = payment.amount_cents - _reserved_cents(payment)
    free = payment.open_cents + ledger.unapplied_credit_cents(payment.customer_id)
    return Room(most, min(free, most))


def _reserved_cents(payment):
    """What has gone back of a payment, or is ordered to."""
    return _cents_of(payment, Refund.state.not_in(Refund.DEAD))


def _cents_of(payment, which):
    """The sum of a payment's refunds for which the condition ``which`` holds."""
    query = Refund.select(fn.SUM(Refund.amount_cents)).where((Refund.payment == payment) & which)
    return int(query.scalar() or 0)


def start(payment, *, amount_cents, reason, key, by, today, now, reopen=False, how=None):
    """Order a refund and keep its amount back. Returns the Refund; the same ``key`` again, the same one.

    It takes what the payment has left over, then lets the customer's unapplied credits pay in its place, and
    only with ``reopen`` the invoices that it paid: they are owed again when the money has gone.

    how -- the way back: card or bank through the processor, check, cash or wire by hand; None: the way it
           came, or a check where the processor cannot any more

    By hand it is done with this. Through the processor call ``send`` next. Above the company's limit it
    waits for a second person. Raises BillingError with a sentence for what cannot be.
    """
    if amount_cents <= 0:
        raise BillingError("Enter an amount above zero.")
    reason = masking.reason(reason, "Give a reason; the customer and your colleagues will read it.")
    try:
        with ledger.locked(payment.customer_id):
            if earlier := _same_click(payment, key):
                return earlier
            payment = Payment.get_by_id(payment.id)
            _check_payment(payment, amount_cents)
            refund = _order(
                payment, _way(payment, how, today), amount_cents, reopen, reason, key, by, today, now
            )
            if refund.state == Refund.PREPARED and refund.how in Refund.BY_HAND:
                _book(refund, Refund.APPROVED, by=by, today=today, now=now)
    except IntegrityError:
        raise BillingError(_STILL_OPEN) from None
    return refund


def _same_click(payment, key):
    """The order that this form made before, or None. A key is only good for the payment it was made for."""
    earlier = Refund.get_or_none(Refund.key == key)
    if earlier is not None and earlier.payment_id != payment.id:
        raise BillingError("This form belongs to another payment. Open its page again.")
    return earlier


_STILL_OPEN = "Another refund of this payment is not finished yet. Wait until it is, then look again."


def _check_payment(payment, amount_cents):
    if payment.state == Payment.CHARGED_BACK:
        raise BillingError("The payer disputed this payment at their bank: nothing is refunded meanwhile.")
    if payment.state == Payment.REFUNDED:
        raise BillingError("All of this payment was refunded already.")
    if payment.state not in Payment.MONEY:
        raise BillingError("Nothing was paid here, so nothing can be refunded.")
    if payment.refunds.where(Refund.state.in_(Refund.LIVE)).exists():
        raise BillingError(_STILL_OPEN)
    most = room(payment).most_cents
    if amount_cents > most:
        raise BillingError(f"Only {format_cents(most)} of this payment can be refunded.")


def _way(payment, how, today):
    """How the money goes back. Raises BillingError for a way that this payment does not have."""
    has_own = payment.kind in Payment.BY_PROCESSOR and payment.transaction_id
    is_old = today > (payment.settled_on or payment.received_on) + MOST_DAYS
    if how is None:
        return payment.kind if has_own and not is_old else Payment.CHECK
    if how in Refund.BY_HAND:
        return how
    if how != payment.kind or not has_own:
        raise BillingError("This payment did not come by card or bank debit. Refund it by check or wire.")
    if is_old:
        raise BillingError("The processor refunds for 180 days only. Refund this payment by check or wire.")
    return how


def _order(payment, how, amount_cents, reopen, reason, key, by, today, now):
    """Write the order and keep its money back; in the transaction of ``start``."""
    reference = attempts.reference("RF")
    alone = _needs_nobody(payment, amount_cents)
    reopen_cents = _keep_back(payment, amount_cents, reopen, f"Refund {reference}", by, today)
    refund = Refund.create(
        payment=payment,
        key=key,
        state=Refund.PREPARED if alone else Refund.WAITING,
        amount_cents=amount_cents,
        reopen_cents=reopen_cents,
        how=how,
        reason=reason[:255],
        by=by,
        by_staff=approvals.staff_of(by),
        made_on=today,
        reference=reference,
        ask_at=now if alone else None,
        created_at=now,
    )
    told = {"cents": amount_cents, "how": how} | ({} if alone else {"waits_for": "a second person"})
    events.record(
        "refund.ordered", refund, by=by, now=now, customer=payment.customer, reason=reason, after=told
    )
    return refund


def _needs_nobody(payment, amount_cents):
    """True while one person may decide alone; splitting a refund into small ones does not get around it."""
    before = _cents_of(payment, Refund.state.not_in(Refund.DEAD) & (Refund.approved_by == ""))
    return before + amount_cents <= companies.current().refund_alone_cents


def _keep_back(payment, cents, reopen, name, by, today):
    """Take what is free, then what credits can pay instead. Returns the cents left to take from invoices."""
    free = min(cents, payment.open_cents)
    swapped = min(cents - free, ledger.unapplied_credit_cents(payment.customer_id))
    left = cents - free - swapped
    if left and not reopen:
        raise BillingError(
            f"Only {format_cents(free + swapped)} of this payment can be refunded as it is; the rest pays "
            "invoices. To refund it as well, let these invoices be owed again."
        )
    if swapped:
        ledger.swap_for_credits(payment, swapped, reason=f"A credit pays instead: {name}", by=by, on=today)
    if cents - left:
        ledger.pay_out(payment, cents - left)
    return left


# --- The second person ---------------------------------------------------------------------------


def approve(refund, *, by, today, now):
    """A second person agrees. Returns the Refund; call ``send`` next. Refuses the one who ordered it."""
    if is_mine(refund, by):
        raise BillingError("You ordered this refund yourself. Somebody else has to approve it.")
    second = approvals.second_person(by, refund.by_staff_id)
    if refund.state != Refund.WAITING:
        raise BillingError("This refund does not wait for a second person any more.")
    with ledger.locked(refund.payment.customer_id):
        payment = Payment.get_by_id(refund.payment_id)
        move(refund, Refund.PREPARED, approved_by=by, approved_by_staff=second, ask_at=now)
        events.record("refund.approved", refund, by=by, now=now, customer=payment.customer)
        if refund.how in Refund.BY_HAND:
            _book(refund, Refund.APPROVED, by=by, today=today, now=now)
    return refund


def is_mine(refund, by):
    """True for who ordered it, whatever their address was then."""
    return approvals.is_one_person(by, refund.by, refund.by_staff_id)


def refuse(refund, *, reason, by, now):
    """No money goes back: a second person refuses, or the one who ordered it takes it back in time."""
    if refund.state not in (Refund.WAITING, Refund.PREPARED):
        raise BillingError("This refund was sent already and cannot be stopped any more.")
    _end(refund, Refund.REFUSED, masking.typed(reason), by=by, now=now)
    return refund


def _end(refund, state, outcome, *, by, now):
    """No money went back: what was kept for it is the payment's again."""
    with ledger.locked(refund.payment.customer_id):
        had_gone = refund.state in PAID
        move(refund, state, outcome=outcome[:255], concluded_at=now, ask_at=None, paid_on=None)
        payment = Payment.get_by_id(refund.payment_id)
        if payment.state in ledger.HOLDS_BACK:
            ledger.take_in(payment, refund.amount_cents - (0 if had_gone else refund.reopen_cents))
        if payment.state == Payment.REFUNDED:
            move(payment, Payment.SETTLED)
        events.record(f"refund.{state}", refund, by=by, now=now, customer=payment.customer, reason=outcome)


# --- Sending -------------------------------------------------------------------------------------


def send(refund, *, gateway, today, now):
    """Ask the processor how the payment stands, then cancel or refund it, or wait. Returns the Refund.

    Raises GatewayUnavailable when the processor could not be asked: nothing was sent, the confirm step
    tries again. Afterwards it never raises: what stays open is ``in_doubt``.
    """
    refund = Refund.get_by_id(refund.id)
    if refund.state != Refund.PREPARED or refund.how in Refund.BY_HAND:
        return refund
    send_by = attempts.send_by()
    _put_off(refund, now + TRY_LATER, refund.outcome)
    transaction = gateway.details(refund.payment.transaction_id)
    if transaction is None:
        _end(refund, Refund.DECLINED, plain_words("319"), by=PROCESSOR, now=now)
        return refund
    match transaction.outcome():
        case Approved():
            how = _how_now(refund, transaction, today, now)
            return refund if how is None else _send(refund, how, gateway, send_by, today, now)
        case Voided():
            payment_voided(refund.payment, today=today, now=now)
        case Returned():
            returns.follow(transaction, today=today, now=now)
        case Held() | Declined() | InDoubt() | NothingChanged():
            _put_off(refund, now + TRY_LATER, f"The processor reports the payment as “{transaction.status}”.")
    return Refund.get_by_id(refund.id)


def _put_off(refund, ask_at, outcome):
    """Set the next try before the first, so that a process that dies asking is followed by another."""
    mine = (Refund.id == refund.id) & (Refund.state == refund.state)
    Refund.update(ask_at=ask_at, outcome=outcome[:255]).where(mine).execute()
    refund.ask_at, refund.outcome = ask_at, outcome[:255]
    refund._dirty.clear()


def _how_now(refund, transaction, today, now):
    """VOID, the payment's kind, or None: the order waits or is refused, and says why."""
    payment = refund.payment
    if not transaction.is_settled:
        if refund.amount_cents == payment.amount_cents:
            return Refund.VOID
        _put_off(refund, now + TRY_LATER, WAITS_FOR_SETTLEMENT)
        return None
    zone = companies.current().time_zone
    settled_on = payment.settled_on or localtime.day(transaction.settled_at or now, zone)
    if today > settled_on + MOST_DAYS:
        why = "The processor refunds for 180 days only. Refund it by check or wire."
        _end(refund, Refund.DECLINED, why, by=PROCESSOR, now=now)
        return None
    safe_on = _safe_on(payment, settled_on)
    if today < safe_on:
        why = f"Waits until {words.date(safe_on)}: before that, the bank can still return the debit."
        _put_off(refund, datetime(safe_on.year, safe_on.month, safe_on.day, 12), why)
        return None
    return payment.kind


def _safe_on(payment, settled_on):
    """The day from which a settled payment is refunded: at once, but for bank debits."""
    if payment.kind != Payment.BANK:
        return settled_on
    return payment.clears_on or banking_days.add(settled_on, companies.current().bank_clear_days)


def _send(refund, how, gateway, send_by, today, now):
    """The one call that moves money, outside any transaction, and its answer in one.

    A process that was stopped after its claim may wake when others have long given up on the order: it
    leaves the order alone then, and the confirm step finds out that nothing was sent.
    """
    payment = refund.payment
    try:
        move(refund, Refund.SENT, how=how, ask_at=now + ASK_AT[0], sent_at=now, outcome="", **UNSEARCHED)
    except StaleState:
        return Refund.get_by_id(refund.id)
    if attempts.is_too_late(send_by):  # looked at once more when the connection stands
        return refund
    if how == Refund.VOID:
        outcome = gateway.void(payment.transaction_id, send_by=send_by)
    else:
        try:
            outcome = gateway.refund(
                payment.transaction_id, refund.amount_cents, reference=refund.reference, send_by=send_by
            )
        except GatewayUnavailable:  # it could not read the payment, and sent nothing
            move(refund, Refund.PREPARED, ask_at=now + TRY_LATER)
            raise
    return _book_answer(refund, outcome, today, now)


def _book_answer(refund, outcome, today, now):
    """The answer to our own call, in one transaction; a webhook may have been faster."""
    with ledger.locked(refund.payment.customer_id):
        refund = Refund.get_by_id(refund.id)
        if refund.state not in (Refund.SENT, Refund.IN_DOUBT):
            return refund
        told = {"by": PROCESSOR, "today": today, "now": now}
        match outcome:
            case Approved(transaction_id=id):
                _book(refund, Refund.APPROVED, transaction_id=id, **told)
            case Voided():
                _book(refund, Refund.APPROVED, **told)
            case Declined(reason_code=code, sentence=sentence):
                _declined(refund, code, sentence, now)
            case Held(transaction_id=id):
                _doubt(refund, "The processor keeps it for review.", now, transaction_id=id)
            case InDoubt(why=why):
                _doubt(refund, why, now)
            case NothingChanged() | Returned():  # done before, by whom? The payment's own details tell
                _doubt(refund, f"The processor answered with {type(outcome).__name__}.", now)
    return Refund.get_by_id(refund.id)


def _declined(refund, code, sentence, now):
    """Not yet is not no: such an order waits and looks at the payment again."""
    if code in NOT_YET and refund.how != Refund.VOID:
        move(refund, Refund.PREPARED, ask_at=now + TRY_LATER, outcome=sentence[:255])
    elif code == TOO_LATE_TO_VOID and refund.how == Refund.VOID:
        why = "The payment has just been settled: it is refunded instead."
        move(refund, Refund.PREPARED, ask_at=now, how=refund.payment.kind, outcome=why)
    else:
        _end(refund, Refund.DECLINED, sentence, by=PROCESSOR, now=now)


def _doubt(refund, why, now, **known):
    if refund.state == Refund.SENT:
        move(refund, Refund.IN_DOUBT, outcome=why[:255], ask_at=now + ASK_AT[0], **known)
        events.record(
            "refund.in_doubt", refund, by=PROCESSOR, now=now, customer=refund.payment.customer, reason=why
        )


def _book(refund, state, *, by, today, now, **known):
    """The money has gone: the invoices that it paid are owed again as ordered, and the payers are told."""
    payment = Payment.get_by_id(refund.payment_id)
    move(refund, state, concluded_at=now, ask_at=None, paid_on=today, outcome="", **known)
    if payment.state in Payment.MONEY and refund.how == Refund.VOID:
        ledger.unapply(payment, reason=str(refund), by=by, on=today, refund=refund)
        ledger.close(payment)
        move(payment, Payment.VOIDED, returned_on=today, reason=refund.reason)
    elif payment.state in ledger.HOLDS_BACK:
        _take_from_invoices(payment, refund, refund.reopen_cents, by, today)
        is_all = _cents_of(payment, Refund.state.in_(PAID)) == payment.amount_cents
        if is_all and payment.state != Payment.REFUNDED:
            move(payment, Payment.REFUNDED)
    elif refund.how != Refund.VOID:
        _book_loss(payment, refund, by, today)
    notices.queue_refund(refund, now=now)
    events.record(
        "payment.refunded", payment, by=by, now=now, reason=refund.reason,
        after={"cents": refund.amount_cents, "how": refund.how},
    )  # fmt: skip


def _take_from_invoices(payment, refund, cents, by, today):
    """Since the order was written, an invoice may have given money back by itself: that is taken first."""
    short = cents - payment.open_cents
    if short > 0:
        ledger.reopen(payment, short, reason=str(refund), by=by, on=today, refund=refund)
    if cents:
        ledger.pay_out(payment, cents)


def _book_loss(payment, refund, by, today):
    """A refund whose answer came after the bank took the payment back: what is left of it, then a loss."""
    there = payment.open_cents + ledger.applied_cents(payment)
    taken = min(there, refund.amount_cents)
    _take_from_invoices(payment, refund, taken, by, today)
    if taken < refund.amount_cents:
        Loss.create(
            payment=payment, key=f"refund:{refund.id}", kind=Loss.AFTER_REFUND, by=by, made_on=today,
            amount_cents=refund.amount_cents - taken, reason=f"{refund} of a payment that is {payment.state}",
        )  # fmt: skip


# --- Learning what happened ----------------------------------------------------------------------


def due_to_ask(now):
    """A query of the orders that should be sent, or asked about, now."""
    return (
        Refund.select()
        .where((Refund.ask_at <= now) & Refund.state.in_((Refund.PREPARED, Refund.SENT, Refund.IN_DOUBT)))
        .order_by(Refund.ask_at)
    )


def go_on(refund, *, gateway, today, now):
    """Take an order one step further: send what waits, ask about what has no answer. Returns the Refund."""
    step = send if refund.state == Refund.PREPARED else ask
    return step(refund, gateway=gateway, today=today, now=now)


def ask(refund, *, gateway, today, now):
    """Ask the processor what became of an order that was sent, and book it. Returns the Refund.

    "It never arrived" is concluded only after a quarantine and two empty searches. Raises GatewayUnavailable
    when there was no usable answer; nothing changes then but the time of the next question.
    """
    refund = Refund.get_by_id(refund.id)
    if refund.state not in (Refund.SENT, Refund.IN_DOUBT):
        return refund
    ask_at = attempts.next_question(refund.sent_at, now, ASK_AT, ASK_LATER)
    _put_off(refund, min(ask_at, now + attempts.WITHOUT_ANSWER), refund.outcome)
    if refund.how == Refund.VOID:
        return _ask_about_void(refund, gateway, ask_at, today, now)
    found = [one for one in gateway.find(refund.reference, since=refund.sent_at) if one.is_refund]
    _put_off(refund, ask_at, refund.outcome)
    for transaction in found:
        follow(transaction, today=today, now=now)
    if not found:
        why = "It never reached the processor, so nothing was sent back. Order it again."
        _nothing_found(refund, lambda: _end(refund, Refund.DECLINED, why, by=PROCESSOR, now=now), now)
    return Refund.get_by_id(refund.id)


def _ask_about_void(refund, gateway, ask_at, today, now):
    """The payment's own details say whether it was canceled; canceling it once more is harmless."""
    transaction = gateway.details(refund.payment.transaction_id)
    _put_off(refund, ask_at, refund.outcome)
    match transaction and transaction.outcome():
        case Voided():
            payment_voided(refund.payment, today=today, now=now)
        case Approved() if transaction.is_settled:
            with ledger.locked(refund.payment.customer_id):
                refund = Refund.get_by_id(refund.id)
                if refund.state in (Refund.SENT, Refund.IN_DOUBT):
                    _declined(refund, TOO_LATE_TO_VOID, "", now)
        case Approved():
            _nothing_found(refund, lambda: _send_again(refund, now), now)
        case Returned():
            _end(refund, Refund.DECLINED, "The payment was taken back by its bank.", by=PROCESSOR, now=now)
            returns.follow(transaction, today=today, now=now)
    return Refund.get_by_id(refund.id)


def _send_again(refund, now):
    why = "The cancellation never reached the processor; it is sent again."
    move(refund, Refund.PREPARED, ask_at=now, outcome=why)


def _nothing_found(refund, conclude, now):
    if attempts.never_arrived(refund, refund.sent_at, now):
        with suppress(StaleState):  # it was booked while we searched
            conclude()


def follow(transaction, *, today, now):
    """Book what the processor tells about a refund. Returns the Refund; None when it was not ordered here."""
    refund = _refund_of(transaction)
    if refund is None:
        return None
    with ledger.locked(refund.payment.customer_id):
        refund = Refund.get_by_id(refund.id)
        told = {"by": PROCESSOR, "today": today, "now": now}
        match transaction.outcome():
            case Approved() if transaction.amount_cents != refund.amount_cents:
                _doubt(refund, "The processor reports another amount than was ordered.", now)
            case Approved():
                _follow_money(refund, transaction, told)
            case Voided() | Declined() | Returned() as refusal:
                _follow_refusal(refund, refusal, now)
            case Held() | InDoubt() | NothingChanged():
                _doubt(refund, f"The processor reports “{transaction.status}”.", now)
    return Refund.get_by_id(refund.id)


def _refund_of(transaction):
    known = Refund.get_or_none(Refund.transaction_id == transaction.transaction_id)
    if known or not transaction.reference:
        return known
    return Refund.get_or_none(Refund.reference == transaction.reference)


def _follow_money(refund, transaction, told):
    """Paid, or settled. One that we had given up on is paid all the same, as far as it was not paid anew."""
    state = Refund.SETTLED if transaction.is_settled else Refund.APPROVED
    if refund.state == Refund.APPROVED and state == Refund.SETTLED:
        move(refund, Refund.SETTLED)
    elif refund.state in (Refund.SENT, Refund.IN_DOUBT) or _was_given_up(refund):
        if refund.state == Refund.DECLINED and refund.payment.state in ledger.HOLDS_BACK:
            given_up = refund.amount_cents - refund.reopen_cents
            _take_from_invoices(refund.payment, refund, given_up, told["by"], told["today"])
        _book(refund, state, transaction_id=transaction.transaction_id, **told)


def _was_given_up(refund):
    """True for one that we called off, and for which its payment still has the money."""
    left_cents = refund.payment.amount_cents - _reserved_cents(refund.payment)
    return refund.state == Refund.DECLINED and refund.amount_cents <= left_cents


def _follow_refusal(refund, refusal, now):
    """The processor did not do it, or its people undid it: the money is with us."""
    why = refusal.sentence if isinstance(refusal, Declined) else "The refund was undone at the processor."
    taken_back = refund.payment.state not in ledger.HOLDS_BACK
    if refund.state in (Refund.SENT, Refund.IN_DOUBT) or (refund.state == Refund.APPROVED and not taken_back):
        _end(refund, Refund.DECLINED, why, by=PROCESSOR, now=now)


def payment_voided(payment, *, today, now):
    """The processor says that a payment is canceled: by a refund of ours, or by somebody else.

    One that was given up and waits to be sent again was ours as well: it arrived late.
    """
    told = {"by": PROCESSOR, "today": today, "now": now}
    was_sent = Refund.state.in_((Refund.SENT, Refund.IN_DOUBT))
    was_sent |= (Refund.state == Refund.PREPARED) & Refund.sent_at.is_null(False)
    with ledger.locked(payment.customer_id):
        ours = payment.refunds.where((Refund.how == Refund.VOID) & was_sent).first()
        if ours:
            _book(ours, Refund.APPROVED, **told)
        else:
            returns.cancel(payment, reason="The payment was canceled at the processor.", **told)


# --- By hand, when nobody answers ----------------------------------------------------------------


def unresolved(now):
    """A query of the orders that have had no answer for three days: work for a person."""
    return Refund.select().where(
        Refund.state.in_((Refund.SENT, Refund.IN_DOUBT)) & (Refund.sent_at <= now - attempts.UNRESOLVED)
    )


def conclude_by_hand(refund, *, has_gone, reason, by, today, now):
    """A person found out whether the money went back. Only after three days without an answer."""
    if not unresolved(now).where(Refund.id == refund.id).exists():
        raise BillingError("Only a refund that has had no answer for three days is concluded by hand.")
    reason = masking.reason(reason, "Say how you found out; your colleagues will read it.")
    with ledger.locked(refund.payment.customer_id):
        refund = Refund.get_by_id(refund.id)
        customer = refund.payment.customer
        events.record("refund.concluded_by_hand", refund, by=by, now=now, customer=customer, reason=reason)
        if has_gone:
            _book(refund, Refund.APPROVED, by=by, today=today, now=now)
        else:
            _end(refund, Refund.DECLINED, reason, by=by, now=now)
    return refund
