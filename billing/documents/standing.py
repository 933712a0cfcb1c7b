"""Where an invoice stands today: what was paid, what is asked for and by when, and the one word for it.

As it stood at its issue: ``as_issued``.
"""

from dataclasses import dataclass
from datetime import date

from billing import demands
from billing.documents import applied, printed
from models import Invoice


@dataclass(frozen=True)
class Standing:
    """What changes after the issue: what was paid, what is open, which earlier invoices are.

    pay_by_on   -- when what is asked for is due: the due date, but for plans and disputes
    later_cents -- open, and due by a plan only after what is asked for now
    plan        -- ((day, cents), ...) of the payments of a plan that are still to come
    """

    state: str
    applied: tuple[printed.Amount, ...]
    open_cents: int
    earlier: tuple[printed.Earlier, ...]
    earlier_cents: int
    pay_by_on: date | None
    disputed_cents: int = 0
    later_cents: int = 0
    plan: tuple = ()

    @property
    def asked_cents(self):
        return self.open_cents - self.disputed_cents - self.later_cents


def now(invoice, read, today):
    """The Standing of ``invoice`` on ``today``; ``read`` is its reading.Around."""
    asked = read.demands
    disputed_cents = demands.disputed_cents(asked)
    return Standing(
        state=_state(invoice, read, today),
        applied=applied.amounts(read.allocations),
        open_cents=invoice.open_cents,
        earlier=read.earlier,
        earlier_cents=sum(other.open_cents for other in read.earlier),
        pay_by_on=demands.first_on(asked) if asked else invoice.due_on,
        disputed_cents=disputed_cents,
        later_cents=invoice.open_cents - disputed_cents - demands.asked_cents(asked, today),
        plan=tuple((one.due_on, one.cents) for one in asked if one.installment_id),
    )


def _state(invoice, read, today):
    """One word for where the invoice stands; the badge and every sentence follow it."""
    if invoice.state != Invoice.ISSUED:
        return invoice.state
    if not invoice.open_cents:
        return "paid"
    if read.is_being_checked:
        return "being checked"
    return word(invoice, read.demands, today)


def word(invoice, asked, today):
    """Where an open invoice stands by its demands; "disputed" while everything that is open is."""
    if demands.late_cents(asked, today):
        return "past due"
    if demands.first_on(asked) is None:
        return "disputed"
    return "part paid" if invoice.open_cents < invoice.total_cents else "due"
