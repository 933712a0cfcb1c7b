"""The proof pack of one notice: the law, the arithmetic, the words, the way, and what came of it.

Every section has a fingerprint of stored values (kept.py), so that years later it can be said which part
still fits; its words are for the reader, and names in them may change. Not here: the seal (edges/seals.py),
looks.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime

from billing import certified, letterheads, words
from billing import company as companies
from billing.errors import BillingError
from billing.renewals import asking, contents, kept, sending, windows
from models import Company, Event, PrintBatch, PrintPiece, RenewalAnswer, RenewalNotice, RenewalRule

MOST_TEXT = 20_000
RENEWAL_NOTICE = "renewal_notice"
MAILED = "renewal_notice.mailed"
STORED = "stored."  # before the key of a part that is sealed by stored values


@dataclass(frozen=True)
class Section:
    """One part of a pack: facts as (term, text), lines under them, and a text as it was sent.

    stored -- what is sealed of it: values as the books keep them
    """

    key: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    text: str = ""
    stored: tuple = ()

    @property
    def fingerprint(self):
        """SHA-256 of all that it says: older packs were sealed by it."""
        return _sha256([self.facts, self.lines, self.text])

    @property
    def stored_fingerprint(self):
        """SHA-256 of its stored values."""
        return _sha256(self.stored)


def _sha256(values):
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class ProofPack:
    """All that proves one notice. ``made``: when, on the company's clock; ``about``: the table of its row."""

    company: letterheads.Letterhead
    about: str
    notice_id: int
    title: str
    customer_name: str
    account_number: str
    summary: str
    made: str
    made_at: datetime
    sections: tuple[Section, ...]

    @property
    def customer_label(self):
        return f"{self.customer_name} (account {self.account_number})"

    @property
    def fingerprints(self):
        """{key of a section: the fingerprint of its stored values}, as the seal keeps them."""
        return {STORED + section.key: section.stored_fingerprint for section in self.sections}


def pack(row, *, now):
    """The ProofPack of a RenewalNotice as the books are now.

    Raises BillingError while nothing has gone out: there is nothing to prove yet.
    """
    if row.notice_id is None:
        raise BillingError("Nothing has gone out yet, so there is nothing to prove.")
    what = f"notice {row.id}: {row.title}, {row.contract.name}"
    return packed(RENEWAL_NOTICE, row, row.contract.customer, what, _summary(row), sections(row), now=now)


def packed(about, row, customer, what, summary, told, *, now):
    """The ProofPack of a row: ``what`` it is in a few words, ``told`` its Sections."""
    company = companies.current()
    return ProofPack(
        company=letterheads.of(company),
        about=about,
        notice_id=row.id,
        title=f"Proof of {what}, {customer}",
        customer_name=customer.name,
        account_number=customer.account_number,
        summary=summary,
        made=words.moment(now, company.time_zone),
        made_at=now.replace(microsecond=0),
        sections=told,
    )


def sections(row, zone=None):
    """The Sections of a RenewalNotice. ``zone``: whose clock its words go by; the company's of today."""
    zone, notice = zone or companies.current().time_zone, row.notice
    noted = ("noted", row.text_sha256)
    return (
        Section("law", "The rule", facts(_law(row)), stored=kept.law(row)),
        Section(
            "arithmetic", "How the days came about", (), asking.lines_of(row), stored=kept.arithmetic(row)
        ),
        Section("whom", "Whom it went to", facts(_whom(row, notice)), stored=kept.whom(row)),
        consent_section(notice, zone),
        Section("left", "That it left", facts(_left(row, notice, zone)), stored=kept.left(row)),
        Section("became", "What came of it", facts(_became(row, notice, zone)), stored=kept.became(row)),
        text_section(notice, _text(row, notice), noted),
        Section(
            "answers", "What the customer answered", (), tuple(_answers(row, zone)), "", kept.answers(row)
        ),
        steps_section(RENEWAL_NOTICE, row.id, zone),
    )


def consent_section(notice, zone):
    """What the recipient of a Notice agreed to."""
    return Section(
        "consent", "What they agreed to", facts(consent_of(notice, zone)), stored=kept.consent(notice)
    )


