"""The daily job: one runner, steps in order, and one bad item never stops the rest."""

from datetime import date, timedelta

import pytest

import models
from billing import checks, daily
from billing.edges import commands
from billing.errors import BillingError
from models import Charge, Invoice, JobRun, Notice, Payment
from tests.at_once import together
from tests.factories import BY, NOW, make_charge, make_contract, make_customer, make_invoice, make_site
from tests.post_office import PostOffice

TODAY = date(2026, 12, 1)


@pytest.fixture
def office():
    with PostOffice() as office:
        yield office


@pytest.fixture
def booted(app, paying, office):
    """The app with a gateway and a mail server, both real."""
    models.db.connect(reuse_if_open=True)
    app.gateway = paying.gateway
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
    return app


@pytest.fixture
def run_day(booted, paying):
    """``run_day(only=None)``: one run; returns (what it told, what went wrong)."""

    def act(day=None, **options):
        told = []
        with booted.app_context():
            trouble = commands.run_day(booted, day or paying.clock.today(), tell=told.append, **options)
        return told, trouble

    return act


@pytest.fixture
def invoke(booted):
    """``invoke("daily", …)``: the command as typed; returns click's result."""

    def act(*arguments):
        return booted.test_cli_runner().invoke(args=list(arguments))

    return act


def begin(now=NOW, name="daily"):
    return daily.begin(name, today=TODAY, now=now)


# --- The lease -----------------------------------------------------------------------------------


def test_a_second_runner_is_refused_with_who_runs_it(db):
    job = begin()

    with pytest.raises(BillingError, match=f"running already, on {job.holder}"):
        begin()
    assert begin(name="another").state == "running"


def test_of_ten_that_start_at_once_one_runs(db):
    given = together(10, lambda n: begin())

    assert sum(isinstance(one, JobRun) for one in given) == 1
    assert all(isinstance(one, (JobRun, BillingError)) for one in given)
    assert JobRun.select().count() == 1


def test_a_dead_runners_lease_is_taken_over(db):
    dead = begin()

    with pytest.raises(BillingError):
        begin(NOW + timedelta(minutes=9))
    alive = begin(NOW + timedelta(minutes=11))

    assert (JobRun.get_by_id(dead.id).state, alive.state) == ("died", "running")


def test_a_runner_that_works_keeps_its_lease(db, clock):
    day = daily.Day(TODAY, clock, None, None, None, job=begin(clock.now()))

    clock.advance(minutes=9)
    day.done(1)
    clock.advance(minutes=9)

    with pytest.raises(BillingError, match="running already"):
        begin(clock.now())


def test_a_finished_run_keeps_its_report_and_lets_the_next_one_start(db):
    daily.finish(begin(), ["bill: 3 invoices"], failed=False, now=NOW)

    job = JobRun.get()
    assert (job.state, job.report, job.ended_at) == ("done", "bill: 3 invoices", NOW)
    assert daily.days_since_last(TODAY + timedelta(days=2)) == 2
    assert begin().state == "running"


def test_one_step_alone_is_not_the_whole_day(db):
    job = daily.begin("daily", today=TODAY, now=NOW, only="bill")
    daily.finish(job, [], failed=False, now=NOW)

    assert daily.days_since_last(TODAY) is None


def test_a_runner_that_slept_past_its_lease_notices_and_stops(db, clock):
    day = daily.Day(TODAY, clock, None, None, None, job=begin(clock.now()))
    clock.advance(minutes=11)
    begin(clock.now())

    with pytest.raises(daily.LeaseLost, match="another one took over"):
        day.done(1)


def test_a_run_that_failed_does_not_count_as_done(db):
    daily.finish(begin(), [], failed=True, now=NOW)

    assert daily.days_since_last(TODAY) is None


# --- The steps -----------------------------------------------------------------------------------


def test_a_day_confirms_bills_reminds_sends_and_checks(run_day, paying, office, alice):
    make_charge(make_contract(alice), cents=3000)
    paid = make_invoice(alice, cents=4250, due=date(2026, 12, 3), issued=date(2026, 11, 20))
    soon = make_invoice(alice, cents=100, due=date(2026, 12, 3), issued=date(2026, 11, 20))
    paying.pay(paying.start(paid))
    paying.later(minutes=2)

    told, trouble = run_day()

    assert trouble == []
    assert [line.split(":")[0] for line in told] == [step.name for step in daily.STEPS]
    assert told[1] == "renew: nothing to do"
    assert told[3].startswith("bill: 1 invoice with 1 line, $30.00")
    assert told[5] == "autopay: 0 charged $0.00, 0 declined and told, 0 held, 0 in doubt, 0 skipped"
    assert Invoice.get_by_id(paid.id).open_cents == 0
    kinds = sorted(notice.kind for notice in Notice.select().where(Notice.state == "sent"))
    assert kinds == ["invoice", "receipt"]
    reminder = Notice.get(Notice.kind == "reminder")
    assert (reminder.invoice, reminder.state, reminder.joined.kind) == (soon, "joined", "invoice")
    assert len(office.taken) == 2
    job = JobRun.get()
    assert (job.state, job.as_of_on) == ("done", TODAY)
    assert job.report.splitlines() == told


