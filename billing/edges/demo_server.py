"""``flask demo``: builds the demo company once, then starts its processes and keeps them running.

Four processes beside this one: gateway sandbox, mail catcher, web server, worker. Everything that they
remember lies in ``.demo/``. Which company is built is decided in ``billing.demo``; nothing is decided here.
"""

import contextlib
import ctypes
import fcntl
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
import requests

import migrations
from billing import company as companies
from billing import daily, demo, links
from billing.demo import cast
from billing.edges import settings
from billing.edges.clock import Clock
from billing.edges.database import open_database
from models import db

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".demo"
HOST = "127.0.0.1"
WEBHOOKS = "/webhooks/authorize-net"
MAILBOX = "mailbox"  # where answers to the demo's mails lie
FILES = "files"  # what customers attached
SETTINGS = "settings"  # for a shell, so that commands meet the demo's data
TEXT_SECRET = "texts-of-the-demo"
TAKES = "This takes about two minutes the first time, longer where the machine does other work as well."
SETTLES_AT = "02:00"  # every night, UTC
HEALTHY_SECONDS, STOP_SECONDS, STEADY_SECONDS = 60, 10, 10
WEB_WORKERS, WEB_THREADS = 2, 4
PR_SET_PDEATHSIG = 1  # of Linux, prctl(2)


@dataclass(frozen=True)
class Ports:
    """Where everything listens."""

    portal: int
    sandbox: int
    catcher: int
    smtp: int

    def url(self, name):
        return f"http://{HOST}:{getattr(self, name)}"


def run(*, reset=False, port=5000, folder=FOLDER, size=None):
    """Start the demo and stay until Ctrl-C or SIGTERM; builds the company when there is none.

    reset  -- begin anew
    port   -- wanted for the portal; the others follow it
    folder -- where all state is kept
    size   -- demo.Size; tests build small ones

    Raises click.ClickException with a sentence when something cannot start.
    """
    folder.mkdir(exist_ok=True)
    with _alone(folder), _stopped_by_signals():
        ports = _free_ports(port)
        if reset or not (folder / "porchlight.db").exists():
            _forget(folder)
        environment = _environment(folder, ports)
        (folder / SETTINGS).write_text(_exports(environment))
        crew = Crew(folder, environment)
        try:
            _start(crew, folder, ports, size)
            crew.watch()
        finally:
            crew.stop()
            click.echo("\nThe demo has stopped. Its data stays in .demo; `make run` goes on from here.")


def _start(crew, folder, ports, size):
    """Processes in the order in which they need each other; the company between them."""
    crew.start("sandbox", *_sandbox(folder, ports), healthy=f"{ports.url('sandbox')}/control/state.json")
    crew.start("mail catcher", *_catcher(folder, ports), healthy=f"{ports.url('catcher')}/count.json")
    is_new = not (folder / "porchlight.db").exists()
    if is_new:
        _build(folder, ports, size)
    _open(folder)
    crew.start("web", *_web(ports), healthy=f"{ports.url('portal')}/health")
    crew.start("worker", "-m", "flask", "--app", "app", "worker")
    _catch_up(crew, is_new)
    _tell(ports)
    db.close()


# --- The processes -------------------------------------------------------------------------------


