"""The sandbox loses, delays, doubles and spoils: what a client sees, and what happened all the same."""

import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox_process import VISA, card, envelope


@pytest.fixture
def visa(sandbox):
    return sandbox.method()


def charge_body(ids, reference="PL-1"):
    return envelope(
        "createTransactionRequest",
        "<transactionRequest><transactionType>authCaptureTransaction</transactionType><amount>10.00</amount>"
        f"<profile><customerProfileId>{ids[0]}</customerProfileId><paymentProfile><paymentProfileId>{ids[1]}"
        "</paymentProfileId></paymentProfile></profile>"
        f"<order><invoiceNumber>{reference}</invoiceNumber></order></transactionRequest>",
        ref_id=reference,
    )


def on_the_line(sandbox, *bodies):
    """Send requests over one connection of our own; returns all bytes that came and whether it was reset.

    With the last one the server is asked to close, so that all it sends is read, however long it takes.
    """
    where = urlsplit(sandbox.url)
    came, was_reset = b"", False
    with socket.create_connection((where.hostname, where.port), timeout=60) as line:
        for number, body in enumerate(bodies, 1):
            head = (
                "POST /xml/v1/request.api HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
                f"Connection: {'close' if number == len(bodies) else 'keep-alive'}\r\nContent-Length: "
            )
            line.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body)
        try:
            while piece := line.recv(65536):
                came += piece
        except ConnectionResetError:
            was_reset = True
    return came, was_reset


# -- lost


@pytest.mark.parametrize(
    ("mode", "taken"), [("lose_request", 0), ("drop_before_processing", 0), ("drop_after_processing", 1)]
)
def test_a_lost_connection_leaves_a_charge_only_when_the_request_had_arrived(sandbox, visa, mode, taken):
    sandbox.post_control("fault", {"mode": mode})

    with pytest.raises(requests.ConnectionError):
        sandbox.charge_stored(visa, 1000)

    assert len(sandbox.transactions()) == taken


def test_an_answer_is_reset_in_its_middle_and_the_charge_stands(sandbox, visa):
    sandbox.post_control("fault", {"mode": "reset"})

    came, was_reset = on_the_line(sandbox, charge_body(visa))

    head, _, body = came.partition(b"\r\n\r\n")
    assert was_reset
    assert b"HTTP/1.1 200" in head and b"<createTransactionResponse" in body
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < length
    assert len(sandbox.transactions()) == 1


def test_a_client_library_sees_a_reset_answer_as_an_error(sandbox, visa):
    sandbox.post_control("fault", {"mode": "reset"})

    with pytest.raises(requests.RequestException):
        sandbox.charge_stored(visa, 1000)

    assert sandbox.ask("authenticateTestRequest").result == "Ok"


def test_garbage_is_200_and_nothing_that_can_be_read(sandbox, visa):
    sandbox.post_control("fault", {"mode": "garbage"})

    reply = sandbox.send(charge_body(visa))

    assert (reply.status_code, reply.headers["Content-Type"].split(";")[0]) == (200, "application/xml")
    assert b"<" in reply.content and b"transactionResponse" not in reply.content
    assert len(sandbox.transactions()) == 1


# -- twice


def test_one_charge_is_answered_twice_on_one_connection(sandbox, visa):
    sandbox.post_control("fault", {"mode": "twice"})

    came, _ = on_the_line(sandbox, charge_body(visa))

    assert came.count(b"HTTP/1.1 200") == came.count(b"</createTransactionResponse>") == 2
    ids = [piece.split(b"</transId>")[0] for piece in came.split(b"<transId>")[1:]]
    assert ids[0] == ids[1] == sandbox.transactions()[0]["id"].encode()
    assert len(sandbox.transactions()) == 1


# -- late


def test_a_charge_is_accepted_after_the_client_gave_up(sandbox, visa):
    sandbox.post_control("fault", {"mode": "late", "seconds": 3600})

    with pytest.raises(requests.ConnectionError):  # at once: it would wait for half a minute at most
        sandbox.charge_stored(visa, 1000, invoice="PL-1")

    assert sandbox.transactions() == []
    assert sandbox.state()["late"] == 1
    sandbox.post_control("clock", {"hours": 1})
    [paid] = sandbox.transactions()
    assert (paid["invoice_number"], paid["status"]) == ("PL-1", "capturedPendingSettlement")
    assert sandbox.state()["late"] == 0


def test_late_is_late_by_the_sandboxes_clock(sandbox, visa):
    sandbox.post_control("fault", {"mode": "late", "seconds": 3600})
    with pytest.raises(requests.ConnectionError):
        sandbox.charge_stored(visa, 1000)

    sandbox.post_control("clock", {"minutes": 59})
    assert sandbox.transactions() == []
    sandbox.post_control("clock", {"minutes": 2})

    assert len(sandbox.transactions()) == 1


def test_a_late_charge_obeys_the_rules_of_the_moment_that_it_arrives(sandbox, visa):
    sandbox.post_control("fault", {"mode": "late", "seconds": 60})
    window = {"duplicateWindow": "28800"}
    with pytest.raises(requests.ConnectionError):
        sandbox.charge_stored(visa, 1000, invoice="A", settings=window)
    assert sandbox.charge_stored(visa, 1000, invoice="A", settings=window).decision == ("1", "1")

    sandbox.post_control("clock", {"minutes": 2})

    assert sandbox.state()["late"] == 0
    assert len(sandbox.transactions()) == 1


