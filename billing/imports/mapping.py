"""Reading the mapping file: TOML to a Mapping, every mistake in it one sentence with its key.

The language is told in the package's docstring; the values of single fields are compiled in ``values.py``.
"""

import datetime
import pathlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from billing.errors import BillingError
from billing.imports import fields, values
from billing.imports.fields import Bad
from models import Charge, Contact, Contract, Customer, Item, Preference, Site, System

PLACE = "street street2 city state zip"
# What a mapping may set: {section: (model, fields, which of them must not be empty)}.
SECTIONS = {
    "customer": (
        Customer,
        f"account_number name kind language since_on terms_days po_number tax_exempt_number "
        f"tax_exempt_until_on pay_wish note closed_on {PLACE}",
        "account_number name",
    ),
    "contact": (Contact, "name email phone role", "name"),
    "preferences": (Preference, "invoice reminder receipt days_ahead", ""),
    "site": (Site, f"name {PLACE} jurisdiction time_zone permit_number", "name"),
    "system": (System, "kind name station_number required_fire", "kind name"),
    "contract": (
        Contract,
        "name audience signed_on starts_on term_months renewal_months notice_days auto_renew ends_on "
        "end_reason governing_state signup_medium signed_online renewal_disclosure_signed_on "
        "renewal_requested_on leased_equipment",
        "name starts_on",
    ),
    "charge": (
        Charge,
        "item text quantity amount discount discount_reason cycle_months anchor_day in_arrears prorate_first "
        "prorate_last starts_on ends_on",
        "item amount",
    ),
}
RENAMED = {
    "amount": "unit_cents",
    "discount": "discount_cents",
    "invoice": "channel",
    "reminder": "channel",
    "receipt": "channel",
}
# A section that hangs on another one.
NEEDS = {"preferences": "contact", "system": "site", "charge": "contract"}
TOP = ("bill_from", "file", "codes", "rows", "items", *list(SECTIONS)[:-1], "charges", "charge")
ITEM_KEYS = ("name", "price", "taxable")
DELIMITERS = ",;\t|"
NOT_SET = object()


@dataclass(frozen=True)
class Setting:
    """One field of a section: how its raw value is found and what it accepts."""

    name: str
    column: str  # of the table
    key: str
    value: values.Value
    accept: Callable
    required: bool

    def read(self, row):
        """The field's value for one row, or NOT_SET when it is empty. Raises Bad with its columns."""
        raw, columns = self.value.read(row)
        if raw == "":
            if self.required:
                raise Bad(f"{self.key} is empty.", columns)
            return NOT_SET
        try:
            return self.accept(raw)
        except Bad as bad:
            raise Bad(str(bad), columns, raw) from None


@dataclass(frozen=True)
class ChargeRule:
    """One charge that a row may have. ``remainder_of`` reads the column that it is the remainder of."""

    key: str
    holds: Callable
    settings: tuple
    remainder_of: Setting | None


@dataclass(frozen=True)
class Mapping:
    """A mapping file, read and found to be in order."""

    name: str
    bill_from: datetime.date
    encoding: str
    delimiter: str
    codes: dict
    only: Callable
    skip: Callable
    items: dict  # code -> the row to create when the catalogue has none
    sections: dict  # section -> its settings
    charges: tuple
    used: dict  # column -> the first key that asks for it


def read_mapping(path):
    """Read a mapping file. Raises BillingError with one sentence that names the key."""
    path = pathlib.Path(path)
    try:
        return _mapping(path.name, read_toml(path))
    except BillingError as error:
        raise BillingError(f"{path.name}: {error}") from None


def read_toml(path):
    """The file as dicts."""
    try:
        return parse_toml(path.read_bytes())
    except OSError as error:
        raise BillingError(f"the mapping cannot be read: {error.strerror}.") from None


