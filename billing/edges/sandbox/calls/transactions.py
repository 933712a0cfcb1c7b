"""createTransaction and updateHeldTransaction: a checked request in, the processor's answer out.

Each call is a function that takes the root element and the fault in force, and returns a Reply. Deciding
what a charge leads to belongs to ``processor`` and ``verdicts``.
"""

import json
import re
from decimal import Decimal

from lxml import etree

from billing.edges.sandbox import faults, wire
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.profiles import Kept, NotPossible
from billing.edges.sandbox.verdicts import Account, Answer, Card, Charge, Verdict
from billing.edges.sandbox.wire import Refused, Reply, child, dollars, text

SETTINGS = {
    "emailCustomer", "merchantEmail", "allowPartialAuth", "headerEmailReceipt", "footerEmailReceipt",
    "recurringBilling", "duplicateWindow", "testRequest",
}  # fmt: skip


def create_transaction(root, fault):
    """createTransaction: charge, authorize, capture, refund, void."""
    node = child(root, "transactionRequest")
    check_settings(child(node, "transactionSettings"))
    kind, original = text(node, "transactionType"), text(node, "refTransId")
    processor = sandbox.processor
    if kind == "voidTransaction":
        return reply(_numbered(original) or processor.void(original), fault)
    if kind == "priorAuthCaptureTransaction":
        answer = _numbered(original) or processor.capture(original, cents(text(node, "amount", "0")))
        return reply(answer, fault)
    if kind not in ("authCaptureTransaction", "authOnlyTransaction", "refundTransaction"):
        raise Refused("E00060", "The transaction type is invalid.")
    charge = _charge(node, kind, text(root, "refId"))
    if kind == "refundTransaction":
        answer = _numbered(original) or _refund(charge, original, fault)
        return reply(answer, fault)
    answer = processor.charge(charge, reason=faults.reason(fault))
    if faults.mode(fault) == "approve_then_void":
        processor.void(answer.transaction_id)
    answered = reply(answer, fault)
    if _wants_profile(child(node, "profile")) and answer.verdict.response_code == 1:
        answered.nodes.append(("profileResponse", _kept(charge, answer)))
    return answered


def _numbered(transaction_id):
    """An Answer with reason 15 for an id that is none, or None."""
    return None if re.fullmatch(r"\d+", transaction_id) else Answer(Verdict(3, 15))


def _charge(node, kind, ref_id):
    """What a transactionRequest asks for, the source of the money included."""
    sent = wire.settings(child(node, "transactionSettings"))
    window = sent.get("duplicateWindow")
    method = _method(node)
    return Charge(
        amount_cents=cents(text(node, "amount", "0")),
        source=sandbox.profiles.stored(method, text(node, "profile/paymentProfile/cardCode"))
        if method
        else source(child(node, "payment")),
        type=kind,
        po_number=text(node, "poNumber"),
        ref_id=ref_id,
        duplicate_window=int(window) if window and re.fullmatch(r"-?\d{1,9}", window) else None,
        partial=sent.get("allowPartialAuth") == "true",
        recurring=sent.get("recurringBilling", "").lower() in ("true", "1"),
        processing=",".join(_true_ones(child(node, "processingOptions"))),
        original_network_trans_id=text(node, "subsequentAuthInformation/originalNetworkTransId"),
        **(_order_of(method, node) if method else order(node)),
    )


def _true_ones(flags):
    return [] if flags is None else [etree.QName(one).localname for one in flags if one.text in ("true", "1")]


def _method(node):
    """The row of the stored method that a transactionRequest names, or None. Raises Refused."""
    profile = child(node, "profile")
    if profile is None:
        return None
    if _wants_profile(profile):
        return _check_creation(node, profile)
    asked = child(profile, "paymentProfile")
    if child(node, "payment") is not None:
        whole = text(profile, "customerProfileId")
        code, name = ("E00090", "PaymentProfile") if whole else ("E00091", "PaymentProfileId")
        raise _refused(code, f"{name} cannot be sent with payment data.")
    if child(node, "billTo") is not None:
        raise _refused("E00093", "PaymentProfile cannot be sent with billing data.")
    if child(node, "shipTo") is not None and text(profile, "shippingProfileId"):
        raise _refused("E00092", "ShippingProfileId cannot be sent with ShipTo data.")
    profile_id = text(profile, "customerProfileId")
    try:
        if asked is None:
            return sandbox.profiles.default(profile_id)
        return sandbox.profiles.method(profile_id, text(asked, "paymentProfileId"))
    except NotPossible as problem:
        raise _refused(problem.code, problem.sentence) from problem


