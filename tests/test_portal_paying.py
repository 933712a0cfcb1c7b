"""Paying from the portal, against the real sandbox: what is said at every turn, and at most one charge."""

import threading

import pytest

from billing import links
from models import Invoice, Notice, Payment, PaymentPart
from tests.factories import make_invoice, payer
from tests.portal_visitor import Visitor
from tests.sandbox_process import ACCOUNT

pytestmark = pytest.mark.usefixtures("sound_books")


@pytest.fixture
def shop(app, paying):
    """The app, with the sandbox as its gateway."""
    app.gateway = paying.gateway
    return app


@pytest.fixture
def visitor(shop):
    return Visitor(shop)


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, cents=4250)


@pytest.fixture
def path(invoice, clock):
    return link_to(invoice, clock)


def link_to(invoice, clock):
    return f"/i/{links.pay_link(invoice, now=clock.now(), contact=payer(invoice.customer))}"


def the_payment():
    return Payment.select().order_by(Payment.id.desc()).get()


def start(visitor, path, button="Pay $42.50", **typed):
    """Open the link and press a pay button. Returns (page, payment)."""
    page = visitor.press(visitor.open(path), button, **typed)
    return page, the_payment()


def token_of(page):
    """The token that the page would send to the processor, and where."""
    [form] = [form for form in page.tree.forms if "token" in form.fields]
    return form.fields["token"], form.get("action")


# --- The usual way -------------------------------------------------------------------------------


def test_the_button_leads_to_the_processor_and_back_to_a_receipt(visitor, path, paying, invoice):
    page, payment = start(visitor, path)
    assert page.path == f"/payments/{payment.reference}/continue"
    assert token_of(page) == (payment.form_token, paying.gateway.hosted_url)
    assert "Continue to secure payment" in page.buttons

    hosted = paying.pay(payment)
    assert hosted.link("Continue").endswith(f"/payments/{payment.reference}/return")
    page = visitor.open(f"/payments/{payment.reference}/return")

    assert page.headline == "Paid. Thank you."
    for words in (
        "$42.50",
        "Visa ending 1111",
        payment.reference,
        "Invoice 10001",
        "Alice Archer",
        "A receipt is on its way",
    ):
        assert words in page.text
    receipt = visitor.open(page.link("Download the receipt (PDF)"))
    assert receipt.bytes.startswith(b"%PDF-")
    assert visitor.open(page.link("Back to the invoice")).text.count("Paid on December 1, 2026") == 1
    assert Invoice.get_by_id(invoice.id).open_cents == 0
    assert paying.money_cents() == 4250
    assert [notice.kind for notice in Notice.select()] == ["receipt"]


def test_the_link_shows_the_receipt_to_whoever_has_it(visitor, shop, path, paying):
    _, payment = start(visitor, path)
    paying.pay(payment)
    visitor.open(f"/payments/{payment.reference}/return")

    somebody = Visitor(shop)
    page = somebody.open(path)

    assert somebody.open(page.link("Receipt for $42.50")).bytes.startswith(b"%PDF-")


def test_a_bank_payment_is_called_started_not_final(visitor, path, paying):
    _, payment = start(visitor, path)
    paying.pay(payment, ACCOUNT)

    page = visitor.open(f"/payments/{payment.reference}/return")

    assert page.headline == "Your bank payment has started"
    assert "Bank account ending 6781" in page.text
    assert "final once the banks have settled" in page.text


