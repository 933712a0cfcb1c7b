"""Stored methods, returns, Account Updater and webhooks of the gateway edge, byte for byte."""

import base64
import json
from datetime import date, datetime

import pytest

from billing.errors import BillingError, GatewayUnavailable
from billing.outcomes import (
    AccountUpdate,
    Approved,
    InDoubt,
    Returned,
    ReturnedItem,
    StoredMethod,
    Transaction,
    Webhook,
)
from tests.raw_gateway import RawGateway, answer, error, reply

PROFILE = "39598611"


def asked(call, *answers):
    """What ``call(gateway)`` returns when the gateway gives these answers in turn, and what it received."""
    left = list(answers)
    with RawGateway(lambda *_: left.pop(0)) as raw:
        result = call(raw.gateway())
    assert left == []
    return result, raw.received


def result_of(call, *answers):
    return asked(call, *answers)[0]


# -- profiles


def create(gateway):
    return gateway.create_profile(customer_number="A-1042", email="ann@example.com", description="Ann & Co")


CREATED = answer(
    "createCustomerProfileResponse",
    f"<customerProfileId>{PROFILE}</customerProfileId><customerPaymentProfileIdList />"
    "<customerShippingAddressIdList /><validationDirectResponseList />",
)
EMPTY_LISTS = (
    "<customerPaymentProfileIdList /><customerShippingAddressIdList /><validationDirectResponseList />"
)


def profile(inner="", number="A-1042", id=PROFILE):
    return answer(
        "getCustomerProfileResponse",
        f"<profile><merchantCustomerId>{number}</merchantCustomerId><description>Ann</description>"
        f"<customerProfileId>{id}</customerProfileId>{inner}<profileType>regular</profileType></profile>",
    )


def test_a_profile_is_created():
    id, [request] = asked(create, CREATED)

    assert id == PROFILE
    assert request.own == (
        "<profile><merchantCustomerId>A-1042</merchantCustomerId><description>Ann &amp; Co</description>"
        "<email>ann@example.com</email></profile>"
    )


def test_a_profile_that_is_there_is_found_by_our_number():
    duplicate = error("createCustomerProfileResponse", "E00039", EMPTY_LISTS)

    id, [_, request] = asked(create, duplicate, profile(id="20382791"))

    assert id == "20382791"
    assert request.own == "<merchantCustomerId>A-1042</merchantCustomerId>"


@pytest.mark.parametrize(
    "answers",
    [
        [error("createCustomerProfileResponse", "E00044", EMPTY_LISTS)],
        [answer("createCustomerProfileResponse", EMPTY_LISTS)],
        [error("createCustomerProfileResponse", "E00039"), error("getCustomerProfileResponse", "E00040")],
        [error("createCustomerProfileResponse", "E00039"), profile(number="A-10420")],
        ["<html>"],
    ],
    ids=["not enabled", "no id", "a duplicate of nothing", "a duplicate of another", "HTML"],
)
def test_without_a_profile_there_is_no_id(answers):
    with pytest.raises(GatewayUnavailable):
        result_of(create, *answers)


def test_a_number_that_the_gateway_would_cut_is_never_sent():
    with RawGateway(lambda *_: CREATED) as raw, pytest.raises(Exception, match="merchantCustomerId|x{21}"):
        raw.gateway().create_profile(customer_number="x" * 21, email="", description="")
    assert raw.received == []


# -- stored methods

CARD = (
    "<paymentProfiles><customerType>individual</customerType><billTo><firstName>José</firstName>"
    "<lastName>Núñez</lastName><zip>98004</zip></billTo><customerPaymentProfileId>35936989"
    "</customerPaymentProfileId><defaultPaymentProfile>true</defaultPaymentProfile><payment><creditCard>"
    "<cardNumber>XXXX4242</cardNumber><expirationDate>2027-02</expirationDate><cardType>Visa</cardType>"
    "<brandNew><deep>x</deep></brandNew></creditCard></payment>"
    "<originalNetworkTransId>0TDFCWDKB</originalNetworkTransId><originalAuthAmount>42.5</originalAuthAmount>"
    "</paymentProfiles>"
)
ACCOUNT = (
    "<paymentProfiles><customerPaymentProfileId>35936990</customerPaymentProfileId><payment><bankAccount>"
    "<accountType>businessChecking</accountType><routingNumber>XXXX2882</routingNumber>"
    "<accountNumber>XXXX6781</accountNumber><nameOnAccount>Bright Alarm</nameOnAccount>"
    "<echeckType>CCD</echeckType></bankAccount></payment></paymentProfiles>"
)
WALLET = (
    "<paymentProfiles><customerPaymentProfileId>35936991</customerPaymentProfileId><payment>"
    "<tokenInformation><tokenSource>x</tokenSource><tokenNumber>XXXX0009</tokenNumber>"
    "<expirationDate>XXXX</expirationDate></tokenInformation></payment></paymentProfiles>"
)


