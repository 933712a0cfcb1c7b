"""Every answer of the sandbox follows the schema that the official SDK was generated from, child by child."""

import pytest
from authorizenet import apicontractsv1 as contracts

from billing.edges.sandbox import api, wire
from tests.sandbox_process import SandboxProcess, account, card


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with SandboxProcess(tmp_path_factory.mktemp("schema") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def year(sandbox):
    """A gateway in which everything happened once: what the requests below ask about."""
    profile, visa = sandbox.method(number="4111111111111111", name="Ann Example", zip="98004")
    _, bank = sandbox.method(kind="bank", name="Ann Example")
    paid = sandbox.charge_stored((profile, visa), 1000, invoice="PL-1", ref_id="PL-1").transaction_id
    debit = sandbox.charge_stored((profile, bank), 2000).transaction_id
    raw = sandbox.charge(3000, card("5424000000000015")).transaction_id
    sandbox.charge(4000, account())
    sandbox.post_control("notice-of-change", {"method_id": bank})
    batch = sandbox.post_control("settle")["batches"][1]
    returned = sandbox.give_back(debit)
    sandbox.chargeback(paid)
    sandbox.charge_stored((profile, visa), 2000)
    sandbox.post_control("hold", {"above_cents": 0})
    held = sandbox.charge(5000, card()).transaction_id
    sandbox.post_control("hold", {"above_cents": None})
    month = sandbox.state()["now"][:7]
    other = sandbox.method("C-2", expiration="05/31")
    gone = sandbox.method("C-3")
    job = [{"method_id": other[1], "reason": "NED", "expiration": "06/31"}]
    sandbox.post_control("updater", [*job, {"method_id": gone[1], "reason": "ACL"}])
    return {
        "profile": profile, "visa": visa, "paid": paid, "debit": debit, "raw": raw, "batch": batch,
        "returned": returned, "held": held, "month": month, "other": other[0],
        "pay": "<paymentProfile><payment>" + card("4007000000027") + "</payment></paymentProfile>",
        "sale": "<transactionType>authCaptureTransaction</transactionType><amount>7.00</amount>",
    }  # fmt: skip


PROFILE = "<customerProfileId>{profile}</customerProfileId>"
METHOD = PROFILE + "<customerPaymentProfileId>{visa}</customerPaymentProfileId>"
OTHER = "<customerProfileId>{other}</customerProfileId>"
STORED = (
    "<transactionRequest>{sale}<profile><customerProfileId>{profile}</customerProfileId><paymentProfile>"
    "<paymentProfileId>{visa}</paymentProfileId></paymentProfile></profile></transactionRequest>"
)
UPDATE = (
    "<paymentProfile><billTo><zip>1</zip></billTo><payment><creditCard><cardNumber>XXXX1111</cardNumber>"
    "<expirationDate>2031-05</expirationDate></creditCard></payment>"
    "<customerPaymentProfileId>{visa}</customerPaymentProfileId></paymentProfile>"
)
HELD = (
    "<heldTransactionRequest><action>approve</action><refTransId>{held}</refTransId></heldTransactionRequest>"
)
ASKED = [
    ("isAliveRequest", None),
    ("authenticateTestRequest", ""),
    ("getMerchantDetailsRequest", ""),
    ("createTransactionRequest", STORED),
    ("createTransactionRequest", STORED.replace("<amount>7.00", "<amount>0.00")),
    ("getTransactionDetailsRequest", "<transId>{paid}</transId>"),
    ("getTransactionDetailsRequest", "<transId>{debit}</transId>"),
    ("getTransactionDetailsRequest", "<transId>{returned}</transId>"),
    ("getTransactionDetailsRequest", "<transId>{held}</transId>"),
    ("getTransactionDetailsRequest", "<transId>1</transId>"),
    ("updateHeldTransactionRequest", HELD),
    ("getUnsettledTransactionListRequest", ""),
    ("getTransactionListRequest", "<batchId>{batch}</batchId>"),
    ("getTransactionListForCustomerRequest", PROFILE),
    ("getSettledBatchListRequest", "<includeStatistics>true</includeStatistics>"),
    ("getBatchStatisticsRequest", "<batchId>{batch}</batchId>"),
    ("getAUJobSummaryRequest", "<month>{month}</month>"),
    ("getAUJobDetailsRequest", "<month>{month}</month>"),
    ("getHostedProfilePageRequest", PROFILE),
    ("getHostedPaymentPageRequest", "<transactionRequest>{sale}</transactionRequest>"),
    ("createCustomerProfileRequest", "<profile><merchantCustomerId>C-9</merchantCustomerId></profile>"),
    ("createCustomerProfileRequest", "<profile><merchantCustomerId>C-9</merchantCustomerId></profile>"),
    ("getCustomerProfileRequest", PROFILE + "<unmaskExpirationDate>true</unmaskExpirationDate>"),
    ("getCustomerProfileIdsRequest", ""),
    ("getCustomerPaymentProfileRequest", METHOD),
    (
        "getCustomerPaymentProfileListRequest",
        "<searchType>cardsExpiringInMonth</searchType><month>2031-06</month>",
    ),
    ("createCustomerPaymentProfileRequest", PROFILE + "{pay}<validationMode>liveMode</validationMode>"),
    ("createCustomerPaymentProfileRequest", PROFILE + "{pay}"),
    ("updateCustomerPaymentProfileRequest", PROFILE + UPDATE),
    ("validateCustomerPaymentProfileRequest", METHOD + "<validationMode>testMode</validationMode>"),
    ("createCustomerProfileFromTransactionRequest", "<transId>{raw}</transId>" + OTHER),
    ("createCustomerProfileFromTransactionRequest", "<transId>{raw}</transId>" + OTHER),
    ("createCustomerProfileFromTransactionRequest", "<transId>1</transId>"),
    ("updateCustomerProfileRequest", "<profile><email>a@b.c</email>" + OTHER + "</profile>"),
    ("deleteCustomerPaymentProfileRequest", METHOD),
    ("deleteCustomerProfileRequest", PROFILE),
]


def test_every_answer_follows_the_schema(sandbox, year):
    for method, inner in ASKED:
        if inner is None:
            continue
        answer = sandbox.ask(method, inner.format(**year), ref_id="r-1")
        assert answer.name != "ErrorResponse", f"{method}: {answer.sentence}"
        assert answer.name == api.ANSWER_NAMES.get(method, method.removesuffix("Request") + "Response")
        wire.check(answer.root, getattr(contracts, answer.name).typeDefinition())


def test_no_call_is_forgotten():
    assert {method for method, _ in ASKED} == set(api.CALLS)


def test_the_check_would_see_a_wrong_order(sandbox, year):
    answer = sandbox.ask("getCustomerProfileIdsRequest")
    answer.root.insert(0, answer.root[1])

    with pytest.raises(wire.Refused):
        wire.check(answer.root, getattr(contracts, answer.name).typeDefinition())
