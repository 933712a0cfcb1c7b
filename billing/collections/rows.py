"""How rows of evidence are read: many at once, with the name of whom they are of."""

from models import db

LONGEST_QUOTE = 80


def of_people(model, *columns):
    """A query of whose it is and these columns, to be read by ``named``."""
    return model.select(model.customer, model.contact, *columns)


def named(query, who):
    """Rows of ``of_people``: the customer's id, the columns, and last the name of whoever it was.

    who -- a function from the ids of a customer and a contact (or None) to the name. Without a join: a
    database would read every customer for a few rows.
    """
    for customer_id, contact_id, *columns in db.execute(query):
        yield (customer_id, *columns, who(customer_id, contact_id))


def grouped(pairs):
    """{key: [value, …]} of (key, value) pairs, in their order."""
    found = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def quoted(text):
    """The beginning of what somebody wrote, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"
