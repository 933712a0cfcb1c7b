"""Late fees: off by default, told before they are charged, once, capped, and waived for the asking."""

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from billing import bill, invoices, outbox, payments
from billing.documents import invoice_documents
from billing.edges.clock import FixedClock
from billing.errors import BillingError
from billing.remedies import fees, late_fees
from models import (
    Company,
    Contract,
    Credit,
    Customer,
    Dispute,
    Installment,
    InstallmentPart,
    Invoice,
    Item,
    LateFee,
    Line,
    Notice,
    OneOff,
    Plan,
    PlanInvoice,
    Ticket,
)
from tests import factories
from tests.at_once import die_everywhere, together
from tests.factories import fresh

pytestmark = pytest.mark.usefixtures("sound_books")

ANN = "staff:ann@lantern.example"
BILLED = date(2026, 12, 1)  # due on the 16th; late fees are planned from January 1
PLANNED = date(2027, 1, 4)
CHARGED = PLANNED + timedelta(days=fees.PLAN_DAYS)


def noon(day):
    return datetime(day.year, day.month, day.day, 18, 0)


@pytest.fixture
def policy(db):
    """A company that charges 5 %, and a customer who agreed to it, whose first one was waived already."""
    Company.update(late_fee_kind="percent", late_fee_ppm=50_000, late_fee_cap_cents=2500).execute()


@pytest.fixture
def customer(policy):
    return factories.make_customer(kind=Customer.COMMERCIAL)


@pytest.fixture
def charge(customer):
    return factories.make_charge(factories.make_contract(customer, late_fee_agreed=True), cents=20_000)


@pytest.fixture
def invoice(charge):
    """$200.00 for December, due December 16."""
    bill.run(BILLED, by=ANN, now=noon(BILLED))
    return Line.get(Line.charge == charge).invoice


@pytest.fixture
def earlier(customer):
    """A fee of the last twelve months that was waived because it was the first."""
    other = factories.make_invoice(customer, due=date(2026, 9, 1), issued=date(2026, 8, 1))
    payments.record(
        customer, amount_cents=4250, kind="check", received_on=BILLED, key="other", by=ANN, today=BILLED,
        now=noon(BILLED), parts=[(other, 4250)],
    )  # fmt: skip
    return LateFee.create(
        customer=customer, invoice=other, cents=10, base_cents=4250, computed_on=date(2026, 9, 20),
        charge_from_on=date(2026, 10, 4), state="waived", reason=late_fees.FIRST,
    )  # fmt: skip


def run(day):
    return late_fees.run(day, now=noon(day))


def send(day):
    """Send what waits, at noon of that day."""
    clock = FixedClock(day)
    letter = SimpleNamespace(
        subject="s", text="t", html="h", kept_text="t", kept_html="h", message_id="m", template=None,
        text_sha256="",
    )  # fmt: skip
    return outbox.send_due(send=lambda notice, mail: None, compose=lambda notice, now: letter, clock=clock)


def of(invoice):
    return LateFee.get_or_none(LateFee.invoice == invoice)


def told(invoice):
    """Its late fee after it was planned and told."""
    run(PLANNED)
    send(PLANNED)
    run(PLANNED + timedelta(days=1))
    return of(invoice)


def charged(invoice):
    told(invoice)
    run(CHARGED)
    return of(invoice)


def late_words(invoice):
    return invoice_documents.of(invoice, pay_url="", today=CHARGED).late


def pay(invoice, cents, day):
    payments.record(
        invoice.customer, amount_cents=cents, kind="check", received_on=day, key=f"{invoice.id}{day}{cents}",
        by=ANN, today=day, now=noon(day), parts=[(invoice, cents)],
    )  # fmt: skip


def test_there_is_none_until_an_owner_switches_it_on(earlier, invoice):
    Company.update(late_fee_kind="none").execute()

    assert str(run(PLANNED)) == ""
    assert of(invoice) is None


def test_it_is_planned_after_the_grace_and_told_before_it_is_charged(earlier, invoice):
    run(invoice.due_on + timedelta(days=15))
    assert of(invoice) is None

    report = run(invoice.due_on + timedelta(days=16))

    fee = of(invoice)
    assert (report.planned, fee.state, fee.cents, fee.base_cents) == (1, "planned", 300, 20_000)
    [notice] = Notice.select().where(Notice.kind == "late_fee")
    assert (notice.late_fee_id, notice.event, OneOff.select().count()) == (fee.id, "payment_problem", 0)


