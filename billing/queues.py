"""What waits for a person today, by what is lost while it waits: three bands, each queue with money and age.

Only reading, in one question to the database however many queues there are; every queue names the filtered
list behind it. Not here: how the house is doing (reports.py), what is done about it (each list and page has
its acts).
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import reduce

from peewee import SQL, Cast, Node, Select, fn

from billing import calls, promises, reminder_policies, words
from billing import company as companies
from billing.charging import tally
from billing.collections import desk
from billing.disputes import finding as disputes
from billing.outbox import claiming
from billing.plans import standing as plans
from billing.remedies import given_up, write_offs
from billing.renewals import closing, prices
from billing.tickets import finding
from models import (
    Approval,
    Autopay,
    AutopayOutcome,
    Call,
    Chargeback,
    Contact,
    Difference,
    Dispute,
    Hold,
    ImportBatch,
    Inbound,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    Plan,
    PlannedCharge,
    PriceChange,
    Promise,
    Refund,
    RemittanceRow,
    RenewalNotice,
    ServiceCredit,
    Suspension,
    Ticket,
    Verdict,
    db,
)

MOST = 1_000  # rows of a queue that are counted: beyond that nobody reads the number
ALONE_DAYS = 3  # so long the program itself asks what became of a payment
NOTHING = SQL("CAST(NULL AS INTEGER)")
LEAVES_WITHIN = timedelta(hours=1)  # a message that may leave leaves in minutes, while somebody sends
REFUSED = "The database does not let it leave"  # how the sender's reason begins that is tried again each hour


@dataclass(frozen=True)
class Number:
    """One figure: ``cents`` for money, ``count`` for rows, and the filtered list behind it."""

    label: str
    screen: str
    args: dict = field(default_factory=dict)
    count: int | None = None
    cents: int | None = None
    note: str = ""
    urgent: bool = False
    age: str = ""  # of the oldest in it, or its last day, as people say it

    @property
    def count_words(self):
        """The count as people read it: 1,000+."""
        return f"{MOST:,}+" if self.count > MOST else f"{self.count:,}"


@dataclass(frozen=True)
class Group:
    """Queues of which none is worse to leave than another band's before it."""

    title: str
    queues: tuple[Number, ...]

    @property
    def waiting(self):
        """Those in which something waits."""
        return tuple(queue for queue in self.queues if queue.count)

    @property
    def empty(self):
        """Those in which nothing does."""
        return tuple(queue for queue in self.queues if not queue.count)


@dataclass(frozen=True)
class Queue:
    """Where one Number is read from.

    cents  -- the money of a row
    since  -- the day or instant since which a row waits
    by     -- instead of it, the last day to see to a row; ``by_days`` later, where that column begins it
    people -- the customer of a row, where the note names how many there are
    note   -- may name ``{by}``, how far away the first such day is, ``{on}``, its date, ``{customers}`` and
              ``{these}``: how many people it is about
    """

    label: str
    screen: str
    args: dict
    rows: Select
    note: str
    cents: Node | None = None
    since: Node | None = None
    by: Node | None = None
    by_days: int = 0
    people: Node | None = None
    urgent: bool = False


def groups(staff, *, today, now):
    """The Groups of the day for a member of staff: what gets worse by waiting before what only waits."""
    last_on = tally.last_run_on()
    bands = (
        ("Before anything else", (*_signals(), *_windows(today), *_doubts(today, last_on), *_unsent(now))),
        ("People who wait for us", (*_waited_for(now), *_answers(), *_tickets(staff), *_unknown(today))),
        ("Then", (*_held_up(), *_decisions(today), *_unpaid(today, last_on), *_quiet(today))),
    )
    read = iter(_read([queue for _, some in bands for queue in some], today, now))
    return tuple(Group(title, tuple(next(read) for _ in some)) for title, some in bands)


# --- Before anything else ------------------------------------------------------------------------


def _signals():
    """What a suspension leaves behind that is not true any more."""
    ended = fn.COALESCE(Suspension.ended_at, Suspension.suspended_at, Suspension.asked_at)
    for args, label, condition, note in (
        ({"station": "yes"}, "Stations to tell", Suspension.station, "Whether signals are answered."),
        ({"recall": "yes"}, "Letters to take back", Suspension.recall, "Printed, not true any more."),
    ):
        rows = Suspension.select().where(condition)
        yield Queue(label, "suspension", args, rows, note, since=ended, urgent=True)


