"""Answers of the gateway: from bytes to the values of ``billing.outcomes``.

Everything stays text until it is named, what is missing is missing and never an error, unknown elements are
passed over, and what is not a clear word about money is ``InDoubt``. Not here: sending, and what follows.
"""

import calendar
import functools
import logging
import re
from datetime import UTC, date, datetime

from lxml import etree

from billing import money
from billing.edges.gateway.connections import NoAnswer
from billing.errors import GatewayUnavailable
from billing.outcomes import (
    BANK,
    CARD,
    CAUSES,
    DOUBTFUL_REASONS,
    AccountUpdate,
    Approved,
    Batch,
    Declined,
    Held,
    InDoubt,
    NothingChanged,
    ReturnedItem,
    StoredMethod,
    Transaction,
    Webhook,
    plain_words,
)

log = logging.getLogger(__name__)
NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
UNSURE_CODES = {"E00001", "E00049", "E00053", "E00104"}  # answered, but perhaps after the charge
# Message codes that say: refused before anything was processed. One that is on neither list is in doubt.
REFUSED_CODES = {
    f"E{number:05}"
    for number in (
        *range(2, 16), *range(39, 49), *range(88, 94), *range(119, 123),
        29, 51, 52, 54, 59, 60, 95, 98, 108, 110, 118, 137, 138, 142,
    )
}  # fmt: skip
UNKNOWN_RECORD = "E00040"
UNAVAILABLE = (
    "The payment service does not answer at the moment. Nothing was charged; please try again shortly."
)
MISCONFIGURED = (
    "The payment service refused our request ({code}). Nothing was charged; please tell the office."
)
# The same for who runs the machine.
UNREACHED_TOLD = (
    "The payment processor at {address} gave no usable answer: {why}. Nothing was charged. See that this "
    "machine reaches that address (network, firewall, certificates), and that PORCHLIGHT_GATEWAY names the "
    "right one. To ask again: flask --app app check-gateway"
)
REFUSED_TOLD = (
    "The payment processor refused our request ({code}). Nothing was charged. {hint} To ask again: "
    "flask --app app check-gateway"
)
LOOK_AT_KEYS = (
    "Check PORCHLIGHT_GATEWAY_LOGIN and PORCHLIGHT_GATEWAY_KEY, and that PORCHLIGHT_GATEWAY names the "
    "processor to which this account belongs."
)
LOOK_IT_UP = "Their support can say what this code means for the account."
OF_KEYS = {f"E{number:05}" for number in range(5, 12)} | {"HTTP 401", "HTTP 403"}
UNREADABLE_TOLD = "The payment processor answered what cannot be read: {what}. Nothing was charged."
TAKEN_BACK = ("returnedItem", "chargeback")  # what banks and card holders took back, in a batch's statistics
# Requests whose answer is not called after them.
ANSWERS = {
    "createCustomerProfileFromTransactionRequest": "createCustomerProfileResponse",
    "getTransactionListForCustomerRequest": "getTransactionListResponse",
}


# -- the envelope


