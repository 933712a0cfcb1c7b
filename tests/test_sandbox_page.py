"""The sandbox's hosted payment page: what a browser sees, and that a token pays once at most."""

import contextlib
import json
import socket
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.sandbox_process import ACCOUNT, ADDRESS, VISA, transaction_settings

RETURNS = {
    "showReceipt": True,
    "url": "https://merchant.example/back",
    "urlText": "Continue",
    "cancelUrl": "https://merchant.example/cancel",
    "cancelUrlText": "Cancel",
}
SETTINGS = {
    "hostedPaymentReturnOptions": RETURNS,
    "hostedPaymentButtonOptions": {"text": "Pay $42.50"},
    "hostedPaymentOrderOptions": {"show": True, "merchantName": "Bright Alarm"},
    "hostedPaymentPaymentOptions": {
        "cardCodeRequired": True,
        "showCreditCard": True,
        "showBankAccount": True,
    },
}


def ask(sandbox, settings=None, *, amount="42.50", more="", window="28800", type="authCaptureTransaction"):
    """Ask for a page; returns an Answer."""
    rows = "".join(
        f"<setting><settingName>{name}</settingName>"
        f"<settingValue>{value if isinstance(value, str) else json.dumps(value)}</settingValue></setting>"
        for name, value in (SETTINGS | (settings or {})).items()
    )
    sent = transaction_settings({"duplicateWindow": window} if window else {})
    return sandbox.ask(
        "getHostedPaymentPageRequest",
        f"<transactionRequest><transactionType>{type}</transactionType><amount>{amount}</amount>{more}"
        f"<order><invoiceNumber>PL-1</invoiceNumber><description>Invoice 1042</description></order>{sent}"
        f"</transactionRequest><hostedPaymentSettings>{rows}</hostedPaymentSettings>",
        ref_id="PL-1",
    )


@pytest.fixture
def token(sandbox):
    return ask(sandbox).text("token")


# -- asking for a page


def test_a_token_needs_escaping_everywhere_as_the_real_ones_do(token):
    assert {"+", "/", "=", "."} <= set(token)
    assert len(token) > 400


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"settings": {"hostedPaymentReturnUrl": "x"}}, "E00013"),
        ({"settings": {"hostedPaymentReturnOptions": "not json"}}, "E00013"),
        ({"settings": {"hostedPaymentReturnOptions": {"showReceipt": "true"}}}, "E00013"),
        ({"settings": {"hostedPaymentButtonOptions": {"label": "Pay"}}}, "E00013"),
        ({"settings": {"hostedPaymentReturnOptions": {"url": "https://a.example/?x=1"}}}, "E00013"),
        ({"settings": {"hostedPaymentReturnOptions": {"cancelUrl": "https://a.example/#x"}}}, "E00013"),
        ({"settings": {"hostedPaymentReturnOptions": {"url": "/back"}}}, "E00013"),
        ({"amount": "0"}, "E00014"),
        ({"amount": "0.001"}, "E00014"),
        ({"type": "refundTransaction"}, "E00060"),
        ({"more": "<profile><customerProfileId>1</customerProfileId></profile>"}, "E00040"),
        (
            {
                "more": "<profile><paymentProfile><paymentProfileId>1</paymentProfileId></paymentProfile>"
                "</profile>"
            },
            "E00138",
        ),
        (
            {
                "more": "<payment><creditCard><cardNumber>4111111111111111</cardNumber>"
                "<expirationDate>1239</expirationDate></creditCard></payment>"
            },
            "E00119",
        ),
    ],
)
def test_a_page_that_the_real_gateway_would_refuse_is_refused(sandbox, given, code):
    answer = ask(sandbox, **given)

    assert (answer.result, answer.code, answer.text("token")) == ("Error", code, None)


def test_the_rule_about_return_urls_can_be_switched_off(sandbox):
    sandbox.post_control("options", {"path_only_urls": False})

    assert ask(sandbox, {"hostedPaymentReturnOptions": {"url": "https://a.example/?x=1"}}).text("token")


