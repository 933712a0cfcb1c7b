"""The gateway edge against the sandbox process and, for what no sane gateway says, against canned bytes."""

import contextlib
import gzip
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from billing.edges.gateway import Gateway, writing
from billing.errors import GatewayUnavailable
from billing.outcomes import (
    CAUSES,
    DISABLE,
    DOUBTFUL_REASONS,
    HARD,
    MANUAL,
    OURS,
    RETRY,
    RETURN_CAUSES,
    SOFT,
    Approved,
    Declined,
    Held,
    InDoubt,
    NothingChanged,
    Returned,
    Transaction,
    Voided,
    cause_of,
    plain_words,
    return_cause,
)
from tests import ports
from tests.sandbox_process import ACCOUNT, IMPATIENT, NAMESPACE, VISA, eventually

YESTERDAY = timedelta(days=1)


@pytest.fixture
def gateway(sandbox):
    return sandbox.gateway()


def now():
    return datetime.now(UTC).replace(tzinfo=None)


def ask_for_page(gateway, reference="PL-1", cents=4250, **changes):
    given = {
        "reference": reference,
        "amount_cents": cents,
        "description": "Invoice 1042",
        "customer_number": "C-7",
        "email": "ann@example.com",
        "merchant_name": "Bright Alarm",
        "return_url": "http://127.0.0.1/back",
        "cancel_url": "http://127.0.0.1/cancel",
        **changes,
    }
    return gateway.hosted_page(**given)


def paid(sandbox, gateway, reference="PL-1", cents=4250, source=VISA, **typed):
    """Pay on the hosted page; returns the Transaction that the gateway then knows."""
    sandbox.pay(ask_for_page(gateway, reference, cents).token, source, **typed)
    return gateway.find(reference, since=now() - YESTERDAY)[-1]


# -- the payment page


def test_a_page_is_asked_for_and_paid(sandbox, gateway):
    page = ask_for_page(gateway, bill_to={"first_name": "José", "last_name": "Núñez", "zip": "98004"})

    assert sandbox.pay(page.token).is_receipt

    assert page.url == f"{sandbox.url}/payment/payment"
    [found] = sandbox.transactions("PL-1")
    assert (found["amount_cents"], found["status"]) == (4250, "capturedPendingSettlement")
    assert found["customer_id"] == "C-7"


def test_text_with_the_letters_of_a_namespace_arrives_whole(sandbox, gateway):
    page = ask_for_page(gateway, description="dns1:primary and columns1:x \x0b tab\there — naïve 漢")

    assert sandbox.open(page.token).headline == "dns1:primary and columns1:x tab here — naïve 漢"


def test_text_that_is_too_long_is_cut_and_empty_text_left_out(sandbox, gateway):
    long = "x" * 400

    page = ask_for_page(gateway, description=long, customer_number=long, email="", bill_to={"city": long})

    sandbox.pay(page.token)
    [found] = sandbox.transactions("PL-1")
    assert (len(found["description"]), len(found["customer_id"]), found["customer_email"]) == (255, 20, "")


def test_only_the_kinds_that_are_wanted_are_offered(sandbox, gateway):
    page = sandbox.open(ask_for_page(gateway, kinds=("bank",)).token)

    assert "routing" in page.fields()
    assert "number" not in page.fields()


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": "x" * 21},
        {"reference": ""},
        {"reference": "has space"},
        {"cents": 0},
        {"cents": -5},
        {"cents": 12.5},
        {"return_url": "http://127.0.0.1/back?invoice=1"},
        {"cancel_url": "http://127.0.0.1/back#top"},
    ],
)
def test_a_request_that_the_gateway_would_change_or_refuse_is_never_sent(sandbox, gateway, wrong):
    with pytest.raises(ValueError):
        ask_for_page(gateway, **wrong)


def test_a_misspelt_field_is_an_error_and_not_silence(gateway):
    with pytest.raises(Exception, match="orderType"):
        writing.make("orderType", invoiceNumbr="1")


