"""Capability links and sign-in codes: who holds the token may do one thing, nothing else.

256 random bits; only their hash is stored; one purpose each; revocable and renewable. Following a link
changes nothing. A code is six digits, works once, for ten minutes, and dies after five wrong tries.
"""

import hashlib
import hmac
import secrets
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, time, timedelta

from peewee import JOIN, fn

from billing import company as companies
from billing import events, notices, prepared
from billing.errors import BillingError
from models import Contact, Customer, Invoice, Link, Notice, db, insert_few

SIGN_IN_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(days=30)  # whatever happens; the portal ends an idle one much earlier
PREFERENCES_LIFE = timedelta(days=365)
CONSENT_LIFE = timedelta(days=3)
CALENDAR_LIFE = timedelta(days=10 * 365)  # a calendar is subscribed to and forgotten; closing it is one click
ANSWER_LIFE = timedelta(days=180)
MOST_TRIES = 5
_kept_back = ContextVar("links that are written later", default=None)
MOST_MAILS = 3  # sign-in or fresh-link mails to one person within SIGN_IN_LIFE


class DeadLink(BillingError):
    """A link that is unknown, expired, revoked or used. ``link`` is its row when there was one."""

    def __init__(self, sentence, link=None):
        super().__init__(sentence)
        self.link = link


# --- Making --------------------------------------------------------------------------------------


def pay_link(invoice, *, now, contact=None, notice=None):
    """Return a new token that opens ``invoice``. Older links keep working: revoking is explicit.

    notice -- the message that it stands in, when that tells of several invoices: it opens those too
    """
    days = companies.current().pay_link_days
    ends = max(datetime.combine(invoice.due_on, time.max), now) + timedelta(days=days)
    opens = {"contact": contact, "invoice": invoice, "notice": notice}
    return _issue(Link.PAY, invoice.customer_id, now=now, expires_at=ends, **opens)


def again(link, *, now):
    """Return one more token that opens what ``link`` opens, for as long; the same message carried it."""
    about = {name: getattr(link, name) for name in _ABOUT}
    return _issue(
        link.purpose, link.customer_id, now=now, expires_at=link.expires_at,
        carried_by_id=link.carried_by_id, **about,
    )  # fmt: skip


def preferences_link(contact, *, now):
    """Return a new token that opens the contact's preferences; every message carries one."""
    return _issue(
        Link.PREFERENCES, contact.customer_id, now=now, expires_at=now + PREFERENCES_LIFE, contact=contact
    )


def answer_link(contact, notice, *, now):
    """Return a new token that opens the agreement that ``notice`` is about, for its contact to answer."""
    ends = now + ANSWER_LIFE
    return _issue(Link.ANSWER, contact.customer_id, now=now, expires_at=ends, contact=contact, notice=notice)


def carry(tokens, notice):
    """Note that ``notice`` carries the links of these tokens: who comes by one has opened that message."""
    hashes = {hashed(token) for token in tokens}
    if (kept := _kept_back.get()) is not None:
        for row in kept:
            if row["token_hash"] in hashes:
                row["carried_by_id"] = notice.id
    elif hashes and notice.id:
        Link.update(carried_by=notice).where(Link.token_hash.in_(hashes)).execute()


@contextmanager
def kept_back():
    """Within this, links are made but not written: ``kept`` gives them, ``write`` writes them later.

    For a message that is composed ahead of the transaction in which it leaves. Until they are written they
    open nothing.
    """
    token = _kept_back.set([])
    try:
        yield
    finally:
        _kept_back.reset(token)


def kept():
    """The links that were kept back so far; none where they are written at once."""
    return tuple(_kept_back.get() or ())


def write(rows):
    """Write links that were kept back, in the caller's transaction."""
    if rows:
        insert_few(Link, tuple(_BLANK), [tuple(row.values()) for row in rows], text=prepared.Text)


def consent_link(contact, *, now, notice=None):
    """Return a new token with which whoever reads the contact's mail agrees to electronic notices, once.

    notice -- the message that carries it: its address is the one that is agreed to
    """
    ends = now + CONSENT_LIFE
    return _issue(Link.CONSENT, contact.customer_id, now=now, expires_at=ends, contact=contact, notice=notice)


