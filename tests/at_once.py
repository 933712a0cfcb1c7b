"""Many at once, and processes that die: what the tests of races are made of. No test stands here.

``together`` runs real threads, each with its own connection. ``python -m tests.at_once`` is a process
that does one story again and again, each time in a child that is killed at the next point: before each
statement, each commit, and before and after each call of the gateway.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime

from models import db

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def together(count, act, *, seconds=60):
    """Call ``act(n)`` in ``count`` threads at the same moment. Returns their values, or their errors."""
    barrier, given = threading.Barrier(count), [None] * count

    def run(n):
        barrier.wait()
        try:
            with db.connection_context():
                given[n] = act(n)
        except Exception as error:  # the caller looks at every one
            given[n] = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive(), "a thread waits for ever"
    return given


def processes(count, story, url, **told):
    """Start ``count`` processes that wait for each other and then do ``story``. Returns their reports."""
    running = [_start(["once", story, url, json.dumps(told)]) for _ in range(count)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [_report(process) for process in running]


def die_everywhere(story, url, many):
    """Do ``story`` for each dict of ``many``, killed at point 1, 2, 3 ... until one survives.

    Returns how many were killed. ``many`` must be longer than the story has points.
    """
    process = _start(["die", story, url, json.dumps(many)])
    return _report(process)


def _start(arguments):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.at_once", *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _report(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return json.loads(output.splitlines()[-1])


# --- The stories, inside the process -------------------------------------------------------------


def click(told, point):
    """Press the pay button."""
    from billing import payments
    from models import Invoice
    from tests.paying import urls

    invoice = Invoice.get_by_id(told["invoice"])
    payments.start_online(
        invoice.customer, [(invoice, invoice.open_cents)], key=told["key"], urls=urls, **_outside(told, point)
    )


def ask(told, point):
    """Come back to the return page."""
    from billing import payments
    from models import Payment

    payments.ask(Payment.get_by_id(told["payment"]), **_outside(told, point))


def refund(told, point):
    """Order a refund of the whole payment and send it."""
    from billing.reversals import refunds
    from models import Payment

    outside = _outside(told, point)
    days = {"today": outside["today"], "now": outside["now"]}
    payment = Payment.get_by_id(told["payment"])
    order = refunds.start(
        payment, amount_cents=payment.amount_cents, reason="Wrong card", key=told["key"], by="tests",
        reopen=True, **days,
    )  # fmt: skip
    refunds.send(order, **outside)


def autopay(told, point):
    """Run the autopay step, for everybody who is due or for the one who is told."""
    from billing.automatic import charging
    from billing.edges.clock import FixedClock

    outside = _outside(told, point)
    clock = FixedClock(outside["today"])
    clock.advance(seconds=(outside["now"] - clock.now()).total_seconds())
    if told.get("customer"):
        charging.due_customers = lambda today: [told["customer"]]
    report = charging.run(
        gateway=outside["gateway"], today=outside["today"], clock=clock, by="tests",
        at_once=told.get("at_once", 1),
    )  # fmt: skip
    return {"counts": report.counts, "trouble": report.trouble}


def bill(told, point):
    """Run the bill step, in small chunks."""
    from billing import bill as step

    step.CHUNK = told["chunk"]
    now = datetime.fromisoformat(told["now"])
    report = step.run(now.date(), by="tests", now=now)
    return {"invoices": report.invoices, "total_cents": report.total_cents}


def send(told, point):
    """Send what is waiting, through a mail server that takes everything."""
    from types import SimpleNamespace

    from billing import notices
    from billing.edges.clock import FixedClock
    from tests.conftest import TODAY

    sent = []
    letter = SimpleNamespace(subject="s", text="t", html="h", kept_text="t", kept_html="h", message_id="m")
    notices.send_due(
        send=lambda notice, mail: sent.append(notice.id),
        compose=lambda notice, now: letter,
        clock=FixedClock(TODAY),
    )
    return {"sent": sent}


def migrate(told, point):
    """Make the tables."""
    import migrations

    return migrations.apply(db.obj)


def init_db(told, point):
    """What ``flask init-db`` does."""
    from billing import company

    migrate(told, point)
    with db.connection_context():
        company.found()


def _outside(told, point):
    """The gateway and the clock; every call of the gateway is a point to die at, before it and after it."""
    from billing.edges.gateway import Gateway
    from tests.sandbox_process import KEY, LOGIN

    class Deadly(Gateway):
        def _post(self, body, **how):
            point()
            reply = super()._post(body, **how)
            point()
            return reply

    now = datetime.fromisoformat(told["now"])
    gateway = Deadly(
        f"{told['sandbox']}/xml/v1/request.api", LOGIN, KEY, hosted_url=f"{told['sandbox']}/payment/payment"
    )
    return {"gateway": gateway, "today": now.date(), "now": now}


# --- Dying ---------------------------------------------------------------------------------------


def _die_at(wanted):
    """A callable that kills this process when it is called for the ``wanted``-th time."""
    passed = 0

    def point():
        nonlocal passed
        passed += 1
        if passed == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return point


def _open(url, point):
    """Open the database; every statement and every commit is a point."""
    from billing.edges.database import open_database

    database = open_database(url)
    db.initialize(database)
    database.connect()
    for name in ("execute_sql", "commit"):
        _announce(database, name, point)
    return database


def _announce(database, name, point):
    real = getattr(database, name)

    def announced(*args, **kwargs):
        point()
        return real(*args, **kwargs)

    setattr(database, name, announced)


def _killed_at(number, story, url, told):
    """Do the story in a child that dies at point ``number``. Returns False when it lived to the end."""
    child = os.fork()
    if child == 0:
        point = _die_at(number)
        _open(url, point)
        story(told, point)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"point {number}: status {status}"
    return os.WIFSIGNALED(status)


def main(how, story, url, told):
    """``die``: as described above. ``once``: say ready, wait for a line, do it, report."""
    story, told = globals()[story], json.loads(told)
    if how == "die":
        import billing.daily
        import billing.edges.gateway  # noqa: F401  before the fork: the children shall not import again

        killed = 0
        for number, one in enumerate(told, 1):
            if not _killed_at(one.get("point", number), story, url, one):
                break
            killed += 1
        print(json.dumps(killed))
        return
    database = _open(url, lambda: None)
    print("ready", flush=True)
    sys.stdin.readline()
    report = story(told, lambda: None)
    if not database.is_closed():
        database.close()
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
