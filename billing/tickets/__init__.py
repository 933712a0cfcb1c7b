"""Support tickets: somebody wants something from us, and hears from us until nothing is left to do.

In the order of the story: ``talking`` (opened, answered, closed), ``sorting`` (what it is about, how
pressing, whose), ``merging`` (two that are one), ``clocks`` (by when we answer, in working hours),
``looking`` (who of us is at it), ``canned`` (answers given often), ``finding`` (queues, what is about an
invoice). Callers say ``tickets.open``; the names they need are gathered here.
"""

from billing.tickets.finding import about_invoice, faults, waiting_on_us
from billing.tickets.merging import merge, standing
from billing.tickets.sorting import assign, sort
from billing.tickets.talking import LONGEST, close, open, reply

__all__ = [
    "LONGEST",
    "about_invoice",
    "assign",
    "close",
    "faults",
    "merge",
    "open",
    "reply",
    "sort",
    "standing",
    "waiting_on_us",
]