def parse(body, request, ref_id):
    """The root of the answer to ``request``. Raises NoAnswer for what is not XML or not this answer.

    An answer that was meant for somebody else (delivered late, or twice) gives itself away by its refId.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True)  # one per call: it is not thread-safe
    try:
        root = etree.fromstring(body.removeprefix(b"\xef\xbb\xbf"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NoAnswer("not XML") from error
    name = etree.QName(root)
    expected = ANSWERS.get(request) or request.removesuffix("Request") + "Response"
    if name.namespace != NAMESPACE or name.localname not in (expected, "ErrorResponse"):
        raise NoAnswer(f"<{name.localname}> is not an answer")
    if text(root, "refId") not in ("", ref_id):
        raise NoAnswer("the answer to another request")
    return root


def refuse_errors(root):
    """Raise GatewayUnavailable for an Error envelope of a call that moves no money."""
    if text(root, "messages/resultCode") == "Ok":
        return
    code = envelope_code(root)
    said = text(root, "messages/message/text")
    log.error("The gateway refused a request: %s %s", code, said)
    raise refusal(code or "unreadable", said)


def refusal(code, said=""):
    """The GatewayUnavailable for a request that was refused with a code, and perhaps with words of theirs."""
    hint = LOOK_AT_KEYS if code in OF_KEYS else LOOK_IT_UP
    operator = REFUSED_TOLD.format(code=f"{code}: {said.rstrip('.')}" if said else code, hint=hint)
    sentence = UNAVAILABLE if code in UNSURE_CODES else MISCONFIGURED.format(code=code)
    return GatewayUnavailable(sentence, operator=operator)


def unreached(address, why):
    """The GatewayUnavailable for a request to which no answer came that can be read."""
    return GatewayUnavailable(UNAVAILABLE, operator=UNREACHED_TOLD.format(address=address, why=why))


def unreadable(what):
    """The GatewayUnavailable for an answer that is well-formed and still none."""
    return GatewayUnavailable(UNAVAILABLE, operator=UNREADABLE_TOLD.format(what=what))


def envelope_code(root):
    """The first code of the envelope: I00001, E00027."""
    return text(root, "messages/message/code")


# -- money


def money_outcome(root):
    """What a createTransaction answer says. The response code decides, never the envelope alone."""
    answer = root.find("{*}transactionResponse")
    reason = text(answer, "errors/error/errorCode") or text(answer, "messages/message/code")
    transaction_id = _transaction_id(answer)
    match text(answer, "responseCode"):
        case "1" if reason in ("310", "311"):
            return NothingChanged(transaction_id, text(answer, "messages/message/description"))
        case "1" if reason == "1" and transaction_id and _is_real(root, answer):
            return _approved(answer, transaction_id)
        case "4" if reason in ("193", "252", "253") and transaction_id:
            return Held(transaction_id)
        case "2" | "3" as response if _is_clear(response, reason):
            return Declined(reason, plain_words(reason, kind_of(text(answer, "accountType"))), transaction_id)
        case "" if envelope_code(root) in REFUSED_CODES and text(root, "messages/resultCode") == "Error":
            return _refused(envelope_code(root))
    return InDoubt(f"reason {reason or envelope_code(root) or 'unknown'}", transaction_id)


def _transaction_id(answer):
    """The id as digits; empty for 0, which says that the gateway made no transaction."""
    given = text(answer, "transId")
    return given if re.fullmatch(r"[1-9][0-9]{0,19}", given) else ""


def _is_real(root, answer):
    """False for an account in Test Mode, and for an envelope that contradicts the approval inside."""
    return text(answer, "testRequest") in ("", "0") and text(root, "messages/resultCode") == "Ok"


def _approved(answer, transaction_id):
    label = label_of(text(answer, "accountType"), text(answer, "accountNumber"))
    return Approved(transaction_id, text(answer, "authCode"), label, text(answer, "networkTransId"))


def _is_clear(response, reason):
    """A decline (2) is final but for a duplicate's; an error (3) only with a reason that we understand."""
    return reason in CAUSES or (response == "2" and reason.isdigit() and reason not in DOUBTFUL_REASONS)


def _refused(code):
    words = plain_words(code) if code in CAUSES else MISCONFIGURED.format(code=code)
    return Declined(code, words)


# -- transactions and batches


def transaction(node, batch_id=""):
    """A Transaction from an entry of a list or from the details; where they overlap the names agree."""
    bank = node.find("{*}payment/{*}bankAccount")
    account_type = text(node, "accountType") or text(node, "payment/creditCard/cardType")
    number = text(node, "accountNumber") or text(node, "payment/creditCard/cardNumber")
    if bank is not None:
        account_type, number = "eCheck", text(bank, "accountNumber")
    items = tuple(map(_returned_item, every(node, "returnedItems/returnedItem")))
    return Transaction(
        transaction_id=text(node, "transId"),
        status=text(node, "transactionStatus"),
        amount_cents=cents_of(text(node, "authAmount") or text(node, "settleAmount")),
        reference=text(node, "invoiceNumber") or text(node, "order/invoiceNumber"),
        kind=kind_of(account_type),
        method_label=label_of(account_type, number),
        type=text(node, "transactionType"),
        response_code=text(node, "responseCode"),
        reason_code=text(node, "responseReasonCode"),
        auth_code=text(node, "authCode"),
        ref_transaction_id=text(node, "refTransId"),
        batch_id=text(node, "batch/batchId") or batch_id,
        submitted_at=instant_of(text(node, "submitTimeUTC")),
        settled_at=instant_of(text(node, "batch/settlementTimeUTC")),
        has_returned_items=bool(items) or text(node, "hasReturnedItems").lower() in ("true", "1"),
        returned_items=items,
        profile_id=text(node, "profile/customerProfileId"),
        method_id=text(node, "profile/customerPaymentProfileId"),
        network_transaction_id=text(node, "networkTransId"),
    )


def _returned_item(node):
    told = instant_of(text(node, "dateLocal")) or instant_of(text(node, "dateUTC"))
    return ReturnedItem(
        return_id=text(node, "id"),
        code=text(node, "code").upper(),
        description=text(node, "description"),
        returned_on=told.date() if told else None,
    )


def batch(node):
    """A Batch from an entry of the batch list, with its statistics added up."""
    rows = every(node, "statistics/statistic")
    return Batch(
        batch_id=text(node, "batchId"),
        state=text(node, "settlementState"),
        kind=kind_of(text(node, "paymentMethod")),
        settled_at=instant_of(text(node, "settlementTimeUTC")),
        charge_count=sum(int(text(row, "chargeCount") or 0) for row in rows),
        charge_cents=sum(cents_of(text(row, "chargeAmount")) for row in rows),
        refund_count=sum(int(text(row, "refundCount") or 0) for row in rows),
        refund_cents=sum(cents_of(text(row, "refundAmount")) for row in rows),
        return_count=sum(int(text(row, f"{back}Count") or 0) for row in rows for back in TAKEN_BACK),
        return_cents=sum(cents_of(text(row, f"{back}Amount")) for row in rows for back in TAKEN_BACK),
    )


