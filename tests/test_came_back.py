"""What a payment that came back began is found by the row that began it, whatever its words say by now."""

import importlib
from datetime import timedelta

import pytest

from billing import approvals, holds, ledger, payments
from billing.remedies import given_up, write_offs
from billing.reversals import money_back, refunds, returns
from migrations import changing
from models import Allocation, Company, Hold, Invoice, OneOff, Payment
from tests.factories import NOW, fresh, make_customer, make_invoice

TODAY = NOW.date()
ANN, BEN = "staff:ann@lantern.example", "staff:ben@lantern.example"
DAY = {"by": ANN, "today": TODAY, "now": NOW}
FILLED = {  # table: the columns that 0047 fills
    "allocation": ("refund_id", "chargeback_id"),
    "hold": ("payment_id",),
    "payment": ("return_fee_id",),
}


@pytest.fixture
def alice(db):
    return make_customer()


def paid(invoice, cents, kind="check"):
    """A payment of an invoice that counts."""
    payment = payments.record(
        invoice.customer, amount_cents=cents, kind="check", received_on=TODAY, key=f"{kind} {invoice.id}",
        parts=[(fresh(invoice), cents)], **DAY,
    )  # fmt: skip
    Payment.update(kind=kind).where(Payment.id == payment.id).execute()
    return fresh(payment)


def disputed(customer, cents=3_000):
    """The case of a payment that its payer disputed."""
    payment = paid(make_invoice(customer, cents=cents), cents, "card")
    return returns.open_chargeback(payment, amount_cents=cents, **DAY)


def returned(customer, cents=4_000):
    """A bank debit that came back for lack of funds, which costs a fee."""
    Company.update(return_fee_cents=2_500).execute()
    payment = paid(make_invoice(customer, cents=cents), cents, "bank")
    return returns.take_back(payment, code="R01", on=TODAY, **DAY)


def refunded(customer, cents=1_000):
    """A refund for which an invoice is owed again."""
    payment = paid(make_invoice(customer, cents=6_000), 6_000)
    order = {"amount_cents": cents, "how": "check", "reason": "Paid twice", "key": "a click", "reopen": True}
    return refunds.start(payment, **order, **DAY)


def given_up_and_back(customer):
    """Bad debt that was paid after all, with money that came back."""
    invoice = make_invoice(customer, cents=9_000, due=TODAY - timedelta(days=200))
    asked = write_offs.bad_debt(invoice, reason="Moved away", by=ANN, now=NOW)
    approvals.approve(asked, by=BEN, today=TODAY, now=NOW)
    return returns.bounce(paid(invoice, 9_000), reason="Not covered", **DAY)


def columns(db):
    """{(table, id): what its filled columns hold}."""
    return {
        (table, id): values
        for table, names in FILLED.items()
        for id, *values in db.execute_sql(f'SELECT id, {", ".join(names)} FROM "{table}"').fetchall()
    }


def test_old_rows_are_filled_from_what_their_words_said(db, alice):
    bob = make_customer("Bob Baker", email="bob@example.com")
    refunded(alice), disputed(alice), returned(bob), given_up_and_back(bob)
    written = columns(db)
    migration = importlib.import_module("migrations.0047_why_it_came_back")
    changing.thaw(db, "allocation")
    for table, names in FILLED.items():
        db.execute_sql(f'UPDATE "{table}" SET {", ".join(f"{name} = NULL" for name in names)}')
    assert columns(db) != written

    changing.run(db, migration.OLD_ROWS)

    assert columns(db) == written
    assert sum(any(values) for values in written.values()) == 5


def test_a_won_dispute_finds_its_pause_and_its_invoices_after_somebody_changed_the_words(alice):
    case = disputed(alice)
    Hold.update(reason="Spoke with her on Monday").execute()
    Allocation.update(reason="See the letter").execute()

    returns.win(case, **DAY)

    assert Hold.get().ends_on is not None
    assert not Invoice.select().where(Invoice.IS_OWED).exists()


def test_a_dispute_finds_its_own_invoices_only(alice):
    refund = refunded(alice)
    case = disputed(alice)

    assert [one.open_cents for one in ledger.owed_again(refund.payment, refund=refund)] == [1_000]
    assert not ledger.owed_again(refund.payment, chargeback=case).exists()


def test_the_fee_of_a_return_is_told_until_it_is_canceled_whatever_it_is_called(alice):
    payment = returned(alice)
    OneOff.update(text="Bank fee").execute()

    assert "fee of $25.00" in money_back.problem_document(fresh(payment)).next_step
    OneOff.update(canceled_on=TODAY).execute()
    assert "fee of" not in money_back.problem_document(fresh(payment)).next_step


def test_given_up_debt_that_came_back_waits_for_a_person_whatever_its_reason_says(alice):
    given_up_and_back(alice)
    Hold.update(reason="Ask Ben first").execute()

    assert given_up.running().count() == 1
    assert given_up.settle(TODAY, now=NOW) == 0  # it is owed still


def test_a_pause_that_staff_end_at_the_same_moment_stops_nobody_elses(alice, monkeypatch):
    for customer in (alice, make_customer("Bob Baker", email="bob@example.com")):
        given_up_and_back(customer)
        paid(customer.invoices.where(Invoice.IS_OWED).get(), 9_000, "card")
    first, end = Hold.select().order_by(Hold.id).first(), holds.end

    def staff_are_quicker(hold, **told):
        if hold == first:
            end(hold, **DAY)
        return end(hold, **told)

    monkeypatch.setattr(holds, "end", staff_are_quicker)

    assert given_up.settle(TODAY, now=NOW) == 1
    assert not given_up.running().exists()
