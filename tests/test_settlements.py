"""Reconciliation against the real sandbox: what settled, what came back, what only one side knows of."""

from datetime import date, timedelta

import pytest

from billing import ledger
from billing.errors import BillingError, GatewayUnavailable
from billing.payments import booking
from billing.reconciliation import differences, settlements
from billing.reversals import refunds, returns
from models import (
    Chargeback,
    Difference,
    Event,
    Invoice,
    Payment,
    Refund,
    Settlement,
    SettlementLine,
)
from tests.factories import BY, fresh, make_customer, make_invoice
from tests.sandbox_process import ACCOUNT

pytestmark = pytest.mark.usefixtures("sound_books")


class Books:
    """A customer's payments and the daily look at the processor."""

    def __init__(self, paying):
        self.paying, self.sandbox = paying, paying.sandbox

    def pay(self, customer, cents=4250, source=None, *, booked=True):
        """Somebody pays an invoice on the processor's page. Returns the Payment."""
        payment = self.paying.start(make_invoice(customer, cents=cents, created_at=self.paying.clock.now()))
        page = self.paying.pay(payment, source)
        assert page.is_receipt, page.text
        return self.paying.ask(payment) if booked else payment

    def settle(self, **options):
        return self.sandbox.post_control("settle", options)["batches"]

    def look(self, **options):
        return settlements.reconcile(**self.paying.told(), **options)

    def register(self, *entries):
        """Transactions that only the processor has; returns their ids."""
        past = [{"submitted_at": self.paying.clock.now().isoformat(), **entry} for entry in entries]
        return self.sandbox.post_control("history", past)["transaction_ids"]

    def strange_payment(self, customer, id, **fields):
        """A payment as the books have it, whatever the processor says."""
        clock = self.paying.clock
        return Payment.create(
            **{
                "customer": customer, "reference": f"X{id}", "key": f"x{id}", "kind": "card",
                "state": "approved", "amount_cents": 4250, "transaction_id": id,
                "received_on": clock.today(), "created_at": clock.now(), "concluded_at": clock.now(),
                **fields,
            }
        )  # fmt: skip


@pytest.fixture
def books(paying):
    return Books(paying)


def kinds():
    return sorted((row.kind, row.state) for row in Difference.select())


# --- What settles ----------------------------------------------------------------------------------


def test_a_payment_settles_with_its_batch(books, alice):
    payment = books.pay(alice)
    [batch] = books.settle()

    report = books.look()

    payment = fresh(payment)
    assert (payment.state, payment.settlement.batch_id) == ("settled", batch)
    assert payment.settled_on == books.paying.clock.today()
    assert payment.clears_on is None, "a card's money is there at once"
    assert str(report) == "1 batch with 1 transaction read, 1 payment of $42.50 settled, 0 differences open"
    settlement = Settlement.get()
    assert (settlement.charge_count, settlement.charge_cents, settlement.deposit_cents) == (1, 4250, 4250)
    assert SettlementLine.get().payment == payment


def test_a_bank_debit_is_complete_five_banking_days_after_it_settled(books, alice):
    payment = books.pay(alice, source=ACCOUNT)
    books.settle()

    books.look()

    payment = fresh(payment)
    assert (payment.state, payment.kind) == ("settled", "bank")
    assert payment.settled_on == date(2026, 12, 1)
    assert payment.clears_on == date(2026, 12, 8)


def test_looking_again_changes_nothing(books, alice):
    books.pay(alice)
    books.settle()
    books.look()
    before = [list(model.select().order_by(model.id).dicts()) for model in (Payment, SettlementLine, Event)]

    report = books.look()

    assert (report.settled, report.followed, report.opened) == (0, 0, [])
    assert before == [
        list(model.select().order_by(model.id).dicts()) for model in (Payment, SettlementLine, Event)
    ]


def test_a_payment_that_waits_for_its_batch_is_no_difference(books, alice):
    books.pay(alice)
    books.paying.later(days=2)

    report = books.look()

    assert (report.still_open, Payment.get().state) == (0, "approved")


def test_nothing_is_compared_before_the_first_bill(books):
    books.register({"reference": "OLD-1", "amount_cents": 900})
    books.settle()

    assert books.look().batches == 0
    assert Difference.select().count() == 0


