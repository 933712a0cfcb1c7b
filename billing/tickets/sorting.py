"""What a ticket is about, how pressing it is, and who takes care of it. Each change is in the audit."""

from billing import events
from billing.errors import BillingError
from billing.tickets import talking
from models import Ticket, db

SORTED = (
    "subject", "kind", "priority", "owner", "contact", "invoice", "line", "site", "contract",
    "reported_from_at", "reported_until_at",
)  # fmt: skip


def sort(ticket, *, by, now, **changes):
    """Change some of SORTED. Returns the Ticket; what stays as it is leaves no trace.

    Raises BillingError for what belongs to another customer, and for a fault that ends before it began.
    """
    after = {name: changes.get(name, getattr(ticket, name)) for name in SORTED}
    if after["line"] is not None:
        talking.of_customer(ticket.customer, line=after["line"])
        if after["line"].invoice_id != (after["invoice"] and after["invoice"].id):
            after["line"] = changes["line"] = None  # another invoice was chosen: its lines are others
    talking.of_customer(ticket.customer, **{name: after[name] for name in talking.ABOUT})
    if after["contact"] is not None and after["contact"].customer_id != ticket.customer_id:
        raise BillingError("This person belongs to another customer. Choose somebody of this account.")
    begins, ends = after["reported_from_at"], after["reported_until_at"]
    if ends and (begins is None or ends < begins):
        raise BillingError("The fault ends before it begins. Say first since when it was there.")
    changed = {name: value for name, value in changes.items() if value != getattr(ticket, name)}
    if changed:
        _write(ticket, changed, by, now)
    return ticket


def _write(ticket, changed, by, now):
    before = {name: _plain(getattr(ticket, name)) for name in changed}
    with db.atomic():
        Ticket.update(changed).where(Ticket.id == ticket.id).execute()
        after = {name: _plain(value) for name, value in changed.items()}
        events.record("ticket.sorted", ticket, by=by, now=now, before=before, after=after)
    for name, value in changed.items():
        setattr(ticket, name, value)


def _plain(value):
    return "" if value is None else str(value)


def assign(ticket, staff, *, by, now):
    """Say who takes care of it; None for nobody. Raises BillingError for somebody who left."""
    if staff is not None and staff.left_on:
        raise BillingError(f"{staff.name} no longer works here. Choose somebody else.")
    return sort(ticket, owner=staff, by=by, now=now)