def text_section(notice, about, *noted):
    """The words of a Notice. ``about``: facts of them; ``noted``: pairs to seal with their fingerprint."""
    words_of_it = notice.body_text[:MOST_TEXT]
    return Section("text", "What it said", facts(about), (), words_of_it, kept.text(notice, *noted))


def steps_section(table, id, zone):
    """What was done about a row."""
    title = "What was done, step by step"
    return Section("steps", title, (), tuple(steps(table, id, zone)), stored=kept.steps(table, id))


def _older(row, zone=None):
    """Sections that packs had before, under keys of their own: what was sealed then is still compared."""
    notice, zone = row.notice, zone or companies.current().time_zone
    return (
        Section("recipient", "Whom it went to", facts(_recipient(row, notice))),
        Section("rule", "The rule", facts(_rule(row))),
        Section("delivery", "That it left, and what came of it", facts(_delivery(row, notice, zone))),
        older_steps(RENEWAL_NOTICE, row.id, zone),
    )


def facts(pairs):
    """Facts without those that say nothing, as texts."""
    return tuple((term, str(text)) for term, text in pairs if text)


def _summary(row):
    name = dict(RenewalNotice.state.choices)[row.state].lower()
    window = words.period(row.opens_on, row.closes_on)
    waits = "It did not leave in time." if row.state == RenewalNotice.MISSED else "It has not left yet."
    sent = f"It left on {words.date(row.sent_on)}." if row.sent_on else waits
    return f"Asked for by {row.called} in the window {window}. {sent} State: {name}."


def _law(row):
    rule = row.rule
    yield "Rule", str(rule)
    yield "Citation", rule.citation
    yield "Certainty", dict(RenewalRule.certainty.choices)[rule.certainty]
    yield "Window", windows.in_words(rule)
    yield "Lawful ways", windows.ways(rule)
    yield "It must say", _must_say(row)
    yield "When it is missed", dict(RenewalRule.consequence.choices)[rule.consequence]
    yield "Checked", f"{words.date(rule.checked_on)} by {rule.checked_by}" if rule.checked_on else ""
    yield "In force by", rule.activated_by


def _must_say(row):
    return words.joined(contents.CODES.get(code, code) for code in row.contents.split("|") if code)


def _rule(row):
    rule = row.rule
    yield "Rule", f"{rule.code}, version {rule.version}"
    yield "Citation", rule.citation
    yield "Certainty", dict(rule.certainty and type(rule).certainty.choices)[rule.certainty]
    yield "Window", f"{rule.opens_days} to {rule.closes_days} days before" if rule.opens_days else ""
    yield "Lawful ways", rule.media.replace("|", ", ").replace("_", " ")
    yield "It must say", _must_say(row)
    yield "Checked", f"{words.date(rule.checked_on)} by {rule.checked_by}" if rule.checked_on else ""
    yield "In force by", rule.activated_by


def _whom(row, notice):
    customer = row.contract.customer
    yield "Customer", f"{customer.name}, account {customer.account_number}"
    yield "Contract", f"{row.contract.name}, begun {words.date(row.contract.starts_on)}"
    yield "Term to", words.date(row.term_end_on)
    yield "Person", notice.contact.name if notice.contact_id else ""
    yield "Address", row.address or notice.address
    yield "Way", RenewalNotice.MEDIA[row.medium]


def _recipient(row, notice):
    yield "Address", row.address or notice.address
    yield "Contract", f"{row.contract_id}, term to {words.date(row.term_end_on)}"
    yield "Contact", notice.contact_id and f"{notice.contact_id}"
    yield "Way", RenewalNotice.MEDIA[row.medium]


def consent_of(notice, zone):
    """The consent to electronic notices that stood when it was sent."""
    if not kept.needs_consent(notice):
        yield "Needed", "None: it went on paper."
        return
    found = kept.agreed(notice)
    if found is None:
        yield "Consent", "None was on file; the rule counts mail without one, or a letter went too."
        return
    yield "Given", f"{words.moment(found.given_at, zone)}, for {found.address_or_number}"
    yield "Wording", f"version {found.version}, SHA-256 {sending.text_hash(found.wording)}"
    yield "Shown by", found.proof


