"""Kind ways out and the last steps in a real browser: credits, fees, losses, service that rests, an agency.

Staff on a phone and on a desktop, the customer on a phone; and each way gone once by hand.
"""

import io
import zipfile
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from admin import security
from billing import approvals, bill, handovers, links, tickets
from billing.remedies import goodwill, service_credits, write_offs
from billing.renewals import prices
from billing.suspensions import steps
from models import Approval, Call, Company, Handover, Invoice, LateFee, Notice, Staff, Suspension
from tests import factories
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import fresh, payer
from tests.office import PASSWORD
from tests.test_suspensions import ANN, BEN, DAY, REASON, at, told

pytestmark = pytest.mark.one_database  # what a browser sees
PAGES = (
    "/staff/", "/staff/customer/1", "/staff/contract/act/suspend?id=1", "/staff/suspension/",
    "/staff/suspension/1", "/staff/suspension/act/check?id=1", "/staff/suspension/act/stop?id=1",
    "/staff/approval/", "/staff/approval/1", "/staff/approval/act/approve?id=1",
    "/staff/approval/act/refuse?id=1", "/staff/customer/act/hand_over?id=1", "/staff/handover/",
    "/staff/handover/1", "/staff/handover/act/make_file?id=1", "/staff/handover/act/take_back?id=1",
    "/staff/customer/act/goodwill?id=1", "/staff/credit/", "/staff/credit/1", "/staff/service-credit/",
    "/staff/service-credit/1", "/staff/service-credit/act/give?id=1", "/staff/service-credit/act/refuse?id=1",
    "/staff/late-fee/", "/staff/late-fee/1", "/staff/late-fee/act/waive?id=1", "/staff/credit-reversal/",
    "/staff/invoice/act/bad_debt?id=1", "/staff/invoice/?standing=remainder",
    "/staff/invoice/?standing=unclear", "/staff/invoice/{draft}", "/staff/contract/1",
    "/staff/contract-ends", "/staff/check-proof", "/staff/canned-reply/",
    "/staff/price-increase?charge=1", "/staff/invoice/1", "/staff/ticket/",
    "/staff/price-change/", "/staff/price-change/1", "/staff/customer/act/hold_messages?id=2",
)  # fmt: skip


@pytest.fixture
def office(app, clock, live_server, alice, bob):
    """Alice's fire alarm may rest, Bob's account may go to an agency; beside them what else is given."""
    clock.set(DAY)
    for name, email in (("Ben Owner", "ben"), ("Olga Owner", "olga")):
        security.create_staff(f"{email}@lantern.example", name, "owner", PASSWORD, by=ANN, now=at())
    contracts = [_late(customer) for customer in (alice, bob)]
    steps.ask(contracts[0], reason=REASON, **told(by=ANN))
    handovers.ask(bob, agency="Calm Partners", reason="Moved away without an address.", **told(by=ANN))
    approvals.approve(approvals.waiting().where(Approval.customer == bob).get(), by=BEN, **told())
    _kind_things(alice)
    rise = prices.Rise(more_cents=200)
    prices.plan(contracts[1].charges, rise, from_on=DAY + timedelta(days=120), reason="Costs", **told(by=ANN))
    return live_server(app)


def _late(customer):
    site = factories.make_site(customer)
    contract = factories.make_contract(customer, name="Monitoring agreement")
    factories.make_charge(contract, site=site, system=factories.make_system(site, kind="fire"))
    issued = DAY - timedelta(days=128)
    factories.make_invoice(customer, cents=4250, due=DAY - timedelta(days=114), issued=issued)
    return contract


def _kind_things(alice):
    """A credit given, one for a fault proposed, a fee told, a loss asked for, a draft that is not clear."""
    cora = factories.make_customer("Cora Carter", email="cora@example.com")
    mild = {"by": ANN, "today": DAY, "now": at()}
    goodwill.give(cora, amount_cents=1000, reason="Late technician", role=Staff.OWNER, **mild)
    agreed, begins_on = factories.make_contract(cora), DAY - timedelta(days=20)
    factories.make_charge(agreed, cents=3000, site=factories.make_site(cora), starts_on=begins_on)
    bill.run(DAY, by=ANN, now=at(), customer=cora)
    fault = tickets.open(
        cora, subject="Panel offline", body="Nothing reaches you.", kind="service", by="Cora",
        now=at(-5), site=cora.sites.get(),
    )  # fmt: skip
    tickets.sort(fault, by=ANN, now=at(), reported_from_at=at(-5), reported_until_at=at(-1))
    service_credits.propose_due(now=at())
    late = factories.make_invoice(cora, cents=9000, due=DAY - timedelta(days=40), issued=DAY)
    LateFee.create(
        customer=cora, invoice=late, cents=450, base_cents=9000, computed_on=DAY, state="told", told_on=DAY,
        charge_from_on=DAY + timedelta(days=14),
    )  # fmt: skip
    write_offs.bad_debt(factories.make_invoice(cora, cents=5000), reason="Closed", by=ANN, now=at())
    factories.make_one_off(cora, text="Misc.", done_on=DAY, alone=True, site=cora.sites.get())
    bill.run(DAY, by=ANN, now=at(), customer=cora)


