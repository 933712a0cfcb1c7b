"""Which disputes there are: of an invoice, of a customer, and what staff have to answer by when."""

from datetime import timedelta

from billing import prepared
from models import Dispute, Invoice, Line, among

ANSWER_DAYS = 30  # promised to whoever opens one: our answer, or where we are
LAST_DAYS = 90  # by then it is decided
WARN_DAYS = 14  # before that


def open_of(invoice):
    """The open disputes of an invoice, oldest first, with their lines."""
    return [one for one in of(invoice) if one.state == Dispute.OPEN]


def of(invoice):
    """Every dispute of an invoice, oldest first."""
    return _of(invoice)


def of_tickets(ticket_ids):
    """{ticket id: its open Dispute}."""
    found = Dispute.select().where(among(Dispute.ticket, ticket_ids) & (Dispute.state == Dispute.OPEN))
    return {dispute.ticket_id: dispute for dispute in found}


@prepared.question
def _of(invoice):
    mine = Dispute.select(Dispute, Line).left_outer_join(Line).where(Dispute.invoice == invoice)
    return mine.order_by(Dispute.id)


def waiting():
    """A query of what is to be decided, what was promised first first."""
    return (
        Dispute.select(Dispute, Invoice)
        .join(Invoice)
        .where(Dispute.state == Dispute.OPEN)
        .order_by(Dispute.answer_by_on, Dispute.id)
    )


def runs_out(today, at=lambda column: column):
    """The condition on Dispute for what has to be decided within two weeks, or should have been.

    at -- the column as the query names it
    """
    opened_by = today - timedelta(days=LAST_DAYS - WARN_DAYS)
    return (at(Dispute.state) == Dispute.OPEN) & (at(Dispute.opened_on) <= opened_by)


def running_out(today):
    """A query of those, what runs out first first."""
    return waiting().where(runs_out(today)).order_by(Dispute.opened_on, Dispute.id)


def last_on(dispute):
    """The day by which it has to be decided."""
    return dispute.opened_on + timedelta(days=LAST_DAYS)


def about(dispute):
    """What is disputed, in a few words: a line by its text, else the invoice."""
    if dispute.line_id:
        return dispute.line.text
    whole = dispute.amount_cents >= dispute.invoice.total_cents
    return "The whole invoice" if whole else "A part of the invoice"
