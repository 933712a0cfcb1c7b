"""From rows of a file to rows of our tables, in memory: everything that ``commit`` will write is known here.

Every fault of every row is found, not only the first. The database is only asked what exists already
(account numbers, catalogue, tax codes); nothing is written.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import NamedTuple

from billing import money, preferences
from billing.errors import BillingError
from billing.imports import source
from billing.imports.fields import Bad, shown
from billing.imports.mapping import NOT_SET, Mapping
from billing.renewals import limits, rules
from models import Contract, Customer, Item, Preference, Site, TaxRate

CHUNK = 500  # account numbers asked for in one query
EVERY = 200  # rows between two reports of progress
EVENTS = (Preference.INVOICE, Preference.REMINDER, Preference.RECEIPT)


class Refusal(NamedTuple):
    """Why a row cannot be taken. ``column`` is empty when the fault is not in one column."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self):
        place = f"Line {self.line:,}, {self.column}" if self.column else f"Line {self.line:,}"
        return f"{place}: {self.reason}"


@dataclass
class Record:
    """One customer as it will be written: the fields of each table by column name."""

    line: int
    customer: dict
    contact: dict | None = None
    preferences: list = field(default_factory=list)
    site: dict | None = None
    system: dict | None = None
    contract: dict | None = None
    charges: list = field(default_factory=list)  # item_id still holds the item's code


@dataclass
class Totals:
    """The control totals. Compare them with the old system before anything is committed.

    ``charges`` run on ``bill_from``, ``ended_charges`` do not; ``rmr_cents`` are the former, normalized to
    a month. ``by_item`` is {code: [running charges, cents of one cycle]}.
    """

    customers: int = 0
    contacts: int = 0
    sites: int = 0
    systems: int = 0
    contracts: int = 0
    ended_contracts: int = 0
    charges: int = 0
    ended_charges: int = 0
    rmr_cents: int = 0
    rows_read: int = 0
    rows_left_out: int = 0
    rows_refused: int = 0
    by_item: dict = field(default_factory=dict)

    def as_dict(self):
        """For the batch row, which keeps them as JSON."""
        return asdict(self)


@dataclass
class Result:
    """What an import would write (``rows``) and what it refuses. Whole or nothing: see ``writing.commit``."""

    file_name: str
    sha256: str
    mapping: Mapping
    rows: list
    refused: list
    totals: Totals
    unused_columns: tuple


def check(path, mapping, *, progress=None):
    """Read a CSV file and say what would be imported. Writes nothing.

    ``progress(done, of)`` is called with line numbers now and then. Raises BillingError when the file as a
    whole cannot be read; what is wrong with single rows stands in the result.
    """
    file = source.read(path, encoding=mapping.encoding, delimiter=mapping.delimiter)
    _refuse_missing(file, mapping)
    checker = _Checker(mapping, Known.ask())
    for number, (line, last, cells, reason) in enumerate(file.rows()):
        checker.take(line, cells, reason)
        if progress and number % EVERY == 0:
            progress(last, file.lines)
    if progress:
        progress(file.lines, file.lines)
    checker.refuse_taken()
    unused = tuple(name for name in file.header if name and name not in mapping.used)
    return Result(
        file.name, file.sha256, mapping, checker.rows, sorted(checker.refused), checker.totals(), unused
    )


def _refuse_missing(file, mapping):
    """Every column that the mapping names must be there."""
    missing = {column: key for column, key in mapping.used.items() if column not in file.header}
    if not missing:
        return
    names = ", ".join(f"{shown(column)} ({key})" for column, key in missing.items())
    hint = "Is the delimiter right?" if len(file.header) == 1 else f"It has: {', '.join(file.header)}."
    raise BillingError(f"{file.name} has no column {names}. {hint}")


class Known(NamedTuple):
    """What the database knows before the import."""

    items: dict  # code -> when it was retired, or None
    jurisdictions: frozenset
    rules: list  # of renewals

    @classmethod
    def ask(cls):
        items = dict(Item.select(Item.code, Item.retired_on).tuples())
        rates = TaxRate.select(TaxRate.jurisdiction).distinct().tuples()
        return cls(items, frozenset(code for (code,) in rates), rules.active())


