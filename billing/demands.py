"""What of an open invoice is due when: the one meaning of "due" and "past due" for everybody who asks.

Most invoices are due in full on their own date. The few that are not: what is disputed is due on no date
until somebody has decided, what was owed after all on its fresh date, and what a running payment plan
covers on the days of its installments. The sum of an invoice's demands is always its ``open_cents``: a
payment pays what is due first, a dispute rests last. Only reading; the base of ``ledger``, so no rule here.
"""

from dataclasses import dataclass
from datetime import date, datetime

from peewee import SQL, Case, Value, fn

from billing import prepared
from billing.money import format_cents
from models import Credit, Dispute, Installment, InstallmentPart, Invoice, Plan, among

INVOICE, INSTALLMENT, DISPUTED = "invoice", "installment", "disputed"


@dataclass(frozen=True)
class Demand:
    """A part of an open invoice with the day on which it is due; None while it is disputed."""

    due_on: date | None
    cents: int
    kind: str = INVOICE
    installment_id: int | None = None
    has_own_day: bool = False  # not the invoice's: of a plan, or owed after all
    is_automatic: bool = True  # False: of a plan that autopay does not charge
    since_at: datetime | None = None  # when it was decided that it is owed after all

    def is_past_due(self, today):
        """True after its day. What is disputed never is."""
        return self.due_on is not None and self.due_on < today


@dataclass(frozen=True)
class Part:
    """What a plan or a decision gave a day of its own."""

    due_on: date
    cents: int
    kind: str = INVOICE
    installment_id: int | None = None
    is_automatic: bool = True
    since_at: datetime | None = None


@dataclass(frozen=True)
class Apart:
    """An open invoice that is not simply due in full on its own date."""

    invoice_id: int
    customer_id: int
    due_on: date
    open_cents: int
    disputed_cents: int
    parts: tuple

    @property
    def demands(self):
        return split(self.due_on, self.open_cents, self.parts, self.disputed_cents)


def split(due_on, open_cents, parts=(), disputed_cents=0):
    """The demands of one invoice by date, those of nothing left out, what is disputed last.

    parts -- Part rows, which are paid off earliest first; what they leave is due on ``due_on``

    >>> [one.cents for one in split(date(2026, 12, 16), 10_000, disputed_cents=3_000)]
    [7000, 3000]
    """
    left, found = open_cents, []

    def take(cents, **demand):
        nonlocal left
        taken = min(cents, left)
        left -= taken
        if taken > 0:
            found.append(Demand(cents=taken, **demand))

    take(disputed_cents, due_on=None, kind=DISPUTED)
    for part in sorted(parts, key=lambda part: part.due_on, reverse=True):
        take(**vars(part), has_own_day=True)
    take(left, due_on=due_on)
    dated = sorted((one for one in found if one.due_on), key=lambda one: (one.due_on, one.has_own_day))
    return (*dated, *(one for one in found if not one.due_on))


# --- Of invoices ---------------------------------------------------------------------------------


def of_invoices(invoices):
    """The demands of each: {invoice id: (Demand, …)}, none for what is paid. One query for any number."""
    owed = [invoice for invoice in invoices if invoice.open_cents]
    special = apart(invoice_ids=[invoice.id for invoice in owed]) if owed else {}
    found = dict.fromkeys((invoice.id for invoice in invoices), ())
    for invoice in owed:
        one = special.get(invoice.id)
        rest = (one.parts, one.disputed_cents) if one else ()
        found[invoice.id] = split(invoice.due_on, invoice.open_cents, *rest)
    return found


def of(invoice):
    """The demands of one invoice, by date."""
    return of_invoices([invoice])[invoice.id]


def disputed_cents(demands):
    """What of these demands rests until somebody has decided."""
    return sum(one.cents for one in demands if one.kind == DISPUTED)