def test_it_is_charged_once_with_the_next_invoice_and_never_alone(earlier, invoice):
    fee = charged(invoice)
    assert (fee.state, fee.cents, fee.told_on) == ("charged", 300, PLANNED)
    assert late_words(invoice).startswith("A late fee of $3.00 comes with your next invoice,")
    run(CHARGED)
    assert OneOff.select().count() == 1

    for day in (CHARGED, date(2027, 2, 1)):  # January is due at first, too: one invoice for both
        bill.run(day, by=ANN, now=noon(day))
        [line] = Line.select().where(Line.one_off == fee.one_off)
        assert line.invoice.lines.count() == 2

    assert (line.total_cents, line.tax_cents) == (300, 0)
    assert line.text == f"Late fee for invoice {invoice.number}, which was due December 16, 2026"
    assert late_words(invoice).startswith("A late fee of $3.00 was added for it to a later invoice,")


def test_a_late_fee_alone_makes_no_invoice(earlier, invoice, charge):
    fee = charged(invoice)
    charge.next_on = None
    charge.save()

    assert bill.run(CHARGED, by=ANN, now=noon(CHARGED)).invoices == 0
    assert fresh(fee.one_off).billed_on is None


def test_the_first_in_twelve_months_is_waived_and_nobody_is_bothered(invoice):
    run(PLANNED)

    fee = of(invoice)
    assert (fee.state, fee.reason) == ("waived", late_fees.FIRST)
    assert not Notice.select().where(Notice.kind == "late_fee").exists()


def test_who_did_not_agree_to_it_pays_none(earlier, invoice):
    Contract.update(late_fee_agreed=False).execute()

    run(PLANNED)

    assert of(invoice) is None


def test_it_is_not_charged_before_it_was_told_for_ten_days(earlier, invoice):
    run(PLANNED)  # the message is not sent
    run(CHARGED)
    assert (of(invoice).state, of(invoice).charge_from_on) == ("planned", CHARGED + timedelta(days=14))

    send(CHARGED + timedelta(days=1))  # the eighteenth is a holiday
    for days in range(1, 14):
        run(CHARGED + timedelta(days=days))
    assert OneOff.select().count() == 0
    run(CHARGED + timedelta(days=14))
    assert OneOff.select().count() == 1


def test_a_message_that_came_back_told_nobody(earlier, invoice):
    run(PLANNED)
    send(PLANNED)
    Notice.update(bounced_at=noon(PLANNED)).where(Notice.kind == "late_fee").execute()

    for days in range(1, 40):
        run(PLANNED + timedelta(days=days))

    assert (of(invoice).state, OneOff.select().count()) == ("planned", 0)


def test_who_pays_in_time_pays_none(earlier, invoice):
    told(invoice)
    pay(invoice, invoice.open_cents, CHARGED)

    run(CHARGED)

    assert (of(invoice).state, of(invoice).reason, OneOff.select().count()) == ("avoided", late_fees.PAID, 0)


def test_what_was_paid_in_part_makes_it_less_and_never_more(earlier, invoice):
    told(invoice)
    pay(invoice, 15_000, CHARGED)

    run(CHARGED)

    assert (of(invoice).cents, OneOff.get().unit_cents) == (75, 75)


def test_a_higher_rate_later_does_not_raise_what_was_told(earlier, invoice):
    Company.update(late_fee_ppm=10_000).execute()
    told(invoice)
    Company.update(late_fee_ppm=50_000).execute()

    run(CHARGED)

    assert OneOff.get().unit_cents == 200