class _Checker:
    """Takes rows one by one and keeps what they become."""

    def __init__(self, mapping, known):
        self.mapping, self.known = mapping, known
        self.rows, self.refused = [], []
        self.read = self.left_out = 0
        self.lines = {}  # account number -> the line it stands on

    def take(self, line, cells, reason):
        """One row of the file: a record, a refusal for each of its faults, or left out by the filters."""
        self.read += 1
        if cells is None:
            self.refused.append(Refusal(line, "", "", reason))
            return
        faults = _foreign_cells(self.mapping, cells)
        if not faults and (self.mapping.skip(cells) or not self.mapping.only(cells)):
            self.left_out += 1
            return
        row = _Row(self.mapping, self.known, cells, faults)
        record = row.record(line)
        self._note_account(line, record.customer.get("account_number"), row)
        if faults:
            self.refused.extend(_refusal(line, bad) for bad in faults)
        else:
            self.rows.append(record)

    def _note_account(self, line, number, row):
        if number is None:
            return
        if number in self.lines:
            reason = f"{shown(number)} stands on line {self.lines[number]:,} already."
            row.blame("customer", "account_number", reason)
        self.lines.setdefault(number, line)

    def refuse_taken(self):
        """Refuse the rows whose account number a customer of ours has already."""
        numbers = list(self.lines)
        taken = set()
        for at in range(0, len(numbers), CHUNK):
            query = Customer.select(Customer.account_number)
            found = query.where(Customer.account_number.in_(numbers[at : at + CHUNK]))
            taken.update(number for (number,) in found.tuples())
        columns = _columns(self.mapping.sections["customer"], "account_number")
        for number in taken:
            reason = f"{shown(number)} is the account number of another customer already."
            self.refused.append(_refusal(self.lines[number], Bad(reason, columns, number)))
        self.rows = [record for record in self.rows if record.customer["account_number"] not in taken]

    def totals(self):
        totals = Totals(rows_read=self.read, rows_left_out=self.left_out)
        totals.rows_refused = len({refusal.line for refusal in self.refused})
        totals.customers = len(self.rows)
        for kind in ("contact", "site", "system", "contract"):
            setattr(totals, f"{kind}s", sum(getattr(record, kind) is not None for record in self.rows))
        _add_charges(totals, self.rows, self.mapping.bill_from)
        return totals


def _refusal(line, bad):
    return Refusal(line, ", ".join(dict.fromkeys(bad.columns)), str(bad.value)[:200], str(bad))


def _columns(settings, name):
    """The columns of the file that a field comes from."""
    return next((setting.value.columns for setting in settings if setting.name == name), ())


def _foreign_cells(mapping, cells):
    """What stands in a cell against the codes of its column, and NUL bytes wherever they are."""
    faults = [
        Bad("The cell contains a NUL byte.", (name,), cell) for name, cell in cells.items() if "\0" in cell
    ]
    for column, codes in mapping.codes.items():
        if cells[column] not in codes:
            reason = f"{shown(cells[column])} is not one of: {', '.join(codes)}."
            faults.append(Bad(reason, (column,), cells[column]))
    return faults


def _add_charges(totals, rows, bill_from):
    rmr, by_item = Fraction(0), Counter()
    for record in rows:
        totals.ended_contracts += record.contract is not None and ended(record.contract, bill_from)
        for charge in record.charges:
            if ended(charge, bill_from):
                totals.ended_charges += 1
                continue
            totals.charges += 1
            rmr += Fraction(_cycle_cents(charge), charge.get("cycle_months", 1))
            by_item[charge["item_id"], "charges"] += 1
            by_item[charge["item_id"], "cents"] += _cycle_cents(charge)
    totals.rmr_cents = money.half_up(rmr)
    codes = dict.fromkeys(code for code, _ in by_item)
    totals.by_item = {code: [by_item[code, "charges"], by_item[code, "cents"]] for code in codes}


def ended(row, bill_from):
    """Whether a contract or charge ended before the first day that is billed here."""
    return row.get("ends_on") is not None and row["ends_on"] < bill_from


def _cycle_cents(charge):
    """What a charge costs for one full cycle."""
    return charge.get("quantity", 1) * charge["unit_cents"] - charge.get("discount_cents", 0)


