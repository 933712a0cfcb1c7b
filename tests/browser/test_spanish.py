"""The pages of a customer who reads Spanish, in a browser: longer words, and the same ease."""

import pytest
from playwright.sync_api import expect

from billing import links
from models import Customer
from tests.browser.test_account_pages import house  # noqa: F401
from tests.factories import NOW, payer

pytestmark = pytest.mark.one_database  # what a browser sees


@pytest.fixture
def spanish(house, alice):  # noqa: F811
    """Alice's house, spoken to in Spanish."""
    Customer.update(language="es").where(Customer.id == alice.id).execute()
    return house


def test_what_a_link_opens_hinders_nobody_on_a_phone(phone, spanish, alice, axe, fits):
    invoice = alice.invoices.order_by(alice.invoices.model.id.desc()).get()
    pay = links.pay_link(invoice, now=NOW, contact=payer(alice))
    wishes = links.preferences_link(payer(alice), now=NOW)

    for path in (f"/i/{pay}", f"/i/{pay}/plan", f"/i/{pay}/dispute", f"/p/{wishes}"):
        assert phone.goto(spanish + path).status == 200, path
        expect(phone.locator("html")).to_have_attribute("lang", "es-US")
        axe(phone)
        fits(phone)


def test_autopay_hinders_nobody_on_a_phone(phone, spanish, alice, axe, fits):
    token, _ = links.sign_in_link(payer(alice), now=NOW)
    phone.goto(f"{spanish}/sign-in/{token}")
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/account")

    for path in ("/account/autopay", "/account/plans/1"):
        assert phone.goto(spanish + path).status == 200, path
        expect(phone.locator("html")).to_have_attribute("lang", "es-US")
        axe(phone)
        fits(phone)
