"""What a payer is told when we send money back, or when a bank takes it: what mail and page print.

Only words, dates and cents, read from rows once. What happens to rows stands in refunds.py and returns.py.
"""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import ledger, letterheads, naming, words
from billing.money import format_cents
from models import Invoice, Payment, PaymentPart, Refund


@dataclass(frozen=True)
class Reopened:
    """An invoice that is owed again."""

    invoice: object
    number: str
    due_on: date
    open_cents: int


@dataclass(frozen=True)
class RefundDocument:
    """Everything that the message about a refund says."""

    company: letterheads.Letterhead
    title: str
    sentence: str
    amount_cents: int
    on: date
    facts: tuple[tuple[str, str], ...]
    reopened: tuple[Reopened, ...]

    @property
    def when(self):
        return words.date(self.on)


@dataclass(frozen=True)
class ProblemDocument:
    """Everything that the message about money that was taken back says.

    ``next_step`` is what happens now; ``is_dispute`` when the payer went to their bank, and is not asked
    to pay but to talk.
    """

    company: letterheads.Letterhead
    title: str
    subject: str
    sentence: str
    next_step: str
    amount_cents: int
    paid_on: date
    facts: tuple[tuple[str, str], ...]
    reopened: tuple[Reopened, ...]
    is_dispute: bool = False

    @property
    def when(self):
        return words.date(self.paid_on)


# --- Refunds -------------------------------------------------------------------------------------


def refund_document(refund):
    """The RefundDocument of a refund, as it stands now."""
    company = companies.current()
    title, sentence = _refund_words(refund)
    payment = refund.payment
    owed = reopened(payment, company, refund)
    facts = (
        ("Refund", refund.reference or f"{refund.id}"),
        ("Of your payment", f"{payment.reference}, {words.date(payment.received_on)}"),
        ("Paid with", naming.method(payment)),
        ("Account", payment.customer.account_number),
        ("Reason", words.sentence(refund.reason)),
    )
    return RefundDocument(
        company=letterheads.of(company),
        title=title,
        sentence=f"{sentence} {_of_autopay(payment, owed)}".strip(),
        amount_cents=refund.amount_cents,
        on=refund.paid_on or refund.made_on,
        facts=facts,
        reopened=owed,
    )


def _of_autopay(payment, owed):
    """What autopay does about invoices that it had paid and that are owed again: nothing by itself."""
    if not payment.autopay_id or not owed or payment.retry_on:
        return ""
    which = "this invoice" if len(owed) == 1 else "these invoices"
    return f"Autopay does not charge {which} again by itself: please pay another way, or tell us."


def _refund_words(refund):
    method, cents = naming.method(refund.payment), format_cents(refund.amount_cents)
    match refund.how:
        case Refund.VOID:
            return "Canceled payment", (
                f"We have canceled your payment with {method} before any money moved. If your bank shows it "
                "as pending, that disappears by itself within a few days."
            )
        case Payment.CARD:
            shows = "It normally shows on your statement within five to ten business days."
            return "Refund", f"We have sent {cents} back to your {method}. {shows}"
        case Payment.BANK:
            shows = "It normally arrives within five business days."
            return "Refund", f"We have sent {cents} back to your {_lower(method)}. {shows}"
        case Payment.CHECK:
            return "Refund", f"We are sending you a check for {cents}."
        case Payment.CASH:
            return "Refund", f"We have given you {cents} back in cash."
    return "Refund", f"We have sent you {cents} by wire transfer."


def _lower(text):
    return text[:1].lower() + text[1:]


# --- Taken back ----------------------------------------------------------------------------------


def problem_document(payment):
    """The ProblemDocument of a payment that came back, was canceled or disputed, or never came."""
    company = companies.current()
    title, subject = _problem_title(payment)
    invoices = reopened(payment, company)
    return ProblemDocument(
        company=letterheads.of(company),
        title=title,
        subject=subject,
        sentence=_problem_sentence(payment),
        next_step=_next_step(payment, invoices),
        amount_cents=payment.amount_cents,
        paid_on=payment.received_on,
        facts=(
            ("Payment", payment.reference),
            ("Paid with", naming.method(payment)),
            ("Account", payment.customer.account_number),
        ),
        reopened=invoices,
        is_dispute=payment.state == Payment.CHARGED_BACK,
    )


def _problem_title(payment):
    """What the mail says above the amount, and what its subject says after “Your payment of $42.50”."""
    match payment.state:
        case Payment.CHARGED_BACK:
            return "Your bank took this payment back", "was taken back by your bank"
        case Payment.VOIDED:
            return "Your payment was canceled", "was canceled"
        case Payment.RETURNED if payment.kind == Payment.CHECK:
            return "Your check came back unpaid", "came back unpaid"
        case Payment.RETURNED:
            return "Your payment came back unpaid", "came back unpaid"
    return "Your payment did not go through", "did not go through"


def _problem_sentence(payment):
    match payment.state:
        case Payment.CHARGED_BACK:
            return (
                "You told your bank that you do not agree to this payment, and it took the money back. If "
                "that was a mistake, please tell your bank and us. If something is wrong with our invoice, "
                "reply to this email, and we will look into it first. Meanwhile nothing is charged "
                "automatically."
            )
        case Payment.VOIDED:
            return "It was canceled before any money moved."
        case Payment.EXPIRED:
            return "We could not confirm it with our payment processor, and no money moved."
    return words.sentence(payment.reason) or "The bank did not pay it."


def _next_step(payment, invoices):
    if payment.state == Payment.CHARGED_BACK or not invoices:
        return ""
    sentences = []
    if payment.retry_on:
        sentences.append(
            f"We will try again on {words.date(payment.retry_on)}. If you pay another way before that day, "
            "nothing is charged then."
        )
    if about_autopay := _of_autopay(payment, invoices):
        sentences.append(about_autopay)
    if (fee := payment.return_fee) and not fee.canceled_on:
        sentences.append(f"Your next invoice has a fee of {format_cents(fee.unit_cents)} for the return.")
    return " ".join(sentences)


def reopened(payment, company, refund=None):
    """The invoices that a payment paid and that are owed now, oldest due date first.

    refund -- only those that were taken back for it
    """
    found = ledger.owed_again(payment, refund=refund)
    if payment.state == Payment.EXPIRED:  # it was meant for these and never paid them
        meant = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.payment == payment)
        owed = Invoice.select().where(Invoice.id.in_(meant) & Invoice.IS_OWED)
        found = owed.order_by(Invoice.due_on, Invoice.id)
    return tuple(Reopened(one, naming.number(one, company), one.due_on, one.open_cents) for one in found)
