"""The collections desk in a real browser: on a phone, on a desktop, and by keyboard."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from admin import security
from billing import tickets
from billing.collections import stances, verdicts
from models import Contact
from tests import factories
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import BY, NOW
from tests.office import PASSWORD

pytestmark = pytest.mark.one_database  # what a browser sees
TODAY = NOW.date()
PAGES = (
    "/staff/", "/staff/collections", "/staff/collections?why=waiting_for_us", "/staff/collections/1",
    "/staff/collections/2", "/staff/verdict/", "/staff/verdict/1", "/staff/stance/", "/staff/stance/1",
    "/staff/to-judge/", "/staff/invoice/1", "/staff/customer/1", "/staff/ticket/1",
)  # fmt: skip
OPEN_ALL = "document.querySelectorAll('.why details, #told details').forEach(one => one.open = true)"


@pytest.fixture
def office(app, live_server, alice, bob):
    """Alice waits for an answer about one of two invoices, Bob has told us that he cannot pay."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    Contact.update(phone="(512) 555-0111").execute()
    for customer in (alice, alice, bob):
        factories.make_invoice(customer, cents=14_250, due=date(2026, 11, 10), issued=date(2026, 10, 26))
    tickets.open(
        alice, contact=factories.payer(alice), subject="An invoice for two panels where we have one",
        body="Please look into it.", by="Alice", now=NOW - timedelta(hours=30), via="portal",
    )  # fmt: skip
    stances.note(bob, "cannot_pay", words="My hours were cut.", heard_on=TODAY, by=BY, today=TODAY, now=NOW)
    verdicts.judge_all(TODAY, now=NOW)
    return live_server(app)


def walk(page, office, axe, fits):
    sign_in(page, office)
    for path in PAGES:
        page.goto(office + path)
        page.evaluate(OPEN_ALL)
        axe(page)
        fits(page)


def test_every_page_of_the_desk_is_easy_to_use_on_a_phone(phone, office, axe, fits):
    walk(phone, office, axe, fits)


def test_every_page_of_the_desk_is_easy_to_use_on_a_desktop(desktop, office, axe, fits):
    walk(desktop, office, axe, fits)


def test_from_the_money_that_waits_to_the_answer_by_keyboard(desktop, office):
    sign_in(desktop, office)
    desktop.get_by_role("link", name="Money waiting for us").press("Enter")
    desktop.wait_for_url("**/staff/collections#waiting")
    desktop.get_by_role("link", name="Answer", exact=True).first.press("Enter")
    desktop.wait_for_url("**/staff/ticket/1")
    desktop.go_back()
    desktop.wait_for_url("**/staff/collections#waiting")

    desktop.locator("summary", has_text="What proves it").first.press("Enter")
    expect(desktop.get_by_role("link", name="Ticket 1")).to_be_visible()


def test_what_they_said_is_written_down_on_a_phone(phone, office):
    sign_in(phone, office)
    phone.goto(office + "/staff/collections/1")
    phone.get_by_text("Write down what they said").click()
    phone.get_by_label("They", exact=True).select_option("will_not_pay")
    phone.get_by_label("What they said").fill("Not a cent before it works.")
    phone.get_by_role("button", name="Keep it").click()

    says(phone, "“Not a cent before it works.”")