def stored(gateway):
    return gateway.stored_methods(PROFILE)


def test_stored_methods_are_read_as_they_are():
    methods, [request] = asked(stored, profile(CARD + ACCOUNT + WALLET + "<shipToList />"))

    assert request.own == (
        f"<customerProfileId>{PROFILE}</customerProfileId><unmaskExpirationDate>true</unmaskExpirationDate>"
    )
    assert methods == [
        StoredMethod(
            "35936989", "card", "Visa ending 4242", "4242", date(2027, 2, 28),
            holder="José Núñez", network_transaction_id="0TDFCWDKB",
        ),
        StoredMethod(
            "35936990", "bank", "Bank account ending 6781", "6781",
            account_type="businessChecking", holder="Bright Alarm",
        ),
        StoredMethod("35936991", "card", "Card ending 0009", "0009"),
    ]  # fmt: skip


def test_no_methods_is_an_empty_list_and_no_profile_is_none():
    assert result_of(stored, profile()) == []
    assert result_of(stored, error("getCustomerProfileResponse", "E00040")) is None
    assert result_of(stored, error("ErrorResponse", "E00040")) is None


def test_methods_without_the_mark_at_the_beginning_are_read():
    assert len(result_of(stored, profile(CARD).removeprefix("\ufeff"))) == 1


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2028-02", date(2028, 2, 29)),
        ("12/27", date(2027, 12, 31)),
        ("0527", date(2027, 5, 31)),
        ("05-2027", date(2027, 5, 31)),
        ("XXXX", None),
        ("2027-13", None),
        ("", None),
        ("soon", None),
    ],
)
def test_an_expiration_date_is_the_last_day_of_its_month(written, day):
    [method] = result_of(stored, profile(CARD.replace("2027-02", written)))

    assert method.expires_on == day


# -- the hosted profile page


def add(gateway, **more):
    return gateway.hosted_profile_page(PROFILE, return_url="http://127.0.0.1/back", **more)


TOKEN = answer("getHostedProfilePageResponse", "<token>a+b/c=.d</token>")


def settings_in(request):
    pieces = request.own.split("<settingName>")[1:]
    return {
        piece.split("<")[0]: piece.split("<settingValue>")[1].split("</settingValue>")[0] for piece in pieces
    }


def test_a_page_to_add_a_method_is_asked_for():
    page, [request] = asked(add, TOKEN)

    assert page.token == "a+b/c=.d"
    assert page.url.endswith("/customer/addPayment") and page.url.count("/") == 4
    assert request.own.startswith(
        f"<customerProfileId>{PROFILE}</customerProfileId><hostedProfileSettings><setting><settingName>"
    )
    asked_for = settings_in(request)
    assert asked_for["hostedProfileReturnUrl"] == "http://127.0.0.1/back"
    assert asked_for["hostedProfileManageOptions"] == "showPayment"
    assert asked_for["hostedProfilePaymentOptions"] == "showAll"


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [(("card",), "showCreditCard"), (("bank",), "showBankAccount"), (("bank", "card"), "showAll")],
)
def test_the_page_offers_what_is_wanted(kinds, shown):
    page, [request] = asked(lambda gateway: add(gateway, kinds=kinds, page="manage"), TOKEN)

    assert page.url.endswith("/customer/manage")
    assert settings_in(request)["hostedProfilePaymentOptions"] == shown


def test_a_page_for_a_profile_that_is_gone_is_none():
    assert result_of(add, error("getHostedProfilePageResponse", "E00040")) is None


