"""What will happen next on an account, with real dates: asked before it happens, so that nobody wonders.

Only looking ahead. What the daily job then does stands in ``bill`` and ``notices``; this asks the same
rules, so that what a customer was told and what they get cannot differ. Nothing here writes a row.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from billing import bill, contracts, ledger
from billing import company as companies
from billing.automatic import autopay, upcoming


@dataclass(frozen=True)
class NextInvoice:
    """The next invoice as it would be billed by what is known today; ``total_cents`` with tax.

    ``charge_on`` is the day on which autopay would charge it to ``method``; None while that is off.
    """

    bill_on: date
    due_on: date
    total_cents: int
    texts: tuple[str, ...]
    charge_on: date | None = None
    method: str = ""


@dataclass(frozen=True)
class Reminding:
    """One open invoice, and the day on which its reminder is sent; None when that day is over."""

    invoice: object
    remind_on: date | None


def next_invoice(customer, *, today):
    """The NextInvoice of a customer, or None when nothing that recurs is on the calendar."""
    company = companies.current()
    coming = contracts.upcoming(customer, count=1)
    if not coming:
        return None
    starts_on, _, charge = coming[0]
    ahead = timedelta(days=0 if charge.in_arrears else company.bill_ahead_days)
    bill_on = max(starts_on - ahead, today)
    bills = bill.preview(bill_on, customer=customer)
    lines = bills[0].lines if bills else ()
    if not lines:
        return None  # paused, muted, or not billable before somebody has looked at it
    due_on = bill_on + timedelta(days=companies.terms_days(company, customer))
    standing = autopay.standing(customer)
    return NextInvoice(
        charge_on=standing and max(autopay.charge_day(standing, issued_on=bill_on, due_on=due_on), bill_on),
        method=standing.method.label if standing else "",
        bill_on=bill_on,
        due_on=due_on,
        total_cents=sum(line.total_cents for line in lines),
        texts=tuple(dict.fromkeys(line.text for line in lines)),
    )


def reminders(contact, choices, *, today):
    """A Reminding for every open invoice of the contact's customer that is not past due.

    What autopay charges is not reminded of.

    choices -- the contact's customers.Choices
    """
    charged = upcoming.promised_invoices([contact.customer_id], today=today)
    return [
        Reminding(invoice, _remind_on(invoice, choices, today))
        for invoice in ledger.open_invoices(contact.customer)
        if invoice.due_on >= today and choices.reminder and contact.email and invoice.id not in charged
    ]


def _remind_on(invoice, choices, today):
    day = max(invoice.due_on - timedelta(days=choices.days_ahead), invoice.issued_on + timedelta(days=1))
    return day if day >= today and day <= invoice.due_on else None
