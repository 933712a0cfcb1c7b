"""What staff do to money that came: ask about it, refund it, note that a bank took it back, answer a dispute.

Here: the forms and the one call of each into ``billing/``. Not here: who may (security.py), how an action
asks and answers (acting.py), taking a payment (desk.py, phone.py).
"""

import wtforms
from flask import current_app, g

from admin import labels
from admin.actions import Action, Reason, click_of, day_of, text_field
from admin.fields import ChoiceInput, DateInput, Filled, MoneyInput
from billing import attempts, holds, outcomes, payments, words
from billing import company as companies
from billing.errors import BillingError, GatewayUnavailable
from billing.money import format_cents
from billing.reversals import refunds, returns
from models import Chargeback, Payment, Refund

BY_HAND = (
    (Payment.CHECK, "Check, by hand"),
    (Payment.CASH, "Cash, by hand"),
    (Payment.WIRE, "Wire, by hand"),
)


class ReturnForm(wtforms.Form):
    """Why a check came back."""

    reason = text_field(
        "Reason", 120, hint="Such as: insufficient funds. The customer is told.", to_customer=True
    )


class BankReturnForm(wtforms.Form):
    """What the bank said."""

    code = ChoiceInput("The bank's code", choices=[])
    on = DateInput("Returned on", [Filled()])


class RefundForm(wtforms.Form):
    """How much, how, and why."""

    amount = MoneyInput("Amount", [Filled()])
    how = ChoiceInput("Paid back by", choices=[])
    reason = text_field(
        "Reason", 255, hint="The customer and your colleagues will read it.", to_customer=True
    )
    reopen = wtforms.BooleanField(
        "Let the invoices that it paid be owed again",
        description="Then they are to pay it another way; nothing is charged again by itself. If they are to "
        "keep the money, leave this out and give them a credit first: as much is free then.",
    )
    room = None  # what can be refunded of the payment that it is about

    def validate_amount(self, field):
        """Said next to the amount; the use case refuses the same once more, under its lock."""
        most, free = self.room.most_cents, self.room.free_cents
        if field.data <= 0:
            raise wtforms.ValidationError("Enter an amount above zero.")
        if field.data > most:
            raise wtforms.ValidationError(f"Only {format_cents(most)} of this payment can be refunded.")
        if not free and not self.reopen.data:
            raise wtforms.ValidationError(
                "All of it pays invoices. To refund it, tick below that they are owed again."
            )
        if field.data > free and not self.reopen.data:
            raise wtforms.ValidationError(
                f"Only {format_cents(free)} can be refunded as it is; the rest pays invoices. To refund it "
                "as well, tick below that they are owed again."
            )


class ConcludeForm(wtforms.Form):
    """How one found out."""

    reason = text_field("How you found out", 200, hint="Your colleagues will read it.")


class DisputeForm(wtforms.Form):
    """What the bank says about a dispute."""

    amount = MoneyInput("Disputed amount", [Filled()])
    reason = text_field("The bank's reason", 200, hint="As the bank words it, such as: not recognized.")
    answer_by_on = DateInput("Answer by", [Filled()], description="The last day to send the evidence.")
    fee = MoneyInput("The bank's fee", [wtforms.validators.Optional()], description="What it costs us.")


class LetterForm(wtforms.Form):
    """What the bank wrote about a case."""

    reason = text_field("The bank's reason", 200, hint="As the bank words it, such as: not recognized.")
    answer_by_on = DateInput("Answer by", [Filled()], description="The last day to send the evidence.")
    fee = MoneyInput("The bank's fee", [wtforms.validators.Optional()], description="What it costs us.")


class NoteForm(wtforms.Form):
    """What to remember."""

    note = text_field("Note", 200, optional=True, hint="Only staff read it.")


# --- payments --------------------------------------------------------------------------------------


def _ask(payment, form):
    asked = payments.ask(payment, gateway=current_app.gateway, **day_of(by=False))
    return f"The processor was asked: the payment is {asked.state.replace('_', ' ')}."


