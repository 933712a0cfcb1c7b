"""Autopay: choose, read, agree, see what is agreed, put a charge off, switch it off.

Choosing and agreeing need a payer who is signed in. Switching off and putting off also work from the links
of our messages: whoever may pay may also not pay. Opening any of these pages changes nothing.
"""

from dataclasses import dataclass

from flask import abort, flash, g, redirect, render_template, request, url_for
from wtforms.fields.choices import SelectChoice

from billing import demands, links, naming, words
from billing.automatic import autopay as permission
from billing.automatic import consent, methods, upcoming
from billing.documents import autopay_documents
from billing.errors import BillingError
from billing.money import as_decimal, format_cents
from models import Autopay, Invoice, Link, PaymentMethod, PlannedCharge
from portal import speaking
from portal.door import ID, NUMBER, TOKEN, bp
from portal.forms import AgreeForm, AutopayForm, Form, WaitForm
from portal.methods import payers_only

SWITCHED_OFF = "You switched it off."


# --- Choosing ------------------------------------------------------------------------------------


@bp.get("/account/autopay")
def autopay():
    """What is agreed and what comes next; or, while it is off, the choices."""
    payers_only()
    standing = permission.standing(g.customer)
    if standing and "change" not in request.args and "method" not in request.args:
        return _standing_page(standing)
    return _choices(_form(standing), standing)


def _standing_page(standing):
    coming = upcoming.of_customer(g.customer, today=g.today)
    return render_template(
        "portal/autopay.html",
        document=autopay_documents.agreement_document(standing, today=g.today, company=g.company),
        standing=standing,
        charges=shown(coming),
        former=_former(),
        form=Form(),
    )


def shown(coming):
    """[(document, the path that puts it off, empty when it cannot be)] of one customer's Upcoming charges."""
    waiting = permission.can_wait(coming, now=g.now)
    return [
        (
            autopay_documents.charge_document(one, company=g.company),
            url_for("portal.wait", id=one.planned[0].id) if one.charge_on in waiting else "",
        )
        for one in coming
    ]


def _former():
    """Authorizations that have ended, the latest first."""
    ended = g.customer.autopays.where(Autopay.ended_at.is_null(False))
    return list(ended.order_by(Autopay.id.desc()).limit(20))


def _choices(form, standing, code=200):
    page = render_template(
        "portal/autopay_choose.html",
        form=form,
        standing=standing,
        methods=list(methods.active(g.customer)),
        former=[] if standing else _former(),
        add_form=Form(),
    )
    return page, code


def _form(standing, given=None):
    """The choices, as they were sent, or as they stand, or with the least surprise."""
    usable = list(methods.active(g.customer))
    form = AutopayForm(given) if given is not None else AutopayForm(formdata=None, data=_typed(standing))
    form.method.choices = [SelectChoice(str(method.id), str(method)) for method in usable]
    offered = {choice.value for choice in form.method.choices}
    wanted = request.args.get("method", "")
    if given is None and wanted in offered:
        form.method.data = wanted
    elif given is None and form.method.data not in offered:
        form.method.data = str(usable[-1].id) if usable else None  # the newest is what they came for
    return form


def _typed(standing):
    if standing is None:
        return {"timing": Autopay.DUE_DATE}
    return {
        "method": str(standing.method_id),
        "timing": standing.timing,
        "days_before": standing.days_before or None,
        "day_of_month": standing.day_of_month,
        "cap": str(as_decimal(standing.cap_cents)) if standing.cap_cents else "",
        "tell_days": standing.tell_days,
    }


# --- Reading and agreeing ------------------------------------------------------------------------


@bp.get("/account/autopay/agree")
def autopay_agree():
    """The words of what was chosen, and what they would charge; the box beside them is empty."""
    return _agreeing(AgreeForm(formdata=None))


@bp.post("/account/autopay/agree")
def autopay_agreed():
    """Switch it on, with the words that were on the page."""
    form = AgreeForm()
    if not form.validate():
        return _agreeing(form)
    payers_only()
    chosen = _form(None, request.args)
    if not chosen.validate():
        return redirect(url_for("portal.autopay"), 303)
    before = permission.standing(g.customer)
    try:
        permission.agree(
            g.customer,
            contact=g.contact,
            method=_usable(chosen),
            **chosen.terms._asdict(),
            text=_lines(form.text.data),
            address=request.remote_addr or "",
            by=g.by,
            today=g.today,
            now=g.now,
        )
    except BillingError as refusal:
        form.agreed.data, form.agreed.errors = False, [str(refusal)]
        return _agreeing(form)
    done = f"Autopay has changed: {_usable(chosen).label} pays from now on" if before else "Autopay is on"
    flash(f"{done}. A copy of what you agreed to is on its way to you by email.", "success")
    return redirect(url_for("portal.autopay"), 303)


def _lines(text):
    """A browser sends line ends of its own."""
    return (text or "").replace("\r\n", "\n")


def _usable(chosen):
    """The method that was chosen; the form has checked that it is one of the customer's own."""
    return methods.active(g.customer).where(PaymentMethod.id == int(chosen.method.data)).first() or abort(404)


def _agreeing(form):
    payers_only()
    standing = permission.standing(g.customer)
    chosen = _form(standing, request.args)
    if not chosen.validate():
        return _choices(chosen, standing, 422)
    method, terms = _usable(chosen), chosen.terms
    text = consent.words_of(g.customer, method, **terms._asdict()).text
    page = render_template(
        "portal/autopay_agree.html",
        form=form,
        text=text,
        method=method,
        day=consent.its_day_words(terms),
        terms=terms,
        standing=standing,
        preview=_preview(method, terms),
        has_run=upcoming.has_run(g.today),
        here=request.full_path,
        back=url_for("portal.autopay", change=1),
    )
    return page, 422 if form.errors else 200


