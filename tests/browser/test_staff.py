"""The back office in a real browser: on phone and desktop, in light and dark, by keyboard, without script."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

import models
from admin import security
from billing import ledger, payments, tickets
from billing.reversals import refunds, returns
from models import Invoice, Payment
from tests import factories
from tests.browser.signs import TWO_FRAMES, says
from tests.factories import BY, NOW
from tests.office import PASSWORD

TODAY = factories.NOW.date()
pytestmark = pytest.mark.one_database  # what a browser sees
PAGES = (
    "/staff/", "/staff/invoice/", "/staff/invoice/?standing=open&due_on_from=2026-01-01", "/staff/customer/",
    "/staff/customer/1", "/staff/customer/1/edit", "/staff/customer/1/timeline",
    "/staff/customer/1/timeline?show=money&q=card", "/staff/said?q=beeps", "/staff/said?q=zebra",
    "/staff/clarity", "/staff/call-list",
    "/staff/contact/1/preferences", "/staff/invoice/1",
    "/staff/invoice/act/void?id=1",
    "/staff/payment/record", "/staff/payment/record?customer=1&invoice=1", "/staff/bill", "/staff/charge/new",
    "/staff/ticket/1", "/staff/payment/1", "/staff/event/", "/staff/event/1", "/staff/search?q=a&all=1",
    "/staff/password", "/staff/calendar", "/staff/staff/", "/staff/job-run/",
    "/staff/payment/act/refund?id=1", "/staff/payment/act/bounce?id=1", "/staff/payment/act/take_back?id=3",
    "/staff/payment/act/dispute?id=4", "/staff/payment/2", "/staff/refund/", "/staff/refund/1",
    "/staff/refund/act/approve?id=1", "/staff/chargeback/", "/staff/chargeback/1",
    "/staff/chargeback/act/lose?id=1", "/staff/hold/act/lift?id=1", "/staff/loss/",
    "/staff/phone-payment", "/staff/phone-payment?customer=1",
    "/staff/phone-payment/4/return",
)  # fmt: skip


@pytest.fixture
def office(app, live_server, alice, bob):
    """The address of a back office with something in it, and Olga who may do everything."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    site = factories.make_site(alice)
    factories.make_system(site, required_fire=True)
    factories.make_charge(factories.make_contract(alice), site=site)
    for customer in (alice, bob):
        factories.make_invoice(customer, cents=4250)
    factories.make_one_off(bob)
    payments.record(
        bob, amount_cents=1000, kind="check", received_on=TODAY, key="k", by=BY, today=TODAY, now=NOW
    )
    tickets.open(alice, subject="Beeping", body="It beeps at night.", by="customer", now=NOW)
    money_that_comes_and_goes(alice)
    return live_server(app)


def money_that_comes_and_goes(customer):
    """A disputed card payment, a bank debit, one by phone, one that waits, and a refund for two."""
    told = {"by": "staff:bill@lantern.example", "today": TODAY, "now": NOW}
    for number, kind in enumerate(("card", "bank", "card"), 2):
        payment = Payment.create(
            customer=customer, reference=f"PL{number}", key=f"p{number}", state="approved", kind=kind,
            amount_cents=30000, received_on=TODAY, method_label=f"Visa ending {number}111", created_at=NOW,
            transaction_id=f"6000{number}", concluded_at=NOW, form_token="used", form_token_at=NOW,
        )  # fmt: skip
        ledger.open_money(payment)
    returns.open_chargeback(
        Payment.get_by_id(2), amount_cents=30000, reason="Not recognized", fee_cents=1500,
        answer_by_on=TODAY + timedelta(days=7), **told,
    )  # fmt: skip
    Payment.create(
        customer=customer, reference="PL5", key="p5", state="sent", kind="online", amount_cents=4250,
        received_on=TODAY, created_at=NOW, ask_at=NOW, form_token="fresh", form_token_at=NOW,
    )  # fmt: skip
    refunds.start(Payment.get_by_id(3), amount_cents=25000, reason="Moved away", key="r", **told)


def sign_in(page, office):
    page.goto(f"{office}/staff/")
    page.get_by_label("E-mail").fill("olga@lantern.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/staff/")


def test_the_door_stands_in_the_middle(desktop, office):
    desktop.goto(f"{office}/staff/")
    form = desktop.get_by_role("button", name="Sign in").bounding_box()
    assert abs(form["x"] + form["width"] / 2 - desktop.viewport_size["width"] / 2) < 12


def test_every_page_is_easy_to_use_on_a_phone(phone, office, axe, fits):
    phone.goto(f"{office}/staff/")
    axe(phone)
    sign_in(phone, office)

    for path in PAGES:
        assert phone.goto(office + path).status == 200, path
        axe(phone)
        fits(phone)


