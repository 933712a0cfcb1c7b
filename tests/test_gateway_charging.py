"""A stored method is charged: what is sent, what an answer means, and that it is sent exactly once."""

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import certifi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing import money
from billing.edges.gateway import connections, writing
from billing.errors import GatewayUnavailable
from billing.outcomes import CAUSES, DOUBTFUL_REASONS, HARD, OURS, Approved, Declined, Held, InDoubt, cause_of
from tests import raw_gateway
from tests.raw_gateway import RawGateway, answer, close_soon, error, hang_up, paid, refused, reply, reset
from tests.sandbox_process import IMPATIENT, PATIENT, eventually

APPROVED = Approved("2227534280", "H6K4BU", "Visa ending 2224", "0TDFCWDKBDTW1T4BDHCB5XL")


def charge(gateway, **changes):
    wanted = {
        "profile_id": "39598611",
        "method_id": "35936989",
        "amount_cents": 10000,
        "reference": "PL7KMQ2ZXW4R9B",
        "description": "Invoice 1042",
        "recurring": True,
        **changes,
    }
    return gateway.charge(**wanted)


def sent(gateway_changes=None, **changes):
    """What a charge says on the wire, after the refId."""
    with RawGateway(lambda *_: paid()) as raw:
        assert charge(raw.gateway(**gateway_changes or {}), **changes) == APPROVED
    [request] = raw.received
    assert request.text("refId") == request.text("transactionRequest/order/invoiceNumber")
    return request.own


# -- what is sent

HEAD = (
    "<transactionRequest><transactionType>authCaptureTransaction</transactionType><amount>100.0</amount>"
    "<profile><customerProfileId>39598611</customerProfileId>"
    "<paymentProfile><paymentProfileId>35936989</paymentProfileId></paymentProfile></profile>"
    "<order><invoiceNumber>PL7KMQ2ZXW4R9B</invoiceNumber><description>Invoice 1042</description></order>"
    "<transactionSettings><setting><settingName>duplicateWindow</settingName>"
    "<settingValue>28800</settingValue></setting>"
)
RECURRING = (
    "<setting><settingName>recurringBilling</settingName><settingValue>true</settingValue></setting>"
    "</transactionSettings>"
)
OURSELVES = "<processingOptions><isSubsequentAuth>true</isSubsequentAuth></processingOptions>"


def test_a_charge_as_was_agreed():
    assert sent() == f"{HEAD}{RECURRING}{OURSELVES}</transactionRequest>"


def test_a_charge_names_the_payment_that_began_the_agreement():
    first = (
        "<subsequentAuthInformation><originalNetworkTransId>0TDFC</originalNetworkTransId>"
        "<originalAuthAmount>42.5</originalAuthAmount></subsequentAuthInformation>"
    )

    said = sent(network_transaction_id="0TDFC", first_amount_cents=4250)

    assert said == f"{HEAD}{RECURRING}{OURSELVES}{first}</transactionRequest>"


def test_a_charge_that_the_customer_asks_for_here_and_now():
    stored = "<processingOptions><isStoredCredentials>true</isStoredCredentials></processingOptions>"

    said = sent(recurring=False, by_customer=True, network_transaction_id="0TDFC")

    assert said == f"{HEAD}</transactionSettings>{stored}</transactionRequest>"


def test_the_flags_of_the_card_networks_can_be_left_out():
    said = sent({"stored_credential_flags": False}, network_transaction_id="0TDFC")

    assert said == f"{HEAD}{RECURRING}</transactionRequest>"


@pytest.mark.parametrize("odd", ["-no/such-id-", "x" * 256, "é"])
def test_a_network_id_that_cannot_be_sent_is_left_out(odd):
    assert sent(network_transaction_id=odd) == sent()


LETTERS = st.text(alphabet="ABCXYZabcxyz0123456789-", min_size=1, max_size=20)
IDS = st.integers(1, 10**20 - 1).map(str)


