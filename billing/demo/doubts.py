"""What customers say is wrong with an invoice: a new one, one whose answer is late, one that we answered."""

from datetime import timedelta

from billing import demands, ledger
from billing.demo import cast, patience
from billing.demo.people import HERO_NAME
from billing.disputes import asking, deciding
from models import Customer, Dispute, Invoice, Line, Notice, Staff, Ticket

TODAY = "You billed a service call, but he only changed a battery that was under warranty."
LATE = "We canceled the second keypad on the phone in spring."
ANSWERED = "The camera storage was down for a week."
ANSWER = (
    "We looked it up: the storage recorded every day but one evening. The price stands; sorry for the worry."
)


def play(history):
    """Set the three of them, each on the newest invoice that is old enough for it."""
    told = ((1, "wrong_amount", TODAY), (33, "not_ordered", LATE), (12, "service_fault", ANSWERED))
    made = [_dispute(history, days, reason, words) for days, reason, words in told]
    Notice.update(state=Notice.SENT, sent_at=Notice.created_at, subject="We look into it").where(
        Notice.kind == Notice.DISPUTE_RECEIVED
    ).execute()
    if made[-1]:
        staff = Staff.get(Staff.role == Staff.OWNER)
        given = {"by": cast.OFFICE, "today": history.today, "now": history.now - timedelta(hours=3)}
        deciding.reject(made[-1], decision=ANSWER, staff=staff, **given)


def _quiet_one(history, days):
    """An open invoice of somebody with a mail address on which nothing else happens; None where none is."""
    old_enough = Invoice.issued_on < history.today - timedelta(days=days)
    query = Invoice.select().join(Customer).where(Invoice.IS_OWED & old_enough)
    others = (Customer.name != HERO_NAME) & patience.strangers()
    for invoice in query.where(others).order_by(Invoice.id.desc()).limit(40):
        asks = invoice.customer.tickets.where(Ticket.state != Ticket.CLOSED).exists()
        busy = asks or ledger.standing_attempt(invoice)
        contact = invoice.customer.contacts.first()
        if contact.email and not busy and not demands.apart(invoice_ids=[invoice.id]):
            return invoice
    return None


def _dispute(history, days, reason, words):
    invoice = _quiet_one(history, days)
    if invoice is None:
        return None
    day, at = history.today - timedelta(days=days), history.now - timedelta(days=days, hours=2)
    line, contact = invoice.lines.order_by(Line.total_cents).first(), invoice.customer.contacts.first()
    return asking.open(
        invoice, line=line, amount_cents=None, reason=reason, words=words, by=f"customer:{contact.email}",
        via=Dispute.PAY_LINK, contact=contact, today=day, now=at,
    )  # fmt: skip
