"""What webhooks say about saved methods is followed; what they say about payments: test_pay_online.py."""

import json

from billing.automatic import methods
from models import GatewayEvent, PaymentMethod
from tests.paying import signed
from tests.sandbox_process import eventually


def of_kind(paying, kind):
    """The webhooks of one kind, when they have come."""
    return eventually(lambda: [one for one in paying.webhooks(1) if kind.encode() in one[0]])


def test_a_card_is_known_although_its_owner_closed_the_browser(paying, alice):
    page = methods.start_adding(
        alice, gateway=paying.gateway, return_url="http://localhost/back", now=paying.clock.now()
    )
    paying.sandbox.add_method(page.token)

    paying.hear(*of_kind(paying, "customer.paymentProfile.created"))

    method = PaymentMethod.get()
    assert (method.customer, method.state, method.label) == (alice, "active", "Visa ending 1111")
    assert GatewayEvent.get(GatewayEvent.handled_at.is_null(False)).result.startswith("Saved methods of")


def test_a_profile_that_is_not_ours_is_no_news(paying, alice):
    told = {"notificationId": "n-1", "eventType": "net.authorize.customer.deleted"}
    paying.hear(signed(json.dumps(told | {"payload": {"id": "123"}}).encode()))

    assert GatewayEvent.get().result == "Not one of our customers"


def test_a_webhook_about_nobody_changes_nothing(paying, alice):
    told = {"notificationId": "n-2", "eventType": "net.authorize.customer.paymentProfile.deleted"}
    paying.hear(signed(json.dumps(told).encode()))

    assert GatewayEvent.get().result == "Not one of our customers"
    assert not PaymentMethod.select().exists()
