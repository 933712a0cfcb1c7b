"""Service periods from an anchor day and an index: pure calendar arithmetic, no clock and no table.

Period ``n`` is computed from where the first one starts, never from "the last one plus 30 days": a
short month clips the day (January 31 → February 28) and the anchor stays for the months after it.
"""

import datetime
from calendar import monthrange
from typing import NamedTuple

DAY = datetime.timedelta(days=1)
YEAR = 365 * DAY


class Period(NamedTuple):
    """A whole cycle, both days included."""

    from_on: datetime.date
    to_on: datetime.date

    @property
    def days(self):
        return (self.to_on - self.from_on).days + 1


def on_day(year, month, day):
    """``day`` of a month, clipped to the month's last day. ``month`` may run over 12 or below 1.

    >>> on_day(2026, 2, 31), on_day(2026, 13, 1)
    (datetime.date(2026, 2, 28), datetime.date(2027, 1, 1))
    """
    years, month0 = divmod(month - 1, 12)
    year += years
    if day > 28:
        day = min(day, monthrange(year, month0 + 1)[1])
    return datetime.date(year, month0 + 1, day)


def add_months(day, months, anchor_day=None):
    """The date ``months`` later, on ``anchor_day`` (default: the same day of the month)."""
    return on_day(day.year, day.month + months, anchor_day or day.day)


def first_start(starts_on, anchor_day, *, prorate):
    """Where period 0 starts.

    With proration it is the anchor day on or before ``starts_on`` (the first days are not charged for);
    without, the anchor day on or after it (the days before are free).

    >>> first_start(datetime.date(2026, 3, 10), 1, prorate=True)
    datetime.date(2026, 3, 1)
    >>> first_start(datetime.date(2026, 3, 10), 1, prorate=False)
    datetime.date(2026, 4, 1)
    """
    anchor = on_day(starts_on.year, starts_on.month, anchor_day)
    if prorate and anchor > starts_on:
        return on_day(starts_on.year, starts_on.month - 1, anchor_day)
    if not prorate and anchor < starts_on:
        return on_day(starts_on.year, starts_on.month + 1, anchor_day)
    return anchor


def period(first, anchor_day, cycle_months, index):
    """Period number ``index`` (0 is the first) of a charge whose period 0 starts on ``first``."""
    month = first.month + index * cycle_months
    starts = on_day(first.year, month, anchor_day)
    return Period(starts, on_day(first.year, month + cycle_months, anchor_day) - DAY)


def index_at(first, anchor_day, cycle_months, day):
    """The index of the period that holds ``day`` (negative before the first)."""
    index = ((day.year - first.year) * 12 + day.month - first.month) // cycle_months
    return index if period(first, anchor_day, cycle_months, index).from_on <= day else index - 1
