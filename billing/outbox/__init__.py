"""What sends the messages that were queued: each once, judged again, and held where the gate says so.

The names that callers need are gathered here: ``outbox.send_due``. The sender claims a Notice
(``billing.notices.claiming``), looks whether it is still true and wanted (``judging``), may leave
(``holding``, ``timing``) and what else to say with it (``joining``), has it composed, sends it (``sending``;
plain ones ``ahead``), and keeps what was said. What queues messages stands in ``billing.notices``, and asks
nothing of this.
"""

from billing.notices.claiming import waiting
from billing.notices.sending import (
    RETRY_AFTER,
    MailNotSent,
    Report,
    mark_printed,
    print_queue,
    send_due,
)

__all__ = ["RETRY_AFTER", "MailNotSent", "Report", "mark_printed", "print_queue", "send_due", "waiting"]
