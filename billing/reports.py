"""What the house looks like today, in numbers; every number names the list that proves it.

Only reading. Nothing here is stored: the ledger and the rows are asked each time. A door turns ``screen``
and ``args`` into an address.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

from peewee import SQL, fn

from billing import calls, contracts, daily, demands, money, promises, reminder_policies, words
from billing import company as companies
from billing.automatic import tally
from billing.disputes import finding as disputes
from billing.plans import standing as plans
from billing.reconciliation import differences
from billing.remedies import write_offs
from billing.renewals import closing, prices
from billing.tickets import finding
from models import (
    Approval,
    Autopay,
    AutopayOutcome,
    Charge,
    Chargeback,
    Contact,
    Customer,
    Difference,
    Dispute,
    ImportBatch,
    Inbound,
    Invoice,
    JobRun,
    Notice,
    Payment,
    PaymentMethod,
    PlannedCharge,
    PriceChange,
    Refund,
    RemittanceRow,
    ServiceCredit,
    Suspension,
    Ticket,
)

# Days past due, as the trade watches them: the aim is never to reach 30.
BUCKETS = (("Not due yet", None, 0), ("1–14 days", 1, 14), ("15–29 days", 15, 29), ("30–59 days", 30, 59),
           ("60–89 days", 60, 89), ("90 days and more", 90, None))  # fmt: skip
DISPUTED = "Disputed"


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


@dataclass(frozen=True)
class Home:
    """Today's queues (what waits for a person) and numbers (how the house is doing)."""

    queues: list
    numbers: list
    aging: list
    job: JobRun | None
    job_words: str
    job_is_late: bool
    steps: list  # [(step, what it did)] of the last run
    trouble: list  # sentences about what went wrong in it, findings of the books check first


def home(today):
    """The Home of ``today``."""
    ages = aging(today)
    job = (
        JobRun.select()
        .where((JobRun.name == "daily") & (JobRun.only == ""))
        .order_by(JobRun.id.desc())
        .first()
    )
    days = daily.days_since_last(today)
    return Home(
        queues(today, ages),
        numbers(today, ages),
        ages,
        job,
        _job_words(days),
        days is None or days > 1,
        *job_report(job),
    )


def job_report(job):
    """([(step, what it did)], [what went wrong]) of a JobRun, as its report tells; empty lists for None."""
    names = {step.name for step in daily.STEPS}
    steps, trouble = [], []
    for line in job.report.splitlines() if job else ():
        name, mark, told = line.partition(": ")
        if mark and name in names:
            steps.append((name, told))
        elif line.strip():
            trouble.append(line)
    return steps, sorted(trouble, key=lambda line: not line.startswith("Check "))


def _job_words(days):
    if days is None:
        return "The daily job has never finished."
    return "The daily job ran " + (
        "today." if days <= 0 else "yesterday." if days == 1 else f"{days} days ago."
    )


# --- queues ----------------------------------------------------------------------------------------


def queues(today, ages):
    """What waits for a person, most pressing first; queues that are empty say so by a zero.

    ages -- the buckets of ``aging``
    """
    late = sum(bucket.count for bucket in ages[1:] if bucket.label != DISPUTED)
    return [
        _queue(
            "Payments in doubt", Payment, Payment.IN_DOUBT, "The processor's answer is missing.", urgent=True
        ),
        *_money_queues(today),
        *_autopay_queues(),
        *_remedy_queues(today),
        _queue("Differences", Difference, Difference.OPEN, "Processor and books do not agree.", urgent=True),
        _queue(
            "Bank payments to match", RemittanceRow, RemittanceRow.UNMATCHED, "From files: whose are they?"
        ),
        _queue("Payments held", Payment, Payment.HELD, "The processor's people are reviewing them."),
        _queue("Tickets waiting on us", Ticket, Ticket.WAITING_ON_US, "Answer these first.", urgent=True),
        _disputes(today),
        *_call_queues(today),
        *_last_step_queues(today),
        *_incoming_queues(),
        _queue("Drafts to look at", Invoice, Invoice.DRAFT, "Issue or discard them."),
        _queue(
            "Drafts to read", Notice, Notice.DRAFT, "Personal mails about what is late: read, sign and send."
        ),
        _needing_person(today),
        _queue(
            "Messages that failed", Notice, Notice.FAILED, "They did not reach the customer.", urgent=True
        ),
        _held(),
        _queue("To print and mail", Notice, Notice.PRINT, "Letters that are not mailed yet."),
        *_plan_queues(),
        *_contract_queues(today),
        _queue("Imports not released", ImportBatch, ImportBatch.COMMITTED, "Their customers are mute."),
        Number(
            "Past due",
            "invoice",
            {"standing": "past_due"},
            count=late,
            note="Invoices owed after their date.",
        ),
    ]


