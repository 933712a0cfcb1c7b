"""The sandbox's notifications: signed, late, doubled, reordered, lost, retried; and who gets them."""

import json
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox_process import (
    KEY,
    LOGIN,
    SIGNATURE_KEY,
    SandboxProcess,
    account,
    card,
    envelope,
    eventually,
)
from tests.test_sandbox_api import END, SALE


class Listener(BaseHTTPRequestHandler):
    """Keeps what arrives; answers with the server's status."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.arrived.append((body, self.headers["X-ANET-Signature"], self.headers))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def listener():
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.arrived, server.status = [], 200
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def process(tmp_path_factory, listener):
    url = f"http://127.0.0.1:{listener.server_port}/gateway/events"
    with SandboxProcess(tmp_path_factory.mktemp("hooks") / "sandbox.sqlite", webhook_url=url) as process:
        yield process


@pytest.fixture
def sandbox(process, listener):
    process.post_control("reset")
    listener.arrived.clear()
    listener.status = 200
    [hook] = rest(process, "GET", "webhooks").json()
    rest(process, "PUT", f"webhooks/{hook['webhookId']}", {"status": "active"})
    return process


def rest(sandbox, method, path, data=None, auth=(LOGIN, KEY)):
    return requests.request(method, f"{sandbox.url}/rest/v1/{path}", json=data, auth=auth, timeout=60)


def events(listener):
    return [json.loads(body) for body, *_ in list(listener.arrived)]


def arrived(listener, count):
    """Wait until ``count`` notifications have come; returns them."""
    eventually(lambda: len(listener.arrived) >= count)
    return events(listener)


def test_a_payment_is_told_and_signed(sandbox, listener):
    paid = sandbox.charge(4250, card(), invoice="PL-1", ref_id="ref-1").transaction_id

    [event] = arrived(listener, 1)

    body, signature, headers = listener.arrived[0]
    assert sandbox.gateway().is_authentic(body, signature)
    assert not sandbox.gateway(signature_keys=("00" * 64,)).is_authentic(body, signature)
    assert headers["X-Request-Id"]
    assert event["eventType"] == "net.authorize.payment.authcapture.created"
    assert b'"authAmount":42.50,' in body
    assert event["payload"] == {
        "responseCode": 1,
        "merchantReferenceId": "ref-1",
        "authCode": event["payload"]["authCode"],
        "avsResponse": "Y",
        "authAmount": 42.5,
        "invoiceNumber": "PL-1",
        "entityName": "transaction",
        "id": paid,
    }
    assert sandbox.gateway().details(event["payload"]["id"]).reference == "PL-1"


def test_a_notification_may_lack_the_invoice_number(sandbox, listener):
    sandbox.post_control("webhooks", {"invoice_number": False})
    sandbox.charge(1000, card(), invoice="PL-1")

    [event] = arrived(listener, 1)

    assert "invoiceNumber" not in event["payload"]


def test_declines_and_settlements_are_told_to_nobody(sandbox, listener):
    sandbox.charge(1000, card(), zip_code="46282")
    sandbox.charge(1000, account("121042883"))
    sandbox.post_control("settle")

    assert sandbox.notifications() == []


def test_every_move_that_has_an_event_is_told(sandbox, listener):
    one, two = (sandbox.charge(cents, card()).transaction_id for cents in (1000, 2000))
    sandbox.post_control("void", {"transaction_id": one})
    sandbox.post_control("settle")
    refund = sandbox.post_control("refund", {"transaction_id": two, "amount_cents": 500})["transaction_id"]
    sandbox.post_control("hold", {"above_cents": 0})
    held, refused = (sandbox.charge(cents, card()).transaction_id for cents in (3000, 4000))
    sandbox.post_control("held", {"transaction_id": held, "action": "approve"})
    sandbox.post_control("held", {"transaction_id": refused, "action": "decline"})

    told = [(event["eventType"].split(".", 3)[-1], event["payload"]["id"]) for event in arrived(listener, 8)]

    assert told == [
        ("authcapture.created", one),
        ("authcapture.created", two),
        ("void.created", one),
        ("refund.created", refund),
        ("fraud.held", held),
        ("fraud.held", refused),
        ("fraud.approved", held),
        ("fraud.declined", refused),
    ]
    assert "authCode" not in events(listener)[2]["payload"]
    assert events(listener)[4]["payload"]["fraudList"] == [
        {"fraudFilter": "Amount Filter", "fraudAction": "review"}
    ]


def test_a_notification_can_be_late(sandbox, listener):
    sandbox.post_control("webhooks", {"delay_seconds": 3600})
    sandbox.charge(1000, card())
    assert sandbox.notifications()[0]["status"] == "Pending"
    assert listener.arrived == []

    sandbox.post_control("clock", {"minutes": 61})

    assert len(arrived(listener, 1)) == 1


def test_a_notification_can_come_more_than_once(sandbox, listener):
    sandbox.post_control("webhooks", {"copies": 3})
    sandbox.charge(1000, card())

    three = arrived(listener, 3)

    assert len({event["notificationId"] for event in three}) == 1
    assert len({body for body, *_ in listener.arrived}) == 1


def test_notifications_can_come_in_the_wrong_order(sandbox, listener):
    sandbox.post_control("webhooks", {"reorder": 2})
    paid = sandbox.charge(1000, card()).transaction_id
    sandbox.post_control("void", {"transaction_id": paid})

    told = [event["eventType"].rsplit(".", 2)[-2] for event in arrived(listener, 2)]

    assert told == ["void", "authcapture"]


def test_a_notification_can_be_lost(sandbox, listener):
    sandbox.post_control("webhooks", {"lose": 1})
    sandbox.charge(1000, card())
    second = sandbox.charge(2000, card()).transaction_id

    [event] = arrived(listener, 1)

    assert event["payload"]["id"] == second
    assert [one["status"] for one in sandbox.notifications()][0] == "Lost"


def test_a_failed_delivery_is_tried_again_and_then_the_endpoint_is_off(sandbox, listener):
    sandbox.post_control("webhooks", {"retries": [180, 28800]})
    listener.status = 500
    sandbox.charge(1000, card())

    for tries, minutes in ((1, 3.1), (2, 481)):
        assert eventually(lambda tries=tries: len(listener.arrived) == tries)
        assert eventually(lambda: sandbox.notifications()[0]["status"] == "RetryPending")
        sandbox.post_control("clock", {"minutes": minutes})

    assert eventually(lambda: sandbox.notifications()[0]["status"] == "Failed")
    assert len(listener.arrived) == 3
    [hook] = rest(sandbox, "GET", "webhooks").json()
    assert hook["status"] == "inactive"
    sandbox.charge(2000, card())
    assert len(sandbox.notifications()) == 1


def test_an_endpoint_that_fails_too_often_in_a_row_is_off_and_its_events_wait_in_the_history(
    sandbox, listener
):
    sandbox.post_control("options", {"webhook_failures_allowed": 1})
    sandbox.post_control("webhooks", {"delay_seconds": 60})
    listener.status = 500
    for cents in (1000, 2000, 3000):
        sandbox.charge(cents, card())
    sandbox.post_control("clock", {"minutes": 2})

    assert eventually(lambda: sandbox.state()["endpoints"][0]["status"] == "inactive")
    sandbox.charge(4000, card())

    missed = rest(sandbox, "GET", "notifications?deliveryStatus=Failed").json()["notifications"]
    assert len(missed) == len(sandbox.notifications()) == 3
    one = rest(sandbox, "GET", f"notifications/{missed[-1]['notificationId']}").json()
    assert one["payload"]["authAmount"] == 10.0
    sandbox.post_control("clock", {"days": 3})
    assert len(listener.arrived) == 2


def test_an_endpoint_that_is_switched_on_again_starts_afresh(sandbox, listener):
    sandbox.post_control("options", {"webhook_failures_allowed": 0})
    listener.status = 500
    sandbox.charge(1000, card())
    assert eventually(lambda: sandbox.state()["endpoints"][0]["status"] == "inactive")
    listener.status = 200
    [hook] = rest(sandbox, "GET", "webhooks").json()

    rest(sandbox, "PUT", f"webhooks/{hook['webhookId']}", {"status": "active"})

    paid = sandbox.charge(2000, card()).transaction_id
    assert arrived(listener, 2)[1]["payload"]["id"] == paid
    assert sandbox.state()["endpoints"][0]["failures"] == 0


def test_a_failure_between_successes_is_forgiven(sandbox, listener):
    sandbox.post_control("options", {"webhook_failures_allowed": 1})
    for number in range(3):
        listener.status = 500
        sandbox.charge(1000 + number, card())
        assert eventually(lambda: sandbox.state()["endpoints"][0]["failures"] == 1)
        listener.status = 200
        sandbox.post_control("clock", {"minutes": 4})
        assert eventually(lambda: sandbox.state()["endpoints"][0]["failures"] == 0)

    assert sandbox.state()["endpoints"][0]["status"] == "active"


def test_a_notification_arrives_before_the_answer_that_takes_its_time(sandbox, listener):
    sandbox.post_control("options", {"answer_ms": 3_600_000})
    request = envelope("createTransactionRequest", f"{SALE}<payment>{card()}</payment>{END}")
    where = urlsplit(sandbox.url)
    with socket.create_connection((where.hostname, where.port)) as line:
        head = "POST /xml/v1/request.api HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: "
        line.sendall(f"{head}{len(request)}\r\n\r\n".encode() + request)

        assert len(arrived(listener, 1)) == 1
        assert select.select([line], [], [], 0)[0] == [], "the answer is there already"


def test_a_customers_profile_and_methods_are_told_about(sandbox, listener):
    made = sandbox.ask(
        "createCustomerProfileRequest",
        "<profile><merchantCustomerId>C-1</merchantCustomerId><description>Ann</description></profile>",
    ).text("customerProfileId")
    add = f"<customerProfileId>{made}</customerProfileId><paymentProfile><payment>{card()}</payment>"
    method = sandbox.ask("createCustomerPaymentProfileRequest", add + "</paymentProfile>").text(
        "customerPaymentProfileId"
    )
    change = f"<profile><email>a@b.example</email><customerProfileId>{made}</customerProfileId></profile>"
    sandbox.ask("updateCustomerProfileRequest", change)
    sandbox.post_control("updater", [{"method_id": method, "reason": "NED", "expiration": "05/40"}])
    sandbox.post_control("delete-method", {"method_id": method})
    sandbox.post_control("delete-profile", {"profile_id": made})

    told = arrived(listener, 6)

    assert [event["eventType"].removeprefix("net.authorize.customer.") for event in told] == [
        "created",
        "paymentProfile.created",
        "updated",
        "paymentProfile.updated",
        "paymentProfile.deleted",
        "deleted",
    ]
    assert told[0]["payload"] == {
        "paymentProfiles": [],
        "merchantCustomerId": "C-1",
        "description": "Ann",
        "entityName": "customerProfile",
        "id": made,
    }
    assert told[1]["payload"] == {
        "customerProfileId": int(made),
        "customerType": "individual",
        "entityName": "customerPaymentProfile",
        "id": method,
    }
    assert told[2]["payload"]["paymentProfiles"] == [{"customerType": "individual", "id": method}]
    for body, signature, _ in listener.arrived:
        assert sandbox.gateway().is_authentic(body, signature)


def test_a_second_try_that_arrives_is_delivered(sandbox, listener):
    listener.status = 503
    sandbox.charge(1000, card())
    assert eventually(lambda: sandbox.notifications()[0]["status"] == "RetryPending")
    listener.status = 200

    sandbox.post_control("clock", {"minutes": 4})

    assert eventually(lambda: sandbox.notifications()[0]["status"] == "Delivered")
    assert len({body for body, *_ in listener.arrived}) == 1


# -- the management API


@pytest.mark.parametrize("auth", [None, (LOGIN, "wrong"), ("wrong", KEY), ("", "")])
def test_the_api_needs_the_credentials(sandbox, auth):
    assert rest(sandbox, "GET", "webhooks", auth=auth).status_code == 401


def test_endpoints_are_made_read_changed_and_removed(sandbox, listener):
    url = f"http://127.0.0.1:{listener.server_port}/second"
    types = ["net.authorize.payment.void.created"]

    made = rest(sandbox, "POST", "webhooks", {"name": "n", "url": url, "eventTypes": types}).json()

    where = f"webhooks/{made['webhookId']}"
    assert made == {
        "_links": {"self": {"href": f"/rest/v1/{where}"}},
        "webhookId": made["webhookId"],
        "name": "n",
        "eventTypes": types,
        "status": "active",
        "url": url,
    }
    assert rest(sandbox, "GET", where).json() == made
    assert len(rest(sandbox, "GET", "webhooks").json()) == 2
    assert rest(sandbox, "PUT", where, {"status": "inactive"}).json() == {**made, "status": "inactive"}
    assert rest(sandbox, "DELETE", where).status_code == 200
    assert rest(sandbox, "GET", where).status_code == 404
    assert rest(sandbox, "PUT", where, {}).status_code == rest(sandbox, "DELETE", where).status_code == 404


def test_an_endpoint_gets_only_what_it_asked_for(sandbox, listener):
    [hook] = rest(sandbox, "GET", "webhooks").json()
    where = f"webhooks/{hook['webhookId']}"
    rest(sandbox, "PUT", where, {"eventTypes": ["net.authorize.payment.void.created"]})

    paid = sandbox.charge(1000, card()).transaction_id
    sandbox.post_control("void", {"transaction_id": paid})

    assert [one["event_type"] for one in sandbox.notifications()] == ["net.authorize.payment.void.created"]
    rest(sandbox, "PUT", where, {"eventTypes": hook["eventTypes"]})


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"url": "http://a.example"},
        {"url": "http://a.example", "eventTypes": ["net.authorize.invented"]},
        {"url": "ftp://a.example", "eventTypes": ["net.authorize.payment.void.created"]},
        {"url": "http://a.example", "eventTypes": ["net.authorize.payment.void.created"], "status": "odd"},
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(sandbox, wrong):
    assert rest(sandbox, "POST", "webhooks", wrong).status_code == 400


def test_only_an_inactive_endpoint_can_be_tested(sandbox, listener):
    [hook] = rest(sandbox, "GET", "webhooks").json()
    where = f"webhooks/{hook['webhookId']}"
    assert rest(sandbox, "POST", where + "/pings").status_code == 400
    rest(sandbox, "PUT", where, {"status": "inactive"})

    assert rest(sandbox, "POST", where + "/pings").status_code == 200

    [ping] = arrived(listener, 1)
    assert (ping["payload"]["responseCode"], ping["payload"]["authAmount"]) == (0, 0.0)
    assert rest(sandbox, "POST", "webhooks/nobody/pings").status_code == 404


def test_the_history_tells_what_was_delivered_and_what_was_not(sandbox, listener):
    sandbox.post_control("webhooks", {"lose": 1})
    for cents in (1000, 2000, 3000):
        sandbox.charge(cents, card())
    arrived(listener, 2)
    assert eventually(lambda: [one["status"] for one in sandbox.notifications()].count("Delivered") == 2)

    whole = rest(sandbox, "GET", "notifications").json()["notifications"]
    delivered = rest(sandbox, "GET", "notifications?deliveryStatus=Delivered&limit=1&offset=1").json()
    one = rest(sandbox, "GET", f"notifications/{whole[0]['notificationId']}").json()

    assert [entry["deliveryStatus"] for entry in whole] == ["Delivered", "Delivered", "Lost"]
    assert [entry["notificationId"] for entry in delivered["notifications"]] == [whole[1]["notificationId"]]
    assert one["payload"]["authAmount"] == 30.0
    assert rest(sandbox, "GET", "notifications/none").status_code == 404
    assert rest(sandbox, "GET", "notifications?from_date=2099-01-01").json()["notifications"] == []


def test_all_event_types_are_listed(sandbox):
    names = [one["name"] for one in rest(sandbox, "GET", "eventtypes").json()]

    assert "net.authorize.payment.authcapture.created" in names
    assert len(names) == len(set(names)) == 15
    assert SIGNATURE_KEY not in json.dumps(names)
