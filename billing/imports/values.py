"""The little language of a mapping: what one field holds, and the conditions on a row.

A *spec* is what stands in the TOML file; compiling it gives a Value that reads rows. Mistakes in a spec
are BillingError with the key; what is wrong with a row is Bad, and the caller adds the line. What each
field accepts is not decided here (``fields.py``).
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from billing import periods
from billing.errors import BillingError
from billing.imports import fields
from billing.imports.fields import Bad, shown

TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]+\}|[^{}]+|.", re.DOTALL)
SHIFTS = {"plus_months": 1, "minus_months": -1, "plus_days": 1, "minus_days": -1}


class Cell(NamedTuple):
    """What a value gave for one row, and the columns that it came from."""

    raw: object
    columns: tuple


class Value(NamedTuple):
    """A compiled spec. Without columns it is a constant."""

    read: Callable  # row -> Cell, raises Bad
    columns: tuple


@dataclass
class Context:
    """What compiling needs to know, and what it finds out: the columns that the mapping uses."""

    dates: str = fields.ISO
    codes: dict = field(default_factory=dict)
    used: dict = field(default_factory=dict)  # column -> the first key that asks for it

    def use(self, column, key):
        """Note that ``key`` of the mapping needs ``column`` of the file."""
        if not isinstance(column, str) or not column:
            raise BillingError(f"{key}: name a column.")
        self.used.setdefault(column, key)
        return column


def compile(spec, key, context):
    """Turn a spec into a Value. ``key`` is its place in the mapping, for the sentence when it is wrong."""
    if isinstance(spec, str):
        return _template(spec, key, context)
    if not isinstance(spec, dict):
        return _constant(spec, key)
    for name, (build, allowed) in KINDS.items():
        if name in spec:
            refuse_unknown(spec, allowed, key)
            return build(spec, key, context)
    raise BillingError(f"{key}: a table needs one of the keys {', '.join(KINDS)}.")


def refuse_unknown(spec, allowed, key):
    """Raise BillingError when the table ``spec`` has a key that means nothing there."""
    for name in spec:
        if name not in allowed:
            raise BillingError(f"{key}.{name} is not a key of the mapping. Known here: {', '.join(allowed)}.")


def _constant(spec, key):
    if isinstance(spec, bool):
        spec = "yes" if spec else "no"
    if isinstance(spec, datetime.datetime) or not isinstance(spec, (int, str, datetime.date)):
        raise BillingError(f"{key}: {shown(spec)} is not a value.")
    raw = spec if isinstance(spec, datetime.date) else str(spec).strip()
    cell = Cell(raw, ())
    return Value(lambda row: cell, ())


def _template(spec, key, context):
    """Text with columns in it. When all of its columns are empty, so is the text."""
    parts = [_part(token, spec, key, context) for token in TOKEN.findall(spec)]
    columns = tuple(column for column, _ in parts if column)
    if not columns:
        return _constant("".join(literal for _, literal in parts), key)
    if len(parts) == 1:
        return Value(lambda row: Cell(row[columns[0]], columns), columns)

    def read(row):
        if not any(row[column] for column in columns):
            return Cell("", columns)
        joined = "".join(row[column] if column else literal for column, literal in parts)
        return Cell(re.sub(" {2,}", " ", joined).strip(), columns)

    return Value(read, columns)


def _part(token, spec, key, context):
    """One piece of a template: (column, "") or (None, text)."""
    if token in ("{{", "}}"):
        return None, token[0]
    if token in ("{", "}"):
        raise BillingError(f"{key}: {shown(spec)} has a brace without its twin. Double it to print one.")
    if token.startswith("{"):
        return context.use(token[1:-1].strip(), key), ""
    return None, token


def _column(spec, key, context):
    """A column, with a table of what its values mean and what an empty cell means."""
    column = context.use(spec["column"], key)
    table = spec.get("values")
    if table is not None and (not isinstance(table, dict) or not table):
        raise BillingError(f"{key}.values: write a table such as {{ Y = 1, N = 0 }}.")
    table = table and {name.strip(): _fixed(given, f"{key}.values.{name}") for name, given in table.items()}
    default = _fixed(spec["default"], f"{key}.default") if "default" in spec else ""

    def read(row):
        raw = row[column]
        if not raw:
            return Cell(default, (column,))
        if table is None:
            return Cell(raw, (column,))
        if raw not in table:
            raise Bad(f"{shown(raw)} is not one of: {', '.join(table)} (for {key}).", (column,), raw)
        return Cell(table[raw], (column,))

    return Value(read, (column,))


def _fixed(spec, key):
    """A constant inside of a table, as a raw value."""
    return _constant(spec, key).read({}).raw


def _date(spec, key, context):
    """A date, some months or days earlier or later."""
    base = compile(spec["date"], f"{key}.date", context)
    shifts = [
        (name, compile(spec[name], f"{key}.{name}", context), sign)
        for name, sign in SHIFTS.items()
        if name in spec
    ]
    columns = base.columns + tuple(column for _, value, _ in shifts for column in value.columns)

    def read(row):
        raw = base.read(row).raw
        if raw == "":
            return Cell("", columns)
        found = _within(fields.day, raw, base.columns, dates=context.dates)
        for name, value, sign in shifts:
            cell = value.read(row)
            count = sign * _within(fields.whole, cell.raw, cell.columns, 0, 40_000)
            found = _shifted(found, name, count, cell)
        return Cell(found, columns)

    return Value(read, columns)


def _within(accept, raw, columns, *args, **kwargs):
    """``accept(*args, raw)``, naming the columns that a refused value came from."""
    try:
        return accept(*args, raw, **kwargs)
    except Bad as bad:
        raise Bad(str(bad), columns, raw) from None


def _shifted(found, name, count, cell):
    try:
        if name.endswith("months"):
            return periods.add_months(found, count)
        return found + datetime.timedelta(days=count)
    except (ValueError, OverflowError):
        raise Bad(f"{shown(cell.raw)} leads to an impossible date.", cell.columns, cell.raw) from None


def _choice(spec, key, context):
    """One of two values, by a condition."""
    if "value" not in spec:
        raise BillingError(f"{key}: a condition needs a value.")
    holds = condition(spec["when"], f"{key}.when", context)
    yes = compile(spec["value"], f"{key}.value", context)
    no = compile(spec.get("otherwise", ""), f"{key}.otherwise", context)
    columns = tuple(spec["when"]) + yes.columns + no.columns
    return Value(lambda row: (yes if holds(row) else no).read(row), columns)


KINDS = {
    "column": (_column, ("column", "values", "default")),
    "date": (_date, ("date", *SHIFTS)),
    "when": (_choice, ("when", "value", "otherwise")),
}


def condition(spec, key, context):
    """A function that says of a row whether every column holds one of the values that are asked for.

    A column must have its values under ``[codes]`` first: else a value that nobody thought of would
    quietly not meet the condition. ``"*"`` (anything) and ``""`` (empty) ask for no code.
    """
    if not isinstance(spec, dict) or not spec:
        raise BillingError(f'{key}: write a condition such as {{ Status = "Active" }}.')
    tests = [_test(column, asked, f"{key}.{column}", context) for column, asked in spec.items()]
    return lambda row: all(row[column] in asked if asked else row[column] != "" for column, asked in tests)


def _test(column, asked, key, context):
    """(column, its accepted values), or (column, None) for anything but empty."""
    context.use(column, key)
    if asked == "*":
        return column, None
    asked = (asked,) if isinstance(asked, str) else asked
    if not isinstance(asked, (list, tuple)) or not asked or not all(isinstance(code, str) for code in asked):
        raise BillingError(f"{key}: write a text or a list of texts.")
    for code in asked:
        if code and code not in context.codes.get(column, ()):
            raise BillingError(
                f"{key}: {shown(code)} is not a value of {column} under [codes]. Add it there."
            )
    return column, frozenset(asked)
