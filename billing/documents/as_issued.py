"""Where an invoice stood at the moment of its issue: the same today and in ten years.

Read from frozen columns and from rows that never change: what is printed again, or shown as evidence, must
not tell what happened later. As it stands now: ``standing``.
"""

from billing.documents import applied, printed
from billing.documents.standing import Standing
from models import Event, Invoice


def standing(invoice):
    """The Standing of ``invoice`` at the moment of its issue."""
    issued_at = _issued_at(invoice)
    amounts = applied.amounts(_booked_by(_allocations(invoice), invoice, issued_at))
    open_cents = invoice.total_cents + sum(amount.cents for amount in amounts)
    earlier, earlier_cents = _earlier(invoice, issued_at) if invoice.previous_cents else ((), 0)
    state = "due" if open_cents else "paid"
    return Standing(state, amounts, open_cents, earlier, earlier_cents, invoice.due_on)


def _issued_at(invoice):
    """The instant of issue: a draft's is in the audit, others are issued as they are created."""
    event = Event.get_or_none(
        Event.about_table == "invoice", Event.about_id == invoice.id, Event.what == "invoice.issued"
    )
    return event.at if event else invoice.created_at


def _allocations(invoice):
    """What was ever applied to it, in order."""
    return applied.allocations([invoice]).get(invoice.id, [])


def _booked_by(allocations, invoice, issued_at):
    """Those of ``allocations`` that came before the issue of ``invoice``, or with it from what lay ready.

    Money that was taken back later on that day and used once more counts once.
    """
    found, used = [], set()
    for allocation in allocations:
        source = allocation.payment or allocation.credit
        lay_ready = allocation.reverses_id is None and source.created_at <= issued_at
        if allocation.made_on < invoice.issued_on:
            found.append(allocation)
        elif allocation.made_on == invoice.issued_on and lay_ready and source not in used:
            found.append(allocation)
            used.add(source)
    return found


def _earlier(invoice, issued_at):
    """(rows, sum) of the earlier invoices that were open then, after the issue used what lay ready.

    The frozen sum was taken before that, so it must lie between what was open then and what was open on the
    evening before; when today's rows do not explain it, it stands alone. An invoice of the same run (work
    billed apart) is a sibling, not an earlier one.
    """
    rows, evening_cents = [], 0
    for other in _before(invoice).where(Invoice.created_at != invoice.created_at):
        if other.voided_on and other.voided_on <= invoice.issued_on:
            continue
        allocations = _allocations(other)
        paid = sum(a.amount_cents for a in _booked_by(allocations, invoice, issued_at))
        evening_cents += other.total_cents
        evening_cents -= sum(a.amount_cents for a in allocations if a.made_on < invoice.issued_on)
        if other.total_cents > paid:
            rows.append(_earlier_row(other, other.total_cents - paid, invoice.issued_on))
    cents = sum(row.open_cents for row in rows)
    explained = cents <= invoice.previous_cents <= evening_cents
    return (tuple(rows), cents) if explained else ((), invoice.previous_cents)


def _before(invoice):
    """The customer's other invoices that were issued before this one, oldest due date first."""
    others = Invoice.select().where(Invoice.customer == invoice.customer_id, Invoice.id != invoice.id)
    if invoice.number:
        others = others.where(Invoice.number < invoice.number)
    return others.order_by(Invoice.due_on, Invoice.number)


def _earlier_row(invoice, open_cents, day):
    return printed.Earlier(str(invoice.number), invoice.due_on, open_cents, invoice.due_on < day)
