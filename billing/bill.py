"""The bill step: what is due becomes issued invoices, each charge and period once only.

One invoice per customer and run. The work is done in chunks of customers: a few set-based reads, plain
arithmetic, bulk inserts, one transaction. A chunk that dies half way leaves nothing; a chunk that runs
twice finds nothing left to bill, and a unique index (charge, period) stands behind that. A customer whose
data contradict themselves is skipped with a reason and never stops the others.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from peewee import DataError, IntegrityError

from billing import changes, clarity, contracts, ledger, money, notices, prepared, words
from billing import company as companies
from billing.automatic import autopay
from billing.errors import BillingError, StaleState
from models import (
    Charge,
    Company,
    Contract,
    Customer,
    Hold,
    ImportBatch,
    Invoice,
    Item,
    Line,
    OneOff,
    PriceChange,
    Site,
    System,
    TaxRate,
    among,
    change_many,
    db,
    insert_rows,
    read_rows,
)

CHUNK = 250  # customers in one transaction: the memory ceiling of a run
MOST_PERIODS = 60  # of one charge in one run: five years of months is a mistake, not a backlog


class Due(NamedTuple):
    """What the bill step reads of a charge, its item, site and system. Also the terms of its periods."""

    id: int
    customer_id: int
    contract_id: int
    text: str
    quantity: int
    unit_cents: int
    discount_cents: int
    discount_reason: str
    starts_on: date
    ends_on: date | None
    next_on: date
    next_index: int
    cycle_months: int
    anchor_day: int
    in_arrears: bool
    prorate_first: bool
    prorate_last: bool
    item_name: str
    taxable: bool
    site_name: str | None
    street: str | None
    city: str | None
    jurisdiction: str | None
    system_name: str | None


class Work(NamedTuple):
    """What the bill step reads of a piece of work that is billed once."""

    id: int
    customer_id: int
    text: str
    quantity: int
    unit_cents: int
    discount_cents: int
    discount_reason: str
    done_on: date
    work_order: str
    alone: bool
    item_name: str
    taxable: bool
    site_name: str | None
    street: str | None
    city: str | None
    jurisdiction: str | None
    system_name: str | None


class Draft(NamedTuple):
    """A line that will be written: the columns of ``Line`` from ``charge_id`` on, in this order."""

    charge_id: int | None
    one_off_id: int | None
    text: str
    site_text: str
    system_text: str
    from_on: date | None
    to_on: date | None
    days: int | None
    of_days: int | None
    quantity: int
    unit_cents: int
    amount_cents: int
    discount_cents: int
    discount_reason: str
    tax_name: str
    tax_ppm: int
    tax_cents: int
    total_cents: int
    done_on: date | None = None
    work_order: str = ""


@dataclass
class Bill:
    """Everything that one customer is billed for in one run, or why they are not."""

    customer: Customer
    lines: list = field(default_factory=list)
    apart: list = field(default_factory=list)  # one-off lines that go on an invoice of their own
    moved: list = field(default_factory=list)  # (next_index, next_on, charge id, index read)
    work: list = field(default_factory=list)  # ids of the one-offs
    missed: int = 0  # most periods of one charge that come together
    refusal: str = ""
    unexplained: dict = field(default_factory=dict)  # position in ``lines``: why its price is another one
    unclear: tuple = ()  # Findings: what would confuse the customer, of a preview

    @property
    def total_cents(self):
        return sum(line.total_cents for line in (*self.lines, *self.apart))


@dataclass
class Report:
    """What a run did, in counts; ``skipped`` is [(customer, why)]."""

    invoices: int = 0
    lines: int = 0
    total_cents: int = 0
    drafts: int = 0
    unclear: int = 0
    skipped: list = field(default_factory=list)

    def __str__(self):
        made, lines = words.plural(self.invoices, "invoice"), words.plural(self.lines, "line")
        text = f"{made} with {lines}, {money.format_cents(self.total_cents)}"
        if self.drafts:
            text += f"; {words.plural(self.drafts, 'draft')} for staff to look at"
        if self.unclear:
            text += f"; {words.plural(self.unclear, 'invoice')} to make clear first"
        return text + (f"; {words.plural(len(self.skipped), 'customer')} skipped" if self.skipped else "")

    def add(self, other):
        """Add what another report counted."""
        for name in ("invoices", "lines", "total_cents", "drafts", "unclear", "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


# --- Billing, and what would be billed -----------------------------------------------------------


def run(today, *, by, now, customer=None, job=None, progress=None):
    """Bill everything that is due on ``today`` and not billed yet; returns a Report.

    customer -- bill only this one
    job      -- the JobRun that the invoices belong to
    progress -- called with the number of customers done, after each chunk

    Raises BillingError while the company lacks what every invoice must say.
    """
    report = Report()
    company = companies.current()
    ids = due_customers(today, company, customer)
    if ids and (lacking := lacks(company)):
        raise BillingError(f"Nothing was billed. {clarity.sentence(lacking)}")
    rates = _Rates(today)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        report.add(_bill_all(chunk, today, company, rates, by=by, now=now, job=job))
        if progress:
            progress(len(chunk))
    return report


def preview(today, *, customer=None):
    """What ``run`` would bill, without writing anything: a list of Bill, refused ones included."""
    company = companies.current()
    ids, rates, bills = due_customers(today, company, customer), _Rates(today), []
    sender = clarity.sender_of(company)
    for start in range(0, len(ids), CHUNK):
        bills += _bills(_customers(ids[start : start + CHUNK]), today, company, rates)
    for bill in bills:
        for lines in filter(None, (bill.lines, bill.apart)):
            bill.unclear += _unclear(bill, lines, sender, today, company)
    return bills


def recurring_lines(customer, day):
    """The lines that ``run`` would bill to one customer on a day, or none while their import is muted.

    For a page that tells what comes: whether each is clear is asked when it is billed.
    """
    batch = customer.import_batch
    if batch and batch.state != ImportBatch.RELEASED:
        return []
    [found] = _bills([customer], day, companies.current(), _Rates(day), compared=False)
    return found.lines


def lacks(company, *, has_pay_link=True):
    """The Findings of what a company lacks for any invoice: asked before the first bill run, and by each."""
    return tuple(clarity.check_sender(clarity.sender_of(company, has_pay_link=has_pay_link)))


def due_customers(today, company, customer=None):
    """Ids of the customers with something to bill on ``today``, in order; those of muted imports are not.

    company  -- the Company row, whose policy says how early
    customer -- ask about only this one
    """
    early = today + timedelta(days=company.bill_ahead_days)
    charges = Charge.select(Contract.customer).join(Contract).where(_is_due(today, early))
    work = OneOff.select(OneOff.customer).join(Item).where(  # a late fee comes along, never alone
        OneOff.billed_on.is_null() & OneOff.canceled_on.is_null() & (OneOff.done_on <= today)
        & (Item.kind != Item.FEE)
    )  # fmt: skip
    if customer is not None:  # not only below: a page asks for one, and must not read what is due to all
        charges, work = charges.where(Contract.customer == customer), work.where(OneOff.customer == customer)
    query = (
        Customer.select(Customer.id)
        .left_outer_join(ImportBatch)
        .where(
            (Customer.id.in_(charges) | Customer.id.in_(work))
            & (ImportBatch.id.is_null() | (ImportBatch.state == ImportBatch.RELEASED))
        )
        .order_by(Customer.id)
    )
    if customer is not None:
        query = query.where(Customer.id == customer.id)
    return [id for (id,) in query.tuples()]


def _is_due(today, early):
    return (Charge.next_on <= today) | (~Charge.in_arrears & (Charge.next_on <= early))


# --- Reading a chunk -----------------------------------------------------------------------------


def _customers(ids):
    return list(Customer.select().where(among(Customer.id, ids)))


def _bills(customers, today, company, rates, *, compared=True):
    """Read what a chunk of customers is due for and compute their Bills.

    compared -- whether prices are held against those of last time, to find what nobody explained
    """
    bills = {customer.id: Bill(customer) for customer in customers}
    ids = list(bills)
    horizon = today + timedelta(days=company.bill_ahead_days)
    pauses, prices = _pauses(ids), _prices(ids, horizon)
    rows = list(read_rows(_due_charges.as_stored(ids, today, horizon), Due, dates=(8, 9, 10)))
    before = changes.latest([row.id for row in rows if row.next_index]) if compared else {}
    for row in rows:
        bill = bills[row.customer_id]
        try:
            _add_charge(bill, row, today, horizon, rates, pauses, prices.get(row.id, ()), before.get(row.id))
        except BillingError as refusal:
            bill.refusal = str(refusal)
    for row in read_rows(_due_work.as_stored(ids, today), Work, dates=(7,)):
        bill = bills[row.customer_id]
        try:
            _add_work(bill, row, rates)
        except BillingError as refusal:
            bill.refusal = str(refusal)
    return [bills[id] for id in sorted(bills)]


_PLACE = (
    Item.name,
    Item.taxable,
    Site.name,
    Site.street,
    Site.city,
    Site.jurisdiction,
    System.name,
)


@prepared.question
def _due_charges(ids, today, early):
    return (
        Charge.select(
            Charge.id,
            Contract.customer,
            Charge.contract,
            Charge.text,
            Charge.quantity,
            Charge.unit_cents,
            Charge.discount_cents,
            Charge.discount_reason,
            Charge.starts_on,
            Charge.ends_on,
            Charge.next_on,
            Charge.next_index,
            Charge.cycle_months,
            Charge.anchor_day,
            Charge.in_arrears,
            Charge.prorate_first,
            Charge.prorate_last,
            *_PLACE,
        )  # fmt: skip
        .join(Contract)
        .join_from(Charge, Item)
        .left_outer_join(Site, on=(Charge.site == Site.id))
        .left_outer_join(System, on=(Charge.system == System.id))
        .where(among(Contract.customer, ids) & _is_due(today, early))
        .order_by(Contract.customer, Charge.site, Charge.id)
    )


@prepared.question
def _due_work(ids, today):
    return (
        OneOff.select(
            OneOff.id,
            OneOff.customer,
            OneOff.text,
            OneOff.quantity,
            OneOff.unit_cents,
            OneOff.discount_cents,
            OneOff.discount_reason,
            OneOff.done_on,
            OneOff.work_order,
            OneOff.alone,
            *_PLACE,
        )  # fmt: skip
        .join(Item)
        .left_outer_join(Site, on=(OneOff.site == Site.id))
        .left_outer_join(System, on=(OneOff.system == System.id))
        .where(
            among(OneOff.customer, ids)
            & OneOff.billed_on.is_null()
            & OneOff.canceled_on.is_null()
            & (OneOff.done_on <= today)
        )
        .order_by(OneOff.customer, OneOff.id)
    )


def _pauses(ids):
    """{contract id or None for all of the customer's: [(first day, last day)]} by customer."""
    pauses = defaultdict(list)
    for hold in _holds(ids):
        pauses[hold.customer_id, hold.contract_id].append((hold.starts_on, hold.ends_on))
    return pauses


@prepared.question
def _holds(customer_ids):
    return Hold.select().where(among(Hold.customer, customer_ids) & (Hold.scope == Hold.BILLING))


def _prices(ids, until):
    changes = defaultdict(list)
    for charge_id, starts_on, unit_cents in _recorded(ids, until):
        changes[charge_id].append((starts_on, unit_cents))
    return changes


@prepared.question
def _recorded(customer_ids, until):
    counts = (PriceChange.starts_on <= until) & contracts.price_counts()
    return (
        PriceChange.select(PriceChange.charge, PriceChange.starts_on, PriceChange.unit_cents)
        .join(Charge)
        .join(Contract)
        .where(among(Contract.customer, customer_ids) & counts)
        .order_by(PriceChange.starts_on)
        .tuples()
    )


@prepared.question
def _in_force(today):
    in_force = (TaxRate.starts_on <= today) & (TaxRate.ends_on.is_null() | (TaxRate.ends_on >= today))
    return TaxRate.select().where(in_force).order_by(TaxRate.starts_on)


class _Rates:
    """The tax rates in force on one day. An unknown jurisdiction is never guessed."""

    def __init__(self, today):
        self.today = today
        self.rates = {rate.jurisdiction: (rate.name, rate.rate_ppm) for rate in _in_force(today)}

    def of(self, customer, row):
        """(name, ppm) for a charge or piece of work; raises BillingError for an unknown jurisdiction."""
        if not row.taxable or not row.jurisdiction or is_exempt(customer, self.today):
            return "", 0
        if row.jurisdiction not in self.rates:
            raise BillingError(
                f"There is no tax rate for {row.jurisdiction} on {self.today}. Add one in Tax rates."
            )
        return self.rates[row.jurisdiction]


def is_exempt(customer, today):
    """True while the customer's exemption certificate counts."""
    until = customer.tax_exempt_until_on
    return bool(customer.tax_exempt_number) and (until is None or until >= today)


# --- Computing -----------------------------------------------------------------------------------


def _add_charge(bill, row, today, horizon, rates, pauses, prices, before):
    """Add every due period of one charge to its customer's bill. ``before``: its last billed period."""
    limit = today if row.in_arrears else horizon
    held = pauses.get((row.customer_id, row.contract_id), []) + pauses.get((row.customer_id, None), [])
    tax_name, tax_ppm = rates.of(bill.customer, row)
    index, next_on, lines = row.next_index, row.next_on, 0
    while next_on is not None and next_on <= limit and index < row.next_index + MOST_PERIODS:
        if contracts.is_undecided(row, index, held, today):
            break
        if (part := contracts.billable(row, index, held)) is not None:
            unit_cents = contracts.price_at(row.unit_cents, prices, part.from_on)
            if why := changes.unexplained(unit_cents, part.from_on, before, prices):
                bill.unexplained[len(bill.lines)] = why
            before = part.from_on, unit_cents
            bill.lines.append(_recurring_line(row, part, unit_cents, tax_name, tax_ppm))
            lines += 1
        index += 1
        next_on = contracts.bill_on(row, index)
    bill.missed = max(bill.missed, lines)
    bill.moved.append((index, next_on, row.id, row.next_index))


def _recurring_line(row, part, unit_cents, tax_name, tax_ppm):
    amount, discount = row.quantity * unit_cents, row.discount_cents
    if part.days is not None:
        amount = money.share(amount, part.days, part.of_days)
        discount = money.share(discount, part.days, part.of_days)
    discount = min(discount, amount)
    tax = money.tax(amount - discount, tax_ppm)
    return Draft(
        row.id, None, row.text or row.item_name, site_text(row), row.system_name or "",
        part.from_on, part.to_on, part.days, part.of_days,
        row.quantity, unit_cents, amount, discount, row.discount_reason,
        tax_name, tax_ppm, tax, amount - discount + tax,
    )  # fmt: skip


def _add_work(bill, row, rates):
    tax_name, tax_ppm = rates.of(bill.customer, row)
    amount = row.quantity * row.unit_cents
    tax = money.tax(amount - row.discount_cents, tax_ppm)
    line = Draft(
        None, row.id, row.text or row.item_name, site_text(row), row.system_name or "",
        None, None, None, None,
        row.quantity, row.unit_cents, amount, row.discount_cents, row.discount_reason,
        tax_name, tax_ppm, tax, amount - row.discount_cents + tax, row.done_on, row.work_order,
    )  # fmt: skip
    (bill.apart if row.alone else bill.lines).append(line)
    bill.work.append(row.id)


def site_text(row):
    """A site as printed on a line: its name and where it is."""
    return words.clipped(", ".join(part for part in (row.site_name, row.street, row.city) if part), 200)


# --- Writing a chunk -----------------------------------------------------------------------------


def _bill_all(ids, today, company, rates, **told):
    """Bill one chunk in one transaction; when the database refuses it, each customer in one of their own."""
    try:
        with db.atomic():
            return _bill_chunk(ids, today, company, rates, **told)
    except (DataError, IntegrityError, StaleState) as refusal:
        if len(ids) == 1:
            why = f"The database refuses the invoice: {str(refusal).splitlines()[0]}"
            return Report(skipped=[(Customer.get_by_id(ids[0]), why)])
    report = Report()
    for id in ids:
        report.add(_bill_all([id], today, company, rates, **told))
    return report


def _bill_chunk(ids, today, company, rates, *, by, now, job):
    """Bill one chunk inside the caller's transaction. Customers are locked first where that exists."""
    report = Report()
    if db.for_update:
        list(Customer.select(Customer.id).where(among(Customer.id, ids)).order_by(Customer.id).for_update())
    issued, drafts, unclear, billed, sender = [], [], [], [], clarity.sender_of(company)
    for bill in _bills(_customers(ids), today, company, rates):
        if bill.refusal:
            report.skipped.append((bill.customer, bill.refusal))
            continue
        billed.append(bill)
        if bill.missed > company.catch_up_periods:
            drafts.append((bill, bill.lines + bill.apart, ()))
            continue
        for lines in filter(None, (bill.lines, bill.apart)):
            paper = _paper(bill, lines, sender, today, company)
            if findings := clarity.check(paper, sender_is_fine=True):
                unclear.append((bill, lines, findings))
            else:
                issued.append((bill, lines, clarity.score(paper)))
    _mark_billed(billed, today)
    write_issued(issued, today, company, by=by, now=now, job=job)
    for bill, lines, findings in drafts + unclear:
        _write_draft(bill, lines, findings, now, job)
    report.drafts, report.unclear = len(drafts), len(unclear)
    report.invoices = len(issued)
    report.lines = sum(len(lines) for _, lines, _ in issued)
    report.total_cents = sum(line.total_cents for _, lines, _ in issued for line in lines)
    return report


def _unclear(bill, lines, sender, today, company):
    """The Findings of what would confuse in one invoice; almost always none."""
    return clarity.check(_paper(bill, lines, sender, today, company), sender_is_fine=True)


def _paper(bill, lines, sender, today, company):
    """What the customer would read."""
    customer = bill.customer
    return clarity.paper(
        customer, lines, sender, issued_on=today, due_on=due_on(company, customer, today),
        unexplained=bill.unexplained if lines is bill.lines else None,
    )  # fmt: skip


def due_on(company, customer, today):
    """The due date of an invoice that is issued on ``today``."""
    return today + timedelta(days=companies.terms_days(company, customer))


def _mark_billed(bills, today):
    """Move the charges on to their next period, guarded by the index that was read.

    Raises StaleState when somebody moved one of them first; the caller's transaction takes all back.
    """
    moved = [move for bill in bills for move in bill.moved]
    work = [id for bill in bills for id in bill.work]
    if moved and _move_charges(moved) != len(moved):
        raise StaleState("A charge was billed or changed by somebody else at the same time.")
    if work:
        OneOff.update(billed_on=today).where(among(OneOff.id, work)).execute()


def _move_charges(moved):
    """Returns how many charges still stood where they were read."""
    if not db.for_update:
        return change_many(_MOVE_SQLITE, moved)
    return db.execute_sql(_MOVE_POSTGRESQL, [list(column) for column in zip(*moved, strict=True)]).rowcount


_MOVE_SQLITE = "UPDATE charge SET next_index = ?, next_on = ? WHERE id = ? AND next_index = ?"
_MOVE_POSTGRESQL = """
    UPDATE charge SET next_index = moved.next_index, next_on = moved.next_on
    FROM unnest(%s::int[], %s::date[], %s::int[], %s::int[]) AS moved (next_index, next_on, id, seen)
    WHERE charge.id = moved.id AND charge.next_index = moved.seen"""

_INVOICE_COLUMNS = (
    "customer_id", "number", "state", "issued_on", "due_on", "subtotal_cents", "discount_cents", "tax_cents",
    "total_cents", "open_cents", "previous_cents", "bill_to", "po_number", "note", "run_id", "void_reason",
    "created_at", "clarity",
)  # fmt: skip
_LINE_COLUMNS = ("invoice_id", "position", *Draft._fields)


def write_issued(bills, today, company, *, by, now, job=None):
    """Write issued invoices, a (bill, lines, clarity) each: numbers, rows, notices, credit used. Returns ids.

    Runs in the caller's transaction: the numbers come from a row that is locked until it ends, so a
    roll-back gives them back and the sequence stays without gaps.
    """
    if not bills:
        return []
    customer_ids = sorted({bill.customer.id for bill, _, _ in bills})
    ids = _insert_invoices(bills, ledger.balances(customer_ids, today=today), today, company, now, job)
    _insert_lines(ids, [lines for _, lines, _ in bills])
    ledger.use_unapplied(customer_ids, by=by, on=today)
    notices.queue_invoices(ids, now=now)
    autopay.plan(customer_ids, today=today, now=now)
    return ids


def _insert_invoices(bills, owed, today, company, now, job):
    """The ids of the new invoices, in the order of ``bills``. ``owed``: {customer id: Balance before it}."""
    first = take_numbers(len(bills))
    rows = []
    for number, (bill, lines, score) in enumerate(bills, first):
        before = owed[bill.customer.id]
        row = _invoice_row(bill.customer, lines, number, today, company, before, now, job)
        rows.append((*row, score))
    insert_rows(Invoice, _INVOICE_COLUMNS, rows)
    mine = (Invoice.number >= first) & (Invoice.number < first + len(bills))
    return [id for (id,) in Invoice.select(Invoice.id).where(mine).order_by(Invoice.number).tuples()]


def _insert_lines(ids, lines_of_each):
    """Write the lines of invoices: those of ``ids``, in the same order."""
    rows = [
        (id, position, *line)
        for id, lines in zip(ids, lines_of_each, strict=True)
        for position, line in enumerate(lines, 1)
    ]
    insert_rows(Line, _LINE_COLUMNS, rows)


def take_numbers(count):
    """Reserve ``count`` invoice numbers in the caller's transaction; returns the first of them."""
    Company.update(next_invoice_number=Company.next_invoice_number + count).execute()
    return Company.select(Company.next_invoice_number).scalar() - count


def _invoice_row(customer, lines, number, today, company, owed, now, job):
    total = sum(line.total_cents for line in lines)
    return (
        customer.id, number, Invoice.ISSUED, today, due_on(company, customer, today),
        sum(line.amount_cents for line in lines), sum(line.discount_cents for line in lines),
        sum(line.tax_cents for line in lines), total, ledger.opening_cents(total), owed.owed_cents,
        bill_to(customer), customer.po_number, "", job and job.id, "", now,
    )  # fmt: skip


def bill_to(customer):
    """Name and address as they are printed and frozen."""
    return "\n".join([customer.name, *customer.address_lines])


def _write_draft(bill, lines, findings, now, job):
    """A draft waits for staff: more missed periods than the policy bills at once, or something unclear."""
    draft = Invoice.create(
        customer=bill.customer,
        subtotal_cents=sum(line.amount_cents for line in lines),
        discount_cents=sum(line.discount_cents for line in lines),
        tax_cents=sum(line.tax_cents for line in lines),
        total_cents=sum(line.total_cents for line in lines),
        unclear=clarity.kept(findings),
        run=job,
        created_at=now,
    )
    _insert_lines([draft.id], [lines])
