"""Lists that stay fast at a million rows: filters, search, keyset pages, capped counts, related rows.

Here: from the address (``?state=issued&due_on_to=2026-12-31&search=smith``) to the rows of one page. Not
here: how they look (labels.py), who may see them (security.py).

Why it is fast. A count stops at ``COUNTED``. A page starts from the last row of the one before (keyset), so
page 10,000 costs what page 2 costs. Foreign keys of a page are read with one query for each column. SQLite
has no statistics of our data, so it is told what to do: few matches are found by an index and sorted, many
are met while walking down the primary key.
"""

import datetime
import re
from dataclasses import dataclass, field as data_field
from functools import cache, reduce
from operator import and_, or_

from peewee import (
    SQL,
    BlobField,
    BooleanField,
    CharField,
    DateField,
    EnclosedNodeList,
    Expression,
    Field,
    ForeignKeyField,
    Index,
    IntegerField,
    TextField,
    Value,
    WrappedNode,
    fn,
)

from admin import labels
from billing.errors import BillingError
from billing.money import parse_cents
from models import (
    Charge,
    Company,
    Contact,
    Contract,
    Customer,
    ImportBatch,
    Item,
    MoneyField,
    OneOff,
    RateField,
    Site,
    Staff,
    System,
    TaxRate,
    Ticket,
    UtcField,
    db,
)

COUNTED = 10_000
RELATED = 1_000  # customers that one word of a search may stand for
LARGEST_ID = 2**31 - 1
RECENT = 100_000  # rows that a filter without an index looks through
# Tables that grow with the customers, not with time: a word may stand anywhere in their names.
SLOW_GROWING = {
    Company, Staff, Item, TaxRate, ImportBatch, Customer, Contact, Site, System, Contract, Charge, OneOff, Ticket,
}  # fmt: skip


class Plain(WrappedNode):
    """A column that SQLite may not look up in an index: ``+column``."""

    def __sql__(self, ctx):
        return ctx.literal("+").sql(self.node)


def on_sqlite():
    """True when the database is SQLite, whose planner needs the hints."""
    return not db.for_update


def as_id(text):
    """A row's id out of an address, or None: forty digits and letters are nobody's id."""
    text = str(text)
    if not re.fullmatch(r"[0-9]{1,10}", text):
        return None
    return int(text) if 0 < int(text) <= LARGEST_ID else None


def as_ids(texts, most=500):
    """The ids among ``texts``, in order, each once."""
    return list(dict.fromkeys(id for id in map(as_id, texts) if id))[:most]


# --- filters ---------------------------------------------------------------------------------------


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
        raise NotImplementedError(type(self))

    def conditions(self, args):
        """Functions from ``at`` to a condition; empty when the address asks nothing.

        ``at(field)`` is the column, or the column that SQLite may not look up in an index.
        """
        raise NotImplementedError(type(self))

    def is_indexed(self):
        """True when an index finds its rows, so that asking costs no scan."""
        return self.field in indexed(self.field.model) or self.field in behind_choice(self.field.model)

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
        return [Control(self.name, self.label, "select", chosen if shown else "", self.options(), shown=shown)]

    def options(self):
        return list(self.field.choices)

    def conditions(self, args):
        chosen = self.controls(args)[0].value
        return [lambda at: at(self.field) == chosen] if chosen else []


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
        return Control(f"{self.name}_is", f"{self.label} is", "select", chosen if shown else "", options, shown=shown)

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
        start = datetime.datetime.combine(value, datetime.time(), labels.zone())
        return start.astimezone(datetime.UTC).replace(tzinfo=None)

    def last(self, column, value):
        try:
            return column < self.first(value + datetime.timedelta(days=1))
        except OverflowError:
            return column.is_null(False)


class MoneyFilter(RangeFilter):
    """Amounts in dollars. A lower end above zero can use the indexes of what is open."""

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
    """The filter that fits a column's type; None for long text and pictures. ``loader`` makes a type-ahead."""
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


# --- search ----------------------------------------------------------------------------------------


