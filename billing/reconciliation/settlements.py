"""Reconciliation: what the processor settled, batch by batch, beside what the books have for it.

Every look reads the unsettled list and the batches, keeps their lines, settles the payments and refunds that
stand in them, hands what the books do not know yet to the use case that books it (money is never lost because
a reply, a webhook or a search missed it), and notes what still does not agree (differences.py).
Looking is harmless and can be repeated; each look needs no memory of the one before.

Returned bank debits and chargebacks have no webhook: they are found here. Not here: what a return means for
the invoices (billing/reversals/returns.py), the certificate (certificates.py).
"""

import logging
import zoneinfo
from dataclasses import dataclass, field
from datetime import timedelta

from peewee import Case, fn

from billing import banking_days, localtime, payments, words
from billing import company as companies
from billing.errors import BillingError, GatewayUnavailable
from billing.money import format_cents
from billing.outcomes import APPROVED_STATUSES
from billing.payments import booking
from billing.reconciliation import differences
from billing.reversals import refunds, returns
from models import (
    JobRun,
    Payment,
    Refund,
    Settlement,
    SettlementLine,
    among,
    as_instant,
    change_many,
    db,
    insert_rows,
)

log = logging.getLogger(__name__)
OVERLAP = timedelta(days=10)  # a batch is read again for so long, should its list have lagged behind
LOOK_BACK = timedelta(days=75)  # a bank may return a debit for 60 days, and tells some days later
AGAIN = timedelta(days=7)  # older batches are read again every week: returned items show on them
FARTHEST = timedelta(days=180)
YOUNG = timedelta(hours=1)  # what is younger may still be on its way into the books
CLOCK_SKEW = timedelta(hours=1)
CHUNK = 1000
STEP = "reconcile"  # of the daily job
STOPPED = "stopped, because the processor does not answer"


@dataclass
class Report:
    """What one look did, in counts; ``opened`` are the new differences, ``trouble`` what did not work."""

    batches: int = 0
    transactions: int = 0
    settled: int = 0
    settled_cents: int = 0
    followed: int = 0
    gone: int = 0
    still_open: int = 0
    opened: list = field(default_factory=list)
    trouble: list = field(default_factory=list)

    def __str__(self):
        said = (
            f"{words.plural(self.batches, 'batch', 'batches')} with "
            f"{words.plural(self.transactions, 'transaction')} read, "
            f"{words.plural(self.settled, 'payment')} of {format_cents(self.settled_cents)} settled, "
            f"{words.plural(self.still_open, 'difference')} open"
        )
        return said + (f", {self.gone:,} gone" if self.gone else "")


def reconcile(*, gateway, today, now, since=None, progress=None):
    """Look at everything that the processor has, and make the books and the work list follow. A Report.

    since    -- look back to this instant (naive UTC); default: 75 days, or to the oldest payment that waits
    progress -- called with 1 for every batch

    The unsettled list is read first and the batches second, so that what settles between is seen. Raises
    GatewayUnavailable when a list cannot be read: what was read is kept, no difference is closed.
    """
    report, begin_at = Report(), differences.books_begin_at()
    if begin_at is None:  # nothing was ever billed or charged here: whatever is there is not ours
        return report
    look = _Look(gateway, companies.current(), today, now, report)
    unsettled = gateway.unsettled(since=max(begin_at, now - FARTHEST))
    looked_at = set()
    for batch in gateway.batches(max(begin_at, since or _back_to(now)) - CLOCK_SKEW, now + CLOCK_SKEW):
        looked_at.add(look.read(batch))
        if progress:
            progress(1)
    look.follow(unsettled)
    _note(look, unsettled, looked_at, begin_at)
    return report


def _back_to(now):
    """75 days, or as far as the oldest payment goes that we still wait for."""
    waiting = Payment.select(fn.MIN(Payment.created_at)).where(
        differences.in_no_batch() & (Payment.state == Payment.APPROVED)
    )
    oldest = as_instant(waiting.scalar())
    return max(now - FARTHEST, min(now - LOOK_BACK, oldest or now))


