"""What the gate keeps back in the demo company, and a personal mail that waits to be read.

Comes last: whoever is late and waits for us by all that the other scenes have set hears nothing of it.
"""

from billing.collections import gate
from billing.demo import cast
from billing.errors import BillingError
from billing.notices import holding, queueing
from billing.personal import drafts
from models import Contact, Invoice, Notice, Verdict

MOST = 3  # late notices that wait for an answer of ours
STEP = 15
WHY = "An invoice of this account is past its due date."


def play(history):
    """Hold the late notices of some who wait for us, and begin a mail to one who does not."""
    told = {"today": history.today, "now": history.now}
    late = _late()
    shut = gate.reasons({invoice.customer_id for invoice in late}, **told)
    waiting = [invoice for invoice in late if _waits_for_us(invoice, shut.get(invoice.customer_id, ()))]
    ids = [_queue(invoice, history.now) for invoice in waiting[:MOST]]
    holding.hold_back(ids, **told)
    free = [invoice.customer for invoice in late if invoice.customer_id not in shut]
    _begin(free, told)


def _waits_for_us(invoice, reasons):
    return any(not one.waits for one in gate.shutting(reasons, invoice.id))


def _late():
    """Past-due invoices of who can be reached by mail, the largest first, one for each customer."""
    reached = (Contact.role == Contact.PAYER) & (Contact.email != "") & Contact.left_on.is_null()
    query = (
        Invoice.select(Invoice)
        .join(Verdict)
        .switch(Invoice)
        .join(Contact, on=(Contact.customer == Invoice.customer))
        .where(Verdict.current & reached)
        .order_by(Invoice.open_cents.desc(), Invoice.id)
    )
    first = {}
    for invoice in query:
        first.setdefault(invoice.customer_id, invoice)
    return list(first.values())


def _queue(invoice, now):
    payer = invoice.customer.contacts.where(Contact.role == Contact.PAYER).order_by(Contact.id).first()
    key = f"overdue:{invoice.id}:{STEP}:{payer.id}:today"
    queueing.queue(
        Notice.OVERDUE, key=key, customer=invoice.customer, contact=payer, invoice=invoice, step=STEP,
        why=WHY, now=now,
    )  # fmt: skip
    return Notice.get(Notice.key == key).id


def _begin(customers, told):
    for customer in customers:
        try:
            drafts.begin(customer, by=cast.SUPPORT, **told)
        except BillingError:
            continue
        return
