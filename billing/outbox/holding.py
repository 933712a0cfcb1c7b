"""What the gate keeps back: held with its reason, looked at again, and let go on one step milder.

Nothing that is held is lost. Once nothing stands against it any more, a step of reminding makes room for the
one before it (``billing.reminding`` counts on from that day), a signed mail is read again by its person, and
anything else waits for the sender as before; so does what two people let pass. Why the gate is shut is asked
of ``billing.collections.gate``.
"""

from itertools import groupby

from peewee import JOIN

from billing import events, feeds, ledger, reminder_policies, words
from billing.collections import gate
from billing.errors import StaleState
from billing.outbox import joining, judging
from billing.states import move
from models import Contact, Customer, Event, Invoice, Notice, ReminderStep, Verdict

MILDER_LEAVES = "Then the notice of {days} leaves in its place, a milder one."
DRAFTED = "Then a personal mail is drafted in its place: one of us reads, signs and sends it."
SIGNED = "Then it goes back to the drafts: whoever signed it reads it again before it leaves."
BEGIN_ANEW = "Once it has reached them, the steps begin anew from that day."
SAME_LEAVES = "Then it leaves by itself."
MILDER = "It was held back. The steps go on with a milder one."
READ_AGAIN = "It was kept back: {why} That is over. Read it again before it leaves."
GATE = "gate"  # who did it, in the audit


def hold(notice, against, *, now):
    """Keep a notice back for these Reasons. What it was going to say besides waits again for itself."""
    move(notice, Notice.HELD, held_at=now, released_at=None, message_id="", reason=_reason(against))
    joining.let_go(notice)
    proof = {"codes": [one.code for one in against], "rows": [f"{one.table} {one.id}" for one in against]}
    events.record("notice.held", notice, by=GATE, now=now, reason=notice.reason, after=proof)


def _reason(against):
    return words.clipped(gate.sentence(against), 255)


def hold_back(notice_ids, *, today, now):
    """Hold those of these queued or claimed notices that may not leave; returns {id: [Reason, …]} of them."""
    on_the_way = Notice.state.in_((Notice.QUEUED, Notice.SENDING)) & Notice.kind.in_(Notice.GATED)
    rows = _with_people(Notice.id.in_(notice_ids) & on_the_way)
    shut = gate.shut(rows, today=today, now=now)
    for row in rows:
        if row.id in shut:
            hold(row, shut[row.id], now=now)
    return shut


def _with_people(condition):
    """Notices with their customer, contact and invoice, in one query."""
    query = (
        Notice.select(Notice, Customer, Contact, Invoice)
        .join(Customer)
        .join_from(Notice, Contact, JOIN.LEFT_OUTER)
        .join_from(Notice, Invoice, JOIN.LEFT_OUTER)
    )
    return list(query.where(condition).order_by(Notice.held_at, Notice.id))


def held():
    """Every held notice with its people, longest held first, in a list."""
    return _with_people(Notice.state == Notice.HELD)


def by_customer(*, today, now):
    """[(customer, [notice], [Reason])] of what is held, those first for whom somebody has to act.

    The reasons are those of now, each row once; none when the next look lets it go on.
    """
    rows = sorted(held(), key=lambda row: row.customer_id)
    shut = gate.shut(rows, today=today, now=now)
    found = []
    for _, group in groupby(rows, key=lambda row: row.customer_id):
        notices = list(group)
        against = {one.row: one for row in notices for one in shut.get(row.id, ())}
        found.append((notices[0].customer, notices, list(against.values())))
    return sorted(found, key=lambda one: (all(reason.waits for reason in one[2]), one[1][0].held_at))