def _windows(today):
    """Days of the law and of the banks, after which it is too late."""
    yield Queue(
        "Renewal notices about to close", "renewal_notice", {"standing": "at_risk"}, closing.at_risk(today),
        "No proof that they went out. Print and mail them now.", by=RenewalNotice.closes_on, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Legal letters to mail", "renewal_notice", {"standing": "to_mail"}, closing.to_mail(today),
        "On paper, and not mailed yet. The first has to leave by {on}.", by=RenewalNotice.closes_on,
        urgent=True,
    )  # fmt: skip
    yield Queue(
        "New prices about to be told too late", "price_change", {"standing": "at_risk"},
        prices.at_risk(today), "Print and mail the letters now, or the old price goes on.",
        by=PriceChange.tell_by_on, urgent=True,
    )  # fmt: skip
    yield _in_state(
        "Chargebacks to answer", Chargeback, Chargeback.OPEN, "The next answer is due {by}.",
        cents=Chargeback.amount_cents, by=Chargeback.answer_by_on, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Disputes: the 90 days run out", "dispute", {"standing": "runs_out"}, disputes.running_out(today),
        "The first has to be decided by {on}.", cents=Dispute.amount_cents, by=Dispute.opened_on,
        by_days=disputes.LAST_DAYS, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Billed at a price nobody was told", "price_change", {"standing": "billed"},
        prices.billed_untold(today), "The message came back after the invoice. Credit the difference.",
        since=PriceChange.starts_on, urgent=True,
    )  # fmt: skip


def _doubts(today, last_on):
    """Money of which nobody can say whether it moved."""
    last = today - timedelta(days=ALONE_DAYS)
    in_doubt = Payment.select().where(Payment.state == Payment.IN_DOUBT)
    money = {"cents": Payment.amount_cents, "since": Payment.created_at, "urgent": True}
    yield Queue(
        "Payments to decide", "payment", {"state": Payment.IN_DOUBT, "received_on_to": str(last)},
        in_doubt.where(Payment.received_on <= last),
        "No answer for three days: look at the processor, then conclude by hand.", **money,
    )  # fmt: skip
    yield Queue(
        "Payments in doubt", "payment",
        {"state": Payment.IN_DOUBT, "received_on_from": str(last + timedelta(days=1))},
        in_doubt.where(Payment.received_on > last), "The processor is asked what became of them.", **money,
    )  # fmt: skip
    yield _in_state(
        "Refunds in doubt", Refund, Refund.IN_DOUBT, "The processor's answer is missing.",
        cents=Refund.amount_cents, since=Refund.created_at, urgent=True,
    )  # fmt: skip
    apart = fn.ABS(fn.COALESCE(Difference.theirs_cents, 0) - fn.COALESCE(Difference.ours_cents, 0))
    yield _in_state(
        "Differences", Difference, Difference.OPEN, "Processor and books do not agree.",
        cents=apart, since=Difference.found_on, urgent=True,
    )  # fmt: skip
    for why, label, note in (
        (AutopayOutcome.OURS, "Autopay: trouble with our set-up", "The processor refuses us, not them."),
        (AutopayOutcome.TROUBLE, "Autopay: trouble in the program", "The report of the day tells more."),
    ):
        yield _last_run(label, why, note, last_on, urgent=True)


def _unsent(now):
    """What customers should have had in their hands."""
    yield Queue(
        "Messages that do not leave", "notice", {"state": Notice.QUEUED},
        claiming.waiting(now - LEAVES_WITHIN), "Nobody sends them: see that the worker runs.",
        since=Notice.send_at, urgent=True,
    )  # fmt: skip
    refused = (Notice.state == Notice.QUEUED) & (Notice.send_at > now) & Notice.reason.startswith(REFUSED)
    yield Queue(
        "Messages that are refused", "notice", {"state": Notice.QUEUED},
        Notice.select().where(refused & (Notice.created_at <= now - LEAVES_WITHIN)),
        "Tried every hour in vain: each of them says why.", since=Notice.created_at, urgent=True,
    )  # fmt: skip
    half_way = (Notice.state == Notice.SENDING) & (Notice.claimed_at <= now - LEAVES_WITHIN)
    yield Queue(
        "Messages left half way", "notice", {"state": Notice.SENDING}, Notice.select().where(half_way),
        "Their sender stopped: see that the worker runs.", since=Notice.claimed_at, urgent=True,
    )  # fmt: skip
    yield _in_state(
        "Messages that failed", Notice, Notice.FAILED, "They did not reach the customer.",
        since=Notice.created_at, urgent=True,
    )  # fmt: skip


