"""Credit out of kindness: so much one may give alone, by role and month; above it a second person decides.

Not here: what the credit pays (billing/invoices.py, the ledger), credit for a fault (service_credits.py).
"""

from datetime import timedelta

from peewee import fn

from billing import approvals, invoices, ledger, notices
from billing import company as companies
from billing.errors import BillingError
from billing.money import format_cents
from models import Credit, Staff

KIND = "goodwill"
SPAN = timedelta(days=30)  # small gifts one after another do not get around the limit


def limit_cents(role):
    """What a person of this role may give one customer in 30 days, alone; None: as much as they like."""
    company = companies.current()
    limits = {
        Staff.OWNER: None,
        Staff.BILLING: company.goodwill_billing_cents,
        Staff.SUPPORT: company.goodwill_support_cents,
    }
    return limits.get(role, 0)


def left_cents(customer, role, *, by, today):
    """What this person may still give this customer alone today; None: as much as they like."""
    limit = limit_cents(role)
    return None if limit is None else max(limit - _given_cents(customer, by, today), 0)


def _given_cents(customer, by, today):
    mine = (Credit.customer == customer) & (Credit.by == by) & (Credit.made_on > today - SPAN)
    counted = (Credit.GOODWILL, Credit.SERVICE, Credit.DISPUTE)
    alone = Credit.kind.in_(counted) & Credit.approval.is_null()
    return int(Credit.select(fn.SUM(Credit.amount_cents)).where(mine & alone).scalar() or 0)


def give(customer, *, amount_cents, reason, role, by, today, now, tell=True, key=None):
    """Give a customer credit out of kindness, or ask for a second person where it is above the limit.

    tell -- let the payers know by mail
    key  -- names the click: once is enough

    Returns the Credit, or the Approval that waits. Raises BillingError without an amount or a reason.
    """
    if amount_cents <= 0:
        raise BillingError("Enter an amount above zero.")
    told = {"reason": reason, "by": by, "now": now}
    with ledger.locked(customer.id):
        if key and (earlier := Credit.get_or_none(Credit.key == key)):
            return earlier
        left = left_cents(customer, role, by=by, today=today)
        if left is not None and amount_cents > left:
            return approvals.ask(KIND, customer, amount_cents=amount_cents, tell=tell, **told)
        made = invoices.goodwill(customer, amount_cents=amount_cents, today=today, key=key, **told)
        if tell:
            notices.queue_credit_given(made, now=now)
    return made


def _approved(approval, *, by, today, now):
    made = invoices.goodwill(
        approval.customer, amount_cents=approval.amount_cents, reason=approval.reason,
        by=approval.asked_by, today=today, now=now, approval=approval,
    )  # fmt: skip
    if approvals.details(approval).get("tell"):
        notices.queue_credit_given(made, now=now)


def _effect(approval):
    told = "They are told by mail." if approvals.details(approval).get("tell") else "They are not told."
    cents = format_cents(approval.amount_cents)
    return f"{approval.customer.name} gets {cents}; it pays what is open, oldest first. {told}"


approvals.register(KIND, _approved, label="Goodwill credit", effect=_effect)
