"""What may be in a plan, what customers may agree to by themselves, and what nobody may. Only reading.

``owed`` says which invoices a plan can cover and why not the others; ``outside`` gives the sentences for
which a person of ours has to look first; ``impossible`` the one for which there is no such plan at all.
"""

from dataclasses import dataclass
from datetime import timedelta

from billing import company as companies
from billing import demands, ledger, words
from billing.money import format_cents
from billing.periods import YEAR
from models import Invoice, Plan, PlanInvoice, among

MOST_WAIT = timedelta(days=60)  # until a first payment, whoever agrees
HEADROOM_DAYS = 31  # a first payment later than this is no first payment


@dataclass(frozen=True)
class Owed:
    """What of an account could be paid in parts.

    invoices -- [(Invoice, cents)] that a plan can cover, the oldest first
    others   -- [(Invoice, sentence)] that are open and cannot be in it, and why
    """

    invoices: tuple
    others: tuple

    @property
    def cents(self):
        """All that a plan could cover."""
        return sum(cents for _, cents in self.invoices)

    @property
    def pairs(self):
        """The same, as a Shape takes it."""
        return [(invoice.id, cents) for invoice, cents in self.invoices]


def owed(customer, *, invoice_ids=None):
    """The Owed of a customer; of these invoices only, where they are given."""
    invoices = ledger.open_invoices(customer)
    if invoice_ids is not None:
        invoices = invoices.where(among(Invoice.id, list(invoice_ids)))
    invoices = list(invoices)
    ids = [invoice.id for invoice in invoices]
    asked, planned, claims = demands.of_invoices(invoices), active(ids), ledger.standing_attempts(ids)
    fit, others = [], []
    for invoice in invoices:
        cents = demands.undisputed_cents(asked[invoice.id])
        if objection := _objection(invoice, cents, planned, claims):
            others.append((invoice, objection))
        else:
            fit.append((invoice, cents))
    return Owed(tuple(fit), tuple(others))


def _objection(invoice, cents, planned, claims):
    """Why an invoice of which ``cents`` are undisputed cannot be in a plan; "" when it can."""
    if invoice.id in planned:
        return "It is in a plan already."
    if invoice.id in claims:
        return "A payment of it is under way. Please wait until that is known."
    if not cents:
        return "You told us that it is not right. Until that is decided it is not due."
    if cents < invoice.open_cents:
        return "Part of it is disputed. When that is decided, it can be in a plan."
    return ""


def active(invoice_ids):
    """{invoice id: plan id} of those that a running plan covers."""
    query = PlanInvoice.select(PlanInvoice.invoice, PlanInvoice.plan).where(
        among(PlanInvoice.invoice, list(invoice_ids)) & PlanInvoice.active
    )
    return dict(query.tuples())


def impossible(shape, *, today):
    """Why there is no such plan, whoever agrees; "" when it could be."""
    first_on = shape.payments[0].due_on
    if first_on < today:
        return "The first payment cannot be in the past. Choose today or a later day."
    if first_on > today + MOST_WAIT:
        return f"The first payment must come by {words.date(today + MOST_WAIT)}. Choose an earlier day."
    return ""


def outside(customer, shape, *, today):
    """Sentences: why a person of ours has to look at this plan first. None when it is agreed at once."""
    company = companies.current()
    return [sentence for sentence in (
        _too_many(shape, company),
        _too_small(shape, company),
        _too_long(shape, company, today),
        _little_first(shape, company),
        _waits(shape, today),
        _history(customer, today),
    ) if sentence]  # fmt: skip


def _too_many(shape, company):
    if len(shape.payments) <= company.plan_max_count:
        return ""
    return f"It has more than {company.plan_max_count} payments."


def _too_small(shape, company):
    if min(payment.cents for payment in shape.payments) >= company.plan_min_cents:
        return ""
    return f"One payment is below {format_cents(company.plan_min_cents)}."


def _too_long(shape, company, today):
    last_on = today + timedelta(days=company.plan_max_days)
    if shape.payments[-1].due_on <= last_on:
        return ""
    return f"The last payment comes after {words.date(last_on)}."


def _little_first(shape, company):
    least = least_first(shape.cents, company)
    if shape.payments[0].cents >= least:
        return ""
    return f"The first payment is below {format_cents(least)}, {company.plan_first_percent}% of the whole."


def least_first(cents, company):
    """The smallest first payment that customers may choose by themselves, in cents."""
    return -(-cents * company.plan_first_percent // 100)


def _waits(shape, today):
    last_on = today + timedelta(days=HEADROOM_DAYS)
    if shape.payments[0].due_on <= last_on:
        return ""
    return f"The first payment comes after {words.date(last_on)}."


def _history(customer, today):
    plans = customer.plans.where(
        (Plan.state == Plan.RUNNING) | ((Plan.state == Plan.BROKEN) & (Plan.ended_on > today - YEAR))
    )
    states = {plan.state for plan in plans}
    if Plan.RUNNING in states:
        return "Another plan is running already."
    return "An earlier plan was not kept, within the last year." if states else ""
