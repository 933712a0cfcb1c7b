"""Requests for the gateway, written with the SDK's contracts (its PyXB classes).

Here: every element that we ever send, in the order and within the lengths that the contracts demand. A
value that does not fit raises before anything is sent. Not here: sending, and what an answer means.
"""

import functools
import json
import re
from datetime import UTC
from xml.sax.saxutils import escape

from billing import money
from billing.edges.gateway import reading
from billing.outcomes import BANK, CARD

CLIENT = "porchlight"
DUPLICATE_WINDOW_SECONDS = 28800  # the longest that the gateway knows: the same attempt cannot charge twice
PAGE = 1000


def contracts():
    """The SDK's classes, imported at the first call: a quarter of a second that a start does not need."""
    from authorizenet import apicontractsv1

    return apicontractsv1


def make(contract, **fields):
    """An instance of an SDK class. A misspelt name raises here; set as an attribute it would just vanish."""
    return getattr(contracts(), contract)(
        **{name: value for name, value in fields.items() if value is not None}
    )


def request(name, login_id, transaction_key, ref_id, **fields):
    """The bytes of the request ``name`` with its own ``fields``; the answer repeats ``ref_id``."""
    keys = make("merchantAuthenticationType", name=login_id, transactionKey=transaction_key)
    return _to_xml(make(name, merchantAuthentication=keys, clientId=CLIENT, refId=ref_id, **fields))


def _to_xml(element):
    """The bytes of a request. Our own DOM support keeps text that contains ``ns1:`` whole."""
    from pyxb.utils.domutils import BindingDOMSupport

    return element.toxml(encoding="utf-8", bds=BindingDOMSupport(default_namespace=contracts().Namespace))


# -- charging a stored method


def charge(
    login_id, transaction_key, *, reference, profile_id, method_id, amount_cents, description,
    network_transaction_id="", first_amount_cents=None, **shape,
):  # fmt: skip
    """The bytes of a charge of a stored method; ``shape`` is the rest of what ``charge_request`` takes.

    The contracts write a form once for every shape, with a mark in the place of each value; a charge fills
    it in. That takes a hundredth of the time, which a run of thousands has better use for.
    """
    values = {
        "login_id": login_id,
        "transaction_key": transaction_key,
        "reference": reference_of(reference),
        "profile_id": id_of(profile_id),
        "method_id": id_of(method_id),
        "amount": _literal(amount_cents),
        "description": plain(description, 255),
        "network_transaction_id": _network_id(network_transaction_id),
        "first_amount": None if first_amount_cents is None else _literal(first_amount_cents),
    }
    values = {name: value for name, value in values.items() if value is not None}
    form = _charge_form(tuple(values), **shape)
    return form.format(**{name: escape(value) for name, value in values.items()}).encode()


@functools.lru_cache(maxsize=256)
def _charge_form(names, **shape):
    """A charge as the contracts write it, with ``{name}`` in the place of each of ``names``."""
    marks = {name: f"9{number:09}" for number, name in enumerate(names)}  # digits fit into every element
    keys = marks["login_id"], marks["transaction_key"]
    element = charge_request(**{name: mark for name, mark in marks.items() if mark not in keys}, **shape)
    form = request("createTransactionRequest", *keys, marks["reference"], transactionRequest=element).decode()
    for name, mark in marks.items():
        form = form.replace(f"{mark}.0" if "amount" in name else mark, f"{{{name}}}")
    return form


