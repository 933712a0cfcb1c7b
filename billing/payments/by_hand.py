"""Payments that come by hand: check, cash, money order, wire, or a bank's bill pay."""

from billing import attempts, events, ledger, masking, notices, undisputed
from billing.errors import BillingError
from billing.money import format_cents
from billing.payments import claiming
from billing.remedies import write_offs
from models import Payment

SUSPICIOUS_TIMES = 10  # from so many times what is owed on, a slipped decimal point is the likelier story


def record(
    customer, *, amount_cents, kind, received_on, key, by, today, now,
    check_number="", parts=None, note="", confirmed=False,
):  # fmt: skip
    """Enter a payment that came by hand. Returns the Payment; the same ``key`` again, the same one.

    parts     -- [(invoice, cents)] to pay; None pays the oldest invoices first. The rest becomes credit.
    confirmed -- staff looked twice at an amount far above what is owed

    Raises BillingError with a sentence for what cannot be.
    """
    with ledger.locked(customer.id):
        if earlier := claiming.same_click(customer, key):
            return earlier
        _check_by_hand(customer, amount_cents, kind, received_on, parts, confirmed, today)
        payment = Payment.create(
            customer=customer,
            reference=attempts.reference("PL"),
            key=key,
            state=Payment.APPROVED,
            kind=kind,
            amount_cents=amount_cents,
            received_on=received_on,
            method_label=_by_hand_label(kind, check_number),
            check_number=check_number,
            entered_by=by,
            note=masking.typed(note)[:255],
            created_at=now,
            concluded_at=now,
        )
        ledger.open_money(payment)
        _pay(payment, parts, {"by": by, "today": today, "now": now})
        notices.queue_receipt(payment, now=now)
        events.record("payment.recorded", payment, by=by, now=now, customer=customer)
    return payment


def _pay(payment, parts, told):
    """What was named, else the oldest first; what is left pays what was given up as bad debt."""
    by, today = told["by"], told["today"]
    if parts is None:
        ledger.apply_oldest_first(payment, by=by, on=today)
    else:
        ledger.apply(payment, write_offs.make_room(payment, parts, **told), by=by, on=today)
        undisputed.settle([invoice.id for invoice, _ in parts], by=by, now=told["now"])
    write_offs.recover(payment, **told)


def _check_by_hand(customer, amount_cents, kind, received_on, parts, confirmed, today):
    if kind not in Payment.BY_HAND:
        raise BillingError("Choose check, cash, money order or wire.")
    if amount_cents <= 0:
        raise BillingError("Enter an amount above zero.")
    if received_on > today:
        raise BillingError("The payment cannot have come in the future. Check the date.")
    if parts and sum(cents for _, cents in parts) > amount_cents:
        raise BillingError("The invoices add up to more than the payment.")
    owed = ledger.balance(customer, today=today).due_cents + write_offs.bad_debt_cents(customer.id)
    if amount_cents >= SUSPICIOUS_TIMES * max(owed, 100) and not confirmed:
        raise BillingError(
            f"{format_cents(amount_cents)} is far more than the {format_cents(owed)} that is owed. "
            "If it is right, tick “The amount is right” and save again."
        )


def _by_hand_label(kind, check_number):
    name = {
        Payment.CHECK: "Check",
        Payment.CASH: "Cash",
        Payment.MONEY_ORDER: "Money order",
        Payment.WIRE: "Wire",
        Payment.BILL_PAY: "Bank bill pay",
    }[kind]
    return f"{name} {check_number}".strip()