def test_a_return_address_with_a_query_is_never_sent():
    with RawGateway(lambda *_: TOKEN) as raw, pytest.raises(ValueError, match="no query"):
        raw.gateway().hosted_profile_page(PROFILE, return_url="http://127.0.0.1/back?x=1")
    assert raw.received == []


def pay_page(gateway, **more):
    return gateway.hosted_page(
        reference="PL-1", amount_cents=4250, description="Invoice 1042", customer_number="A-1042", email="",
        merchant_name="Bright Alarm", return_url="http://a.test/a", cancel_url="http://a.test/b", **more,
    )  # fmt: skip


PAY_TOKEN = answer("getHostedPaymentPageResponse", "<token>t</token>")


def test_the_payment_page_offers_what_is_saved():
    _, [request] = asked(lambda gateway: pay_page(gateway, profile_id=PROFILE), PAY_TOKEN)

    assert (
        f"<amount>42.5</amount><profile><customerProfileId>{PROFILE}</customerProfileId></profile><order>"
        in request.own
    )
    assert json.loads(settings_in(request)["hostedPaymentPaymentOptions"].replace("&quot;", '"')) == {
        "cardCodeRequired": True,
        "showCreditCard": True,
        "showBankAccount": True,
        "customerProfileId": True,
    }


def test_the_payment_page_does_without_a_profile_that_is_gone():
    gone = error("getHostedPaymentPageResponse", "E00040")

    page, [_, request] = asked(lambda gateway: pay_page(gateway, profile_id=PROFILE), gone, PAY_TOKEN)

    assert page.token == "t"
    assert "<profile>" not in request.own


# -- delete and save


@pytest.mark.parametrize(
    "said",
    [
        answer("deleteCustomerPaymentProfileResponse"),
        answer("deleteCustomerPaymentProfileResponse", code="I00003"),
        error("deleteCustomerPaymentProfileResponse", "E00040"),
    ],
    ids=["deleted", "deleted earlier", "not there"],
)
def test_a_method_is_deleted_once_or_twice(said):
    nothing, [request] = asked(lambda gateway: gateway.delete_method(PROFILE, "35936989"), said)

    assert nothing is None
    assert request.own == (
        f"<customerProfileId>{PROFILE}</customerProfileId>"
        "<customerPaymentProfileId>35936989</customerPaymentProfileId>"
    )


def test_a_method_that_cannot_be_deleted_is_not_called_deleted():
    with pytest.raises(GatewayUnavailable):
        result_of(
            lambda gateway: gateway.delete_method(PROFILE, "35936989"),
            error("deleteCustomerPaymentProfileResponse", "E00105"),
        )


def save(gateway):
    return gateway.save_method("2227534280", profile_id=PROFILE)


def saved(ids, **refusal):
    lists = (
        f"<customerProfileId>{PROFILE}</customerProfileId><customerPaymentProfileIdList>{ids}"
        "</customerPaymentProfileIdList><customerShippingAddressIdList /><validationDirectResponseList />"
    )
    return answer("createCustomerProfileResponse", lists, **refusal)


DUPLICATE = {"result": "Error", "code": "E00039"}


def test_the_method_of_a_payment_is_saved():
    id, [request] = asked(save, saved("<numericString>35936989</numericString>"))

    assert id == "35936989"
    assert request.own == f"<transId>2227534280</transId><customerProfileId>{PROFILE}</customerProfileId>"
    assert b"createCustomerProfileFromTransactionRequest" in request.body


def test_a_method_that_is_saved_already_is_the_one_there_is():
    named = error(
        "createCustomerProfileResponse",
        "E00039",
        f"<customerProfileId>{PROFILE}</customerProfileId>"
        "<customerPaymentProfileId>34897359</customerPaymentProfileId>",
    )

    assert result_of(save, named) == "34897359"
    assert result_of(save, saved("<numericString>34897360</numericString>", **DUPLICATE)) == "34897360"


def details(inner, id="2227534280"):
    return answer(
        "getTransactionDetailsResponse", f"<transaction><transId>{id}</transId>{inner}</transaction>"
    )


