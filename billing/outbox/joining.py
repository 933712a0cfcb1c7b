"""Several things for one person on one day become one message: one sum, one list, one button.

An invoice mentions what else there is to remind of; several reminders become one. Personal mails, legal
notices, and whatever was sent before are left alone. Must run inside the sender's transaction.
"""

from dataclasses import dataclass

from billing import company as companies
from billing import demands, naming, words
from billing.collections import gate
from billing.notices import timing
from billing.outbox import judging
from models import Invoice, Notice, among

FIRST = (Notice.INVOICE, Notice.OVERDUE, Notice.REMINDER)  # what the others are said in, if it is there


def gather(notice, *, today, now):
    """Put what else waits for the same person into one message. Returns the Notice that says it all.

    That is ``notice`` itself, or an invoice or a more pressing reminder that waits beside it and is claimed
    with this.
    """
    if not _may_join(notice):
        return notice
    family = [notice, *_siblings(notice, today, now)]
    lead = notice if notice.kind == Notice.INVOICE else min(family, key=_rank)
    others = [one.id for one in family if one.id != lead.id and one.kind != Notice.INVOICE]
    if lead.id != notice.id:
        lead = _claim(lead, notice)
    if others:
        unsaid = Notice.state.in_((Notice.QUEUED, Notice.SENDING)) & (Notice.message_id == "")
        said = {"state": Notice.JOINED, "joined": lead.id, "sent_at": now, "reason": ""}
        Notice.update(**said).where(Notice.id.in_(others) & unsaid).execute()
    return lead


def _may_join(notice):
    fresh = notice.kind in FIRST and notice.contact_id and not notice.message_id
    alone = notice.legal or notice.installment_id is not None  # a payment of a plan is a sum of its own
    return fresh and notice.channel == Notice.MAIL and not alone


def _siblings(notice, today, now):
    """What else waits for this person, is still right, and may leave now."""
    own = (Notice.contact == notice.contact_id) & (Notice.id != notice.id)
    query = Notice.select().where(own & _waits(now))
    for one in query:
        one.address = notice.address
        if judging.objection(one, today=today, now=now) or gate.check(one, today=today, now=now):
            continue
        if timing.not_before(one, now) <= now:
            yield one


def _waits(now):
    """The condition of what may be said with another message, or have others said in it."""
    return (
        Notice.state.in_((Notice.QUEUED, Notice.SENDING))
        & (Notice.send_at <= now)
        & Notice.kind.in_(FIRST)
        & (Notice.channel == Notice.MAIL)
        & (Notice.message_id == "")
        & ~Notice.legal
        & Notice.installment.is_null()
    )


def alone(notices, *, now):
    """The ids of those of these with which nothing else is said, in two queries for any number."""
    query = Notice.select(Notice.id, Notice.contact).where(
        among(Notice.contact, list({one.contact_id for one in notices})) & _waits(now)
    )
    waits = {}
    for id, contact_id in query.tuples():
        waits.setdefault(contact_id, set()).add(id)
    said = Notice.select(Notice.joined).where(among(Notice.joined, [one.id for one in notices]))
    leads = {id for (id,) in said.tuples()}
    return {
        one.id for one in notices if one.id not in leads and not waits.get(one.contact_id, set()) - {one.id}
    }


def _rank(notice):
    return FIRST.index(notice.kind), notice.invoice.due_on, notice.id


def _claim(lead, notice):
    """Take over the message in which ``notice`` is said, with the same claim."""
    Notice.update(
        state=Notice.SENDING, claimed_at=notice.claimed_at, tries=lead.tries + (lead.state == Notice.QUEUED)
    ).where(Notice.id == lead.id).execute()
    address = lead.address
    lead = Notice.get_by_id(lead.id)
    lead.address = address
    return lead


@dataclass(frozen=True)
class Also:
    """An invoice that a message tells of besides its own."""

    invoice: Invoice
    number: str
    when: str
    cents: int


def said_with(notice, *, today):
    """What a message tells of besides its own invoice: an Also for each that is open, by due date."""
    rows = [one.invoice for one in notice.said_too]
    found = {row.id: row for row in rows if row.open_cents and row.id != notice.invoice_id}
    if not found:
        return ()
    asked = demands.of_invoices(list(found.values()))
    cents = {id: demands.asked_cents(some, today) for id, some in asked.items()}
    days = {id: demands.first_on(some) for id, some in asked.items() if cents[id]}
    ordered = [found[id] for id in sorted(days, key=lambda id: (days[id], id))]
    company = companies.current()
    return tuple(
        Also(row, naming.number(row, company), due_words(days[row.id], today), cents[row.id])
        for row in ordered
    )


def due_words(due_on, today):
    """When something is due, or was."""
    return f"{'was due' if due_on < today else 'due'} {words.date(due_on)}"


def let_go(notice):
    """The message is not sent after all: what it was going to say besides waits again for itself."""
    Notice.update(state=Notice.QUEUED, joined=None, sent_at=None).where(
        (Notice.joined == notice) & (Notice.state == Notice.JOINED)
    ).execute()


def failed_with(notice, reason):
    """The message did not arrive, and what it said besides neither."""
    Notice.update(state=Notice.FAILED, reason=reason).where(
        (Notice.joined == notice) & (Notice.state == Notice.JOINED)
    ).execute()
