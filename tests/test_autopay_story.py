"""Five customers through three months of autopay, day by day through the daily job, as one calendar.

The calendar (tests/golden/autopay_calendar.txt) has a line for every charge and every mail; it is what the
customers saw. ``pytest --update-golden`` rewrites it; read the difference before it is committed.
"""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

import models
from billing import checks
from billing.automatic import autopay, consent
from billing.edges import commands
from billing.money import format_cents
from models import Autopay, AutopayOutcome, Invoice, Notice, Payment, PlannedCharge
from tests.autopaying import Autopaying
from tests.factories import make_charge, make_contract, make_customer, make_item, make_one_off, payer
from tests.post_office import PostOffice

GOLDEN = Path(__file__).parent / "golden" / "autopay_calendar.txt"
FIRST, LAST = date(2026, 12, 1), date(2027, 2, 28)


class Months:
    """The stage: customers by name, a calendar that moves through the daily job, and what they find."""

    def __init__(self, app, paying, office):
        self.app, self.paying, self.clock = app, paying, paying.clock
        self.autopaying, self.people, self.lines = Autopaying(paying), {}, []
        self.office = office

    def join(self, name, kind="card", **terms):
        """A customer with monthly monitoring for $30, who agrees to autopay on the first day."""
        customer = make_customer(name, email=f"{name.lower()}@example.com")
        contract = make_contract(customer, starts_on=FIRST)
        make_charge(contract, item=make_item("Monitoring"), cents=3000, starts_on=FIRST)
        self.people[customer.id] = name
        self.agree(customer, self.autopaying.method(customer, kind), **terms)
        return customer

    def agree(self, customer, method, **terms):
        terms = consent.Terms(**terms)._asdict()
        autopay.agree(
            customer, contact=payer(customer), method=method, **terms,
            text=consent.words_of(customer, method, **terms).text, address="203.0.113.7",
            by="customer", today=self.clock.today(), now=self.clock.now(),
        )  # fmt: skip

    def until(self, day):
        """Let the days pass with the daily job, which need not run on quiet days, and with settlements."""
        while (today := self.clock.today()) < day:
            quiet = 8 <= today.day <= 11
            self.paying.sandbox.post_control("settle")
            self.paying.later(days=min(3 if quiet else 1, (day - today).days))
            self.run()

    def run(self):
        seen = Payment.select().count(), set(self.sent())
        with self.app.app_context():
            trouble = commands.run_day(self.app, self.clock.today(), tell=lambda line: None)
        assert trouble == []
        self.note(*seen)

    def sent(self):
        return [row.id for row in Notice.select(Notice.id).where(Notice.state == "sent").order_by(Notice.id)]

    def note(self, payments, mails):
        """Write down what the day brought."""
        for payment in Payment.select().order_by(Payment.id).offset(payments):
            what = f"{payment.state:9} {format_cents(payment.amount_cents)}, try {payment.try_number}"
            self.lines.append((self.clock.today(), payment.customer_id, f"charge  {what}"))
        for notice in Notice.select().where(Notice.state == "sent").order_by(Notice.id):
            if notice.id not in mails:
                self.lines.append((self.clock.today(), notice.customer_id, f"mail    {notice.subject}"))

    def charge(self, customer):
        """The newest charge of a customer."""
        return Payment.select().where(Payment.customer == customer).order_by(Payment.id.desc()).first()

    def calendar(self):
        return "".join(
            f"{on:%b %d}  {self.people[customer]:4} {text}".rstrip() + "\n"
            for on, customer, text in sorted(self.lines, key=lambda line: (line[0], line[1]))
        )


@pytest.fixture
def months(app, paying):
    models.db.connect(reuse_if_open=True)
    app.gateway = paying.gateway
    with PostOffice() as office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
        yield Months(app, paying, office)
    assert [str(finding) for finding in checks.run()] == []


def test_three_months_of_five_customers(request, months):
    ann, bob, cy = months.join("Ann"), months.join("Bob"), months.join("Cy")
    dee, eve = months.join("Dee", "bank"), months.join("Eve", cap_cents=10000)
    months.run()

    # December: Ann pays. Bob's bank says no once. Cy's card has expired; he adds another. Dee's bank returns.
    months.until(date(2026, 12, 15))
    months.autopaying.decline(bob, 2)
    months.autopaying.decline(cy, 8)
    months.until(date(2026, 12, 18))
    months.agree(cy, months.autopaying.method(cy))
    months.paying.sandbox.give_back(months.charge(dee).transaction_id, "R01")
    make_one_off(eve, cents=12500, done_on=date(2026, 12, 18))
    months.until(date(2026, 12, 26))
    months.paying.sandbox.give_back(months.charge(dee).transaction_id, "R01")

    # January: a service call is above Eve's limit; she pays it herself.
    months.until(date(2027, 1, 20))
    [large] = Invoice.select().where((Invoice.customer == eve) & (Invoice.open_cents > 10000))
    page = months.paying.start(large)
    months.paying.pay(page)

    # February: as ever.
    months.until(LAST)

    assert nothing_is_owed_but_what_is_not_due()
    assert every_day_is_proven()
    assert Autopay.select().where(Autopay.ended_at.is_null()).count() == 5
    compare(months.calendar(), request.config.getoption("--update-golden"))
    came = Payment.select().where(Payment.state.in_((*Payment.MONEY, Payment.RETURNED)))
    assert months.paying.money_cents() == sum(payment.amount_cents for payment in came)
    assert {months.charge(one).try_number for one in (ann, bob, cy, dee, eve)} == {1}


def nothing_is_owed_but_what_is_not_due():
    return not Invoice.select().where((Invoice.open_cents > 0) & (Invoice.due_on < LAST)).exists()


def every_day_is_proven():
    """Every planned charge that was charged has its outcome, and no invoice has two on one day."""
    charged = {row.invoice_id for row in AutopayOutcome.select().where(AutopayOutcome.outcome == "charged")}
    done = {row.invoice_id for row in PlannedCharge.select().where(PlannedCharge.state == PlannedCharge.DONE)}
    days = [(row.run_on, row.invoice_id) for row in AutopayOutcome.select()]
    return done == charged and len(days) == len(set(days))


def compare(calendar, update):
    calendar = re.sub(r"account \d+", "account N", calendar)  # numbered as the tests before left off
    if update:
        GOLDEN.write_text(calendar, "utf-8")
    assert calendar == GOLDEN.read_text("utf-8")


def test_the_calendar_is_at_most_four_tries_in_fifteen_days():
    tries = {}
    for line in GOLDEN.read_text("utf-8").splitlines():
        day, who, kind = line[:6], line[8:12].strip(), line[13:]
        if kind.startswith("charge"):
            month, number = day.split()
            year = 2026 if month == "Dec" else 2027
            on = date(year, {"Dec": 12, "Jan": 1, "Feb": 2}[month], int(number))
            tries.setdefault(who, []).append(on)
    assert set(tries) == {"Ann", "Bob", "Cy", "Dee", "Eve"}
    for days in tries.values():
        for first in days:
            assert sum(first <= day < first + timedelta(days=15) for day in days) <= 4
