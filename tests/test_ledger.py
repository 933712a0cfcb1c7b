"""The ledger: every balance anyone sees, and money that pays invoices once, in order, and reversibly."""

from datetime import date

import pytest

from billing import invoices, ledger, payments
from billing.errors import BillingError
from billing.reversals import refunds, returns
from models import Allocation, Credit, Invoice, Payment
from tests.factories import BY, NOW, fresh, make_customer, make_invoice

pytestmark = pytest.mark.usefixtures("sound_books")

TODAY = date(2026, 12, 20)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}


def receive(customer, cents, *, parts=None, key=None, **fields):
    given = {"kind": "check", "received_on": TODAY, "confirmed": True, **AGAIN, **fields}
    return payments.record(customer, amount_cents=cents, parts=parts, key=key or f"k{cents}", **given)


def unapplied(customer, cents):
    """A payment of the customer that pays nothing yet."""
    return receive(customer, cents, parts=[])


# --- Balances ------------------------------------------------------------------------------------


def test_a_new_customer_owes_nothing(alice):
    balance = ledger.balance(alice, today=TODAY)

    assert balance == ledger.Balance()
    assert (balance.due_cents, balance.next_due_on) == (0, None)


def test_a_balance_tells_owed_late_unapplied_pending_and_the_next_date(paying, alice):
    late = make_invoice(alice, cents=1000, due=date(2026, 12, 19))
    today = make_invoice(alice, cents=2000, due=TODAY)
    make_invoice(alice, cents=4000, due=date(2027, 1, 5))
    unapplied(alice, 300)
    paying.hold()
    held = paying.start(today)
    paying.pay(held)
    paying.ask(held)

    balance = ledger.balance(alice, today=TODAY)

    assert (balance.owed_cents, balance.past_due_cents, balance.unapplied_cents) == (7000, 1000, 300)
    assert (balance.pending_cents, balance.due_cents, balance.next_due_on) == (2000, 6700, late.due_on)


def test_more_money_than_debt_makes_nothing_due_and_never_a_negative_amount(alice):
    make_invoice(alice, cents=500)
    unapplied(alice, 900)

    assert ledger.balance(alice, today=TODAY).due_cents == 0


def test_drafts_and_void_invoices_are_not_owed(alice):
    Invoice.create(customer=alice, created_at=NOW)
    invoices.void(make_invoice(alice), reason="Wrong", **AGAIN)

    assert ledger.balance(alice, today=TODAY).owed_cents == 0


def test_balances_of_many_customers_take_the_same_few_queries(db, alice, bob):
    make_invoice(alice, cents=100)
    make_invoice(bob, cents=200)
    many = [alice.id, bob.id, *(make_customer(f"C{n}").id for n in range(20))]

    def queries(ids):
        real, count = db.execute_sql, [0]

        def counted(*args, **kwargs):
            count[0] += 1
            return real(*args, **kwargs)

        db.execute_sql = counted
        try:
            found = ledger.balances(ids, today=TODAY)
        finally:
            db.execute_sql = real
        return count[0], found

    one, _ = queries([alice.id])
    all_of_them, found = queries(many)

    assert all_of_them == one <= 6
    assert (found[alice.id].owed_cents, found[bob.id].owed_cents) == (100, 200)
    assert len(found) == 22


def test_nobody_sees_what_another_customer_owes(alice, bob):
    make_invoice(bob, cents=9900)
    unapplied(bob, 100)

    assert ledger.balance(alice, today=TODAY) == ledger.Balance()
    assert list(ledger.open_invoices(alice)) == []
    assert ledger.history(alice) == []


def test_open_invoices_come_oldest_due_date_first(alice):
    second = make_invoice(alice, due=date(2026, 12, 20))
    first = make_invoice(alice, due=date(2026, 12, 10))
    paid = make_invoice(alice, due=date(2026, 12, 1), cents=100)
    receive(alice, 100, parts=[(paid, 100)])

    assert list(ledger.open_invoices(alice)) == [first, second]


def test_due_today_is_not_past_due(alice):
    make_invoice(alice, due=TODAY)
    late = make_invoice(alice, due=date(2026, 12, 19))

    assert list(ledger.past_due(TODAY)) == [late]
    assert list(ledger.past_due(date(2026, 12, 19))) == []


