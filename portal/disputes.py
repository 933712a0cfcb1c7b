"""“This is not right”: a line, an amount or all of an invoice rests, and the rest is paid now.

By pay link and signed in alike; opening the page changes nothing. What may be disputed is decided in
``billing.disputes``.
"""

from flask import abort, flash, g, redirect, render_template, request

from billing import demands, naming
from billing.disputes import asking, finding
from billing.errors import BillingError, StaleState
from billing.money import format_cents
from models import Dispute, Invoice, Line
from portal import account, pay_link, seen
from portal.door import ID, TOKEN, bp
from portal.forms import DisputeForm, new_key


@bp.route(f"/i/{TOKEN}/dispute", methods=["GET", "POST"])
def dispute_by_link(token):
    """Say what is wrong with the invoice of a link."""
    link, invoice, place = pay_link._follow(token)
    answer = _dispute(invoice, place, link.contact, Dispute.PAY_LINK)
    return seen.acted(answer, link=link, invoice=invoice) if request.method == "POST" else answer


@bp.route(f"/account/invoices/{account.NUMBER}/dispute", methods=["GET", "POST"])
def dispute_invoice(number):
    """The same, signed in."""
    return _dispute(*account._invoice(number), g.contact, Dispute.PORTAL)


@bp.post(f"/i/{TOKEN}/dispute/{ID}/withdraw")
def withdraw_by_link(token, id):
    """It was right after all."""
    _, invoice, place = pay_link._follow(token)
    return _withdraw(invoice, place, id)


@bp.post(f"/account/invoices/{account.NUMBER}/dispute/{ID}/withdraw")
def withdraw_dispute(number, id):
    """The same, signed in."""
    return _withdraw(*account._invoice(number), id)


def _dispute(invoice, place, contact, via):
    if not _free_cents(invoice):
        flash("There is nothing left on this invoice to dispute. Ask us here instead.")
        return redirect(f"{place.here}#question", 303)
    form = DisputeForm(_choices(invoice), _free_cents(invoice))
    if form.validate_on_submit() and (files := form.taken_files()) is not None:
        try:
            made = _open(invoice, form, contact, via, files)
        except BillingError as refusal:
            form.words.errors = [str(refusal)]
        else:
            flash(_thanks(made), "success")
            return redirect(place.here, 303)
    elif not form.is_submitted():
        form.key.data = new_key()
    number = naming.number(invoice, g.company)
    page = render_template(
        "portal/dispute.html", form=form, place=place, number=number, open_cents=_free_cents(invoice),
        answer_days=finding.ANSWER_DAYS,
    )  # fmt: skip
    return page, 422 if form.errors else 200


def _open(invoice, form, contact, via, files):
    line = Line.get_by_id(form.line_id) if form.line_id else None
    return asking.open(
        invoice, line=line, amount_cents=form.cents, reason=form.reason.data, words=form.words.data, by=g.by,
        via=via, today=g.today, now=g.now, contact=contact, key=form.key.data, files=files,
    )  # fmt: skip


def _free_cents(invoice):
    """What of an invoice is open and not disputed yet."""
    return demands.undisputed_cents(demands.of(invoice))


def _choices(invoice):
    """[(line id, text, cents, what these count)] of what can be disputed for itself."""
    open_ids = {one.line_id for one in finding.open_of(invoice)}
    lines = invoice.lines.where(Line.total_cents > 0).order_by(Line.position)
    return [(line.id, line.text, line.total_cents, _with(line)) for line in lines if line.id not in open_ids]


def _with(line):
    """Why it is another amount than the one beside the line."""
    if line.discount_cents:
        return " with tax and discount" if line.tax_cents else " with discount"
    return " with tax" if line.tax_cents else ""


def _thanks(dispute):
    invoice = Invoice.get_by_id(dispute.invoice_id)
    rest_cents = _free_cents(invoice)
    on_hold = f"Thank you. {format_cents(dispute.amount_cents)} is on hold until you have our answer."
    return f"{on_hold} {format_cents(rest_cents)} stays due." if rest_cents else on_hold


def _withdraw(invoice, place, id):
    found = Dispute.get_or_none((Dispute.id == id) & (Dispute.invoice == invoice)) or abort(404)
    try:
        asking.withdraw(found, by=g.by, today=g.today, now=g.now)
        flash(f"Thank you. {format_cents(found.amount_cents)} is due again.", "success")
    except StaleState:
        flash("This was decided already. This is how it stands now.")
    return redirect(place.here, 303)
