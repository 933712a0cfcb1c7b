"""What the gate keeps back in the demo company, and personal mails: to be read, on the way, answered.

Comes last: whoever is late and waits for us by all that the other scenes have set hears nothing of it.
"""

from datetime import timedelta

from billing import demands, inbound
from billing.collections import gate
from billing.demo import cast, patience
from billing.errors import BillingError
from billing.notices import queueing
from billing.outbox import holding
from billing.personal import drafts
from models import Approval, Contact, Customer, Invoice, Notice, Offer, Staff, Verdict

MOST = 3  # late notices that wait for an answer of ours
STEP = 15
AGO = timedelta(days=4)
WAYS = (Offer.DATE, Offer.GOODWILL)
GIFT_CENTS = 1000
SUBJECT = "your invoice, and a way that suits you"
REPLY = (
    "Thank you for writing in person. We were away until last week and I had not seen the invoice. The ten "
    "dollars are very kind. Can I pay the rest on Friday of next week?"
)
WHY = "An invoice of this account is past its due date."


def play(history):
    """Hold the late notices of some who wait for us, and write in person to three who do not."""
    told = {"today": history.today, "now": history.now}
    late = _late()
    shut = gate.reasons({invoice.customer_id for invoice in late}, **told)
    waiting = [invoice for invoice in late if _waits_for_us(invoice, shut.get(invoice.customer_id, ()))]
    ids = [_queue(invoice, history.now) for invoice in waiting[:MOST]]
    holding.hold_back(ids, **told)
    decided = Approval.select(Approval.customer).where(Approval.state == Approval.ASKED)
    quiet = patience.strangers() & Customer.id.not_in(decided)  # nobody asks to write it off meanwhile
    others = {row.id for row in Customer.select(Customer.id).where(quiet)}
    free = iter([one.customer for one in late if one.customer_id not in shut and one.customer_id in others])
    _first(free, lambda customer: _write(customer, told))
    _first(free, lambda customer: _answered(customer, history))
    _first(free, lambda customer: drafts.begin(customer, by=cast.SUPPORT, **told))


def _waits_for_us(invoice, reasons):
    return any(not one.waits for one in gate.shutting(reasons, invoice.id))


def _late():
    """Past-due invoices of who can be reached by mail, the largest first, one for each customer.

    Left out is what is disputed: it is due on no date, so no late notice is written about it.
    """
    reached = (Contact.role == Contact.PAYER) & (Contact.email != "") & Contact.left_on.is_null()
    query = (
        Invoice.select(Invoice)
        .join(Verdict)
        .switch(Invoice)
        .join(Contact, on=(Contact.customer == Invoice.customer))
        .where(Verdict.current & (Verdict.code != Verdict.DISPUTED) & reached)
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


def _first(customers, act):
    """Let ``act`` do it to the first for whom it can be done."""
    for customer in customers:
        try:
            act(customer)
        except BillingError:
            continue
        return


def _write(customer, told):
    """Sam takes ten dollars off and offers another day; it leaves at the next hour at which one may write."""
    sam = Staff.get(Staff.email == "sam@example.com")
    notice = drafts.begin(customer, by=cast.OFFICE, **told)
    reading = drafts.read(notice, staff=sam, by=cast.OFFICE, **told)
    possible = {way.kind for way in reading.ways}
    granting = {kind: GIFT_CENTS if kind == Offer.GOODWILL else None for kind in WAYS if kind in possible}
    drafts.send(
        notice, words=reading.words, seen=reading.seen, staff=sam, by=cast.OFFICE, granting=granting, **told
    )
    return notice


def _answered(customer, history):
    """The same some days ago: it was read, and the answer came back to the case."""
    invoice = customer.invoices.where(Invoice.IS_OWED).order_by(Invoice.due_on).first()
    if not demands.late_cents(demands.of(invoice), history.today - AGO):
        raise BillingError("Nothing was late by then.")
    at = history.now - AGO
    notice = Notice.get_by_id(_write(customer, {"today": history.today - AGO, "now": at}).id)
    Notice.update(
        state=Notice.SENT, subject=f"{cast.COMPANY['name']}: {SUBJECT}", body_text=notice.words, tries=1,
        claimed_at=at, sent_at=at,
    ).where(Notice.id == notice.id).execute()  # fmt: skip
    came_at = history.now - timedelta(hours=5)
    reply = inbound.Received(
        f"demo-answer-{notice.id}", came_at, sender=notice.address, subject=f"Re: {SUBJECT}", body=REPLY,
        notice_id=notice.id,
    )  # fmt: skip
    inbound.take(reply, now=came_at)
