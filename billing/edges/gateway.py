"""Authorize.Net, spoken to with the official SDK's contracts (its PyXB classes) over our own HTTP.

Here: requests to the wire, answers to the values of ``billing.outcomes``, the signature of webhooks. Not
here: any decision; whether to try again, to void or to refund, or that a payment never happened.

Why not the SDK's controllers: they wait forever, share one endpoint between threads, swallow every
exception, cut text that contains ``ns1:``, read UTF-8 as Latin-1 and guess at types (``000123`` becomes
123). The contracts have none of these faults, and every value below stays text until it is named.

Two kinds of calls. One that moves money always returns an outcome, and everything that is not a clear
answer (silence, HTTP 4xx or 5xx, HTML, an empty body, an unknown word) is ``InDoubt``. One that only asks
returns what it asked for or raises ``GatewayUnavailable``.
"""

import copy
import hashlib
import hmac
import json
import logging
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import requests
import urllib3
from lxml import etree

from billing import money
from billing.errors import GatewayUnavailable
from billing.outcomes import (
    BANK,
    CARD,
    DOUBTFUL_REASONS,
    Approved,
    Batch,
    Declined,
    Held,
    HostedPage,
    InDoubt,
    NothingChanged,
    Transaction,
    Voided,
    plain_words,
)

log = logging.getLogger(__name__)
# Its controllers write whole requests, transaction key included, at DEBUG. We use none of them; should
# somebody do so one day, the key still stays out of the log.
logging.getLogger("authorizenet").setLevel(logging.WARNING)
logging.getLogger("pyxb.binding.content").setLevel(logging.ERROR)  # finds the SDK's own schema ambiguous

NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
DUPLICATE_WINDOW_SECONDS = 28800  # the longest that the gateway knows: the same attempt cannot charge twice
MOST_DAYS_OF_BATCHES = 31
PAGE = 1000
MOST_BYTES = 20_000_000  # a full page of a list is about one million
CLOCK_SKEW = timedelta(hours=1)  # between our clock and the gateway's
UNSURE_CODES = {"E00001", "E00049", "E00053", "E00104"}  # answered, but perhaps after the charge
UNKNOWN_RECORD = "E00040"
UNAVAILABLE = (
    "The payment service does not answer at the moment. Nothing was charged; please try again shortly."
)
MISCONFIGURED = (
    "The payment service refused our request ({code}). Nothing was charged; please tell the office."
)


class _NoAnswer(Exception):
    """Nothing that can be read came back. What it means depends on whether money could have moved."""


