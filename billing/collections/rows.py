"""How rows of evidence are read: many at once, with the name of whom they are of."""

from peewee import JOIN, fn

from models import Contact, Customer

LONGEST_QUOTE = 80


def with_who(model, *columns):
    """A query of the customer, these columns, and the name: of the contact, else of the customer."""
    return (
        model.select(model.customer, *columns, fn.COALESCE(Contact.name, Customer.name))
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(model)
        .join(Customer)
    )


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
