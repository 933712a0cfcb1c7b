"""The command line: ``flask --app app COMMAND``. Each does one use case and ends in a sentence.

Progress bars for people, silence under cron; exit status 0 when all went well, 1 when something did not
(the sentences say what), 2 for a command that was typed wrong.
"""

import signal
import time
from contextlib import contextmanager
from datetime import timedelta

import click
import requests
from flask import current_app
from flask.cli import with_appcontext

import migrations
from billing import (
    checks,
    daily,
    feeds,
    imports,
    ledger,
    links,
    outbox,
    payments,
    printing,
    remittances,
    search,
    webhooks,
    words,
)
from billing import company as companies
from billing.collections import verdicts
from billing.edges import (
    bank_commands,
    mailbox,
    phone_commands,
    preference_commands,
    proofs,
    rule_commands,
    settings,
    staff_mail,
)
from billing.edges.clock import FixedClock
from billing.edges.command_line import DATE, command, in_words, progress, say, whoami
from billing.edges.database import TROUBLE, trouble_sentence
from billing.edges.post import Post
from billing.edges.print_batches import Press
from billing.errors import BillingError, for_operator
from billing.outbox import holding
from billing.renewals import rules
from billing.reversals import refunds
from billing.suspensions import steps as suspensions
from models import Inbound, Invoice, db

WORKER_PAUSE_SECONDS = 2
ROWS_AT_ONCE = 100  # of a file from the bank, before the worker looks at its other work
WORKER_REST_SECONDS = 30  # after trouble that concerns all work: a busy database, no tables yet
HIGHEST_NUMBER = 2**31 - 1  # what an integer column holds


def init_app(app):
    """Register every command."""
    for one in (
        init_db, import_customers, import_release, import_undo, run_daily, check_books, send_notices,
        read_mail, pay_link, demo, worker, list_settings, bank_commands.certificate,
        bank_commands.check_gateway, bank_commands.import_payments, phone_commands.import_calls,
        preference_commands.judge_notices,
        rule_commands.load_rules, proofs.verify_proof, reindex_search,
    ):  # fmt: skip
        app.cli.add_command(one)


# --- Setting up ----------------------------------------------------------------------------------


@click.command("init-db")
@with_appcontext
def init_db():
    """Create or upgrade the tables. Safe to run again."""
    try:
        applied = migrations.apply(db)
        with db.connection_context():
            companies.found()
            rules.load_product(by=whoami(), now=current_app.clock.now())
    except TROUBLE as trouble:
        raise click.ClickException(trouble_sentence(trouble)) from None
    say(f"Applied {', '.join(applied)}." if applied else "The tables are up to date.")


@click.command("settings")
def list_settings():
    """List every setting with its default and what it is for."""
    for setting in settings.SETTINGS:
        default = f"default {setting.default}" if setting.default != "" else "empty by default"
        click.echo(f"{settings.PREFIX}{setting.name}\n    {setting.help} ({default})")


# --- Importing -----------------------------------------------------------------------------------


@command("import-customers")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--map", "map_path", required=True, type=click.Path(exists=True, dir_okay=False), help="Mapping file."
)
@click.option("--commit", is_flag=True, help="Write it; without this nothing is written.")
@click.option("--release", is_flag=True, help="With --commit: let it be billed and mailed at once.")
def import_customers(file, map_path, commit, release):
    """Import customers, sites, contracts and charges from a CSV. A dry run unless --commit."""
    if release and not commit:
        raise click.UsageError("--release goes with --commit.")
    mapping = imports.read_mapping(map_path)
    with progress("Reading", 1000) as bar:  # in thousandths: how long the file is shows while it is read
        steps = _Thousandths(bar)
        result = imports.check(file, mapping, progress=steps)
    for line in imports.report_lines(result):
        say(line)
    if not commit:
        say("Nothing was written. Add --commit to write it.")
        raise SystemExit(1 if result.refused else 0)
    now = current_app.clock.now()
    batch = imports.commit(result, by=whoami(), now=now)
    if release:
        imports.release(batch, by=whoami(), now=now)
    say(f"Written as import {batch.id}{' and released' if release else '; release it with import-release'}.")


class _Thousandths:
    """Turns "so much done of so much" into steps of a bar of a thousand."""

    def __init__(self, bar):
        self._bar, self._shown = bar, 0

    def __call__(self, done, of):
        reached = 1000 * done // max(of, 1)
        self._bar(reached - self._shown)
        self._shown = reached


@command("import-release")
@click.argument("batch", type=int)
def import_release(batch):
    """Let the customers of an import be billed and mailed."""
    imports.release(imports.find(batch), by=whoami(), now=current_app.clock.now())
    say(f"Import {batch} is released.")


@command("import-undo")
@click.argument("batch", type=int)
def import_undo(batch):
    """Take an import back whole, as long as nothing of it was billed."""
    imports.undo(imports.find(batch), by=whoami(), now=current_app.clock.now())
    say(f"Import {batch} is undone.")


