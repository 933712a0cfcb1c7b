"""What a customer reads about a credit and about a late fee that is still to come, as plain values.

Not here: languages and looks (billing/wording), what they are reckoned from (fees.py).
"""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import demands, letterheads, naming, words
from models import Allocation, Credit, ServiceCredit


@dataclass(frozen=True)
class Part:
    """What a credit pays of one invoice, and what that still has open."""

    number: str
    cents: int
    open_cents: int
    disputed_cents: int = 0

    @property
    def left(self):
        """What of the invoice is left, in a few words."""
        return demands.left_words(self.open_cents, self.disputed_cents)


@dataclass(frozen=True)
class CreditDocument:
    """A credit that somebody gave, why, and what it did."""

    company: letterheads.Letterhead
    account_number: str
    cents: int
    on: date
    sentence: str
    reason: str
    paid: tuple[Part, ...]
    unapplied_cents: int


@dataclass(frozen=True)
class FeeDocument:
    """A late fee that is not charged yet: how much at most, from when, and what it is reckoned from."""

    company: letterheads.Letterhead
    number: str
    due_on: date
    open_cents: int
    cents: int
    charge_from_on: date
    base_cents: int


SENTENCES = {
    Credit.SERVICE: "For the days on which your service did not work, we have put a credit on your account.",
    Credit.LATE_FEE: "We have taken back the late fee.",
}
OTHERWISE = "We have put a credit on your account."


def credit_document(credit):
    """The CreditDocument of a credit as it stands now, with the others that were given for the same fault."""
    company, credits = companies.current(), _together(credit)
    return CreditDocument(
        company=letterheads.of(company),
        account_number=credit.customer.account_number,
        cents=sum(one.amount_cents for one in credits),
        on=credit.made_on,
        sentence=SENTENCES.get(credit.kind, OTHERWISE),
        reason=" ".join(words.sentence(one.reason) for one in credits),
        paid=_paid(credits, company),
        unapplied_cents=sum(one.open_cents for one in credits),
    )


def _together(credit):
    """The credit, and those for the same fault that were given after it and before it was told."""
    if credit.kind != Credit.SERVICE:
        return [credit]
    tickets = ServiceCredit.select(ServiceCredit.ticket).where(ServiceCredit.credit == credit)
    same = ServiceCredit.select(ServiceCredit.credit).where(ServiceCredit.ticket.in_(tickets))
    later = Credit.id.in_(same) & (Credit.id >= credit.id)
    return list(Credit.select().where(later).order_by(Credit.id)) or [credit]


def _paid(credits, company):
    """What they pay now: what was taken back since counts no more."""
    sums = {}
    for row in Allocation.select().where(Allocation.credit.in_(credits)).order_by(Allocation.id):
        sums[row.invoice] = sums.get(row.invoice, 0) + row.amount_cents
    paid = {invoice: cents for invoice, cents in sums.items() if cents > 0}
    asked = demands.of_invoices(list(paid))
    return tuple(
        Part(
            naming.number(invoice, company), cents, invoice.open_cents,
            demands.disputed_cents(asked[invoice.id]),
        )
        for invoice, cents in paid.items()
    )  # fmt: skip


def fee_document(fee):
    """The FeeDocument of a late fee as it stands now."""
    company = companies.current()
    return FeeDocument(
        company=letterheads.of(company),
        number=naming.number(fee.invoice, company),
        due_on=fee.invoice.due_on,
        open_cents=fee.invoice.open_cents,
        cents=fee.cents,
        charge_from_on=fee.charge_from_on,
        base_cents=fee.base_cents,
    )
