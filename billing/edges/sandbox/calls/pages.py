"""getHostedPaymentPage and getHostedProfilePage: keep what is asked for and hand out a token for it."""

import json
import re
import secrets
from base64 import b64encode

from billing.edges.sandbox import wire
from billing.edges.sandbox.calls import transactions
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.profiles import NotPossible
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.wire import Refused, Reply, child, text

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

PROFILE_SETTINGS = {  # name -> what its plain text may be
    "hostedProfileReturnUrl": r".+",
    "hostedProfileReturnUrlText": r".*",
    "hostedProfileIFrameCommunicatorUrl": r"https?://.+",
    "hostedProfilePageBorderVisible": r"true|false",
    "hostedProfileHeadingBgColor": r"#[0-9A-Fa-f]{6}",
    "hostedProfileValidationMode": r"testMode|liveMode",
    "hostedProfileBillingAddressRequired": r"true|false",
    "hostedProfileCardCodeRequired": r"true|false",
    "hostedProfileBillingAddressOptions": r"showBillingAddress|showNone",
    "hostedProfileManageOptions": r"showAll|showPayment|showShipping",
    "hostedProfilePaymentOptions": r"showAll|showCreditCard|showBankAccount",
    "hostedProfileSaveButtonText": r".{1,32}",
}


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
    profile_id = _profile(text(node, "profile/customerProfileId"), "getHostedPaymentPageResponse")
    if text(node, "transactionType") not in ("authCaptureTransaction", "authOnlyTransaction"):
        raise Refused("E00060", "The transaction type is invalid.")
    amount_cents = transactions.cents(text(node, "amount", "0"))
    if amount_cents <= 0:
        raise Refused("E00014", "A required field is not present: amount.")
    transactions.check_settings(child(node, "transactionSettings"))
    page = _page(wire.settings(child(root, "hostedPaymentSettings")))
    sent = wire.settings(child(node, "transactionSettings"))
    wanted = {
        "amount_cents": amount_cents,
        "type": text(node, "transactionType"),
        "duplicate_window": int(sent["duplicateWindow"])
        if sent.get("duplicateWindow", "").isdigit()
        else None,
        "po_number": text(node, "poNumber"),
        **transactions.order(node),
    }
    return Reply([("token", _issue("payment", wanted, page, text(root, "refId"), profile_id))])


def hosted_profile_page(root, _fault):
    """getHostedProfilePage: a token for adding and managing what a customer pays with."""
    answer = "getHostedProfilePageResponse"
    profile_id = _profile(text(root, "customerProfileId"), answer)
    settings = wire.settings(child(root, "hostedProfileSettings"))
    for name, value in settings.items():
        rule = PROFILE_SETTINGS.get(name)
        if rule is None:
            raise Refused("E00013", f"Setting Name '{name}' is invalid for this method.", answer)
        if not re.fullmatch(rule, value):
            raise Refused("E00013", f"Setting Value of '{name}' is invalid for this method.", answer)
    _check_url(settings.get("hostedProfileReturnUrl", "http://"))
    return Reply([("token", _issue("profile", {}, settings, text(root, "refId"), profile_id))])


def _profile(profile_id, answer):
    """The id of a profile that exists, or None when none is asked for."""
    if not profile_id:
        return None
    try:
        return sandbox.profiles.get(profile_id)["id"]
    except NotPossible as problem:
        raise Refused(problem.code, problem.sentence, answer) from problem


def _issue(kind, wanted, page, ref_id, profile_id):
    token = (
        b64encode(secrets.token_bytes(300)).decode()
        + "."
        + b64encode(b"+/" + secrets.token_bytes(68)).decode()
    )
    sandbox.store.insert(
        "token",
        token=token,
        kind=kind,
        profile_id=profile_id,
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