class Gateway:
    """One account at Authorize.Net (or at the sandbox). Safe to share between threads."""

    def __init__(
        self, endpoint, login_id, transaction_key, *, signature_keys=(), hosted_url, timeout=(3.05, 30)
    ):
        """``endpoint`` takes the XML, ``hosted_url`` the customer's browser; ``timeout`` is (connect, read)
        in seconds. Two signature keys are valid for a day after one was renewed, hence a tuple.
        """
        self.hosted_url = hosted_url
        self._endpoint = endpoint
        self._login_id = login_id
        self._transaction_key = transaction_key
        self._signature_keys = tuple(key for key in signature_keys if key)
        self._timeout = timeout
        self._local = threading.local()

    def hurried(self, timeout=(2, 4)):
        """The same account with less patience, for a page that a person is waiting for."""
        quick = copy.copy(self)
        quick._timeout = timeout
        return quick

    # -- calls that prepare or move money

    def hosted_page(
        self,
        *,
        reference,
        amount_cents,
        description,
        customer_number,
        email,
        merchant_name,
        return_url,
        cancel_url,
        bill_to=None,
        kinds=(CARD, BANK),
    ):
        """Ask for a payment page over exactly ``amount_cents``. Returns a HostedPage; moves no money.

        reference -- unique per attempt, at most 20 characters: the only thing we can search by later
        bill_to   -- optional dict: first_name, last_name, company, address, city, state, zip, country
        kinds     -- what the page offers, any of "card" and "bank"
        URLs      -- without ? and #, which the gateway refuses with a misleading message

        Raises GatewayUnavailable; asking again is harmless, an unused page expires in fifteen minutes.
        """
        for url in (return_url, cancel_url):
            if re.search(r"[?#]", url):
                raise ValueError(f"{url}: the gateway accepts no query in a return URL")
        settings = _page_settings(amount_cents, merchant_name, return_url, cancel_url, kinds)
        root = self._read(
            "getHostedPaymentPageRequest",
            refId=_reference(reference),
            transactionRequest=_sale(reference, amount_cents, description, customer_number, email, bill_to),
            hostedPaymentSettings=_settings({name: json.dumps(value) for name, value in settings.items()}),
        )
        token = _text(root, "token")
        if not token:
            raise GatewayUnavailable(UNAVAILABLE)
        return HostedPage(token, self.hosted_url)

    def void(self, transaction_id):
        """Take a payment back before it settles, always as a whole.

        Returns Voided; NothingChanged when it had been voided earlier; Declined when it is too late
        (refund it then); InDoubt.
        """
        request = _make(
            "transactionRequestType", transactionType="voidTransaction", refTransId=transaction_id
        )
        outcome = self._move(request, refId=None)
        return Voided(transaction_id) if isinstance(outcome, Approved) else outcome

    def refund(self, transaction_id, amount_cents, *, reference):
        """Give ``amount_cents`` of a settled payment back to the card or account that paid.

        Several partial refunds are possible within 180 days, each with its own ``reference``. Returns
        Approved with the refund's own transaction id; Declined (54: not settled yet, void it instead);
        InDoubt. Raises GatewayUnavailable when the original cannot be read, before anything was sent.
        """
        original = self._details(transaction_id)
        if original is None:
            return Declined("16", plain_words("16"))
        request = _make(
            "transactionRequestType",
            transactionType="refundTransaction",
            amount=_amount(amount_cents),
            payment=_masked_payment(original),
            refTransId=transaction_id,
            order=_make("orderType", invoiceNumber=_reference(reference)),
            transactionSettings=_settings({"duplicateWindow": str(DUPLICATE_WINDOW_SECONDS)}),
        )
        return self._move(request, refId=_reference(reference))

    # -- calls that only ask

    def check(self):
        """Return when the gateway answers and accepts our credentials; raise GatewayUnavailable otherwise."""
        self._read("authenticateTestRequest")

    def details(self, transaction_id):
        """Everything about one transaction, or None when this account has no such transaction."""
        node = self._details(transaction_id)
        return None if node is None else _transaction(node)

    def find(self, reference, *, since):
        """Every transaction that carries ``reference`` and was submitted after ``since`` (naive UTC).

        Looks through the unsettled list first and the settled batches second, so that one that settles
        between the two looks is still seen. Returns a list of Transaction in the order of submission,
        each re-read by its details. An empty list does not say that nothing happened: an attempt can
        still be on its way.
        """
        since -= CLOCK_SKEW
        listed = self._unsettled("any", since) + self._unsettled("pendingApproval", since)
        for batch in self.batches(since, max(_utcnow() + CLOCK_SKEW, since + timedelta(days=30))):
            listed += self.batch_transactions(batch.batch_id)
        ids = {found.transaction_id for found in listed if found.reference == reference}
        found = [transaction for id in ids if (transaction := self.details(id))]
        return sorted(found, key=lambda one: (one.submitted_at or datetime.min, int(one.transaction_id)))

    def batches(self, first_at, last_at):
        """The batches that settled between two instants (naive UTC), as a list of Batch, oldest first.

        The gateway answers for 31 days at a time; longer spans are asked for in pieces.
        """
        found = {}
        while first_at < last_at:
            until = min(last_at, first_at + timedelta(days=MOST_DAYS_OF_BATCHES))
            root = self._read(
                "getSettledBatchListRequest",
                includeStatistics=True,
                firstSettlementDate=_instant(first_at),
                lastSettlementDate=_instant(until),
            )
            found |= {batch.batch_id: batch for batch in map(_batch, _all(root, "batchList/batch"))}
            first_at = until
        return sorted(found.values(), key=lambda batch: (batch.settled_at or datetime.min, batch.batch_id))

    def batch_transactions(self, batch_id):
        """All transactions of one batch, as listed (see Transaction about what a list leaves out)."""
        return list(self._pages("getTransactionListRequest", batch_id=batch_id, batchId=batch_id))

    def is_authentic(self, body, header):
        """True when ``header`` (X-ANET-Signature) signs exactly these bytes with one of our keys.

        The key's hex digits are used as text, not decoded. Compared in constant time.
        """
        scheme, _, given = (header or "").strip().partition("=")
        if scheme.lower() != "sha512" or not given.isascii():
            return False
        given = given.strip().upper()
        signatures = [
            hmac.new(key.encode("ascii"), body, hashlib.sha512).hexdigest().upper()
            for key in self._signature_keys
        ]
        matches = [hmac.compare_digest(signature, given) for signature in signatures]  # all: constant time
        return any(matches)

    # -- how

    def _details(self, transaction_id):
        if not re.fullmatch(r"[1-9][0-9]{0,19}", transaction_id):
            return None  # 0 stands for "no transaction" on the wire
        try:
            root = self._ask("getTransactionDetailsRequest", transId=transaction_id)
        except _NoAnswer as silence:
            raise GatewayUnavailable(UNAVAILABLE) from silence
        if _envelope_code(root) == UNKNOWN_RECORD:
            return None
        _refuse_errors(root)
        return root.find("{*}transaction")

    def _unsettled(self, status, since):
        """The unsettled list, newest first, as far back as ``since``."""
        found = []
        for transaction in self._pages("getUnsettledTransactionListRequest", status=status):
            if transaction.submitted_at and transaction.submitted_at < since:
                break
            found.append(transaction)
        return found

    def _pages(self, request, batch_id="", **fields):
        """Yield Transaction after Transaction, newest first, reading a page when it is needed."""
        number = 1  # the gateway counts pages, not rows
        while True:
            root = self._read(
                request,
                **fields,
                sorting=_make("TransactionListSorting", orderBy="submitTimeUTC", orderDescending=True),
                paging=_make("Paging", limit=PAGE, offset=number),
            )
            rows = _all(root, "transactions/transaction")
            yield from (_transaction(row, batch_id) for row in rows)
            if len(rows) < PAGE:
                return
            number += 1

    def _move(self, request, refId):
        """Send a request that moves money. Whatever goes wrong after it was built, the answer is a value."""
        try:
            root = self._ask("createTransactionRequest", refId=refId, transactionRequest=request)
        except _NoAnswer as silence:
            log.warning("%s of %s in doubt: %s", request.transactionType, request.refTransId, silence)
            return InDoubt(str(silence))
        outcome = _money_outcome(root)
        log.info("%s of %s: %s", request.transactionType, request.refTransId, type(outcome).__name__)
        return outcome

    def _read(self, request, **fields):
        """Send a request that moves no money; raise GatewayUnavailable unless it was understood."""
        try:
            root = self._ask(request, **fields)
        except _NoAnswer as silence:
            log.warning("%s: %s", request, silence)
            raise GatewayUnavailable(UNAVAILABLE) from silence
        _refuse_errors(root)
        return root

    def _ask(self, request, **fields):
        """Send one request, return the root of the answer. Raises _NoAnswer."""
        keys = _make("merchantAuthenticationType", name=self._login_id, transactionKey=self._transaction_key)
        body = _to_xml(_make(request, merchantAuthentication=keys, clientId="porchlight", **fields))
        return _parse(self._post(body))

    def _post(self, body):
        """The body of the answer. Raises _NoAnswer, also when it keeps dripping in without an end."""
        deadline = time.monotonic() + sum(self._timeout)
        try:
            with self._session().post(
                self._endpoint,
                data=body,
                headers={"Content-Type": "application/xml"},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as reply:
                if reply.status_code != 200:
                    raise _NoAnswer(f"HTTP {reply.status_code}")
                return _read_until(deadline, reply.raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _NoAnswer(f"no answer ({type(error).__name__})") from error

    def _session(self):
        """This thread's connection, kept open between calls; proxies of the environment are not for us."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        return self._local.session


# -- building requests


def _contracts():
    """The SDK's classes, imported at the first call: a quarter of a second that a start does not need."""
    from authorizenet import apicontractsv1

    return apicontractsv1


def _make(contract, **fields):
    """An instance of an SDK class. A misspelt name raises here; set as an attribute it would just vanish."""
    return getattr(_contracts(), contract)(
        **{name: value for name, value in fields.items() if value is not None}
    )


def _to_xml(request):
    """The bytes of a request. Our own DOM support keeps text that contains ``ns1:`` whole."""
    from pyxb.utils.domutils import BindingDOMSupport

    return request.toxml(encoding="utf-8", bds=BindingDOMSupport(default_namespace=_contracts().Namespace))


def _sale(reference, amount_cents, description, customer_number, email, bill_to):
    return _make(
        "transactionRequestType",
        transactionType="authCaptureTransaction",
        amount=_amount(amount_cents),
        order=_make("orderType", invoiceNumber=_reference(reference), description=_plain(description, 255)),
        customer=_make("customerDataType", id=_plain(customer_number, 20), email=_plain(email, 255)),
        billTo=_bill_to(bill_to or {}),
        transactionSettings=_settings({"duplicateWindow": str(DUPLICATE_WINDOW_SECONDS)}),
    )


def _bill_to(known):
    fields = {
        "firstName": _plain(known.get("first_name"), 50),
        "lastName": _plain(known.get("last_name"), 50),
        "company": _plain(known.get("company"), 50),
        "address": _plain(known.get("address"), 60),
        "city": _plain(known.get("city"), 40),
        "state": _plain(known.get("state"), 40),
        "zip": _plain(known.get("zip"), 20),
        "country": _plain(known.get("country"), 60),
    }
    return _make("customerAddressType", **fields) if any(fields.values()) else None


def _page_settings(amount_cents, merchant_name, return_url, cancel_url, kinds):
    """What the hosted page shows. Booleans must stay booleans: as text they break the form."""
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
        },
        "hostedPaymentSecurityOptions": {"captcha": False},
        "hostedPaymentShippingAddressOptions": {"show": False, "required": False},
        "hostedPaymentBillingAddressOptions": {"show": True, "required": False},
        "hostedPaymentCustomerOptions": {
            "showEmail": False,
            "requiredEmail": False,
            "addPaymentProfile": False,
        },
        "hostedPaymentOrderOptions": {"show": True, "merchantName": _plain(merchant_name, 255) or ""},
    }


