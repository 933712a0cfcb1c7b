"""Customer profiles and their methods: the CIM calls.

What a profile can keep, and what it refuses, is decided in ``profiles`` of the sandbox.
"""

import json
import re

from billing.edges.sandbox import wire
from billing.edges.sandbox.calls import transactions
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.profiles import Kept, NotPossible
from billing.edges.sandbox.verdicts import Charge, Verdict, judge, unreadable, year_month
from billing.edges.sandbox.wire import Refused, Reply, child, payment_node, text

GONE = ("I00003", "The record has already been deleted.")
UNSUCCESSFUL = "The transaction was unsuccessful."
EMPTY_LISTS = [
    ("customerPaymentProfileIdList", ""), ("customerShippingAddressIdList", ""),
    ("validationDirectResponseList", ""),
]  # fmt: skip


def _call(answer, nodes=()):
    """Let a call's NotPossible be answered with the root ``answer``, with ``nodes`` in it."""

    def wrapped(function):
        def called(root, fault):
            try:
                return Reply(function(root, fault))
            except NotPossible as problem:
                raise Refused(problem.code, problem.sentence, answer, nodes) from problem

        called.__name__, called.__doc__ = function.__name__, function.__doc__
        return called

    return wrapped


# -- profiles


@_call("createCustomerProfileResponse", EMPTY_LISTS)
def create_profile(root, _fault):
    """createCustomerProfile, with or without its first methods."""
    node = child(root, "profile")
    mode = text(root, "validationMode", "none")
    given = node.findall("{*}paymentProfiles")
    prepared = [_prepared(one, mode) for one in given]
    with sandbox.store.transaction():
        new = sandbox.profiles.create(**_person(node))
        methods = [sandbox.profiles.add(new, *one[:2], **one[2]) for one in prepared]
    return [
        ("customerProfileId", new),
        ("customerPaymentProfileIdList", [("numericString", one) for one in methods]),
        ("customerShippingAddressIdList", ""),
        ("validationDirectResponseList", [("string", one[3]) for one in prepared if one[3]]),
    ]


def _person(node):
    return {
        "number": text(node, "merchantCustomerId"),
        "description": text(node, "description"),
        "email": text(node, "email"),
    }


@_call("getCustomerProfileResponse")
def get_profile(root, _fault):
    """getCustomerProfile: by its id, the merchant's customer id or the e-mail address."""
    profiles = sandbox.profiles
    if text(root, "customerProfileId"):
        row = profiles.get(text(root, "customerProfileId"))
    else:
        row = profiles.find(number=text(root, "merchantCustomerId"), email=text(root, "email"))
    methods = [("paymentProfiles", _masked(one, root)) for one in profiles.methods(row["id"])]
    nodes = [
        ("merchantCustomerId", row["number"] or None),
        ("description", row["description"] or None),
        ("email", row["email"] or None),
        ("customerProfileId", row["id"]),
        *methods,
        ("profileType", "regular"),
    ]
    return [("profile", nodes)]


@_call("getCustomerProfileIdsResponse")
def get_profile_ids(_root, _fault):
    """getCustomerProfileIds."""
    return [("ids", [("numericString", one) for one in sandbox.profiles.ids()])]


@_call("updateCustomerProfileResponse")
def update_profile(root, _fault):
    """updateCustomerProfile: replaces all three of number, description and e-mail."""
    node = child(root, "profile")
    sandbox.profiles.update(text(node, "customerProfileId"), **_person(node))
    return []


def delete_profile(root, _fault):
    """deleteCustomerProfile."""
    wanted = text(root, "customerProfileId")
    return _deleted("profile", wanted, "deleteCustomerProfileResponse", sandbox.profiles.delete, wanted)


def _deleted(table, row_id, answer, delete, *ids):
    try:
        delete(*ids)
    except NotPossible as problem:
        known = sandbox.profiles.was_there(table, row_id)
        if known and sandbox.processor.options["deleted_twice"] == GONE[0]:
            return Reply([], messages=(GONE,))
        raise Refused(problem.code, problem.sentence, answer) from problem
    return Reply([])


# -- methods


def create_method(root, _fault):
    """createCustomerPaymentProfile: with raw test data, which our product never sends."""
    answer, profile_id = "createCustomerPaymentProfileResponse", text(root, "customerProfileId")
    try:
        kept, bill_to, more, line = _prepared(child(root, "paymentProfile"), text(root, "validationMode"))
        new = sandbox.profiles.add(profile_id, kept, bill_to, **more)
    except NotPossible as problem:
        ids = [
            ("customerProfileId", problem.profile_id),
            ("customerPaymentProfileId", problem.method_id),
            ("validationDirectResponse", getattr(problem, "line", None)),
        ]
        raise Refused(problem.code, problem.sentence, answer, ids) from problem
    return Reply(
        [
            ("customerProfileId", profile_id),
            ("customerPaymentProfileId", new),
            ("validationDirectResponse", line or None),
        ]
    )


