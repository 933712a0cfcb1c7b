"""Two tickets about one thing become one thread. The merged one stays, closed, and points at the other."""

from billing import events
from billing.errors import BillingError
from models import Message, Ticket, db

FILLED = ("contact", "invoice", "line", "site", "contract", "owner")  # taken over where the other has none


def standing(ticket):
    """The ticket in which the messages of ``ticket`` are: itself, unless it was merged."""
    seen = {ticket.id}
    while ticket.merged_into_id and ticket.merged_into_id not in seen:
        ticket = ticket.merged_into
        seen.add(ticket.id)
    return ticket


def merge(ticket, into, *, by, now, staff=None):
    """Move every message of ``ticket`` into ``into``, and leave a note there. Returns the ticket that stands.

    Answers to mails about either of them land in ``into`` from now on. What ``into`` does not know (an
    invoice, an owner) it takes over; it waits on us when one of them did.

    Raises BillingError for another customer's ticket, for itself, and for one that was merged already.
    """
    into = standing(into)
    _refuse(ticket, into)
    with db.atomic():
        first = Ticket.update(merged_into=into, state=Ticket.CLOSED, waiting_since_at=None, closed_at=now)
        if not first.where((Ticket.id == ticket.id) & Ticket.merged_into.is_null()).execute():
            raise BillingError(f"Ticket {ticket.id} was merged a moment ago. Reload the page.")
        Message.update(ticket=into).where(Message.ticket == ticket).execute()
        Ticket.update(merged_into=into).where(Ticket.merged_into == ticket).execute()
        _take_over(ticket, into)
        told = f"Ticket {ticket.id}, “{ticket.subject}”, was merged into this one."
        Message.create(ticket=into, staff=staff, body=told, internal=True, written_at=now)
        events.record("ticket.merged", ticket, by=by, now=now, after={"into": into.id})
        events.record("ticket.took_over", into, by=by, now=now, after={"from": ticket.id})
    return into


def _refuse(ticket, into):
    if ticket.id == into.id:
        raise BillingError("A ticket cannot be merged with itself. Choose another one.")
    if ticket.merged_into_id:
        raise BillingError(f"Ticket {ticket.id} was merged already, into ticket {ticket.merged_into_id}.")
    if ticket.customer_id != into.customer_id:
        raise BillingError(
            f"Ticket {into.id} is of {into.customer}. Only tickets of one customer become one thread."
        )


def _take_over(ticket, into):
    changes = {
        name: getattr(ticket, f"{name}_id")
        for name in FILLED
        if getattr(into, f"{name}_id") is None and getattr(ticket, f"{name}_id") is not None
    }
    if "line" in changes and into.invoice_id not in (None, ticket.invoice_id):
        del changes["line"]
    changes["last_at"] = max(into.last_at, ticket.last_at)
    ranks = Ticket.PRIORITIES
    changes["priority"] = max(into.priority, ticket.priority, key=ranks.index)
    if ticket.state == Ticket.WAITING_ON_US:
        changes |= {"state": Ticket.WAITING_ON_US, "closed_at": None}
        changes["waiting_since_at"] = min(filter(None, (into.waiting_since_at, ticket.waiting_since_at)))
    Ticket.update(changes).where(Ticket.id == into.id).execute()
    for name, value in changes.items():
        setattr(into, name, value)
