"""The account of whoever is signed in: what is owed, what was billed and paid, and their own data.

Everything is found through ``g.customer``, so what belongs to somebody else is not found.
"""

from datetime import date
from typing import NamedTuple

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for

from billing import customers, demands, ledger, links, outlook, prepared
from billing.automatic import methods, upcoming
from billing.documents import receipt_documents, standing, statement_documents
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.errors import BillingError
from billing.payments import claiming
from models import Contact, Invoice, Payment
from portal import autopay, invoice_page, more_time, payments, serious, speaking, visitor
from portal import methods as paying_by_click
from portal.door import NUMBER, bp
from portal.forms import DetailsForm, PayForm, StatementForm, new_key

PAGE = 25
SHOWN = (
    *Payment.LIVE,
    *Payment.MONEY,
    Payment.RETURNED,
    Payment.CHARGED_BACK,
    Payment.REFUNDED,
    Payment.DECLINED,
    Payment.VOIDED,
)
LISTED = (
    Invoice.id, Invoice.number, Invoice.state, Invoice.issued_on, Invoice.due_on, Invoice.total_cents,
    Invoice.open_cents,
)  # fmt: skip


class Asked(NamedTuple):
    """What a page asks for of one invoice."""

    cents: int
    due_on: date | None
    disputed_cents: int


# --- Overview, and paying several invoices at once -----------------------------------------------


@bp.get("/account")
def account():
    """What is owed, what comes next, and one button."""
    if g.contact.role == Contact.TECHNICAL:
        return redirect(url_for("portal.questions"), 303)
    open_invoices = ledger.owed_invoices(g.customer)
    due = demands.of_invoices(open_invoices)
    balance = ledger.balance(g.customer, today=g.today, due=due)
    attempts = _attempts(g.customer)
    claimed = _claimed(open_invoices) if attempts else {}
    charges = upcoming.of_customer(g.customer, today=g.today)
    promised = {row.invoice_id for one in charges if one.is_promise for row in one.planned}
    is_payer = g.contact.role == Contact.PAYER
    return render_template(
        "portal/account.html",
        balance=balance,
        serious=serious.of_customer(g.customer),
        ways=more_time.of_account(g.customer, balance, all_charged=len(promised) == len(open_invoices)),
        invoices=open_invoices,
        asked=_asked(due),
        states=_states(open_invoices, claimed, promised, due),
        claimed=claimed,
        promised=promised,
        charges=[(charge, wait_url if is_payer else "") for charge, wait_url in autopay.shown(charges)],
        coming=outlook.next_invoice(g.customer, today=g.today),
        can_continue=payments.can_continue,
        attempts=attempts,
    )


@prepared.question
def _attempts(customer):
    """The payments that are under way."""
    mine = (Payment.customer == customer) & Payment.state.in_(Payment.LIVE)
    return Payment.select().where(mine).order_by(Payment.id)


@bp.get("/account/pay")
def review():
    """The chosen invoices with their sum, before anything happens."""
    chosen, asked = _chosen(request.args)
    if not chosen:
        flash("Please choose at least one invoice to pay.", "error")
        return redirect(url_for("portal.account"), 303)
    is_payer = g.contact.role == Contact.PAYER
    return render_template(
        "portal/review.html",
        invoices=chosen,
        asked=asked,
        total_cents=sum(asked[invoice.id].cents for invoice in chosen),
        saved=list(methods.active(g.customer)) if is_payer else [],
        key=new_key(),
    )


@bp.post("/account/pay")
def pay():
    """Pay the chosen invoices in full, in one payment: on the processor's page, or with what is saved."""
    (chosen, asked), form = _chosen(request.form), PayForm()
    parts = [(invoice, asked[invoice.id].cents) for invoice in chosen]
    try:
        claiming.check_sum(parts, form.cents if form.validate() else None)
        if "method" in request.form:
            return paying_by_click.pay(parts, form, back=url_for("portal.account"))
        return payments.begin(
            g.customer, parts, key=form.key.data, back=url_for("portal.account"), contact=g.contact
        )
    except BillingError as refusal:
        flash(str(refusal), "error")
        return redirect(url_for("portal.account"), 303)


