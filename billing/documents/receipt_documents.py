"""The document of a payment: a receipt, and what it is called while it is no money yet or not any more."""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import demands, ledger, letterheads, naming, words
from billing.documents import printed
from models import Allocation, Invoice, Payment, Refund


@dataclass(frozen=True)
class Paid:
    """What a payment did for one invoice.

    open_cents     -- what that invoice still has open
    disputed_cents -- of that, what is due on no date until it is decided
    """

    number: str
    due_on: date
    cents: int
    open_cents: int
    disputed_cents: int = 0

    @property
    def left(self):
        """What of the invoice is left, in a few words."""
        return demands.left_words(self.open_cents, self.disputed_cents)

    @property
    def note(self):
        """What else is to be said of the sum that is still open, as a sentence; empty for nothing."""
        return f"{self.left}." if self.disputed_cents else ""


@dataclass(frozen=True)
class ReceiptDocument:
    """Everything that a receipt says. ``fact`` pairs (heading, text) are printed in their order."""

    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    number: str
    title: str
    state: str
    sentence: str
    amount_cents: int
    paid_on: date
    facts: tuple[tuple[str, str], ...]
    paid: tuple[Paid, ...]
    unapplied_cents: int
    refunds: tuple[printed.Amount, ...]
    language: str = "en"

    @property
    def when(self):
        return words.date(self.paid_on)


def of(payment, *, company=None):
    """Everything that a receipt for ``payment`` says, as it stands now.

    Works in every state: one that is not money yet, or not any more, says so in its title and sentence.
    """
    company = company or companies.current()
    customer = payment.customer
    title, state, sentence = _payment_words(payment)
    return ReceiptDocument(
        company=letterheads.of(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        number=payment.reference,
        title=title,
        state=state,
        sentence=sentence,
        amount_cents=payment.amount_cents,
        paid_on=payment.received_on,
        facts=_payment_facts(payment, company),
        paid=_paid(payment, company),
        unapplied_cents=payment.open_cents if payment.state in Payment.MONEY else 0,
        refunds=tuple(
            printed.Amount(
                f"{ledger.refund_words(refund)}: {refund.reason}",
                refund.amount_cents,
                refund.paid_on or refund.made_on,
            )
            for refund in payment.refunds.where(
                Refund.state.in_((Refund.APPROVED, Refund.SETTLED)) & (Refund.how != Refund.VOID)
            ).order_by(Refund.id)
        ),
        language=customer.language,
    )


def _payment_words(payment):
    """(title, one word, sentence): what is known about the money, never more."""
    why = f" {words.sentence(payment.reason)}" if payment.reason else ""
    pending = "Bank payments are final once the banks have settled them, normally within a few banking days."
    match payment.state:
        case Payment.APPROVED if payment.kind == Payment.BANK:
            return "Receipt, pending", "processing", f"Thank you. Your bank payment has started. {pending}"
        case Payment.APPROVED | Payment.SETTLED:
            return "Receipt", "paid", "Thank you. We have your payment."
        case Payment.CHARGED_BACK:
            return "Disputed payment", "returned", "Your bank took this payment back."
        case Payment.RETURNED:
            return "Returned payment", "returned", f"This payment came back to us unpaid.{why}"
        case Payment.REFUNDED:
            return "Refunded payment", "refunded", "We have sent this payment back to you."
        case Payment.VOIDED:
            return "Canceled payment", "canceled", "This payment was canceled before any money moved."
        case Payment.DECLINED:
            return "Declined payment", "declined", f"No money moved.{why}"
        case Payment.EXPIRED:
            return "Unfinished payment", "not paid", "This payment was never completed. No money moved."
    sentence = "We are confirming this payment. You will not be charged twice."
    return "Payment being checked", "being checked", sentence


def _payment_facts(payment, company):
    """The particulars that a bank or a bookkeeper asks for; empty ones are left out."""
    at = payment.concluded_at or payment.created_at
    by_hand = payment.kind in Payment.BY_HAND
    facts = (
        ("Payment", payment.reference),
        ("Received" if by_hand else "Date", words.date(payment.received_on)),
        ("Confirmed", "" if by_hand or not at else words.moment(at, company.time_zone)),
        ("Method", naming.method(payment)),
        ("Processor reference", payment.transaction_id or ""),
        ("Authorization code", payment.auth_code),
        ("Entered by", "our office" if by_hand else ""),
        *_said_facts(payment, company),
    )
    return tuple((heading, text) for heading, text in facts if text)


def _said_facts(payment, company):
    """What was authorized on the phone; of a debit all that its written notice has to tell."""
    if not payment.said_by:
        return ()
    on = words.date(payment.received_on)
    authorized = ("Authorized", f"by phone on {on}")
    if payment.kind != Payment.BANK:
        return (authorized,)
    return (authorized, ("Debited", f"once, on or after {on}"), ("For questions", company.phone))


def _paid(payment, company):
    """Invoices that this payment pays now, oldest first; what was taken back is gone."""
    sums = {}
    allocations = Allocation.select(Allocation, Invoice).join(Invoice).where(Allocation.payment == payment)
    for allocation in allocations.order_by(Invoice.due_on, Invoice.number):
        invoice = allocation.invoice
        sums.setdefault(invoice.id, [invoice, 0])[1] += allocation.amount_cents
    paid = [(invoice, cents) for invoice, cents in sums.values() if cents > 0]
    asked = demands.of_invoices([invoice for invoice, _ in paid])
    return tuple(
        Paid(
            naming.number(invoice, company),
            invoice.due_on,
            cents,
            invoice.open_cents,
            demands.disputed_cents(asked[invoice.id]),
        )
        for invoice, cents in paid
    )