PAID_BY_CARD = details(
    "<transactionStatus>settledSuccessfully</transactionStatus><authAmount>1</authAmount><payment><creditCard>"
    "<cardNumber>XXXX4242</cardNumber><cardType>Visa</cardType></creditCard></payment>"
)


def test_a_method_that_is_saved_already_is_found_by_its_last_four_digits():
    assert result_of(save, saved("", **DUPLICATE), PAID_BY_CARD, profile(CARD + ACCOUNT)) == "35936989"


def test_two_methods_that_look_alike_are_not_guessed_between():
    twins = CARD + CARD.replace("35936989", "35936992")

    with pytest.raises(BillingError, match="cannot be saved.*look at the list"):
        result_of(save, saved("", **DUPLICATE), PAID_BY_CARD, profile(twins))


@pytest.mark.parametrize("code", ["E00040", "E00099", "E00100", "E00101", "E00102", "E00103"])
def test_a_method_that_cannot_be_saved_is_a_sentence(code):
    with pytest.raises(BillingError, match="cannot be saved. Please add it") as refusal:
        result_of(save, saved("", result="Error", code=code))
    assert not isinstance(refusal.value, GatewayUnavailable)


def test_an_eleventh_method_is_a_sentence_with_what_to_do():
    with pytest.raises(BillingError, match="Ten are saved already.*Remove one first"):
        result_of(save, saved("", result="Error", code="E00042"))


def test_saving_while_the_gateway_is_down_says_so():
    with pytest.raises(GatewayUnavailable):
        result_of(save, error("ErrorResponse", "E00053"))


# -- the Account Updater

UPDATE = (
    "<auUpdate><customerProfileID>39598611</customerProfileID><customerPaymentProfileID>35936989"
    "</customerPaymentProfileID><firstName>Ann</firstName><lastName /><updateTimeUTC>6/28/2017 1:31:01 PM"
    "</updateTimeUTC><auReasonCode>NED</auReasonCode><reasonDescription>NewExpirationDate</reasonDescription>"
    "<newCreditCard><cardNumber>XXXX4242</cardNumber><expirationDate>XXXX</expirationDate></newCreditCard>"
    "</auUpdate>"
)
DELETE = UPDATE.replace("auUpdate", "auDelete").replace("NED", "ACL").replace("newCreditCard", "creditCard")


def updates(gateway):
    return gateway.account_updates(date(2027, 6, 14))


def job(inner, count=2):
    return answer(
        "getAUJobDetailsResponse",
        f"<totalNumInResultSet>{count}</totalNumInResultSet><auDetails>{inner}</auDetails>",
    )


def test_the_updates_of_a_month_are_read():
    found, [request] = asked(updates, job(UPDATE + DELETE))

    at = datetime(2017, 6, 28, 13, 31, 1)
    assert found == [
        AccountUpdate("39598611", "35936989", "NED", False, at),
        AccountUpdate("39598611", "35936989", "ACL", True, at),
    ]
    assert [update.is_new_data for update in found] == [True, False]
    assert request.own == (
        "<month>2027-06</month><modifiedTypeFilter>all</modifiedTypeFilter>"
        "<paging><limit>1000</limit><offset>1</offset></paging>"
    )


def test_the_updates_come_page_by_page():
    found, requests = asked(updates, job(UPDATE * 1000, 1001), job(DELETE, 1001))

    assert len(found) == 1001 and found[-1].deleted
    assert [request.text("paging/offset") for request in requests] == ["1", "2"]


def test_a_month_without_updates_is_an_empty_list():
    assert result_of(updates, answer("getAUJobDetailsResponse", code="I00004")) == []


# -- returns and chargebacks: a bank's word may stand in either of two places


def look(gateway):
    return gateway.details("2227534280")


ITEMS = (
    "<returnedItems><returnedItem><id>71</id><dateUTC>2027-03-04T02:00:00Z</dateUTC>"
    "<dateLocal>2027-03-03T18:00:00</dateLocal><code>R01</code><description>Insufficient Funds</description>"
    "</returnedItem></returnedItems>"
)


