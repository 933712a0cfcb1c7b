"""What is told of an invoice that was canceled after it had been sent. How it is canceled: ``invoices``."""

from dataclasses import dataclass
from datetime import date

from peewee import fn

from billing import company as companies
from billing import words
from billing.documents import letterheads, naming
from models import Allocation


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


def why_freed(invoice):
    """The reason that stands at every allocation which was taken back because its invoice was canceled."""
    return f"Invoice {invoice.number} voided"


def _freed_cents(invoice):
    taken_back = (Allocation.reason == why_freed(invoice)) & Allocation.reverses.is_null(False)
    sum_of = Allocation.select(fn.SUM(Allocation.amount_cents))
    return -int(sum_of.where((Allocation.invoice == invoice) & taken_back).scalar() or 0)
