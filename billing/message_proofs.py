"""The proof pack of any message that left, and of a notice to an authority: who was told what, when and how.

New prices, confirmations of an end, late notices, invoices: whatever is kept word for word. Notices of a
contract's end have more to prove and their own pack (renewals/proof.py). Not here: the seal, looks.
"""

import json

from billing import company as companies
from billing import localtime, preferences, words
from billing.errors import BillingError
from billing.renewals import kept, prices, proof
from billing.renewals.proof import Section, facts, older_steps
from billing.renewals.sending import text_hash
from models import AuthorityNotice, Notice

NOTICE, AUTHORITY = "notice", "authority_notice"
LEFT = (Notice.SENT, Notice.PRINT)


def can_prove(notice):
    """True for what left, word for word as it is kept."""
    return notice.state in LEFT and bool(notice.body_text)


def of_notice(notice, *, now):
    """The ProofPack of a Notice. Raises BillingError while it has not left, or where no words were kept."""
    if not can_prove(notice):
        raise BillingError("It has not left yet, or its words were not kept: there is nothing to prove.")
    sent = f"It left on {_day(notice.sent_at)}." if notice.sent_at else "It is being mailed."
    return proof.packed(
        NOTICE,
        notice,
        notice.customer,
        f"message {notice.id}: {name(notice)}",
        sent,
        sections(notice),
        now=now,
    )


def _day(at):
    return words.date(localtime.day(at, companies.current().time_zone))


def of_authority(row, *, now):
    """The ProofPack of an AuthorityNotice."""
    sent = f"{row.authority} was told on {words.date(row.sent_on)}, before the last day of monitoring."
    what = f"message {row.id}: Notice to the authority"
    return proof.packed(AUTHORITY, row, row.contract.customer, what, sent, _authority(row), now=now)


def name(notice):
    """What kind of message it is, as staff call it."""
    return dict(Notice.kind.choices).get(notice.kind) or notice.kind.replace("_", " ").capitalize()


def sections(notice, zone=None):
    """The Sections of a Notice. ``zone``: whose clock its words go by; the company's of today."""
    zone = zone or companies.current().time_zone
    came = facts(_delivery(notice, zone))
    told = [
        Section("what", "What it is", facts(_what(notice)), stored=kept.message(notice)),
        Section("whom", "Whom it went to", facts(_whom(notice)), stored=kept.addressee(notice)),
        proof.consent_section(notice, zone),
        Section("delivery", "That it left, and what came of it", came, stored=kept.delivery(notice)),
        proof.text_section(notice, _text(notice)),
        proof.steps_section(NOTICE, notice.id, zone),
    ]
    if notice.price_change_id:
        told.insert(1, _price(notice.price_change))
    return tuple(told)


def _what(notice):
    yield "Message", name(notice)
    yield "Why it was sent", notice.why
    yield "Allowed by", preferences.explain(notice).choice
    yield "Invoice", notice.invoice_id and f"{notice.invoice.number}, due {words.date(notice.invoice.due_on)}"
    yield "Contract", notice.contract_id and notice.contract.name


def _price(change):
    """The window of a new price, and the arithmetic of it."""
    lines = [
        f"{one.charge}: {prices.standing_words(one, today=one.starts_on)}" for one in change.told_together
    ]
    title = "The new price and its window"
    return Section("price", title, (), (*lines, *json.loads(change.arithmetic)), "", kept.price(change))


def _whom(notice):
    customer = notice.customer
    yield "Customer", f"{customer.name}, account {customer.account_number}"
    yield "Person", notice.contact.name if notice.contact_id else ""
    post = ", ".join([customer.name, *customer.address_lines])
    yield "Address", notice.address or (post if notice.channel == Notice.PAPER else "")
    yield "Way", dict(Notice.channel.choices).get(notice.channel, notice.channel)


def _delivery(notice, zone):
    yield "Queued", words.moment(notice.created_at, zone)
    yield "Left", words.moment(notice.sent_at, zone) if notice.sent_at else ""
    yield "Message-ID", notice.message_id
    yield "Certified mail", notice.certified_number
    yield "Pages", notice.pages and str(notice.pages)
    yield "Came back", proof.bounce(notice, zone)


def _text(notice):
    yield "Subject", notice.subject
    yield "SHA-256", text_hash(notice.body_text)


def _authority(row, zone=None):
    zone = zone or companies.current().time_zone
    media = dict(AuthorityNotice.medium.choices)
    told = (
        ("Authority", row.authority),
        ("Address", row.address),
        ("Customer", f"{row.contract.customer.name}, account {row.contract.customer.account_number}"),
        ("Contract", row.contract.name),
        ("What happens", "Monitoring ends" if row.kind == row.ENDED else "Monitoring is suspended"),
        ("Last day of monitoring", words.date(row.ends_on)),
        ("Sent on", words.date(row.sent_on)),
        ("Sent by", media[row.medium]),
        ("Proof", row.proof),
        ("Recorded", f"{words.moment(row.at, zone)}, {row.by}"),
    )
    return (
        Section("told", "What the authority was told", facts(told), stored=kept.authority(row)),
        proof.steps_section(AUTHORITY, row.id, zone),
    )


# --- Years later ---------------------------------------------------------------------------------


def compare(about, id, fingerprints, *, made_at):
    """[proof.Part] of a pack that was made at an instant, by the books as they are.

    Raises BillingError without a row.
    """
    if about == proof.RENEWAL_NOTICE:
        return proof.compare(id, fingerprints, made_at=made_at)
    model, of = {NOTICE: (Notice, sections), AUTHORITY: (AuthorityNotice, _authority)}[about]
    row = model.get_or_none(model.id == id)
    if row is None:
        raise BillingError(f"These books have no such message: {id}.")
    moved = proof.moved_since(row, [(NOTICE, row.id)], made_at) if about == NOTICE else set()
    was, zone = model.get_by_id(id), proof.zone_at(made_at)
    proof.as_it_was(made_at, *_named(about, was))
    now = (*of(row), older_steps(about, id, companies.current().time_zone))
    return proof.matching(now, fingerprints, moved, (*of(was, zone), older_steps(about, id, zone)))


def _named(about, row):
    """The rows whose names stand in the words of a pack."""
    if about == AUTHORITY:
        return row.contract, row.contract.customer
    return row.customer, row.contact, row.contract
