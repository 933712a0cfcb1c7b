"""More time to pay: a day until which we wait, and plans of payments, by pay link and signed in.

Nothing is agreed to by opening a page: the days and amounts of a plan stand in the address, what counts is
the button below the agreement. By the link of an invoice only that invoice is promised or split.
"""

from dataclasses import dataclass

from flask import abort, flash, g, redirect, render_template, request, url_for

from billing import company as companies
from billing import links, promises, words
from billing.automatic import autopay, methods
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.errors import BillingError
from billing.plans import agreeing, agreement, keeping, policy, shape, standing
from models import Contact, Invoice, Link, Plan, Promise
from portal import methods as paying_by_click
from portal import more_time, payments, speaking
from portal.door import ID, TOKEN, bp
from portal.forms import Form, PayForm, new_key
from portal.methods import payers_only

AGREED = "It is agreed. A copy is on its way to you by email."
ASKED = "Thank you. Your proposal is with us; a person answers by email. Until then no reminder goes out."


@dataclass(frozen=True)
class Around:
    """Who is on the page, for which invoices, and where it leads."""

    customer: object
    contact: object
    invoice_ids: tuple | None  # None: everything that is open
    here: str
    back: str
    back_label: str
    question: str
    pay: str
    token: str = ""


# --- A day until which we wait -------------------------------------------------------------------


@bp.post(f"/i/{TOKEN}/promise")
def promise_by_link(token):
    """Say when this invoice is paid."""
    link = _follow(token)
    here = url_for("portal.pay_link", token=token)
    return _promise(link.customer, link.invoice, link.contact, here, f"{here}#question")


@bp.post("/account/promise")
def promise():
    """Say when one invoice, or everything that is open, is paid."""
    payers_only()
    number, here = request.form.get("invoice", ""), url_for("portal.account")
    invoice = None
    if number:
        is_number = number.isdecimal() and len(number) < 10
        found = g.customer.invoices.where(Invoice.number == int(number)) if is_number else None
        invoice = (found and found.first()) or abort(404)
        here = url_for("portal.invoice", number=invoice.number)
    return _promise(g.customer, invoice, g.contact, here, url_for("portal.new_question", invoice=number))


def _promise(customer, invoice, contact, here, question):
    try:
        made = promises.make(
            customer, pay_on=more_time.day(request.form.get("pay_on")), via=Promise.PAGE, by=g.by,
            today=g.today, now=g.now, invoice=invoice, contact=contact,
        )  # fmt: skip
    except promises.AskUs as refusal:
        flash(str(refusal), "error")
        return redirect(question, 303)
    except BillingError as refusal:
        flash(str(refusal), "error")
        return redirect(here, 303)
    flash(f"Thank you. Until {words.date(made.pay_on)} you hear nothing more about it from us.", "success")
    return redirect(here, 303)


# --- A plan: look, sign --------------------------------------------------------------------------


@bp.route(f"/i/{TOKEN}/plan", methods=["GET", "POST"])
def plan_by_link(token):
    """Pay this invoice in parts; or the plan, or the proposal, that the link's message is about."""
    link = _follow(token)
    around = _by_link(link, token)
    plan = _shown_to(link)
    if plan:
        return _standing_page(plan, around, url_for("portal.plan_pdf_by_link", token=token))
    return _page(around)


@bp.route("/account/plan", methods=["GET", "POST"])
def plan():
    """Pay what is open in parts."""
    payers_only()
    proposal = standing.waiting_for_customer(g.customer).first()
    running = standing.running(g.customer).first()
    if proposal or running:
        return redirect(url_for("portal.plan_of", id=(proposal or running).id), 303)
    return _page(_in_account())


@bp.route(f"/account/plans/{ID}", methods=["GET", "POST"], endpoint="plan_of")
def one_plan(id):
    """One plan of the account: how it stands, or a proposal of ours to agree to."""
    payers_only()
    found = g.customer.plans.where(Plan.id == id).first() or abort(404)
    return _standing_page(found, _in_account(id), url_for("portal.plan_pdf", id=id))


def _follow(token):
    link = links.follow(token, Link.PAY, now=g.now)
    if link.invoice.state != Invoice.ISSUED:
        abort(404)
    if link.contact and (link.contact.left_on or link.contact.role != Contact.PAYER):
        abort(404)
    g.by = f"customer:{link.contact.email}" if link.contact else f"pay link {link.id}"
    speaking.to(link.customer if link.contact else None)
    return link


def _by_link(link, token):
    back = url_for("portal.pay_link", token=token)
    return Around(
        link.customer, link.contact, (link.invoice.id,), url_for("portal.plan_by_link", token=token), back,
        "Back to the invoice", f"{back}#question", back, token,
    )  # fmt: skip


def _in_account(id=None):
    here = url_for("portal.plan_of", id=id) if id else url_for("portal.plan")
    back = url_for("portal.account")
    return Around(
        g.customer, g.contact, None, here, back, "Your account", url_for("portal.new_question"), back
    )


def _shown_to(link):
    """The plan that the holder of a link may see: the one its message tells of, or of this invoice alone."""
    if link.carried_by_id and link.carried_by.plan_id:
        plan = link.carried_by.plan
        following = plan.replaced_by.order_by(Plan.id.desc()).first()
        return following or plan
    plan = standing.of_invoice(link.invoice)
    covers = [one.invoice_id for one in plan.plan_invoices] if plan else []
    if plan and covers != [link.invoice_id]:
        abort(404)
    return plan


