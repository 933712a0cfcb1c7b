"""A customer's agreement on one page, and their answer about its end: keep it, talk to us, end it.

Reached by the link of a notice without a password, or signed in. Opening it changes nothing. Whoever answers
types a name first, so a program that opens every link and sends every form changes nothing either.
"""

from datetime import date

from flask import abort, flash, g, redirect, render_template, request, url_for

from billing import links
from billing.errors import BillingError
from billing.renewals import answers, endings, letter
from billing.wording import tongues
from models import Contact, Contract, Link, RenewalAnswer
from portal import speaking
from portal.door import ID, TOKEN, bp
from portal.forms import AnswerForm, new_key

THANKS = {
    answers.RENEW: "Thank you. Your service goes on. A confirmation is on its way to you.",
    answers.TALK: "Thank you. Somebody from our office will get in touch with you. Nothing was changed.",
    answers.END: "It is noted. A confirmation is on its way to you.",
}


@bp.route(f"/c/{TOKEN}", methods=["GET", "POST"])
def contract_by_link(token):
    """The agreement behind the link of a notice, while whom it was mailed to is a payer."""
    link = links.follow(token, Link.ANSWER, now=g.now)
    if link.contact is None or link.contact.left_on or link.contact.role != Contact.PAYER:
        abort(404)
    if link.notice.contract is None:
        abort(404)
    g.by = f"customer:{link.contact.email}"
    speaking.to(link.contact.customer)
    here = url_for("portal.contract_by_link", token=token)
    return _page(link.notice.contract, here, contact=link.contact, notice=link.notice)


@bp.get("/account/agreements", endpoint="contracts")
def contract_list():
    """Every agreement of the account; where there is but one, that."""
    found = list(_payers_contracts().order_by(Contract.ends_on.is_null().desc(), Contract.id))
    if len(found) == 1:
        return redirect(url_for("portal.contract", id=found[0].id), 303)
    rows = [
        (one, None if one.ends_on else answers.offer(one, today=g.today, now=g.now), one.ends_on)
        for one in found
    ]
    return render_template("portal/contracts.html", rows=rows)


@bp.route(f"/account/agreements/{ID}", methods=["GET", "POST"])
def contract(id):
    """One agreement, for a payer who is signed in."""
    found = _payers_contracts().where(Contract.id == id).first() or abort(404)
    return _page(found, url_for("portal.contract", id=id), contact=g.contact)


def _payers_contracts():
    """Who only looks at the account, or asks about it, ends nothing."""
    if g.contact.role != Contact.PAYER:
        abort(404)
    return g.customer.contracts


# --- The page ------------------------------------------------------------------------------------


def _page(contract, here, *, contact, notice=None):
    form = AnswerForm()
    if not form.validate_on_submit():
        return _shown(contract, form), 422 if form.errors else 200
    try:
        row = answers.give(
            contract,
            answer=request.form.get("answer", ""),
            name=form.name.data,
            message=form.message.data,
            key=form.key.data,
            shown_on=_day(form.shown_on.data),
            by=g.by,
            via=RenewalAnswer.LINK if notice else RenewalAnswer.ACCOUNT,
            contact=contact,
            notice=notice,
            ip=request.remote_addr or "",
            browser=request.headers.get("User-Agent", ""),
            today=g.today,
            now=g.now,
        )
    except BillingError as refusal:
        flash(str(refusal), "error")
        return _shown(Contract.get_by_id(contract.id), form), 422
    flash(THANKS[row.answer], "success")
    return redirect(here, 303)


def _day(text):
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _shown(contract, form):
    offered = ended = None
    if contract.ends_on is None:
        offered = answers.offer(contract, today=g.today, now=g.now)
    elif contract.cancellations.exists():
        ended = endings.document(contract, today=g.today)
    form.key.data = new_key()
    tongue = tongues.of(contract.customer)
    _say_in(form, tongue)
    return render_template(
        "portal/contract.html",
        contract=contract,
        offer=offered,
        ended=ended,
        answer=answers.latest(contract),
        lines=letter.lines_of(contract, g.today),
        name=endings.lower(contract.name),
        form=form,
        tongue=tongue,
    )


def _say_in(form, tongue):
    """Labels and refusals of the form in the customer's language."""
    form.message.label.text = f"{form.message.label.text} (optional)"
    for one in (form.name, form.message):
        label, _, optional = one.label.text.partition(" (")
        one.label.text = tongue.say(label) + (f" {tongue.say('(' + optional)}" if optional else "")
        one.errors = [tongue.say(error) for error in one.errors]
