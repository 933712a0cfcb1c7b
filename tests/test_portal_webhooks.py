"""The processor's door: authentic webhooks are kept, everything else is turned away."""

import json

import pytest

from models import GatewayEvent, Payment
from tests.factories import make_invoice
from tests.paying import signed

URL = "/webhooks/authorize-net"


@pytest.fixture
def post(app, paying):
    """A function that posts a body with its signature, as the processor does: no page, no token."""
    app.gateway = paying.gateway

    def send(body, header):
        return app.test_client().post(URL, data=body, headers={"X-ANET-Signature": header} if header else {})

    return send


def notification(number=1):
    told = {"notificationId": f"n-{number}", "eventType": "net.authorize.payment.authcapture.created"}
    return json.dumps(told | {"payload": {"id": "60000000001"}}).encode()


def test_an_authentic_webhook_is_kept_and_answered_at_once(post):
    answer = post(*signed(notification()))

    assert (answer.status_code, answer.data) == (200, b"")
    assert GatewayEvent.get().transaction_id == "60000000001"


def test_the_same_webhook_again_changes_nothing(post):
    assert [post(*signed(notification())).status_code for _ in range(3)] == [200] * 3
    assert GatewayEvent.select().count() == 1


@pytest.mark.parametrize("header", ["", "sha512=00", "md5=x", "sha512=" + "é" * 128])
def test_a_wrong_signature_is_turned_away(post, header):
    assert post(notification(), header.encode("latin-1") if header else "").status_code == 401
    assert GatewayEvent.select().count() == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\x00\xff", b'{"notificationId": null}', b'{"payload": 1}']
)
def test_an_authentic_webhook_that_cannot_be_read_is_no_error(post, body):
    assert post(*signed(body)).status_code == 200


def test_a_huge_webhook_is_refused_before_it_is_read(post):
    assert post(*signed(b"x" * 70_000)).status_code == 413


def test_a_webhook_alone_settles_a_payment_whose_browser_never_came_back(app, post, paying, alice):
    payment = paying.start(make_invoice(alice))
    paying.pay(payment)

    for body, header in paying.webhooks(1):
        assert post(body, header).status_code == 200
    assert Payment.get().state == "sent"  # a hint: nothing is believed yet
    paying.follow()

    assert Payment.get().state == "approved"