def test_another_amount_within_the_policy_leaves_the_rest_open(visitor, path, paying):
    page, payment = start(visitor, path, "Pay this amount", amount="$12.50")
    assert "$12.50" in page.text
    paying.pay(payment)
    visitor.open(f"/payments/{payment.reference}/return")

    assert "Pay $30.00" in visitor.open(path).buttons


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Please enter an amount, such as 42.50."),
        ("12,50", "“12,50” is not an amount. Write it like 42.50."),
        ("-5", "“-5” is not an amount. Write it like 42.50."),
        ("1e9", "“1e9” is not an amount. Write it like 42.50."),
        ("4.99", "Please enter between $5.00 and $42.50."),
        ("42.51", "Please enter between $5.00 and $42.50."),
        ("0", "Please enter between $5.00 and $42.50."),
        ("9" * 41, "This is too long for an amount. Write it like 42.50."),
        ("9" * 30, "This amount is too large."),
        ("<b>1</b>", "“<b>1</b>” is not an amount. Write it like 42.50."),
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_says_why_next_to_it_and_is_kept(visitor, path, typed, sentence):
    page = visitor.press(visitor.open(path), "Pay this amount", amount=typed)

    assert page.status == 422
    assert page.error_of("amount") == sentence
    assert page.value_of("amount") == typed
    assert "Pay $42.50" in page.buttons
    assert Payment.select().count() == 0


def test_a_button_that_shows_an_old_amount_charges_nothing_else(visitor, path, paying, invoice):
    old_page = visitor.open(path)
    other, payment = start(visitor, path, "Pay this amount", amount="20")
    paying.pay(payment)
    visitor.open(f"/payments/{payment.reference}/return")

    page = visitor.press(old_page, "Pay $42.50")

    assert "This invoice changed since you opened it." in page.messages
    assert "Pay $22.50" in page.buttons
    assert paying.money_cents() == 2000


# --- At most one charge --------------------------------------------------------------------------


def test_a_double_click_leads_to_one_payment_page(visitor, path):
    page = visitor.open(path)

    first, second = visitor.press(page, "Pay $42.50"), visitor.press(page, "Pay $42.50")

    assert token_of(first) == token_of(second)
    assert Payment.select().count() == 1


def test_two_tabs_and_two_devices_lead_to_one_payment_page(visitor, shop, path):
    phone = Visitor(shop)
    tabs = [visitor.open(path), visitor.open(path), phone.open(path)]

    pages = [
        visitor.press(tabs[0], "Pay $42.50"),
        visitor.press(tabs[1], "Pay $42.50"),
        phone.press(tabs[2], "Pay $42.50"),
    ]

    assert len({token_of(page) for page in pages}) == 1
    assert Payment.select().count() == 1


def test_the_back_button_after_paying_shows_what_became_of_it(visitor, path, paying):
    page = visitor.open(path)
    visitor.press(page, "Pay $42.50")
    paying.pay(the_payment())
    visitor.open(f"/payments/{the_payment().reference}/return")

    page = visitor.press(page, "Pay $42.50")

    assert page.headline == "Paid. Thank you."
    assert paying.money_cents() == 4250


def test_another_amount_waits_while_the_first_page_could_still_be_used(visitor, path):
    page = visitor.open(path)
    visitor.press(page, "Pay $42.50")

    page = visitor.press(page, "Pay this amount", amount="10")

    assert page.path == path
    assert "You will not be charged twice" in page.messages
    assert "A payment of $42.50 was started and is not finished." in page.text
    assert "You can choose it from 12:50 pm CST on." in page.text
    assert Payment.select().count() == 1


def test_an_unfinished_payment_can_be_continued_from_the_invoice(visitor, path):
    first, payment = start(visitor, path, "Pay this amount", amount="10")

    again = visitor.press(visitor.open(path), "Pay $10.00")

    assert token_of(again) == token_of(first)
    assert Payment.select().count() == 1


def test_after_the_quarantine_an_unfinished_payment_gives_the_invoice_free(visitor, path, paying):
    _, first = start(visitor, path)
    paying.later(minutes=46)
    page = visitor.open(path)
    assert "is being checked" in page.text
    assert not [words for words in page.buttons if words.startswith("Pay")]

    page = visitor.press(page, "Check again now")
    page = visitor.press(page, "Check again now")
    assert "is being checked" in page.text, "looking twice within a minute is looking once"
    paying.later(minutes=5)
    page = visitor.press(page, "Check again now")

    assert "Pay $42.50" in page.buttons
    page, second = start(visitor, path)
    assert second.id != first.id
    assert token_of(page)[0] == second.form_token