@settings(max_examples=60, deadline=None)
@given(
    login_id=st.text("abAB09{}&<", min_size=1, max_size=25),
    reference=LETTERS,
    profile_id=IDS,
    method_id=IDS,
    amount_cents=st.integers(1, 10**9),
    first_amount_cents=st.none() | st.integers(1, 10**9),
    description=st.text(max_size=300),
    network_transaction_id=st.text("0aZ 9", max_size=255),
    recurring=st.booleans(),
    by_customer=st.booleans(),
    stored_credential_flags=st.booleans(),
)
def test_a_filled_in_form_is_what_the_contracts_would_write(
    login_id, reference, amount_cents, first_amount_cents, description, network_transaction_id, **same
):
    quick = writing.charge(
        login_id, "9000000001", reference=reference, amount_cents=amount_cents, description=description,
        first_amount_cents=first_amount_cents, network_transaction_id=network_transaction_id, **same,
    )  # fmt: skip
    element = writing.charge_request(
        reference=reference,
        amount=money.as_decimal(amount_cents),
        description=writing.plain(description, 255),
        first_amount=None if first_amount_cents is None else money.as_decimal(first_amount_cents),
        network_transaction_id=network_transaction_id.strip() or None,
        **same,
    )
    slow = writing.request(
        "createTransactionRequest", login_id, "9000000001", reference, transactionRequest=element
    )
    assert etree.canonicalize(quick.decode()) == etree.canonicalize(slow.decode())


def test_a_charge_is_written_in_less_than_three_milliseconds():
    values = {"profile_id": "1", "method_id": "2", "amount_cents": 1, "description": "d", "recurring": True}
    writing.charge("login", "key", reference="PL-0", **values)
    begin = time.process_time()

    for number in range(500):
        writing.charge("login", "key", reference=f"PL-{number}", **values)

    assert time.process_time() - begin < 500 * 0.003


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_cents": 0},
        {"amount_cents": -1},
        {"amount_cents": 12.5},
        {"reference": ""},
        {"reference": "x" * 21},
        {"reference": "has space"},
        {"profile_id": ""},
        {"profile_id": "0"},
        {"method_id": "12a"},
        {"method_id": "9" * 21},
        {"first_amount_cents": 0},
    ],
)
def test_what_cannot_be_sent_is_a_bug_and_nothing_was_sent(wrong):
    with RawGateway(lambda *_: paid()) as raw, pytest.raises(ValueError):
        charge(raw.gateway(), **wrong)
    assert raw.received == []


def test_text_of_people_arrives_whole_or_cut():
    odd = "ns1:a & <b> “naïve” 漢\x00\ttab " + "x" * 300
    with RawGateway(lambda *_: paid()) as raw:
        charge(raw.gateway(), description=odd)

    arrived = raw.received[0].text("transactionRequest/order/description")

    assert len(arrived) == 255 and arrived.startswith("ns1:a & <b> “naïve” 漢 tab xxx")


# -- what an answer means


def outcome_of(body, **changes):
    with RawGateway(lambda *_: body) as raw:
        outcome = charge(raw.gateway(), **changes)
    assert len(raw.received) == 1
    return outcome


def held(reason="252"):
    return paid().replace("<responseCode>1", "<responseCode>4").replace("<code>1<", f"<code>{reason}<")


@pytest.mark.parametrize("reason", sorted(CAUSES.keys() - {"E00040", "E00098", "E00110", "E00121"}, key=int))
def test_a_reason_that_we_know_is_a_decline(reason):
    declined = outcome_of(refused(2, reason, "601"))

    assert declined == Declined(reason, cause_of(reason).sentence, "601")
    assert type(outcome_of(refused(3, reason))) is Declined


@pytest.mark.parametrize("reason", sorted(DOUBTFUL_REASONS, key=int))
def test_a_reason_that_leaves_money_open_is_in_doubt_with_the_transaction(reason):
    assert outcome_of(refused(3, reason, "601")) == InDoubt(f"reason {reason}", "601")
    assert outcome_of(refused(2, reason)) == InDoubt(f"reason {reason}", "")


def test_a_decline_by_a_bank_account_speaks_of_the_account():
    declined = outcome_of(refused(2, "2", "601", account_type="eCheck"))

    assert "account number" in declined.sentence and "back of the card" not in declined.sentence


