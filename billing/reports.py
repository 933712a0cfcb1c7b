"""What the house looks like today, in numbers; every number names the list that proves it.

Only reading. Nothing here is stored: the ledger and the rows are asked each time. A door turns ``screen``
and ``args`` into an address.
"""

from dataclasses import dataclass
from datetime import timedelta

from peewee import fn

from billing import contracts, daily, demands, money
from billing.queues import Number
from billing.reconciliation import differences
from billing.remedies import write_offs
from models import (
    Charge,
    Chargeback,
    Invoice,
    JobRun,
    Payment,
    PriceChange,
    Refund,
    among,
    as_date,
)

# Days past due, as the trade watches them: the aim is never to reach 30. {name: (words, from, to)}
AGES = {
    "0": ("Not due yet", None, 0),
    "1-14": ("1–14 days", 1, 14),
    "15-29": ("15–29 days", 15, 29),
    "30-59": ("30–59 days", 30, 59),
    "60-89": ("60–89 days", 60, 89),
    "90": ("90 days and more", 90, None),
}
DISPUTED = "Disputed"


@dataclass(frozen=True)
class Home:
    """How the house is doing, and how the last daily job went. (What waits for a person: queues.py.)"""

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


# --- numbers ---------------------------------------------------------------------------------------


def numbers(today, ages):
    """How the house is doing."""
    month = today.replace(day=1)
    last = (month - timedelta(days=1)).replace(day=1)
    owed = sum(bucket.cents for bucket in ages)
    return [
        Number(
            "RMR",
            "charge",
            {"standing": "running"},
            cents=rmr_cents(today),
            note="Recurring charges of a month, as of today",
        ),
        Number("Open receivables", "invoice", {"standing": "open"}, cents=owed, note="Owed on all invoices"),
        Number(
            "Collected this month",
            "payment",
            {"standing": "came", "received_on_from": month.isoformat(), "received_on_to": today.isoformat()},
            cents=came_cents(month, today),
            note=_went_words(month, today, came_cents(last, month - timedelta(days=1))),
        ),
        Number(
            "On its way to the bank",
            "payment",
            {"standing": "on_the_way"},
            cents=on_the_way_cents(),
            note="Approved by the processor, not settled yet",
        ),
        *_given_up(month, today),
    ]


def _went_words(first, last, before):
    """What of it did not stay, and what came the month before."""
    went = went_cents(first, last)
    gone = f"{money.format_cents(went)} went back or was disputed. " if went else ""
    return f"{gone}Last month {money.format_cents(before)}"


def _given_up(first, last):
    """What was written off in a month, and what of such debts came after all; nothing where neither was."""
    off, back = write_offs.totals(first, last)
    if not off and not back:
        return
    days = {"standing": "given_up", "made_on_from": first.isoformat(), "made_on_to": last.isoformat()}
    note = f"{money.format_cents(back)} that had been written off came after all"
    yield Number("Written off this month", "credit", days, cents=off, note=note)


def on_the_way_cents():
    """What the processor has approved and not settled yet: money that is on its way to our bank account."""
    waiting = differences.in_no_batch() & (Payment.state == Payment.APPROVED)
    return int(Payment.select(fn.SUM(Payment.amount_cents)).where(waiting).scalar() or 0)


def rmr_cents(today, ids=None):
    """Recurring monthly revenue: what the charges that run on ``today`` come to in a month, in cents.

    Normalized by the year, so that quarterly and yearly charges lose nothing to rounding.

    ids -- of these charges only
    """
    counted = running(today) if ids is None else running(today) & among(Charge.id, ids)
    per_year = (Charge.quantity * Charge.unit_cents - Charge.discount_cents) * (12 / Charge.cycle_months)
    total = int(Charge.select(fn.SUM(per_year)).where(counted).scalar() or 0)
    return (total + sum(_price_changes(today, counted).values()) + 6) // 12


def running(today, at=lambda column: column):
    """The condition on Charge for what runs on a day.

    at -- the column as the query names it
    """
    return (at(Charge.starts_on) <= today) & (at(Charge.ends_on).is_null() | (at(Charge.ends_on) >= today))


