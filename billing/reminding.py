"""What is due and still open, and whom to remind of it: *due and not yet done*, never *is today*.

A step that was missed is made up for by the latest one only, so nobody hears twice of what they missed once.
Which steps there are stands in ``billing.reminder_policies``; whether a message is still right when it leaves
is asked again in ``billing.outbox.judging``, when it may leave at all in ``billing.notices.timing``.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from billing import company as companies
from billing import demands, localtime, preferences, reminder_policies, words
from billing.collections import deliveries, gate
from billing.notices import queueing, timing
from billing.outbox import holding
from models import (
    Contact,
    Customer,
    Dispute,
    ImportBatch,
    Invoice,
    Notice,
    Plan,
    PlanInvoice,
    Preference,
    Promise,
    ReminderStep,
    among,
    as_instant,
    db,
)

CHUNK = 2_000  # invoices looked at together: memory stays flat however many are open
AHEAD = 30  # days; nobody may wish to be reminded earlier
SOON_AGAIN = timedelta(days=2)  # a reminder that was made up for is not repeated so soon
KINDS = (Notice.REMINDER, Notice.OVERDUE, Notice.CHECK_IN)
WHY_REMINDER = "You asked to be reminded before the due date."
WHY_STANDARD = "We remind you of what is due and not paid yet."
WHY_OVERDUE = "An invoice of this account is past its due date."
LEAD = {
    ReminderStep.REMIND: Notice.REMINDER,
    ReminderStep.REMIND_TODAY: Notice.REMINDER,
    ReminderStep.CHECK_IN: Notice.CHECK_IN,
    ReminderStep.LATE: Notice.OVERDUE,
}


class Open(NamedTuple):
    """An open invoice, as far as reminding looks at it."""

    id: int
    customer_id: int
    group_id: int | None
    is_muted: bool  # the import that the customer came with is not released: they hear nothing
    due_on: date
    issued_on: date
    since_at: datetime | None = None  # of a part that was owed after all: what was said before is of another

    @property
    def mark(self):
        """What the keys of its messages end with: a fresh date is reminded of anew."""
        return f":again{self.due_on:%Y%m%d}" if self.since_at else ""


class Payer(NamedTuple):
    """Somebody who may be reminded."""

    id: int
    customer_id: int
    email: str
    phone: str
    bounced: bool


class Done(NamedTuple):
    """A step that was queued before, whatever became of it."""

    step: int
    created_at: datetime


class Resumed(NamedTuple):
    """From when the steps of an invoice go on, a step milder than ``step``: held back, or a word broke.

    mark -- what the keys of its messages end with, so that a step can be said once more
    """

    mark: str
    step: int
    on: date
    at: datetime


@dataclass(frozen=True)
class Scene:
    """What a chunk of invoices needs to be decided, read in one go."""

    today: date
    now: datetime
    grace_days: int
    steps: dict  # {invoice id: (Step, …)}
    payers: dict  # {customer id: [Payer]}
    wishes: dict  # {contact id: Wishes}
    done: dict  # {(invoice id, contact id, channel): [Done]}
    told: frozenset  # (invoice id, contact id, channel) that had the invoice itself
    quiet: dict  # {invoice id: why nothing is said of it before its due date}
    shut: dict  # {invoice id: the reasons for which nothing that presses leaves}
    still: set  # invoices of which a step is held back
    resumed: dict  # {invoice id: Resumed}
    arrived: dict  # {invoice id: the day on which it first reached somebody}
    rested: frozenset  # customers that may be written to about what is late


def queue_reminders(today, *, now, progress=None):
    """Queue every step of reminding that is due and not done yet; returns how many messages.

    A few queries for each chunk of open invoices. Safe to run again, and by several at once: a message has a
    key that says invoice, person and step.
    """
    queued, after = 0, None
    drop_stale_drafts()
    holding.look_again(today=today, now=now)
    while rows := _open_chunk(today, after):
        queued += _queue_chunk(rows, today, now)
        after = rows[-1]
        if progress:
            progress(len(rows))
    return queued


def _open_chunk(today, after):
    """The next open invoices by due date, with what falls due within a month and what is not too old.

    However old it is, an invoice of which a step was held back is looked at for as long again.
    """
    oldest = today - timedelta(days=max(reminder_policies.longest(), 0) + reminder_policies.LAST_MAKES_UP)
    query = (
        Invoice.select(Invoice.id, Invoice.customer, Invoice.due_on, Invoice.issued_on)
        .where(
            Invoice.IS_OWED
            & ((Invoice.due_on >= oldest) | _went_on_since(oldest))
            & (Invoice.due_on <= today + timedelta(days=AHEAD))
            & (Invoice.issued_on < today)
        )
        .order_by(Invoice.due_on, Invoice.id)
        .limit(CHUNK)
    )
    if after:
        same = (Invoice.due_on == after.due_on) & (Invoice.id > after.id)
        query = query.where((Invoice.due_on > after.due_on) | same)
    rows = list(query.tuples())
    groups = _groups({row[1] for row in rows})
    return [Open(id, customer_id, *groups[customer_id], *days) for id, customer_id, *days in rows]


def _went_on_since(oldest):
    """The condition on Invoice: since then a step was let go on, a part owed after all, or a word broken."""
    resumed = Notice.select(Notice.invoice).where(
        Notice.invoice.is_null(False) & (Notice.released_at > oldest)
    )
    restored = Dispute.select(Dispute.invoice).where(Dispute.due_again_on >= oldest)
    broken = (Promise.state == Promise.BROKEN) & (Promise.decided_on >= oldest)
    promised = Promise.select(Promise.invoice).where(broken & Promise.invoice.is_null(False))
    promised_whole = Promise.select(Promise.customer).where(broken & Promise.invoice.is_null())
    over = Plan.state.in_((Plan.BROKEN, Plan.ENDED)) & (Plan.ended_on >= oldest)
    planned = PlanInvoice.select(PlanInvoice.invoice).join(Plan).where(over)
    return (
        Invoice.id.in_(resumed)
        | Invoice.id.in_(restored)
        | Invoice.id.in_(promised)
        | Invoice.id.in_(planned)
        | Invoice.customer.in_(promised_whole)
    )


def _groups(customer_ids):
    """{customer id: (group id or None, whether their import waits for somebody to release it)}."""
    muted = ImportBatch.select(ImportBatch.id).where(ImportBatch.state != ImportBatch.RELEASED)
    muted_ids = {id for (id,) in muted.tuples()}
    query = Customer.select(Customer.id, Customer.group, Customer.import_batch)
    rows = query.where(among(Customer.id, customer_ids)).tuples()
    return {id: (group_id, batch_id in muted_ids) for id, group_id, batch_id in rows}


def _as_due(rows):
    """The invoices of which something is due on a day, with it; plans have reminders of their own."""
    special, found = demands.apart(invoice_ids=[row.id for row in rows]), []
    for row in rows:
        asked = special[row.id].demands if row.id in special else ()
        if any(one.kind == demands.INSTALLMENT for one in asked):
            continue
        if not asked:
            found.append(row)
        elif asked[0].due_on:
            found.append(row._replace(due_on=asked[0].due_on, since_at=asked[0].since_at))
    return found


def _queue_chunk(rows, today, now):
    with companies.read_once():
        return _queue_all(rows, today, now)


def _queue_all(rows, today, now):
    rows = _as_due(rows)
    steps = reminder_policies.of_invoices([row[:3] for row in rows])
    scene = _scene(rows, steps, today, now)
    wanted = [one for row in rows if not row.is_muted for one in _due(row, scene)]
    with db.atomic():
        queueing.insert(wanted, now)
    return sum(one.get("state") != Notice.HELD for one in wanted)


# --- What a chunk needs to be decided ------------------------------------------------------------


def _scene(rows, steps, today, now):
    invoice_ids = [row.id for row in rows]
    customer_ids = {row.customer_id for row in rows}
    payers = _payers(customer_ids)
    early = [row for row in rows if row.due_on >= today]
    late = [row for row in rows if row.due_on < today]
    asked = [payer.id for id in {row.customer_id for row in early} for payer in payers.get(id, ())]
    asked += _waiting_for_invoices([payer.id for group in payers.values() for payer in group])
    done, told = _done(invoice_ids)
    return Scene(
        today=today,
        now=now,
        grace_days=companies.current().grace_days,
        steps=steps,
        payers=payers,
        wishes=preferences.of_contacts(set(asked)),
        done=done,
        told=told,
        quiet=gate.before_due(early, today=today, now=now),
        shut=_shut(late, today, now),
        still=_standing_still(invoice_ids),
        resumed=_going_on(late, steps),
        arrived=_arrived([row.id for row in late]),
        rested=timing.rested(customer_ids, today=today, now=now),
    )


def _arrived(invoice_ids):
    zone = companies.current().time_zone
    return deliveries.first_days(invoice_ids, lambda at: localtime.day(as_instant(at), zone))


def _shut(rows, today, now):
    found = gate.reasons({row.customer_id for row in rows}, today=today, now=now)
    return {
        row.id: against for row in rows if (against := gate.shutting(found.get(row.customer_id, ()), row.id))
    }


def _payers(customer_ids):
    query = Contact.select(
        Contact.id, Contact.customer, Contact.email, Contact.phone, Contact.bounced_at
    ).where(among(Contact.customer, customer_ids) & Contact.PAYS)
    found = {}
    for *payer, bounced_at in query.order_by(Contact.id).tuples():
        one = Payer(*payer, bounced_at is not None)
        found.setdefault(one.customer_id, []).append(one)
    return found


def _waiting_for_invoices(contact_ids):
    """Those who want an invoice only when it is still unpaid shortly before its date."""
    query = Preference.select(Preference.contact).where(
        among(Preference.contact, contact_ids)
        & (Preference.event == Preference.INVOICE)
        & (Preference.timing == Preference.UNPAID)
    )
    return [id for (id,) in query.tuples()]


def _done(invoice_ids):
    """({(invoice, contact, channel): [Done]}, who had the invoice itself)."""
    query = Notice.select(
        Notice.invoice,
        Notice.contact,
        Notice.channel,
        Notice.kind,
        Notice.step,
        Notice.created_at,
        Notice.released_at,
        Notice.state,
    ).where(among(Notice.invoice, invoice_ids) & Notice.kind.in_((*KINDS, Notice.INVOICE)))
    done, told = {}, set()
    for *who, kind, step, created_at, released_at, state in query.tuples():
        if kind == Notice.INVOICE:
            told.add(tuple(who))
        else:  # before steps were kept, every reminder came before the due date
            at = created_at if state == Notice.SKIPPED else released_at or created_at
            done.setdefault(tuple(who), []).append(Done(-1 if step is None else step, at))
    return done, frozenset(told)


def _going_on(rows, steps):
    """{invoice id: Resumed} of those whose steps do not count from the due date any more, by the latest."""
    found, grace_days = _resumed([row.id for row in rows]), companies.current().grace_days
    for row, mark, on, at in _let_go(rows):
        late = [step for step in steps.get(row.id, ()) if step.days > 0]
        reached = [step for step in late if reminder_policies.day_of(step, row.due_on, grace_days) <= on]
        earlier = found.get(row.id)
        if reached and (earlier is None or earlier.at < at):
            found[row.id] = Resumed(mark, reached[-1].days, on, at)
    return found


def _resumed(invoice_ids):
    """{invoice id: Resumed} of the invoices whose steps were held back once, and when they last went on."""
    query = Notice.select(Notice.id, Notice.invoice, Notice.step, Notice.released_at).where(
        among(Notice.invoice, invoice_ids) & Notice.released_at.is_null(False) & Notice.step.is_null(False)
    )
    rows = query.order_by(Notice.released_at).tuples()
    zone = companies.current().time_zone
    return {
        invoice_id: Resumed(f"{id}", step, localtime.day(at, zone), at) for id, invoice_id, step, at in rows
    }


def _let_go(rows):
    """(row, mark, from which day, since when) of invoices whose promise or plan came to nothing.

    After a plan there are days to answer its last mail, as after a payment of it that was missed.
    """
    by_id, by_customer = {row.id: row for row in rows}, {}
    for row in rows:
        by_customer.setdefault(row.customer_id, []).append(row)
    promised = Promise.select(
        Promise.id, Promise.customer, Promise.invoice, Promise.made_on, Promise.decided_on, Promise.decided_at
    ).where(among(Promise.customer, list(by_customer)) & (Promise.state == Promise.BROKEN))
    for id, customer_id, invoice_id, made_on, on, at in promised.tuples():
        for row in by_customer[customer_id]:
            if invoice_id == row.id or (invoice_id is None and row.issued_on <= made_on):
                yield row, f"promise{id}", on, at
    planned = (
        PlanInvoice.select(PlanInvoice.invoice, Plan.id, Plan.ended_on, Plan.ended_at)
        .join(Plan)
        .where(among(PlanInvoice.invoice, list(by_id)) & Plan.state.in_((Plan.BROKEN, Plan.ENDED)))
    )
    wait = timedelta(days=companies.current().plan_grace_days)
    for invoice_id, id, on, at in planned.tuples():
        yield by_id[invoice_id], f"plan{id}", on + wait, at


def _standing_still(invoice_ids):
    """Invoices of which a step is held back: the steps wait with it."""
    query = Notice.select(Notice.invoice).where(
        among(Notice.invoice, invoice_ids) & (Notice.state == Notice.HELD)
    )
    return {id for (id,) in query.tuples()}


# --- What is due of one invoice ------------------------------------------------------------------


def _due(row, scene):
    """The messages about one invoice that are due and not done, as rows for the queue.

    What somebody has to see to before it may leave is queued as held; what passes by itself is waited for.
    """
    payers = scene.payers.get(row.customer_id, [])
    against = scene.shut.get(row.id, ())
    if row.id in scene.quiet or (against and row.due_on < scene.today):
        if not all(one.waits for one in against) and row.issued_on <= _grace(scene):
            for one in _late(row, payers, scene):
                reason = words.clipped(gate.sentence(against), 255)
                yield one | {"state": Notice.HELD, "held_at": scene.now, "reason": reason}
        return
    yield from _invoices_that_waited(row, payers, scene)
    if row.due_on >= scene.today:
        yield from _reminders(row, payers, scene)
    elif row.issued_on <= _grace(scene):
        yield from _late(row, payers, scene)


def _grace(scene):
    return scene.today - timedelta(days=scene.grace_days)


def _reminders(row, payers, scene):
    for payer in payers:
        for channel, wish in scene.wishes[payer.id].channels(Preference.REMINDER).items():
            if channel != Preference.CALENDAR:
                yield from _reminder(row, payer, channel, wish, scene)


def _reminder(row, payer, channel, wish, scene):
    is_own = wish.timing != Preference.EVERY
    days = [-wish.days] if is_own else [step.days for step in scene.steps[row.id] if step.days <= 0]
    done = _done_of(row, payer, channel, scene)
    reached = [step for step in days if row.due_on + timedelta(days=step) <= scene.today]
    if not reached or any(one.step >= max(reached) for one in done):
        return
    if any(one.created_at > scene.now - SOON_AGAIN for one in done):
        return
    step = max(reached)
    which = "due" if step == 0 and not is_own else "before"
    yield {
        "kind": Notice.REMINDER,
        "key": f"reminder:{row.id}:{payer.id}:{which}{queueing.tail(channel)}{row.mark}",
        "event": Preference.REMINDER,
        "why": WHY_REMINDER if is_own else WHY_STANDARD,
        "step": step,
        **_to(row, payer, channel),
    }


def _invoices_that_waited(row, payers, scene):
    """The invoice itself, for those who want it only while it is unpaid shortly before its date."""
    for payer in payers:
        wishes = scene.wishes.get(payer.id)
        for channel, wish in wishes.channels(Preference.INVOICE).items() if wishes else ():
            reached = row.due_on - timedelta(days=wish.days) <= scene.today
            is_new = (row.id, payer.id, channel) not in scene.told
            if wish.timing == Preference.UNPAID and reached and is_new:
                yield {
                    "kind": Notice.INVOICE,
                    "key": f"invoice:{row.id}:{payer.id}{queueing.tail(channel)}",
                    "event": Preference.INVOICE,
                    "why": queueing.WHY_UNPAID,
                    **_to(row, payer, channel),
                }


def _late(row, payers, scene):
    """The latest step after the due date, to everybody who pays; a personal mail to one of them."""
    resumed = scene.resumed.get(row.id)
    step = _latest(row, scene, resumed)
    if step is None or step.act == ReminderStep.PERSON or row.customer_id not in scene.rested:
        return
    if row.id in scene.still:
        return
    kind = LEAD[step.act]
    if kind == Notice.CHECK_IN:
        payers = [payer for payer in payers if payer.email and not payer.bounced][:1]
    for payer in payers or [None] * (kind == Notice.OVERDUE):
        channel = Notice.MAIL if payer and payer.email and not payer.bounced else Notice.PAPER
        done = _done_of(row, payer, channel, scene)
        who = f"{payer.id}{queueing.tail(channel)}" if payer else "paper"
        if not any(one.step >= step.days for one in done if not resumed or one.created_at >= resumed.at):
            yield {
                "kind": kind,
                "key": f"{kind}:{row.id}:{step.days}:{who}{row.mark}"
                + (f":{resumed.mark}" if resumed else ""),
                "state": Notice.DRAFT if kind == Notice.CHECK_IN else Notice.QUEUED,
                "why": WHY_OVERDUE,
                "step": step.days,
                **_to(row, payer, channel),
            }


def _done_of(row, payer, channel, scene):
    """What was queued of this invoice for somebody before; of a fresh date, since it was set."""
    done = scene.done.get((row.id, payer and payer.id, channel), ())
    return [one for one in done if row.since_at is None or one.created_at >= row.since_at]


def _latest(row, scene, resumed=None):
    """The last step whose day has come, or None: before the first, and long after the last.

    Where a step was held back, the steps go on with the one before it, counted from the day on which it was
    let go on: nobody who had to wait for us is asked more sternly for that. The same after a promise that was
    not kept and after a plan that is over: who tried is asked kindly first. What came back, and reached them
    another way after its date, counts from the day on which it did.
    """
    late = [step for step in scene.steps[row.id] if step.days > 0]
    if resumed and scene.today < resumed.on:
        return None
    due_on = _counted_from(max(row.due_on, scene.arrived.get(row.id, row.due_on)), late, resumed)
    days = {step: reminder_policies.day_of(step, due_on, scene.grace_days) for step in late}
    reached = [step for step in late if days[step] <= scene.today]
    if not reached:
        return None
    last = reached[-1]
    is_over = last is late[-1] and days[last] < scene.today - timedelta(days=reminder_policies.LAST_MAKES_UP)
    return None if is_over else last


def _counted_from(due_on, late, resumed):
    """The day from which the steps of an invoice are counted: its due date, until something came between."""
    if not resumed or not late:
        return due_on
    milder = [step for step in late if step.days < resumed.step] or late[:1]
    return max(due_on, resumed.on - timedelta(days=milder[-1].days))


def next_on(invoice, *, today):
    """The day on which the next message about an open invoice would leave, or None after the last one."""
    grace_days = companies.current().grace_days
    due_on, steps = demands.next_due_on(invoice) or invoice.due_on, reminder_policies.of_invoice(invoice)
    row = Open(invoice.id, invoice.customer_id, None, False, due_on, invoice.issued_on)
    resumed = _going_on([row], {invoice.id: steps}).get(invoice.id)
    due_on = max(due_on, _arrived([invoice.id]).get(invoice.id, due_on))
    due_on = _counted_from(due_on, [step for step in steps if step.days > 0], resumed)
    days = reminder_policies.calendar(steps, due_on, grace_days=grace_days)
    return next((day for day, act in days if day > today and act == ReminderStep.LATE), None)


# --- What would be said --------------------------------------------------------------------------


def foreseen(invoices, contact, wishes, *, today, now, from_on):
    """{invoice id: [(day, kind, channel)]}: what a payer would be sent of open invoices before their dates.

    from_on -- the first day that is still to be run

    By the very steps of ``queue_reminders``, day by day, as if nobody paid and nothing else happened. None
    instead of a list: at present nothing is said of that invoice. What falls due in parts is left out.
    """
    rows = [Open(one.id, one.customer_id, None, False, one.due_on, one.issued_on) for one in invoices]
    rows = _as_due(rows)
    groups = _groups({row.customer_id for row in rows})
    rows = [row._replace(group_id=groups[row.customer_id][0]) for row in rows]
    silent = {row.id for row in rows if groups[row.customer_id][1]}
    silent |= gate.before_due(rows, today=today, now=now).keys()
    scene = _before_due(rows, wishes, contact, from_on, now + (from_on - today))
    payer = Payer(contact.id, contact.customer_id, contact.email, contact.phone, False)
    return {row.id: None if row.id in silent else _live_through(row, payer, scene) for row in rows}


def foreseen_of(wishes, *, issued_on, due_on):
    """[(day, kind, channel)] of the same for an invoice to come, by the usual steps of these wishes."""
    row, payer = Open(0, 0, None, False, due_on, issued_on), Payer(0, 0, "", "", False)
    steps = {0: [reminder_policies.Step(-days, ReminderStep.REMIND) for days in wishes.usual]}
    at, known = datetime.combine(issued_on, time()), ({}, {0: wishes}, {}, frozenset())
    return _live_through(row, payer, _early_scene(issued_on, at, steps, *known))


def _before_due(rows, wishes, contact, today, now):
    """The Scene of what is not due yet, for one payer."""
    done, told = _done([row.id for row in rows])
    steps = reminder_policies.of_invoices([row[:3] for row in rows])
    return _early_scene(today, now, steps, {}, {contact.id: wishes}, done, told)


def _early_scene(today, now, steps, payers, wishes, done, told):
    """A Scene in which nothing is past due."""
    late = {"quiet": {}, "shut": {}, "still": set(), "resumed": {}, "arrived": {}, "rested": frozenset()}
    return Scene(today, now, 0, steps, payers, wishes, done, told, **late)


def _live_through(row, payer, scene):
    found, first_on = [], scene.today
    for days in range((row.due_on - first_on).days + 1):
        day = first_on + timedelta(days=days)
        if not row.issued_on < day or row.due_on > day + timedelta(days=AHEAD):
            continue
        scene = replace(scene, today=day, now=scene.now + timedelta(days=1) if days else scene.now)
        for one in (*_invoices_that_waited(row, [payer], scene), *_reminders(row, [payer], scene)):
            found.append((day, one["kind"], one["channel"]))
            scene = _with(scene, row, one)
    return found


def _with(scene, row, one):
    """The same after this message was queued."""
    who = (row.id, one["contact_id"], one["channel"])
    if one["kind"] == Notice.INVOICE:
        return replace(scene, told=scene.told | {who})
    said = [*scene.done.get(who, ()), Done(one["step"], scene.now)]
    return replace(scene, done={**scene.done, who: said})


def _to(row, payer, channel):
    return {
        "customer_id": row.customer_id,
        "contact_id": payer.id if payer else None,
        "invoice_id": row.id,
        "channel": channel,
        "address": queueing.address_of(payer, channel) if payer else "",
    }


# --- Drafts that nobody needs any more -----------------------------------------------------------


def drop_stale_drafts():
    """Skip the personal mails that were not sent before the invoice was paid, or the next step came."""
    open_ids = Invoice.select(Invoice.id).where(Invoice.IS_OWED)
    drafts = Notice.state == Notice.DRAFT
    Notice.update(state=Notice.SKIPPED, reason="The invoice is paid.").where(
        drafts & Notice.invoice.is_null(False) & Notice.invoice.not_in(open_ids)
    ).execute()
    later = Notice.alias()
    overtaken = later.select(later.invoice).where(
        (later.kind == Notice.OVERDUE)
        & (later.invoice == Notice.invoice)
        & (later.step > Notice.step)
        & (later.created_at > Notice.created_at)
    )
    Notice.update(state=Notice.SKIPPED, reason="Nobody sent it before the next step came.").where(
        drafts & (Notice.kind == Notice.CHECK_IN) & Notice.invoice.in_(overtaken)
    ).execute()