def _note(look, unsettled, looked_at, begin_at):
    """Compare, once everything is read: what is known now decides."""
    batches = (looked_at | look.suspects) - {None}
    ids = {one.transaction_id for one in unsettled}
    look.ask_about(differences.missing(look.today, unsettled=ids))
    found = [
        *differences.in_batches(sorted(batches)),
        *differences.missing(look.today, unsettled=ids),
        *map(differences.not_in_books, _unknown(unsettled, begin_at, look.now)),
    ]
    report = look.report
    report.opened, report.gone = differences.note(found, today=look.today, now=look.now)
    report.still_open = differences.open_ones().count()


def looked_at():
    """When a job began that read the processor as a whole (naive UTC), or None; its report tells."""
    told = JobRun.report.contains(f"{STEP}: ") & ~JobRun.report.contains(f"{STEP}: {STOPPED}")
    done = JobRun.select(JobRun.started_at).where((JobRun.state == JobRun.DONE) & told)
    return done.order_by(JobRun.id.desc()).limit(1).scalar()


def _unknown(unsettled, begin_at, now):
    """Of what waits to be settled, the money that is older than an hour and that no row of ours has."""
    moved = [
        one
        for one in unsettled
        if one.status in APPROVED_STATUSES and begin_at <= (one.submitted_at or now) < now - YOUNG
    ]
    known = _Known(moved)
    return [one for one in moved if not known.has(one)]


class _Look:
    """One look: what it needs, and reading, following and settling with it."""

    def __init__(self, gateway, company, today, now, report):
        self.gateway, self.company, self.today, self.now, self.report = gateway, company, today, now, report
        self.zone = zoneinfo.ZoneInfo(company.time_zone)
        self.suspects = set(differences.with_open())

    def read(self, batch):
        """Read one batch, where that could tell anything new. Returns the id of its Settlement, or None."""
        row = Settlement.get_or_none(Settlement.batch_id == batch.batch_id)
        if batch.settled_at is None or not self._must_read(batch, row):
            return None
        listed = self.gateway.batch_transactions(batch.batch_id)
        with db.atomic():
            row = _kept(batch, row)
            _keep_lines(row, listed)
        is_whole = self.follow(listed)
        with db.atomic():
            _link(row)
            self._settle(row)
            read_at = self.now if is_whole else batch.settled_at  # what had to wait is looked at again
            Settlement.update(read_at=read_at).where(Settlement.id == row.id).execute()
        self.report.batches += 1
        self.report.transactions += len(listed)
        return row.id

    def _must_read(self, batch, row):
        if row is None or row.id in self.suspects or batch.settled_at > self.now - OVERLAP:
            return True
        return row.read_at <= self.now - AGAIN or any(
            getattr(row, name) != told for name, told in _figures(batch).items()
        )

    # -- what the books do not know yet

    def follow(self, listed):
        """Let the use cases book what the books do not know yet; True when nothing had to be left undone."""
        known = _Known(listed)
        in_order = sorted(listed, key=lambda one: one.is_chargeback_reversal)  # after what it reverses
        went_well = [self._try(one.transaction_id) for one in in_order if known.must_be_asked(one)]
        return all(went_well)

    def ask_about(self, found):
        """Ask by its number for what is in no list: a payment may have been canceled there meanwhile."""
        for one in found:
            self._try(one.transaction_id)

    def _try(self, transaction_id):
        """Ask about one transaction and book it. True when that went well; one that fails stops no other."""
        try:
            self._book(self.gateway.details(transaction_id))
            return True
        except GatewayUnavailable:
            raise  # nothing else would be answered either
        except BillingError as refusal:  # not yet: such as a dispute that was won while a refund is checked
            self.report.trouble.append(f"Transaction {transaction_id}: {refusal}")
        except Exception as error:  # one bad item must not stop the rest
            log.exception("transaction %s", transaction_id)
            self.report.trouble.append(f"Transaction {transaction_id}: {error}")
        return False

    def _book(self, told):
        """Hand one transaction, as its details tell it, to the use case that it belongs to."""
        if told is None:
            return
        when = {"today": self.today, "now": self.now}
        self.report.followed += 1
        if told.is_refund:
            refunds.follow(told, **when)
        elif _takes_back(told) or told.was_returned:
            self._take_back(told, when)
        elif payment := payments.of_transaction(told):
            booking.conclude(payment, told, **when)

    def _take_back(self, told, when):
        """A bank or a card holder took money back; the line of that entry belongs to the payment."""
        if payment := returns.follow(told, **when):
            SettlementLine.update(payment=payment).where(
                (SettlementLine.transaction_id == told.transaction_id) & SettlementLine.payment.is_null()
            ).execute()

    # -- settling

    def _settle(self, row):
        """What stands in a batch that was paid out is settled: two statements, however many there are.

        No event is written for each: the row itself says in which batch, and when.
        """
        if not row.is_settled:
            return
        on = localtime.day(row.settled_at, self.zone)
        paid = _unsettled_rows(Payment, SettlementLine.payment, row, "settledSuccessfully")
        sums = Payment.select(fn.COUNT(Payment.id), fn.SUM(Payment.amount_cents))
        [(count, cents)] = sums.where(paid & (Payment.state == Payment.APPROVED)).tuples()
        self.report.settled += count
        self.report.settled_cents += int(cents or 0)
        Payment.update(
            state=_from_approved(Payment), settlement=row, settled_on=on, clears_on=self._clears_on(row, on)
        ).where(paid).execute()
        back = _unsettled_rows(Refund, SettlementLine.refund, row, "refundSettledSuccessfully")
        Refund.update(state=_from_approved(Refund), settlement=row).where(back).execute()

    def _clears_on(self, row, on):
        """A bank debit is called complete some banking days later; a card's money is there at once."""
        return banking_days.add(on, self.company.bank_clear_days) if row.kind == Payment.BANK else None


