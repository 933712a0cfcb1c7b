"""What autopay charges of an invoice that is not simply due in full on its date, and on which day.

A disputed part is never charged. What has a day of its own (an installment of a plan that autopay pays, a
part that was owed after all) is charged on that day, by a planned charge of its own once the one before it
was made. Each is planned, told and charged by the same rules as any other; here is only how much and when.
"""

from peewee import fn

from billing import demands
from models import Autopay, Plan, PlanInvoice, PlannedCharge, among

PLAN_OVER = "The payment plan ended, so nothing is charged by itself."


def special(customer_ids):
    """{invoice id: Apart} of these customers, for the functions below."""
    return demands.apart(customer_ids=customer_ids)


def cents_on(special, invoice_id, open_cents, day):
    """What is charged of an invoice on ``day``."""
    one = special.get(invoice_id)
    return open_cents if one is None else demands.chargeable_cents(one.demands, day)


def own_day(special, invoice_id):
    """The day that an invoice's next charge has instead of the one by its due date; None for that one."""
    one = special.get(invoice_id)
    first = next((part for part in one.demands if part.due_on and part.is_automatic), None) if one else None
    return first.due_on if first and first.has_own_day else None


def resting(today, customer_ids=None):
    """The ids of invoices of which nothing is charged on ``today``, whatever was planned."""
    found = demands.apart(customer_ids=customer_ids)
    return [id for id, one in found.items() if not demands.chargeable_cents(one.demands, today)]


def follow(invoice_ids, *, today, agreed=False):
    """What is due of these invoices has changed: planned charges move to its day, and are told anew.

    agreed -- True when the customer has just agreed to the new days: what they put off before is over. Else
              a later day that they chose stays: a dispute takes nobody's word back

    Runs in the caller's transaction. A charge by the invoice's own date stays where it is: only its amount
    changes, and that is read when it is made.
    """
    live = PlannedCharge.select().where(
        among(PlannedCharge.invoice, list(invoice_ids)) & (PlannedCharge.state == PlannedCharge.PLANNED)
    )
    found = demands.apart(invoice_ids=invoice_ids)
    for row in live:
        day = own_day(found, row.invoice_id)
        keeps = row.postponed_at and not agreed and day and day <= row.charge_on
        if day and not keeps and max(day, today) != row.charge_on:
            anew = {"told_on": None, "told_cents": None, "postponed_from_on": None, "postponed_at": None}
            PlannedCharge.update(charge_on=max(day, today), **anew).where(
                PlannedCharge.id == row.id
            ).execute()


def let_go(invoice_ids):
    """A plan is over and what it covered is due at once again: nobody is charged all of it by surprise."""
    PlannedCharge.update(state=PlannedCharge.DROPPED, reason=PLAN_OVER).where(
        among(PlannedCharge.invoice, list(invoice_ids)) & (PlannedCharge.state == PlannedCharge.PLANNED)
    ).execute()


def was_let_go(invoice, at):
    """The condition that a plan of an invoice came to nothing after ``at``: its balance is not charged.

    invoice, at -- columns of the query around it: what was agreed to, or tried, before the plan was over
    """
    over = Plan.state.in_((Plan.BROKEN, Plan.ENDED)) & (Plan.ended_at > at)
    return fn.EXISTS(
        PlanInvoice.select(PlanInvoice.id).join(Plan).where((PlanInvoice.invoice == invoice) & over)
    )


def next_parts(today, customer_ids=None):
    """[(autopay id, customer id, invoice id, day)] of parts whose turn comes after a charge that was made."""
    found = demands.apart(customer_ids=customer_ids)
    if not found:
        return []
    rows = {}
    query = PlannedCharge.select(PlannedCharge, Autopay).join(Autopay).where(
        among(PlannedCharge.invoice, list(found)) & Autopay.ended_at.is_null()
    )  # fmt: skip
    for row in query.order_by(PlannedCharge.id):
        rows[row.invoice_id] = row
    return [part for row in rows.values() if (part := _part_after(row, found[row.invoice_id], today))]


def _part_after(row, one, today):
    """The next part of an invoice whose latest planned charge was made; None where there is none."""
    coming = (
        part
        for part in one.demands
        if part.due_on and part.has_own_day and part.is_automatic and part.due_on > row.charge_on
    )
    part = next(coming, None)
    if row.state != PlannedCharge.DONE or part is None:
        return None
    return row.autopay_id, row.customer_id, row.invoice_id, max(part.due_on, today)