@_call("updateCustomerPaymentProfileResponse")
def update_method(root, _fault):
    """updateCustomerPaymentProfile: a masked number means that it stays."""
    node = child(root, "paymentProfile")
    row = sandbox.profiles.method(text(root, "customerProfileId"), text(node, "customerPaymentProfileId"))
    changes = {"bill_to": transactions.order(node)["bill_to"]}
    number = text(node, "payment/creditCard/cardNumber") or text(node, "payment/bankAccount/accountNumber")
    if re.fullmatch(r"\d+", number):
        changes["kept"] = _prepared(node, text(root, "validationMode"))[0]
    elif month := year_month(text(node, "payment/creditCard/expirationDate")):
        changes["expiration"] = month
    if text(node, "defaultPaymentProfile") in ("true", "1"):
        changes["is_default"] = 1
    sandbox.profiles.change(row["id"], **changes)
    return []


@_call("getCustomerPaymentProfileResponse")
def get_method(root, _fault):
    """getCustomerPaymentProfile: one method, or the default one."""
    profile_id, method_id = text(root, "customerProfileId"), text(root, "customerPaymentProfileId")
    profiles = sandbox.profiles
    row = profiles.method(profile_id, method_id) if method_id else profiles.default(profile_id)
    return [("paymentProfile", _masked(row, root, profile_id=row["profile_id"]))]


@_call("getCustomerPaymentProfileListResponse")
def list_methods(root, _fault):
    """getCustomerPaymentProfileList: the cards that expire in a month."""
    found = sandbox.store.rows("SELECT * FROM method WHERE expiration = ? ORDER BY id", text(root, "month"))
    if text(root, "sorting/orderDescending") in ("true", "1"):
        found.reverse()
    limit, page = int(text(root, "paging/limit", "1000")), int(text(root, "paging/offset", "1"))
    shown = found[(page - 1) * limit : page * limit]
    rows = [("paymentProfile", _listed(one)) for one in shown]
    return [("totalNumInResultSet", len(found)), ("paymentProfiles", rows or None)]


def delete_method(root, _fault):
    """deleteCustomerPaymentProfile."""
    ids = text(root, "customerProfileId"), text(root, "customerPaymentProfileId")
    answer = "deleteCustomerPaymentProfileResponse"
    return _deleted("method", ids[1], answer, sandbox.profiles.remove, *ids)


def validate_method(root, _fault):
    """validateCustomerPaymentProfile."""
    answer = "validateCustomerPaymentProfileResponse"
    try:
        row = sandbox.profiles.method(text(root, "customerProfileId"), text(root, "customerPaymentProfileId"))
    except NotPossible as problem:
        raise Refused(problem.code, problem.sentence, answer) from problem
    source = sandbox.profiles.stored(row, text(root, "cardCode"))
    bill_to = json.loads(row["bill_to"])
    verdict, line = _validation(source, bill_to, text(root, "validationMode"))
    if verdict.response_code != 1:
        raise Refused("E00027", UNSUCCESSFUL, answer, [("directResponse", line)])
    return Reply([("directResponse", line)])


def _prepared(node, mode):
    """What a paymentProfile of a request asks to keep: (Kept, address, more columns, validation line)."""
    if child(node, "payment") is None:
        raise NotPossible("E00029", "Payment information is required.")
    source = transactions.source(child(node, "payment"))
    bill_to = transactions.order(node)["bill_to"]
    line = ""
    if mode in ("testMode", "liveMode", "oldLiveMode"):
        verdict, line = _validation(source, bill_to, mode)
        if verdict.response_code != 1:
            problem = NotPossible("E00027", UNSUCCESSFUL)
            problem.line = line
            raise problem
    elif unreadable(source, sandbox.store.now().date()):
        raise NotPossible("E00013", "The field is invalid: payment.")
    more = {
        "default": text(node, "defaultPaymentProfile") in ("true", "1"),
        "customer_type": text(node, "customerType", "individual"),
        "is_excluded": int(text(node, "excludeFromAccountUpdater") in ("true", "1")),
        "network_trans_id": text(node, "subsequentAuthInformation/originalNetworkTransId"),
    }
    return Kept.of(source), bill_to, more, line


def _validation(source, bill_to, mode):
    """The verdict on a method and the line that says so; only liveMode asks the bank. Nothing is charged."""
    on, options = sandbox.store.now().date(), {**sandbox.processor.options, "hold_above_cents": None}
    reason = unreadable(source, on)
    verdict = Verdict(3, reason) if reason else Verdict(1, 1)
    if mode != "testMode" and not reason:
        verdict = judge(Charge(100, source, "authOnlyTransaction", bill_to=bill_to), options, on=on)
    fields = [""] * 69
    said = {
        0: verdict.response_code, 1: 1, 2: verdict.reason_code, 3: verdict.text, 4: verdict.auth_code,
        5: verdict.avs, 6: 0, 9: "1.00" if mode == "testMode" else "0.00",
        10: "CC" if source.kind == "card" else "ECHECK", 11: "auth_only", 13: bill_to.get("firstName", ""),
        14: bill_to.get("lastName", ""), 16: bill_to.get("address", ""), 19: bill_to.get("zip", ""),
        38: verdict.cvv, 50: "XXXX" + source.last_four, 51: source.account_type,
    }  # fmt: skip
    for position, value in said.items():
        fields[position] = str(value)
    return verdict, ",".join(fields)


