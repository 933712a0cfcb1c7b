"""Opening the database from one URL, with the rulings that keep money safe on each kind.

SQLite: IMMEDIATE transactions (a read-then-write never dies upgrading its lock), foreign keys on,
``synchronous=FULL`` (a vanished "sent" row would be a double charge). The library comes with APSW, because
Python's own is often older than the fix of the WAL-reset fault (sqlite.org, release notes of 3.51.3, 3.50.7
and 3.44.6) and would have to journal by truncation: a quarter of the transactions, and readers that wait for
seconds behind a bill run. A library without the fix still falls back to that.

PostgreSQL: psycopg 3 through a pool that waits for a free connection instead of failing. Who waits for a
lock is told after a while, as on SQLite; who stands still within a transaction (a stopped process, a machine
that sleeps) loses it, so that nobody's account stays locked.
"""

import sys
import time
from urllib.parse import urlsplit

import apsw
import psycopg
from peewee import SCOPE_VALUES, Context, Field, InternalError, OperationalError
from playhouse.apsw_ext import APSWDatabase
from playhouse.db_url import connect
from playhouse.pool import PooledDatabase

from billing import prepared
from billing.errors import BillingError

# What Peewee raises when the database itself cannot do its work: locked, full, gone; PostgreSQL that may only
# be read refuses with the second.
TROUBLE = (OperationalError, InternalError)
BUSY_SECONDS = 10  # for a locked file or row, or a free connection: no transaction of ours takes as long
IDLE_SECONDS = 60  # between two statements of one transaction: ours ask nobody in between
POOL_SIZE = 20


def open_database(url):
    """Return an unconnected Peewee database for ``sqlite:///file.db`` or ``postgresql://…``.

    Raises BillingError with a sentence when the URL names neither.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return _sqlite(url.partition("://")[2].removeprefix("/") or ":memory:")
    if scheme in ("postgresql", "postgres"):
        return _postgresql(url)
    raise BillingError("The database URL must start with sqlite:/// or postgresql://.")


class _Writing(Context):
    """Peewee's way to write a query down, cut short for what most of any query is: columns of tables."""

    __slots__ = ()

    def sql(self, obj):
        if isinstance(obj, Field) and type(obj).__sql__ is Field.__sql__ and self.scope != SCOPE_VALUES:
            table = obj.model._meta.table
            if not table._alias:
                return self.literal(f'"{self.alias_manager[table]}"."{obj.column_name}"')
        return super().sql(obj)


class _Sqlite(PooledDatabase, APSWDatabase):
    """Peewee over APSW: dates are stored as text, as Python's own module does.

    Connections stay open between requests: opening and closing one costs more than most pages.
    """

    context_class = _Writing

    def _can_reuse(self, connection):
        return not connection.in_transaction

    def _add_conn_hooks(self, connection):
        connection.convert_binding = lambda cursor, number, value: str(value)
        super()._add_conn_hooks(connection)

    def _connect(self):
        try:
            return self._connect_in_time()
        except apsw.NotADBError as error:  # as unusable as a file that is not there
            raise OperationalError(str(error)) from None

    def _connect_in_time(self):
        """Two processes that both turn a new file into a WAL file are told "locked" without any waiting."""
        give_up = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return super()._connect()
            except apsw.BusyError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.02)

    def rollback(self):
        """On a full disk SQLite rolls back by itself; to ask for it again would hide the reason."""
        if self.is_closed() or self.connection().in_transaction:
            super().rollback()


BUSY = "The database is busy. Nothing was changed; please try again in a moment."


def trouble_sentence(error):
    """What a person reads when the database itself cannot do its work: ``error`` is Peewee's.

    Only for what is about the database as a whole: locked, read-only, full, not there, not set up.
    """
    text = str(error).lower()
    for sign, sentence in (
        ("locked", BUSY),
        ("lock timeout", BUSY),
        ("deadlock", BUSY),
        ("readonly", "The database can only be read. Nothing was changed; check the file's permissions."),
        ("read-only", "The database can only be read. Nothing was changed; check its permissions."),
        ("full", "The disk is full. Nothing was changed; make room and try again."),
        ("no such column", "The tables are missing or old. Run: flask --app app init-db"),
        ("no such table", "The tables are missing or old. Run: flask --app app init-db"),
        ("does not exist", "The tables are missing or old. Run: flask --app app init-db"),
        ("not a database", "The file is not a database of ours. Check the database URL."),
        ("unable to open", "The database file cannot be opened. Check that its folder exists."),
    ):
        if sign in text:
            return sentence
    return "The database cannot be used right now. Nothing was changed; please try again later."


def describe(db):
    """Kind, version and journal of the open database, for the health page: two short strings."""
    if db.for_update:
        return f"PostgreSQL {db.execute_sql('SHOW server_version').fetchone()[0]}", "write-ahead log"
    return f"SQLite {apsw.sqlite_lib_version()}", db.execute_sql("PRAGMA journal_mode").fetchone()[0]


def _sqlite(path):
    return _Sqlite(
        path,
        lock_type="IMMEDIATE",
        max_connections=POOL_SIZE,
        timeout=BUSY_SECONDS,  # for a free connection; the pragma is for a locked file
        pragmas={
            "busy_timeout": int(BUSY_SECONDS * 1000),
            "journal_mode": journal_mode(),
            "foreign_keys": 1,
            "synchronous": "full",
            "recursive_triggers": 1,  # else REPLACE INTO deletes without asking the triggers
            "cache_size": -64_000,
        },
    )


SQLITE_VERSION = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))


def journal_mode(version=SQLITE_VERSION):
    """``wal`` where SQLite carries the fix of the WAL-reset fault, else ``truncate``."""
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "wal" if fixed or version < (3, 7) else "truncate"


class _Cursor(psycopg.Cursor):
    """Lets the server keep the plans of prepared questions: small as they are, planning is most of them."""

    def execute(self, query, params=None, **options):
        return super().execute(query, params, prepare=isinstance(query, prepared.Text) or None, **options)


def _postgresql(url):
    pooled = "postgresql+pool" + url[url.index("://") :]
    database = connect(
        pooled,
        unquote_password=True,
        unquote_user=True,
        prefer_psycopg3=True,
        prepare_threshold=sys.maxsize,  # none by count: a plan for any value may read a whole table
        cursor_factory=_Cursor,
        max_connections=POOL_SIZE,
        timeout=BUSY_SECONDS,
        stale_timeout=300,
        options=(
            f"-c lock_timeout={BUSY_SECONDS * 1000:.0f} "
            f"-c idle_in_transaction_session_timeout={IDLE_SECONDS * 1000:.0f}"
        ),
    )
    database.context_class = _Writing
    return database
