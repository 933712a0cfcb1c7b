"""The checks of the books: each finds its own planted fault, and nothing on a healthy database."""

from datetime import date, timedelta

import pytest

from billing import bill, checks, contracts, invoices, payments
from billing.reversals import returns
from models import (
    Allocation,
    Approval,
    Autopay,
    AutopayOutcome,
    Charge,
    Company,
    Credit,
    CreditReversal,
    Invoice,
    JobRun,
    LateFee,
    Line,
    Notice,
    Payment,
    PaymentPart,
    PlannedCharge,
    Refund,
    ServiceCredit,
    Ticket,
)
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_item,
    make_method,
    make_one_off,
)

TODAY = date(2026, 12, 1)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}


@pytest.fixture
def books(paying, alice, bob):
    """A company that has seen it all: paid, overpaid, returned, credited, void, drafted, held, expired."""
    contract = make_contract(alice)
    make_charge(contract, cents=3000)
    make_one_off(alice, cents=9500)
    make_charge(make_contract(bob), starts_on=date(2026, 5, 1))
    make_charge(make_contract(make_customer("Paused")), starts_on=date(2026, 11, 1))
    contracts.pause(
        contract=Charge.select().order_by(Charge.id.desc()).first().contract, from_on=date(2026, 11, 1),
        reason="x", by=BY, now=NOW,
    )  # fmt: skip
    bill.run(TODAY, by=BY, now=NOW)
    first = Invoice.get(Invoice.state == "issued")
    payments.record(alice, amount_cents=20000, kind="check", received_on=TODAY, key="a", **AGAIN)
    check = payments.record(alice, amount_cents=500, kind="check", received_on=TODAY, key="b", **AGAIN)
    returns.bounce(check, reason="No funds", **AGAIN)
    invoices.credit(first, amount_cents=100, reason="Sorry", **AGAIN)
    invoices.void(make_invoice(alice), reason="Wrong", **AGAIN)
    paying.hold()
    held = paying.start(make_invoice(bob, cents=700))
    paying.pay(held)
    paying.ask(held)
    expired = paying.start(make_invoice(bob, cents=800))
    for _ in range(2):
        paying.later(hours=1)
        paying.ask(expired)
    return alice


# Each plants the fault of its name and no other. Guards are off.


def wrong_line():
    Line.update(amount_cents=Line.amount_cents + 1, total_cents=Line.total_cents + 1).where(
        Line.id == Line.select(Line.id).where(Line.one_off.is_null(False))
    ).execute()


def wrong_open_invoice():
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents > 0))
    Invoice.update(open_cents=invoice.open_cents - 1).where(Invoice.id == invoice.id).execute()


def owed_draft():
    Invoice.update(open_cents=1).where(Invoice.state == "draft").execute()


def wrong_open_payment():
    Payment.update(open_cents=Payment.open_cents + 1).where(Payment.key == "a").execute()


def wrong_open_credit():
    Credit.update(open_cents=Credit.open_cents - 1).execute()


def strange_allocation():
    payment, theirs = Payment.get(Payment.key == "a"), Invoice.get(Invoice.total_cents == 800)
    Allocation.create(invoice=theirs, payment=payment, amount_cents=10, by=BY, made_on=TODAY)
    Invoice.update(open_cents=790).where(Invoice.id == theirs.id).execute()
    Payment.update(open_cents=Payment.open_cents - 10).where(Payment.id == payment.id).execute()


def crooked_twin():
    first = Allocation.get(Allocation.payment == Payment.get(Payment.key == "a"))
    Allocation.create(
        invoice=first.invoice, payment=first.payment, amount_cents=-7, reverses=first, by=BY, made_on=TODAY
    )
    Invoice.update(open_cents=7).where(Invoice.id == first.invoice_id).execute()
    Payment.update(open_cents=Payment.open_cents + 7).where(Payment.id == first.payment_id).execute()


def missing_number():
    last = Invoice.select().where(Invoice.number.is_null(False)).order_by(Invoice.number.desc()).first()
    Invoice.update(number=last.number + 5).where(Invoice.id == last.id).execute()
    Company.update(next_invoice_number=last.number + 6).execute()


def double_days():
    line = Line.get(Line.charge.is_null(False) & Line.voided_on.is_null())
    Line.create(
        invoice=line.invoice, position=99, text="Again", charge=line.charge, from_on=date(2026, 12, 20),
        to_on=date(2027, 1, 5), unit_cents=0, amount_cents=0, total_cents=0,
    )  # fmt: skip


def forgotten_period():
    charge = make_charge(make_contract(make_customer("Forgotten")))
    Charge.update(next_index=3).where(Charge.id == charge.id).execute()


