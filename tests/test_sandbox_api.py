"""The sandbox's XML API: strict about requests, true to the documented triggers, rules and lists."""

import threading

import pytest
import requests

from tests.sandbox_process import KEY, LOGIN, NAMESPACE, Answer, account, card, envelope


def act(sandbox, kind, original="", cents=None, payment="", more=""):
    """A void, refund or capture."""
    amount = "" if cents is None else f"<amount>{cents / 100:.2f}</amount>"
    payment = payment and f"<payment>{payment}</payment>"
    return sandbox.ask(
        "createTransactionRequest",
        f"<transactionRequest><transactionType>{kind}Transaction</transactionType>{amount}{payment}"
        f"<refTransId>{original}</refTransId>{more}</transactionRequest>",
    )


# -- the wire


def test_an_answer_is_utf8_xml_with_a_byte_order_mark(sandbox):
    reply = sandbox.send(envelope("authenticateTestRequest"))

    assert reply.content.startswith(
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><authenticateTestResponse '
    )
    assert reply.headers["Content-Type"] == "application/xml; charset=utf-8"


def test_the_official_sdk_controller_understands_it(sandbox, caplog):
    from authorizenet import apicontractsv1 as contracts
    from authorizenet.apicontrollers import createTransactionController

    request = contracts.createTransactionRequest(
        merchantAuthentication=contracts.merchantAuthenticationType(name=LOGIN, transactionKey=KEY),
        refId="sdk-1",
        transactionRequest=contracts.transactionRequestType(
            transactionType="authCaptureTransaction",
            amount="12.30",
            payment=contracts.paymentType(
                creditCard=contracts.creditCardType(cardNumber="4111111111111111", expirationDate="2039-12")
            ),
        ),
    )
    controller = createTransactionController(request)
    controller.setenvironment(sandbox.url + "/xml/v1/request.api")
    controller.execute()

    answer = controller.getresponse()
    assert str(answer.messages.resultCode) == "Ok"
    assert str(answer.transactionResponse.responseCode) == "1"


def test_the_reference_is_echoed_and_kept(sandbox):
    answer = sandbox.charge(1000, card(), ref_id="ref-7")

    details = sandbox.ask("getTransactionDetailsRequest", f"<transId>{answer.transaction_id}</transId>")
    assert answer.text("refId") == "ref-7"
    assert details.text("transrefId") == "ref-7"
    assert sandbox.ask("authenticateTestRequest").text("refId") is None
    assert sandbox.ask("authenticateTestRequest", ref_id="").text("refId") == ""


