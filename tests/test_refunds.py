"""Refunds: never more than was paid, once for each order, by the way that the processor's status allows."""

from datetime import date, timedelta

import pytest
from peewee import IntegrityError

from billing import checks, invoices, ledger, payments
from billing.errors import BillingError, GatewayUnavailable
from billing.reversals import refunds, returns
from models import Allocation, Company, Event, Loss, Notice, Payment, Refund, Staff
from tests.at_once import die_everywhere, refusals, together
from tests.factories import fresh, make_invoice
from tests.office import make_staff
from tests.sandbox_process import ACCOUNT

pytestmark = pytest.mark.usefixtures("sound_books")

ANN, BEN = "staff:ann@lantern.example", "staff:ben@lantern.example"


@pytest.fixture
def desk(paying):
    return Desk(paying)


class Desk:
    """Staff who refund, and the processor's day."""

    def __init__(self, paying):
        self.paying = paying

    def told(self):
        return {"today": self.paying.clock.today(), "now": self.paying.clock.now()}

    def paid(self, invoice, source=None, *, settled=True):
        """A payment that the processor approved, and has settled."""
        payment = self.paying.start(invoice)
        assert self.paying.pay(payment, source).is_receipt
        if settled:
            self.paying.later(hours=20)
            self.paying.sandbox.post_control("settle")
        return self.paying.ask(payment)

    def order(self, payment, cents, **fields):
        given = {"reason": "Paid twice", "key": f"r{Refund.select().count()}", "by": ANN, **fields}
        return refunds.start(fresh(payment), amount_cents=cents, **self.told(), **given)

    def send(self, refund, gateway=None):
        return refunds.send(refund, gateway=gateway or self.paying.gateway, **self.told())

    def refund(self, payment, cents, **fields):
        return self.send(self.order(payment, cents, **fields))

    def go_on(self):
        """The confirm step."""
        for refund in list(refunds.due_to_ask(self.paying.clock.now())):
            refunds.go_on(refund, gateway=self.paying.gateway, **self.told())

    def lose_answer(self, *, processed):
        """Of the next call that moves money; ``processed``: only the answer is lost, not the request."""
        mode = "drop_after_processing" if processed else "lose_request"
        self.paying.sandbox.post_control("fault", {"mode": mode, "calls": ["createTransactionRequest"]})

    def at_processor(self):
        """[( status, cents)] of the money that went back, as the processor has it."""
        return [
            (one["status"], one["amount_cents"])
            for one in self.paying.sandbox.transactions()
            if one["status"].startswith("refund") or one["status"] == "voided"
        ]


def mails(kind):
    return list(Notice.select().where(Notice.kind == kind))


def history_ends_at_the_balance(customer, today):
    balance = ledger.balance(customer, today=today)
    entries = ledger.history(customer)
    assert (entries[-1].balance_cents if entries else 0) == balance.owed_cents - balance.unapplied_cents


# --- The processor's status decides --------------------------------------------------------------


def test_a_whole_payment_that_is_not_settled_is_canceled_and_its_invoice_owed_again(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice, settled=False)

    refund = desk.refund(payment, 4250, reopen=True)

    assert (refund.state, refund.how, refund.paid_on) == ("approved", "void", desk.told()["today"])
    assert (fresh(payment).state, fresh(payment).open_cents, fresh(invoice).open_cents) == ("voided", 0, 4250)
    assert desk.at_processor() == [("voided", 4250)]
    assert [mail.refund_id for mail in mails("refund")] == [refund.id]
    assert mails("payment_problem") == []
    history_ends_at_the_balance(alice, desk.told()["today"])


def test_a_settled_payment_is_refunded_to_the_card_that_paid(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice)

    refund = desk.refund(payment, 4250, reopen=True)

    assert (refund.state, refund.how) == ("approved", "card")
    assert (fresh(payment).state, fresh(payment).open_cents, fresh(invoice).open_cents) == (
        "refunded", 0, 4250,
    )  # fmt: skip
    assert desk.at_processor() == [("refundPendingSettlement", 4250)]
    event = Event.get(Event.what == "payment.refunded")
    assert (event.reason, event.customer_id) == ("Paid twice", alice.id)
    history_ends_at_the_balance(alice, desk.told()["today"])


