"""One round, from the copy of the database to the last question; and the house in which rounds are played."""

import json
import os
import pprint
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.databases import PostgresqlDatabases, SqliteFiles, memory
from tests.post_office import _free_port
from tests.torture import mutants, plan, points, visitors, world
from tests.torture.board import Board
from tests.torture.gateway import HELD, GatewaySandbox
from tests.torture.post import Post
from tests.torture.stable import CRASHED, Stable

TODAY = date(2026, 12, 1)
PATIENCE_SECONDS = 25  # for one process; whoever takes longer hangs
CALM_DAILY, CALM_CONFIRM = ["daily"], ["daily", "--only", "confirm"]
# What makes up for everything, and how many minutes pass before: the quarantine, a second search, a day.
AGAIN = (25, CALM_DAILY), (60, CALM_CONFIRM), (26 * 60, CALM_DAILY), (5, CALM_DAILY)
ASLEEP_MINUTES = 70, 70, 130
ERROR = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$", re.M)
EXPECTED = ("peewee.OperationalError", "apsw.FullError", "apsw.IOError", "apsw.BusyError", "apsw.ReadOnlyError",
            "psycopg.errors.ReadOnlySqlTransaction")  # fmt: skip


@dataclass
class Tally:
    """What happened in a run so far, in counts."""

    rounds: int = 0
    deaths: Counter = field(default_factory=Counter)  # by point
    stops: Counter = field(default_factory=Counter)
    shots: int = 0
    restarts: int = 0
    kinds: Counter = field(default_factory=Counter)
    seen: Counter = field(
        default_factory=Counter
    )  # invoices, approvals, mails: that something went on at all
    violations: list = field(default_factory=list)  # (round, sentence)

    @property
    def kills(self):
        return sum(self.deaths.values()) + self.shots


class House:
    """Everything that outlives a round: the stable, the sandbox, the mail server and the prepared database."""

    def __init__(self, kind, seed, mutant=None, keep=None):
        self.keep = keep
        self.kind, self.seed, self.mutant = kind, seed, mutants.MUTANTS.get(mutant)
        self.folder = Path(tempfile.mkdtemp(prefix="porchlight-torture-", dir=memory()))
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
        closing_.callback(shutil.rmtree, self.folder, ignore_errors=True)
        closing_.callback(self.disk.unmount)
        closing_.enter_context(self.post)
        if self.kind == "postgresql":
            closing_.callback(self.databases.close)
        port, empty = _free_port(), self.databases.create()
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
        if not victim.wait_for_end(60):
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


class SmallDisk:
    """A tmpfs that is soon full, or read-only; ``works`` is False where none can be mounted."""

    def __init__(self, path):
        self.path = path
        self._mounted = False

    def mount(self, kilobytes):
        """An empty disk. Returns False where the machine does not let us."""
        self.path.mkdir(exist_ok=True)
        self.unmount()
        self._mounted = self._mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs")
        return self._mounted

    def remount(self, options):
        """Make room, or let nobody write."""
        return self._mount("-o", f"remount,{options}")

    def unmount(self):
        if self._mounted:
            subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
            self._mounted = False

    def _mount(self, *arguments):
        done = subprocess.run(["mount", *arguments, self.path], check=False, capture_output=True)
        return done.returncode == 0