def _preview(method, terms):
    """What is charged of what is open now: [(day, cents, invoice numbers)]."""
    days = permission.preview(g.customer, method, terms, today=g.today)
    asked = demands.of_invoices([invoice for _, invoices in days for invoice in invoices])
    return [
        (
            on,
            sum(demands.chargeable_cents(asked[invoice.id], on) for invoice in invoices),
            [naming.number(invoice, g.company) for invoice in invoices],
        )
        for on, invoices in days
    ]


@bp.get(f"/account/autopay/{ID}")
def agreement(id):
    """What was agreed to, to read and to print; also what has ended."""
    payers_only()
    found = g.customer.autopays.where(Autopay.id == id).first() or abort(404)
    document = autopay_documents.agreement_document(found, today=g.today, company=g.company)
    return render_template("portal/autopay_agreement.html", document=document)


# --- Switching off -------------------------------------------------------------------------------


@bp.post("/account/autopay/off")
def autopay_off():
    """At once, and with honest words about what was sent already."""
    payers_only()
    switch_off(g.customer)
    return redirect(url_for("portal.autopay"), 303)


@bp.post(f"/i/{TOKEN}/autopay-off")
def autopay_off_by_pay_link(token):
    """The same from the link of an invoice."""
    link = links.follow(token, Link.PAY, now=g.now)
    g.by = f"customer:{link.contact.email}" if link.contact else f"pay link {link.id}"
    speaking.to(link.customer if link.contact else None)
    switch_off(link.customer)
    return redirect(url_for("portal.pay_link", token=token), 303)


def switch_off(customer):
    """End autopay and say what that means, also for a charge that is under way."""
    standing = permission.standing(customer)
    if standing is None:
        flash("Autopay is off already.")
        return
    permission.end(standing, reason=SWITCHED_OFF, by=g.by, now=g.now)
    flash("Autopay is off. Nothing more is charged by itself; please pay your invoices yourself.", "success")
    for payment in permission.under_way(standing):
        amount = f"{format_cents(payment.amount_cents)} to {payment.method_label}"
        flash(
            f"One charge of {amount} was sent before that and cannot be called back. You hear from us when "
            "it is decided."
        )


# --- Putting a charge off ------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """Where a charge is put off: the paths of the page and of where it leads back to."""

    here: str
    back: str
    back_label: str
    off: str


@bp.route(f"/account/autopay/charges/{ID}/wait", methods=["GET", "POST"])
def wait(id):
    """Put a planned charge off, signed in."""
    payers_only()
    planned = g.customer.planned_charges.where(PlannedCharge.id == id).first() or abort(404)
    back = url_for("portal.autopay")
    here = url_for("portal.wait", id=id)
    return _wait(planned, Waiting(here, back, "Autopay", url_for("portal.autopay_off")))


@bp.route(f"/account/invoices/{NUMBER}/wait", methods=["GET", "POST"])
def wait_for_invoice(number):
    """The same for the charge of one invoice."""
    payers_only()
    invoice = g.customer.invoices.where(Invoice.number == number).first() or abort(404)
    planned = permission.planned(invoice) or abort(404)
    back, here = url_for("portal.invoice", number=number), url_for("portal.wait_for_invoice", number=number)
    return _wait(planned, Waiting(here, back, f"Invoice {number}", url_for("portal.autopay_off")))


@bp.route(f"/i/{TOKEN}/wait", methods=["GET", "POST"])
def wait_by_link(token):
    """Put off the charge of one invoice, from the link of a message."""
    link = links.follow(token, Link.PAY, now=g.now)
    g.by = f"customer:{link.contact.email}" if link.contact else f"pay link {link.id}"
    speaking.to(link.customer if link.contact else None)
    back = url_for("portal.pay_link", token=token)
    planned = permission.planned(link.invoice)
    if planned is None:
        flash("No automatic charge of this invoice is planned.")
        return redirect(back, 303)
    here, off = (
        url_for("portal.wait_by_link", token=token),
        url_for("portal.autopay_off_by_pay_link", token=token),
    )
    return _wait(planned, Waiting(here, back, f"Invoice {naming.number(link.invoice, g.company)}", off))


def _wait(planned, place):
    try:
        found = permission.postponing(planned, today=g.today, now=g.now)
    except BillingError as refusal:
        return render_template("portal/autopay_wait.html", refusal=str(refusal), place=place, form=None), 409
    form = WaitForm()
    form.until.choices = [(day.isoformat(), _offered(day, found.charge.charge_on)) for day in found.days]
    if form.validate_on_submit():
        try:
            permission.postpone(planned, until_on=form.until.data, by=g.by, today=g.today, now=g.now)
        except BillingError as refusal:
            form.until.errors = [str(refusal)]
        else:
            flash(f"We wait. It will be charged on {words.date(form.until.data)}.", "success")
            return redirect(place.back, 303)
    document = autopay_documents.charge_document(found.charge, company=g.company)
    page = render_template(
        "portal/autopay_wait.html", document=document, form=form, place=place, warning=found.warning
    )
    return page, 422 if form.errors else 200


def _offered(day, planned_on):
    return f"{day:%a}, {words.short_date(day)}, {words.plural((day - planned_on).days, 'day')} later"