class Crew:
    """The processes of the demo: started, watched, and stopped together."""

    def __init__(self, folder, environment):
        self._logs = folder / "logs"
        self._logs.mkdir(exist_ok=True)
        for old in self._logs.iterdir():
            old.unlink()
        self._environment = environment
        self._members = {}  # name -> (command, process, started at)

    def start(self, name, *command, healthy=""):
        """Start ``python command…`` and wait until the address ``healthy`` answers."""
        with open(self._log(name), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self._members[name] = (command, process, time.monotonic())
        if healthy:
            self._wait(name, process, healthy)

    def run_once(self, name, *command):
        """Run ``python command…`` to its end; what it says goes to its log. Returns its exit status."""
        with open(self._log(name), "ab") as log:
            return subprocess.call(
                [sys.executable, *command], cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    def watch(self):
        """Stay until a signal comes; a process that dies is started again, unless it never stands."""
        while True:
            time.sleep(0.5)
            for name, (command, process, started_at) in list(self._members.items()):
                if process.poll() is None:
                    continue
                if time.monotonic() - started_at < STEADY_SECONDS:
                    raise self._fallen(name)
                click.echo(
                    f"The {name} process ended by itself (status {process.returncode}); starting it again."
                )
                self.start(name, *command)

    def stop(self):
        """Ask all to end, last started first; who does not listen is killed."""
        processes = [process for _, process, _ in reversed(self._members.values())]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self, name, process, address):
        deadline = time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._fallen(name)
            with contextlib.suppress(requests.RequestException):
                if requests.get(address, timeout=5).status_code < 500:
                    return
            time.sleep(0.1)
        raise click.ClickException(f"The {name} process does not answer. Its log is {self._log(name)}.")

    def _fallen(self, name):
        lines = self._log(name).read_text(errors="replace").splitlines()[-12:]
        return click.ClickException(
            f"The {name} process could not start. Its last words:\n\n" + "\n".join(lines)
        )

    def _log(self, name):
        return self._logs / f"{name.replace(' ', '-')}.log"


def _sandbox(folder, ports):
    return (
        *(
            "-m",
            "billing.edges.sandbox",
            "--port",
            str(ports.sandbox),
            "--state",
            str(folder / "sandbox.sqlite"),
        ),
        *("--login", "sandbox", "--key", settings.DEMO_KEY, "--signature-key", settings.DEMO_SIGNATURE),
        *("--webhook-url", ports.url("portal") + WEBHOOKS, "--cutoff", SETTLES_AT),
    )


def _catcher(folder, ports):
    listening = ("--port", str(ports.catcher), "--smtp-port", str(ports.smtp))
    texts = f"{ports.url('portal')}/webhooks/texts/{TEXT_SECRET}"
    listening += ("--maildir", str(folder / MAILBOX), "--texts-url", texts)
    return ("-m", "billing.edges.mailcatcher", *listening, "--state", str(folder / "mails.sqlite"))


def _web(ports):
    return (
        *("-m", "gunicorn", "--bind", f"{HOST}:{ports.portal}", "--worker-class", "gthread", "--preload"),
        *("--workers", str(WEB_WORKERS), "--threads", str(WEB_THREADS), "--no-control-socket"),
        *("--log-level", "warning", "app:create_app()"),
    )


def _environment(folder, ports):
    """Every setting, named: what stands in ``.env`` for other purposes must not reach the demo."""
    chosen = {setting.name: str(setting.default) for setting in settings.SETTINGS} | {
        "MODE": "demo",
        "DATABASE_URL": f"sqlite:///{folder / 'porchlight.db'}",
        "BASE_URL": ports.url("portal"),
        "SANDBOX_URL": ports.url("sandbox"),
        "CATCHER_URL": ports.url("catcher"),
        "MAIL_PORT": str(ports.smtp),
        "REPLY_ADDRESS": "reply@lantern.example",
        "MAILBOX": f"maildir:{folder / MAILBOX}",
        "FILES": str(folder / FILES),
        "TEXT_URL": f"json://{HOST}:{ports.catcher}/texts?:to={{to}}&:sent={{sent}}",
        "TEXT_SECRET": TEXT_SECRET,
    }
    foreign = {name for name in os.environ if name.startswith(settings.PREFIX)}
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    return inherited | {settings.PREFIX + name: value for name, value in chosen.items()}


def _exports(environment):
    """Our settings as a shell reads them: ``. .demo/settings`` before a command."""
    ours = {name: value for name, value in environment.items() if name.startswith(settings.PREFIX)}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in ours.items())


# --- The company ---------------------------------------------------------------------------------


def _build(folder, ports, size):
    """Build beside the real place and move it there whole: a build that is broken off leaves nothing."""
    fresh, size, clock = folder / "building.db", size or demo.Size(), Clock()
    clock.zone = type(clock.zone)(cast.COMPANY["time_zone"])
    db.initialize(open_database(f"sqlite:///{fresh}"))
    migrations.apply(db)
    today = clock.today()
    click.echo(TAKES)
    label = f"Living through {size.months} months of Lantern Security"
    with db.connection_context(), click.progressbar(length=size.work(today), label=label) as bar:
        db.pragma("journal_mode", "memory")  # nobody would miss half a build
        db.pragma("synchronous", "off")
        demo.build(
            today=today,
            now=clock.now(),
            processor=Processor(ports.url("sandbox")),
            size=size,
            progress=bar.update,
        )
    os.replace(fresh, folder / "porchlight.db")