def then(rows, against):
    """{notice id: what becomes of each held notice once nothing stands against it any more, in words}.

    rows    -- of one customer
    against -- the Reasons for which they are held
    """
    stepped = [row for row in rows if _has_steps(row)]
    invoices = [(row.invoice_id, row.customer_id, row.customer.group_id) for row in stepped]
    steps = reminder_policies.of_invoices(invoices) if invoices else {}
    lost = {reason.invoice_id for reason in against if reason.code == Verdict.NEVER_DELIVERED}
    passed = gate.was_passed([row.id for row in rows])
    found = {row.id: _then(row, steps.get(row.invoice_id, ()), row.invoice_id in lost) for row in rows}
    return found | {row.id: SAME_LEAVES for row in rows if _is_decided(row, passed)}


def _is_decided(row, passed):
    """True for what two people let pass; what a person signs is theirs to read again."""
    return row.id in passed and row.kind != Notice.CHECK_IN


def _then(row, steps, is_lost):
    if row.kind == Notice.CHECK_IN and row.words:
        return SIGNED
    if not _has_steps(row):
        return SAME_LEAVES
    if is_lost:
        return BEGIN_ANEW
    late = [step for step in steps if step.days > 0]
    milder = [step for step in late if step.days < row.step] or late[:1]
    if row.kind == Notice.CHECK_IN or (milder and milder[-1].act == ReminderStep.CHECK_IN):
        return DRAFTED
    if not milder or milder[-1].days >= row.step:
        return SAME_LEAVES
    return MILDER_LEAVES.format(days=words.plural(milder[-1].days, "day"))


def _has_steps(row):
    """True for what makes room for the step before it; what somebody has signed is theirs."""
    return row.kind in (Notice.OVERDUE, Notice.CHECK_IN) and row.step is not None and not row.words


def look_again(*, today, now):
    """Let go on what nothing stands against any more. Returns how many.

    What became untrue meanwhile is dropped; what is kept back for another reason by now says so.
    """
    rows = held()
    shut, released = gate.shut(rows, today=today, now=now), 0
    for row in rows:
        try:
            with ledger.locked(row.customer_id):
                released += _look(row, shut.get(row.id), today, now)
        except StaleState:  # somebody was faster
            continue
    return released


def _look(row, against, today, now):
    if untrue := judging.objection(row, today=today, now=now):
        move(row, Notice.SKIPPED, reason=untrue)
    elif against:
        Notice.update(reason=_reason(against)).where(Notice.id == row.id).execute()
    elif not gate.check(row, today=today, now=now):
        _release(row, now)
        return 1
    return 0


def _release(row, now):
    """Let it go on. What two people let pass leaves itself: a milder one would wait for what they saw."""
    if _has_steps(row) and not _is_decided(row, gate.was_passed([row.id])):
        move(row, Notice.SKIPPED, released_at=now, reason=MILDER)
    elif row.kind == Notice.CHECK_IN:
        move(row, Notice.DRAFT, released_at=now, reason=_read_again(row.reason))
    else:
        move(row, Notice.QUEUED, released_at=now, send_at=now, reason="")
    events.record("notice.released", row, by=GATE, now=now)


def _read_again(why):
    """Why a signed mail lies with its person once more: what it was held for, as a sentence."""
    room = 255 - len(READ_AGAIN.format(why=""))
    return (
        READ_AGAIN.format(why=words.clipped(words.sentence(why), room))
        if why
        else "Read it again before it leaves."
    )


# --- Feeds that are silent -----------------------------------------------------------------------


def sound_alarm(*, now):
    """Note once for each silence that a source of evidence is not read. Returns sentences of the new ones."""
    told = []
    for feed in feeds.silent(now):
        since = Event.at > feed.beat_at if feed.beat_at else True
        known = Event.select().where(
            (Event.what == "feed.silent")
            & (Event.about_table == feed._meta.table_name)
            & (Event.about_id == feed.id)
            & since
        )
        if not known.exists():
            sentence = f"Incoming {feed.name} is silent: no late notice leaves until it is read again."
            events.record("feed.silent", feed, by=GATE, now=now, reason=sentence)
            told.append(sentence)
    return told
