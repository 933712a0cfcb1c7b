"""At most once, whatever runs twice, at the same time, or dies half way: real threads, real processes."""

import pytest

from billing import bill, checks, invoices, ledger, payments
from billing.errors import PaymentInProgress
from billing.reversals import refunds, returns
from models import Allocation, Charge, Credit, Invoice, Line, Notice, Payment, PaymentPart, Refund
from tests.at_once import die_everywhere, processes, refusals, together
from tests.conftest import TODAY
from tests.factories import BY, NOW, fresh, make_charge, make_contract, make_customer, make_invoice

pytestmark = pytest.mark.usefixtures("sound_books")

AGAIN = {"by": BY, "today": TODAY, "now": NOW}


# --- The pay button ------------------------------------------------------------------------------


def test_fifty_clicks_at_once_are_one_attempt_and_one_charge(paying, alice):
    invoice = make_invoice(alice, cents=4250)

    given = together(50, lambda n: paying.start(fresh(invoice), key=f"tab-{n}"))

    assert all(isinstance(one, PaymentInProgress) for one in refusals(given))
    pages = {one.form_token for one in given if isinstance(one, Payment)}
    assert len(pages) == 1
    assert (Payment.select().count(), PaymentPart.select().where(PaymentPart.live).count()) == (1, 1)
    payment = Payment.get()
    together(50, lambda n: paying.pay(payment))
    together(10, lambda n: paying.ask(payment))
    assert paying.money_cents() == 4250
    assert (fresh(invoice).open_cents, Allocation.select().count()) == (0, 1)


def test_fifty_double_clicks_with_one_key_are_one_attempt(paying, alice):
    invoice = make_invoice(alice)

    given = together(50, lambda n: paying.start(fresh(invoice), key="the same"))

    assert refusals(given) == []
    assert len({one.id for one in given}) == Payment.select().count() == 1
    assert len({one.form_token for one in given}) == 1


def test_of_many_different_amounts_at_once_one_wins(paying, alice):
    invoice = make_invoice(alice, cents=4250)

    given = together(12, lambda n: paying.start(fresh(invoice), 1000 + n, key=f"tab-{n}"))

    assert len(refusals(given)) == 11
    assert all(isinstance(one, PaymentInProgress) for one in refusals(given))
    assert Payment.select().count() == 1


def test_attempts_that_overlap_in_one_invoice_never_stand_together(paying, alice):
    bills = [make_invoice(alice, cents=1000 + n) for n in range(4)]
    pairs = [(bills[n % 4], bills[(n + 1) % 4]) for n in range(12)]

    def start(n):
        parts = [(fresh(one), one.total_cents) for one in pairs[n]]
        return paying.start_parts(alice, parts, key=f"tab-{n}")

    refusals(together(12, start))

    claims = [part.invoice_id for part in PaymentPart.select().where(PaymentPart.live)]
    assert 2 <= len(claims) == len(set(claims)) <= 4


# --- Learning about it in many ways at once ------------------------------------------------------


