"""What comes in by mail: each message taken once, given to where it belongs, or shown to a person.

An edge opens the envelope and says which notice a signed address names; here it is decided what that means.
Card numbers are taken out before anything is kept; files that may be kept come along with the mail.
An answer becomes a message of a ticket, a failed delivery is noted and made up for, a machine is never
answered. What cannot be matched waits for a person: it may be the reason not to send a late notice. Texts
that come in are decided in ``texts``.
"""

import contextlib
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from peewee import IntegrityError, fn

from billing import attachments, events, masking, preferences, quotes, tickets
from billing.errors import BillingError
from billing.notices import bouncing
from billing.states import move
from models import (
    Attachment,
    Contact,
    Inbound,
    Message,
    Notice,
    Preference,
    PreferenceChange,
    Ticket,
    db,
)

MOST_A_DAY = 20  # answers of one sender that open or continue tickets; more is a machine
CONVERSATION_LIFE = timedelta(days=180)  # an older ticket is not continued: it was about something else
OFFICE = "mailbox"  # who did it, in the audit


@dataclass(frozen=True)
class Delivery:
    """What a mail server reports about a message of ours.

    failed -- it gave up; else it still tries, or delivered
    code   -- RFC 3463 status such as 5.1.1; empty when it says none
    text   -- its reason, in its own words
    """

    failed: bool
    code: str = ""
    text: str = ""


@dataclass(frozen=True)
class Complaint:
    """Somebody pressed "this is spam" (RFC 5965). ``kind``: abuse, fraud, not-spam ..."""

    kind: str


@dataclass(frozen=True)
class Received:
    """One mail as it was read. ``notice_id`` only where a rightly signed address named it."""

    source_id: str  # the same however often it is delivered
    received_at: object  # an instant
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    body: str = ""
    attachments: tuple = ()  # "name, size" and why not, of files that stay in the mailbox
    files: tuple = ()  # attachments.File, checked
    notice_id: int | None = None
    is_own: bool = False  # we sent it ourselves
    is_automatic: bool = False  # a machine wrote it
    is_doubtful: bool = False  # our mail server says that the sender is not who it claims
    report: Delivery | Complaint | None = None
    unreadable: str = ""


def take(received, *, now):
    """Keep ``received`` and do what it asks for, in one transaction. Returns its Inbound row.

    A message that came before changes nothing, whoever delivers it again: killed in between, it is read
    again and taken then.
    """

    def act():
        row = _keep(received, now)
        _decide(row, received, now)
        return row

    return once(received.source_id, act)


def once(source_id, act):
    """Do ``act`` in a transaction and return its row, or the row that an earlier delivery left."""
    try:
        with db.atomic():
            return act()
    except IntegrityError:
        if earlier := Inbound.get_or_none(Inbound.source_id == source_id):
            return earlier
        raise


def _keep(received, now):
    notice = Notice.get_or_none(Notice.id == received.notice_id) if received.notice_id else None
    row = Inbound.create(
        channel=Inbound.MAIL,
        source_id=received.source_id,
        sender=received.sender,
        recipient=received.recipient[:255],
        subject=masking.masked(received.subject)[:255],
        body=masking.masked(received.body),
        attachments="\n".join(received.attachments),
        received_at=received.received_at,
        noted_at=now,
        notice=notice,
        customer=notice and notice.customer_id,
        contact=notice and notice.contact_id,
    )
    attachments.attach(received.files, inbound=row, now=received.received_at)
    return row


def _decide(row, received, now):
    """One of the ways that a mail can go. The order matters: machines first, they must never be answered."""
    if received.unreadable:
        wait(row, "It could not be read; look at it in the mailbox.")
    elif received.is_own:
        finish(row, Inbound.AUTOMATIC, "One of our own messages came back to us.", now)
    elif isinstance(received.report, Delivery):
        _deliver(row, received.report, now)
    elif isinstance(received.report, Complaint):
        _complain(row, received.report, now)
    elif received.is_automatic:
        finish(row, Inbound.AUTOMATIC, "A machine answered; nobody waits for us.", now)
    elif is_too_much(row, now):
        rest(row, now)
    else:
        _answer(row, received, now)


# --- Answers -------------------------------------------------------------------------------------