def _unsettled_rows(model, link, row, status):
    """The condition for rows that stand in a batch with this status and are not settled in the books."""
    standing = SettlementLine.select(link).where(
        (SettlementLine.settlement == row) & (SettlementLine.status == status) & link.is_null(False)
    )
    states = [model.APPROVED, model.SETTLED]
    if model is Payment:
        states += [Payment.REFUNDED, Payment.RETURNED, Payment.CHARGED_BACK]
    return model.id.in_(standing) & model.settlement.is_null() & model.state.in_(states)


def _from_approved(model):
    """Approved becomes settled; what went on from there stays what it is. Guarded by being one UPDATE."""
    return Case(None, [(model.state == model.APPROVED, model.SETTLED)], model.state)


# --- Keeping what the processor says ---------------------------------------------------------------


def _figures(batch):
    return {
        "is_settled": batch.is_settled,
        "charge_count": batch.charge_count,
        "charge_cents": batch.charge_cents,
        "refund_count": batch.refund_count,
        "refund_cents": batch.refund_cents,
        "return_count": batch.return_count,
        "return_cents": batch.return_cents,
    }


def _kept(batch, row):
    """The Settlement of a batch, as the processor reports it now. It counts as read when all is done."""
    told = {**_figures(batch), "settled_at": batch.settled_at}
    if row is None:
        return Settlement.create(batch_id=batch.batch_id, kind=batch.kind, read_at=batch.settled_at, **told)
    Settlement.update(told).where(Settlement.id == row.id).execute()
    return Settlement.get_by_id(row.id)


COLUMNS = (
    "settlement_id", "transaction_id", "status", "reference", "amount_cents", "is_refund", "submitted_at",
)  # fmt: skip


def _keep_lines(row, listed):
    """Add the lines that are new and change those that changed; a line never goes away."""
    known = {
        line[0]: line[1:]
        for line in SettlementLine.select(
            SettlementLine.transaction_id, SettlementLine.status, SettlementLine.amount_cents
        )
        .where(SettlementLine.settlement == row)
        .tuples()
    }
    new = [one for one in listed if one.transaction_id not in known]
    changed = [one for one in listed if known.get(one.transaction_id, _said(one)) != _said(one)]
    if new:
        insert_rows(SettlementLine, COLUMNS, [_line(row, one) for one in new])
    if changed:
        change_many(
            "UPDATE settlement_line SET status = ?, amount_cents = ? "
            "WHERE settlement_id = ? AND transaction_id = ?",
            [(*_said(one), row.id, one.transaction_id) for one in changed],
        )


