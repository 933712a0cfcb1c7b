"""Disputing a line on a phone, by keyboard and thumb, and seeing at once what is due now."""

from playwright.sync_api import expect

from models import Dispute, Line
from tests.browser.shop import button
from tests.browser.signs import says


def bill(shop):
    """$100.00, of which one line is $30.00."""
    made = shop.invoice(10_000)
    Line.create(
        invoice=made, position=2, text="Service call", unit_cents=3_000, amount_cents=3_000, total_cents=3_000
    )
    return made


def test_a_line_is_disputed_on_a_phone_and_the_rest_is_paid(shop, phone, axe, fits):
    phone.goto(shop.pay_link(bill(shop)))
    phone.get_by_role("row", name="Service call").get_by_role("link", name="Something wrong?").click()
    expect(phone.get_by_label("What is not right?").locator("option:checked")).to_have_text(
        "Service call, $30.00"
    )
    axe(phone)
    fits(phone)

    phone.get_by_label("Why, in one sentence").fill("He was here for one hour.")
    button(phone, "This part is not right").click()

    says(phone, "$30.00 of this invoice is on hold: Service call")
    axe(phone)
    fits(phone)
    button(phone, "Pay $70.00").click()
    phone.wait_for_url(f"{shop.sandbox.url}/**")
    phone.locator("button[name=test][value=visa]").click()
    phone.get_by_role("link", name="Continue").click()
    expect(phone.locator("h1")).to_have_text("Paid. Thank you.")
    phone.get_by_role("link", name="Back to the invoice").click()
    says(phone, "There is nothing to pay on this invoice until you have our answer.")
    assert Dispute.get().state == "open"


def test_it_is_done_by_keyboard_alone(shop, phone):
    bill(shop)
    phone.goto(f"{shop.pay_link(shop.invoice(5_000))}/dispute")
    phone.get_by_label("What is not right?").focus()
    phone.keyboard.press("Tab")
    phone.keyboard.press("Tab")
    phone.keyboard.type("Not ours.")
    phone.keyboard.press("Tab")
    phone.keyboard.type("20")
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/i/*")  # the page with the form is one level deeper

    assert Dispute.get().amount_cents == 2_000
    button(phone, "It was right after all").focus()
    phone.keyboard.press("Enter")
    says(phone, "$20.00 is due again.")
