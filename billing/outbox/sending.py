"""Sending what is claimed: judged again, composed, sent, and kept as it was said.

A reminder whose sender died half way is not sent again (at most once); everything else is, under the same
Message-ID. How messages are taken from the queue stands in ``claiming``; whether one is still true is asked
in ``judging``, for many plain ones at once in ``ahead``; how mail leaves stands in the edges.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from peewee import IntegrityError

from billing import company as companies
from billing import ledger, localtime, prepared
from billing.collections import gate
from billing.errors import BillingError, StaleState
from billing.notices import bouncing, timing
from billing.outbox import ahead, claiming, holding, joining, judging
from billing.states import move
from models import Notice, change, db, in_one_trip

log = logging.getLogger(__name__)
CHUNK = 100  # claimed, and at most read ahead, at once
FEWEST = 4  # for fewer it is no use to read ahead
RETRY_AFTER = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))


class MailNotSent(BillingError):
    """The mail server did not take a message.

    permanent   -- it never will, at this address
    in_doubt    -- it hung up after it had the message: perhaps it left
    unreachable -- there is no server to talk to: no other message would leave either
    """

    def __init__(self, sentence, *, permanent=False, in_doubt=False, unreachable=False):
        super().__init__(sentence)
        self.permanent = permanent
        self.in_doubt = in_doubt
        self.unreachable = unreachable


class _Unreachable(Exception):
    """There is no mail server to talk to; ``notice`` is what found out."""

    def __init__(self, notice):
        super().__init__()
        self.notice = notice


class _SomebodyWrote(Exception):
    """What was read ahead may be so no longer."""


@dataclass
class Report:
    """What the sender did, in counts; ``failures`` is [(notice, why)]."""

    sent: int = 0
    printed: int = 0
    skipped: int = 0
    later: int = 0
    held: int = 0
    failures: list = field(default_factory=list)

    def __str__(self):
        return (
            f"{self.sent:,} sent, {self.printed:,} to print, {self.skipped:,} no longer needed, "
            f"{len(self.failures):,} not delivered"
            + (f", {self.later:,} wait for a better hour" if self.later else "")
            + (f", {self.held:,} held back: something stands open" if self.held else "")
        )


# --- Sending -------------------------------------------------------------------------------------


def send_due(*, send, compose, clock, progress=None, limit=None):
    """Send what is waiting. Returns a Report; one bad message never stops the others.

    compose -- callable(notice, now) -> an object with ``subject``, ``text``, ``html``; where it has
               ``reading(notices, today)``, that gives a context in which these are written in fewer queries
    send    -- callable(notice, mail); raises MailNotSent. What it hands over without waiting for an answer it
               returns as callable(), which waits for it and raises MailNotSent: called before the next one
    clock   -- asked again for every message: a long run must not look dead to another sender
    limit   -- stop after this many

    Without a mail server it stops at once; what waits goes on waiting, and no try is counted.
    """
    report, left = Report(), limit
    claiming.give_up_dead_claims(clock.now())
    run = _Run(send, compose, clock, report, progress)
    while claimed := claiming.take(clock, CHUNK if left is None else min(CHUNK, left), report):
        if untried := run.deliver(claimed):
            claiming.let_go(untried)
            return report
        left = None if left is None else left - len(claimed)
    return report


class _Run:
    """A sender at work, one message at a time.

    While the server stores a message, the next one is written. That the server took it is noted in the
    transaction in which the next one begins to leave. Nothing is handed over between the two: a sender that
    is killed leaves one message of which nobody knows.
    """

    def __init__(self, send, compose, clock, report, progress):
        self._send, self._compose, self._clock, self._report = send, compose, clock, report
        self._progress = progress or (lambda count: None)
        self._most = CHUNK  # read ahead: fewer while others write, none while they write all the time
        self._untried = []  # claimed
        self._on_its_way = None  # (notice, what waits for the server's word): handed over
        self._taken = None  # (notice, when): the server has it, and it is not noted yet

    def deliver(self, claimed):
        """Deliver these. Returns those that were not tried, where no mail server can be reached."""
        self._untried, self._most = list(claimed), max(self._most, FEWEST)
        plain = [one for one in claimed if ahead.is_plain(one)]
        try:
            for notice in claimed:
                if not ahead.is_plain(notice):
                    self._deliver(notice)
            while plain:
                plain = self._deliver_plain(plain)
        except _Unreachable as end:
            return [*self._untried, end.notice]
        finally:
            self._settle()
        return []

    def _deliver_plain(self, plain):
        """Deliver some of these, read ahead while nobody else writes. Returns what is left of them."""
        if not self._most:
            self._deliver(plain[0])
            return plain[1:]
        self._settle()
        now, later = plain[: self._most], plain[self._most :]
        window = ahead.Window(now, self._compose, self._clock)
        ready = [one for one in now if window.has(one)]
        while ready and self._deliver(ready.pop(0), window):
            pass
        for notice in now:
            if not window.has(notice):
                self._deliver(notice)
        self._most = min(self._most * 2, CHUNK) if not ready else self._most // 2
        self._most = self._most if self._most >= FEWEST else 0
        return ready + later

    def _deliver(self, notice, window=None):
        """Judge, print or send one claimed notice. True when that was done ahead, in ``window``."""
        written = self._written(notice, window)
        self._hear()
        self._untried.remove(notice)
        is_ahead, prepared = False, None
        try:
            is_ahead = written is not None and self._leaves(window, *written)
            prepared = written if is_ahead else self._judged(notice)
        except StaleState:
            log.info("%s was taken over by another sender, or said in another message", notice)
        except IntegrityError as error:  # the database did not let it go: somebody called meanwhile
            if not self._stopped(notice):
                self._unwritten(notice, error)
        except Exception as error:  # one bad message must not stop the rest
            self._unwritten(notice, error)
        else:
            if prepared:
                self._hand_over(*prepared)
        self._progress(1)
        return is_ahead

    def _written(self, notice, window):
        """(notice, mail) as judged and written ahead, else None."""
        try:
            return window.write(notice) if window else None
        except Exception:  # it is written by itself, and what is wrong with it is told there
            log.info("%s could not be written ahead", notice, exc_info=True)
            return None

    def _leaves(self, window, notice, mail):
        """Let a message that was written ahead begin to leave; False, and nothing done, if somebody wrote."""
        now = self._clock.now()
        try:
            with in_one_trip() as arrived:
                ledger.lock(notice.customer_id)
                holds, booked = window.holds(), self._book_taken()
                kept = _begin(notice, mail, now)
                arrived()
                if not holds():
                    raise _SomebodyWrote
                _kept(notice, kept, now)
                window.ours()
        except _SomebodyWrote:
            return False
        self._noted(booked)
        return True

    def _judged(self, notice):
        """Judge and write one message in the transaction in which it leaves; None when it does not."""
        with companies.read_once(), ledger.locked(notice.customer_id):
            booked, prepared = self._book_taken(), self._prepare(notice)
        self._noted(booked)
        return prepared

    def _hand_over(self, notice, mail):
        if self._is_stopped_now(notice):
            return
        try:
            hear = self._send(notice, mail)
        except Exception as error:  # one bad message must not stop the rest
            self._failed(notice, error)
        else:
            self._on_its_way = notice, hear or (lambda: None)

    def _hear(self):
        """Wait for what the server says of the message that is on its way."""
        (notice, hear), self._on_its_way = self._on_its_way or (None, None), None
        try:
            if notice:
                hear()
        except Exception as error:  # one bad message must not stop the rest
            self._failed(notice, error)
        else:
            self._taken = (notice, self._clock.now()) if notice else self._taken

    def _is_stopped_now(self, notice):
        """The last look, after the message was written: nothing has left so far, whatever goes wrong."""
        try:
            return self._stopped(notice)
        except StaleState:
            log.info("%s was taken over by another sender", notice)
        except Exception as error:  # one bad message must not stop the rest
            self._unwritten(notice, error)
        return True

    def _failed(self, notice, error):
        """Note what is known about the fate of a message that the server did not take."""
        trouble = error
        if not isinstance(error, MailNotSent):
            log.error("%s", notice, exc_info=error)
            trouble = MailNotSent(f"It could not be sent: {error}", in_doubt=True)
        self._undelivered(notice, trouble)
        if trouble.unreachable:
            raise _Unreachable(notice)

    def _unwritten(self, notice, error):
        log.exception("%s", notice)
        self._undelivered(notice, MailNotSent(f"It could not be written: {error}"))

    def _undelivered(self, notice, trouble):
        self._report.failures.append((notice, str(trouble)))
        try:
            if not trouble.unreachable:
                _try_later(notice, trouble, self._clock.now())
        except StaleState:
            log.info("%s was taken over by another sender", notice)

    def _stopped(self, notice):
        """True when something came up since for which this message may not leave: it is held."""
        stopped = notice.kind in Notice.GATED and holding.hold_back(
            [notice.id], today=self._clock.today(), now=self._clock.now()
        )
        self._report.held += len(stopped or ())
        return bool(stopped)

    def _book_taken(self):
        """Note that the server took the message before, in this transaction; callable(): how many it was."""
        return _book(*self._taken) if self._taken else lambda: 0

    def _noted(self, booked):
        if self._taken and not booked():
            log.info("%s took so long that another sender took it over", self._taken[0])
        self._report.sent += booked()
        self._taken = None

    def _settle(self):
        """Leave nothing open: hear of what is on its way, and note what the server took."""
        self._hear()
        self._noted(self._book_taken())

    def _prepare(self, notice):
        """All that comes before sending, in a transaction in which nobody moves this customer's money.

        What was paid before it is not reminded of; what is written in the message is so while it is kept.
        Returns (notice, mail), or None when nothing is to be sent now. Raises StaleState when it is not ours
        any more.
        """
        now, today = self._clock.now(), self._clock.today()
        notice = _as_it_is(notice)
        if objection := judging.objection(notice, today=today, now=now):
            move(notice, Notice.SKIPPED, reason=objection)
            joining.let_go(notice)
            self._report.skipped += 1
        elif bouncing.goes_nowhere(notice):
            move(notice, Notice.SKIPPED, reason=bouncing.DEAD)
            joining.let_go(notice)
            bouncing.fall_back(notice, now=now)
            self._report.skipped += 1
        elif against := gate.check(notice, today=today, now=now):
            holding.hold(notice, against, now=now)
            self._report.held += 1
        elif (later := timing.not_before(notice, now)) > now:
            move(notice, Notice.QUEUED, send_at=later, tries=notice.tries - 1)
            self._report.later += 1
        elif notice.channel == Notice.PAPER:
            move(notice, Notice.PRINT)
            self._report.printed += 1
        else:
            lead = joining.gather(notice, today=today, now=now)
            mail, at = self._compose(lead, now), self._clock.now()
            _kept(lead, _begin(lead, mail, at), at)
            return lead, mail
        return None


def _as_it_is(claimed):
    """The Notice with its people and its invoice, as they are in this transaction.

    Raises StaleState when another sender took it over, or said it in another message.
    """
    notice = claiming.as_they_are([claimed]).get(claimed.id)
    if notice is None:
        raise StaleState(f"{claimed} is sent by somebody else.")
    return notice


def _begin(notice, mail, now):
    """Store what is about to be said, before it leaves, and renew the claim: callable() for ``_kept``.

    The secret part of links is left out.
    """
    if hasattr(mail, "write_links"):
        mail.write_links()
    template = getattr(mail, "template", None)
    said = (
        notice.address, mail.subject[:255], mail.kept_text, mail.kept_html, mail.message_id,
        template and template.id, getattr(mail, "text_sha256", ""), now,
    )  # fmt: skip
    return change(_KEEP, (*said, notice.id, Notice.SENDING, notice.claimed_at))


def _kept(notice, kept, now):
    """Raises StaleState when another sender took the notice over."""
    if not kept():
        raise StaleState(f"{notice} is sent by somebody else.")
    notice.claimed_at = now
    notice._dirty.clear()


_KEEP = prepared.Text(
    "UPDATE notice SET address = ?, subject = ?, body_text = ?, body_html = ?, message_id = ?, "
    "template_id = ?, text_sha256 = ?, claimed_at = ? WHERE id = ? AND state = ? AND claimed_at = ?"
)


def _book(notice, at):
    """Note that a message left at an instant; callable(): 0 when another sender took it over meanwhile."""
    return change(_BOOK, (Notice.SENT, at, "", notice.id, Notice.SENDING))


_BOOK = prepared.Text("UPDATE notice SET state = ?, sent_at = ?, reason = ? WHERE id = ? AND state = ?")


def _try_later(notice, trouble, now):
    """Put it back for another try, or give it up together with what was to be said in it.

    Raises StaleState when another sender took it over: what becomes of it is that one's to say.
    """
    repeatable = notice.kind not in Notice.ONCE_AT_MOST or not trouble.in_doubt
    ours = Notice.claimed_at == notice.claimed_at
    with db.atomic():
        if trouble.permanent or not repeatable or notice.tries > len(RETRY_AFTER):
            reason = str(trouble)[:255]
            move(notice, Notice.FAILED, where=ours, reason=reason)
            joining.failed_with(notice, reason)
            if trouble.permanent:
                bouncing.came_back(notice, code=bouncing.HARD, text=reason, now=now)
        else:
            later = now + RETRY_AFTER[notice.tries - 1]
            move(notice, Notice.QUEUED, where=ours, send_at=later, reason=str(trouble)[:255])


def print_queue():
    """A query of what waits to be printed, oldest first."""
    return Notice.select().where(Notice.state == Notice.PRINT).order_by(Notice.id)


def mark_printed(notice, *, today, now, mailed_on=None):
    """The paper left the house. Returns the notice; raises StaleState when it was marked already.

    mailed_on -- the day on which it was brought to the post, where that is noted later: that is when it left

    Raises BillingError for what presses somebody who waits for us: it is kept back instead of posted.
    """
    if against := gate.check(notice, today=today, now=now):
        raise BillingError(f"Do not post it, and wait with it: {gate.sentence(against)}")
    return move(notice, Notice.SENT, sent_at=_left_at(notice, mailed_on, today, now))


def _left_at(notice, mailed_on, today, now):
    """The instant as which a day of mailing counts: noon there, but not before the letter was made."""
    if mailed_on in (None, today):
        return now
    zone = ZoneInfo(companies.current().time_zone)
    return min(max(localtime.at_hour(mailed_on, 12, zone), notice.claimed_at or notice.created_at), now)
