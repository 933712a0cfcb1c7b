"""The calls of the XML API: a checked request in, an answer out.

Each call is a function that takes the root element and the fault in force, and returns the nodes of its
answer. Deciding what a charge leads to belongs to ``processor``.
"""

import json
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Blueprint, Response, current_app, request
from lxml import etree
from werkzeug.local import LocalProxy

from billing.edges.sandbox import faults, wire
from billing.edges.sandbox.processor import DONE, HELD, Account, Answer, Card, Charge, Verdict
from billing.edges.sandbox.store import as_id, stamp
from billing.edges.sandbox.wire import Refused, child, dollars, instant, text

bp = Blueprint("api", __name__)
sandbox = LocalProxy(lambda: current_app.extensions["sandbox"])

LOCAL = timedelta(hours=-5)  # the merchant's zone
TRANSACTION_SETTINGS = {
    "emailCustomer", "merchantEmail", "allowPartialAuth", "headerEmailReceipt", "footerEmailReceipt",
    "recurringBilling", "duplicateWindow", "testRequest",
}  # fmt: skip
PAGE_SETTINGS = {  # name -> keys of its JSON value and their types
    "hostedPaymentReturnOptions": {
        "showReceipt": bool, "url": str, "urlText": str, "cancelUrl": str, "cancelUrlText": str,
    },
    "hostedPaymentButtonOptions": {"text": str},
    "hostedPaymentStyleOptions": {"bgColor": str},
    "hostedPaymentPaymentOptions": {
        "cardCodeRequired": bool, "showCreditCard": bool, "showBankAccount": bool, "customerProfileId": bool,
    },
    "hostedPaymentSecurityOptions": {"captcha": bool},
    "hostedPaymentShippingAddressOptions": {"show": bool, "required": bool},
    "hostedPaymentBillingAddressOptions": {"show": bool, "required": bool},
    "hostedPaymentCustomerOptions": {"showEmail": bool, "requiredEmail": bool, "addPaymentProfile": bool},
    "hostedPaymentOrderOptions": {"show": bool, "merchantName": str},
    "hostedPaymentIFrameCommunicatorUrl": {"url": str},
}  # fmt: skip
STATISTICS = """
SELECT account_type,
       coalesce(sum(CASE WHEN charged THEN amount_cents END), 0) AS charge_cents,
       sum(charged) AS charge_count,
       coalesce(sum(CASE WHEN refunded THEN amount_cents END), 0) AS refund_cents,
       sum(refunded) AS refund_count, sum(status = 'voided') AS voids,
       sum(status = 'declined') AS declines, sum(status = 'generalError') AS errors
  FROM (SELECT *,
               type <> 'refundTransaction'
               AND status IN ('settledSuccessfully', 'settlementError') AS charged,
               status = 'refundSettledSuccessfully' AS refunded
          FROM trans WHERE batch_id = ?)
 GROUP BY account_type ORDER BY account_type
"""
FOREIGN = {"firstName": "José", "lastName": "Grünwald 李"}


@dataclass(frozen=True)
class Reply:
    """The nodes of an answer and what its envelope says."""

    nodes: list
    result: str = "Ok"
    messages: tuple = (wire.OK,)


@bp.post("/xml/v1/request.api")
def request_api():
    """The one address of the XML API."""
    body = request.get_data()
    sandbox.processor.catch_up()
    method, ref_id = _peek(body)
    fault = sandbox.faults.take(method)
    if fault and not fault.processed and not faults.envelope(fault):
        return faults.spoil(fault, _response(b""))
    return faults.spoil(fault, _response(_answer(body, method, ref_id, fault)))


def _response(body):
    return Response(body, 200, content_type="application/xml; charset=utf-8")