def test_every_page_is_easy_to_use_on_a_desktop(desktop, office, axe, fits):
    sign_in(desktop, office)

    for path in PAGES:
        assert desktop.goto(office + path).status == 200, path
        axe(desktop)
        fits(desktop)


def test_the_lists_of_every_day_are_whole_on_a_tablet(open_page, office):
    tablet = open_page(width=820, height=1180)
    sign_in(tablet, office)
    cut_off = "[...document.querySelectorAll('.sheet')].some(one => one.scrollWidth > one.clientWidth)"

    for screen in ("customer", "contract", "invoice", "payment", "ticket", "call", "notice"):
        tablet.goto(f"{office}/staff/{screen}/")
        assert not tablet.evaluate(cut_off), screen


def test_the_menu_opens_on_a_phone_without_a_script_of_ours(phone, office, axe):
    sign_in(phone, office)
    phone.get_by_role("button", name="Menu").click()

    phone.get_by_role("link", name="Invoices", exact=True).click()

    phone.wait_for_url("**/staff/invoice/")


def test_a_check_is_recorded_by_keyboard_alone(open_page, office, bob):
    page = open_page()
    sign_in(page, office)
    press = page.keyboard.press

    press("Control+k")
    page.keyboard.type("bob", delay=20)
    page.get_by_role("option", name="Bob Baker").wait_for()
    press("Enter")
    page.wait_for_url("**/staff/customer/*")
    page.get_by_role("link", name="Record payment").last.press("Enter")
    page.wait_for_url("**/staff/payment/record?*")
    page.keyboard.type("32.50")  # the amount has the focus
    press("Tab")
    press("Tab")
    page.keyboard.type("1042")
    press("Enter")
    says(page, "$32.50 recorded")

    paid = Payment.get(Payment.check_number == "1042")
    assert (paid.amount_cents, paid.customer_id) == (3250, bob.id)


def test_type_ahead_picks_a_row_by_keyboard(open_page, office, axe, alice):
    page = open_page()
    sign_in(page, office)
    page.goto(f"{office}/staff/site/new")

    page.get_by_label("Customer", exact=True).press_sequentially("alic")
    page.get_by_role("option", name="Alice Archer", selected=True).wait_for()
    axe(page)
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("Lake house")
    page.get_by_role("button", name="Save").click()
    says(page, "Lake house was saved.")

    assert models.Site.get(models.Site.name == "Lake house").customer_id == alice.id


def test_an_answer_that_comes_after_the_choice_opens_nothing(open_page, office):
    page, held = open_page(), []
    sign_in(page, office)
    page.goto(f"{office}/staff/site/new")
    box = page.get_by_label("Customer", exact=True)
    box.press_sequentially("ali")
    page.get_by_role("option", name="Alice Archer", selected=True).wait_for()

    page.route("**/*query=alic*", lambda route: held.append(route))
    with page.expect_request("**/*query=alic*"):
        box.press("c")
    box.press("Enter")
    with page.expect_event("requestfinished"):
        held[0].continue_()
    page.evaluate(TWO_FRAMES)

    expect(box).to_have_value(re.compile("Alice Archer"))
    expect(page.get_by_role("listbox", name="Suggestions")).to_be_hidden()


def test_many_rows_are_ticked_at_once_and_nothing_happens_before_a_confirmation(open_page, office):
    page = open_page()
    sign_in(page, office)
    page.goto(f"{office}/staff/invoice/")

    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Void").click()
    says(page, "Void (2)")
    assert not Invoice.select().where(Invoice.state == "void").exists()
    page.get_by_label("Reason").fill("Wrong rate")
    page.get_by_role("button", name="Void").click()
    says(page, "2 of 2 done")

    assert Invoice.select().where(Invoice.state == "void").count() == 2


def test_everything_works_without_javascript(without_javascript, office, alice):
    page = without_javascript
    sign_in(page, office)

    page.goto(f"{office}/staff/invoice/")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Customer", exact=True).fill("alice archer")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.wait_for_load_state()
    page.locator("tbody input[type=checkbox]").check()
    page.get_by_role("button", name="Void").click()
    says(page, "The invoice is canceled and stays in the books.")
    page.get_by_label("Reason").fill("Wrong rate")
    page.get_by_role("button", name="Void").click()
    says(page, "was voided")

    page.goto(f"{office}/staff/payment/record")
    page.get_by_label("Customer", exact=True).fill(alice.account_number)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Amount").fill("5")
    page.wait_for_load_state()
    page.get_by_role("button", name="Save", exact=True).click()
    says(page, "$5.00 recorded")
