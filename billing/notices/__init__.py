"""The outbox and the history of every message: queued in a transaction, judged again when sent.

A use case never sends; it queues a Notice in its own transaction. The sender claims it, looks once more
whether it is still true and wanted, has it composed, sends it, and keeps what was said. In the order of the
story: ``queueing`` (one function for each message), ``policies`` (when somebody hears of what is open),
``reminding`` (what is due by them), ``drafts`` (what a person reads first), ``judging`` (is it still right),
``timing`` (may it leave now), ``joining`` (what else to say), ``sending``, ``bouncing``. Callers say
``notices.queue_receipt``; the names they need are gathered here.
"""

from billing.notices.queueing import (
    WHY_RECEIPT,
    payers_with_mail,
    queue,
    queue_above_cap,
    queue_autopay_off,
    queue_autopay_on,
    queue_charge_declined,
    queue_charge_letters,
    queue_contact_changed,
    queue_fresh_link,
    queue_invoices,
    queue_method_changed,
    queue_method_expiring,
    queue_method_problem,
    queue_payment_problem,
    queue_postponed,
    queue_receipt,
    queue_refund,
    queue_sign_in,
    queue_ticket_reply,
    queue_upcoming,
    resend,
    tell,
)
from billing.notices.reminding import queue_reminders
from billing.notices.sending import (
    CLAIM_LIFE,
    RETRY_AFTER,
    MailNotSent,
    Report,
    give_up_dead_claims,
    mark_printed,
    print_queue,
    send_due,
    waiting,
)

__all__ = [
    "CLAIM_LIFE",
    "RETRY_AFTER",
    "WHY_RECEIPT",
    "MailNotSent",
    "Report",
    "give_up_dead_claims",
    "mark_printed",
    "payers_with_mail",
    "print_queue",
    "queue",
    "queue_above_cap",
    "queue_autopay_off",
    "queue_autopay_on",
    "queue_charge_declined",
    "queue_charge_letters",
    "queue_contact_changed",
    "queue_fresh_link",
    "queue_invoices",
    "queue_method_changed",
    "queue_method_expiring",
    "queue_method_problem",
    "queue_payment_problem",
    "queue_postponed",
    "queue_receipt",
    "queue_refund",
    "queue_reminders",
    "queue_sign_in",
    "queue_ticket_reply",
    "queue_upcoming",
    "resend",
    "send_due",
    "tell",
    "waiting",
]
