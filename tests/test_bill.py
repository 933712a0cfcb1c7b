"""The bill step: what is due becomes issued invoices, each charge and period once only."""

from datetime import date

import pytest

from billing import bill, checks, contracts, invoices
from models import Charge, Credit, Hold, ImportBatch, Invoice, Line, Notice
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_one_off,
    make_rate,
    make_site,
    make_system,
)

DECEMBER = date(2026, 12, 1)


def run(today=DECEMBER, **options):
    return bill.run(today, by=BY, now=NOW, **options)


def test_it_issues_one_invoice_for_all_charges_of_a_customer(db):
    customer = make_customer()
    contract = make_contract(customer)
    home, shop = make_site(customer), make_site(customer, name="Shop")
    make_charge(contract, cents=3000, site=home, system=make_system(home))
    make_charge(contract, cents=1250, site=shop)

    report = run()

    invoice = Invoice.get()
    assert (report.invoices, report.lines, report.total_cents) == (1, 2, 4250)
    assert (invoice.state, invoice.number, invoice.total_cents, invoice.open_cents) == (
        "issued",
        10001,
        4250,
        4250,
    )
    assert (invoice.issued_on, invoice.due_on) == (DECEMBER, date(2026, 12, 16))
    lines = invoice.lines.order_by(Line.position)
    assert [(line.from_on, line.to_on, line.total_cents) for line in lines] == [
        (DECEMBER, date(2026, 12, 31), 3000),
        (DECEMBER, date(2026, 12, 31), 1250),
    ]
    assert lines[0].site_text == "Home, 7 Oak Street, Austin"
    assert lines[0].system_text == "Burglar alarm"
    assert checks.run() == []


def test_it_bills_a_period_once_only(db):
    make_charge()

    assert run().invoices == 1
    assert run().invoices == 0
    assert Line.select().count() == 1


def test_a_taxed_site_pays_tax_rounded_once_on_the_discounted_line(db):
    make_rate()
    customer = make_customer()
    site = make_site(customer, jurisdiction="TX-AUSTIN")
    make_charge(make_contract(customer), cents=4999, site=site, discount_cents=500, discount_reason="Loyal")

    run()

    line = Line.get()
    assert (line.amount_cents, line.discount_cents, line.tax_cents, line.total_cents) == (
        4999,
        500,
        371,
        4870,
    )
    assert line.tax_name == "Texas and Austin sales tax"


@pytest.mark.parametrize(("until", "tax"), [(None, 0), (DECEMBER, 0), (date(2026, 11, 30), 248)])
def test_an_exemption_counts_until_its_last_day(db, until, tax):
    make_rate()
    customer = make_customer(tax_exempt_number="CERT 7", tax_exempt_until_on=until)
    make_charge(make_contract(customer), site=make_site(customer, jurisdiction="TX-AUSTIN"))

    run()

    assert Line.get().tax_cents == tax


def test_an_unknown_jurisdiction_skips_the_customer_with_a_reason_and_bills_the_others(db):
    lost = make_customer("Lost")
    make_charge(make_contract(lost), site=make_site(lost, jurisdiction="TX-NOWHERE"))
    make_charge(make_contract(make_customer("Fine")))

    report = run()

    assert report.invoices == 1
    assert [(customer.name, "TX-NOWHERE" in why) for customer, why in report.skipped] == [("Lost", True)]
    assert Charge.get(Charge.contract == lost.contracts.get()).next_index == 0


def test_missed_periods_are_caught_up(db):
    make_charge(starts_on=date(2026, 10, 1))

    run()

    assert [line.from_on for line in Line.select().order_by(Line.position)] == [
        date(2026, 10, 1),
        date(2026, 11, 1),
        DECEMBER,
    ]


def test_more_missed_periods_than_the_policy_wait_for_staff_as_a_draft(db):
    make_charge(starts_on=date(2026, 6, 1))

    report = run()
    draft = Invoice.get()

    assert (report.invoices, report.drafts, draft.state, draft.number) == (0, 1, "draft", None)
    assert not Notice.select().exists()
    issued = invoices.issue(draft, by=BY, today=DECEMBER, now=NOW)
    assert (issued.number, issued.open_cents, Notice.select().count()) == (10001, 7 * 3000, 1)
    assert run().invoices == 0
    assert checks.run() == []