def test_a_duplicate_of_an_earlier_attempt_is_in_doubt_and_names_it():
    assert outcome_of(refused(3, "11", "2227534280")) == InDoubt("reason 11", "2227534280")


@pytest.mark.parametrize("reason", ["193", "252", "253"])
def test_held_for_review_is_neither_paid_nor_failed(reason):
    assert outcome_of(held(reason)) == Held("2227534280")


@pytest.mark.parametrize("root", ["createTransactionResponse", "ErrorResponse"])
@pytest.mark.parametrize(
    ("code", "cause"), [("E00040", HARD), ("E00121", HARD), ("E00007", OURS), ("E00044", OURS)]
)
def test_a_request_that_was_refused_says_whose_fault_it_is(root, code, cause):
    declined = outcome_of(error(root, code, "<transactionResponse />" if root != "ErrorResponse" else ""))

    assert type(declined) is Declined and declined.reason_code == code
    assert cause_of(code).kind == cause


UNCLEAR = {
    "an error that no table knows": refused(3, "987"),
    "a decline without a reason": refused(2, ""),
    "a reason that is no number": refused(2, "x"),
    "unknown response code": paid().replace("<responseCode>1", "<responseCode>7"),
    "held without a transaction": held().replace("2227534280", "0"),
    "approved with an unknown reason": paid().replace("<code>1<", "<code>295<"),
    "approved without a transaction": paid("0"),
    "approved with an odd transaction": paid("12x"),
    "a test that moves no money": paid().replace("<testRequest>0", "<testRequest>1"),
    "approved inside, refused outside": paid().replace("<resultCode>Ok", "<resultCode>Error"),
    "voided earlier, says a charge": paid().replace("<code>1<", "<code>310<"),
    "captured earlier, says a charge": paid().replace("<code>1<", "<code>311<"),
    "the answer to another charge": paid(ref_id="PLOTHER"),
    "the answer to another request": answer("getTransactionDetailsResponse", "<transaction />"),
    "a message code that nobody knows": error("ErrorResponse", "E00999"),
    "system error": error("ErrorResponse", "E00001"),
    "timed out inside": error("createTransactionResponse", "E00049", "<transactionResponse />"),
    "too busy": error("ErrorResponse", "E00053"),
    "maintenance": error("ErrorResponse", "E00104"),
    "refused in words only": error("ErrorResponse", ""),
    "Ok and nothing else": answer("createTransactionResponse"),
    "another namespace": "<createTransactionResponse/>",
    "HTML": "<!DOCTYPE html><title>Sorry</title>",
    "empty": "",
    "only the mark": "\ufeff",
    "cut inside": paid()[:-60],
    "noise": b"\x1f\x8b\x00\xff<<",
    "entities": paid().replace("?>", '?><!DOCTYPE a [<!ENTITY b "1">]>').replace("Code>1<", "Code>&b;<"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNCLEAR)
def test_whatever_is_not_a_clear_answer_is_in_doubt(name):
    assert type(outcome_of(UNCLEAR[name])) is InDoubt


@pytest.mark.parametrize(
    "odd",
    [
        paid().removeprefix("\ufeff"),
        paid(ref_id="PL7KMQ2ZXW4R9B"),
        paid().replace("<avsResultCode>", "<brandNew><deep>x</deep></brandNew><avsResultCode>"),
        paid().replace("<testRequest>0</testRequest>", ""),
        paid().replace('encoding="utf-8"', 'encoding="UTF-8" standalone="yes"'),
    ],
    ids=["no mark", "our reference", "unknown element", "nothing about tests", "another head"],
)
def test_harmless_oddities_of_an_approval_change_nothing(odd):
    assert outcome_of(odd) == APPROVED


def test_codes_stay_text():
    odd = paid().replace("H6K4BU", "1E5678").replace("XXXX2224", "XXXX0042")

    approved = outcome_of(odd)

    assert (approved.auth_code, approved.method_label) == ("1E5678", "Visa ending 0042")


# -- sent exactly once


def reset_after_reading(connection, _):
    reset(connection)


def hang_up_after_reading(connection, _):
    hang_up(connection)


def reset_in_the_head(connection, _):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
    reset(connection)


def reset_in_the_body(connection, _):
    reply(connection, paid()[:200], cut=900)
    reset(connection)


def hang_up_in_the_body(connection, _):
    reply(connection, paid()[:200], cut=900)
    hang_up(connection)


def busy_come_again(connection, _):
    reply(connection, paid(), "503 Service Unavailable", "Retry-After: 0\r\n")


def moved(connection, _):
    reply(connection, "", "307 Temporary Redirect", "Location: /xml/v1/request.api\r\n")


def timed_out(connection, _):
    reply(connection, "", "408 Request Timeout")


def garbage(connection, _):
    connection.sendall(b"\x16\x03\x01\x00 what is this\r\n\r\n")
    hang_up(connection)


def silence(connection, _):
    connection.recv(1)  # until the other side hangs up


BROKE = "the connection broke before the answer was complete"
BREAKS = {
    reset_after_reading: BROKE,
    hang_up_after_reading: BROKE,
    reset_in_the_head: BROKE,
    reset_in_the_body: BROKE,
    hang_up_in_the_body: BROKE,
    busy_come_again: "HTTP 503",
    moved: "HTTP 307",
    timed_out: "HTTP 408",
    garbage: BROKE,
    silence: "no answer in time",
}


@pytest.mark.parametrize("behave", BREAKS, ids=lambda behave: behave.__name__)
@pytest.mark.parametrize("warm", [False, True], ids=["first call", "after questions"])
def test_a_charge_without_an_answer_was_sent_exactly_once(behave, warm):
    with RawGateway(lambda *_: answer("authenticateTestResponse")) as raw:
        gateway = raw.gateway(money_timeout=IMPATIENT if behave is silence else PATIENT)
        if warm:
            gateway.check()
        raw.behave, raw.received = behave, []

        outcome = charge(gateway)

        assert outcome == InDoubt(BREAKS[behave])
        assert eventually(lambda: raw.received) and len(raw.received) == 1


@pytest.mark.parametrize("closed", [0, 0.03, 0.06])
def test_a_charge_never_uses_a_connection_that_was_kept_open(closed):
    """The server closes what is idle, before the charge and while it is on its way."""
    luck = random.Random(7)

    def idle_ones_are_closed(connection, received):
        if b"authenticateTest" in received.body:
            reply(connection, answer("authenticateTestResponse"))
            close_soon(connection, closed)
            return None
        return paid()

    with RawGateway(idle_ones_are_closed) as raw:
        gateway = raw.gateway()
        outcomes = []
        for _ in range(8):
            with suppress(GatewayUnavailable):
                gateway.check()
            time.sleep(luck.uniform(0, 0.06))
            outcomes.append(charge(gateway))
        charges = [one for one in raw.received if b"createTransaction" in one.body]

    assert outcomes == [APPROVED] * 8
    assert len(charges) == 8
    assert len({one.connection for one in charges}) == 8
    assert {one.headers["connection"] for one in charges} == {"close"}


def test_a_second_answer_on_one_connection_is_not_taken_for_the_next_one():
    def twice(connection, received):
        body = paid(f"60{len(raw.received)}", received.text("refId"))
        reply(connection, body)
        return body

    with RawGateway(twice) as raw:
        gateway = raw.gateway()
        outcomes = [charge(gateway, reference=f"PL-{number}") for number in (1, 2, 3)]

    assert [outcome.transaction_id for outcome in outcomes] == ["601", "602", "603"]
    assert len(raw.received) == 3


def test_a_late_answer_is_not_taken_for_the_next_one():
    answered = threading.Event()

    def late(connection, received):
        body = paid("6" + received.text("refId")[-1], received.text("refId"))
        if received.text("refId") != "PL-1":
            return body
        answered.wait(60)
        with suppress(OSError):
            reply(connection, body)
        answered.clear()
        return None

    with RawGateway(late) as raw:
        gateway = raw.gateway(money_timeout=IMPATIENT)
        first = charge(gateway, reference="PL-1")
        gateway._money_timeout = PATIENT
        second = charge(gateway, reference="PL-2")
        answered.set()
        assert eventually(lambda: not answered.is_set())
        third = charge(gateway, reference="PL-3")

    assert first == InDoubt("no answer in time")
    assert (second.transaction_id, third.transaction_id) == ("62", "63")
    assert len(raw.received) == 3


def test_a_question_whose_answer_is_sent_twice_gets_its_own_one():
    def twice(connection, received):
        body = answer(
            "getTransactionDetailsResponse",
            f"<transaction><transId>{received.text('transId')}</transId></transaction>",
            ref_id=received.text("refId"),
        )
        reply(connection, body)
        time.sleep(0.02)
        return body

    with RawGateway(twice) as raw:
        gateway = raw.gateway()
        for number in range(601, 621):
            with suppress(GatewayUnavailable):  # the answer to another question is refused, never shown
                assert gateway.details(str(number)).transaction_id == str(number)


def test_nobody_at_home_is_in_doubt_and_says_so(caplog):
    caplog.set_level(logging.INFO)
    with RawGateway(silence) as raw:
        gateway = raw.gateway()

    assert charge(gateway) == InDoubt("the gateway cannot be reached")
    assert "charge PL7KMQ2ZXW4R9B is in doubt: the gateway cannot be reached" in caplog.text


# -- encrypted


def test_a_gateway_that_cannot_prove_its_name_is_sent_nothing():
    with RawGateway(lambda *_: paid(), encrypted=True) as raw:
        assert charge(raw.gateway()) == InDoubt("no encrypted connection to the gateway")
        with pytest.raises(GatewayUnavailable):
            raw.gateway().check()
    assert raw.received == []


def test_a_gateway_that_can_is_spoken_to_encrypted(monkeypatch):
    monkeypatch.setattr(certifi, "where", lambda: raw_gateway.CERTIFICATE)
    connections.encryption.cache_clear()
    try:
        with RawGateway(lambda *_: paid(), encrypted=True) as raw:
            assert charge(raw.gateway()) == APPROVED
    finally:
        connections.encryption.cache_clear()


# -- patience


def slowly(connection, received):
    """A charge is answered later than questions are waited for, and a question never."""
    if b"createTransaction" not in received.body:
        return silence(connection, received)
    time.sleep(0.5)
    return paid()


def test_money_is_waited_for_longer_than_answers_to_questions():
    with RawGateway(slowly) as raw:
        gateway = raw.gateway(timeout=(60, 0.2))

        assert charge(gateway) == APPROVED
        assert charge(gateway.hurried((0.1, 0.1)), reference="PL-2") == APPROVED
        with pytest.raises(GatewayUnavailable):
            gateway.details("601")


def test_money_is_not_waited_for_forever():
    def dripping(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.01)

    with RawGateway(dripping) as raw:
        outcome = charge(raw.gateway(money_timeout=(0.2, 1.5)))

    assert outcome == InDoubt("an answer without an end")


# -- many at once


def test_sixteen_threads_get_each_their_own_answer():
    luck = random.Random(3)

    def each_its_own(connection, received):
        time.sleep(luck.uniform(0, 0.02))
        if received.text("transId"):
            found = f"<transaction><transId>{received.text('transId')}</transId></transaction>"
            return answer("getTransactionDetailsResponse", found, ref_id=received.text("refId"))
        return paid("6" + received.text("refId")[3:], received.text("refId"))

    def charge_and_look(number):
        outcome = charge(gateway, reference=f"PL-{number:04}")
        return outcome.transaction_id, gateway.details(outcome.transaction_id).transaction_id

    with RawGateway(each_its_own) as raw:
        gateway = raw.gateway()
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(charge_and_look, range(160)))

    assert found == [(f"6{number:04}", f"6{number:04}") for number in range(160)]
    charges = [one.text("refId") for one in raw.received if b"createTransaction" in one.body]
    assert sorted(charges) == [f"PL-{number:04}" for number in range(160)]


def test_nothing_secret_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    with RawGateway(reset_after_reading) as raw:
        gateway = raw_gateway.Gateway(f"{raw.url}/", "login", "TopSecretKey1234", hosted_url=raw.url)
        charge(gateway)

    assert caplog.records and "TopSecret" not in caplog.text
    assert b"TopSecret" in raw.received[0].body