def test_a_late_click_on_the_payment_page_pays_later(sandbox):
    page = sandbox.gateway().hosted_page(
        reference="PL-9", amount_cents=4250, description="d", customer_number="c", email="",
        merchant_name="m", return_url="http://x/", cancel_url="http://x/",
    )  # fmt: skip
    sandbox.open(page.token)
    sandbox.post_control("fault", {"mode": "late", "seconds": 60, "calls": "hosted"})

    with pytest.raises(requests.ConnectionError):
        sandbox.submit(page.token, **VISA)

    assert sandbox.transactions() == []
    sandbox.post_control("clock", {"minutes": 2})
    assert [one["invoice_number"] for one in sandbox.transactions()] == ["PL-9"]


def test_forgetting_everything_forgets_what_is_late(sandbox, visa):
    sandbox.post_control("fault", {"mode": "late", "seconds": 60})
    with pytest.raises(requests.ConnectionError):
        sandbox.charge_stored(visa, 1000)

    sandbox.post_control("reset")

    assert sandbox.state()["late"] == 0


# -- approved, then not


def test_an_approval_is_taken_back_at_once(sandbox, visa):
    sandbox.post_control("fault", {"mode": "approve_then_void"})

    answer = sandbox.charge_stored(visa, 1000)

    assert answer.decision == ("1", "1")
    assert sandbox.gateway().details(answer.transaction_id).status == "voided"


def test_a_payment_on_the_page_is_taken_back_at_once(sandbox):
    page = sandbox.gateway().hosted_page(
        reference="PL-9", amount_cents=4250, description="d", customer_number="c", email="",
        merchant_name="m", return_url="http://x/", cancel_url="http://x/",
    )  # fmt: skip
    sandbox.post_control("fault", {"mode": "approve_then_void", "calls": "hosted"})

    assert sandbox.pay(page.token).is_receipt
    assert [one["status"] for one in sandbox.transactions("PL-9")] == ["voided"]
    assert sandbox.open(page.token).headline == "This payment page was used already"


@pytest.mark.parametrize(
    ("mode", "code", "taken"),
    [
        ("busy", "E00053", 1),
        ("busy_unprocessed", "E00053", 0),
        ("maintenance", "E00104", 1),
        ("maintenance_unprocessed", "E00104", 0),
    ],
)
def test_a_busy_gateway_may_have_charged_or_not(sandbox, visa, mode, code, taken):
    sandbox.post_control("fault", {"mode": mode})

    assert sandbox.charge_stored(visa, 1000).code == code
    assert len(sandbox.transactions()) == taken


# -- time


def test_the_clock_can_be_ten_minutes_off_in_both_directions(sandbox, visa):
    real = sandbox.charge_stored(visa, 1000).transaction_id
    sandbox.post_control("clock", {"minutes": 10})
    ahead = sandbox.charge_stored(visa, 2000).transaction_id
    sandbox.post_control("clock", {"minutes": -20})
    behind = sandbox.charge_stored(visa, 3000).transaction_id

    at = {one["id"]: one["submitted_at"] for one in sandbox.transactions()}

    assert at[behind] < at[real] < at[ahead]


def test_many_charges_at_once_wait_side_by_side(sandbox):
    """16 clients, a second an answer, two charges each: half a minute one after another."""
    sandbox.post_control("options", {"answer_ms": 1000})
    methods = sandbox.methods(*({"customer_number": f"C-{n}", "kind": "card"} for n in range(32)))
    bodies = [charge_body(ids, f"PL-{number}") for number, ids in enumerate(methods)]
    work, lock = iter(bodies), threading.Lock()

    def pay():
        with requests.Session() as session:
            session.trust_env = False
            while True:
                with lock:
                    body = next(work, None)
                if body is None:
                    return
                headers = {"Content-Type": "text/xml"}
                reply = session.post(
                    sandbox.url + "/xml/v1/request.api", data=body, headers=headers, timeout=30
                )
                assert b"<responseCode>1<" in reply.content

    clients = [threading.Thread(target=pay) for _ in range(16)]
    begin = time.monotonic()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    took = time.monotonic() - begin

    assert len(sandbox.transactions()) == 32
    assert took < 16, (
        f"{took:.1f} s"
    )  # two where nothing else is done; half of the whole row even where much is


def test_a_click_on_the_payment_page_takes_its_time_too(sandbox):
    page = sandbox.gateway().hosted_page(
        reference="PL-9", amount_cents=4250, description="d", customer_number="c", email="",
        merchant_name="m", return_url="http://x/", cancel_url="http://x/",
    )  # fmt: skip
    sandbox.open(page.token)
    sandbox.post_control("options", {"answer_ms": 600})

    begin = time.monotonic()
    assert sandbox.submit(page.token, **VISA).is_receipt

    assert time.monotonic() - begin > 0.6


def test_reads_do_not_wait_for_charges(sandbox):
    sandbox.post_control("options", {"answer_ms": 60_000})

    assert sandbox.ask("authenticateTestRequest").result == "Ok"  # it asks for half a minute at most


def test_what_is_not_a_charge_can_be_spoiled_as_well(sandbox):
    sandbox.post_control("fault", {"mode": "garbage", "calls": "getTransactionDetailsRequest"})

    assert sandbox.charge(1000, card()).decision == ("1", "1")
    reply = sandbox.send(envelope("getTransactionDetailsRequest", "<transId>1</transId>"))
    assert b"E00040" not in reply.content
