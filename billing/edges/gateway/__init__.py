"""Authorize.Net, spoken to with the official SDK's contracts (its PyXB classes) over our own HTTP.

Here: one method for each thing that we want from the gateway. Below: ``writing`` makes requests,
``connections`` carries them, ``reading`` makes values of the answers. Not here: any decision; whether to try
again, to void or to refund, or that a payment never happened.

Why not the SDK's controllers: they wait forever, share one endpoint between threads, swallow every
exception, cut text that contains ``ns1:``, read UTF-8 as Latin-1 and guess at types (``000123`` becomes
123). The contracts have none of these faults, and every value below stays text until it is named.

Two kinds of calls. One that moves money is sent exactly once and always returns an outcome; everything that
is not a clear answer (silence, HTTP 4xx or 5xx, HTML, an empty body, an unknown word) is ``InDoubt``. One
that only asks returns what it asked for or raises ``GatewayUnavailable``. A request that cannot be written
raises ``ValueError`` (or the contracts' own exception) from either: a bug, and nothing was sent.
"""

import base64
import copy
import hashlib
import hmac
import json
import logging
import re
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from billing.edges.gateway import reading, writing
from billing.edges.gateway.connections import Connections, NoAnswer
from billing.errors import BillingError
from billing.outcomes import (
    BANK,
    CARD,
    Approved,
    Declined,
    Held,
    HostedPage,
    InDoubt,
    NothingChanged,
    Voided,
    plain_words,
)

log = logging.getLogger(__name__)
# Its controllers write whole requests, transaction key included, at DEBUG. We use none of them; should
# somebody do so one day, the key still stays out of the log.
logging.getLogger("authorizenet").setLevel(logging.WARNING)
logging.getLogger("pyxb.binding.content").setLevel(logging.ERROR)  # finds the SDK's own schema ambiguous

MOST_DAYS_OF_BATCHES = 31
# Between our clock and the gateway's: also when ours was two hours ahead as an attempt began, and was put
# right since. What is not found for that reason would be taken for "it never happened", and charged again.
CLOCK_SKEW = timedelta(hours=3)
DUPLICATE, FULL = "E00039", "E00042"
NOT_SAVED = "This way of paying cannot be saved. "