# -- stored methods


def stored_method(node):
    """A StoredMethod from a payment profile, whose numbers are masked and whose expiration date is not."""
    payment = node.find("{*}payment")
    bank = None if payment is None else payment.find("{*}bankAccount")
    account_type = text(payment, "creditCard/cardType")
    number = text(payment, "creditCard/cardNumber") or text(payment, "tokenInformation/tokenNumber")
    if bank is not None:
        account_type, number = "eCheck", text(bank, "accountNumber")
    return StoredMethod(
        method_id=text(node, "customerPaymentProfileId"),
        kind=kind_of(account_type),
        label=label_of(account_type, number),
        last_four=number[-4:],
        expires_on=_last_day(
            text(payment, "creditCard/expirationDate") or text(payment, "tokenInformation/expirationDate")
        ),
        account_type=text(bank, "accountType"),
        holder=text(bank, "nameOnAccount") or _holder(node.find("{*}billTo")),
        network_transaction_id=text(node, "originalNetworkTransId"),
    )


def _holder(bill_to):
    return f"{text(bill_to, 'firstName')} {text(bill_to, 'lastName')}".strip() or text(bill_to, "company")


def _last_day(expiration):
    """The last day of a month that may be written 2027-05, 05/27, 05-2027 or 0527; None for a mask."""
    if found := re.fullmatch(r"(\d{4})-(\d{2})", expiration):
        year, month = int(found[1]), int(found[2])
    elif found := re.fullmatch(r"(\d{2})[/-]?((?:\d{2})?\d{2})", expiration):
        year, month = int(found[2]) % 100 + 2000, int(found[1])
    else:
        return None
    return date(year, month, calendar.monthrange(year, month)[1]) if 1 <= month <= 12 else None


def profile_ids(root):
    """The ids of stored methods that an answer names, whichever of the two ways it chose."""
    several = every(root, "customerPaymentProfileIdList/numericString")
    found = [text(root, "customerPaymentProfileId"), *((node.text or "").strip() for node in several)]
    return [id for id in found if id and id != "0"]


def account_update(node):
    """An AccountUpdate from an entry of the updater's job; how the element is called says what it did."""
    return AccountUpdate(
        profile_id=text(node, "customerProfileID"),
        method_id=text(node, "customerPaymentProfileID"),
        reason=text(node, "auReasonCode").upper(),
        deleted=etree.QName(node).localname == "auDelete",
        updated_at=instant_of(text(node, "updateTimeUTC")),
    )


def webhook(told):
    """A Webhook from the JSON object of one. Raises GatewayUnavailable for what is none."""
    try:
        return Webhook(
            webhook_id=str(told["webhookId"]),
            url=str(told["url"]),
            is_active=str(told["status"]).lower() == "active",
            event_types=tuple(map(str, told.get("eventTypes") or ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise unreadable("a webhook") from error


# -- words and values

BRANDS = {"mastercard": "Mastercard", "americanexpress": "American Express", "dinersclub": "Diners Club"}


def label_of(account_type, number):
    """Words for a payment method: ``Visa ending 4242``. The gateway's spelling of brands varies."""
    if not number:
        return ""
    brand = BRANDS.get(account_type.lower(), account_type or "Card")
    return f"{'Bank account' if kind_of(account_type) == BANK else brand} ending {number[-4:]}"


def kind_of(account_type):
    """CARD or BANK, from the word of the wire."""
    return BANK if account_type.lower() == "echeck" else CARD


def cents_of(amount):
    """Exact cents of an amount on the wire; an empty one is zero. What is not cents is no answer to us."""
    try:
        return money.from_decimal(amount or "0")
    except (ValueError, ArithmeticError) as error:
        raise unreadable("an amount") from error


AMERICAN = "%m/%d/%Y %I:%M:%S %p"  # how the Account Updater alone writes its times


def instant_of(written):
    """An instant of the wire as naive UTC, or None. Seven digits of a second are normal there."""
    try:
        at = datetime.strptime(written, AMERICAN) if "/" in written else datetime.fromisoformat(written)
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def every(node, path):
    """All elements at ``path`` below ``node``."""
    return node.findall(_in_any_namespace(path))


def text(node, path):
    """The text at ``path`` below ``node``, or an empty string: what is missing is missing, never an error."""
    if node is None:
        return ""
    return (node.findtext(_in_any_namespace(path)) or "").strip()


@functools.cache
def _in_any_namespace(path):
    """A path of ours as lxml wants it; kept, because a long list asks for a few of them very often."""
    return "/".join("{*}" + name for name in path.split("/"))
