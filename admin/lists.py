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
from dataclasses import dataclass
from dataclasses import field as data_field
from functools import reduce
from operator import and_

from peewee import (
    SQL,
    BlobField,
    BooleanField,
    DateField,
    EnclosedNodeList,
    Expression,
    ForeignKeyField,
    IntegerField,
    TextField,
    Value,
    WrappedNode,
    fn,
)

from admin.columns import indexed, is_big, is_secret
from admin.filters import RangeFilter
from admin.finding import as_id, clean, search_condition
from models import MoneyField, UtcField, db

COUNTED = 10_000
LOOKED_UP = 2_000  # the same where an index cannot tell, so that each row has to be looked at
RECENT = 100_000  # rows that a filter without an index looks through


class Plain(WrappedNode):
    """A column that SQLite may not look up in an index: ``+column``."""

    def __sql__(self, ctx):
        return ctx.literal("+").sql(self.node)


def on_sqlite():
    """True when the database is SQLite, whose planner needs the hints."""
    return not db.for_update


# --- one page --------------------------------------------------------------------------------------


@dataclass
class Page:
    """The rows of one page and what stands around them."""

    rows: list
    count: int  # never more than most + 1
    most: int = COUNTED
    newer: str = ""  # cursor of the page before, empty on the first
    older: str = ""
    sorted_by: str = ""
    descending: bool = False
    sums: dict = data_field(default_factory=dict)
    bounded: bool = False  # only the newest RECENT rows were looked through

    @property
    def is_capped(self):
        """True when there are more rows than were counted."""
        return self.count > self.most

    @property
    def count_words(self):
        """The count as people read it: 10,000+."""
        return f"{self.most:,}+" if self.is_capped else f"{self.count:,}"


class Listing:
    """One list: a model, what the address asks of it, and how to get a page of it fast."""

    def __init__(
        self, model, *, filters=(), search=(), sort="-id", columns=(), scope=None, size=25, rank=None
    ):
        """rank -- callable(ids): the same ids in the order in which a short filtered list is worked off."""
        self.model, self.filters, self.search, self.scope, self.rank = model, filters, search, scope, rank
        self.default_sort, self.columns, self.size = sort, columns, size
        self.pk, self.most, self.bounded = model._meta.primary_key, COUNTED, False

    def page(self, args):
        """The Page that ``args`` (the address) asks for. Nothing in an address can make this fail."""
        conditions = self.conditions(args)
        count, sums, ids = self._matches(conditions)
        if not count:
            return Page([], 0)
        column, descending = self._sort(args, count)
        if ids is not None and self.rank and not args.get("sort"):
            query = Known(self, self.rank(ids))
        elif ids is not None and column is self.pk:
            query = Known(self, sorted(ids, reverse=descending), descending)
        else:
            query = Walk(self, conditions, column, descending, along=column if ids is None else None)
        cursor, backwards = self._cursor(args, column)
        rows, more = query.rows(cursor, backwards)
        if not rows and cursor is not None:
            cursor, backwards = None, False
            rows, more = query.rows(None, False)
        page = Page(rows, count, self.most, sorted_by=column.name, descending=descending, sums=sums)
        page.bounded = self.bounded
        if rows:
            before, after = (more, cursor is not LAST) if backwards else (cursor is not None, more)
            page.newer = as_cursor(column, rows[0]) if before else ""
            page.older = as_cursor(column, rows[-1]) if after else ""
        return page

    def conditions(self, args):
        """Functions from ``along``, the column that rows are walked along or None, to a condition."""
        found = [(chosen, one) for chosen in self.filters for one in chosen.conditions(args)]
        words = clean(args.get("search", "")).split()[:6]
        alone = len(found) == 1 and not words
        made = [self._hinted(chosen, one, alone) for chosen, one in found]
        if words:
            answer = search_condition(words, self.search)
            made.append(lambda along: answer(_hint(along)))
        if self.scope is not None:
            made.append(lambda along: self.scope)
        self.most = LOOKED_UP if any(chosen.is_looked_up() for chosen, _ in found) else COUNTED
        self.bounded = bool(found) and not words and not any(chosen.is_indexed(args) for chosen, _ in found)
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

    def _matches(self, conditions):
        """(count up to ``most`` + 1, sums of the money columns, ids); no sums and ids when there are more.

        One pass finds, counts and adds up: looking rows up is what costs, not reading two numbers of each.
        """
        if not conditions and not self.rank:
            return self.model.select(SQL("1")).limit(self.most + 1).count(), {}, None
        money = [field for field in self.columns if isinstance(field, MoneyField)]
        query = self.where(self.model.select(self.pk, *money), conditions).limit(self.most + 1)
        found = db.execute(query).fetchall()
        if not found or len(found) > self.most:
            return len(found), {}, None
        ids, *amounts = zip(*found, strict=True)
        sums = (sum(filter(None, cents)) for cents in amounts)  # a column may be empty here and there
        return len(found), dict(zip([field.name for field in money], sums, strict=True)), ids

    def _sort(self, args, count):
        """The (column, descending) asked for, where it can be answered fast; else the list's own."""
        for text in (args.get("sort", ""), self._filtered_sort(args, count), self.default_sort):
            column = self.model._meta.fields.get(text.removeprefix("-"))
            if column is not None and can_sort(column, count > self.most):
                return column, text.startswith("-")
        return self.pk, True

    def _filtered_sort(self, args, count):
        """Many rows of a range are read along the range's own index, newest first."""
        for chosen in self.filters if count > self.most else ():
            if (
                isinstance(chosen, RangeFilter)
                and chosen.field in indexed(self.model)
                and chosen.conditions(args)
            ):
                return f"-{chosen.name}"
        return ""

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


