"""The named points at which a process may die: placed by wrapping the product's functions, never in it.

Every victim has every point; which one is deadly, and at which pass, is its fate. A function that does not
exist under its name any more is an error: a point that is passed by nobody kills nobody.
"""

import functools
import importlib
import os
import signal
from typing import NamedTuple

BEFORE, AFTER = "before", "after"


class Point(NamedTuple):
    """A place in the product: before or after the function ``target`` ("module:name" or "module:Class.name").

    ``who`` comes by there: w(eb), d(aily), s(ender: worker and send-notices), h(and), r(efund).
    """

    name: str
    target: str
    when: str
    who: str


_BILL, _PAY, _OUTBOX = "billing.bill", "billing.payments", "billing.outbox"
POINTS = (
    Point("any statement", "", BEFORE, "wdshr"),
    Point("any commit", "", BEFORE, "wdshr"),
    Point("lease taken", "billing.daily:begin", AFTER, "d"),
    Point("lease given back", "billing.daily:finish", AFTER, "d"),
    Point("bill: numbers taken, no rows", f"{_BILL}:take_numbers", AFTER, "d"),
    Point("bill: rows written, not committed", f"{_BILL}:write_issued", AFTER, "d"),
    Point("bill: committed", f"{_BILL}:_bill_all", AFTER, "d"),
    Point("attempt committed", f"{_PAY}.claiming:claim", AFTER, "w"),
    Point("page given, not stored", f"{_PAY}.online:_ask_page", AFTER, "w"),
    Point("page stored", f"{_PAY}.online:_open_page", AFTER, "w"),
    Point("before the call", "billing.edges.gateway:Gateway._post", BEFORE, "wdsr"),
    Point("after the call", "billing.edges.gateway:Gateway._post", AFTER, "wdsr"),
    Point("answer booked, not committed", f"{_PAY}.booking:book", AFTER, "wds"),
    Point("answer committed", f"{_PAY}.booking:conclude", AFTER, "wds"),
    Point("charge: attempt committed", f"{_PAY}.saved:_claim_charge", AFTER, "d"),
    Point("charge: answer committed", f"{_PAY}.saved:_book_answer", AFTER, "d"),
    Point("autopay: planned, not committed", "billing.automatic.autopay:_write_plan", AFTER, "d"),
    Point("autopay: outcomes noted", "billing.charging.crew:_Crew.write", AFTER, "d"),
    Point("refund: ordered", "billing.reversals.refunds:start", AFTER, "r"),
    Point("refund: about to be sent", "billing.reversals.refunds:_send", BEFORE, "rds"),
    Point("refund: booked, not committed", "billing.reversals.refunds:_book", AFTER, "rds"),
    Point("refund: answer committed", "billing.reversals.refunds:_book_answer", AFTER, "rds"),
    Point("batch kept, not committed", "billing.reconciliation.settlements:_keep_lines", AFTER, "d"),
    Point("webhook kept, not answered", "billing.webhooks:note", AFTER, "w"),
    Point("webhook followed", "billing.webhooks:follow", AFTER, "ds"),
    Point("payment by hand, not committed", "billing.ledger:apply_oldest_first", AFTER, "h"),
    Point("payment by hand, committed", f"{_PAY}:record", AFTER, "h"),
    Point("reminder queued", "billing.reminding:_queue_chunk", AFTER, "d"),
    Point("outbox: claimed", f"{_OUTBOX}.claiming:take", AFTER, "ds"),
    Point("outbox: copy kept", f"{_OUTBOX}.sending:_Run._hand_over", BEFORE, "ds"),
    Point("outbox: handed over", "billing.edges.mail:Mailer.begin", AFTER, "ds"),
    Point("outbox: noted as sent", f"{_OUTBOX}.sending:_Run._noted", AFTER, "ds"),
    Point("PDF half written", "billing.edges.pdf:written", BEFORE, "w"),
)
# Who sleeps here for hours has claimed and not sent: others give the attempt up meanwhile.
ASLEEP = "charge: attempt committed"
# Who stops there holds no lock that would keep everybody else waiting.
STOPPABLE = (
    "lease taken", "bill: committed", ASLEEP, "charge: answer committed", "before the call",
    "after the call", "answer committed", "webhook followed", "outbox: claimed", "outbox: copy kept",
    "outbox: handed over", "outbox: noted as sent",
)  # fmt: skip
NAMES = [point.name for point in POINTS]
STATEMENT, COMMIT = 0, 1


def named(name):
    """The Point of a name."""
    return POINTS[NAMES.index(name)]


class Fate:
    """What is to happen to this process. ``log`` is the open file that says who died where."""

    def __init__(self, board, log):
        self._board, self._log = board, log
        self._point, self._passes, self._signal, self.is_web = None, 0, signal.SIGKILL, False

    def decide(self, point=None, passes=1, stop=False):
        """Die (or stop) when ``point``, by its name, is passed for the ``passes``-th time."""
        self._point = NAMES.index(point) if point else None
        self._passes, self._signal = passes, signal.SIGSTOP if stop else signal.SIGKILL

    def pass_by(self, point):
        """This process passes a point, by its number; it may be the last thing that it does."""
        if self.is_web:
            if self._board.falls(point):
                self._end(point)
        elif point == self._point:
            self._passes -= 1
            if self._passes == 0:
                self._end(point)

    def _end(self, point):
        word = "stop" if self._signal == signal.SIGSTOP else "kill"
        os.write(self._log, f"{word}\t{os.getpid()}\t{NAMES[point]}\n".encode())
        os.kill(os.getpid(), self._signal)


def place(fate):
    """Put every point into the product's functions; called once, before anything is forked."""
    for number, point in enumerate(POINTS):
        if point.target:
            _wrap(point, lambda number=number: fate.pass_by(number))


def place_in_database(database, fate):
    """Make every statement and every commit of an open database a point."""
    for name, number in (("execute_sql", STATEMENT), ("commit", COMMIT)):
        setattr(database, name, _before(getattr(database, name), lambda number=number: fate.pass_by(number)))


def find(target):
    """(owner, name) of "module:name" or "module:Class.name"."""
    module, _, path = target.partition(":")
    owner = importlib.import_module(module)
    *inner, name = path.split(".")
    for part in inner:
        owner = getattr(owner, part)
    return owner, name


def _wrap(point, strike):
    owner, name = find(point.target)
    around = _before if point.when == BEFORE else _after
    setattr(owner, name, around(getattr(owner, name), strike))


def _before(real, strike):
    @functools.wraps(real)
    def struck(*args, **kwargs):
        strike()
        return real(*args, **kwargs)

    return struck


def _after(real, strike):
    @functools.wraps(real)
    def struck(*args, **kwargs):
        given = real(*args, **kwargs)
        strike()
        return given

    return struck
