"""Sending what is queued: claimed, judged again, composed, sent, and kept as it was said.

A reminder whose sender died half way is not sent again (at most once); everything else is, under the same
Message-ID. Whether a message is still true is asked in ``judging``; how mail leaves stands in the edges.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from peewee import JOIN, IntegrityError

from billing import company as companies
from billing import ledger
from billing.collections import gate
from billing.errors import BillingError, StaleState
from billing.notices import bouncing, holding, joining, judging, timing
from billing.states import move
from models import Contact, Customer, Invoice, Notice, db

log = logging.getLogger(__name__)
CHUNK = 50
CLAIM_TRIES = 5
CLAIM_LIFE = timedelta(minutes=15)  # a sender that has not answered by then is dead
BEFORE_LIVE = (Notice.SIGN_IN,)
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


def waiting(now):
    """A query of what may be sent now. Before the company is live that is nothing but links to sign in."""
    is_live = companies.is_live(companies.current(), now.date() + timedelta(days=1))  # UTC is ahead of us
    return (
        Notice.select()
        .where(
            (Notice.state == Notice.QUEUED)
            & (Notice.send_at <= now)
            & (True if is_live else Notice.kind.in_(BEFORE_LIVE))
        )
        .order_by(Notice.send_at)
    )


def send_due(*, send, compose, clock, progress=None, limit=None):
    """Send what is waiting. Returns a Report; one bad message never stops the others.

    compose -- callable(notice, now) -> an object with ``subject``, ``text``, ``html``
    send    -- callable(notice, mail); raises MailNotSent
    clock   -- asked again for every message: a long run must not look dead to another sender
    limit   -- stop after this many

    Without a mail server it stops at once; what waits goes on waiting, and no try is counted.
    """
    report, left = Report(), limit
    give_up_dead_claims(clock.now())
    while claimed := _claim(clock, CHUNK if left is None else min(CHUNK, left), report):
        for at, notice in enumerate(claimed):
            trouble = _deliver(notice, send, compose, clock, report)
            if trouble and trouble.unreachable:
                _let_go([*claimed[at:], report.failures[-1][0]])
                return report
            if progress:
                progress(1)
        left = None if left is None else left - len(claimed)
    return report


def _claim(clock, most, report):
    """Take up to ``most`` notices so that no other sender has them; what may not leave is held back."""
    if most <= 0:
        return []
    for _ in range(CLAIM_TRIES):
        try:
            taken = _claim_once(clock, most, report)
        except IntegrityError:  # somebody called while we asked: the database saw it before us
            continue
        return list(Notice.select().where(Notice.id.in_(taken)).order_by(Notice.send_at, Notice.id))
    return []


def _claim_once(clock, most, report):
    """The ids that were claimed, in one transaction with the question whether they may leave."""
    now, taken = clock.now(), []
    with db.atomic():
        while len(taken) < most:
            found = _free(now, most - len(taken), taken)
            shut = holding.hold_back(found, today=clock.today(), now=now)
            taken += [id for id in found if id not in shut]
            report.held += len(shut)
            if not shut:
                break
        Notice.update(state=Notice.SENDING, claimed_at=now, tries=Notice.tries + 1).where(
            Notice.id.in_(taken)
        ).execute()
    return taken


def _free(now, most, taken):
    ids = waiting(now).where(Notice.id.not_in(taken)).select(Notice.id).limit(most)
    if db.for_update:
        ids = ids.for_update("FOR UPDATE SKIP LOCKED")
    return [id for (id,) in ids.tuples()]


def give_up_dead_claims(now):
    """A sender died between claiming and reporting: did the message leave? Nobody knows.

    Reminders are not risked twice; whatever the customer must have is sent again.
    """
    dead = (Notice.state == Notice.SENDING) & (Notice.claimed_at < now - CLAIM_LIFE)
    once = Notice.kind.in_(Notice.ONCE_AT_MOST)
    Notice.update(
        state=Notice.FAILED,
        reason="The sender stopped half way; it may have been sent, so it is not repeated.",
    ).where(dead & once & (Notice.message_id != "")).execute()
    Notice.update(state=Notice.QUEUED).where(dead & ~(once & (Notice.message_id != ""))).execute()


def _let_go(claimed):
    """Nothing was tried with these: they wait as before."""
    mine = Notice.id.in_([notice.id for notice in claimed]) & (Notice.state == Notice.SENDING)
    Notice.update(message_id="").where(mine & (Notice.tries == 1)).execute()
    Notice.update(state=Notice.QUEUED, tries=Notice.tries - 1).where(mine).execute()


def _deliver(notice, send, compose, clock, report):
    """Judge, print or send one claimed notice. Returns the MailNotSent when it did not leave."""
    try:
        with companies.read_once():
            prepared = _prepare(notice, compose, clock, report)
    except StaleState:
        log.info("%s was taken over by another sender, or said in another message", notice)
        return None
    except IntegrityError as error:  # somebody called while it was written: the database did not let it go
        if _stopped(notice, clock, report):
            return None
        return _unwritten(notice, error, clock, report)
    except Exception as error:  # one bad message must not stop the rest
        return _unwritten(notice, error, clock, report)
    return _hand_over(*prepared, send, clock, report) if prepared else None


def _unwritten(notice, error, clock, report):
    log.exception("%s", notice)
    return _undelivered(notice, MailNotSent(f"It could not be written: {error}"), clock.now(), report)


def _stopped(notice, clock, report):
    """True when something came up since it was claimed for which this message may not leave: it is held."""
    stopped = notice.kind in Notice.GATED and holding.hold_back(
        [notice.id], today=clock.today(), now=clock.now()
    )
    report.held += len(stopped or ())
    return bool(stopped)


def _prepare(notice, compose, clock, report):
    """All that comes before sending, in one transaction in which nobody moves this customer's money.

    What was paid before it is not reminded of; what is written in the message is so while it is kept. Returns
    (notice, mail), or None when nothing is to be sent now. Raises StaleState when it is not ours any more.
    """
    now, today = clock.now(), clock.today()
    with ledger.locked(notice.customer_id):
        notice = _as_it_is(notice)
        if objection := judging.objection(notice, today=today, now=now):
            move(notice, Notice.SKIPPED, reason=objection)
            joining.let_go(notice)
            report.skipped += 1
        elif bouncing.goes_nowhere(notice):
            move(notice, Notice.SKIPPED, reason=bouncing.DEAD)
            joining.let_go(notice)
            bouncing.fall_back(notice, now=now)
            report.skipped += 1
        elif against := gate.check(notice, today=today, now=now):
            holding.hold(notice, against, now=now)
            report.held += 1
        elif (later := timing.not_before(notice, now)) > now:
            move(notice, Notice.QUEUED, send_at=later, tries=notice.tries - 1)
            report.later += 1
        elif notice.channel == Notice.PAPER:
            move(notice, Notice.PRINT)
            report.printed += 1
        else:
            lead = joining.gather(notice, today=today, now=now)
            mail = compose(lead, now)
            _keep(lead, mail, now)
            return lead, mail
    return None


def _as_it_is(claimed):
    """The Notice with its people and its invoice, as they are in this transaction.

    Mail goes where the contact reads it now: an address may have been put right since it was queued. Raises
    StaleState when another sender took the notice over, or said it in another message.
    """
    mine = (Notice.id == claimed.id) & (Notice.state == Notice.SENDING)
    notice = (
        Notice.select(Notice, Customer, Contact, Invoice)
        .join(Customer)
        .join_from(Notice, Contact, JOIN.LEFT_OUTER)
        .join_from(Notice, Invoice, JOIN.LEFT_OUTER)
        .where(mine & (Notice.claimed_at == claimed.claimed_at))
        .first()
    )
    if notice is None:
        raise StaleState(f"{claimed} is sent by somebody else.")
    if notice.invoice_id and notice.invoice.customer_id == notice.customer_id:
        notice.invoice.customer = notice.customer
    if notice.channel == Notice.MAIL and notice.contact_id and notice.kind != Notice.CONTACT_CHANGED:
        notice.address = notice.contact.email
        notice._dirty.clear()
    return notice


def _hand_over(notice, mail, send, clock, report):
    if _stopped(notice, clock, report):
        return None
    trouble = _attempt(notice, mail, send)
    if trouble:
        return _undelivered(notice, trouble, clock.now(), report)
    try:
        move(notice, Notice.SENT, sent_at=clock.now(), reason="")
        report.sent += 1
    except StaleState:
        log.info("%s took so long that another sender took it over", notice)
    return None


def _attempt(notice, mail, send):
    """Send. Returns None, or the MailNotSent that says what is known about its fate."""
    try:
        send(notice, mail)
    except MailNotSent as trouble:
        return trouble
    except Exception as error:  # one bad message must not stop the rest
        log.exception("%s", notice)
        return MailNotSent(f"It could not be sent: {error}", in_doubt=True)


def _undelivered(notice, trouble, now, report):
    """Note what became of a message that did not leave. Returns ``trouble``."""
    report.failures.append((notice, str(trouble)))
    try:
        if not trouble.unreachable:
            _try_later(notice, trouble, now)
    except StaleState:
        log.info("%s was taken over by another sender", notice)
    return trouble


def _keep(notice, mail, now):
    """Store what is about to be said, before it leaves, and renew the claim.

    The secret part of links is left out. Raises StaleState when another sender took the notice over.
    """
    mine = (Notice.id == notice.id) & (Notice.state == Notice.SENDING)
    won = (
        Notice.update(
            address=notice.address,
            subject=mail.subject[:255],
            body_text=mail.kept_text,
            body_html=mail.kept_html,
            message_id=mail.message_id,
            template=getattr(mail, "template", None),
            text_sha256=getattr(mail, "text_sha256", ""),
            claimed_at=now,
        )
        .where(mine & (Notice.claimed_at == notice.claimed_at))
        .execute()
    )
    if not won:
        raise StaleState(f"{notice} is sent by somebody else.")


def _try_later(notice, trouble, now):
    repeatable = notice.kind not in Notice.ONCE_AT_MOST or not trouble.in_doubt
    if trouble.permanent or not repeatable or notice.tries > len(RETRY_AFTER):
        reason = str(trouble)[:255]
        move(notice, Notice.FAILED, reason=reason)
        joining.failed_with(notice, reason)
        if trouble.permanent:
            bouncing.came_back(notice, code=bouncing.HARD, text=reason, now=now)
    else:
        later = now + RETRY_AFTER[notice.tries - 1]
        move(notice, Notice.QUEUED, send_at=later, reason=str(trouble)[:255])


def print_queue():
    """A query of what waits to be printed, oldest first."""
    return Notice.select().where(Notice.state == Notice.PRINT).order_by(Notice.id)


def mark_printed(notice, *, today, now):
    """The paper left the house. Returns the notice; raises StaleState when it was marked already.

    Raises BillingError for what presses somebody who waits for us: it is kept back instead of posted.
    """
    if against := gate.check(notice, today=today, now=now):
        raise BillingError(f"Do not post it, and wait with it: {gate.sentence(against)}")
    return move(notice, Notice.SENT, sent_at=now)
