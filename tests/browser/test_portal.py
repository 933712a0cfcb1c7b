"""The customer's way in a real browser: pay link to receipt, on a phone, by keyboard, without scripts.

Every page passes axe and needs no sideways scrolling, in light and dark. The processor is the real sandbox.
"""

from datetime import date

import pytest
from playwright.sync_api import expect

import models
from billing import links, payments, tickets
from models import Payment, Staff
from tests.browser.shop import button
from tests.browser.signs import says
from tests.conftest import TODAY
from tests.factories import BY, make_charge, make_contract, make_item, make_rate, make_site


def by_test_method(page, name):
    """Pay on the sandbox's page with one of its ready-made cards and accounts."""
    page.locator(f"button[name=test][value={name}]").click()


def headed(page, words):
    """Wait for the page with this headline."""
    expect(page.locator("h1")).to_have_text(words)
    page.wait_for_load_state()


# --- From the pay link to the receipt ------------------------------------------------------------


def test_paying_on_a_phone(shop, phone, axe, fits):
    phone.goto(shop.pay_link(shop.invoice()))
    axe(phone)
    fits(phone)
    pay = button(phone, "Pay $42.50")
    box = pay.bounding_box()
    assert box["y"] + box["height"] < phone.viewport_size["height"], "the button is not on the first screen"

    pay.click()
    phone.wait_for_url(f"{shop.sandbox.url}/**")
    by_test_method(phone, "visa")
    phone.get_by_role("link", name="Continue").click()

    headed(phone, "Paid. Thank you.")
    axe(phone)
    fits(phone)
    receipt = phone.get_by_role("link", name="Download the receipt (PDF)").get_attribute("href")
    assert phone.context.request.get(shop.url + receipt).body().startswith(b"%PDF-")
    phone.get_by_role("link", name="Back to the invoice").click()
    says(phone, "Paid on December 1, 2026")
    axe(phone)
    assert len(shop.sandbox.transactions()) == 1


def test_paying_without_javascript(shop, without_javascript, fits):
    page = without_javascript
    page.goto(shop.pay_link(shop.invoice()))
    page.get_by_text("Pay another amount").click()
    page.get_by_label("Amount", exact=True).fill("12,50")
    button(page, "Pay this amount").click()
    says(page, "“12,50” is not an amount")
    page.get_by_label("Amount", exact=True).fill("12.50")
    button(page, "Pay this amount").click()
    says(page, "Continue to secure payment")
    button(page, "Continue to secure payment").click()
    by_test_method(page, "bank")
    page.get_by_role("link", name="Continue").click()

    headed(page, "Your bank payment has started")
    assert Payment.get().amount_cents == 1250


def test_paying_by_keyboard_alone(shop, open_page):
    page = open_page()
    page.goto(shop.pay_link(shop.invoice()))

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the main part"
    page.keyboard.press("Enter")
    tab_to(page, "Pay $42.50")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shop.sandbox.url}/**")
    tab_to(page, "Visa 1111 approved")
    page.keyboard.press("Enter")
    says(page, "Thank you")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")

    page.wait_for_url("**/return")
    headed(page, "Paid. Thank you.")


