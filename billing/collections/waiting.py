"""Who waits for us: the one meaning of it, which the gate and the verdicts both read.

A question, call or message that nobody has answered, and a plan that was proposed to us. Nobody else decides
what counts: what is held back for somebody who waits is money that waits for us, and the other way round.
"""

from datetime import datetime
from typing import NamedTuple

from peewee import fn

from billing import phones
from billing.collections.rows import grouped, named, of_people
from billing.collections.rules import Fault, Waiting
from models import Call, Contact, Inbound, Plan, Ticket, among, as_instant, db


class Open(NamedTuple):
    """What is not answered, of some customers: {customer id: [Waiting, the longest first]}, and of Faults."""

    waiting: dict
    faults: dict


def nobody(customer_id, contact_id):
    """For ``who``, where names are not asked for."""
    return ""


def read(customer_ids, day, who):
    """The Open of these customers, in a few queries however many they are.

    day -- a function from an instant as the database gives it to the business day
    who -- a function from the ids of a customer and a contact (or None) to the name
    """
    questions, faults = tickets(customer_ids, day, who)
    waiting = grouped([*questions, *contacts(customer_ids, day, who)])
    for some in waiting.values():
        some.sort(key=lambda one: (one.since_at, one.table, one.id))
    return Open(waiting, grouped(faults))


def contacts(customer_ids, day, who=nobody):
    """[(customer id, Waiting)] of calls, mails, texts and proposals that nobody has answered."""
    return [
        *_calls(customer_ids, day, who),
        *_messages(customer_ids, day, who),
        *_proposals(customer_ids, day, who),
    ]


def tickets(customer_ids, day, who=nobody):
    """([(customer id, Waiting)], [(customer id, Fault)]) of tickets that are not closed."""
    query = of_people(
        Ticket, Ticket.id, Ticket.state, Ticket.kind, Ticket.subject, Ticket.owner, Ticket.opened_at,
        Ticket.last_at, Ticket.waiting_since_at, Ticket.reported_from_at,
    ).where(among(Ticket.customer, customer_ids) & (Ticket.state != Ticket.CLOSED))  # fmt: skip
    waiting, faults = [], []
    for row in named(query.order_by(Ticket.id), who):
        customer_id, id, state, kind, subject, owner_id, opened_at, last_at, since_at, began_at, name = row
        if state == Ticket.WAITING_ON_US:
            at = as_instant(since_at or last_at)
            waiting.append(
                (customer_id, Waiting("ticket", id, name, day(at), at, subject, "ticket", owner_id))
            )
        if kind == Ticket.SERVICE:
            at, known_at = as_instant(began_at or opened_at), as_instant(opened_at)
            faults.append((customer_id, Fault(id, name, day(at), at, subject, owner_id, known_at)))
    return waiting, faults


# --- Calls ---------------------------------------------------------------------------------------

UNRETURNED = (Call.state == Call.TO_CALL) & Call.waits
KINDS = {Call.VOICEMAIL: "voicemail", Call.MISSED: "missed"}


def _calls(customer_ids, day, who):
    """Calls because of which somebody waits; one that nobody has matched counts for all whose it may be."""
    columns = (Call.id, Call.outcome, Call.started_at, Call.logged_at, Call.next_step, Call.staff)
    query = of_people(Call, *columns).where(among(Call.customer, customer_ids) & UNRETURNED)
    found = [(row[0], _call(row[1:], day)) for row in named(query.order_by(Call.id), who)]
    return found + _perhaps_called(columns, customer_ids, day)


def _call(row, day, kind=""):
    id, outcome, at, known_at, step, staff_id, name = row
    at, known_at = as_instant(at), as_instant(known_at)
    kind = kind or KINDS.get(outcome) or ("step" if step else "call")
    return Waiting("call", id, name, day(at), at, step, kind, staff_id, known_at)


def _perhaps_called(columns, customer_ids, day):
    """Nobody knows yet whose call it was: while it may be theirs, it counts as theirs."""
    query = Call.select(Call.number, *columns).where(
        UNRETURNED & Call.customer.is_null() & (Call.number != "")
    )
    by_number = {row[0]: row[1:] for row in db.execute(query.order_by(Call.logged_at, Call.id))}
    if not by_number:
        return []
    theirs = Contact.select(Contact.customer, Contact.name, Contact.phone).where(
        among(Contact.customer, customer_ids) & (Contact.phone != "") & Contact.left_on.is_null()
    )
    found = {}
    for customer_id, name, phone in db.execute(theirs.order_by(Contact.id)):
        if row := by_number.get(phones.line(phone)):
            found.setdefault((customer_id, row[0]), _call((*row, name), day, "perhaps"))
    return [(customer_id, one) for (customer_id, _), one in found.items()]


# --- Mails, texts, proposals ---------------------------------------------------------------------

UNREAD = Inbound.state == Inbound.WAITING


def _messages(customer_ids, day, who):
    """Mails and texts that no person has looked at: theirs, or from an address of theirs."""
    columns = (Inbound.id, Inbound.channel, Inbound.received_at, Inbound.noted_at, Inbound.subject)
    matched = of_people(Inbound, *columns).where(among(Inbound.customer, customer_ids) & UNREAD)
    by_sender = (
        Inbound.select(Contact.customer, *columns, Contact.name)
        .join(Contact, on=(fn.LOWER(Contact.email) == fn.LOWER(Inbound.sender)))
        .where(UNREAD & Inbound.customer.is_null() & (Inbound.sender != ""))
        .where(among(Contact.customer, customer_ids))
    )
    rows, found = [*named(matched, who), *db.execute(by_sender)], {}
    for customer_id, id, channel, at, noted_at, subject, name in sorted(rows, key=lambda row: row[1]):
        at, known_at = as_instant(at), as_instant(noted_at) or datetime.max  # not noted: let pass by nobody
        one = Waiting("inbound", id, name, day(at), at, subject, channel, None, known_at)
        found.setdefault((customer_id, id), one)
    return [(customer_id, one) for (customer_id, _), one in found.items()]


def _proposals(customer_ids, day, who):
    """Plans that were proposed to us and that nobody has answered."""
    columns = (Plan.id, Plan.count, Plan.amount_cents, Plan.proposed_at)
    query = of_people(Plan, *columns).where(
        among(Plan.customer, customer_ids) & (Plan.state == Plan.PROPOSED) & (Plan.waits_for == Plan.US)
    )
    found = []
    for customer_id, id, count, cents, at, name in named(query.order_by(Plan.id), who):
        at = as_instant(at)
        one = Waiting("plan", id, name, day(at), at, f"{count} parts", "plan", cents=cents)
        found.append((customer_id, one))
    return found
