"""What comes back to the sandbox after settlement: returns, chargebacks, notices of change, new card data."""

import pytest

from tests.sandbox_process import account, card


@pytest.fixture
def debit(sandbox):
    """A settled bank debit of $50."""
    paid = sandbox.charge_stored(sandbox.method(kind="bank"), 5000, invoice="PL-1").transaction_id
    sandbox.post_control("settle")
    return paid


@pytest.fixture
def payment(sandbox):
    """A settled card payment of $50."""
    paid = sandbox.charge(5000, card(), invoice="PL-1").transaction_id
    sandbox.post_control("settle")
    return paid


def details(sandbox, transaction_id):
    return sandbox.ask("getTransactionDetailsRequest", f"<transId>{transaction_id}</transId>")


def listed(sandbox, method="getUnsettledTransactionListRequest", inner=""):
    found = sandbox.ask(method, inner).all("transactions/transaction")
    return {
        node.findtext("{*}transId"): (
            node.findtext("{*}transactionStatus"),
            node.findtext("{*}hasReturnedItems"),
        )
        for node in found
    }


def statistics(sandbox, batch_id):
    answer = sandbox.ask("getBatchStatisticsRequest", f"<batchId>{batch_id}</batchId>")
    return lambda name: answer.text("batch/statistics/statistic/" + name)


# -- returns


@pytest.mark.parametrize(
    ("linkage", "names_original", "original_knows"),
    [("both", True, True), ("ref", True, False), ("has", False, True)],
)
def test_a_return_is_a_transaction_of_its_own_linked_as_asked(
    sandbox, debit, linkage, names_original, original_knows
):
    returned = sandbox.give_back(debit, "R01", linkage)

    found, original = details(sandbox, returned), details(sandbox, debit)
    assert found.text("transaction/transactionStatus") == "returnedItem"
    assert original.text("transaction/transactionStatus") == "settledSuccessfully"
    assert found.text("transaction/refTransId") == (debit if names_original else None)
    assert found.text("transaction/order/invoiceNumber") == "PL-1"
    assert found.text("transaction/returnedItems/returnedItem/code") == "R01"
    assert original.text("transaction/returnedItems/returnedItem/id") == (
        returned if original_knows else None
    )
    assert listed(sandbox) == {returned: ("returnedItem", None)}
    [batch] = sandbox.ask("getSettledBatchListRequest").all("batchList/batch")
    of_batch = listed(sandbox, "getTransactionListRequest", f"<batchId>{batch[0].text}</batchId>")
    assert of_batch == {debit: ("settledSuccessfully", "true" if original_knows else None)}
    assert sandbox.transactions("PL-1")[1]["ref_trans_id"] == debit


@pytest.mark.parametrize("code", ["R01", "R02", "R03", "R07", "R08", "R09", "R10", "R16", "R29"])
def test_every_code_says_what_it_means(sandbox, debit, code):
    returned = sandbox.give_back(debit, code)

    item = "transaction/returnedItems/returnedItem/"
    found = details(sandbox, returned)
    assert found.text(item + "code") == code
    assert len(found.text(item + "description")) > 5


def test_the_next_batch_takes_a_return_along_and_counts_it(sandbox, debit):
    returned = sandbox.give_back(debit, "R09")
    sandbox.charge(2000, account())

    [batch] = sandbox.post_control("settle")["batches"]

    assert returned in listed(sandbox, "getTransactionListRequest", f"<batchId>{batch}</batchId>")
    of = statistics(sandbox, batch)
    assert (of("chargeAmount"), of("chargeCount")) == ("20.00", "1")
    assert (of("returnedItemAmount"), of("returnedItemCount")) == ("50.00", "1")
    assert (of("chargeReturnedItemsAmount"), of("chargeReturnedItemsCount")) == ("50.00", "1")
    assert of("chargebackCount") == of("refundReturnedItemsCount") == of("correctionNoticeCount") == "0"


def test_a_return_alone_makes_a_batch(sandbox, debit):
    sandbox.give_back(debit)

    [batch] = sandbox.post_control("settle")["batches"]

    assert statistics(sandbox, batch)("chargeCount") == "0"
    assert listed(sandbox) == {}


def test_a_refund_to_an_account_can_be_returned_too(sandbox, debit):
    refund = sandbox.gateway().refund(debit, 1000, reference="RF-1").transaction_id
    sandbox.post_control("settle")
    sandbox.give_back(refund, "R03")

    [batch] = sandbox.post_control("settle")["batches"]

    of = statistics(sandbox, batch)
    assert (of("refundReturnedItemsAmount"), of("returnedItemAmount")) == ("10.00", "10.00")
    assert of("chargeReturnedItemsCount") == "0"


