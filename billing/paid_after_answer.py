"""How soon we answer questions about invoices, and how soon those are paid then, month by month.

Only reading. A question counts when it is about an invoice of which something was still open, and which money
paid since or nothing has; what a credit settled says nothing of patience. Not here: who waits for an answer
now (collections/waiting.py), the clocks of a ticket (tickets/clocks.py).
"""

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from peewee import fn

from billing import company as companies
from billing import localtime, words
from models import Allocation, Invoice, Ticket, as_date

DAYS = 365
RIPE_DAYS = 30  # for the comparison: whoever asked since then may still pay
MOST = 20_000  # the newest questions
LEAST = 10  # fewer of a kind say nothing
QUICK_HOURS = 24


class Question(NamedTuple):
    """Asked on a day; answered after so many hours, paid after so many days (math.inf: not yet)."""

    asked_on: date
    hours: float
    days: float


@dataclass(frozen=True)
class Month:
    """The questions of a month. ``hours`` and ``days`` are medians; None: most still wait."""

    first_on: date
    count: int
    hours: float | None
    days: float | None


@dataclass(frozen=True)
class Report:
    """The months, newest first, and what quick answers were worth, in one sentence."""

    months: tuple
    sentence: str


def report(today):
    """The Report as of ``today``. One query, however many questions."""
    asked = _questions(today)
    by_month = defaultdict(list)
    for question in asked:
        by_month[question.asked_on.replace(day=1)].append(question)
    months = tuple(_month(first_on, by_month[first_on]) for first_on in sorted(by_month, reverse=True))
    return Report(months, compared([q for q in asked if q.asked_on <= today - timedelta(days=RIPE_DAYS)]))


def compared(asked):
    """Those answered within QUICK_HOURS beside the others, in one sentence; where they are too few, that."""
    quick = [question for question in asked if question.hours <= QUICK_HOURS]
    slow = [question for question in asked if question.hours > QUICK_HOURS]
    if min(len(quick), len(slow)) < LEAST:
        return "Too few questions about open invoices to say whether a quick answer is worth money."
    return (
        f"Of {len(quick):,} answered within a day, {_paid(quick)}. "
        f"Of {len(slow):,} answered later or not yet, {_paid(slow)}."
    )


def _paid(asked):
    days = _median(question.days for question in asked)
    return "most are not paid" if days is None else f"half were paid {words.plural(days, 'day')} after asking"


def _month(first_on, asked):
    return Month(
        first_on, len(asked), _median(question.hours for question in asked),
        _median(question.days for question in asked),
    )  # fmt: skip


def _median(values):
    """The lower of the two in the middle, so of a question that was really asked; None: not yet."""
    middle = statistics.median_low(values)
    return None if middle == math.inf else middle


# --- Reading -------------------------------------------------------------------------------------


def _questions(today):
    """The Questions of a year, whose invoice was still owed when they were asked."""
    zone = companies.current().time_zone
    paid_on = fn.MAX(Allocation.made_on)
    by_money = fn.COUNT(Allocation.id) == fn.COUNT(Allocation.payment)  # no credit among them
    columns = (Ticket.id, Ticket.opened_at, Ticket.first_answered_at, Invoice.open_cents)
    rows = (
        Ticket.select(*columns[1:], paid_on)
        .join(Invoice)
        .left_outer_join(Allocation, on=Allocation.invoice == Invoice.id)
        .where(Ticket.opened_at >= localtime.at_hour(today - timedelta(days=DAYS), 0, zone))
        .where(
            (Ticket.via != Ticket.STAFF) & Ticket.merged_into.is_null() & (Invoice.state == Invoice.ISSUED)
        )
        .group_by(*columns)
        .having(by_money)
        .order_by(Ticket.id.desc())
        .limit(MOST)
        .tuples()
    )
    read = (_question(*row, zone) for row in rows)
    return [question for question in read if question.days >= 0]


def _question(opened_at, answered_at, open_cents, paid_on, zone):
    asked_on = localtime.day(opened_at, zone)
    hours = math.inf if answered_at is None else (answered_at - opened_at).total_seconds() / 3600
    is_paid = not open_cents and paid_on is not None
    return Question(asked_on, hours, (as_date(paid_on) - asked_on).days if is_paid else math.inf)