SALE = "<transactionRequest><transactionType>authCaptureTransaction</transactionType><amount>1</amount>"
END = "</transactionRequest>"
REFUSED = {
    "unknown element": (
        "createTransactionRequest",
        f"{SALE}<duplicateWindow>1</duplicateWindow>{END}",
        "E00003",
        f"The element 'transactionRequest' in namespace '{NAMESPACE}' has invalid child element "
        f"'duplicateWindow' in namespace '{NAMESPACE}'. List of possible elements expected: 'currencyCode, "
        "payment, profile, ",
    ),
    "wrong order": (
        "createTransactionRequest",
        f"{SALE}<customer><id>1</id></customer><order><invoiceNumber>1</invoiceNumber></order>{END}",
        "E00003",
        "invalid child element 'order'",
    ),
    "twice": (
        "createTransactionRequest",
        f"{SALE}<amount>1</amount>{END}",
        "E00003",
        "invalid child element 'amount'",
    ),
    "amount before type": (
        "createTransactionRequest",
        f"<transactionRequest><amount>1</amount><transactionType>x</transactionType>{END}",
        "E00003",
        "invalid child element 'transactionType'",
    ),
    "missing required": (
        "createTransactionRequest",
        f"<transactionRequest><amount>1</amount>{END}",
        "E00003",
        "incomplete content. List of possible elements expected: 'transactionType'",
    ),
    "missing whole": ("getTransactionDetailsRequest", "", "E00003", "expected: 'transId'"),
    "empty number": (
        "getTransactionDetailsRequest",
        "<transId></transId>",
        "E00003",
        f"The '{NAMESPACE}:transId' element is invalid - The value '' is invalid according to its datatype "
        f"'{NAMESPACE}:numericString' - The Pattern constraint failed.",
    ),
    "too long": (
        "createTransactionRequest",
        f"{SALE}<order><invoiceNumber>{'1' * 21}</invoiceNumber></order>{END}",
        "E00003",
        "The actual length is greater than the MaxLength value.",
    ),
    "not a number": (
        "createTransactionRequest",
        SALE.replace("<amount>1<", "<amount>one<") + END,
        "E00003",
        "The string 'one' is not a valid Decimal value.",
    ),
    "not in the list": (
        "getUnsettledTransactionListRequest",
        "<status>some</status>",
        "E00003",
        "The Enumeration constraint failed.",
    ),
    "half a sorting": (
        "getUnsettledTransactionListRequest",
        "<sorting><orderBy>id</orderBy></sorting>",
        "E00003",
        "expected: 'orderDescending'",
    ),
    "page zero": (
        "getUnsettledTransactionListRequest",
        "<paging><limit>1000</limit><offset>0</offset></paging>",
        "E00003",
        "'0' is invalid",
    ),
    "child of a value": (
        "getTransactionDetailsRequest",
        "<transId><b /></transId>",
        "E00003",
        "invalid child",
    ),
    "unknown method": ("inventedRequest", "", "E00004", "name of the requested API method"),
    "no payment": ("createTransactionRequest", f"{SALE}{END}", "E00029", "Payment information is required."),
    "unknown type": (
        "createTransactionRequest",
        "<transactionRequest><transactionType>bogus</transactionType></transactionRequest>",
        "E00060",
        "The transaction type is invalid.",
    ),
    "unknown setting": (
        "createTransactionRequest",
        f"{SALE}<transactionSettings><setting><settingName>bogus</settingName><settingValue>1</settingValue>"
        f"</setting></transactionSettings>{END}",
        "E00013",
        "Setting Name 'bogus' is invalid for this method.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_the_schema_does_not_allow_is_refused(sandbox, name):
    method, inner, code, sentence = REFUSED[name]

    answer = sandbox.ask(method, inner)

    assert (answer.status, answer.name, answer.result, answer.code) == (200, "ErrorResponse", "Error", code)
    assert sentence in answer.sentence
    assert sandbox.transactions() == []


def test_what_is_not_xml_is_refused(sandbox):
    assert Answer(sandbox.send(b"{}")).code == "E00003"
    assert Answer(sandbox.send(b"")).code == "E00003"
    assert Answer(sandbox.send(b"<a/>")).code == "E00045"
    assert Answer(sandbox.send(envelope("isAliveRequest"), content_type="text/plain")).code == "E00002"
    assert sandbox.send(b"", path="/xml/v1/other").status_code == 404
    assert requests.get(sandbox.url + "/xml/v1/request.api", timeout=60).status_code == 405


def test_a_document_type_is_refused(sandbox):
    evil = b'<!DOCTYPE a [<!ENTITY x "boom">]><a>&x;</a>'

    assert Answer(sandbox.send(evil)).code == "E00003"
    assert "DTD is prohibited" in Answer(sandbox.send(evil)).sentence


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 40])
def test_an_id_with_too_many_digits_is_unknown(sandbox, digits):
    assert sandbox.ask("getTransactionDetailsRequest", f"<transId>{digits}</transId>").code == "E00040"
    assert sandbox.ask("getTransactionListRequest", f"<batchId>{digits}</batchId>").code == "I00004"
    assert sandbox.ask("getBatchStatisticsRequest", f"<batchId>{digits}</batchId>").code == "E00040"
    assert act(sandbox, "void", digits).decision == ("3", "16")


