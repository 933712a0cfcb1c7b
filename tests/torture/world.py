"""The small company that every round begins with: customers, charges that fall due, invoices to pay.

Built once for a run from its seed, by the product's own use cases; every round gets a copy. What is expected
of a charge is said here in the most naive way, without the product's calendar.
"""

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

import migrations
from admin import security
from billing import links, payments
from billing.automatic import autopay, consent
from models import Autopay, Customer, PaymentMethod, Staff
from tests import factories
from tests.torture import clerks

ZONE = ZoneInfo("America/Chicago")
FIRST_NUMBER = 10001
BY = "torture"
CUSTOMERS, WITH_CHARGES, WITH_INVOICES, WITH_WORK, WITH_CREDIT = 30, 20, 14, 5, 3
WITH_AUTOPAY = range(11, 22)


def instant(day, hour=9):
    """An hour of a business day, as naive UTC."""
    local = datetime.combine(day, clock_time(hour), ZONE)
    return local.astimezone(UTC).replace(tzinfo=None)


def build(database, dice, today):
    """Make the tables and the company; returns what the conductor needs to know, as plain data."""
    migrations.apply(database)
    now = instant(today)
    with database.connection_context(), database.atomic():
        factories.make_company(next_invoice_number=FIRST_NUMBER)
        factories.make_rate()
        security.create_staff(clerks.EMAIL, "Clara Clerk", Staff.BILLING, clerks.PASSWORD, by=BY, now=now)
        customers = [_customer(number, dice) for number in range(CUSTOMERS)]
        charges = [_charge(customer, dice, today) for customer in customers[:WITH_CHARGES]]
        invoices = [_invoice(customer, dice, today) for customer in customers[-WITH_INVOICES:]]
        invoices += [_invoice(customer, dice, today) for customer in customers[-4:]]
        tokens = [links.pay_link(one, now=now, contact=one.customer.contacts.get()) for one in invoices]
        for customer in customers[:WITH_WORK]:
            factories.make_one_off(customer, cents=dice.randrange(1500, 9000), alone=dice.random() < 0.3)
        for customer in customers[3 : 3 + WITH_CREDIT]:
            _advance(customer, dice, today, now)
        methods = [_agree(customers[number], dice, today, now) for number in WITH_AUTOPAY]
    if hasattr(database, "close_all"):
        database.close_all()
    return {
        "methods": methods,
        "charges": charges,
        "tokens": tokens,
        "customers": [customer.id for customer in customers],
        "work": WITH_WORK,
    }


def _customer(number, dice):
    email = "" if number % 11 == 5 else f"c{number}@example.com"
    return factories.make_customer(f"Customer {number}", email=email)


def _charge(customer, dice, today):
    """A recurring charge that starts within three weeks; returns what it is due for, in plain numbers."""
    starts_on = today + timedelta(days=dice.randrange(0, 20))
    site = factories.make_site(customer, jurisdiction=dice.choice(["", "TX-AUSTIN"]))
    charge = factories.make_charge(
        factories.make_contract(customer, starts_on=starts_on),
        cents=dice.randrange(900, 8000),
        starts_on=starts_on,
        anchor_day=min(starts_on.day, 28),
        cycle_months=dice.choice([1, 1, 1, 3, 12]),
        in_arrears=dice.random() < 0.2,
        site=site,
    )
    return {
        "id": charge.id,
        "starts": charge.starts_on.isoformat(),
        "months": charge.cycle_months,
        "arrears": charge.in_arrears,
    }


def _invoice(customer, dice, today):
    due_on = today + timedelta(days=dice.randrange(5, 14))
    return factories.make_invoice(
        Customer.get_by_id(customer.id), cents=dice.randrange(1200, 9900), due=due_on,
        issued=today - timedelta(days=5),
    )  # fmt: skip


def _advance(customer, dice, today, now):
    """Money that came before anything was owed."""
    payments.record(
        customer, amount_cents=dice.randrange(500, 4000), kind="cash", received_on=today,
        key=f"advance-{customer.id}", by=BY, today=today, now=now, confirmed=True,
    )  # fmt: skip


def _agree(customer, dice, today, now):
    """A saved method and a standing authorization. The processor knows neither yet: a round tells it first.

    Returns what the processor must be told, under the names that stand in the tables until then.
    """
    customer = Customer.get_by_id(customer.id)
    customer.profile_id = f"p{customer.id}"
    customer.save()
    kind = PaymentMethod.BANK if dice.random() < 0.25 else PaymentMethod.CARD
    method = factories.make_method(
        customer, kind=kind, token=f"m{customer.id}", label="Saved ending 1111", last_four="1111",
        expires_on=None if kind == PaymentMethod.BANK else date(2039, 12, 31),
        account_type="checking" if kind == PaymentMethod.BANK else "",
    )  # fmt: skip
    terms = {
        "timing": dice.choice([Autopay.DUE_DATE, Autopay.DAYS_BEFORE, Autopay.DAYS_BEFORE]),
        "days_before": dice.choice([3, 8, 12, 14]),
        "day_of_month": None,
        "cap_cents": dice.choice([None, None, 6000]),
        "tell_days": dice.choice([None, None, 2]),
    }
    if terms["timing"] == Autopay.DUE_DATE:
        terms["days_before"] = 0
    autopay.agree(
        customer, contact=customer.contacts.get(), method=method, **terms,
        text=consent.words_of(customer, method, **terms).text, address="127.0.0.1",
        by=BY, today=today, now=now,
    )  # fmt: skip
    return {"kind": kind, "customer_number": customer.account_number, "customer": customer.id}


def expected_periods(charge, today):
    """The first days of the periods that must be billed by ``today``; naive, for anchors up to the 28th."""
    starts, found = date.fromisoformat(charge["starts"]), []
    while True:
        months = starts.month - 1 + charge["months"] * len(found)
        first = date(starts.year + months // 12, months % 12 + 1, starts.day)
        after = months + charge["months"]
        last = date(starts.year + after // 12, after % 12 + 1, starts.day) - timedelta(days=1)
        if (last if charge["arrears"] else first) > today:
            return found
        found.append(first.isoformat())
