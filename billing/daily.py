"""The daily job: confirm, renew, bill, use credit, charge, reconcile, judge, remind, send, check the books.

Safe at any frequency. Each step is a query for due work plus a use case; one customer's trouble never stops
the others. One runner at a time holds a lease, which a dead runner's successor takes over.
"""

import logging
import os
import socket
from dataclasses import dataclass, field
from datetime import date, timedelta

from peewee import IntegrityError

from billing import (
    bill,
    charging,
    checks,
    digests,
    outbox,
    payments,
    printing,
    promises,
    reminding,
    remittances,
    undisputed,
    webhooks,
    words,
)
from billing import company as companies
from billing.automatic import autopay, methods, texting
from billing.charging import credit, due
from billing.collections import verdicts
from billing.errors import BillingError, GatewayUnavailable, for_operator
from billing.money import format_cents
from billing.outbox import holding
from billing.plans import keeping
from billing.reconciliation import settlements
from billing.remedies import day as remedies
from billing.renewals import day as renewing
from billing.reversals import refunds
from billing.states import move
from billing.suspensions import steps as suspensions
from models import JobRun, Suspension, db

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=10)
MOST_TOLD = 20  # differences by name; all of them wait in their queue


class LeaseLost(BillingError):
    """The process slept past its lease and another runner is at work: nothing more is to be done here."""


@dataclass
class Day:
    """What the steps need to know and to reach. ``progress`` is called with work done, in items."""

    today: date
    clock: object
    gateway: object
    send: object  # callable(notice, mail)
    compose: object  # callable(notice, now) -> mail
    by: str = "daily job"
    at_once: int = 4  # charges under way at the same time
    webhook_url: str = ""  # where the processor should notify us; empty: nobody watches that
    job: JobRun | None = None
    progress: object = None
    dry_run: bool = False
    trouble: list = field(default_factory=list)  # sentences: what did not work
    listing: list = field(default_factory=list)  # sentences: what a dry run would do

    def keep_lease(self):
        """Tell other runners that this one is alive. Raises LeaseLost when one of them took over already."""
        if self.job:
            mine = (JobRun.id == self.job.id) & (JobRun.state == JobRun.RUNNING)
            if not JobRun.update(lease_until_at=self.clock.now() + LEASE).where(mine).execute():
                raise LeaseLost("This run was thought dead and another one took over. It stops here.")

    def done(self, count):
        self.keep_lease()
        if self.progress:
            self.progress(count)


@dataclass(frozen=True)
class Step:
    """A part of the day. ``work`` counts what is due; ``run`` does it and returns a line for people."""

    name: str
    label: str
    work: object
    run: object


# --- Steps ---------------------------------------------------------------------------------------


def _confirm_work(day):
    now = day.clock.now()
    waiting = (webhooks.waiting(), payments.due_to_ask(now), refunds.due_to_ask(now))
    return sum(query.count() for query in waiting)


def _confirm(day):
    """Follow the webhooks, ask about every attempt without an answer, send the refunds that waited."""
    if day.dry_run:
        return f"{_confirm_work(day):,} answers would be asked for"
    asked = 0
    for event in list(webhooks.waiting()):
        asked += _one(day, f"Webhook {event.notification_id}", webhooks.follow, event, **_gateway(day))
    for payment in list(payments.due_to_ask(day.clock.now())):
        asked += _one(day, str(payment), payments.ask, payment, **_gateway(day))
    for refund in list(refunds.due_to_ask(day.clock.now())):
        asked += _one(day, str(refund), _go_on, day, refund)
    return words.plural(asked, "answer")


def _go_on(day, refund):
    refund = refunds.go_on(refund, **_gateway(day))
    if refund.state == refund.DECLINED:
        day.trouble.append(f"{refund} did not go through: {refund.outcome}")


def _gateway(day):
    return {"gateway": day.gateway, "today": day.today, "now": day.clock.now()}


def _one(day, what, act, *args, **kwargs):
    """Do one item. What goes wrong with it is noted and never stops the rest; returns 1 when it went well."""
    try:
        act(*args, **kwargs)
        return 1
    except BillingError as refusal:  # not possible now, and it says why
        day.trouble.append(f"{what}: {for_operator(refusal)}")
    except Exception as error:  # one bad item must not stop the rest
        log.exception("%s", what)
        day.trouble.append(f"{what}: {error}")
    finally:
        day.done(1)
    return 0


def _renew(day):
    """Contract ends: what must be said goes out in its window, what is over renews or goes on monthly."""
    if day.dry_run:
        return renewing.preview(day.today)
    told = {"now": day.clock.now(), "trouble": day.trouble, "progress": day.done}
    return renewing.run(day.today, **told)