@pytest.mark.parametrize(
    ("kind", "policy_of", "cents"),
    [
        ("commercial", {"late_fee_kind": "flat", "late_fee_cents": 250}, 250),
        ("commercial", {"late_fee_kind": "flat", "late_fee_cents": 5000}, 300),  # 1.5 % of $200.00
        ("commercial", {"late_fee_kind": "percent", "late_fee_ppm": 10_000}, 200),
        ("commercial", {"late_fee_kind": "flat", "late_fee_cents": 290, "late_fee_cap_cents": 100}, 100),
        ("residential", {"late_fee_kind": "flat", "late_fee_cents": 5000}, 1000),  # $10 at home, at most
        ("residential", {"late_fee_kind": "percent", "late_fee_ppm": 50_000}, 1000),
        ("residential", {"late_fee_kind": "flat", "late_fee_cents": 0}, 0),
        ("residential", {"late_fee_kind": "none", "late_fee_cents": 500}, 0),
    ],
)
def test_the_amount_is_below_every_cap(policy, kind, policy_of, cents):
    Company.update(**policy_of).execute()

    assert fees.cents(20_000, Customer(kind=kind), Company.get()) == cents


def test_it_is_never_reckoned_from_tax_work_or_an_earlier_fee(customer, charge):
    factories.make_rate()
    charge.site = factories.make_site(customer, jurisdiction="TX-AUSTIN")
    charge.save()
    factories.make_one_off(customer, cents=9500)
    fee_item = factories.make_item("Late fee", kind=Item.FEE, taxable=False)
    factories.make_one_off(customer, cents=300, item=fee_item)
    bill.run(BILLED, by=ANN, now=noon(BILLED))
    invoice = Invoice.get()

    assert invoice.total_cents > 20_000 + 9500 + 300
    assert fees.base_cents(invoice, today=PLANNED, grace_days=15) == 20_000


def test_what_is_disputed_costs_nothing(earlier, invoice):
    Dispute.create(
        customer=invoice.customer, invoice=invoice, amount_cents=15_000, reason="other", words="Why?",
        by="contact:1", via="portal", opened_on=PLANNED, opened_at=noon(PLANNED), answer_by_on=PLANNED,
    )  # fmt: skip

    assert fees.base_cents(invoice, today=PLANNED, grace_days=15) == 5_000


def test_what_is_in_a_plan_costs_nothing(earlier, invoice):
    told(invoice)
    _plan(invoice, date(2027, 3, 1))

    run(CHARGED)

    assert OneOff.select().count() == 0
    assert fees.base_cents(invoice, today=CHARGED, grace_days=15) == 0


def _plan(invoice, due_on):
    plan = Plan.create(
        customer=invoice.customer, amount_cents=invoice.open_cents, count=2, by=ANN, via="staff",
        proposed_at=noon(PLANNED), proposed_on=PLANNED, text="t", key="plan",
    )  # fmt: skip
    PlanInvoice.create(plan=plan, invoice=invoice, amount_cents=invoice.open_cents)
    half = invoice.open_cents // 2
    for number in (1, 2):
        part = Installment.create(
            plan=plan, number=number, due_on=due_on + timedelta(days=30 * (number - 1)), amount_cents=half
        )
        InstallmentPart.create(installment=part, invoice=invoice, amount_cents=half)
    agreed = {"agreed_on": PLANNED, "agreed_at": noon(PLANNED), "signed_at": noon(PLANNED)}
    Plan.update(state="running", text_sha256="x", **agreed).where(Plan.id == plan.id).execute()
    PlanInvoice.update(active=True).execute()


def test_while_somebody_waits_for_our_answer_nothing_is_planned_or_charged(earlier, invoice):
    ticket = Ticket.create(
        customer=invoice.customer, subject="Why so much?", opened_at=noon(PLANNED), last_at=noon(PLANNED),
        waiting_since_at=noon(PLANNED),
    )  # fmt: skip
    run(PLANNED)
    assert of(invoice) is None
    Ticket.update(state="closed", closed_at=noon(PLANNED), waiting_since_at=None).execute()
    told(invoice)
    Ticket.update(state="waiting_on_us", closed_at=None, waiting_since_at=noon(CHARGED)).where(
        Ticket.id == ticket.id
    ).execute()

    report = run(CHARGED)

    assert (report.held, OneOff.select().count(), of(invoice).state) == (1, 0, "told")


def test_many_who_plan_and_charge_at_once_charge_it_once(earlier, invoice):
    together(3, lambda n: run(PLANNED))
    assert LateFee.select().where(LateFee.invoice == invoice).count() == 1
    send(PLANNED)
    run(PLANNED + timedelta(days=1))

    together(3, lambda n: late_fees.charge(of(invoice), today=CHARGED, now=noon(CHARGED)))

    assert OneOff.select().count() == 1