def pages():
    draft = cora_draft()
    return [path.format(draft=draft.id) for path in PAGES]


def cora_draft():
    return Invoice.get((Invoice.state == Invoice.DRAFT) & (Invoice.unclear != ""))


def walk(page, office, axe, fits):
    sign_in(page, office)
    for path in pages():
        assert page.goto(office + path).status == 200, path
        axe(page)
        fits(page)


def test_every_page_is_easy_to_use_on_a_phone(phone, office, axe, fits):
    walk(phone, office, axe, fits)


def test_every_page_is_easy_to_use_on_a_desktop(desktop, office, axe, fits):
    walk(desktop, office, axe, fits)


def test_a_suspension_leads_from_the_checklist_to_the_second_person(phone, office):
    sign_in(phone, office)
    phone.goto(f"{office}/staff/suspension/1")
    says(phone, "Answer the checklist first")
    phone.get_by_role("link", name="Answer the checklist").click()
    phone.wait_for_url("**/act/check?**")
    for box in phone.get_by_role("checkbox").all():
        box.check()
    phone.get_by_role("button", name="Answer the checklist").click()
    says(phone, "The checklist is answered.")

    phone.get_by_role("link", name="Waits for a second person").click()
    phone.wait_for_url("**/staff/approval/*")
    phone.get_by_role("link", name="Approve").click()
    phone.wait_for_url("**/act/approve?**")
    phone.get_by_role("button", name="Approve").click()
    says(phone, "A second person agreed")
    phone.goto(f"{office}/staff/suspension/1")
    says(phone, "They were told")

    assert fresh(Suspension.get()).state == "warned"
    assert {one.kind for one in Notice.select().where(Notice.suspension == 1)} == {"suspension_warning"}


def test_the_file_for_the_agency_is_made_and_downloaded(desktop, office):
    sign_in(desktop, office)
    desktop.goto(f"{office}/staff/handover/1")
    says(desktop, "A second person agreed")
    desktop.get_by_role("link", name="Make the file").click()
    desktop.wait_for_url("**/act/make_file?**")
    desktop.get_by_role("button", name="Make the file").click()
    says(desktop, "is made, and the customer is told")

    with desktop.expect_download() as begun:
        desktop.get_by_role("link", name="Download the file").click()
    with open(begun.value.path(), "rb") as file:
        names = zipfile.ZipFile(io.BytesIO(file.read())).namelist()

    assert "statement.pdf" in names and "account.csv" in names
    assert fresh(Handover.get()).state == "handed_over"


def test_who_has_no_service_reads_it_first_and_comes_to_us_in_one_step(phone, office, app, alice, axe, fits):
    steps.check(Suspension.get(), list(steps.CHECKS), by=BEN, now=at())
    approvals.approve(approvals.waiting().where(Approval.customer == alice).get(), by=BEN, **told())
    token = links.pay_link(alice.invoices.get(), now=at(), contact=payer(alice))

    phone.goto(f"{office}/i/{token}")
    says(phone, "please talk to us before December 21, 2026")
    axe(phone)
    fits(phone)
    phone.get_by_role("link", name="Write to us").click()

    expect(phone.get_by_label("What is wrong, or what would you like to know?")).to_be_in_viewport()


def test_a_late_fee_is_waived_by_keyboard(desktop, office):
    Company.update(late_fee_kind="percent", late_fee_ppm=50_000).execute()
    sign_in(desktop, office)
    desktop.goto(f"{office}/staff/late-fee/1")
    desktop.get_by_role("link", name="Waive").press("Enter")
    desktop.wait_for_url("**/act/waive?**")
    desktop.get_by_label("Reason").fill("They called, and were in the hospital.")
    desktop.keyboard.press("Enter")
    says(desktop, "Waived")

    assert fresh(LateFee.get()).state == "waived"


def test_ctrl_and_enter_save_a_call_from_the_note(desktop, office, alice):
    sign_in(desktop, office)
    desktop.goto(f"{office}/staff/log-call?customer={alice.id}")
    desktop.get_by_label("Note").fill("Wants to pay on Friday.")

    desktop.keyboard.press("Control+Enter")

    says(desktop, "The call was logged.")
    assert Call.get().note == "Wants to pay on Friday."


def test_a_draft_that_would_confuse_is_not_offered_for_issue(desktop, office):
    sign_in(desktop, office)
    desktop.goto(f"{office}/staff/invoice/{cora_draft().id}")
    says(desktop, "Misc.")

    expect(desktop.get_by_role("link", name="Bill it again")).to_be_visible()
    expect(desktop.get_by_role("link", name="Issue", exact=True)).to_have_count(0)
