"""Beginning, reading, signing and discarding a personal mail: one mail, one person, one decision.

A draft comes from a step of reminding or from somebody at the desk. Its first words are written anew from
what is known each time it is opened, until a person keeps their own. Who signs it says what they have read:
where that has changed meanwhile, it must be read again.
"""

from dataclasses import dataclass

from billing import demands, events, ledger, masking, words
from billing.collections import gate
from billing.errors import BillingError, StaleState
from billing.money import format_cents
from billing.notices import timing
from billing.outbox import judging
from billing.personal import evidence, ways, writing
from billing.states import move
from models import Citation, Contact, Customer, Event, Notice, db

LONGEST = 4_000
MOST_NEWS = 3
WHY = "An invoice of this account is past its due date."


@dataclass(frozen=True)
class Reading:
    """What somebody sees who opens a draft."""

    notice: Notice
    evidence: evidence.Evidence
    words: str
    ways: tuple
    objection: str  # why it is not sent now, or ""
    against: tuple  # the gate's Reasons among that
    news: frozenset = frozenset()  # the facts since it was signed, where it was signed before

    @property
    def seen(self):
        """What was read: given back when the draft is signed."""
        return self.evidence.digest


def waiting():
    """A query of the drafts that wait for somebody to read them, oldest first."""
    return Notice.select().where(Notice.state == Notice.DRAFT).order_by(Notice.id)


def begin(customer, *, by, today, now):
    """The personal mail to a customer who owes: the draft that waits, or a new one. Returns the Notice.

    Raises BillingError when nothing of theirs is past due, or nobody has a mail address.
    """
    with ledger.locked(customer.id):
        standing = waiting().where((Notice.customer == customer) & (Notice.kind == Notice.CHECK_IN)).first()
        if standing:
            return standing
        invoice, contact = _oldest_late(customer, today), _reader(customer)
        notice = Notice.create(
            key=f"check_in:{invoice.id}:{contact.id}:{now:%Y%m%d%H%M%S%f}", kind=Notice.CHECK_IN,
            state=Notice.DRAFT, customer=customer, contact=contact, invoice=invoice, address=contact.email,
            why=WHY, send_at=now, created_at=now,
        )  # fmt: skip
        events.record("notice.begun", notice, by=by, now=now)
    return notice


def _oldest_late(customer, today):
    invoices = list(ledger.open_invoices(customer))
    asked = demands.of_invoices(invoices)
    late = [invoice for invoice in invoices if demands.late_cents(asked[invoice.id], today)]
    if not late:
        raise BillingError(f"Nothing of {customer.name} is past due.")
    return min(late, key=lambda invoice: (demands.first_on(asked[invoice.id]), invoice.id))


def _reader(customer):
    """The first payer whom mail reaches."""
    found = customer.contacts.where(Contact.IS_REACHED).order_by(Contact.id).first()
    if found is None:
        raise BillingError(f"Mail reaches nobody who pays for {customer.name}. Call them, or write a letter.")
    return found


def read(notice, *, staff, by, today, now):
    """Everything that somebody needs to read and sign a draft: a Reading."""
    known = evidence.read(notice, today=today, now=now)
    untrue = judging.objection(notice, today=today, now=now)
    against = tuple(gate.check(notice, today=today, now=now))
    return Reading(
        notice=notice,
        evidence=known,
        words=notice.words or writing.suggested(notice, known, staff=staff),
        ways=ways.offered(notice, staff=staff, by=by, today=today),
        objection=untrue or (gate.sentence(against) if against else ""),
        against=() if untrue else against,
        news=_news(notice, known),
    )


def _news(notice, known):
    """What has happened since somebody signed it, of a mail that was kept back and lies here once more."""
    signed = (
        Event.select(Event.at)
        .where((Event.about_table == "notice") & (Event.about_id == notice.id))
        .where(Event.what == "notice.signed")
        .order_by(Event.id.desc())
        .first()
    )
    return frozenset(fact for fact in known.facts if signed and fact.at and fact.at > signed.at)


def send(notice, *, words, seen, staff, by, today, now, granting=None):
    """Send a draft in the name of ``staff``, with these words. Returns the instant at which it may leave.

    seen     -- ``Reading.seen`` of what the person has read
    granting -- {kind of Offer: cents or None}: ways out that the mail brings, granted with it or not at all

    Raises BillingError when there is nothing to say any more, when something has changed since it was read,
    when the gate is shut, and for what this person may not grant.
    """
    text = _checked(words)
    if staff.role not in ways.MAY:
        raise BillingError("Your role may not write to customers.")
    with ledger.locked(notice.customer_id):
        notice = _with_people(notice)
        if notice.state != Notice.DRAFT:
            raise StaleState("This mail was sent or discarded already. Reload the page and look again.")
        known = _read_as_before(notice, seen, today, now)
        told = ways.grant(notice, granting or {}, staff=staff, by=by, today=today, now=now)
        text = writing.with_ways(text, told, staff=staff)
        _cite(notice, known)
        send_at = timing.not_before(notice, now)
        move(notice, Notice.QUEUED, words=text, staff=staff, send_at=send_at, reason="")
        brought = {kind: cents and format_cents(cents) for kind, cents in (granting or {}).items()}
        events.record(
            "notice.signed", notice, by=by, now=now, after={"brought": brought} if brought else None
        )
    return send_at


def _checked(words):
    missing = "Write what you want to say, or discard the draft."
    return masking.said(words.replace("\r\n", "\n"), missing=missing, longest=LONGEST)


def _with_people(notice):
    query = Notice.select(Notice, Customer, Contact).join(Customer).join_from(Notice, Contact)
    return query.where(Notice.id == notice.id).get()


def _read_as_before(notice, seen, today, now):
    """The Evidence of now; raises BillingError when it may not leave, or is not what the person has read."""
    if untrue := judging.objection(notice, today=today, now=now):
        raise BillingError(f"This is not sent now: {untrue}")
    if against := gate.check(notice, today=today, now=now):
        raise BillingError(f"This is not sent now: {gate.sentence(against)}")
    known = evidence.read(notice, today=today, now=now)
    if known.digest != seen:
        raise BillingError(_changed(known.news(seen)))
    return known


def _changed(news):
    """What is known now that was not when the mail was read; of much, the first."""
    if not news:
        return "Something that you read is not so any more. Read what is known once more."
    told = " ".join(words.sentence(fact.sentence) for fact in news[:MOST_NEWS])
    more = len(news) - MOST_NEWS
    return (
        f"Since you read it: {told}{f' And {more} more.' if more > 0 else ''} Read what is known once more."
    )


def _cite(notice, known):
    """Keep each record that the person had before them; a second signing adds what is new."""
    for fact in known.facts:
        Citation.insert(
            notice=notice, about_table=fact.table, about_id=fact.id, at=fact.at, sentence=fact.sentence[:255]
        ).on_conflict_ignore().execute()


def discard(notice, *, reason, by, now):
    """Decide that a draft is not sent. Returns the notice; raises StaleState when it was sent already."""
    with db.atomic():
        move(notice, Notice.SKIPPED, reason=reason[:255])
        events.record("notice.discarded", notice, by=by, now=now, reason=reason)
    return notice