class Round:
    """One plan, played in the house."""

    def __init__(self, house, plan_):
        self.house, self.plan = house, plan_
        self.dice = random.Random(plan_.seed)
        self.told = visitors.Told()
        self.trouble = []  # what no process may do: hang, crash
        self._victims, self._lock = [], threading.Lock()
        self._web, self._visiting, self._methods, self._outputs = None, 0, [], []

    # -- the story

    def play(self):
        """Play it. Returns the violations as sentences."""
        house = self.house
        house.post.begin()
        house.board.disarm()
        house.board.set_clock(world.instant(TODAY))
        house.sandbox.begin(house.board.now())
        self._move_clock()
        try:
            if self.plan.kind == "migration":
                return self._migrate()
            with self._database() as self.url:
                return self._live()
        finally:
            self._end_everything()
            house.count_deaths()

    def _live(self):
        if self.plan.kind == "read only":
            self._read_only()
        self._start_web()
        for phase in self.plan.phases:
            self._play_phase(phase)
        return self._judge()

    @contextmanager
    def _database(self):
        """The URL of this round's copy; on the small disk when the disk is part of the story."""
        house = self.house
        name = house.databases.copy(house.template)
        url = house.databases.url(name)
        try:
            self._introduce(url)
            if house.kind == "sqlite" and self.plan.kind in ("full disk", "read only"):
                url = self._on_small_disk(house.folder / name) or url
            yield url
        finally:
            self._end_everything()
            house.databases.drop(name)
            house.disk.unmount()

    def _introduce(self, url):
        """The processor gets to know the customers' methods, and the copy learns the ids that it gave them."""
        house = self.house
        self._methods = house.sandbox.store_methods(house.world["methods"])
        profiles = [(profile, id) for id, profile, _ in self._methods]
        methods = [(method, id) for id, _, method in self._methods]
        with _unguarded(url, "payment_method") as (cursor, mark):
            cursor.executemany(f"UPDATE customer SET profile_id = {mark} WHERE id = {mark}", profiles)
            cursor.executemany(
                f"UPDATE payment_method SET token = {mark} WHERE customer_id = {mark}", methods
            )

    def _on_small_disk(self, file):
        spare = self.dice.randrange(60, 500) if self.plan.kind == "full disk" else 50_000
        if not self.house.disk.mount(file.stat().st_size // 1024 + spare):
            return None
        shutil.copyfile(file, self.house.disk.path / "small.db")
        return f"sqlite:///{self.house.disk.path / 'small.db'}"

    def _read_only(self):
        """For a while nothing can be written: commands and pages say so, and nothing is half done."""
        house = self.house
        if house.kind == "sqlite":
            house.disk.remount("ro")
        else:
            self._refuse_writing(True)
        self._start_web()
        self._lane([plan.Job("flask", ["daily"]), plan.Job("flask", ["worker", "--once"])])
        self._visit(plan.Visit("pays", 0, False, 0, 0.0))
        self._end_everything()
        if house.kind == "sqlite":
            house.disk.remount("rw")
        else:
            self._refuse_writing(False)

    def _refuse_writing(self, refused):
        """PostgreSQL: every new session of this round's database begins read-only, or does not."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            name = Identifier(connection.info.dbname)
            setting = SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(setting.format(name, Literal("on" if refused else "off")))

    # -- a phase

    def _play_phase(self, phase):
        house = self.house
        house.sandbox.wait_for_late()
        self._move_clock(days=phase.days)
        self._settle(phase)
        house.sandbox.bad_weather(phase.faults, phase.mischief)
        house.post.script = list(phase.letters)
        acts = [lambda lane=lane: self._lane(lane) for lane in phase.lanes]
        acts += [lambda visit=visit: self._visit(visit) for visit in phase.visits]
        acts.append(lambda: self._hunt(phase))
        threads = [threading.Thread(target=self._guarded, args=(act,), daemon=True) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS * 3)
            if thread.is_alive():
                self.trouble.append("a phase does not end")
        house.board.disarm()
        house.sandbox.control("fault", clear=True)

    def _settle(self, phase):
        """The gateway closes its day; banks take something back; some saved methods will be refused."""
        sandbox = self.house.sandbox
        if phase.settles:
            sandbox.control("settle")
        for what, which in phase.disputes:
            sandbox.dispute(what, which)
        for which, reason, count in phase.declines:
            _, _, method = self._methods[which % len(self._methods)]
            sandbox.control("decline", method_id=method, reason_code=reason, count=count)

    def _guarded(self, act):
        try:
            act()
        except Exception as error:  # a fault of the harness must be seen, too
            self.trouble.append(f"harness: {type(error).__name__}: {error}")

    def _lane(self, lane):
        """One job after the other; a successor of a dead runner comes when the lease is over."""
        for job in lane:
            time.sleep(job.delay)
            victim = self._start(job)
            if not victim.wait(PATIENCE_SECONDS):
                self._hangs(victim, job)
            if victim.is_stopped:
                self._overtake(victim, asleep=job.fate[0] == points.ASLEEP)
            if not victim.wait_for_end(PATIENCE_SECONDS):
                self._hangs(victim, job)
            self._listen(victim, job)
            if victim.died and job.is_daily:
                self._move_clock(minutes=11)

    def _start(self, job):
        told = {"args": job.args} if job.args else dict(job.told)
        if "customer" in told:
            told["customer"] = self.house.world["customers"][told["customer"]]
        victim = self.house.stable.fork(job.role, fate=job.fate, url=self.url, **told)
        with self._lock:
            self._victims.append(victim)
        return victim

    def _overtake(self, victim, asleep):
        """It stands still until its lease is over and somebody else has done the work; then it goes on.

        Who has claimed and not sent yet may even sleep until the attempt was given up.
        """
        for minutes in ASLEEP_MINUTES if asleep and self._alone() else (16,):
            self._move_clock(minutes=minutes)
            self.house.run("flask", self.url, args=["daily"])
        victim.go_on()

    def _alone(self):
        """Wait until nobody else is in the middle of anything: hours do not pass within a request."""
        end = time.monotonic() + 8
        while self._visiting and time.monotonic() < end:
            time.sleep(0.02)
        self.house.sandbox.wait_for_late()
        return not self._visiting

    def _hangs(self, victim, job):
        self.trouble.append(f"{job.role} {' '.join(job.args)} does not end: {victim.output[-300:]!r}")
        victim.kill()

    def _listen(self, victim, job):
        """Keep what it told; a traceback is nothing that a command may end with."""
        for fact in told_by(victim):
            self.told.add(**fact)
        at = self.house.board.now().isoformat(" ", "seconds")
        self._outputs.append(
            f"{at} {job.role} {job.args} {job.fate}: status {victim.status}\n{victim.output}"
        )
        if victim.status == CRASHED:
            last = [line for line in victim.output.splitlines() if line.strip()][-1]
            self.trouble.append(f"{job.role} {' '.join(job.args)} crashed: {last[:300]}")
        for error in ERROR.findall(victim.output):
            if not error.startswith(EXPECTED):
                self.trouble.append(f"{job.role} {' '.join(job.args)} logged {error[:300]}")

    def _visit(self, visit):
        with self._lock:
            self._visiting += 1
        try:
            self._go_there(visit)
        finally:
            with self._lock:
                self._visiting -= 1

    def _go_there(self, visit):
        time.sleep(visit.delay)
        tokens = self.house.world["tokens"]
        token = (self.house.post.take_link() if visit.by_mail else None) or tokens[
            visit.invoice % len(tokens)
        ]
        visitor = visitors.Visitor(self.house.web_url, self.house.sandbox, self.told, token)
        visitors.visit(visit.name, visitor, random.Random(visit.seed))

    # -- the killer

    def _hunt(self, phase):
        """Make points deadly, and shoot, each at its time."""
        deeds = [(delay, "arm", (point, passes)) for delay, point, passes in phase.armed]
        deeds += [(delay, "shoot", target) for delay, target in phase.shots]
        began = time.monotonic()
        for delay, deed, about in sorted(deeds, key=lambda deed: deed[0]):
            time.sleep(max(0.0, began + delay - time.monotonic()))
            if deed == "arm":
                self.house.board.arm(*about)
            elif self._shoot(about):
                self.house.tally.shots += 1

    def _shoot(self, target):
        if target == "web":
            alive = self._web_pids()
            return bool(alive) and _kill(self.dice.choice(alive))
        with self._lock:
            running = [one for one in self._victims if one.status is None and not one.is_stopped]
        return bool(running) and self.dice.choice(running).kill()

    def _web_pids(self):
        """The web workers that live."""
        listed = self.house.folder / "web-pids"
        return [pid for pid in map(int, listed.read_text().split()) if _lives(pid)] if listed.exists() else []

    # -- processes and time

    def _start_web(self):
        (self.house.folder / "web-pids").unlink(missing_ok=True)
        self._web = self.house.stable.fork("web", url=self.url)

    def _end_everything(self):
        """SIGKILL to all that still runs, as a power cut would."""
        ended = [self._web.kill()] if self._web else []
        ended += [_kill(pid) for pid in self._web_pids()]
        ended += [one.kill() for one in self._victims]
        self.house.tally.restarts += sum(ended)
        for one in [*self._victims, *([self._web] if self._web else [])]:
            one.wait_for_end(5)
        self._web, self._victims = None, []
        self.house.stable.forget()

    def _move_clock(self, **span):
        """Time goes on, for us and for the gateway, whose clock may be some minutes off."""
        with self._lock:
            board = self.house.board
            board.offset += timedelta(**span).total_seconds()
            at = board.now() + timedelta(minutes=self.plan.skew_minutes)
            self.house.sandbox.control("clock", at=at.isoformat())

    # -- the end

    def _judge(self):
        """Start everything again, let time pass, and ask the questions."""
        self._end_everything()
        house = self.house
        if self.plan.kind == "full disk" and house.kind == "sqlite":
            house.disk.remount("size=200m")
        house.board.disarm()
        house.post.script = []
        house.sandbox.clear_up()
        self._start_web()
        for minutes, args in AGAIN:
            self._move_clock(minutes=minutes)
            self._review()
            house.sandbox.control("settle")
            self._wait_for_webhooks()
            self._listen(house.run("flask", self.url, args=args), plan.Job("flask", args))
        self._wait_for_webhooks()
        return self._ask()

    def _keep_evidence(self, found, known):
        """Put what a person needs to understand a violation where they asked for it."""
        if found and self.house.keep:
            folder = Path(self.house.keep) / f"round-{self.plan.number}"
            folder.mkdir(parents=True, exist_ok=True)
            if self.url.startswith("sqlite"):
                for path in Path(self.url.removeprefix("sqlite:///")).parent.glob(
                    f"{self.url.rpartition('/')[2]}*"
                ):
                    shutil.copy(path, folder)
            (folder / "plan.txt").write_text(pprint.pformat(self.plan, width=150))
            (folder / "known.json").write_text(json.dumps({**known, "violations": found}, indent=1))
            (folder / "outputs.txt").write_text("\n".join(self._outputs))

    def _ask(self):
        house = self.house
        known = self._known()
        asked = house.answer("question", self.url, **known)
        again = house.run("flask", self.url, args=CALM_DAILY)
        after = house.answer("look", self.url)["fingerprint"]
        found = asked["violations"] + self.trouble + self.told.trouble
        if again.status:
            found.append(f"the daily job again: status {again.status}: {again.output[-400:]}")
        changed = [table for table, mark in after.items() if mark != asked["fingerprint"][table]]
        if changed:
            found.append(f"running the job again changed {', '.join(changed)}")
        house.tally.seen.update(asked["counts"])
        self._keep_evidence(found, known)
        return found

    def _known(self):
        sandbox = self.house.sandbox
        return {
            "world": self.house.world,
            "transactions": sandbox.records(),
            "notifications": sandbox.records("notifications"),
            "mails": self.house.post.taken,
            "facts": self.told.facts,
        }

    def _review(self):
        """The processor's people decide about what they hold, or leave it."""
        for one in self.house.sandbox.records():
            if one["status"] in HELD and self.plan.reviews:
                action = self.plan.reviews.pop()
                if action:
                    self.house.sandbox.control("held", transaction_id=one["id"], action=action)

    def _wait_for_webhooks(self):
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if all(one["due_at"] is None or one["due_at"] > self._gateway_now() for one in
                   self.house.sandbox.records("notifications")):  # fmt: skip
                return
            time.sleep(0.05)

    def _gateway_now(self):
        return (self.house.board.now() + timedelta(minutes=self.plan.skew_minutes)).isoformat()

    # -- migrations

    def _migrate(self):
        """Processes that make the tables die at any statement; the last one finishes what they began."""
        house = self.house
        name = house.databases.create()
        self.url = house.databases.url(name)
        try:
            jobs = [
                plan.Job("flask", ["init-db"], (self.dice.choice(points.NAMES[:2]), self.dice.randrange(1, 400), False))
                for _ in range(6)
            ]  # fmt: skip
            shot = (self.dice.random() * 0.3, "job")
            self._play_phase(plan.quiet_phase(lanes=[jobs[:3], jobs[3:]], shots=[shot]))
            last = house.run("flask", name, args=["init-db"])
            found = list(self.trouble)
            if last.status:
                found.append(f"init-db after its death: {last.output[-300:]}")
            if house.answer("schema", name) != house.schema:
                found.append("the tables differ from those of an undisturbed init-db")
            return found
        finally:
            self._end_everything()
            house.databases.drop(name)


@contextmanager
def _unguarded(url, table):
    """(cursor, parameter mark) on a database nobody else uses, with the triggers of ``table`` out of the way."""
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


def _kill(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def _lives(pid):
    """True for a process that exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
