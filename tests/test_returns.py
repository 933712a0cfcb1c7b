"""Money that is taken back: returned debits, bounced checks, disputes; booked once, told in plain words."""

from datetime import date, timedelta

import pytest

from billing import checks, holds, ledger, payments
from billing.errors import BillingError
from billing.reversals import money_back, refunds, returns
from models import (
    Autopay,
    Chargeback,
    Company,
    Event,
    Hold,
    Loss,
    Notice,
    OneOff,
    Payment,
    PaymentMethod,
    Refund,
)
from tests.at_once import together
from tests.factories import NOW, fresh, make_invoice
from tests.sandbox_process import ACCOUNT

pytestmark = pytest.mark.usefixtures("sound_books")

BY = "staff:ann@lantern.example"


@pytest.fixture
def bank(paying):
    return Bank(paying)


class Bank:
    """What banks do to payments at the processor, and how we learn of it."""

    def __init__(self, paying):
        self.paying = paying

    def told(self):
        return {"today": self.paying.clock.today(), "now": self.paying.clock.now()}

    def paid(self, invoice, source=ACCOUNT, *, method=None):
        payment = self.paying.start(invoice)
        self.paying.pay(payment, source)
        self.paying.ask(payment)
        self.settle()
        standing = method and method.autopays.first()
        Payment.update(method=method, autopay=standing).where(Payment.id == payment.id).execute()
        return fresh(payment)

    def settle(self):
        self.paying.later(hours=20)
        self.paying.sandbox.post_control("settle")

    def do(self, what, payment, **about):
        about["transaction_id"] = payment.transaction_id
        id = self.paying.sandbox.post_control(what, about)["transaction_id"]
        return self.paying.gateway.details(id)

    def tell(self, transaction):
        return returns.follow(transaction, **self.told())

    def debit(self, payment):
        """The debit's own details, which may know of its return as well."""
        return self.paying.gateway.details(payment.transaction_id)

    def take_back(self, payment, code="R01"):
        told = self.told()
        return returns.take_back(payment, code=code, on=told["today"], by="processor", **told)

    def dispute(self, payment, cents, **fields):
        given = {"reason": "Not recognized", "by": BY, **self.told(), **fields}
        return returns.open_chargeback(fresh(payment), amount_cents=cents, **given)

    def refund(self, payment, cents):
        """By check: what the bank takes later is gone twice."""
        return refunds.start(
            fresh(payment), amount_cents=cents, how="check", reason="Sorry", key=f"r{cents}", by=BY,
            reopen=True, **self.told(),
        )  # fmt: skip


def saved(customer, kind="bank"):
    """A saved account that autopay debits."""
    method = PaymentMethod.create(
        customer=customer,
        token="900",
        kind=kind,
        label="Bank account ending 6781",
        added_by="t",
        added_at=NOW,
    )
    Autopay.create(
        customer=customer, method=method, text="I agree.", text_version="1", agreed_at=NOW,
        agreed_from="127.0.0.1", agreed_by="t",
    )  # fmt: skip
    return method


def mails(kind="payment_problem"):
    return list(Notice.select().where(Notice.kind == kind))


def history_ends_at_the_balance(customer):
    balance = ledger.balance(customer, today=date(2027, 1, 1))
    assert ledger.history(customer)[-1].balance_cents == balance.owed_cents - balance.unapplied_cents


# --- Returned debits -----------------------------------------------------------------------------


@pytest.mark.parametrize("linkage", ["both", "ref", "has"])
@pytest.mark.parametrize("entry_first", [True, False])
def test_a_return_reopens_the_invoice_once_however_the_processor_tells_of_it(
    bank, alice, linkage, entry_first
):
    method = saved(alice)
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice, method=method)
    entry = bank.do("return", payment, code="R02", linkage=linkage)
    ways = [entry, bank.debit(payment)] if entry_first else [bank.debit(payment), entry]

    for transaction in ways * 2:
        bank.tell(transaction)

    payment = fresh(payment)
    assert (payment.state, payment.return_code, payment.open_cents) == ("returned", "R02", 0)
    assert (fresh(invoice).open_cents, fresh(method).state) == (4250, "disabled")
    assert "closed" in payment.reason
    assert len(mails()) == Event.select().where(Event.what == "payment.returned").count() == 1
    history_ends_at_the_balance(alice)