def _cure_work(day):
    return Suspension.select().where(Suspension.state.in_(Suspension.RUNNING)).count()


def _cure(day):
    """A payment ends what two people had decided about letting service rest."""
    if day.dry_run:
        return f"{words.plural(_cure_work(day), 'suspension')} would be looked at"
    cured = suspensions.cure_all(today=day.today, now=day.clock.now())
    return f"{words.plural(cured, 'suspension')} ended"


def _remedies(day):
    """What faults are worth is proposed; late fees are told, charged with the next invoice, or not at all."""
    if day.dry_run:
        return remedies.preview(day.today)
    return remedies.run(day.today, now=day.clock.now())


def _bill_work(day):
    return len(bill.due_customers(day.today, companies.current()))


def _bill(day):
    if day.dry_run:
        return _bill_preview(day)
    try:
        report = bill.run(day.today, by=day.by, now=day.clock.now(), job=day.job, progress=day.done)
    except LeaseLost:
        raise
    except BillingError as refusal:
        day.trouble.append(str(refusal))
        return "nothing was billed"
    day.trouble += [f"{customer}: {why}" for customer, why in report.skipped]
    return str(report)


def _bill_preview(day):
    bills = [one for one in bill.preview(day.today) if one.lines or one.apart or one.refusal]
    day.listing += [f"{one.customer}: {one.refusal or format_cents(one.total_cents)}" for one in bills]
    total = sum(one.total_cents for one in bills if not one.refusal)
    return f"{len(bills):,} customers would be billed {format_cents(total)}"


def _credit_work(day):
    return len(credit.customers(day.today))


def _credit(day):
    """Let what customers have on account pay what is due, before anything is charged."""
    customer_ids = credit.customers(day.today)
    if day.dry_run:
        return f"the credit of {words.plural(len(customer_ids), 'customer')} would be used"
    told = {"by": day.by, "today": day.today}
    used = sum(_one(day, f"Credit of customer {id}", credit.use, id, **told) for id in customer_ids)
    return f"the credit of {words.plural(used, 'customer')} used"


def _autopay(day):
    """Plan, tell ahead, and charge what is due: in this order, so that nobody is surprised."""
    if day.dry_run:
        return _autopay_preview(day)
    told, counts = {"today": day.today, "now": day.clock.now()}, {}
    for what, act in (
        ("card renewed by the network", lambda: methods.read_updates(gateway=day.gateway, **told)),
        ("planned", lambda: autopay.plan_due(**told)),
        ("told ahead", lambda: autopay.tell_due(**told)),
        ("told by text", lambda: texting.queue_due(**told)),
        ("warned of a card that expires", lambda: methods.warn_expiring(**told)),
    ):
        counts[what] = _counted(day, what, act)
    if counts["planned"] is None or counts["told ahead"] is None:
        return "nothing was charged, because not everybody could be told of it"
    report = charging.run(
        gateway=day.gateway, today=day.today, clock=day.clock, by=day.by, at_once=day.at_once,
        progress=day.done,
    )  # fmt: skip
    day.trouble += report.trouble
    return ", ".join([str(report), *(f"{count:,} {what}" for what, count in counts.items() if count)])


def _counted(day, what, act):
    """What a part of a step counts, or None when it had trouble, which is noted."""
    counted = []
    _one(day, f"Autopay, {what}", lambda: counted.append(act()))
    return counted[0] if counted else None


def _autopay_preview(day):
    charges = list(due.preview(day.today))
    day.listing += [str(plan) for plan in charges]
    total = sum(plan.cents for plan in charges)
    count = sum(bool(plan.invoices) for plan in charges)
    return f"{words.plural(count, 'customer')} would be charged {format_cents(total)}"


def _reconcile(day):
    """Compare what the processor has with the books; what does not agree is told, and waits in its queue."""
    if day.dry_run:
        return "the processor is not looked through in a dry run"
    if day.webhook_url:
        _one(day, "Webhook", _watch_webhook, day)
    _one(day, "Files from the bank", remittances.finish, by=day.by, today=day.today, now=day.clock.now())
    try:
        report = settlements.reconcile(progress=day.done, **_gateway(day))
    except GatewayUnavailable as trouble:
        day.trouble.append(f"Reconciliation: {for_operator(trouble)}")
        return settlements.STOPPED
    day.trouble += [*report.trouble, *map(str, report.opened[:MOST_TOLD])]
    return str(report)


def _watch_webhook(day):
    day.trouble += webhooks.watch(gateway=day.gateway, url=day.webhook_url)


