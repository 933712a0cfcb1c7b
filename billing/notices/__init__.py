"""Messages that wait to be sent: queued in a transaction, and what holds for them wherever they stand.

A use case never sends; it queues a Notice in its own transaction. Callers say ``notices.queue_receipt``; the
names that they need are gathered here: ``queueing`` has one function for each message. Beside it ``timing``
(when a message of collection may leave), ``resting`` (a customer's messages on hold) and ``bouncing`` (what
did not arrive). Not here: what is due (``billing.reminding``), and what judges, holds and sends
(``billing.outbox``); this knows nothing of either.
"""

from billing.notices.queueing import (
    WHY_RECEIPT,
    payers_with_mail,
    queue,
    queue_above_cap,
    queue_autopay_off,
    queue_autopay_on,
    queue_canceled,
    queue_charge_declined,
    queue_charge_letters,
    queue_consent_confirm,
    queue_contact_changed,
    queue_credit_given,
    queue_dispute,
    queue_fresh_link,
    queue_invoices,
    queue_late_fee,
    queue_method_changed,
    queue_method_expiring,
    queue_method_problem,
    queue_payment_problem,
    queue_postponed,
    queue_receipt,
    queue_refund,
    queue_sign_in,
    queue_ticket_closed,
    queue_ticket_received,
    queue_ticket_reply,
    queue_upcoming,
    resend,
    tell,
)

__all__ = [
    "WHY_RECEIPT",
    "payers_with_mail",
    "queue",
    "queue_above_cap",
    "queue_autopay_off",
    "queue_autopay_on",
    "queue_charge_declined",
    "queue_charge_letters",
    "queue_consent_confirm",
    "queue_contact_changed",
    "queue_canceled",
    "queue_credit_given",
    "queue_dispute",
    "queue_fresh_link",
    "queue_invoices",
    "queue_late_fee",
    "queue_method_changed",
    "queue_method_expiring",
    "queue_method_problem",
    "queue_payment_problem",
    "queue_postponed",
    "queue_receipt",
    "queue_refund",
    "queue_sign_in",
    "queue_ticket_closed",
    "queue_ticket_received",
    "queue_ticket_reply",
    "queue_upcoming",
    "resend",
    "tell",
]
