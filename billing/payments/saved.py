"""Charging a saved method, by autopay, by one click or by phone: claimed, sent once, and its answer booked.

When autopay charges, and when it tries again, is decided in ``billing.automatic``.
"""

import logging

from peewee import IntegrityError

from billing import attempts, ledger
from billing.errors import BillingError, PaymentInProgress
from billing.outcomes import Approved, Declined, Held, InDoubt, NothingChanged, Returned, Voided
from billing.payments import booking, claiming
from models import Payment, PaymentMethod

log = logging.getLogger(__name__)


def charge_saved(
    customer, parts, *, method, key, gateway, today, now, by, autopay=None, try_number=0, recheck=None,
    said=None,
):  # fmt: skip
    """Charge ``parts`` [(invoice, cents)] to a saved method. Returns the Payment, whose state tells.

    The same ``key`` gives the same payment, and never a second charge. Raises PaymentInProgress while another
    attempt claims one of the invoices, and BillingError for what cannot be charged: nothing was sent then.
    Afterwards it never raises: what the gateway leaves open is ``in_doubt``.

    autopay    -- the authorization, when nobody pressed a button
    try_number -- of automatic tries with this method; billing/automatic/retries.py counts them
    recheck    -- callable() -> parts, asked under the lock: what is still due at that moment; may raise
                  BillingError to call it off
    said       -- ``by_phone.Said``, when somebody said yes on the phone
    """
    claiming.check_owner(customer, parts)
    payment = claiming.same_click(customer, key)
    if payment is not None:
        return payment
    send_by, choose = attempts.send_by(), recheck or (lambda: parts)
    try:
        payment = _claim_charge(customer, choose, key, method, autopay, try_number, said, by, today, now)
    except IntegrityError:
        if earlier := claiming.same_click(customer, key):
            return earlier
        raise PaymentInProgress(claiming.STARTED_ELSEWHERE) from None
    return _charge(payment, gateway, send_by, today, now)


def _claim_charge(customer, choose, key, method, autopay, try_number, said, by, today, now):
    """Claim as sent: who made the claim is the only one who will ever send it."""

    def still_usable():
        usable = PaymentMethod.get_by_id(method.id)
        if usable.customer_id != customer.id or usable.state != PaymentMethod.ACTIVE:
            raise BillingError(f"{usable.label} cannot be used any more. Choose another way to pay.")
        return choose()

    about = {
        "state": Payment.SENT, "kind": method.kind, "method": method, "method_label": method.label,
        "autopay": autopay, "try_number": try_number, "entry_class": _entry_class(method, said),
        "entered_by": by, "ask_at": now + claiming.ASK_CHARGE_AT[0],
    }  # fmt: skip
    if said is not None:
        about |= {"said_by": said.by, "said_words": said.script.text, "said_version": said.script.version}
    return claiming.claim(customer, still_usable, key, today, now, **about)


def _entry_class(method, said):
    """How a bank debit was authorized, for the bank: by a company, or by a person, on the phone or online."""
    if method.kind != PaymentMethod.BANK:
        return ""
    if method.account_type == "businessChecking":
        return "CCD"
    return Payment.BY_TELEPHONE if said else "WEB"


def _charge(payment, gateway, send_by, today, now):
    """Ask for the money, outside any transaction, and book the answer.

    A process that was stopped after its claim may wake when others have long given up on the attempt. It
    leaves the attempt alone then: nothing was sent, and the confirm step frees its invoices.
    """
    if attempts.is_too_late(send_by):
        log.warning("%s was claimed too long ago to be sent", payment)
        return payment
    method = payment.method
    outcome = gateway.charge(
        profile_id=payment.customer.profile_id,
        method_id=method.token,
        amount_cents=payment.amount_cents,
        reference=payment.reference,
        description=claiming.description(payment),
        recurring=payment.autopay_id is not None,
        by_customer=payment.autopay_id is None,
        network_transaction_id=method.network_transaction_id,
        first_amount_cents=method.first_cents,
        send_by=send_by,  # looked at once more when the connection stands
    )
    return _book_answer(payment, outcome, today, now)


def _book_answer(payment, outcome, today, now):
    """The answer to our own call, in one transaction; a webhook may have been faster."""
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        if payment.state not in Payment.LIVE:
            return payment
        match outcome:
            case Approved():
                booking.book(
                    payment, today, now, transaction_id=outcome.transaction_id, auth_code=outcome.auth_code
                )
                _remember_first(payment, outcome)
            case Declined(reason_code=code, sentence=sentence, transaction_id=id):
                booking.end(
                    payment,
                    Payment.DECLINED,
                    sentence,
                    now,
                    today,
                    decline_code=code,
                    transaction_id=id or None,
                )
            case Held():
                booking.hold(payment, outcome, now)
            case InDoubt(why=why):
                booking.doubt(payment, why, now)
            case Voided() | Returned() | NothingChanged():
                booking.doubt(payment, f"The processor answered a charge with {type(outcome).__name__}.", now)
    return Payment.get_by_id(payment.id)


def _remember_first(payment, approved):
    """Later charges of a saved method name the first one to the card network."""
    if approved.network_transaction_id:
        PaymentMethod.update(
            network_transaction_id=approved.network_transaction_id, first_cents=payment.amount_cents
        ).where(
            (PaymentMethod.id == payment.method_id) & (PaymentMethod.network_transaction_id == "")
        ).execute()