def _answer(row, received, now):
    """A person wrote. Whoever we wrote to goes on talking with us; everybody else is shown to a person."""
    if row.notice is None:
        row.contact = _only_contact(row.sender)
        row.customer = row.contact and row.contact.customer_id
        known = f" The address is that of {row.contact.name}." if row.contact else ""
        wait(row, f"It answers none of our messages.{known}")
        return
    writer = _writer(row.notice, row.sender)
    if received.is_doubtful:
        wait(row, "Our mail server doubts that this sender wrote it.")
    elif writer is None:
        wait(row, f"We wrote to {row.notice.address}; the answer comes from somebody else.")
    elif writer.left_on:
        wait(row, f"{writer.name} is no longer a contact of this account.")
    else:
        row.contact = writer
        go_on(row, conversation(row, now), by=f"contact:{writer.id}", now=now)


def _writer(notice, sender):
    """The contact of the account who writes from ``sender``: whom we wrote to, or a colleague. Or None."""
    asked = notice.contact
    if asked and _folded(sender) in (_folded(notice.address), _folded(asked.email)):
        return asked
    others = Contact.select().where((Contact.customer == notice.customer_id) & Contact.left_on.is_null())
    return next((one for one in others if one.email and _folded(one.email) == _folded(sender)), None)


def _folded(address):
    """An address to compare: letters large or small, composed or not, the domain as DNS has it."""
    local, _, domain = unicodedata.normalize("NFC", address.strip()).casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):  # no name of DNS is compared as written
        domain = domain.encode("idna").decode()
    return f"{local}@{domain}"


def _only_contact(sender):
    """The contact with this address when there is exactly one, else None."""
    same = (fn.LOWER(Contact.email) == sender.lower()) & Contact.left_on.is_null()
    found = list(Contact.select().where(same).limit(2)) if sender else []
    return found[0] if len(found) == 1 else None


def conversation(row, now):
    """The ticket that this answer continues, or None for a new one. Never found by a subject.

    The ticket that the message was about, or the one that it was merged into; else an open one of the same
    person about the same invoice, or about the same message. A ticket that rested for months was about
    something else.
    """
    notice = row.notice
    if notice.ticket_message_id:
        ticket = tickets.standing(notice.ticket_message.ticket)
        if _takes_part(row.contact, ticket) and ticket.last_at > now - CONVERSATION_LIFE:
            return ticket
    answers = Inbound.select(Inbound.ticket).where((Inbound.notice == notice) & Inbound.ticket.is_null(False))
    about = Ticket.id.in_(answers)
    if notice.invoice_id:
        about |= Ticket.invoice == notice.invoice_id
    return (
        Ticket.select()
        .where(
            (Ticket.customer == notice.customer_id)
            & (Ticket.contact.is_null() | (Ticket.contact == row.contact))
            & (Ticket.state != Ticket.CLOSED)
            & (Ticket.last_at > now - CONVERSATION_LIFE)
            & about
        )
        .order_by(Ticket.last_at.desc())
        .first()
    )


def _takes_part(contact, ticket):
    """True for whoever asked, or wrote in it: a ticket that was merged may be of two people."""
    own = (Message.ticket == ticket) & (Message.contact == contact)
    return ticket.contact_id in (None, contact.id) or Message.select().where(own).exists()


def go_on(row, ticket, *, by, now):
    """Add what was written to ``ticket``, or open one with it; the message is handled."""
    _say(row, ticket, row.contact.customer, by, now)
    done = "Continued" if ticket else "Opened"
    finish(row, Inbound.REPLY, f"{done} ticket {row.ticket.id}.", now)


def _say(row, ticket, customer, by, now):
    """What came in as a message of ``ticket``, or of a new one; its files go along. Sets ``row.ticket``."""
    if ticket is None:
        row.ticket = open_ticket(row, customer, by=by, now=now)
        message = row.ticket.messages.get()
    else:
        row.ticket = ticket
        message = tickets.reply(ticket, body=message_of(row), contact=row.contact, by=by, now=now)
    Attachment.update(message=message).where(Attachment.inbound == row).execute()


def open_ticket(row, customer, *, by, now):
    """A new ticket with what came in. Returns it; the caller says that the message is handled."""
    subject = row.subject.strip()
    about = row.notice.invoice if row.notice and row.notice.customer_id == customer.id else None
    while subject.lower().startswith(("re:", "aw:", "rv:", "fw:", "fwd:")):
        subject = subject.partition(":")[2].strip()
    return tickets.open(
        customer,
        subject=subject[:120] or ("A text" if row.channel == Inbound.TEXT else "Answer to our message"),
        body=message_of(row),
        contact=row.contact,
        invoice=about,
        via=Ticket.TEXT if row.channel == Inbound.TEXT else Ticket.MAIL,
        by=by,
        now=now,
    )


