"""The consents that the law wants in writing: to texts, and to legal notices by mail instead of paper.

Kept with the exact words, the number or address, the time and the place; ended at once, never changed.
Whether a message needs one is decided by its sender. The consent to automatic payment is in ``automatic``.
"""

from dataclasses import dataclass

from billing import company as companies
from billing import events, links, notices, phones
from billing.errors import BillingError
from billing.periods import DAY
from billing.wording import tongues
from models import Consent, Contact, Link, Notice, db

VERSION = "2026-11"  # the Spanish words are "2026-11-es"
MOST_MAILS = 3  # confirming mails to one person within a day
NO_NUMBER = "There is no mobile number of the United States on file. Add one to your details first."
NO_MAIL = "There is no email address on file. Add one to your details first."


@dataclass(frozen=True)
class Words:
    """What is agreed to: a title, and paragraphs that are stored as they are read."""

    title: str
    paragraphs: tuple[str, ...]

    @property
    def text(self):
        return "\n".join(self.paragraphs)


def text_words(contact, company):
    """The Words of the consent to texts to a contact's own number (47 CFR 64.1200), in their language."""
    return _in_their_language(
        contact,
        "Text messages",
        f"I agree that {company.name} texts me about this account, such as reminders, receipts and "
        f"payment problems, at {phones.shown(phones.us_number(contact.phone)) or 'my mobile number'}, "
        "also by automated means.",
        "Texts are no condition of any service. How many come depends on what I choose; message and data "
        "rates of my carrier may apply. They come between 8 am and 8 pm.",
        f"I can end this at any time: here, by answering STOP, or by calling {company.phone}. HELP is "
        "answered with how to reach us.",
    )


def electronic_words(contact, company):
    """The Words of the consent to electronic notices (15 U.S.C. 7001(c)), in their language."""
    return _in_their_language(
        contact,
        "Legal notices by email",
        f"I agree that {company.name} sends me by email, to {contact.email}, what the law wants in "
        "writing: notices that a contract renews or ends, of a new price, and of automatic charges.",
        "I have a right to these on paper. I can ask for a paper copy of any of them at any time, and "
        "it costs me nothing.",
        "I can withdraw this at any time, on the page of my preferences or by telling you. It ends at "
        "once, the notices come on paper again, and nothing else changes. What was sent before stays "
        "valid.",
        "When my email address changes I tell you on the page of my details; until then notices may go "
        "to the old one, and what comes back is sent on paper.",
        "To read and keep them I need an email program or website, a web browser of the last years, and "
        "a program that opens PDF files; to keep a copy I can save or print them.",
    )


def words_of(kind, contact, company):
    """The Words of a kind of consent for one contact, as they are shown and stored today."""
    return {Consent.TEXT: text_words, Consent.ELECTRONIC: electronic_words}[kind](contact, company)


def version_of(contact):
    """Which words they are: each language has its own."""
    return VERSION if (tongue := tongues.of(contact.customer)).code == "en" else f"{VERSION}-{tongue.code}"


def _in_their_language(contact, title, *paragraphs):
    say = tongues.of(contact.customer).say
    return Words(say(title), tuple(map(say, paragraphs)))


# --- Asking --------------------------------------------------------------------------------------


def standing(contact, kind):
    """The Consent of a kind that stands for where the contact is reached now, or None."""
    found = _unended(contact, kind)
    return found if found and found.address_or_number == _where(contact, kind) else None


def _unended(contact, kind):
    return contact.consents.where((Consent.kind == kind) & Consent.withdrawn_at.is_null()).first()


def _where(contact, kind):
    return phones.us_number(contact.phone) if kind == Consent.TEXT else contact.email


# --- Giving --------------------------------------------------------------------------------------


def give_text(contact, *, wording, source, by, now, ip="", proof=""):
    """Record the consent to texts; returns it. One that stands for another number ends with it.

    wording -- the words that were read, or said; refused when they are not those of today
    source  -- Consent.PAGE, LINK, STAFF or TEXT

    Raises BillingError without a number, or when the words changed while they were read.
    """
    if not phones.us_number(contact.phone):
        raise BillingError(NO_NUMBER)
    return _give(contact, Consent.TEXT, wording, source=source, by=by, now=now, ip=ip, proof=proof)


