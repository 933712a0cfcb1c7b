"""What changed since last time: each line of an invoice beside the one before it of the same charge.

One sentence for each change: new, ended, another price with how the customer was told, quantity, discount,
tax, a part of a period. Only reading, set-based. A price that changed without a record cannot be explained:
``unexplained`` says so, and the invoice is not issued (clarity.py).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from peewee import SQL, DateField, fn

from billing import contracts, prepared, words
from billing.money import format_cents
from models import Charge, Invoice, Line, PriceChange, among, as_date, db, read_rows

SPAN = timedelta(days=430)  # a yearly service and its next invoice, late
MOST = 8
LAST = 2**31 - 1  # above the number of any invoice


class Before(NamedTuple):
    """A line as it was printed on an earlier invoice."""

    charge_id: int
    invoice_id: int
    text: str
    from_on: date
    to_on: date
    days: int | None
    of_days: int | None
    quantity: int
    unit_cents: int
    discount_cents: int
    discount_reason: str
    tax_name: str
    tax_ppm: int
    voided_on: date | None
    customer_id: int
    number: int
    issued_on: date


@dataclass(frozen=True)
class Price:
    """A new price of a charge that counts: from when, and how the customer knows."""

    starts_on: date
    told_on: date | None
    agreed_how: str
    reason: str


_COLUMNS = (
    Line.charge, Line.invoice, Line.text, Line.from_on, Line.to_on, Line.days, Line.of_days, Line.quantity,
    Line.unit_cents, Line.discount_cents, Line.discount_reason, Line.tax_name, Line.tax_ppm, Line.voided_on,
    Invoice.customer, Invoice.number, Invoice.issued_on,
)  # fmt: skip
_DATES = [at for at, column in enumerate(_COLUMNS) if isinstance(column, DateField)]


# --- For a bill run ------------------------------------------------------------------------------


def latest(charge_ids):
    """{charge id: (from_on, unit_cents)} of the last period that was billed; one query for any number.

    Each charge is looked up in the index of its periods, so years of history cost nothing.
    """
    last = Line.alias()
    newest = last.select(fn.MAX(last.from_on)).where(
        (last.charge == Charge.id) & last.charge.is_null(False) & last.voided_on.is_null()
    )
    query = (
        Charge.select(Charge.id, Line.from_on, Line.unit_cents)
        .join(Line, on=(Line.charge == Charge.id))
        .where(among(Charge.id, charge_ids) & Line.voided_on.is_null() & (Line.from_on == newest))
    )
    found = {}
    for id, from_on, unit_cents in db.execute(query):
        found[id] = (as_date(from_on), unit_cents)
    return found


def unexplained(unit_cents, from_on, before, prices):
    """Why a price is above the one of last time and nobody knows why; "" when it is not, or recorded.

    before -- (from_on, unit_cents) of the last billed period, or None
    prices -- [(from, cents)]: the recorded prices that count
    """
    if before is None or before[1] >= unit_cents:
        return ""
    if any(before[0] < starts_on <= from_on and cents == unit_cents for starts_on, cents in prices):
        return ""
    return (
        f"it costs {format_cents(unit_cents)} and cost {format_cents(before[1])} last time, and no new price "
        "is recorded."
    )


# --- For a document ------------------------------------------------------------------------------


def sentences(invoice, lines, earlier=None):
    """What changed since the customer's invoice before, a sentence each; none on a first invoice.

    earlier -- its own of ``before``, where the caller has it

    Three queries at most: one for what was before, the others only where something changed.
    """
    mine = [line for line in lines if line.charge_id]
    earlier = before([invoice])[invoice.id] if earlier is None else earlier
    if not earlier:
        return ()
    last = _latest_of(earlier)
    prices = _prices({line.charge_id for line in mine if _has_new_price(line, last)})
    said, first = [], {}
    for line in mine:
        first.setdefault(line.charge_id, line)  # of several periods of one charge the first one tells
    for line in first.values():
        said += _of_line(line, last.get(line.charge_id), prices.get(line.charge_id, ()))
    said += _parts([(line, last.get(line.charge_id)) for line in first.values()])
    said += _ended(earlier, set(first), invoice)
    return tuple(dict.fromkeys(said))[:MOST]  # two sites with the same change are told of once


def before(invoices):
    """{invoice id: [Before]}: the customer's recurring lines of invoices before each, oldest period first.

    One query for any number. Lines that were voided since count as long as they stood at the issue.
    """
    if not invoices:
        return {}
    since, until = min(map(_since, invoices)), max(invoice.number or LAST for invoice in invoices)
    ids, of_customer = list({invoice.customer_id for invoice in invoices}), {}
    for row in read_rows(_printed_between.as_stored(ids, since, until), Before, dates=_DATES):
        of_customer.setdefault(row.customer_id, []).append(row)
    return {invoice.id: _earlier(invoice, of_customer.get(invoice.customer_id, ())) for invoice in invoices}


def _since(invoice):
    """The first day of issue of what an invoice is compared with."""
    return invoice.issued_on - SPAN if invoice.issued_on else date.min


@prepared.question
def _printed_between(customer_ids, since, until):
    return (
        Line.select(*_COLUMNS)
        .join(Invoice)
        .where(
            among(Invoice.customer, customer_ids)
            & Line.charge.is_null(False)
            & (Invoice.issued_on >= since)
            & (Invoice.number < until)
        )
        .order_by(Line.from_on, Line.id)
    )


def _earlier(invoice, rows):
    """Those of a customer's lines that an invoice is compared with."""
    since, until, number = _since(invoice), invoice.issued_on or date.max, invoice.number or LAST
    return [
        row
        for row in rows
        if (row.voided_on is None or row.voided_on > until) and row.issued_on >= since and row.number < number
    ]


