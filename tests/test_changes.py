"""What changed since last time, a sentence for each change; what becomes of an invoice that would confuse."""

from datetime import date, datetime

import pytest

from billing import bill, changes, clarity, contracts, invoices
from billing.documents import invoice_documents
from billing.errors import BillingError
from models import Charge, Company, Customer, Invoice, Line, Notice, Site, TaxRate
from tests import factories
from tests.factories import fresh
from tests.sample_documents import CHANGES

pytestmark = pytest.mark.usefixtures("sound_books")

ANN = "staff:ann@lantern.example"
FIRST, SECOND, THIRD = date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)


def noon(day):
    return datetime(day.year, day.month, day.day, 18, 0)


def run(day):
    return bill.run(day, by=ANN, now=noon(day))


def said(day=SECOND):
    """What the invoice of that day says about changes."""
    run(day)
    invoice = Invoice.select().where(Invoice.state == Invoice.ISSUED).order_by(Invoice.id.desc()).get()
    return invoice_documents.of(invoice, pay_url="", today=day).changes


@pytest.fixture
def contract(db):
    customer = factories.make_customer()
    factories.make_site(customer, jurisdiction="TX-AUSTIN")
    return factories.make_contract(customer)


@pytest.fixture
def charge(contract):
    """$30.00 a month, billed once."""
    return factories.make_charge(contract, cents=3000, site=contract.customer.sites.get(), quantity=2)


@pytest.fixture
def billed(charge):
    factories.make_rate()
    run(FIRST)
    return charge


def test_a_first_invoice_says_nothing_of_changes(charge):
    factories.make_rate()

    assert said(FIRST) == ()


def test_where_nothing_changed_nothing_is_said(billed):
    assert said() == ()


def test_a_new_service_is_named(billed, contract):
    factories.make_charge(contract, cents=995, starts_on=SECOND, text="Cellular backup")

    assert said() == ("New: Cellular backup, $9.95, from January 1, 2027.",)


def test_an_agreed_price_says_so(billed):
    contracts.change_price(
        billed, from_on=SECOND, unit_cents=3200, reason="More doors", agreed_how="Signed order", by=ANN,
        now=noon(FIRST),
    )  # fmt: skip

    assert said() == ("Monitoring costs $32.00 instead of $30.00 from January 1, 2027, as agreed.",)


def test_a_price_that_was_told_says_when():
    was = changes.Before(
        1, 1, "Monitoring", FIRST, FIRST, None, None, 1, 3000, 0, "", "", 0, None, 1, 10001, FIRST
    )
    line = Line(text="Monitoring", charge=1, quantity=1, unit_cents=3200, from_on=SECOND, tax_ppm=0)
    told = changes.Price(SECOND, date(2026, 11, 1), "", "Costs")

    assert list(changes._of_line(line, was, [told])) == [
        "Monitoring costs $32.00 instead of $30.00 from January 1, 2027: we told you on November 1, 2026."
    ]


def test_a_lower_price_needs_no_reason(billed):
    contracts.change_price(billed, from_on=SECOND, unit_cents=2500, reason="Thanks", by=ANN, now=noon(FIRST))

    assert said() == ("Monitoring costs $25.00 instead of $30.00 from January 1, 2027.",)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ({}, {"quantity": 3}, "Monitoring: 3 instead of 2."),
        (
            {"discount_cents": 500, "discount_reason": "half a year"}, {"discount_cents": 0},
            "The discount of $5.00 on Monitoring has ended.",
        ),
        (
            {}, {"discount_cents": 500, "discount_reason": "ten years with us"},
            "A discount of $5.00 on Monitoring: ten years with us.",
        ),
        (
            {"discount_cents": 500, "discount_reason": "x"}, {"discount_cents": 700},
            "The discount on Monitoring is $7.00 instead of $5.00.",
        ),
        ({}, {"ends_on": date(2027, 1, 21), "prorate_last": True}, "Monitoring is billed for 21 of 31 days."),
    ],
)  # fmt: skip
def test_each_other_change_has_its_sentence(charge, before, after, sentence):
    factories.make_rate()
    Charge.update(**before).execute() if before else None
    run(FIRST)
    Charge.update(**after).execute()

    assert said() == (sentence,)


