"""What the documents of invoices tell of besides their own rows, read for any number in a few queries.

Not here: what becomes of it (``standing``, ``as_issued``, ``sentences``).
"""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from billing import changes, demands, naming, prepared, replaced, words
from billing.automatic import upcoming
from billing.documents import applied, printed
from billing.money import format_cents
from models import Invoice, Line, Payment, PaymentPart, among


@dataclass(frozen=True)
class Around:
    """What the document of an invoice tells of besides its own row. Nothing but lines where it is as issued.

    demands  -- of the invoice
    earlier  -- Earlier rows of what was open before it
    before   -- the lines that it is compared with (``changes.before``)
    """

    lines: list
    before: list
    demands: tuple = ()
    allocations: list = field(default_factory=list)
    earlier: tuple = ()
    is_being_checked: bool = False
    automatic: printed.Automatic | None = None


def around(invoices, *, today):
    """{invoice id: Around} in a few queries for any number; for no day (None) as at the issue."""
    lines, before = _lines(invoices), changes.before(invoices)
    if today is None:
        return {one.id: Around(lines.get(one.id, []), before[one.id]) for one in invoices}
    others = _open_of({one.customer_id for one in invoices if one.open_cents})
    every = [other for mine in others.values() for other in mine]
    asked = demands.of_invoices([*every, *invoices])  # of the rows that were given, where both have it
    allocations, checked = applied.allocations(invoices), _being_checked(invoices)
    charges = upcoming.of_invoices(invoices, today=today)
    return {
        one.id: Around(
            lines=lines.get(one.id, []),
            before=before[one.id],
            demands=asked[one.id],
            allocations=allocations.get(one.id, []),
            earlier=_earlier(one, others.get(one.customer_id, ()), asked, today),
            is_being_checked=one.id in checked,
            automatic=_automatic(one, charges.get(one.id)),
        )
        for one in invoices
    }


def _lines(invoices):
    found = {}
    ids = [invoice.id for invoice in invoices]
    for line in _lines_of(ids):
        found.setdefault(line.invoice_id, []).append(line)
    return found


@prepared.question
def _lines_of(invoice_ids):
    before = replaced.number_before(Line).alias("number_before")
    lines = Line.select(Line, before).where(among(Line.invoice, invoice_ids))
    return lines.order_by(Line.invoice, Line.position)


def _being_checked(invoices):
    """Those of which a payment waits for the processor's word: nobody should pay them a second time."""
    return {id for (id,) in _unsure([invoice.id for invoice in invoices])}


@prepared.question
def _unsure(invoice_ids):
    parts = PaymentPart.select(PaymentPart.invoice).join(Payment)
    is_unsure = Payment.state.in_((Payment.HELD, Payment.IN_DOUBT))
    return parts.where(among(PaymentPart.invoice, invoice_ids), PaymentPart.live, is_unsure).tuples()


def _open_of(customer_ids):
    """{customer id: their open invoices, oldest due date first}."""
    found = {}
    for invoice in _owed_by(customer_ids) if customer_ids else ():
        found.setdefault(invoice.customer_id, []).append(invoice)
    return found


@prepared.question
def _owed_by(customer_ids):
    is_open = (Invoice.state == Invoice.ISSUED) & Invoice.IS_OWED
    mine = Invoice.select().where(among(Invoice.customer, customer_ids) & is_open)
    return mine.order_by(Invoice.due_on, Invoice.number)


def _earlier(invoice, others, asked, today):
    """Of the customer's open invoices those before this one, each with what is asked for of it."""
    rows = []
    for other in others if invoice.open_cents else ():
        if other.id == invoice.id or (invoice.number and other.number >= invoice.number):
            continue
        if cents := demands.asked_cents(asked[other.id], today):
            first_on = demands.first_on(asked[other.id])
            rows.append(printed.Earlier(str(other.number), first_on, cents, first_on < today))
    return tuple(rows)


def automatic(invoice, today):
    """What autopay does with an invoice, or None. A charge of several invoices says their sum."""
    return _automatic(invoice, upcoming.of_invoice(invoice, today=today))


def _automatic(invoice, charge):
    if charge is None:
        return None
    others = len(charge.planned) - 1
    amount = format_cents(sum(row.cents for row in charge.planned if row.invoice_id == invoice.id))
    if others:
        amount += (
            f", together with {words.plural(others, 'other invoice')}: {format_cents(charge.cents)} in all,"
        )
    method = naming.in_a_sentence(charge.method.label)
    does = "will try again to charge" if charge.is_retry else "will charge"
    sentence = f"Autopay {does} {amount} {charge.when} from {method}. {charge.advice}"
    return printed.Automatic(
        charge_on=charge.charge_on,
        method=charge.method.label,
        is_promise=charge.is_promise,
        sentence=charge.why_not or sentence,
        is_retry=charge.is_retry,
    )


_ahead = ContextVar("what was read of invoices ahead", default=None)


@contextmanager
def ahead(read, today):
    """Within this, documents of ``today`` are made from ``read`` (of ``around``) where that has the invoice.

    For who writes many messages: it must know that nothing of it has changed since.
    """
    token = _ahead.set((today, read))
    try:
        yield
    finally:
        _ahead.reset(token)


def around_one(invoice, today):
    """The Around of one invoice: what was read ahead where that is of ``today``, else read now."""
    day, read = _ahead.get() or (None, {})
    if today is not None and day == today and invoice.id in read:
        return read[invoice.id]
    return around([invoice], today=today)[invoice.id]
