"""Questions to the database that are written down as SQL once for each process, and from then on only asked.

    @prepared.question
    def _running(customer, today):
        return Plan.select().where((Plan.customer == customer) & (Plan.starts_on <= today))

    _running(customer, today)          # every row, as a list
    _running.first(customer, today)    # the first row, or None

To write a small question down takes Peewee several times what the database takes to answer it. What the
question says by itself (a state, a limit) stands in its text: so a planner finds the index that covers only
that, SQLite need not plan anew for other values, and PostgreSQL keeps its plan.

For what pages and messages ask all the time. Not for a question whose shape depends on what it is asked with
(conditions that come and go, something that may be None), nor for one that reads a clock or a setting.
"""

import inspect
from collections.abc import Sized
from typing import NamedTuple

from peewee import Context, Node

from models import db

FEW = 10  # ids, for which PostgreSQL plans where it is not told how many there are


def question(write):
    """Make a function that returns a query into a Question; its parameters are what is given."""
    return Question(write)


class Question:
    """Call it with what its function takes, by position. A model's row stands for its id, as in any query."""

    def __init__(self, write):
        self.__doc__, self._write = write.__doc__, write
        self._names = list(inspect.signature(write).parameters)
        self._written = {}  # by kind of database: the tests have two

    def __call__(self, *given):
        """The rows of the answer, as the query would give them: a list."""
        return self._now().rows(self._complete(given))

    def first(self, *given):
        """The first row of the answer, or None."""
        return next(iter(self(*given)), None)

    def as_stored(self, *given):
        """The rows as the database gives them, in no model: for ``models.read_rows``."""
        return self._now().ask(self._complete(given))

    def _now(self):
        kind = type(db.obj)
        if kind not in self._written:
            query = self._write(*(Given(at) for at in range(len(self._names))))
            self._written[kind] = _Written(query)
        return self._written[kind]

    def _complete(self, given):
        if len(given) != len(self._names) or any(value is None for value in given):
            name, needs = self._write.__name__, ", ".join(self._names)
            raise TypeError(f"{name} is asked with ({needs}), and none of them may be None")
        return given


class Given(Node):
    """Stands in a query for what will be given: written as a parameter, converted like any other value."""

    def __init__(self, at, convert=None):
        self._at, self._convert = at, convert

    def through(self, convert):
        """The same, converted by ``convert`` instead of by the field that it stands beside."""
        return Given(self._at, convert)

    def __bool__(self):
        raise TypeError("a question cannot depend on what it will be asked with")

    def __sql__(self, ctx):
        ctx._values.append(_Blank(self._at, self._convert or ctx.state.converter or _as_is))
        return ctx.literal("%s" if db.for_update else "+?")  # SQLite plans anew for each value of a bare one


def _as_is(value):
    return value


class _Blank(NamedTuple):
    at: int
    convert: object


class Text(str):
    """SQL that is asked again and again: PostgreSQL keeps its plan (``billing.edges.database``)."""


class _Written:
    """A query as text, the values that it is asked with, and how its rows are read."""

    def __init__(self, query):
        text, self._values = _Constants(**db.get_context_options()).sql(query).query()
        self._text, self._query, self._read = Text(text), query, None

    def ask(self, given):
        """A cursor with the answer."""
        values = [one.convert(given[one.at]) if type(one) is _Blank else one for one in self._values]
        return db.execute_sql(str(self._text) if _is_much(given) else self._text, values)

    def rows(self, given):
        cursor = self.ask(given)
        first = cursor.fetchone()
        if first is None:
            return []
        self._read = read = self._read or self._reader(cursor)
        return [read(first), *map(read, cursor.fetchall())]

    def _reader(self, cursor):
        """Peewee's way to read such a row: all that it learns of the cursor is the names of the columns."""
        rows = self._query._get_cursor_wrapper(cursor)
        rows.initialize()
        rows.cursor = None
        return rows.process_row


def _is_much(given):
    """True when it is better to plan for what is given than to keep a plan for anything."""
    return any(isinstance(one, Sized) and not isinstance(one, str) and len(one) > FEW for one in given)


class _Constants(Context):
    """Writes what stands in a query itself into its text; only what is given stays a parameter."""

    __slots__ = ()

    def value(self, value, converter=None, add_param=True):
        super().value(value, converter, add_param)
        is_alone = self._sql[-1] == (self.state.param or "?")
        if is_alone and isinstance(self._values[-1], str | int):
            self._sql[-1] = self._literal(self._values.pop())
        return self

    def _literal(self, constant):
        if isinstance(constant, int):
            return str(constant).upper()
        text = "'" + constant.replace("'", "''") + "'"
        return text.replace("%", "%%") if self.state.param == "%s" else text
