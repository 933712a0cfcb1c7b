"""How somebody wants to pay and what they want to hear: one page, reached from every message or signed in.

Every form on it says what stands already, or asks for a box to be ticked: sent as it comes, it changes
nothing. So a program that opens every link of a mail and sends every form behind it leaves all as it was. The
one address that acts by itself is the one-click one of RFC 8058, which only mail programs are told.
"""

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from wtforms.fields.choices import SelectChoice

from billing import consents, customers, foretold, links, outlook, phones, preferences
from billing.automatic import autopay as permission
from billing.errors import BillingError
from models import Consent, Contact, Customer, Link, PaymentMethod, Preference, PreferenceChange
from portal import autopay, speaking
from portal.door import TOKEN, bp
from portal.forms import AgreeForm, PayWishForm

AUTOMATIC = (Customer.CARD_AUTOPAY, Customer.BANK_AUTOPAY)
SAVED = "Saved. From now on it is as you chose."
STILL_OFF = "Saved. Autopay is off, so nothing is charged by itself."
SAME = "Nothing was changed: it is as you chose already."
TICK = "Please tick the box first."
MOST_CHANGES = 12


@bp.route(f"/p/{TOKEN}", methods=["GET", "POST"])
def preferences_by_link(token):
    """The page behind the link of a message, for payers: no sign-in needed."""
    contact = _payer_of(links.follow(token, Link.PREFERENCES, now=g.now))
    return _page(contact, url_for("portal.preferences_by_link", token=token))


@bp.route("/account/preferences", methods=["GET", "POST"], endpoint="preferences")
def preferences_page():
    """The same page for whoever is signed in. It decides for the account, so it is the payers'."""
    if g.contact.role != Contact.PAYER:
        abort(404)
    return _page(g.contact, url_for("portal.preferences"))


def _payer_of(link):
    contact = link.contact
    if contact.role != Contact.PAYER or contact.left_on:
        abort(404)
    g.by = f"customer:{contact.email}"
    speaking.to(contact.customer)
    return contact


def _page(contact, here):
    if request.method == "GET":
        return _shown(contact, here)
    act = ACTS.get(request.form.get("do", "")) or abort(400)
    try:
        said, leads_to = act(contact)
    except BillingError as refusal:
        return _shown(contact, here, str(refusal)), 422
    flash(said, "success")
    return redirect(leads_to or here, 303)


def _shown(contact, here, refusal=""):
    (facts, wishes), company = preferences.standing(contact), g.company
    standing = permission.standing(contact.customer)
    ahead = outlook.ahead(contact, wishes, standing, today=g.today, now=g.now)
    return render_template(
        "portal/preferences.html",
        person=contact,
        here=here,
        refusal=refusal,
        refused=request.form.get("do", "") if refusal else "",
        story=foretold.story(ahead),
        stopped=_stopped_by_click(contact, wishes),
        presets=_presets(facts, ahead),
        preset=preferences.preset_of(wishes, facts),
        pay=_pay_form(contact, standing),
        standing=standing,
        table=preferences.table(wishes, facts, _typed_before() if refusal else None),
        facts=facts,
        has_number=bool(phones.us_number(contact.phone)),
        texts=consents.standing(contact, Consent.TEXT),
        text_words=consents.text_words(contact, company),
        electronic=consents.standing(contact, Consent.ELECTRONIC),
        electronic_words=consents.electronic_words(contact, company),
        changes=preferences.history(contact, most=MOST_CHANGES),
    )


def _presets(facts, ahead):
    """(Preset, what it would make of the next invoice) for each of the four."""
    for preset in preferences.PRESETS:
        wishes = preferences.settle(preferences.preset_cells(preset.name, facts), facts)
        automatic = preset.name == preferences.FORGET and not facts.autopay
        yield preset, foretold.timeline(ahead, wishes, automatic=automatic)


def _stopped_by_click(contact, wishes):
    """What a click in a mail program stopped and is still off: said plainly, for nobody may have meant it."""
    found = [
        change
        for change in preferences.history(contact, most=50)
        if change.via == PreferenceChange.ONE_CLICK and not wishes.wants(change.event, change.channel)
    ]
    last = {(change.event, change.channel): change for change in reversed(found)}
    return [change for change in found if last[change.event, change.channel] is change]


def _via():
    return PreferenceChange.PAGE if g.get("contact") else PreferenceChange.LINK


# --- How to pay ----------------------------------------------------------------------------------


def _pay_form(contact, standing):
    form = PayWishForm(formdata=None, data={"pay_wish": contact.customer.pay_wish})
    return _offer(form, standing)


def _offer(form, standing):
    """Where autopay is on, it is what stands; other terms are agreed to on its own page."""
    if standing:
        form.pay_wish.choices = [
            SelectChoice(_wish_of(standing), f"Autopay charges {standing.method.label}"),
            *(choice for choice in form.pay_wish.choices if choice.value not in AUTOMATIC),
        ]
        form.pay_wish.data = form.pay_wish.data if form.is_submitted() else _wish_of(standing)
    return form


def _wish_of(standing):
    """What a customer with this authorization wishes."""
    return Customer.BANK_AUTOPAY if standing.method.kind == PaymentMethod.BANK else Customer.CARD_AUTOPAY


