"""What a message about a dispute tells: what rests, what is due beside it, our answer and its reasons."""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import demands, naming
from billing.disputes import finding
from billing.documents import reading
from models import Invoice


@dataclass(frozen=True)
class DisputeDocument:
    """One dispute as it stands; ``rest_*`` is what is due of the invoice beside what is disputed."""

    number: str
    about: str
    is_line: bool
    cents: int
    words: str
    answer_by_on: date
    credit_cents: int
    again_cents: int
    again_on: date | None
    decision: str
    rest_cents: int
    rest_on: date | None
    automatic: str = ""  # what autopay does with the rest, in a sentence


def document(dispute, *, today):
    """The DisputeDocument as it stands on ``today``."""
    invoice = Invoice.get_by_id(dispute.invoice_id)
    asked = demands.of(invoice)
    credit_cents = dispute.credit.amount_cents if dispute.credit_id else 0
    automatic = reading.automatic(invoice, today)
    return DisputeDocument(
        number=naming.number(invoice, companies.current()),
        about=finding.about(dispute),
        is_line=dispute.line_id is not None,
        cents=dispute.amount_cents,
        words=dispute.words,
        answer_by_on=dispute.answer_by_on,
        credit_cents=credit_cents,
        again_cents=dispute.amount_cents - credit_cents if dispute.due_again_on else 0,
        again_on=dispute.due_again_on,
        decision=dispute.decision,
        rest_cents=demands.undisputed_cents(asked),
        rest_on=demands.first_on(asked),
        automatic=automatic.sentence if automatic else "",
    )
