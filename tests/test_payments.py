"""Payments by hand: check, cash, money order, wire; overpaid, returned, refunded, and never twice."""

from datetime import date, timedelta

import pytest

from billing import ledger, payments
from billing.errors import BillingError, StaleState
from billing.reversals import refunds, returns
from models import Allocation, Event, Loss, Notice, Payment, Refund
from tests.factories import BY, NOW, fresh, make_invoice

pytestmark = pytest.mark.usefixtures("sound_books")

TODAY = date(2026, 12, 10)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, cents=4250)


def receive(customer, cents, **fields):
    given = {"kind": "check", "received_on": TODAY, "key": f"k{cents}", **AGAIN, **fields}
    return payments.record(customer, amount_cents=cents, **given)


def refund(payment, cents, **fields):
    given = {"how": "check", "reason": "Paid too much", "key": f"r{cents}", **AGAIN, **fields}
    return refunds.start(payment, amount_cents=cents, **given)


# --- Received ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "number", "label"),
    [
        ("check", "204", "Check 204"),
        ("cash", "", "Cash"),
        ("money_order", "77", "Money order 77"),
        ("wire", "", "Wire"),
    ],
)
def test_a_payment_by_hand_pays_and_is_receipted(alice, invoice, kind, number, label):
    payment = receive(alice, 4250, kind=kind, check_number=number, note="by courier")

    assert (payment.state, payment.kind, payment.method_label) == ("approved", kind, label)
    assert (payment.received_on, payment.entered_by, payment.note) == (TODAY, BY, "by courier")
    assert (fresh(invoice).open_cents, fresh(payment).open_cents) == (0, 0)
    assert [notice.kind for notice in Notice.select()] == ["receipt"]
    assert Event.get(Event.what == "payment.recorded").customer_id == alice.id


def test_it_pays_what_staff_say_and_the_rest_becomes_credit(alice, invoice):
    other = make_invoice(alice, cents=1000, due=date(2026, 11, 1))

    payment = receive(alice, 5000, parts=[(invoice, 4000)])

    assert [fresh(row).open_cents for row in (invoice, other, payment)] == [250, 1000, 1000]
    assert ledger.balance(alice, today=TODAY).unapplied_cents == 1000


def test_an_overpayment_becomes_credit(alice, invoice):
    payment = receive(alice, 5000)

    assert (fresh(invoice).open_cents, fresh(payment).open_cents) == (0, 750)