@pytest.mark.parametrize(
    ("code", "state", "is_tried_again"),
    [("R01", "active", True), ("R09", "active", True), ("R02", "disabled", False), ("R03", "disabled", False),
     ("R07", "disabled", False), ("R10", "disabled", False), ("R29", "disabled", False)],
)  # fmt: skip
def test_the_code_decides_what_becomes_of_the_account(bank, alice, code, state, is_tried_again):
    method = saved(alice)
    payment = bank.paid(make_invoice(alice), method=method)

    bank.take_back(payment, code)

    assert fresh(method).state == state
    assert (fresh(payment).retry_on is not None) == is_tried_again


def test_the_mail_says_why_and_when_it_is_tried_again(bank, alice):
    payment = bank.paid(make_invoice(alice, cents=4250), method=saved(alice))
    bank.take_back(payment, "R01")

    told = money_back.problem_document(fresh(payment))

    assert told.title == "Your payment came back unpaid"
    assert "not enough money" in told.sentence
    assert told.next_step.startswith("We will try again on December 7, 2026.")
    assert [(one.number, one.open_cents) for one in told.reopened] == [("10001", 4250)]


def test_a_late_unauthorized_return_counts_after_sixty_days_too(bank, alice):
    invoice = make_invoice(alice, cents=4250)
    method = saved(alice)
    payment = bank.paid(invoice, method=method)
    bank.paying.later(days=59)

    bank.tell(bank.do("return", payment, code="R10"))

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("returned", 4250)
    assert fresh(method).state == "disabled"
    assert "Have the stored consent at hand" in Event.get(Event.what == "payment.returned").reason


def test_a_correction_of_account_data_takes_nothing_back(bank, alice):
    payment = bank.paid(make_invoice(alice))

    assert not bank.debit(payment).was_returned
    assert bank.tell(bank.debit(payment)).state in Payment.MONEY


def test_what_is_no_payment_of_ours_is_nobodys(bank, alice):
    payment = bank.paid(make_invoice(alice))
    entry = bank.do("return", payment, code="R01")
    Payment.update(transaction_id="1").where(Payment.id == payment.id).execute()
    stranger = type(entry)("77", "returnedItem", 100, reference="SOMETHING")

    assert bank.tell(stranger) is None
    assert fresh(payment).state in Payment.MONEY


def test_a_debit_that_came_back_before_we_heard_of_it_is_booked_and_taken_back(bank, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paying.start(invoice)
    bank.paying.pay(payment, ACCOUNT)
    bank.settle()
    [charge] = bank.paying.charges(payment)
    bank.paying.sandbox.post_control("return", {"transaction_id": charge["id"], "code": "R01"})

    payment = bank.paying.ask(payment)

    assert (payment.state, payment.return_code, fresh(invoice).open_cents) == ("returned", "R01", 4250)


def test_twenty_reports_at_once_take_back_once(bank, alice):
    Company.update(return_fee_cents=2500).execute()
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice)
    entry, debit = bank.do("return", payment, code="R01"), bank.debit(payment)

    given = together(20, lambda n: bank.tell(entry if n % 2 else debit))

    assert [one for one in given if isinstance(one, Exception)] == []
    assert (fresh(invoice).open_cents, len(mails()), OneOff.select().count()) == (4250, 1, 1)


# --- The fee of a return -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "fee_cents", "try_number", "charged"),
    [("R01", 2500, 0, True), ("R09", 2500, 1, True), ("R02", 2500, 0, False), ("R10", 2500, 0, False),
     ("R01", 0, 0, False), ("R01", 2500, 2, False)],
)  # fmt: skip
def test_a_fee_is_charged_where_the_policy_and_the_rules_of_the_banks_allow(
    bank, alice, code, fee_cents, try_number, charged
):
    Company.update(return_fee_cents=fee_cents).execute()
    payment = bank.paid(make_invoice(alice))
    Payment.update(try_number=try_number).where(Payment.id == payment.id).execute()

    bank.take_back(fresh(payment), code)

    assert [(fee.unit_cents, fee.customer_id) for fee in OneOff.select()] == [(2500, alice.id)] * charged
    told = money_back.problem_document(fresh(payment)).next_step
    assert ("fee of $25.00" in told) == charged


# --- Taken back after a refund -------------------------------------------------------------------


