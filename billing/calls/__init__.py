"""The phone: every call once, whose it was, and what is still to be done about it.

``entering``: what staff log by hand and what phone systems report. ``whose``: numbers and the people
behind them. ``following``: calls to return, next steps, and what settles them. ``mapping`` and ``files``:
the list of calls that a phone system or an answering service exports.

A call that nobody answered is work until somebody reached the customer or said why not; while it waits,
nobody presses that customer. How calls come in over the network stands in the edge ``phone``; what staff
note without a call, in ``billing.notes``.
"""

from billing.calls.entering import LONGEST, Received, hear, log, take
from billing.calls.files import check, commit, last_mapping, report_lines
from billing.calls.following import done, open_ticket, settles, steps_due, to_return
from billing.calls.mapping import Mapping, read_mapping
from billing.calls.whose import give, people_by_line, people_of, unmatched

__all__ = [
    "LONGEST",
    "Mapping",
    "Received",
    "check",
    "commit",
    "done",
    "give",
    "hear",
    "last_mapping",
    "log",
    "open_ticket",
    "people_by_line",
    "people_of",
    "read_mapping",
    "report_lines",
    "settles",
    "steps_due",
    "take",
    "to_return",
    "unmatched",
]