def test_a_new_tax_rate_is_named(billed):
    TaxRate.update(ends_on=date(2026, 12, 31)).execute()
    factories.make_rate(rate_ppm=85_000, starts_on=SECOND)

    assert said() == ("The tax on Monitoring is 8.5% instead of 8.25%.",)


def test_a_whole_period_after_a_part_is_named(contract):
    factories.make_rate()
    factories.make_charge(
        contract,
        cents=3000,
        starts_on=date(2026, 12, 11),
        prorate_first=True,
        site=contract.customer.sites.get(),
    )
    run(date(2026, 12, 11))

    assert said() == ("Monitoring is billed for the whole period again.",)


def test_what_is_the_same_for_all_services_is_said_once(contract):
    factories.make_rate()
    for text in ("Monitoring", "Cellular backup", "App"):
        factories.make_charge(
            contract, text=text, starts_on=date(2026, 12, 11), prorate_first=True,
            site=contract.customer.sites.get(),
        )  # fmt: skip
    run(date(2026, 12, 11))

    assert said() == ("Every service is billed for the whole period again.",)


def test_two_sites_with_the_same_change_are_told_of_once(contract):
    factories.make_rate()
    shop = factories.make_site(contract.customer, name="Shop", street="9 Elm Street")
    for site in (contract.customer.sites.order_by(Site.id).first(), shop):
        factories.make_charge(contract, cents=3000, site=site)
    run(FIRST)
    Charge.update(quantity=3).execute()

    assert said() == ("Monitoring: 3 instead of 1.",)


def test_what_ended_is_named_once(billed, contract):
    factories.make_charge(contract, cents=995, text="Cellular backup", prorate_last=True)
    other = Charge.select().order_by(Charge.id.desc()).get()
    run(FIRST)
    Charge.update(ends_on=date(2026, 12, 31), next_on=None).where(Charge.id == other.id).execute()
    said(SECOND)

    first = Invoice.select().order_by(Invoice.id.desc()).get()
    assert invoice_documents.of(first, pay_url="", today=SECOND).changes == (
        "Cellular backup ended on December 31, 2026 and is not billed any more.",
    )
    assert said(THIRD) == ()


def test_what_it_says_stays_when_later_invoices_are_voided(billed, contract):
    factories.make_charge(contract, cents=995, starts_on=SECOND, text="Cellular backup")
    told = said()
    earlier, later = Invoice.select().order_by(Invoice.id)
    invoices.void(earlier, reason="r", by=ANN, today=THIRD, now=noon(THIRD))

    issued = invoice_documents.of(fresh(later), pay_url="", today=THIRD, as_issued=True)
    assert issued.changes == told


def test_it_asks_as_often_for_years_of_invoices_as_for_one(billed, queries):
    run(SECOND)
    lines = list(Line.select().where(Line.from_on == SECOND))
    few = queries(lambda: changes.sentences(lines[0].invoice, lines))
    for month in range(2, 13):
        run(date(2027, month, 1))
    lines = list(Line.select().where(Line.from_on == date(2027, 12, 1)))

    assert queries(lambda: changes.sentences(lines[0].invoice, lines)) == few <= 3


@pytest.fixture
def queries(db):
    from models import db as bound

    def count(act):
        statements = []
        bound.obj.query_hooks.append(statements.append)
        try:
            act()
        finally:
            bound.obj.query_hooks.remove(statements.append)
        return len(statements)

    return count


def test_the_last_period_of_many_charges_is_found_at_once(billed, contract):
    other = factories.make_charge(contract, cents=995, text="Cellular backup")
    run(SECOND)

    assert changes.latest([billed.id, other.id, 999]) == {billed.id: (SECOND, 3000), other.id: (SECOND, 995)}


def test_the_sample_reads_as_the_rule_says():
    assert all(sentence.endswith(".") for sentence in CHANGES)


# --- what the bill step does with it -----------------------------------------------------------------


def test_an_unclear_invoice_waits_as_a_draft_that_says_why(charge):
    factories.make_rate()
    Charge.update(text="Misc.").execute()

    report = run(FIRST)

    assert (report.invoices, report.unclear) == (0, 1)
    assert "1 invoice to make clear first" in str(report)
    draft = Invoice.get()
    assert (draft.state, [one.code for one in clarity.of_draft(draft)]) == ("draft", ["vague"])
    assert run(FIRST).unclear == 0  # it waits; it is not billed again
    assert not Notice.select().exists()