# -- asking


def test_the_credentials_are_checked(sandbox):
    assert sandbox.gateway().check() is None
    with pytest.raises(GatewayUnavailable, match="E00007.*Nothing was charged"):
        sandbox.gateway(transaction_key="wrong").check()


def test_details_tell_everything_as_text_and_cents(sandbox, gateway):
    sandbox.post_control("fault", {"mode": "odd_auth_code", "count": None})

    found = paid(sandbox, gateway)

    network_id = found.network_transaction_id
    assert network_id
    assert found.outcome() == Approved(found.transaction_id, "1E5678", "Visa ending 1111", network_id)
    assert (found.amount_cents, found.kind, found.reference) == (4250, "card", "PL-1")
    assert (found.response_code, found.reason_code) == ("1", "1")
    assert abs(found.submitted_at - now()) < timedelta(minutes=1)
    assert found.is_money and not found.is_settled and not found.is_final


def test_an_unknown_transaction_is_none(gateway):
    assert gateway.details("123") is None
    assert gateway.details("0") is None
    assert gateway.details("not a number") is None


def test_find_matches_only_the_whole_reference(sandbox, gateway):
    one, two = paid(sandbox, gateway, "PL-1"), paid(sandbox, gateway, "PL-12")

    assert [found.transaction_id for found in gateway.find("PL-1", since=now())] == [one.transaction_id]
    assert gateway.find("PL-1", since=now()) != [two]
    assert gateway.find("PL-", since=now()) == []


def test_what_began_by_a_clock_that_was_two_hours_ahead_is_found_after_it_was_put_right(sandbox, gateway):
    one = paid(sandbox, gateway)

    [found] = gateway.find("PL-1", since=now() + timedelta(hours=2))

    assert found.transaction_id == one.transaction_id


def test_find_tells_all_attempts_of_a_reference_in_order(sandbox, gateway):
    page = ask_for_page(gateway)
    sandbox.pay(page.token, zip="46282")
    sandbox.pay(page.token)

    first, second = gateway.find("PL-1", since=now())

    assert isinstance(first.outcome(), Declined)
    assert isinstance(second.outcome(), Approved)


def test_find_sees_what_is_held_unsettled_and_settled(sandbox, gateway):
    paid(sandbox, gateway, "PL-1", 1000)
    sandbox.post_control("settle")
    sandbox.post_control("hold", {"above_cents": 5000})

    held = paid(sandbox, gateway, "PL-2", 6000)
    [settled] = gateway.find("PL-1", since=now())

    assert held.outcome() == Held(held.transaction_id)
    assert not held.is_money and not held.is_final
    assert settled.is_settled and settled.is_money and settled.is_final
    assert settled.batch_id and settled.settled_at


def test_find_sees_what_is_held_even_if_it_has_only_a_list_of_its_own(sandbox, gateway):
    sandbox.post_control("options", {"list_held": False, "hold_above_cents": 0})

    assert isinstance(paid(sandbox, gateway).outcome(), Held)


def test_find_reads_every_page_of_a_long_list(sandbox, gateway):
    at = now().isoformat(timespec="seconds")
    many = [
        {
            "reference": f"OLD-{n}",
            "amount_cents": 100,
            "submitted_at": at,
            "status": "capturedPendingSettlement",
        }
        for n in range(2500)
    ]
    ids = sandbox.post_control("history", many)["transaction_ids"]

    [found] = gateway.find("OLD-0", since=now())

    assert found.transaction_id == ids[0]


def test_find_gives_nothing_for_what_never_happened(gateway):
    assert gateway.find("PL-404", since=now() - timedelta(days=40)) == []


