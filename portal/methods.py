"""Saved ways to pay: see them, add one on the processor's page, remove one, pay with one by a click.

They belong to those who pay: for anybody else these pages do not exist. Nothing that is typed about a card
or a bank account ever comes here.
"""

from flask import abort, current_app, flash, g, redirect, render_template, request, session, url_for

from billing import payments as paying
from billing.automatic import autopay, methods
from billing.errors import BillingError, GatewayUnavailable, PaymentInProgress
from models import Contact, Invoice, Payment, PaymentMethod
from portal import payments, visitor
from portal.door import ID, NUMBER, bp
from portal.forms import PayForm


def payers_only():
    """404 for whoever may look at the account but does not pay for it."""
    if g.contact.role != Contact.PAYER:
        abort(404)


def _method(id):
    """The customer's own method that is still kept; 404 for any other."""
    payers_only()
    return methods.kept(g.customer).where(PaymentMethod.id == id).first() or abort(404)


@bp.get("/account/methods", endpoint="methods")
def method_list():
    """What is saved, and what can be done with it."""
    payers_only()
    kept = list(methods.kept(g.customer))
    standing = autopay.standing(g.customer)
    page = render_template(
        "portal/methods.html",
        methods=kept,
        autopay_method=standing.method_id if standing else None,
        is_full=len(kept) >= methods.MOST,
        most=methods.MOST,
    )
    return page


# --- Adding --------------------------------------------------------------------------------------


@bp.post("/account/methods/add")
def add_method():
    """Lead to the processor's page, by its token; the browser posts it, so it stands in no address."""
    payers_only()
    session["added_for"] = "autopay" if request.form.get("for") == "autopay" else "methods"
    session["saved_before"] = [method.id for method in methods.active(g.customer)]
    back = url_for(f"portal.{session['added_for']}")
    try:
        page = methods.start_adding(
            g.customer,
            gateway=current_app.gateway,
            return_url=current_app.config["BASE_URL"] + url_for("portal.method_added"),
            now=g.now,
        )
    except GatewayUnavailable:
        return render_template("portal/methods_unavailable.html", back=back), 503
    except BillingError as refusal:
        flash(str(refusal), "error")
        return redirect(url_for("portal.methods"), 303)
    return render_template("portal/methods_add.html", page=page, back=back)


@bp.get("/account/methods/add")
def add_method_again():
    """The same address opened by hand, or after a reload."""
    return redirect(url_for("portal.methods"), 303)


@bp.get("/account/methods/added")
def method_added():
    """Back from the processor's page: ask what is saved now, and say what is new; a webhook may be faster."""
    payers_only()
    aim = session.pop("added_for", "methods")
    before = session.pop("saved_before", [method.id for method in methods.active(g.customer)])
    try:
        methods.refresh(g.customer, gateway=current_app.gateway, by=g.by, now=g.now)
    except GatewayUnavailable:
        flash("Our payment processor does not answer right now. Please look again in a minute.", "error")
        return redirect(url_for("portal.methods"), 303)
    added = [method for method in methods.active(g.customer) if method.id not in before]
    for method in added:
        flash(f"{method.label} is saved.", "success")
    if added and aim == "autopay":
        return redirect(url_for("portal.autopay", method=added[-1].id), 303)
    if not added and not methods.kept(g.customer).exists():
        flash("Nothing was saved.")
        return redirect(url_for(f"portal.{aim}"), 303)
    if not added:
        flash("Nothing new was saved. What is saved already is listed here and need not be added twice.")
    return redirect(url_for("portal.methods"), 303)


@bp.post("/account/payments/<reference:reference>/save")
def save_method(reference):
    """Save what paid for the next time."""
    payers_only()
    payment = g.customer.payments.where(Payment.reference == reference).first() or abort(404)
    try:
        saved = methods.save_from(payment, gateway=current_app.gateway, by=g.by, now=g.now)
    except BillingError as refusal:
        flash(str(refusal), "error")
        return redirect(url_for("portal.payment", reference=reference), 303)
    flash(f"{saved.label} is saved.", "success")
    return redirect(url_for("portal.methods"), 303)


# --- Removing ------------------------------------------------------------------------------------


@bp.get(f"/account/methods/{ID}/remove")
def remove_method(id):
    """What removing would mean, before it happens."""
    method, standing = _method(id), autopay.standing(g.customer)
    ends = standing is not None and standing.method_id == method.id
    under_way = list(autopay.under_way(standing)) if ends else []
    return render_template("portal/methods_remove.html", method=method, ends=ends, under_way=under_way)


@bp.post(f"/account/methods/{ID}/remove")
def removed_method(id):
    """Forget it, at the processor and here."""
    payers_only()
    method = g.customer.methods.where(PaymentMethod.id == id).first() or abort(404)
    standing = autopay.standing(g.customer)
    try:
        methods.remove(method, gateway=current_app.gateway, by=g.by, now=g.now)
    except GatewayUnavailable:
        flash(
            "Our payment processor does not answer, so nothing was removed. Please try again soon.",
            "error",
        )
        return redirect(url_for("portal.methods"), 303)
    ended = standing is not None and standing.method_id == method.id
    flash(f"{method.label} was removed." + (" Autopay is off." if ended else ""), "success")
    return redirect(url_for("portal.methods"), 303)


# --- Paying with one -----------------------------------------------------------------------------


@bp.post(f"/account/invoices/{NUMBER}/pay-saved")
def pay_saved(number):
    """Pay the whole of an invoice with a saved method. The same button pressed twice pays once."""
    payers_only()
    invoice = g.customer.invoices.where(Invoice.number == number).first() or abort(404)
    here, form = url_for("portal.invoice", number=number), PayForm()
    if not form.validate():
        flash("This form was not complete. Please press the button once more.", "error")
        return redirect(here, 303)
    if payments.asks_for_disputed(invoice, form.cents, form.key.data, _chosen()):
        flash("What is open changed since you looked. This is how it stands now.", "error")
        return redirect(here, 303)
    return pay([(invoice, form.cents)], form, back=here)


def pay(parts, form, *, back):
    """Pay ``parts`` [(invoice, cents)] with the saved method that was named; ``back`` after a refusal."""
    payers_only()
    method = _chosen()
    if method is None:
        flash("This card or account cannot be used any more. Please choose another way to pay.", "error")
        return redirect(back, 303)
    try:
        payment = _charge(parts, form, method)
    except (PaymentInProgress, BillingError) as refusal:
        flash(str(refusal), "" if isinstance(refusal, PaymentInProgress) else "error")
        return redirect(back, 303)
    visitor.remember_payment(payment, back)
    return redirect(url_for("portal.payment", reference=payment.reference), 303)


def _chosen():
    """The customer's own method that the button named, as long as it can be charged; else None."""
    text = request.form.get("method", "")
    is_id = text.isascii() and text.isdecimal() and len(text) < 10
    return methods.active(g.customer).where(PaymentMethod.id == int(text)).first() if is_id else None


def _charge(parts, form, method):
    return paying.charge_saved(
        g.customer,
        parts,
        method=method,
        key=paying.click_key(g.customer, parts, form.key.data, method),
        gateway=current_app.gateway,
        today=g.today,
        now=g.now,
        by=g.by,
    )
