"""The daily look at plans that run: kept, missed, put right, broken; and what people do about it meanwhile.

A payment that was missed rests for some days of grace; then a mail asks, and it can be put right once: by
paying it, or by moving it. The days for that count from when the mail really left. What is not put right, and
a second one missed, ends the plan: the invoices' own dates count again, nothing is added, a person sees it.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from billing import company as companies
from billing import events, ledger, localtime, masking, words
from billing.automatic import following
from billing.errors import BillingError
from billing.plans import standing, telling
from billing.states import move
from models import Dispute, Installment, Notice, Plan, PlanInvoice, db

CHUNK = 200
KEPT, MISSED, REPAIRED, BROKEN = "kept", "missed", "put right", "broken"
LONGEST_MOVE = timedelta(days=21)
CANNOT_MOVE = "Only a payment whose day is over can be moved, and only one of a plan."


@dataclass
class Report:
    """What one look came to."""

    kept: int = 0
    missed: int = 0
    repaired: int = 0
    broken: int = 0
    reminded: int = 0

    def add(self, outcome):
        """Count one outcome of ``look``; "" is none."""
        names = {KEPT: "kept", MISSED: "missed", REPAIRED: "repaired", BROKEN: "broken"}
        if outcome:
            setattr(self, names[outcome], getattr(self, names[outcome]) + 1)

    @property
    def lines(self):
        """What was decided, each in a few words."""
        counts = (
            (self.kept, "plan", "paid off"), (self.missed, "payment", "of a plan missed"),
            (self.repaired, "plan", "put right"), (self.broken, "plan", "broken"),
        )  # fmt: skip
        return [f"{words.plural(count, what)} {became}" for count, what, became in counts if count]


def run(today, *, now, by, progress=None, trouble=None):
    """Look at every running plan and remind of the payments to come. Returns the Report.

    Safe to run again. One plan's trouble is noted in ``trouble`` and never stops the others.
    """
    report, after = Report(), 0
    while plans := list(_chunk(after)):
        after = plans[-1].id
        stands = list(standing.of_many(plans, today=today).values())
        looked_at = [one for one in stands if _may_change(one)]
        over = {one.plan.id for one in looked_at if _ends(one.plan, report, today, now, by, trouble)}
        with db.atomic():
            going_on = [one for one in stands if one.plan.id not in over]
            report.reminded += telling.remind(going_on, today=today, now=now)
        if progress:
            progress(len(plans))
    return report


def _chunk(after):
    return (
        Plan.select().where((Plan.state == Plan.RUNNING) & (Plan.id > after)).order_by(Plan.id).limit(CHUNK)
    )


def _may_change(stands):
    return bool(not stands.open_cents or stands.late or stands.plan.missed_on)


def _ends(plan, report, today, now, by, trouble):
    """Look at one plan, and count what became of it. True when it does not run any more."""
    try:
        outcome = look(plan, today=today, now=now, by=by)
    except Exception as error:  # one plan must not stop the rest
        if trouble is None:
            raise
        trouble.append(f"{plan}: {error}")
        return False
    report.add(outcome)
    return outcome in (KEPT, BROKEN)


def look(plan, *, today, now, by):
    """Move one plan to what is true today. Returns KEPT, MISSED, REPAIRED, BROKEN, or "" when it goes on."""
    with ledger.locked(plan.customer_id):
        plan = Plan.get_by_id(plan.id)
        if plan.state != Plan.RUNNING:
            return ""
        stands = standing.of(plan, today=today)
        if standing.under_way(stands):
            return ""
        if not stands.open_cents:
            return "" if _rests(plan) else _keep(plan, by, today, now)
        if plan.missed_on and not stands.late:
            return _repaired(plan, by, today, now)
        return _after_grace(plan, stands, by, today, now)


def _rests(plan):
    """True while what was left of a plan is disputed: that is not paid, and goes on if it is owed."""
    covered = PlanInvoice.select(PlanInvoice.invoice).where(PlanInvoice.plan == plan)
    since = Dispute.invoice.in_(covered) & (Dispute.opened_at > plan.agreed_at)
    return Dispute.select().where(since & (Dispute.state == Dispute.OPEN)).exists()


def _after_grace(plan, stands, by, today, now):
    grace = timedelta(days=companies.current().plan_grace_days)
    late = next((row for row in stands.late if today > row.due_on + grace), None)
    if late is None:
        return ""
    if plan.missed_on:
        return _wait_for_repair(plan, late, grace, by, today, now)
    if plan.repaired_on:
        reason = f"Payment {late.number}, due {words.date(late.due_on)}, was missed after another one was."
        return _break(plan, reason, by, today, now)
    return _miss(plan, late, by, today, now)


def _miss(plan, row, by, today, now):
    Plan.update(missed_on=today).where(Plan.id == plan.id).execute()
    telling.missed(plan, row, today=today, now=now)
    events.record("plan.missed", plan, by=by[:80], now=now, after={"number": row.number})
    return MISSED


def _wait_for_repair(plan, row, grace, by, today, now):
    """The days to put it right count from the mail that asks; what was held back starts nothing."""
    if plan.repair_by_on is None:
        told_on = _told_on(plan, row, today, now)
        if told_on:
            Plan.update(repair_by_on=told_on + grace).where(Plan.id == plan.id).execute()
        return ""
    if today <= plan.repair_by_on:
        return ""
    return _break(plan, f"Payment {row.number}, due {words.date(row.due_on)}, was missed.", by, today, now)


def _told_on(plan, row, today, now):
    """The day on which the mail about a missed payment left, or None while it waits."""
    asked = plan.notices.where(
        (Notice.kind == Notice.PLAN_MISSED) & (Notice.created_at >= _before(plan.missed_on))
    )
    rows = list(asked.order_by(Notice.id.desc()))
    sent = [one.sent_at for one in rows if one.state == Notice.SENT]
    if sent:
        return localtime.day(min(sent), companies.current().time_zone)
    if not rows:
        return today  # there is nobody to write to: a person sees it in the queue
    if all(one.state in (Notice.SKIPPED, Notice.FAILED) for one in rows):
        telling.missed(plan, row, today=today, now=now)  # once more, under a key of its own
    return None


def _before(day):
    """An instant before ``day``, in any zone."""
    return datetime.combine(day, time()) - timedelta(days=1)


def _repaired(plan, by, today, now):
    _set_right(plan, today)
    events.record("plan.repaired", plan, by=by[:80], now=now)
    return REPAIRED


def _set_right(plan, today):
    Plan.update(repaired_on=today, missed_on=None, repair_by_on=None).where(Plan.id == plan.id).execute()


def _keep(plan, by, today, now):
    _over(plan, Plan.KEPT, "It is paid off.", by, today, now)
    return KEPT


def _break(plan, reason, by, today, now):
    _over(plan, Plan.BROKEN, reason, by, today, now)
    return BROKEN


def _over(plan, state, reason, by, today, now):
    """The plan counts no more: its invoices have their own dates again."""
    PlanInvoice.update(active=False).where(PlanInvoice.plan == plan).execute()
    if state != Plan.KEPT:
        following.let_go([one.invoice_id for one in plan.plan_invoices])
    move(plan, state, ended_on=today, ended_at=now, ended_by=by[:300], reason=reason[:255])
    events.record(f"plan.{state}", plan, by=by[:80], now=now, reason=reason)
    telling.ended(plan, now=now)


# --- By people -----------------------------------------------------------------------------------


def movable(stands):
    """The Row that can be moved to another day, or None: one whose day is over, once for a plan."""
    plan = stands.plan
    if plan.state != Plan.RUNNING or plan.repaired_on or not stands.late:
        return None
    row = stands.late[0]
    return None if row.moved_from_on else row


def last_move_on(stands, row, *, today):
    """The last day to which a missed payment can be moved: before the next one, within three weeks."""
    following = next((one for one in stands.rows if one.number > row.number and one.due_on > today), None)
    last_on = today + LONGEST_MOVE
    return min(last_on, following.due_on - timedelta(days=1)) if following else last_on


def move_payment(plan, *, to_on, by, today, now):
    """Put a missed payment right by moving it to another day, once for a plan. Returns the Plan."""
    with ledger.locked(plan.customer_id):
        plan = Plan.get_by_id(plan.id)
        stands = standing.of(plan, today=today)
        row = movable(stands)
        if row is None:
            raise BillingError(CANNOT_MOVE)
        last_on = last_move_on(stands, row, today=today)
        if not today < to_on <= last_on:
            raise BillingError(f"Please choose a day after today, until {words.date(last_on)}.")
        Installment.update(due_on=to_on, moved_from_on=row.due_on).where(Installment.id == row.id).execute()
        _set_right(plan, today)
        if plan.autopay:
            following.follow([one.invoice_id for one in plan.plan_invoices], today=today, agreed=True)
        events.record(
            "plan.moved", plan, by=by[:80], now=now, before={"due_on": row.due_on},
            after={"number": row.number, "due_on": to_on},
        )  # fmt: skip
    return Plan.get_by_id(plan.id)


def end(plan, *, reason, by, today, now):
    """End a plan before its time; the invoices' own dates count again. Returns the Plan."""
    reason = masking.reason(reason, "Say why the plan ends, in a sentence that the customer may read.")
    with ledger.locked(plan.customer_id):
        plan = Plan.get_by_id(plan.id)
        if plan.state != Plan.RUNNING:
            raise BillingError("This plan does not run any more.")
        _over(plan, Plan.ENDED, reason, by, today, now)
    return plan


def seen(plan, *, by, now):
    """Somebody has looked after a broken plan: it leaves the queue."""
    Plan.update(seen_at=now, seen_by=by[:80]).where((Plan.id == plan.id) & Plan.seen_at.is_null()).execute()
