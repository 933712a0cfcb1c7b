"""Money that came and is taken back by somebody else: returned debits, bounced checks, cancels, disputes.

Here: what that does to the payment, its invoices and its refunds, and the case that a dispute opens. A bank
asks nobody whether the money was refunded already: what went twice is a Loss, never a dead end. Whoever
finds out first (webhook, confirm step, settlement, staff), it is booked once. Not here: money that we send
back (refunds.py), and whether a method is tried again (retries.py).
"""

from peewee import fn

from billing import company as companies
from billing import events, holds, ledger, masking, notices, words
from billing.automatic import retries
from billing.errors import BillingError
from billing.money import format_cents
from billing.outcomes import return_cause
from billing.remedies import given_up
from billing.states import move
from models import Chargeback, Hold, Item, Loss, OneOff, Payment, Refund

FEE_CODES = ("R01", "R09")  # Nacha allows a return fee for lack of funds only
FEE_ITEM = "RETURN-FEE"
OURS = (*Payment.MONEY, Payment.REFUNDED)  # states in which a bank can still take the money back
KNOWN = (*OURS, Payment.RETURNED, Payment.CHARGED_BACK)


# --- A bank debit or a check comes back ----------------------------------------------------------


def follow(transaction, *, today, now):
    """Book what a transaction tells about money that was taken back or given again. Returns its Payment.

    The gateway tells of a return either by the debit's own details or by an entry of its own, of a dispute
    by an entry. None when it belongs to no payment of ours, or ends a dispute that we have not heard of.
    Harmless when it is known already.
    """
    payment = payment_of(transaction)
    if payment is None or payment.state not in KNOWN:
        return payment  # what is not decided yet, or never was money, is decided in payments/
    told = {"by": events.PROCESSOR, "today": today, "now": now}
    if transaction.is_chargeback:
        cents = min(transaction.amount_cents or payment.amount_cents, payment.amount_cents)
        open_chargeback(payment, amount_cents=cents, transaction_id=transaction.transaction_id, **told)
    elif transaction.is_chargeback_reversal:
        case = standing_case(payment)
        if case:
            win(case, **told)
        elif not payment.chargebacks.exists():
            return None  # its dispute is not known yet: whoever tells of this must tell again
    elif (transaction.is_returned or transaction.was_returned) and payment.state != Payment.CHARGED_BACK:
        take_back(payment, code=transaction.return_code, on=_returned_on(transaction) or today, **told)
    return Payment.get_by_id(payment.id)


def is_told_by(transaction):
    """True when a transaction says that money was taken back, or given again after a dispute."""
    taken = transaction.is_returned or transaction.was_returned or transaction.is_chargeback
    return taken or transaction.is_chargeback_reversal


def payment_of(transaction):
    """The payment that a return, a dispute or a debit's own entry is about, or None."""
    for id in (transaction.ref_transaction_id, transaction.transaction_id):
        if id and (found := Payment.get_or_none(Payment.transaction_id == id)):
            return found
    if not transaction.reference:
        return None
    return Payment.get_or_none(Payment.reference == transaction.reference)


def _returned_on(transaction):
    days = [item.returned_on for item in transaction.returned_items if item.takes_back]
    return next((day for day in days if day), None)


def take_back(payment, *, code, on, today, now, by):
    """A bank returned a debit: its invoices are owed again, and what its code means for the account follows.

    code -- the bank's, such as R01; empty when it is not known
    on   -- the bank's date of it; the books note it on ``today``

    Returns the payment; a second report of the same return changes nothing. Raises BillingError for a
    payment that was never money.
    """
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        if payment.state == Payment.RETURNED:
            return _learn_code(payment, code, today, now)
        cause = return_cause(code)
        late = f" The bank's date is {words.date(on)}." if on != today else ""
        _undo(payment, Payment.RETURNED, cause.sentence, by, today, now, cause.staff_sentence + late, code)
        _follow_code(payment, today, now)
        notices.queue_payment_problem(payment, now=now)
    return payment