def _settings(values):
    contracts = _contracts()
    return contracts.ArrayOfSetting(
        *(contracts.settingType(settingName=name, settingValue=value) for name, value in values.items())
    )


def _masked_payment(original):
    """The card or account that paid, as the gateway masks it: all that a refund needs, all that we know."""
    card, bank = original.find("{*}payment/{*}creditCard"), original.find("{*}payment/{*}bankAccount")
    if bank is None:
        number = _text(card, "cardNumber")[-4:]
        return _make(
            "paymentType", creditCard=_make("creditCardType", cardNumber=number, expirationDate="XXXX")
        )
    account_type = _text(bank, "accountType") or "checking"
    account = _make(
        "bankAccountType",
        accountType=account_type,
        routingNumber=_text(bank, "routingNumber"),
        accountNumber=_text(bank, "accountNumber"),
        nameOnAccount=_plain(_text(bank, "nameOnAccount"), 22),
        echeckType="CCD" if account_type == "businessChecking" else "PPD",  # WEB can only charge (code 247)
    )
    return _make("paymentType", bankAccount=account)


def _amount(cents):
    """Cents as the Decimal that goes on the wire; nothing but a whole, positive number of them."""
    if not isinstance(cents, int) or cents <= 0:
        raise ValueError(f"{cents!r} is not a positive number of cents")
    return money.as_decimal(cents)


