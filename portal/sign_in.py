"""Signing in without a password: a mail with a link and a six-digit code, either of which works once.

No page here tells whether an address is known. How often mails are sent, how long codes live and how many
wrong tries they take is decided in ``billing.links``.
"""

from flask import flash, g, redirect, render_template, request, session, url_for

from billing import links
from billing.errors import BillingError
from models import Contact, Link
from portal import speaking, visitor
from portal.door import TOKEN, bp
from portal.forms import CodeForm, Form, SignInForm


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in():
    """Ask for an email address, and send a mail when it is one of ours."""
    form = SignInForm()
    if form.validate_on_submit():
        links.ask_sign_in(form.email.data, now=g.now)
        session["sign_in"] = {"email": form.email.data}
        return redirect(url_for("portal.sign_in_code"), 303)
    if g.contact and not form.is_submitted():
        return redirect(url_for("portal.account"), 303)
    return render_template("portal/sign_in.html", form=form), 422 if form.errors else 200


@bp.route("/sign-in/code", methods=["GET", "POST"])
def sign_in_code():
    """Take the six digits from the email."""
    email, shown = _expected()
    if email is None:
        return redirect(url_for("portal.sign_in"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        try:
            return _enter(links.sign_in_by_code(email, form.code.data, now=g.now))
        except BillingError as refusal:
            form.code.errors = [str(refusal)]
    return render_template("portal/code.html", form=form, shown=shown), 422 if form.errors else 200


@bp.post("/sign-in/again")
def sign_in_again():
    """Send one more mail to the same address."""
    email, _ = _expected()
    if email is None:
        return redirect(url_for("portal.sign_in"), 303)
    links.ask_sign_in(email, now=g.now)
    flash("If there was none in the last minutes, another email is on its way.")
    return redirect(url_for("portal.sign_in_code"), 303)


def _expected():
    """(address, as shown) of whom a code was mailed to; a step-up from a pay link never shows it whole."""
    pending = session.get("sign_in", {})
    if email := pending.get("email"):
        return email, email
    contact = Contact.get_or_none(Contact.id == pending.get("contact", 0))
    if contact is None or not contact.email:
        return None, None
    return contact.email, masked(contact.email)


def masked(email):
    """An address that its owner recognizes and nobody else can use.

    >>> masked("ann.archer@example.com")
    'a•••@example.com'
    """
    name, _, host = email.rpartition("@")
    return f"{name[:1]}•••@{host}"


@bp.route(f"/sign-in/{TOKEN}", methods=["GET", "POST"])
def sign_in_by_link(token):
    """The link of the mail. Opening it shows a button; only the button signs in, and only once."""
    form = Form()
    if form.validate_on_submit():
        return _enter(links.sign_in_by_token(token, now=g.now))
    speaking.to(links.follow(token, Link.SIGN_IN, now=g.now).contact.customer)
    return render_template("portal/sign_in_by_link.html", form=form)


def _enter(contact):
    visitor.sign_in(contact)
    session.pop("sign_in", None)
    target = session.pop("next", "")
    if not target.startswith("/account"):
        target = url_for("portal.account")
    if links.accounts(contact.email).count() > 1:
        session["next"] = target
        return redirect(url_for("portal.choose_account"), 303)
    return redirect(target, 303)


@bp.route("/account/choose", methods=["GET", "POST"])
def choose_account():
    """Several accounts have the same address: which one?"""
    form, accounts = Form(), list(links.accounts(visitor.proven_email()))
    if not form.validate_on_submit():
        return render_template("portal/choose.html", form=form, accounts=accounts)
    chosen = [contact for contact in accounts if str(contact.id) == request.form.get("contact")]
    if not chosen:
        return redirect(url_for("portal.choose_account"), 303)
    visitor.sign_in(chosen[0], email=visitor.proven_email())
    target = session.pop("next", "")
    return redirect(target if target.startswith("/account") else url_for("portal.account"), 303)


@bp.post("/sign-out")
def sign_out():
    """Leave, and leave nothing behind in this browser."""
    visitor.sign_out()
    flash("You are signed out.", "success")
    return redirect(url_for("portal.sign_in"), 303)