def test_a_payment_before_there_is_an_invoice_waits_for_one(alice):
    assert receive(alice, 900).open_cents == 900


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "card"}, "Choose check, cash"),
        ({"kind": "bitcoin"}, "Choose check, cash"),
        ({"received_on": TODAY + timedelta(days=1)}, "cannot have come in the future"),
        ({"amount_cents": 0}, "above zero"),
        ({"amount_cents": -5}, "above zero"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(alice, invoice, fields, sentence):
    with pytest.raises(BillingError, match=sentence):
        payments.record(
            alice,
            **{"amount_cents": 100, "kind": "cash", "received_on": TODAY, "key": "k", **AGAIN, **fields},
        )
    assert not Payment.select().exists()


def test_invoices_that_add_up_to_more_than_the_payment_are_refused(alice, invoice):
    with pytest.raises(BillingError, match="add up to more than the payment"):
        receive(alice, 4000, parts=[(invoice, 4250)])
    assert not Payment.select().exists()


def test_more_than_is_left_on_an_invoice_is_refused_and_nothing_is_written(alice, invoice):
    with pytest.raises(BillingError, match=r"only \$42.50 left"):
        receive(alice, 5000, parts=[(invoice, 5000)])

    assert not Payment.select().exists()
    assert not Notice.select().exists()
    assert fresh(invoice).open_cents == 4250


def test_ten_times_what_is_owed_is_asked_about_and_then_believed(alice, invoice):
    with pytest.raises(BillingError, match=r"\$425.00 is far more than the \$42.50 that is owed"):
        receive(alice, 42500)
    assert not Payment.select().exists()

    assert receive(alice, 42499).open_cents == 38249
    assert receive(alice, 42500, confirmed=True).open_cents == 42500


def test_the_same_form_twice_is_one_payment(alice, invoice):
    first, second = receive(alice, 4000), receive(alice, 4000)

    assert first == second
    assert (Payment.select().count(), fresh(invoice).open_cents) == (1, 250)
    assert Notice.select().count() == 1


def test_two_equal_checks_on_two_forms_are_two_payments(alice, invoice):
    receive(alice, 2000, key="form 1")
    receive(alice, 2000, key="form 2")

    assert fresh(invoice).open_cents == 250


# --- Returned ------------------------------------------------------------------------------------


def test_a_returned_check_reopens_its_invoices_and_the_customer_is_told(alice, invoice):
    other = make_invoice(alice, cents=1000)
    check = receive(alice, 5250)

    returns.bounce(check, reason="No funds", **AGAIN)

    check = fresh(check)
    assert (check.state, check.open_cents, check.returned_on, check.reason) == (
        "returned",
        0,
        TODAY,
        "No funds",
    )
    assert [fresh(row).open_cents for row in (invoice, other)] == [4250, 1000]
    assert [notice.kind for notice in Notice.select().order_by(Notice.id)] == ["receipt", "payment_problem"]
    assert ledger.balance(alice, today=TODAY).owed_cents == 5250


def test_the_credit_of_a_returned_check_is_gone_with_it(alice, invoice):
    check = receive(alice, 5000)

    returns.bounce(check, reason="No funds", **AGAIN)

    assert ledger.balance(alice, today=TODAY).unapplied_cents == 0


def test_a_check_comes_back_once(alice, invoice):
    check = receive(alice, 4250)
    stale = fresh(check)
    returns.bounce(check, reason="No funds", **AGAIN)

    with pytest.raises(BillingError, match="that we still have"):
        returns.bounce(check, reason="No funds", **AGAIN)
    with pytest.raises(StaleState):
        returns.bounce(stale, reason="No funds", **AGAIN)
    assert Allocation.select().count() == 2


def test_the_same_money_can_come_again_after_a_return(alice, invoice):
    returns.bounce(receive(alice, 4250, key="first"), reason="No funds", **AGAIN)

    receive(alice, 4250, key="second", kind="cash")

    assert fresh(invoice).open_cents == 0


def test_an_online_payment_does_not_bounce_by_hand(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    payment = paying.ask(payment)

    with pytest.raises(BillingError, match="entered by hand"):
        returns.bounce(payment, reason="x", **AGAIN)


def test_a_check_that_was_partly_refunded_bounces_and_what_was_refunded_is_a_loss(alice, invoice):
    check = receive(alice, 5000)
    refund(check, 750)

    returns.bounce(fresh(check), reason="No funds", **AGAIN)

    assert (fresh(invoice).open_cents, fresh(check).state, Loss.get().amount_cents) == (4250, "returned", 750)
    balance = ledger.balance(alice, today=TODAY)
    assert ledger.history(alice)[-1].balance_cents == balance.owed_cents - balance.unapplied_cents == 4250


# --- Refunded ------------------------------------------------------------------------------------


def test_what_is_left_over_can_be_given_back(alice, invoice):
    payment = receive(alice, 5000)

    made = refund(payment, 750)

    assert (made.amount_cents, made.how, made.by, made.made_on) == (750, "check", BY, TODAY)
    assert fresh(payment).open_cents == 0
    assert Event.get(Event.what == "payment.refunded").reason == "Paid too much"


def test_what_pays_an_invoice_is_not_given_back(alice, invoice):
    payment = receive(alice, 5000)

    with pytest.raises(BillingError, match=r"Only \$7.50 of this payment can be refunded"):
        refund(payment, 751)
    assert not Refund.select().exists()
    assert fresh(payment).open_cents == 750


def test_the_same_form_twice_is_one_refund(alice, invoice):
    payment = receive(alice, 5000)

    assert refund(payment, 500, key="r") == refund(fresh(payment), 500, key="r")
    assert (Refund.select().count(), fresh(payment).open_cents) == (1, 250)


@pytest.mark.parametrize(
    ("cents", "fields", "sentence"),
    [(0, {}, "above zero"), (-5, {}, "above zero"), (5, {"reason": " "}, "Give a reason")],
)
def test_a_refund_without_amount_or_reason_is_refused(alice, cents, fields, sentence):
    payment = receive(alice, 900)

    with pytest.raises(BillingError, match=sentence):
        refund(payment, cents, **fields)
    assert not Refund.select().exists()


def test_what_was_never_paid_is_not_refunded(paying, invoice):
    payment = paying.start(invoice)

    with pytest.raises(BillingError, match="Nothing was paid here"):
        refund(payment, 5)


def test_a_returned_check_is_not_refunded(alice, invoice):
    check = receive(alice, 5000)
    returns.bounce(check, reason="No funds", **AGAIN)

    with pytest.raises(BillingError, match="Nothing was paid here"):
        refund(check, 5)
