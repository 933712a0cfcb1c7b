"""A year of one customer, day by day through the daily job: bills, pays, forgets, returns, pauses, ends."""

from datetime import date, timedelta

import pytest

import models
from billing import checks, contracts, invoices, ledger, payments
from billing.edges import commands
from billing.reversals import returns
from models import Invoice, JobRun, Line, Notice, Payment
from tests.factories import (
    make_charge,
    make_contract,
    make_customer,
    make_item,
    make_one_off,
    make_rate,
    make_site,
    make_system,
)
from tests.post_office import PostOffice

STEP_DAYS = 3  # what is due and not yet done is done: the job need not run every day


class Year:
    """The story's stage: a customer, a calendar that moves through the daily job, and what they find."""

    def __init__(self, app, paying, office):
        self.app, self.paying, self.office, self.clock = app, paying, office, paying.clock

    def told(self):
        return {"by": "staff:sam@example.com", "today": self.clock.today(), "now": self.clock.now()}

    def until(self, day):
        """Let the days pass, with the daily job, up to and including ``day``."""
        while self.clock.today() < day:
            self.paying.later(days=min(STEP_DAYS, (day - self.clock.today()).days))
            self.paying.sandbox.post_control("settle")  # as every night
            self.run()

    def run(self):
        with self.app.app_context():
            trouble = commands.run_day(self.app, self.clock.today(), tell=lambda line: None)
        assert trouble == []

    def check_invoice(self, number, *lines, total, previous=0):
        """Invoice ``number`` of the year has exactly these lines: (text, from, to, cents)."""
        invoice = list(Invoice.select().where(Invoice.number.is_null(False)).order_by(Invoice.number))[
            number - 1
        ]
        found = [
            (line.text, line.from_on, line.to_on, line.total_cents)
            for line in invoice.lines.order_by(Line.position)
        ]
        assert found == list(lines)
        assert (invoice.total_cents, invoice.previous_cents) == (total, previous)
        return invoice

    def balance(self):
        found = ledger.balance(self.customer, today=self.clock.today())
        return found.owed_cents - found.unapplied_cents

    def post(self):
        """What has come by mail since the last look: the kinds, in order."""
        kinds = [row.kind for row in Notice.select().where(Notice.state == "sent").order_by(Notice.id)]
        new, self._seen = kinds[getattr(self, "_seen", 0) :], len(kinds)
        return new


@pytest.fixture
def year(app, paying):
    models.db.connect(reuse_if_open=True)
    app.gateway = paying.gateway
    with PostOffice() as office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
        yield Year(app, paying, office)
    assert [str(finding) for finding in checks.run()] == []


def month(year, number, last):
    return date(year, number, 1), date(year, number, last)


