"""Filters: from the address (``?state=issued&due_on_to=2026-12-31``) to conditions, by the type of a column.

Here: the inputs of the filter form, what was typed into them, and the conditions. Not here: which columns a
screen filters by (tables/), how the rows are then found (lists.py).
"""

import datetime
import re
from dataclasses import dataclass
from dataclasses import field as data_field

from peewee import (
    SQL,
    BlobField,
    BooleanField,
    CharField,
    DateField,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from admin import labels
from admin.columns import above_zero, behind_choice, indexed
from admin.finding import as_id, begins, clean
from billing import localtime
from billing.errors import BillingError
from billing.money import parse_cents
from models import MoneyField, RateField, UtcField


@dataclass
class Control:
    """One input of the filter form."""

    name: str
    label: str
    kind: str  # select, date, text, row
    value: str = ""
    options: list = data_field(default_factory=list)
    error: str = ""
    url: str = ""
    shown: str = ""


class Filter:
    """Narrows a list by one column. ``weak``: so many rows share a value that an index of it is no help."""

    weak = False

    def __init__(self, field, label):
        self.field, self.name, self.label = field, field.name, label

    def controls(self, args):
        """The inputs, filled in as the address says."""
        return ()

    def conditions(self, args):
        """Functions from ``at`` to a condition; empty when the address asks nothing.

        ``at(field)`` is the column, or the column that SQLite may not look up in an index.
        """
        return ()

    def is_indexed(self, args):
        """True when an index finds its rows, so that asking costs no scan."""
        return self.field in indexed(self.field.model) or self.field in behind_choice(self.field.model)

    def is_looked_up(self):
        """True when each row has to be looked at, because no index begins with the column."""
        return self.field not in indexed(self.field.model) and self.field not in behind_choice(
            self.field.model
        )

    def words(self, args):
        """What the filter keeps, for the line above the list."""
        said = [control.shown or control.value for control in self.controls(args) if control.value]
        return f"{self.label}: {', '.join(said)}" if said else ""


class ChoiceFilter(Filter):
    """One of the names that the column can hold."""

    weak = True

    def controls(self, args):
        chosen = args.get(self.name, "")
        shown = {str(value): label for value, label in self.options()}.get(chosen, "")
        return [
            Control(self.name, self.label, "select", chosen if shown else "", self.options(), shown=shown)
        ]

    def options(self):
        return list(self.field.choices)

    def conditions(self, args):
        chosen = self.controls(args)[0].value
        return [lambda at: at(self.field) == chosen] if chosen else []


class Derived(ChoiceFilter):
    """A filter whose names stand for conditions that no single column holds."""

    weak = False

    def __init__(self, name, label, field, meanings):
        super().__init__(field, label)
        self.name, self.meanings = name, meanings

    def options(self):
        return [(name, label) for name, (label, _) in self.meanings.items()]

    def conditions(self, args):
        chosen = self.controls(args)[0].value
        return [self.meanings[chosen][1]] if chosen else []

    def is_indexed(self, args):
        return True

    def is_looked_up(self):
        return False


class BooleanFilter(ChoiceFilter):
    """Yes or no."""

    def options(self):
        return [("yes", "Yes"), ("no", "No")]

    def conditions(self, args):
        chosen = self.controls(args)[0].value
        return [lambda at: at(self.field) == (chosen == "yes")] if chosen else []


class RangeFilter(Filter):
    """From and to, both included; a column that may be empty can also be asked for that."""

    kind = "text"

    def controls(self, args):
        inputs = []
        for end, word in (("from", "from"), ("to", "to")):
            name = f"{self.name}_{end}"
            text = args.get(name, "").strip()
            inputs.append(Control(name, f"{self.label} {word}", self.kind, text, error=self._error(text)))
        if self.field.null:
            inputs.append(self._emptiness(args))
        return inputs

    def _emptiness(self, args):
        options = [("empty", "Empty"), ("set", "Not empty")]
        chosen = args.get(f"{self.name}_is", "")
        shown = dict(options).get(chosen, "")
        return Control(
            f"{self.name}_is", f"{self.label} is", "select", chosen if shown else "", options, shown=shown
        )

    def _error(self, text):
        try:
            self.read(text)
        except BillingError as refusal:
            return str(refusal)
        return ""

    def read(self, text):
        """The value that a person typed; None for nothing. Raises BillingError with a sentence."""
        return text or None

    def conditions(self, args):
        found = []
        least, most = (self._value(control) for control in self.controls(args)[:2])
        if least is not None:
            found.append(lambda at: at(self.field) >= self.first(least))
        if most is not None:
            found.append(lambda at: self.last(at(self.field), most))
        emptiness = self._emptiness(args).value if self.field.null else ""
        if emptiness:
            found.append(lambda at: at(self.field).is_null(emptiness == "empty"))
        leading = behind_choice(self.field.model).get(self.field)
        if found and leading is not None:
            # Every value of the choice in front: so the index over both finds the range.
            found.append(lambda at: at(leading).in_([name for name, _ in leading.choices]))
        return found

    def _value(self, control):
        return None if control.error else self.read(control.value)

    def first(self, value):
        return value

    def last(self, column, value):
        return column <= value

    def words(self, args):
        least, most, *other = self.controls(args)
        said = []
        if least.value:
            said.append(f"from {self._said(least)}")
        if most.value:
            said.append(f"to {self._said(most)}")
        said += [control.shown.lower() for control in other if control.value]
        return f"{self.label} {' '.join(said)}" if said else ""

    def _said(self, control):
        value = self._value(control)
        return control.value if value is None else labels.value_words(self.field, value)


class DateFilter(RangeFilter):
    """Days."""

    kind = "date"

    def read(self, text):
        if not text:
            return None
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            raise BillingError(f"“{text[:20]}” is not a date. Write it like 2026-12-31.") from None


class InstantFilter(DateFilter):
    """Moments, asked for by the company's days."""

    def first(self, value):
        return localtime.at_hour(value, 0, labels.zone())

    def last(self, column, value):
        try:
            return column < self.first(value + datetime.timedelta(days=1))
        except OverflowError:
            return column.is_null(False)


class MoneyFilter(RangeFilter):
    """Amounts in dollars. A lower end above zero can use the indexes of what is open."""

    def is_indexed(self, args):
        above = self._value(self.controls(args)[0]) and self.field in above_zero(self.field.model)
        return bool(above) or super().is_indexed(args)

    def read(self, text):
        return parse_cents(text) if text else None

    def conditions(self, args):
        found = super().conditions(args)
        least = self._value(self.controls(args)[0])
        return [lambda at: at(self.field) > SQL("0"), *found] if least else found


class NumberFilter(RangeFilter):
    """Whole numbers."""

    def read(self, text):
        if not text:
            return None
        if not re.fullmatch(r"\d{1,9}", text):
            raise BillingError(f"“{text[:20]}” is not a whole number.")
        return int(text)


class RowFilter(Filter):
    """Rows that belong to one row of another table, found by type-ahead."""

    def __init__(self, field, label, loader):
        super().__init__(field, label)
        self.loader = loader

    def controls(self, args):
        id = as_id(args.get(self.name, ""))
        typed = args.get(f"{self.name}-text", "").strip()
        row = self.loader.get_one(id) if id else None
        if row is None or (typed and typed != str(row)):
            row = self.loader.find(typed) if typed else row
        error = f"Nothing is called “{typed[:40]}”." if typed and row is None else ""
        shown = labels.name_of(row) if row else typed
        value = str(row.id) if row else ""
        return [Control(self.name, self.label, "row", value, error=error, url=self.loader.url, shown=shown)]

    def conditions(self, args):
        value = self.controls(args)[0].value
        return [lambda at: at(self.field) == int(value)] if value else []


class TextFilter(Filter):
    """Text that begins so; the case as typed, in capitals or in small letters."""

    def controls(self, args):
        return [Control(self.name, self.label, "text", clean(args.get(self.name, "")))]

    def conditions(self, args):
        text = self.controls(args)[0].value
        return [lambda at: begins(at(self.field), text)] if text else []


def generated_filter(field, label, loader):
    """The filter that fits a column's type; None for long text. ``loader`` makes a type-ahead."""
    if isinstance(field, ForeignKeyField):
        return RowFilter(field, label, loader(field))
    if field.choices:
        return ChoiceFilter(field, label)
    for column, kind in FILTERS:
        if isinstance(field, column):
            return kind and kind(field, label)
    return None


FILTERS = (
    (MoneyField, MoneyFilter),
    (RateField, None),
    (BooleanField, BooleanFilter),
    (UtcField, InstantFilter),
    (DateField, DateFilter),
    (IntegerField, NumberFilter),
    (CharField, TextFilter),
    (TextField, None),
    (BlobField, None),
)
