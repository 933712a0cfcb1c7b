"""Paying: from the click to the processor's page and back to what is known about it.

The order never varies: ``begin`` (POST) writes the attempt and leads to ``pay_page`` (GET), which sends the
browser to the processor; the processor sends it back to ``payment_return``, whose truth is what the
processor answers when we ask, never the address. Every step may be repeated, reloaded or opened twice.
"""

from datetime import timedelta

from flask import abort, current_app, flash, g, redirect, render_template, url_for

from billing import attempts, demands, ledger, links, payments
from billing.automatic import methods
from billing.documents import receipt_documents
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.errors import GatewayUnavailable, PaymentInProgress
from models import Contact, Invoice, Payment
from portal import speaking, visitor
from portal.door import bp

# How long the page of an open payment looks again by itself, and how often.
WATCHED = ((timedelta(minutes=2), 5), (timedelta(minutes=15), 20))


# --- Starting ------------------------------------------------------------------------------------


def begin(customer, parts, *, key, back, contact=None):
    """Start a payment of ``parts`` [(invoice, cents)] and lead to the processor's page.

    key  -- what the button's form carried
    back -- path of the page that the customer came from

    Raises BillingError for amounts that cannot be paid.
    """
    try:
        payment = _started(customer, parts, key, contact)
    except PaymentInProgress as refusal:
        flash(str(refusal))
        return redirect(back, 303)
    except GatewayUnavailable:
        return render_template("portal/unavailable.html", back=back, parts=parts), 503
    visitor.remember_payment(payment, back)
    return redirect(url_for("portal.pay_page", reference=payment.reference), 303)


def asks_for_disputed(invoice, cents, key, method=None):
    """True for a button whose amount holds what was disputed since it was shown; not when pressed twice.

    method -- the saved one that the button named
    """
    invoice = Invoice.get_by_id(invoice.id)
    asked = demands.of(invoice)
    same = payments.click_key(invoice.customer, [(invoice, cents)], key, method)
    is_new = not Payment.select().where(Payment.key == same).exists()
    return bool(demands.disputed_cents(asked)) and cents > demands.undisputed_cents(asked) and is_new


def _started(customer, parts, key, contact):
    told = {"gateway": current_app.gateway, "today": g.today, "now": g.now, "contact": contact}
    told |= {"key": payments.click_key(customer, parts, key), "urls": _urls}
    try:
        return payments.start_online(customer, parts, **told)
    except PaymentInProgress:
        if not look_again(invoice for invoice, _ in parts):
            raise
        return payments.start_online(customer, parts, **told)


def _urls(payment):
    base = current_app.config["BASE_URL"]
    return payments.Urls(
        base + url_for("portal.payment_return", reference=payment.reference),
        base + url_for("portal.payment_cancel", reference=payment.reference),
    )


def look_again(invoices):
    """Ask what became of the attempts that claim these invoices. Returns True when none does any more."""
    for attempt in filter(None, map(ledger.standing_attempt, invoices)):
        if ask(attempt).state in Payment.LIVE:
            return False
    return True


def ask(payment):
    """What the processor says about a payment now; the payment as we know it when it says nothing."""
    try:
        return payments.ask(payment, gateway=current_app.gateway.hurried(), today=g.today, now=g.now)
    except GatewayUnavailable:
        g.unanswered = True
        return payment


# --- On the way to the processor -----------------------------------------------------------------


@bp.get("/payments/<reference:reference>/continue")
def pay_page(reference):
    """Send the browser to the processor's page with its token, by itself or by a button."""
    payment, _ = _own(reference)
    if payment is None or not can_continue(payment):
        return redirect(url_for("portal.payment_return", reference=reference), 303)
    return render_template("portal/pay_page.html", payment=payment, hosted_url=current_app.gateway.hosted_url)


def can_continue(payment):
    """True while the processor's page of an attempt can still be opened."""
    return payments.can_continue(payment, now=g.now)


# --- On the way back -----------------------------------------------------------------------------


@bp.get("/payments/<reference:reference>/return")
def payment_return(reference):
    """Say exactly what is known about a payment, after asking the processor."""
    payment, back = _own(reference)
    if payment is None:
        return render_template("portal/payment_unknown.html"), 404
    return show(ask(payment), back)


@bp.get("/payments/<reference:reference>/cancel")
def payment_cancel(reference):
    """The customer left the processor's page. That alone proves nothing, so it asks as well."""
    payment, back = _own(reference)
    if payment is None:
        return render_template("portal/payment_unknown.html"), 404
    return show(ask(payment), back, left=True)


@bp.get("/payments/<reference:reference>/receipt.pdf")
def payment_receipt(reference):
    """The receipt of a payment that was started in this browser, or is the account's own."""
    payment, _ = _own(reference)
    if payment is None or payment.state not in Payment.MONEY:
        abort(404)
    return receipt_pdf(payment)


def receipt_pdf(payment):
    """A receipt as a file."""
    name = speaking.said(f"Receipt {payment.reference}")
    return pdf_answer(pdf.receipt_pdf(receipt_documents.of(payment)), name)


def show(payment, back, *, left=False):
    """The page of one payment. ``left``: the customer came by the processor's cancel link."""
    return render_template(
        "portal/payment.html",
        payment=payment,
        back=back,
        left=left,
        answered="unanswered" not in g,
        mails_receipt=links.mail_contact(payment.customer) is not None and _is_fresh(payment),
        is_live=payment.state in Payment.LIVE,
        can_continue=can_continue(payment),
        free_at=free_at(payment),
        again_seconds=None if left else _again_seconds(payment),
        document=receipt_documents.of(payment, company=g.company),
        invoices=[part.invoice for part in payment.parts],
        open_again=_open_again(payment),
        is_mine=g.contact is not None and g.contact.customer_id == payment.customer_id,
        can_save=_can_save(payment),
    )


def _open_again(payment):
    """The invoices that it paid once, and does not any more, as far as they are open; the oldest first."""
    if payment.state in Payment.LIVE:
        return []
    return list(ledger.owed_again(payment))


def _can_save(payment):
    """True for a payer who is signed in and paid with something that is not saved."""
    mine = g.contact and g.contact.role == Contact.PAYER and g.contact.customer_id == payment.customer_id
    return bool(mine) and methods.can_save(payment)


def _is_fresh(payment):
    return g.now - (payment.concluded_at or g.now) < timedelta(hours=1)


def free_at(payment):
    """When an attempt that is never finished lets its invoices go: the processor's page is long dead then."""
    since = payment.form_token_at or payment.created_at
    return since + attempts.QUARANTINE + attempts.SEARCHES_APART * (attempts.EMPTY_SEARCHES - 1)


def _again_seconds(payment):
    """Seconds until the page looks again by itself, or None when it does not."""
    if payment.state not in Payment.LIVE:
        return None
    age = g.now - payment.created_at
    return next((seconds for until, seconds in WATCHED if age < until), None)


def _own(reference):
    """(payment, path back) for a payment that this browser may see, else (None, None)."""
    payment = Payment.get_or_none(Payment.reference == reference)
    if payment is None:
        return None, None
    if back := visitor.started_at(reference):
        speaking.to(payment.customer)
        return payment, back
    if g.contact and payment.customer_id == g.contact.customer_id:
        return payment, url_for("portal.account")
    return None, None
