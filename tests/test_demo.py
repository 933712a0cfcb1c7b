"""The demo company: believable, the same from the same seed, sound books, and one command that runs it."""

import contextlib
import hashlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest
import requests

import migrations
import models
from billing import approvals, checks, demo, handovers, ledger, paid_after_answer, preferences
from billing.collections import verdicts
from billing.demo import lives, patience, standing
from billing.edges import demo_server
from billing.edges.database import open_database
from billing.errors import BillingError
from billing.outcomes import Held
from models import (
    Contact,
    Credit,
    Dispute,
    Invoice,
    JobRun,
    Notice,
    Payment,
    Preference,
    RemittanceRow,
    Staff,
    Ticket,
    Verdict,
)
from tests import factories, ports
from tests.databases import KINDS
from tests.sandbox_process import eventually
from tests.test_gate_and_verdicts import disagreements

TODAY, NOW = date(2026, 11, 21), datetime(2026, 11, 21, 21)
SMALL = demo.Size(customers=40, months=3)
RANDOM = {
    "payment": ("reference", "key", "form_token", "form_token_at"),
    "notice": ("body_text",),
    "staff": ("password_hash",),
}


def migrate(url):
    """An empty database with every table, and no company."""
    database = open_database(url)
    migrations.apply(database)
    if hasattr(database, "close_all"):
        database.close_all()


@contextlib.contextmanager
def connected(url):
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        yield database
    if hasattr(database, "close_all"):
        database.close_all()


class Numbered:
    """Stands for the processor where no test asks it anything: counts ids, and remembers what it was told."""

    def __init__(self):
        self._ids = itertools.count(60_000_000_001)
        self.declined, self.taken_back = [], []

    def register(self, entries):
        return [str(next(self._ids)) for _ in entries]

    def keep(self, entries):
        return [(str(next(self._ids)), str(next(self._ids))) for _ in entries]

    def decline(self, method_id, code):
        self.declined.append((method_id, code))

    def give_back(self, transaction_id):
        self.taken_back.append(transaction_id)

    dispute = give_back


def build(today=TODAY, now=NOW, processor=None, size=SMALL):
    demo.build(today=today, now=now, processor=processor or Numbered(), size=size)


def digest(table):
    """A hash of all rows of a table, without what is random on purpose."""
    left_out = ("id", *RANDOM.get(table._meta.table_name, ()))
    fields = [field for name, field in table._meta.fields.items() if name not in left_out]
    rows = sorted(repr(row) for row in table.select(*fields).tuples())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@pytest.fixture(scope="module")
def small(databases):
    """One small demo company for the tests that only look."""
    with databases.fresh("sqlite", migrate) as url:
        with connected(url):
            build()
        yield url


@pytest.fixture
def company(small):
    with connected(small):
        yield models.Company.get()


# --- The company ---------------------------------------------------------------------------------


def test_its_books_are_sound(company):
    assert [str(finding) for finding in checks.run()] == []


def test_every_message_of_its_past_was_allowed(company):
    report = preferences.violations(since=None)

    assert report.judged > 100
    assert report.found == []


def test_whoever_is_held_back_for_us_stands_in_the_money_that_waits_for_us(company):
    late = Invoice.select().where(Invoice.IS_OWED & (Invoice.due_on < TODAY))

    with models.db.atomic() as judging:
        verdicts.judge_all(TODAY, now=NOW)
        codes, seen = disagreements(list(late), today=TODAY, now=NOW)
        judging.rollback()  # the others look at the company as it was made

    assert {Verdict.WAITING_FOR_US, Verdict.DISPUTED} <= codes and "ticket" in seen


def test_one_invoice_past_due_is_unpaid_because_its_customer_says_it_was_paid(company):
    asked = Dispute.get((Dispute.reason == Dispute.ALREADY_PAID) & (Dispute.state == Dispute.OPEN))
    [verdict] = Verdict.select().where((Verdict.invoice == asked.invoice) & Verdict.current)

    assert asked.invoice.due_on < TODAY and asked.amount_cents == asked.invoice.open_cents
    assert (verdict.code, verdict.amount_cents) == (Verdict.DISPUTED, asked.amount_cents)
    pressing = Notice.kind.in_(Notice.GATED) & (Notice.state == Notice.HELD)
    assert not Notice.select().where(pressing & (Notice.invoice == asked.invoice)).exists()