def _left(row, notice, zone):
    yield "Planned", words.date(row.plan_on)
    yield "Window", words.period(row.opens_on, row.closes_on)
    yield "Left", words.moment(notice.sent_at, zone) if notice.sent_at else words.date(row.sent_on)
    yield "Message-ID", notice.message_id
    yield "Certified mail", certified.shown(row.certified_number or notice.certified_number)
    yield "Pages", notice.pages and str(notice.pages)


def _became(row, notice, zone):
    yield "Came back", bounce(notice, zone) if row.sent_on else ""
    yield "Known of its delivery", row.delivery
    yield "Delivered", words.date(row.delivered_on) if row.delivered_on else ""
    yield "Noted", row.reason
    yield "What followed", row.consequence
    if row.overridden_at:
        yield "Overridden", f"{words.moment(row.overridden_at, zone)}, {row.overridden_by}"
        yield "Why", row.override_reason


def _delivery(row, notice, zone):
    yield "Planned", words.date(row.plan_on)
    yield "Window", words.period(row.opens_on, row.closes_on)
    yield "Left", words.moment(notice.sent_at, zone) if notice.sent_at else words.date(row.sent_on)
    yield "Message-ID", notice.message_id
    yield "Certified mail", row.certified_number or notice.certified_number
    yield "Pages", notice.pages and str(notice.pages)
    yield "Came back", bounce(notice, zone)
    yield "Known of its delivery", row.delivery
    yield "Delivered", words.date(row.delivered_on) if row.delivered_on else ""
    yield "What followed", row.consequence


def bounce(notice, zone):
    """What came back, in words."""
    if notice.bounced_at is None:
        return "no"
    return f"{words.moment(notice.bounced_at, zone)}: {notice.bounce_code} {notice.bounce_text}".strip()


def _text(row, notice):
    yield "Subject", notice.subject
    if not notice.body_text:
        yield "Text", "Nothing was kept yet."
        return
    found = sending.text_hash(notice.body_text)
    yield "SHA-256", found
    yield "As noted when it left" if row.sent_on else "As noted when it was drawn", row.text_sha256
    if row.text_sha256:
        yield "They agree", "yes" if found == row.text_sha256 else "NO"


def _answers(row, zone):
    for one in row.contract.answers.where(RenewalAnswer.term_end_on == row.term_end_on).order_by(
        RenewalAnswer.id
    ):
        last = f", last day {words.date(one.last_on)}" if one.last_on else ""
        yield (
            f"{words.moment(one.at, zone)}: {RenewalAnswer.WORDS[one.answer]}{last}, signed {one.name}, "
            f"{RenewalAnswer.VIA[one.via].lower()} from {one.ip or 'an unknown address'}, "
            f"wording {one.text_sha256}"
        )


def steps(table, id, zone):
    """The Events about a row, a line each: when, what, by whom, and why."""
    return [
        f"{at}: {what}, {by.partition(':')[2] or by}{why}" for at, what, by, why in _steps(table, id, zone)
    ]


def older_steps(table, id, zone):
    """The section as packs had it before, compared under the key that it had."""
    lines = tuple(f"{at}: {what}, {by}{why}" for at, what, by, why in _steps(table, id, zone))
    return Section("history", "What was done, step by step", (), lines)


def _steps(table, id, zone):
    about = (Event.about_table == table) & (Event.about_id == id)
    for event in Event.select().where(about).order_by(Event.id):
        what = event.what.partition(".")[2].replace("_", " ")
        yield words.moment(event.at, zone), what, event.by, f". {event.reason}" if event.reason else ""


# --- Years later ---------------------------------------------------------------------------------

FITS, LATER, OTHER = "fits", "later", "other"
GROWING = ("answers", "history", "steps")  # lines are only ever added


@dataclass(frozen=True)
class Part:
    """How one part of a pack stands to the books. standing -- FITS, LATER (more was noted since) or OTHER."""

    title: str
    standing: str


def compare(notice_id, fingerprints, *, made_at):
    """What of a pack still fits the books: [Part].

    fingerprints -- as the seal kept them, at ``made_at``. Raises BillingError when the notice is not in
    these books.
    """
    row = RenewalNotice.get_or_none(RenewalNotice.id == notice_id)
    if row is None or row.notice_id is None:
        raise BillingError(f"These books have no notice {notice_id}.")
    moved = moved_since(row.notice, [(RENEWAL_NOTICE, row.id)], made_at)
    was, zone = RenewalNotice.get_by_id(row.id), zone_at(made_at)
    as_it_was(made_at, was.contract, was.contract.customer, was.notice.contact)
    return matching(
        (*sections(row), *_older(row)), fingerprints, moved, (*sections(was, zone), *_older(was, zone))
    )


