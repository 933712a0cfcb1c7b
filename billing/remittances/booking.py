"""Keeping a file from the bank, booking its rows, and what a person decides about the rest."""

from peewee import IntegrityError

from billing import events, masking, payments, remittance, words
from billing.errors import BillingError, StaleState
from billing.remittances import reading
from billing.states import move
from models import Customer, Invoice, Payment, RemittanceFile, RemittanceRow, db, insert_rows

PAYMENT_KINDS = {RemittanceFile.LOCKBOX: Payment.CHECK, RemittanceFile.BILL_PAY: Payment.BILL_PAY}
TO_BOOK = "Being booked."  # the reason of a row whose customer is known, until it is booked
COLUMNS = (
    "file_id", "key", "row_number", "state", "amount_cents", "received_on", "check_number", "scan_line",
    "account_text", "payer_text", "customer_id", "matched_by", "reason", "closed_by",
)  # fmt: skip


def commit(result, *, by, today, now, limit=None, progress=None):
    """Keep a checked file in one transaction, then book what is clear. Returns its RemittanceFile.

    limit -- book so many only; ``finish`` does the rest

    Raises BillingError, with nothing written, when any row was refused, when there is nothing in it that did
    not come before, or when somebody else keeps the same file or row at the same moment.
    """
    if result.refused:
        rows = words.plural(len({one.line for one in result.refused}), "refused row")
        raise BillingError(f"Nothing was written, because of {rows} in {result.file_name}.")
    if not result.rows:
        raise BillingError(f"{result.file_name} has no payment that did not come before.")
    try:
        with db.atomic():
            file = _keep(result, by, now)
    except IntegrityError:
        reading.refuse_known(result.sha256, result.file_name)
        raise BillingError(
            f"{result.file_name} overlaps with a file that is being read now. Try again."
        ) from None
    finish(by=by, today=today, now=now, file=file, limit=limit, progress=progress)
    return file


def _keep(result, by, now):
    file = RemittanceFile.create(
        kind=result.mapping.kind,
        file_name=result.file_name[:255],
        sha256=result.sha256,
        mapping=result.mapping.text,
        row_count=len(result.rows),
        total_cents=result.total_cents,
        by=by[:80],
        read_at=now,
    )
    insert_rows(RemittanceRow, COLUMNS, [_columns(file, row) for row in result.rows])
    events.record(
        "remittance_file.read", file, by=by, now=now,
        after={"rows": file.row_count, "total_cents": file.total_cents},
    )  # fmt: skip
    return file


def _columns(file, row):
    return (
        file.id, row.key, row.line, RemittanceRow.UNMATCHED, row.amount_cents, row.received_on,
        row.check_number, row.scan_line, row.account_text, row.payer_text, row.customer_id, row.matched_by,
        TO_BOOK if row.customer_id else row.reason[:255], "",
    )  # fmt: skip


def to_book():
    """A query of the rows whose customer is known and that are not booked yet."""
    return (
        RemittanceRow.select()
        .where((RemittanceRow.state == RemittanceRow.UNMATCHED) & (RemittanceRow.matched_by != ""))
        .order_by(RemittanceRow.id)
    )


def finish(*, by, today, now, file=None, limit=None, progress=None):
    """Book the rows whose customer is known; harmless when nothing is left. Returns how many it booked.

    One that cannot be booked waits for a person, with the reason.
    """
    rows = to_book() if file is None else to_book().where(RemittanceRow.file == file)
    booked = 0
    for row in list(rows.limit(limit)):
        booked += _book_or_wait(row, by, today, now)
        if progress:
            progress(1)
    return booked


def _book_or_wait(row, by, today, now):
    try:
        _book(row, row.customer, row.matched_by, by, today, now)
        return 1
    except StaleState:
        return 0  # somebody else was faster
    except BillingError as refusal:
        RemittanceRow.update(matched_by="", customer=None, reason=str(refusal)[:255]).where(
            (RemittanceRow.id == row.id) & (RemittanceRow.state == RemittanceRow.UNMATCHED)
        ).execute()
        return 0


def _book(row, customer, how, by, today, now):
    """The payment and the row in one transaction: neither is there without the other."""
    with db.atomic():
        payment = payments.record(
            customer,
            amount_cents=row.amount_cents,
            kind=PAYMENT_KINDS[row.file.kind],
            received_on=row.received_on,
            check_number=row.check_number,
            parts=_parts(row, customer),
            note=f"{row.file.file_name}, line {row.row_number}"[:255],
            key=f"remittance:{row.id}",
            confirmed=True,  # the bank has the money, whatever is owed
            by=by,
            today=today,
            now=now,
        )
        move(
            row, RemittanceRow.BOOKED, customer=customer, payment=payment, matched_by=how, closed_by=by[:80],
            reason="",
        )  # fmt: skip
    return payment


def _parts(row, customer):
    """The slip's invoice when exactly that is paid; None: the oldest first."""
    try:
        scan = remittance.read_scan_line(row.scan_line) if row.scan_line else None
    except BillingError:
        return None
    invoice = scan and Invoice.get_or_none(
        (Invoice.number == scan.invoice_number)
        & (Invoice.customer == customer)
        & (Invoice.open_cents == row.amount_cents)
    )
    return [(invoice, row.amount_cents)] if invoice else None


# --- What a person decides -------------------------------------------------------------------------------


def match(row, customer, *, by, today, now):
    """A person knows whose payment it is: book it. Returns the Payment."""
    if row.state != RemittanceRow.UNMATCHED:
        raise BillingError("This row is not waiting any more.")
    if not isinstance(customer, Customer):
        raise BillingError("Choose a customer.")
    payment = _book(row, customer, reading.PERSON, by, today, now)
    events.record("remittance_row.matched", row, by=by, now=now, customer=customer)
    return payment


def dismiss(row, *, reason, by, now):
    """It is no payment of a customer of ours, or it was booked another way. Returns the RemittanceRow."""
    reason = masking.reason(reason, "Give a reason; your colleagues will read it.")
    if row.state != RemittanceRow.UNMATCHED:
        raise BillingError("This row is not waiting any more.")
    with db.atomic():
        move(row, RemittanceRow.DISMISSED, reason=reason[:255], closed_by=by[:80])
        events.record("remittance_row.dismissed", row, by=by, now=now, reason=reason)
    return row
