"""What staff note about a customer for each other: words that stay as they were written; one may be pinned.

A card number is never kept. What is said to the customer belongs into a ticket, a call into the log.
"""

from billing import events, masking
from billing.errors import BillingError
from models import Note, db

LONGEST = 10_000


def write(customer, body, *, by, now, invoice=None, ticket=None, pinned=False):
    """Note ``body`` about a customer. Returns the Note.

    Raises BillingError when it is empty or too long, or when the invoice or ticket is somebody else's.
    """
    body = masking.masked("".join(sign for sign in body if sign == "\n" or sign.isprintable()).strip())
    if not body:
        raise BillingError("Write what your colleagues should know.")
    if len(body) > LONGEST:
        raise BillingError(f"Please keep it under {LONGEST:,} characters.")
    for row in (invoice, ticket):
        if row is not None and row.customer_id != customer.id:
            raise BillingError(f"{row} does not belong to {customer.name}.")
    with db.atomic():
        note = Note.create(
            customer=customer, body=body, by=by[:80], at=now, invoice=invoice, ticket=ticket, pinned=pinned
        )
        events.record("note.written", note, by=by, now=now)
    return note


def pin(note, *, pinned, by, now):
    """Put a note above the others, or back among them. Twice is once."""
    with db.atomic():
        if Note.update(pinned=pinned).where((Note.id == note.id) & (Note.pinned != pinned)).execute():
            events.record("note.pinned" if pinned else "note.unpinned", note, by=by, now=now)
    note.pinned = pinned
    return note
