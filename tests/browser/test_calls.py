"""The phone log in a real browser: by keyboard alone, on phone and desktop, in light and dark."""

from datetime import timedelta

import pytest

from admin import security
from billing import calls, feeds, notes
from models import Call, Contact
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import BY, NOW, payer
from tests.office import PASSWORD

pytestmark = pytest.mark.one_database  # what a browser sees
PAGES = (
    "/staff/", "/staff/log-call", "/staff/log-call?customer=1",
    "/staff/call/", "/staff/call/1", "/staff/call/act/give?id=2",
    "/staff/call/act/ticket?id=1", "/staff/note/",
    "/staff/feed/act/watch?id=1",
)  # fmt: skip


@pytest.fixture
def office(app, live_server, alice):
    """A back office with a missed call, a voicemail of nobody, a next step, a note and a silent phone."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    Contact.update(phone="(512) 555-0100").where(Contact.id == payer(alice).id).execute()
    for number, told in enumerate((
        {"number": "5125550100", "outcome": "missed"},
        {"number": "5125550199", "outcome": "voicemail", "note": "About my bill.", "caller": "BELL B"},
        {"number": "", "outcome": "missed"},
    )):  # fmt: skip
        told = {"direction": "in", "started_at": NOW - timedelta(hours=3), **told}
        calls.take(calls.Received("pbx", str(number), **told), now=NOW)
    calls.log(
        alice,
        direction="in",
        outcome="answered",
        next_step="Send the permit",
        by=BY,
        today=NOW.date(),
        now=NOW,
    )
    notes.write(alice, "Dog in the yard: ring first.", pinned=True, by=BY, now=NOW)
    feeds.beat(feeds.PHONE, now=NOW - timedelta(hours=26))
    feeds.promise(feeds.PHONE, by=BY, now=NOW)
    return live_server(app)


def test_every_page_is_easy_to_use_on_a_phone(phone, office, axe, fits):
    sign_in(phone, office)

    for path in PAGES:
        assert phone.goto(office + path).status == 200, path
        axe(phone)
        fits(phone)


def test_every_page_is_easy_to_use_on_a_desktop(desktop, office, axe, fits):
    sign_in(desktop, office)

    for path in PAGES:
        assert desktop.goto(office + path).status == 200, path
        axe(desktop)
        fits(desktop)


def test_a_call_is_logged_by_keyboard_alone(open_page, office, alice):
    page = open_page()
    sign_in(page, office)
    press = page.keyboard.press

    page.get_by_role("link", name="Log a call").first.press("Enter")
    page.wait_for_url("**/staff/log-call")
    page.keyboard.type("512 555 0100", delay=40)
    page.get_by_role("option", name="Alice Archer", selected=True).wait_for()
    press("Enter")
    press("Tab")
    press("ArrowDown")  # we called, we spoke
    press("Tab")
    page.keyboard.type("Explained the bill", delay=20)
    press("Tab")
    page.keyboard.type("Send a copy", delay=20)
    press("Enter")
    says(page, "The call was logged. It settles 1 call that waited.")

    call = Call.select().order_by(Call.id.desc()).get()
    assert (call.customer, call.direction, call.outcome, call.note, call.next_step) == (
        alice, "out", "answered", "Explained the bill", "Send a copy"
    )  # fmt: skip
