"""What is held back and the personal mail in a real browser: on a phone, on a desktop, and by keyboard."""

import os
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from admin import security
from billing import reminding, tickets
from billing.collections import overrides
from billing.outbox import holding
from billing.personal import drafts
from models import Call, Contact, Credit, Hold, Notice, Promise, Staff
from tests import factories
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import BY, NOW
from tests.office import PASSWORD

pytestmark = pytest.mark.one_database  # what a browser sees
TODAY = NOW.date()
PAGES = (
    "/staff/", "/staff/held", "/staff/personal/{draft}", "/staff/write/3", "/staff/notice/{draft}",
    "/staff/notice/{held}", "/staff/gate-override/", "/staff/citation/", "/staff/offer/",
)  # fmt: skip
OPEN_ALL = "document.querySelectorAll('.held details').forEach(one => one.open = true)"


def shot(page, name):
    """A picture to look at, where somebody asked for one."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.fixture
def office(app, live_server, alice, bob):
    """Alice and Cora wait for us, Eve has promised, Bob has a draft that somebody should read."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    cora, eve = factories.make_customer("Cora Carter"), factories.make_customer("Eastside Diner")
    Contact.update(phone="(512) 555-0111").execute()
    for customer in (alice, bob, cora, eve):
        factories.make_invoice(customer, cents=14_250, due=date(2026, 11, 10), issued=date(2026, 10, 26))
    reminding.queue_reminders(TODAY, now=NOW)
    _something_came_up(alice, cora, eve)

    ids = [id for (id,) in Notice.select(Notice.id).where(Notice.customer != bob).tuples()]
    holding.hold_back(ids, today=TODAY, now=NOW)
    _history(bob)
    Notice.update(state=Notice.SKIPPED).where(Notice.customer == bob).execute()
    drafts.begin(bob, by=BY, today=TODAY, now=NOW)
    held = Notice.select().where(Notice.customer == cora).get()
    overrides.ask(held, reason="I spoke to her", by="staff:sam@x.example", today=TODAY, now=NOW)
    return live_server(app)


def _something_came_up(alice, cora, eve):
    since = NOW - timedelta(hours=30)
    tickets.open(
        alice, contact=factories.payer(alice), subject="An invoice for two panels where we have one",
        body="Please look into it.", by="Alice", now=since, via="portal",
    )  # fmt: skip
    Call.create(
        customer=cora, number="+15125550111", direction=Call.IN, outcome=Call.VOICEMAIL, started_at=since,
        state=Call.TO_CALL, waits=True, by="phone", source="pbx", source_id="1", logged_at=since,
    )  # fmt: skip
    Hold.create(scope=Hold.NOTICES, customer=cora, reason="Moving house", by=BY, starts_on=date(2026, 11, 20))
    Promise.create(
        customer=eve, amount_cents=14_250, owed_cents=14_250, pay_on=TODAY + timedelta(days=5), by="Eve",
        made_on=TODAY, made_at=NOW,
    )  # fmt: skip


def _history(bob):
    sam = Staff.create(email="sam@lantern.example", name="Sam Porter", role="support")
    then = NOW - timedelta(days=9)
    ticket = tickets.open(bob, subject="Keypad does not light", body="x", by="Bob", now=then, kind="service")
    tickets.reply(ticket, body="We came by.", staff=sam, by=BY, now=then + timedelta(hours=3))
    tickets.close(ticket, by=BY, now=then + timedelta(hours=4))


def walk(page, office, axe, fits, name):
    sign_in(page, office)
    told = {
        "draft": Notice.get(Notice.state == Notice.DRAFT).id,
        "held": Notice.select().where(Notice.state == Notice.HELD).first().id,
    }
    for path in PAGES:
        page.goto(office + path.format(**told))
        shot(page, f"{name}{path.format(draft='', held='').replace('/', '_')}")
        page.evaluate(OPEN_ALL)
        axe(page)
        fits(page)


def test_what_is_held_and_the_letter_are_easy_to_use_on_a_phone(phone, office, axe, fits):
    walk(phone, office, axe, fits, "phone")


def test_what_is_held_and_the_letter_are_easy_to_use_on_a_desktop(desktop, office, axe, fits):
    desktop.emulate_media(color_scheme="dark" if os.environ.get("PICTURES") == "dark" else "light")
    walk(desktop, office, axe, fits, "desktop")


def test_from_the_queue_to_the_answer_by_keyboard(desktop, office):
    sign_in(desktop, office)
    desktop.locator(".queues a", has_text="Messages held back").press("Enter")
    desktop.wait_for_url("**/staff/held")
    says(desktop, "Answer these 2 people first.")

    desktop.locator(".reasons a", has_text="Answer").first.press("Enter")
    desktop.wait_for_url("**/staff/ticket/*")


def test_a_mail_is_read_put_right_and_sent_on_a_phone(phone, office):
    sign_in(phone, office)
    draft = Notice.get(Notice.state == Notice.DRAFT)
    phone.goto(f"{office}/staff/personal/{draft.id}")
    expect(phone.get_by_text("Keypad does not light").first).to_be_visible()
    phone.get_by_label("Your mail").fill("Hello Bob, how are you?\n\nOlga Owner\nLantern Security")
    phone.get_by_text("Goodwill credit").click()
    phone.get_by_label("Amount").fill("10.00")
    phone.get_by_role("button", name="Send in my name").click()

    says(phone, "Your mail to Bob Baker is signed")
    assert "I have taken $10.00 off" in Notice.get_by_id(draft.id).words
    assert Credit.get().amount_cents == 1000


def test_a_mail_is_sent_with_the_keyboard_alone(desktop, office):
    sign_in(desktop, office)
    draft = Notice.get(Notice.state == Notice.DRAFT)
    desktop.goto(f"{office}/staff/personal/{draft.id}")
    desktop.get_by_label("Your mail").press("Control+Enter")

    says(desktop, "Your mail to Bob Baker is signed")