@pytest.mark.parametrize("body", [b"\x00", b"\xff" * 50, b"<" * 5000, b"<a>" * 5000, b"\xef\xbb\xbf"])
def test_garbage_is_answered_and_not_fatal(sandbox, body):
    assert Answer(sandbox.send(body)).code == "E00003"


def test_a_query_string_is_refused_with_reason_66(sandbox):
    body = envelope("createTransactionRequest", f"{SALE}<payment>{card()}</payment>{END}")

    assert Answer(sandbox.send(body, path="/xml/v1/request.api?a=b")).decision == ("3", "66")


def test_credentials_are_checked(sandbox):
    plain = sandbox.ask("getTransactionDetailsRequest", "<transId>1</transId>", key="wrong")
    money = sandbox.ask(
        "createTransactionRequest", f"{SALE}<payment>{card()}</payment>{END}", login="x", ref_id="r"
    )
    nobody = sandbox.send(f'<authenticateTestRequest xmlns="{NAMESPACE}" />'.encode())

    assert (plain.name, plain.code) == ("ErrorResponse", "E00007")
    assert (money.name, money.code, money.text("refId")) == ("createTransactionResponse", "E00007", "r")
    assert money.text("transactionResponse") == "" and money.decision == (None, None)
    assert b"E00003" in nobody.content


# -- triggers


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("370000000000002", "AmericanExpress"),
        ("6011000000000012", "Discover"),
        ("3088000000000017", "JCB"),
        ("38000000000006", "DinersClub"),
        ("4007000000027", "Visa"),
        ("4012888818888", "Visa"),
        ("4111111111111111", "Visa"),
        ("5424000000000015", "MasterCard"),
        ("2223000010309703", "MasterCard"),
        ("2223000010309711", "MasterCard"),
        ("6221499053360818", "Discover"),
    ],
)
def test_every_published_card_is_approved(sandbox, number, brand):
    answer = sandbox.charge(1000, card(number))

    assert (answer.result, answer.decision) == ("Ok", ("1", "1"))
    assert answer.text("transactionResponse/accountType") == brand
    assert answer.text("transactionResponse/accountNumber") == "XXXX" + number[-4:]
    assert len(answer.text("transactionResponse/authCode")) == 6
    assert 10 <= len(answer.transaction_id) <= 12


@pytest.mark.parametrize(
    ("source", "decision"),
    [
        (card("4111111111111112"), ("3", "6")),
        (card("41111111"), ("3", "6")),
        (card("9000000000000001"), ("3", "17")),
        (card("1000000000000008"), ("3", "17")),
        (card(expiration="2020-01"), ("3", "8")),
        (card(expiration="1320"), ("3", "7")),
        (card(expiration="xx/39"), ("3", "7")),
        (account(routing="121042883"), ("3", "9")),
        (account(number="12"), ("3", "10")),
    ],
)
def test_numbers_that_cannot_be_are_errors_without_a_transaction(sandbox, source, decision):
    answer = sandbox.charge(1000, source)

    assert (answer.result, answer.code, answer.decision) == ("Error", "E00027", decision)
    assert answer.transaction_id == "0"
    assert sandbox.transactions() == []


@pytest.mark.parametrize("expiration", ["1239", "12/39", "12-39", "122039", "12/2039", "12-2039", "2039-12"])
def test_every_way_to_write_an_expiration_is_read(sandbox, expiration):
    assert sandbox.charge(1000, card(expiration=expiration)).decision == ("1", "1")


def test_zip_46282_is_declined_with_a_real_transaction(sandbox):
    answer = sandbox.charge(1000, card(), zip_code="46282")

    assert (answer.result, answer.decision) == ("Error", ("2", "2"))
    assert int(answer.transaction_id) > 0
    assert sandbox.transactions()[0]["status"] == "declined"


