"""Autopay at most once: runners that die anywhere, run twice, or run at the same time. Real processes."""

from collections import Counter

import pytest

from billing import charging, checks
from models import AutopayOutcome, Notice, Payment, PaymentPart
from tests.at_once import die_everywhere, processes, together
from tests.conftest import TODAY
from tests.factories import fresh

pytestmark = pytest.mark.usefixtures("sound_books")

CENTS = 4250
MOST_POINTS = 110


def due_customers(autopaying, count):
    customers = [autopaying.customer(f"Customer {n}") for n in range(count)]
    return customers, [autopaying.due(customer, CENTS) for customer in customers]


def told(autopaying, **more):
    return {"sandbox": autopaying.sandbox.url, "now": autopaying.clock.now().isoformat(), **more}


def charges_by_method(autopaying):
    """{method: charges that the processor took}, whatever we believe."""
    return Counter(one["method_id"] for one in autopaying.sandbox.transactions())


def nothing_is_half_booked(autopaying):
    """Every payment is money with receipt and paid invoice, or claims its invoice, or never happened."""
    assert [str(finding) for finding in checks.run()] == []
    for payment in Payment.select():
        [part] = payment.parts
        receipts = Notice.select().where((Notice.payment == payment) & (Notice.kind == "receipt")).count()
        assert part.live == (payment.state in Payment.LIVE)
        if payment.state == "approved":
            assert (receipts, part.invoice.open_cents) == (1, 0)
        elif part.live:
            assert (receipts, part.invoice.open_cents) == (0, CENTS)
        else:
            assert (payment.state, receipts) == ("expired", 0)


def until_it_is_sure(autopaying):
    """Three days of the daily job: what is open is asked for, and charged when it never happened."""
    for _ in range(3):
        autopaying.later(days=1)
        autopaying.ask_due()
        autopaying.run()


# --- Killed --------------------------------------------------------------------------------------


def test_a_runner_killed_anywhere_charges_nobody_twice_and_the_next_runs_resolve_it(autopaying, database_url):
    customers, bills = due_customers(autopaying, MOST_POINTS)
    many = [told(autopaying, customer=customer.id) for customer in customers]

    killed = die_everywhere("autopay", database_url, many)

    assert 50 <= killed < MOST_POINTS
    assert max(charges_by_method(autopaying).values()) == 1
    nothing_is_half_booked(autopaying)
    assert {"approved", "sent"} <= {payment.state for payment in Payment.select()}  # every phase

    autopaying.run()  # the same day: what was begun is left alone and noted, the others are charged
    every_due_invoice_is_noted(autopaying, bills)
    nothing_is_half_booked(autopaying)

    until_it_is_sure(autopaying)
    nothing_is_half_booked(autopaying)
    assert charges_by_method(autopaying) == {
        autopaying.standing(customer).method.token: 1 for customer in customers
    }
    assert {fresh(one).open_cents for one in bills} == {0}
    assert PaymentPart.select().where(PaymentPart.live).count() == 0


def every_due_invoice_is_noted(autopaying, bills):
    assert charging.unproven(TODAY, known_at=autopaying.clock.now()) == []
    assert AutopayOutcome.select().where(AutopayOutcome.run_on == TODAY).count() == len(bills)
    for payment in Payment.select():
        outcome = "charged" if payment.state == "approved" else "in_doubt"
        assert [row.outcome for row in payment.autopay_outcomes] == [outcome]


# --- At the same time ----------------------------------------------------------------------------


def test_three_runners_at_once_charge_everybody_once(autopaying, database_url):
    customers, bills = due_customers(autopaying, 30)

    processes(3, "autopay", database_url, **told(autopaying, at_once=4))

    assert charges_by_method(autopaying) == {
        autopaying.standing(customer).method.token: 1 for customer in customers
    }
    assert autopaying.money_cents() == 30 * CENTS
    assert (Payment.select().count(), {fresh(one).open_cents for one in bills}) == (30, {0})
    assert Counter(row.outcome for row in AutopayOutcome.select()) == {"charged": 30}


def test_nine_runs_at_once_for_one_customer_are_one_charge(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, CENTS)

    given = together(9, lambda n: autopaying.run())  # each with two of the pool's twenty connections

    assert [one for one in given if isinstance(one, Exception)] == []
    assert (Payment.select().count(), autopaying.money_cents()) == (1, CENTS)
    assert fresh(invoice).open_cents == 0
    assert autopaying.outcome(invoice) == ("charged", "")


def test_the_step_and_the_customers_own_click_at_once_are_one_charge(autopaying, paying):
    customers, bills = due_customers(autopaying, 6)

    def act(n):
        if n % 2:
            return paying.start(fresh(bills[n // 2]), key=f"tab-{n}")
        return autopaying.run()

    together(12, act)

    for invoice in bills:
        assert PaymentPart.select().where(PaymentPart.invoice == invoice).count() == 1
    assert max(charges_by_method(autopaying).values(), default=0) <= 1


def test_a_decline_at_the_moment_of_a_second_run_is_one_try(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, CENTS)
    autopaying.decline(ann, 2, count=None)

    together(6, lambda n: autopaying.run())

    assert [state for _, state in autopaying.tries(ann)] == ["declined"]
    assert autopaying.outcome(invoice) == ("declined", "waiting")
    assert Notice.select().where(Notice.kind == "charge_declined").count() == 1