def ask_electronic(contact, *, now):
    """Mail the link that confirms the consent to electronic notices: agreed to only where it can be read.

    Raises BillingError without an address, or when it was mailed often enough for a day.
    """
    if not contact.email:
        raise BillingError(NO_MAIL)
    asked = Notice.select().where((Notice.contact == contact) & (Notice.kind == Notice.CONSENT_CONFIRM))
    if asked.where(Notice.created_at > now - DAY).count() >= MOST_MAILS:
        raise BillingError(
            "We mailed you the link several times today. Please look there, also in the junk mail."
        )
    notices.queue_consent_confirm(contact, now=now)


def confirm_electronic(link, *, wording, by, now, ip=""):
    """Record the consent of whoever opened the mailed link, which shows that they can read what is mailed.

    link -- the Link of purpose CONSENT that was followed; it works once

    Raises BillingError when it was used already or the words changed, DeadLink for an address that changed.
    """
    contact = link.contact
    with db.atomic():
        links.use(link, now=now)
        proof = f"opened the link mailed to {contact.email} on {link.created_at:%Y-%m-%d %H:%M} UTC"
        told = {"source": Consent.LINK, "by": by, "now": now, "ip": ip, "proof": proof[:255]}
        return _give(contact, Consent.ELECTRONIC, wording, **told)


def _give(contact, kind, wording, *, source, by, now, ip, proof):
    """Two clicks at once are one consent: the second finds the first."""
    company = companies.current()
    if wording != words_of(kind, contact, company).text:
        raise BillingError("These words have changed meanwhile. Please read them once more and then agree.")
    with db.atomic():
        if db.for_update:
            Contact.select(Contact.id).where(Contact.id == contact.id).for_update().tuples().first()
        if found := standing(contact, kind):
            return found
        withdraw(contact, kind, how="replaced by a consent for another number or address", by=by, now=now)
        given = Consent.create(
            contact=contact, kind=kind, wording=wording, version=version_of(contact),
            address_or_number=_where(contact, kind), given_at=now, source=source, by=by[:300], ip=ip[:45],
            proof=proof[:255],
        )  # fmt: skip
        events.record("consent.given", given, by=by, now=now, customer=contact.customer)
    return given


# --- Ending --------------------------------------------------------------------------------------


def withdraw(contact, kind, *, how, by, now):
    """End a consent at once; returns True when one stood. ``how``: in words, such as "STOP by text"."""
    if kind not in Consent.KINDS:
        raise BillingError("This consent is not known here.")
    found = _unended(contact, kind)
    if found is None:
        return False
    with db.atomic():
        mine = (Consent.id == found.id) & Consent.withdrawn_at.is_null()
        ended = Consent.update(withdrawn_at=now, withdrawn_how=how[:255]).where(mine).execute()
        if ended:
            events.record("consent.withdrawn", found, by=by, now=now, customer=contact.customer, reason=how)
    return bool(ended)


def stop_texts_to(number, *, how, by, now):
    """End the consent of everybody with this number, as STOP does; returns the contacts."""
    theirs = (Consent.kind == Consent.TEXT) & (Consent.address_or_number == number)
    people = Contact.select().join(Consent).where(theirs & Consent.withdrawn_at.is_null())
    return [contact for contact in list(people) if withdraw(contact, Consent.TEXT, how=how, by=by, now=now)]


def asked(token, *, now):
    """The Link behind the address that was mailed; raises DeadLink, also when the address changed since."""
    link = links.follow(token, Link.CONSENT, now=now)
    if link.contact.left_on:
        raise links.DeadLink("This person is no longer a contact of the account.", link)
    if link.notice and link.notice.address != link.contact.email:
        raise links.DeadLink("Your email address has changed since. Please ask for a new link.", link)
    return link
