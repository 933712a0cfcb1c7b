"""One round: from the copy of the database, through some days of trouble, to the last question."""

import json
import os
import pprint
import random
import re
import shutil
import signal
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from tests.torture import clerks, disks, plan, points, visitors, world
from tests.torture.gateway import HELD
from tests.torture.house import TODAY, told_by, unguarded
from tests.torture.stable import CRASHED

PATIENCE_SECONDS = 25  # for one process; whoever takes longer hangs
CALM_DAILY, CALM_CONFIRM = ["daily"], ["daily", "--only", "confirm"]
# What makes up for everything, and how many minutes pass before: the quarantine, then days, because an
# attempt is searched for twice after it, and once a day when the gateway could not be asked.
AGAIN = (
    (25, CALM_DAILY), (60, CALM_CONFIRM), (25 * 60, CALM_CONFIRM), (25 * 60, CALM_DAILY), (5, CALM_DAILY),
)  # fmt: skip
LOCKED_SECONDS = 8  # after which the successor of one who stands still waits for a lock of theirs
ASLEEP_MINUTES = 70, 70, 25 * 60  # until an attempt was given up, and its invoices charged anew the next day
ERROR = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$", re.M)
# What a command may log while the database is locked, full or read-only.
EXPECTED = (
    "peewee.OperationalError", "apsw.FullError", "apsw.IOError", "apsw.BusyError", "apsw.ReadOnlyError",
    "psycopg.errors.ReadOnlySqlTransaction", "psycopg.errors.LockNotAvailable", "psycopg.errors.DiskFull",
)  # fmt: skip


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
        name = self._copy()
        url = house.databases.url(name)
        try:
            self._introduce(url)
            if house.kind == "sqlite" and self.plan.kind in ("full disk", "read only"):
                url = self._on_small_disk(house.folder / name) or url
            yield url
        finally:
            self._end_everything()
            house.databases.drop(name)
            house.let_go_of_disk()

    def _copy(self):
        """The name of this round's database; PostgreSQL's may be made where there is little room."""
        house = self.house
        if house.kind != "postgresql" or self.plan.kind != "full disk" or not house.tablespace.open():
            return house.databases.copy(house.template)
        name = house.databases.copy(house.template, disks.TABLESPACE)
        house.disk.leave_free(self.dice.randrange(60, 1_500))
        return name

    def _introduce(self, url):
        """The processor gets to know the customers' methods, and the copy learns which ids it gave them."""
        house = self.house
        self._methods = house.sandbox.store_methods(house.world["methods"])
        profiles = [(profile, id) for id, profile, _ in self._methods]
        methods = [(method, id) for id, _, method in self._methods]
        with unguarded(url, "payment_method") as (cursor, mark):
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
            disks.refuse_writing(self.url, True)
        self._start_web()
        self._lane([plan.Job("flask", ["daily"]), plan.Job("flask", ["worker", "--once"])])
        self._visit(plan.Visit("pays", 0, False, 0, 0.0))
        self._end_everything()
        if house.kind == "sqlite":
            house.disk.remount("rw")
        else:
            disks.refuse_writing(self.url, False)

    # -- a phase

    def _play_phase(self, phase):
        house = self.house
        house.sandbox.wait_for_late()
        self._move_clock(days=phase.days)
        self._settle(phase)
        house.sandbox.bad_weather(phase.faults, phase.mischief, phase.lag_seconds)
        house.post.script = list(phase.letters)
        acts = [lambda lane=lane: self._lane(lane) for lane in phase.lanes]
        acts += [lambda visit=visit: self._visit(visit) for visit in phase.visits]
        acts += [lambda errand=errand: self._go_on_errand(errand) for errand in phase.errands]
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
        for which in phase.wins:
            sandbox.win(which)
        for which, reason in phase.updates:
            sandbox.update(which, reason)
        for which, reason, count in phase.declines:
            _, _, method = self._methods[which % len(self._methods)]
            sandbox.decline(method, reason, count)

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

        Who has claimed and not sent yet may even sleep until the attempt was given up. One of its other
        threads may hold a lock of PostgreSQL: who waits for that goes on only when it does.
        """
        waiting = []
        for minutes in ASLEEP_MINUTES if asleep and self._alone() else (16,):
            self._move_clock(minutes=minutes)
            successor = self._start(plan.Job("flask", CALM_DAILY))
            if not successor.wait_for_end(LOCKED_SECONDS):
                waiting.append(successor)
                break
        victim.go_on()
        for one in waiting:
            if not one.wait_for_end(PATIENCE_SECONDS):
                self._hangs(one, plan.Job("flask", CALM_DAILY))

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
        by_mail = self.house.post.take_link() if visit.by_mail else None
        token = by_mail or tokens[visit.invoice % len(tokens)]
        visitor = visitors.Visitor(self.house.web_url, self.house.sandbox, self.told, token)
        visitors.visit(visit.name, visitor, random.Random(visit.seed))

    def _go_on_errand(self, errand):
        time.sleep(errand.delay)
        clerk = clerks.Clerk(self.house.web_url, self.told)
        clerks.run(errand.name, clerk, random.Random(errand.seed), self.house.world["customers"])

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
        if self._web:
            self._outputs.append(f"web\n{self._web.output}")
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
        if self.plan.kind == "full disk":
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
            if self.house.kind == "sqlite":
                file = Path(self.url.removeprefix("sqlite:///"))
                for path in file.parent.glob(f"{file.name}*"):  # with its write-ahead log
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
            jobs = [plan.Job("flask", ["init-db"], self._anywhere()) for _ in range(6)]
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

    def _anywhere(self):
        """The fate of a process that makes tables: at some statement, or some commit."""
        return self.dice.choice(points.NAMES[:2]), self.dice.randrange(1, 400), False


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