def _disputes(today):
    """What customers say is wrong, with the clocks of the law and of our promise."""
    count, late = disputes.waiting().count(), disputes.late(today).count()
    note = f"{late:,} wait longer than we promised." if late else "Answer within 30 days, decide within 90."
    return Number(
        "Disputes to decide", "dispute", {"state": Dispute.OPEN}, count=count, note=note, urgent=late > 0
    )


def _held():
    """Late notices that wait until somebody was answered; the page behind it names the people."""
    counted = Notice.select(fn.COUNT(Notice.id), fn.COUNT(Notice.customer.distinct()))
    count, people = counted.where(Notice.state == Notice.HELD).scalar(as_tuple=True)
    note = f"Answer {'this person' if people == 1 else f'these {people:,} people'} first."
    return Number(
        "Messages held back", "notice", {"state": Notice.HELD}, count=count, note=note, urgent=count > 0
    )


def _remedy_queues(today):
    """What one person may not decide alone, what faults are worth, and cents not worth a letter."""
    yield _queue("To approve", Approval, Approval.ASKED, "A colleague asked; a second person decides.")
    yield _queue(
        "Credits for faults", ServiceCredit, ServiceCredit.PROPOSED, "Give them before anybody has to ask."
    )
    yield Number(
        "Small remainders", "invoice", {"standing": "remainder"},
        count=Invoice.select().where(write_offs.remainders(today)).count(),
        note="The rest of something that was paid: write it off.",
    )  # fmt: skip


def ticket_queues(staff, *, now):
    """What is late by the clock at this moment, the open faults, and what waits for ``staff`` themselves."""
    late = finding.late(companies.current(), now=now).count()
    yours = finding.waiting_on_us().where(Ticket.owner == staff).count()
    return [
        Number("Late answers", "ticket", {"standing": "late"}, count=late, urgent=late > 0,
               note="They should have had an answer by now."),
        Number("Your tickets", "ticket", {"owner": staff.id, "state": Ticket.WAITING_ON_US}, count=yours,
               note="They wait for you."),
        Number("Open faults", "ticket", {"standing": "fault"}, count=finding.faults().count(),
               note="Something does not work at a customer."),
    ]  # fmt: skip


def _plan_queues():
    """Proposals that wait for our answer, and what was agreed and did not come."""
    for label, model, standing, query, note in (
        ("Plans to answer", "plan", "answer", plans.waiting_for_us(), "A customer proposed to pay in parts."),
        ("Plans broken", "plan", "broken", plans.broken(), "Call before the old balance is asked for."),
        ("Promises broken", "promise", "broken", promises.broken(), "Ask them what happened."),
    ):
        count = query.count()
        yield Number(
            label, model, {"standing": standing}, count=count, note=note,
            urgent=standing == "answer" and count > 0,
        )  # fmt: skip


