"""What the sandbox remembers: one SQLite file that survives a restart, and the clock that can be moved.

Rows and their keys only. What a row means and how it may change is decided in ``processor`` and ``webhooks``.
"""

import json
import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

FIRST_TRANSACTION_ID = 60_000_000_000  # the real ones have ten to twelve digits and rise
FIRST_BATCH_ID = 7_000_000
FIRST_PROFILE_ID, FIRST_METHOD_ID = 510_000_000, 920_000_000  # an xsd:int holds them
FIRST_IDS = {
    "trans": FIRST_TRANSACTION_ID, "batch": FIRST_BATCH_ID, "profile": FIRST_PROFILE_ID,
    "method": FIRST_METHOD_ID,
}  # fmt: skip

FORGOTTEN = (
    "notification", "correction", "updated", "trans", "batch", "token", "method", "profile", "setting",
)  # fmt: skip

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS profile (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number TEXT NOT NULL DEFAULT '',        -- merchantCustomerId
    description TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS method (         -- a customer payment profile: a card or a bank account
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    profile_id INTEGER NOT NULL REFERENCES profile (id),
    kind TEXT NOT NULL,
    account_type TEXT NOT NULL,             -- Visa, ..., eCheck
    account_number TEXT NOT NULL,           -- masked
    routing_number TEXT NOT NULL DEFAULT '',
    bank_account_type TEXT NOT NULL DEFAULT '',
    bank_account_name TEXT NOT NULL DEFAULT '',
    echeck_type TEXT NOT NULL DEFAULT '',
    expiration TEXT NOT NULL DEFAULT '',    -- YYYY-MM
    identity TEXT NOT NULL,                 -- hash of the whole number, which is not kept
    bill_to TEXT NOT NULL DEFAULT '{}',
    customer_type TEXT NOT NULL DEFAULT 'individual',
    is_default INTEGER NOT NULL DEFAULT 0,
    is_excluded INTEGER NOT NULL DEFAULT 0, -- from the Account Updater
    network_trans_id TEXT NOT NULL DEFAULT '',
    network_cents INTEGER,                  -- amount of the transaction that has network_trans_id
    decline_reason INTEGER,                 -- the control page makes its next charges fail so
    decline_left INTEGER,                   -- how many more; NULL: until it is cleared
    created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS updated (        -- what the Account Updater changed
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    month TEXT NOT NULL,
    profile_id INTEGER NOT NULL,
    method_id INTEGER NOT NULL,
    reason TEXT NOT NULL,                   -- NAN, NED, ACL, CCH
    is_deleted INTEGER NOT NULL,
    bill_to TEXT NOT NULL,
    account_type TEXT NOT NULL,
    old_number TEXT NOT NULL,
    old_expiration TEXT NOT NULL,
    new_number TEXT NOT NULL,
    new_expiration TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS correction (     -- a notice of change about a bank account
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    method_id INTEGER NOT NULL,
    code TEXT NOT NULL,                     -- C01
    batch_id INTEGER REFERENCES batch (id),
    created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY,
    request TEXT NOT NULL,                  -- the transactionRequest, as JSON
    page TEXT NOT NULL,                     -- the hostedPaymentSettings, as JSON
    ref_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    displayed_at TEXT,
    kind TEXT NOT NULL DEFAULT 'payment',   -- payment or profile: what the page is for
    profile_id INTEGER                      -- whose cards and accounts it shows
);

CREATE TABLE IF NOT EXISTS batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                     -- card or bank: they never share a batch
    state TEXT NOT NULL,
    settled_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS trans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    kind TEXT NOT NULL DEFAULT 'card',
    account_type TEXT NOT NULL DEFAULT '',  -- Visa, ..., eCheck
    account_number TEXT NOT NULL DEFAULT '',-- masked; the whole number is never stored
    routing_number TEXT NOT NULL DEFAULT '',
    bank_account_type TEXT NOT NULL DEFAULT '',
    bank_account_name TEXT NOT NULL DEFAULT '',
    echeck_type TEXT NOT NULL DEFAULT '',
    response_code INTEGER NOT NULL DEFAULT 1,
    reason_code INTEGER NOT NULL DEFAULT 1,
    reason_text TEXT NOT NULL DEFAULT 'Approval',
    auth_code TEXT NOT NULL DEFAULT '',
    avs TEXT NOT NULL DEFAULT 'P',
    cvv TEXT NOT NULL DEFAULT '',
    invoice_number TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    customer_id TEXT NOT NULL DEFAULT '',
    customer_email TEXT NOT NULL DEFAULT '',
    bill_to TEXT NOT NULL DEFAULT '{}',
    ref_id TEXT NOT NULL DEFAULT '',
    ref_trans_id INTEGER REFERENCES trans (id),
    fingerprint TEXT NOT NULL DEFAULT '',   -- hash of the fields that the duplicate rule compares
    filter TEXT NOT NULL DEFAULT '',        -- the fraud filter that held it
    network_trans_id TEXT NOT NULL DEFAULT '',
    token TEXT REFERENCES token (token),
    batch_id INTEGER REFERENCES batch (id),
    submitted_at TEXT NOT NULL,
    profile_id INTEGER,                     -- no foreign key: what was paid outlives the profile
    method_id INTEGER,
    identity TEXT NOT NULL DEFAULT '',      -- of the card or account, as in method
    expiration TEXT NOT NULL DEFAULT '',
    recurring INTEGER NOT NULL DEFAULT 0,
    processing TEXT NOT NULL DEFAULT '',    -- the processingOptions that were sent, with commas
    original_network_trans_id TEXT NOT NULL DEFAULT '',
    return_code TEXT NOT NULL DEFAULT '',   -- of a return: R01; of a chargeback: its reason
    linkage TEXT NOT NULL DEFAULT ''        -- of a return: both, ref or has
);

CREATE TABLE IF NOT EXISTS webhook (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    event_types TEXT NOT NULL,
    status TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0     -- deliveries that failed since the last that arrived
);

CREATE TABLE IF NOT EXISTS notification (
    id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    webhook_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    due_at TEXT,                            -- NULL: nothing more will be tried
    attempts INTEGER NOT NULL DEFAULT 0,
    copies INTEGER NOT NULL DEFAULT 1,      -- how often it is still to be delivered
    status TEXT NOT NULL                    -- Pending, Delivered, RetryPending, Failed, Lost
);
"""
INDEXES = """
CREATE INDEX IF NOT EXISTS profile_by_number ON profile (number);
CREATE INDEX IF NOT EXISTS method_by_profile ON method (profile_id);
CREATE INDEX IF NOT EXISTS method_by_expiration ON method (expiration);
CREATE INDEX IF NOT EXISTS updated_by_month ON updated (month);
CREATE INDEX IF NOT EXISTS correction_by_batch ON correction (batch_id);
CREATE INDEX IF NOT EXISTS batch_by_time ON batch (settled_at);
CREATE INDEX IF NOT EXISTS trans_by_batch ON trans (batch_id, submitted_at);
CREATE INDEX IF NOT EXISTS trans_by_reference ON trans (invoice_number);
CREATE INDEX IF NOT EXISTS trans_by_fingerprint ON trans (fingerprint, submitted_at) WHERE fingerprint <> '';
CREATE INDEX IF NOT EXISTS trans_by_original ON trans (ref_trans_id) WHERE ref_trans_id IS NOT NULL;
-- A payment page takes money once, whatever the code above it does.
CREATE UNIQUE INDEX IF NOT EXISTS trans_once_per_token ON trans (token)
    WHERE token IS NOT NULL AND response_code IN (1, 4);
CREATE INDEX IF NOT EXISTS notification_by_sequence ON notification (sequence);
CREATE INDEX IF NOT EXISTS trans_bank_by_time ON trans (submitted_at) WHERE kind = 'bank';
CREATE INDEX IF NOT EXISTS notification_due ON notification (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS trans_returns ON trans (ref_trans_id, linkage) WHERE type = 'return';
CREATE INDEX IF NOT EXISTS trans_by_profile ON trans (profile_id, id) WHERE profile_id IS NOT NULL;
"""


class Store:
    """Rows, settings and the clock, shared by all threads through one connection and one lock."""

    def __init__(self, path):
        self._lock = threading.RLock()
        self._depth = 0
        self._settings = {}  # a copy of the table, as text; the file belongs to one process
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._bring_up_to_date()
        self._db.executescript(SCHEMA + INDEXES)
        with self.transaction():
            for table, first in FIRST_IDS.items():
                if not self.value("SELECT 1 FROM sqlite_sequence WHERE name = ?", table):
                    self.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, first)

    def _bring_up_to_date(self):
        """Add the columns that tables of an older state file lack."""
        fresh = sqlite3.connect(":memory:")
        fresh.executescript(SCHEMA)
        for (table,) in fresh.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            known = {row["name"] for row in self.rows(f"PRAGMA table_info({table})")}
            for _, name, kind, needed, default, _ in fresh.execute(f"PRAGMA table_info({table})").fetchall():
                if known and name not in known:
                    filled = f" NOT NULL DEFAULT {default}" if needed else ""
                    self.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}{filled}")
        fresh.close()

    def close(self):
        """Close the file. The store is of no use afterwards."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self):
        """All or nothing, one at a time; a transaction inside another joins it."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                    self._settings.clear()
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def execute(self, sql, *values):
        """Run one statement; return the number of rows that it changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def execute_many(self, sql, rows):
        """Run one statement for each row of values."""
        with self._lock:
            self._db.executemany(sql, rows)

    def rows(self, sql, *values):
        """All rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql, *values):
        """The first row of a query, or None."""
        with self._lock:
            return self._db.execute(sql, values).fetchone()

    def value(self, sql, *values):
        """The first column of the first row, or None."""
        found = self.row(sql, *values)
        return found[0] if found else None

    def insert(self, table, **columns):
        """Add a row; return its rowid."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        with self._lock:
            return self._db.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values())
            ).lastrowid

    def update(self, table, key, **columns):
        """Change the columns of the row whose first column is ``key``."""
        names = ", ".join(f"{name} = ?" for name in columns)
        column = "token" if table == "token" else "id"
        self.execute(f"UPDATE {table} SET {names} WHERE {column} = ?", *columns.values(), key)

    def setting(self, name, default=None):
        """A remembered value, or ``default``."""
        with self._lock:
            if name not in self._settings:
                self._settings[name] = self.value("SELECT value FROM setting WHERE name = ?", name)
            found = self._settings[name]
        return default if found is None else json.loads(found)

    def remember(self, name, value):
        """Keep ``value`` (anything that JSON can carry) under ``name``."""
        with self._lock:
            self._settings.pop(name, None)
            self.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, json.dumps(value))

    def forget_everything(self):
        """Back to an empty gateway; ids go on rising, so that no old id comes back with a new meaning."""
        with self.transaction():
            self._settings.clear()
            for table in FORGOTTEN:
                self.execute(f"DELETE FROM {table}")

    # -- the clock

    def now(self):
        """The sandbox's instant, naive UTC, to the millisecond: the real one plus the offset."""
        now = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=self.setting("clock_offset", 0))
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def move_clock(self, to):
        """Set the clock to ``to`` (naive UTC); it goes on ticking from there."""
        offset = to - datetime.now(UTC).replace(tzinfo=None)
        self.remember("clock_offset", offset.total_seconds())


def as_id(text):
    """An id as a number; 0, which no row has, for one that is longer than any row's."""
    number = int(text or 0)
    return number if number < 2**63 else 0


def stamp(at):
    """An instant as the store writes it, always with milliseconds, so that text sorts like time."""
    return at.isoformat(timespec="milliseconds")
