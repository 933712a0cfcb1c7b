"""Payments of long ago, many at once: the rows that ``billing.payments`` writes, by bulk inserts.

Only for the plain case, all that is open paid in full; everything else goes through the use cases, as do
all payments of the last weeks. ``billing.checks`` asks the same of these rows as of any others.
"""

from typing import NamedTuple

from billing import attempts, ledger, notices
from billing.demo import cast
from models import Event, Notice, Payment, PaymentPart, Preference, insert_rows


class Paid(NamedTuple):
    """One payment of the past. ``parts`` is [(invoice id, cents)]."""

    payer: object
    parts: list
    day: object
    at: object
    reference: str
    label: str
    check_number: str = ""
    transaction_id: str | None = None

    @property
    def online(self):
        return self.payer.way in Payment.BY_PROCESSOR

    @property
    def amount_cents(self):
        return sum(cents for _, cents in self.parts)


def reference(rng):
    """A reference as the product makes them, from the seed."""
    return attempts.reference("PL", rng)


def book(paid):
    """Write these payments, what they paid, their receipts and their audit. Returns nothing."""
    if not paid:
        return
    _insert_payments(paid)
    ids = dict(
        Payment.select(Payment.reference, Payment.id)
        .where(Payment.reference << [one.reference for one in paid])
        .tuples()
    )
    parts = [(ids[one.reference], invoice, cents, one) for one in paid for invoice, cents in one.parts]
    insert_rows(
        PaymentPart,
        ("payment_id", "invoice_id", "amount_cents", "live"),
        [(id, invoice, cents, False) for id, invoice, cents, one in parts if one.online],
    )
    for online, by in ((True, "processor"), (False, cast.OFFICE)):
        mine = [(id, invoice, cents, one.day) for id, invoice, cents, one in parts if one.online == online]
        ledger.apply_many(mine, by=by)
    _insert_receipts(paid, ids)
    _insert_events(paid, ids)


def _insert_payments(paid):
    columns = (
        "customer_id",
        "reference",
        "key",
        "state",
        "kind",
        "amount_cents",
        "open_cents",
        "received_on",
        "method_label",
        "check_number",
        "transaction_id",
        "auth_code",
        "form_token",
        "asks",
        "reason",
        "entered_by",
        "note",
        "created_at",
        "concluded_at",
    )
    rows = [
        (
            one.payer.customer.id,
            one.reference,
            f"demo:{one.reference}",
            Payment.SETTLED if one.online else Payment.APPROVED,
            one.payer.way,
            one.amount_cents,
            one.amount_cents,
            one.day,
            one.label,
            one.check_number,
            one.transaction_id,
            "",
            "",
            0,
            "",
            "" if one.online else cast.OFFICE,
            "",
            one.at,
            one.at,
        )
        for one in paid
    ]
    insert_rows(Payment, columns, rows)


def _insert_receipts(paid, ids):
    columns = (
        "key",
        "kind",
        "channel",
        "state",
        "customer_id",
        "contact_id",
        "payment_id",
        "address",
        "why",
        "subject",
        "body_text",
        "body_html",
        "message_id",
        "reason",
        "tries",
        "send_at",
        "created_at",
    )
    rows = [
        (
            f"receipt:{ids[one.reference]}:{one.payer.contact.id}",
            Notice.RECEIPT,
            Preference.MAIL,
            Notice.QUEUED,
            one.payer.customer.id,
            one.payer.contact.id,
            ids[one.reference],
            one.payer.contact.email,
            notices.WHY_RECEIPT,
            "",
            "",
            "",
            "",
            "",
            0,
            one.at,
            one.at,
        )
        for one in paid
        if one.payer.contact.email
    ]
    insert_rows(Notice, columns, rows)


def _insert_events(paid, ids):
    columns = ("at", "by", "what", "about_table", "about_id", "customer_id", "reason", "before", "after")
    rows = [
        (
            one.at,
            "processor" if one.online else cast.OFFICE,
            f"payment.{'approved' if one.online else 'recorded'}",
            "payment",
            ids[one.reference],
            one.payer.customer.id,
            "",
            "",
            "",
        )
        for one in paid
    ]
    insert_rows(Event, columns, rows)