# --- People --------------------------------------------------------------------------------------


def _waited_for(now):
    """Who waits longest or worst: late by the clock, called in vain, or without what they pay for."""
    yield Queue(
        "Late answers", "ticket", {"standing": "late"}, finding.late(companies.current(), now=now),
        "They should have had an answer by now.", since=Ticket.waiting_since_at, urgent=True,
    )  # fmt: skip
    yield Queue(
        "To call back", "call", {"work": "to_return"}, calls.to_return(), "They called and nobody answered.",
        since=Call.started_at, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Open faults", "ticket", {"standing": "fault"}, finding.faults(),
        "Something does not work at a customer.", since=Ticket.opened_at,
    )  # fmt: skip


def _answers():
    """Whose money waits until we have answered, and what they asked for."""
    ours = Verdict.select().where(desk.OURS)
    yield Queue(
        "Money waiting for us", "collections", {}, ours,
        "{customers} cannot pay before we have answered or repaired something.",
        cents=Verdict.amount_cents, since=Verdict.waiting_since_at, people=Verdict.customer, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Messages held back", "held", {}, Notice.select().where(Notice.state == Notice.HELD),
        "Answer {these} first.", since=Notice.held_at, people=Notice.customer, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Disputes to decide", "dispute", {"state": Dispute.OPEN}, disputes.waiting(),
        "Answer within 30 days, decide within 90.", cents=Dispute.amount_cents, by=Dispute.answer_by_on,
    )  # fmt: skip
    yield Queue(
        "Plans to answer", "plan", {"standing": "answer"}, plans.waiting_for_us(),
        "A customer proposed to pay in parts.", cents=Plan.amount_cents, since=Plan.proposed_at, urgent=True,
    )  # fmt: skip


def _tickets(staff):
    """What waits on us, their own first."""
    waits = finding.waiting_on_us()
    mine = {"owner": staff.id, "state": Ticket.WAITING_ON_US}
    for label, args, rows, note in (
        ("Your tickets", mine, waits.where(Ticket.owner == staff), "They wait for you."),
        ("Tickets waiting on us", {"state": Ticket.WAITING_ON_US}, waits, "Of everybody, whoever they are."),
    ):
        yield Queue(label, "ticket", args, rows, note, since=Ticket.waiting_since_at)


def _unknown(today):
    """What came in and nobody could match, and what was agreed on the phone."""
    yield _in_state(
        "Messages to look at", Inbound, Inbound.WAITING, "Mail and texts that fit nowhere by themselves.",
        since=Inbound.received_at, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Whose call was it?", "call", {"work": "unmatched"}, calls.unmatched(),
        "A number of nobody, or of two.", since=Call.started_at, urgent=True,
    )  # fmt: skip
    yield Queue(
        "Next steps of calls", "call", {"work": "steps_due"}, calls.steps_due(today),
        "Agreed on the phone, due now.", by=Call.next_on,
    )  # fmt: skip


# --- Then ----------------------------------------------------------------------------------------


def _held_up():
    """What does not reach its customer until somebody helps it along."""
    dead = Contact.bounced_at.is_null(False) & Contact.left_on.is_null() & (Contact.email != "")
    yield Queue(
        "Addresses that bounce", "contact", {"bounced_at_is": "set", "left_on_is": "empty"},
        Contact.select().where(dead), "Mail comes back. Ask them for another address.",
        since=Contact.bounced_at,
    )  # fmt: skip
    yield Queue(
        "To print and mail", "print", {}, Notice.select().where(Notice.state == Notice.PRINT),
        "Letters that are not mailed yet.", since=Notice.created_at,
    )  # fmt: skip
    yield Queue(
        "Autopay that waits for a notice", "planned_charge", {"state": "planned", "told_on_is": "empty"},
        _untold(), "No mail reaches them: print their letter and mark it, or note an address.",
        since=PlannedCharge.created_at,
    )  # fmt: skip
    unclear = (Invoice.unclear != SQL("''")) & (Invoice.state == Invoice.DRAFT)
    yield Queue(
        "Invoices to make clear", "invoice", {"standing": "unclear"}, Invoice.select().where(unclear),
        "They would confuse their readers, so they wait.", cents=Invoice.total_cents,
        since=Invoice.created_at,
    )  # fmt: skip