def _chosen(values):
    """(the customer's own invoices of which something is due among the numbers that were sent, Asked)."""
    numbers = set(values.getlist("invoice"))
    found = [invoice for invoice in ledger.owed_invoices(g.customer) if str(invoice.number) in numbers]
    asked = _asked(demands.of_invoices(found))
    return [invoice for invoice in found if asked[invoice.id].cents], asked


def _asked(due):
    """{invoice id: what is asked for of it, and when}; ``due`` is what demands.of_invoices says."""
    return {
        id: Asked(demands.asked_cents(some, g.today), demands.first_on(some), demands.disputed_cents(some))
        for id, some in due.items()
    }


def _states(invoices, claimed, promised, due):
    """One word for where each invoice stands: {id: word}."""
    return {one.id: _state(one, claimed.get(one.id), one.id in promised, due[one.id]) for one in invoices}


def _state(invoice, attempt, is_promised, asked):
    if invoice.state == Invoice.VOID:
        return "canceled"
    if invoice.open_cents == 0:
        return "paid"
    if attempt and attempt.state in (Payment.HELD, Payment.IN_DOUBT):
        return "being checked"
    if is_promised:
        return "autopay"
    return standing.word(invoice, asked, g.today)


def _claimed(invoices):
    """The attempt that is under way for each invoice with something to pay: {id: Payment}."""
    return ledger.standing_attempts([invoice.id for invoice in invoices if invoice.open_cents])


# --- Invoices ------------------------------------------------------------------------------------


@bp.get("/account/invoices")
def invoices():
    """Every invoice, newest first."""
    rows, older = _page_of(_issued().select(*LISTED), Invoice.number, request.args.get("before"))
    return render_template(
        "portal/invoices.html",
        invoices=rows,
        states=_states(
            rows,
            _claimed(rows),
            upcoming.promised_invoices([g.customer.id], today=g.today),
            demands.of_invoices(rows),
        ),
        older=older and url_for("portal.invoices", before=older),
        newer="before" in request.args and url_for("portal.invoices"),
    )


def _issued():
    return g.customer.invoices.where(Invoice.number.is_null(False))


def _page_of(query, column, before):
    """One page of rows in falling order of ``column``, and what the next page starts before."""
    if before:
        query = query.where(column < (int(before) if before.isdecimal() and len(before) < 10 else 0))
    rows = list(query.order_by(column.desc()).limit(PAGE + 1))
    return rows[:PAGE], getattr(rows[PAGE - 1], column.name) if len(rows) > PAGE else None


def _invoice(number):
    """The customer's own invoice of that number, and its place; 404 for any other."""
    found = _issued().where(Invoice.number == number).first() or abort(404)
    here = url_for("portal.invoice", number=number)
    return found, invoice_page.Place(
        here=here,
        pay=url_for("portal.pay_invoice", number=number),
        check=url_for("portal.check_invoice", number=number),
        question=url_for("portal.ask_about_invoice", number=number),
        pdf=url_for("portal.invoice_pdf", number=number),
        address=current_app.config["BASE_URL"] + here,
        wait=url_for("portal.wait_for_invoice", number=number),
        pay_saved=url_for("portal.pay_saved", number=number),
        promise=url_for("portal.promise"),
        plan=url_for("portal.plan"),
        dispute=url_for("portal.dispute_invoice", number=number),
    )


@bp.get(f"/account/invoices/{NUMBER}")
def invoice(number):
    """One invoice as it stands now, with its button."""
    return _show(*_invoice(number))


def _show(found, place, **forms):
    receipts = [
        (paid, url_for("portal.payment", reference=paid.reference)) for paid in invoice_page.paid_by(found)
    ]
    may_pay = found.open_cents and g.contact.role == Contact.PAYER
    saved = list(methods.active(g.customer)) if may_pay else []
    return invoice_page.show(found, place, receipts=receipts, saved=saved, **forms)