def _page(around):
    """Choose days and amounts, read the agreement, sign it."""
    values = request.form if request.method == "POST" else request.args
    owed = policy.owed(around.customer, invoice_ids=around.invoice_ids)
    typed = (
        more_time.typed(values) if "count" in values else more_time.first(around.customer, around.invoice_ids)
    )
    offered, problem = _offer(around, typed, owed)
    if request.method == "POST" and offered:
        answer, problem = _sign(around, typed)
        if answer:
            return answer
    return _shown(around, owed, typed, offered, problem), 422 if problem and values else 200


def _offer(around, typed, owed):
    """(the Offer or None, what is wrong with what was typed)."""
    try:
        return agreeing.offer(
            around.customer, typed.wish(), today=g.today, invoice_ids=around.invoice_ids
        ), ""  # fmt: skip
    except BillingError as refusal:
        return None, str(refusal) if owed.invoices else ""


def _sign(around, typed):
    """(where to go, "") or (None, why nothing was agreed)."""
    try:
        made = agreeing.sign(
            around.customer, typed.wish(), _signature(around), shown=request.form.get("shown", ""),
            today=g.today, now=g.now, invoice_ids=around.invoice_ids, words=request.form.get("words", ""),
        )  # fmt: skip
    except BillingError as refusal:
        return None, str(refusal)
    flash(AGREED if made.state == Plan.RUNNING else ASKED, "success")
    if around.token:
        return redirect(around.here if made.state == Plan.RUNNING else around.back, 303), ""
    return redirect(url_for("portal.plan_of", id=made.id), 303), ""


def _signature(around):
    key = request.form.get("key", "")
    if not 16 <= len(key) <= 64:
        raise BillingError(agreeing.CHANGED)
    return agreeing.Signature(
        name=request.form.get("name", ""), key=key, by=g.by, contact=around.contact,
        ip=request.remote_addr or "", browser=request.headers.get("User-Agent", ""),
    )  # fmt: skip


def _shown(around, owed, typed, offered, problem):
    company = companies.current()
    terms = autopay.standing(around.customer)
    return render_template(
        "portal/plan.html",
        around=around,
        owed=owed,
        typed=typed,
        offered=offered,
        problem=problem,
        counts=range(shape.FEWEST, company.plan_max_count + 1),
        rhythms=shape.RHYTHMS,
        last_first_on=g.today + policy.MOST_WAIT,
        least_first=policy.least_first(owed.cents, company),
        policy=company,
        autopay_label=terms.method.label if terms else "",
        name=request.form.get("name", ""),
        words=request.form.get("words", ""),
        key=new_key(),
        form=Form(),
    )


# --- A plan that stands --------------------------------------------------------------------------


def _standing_page(plan, around, pdf_url):
    problem = ""
    if request.method == "POST" and request.form.get("do") == "pay":
        return _pay_part(plan, around)
    if request.method == "POST":
        answer, problem = _answered(plan, around)
        if answer:
            return answer
        plan = Plan.get_by_id(plan.id)
    stands = standing.of(plan, today=g.today)
    row = keeping.movable(stands)
    page = render_template(
        "portal/plan_standing.html",
        around=around,
        plan=plan,
        stands=stands,
        document=agreement.document(plan, today=g.today),
        movable=row,
        last_move_on=row and keeping.last_move_on(stands, row, today=g.today),
        grace_days=companies.current().plan_grace_days,
        pdf_url=pdf_url,
        problem=problem,
        name=request.form.get("name", ""),
        key=new_key(),
        saved=[] if around.token else list(methods.active(around.customer)),
    )
    return page, 422 if problem else 200


def _pay_part(plan, around):
    """Start the payment of exactly what the button named: what is due of the plan, on its invoices."""
    form = PayForm()
    try:
        cents = form.cents if form.validate() else None
        parts = standing.parts_named(plan, cents, today=g.today)
        if "method" in request.form and not around.token:
            return paying_by_click.pay(parts, form, back=around.here)
        return payments.begin(
            around.customer, parts, key=form.key.data, back=around.here, contact=around.contact
        )
    except BillingError as refusal:
        flash(str(refusal), "error")
        return redirect(around.here, 303)


def _answered(plan, around):
    """A proposal is signed, or a missed payment moved: (where to go, "") or (None, why not)."""
    try:
        if request.form.get("do") == "move":
            to_on = more_time.day(request.form.get("to_on"))
            keeping.move_payment(plan, to_on=to_on, by=g.by, today=g.today, now=g.now)
            flash(f"Thank you. The payment is now due on {words.date(to_on)}.", "success")
        else:
            shown = request.form.get("shown", "")
            agreeing.confirm(plan, _signature(around), shown=shown, today=g.today, now=g.now)
            flash(AGREED, "success")
    except BillingError as refusal:
        return None, str(refusal)
    return redirect(around.here, 303), ""


@bp.get(f"/i/{TOKEN}/plan.pdf")
def plan_pdf_by_link(token):
    """The agreement behind a link, as a file."""
    return _pdf(_shown_to(_follow(token)) or abort(404))


@bp.get(f"/account/plans/{ID}.pdf")
def plan_pdf(id):
    """The agreement of a plan, as a file."""
    payers_only()
    return _pdf(g.customer.plans.where(Plan.id == id).first() or abort(404))


def _pdf(plan):
    return pdf_answer(pdf.plan_pdf(agreement.document(plan, today=g.today)), f"Payment plan {plan.id}")
