"""What is due today, and what is going to happen to it: a Plan for each customer, before anything is charged.

Only reading. The same is read twice, ahead for many customers and again under the lock of a charge, so that
what was paid, put off or switched off a moment ago is not charged.
"""

import hashlib
from dataclasses import dataclass, replace

from billing import ledger, payments, words
from billing.automatic import following, tries, upcoming
from billing.charging import tally
from billing.charging.tally import SKIPPED, Verdict
from billing.money import format_cents
from models import Autopay, AutopayOutcome, Customer, Invoice, Payment, PlannedCharge, among

CHUNK = 200  # customers whose due invoices are read at once


@dataclass(frozen=True)
class Plan:
    """What is going to happen to one customer's due invoices today."""

    customer: Customer
    autopay: Autopay | None
    parts: tuple[tuple[Invoice, int], ...]  # (invoice, cents), charged together
    try_number: int
    verdicts: tuple[Verdict, ...]  # of those that are not charged
    asked: tuple[tuple[Invoice, ...], ...] = ()  # above the customer's limit, as they are asked together

    @property
    def invoices(self):
        return tuple(invoice for invoice, _ in self.parts)

    @property
    def cents(self):
        """The amount of the charge."""
        return sum(cents for _, cents in self.parts)

    @property
    def method(self):
        """The saved method that is charged."""
        return self.autopay.method

    def __str__(self):
        lines = []
        if self.invoices:
            numbers = words.joined(str(invoice.number) for invoice in self.invoices)
            lines = [f"{format_cents(self.cents)} with {self.method.label} for invoice {numbers}"]
        lines += [f"invoice {verdict.number} skipped: {verdict.reason}" for verdict in self.verdicts]
        return f"{self.customer}: {'; '.join(lines)}"

    def key(self, today):
        """Names the attempt: one for a customer, a day, a method and a set of invoices."""
        numbers = ",".join(str(id) for id in sorted(invoice.id for invoice in self.invoices))
        digest = hashlib.sha256(numbers.encode()).hexdigest()[:12]
        return f"autopay:{self.customer.id}:{today:%Y%m%d}:{self.method.id}:{digest}"


def charges(today, customer_ids=None):
    """A query of the planned charges whose day has come and of whose invoice something may be charged."""
    query = (
        PlannedCharge.select(PlannedCharge, Invoice)
        .join(Invoice)
        .where(
            (PlannedCharge.state == PlannedCharge.PLANNED)
            & (PlannedCharge.charge_on <= today)
            & Invoice.IS_OWED
        )
    )
    if customer_ids is not None:
        query = query.where(among(PlannedCharge.customer, customer_ids))
    resting = following.resting(today, customer_ids)
    return query.where(~among(PlannedCharge.invoice, resting)) if resting else query


def customers(today):
    """The ids of the customers with something due, in order."""
    query = charges(today).select(PlannedCharge.customer).distinct().order_by(PlannedCharge.customer)
    return [id for (id,) in query.tuples()]


def plans(customer_ids, today):
    """{customer id: Plan} for those of them with something due."""
    customers = Customer.select().where(among(Customer.id, customer_ids))
    return {plan.customer.id: plan for plan in _numbered(planned(customers, today))}


def preview(today):
    """Yield the Plan of every customer with something due, for a dry run: who would be charged what."""
    return read_ahead(customers(today), today)


def read_ahead(customer_ids, today):
    """Yield the Plan of each customer, read in chunks."""
    for at in range(0, len(customer_ids), CHUNK):
        yield from plans(customer_ids[at : at + CHUNK], today).values()


def planned(customers, today):
    """The Plans of these customers, all as if it were the first try."""
    customers = {one.id: one for one in customers}
    rows = {}
    for row in charges(today, list(customers)).order_by(Invoice.number):
        rows.setdefault(row.customer_id, []).append(row)
    if not rows:
        return []
    coming = upcoming.by_customer(list(rows), today=today)
    claims = ledger.standing_attempts([row.invoice_id for some in rows.values() for row in some])
    return [_plan(customers[id], own, coming.get(id, ()), claims, today) for id, own in rows.items()]


def _plan(customer, rows, charges, claims, today):
    """Split what is due into what is charged now and what is not, and why."""
    by_row = {row.id: one for one in charges for row in one.planned}
    cents = {row.id: row.cents for one in charges for row in one.planned}
    verdicts = {
        row.id: _verdict_before(row, by_row.get(row.id), claims.get(row.invoice_id), today) for row in rows
    }
    above = (
        one
        for one in charges
        if one.objection == AutopayOutcome.ABOVE_CAP and not one.was_asked and one.charge_on <= today
    )
    return Plan(
        customer=customer,
        autopay=next((one.autopay for one in charges), None),
        parts=tuple((row.invoice, cents[row.id]) for row in rows if verdicts[row.id] is None),
        try_number=1,
        verdicts=tuple(verdict for verdict in verdicts.values() if verdict),
        asked=tuple(one.invoices for one in above),
    )


# --- What is not charged, and why ----------------------------------------------------------------


def _verdict_before(row, charge, claim, today):
    """Why a due invoice is not charged now, as a Verdict, or None when it is."""
    if claim:
        return _of_claim(row, claim)
    if charge is None:
        return _skip(row, AutopayOutcome.CHANGED, "Autopay was switched off.")
    if charge.objection:
        return _skip(row, charge.objection, charge.why_not)
    if charge.charge_on > today:
        again = f"The last try did not go through. We try again on {words.date(charge.charge_on)}."
        return _skip(row, AutopayOutcome.WAITING, again)
    return None


def _skip(row, why, reason):
    return Verdict(row.invoice_id, row.customer_id, SKIPPED, why, reason, number=row.invoice.number)


def _of_claim(row, payment):
    """Another attempt stands: the customer's own page, or a charge that is not concluded."""
    if payment.state == Payment.HELD or payment.method_id or payment.state == Payment.IN_DOUBT:
        return replace(tally.of_payment(payment, row.invoice_id), number=row.invoice.number)
    return _skip(row, AutopayOutcome.BEING_PAID, payments.in_progress_sentence(payment))


# --- Which try it is -----------------------------------------------------------------------------


def _numbered(made):
    """The same plans, each with the number of its try."""
    charged = [plan for plan in made if plan.invoices]
    if not charged:
        return made
    invoice_ids = [invoice.id for plan in charged for invoice in plan.invoices]
    past = tries.past({plan.method.id for plan in charged}, invoice_ids)
    return [replace(plan, try_number=1 + _tries_before(plan, past)) for plan in made]


def _tries_before(plan, past):
    before = (past.get((plan.method.id, invoice.id), tries.Past()) for invoice in plan.invoices)
    return max((one.count for one in before), default=0)