def test_return_page_webhook_and_confirm_step_at_once_book_once(paying, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = paying.start(invoice)
    paying.pay(payment)
    [webhook] = paying.webhooks(1)

    def learn(n):
        if n % 2:
            return paying.ask(payment)
        paying.note(*webhook)
        return paying.follow()

    assert refusals(together(12, learn)) == []

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("approved", 0)
    assert (Allocation.select().count(), Notice.select().count()) == (1, 1)


def test_an_approval_and_a_check_at_once_never_pay_more_than_is_owed(paying, alice):
    bills = [make_invoice(alice, cents=2000) for _ in range(4)]
    online = []
    for one in bills:
        online.append(paying.start(one))
        paying.pay(online[-1])

    def pay(n):
        if n % 2:
            return paying.ask(online[n // 2])
        return payments.record(
            alice, amount_cents=2000, kind="check", received_on=TODAY, key=f"check-{n}",
            parts=[(fresh(bills[n // 2]), 2000)], confirmed=True, **AGAIN,
        )  # fmt: skip

    given = together(8, pay)

    for refused in refusals(given):
        assert "left to pay" in str(refused)
    paying.ask_due()
    for one in online:
        paying.ask(one)
    assert [fresh(one).open_cents for one in bills] == [0] * 4
    assert {fresh(one).state for one in online} == {"approved"}


# --- Staff at once -------------------------------------------------------------------------------


def test_a_payment_that_is_saved_ten_times_at_once_is_entered_once(db, alice):
    invoice = make_invoice(alice, cents=4250)

    given = together(
        10,
        lambda n: payments.record(
            alice, amount_cents=4250, kind="check", received_on=TODAY, key="one form", **AGAIN
        ),
    )

    assert refusals(given) == []
    assert len({one.id for one in given}) == Payment.select().count() == 1
    assert fresh(invoice).open_cents == 0


def test_two_payments_at_once_share_what_is_owed(db, alice):
    make_invoice(alice, cents=3000)
    make_invoice(alice, cents=3000)

    given = together(
        6,
        lambda n: payments.record(
            alice, amount_cents=2000, kind="cash", received_on=TODAY, key=f"cash-{n}", confirmed=True, **AGAIN
        ),
    )

    assert refusals(given) == []
    balance = ledger.balance(alice, today=TODAY)
    assert (balance.owed_cents, balance.unapplied_cents) == (0, 6000)


def test_a_refund_that_is_clicked_ten_times_at_once_leaves_once(db, alice):
    payment = payments.record(alice, amount_cents=900, kind="cash", received_on=TODAY, key="k", **AGAIN)

    given = together(
        10,
        lambda n: refunds.start(
            fresh(payment), amount_cents=900, how="check", reason="Moved", key="one form", **AGAIN
        ),
    )

    assert refusals(given) == []
    assert (Refund.select().count(), fresh(payment).open_cents) == (1, 0)


def test_refunds_at_once_never_give_back_more_than_is_there(db, alice):
    payment = payments.record(alice, amount_cents=900, kind="cash", received_on=TODAY, key="k", **AGAIN)

    given = together(
        8,
        lambda n: refunds.start(
            fresh(payment), amount_cents=400, how="check", reason="Moved", key=f"form-{n}", **AGAIN
        ),
    )

    assert len(refusals(given)) == 6
    assert fresh(payment).open_cents == 100


def test_credits_at_once_never_exceed_the_invoice(db, alice):
    invoice = make_invoice(alice, cents=1000)

    given = together(6, lambda n: invoices.credit(fresh(invoice), amount_cents=400, reason="Sorry", **AGAIN))

    assert len(refusals(given)) == 4
    assert sum(one.amount_cents for one in Credit.select()) == 800


def test_voiding_and_paying_at_once_leaves_no_money_on_a_void_invoice(db, alice):
    bills = [make_invoice(alice, cents=1000) for _ in range(5)]

    def act(n):
        invoice = fresh(bills[n // 2])
        if n % 2:
            return invoices.void(invoice, reason="Wrong", **AGAIN)
        parts = [(invoice, 1000)]
        return payments.record(
            alice, amount_cents=1000, kind="cash", received_on=TODAY, key=f"{n}", parts=parts, **AGAIN
        )

    refusals(together(10, act))

    assert {fresh(one).state for one in bills} == {"void"}


def test_bouncing_one_check_twice_at_once_reopens_its_invoice_once(db, alice):
    invoice = make_invoice(alice, cents=1000)
    payment = payments.record(alice, amount_cents=1000, kind="check", received_on=TODAY, key="k", **AGAIN)

    given = together(4, lambda n: returns.bounce(fresh(payment), reason="No funds", **AGAIN))

    assert len(refusals(given)) == 3
    assert (fresh(invoice).open_cents, fresh(payment).state) == (1000, "returned")


# --- Killed --------------------------------------------------------------------------------------


def test_a_process_killed_anywhere_at_the_click_charges_nothing_and_the_next_click_pays(
    paying, alice, database_url
):
    bills = [make_invoice(alice, cents=4250) for _ in range(40)]
    told = {"sandbox": paying.sandbox.url, "now": paying.clock.now().isoformat()}
    many = [{**told, "invoice": one.id, "key": f"k{one.id}"} for one in bills]

    killed = die_everywhere("click", database_url, many)

    assert 8 <= killed < 40
    assert paying.money_cents() == 0
    for invoice in bills[:killed]:
        payment = paying.start(invoice, key=f"k{invoice.id}")
        assert payment.state == "sent"
        assert paying.pay(payment).is_receipt
        assert paying.ask(payment).state == "approved"
    assert paying.money_cents() == 4250 * killed
    assert [one.open_cents for one in map(fresh, bills[:killed])] == [0] * killed


def test_a_process_killed_anywhere_while_learning_books_nothing_or_all(paying, alice, database_url):
    bills = [make_invoice(alice, cents=4250) for _ in range(45)]
    attempts = []
    for one in bills:
        attempts.append(paying.start(one))
    for one in attempts:
        paying.pay(one)
    told = {"sandbox": paying.sandbox.url, "now": paying.clock.now().isoformat()}
    many = [{**told, "payment": one.id} for one in attempts]

    killed = die_everywhere("ask", database_url, many)

    assert 10 <= killed < 45
    assert checks.run() == []
    for payment in map(fresh, attempts[:killed]):
        booked = payment.state == "approved"
        assert booked or payment.state == "sent"
        assert Allocation.select().where(Allocation.payment == payment).count() == booked
    paying.later(minutes=5)
    paying.ask_due()
    assert {fresh(one).state for one in attempts} == {"approved"}
    assert Allocation.select().count() == Notice.select().count() == 45


def test_a_bill_run_killed_anywhere_leaves_nothing_half_and_numbers_without_gap(database_url, db):
    customers = [make_customer(f"Customer {n}") for n in range(9)]
    for customer in customers:
        make_charge(make_contract(customer), cents=3000)
    told = {"now": NOW.isoformat(), "chunk": 2}

    killed = die_everywhere("bill", database_url, [told] * 200)

    assert killed > 15
    assert [row.number for row in Invoice.select().order_by(Invoice.number)] == [*range(10001, 10010)]
    assert (Line.select().count(), Notice.select().count()) == (9, 9)
    assert {charge.next_index for charge in Charge.select()} == {1}
    assert bill.run(TODAY, by=BY, now=NOW).invoices == 0


def test_bill_runs_in_three_processes_at_once_bill_each_period_once(database_url, db):
    for n in range(40):
        make_charge(make_contract(make_customer(f"Customer {n}")), cents=3000)

    reports = processes(3, "bill", database_url, now=NOW.isoformat(), chunk=5)

    assert sum(report["invoices"] for report in reports) == 40
    assert sum(report["total_cents"] for report in reports) == 40 * 3000
    assert [row.number for row in Invoice.select().order_by(Invoice.number)] == [*range(10001, 10041)]
    assert Line.select().count() == 40


def test_senders_in_three_processes_at_once_send_each_message_once(database_url, db):
    for n in range(40):
        make_charge(make_contract(make_customer(f"Customer {n}")))
    bill.run(TODAY, by=BY, now=NOW)

    reports = processes(3, "send", database_url)

    sent = [id for report in reports for id in report["sent"]]
    assert len(sent) == len(set(sent)) == 40
    assert {notice.state for notice in Notice.select()} == {"sent"}
