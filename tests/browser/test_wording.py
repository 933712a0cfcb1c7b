"""The editor of texts in a real browser: the preview follows what is typed, also without a script."""

import pytest

from admin import security
from tests import factories
from tests.factories import BY, NOW
from tests.office import PASSWORD

pytestmark = pytest.mark.one_database  # what a browser sees
PAGE = "/staff/wordings/invoice/mail/en"


@pytest.fixture
def office(app, live_server, alice):
    """The address of a back office with one open invoice."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    factories.make_invoice(alice, cents=9137)
    return live_server(app)


def sign_in(page, office):
    page.goto(f"{office}/staff/")
    page.get_by_label("E-mail").fill("olga@lantern.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/staff/")


def test_the_preview_follows_what_is_typed_on_a_real_invoice(desktop, office):
    sign_in(desktop, office)
    desktop.goto(office + PAGE)
    frame = desktop.frame_locator("iframe[name=preview]")
    frame.get_by_text("$178.72").first.wait_for()

    desktop.get_by_label("See it on").select_option("invoice-1")
    frame.get_by_role("link", name="Pay $91.37").wait_for()
    text = desktop.locator("#body")
    text.fill("# Hello {{ first_name }}\n\n{{ amount }}\n\n{{ button('Go') }}")
    frame.get_by_role("heading", name="Hello Alice").wait_for()
    text.fill("{{ amout }}")
    frame.get_by_text("Line 1: There is no {{ amout }}. Did you mean {{ amount }}?").wait_for()


def test_without_a_script_the_preview_is_one_button_away(without_javascript, office):
    page = without_javascript
    sign_in(page, office)
    page.goto(office + PAGE)
    page.locator("#body").fill("# Good morning")
    page.get_by_role("button", name="Preview").click()

    page.frame_locator("iframe[name=preview]").get_by_role("heading", name="Good morning").wait_for()


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_list_and_editor_are_easy_to_use(request, device, office, axe, fits):
    page = request.getfixturevalue(device)
    sign_in(page, office)
    for path in ("/staff/wordings", PAGE, "/staff/wordings/reminder/text/es"):
        assert page.goto(office + path).status == 200
        page.locator("main").wait_for()
        axe(page)
        fits(page)
