"""What a contact wants to hear, as staff see it and change it for them, with a reason.

Here: one page. What may be chosen and what is obeyed stands in ``billing.preferences``.
"""

from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose

from admin import finding
from billing import company as companies
from billing import consents, foretold, outlook, phones, preferences
from billing.automatic import autopay
from billing.errors import BillingError
from models import Consent, Contact, PreferenceChange

MOST_CHANGES = 25
LONGEST_REASON = 255


class PreferencesPage:
    """Mixed into the home view: ``/staff/contact/<id>/preferences``."""

    @expose("/contact/<int:id>/preferences", methods=("GET", "POST"))
    def contact_preferences(self, id):
        """See what somebody wants to hear, and change it when they ask for it."""
        contact = (finding.as_id(id) and Contact.get_or_none(Contact.id == id)) or abort(404)
        refusal = ""
        if request.method == "POST":
            act = ACTS.get(request.form.get("do", "")) or abort(400)
            try:
                flash(act(contact, _reason()), "success")
                return redirect(url_for("staff.contact_preferences", id=id), 303)
            except BillingError as refused:
                refusal = str(refused)
        page = self.render("admin/preferences.html", refusal=refusal, **_shown(contact, bool(refusal)))
        return page, 422 if refusal else 200


def _shown(contact, again):
    facts, wishes = preferences.standing(contact)
    terms = autopay.standing(contact.customer)
    return {
        "contact": contact,
        "typed_reason": request.form.get("reason", "") if again else "",
        "story": foretold.story(outlook.ahead(contact, wishes, terms, today=g.today, now=g.now)),
        "table": preferences.table(wishes, facts, _typed_before() if again else None),
        "presets": preferences.PRESETS,
        "preset": preferences.preset_of(wishes, facts),
        "texts": consents.standing(contact, Consent.TEXT),
        "has_number": bool(phones.us_number(contact.phone)),
        "text_words": consents.text_words(contact, companies.current()),
        "electronic": consents.standing(contact, Consent.ELECTRONIC),
        "changes": preferences.history(contact, most=MOST_CHANGES),
    }


def _reason():
    reason = " ".join(request.form.get("reason", "").replace("\x00", "").split())
    if not reason:
        raise BillingError("Say why, such as: asked for it by phone. Whoever looks later will want to know.")
    if len(reason) > LONGEST_REASON:
        raise BillingError(f"Please keep the reason under {LONGEST_REASON} characters.")
    return reason


def _table(contact, reason):
    told = {"by": g.by, "via": PreferenceChange.STAFF, "now": g.now, "reason": reason}
    changed = preferences.choose(contact, preferences.posted(request.form.lists()), **told)
    return "Saved." if changed else "Nothing was changed: it was so already."


def _typed_before():
    try:
        return preferences.posted(request.form.lists())
    except BillingError:
        return None


def _preset(contact, reason):
    told = {"by": g.by, "via": PreferenceChange.STAFF, "now": g.now, "reason": reason}
    changed = preferences.use_preset(contact, request.form.get("preset", ""), **told)
    return "Saved." if changed else "Nothing was changed: it was so already."


def _agree_texts(contact, reason):
    """Said on the phone, after the words were read out: who heard it is part of the record."""
    wording = request.form.get("wording", "").replace("\r\n", "\n")
    told = {"source": Consent.STAFF, "by": g.by, "now": g.now, "ip": "", "proof": reason}
    consents.give_text(contact, wording=wording, **told)
    return f"{contact.name} agreed to texts."


def _end_texts(contact, reason):
    consents.withdraw(contact, Consent.TEXT, how=f"told to our office: {reason}", by=g.by, now=g.now)
    return "No texts any more."


def _end_electronic(contact, reason):
    consents.withdraw(contact, Consent.ELECTRONIC, how=f"told to our office: {reason}", by=g.by, now=g.now)
    return "Legal notices go out on paper from now on."


ACTS = {
    "table": _table,
    "preset": _preset,
    "texts": _agree_texts,
    "no_texts": _end_texts,
    "no_electronic": _end_electronic,
}