# --- Applying ------------------------------------------------------------------------------------


def test_money_pays_the_oldest_due_date_first_and_the_rest_stays(alice):
    new, old = make_invoice(alice, cents=2000), make_invoice(alice, cents=1000, due=date(2026, 11, 1))

    payment = receive(alice, 3500)

    assert (fresh(old).open_cents, fresh(new).open_cents, fresh(payment).open_cents) == (0, 0, 500)
    assert [part.invoice for part in Allocation.select().order_by(Allocation.id)] == [old, new]


def test_more_than_is_left_is_refused_and_nothing_is_applied(alice):
    first, second = make_invoice(alice, cents=1000), make_invoice(alice, cents=1000)
    payment = unapplied(alice, 5000)

    with pytest.raises(BillingError, match=rf"Invoice {second.number} has only \$10.00 left to pay"):
        ledger.apply(payment, [(first, 1000), (second, 1001)], by=BY, on=TODAY)

    assert not Allocation.select().exists()
    assert [fresh(row).open_cents for row in (first, second, payment)] == [1000, 1000, 5000]


def test_more_than_the_money_has_is_refused(alice):
    invoice, payment = make_invoice(alice, cents=1000), unapplied(alice, 400)

    with pytest.raises(BillingError, match=r"Only \$4.00 of this money is left"):
        ledger.apply(payment, [(invoice, 500)], by=BY, on=TODAY)

    assert (fresh(invoice).open_cents, fresh(payment).open_cents) == (1000, 400)


@pytest.mark.parametrize("cents", [0, -1])
def test_nothing_and_less_are_no_amounts(alice, cents):
    invoice, payment = make_invoice(alice), unapplied(alice, 400)

    with pytest.raises(BillingError, match="above zero"):
        ledger.apply(payment, [(invoice, cents)], by=BY, on=TODAY)


def test_money_never_pays_another_customers_invoice(alice, bob):
    payment, theirs = unapplied(alice, 400), make_invoice(bob)

    with pytest.raises(BillingError, match="another customer"):
        ledger.apply(payment, [(theirs, 400)], by=BY, on=TODAY)
    with pytest.raises(BillingError, match="another customer"):
        receive(alice, 500, parts=[(theirs, 500)])

    assert fresh(theirs).open_cents == theirs.total_cents
    assert Payment.select().count() == 1


def test_many_payments_are_applied_at_once_or_not_at_all(alice, bob):
    invoice, theirs = make_invoice(alice, cents=1000), make_invoice(bob, cents=1000)
    mine, other = unapplied(alice, 600), unapplied(bob, 700)

    with pytest.raises(BillingError):
        ledger.apply_many([(mine.id, invoice.id, 600, TODAY), (other.id, theirs.id, 701, TODAY)], by="tests")
    assert not Allocation.select().exists()

    ledger.apply_many([(mine.id, invoice.id, 600, TODAY), (other.id, theirs.id, 700, TODAY)], by="tests")
    assert (fresh(invoice).open_cents, fresh(theirs).open_cents, fresh(mine).open_cents) == (400, 300, 0)
    assert invoice.total_cents - fresh(invoice).open_cents == 600


def test_unapplied_credit_is_used_before_unapplied_money(alice):
    payment = unapplied(alice, 1000)
    credit = invoices.goodwill(alice, amount_cents=700, reason="Sorry", **AGAIN)
    invoice = make_invoice(alice, cents=1000)

    with ledger.locked(alice.id):
        ledger.use_unapplied([alice.id], by=BY, on=TODAY)

    assert [fresh(row).open_cents for row in (credit, payment, invoice)] == [0, 700, 0]


# --- Taking back ---------------------------------------------------------------------------------


def test_what_is_taken_back_is_undone_by_negative_twins_and_never_edited(alice):
    first, second = make_invoice(alice, cents=1000), make_invoice(alice, cents=500)
    payment = receive(alice, 1500)

    ledger.unapply(payment, reason="Returned", by=BY, on=TODAY)

    assert [row.amount_cents for row in Allocation.select().order_by(Allocation.id)] == [
        1000,
        500,
        -1000,
        -500,
    ]
    assert [fresh(row).open_cents for row in (first, second, payment)] == [1000, 500, 1500]
    assert fresh(first).open_cents == first.total_cents
    assert payment.open_cents == 1500