def calendar_link(contact, *, shows, now):
    """Return a new token behind which a calendar program reads the contact's days, until it is withdrawn."""
    ends = now + CALENDAR_LIFE
    return _issue(Link.CALENDAR, contact.customer_id, now=now, expires_at=ends, contact=contact, shows=shows)


def sign_in_link(contact, *, now):
    """Return (token, six-digit code), either of which signs the contact in once."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    token = _issue(
        Link.SIGN_IN,
        contact.customer_id,
        now=now,
        expires_at=now + SIGN_IN_LIFE,
        contact=contact,
        code_hash=hashed(f"{contact.id}:{code}"),
    )
    return token, code


def _issue(purpose, customer_id, *, now, expires_at, **fields):
    token = secrets.token_urlsafe(32)
    about = {f"{name}_id": getattr(fields.pop(name, None), "id", None) for name in _ABOUT}
    made = {"token_hash": hashed(token), "created_at": now, "expires_at": expires_at}
    row = _BLANK | {"purpose": purpose, "customer_id": customer_id, **made, **about, **fields}
    if (kept := _kept_back.get()) is not None:
        kept.append(row)
    else:
        write([row])
    return token


_ABOUT = ("contact", "invoice", "notice")
_BLANK = {
    "purpose": "", "token_hash": "", "code_hash": "", "tries": 0, "customer_id": None, "contact_id": None,
    "invoice_id": None, "notice_id": None, "shows": "", "created_at": None, "expires_at": None,
    "carried_by_id": None,
}  # fmt: skip


def hashed(secret):
    """What is stored of a token or a code."""
    return hashlib.sha256(secret.encode()).hexdigest()


# --- Following -----------------------------------------------------------------------------------


def follow(token, purpose, *, now):
    """Return the Link that ``token`` opens, with whom and what it is for, by one query.

    Raises DeadLink with a sentence; changes nothing.
    """
    found = _found(hashed(token), purpose)
    if found is None:
        raise DeadLink("This link is not complete. Copy it whole from the message, or ask for a new one.")
    if found.revoked_at:
        raise DeadLink("This link was withdrawn. You can ask for a new one.", found)
    if found.used_at or found.expires_at <= now:
        raise DeadLink("This link is too old. You can ask for a new one.", found)
    return found


def _found(token_hash, purpose):
    """The Link, with the rows that the page behind it asks for at once, or None."""
    if purpose == Link.SESSION:
        return _session.first(token_hash)
    if purpose == Link.PAY:
        return _pay_link.first(token_hash)
    return _link.first(token_hash, purpose)


@prepared.question
def _session(token_hash):
    query = Link.select(Link, Contact, Customer).join(Contact).join(Customer)
    return query.where((Link.token_hash == token_hash) & (Link.purpose == Link.SESSION))


@prepared.question
def _pay_link(token_hash):
    return (
        Link.select(Link, Invoice, Customer, Contact)
        .join(Invoice)
        .join(Customer)
        .join_from(Link, Contact, JOIN.LEFT_OUTER)
        .where((Link.token_hash == token_hash) & (Link.purpose == Link.PAY))
    )


@prepared.question
def _link(token_hash, purpose):
    return Link.select().where((Link.token_hash == token_hash) & (Link.purpose == purpose))


def reader(token, *, now):
    """The Contact for whom the link of a message was made, or None; changes nothing."""
    alive = (Link.token_hash == hashed(token)) & Link.revoked_at.is_null() & (Link.expires_at > now)
    read = (Link.PAY, Link.PREFERENCES, Link.ANSWER, Link.CONSENT)
    found = Link.get_or_none(alive & Link.purpose.in_(read))
    return found and found.contact


def use(link, *, now):
    """Use up a link that works once. Raises DeadLink when somebody was faster."""
    _use(link, now)


def revoke(query, *, by, now):
    """Withdraw every link of a query of Link; returns how many were still alive."""
    with db.atomic():
        alive = list(query.where(Link.revoked_at.is_null() & (Link.expires_at > now)))
        for link in alive:
            link.revoked_at = now
            link.save()
            events.record("link.revoked", link, by=by, now=now)
    return len(alive)


def ask_fresh(dead, *, now):
    """Mail a fresh pay link to the address on file, for a link that is dead but was ours.

    Tells nothing about whether anything was mailed: the page says the same in every case.
    """
    contact = dead.contact or mail_contact(dead.customer)
    if dead.purpose == Link.PAY and contact and _may_mail(contact, Notice.FRESH_LINK, now):
        notices.queue_fresh_link(dead.invoice, contact, now=now)


def mail_contact(customer):
    """The person whom a link or code may be mailed to: the first payer with an address, or None."""
    return customer.contacts.where(Contact.PAYS & (Contact.email != "")).order_by(Contact.id).first()


# --- Signing in ----------------------------------------------------------------------------------


def ask_sign_in(email, *, now):
    """Mail a sign-in link and code to a contact with this address; silent when there is none.

    One mail, however many accounts have the address: whoever reads it may choose among them.
    """
    contact = accounts(email).first()
    if contact:
        ask_code(contact, now=now)


def ask_code(contact, *, now):
    """Mail a sign-in link and code to one contact, unless they just got several."""
    if _may_mail(contact, Notice.SIGN_IN, now):
        notices.queue_sign_in(contact, now=now)


def sign_in_by_token(token, *, now):
    """Use up a mailed link; returns the Contact. Raises DeadLink."""
    return _use(follow(token, Link.SIGN_IN, now=now), now)


def sign_in_by_code(email, code, *, now):
    """Use up a mailed code; returns the Contact. Raises BillingError; five wrong tries end the code."""
    digits = "".join(code.split())
    alive = Link.select().where(
        (Link.purpose == Link.SIGN_IN)
        & Link.contact.in_(_contacts(email))
        & Link.used_at.is_null()
        & Link.revoked_at.is_null()
        & (Link.expires_at > now)
        & (Link.tries < MOST_TRIES)
    )
    for link in list(alive):
        # Counted before it is compared: many guesses at once are not more guesses.
        counted = Link.update(tries=Link.tries + 1).where((Link.id == link.id) & (Link.tries < MOST_TRIES))
        right = hmac.compare_digest(link.code_hash, hashed(f"{link.contact_id}:{digits}"))
        if counted.execute() and right:
            return _use(link, now)
    raise BillingError("This code is not right, or it is older than ten minutes. Ask for a new one.")


def accounts(email):
    """A query of the contacts, one for each account, that whoever reads this address may act as."""
    return _contacts(email).order_by(Contact.id)


def open_session(contact, *, now):
    """Remember that this browser is the contact: returns the token for its cookie, new at every sign-in."""
    return _issue(Link.SESSION, contact.customer_id, now=now, expires_at=now + SESSION_LIFE, contact=contact)


def session_contact(token, *, now):
    """The Contact that a browser's token stands for. Raises DeadLink when it was signed out or has left."""
    link = follow(token, Link.SESSION, now=now)
    if link.contact.left_on:
        raise DeadLink("This person is no longer a contact of the account.", link)
    return link.contact


def close_session(token, *, now):
    """Sign out: from now on the token is worth nothing, wherever it was copied to."""
    Link.update(revoked_at=now).where(
        (Link.token_hash == hashed(token)) & (Link.purpose == Link.SESSION) & Link.revoked_at.is_null()
    ).execute()


def _contacts(email):
    email = email.strip().lower()
    return Contact.select().where(
        (fn.LOWER(Contact.email) == email) & (Contact.email != "") & Contact.left_on.is_null()
    )


def _use(link, now):
    """Compare-and-swap: of two clicks at once, one signs in."""
    won = Link.update(used_at=now).where((Link.id == link.id) & Link.used_at.is_null()).execute()
    if not won:
        raise DeadLink("This link was used already. You can ask for a new one.", link)
    return link.contact


def _may_mail(contact, kind, now):
    recent = Notice.select().where(
        (Notice.contact == contact) & (Notice.kind == kind) & (Notice.created_at > now - SIGN_IN_LIFE)
    )
    return recent.count() < MOST_MAILS