def test_batches_of_a_long_span_come_once_each_and_with_totals(sandbox, gateway):
    begin = now().replace(hour=12) - timedelta(days=100)
    past = [
        {
            "reference": f"P-{n}",
            "amount_cents": 1000 + n,
            "submitted_at": (begin + timedelta(days=n)).isoformat(),
        }
        for n in range(90)
    ]
    sandbox.post_control("history", past)

    batches = gateway.batches(begin, now())

    assert len(batches) == len({batch.batch_id for batch in batches}) == 90
    assert [batch.settled_at for batch in batches] == sorted(batch.settled_at for batch in batches)
    assert sum(batch.charge_cents for batch in batches) == sum(one["amount_cents"] for one in past)
    assert all(batch.is_settled and batch.kind == "card" for batch in batches)


def test_a_batch_lists_its_transactions(sandbox, gateway):
    card, bank = paid(sandbox, gateway, "PL-1", 4250), paid(sandbox, gateway, "PL-2", 3000, ACCOUNT)
    sandbox.post_control("settle")

    batches = gateway.batches(now() - YESTERDAY, now() + YESTERDAY)

    assert [(batch.kind, batch.charge_count, batch.charge_cents) for batch in batches] == [
        ("card", 1, 4250),
        ("bank", 1, 3000),
    ]
    [listed] = gateway.batch_transactions(batches[1].batch_id)
    assert (listed.transaction_id, listed.reference, listed.amount_cents) == (
        bank.transaction_id,
        "PL-2",
        3000,
    )
    assert (listed.kind, listed.method_label, listed.is_settled) == ("bank", "Bank account ending 6781", True)
    assert [one.transaction_id for one in gateway.batch_transactions(batches[0].batch_id)] == [
        card.transaction_id
    ]


# -- void and refund


def test_a_void_takes_back_once_and_says_so_the_second_time(sandbox, gateway):
    payment = paid(sandbox, gateway)

    assert gateway.void(payment.transaction_id) == Voided(payment.transaction_id)
    assert isinstance(gateway.void(payment.transaction_id), NothingChanged)
    after = gateway.details(payment.transaction_id)
    assert after.outcome() == Voided(payment.transaction_id)
    assert after.is_final and not after.is_money


def test_a_void_after_settlement_is_refused_with_what_to_do(sandbox, gateway):
    payment = paid(sandbox, gateway)
    sandbox.post_control("settle")

    outcome = gateway.void(payment.transaction_id)

    assert isinstance(outcome, Declined)
    assert outcome.reason_code == "16" and "Refund it instead" in outcome.sentence


def test_a_refund_before_settlement_is_refused_with_what_to_do(sandbox, gateway):
    payment = paid(sandbox, gateway)

    outcome = gateway.refund(payment.transaction_id, 1000, reference="RF-1")

    assert isinstance(outcome, Declined)
    assert outcome.reason_code == "54" and "void it" in outcome.sentence


@pytest.mark.parametrize("source", [VISA, ACCOUNT, {**ACCOUNT, "account_type": "businessChecking"}])
def test_parts_can_be_refunded_until_all_is_given_back(sandbox, gateway, source):
    payment = paid(sandbox, gateway, source=source)
    sandbox.post_control("settle")

    first = gateway.refund(payment.transaction_id, 1000, reference="RF-1")
    second = gateway.refund(payment.transaction_id, 3250, reference="RF-2")
    third = gateway.refund(payment.transaction_id, 1, reference="RF-3")

    assert isinstance(first, Approved) and isinstance(second, Approved)
    assert first.transaction_id != payment.transaction_id
    assert isinstance(third, Declined) and third.reason_code == "55"
    [refund] = gateway.find("RF-1", since=now())
    assert refund.is_refund and not refund.is_money
    assert refund.ref_transaction_id == payment.transaction_id


def test_the_same_refund_sent_twice_is_given_once(sandbox, gateway):
    payment = paid(sandbox, gateway)
    sandbox.post_control("settle")
    first = gateway.refund(payment.transaction_id, 1000, reference="RF-1")

    again = gateway.refund(payment.transaction_id, 1000, reference="RF-1")

    assert again == InDoubt("reason 11", first.transaction_id)
    assert len(sandbox.transactions("RF-1")) == 1


