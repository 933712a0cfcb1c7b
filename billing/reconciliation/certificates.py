"""The certificate: every processor transaction has its ledger entry, and every ledger entry its transaction.

Made for a span of days from the rows themselves, each time anew: nothing that an earlier look concluded is
taken on trust. Its fingerprint covers facts that never change (which transaction, which batch, how much,
whose), so that it can be compared years later, whatever became of a payment since. Not here: the seal with
the application's secret (billing/edges/seals.py), the looks (templates/pdf/certificate.html).
"""

import hashlib
import zoneinfo
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from peewee import JOIN, fn

from billing import checks, localtime, words
from billing import company as companies
from billing.errors import BillingError
from billing.outcomes import RETURNED_STATUSES
from billing.reconciliation import differences, settlements
from models import Customer, Difference, Payment, Refund, Settlement, SettlementLine, among, db

VERSION = "porchlight certificate 1"
LONGEST_DAYS = 366
MOST_ROWS = 16  # that fit on the one page
LEDGER_CHECK = "a payment's unapplied amount is not what it has left"
COUNTED = ("settledSuccessfully", "refundSettledSuccessfully", *sorted(RETURNED_STATUSES))


@dataclass(frozen=True)
class Row:
    """One row of the table of deposits: a batch, a day or a month. Amounts in cents."""

    title: str
    kind: str
    settled_on: date
    count: int
    charge_cents: int
    refund_cents: int
    return_cents: int
    deposit_cents: int
    settlement_id: int | None = None


@dataclass(frozen=True)
class Certificate:
    """What a comparison of the span found. ``is_clean``: it certifies; else it lists what does not agree."""

    first: date
    last: date
    made_at: datetime
    looked_at: datetime | None  # when the processor was last read; naive UTC
    is_read: bool  # that was after the last of these days
    batches: tuple[Row, ...]
    payment_count: int
    refund_count: int
    waiting_count: int
    waiting_cents: int
    found: tuple  # differences.Found that stand open
    settled: tuple  # Difference rows that a person settled, with their reasons
    fingerprint: str = field(repr=False)

    @property
    def is_clean(self):
        """True when it may be called a certificate."""
        return self.is_read and not self.found

    @property
    def period(self):
        return words.period(self.first, self.last)

    @property
    def count(self):
        """Transactions in the batches of the span."""
        return sum(row.count for row in self.batches)

    @property
    def charge_cents(self):
        return sum(row.charge_cents for row in self.batches)

    @property
    def refund_cents(self):
        return sum(row.refund_cents for row in self.batches)

    @property
    def return_cents(self):
        return sum(row.return_cents for row in self.batches)

    @property
    def deposit_cents(self):
        return sum(row.deposit_cents for row in self.batches)

    @property
    def rows(self):
        """The deposits as they fit on one page: by batch, by day, by week or by month."""
        if len(self.batches) <= MOST_ROWS:
            return self.batches
        for span in (self._day, self._week):
            rows = _grouped(self.batches, span)
            if len(rows) <= MOST_ROWS:
                return rows
        return _grouped(self.batches, self._month)

    def _day(self, on):
        return on, words.short_date(on)

    def _week(self, on):
        monday = on - timedelta(days=on.weekday())
        first, last = max(monday, self.first), min(monday + timedelta(days=6), self.last)
        return first, words.short_period(first, last)

    def _month(self, on):
        return on.replace(day=1), f"{on:%B %Y}"


