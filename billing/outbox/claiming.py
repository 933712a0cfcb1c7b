"""Taking messages from the queue so that no other sender has them, and letting them go again.

A sender that dies leaves what it took behind: what becomes of that stands here too. What is done with a
message that was taken stands in ``sending``.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from peewee import IntegrityError

from billing import company as companies
from billing.outbox import holding
from models import Contact, Customer, Invoice, Notice, among, db

log = logging.getLogger(__name__)
TRIES = 5
REFUSED_FOR = timedelta(hours=1)  # what the database alone refuses waits so long before it is tried again
CLAIM_LIFE = timedelta(minutes=15)  # a sender that has not answered by then is dead
BEFORE_LIVE = (Notice.SIGN_IN,)


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


def take(clock, most, report):
    """Take up to ``most`` notices so that no other sender has them; what may not leave is held back."""
    if most <= 0:
        return []
    try:
        taken = _take(clock, most, report)
    except IntegrityError as error:
        log.error("The gate lets leave what the database does not: %s", error)
        taken = _take_one_by_one(clock, most, report)
    return list(Notice.select().where(Notice.id.in_(taken)).order_by(Notice.send_at, Notice.id))


def _take(clock, most, report, *only):
    """The ids that were taken. Raises IntegrityError when the database refuses one of them time and again."""
    for _ in range(TRIES - 1):
        with suppress(IntegrityError):  # somebody called while we asked: the database saw it before us
            return _take_once(clock, most, report, only)
    return _take_once(clock, most, report, only)


def _take_one_by_one(clock, most, report):
    """The same where the database refuses one: that waits a while, and stops nobody else's message."""
    now, taken = clock.now(), []
    for (id,) in list(waiting(now).select(Notice.id).limit(most).tuples()):
        try:
            taken += _take(clock, 1, report, id)
        except IntegrityError as error:
            why = f"The database does not let it leave: {str(error).splitlines()[0]}"[:255]
            mine = (Notice.id == id) & (Notice.state == Notice.QUEUED)
            Notice.update(send_at=now + REFUSED_FOR, reason=why).where(mine).execute()
    return taken


def _take_once(clock, most, report, only):
    """The ids that were taken, in one transaction with the question whether they may leave."""
    now, taken, held = clock.now(), [], 0
    with db.atomic():
        while len(taken) < most:
            found = _free(now, most - len(taken), taken, only)
            shut = holding.hold_back(found, today=clock.today(), now=now)
            taken += [id for id in found if id not in shut]
            held += len(shut)
            if not shut:
                break
        if taken:
            Notice.update(state=Notice.SENDING, claimed_at=now, tries=Notice.tries + 1).where(
                Notice.id.in_(taken)
            ).execute()
    report.held += held
    return taken


def _free(now, most, taken, only):
    mine = Notice.id.in_(only) if only else Notice.id.not_in(taken)
    ids = waiting(now).where(mine).select(Notice.id).limit(most)
    if db.for_update:
        ids = ids.for_update("FOR UPDATE SKIP LOCKED")
    return [id for (id,) in ids.tuples()]


def as_they_are(taken):
    """{id: Notice} of those that are still ours, with their people and invoice as they are now.

    Mail goes where the contact reads it now: an address may have been put right since it was queued. Left
    out is what another sender took over, or said in another message.
    """
    claimed_at = {one.id: one.claimed_at for one in taken}
    query = Notice.select().where(among(Notice.id, list(claimed_at)) & (Notice.state == Notice.SENDING))
    ours = [one for one in query if one.claimed_at == claimed_at[one.id]]
    # Table by table: one join of all four takes Peewee three times as long.
    customers, contacts, invoices = (
        _by_id(model, {getattr(one, f"{name}_id") for one in ours} - {None})
        for model, name in ((Customer, "customer"), (Contact, "contact"), (Invoice, "invoice"))
    )
    for one in ours:
        one.customer = customers[one.customer_id]
        one.contact, one.invoice = contacts.get(one.contact_id), invoices.get(one.invoice_id)
    return {one.id: _whole(one) for one in ours}


def _by_id(model, ids):
    return {row.id: row for row in model.select().where(among(model.id, ids))} if ids else {}


def _whole(notice):
    for row in (notice.contact, notice.invoice):
        if row and row.customer_id == notice.customer_id:
            row.customer = notice.customer
            row._dirty.clear()
    notice._dirty.clear()
    if notice.channel == Notice.MAIL and notice.contact_id and notice.kind != Notice.CONTACT_CHANGED:
        notice.address = notice.contact.email
        notice._dirty.clear()
    return notice


def let_go(taken):
    """Nothing was tried with these: they wait as before. What another sender took over is left to it."""
    with db.atomic():
        for one in taken:
            mine = (Notice.id == one.id) & (Notice.claimed_at == one.claimed_at)
            mine &= Notice.state == Notice.SENDING
            Notice.update(message_id="").where(mine & (Notice.tries == 1)).execute()
            Notice.update(state=Notice.QUEUED, tries=Notice.tries - 1).where(mine).execute()


def give_up_dead_claims(now):
    """A sender died between taking and reporting: did the message leave? Nobody knows.

    Reminders are not risked twice; whatever the customer must have is sent again.
    """
    dead = (Notice.state == Notice.SENDING) & (Notice.claimed_at < now - CLAIM_LIFE)
    once = Notice.kind.in_(Notice.ONCE_AT_MOST)
    Notice.update(
        state=Notice.FAILED,
        reason="The sender stopped half way; it may have been sent, so it is not repeated.",
    ).where(dead & once & (Notice.message_id != "")).execute()
    Notice.update(state=Notice.QUEUED).where(dead & ~(once & (Notice.message_id != ""))).execute()
