"""What customers say is wrong with an invoice: a new one, one that we answered, and one whose answer is late.

The last is past its date by now, and all of it is in question: that is why it is unpaid.
"""

from datetime import timedelta

from billing import demands, ledger
from billing.demo import cast, patience
from billing.demo.people import HERO_NAME
from billing.disputes import asking, deciding
from models import Customer, Dispute, Invoice, Line, Notice, Staff, Ticket

TODAY = "You billed a service call, but he only changed a battery that was under warranty."
LATE = "We paid this by check, and our bank says that it was cashed. Please look before you remind us."
ANSWERED = "The camera storage was down for a week."
ANSWER = (
    "We looked it up: the storage recorded every day but one evening. The price stands; sorry for the worry."
)


def play(history):
    """Set the three of them, each on the newest invoice that is old enough for it."""
    _dispute(history, 1, "wrong_amount", TODAY)
    _dispute(history, 33, "already_paid", LATE, whole=True)
    answered = _dispute(history, 12, "service_fault", ANSWERED)
    Notice.update(state=Notice.SENT, sent_at=Notice.created_at, subject="We look into it").where(
        Notice.kind == Notice.DISPUTE_RECEIVED
    ).execute()
    if answered:
        staff = Staff.get(Staff.role == Staff.OWNER)
        given = {"by": cast.OFFICE, "today": history.today, "now": history.now - timedelta(hours=3)}
        deciding.reject(answered, decision=ANSWER, staff=staff, **given)


def _quiet_one(history, day, is_late):
    """An open invoice of somebody with a mail address on which nothing else happens; None where none is."""
    old_enough = Invoice.issued_on < day
    if is_late:
        old_enough &= Invoice.due_on < history.today
    query = Invoice.select().join(Customer).where(Invoice.IS_OWED & old_enough)
    others = (Customer.name != HERO_NAME) & patience.strangers()
    for invoice in query.where(others).order_by(Invoice.id.desc()).limit(40):
        asks = invoice.customer.tickets.where(Ticket.state != Ticket.CLOSED).exists()
        busy = asks or ledger.standing_attempt(invoice)
        contact = invoice.customer.contacts.first()
        if contact.email and not busy and not demands.apart(invoice_ids=[invoice.id]):
            return invoice
    return None


def _dispute(history, days, reason, words, *, whole=False):
    """Dispute one line of an invoice, or the whole of one that is late by now; None where there is none."""
    day, at = history.today - timedelta(days=days), history.now - timedelta(days=days, hours=2)
    invoice = _quiet_one(history, day, is_late=whole)
    if invoice is None:
        return None
    line = None if whole else invoice.lines.order_by(Line.total_cents).first()
    contact = invoice.customer.contacts.first()
    return asking.open(
        invoice, line=line, amount_cents=None, reason=reason, words=words, by=f"customer:{contact.email}",
        via=Dispute.PAY_LINK, contact=contact, today=day, now=at,
    )  # fmt: skip