def tab_to(page, words):
    """Press Tab until what has the focus says ``words``; each stop must be visible and marked."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if " ".join(page.evaluate("document.activeElement.textContent").split()) == words:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"“{words}” cannot be reached by keyboard")


def test_a_double_click_is_one_payment(shop, open_page):
    page = open_page()
    page.goto(shop.pay_link(shop.invoice()))

    button(page, "Pay $42.50").dblclick(no_wait_after=True)
    page.wait_for_url(f"{shop.sandbox.url}/**")

    assert Payment.select().count() == 1


def test_what_was_pressed_says_that_it_works_on_it(shop, open_page):
    page = open_page()
    page.goto(shop.pay_link(shop.invoice()))
    page.route("**/pay", lambda route: route.fulfill(status=204))  # no answer that leads anywhere else

    button(page, "Pay $42.50").click()

    expect(page.locator("button[aria-busy=true]")).to_have_text("Pay $42.50")


def test_what_was_done_is_the_first_thing_that_the_keyboard_and_readers_meet(shop, desktop):
    shop.sign_in(desktop)
    desktop.goto(f"{shop.url}/account/details")
    desktop.get_by_label("Phone").fill("512 555 0133")
    desktop.get_by_label("Phone").press("Enter")
    expect(desktop.get_by_role("status")).to_be_focused()

    desktop.get_by_label("Email address").fill("nobody")
    desktop.get_by_label("Email address").press("Enter")
    expect(desktop.get_by_role("alert")).to_be_focused()


def test_back_from_the_payment_page_leads_to_the_invoice_and_on_again(shop, open_page):
    page = open_page()
    path = shop.pay_link(shop.invoice())
    page.goto(path)
    button(page, "Pay $42.50").click()
    page.wait_for_url(f"{shop.sandbox.url}/**")

    page.go_back()
    page.wait_for_url(path)
    button(page, "Pay $42.50").click()
    page.wait_for_url(f"{shop.sandbox.url}/**")
    by_test_method(page, "declined")
    page.get_by_role("link", name="Cancel").click()

    headed(page, "The payment was not accepted")
    assert Payment.select().count() == 1


def test_a_payment_that_is_being_checked_shows_the_news_by_itself(shop, phone, axe, fits):
    phone.goto(shop.pay_link(shop.invoice()))
    button(phone, "Pay $42.50").click()
    phone.wait_for_url(f"{shop.sandbox.url}/**")
    payment = Payment.get()
    phone.goto(f"{shop.url}/payments/{payment.reference}/return")
    headed(phone, "We are checking your payment")
    axe(phone)
    fits(phone)

    shop.sandbox.pay(payment.form_token)

    headed(phone, "Paid. Thank you.")


# --- Signed in -----------------------------------------------------------------------------------


def test_from_one_invoice_to_everything_by_a_pasted_code(shop, phone, axe, fits):
    shop.invoice(cents=999)
    phone.goto(shop.pay_link(shop.invoice()))
    button(phone, "See everything you owe").click()
    field = phone.get_by_label("Code from the email")
    expect(field).to_have_attribute("autocomplete", "one-time-code")
    axe(phone)
    fits(phone)
    _, code = links.sign_in_link(shop.contact, now=shop.now)

    field.fill(f"{code[:3]} {code[3:]}")
    button(phone, "Sign in").click()

    phone.wait_for_url("**/account")
    says(phone, "$52.49")


def test_the_button_adds_up_what_is_chosen(shop, phone):
    for cents in (1000, 2000, 4000):
        shop.invoice(cents=cents)
    shop.sign_in(phone)
    expect(button(phone, "Review and pay $70.00")).to_be_visible()
    phone.get_by_label("Invoice 10002").uncheck()
    button(phone, "Review and pay $50.00").click()
    button(phone, "Pay $50.00").click()
    phone.wait_for_url(f"{shop.sandbox.url}/**")

    says(phone, "$50.00")


@pytest.fixture
def busy(shop):
    """An account with a little of everything. Returns the paths of all its pages."""
    make_rate()
    site = make_site(shop.alice, jurisdiction="TX-AUSTIN")
    item = make_item("Burglary monitoring")
    make_charge(make_contract(shop.alice), cents=3995, starts_on=date(2027, 1, 1), site=site, item=item)
    late = shop.invoice(cents=3995, due=date(2026, 11, 15), issued=date(2026, 11, 1))
    shop.invoice()
    told = {"by": BY, "now": shop.now}
    check = {"amount_cents": 2000, "kind": "check", "received_on": TODAY, "check_number": "1042"}
    paid = payments.record(shop.alice, key="k", today=TODAY, **check, **told)
    about = {"contact": shop.contact, "invoice": late}
    ticket = tickets.open(shop.alice, subject="A question", body="Why?", **about, **told)
    sam = Staff.create(name="Sam", email="sam@lantern.example")
    tickets.reply(ticket, body="Because.", staff=sam, **told)
    return [
        "/account", "/account/pay?invoice=10001&invoice=10002", "/account/invoices",
        f"/account/invoices/{late.number}", "/account/payments",
        f"/account/payments/{paid.reference}", "/account/statement",
        "/account/statement?from=2026-02-30&to=x", "/account/questions", f"/account/questions/{ticket.id}",
        "/account/questions/new", "/account/details", "/account/preferences", "/account/choose",
    ]  # fmt: skip


def test_every_page_of_the_account_hinders_nobody_on_a_phone(shop, busy, phone, axe, fits):
    shop.sign_in(phone)
    for path in busy:
        phone.goto(shop.url + path)
        axe(phone)
        fits(phone)


def test_tables_with_all_their_columns_hinder_nobody_on_a_desktop(shop, busy, desktop, axe, fits):
    shop.sign_in(desktop)
    for path in [path for path in busy if path.count("/") == 2 or "invoices" in path]:
        desktop.goto(shop.url + path)
        axe(desktop)
        fits(desktop)


def test_the_pages_around_hinder_nobody(shop, phone, axe, fits):
    link = shop.pay_link(shop.invoice())
    dead = shop.pay_link(shop.invoice())
    links.revoke(models.Link.select().order_by(models.Link.id.desc()).limit(1), by=BY, now=shop.now)
    sign_in, _ = links.sign_in_link(shop.contact, now=shop.now)
    preferences = links.preferences_link(shop.contact, now=shop.now)
    consent = links.consent_link(shop.contact, now=shop.now)
    for path in (
        "/sign-in", "/pay", f"/sign-in/{sign_in}", f"/p/{preferences}", f"/e/{consent}", "/i/nonsense",
        dead.removeprefix(shop.url), "/nothing", "/payments/PLNOTHING/return", link.removeprefix(shop.url),
    ):  # fmt: skip
        phone.goto(shop.url + path)
        axe(phone)
        fits(phone)


def test_mistakes_are_shown_so_that_everybody_finds_them(shop, phone, axe, fits):
    shop.sign_in(phone)
    phone.goto(f"{shop.url}/account/details")
    phone.get_by_label("Email address").fill("nonsense")
    phone.get_by_label("Name").fill("")
    button(phone, "Save").click()
    says(phone, "Please check these")
    axe(phone)
    fits(phone)

    phone.get_by_role("link", name="Email address").click()

    expect(phone.get_by_label("Email address")).to_be_focused()
    phone.goto(shop.pay_link(shop.invoice()))
    button(phone, "Send").click()
    says(phone, "Please write what it is about.")
    axe(phone)


def test_a_form_that_was_open_too_long_is_sent_again_with_one_click(shop, phone, axe):
    phone.goto(shop.pay_link(shop.invoice()))
    phone.get_by_label("What is wrong").fill("Why so much?")
    phone.context.clear_cookies()

    button(phone, "Send").click()
    headed(phone, "Please send it once more")
    axe(phone)
    button(phone, "Send it again").click()

    says(phone, "Your question is with us")
