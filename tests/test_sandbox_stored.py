"""The sandbox charges stored methods: by the triggers kept with them, by the rules of profiles, on demand."""

import pytest

from tests.sandbox_process import card


@pytest.fixture
def visa(sandbox):
    return sandbox.method(number="4111111111111111", expiration="12/39", name="Ann Example", zip="98004")


def details(sandbox, answer):
    found = sandbox.ask("getTransactionDetailsRequest", f"<transId>{answer.transaction_id}</transId>")
    return lambda path: found.text("transaction/" + path)


# -- storing in bulk


def test_methods_of_the_past_are_stored_in_bulk_under_one_profile_a_customer(sandbox):
    made = sandbox.methods(
        {"customer_number": "C-1", "kind": "card", "last_four": "4242", "account_type": "Visa"},
        {"customer_number": "C-1", "kind": "bank", "number": "123456781", "name": "Ann Example"},
        {"customer_number": "C-2", "kind": "card", "number": "5424000000000015", "expiration": "05/30"},
    )

    ann, bob = sandbox.profiles()
    assert [ids[0] for ids in made] == [ann["profile_id"], ann["profile_id"], bob["profile_id"]]
    shown = [(one["account_type"], one["account_number"], one["expiration"]) for one in ann["methods"]]
    assert shown[1] == ("eCheck", "XXXX6781", "")
    assert shown[0][:2] == ("Visa", "XXXX4242")
    assert [one["method_id"] for one in bob["methods"]] == [made[2][1]]
    assert bob["methods"][0]["expiration"] == "2030-05"
    assert sandbox.notifications() == []


def test_five_thousand_methods_are_stored_together(sandbox):
    made = sandbox.methods(*({"customer_number": f"C-{n}", "kind": "card"} for n in range(5000)))

    assert len(set(made)) == 5000


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "cash"},
        {"kind": "card", "expiration": "13/30"},
        {"kind": "card", "customer_number": None},
        {},
    ],
)
def test_methods_that_make_no_sense_are_refused_whole(sandbox, wrong):
    first = {"customer_number": "C-1", "kind": "card"}
    second = {"customer_number": "C-2", **wrong}
    if wrong.get("customer_number", 1) is None:
        del second["customer_number"]

    reply = sandbox.post("methods", [first, second])

    assert reply.status_code == 400 and "Entry 1" in reply.json()["error"]
    assert sandbox.profiles() == []


def test_no_whole_number_is_ever_stored(sandbox, visa):
    sandbox.method(kind="bank", number="123456781")
    sandbox.charge_stored(visa, 1000)
    sandbox.charge(2000, card("5424000000000015"))

    kept = sandbox.state_file()
    for number in (b"4111111111111111", b"123456781", b"5424000000000015", b"121042882"):
        assert number not in kept


# -- charging


def test_a_stored_card_is_charged_and_the_answer_names_it(sandbox, visa):
    answer = sandbox.charge_stored(visa, 4250, invoice="PL-1", ref_id="PL-1")

    assert (answer.result, answer.decision, answer.text("refId")) == ("Ok", ("1", "1"), "PL-1")
    assert answer.text("transactionResponse/accountNumber") == "XXXX1111"
    assert answer.text("transactionResponse/profile/customerProfileId") == visa[0]
    assert answer.text("transactionResponse/profile/customerPaymentProfileId") == visa[1]
    assert len(answer.text("transactionResponse/networkTransId")) == 16
    of = details(sandbox, answer)
    assert (of("profile/customerProfileId"), of("profile/customerPaymentProfileId")) == visa
    assert (of("customer/id"), of("billTo/firstName"), of("billTo/zip")) == ("C-1", "Ann", "98004")
    assert of("networkTransId") == answer.text("transactionResponse/networkTransId")
    assert of("recurringBilling") == "false"