def can_sort(column, is_capped):
    """An index can, and so can anything when the list is short."""
    if is_secret(column) or isinstance(column, (BlobField, TextField)):
        return False
    return not is_capped or column in indexed(column.model)


def _as_it_is(field):
    return field


def _hint(along):
    """What ``at`` is: while SQLite walks along one column, the indexes of all others are kept out."""
    if along is None or not on_sqlite():
        return _as_it_is
    return lambda field: field if field is along else Plain(field)


LAST = object()  # the cursor behind the last row


class Known:
    """Rows of a listing whose ids are known, in the order in which they come: few matches are sorted here."""

    def __init__(self, listing, ids, descending=None):
        """descending -- how the ids themselves are sorted; None where they are not"""
        self.listing, self.ids, self.descending = listing, ids, descending

    def rows(self, cursor, backwards):
        """(rows in list order, whether there are more in the direction of reading)."""
        ids, size = (self.ids[::-1] if backwards else self.ids), self.listing.size
        if cursor is not None and cursor is not LAST:
            ids = self._beyond(ids, cursor[1], backwards)
        wanted = ids[:size]
        query = self.listing.model.select(*_shown(self.listing)).where(self.listing.pk.in_(wanted))
        found = {row.id: row for row in query} if wanted else {}
        rows = [found[id] for id in wanted if id in found]
        return (rows[::-1] if backwards else rows), len(ids) > size

    def _beyond(self, ids, last, backwards):
        """What follows ``last``. Where it is not in the list any more and has no place, that is nothing."""
        if last in ids:
            return ids[ids.index(last) + 1 :]
        if self.descending is None:
            return []
        return [id for id in ids if (id > last) != (self.descending != backwards)]


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
        """Conditions that in order are all that follows the cursor; rows without a value stand apart."""
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
        return list(
            query.order_by(*[column.desc() if descending else column.asc() for column in order]).limit(wanted)
        )

    def _hinted(self, column):
        """Few matches are found by the filter's index and sorted; the order's index is kept out."""
        few = self.along is None and self.conditions
        return Plain(column) if few and on_sqlite() else column


def _shown(listing):
    """All columns but long text and pictures that the list does not show."""
    wanted = {field.name for field in listing.columns}
    fields = listing.model._meta.sorted_fields
    return [field for field in fields if field.name in wanted or not is_big(field)]


def as_cursor(column, row):
    """Where a page ends, for an address: the sorted value and the id."""
    value = (
        getattr(row, column.name) if not isinstance(column, ForeignKeyField) else row.__data__[column.name]
    )
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