def test_paying_anew_asks_about_the_old_attempt_first(visitor, path, paying):
    page = visitor.open(path)
    visitor.press(page, "Pay $42.50")
    for minutes in (46, 5):
        paying.later(minutes=minutes)
        answer = visitor.press(page, "Pay this amount", amount="10")

    assert "$10.00" in answer.text
    assert [payment.state for payment in Payment.select().order_by(Payment.id)] == ["expired", "sent"]


def test_six_clicks_at_once_are_one_payment(shop, path, paying):
    visitors = [Visitor(shop) for _ in range(6)]
    pages = [visitor.open(path) for visitor in visitors]
    results, gate = [], threading.Barrier(6)

    def click(visitor, page):
        gate.wait()
        results.append(visitor.press(page, "Pay $42.50").status)

    threads = [threading.Thread(target=click, args=pair) for pair in zip(visitors, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [200] * 6
    assert Payment.select().count() == 1
    assert PaymentPart.select().where(PaymentPart.live).count() == 1


def test_a_lost_answer_is_asked_for_before_anything_else(visitor, path, paying, invoice):
    page = visitor.open(path)
    visitor.press(page, "Pay $42.50")
    paying.pay(the_payment())  # and the browser died there

    page = visitor.press(page, "Pay this amount", amount="10")

    assert Invoice.get_by_id(invoice.id).open_cents == 0
    assert "Pay" not in " ".join(page.buttons)
    assert paying.money_cents() == 4250


# --- What the return page says -------------------------------------------------------------------


def test_the_address_decides_nothing(visitor, path):
    _, payment = start(visitor, path)

    page = visitor.open(f"/payments/{payment.reference}/return?status=approved&x_response_code=1")

    assert page.headline == "We are checking your payment"
    assert "You will not be charged twice." in page.text
    assert "You may close this page." in page.text
    assert Payment.get_by_id(payment.id).state == "sent"


def test_the_open_page_looks_again_by_itself_with_and_without_javascript(visitor, path, paying):
    _, payment = start(visitor, path)
    page = visitor.open(f"/payments/{payment.reference}/return")
    assert 'http-equiv="refresh" content="5"' in page.source
    assert page.tree.xpath("//*[@data-look-again='5']")

    paying.later(minutes=20)

    assert "refresh" not in visitor.open(f"/payments/{payment.reference}/return").source


def test_leaving_the_payment_page_says_that_nothing_was_charged_and_offers_to_go_on(visitor, path):
    _, payment = start(visitor, path)

    page = visitor.open(f"/payments/{payment.reference}/cancel")

    assert page.headline == "The payment was not finished"
    assert "Nothing was charged so far" in page.text
    assert visitor.open(page.link("Continue to pay $42.50")).path.endswith("/continue")


def test_leaving_after_paying_shows_the_receipt(visitor, path, paying):
    _, payment = start(visitor, path)
    paying.pay(payment)

    assert visitor.open(f"/payments/{payment.reference}/cancel").headline == "Paid. Thank you."


def test_a_decline_says_why_and_what_to_do(visitor, path, paying):
    _, payment = start(visitor, path)
    paying.decline(payment)

    page = visitor.open(f"/payments/{payment.reference}/return")

    assert page.headline == "The payment was not accepted"
    assert "Nothing was charged" in page.text
    assert "The bank declined this payment." in page.text
    assert visitor.open(page.link("Try again")).path.endswith("/continue")
    assert page.link("ask a question") == f"{path}#question"
    assert "PO Box 100" in page.text


def test_a_decline_that_is_over_can_be_paid_anew(visitor, path, paying):
    _, payment = start(visitor, path)
    paying.decline(payment)
    paying.later(minutes=50)

    page = visitor.open(f"/payments/{payment.reference}/return")

    assert "Nothing was charged" in page.text
    assert "so far" not in page.text
    assert "Pay $42.50" in visitor.open(page.link("Pay now")).buttons


def test_a_held_payment_is_neither_paid_nor_failed(visitor, path, paying):
    paying.hold()
    _, payment = start(visitor, path)
    paying.pay(payment)

    page = visitor.open(f"/payments/{payment.reference}/return")

    assert page.headline == "Your payment is being reviewed"
    assert "you will not be charged twice" in page.text
    page = visitor.open(path)
    assert "Your payment of $42.50 is being reviewed." in page.text
    assert not [words for words in page.buttons if words.startswith("Pay")]


def test_when_the_processor_is_silent_nothing_is_claimed(visitor, shop, path, paying):
    _, payment = start(visitor, path)
    paying.pay(payment)
    shop.gateway = paying.sandbox.gateway(endpoint="http://127.0.0.1:9/nowhere", timeout=(0.2, 0.2))

    for way in ("return", "cancel"):
        page = visitor.open(f"/payments/{payment.reference}/{way}")
        assert page.headline == "We are checking your payment"
        assert "Nothing was charged" not in page.text


def test_a_processor_that_is_down_charges_nothing_and_the_page_says_how_else(visitor, shop, path, paying):
    shop.gateway = paying.sandbox.gateway(endpoint="http://127.0.0.1:9/nowhere", timeout=(0.2, 0.2))

    page, payment = start(visitor, path)

    assert page.status == 503
    assert "Nothing was charged." in page.text
    assert "PO Box 100" in page.text
    assert payment.state == "expired"
    shop.gateway = paying.gateway
    assert "Pay $42.50" in visitor.open(page.link("Back, to try again")).buttons


def test_a_processor_that_talks_html_charges_nothing(visitor, path, paying):
    paying.sandbox.post_control("fault", {"mode": "html"})

    page, _ = start(visitor, path)

    assert page.status == 503
    assert "Nothing was charged." in page.text


# --- Whose payment it is -------------------------------------------------------------------------


def test_another_browser_learns_nothing_about_a_payment(visitor, shop, path, paying):
    _, payment = start(visitor, path)
    paying.pay(payment)
    visitor.open(f"/payments/{payment.reference}/return")
    stranger = Visitor(shop)

    for way in ("return", "cancel", "continue"):
        page = stranger.open(f"/payments/{payment.reference}/{way}")
        assert (page.status, page.headline) == (404, "We cannot show this payment here")
        assert "42.50" not in page.source
    assert stranger.open(f"/payments/{payment.reference}/receipt.pdf").status == 404
    assert stranger.open("/payments/PLNOSUCHTHING/return").headline == "We cannot show this payment here"


def test_nobody_reaches_a_payment_by_guessing_the_name_of_its_click(visitor, shop, path, bob, paying, clock):
    page = visitor.open(path)
    key = dict(page.form("Pay $42.50")[2])["key"]
    visitor.press(page, "Pay $42.50")
    [alices] = Payment.select()

    thief = Visitor(shop)
    own = make_invoice(bob, cents=4250)
    thief.press(thief.open(link_to(own, clock)), "Pay $42.50", key=key)
    thief.press(thief.open(link_to(make_invoice(bob, cents=4250), clock)), "Pay $42.50", key=alices.key)

    assert Payment.select().where(Payment.customer == bob).count() == 2
    assert thief.open(f"/payments/{alices.reference}/return").status == 404


@pytest.mark.parametrize("reference", ["a%00b", "1" * 40, "../etc", "pl-lower"])
def test_a_reference_that_cannot_be_is_not_found(visitor, db, reference):
    assert visitor.open(f"/payments/{reference}/return").status == 404


def test_a_pay_form_without_its_key_is_refused_kindly(visitor, path):
    page = visitor.press(visitor.open(path), "Pay $42.50", key="")

    assert page.status == 422
    assert Payment.select().count() == 0


def test_a_payment_page_that_is_too_old_is_not_opened_again(visitor, path, paying):
    _, payment = start(visitor, path)
    paying.later(minutes=15)

    page = visitor.open(f"/payments/{payment.reference}/continue")

    assert page.path.endswith("/return")
    assert payment.form_token not in page.source