def test_what_another_system_charged_before_our_first_bill_is_not_ours_to_explain(books, alice):
    books.register({"reference": "OLD-1", "amount_cents": 900})
    books.paying.later(hours=3)
    books.pay(alice)
    books.settle()

    report = books.look()

    assert (report.transactions, report.still_open) == (2, 0)


# --- Money that nobody told of -----------------------------------------------------------------------


def test_money_that_no_answer_told_of_is_found_in_the_unsettled_list(books, alice):
    payment = books.pay(alice, booked=False)

    report = books.look()

    assert (fresh(payment).state, Invoice.get().open_cents) == ("approved", 0)
    assert (report.followed, report.still_open) == (1, 0)


def test_money_that_no_answer_told_of_is_found_in_a_batch_and_settled_at_once(books, alice):
    payment = books.pay(alice, booked=False)
    books.settle()

    report = books.look()

    payment = fresh(payment)
    assert (payment.state, Invoice.get().open_cents) == ("settled", 0)
    assert payment.settlement == Settlement.get()
    assert report.still_open == 0


def test_money_that_comes_after_we_stopped_waiting_is_booked(books, alice):
    payment = books.pay(alice, booked=False)
    Payment.update(state="expired", ask_at=None).where(Payment.id == payment.id).execute()
    payment.parts.model.update(live=False).execute()
    books.settle()

    books.look()

    assert (fresh(payment).state, Invoice.get().open_cents) == ("settled", 0)


def test_money_that_came_twice_for_one_attempt_is_booked_twice_and_settles_twice(books, alice):
    payment = books.pay(alice)
    books.register({"reference": payment.reference, "amount_cents": 4250})
    books.settle()

    report = books.look()

    assert [(one.state, one.open_cents) for one in Payment.select().order_by(Payment.id)] == [
        ("settled", 0),
        ("settled", 4250),
    ]
    assert {line.payment_id for line in SettlementLine.select()} == {1, 2}
    assert report.still_open == 0


def test_a_void_that_nobody_told_of_is_found(books, alice):
    payment = books.pay(alice)
    books.sandbox.post_control("void", {"transaction_id": payment.transaction_id})
    books.pay(alice, 900)
    books.settle()

    report = books.look()

    assert (fresh(payment).state, report.still_open) == ("voided", 0)
    assert Invoice.get_by_id(1).open_cents == 4250


def test_a_void_that_stands_in_no_list_is_asked_for_by_its_number(books, alice):
    books.sandbox.post_control("options", {"list_declined": False})
    payment = books.pay(alice)
    books.sandbox.post_control("void", {"transaction_id": payment.transaction_id})
    books.paying.later(days=8)

    report = books.look()

    assert (fresh(payment).state, report.still_open) == ("voided", 0)


# --- Money that went back ---------------------------------------------------------------------------


@pytest.mark.parametrize("linkage", ["both", "ref", "has"])
def test_a_returned_debit_is_found_whichever_way_the_processor_tells_it(books, alice, linkage):
    payment = books.pay(alice, source=ACCOUNT)
    books.settle()
    books.look()
    books.paying.later(days=3)
    told = {"transaction_id": payment.transaction_id, "code": "R01", "linkage": linkage}
    books.sandbox.post_control("return", told)
    books.settle()

    report = books.look()

    payment = fresh(payment)
    assert (payment.state, payment.return_code) == ("returned", "R01")
    assert Invoice.get().open_cents == 4250
    assert (report.trouble, report.still_open) == ([], 0)
    assert books.look().followed == 0, "and it is known from now on"


def test_a_late_return_is_found_because_older_batches_are_read_again_every_week(books, alice):
    payment = books.pay(alice, source=ACCOUNT)
    books.settle()
    books.look()
    books.paying.later(days=50)
    books.look()
    books.sandbox.post_control(
        "return", {"transaction_id": payment.transaction_id, "code": "R10", "linkage": "has"}
    )
    books.paying.later(days=3)
    assert books.look().batches == 0, "three days later it is not its turn"
    books.paying.later(days=4)

    books.look()

    assert (fresh(payment).state, fresh(payment).return_code) == ("returned", "R10")