def test_what_came_back_cannot_be_refunded(sandbox, debit):
    sandbox.give_back(debit)

    assert sandbox.gateway().refund(debit, 100, reference="RF-1").reason_code == "55"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"transaction_id": "1"}, "no such transaction"),
        ({"code": "R99"}, "There are: R01"),
        ({"linkage": "none"}, "both, ref, has"),
    ],
)
def test_a_return_that_cannot_be_is_refused(sandbox, debit, change, words):
    reply = sandbox.post("return", {"transaction_id": debit, **change})

    assert reply.status_code == 400 and words in reply.json()["error"]


def test_only_a_settled_bank_debit_is_returned_and_only_once(sandbox, debit):
    fresh = sandbox.charge(2000, account()).transaction_id
    sandbox.give_back(debit)

    for wrong in (fresh, debit, sandbox.charge(3000, card()).transaction_id):
        assert sandbox.post("return", {"transaction_id": wrong}).status_code == 400


def test_nobody_is_told_of_what_comes_back(sandbox, debit):
    returned = sandbox.give_back(debit)

    assert returned not in str(sandbox.notifications())  # others may still come late


def test_our_gateway_reads_a_return(sandbox, debit):
    gateway, returned = sandbox.gateway(), sandbox.give_back(debit, "R10")

    found = gateway.details(returned)

    assert (found.status, found.ref_transaction_id, found.amount_cents) == ("returnedItem", debit, 5000)
    assert found.is_money is False and found.is_final


# -- chargebacks


def test_a_chargeback_is_a_transaction_of_its_own_and_counted(sandbox, payment):
    back = sandbox.chargeback(payment, amount_cents=3000, reason="13.1")

    found = details(sandbox, back)
    assert found.text("transaction/transactionStatus") == "chargeback"
    assert (found.text("transaction/refTransId"), found.text("transaction/authAmount")) == (payment, "30.00")
    [batch] = sandbox.post_control("settle")["batches"]
    of = statistics(sandbox, batch)
    assert (of("chargebackAmount"), of("chargebackCount")) == ("30.00", "1")
    assert (of("chargeChargeBackAmount"), of("refundChargeBackCount")) == ("30.00", "0")
    assert [one["type"] for one in sandbox.transactions()] == ["authCaptureTransaction", "chargeback"]


def test_a_chargeback_is_reversed_once(sandbox, payment):
    sandbox.chargeback(payment)
    sandbox.post_control("settle")

    won = sandbox.post_control("chargeback-reversal", {"transaction_id": payment})["transaction_id"]

    found = details(sandbox, won)
    assert found.text("transaction/transactionStatus") == "chargebackReversal"
    assert (found.text("transaction/refTransId"), found.text("transaction/authAmount")) == (payment, "50.00")
    assert sandbox.post("chargeback-reversal", {"transaction_id": payment}).status_code == 400
    [batch] = sandbox.post_control("settle")["batches"]
    assert statistics(sandbox, batch)("refundChargeBackAmount") == "50.00"


def test_a_payment_is_never_charged_back_for_more_than_it_was(sandbox, payment):
    sandbox.chargeback(payment, amount_cents=3000)

    for cents in (2001, 5001, -5):
        reply = sandbox.post("chargeback", {"transaction_id": payment, "amount_cents": cents})
        assert reply.status_code == 400
    assert sandbox.gateway().refund(payment, 2001, reference="RF-1").reason_code == "55"
    assert sandbox.gateway().refund(payment, 2000, reference="RF-2").transaction_id


def test_only_settled_card_payments_are_charged_back(sandbox, debit):
    fresh = sandbox.charge(3000, card()).transaction_id

    for wrong in (debit, fresh, "1"):
        assert sandbox.post("chargeback", {"transaction_id": wrong}).status_code == 400


# -- notices of change


def test_a_notice_of_change_is_counted_in_the_next_batch(sandbox):
    ids = sandbox.method(kind="bank")
    sandbox.post_control("notice-of-change", {"method_id": ids[1], "code": "C01"})

    [batch] = sandbox.post_control("settle")["batches"]

    assert statistics(sandbox, batch)("correctionNoticeCount") == "1"
    assert sandbox.post_control("settle")["batches"] == []
    assert sandbox.post("notice-of-change", {"method_id": ids[1], "code": "C99"}).status_code == 400
    assert sandbox.post("notice-of-change", {"method_id": "1"}).status_code == 400


# -- the Account Updater


