"""The pages of a customer who reads Spanish, in a browser: longer words, and the same ease."""

import pytest
from playwright.sync_api import expect

from billing import links
from models import Customer
from tests.browser.test_account_pages import REFERENCE, house  # noqa: F401
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


def test_the_account_hinders_nobody_on_a_phone(phone, spanish, alice, axe, fits):
    token, _ = links.sign_in_link(payer(alice), now=NOW)
    phone.goto(f"{spanish}/sign-in/{token}")
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/account")

    for path in (
        "/account", "/account/invoices", "/account/payments", f"/account/payments/{REFERENCE}",
        "/account/statement", "/account/statement?from=x", "/account/questions", "/account/questions/1",
        "/account/questions/new?kind=service", "/account/details", "/account/calendar", "/account/methods",
        "/account/agreements/1", "/account/autopay", "/account/plans/1", "/nothing",
    ):  # fmt: skip
        assert phone.goto(spanish + path).status in (200, 404, 422), path
        expect(phone.locator("html")).to_have_attribute("lang", "es-US")
        axe(phone)
        fits(phone)


def test_the_language_is_chosen_at_the_foot_of_a_page_and_kept(phone, house, alice, axe, fits):  # noqa: F811
    phone.goto(f"{house}/sign-in")
    phone.get_by_role("button", name="Español").click()
    expect(phone.locator("html")).to_have_attribute("lang", "es-US")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Vea su cuenta")
    axe(phone)
    fits(phone)

    token, _ = links.sign_in_link(payer(alice), now=NOW)
    phone.goto(f"{house}/sign-in/{token}")
    phone.get_by_role("button", name="Entrar").click()
    phone.wait_for_url("**/account")
    expect(phone.locator("[data-sum]")).to_contain_text("Revisar y pagar $")  # a script says it
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("html")).to_have_attribute("lang", "en-US")
    expect(phone.locator("[data-sum]")).to_contain_text("Review and pay $")
