"""The calls that only ask: details, lists, batches and their statistics."""

import json
from datetime import UTC, datetime, timedelta

from billing.edges.sandbox import disputes, faults, wire
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.processor import DONE, HELD
from billing.edges.sandbox.store import as_id, stamp
from billing.edges.sandbox.wire import Refused, Reply, dollars, instant, payment_node, text

LOCAL = timedelta(hours=-5)  # the merchant's zone
# A chargeback that was won counts as the chargeback of a refund: no other field is for money coming back.
STATISTICS = """
SELECT account_type,
       coalesce(sum(CASE WHEN charged THEN amount_cents END), 0) AS charge_cents,
       sum(charged) AS charge_count,
       coalesce(sum(CASE WHEN refunded THEN amount_cents END), 0) AS refund_cents,
       sum(refunded) AS refund_count, sum(status = 'voided') AS voids,
       sum(status = 'declined') AS declines, sum(status = 'generalError') AS errors,
       coalesce(sum(CASE WHEN type = 'return' AND NOT of_refund THEN amount_cents END), 0) AS returned_cents,
       sum(type = 'return' AND NOT of_refund) AS returned_count,
       coalesce(sum(CASE WHEN type = 'return' AND of_refund THEN amount_cents END), 0) AS bounced_cents,
       sum(type = 'return' AND of_refund) AS bounced_count,
       coalesce(sum(CASE WHEN type = 'chargeback' THEN amount_cents END), 0) AS chargeback_cents,
       sum(type = 'chargeback') AS chargeback_count,
       coalesce(sum(CASE WHEN type = 'chargebackReversal' THEN amount_cents END), 0) AS reversed_cents,
       sum(type = 'chargebackReversal') AS reversed_count
  FROM (SELECT *,
               type IN ('authCaptureTransaction', 'authOnlyTransaction')
               AND status IN ('settledSuccessfully', 'settlementError') AS charged,
               status = 'refundSettledSuccessfully' AS refunded,
               EXISTS (SELECT 1 FROM trans AS original WHERE original.id = trans.ref_trans_id
                        AND original.type = 'refundTransaction') AS of_refund
          FROM trans WHERE batch_id = ?)
 GROUP BY account_type ORDER BY account_type
"""
NOTHING = dict.fromkeys(
    (
        "charge_cents", "charge_count", "refund_cents", "refund_count", "voids", "declines", "errors",
        "returned_cents", "returned_count", "bounced_cents", "bounced_count", "chargeback_cents",
        "chargeback_count", "reversed_cents", "reversed_count",
    ),
    0,
)  # fmt: skip
FOREIGN = {"firstName": "José", "lastName": "Grünwald 李"}


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
            ("paymentMethods", [("paymentMethod", name) for name in ("Visa", "MasterCard", "Echeck")]),
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
        ("refTransId", None if row["linkage"] == "has" else row["ref_trans_id"]),
        ("submitTimeUTC", instant(row["submitted_at"])),
        ("submitTimeLocal", _local(row["submitted_at"])),
        ("transactionType", _type(row)),
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


def _type(row):
    """What came back has its own status and the type of what it undoes: there is no type of its own."""
    if row["type"] not in disputes.TYPES:
        return row["type"]
    return sandbox.processor.get(row["ref_trans_id"])["type"]


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
        ("payment", [payment_node(row)]),
        ("customer", customer if row["customer_id"] or row["customer_email"] else None),
        ("billTo", address or None),
        ("recurringBilling", "true" if row["recurring"] else "false"),
        ("product", "Card Not Present"),
        ("marketType", "eCommerce"),
        ("returnedItems", _returned_items(row)),
        ("profile", _profile(row)),
        ("networkTransId", row["network_trans_id"] or None),
        ("originalNetworkTransId", row["original_network_trans_id"] or None),
    ]


def _returned_items(row):
    """The return that this is, or those that point to it."""
    found = [row] if row["type"] == "return" else sandbox.disputes.returns_of(row["id"])
    return [("returnedItem", _returned_item(one)) for one in found] or None


def _returned_item(row):
    return [
        ("id", row["id"]),
        ("dateUTC", instant(row["submitted_at"])),
        ("dateLocal", _local(row["submitted_at"])),
        ("code", row["return_code"]),
        ("description", row["reason_text"]),
    ]


def _profile(row):
    if not row["profile_id"]:
        return None
    return [("customerProfileId", row["profile_id"]), ("customerPaymentProfileId", row["method_id"])]


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


def customer_list(root, fault):
    """getTransactionListForCustomer: of one profile, or of one of its methods."""
    where, values = "profile_id = ?", [as_id(text(root, "customerProfileId"))]
    if text(root, "customerPaymentProfileId"):
        where += " AND method_id = ?"
        values.append(as_id(text(root, "customerPaymentProfileId")))
    if not sandbox.processor.options["customer_list_unsettled"]:
        where += " AND batch_id IS NOT NULL"
    return _list(root, where, tuple(values), fault)


def _list(root, where, values, fault):
    options = sandbox.processor.options
    if not options["list_declined"]:
        where += f" AND status NOT IN {DONE!r}"
    if options["search_lag_seconds"]:
        where += " AND submitted_at <= ?"
        values += (stamp(sandbox.store.now() - timedelta(seconds=options["search_lag_seconds"])),)
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
    returned = sandbox.disputes.returned_ids()
    listed = [("transaction", _entry(row, fault, row["id"] in returned)) for row in rows]
    return Reply([("transactions", listed), ("totalNumInResultSet", total)])


def _entry(row, fault, returned):
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
        ("hasReturnedItems", "true" if returned else None),
        ("fraudInformation", found if held else None),
        ("profile", _profile(row)),
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
    notices = sandbox.store.value("SELECT count(*) FROM correction WHERE batch_id = ?", batch_id)
    if notices and not rows:
        rows = [{"account_type": "eCheck", **NOTHING}]
    return [("statistic", _statistic(row, notices)) for row in rows]


def _statistic(row, notices):
    """The totals of one account type: returns and chargebacks in general, and by what they undo."""
    returned = [row["returned_cents"] + row["bounced_cents"], row["returned_count"] + row["bounced_count"]]
    chargebacks = [row["chargeback_cents"], row["chargeback_count"]]
    pairs = {
        "returnedItem": returned,
        "chargeback": chargebacks,
        "correctionNotice": [None, notices if row["account_type"] == "eCheck" else 0],
        "chargeChargeBack": chargebacks,
        "refundChargeBack": [row["reversed_cents"], row["reversed_count"]],
        "chargeReturnedItems": [row["returned_cents"], row["returned_count"]],
        "refundReturnedItems": [row["bounced_cents"], row["bounced_count"]],
    }
    more = [node for name, pair in pairs.items() for node in _pair(name, *pair)]
    return [
        ("accountType", row["account_type"]),
        *_pair("charge", row["charge_cents"], row["charge_count"]),
        *_pair("refund", row["refund_cents"], row["refund_count"]),
        ("voidCount", row["voids"]),
        ("declineCount", row["declines"]),
        ("errorCount", row["errors"]),
        *(more if row["account_type"] == "eCheck" or any(chargebacks) or row["reversed_count"] else ()),
    ]


def _pair(name, cents, count):
    amount = [] if cents is None else [(f"{name}Amount", dollars(cents))]
    return [*amount, (f"{name}Count", count)]


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
