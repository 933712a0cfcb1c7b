"""Why things are unpaid in the demo company: a question about an invoice, and what somebody told us.

Comes last: everything past due is judged by all that the other scenes have set.
"""

from datetime import timedelta

from billing import tickets
from billing.collections import stances, verdicts
from billing.demo import cast, patience
from models import Contact, Customer, Invoice, Stance, Ticket, Verdict

PANELS = "This bills two panels, and we have had one since the remodel in spring. Could you look into it?"
HOURS = "My hours were cut in half this fall. I can do part of it now and the rest after the holidays."


def play(history):
    """Set today's scenes and judge everything past due."""
    verdicts.judge_all(history.today, now=history.now)
    late = _nobody_knows(history)
    if late:
        _ask(history, late[0])
    if len(late) > 1:
        _tell(history, late[1])
    verdicts.judge_all(history.today, now=history.now)


def _nobody_knows(history):
    """Past-due invoices of people at home of whom nothing is known, the largest first, one for each."""
    busy = Ticket.select(Ticket.customer).where(Ticket.state != Ticket.CLOSED)
    query = (
        Invoice.select(Invoice, Customer)
        .join(Verdict)
        .switch(Invoice)
        .join(Customer)
        .where(Verdict.current & (Verdict.code == Verdict.UNKNOWN))
        .where((Customer.kind == Customer.RESIDENTIAL) & Customer.id.not_in(busy))
        .where(patience.strangers())
        .order_by(Invoice.open_cents.desc(), Invoice.id)
    )
    first = {}
    for invoice in query:
        first.setdefault(invoice.customer_id, invoice)
    return list(first.values())


def _payer(customer):
    return customer.contacts.where(Contact.left_on.is_null()).order_by(Contact.id).first()


def _ask(history, invoice):
    payer = _payer(invoice.customer)
    tickets.open(
        invoice.customer, contact=payer, invoice=invoice, subject="Two panels on the invoice", body=PANELS,
        by=f"contact:{payer.id}", via="pay_link", now=history.now - timedelta(hours=27),
    )  # fmt: skip


def _tell(history, invoice):
    stances.note(
        invoice.customer, Stance.CANNOT_PAY, words=HOURS, contact=_payer(invoice.customer),
        heard_on=history.today - timedelta(days=4), by=cast.SUPPORT, today=history.today, now=history.now,
    )  # fmt: skip