def test_a_year(year):
    make_rate(rate_ppm=82_500, starts_on=date(2020, 1, 1))
    year.clock.set(date(2027, 1, 14))
    year.paying.later()
    customer = year.customer = make_customer(
        "Ann Archer", email="ann@example.com", since_on=date(2027, 1, 15)
    )
    home = make_site(customer, jurisdiction="TX-AUSTIN")
    contract = make_contract(customer, starts_on=date(2027, 1, 15))
    monitoring = make_charge(
        contract, item=make_item("Monitoring"), site=home, system=make_system(home), cents=3000,
        starts_on=date(2027, 1, 15),
    )  # fmt: skip
    cameras = make_contract(customer, name="Cameras", starts_on=date(2027, 2, 1))
    make_charge(
        cameras, item=make_item("Cameras", taxable=False), site=home, cents=9000, cycle_months=3,
        starts_on=date(2027, 2, 1),
    )  # fmt: skip

    # January: the first days, by the day, with sales tax; paid online the day after.
    year.until(date(2027, 1, 17))
    first = year.check_invoice(1, ("Monitoring", date(2027, 1, 15), date(2027, 1, 31), 1781), total=1781)
    assert (first.due_on, year.post()) == (date(2027, 2, 1), ["invoice"])
    year.paying.pay(year.paying.start(first))
    year.until(date(2027, 1, 19))
    assert (year.balance(), year.post()) == (0, ["receipt"])

    # February: forgotten, reminded before the due date and on it, paid late by a check that comes back.
    year.until(date(2027, 2, 22))
    year.check_invoice(
        2,
        ("Monitoring", *month(2027, 2, 28), 3248),
        ("Cameras", date(2027, 2, 1), date(2027, 4, 30), 9000),
        total=12248,
    )
    assert year.post() == ["invoice", "reminder", "reminder"]
    assert ledger.balance(customer, today=year.clock.today()).past_due_cents == 12248
    check = payments.record(
        customer, amount_cents=12248, kind="check", check_number="204", received_on=year.clock.today(),
        key="check 204", **year.told(),
    )  # fmt: skip
    assert year.balance() == 0
    year.until(date(2027, 2, 26))
    returns.bounce(Payment.get_by_id(check.id), reason="Insufficient funds", **year.told())
    assert year.balance() == 12248

    # March: the next invoice names what is still owed; both are paid in cash.
    year.until(date(2027, 3, 2))
    assert year.post() == ["receipt", "payment_problem", "invoice"]
    year.check_invoice(3, ("Monitoring", *month(2027, 3, 31), 3248), total=3248, previous=12248)
    payments.record(
        customer, amount_cents=15496, kind="cash", received_on=year.clock.today(), key="cash", **year.told()
    )

    # April: a service call, and a new price from May on.
    year.until(date(2027, 4, 20))
    year.check_invoice(4, ("Monitoring", *month(2027, 4, 30), 3248), total=3248)
    make_one_off(
        customer, site=home, cents=9500, done_on=date(2027, 4, 19), text="New keypad", work_order="W-7"
    )
    contracts.change_price(
        monitoring,
        from_on=date(2027, 5, 1),
        unit_cents=3300,
        reason="Yearly",
        agreed_how="Order 7",
        by="staff",
        now=year.clock.now(),
    )
    year.until(date(2027, 4, 23))
    call = year.check_invoice(5, ("New keypad", None, None, 10284), total=10284, previous=3248)
    assert call.lines.get().work_order == "W-7"

    # May: more comes than is owed, and what is left pays in June by itself.
    year.until(date(2027, 5, 3))
    year.check_invoice(
        6,
        ("Monitoring", *month(2027, 5, 31), 3572),
        ("Cameras", date(2027, 5, 1), date(2027, 7, 31), 9000),
        total=12572,
        previous=3248 + 10284,
    )
    payments.record(
        customer,
        amount_cents=27000,
        kind="check",
        received_on=year.clock.today(),
        key="big check",
        **year.told(),
    )
    assert year.balance() == 26104 - 27000
    year.until(date(2027, 6, 3))
    june = year.check_invoice(7, ("Monitoring", *month(2027, 6, 30), 3572), total=3572)
    assert (june.open_cents, year.balance()) == (3572 - 896, 3572 - 896)
    invoices.credit(june, amount_cents=1000, reason="Two days without service", **year.told())
    payments.record(
        customer, amount_cents=1676, kind="check", received_on=year.clock.today(), key="rest", **year.told()
    )

    # July and August: a pause; the cameras go on, the days of service after it are billed.
    contracts.pause(contract, from_on=date(2027, 7, 1), reason="Rebuilding", by="staff", now=year.clock.now())
    year.until(date(2027, 8, 3))
    year.check_invoice(8, ("Cameras", date(2027, 8, 1), date(2027, 10, 31), 9000), total=9000)
    year.until(date(2027, 8, 14))
    contracts.resume(contract, on=date(2027, 8, 16), by="staff", now=year.clock.now())
    year.until(date(2027, 8, 17))
    year.check_invoice(9, ("Monitoring", *month(2027, 8, 31), 1843), total=1843, previous=9000)

    # September: an invoice is wrong, voided and billed again; the page is opened and left, and paid later.
    year.until(date(2027, 9, 2))
    wrong = year.check_invoice(10, ("Monitoring", *month(2027, 9, 30), 3572), total=3572, previous=10843)
    invoices.void(wrong, reason="Wrong PO number", bill_again=True, **year.told())
    year.until(date(2027, 9, 5))
    again = year.check_invoice(11, ("Monitoring", *month(2027, 9, 30), 3572), total=3572, previous=10843)
    assert invoices.latest_payable(Invoice.get_by_id(wrong.id)) == again
    parts = [(one, one.open_cents) for one in ledger.open_invoices(customer)]
    left = year.paying.start_parts(customer, parts)
    year.paying.sandbox.open(left.form_token)
    year.until(date(2027, 9, 8))
    assert Payment.get_by_id(left.id).state in ("sent", "expired")
    year.until(date(2027, 9, 14))
    assert Payment.get_by_id(left.id).state == "expired"
    year.paying.pay(year.paying.start_parts(customer, parts))
    year.until(date(2027, 9, 17))
    assert year.balance() == 0

    # October to December: the contract ends in the middle of November; what was not used is credited.
    year.until(date(2027, 11, 10))
    year.check_invoice(12, ("Monitoring", *month(2027, 10, 31), 3572), total=3572)
    year.check_invoice(
        13,
        ("Monitoring", *month(2027, 11, 30), 3572),
        ("Cameras", date(2027, 11, 1), date(2028, 1, 31), 9000),
        total=12572,
        previous=3572,
    )
    for one in (contract, cameras):
        contracts.end(
            models.Contract.get_by_id(one.id), on=date(2027, 11, 15), reason_code="moved", **year.told()
        )
    assert sum(credit.amount_cents for credit in customer.credits) == 1000 + 1786 + 7533
    year.until(date(2028, 1, 14))
    assert Invoice.select().count() == 13, "nothing is billed after the end"
    assert year.balance() == 3572 + 12572 - 1786 - 7533

    # Every sent copy is kept, every run is on record, and the statement ends where the ledger does.
    assert len(year.office.taken) == Notice.select().where(Notice.state == "sent").count()
    assert {job.state for job in JobRun.select()} == {"done"}
    assert ledger.history(customer)[-1].balance_cents == year.balance()
    assert year.clock.today() - date(2027, 1, 14) == timedelta(days=365)
