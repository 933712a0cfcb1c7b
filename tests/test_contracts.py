"""Contracts: start, pause and resume, a new price, an end with credit for what was not used."""

from datetime import date

import pytest

from billing import bill, contracts, invoices
from billing.errors import BillingError
from models import Charge, Contract, Credit, Event, Hold, Invoice, Line, PriceChange
from tests.at_once import together
from tests.factories import BY, NOW, make_charge, make_contract, make_customer, make_item

pytestmark = pytest.mark.usefixtures("sound_books")

DECEMBER = date(2026, 12, 1)


@pytest.fixture
def contract(alice):
    return make_contract(alice)


def run(today=DECEMBER):
    return bill.run(today, by=BY, now=NOW)


def end(contract, on, today=None, reason_code="moved"):
    return contracts.end(contract, on=on, reason_code=reason_code, by=BY, today=today or on, now=NOW)


def lines():
    rows = Line.select().where(Line.voided_on.is_null()).order_by(Line.from_on)
    return [(line.from_on, line.to_on, line.total_cents) for line in rows]


# --- Start ---------------------------------------------------------------------------------------


def test_a_started_charge_waits_for_its_first_period(contract):
    charge = make_charge(contract, starts_on=date(2026, 12, 10), anchor_day=1)

    assert (charge.next_index, charge.next_on) == (0, date(2026, 12, 10))
    assert Event.get(Event.what == "charge.started").customer_id == contract.customer_id


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"starts_on": date(2026, 12, 2), "ends_on": DECEMBER}, "ends before it starts"),
        ({"starts_on": date(2027, 1, 1)}, "The contract ended on December 31, 2026"),
    ],
)
def test_dates_that_contradict_each_other_are_refused(alice, fields, sentence):
    contract = make_contract(alice, ends_on=date(2026, 12, 31))

    with pytest.raises(BillingError, match=sentence):
        make_charge(contract, **fields)
    assert not Charge.select().exists()


def test_quantity_discount_and_cycle_make_the_line(contract):
    make_charge(
        contract, cents=1000, quantity=3, discount_cents=500, discount_reason="Loyal", cycle_months=3,
        starts_on=DECEMBER,
    )  # fmt: skip

    run()

    line = Line.get()
    assert (line.quantity, line.unit_cents, line.amount_cents, line.discount_cents, line.total_cents) == (
        3, 1000, 3000, 500, 2500,
    )  # fmt: skip
    assert (line.to_on, line.discount_reason) == (date(2027, 2, 28), "Loyal")


# --- Pause and resume ----------------------------------------------------------------------------


def test_a_pause_without_end_stops_the_bills(contract):
    make_charge(contract)
    contracts.pause(contract, from_on=DECEMBER, reason="Rebuilding", by=BY, now=NOW)

    assert run(date(2027, 2, 1)).invoices == 0


def test_after_a_pause_the_days_of_service_are_billed_and_no_others(contract):
    make_charge(contract, cents=3100)
    contracts.pause(contract, from_on=date(2026, 12, 11), reason="Rebuilding", by=BY, now=NOW)
    contracts.resume(contract, on=date(2027, 1, 16), by=BY, now=NOW)

    run(date(2027, 2, 1))

    assert [cents for _, _, cents in lines()] == [1000, 1600, 3100]