def claim_of_the_dead():
    part = PaymentPart.get(PaymentPart.payment == Payment.get(Payment.state == "expired"))
    PaymentPart.update(live=True).where(PaymentPart.id == part.id).execute()


def life_without_claim():
    PaymentPart.update(live=False).where(
        PaymentPart.payment == Payment.get(Payment.state == "held")
    ).execute()


def never_asked():
    Payment.update(ask_at=None).where(Payment.state == "held").execute()


def number_again():
    Company.update(next_invoice_number=10001).execute()


def _payment(state, **fields):
    return Payment.create(
        customer=Payment.get(Payment.key == "a").customer, reference="PLTEST", key="planted", state=state,
        kind="card", amount_cents=100, received_on=TODAY, created_at=NOW, **fields,
    )  # fmt: skip


def _refund(payment, cents, **fields):
    return Refund.create(
        payment=payment, key="planted", amount_cents=cents, reason="x", by=BY, made_on=TODAY, **fields
    )


def refunded_too_much():
    _refund(_payment("voided"), 101, how="void")


def never_asked_for_refund():
    _refund(Payment.get(Payment.key == "a"), 5, how="card", state="prepared", reopen_cents=5)


def dispute_without_case():
    _payment("charged_back", open_cents=100)


def forgotten_by_autopay():
    """A day that is done, and a charge that was due on it and has no outcome."""
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents == 700))
    standing = Autopay.create(
        customer=invoice.customer, method=make_method(invoice.customer), text="I agree.", text_version="1",
        agreed_at=NOW, agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip
    PlannedCharge.create(
        autopay=standing, customer=invoice.customer, invoice=invoice, charge_on=TODAY, created_at=NOW
    )
    later = NOW + timedelta(hours=1)
    JobRun.create(
        name="daily", state="done", as_of_on=TODAY, holder="x", lease_until_at=later, started_at=later
    )


def never_tried_again():
    """A debit that came back some days ago, is to be tried again, and stands in no plan."""
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents == 700))
    method = make_method(invoice.customer)
    standing = Autopay.create(
        customer=invoice.customer, method=method, text="I agree.", text_version="1", agreed_at=NOW,
        agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip
    payment = _payment(
        "returned", method=method, autopay=standing, returned_on=TODAY - timedelta(days=3), retry_on=TODAY
    )
    PaymentPart.create(payment=payment, invoice=invoice, amount_cents=100, live=False)
    JobRun.create(name="daily", state="done", as_of_on=TODAY, holder="x", lease_until_at=NOW, started_at=NOW)


def charged_by_nobody():
    invoice = Invoice.get(Invoice.state == "issued")
    AutopayOutcome.create(
        run_on=TODAY, invoice=invoice, customer=invoice.customer, outcome="charged", decided_at=NOW
    )


def _credit(kind, **fields):
    """100 cents of a credit that lies on nothing yet."""
    customer = Payment.get(Payment.key == "a").customer
    return Credit.create(
        **{
            "customer": customer, "kind": kind, "amount_cents": 100, "reason": "x", "by": BY,
            "made_on": TODAY, "created_at": NOW, **fields,
        }
    )  # fmt: skip


def _given_up(invoice, **fields):
    """A debt of 100 cents that was given up, and what it pays of its invoice."""
    credit = _credit(Credit.BAD_DEBT, invoice=invoice, customer=invoice.customer, **fields)
    Allocation.create(invoice=invoice, credit=credit, amount_cents=100, by=BY, made_on=TODAY)
    Invoice.update(open_cents=Invoice.open_cents - 100).where(Invoice.id == invoice.id).execute()


def given_up_alone():
    """Somebody asked for a second person, who never said yes."""
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents == 800))
    asked = Approval.create(
        kind="bad_debt", about_table="invoice", about_id=invoice.id, customer=invoice.customer,
        amount_cents=100, reason="x", asked_by=BY, asked_at=NOW,
    )  # fmt: skip
    _given_up(invoice, approval=asked)


def written_off_beside_it():
    """A write-off that was made, and of which some still lies on the account."""
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents == 800))
    _credit(Credit.WRITE_OFF, invoice=invoice, customer=invoice.customer, open_cents=100)


def paid_after_all_by_somebody_else():
    """A write-off that counts as paid after all, by the money of another customer."""
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents == 800))
    credit = _credit(Credit.WRITE_OFF, invoice=invoice, customer=invoice.customer, open_cents=0)
    payment = Payment.create(
        customer=make_customer("Somebody else"), reference="PLELSE", key="else", kind="check",
        state=Payment.APPROVED, amount_cents=100, open_cents=100, received_on=TODAY, created_at=NOW,
    )  # fmt: skip
    CreditReversal.create(
        credit=credit, amount_cents=100, reason="x", by=BY, made_on=TODAY, created_at=NOW, payment=payment
    )