def _contract_queues(today):
    """Notices of contract ends that a person has to see to before their window closes."""
    count = closing.at_risk(today).count()
    yield Number(
        "Renewal notices about to close", "renewal_notice", {"standing": "at_risk"}, count=count,
        urgent=count > 0, note="No proof that they went out. Print and mail them now.",
    )  # fmt: skip
    yield Number(
        "Increases that were not told", "price_change", {"standing": "silent"},
        count=prices.silent(today).count(), note="The old price is billed. Plan them for a later day.",
    )  # fmt: skip
    if count := prices.billed_untold(today).count():
        yield Number(
            "Billed at a price nobody was told", "price_change", {"standing": "billed"}, count=count,
            urgent=True, note="The message came back after the invoice. Credit the difference.",
        )  # fmt: skip


def _call_queues(today):
    """Whom to call: those whom nobody answered, what was agreed, and calls that are nobody's yet."""
    for work, label, query, note, urgent in (
        ("to_return", "To call back", calls.to_return(), "They called and nobody answered.", True),
        ("steps_due", "Next steps of calls", calls.steps_due(today), "Agreed on the phone, due now.", False),
        ("unmatched", "Whose call was it?", calls.unmatched(), "A number of nobody, or of two.", True),
    ):  # fmt: skip
        count = query.count()
        yield Number(label, "call", {"work": work}, count=count, note=note, urgent=urgent and count > 0)


def _last_step_queues(today):
    """What suspensions leave to do: first what undoes them."""
    running = Suspension.select()
    for args, label, condition, note, urgent in (
        ({"recall": "yes"}, "Letters to take back", Suspension.recall, "Printed, not true any more.", True),
        ({"station": "yes"}, "Stations to tell", Suspension.station, "Whether signals are answered.", True),
        ({"state": "warned", "rests_on_to": str(today)}, "Suspensions to decide",
         (Suspension.state == Suspension.WARNED) & (Suspension.rests_on <= today), "Their day came.", False),
    ):  # fmt: skip
        count = running.where(condition).count()
        yield Number(label, "suspension", args, count=count, note=note, urgent=urgent and count > 0)


def _incoming_queues():
    """What came in and nobody could match, and whom mail does not reach."""
    yield _queue(
        "Messages to look at", Inbound, Inbound.WAITING, "Mail and texts that fit nowhere by themselves.",
        urgent=True,
    )  # fmt: skip
    dead = Contact.bounced_at.is_null(False) & Contact.left_on.is_null() & (Contact.email != "")
    yield Number(
        "Addresses that bounce", "contact", {"bounced_at_is": "set", "left_on_is": "empty"},
        count=Contact.select().where(dead).count(), note="Mail comes back. Ask them for another address.",
    )  # fmt: skip


def _money_queues(today):
    """What waits about money that came and may go back. Unresolved: nobody has answered for three days."""
    unresolved = {"state": Payment.IN_DOUBT, "received_on_to": str(today - timedelta(days=3))}
    old = (Payment.state == Payment.IN_DOUBT) & (Payment.received_on <= today - timedelta(days=3))
    count = Payment.select().where(old).count()
    yield Number(
        "Payments to decide", "payment", unresolved, count=count, urgent=count > 0,
        note="No answer for three days: look at the processor, then conclude by hand.",
    )  # fmt: skip
    yield _queue("Chargebacks to answer", Chargeback, Chargeback.OPEN, _next_deadline(today), urgent=True)
    yield _queue("Refunds to approve", Refund, Refund.WAITING, "They need a second person.")
    yield _queue("Refunds in doubt", Refund, Refund.IN_DOUBT, "The processor's answer is missing.")


AUTOPAY_QUEUES = (
    (AutopayOutcome.STOPPED, "Autopay given up", "Declined as often as we may try. Call them.", False),
    (AutopayOutcome.OUT_OF_USE, "Autopay without a card", "The card or account is refused. Ask for another.",
     False),
    (AutopayOutcome.OURS, "Autopay: trouble with our set-up", "The processor refuses us, not the customer.",
     True),
    (AutopayOutcome.TROUBLE, "Autopay: trouble in the program", "The report of the day tells more.", True),
)  # fmt: skip