# --- The day -------------------------------------------------------------------------------------


@command("daily")
@click.option("--as-of", type=DATE, help="Business day, such as 2026-12-01; default today.")
@click.option("--only", type=click.Choice([step.name for step in daily.STEPS]), help="Run one step.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def run_daily(as_of, only, dry_run):
    """Confirm payments, bill, charge, reconcile, remind, send, check. Safe to run again, at any hour."""
    app = current_app._get_current_object()
    app.clock.follow(companies.current())
    today = as_of.date() if as_of else app.clock.today()
    with _stoppable():
        trouble = run_day(app, today, only=only, dry_run=dry_run)
    for line in trouble:
        click.secho(line, fg="red", err=True)
    raise SystemExit(1 if trouble else 0)


@contextmanager
def _stoppable():
    """A polite kill ends a run as Ctrl-C does: charges that are under way are finished and noted."""

    def stop(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_day(app, today, *, only=None, dry_run=False, tell=say):
    """Run the steps for one day under the lease. Returns the sentences about what went wrong."""
    post = Post(app)
    day = daily.Day(
        today=today,
        clock=app.clock,
        gateway=app.gateway,
        send=post.send,
        compose=app.compose,
        at_once=app.config["CHARGES_AT_ONCE"],
        webhook_url=webhooks.address(app.config["BASE_URL"], is_demo=app.config["MODE"] == "demo"),
        dry_run=dry_run,
    )
    if not dry_run:
        _try(_read_mail_in_turn, app)  # somebody may have written why they do not pay
        day.job = daily.begin("daily", today=today, now=app.clock.now(), only=only or "")
    lines, crashed = [], True
    try:
        for step in daily.STEPS:
            if only in (None, step.name):
                lines.append(_run_step(step, day, tell))
        if not dry_run and only in (None, "renew"):
            _try(staff_mail.warn, app, post, today)
        crashed = False
    except daily.LeaseLost:
        day.job = None  # its successor tells how the day went
        raise
    finally:
        post.close()
        if day.job:
            daily.finish(day.job, lines + day.trouble, failed=crashed, now=app.clock.now())
    if not dry_run and only in (None, "send"):
        _try(printing.make_ordered, press=Press(app), clock=app.clock)  # where no worker runs
    return day.trouble


def _run_step(step, day, tell):
    day.listing = []
    with progress(step.label, step.work(day)) as day.progress:
        line = f"{step.name}: {step.run(day)}"
    for entry in day.listing:
        tell(f"  {entry}")
    tell(line)
    return line


@command("check-books")
def check_books():
    """Ask whether every amount adds up. Exit status 1 when something does not."""
    with progress("Checking", len(checks.CHECKS)) as bar:
        findings = checks.run(bar)
    for finding in findings:
        click.secho(str(finding), fg="red", err=True)
    say(
        f"{len(checks.CHECKS)} checks, {len(findings)} findings."
        if findings
        else "The books are sound: nothing found."
    )
    raise SystemExit(1 if findings else 0)


@command("send-notices")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many.")
def send_notices(limit):
    """Send the messages that wait, once."""
    app = current_app._get_current_object()
    post, clock = Post(app), app.clock
    clock.follow(companies.current())
    with progress("Sending", outbox.waiting(clock.now()).count()) as bar:
        report = outbox.send_due(send=post.send, compose=app.compose, clock=clock, progress=bar, limit=limit)
    post.close()
    say(f"{report}.")
    for notice, why in report.failures:
        click.secho(f"{notice}: {why}", fg="red", err=True)
    raise SystemExit(1 if report.failures else 0)


@command("reindex-search")
def reindex_search():
    """Build the full-text index anew from what it is about. Everybody else waits meanwhile."""
    say(f"{words.plural(search.reindex(), 'text')} can be found now.")


@command("read-mail")
def read_mail():
    """Read the mailbox: answers become tickets, failed deliveries are made up for, the rest waits."""
    app = current_app._get_current_object()
    app.clock.follow(companies.current())
    box = mailbox.box(app.config["MAILBOX"])
    if box is None:
        raise BillingError("There is no mailbox to read: set PORCHLIGHT_MAILBOX.")
    taken = mailbox.read(box, replies=app.replies, shelf=app.files, clock=app.clock)
    waiting = sum(row.state == Inbound.WAITING for row in taken)
    read, wait = words.plural(len(taken), "mail"), "waits" if waiting == 1 else "wait"
    say(f"{read} read, {waiting:,} {wait} for a person.")


@command("pay-link")
@click.argument("number", metavar="INVOICE", type=click.IntRange(1, HIGHEST_NUMBER))
def pay_link(number):
    """Print a fresh pay link for an invoice number."""
    app = current_app._get_current_object()
    invoice = Invoice.get_or_none(Invoice.number == number)
    if invoice is None:
        raise BillingError(f"There is no invoice {number}.")
    if not ledger.open_invoices(invoice.customer).where(Invoice.id == invoice.id).exists():
        raise BillingError(f"Invoice {number} has nothing left to pay.")
    token = links.pay_link(invoice, now=app.clock.now())
    say(f"{app.config['BASE_URL']}/i/{token}")


# --- Staying up ----------------------------------------------------------------------------------


@click.command("demo")
@click.option("--reset", is_flag=True, help="Begin the demo company anew.")
@click.option("--port", type=int, default=5000, show_default=True, help="Where the portal is served.")
def demo(reset, port):
    """Start the demo company: portal, back office, mail catcher, gateway sandbox and worker."""
    from billing.edges import demo_server  # starts processes; nothing else needs it

    demo_server.run(reset=reset, port=port)


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what waits, and stop.")
@with_appcontext
def worker(once):
    """Send messages and follow payments as they come, until it is stopped. Any number may run."""
    app = current_app._get_current_object()
    post = Post(app)
    while True:
        pause = WORKER_PAUSE_SECONDS
        try:
            with in_words(), db.connection_context():
                app.clock.follow(companies.current())
                work_once(app, post)
        except click.ClickException as trouble:
            if once:
                raise
            app.logger.error("%s", trouble.message)
            pause = WORKER_REST_SECONDS
        if once:
            break
        time.sleep(pause)


def work_once(app, post):
    """Follow webhooks, ask about open attempts, send refunds and mail that wait, make print batches."""
    clock = app.clock
    told = {"gateway": app.gateway, "today": clock.today(), "now": clock.now()}
    for event in list(webhooks.waiting()):
        _try(webhooks.follow, event, **told)
    for payment in list(payments.due_to_ask(clock.now())):
        _try(payments.ask, payment, **told)
    for refund in list(refunds.due_to_ask(clock.now())):
        _try(refunds.go_on, refund, **told)
    _try(suspensions.cure_all, today=told["today"], now=told["now"])
    _try(remittances.finish, by="worker", today=told["today"], now=told["now"], limit=ROWS_AT_ONCE)
    _try(_read_mail_in_turn, app)
    _try(holding.sound_alarm, now=clock.now())
    _try(verdicts.judge_marked, told["today"], now=clock.now())
    if outbox.waiting(clock.now()).exists():
        _try(_send_waiting, app, post)
    _try(printing.make_ordered, press=Press(app), clock=clock)


def _read_mail_in_turn(app, clock=None):
    """Read the mailbox when it is time, whichever of the workers comes first."""
    clock = clock or app.clock
    box = mailbox.box(app.config["MAILBOX"])
    if box and feeds.take_turn(feeds.MAIL, every=box.every, now=clock.now()):
        mailbox.read(box, replies=app.replies, shelf=app.files, clock=clock)


def _send_waiting(app, post):
    """Reach the mail server first: composing makes links, and none should be made in vain."""
    post.reach()
    outbox.send_due(send=post.send, compose=app.compose, clock=app.clock)


def _try(act, *args, **kwargs):
    """An unreachable gateway is asked again later; neither it nor one bad item is a reason to stop."""
    try:
        act(*args, **kwargs)
    except BillingError as trouble:
        current_app.logger.warning("%s", for_operator(trouble))
    except TROUBLE:
        raise  # the database is gone: nothing else would work either
    except Exception:  # one bad item must not stop the rest
        current_app.logger.exception("%s", args)


def demo_advancer(app):
    """Return the callable that moves the demo company's calendar on, day by day, with its daily job."""

    def advance(days):
        if app.config["MODE"] != "demo":
            raise BillingError("Only the demo company's calendar can be moved.")
        company = companies.current()
        for _ in range(days):
            _send_at_noon(app, company)
            company.demo_days = (company.demo_days or 0) + 1
            company.save()
            app.clock.follow(company)
            _move_sandbox(app)
            run_day(app, app.clock.today(), tell=lambda line: None)
        return app.clock.today()

    return advance


def _send_at_noon(app, company):
    """Send what waits for working hours: a day's move, made early or late, would pass them by."""
    noon, now = FixedClock(app.clock.today()), app.clock.now()
    noon.follow(company)
    noon.set(app.clock.today())
    if noon.now() <= now:
        noon.set(app.clock.today() + timedelta(days=1))
    _try(_read_mail_in_turn, app, noon)  # unread, it holds what presses for money
    post = Post(app)
    try:
        _try(outbox.send_due, send=post.send, compose=app.compose, clock=noon)
    finally:
        post.close()


def _move_sandbox(app):
    """Keep the sandbox's clock at the demo's: the two must agree on what is settled."""
    now = {"at": app.clock.now().isoformat()}
    try:
        requests.post(f"{app.config['SANDBOX_URL']}/control/clock", json=now, timeout=5).raise_for_status()
    except requests.RequestException as trouble:
        raise BillingError(
            f"The gateway sandbox does not answer ({type(trouble).__name__}). Is it running?"
        ) from None
