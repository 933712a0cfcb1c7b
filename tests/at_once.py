"""Many at once, and processes that die: what the tests of races are made of. No test stands here.

``together`` runs real threads, each with its own connection. ``processes`` runs real processes.
``die_everywhere`` does one story again and again, each time in a process that is killed at the next point:
before each statement, each commit, and before and after each call of the gateway.
"""

import os
import signal
import threading
from datetime import datetime

from billing.errors import BillingError
from models import db
from tests.forks import Fork


def together(count, act, *, seconds=240):
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


def refusals(given):
    """The refusals among what threads gave; anything else that went wrong fails the test."""
    wrong = [one for one in given if isinstance(one, Exception) and not isinstance(one, BillingError)]
    assert wrong == []
    return [one for one in given if isinstance(one, BillingError)]


def processes(count, story, url, **told):
    """Start ``count`` processes that wait for each other and then do ``story``. Returns their reports."""
    running = [Fork(_once, story, url, told) for _ in range(count)]
    for process in running:
        process.go()
    return [process.report() for process in running]


def die_everywhere(story, url, many):
    """Do ``story`` for each dict of ``many``, killed at point 1, 2, 3 ... until one survives.

    Returns how many were killed. ``many`` must be longer than the story has points.
    """
    process = Fork(_until_one_survives, story, url, many)
    process.go()
    return process.report()


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
    from billing import charging
    from billing.charging import due
    from billing.edges.clock import FixedClock

    outside = _outside(told, point)
    clock = FixedClock(outside["today"])
    clock.advance(seconds=(outside["now"] - clock.now()).total_seconds())
    if told.get("customer"):
        due.customers = lambda today: [told["customer"]]
    report = charging.run(
        gateway=outside["gateway"], today=outside["today"], clock=clock, by="tests",
        at_once=told.get("at_once", 1),
    )  # fmt: skip
    return {"counts": report.counts, "trouble": report.trouble}


def say_yes(told, point):
    """Charge the saved card of a caller who said yes."""
    from billing import payments
    from models import Invoice, PaymentMethod

    outside = _outside(told, point)
    invoice, method = Invoice.get_by_id(told["invoice"]), PaymentMethod.get_by_id(told["method"])
    parts = [(invoice, invoice.open_cents)]
    mark = payments.script(invoice.customer, parts, method, today=outside["today"]).mark
    payments.charge_by_phone(
        invoice.customer, parts, method=method, said_by="Ann Archer", mark=mark, key=f"yes-{invoice.id}",
        by="tests", **outside,
    )  # fmt: skip


def agree(told, point):
    """Sign a plan of three payments for everything that is open."""
    from datetime import date

    from billing.plans import agreeing
    from models import Customer

    today, now = date(2026, 12, 1), datetime(2026, 12, 1, 18)
    agreeing.sign(
        Customer.get_by_id(told["customer"]), agreeing.Wish(3, today),
        agreeing.Signature("Alice", told["key"], "tests"), shown=told["shown"], today=today, now=now,
    )  # fmt: skip


def bill(told, point):
    """Run the bill step, in small chunks."""
    from billing import bill as step

    step.CHUNK = told["chunk"]
    now = datetime.fromisoformat(told["now"])
    report = step.run(now.date(), by="tests", now=now)
    return {"invoices": report.invoices, "total_cents": report.total_cents}


def approve(told, point):
    """Be the second person."""
    from billing import approvals
    from billing.remedies import write_offs
    from models import Approval

    assert write_offs.KINDS  # it is they who know what is done then
    now = datetime.fromisoformat(told["now"])
    row = Approval.get_by_id(told["approval"])
    approvals.approve(row, by="staff:second@lantern.example", today=now.date(), now=now)


def charge_fee(told, point):
    """Charge a late fee whose day has come."""
    from billing.remedies import late_fees
    from models import LateFee

    now = datetime.fromisoformat(told["now"])
    late_fees.charge(LateFee.get_by_id(told["fee"]), today=now.date(), now=now)


def import_small(told, point):
    """Write the small file of customers."""
    from billing import imports
    from tests.test_imports import NOW, small

    imports.commit(small(), by="import", now=NOW)


def send(told, point):
    """Send what is waiting, through a mail server that takes everything."""
    from types import SimpleNamespace

    from billing import outbox
    from billing.edges.clock import FixedClock
    from tests.conftest import TODAY

    sent = []
    letter = SimpleNamespace(subject="s", text="t", html="h", kept_text="t", kept_html="h", message_id="m")
    outbox.send_due(
        send=lambda notice, mail: sent.append(notice.id),
        compose=lambda notice, now: letter,
        clock=FixedClock(TODAY),
    )
    return {"sent": sent}


def mail(told, point):
    """Send what is waiting to a mail server that keeps what it takes in ``told["box"]``; points around it."""
    from types import SimpleNamespace

    from billing import outbox
    from billing.edges.clock import FixedClock
    from tests.conftest import TODAY

    def take(notice, mail):
        point()
        with open(told["box"], "a") as box:
            box.write(f"{notice.id}\n")
        point()
        return point  # to be killed while the server's word is awaited

    clock = FixedClock(TODAY)
    clock.advance(minutes=told["minutes"])
    letter = SimpleNamespace(subject="s", text="t", html="h", kept_text="t", kept_html="h", message_id="m")
    outbox.send_due(send=take, compose=lambda notice, now: letter, clock=clock)


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


def look(told, point):
    """Open the database and ask it for one."""
    with db.connection_context():
        return db.execute_sql("SELECT 1").fetchone()[0]


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


def _until_one_survives(story, url, many):
    killed = 0
    for number, told in enumerate(many, 1):
        if not _killed_at(told.get("point", number), globals()[story], url, told):
            break
        killed += 1
    return killed


def _once(story, url, told):
    database = _open(url, lambda: None)
    report = globals()[story](told, lambda: None)
    if not database.is_closed():
        database.close()
    return report
