"""Which tickets: those that wait on us, the faults, those about an invoice. Queries, which callers narrow."""

from functools import reduce
from operator import or_

from billing.tickets import clocks
from models import Ticket, among


def waiting_on_us():
    """Those in which a customer waits for our answer, whoever has waited longest first."""
    return (
        Ticket.select()
        .where(Ticket.state == Ticket.WAITING_ON_US)
        .order_by(Ticket.waiting_since_at, Ticket.id)
    )


def faults(customer=None):
    """Faults that are not put right: kind service, not closed."""
    found = Ticket.select().where((Ticket.kind == Ticket.SERVICE) & (Ticket.state != Ticket.CLOSED))
    return found.where(Ticket.customer == customer) if customer else found


def about_invoice(invoice):
    """What is not closed and is about ``invoice``, the newest first."""
    open_ones = (Ticket.invoice == invoice) & (Ticket.state != Ticket.CLOSED)
    return Ticket.select().where(open_ones).order_by(Ticket.id.desc())


def late_when(at, company, *, now):
    """The condition that a ticket should have been answered by ``now``.

    at -- callable(field) -> the field of whichever alias is asked
    """
    waits = at(Ticket.state) == Ticket.WAITING_ON_US
    late = [
        (at(Ticket.priority) == priority) & (at(Ticket.waiting_since_at) < instant)
        for priority, instant in clocks.cutoffs(company, now=now).items()
    ]
    return waits & reduce(or_, late)


def by_urgency(ids, company):
    """The same ids of tickets, in a list: those that wait on us by the moment at which we owe an answer, then
    the others, the newest first. The moments are reckoned here, because only we know our working hours.
    """
    columns = (Ticket.id, Ticket.state, Ticket.priority, Ticket.waiting_since_at)
    rows = waiting_on_us().select(*columns).where(among(Ticket.id, ids))
    due = {row.id: clocks.due_at(row, company) for row in rows}
    waiting = sorted((id for id in due if due[id]), key=due.get)
    return waiting + sorted(set(ids).difference(waiting), reverse=True)


def late(company, *, now):
    """Those that should have been answered by now."""
    return Ticket.select().where(late_when(lambda field: field, company, now=now))
