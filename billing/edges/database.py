"""Opening the database from one URL, with the rulings that keep money safe on each kind.

SQLite: IMMEDIATE transactions (a read-then-write never dies upgrading its lock), foreign keys on,
``synchronous=FULL`` (a vanished "sent" row would be a double charge). Write-ahead logging only where the
library carries the fix of the WAL-reset fault (sqlite.org, release notes of 3.51.3, 3.50.7 and 3.44.6);
older libraries journal by truncation, which is slower and safe.

PostgreSQL: psycopg 3 through a pool that waits for a free connection instead of failing.
"""

import sqlite3
from urllib.parse import urlsplit

from peewee import SqliteDatabase
from playhouse.db_url import connect

from billing.errors import BillingError

BUSY_SECONDS = 10
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


class _Sqlite(SqliteDatabase):
    """On a full disk SQLite rolls back by itself; to ask for it again would hide the reason."""

    def rollback(self):
        if self.is_closed() or self.connection().in_transaction:
            super().rollback()


def trouble_sentence(error):
    """What a person reads when the database itself cannot do its work: ``error`` is Peewee's.

    Only for what is about the database as a whole: locked, read-only, full, not there, not set up.
    """
    text = str(error).lower()
    for sign, sentence in (
        ("locked", "The database is busy. Nothing was changed; please try again in a moment."),
        ("readonly", "The database can only be read. Nothing was changed; check the file's permissions."),
        ("read-only", "The database can only be read. Nothing was changed; check its permissions."),
        ("full", "The disk is full. Nothing was changed; make room and try again."),
        ("no such table", "The tables are missing or old. Run: flask --app app init-db"),
        ("does not exist", "The tables are missing or old. Run: flask --app app init-db"),
        ("unable to open", "The database file cannot be opened. Check that its folder exists."),
    ):
        if sign in text:
            return sentence
    return "The database cannot be used right now. Nothing was changed; please try again later."


def describe(db):
    """Kind, version and journal of the open database, for the health page: two short strings."""
    if db.for_update:
        return f"PostgreSQL {db.execute_sql('SHOW server_version').fetchone()[0]}", "write-ahead log"
    return f"SQLite {sqlite3.sqlite_version}", db.execute_sql("PRAGMA journal_mode").fetchone()[0]


def _sqlite(path):
    return _Sqlite(
        path,
        lock_type="IMMEDIATE",
        timeout=BUSY_SECONDS,
        pragmas={
            "journal_mode": journal_mode(),
            "foreign_keys": 1,
            "synchronous": "full",
            "cache_size": -64_000,
        },
    )


def journal_mode(version=sqlite3.sqlite_version_info):
    """``wal`` where SQLite carries the fix of the WAL-reset fault, else ``truncate``."""
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "wal" if fixed or version < (3, 7) else "truncate"


def _postgresql(url):
    pooled = "postgresql+pool" + url[url.index("://") :]
    return connect(
        pooled,
        unquote_password=True,
        unquote_user=True,
        prefer_psycopg3=True,
        max_connections=POOL_SIZE,
        timeout=BUSY_SECONDS,
        stale_timeout=300,
    )