def test_a_dispute_that_is_won_within_the_same_batch_is_won(books, alice):
    """Torture, seed 77, round 12: the batch lists what came back before what had been taken."""
    payment = books.pay(alice)
    books.settle()
    books.look()
    for what in ("chargeback", "chargeback-reversal"):
        books.sandbox.post_control(what, {"transaction_id": payment.transaction_id})
    books.paying.later(days=1)
    books.settle()

    report = books.look()

    assert [case.state for case in fresh(payment).chargebacks] == ["won"]
    assert (fresh(payment).state, ledger.balance(alice, today=books.paying.clock.today()).owed_cents) == (
        "settled", 0,
    )  # fmt: skip
    assert (report.trouble, report.still_open) == ([], 0)


def test_a_dispute_that_is_won_while_a_refund_is_checked_waits_and_is_no_fault(books, alice, caplog):
    """Torture, seed 4211 on PostgreSQL, round 174: it was logged as if something had broken."""
    payment = books.pay(alice)
    books.settle()
    books.look()
    books.sandbox.post_control("chargeback", {"transaction_id": payment.transaction_id})
    books.settle()
    books.look()
    doubted = Refund.create(
        payment=payment, key="x", state="in_doubt", amount_cents=5, reopen_cents=5, how="card", reason="r",
        by=BY, made_on=books.paying.clock.today(), ask_at=books.paying.clock.now() + timedelta(days=99),
    )  # fmt: skip
    books.sandbox.post_control("chargeback-reversal", {"transaction_id": payment.transaction_id})
    books.paying.later(days=1)
    books.settle()

    [trouble] = books.look().trouble

    assert trouble.endswith("A refund of this payment is still being checked. Decide that first.")
    assert ([case.state for case in fresh(payment).chargebacks], caplog.records) == (["open"], [])
    Refund.update(state="declined", ask_at=None).where(Refund.id == doubted.id).execute()
    books.paying.later(days=11)
    assert books.look().trouble == []
    assert [case.state for case in fresh(payment).chargebacks] == ["won"]


def test_a_dispute_that_was_won_before_we_heard_of_it_is_told_again(books, alice):
    payment = books.pay(alice)
    books.settle()
    books.look()
    ids = [
        books.sandbox.post_control(what, {"transaction_id": payment.transaction_id})["transaction_id"]
        for what in ("chargeback", "chargeback-reversal")
    ]
    taken, given = (books.paying.gateway.details(id) for id in ids)
    told = {"today": books.paying.clock.today(), "now": books.paying.clock.now()}

    assert returns.follow(given, **told) is None
    returns.follow(taken, **told)
    returns.follow(given, **told)

    assert fresh(payment).state == "settled"


def test_a_chargeback_opens_a_case_and_lowers_the_deposit(books, alice):
    payment = books.pay(alice)
    books.settle()
    books.look()
    books.sandbox.post_control("chargeback", {"transaction_id": payment.transaction_id})
    books.settle()

    report = books.look()

    assert fresh(payment).state == "charged_back"
    assert Chargeback.get().payment == payment
    assert (report.trouble, report.still_open) == ([], 0)
    assert sum(row.deposit_cents for row in Settlement.select()) == 0


def test_a_refund_settles_with_its_batch(books, alice):
    payment = books.pay(alice)
    books.settle()
    books.look()
    told = books.paying.told()
    ledger.unapply(fresh(payment), reason="wrong", by="tests", on=told["today"])
    made = refunds.start(
        fresh(payment), amount_cents=1000, reason="Too much", key="r1", by="tests",
        today=told["today"], now=told["now"],
    )  # fmt: skip
    refunds.send(made, **told)
    books.settle()

    report = books.look()

    refund = Refund.get()
    assert (refund.state, refund.settlement.refund_cents) == ("settled", 1000)
    assert SettlementLine.get(SettlementLine.is_refund).refund == refund
    assert report.still_open == 0


# --- Differences --------------------------------------------------------------------------------------


def test_a_settled_transaction_that_the_books_do_not_have_is_noted_once(books, alice):
    books.pay(alice)
    [id] = books.register({"reference": "FOREIGN", "amount_cents": 999})
    books.settle()

    report = books.look()
    again = books.look()

    [found] = report.opened
    assert found.text == (
        f"The processor settled $9.99 (transaction {id}, reference FOREIGN) that the books do not have."
    )
    assert (found.kind, found.theirs_cents, found.settlement_id) == ("not_in_books", 999, Settlement.get().id)
    assert (again.opened, again.still_open) == ([], 1)


