"""The rows behind the hits of a search: loaded with a fixed number of queries, and what stands in them."""

from peewee import JOIN

from models import Call, Customer, Inbound, Message, Note, Notice, SearchEntry, Ticket


def _messages():
    return Message.select(Message, Ticket, Customer).join(Ticket).join(Customer)


def _of_customer(model):
    return model.select(model, Customer).join(Customer, JOIN.LEFT_OUTER)


# kind -> (its table, the query that loads its rows)
TABLES = {
    SearchEntry.MESSAGE: (Message, _messages),
    SearchEntry.SENT: (Notice, lambda: _of_customer(Notice)),
    SearchEntry.INBOUND: (Inbound, lambda: _of_customer(Inbound)),
    SearchEntry.CALL: (Call, lambda: _of_customer(Call)),
    SearchEntry.NOTE: (Note, lambda: _of_customer(Note)),
}


def load(entries):
    """{(kind, id): row} of SearchEntry rows: one query for each kind that is there."""
    found = {}
    for kind, (model, query) in TABLES.items():
        ids = [entry.about_id for entry in entries if entry.kind == kind]
        if ids:
            found |= {(kind, row.id): row for row in query().where(model.id.in_(ids))}
    return found


def place(kind, row):
    """What is shown once, however often it was found: a ticket, and every other row."""
    return ("ticket", row.ticket_id) if kind == SearchEntry.MESSAGE else (kind, row.id)


def customer(kind, row):
    """Whose it is, or None while nobody knows."""
    return row.ticket.customer if kind == SearchEntry.MESSAGE else row.customer


def words(kind, row):
    """(what it is called, the whole text that was searched)."""
    if kind == SearchEntry.MESSAGE:
        return str(row.ticket), row.body
    if kind == SearchEntry.SENT:
        return row.subject or str(row), row.body_text
    if kind == SearchEntry.INBOUND:
        return row.subject or str(row), row.body
    if kind == SearchEntry.CALL:
        return str(row), " · ".join(filter(None, (row.caller, row.note, row.next_step, row.done_how)))
    return "Note", row.body
