"""How plans stand: which one counts for an invoice, what of each payment is still to come. Only reading.

What of an invoice is due when is said by ``billing.demands`` alone; here it is put together by payments.
"""

from dataclasses import dataclass
from datetime import date

from billing import demands, ledger, words
from billing.errors import BillingError
from models import Installment, Invoice, Notice, Plan, PlanInvoice, among

CHANGED = "What is due changed since you looked. This is how it stands now."
PAID, LATE, DUE, COMING, OVER = "paid", "late", "due", "coming", "over"


@dataclass(frozen=True)
class Row:
    """One payment of a plan as it stands. ``open_cents`` is what of it is still to be paid."""

    id: int
    number: int
    due_on: date
    cents: int
    open_cents: int
    state: str
    moved_from_on: date | None = None

    @property
    def label(self):
        """The state in a word or two."""
        return {PAID: "paid", LATE: "past its day", DUE: "due today", COMING: "to come", OVER: "not paid"}[
            self.state
        ]


@dataclass(frozen=True)
class Standing:
    """A plan as it stands today."""

    plan: Plan
    rows: tuple[Row, ...]
    invoices: tuple  # of PlanInvoice, with the invoice

    @property
    def open_cents(self):
        """What is still to be paid under it."""
        return sum(row.open_cents for row in self.rows)

    @property
    def paid_cents(self):
        """What has been paid under it."""
        return self.plan.amount_cents - self.open_cents

    @property
    def next(self):
        """The first Row with something to pay, or None."""
        return next((row for row in self.rows if row.open_cents), None)

    @property
    def late(self):
        """The Rows whose day is over and that are not paid."""
        return tuple(row for row in self.rows if row.state == LATE)

    @property
    def due_cents(self):
        """What is due by today; else the next payment."""
        due = sum(row.open_cents for row in self.rows if row.state in (LATE, DUE))
        return due or (self.next.open_cents if self.next else 0)


def parts_due(standing, *, today):
    """[(Invoice, cents)] of what ``due_cents`` asks for: which invoice each part of it pays."""
    if standing.next is None:
        return []
    until = max(standing.next.due_on, today) if standing.late else standing.next.due_on
    invoices = [one.invoice for one in standing.invoices]
    asked = demands.of_invoices(invoices)
    mine = {row.id for row in standing.rows if row.due_on <= until}
    parts = (
        (invoice, sum(one.cents for one in asked[invoice.id] if one.installment_id in mine))
        for invoice in invoices
    )
    return [(invoice, cents) for invoice, cents in parts if cents]


def parts_named(plan, cents, *, today):
    """The ``parts_due`` of a plan, named by their sum on a button. Raises BillingError when it changed."""
    parts = parts_due(of(plan, today=today), today=today)
    if plan.state != Plan.RUNNING or cents != sum(part for _, part in parts):
        raise BillingError(CHANGED)
    return parts


def running(customer):
    """A query of the customer's running plans, the oldest first."""
    return customer.plans.where(Plan.state == Plan.RUNNING).order_by(Plan.id)


def of_invoice(invoice):
    """The running Plan that covers an invoice, or None."""
    return (
        Plan.select().join(PlanInvoice).where((PlanInvoice.invoice == invoice) & PlanInvoice.active).first()
    )


def waiting_for_customer(customer):
    """A query of the proposals of ours that the customer has not answered."""
    open_ones = (Plan.state == Plan.PROPOSED) & (Plan.waits_for == Plan.CUSTOMER)
    return customer.plans.where(open_ones).order_by(Plan.id)


def waiting_for_us():
    """A query of the proposals of customers that wait for our answer, the oldest first."""
    open_ones = (Plan.state == Plan.PROPOSED) & (Plan.waits_for == Plan.US)
    return Plan.select().where(open_ones).order_by(Plan.id)


def broken():
    """A query of the plans that broke and that nobody has looked after yet, the oldest first."""
    return Plan.select().where((Plan.state == Plan.BROKEN) & Plan.seen_at.is_null()).order_by(Plan.id)


def of(plan, *, today):
    """The Standing of one plan."""
    return of_many([plan], today=today)[plan.id]


def of_many(plans, *, today):
    """{plan id: Standing}, in three queries however many plans."""
    ids = [plan.id for plan in plans]
    covered = (
        PlanInvoice.select(PlanInvoice, Invoice)
        .join(Invoice)
        .where(among(PlanInvoice.plan, ids))
        .order_by(Invoice.due_on, Invoice.id)
    )
    invoices = {}
    for one in covered:
        invoices.setdefault(one.plan_id, []).append(one)
    open_cents = _open([one.invoice for some in invoices.values() for one in some])
    found = {}
    query = Installment.select().where(among(Installment.plan, ids)).order_by(Installment.number)
    for installment in query:
        found.setdefault(installment.plan_id, []).append(installment)
    return {
        plan.id: Standing(
            plan,
            tuple(_row(plan, one, open_cents.get(one.id, 0), today) for one in found.get(plan.id, ())),
            tuple(invoices.get(plan.id, ())),
        )
        for plan in plans
    }


def _open(invoices):
    """{installment id: cents} of what running plans still ask for."""
    found = {}
    for some in demands.of_invoices(invoices).values():
        for one in some:
            if one.installment_id:
                found[one.installment_id] = found.get(one.installment_id, 0) + one.cents
    return found


def _row(plan, installment, open_cents, today):
    state = COMING
    if plan.state in (Plan.BROKEN, Plan.ENDED):
        state = OVER
    elif plan.state == Plan.KEPT or (plan.state == Plan.RUNNING and not open_cents):
        state = PAID
    elif installment.due_on <= today and plan.state == Plan.RUNNING:
        state = DUE if installment.due_on == today else LATE
    return Row(
        installment.id, installment.number, installment.due_on, installment.amount_cents, open_cents, state,
        installment.moved_from_on,
    )  # fmt: skip


def under_way(standing):
    """True while a payment of one of its invoices is not concluded."""
    return bool(ledger.standing_attempts([one.invoice_id for one in standing.invoices]))


# --- May a message about it leave ----------------------------------------------------------------


def objection(notice, *, today):
    """Why a message about a plan should not leave any more, or ""."""
    plan = notice.plan and Plan.get_by_id(notice.plan_id)
    if plan is None:
        return ""
    if notice.kind == Notice.PLAN_AGREED:
        return "" if plan.state in (Plan.PROPOSED, Plan.RUNNING, Plan.KEPT) else "This plan ended since."
    if notice.kind == Notice.PLAN_ENDED:
        return ""
    if plan.state != Plan.RUNNING:
        return "The plan does not run any more."
    standing = of(plan, today=today)
    if under_way(standing):
        return "A payment of this plan is being checked."
    if notice.kind == Notice.PLAN_MISSED:
        return "" if plan.missed_on and standing.late else "It was put right since."
    row = next((one for one in standing.rows if one.id == notice.installment_id), None)
    if row is None or not row.open_cents:
        return "This payment is made."
    return f"Its day, {words.date(row.due_on)}, is over." if row.due_on < today else ""