def _learn_code(payment, code, today, now):
    """The entry of a return may come before the debit's details, which know the code."""
    if code and not payment.return_code and payment.kind == Payment.BANK:
        payment.return_code, payment.reason = code[:5], return_cause(code).sentence
        payment.save()
        _follow_code(payment, today, now)
    return payment


def _follow_code(payment, today, now):
    """What the bank's code means for the account; without one nothing is tried again, and a person looks."""
    if payment.return_code:
        if payment.method_id:
            retries.after_return(payment, today=today, now=now)
        _add_fee(payment, return_cause(payment.return_code), today)


def bounce(payment, *, reason, by, today, now):
    """A check came back: its invoices are owed again, and the customer is told. Returns the payment."""
    if payment.kind not in Payment.BY_HAND or payment.state not in OURS:
        raise BillingError("Only a payment entered by hand that we still have can come back.")
    with ledger.locked(payment.customer_id):
        _undo(payment, Payment.RETURNED, masking.typed(reason) or "Returned", by, today, now)
        notices.queue_payment_problem(payment, now=now)
    return payment


def cancel(payment, *, reason, by, today, now):
    """The payment was canceled at the processor before it settled, and not by a refund of ours."""
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        if payment.state == Payment.APPROVED:
            _undo(payment, Payment.VOIDED, reason, by, today, now)
            notices.queue_payment_problem(payment, now=now)
    return payment


def _undo(payment, state, reason, by, today, now, staff_reason="", code=""):
    """Money that we counted is gone again. Runs in the caller's locked transaction."""
    if payment.state not in OURS:
        raise BillingError(f"{payment} is not money that we have, so nothing can be taken back.")
    _let_refunds_go(payment, f"The payment is {state}.", by, now)
    ledger.unapply(payment, reason=reason, by=by, on=today)
    move(payment, state, returned_on=today, reason=reason[:255], return_code=code[:5])
    ledger.close(payment)
    _note_loss(payment, _refunded_cents(payment), f"return:{payment.id}", reason, by, today)
    given_up.came_back(payment, by=by, today=today, now=now)
    events.record(f"payment.{state}", payment, by=by, now=now, reason=staff_reason or reason)


def _let_refunds_go(payment, why, by, now):
    """What no refund has taken yet is the payment's again; one that was not sent is refused."""
    for refund in list(payment.refunds.where(Refund.state.in_(Refund.LIVE))):
        ledger.take_in(payment, refund.amount_cents - refund.reopen_cents)
        if refund.state in (Refund.WAITING, Refund.PREPARED):
            state = Refund.REFUSED if refund.state == Refund.WAITING else Refund.DECLINED
            move(refund, state, outcome=why, ask_at=None, concluded_at=now)
            events.record(f"refund.{state}", refund, by=by, now=now, customer=payment.customer, reason=why)


def _refunded_cents(payment):
    """What has really gone back of a payment, but by canceling it."""
    paid = (Refund.payment == payment) & Refund.state.in_((Refund.APPROVED, Refund.SETTLED))
    query = Refund.select(fn.SUM(Refund.amount_cents)).where(paid & (Refund.how != Refund.VOID))
    return int(query.scalar() or 0)


def _note_loss(payment, cents, key, reason, by, today, kind=Loss.AFTER_REFUND):
    if cents:
        Loss.create(
            payment=payment, key=key, kind=kind, amount_cents=cents, reason=reason[:255], by=by, made_on=today
        )


def _add_fee(payment, cause, today):
    """The fee of the company's policy, once for each entry: a debit that was tried again bears none."""
    cents = companies.current().return_fee_cents
    if cents <= 0 or cause.code not in FEE_CODES or payment.try_number > 1:
        return
    item, _ = Item.get_or_create(
        code=FEE_ITEM, defaults={"name": "Returned payment fee", "kind": Item.LABOR, "taxable": False}
    )
    payment.return_fee = OneOff.create(
        customer=payment.customer_id,
        item=item,
        text=f"Fee for the returned payment {payment.reference}",
        unit_cents=cents,
        done_on=today,
    )
    payment.save(only=[Payment.return_fee])


