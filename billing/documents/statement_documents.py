"""The statement of an account: what happened between two dates, and what of it is in dispute today."""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import ledger, letterheads, naming, words
from billing.errors import BillingError
from models import Dispute, Invoice, Line


@dataclass(frozen=True)
class Row:
    """One row of a statement; ``balance_cents`` is the account after it."""

    on: date
    text: str
    charged_cents: int
    paid_cents: int
    balance_cents: int


@dataclass(frozen=True)
class StatementDocument:
    """What happened on an account between two dates. Below zero: the customer has money with us."""

    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    made_on: date
    period: str
    opening_cents: int
    rows: tuple[Row, ...]
    closing_cents: int
    disputed: tuple[tuple[str, int], ...] = ()  # what of it is in question today, each in words
    language: str = "en"

    @property
    def disputed_cents(self):
        return sum(cents for _, cents in self.disputed)

    @property
    def charged_cents(self):
        return sum(row.charged_cents for row in self.rows)

    @property
    def paid_cents(self):
        return sum(row.paid_cents for row in self.rows)


def of(customer, from_on, to_on, *, today, company=None):
    """The account of ``customer`` from ``from_on`` to ``to_on``, both days included.

    Raises BillingError when the first day comes after the last.
    """
    if from_on > to_on:
        raise BillingError("The first day of a statement cannot come after its last day.")
    entries = ledger.history(customer, until=to_on)
    before = [entry for entry in entries if entry.on < from_on]
    opening = before[-1].balance_cents if before else 0
    rows = tuple(_row(entry) for entry in entries[len(before) :])
    return StatementDocument(
        company=letterheads.of(company or companies.current()),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        made_on=today,
        period=words.period(from_on, to_on),
        opening_cents=opening,
        rows=rows,
        closing_cents=rows[-1].balance_cents if rows else opening,
        disputed=tuple(_in_dispute(customer, to_on, company or companies.current())),
        language=customer.language,
    )


def _in_dispute(customer, to_on, company):
    """(“Invoice 10482, Service call”, cents) of what the customer disputes, opened until the last day."""
    query = (
        Dispute.select(Dispute, Invoice, Line)
        .join(Invoice)
        .switch(Dispute)
        .left_outer_join(Line)
        .where(
            (Dispute.customer == customer) & (Dispute.state == Dispute.OPEN) & (Dispute.opened_on <= to_on)
        )
    )
    for one in query.order_by(Dispute.id):
        line = f", {one.line.text}" if one.line_id else ""
        yield f"Invoice {naming.number(one.invoice, company)}{line}", one.amount_cents


def _row(entry):
    cents = entry.amount_cents
    return Row(entry.on, entry.text, max(cents, 0), max(-cents, 0), entry.balance_cents)