def _judge(day):
    """Say of everything past due why it is unpaid, before anybody is reminded of it."""
    if day.dry_run:
        return "nothing is judged in a dry run"
    _one(day, "Disputes", undisputed.settle_all, by=day.by, now=day.clock.now())
    return str(verdicts.judge_all(day.today, now=day.clock.now(), progress=day.done))


def _plans(day):
    """What was promised, and what plans agreed on: kept, missed, broken; and the reminders of payments."""
    if day.dry_run:
        return "promises and plans are not looked at in a dry run"
    told = {"now": day.clock.now(), "by": day.by}
    kept, broken, said = promises.decide_due(day.today, trouble=day.trouble, **told)
    report = keeping.run(day.today, progress=day.done, trouble=day.trouble, **told)
    promised = ((kept, "promise kept"), (broken, "promise broken"))
    told = [words.plural(count, what, f"promises {what.split()[1]}") for count, what in promised if count]
    told += report.lines
    if said + report.reminded:
        told.append(f"{words.plural(said + report.reminded, 'reminder')} queued")
    return ", ".join(told) or "nothing to decide"


def _remind(day):
    if day.dry_run:
        return "reminders are not listed in a dry run"
    day.trouble += holding.sound_alarm(now=day.clock.now())
    queued = reminding.queue_reminders(day.today, now=day.clock.now(), progress=day.done)
    due = digests.queue_due(day.today, now=day.clock.now())
    return f"{queued:,} reminders queued{f', {due:,} monthly summaries' if due else ''}"


def _send(day):
    if day.dry_run:
        return f"{outbox.waiting(day.clock.now()).count():,} messages are waiting"
    report = outbox.send_due(send=day.send, compose=day.compose, clock=day.clock, progress=day.done)
    day.trouble += [f"{notice}: {why}" for notice, why in report.failures]
    ordered = printing.daily(companies.current(), by=day.by, now=day.clock.now())
    return f"{report}{f', {ordered} ordered' if ordered else ''}"


def _check(day):
    findings = checks.run()
    day.trouble += [f"Check {finding}" for finding in findings]
    return f"{len(checks.CHECKS)} checks, {len(findings):,} findings"


STEPS = (
    Step("confirm", "Asking what became of payments", _confirm_work, _confirm),
    Step("renew", "Looking after contract ends", lambda day: renewing.work(day.today), _renew),
    Step("remedies", "Looking at faults and late fees", lambda day: 0, _remedies),
    Step("bill", "Billing what is due", _bill_work, _bill),
    Step("credit", "Using credit", _credit_work, _credit),
    Step("autopay", "Charging what is due", lambda day: len(due.customers(day.today)), _autopay),
    Step(settlements.STEP, "Comparing with the processor", lambda day: 0, _reconcile),
    Step("plans", "Looking at promises and plans", lambda day: 0, _plans),
    Step("cure", "Looking who paid after all", lambda day: 0, _cure),
    Step("judge", "Asking why things are unpaid", lambda day: 0, _judge),
    Step("remind", "Queueing reminders", lambda day: 0, _remind),
    Step("send", "Sending messages", lambda day: outbox.waiting(day.clock.now()).count(), _send),
    Step("check", "Checking the books", lambda day: 0, _check),
)


# --- The job -------------------------------------------------------------------------------------


def begin(name, *, today, now, only=""):
    """Take the lease and return its JobRun. Raises BillingError while another runner holds it.

    only -- the one step that will run, when it is not the whole day
    """
    with db.atomic():
        for dead in JobRun.select().where((JobRun.name == name) & (JobRun.state == JobRun.RUNNING)):
            if now < dead.lease_until_at <= now + 2 * LEASE:  # beyond, the clock was set back since
                raise BillingError(f"The {name} job is running already, on {dead.holder}. Try again later.")
            move(dead, JobRun.DIED, ended_at=now)
    try:
        with db.atomic():
            return JobRun.create(
                name=name,
                only=only,
                as_of_on=today,
                holder=f"{socket.gethostname()}, process {os.getpid()}",
                lease_until_at=now + LEASE,
                started_at=now,
            )
    except IntegrityError:
        raise BillingError(f"The {name} job has just been started elsewhere. Try again later.") from None


def finish(job, lines, *, failed, now):
    """Give the lease back and keep the report for staff."""
    state = JobRun.FAILED if failed else JobRun.DONE
    return move(job, state, ended_at=now, report="\n".join(lines))


def days_since_last(today, name="daily"):
    """Days since the whole job last finished, or None when it never did; for the home page."""
    last = (
        JobRun.select()
        .where((JobRun.name == name) & (JobRun.only == "") & (JobRun.state == JobRun.DONE))
        .order_by(JobRun.id.desc())
        .first()
    )
    return (today - last.as_of_on).days if last else None
