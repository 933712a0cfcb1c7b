"""Banking days: when banks move money between each other in the United States.

Saturdays, Sundays and the holidays of the Federal Reserve are none. A holiday on a Sunday moves to Monday;
one on a Saturday moves nowhere: the banks are open on the Friday before
(https://www.frbservices.org/about/holiday-schedules).
"""

from functools import cache

import holidays

from billing.periods import DAY

SUNDAY = 6


def is_banking_day(day):
    """True when banks settle on ``day``."""
    return day.weekday() < SUNDAY - 1 and day not in _holidays(day.year)


def is_holiday(day):
    """True for a federal holiday, on the day on which the banks keep it."""
    return day in _holidays(day.year)


def add(day, count):
    """The day ``count`` banking days after ``day``, which need not be one itself."""
    while count:
        day += DAY
        count -= is_banking_day(day)
    return day


@cache
def _holidays(year):
    """The holidays of a year, on the days on which the banks keep them."""
    return frozenset(
        day + DAY if day.weekday() == SUNDAY else day for day in holidays.US(years=year, observed=False)
    )
