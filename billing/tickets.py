"""Support tickets: somebody wants something from us, and the answer is mailed."""

from billing import events, notices
from billing.errors import BillingError
from billing.states import move
from models import Message, Ticket, db

LONGEST = 10_000


def open(customer, *, subject, body, by, now, contact=None, invoice=None, staff=None):
    """Open a ticket with its first message; it waits on us. Returns the Ticket.

    Raises BillingError when the subject or the message is empty or too long.
    """
    subject, body = _text(subject, "a subject", 120), _text(body, "what it is about", LONGEST)
    with db.atomic():
        ticket = Ticket.create(
            customer=customer,
            contact=contact,
            invoice=invoice,
            subject=subject,
            opened_at=now,
            last_at=now,
        )
        Message.create(ticket=ticket, contact=contact, staff=staff, body=body, written_at=now)
        events.record("ticket.opened", ticket, by=by, now=now)
    return ticket


def reply(ticket, *, body, by, now, contact=None, staff=None, internal=False):
    """Add a message. Staff's answer is mailed to the customer; a customer's makes it wait on us again.

    Returns the Message; raises BillingError when it is empty or too long.
    """
    body = _text(body, "a message", LONGEST)
    with db.atomic():
        message = Message.create(
            ticket=ticket, contact=contact, staff=staff, body=body, internal=internal, written_at=now
        )
        if not internal:
            # Who wrote last decides, whatever state the page that they wrote on had shown.
            ticket.state = Ticket.WAITING_ON_CUSTOMER if staff else Ticket.WAITING_ON_US
            Ticket.update(state=ticket.state, last_at=now).where(Ticket.id == ticket.id).execute()
        if staff and not internal:
            notices.queue_ticket_reply(message, now=now)
        events.record("ticket.answered" if staff else "ticket.continued", ticket, by=by, now=now)
    return message


def close(ticket, *, by, now):
    """Nothing is left to do. A new message opens it again. Closing it twice changes nothing.

    Raises StaleState when somebody has answered since the page was shown.
    """
    if ticket.state == Ticket.CLOSED:
        return ticket
    with db.atomic():
        move(ticket, Ticket.CLOSED)
        events.record("ticket.closed", ticket, by=by, now=now)
    return ticket


def _text(text, what, longest):
    text = text.replace("\x00", "").strip()
    if not text:
        raise BillingError(f"Please write {what}.")
    if len(text) > longest:
        raise BillingError(f"Please keep it under {longest:,} characters.")
    return text