# Columns that people edit, and that words of a pack show.
SHOWN = ("name", "time_zone", "street", "street2", "city", "state", "zip")


def as_it_was(at, *rows):
    """Put into rows, in memory only, the names that they had at an instant, as the audit tells them.

    Packs were sealed by their words once; where only such a name changed since, they still fit.
    """
    for row in filter(None, rows):
        about = (Event.about_table == row._meta.table_name) & (Event.about_id == row.id) & (Event.at > at)
        for event in Event.select().where(about & (Event.before != "")).order_by(Event.id.desc()):
            for name, value in json.loads(event.before).items():
                if name in SHOWN and name in row._meta.fields:
                    setattr(row, name, value)


def zone_at(at):
    """The company's time zone at an instant."""
    company = Company.get_by_id(companies.current().id)
    as_it_was(at, company)
    return company.time_zone


def moved_since(notice, rows, made_at):
    """The keys of sections about which more may have been noted after ``made_at``.

    rows -- [(table, id)] whose events count
    """
    about = [
        (Event.about_table == table) & (Event.about_id == id) & (Event.at > made_at) for table, id in rows
    ]
    if not _was_out(notice, made_at):
        return {"whom", "recipient", "left", "became", "delivery", "text"}
    came_back = notice.bounced_at and notice.bounced_at > made_at
    noted = any(Event.select().where(one).exists() for one in about)
    return {"became", "delivery"} if came_back or noted else set()


def _was_out(notice, at):
    """True when the books said at an instant that it had left.

    The post may have had a letter earlier: ``sent_at`` is the day of mailing, and staff note that day later.
    """
    pieces = notice.print_pieces.join(PrintBatch).where(
        PrintPiece.out_at.is_null() & (PrintBatch.mailed_at > at)
    )
    noted = Event.select().where(
        (Event.about_table == RENEWAL_NOTICE)
        & Event.about_id.in_(notice.renewal_notices.select(RenewalNotice.id))
        & (Event.what == MAILED)
        & (Event.at > at)
    )
    is_out = notice.sent_at is not None and notice.sent_at <= at
    return is_out and not pieces.exists() and not noted.exists()


def matching(now, fingerprints, moved, was=()):
    """[Part] of the sections that a pack has, by what the books say now.

    was -- the Sections with the names of the day on which the pack was made
    """
    found = [*_by_stored(now, fingerprints, moved), *_by_words(now, fingerprints, moved, was)]
    known = {key for one in now for key in (one.key, STORED + one.key)}
    lost = sorted(fingerprints.keys() - known)
    return [*found, *(Part(f"A part that we do not know ({key})", OTHER) for key in lost)]


def _by_stored(now, fingerprints, moved):
    for one in now:
        if sealed := fingerprints.get(STORED + one.key):
            shorter = (_sha256(one.stored[:count]) for count in range(len(one.stored)))
            yield Part(one.title, _standing(one, sealed, one.stored_fingerprint, shorter, moved))


def _by_words(now, fingerprints, moved, was):
    """Of packs that were sealed by what they say: as it is said now, or was said then."""
    then = {one.key: one for one in was}
    for one in now:
        if sealed := fingerprints.get(one.key):
            standing = _standing(one, sealed, one.fingerprint, _shorter(one), moved)
            before = then.get(one.key, one)
            if standing == OTHER:
                is_other = _standing(before, sealed, before.fingerprint, _shorter(before), moved) == OTHER
                standing = OTHER if is_other else LATER
            yield Part(one.title, standing)


def _standing(section, sealed, found, shorter, moved):
    if found == sealed:
        return FITS
    if section.key in moved or (section.key in GROWING and sealed in shorter):
        return LATER
    return OTHER


def _shorter(section):
    """The fingerprints of its first lines only, as long as lines were only added."""
    return (replace(section, lines=section.lines[:count]).fingerprint for count in range(len(section.lines)))