def test_others_are_billed_all_the_same(charge):
    factories.make_rate()
    Charge.update(text="Misc.").execute()
    factories.make_charge(cents=1000)

    assert (run(FIRST).invoices, Invoice.select().where(Invoice.unclear != "").count()) == (1, 1)


def test_it_is_refused_at_issue_until_it_is_clear(charge):
    factories.make_rate()
    Customer.update(street="unknown").execute()
    run(FIRST)
    draft = Invoice.get()
    assert [one.code for one in clarity.of_draft(draft)] == ["no_address"]

    with pytest.raises(BillingError, match="address is not known"):
        invoices.issue(draft, by=ANN, today=FIRST, now=noon(FIRST))
    Customer.update(street="7 Oak Street").execute()

    assert invoices.issue(fresh(draft), by=ANN, today=FIRST, now=noon(FIRST)).number == 10001


def test_a_draft_that_became_unclear_says_so_when_somebody_issues_it(charge):
    factories.make_rate()
    Charge.update(text="Misc.").execute()
    run(FIRST)
    draft = Invoice.get()
    Invoice.update(unclear="").execute()

    with pytest.raises(BillingError, match="does not say what was done"):
        invoices.issue(fresh(draft), by=ANN, today=FIRST, now=noon(FIRST))

    assert clarity.of_draft(fresh(draft))[0].code == "vague"


def test_the_database_issues_nothing_that_says_it_is_unclear(charge):
    from peewee import IntegrityError

    factories.make_rate()
    Charge.update(text="Misc.").execute()
    run(FIRST)

    with pytest.raises(IntegrityError, match="would confuse"):
        Invoice.update(state="issued", number=10001, due_on=SECOND).execute()


def test_how_clear_it_was_is_kept_with_an_issued_invoice_and_by_the_database(charge):
    from peewee import IntegrityError

    factories.make_rate()
    run(FIRST)
    assert Invoice.get().clarity == 100

    with pytest.raises(IntegrityError, match="kept as it was issued"):
        Invoice.update(clarity=50).execute()


def test_made_anew_it_takes_the_words_as_they_are_now(charge):
    factories.make_rate()
    Charge.update(text="Misc.").execute()
    run(FIRST)
    Charge.update(text="Burglar alarm monitoring").execute()

    report = invoices.redo(Invoice.get(), by=ANN, today=FIRST, now=noon(FIRST))

    assert (report.invoices, report.unclear) == (1, 0)
    issued = Invoice.get(Invoice.state == Invoice.ISSUED)
    assert (issued.number, issued.lines.get().text) == (10001, "Burglar alarm monitoring")
    assert Invoice.get(Invoice.state == Invoice.VOID).void_reason == "Made anew"


def test_made_anew_and_still_unclear_it_is_a_draft_again(charge):
    factories.make_rate()
    Charge.update(text="Misc.").execute()
    run(FIRST)

    report = invoices.redo(Invoice.get(), by=ANN, today=FIRST, now=noon(FIRST))

    assert (report.unclear, Invoice.select().where(Invoice.state == Invoice.DRAFT).count()) == (1, 1)


def test_a_price_that_nobody_recorded_is_not_billed(billed):
    Charge.update(unit_cents=3300).execute()

    assert run(SECOND).unclear == 1

    draft = Invoice.get(Invoice.state == Invoice.DRAFT)
    [finding] = clarity.of_draft(draft)
    assert finding.code == "unexplained"
    assert "it costs $33.00 and cost $30.00 last time, and no new price is recorded" in finding.sentence
    with pytest.raises(BillingError, match="no new price is recorded"):
        invoices.issue(draft, by=ANN, today=SECOND, now=noon(SECOND))


def test_a_company_without_an_address_bills_nothing_and_hears_why(charge):
    Company.update(remit_street="", street="").execute()

    with pytest.raises(BillingError, match=r"Nothing was billed\. Who pays by check does not know where"):
        run(FIRST)

    assert [one.code for one in bill.lacks(Company.get(), has_pay_link=False)] == [
        "no_remit_address",
        "no_pay_link",
    ]
    assert not Invoice.select().exists()


def test_the_preview_says_what_would_not_be_clear(charge):
    factories.make_rate()
    Charge.update(text="Misc.").execute()

    [one] = bill.preview(FIRST)

    assert [finding.code for finding in one.unclear] == ["vague"]
    assert not Invoice.select().exists()
    assert Site.select().count() == 1
