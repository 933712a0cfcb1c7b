"""The messages of plans: agreed, a payment to come, one missed, the plan over. Queued, never sent here."""

from datetime import timedelta

from billing import preferences
from billing.notices import queueing
from models import Contact, Notice, Plan, Preference, among

STANDARD_DAYS = (3, 0)  # before a payment's day, for who chose nothing
MOST_AHEAD = 30
WHY_AGREED = "A copy of every plan is sent to whom it binds."
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

    Due and not done yet: a step that was missed is made up for by the latest one only.
    """
    coming = [(one.plan, row) for one in standings if (row := _to_remind_of(one, today))]
    payers = _payers({plan.customer_id for plan, _ in coming})
    wishes = preferences.of_contacts([payer.id for some in payers.values() for payer in some])
    done = _done([row.id for _, row in coming])
    rows = [
        made
        for plan, row in coming
        for payer in payers.get(plan.customer_id, ())
        for made in _reminders(plan, row, payer, wishes[payer.id], done, today)
    ]
    queueing.insert(rows, now)
    return len(rows)


def _to_remind_of(standing, today):
    row = standing.next
    is_near = row and today <= row.due_on <= today + timedelta(days=MOST_AHEAD)
    is_fresh = standing.plan.agreed_on < today  # who has agreed today knows the days
    return row if is_near and is_fresh and not standing.plan.autopay else None


def _payers(customer_ids):
    query = Contact.select().where(among(Contact.customer, list(customer_ids)) & Contact.PAYS)
    found = {}
    for contact in query.order_by(Contact.id):
        found.setdefault(contact.customer_id, []).append(contact)
    return found


def _done(installment_ids):
    """{(installment, contact, channel, day of the payment): the latest step that was queued}."""
    query = Notice.select(
        Notice.installment, Notice.contact, Notice.channel, Notice.charge_on, Notice.step
    ).where(among(Notice.installment, installment_ids) & (Notice.kind == Notice.REMINDER))
    found = {}
    for *who, step in query.tuples():
        found[tuple(who)] = max(step, found.get(tuple(who), step))
    return found


def _reminders(plan, row, payer, wishes, done, today):
    for channel, wish in wishes.channels(Preference.REMINDER).items():
        if channel not in Notice.CHANNELS:
            continue
        days = STANDARD_DAYS if wish.timing == Preference.EVERY else (wish.days,)
        reached = [-ahead for ahead in days if row.due_on - timedelta(days=ahead) <= today]
        if reached and max(reached) > done.get((row.id, payer.id, channel, row.due_on), -MOST_AHEAD - 1):
            step = max(reached)
            yield {
                "kind": Notice.REMINDER,
                "key": f"installment:{row.id}:{row.due_on:%Y%m%d}:{payer.id}:{step}{queueing.tail(channel)}",
                "event": Preference.REMINDER,
                "why": WHY_REMINDER,
                "step": step,
                "customer_id": plan.customer_id,
                "contact_id": payer.id,
                "invoice_id": first_invoice_id(plan),
                "plan_id": plan.id,
                "installment_id": row.id,
                "charge_on": row.due_on,
                "channel": channel,
                "address": queueing.address_of(payer, channel),
            }