def test_an_approved_transaction_older_than_an_hour_that_the_books_do_not_have_is_noted(books, alice):
    books.pay(alice)
    books.register({"reference": "FOREIGN", "amount_cents": 999})
    assert books.look().still_open == 0, "it may still be on its way into the books"

    books.paying.later(hours=2)

    [found] = books.look().opened
    assert (found.kind, found.theirs_cents) == ("not_in_books", 999)
    books.settle()
    assert books.look().opened == [], "in a batch it is still the same difference"


def test_money_that_the_processor_does_not_have_is_noted_after_three_banking_days(books, alice):
    books.pay(alice, 100)
    books.strange_payment(alice, "77777777777", open_cents=4250)
    books.paying.later(days=3)
    assert books.look().still_open == 0

    books.paying.later(days=1)

    [found] = books.look().opened
    assert (found.kind, found.ours_cents) == ("not_at_processor", 4250)
    assert "was approved on Dec 1, 2026" in found.text


def test_another_amount_is_noted(books, alice):
    [id] = books.register({"reference": "SAME", "amount_cents": 5000})
    payment = books.strange_payment(alice, id, open_cents=4250)
    books.settle()

    [found] = books.look().opened

    assert (found.kind, found.ours_cents, found.theirs_cents) == ("amount", 4250, 5000)
    assert found.payment == payment
    assert found.text == (
        f"Payment X{id} is $42.50 in the books and $50.00 at the processor (transaction {id})."
    )


def test_another_state_is_noted(books, alice):
    [id] = books.register({"reference": "SAME", "amount_cents": 4250})
    books.strange_payment(alice, id, state="voided")
    books.settle()

    [found] = books.look().opened

    assert found.kind == "state"
    assert "is voided in the books and settled at the processor" in found.text


def test_a_batch_whose_list_does_not_add_up_is_noted_and_gone_when_it_does(books, alice):
    books.pay(alice)
    books.sandbox.post_control("options", {"search_lag_seconds": 120})
    books.settle()

    [found] = books.look().opened
    assert found.kind == "batch_total"
    assert found.text.endswith("does not add up: 1 charge of $42.50 reported, 0 of $0.00 listed.")

    books.paying.later(minutes=3)
    report = books.look()

    assert (report.gone, report.still_open) == (1, 0)
    assert fresh(found).state == "gone"
    assert Payment.get().state == "settled"


def test_a_batch_that_failed_is_noted_and_its_payments_do_not_settle(books, alice):
    payment = books.pay(alice)
    books.settle(fail=True)

    [found] = books.look().opened

    assert (found.kind, found.theirs_cents) == ("state", 4250)
    assert "failed: 1 transaction of $42.50 in all were not paid out" in found.text
    assert fresh(payment).state == "approved"
    assert Settlement.get().deposit_cents == 0


def another_batch(payment, number):
    """The same transaction paid out in another batch, as the processor lists it."""
    batch = Settlement.create(
        batch_id=f"9{number}", kind="card", is_settled=True, settled_at=payment.created_at, charge_count=1,
        charge_cents=4250, refund_count=0, refund_cents=0, read_at=payment.created_at,
    )  # fmt: skip
    SettlementLine.create(
        settlement=batch, transaction_id=payment.transaction_id, status="settledSuccessfully",
        amount_cents=4250, payment=payment,
    )  # fmt: skip
    return batch.id


def test_what_failed_and_was_paid_out_in_another_batch_is_no_difference_but_twice_is_one(books, alice):
    payment = books.pay(alice)
    books.settle(fail=True)
    books.look()
    failed = Settlement.get().id

    once = another_batch(payment, 1)
    assert [one.kind for one in differences.in_batches([failed])] == []

    twice = another_batch(payment, 2)
    [found] = [one.text for one in differences.in_batches([failed, once, twice]) if "twice" in one.text]
    assert found.startswith(f"Transaction {payment.transaction_id} of $42.50 was paid out twice: in Batch 92")


def test_a_refund_that_staff_made_on_the_processors_screens_is_noted(books, alice):
    payment = books.pay(alice)
    books.settle()
    books.look()
    books.sandbox.post_control("refund", {"transaction_id": payment.transaction_id, "amount_cents": 500})
    books.settle()

    [found] = books.look().opened

    assert found.kind == "not_in_books"
    assert found.text.startswith("The processor paid back $5.00")