def left_words(open_cents, disputed_cents=0):
    """What of an invoice is left when something was paid on it: mail, page and paper say the same.

    >>> left_words(0), left_words(4250), left_words(3000, 3000)
    ('paid in full', '$42.50 still open', '$30.00 is disputed and not due until you have our answer')
    """
    if not open_cents:
        return "paid in full"
    if disputed_cents >= open_cents:
        return f"{format_cents(open_cents)} is disputed and not due until you have our answer"
    whole = f"{format_cents(open_cents)} still open"
    if not disputed_cents:
        return whole
    return f"{whole}, {format_cents(disputed_cents)} of it disputed and not due until you have our answer"


def undisputed_cents(demands):
    """What of these demands is owed on some day, whatever becomes of the rest."""
    return sum(one.cents for one in demands if one.kind != DISPUTED)


def late_cents(demands, today):
    """What of these demands is past due."""
    return sum(one.cents for one in demands if one.is_past_due(today))


def first_on(demands):
    """The earliest day of these demands, or None where nothing has one."""
    return demands[0].due_on if demands else None


def asked_cents(demands, today):
    """What a page asks for: all but what is disputed; of a plan what is due by today, or what comes next."""
    dated = [one for one in demands if one.due_on]
    if not any(one.kind == INSTALLMENT for one in dated):
        return sum(one.cents for one in dated)
    until = max(dated[0].due_on, today)
    return sum(one.cents for one in dated if one.due_on <= until)


@dataclass(frozen=True)
class Asked:
    """An invoice with what is asked for of it, and its day."""

    invoice: Invoice
    cents: int
    due_on: date


def asked_of(invoices, today):
    """What is asked for of each, as Asked rows by date; what rests or is paid is left out."""
    found = of_invoices(invoices)
    rows = [Asked(one, asked_cents(found[one.id], today), first_on(found[one.id])) for one in invoices]
    return sorted((row for row in rows if row.cents), key=lambda row: (row.due_on, row.invoice.id))


def chargeable_cents(demands, day):
    """What autopay charges of an invoice on ``day``: what has a day of its own only when that has come."""
    return sum(
        one.cents
        for one in demands
        if one.due_on and one.is_automatic and (not one.has_own_day or one.due_on <= day)
    )


def next_due_on(invoice):
    """The earliest day on which something of an invoice is or was due; None while all of it is disputed."""
    return first_on(of(invoice))


# --- Of many -------------------------------------------------------------------------------------


def apart(*, invoice_ids=None, customer_ids=None):
    """The open invoices that are not simply due on their own date: {invoice id: Apart}, in one query.

    What is said of a line later counts, whatever was decided of it before. A plan that was agreed later than
    a decision covers what that restored.
    """
    found, disputed, parts = {}, {}, {}
    rows = sorted(_exceptions(invoice_ids, customer_ids), key=_in_turn)
    for id, *row, state, key, line_id, cents, on, at, is_automatic in rows:
        found[id], own = row, parts.setdefault(id, {})
        if state == Plan.RUNNING:
            own = {name: one for name, one in own.items() if one[0] is None or one[0] > at}
            part = Part(on, cents, INSTALLMENT, key, bool(is_automatic))
            parts[id] = own | {f"installment {key}": (None, part)}
            continue
        own.pop(line_id, None)
        if state == Dispute.OPEN:
            disputed[id] = disputed.get(id, 0) + cents
        else:
            own[line_id or f"dispute {key}"] = at, Part(on, cents, since_at=at)
    return {
        id: Apart(id, *row, disputed.get(id, 0), tuple(part for _, part in parts[id].values()))
        for id, row in found.items()
    }


def _in_turn(row):
    """Disputes in their order, then plans."""
    return row[4] == Plan.RUNNING, row[5]


_OF_INVOICE = (Invoice.id, Invoice.customer, Invoice.due_on, Invoice.open_cents)


def _exceptions(invoice_ids, customer_ids):
    """Rows of open invoices: what is disputed or was decided, and what running plans ask for."""
    if invoice_ids is not None:
        return _exceptions_of_invoices(invoice_ids)
    return _every_exception() if customer_ids is None else _exceptions_of_customers(customer_ids)


@prepared.question
def _exceptions_of_invoices(ids):
    return _asked_apart(among(Invoice.id, ids))


@prepared.question
def _exceptions_of_customers(ids):
    return _asked_apart(among(Invoice.customer, ids))