def test_a_refund_of_what_does_not_exist_sends_nothing(sandbox, gateway):
    assert gateway.refund("123", 1000, reference="RF-1").reason_code == "16"
    assert sandbox.transactions() == []


# -- no answer, a late one, a strange one

SILENCES = [
    "drop_after_processing", "drop_before_processing", "delay", "http_500", "http_503", "html", "empty",
    "busy", "busy_unprocessed", "maintenance", "maintenance_unprocessed",
]  # fmt: skip


def as_patient_as(sandbox, mode):
    """A gateway that waits for every answer but one that does not come."""
    return (
        sandbox.gateway(timeout=IMPATIENT, money_timeout=IMPATIENT) if mode == "delay" else sandbox.gateway()
    )


@pytest.mark.parametrize("mode", SILENCES)
def test_without_a_clear_answer_money_is_in_doubt_and_can_be_looked_up(sandbox, gateway, mode):
    payment = paid(sandbox, gateway)
    sandbox.post_control("fault", {"mode": mode})

    outcome = as_patient_as(sandbox, mode).void(payment.transaction_id)

    assert isinstance(outcome, InDoubt)
    happened = "before" not in mode and "unprocessed" not in mode
    status = "voided" if happened else "capturedPendingSettlement"
    assert eventually(lambda: gateway.details(payment.transaction_id).status == status)


@pytest.mark.parametrize("mode", SILENCES)
def test_without_a_clear_answer_a_question_is_unavailable(sandbox, gateway, mode):
    sandbox.post_control("fault", {"mode": mode})

    with pytest.raises(GatewayUnavailable, match="Nothing was charged"):
        ask_for_page(as_patient_as(sandbox, mode))
    assert ask_for_page(gateway).token


@pytest.mark.parametrize("code", [19, 20, 120])
def test_an_answer_that_says_error_while_processing_is_in_doubt(sandbox, gateway, code):
    payment = paid(sandbox, gateway)
    sandbox.post_control("settle")
    sandbox.post_control("fault", {"mode": f"reason_{code}", "calls": "createTransactionRequest"})

    assert gateway.refund(payment.transaction_id, 100, reference="RF-1") == InDoubt(f"reason {code}")


@pytest.mark.parametrize("mode", ["no_bom", "utf8_names", "extra_element", "odd_auth_code"])
def test_harmless_oddities_change_nothing(sandbox, gateway, mode):
    payment = paid(sandbox, gateway)
    sandbox.post_control("fault", {"mode": mode, "count": None})

    assert gateway.details(payment.transaction_id).is_money
    assert len(gateway.find("PL-1", since=now())) == 1
    assert gateway.void(payment.transaction_id) == Voided(payment.transaction_id)


def test_an_unknown_status_is_in_doubt(sandbox, gateway):
    payment = paid(sandbox, gateway)
    sandbox.post_control("fault", {"mode": "unknown_status"})

    found = gateway.details(payment.transaction_id)

    assert isinstance(found.outcome(), InDoubt)
    assert not found.is_money and not found.is_final


def test_a_gateway_that_is_down_is_in_doubt_for_money_and_unavailable_for_questions():
    url = f"http://127.0.0.1:{ports.free()}/"
    gateway = Gateway(url, "login", "key", hosted_url=url)

    assert isinstance(gateway.void("601"), InDoubt)
    with pytest.raises(GatewayUnavailable):
        gateway.details("601")