def test_what_is_unpaid_has_been_so_for_different_lengths(company):
    days = {verdict.since_on for verdict in Verdict.select().where(Verdict.current)}

    assert len(days) > 3 and max(days) <= TODAY
    assert not Verdict.select().where(~Verdict.current).exists(), "nothing judged too early"


def test_it_finds_something_in_every_queue(company):
    tables = (Invoice, Payment, Ticket, Notice)
    states = {table: {state for (state,) in table.select(table.state).tuples()} for table in tables}

    assert states[Invoice] >= {Invoice.DRAFT, Invoice.ISSUED}
    assert states[Payment] >= {Payment.HELD, Payment.IN_DOUBT, Payment.RETURNED}
    assert states[Ticket] >= {Ticket.WAITING_ON_US, Ticket.WAITING_ON_CUSTOMER}
    assert states[Notice] >= {Notice.PRINT, Notice.FAILED, Notice.HELD}
    assert ledger.past_due(TODAY).count() > 0
    rows = [state for (state,) in RemittanceRow.select(RemittanceRow.state).tuples()]
    assert rows.count(RemittanceRow.UNMATCHED) == 1 and rows.count(RemittanceRow.BOOKED) >= 1
    assert Notice.select().where((Notice.state == Notice.QUEUED) & (Notice.send_at > NOW)).count() == 2
    assert Credit.select().where(Credit.open_cents > 0).count() > 0


def test_most_invoices_are_paid_in_every_way(company):
    issued = Invoice.select().join(models.Customer)
    issued = issued.where((Invoice.state == Invoice.ISSUED) & patience.strangers())
    kinds = {kind for (kind,) in Payment.select(Payment.kind).distinct().tuples()}

    assert issued.where(Invoice.open_cents == 0).count() > 0.75 * issued.count()
    assert kinds >= {Payment.CARD, Payment.BANK, Payment.CHECK}


def test_who_wishes_autopay_has_it_and_some_is_left_for_the_first_daily_job(company):
    wishing = models.Customer.select().where(models.Customer.pay_wish.in_(standing.WISHES)).count()
    due_today = models.PlannedCharge.select().where(
        (models.PlannedCharge.state == "planned") & (models.PlannedCharge.charge_on == TODAY)
    )

    assert wishing > 3
    assert models.Autopay.select().where(models.Autopay.ended_at.is_null()).count() == wishing
    assert models.PaymentMethod.select().count() == wishing
    assert Payment.select().where(Payment.autopay.is_null(False)).count() > wishing
    assert due_today.count() >= 1


def test_the_daily_job_ran_every_day_and_today(company):
    days = [day for (day,) in JobRun.select(JobRun.as_of_on).order_by(JobRun.id).tuples()]

    assert days == [date(2026, 8, 1) + timedelta(days=n) for n in range(len(days))]
    assert days[-1] == TODAY


def test_patience_came_to_an_end_in_every_way(company):
    late = [(row.customer.name, row.state) for row in models.LateFee.select()]

    assert {row.state for row in models.Suspension.select()} == {"asked", "warned", "suspended"}
    assert handovers.is_approved(models.Handover.get())
    assert {name for name, _ in late} == {"Curtis Langley"}
    assert {"waived", "charged", "told"} <= {state for _, state in late}
    assert approvals.waiting().where(models.Approval.kind == "suspension_warning").count() == 1


def test_customers_ask_by_every_way_and_are_answered_in_hours_or_in_days(company):
    asked = Ticket.select().where(Ticket.first_answered_at.is_null(False) & (Ticket.via != Ticket.STAFF))
    hours = [(one.first_answered_at - one.opened_at).total_seconds() / 3600 for one in asked]

    assert {one.via for one in asked} >= {Ticket.PORTAL, Ticket.PAY_LINK, Ticket.MAIL}
    assert min(hours) < 8 and max(hours) > 40
    assert paid_after_answer.report(TODAY).months


def test_why_an_invoice_is_void_is_worded_for_whoever_reads_it(company):
    told = {invoice.void_reason for invoice in Invoice.select().where(Invoice.state == Invoice.VOID)}

    assert lives.NEW_ORDER in told
    assert not any("customer" in reason.lower() for reason in told)


def test_nothing_happened_after_now(company):
    for row, field in (
        (Payment, Payment.created_at),
        (Notice, Notice.created_at),
        (models.Event, models.Event.at),
    ):
        assert row.select().where(field > NOW).count() == 0
    assert Notice.select().where(Notice.sent_at > NOW).count() == 0