def _fill_refund(form, rows):
    payment, form.room = rows[0], refunds.room(rows[0])
    own = [(payment.kind, f"Back to {payment.method_label or 'the same account'}")]
    form.how.offer([*(own if payment.kind in Payment.BY_PROCESSOR else []), *BY_HAND])
    if form.amount.raw_data is None:
        form.amount.data = form.room.free_cents or form.room.most_cents


def _refund(payment, form):
    order = refunds.start(
        payment, amount_cents=form.amount.data, how=form.how.data, reason=form.reason.data,
        reopen=form.reopen.data, key=click_of(payment), **day_of(),
    )  # fmt: skip
    return _sent(order)


def _sent(order):
    """Send an order that may go, and say in a sentence where it stands."""
    try:
        order = refunds.send(order, gateway=current_app.gateway, **day_of(by=False))
    except GatewayUnavailable:
        return f"{order} for {_cents(order)} is ordered. The processor does not answer; it is sent later."
    return _standing(order)


def _standing(order):
    match order.state:
        case Refund.WAITING:
            limit = format_cents(companies.current().refund_alone_cents)
            return f"{_cents(order)} waits for a second person: refunds above {limit} need one."
        case Refund.PREPARED:
            return f"{order} for {_cents(order)} is ordered. {order.outcome}"
        case Refund.SENT | Refund.IN_DOUBT:
            return f"The processor has not answered about {order}. It is asked again; nothing is sent twice."
        case Refund.DECLINED:
            raise BillingError(order.outcome)
    if order.how == Refund.VOID:
        return f"{order.payment} was canceled before it settled. Its invoices are owed again."
    if order.how in Refund.BY_HAND:
        return f"{_cents(order)} was refunded by {order.how}."
    return f"{_cents(order)} was sent back to {order.payment.method_label or 'the customer'}."


def _cents(row):
    return format_cents(row.amount_cents)


def _bounce(payment, form):
    returns.bounce(payment, reason=form.reason.data, **day_of())
    return f"{payment} came back. Its invoices are owed again, and the customer will be told."


def _fill_codes(form, rows):
    form.code.offer(
        [(code, f"{code}: {cause.staff_sentence}") for code, cause in sorted(outcomes.RETURN_CAUSES.items())]
    )
    if form.on.raw_data is None:
        form.on.data = g.today


def _take_back(payment, form):
    if form.on.data > g.today:
        raise BillingError("The bank cannot have returned it in the future. Check the date.")
    taken = returns.take_back(payment, code=form.code.data, on=form.on.data, **day_of())
    again = f" It is tried again on {words.date(taken.retry_on)}." if taken.retry_on else ""
    return f"{payment} was returned. Its invoices are owed again, and the customer will be told.{again}"


def _fill_dispute(form, rows):
    if form.amount.raw_data is None:
        form.amount.data = rows[0].amount_cents


def _dispute(payment, form):
    case = returns.open_chargeback(
        payment, amount_cents=form.amount.data, reason=form.reason.data, fee_cents=form.fee.data or 0,
        answer_by_on=form.answer_by_on.data, **day_of(),
    )  # fmt: skip
    by = words.date(case.answer_by_on)
    return f"{case} is open: send the evidence by {by}. Automatic payment rests for this customer."


def _fill_letter(form, rows):
    if form.reason.raw_data is None:
        case = rows[0]
        form.reason.data, form.answer_by_on.data = case.reason, case.answer_by_on
        form.fee.data = case.fee_cents or None


def _note_letter(case, form):
    case = returns.note_letter(
        case, reason=form.reason.data, answer_by_on=form.answer_by_on.data, fee_cents=form.fee.data or 0,
        **day_of(),
    )  # fmt: skip
    return f"Noted: {case} is to be answered by {words.date(case.answer_by_on)}."


def _conclude(payment, form):
    payments.conclude_by_hand(payment, reason=form.reason.data, **day_of())
    return f"{payment} is concluded: no money moved, and its invoices are free."