def _reference(reference):
    """Refuse what the gateway would cut or change: we search by it later."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,20}", reference):
        raise ValueError(f"{reference!r} is not a reference of 1 to 20 letters, digits and hyphens")
    return reference


def _plain(text, limit):
    """Text without control characters, which XML cannot carry, cut to the gateway's limit; None if empty."""
    return (
        re.sub(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+", " ", text or "").strip()[:limit] or None
    )


def _instant(at):
    return at.replace(microsecond=0, tzinfo=UTC)


def _utcnow():
    return datetime.now(UTC).replace(tzinfo=None)


# -- reading answers


def _read_until(deadline, raw):
    """All bytes of an answer, piece by piece: the timeout of requests starts anew with every piece."""
    body = b""
    while piece := raw.read1(1 << 16, decode_content=True):
        body += piece
        if time.monotonic() > deadline or len(body) > MOST_BYTES:
            raise _NoAnswer("an answer without an end")
    return body


def _parse(body):
    """The root element of an answer. Entities and the network stay closed; HTML is not an answer."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)  # one per call: it is not thread-safe
    try:
        root = etree.fromstring(body.removeprefix(b"\xef\xbb\xbf"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _NoAnswer("not XML") from error
    name = etree.QName(root)
    if name.namespace != NAMESPACE or not name.localname.endswith("Response"):
        raise _NoAnswer(f"<{name.localname}> is not an answer")
    return root


def _money_outcome(root):
    """What a createTransaction answer says. The response code decides, never the envelope alone."""
    answer = root.find("{*}transactionResponse")
    reason = _text(answer, "errors/error/errorCode") or _text(answer, "messages/message/code")
    transaction_id = _text(answer, "transId")
    transaction_id = "" if transaction_id == "0" else transaction_id  # 0: the gateway made none
    match _text(answer, "responseCode"):
        case "1" if reason in ("310", "311"):
            return NothingChanged(transaction_id, _text(answer, "messages/message/description"))
        case "1" if transaction_id:  # without one the account is in Test Mode, where no money moves
            label = _label(_text(answer, "accountType"), _text(answer, "accountNumber"))
            return Approved(transaction_id, _text(answer, "authCode"), label)
        case "4" if reason in ("193", "252", "253"):
            return Held(transaction_id)
        case "2" | "3" if reason and reason not in DOUBTFUL_REASONS:
            kind = _kind(_text(answer, "accountType"))
            return Declined(reason, plain_words(reason, kind), transaction_id)
        case "" if _was_refused(root):
            code = _envelope_code(root)
            return Declined(code, MISCONFIGURED.format(code=code))
    return InDoubt(f"reason {reason or _envelope_code(root) or 'unknown'}", transaction_id)


def _was_refused(root):
    """True when the envelope says that the request never reached the processor."""
    return _text(root, "messages/resultCode") == "Error" and _envelope_code(root) not in UNSURE_CODES | {
        "",
        "E00027",
    }


def _refuse_errors(root):
    """Raise GatewayUnavailable for an Error envelope of a call that moves no money."""
    if _text(root, "messages/resultCode") == "Ok":
        return
    code = _envelope_code(root)
    log.error("The gateway refused a request: %s %s", code, _text(root, "messages/message/text"))
    raise GatewayUnavailable(
        UNAVAILABLE if code in UNSURE_CODES else MISCONFIGURED.format(code=code or "unreadable")
    )


def _envelope_code(root):
    return _text(root, "messages/message/code")


def _transaction(node, batch_id=""):
    """A Transaction from an entry of a list or from the details; where they overlap the names agree."""
    bank = node.find("{*}payment/{*}bankAccount")
    account_type = _text(node, "accountType") or _text(node, "payment/creditCard/cardType")
    number = _text(node, "accountNumber") or _text(node, "payment/creditCard/cardNumber")
    if bank is not None:
        account_type, number = "eCheck", _text(bank, "accountNumber")
    return Transaction(
        transaction_id=_text(node, "transId"),
        status=_text(node, "transactionStatus"),
        amount_cents=_cents(_text(node, "authAmount") or _text(node, "settleAmount")),
        reference=_text(node, "invoiceNumber") or _text(node, "order/invoiceNumber"),
        kind=_kind(account_type),
        method_label=_label(account_type, number),
        type=_text(node, "transactionType"),
        response_code=_text(node, "responseCode"),
        reason_code=_text(node, "responseReasonCode"),
        auth_code=_text(node, "authCode"),
        ref_transaction_id=_text(node, "refTransId"),
        batch_id=_text(node, "batch/batchId") or batch_id,
        submitted_at=_at(_text(node, "submitTimeUTC")),
        settled_at=_at(_text(node, "batch/settlementTimeUTC")),
    )


def _batch(node):
    rows = _all(node, "statistics/statistic")
    return Batch(
        batch_id=_text(node, "batchId"),
        state=_text(node, "settlementState"),
        kind=_kind(_text(node, "paymentMethod")),
        settled_at=_at(_text(node, "settlementTimeUTC")),
        charge_count=sum(int(_text(row, "chargeCount") or 0) for row in rows),
        charge_cents=sum(_cents(_text(row, "chargeAmount")) for row in rows),
        refund_count=sum(int(_text(row, "refundCount") or 0) for row in rows),
        refund_cents=sum(_cents(_text(row, "refundAmount")) for row in rows),
    )


BRANDS = {"mastercard": "Mastercard", "americanexpress": "American Express", "dinersclub": "Diners Club"}


def _label(account_type, number):
    """Words for a payment method: ``Visa ending 4242``. The gateway's spelling of brands varies."""
    if not number:
        return ""
    brand = BRANDS.get(account_type.lower(), account_type or "Card")
    return f"{'Bank account' if _kind(account_type) == BANK else brand} ending {number[-4:]}"


def _kind(account_type):
    return BANK if account_type.lower() == "echeck" else CARD


def _cents(text):
    """Exact cents of an amount on the wire; an empty one is zero. What is not cents is no answer to us."""
    try:
        return money.from_decimal(text or "0")
    except (ValueError, ArithmeticError) as error:
        raise GatewayUnavailable(UNAVAILABLE) from error


def _at(text):
    """An instant of the wire as naive UTC, or None. Seven digits of a second are normal there."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _all(node, path):
    return node.findall("/".join("{*}" + name for name in path.split("/")))


def _text(node, path):
    """The text at ``path`` below ``node``, or an empty string: what is missing is missing, never an error."""
    if node is None:
        return ""
    return (node.findtext("/".join("{*}" + name for name in path.split("/"))) or "").strip()