# -- opening it


def test_the_page_says_whom_what_for_how_much_and_that_it_is_a_sandbox(sandbox, token):
    page = sandbox.open(token)

    for words in ("SANDBOX", "Bright Alarm", "Invoice 1042", "$42.50", "PL-1", "Pay $42.50"):
        assert words in page.text
    assert page.link("Cancel") == "https://merchant.example/cancel"


@pytest.mark.parametrize(
    ("kinds", "there", "absent"), [((True, False), "number", "routing"), ((False, True), "routing", "number")]
)
def test_the_page_offers_what_the_settings_say(sandbox, kinds, there, absent):
    card, bank = kinds
    options = {"hostedPaymentPaymentOptions": {"showCreditCard": card, "showBankAccount": bank}}
    token = ask(sandbox, options).text("token")

    fields = sandbox.open(token).fields()

    assert there in fields and absent not in fields
    refused = sandbox.submit(token, **{**(ACCOUNT if card else VISA), **ADDRESS})
    assert refused.alert == "This way to pay is not offered here."


def test_a_page_opens_by_post_only(sandbox, token):
    assert (
        requests.get(f"{sandbox.url}/payment/payment", params={"token": token}, timeout=60).status_code == 405
    )
    assert requests.get(f"{sandbox.url}/payment/pay", timeout=60).status_code == 405


def test_an_unknown_token_leads_to_a_page_that_says_so(sandbox):
    for token in ("", "invented", "x" * 5000):
        assert sandbox.open(token).headline == "This payment page does not exist"
        assert sandbox.submit(token, **VISA).headline == "This payment page does not exist"


def test_a_page_must_be_opened_within_fifteen_minutes(sandbox, token):
    sandbox.post_control("clock", {"minutes": 14.9})
    assert "token" in sandbox.open(token).fields()

    sandbox.post_control("clock", {"minutes": 0.2})

    assert sandbox.open(token).headline == "This payment page has expired"


def test_an_open_page_takes_a_payment_for_a_while_longer(sandbox, token):
    sandbox.post_control("clock", {"minutes": 14})
    sandbox.open(token)
    sandbox.post_control("clock", {"minutes": 14})
    early = ask(sandbox).text("token")

    assert sandbox.submit(token, **VISA).is_receipt
    sandbox.open(early)
    sandbox.post_control("clock", {"minutes": 15.1})
    assert sandbox.submit(early, **VISA).headline == "This payment page has expired"


def test_a_page_that_was_never_opened_takes_nothing(sandbox, token):
    assert not sandbox.submit(token, **VISA).is_receipt
    assert sandbox.transactions() == []


def test_pages_are_neither_kept_nor_framed(sandbox, token):
    reply = requests.post(f"{sandbox.url}/payment/payment", data={"token": token}, timeout=60)

    assert reply.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in reply.headers["Content-Security-Policy"]
    assert reply.headers["Referrer-Policy"] == "no-referrer"


# -- paying


def test_paying_by_card_ends_on_a_receipt_with_a_plain_link_back(sandbox, token):
    page = sandbox.pay(token)

    assert page.is_receipt
    assert page.link("Continue") == "https://merchant.example/back"
    [paid] = sandbox.transactions()
    assert (paid["amount_cents"], paid["invoice_number"]) == (4250, "PL-1")
    assert (paid["account_type"], paid["account_number"], paid["avs"], paid["cvv"]) == (
        "Visa",
        "XXXX1111",
        "Y",
        "M",
    )


@pytest.mark.parametrize(
    ("kind", "echeck"), [("checking", "WEB"), ("savings", "WEB"), ("businessChecking", "CCD")]
)
def test_paying_by_bank_account(sandbox, token, kind, echeck):
    assert sandbox.pay(token, ACCOUNT, account_type=kind).is_receipt

    [paid] = sandbox.transactions()
    assert (paid["kind"], paid["account_type"], paid["account_number"]) == ("bank", "eCheck", "XXXX6781")
    assert (paid["routing_number"], paid["echeck_type"]) == ("XXXX2882", echeck)