def test_a_part_of_an_unsettled_payment_waits_for_the_settlement_and_goes_by_itself(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250), settled=False)

    refund = desk.refund(payment, 1000, reopen=True)

    assert (refund.state, desk.at_processor()) == ("prepared", [])
    assert "Waits for the settlement" in refund.outcome
    assert mails("refund") == []
    desk.paying.later(hours=20)
    desk.paying.sandbox.post_control("settle")
    desk.go_on()
    assert (fresh(refund).state, desk.at_processor()) == ("approved", [("refundPendingSettlement", 1000)])
    assert fresh(payment).state in Payment.MONEY


def test_a_bank_debit_is_refunded_when_the_bank_can_hardly_return_it_any_more(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250), ACCOUNT)

    refund = desk.refund(payment, 1000, reopen=True)

    assert (refund.state, desk.at_processor()) == ("prepared", [])
    assert "Waits until December 9, 2026" in refund.outcome  # settled on the 2nd; five banking days
    desk.paying.later(days=8)
    desk.go_on()
    assert (fresh(refund).state, fresh(refund).how) == ("approved", "bank")
    assert desk.at_processor() == [("refundPendingSettlement", 1000)]


def test_after_180_days_the_way_back_is_a_check(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    desk.paying.later(days=182)

    with pytest.raises(BillingError, match="180 days only"):
        desk.order(payment, 4250, reopen=True, how="card")
    refund = desk.refund(payment, 4250, reopen=True)

    assert (refund.state, refund.how, desk.at_processor()) == ("approved", "check", [])


def test_several_partial_refunds_come_to_the_payment_and_no_further(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))

    for cents in (1000, 2000, 1250):
        assert desk.refund(payment, cents, reopen=True).state == "approved"

    assert fresh(payment).state == "refunded"
    with pytest.raises(BillingError, match="All of this payment was refunded"):
        desk.order(payment, 1, reopen=True)
    assert sum(cents for _, cents in desk.at_processor()) == 4250


def test_a_payment_that_the_processors_people_canceled_meanwhile_is_not_refunded(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice, settled=False)
    refund = desk.order(payment, 4250, reopen=True)
    desk.paying.sandbox.post_control("void", {"transaction_id": payment.transaction_id})

    refund = desk.send(refund)

    assert (refund.state, fresh(payment).state, fresh(invoice).open_cents) == ("declined", "voided", 4250)
    assert len(mails("payment_problem")) == 1
    history_ends_at_the_balance(alice, desk.told()["today"])


@pytest.mark.parametrize("who", ["webhook", "confirm step"])
def test_a_cancellation_that_arrives_after_it_was_given_up_is_still_the_order(desk, alice, who):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice, settled=False)
    refund = desk.order(payment, 4250, reopen=True)
    desk.lose_answer(processed=False)
    desk.send(refund)
    for _ in range(2):
        desk.paying.later(minutes=46)
        refunds.ask(refund, gateway=desk.paying.gateway, **desk.told())
    assert (fresh(refund).state, fresh(refund).how) == ("prepared", "void")
    desk.paying.sandbox.post_control("void", {"transaction_id": payment.transaction_id})

    if who == "webhook":
        canceled = desk.paying.gateway.details(payment.transaction_id)
        payments.conclude(payment, canceled, **desk.told())
    else:
        desk.go_on()

    assert (fresh(refund).state, fresh(payment).state, fresh(invoice).open_cents) == (
        "approved", "voided", 4250,
    )  # fmt: skip
    assert (len(mails("refund")), len(mails("payment_problem"))) == (1, 0)
    history_ends_at_the_balance(alice, desk.told()["today"])


def test_a_form_orders_for_the_payment_that_it_was_made_for_and_no_other(desk, alice):
    first, second = (desk.paid(make_invoice(alice, cents=4250)) for _ in range(2))
    order = desk.order(first, 1000, key="a form", reopen=True)

    assert desk.order(first, 1000, key="a form", reopen=True).id == order.id
    with pytest.raises(BillingError, match="belongs to another payment"):
        desk.order(second, 1000, key="a form", reopen=True)
    assert Refund.select().count() == 1