def _pay(contact):
    """Who now pays by themselves has autopay switched off; who wants it is led to where it is agreed to."""
    customer, standing = contact.customer, permission.standing(contact.customer)
    wish = request.form.get("pay_wish", "")
    if standing and wish == _wish_of(standing):
        return SAME, None
    if wish == customer.pay_wish and not standing:
        return SAME, _to_autopay(contact) if wish in AUTOMATIC else None
    customers.choose_pay_wish(customer, wish, by=g.by, now=g.now)
    if standing and wish not in AUTOMATIC:
        autopay.switch_off(customer)
    return SAVED, _to_autopay(contact) if wish in AUTOMATIC else None


def _to_autopay(contact):
    """Agreeing needs somebody who is signed in; the page says so to whoever came by a link."""
    is_here = g.get("contact") and g.contact.id == contact.id
    return url_for("portal.autopay", change=1) if is_here else None


# --- What to hear --------------------------------------------------------------------------------


def _preset(contact):
    name = request.form.get("preset", "")
    changed = preferences.use_preset(contact, name, by=g.by, now=g.now)
    wants_autopay = name == preferences.FORGET and not permission.standing(contact.customer)
    if not wants_autopay:
        return SAVED if changed else SAME, None
    return STILL_OFF, _to_autopay(contact)


def _table(contact):
    changed = preferences.choose(contact, _typed(), by=g.by, via=_via(), now=g.now)
    return SAVED if changed else SAME, None


def _typed():
    return preferences.posted(request.form.lists())


def _typed_before():
    try:
        return _typed()
    except BillingError:
        return None


# --- What the law wants in writing ---------------------------------------------------------------


def _ticked():
    if request.form.get("agreed") != "y":
        raise BillingError(TICK)


def _agree_texts(contact):
    _ticked()
    consents.give_text(
        contact,
        wording=_lines(request.form.get("wording", "")),
        source=Consent.PAGE if g.get("contact") else Consent.LINK,
        by=g.by,
        now=g.now,
        ip=request.remote_addr or "",
    )
    return "Thank you. Texts can now be chosen in the table.", None


def _lines(text):
    """A browser sends line ends of its own."""
    return text.replace("\r\n", "\n")


def _end_texts(contact):
    _ticked()
    consents.withdraw(contact, Consent.TEXT, how="ended on the page", by=g.by, now=g.now)
    return "You get no texts any more.", None


def _ask_electronic(contact):
    _ticked()
    consents.ask_electronic(contact, now=g.now)
    return f"A link is on its way to {contact.email}. Open it to agree; until then nothing changes.", None


def _end_electronic(contact):
    _ticked()
    consents.withdraw(contact, Consent.ELECTRONIC, how="ended on the page", by=g.by, now=g.now)
    return "From now on legal notices come on paper.", None


ACTS = {
    "pay": _pay,
    "preset": _preset,
    "table": _table,
    "texts": _agree_texts,
    "no_texts": _end_texts,
    "electronic": _ask_electronic,
    "no_electronic": _end_electronic,
}


@bp.route(f"/e/{TOKEN}", methods=["GET", "POST"])
def electronic_consent(token):
    """Where the mailed link leads: the words, and a box that nobody has ticked beforehand."""
    link = consents.asked(token, now=g.now)
    g.by = f"customer:{link.contact.email}"
    speaking.to(link.contact.customer)
    form, text = AgreeForm(), consents.electronic_words(link.contact, g.company)
    form.agreed.label.text = "I agree"
    if form.validate_on_submit():
        try:
            ip = request.remote_addr or ""
            wording = _lines(form.text.data or "")
            consents.confirm_electronic(link, wording=wording, by=g.by, now=g.now, ip=ip)
        except BillingError as refusal:
            form.agreed.errors = [str(refusal)]
        else:
            return render_template("portal/preferences_agreed.html", person=link.contact, words=text)
    page = render_template("portal/preferences_agree.html", form=form, words=text, person=link.contact)
    return page, 422 if form.errors else 200


# --- One click in a mail program -----------------------------------------------------------------


@bp.get(f"/p/{TOKEN}/unsubscribe")
@bp.get(f"/p/{TOKEN}/unsubscribe/<event>")
def unsubscribe_page(token, event=""):
    """The address in the header of a message, opened by a person: the preferences, where they choose."""
    return redirect(url_for("portal.preferences_by_link", token=token), 303)


@bp.post(f"/p/{TOKEN}/unsubscribe")
@bp.post(f"/p/{TOKEN}/unsubscribe/<event>")
def stop_by_click(token, event=Preference.REMINDER):
    """One click in a mail program (RFC 8058): this kind comes by mail no more. The token is the permission.

    No session, no form token, no redirect. What the standard wants in the body must be there: whoever posts
    to addresses without knowing what they are changes nothing.
    """
    contact = links.follow(token, Link.PREFERENCES, now=g.now).contact
    if request.form.get("List-Unsubscribe") != "One-Click":
        return _plain("Nothing was changed.", 400)
    if event not in preferences.STOPPABLE:
        return _plain("This kind of message cannot be stopped.", 404)
    preferences.stop(
        contact,
        event,
        Preference.MAIL,
        by=f"customer:{contact.email}",
        via=PreferenceChange.ONE_CLICK,
        now=g.now,
    )
    current_app.logger.info("contact %s stopped %s by one click", contact.id, event)
    return _plain(f"{preferences.TITLES[event]} by email: stopped. Nothing else was changed.", 200)


def _plain(sentence, status):
    return sentence, status, {"Content-Type": "text/plain; charset=utf-8"}