def charge_request(
    *, reference, profile_id, method_id, amount, description=None, network_transaction_id=None,
    first_amount=None, recurring=False, by_customer=False, stored_credential_flags=True,
):  # fmt: skip
    """The transactionRequest that charges a stored method. No address: the stored one counts (E00093).

    recurring   -- a charge of a standing authorization
    by_customer -- the customer is here and asked for it; otherwise we charge on our own, as was agreed
    """
    settings = {"duplicateWindow": str(DUPLICATE_WINDOW_SECONDS)}
    if recurring:
        settings["recurringBilling"] = "true"
    flags = {}
    if stored_credential_flags:
        flags = _card_on_file(by_customer, network_transaction_id, first_amount)
    return make(
        "transactionRequestType",
        transactionType="authCaptureTransaction",
        amount=amount,
        profile=make(
            "customerProfilePaymentType",
            customerProfileId=profile_id,
            paymentProfile=make("paymentProfile", paymentProfileId=method_id),
        ),
        order=make("orderType", invoiceNumber=reference, description=description),
        transactionSettings=settings_of(settings),
        **flags,
    )


def _card_on_file(by_customer, network_transaction_id, first_amount):
    """What the card networks want to know about a stored card: who began, and by which agreement."""
    if by_customer:
        return {"processingOptions": make("processingOptions", isStoredCredentials=True)}
    flags = {"processingOptions": make("processingOptions", isSubsequentAuth=True)}
    if network_transaction_id:
        flags["subsequentAuthInformation"] = make(
            "subsequentAuthInformation",
            originalNetworkTransId=network_transaction_id,
            originalAuthAmount=first_amount,
        )
    return flags


def _network_id(text):
    """The card network's id, or None for what the contract cannot carry: better without than refused."""
    text = (text or "").strip()
    return text if re.fullmatch(r"[0-9A-Za-z ]{1,255}", text) else None


def _literal(cents):
    """An amount as the contracts write it: ``12.5``, ``100.0``."""
    dollars = f"{amount_of(cents):.2f}"
    return dollars.removesuffix("0")


# -- the hosted pages


def sale(reference, amount_cents, description, customer_number, email, bill_to, profile_id=""):
    """The transactionRequest of a hosted payment page, without card or account: the customer types those."""
    return make(
        "transactionRequestType",
        transactionType="authCaptureTransaction",
        amount=amount_of(amount_cents),
        profile=make("customerProfilePaymentType", customerProfileId=profile_id) if profile_id else None,
        order=make("orderType", invoiceNumber=reference_of(reference), description=plain(description, 255)),
        customer=make("customerDataType", id=plain(customer_number, 20), email=plain(email, 255)),
        billTo=_bill_to(bill_to or {}),
        transactionSettings=settings_of({"duplicateWindow": str(DUPLICATE_WINDOW_SECONDS)}),
    )


def _bill_to(known):
    fields = {
        "firstName": plain(known.get("first_name"), 50),
        "lastName": plain(known.get("last_name"), 50),
        "company": plain(known.get("company"), 50),
        "address": plain(known.get("address"), 60),
        "city": plain(known.get("city"), 40),
        "state": plain(known.get("state"), 40),
        "zip": plain(known.get("zip"), 20),
        "country": plain(known.get("country"), 60),
    }
    return make("customerAddressType", **fields) if any(fields.values()) else None


def payment_page_settings(amount_cents, merchant_name, return_url, cancel_url, kinds, offers_saved):
    """What the hosted payment page shows. Booleans must stay booleans: as text they break the form."""
    return {
        "hostedPaymentReturnOptions": {
            "showReceipt": True,
            "url": return_url,
            "urlText": "Continue",
            "cancelUrl": cancel_url,
            "cancelUrlText": "Cancel",
        },
        "hostedPaymentButtonOptions": {"text": f"Pay {money.format_cents(amount_cents)}"},
        "hostedPaymentPaymentOptions": {
            "cardCodeRequired": True,
            "showCreditCard": CARD in kinds,
            "showBankAccount": BANK in kinds,
            "customerProfileId": offers_saved,
        },
        "hostedPaymentSecurityOptions": {"captcha": False},
        "hostedPaymentShippingAddressOptions": {"show": False, "required": False},
        "hostedPaymentBillingAddressOptions": {"show": True, "required": False},
        "hostedPaymentCustomerOptions": {
            "showEmail": False,
            "requiredEmail": False,
            "addPaymentProfile": False,  # saving needs our own consent text: see Gateway.save_method
        },
        "hostedPaymentOrderOptions": {"show": True, "merchantName": plain(merchant_name, 255) or ""},
    }


