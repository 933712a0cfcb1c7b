"""Where the processor and the books do not agree: each difference found, noted once, and closed.

Finding compares rows that are here (the lines of settlements, payments, refunds), set by set, and asks
nobody; settlements.py brings the processor's side in. A difference is gone by itself when the next
look agrees, or settled by a person with a reason. Nothing here moves money.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta

from peewee import JOIN, SQL, Case, fn

from billing import banking_days, events, masking, words
from billing.errors import BillingError
from billing.money import format_cents
from billing.outcomes import APPROVED_STATUSES, RETURNED_STATUSES
from billing.states import move
from models import (
    Chargeback,
    Difference,
    Invoice,
    Payment,
    Refund,
    Settlement,
    SettlementLine,
    among,
    db,
    insert_rows,
)

NOT_IN_BOOKS, NOT_AT_PROCESSOR, AMOUNT, STATE, BATCH_TOTAL = Difference.KINDS
BANKING_DAYS = 3  # what was approved longer ago must be in a list of the processor
CHUNK = 1000
PAID, PAID_BACK = "settledSuccessfully", "refundSettledSuccessfully"
MONEY = tuple(sorted(APPROVED_STATUSES))
TAKEN_BACK = tuple(sorted(RETURNED_STATUSES))
# What a payment may be in the books once its transaction is in a batch that was paid out.
AFTER_SETTLING = (Payment.SETTLED, Payment.REFUNDED, Payment.RETURNED, Payment.CHARGED_BACK)


@dataclass(frozen=True)
class Found:
    """One difference as a look finds it. ``key`` names it for good: its kind and what it is about."""

    key: str
    kind: str
    text: str
    transaction_id: str = ""
    settlement_id: int | None = None
    payment_id: int | None = None
    refund_id: int | None = None
    ours_cents: int | None = None
    theirs_cents: int | None = None


# --- Finding -------------------------------------------------------------------------------------


def books_begin_at():
    """The instant of our first bill or attempt, less an hour because clocks differ; None for neither.

    What the processor has from before belongs to the system that was used then.
    """
    first = [
        query.limit(1).scalar()
        for query in (
            Payment.select(Payment.created_at).where(_by_processor()).order_by(Payment.id),
            Invoice.select(Invoice.created_at).order_by(Invoice.id),
        )
    ]
    first = min((at for at in first if at), default=None)
    return first and first - timedelta(hours=1)


def in_batches(settlement_ids):
    """What does not agree in these settlements, line by line and batch by batch: a list of Found."""
    ids, found = list(settlement_ids), []
    begin_at = books_begin_at()
    for at in range(0, len(ids), CHUNK):
        part = ids[at : at + CHUNK]
        found += [*_strangers(_lines(part), begin_at), *_totals(part), *_not_in_their_batch(part)]
        for look in (_amounts, _states, _refund_states, _twice, _failed):
            found += look(_lines(part))
    return found


def missing(today, *, unsettled=(), first=None, last=None):
    """Money in the books that the processor has in no list, approved more than three banking days ago.

    unsettled -- ids of what the processor has not settled yet
    first, last -- only payments and refunds that count for these days
    """
    until = _long_enough_ago(today) if last is None else min(last, _long_enough_ago(today))
    listed = SettlementLine.select(SettlementLine.transaction_id).where(
        SettlementLine.transaction_id == Payment.transaction_id
    )
    payments = Payment.select().where(
        in_no_batch() & (Payment.received_on <= until) & ~fn.EXISTS(listed) & _must_be_listed(today)
    )
    listed = SettlementLine.select(SettlementLine.transaction_id).where(
        SettlementLine.transaction_id == Refund.transaction_id
    )
    refunds = Refund.select().where(
        (Refund.made_on <= until)
        & Refund.transaction_id.is_null(False)
        & Refund.how.in_(Payment.BY_PROCESSOR)
        & Refund.state.in_((Refund.APPROVED, Refund.SETTLED))
        & ~fn.EXISTS(listed)
    )
    if first is not None:
        payments, refunds = (
            payments.where(Payment.received_on >= first),
            refunds.where(Refund.made_on >= first),
        )
    known = set(unsettled)
    return [_missing(row) for row in (*payments, *refunds) if row.transaction_id not in known]


def not_in_books(transaction):
    """The Found for a transaction of the processor that no payment and no refund of ours has."""
    what = "paid back" if transaction.is_refund else "took"
    return Found(
        f"{NOT_IN_BOOKS}:{transaction.transaction_id}",
        NOT_IN_BOOKS,
        _clip(
            f"The processor {what} {format_cents(transaction.amount_cents)} "
            f"({_named(transaction.transaction_id, transaction.reference)}) that the books do not have."
        ),
        transaction.transaction_id,
        theirs_cents=transaction.amount_cents,
    )


def _by_processor():
    return Payment.kind.not_in(Payment.BY_HAND) & Payment.transaction_id.is_null(False)


def in_no_batch():
    """The condition for payments that the processor approved and that stand in none of its batches."""
    return Payment.settlement.is_null() & Payment.transaction_id.is_null(False)


def _must_be_listed(today):
    """Approved: always. Settled: when it is as young as the first batch that we have read."""
    first_at = Settlement.select(fn.MIN(Settlement.settled_at)).scalar()
    approved = Payment.state == Payment.APPROVED
    if first_at is None:
        return approved
    lately = (Payment.created_at >= first_at) & (Payment.received_on >= today - timedelta(days=180))
    return approved | ((Payment.state == Payment.SETTLED) & lately)


def _long_enough_ago(today):
    day = today
    while banking_days.add(day, BANKING_DAYS) >= today:
        day -= timedelta(days=1)
    return day


def _missing(row):
    is_refund = isinstance(row, Refund)
    on = row.made_on if is_refund else row.received_on
    return Found(
        f"{NOT_AT_PROCESSOR}:{row.transaction_id}",
        NOT_AT_PROCESSOR,
        _clip(
            f"{row} of {format_cents(row.amount_cents)} was approved on {words.short_date(on)} "
            f"(transaction {row.transaction_id}), and the processor has it in no list."
        ),
        row.transaction_id,
        payment_id=row.payment_id if is_refund else row.id,
        refund_id=row.id if is_refund else None,
        ours_cents=row.amount_cents,
    )


def _lines(settlement_ids):
    """The lines of these settlements, with their payments and refunds at hand."""
    return (
        SettlementLine.select(SettlementLine, Settlement, Payment, Refund)
        .join(Settlement)
        .switch(SettlementLine)
        .join(Payment, JOIN.LEFT_OUTER, on=SettlementLine.payment)
        .switch(SettlementLine)
        .join(Refund, JOIN.LEFT_OUTER, on=SettlementLine.refund)
        .where(among(SettlementLine.settlement, settlement_ids))
    )


def _strangers(lines, begin_at):
    """Money of the processor that belongs to no row of ours."""
    known = SettlementLine.payment.is_null(False) | SettlementLine.refund.is_null(False)
    moved = SettlementLine.status.in_((*MONEY, *TAKEN_BACK))
    ours = SettlementLine.submitted_at.is_null() | (SettlementLine.submitted_at >= begin_at)
    return [_stranger(line) for line in lines.where(~known & moved & (ours if begin_at else SQL("1 = 0")))]


def _stranger(line):
    did = "paid back" if line.is_refund else "had taken back" if line.status in TAKEN_BACK else "settled"
    return _of_line(
        line,
        NOT_IN_BOOKS,
        f"The processor {did} {format_cents(line.amount_cents)} "
        f"({_named(line.transaction_id, line.reference)}) that the books do not have.",
        theirs_cents=line.amount_cents,
    )


def _amounts(lines):
    """The same transaction with another amount."""
    money = SettlementLine.status.in_(MONEY)
    other = (SettlementLine.amount_cents != Payment.amount_cents) & SettlementLine.refund.is_null()
    refund_other = SettlementLine.amount_cents != Refund.amount_cents
    return [_amount(line) for line in lines.where(money & (other | refund_other))]


def _amount(line):
    row = line.refund or line.payment
    return _of_line(
        line,
        AMOUNT,
        f"{row} is {format_cents(row.amount_cents)} in the books and {format_cents(line.amount_cents)} at "
        f"the processor (transaction {line.transaction_id}).",
        ours_cents=row.amount_cents,
        theirs_cents=line.amount_cents,
    )


def _states(lines):
    """Paid out there and not paid here; taken back there and still ours here; canceled there, paid here."""
    disputed = Chargeback.select(Chargeback.id).where(Chargeback.payment == Payment.id)
    paid = (SettlementLine.status == PAID) & Settlement.is_settled & Payment.state.not_in(AFTER_SETTLING)
    returned = (SettlementLine.status == "returnedItem") & (Payment.state != Payment.RETURNED)
    charged_back = (SettlementLine.status == "chargeback") & ~fn.EXISTS(disputed)
    canceled = (SettlementLine.status == "voided") & Payment.state.in_(Payment.MONEY)
    money = SettlementLine.refund.is_null()
    return [_state(one) for one in lines.where(money & (paid | returned | charged_back | canceled))]


def _refund_states(lines):
    """Paid back there and not here, or canceled there and paid back here."""
    paid = (SettlementLine.status == PAID_BACK) & Settlement.is_settled & (Refund.state != Refund.SETTLED)
    canceled = (SettlementLine.status == "voided") & Refund.state.in_((Refund.APPROVED, Refund.SETTLED))
    return [_state(line) for line in lines.where(paid | canceled)]


_THERE = {
    PAID: "settled", PAID_BACK: "settled", "returnedItem": "taken back by the bank",
    "chargeback": "disputed by the card holder", "voided": "canceled",
}  # fmt: skip


def _state(line):
    row = line.refund or line.payment
    return _of_line(
        line,
        STATE,
        f"{row} of {format_cents(row.amount_cents)} is {row.state.replace('_', ' ')} in the books and "
        f"{_THERE[line.status]} at the processor (transaction {line.transaction_id}).",
        ours_cents=row.amount_cents,
        theirs_cents=line.amount_cents,
    )


def _not_in_their_batch(settlement_ids):
    """Payments and refunds that settled with one of these batches, by the books only."""
    found = []
    for model in (Payment, Refund):
        listed = SettlementLine.select(SettlementLine.id).where(
            (SettlementLine.settlement == model.settlement)
            & (SettlementLine.transaction_id == model.transaction_id)
        )
        rows = model.select().where(among(model.settlement, settlement_ids) & ~fn.EXISTS(listed))
        found += map(_missing, rows)
    return found


def _twice(lines):
    """The same transaction paid out in two batches."""
    other, batch = SettlementLine.alias(), Settlement.alias()
    again = (
        other.select(other.id)
        .join(batch, on=(other.settlement == batch.id))
        .where(
            (other.transaction_id == SettlementLine.transaction_id)
            & (other.id < SettlementLine.id)
            & other.status.in_((PAID, PAID_BACK))
            & batch.is_settled
        )
    )
    paid = SettlementLine.status.in_((PAID, PAID_BACK)) & Settlement.is_settled
    return [
        _of_line(
            line,
            STATE,
            f"Transaction {line.transaction_id} of {format_cents(line.amount_cents)} was paid out twice: in "
            f"{line.settlement} and in an earlier one.",
            theirs_cents=line.amount_cents,
        )
        for line in lines.where(paid & fn.EXISTS(again))
    ]


def _totals(settlement_ids):
    """Batches whose lists do not add up to the sums that the processor reports."""
    sums = (
        SettlementLine.select(SettlementLine.settlement, *_sums())
        .where(among(SettlementLine.settlement, settlement_ids))
        .group_by(SettlementLine.settlement)
    )
    added = {row[0]: tuple(int(value or 0) for value in row[1:]) for row in sums.tuples()}
    batches = Settlement.select().where(among(Settlement.id, settlement_ids)).order_by(Settlement.id)
    empty = (0,) * len(_sums())
    return [
        _total(batch, listed)
        for batch in batches
        if _reported(batch) != (listed := added.get(batch.id, empty))
    ]


def _sums():
    """Counts and sums of charges, refunds and returns, as the processor counts them."""
    back, status = SettlementLine.is_refund, SettlementLine.status
    charges = ~back & status.in_((PAID, "settlementError"))
    refunds = back & status.in_((PAID_BACK, "settlementError"))
    returns = status.in_(TAKEN_BACK)
    return [
        part
        for which in (charges, refunds, returns)
        for part in (
            fn.SUM(Case(None, [(which, 1)], 0)),
            fn.SUM(Case(None, [(which, SettlementLine.amount_cents)], 0)),
        )
    ]


def _reported(batch):
    return (
        batch.charge_count, batch.charge_cents, batch.refund_count, batch.refund_cents,
        batch.return_count, batch.return_cents,
    )  # fmt: skip


def _total(batch, listed):
    parts = []
    for name, at in (("charge", 0), ("refund", 2), ("return", 4)):
        told, sums = _reported(batch)[at : at + 2], listed[at : at + 2]
        if told != sums:
            parts.append(
                f"{words.plural(told[0], name)} of {format_cents(told[1])} reported, "
                f"{sums[0]:,} of {format_cents(sums[1])} listed"
            )
    return Found(
        f"{BATCH_TOTAL}:{batch.batch_id}",
        BATCH_TOTAL,
        _clip(f"{batch} does not add up: {'; '.join(parts)}."),
        settlement_id=batch.id,
        ours_cents=listed[1] - listed[3] - listed[5],
        theirs_cents=batch.charge_cents - batch.refund_cents - batch.return_cents,
    )


def _failed(lines):
    """Batches that failed as a whole, as long as something of them was not paid out in another one."""
    other, batch = SettlementLine.alias(), Settlement.alias()
    later = (
        other.select(other.id)
        .join(batch, on=(other.settlement == batch.id))
        .where((other.transaction_id == SettlementLine.transaction_id) & batch.is_settled)
    )
    waiting = lines.where(
        ~Settlement.is_settled & (SettlementLine.status == "settlementError") & ~fn.EXISTS(later)
    )
    batches = {}
    for line in waiting:
        batches.setdefault(line.settlement_id, []).append(line)
    return [_failure(group) for group in batches.values()]


def _failure(lines):
    batch, cents = lines[0].settlement, sum(line.amount_cents for line in lines)
    return Found(
        f"{STATE}:batch:{batch.batch_id}",
        STATE,
        f"{batch} failed: {words.plural(len(lines), 'transaction')} of {format_cents(cents)} in all were not "
        "paid out. Ask the processor to send it again.",
        settlement_id=batch.id,
        theirs_cents=cents,
    )


def _of_line(line, kind, text, **cents):
    about = line.refund or line.payment
    return Found(
        f"{kind}:{line.transaction_id}",
        kind,
        _clip(text),
        line.transaction_id,
        line.settlement_id,
        about.id if isinstance(about, Payment) else about.payment_id if about else None,
        line.refund_id,
        **cents,
    )


def _named(transaction_id, reference):
    return f"transaction {transaction_id}" + (f", reference {reference}" if reference else "")


def _clip(text):
    return words.clipped(text, 255)


# --- Noting --------------------------------------------------------------------------------------


def note(found, *, today, now):
    """Keep what a complete look found. Returns ([new Differences], how many are gone).

    Each is noted once by its key: what was settled by a person stays settled, what was gone and is there
    again is open again, and what is open and was not found any more is gone.
    """
    wanted = {one.key: one for one in found}
    with db.atomic():
        known = {row.key: row for row in _known(list(wanted))}
        new = [one for key, one in wanted.items() if key not in known]
        _insert(new, today)
        for key, row in known.items():
            _keep(row, wanted[key])
        stale = [row for row in Difference.select().where(_open()) if row.key not in wanted]
        for row in stale:
            move(row, Difference.GONE, closed_at=now, closed_by="daily job", resolution="Agrees by now.")
        opened = list(_known([one.key for one in new]))
    return opened, len(stale)


def _known(keys):
    for at in range(0, len(keys), CHUNK):
        yield from Difference.select().where(among(Difference.key, keys[at : at + CHUNK]))


def _open():
    return Difference.state == Difference.OPEN


def _insert(new, today):
    columns = (
        *(field for field in Found.__dataclass_fields__),
        "state",
        "found_on",
        "closed_by",
        "resolution",
    )
    rows = [(*asdict(one).values(), Difference.OPEN, today, "", "") for one in new]
    if rows:
        insert_rows(Difference, columns, rows)


def _keep(row, one):
    """An open difference says what it is now; one that was gone is open again."""
    if row.state == Difference.GONE:
        move(row, Difference.OPEN, closed_at=None, closed_by="", resolution="")
    changed = {
        name: getattr(one, name)
        for name in ("text", "settlement_id", "payment_id", "refund_id", "ours_cents", "theirs_cents")
        if getattr(row, name) != getattr(one, name)
    }
    if row.state == Difference.OPEN and changed:
        Difference.update(changed).where(Difference.id == row.id).execute()


def open_ones():
    """A query of what waits for a person, oldest first."""
    return Difference.select().where(_open()).order_by(Difference.found_on, Difference.id)


def with_open():
    """The ids of the settlements that have an open difference, as a set."""
    open_there = _open() & Difference.settlement.is_null(False)
    return {id for (id,) in Difference.select(Difference.settlement).where(open_there).distinct().tuples()}


# --- Closing -------------------------------------------------------------------------------------


def settle(difference, *, reason, by, now):
    """A person has cleared it up: it is not asked about again. Returns the Difference.

    Moves no money; whatever had to be booked was booked by its own use case before.
    """
    if difference.state != Difference.OPEN:
        raise BillingError("This difference is closed already.")
    reason = masking.reason(reason, "Say how it was cleared up; the certificate prints it.")
    with db.atomic():
        move(difference, Difference.SETTLED, closed_at=now, closed_by=by[:80], resolution=reason[:255])
        events.record("difference.settled", difference, by=by, now=now, reason=reason)
    return difference