def clean(text):
    """What was typed without control characters (PostgreSQL cannot even compare with NUL), at most 80."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", str(text)).strip()[:80]


def begins(column, text):
    """``column`` begins with ``text``, by its index, in the usual spellings of capitals."""
    spellings = {text, text.lower(), text.upper(), text[:1].upper() + text[1:], text.title()}
    return reduce(or_, [_prefix(column, spelling) for spelling in sorted(spellings)])


def _prefix(column, text):
    """A range that an index can answer, and an exact check: many collations skip punctuation."""
    exact = fn.SUBSTR(column, 1, len(text)) == text
    start = re.sub(r"[\W_]+$", "", text)
    if not start or ord(start[-1]) in (0xD7FF, 0x10FFFF):
        return exact
    return (column >= start) & (column < start[:-1] + chr(ord(start[-1]) + 1)) & exact


def contains(column, text):
    """``column`` holds ``text`` somewhere, whatever the case: a scan, for tables that grow slowly."""
    return column.contains(text)


@dataclass(frozen=True)
class Anywhere:
    """A searched text column where the word may stand anywhere."""

    field: object


@dataclass(frozen=True)
class Related:
    """Rows whose foreign key leads to a row that answers to all words."""

    field: object
    by: tuple

    def answers(self, words):
        """A function from ``at`` to a condition, or None. Few owners are named one by one, many by a query."""
        query = answering(self.field.rel_model, words, self.by)
        if query is None:
            return None
        ids = [id for (id,) in query.limit(RELATED + 1).tuples()]
        if not ids:
            return None
        return lambda at: at(self.field).in_(ids if len(ids) <= RELATED else query)


def answering(model, words, by):
    """A query of the ids of the rows that answer to all words, or None when none can.

    One word of letters is looked for in each column by a query of its own: the names of 100,000 customers
    are read from their index alone.
    """
    conditions = [condition for word in words if (condition := found_by(word, by)) is not None]
    if len(conditions) < len(words):
        return None
    names = [one for one in by if isinstance(one, Anywhere) and one.field in indexed(model)]
    if names and not any(character.isdigit() for word in words for character in word):
        conditions = [contains(names[0].field, word) for word in words]
    return model.select(model.id).where(reduce(and_, conditions))


def found_by(word, fields):
    """A condition: one of ``fields`` answers to ``word``. None when none of them can."""
    conditions = [condition for field in fields if (condition := _answers(field, word)) is not None]
    return reduce(or_, conditions) if conditions else None


def search_condition(words, fields):
    """From ``at`` to a condition: the row answers to every word itself, or belongs to a row that does."""
    own = [field for field in fields if not isinstance(field, Related)]
    conditions = [condition for word in words if (condition := found_by(word, own)) is not None]
    found = [lambda at: reduce(and_, conditions)] if len(conditions) == len(words) else []
    related = (field.answers(words) for field in fields if isinstance(field, Related))
    found += [condition for condition in related if condition is not None]
    return lambda at: reduce(or_, [condition(at) for condition in found]) if found else SQL("1 = 0")


def _answers(field, word):
    if isinstance(field, Related):
        answer = field.answers([word])
        return answer and answer(_as_it_is)
    if isinstance(field, Anywhere):
        return contains(field.field, word)
    if isinstance(field, IntegerField):
        digits = word.removeprefix("#")
        return field == int(digits) if as_id(digits) else None
    return begins(field, word)


def searched(model, depth=2):
    """What a search of a table looks at, read from the model: numbers, indexed text, names, whose it is.

    Names are searched anywhere only in tables that grow with the customers, not with time.
    """
    found = [answer for field in model._meta.sorted_fields if (answer := _searched(model, field)) is not None]
    owners = [field for field in model._meta.sorted_fields if isinstance(field, ForeignKeyField) and not field.null]
    if depth and owners:
        owner = next((field for field in owners if field.name == "customer"), owners[0])
        found.append(Related(owner, owner_search(owner.rel_model, depth - 1)))
    return tuple(found)


def owner_search(model, depth):
    """What tells a row that others belong to: its numbers and its name, not its address."""
    wanted = searched(model, depth)
    return tuple(one for one in wanted if not isinstance(one, Anywhere) or one.field.name in ("name", "code", "subject"))


def _searched(model, field):
    if is_secret(field) or field.name == "key" or field.choices or isinstance(field, ForeignKeyField):
        return None
    if isinstance(field, IntegerField):
        return field if field.name == "number" else None
    if not isinstance(field, CharField):
        return None
    if model in SLOW_GROWING and field.name in ("name", "subject", "email", "code", "street"):
        return Anywhere(field)
    return field if field.unique or field.index else None


def is_secret(field):
    """Hashes and tokens: nobody reads, sorts or exports them."""
    return field.name.endswith(("_hash", "_token"))


# --- one page --------------------------------------------------------------------------------------


@dataclass
class Page:
    """The rows of one page and what stands around them."""

    rows: list
    count: int  # never more than COUNTED + 1
    newer: str = ""  # cursor of the page before, empty on the first
    older: str = ""
    sorted_by: str = ""
    descending: bool = False
    sums: dict = data_field(default_factory=dict)
    bounded: bool = False  # only the newest RECENT rows were looked through

    @property
    def is_capped(self):
        """True when there are more rows than were counted."""
        return self.count > COUNTED

    @property
    def count_words(self):
        """The count as people read it: 10,000+."""
        return f"{COUNTED:,}+" if self.is_capped else f"{self.count:,}"


class Listing:
    """One list: a model, what the address asks of it, and how to get a page of it fast."""

    def __init__(self, model, *, filters=(), search=(), sort="-id", columns=(), scope=None, size=25):
        self.model, self.filters, self.search, self.scope = model, filters, search, scope
        self.default_sort, self.columns, self.size = sort, columns, size
        self.pk = model._meta.primary_key

    def page(self, args):
        """The Page that ``args`` (the address) asks for. Nothing in an address can make this fail."""
        conditions = self.conditions(args)
        count, sums = self._count(conditions)
        if not count:
            return Page([], 0)
        column, descending = self._sort(args, count)
        query = Walk(self, conditions, column, descending, along=column if count > COUNTED else None)
        cursor, backwards = self._cursor(args, column)
        rows, more = query.rows(cursor, backwards)
        if not rows and cursor is not None:
            cursor, backwards = None, False
            rows, more = query.rows(None, False)
        page = Page(rows, count, sorted_by=column.name, descending=descending, sums=sums, bounded=self.bounded)
        if rows:
            before, after = (more, cursor is not LAST) if backwards else (cursor is not None, more)
            page.newer = as_cursor(column, rows[0]) if before else ""
            page.older = as_cursor(column, rows[-1]) if after else ""
        return page

    def conditions(self, args):
        """Functions from ``along`` to a condition: the column that the rows are walked along, None to look them up."""
        found = [(chosen, one) for chosen in self.filters for one in chosen.conditions(args)]
        words = clean(args.get("search", "")).split()[:6]
        alone = len(found) == 1 and not words
        made = [self._hinted(chosen, one, alone) for chosen, one in found]
        if words:
            answer = search_condition(words, self.search)
            made.append(lambda along: answer(_hint(along)))
        if self.scope is not None:
            made.append(lambda along: self.scope)
        self.bounded = bool(found) and not words and not any(chosen.is_indexed() for chosen, _ in found)
        if self.bounded:
            made += self._recent()
        return made

    def _hinted(self, chosen, condition, alone):
        def made(along):
            if along is None and chosen.weak and not alone and on_sqlite():
                return condition(Plain)
            return condition(_hint(along))

        return made

    def _recent(self):
        """Where no index helps, only the newest rows are looked through; the page says so."""
        newest = self.model.select(fn.MAX(self.pk)).scalar() or 0
        self.bounded = newest > RECENT
        return [lambda along: self.pk > newest - RECENT] if self.bounded else []

    def where(self, query, conditions, along=None):
        """``query`` with all conditions."""
        made = [condition(along) for condition in conditions]
        return query.where(reduce(and_, made)) if made else query

    def _count(self, conditions):
        """(number of matches up to COUNTED + 1, {money column: sum} when there are not more)."""
        money = [field for field in self.columns if isinstance(field, MoneyField)] if conditions else []
        if not money:
            return self.where(self.model.select(SQL("1")), conditions).limit(COUNTED + 1).count(), {}
        inner = self.where(self.model.select(*money), conditions).limit(COUNTED + 1).alias("inner_rows")
        sums = [fn.SUM(getattr(inner.c, field.column_name)) for field in money]
        count, *totals = self.model.select(fn.COUNT(SQL("1")), *sums).from_(inner).tuples().get()
        if count > COUNTED:
            return count, {}
        return count, {field.name: int(total or 0) for field, total in zip(money, totals, strict=True)}

    def _sort(self, args, count):
        """The (column, descending) asked for, where it can be answered fast; else the list's own."""
        for text in (args.get("sort", ""), self._filtered_sort(args, count), self.default_sort):
            column = self.model._meta.fields.get(text.removeprefix("-"))
            if column is not None and self.can_sort(column, count):
                return column, text.startswith("-")
        return self.pk, True

    def _filtered_sort(self, args, count):
        """Many rows of a range are read along the range's own index, newest first."""
        for chosen in self.filters if count > COUNTED else ():
            if isinstance(chosen, RangeFilter) and chosen.field in indexed(self.model) and chosen.conditions(args):
                return f"-{chosen.name}"
        return ""

    def can_sort(self, column, count):
        """An index can, and so can anything when the list is short."""
        if is_secret(column) or isinstance(column, (BlobField, TextField)):
            return False
        return count <= COUNTED or column in indexed(self.model)

    def _cursor(self, args, column):
        if args.get("above") == "end":
            return LAST, True
        for name, backwards in (("below", False), ("above", True)):
            cursor = read_cursor(column, args.get(name, ""))
            if cursor is not None:
                return cursor, backwards
        return None, False

    def chunks(self, args, size=500):
        """All rows that the address asks for, newest first, in lists of ``size``: bounded memory.

        Each chunk is a query of its own from the last id on, so no transaction and no cursor stays open.
        """
        conditions, last = self.conditions(args), None
        while True:
            query = self.where(self.model.select(*_shown(self)), conditions, along=self.pk)
            if last is not None:
                query = query.where(self.pk < last)
            rows = list(query.order_by(self.pk.desc()).limit(size))
            if rows:
                yield rows
            if len(rows) < size:
                return
            last = rows[-1].id