def test_first_days_are_prorated_or_free(db):
    prorated = make_charge(starts_on=date(2026, 11, 10), cents=3000)
    free = make_charge(starts_on=date(2026, 11, 10), cents=3000, prorate_first=False)

    run()

    lines = {(line.charge_id, line.from_on): line for line in Line.select()}
    first = lines[prorated.id, date(2026, 11, 10)]
    assert (first.to_on, first.days, first.of_days, first.total_cents) == (date(2026, 11, 30), 21, 30, 2100)
    assert sorted(on for charge, on in lines if charge == free.id) == [DECEMBER]


def test_arrears_are_billed_on_the_last_day_of_their_period(db):
    make_charge(starts_on=date(2026, 11, 1), in_arrears=True)

    assert run(date(2026, 11, 29)).invoices == 0
    assert run(date(2026, 11, 30)).invoices == 1
    assert Line.get().to_on == date(2026, 11, 30)


def test_a_new_price_counts_from_its_date(db):
    charge = make_charge(starts_on=date(2026, 11, 1), cents=3000)
    contracts.change_price(
        charge, from_on=DECEMBER, unit_cents=3300, reason="Yearly", by=BY, now=NOW, agreed_how="x"
    )

    run()

    assert [line.unit_cents for line in Line.select().order_by(Line.from_on)] == [3000, 3300]


def test_a_paused_contract_is_not_charged_for_the_days_of_the_pause(db):
    contract = make_contract()
    make_charge(contract, starts_on=date(2026, 10, 1), cents=3100)
    contracts.pause(contract, from_on=date(2026, 10, 16), reason="Rebuilding", by=BY, now=NOW)
    contracts.resume(contract, on=date(2026, 11, 1), by=BY, now=NOW)

    run()

    assert [line.total_cents for line in Line.select().order_by(Line.from_on)] == [1500, 3100, 3100]
    assert Hold.get().ends_on == date(2026, 10, 31)


def test_a_charge_ends_with_its_last_period_prorated(db):
    make_charge(starts_on=date(2026, 11, 1), ends_on=date(2026, 11, 15), cents=3000)

    run()

    assert [(line.to_on, line.total_cents) for line in Line.select()] == [(date(2026, 11, 15), 1500)]
    assert Charge.get().next_on is None


def test_work_joins_the_next_invoice_or_goes_alone(db):
    customer = make_customer()
    make_charge(make_contract(customer))
    make_one_off(customer, text="Battery", cents=4000)
    make_one_off(customer, text="New panel", cents=50000, alone=True, work_order="W-7")

    assert run().invoices == 2
    assert sorted(invoice.total_cents for invoice in Invoice.select()) == [7000, 50000]
    assert run().invoices == 0


def test_unapplied_credit_is_used_at_once(db):
    customer = make_customer()
    make_charge(make_contract(customer), cents=3000)
    invoices.goodwill(customer, amount_cents=1000, reason="Sorry", by=BY, today=DECEMBER, now=NOW)

    run()

    assert Invoice.get().open_cents == 2000
    assert Credit.get().open_cents == 0
    assert checks.run() == []


def test_an_invoice_with_nothing_due_is_issued_and_not_mailed(db):
    make_charge(cents=0, text="Monitoring, included")

    assert run().invoices == 1
    assert not Notice.select().exists()


def test_an_import_that_is_not_released_stays_mute(db):
    batch = ImportBatch.create(file_name="x.csv", sha256="0" * 64, by=BY, committed_at=NOW)
    make_charge(make_contract(make_customer(import_batch=batch)))

    assert run().invoices == 0
    ImportBatch.update(state=ImportBatch.RELEASED).execute()
    assert run().invoices == 1


def test_the_preview_tells_what_the_run_then_does(db):
    make_charge(cents=3000)
    make_charge(make_contract(make_customer("Cleo")), cents=4000)

    told = sum(one.total_cents for one in bill.preview(DECEMBER))

    assert not Invoice.select().exists()
    assert run().total_cents == told == 7000


def test_a_run_that_dies_in_the_middle_leaves_nothing_and_numbers_without_gap(db, monkeypatch):
    make_charge()

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("billing.notices.queue_invoices", die)
        with pytest.raises(KeyboardInterrupt):
            run()

    assert not Invoice.select().exists()
    run()
    assert Invoice.get().number == 10001


def test_every_payer_is_told_on_their_channel(db):
    customer, nobody = make_customer(), make_customer("Nobody", email="")
    make_charge(make_contract(customer))
    make_charge(make_contract(nobody))

    run()

    assert sorted((notice.channel, notice.address) for notice in Notice.select()) == [
        ("mail", "ann@example.com"),
        ("paper", ""),
    ]