def _check_creation(node, profile):
    """Refuse what createProfile may not be sent with; a new profile is charged by its raw data."""
    if text(profile, "customerProfileId") or child(profile, "paymentProfile") is not None:
        raise _refused("E00088", "ProfileIds cannot be sent when requesting CreateProfile.")
    if child(node, "payment") is None:
        raise _refused("E00089", "Payment data is required when requesting CreateProfile.")


def _refused(code, sentence):
    return Refused(code, sentence, "createTransactionResponse")


def _refund(charge, original, fault):
    """The Answer to a refund; one that names a stored method must name the one that paid."""
    named, paid = getattr(charge.source, "method_id", None), sandbox.processor.get(original)
    if named and paid is not None and paid["method_id"] != named:
        raise _refused("E00051", "The original transaction was not issued for this payment profile.")
    return sandbox.processor.refund(charge, original, reason=faults.reason(fault))


def _wants_profile(profile):
    return text(profile, "createProfile") in ("true", "1")


def _kept(charge, answer):
    """The profileResponse: what paid, kept with a new profile, or why not."""
    known = {"network_trans_id": answer.network_trans_id, "network_cents": charge.amount_cents}
    try:
        with sandbox.store.transaction():
            profile_id = sandbox.profiles.create(number=charge.customer_id, email=charge.customer_email)
            method_id = sandbox.profiles.add(profile_id, Kept.of(charge.source), charge.bill_to, **known)
    except NotPossible as problem:
        said = [("code", problem.code), ("text", problem.sentence)]
        return [("messages", [("resultCode", "Error"), ("message", said)])]
    said = [("code", wire.OK[0]), ("text", wire.OK[1])]
    return [
        ("messages", [("resultCode", "Ok"), ("message", said)]),
        ("customerProfileId", profile_id),
        ("customerPaymentProfileIdList", [("numericString", method_id)]),
        ("customerShippingAddressIdList", ""),
    ]


def _order_of(method, node):
    """What is ordered, by the customer of a stored method; the address is the method's."""
    profile = sandbox.profiles.get(method["profile_id"])
    asked = order(node)
    return {
        **asked,
        "customer_id": asked["customer_id"] or profile["number"],
        "customer_email": asked["customer_email"] or profile["email"],
        "bill_to": json.loads(method["bill_to"]),
    }


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


def source(payment):
    """The card or account of a payment element."""
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


def cents(amount):
    """Cents of an amount on the wire; an amount that is not whole cents counts as none (reason 5)."""
    cents = Decimal(amount).scaleb(2)
    return int(cents) if cents == cents.to_integral_value() and abs(cents) < 10**12 else 0


def check_settings(node):
    for name in wire.settings(node):
        if name not in SETTINGS:
            raise Refused("E00013", f"Setting Name '{name}' is invalid for this method.")


def reply(answer, fault):
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
        ("profile", profile_nodes(answer)),
        ("networkTransId", answer.network_trans_id or None),
    ]
    bad = ("E00027", "The transaction was unsuccessful.")
    return Reply([("transactionResponse", nodes)], "Error" if failed else "Ok", (bad if failed else wire.OK,))


def profile_nodes(of):
    """The ids of a customer's profile and method: of an Answer."""
    if not of.profile_id:
        return None
    return [("customerProfileId", of.profile_id), ("customerPaymentProfileId", of.method_id)]


def update_held(root, fault):
    """updateHeldTransaction: approve or decline what a filter held."""
    node = child(root, "heldTransactionRequest")
    return reply(sandbox.processor.review(text(node, "refTransId"), text(node, "action")), fault)
