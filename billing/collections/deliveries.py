"""What was sent of an invoice and how far it came: the one meaning of "delivered", read by gate and verdicts.

Every message that shows what is open delivers it: the invoice itself, a reminder, a letter, a summary, and
one about its payment that failed. What never reached anybody is not asked for; ``rules`` says why.
"""

from datetime import datetime
from typing import NamedTuple

from peewee import fn

from billing.collections import rules
from billing.collections.rows import grouped
from billing.collections.rules import Delivery
from models import Invoice, Notice, PaymentPart, among, as_date, as_instant, db

OF_TICKETS = (Notice.TICKET_RECEIVED, Notice.TICKET_REPLY, Notice.TICKET_CLOSED)
COLUMNS = (
    Notice.id, Notice.channel, Notice.state, Notice.address, Notice.sent_at, Notice.bounced_at,
    Notice.bounce_text, Notice.reason, Notice.kind, Notice.joined,
)  # fmt: skip


def _read(key, condition, day):
    """{key: [Delivery]} of these notices, oldest first; what was said in another message went as that did."""
    rows = list(db.execute(Notice.select(key, *COLUMNS).where(condition).order_by(Notice.id)))
    carriers = {row[-1] for row in rows if row[-1]}
    query = Notice.select(*COLUMNS[:1], *COLUMNS[2:6]).where(among(Notice.id, carriers))
    went = {row[0]: row[1:] for row in db.execute(query)} if carriers else {}
    return grouped((row[0], _delivery(row, went.get(row[-1]), day)) for row in rows)


def _delivery(row, went, day):
    _, id, channel, state, address, sent_at, bounced_at, bounce_text, reason, kind, _ = row
    if went:
        state, address, sent_at, bounced_at = went
    sent_on, bounced_on = sent_at and day(sent_at), bounced_at and day(bounced_at)
    why = bounce_text or reason
    return Delivery(id, channel, state, address, sent_on, bounced_on, why, kind in OF_TICKETS)


def of_invoices(invoice_ids, day):
    """{invoice id: [Delivery]} of every message that carried it, and of invoices that did not leave."""
    carried = (Notice.kind == Notice.INVOICE) | (Notice.state << (Notice.SENT, Notice.JOINED))
    return _read(Notice.invoice, among(Notice.invoice, invoice_ids) & carried, day)


def digests(customer_ids, day):
    """{customer id: [Delivery]} of monthly summaries: each tells of everything that was open then."""
    sent = (Notice.kind == Notice.DIGEST) & (Notice.state == Notice.SENT)
    return _read(Notice.customer, among(Notice.customer, customer_ids) & sent, day)


def of_payments(payment_ids, day):
    """{payment id: [Delivery]} of messages about payments that failed: they too ask for the money."""
    sent = Notice.state == Notice.SENT
    return _read(Notice.payment, among(Notice.payment, payment_ids) & sent, day)


def everything(customer_ids, invoice_ids, day, tries=None):
    """A function (customer id, invoice id, issued on) -> every Delivery of an invoice, in a tuple.

    tries -- {invoice id: [payment id]} where that was read already
    """
    own, summaries = of_invoices(invoice_ids, day), digests(customer_ids, day)
    tries = _tries(invoice_ids) if tries is None else tries
    told = of_payments([id for some in tries.values() for id in some], day) if tries else {}

    def sent(customer_id, invoice_id, issued_on):
        found = own.get(invoice_id, ())
        if customer_id in summaries:
            found = [*found, *(one for one in summaries[customer_id] if one.on and one.on >= issued_on)]
        if told and invoice_id in tries:
            found = [*found, *(one for id in tries[invoice_id] for one in told.get(id, ()))]
        return tuple(found)

    return sent


def _tries(invoice_ids):
    query = PaymentPart.select(PaymentPart.invoice, PaymentPart.payment)
    return grouped(db.execute(query.where(among(PaymentPart.invoice, invoice_ids)).order_by(PaymentPart.id)))


# --- What never arrived --------------------------------------------------------------------------


class Lost(NamedTuple):
    """A past-due invoice that came back or never left, and that nothing else has told of."""

    customer_id: int
    invoice_id: int
    notice_id: int  # the last of its messages
    at: datetime  # since when it is known
    sentence: str
    to_print: bool


def lost(customer_ids, today, day):
    """[Lost] of what is past due on ``today`` of these customers. One query while everything arrives."""
    query = (
        Notice.select(
            Invoice.customer, Invoice.id, Invoice.issued_on, Invoice.number,
            fn.COALESCE(Notice.bounced_at, Notice.created_at),
        )
        .join(Invoice, on=(Notice.invoice == Invoice.id))
        .where(among(Invoice.customer, customer_ids) & Invoice.IS_OWED & (Invoice.due_on < today))
        .where(Invoice.first_seen_at.is_null() & (Notice.kind == Notice.INVOICE))
        .where(Notice.bounced_at.is_null(False) | (Notice.state << (Notice.FAILED, Notice.PRINT)))
        .order_by(Notice.id)
    )  # fmt: skip
    rows = {row[1]: row for row in db.execute(query)}
    if not rows:
        return []
    sent, found = everything({row[0] for row in rows.values()}, list(rows), day), []
    for customer_id, id, issued_on, number, at in rows.values():
        told = sent(customer_id, id, as_date(issued_on))
        if not any(one.arrived for one in told):
            last, at = told[-1], as_instant(at)
            sentence, to_print = rules.undelivered(number, last), last.state == Notice.PRINT
            found.append(Lost(customer_id, id, last.id, at, sentence, to_print))
    return found


def first_days(invoice_ids, day):
    """{invoice id: the day on which it first reached somebody}, where the invoice itself was what did."""
    query = (
        Notice.select(Notice.invoice, Notice.kind, fn.COALESCE(Notice.sent_at, Notice.created_at))
        .where(among(Notice.invoice, invoice_ids) & (Notice.state << (Notice.SENT, Notice.JOINED)))
        .where(Notice.bounced_at.is_null())
        .order_by(fn.COALESCE(Notice.sent_at, Notice.created_at).desc(), Notice.id.desc())
    )
    first = {row[0]: row for row in db.execute(query)}  # the earliest comes last
    return {id: day(at) for id, kind, at in first.values() if kind == Notice.INVOICE}
