"""Sending what is queued: claimed, judged again, composed, sent, and kept as it was said.

A reminder whose sender died half way is not sent again (at most once); everything else is, under the same
Message-ID. Whether a message is still true is asked in ``judging``; how mail leaves stands in the edges.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from billing.errors import BillingError, StaleState
from billing.notices import judging
from billing.states import move
from models import Contact, Notice, Preference, db

log = logging.getLogger(__name__)
CHUNK = 50
CLAIM_LIFE = timedelta(minutes=15)  # a sender that has not answered by then is dead
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
    failures: list = field(default_factory=list)

    def __str__(self):
        return (
            f"{self.sent:,} sent, {self.printed:,} to print, {self.skipped:,} no longer needed, "
            f"{len(self.failures):,} not delivered"
        )


# --- Queueing ------------------------------------------------------------------------------------


def waiting(now):
    """A query of what may be sent now."""
    return (
        Notice.select()
        .where((Notice.state == Notice.QUEUED) & (Notice.send_at <= now))
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
    while claimed := _claim(clock.now(), CHUNK if left is None else min(CHUNK, left)):
        for at, notice in enumerate(claimed):
            trouble = _deliver(notice, send, compose, clock, report)
            if trouble and trouble.unreachable:
                _let_go(claimed[at:])
                return report
            if progress:
                progress(1)
        left = None if left is None else left - len(claimed)
    return report


def _claim(now, most):
    """Take up to ``most`` notices so that no other sender has them."""
    if most <= 0:
        return []
    ids = waiting(now).select(Notice.id).limit(most)
    if db.for_update:
        ids = ids.for_update("FOR UPDATE SKIP LOCKED")
    with db.atomic():
        taken = [id for (id,) in ids.tuples()]
        Notice.update(state=Notice.SENDING, claimed_at=now, tries=Notice.tries + 1).where(
            Notice.id.in_(taken)
        ).execute()
    return list(Notice.select().where(Notice.id.in_(taken)).order_by(Notice.send_at, Notice.id))


def give_up_dead_claims(now):
    """A sender died between claiming and reporting: did the message leave? Nobody knows.

    Reminders are not risked twice; whatever the customer must have is sent again.
    """
    dead = (Notice.state == Notice.SENDING) & (Notice.claimed_at < now - CLAIM_LIFE)
    Notice.update(
        state=Notice.FAILED,
        reason="The sender stopped half way; it may have been sent, so it is not repeated.",
    ).where(dead & (Notice.kind == Notice.REMINDER)).execute()
    Notice.update(state=Notice.QUEUED).where(dead & (Notice.kind != Notice.REMINDER)).execute()


def _let_go(claimed):
    """Nothing was tried with these: they wait as before."""
    mine = Notice.id.in_([notice.id for notice in claimed]) & (Notice.state == Notice.SENDING)
    Notice.update(state=Notice.QUEUED, tries=Notice.tries - 1).where(mine).execute()


def _deliver(notice, send, compose, clock, report):
    """Judge, print or send one claimed notice. Returns the MailNotSent when it did not leave."""
    _readdress(notice)
    try:
        if objection := judging.objection(notice, clock.today()):
            move(notice, Notice.SKIPPED, reason=objection)
            report.skipped += 1
        elif notice.channel == Preference.PAPER:
            move(notice, Notice.PRINT)
            report.printed += 1
        else:
            return _mail(notice, send, compose, clock.now(), report)
    except StaleState:
        log.info("%s was taken over by another sender", notice)


def _readdress(notice):
    """Mail goes where the contact reads it now: an address may have been put right since it was queued."""
    if notice.channel == Preference.MAIL and notice.contact and notice.kind != Notice.CONTACT_CHANGED:
        notice.address = notice.contact.email


def _mail(notice, send, compose, now, report):
    trouble = _attempt(notice, send, compose, now)
    if trouble is None:
        move(notice, Notice.SENT, sent_at=now, reason="")
        report.sent += 1
        return
    report.failures.append((notice, str(trouble)))
    if not trouble.unreachable:
        _try_later(notice, trouble, now)
    return trouble


def _attempt(notice, send, compose, now):
    """Compose and send. Returns None, or the MailNotSent that says what is known about its fate."""
    in_doubt = False
    try:
        mail = compose(notice, now)
        _keep(notice, mail, now)
        in_doubt = True
        send(notice, mail)
    except MailNotSent as trouble:
        return trouble
    except StaleState:
        raise
    except Exception as error:  # one bad message must not stop the rest
        log.exception("%s", notice)
        return MailNotSent(f"It could not be written: {error}", in_doubt=in_doubt)


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
            claimed_at=now,
        )
        .where(mine & (Notice.claimed_at == notice.claimed_at))
        .execute()
    )
    if not won:
        raise StaleState(f"{notice} is sent by somebody else.")


def _try_later(notice, trouble, now):
    repeatable = notice.kind != Notice.REMINDER or not trouble.in_doubt
    if trouble.permanent or not repeatable or notice.tries > len(RETRY_AFTER):
        move(notice, Notice.FAILED, reason=str(trouble)[:255])
        if trouble.permanent and notice.contact_id:
            Contact.update(bounced_at=now).where(Contact.id == notice.contact_id).execute()
    else:
        later = now + RETRY_AFTER[notice.tries - 1]
        move(notice, Notice.QUEUED, send_at=later, reason=str(trouble)[:255])


def print_queue():
    """A query of what waits to be printed, oldest first."""
    return Notice.select().where(Notice.state == Notice.PRINT).order_by(Notice.id)


def mark_printed(notice, *, now):
    """The paper left the house. Returns the notice; raises StaleState when it was marked already."""
    return move(notice, Notice.SENT, sent_at=now)
