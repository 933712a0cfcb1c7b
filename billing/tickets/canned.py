"""Answers that staff give often: offered where they fit, filled in for the person, then made one's own."""

from models import CannedReply


def offered(ticket, me):
    """[(title, body)] of the active ones for this kind of ticket, in the customer's language first.

    me -- the Staff who answers
    """
    fits = CannedReply.active & (CannedReply.kind.is_null() | (CannedReply.kind == ticket.kind))
    rows = CannedReply.select().where(fits).order_by(CannedReply.title)
    language = ticket.customer.language
    return [
        (row.title, filled(row.body, ticket, me))
        for row in sorted(rows, key=lambda row: row.language != language)
    ]


def filled(body, ticket, me):
    """A body with {name}, {me} and {invoice} put in; braces that mean nothing stay."""
    person = ticket.contact.name if ticket.contact_id else ticket.customer.name
    number = ticket.invoice.number if ticket.invoice_id else ""
    for name, value in (("{name}", person.split()[0]), ("{me}", me.name), ("{invoice}", str(number or ""))):
        body = body.replace(name, value)
    return body
