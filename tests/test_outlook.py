"""Looking ahead: the next invoice is told as the bill step will make it."""

from datetime import date

from billing import bill, contracts, outlook
from models import Invoice
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_item,
    make_one_off,
    make_rate,
    make_site,
)


def test_what_is_told_is_what_is_billed(db, alice, clock):
    make_rate()
    site, contract = make_site(alice, jurisdiction="TX-AUSTIN"), make_contract(alice)
    fire = make_charge(contract, cents=3995, starts_on=date(2026, 12, 10), site=site, item=make_item("Fire"))
    make_charge(
        contract,
        cents=800,
        starts_on=date(2026, 12, 10),
        discount_cents=100,
        discount_reason="agreed",
        item=make_item("Backup"),
    )
    contracts.change_price(
        fire,
        from_on=date(2026, 12, 1),
        unit_cents=4495,
        reason="New year",
        agreed_how="Signed",
        by=BY,
        now=NOW,
    )
    make_one_off(alice, cents=9500)

    told = outlook.next_invoice(alice, today=clock.today())
    bill.run(told.bill_on, by=BY, now=NOW)

    issued = Invoice.get()
    assert (told.bill_on, told.due_on, told.total_cents) == (
        issued.issued_on,
        issued.due_on,
        issued.total_cents,
    )
    assert sorted(told.texts) == ["Backup", "Fire", "Service call"]


def test_days_that_are_billed_ahead_count(db, alice, company, clock):
    company.bill_ahead_days = 5
    company.save()
    make_charge(make_contract(alice), starts_on=date(2026, 12, 20))

    assert outlook.next_invoice(alice, today=clock.today()).bill_on == date(2026, 12, 15)


def test_arrears_are_billed_when_they_are_over(db, alice, clock):
    make_charge(make_contract(alice), starts_on=date(2026, 12, 1), in_arrears=True)

    assert outlook.next_invoice(alice, today=clock.today()).bill_on == date(2026, 12, 31)


def test_without_anything_recurring_nothing_is_told(db, alice, clock):
    assert outlook.next_invoice(alice, today=clock.today()) is None
