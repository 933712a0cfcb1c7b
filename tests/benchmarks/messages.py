"""The step of reminding over many open invoices, and mails through a local server against bare smtplib.

The server is a process of its own that throws everything away; the bare loop sends the bytes of one of our
mails again and again over one connection, with nothing composed, looked up or kept. A second one also writes
a row for each mail, for good, before the server hears of it: who may send nothing twice can do no less. All
take turns in one run, because what a mail server of the same machine gets done changes from second to second.

What bounds us, on two cores with nothing else to do: the bare loop waits for the server all but 0.2 of its
1.0 to 1.1 ms a mail. Of ours the server's work is hidden, because the next mail is written meanwhile; what
is left is 1.7 to 1.9 ms of our own processor time, one after the other: 0.5 for the words, 0.1 for their
bytes, 0.5 for the transaction in which it leaves (links, copy, the one before noted as sent and taken into
the search), 0.3 for the commit, 0.3 for the wire, 0.2 for reading and judging, a hundred at once. 70 % of a
bare loop would leave 1.5 ms for all of it, waiting included. With fewer commits than one a mail nobody could
say which of them left when the sender is killed, so that is not given up. On PostgreSQL the database's own
work comes on top (0.5 ms and more, most of it for the search); it flushes nothing here, neither for us nor
for the loop that notes.
"""

import resource
import smtplib
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import models
from app import create_app
from billing import notices, outbox, reminding
from billing.edges.clock import FixedClock
from billing.edges.database import open_database
from billing.edges.mail import Mailer
from billing.edges.post import Post
from tests.benchmarks.bill_run import fill, migrate
from tests.benchmarks.measure import Figure, at_least, at_most, seconds
from tests.factories import NOW, make_company

INVOICES, MAILS = 100_000, 10_000
TODAY = date(2026, 12, 29)
MOST_QUERIES, MOST_GROWTH_MB, MOST_STATEMENTS = 50, 60, 6  # a chunk is asked of the gate in 24
SLICES = 10


def figures(databases, invoices=INVOICES, mails=MAILS):
    """Measure on SQLite and on PostgreSQL; ``databases`` is tests.databases.Databases."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with databases.fresh(kind, migrate) as url:
            yield from _reminding(url, invoices, label)
        with databases.fresh(kind, migrate) as url:
            ours, bare, noted, statements = _mailing(url, mails)
        name = f"{mails:,} invoices mailed, {label}"
        yield at_least(name, ours.rate, bare.rate, 0.7, " mails/s")
        against = f"{name}, against a bare loop that notes each mail for good before it leaves"
        yield at_least(against, ours.rate, noted.rate, 0.7, " mails/s")
        yield at_most(f"{name}: processor time of this process, a mail", ours.cpu, bare.cpu, 10)
        yield _most(f"{name}: statements a mail", statements, MOST_STATEMENTS, "")


# --- Reminding -----------------------------------------------------------------------------------


def _reminding(url, invoices, label):
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        _prepare(invoices)
        counted, sizes = _counting(database), [_resident_mb()]
        told = {"now": _now(), "progress": lambda count: sizes.append(_resident_mb())}
        took = seconds(reminding.queue_reminders, TODAY, **told)
        chunks = -(-invoices // reminding.CHUNK)
        per_chunk, grown = counted.count / chunks, max(sizes) - sizes[0]
        queued = models.Notice.select().count()
    name = f"Reminding, {invoices:,} open invoices, {label}"
    yield Figure(
        f"{name}: {queued:,} messages", f"{took:,.1f} s", f"{invoices / took:,.0f}/s", took / 60, "≤ 60 s",
        took <= 60,
    )  # fmt: skip
    yield _most(f"{name}: queries a chunk", per_chunk, MOST_QUERIES, "")
    yield _most(f"{name}: memory that it took", grown, MOST_GROWTH_MB, " MB")


def _most(name, ours, limit, unit):
    return Figure(name, f"{ours:,.1f}{unit}", f"{limit}{unit}", ours / limit, "≤ 1×", ours <= limit)


def _resident_mb():
    """Memory that this process holds now, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


