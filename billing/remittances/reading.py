"""From the rows of a bank's file to payments, in memory: whose each is, and what cannot be.

Every fault of every row is found. The database is only asked whose accounts and checks they are; nothing is
written (booking.py does that).
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from billing import company as companies
from billing import localtime, money, remittance, words
from billing.errors import BillingError
from billing.imports import source
from billing.imports.fields import Bad, shown
from models import Customer, Payment, RemittanceFile, RemittanceRow, among

MOST_ROWS = 50_000
CHUNK = 1000
SCAN_LINE, ACCOUNT, PERSON = "scan line", "account number", "a person"
NUMBER_WIDTH = 10
MOST_TOLD = 50  # of those that wait, on a terminal


class Refusal(NamedTuple):
    """Why a row cannot be taken."""

    line: int
    reason: str

    def __str__(self):
        return f"Line {self.line:,}: {self.reason}"


@dataclass(frozen=True)
class Row:
    """One payment of the file. ``customer_id`` None: it will wait for a person, for this ``reason``."""

    line: int
    key: str
    amount_cents: int
    received_on: date
    scan_line: str = ""
    account_text: str = ""
    check_number: str = ""
    payer_text: str = ""
    customer_id: int | None = None
    customer: str = ""
    matched_by: str = ""
    reason: str = ""


@dataclass
class Result:
    """What keeping a file would do."""

    file_name: str
    sha256: str
    mapping: object
    rows: list = field(default_factory=list)
    repeated: list = field(default_factory=list)  # Refusals: rows that came before
    refused: list = field(default_factory=list)
    left_out: int = 0

    @property
    def matched(self):
        return [row for row in self.rows if row.customer_id]

    @property
    def unmatched(self):
        return [row for row in self.rows if not row.customer_id]

    @property
    def total_cents(self):
        return sum(row.amount_cents for row in self.rows)


def check(content, name, mapping, *, today):
    """Read the bytes of a file and say what would be booked. Writes nothing.

    Raises BillingError when the file as a whole cannot be read, was read before, or is too long.
    """
    file = source.read_bytes(content, name, encoding=mapping.encoding, delimiter=mapping.delimiter)
    refuse_known(file.sha256, name)
    source.refuse_missing(file, mapping)
    result = Result(file.name, file.sha256, mapping)
    if file.lines > MOST_ROWS + 1:
        raise BillingError(
            f"{file.name} has {file.lines:,} lines; at most {MOST_ROWS:,} are read at once. Split it, and "
            "read the parts one after the other."
        )
    for line, _, cells, reason in file.rows():
        _take(result, line, cells, reason, today)
    _name_keys(result)
    _refuse_repeated(result)
    result.rows = _matched(result.rows)
    return result


def refuse_known(sha256, name):
    """Refuse a file that was read before, whatever it is called now."""
    known = RemittanceFile.get_or_none(RemittanceFile.sha256 == sha256)
    if known is not None:
        read_on = localtime.day(known.read_at, companies.current().time_zone)
        raise BillingError(
            f"{name} was read on {words.date(read_on)} already, as {known.file_name} by "
            f"{known.by.partition(':')[2] or known.by}. Nothing was booked again."
        )


def _take(result, line, cells, reason, today):
    """One row: a payment, a refusal for each of its faults, or left out by [rows]."""
    mapping = result.mapping
    faults = [reason] if cells is None else source.foreign(mapping, cells)
    if not faults and (mapping.skip(cells) or not mapping.only(cells)):
        result.left_out += 1
        return
    read = {} if cells is None else _read(mapping, cells, faults)
    if read.get("amount") == 0:
        faults.append("The amount is zero. Leave such rows out under [rows] of the mapping.")
    if read.get("received_on") and read["received_on"] > today:
        faults.append(f"{words.date(read['received_on'])} has not come yet.")
    if faults:
        result.refused += [Refusal(line, fault) for fault in faults]
        return
    result.rows.append(
        Row(
            line,
            "",
            read["amount"],
            read["received_on"],
            *(read.get(name, "") for name in ("scan_line", "account", "check_number", "payer")),
        )
    )


def _read(mapping, cells, faults):
    found = {}
    for name, (value, accept) in mapping.fields.items():
        try:
            raw = value.read(cells).raw
            if raw == "" and name in ("amount", "received_on"):
                raise Bad(f"payment.{name} is empty.")
            found[name] = accept(raw) if raw != "" else ""
        except Bad as bad:
            faults.append(f"{', '.join(value.columns) or name}: {_plainly(name, raw, bad)}")
    return found


def _plainly(name, raw, bad):
    if name == "amount" and re.match(r"\s*(-|\u2212|\()|.*-\s*$", str(raw)):
        return (
            f"{shown(raw)} is negative. What the bank took back is entered at the payment (“Came back”); "
            "leave the row out under [rows]."
        )
    return str(bad)


# --- The same row again ------------------------------------------------------------------------------


def _name_keys(result):
    """Give each row the name of what it says. Two equal rows of one file are two payments, unless both name
    the same check.
    """
    seen, kept = Counter(), []
    for row in result.rows:
        said = "|".join(
            map(str, (result.mapping.kind, row.amount_cents, row.received_on, row.check_number,
                      _digits(row.scan_line), row.account_text.upper(), row.payer_text.upper()))
        )  # fmt: skip
        digest = hashlib.sha256(said.encode()).hexdigest()[:40]
        seen[digest] += 1
        if row.check_number and seen[digest] > 1:
            result.repeated.append(
                Refusal(row.line, f"Check {row.check_number} stands in this file already.")
            )
            continue
        kept.append(replace(row, key=f"{digest}:{seen[digest]}"))
    result.rows = kept


def _refuse_repeated(result):
    known = {}
    for part in _parts([row.key for row in result.rows]):
        rows = RemittanceRow.select(RemittanceRow.key, RemittanceFile.file_name).join(RemittanceFile)
        known.update(rows.where(among(RemittanceRow.key, part)).tuples())
    for row in result.rows:
        if row.key in known:
            result.repeated.append(Refusal(row.line, f"This row came in {known[row.key]} already."))
    result.rows = [row for row in result.rows if row.key not in known]


# --- Whose it is -------------------------------------------------------------------------------------


def _matched(rows):
    """The rows with their customers, or with the reason why nobody knows."""
    scans = {row.line: _scan(row.scan_line) for row in rows}
    by_number = _customers(
        {number for row in rows for number in _spellings(row.account_text)}
        | {number for scan in scans.values() if isinstance(scan, remittance.ScanLine)
           for number in _unpadded(scan.account)},
        {int(scan.account[1:]) for scan in scans.values() if isinstance(scan, remittance.ScanLine)
         and scan.account.startswith("9")},
    )  # fmt: skip
    matched = [_match(row, scans[row.line], by_number) for row in rows]
    return _known_checks(matched)


def _scan(text):
    """A ScanLine, the sentence why it is none, or None where there is no scan line."""
    if not text:
        return None
    try:
        return remittance.read_scan_line(text)
    except BillingError as refusal:
        return str(refusal)


def _match(row, scan, customers):
    by_scan = customers.by_digits(scan.account) if isinstance(scan, remittance.ScanLine) else []
    by_account = customers.by_text(row.account_text) if row.account_text else []
    if len(by_scan) > 1 or len(by_account) > 1:
        return replace(row, reason="More than one customer has this number.")
    if by_scan and by_account and by_scan != by_account:
        numbers = by_scan[0].account_number, by_account[0].account_number
        return replace(row, reason="The scan line says {}, the account {}.".format(*numbers))
    for found, how in ((by_scan, SCAN_LINE), (by_account, ACCOUNT)):
        if found:
            return replace(row, customer_id=found[0].id, customer=str(found[0]), matched_by=how)
    if isinstance(scan, remittance.ScanLine):
        return replace(row, reason=f"No customer has the number {scan.account.lstrip('0')} of the scan line.")
    if row.account_text:
        return replace(row, reason=f"No customer has the account number {shown(row.account_text)}.")
    return replace(row, reason=scan or "There is neither scan line nor account number.")


class _customers:
    """The customers that a file may be about, asked for once."""

    def __init__(self, numbers, ids):
        self._found = {}
        for part in _parts(sorted(numbers)):
            self._keep(Customer.select().where(among(Customer.account_number, part)))
        for part in _parts(sorted(ids)):
            self._keep(Customer.select().where(among(Customer.id, part)))
        self._digits, self._numbers = {}, {}
        for customer in self._found.values():
            self._digits.setdefault(customer.remittance_digits, []).append(customer)
            self._numbers.setdefault(customer.account_number, []).append(customer)

    def _keep(self, query):
        self._found.update((customer.id, customer) for customer in query)

    def by_digits(self, digits):
        return self._digits.get(digits, [])

    def by_text(self, text):
        """By the account number as it is, else by how people and banks write it."""
        for spelling in _spellings(text):
            if found := self._numbers.get(spelling):
                return found
        return []


def _spellings(text):
    """How an account number may have been meant: as it stands, without spaces and hyphens, without zeros."""
    bare = re.sub(r"[\s.\-#]", "", text)
    return list(dict.fromkeys(one for one in (text, bare, bare.upper(), bare.lstrip("0")) if one))


def _unpadded(digits):
    """The account numbers that may stand behind ten digits: any of the zeros in front may be its own."""
    bare = digits.lstrip("0") or "0"
    return [bare.zfill(width) for width in range(len(bare), NUMBER_WIDTH)] or [bare]


def _known_checks(rows):
    """Leave to a person what somebody at the desk may have entered by hand already."""
    numbers = sorted({row.check_number for row in rows if row.check_number and row.customer_id})
    known = set()
    for part in _parts(numbers):
        by_hand = Payment.select(Payment.customer, Payment.check_number, Payment.amount_cents).where(
            among(Payment.check_number, part) & Payment.state.in_(Payment.MONEY)
        )
        known.update(by_hand.tuples())
    return [
        replace(row, customer_id=None, matched_by="", reason=f"{row.customer}: check {row.check_number} over "
                f"{money.format_cents(row.amount_cents)} was entered already.")
        if (row.customer_id, row.check_number, row.amount_cents) in known else row
        for row in rows
    ]  # fmt: skip


def _digits(text):
    return re.sub(r"\D", "", text)


def _parts(wanted):
    for at in range(0, len(wanted), CHUNK):
        yield wanted[at : at + CHUNK]


# --- Telling -----------------------------------------------------------------------------------------


def report_lines(result):
    """The lines to print for a Result, refused rows last so that they stand above the prompt."""
    left_out = f", {result.left_out:,} left out by [rows]" if result.left_out else ""
    by_scan = sum(row.matched_by == SCAN_LINE for row in result.matched)
    lines = [
        f"{result.file_name}: {_counted(result.rows)}{left_out}, {len(result.refused):,} refused.",
        f"  {_counted(result.matched)} will be booked, {by_scan:,} by the scan line.",
        f"  {_counted(result.unmatched)} will wait for a person.",
    ]
    for row in result.unmatched[:MOST_TOLD]:
        lines.append(f"  Line {row.line:,}, {money.format_cents(row.amount_cents)}: {row.reason}")
    return [*lines, *map(str, result.repeated), *map(str, result.refused)]


def _counted(rows):
    cents = sum(row.amount_cents for row in rows)
    return f"{words.plural(len(rows), 'payment')} of {money.format_cents(cents)}"
