"""The messages of plans: agreed, a payment to come, one missed, the plan over. Queued, never sent here."""

from dataclasses import dataclass
from datetime import date, timedelta

from billing import company as companies
from billing import localtime, preferences
from billing.notices import queueing
from models import Contact, Notice, Plan, Preference, among

STANDARD_DAYS = 3  # before a payment's day, for who chose nothing
MOST_AHEAD = 30
LONGEST_GAP = 6  # days: every payment of a plan that is paid weekly is still told of
WHY_AGREED = "We send a copy of every plan to the person who agreed to it."
WHY_PROPOSED = "We proposed a plan for what is open on this account."
WHY_MISSED = "A payment of the plan for this account has not arrived."
WHY_ENDED = "The plan for this account is over."
WHY_REMINDER = "We remind you of the payments of your plan."


def can_reach(customer):
    """True when somebody who pays for this account reads mail."""
    return bool(queueing.payers_with_mail([customer.id]).get(customer.id))


def agreed(plan, *, now):
    """The agreement, or a proposal of ours to agree to, with its PDF: to every payer, once for each state."""
    why = WHY_AGREED if plan.state == Plan.RUNNING else WHY_PROPOSED
    _tell(plan, Notice.PLAN_AGREED, f"plan_agreed:{plan.id}:{plan.state}", why, now)


def missed(plan, row, *, today, now):
    """A payment was missed: by when, and how, it is put right. Once for each day on which it was noticed."""
    step = f"plan_missed:{plan.id}:{row.number}:{today:%Y%m%d}"
    _tell(plan, Notice.PLAN_MISSED, step, WHY_MISSED, now, installment=row.id)


def ended(plan, *, now):
    """The plan is paid off, broken or ended: what that means."""
    _tell(plan, Notice.PLAN_ENDED, f"plan_ended:{plan.id}:{plan.state}", WHY_ENDED, now)


def _tell(plan, kind, step, why, now, **about):
    queueing.queue_about_plan(plan, kind, step, why, now=now, invoice=first_invoice_id(plan), **about)


def first_invoice_id(plan):
    """The oldest invoice of a plan: whose pay link its messages carry."""
    return plan.plan_invoices.order_by().first().invoice_id


# --- Reminders of payments -----------------------------------------------------------------------


def remind(standings, *, today, now):
    """Queue the reminders of payments that fall due, as each payer wishes to be reminded; returns how many.

    standings -- standing.Standing of running plans

    One calm message for each payment: it is due and not told of yet, nobody wrote about this plan within the
    company's gap, and what falls due within the gap after it is told along (``together``).
    """
    coming = [(one.plan, row) for one in standings if (row := _to_remind_of(one, today))]
    payers = _payers({plan.customer_id for plan, _ in coming})
    wishes = preferences.of_contacts([payer.id for some in payers.values() for payer in some])
    told = _told([plan.id for plan, _ in coming])
    rows = [
        made
        for plan, row in coming
        for payer in payers.get(plan.customer_id, ())
        for made in _reminders(plan, row, payer, wishes[payer.id], told.get((plan.id, payer.id), ()), today)
    ]
    queueing.insert(rows, now)
    return len(rows)


def together(row, rows):
    """The payments that a reminder of ``row`` tells of as well: those to come within the gap after it."""
    until = row.due_on + _gap()
    return tuple(one for one in rows if one.open_cents and row.due_on < one.due_on < until)


def _gap():
    """Between two messages about one plan: the company's gap, as far as a plan leaves room for it."""
    return timedelta(days=min(companies.current().gap_days, LONGEST_GAP))


def _to_remind_of(standing, today):
    row = standing.next
    is_near = row and today <= row.due_on <= today + timedelta(days=MOST_AHEAD)
    return row if is_near and not standing.plan.autopay else None


def _payers(customer_ids):
    query = Contact.select().where(among(Contact.customer, list(customer_ids)) & Contact.PAYS)
    found = {}
    for contact in query.order_by(Contact.id):
        found.setdefault(contact.customer_id, []).append(contact)
    return found