@pytest.mark.parametrize(
    ("zip_code", "avs"),
    [
        *(("46206", "P"), ("46203", "E"), ("46207", "R"), ("46204", "G"), ("46209", "U"), ("46208", "S")),
        *(("46205", "N"), ("46201", "A"), ("46217", "Z"), ("46211", "W"), ("46214", "X"), ("98004", "Y")),
    ],
)
def test_zip_codes_choose_the_address_result(sandbox, zip_code, avs):
    answer = sandbox.charge(1000, card(), zip_code=zip_code)

    assert (answer.text("transactionResponse/avsResultCode"), answer.decision[0]) == (avs, "1")


@pytest.mark.parametrize(
    ("code", "cvv"), [("900", "M"), ("901", "N"), ("904", "P"), ("902", "S"), ("903", "U")]
)
def test_card_codes_choose_the_code_result(sandbox, code, cvv):
    answer = sandbox.charge(1000, card(code=code))

    assert (answer.text("transactionResponse/cvvResultCode"), answer.decision[0]) == (cvv, "1")


def test_the_account_can_be_set_to_reject_wrong_addresses_and_codes(sandbox):
    sandbox.post_control("options", {"reject_avs": "N", "reject_cvv": "N"})

    assert sandbox.charge(1000, card(), zip_code="46205").decision == ("2", "27")
    assert sandbox.charge(2000, card(code="901")).decision == ("2", "65")
    assert sandbox.charge(3000, card()).decision == ("1", "1")


def test_a_prepaid_card_pays_a_part_only_when_that_is_allowed(sandbox):
    partly = sandbox.charge(1000, card(), zip_code="46225", settings={"allowPartialAuth": "true"})
    whole = sandbox.charge(2000, card(), zip_code="46225")
    balance = sandbox.charge(1000, card(), zip_code="46227")

    assert partly.decision == ("4", "295")
    assert partly.text("transactionResponse/prePaidCard/approvedAmount") == "1.23"
    assert whole.decision == ("2", "2")
    assert balance.text("transactionResponse/prePaidCard/balanceOnCard") == "-1.23"


def test_bank_debits_are_approved_up_to_one_hundred_dollars(sandbox):
    assert sandbox.charge(10000, account()).decision == ("1", "1")
    assert sandbox.charge(10001, account()).decision == ("2", "2")


def test_bank_debits_have_a_limit_by_the_month(sandbox):
    sandbox.post_control("options", {"echeck_limit_cents": 1_000_000})

    assert sandbox.charge(499_999, account()).decision == ("1", "1")
    assert sandbox.charge(2, account()).decision == ("2", "2")
    sandbox.post_control("clock", {"days": 32})
    assert sandbox.charge(2, account(), invoice="2").decision == ("1", "1")


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "99999999999999"])
def test_an_amount_must_be_positive_cents(sandbox, amount):
    sale = SALE.replace("<amount>1<", f"<amount>{amount}<")

    assert sandbox.ask("createTransactionRequest", f"{sale}<payment>{card()}</payment>{END}").decision == (
        "3",
        "5",
    )


# -- the duplicate rule


def test_the_same_charge_within_two_minutes_is_a_duplicate_that_tells_nothing(sandbox):
    sandbox.charge(1000, card(), invoice="A")

    again = sandbox.charge(1000, card(), invoice="A")

    assert (again.decision, again.transaction_id) == (("3", "11"), "0")
    sandbox.post_control("clock", {"minutes": 3})
    assert sandbox.charge(1000, card(), invoice="A").decision == ("1", "1")


def test_a_duplicate_tells_of_the_original_when_a_window_was_sent(sandbox):
    window = {"duplicateWindow": "28800"}
    first = sandbox.charge(1000, card(), invoice="A", settings=window)
    sandbox.post_control("clock", {"hours": 7.9})

    again = sandbox.charge(1000, card(), invoice="A", settings=window)

    assert (again.decision, again.transaction_id) == (("3", "11"), first.transaction_id)
    assert again.text("transactionResponse/authCode") == first.text("transactionResponse/authCode")
    sandbox.post_control("clock", {"hours": 0.2})
    assert sandbox.charge(1000, card(), invoice="A", settings=window).decision == ("1", "1")