def test_only_the_newest_mails_wait_to_be_sent_for_real(company):
    queued = Notice.select().where((Notice.state == Notice.QUEUED) & (Notice.send_at <= NOW))
    oldest = min(notice.send_at for notice in queued.where(Notice.kind == Notice.INVOICE))
    younger = (Notice.state == Notice.SENT) & (Notice.channel == Preference.MAIL) & (Notice.send_at > oldest)

    assert min(notice.send_at for notice in queued) > NOW - timedelta(days=8)
    assert 25 <= queued.count() <= 40  # with those who asked us something in the last days
    assert Notice.select().where(younger & (Notice.kind == Notice.INVOICE)).count() == 0
    assert {notice.address for notice in queued} >= {demo.HERO_EMAIL}


def test_a_newcomer_has_two_invoices_to_pay_and_four_people_to_sign_in_as(company):
    hero = Contact.get(Contact.email == demo.HERO_EMAIL).customer

    assert demo.invoice_to_pay().customer == hero
    assert [invoice.issued_on for invoice in ledger.open_invoices(hero)][-1] == TODAY
    assert ledger.open_invoices(hero).count() == 2
    assert {staff.role for staff in Staff.select()} == set(Staff.ROLES)


def test_every_address_and_phone_number_is_invented(company):
    assert (
        Contact.select().where((Contact.email != "") & ~Contact.email.endswith("@example.com")).count() == 0
    )
    assert all(") 555-01" in contact.phone for contact in Contact.select())


def test_it_refuses_a_database_that_has_a_company(company):
    with pytest.raises(BillingError, match="needs an empty one"):
        build()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_and_day_give_the_same_company_on_either_database(databases, small, kind):
    with connected(small):
        expected = {table.__name__: digest(table) for table in models.TABLES if table is not JobRun}

    with databases.fresh(kind, migrate) as url, connected(url):
        build()
        made = {table.__name__: digest(table) for table in models.TABLES if table is not JobRun}

    assert [name for name in expected if made[name] != expected[name]] == []


@pytest.mark.parametrize(
    "today", [date(2027, 1, 31), date(2028, 2, 29), date(2027, 3, 1), date(2026, 12, 31)]
)
def test_it_can_be_built_on_any_day(databases, today):
    with databases.fresh("sqlite", migrate) as url, connected(url):
        build(today, datetime(today.year, today.month, today.day, 14), size=demo.Size(24, 2))

        assert [str(finding) for finding in checks.run()] == []
        assert demo.invoice_to_pay().issued_on == today


def test_the_gateway_and_the_ledger_tell_the_same_story(databases, gateway_sandbox):
    sandbox, _ = gateway_sandbox
    sandbox.post_control("reset")
    sandbox.post_control("clock", {"at": NOW.isoformat()})
    with databases.fresh("sqlite", migrate) as url, connected(url):
        build(processor=demo_server.Processor(sandbox.url))

        gateway = sandbox.gateway()
        for payment in Payment.select().where(Payment.transaction_id.is_null(False)):
            told = gateway.details(payment.transaction_id)
            assert (told.reference, told.amount_cents) == (payment.reference, payment.amount_cents)
            assert told.is_settled == (payment.state == Payment.SETTLED)
            assert told.method_label == payment.method_label or payment.state == Payment.HELD
        held = Payment.get(Payment.state == Payment.HELD)
        assert isinstance(gateway.details(held.transaction_id).outcome(), Held)


def test_many_payments_at_once_take_no_more_than_there_is(db):
    ann = factories.make_customer("Ann")
    invoice = factories.make_invoice(ann, cents=5000)
    payment = Payment.create(
        customer=ann, reference="PL1", key="1", kind=Payment.CHECK, state=Payment.APPROVED, amount_cents=9000,
        open_cents=9000, received_on=TODAY, created_at=NOW,
    )  # fmt: skip

    with pytest.raises(BillingError, match="less left"):
        ledger.apply_many([(payment.id, invoice.id, 5001, TODAY)], by="import")
    ledger.apply_many([(payment.id, invoice.id, 5000, TODAY)], by="import")

    assert Invoice.get_by_id(invoice.id).open_cents == 0
    assert Payment.get_by_id(payment.id).open_cents == 4000
    assert [str(finding) for finding in checks.run()] == []