class _counting:
    """Counts the statements of a database from now on."""

    def __init__(self, database):
        self.count, self.all, real = 0, 0, database.execute_sql

        def counted(*args, **kwargs):
            self.count += 1
            return real(*args, **kwargs)

        database.execute_sql = counted


def _prepare(invoices, due=lambda n: TODAY - timedelta(days=n % 45 - 5)):
    """Open invoices of as many customers, due from five days ahead to forty ago."""
    make_company()
    ids = range(1, invoices + 1)
    with models.db.atomic():
        fill(models.Customer, "id account_number name", ((n, f"A{n}", f"Customer {n}") for n in ids))
        fill(models.Contact, "customer_id name email", ((n, "Pat Payer", f"p{n}@example.com") for n in ids))
        columns = (
            "id customer_id number state issued_on due_on subtotal_cents total_cents open_cents created_at"
        )
        rows = ((n, n, n, "issued", TODAY - timedelta(days=60), due(n), 4250, 4250, 4250, NOW) for n in ids)
        fill(models.Invoice, columns, rows)
        lines = ((n, n, 1, "Monitoring", 4250, 4250, 4250) for n in ids)
        fill(models.Line, "id invoice_id position text unit_cents amount_cents total_cents", lines)


def _now():
    return FixedClock(TODAY).now()


# --- Mailing -------------------------------------------------------------------------------------


@dataclass
class Pace:
    """Wall seconds and the processor's milliseconds of this process for one way of sending."""

    mails: int = 0
    seconds: float = 0.0
    cpu_ms: float = 0.0

    def add(self, mails, act, *args, **told):
        busy = time.process_time()
        self.seconds += seconds(act, *args, **told)
        self.cpu_ms += (time.process_time() - busy) * 1000
        self.mails += mails

    @property
    def rate(self):
        return self.mails / self.seconds

    @property
    def cpu(self):
        return self.cpu_ms / self.mails


def _mailing(url, mails):
    """(ours, a bare loop, a bare loop that notes each mail before it leaves) as Pace, and our statements."""
    ours, bare, noted = Pace(), Pace(), Pace()
    with _post_office() as port:
        app = create_app(
            DATABASE_URL=url, MODE="test", SECRET_KEY="benchmark" * 4, MAIL_SERVER="127.0.0.1", MAIL_PORT=port
        )
        app.clock = FixedClock(TODAY)
        with models.db.connection_context(), app.app_context():
            _prepare(mails, due=lambda n: TODAY + timedelta(days=15))
            notices.queue_invoices(range(1, mails + 1), now=_now())
            post, counted = Post(app), _counting(models.db.obj)
            models.db.execute_sql("CREATE TABLE benchmark_mark (n INTEGER)")
            content, some = _one_mail(app), -(-mails // SLICES)
            for _ in range(SLICES):  # in turns: what else the machine does meets all of them
                counted.count, before = 0, counted.all
                told = {"send": post.send, "compose": app.compose, "clock": app.clock, "limit": some}
                ours.add(some, outbox.send_due, **told)
                counted.all = before + counted.count
                bare.add(some, _bare, port, content, some)
                noted.add(some, _bare, port, content, some, _note)
            post.close()
            assert models.Notice.select().where(models.Notice.state == "sent").count() == mails
        return ours, bare, noted, counted.all / mails


def _note(n):
    models.db.execute_sql(f"INSERT INTO benchmark_mark VALUES ({n})")


def _one_mail(app):
    notice = models.Notice.select().first()
    return Mailer(app)._content(notice, app.compose(notice, _now()))


def _bare(port, content, count, note=lambda n: None):
    with smtplib.SMTP("127.0.0.1", port) as host:
        for n in range(count):
            note(n)
            host.sendmail("us@example.com", [f"p{n}@example.com"], content)


@contextmanager
def _post_office():
    """The port of a mail server in a process of its own that takes everything and keeps nothing."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "aiosmtpd",
        "-n",
        "-c",
        "aiosmtpd.handlers.Sink",
        "-l",
        f"127.0.0.1:{port}",
    ]
    server = subprocess.Popen(command)
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait_for(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the mail server did not start")