@pytest.mark.parametrize(
    "change",
    [
        {"invoice": "B"},
        {"cents": 1001},
        {"source": card("4007000000027")},
        {"zip_code": "98005"},
        {"settings": {"duplicateWindow": "60"}},
    ],
)
def test_any_difference_makes_it_another_charge(sandbox, change):
    same = {"cents": 1000, "source": card(), "invoice": "A"}
    sandbox.charge(**same)

    assert sandbox.charge(**{**same, **change}).decision == ("1", "1")


def test_a_window_of_zero_switches_the_rule_off(sandbox):
    for _ in range(2):
        assert sandbox.charge(1000, card(), settings={"duplicateWindow": "0"}).decision == ("1", "1")


@pytest.mark.parametrize(("counts", "decision"), [(True, ("3", "11")), (False, ("2", "2"))])
def test_whether_a_declined_original_counts_is_a_switch(sandbox, counts, decision):
    sandbox.post_control("options", {"duplicate_counts_declined": counts})
    sandbox.charge(1000, card(), zip_code="46282")

    assert sandbox.charge(1000, card(), zip_code="46282").decision == decision


def test_two_hundred_equal_charges_at_once_are_one(sandbox):
    decisions = []

    def work():
        for _ in range(20):
            decisions.append(charge_alone(sandbox))

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(decisions) == [("1", "1")] + [("3", "11")] * 199
    assert len(sandbox.transactions()) == 1


def charge_alone(sandbox):
    """A charge over a connection of its own."""
    body = envelope("createTransactionRequest", f"{SALE}<payment>{card()}</payment>{END}")
    reply = requests.post(
        sandbox.url + "/xml/v1/request.api", data=body, headers={"Content-Type": "text/xml"}, timeout=30
    )
    return Answer(reply).decision


# -- the life of a transaction


def status(sandbox, transaction_id):
    return next(one["status"] for one in sandbox.transactions() if one["id"] == transaction_id)


def test_charge_settle_refund_settle(sandbox):
    paid = sandbox.charge(1000, card(), invoice="A").transaction_id
    assert status(sandbox, paid) == "capturedPendingSettlement"
    sandbox.post_control("settle")
    assert status(sandbox, paid) == "settledSuccessfully"

    refund = act(sandbox, "refund", paid, 400, card("1111", "XXXX"))

    assert refund.decision == ("1", "1")
    assert refund.transaction_id != paid
    assert refund.text("transactionResponse/refTransID") == paid
    assert status(sandbox, refund.transaction_id) == "refundPendingSettlement"
    sandbox.post_control("settle")
    assert status(sandbox, refund.transaction_id) == "refundSettledSuccessfully"


def test_a_refund_that_waits_can_be_voided(sandbox):
    paid = sandbox.charge(1000, card()).transaction_id
    sandbox.post_control("settle")
    refund = act(sandbox, "refund", paid, 400, card("1111", "XXXX")).transaction_id

    assert act(sandbox, "void", refund).decision == ("1", "1")
    assert act(sandbox, "refund", paid, 1000, card("1111", "XXXX")).decision == ("1", "1")


@pytest.mark.parametrize(
    ("cents", "source", "days", "decision"),
    [
        (1001, card("1111", "XXXX"), 0, ("3", "55")),
        (0, card("1111", "XXXX"), 0, ("3", "5")),
        (1000, card("2222", "XXXX"), 0, ("3", "54")),
        (1000, account("XXXX2882", "XXXX1111"), 0, ("3", "54")),
        (1000, card("1111", "XXXX"), 181, ("3", "54")),
        (1000, card("1111", "XXXX"), 179, ("1", "1")),
    ],
)
def test_a_refund_must_fit_its_original(sandbox, cents, source, days, decision):
    paid = sandbox.charge(1000, card()).transaction_id
    sandbox.post_control("settle")
    sandbox.post_control("clock", {"days": days})

    assert act(sandbox, "refund", paid, cents, source).decision == decision


