"""Letters to print, a batch with certified mail, and the customer's calendar in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from admin import security
from billing import calendars, printing
from billing.edges.print_batches import Press
from models import PrintBatch, PrintPiece
from tests import factories
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import BY, NOW
from tests.office import PASSWORD
from tests.test_printing import letter

pytestmark = pytest.mark.one_database  # what a browser sees
PAGES = (
    "/staff/print-queue", "/staff/print-batch/", "/staff/print-batch/1",
    "/staff/print-batch/act/printed?id=1", "/staff/print-piece/1", "/staff/print-piece/act/take_out?id=1",
)  # fmt: skip


@pytest.fixture
def office(app, clock, live_server):
    """Olga, a batch of three with one certified and one taken out, and a letter that waits."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    for name in ("Ann Archer", "Bob Baker of a quite long and winding name, Incorporated", "Cleo Carter"):
        letter(name)
    batch = printing.make(printing.order(by=BY, now=NOW), press=Press(app), clock=clock)
    PrintPiece.update(certified=True).where(PrintPiece.place == 2).execute()
    piece = PrintPiece.get(PrintPiece.place == 3)
    printing.take_out(piece, reason="The printer tore it", again=True, by=BY, now=NOW)
    assert batch.state == PrintBatch.MADE
    letter("Dora Dean")
    return live_server(app)


def test_pages_of_paper_hinder_nobody(office, desktop, phone, axe, fits, tmp_path):
    for page in (desktop, phone):
        sign_in(page, office)
        for path in PAGES:
            page.goto(office + path)
            axe(page)
            fits(page)


def test_the_calendar_hinders_nobody(shop, phone, axe, fits):
    shop.invoice()
    shop.sign_in(phone)
    phone.goto(f"{shop.url}/account/calendar")
    axe(phone)
    fits(phone)

    phone.get_by_role("button", name="Make an address").click()
    says(phone, "Add to my calendar")
    axe(phone)
    fits(phone)
    assert calendars.standing(shop.contact, now=shop.now)


def test_a_calendar_is_opened_with_the_keyboard(shop, desktop):
    shop.sign_in(desktop)
    desktop.goto(f"{shop.url}/account/calendar")
    desktop.get_by_role("checkbox", name="Amounts").focus()
    desktop.keyboard.press("Space")
    desktop.get_by_role("button", name="Make an address").focus()
    desktop.keyboard.press("Enter")

    copied = desktop.get_by_label("Or copy it")
    expect(copied).to_have_value(re.compile(r"\.ics$"))
    address = copied.input_value()
    factories.make_invoice(shop.alice)
    assert "$42.50" in desktop.request.get(shop.url + "/calendar/" + address.rpartition("/")[2]).text()