@bp.get(f"/account/invoices/{NUMBER}.pdf")
def invoice_pdf(number):
    """An invoice as it was issued, as a file."""
    document = invoice_page.as_issued(*_invoice(number))
    return pdf_answer(pdf.invoice_pdf(document), speaking.said(f"Invoice {document.number}"))


@bp.post(f"/account/invoices/{NUMBER}/pay")
def pay_invoice(number):
    """Pay one invoice, in full or in part."""
    found, place = _invoice(number)
    return invoice_page.pay(
        found, place, contact=g.contact, again=lambda **forms: _show(found, place, **forms)
    )


@bp.post(f"/account/invoices/{NUMBER}/check")
def check_invoice(number):
    """Ask the processor about the payment of it that is under way."""
    return invoice_page.check(*_invoice(number))


@bp.post(f"/account/invoices/{NUMBER}/question")
def ask_about_invoice(number):
    """Something is wrong with it."""
    found, place = _invoice(number)
    return invoice_page.ask(
        found, place, contact=g.contact, again=lambda **forms: _show(found, place, **forms)
    )


# --- Payments and statements ---------------------------------------------------------------------


@bp.get("/account/payments", endpoint="payments")
def payment_list():
    """Every payment, newest first."""
    query = g.customer.payments.where(Payment.state.in_(SHOWN))
    rows, older = _page_of(query, Payment.id, request.args.get("before"))
    return render_template(
        "portal/payments.html",
        payments=[(payment, receipt_documents.of(payment, company=g.company)) for payment in rows],
        older=older and url_for("portal.payments", before=older),
        newer="before" in request.args and url_for("portal.payments"),
    )


def _payment(reference):
    return g.customer.payments.where(Payment.reference == reference).first() or abort(404)


@bp.get("/account/payments/<reference:reference>")
def payment(reference):
    """One payment: its receipt, or what is known about it."""
    return payments.show(payments.ask(_payment(reference)), url_for("portal.payments"))


@bp.get("/account/payments/<reference:reference>.pdf")
def payment_pdf(reference):
    """A receipt as a file."""
    found = _payment(reference)
    return payments.receipt_pdf(found) if found.state in Payment.MONEY else abort(404)


@bp.get("/account/statement")
def statement():
    """Everything between two dates, with the running balance."""
    form = StatementForm(request.args) if request.args else StatementForm(formdata=None)
    if not request.args:
        form.from_on.data, form.to_on.data = date(g.today.year, 1, 1), g.today
    document = None
    if not request.args or form.validate():
        document = _statement(form)
    return render_template("portal/statement.html", form=form, document=document), 200 if document else 422


@bp.get("/account/statement.pdf")
def statement_pdf():
    """The same as a file."""
    form = StatementForm(request.args)
    if not form.validate():
        return redirect(url_for("portal.statement", **request.args.to_dict()), 303)
    name = speaking.said(f"Statement {form.from_on.data} to {form.to_on.data}")
    return pdf_answer(pdf.statement_pdf(_statement(form)), name)


def _statement(form):
    return statement_documents.of(
        g.customer, form.from_on.data, form.to_on.data, today=g.today, company=g.company
    )


# --- Their own data ------------------------------------------------------------------------------


@bp.route("/account/details", methods=["GET", "POST"])
def details():
    """The contact's own name, address and phone."""
    form = DetailsForm(obj=g.contact)
    if form.validate_on_submit():
        moved = form.email.data.lower() != g.contact.email
        old = g.contact.email
        customers.change_contact(
            g.contact, name=form.name.data, email=form.email.data, phone=form.phone.data, by=g.by, now=g.now
        )
        flash("Saved." + (f" We also told {old}." if moved and old else ""), "success")
        return redirect(url_for("portal.details"), 303)
    several = links.accounts(visitor.proven_email()).count() > 1
    return render_template("portal/details.html", form=form, several=several), 422 if form.errors else 200