class Gateway:
    """One account at Authorize.Net (or at the sandbox). Safe to share between threads."""

    def __init__(
        self, endpoint, login_id, transaction_key, *, signature_keys=(), hosted_url,
        timeout=(3.05, 30), money_timeout=(3.05, 60), stored_credential_flags=True,
    ):  # fmt: skip
        """``endpoint`` takes the XML, ``hosted_url`` is the payment page that takes the customer's browser.

        signature_keys -- two are valid for a day after one was renewed
        timeout        -- (connect, read) in seconds for questions; ``money_timeout`` for what moves money,
                          where waiting for an answer is better than a doubt
        stored_credential_flags -- tell the card networks that a stored card is charged; some processors
                          decline for it, so an account can do without
        """
        self.hosted_url = hosted_url
        self._endpoint = endpoint
        self._login_id = login_id
        self._transaction_key = transaction_key
        self._signature_keys = tuple(key for key in signature_keys if key)
        self._timeout, self._money_timeout = timeout, money_timeout
        self._stored_credential_flags = stored_credential_flags
        self._connections = Connections(endpoint)

    def hurried(self, timeout=(2, 4)):
        """The same account with less patience for questions, for a page that a person is waiting for."""
        quick = copy.copy(self)
        quick._timeout = timeout
        return quick

    # -- hosted pages

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
        profile_id="",
    ):
        """Ask for a payment page over exactly ``amount_cents``. Returns a HostedPage; moves no money.

        reference  -- unique per attempt, at most 20 characters: the only thing we can search by later
        bill_to    -- optional dict: first_name, last_name, company, address, city, state, zip, country
        kinds      -- what the page offers, any of "card" and "bank"
        profile_id -- offers what this customer has saved; a profile that is gone is left out
        URLs       -- without ? and #, which the gateway refuses with a misleading message

        Raises GatewayUnavailable; asking again is harmless, an unused page expires in fifteen minutes.
        """
        for url in (return_url, cancel_url):
            writing.address_of(url)

        def ask(profile_id):
            settings = writing.payment_page_settings(
                amount_cents, merchant_name, return_url, cancel_url, kinds, bool(profile_id)
            )
            sale = writing.sale(
                reference, amount_cents, description, customer_number, email, bill_to, profile_id
            )
            return self._asked(
                "getHostedPaymentPageRequest",
                refId=reference,
                transactionRequest=sale,
                hostedPaymentSettings=writing.settings_of(settings),
            )

        root = ask(profile_id)
        if profile_id and reading.envelope_code(root) == reading.UNKNOWN_RECORD:
            root = ask("")
        return HostedPage(_token(root), self.hosted_url)

    def hosted_profile_page(self, profile_id, *, return_url, kinds=(CARD, BANK), page="addPayment"):
        """Ask for the page where a customer adds a card or an account, or with ``page="manage"`` sees them.

        Returns a HostedPage, or None when the gateway has no such profile (any more). Nothing about what
        was added comes back to ``return_url``: look at ``stored_methods``. Raises GatewayUnavailable.
        """
        settings = writing.profile_page_settings(writing.address_of(return_url), kinds)
        root = self._asked(
            "getHostedProfilePageRequest",
            customerProfileId=writing.id_of(profile_id),
            hostedProfileSettings=writing.settings_of(settings),
        )
        if reading.envelope_code(root) == reading.UNKNOWN_RECORD:
            return None
        return HostedPage(_token(root), urljoin(self.hosted_url, f"/customer/{page}"))

    # -- calls that move money

    def charge(
        self,
        *,
        profile_id,
        method_id,
        amount_cents,
        reference,
        description,
        recurring,
        by_customer=False,
        network_transaction_id="",
        first_amount_cents=None,
        send_by=None,
    ):
        """Charge a stored method. Returns Approved, Declined, Held or InDoubt; never asks twice.

        reference   -- unique per attempt: the gateway refuses to charge the same one again for eight hours
        recurring   -- the charge belongs to a standing authorization
        by_customer -- the customer is here and asked for it; otherwise we charge as was agreed, and
                       ``network_transaction_id`` and ``first_amount_cents`` name the payment that began it
        send_by     -- of ``attempts.send_by()``: nothing is sent after it (InDoubt)
        """
        body = writing.charge(
            self._login_id,
            self._transaction_key,
            profile_id=profile_id,
            method_id=method_id,
            amount_cents=amount_cents,
            reference=reference,
            description=description,
            recurring=recurring,
            by_customer=by_customer,
            network_transaction_id=network_transaction_id,
            first_amount_cents=first_amount_cents,
            stored_credential_flags=self._stored_credential_flags,
        )
        outcome = self._move(f"charge {reference}", reference, body, send_by)
        if isinstance(outcome, Approved | Declined | Held | InDoubt):
            return outcome
        return InDoubt(f"a charge was answered with {outcome}", outcome.transaction_id)

    def void(self, transaction_id, *, send_by=None):
        """Take a payment back before it settles, always as a whole.

        Returns Voided; NothingChanged when it had been voided earlier; Declined when it is too late
        (refund it then); InDoubt.
        """
        outcome = self._transact(
            f"void {transaction_id}",
            secrets.token_hex(10),
            send_by,
            transactionType="voidTransaction",
            refTransId=writing.id_of(transaction_id),
        )
        if not isinstance(outcome, Approved | NothingChanged):
            return outcome
        if outcome.transaction_id != transaction_id:
            return InDoubt("a void was answered for another transaction")
        return Voided(transaction_id) if isinstance(outcome, Approved) else outcome

    def refund(self, transaction_id, amount_cents, *, reference, send_by=None):
        """Give ``amount_cents`` of a settled payment back to the card or account that paid.

        Several partial refunds are possible within 180 days, each with its own ``reference``. Returns
        Approved with the refund's own transaction id; Declined (54: not settled yet, void it instead);
        InDoubt. Raises GatewayUnavailable when the original cannot be read, before anything was sent.
        """
        original = self._details(transaction_id)
        if original is None:
            return Declined("16", plain_words("16"))
        return self._transact(
            f"refund {reference} of {transaction_id}",
            writing.reference_of(reference),
            send_by,
            transactionType="refundTransaction",
            amount=writing.amount_of(amount_cents),
            payment=writing.masked_payment(original),
            refTransId=transaction_id,
            order=writing.make("orderType", invoiceNumber=reference),
            transactionSettings=writing.settings_of(
                {"duplicateWindow": str(writing.DUPLICATE_WINDOW_SECONDS)}
            ),
        )

    # -- stored methods

    def create_profile(self, *, customer_number, email, description):
        """The id of the gateway's profile of a customer, made now unless there is one for this number.

        ``customer_number`` has at most 20 characters. Raises GatewayUnavailable; asking again is harmless, as
        long as number, ``email`` and ``description`` are the same: the gateway compares all three.
        """
        profile = writing.make(
            "customerProfileType",
            merchantCustomerId=customer_number,
            description=writing.plain(description, 255),
            email=writing.plain(email, 255),
        )
        root = self._asked("createCustomerProfileRequest", profile=profile)
        if reading.envelope_code(root) == DUPLICATE:
            return self._profile_of(customer_number)
        reading.refuse_errors(root)
        return reading.text(root, "customerProfileId") or _unusable("no profile id")

    def _profile_of(self, customer_number):
        """The id of the profile that carries our number; the one in the refusal's text may be another's."""
        root = self._read("getCustomerProfileRequest", merchantCustomerId=customer_number)
        if reading.text(root, "profile/merchantCustomerId") != customer_number:
            _unusable("the profile of another customer")
        return reading.text(root, "profile/customerProfileId") or _unusable("no profile id")

    def stored_methods(self, profile_id):
        """What the gateway keeps for a customer, as a list of StoredMethod; None when it has no such profile.

        Raises GatewayUnavailable.
        """
        root = self._asked(
            "getCustomerProfileRequest",
            customerProfileId=writing.id_of(profile_id),
            unmaskExpirationDate=True,
        )
        if reading.envelope_code(root) == reading.UNKNOWN_RECORD:
            return None
        reading.refuse_errors(root)
        return [reading.stored_method(node) for node in reading.every(root, "profile/paymentProfiles")]

    def save_method(self, transaction_id, *, profile_id):
        """Store the card or account of an approved payment in a customer's profile. Returns its method id.

        Raises BillingError when that is not possible, and GatewayUnavailable; asking again is harmless.
        """
        root = self._asked(
            "createCustomerProfileFromTransactionRequest",
            transId=writing.id_of(transaction_id),
            customerProfileId=writing.id_of(profile_id),
        )
        code = reading.envelope_code(root)
        if code == DUPLICATE:
            return self._saved_before(root, transaction_id, profile_id)
        if code == FULL:
            raise BillingError(f"{NOT_SAVED}Ten are saved already, the most there can be. Remove one first.")
        if re.fullmatch(r"E00(040|099|10[0-3])", code):
            raise BillingError(f"{NOT_SAVED}Please add it on the page of your saved ways to pay.")
        reading.refuse_errors(root)
        return next(iter(reading.profile_ids(root)), "") or _unusable("no method id")

    def _saved_before(self, root, transaction_id, profile_id):
        """The id of the method that a payment was made with and that is stored already."""
        if ids := reading.profile_ids(root):
            return ids[0]
        label = self.details(transaction_id).method_label
        same = [one for one in self.stored_methods(profile_id) or () if one.label == label]
        if len(same) != 1:
            raise BillingError(f"{NOT_SAVED}It seems to be saved already; please look at the list.")
        return same[0].method_id

    def delete_method(self, profile_id, method_id):
        """Forget a stored method; one that is gone already is fine. Raises GatewayUnavailable."""
        root = self._asked(
            "deleteCustomerPaymentProfileRequest",
            customerProfileId=writing.id_of(profile_id),
            customerPaymentProfileId=writing.id_of(method_id),
        )
        if reading.envelope_code(root) != reading.UNKNOWN_RECORD:
            reading.refuse_errors(root)

    def account_updates(self, month):
        """What the Account Updater changed in the month of the date ``month``, as a list of AccountUpdate."""
        found, number = [], 1
        while True:
            root = self._read(
                "getAUJobDetailsRequest",
                month=f"{month:%Y-%m}",
                modifiedTypeFilter="all",
                paging=writing.paging(number),
            )
            rows = reading.every(root, "auDetails/*")
            found += map(reading.account_update, rows)
            if len(rows) < writing.PAGE:
                return found
            number += 1

    # -- calls that only ask

    def check(self):
        """Return when the gateway answers and accepts our credentials; raise GatewayUnavailable otherwise."""
        self._read("authenticateTestRequest")

    def details(self, transaction_id):
        """Everything about one transaction, or None when this account has no such transaction."""
        node = self._details(transaction_id)
        return None if node is None else reading.transaction(node)

    def find(self, reference, *, since):
        """Every transaction that carries ``reference`` and was submitted after ``since`` (naive UTC).

        Looks through the unsettled list first and the settled batches second, so that one that settles
        between the two looks is still seen. Returns a list of Transaction in the order of submission,
        each re-read by its details. An empty list does not say that nothing happened: an attempt can
        still be on its way.
        """
        listed, since = self.unsettled(since=since), since - CLOCK_SKEW
        for batch in self.batches(since, max(_utcnow() + CLOCK_SKEW, since + timedelta(days=30))):
            listed += self.batch_transactions(batch.batch_id)
        ids = {found.transaction_id for found in listed if found.reference == reference}
        found = [transaction for id in ids if (transaction := self.details(id))]
        return sorted(found, key=lambda one: (one.submitted_at or datetime.min, int(one.transaction_id)))

    def unsettled(self, *, since):
        """All transactions that have not settled and were submitted after ``since`` (naive UTC), as listed.

        Those that wait for approval are among them, whichever list the gateway keeps them in.
        """
        since -= CLOCK_SKEW
        listed = self._unsettled("any", since) + self._unsettled("pendingApproval", since)
        return list({found.transaction_id: found for found in listed}.values())

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
                firstSettlementDate=writing.instant(first_at),
                lastSettlementDate=writing.instant(until),
            )
            nodes = reading.every(root, "batchList/batch")
            found |= {batch.batch_id: batch for batch in map(reading.batch, nodes)}
            first_at = until
        return sorted(found.values(), key=lambda batch: (batch.settled_at or datetime.min, batch.batch_id))

    def batch_transactions(self, batch_id):
        """All transactions of one batch, as listed (see Transaction about what a list leaves out)."""
        return list(self._pages("getTransactionListRequest", batch_id=batch_id, batchId=batch_id))

    # -- webhooks

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

    def webhooks(self):
        """The webhooks of this account, as a list of Webhook. Raises GatewayUnavailable."""
        told = self._rest("GET", "webhooks")
        return [reading.webhook(one) for one in told] if isinstance(told, list) else _unusable("no list")

    def activate_webhook(self, webhook_id):
        """Switch a webhook on again, as it is after too many failures. Raises GatewayUnavailable."""
        if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", webhook_id):
            raise ValueError(f"{webhook_id!r} is not the id of a webhook")
        kept = self._rest("GET", f"webhooks/{webhook_id}")
        if not isinstance(kept, dict):
            _unusable("no webhook")
        changed = {name: kept[name] for name in ("name", "url", "eventTypes") if name in kept}
        self._rest("PUT", f"webhooks/{webhook_id}", changed | {"status": "active"})

    def create_webhook(self, url, event_types):
        """Ask for notifications of ``event_types`` at ``url``. Returns the Webhook.

        Raises GatewayUnavailable, also when asking again would make a second one: look at ``webhooks`` first.
        """
        wanted = {"name": "Porchlight", "url": url, "eventTypes": list(event_types), "status": "active"}
        return reading.webhook(self._rest("POST", "webhooks", wanted))

    # -- how

    def _details(self, transaction_id):
        if not re.fullmatch(r"[1-9][0-9]{0,19}", transaction_id):
            return None  # 0 stands for "no transaction" on the wire
        root = self._asked("getTransactionDetailsRequest", transId=transaction_id)
        if reading.envelope_code(root) == reading.UNKNOWN_RECORD:
            return None
        reading.refuse_errors(root)
        node = root.find("{*}transaction")
        if reading.text(node, "transId") != transaction_id:
            _unusable("the details of another transaction")
        return node

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
        number = 1
        while True:
            root = self._read(
                request, **fields, sorting=writing.newest_first(), paging=writing.paging(number)
            )
            rows = reading.every(root, "transactions/transaction")
            yield from (reading.transaction(row, batch_id) for row in rows)
            if len(rows) < writing.PAGE:
                return
            number += 1

    def _transact(self, what, ref_id, send_by=None, **fields):
        """Write one transactionRequest and send it, with an outcome for whatever comes back."""
        element = writing.make("transactionRequestType", **fields)
        body = self._write("createTransactionRequest", ref_id, transactionRequest=element)
        return self._move(what, ref_id, body, send_by)

    def _move(self, what, ref_id, body, send_by=None):
        """Send a request that moves money, once. Whatever happens to it now, the answer is a value."""
        try:
            answer = self._post(body, moves_money=True, send_by=send_by)
            outcome = reading.money_outcome(reading.parse(answer, "createTransactionRequest", ref_id))
        except NoAnswer as silence:
            outcome = InDoubt(str(silence))
        if isinstance(outcome, InDoubt):
            log.warning("%s is in doubt: %s", what, outcome.why)
        else:
            log.info("%s: %s", what, type(outcome).__name__)
        return outcome

    def _read(self, request, **fields):
        """Ask, and raise GatewayUnavailable unless it was understood."""
        root = self._asked(request, **fields)
        reading.refuse_errors(root)
        return root

    def _asked(self, request, refId=None, **fields):
        """Ask, and return the root of the answer, be it an error. Raises GatewayUnavailable for silence."""
        ref_id = refId or secrets.token_hex(10)
        body = self._write(request, ref_id, **fields)
        try:
            return reading.parse(self._post(body), request, ref_id)
        except NoAnswer as silence:
            log.warning("%s: %s", request, silence)
            raise reading.unreached(self._endpoint, silence) from silence

    def _write(self, request, ref_id, **fields):
        return writing.request(request, self._login_id, self._transaction_key, ref_id, **fields)

    def _post(self, body, *, moves_money=False, send_by=None):
        """The body of the answer to a request. Raises NoAnswer, also for every HTTP status but 200."""
        headers = {"Content-Type": "application/xml"}
        if moves_money:
            timeout = self._money_timeout
            status, answer = self._connections.move(self._endpoint, body, headers, timeout, send_by)
        else:
            status, answer = self._connections.ask("POST", self._endpoint, body, headers, self._timeout)
        if status != 200:
            raise NoAnswer(f"HTTP {status}")
        return answer

    def _rest(self, method, path, told=None):
        """The JSON of an answer of the webhooks' own API. Raises GatewayUnavailable."""
        keys = base64.b64encode(f"{self._login_id}:{self._transaction_key}".encode()).decode()
        headers = {"Authorization": f"Basic {keys}", "Content-Type": "application/json"}
        url = urljoin(self._endpoint, f"/rest/v1/{path}")
        body = None if told is None else json.dumps(told).encode()
        try:
            status, answer = self._connections.ask(method, url, body, headers, self._timeout)
            if 200 <= status < 300:
                return json.loads(answer or b"null")
        except (NoAnswer, ValueError) as silence:
            log.warning("%s %s: %s", method, path, silence)
            raise reading.unreached(url, silence) from silence
        log.error("The gateway refused %s %s: HTTP %s", method, path, status)
        raise reading.refusal(f"HTTP {status}")


def _token(root):
    """The token of a hosted page. Raises GatewayUnavailable when there is none."""
    reading.refuse_errors(root)
    return reading.text(root, "token") or _unusable("no token")


def _unusable(what):
    """Raise GatewayUnavailable for an answer that is well-formed and still none."""
    log.error("An answer of the gateway cannot be used: %s", what)
    raise reading.unreadable(what)


def _utcnow():
    return datetime.now(UTC).replace(tzinfo=None)
