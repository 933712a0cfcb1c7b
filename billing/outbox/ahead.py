"""Plain messages judged and written many at once, ahead of the transaction in which each leaves.

What is asked at the moment of sending is asked here for a whole window, in a few queries, and holds as long
as nobody writes to the database (``stillness``): asking once more would give the same answers. So each
message still leaves as judged by all that is known then. The sender asks anew as soon as somebody wrote, and
for whatever is not plain: what may not leave, has to wait, is joined with others, or presses for money.
"""

from contextlib import nullcontext

from billing import company as companies
from billing import stillness
from billing.notices import bouncing
from billing.outbox import claiming, joining, judging
from models import Notice

KINDS = (Notice.INVOICE, Notice.REMINDER, Notice.RECEIPT)


def is_plain(notice):
    """True for the mails that go out by the thousand: whether they may leave needs nothing but reading."""
    is_mail = notice.channel == Notice.MAIL and notice.contact_id is not None
    is_alone = not notice.legal and not notice.message_id and notice.installment_id is None
    return notice.kind in KINDS and is_mail and is_alone


class Window:
    """A few claimed notices, read together; ``holds`` while nobody else wrote."""

    def __init__(self, claimed, compose, clock):
        self._today, self._compose, self._clock = clock.today(), compose, clock
        self._still = stillness.Still()
        rows = claiming.as_they_are(claimed)
        with companies.read_once():
            self._ready = self._may_leave(list(rows.values()), clock.now())
            ready = list(self._ready.values())
            self._reading = (
                compose.reading(ready, self._today) if hasattr(compose, "reading") else nullcontext
            )

    def _may_leave(self, rows, now):
        """{id: Notice} of those that leave as they are, with nothing else said in them."""
        alone = joining.alone(rows, now=now)
        known = judging.read(rows, today=self._today, now=now)
        return {
            row.id: row
            for row in rows
            if row.id in alone
            and not judging.objection(row, today=self._today, now=now, known=known)
            and not bouncing.goes_nowhere(row)
        }

    def has(self, notice):
        """True when this notice leaves as it is, as far as is known by now."""
        return notice.id in self._ready

    def write(self, notice):
        """(the Notice with its people, its mail), or None when it has to be judged and written by itself."""
        row = self._ready.get(notice.id)
        if row is None or self._clock.today() != self._today:
            return None
        row.said_too = ()  # it stands alone: nobody has to ask again
        with self._reading():
            return row, self._compose(row, self._clock.now())

    def holds(self):
        """callable(): True while what was read is still so. Asked in the transaction in which one leaves."""
        return self._still.asked()

    def ours(self):
        """What was written in this transaction was about the message that leaves. Said last in it."""
        self._still.ours()
