"""The gateway sandbox's own pages in a real browser: what customers type is kept, what is wrong is said."""

import pytest
from playwright.sync_api import expect

from tests.browser.signs import says
from tests.test_sandbox_profile_page import ask, pay_page


@pytest.fixture
def profile(sandbox):
    return sandbox.method(number="4111111111111111", expiration="05/27", name="Ann Example", zip="98004")[0]


def post(page, url, **fields):
    """Let the browser post a form to the sandbox, as our own page does."""
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    page.set_content(f'<form method="post" action="{url}">{inputs}<button>Go</button></form>')
    page.get_by_role("button", name="Go").click()


def test_a_card_is_saved_on_a_phone(sandbox, profile, phone, axe, fits):
    token = ask(sandbox, profile).text("token")
    post(phone, f"{sandbox.url}/customer/addPayment", token=token)
    says(phone, "Nothing is charged now.")
    axe(phone)
    fits(phone)
    expect(phone.get_by_label("Routing number")).to_be_hidden()

    phone.get_by_label("Card number").fill("4111111111111112")
    phone.get_by_label("Expires").fill("01/20")
    phone.get_by_role("button", name="Save", exact=True).last.click()
    says(phone, "The credit card number is invalid.")
    says(phone, "The credit card has expired.")
    axe(phone)
    fits(phone)

    phone.get_by_label("Card number").fill("5424 0000 0000 0015")
    phone.get_by_label("Expires").fill("06/40")
    phone.get_by_role("button", name="Save", exact=True).last.click()
    says(phone, "Mastercard ending 0015, expires 06/40 was saved.")
    axe(phone)


def test_a_bank_account_is_saved_changed_and_removed(sandbox, profile, desktop, axe, fits):
    token = ask(sandbox, profile).text("token")
    post(desktop, f"{sandbox.url}/customer/manage", token=token)
    says(desktop, "Cards and bank accounts")
    axe(desktop)
    desktop.get_by_role("button", name="Add a card or bank account").click()
    desktop.get_by_label("Bank account").check()
    expect(desktop.get_by_label("Card number")).to_be_hidden()
    desktop.get_by_label("Routing number").fill("121042882")
    desktop.get_by_label("Account number").fill("123456781")
    desktop.get_by_label("Name on the account").fill("Ann Example")
    desktop.get_by_role("button", name="Save", exact=True).last.click()
    expect(desktop.get_by_role("status")).to_have_text("Bank account ending 6781 was saved.")

    desktop.get_by_role("button", name="Change Bank account ending 6781").click()
    says(desktop, "To change the number, remove it and add the new one.")
    axe(desktop)
    fits(desktop)
    desktop.get_by_label("Name on the account").fill("Ann Archer")
    desktop.get_by_role("button", name="Save").click()
    desktop.get_by_role("button", name="Remove Bank account ending 6781").click()
    says(desktop, "Payments that were made with it stay as they are.")
    axe(desktop)
    desktop.get_by_role("button", name="Remove").click()

    expect(desktop.get_by_role("status")).to_have_text("Bank account ending 6781 was removed.")
    assert len(sandbox.profiles()[0]["methods"]) == 1


def test_a_saved_card_pays_without_typing(sandbox, profile, phone, axe, fits):
    post(phone, f"{sandbox.url}/payment/payment", token=pay_page(sandbox, profile))
    phone.get_by_label("Another card").wait_for()
    axe(phone)
    fits(phone)
    expect(phone.get_by_label("Card number")).to_be_hidden()
    phone.get_by_label("Another card").check()
    expect(phone.get_by_label("Card number")).to_be_visible()
    phone.get_by_label("Visa ending 1111").check()

    phone.get_by_role("button", name="Pay", exact=True).last.click()

    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible()
    assert [one["profile_id"] for one in sandbox.transactions()] == [profile]


def test_the_control_page_is_for_everybody(sandbox, profile, desktop, phone, axe, fits):
    debit = sandbox.charge_stored(sandbox.method(kind="bank"), 5000).transaction_id
    sandbox.post_control("settle")
    for page in (desktop, phone):
        page.goto(f"{sandbox.url}/control")
        axe(page)
        fits(page)

    desktop.get_by_label(f"Return code for {debit}").select_option("R09")
    desktop.get_by_role("button", name="Return", exact=True).click()

    says(desktop, f"R09 of {debit}")