def _payment_effect(payment):
    left = f", {format_cents(payment.open_cents)} of it not applied" if payment.open_cents else ""
    return f"{_cents(payment)}{left}"


def _refund_effect(payment):
    room = refunds.room(payment)
    if room.free_cents == room.most_cents:
        return f"{format_cents(room.most_cents)} can be refunded"
    return (
        f"{format_cents(room.most_cents)} can be refunded, {format_cents(room.free_cents)} of it without "
        "an invoice being owed again"
    )


def _is_ours(payment):
    return payment.state in returns.OURS


def _is_unresolved(payment):
    open_for = g.now - payment.created_at
    return payment.state in (Payment.SENT, Payment.IN_DOUBT) and open_for >= attempts.UNRESOLVED


PAYMENT = (
    Action(
        "ask",
        "Ask the processor",
        _ask,
        lead="Asks the processor what became of this attempt, and books the answer. Nothing is charged.",
        fits=lambda payment: payment.state in Payment.LIVE,
        effect=_payment_effect,
    ),
    Action(
        "conclude",
        "Conclude by hand",
        _conclude,
        form=ConcludeForm,
        lead="After three days without an answer, and after you have made sure at the processor: no money "
        "moved. The invoices can be paid again, and the customer is told. Should the money appear one day, "
        "it is booked all the same.",
        fits=_is_unresolved,
        effect=_payment_effect,
        tone="danger",
    ),
    Action(
        "refund",
        "Refund",
        _refund,
        form=RefundForm,
        lead="Until the nightly settlement a whole payment is canceled; later it is sent back to the card or "
        "account that paid. A part waits for the settlement and goes by itself.",
        fits=lambda payment: refunds.room(payment).most_cents > 0,
        effect=_refund_effect,
        fill=_fill_refund,
        bulk=False,
    ),
    Action(
        "bounce",
        "Came back",
        _bounce,
        form=ReturnForm,
        lead="The check was returned: the invoices that it paid are owed again, and the customer is told.",
        fits=lambda payment: _is_ours(payment) and payment.kind in Payment.BY_HAND,
        effect=_payment_effect,
        tone="danger",
    ),
    Action(
        "take_back",
        "Returned by the bank",
        _take_back,
        form=BankReturnForm,
        lead="Normally the processor tells us. Use this when you have it in writing and it does not: the "
        "invoices are owed again, the code has its consequence for the account, and the customer is told.",
        fits=lambda payment: _is_ours(payment) and payment.kind == Payment.BANK,
        effect=_payment_effect,
        fill=_fill_codes,
        bulk=False,
        tone="danger",
    ),
    Action(
        "dispute",
        "Enter a chargeback",
        _dispute,
        form=DisputeForm,
        lead="The payer disputed it at their bank, which took the money back. The payment is frozen, its "
        "invoices are owed again, automatic payment rests, and a case with the evidence opens.",
        fits=lambda payment: _is_ours(payment) and payment.kind in Payment.BY_PROCESSOR,
        effect=_payment_effect,
        fill=_fill_dispute,
        bulk=False,
        tone="danger",
    ),
)


# --- refunds ---------------------------------------------------------------------------------------


class RefundConcludeForm(ConcludeForm):
    """What became of a refund, and how one found out."""

    has_gone = ChoiceInput(
        "What became of it", choices=[("yes", "The money went back"), ("no", "It did not")]
    )


def _approve(refund, form):
    return _sent(refunds.approve(refund, **day_of()))


def _refuse(refund, form):
    refunds.refuse(refund, reason=form.reason.data, by=g.by, now=g.now)
    return f"{refund} was refused: nothing goes back."


def _go_on(refund, form):
    return _standing(refunds.go_on(refund, gateway=current_app.gateway, **day_of(by=False)))


def _conclude_refund(refund, form):
    done = refunds.conclude_by_hand(
        refund, has_gone=form.has_gone.data == "yes", reason=form.reason.data, **day_of()
    )
    what = "went back" if form.has_gone.data == "yes" else "stayed here"
    return f"{done} is concluded: the money {what}."