def _decisions(today):
    """What a colleague, a customer's money or a fault waits for: somebody's word."""
    yield _in_state(
        "To approve", Approval, Approval.ASKED, "A colleague asked; a second person decides.",
        cents=Approval.amount_cents, since=Approval.asked_at,
    )  # fmt: skip
    yield _in_state(
        "Refunds to approve", Refund, Refund.WAITING, "They need a second person.",
        cents=Refund.amount_cents, since=Refund.created_at,
    )  # fmt: skip
    come = (Suspension.state == Suspension.WARNED) & (Suspension.rests_on <= today)
    yield Queue(
        "Suspensions to decide", "suspension", {"state": "warned", "rests_on_to": str(today)},
        Suspension.select().where(come), "Their day came.", cents=Suspension.owed_cents,
        since=Suspension.rests_on,
    )  # fmt: skip
    yield _in_state(
        "Bank payments to match", RemittanceRow, RemittanceRow.UNMATCHED, "From files: whose are they?",
        cents=RemittanceRow.amount_cents, since=RemittanceRow.received_on,
    )  # fmt: skip
    yield _in_state(
        "Payments held", Payment, Payment.HELD, "The processor's people are reviewing them.",
        cents=Payment.amount_cents, since=Payment.created_at,
    )  # fmt: skip
    yield _in_state(
        "Credits for faults", ServiceCredit, ServiceCredit.PROPOSED, "Give them before anybody has to ask.",
        cents=ServiceCredit.cents, since=ServiceCredit.proposed_at,
    )  # fmt: skip


def _unpaid(today, last_on):
    """Why something is unpaid, and what a person does about it before anything presses."""
    yield Queue(
        "Plans broken", "plan", {"standing": "broken"}, plans.broken(),
        "Call before the old balance is asked for.", cents=Plan.amount_cents, since=Plan.ended_at,
    )  # fmt: skip
    yield Queue(
        "Promises broken", "promise", {"standing": "broken"}, promises.broken(), "Ask them what happened.",
        cents=Promise.owed_cents, since=Promise.decided_on,
    )  # fmt: skip
    yield Queue(
        "Given-up debts to decide", "hold", {"standing": "given_up"}, given_up.running(),
        "Paid, and the payment came back. Call, then lift the hold or give it up again.",
        since=Hold.starts_on,
    )  # fmt: skip
    for why, label, note in (
        (AutopayOutcome.STOPPED, "Autopay given up", "Declined as often as we may try. Call them."),
        (AutopayOutcome.OUT_OF_USE, "Autopay without a card", "It is refused. Ask for another."),
    ):
        yield _last_run(label, why, note, last_on)
    yield _in_state(
        "Drafts to read",
        Notice,
        Notice.DRAFT,
        "Personal mails: read, sign and send.",
        since=Notice.created_at,
    )
    over = reminder_policies.needing_person(lambda field: field, today)
    yield Queue(
        "Needs a person", "invoice", {"standing": "needs_person"}, Invoice.select().where(over),
        "Every message was sent. Call, and find out why.", cents=Invoice.open_cents, since=Invoice.due_on,
    )  # fmt: skip


def _quiet(today):
    """What harms nobody this week."""
    yield Queue(
        "Increases that were not told", "price_change", {"standing": "silent"}, prices.silent(today),
        "The old price is billed. Plan them for a later day.", since=PriceChange.tell_by_on,
    )  # fmt: skip
    yield Queue(
        "Small remainders", "invoice", {"standing": "remainder"},
        Invoice.select().where(write_offs.remainders(today)),
        "The rest of something that was paid: write it off.", cents=Invoice.open_cents, since=Invoice.due_on,
    )  # fmt: skip
    yield _in_state(
        "Invoices to look at", Invoice, Invoice.DRAFT, "Drafts: make them clear, then issue them.",
        cents=Invoice.total_cents, since=Invoice.created_at,
    )  # fmt: skip
    yield _in_state(
        "Imports not released", ImportBatch, ImportBatch.COMMITTED, "Their customers are mute.",
        since=ImportBatch.committed_at,
    )  # fmt: skip