# --- Disputes ------------------------------------------------------------------------------------


def open_chargeback(
    payment, *, amount_cents, by, today, now, reason="", fee_cents=0, answer_by_on=None, transaction_id=""
):  # fmt: skip
    """A payer disputed a payment at their bank, which took ``amount_cents`` of it: open the case.

    The payment is frozen and what the bank took is booked, the invoices are owed again by as much, autopay
    of the customer rests, and the payers are told. Returns the Chargeback; the same entry of the processor
    opens one only, also when staff were faster.

    answer_by_on -- the last day on which the bank takes our evidence
    fee_cents    -- what our bank charges for it: a loss at once
    """
    reason = masking.typed(reason)
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        if known := _known_case(payment, transaction_id):
            return known
        _check_dispute(payment, amount_cents, fee_cents)
        case = Chargeback.create(
            payment=payment, customer=payment.customer_id, amount_cents=amount_cents, fee_cents=fee_cents,
            reason=reason[:255], transaction_id=transaction_id or None, opened_on=today,
            answer_by_on=answer_by_on, by=by, created_at=now,
        )  # fmt: skip
        _freeze(payment, case, by, today, now)
        _note_loss(payment, fee_cents, f"fee:{case.id}", f"Fee of {case}", by, today, Loss.FEE)
        _hold_autopay(case, by, today, now)
        notices.queue_payment_problem(payment, now=now)
        events.record(
            "chargeback.opened", case, by=by, now=now, reason=reason, after={"amount_cents": amount_cents}
        )
    return case


def _known_case(payment, transaction_id):
    """The case that this entry of the processor opened, or that staff entered before it came; or None."""
    if not transaction_id:
        return None
    known = Chargeback.get_or_none(Chargeback.transaction_id == transaction_id)
    if known is None and (known := standing_case(payment)) and not known.transaction_id:
        Chargeback.update(transaction_id=transaction_id).where(Chargeback.id == known.id).execute()
    return known


def standing_case(payment):
    """The dispute for which a payment is frozen, or None."""
    return payment.chargebacks.where(Chargeback.state != Chargeback.WON).first()


def _check_dispute(payment, amount_cents, fee_cents):
    if payment.state == Payment.CHARGED_BACK:
        raise BillingError(f"{payment} is disputed already. Continue with that case.")
    if payment.state not in OURS or payment.kind in Payment.BY_HAND:
        raise BillingError("Only a card or bank payment that we have can be disputed.")
    if not 0 < amount_cents <= payment.amount_cents:
        raise BillingError(f"Enter an amount up to the {format_cents(payment.amount_cents)} that were paid.")
    if fee_cents < 0:
        raise BillingError("Enter a fee of zero or more.")


def _freeze(payment, case, by, today, now):
    """Book what the bank took: from what was unapplied, then from the invoices that were paid last.

    What had been refunded before is not there to be taken: it is gone twice, and a loss.
    """
    _let_refunds_go(payment, "The payer disputed the payment at their bank.", by, now)
    room = payment.amount_cents - _refunded_cents(payment)
    taken = min(case.amount_cents, room)
    move(payment, Payment.CHARGED_BACK, reason="You told your bank that you do not agree to this payment.")
    short = taken - Payment.get_by_id(payment.id).open_cents
    if short > 0:
        ledger.reopen(payment, short, reason=str(case), by=by, on=today, chargeback=case)
    if taken:
        ledger.pay_out(payment, taken)
    _note_loss(payment, case.amount_cents - taken, f"chargeback:{case.id}", str(case), by, today)
    given_up.came_back(payment, by=by, today=today, now=now)


def _hold_autopay(case, by, today, now):
    """Nothing is charged by itself while a dispute is open: a second one would follow."""
    if not hold_of(case):
        about = {"by": by, "today": today, "now": now, "payment": case.payment}
        holds.begin(Hold.AUTOPAY, case.customer, str(case), **about)