@dataclass(frozen=True)
class Told:
    """A message of a plan that one person got, or is about to. ``due_on`` is the day of its payment."""

    kind: str
    channel: str
    installment_id: int
    due_on: date
    on: date
    has_gone: bool  # or will: False when it was left out, or came to nothing


def _told(plan_ids):
    """{(plan, contact): [Told]} of reminders of payments, and of mails about missed ones."""
    about_payments = Notice.kind.in_((Notice.REMINDER, Notice.PLAN_MISSED))
    query = Notice.select(
        Notice.plan, Notice.contact, Notice.kind, Notice.channel, Notice.installment, Notice.charge_on,
        Notice.created_at, Notice.sent_at, Notice.state,
    ).where(among(Notice.plan, plan_ids) & about_payments)  # fmt: skip
    zone, found = companies.current().time_zone, {}
    for plan, contact, *about, made_at, sent_at, state in query.tuples():
        on = localtime.day(sent_at or made_at, zone)
        one = Told(*about, on, state not in (Notice.SKIPPED, Notice.FAILED, Notice.HELD))
        found.setdefault((plan, contact), []).append(one)
    return found


def _reminders(plan, row, payer, wishes, told, today):
    gap = _gap()
    for channel, wish in wishes.channels(Preference.REMINDER).items():
        if channel not in Notice.CHANNELS:
            continue
        heard = [one for one in told if one.channel == channel or one.kind == Notice.PLAN_MISSED]
        days = STANDARD_DAYS if wish.timing == Preference.EVERY else wish.days
        from_on = _remind_from(plan, row, days)
        too_soon = any(one.has_gone and one.on < today < one.on + gap for one in heard)
        if from_on is None or today < from_on or too_soon or _knows(row, heard, gap):
            continue
        yield {
            "kind": Notice.REMINDER,
            "key": f"installment:{row.id}:{row.due_on:%Y%m%d}:{payer.id}{queueing.tail(channel)}",
            "event": Preference.REMINDER,
            "why": WHY_REMINDER,
            "step": (today - row.due_on).days,
            "customer_id": plan.customer_id,
            "contact_id": payer.id,
            "invoice_id": first_invoice_id(plan),
            "plan_id": plan.id,
            "installment_id": row.id,
            "charge_on": row.due_on,
            "channel": channel,
            "address": queueing.address_of(payer, channel),
        }


def foreseen(stands, contact, wishes, *, from_on):
    """[(day, channel)]: the reminders of a plan's next payment to one payer, by the same steps day by day.

    from_on -- the first day that is still to be run
    """
    row, plan, found = stands.next, stands.plan, []
    if row is None or plan.autopay:
        return found
    told = list(_told([plan.id]).get((plan.id, contact.id), ()))
    for days in range((row.due_on - from_on).days + 1):
        day = from_on + timedelta(days=days)
        for one in _reminders(plan, row, contact, wishes, told, day) if _to_remind_of(stands, day) else ():
            found.append((day, one["channel"]))
            told.append(Told(Notice.REMINDER, one["channel"], row.id, row.due_on, day, has_gone=True))
    return found


def _remind_from(plan, row, days):
    """The day from which a payment is reminded of: after the one on which its day was agreed to, or chosen.

    None for a payment that follows so closely that whoever chose its day knows it.
    """
    chosen_on = plan.repaired_on if row.moved_from_on and plan.repaired_on else plan.agreed_on
    possible = (row.due_on - timedelta(days=ahead) for ahead in (days, min(days, STANDARD_DAYS)))
    return next((day for day in possible if day > chosen_on), None)


def _knows(row, heard, gap):
    """True when this payment was told of: by a message of its own, or along with the one before it."""
    reminders = [one for one in heard if one.kind == Notice.REMINDER and one.due_on]
    own = any(one.installment_id == row.id and one.due_on == row.due_on for one in reminders)
    return own or any(one.has_gone and one.due_on < row.due_on < one.due_on + gap for one in reminders)