def _autopay_queues():
    """What autopay could not do when it last ran, by what a person has to do about it."""
    last_on = tally.last_run_on()
    last = {"run_on_from": str(last_on), "run_on_to": str(last_on)} if last_on else {}
    rows = AutopayOutcome.select(AutopayOutcome.why, fn.COUNT(AutopayOutcome.id))
    rows = rows.where(AutopayOutcome.run_on == last_on).group_by(AutopayOutcome.why)
    counts = dict(rows.tuples()) if last_on else {}
    for why, label, note, urgent in AUTOPAY_QUEUES:
        count = counts.get(why, 0)
        is_urgent = urgent and count > 0
        if count or not urgent:
            yield Number(
                label, "autopay_outcome", {"why": why, **last}, count=count, note=note, urgent=is_urgent
            )
    yield Number(
        "Autopay that waits for a notice", "planned_charge", {"state": "planned", "told_on_is": "empty"},
        count=_untold(), note="No mail reaches them: print their letter and mark it, or note an address.",
    )  # fmt: skip


def _untold():
    """Planned charges that need a notice first, of customers whom no mail reaches: they wait for ever."""
    readers = Contact.select(Contact.customer).where(
        (Contact.role == Contact.PAYER)
        & (Contact.email != "")
        & Contact.left_on.is_null()
        & Contact.bounced_at.is_null()
    )
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
        .count()
    )


def _next_deadline(today):
    case = (
        Chargeback.select()
        .where((Chargeback.state == Chargeback.OPEN) & Chargeback.answer_by_on.is_null(False))
        .order_by(Chargeback.answer_by_on)
        .first()
    )
    if case is None:
        return "Send the evidence to the bank in time."
    return f"The next answer is due {words.from_today(case.answer_by_on, today)}."


def _needing_person(today):
    """Open invoices whose messages are over: the last step came, and nobody paid."""
    condition = reminder_policies.needing_person(lambda field: field, today)
    return Number(
        "Needs a person",
        "invoice",
        {"standing": "needs_person"},
        count=Invoice.select().where(condition).count(),
        note="Every message was sent. Call, and find out why.",
    )


def _queue(label, model, state, note, *, urgent=False):
    count = model.select().where(model.state == state).count()
    screen = model._meta.table_name
    return Number(label, screen, {"state": state}, count=count, note=note, urgent=urgent and count > 0)


# --- numbers ---------------------------------------------------------------------------------------


def numbers(today, ages):
    """How the house is doing."""
    month = today.replace(day=1)
    last = (month - timedelta(days=1)).replace(day=1)
    owed = sum(bucket.cents for bucket in ages)
    before = collected_cents(last, month - timedelta(days=1))
    return [
        Number("RMR", "charge", cents=rmr_cents(today), note="Recurring charges of a month, as of today"),
        Number("Open receivables", "invoice", {"standing": "open"}, cents=owed, note="Owed on all invoices"),
        Number(
            "Collected this month",
            "payment",
            {"received_on_from": month.isoformat(), "received_on_to": today.isoformat()},
            cents=collected_cents(month, today),
            note=f"Last month {money.format_cents(before)}",
        ),
        Number(
            "On its way to the bank",
            "payment",
            {"standing": "on_the_way"},
            cents=on_the_way_cents(),
            note="Approved by the processor, not settled yet",
        ),
        Number(
            "Customers", "customer", {"closed_on_is": "empty"}, count=_active_customers(), note="Not closed"
        ),
    ]


def on_the_way_cents():
    """What the processor has approved and not settled yet: money that is on its way to our bank account."""
    waiting = differences.in_no_batch() & (Payment.state == Payment.APPROVED)
    return int(Payment.select(fn.SUM(Payment.amount_cents)).where(waiting).scalar() or 0)


def _active_customers():
    return Customer.select().where(Customer.closed_on.is_null()).count()