def test_a_bill_run_in_the_middle_of_a_pause_forgets_no_day_of_service(contract):
    make_charge(contract, cents=3100)
    run()
    contracts.pause(contract, from_on=date(2026, 12, 20), reason="Rebuilding", by=BY, now=NOW)
    for day in (date(2027, 1, 1), date(2027, 1, 15), date(2027, 1, 31)):
        assert run(day).invoices == 0, "nobody knows yet how many days of January are charged"
    run(date(2027, 2, 10))

    contracts.resume(contract, on=date(2027, 2, 15), by=BY, now=NOW)
    run(date(2027, 2, 15))

    assert lines() == [
        (DECEMBER, date(2026, 12, 31), 3100),
        (date(2027, 2, 1), date(2027, 2, 28), 3100 * 14 // 28),
    ]


def test_a_pause_that_turns_out_to_have_ended_earlier_is_billed_for_the_days_after_it(contract):
    make_charge(contract, cents=3100)
    run()
    contracts.pause(contract, from_on=date(2026, 12, 20), reason="Rebuilding", by=BY, now=NOW)
    run(date(2027, 2, 10))

    contracts.resume(contract, on=date(2027, 1, 22), by=BY, now=NOW)
    run(date(2027, 2, 10))

    assert [cents for _, _, cents in lines()] == [3100, 1000, 3100]


def test_in_arrears_the_days_before_a_pause_are_billed_when_the_period_is_over(contract):
    make_charge(contract, cents=3100, in_arrears=True)
    contracts.pause(contract, from_on=date(2026, 12, 11), reason="Rebuilding", by=BY, now=NOW)

    assert run(date(2026, 12, 31)).invoices == 0
    assert run(date(2027, 1, 1)).invoices == 1
    assert lines() == [(DECEMBER, date(2026, 12, 31), 1000)]


def test_a_pause_needs_a_reason_and_happens_once(contract):
    with pytest.raises(BillingError, match="Say why"):
        contracts.pause(contract, from_on=DECEMBER, reason=" ", by=BY, now=NOW)
    contracts.pause(contract, from_on=DECEMBER, reason="x", by=BY, now=NOW)
    with pytest.raises(BillingError, match="paused already"):
        contracts.pause(contract, from_on=DECEMBER, reason="x", by=BY, now=NOW)
    assert Hold.select().count() == 1


def test_only_a_paused_contract_resumes_and_only_later(contract):
    with pytest.raises(BillingError, match="not paused"):
        contracts.resume(contract, on=DECEMBER, by=BY, now=NOW)
    contracts.pause(contract, from_on=DECEMBER, reason="x", by=BY, now=NOW)
    with pytest.raises(BillingError, match="Resume on a later day"):
        contracts.resume(contract, on=DECEMBER, by=BY, now=NOW)
    contracts.resume(contract, on=date(2026, 12, 2), by=BY, now=NOW)
    contracts.pause(contract, from_on=date(2026, 12, 20), reason="again", by=BY, now=NOW)
    assert Event.select().where(Event.what == "contract.paused").count() == 2


def test_a_pause_of_one_contract_does_not_touch_another(alice, contract):
    other = make_contract(alice)
    make_charge(contract, cents=1000)
    make_charge(other, cents=2000)
    contracts.pause(contract, from_on=DECEMBER, reason="x", by=BY, now=NOW)

    run()

    assert [cents for _, _, cents in lines()] == [2000]


# --- A new price ---------------------------------------------------------------------------------


def test_a_new_price_counts_for_periods_that_start_on_its_date_or_later(contract):
    charge = make_charge(contract, cents=3000)
    contracts.change_price(
        charge, from_on=date(2027, 1, 15), unit_cents=3300, reason="x", by=BY, now=NOW, agreed_how="x"
    )

    run(date(2027, 2, 1))

    assert [cents for _, _, cents in lines()] == [3000, 3000, 3300]
    assert PriceChange.get().by == BY


def test_a_price_change_never_touches_what_was_billed(contract):
    charge = make_charge(contract)
    run()

    for day in (DECEMBER, date(2026, 6, 1)):
        with pytest.raises(BillingError, match="is billed already. Choose a later date"):
            contracts.change_price(charge, from_on=day, unit_cents=1, reason="x", by=BY, now=NOW)
    assert not PriceChange.select().exists()


def test_what_cannot_be_a_price_change_is_refused(contract):
    charge = make_charge(contract)
    with pytest.raises(BillingError, match="below zero"):
        contracts.change_price(charge, from_on=DECEMBER, unit_cents=-1, reason="x", by=BY, now=NOW)
    contracts.change_price(charge, from_on=DECEMBER, unit_cents=2, reason="x", by=BY, now=NOW)
    with pytest.raises(BillingError, match="already. Choose another date"):
        contracts.change_price(charge, from_on=DECEMBER, unit_cents=1, reason="x", by=BY, now=NOW)
    with pytest.raises(BillingError, match="counts only once it was told, or agreed to"):
        contracts.change_price(charge, from_on=date(2027, 2, 1), unit_cents=3300, reason="x", by=BY, now=NOW)


def test_a_price_below_the_discount_is_free_and_never_negative(contract):
    charge = make_charge(contract, cents=3000, discount_cents=1000)
    contracts.change_price(charge, from_on=DECEMBER, unit_cents=400, reason="x", by=BY, now=NOW)

    run()

    assert [cents for _, _, cents in lines()] == [0]


# --- The end -------------------------------------------------------------------------------------


def test_an_end_credits_the_days_that_were_paid_and_not_used(contract):
    make_charge(contract, cents=3100)
    run()

    [credit] = end(contract, date(2026, 12, 21))

    assert (credit.kind, credit.amount_cents, credit.line.charge.contract) == (
        "unused_service",
        1000,
        contract,
    )
    assert "after December 21, 2026" in credit.reason
    assert (Invoice.get().open_cents, Contract.get().end_reason) == (2100, "moved")
    assert run(date(2027, 3, 1)).invoices == 0


def test_a_year_in_advance_gives_back_the_rest_of_the_year(contract):
    make_charge(contract, cents=36500, cycle_months=12, starts_on=DECEMBER)
    run()

    [credit] = end(contract, date(2027, 4, 30))

    assert credit.amount_cents == 36500 * 214 // 365


def test_without_proration_an_end_credits_nothing_and_the_period_is_billed_in_full(contract):
    make_charge(contract, cents=3100, prorate_last=False)
    run()

    assert end(contract, date(2026, 12, 21)) == []
    assert not Credit.select().exists()


def test_an_end_in_the_future_bills_up_to_it(contract):
    make_charge(contract, cents=3100)
    end(contract, date(2027, 1, 10), today=DECEMBER)

    run(date(2027, 3, 1))

    assert lines() == [
        (DECEMBER, date(2026, 12, 31), 3100),
        (date(2027, 1, 1), date(2027, 1, 10), 1000),
    ]


def test_an_end_in_arrears_bills_the_last_days_on_the_last_day(contract):
    make_charge(contract, cents=3100, in_arrears=True)
    end(contract, date(2026, 12, 10), today=DECEMBER)

    assert run(date(2026, 12, 9)).invoices == 0
    assert run(date(2026, 12, 10)).invoices == 1
    assert lines() == [(DECEMBER, date(2026, 12, 10), 1000)]


def test_a_charge_that_never_started_is_never_billed(contract):
    make_charge(contract, starts_on=date(2027, 2, 1))
    end(contract, date(2027, 1, 10), today=DECEMBER)

    assert run(date(2027, 5, 1)).invoices == 0
    assert Charge.get().next_on is None


def test_an_end_gives_back_no_more_than_was_not_credited_before(contract):
    make_charge(contract, cents=3100)
    run()
    invoices.credit(
        Invoice.get(), amount_cents=2600, reason="Alarm out of order", by=BY, today=DECEMBER, now=NOW
    )

    [credit] = end(contract, date(2026, 12, 1))

    assert credit.amount_cents == 500


@pytest.mark.parametrize(
    ("on", "reason_code", "sentence"),
    [(date(2025, 12, 31), "moved", "before it starts"), (DECEMBER, "because", "Choose why")],
)
def test_what_cannot_be_an_end_is_refused(contract, on, reason_code, sentence):
    with pytest.raises(BillingError, match=sentence):
        end(contract, on, reason_code=reason_code)
    assert Contract.get().ends_on is None


def test_a_contract_ends_once_even_when_two_end_it_at_once(contract):
    make_charge(contract, cents=3100)
    run()

    given = together(4, lambda n: end(Contract.get(), date(2026, 12, 21)))

    refused = [one for one in given if isinstance(one, Exception)]
    assert [str(one) for one in refused] == ["This contract ended on December 21, 2026 already."] * 3
    assert Credit.select().count() == 1


# --- What comes next -----------------------------------------------------------------------------


def test_what_comes_next_is_what_is_billed_then(alice, contract):
    make_charge(contract, text="Monitoring", starts_on=date(2026, 12, 10), anchor_day=10)
    make_charge(contract, text="Cameras", cycle_months=3, starts_on=date(2027, 1, 1))

    coming = contracts.upcoming(alice, count=3)

    assert [(day, str(charge), part.to_on) for day, part, charge in coming] == [
        (date(2026, 12, 10), "Monitoring", date(2027, 1, 9)),
        (date(2027, 1, 1), "Cameras", date(2027, 3, 31)),
        (date(2027, 1, 10), "Monitoring", date(2027, 2, 9)),
    ]
    assert contracts.upcoming(make_customer("Nobody")) == []


def test_what_is_paused_does_not_come_next_until_it_is_resumed(alice, contract):
    make_charge(contract, starts_on=date(2026, 12, 10), anchor_day=10)
    told = {"by": BY, "now": NOW}
    contracts.pause(contract, from_on=date(2026, 12, 1), reason="Away", **told)
    assert contracts.upcoming(alice, count=1) == []

    contracts.resume(contract, on=date(2026, 12, 5), **told)

    assert [day for day, _, _ in contracts.upcoming(alice, count=1)] == [date(2026, 12, 10)]


def test_one_customers_bad_data_never_stop_the_others(alice, bob, contract):
    bad = make_charge(contract)
    run()
    Charge.update(next_index=0, next_on=DECEMBER).where(Charge.id == bad.id).execute()
    make_charge(make_contract(bob), item=make_item())

    report = run()

    assert (report.invoices, [customer.id for customer, _ in report.skipped]) == (1, [alice.id])
    assert "refuses the invoice" in report.skipped[0][1]
    assert [row.number for row in Invoice.select().order_by(Invoice.number)] == [10001, 10002]
    Charge.update(next_index=1, next_on=date(2027, 1, 1)).where(Charge.id == bad.id).execute()
