"""A real browser tells a person from a program: only who really moves or touches has opened an invoice."""

import pytest

from models import Invoice, Sighting
from tests.browser.signs import TWO_FRAMES

pytestmark = pytest.mark.one_database
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/146.0 Safari/537.36"


@pytest.fixture
def by_hand(browser):
    """A page of a browser that does not say that a program drives it, as a person's does not."""
    context = browser.new_context(user_agent=PERSON, viewport={"width": 390, "height": 740})
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })")
    yield context.new_page()
    context.close()


def told_by(page):
    """The requests with which a page tells that somebody moved; the list grows with them."""
    told = []
    page.on("request", lambda request: told.append(request) if request.url.endswith("/seen") else None)
    return told


def opened():
    """Whether the invoice counts as opened now."""
    return Sighting.select().count(), Invoice.get().first_seen_at is not None


def test_a_program_that_draws_the_page_has_opened_nothing(by_hand, shop):
    told = told_by(by_hand)
    by_hand.goto(shop.pay_link(shop.invoice()))
    by_hand.evaluate("window.scrollTo(0, 400); document.querySelector('h1').click()")
    by_hand.evaluate("document.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))")
    by_hand.evaluate(TWO_FRAMES)

    assert told == []
    assert opened() == (0, False)


def test_a_person_who_moves_has_opened_it(by_hand, shop):
    by_hand.goto(shop.pay_link(shop.invoice()))
    with by_hand.expect_response("**/seen") as told:
        by_hand.mouse.move(120, 200)
    by_hand.mouse.move(60, 300)
    by_hand.mouse.wheel(0, 200)

    assert told.value.status == 204
    assert opened() == (1, True)


def test_a_browser_that_is_driven_says_so_and_does_not_count(desktop, shop):
    told = told_by(desktop)
    desktop.goto(shop.pay_link(shop.invoice()))
    desktop.mouse.move(120, 200)
    desktop.evaluate(TWO_FRAMES)

    assert told == []
    assert opened() == (0, False)
