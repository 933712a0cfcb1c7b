"""What sends the messages that were queued: each once, judged again, and held where the gate says so.

The names that callers need are gathered here: ``outbox.send_due``. In the order of the story: ``claiming``
(no other sender has it), ``judging`` (still true and wanted?), ``holding`` (what the gate keeps back, and
lets go), ``joining`` (what else to say with it), ``ahead`` (plain ones many at once), ``sending`` (composed,
sent, kept as it was said). What queues messages stands in ``billing.notices``, and asks nothing of this.
"""

from billing.outbox.claiming import waiting
from billing.outbox.sending import (
    RETRY_AFTER,
    MailNotSent,
    Report,
    mark_printed,
    print_queue,
    send_due,
)

__all__ = ["RETRY_AFTER", "MailNotSent", "Report", "mark_printed", "print_queue", "send_due", "waiting"]