class _Row:
    """One row on its way to a Record; ``faults`` collects what is wrong with it."""

    def __init__(self, mapping, known, cells, faults):
        self.mapping, self.known, self.cells, self.faults = mapping, known, cells, faults

    def record(self, line):
        """Everything that the row becomes. Incomplete when there are faults."""
        record = Record(line, self._fields("customer"))
        for section in ("contact", "site", "system", "contract"):
            if section in self.mapping.sections:
                setattr(record, section, self._fields(section))
        record.preferences = self._preferences()
        self._check_site(record.site)
        if record.contract is not None:
            self._check_contract(record.contract)
            self._check_renewal(record)
            if not self.faults:  # amounts and dates of charges build on all of the above
                record.charges = self._charges(record.contract)
        return record

    def blame(self, section, name, reason):
        """Note a fault of a field whose value was read well but cannot be right."""
        columns = _columns(self.mapping.sections[section], name)
        self.faults.append(Bad(reason, columns, ", ".join(self.cells[column] for column in columns)))

    def _fields(self, section):
        return self._read(self.mapping.sections[section])

    def _read(self, settings):
        """{column of the table: value}, without what is not set."""
        found = {}
        for setting in settings:
            try:
                value = setting.read(self.cells)
            except Bad as bad:
                self.faults.append(bad)
                continue
            if value is not NOT_SET:
                found[setting.column] = value
        return found

    def _preferences(self):
        """A dict for each event and channel that the row has a wish about."""
        settings = {setting.name: setting for setting in self.mapping.sections.get("preferences", ())}
        ahead = self._read([setting for name, setting in settings.items() if name not in EVENTS])
        days = ahead.get("days_ahead", Preference.days_ahead.default)
        wishes = ((event, self._read([settings[event]])) for event in EVENTS if event in settings)
        return [
            {"event": event, "channel": channel, "timing": wanted.timing, "days_ahead": wanted.days}
            for event, wish in wishes
            if wish
            for channel, wanted in preferences.imported(event, wish["channel"], days)
        ]

    def _check_site(self, site):
        code = site and site.get("jurisdiction")
        if code and code not in self.known.jurisdictions:
            reason = f"{shown(code)} is not a tax code with a rate. Add the rate first, or leave it empty."
            self.blame("site", "jurisdiction", reason)

    def _check_contract(self, contract):
        starts_on, ends_on = contract.get("starts_on"), contract.get("ends_on")
        if starts_on and ends_on and ends_on < starts_on:
            reason = f"The contract ends on {ends_on}, before it starts on {starts_on}."
            self.blame("contract", "ends_on", reason)

    def _check_renewal(self, record):
        """What the law of the place refuses about the renewal; a contract that ended is history."""
        if self.faults or ended(record.contract, self.mapping.bill_from):
            return
        contract, customer = Contract(**record.contract), Customer(**record.customer)
        sites = [Site(**record.site)] if record.site else []
        day = self.mapping.bill_from
        for name, sentence in limits.refused(self.known.rules, contract, customer, sites, today=day):
            self.blame("contract", name, sentence)

    def _charges(self, contract):
        """The charges of this row in the order of the mapping; the remainder is worked out last."""
        charges, remainder = [], None
        for rule in self.mapping.charges:
            if not rule.holds(self.cells):
                continue
            before = len(self.faults)
            charge = self._read(rule.settings)
            if len(self.faults) > before:
                continue
            self._check_charge(rule, charge, contract)
            charges.append(charge)
            if rule.remainder_of:
                remainder = rule, charge
        if remainder and not self.faults:
            self._fill_remainder(*remainder, charges)
        return [charge for charge in charges if charge.get("unit_cents") is not None]

    def _check_charge(self, rule, charge, contract):
        """Give a charge its dates, and refuse what cannot be."""
        code, start = charge["item_id"], self.mapping.bill_from
        if code not in self.known.items and code not in self.mapping.items:
            self._blame(rule, "item", f"{shown(code)} is neither in the catalogue nor under [items].")
        elif self.known.items.get(code):
            self._blame(rule, "item", f"The item {shown(code)} is retired.")
        if "ends_on" not in charge and contract.get("ends_on"):
            charge["ends_on"] = contract["ends_on"]
        over = ended(charge, start)
        charge.setdefault("starts_on", contract["starts_on"] if over else max(contract["starts_on"], start))
        for name, reason in _wrong_dates(charge, contract, start, over):
            self._blame(rule, name, reason)
        if _cycle_cents({"unit_cents": 0, **charge}) < 0 and not rule.remainder_of:
            self._blame(rule, "discount", "The discount is larger than the charge.")

    def _blame(self, rule, name, reason):
        columns = _columns(rule.settings, name)
        raw = ", ".join(self.cells[column] for column in columns)
        self.faults.append(Bad(f"{reason} ({rule.key})", columns, raw))

    def _fill_remainder(self, rule, charge, charges):
        """The remainder is the column less the row's other charges; of nothing there is no charge."""
        column = rule.remainder_of.value.columns
        try:
            whole_cents = rule.remainder_of.read(self.cells)
        except Bad as bad:
            self.faults.append(bad)
            return
        others = [other for other in charges if other is not charge]
        rest = whole_cents - sum(_cycle_cents(other) for other in others)
        if rest < 0:
            sum_of = f"The other charges add up to {money.format_cents(whole_cents - rest)}"
            reason = f"{sum_of}, more than {money.format_cents(whole_cents)}."
            self.faults.append(Bad(reason, column, self.cells[column[0]]))
        elif any(other.get("cycle_months", 1) != charge.get("cycle_months", 1) for other in others):
            self.faults.append(Bad("The charges have different cycles, so there is no remainder.", column))
        elif rest:
            charge["unit_cents"] = rest


def _wrong_dates(charge, contract, start, over):
    """(field, reason) of what is impossible about the dates of a charge."""
    starts_on, ends_on = charge["starts_on"], charge.get("ends_on")
    if ends_on and ends_on < starts_on:
        yield "ends_on", f"The charge ends on {ends_on}, before it starts on {starts_on}."
    if ends_on and contract.get("ends_on") and ends_on > contract["ends_on"]:
        yield "ends_on", f"The charge ends on {ends_on}, after its contract ({contract['ends_on']})."
    if starts_on < start and not over:
        yield "starts_on", f"The charge starts on {starts_on}, so time before {start} would be billed again."
