"""The page of preferences in a real browser: by keyboard, without JavaScript, folded out, on a phone."""

import pytest
from playwright.sync_api import expect

from billing import links, preferences
from models import Contact
from tests.browser.signs import says


@pytest.fixture
def address(shop):
    Contact.update(phone="(512) 555-0100").execute()
    return f"{shop.url}/p/{links.preferences_link(shop.contact, now=shop.now)}"


def chosen(shop, event, channel="mail"):
    return preferences.wishes(shop.contact).wish(event, channel)


def unfold(page):
    page.locator("summary", has_text="What we tell you").click()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_everything_that_folds_out_can_be_read_by_everybody(shop, address, open_page, axe, width):
    page = open_page(width=width)
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_the_table_is_a_list_of_events(shop, address, phone):
    phone.goto(address)
    unfold(phone)

    box = phone.get_by_label("Reminder by email", exact=True).bounding_box()
    heading = (
        phone.get_by_role("rowheader", name="Reminder").or_(phone.locator("th", has_text="Reminder")).first
    )

    assert heading.bounding_box()["y"] < box["y"]
    assert box["height"] >= 40


def test_a_way_is_chosen_with_the_keyboard_alone(shop, address, desktop):
    desktop.goto(address)
    desktop.get_by_role("radio", name="Remind me").focus()
    desktop.keyboard.press("ArrowDown")
    desktop.keyboard.press("Tab")
    desktop.keyboard.press("Enter")

    says(desktop, "Saved.")
    expect(desktop.get_by_role("radio", name="Tell me everything")).to_be_checked()
    assert chosen(shop, "digest").day == 1


def test_without_javascript_each_event_can_be_chosen(shop, address, without_javascript):
    page = without_javascript
    page.goto(address)
    unfold(page)
    page.get_by_label("Reminder by email", exact=True).select_option("ahead-10")
    page.get_by_label("Contract end in your calendar").check()
    page.get_by_role("button", name="Save my choices").click()

    says(page, "Saved.")
    assert chosen(shop, "reminder").days == 10
    assert preferences.wishes(shop.contact).wants("contract_end", "calendar")