def entry(status, more="", type="authCaptureTransaction"):
    return details(
        f"<refTransId /><transactionType>{type}</transactionType><transactionStatus>{status}"
        "</transactionStatus><responseCode>1</responseCode><responseReasonCode>1</responseReasonCode>"
        "<order><invoiceNumber>PL-1</invoiceNumber></order><authAmount>42.5</authAmount><payment>"
        "<bankAccount><accountNumber>XXXX6781</accountNumber></bankAccount></payment>"
        f"{more}<profile><customerProfileId>39598611</customerProfileId>"
        "<customerPaymentProfileId>35936990</customerPaymentProfileId></profile>"
        "<networkTransId>0TDFC</networkTransId>"
    )


def test_a_debit_that_lists_its_return_is_money_no_more():
    found = result_of(look, entry("settledSuccessfully", ITEMS))

    assert found.returned_items == (ReturnedItem("71", "R01", "Insufficient Funds", date(2027, 3, 3)),)
    assert found.has_returned_items and found.was_returned and not found.is_returned
    assert found.outcome() == Returned("2227534280", "R01")
    assert not found.is_money and found.is_final


def test_a_return_with_an_entry_of_its_own_names_the_debit():
    body = entry("returnedItem", ITEMS).replace("<refTransId />", "<refTransId>2227534001</refTransId>")

    found = result_of(look, body)

    assert found.is_returned and found.ref_transaction_id == "2227534001"
    assert found.reference == "PL-1" and found.return_code == "R01"
    assert found.outcome() == Returned("2227534280", "R01")


def test_a_correction_of_account_data_takes_nothing_back():
    found = result_of(look, entry("settledSuccessfully", ITEMS.replace("R01", "C01")))

    assert found.has_returned_items and not found.was_returned and found.return_code == ""
    assert found.is_money and type(found.outcome()) is Approved


def test_an_entry_of_a_list_says_that_there_are_returns():
    rows = "".join(
        f"<transaction><transId>{id}</transId><submitTimeUTC>2027-03-01T10:00:00.1234567Z</submitTimeUTC>"
        "<transactionStatus>settledSuccessfully</transactionStatus><invoiceNumber>PL-1</invoiceNumber>"
        f"<accountType>eCheck</accountType><accountNumber>XXXX6781</accountNumber><settleAmount>42.5"
        f"</settleAmount>{more}<profile><customerProfileId>39598611</customerProfileId></profile></transaction>"
        for id, more in (("601", "<hasReturnedItems>true</hasReturnedItems>"), ("602", ""))
    )

    listed = result_of(
        lambda gateway: gateway.batch_transactions("9"),
        answer("getTransactionListResponse", f"<transactions>{rows}</transactions>"),
    )

    assert [one.has_returned_items for one in listed] == [True, False]
    assert (listed[0].profile_id, listed[0].method_id, listed[0].kind) == ("39598611", "", "bank")


def test_details_name_the_stored_method_that_paid():
    found = result_of(look, entry("settledSuccessfully"))

    assert (found.profile_id, found.method_id) == ("39598611", "35936990")
    assert found.outcome() == Approved("2227534280", "", "Bank account ending 6781", "0TDFC")
    assert not found.has_returned_items and found.returned_items == ()


def test_a_chargeback_and_its_reversal_are_told_apart():
    taken, given = (result_of(look, entry(status)) for status in ("chargeback", "chargebackReversal"))

    assert taken.is_chargeback and not taken.is_chargeback_reversal
    assert taken.outcome() == Returned("2227534280")
    assert given.is_chargeback_reversal and not given.is_chargeback
    assert type(given.outcome()) is InDoubt


def test_the_details_of_another_transaction_are_not_believed():
    with pytest.raises(GatewayUnavailable):
        result_of(
            look, details("<transactionStatus>settledSuccessfully</transactionStatus>", id="2227534281")
        )


def test_a_reply_to_another_request_is_not_believed():
    other = answer("getTransactionDetailsResponse", "<transaction />", ref_id="another")

    with pytest.raises(GatewayUnavailable):
        result_of(look, other)