def monthly_cents(charges, today):
    """{charge id: what it comes to in a month, in cents}; nothing for one that does not run on ``today``."""
    more = _price_changes(today, among(Charge.id, [charge.id for charge in charges]))
    return {
        charge.id: (_per_year(charge) + more.get(charge.id, 0) + 6) // 12
        for charge in charges
        if charge.starts_on <= today and (charge.ends_on is None or charge.ends_on >= today)
    }


def _per_year(charge):
    return (charge.quantity * charge.unit_cents - charge.discount_cents) * (12 // charge.cycle_months)


def _price_changes(today, counted):
    """{charge id: what a new price that counts by now adds to a year}."""
    rows = (
        PriceChange.select(PriceChange, Charge)
        .join(Charge)
        .where(counted & (PriceChange.starts_on <= today) & contracts.price_counts())
        .order_by(PriceChange.starts_on)
    )
    latest = {row.charge_id: row for row in rows}
    return {
        id: (row.unit_cents - row.charge.unit_cents) * row.charge.quantity * (12 // row.charge.cycle_months)
        for id, row in latest.items()
    }


def came_cents(first, last):
    """Payments that count for the days from ``first`` to ``last``, whatever became of them later."""
    days = came() & Payment.received_on.between(first, last)
    return int(Payment.select(fn.SUM(Payment.amount_cents)).where(days).scalar() or 0)


def came(at=lambda column: column):
    """The condition on Payment for money that came: also what was refunded or disputed since.

    at -- the column as the query names it
    """
    return at(Payment.state).in_((*Payment.MONEY, Payment.REFUNDED, Payment.CHARGED_BACK))


def went_cents(first, last):
    """What we sent back from ``first`` to ``last``, and what banks took for disputes then."""
    went = Refund.select(fn.SUM(Refund.amount_cents)).where(
        Refund.paid_on.between(first, last) & (Refund.how != Refund.VOID) & Refund.state.not_in(Refund.DEAD)
    )
    taken = Chargeback.select(fn.SUM(Chargeback.amount_cents)).where(
        Chargeback.opened_on.between(first, last) & (Chargeback.state != Chargeback.WON)
    )
    return sum(int(query.scalar() or 0) for query in (went, taken))


def aging(today):
    """What is owed by days past due: one Number for each age, in order; what is disputed has no age.

    By the days on which it is asked for: an invoice of which parts are asked for on several days is counted
    with each age that one of them has, and so stands in each of the lists.
    """
    special = list(demands.apart().values())
    by_day = (  # of all, whatever is special: plain sums are read from an index
        Invoice.select(Invoice.due_on, fn.SUM(Invoice.open_cents), fn.COUNT(Invoice.id))
        .where(Invoice.IS_OWED)
        .group_by(Invoice.due_on)
        .tuples()
    )
    rows = [(as_date(due_on), int(cents), count) for due_on, cents, count in by_day]
    rows += [(one.due_on, -one.open_cents, -1) for one in special]
    parts = [(part.due_on, part.cents, one.invoice_id) for one in special for part in one.demands]
    dated = [part for part in parts if part[0]]
    ages = [_age(name, rows, dated, today) for name in AGES]
    if disputed := [cents for due_on, cents, _ in parts if not due_on]:
        told = {"standing": "disputed"}
        ages.append(Number(DISPUTED, "invoice", told, count=len(disputed), cents=sum(disputed)))
    return ages


def _age(name, rows, parts, today):
    first, last = days_of(name, today)
    rows, parts = (
        [one for one in some if not (first and one[0] < first) and not (last and one[0] > last)]
        for some in (rows, parts)
    )
    return Number(
        AGES[name][0],
        "invoice",
        {"age": name},
        count=sum(count for *_, count in rows) + len({id for *_, id in parts}),
        cents=sum(one[1] for one in (*rows, *parts)),
    )


def days_of(name, today):
    """(first, last) due dates of what has an age (one of AGES) today; None where there is no end."""
    _, least, most = AGES[name]
    first = None if most is None else today - timedelta(days=most)
    last = None if least is None else today - timedelta(days=least)
    return first, last


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
