"""Why things are unpaid in the demo company: a question about an invoice, and what somebody told us.

Comes last: everything past due is judged by all that the other scenes have set.
"""

from datetime import timedelta

from billing import tickets
from billing.collections import stances, verdicts
from billing.demo import cast, patience
from models import Contact, Customer, Invoice, Promise, Stance, Ticket, Verdict, db

SAID_TODAY = (Verdict.PAYMENT_IN_FLIGHT, Verdict.METHOD_FAILED, Verdict.PROMISE_RUNNING, Verdict.PLAN_RUNNING)
PANELS = "This bills two panels, and we have had one since the remodel in spring. Could you look into it?"
HOURS = "My hours were cut in half this fall. I can do part of it now and the rest after the holidays."


def play(history):
    """Set today's scenes and judge everything past due."""
    late = _as_judged(history, lambda: _nobody_knows(history))
    if late:
        _ask(history, late[0])
    if len(late) > 1:
        _tell(history, late[1])
    _keep(_as_judged(history, lambda: list(Verdict.select().dicts())), history.today)


def _as_judged(history, read):
    """What ``read`` finds once everything is judged; those verdicts are not kept, because they are frozen."""
    with db.atomic() as judged:
        verdicts.judge_all(history.today, now=history.now)
        found = read()
        judged.rollback()
    return found


def _keep(rows, today):
    """The daily job has judged for long: all is so since its proof was there, or since it was late."""
    told = dict(Stance.select(Stance.customer, Stance.heard_on).tuples())
    is_broken = Promise.state == Promise.BROKEN
    broken = dict(Promise.select(Promise.customer, Promise.decided_on).where(is_broken).tuples())
    for row in rows:
        since = [row["due_on"] + timedelta(days=1)]
        if row["waiting_since_at"]:
            since.append(row["waiting_since_at"].date())
        if row["code"] in (Verdict.CANNOT_PAY, Verdict.WILL_NOT_PAY):
            since.append(told[row["customer"]])
        elif row["code"] in SAID_TODAY:
            since.append(today)
        elif row["code"] == Verdict.UNKNOWN and row["customer"] in broken:
            since.append(broken[row["customer"]])
        row["since_on"] = min(max(since), today)
        del row["id"]
    if rows:
        Verdict.insert_many(rows).execute()


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
