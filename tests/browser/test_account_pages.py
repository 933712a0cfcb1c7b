"""The pages behind a customer's account and pay link that no other test in a browser opens: on a phone."""

from datetime import date

import pytest

from admin import security
from billing import links, tickets
from billing.disputes import asking
from billing.plans import agreeing, shape
from billing.renewals import rules
from models import Dispute, Payment, Plan
from tests import factories
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import BY, NOW, payer
from tests.office import PASSWORD
from tests.test_plans import sign
from tests.test_portal_together import message  # noqa: F401

pytestmark = pytest.mark.one_database  # what a browser sees
TODAY = NOW.date()
REFERENCE = "PL1ABCDEFGHIJK"


@pytest.fixture
def house(app, live_server, alice):
    """Alice has a plan that runs, a part that is disputed, a payment, a question, and invoices to pay."""
    site = factories.make_site(alice)
    factories.make_charge(factories.make_contract(alice), site=site)
    factories.make_invoice(alice, cents=30_000, due=date(2026, 11, 1), issued=date(2026, 10, 15))
    assert sign(alice, agreeing.Wish(3, TODAY, shape.MONTHLY)).state == Plan.RUNNING
    disputed = factories.make_invoice(alice, cents=4250)
    asking.open(
        disputed, amount_cents=1000, reason="wrong_amount", words="We have one panel, not two.", by=BY,
        via=Dispute.PAY_LINK, contact=payer(alice), today=TODAY, now=NOW,
    )  # fmt: skip
    factories.make_invoice(alice, cents=5000)
    Payment.create(
        customer=alice, reference=REFERENCE, key="p", state="approved", kind="card", amount_cents=1000,
        received_on=TODAY, method_label="Visa ending 1111", created_at=NOW, concluded_at=NOW,
    )  # fmt: skip
    tickets.open(alice, contact=payer(alice), subject="Beeping", body="At night.", by="Alice", now=NOW)
    return live_server(app)


def enter(page, house, alice):
    token, _ = links.sign_in_link(payer(alice), now=NOW)
    page.goto(f"{house}/sign-in/{token}")
    page.get_by_role("button", name="Sign in").click()
    says(page, "You owe")


def test_every_page_of_the_account_is_easy_to_use_on_a_phone(phone, house, alice, axe, fits):
    enter(phone, house, alice)

    for path in (
        "/account/plans/1", "/account/plan", "/account/invoices/{number}/dispute", "/account/agreements",
        "/account/agreements/1", f"/account/payments/{REFERENCE}", "/account/questions/1",
        "/account/statement",
    ):  # fmt: skip
        number = alice.invoices.order_by(alice.invoices.model.id.desc()).get().number
        assert phone.goto(house + path.format(number=number)).status == 200, path
        axe(phone)
        fits(phone)


def test_every_page_of_a_pay_link_is_easy_to_use_on_a_phone(phone, house, alice, axe, fits):
    invoice = alice.invoices.order_by(alice.invoices.model.id.desc()).get()
    token = links.pay_link(invoice, now=NOW, contact=payer(alice))

    for path in (f"/i/{token}", f"/i/{token}/plan", f"/i/{token}/dispute"):
        assert phone.goto(house + path).status == 200, path
        axe(phone)
        fits(phone)


def test_several_invoices_are_easy_to_pay_on_a_phone(phone, app, live_server, message, axe, fits):  # noqa: F811
    token = links.pay_link(message.invoice, now=NOW, contact=message.contact, notice=message)
    phone.goto(f"{live_server(app)}/i/{token}/together")

    says(phone, "open in all")
    axe(phone)
    fits(phone)


def test_staff_read_the_plan_on_a_phone(phone, house, axe, fits):
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    rules.load_product(by=BY, now=NOW)
    sign_in(phone, house)

    for path in ("/staff/plan/1", "/staff/plan/", "/staff/renewal-rule/1", "/staff/reminder-policy/1"):
        assert phone.goto(house + path).status == 200, path
        axe(phone)
        fits(phone)


def test_a_code_is_asked_for_on_a_phone(phone, house, axe, fits):
    phone.goto(f"{house}/sign-in")
    phone.get_by_label("Email").fill("alice@example.com")
    phone.keyboard.press("Enter")
    phone.wait_for_url(f"{house}/sign-in/code")
    axe(phone)
    fits(phone)