@pytest.fixture
def updated(sandbox):
    """Four cards, one of each kind of change, in November 2026: [(profile id, method id)]."""
    sandbox.post_control("clock", {"at": "2026-11-05T13:31:01"})
    cards = [
        sandbox.method(f"C-{n}", number="4111111111111111", expiration="05/27", name=f"Ann Example{n}")
        for n in range(4)
    ]
    changes = [
        {"reason": "NAN", "number": "4007000000027", "expiration": "06/30"},
        {"reason": "NED", "expiration": "07/31"},
        {"reason": "ACL"},
        {"reason": "CCH"},
    ]
    ids = [method for _, method in cards]
    sandbox.post_control("updater", [{"method_id": id, **one} for id, one in zip(ids, changes, strict=True)])
    return cards


def test_the_updater_edits_methods_in_place(sandbox, updated):
    methods = [one for profile in sandbox.profiles() for one in profile["methods"]]

    assert [(one["account_number"], one["expiration"]) for one in methods] == [
        ("XXXX0027", "2030-06"),
        ("XXXX1111", "2031-07"),
        ("XXXX1111", "2027-05"),
    ]
    assert updated[2][1] not in {one["method_id"] for one in methods}
    assert sandbox.charge_stored(updated[2], 1000).code == "E00040"


def test_the_job_is_summed_up_and_told_in_detail(sandbox, updated):
    summary = sandbox.ask("getAUJobSummaryRequest", "<month>2026-11</month>")
    details = sandbox.ask("getAUJobDetailsRequest", "<month>2026-11</month>")

    counts = [
        (row.findtext("{*}auReasonCode"), row.findtext("{*}profileCount"))
        for row in summary.all("auSummary/auResponse")
    ]
    assert counts == [("ACL", "1"), ("CCH", "1"), ("NAN", "1"), ("NED", "1")]
    assert details.text("totalNumInResultSet") == "4"
    reasons = [row.findtext("{*}auReasonCode") for row in details.all("auDetails/auUpdate")]
    assert reasons == ["NAN", "NED", "CCH"]
    first = "auDetails/auUpdate/"
    assert details.text(first + "updateTimeUTC") == "11/5/2026 1:31:01 PM"
    assert details.text(first + "customerProfileID") == updated[0][0]
    assert details.text(first + "newCreditCard/cardNumber") == "XXXX0027"
    assert details.text(first + "newCreditCard/expirationDate") == "06/2030"
    assert details.text(first + "oldCreditCard/cardNumber") == "XXXX1111"
    assert details.text("auDetails/auDelete/customerPaymentProfileID") == updated[2][1]
    assert details.text("auDetails/auDelete/creditCard/cardNumber") == "XXXX1111"


def test_the_job_is_filtered_and_paged(sandbox, updated):
    def asked(inner):
        found = sandbox.ask("getAUJobDetailsRequest", f"<month>2026-11</month>{inner}")
        return found.code, len(found.all("auDetails/auUpdate")), len(found.all("auDetails/auDelete"))

    assert asked("<modifiedTypeFilter>updates</modifiedTypeFilter>") == ("I00001", 3, 0)
    assert asked("<modifiedTypeFilter>deletes</modifiedTypeFilter>") == ("I00001", 0, 1)
    assert asked("<paging><limit>3</limit><offset>2</offset></paging>") == ("I00001", 1, 0)
    assert asked("<paging><limit>3</limit><offset>3</offset></paging>") == ("I00004", 0, 0)


def test_a_month_without_changes_is_empty_and_one_to_come_is_refused(sandbox):
    sandbox.post_control("clock", {"at": "2026-11-05T00:00:00"})

    for method in ("getAUJobSummaryRequest", "getAUJobDetailsRequest"):
        assert sandbox.ask(method, "<month>2026-10</month>").code == "I00004"
        assert sandbox.ask(method, "<month>2026-12</month>").code == "E00112"
        assert sandbox.ask(method, "<month>Nov</month>").code == "E00003"


@pytest.mark.parametrize(
    "wrong",
    [{"reason": "XYZ"}, {"reason": "NED", "expiration": "13/30"}, {"reason": "NED", "method_id": "1"}],
)
def test_a_change_that_makes_no_sense_changes_nothing(sandbox, wrong):
    ids = sandbox.method(expiration="05/27")
    sound = {"method_id": ids[1], "reason": "NED", "expiration": "06/28"}

    reply = sandbox.post("updater", [sound, {"method_id": ids[1], **wrong}])

    assert reply.status_code == 400
    assert sandbox.profiles()[0]["methods"][0]["expiration"] == "2027-05"