def parse_toml(content):
    """The bytes of a mapping as dicts. Numbers with a point stay text: an amount is never a float."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"), parse_float=str)
    except UnicodeDecodeError as error:
        raise BillingError(f"byte {error.start + 1:,} is not UTF-8. Save the mapping as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BillingError(f"the mapping is not TOML: {error}.") from None


def _mapping(name, spec):
    _refuse_strangers(spec)
    encoding, delimiter, dates = file_settings(section_of(spec, "file"))
    context = values.Context(dates=dates, codes=codes_of(section_of(spec, "codes")))
    for column in context.codes:
        context.use(column, f"codes.{column}")
    rows = section_of(spec, "rows")
    values.refuse_unknown(rows, ("only", "skip"), "rows")
    return Mapping(
        name=name,
        bill_from=_bill_from(spec),
        encoding=encoding,
        delimiter=delimiter,
        codes=context.codes,
        only=filter_of(rows, "only", context, everything=True),
        skip=filter_of(rows, "skip", context, everything=False),
        items=_items(section_of(spec, "items")),
        sections={
            section: _settings(section, section_of(spec, section), section, context)
            for section in SECTIONS
            if section in spec and section != "charge"
        },
        charges=_charges(spec, context),
        used=context.used,
    )


def _refuse_strangers(spec):
    """Unknown sections, and sections without the one that they hang on."""
    refuse_sections(spec, TOP)
    for section, needed in {"customer": "customer", **NEEDS}.items():
        if needed not in spec and (section in spec or section == "customer"):
            raise BillingError(f"the section [{needed}] is missing.")


def refuse_sections(spec, known):
    """Refuse a mapping with a section that nobody asks for: it was meant for something."""
    for key in spec:
        if key not in known:
            raise BillingError(f"{key} is not a section of the mapping. Known: {', '.join(known)}.")


def section_of(spec, key):
    """A section as a dict; an absent one is empty."""
    table = spec.get(key, {})
    if not isinstance(table, dict):
        raise BillingError(f"{key}: write it as a section, [{key}].")
    return table


def _bill_from(spec):
    found = spec.get("bill_from")
    if type(found) is not datetime.date:
        raise BillingError("bill_from: write the first day that is billed here, like bill_from = 2026-12-01.")
    return found


def file_settings(table):
    """(encoding, delimiter, date format), each found to work."""
    values.refuse_unknown(table, ("encoding", "delimiter", "dates"), "file")
    encoding, delimiter = table.get("encoding", "utf-8"), table.get("delimiter", ",")
    dates = table.get("dates", fields.ISO)
    if not _is_encoding(encoding):
        raise BillingError(f"file.encoding: {fields.shown(encoding)} is no encoding. Try utf-8 or cp1252.")
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter not in DELIMITERS:
        raise BillingError('file.delimiter: write "," or ";" or "|" or "\\t" (tab).')
    if not _is_date_format(dates):
        raise BillingError('file.dates: write a format with year, month and day, such as "%m/%d/%Y".')
    return encoding, delimiter, dates


def _is_encoding(encoding):
    try:
        return isinstance(bytes(8).decode(encoding), str)
    except (LookupError, TypeError, ValueError):
        return False


def _is_date_format(dates):
    """Whether a date comes through the format and back as it was."""
    day = datetime.date(2026, 12, 31)
    try:
        return datetime.datetime.strptime(day.strftime(dates), dates).date() == day
    except (TypeError, ValueError):
        return False


def codes_of(table):
    """{column: the values that it may hold}"""
    for column, codes in table.items():
        if not isinstance(codes, list) or not codes or not all(isinstance(code, str) for code in codes):
            raise BillingError(f'codes.{column}: write a list of texts, such as ["Yes", "No"].')
    return {column: tuple(code.strip() for code in codes) for column, codes in table.items()}


def filter_of(rows, name, context, *, everything):
    """The condition of [rows] called ``name`` as a function of a row; absent, it says ``everything``."""
    if name not in rows:
        return lambda row: everything
    return values.condition(rows[name], f"rows.{name}", context)


def _items(table):
    """{code: the catalogue row that it stands for}"""
    return {_accepted(Item, "code", code, f"items.{code}"): _item(code, spec) for code, spec in table.items()}


def _item(code, spec):
    if not isinstance(spec, dict) or "name" not in spec:
        raise BillingError(f"items.{code}: an item needs at least a name.")
    values.refuse_unknown(spec, ITEM_KEYS, f"items.{code}")
    return {
        "code": code,
        "name": _accepted(Item, "name", spec["name"], f"items.{code}.name"),
        "unit_cents": _accepted(Item, "unit_cents", spec.get("price", "0"), f"items.{code}.price"),
        "taxable": _accepted(Item, "taxable", spec.get("taxable", True), f"items.{code}.taxable"),
    }


def _accepted(model, field, raw, key):
    try:
        return fields.reader(getattr(model, field))(raw)
    except Bad as bad:
        raise BillingError(f"{key}: {bad}") from None


def _settings(section, table, key, context):
    """The compiled fields of one section, in the order of ``SECTIONS``."""
    model, known, required = SECTIONS[section]
    values.refuse_unknown(table, known.split(), key)
    for name in required.split():
        if name not in table:
            raise BillingError(f"{key}.{name} is missing.")
    settings = (
        _setting(model, name, table[name], f"{key}.{name}", context, name in required.split())
        for name in known.split()
        if name in table
    )
    return tuple(settings)


def _setting(model, name, spec, key, context, required):
    column = "item_id" if name == "item" else RENAMED.get(name, name)
    field = Item.code if name == "item" else getattr(model, column)
    accept = fields.way if column == "channel" else fields.reader(field, context.dates)
    setting = Setting(name, column, key, values.compile(spec, key, context), accept, required)
    if not setting.value.columns:  # a constant is wrong now, not in every row
        try:
            setting.read({})
        except Bad as bad:
            raise BillingError(str(bad) if str(bad).startswith(key) else f"{key}: {bad}") from None
    return setting


def _charges(spec, context):
    """The rules of [[charge]], each with what [charges] says for all of them."""
    rules, shared = spec.get("charge", []), section_of(spec, "charges")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise BillingError("charge: write each charge as [[charge]].")
    charges = tuple(
        _charge({**shared, **own}, f"charge {number}", context) for number, own in enumerate(rules, start=1)
    )
    if sum(rule.remainder_of is not None for rule in charges) > 1:
        raise BillingError("only one charge can be the remainder.")
    return charges


def _charge(table, key, context):
    asked = table.pop("when", None)
    holds = (lambda row: True) if asked is None else values.condition(asked, f"{key}.when", context)
    amount = table.get("amount")
    if not isinstance(amount, dict) or "remainder_of" not in amount:
        return ChargeRule(key, holds, _settings("charge", table, key, context), None)
    values.refuse_unknown(amount, ("remainder_of",), f"{key}.amount")
    for name in ("quantity", "discount"):
        if name in table:
            raise BillingError(f"{key}.{name}: the remainder is one amount, without {name}.")
    column = context.use(amount["remainder_of"], f"{key}.amount.remainder_of")
    whole = _setting(Charge, "amount", {"column": column}, f"{key}.amount.remainder_of", context, True)
    rest = _settings("charge", {**table, "amount": "0"}, key, context)
    return ChargeRule(key, holds, tuple(setting for setting in rest if setting.name != "amount"), whole)
