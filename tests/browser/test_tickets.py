"""Tickets in a real browser: asked on a phone with a photo, answered at the desk by keyboard alone."""

import io
import re
from datetime import timedelta

import pytest
from PIL import Image
from playwright.sync_api import expect

from admin import security
from billing import attachments, links, tickets
from models import CannedReply, Message, Staff, Ticket
from tests import factories
from tests.browser.signs import says
from tests.factories import BY, NOW, payer
from tests.office import PASSWORD

TODAY = NOW.date()
pytestmark = pytest.mark.one_database  # what a browser sees


def photo(color="#7a4", size=(900, 600)):
    made = io.BytesIO()
    Image.new("RGB", size, color).save(made, "JPEG")
    return made.getvalue()


@pytest.fixture
def invoice(alice):
    """An invoice that is twelve days late."""
    return factories.make_invoice(alice, cents=8490, due=TODAY - timedelta(days=12))


@pytest.fixture
def ticket(app, alice, invoice):
    """Alice asked with a photo; Sam answered, and she asked once more."""
    site = factories.make_site(alice)
    sam = Staff.create(name="Sam Support", email="sam@lantern.example", role="support")
    log = ("log.txt", b"09:12 low battery")
    files = app.files.keep(attachments.all_checked([("panel.jpg", photo()), log]))
    told = {"by": "customer", "contact": payer(alice)}
    one = tickets.open(
        alice, subject="Why is there a service call?", body="Nobody came in November.\nSee the photo.",
        invoice=invoice, site=site, via="portal", now=NOW - timedelta(hours=20), files=files, **told,
    )  # fmt: skip
    ours = {"by": BY, "now": NOW - timedelta(hours=19), "staff": sam}
    tickets.reply(one, body="Hello Alice,\n\nwe look into it.\n\nSam", **ours)
    tickets.reply(one, body="Kim drove there on the 14th.", internal=True, **ours)
    tickets.reply(one, body="Any news?", now=NOW - timedelta(hours=17), **told)
    CannedReply.create(title="We look into it", body="Hello {name},\n\nthank you for writing.\n\n{me}")
    return Ticket.get_by_id(one.id)


@pytest.fixture
def portal(app, live_server, ticket):
    app.config["BASE_URL"] = live_server.url
    return live_server(app)


def sign_in(page, portal, alice):
    token, _ = links.sign_in_link(payer(alice), now=NOW)
    page.goto(f"{portal}/sign-in/{token}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account")


def enter_office(page, office):
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    page.goto(f"{office}/staff/")
    page.get_by_label("E-mail").fill("olga@lantern.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/staff/")


def test_a_question_is_asked_on_a_phone_with_a_photo(phone, portal, alice, axe, fits):
    sign_in(phone, portal, alice)
    phone.goto(f"{portal}/account/questions")
    axe(phone)
    fits(phone)
    phone.get_by_role("link", name="Something does not work").click()
    phone.get_by_label("What does not work?").wait_for()
    axe(phone)
    fits(phone)
    phone.get_by_label("What does not work?").fill("The keypad beeps")
    phone.get_by_label("What happens").fill("Every minute, since last night.")
    phone.get_by_label("Photos or papers").set_input_files(
        {"name": "keypad.jpg", "mimeType": "image/jpeg", "buffer": photo("#357")}
    )
    phone.get_by_role("button", name="Send").click()

    says(phone, "Thank you. It is with us")
    axe(phone)
    fits(phone)
    picture = phone.get_by_role("link", name="keypad.jpg").locator("img")
    expect(picture, "the picture is there").not_to_have_js_property("naturalWidth", 0)
    made = Ticket.select().order_by(Ticket.id.desc()).get()
    assert (made.kind, made.priority, made.site.name) == ("service", "high", "Home")


def test_an_invoice_is_asked_about_from_the_pay_page(phone, portal, invoice, axe, fits):
    phone.goto(f"{portal}/i/{links.pay_link(invoice, now=NOW)}")
    axe(phone)
    fits(phone)
    phone.get_by_label("What is wrong").fill("This was never done.")
    phone.locator("#question").get_by_role("button", name="Send").click()

    says(phone, "Your question is with us")
    expect(phone.get_by_text("Your question is with us")).to_be_in_viewport()
    made = Ticket.select().order_by(Ticket.id.desc()).get()
    assert (made.invoice, made.via) == (invoice, "pay_link")


def test_a_ticket_is_answered_by_keyboard_alone(desktop, portal, ticket, axe, fits):
    enter_office(desktop, portal)
    desktop.goto(f"{portal}/staff/ticket/{ticket.id}")
    axe(desktop)
    fits(desktop)
    desktop.keyboard.press("r")
    desktop.keyboard.type("We found it")
    desktop.get_by_label("Canned reply").focus()
    desktop.get_by_label("Canned reply").select_option(label="We look into it")
    expect(desktop.get_by_label("Your answer")).to_have_value(re.compile("thank you for writing"))
    desktop.get_by_label("Your answer").fill("We found it: the visit was another customer's.")
    desktop.keyboard.press("Control+Enter")

    says(desktop, "Your answer will be mailed in a moment.")
    said = Message.select().order_by(Message.id.desc()).get()
    assert (said.body, said.staff.name) == ("We found it: the visit was another customer's.", "Olga Owner")


def test_the_desk_is_usable_on_a_phone(phone, portal, ticket, invoice, axe, fits):
    enter_office(phone, portal)
    for path in (
        f"ticket/{ticket.id}", "ticket/", "ticket/?standing=late", f"invoice/{invoice.id}", "canned-reply/",
        "canned-reply/new", "attachment/", "attachment/1", f"ticket/act/merge?id={ticket.id}",
        f"ticket/act/close?id={ticket.id}", "customer/act/open_ticket?id=1",
    ):  # fmt: skip
        assert phone.goto(f"{portal}/staff/{path}").status == 200, path
        axe(phone)
        fits(phone)


def test_somebody_who_writes_is_told_that_a_colleague_was_faster(desktop, portal, ticket):
    enter_office(desktop, portal)
    desktop.goto(f"{portal}/staff/ticket/{ticket.id}")
    sam = Staff.get(Staff.email == "sam@lantern.example")
    tickets.reply(ticket, body="It was our mistake.", by=BY, now=NOW, staff=sam)

    desktop.get_by_label("Your answer").press_sequentially("We")
    says(desktop, "Sam Support answered while you were writing.")
    desktop.get_by_role("button", name="Send answer").click()

    says(desktop, "Read it first; send yours again if it is still right.")
    expect(desktop.get_by_label("Your answer")).to_have_value("We")
