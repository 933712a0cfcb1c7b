"""The words of a plan's agreement, computed from its days and amounts, and its document for page and paper.

They are shown, signed, stored and mailed exactly as ``phrases`` has them, in the customer's language. What a
plan must say is the list of billing law and good manners: whose it is, what it covers, that it is no new debt
and costs nothing, every day and amount, what stays due, what a missed payment does, that service goes on, how
to leave.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import letterheads, naming, words
from billing.plans import phrases, standing
from billing.wording import tongues
from models import Plan


@dataclass(frozen=True)
class Covered:
    """An invoice of a plan, as printed."""

    number: str
    due_on: date
    cents: int


@dataclass(frozen=True)
class Agreement:
    """A plan as an agreement on paper. ``signed`` is [(term, text)], the data of the signature."""

    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple
    number: str
    headline: str
    amount_cents: int
    invoices: tuple[Covered, ...]
    rows: tuple
    paragraphs: tuple[str, ...]
    signed: tuple
    is_signed: bool
    agreed: str
    language: str = "en"

    @property
    def tag(self):
        """The language as HTML names it."""
        return tongues.TONGUES[self.language].tag

    def say(self, text):
        """One of our own words around the agreement, in its language."""
        return tongues.TONGUES[self.language].say(text)

    def date(self, on):
        """A date in its language."""
        return tongues.TONGUES[self.language].date(on)


def text_of(customer, shape, *, invoices, autopay_label="", company=None):
    """Every word that is agreed to, one paragraph to a line, in the language that the customer reads.

    invoices      -- [(Invoice, cents)], the oldest first
    autopay_label -- the saved method that the payments are charged to; "" when nobody asked for that
    """
    company = company or companies.current()
    facts = phrases.Facts(
        ours=company.legal_name or company.name,
        customer=customer.name,
        account=customer.account_number,
        covered=tuple(
            (naming.number(invoice, company), invoice.due_on, cents) for invoice, cents in invoices
        ),
        cents=shape.cents,
        payments=tuple((payment.cents, payment.due_on) for payment in shape.payments),
        method=autopay_label,
        grace_days=company.plan_grace_days,
        phone=company.phone,
        write_to=company.email or company.name,
    )
    return "\n".join(phrases.PARAGRAPHS[language_of(customer)](facts))


def language_of(customer):
    """The language in which a customer agrees: theirs, English where we do not write it."""
    return tongues.of(customer).code


def fingerprint(text):
    """SHA-256 of the words, as kept with the signature."""
    return hashlib.sha256(text.encode()).hexdigest()


def document(plan, *, today):
    """The Agreement of a plan as it was written; the table as it stands today."""
    company, stands = companies.current(), standing.of(plan, today=today)
    customer = plan.customer
    return Agreement(
        company=letterheads.of(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        number=f"{plan.id}",
        headline=HEADLINES[plan.state],
        amount_cents=plan.amount_cents,
        invoices=tuple(
            Covered(naming.number(one.invoice, company), one.invoice.due_on, one.amount_cents)
            for one in stands.invoices
        ),
        rows=stands.rows,
        paragraphs=tuple(plan.text.split("\n")),
        signed=_signature(plan, company),
        is_signed=bool(plan.agreed_at),
        agreed=words.date(plan.agreed_on),
        language=plan.language,
    )


HEADLINES = {
    Plan.PROPOSED: "A proposal, not agreed yet",
    Plan.RUNNING: "Your plan is running",
    Plan.KEPT: "Your plan is paid off",
    Plan.BROKEN: "This plan ended",
    Plan.ENDED: "This plan ended",
    Plan.REFUSED: "This proposal was not taken up",
}


def _signature(plan, company):
    if not plan.signed_at:
        return ()
    pairs = (
        ("Signed by", plan.name),
        ("On", words.moment(plan.signed_at, company.time_zone)),
        ("From", f"network address {plan.ip}" if plan.ip else ""),
        ("Agreed by us", words.moment(plan.agreed_at, company.time_zone) if plan.agreed_at else ""),
        ("Text", f"SHA-256 {plan.text_sha256}"),
    )
    return tuple(pair for pair in pairs if pair[1])