def test_taking_back_twice_takes_back_once(alice):
    invoice = make_invoice(alice, cents=1000)
    payment = receive(alice, 1000)

    ledger.unapply(payment, reason="Once", by=BY, on=TODAY)
    ledger.unapply(payment, reason="Twice", by=BY, on=TODAY)

    assert Allocation.select().count() == 2
    assert fresh(invoice).open_cents == 1000


def test_money_that_was_taken_back_can_pay_again_and_be_taken_back_again(alice):
    invoice = make_invoice(alice, cents=1000)
    payment = receive(alice, 1000)

    for _ in range(3):
        ledger.unapply(payment, reason="Again", by=BY, on=TODAY)
        ledger.apply(payment, [(invoice, 1000)], by=BY, on=TODAY)

    assert (Allocation.select().count(), fresh(invoice).open_cents) == (7, 0)


def test_an_invoice_gives_back_what_several_have_paid(alice):
    invoice = make_invoice(alice, cents=1000)
    payment = receive(alice, 600)
    credit = invoices.credit(invoice, amount_cents=400, reason="Sorry", **AGAIN)

    ledger.unapply(fresh(invoice), reason="Wrong", by=BY, on=TODAY)

    assert [fresh(row).open_cents for row in (invoice, payment, credit)] == [1000, 600, 400]


def test_a_row_that_was_read_before_cannot_put_an_old_balance_back(alice):
    invoice = make_invoice(alice, cents=1000)
    payment = receive(alice, 1000, parts=[(invoice, 1000)])
    stale = fresh(invoice)
    ledger.unapply(payment, reason="Returned", by=BY, on=TODAY)

    stale.note = "Please call"
    stale.save()

    assert fresh(invoice).open_cents == 1000


# --- History -------------------------------------------------------------------------------------


def test_the_history_tells_everything_with_a_running_balance(alice):
    first = make_invoice(alice, cents=3000, issued=date(2026, 11, 1))
    make_invoice(alice, cents=2000, issued=date(2026, 12, 1))
    check = receive(alice, 3000, received_on=date(2026, 11, 20), check_number="204")
    invoices.goodwill(alice, amount_cents=500, reason="Late technician", **AGAIN)
    returns.bounce(check, reason="No funds", **AGAIN)
    invoices.void(fresh(first), reason="Wrong", **AGAIN)

    told = [
        (entry.on.isoformat(), entry.kind, entry.amount_cents, entry.balance_cents)
        for entry in ledger.history(alice)
    ]

    assert told == [
        ("2026-11-01", "invoice", 3000, 3000),
        ("2026-11-20", "payment", -3000, 0),
        ("2026-12-01", "invoice", 2000, 2000),
        ("2026-12-20", "void", -3000, -1000),
        ("2026-12-20", "credit", -500, -1500),
        ("2026-12-20", "returned", 3000, 1500),
    ]
    balance = ledger.balance(alice, today=TODAY)
    assert balance.owed_cents - balance.unapplied_cents == 1500


def test_the_history_of_a_refund_and_of_a_second_payment_ends_at_the_balance(alice):
    make_invoice(alice, cents=1000)
    payment = receive(alice, 1600)
    refunds.start(payment, amount_cents=400, how="check", reason="Too much", key="r", **AGAIN)

    assert [entry.kind for entry in ledger.history(alice)] == ["invoice", "payment", "refund"]
    balance = ledger.balance(alice, today=TODAY)
    assert ledger.history(alice)[-1].balance_cents == balance.owed_cents - balance.unapplied_cents == -200


def test_the_history_stops_where_it_is_told_to(alice):
    make_invoice(alice, cents=3000, issued=date(2026, 11, 1))
    make_invoice(alice, cents=2000, issued=date(2026, 12, 1))

    assert [entry.balance_cents for entry in ledger.history(alice, until=date(2026, 11, 30))] == [3000]


def test_a_discarded_draft_is_no_part_of_the_history(alice):
    draft = Invoice.create(customer=alice, created_at=NOW)
    invoices.discard(draft, reason="Not wanted", **AGAIN)

    assert ledger.history(alice) == []
    assert not Credit.select().exists()
