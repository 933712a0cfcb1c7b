"""What a customer reads when autopay brought no money: what happened, what happens next, what to do.

Only words, dates and cents, read from rows once, at the moment of sending. Whether a charge is tried again
is decided in ``retries``; why it is not charged, in ``upcoming``; nothing here writes a row.
"""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import demands, naming, words
from billing.money import format_cents
from models import AutopayOutcome, Customer, Invoice, Payment, PaymentMethod, PaymentPart


@dataclass(frozen=True)
class Owed:
    """One invoice that is still to be paid."""

    invoice: Invoice | None
    number: str
    due_on: date
    cents: int


@dataclass(frozen=True)
class SetbackDocument:
    """Everything that a mail about a charge that did not happen says.

    ``happened`` and ``next_step`` are sentences; ``owed`` what is still open of it.
    """

    happened: str
    next_step: str
    cents: int
    method: str
    owed: tuple[Owed, ...]
    facts: tuple[tuple[str, str], ...]
    is_final: bool = False  # nothing is charged again by itself

    @property
    def numbers(self):
        """The invoices in a sentence."""
        return f"invoice{'s' if len(self.owed) > 1 else ''} {words.joined(one.number for one in self.owed)}"


def still_owed(payment):
    """A query of the invoices that a payment was meant for and that are open."""
    meant = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.payment == payment)
    return Invoice.select().where(Invoice.id.in_(meant) & Invoice.IS_OWED).order_by(Invoice.number)


def decline_document(payment):
    """The SetbackDocument of a charge that the bank declined; it may be tried again."""
    again = payment.retry_on
    return SetbackDocument(
        happened=payment.reason,
        next_step=(
            f"We will try again on {words.date(again)}. If you pay another way before that day, nothing is "
            "charged then."
            if again
            else "We will not try it again, so please pay another way."
        ),
        cents=payment.amount_cents,
        method=payment.method_label,
        owed=_owed(still_owed(payment)),
        facts=_facts(payment),
        is_final=again is None,
    )


def method_document(payment):
    """The SetbackDocument of a card or account that cannot be charged any more, learned from a payment."""
    is_automatic = payment.autopay_id is not None
    return SetbackDocument(
        happened=payment.reason,
        next_step=f"We will not charge {naming.in_a_sentence(payment.method_label)} again. "
        + (
            "Add another card or bank account and choose it for autopay; it is charged within a day."
            if is_automatic
            else "You can add another card or bank account, or pay without saving one."
        ),
        cents=payment.amount_cents,
        method=payment.method_label,
        owed=_owed(still_owed(payment)),
        facts=_facts(payment),
        is_final=True,
    )


def above_cap(autopay, asked_on):
    """A query of the open invoices that were above the customer's limit on a day."""
    asked = AutopayOutcome.select(AutopayOutcome.invoice).where(
        (AutopayOutcome.customer == autopay.customer_id)
        & (AutopayOutcome.run_on == asked_on)
        & (AutopayOutcome.why == AutopayOutcome.ABOVE_CAP)
    )
    return Invoice.select().where(Invoice.id.in_(asked) & Invoice.IS_OWED).order_by(Invoice.number)


def cap_document(autopay, asked_on):
    """The SetbackDocument that asks before a charge above the limit that the customer set."""
    owed = _owed(above_cap(autopay, asked_on))
    cents = sum(one.cents for one in owed)
    customer, method = Customer.get_by_id(autopay.customer_id), PaymentMethod.get_by_id(autopay.method_id)
    limit = format_cents(autopay.cap_cents)
    return SetbackDocument(
        happened=f"{format_cents(cents)} is above the {limit} that you set for autopay, so we are asking "
        "first. Nothing was charged.",
        next_step="Please pay it when you have looked at it; nothing of it is charged by itself. Your later "
        f"invoices go on as before, up to {limit}.",
        cents=cents,
        method=method.label,
        owed=owed,
        facts=(("Your limit", limit), ("Account", customer.account_number)),
        is_final=True,
    )


def _owed(invoices):
    company = companies.current()
    invoices = list(invoices)
    asked = demands.of_invoices(invoices)
    dated = {id: [one for one in some if one.due_on] for id, some in asked.items()}
    return tuple(
        Owed(
            one, naming.number(one, company), dated[one.id][0].due_on,
            sum(part.cents for part in dated[one.id]),
        )
        for one in invoices
        if dated[one.id]
    )  # fmt: skip


def _facts(payment):
    return (
        ("Declined on", words.date(payment.received_on)),
        ("Card or account", payment.method_label),
        ("Reference", payment.reference),
        ("Account", Payment.get_by_id(payment.id).customer.account_number),
    )