def _as_it_is(field):
    return field


def _hint(along):
    """What ``at`` is: while SQLite walks along one column, the indexes of all others are kept out."""
    if along is None or not on_sqlite():
        return _as_it_is
    return lambda field: field if field is along else Plain(field)


LAST = object()  # the cursor behind the last row


class Walk:
    """Rows of a listing in one order, from a cursor on, forwards or backwards."""

    def __init__(self, listing, conditions, column, descending, along):
        self.listing, self.conditions, self.along = listing, conditions, along
        self.column, self.descending, self.pk = column, descending, listing.pk

    def rows(self, cursor, backwards):
        """(rows in list order, whether there are more in the direction of reading)."""
        descending = self.descending != backwards
        wanted = self.listing.size + 1
        found = []
        for segment in self._segments(None if cursor is LAST else cursor, descending):
            if len(found) < wanted:
                found += self._read(segment, descending, wanted - len(found))
        more, found = len(found) > self.listing.size, found[: self.listing.size]
        return (found[::-1] if backwards else found), more

    def _segments(self, cursor, descending):
        """Conditions that together, in order, are all that follows the cursor: rows without a value stand apart."""
        if cursor is None:
            return [None]
        value, id = cursor
        pk, column = self._hinted(self.pk), self._hinted(self.column)
        tie = pk < id if descending else pk > id
        if self.column is self.pk:
            return [tie]
        nulls_first = on_sqlite() != descending
        if value is None:
            return [column.is_null() & tie] + ([column.is_null(False)] if nulls_first else [])
        pair = EnclosedNodeList([column, pk])
        given = EnclosedNodeList([Value(self.column.db_value(value)), Value(id)])
        beyond = Expression(pair, "<" if descending else ">", given)
        return [beyond] + ([column.is_null()] if self.column.null and not nulls_first else [])

    def _read(self, segment, descending, wanted):
        listing = self.listing
        query = listing.where(listing.model.select(*_shown(listing)), self.conditions, self.along)
        if segment is not None:
            query = query.where(segment)
        order = [self.pk] if self.column is self.pk else [self.column, self.pk]
        order = [self._hinted(column) for column in order]
        return list(query.order_by(*[column.desc() if descending else column.asc() for column in order]).limit(wanted))

    def _hinted(self, column):
        """With few matches the filter's index finds them and they are sorted; the order's index is kept out."""
        few = on_sqlite() and self.along is None and self.conditions
        return Plain(column) if few else column