@pytest.mark.parametrize(
    ("kind", "decision"), [("WEB", ("3", "247")), ("PPD", ("1", "1")), ("CCD", ("1", "1"))]
)
def test_a_bank_refund_needs_a_type_that_may_pay_out(sandbox, kind, decision):
    paid = sandbox.charge(1000, account()).transaction_id
    sandbox.post_control("settle")

    assert act(sandbox, "refund", paid, 1000, account("XXXX2882", "XXXX6781", kind)).decision == decision


def test_void_answers_with_the_original_and_a_second_time_with_310(sandbox):
    paid = sandbox.charge(1000, card()).transaction_id

    first, second = act(sandbox, "void", paid), act(sandbox, "void", paid)

    assert (first.result, first.decision, first.transaction_id) == ("Ok", ("1", "1"), paid)
    assert first.text("transactionResponse/refTransID") == paid
    assert (second.result, second.decision, second.transaction_id) == ("Ok", ("1", "310"), paid)


def test_unknown_and_settled_transactions_cannot_be_voided(sandbox):
    paid = sandbox.charge(1000, card()).transaction_id
    sandbox.post_control("settle")

    for original in ("123", paid):
        answer = act(sandbox, "void", original)
        assert (answer.decision, answer.transaction_id) == (("3", "16"), "0")
    assert act(sandbox, "void", "").decision == ("3", "15")


def test_an_authorization_is_captured_once(sandbox):
    only = SALE.replace("authCapture", "authOnly")
    held = sandbox.ask("createTransactionRequest", f"{only}<payment>{card()}</payment>{END}").transaction_id
    assert status(sandbox, held) == "authorizedPendingCapture"

    assert act(sandbox, "priorAuthCapture", held, 101).decision == ("3", "47")
    assert act(sandbox, "priorAuthCapture", held, 90).decision == ("1", "1")
    assert act(sandbox, "priorAuthCapture", held, 90).decision == ("1", "311")
    assert status(sandbox, held) == "capturedPendingSettlement"


@pytest.mark.parametrize(
    ("authorized", "held", "refused", "reason"),
    [
        (False, "FDSPendingReview", "declined", "252"),
        (True, "FDSAuthorizedPendingReview", "voided", "253"),
    ],
)
def test_the_amount_filter_holds_until_somebody_decides(sandbox, authorized, held, refused, reason):
    sandbox.post_control("hold", {"above_cents": 5000, "authorized": authorized})
    below, one, two = (sandbox.charge(cents, card()) for cents in (5000, 5001, 5002))

    assert below.decision == ("1", "1")
    assert (one.result, one.decision, two.decision) == ("Ok", ("4", reason), ("4", reason))
    assert status(sandbox, one.transaction_id) == held
    sandbox.post_control("settle")
    assert status(sandbox, one.transaction_id) == held
    assert decide(sandbox, one.transaction_id, "approve").decision == ("1", "1")
    assert status(sandbox, one.transaction_id) == "capturedPendingSettlement"
    assert decide(sandbox, two.transaction_id, "decline").decision == ("2", "254")
    assert status(sandbox, two.transaction_id) == refused
    assert decide(sandbox, two.transaction_id, "approve").decision == ("3", "16")


def decide(sandbox, transaction_id, action):
    held = f"<heldTransactionRequest><action>{action}</action><refTransId>{transaction_id}</refTransId>"
    return sandbox.ask("updateHeldTransactionRequest", held + "</heldTransactionRequest>")


def test_what_is_held_for_five_days_expires(sandbox):
    sandbox.post_control("hold", {"above_cents": 0})
    held = sandbox.charge(1000, card()).transaction_id

    sandbox.post_control("clock", {"days": 5, "minutes": 1})

    assert status(sandbox, held) == "expired"