# --- The command ---------------------------------------------------------------------------------


class Demo:
    """``flask demo`` as a process of its own, with a small company."""

    def __init__(self, folder, port):
        script = (
            "from pathlib import Path; from billing import demo; from billing.edges import demo_server; "
            f"demo_server.run(port={port}, folder=Path({str(folder)!r}), size=demo.Size(40, 2))"
        )
        self.process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        self.text = ""
        while "Stop with Ctrl-C" not in self.text:
            line = self.process.stdout.readline()
            assert line, f"it ended too early, after saying: {self.text}"
            self.text += line

    def address(self, label):
        return re.search(rf"{label}\s+(\S+)", self.text)[1]

    def children(self, word):
        listing = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(line.split()[0]) for line in listing.stdout.splitlines() if word in line]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        text, _ = self.process.communicate(timeout=60)
        return text


def test_one_command_opens_the_company_and_the_next_one_goes_on_from_there(tmp_path):
    folder = tmp_path / "demo"
    first = Demo(folder, ports.free())
    try:
        page = requests.get(first.address("Pay link"), timeout=60)
        assert page.status_code == 200 and "Grace Whitfield" in page.text
        for label in ("Customer portal", "Back office", "Mail catcher", "Gateway sandbox"):
            assert requests.get(first.address(label), timeout=60).status_code == 200
        catcher = first.address("Mail catcher")
        assert eventually(lambda: requests.get(f"{catcher}/count.json", timeout=60).json()["count"] >= 25)
        mails = requests.get(f"{catcher}/messages.json", {"to": demo.HERO_EMAIL}, timeout=60).json()
        assert any(f"{first.address('Customer portal')}/i/" in mail["text"] for mail in mails)

        [worker] = first.children("app worker")
    finally:
        said = first.stop()
    assert "Its data stays" in said
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)

    second = Demo(folder, ports.free())
    try:
        assert "Living through" not in second.text
        kept = requests.get(f"{second.address('Mail catcher')}/count.json", timeout=60).json()
        assert kept["count"] >= 25
    finally:
        catcher = second.address("Mail catcher")
        second.process.kill()
        second.process.communicate()
    assert eventually(lambda: not is_answering(catcher))


def is_answering(address):
    try:
        return requests.get(address, timeout=60).ok
    except requests.ConnectionError:
        return False


def test_only_one_demo_runs_in_a_folder(tmp_path):
    with (
        demo_server._alone(tmp_path),
        pytest.raises(Exception, match="running already"),
        demo_server._alone(tmp_path),
    ):
        pass


def test_it_goes_to_another_port_and_says_so(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ports = demo_server._free_ports(port)

    assert ports.portal != port and len({ports.portal, ports.sandbox, ports.catcher, ports.smtp}) == 4
    assert (
        f"Port {port} is taken by another program; using {ports.portal} instead." in capsys.readouterr().out
    )


def test_the_settings_of_another_purpose_do_not_reach_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("PORCHLIGHT_MAIL_SERVER", "smtp.real-company.com")
    monkeypatch.setenv("PORCHLIGHT_GATEWAY", "authorize-net")

    environment = demo_server._environment(tmp_path, demo_server.Ports(1, 2, 3, 4))

    assert environment["PORCHLIGHT_MAIL_SERVER"] == "127.0.0.1"
    assert environment["PORCHLIGHT_GATEWAY"] == "sandbox"
    assert environment["PORCHLIGHT_BASE_URL"] == "http://127.0.0.1:1"


def test_a_shell_takes_the_settings_so_that_commands_meet_the_data_of_the_demo(tmp_path):
    folder = tmp_path / "a folder's name"
    environment = demo_server._environment(folder, demo_server.Ports(1, 2, 3, 4))
    (tmp_path / "settings").write_text(demo_server._exports(environment))

    said = subprocess.run(
        ["sh", "-c", f'. {tmp_path}/settings && echo "$PORCHLIGHT_DATABASE_URL" "$PORCHLIGHT_MODE"'],
        env={}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == f"sqlite:///{folder}/porchlight.db demo"


def test_a_process_that_cannot_start_is_quoted(tmp_path):
    crew = demo_server.Crew(tmp_path, dict(os.environ))

    with pytest.raises(Exception, match="could not start(?s:.*)no such luck"):
        crew.start("web", "-c", "raise SystemExit('no such luck')", healthy="http://127.0.0.1:9/")
