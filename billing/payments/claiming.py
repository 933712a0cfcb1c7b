"""Claims: an attempt is on disk, and holds its invoices, before anybody can be asked for money.

The unique index on live parts lets one attempt at a time through. Here too: what names a click, and when an
attempt is asked about. Not here: asking for money (online.py, saved.py), what came of it (booking.py).
"""

import hashlib
from datetime import timedelta

from billing import attempts, ledger
from billing import company as companies
from billing.errors import BillingError
from billing.money import format_cents
from models import Invoice, Payment, PaymentPart

ASK_AT = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 45, 50, 60))  # after the page was opened
ASK_LATER = timedelta(hours=1)
ASK_CHARGE_AT = (timedelta(minutes=5), timedelta(hours=1))  # after a saved method was charged; then daily
ASK_CHARGE_LATER = timedelta(days=1)
CHANGED = "What is open changed since you looked. This is how it stands now."
STARTED_ELSEWHERE = "Another payment of this invoice has just been started."


# --- The click -----------------------------------------------------------------------------------


def click_key(customer, parts, click, method=None):
    """The key of an attempt that a page asks for; ``click`` is what the form was given when it was shown.

    The same button for the same amounts is the same click; nobody can name a click of another customer.

    method -- the saved one that is charged: another one, chosen on the same page, is another click
    """
    return f"web:{_digest(customer, parts, f'{click}|{method.id}' if method else click)}"


def by_hand_key(customer, amount_cents, parts, click):
    """The same for a payment that staff enter: with a changed amount it is another payment.

    parts -- None where the money pays the oldest invoices first
    """
    return f"staff:{_digest(customer, parts or (), f'{click}|{amount_cents}')}"


def _digest(customer, parts, click):
    meant = ",".join(f"{invoice.id}:{cents}" for invoice, cents in parts)
    return hashlib.sha256(f"{customer.id}|{click}|{meant}".encode()).hexdigest()[:48]


def same_click(customer, key):
    """The payment that this form made before, or None. A key is only good for whom it was made."""
    earlier = Payment.get_or_none(Payment.key == key)
    if earlier is not None and earlier.customer_id != customer.id:
        raise BillingError("This form belongs to another account. Open the page again.")
    return earlier


# --- What may be paid ----------------------------------------------------------------------------


def check_amount(invoice, cents):
    """Refuse an amount that cannot be paid on ``invoice`` online, with a sentence that says what can."""
    lowest = min(companies.current().minimum_payment_cents, invoice.open_cents)
    if invoice.state != Invoice.ISSUED or invoice.open_cents == 0:
        raise BillingError("There is nothing left to pay on this invoice.")
    if not lowest <= cents <= invoice.open_cents:
        most = format_cents(invoice.open_cents)
        between = most if lowest == invoice.open_cents else f"between {format_cents(lowest)} and {most}"
        raise BillingError(f"Please enter {between}.")


def check_sum(parts, cents):
    """Refuse a button that named another sum than there is to pay now: the page is shown anew.

    parts -- [(Invoice, cents)] as they stand; ``cents`` is what the button said
    """
    if not parts or cents != sum(part for _, part in parts):
        raise BillingError(CHANGED)


def _check_parts(parts):
    if not parts:
        raise BillingError("Choose at least one invoice to pay.")
    for invoice, cents in parts:
        check_amount(Invoice.get_by_id(invoice.id), cents)


def check_owner(customer, parts):
    """Raise ValueError for an invoice of somebody else: a door that asked for it has a fault."""
    for invoice, _ in parts:
        if invoice.customer_id != customer.id:
            raise ValueError(f"{invoice} is not {customer}'s")


# --- The claim -----------------------------------------------------------------------------------


def claim(customer, choose, key, today, now, **about):
    """Commit the attempt before anybody can charge for it; the unique index lets one through.

    What is owed is read under the lock, by ``choose``: since it was shown, it may have been paid or voided.
    Raises IntegrityError when another attempt claims one of the invoices, or had the same key.
    """
    with ledger.locked(customer.id):
        parts = choose()
        _check_parts(parts)
        payment = Payment.create(
            customer=customer,
            reference=attempts.reference("PL"),
            key=key,
            amount_cents=sum(cents for _, cents in parts),
            received_on=today,
            created_at=now,
            **about,
        )
        for invoice, cents in parts:
            PaymentPart.create(payment=payment, invoice=invoice, amount_cents=cents)
    return payment


def description(payment):
    """What the processor shows of an attempt."""
    return f"Invoice {', '.join(str(part.invoice.number) for part in payment.parts)}"[:255]


def in_progress_sentence(payment):
    """What a customer reads while an attempt of theirs is not concluded."""
    amount = format_cents(payment.amount_cents)
    if payment.state == Payment.HELD:
        return f"A payment of {amount} is being reviewed by our processor. You will not be charged twice."
    return (
        f"A payment of {amount} was started already and is being checked. You will not be charged twice. "
        "If its page is still open, you can finish there; otherwise please come back in an hour."
    )


def free(payment):
    """Its invoices can be paid by others again."""
    PaymentPart.update(live=False).where(PaymentPart.payment == payment).execute()


def claim_again(payment):
    """A review that begins after we stopped waiting claims its invoices again, but for those of others."""
    other = PaymentPart.alias()
    taken = other.select(other.invoice).where(other.live)
    PaymentPart.update(live=True).where(
        (PaymentPart.payment == payment) & ~PaymentPart.live & PaymentPart.invoice.not_in(taken)
    ).execute()


# --- When it is asked about ----------------------------------------------------------------------


def opened_at(payment):
    """When money could first move: its page was given, or its saved method was about to be charged."""
    return payment.form_token_at or payment.created_at


def next_question(payment, now):
    """When to ask what became of an attempt, after ``now``."""
    waits, afterwards = (ASK_CHARGE_AT, ASK_CHARGE_LATER) if payment.method_id else (ASK_AT, ASK_LATER)
    if payment.state == Payment.HELD:
        waits = ()
    return attempts.next_question(opened_at(payment), now, waits, afterwards)