def test_a_cutoff_settles_by_itself_every_day_that_passes(sandbox):
    sandbox.post_control("clock", {"at": "2026-12-01T10:00:00"})
    sandbox.post_control("options", {"cutoff": "20:00"})
    sandbox.post_control("clock", {"minutes": 0})
    paid = sandbox.charge(1000, card()).transaction_id

    sandbox.post_control("clock", {"at": "2026-12-01T19:59:00"})
    assert status(sandbox, paid) == "capturedPendingSettlement"
    sandbox.post_control("clock", {"at": "2026-12-03T00:00:00"})

    assert status(sandbox, paid) == "settledSuccessfully"
    details = sandbox.ask("getTransactionDetailsRequest", f"<transId>{paid}</transId>")
    assert details.text("transaction/batch/settlementTimeUTC") == "2026-12-01T20:00:00Z"


def test_a_batch_can_fail(sandbox):
    paid = sandbox.charge(1000, card()).transaction_id

    sandbox.post_control("settle", {"fail": True})

    assert status(sandbox, paid) == "settlementError"


# -- lists


def unsettled(sandbox, inner=""):
    return sandbox.ask("getUnsettledTransactionListRequest", inner)


def ids(answer):
    return [node.findtext("{*}transId") for node in answer.all("transactions/transaction")]


def test_empty_lists_are_ok_without_a_list(sandbox):
    for method in ("getUnsettledTransactionListRequest", "getSettledBatchListRequest"):
        answer = sandbox.ask(method)
        assert (answer.result, answer.code, answer.sentence) == ("Ok", "I00004", "No records found.")
        assert len(answer.root) == 1


def test_the_unsettled_list_loses_a_transaction_to_its_batch(sandbox):
    paid = sandbox.charge(1000, card(), invoice="A").transaction_id
    assert ids(unsettled(sandbox)) == [paid]

    sandbox.post_control("settle")

    assert unsettled(sandbox).code == "I00004"
    [batch] = sandbox.ask("getSettledBatchListRequest").all("batchList/batch")
    batch_id = batch.findtext("{*}batchId")
    listed = sandbox.ask("getTransactionListRequest", f"<batchId>{batch_id}</batchId>")
    assert ids(listed) == [paid]
    assert listed.text("transactions/transaction/invoiceNumber") == "A"
    assert sandbox.ask("getTransactionListRequest", "<batchId>1</batchId>").code == "I00004"


def test_lists_are_sorted_and_come_in_pages(sandbox):
    made = [sandbox.charge(1000 + n, card()).transaction_id for n in range(5)]
    newest = "<sorting><orderBy>submitTimeUTC</orderBy><orderDescending>true</orderDescending></sorting>"

    pages = [
        unsettled(sandbox, f"{newest}<paging><limit>2</limit><offset>{page}</offset></paging>")
        for page in (1, 2, 3, 4)
    ]

    assert [ids(page) for page in pages] == [made[:2:-1], made[2:0:-1], made[:1], []]
    assert [page.text("totalNumInResultSet") for page in pages] == ["5", "5", "5", None]


def test_held_transactions_have_a_list_of_their_own(sandbox):
    sandbox.charge(1000, card())
    sandbox.post_control("hold", {"above_cents": 1000})
    held = sandbox.charge(2000, card()).transaction_id

    answer = unsettled(sandbox, "<status>pendingApproval</status>")

    assert ids(answer) == [held]
    entry = "transactions/transaction/fraudInformation"
    assert answer.text(entry + "/fraudFilterList/fraudFilter") == "Amount Filter"
    assert answer.text(entry + "/fraudAction") == "Review"


@pytest.mark.parametrize("listed", [True, False])
def test_whether_lists_show_declined_attempts_is_a_switch(sandbox, listed):
    sandbox.post_control("options", {"list_declined": listed})
    declined = sandbox.charge(1000, card(), zip_code="46282").transaction_id
    voided = sandbox.charge(1000, card()).transaction_id
    act(sandbox, "void", voided)

    assert ids(unsettled(sandbox)) == ([declined, voided] if listed else [])