def _peek(body):
    """The method and the refId of a request that may turn out to be wrong."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return "", None
    return etree.QName(root).localname, root.findtext("{*}refId")


def _answer(body, method, ref_id, fault):
    """The bytes of the answer to ``body``."""
    root_name = _root_name(method)
    try:
        reply = _reply(body, method, fault)
    except Refused as refused:
        root_name = refused.root
        nodes = [("transactionResponse", "")] if root_name == "createTransactionResponse" else []
        reply = Reply(nodes, "Error", ((refused.code, refused.text),))
    return wire.write(root_name, reply.nodes, ref_id=ref_id, result=reply.result, messages=reply.messages)


def _reply(body, method, fault):
    if request.query_string:
        return _transaction_reply(Answer(Verdict(3, 66)), fault)
    if request.mimetype not in ("text/xml", "application/xml"):
        raise Refused("E00002", "The content-type specified is not supported.")
    root = wire.read(body)
    if method not in CALLS:
        raise Refused("E00004", "The name of the requested API method is invalid.")
    if method != "isAliveRequest":
        _authenticate(root, method)
    if fault and not fault.processed:
        raise Refused(*faults.envelope(fault))
    reply = CALLS[method](root, fault)
    if spoiled := faults.envelope(fault):
        raise Refused(*spoiled)
    return reply


def _authenticate(root, method):
    login, key = (text(root, "merchantAuthentication/" + name) for name in ("name", "transactionKey"))
    if not sandbox.accepts(login, key):
        answer = "createTransactionResponse" if method == "createTransactionRequest" else "ErrorResponse"
        raise Refused("E00007", "User authentication failed due to invalid authentication values.", answer)


def _root_name(method):
    return method.removesuffix("Request") + "Response" if method in CALLS else "ErrorResponse"


# -- transactions


def create_transaction(root, fault):
    """createTransaction: charge, authorize, capture, refund, void."""
    node = child(root, "transactionRequest")
    _check_settings(child(node, "transactionSettings"))
    kind, original = text(node, "transactionType"), text(node, "refTransId")
    processor = sandbox.processor
    if kind == "voidTransaction":
        return _transaction_reply(_numbered(original) or processor.void(original), fault)
    if kind == "priorAuthCaptureTransaction":
        answer = _numbered(original) or processor.capture(original, _cents(text(node, "amount", "0")))
        return _transaction_reply(answer, fault)
    if kind not in ("authCaptureTransaction", "authOnlyTransaction", "refundTransaction"):
        raise Refused("E00060", "The transaction type is invalid.")
    charge = _charge(node, kind, text(root, "refId"))
    if kind == "refundTransaction":
        answer = _numbered(original) or processor.refund(
            charge, original, charge.source.number[-4:], reason=faults.reason(fault)
        )
        return _transaction_reply(answer, fault)
    return _transaction_reply(processor.charge(charge, reason=faults.reason(fault)), fault)


def _numbered(transaction_id):
    """An Answer with reason 15 for an id that is none, or None."""
    return None if re.fullmatch(r"\d+", transaction_id) else Answer(Verdict(3, 15))


def _charge(node, kind, ref_id):
    """What a transactionRequest asks for, the source of the money included."""
    sent = wire.settings(child(node, "transactionSettings"))
    window = sent.get("duplicateWindow")
    return Charge(
        amount_cents=_cents(text(node, "amount", "0")),
        source=_source(child(node, "payment")),
        type=kind,
        po_number=text(node, "poNumber"),
        ref_id=ref_id,
        duplicate_window=int(window) if window and re.fullmatch(r"-?\d{1,9}", window) else None,
        partial=sent.get("allowPartialAuth") == "true",
        **order(node),
    )


def order(node):
    """Invoice number, description, customer and address of a transactionRequest, as Charge names them."""
    address = child(node, "billTo")
    return {
        "invoice_number": text(node, "order/invoiceNumber"),
        "description": text(node, "order/description"),
        "customer_id": text(node, "customer/id"),
        "customer_email": text(node, "customer/email"),
        "bill_to": {} if address is None else {etree.QName(one).localname: one.text or "" for one in address},
    }


def _source(payment):
    card, bank = child(payment, "creditCard"), child(payment, "bankAccount")
    if card is not None:
        return Card(text(card, "cardNumber"), text(card, "expirationDate"), text(card, "cardCode"))
    if bank is None:
        raise Refused("E00029", "Payment information is required.")
    return Account(
        text(bank, "routingNumber"),
        text(bank, "accountNumber"),
        text(bank, "nameOnAccount"),
        text(bank, "accountType", "checking"),
        text(bank, "echeckType", "WEB"),
    )


def _cents(amount):
    """Cents of an amount on the wire; an amount that is not whole cents counts as none (reason 5)."""
    cents = Decimal(amount).scaleb(2)
    return int(cents) if cents == cents.to_integral_value() and abs(cents) < 10**12 else 0


def _check_settings(node):
    for name in wire.settings(node):
        if name not in TRANSACTION_SETTINGS:
            raise Refused("E00013", f"Setting Name '{name}' is invalid for this method.")


def _transaction_reply(answer, fault):
    """The transactionResponse of an Answer, in its envelope."""
    verdict = answer.verdict
    failed = verdict.response_code in (2, 3)
    said = [("code", verdict.reason_code), ("description", verdict.text)]
    blamed = [("errorCode", verdict.reason_code), ("errorText", verdict.text)]
    auth_code = "1E5678" if verdict.auth_code and faults.mode(fault) == "odd_auth_code" else verdict.auth_code
    prepaid = [
        ("requestedAmount", dollars(answer.requested_cents)),
        ("approvedAmount", dollars(verdict.approved_cents or answer.requested_cents)),
        ("balanceOnCard", verdict.balance),
    ]
    nodes = [
        ("responseCode", verdict.response_code),
        ("authCode", auth_code),
        ("avsResultCode", verdict.avs),
        ("cvvResultCode", verdict.cvv),
        ("cavvResultCode", ""),
        ("transId", answer.transaction_id),
        ("refTransID", answer.original_id or ""),
        ("transHash", ""),
        ("testRequest", 0),
        ("accountNumber", answer.account_number),
        ("accountType", answer.account_type),
        ("prePaidCard", prepaid if verdict.balance else None),
        ("errors", [("error", blamed)]) if failed else ("messages", [("message", said)]),
        ("transHashSha2", ""),
        ("networkTransId", answer.network_trans_id or None),
    ]
    bad = ("E00027", "The transaction was unsuccessful.")
    return Reply([("transactionResponse", nodes)], "Error" if failed else "Ok", (bad if failed else wire.OK,))


def update_held(root, fault):
    """updateHeldTransaction: approve or decline what a filter held."""
    node = child(root, "heldTransactionRequest")
    return _transaction_reply(sandbox.processor.review(text(node, "refTransId"), text(node, "action")), fault)


# -- the hosted page


def hosted_payment_page(root, _fault):
    """getHostedPaymentPage: keep what is asked for and hand out a token for it."""
    node = child(root, "transactionRequest")
    if child(node, "payment") is not None:
        raise Refused("E00119", "Payment information should not be sent to Hosted Payment Page request.")
    if child(node, "profile/paymentProfile") is not None or text(node, "profile/shippingProfileId"):
        raise Refused(
            "E00138",
            "Payment and Shipping Profile IDs cannot be specified when requesting a hosted payment page.",
        )
    if child(node, "profile") is not None:
        raise Refused("E00040", "The record cannot be found.")  # no customer has a profile here
    if text(node, "transactionType") not in ("authCaptureTransaction", "authOnlyTransaction"):
        raise Refused("E00060", "The transaction type is invalid.")
    amount_cents = _cents(text(node, "amount", "0"))
    if amount_cents <= 0:
        raise Refused("E00014", "A required field is not present: amount.")
    _check_settings(child(node, "transactionSettings"))
    page = _page(wire.settings(child(root, "hostedPaymentSettings")))
    sent = wire.settings(child(node, "transactionSettings"))
    wanted = {
        "amount_cents": amount_cents,
        "type": text(node, "transactionType"),
        "duplicate_window": int(sent["duplicateWindow"])
        if sent.get("duplicateWindow", "").isdigit()
        else None,
        "po_number": text(node, "poNumber"),
        **order(node),
    }
    return Reply([("token", _issue(wanted, page, text(root, "refId")))])


def _issue(wanted, page, ref_id):
    token = (
        b64encode(secrets.token_bytes(300)).decode()
        + "."
        + b64encode(b"+/" + secrets.token_bytes(68)).decode()
    )
    sandbox.store.insert(
        "token",
        token=token,
        request=json.dumps(wanted),
        page=json.dumps(page),
        ref_id=ref_id,
        created_at=stamp(sandbox.store.now()),
    )
    return token


def _page(settings):
    """The settings of a page with their JSON values read; strict about names, keys and real booleans."""
    page = {}
    for name, value in settings.items():
        keys = PAGE_SETTINGS.get(name)
        if keys is None:
            raise Refused("E00013", f"Setting Name '{name}' is invalid for this method.")
        page[name] = _setting_value(name, value, keys)
    urls = page.get("hostedPaymentReturnOptions", {})
    for key in ("url", "cancelUrl"):
        _check_url(urls.get(key, "http://"))
    return page


def _setting_value(name, value, keys):
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    good = isinstance(found, dict) and all(isinstance(found[key], keys.get(key, ())) for key in found)
    if not good:
        raise Refused("E00013", f"Setting Value of '{name}' is invalid for this method.")
    return found


def _check_url(url):
    odd = sandbox.processor.options["path_only_urls"] and re.search(r"[?#]", url)
    if odd or not url.startswith(("http://", "https://")):
        raise Refused("E00013", "The url must begin with http:// or https://.")


# -- questions


def authenticate_test(_root, _fault):
    """authenticateTest: the credentials were right, or we would not be here."""
    return Reply([])


def is_alive(_root, _fault):
    """isAlive."""
    return Reply([])


def merchant_details(_root, _fault):
    """getMerchantDetails."""
    return Reply(
        [
            ("isTestMode", "false"),
            ("processors", [("processor", [("name", "Sandbox"), ("id", 0)])]),
            ("merchantName", "Sandbox merchant"),
            ("gatewayId", 500000),
            ("marketTypes", [("marketType", 0)]),
            ("productCodes", [("productCode", "CNP")]),
            ("paymentMethods", [("paymentMethod", name) for name in ("Visa", "MasterCard", "eCheck")]),
            ("currencies", [("currency", "USD")]),
        ]
    )


def transaction_details(root, fault):
    """getTransactionDetails."""
    row = sandbox.processor.get(text(root, "transId"))
    if row is None:
        raise Refused("E00040", "The record cannot be found.", "getTransactionDetailsResponse")
    batch = (
        sandbox.store.row("SELECT * FROM batch WHERE id = ?", row["batch_id"]) if row["batch_id"] else None
    )
    nodes = [*_facts(row, fault), ("batch", _batch_head(batch) if batch else None), *_contents(row, fault)]
    reference = [("clientId", "sandbox"), ("transrefId", row["ref_id"])] if row["ref_id"] else []
    return Reply([("transaction", nodes), *reference])


def _facts(row, fault):
    held = row["filter"] and row["status"] in HELD
    return [
        ("transId", row["id"]),
        ("refTransId", row["ref_trans_id"]),
        ("submitTimeUTC", instant(row["submitted_at"])),
        ("submitTimeLocal", _local(row["submitted_at"])),
        ("transactionType", row["type"]),
        ("transactionStatus", _status(row, fault)),
        ("responseCode", row["response_code"]),
        ("responseReasonCode", row["reason_code"]),
        ("responseReasonDescription", row["reason_text"]),
        ("authCode", "1E5678" if faults.mode(fault) == "odd_auth_code" else row["auth_code"] or None),
        ("AVSResponse", row["avs"]),
        ("cardCodeResponse", row["cvv"] or None),
        ("FDSFilterAction", "review" if held else None),
        ("FDSFilters", [("FDSFilter", [("name", row["filter"]), ("action", "review")])] if held else None),
    ]


def _contents(row, fault):
    cents = dollars(row["amount_cents"])
    order_nodes = [("invoiceNumber", row["invoice_number"]), ("description", row["description"])]
    customer = [("id", row["customer_id"] or None), ("email", row["customer_email"] or None)]
    address = [(name, value) for name, value in _bill_to(row, fault).items() if value]
    return [
        ("order", [node for node in order_nodes if node[1]] or None),
        ("requestedAmount", cents),
        ("authAmount", cents),
        ("settleAmount", cents if row["status"] not in DONE else "0.00"),
        ("payment", [_payment(row)]),
        ("customer", customer if row["customer_id"] or row["customer_email"] else None),
        ("billTo", address or None),
        ("recurringBilling", "false"),
        ("product", "Card Not Present"),
        ("marketType", "eCommerce"),
        ("networkTransId", row["network_trans_id"] or None),
    ]


def _payment(row):
    if row["kind"] == "card":
        number = [("cardNumber", row["account_number"]), ("expirationDate", "XXXX")]
        return ("creditCard", [*number, ("cardType", row["account_type"])])
    return (
        "bankAccount",
        [
            ("accountType", row["bank_account_type"] or None),
            ("routingNumber", row["routing_number"]),
            ("accountNumber", row["account_number"]),
            ("nameOnAccount", row["bank_account_name"]),
            ("echeckType", row["echeck_type"] or None),
        ],
    )


def unsettled_list(root, fault):
    """getUnsettledTransactionList."""
    where = "batch_id IS NULL"
    if text(root, "status") == "pendingApproval":
        where += f" AND status IN {HELD!r}"
    elif not sandbox.processor.options["list_held"]:
        where += f" AND status NOT IN {HELD!r}"
    return _list(root, where, (), fault)


def transaction_list(root, fault):
    """getTransactionList: of one batch."""
    return _list(root, "batch_id = ?", (as_id(text(root, "batchId")),), fault)


def _list(root, where, values, fault):
    if not sandbox.processor.options["list_declined"]:
        where += f" AND status NOT IN {DONE!r}"
    column = "submitted_at" if text(root, "sorting/orderBy") == "submitTimeUTC" else "id"
    way = "DESC" if text(root, "sorting/orderDescending") in ("true", "1") else "ASC"
    limit, page = int(text(root, "paging/limit", "1000")), int(text(root, "paging/offset", "1"))
    rows = sandbox.store.rows(
        f"SELECT * FROM trans WHERE {where} ORDER BY {column} {way}, id {way} LIMIT ? OFFSET ?",
        *values,
        limit,
        (page - 1) * limit,
    )
    if not rows:
        return Reply([], messages=(wire.NO_RECORDS,))
    total = sandbox.store.value(f"SELECT count(*) FROM trans WHERE {where}", *values)
    listed = [("transaction", _entry(row, fault)) for row in rows]
    return Reply([("transactions", listed), ("totalNumInResultSet", total)])


def _entry(row, fault):
    address = _bill_to(row, fault)
    held = row["filter"] and row["status"] in HELD
    found = [("fraudFilterList", [("fraudFilter", row["filter"])]), ("fraudAction", "Review")]
    return [
        ("transId", row["id"]),
        ("submitTimeUTC", instant(row["submitted_at"])),
        ("submitTimeLocal", _local(row["submitted_at"])),
        ("transactionStatus", _status(row, fault)),
        ("invoiceNumber", row["invoice_number"] or None),
        ("firstName", address.get("firstName") or None),
        ("lastName", address.get("lastName") or None),
        ("accountType", row["account_type"]),
        ("accountNumber", row["account_number"]),
        ("settleAmount", dollars(row["amount_cents"])),
        ("marketType", "eCommerce"),
        ("product", "Card Not Present"),
        ("fraudInformation", found if held else None),
    ]


def settled_batches(root, _fault):
    """getSettledBatchList: 31 days at most, the last day without dates."""
    first, last = (text(root, name + "SettlementDate") for name in ("first", "last"))
    if bool(first) != bool(last):
        raise Refused("E00013", "The field is invalid: give both settlement dates or neither.")
    now = sandbox.store.now()
    first = _utc(first) if first else now - timedelta(hours=24)
    last = _utc(last) if last else now
    if not timedelta(0) <= last - first <= timedelta(days=31):
        raise Refused("E00013", "The field is invalid: settlement dates may span at most 31 days.")
    rows = sandbox.store.rows(
        "SELECT * FROM batch WHERE settled_at >= ? AND settled_at <= ? ORDER BY settled_at, id",
        stamp(first),
        stamp(last),
    )
    if not rows:
        return Reply([], messages=(wire.NO_RECORDS,))
    detailed = text(root, "includeStatistics") in ("true", "1")
    return Reply([("batchList", [("batch", _batch(row, detailed)) for row in rows])])


def batch_statistics(root, _fault):
    """getBatchStatistics."""
    row = sandbox.store.row("SELECT * FROM batch WHERE id = ?", as_id(text(root, "batchId")))
    if row is None:
        raise Refused("E00040", "The record cannot be found.", "getBatchStatisticsResponse")
    return Reply([("batch", _batch(row, True))])


def _batch(row, detailed):
    return [*_batch_head(row), ("statistics", _statistics(row["id"]) if detailed else None)]


def _batch_head(row):
    return [
        ("batchId", row["id"]),
        ("settlementTimeUTC", instant(row["settled_at"])),
        ("settlementTimeLocal", _local(row["settled_at"])),
        ("settlementState", row["state"]),
        ("paymentMethod", "creditCard" if row["kind"] == "card" else "eCheck"),
        ("marketType", "eCommerce"),
        ("product", "Card Not Present"),
    ]


def _statistics(batch_id):
    rows = sandbox.store.rows(STATISTICS, batch_id)
    return [("statistic", _statistic(row)) for row in rows]


def _statistic(row):
    return [
        ("accountType", row["account_type"]),
        ("chargeAmount", dollars(row["charge_cents"])),
        ("chargeCount", row["charge_count"]),
        ("refundAmount", dollars(row["refund_cents"])),
        ("refundCount", row["refund_count"]),
        ("voidCount", row["voids"]),
        ("declineCount", row["declines"]),
        ("errorCount", row["errors"]),
    ]


def _status(row, fault):
    return "quantumSuperposition" if faults.mode(fault) == "unknown_status" else row["status"]


def _bill_to(row, fault):
    address = json.loads(row["bill_to"])
    return {**address, **FOREIGN} if faults.mode(fault) == "utf8_names" else address


def _local(at):
    return stamp(datetime.fromisoformat(at) + LOCAL)[:19]


def _utc(value):
    at = datetime.fromisoformat(value)
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


CALLS = {
    "isAliveRequest": is_alive,
    "authenticateTestRequest": authenticate_test,
    "getMerchantDetailsRequest": merchant_details,
    "createTransactionRequest": create_transaction,
    "updateHeldTransactionRequest": update_held,
    "getHostedPaymentPageRequest": hosted_payment_page,
    "getTransactionDetailsRequest": transaction_details,
    "getUnsettledTransactionListRequest": unsettled_list,
    "getTransactionListRequest": transaction_list,
    "getSettledBatchListRequest": settled_batches,
    "getBatchStatisticsRequest": batch_statistics,
}