def test_the_settlement_settles_the_refund_too(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    refund = desk.refund(payment, 1000, reopen=True)
    desk.paying.later(hours=20)
    desk.paying.sandbox.post_control("settle")

    told = desk.paying.gateway.details(refund.transaction_id)

    assert refunds.follow(told, **desk.told()).state == "settled"
    assert refunds.follow(told, **desk.told()).state == "settled"
    assert len(mails("refund")) == 1


def test_a_refund_that_was_not_ordered_here_is_nobodys(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    desk.paying.sandbox.post_control("refund", {"transaction_id": payment.transaction_id, "amount_cents": 5})
    [theirs] = [one for one in desk.paying.sandbox.transactions() if one["status"].startswith("refund")]

    assert refunds.follow(desk.paying.gateway.details(theirs["id"]), **desk.told()) is None


# --- Where the money is taken from ---------------------------------------------------------------


def test_what_pays_nothing_goes_first_and_needs_no_word(desk, alice):
    payment = payments.record(
        alice, amount_cents=5000, kind="check", received_on=desk.told()["today"], key="k", by=ANN,
        parts=[(make_invoice(alice, cents=4250), 4250)], confirmed=True, **desk.told(),
    )  # fmt: skip

    refund = desk.order(payment, 750)

    assert (refund.state, refund.how, refund.reopen_cents, fresh(payment).open_cents) == (
        "approved", "check", 0, 0,
    )  # fmt: skip
    with pytest.raises(BillingError, match=r"Only \$0.00 of this payment can be refunded as it is"):
        desk.order(payment, 1)


def test_a_credit_pays_the_invoice_instead_and_nothing_is_owed_again(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice)
    credit = invoices.goodwill(alice, amount_cents=1000, reason="Late technician", by=ANN, **desk.told())

    refund = desk.refund(payment, 1000)

    assert (refund.state, refund.reopen_cents) == ("approved", 0)
    assert [fresh(row).open_cents for row in (invoice, payment, credit)] == [0, 0, 0]
    history_ends_at_the_balance(alice, desk.told()["today"])


def test_only_on_demand_are_invoices_owed_again_and_those_that_were_paid_last_first(desk, alice):
    first, second = make_invoice(alice, cents=3000), make_invoice(alice, cents=2000, due=date(2026, 12, 20))
    payment = desk.paying.start_parts(alice, [(first, 3000), (second, 2000)])
    desk.paying.pay(payment)
    payment = desk.paying.ask(payment)
    desk.paying.later(hours=20)
    desk.paying.sandbox.post_control("settle")

    with pytest.raises(BillingError, match="let these invoices be owed again"):
        desk.order(payment, 2500)
    desk.refund(payment, 2500, reopen=True)

    assert [fresh(row).open_cents for row in (first, second, payment)] == [500, 2000, 0]


def test_an_invoice_stays_paid_until_the_money_has_really_gone(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice)

    refund = desk.order(payment, 4250, reopen=True)

    assert (fresh(invoice).open_cents, fresh(payment).state) == (0, "settled")
    refunds.refuse(refund, reason="They changed their mind", by=ANN, now=desk.told()["now"])
    assert (fresh(refund).state, fresh(invoice).open_cents, fresh(payment).open_cents) == ("refused", 0, 0)


def test_what_is_ordered_is_kept_back_and_comes_free_when_it_is_refused(desk, alice):
    payment = payments.record(
        alice, amount_cents=60000, kind="check", received_on=desk.told()["today"], key="k", by=ANN,
        confirmed=True, **desk.told(),
    )  # fmt: skip

    refund = desk.order(payment, 50000)

    assert (refund.state, fresh(payment).open_cents) == ("waiting", 10000)
    history_ends_at_the_balance(alice, desk.told()["today"])
    refunds.refuse(refund, reason="No", by=BEN, now=desk.told()["now"])
    assert fresh(payment).open_cents == 60000
    history_ends_at_the_balance(alice, desk.told()["today"])


@pytest.mark.parametrize(
    ("cents", "fields", "sentence"),
    [
        (0, {}, "above zero"),
        (-5, {}, "above zero"),
        (5, {"reason": " "}, "Give a reason"),
        (4251, {"reopen": True}, r"Only \$42.50 of this payment can be refunded"),
        (5, {"how": "bank", "reopen": True}, "did not come by card or bank debit"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(desk, alice, cents, fields, sentence):
    payment = desk.paid(make_invoice(alice, cents=4250))

    with pytest.raises(BillingError, match=sentence):
        desk.order(payment, cents, **fields)
    assert not Refund.select().exists()


# --- The second person ---------------------------------------------------------------------------


def test_above_the_limit_nothing_moves_before_a_second_person_agrees(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=50000))

    refund = desk.refund(payment, 20001, reopen=True)

    assert (refund.state, desk.at_processor()) == ("waiting", [])
    with pytest.raises(BillingError, match="Somebody else has to approve"):
        refunds.approve(refund, by=ANN, **desk.told())
    refund = refunds.approve(refund, by=BEN, **desk.told())
    refund = desk.send(refund)
    assert (refund.state, refund.by, refund.approved_by) == ("approved", ANN, BEN)
    assert [event.by for event in Event.select().where(Event.what == "refund.approved")] == [BEN]


def test_the_limit_is_not_passed_by_in_small_steps(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=50000))

    states = [desk.refund(payment, 10000, reopen=True).state for _ in range(3)]

    assert states == ["approved", "approved", "waiting"]


def test_the_limit_is_the_companys(desk, alice):
    Company.update(refund_alone_cents=0).execute()
    payment = desk.paid(make_invoice(alice, cents=4250))

    assert desk.order(payment, 1, reopen=True).state == "waiting"


def test_a_check_above_the_limit_is_approved_like_any_other(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=50000))

    refund = desk.order(payment, 50000, reopen=True, how="check")
    assert (refund.state, mails("refund")) == ("waiting", [])
    refund = refunds.approve(refund, by=BEN, **desk.told())

    assert (refund.state, fresh(payment).state, len(mails("refund"))) == ("approved", "refunded", 1)


def test_nobody_approves_their_own_refund_under_an_address_that_changed_since(desk, alice):
    ann = make_staff(name="Ann", email="ann@lantern.example")
    refund = desk.order(desk.paid(make_invoice(alice, cents=50000)), 50000, reopen=True)
    Staff.update(email="ann.archer@lantern.example").where(Staff.id == ann.id).execute()

    for hers in ("staff:ann.archer@lantern.example", "staff:Ann.Archer@lantern.example", ANN, ANN.upper()):
        with pytest.raises(BillingError, match="Somebody else has to approve"):
            refunds.approve(refund, by=hers, **desk.told())
    with pytest.raises(BillingError, match="signs in"):
        refunds.approve(refund, by="daily", **desk.told())

    assert (fresh(refund).state, fresh(refund).by_staff_id) == ("waiting", ann.id)


def test_the_database_knows_the_two_people_of_a_refund(desk, alice):
    ann, ben = (make_staff(name=name, email=f"{name}@lantern.example") for name in ("ann", "ben"))
    refund = desk.order(desk.paid(make_invoice(alice, cents=50000)), 50000, reopen=True)

    def write(**fields):
        told = {"state": "prepared", "ask_at": desk.told()["now"]} | fields
        Refund.update(told).where(Refund.id == refund.id).execute()

    for by, staff in ((ANN.upper(), ben), (BEN, ann), (BEN, None)):
        with pytest.raises(IntegrityError):
            write(approved_by=by, approved_by_staff=staff)
    write(approved_by=BEN, approved_by_staff=ben)
    with pytest.raises(IntegrityError):
        write(approved_by="staff:cy@lantern.example")


def test_two_who_decide_at_once_decide_once(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=50000))
    refund = desk.order(payment, 50000, reopen=True)

    def decide(n):
        if n % 2:
            return refunds.approve(fresh(refund), by=BEN, **desk.told())
        return refunds.refuse(fresh(refund), reason="No", by=BEN, now=desk.told()["now"])

    given = together(6, decide)

    assert len(refusals(given)) in (4, 5)  # what was approved may still be refused before it is sent
    assert fresh(refund).state in ("prepared", "refused")


# --- No answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("settled", [True, False])
def test_no_answer_is_found_out_later_and_money_goes_back_once(desk, alice, processed, settled):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice, settled=settled)
    refund = desk.order(payment, 4250, reopen=True)
    desk.lose_answer(processed=processed)

    refund = desk.send(refund)

    assert (refund.state, fresh(invoice).open_cents, mails("refund")) == ("in_doubt", 0, [])
    with pytest.raises(BillingError, match="not finished yet"):
        desk.order(payment, 4250, reopen=True)
    for _ in range(5):
        desk.paying.later(hours=1)
        desk.go_on()
    refund = fresh(refund)
    expected = "approved" if processed or not settled else "declined"
    assert refund.state == expected
    assert len(desk.at_processor()) == (expected == "approved")
    assert fresh(invoice).open_cents == (4250 if expected == "approved" else 0)
    assert len(mails("refund")) == (expected == "approved")