def test_cards_and_bank_debits_settle_apart_with_their_totals(sandbox):
    sandbox.charge(1000, card())
    sandbox.charge(2000, card("5424000000000015"))
    sandbox.charge(3000, account())
    sandbox.charge(4000, card(), zip_code="46282")
    sandbox.post_control("settle")

    answer = sandbox.ask("getSettledBatchListRequest", "<includeStatistics>true</includeStatistics>")

    cards, banks = answer.all("batchList/batch")
    assert [node.findtext("{*}paymentMethod") for node in (cards, banks)] == ["creditCard", "eCheck"]
    totals = [
        [
            row.findtext("{*}" + name)
            for name in ("accountType", "chargeAmount", "chargeCount", "declineCount")
        ]
        for row in cards.findall("{*}statistics/{*}statistic")
    ]
    assert totals == [["MasterCard", "20.00", "1", "0"], ["Visa", "10.00", "1", "1"]]
    batch_id = banks.findtext("{*}batchId")
    alone = sandbox.ask("getBatchStatisticsRequest", f"<batchId>{batch_id}</batchId>")
    assert alone.text("batch/statistics/statistic/chargeAmount") == "30.00"


def dates(first="", last=""):
    first = first and f"<firstSettlementDate>{first}</firstSettlementDate>"
    return first + (last and f"<lastSettlementDate>{last}</lastSettlementDate>")


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        (dates("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"), "I00004"),
        (dates("2026-10-01T00:00:00Z", "2026-11-01T00:00:01Z"), "E00013"),
        (dates("2026-10-02T00:00:00Z", "2026-10-01T00:00:00Z"), "E00013"),
        (dates("2026-10-02T00:00:00Z"), "E00013"),
        (dates("", "2026-10-02T00:00:00Z"), "E00013"),
    ],
)
def test_batches_are_listed_for_31_days_at_most(sandbox, inner, code):
    assert sandbox.ask("getSettledBatchListRequest", inner).code == code


def test_without_dates_batches_of_the_last_day_are_listed(sandbox):
    sandbox.charge(1000, card())
    sandbox.post_control("settle")

    assert sandbox.ask("getSettledBatchListRequest").code == "I00001"
    sandbox.post_control("clock", {"hours": 25})
    assert sandbox.ask("getSettledBatchListRequest").code == "I00004"


def test_details_of_an_unknown_transaction_are_not_found(sandbox):
    answer = sandbox.ask("getTransactionDetailsRequest", "<transId>123</transId>")

    assert (answer.result, answer.code) == ("Error", "E00040")


def test_the_sdk_parser_accepts_the_details(sandbox):
    from authorizenet import apicontractsv1 as contracts

    paid = sandbox.charge(1000, account(), invoice="A").transaction_id
    sandbox.post_control("settle")

    answer = sandbox.ask("getTransactionDetailsRequest", f"<transId>{paid}</transId>")

    parsed = contracts.CreateFromDocument(answer.body.removeprefix(b"\xef\xbb\xbf"))
    assert parsed.transaction.payment.bankAccount.accountNumber == "XXXX6781"
    assert parsed.transaction.order.invoiceNumber == "A"
    assert str(parsed.transaction.batch.paymentMethod) == "eCheck"


def test_simple_questions_are_answered(sandbox):
    assert sandbox.ask("getMerchantDetailsRequest").text("currencies/currency") == "USD"
    alive = requests.post(
        sandbox.url + "/xml/v1/request.api",
        data=f'<isAliveRequest xmlns="{NAMESPACE}"><refId>x</refId></isAliveRequest>',
        headers={"Content-Type": "text/xml"},
        timeout=60,
    )
    assert b"<isAliveResponse" in alive.content and b"<refId>x</refId>" in alive.content