def rmr_cents(today):
    """Recurring monthly revenue: what the charges that run on ``today`` come to in a month, in cents.

    Normalized by the year, so that quarterly and yearly charges lose nothing to rounding.
    """
    runs = (Charge.starts_on <= today) & (Charge.ends_on.is_null() | (Charge.ends_on >= today))
    per_year = (Charge.quantity * Charge.unit_cents - Charge.discount_cents) * (12 / Charge.cycle_months)
    total = int(Charge.select(fn.SUM(per_year)).where(runs).scalar() or 0)
    return (total + _price_changes(today, runs) + 6) // 12


def _price_changes(today, runs):
    """What new prices that count by now add to a year."""
    rows = (
        PriceChange.select(PriceChange, Charge)
        .join(Charge)
        .where(runs & (PriceChange.starts_on <= today) & contracts.price_counts())
        .order_by(PriceChange.starts_on)
    )
    latest = {row.charge_id: row for row in rows}.values()
    return sum(
        (row.unit_cents - row.charge.unit_cents) * row.charge.quantity * (12 // row.charge.cycle_months)
        for row in latest
    )


def collected_cents(first, last):
    """Payments that count for the days from ``first`` to ``last``, less what went back or was taken then."""
    counted = (*Payment.MONEY, Payment.REFUNDED, Payment.CHARGED_BACK)
    came = Payment.select(fn.SUM(Payment.amount_cents)).where(
        Payment.state.in_(counted) & Payment.received_on.between(first, last)
    )
    went = Refund.select(fn.SUM(Refund.amount_cents)).where(
        Refund.paid_on.between(first, last) & (Refund.how != Refund.VOID) & Refund.state.not_in(Refund.DEAD)
    )
    taken = Chargeback.select(fn.SUM(Chargeback.amount_cents)).where(
        Chargeback.opened_on.between(first, last) & (Chargeback.state != Chargeback.WON)
    )
    return int(came.scalar() or 0) - sum(int(query.scalar() or 0) for query in (went, taken))


def aging(today):
    """What is owed by days past due: one Number for each bucket, in order; what is disputed has no age."""
    special = demands.apart().values()
    by_day = (  # of all, whatever is special: plain sums are read from an index
        Invoice.select(Invoice.due_on, fn.SUM(Invoice.open_cents), fn.COUNT(Invoice.id))
        .where(Invoice.open_cents > SQL("0"))
        .group_by(Invoice.due_on)
        .tuples()
    )
    rows = [(_as_date(due_on), int(cents), count) for due_on, cents, count in by_day]
    rows += [(one.due_on, -one.open_cents, -1) for one in special]
    asked = [one for invoice in special for one in invoice.demands]
    rows += [(one.due_on, one.cents, 1) for one in asked if one.due_on]
    buckets = [_bucket(label, least, most, rows, today) for label, least, most in BUCKETS]
    if disputed := [one.cents for one in asked if not one.due_on]:
        told = {"standing": "disputed"}
        buckets.append(Number(DISPUTED, "invoice", told, count=len(disputed), cents=sum(disputed)))
    return buckets


def _bucket(label, least, most, rows, today):
    first = None if most is None else today - timedelta(days=most)
    last = None if least is None else today - timedelta(days=least)
    inside = [row for row in rows if (first is None or row[0] >= first) and (last is None or row[0] <= last)]
    args = {"standing": "open", "due_on_from": first, "due_on_to": last}
    return Number(
        label,
        "invoice",
        {name: str(value) for name, value in args.items() if value is not None},
        count=sum(row[2] for row in inside),
        cents=sum(row[1] for row in inside),
    )


def _as_date(value):
    return date.fromisoformat(value) if isinstance(value, str) else value


# --- a bill run before it runs -----------------------------------------------------------------------


@dataclass(frozen=True)
class PreviewTotals:
    """What a preview adds up to."""

    customers: int
    lines: int
    cents: int


def preview_totals(bills):
    """Add up the bills of ``bill.preview`` that will be issued; refused ones are left out."""
    ready = [one for one in bills if not one.refusal and (one.lines or one.apart)]
    return PreviewTotals(
        customers=len(ready),
        lines=sum(len(one.lines) + len(one.apart) for one in ready),
        cents=sum(one.total_cents for one in ready),
    )
