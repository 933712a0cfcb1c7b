"""Finding rows by what people type: numbers, beginnings, names anywhere, and whose they are.

Here: the search of every list and the type-ahead of every foreign key, read from the model. Not here: the
box that searches everything (search.py).
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from peewee import SQL, CharField, ForeignKeyField, IntegerField, fn

from admin import labels, related
from admin.columns import indexed, is_secret
from models import (
    Charge,
    Company,
    Contact,
    Contract,
    Customer,
    ImportBatch,
    Item,
    OneOff,
    Site,
    Staff,
    System,
    TaxRate,
    Ticket,
    db,
)

LARGEST_ID = 2**31 - 1
RELATED = 1_000  # owners that are named one by one in a condition; more are a query
# Tables that grow with the customers, not with time: a word may stand anywhere in their names.
SLOW_GROWING = {
    Company, Staff, Item, TaxRate, ImportBatch, Customer, Contact, Site, System, Contract, Charge, OneOff,
    Ticket,
}  # fmt: skip


def as_id(text):
    """A row's id out of an address, or None: forty digits and letters are nobody's id."""
    text = str(text)
    if not re.fullmatch(r"[0-9]{1,10}", text):
        return None
    return int(text) if 0 < int(text) <= LARGEST_ID else None


def as_ids(texts, most=500):
    """The ids among ``texts``, in order, each once."""
    return list(dict.fromkeys(id for id in map(as_id, texts) if id))[:most]


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
    if not db.for_update:
        return column.contains(text)  # LIKE, which SQLite reads without regard to case
    escaped = re.sub(r"([%_\\])", r"\\\1", text.lower())
    plain = column.collate('"C"') if text.isascii() else column  # letters without accents have one small form
    return fn.LOWER(plain).like(f"%{escaped}%")  # in 40 % of the time of ILIKE


@dataclass(frozen=True)
class Anywhere:
    """A searched text column where the word may stand anywhere."""

    field: object


class Name(Anywhere):
    """The name of an owner: it answers to words with letters, a number means something else."""


@dataclass(frozen=True)
class Related:
    """Rows whose foreign key leads to a row that answers to all words."""

    field: object
    by: tuple

    def answers(self, words):
        """A function from ``at`` to a condition, or None. Few owners are named, many are a query."""
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
        return answer and answer(lambda field: field)
    if isinstance(field, Name) and word.strip("#-").isdigit():
        return None
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
    owners = [
        field for field in model._meta.sorted_fields if isinstance(field, ForeignKeyField) and not field.null
    ]
    if depth and owners:
        owner = next((field for field in owners if field.name == "customer"), owners[0])
        found.append(Related(owner, owner_search(owner.rel_model, depth - 1)))
    return tuple(found)


def owner_search(model, depth):
    """What tells a row that others belong to: its numbers and its name, not its address."""
    kept = []
    for one in searched(model, depth):
        if not isinstance(one, Anywhere):
            kept.append(one)
        elif one.field.name in ("name", "code", "subject"):
            kept.append(Name(one.field))
    return tuple(kept)


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
        query = self.model.select().order_by(self.model.id.desc()).limit(5 * limit).offset(offset)
        words = clean(term or "").lower().split()[:6]
        for word in words:
            condition = found_by(word.strip("()<>,"), self.by)
            if condition is None:
                return []
            query = query.where(condition)
        rows = list(query)
        related.load(rows, labels.TO_TELL_APART.get(self.model, ()))
        return sorted(rows, key=lambda row: not _starts(row, words))[:limit]

    def find(self, typed):
        """The one row that is called ``typed``: its own words, or the only row that answers. Else None."""
        rows = self.get_list(typed, limit=self.MOST)
        same = [row for row in rows if typed in (str(row), labels.told_apart(row))]
        if same:
            return same[0]
        return rows[0] if len(rows) == 1 else None

    def format(self, row):
        """(id, words) as the type-ahead shows them."""
        return row.id, labels.told_apart(row)


def _starts(row, words):
    """True when every word begins a word of the row's name: what people mean first."""
    parts = labels.told_apart(row).lower().replace("(", " ").split()
    return all(any(part.startswith(word) for part in parts) for word in words)