def test_what_is_unsettled_comes_once_each():
    def row(id, status):
        return (
            f"<transaction><transId>{id}</transId><submitTimeUTC>2027-03-01T10:00:00Z</submitTimeUTC>"
            f"<transactionStatus>{status}</transactionStatus></transaction>"
        )

    root = "getUnsettledTransactionListResponse"
    money, held = row("601", "capturedPendingSettlement"), row("602", "FDSPendingReview")

    found, requests = asked(
        lambda gateway: gateway.unsettled(since=datetime(2027, 3, 1)),
        answer(root, f"<transactions>{held}{money}</transactions>"),
        answer(root, f"<transactions>{held}</transactions>"),
    )

    assert sorted(one.transaction_id for one in found) == ["601", "602"]
    assert [request.text("status") for request in requests] == ["any", "pendingApproval"]
    assert requests[0].own == (
        "<status>any</status><sorting><orderBy>submitTimeUTC</orderBy><orderDescending>true"
        "</orderDescending></sorting><paging><limit>1000</limit><offset>1</offset></paging>"
    )


def test_a_transaction_needs_no_more_than_it_did():
    assert Transaction("601", "settledSuccessfully", 4250).returned_items == ()


# -- a void is answered with the transaction that it voids


def test_a_void_that_is_answered_for_another_transaction_is_in_doubt():
    body = answer(
        "createTransactionResponse",
        "<transactionResponse><responseCode>1</responseCode><transId>601</transId><messages><message>"
        "<code>1</code></message></messages></transactionResponse>",
    )

    assert type(result_of(lambda gateway: gateway.void("602"), body)) is InDoubt


# -- webhooks

HOOK = {
    "_links": {"self": {"href": "/rest/v1/webhooks/72a55c78"}},
    "webhookId": "72a55c78-66e6-4b1e-a4d6-3f925c00561f",
    "name": "Porchlight",
    "eventTypes": ["net.authorize.payment.authcapture.created", "net.authorize.payment.fraud.held"],
    "status": "inactive",
    "url": "https://pay.example.com/hooks/gateway",
}
KNOWN = Webhook(HOOK["webhookId"], HOOK["url"], False, tuple(HOOK["eventTypes"]))
BASIC = "Basic " + base64.b64encode(b"login:key").decode()


def test_webhooks_are_listed():
    found, [request] = asked(lambda gateway: gateway.webhooks(), json.dumps([HOOK]))

    assert found == [KNOWN]
    assert request.line == "GET /rest/v1/webhooks HTTP/1.1"
    assert request.headers["authorization"] == BASIC


def test_a_webhook_that_went_to_sleep_is_woken_as_it_was():
    _, [_, request] = asked(
        lambda gateway: gateway.activate_webhook(KNOWN.webhook_id),
        json.dumps(HOOK),
        json.dumps({**HOOK, "status": "active"}),
    )

    assert request.line == f"PUT /rest/v1/webhooks/{KNOWN.webhook_id} HTTP/1.1"
    assert json.loads(request.body) == {
        "name": "Porchlight",
        "url": HOOK["url"],
        "eventTypes": HOOK["eventTypes"],
        "status": "active",
    }


def test_a_webhook_is_created():
    made, [request] = asked(
        lambda gateway: gateway.create_webhook(HOOK["url"], HOOK["eventTypes"]),
        json.dumps({**HOOK, "status": "active"}),
    )

    assert made.is_active and made.event_types == KNOWN.event_types
    assert request.line == "POST /rest/v1/webhooks HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "name": "Porchlight",
        "url": HOOK["url"],
        "eventTypes": HOOK["eventTypes"],
        "status": "active",
    }


@pytest.mark.parametrize("body", ["", "<html>", "{}", "[1]", '[{"webhookId": "x"}]', "null", b"\xff\xfe"])
def test_a_list_of_webhooks_that_is_none_is_not_believed(body):
    with pytest.raises(GatewayUnavailable):
        result_of(lambda gateway: gateway.webhooks(), body)


def test_a_refusal_of_the_webhooks_is_told_with_its_number():
    def refuse(connection, _):
        reply(connection, '{"status":401,"reason":"INVALID"}', "401 Unauthorized")

    with RawGateway(refuse) as raw, pytest.raises(GatewayUnavailable, match="HTTP 401"):
        raw.gateway().webhooks()


def test_the_id_of_a_webhook_leads_nowhere_else():
    with RawGateway(lambda *_: "{}") as raw, pytest.raises(ValueError, match="not the id"):
        raw.gateway().activate_webhook("../notifications")
    assert raw.received == []