def _shown(listing):
    """All columns but long text and pictures that the list does not show."""
    fields = listing.model._meta.sorted_fields
    return [field for field in fields if field in listing.columns or not is_big(field)]


def is_blob(field):
    """A picture or another file."""
    return isinstance(field, BlobField)


def is_big(field):
    """Too much for a row of a list."""
    return isinstance(field, (BlobField, TextField))


@cache
def indexed(model):
    """The columns that an index of the whole table begins with."""
    first = {model._meta.primary_key}
    for columns in whole_indexes(model):
        first.add(columns[0])
    for field in model._meta.sorted_fields:
        if field.index or field.unique:
            first.add(field)
    return first


def whole_indexes(model):
    """The columns of each index over several columns that leaves no row out."""
    for index in model._meta.indexes:
        if not isinstance(index, Index):
            yield tuple(model._meta.combined[name] for name in index[0])
        elif index._where is None:
            columns = tuple(part for part in index._expressions if isinstance(part, Field))
            if columns:
                yield columns


@cache
def behind_choice(model):
    """{column: the choice in front of it} for indexes such as (state, due on)."""
    pairs = [columns[:2] for columns in whole_indexes(model) if len(columns) > 1]
    return {second: first for first, second in pairs if first.choices and second not in indexed(model)}