def hold_of(case):
    """The pause of autopay that this dispute began and that still runs, or None."""
    return holds.after_payments(Hold.AUTOPAY).where(Hold.payment == case.payment_id).first()


def note_letter(case, *, reason, answer_by_on, fee_cents, by, today, now):
    """What the bank wrote about a case that the processor opened without a word. Returns the Chargeback.

    answer_by_on -- the last day on which the bank takes our evidence
    fee_cents    -- what our bank charges for it: a loss, noted once
    """
    with ledger.locked(case.customer_id):
        case = _undecided(case, Chargeback.OPEN, Chargeback.ANSWERED)
        if fee_cents < 0:
            raise BillingError("Enter a fee of zero or more.")
        if case.fee_cents not in (0, fee_cents):
            raise BillingError(
                f"The fee of {format_cents(case.fee_cents)} is in the books already. Leave it."
            )
        if fee_cents and not case.fee_cents:
            _note_loss(case.payment, fee_cents, f"fee:{case.id}", f"Fee of {case}", by, today, Loss.FEE)
        told = {"reason": masking.typed(reason)[:255], "answer_by_on": answer_by_on, "fee_cents": fee_cents}
        Chargeback.update(told).where(Chargeback.id == case.id).execute()
        after = told | {"answer_by_on": answer_by_on.isoformat()}
        events.record("chargeback.letter", case, by=by, now=now, reason=told["reason"], after=after)
    return Chargeback.get_by_id(case.id)


def answer(case, *, by, today, now, note=""):
    """The evidence was sent to the bank. Returns the Chargeback."""
    with ledger.locked(case.customer_id):
        case = _undecided(case, Chargeback.OPEN)
        move(case, Chargeback.ANSWERED, answered_on=today, note=_added(case.note, note))
        events.record("chargeback.answered", case, by=by, now=now, reason=note)
    return case


def _undecided(case, *states):
    case = Chargeback.get_by_id(case.id)
    if case.state not in states:
        raise BillingError(f"{case} is {case.state} already.")
    return case


def win(case, *, by, today, now, note=""):
    """The bank gave the money again: it counts, and pays what it paid before as far as that is owed.

    Raises BillingError while a refund of the payment is not decided. Won already: nothing changes.
    """
    with ledger.locked(case.customer_id):
        case = Chargeback.get_by_id(case.id)
        if case.state == Chargeback.WON:
            return case
        payment = Payment.get_by_id(case.payment_id)
        if payment.refunds.where(Refund.state.in_(Refund.LIVE)).exists():
            raise BillingError("A refund of this payment is still being checked. Decide that first.")
        move(case, Chargeback.WON, closed_on=today, note=_added(case.note, note))
        refunded = _refunded_cents(payment)
        back = min(case.amount_cents, payment.amount_cents - refunded)
        move(payment, Payment.SETTLED, reason="")
        ledger.take_in(payment, back)
        again = ledger.owed_again(payment, chargeback=case)
        ledger.apply_oldest_first(payment, by=by, on=today, only=list(again))
        if refunded == payment.amount_cents:
            move(payment, Payment.REFUNDED)
        if hold := hold_of(case):
            holds.end(hold, by=by, today=today, now=now)
        events.record("chargeback.won", case, by=by, now=now, reason=note)
    return case


def lose(case, *, by, today, now, note=""):
    """The bank decided for the payer: what it took stays gone, and the invoices stay owed.

    Autopay rests until staff lift the hold: they speak with the customer first. Returns the Chargeback.
    """
    with ledger.locked(case.customer_id):
        case = _undecided(case, Chargeback.OPEN, Chargeback.ANSWERED)
        move(case, Chargeback.LOST, closed_on=today, note=_added(case.note, note))
        events.record("chargeback.lost", case, by=by, now=now, reason=note)
    return case


def _added(before, note):
    return "\n".join(part for part in (before, masking.typed(note)) if part)
