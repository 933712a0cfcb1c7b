"""Opening a dispute, and taking it back. From the first moment the part in question is due on no date.

Nothing is judged here: whoever says that something is wrong is believed until somebody has looked.
"""

from datetime import timedelta

from peewee import IntegrityError

from billing import approvals, demands, events, ledger, masking, naming, notices, tickets, undisputed
from billing import company as companies
from billing.automatic import following
from billing.disputes import finding
from billing.errors import BillingError
from billing.money import format_cents
from billing.states import move
from models import Dispute, Invoice, PaymentPart, Ticket

LONGEST = 1_000
MOST_TAKEN_BACK = 3  # of one line: each gives a day more and a mail, so it is no way not to pay
REASONS = {
    Dispute.WRONG_AMOUNT: "The amount is not right",
    Dispute.NOT_ORDERED: "I did not order this, or canceled it",
    Dispute.SERVICE_FAULT: "The service did not work",
    Dispute.ALREADY_PAID: "I have paid this already",
    Dispute.OTHER: "Something else",
}


def open(
    invoice, *, amount_cents, reason, words, by, via, today, now, line=None, contact=None, staff=None,
    key=None, files=(),
):  # fmt: skip
    """Say that a part of an invoice is wrong. Returns the Dispute; the same ``key`` again, the same one.

    amount_cents -- what is in question; None for the whole line, or for all that is open
    reason       -- one of Dispute.REASONS; ``words`` are the customer's own
    via          -- Dispute.PORTAL, PAY_LINK or STAFF
    files        -- photos or papers (attachments), which come with the ticket's first message

    Opens a ticket, and tells whoever asked by mail that the part rests. Raises BillingError with a sentence
    for what cannot be: nothing is open, a payment under way would pay the part, it was answered before.
    """
    words = masking.said(
        words,
        missing="Please say in one sentence what is wrong.",
        longest=LONGEST,
        hint="You can tell us more by mail.",
    )
    if reason not in REASONS:
        raise BillingError("Please choose what is wrong.")
    with ledger.locked(invoice.customer_id):
        if key and (earlier := Dispute.get_or_none(Dispute.key == key)):
            return _own(earlier, invoice)
        invoice = Invoice.get_by_id(invoice.id)
        cents = _cents(invoice, line, amount_cents, via)
        _check_payment(invoice, cents)
        ticket = _ticket(invoice, line, cents, reason, words, by, via, now, contact, staff, files)
        try:
            made = Dispute.create(
                customer=invoice.customer_id, invoice=invoice, line=line, contact=contact, ticket=ticket,
                key=key, amount_cents=cents, reason=reason, words=words, by=by, via=via, opened_on=today,
                opened_at=now, answer_by_on=today + timedelta(days=finding.ANSWER_DAYS),
            )  # fmt: skip
        except IntegrityError as error:  # the guard of the database, should a rule above have a hole
            raise BillingError("This was disputed already. Reload the page and look again.") from error
        following.follow([invoice.id], today=today)
        notices.queue_dispute(made, now=now)
        events.record("dispute.opened", made, by=by, now=now, reason=words, after={"cents": cents})
    return made


def _own(dispute, invoice):
    if dispute.invoice_id != invoice.id:
        raise BillingError("This form belongs to another invoice. Open the page again.")
    return dispute


def _cents(invoice, line, wanted, via):
    """What is in question, checked against what is open and not disputed yet."""
    if invoice.state != Invoice.ISSUED or not invoice.open_cents:
        raise BillingError("Nothing is open on this invoice. Ask us about it instead.")
    if line is not None and line.invoice_id != invoice.id:
        raise BillingError("This line is not on that invoice. Choose the line again.")
    before = Dispute.select().where((Dispute.invoice == invoice) & (Dispute.line == line))
    if line is None:
        before = Dispute.select().where((Dispute.invoice == invoice) & Dispute.line.is_null())
    elif before.where(Dispute.state == Dispute.OPEN).exists():
        raise BillingError("You told us about this line already. We look into it.")
    if via != Dispute.STAFF and before.where(Dispute.state == Dispute.REJECTED).exists():
        raise BillingError("We answered this before. If there is something new, please reply to our answer.")
    if via != Dispute.STAFF and before.where(Dispute.state == Dispute.WITHDRAWN).count() >= MOST_TAKEN_BACK:
        raise BillingError("You told us about this and took it back before. Please ask us as a question.")
    free = demands.undisputed_cents(demands.of(invoice))
    if not free:
        raise BillingError("You told us about all of this invoice already. We look into it.")
    most = min(free, line.total_cents) if line else free
    cents = most if wanted is None else wanted
    if not 0 < cents <= most:
        raise BillingError(f"Please enter an amount between $0.01 and {format_cents(most)}.")
    return cents


def _check_payment(invoice, cents):
    """A payment under way may pay the rest, but not what is in question: that would be over at once."""
    parts = PaymentPart.select().where((PaymentPart.invoice == invoice) & PaymentPart.live)
    claimed = sum(part.amount_cents for part in parts)
    if not claimed:
        return
    rest = demands.undisputed_cents(demands.of(invoice)) - cents
    if claimed > rest:
        raise BillingError(
            f"A payment of {format_cents(claimed)} of this invoice is under way. As soon as we know what "
            "became of it, you can dispute what is still open; or ask us about it now, as a question."
        )


def _ticket(invoice, line, cents, reason, words, by, via, now, contact, staff, files):
    number = naming.number(invoice, companies.current())
    what = f", {line.text}" if line else ""
    return tickets.open(
        invoice.customer,
        subject=f"Invoice {number}: {format_cents(cents)} disputed{what}"[:120],
        body=f"{REASONS[reason]}. {words}",
        by=by,
        now=now,
        contact=contact,
        invoice=invoice,
        line=line,
        kind=Ticket.BILLING,
        via=via,
        staff=staff,
        files=files,
        acknowledge=False,
    )


def withdraw(dispute, *, by, today, now, why="The customer took it back."):
    """It was right after all: the part is due again on the invoice's date, tomorrow at the earliest.

    Returns the Dispute. Raises StaleState when it was decided meanwhile.
    """
    with ledger.locked(dispute.customer_id):
        again_on = max(dispute.invoice.due_on, today + timedelta(days=1))
        told = {"decision": why, "decided_by": by, "decided_at": now, "due_again_on": again_on}
        move(dispute, Dispute.WITHDRAWN, **told)
        approvals.lapse(undisputed.KIND, dispute, reason=why, by=by, now=now)
        end(dispute, by=by, today=today, now=now)
        events.record("dispute.withdrawn", dispute, by=by, now=now, reason=why)
    return dispute


def end(dispute, *, by, today, now):
    """What follows when a part rests no more: the ticket is done, and what lies on the account pays it."""
    ledger.use_unapplied([dispute.customer_id], by=by, on=today)
    if dispute.ticket_id:
        tickets.close(Ticket.get_by_id(dispute.ticket_id), by=by, now=now)
    following.follow([dispute.invoice_id], today=today)
