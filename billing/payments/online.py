"""Online payments: the processor's hosted page, opened by the customer or, on the phone, by staff.

The same click, a double click, a second tab and the back button lead to one page, and so to one charge.
"""

from dataclasses import dataclass
from datetime import timedelta

from peewee import IntegrityError

from billing import attempts, events
from billing import company as companies
from billing.errors import GatewayUnavailable, PaymentInProgress, StaleState
from billing.payments import claiming
from billing.states import move
from models import Payment, PaymentPart, db

# A hosted page can be opened for fifteen minutes; a page that was open then may still be sent.
FORM_LIFE = timedelta(minutes=14)


@dataclass(frozen=True)
class Urls:
    """Where the hosted page sends the customer back to; paths only, without ? and #."""

    return_url: str
    cancel_url: str


def start_online(customer, parts, *, key, gateway, urls, today, now, contact=None):
    """Prepare an online payment of ``parts`` [(invoice, cents)] and ask for its hosted page.

    Returns the Payment with ``form_token``, which the browser posts to ``gateway.hosted_url``. The same
    click (``key``), and the same parts while their page is fresh, get the same payment and page, so a
    double click, a second tab and the back button all lead to one charge.

    urls -- callable(payment) -> Urls

    Raises PaymentInProgress while another attempt claims one of the invoices, GatewayUnavailable when
    the processor cannot be reached (nothing was charged), BillingError for amounts that cannot be.
    """
    claiming.check_owner(customer, parts)
    payment = claiming.same_click(customer, key) or _same_attempt(parts)
    if payment is None:
        payment = _claim_or_join(customer, parts, key, today, now)
    if payment.state == Payment.PREPARED:
        return _open_page(payment, gateway, urls(payment), now, contact)
    if can_continue(payment, now=now):
        return payment
    if payment.state in Payment.LIVE:
        raise PaymentInProgress(claiming.in_progress_sentence(payment))
    return payment  # the same click again, after it was concluded: show what became of it


def start_by_phone(customer, parts, *, key, gateway, urls, by, today, now, contact=None):
    """Staff open the processor's page on behalf of a customer who is on the phone. Returns the Payment.

    Everything is as in ``start_online``: nobody types a card with us. The audit names the member of staff,
    and so does the payment, unless the customer had opened the same page already.
    """
    payment = start_online(
        customer, parts, key=key, gateway=gateway, urls=urls, today=today, now=now, contact=contact
    )
    with db.atomic():
        fresh = (Payment.id == payment.id) & (Payment.key == key) & (Payment.entered_by == "")
        if Payment.update(entered_by=by).where(fresh).execute():
            events.record("payment.by_phone", payment, by=by, now=now, customer=customer)
    return payment


def _same_attempt(parts):
    """The live page for exactly these parts, or None. Raises PaymentInProgress for any other attempt."""
    wanted = {invoice.id: cents for invoice, cents in parts}
    claims = PaymentPart.select(PaymentPart, Payment).join(Payment).where(
        PaymentPart.live & PaymentPart.invoice.in_(list(wanted))
    )  # fmt: skip
    standing = {part.payment_id: part.payment for part in claims}
    for payment in standing.values():
        claimed = {part.invoice_id: part.amount_cents for part in payment.parts}
        is_page = payment.method_id is None and payment.state in (Payment.PREPARED, Payment.SENT)
        if is_page and claimed == wanted:
            return payment
        raise PaymentInProgress(claiming.in_progress_sentence(payment))
    return None


def _claim_or_join(customer, parts, key, today, now):
    """A new attempt; or, where another was faster, the one that it made for the same click or parts."""
    try:
        ask_at = now + attempts.QUARANTINE
        return claiming.claim(customer, lambda: parts, key, today, now, kind=Payment.ONLINE, ask_at=ask_at)
    except IntegrityError:
        earlier = claiming.same_click(customer, key) or _same_attempt(parts)
        if earlier is None:
            raise PaymentInProgress(claiming.STARTED_ELSEWHERE) from None
        return earlier


def can_continue(payment, *, now):
    """True while the processor's page of an attempt can still be opened; a charge without one has none."""
    opened_at = payment.form_token_at
    return payment.state == Payment.SENT and opened_at is not None and now < opened_at + FORM_LIFE


def _open_page(payment, gateway, urls, now, contact):
    """Ask for the page outside any transaction. Of two at once, the first stores its token and wins."""
    try:
        page = _ask_page(payment, gateway, urls, contact)
    except GatewayUnavailable:
        _give_up(payment, "The payment processor could not be reached.", now)
        raise
    try:
        move(payment, Payment.SENT, form_token=page.token, form_token_at=now, ask_at=now + claiming.ASK_AT[0])
    except StaleState:
        return Payment.get_by_id(payment.id)
    return payment


def _ask_page(payment, gateway, urls, contact):
    customer = payment.customer
    return gateway.hosted_page(
        reference=payment.reference,
        amount_cents=payment.amount_cents,
        description=claiming.description(payment),
        customer_number=customer.account_number,
        email=contact.email if contact else "",
        merchant_name=companies.current().name,
        return_url=urls.return_url,
        cancel_url=urls.cancel_url,
        bill_to={
            "address": customer.street,
            "city": customer.city,
            "state": customer.state,
            "zip": customer.zip,
        },
    )


def _give_up(payment, reason, now):
    """Nobody ever held a page for this attempt, so no money can move: free its invoices."""
    with db.atomic():
        try:
            move(payment, Payment.EXPIRED, reason=reason, concluded_at=now, ask_at=None)
        except StaleState:
            return
        claiming.free(payment)
