"""Taking a payment by phone: staff choose what is paid, the processor's page takes the card, or the caller
says yes to a saved one.

Here: the pages before and after. Nobody types a card with us: the browser is sent to the processor, as a
customer's would be, and what came of it is what the processor answers when we ask. The words that are read
for a saved one are those of billing/payments/by_phone.py.
"""

import secrets

from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_admin import expose

from admin import finding, security
from admin.desk import payer_asked_for, payer_loader, typed_parts
from billing import ledger, links, payments
from billing.automatic import methods
from billing.documents import receipt_documents
from billing.errors import BillingError, GatewayUnavailable, PaymentInProgress
from models import Payment, PaymentMethod


class Phone:
    """Mixed into the home view: ``/staff/phone-payment``."""

    @expose("/phone-payment", methods=("GET", "POST"))
    def phone_payment(self):
        """Choose what the caller pays."""
        customer = payer_asked_for()
        if customer is None:
            return self.render(
                "admin/choose_customer.html",
                loader=payer_loader(),
                typed=request.args.get("customer-text", ""),
                heading="Take a payment by phone",
            )
        invoices = list(ledger.open_invoices(customer).limit(100))
        wrong = {}
        if request.method == "POST":
            parts, wrong = typed_parts(invoices)
            wrong |= _not_payable(parts)
            if parts and not wrong and request.form.get("method"):
                if asked := self._read_aloud(customer, parts):
                    return asked
            elif parts and not wrong:
                started = self._started(customer, parts)
                if started is not None:
                    return redirect(url_for("staff.phone_page", id=started.id), 303)
            elif not wrong:
                flash("Enter an amount for at least one invoice.", "error")
        return self.render(
            "admin/phone_payment.html",
            customer=customer,
            balance=ledger.balance(customer, today=g.today),
            invoices=invoices,
            standing=ledger.standing_attempts([invoice.id for invoice in invoices]),
            chosen=finding.as_id(request.args.get("invoice", "")),
            wrong=wrong,
            contact=links.mail_contact(customer),
            click=secrets.token_urlsafe(16),
            methods=list(methods.active(customer)) if security.may("staff.phone_saved") else [],
        ), 400 if request.method == "POST" else 200

    def _read_aloud(self, customer, parts, *, refused=""):
        """The page with the words to read to the caller; None after a refusal, which is flashed."""
        method = _saved(customer) if security.may("staff.phone_saved") else abort(403)
        if method is None:
            flash("This card or account cannot be used any more. Choose another way to pay.", "error")
            return None
        try:
            script = payments.script(customer, parts, method, today=g.today)
        except BillingError as refusal:
            flash(str(refusal), "error")
            return None
        contact = links.mail_contact(customer)
        return self.render(
            "admin/phone_saved.html",
            customer=customer,
            parts=parts,
            cents=sum(cents for _, cents in parts),
            method=method,
            script=script,
            contact=contact,
            said_by=request.form.get("said_by", ""),
            refused=refused,
            click=request.form.get("click") or secrets.token_urlsafe(16),
        ), 400 if refused else 200

    @expose("/phone-payment/saved", methods=("POST",))
    def phone_saved(self):
        """The caller said yes: charge what was read to them, once however often the button is pressed."""
        customer = payer_asked_for() or abort(404)
        parts, _ = typed_parts(list(ledger.open_invoices(customer).limit(100)))
        back = redirect(url_for("staff.phone_payment", customer=customer.id), 303)
        try:
            payment = self._said_yes(customer, parts)
        except (PaymentInProgress, BillingError) as refusal:
            asked = self._read_aloud(customer, parts, refused=str(refusal))
            return asked or back
        return redirect(url_for("staff.phone_return", id=payment.id), 303)

    def _said_yes(self, customer, parts):
        method = _saved(customer)
        if method is None:
            raise BillingError("This card or account cannot be used any more. Choose another way to pay.")
        if "yes" not in request.form:
            raise BillingError("Tick that they said yes. Without it nothing is charged.")
        return payments.charge_by_phone(
            customer, parts, method=method, said_by=request.form.get("said_by", ""),
            mark=request.form.get("mark", ""), gateway=current_app.gateway, by=g.by, today=g.today, now=g.now,
            key=payments.click_key(customer, parts, request.form.get("click", ""), method),
        )  # fmt: skip

    def _started(self, customer, parts):
        """The payment whose page is open now; None after a refusal, which is flashed."""
        try:
            return payments.start_by_phone(
                customer,
                parts,
                key=payments.click_key(customer, parts, request.form.get("click", "")),
                gateway=current_app.gateway,
                urls=phone_urls,
                by=g.by,
                today=g.today,
                now=g.now,
                contact=links.mail_contact(customer),
            )
        except (PaymentInProgress, GatewayUnavailable, BillingError) as refusal:
            flash(str(refusal), "error")
            return None

    @expose("/phone-payment/<int:id>/page")
    def phone_page(self, id):
        """Send the browser to the processor's page with its token."""
        payment = phoned(id)
        if not payments.can_continue(payment, now=g.now):
            return redirect(url_for("staff.phone_return", id=id), 303)
        return self.render(
            "admin/phone_page.html", payment=payment, hosted_url=current_app.gateway.hosted_url
        )

    @expose("/phone-payment/<int:id>/return")
    def phone_return(self, id):
        """Say exactly what is known about the payment, after asking the processor."""
        return self._told(phoned(id))

    @expose("/phone-payment/<int:id>/cancel")
    def phone_cancel(self, id):
        """The processor's page was left. That alone proves nothing, so it asks as well."""
        return self._told(phoned(id), left=True)

    def _told(self, payment, *, left=False):
        answered = True
        try:
            gateway = current_app.gateway.hurried()
            payment = payments.ask(payment, gateway=gateway, today=g.today, now=g.now)
        except GatewayUnavailable:
            answered = False
        return self.render(
            "admin/phone_told.html",
            payment=payment,
            document=receipt_documents.of(payment, company=g.company),
            is_live=payment.state in Payment.LIVE,
            is_paid=payment.state in Payment.MONEY,
            can_continue=payments.can_continue(payment, now=g.now),
            contact=links.mail_contact(payment.customer),
            answered=answered,
            left=left,
        )


def _not_payable(parts):
    """{invoice id: sentence} of the amounts that cannot be paid online, to stand beside them."""
    wrong = {}
    for invoice, cents in parts:
        try:
            payments.check_amount(invoice, cents)
        except BillingError as refusal:
            wrong[invoice.id] = str(refusal)
    return wrong


def _saved(customer):
    """The customer's own method that was chosen, as long as it can be charged; else None."""
    id = finding.as_id(request.form.get("method", ""))
    return methods.active(customer).where(PaymentMethod.id == id).first() if id else None


def phoned(id):
    """A payment that began with an open page or with a yes on the phone; 404 for any other."""
    id = finding.as_id(id)
    began = Payment.form_token_at.is_null(False) | (Payment.said_by != "")
    payment = Payment.get_or_none((Payment.id == id) & began) if id else None
    return payment or abort(404)


def phone_urls(payment):
    """Where the processor's page leads back to: into the back office."""
    base = current_app.config["BASE_URL"]
    return payments.Urls(
        base + url_for("staff.phone_return", id=payment.id),
        base + url_for("staff.phone_cancel", id=payment.id),
    )