def test_what_a_recurring_charge_says_of_itself_is_accepted_and_kept(sandbox, visa):
    answer = sandbox.charge_stored(
        visa,
        1000,
        settings={"recurringBilling": "true", "duplicateWindow": "28800"},
        tail="<processingOptions><isSubsequentAuth>true</isSubsequentAuth></processingOptions>"
        "<subsequentAuthInformation><originalNetworkTransId>ABC123</originalNetworkTransId>"
        "<originalAuthAmount>10.00</originalAuthAmount></subsequentAuthInformation>",
    )

    assert answer.decision == ("1", "1")
    of = details(sandbox, answer)
    assert (of("recurringBilling"), of("originalNetworkTransId")) == ("true", "ABC123")
    assert sandbox.transactions()[0]["processing"] == "isSubsequentAuth"


def test_the_first_approval_of_a_card_is_what_the_network_remembers(sandbox, visa):
    first = sandbox.charge_stored(visa, 1000)
    sandbox.charge_stored(visa, 2000)

    [profile] = sandbox.profiles()
    known = profile["methods"][0]["network_trans_id"]
    assert known == first.text("transactionResponse/networkTransId")


def test_the_default_method_is_charged_when_none_is_named(sandbox, visa):
    assert sandbox.charge_stored((visa[0], None), 1000).code == "E00121"


@pytest.mark.parametrize(
    ("zip_code", "decision", "avs"),
    [("46282", ("2", "2"), "Y"), ("46205", ("1", "1"), "N"), ("46225", ("2", "2"), "Y")],
)
def test_the_zip_kept_with_a_card_is_the_trigger(sandbox, zip_code, decision, avs):
    ids = sandbox.method(zip=zip_code)

    answer = sandbox.charge_stored(ids, 1000)

    assert (answer.decision, answer.text("transactionResponse/avsResultCode")) == (decision, avs)


def test_a_stored_card_expires(sandbox):
    ids = sandbox.method(expiration="01/27")
    assert sandbox.charge_stored(ids, 1000).decision == ("1", "1")

    sandbox.post_control("clock", {"at": "2027-02-01T00:00:00"})

    assert sandbox.charge_stored(ids, 1000).decision == ("3", "8")


def test_a_stored_account_is_debited_up_to_the_limits(sandbox):
    ids = sandbox.method(kind="bank")

    assert sandbox.charge_stored(ids, 10_000).decision == ("1", "1")
    assert sandbox.charge_stored(ids, 10_001).decision == ("2", "2")
    sandbox.post_control("options", {"echeck_limit_cents": 1_000_000})
    assert sandbox.charge_stored(ids, 490_001).decision == ("2", "2")


def test_a_charge_of_a_stored_method_can_be_held(sandbox, visa):
    sandbox.post_control("hold", {"above_cents": 0})

    answer = sandbox.charge_stored(visa, 1000)

    assert answer.decision == ("4", "252")
    assert sandbox.transactions()[0]["status"] == "FDSPendingReview"


SHIP = "<shipTo><zip>1</zip></shipTo>"


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<payment>{card}</payment><profile>{profile}{method}</profile>", "E00090"),
        ("<payment>{card}</payment><profile>{method}</profile>", "E00091"),
        ("<profile>{profile}{method}</profile><billTo><zip>1</zip></billTo>", "E00093"),
        ("<profile>{profile}{method}<shippingProfileId>1</shippingProfileId></profile>" + SHIP, "E00092"),
        ("<profile>{profile}</profile>", "E00121"),
        ("<profile><customerProfileId>1</customerProfileId>{method}</profile>", "E00040"),
        ("<profile><customerProfileId>1</customerProfileId></profile>", "E00040"),
        ("<profile>{profile}{other}</profile>", "E00040"),
        (
            "<payment>{card}</payment><profile><createProfile>true</createProfile>{profile}</profile>",
            "E00088",
        ),
        ("<profile><createProfile>true</createProfile></profile>", "E00089"),
    ],
)
def test_a_request_that_mixes_profiles_with_other_data_is_refused(sandbox, visa, inner, code):
    other = sandbox.method("C-2")
    parts = {
        "card": card(),
        "create": "<createProfile>true</createProfile>",
        "profile": f"<customerProfileId>{visa[0]}</customerProfileId>",
        "method": f"<paymentProfile><paymentProfileId>{visa[1]}</paymentProfileId></paymentProfile>",
        "other": f"<paymentProfile><paymentProfileId>{other[1]}</paymentProfileId></paymentProfile>",
    }

    answer = sandbox.ask(
        "createTransactionRequest",
        "<transactionRequest><transactionType>authCaptureTransaction</transactionType><amount>1.00</amount>"
        f"{inner.format(**parts)}</transactionRequest>",
    )

    assert (answer.result, answer.code, answer.name) == ("Error", code, "createTransactionResponse")
    assert sandbox.transactions() == []