def as_cursor(column, row):
    """Where a page ends, for an address: the sorted value and the id."""
    value = getattr(row, column.name) if not isinstance(column, ForeignKeyField) else row.__data__[column.name]
    if isinstance(column, UtcField) and value is not None:
        value = value.isoformat(timespec="microseconds")
    return f"n~{row.id}" if value is None else f"v{value}~{row.id}"


def read_cursor(column, text):
    """(value, id) of a cursor, or None when it is not one for this column."""
    value, mark, id = clean(text).rpartition("~")
    if not mark or as_id(id) is None:
        return None
    if value == "n":
        return (None, as_id(id)) if column.null else None
    try:
        return _read_value(column, value[1:]), as_id(id)
    except ValueError:
        return None


def _read_value(column, text):
    if isinstance(column, UtcField):
        return datetime.datetime.fromisoformat(text)
    if isinstance(column, DateField):
        return datetime.date.fromisoformat(text)
    if isinstance(column, BooleanField):
        return text == "True"
    if isinstance(column, (IntegerField, ForeignKeyField)):
        if not re.fullmatch(r"-?\d{1,18}", text):
            raise ValueError(text)
        return int(text)
    return text


# --- related rows ----------------------------------------------------------------------------------


def load_related(rows, fields):
    """Read the rows behind foreign-key columns: one query for each column, and for what their names need."""
    for field in fields:
        ids = {row.__data__.get(field.name) for row in rows} - {None}
        model = field.rel_model
        wanted = [column for column in model._meta.sorted_fields if not is_big(column)]
        found = {row.id: row for row in model.select(*wanted).where(model.id.in_(ids))} if ids else {}
        for row in rows:
            row.__rel__[field.name] = found.get(row.__data__.get(field.name))
        load_related(list(found.values()), labels.NEEDS.get(model, ()))


class Loader:
    """Type-ahead over one table: a few rows by number or name, never all of them."""

    MOST = 20

    def __init__(self, model, by, url):
        self.model, self.by, self._url = model, by, url

    @property
    def url(self):
        """Where the browser asks for suggestions."""
        return self._url()

    def get_one(self, id):
        """The row, or None for anything that is no row's id."""
        id = as_id(id)
        return self.model.get_or_none(self.model.id == id) if id else None

    def get_list(self, term, offset=0, limit=10):
        """Up to ``limit`` (at most MOST) rows that answer to every word of ``term``."""
        limit, offset = max(1, min(limit or 10, self.MOST)), max(0, min(offset or 0, 1_000))
        query = self.model.select().order_by(self.model.id.desc()).limit(limit).offset(offset)
        for word in clean(term or "").split()[:6]:
            condition = found_by(word.strip("()<>,"), self.by)
            if condition is None:
                return []
            query = query.where(condition)
        rows = list(query)
        load_related(rows, labels.NEEDS.get(self.model, ()))
        return rows

    def find(self, typed):
        """The one row that is called ``typed``: its own words, or the only row that answers. Else None."""
        rows = self.get_list(typed, limit=self.MOST)
        same = [row for row in rows if str(row) == typed]
        if same:
            return same[0]
        return rows[0] if len(rows) == 1 else None

    def format(self, row):
        """(id, words) as the type-ahead shows them."""
        return row.id, labels.name_of(row)
