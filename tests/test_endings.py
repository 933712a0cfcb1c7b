"""Ending a contract for a reason: the fee, the law, the refund, the final invoice, the letter."""

from datetime import date, datetime

import pytest

from billing import bill, payments
from billing.errors import BillingError
from billing.renewals import endings
from models import Cancellation, Contract, Notice, OneOff, Ticket
from tests import factories
from tests.office import enter, text_of
from tests.test_answers import give, require_fire
from tests.test_renewals import agree

TODAY, NOW = date(2026, 12, 1), datetime(2026, 12, 1, 18)
SOON = date(2026, 12, 31)


def end(contract, reason="cost", *, on=SOON, **fields):
    told = {"by": "staff", "today": TODAY, "now": NOW}
    return endings.end(contract, on=on, reason_code=reason, **told, **fields)


@pytest.fixture
def contract(company, alice):
    return agree(alice)


def test_a_fee_is_billed_with_the_final_invoice_where_nothing_forbids_it(contract):
    row = end(contract, fee_cents=15000)

    assert (row.fee_cents, row.fee_refusal) == (15000, "")
    assert OneOff.get().unit_cents == 15000
    bill.run(date(2026, 12, 2), by="t", now=NOW)
    assert "Early-termination fee, Monitoring agreement" in [
        line.text for line in contract.customer.invoices.get().lines
    ]


@pytest.mark.parametrize("reason", ["care", "home_sale", "service_member", "deceased"])
def test_no_fee_where_the_law_or_the_house_forbids_it(contract, reason):
    with pytest.raises(BillingError, match="No fee may be charged"):
        end(contract, reason, fee_cents=15000)

    assert Contract.get().ends_on is None
    assert end(contract, reason).fee_refusal


def test_no_fee_after_a_missed_notice(contract):
    Contract.update(
        renews_monthly_from_on=date(2026, 11, 1), renews_monthly_reason="The notice GA was missed."
    ).execute()

    with pytest.raises(BillingError, match="No fee may be charged. The notice GA was missed."):
        end(Contract.get(), fee_cents=15000)


def test_no_fee_at_the_end_of_the_term(contract):
    with pytest.raises(BillingError, match="nothing ends early"):
        end(contract, on=date(2027, 3, 31), fee_cents=15000)


def test_no_fee_for_who_ended_it_on_the_page_that_said_so_however_early_staff_end_it(contract):
    require_fire(contract)
    give(contract)

    assert "there is no fee" in endings.fee_refusal(contract, "other", SOON, today=TODAY)


@pytest.mark.parametrize("change, said", [
    ({}, "it ends before its term is over: a fee may be charged if the agreement has one"),
    ({"term_months": 0}, "no fee may be charged. It runs month to month"),
])  # fmt: skip
def test_staff_read_of_a_fee_only_where_one_may_be(app, company, alice, change, said):
    contract = agree(alice, **change)

    page = text_of(enter(app).get(f"/staff/contract/act/end?id={contract.id}"))

    assert f"With December 1, 2026 as its last day, {said}" in page


def test_a_service_member_gets_the_unearned_part_back_within_60_days(contract):
    row = end(contract, "service_member", proof="Orders of November 20, 4111 1111 1111 1111")

    assert row.refund_by_on == date(2027, 3, 1)
    assert "Keep what shows it: the orders of 90 days or more" in row.law
    assert row.proof == "Orders of November 20, •••• 1111 (card number removed)"


def test_tennessee_says_more_than_others(company, alice, bob):
    here, there = agree(alice, "TN"), agree(bob, "OH")

    assert any("62-32-325" in line for line in endings.consequences(here, "care", SOON, today=TODAY).law)
    assert not any("62-32-325" in line for line in endings.consequences(there, "care", SOON, today=TODAY).law)


@pytest.mark.parametrize(
    ("signed", "until"),
    [
        (date(2026, 12, 7), date(2026, 12, 10)),
        (date(2026, 12, 3), date(2026, 12, 7)),  # Friday, Saturday, Monday
        (date(2026, 12, 23), date(2026, 12, 28)),  # Christmas and a Sunday do not count
    ],
)
def test_three_business_days_count_saturdays_and_leave_out_holidays(company, alice, signed, until):
    contract = factories.make_contract(alice, signed_on=signed)

    assert endings.cooling_off_until(contract) == until


def test_withdrawing_is_refused_once_the_three_days_are_over(company, alice):
    contract = factories.make_contract(alice, signed_on=date(2026, 11, 2))

    with pytest.raises(BillingError, match="They ended on November 5, 2026. Choose another reason"):
        end(contract, "cooling_off")


def test_what_was_paid_ahead_is_offered_back_by_a_ticket(company, alice):
    contract = agree(alice, term_months=0)
    bill.run(TODAY, by="t", now=NOW)
    payments.record(
        alice, amount_cents=3000, kind="check", received_on=TODAY, key="k", confirmed=True, by="t",
        today=TODAY, now=NOW,
    )  # fmt: skip

    row = end(contract, "moved", on=date(2026, 12, 16))

    assert row.credited_cents == 1452
    assert Ticket.get().subject == "Send back $14.52 that was paid ahead"


def test_the_customer_is_told_the_last_day_and_the_money(app, contract):
    end(contract)

    letter = app.compose(Notice.get(Notice.kind == "contract_ended"), NOW)
    assert "December 31, 2026 is your last day of service" in " ".join(letter.text.split())
    assert "Early-termination fee: none" in letter.text


def test_a_contract_has_one_end(contract):
    end(contract)

    with pytest.raises(BillingError, match="ended on December 31, 2026 already"):
        end(Contract.get())
    assert Cancellation.select().count() == 1


def test_staff_see_what_is_missing_and_record_it(app, contract):
    require_fire(contract)
    desk = enter(app)

    page = text_of(desk.get(f"/staff/contract/act/end?id={contract.id}"))
    assert "tell the authority in writing and record that notice" in page
    assert "50 U.S.C. 3956" in page
    refused = desk.act("contract", "end", contract, on="2027-03-31", reason="cost")
    assert "tell the authority" in text_of(refused)
    letter = {"authority": "Austin Fire Department", "address": "1 Main Street, Austin, TX 78701"}
    letter |= {"kind": "ended", "ends_on": "2027-03-31"}
    paper = desk.act("contract", "authority_letter", contract, follow_redirects=False, **letter)
    assert paper.data.startswith(b"%PDF")
    desk.act(
        "contract",
        "authority_told",
        contract,
        sent_on="2026-12-01",
        medium="certified",
        proof="94071",
        **letter,
    )
    desk.act("contract", "end", contract, on="2027-03-31", reason="cost")

    assert Contract.get().ends_on == date(2027, 3, 31)
