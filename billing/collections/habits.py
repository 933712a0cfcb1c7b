"""How late somebody usually pays: from what they paid, never from what they owe. Pure."""

import statistics

from billing.collections.rules import Habit

LEAST_PAID = 4  # fewer prove no habit
LOOKED_AT = 8  # the latest of them
LATE_DAYS = 3  # a mail and a bank take as long
MOST_SPREAD = 14  # days between the earlier and the later half of the payments
MOST_DAYS = 45  # who pays later than that has no habit that we would wait for
GRACE = 3  # days beyond the latest payment so far


def of(paid):
    """The Habit of [(invoice id, days from due date to payment), …], newest first; None where there is none.

    It takes at least four paid invoices, three of four of them late, and payments that come much alike.
    """
    latest = paid[:LOOKED_AT]
    if len(latest) < LEAST_PAID:
        return None
    days = sorted(day for _, day in latest)
    late = [id for id, day in latest if day >= LATE_DAYS]
    median = int(statistics.median(days))
    quarter = len(days) // 4
    is_alike = days[-1 - quarter] - days[quarter] <= MOST_SPREAD
    if 4 * len(late) < 3 * len(latest) or median < LATE_DAYS or not is_alike or days[-1] > MOST_DAYS:
        return None
    return Habit(len(latest), len(late), median, days[-1] + GRACE, tuple(late))
