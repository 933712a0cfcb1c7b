"""Several invoices of one message, paid by one button: the link opens those and nothing else."""

import pytest

from billing import links
from billing.notices import queueing
from models import Invoice, Notice, Payment
from tests.factories import NOW, make_invoice, payer
from tests.portal_visitor import Visitor


@pytest.fixture
def message(alice, clock):
    """A reminder of two of Alice's three open invoices."""
    first, second, _ = (make_invoice(alice, cents=cents) for cents in (4250, 3000, 9900))
    told = {"customer": alice, "contact": payer(alice), "why": "x", "now": NOW}
    queueing.queue("reminder", key="a", invoice=first, **told)
    queueing.queue("reminder", key="b", invoice=second, **told)
    lead, other = Notice.select().order_by(Notice.id)
    Notice.update(state="joined", joined=lead).where(Notice.id == other.id).execute()
    return lead


@pytest.fixture
def path(app, message, clock):
    token = links.pay_link(message.invoice, now=clock.now(), contact=message.contact, notice=message)
    return f"/i/{token}/together"


def test_the_page_shows_what_the_message_told_of_and_its_sum(app, path):
    page = Visitor(app).open(path)

    assert (page.status, page.buttons) == (200, ["Pay $72.50"])
    assert "$42.50" in page.text and "$30.00" in page.text
    assert "$99.00" not in page.text


def test_a_link_of_one_invoice_opens_no_others(app, message, clock):
    token = links.pay_link(message.invoice, now=clock.now(), contact=message.contact)

    assert app.test_client().get(f"/i/{token}/together").status_code == 404


def test_when_one_is_left_its_own_page_opens(app, path, message):
    Invoice.update(open_cents=0, state="void").where(Invoice.id != message.invoice_id).execute()

    assert Visitor(app).open(path).path == path.removesuffix("/together")


def test_a_dead_link_says_so(app, path, clock):
    clock.advance(days=400)

    assert app.test_client().get(path).status_code == 410


def test_a_sum_that_changed_is_shown_again_and_not_paid(app, path, message):
    visitor = Visitor(app)
    page = visitor.open(path)
    Invoice.update(open_cents=1000).where(Invoice.id == message.invoice_id).execute()

    page = visitor.press(page, "Pay $72.50")

    assert (page.path, page.buttons) == (path, ["Pay $40.00"])
    assert "changed since you looked" in page.messages


def test_one_button_starts_one_payment_of_all(app, paying, path):
    app.gateway = paying.gateway
    visitor = Visitor(app)

    visitor.press(visitor.open(path), "Pay $72.50")

    [payment] = Payment.select()
    assert (payment.amount_cents, payment.state) == (7250, "sent")
    assert sorted(part.amount_cents for part in payment.parts) == [3000, 4250]