class Processor:
    """Tells the sandbox what it would have kept of the past, over its own doors for that."""

    def __init__(self, address):
        self._url, self._session = f"{address}/control/", requests.Session()
        self._session.trust_env = False

    def register(self, entries):
        return self._tell("history", entries)["transaction_ids"]

    def keep(self, entries):
        kept = self._tell("methods", entries)["methods"]
        return [(one["profile_id"], one["method_id"]) for one in kept]

    def decline(self, method_id, code):
        self._tell("decline", {"method_id": method_id, "reason_code": code, "count": None})

    def give_back(self, transaction_id):
        self._tell("return", {"transaction_id": transaction_id, "code": "R01"})

    def dispute(self, transaction_id):
        self._tell("chargeback", {"transaction_id": transaction_id, "reason": "Not recognized"})

    def _tell(self, control, what):
        answer = self._session.post(self._url + control, json=what, timeout=30)
        answer.raise_for_status()
        return answer.json()


def _open(folder):
    db.initialize(open_database(f"sqlite:///{folder / 'porchlight.db'}"))
    migrations.apply(db)
    db.connect()


def _catch_up(crew, is_new):
    """A demo that rested for days does what its daily job would have done, before anybody looks.

    A new one does today's work with the real processor: charges, a decline or two, a debit that came back.
    """
    if is_new or daily.days_since_last(_clock().today()) != 0:
        click.echo("Doing the work of today …" if is_new else "Doing the work of the days in between …")
        crew.run_once("daily", "-m", "flask", "--app", "app", "daily")


def _clock():
    clock = Clock()
    clock.follow(companies.current())
    return clock


# --- What a newcomer reads -----------------------------------------------------------------------


def _tell(ports):
    """Where to look, and as whom; one line each."""
    portal, invoice = ports.url("portal"), demo.invoice_to_pay()
    click.echo()
    click.secho("  Lantern Security is open.", bold=True)
    for title, rows in (
        (
            "Look around",
            [
                ("Customer portal", portal),
                ("Back office", f"{portal}/staff"),
                ("Mail catcher", ports.url("catcher")),
                ("Gateway sandbox", f"{ports.url('sandbox')}/control"),
            ],
        ),
        ("Sign in", _people()),
        ("Pay an invoice", _pay(portal, invoice)),
    ):
        click.echo(f"\n  {title}")
        for name, value in rows:
            click.echo(f"    {name:<18}{value}")
    click.echo("\n  Commands on this data, in another window:")
    click.echo("    . .venv/bin/activate && . .demo/settings && flask --app app check-books")
    click.echo("\n  Stop with Ctrl-C. `make run` goes on later, `make demo-reset` begins anew.\n")


def _people():
    staff = [
        (role.replace("_", " ").capitalize(), f"{email:<30}password {demo.PASSWORD}")
        for email, _, role in cast.STAFF
    ]
    return [*staff, ("Customer", f"{demo.HERO_EMAIL:<30}the code arrives in the mail catcher")]


def _pay(portal, invoice):
    if invoice is None:
        return [("Everything is paid", "move the demo on in the back office, and new invoices come")]
    token = links.pay_link(invoice, now=_clock().now())
    return [("Pay link", f"{portal}/i/{token}")]


# --- How -----------------------------------------------------------------------------------------


def _end_with_parent():
    """In a new process: end, too, when this one is killed without a chance to stop the others."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def _alone(folder):
    """One demo at a time: two would share their files."""
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(
                "The demo is running already, in another window. Stop it there with Ctrl-C first."
            ) from None
        yield


@contextlib.contextmanager
def _stopped_by_signals():
    """Ctrl-C, SIGTERM and a closed window end the demo in good order."""

    def leave(_signal, _frame):
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, leave)
    with contextlib.suppress(KeyboardInterrupt):
        yield


def _forget(folder):
    """Everything but the lock and the logs: a new company starts with a new gateway and an empty mailbox."""
    for path in folder.iterdir():
        if (
            path.suffix in (".db", ".sqlite")
            or "-journal" in path.name
            or "-wal" in path.name
            or "-shm" in path.name
        ):
            path.unlink()
    shutil.rmtree(folder / MAILBOX, ignore_errors=True)


def _free_ports(wanted):
    """Ports from the wanted one on; says so when one is taken by somebody else."""
    taken, chosen = set(), {}
    for name, first in (("portal", wanted), ("sandbox", wanted + 1), ("catcher", wanted + 2), ("smtp", 5025)):
        free = next(
            (port for port in range(first, first + 200) if port not in taken and _is_free(port)), None
        )
        if free is None:
            raise click.ClickException(f"No port from {first} to {first + 199} is free on this machine.")
        if free != first and name in ("portal", "smtp"):
            click.echo(f"Port {first} is taken by another program; using {free} instead.")
        chosen[name] = free
        taken.add(free)
    return Ports(**chosen)


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
