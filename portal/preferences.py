"""How somebody wants to pay and what they want to hear: one page, reached from every message or signed in."""

from flask import abort, flash, g, redirect, render_template, url_for

from billing import customers, links, outlook, promises
from billing.automatic import autopay as permission
from billing.errors import BillingError
from models import Contact, Customer, Link, PaymentMethod
from portal import autopay
from portal.door import bp
from portal.forms import PreferencesForm

AUTOMATIC = (Customer.CARD_AUTOPAY, Customer.BANK_AUTOPAY)


@bp.route("/p/<string(maxlength=100):token>", methods=["GET", "POST"])
def preferences_by_link(token):
    """The page behind the link of a message, for payers: no sign-in needed."""
    contact = links.follow(token, Link.PREFERENCES, now=g.now).contact
    g.by = f"customer:{contact.email}"
    if contact.role != Contact.PAYER:
        abort(404)
    off = url_for("portal.autopay_off_by_link", token=token)
    return _page(contact, url_for("portal.preferences_by_link", token=token), off)


@bp.route("/account/preferences", methods=["GET", "POST"])
def preferences():
    """The same page for whoever is signed in. It decides for the account, so it is the payers'."""
    if g.contact.role != Contact.PAYER:
        abort(404)
    return _page(g.contact, url_for("portal.preferences"), url_for("portal.autopay_off"))


def _page(contact, here, off):
    choices = customers.preferences(contact)
    form = PreferencesForm(data=_typed(choices))
    if form.validate_on_submit():
        try:
            _save(contact, form, choices)
        except BillingError as refusal:
            form.invoice_channel.errors = [str(refusal)]
        else:
            flash("Saved. From now on it is as you chose.", "success")
            return redirect(_next(contact, form.pay_wish.data, here), 303)
    page = render_template(
        "portal/preferences.html",
        form=form,
        person=contact,
        here=here,
        off=off,
        choices=choices,
        standing=permission.standing(contact.customer),
        charges=promises.charges(contact.customer, today=g.today, company=g.company),
        coming=outlook.next_invoice(contact.customer, today=g.today),
        reminders=outlook.reminders(contact, choices, today=g.today),
    )
    return page, 422 if form.errors else 200


def _next(contact, wish, here):
    """Who would like to pay automatically, or in another way, is led to where that is agreed to."""
    standing = permission.standing(contact.customer)
    if wish not in AUTOMATIC or (standing and wish == _wish_of(standing)):
        return here
    is_here = g.contact and g.contact.id == contact.id
    return url_for("portal.autopay", change=1) if is_here else here


def _wish_of(standing):
    """What a customer with this authorization wishes."""
    return Customer.BANK_AUTOPAY if standing.method.kind == PaymentMethod.BANK else Customer.CARD_AUTOPAY


def _typed(choices):
    return {
        "pay_wish": choices.pay_wish,
        "invoice_channel": choices.invoice_channel,
        "reminder": "yes" if choices.reminder else "no",
        "days_ahead": choices.days_ahead,
    }


def _save(contact, form, before):
    """What was not asked for stays as it was. Who now pays by themselves has autopay switched off."""
    standing = permission.standing(contact.customer)
    wish = form.pay_wish.data
    if standing and wish not in AUTOMATIC:
        autopay.switch_off(contact.customer)
    elif standing:
        wish = _wish_of(standing)  # it changes when other terms are agreed to
    days = form.days_ahead.data
    customers.choose(
        contact,
        invoice_channel=form.invoice_channel.data,
        reminder=form.reminder.data == "yes",
        days_ahead=before.days_ahead if days is None else days,
        pay_wish=wish,
        by=g.by,
        now=g.now,
    )


@bp.get("/p/<string(maxlength=100):token>/unsubscribe")
def unsubscribe_page(token):
    """The address in the header of a reminder, opened by a person: the preferences, where they choose."""
    return redirect(url_for("portal.preferences_by_link", token=token), 303)


@bp.post("/p/<string(maxlength=100):token>/unsubscribe")
def stop_reminders(token):
    """One click in a mail program (RFC 8058): no reminders any more. The token is the permission."""
    contact = links.follow(token, Link.PREFERENCES, now=g.now).contact
    before = customers.preferences(contact)
    customers.choose(
        contact,
        invoice_channel=before.invoice_channel,
        reminder=False,
        days_ahead=before.days_ahead,
        pay_wish=before.pay_wish,
        by=f"customer:{contact.email}",
        now=g.now,
    )
    return "You get no reminders any more.", 200, {"Content-Type": "text/plain; charset=utf-8"}