def test_raw_data_can_be_kept_while_it_is_charged(sandbox):
    sale = (
        "<transactionRequest><transactionType>authCaptureTransaction</transactionType><amount>{}</amount>"
        f"<payment>{card()}</payment><profile><createProfile>true</createProfile></profile>"
        "<customer><id>C-8</id></customer></transactionRequest>"
    )

    first, again = (sandbox.ask("createTransactionRequest", sale.format(one)) for one in ("1.00", "2.00"))

    [profile] = sandbox.profiles()
    assert first.text("profileResponse/customerProfileId") == profile["profile_id"]
    ids = (profile["profile_id"], first.text("profileResponse/customerPaymentProfileIdList/numericString"))
    assert sandbox.charge_stored(ids, 3000).decision == ("1", "1")
    assert again.decision == ("1", "1")
    assert again.text("profileResponse/messages/message/code") == "E00039"


@pytest.mark.parametrize("original", ["", "x", "9" * 40, "1"])
def test_a_refund_to_a_method_needs_an_original(sandbox, visa, original):
    answer = sandbox.ask(
        "createTransactionRequest",
        "<transactionRequest><transactionType>refundTransaction</transactionType><amount>4.00</amount><profile>"
        f"<customerProfileId>{visa[0]}</customerProfileId><paymentProfile><paymentProfileId>{visa[1]}"
        f"</paymentProfileId></paymentProfile></profile><refTransId>{original}</refTransId></transactionRequest>",
    )

    assert answer.decision[0] == "3"


# -- the duplicate rule


def test_the_same_charge_of_a_stored_method_twice_is_a_duplicate(sandbox, visa):
    window = {"duplicateWindow": "28800"}
    first = sandbox.charge_stored(visa, 1000, invoice="A", settings=window)

    again = sandbox.charge_stored(visa, 1000, invoice="A", settings=window)
    other = sandbox.charge_stored(visa, 1000, invoice="B", settings=window)

    assert (again.decision, again.transaction_id) == (("3", "11"), first.transaction_id)
    assert other.decision == ("1", "1")


def test_methods_of_two_customers_are_never_duplicates_of_each_other(sandbox):
    for number in ("C-1", "C-2"):
        ids = sandbox.method(number, last_four="4242")
        assert sandbox.charge_stored(ids, 1000).decision == ("1", "1")


# -- declines on demand


@pytest.mark.parametrize(
    ("reason", "decision", "status"),
    [
        (2, ("2", "2"), "declined"),
        (4, ("2", "4"), "declined"),
        (8, ("3", "8"), None),
        (19, ("3", "19"), "generalError"),
        (120, ("3", "120"), "capturedPendingSettlement"),
        (253, ("4", "253"), "FDSAuthorizedPendingReview"),
        (317, ("2", "317"), "declined"),
    ],
)
def test_a_method_declines_with_any_reason_that_is_asked_for(sandbox, visa, reason, decision, status):
    sandbox.decline(visa[1], reason)

    failed, after = (sandbox.charge_stored(visa, 1000, invoice=invoice) for invoice in "AB")

    assert (failed.decision, after.decision) == (decision, ("1", "1"))
    assert [one["status"] for one in sandbox.transactions("A")] == ([status] if status else [])


def test_a_method_declines_as_often_as_is_asked_for_and_others_do_not(sandbox, visa):
    other = sandbox.method("C-2")
    sandbox.decline(visa[1], 2, count=2)

    mine = [sandbox.charge_stored(visa, cents).decision for cents in (1001, 1002, 1003)]

    assert mine == [("2", "2"), ("2", "2"), ("1", "1")]
    assert sandbox.charge_stored(other, 1000).decision == ("1", "1")