def test_the_second_run_of_a_day_does_nothing_again(run_day, office, alice):
    make_charge(make_contract(alice))
    run_day()

    told, trouble = run_day()

    assert (trouble, Invoice.select().count(), len(office.taken)) == ([], 1, 1)
    assert "0 invoices" in told[3]


def test_one_step_can_be_run_alone(run_day, office, alice):
    make_charge(make_contract(alice))

    told, _ = run_day(only="bill")

    assert len(told) == 1
    assert (Invoice.select().count(), office.taken) == (1, [])


def test_a_gateway_that_does_not_answer_for_one_payment_answers_for_the_next(run_day, paying, alice):
    attempts = [paying.start(make_invoice(alice)) for _ in range(3)]
    for one in attempts:
        paying.pay(one)
    paying.later(minutes=2)
    paying.sandbox.post_control("fault", {"mode": "html"})

    told, trouble = run_day(only="confirm")

    assert told == ["confirm: 2 answers"]
    assert len(trouble) == 1
    assert sorted(one.state for one in Payment.select()) == ["approved", "approved", "sent"]
    paying.later(minutes=10)
    run_day(only="confirm")
    assert {one.state for one in Payment.select()} == {"approved"}


def test_a_customer_who_cannot_be_billed_stops_nobody_and_is_named(run_day, alice, bob):
    make_charge(make_contract(alice), site=make_site(alice, jurisdiction="TX-NOWHERE"))
    make_charge(make_contract(bob))

    told, trouble = run_day()

    assert Invoice.get().customer == bob
    assert [("Alice Archer" in line, "TX-NOWHERE" in line) for line in trouble] == [(True, True)]
    assert "checks" in told[-1], "and the steps after it run"


def test_an_address_that_is_refused_stops_nobody_and_is_named(run_day, office, alice, bob):
    make_charge(make_contract(alice))
    make_charge(make_contract(bob))
    office.script = ["550"]

    _, trouble = run_day()

    assert len(office.taken) == 1
    assert ["550" in line for line in trouble] == [True]


def test_what_the_checks_find_is_told(run_day, alice):
    invoice = make_invoice(alice)
    Invoice.update(open_cents=1).where(Invoice.id == invoice.id).execute()

    _, trouble = run_day(only="check")

    assert len(trouble) == 1
    assert str(invoice.number) in trouble[0]


def test_a_run_that_crashes_gives_its_lease_back(run_day, alice, monkeypatch):
    def crash(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("billing.reminding.queue_reminders", crash)
    with pytest.raises(ZeroDivisionError):
        run_day()

    assert JobRun.get().state == "failed"
    assert begin(NOW + timedelta(days=1)).state == "running"


# --- A dry run -----------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run_day, paying, office, alice, bob):
    make_charge(make_contract(alice), cents=3000)
    make_charge(make_contract(bob), site=make_site(bob, jurisdiction="TX-NOWHERE"))
    paying.pay(paying.start(make_invoice(alice, due=date(2026, 12, 3), issued=date(2026, 11, 20))))
    paying.later(minutes=2)
    before = counts()

    told, trouble = run_day(dry_run=True)

    assert (counts(), office.taken, trouble) == (before, [], [])
    assert Payment.get().state == "sent"
    assert any("Alice Archer" in line and "$30.00" in line for line in told)
    assert any("Bob Baker" in line and "TX-NOWHERE" in line for line in told)
    assert any("1 answers would be asked for" in line for line in told)
    assert Charge.select().where(Charge.next_index > 0).count() == 0


def counts():
    return {model.__name__: model.select().count() for model in models.TABLES}


# --- As a command --------------------------------------------------------------------------------


def test_the_exit_status_tells_whether_all_went_well(invoke, alice):
    assert invoke("daily").exit_code == 0

    bad = make_customer("Bad")
    make_charge(make_contract(bad), site=make_site(bad, jurisdiction="TX-NOWHERE"))
    result = invoke("daily")

    assert result.exit_code == 1
    assert "TX-NOWHERE" in result.output
    assert invoke("daily", "--as-of", "yesterday").exit_code == 2
    assert invoke("daily", "--only", "dance").exit_code == 2


def test_a_day_of_the_past_or_future_can_be_named(invoke, alice):
    make_charge(make_contract(alice), starts_on=date(2027, 2, 1))

    assert invoke("daily", "--only", "bill").exit_code == 0
    assert not Invoice.select().exists()
    assert "1 invoice with" in invoke("daily", "--only", "bill", "--as-of", "2027-02-01").output
    assert checks.run() == []


def test_a_second_runner_is_refused_in_words(invoke, booted):
    daily.begin("daily", today=TODAY, now=booted.clock.now())

    result = invoke("daily")

    assert (result.exit_code, "running already" in result.output) == (1, True)
    assert BY