def test_neither_numbers_nor_codes_are_stored(sandbox, token):
    sandbox.pay(token, {**VISA, "code": "903"})
    sandbox.pay(ask(sandbox).text("token"), ACCOUNT)

    kept = json.dumps(sandbox.transactions())
    assert "4111111111111111" not in kept and "123456781" not in kept and "121042882" not in kept


def test_the_amount_is_the_tokens_whatever_the_form_says(sandbox, token):
    sandbox.pay(token, amount="0.01", amount_cents="1", type="refundTransaction")

    assert sandbox.transactions()[0]["amount_cents"] == 4250


def test_a_decline_stays_on_the_form_and_another_card_can_pay(sandbox, token):
    declined = sandbox.pay(token, zip="46282")

    assert declined.alert.startswith("This transaction has been declined.")
    assert "token" in declined.fields()
    assert "4111111111111111" not in declined.text and 'value="46282"' in declined.text
    assert sandbox.submit(token, **VISA, **ADDRESS).is_receipt
    assert [one["status"] for one in sandbox.transactions()] == ["declined", "capturedPendingSettlement"]


def test_after_the_button_that_is_declined_every_other_one_does_as_it_says(sandbox, token):
    sandbox.open(token)
    declined = sandbox.submit(token, test="declined")
    assert declined.alert.startswith("This transaction has been declined.")

    assert sandbox.submit(token, test="visa", zip="46282").is_receipt


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"number": "4111111111111112"}, "The credit card number is invalid."),
        ({"expiration": "01/20"}, "The credit card has expired."),
        ({"expiration": "99/99"}, "Credit card expiration date is invalid."),
        ({"code": "9"}, "The card code is invalid."),
        ({**ACCOUNT, "routing": "121042883"}, "The ABA code is invalid"),
    ],
)
def test_a_mistyped_number_stays_on_the_form(sandbox, token, typed, words):
    assert words in sandbox.pay(token, **typed).alert
    assert sandbox.transactions() == []


@pytest.mark.parametrize("kept", [True, False])
def test_whether_the_refid_of_the_page_reaches_the_payment_is_a_switch(sandbox, token, kept):
    sandbox.post_control("options", {"page_ref_id": kept})

    sandbox.pay(token)

    assert sandbox.transactions()[0]["ref_id"] == ("PL-1" if kept else "")


def test_what_is_missing_is_said_at_its_field(sandbox, token):
    page = sandbox.pay(token, number="", code="")

    assert page.alert.endswith("Nothing was charged.")
    assert "Enter the card number." in page.text and "Enter the security code." in page.text
    assert 'aria-describedby="number-problem"' in page.text


def test_a_held_payment_looks_like_success(sandbox, token):
    sandbox.post_control("hold", {"above_cents": 4000})

    assert sandbox.pay(token).is_receipt
    assert sandbox.transactions()[0]["status"] == "FDSPendingReview"


@pytest.mark.parametrize(
    ("test", "status"),
    [
        ("visa", "capturedPendingSettlement"),
        ("mastercard", "capturedPendingSettlement"),
        ("bank", "capturedPendingSettlement"),
        ("held", "FDSPendingReview"),
        ("declined", "declined"),
    ],
)
def test_every_test_method_works_with_one_click(sandbox, token, test, status):
    sandbox.open(token)

    page = sandbox.submit(token, test=test, method="card", number="", zip="")

    assert page.is_receipt == (status != "declined")
    assert [one["status"] for one in sandbox.transactions()] == [status]


def test_a_used_page_takes_no_second_payment(sandbox, token):
    sandbox.pay(token)

    again = sandbox.submit(token, **{**VISA, "number": "4007000000027"})

    assert again.headline == sandbox.open(token).headline == "This payment page was used already"
    assert again.link("Continue") == "https://merchant.example/back"
    assert len(sandbox.transactions()) == 1