@prepared.question
def _every_exception():
    return _asked_apart(Invoice.IS_OWED)


def _asked_apart(which):
    credited = fn.COALESCE(Credit.amount_cents, 0)
    disputes = (
        Dispute.select(
            *_OF_INVOICE, Dispute.state, Dispute.id, Dispute.line, Dispute.amount_cents - credited,
            Dispute.due_again_on, Dispute.decided_at, Value(1),
        )
        .left_outer_join(Credit)
        .switch(Dispute)
        .join(Invoice)
        .where((Dispute.state == Dispute.OPEN) | Dispute.due_again_on.is_null(False), which)
        .where(Invoice.IS_OWED)
    )  # fmt: skip
    installments = (
        InstallmentPart.select(
            *_OF_INVOICE, Plan.state, Installment.id, Value(None).cast("INTEGER"),
            InstallmentPart.amount_cents, Installment.due_on, Plan.agreed_at,
            Case(None, [(Plan.autopay, 1)], 0),
        )
        .join(Installment)
        .join(Plan)
        .switch(InstallmentPart)
        .join(Invoice)
        .where((Plan.state == Plan.RUNNING) & Invoice.IS_OWED, which)
    )  # fmt: skip
    return disputes.union_all(installments).tuples()


def of_customers(customer_ids):
    """What is simple and what is apart: (condition on Invoice for the simple ones, [Apart])."""
    special = apart(customer_ids=customer_ids)
    return simple(special), list(special.values())


def simple(special, at=lambda column: column):
    """The condition that an invoice is none of ``special``: it is due in full on its own date."""
    condition = at(Invoice.open_cents) > SQL("0")
    return condition & ~among(at(Invoice.id), list(special)) if special else condition


@dataclass(frozen=True)
class Totals:
    """What one customer owes, in cents."""

    owed_cents: int = 0
    past_due_cents: int = 0
    disputed_cents: int = 0
    next_due_on: date | None = None

    def __add__(self, other):
        days = [day for day in (self.next_due_on, other.next_due_on) if day]
        return Totals(
            self.owed_cents + other.owed_cents,
            self.past_due_cents + other.past_due_cents,
            self.disputed_cents + other.disputed_cents,
            min(days, default=None),
        )


def totals(customer_ids, today):
    """What each of these customers owes: {customer id: Totals}. Two queries for any number of them."""
    is_simple, special = of_customers(customer_ids)
    found = dict.fromkeys(customer_ids, Totals())
    late = fn.SUM(Case(None, [(Invoice.due_on < today, Invoice.open_cents)], 0))
    query = (
        Invoice.select(Invoice.customer, fn.SUM(Invoice.open_cents), late, fn.MIN(Invoice.due_on))
        .where(among(Invoice.customer, list(customer_ids)) & is_simple)
        .group_by(Invoice.customer)
    )
    for id, cents, past_cents, due_on in query.tuples():
        found[id] = Totals(int(cents), int(past_cents), 0, Invoice.due_on.python_value(due_on))
    for one in special:
        found[one.customer_id] += total({one.invoice_id: one.demands}, today)
    return found


def total(found, today):
    """The Totals of what ``of_invoices`` found."""
    totals = Totals()
    for some in found.values():
        owed = sum(one.cents for one in some)
        totals += Totals(owed, late_cents(some, today), disputed_cents(some), first_on(some))
    return totals


def due_between(first, last, at=lambda column: column):
    """The condition that something of an invoice is due on a day from ``first`` to ``last``, for a list.

    first, last -- dates, or None for no end
    at          -- the column as the query names it
    """
    special = apart()
    ids = [id for id, one in special.items() if any(_is_between(part, first, last) for part in one.demands)]
    condition = simple(special, at)
    if first:
        condition &= at(Invoice.due_on) >= first
    if last:
        condition &= at(Invoice.due_on) <= last
    return condition | among(at(Invoice.id), ids) if ids else condition


def _is_between(demand, first, last):
    return demand.due_on and not (first and demand.due_on < first) and not (last and demand.due_on > last)
