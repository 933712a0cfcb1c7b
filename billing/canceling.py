"""What is told of an invoice that was canceled after it had been sent. How it is canceled: ``invoices``."""

import json
from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import letterheads, naming, words
from models import Event

FREED = "freed_cents"  # in the audit of a canceled invoice: what had been paid or credited, free again


@dataclass(frozen=True)
class CanceledDocument:
    """What the message says."""

    company: letterheads.Letterhead
    number: str
    account_number: str
    issued_on: date
    on: date
    total_cents: int
    reason: str
    paid_cents: int  # what it had been paid with, and the account has again


def document(invoice):
    """The CanceledDocument of an invoice that is void."""
    company = companies.current()
    return CanceledDocument(
        company=letterheads.of(company),
        number=naming.number(invoice, company),
        account_number=invoice.customer.account_number,
        issued_on=invoice.issued_on,
        on=invoice.voided_on,
        total_cents=invoice.total_cents,
        reason=words.sentence(invoice.void_reason),
        paid_cents=_freed_cents(invoice),
    )


def _freed_cents(invoice):
    """What ``invoices.void`` noted in the audit; an allocation does not tell for what it was taken back."""
    voided = (Event.about_table == "invoice") & (Event.what == "invoice.voided")
    event = Event.get_or_none(voided & (Event.about_id == invoice.id))
    return json.loads(event.after).get(FREED, 0) if event and event.after else 0