@pytest.mark.parametrize("window", ["28800", "0", None])
def test_fifty_clicks_at_once_are_one_payment(sandbox, window):
    token = ask(sandbox, window=window).text("token")
    sandbox.open(token)
    where = urlsplit(sandbox.url)

    with contextlib.ExitStack() as stack:
        clicks = [
            stack.enter_context(socket.create_connection((where.hostname, where.port))) for _ in range(50)
        ]
        for number, click in enumerate(clicks):
            body = urlencode({"token": token, **VISA, **ADDRESS, "zip": 90000 + number})
            click.sendall(
                f"POST /payment/pay HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body[:-1]}".encode()
            )
        for number, click in enumerate(clicks):  # fifty threads wait for this last byte
            click.sendall(str(number % 10).encode())
        pages = [b"".join(iter(lambda click=click: click.recv(65536), b"")) for click in clicks]

    assert sum(b"Your payment was received" in page for page in pages) == 1
    assert sum(b"This payment page was used already" in page for page in pages) == 49
    assert len(sandbox.transactions()) == 1


def test_two_pages_of_one_invoice_can_both_be_paid(sandbox, token):
    other = ask(sandbox).text("token")

    assert sandbox.pay(token).is_receipt
    assert sandbox.pay(other, {**VISA, "number": "4007000000027"}).is_receipt
    assert len(sandbox.transactions("PL-1")) == 2


def test_the_duplicate_rule_stops_the_same_card_on_a_second_page(sandbox, token):
    other = ask(sandbox).text("token")
    sandbox.pay(token)

    assert "A duplicate transaction has been submitted." in sandbox.pay(other).alert
    assert len(sandbox.transactions()) == 1


def test_whether_a_page_honors_the_window_is_a_switch(sandbox, token):
    sandbox.post_control("options", {"page_duplicate_window": False})
    other = ask(sandbox).text("token")
    sandbox.pay(token)
    sandbox.post_control("clock", {"minutes": 3})

    assert sandbox.pay(other).is_receipt


# -- faults on the page


def test_a_lost_answer_to_a_click_leaves_a_payment_behind(sandbox, token):
    sandbox.post_control("fault", {"mode": "drop_after_processing", "calls": "hosted"})
    sandbox.open(token)

    with pytest.raises(requests.ConnectionError):
        sandbox.submit(token, **VISA)

    assert len(sandbox.transactions()) == 1
    assert sandbox.submit(token, **VISA).headline == "This payment page was used already"


def test_a_lost_click_leaves_nothing_behind(sandbox, token):
    sandbox.post_control("fault", {"mode": "drop_before_processing", "calls": "hosted"})
    sandbox.open(token)

    with pytest.raises(requests.ConnectionError):
        sandbox.submit(token, **VISA)

    assert sandbox.transactions() == []
    assert sandbox.submit(token, **VISA).is_receipt


def test_a_busy_page_charges_nothing(sandbox, token):
    sandbox.post_control("fault", {"mode": "busy_unprocessed", "calls": "hosted"})

    assert sandbox.pay(token).headline == "The payment page is too busy"
    assert sandbox.transactions() == []


@pytest.mark.parametrize(("reason", "status"), [(19, "generalError"), (20, "generalError")])
def test_a_processor_error_stays_on_the_form(sandbox, token, reason, status):
    sandbox.post_control("fault", {"mode": f"reason_{reason}"})

    assert "An error occurred during processing." in sandbox.pay(token).alert
    assert [one["status"] for one in sandbox.transactions()] == [status]


def test_reason_120_says_error_although_the_money_moved(sandbox, token):
    sandbox.post_control("fault", {"mode": "reason_120", "calls": "hosted"})

    page = sandbox.pay(token)

    assert "An error occurred during processing." in page.alert
    assert [one["status"] for one in sandbox.transactions()] == ["capturedPendingSettlement"]
    assert sandbox.submit(token, **{**VISA, "zip": "1"}).headline == "This payment page was used already"