def _said(one):
    return one.status[:40], one.amount_cents


def _line(row, one):
    return (
        row.id, one.transaction_id, one.status[:40], one.reference[:20], one.amount_cents, one.is_refund,
        one.submitted_at,
    )  # fmt: skip


def _link(row):
    """Put the rows of the books beside the lines of a batch: by transaction, else by the reference of an
    attempt that knows of no transaction yet. The line of a return belongs to the payment that came back.
    """
    for table in ("payment", "refund"):
        other = f"SELECT 1 FROM {table} WHERE {table}.id = {table}_id AND {table}.transaction_id <> {OF_LINE}"
        change_many(
            f"UPDATE settlement_line SET {table}_id = NULL WHERE settlement_id = ? "
            f"AND status NOT IN {TAKEN_BACK} AND EXISTS ({other})",
            [(row.id,)],
        )
        for match in (
            f"{table}.transaction_id = {OF_LINE}",
            f"{table}.transaction_id IS NULL AND {table}.reference = settlement_line.reference "
            f"AND settlement_line.status NOT IN {NO_MONEY}",
        ):
            found = f"SELECT {table}.id FROM {table} WHERE {match}"
            change_many(
                f"UPDATE settlement_line SET {table}_id = ({found}) "
                f"WHERE settlement_id = ? AND {table}_id IS NULL AND EXISTS ({found})",
                [(row.id,)],
            )


OF_LINE = "settlement_line.transaction_id"
TAKEN_BACK = "('returnedItem', 'chargeback', 'chargebackReversal')"
NO_MONEY = "('declined', 'voided', 'expired', 'generalError', 'communicationError', 'failedReview')"


class _Known:
    """What the books have for some transactions of the processor, asked for a thousand at a time."""

    def __init__(self, transactions):
        ids = [one.transaction_id for one in transactions]
        self.payments = dict(_chunked(Payment, Payment.transaction_id, Payment.state, ids))
        self.refunds = dict(_chunked(Refund, Refund.transaction_id, Refund.state, ids))
        names = [one.reference for one in transactions if one.reference and not self.has(one)]
        self.attempts = {name for name, _ in _chunked(Payment, Payment.reference, Payment.id, names)}
        settled = SettlementLine.payment, SettlementLine.transaction_id
        taken = [one.transaction_id for one in transactions if _takes_back(one)]
        self.handled = {id for id, payment in _chunked(SettlementLine, *settled[::-1], taken) if payment}

    def has(self, transaction):
        """True when a payment or refund of ours counts this transaction."""
        return transaction.transaction_id in self.payments or transaction.transaction_id in self.refunds

    def must_be_asked(self, transaction):
        """True when the books may not know yet what this line of a list says."""
        id, state = transaction.transaction_id, self.payments.get(transaction.transaction_id)
        if _takes_back(transaction):
            return id not in self.handled
        if transaction.is_refund:
            return self.refunds.get(id) not in (Refund.APPROVED, Refund.SETTLED)
        if transaction.status == "voided":
            return state in (*Payment.MONEY, Payment.HELD) or self.refunds.get(id) == Refund.APPROVED
        if not transaction.is_money:
            return False
        late = state is None and transaction.reference in self.attempts
        unbooked = state in (*Payment.LIVE, Payment.DECLINED, Payment.EXPIRED)
        came_back = transaction.has_returned_items and state in (*Payment.MONEY, Payment.REFUNDED)
        return late or unbooked or came_back


def _takes_back(transaction):
    return transaction.is_returned or transaction.is_chargeback or transaction.is_chargeback_reversal


def _chunked(model, key, value, wanted):
    for at in range(0, len(wanted), CHUNK):
        yield from model.select(key, value).where(among(key, wanted[at : at + CHUNK])).tuples()