def test_a_proxy_of_the_environment_is_not_used(sandbox, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert sandbox.gateway().check() is None


def test_nothing_secret_is_logged(sandbox, caplog):
    caplog.set_level(logging.DEBUG)
    gateway = sandbox.gateway(transaction_key="TopSecretKey1234")
    sandbox.post_control("fault", {"mode": "http_500"})

    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            gateway.check()

    assert caplog.records
    assert "TopSecretKey" not in caplog.text and "merchantAuthentication" not in caplog.text
    assert logging.getLogger("authorizenet.sdk").getEffectiveLevel() >= logging.WARNING


def test_threads_share_a_gateway(sandbox, gateway):
    pages = []
    threads = [
        threading.Thread(target=lambda n=n: pages.append(ask_for_page(gateway, f"PL-{n}"))) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({page.token for page in pages}) == 12


# -- every row of the outcome table, from canned bytes


class Canned(BaseHTTPRequestHandler):
    """Answers every POST with what the test put on the server."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.received = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        if self.server.gzip:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(self.server.body) + self.server.cut))
        self.end_headers()
        self.close_connection = bool(self.server.cut)
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def canned_server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Canned) as server:
        server.cut, server.gzip = 0, False
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


class Dripping(Canned):
    """Sends a byte from time to time and never comes to an end."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b" ")
                time.sleep(0.01)


def test_an_answer_that_drips_is_not_waited_for_forever():
    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"

        outcome = Gateway(url, "login", "key", hosted_url=url, money_timeout=(0.2, 1.5)).void("601")

        assert outcome == InDoubt("an answer without an end")
        server.shutdown()


def test_an_answer_that_is_cut_off_is_in_doubt(canned_server):
    canned_server.cut = 40
    try:
        assert isinstance(canned(canned_server, TABLE["approved"][0]).void("601"), InDoubt)
    finally:
        canned_server.cut = 0


def test_a_compressed_answer_is_read(canned_server):
    canned_server.gzip = True
    try:
        assert canned(canned_server, gzip.compress(TABLE["approved"][0].encode())).void("601") == Voided(
            "601"
        )
    finally:
        canned_server.gzip = False


def canned(server, body, status=200):
    server.body, server.status = body if isinstance(body, bytes) else body.encode(), status
    url = f"http://127.0.0.1:{server.server_port}/"
    return Gateway(url, "login", "key", hosted_url=url)


def answer(inner, result="Ok", code="I00001", root="createTransactionResponse"):
    return (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><{root} xmlns="{NAMESPACE}"><messages>'
        f"<resultCode>{result}</resultCode><message><code>{code}</code><text>t</text></message></messages>{inner}</{root}>"
    )


def transaction(response, transaction_id="601", said=None, blamed=None):
    said = f"<messages><message><code>{said}</code><description>d</description></message></messages>"
    blame = f"<errors><error><errorCode>{blamed}</errorCode><errorText>e</errorText></error></errors>"
    return (
        f"<transactionResponse><responseCode>{response}</responseCode><authCode>000123</authCode>"
        f"<transId>{transaction_id}</transId>{blame if blamed else said}</transactionResponse>"
    )


ERROR = {"result": "Error", "code": "E00027"}
TABLE = {
    "approved": (answer(transaction(1, said=1)), Voided),
    "already voided": (answer(transaction(1, said=310)), NothingChanged),
    "already captured": (answer(transaction(1, said=311)), NothingChanged),
    "held before authorization": (answer(transaction(4, said=252)), Held),
    "held after authorization": (answer(transaction(4, said=253)), Held),
    "held by risk management": (answer(transaction(4, said=193)), Held),
    "partly approved": (answer(transaction(4, said=295)), InDoubt),
    "declined": (answer(transaction(2, blamed=2), **ERROR), Declined),
    "declined under Ok": (answer(transaction(2, blamed=2)), Declined),
    "error": (answer(transaction(3, "0", blamed=16), **ERROR), Declined),
    "error under Ok": (answer(transaction(3, "0", blamed=16)), Declined),
    "duplicate": (answer(transaction(3, "600", blamed=11), **ERROR), InDoubt),
    "no answer from the processor": (answer(transaction(3, "0", blamed=19), **ERROR), InDoubt),
    "timed out, automatic void failed": (answer(transaction(3, "0", blamed=120), **ERROR), InDoubt),
    "processor duplicate": (answer(transaction(2, blamed=318), **ERROR), InDoubt),
    "test mode makes no money": (answer(transaction(1, "0", said=1)), InDoubt),
    "declined without a reason": (answer(transaction(2), **ERROR).replace("<code>None</code>", ""), InDoubt),
    "unknown response code": (answer(transaction(9, said=1)), InDoubt),
    "refused, empty response": (answer("<transactionResponse />", "Error", "E00007"), Declined),
    "refused, error response": (answer("", "Error", "E00003", "ErrorResponse"), Declined),
    "unexpected error": (answer("", "Error", "E00001", "ErrorResponse"), InDoubt),
    "timed out inside": (answer("", "Error", "E00049", "ErrorResponse"), InDoubt),
    "too busy": (answer("", "Error", "E00053", "ErrorResponse"), InDoubt),
    "maintenance": (answer("", "Error", "E00104", "ErrorResponse"), InDoubt),
    "unsuccessful, but why": (answer("", **ERROR), InDoubt),
    "Ok without anything": (answer(""), InDoubt),
    "no envelope at all": (f'<createTransactionResponse xmlns="{NAMESPACE}" />', InDoubt),
    "another namespace": ("<createTransactionResponse />", InDoubt),
    "well-formed HTML": ("<html><body>Sorry</body></html>", InDoubt),
    "HTML": ("<!DOCTYPE html><p>Sorry<br>", InDoubt),
    "empty": ("", InDoubt),
    "only a byte order mark": ("\ufeff", InDoubt),
    "cut off": (answer(transaction(1, said=1))[:-40], InDoubt),
    "not text": (b"\xff\xfe\x00\x01", InDoubt),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_row_of_the_outcome_table(canned_server, name):
    body, expected = TABLE[name]

    assert type(canned(canned_server, body).void("601")) is expected


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 429, 500, 502, 503])
def test_an_http_error_is_in_doubt_even_with_a_good_body(canned_server, status):
    outcome = canned(canned_server, TABLE["approved"][0], status).void("601")

    assert outcome == InDoubt(f"HTTP {status}")


def test_a_request_has_one_plain_namespace_and_only_our_name(canned_server):
    canned(canned_server, answer("<token>t</token>", root="getHostedPaymentPageResponse"))

    ask_for_page(canned(canned_server, canned_server.body), description="ns1:a:ns1")

    sent = canned_server.received.decode()
    assert sent.startswith(
        f'<?xml version="1.0" encoding="utf-8"?><getHostedPaymentPageRequest xmlns="{NAMESPACE}">'
    )
    assert sent.count("xmlns") == 1 and "<clientId>porchlight</clientId>" in sent
    assert "<description>ns1:a:ns1</description>" in sent and "<amount>42.5</amount>" in sent
    assert "&quot;showReceipt&quot;: true" in sent or '"showReceipt": true' in sent
    assert "<settingName>duplicateWindow</settingName><settingValue>28800</settingValue>" in sent


def test_values_stay_text(canned_server):
    details = (
        "<transaction><transId>601</transId><transactionStatus>settledSuccessfully</transactionStatus>"
        "<authCode>000123</authCode><authAmount>12.3</authAmount></transaction>"
    )

    found = canned(canned_server, answer(details, root="getTransactionDetailsResponse")).details("601")

    assert (found.auth_code, found.amount_cents) == ("000123", 1230)


@pytest.mark.parametrize("entity", ['"confidential"', f'SYSTEM "file://{__file__}"'])
def test_an_entity_is_not_expanded(canned_server, entity):
    evil = f"<!DOCTYPE r [<!ENTITY x {entity}>]>"
    body = answer("<token>&x;</token>", root="getHostedPaymentPageResponse")
    body = body.removeprefix("\ufeff").replace("?>", "?>" + evil, 1)

    with pytest.raises(GatewayUnavailable):
        ask_for_page(canned(canned_server, body))


@pytest.mark.parametrize("amount", ["12.345", "NaN", "Infinity", "twelve"])
def test_an_amount_that_is_not_cents_is_not_understood(canned_server, amount):
    details = f"<transaction><transId>601</transId><authAmount>{amount}</authAmount></transaction>"
    body = answer(details, root="getTransactionDetailsResponse")

    with pytest.raises(GatewayUnavailable):
        canned(canned_server, body).details("601")


# -- what a status means


@pytest.mark.parametrize(
    ("status", "outcome", "is_money", "is_final"),
    [
        ("authorizedPendingCapture", InDoubt, False, False),
        ("capturedPendingSettlement", Approved, True, False),
        ("settledSuccessfully", Approved, True, True),
        ("settlementError", InDoubt, False, False),
        ("refundPendingSettlement", Approved, False, False),
        ("refundSettledSuccessfully", Approved, False, True),
        ("declined", Declined, False, True),
        ("voided", Voided, False, True),
        ("couldNotVoid", InDoubt, False, False),
        ("expired", Declined, False, True),
        ("generalError", Declined, False, True),
        ("communicationError", Declined, False, True),
        ("FDSPendingReview", Held, False, False),
        ("FDSAuthorizedPendingReview", Held, False, False),
        ("authorizedPendingRelease", Held, False, False),
        ("underReview", Held, False, False),
        ("approvedReview", Approved, True, False),
        ("failedReview", Declined, False, True),
        ("pendingFinalSettlement", Approved, True, False),
        ("pendingSettlement", Approved, True, False),
        ("updatingSettlement", Approved, True, False),
        ("returnedItem", Returned, False, True),
        ("chargeback", Returned, False, True),
        ("chargebackReversal", InDoubt, False, False),
        ("", InDoubt, False, False),
    ],
)
def test_all_statuses_are_decided(status, outcome, is_money, is_final):
    found = Transaction("601", status, 4250)

    assert type(found.outcome()) is outcome
    assert (found.is_money, found.is_final) == (is_money, is_final)


def test_every_sentence_says_what_happened_and_what_to_do():
    for code, cause in CAUSES.items():
        sentence = cause.sentence
        assert sentence.count(". ") >= 1 or code in ("51", "55"), sentence
        assert sentence.endswith(".") and "error" not in sentence.lower()


def test_no_sentence_says_declined_where_money_may_have_moved():
    assert not set(CAUSES) & DOUBTFUL_REASONS


def test_a_bank_debit_is_not_called_a_card():
    assert "account number" in plain_words("2", "bank")
    assert plain_words("987").startswith("The bank declined this payment.")


def test_a_cause_says_whether_the_method_is_to_blame():
    kinds = {"4": HARD, "8": HARD, "128": HARD, "E00040": HARD, "2": SOFT, "3": SOFT, "209": SOFT, "13": OURS}

    assert {code: cause_of(code).kind for code in kinds} == kinds
    assert {cause.kind for cause in CAUSES.values()} == {HARD, SOFT, OURS}


def test_what_no_table_explains_is_not_blamed_on_the_method():
    assert cause_of("987").kind == SOFT
    assert cause_of("E00007").kind == cause_of("E00999").kind == OURS
    assert "fault is on our side" in cause_of("E00007").sentence


def test_every_code_of_the_banks_has_its_consequence():
    consequences = {
        RETRY: {"R01", "R09"},
        DISABLE: {"R02", "R03", "R04", "R05", "R07", "R10", "R11", "R16", "R20", "R29"},
        MANUAL: {"R06", "R08"},
    }

    for consequence, codes in consequences.items():
        assert {code for code, cause in RETURN_CAUSES.items() if cause.consequence == consequence} == codes
    unauthorized = {code for code, cause in RETURN_CAUSES.items() if cause.is_unauthorized}
    assert unauthorized == {"R05", "R07", "R10", "R11", "R29"}
    late = {code for code, cause in RETURN_CAUSES.items() if cause.window_days == 60}
    assert late == {"R05", "R06", "R07", "R10", "R11"}


@pytest.mark.parametrize("code", ["R99", "", "R51", "X"])
def test_a_code_of_the_banks_that_we_do_not_know_goes_to_a_person(code):
    cause = return_cause(code)

    assert (cause.code, cause.consequence, cause.is_unauthorized) == (code, MANUAL, False)
    assert "Ask the processor" in cause.staff_sentence


def test_a_code_of_the_banks_is_read_as_it_comes():
    assert return_cause(" r01 ") is RETURN_CAUSES["R01"]
    assert return_cause("C05").consequence == MANUAL and "Not a return" in return_cause("C05").staff_sentence


@pytest.mark.parametrize("code", [*RETURN_CAUSES, "C01", "R99"])
def test_a_return_is_told_with_what_to_do_and_without_its_code(code):
    cause = return_cause(code)

    assert cause.sentence.count(". ") >= 1 and cause.sentence.endswith(".")
    assert "lease" in cause.sentence or "need not do anything" in cause.sentence
    assert cause.staff_sentence.endswith(".") and code not in cause.sentence


def test_a_decline_says_what_to_do():
    declined = Transaction("601", "declined", 4250, reason_code="8").outcome()

    assert declined.sentence.startswith("The card has expired. Please use")


# -- webhooks

KEY = (
    "52CB4A002C634B84E397DC8A218E1A160BA7CAB7CBE4C05B35E9CBB05E14FE4A"
    "2385812E980CCF97D177F17863CE214D1BE6CE8E1E894487AACF3609C1A5FE17"
)
BODY = (
    b'{"notificationId":"182cbbff-cab2-4080-931d-80e5d818f23a",'
    b'"eventType":"net.authorize.payment.authcapture.created",'
    b'"eventDate":"2017-08-18T20:40:52.7722007Z","webhookId":"849eb87e-078a-4169-a34b-c0bded5019a8","payload":'
    b'{"responseCode":0,"authCode":"Z3PV5H","avsResponse":"Y","authAmount":0.0,"entityName":"transaction",'
    b'"id":"40005915599"}}'
)
SIGNATURE = (
    "A1E0CC0F8A7B6274E0951CAC5EB63579F70FC6B7B15384B146DCE02B98DEE395"
    "4A5A8E331661B51DE953E141E88994DFA7D267FFB8428BE0660511B6EFB94960"
)


def signer(*keys):
    return Gateway("http://127.0.0.1:9/", "login", "key", signature_keys=keys, hosted_url="")


@pytest.mark.parametrize(
    "header", [f"sha512={SIGNATURE}", f"SHA512={SIGNATURE.lower()}", f" sha512={SIGNATURE} "]
)
def test_a_published_signature_is_authentic(header):
    assert signer(KEY).is_authentic(BODY, header)


def test_the_old_key_is_still_good_after_a_new_one_was_made():
    assert signer("00" * 64, KEY).is_authentic(BODY, f"sha512={SIGNATURE}")


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, SIGNATURE),
        (BODY, f"sha256={SIGNATURE}"),
        (BODY, f"sha512={SIGNATURE[:-1]}1"),
        (BODY, f"sha512={SIGNATURE[:64]}"),
        (BODY, "sha512=é"),
        (BODY + b" ", f"sha512={SIGNATURE}"),
        (b"", f"sha512={SIGNATURE}"),
    ],
)
def test_a_wrong_signature_is_not_authentic(body, header):
    assert not signer(KEY).is_authentic(body, header)


def test_without_a_key_nothing_is_authentic():
    assert not signer("").is_authentic(BODY, f"sha512={SIGNATURE}")
