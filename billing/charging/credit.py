"""Credit first: what a customer has on account pays what is due before anything is charged."""

from billing import demands, ledger
from billing.charging import due
from models import Credit, Customer, Invoice, Payment, PlannedCharge


def customers(today):
    """The ids of customers with money on account, something due, and no attempt under way."""
    unapplied = [model.select(model.customer).where(model.open_cents > 0) for model in (Credit, Payment)]
    has_money = Customer.id.in_(unapplied[0]) | Customer.id.in_(unapplied[1])
    owes = Invoice.select(Invoice.customer).where(demands.due_between(None, today))
    is_due = Customer.id.in_(owes) | Customer.id.in_(due.charges(today).select(PlannedCharge.customer))
    live = Payment.select(Payment.customer).where(Payment.state.in_(Payment.LIVE))
    query = Customer.select(Customer.id).where(has_money & is_due & Customer.id.not_in(live))
    return [id for (id,) in query.order_by(Customer.id).tuples()]


def use(customer_id, *, by, today):
    """Let what a customer has on account pay what is open, before anything is charged."""
    with ledger.locked(customer_id):
        ledger.use_unapplied([customer_id], by=by, on=today)