def same_days_credited_twice():
    """Two questions about the same days of a service that did not work, each with a credit."""
    charge = Charge.select().join(Line, on=(Line.charge == Charge.id)).first()
    customer = charge.contract.customer
    for first, last in ((3, 8), (8, 10)):
        ticket = Ticket.create(
            customer=customer, subject="No signal", opened_at=NOW, last_at=NOW, waiting_since_at=NOW
        )
        ServiceCredit.create(
            customer=customer, ticket=ticket, charge=charge, from_on=date(2026, 12, first),
            to_on=date(2026, 12, last), days=last - first + 1, of_days=31, cents=100, proposed_at=NOW,
            state="given", credit=_credit(Credit.SERVICE, customer=customer, open_cents=100), decided_by=BY,
            decided_at=NOW,
        )  # fmt: skip


def late_fee_above_what_was_told():
    """$3.00 were told, $3.01 will be billed."""
    invoice = Invoice.get((Invoice.state == "issued") & (Invoice.open_cents == 800))
    fee = make_one_off(invoice.customer, item=make_item("Late fee", kind="fee"), cents=301, done_on=TODAY)
    LateFee.create(
        customer=invoice.customer, invoice=invoice, state="charged", cents=300, base_cents=800,
        computed_on=TODAY - timedelta(days=20), charge_from_on=TODAY, told_on=TODAY - timedelta(days=19),
        one_off=fee,
    )  # fmt: skip


FAULTS = {
    "a debt was given up without a second person": given_up_alone,
    "a write-off does not pay its own invoice, as far as it stands": written_off_beside_it,
    "more was paid after all than came of a payment, or than was written off": (
        paid_after_all_by_somebody_else
    ),
    "two service credits are for the same days of a charge": same_days_credited_twice,
    "a late fee is billed as another amount than was told, or without being told": (
        late_fee_above_what_was_told
    ),
    "a due autopay invoice had no outcome when the day was done": forgotten_by_autopay,
    "a returned debit that is to be tried again was not planned": never_tried_again,
    "autopay says charged, and no payment was made": charged_by_nobody,
    "more was refunded of a payment than was paid": refunded_too_much,
    "a refund without an answer is never asked for": never_asked_for_refund,
    "a disputed payment has no open case, or a decided one is still disputed": dispute_without_case,
    "an invoice's lines do not add up to its total": wrong_line,
    "an issued invoice's open amount is not its total less what paid it": wrong_open_invoice,
    "a void or draft invoice is paid or owed": owed_draft,
    "a payment's unapplied amount is not what it has left": wrong_open_payment,
    "a credit's unapplied amount is not what it has left": wrong_open_credit,
    "an allocation pays another customer's invoice": strange_allocation,
    "an allocation is not undone by its exact twin": crooked_twin,
    "an invoice number is missing": missing_number,
    "two lines of a charge cover the same days": double_days,
    "a charge was billed up to a period that has no line": forgotten_period,
    "a concluded payment still claims an invoice": claim_of_the_dead,
    "a live payment claims no invoice": life_without_claim,
    "a payment without an answer is never asked for": never_asked,
    "the next invoice number was given already": number_again,
}


def guards_off(db):
    """Drop every trigger, as somebody with a shell could."""
    if db.for_update:
        catalog = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
        for name, table in db.execute_sql(catalog).fetchall():
            db.execute_sql(f'DROP TRIGGER "{name}" ON {table}')
        return
    for (name,) in db.execute_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute_sql(f'DROP TRIGGER "{name}"')


def test_every_check_has_a_fault_that_it_must_find():
    assert set(FAULTS) == set(checks.CHECKS)


def test_healthy_books_give_nothing(db, books):
    assert checks.run() == []


def test_an_empty_database_gives_nothing(db):
    assert checks.run() == []


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_finds_its_own_fault_and_no_other_does(db, books, check):
    guards_off(db)

    FAULTS[check]()

    [finding] = checks.run()
    assert (finding.check, finding.count) == (check, 1)
    assert finding.examples[0] is not None
    assert str(finding).startswith(f"{check}: 1 (for example ")


def test_a_finding_names_some_of_many(db, alice):
    for _ in range(8):
        make_invoice(alice, cents=100)
    Invoice.update(open_cents=1).execute()

    [finding] = checks.run()

    assert (finding.count, len(finding.examples)) == (8, checks.EXAMPLES)


def test_the_progress_is_told_and_nothing_is_repaired(db, alice):
    invoice = make_invoice(alice, cents=100)
    Invoice.update(open_cents=1).where(Invoice.id == invoice.id).execute()
    steps = []

    checks.run(steps.append)
    checks.run()

    assert len(steps) == len(checks.CHECKS)
    assert Invoice.get().open_cents == 1
    assert not Notice.select().exists()
