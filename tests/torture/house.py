"""The house in which rounds are played: all that outlives one round, and what is counted over all of them."""

import json
import sqlite3
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg

from tests import folders, ports
from tests.databases import PostgresqlDatabases, SqliteFiles
from tests.torture import mutants, world
from tests.torture.board import Board
from tests.torture.disks import SmallDisk, Tablespace
from tests.torture.gateway import GatewaySandbox
from tests.torture.post import Post
from tests.torture.stable import Stable

TODAY = date(2026, 12, 1)
PATIENCE_SECONDS = 60  # for a process that nobody disturbs


@dataclass
class Tally:
    """What happened in a run so far, in counts."""

    rounds: int = 0
    deaths: Counter = field(default_factory=Counter)  # by point
    stops: Counter = field(default_factory=Counter)
    shots: int = 0
    restarts: int = 0
    kinds: Counter = field(default_factory=Counter)
    seen: Counter = field(default_factory=Counter)  # invoices, approvals, mails: that something happened
    violations: list = field(default_factory=list)  # (round, sentence)

    @property
    def kills(self):
        """At named points and at random, without what a round ends with."""
        return sum(self.deaths.values()) + self.shots


class House:
    """Everything that outlives a round: the stable, the sandbox, the mail server, the prepared database."""

    def __init__(self, kind, seed, mutant=None, keep=None):
        self.keep = keep
        self.kind, self.seed, self.mutant = kind, seed, mutants.MUTANTS.get(mutant)
        self._made = folders.made("torture", folders.memory())
        self.folder = Path(self._made.name)
        self.board = Board(self.folder / "board")
        self.post = Post()
        self.databases = SqliteFiles(self.folder) if kind == "sqlite" else PostgresqlDatabases()
        self.disk = SmallDisk(self.folder / "disk")
        self.tally = Tally()
        self._deaths_read = 0

    def __enter__(self):
        with ExitStack() as closing_:
            self._open(closing_)
            self._closing = closing_.pop_all()
        return self

    def __exit__(self, *_):
        self._closing.close()

    def _open(self, closing_):
        closing_.callback(self._made.cleanup)
        closing_.callback(self.disk.unmount)
        closing_.enter_context(self.post)
        if self.kind == "postgresql":
            closing_.callback(self.databases.close)
            closing_.callback(self.let_go_of_disk)
        port, empty = ports.free(), self.databases.create()
        self.stable = Stable(self.folder, {
            "database_url": self.databases.url(empty),
            "sandbox_url": f"http://127.0.0.1:{port}",
            "mail_port": self.post.port,
            "mutant": self.mutant and self.mutant.name,
        })  # fmt: skip
        closing_.callback(self.stable.close)
        self.web_url = f"http://127.0.0.1:{self.stable.web_port}"
        self.sandbox = GatewaySandbox(
            self.folder / "sandbox.sqlite", f"{self.web_url}/webhooks/authorize-net", port
        )
        closing_.callback(self.sandbox.stop)
        self.sandbox.start()
        self.board.set_clock(world.instant(TODAY))
        self._build()
        self.schema = self._schema_of(empty)

    def _build(self):
        self.template = self.databases.create()
        self.world = self.answer("build", self.template, seed=self.seed, today=TODAY.isoformat())
        if self.mutant and self.mutant.statements:
            done = self.run("alter", self.template, statements=list(self.mutant.statements))
            if done.status:
                raise RuntimeError(done.output)
        self.databases.seal(self.template)

    def _schema_of(self, name):
        self.run("flask", name, args=["init-db"])
        return self.answer("schema", name)

    def run(self, role, database, **told):
        """Play a role undisturbed to its end, on a database by name or by URL. Returns the Victim."""
        url = database if "://" in database else self.databases.url(database)
        victim = self.stable.fork(role, url=url, **told)
        if not victim.wait_for_end(PATIENCE_SECONDS):
            victim.kill()
            raise RuntimeError(f"{role} does not end: {victim.output[-2000:]}")
        return victim

    def answer(self, role, database, **told):
        """What a role tells at its end."""
        victim = self.run(role, database, **told)
        found = told_by(victim)
        if victim.status or not found:
            raise RuntimeError(f"{role}, status {victim.status}: {victim.output[-3000:]}")
        return found[-1]

    @property
    def tablespace(self):
        """PostgreSQL's place on the small disk."""
        return Tablespace(self.disk, self.databases.url("postgres"))

    def let_go_of_disk(self):
        """Nothing is on the small disk any more."""
        if self.kind == "postgresql":
            self.tablespace.close()
        self.disk.unmount()

    def count_deaths(self):
        """Add what the log of deaths has new to the tally."""
        text = (self.folder / "deaths").read_text()[self._deaths_read :]
        self._deaths_read += len(text)
        for line in text.splitlines():
            word, _, name = line.split("\t")
            (self.tally.deaths if word == "kill" else self.tally.stops)[name] += 1


def told_by(victim):
    """The facts that a victim told on its output."""
    return [json.loads(line[5:]) for line in victim.output.splitlines() if line.startswith("told ")]


@contextmanager
def unguarded(url, table):
    """(cursor, parameter mark) on a database that nobody else uses, without the triggers of ``table``."""
    if url.startswith("postgresql"):
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield cursor, "%s"
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        cursor = connection.cursor()
        where = "FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        triggers = cursor.execute(f"SELECT name, sql {where}", (table,)).fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield cursor, "?"
        for _, sql in triggers:
            cursor.execute(sql)
