"""A second opinion: the calendar written again, slow and obvious, from the words of the design.

Here: what a person with a wall calendar and a pencil would do. Nothing is imported from ``billing``, and
nothing is clever: days are walked one by one, and every rule is a sentence of its own. The tests compare it
with the product (``test_calendar.py``, ``test_state_machine.py``); where the two differ, one is wrong.
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from functools import cache

ONE_DAY = timedelta(days=1)
PAPER_BEGINS, PAPER_ENDS = date(2021, 1, 1), date(2039, 12, 31)  # the wall calendar


# --- The calendar --------------------------------------------------------------------------------


def days_between(first, last):
    """Every day from ``first`` to ``last``, both included; none when last is earlier."""
    day, days = first, []
    while day <= last:
        days.append(day)
        day += ONE_DAY
    return days


def is_last_of_month(day):
    return (day + ONE_DAY).month != day.month


@cache
def anchor_days(anchor):
    """The days on which a cycle may start: that day of each month, else the last one of a short month."""
    return [
        day
        for day in days_between(PAPER_BEGINS, PAPER_ENDS)
        if day.day == anchor or (is_last_of_month(day) and day.day < anchor)
    ]


def cycle_starts(starts_on, anchor, cycle_months, prorated):
    """The first days of all cycles of a charge. A cycle of three months starts on every third anchor day.

    prorated -- the first cycle holds the first day of service, and is charged for by the day; otherwise it
                starts on the next anchor day, and the days before are free
    """
    days = anchor_days(anchor)
    first = bisect_right(days, starts_on) - 1 if prorated else bisect_left(days, starts_on)
    return days[first::cycle_months]


def cycles(starts_on, anchor, cycle_months, prorated):
    """All cycles of a charge as (first day, last day): each one lasts until the day before the next."""
    starts = cycle_starts(starts_on, anchor, cycle_months, prorated)
    return [(starts[at], starts[at + 1] - ONE_DAY) for at in range(len(starts) - 1)]


def half_up(numerator, denominator):
    """The nearest whole number; halves go up. Counted by pencil: whole parts, then what is left over."""
    whole = numerator // denominator
    left_over = numerator - whole * denominator
    return whole + 1 if 2 * left_over >= denominator else whole


# --- The time of day in the United States --------------------------------------------------------

HOURS_FROM_UTC = {  # in winter, and whether the clocks move
    "Pacific/Honolulu": (-10, False),
    "America/Anchorage": (-9, True),
    "America/Los_Angeles": (-8, True),
    "America/Phoenix": (-7, False),
    "America/Denver": (-7, True),
    "America/Chicago": (-6, True),
    "America/New_York": (-5, True),
}


@cache
def sundays(year, month):
    first = date(year, month, 1)
    return [day for day in days_between(first, first + 30 * ONE_DAY) if day.weekday() == 6]


def clocks_go_forward_on(year):
    """The second Sunday of March: at two o'clock it is three."""
    return sundays(year, 3)[1]


def clocks_go_back_on(year):
    """The first Sunday of November: at two o'clock it is one."""
    return sundays(year, 11)[0]


def at_midnight(day):
    return datetime(day.year, day.month, day.day)


def wall_time(instant, zone):
    """What the clock on the wall in ``zone`` shows at a naive UTC instant."""
    hours, moves = HOURS_FROM_UTC[zone]
    winter = instant + timedelta(hours=hours)
    if not moves:
        return winter
    forward = at_midnight(clocks_go_forward_on(winter.year)) + timedelta(hours=2)
    back = at_midnight(clocks_go_back_on(winter.year)) + timedelta(hours=1)  # two in summer, one in winter
    return winter + timedelta(hours=1) if forward <= winter < back else winter
