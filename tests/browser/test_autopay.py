"""Autopay in a real browser: a card is added on the processor's page, read, agreed to, put off, switched off.

Every page passes axe and needs no sideways scrolling, in light and dark, on phone and desktop. The
processor is the real sandbox.
"""

import pytest
from playwright.sync_api import expect

from billing import links
from billing.automatic import autopay, consent
from models import Autopay, Customer, Notice, Payment, PaymentMethod, PlannedCharge
from tests.browser.shop import button
from tests.browser.signs import says
from tests.factories import BY, make_method, payer


@pytest.fixture
def good(axe, fits):
    """A function `good(page)`: nothing on it hinders anybody."""

    def check(page):
        axe(page)
        fits(page)

    return check


def agreed(shop, method, **chosen):
    terms = consent.Terms(**chosen)._asdict()
    return autopay.agree(
        shop.alice, contact=payer(shop.alice), method=method, **terms, address="203.0.113.7", by=BY,
        text=consent.words_of(shop.alice, method, **terms).text, today=shop.app.clock.today(), now=shop.now,
    )  # fmt: skip


def add_a_card(page):
    """Fill in the processor's page and come back."""
    page.wait_for_url("**/customer/addPayment")
    typed = {"number": "4111111111111111", "expiration": "05/39", "code": "900", "firstName": "Alice"}
    for name, text in (typed | {"lastName": "Archer", "address": "1 Main St", "zip": "98004"}).items():
        page.locator(f"input[name={name}]").fill(text)
    page.locator("button.main").click()
    page.get_by_role("link", name="Continue").click()


def test_a_customer_adds_a_card_reads_agrees_and_is_charged_nothing(shop, desktop, good):
    shop.invoice()
    shop.sign_in(desktop)
    desktop.get_by_role("link", name="Autopay", exact=True).click()
    desktop.wait_for_url("**/account/autopay")
    good(desktop)
    button(desktop, "Add a card or bank account").click()
    add_a_card(desktop)
    desktop.wait_for_url("**/account/autopay?method=*")
    good(desktop)
    desktop.get_by_label("Ask me first above").fill("100")
    button(desktop, "Continue to the words").click()
    box = desktop.get_by_label("I agree to this authorization.")
    expect(box).not_to_be_checked()
    good(desktop)
    box.check()
    button(desktop, "Switch autopay on").click()
    says(desktop, "Autopay is on. A copy")
    good(desktop)

    made = Autopay.get()
    assert (made.cap_cents, made.method.label) == (10000, "Visa ending 1111")
    assert Customer.get_by_id(shop.alice.id).profile_id
    assert Payment.select().count() == 0


def test_on_a_phone_everything_of_it_can_be_read_and_pressed(shop, phone, good):
    card = make_method(shop.alice)
    make_method(shop.alice, kind="bank", label="Bank account ending 6781", expires_on=None)
    make_method(shop.alice, label="Visa ending 1881", state="disabled", reason="The card has expired.")
    invoice = shop.invoice()
    shop.sign_in(phone)
    for path in ("/account/autopay", "/account/methods", f"/account/methods/{card.id}/remove"):
        phone.goto(shop.url + path)
        good(phone)
    phone.goto(f"{shop.url}/account/autopay/agree?method={card.id}&timing=days_before&days_before=99&cap=x")
    says(phone, "Please check these")
    good(phone)
    phone.goto(f"{shop.url}/account/autopay/agree?method={card.id}&timing=due_date&tell_days=3")
    good(phone)

    made = agreed(shop, card, tell_days=3)
    for path in (
        "/account", "/account/autopay", f"/account/autopay/{made.id}", "/account/invoices",
        f"/account/invoices/{invoice.number}", f"/account/invoices/{invoice.number}/wait",
        "/account/preferences", f"/account/methods/{card.id}/remove",
    ):  # fmt: skip
        phone.goto(shop.url + path)
        good(phone)


def test_one_click_in_a_mail_puts_a_charge_off_and_works_without_javascript(shop, without_javascript):
    agreed(shop, make_method(shop.alice))
    invoice = shop.invoice()
    autopay.plan_due(shop.app.clock.today(), now=shop.now)
    page, token = without_javascript, links.pay_link(invoice, now=shop.now, contact=shop.contact)

    page.goto(f"{shop.url}/i/{token}/wait")
    page.get_by_label("Charge it on").select_option("2026-12-22")
    button(page, "Wait until then").click()
    says(page, "We wait. It will be charged on December 22, 2026.")
    assert f"{PlannedCharge.get().charge_on}" == "2026-12-22"

    page.goto(f"{shop.url}/i/{token}/wait")
    button(page, "Switch autopay off").click()
    says(page, "Autopay is off.")
    assert autopay.standing(shop.alice) is None
    expect(button(page, "Pay $42.50")).to_be_visible()


def test_it_is_all_done_by_keyboard(shop, desktop):
    make_method(shop.alice)
    shop.sign_in(desktop)
    desktop.goto(f"{shop.url}/account/autopay")
    desktop.get_by_label("Ask me first above").focus()
    desktop.keyboard.type("60")
    desktop.keyboard.press("Enter")
    desktop.wait_for_url("**/agree?*")
    desktop.get_by_label("I agree to this authorization.").focus()
    desktop.keyboard.press("Space")
    desktop.keyboard.press("Tab")
    desktop.keyboard.press("Enter")
    says(desktop, "Autopay is on. A copy")

    assert Autopay.get().cap_cents == 6000
    assert Notice.get().kind == "autopay_on"


def test_one_click_pays_with_a_saved_card(shop, desktop, good):
    shop.sign_in(desktop)
    desktop.goto(f"{shop.url}/account/methods")
    button(desktop, "Add a card or bank account").click()
    add_a_card(desktop)
    desktop.wait_for_url("**/account/methods")
    good(desktop)
    invoice = shop.invoice()
    desktop.goto(f"{shop.url}/account/invoices/{invoice.number}")
    good(desktop)
    button(desktop, "Pay $42.50 with Visa ending 1111").dblclick()
    says(desktop, "Paid. Thank you.")

    assert Payment.select().count() == 1
    assert PaymentMethod.get().state == "active"
