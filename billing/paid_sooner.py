"""Whether clear invoices are paid sooner: how clear each was when it was issued, against when it was paid.

Only reading. It counts what a customer read and then paid by an act of their own: not what was charged
automatically, nor what a credit, a plan or a void settled. The fair comparison is each customer with
themselves, because whoever has many lines differs from others in more than that; and where it is no more
than chance, it says so. Not here: how clear an invoice is (clarity.py).
"""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from peewee import fn

from billing import clarity, words
from models import Allocation, Dispute, Invoice, Payment, PlanInvoice, Ticket, as_date

DAYS = 365
RIPE_DAYS = 45  # younger ones may still be paid late: they would look quick
MOST = 20_000  # the newest of them
LEAST = 20  # fewer of a kind say nothing
LEAST_CUSTOMERS = 10
CHANCE = 0.05
BANDS = ((clarity.BEST, "Nothing to work out"), (85, "A little to take in"), (0, "Much to take in"))


class Read(NamedTuple):
    """One invoice: how clear it was, and after how many days it was paid; None: not yet."""

    id: int
    customer_id: int
    score: int
    days: int | None
    by_due_date: bool


@dataclass(frozen=True)
class Band:
    """The invoices of like clarity. ``days`` is the median, None when most are unpaid or they are too few."""

    words: str
    lowest: int
    highest: int
    count: int
    days: int | None
    percent_in_time: int | None
    asked_per_hundred: int | None

    @property
    def is_enough(self):
        """True when there are enough to say something about."""
        return self.count >= LEAST


@dataclass(frozen=True)
class Pairs:
    """Customers who had clearer and less clear invoices: how many of them paid the clearer ones sooner."""

    sooner: int
    later: int
    same: int

    @property
    def count(self):
        return self.sooner + self.later + self.same

    @property
    def chance(self):
        """How often pure chance would give a difference at least as large: the two-sided sign test."""
        told = self.sooner + self.later
        least = min(self.sooner, self.later)
        tail = sum(math.comb(told, n) for n in range(least + 1)) / 2**told
        return min(2 * tail, 1.0)


@dataclass(frozen=True)
class Report:
    """What the invoices of a year say."""

    count: int
    unscored: int
    bands: tuple
    pairs: Pairs
    sentence: str


def report(today):
    """The Report as of ``today``. Three queries, however many invoices."""
    reads = _reads(today)
    pairs = compared(reads)
    return Report(
        len(reads), _ripe(today).where(Invoice.clarity.is_null()).count(), _bands(reads, _asked(today)),
        pairs, in_words(pairs),
    )  # fmt: skip


def compared(reads):
    """Each customer with themselves: their clearest invoices beside their others."""
    by_customer = defaultdict(list)
    for read in reads:
        by_customer[read.customer_id].append(read)
    tally = {-1: 0, 0: 0, 1: 0}
    for own in by_customer.values():
        best = max(read.score for read in own)
        clearer, others = [r for r in own if r.score == best], [r for r in own if r.score < best]
        if others:
            mine, theirs = _median(clearer), _median(others)
            tally[(mine > theirs) - (mine < theirs)] += 1
    return Pairs(tally[-1], tally[1], tally[0])


def in_words(pairs):
    """What it means, in one sentence; where it means nothing, that."""
    if pairs.count < LEAST_CUSTOMERS:
        return (
            f"Only {words.plural(pairs.count, 'customer')} had both clearer and less clear invoices: too few "
            "to say anything."
        )
    told = (
        f"Of {pairs.count} customers who had both, {pairs.sooner} paid the clearer ones sooner, "
        f"{pairs.later} later, and {pairs.same} alike"
    )
    if pairs.chance >= CHANCE:
        return f"{told}: no more than chance."
    way = "clearer invoices are paid sooner" if pairs.sooner > pairs.later else "clearer ones are paid later"
    return f"{told}: more than chance. Here, {way}."


def _median(reads):
    """The middle one of their days; what is not paid yet comes last, and counts as never."""
    return statistics.median_low(math.inf if read.days is None else read.days for read in reads)


# --- Bands ---------------------------------------------------------------------------------------


def _bands(reads, asked):
    """One Band for each kind, the clearest first."""
    reads, found = sorted(reads, key=lambda read: read.score), []
    scores, highest = [read.score for read in reads], clarity.BEST
    for lowest, told in BANDS:
        of_band = reads[bisect_left(scores, lowest) : bisect_right(scores, highest)]
        found.append(_band(told, lowest, highest, of_band, asked))
        highest = lowest - 1
    return tuple(found)


def _band(told, lowest, highest, reads, asked):
    count = len(reads)
    if count < LEAST:
        return Band(told, lowest, highest, count, None, None, None)
    days = _median(reads)
    return Band(
        told, lowest, highest, count, None if days == math.inf else days,
        round(100 * sum(read.by_due_date for read in reads) / count),
        round(100 * sum(read.id in asked for read in reads) / count),
    )  # fmt: skip


# --- Reading -------------------------------------------------------------------------------------


def _ripe(today):
    """Invoices that are old enough to be judged and young enough to tell of today."""
    first, last = today - timedelta(days=DAYS + RIPE_DAYS), today - timedelta(days=RIPE_DAYS)
    return Invoice.select().where(
        (Invoice.state == Invoice.ISSUED) & Invoice.issued_on.between(first, last) & (Invoice.total_cents > 0)
    )


def _reads(today):
    """The Reads of the newest invoices that a customer paid, or did not, by an act of their own."""
    paid_on = fn.MAX(Allocation.made_on)
    own = fn.COUNT(Allocation.id) == fn.COUNT(Payment.id)  # no credit among them
    by_hand = fn.COUNT(Payment.autopay) == 0
    rows = (
        _ripe(today)
        .select(
            Invoice.id, Invoice.customer, Invoice.clarity, Invoice.issued_on, Invoice.due_on,
            Invoice.open_cents, paid_on,
        )
        .left_outer_join(Allocation, on=Allocation.invoice == Invoice.id)
        .left_outer_join(Payment, on=Allocation.payment == Payment.id)
        .where(Invoice.clarity.is_null(False) & ~fn.EXISTS(_planned()))
        .group_by(
            Invoice.id, Invoice.customer, Invoice.clarity, Invoice.issued_on, Invoice.due_on,
            Invoice.open_cents,
        )
        .having(own & by_hand)
        .order_by(Invoice.id.desc())
        .limit(MOST)
        .tuples()
    )  # fmt: skip
    return [_read(*row) for row in rows]


def _read(id, customer_id, score, issued_on, due_on, open_cents, paid_on):
    if open_cents or paid_on is None:
        return Read(id, customer_id, score, None, False)
    paid_on = as_date(paid_on)
    return Read(id, customer_id, score, max((paid_on - issued_on).days, 0), paid_on <= due_on)


def _planned():
    """The condition that a plan set other days for an invoice."""
    return PlanInvoice.select(PlanInvoice.id).where(PlanInvoice.invoice == Invoice.id)


def _asked(today):
    """The ids of invoices that somebody asked about or disputed."""
    ids = _ripe(today).select(Invoice.id)
    asked = Ticket.select(Ticket.invoice).where(Ticket.invoice.in_(ids))
    disputed = Dispute.select(Dispute.invoice).where(Dispute.invoice.in_(ids))
    return {id for (id,) in asked.union(disputed).tuples()}