def test_it_never_arrived_is_not_concluded_early(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    refund = desk.order(payment, 4250, reopen=True)
    desk.lose_answer(processed=False)
    desk.send(refund)

    for minutes in (44, 2, 0, 4):  # two searches within five minutes are one
        desk.paying.later(minutes=minutes)
        refunds.ask(refund, gateway=desk.paying.gateway, **desk.told())
        assert fresh(refund).state == "in_doubt"
    desk.paying.later(minutes=1)
    refunds.ask(refund, gateway=desk.paying.gateway, **desk.told())
    assert fresh(refund).state == "declined"


def test_a_refund_that_arrives_after_it_was_given_up_is_booked_all_the_same(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    refund = desk.order(payment, 4250, reopen=True)
    desk.lose_answer(processed=False)
    desk.send(refund)
    for minutes in (46, 60):
        desk.paying.later(minutes=minutes)
        refunds.ask(refund, gateway=desk.paying.gateway, **desk.told())
    assert fresh(refund).state == "declined"
    gone = desk.paying.gateway.refund(payment.transaction_id, 4250, reference=refund.reference)

    refunds.follow(desk.paying.gateway.details(gone.transaction_id), **desk.told())

    assert (fresh(refund).state, fresh(payment).state) == ("approved", "refunded")


def test_a_processor_that_cannot_be_asked_changes_nothing_and_is_asked_again(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    refund = desk.order(payment, 4250, reopen=True)
    desk.paying.sandbox.post_control("fault", {"mode": "http_500"})

    with pytest.raises(GatewayUnavailable):
        desk.send(refund)

    assert fresh(refund).state == "prepared"
    desk.paying.later(hours=2)
    desk.go_on()
    assert fresh(refund).state == "approved"


def test_a_question_that_nobody_answers_about_an_old_refund_is_asked_again_within_the_hour(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    refund = desk.order(payment, 4250, reopen=True)
    desk.lose_answer(processed=False)
    desk.send(refund)
    desk.paying.later(hours=3)
    desk.paying.sandbox.post_control(
        "fault", {"mode": "http_500", "calls": ["getUnsettledTransactionListRequest"]}
    )

    with pytest.raises(GatewayUnavailable):
        refunds.ask(refund, gateway=desk.paying.gateway, **desk.told())

    assert fresh(refund).ask_at == desk.told()["now"] + timedelta(hours=1)
    desk.paying.later(hours=1)
    desk.go_on()
    assert fresh(refund).ask_at == desk.told()["now"] + timedelta(days=1)


def test_after_three_days_a_person_may_say_what_became_of_it(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=4250))
    refund = desk.order(payment, 4250, reopen=True)
    desk.lose_answer(processed=False)
    refund = desk.send(refund)
    by_hand = {"reason": "Seen on the statement", "by": ANN}

    with pytest.raises(BillingError, match="for three days"):
        refunds.conclude_by_hand(refund, has_gone=True, **by_hand, **desk.told())
    desk.paying.later(days=3)
    refund = refunds.conclude_by_hand(refund, has_gone=False, **by_hand, **desk.told())

    assert refund.state == "declined"
    assert Event.get(Event.what == "refund.concluded_by_hand").by == ANN


# --- A bank that takes the payment back meanwhile ------------------------------------------------


def test_an_order_that_was_not_sent_is_dropped_when_the_bank_takes_the_payment_back(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice, ACCOUNT)
    refund = desk.refund(payment, 1000, reopen=True)
    assert refund.state == "prepared"

    told = desk.told()
    returns.take_back(fresh(payment), code="R01", on=told["today"], by="processor", **told)

    assert (fresh(refund).state, fresh(payment).state, fresh(invoice).open_cents) == (
        "declined", "returned", 4250,
    )  # fmt: skip
    assert not Loss.select().exists()


def test_a_refund_whose_answer_comes_after_the_return_is_a_loss(desk, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = desk.paid(invoice)
    refund = desk.order(payment, 1000, reopen=True)
    desk.lose_answer(processed=True)
    assert desk.send(refund).state == "in_doubt"
    told = desk.told()
    returns.open_chargeback(fresh(payment), amount_cents=4250, by=ANN, **told)
    assert not Loss.select().exists()

    desk.paying.later(minutes=10)
    desk.go_on()

    assert (fresh(refund).state, Loss.get().amount_cents, fresh(invoice).open_cents) == (
        "approved",
        1000,
        4250,
    )
    history_ends_at_the_balance(alice, told["today"])


# --- At once, and killed -------------------------------------------------------------------------


def test_fifty_refunds_at_once_never_give_back_more_than_was_paid(desk, alice):
    Company.update(refund_alone_cents=10**9).execute()
    payment = desk.paid(make_invoice(alice, cents=10000))

    def refund(n):
        return desk.refund(payment, 3000, key=f"form-{n}", reopen=True)

    rounds = [
        together(50, refund),
        together(50, lambda n: refund(n + 50)),
        together(50, lambda n: refund(n + 100)),
    ]
    last = together(50, lambda n: desk.refund(payment, 1001, key=f"last-{n}", reopen=True))

    for given in rounds:
        assert len(refusals(given)) >= 47
    assert len(refusals(last)) == 50
    assert sum(cents for _, cents in desk.at_processor()) == 9000
    went = [one.amount_cents for one in Refund.select().where(Refund.state == "approved")]
    assert went == [3000, 3000, 3000]
    assert len(mails("refund")) == 3


def test_fifty_clicks_of_one_form_are_one_refund(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=10000))

    given = together(50, lambda n: desk.refund(payment, 4000, key="one form", reopen=True))

    assert refusals(given) == []
    assert (len({one.id for one in given}), desk.at_processor()) == (1, [("refundPendingSettlement", 4000)])


def test_confirm_step_and_desk_at_once_send_once(desk, alice):
    payment = desk.paid(make_invoice(alice, cents=10000))
    refund = desk.order(payment, 4000, reopen=True)

    refusals(together(20, lambda n: desk.send(refund) if n % 2 else desk.go_on()))

    assert desk.at_processor() == [("refundPendingSettlement", 4000)]
    assert fresh(refund).state == "approved"


@pytest.mark.parametrize("settled", [True, False])
def test_a_process_killed_anywhere_sends_back_once_or_not_at_all(desk, alice, database_url, settled):
    bills = [make_invoice(alice, cents=4250) for _ in range(75)]
    paid = [desk.paid(one, settled=False) for one in bills]
    if settled:
        desk.paying.later(hours=20)
        desk.paying.sandbox.post_control("settle")
    told = {"sandbox": desk.paying.sandbox.url, "now": desk.paying.clock.now().isoformat()}
    many = [{**told, "payment": one.id, "key": f"k{one.id}"} for one in paid]

    killed = die_everywhere("refund", database_url, many)

    assert 15 <= killed < 75
    assert checks.run() == []
    for payment in paid[: killed + 1]:
        desk.order(payment, 4250, key=f"k{payment.id}", reopen=True, reason="Wrong card")
    for _ in range(8):
        desk.paying.later(hours=1)
        desk.go_on()
    gone = {one["ref_trans_id"] or one["id"] for one in desk.paying.sandbox.transactions() if _went(one)}
    assert len(gone) == len(desk.at_processor())
    for payment in map(fresh, paid[: killed + 1]):
        refund = payment.refunds.get()
        assert (refund.state in ("approved", "settled")) == (payment.transaction_id in gone)
        assert refund.state in ("approved", "settled", "declined")
    assert Allocation.select().where(Allocation.amount_cents < 0).count() == len(gone)


def _went(one):
    return one["status"].startswith("refund") or one["status"] == "voided"
