"""Who of us is at a ticket, so that two do not answer the same person at once.

Nobody is locked out: a colleague is told that another one looks, and that somebody answered meanwhile.
"""

from datetime import timedelta

from billing import words
from models import Message, Staff, Ticket

WHILE = timedelta(minutes=15)  # who looked longer ago is elsewhere by now
AGAIN = timedelta(minutes=1)  # a look is not written down more often


def look(ticket, staff, *, now):
    """Note that ``staff`` opened the ticket. Returns a sentence about a colleague who did lately, or ""."""
    seen_by, seen_at = ticket.seen_by_id, ticket.seen_at
    if seen_by != staff.id or seen_at is None or seen_at < now - AGAIN:
        Ticket.update(seen_by=staff, seen_at=now).where(Ticket.id == ticket.id).execute()
    if seen_by in (None, staff.id) or seen_at is None or seen_at < now - WHILE:
        return ""
    return f"{Staff.get_by_id(seen_by).name} looked at this ticket {_ago(now - seen_at)}."


def _ago(length):
    minutes = int(length.total_seconds() // 60)
    return f"{words.plural(minutes, 'minute')} ago" if minutes > 0 else "a moment ago"


def last_message(ticket):
    """The number of the newest message that the customer sees; 0 when there is none."""
    said = Message.select(Message.id).where((Message.ticket == ticket) & ~Message.internal)
    found = said.order_by(Message.id.desc()).first()
    return found.id if found else 0


def news(ticket, *, since, staff):
    """A sentence about what others wrote after message ``since``, or "" when nobody did.

    staff -- whoever is writing; what they wrote themselves is no news
    """
    newer = (Message.ticket == ticket) & (Message.id > since) & ~Message.internal
    others = [row for row in Message.select().where(newer).order_by(Message.id) if row.staff_id != staff.id]
    if not others:
        return ""
    last = others[-1]
    who = last.staff.name if last.staff_id else last.contact.name if last.contact_id else "The customer"
    did = "answered" if last.staff_id else "wrote again"
    return f"{who} {did} while you were writing."