def test_a_process_killed_anywhere_while_charging_charges_once_or_not_yet(customer, database_url):
    contract = factories.make_contract(customer, late_fee_agreed=True)
    for n in range(45):
        factories.make_charge(contract, cents=20_000, item=factories.make_item(f"Camera {n}"))
        bill.run(BILLED, by=ANN, now=noon(BILLED))
    rows = [
        LateFee.create(
            customer=customer, invoice=invoice, state="told", cents=300, base_cents=20_000,
            computed_on=PLANNED, charge_from_on=CHARGED, told_on=PLANNED,
        )
        for invoice in Invoice.select().order_by(Invoice.id)
    ]  # fmt: skip
    told = [{"fee": row.id, "now": noon(CHARGED).isoformat()} for row in rows]

    killed = die_everywhere("charge_fee", database_url, told)

    assert 10 < killed < 44
    for row in map(fresh, rows[: killed + 1]):
        assert (row.state, row.one_off_id is not None) in (("charged", True), ("told", False))
        late_fees.charge(row, today=CHARGED, now=noon(CHARGED))
    assert OneOff.select().count() == killed + 1


def test_a_planned_fee_is_waived_with_a_reason(earlier, invoice):
    fee = told(invoice)
    with pytest.raises(BillingError, match="Say why"):
        waive(fee, " ")

    waive(fee, "They called")
    run(CHARGED)

    assert (of(invoice).state, of(invoice).reason, OneOff.select().count()) == ("waived", "They called", 0)
    with pytest.raises(BillingError, match="not charged anyway"):
        waive(fee, "Again")


def waive(fee, reason):
    return late_fees.waive(fee, reason=reason, by=ANN, today=CHARGED, now=noon(CHARGED))


def test_a_charged_fee_that_is_not_billed_goes_away(earlier, invoice):
    fee = charged(invoice)

    waive(fee, "They called")

    assert (fresh(fee).state, fresh(fee.one_off).canceled_on) == ("waived", CHARGED)
    assert not Credit.select().exists()


def test_a_billed_fee_is_credited_and_told(earlier, invoice):
    fee = charged(invoice)
    later = date(2027, 2, 1)
    bill.run(later, by=ANN, now=noon(later))
    line = Line.get(Line.one_off == fee.one_off)

    late_fees.waive(fee, reason="They called", by=ANN, today=later, now=noon(later))

    made = Credit.get()
    assert (made.kind, made.amount_cents, made.line_id, fresh(fee).credit_id) == (
        "late_fee", 300, line.id, made.id
    )  # fmt: skip
    assert Notice.select().where(Notice.kind == "credit_given").count() == 1
    assert invoices.creditable_cents(line.invoice) == line.invoice.total_cents - 300


def test_a_message_that_is_not_true_any_more_does_not_leave(earlier, invoice):
    run(PLANNED)
    pay(invoice, invoice.open_cents, PLANNED)

    send(PLANNED)

    notice = Notice.get(Notice.kind == "late_fee")
    assert (notice.state, bool(notice.reason)) == ("skipped", True)


def test_the_invoice_says_beforehand_what_paying_late_costs(earlier, invoice):
    document = invoice_documents.of(invoice, pay_url="", today=BILLED)

    assert document.late == (
        "If it is still open on January 15, 2027, your agreement allows a late fee of at most $3.00, once. "
        "We tell you at least 10 days before, and the first in twelve months is waived. "
        "If you cannot pay by December 16, 2026, tell us and we will find a date together."
    )
    told(invoice)
    assert invoice_documents.of(invoice, pay_url="", today=PLANNED).late.startswith(
        "A late fee of at most $3.00 is added to your next invoice if this one is still open on January 18,"
    )
    LateFee.update(state="waived", reason="The first one").execute()
    assert invoice_documents.of(invoice, pay_url="", today=PLANNED).late.startswith(
        "The late fee for it is waived."
    )
    Company.update(late_fee_kind="none").execute()
    issued = invoice_documents.of(invoice, pay_url="", today=BILLED, as_issued=True)
    assert issued.late.startswith("There is no late fee.")
