"""Pages for the day's work with money: entering a payment by hand, and the bill run with its preview.

Here: forms and one call of a use case each. Not here: where the money goes (billing/), lists and actions.
"""

import secrets

import wtforms
from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from wtforms.validators import Length, Optional

from admin import base, clarity, finding
from admin.actions import Words
from admin.fields import ChoiceInput, DateInput, Filled, MoneyInput, plain_text
from billing import bill, daily, ledger, payments, reports, words
from billing.errors import BillingError
from billing.money import format_cents, parse_cents
from models import Customer, Payment

SHOWN_BILLS = 100


class PaymentForm(wtforms.Form):
    """A payment that came by hand."""

    amount = MoneyInput("Amount", [Filled()])
    kind = ChoiceInput("Kind", choices=[(name, dict(Payment.kind.choices)[name]) for name in Payment.BY_HAND])
    check_number = Words(
        "Check number", [Optional(), Length(max=30, message="At most 30 characters."), plain_text]
    )
    received_on = DateInput("Received", [Filled()])
    note = Words("Note", [Optional(), Length(max=255, message="At most 255 characters."), plain_text])
    confirmed = wtforms.BooleanField("The amount is right")


class Desk:
    """Mixed into the home view: ``/staff/payment/record`` and ``/staff/bill``."""

    @expose("/payment/record", methods=("GET", "POST"))
    def record_payment(self):
        """Enter a check, cash, a money order or a wire: oldest invoice first, or as typed."""
        customer = payer_asked_for()
        if customer is None:
            return self.render(
                "admin/choose_customer.html",
                loader=payer_loader(),
                typed=request.args.get("customer-text", ""),
            )
        invoices = list(ledger.open_invoices(customer).limit(100))
        form = PaymentForm(
            request.form if request.method == "POST" else None, kind=Payment.CHECK, received_on=g.today
        )
        wrong, doubted = {}, False
        if request.method == "POST":
            parts, wrong = typed_parts(invoices)
            if form.validate() and not wrong:
                try:
                    return self._recorded(customer, form, parts)
                except BillingError as refusal:
                    flash(str(refusal), "error")
                    doubted = form.confirmed.label.text in str(refusal)
        return self.render(
            "admin/record_payment.html",
            customer=customer,
            balance=ledger.balance(customer, today=g.today),
            invoices=invoices,
            form=form,
            wrong=wrong,
            open_parts=bool(
                wrong
                or request.args.get("invoice")
                or any(request.form.get(f"part-{one.id}") for one in invoices)
            ),
            doubted=doubted or form.confirmed.data,
            click=request.form.get("click") or secrets.token_urlsafe(16),
        ), 400 if request.method == "POST" else 200

    def _recorded(self, customer, form, parts):
        payment = payments.record(
            customer,
            amount_cents=form.amount.data,
            kind=form.kind.data,
            received_on=form.received_on.data,
            check_number=form.check_number.data or "",
            note=form.note.data or "",
            confirmed=form.confirmed.data,
            parts=parts or None,
            key=payments.by_hand_key(customer, form.amount.data, parts, request.form.get("click", "")),
            by=g.by,
            today=g.today,
            now=g.now,
        )
        flash(recorded_words(payment), "success")
        if "another" in request.form:
            return redirect(url_for("staff.record_payment"), 303)
        return redirect(url_for("staff.customer", id=customer.id), 303)

    @expose("/bill")
    def bill_preview(self):
        """What a bill run would bill today; nothing is written."""
        id = finding.as_id(request.args.get("customer", ""))
        customer = (Customer.get_or_none(Customer.id == id) or abort(404)) if id else None
        bills = bill.preview(g.today, customer=customer)
        ready = [one for one in bills if not one.refusal and (one.lines or one.apart)]
        return self.render(
            "admin/bill.html",
            customer=customer,
            totals=reports.preview_totals(bills),
            bills=ready[:SHOWN_BILLS],
            left_out=max(len(ready) - SHOWN_BILLS, 0),
            refused=[one for one in bills if one.refusal],
            unclear=[one for one in bills if one.unclear and not one.refusal],
            lacking=clarity.lacking(),
            company_url=clarity.company_url(),
        )

    @expose("/bill/run", methods=("POST",))
    def bill_run(self):
        """Issue what the preview showed, for one customer or for all."""
        id = finding.as_id(request.form.get("customer", ""))
        customer = (Customer.get_or_none(Customer.id == id) or abort(404)) if id else None
        try:
            report = run_bill(customer)
        except BillingError as refusal:
            flash(str(refusal), "error")
            return redirect(url_for("staff.bill_preview", customer=id), 303)
        flash(f"Billed: {report}.", "success")
        for who, why in report.skipped[:5]:
            flash(f"{who} was skipped: {why}", "error")
        return redirect(url_for("staff.customer", id=id) if id else url_for("staff_invoice.index_view"), 303)


def run_bill(customer):
    """Run the bill step as a job of its own, so that two at once are refused; returns its Report."""
    job = daily.begin("bill", today=g.today, now=g.now)
    report = None
    try:
        report = bill.run(g.today, by=g.by, now=g.now, customer=customer, job=job)
    finally:
        lines = [str(report)] if report else ["Stopped half way; what was issued is issued."]
        daily.finish(job, lines, failed=report is None, now=g.now)
    return report


def payer_loader():
    """Type-ahead over customers."""
    return finding.Loader(
        Customer,
        base.screen(Customer).search_by,
        lambda: url_for("staff_contact.ajax_lookup", name="customer"),
    )


def payer_asked_for():
    """The customer whom a request names by id, or in words; None for nobody."""
    id = finding.as_id(request.values.get("customer", ""))
    row = Customer.get_or_none(Customer.id == id) if id else None
    return row or payer_loader().find(request.values.get("customer-text", ""))


def typed_parts(invoices):
    """([(invoice, cents)], {invoice id: sentence}) of the amounts typed beside the open invoices."""
    parts, wrong = [], {}
    for invoice in invoices:
        text = request.form.get(f"part-{invoice.id}", "").strip()
        try:
            cents = parse_cents(text) if text else 0
        except BillingError as refusal:
            wrong[invoice.id] = str(refusal)
            continue
        if cents:
            parts.append((invoice, cents))
    return parts, wrong


def recorded_words(payment):
    """What the money did."""
    paid = [f"{part.invoice} ({format_cents(part.amount_cents)})" for part in payment.allocations]
    text = f"{format_cents(payment.amount_cents)} recorded"
    text += f"; it pays {words.joined(paid)}" if paid else ""
    left = payment.open_cents
    return text + (f"; {format_cents(left)} stays on the account as credit." if left else ".")
