"""Which steps of reminding count for an invoice: rows that staff edit, the most specific policy as a whole.

For the invoice, else its customer, else the customer's group, else the company's. Only reading; what is due
by them is decided in ``billing.reminding``.
"""

from datetime import timedelta
from typing import NamedTuple

from peewee import SQL, fn

from billing import words
from models import Customer, Invoice, ReminderPolicy, ReminderStep, among

LAST_MAKES_UP = 30  # days for which the last step of a policy can still be made up for


class Step(NamedTuple):
    """What happens ``days`` after the due date (before it: less than zero)."""

    days: int
    act: str


def of_invoices(rows):
    """{invoice id: (Step, ...)}, earliest first, in two queries.

    rows -- [(invoice id, customer id, group id or None)]
    """
    found = _policies(rows)
    steps = _steps(set(found.values()))
    return {row[0]: steps.get(_chosen(found, row), ()) for row in rows}


def _chosen(found, row):
    """The id of the policy that counts for an (invoice id, customer id, group id), or None."""
    keys = (*zip(("invoice", "customer", "group"), row, strict=True), ("company", None))
    return next((found[key] for key in keys if key in found), None)


def _policies(rows):
    """{(scope, id): policy id} of the active policies that may count for these rows."""
    invoices, customers, groups = ({row[at] for row in rows} - {None} for at in range(3))
    unscoped = (
        ReminderPolicy.invoice.is_null()
        & ReminderPolicy.customer.is_null()
        & ReminderPolicy.customer_group.is_null()
    )
    query = ReminderPolicy.select(
        ReminderPolicy.id, ReminderPolicy.invoice, ReminderPolicy.customer, ReminderPolicy.customer_group
    ).where(
        ReminderPolicy.active
        & (
            unscoped
            | among(ReminderPolicy.invoice, invoices)
            | among(ReminderPolicy.customer, customers)
            | among(ReminderPolicy.customer_group, groups)
        )
    )
    return {_scope(*scope): id for id, *scope in query.tuples()}


def _scope(invoice_id, customer_id, group_id):
    if invoice_id is not None:
        return "invoice", invoice_id
    if customer_id is not None:
        return "customer", customer_id
    return ("group", group_id) if group_id is not None else ("company", None)


def _steps(policy_ids):
    query = ReminderStep.select(ReminderStep.policy, ReminderStep.days, ReminderStep.act).where(
        among(ReminderStep.policy, policy_ids) & ReminderStep.active
    )
    found = {}
    for policy_id, *step in query.order_by(ReminderStep.policy, ReminderStep.days).tuples():
        found[policy_id] = (*found.get(policy_id, ()), Step(*step))
    return found


def of_invoice(invoice):
    """The steps of one invoice, earliest first."""
    row = (invoice.id, invoice.customer_id, invoice.customer.group_id)
    return of_invoices([row])[invoice.id]


def early_days(customers):
    """{customer id: (days before the due date, …)} of the reminders for who chose nothing, earliest first.

    customers -- {customer id: group id or None}; two queries however many
    """
    rows = [(None, id, group_id) for id, group_id in customers.items()]
    found = _policies(rows)
    steps = _steps(set(found.values()))
    return {
        row[1]: tuple(-step.days for step in steps.get(_chosen(found, row), ()) if step.days <= 0)
        for row in rows
    }


def longest():
    """How many days after the due date the last step of any policy stands."""
    return (
        ReminderStep.select(ReminderStep.days)
        .join(ReminderPolicy)
        .where(ReminderStep.active & ReminderPolicy.active)
        .order_by(ReminderStep.days.desc())
        .limit(1)
        .scalar()
        or 0
    )


def day_of(step, due_on, grace_days):
    """The first day on which a step may be done: nothing is called past due before the grace has passed."""
    return due_on + timedelta(days=max(step.days, grace_days) if step.days > 0 else step.days)


def calendar(steps, due_on, *, grace_days):
    """[(day, act)] of an invoice that is due on ``due_on`` and never paid; for people who set the steps."""
    return [(day_of(step, due_on, grace_days), step.act) for step in steps]


def standing(*, customer_group, customer, invoice, but=None):
    """The active policy of exactly this scope, by ids (none: the company's), or None.

    but -- the id of a policy that is left out
    """
    scope = {"customer_group": customer_group, "customer": customer, "invoice": invoice}
    condition = ReminderPolicy.active
    for name, id in scope.items():
        field = getattr(ReminderPolicy, name)
        condition &= field.is_null() if id is None else field == id
    if but is not None:
        condition &= ReminderPolicy.id != but
    return ReminderPolicy.select().where(condition).first()


def days_words(days):
    """When a step comes, in words.

    >>> days_words(-3), days_words(0), days_words(1)
    ('3 days before the due date', 'On the due date', '1 day after the due date')
    """
    if days == 0:
        return "On the due date"
    return f"{words.plural(abs(days), 'day')} {'after' if days > 0 else 'before'} the due date"


def misfit(days, act):
    """A sentence on why ``act`` cannot happen so many days from the due date, or ""."""
    if days < 0 and act != ReminderStep.REMIND:
        return "Before the due date there is nothing to do but remind that it falls due soon."
    if days == 0 and act != ReminderStep.REMIND_TODAY:
        return "On the due date itself there is nothing to do but remind that it is due today."
    if days > 0 and act in (ReminderStep.REMIND, ReminderStep.REMIND_TODAY):
        return "After the due date it is no reminder any more. Choose one of the other three."
    return ""


def needing_person(at, today):
    """The condition on Invoice that its messages are over and a person has to look at it.

    at -- callable(field) -> the field as the query names it; a list of staff uses an alias
    """
    days = (
        ReminderStep.select(ReminderStep.policy, ReminderStep.days)
        .join(ReminderPolicy)
        .where(ReminderPolicy.active & ReminderStep.active & (ReminderStep.act == ReminderStep.PERSON))
    )
    by_days = {}
    for policy_id, count in days.tuples():
        by_days.setdefault(count, []).append(policy_id)
    condition = at(Invoice.id).is_null()  # nothing, as long as no policy ends with a person
    for count, policy_ids in by_days.items():
        late = at(Invoice.due_on) <= today - timedelta(days=count)
        condition |= late & _policy_of(at).in_(policy_ids)
    return (at(Invoice.open_cents) > SQL("0")) & condition


def _policy_of(at):
    """The policy of an invoice as one expression of SQL: the most specific that there is."""

    def only(**scope):
        policy = ReminderPolicy.alias()
        condition = policy.active
        for name in ("invoice", "customer", "customer_group"):
            field = getattr(policy, name)
            condition &= (field == scope[name]) if name in scope else field.is_null()
        return policy.select(policy.id).where(condition)

    group = Customer.alias()
    group_of = group.select(group.group).where(group.id == at(Invoice.customer))
    return fn.COALESCE(
        only(invoice=at(Invoice.id)),
        only(customer=at(Invoice.customer)),
        only(customer_group=group_of),
        only(),
    )
