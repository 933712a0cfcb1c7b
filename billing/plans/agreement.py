"""The words of a plan's agreement, computed from its days and amounts, and its document for page and paper.

They are shown, signed, stored and mailed exactly as they stand here. What a plan must say is the list of
billing law and good manners: whose it is, what it covers, that it is no new debt and costs nothing, every day
and amount, what stays due, what a missed payment does, that service goes on, how to leave.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import documents, words
from billing.money import format_cents
from billing.plans import standing
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

    company: documents.Letterhead
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


def text_of(customer, shape, *, invoices, autopay_label="", company=None):
    """Every word that is agreed to, one paragraph to a line.

    invoices      -- [(Invoice, cents)], the oldest first
    autopay_label -- the saved method that the payments are charged to; "" when nobody asked for that
    """
    company = company or companies.current()
    name = company.legal_name or company.name
    covered = words.joined(_covered(invoice, cents, company) for invoice, cents in invoices)
    payments = "; ".join(_payment(payment) for payment in shape.payments)
    grace = words.plural(company.plan_grace_days, "day")
    count = len(shape.payments)
    lines = (
        f"This agreement is between {name} and {customer.name}, account {customer.account_number}.",
        f"It covers {covered}: {format_cents(shape.cents)} in all.",
        "It is not a new debt. It only says by when what is open is paid. There is no fee and no interest.",
        f"{customer.name} pays in {count} payments: {payments}.",
        _how(autopay_label),
        "Invoices that are not named here, and those to come, stay due on their own dates.",
        "While the plan is kept, service goes on as usual, we do not ask for these invoices in any other "
        "way, and no late fee is added. We remind of each payment before its day.",
        f"If a payment is missed, we wait {grace}. Then we write, and it can be put right once within "
        f"another {grace}: by paying it, or by moving it to another day. If that does not happen, or a "
        "second payment is missed, the plan ends: the invoices are due on their own dates again, less what "
        "was paid. Nothing is added for that.",
        "It can be paid off early, in whole or in part, at any time and at no cost. What is paid early "
        "counts for the next payment first.",
        f"To change or to cancel it, {_reach(company)}. Canceled, the invoices are due on their own dates.",
    )
    return "\n".join(lines)


def _covered(invoice, cents, company):
    number = documents.printed_number(invoice, company)
    return f"invoice {number}, due {words.date(invoice.due_on)}, with {format_cents(cents)} open"


def _payment(payment):
    return f"{format_cents(payment.cents)} on {words.date(payment.due_on)}"


def _how(autopay_label):
    if autopay_label:
        return (
            f"The customer asked us to charge each payment to {autopay_label} on its day. That is a separate "
            "permission and can be taken back at any time; the plan goes on without it."
        )
    return (
        "Each payment can be made online, by check or any other way that we accept. Nothing is charged "
        "automatically under this agreement."
    )


def _reach(company):
    ways = [f"call {company.phone}" if company.phone else "", f"write to {company.email or company.name}"]
    return " or ".join(filter(None, ways))


def fingerprint(text):
    """SHA-256 of the words, as kept with the signature."""
    return hashlib.sha256(text.encode()).hexdigest()


def document(plan, *, today):
    """The Agreement of a plan as it was written; the table as it stands today."""
    company, stands = companies.current(), standing.of(plan, today=today)
    customer = plan.customer
    return Agreement(
        company=documents.letterhead(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        number=f"{plan.id}",
        headline=HEADLINES[plan.state],
        amount_cents=plan.amount_cents,
        invoices=tuple(
            Covered(documents.printed_number(one.invoice, company), one.invoice.due_on, one.amount_cents)
            for one in stands.invoices
        ),
        rows=stands.rows,
        paragraphs=tuple(plan.text.split("\n")),
        signed=_signature(plan, company),
        is_signed=bool(plan.agreed_at),
        agreed=words.date(plan.agreed_on),
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