def test_a_method_declines_until_it_is_cleared(sandbox, visa):
    sandbox.decline(visa[1], 4, count=None)
    assert [sandbox.charge_stored(visa, cents).decision[1] for cents in (1001, 1002)] == ["4", "4"]

    sandbox.post_control("decline", {"clear": True})

    assert sandbox.charge_stored(visa, 1003).decision == ("1", "1")


# -- lists, refunds, deletions


def test_a_customers_list_has_what_was_charged_to_the_profile_or_the_method(sandbox, visa):
    bank = sandbox.method(kind="bank")
    paid = [sandbox.charge_stored(ids, 1000).transaction_id for ids in (visa, bank)]
    sandbox.charge(3000, card())

    def listed(inner=""):
        wanted = f"<customerProfileId>{visa[0]}</customerProfileId>{inner}"
        answer = sandbox.ask("getTransactionListForCustomerRequest", wanted)
        assert answer.name == "getTransactionListResponse"
        return [node.findtext("{*}transId") for node in answer.all("transactions/transaction")]

    assert listed() == paid
    assert listed(f"<customerPaymentProfileId>{bank[1]}</customerPaymentProfileId>") == paid[1:]
    sandbox.post_control("options", {"customer_list_unsettled": False})
    assert listed() == []
    sandbox.post_control("settle")
    assert listed() == paid


def test_lists_can_lag_behind_while_details_do_not(sandbox, visa):
    sandbox.post_control("options", {"search_lag_seconds": 120})
    paid = sandbox.charge_stored(visa, 1000).transaction_id
    sandbox.post_control("settle", {"kind": "bank"})

    asked = f"<customerProfileId>{visa[0]}</customerProfileId>"
    lists = (("getUnsettledTransactionListRequest", ""), ("getTransactionListForCustomerRequest", asked))
    assert [sandbox.ask(*one).code for one in lists] == ["I00004", "I00004"]
    assert sandbox.gateway().details(paid).is_money
    sandbox.post_control("clock", {"minutes": 2.1})
    assert [sandbox.ask(*one).code for one in lists] == ["I00001", "I00001"]


def test_a_batch_that_settles_within_the_lag_hides_it_too(sandbox, visa):
    sandbox.post_control("options", {"search_lag_seconds": 120})
    sandbox.charge_stored(visa, 1000)
    [batch] = sandbox.post_control("settle")["batches"]

    assert sandbox.ask("getTransactionListRequest", f"<batchId>{batch}</batchId>").code == "I00004"


def test_a_refund_may_name_the_method_that_paid_and_no_other(sandbox, visa):
    other = sandbox.method(number="5424000000000015")
    paid = sandbox.charge_stored(visa, 1000).transaction_id
    sandbox.post_control("settle")

    def refund(ids):
        return sandbox.ask(
            "createTransactionRequest",
            "<transactionRequest><transactionType>refundTransaction</transactionType><amount>4.00</amount>"
            f"<profile><customerProfileId>{ids[0]}</customerProfileId><paymentProfile><paymentProfileId>{ids[1]}"
            f"</paymentProfileId></paymentProfile></profile><refTransId>{paid}</refTransId></transactionRequest>",
        )

    assert refund(other).code == "E00051"
    assert refund(visa).decision == ("1", "1")


def test_a_deleted_method_cannot_be_charged_but_its_payments_stay(sandbox, visa):
    paid = sandbox.charge_stored(visa, 1000).transaction_id

    sandbox.post_control("delete-method", {"method_id": visa[1]})

    assert sandbox.charge_stored(visa, 2000).code == "E00040"
    assert sandbox.profiles()[0]["methods"] == []
    assert sandbox.transactions()[0]["method_id"] == visa[1]
    sandbox.post_control("delete-profile", {"profile_id": visa[0]})
    assert sandbox.profiles() == [] and sandbox.gateway().details(paid).is_money
    assert sandbox.post("delete-profile", {"profile_id": visa[0]}).status_code == 400


def test_a_stored_account_has_no_network_and_is_refunded_by_its_masks(sandbox):
    ids = sandbox.method(kind="bank", number="123456781")
    paid = sandbox.charge_stored(ids, 1000)
    sandbox.post_control("settle")

    assert paid.text("transactionResponse/networkTransId") is None
    assert sandbox.gateway().refund(paid.transaction_id, 400, reference="RF-1").transaction_id