def _order_effect(refund):
    who = labels.person(refund.by)
    return f"{_cents(refund)} of {refund.payment}, ordered by {who}: {refund.reason}"


REFUND = (
    Action(
        "approve",
        "Approve",
        _approve,
        lead="You are the second person: with your word the money goes back at once.",
        fits=lambda refund: refund.state == Refund.WAITING and not refunds.is_mine(refund, g.by),
        effect=_order_effect,
        tone="main",
    ),
    Action(
        "refuse",
        "Refuse",
        _refuse,
        form=Reason,
        lead="Nothing goes back. What was kept for the refund is on the account again.",
        fits=lambda refund: refund.state in (Refund.WAITING, Refund.PREPARED),
        effect=_order_effect,
        tone="danger",
    ),
    Action(
        "ask",
        "Ask the processor",
        _go_on,
        lead="Asks the processor now how the payment or the refund stands, and goes on from there.",
        fits=lambda refund: refund.state in (Refund.PREPARED, Refund.SENT, Refund.IN_DOUBT),
        effect=_order_effect,
    ),
    Action(
        "conclude",
        "Conclude by hand",
        _conclude_refund,
        form=RefundConcludeForm,
        lead="After three days without an answer, and after you have looked at the processor yourself.",
        fits=lambda refund: (
            refund.state in (Refund.SENT, Refund.IN_DOUBT) and g.now - refund.sent_at >= attempts.UNRESOLVED
        ),
        effect=_order_effect,
        bulk=False,
        tone="danger",
    ),
)


# --- disputes --------------------------------------------------------------------------------------


def _case_effect(case):
    by = f", answer by {words.date(case.answer_by_on)}" if case.answer_by_on else ""
    return f"{_cents(case)} of {case.payment}{by}"


CHARGEBACK = (
    Action(
        "letter",
        "Note the bank's letter",
        _note_letter,
        form=LetterForm,
        lead="The processor tells only that the money was taken. Why, and by when the bank takes an answer, "
        "stands in its letter: noted here, the deadline stands on the first page of the back office.",
        fits=lambda case: case.state in (Chargeback.OPEN, Chargeback.ANSWERED),
        effect=_case_effect,
        fill=_fill_letter,
        bulk=False,
    ),
    Action(
        "answer",
        "Evidence was sent",
        lambda case, form: returns.answer(case, note=form.note.data, **day_of()) and None,
        form=NoteForm,
        lead="The evidence went to the bank. Now the bank decides.",
        done="{row} is answered.",
        fits=lambda case: case.state == Chargeback.OPEN,
        effect=_case_effect,
        tone="main",
    ),
    Action(
        "win",
        "Won",
        lambda case, form: returns.win(case, note=form.note.data, **day_of()) and None,
        form=NoteForm,
        lead="The bank gave the money again: it pays what it paid before, as far as that is still owed. "
        "Automatic payment goes on.",
        done="{row} is won: the payment counts again.",
        fits=lambda case: case.state != Chargeback.WON,
        effect=_case_effect,
    ),
    Action(
        "lose",
        "Lost",
        lambda case, form: returns.lose(case, note=form.note.data, **day_of()) and None,
        form=NoteForm,
        lead="The bank decided for the payer: the invoices stay owed. Automatic payment rests until you lift "
        "its hold; speak with the customer first.",
        done="{row} is lost. The invoices stay owed.",
        fits=lambda case: case.state in (Chargeback.OPEN, Chargeback.ANSWERED),
        effect=_case_effect,
        tone="danger",
    ),
)
HOLD = (
    Action(
        "lift",
        "Lift",
        lambda hold, form: holds.end(hold, **day_of()) and None,
        lead="What it held goes on, tomorrow at the latest: automatic payment charges what is due, and "
        "messages about what is past due leave again. Lift it when you have spoken with the customer.",
        done="The hold was lifted.",
        fits=lambda hold: holds.can_end(hold, g.today),
        effect=lambda hold: hold.reason,
    ),
)