@pytest.mark.parametrize(("refunded", "lost"), [(1000, 1000), (4250, 4250)])
def test_what_was_refunded_before_the_bank_took_it_is_a_loss(bank, alice, refunded, lost):
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice)
    bank.refund(payment, refunded)

    bank.tell(bank.do("return", payment, code="R10"))

    assert (fresh(payment).state, fresh(payment).open_cents) == ("returned", 0)
    assert (fresh(invoice).open_cents, Loss.get().amount_cents) == (4250, lost)
    assert Loss.get().kind == Loss.AFTER_REFUND
    history_ends_at_the_balance(alice)


# --- Disputes ------------------------------------------------------------------------------------


def test_a_dispute_freezes_the_payment_and_opens_a_case(bank, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice, None)

    case = bank.dispute(payment, 4250, fee_cents=1500, answer_by_on=date(2026, 12, 20))

    assert (fresh(payment).state, fresh(payment).open_cents, fresh(invoice).open_cents) == (
        "charged_back", 0, 4250,
    )  # fmt: skip
    assert (case.state, case.customer_id, case.reason) == ("open", alice.id, "Not recognized")
    assert [(loss.kind, loss.amount_cents) for loss in Loss.select()] == [("fee", 1500)]
    assert (Hold.get().scope, Hold.get().reason, Hold.get().ends_on) == ("autopay", str(case), None)
    assert len(mails()) == 1
    with pytest.raises(BillingError, match="nothing is refunded meanwhile"):
        bank.refund(payment, 5)
    with pytest.raises(BillingError, match="disputed already"):
        bank.dispute(payment, 5)
    history_ends_at_the_balance(alice)


def test_what_the_bank_writes_later_is_noted_and_its_fee_is_a_loss_once(bank, alice):
    payment = bank.paid(make_invoice(alice, cents=4250), None)
    bank.tell(bank.do("chargeback", payment))
    case, told = Chargeback.get(), {"by": BY, "today": date(2026, 12, 2), "now": NOW}
    assert (case.reason, case.answer_by_on) == ("", None)

    letter = {"reason": "Not recognized", "answer_by_on": date(2026, 12, 20), "fee_cents": 1500}
    for _ in range(2):
        case = returns.note_letter(case, **letter, **told)

    assert (case.reason, case.answer_by_on, case.fee_cents) == ("Not recognized", date(2026, 12, 20), 1500)
    assert [(loss.kind, loss.amount_cents) for loss in Loss.select()] == [("fee", 1500)]
    with pytest.raises(BillingError, match=r"The fee of \$15.00 is in the books already"):
        returns.note_letter(case, **letter | {"fee_cents": 2000}, **told)
    returns.lose(case, **told)
    with pytest.raises(BillingError, match="is lost already"):
        returns.note_letter(case, **letter, **told)


def test_the_mail_of_a_dispute_asks_to_talk_and_not_to_pay(bank, alice):
    payment = bank.paid(make_invoice(alice, cents=4250), None)
    bank.dispute(payment, 4250)

    told = money_back.problem_document(fresh(payment))

    assert told.is_dispute
    assert "nothing is charged automatically" in told.sentence
    assert told.next_step == ""


def test_the_processors_entry_opens_the_case_once_and_finds_the_one_that_staff_entered(bank, alice):
    payment = bank.paid(make_invoice(alice, cents=4250), None)
    mine = bank.dispute(payment, 4250)
    entry = bank.do("chargeback", payment, reason="10.4")

    for _ in range(3):
        bank.tell(entry)

    assert [(case.id, case.transaction_id) for case in Chargeback.select()] == [
        (mine.id, entry.transaction_id)
    ]


def test_the_processors_status_alone_opens_and_wins_a_case(bank, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice, None)

    bank.tell(bank.do("chargeback", payment, amount_cents=3000))
    assert (Chargeback.get().amount_cents, fresh(invoice).open_cents) == (3000, 3000)
    history_ends_at_the_balance(alice)
    won = bank.do("chargeback-reversal", payment)
    bank.tell(won)
    bank.tell(won)

    assert (Chargeback.get().state, fresh(payment).state, fresh(invoice).open_cents) == ("won", "settled", 0)
    assert Hold.get().ends_on is not None
    history_ends_at_the_balance(alice)


