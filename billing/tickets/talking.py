"""A ticket is opened, answered, continued and closed; whoever wrote last decides whose turn it is.

What people type is kept without card numbers. Files come checked and kept (``attachments``, its edge).
"""

from billing import attachments, events, masking, notices
from billing.errors import BillingError
from billing.states import move
from billing.tickets import merging
from models import Message, Ticket, db

LONGEST = 10_000
LONGEST_SUBJECT = 120
# Who came this way is told by mail that we have it; whom we talk with already is not.
ACKNOWLEDGED = (Ticket.PORTAL, Ticket.PAY_LINK, Ticket.MAIL, Ticket.PHONE)
ABOUT = ("invoice", "line", "site", "contract")


def open(
    customer, *, subject, body, by, now, contact=None, invoice=None, line=None, site=None, contract=None,
    kind="", priority="", via=Ticket.STAFF, staff=None, files=(), reported_from_at=None, acknowledge=True,
):  # fmt: skip
    """Open a ticket with its first message; it waits on us. Returns the Ticket.

    line, site, contract -- what it is about; the invoice of a line need not be named
    kind, priority       -- "" for what follows from the rest: about an invoice it is billing, a fault is high
    via                  -- one of Ticket.VIAS; whoever came by themselves is told by mail that we have it
    files                -- attachments.File, checked and kept
    acknowledge          -- False: another message says that we have it

    Raises BillingError when the subject or the message is empty or too long, or something of somebody else
    is named.
    """
    subject, body = _text(subject, "a subject", LONGEST_SUBJECT), _text(body, "what it is about", LONGEST)
    about = of_customer(customer, invoice=invoice, line=line, site=site, contract=contract)
    kind = kind or (Ticket.BILLING if about["invoice"] else Ticket.OTHER)
    with db.atomic():
        ticket = Ticket.create(
            customer=customer,
            contact=contact,
            subject=subject,
            kind=kind,
            priority=priority or (Ticket.HIGH if kind == Ticket.SERVICE else Ticket.NORMAL),
            via=via,
            opened_at=now,
            last_at=now,
            waiting_since_at=now,
            reported_from_at=reported_from_at or (now if kind == Ticket.SERVICE else None),
            **about,
        )
        message = Message.create(ticket=ticket, contact=contact, staff=staff, body=body, written_at=now)
        attachments.attach(files, message=message, now=now)
        events.record("ticket.opened", ticket, by=by, now=now)
        if acknowledge and via in ACKNOWLEDGED:
            notices.queue_ticket_received(message, now=now)
    return ticket


def of_customer(customer, *, invoice=None, line=None, site=None, contract=None):
    """What a ticket is about, as its columns. Raises BillingError for what belongs to somebody else."""
    if line is not None:
        if invoice is not None and line.invoice_id != invoice.id:
            raise BillingError("This line is not on that invoice. Choose the line again.")
        invoice = line.invoice
    about = {"invoice": invoice, "line": line, "site": site, "contract": contract}
    for name in ("invoice", "site", "contract"):
        if about[name] is not None and about[name].customer_id != customer.id:
            raise BillingError(f"This {name} belongs to another customer. Choose one of {customer}.")
    return about


def reply(ticket, *, body, by, now, contact=None, staff=None, internal=False, files=(), mail=True):
    """Add a message. Staff's answer is mailed to the customer; a customer's makes it wait on us again.

    mail -- False: another message tells the customer of it

    To a ticket that was merged it is added where that one's messages are. Returns the Message; raises
    BillingError when it is empty or too long.
    """
    body = _text(body, "a message", LONGEST)
    ticket = merging.standing(ticket)
    with db.atomic():
        message = Message.create(
            ticket=ticket, contact=contact, staff=staff, body=body, internal=internal, written_at=now
        )
        attachments.attach(files, message=message, now=now)
        if not internal:
            _turn(ticket, staff, now)
        if staff and mail and not internal:
            notices.queue_ticket_reply(message, now=now)
        what = "ticket.noted" if internal else "ticket.answered" if staff else "ticket.continued"
        events.record(what, ticket, by=by, now=now)
    return message


def _turn(ticket, staff, now):
    """Who wrote last decides, whatever state the page that they wrote on had shown."""
    changes = {"last_at": now, "closed_at": None}
    if staff:
        changes |= {"state": Ticket.WAITING_ON_CUSTOMER, "waiting_since_at": None}
        changes |= {"owner": ticket.owner_id or staff, "first_answered_at": ticket.first_answered_at or now}
    else:
        changes |= {"state": Ticket.WAITING_ON_US, "waiting_since_at": ticket.waiting_since_at or now}
    Ticket.update(changes).where(Ticket.id == ticket.id).execute()
    for name, value in changes.items():
        setattr(ticket, name, value)


def close(ticket, *, by, now, tell=False):
    """Nothing is left to do. A new message opens it again. Closing it twice changes nothing.

    tell -- mail whoever asked that it is closed, and how to go on

    Raises StaleState when somebody has answered since the page was shown.
    """
    if ticket.state == Ticket.CLOSED:
        return ticket
    with db.atomic():
        until = ticket.reported_until_at or (now if ticket.kind == Ticket.SERVICE else None)
        move(ticket, Ticket.CLOSED, closed_at=now, waiting_since_at=None, reported_until_at=until)
        events.record("ticket.closed", ticket, by=by, now=now)
        if tell:
            notices.queue_ticket_closed(ticket, now=now)
    return ticket


def _text(text, what, longest):
    text = text.replace("\x00", "").strip()
    if not text:
        raise BillingError(f"Please write {what}.")
    if len(text) > longest:
        raise BillingError(f"Please keep it under {longest:,} characters.")
    return masking.masked(text)[:longest]