def _latest_of(earlier):
    return {row.charge_id: row for row in earlier}


def _has_new_price(line, last):
    was = last.get(line.charge_id)
    return was is not None and was.unit_cents != line.unit_cents


def _prices(charge_ids):
    """{charge id: [Price]} of the recorded prices of these charges."""
    found = {}
    if not charge_ids:
        return found
    rows = PriceChange.select().where(among(PriceChange.charge, charge_ids) & contracts.price_counts())
    for row in rows.order_by(PriceChange.starts_on):
        price = Price(row.starts_on, row.told_on, row.agreed_how, row.reason)
        found.setdefault(row.charge_id, []).append(price)
    return found


def _of_line(line, was, prices):
    if was is None:
        cents, day = format_cents(line.quantity * line.unit_cents), words.date(line.from_on)
        yield f"New: {line.text}, {cents}, from {day}."
        return
    if line.unit_cents != was.unit_cents:
        yield _price(line, was, prices)
    if line.quantity != was.quantity:
        yield f"{line.text}: {line.quantity} instead of {was.quantity}."
    yield from _discount(line, was)
    if line.tax_ppm != was.tax_ppm:
        yield f"The tax on {line.text} is {words.rate(line.tax_ppm)} instead of {words.rate(was.tax_ppm)}."


def _price(line, was, prices):
    new, old = format_cents(line.unit_cents), format_cents(was.unit_cents)
    cause = next((one for one in reversed(prices) if was.from_on < one.starts_on <= line.from_on), None)
    how = ""
    if cause and cause.told_on:
        how = f": we told you on {words.date(cause.told_on)}"
    elif cause and cause.agreed_how and line.unit_cents > was.unit_cents:
        how = ", as agreed"
    return f"{line.text} costs {new} instead of {old} from {words.date(line.from_on)}{how}."


def _discount(line, was):
    """A part of a period has a part of its discount: only whole ones are compared."""
    if line.days or was.days or line.discount_cents == was.discount_cents:
        return
    if not line.discount_cents:
        yield f"The discount of {format_cents(was.discount_cents)} on {line.text} has ended."
    elif not was.discount_cents:
        why = f": {line.discount_reason}" if line.discount_reason else ""
        yield f"A discount of {format_cents(line.discount_cents)} on {line.text}{why}."
    else:
        yield (
            f"The discount on {line.text} is {format_cents(line.discount_cents)} instead of "
            f"{format_cents(was.discount_cents)}."
        )


def _parts(pairs):
    """Parts of periods; one sentence for all services where it is the same for each of several."""
    tails = [(line.text, _part(line, was)) for line, was in pairs]
    if len(tails) > 1 and tails[0][1] and len({tail for _, tail in tails}) == 1:
        tails = [("Every service", tails[0][1])]
    return [f"{text} {tail}" for text, tail in tails if tail]


def _part(line, was):
    if was is not None and line.days and line.days != line.of_days:
        return f"is billed for {line.days} of {line.of_days} days."
    if was is not None and was.days and was.days != was.of_days and not line.days:
        return "is billed for the whole period again."
    return ""


def _ended(earlier, ids, invoice):
    """What the invoice before still had, and has ended since."""
    last_id = max(earlier, key=lambda row: (row.invoice_id, row.from_on)).invoice_id
    gone = {row.charge_id: row for row in earlier if row.invoice_id == last_id and row.charge_id not in ids}
    if not gone:
        return
    until = invoice.issued_on or date.max
    ended = Charge.select(Charge.id, Charge.ends_on).where(
        among(Charge.id, list(gone)) & Charge.ends_on.is_null(False) & (Charge.ends_on <= until)
    )
    for id, ends_on in ended.order_by(SQL("1")).tuples():
        yield f"{gone[id].text} ended on {words.date(ends_on)} and is not billed any more."