def profile_page_settings(return_url, kinds):
    """What the hosted profile page shows. Here values are plain text; a new card is tried out at once."""
    offered = {(CARD,): "showCreditCard", (BANK,): "showBankAccount"}
    return {
        "hostedProfileReturnUrl": return_url,
        "hostedProfileReturnUrlText": "Continue",
        "hostedProfileValidationMode": "liveMode",
        "hostedProfileBillingAddressOptions": "showBillingAddress",
        "hostedProfileBillingAddressRequired": "true",
        "hostedProfileCardCodeRequired": "true",
        "hostedProfileManageOptions": "showPayment",
        "hostedProfilePaymentOptions": offered.get(tuple(kinds), "showAll"),
    }


def settings_of(values):
    """Names and values as the ArrayOfSetting of the contracts; a value that is not text becomes JSON."""
    setting = contracts().settingType
    return contracts().ArrayOfSetting(
        *(
            setting(settingName=name, settingValue=value if isinstance(value, str) else json.dumps(value))
            for name, value in values.items()
        )
    )


# -- giving money back


def masked_payment(original):
    """The card or account that paid, as the gateway masks it: all that a refund needs, all that we know."""
    card, bank = original.find("{*}payment/{*}creditCard"), original.find("{*}payment/{*}bankAccount")
    if bank is None:
        number = reading.text(card, "cardNumber")[-4:]
        masked = make("creditCardType", cardNumber=number, expirationDate="XXXX")
        return make("paymentType", creditCard=masked)
    account_type = reading.text(bank, "accountType") or "checking"
    account = make(
        "bankAccountType",
        accountType=account_type,
        routingNumber=reading.text(bank, "routingNumber"),
        accountNumber=reading.text(bank, "accountNumber"),
        nameOnAccount=plain(reading.text(bank, "nameOnAccount"), 22),
        echeckType="CCD" if account_type == "businessChecking" else "PPD",  # WEB can only charge (code 247)
    )
    return make("paymentType", bankAccount=account)


# -- values


def paging(number):
    """Page ``number`` of a list, the first being 1: the gateway counts pages, not rows."""
    return make("Paging", limit=PAGE, offset=number)


def newest_first():
    """The order of a list of transactions."""
    return make("TransactionListSorting", orderBy="submitTimeUTC", orderDescending=True)


def amount_of(cents):
    """Cents as the Decimal that goes on the wire; nothing but a whole, positive number of them."""
    if not isinstance(cents, int) or cents <= 0:
        raise ValueError(f"{cents!r} is not a positive number of cents")
    return money.as_decimal(cents)


def reference_of(reference):
    """Refuse what the gateway would cut or change: we search by it later."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,20}", reference):
        raise ValueError(f"{reference!r} is not a reference of 1 to 20 letters, digits and hyphens")
    return reference


def id_of(text):
    """Refuse what is not an id of the gateway: digits, and more than a zero."""
    if not re.fullmatch(r"[1-9][0-9]{0,19}", text):
        raise ValueError(f"{text!r} is not an id of the gateway")
    return text


def address_of(url):
    """Refuse a return address with ? or #, which the gateway refuses with a misleading message."""
    if re.search(r"[?#]", url):
        raise ValueError(f"{url}: the gateway accepts no query in a return URL")
    return url


def plain(text, limit):
    """Text without control characters, which XML cannot carry, cut to the gateway's limit; None if empty."""
    return (
        re.sub(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+", " ", text or "").strip()[:limit] or None
    )


def instant(at):
    """A naive UTC datetime as the gateway wants it: whole seconds, with its zone."""
    return at.replace(microsecond=0, tzinfo=UTC)