def certificate(first, last, *, today, now):
    """Compare the books with what the processor settled from ``first`` to ``last``. Returns a Certificate.

    Raises BillingError for a span that cannot be.
    """
    _check_span(first, last, today)
    company = companies.current()
    batches = list(settled_between(first, last, company))
    ids = [row.id for row in batches]
    found, settled = _told_apart(_found(ids, first, last, today))
    rows = tuple(_rows(batches, company))
    waiting = Payment.select(fn.COUNT(Payment.id), fn.SUM(Payment.amount_cents)).where(
        differences.in_no_batch() & (Payment.state == Payment.APPROVED) & (Payment.received_on <= last)
    )
    [(waiting_count, waiting_cents)] = waiting.tuples()
    payments, refunds, fingerprint = _fingerprint(ids, first, last)
    looked_at = settlements.looked_at()
    return Certificate(
        first=first,
        last=last,
        made_at=now,
        looked_at=looked_at,
        is_read=_is_read(looked_at, last, company),
        batches=rows,
        payment_count=payments,
        refund_count=refunds,
        waiting_count=waiting_count,
        waiting_cents=int(waiting_cents or 0),
        found=tuple(found),
        settled=tuple(settled),
        fingerprint=fingerprint,
    )


def _is_read(looked_at, last, company):
    """True when the processor was read on the last day or after it: before, batches may be missing here."""
    return looked_at is not None and looked_at >= localtime.at_hour(last, 0, company.time_zone)


def _check_span(first, last, today):
    if last < first:
        raise BillingError("The last day lies before the first.")
    if last > today:
        raise BillingError("The last day has not come yet.")
    if (last - first).days >= LONGEST_DAYS:
        raise BillingError("A certificate covers at most a year.")


def settled_between(first, last, company):
    """A query of the batches that settled from ``first`` to ``last`` on the company's calendar."""
    return (
        Settlement.select()
        .where(
            (Settlement.settled_at >= localtime.at_hour(first, 0, company.time_zone))
            & (Settlement.settled_at < localtime.at_hour(last + timedelta(days=1), 0, company.time_zone))
        )
        .order_by(Settlement.settled_at, Settlement.id)
    )


def _found(ids, first, last, today):
    """Everything that does not agree, by the rows as they are now."""
    unsettled = Difference.select().where(
        (Difference.kind == differences.NOT_IN_BOOKS)
        & Difference.settlement.is_null()
        & (Difference.state == Difference.OPEN)
        & (Difference.found_on <= last + timedelta(days=1))
    )
    return [
        *differences.in_batches(ids),
        *differences.missing(today, first=first, last=last),
        *(_as_found(row) for row in unsettled),
        *_unsound(ids),
    ]


def _as_found(row):
    """A transaction that waits to be settled and that the books do not have: only a look can know of it."""
    return differences.Found(row.key, row.kind, row.text, row.transaction_id, theirs_cents=row.theirs_cents)


def _unsound(ids):
    """Payments of these batches whose ledger entries do not add up to what they brought."""
    wrong = [reference for (reference,) in db.execute_sql(checks.CHECKS[LEDGER_CHECK]).fetchall()]
    payments = Payment.select().where(among(Payment.reference, wrong) & among(Payment.settlement, ids))
    return [
        differences.Found(
            f"amount:ledger:{row.id}",
            differences.AMOUNT,
            f"{row}: its ledger entries do not add up to the payment.",
            row.transaction_id or "",
            row.settlement_id,
            row.id,
            ours_cents=row.amount_cents,
        )
        for row in payments
    ]


def _told_apart(found):
    """(what stands open, the Differences that a person settled) of what was found."""
    keys = {one.key for one in found}
    settled = [
        row
        for row in Difference.select().where(Difference.state == Difference.SETTLED).order_by(Difference.id)
        if row.key in keys
    ]
    explained = {row.key for row in settled}
    return [one for one in found if one.key not in explained], settled


# --- Deposits ------------------------------------------------------------------------------------


def _rows(batches, company):
    zone = zoneinfo.ZoneInfo(company.time_zone)
    for row in batches:
        on = localtime.day(row.settled_at, zone)
        paid = int(row.is_settled)
        yield Row(
            row.batch_id + ("" if paid else ", failed"),
            "Bank debits" if row.kind == Payment.BANK else "Cards",
            on,
            paid * (row.charge_count + row.refund_count + row.return_count),
            paid * row.charge_cents,
            paid * row.refund_cents,
            paid * row.return_cents,
            row.deposit_cents,
            row.id,
        )