def _in_state(label, model, state, note, **about):
    return Queue(
        label,
        model._meta.table_name,
        {"state": state},
        model.select().where(model.state == state),
        note,
        **about,
    )


def _last_run(label, why, note, last_on, *, urgent=False):
    """What autopay could not do when it last ran (``last_on``), by what a person has to do about it."""
    rows = AutopayOutcome.select().join(Invoice).where(
        (AutopayOutcome.run_on == last_on) & (AutopayOutcome.why == why)
    )  # fmt: skip
    args = {"why": why} | ({"run_on_from": str(last_on), "run_on_to": str(last_on)} if last_on else {})
    return Queue(label, "autopay_outcome", args, rows, note, cents=Invoice.open_cents, urgent=urgent)


def _untold():
    """Planned charges that need a notice first, of customers whom no mail reaches: they wait for ever."""
    readers = Contact.select(Contact.customer).where(Contact.IS_REACHED)
    needing = Autopay.tell_days.is_null(False) | (
        (PaymentMethod.kind == PaymentMethod.BANK) & Autopay.cap_cents.is_null()
    )
    return (
        PlannedCharge.select()
        .join(Autopay)
        .join(PaymentMethod)
        .where(
            (PlannedCharge.state == PlannedCharge.PLANNED)
            & PlannedCharge.told_on.is_null()
            & needing
            & PlannedCharge.customer.not_in(readers)
        )
    )


# --- Reading -------------------------------------------------------------------------------------


def _read(queues, today, now):
    """The Number of each Queue, in their order."""
    asked = [_counted(place, queue) for place, queue in enumerate(queues)]
    rows = {row[0]: row[1:] for row in db.execute(reduce(Select.union_all, asked)).fetchall()}
    return [_number(queue, *rows[place], today, now) for place, queue in enumerate(queues)]


def _counted(place, queue):
    """(place, rows, cents, the first day as text, people) of the first MOST rows and one."""
    day = queue.by if queue.since is None else queue.since
    columns = (
        (NOTHING if queue.cents is None else queue.cents).alias("cents"),
        Cast(NOTHING if day is None else day, "TEXT").alias("day"),
        (NOTHING if queue.people is None else queue.people).alias("who"),
    )
    some = queue.rows.select(*columns).limit(MOST + 1).alias("some")
    people = fn.COUNT(some.c.who.distinct())
    return Select(
        [some], [SQL(str(place)), fn.COUNT(SQL("1")), fn.SUM(some.c.cents), fn.MIN(some.c.day), people]
    )


def _number(queue, count, cents, day, people, today, now):
    first = datetime.fromisoformat(day) if day else None
    last_on = (first + timedelta(days=queue.by_days)).date() if first and queue.by is not None else None
    said = {
        "by": words.from_today(last_on, today) if last_on else "soon",
        "on": words.date(last_on) if last_on else "",
        "customers": words.plural(people, "customer"),
        "these": "this person" if people == 1 else f"these {people:,} people",
    }
    return Number(
        queue.label,
        queue.screen,
        queue.args,
        count=count,
        cents=int(cents) if cents else None,
        note=queue.note.format(**said),
        urgent=count > 0 and (queue.urgent or (last_on is not None and last_on < today)),
        age=""
        if count > MOST
        else _by_words(last_on, today)
        if last_on
        else _age_words(first, count, today, now),
    )


def _by_words(last_on, today):
    return f"{'by' if last_on >= today else 'was due'} {words.short_date(last_on)}"


def _age_words(first, count, today, now):
    """How long the oldest has waited; instants in hours at first."""
    if first is None:
        return ""
    which, hours = "oldest " if count > 1 else "", int((now - first) / timedelta(hours=1))
    if first.time() != time() and hours < 24:
        return words.unbroken(which + words.plural(max(hours, 1), "hour"))
    days = (today - first.date()).days
    return "since today" if days < 1 else words.unbroken(which + words.plural(days, "day"))