# -- from a transaction


def create_from_transaction(root, _fault):
    """createCustomerProfileFromTransaction: keep what paid, with a new profile or with one that exists."""
    answer = "createCustomerProfileResponse"
    row = sandbox.processor.get(text(root, "transId"))
    default = text(root, "defaultPaymentProfile") in ("true", "1")
    try:
        with sandbox.store.transaction():
            _refuse_unsuitable(root, row)
            profile_id = text(root, "customerProfileId") or sandbox.profiles.create(**_payer(root, row))
            more = {"network_trans_id": row["network_trans_id"], "network_cents": row["amount_cents"]}
            bill_to = json.loads(row["bill_to"])
            new = sandbox.profiles.add(profile_id, Kept.of_transaction(row), bill_to, default=default, **more)
    except NotPossible as problem:
        raise Refused(problem.code, problem.sentence, answer, _known(problem)) from problem
    return Reply(
        [
            ("customerProfileId", profile_id),
            ("customerPaymentProfileIdList", [("numericString", new)]),
            *EMPTY_LISTS[1:],
        ]
    )


def _refuse_unsuitable(root, row):
    failed = "Customer profile creation failed."
    if text(root, "customerProfileId") and child(root, "customer") is not None:
        raise NotPossible("E00108", "CustomerProfileId cannot be sent with customer data.")
    if row is None:
        raise NotPossible("E00099", f"{failed} This transaction ID is invalid.")
    if row["type"] not in ("authCaptureTransaction", "authOnlyTransaction") or row["response_code"] != 1:
        raise NotPossible("E00100", f"{failed} This transaction type does not support profile creation.")
    if not row["identity"]:
        raise NotPossible("E00103", f"{failed} This payment method does not support profile creation.")


def _payer(root, row):
    """Who a new profile is for: the customer that was sent, or the transaction's."""
    customer = child(root, "customer")
    person = _person(customer) if customer is not None else {
        "number": row["customer_id"], "description": "", "email": row["customer_email"],
    }  # fmt: skip
    if not any(person.values()):
        raise NotPossible("E00102", "Customer profile creation failed. Customer Info is missing.")
    return person


def _known(problem):
    methods = [("numericString", problem.method_id)] if problem.method_id else ""
    return [
        ("customerProfileId", problem.profile_id),
        ("customerPaymentProfileIdList", methods),
        *EMPTY_LISTS[1:],
    ]


# -- as answers show a method


def _masked(row, root, profile_id=None):
    unmasked = text(root, "unmaskExpirationDate") in ("true", "1")
    return [
        ("customerType", row["customer_type"]),
        ("billTo", _address(row)),
        ("customerProfileId", profile_id),
        ("customerPaymentProfileId", row["id"]),
        ("defaultPaymentProfile", "true" if row["is_default"] else None),
        ("payment", [payment_node(row, unmasked=unmasked)]),
        *_network(row),
    ]


def _listed(row):
    return [
        ("defaultPaymentProfile", "true" if row["is_default"] else "false"),
        ("customerPaymentProfileId", row["id"]),
        ("customerProfileId", row["profile_id"]),
        ("billTo", _address(row)),
        ("payment", [payment_node(row)]),
        *_network(row),
    ]


def _network(row):
    known = row["network_trans_id"]
    amount = wire.dollars(row["network_cents"]) if known and row["network_cents"] else None
    return [
        ("originalNetworkTransId", known or None),
        ("originalAuthAmount", amount),
        ("excludeFromAccountUpdater", "true" if row["is_excluded"] else None),
    ]


def _address(row):
    return [(name, value) for name, value in json.loads(row["bill_to"]).items() if value] or None


CALLS = {
    "createCustomerProfileRequest": create_profile,
    "getCustomerProfileRequest": get_profile,
    "getCustomerProfileIdsRequest": get_profile_ids,
    "updateCustomerProfileRequest": update_profile,
    "deleteCustomerProfileRequest": delete_profile,
    "createCustomerPaymentProfileRequest": create_method,
    "updateCustomerPaymentProfileRequest": update_method,
    "getCustomerPaymentProfileRequest": get_method,
    "getCustomerPaymentProfileListRequest": list_methods,
    "deleteCustomerPaymentProfileRequest": delete_method,
    "validateCustomerPaymentProfileRequest": validate_method,
    "createCustomerProfileFromTransactionRequest": create_from_transaction,
}
