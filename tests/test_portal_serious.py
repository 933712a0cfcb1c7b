"""What weighs on an account is said on its pages, on every way to them, and is gone when it is over."""

import pytest

from billing import handovers, links
from billing.suspensions import steps
from models import Suspension
from tests.factories import fresh, payer
from tests.portal_visitor import Visitor
from tests.test_handovers import handed
from tests.test_portal_account import enter
from tests.test_suspensions import ANN, DAY, asked, at, contract, rested, told, warned  # noqa: F401


@pytest.fixture
def pages(app, alice, contract, clock):  # noqa: F811
    """A function that opens the overview, the invoice and its pay link, and gives what is read on each."""
    clock.set(DAY)
    invoice = alice.invoices.get()
    signed_in = enter(Visitor(app), payer(alice), clock)
    token = links.pay_link(invoice, now=clock.now(), contact=payer(alice))

    def pages():
        paths = ("/account", f"/account/invoices/{invoice.number}")
        return [signed_in.open(path).text for path in paths] + [Visitor(app).open(f"/i/{token}").text]

    return pages


def test_nothing_is_said_before_it_was_decided(pages, contract):  # noqa: F811
    asked(contract)

    assert not [text for text in pages() if "not answered" in text or "talk to us" in text]


def test_the_day_and_what_stops_it_stand_on_every_page(pages, contract):  # noqa: F811
    warned(contract)

    for text in pages():
        assert "please talk to us before December 21, 2026" in text
        assert "Any payment stops this at once" in text


def test_who_has_no_service_reads_what_that_means_and_what_ends_it(pages, contract, clock):  # noqa: F811
    row, days = rested(contract)
    for text in pages():
        assert "signals are not answered since December 21, 2026" in text
        assert "call 911 yourself" in text and "Any payment switches it on again" in text

    steps.lift(fresh(row), why="We agreed on a plan.", **told(days + 1, ANN))
    assert Suspension.get().state == "lifted"
    assert not [text for text in pages() if "not answered" in text]


def test_who_an_agency_writes_to_can_still_pay_and_speak_with_us(pages, alice):
    row = handed(alice)
    for text in pages():
        assert "Calm Partners writes to you about this account now" in text
        assert "You can still pay here" in text and "Write to us" in text

    handovers.take_back(row, why="They called.", by=ANN, now=at())
    assert not [text for text in pages() if "Calm Partners" in text]