def message_of(row):
    """What a ticket shows of a message: the words without the quote, and what was attached."""
    text = quotes.cut(row.body) or "(No text.)"
    left = "; ".join(row.attachments.splitlines())
    files = f"\n\nAttached, left in the mailbox: {left}" if left else ""
    room = tickets.LONGEST - len(files[:2000])
    if len(text) > room:
        more = "\n\n(Cut here: the whole message is in the mailbox.)"
        text = text[: room - len(more)] + more
    return text + files[:2000]


# --- Machines ------------------------------------------------------------------------------------


def _deliver(row, report, now):
    if not report.failed:
        finish(row, Inbound.AUTOMATIC, "It is delayed; the mail server still tries.", now)
    elif row.notice is None:
        row.kind = Inbound.BOUNCE
        wait(row, "A message came back, but it does not say which of ours.")
    else:
        told = bouncing.came_back(row.notice, code=report.code, text=report.text, now=now)
        finish(row, Inbound.BOUNCE, told, now)


def _complain(row, report, now):
    """Somebody calls our mail spam: what may be stopped is stopped, and a person should know."""
    if report.kind == "not-spam":
        finish(row, Inbound.AUTOMATIC, "It was called no spam after all.", now)
        return
    row.kind = Inbound.COMPLAINT
    if row.contact is None:
        wait(row, "Somebody called a message of ours spam; it does not say who.")
        return
    stopped = _stop_optional(row.contact, now)
    told = "What may be stopped was stopped." if stopped else "They get only what they must get."
    wait(row, f"{row.contact.name} called a message of ours spam. {told} Call them.")


def _stop_optional(contact, now):
    """End every kind of mail that one may end; returns how many choices changed."""
    how = {"by": "complaint about spam", "via": PreferenceChange.ONE_CLICK, "now": now}
    stoppable = sorted(preferences.STOPPABLE)
    return sum(preferences.stop(contact, event, Preference.MAIL, **how) for event in stoppable)


def is_too_much(row, now):
    """True when this sender writes more in a day than people do."""
    return _of_today(row, now).count() > MOST_A_DAY


def _of_today(row, now):
    """What this sender wrote within a day, this message included."""
    same = (Inbound.channel == row.channel) & (Inbound.sender == row.sender)
    return Inbound.select().where(same & (Inbound.received_at > now - timedelta(days=1)))


def rest(row, now):
    """Two machines that answer each other must not fill the queue: the first too many is shown, no other."""
    told = f"More than {MOST_A_DAY} messages a day come from this address; the rest of them are only kept."
    if _of_today(row, now).count() == MOST_A_DAY + 1:
        wait(row, told)
    else:
        finish(row, Inbound.AUTOMATIC, told, now)


# --- What a person does --------------------------------------------------------------------------


def give(row, contact, *, by, now):
    """Say whose message it is: it continues their conversation, or opens a ticket. Returns the Ticket.

    Raises BillingError for somebody who left, and StaleState when a colleague was faster.
    """
    if contact.left_on:
        raise BillingError(f"{contact.name} is no longer a contact. Choose somebody else.")
    with db.atomic():
        row.contact, row.customer = contact, contact.customer_id
        is_theirs = row.notice is not None and row.notice.customer_id == contact.customer_id
        _say(row, conversation(row, now) if is_theirs else None, contact.customer, by, now)
        told = f"Given to {contact.name} as ticket {row.ticket.id}."
        _close(row, told, by, now, kind=Inbound.REPLY, contact=contact, customer=contact.customer_id)
    return row.ticket


def dismiss(row, reason, *, by, now):
    """Nothing follows from it. Raises StaleState when a colleague was faster."""
    with db.atomic():
        _close(row, f"Put aside: {masking.typed(reason)}"[:255], by, now)
    return row


def _close(row, told, by, now, **changes):
    move(row, Inbound.HANDLED, result=told[:255], handled_at=now, handled_by=by, ticket=row.ticket, **changes)
    events.record("inbound.handled", row, by=by, now=now, customer=row.customer, reason=told)


def finish(row, kind, told, now):
    """``row`` is done with; ``told`` says what became of it."""
    row.kind, row.state, row.result = kind, Inbound.HANDLED, told[:255]
    row.handled_at, row.handled_by = now, OFFICE
    row.save()


def wait(row, told):
    """A person has to look at ``row``; ``told`` says why."""
    row.result = told[:255]
    row.save()