def test_what_a_person_settled_stays_settled_and_what_is_gone_can_come_again(books, alice):
    books.pay(alice)
    books.register({"reference": "FOREIGN", "amount_cents": 999})
    books.settle()
    [found] = books.look().opened
    with pytest.raises(BillingError, match="Say how"):
        differences.settle(found, reason=" ", by="staff:olga", now=books.paying.clock.now())

    differences.settle(found, reason="A test charge", by="staff:olga", now=books.paying.clock.now())

    assert (books.look().still_open, kinds()) == (0, [("not_in_books", "settled")])
    assert Event.get(Event.what == "difference.settled").reason == "A test charge"
    with pytest.raises(BillingError, match="closed already"):
        differences.settle(fresh(found), reason="Again", by="staff:olga", now=books.paying.clock.now())


def test_a_difference_that_was_gone_is_open_again_when_it_is_there_again(books, alice):
    books.pay(alice)
    books.look()
    one = differences.Found("state:1", "state", "Something.")
    told = {"today": books.paying.clock.today(), "now": books.paying.clock.now()}

    differences.note([one], **told)
    assert differences.note([], **told) == ([], 1)
    differences.note([one], **told)

    assert kinds() == [("state", "open")]
    assert Difference.get().closed_at is None


# --- Trouble -----------------------------------------------------------------------------------------


def test_a_processor_that_does_not_answer_closes_no_difference(books, alice):
    books.pay(alice)
    books.register({"reference": "FOREIGN", "amount_cents": 999})
    books.settle()
    books.look()
    books.sandbox.post_control("fault", {"mode": "html", "calls": ["getTransactionListRequest"]})

    with pytest.raises(GatewayUnavailable):
        books.look()

    assert kinds() == [("not_in_books", "open")]


def test_one_transaction_that_cannot_be_booked_stops_no_other(books, alice, bob, monkeypatch):
    one, other = books.pay(alice, booked=False), books.pay(bob, booked=False)
    books.settle()
    conclude = booking.conclude

    def stumble(payment, transaction, **told):
        if payment == one:
            raise RuntimeError("no such luck")
        return conclude(payment, transaction, **told)

    monkeypatch.setattr(booking, "conclude", stumble)
    report = books.look()

    assert (fresh(one).state, fresh(other).state) == ("sent", "settled")
    assert ["no such luck" in line for line in report.trouble] == [True]
    assert [found.kind for found in report.opened] == ["state"]


def test_a_big_batch_costs_a_few_queries_for_each_thousand(books, db):
    count = 2500
    customers = [make_customer(f"Customer {n}") for n in range(3)]
    make_invoice(customers[0], created_at=books.paying.clock.now())
    ids = books.register(*({"reference": f"BIG{n}", "amount_cents": 100 + n} for n in range(count)))
    now, today = books.paying.clock.now(), books.paying.clock.today()
    rows = [
        {
            "customer": customers[n % 3], "reference": f"BIG{n}", "key": f"big{n}", "kind": "card",
            "state": "approved", "amount_cents": 100 + n, "open_cents": 100 + n, "transaction_id": id,
            "received_on": today, "created_at": now, "concluded_at": now,
        }
        for n, id in enumerate(ids)
    ]  # fmt: skip
    for at in range(0, count, 500):
        Payment.insert_many(rows[at : at + 500]).execute()
    books.settle()
    statements = []
    db.query_hooks.append(statements.append)

    report = books.look()

    assert (report.settled, report.still_open) == (count, 0)
    assert Payment.select().where(Payment.state == "settled").count() == count
    assert len(statements) < 60, "\n".join(str(one.sql) for one in statements)


def test_more_than_a_page_of_a_batch_is_read(books, alice):
    late = books.pay(alice, booked=False)
    books.register(*({"reference": f"BEFORE{n}", "amount_cents": 100} for n in range(1100)))
    books.settle()

    report = books.look()

    assert (report.transactions, fresh(late).state) == (1101, "settled")
    assert report.still_open == 1100


def test_the_span_can_be_given(books, alice):
    books.pay(alice)
    books.settle()
    books.paying.later(days=30)

    assert books.look(since=books.paying.clock.now() - timedelta(days=5)).batches == 0
    assert books.look().batches == 1