def test_a_won_dispute_pays_what_is_still_owed_and_the_rest_is_credit(bank, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice, None)
    case = bank.dispute(payment, 4250)
    payments.record(
        alice,
        amount_cents=4000,
        kind="check",
        received_on=bank.told()["today"],
        key="k",
        by=BY,
        **bank.told(),
    )

    returns.win(case, by=BY, note="They agreed", **bank.told())

    assert (fresh(invoice).open_cents, fresh(payment).open_cents, fresh(case).note) == (
        0,
        4000,
        "They agreed",
    )
    history_ends_at_the_balance(alice)


def test_a_lost_dispute_stays_owed_and_autopay_rests_until_somebody_lifts_it(bank, alice):
    invoice = make_invoice(alice, cents=4250)
    case = bank.dispute(bank.paid(invoice, None), 4250)

    returns.answer(case, by=BY, note="Sent by fax", **bank.told())
    returns.lose(case, by=BY, **bank.told())

    assert (fresh(case).state, fresh(invoice).open_cents) == ("lost", 4250)
    assert fresh(case).answered_on is not None
    assert Hold.get().ends_on is None
    holds.end(Hold.get(), by=BY, **bank.told())
    assert Hold.get().ends_on is not None
    with pytest.raises(BillingError, match="is over"):
        holds.end(Hold.get(), by=BY, **bank.told())
    with pytest.raises(BillingError, match="lost already"):
        returns.lose(case, by=BY, **bank.told())
    assert returns.win(case, by=BY, **bank.told()).state == "won"  # a second hearing


@pytest.mark.parametrize(("refunded", "disputed"), [(1000, 4250), (1000, 500), (4250, 4250), (1000, 3500)])
@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_after_a_refund_takes_what_is_there_and_the_rest_is_a_loss(
    bank, alice, refunded, disputed, won
):
    invoice = make_invoice(alice, cents=4250)
    payment = bank.paid(invoice, None)
    bank.refund(payment, refunded)

    case = bank.dispute(payment, disputed)

    short = max(disputed - (4250 - refunded), 0)
    assert [loss.amount_cents for loss in Loss.select()] == ([short] if short else [])
    assert fresh(invoice).open_cents == refunded + disputed - short
    assert checks.run() == []
    history_ends_at_the_balance(alice)
    if won:
        returns.win(case, by=BY, **bank.told())
        assert fresh(invoice).open_cents == refunded
        assert fresh(payment).state == ("refunded" if refunded == 4250 else "settled")
        history_ends_at_the_balance(alice)


@pytest.mark.parametrize(
    ("cents", "fields", "sentence"),
    [(0, {}, "Enter an amount up to"), (4251, {}, "Enter an amount up to"), (5, {"fee_cents": -1}, "fee")],
)
def test_a_dispute_that_cannot_be_is_refused(bank, alice, cents, fields, sentence):
    payment = bank.paid(make_invoice(alice, cents=4250), None)

    with pytest.raises(BillingError, match=sentence):
        bank.dispute(payment, cents, **fields)
    assert not Chargeback.select().exists()


def test_a_check_is_not_disputed(bank, alice):
    today = bank.told()["today"]
    check = payments.record(
        alice, amount_cents=900, kind="check", received_on=today, key="k", by=BY, **bank.told()
    )

    with pytest.raises(BillingError, match="card or bank payment"):
        bank.dispute(check, 900)


def test_disputes_entered_at_once_are_one_case(bank, alice):
    payment = bank.paid(make_invoice(alice, cents=4250), None)

    given = together(10, lambda n: bank.dispute(payment, 4250))

    assert len([one for one in given if isinstance(one, BillingError)]) == 9
    assert Chargeback.select().count() == Hold.select().count() == 1


def test_a_dispute_is_not_won_while_a_refund_is_in_doubt(bank, alice):
    payment = bank.paid(make_invoice(alice, cents=4250), None)
    Refund.create(
        payment=payment, key="x", state="in_doubt", amount_cents=5, reopen_cents=5, how="card", reason="r",
        by=BY, made_on=bank.told()["today"], ask_at=NOW + timedelta(days=9),
    )  # fmt: skip
    case = bank.dispute(payment, 4250)

    with pytest.raises(BillingError, match="still being checked"):
        returns.win(case, by=BY, **bank.told())