def _grouped(rows, span):
    groups = {}
    for row in rows:
        groups.setdefault(span(row.settled_on), []).append(row)
    return tuple(
        Row(
            title,
            words.plural(len(group), "batch", "batches"),
            on,
            *(sum(getattr(row, name) for row in group) for name in SUMS),
        )
        for (on, title), group in groups.items()
    )


SUMS = ("count", "charge_cents", "refund_cents", "return_cents", "deposit_cents")


@dataclass(frozen=True)
class DepositLine:
    """One transaction of a deposit, with whose it is. ``amount_cents`` is negative where money left."""

    transaction_id: str
    what: str
    reference: str
    account_number: str
    customer: str
    method: str
    amount_cents: int


def deposit_lines(settlement, *, limit=None):
    """What is in a batch, as DepositLines in the order of their transactions; what moved no money is not.

    limit -- no more than so many
    """
    lines = (
        SettlementLine.select(SettlementLine, Payment, Customer, Refund)
        .join(Payment, JOIN.LEFT_OUTER, on=SettlementLine.payment)
        .join(Customer, JOIN.LEFT_OUTER)
        .switch(SettlementLine)
        .join(Refund, JOIN.LEFT_OUTER, on=SettlementLine.refund)
        .where((SettlementLine.settlement == settlement) & SettlementLine.status.in_(COUNTED))
        .order_by(SettlementLine.transaction_id)
        .limit(limit)
    )
    whose = _refunded(settlement)
    return [_deposit_line(line, whose.get(line.refund_id) or line.payment) for line in lines]


def _refunded(settlement):
    """{refund id: its payment} of the refunds in a batch."""
    ids = SettlementLine.select(SettlementLine.refund).where(SettlementLine.settlement == settlement)
    refunds = Refund.select(Refund, Payment, Customer).join(Payment).join(Customer).where(Refund.id.in_(ids))
    return {refund.id: refund.payment for refund in refunds}


def _deposit_line(line, payment):
    taken = line.status in RETURNED_STATUSES
    what = "Refund" if line.is_refund else "Taken back" if taken else "Charge"
    return DepositLine(
        line.transaction_id,
        what,
        line.refund.reference or "" if line.refund else payment.reference if payment else line.reference,
        payment.customer.account_number if payment else "",
        payment.customer.name if payment else "Not in the books",
        payment.method_label if payment else "",
        -line.amount_cents if taken or line.is_refund else line.amount_cents,
    )


# --- The fingerprint -----------------------------------------------------------------------------


def _fingerprint(ids, first, last):
    """(payments, refunds, SHA-256 in hex) of all lines of these batches, in one order that never changes."""
    digest, kinds = hashlib.sha256(f"{VERSION}|{first}|{last}\n".encode()), Counter()
    lines = (
        SettlementLine.select(
            Settlement.batch_id,
            SettlementLine.transaction_id,
            SettlementLine.is_refund,
            SettlementLine.amount_cents,
            Payment.reference,
            Payment.amount_cents,
            Refund.reference,
            Refund.amount_cents,
        )
        .join(Settlement)
        .switch(SettlementLine)
        .join(Payment, JOIN.LEFT_OUTER, on=SettlementLine.payment)
        .switch(SettlementLine)
        .join(Refund, JOIN.LEFT_OUTER, on=SettlementLine.refund)
        .where(
            among(SettlementLine.settlement, ids) & SettlementLine.status.in_(COUNTED) & Settlement.is_settled
        )
        .tuples()
    )
    for line in sorted(lines, key=lambda line: (line[0], line[1])):
        kinds["refund" if line[2] else "payment"] += 1
        digest.update(("|".join("" if part is None else f"{part}" for part in line) + "\n").encode())
    return kinds["payment"], kinds["refund"], digest.hexdigest()


def fingerprint(first, last):
    """The fingerprint of a span as the books are now, to compare with the one on a certificate."""
    ids = [row.id for row in settled_between(first, last, companies.current())]
    return _fingerprint(ids, first, last)[2]
