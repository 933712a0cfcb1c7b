"""What the banks would say, and the life of a transaction from charge to settlement.

``judge`` decides a charge by the documented sandbox triggers (amounts, ZIP codes, card codes) and by the
switches of the control page; ``Processor`` records it and moves it on: void, refund, review, settlement.
How a request looked and how its answer is written is none of this module's business.
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing.edges.sandbox.store import as_id, stamp

TEXTS = {
    1: "This transaction has been approved.",
    2: "This transaction has been declined.",
    5: "A valid amount is required.",
    6: "The credit card number is invalid.",
    7: "Credit card expiration date is invalid.",
    8: "The credit card has expired.",
    9: "The ABA code is invalid",
    10: "The account number is invalid",
    11: "A duplicate transaction has been submitted.",
    15: "The transaction ID is invalid or not present.",
    16: "The transaction cannot be found.",
    17: "The merchant does not accept this type of credit card.",
    19: "An error occurred during processing.  Please try again.",
    20: "An error occurred during processing.  Please try again.",
    27: "The transaction has been declined because of an AVS mismatch. "
    "The address provided does not match billing address of cardholder.",
    33: "%s cannot be left blank.",
    47: "The amount requested for settlement cannot be greater than the original amount authorized.",
    54: "The referenced transaction does not meet the criteria for issuing a credit.",
    55: "The sum of credits against the referenced transaction would exceed original debit amount.",
    65: "This transaction has been declined.",
    66: "This transaction cannot be accepted for processing.",
    78: "The card code is invalid.",
    120: "An error occurred during processing. Please try again.",
    247: "This eCheck.Net type is not allowed.",
    252: "Your order has been received. Thank you for your business!",
    253: "Your order has been received. Thank you for your business!",
    254: "This transaction has been declined.",
    295: "The amount of this request was only partially approved on the given prepaid card.",
    310: "This transaction has already been voided.",
    311: "This transaction has already been captured.",
}
AVS_OF_ZIP = {
    "46206": "P", "46203": "E", "46207": "R", "46204": "G", "46209": "U", "46208": "S", "46205": "N",
    "46201": "A", "46217": "Z", "46211": "W", "46214": "X",
}  # fmt: skip
CVV_OF_CODE = {"900": "M", "901": "N", "904": "P", "902": "S", "903": "U"}
DECLINED_ZIP = "46282"
PARTIAL_ZIP, PARTIAL_CENTS = "46225", 123
PREPAID_BALANCES = {"46226": "1.23", "46227": "-1.23", "46228": "0.00"}
BRANDS = (
    (r"4", "Visa"), (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", "MasterCard"),
    (r"3[47]", "AmericanExpress"), (r"3088|35(2[89]|[3-8])", "JCB"), (r"30[0-5]|3[68]", "DinersClub"),
    (r"6011|65|64[4-9]|62", "Discover"),  # UnionPay travels with Discover
)  # fmt: skip
EXPIRATION = re.compile(r"(?P<month>\d\d)[/-]?(?P<year>\d{4}|\d\d)|(?P<long>\d{4})-(?P<late>\d\d)")

OPTIONS = {
    "hold_above_cents": None,  # the amount filter: charges above this are held for review
    "hold_authorized": False,  # hold after authorization (253) instead of before (252)
    "reject_avs": "",  # AVS results that the account rejects (27), such as "N"
    "reject_cvv": "",  # card code results that it rejects (65)
    "echeck_limit_cents": 10_000,  # bank debits above this are declined
    "echeck_month_limit_cents": 500_000,
    "duplicate_counts_declined": True,  # a declined attempt blocks its repetition too (not documented)
    "list_declined": True,  # lists show declined and voided attempts (not documented)
    "list_held": True,  # the list of "any" status shows what is held for review too (not documented)
    "path_only_urls": True,  # return URLs with ? or # are refused (reported, not documented)
    "page_ref_id": False,  # a payment carries the refId that its page was asked for with (not documented)
    "page_duplicate_window": True,  # a page honors duplicateWindow (not documented)
    "form_minutes": 15,  # how long a displayed payment page takes a payment
    "approve_declines": False,  # a held charge is declined by the bank once it is released
    "cutoff": None,  # "HH:MM" UTC: settle by itself at that time of the sandbox's day
}

MONEY = ("capturedPendingSettlement", "refundPendingSettlement")
HELD = ("FDSPendingReview", "FDSAuthorizedPendingReview")
VOIDABLE = (*MONEY, *HELD, "authorizedPendingCapture")
DONE = ("declined", "voided", "expired", "generalError")
SETTLED = {
    "capturedPendingSettlement": "settledSuccessfully",
    "refundPendingSettlement": "refundSettledSuccessfully",
}


@dataclass(frozen=True)
class Card:
    """A card as it was typed. Only its last four digits are ever stored."""

    number: str
    expiration: str
    code: str = ""
    kind = "card"

    @property
    def account_type(self):
        """The brand, by the first digits; empty when nobody issues such cards."""
        return next((brand for start, brand in BRANDS if re.match(start, self.number)), "")


@dataclass(frozen=True)
class Account:
    """A bank account as it was typed. Only masks of its numbers are ever stored."""

    routing: str
    number: str
    name: str
    type: str = "checking"
    echeck_type: str = "WEB"
    kind = "bank"
    account_type = "eCheck"


@dataclass(frozen=True)
class Charge:
    """What somebody wants to be paid: a request of the API or a click on the hosted page."""

    amount_cents: int
    source: Card | Account
    type: str = "authCaptureTransaction"
    invoice_number: str = ""
    description: str = ""
    customer_id: str = ""
    customer_email: str = ""
    po_number: str = ""
    bill_to: dict = field(default_factory=dict)
    ref_id: str = ""
    duplicate_window: int | None = None  # seconds, when it was sent
    partial: bool = False
    token: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What the banks and the filters say. Response codes: 1 approved, 2 declined, 3 error, 4 held."""

    response_code: int
    reason_code: int
    status: str = ""
    avs: str = "P"
    cvv: str = ""
    auth_code: str = ""
    filter: str = ""
    approved_cents: int | None = None  # when a prepaid card covers a part only
    balance: str | None = None

    @property
    def text(self):
        """The gateway's sentence for the reason."""
        return TEXTS[self.reason_code]


@dataclass(frozen=True)
class Answer:
    """A verdict together with the transaction that it belongs to (0: none was made)."""

    verdict: Verdict
    transaction_id: int = 0
    original_id: int | None = None
    account_type: str = ""
    account_number: str = ""
    network_trans_id: str = ""
    requested_cents: int = 0


def judge(charge, options, *, on, echeck_month_cents=0):
    """What happens to ``charge`` on the date ``on``, faults and duplicates aside: a Verdict."""
    if charge.amount_cents <= 0:
        return Verdict(3, 5)
    bad = _unreadable(charge.source, on)
    if bad:
        return Verdict(3, bad)
    if charge.source.kind == "bank":
        return _judge_account(charge, options, echeck_month_cents)
    return _judge_card(charge, options)


def _judge_account(charge, options, echeck_month_cents):
    above = charge.amount_cents > options["echeck_limit_cents"]
    if above or echeck_month_cents + charge.amount_cents > options["echeck_month_limit_cents"]:
        return Verdict(2, 2, "declined")
    return _hold_or_approve(charge, options, avs="P", cvv="", auth_code="")


def _judge_card(charge, options):
    zip_code = charge.bill_to.get("zip", "")[:5]
    known = {"avs": _avs(charge.bill_to), "cvv": CVV_OF_CODE.get(charge.source.code, "P")}
    if zip_code == DECLINED_ZIP:
        return Verdict(2, 2, "declined", **known)
    if known["avs"] in options["reject_avs"]:
        return Verdict(2, 27, "declined", **known)
    if known["cvv"] in options["reject_cvv"]:
        return Verdict(2, 65, "declined", **known)
    auth_code = secrets.token_hex(3).upper()
    if zip_code == PARTIAL_ZIP:
        if not charge.partial:
            return Verdict(2, 2, "declined", **known)
        status = "capturedPendingSettlement"
        return Verdict(
            4, 295, status, auth_code=auth_code, approved_cents=PARTIAL_CENTS, balance="0.00", **known
        )
    balance = PREPAID_BALANCES.get(zip_code)
    return _hold_or_approve(charge, options, auth_code=auth_code, balance=balance, **known)


def _hold_or_approve(charge, options, **known):
    limit = options["hold_above_cents"]
    if limit is not None and charge.amount_cents > limit:
        if options["hold_authorized"]:
            return Verdict(4, 253, "FDSAuthorizedPendingReview", filter="Amount Filter", **known)
        return Verdict(4, 252, "FDSPendingReview", filter="Amount Filter", **{**known, "auth_code": ""})
    only = charge.type == "authOnlyTransaction"
    return Verdict(1, 1, "authorizedPendingCapture" if only else "capturedPendingSettlement", **known)


def _avs(bill_to):
    if not bill_to.get("address") and not bill_to.get("zip"):
        return "B"
    return AVS_OF_ZIP.get(bill_to.get("zip", "")[:5], "Y")


def _unreadable(source, on):
    """The reason code for a number that cannot be one, or None."""
    if source.kind == "bank":
        if not is_routing_number(source.routing):
            return 9
        return None if re.fullmatch(r"\d{4,17}", source.number) else 10
    if not re.fullmatch(r"\d{13,16}", source.number) or not passes_luhn(source.number):
        return 6
    if not source.account_type:
        return 17
    if source.code and not re.fullmatch(r"\d{3,4}", source.code):
        return 78
    return _expiration_fault(source.expiration, on)


def _expiration_fault(expiration, on):
    match = EXPIRATION.fullmatch(expiration.strip())
    month = int((match["month"] or match["late"]) if match else 0)
    if not 1 <= month <= 12:
        return 7
    year = int(match["year"] or match["long"])
    return 8 if (year + 2000 * (year < 100), month) < (on.year, on.month) else None


def passes_luhn(number):
    """True when the check digit of a card number fits."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(number, len(number) % 2)]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def is_routing_number(number):
    """True for nine digits whose ABA check digit fits."""
    if not re.fullmatch(r"\d{9}", number) or number == "000000000":
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, (3, 7, 1) * 3, strict=True)) % 10 == 0


class Processor:
    """Transactions and their moves. ``notify(event, row, **extra)`` is told about each that has an event."""

    def __init__(self, store, notify):
        self._store = store
        self._notify = notify

    @property
    def options(self):
        """The switches of the account: the defaults and what the control page changed."""
        return {**OPTIONS, **self._store.setting("options", {})}

    def set_options(self, changes):
        """Change switches. Raises ValueError for one that does not exist."""
        if unknown := set(changes) - set(OPTIONS):
            raise ValueError(f"There is no option “{min(unknown)}”. There are: {', '.join(OPTIONS)}.")
        with self._store.transaction():
            self._store.remember("options", {**self._store.setting("options", {}), **changes})

    def get(self, transaction_id):
        """The row of a transaction, or None."""
        return self._store.row("SELECT * FROM trans WHERE id = ?", as_id(transaction_id))

    # -- charge, capture, void, refund

    def charge(self, charge, *, reason=None, hold=False):
        """Charge a card or an account: an Answer. A fault forces ``reason``; ``hold`` is the filter."""
        with self._store.transaction():
            fingerprint = _fingerprint(charge)
            if twin := self._twin(charge, fingerprint):
                return _duplicate(twin, charge)
            verdict = self._verdict(charge, reason, hold)
            if verdict.response_code == 3 and not verdict.status:
                return Answer(
                    verdict, account_type=charge.source.account_type, account_number=_mask(charge.source)
                )
            row = self._record(charge, verdict, fingerprint)
            self._tell_of_charge(row, verdict)
        shown = 0 if verdict.response_code == 3 else row["id"]
        return Answer(
            verdict,
            shown,
            None,
            row["account_type"],
            row["account_number"],
            row["network_trans_id"],
            charge.amount_cents,
        )

    def capture(self, original_id, amount_cents):
        """Capture an earlier authorization, whole or in part: an Answer."""
        with self._store.transaction():
            row = self.get(original_id)
            if row is None or row["type"] != "authOnlyTransaction":
                return _error(16, original_id)
            if row["status"] in ("capturedPendingSettlement", "settledSuccessfully"):
                return Answer(
                    Verdict(1, 311), row["id"], row["id"], row["account_type"], row["account_number"]
                )
            if row["status"] != "authorizedPendingCapture":
                return _error(16, original_id)
            if (amount_cents or row["amount_cents"]) > row["amount_cents"]:
                return _error(47, original_id)
            amount_cents = amount_cents or row["amount_cents"]
            self._move(row["id"], "capturedPendingSettlement", amount_cents=amount_cents)
            self._notify("net.authorize.payment.priorAuthCapture.created", self.get(row["id"]))
        verdict = Verdict(1, 1, auth_code=row["auth_code"])
        return Answer(verdict, row["id"], row["id"], row["account_type"], row["account_number"])

    def void(self, original_id):
        """Void a transaction that has not settled: an Answer with the id of the original."""
        with self._store.transaction():
            row = self.get(original_id)
            if row is not None and row["status"] == "voided":
                return Answer(
                    Verdict(1, 310), row["id"], row["id"], row["account_type"], row["account_number"]
                )
            if row is None or row["status"] not in VOIDABLE:
                return _error(16, original_id)
            self._move(row["id"], "voided")
            self._notify("net.authorize.payment.void.created", self.get(row["id"]))
        verdict = Verdict(1, 1, auth_code=row["auth_code"])
        return Answer(verdict, row["id"], row["id"], row["account_type"], row["account_number"])

    def refund(self, charge, original_id, last_four, *, reason=None):
        """Refund a settled transaction to the card or account that paid: an Answer with a new id.

        ``charge`` carries the amount and the masked source; its last four digits must be the original's.
        """
        with self._store.transaction():
            fingerprint = _fingerprint(charge)
            if twin := self._twin(charge, fingerprint):
                return _duplicate(twin, charge)
            row = self.get(original_id)
            fault = self._refund_fault(row, charge, last_four)
            if fault or reason:
                return _error(reason or fault, original_id, row)
            verdict = Verdict(1, 1, "refundPendingSettlement")
            refund = self._record(charge, verdict, fingerprint, original=row)
            self._notify("net.authorize.payment.refund.created", refund)
        return Answer(verdict, refund["id"], row["id"], row["account_type"], row["account_number"])

    def _refund_fault(self, row, charge, last_four):
        if row is None:
            return 16
        if charge.amount_cents <= 0:
            return 5
        oldest = stamp(self._store.now() - timedelta(days=180))
        settled = row["status"] == "settledSuccessfully" and row["submitted_at"] >= oldest
        if not settled or row["kind"] != charge.source.kind or row["account_number"][-4:] != last_four:
            return 54
        if charge.source.kind == "bank" and charge.source.echeck_type not in ("PPD", "CCD"):
            return 247
        given = self._store.value(
            "SELECT coalesce(sum(amount_cents), 0) FROM trans"
            " WHERE ref_trans_id = ? AND status LIKE 'refund%'",
            row["id"],
        )
        return 55 if given + charge.amount_cents > row["amount_cents"] else None

    def review(self, transaction_id, action):
        """Release or refuse a held transaction: an Answer."""
        with self._store.transaction():
            row = self.get(transaction_id)
            if row is None or row["status"] not in HELD:
                return _error(16, transaction_id)
            declined = action == "decline" or self.options["approve_declines"]
            if declined:
                authorized = row["status"] == "FDSAuthorizedPendingReview"
                status, verdict = "voided" if authorized else "declined", Verdict(2, 254)
            else:
                auth_code = row["auth_code"] or (
                    secrets.token_hex(3).upper() if row["kind"] == "card" else ""
                )
                status, verdict = "capturedPendingSettlement", Verdict(1, 1, auth_code=auth_code)
            self._move(
                row["id"], status, auth_code=verdict.auth_code, response_code=verdict.response_code,
                reason_code=verdict.reason_code, reason_text=verdict.text,
            )  # fmt: skip
            event = "net.authorize.payment.fraud." + ("declined" if action == "decline" else "approved")
            self._notify(event, self.get(row["id"]))
        return Answer(verdict, row["id"], None, row["account_type"], row["account_number"])

    # -- settlement and the passing of time

    def settle(self, kind=None, *, fail=False, at=None, before=None):
        """Close the day: put what waits into batches, cards and bank debits apart. Returns the batch ids."""
        at, before = at or self._store.now(), before or self._store.now() + timedelta(seconds=1)
        batches = []
        with self._store.transaction():
            for one in (kind,) if kind else ("card", "bank"):
                if self._waiting(one, before):
                    batches.append(self._close_batch(one, at, before, fail))
        return batches

    def catch_up(self):
        """Do what time alone does: settle at each cut-off that has passed, let old reviews expire."""
        with self._store.transaction():
            now = self._store.now()
            old = stamp(now - timedelta(days=5))
            self._store.execute(
                "UPDATE trans SET status = 'expired'"
                f" WHERE batch_id IS NULL AND status IN {HELD!r} AND submitted_at < ?",
                old,
            )
            if self.options["cutoff"]:
                self._settle_until(now, self.options["cutoff"])

    def _settle_until(self, now, cutoff):
        since = datetime.fromisoformat(self._store.setting("settled_until", stamp(now)))
        hour, minute = map(int, cutoff.split(":"))
        at = since.replace(hour=hour, minute=minute, second=0, microsecond=0)
        at += timedelta(days=at <= since)
        while at <= now:
            self.settle(at=at, before=at)
            at += timedelta(days=1)
        self._store.remember("settled_until", stamp(now))

    def _waiting(self, kind, before):
        return self._store.value(
            "SELECT count(*) FROM trans"
            f" WHERE kind = ? AND batch_id IS NULL AND status IN {MONEY!r} AND submitted_at < ?",
            kind,
            stamp(before),
        )

    def _close_batch(self, kind, at, before, fail):
        state = "settlementError" if fail else "settledSuccessfully"
        batch = self._store.insert("batch", kind=kind, state=state, settled_at=stamp(at))
        for waiting, settled in SETTLED.items():
            self._store.execute(
                "UPDATE trans SET batch_id = ?, status = ?"
                " WHERE kind = ? AND batch_id IS NULL AND status = ? AND submitted_at < ?",
                batch, "settlementError" if fail else settled, kind, waiting, stamp(before),
            )  # fmt: skip
        self._store.execute(
            f"UPDATE trans SET batch_id = ? WHERE kind = ? AND batch_id IS NULL AND status IN {DONE!r}"
            " AND submitted_at < ?",
            batch, kind, stamp(before),
        )  # fmt: skip
        return batch

    # -- how

    def _verdict(self, charge, reason, hold):
        options = self.options
        if hold:
            options["hold_above_cents"] = 0
        verdict = judge(
            charge, options, on=self._store.now().date(), echeck_month_cents=self._echeck_month_cents()
        )
        if reason and verdict.response_code == 1:  # the void failed after 120: the money moved all the same
            return Verdict(
                3, reason, verdict.status if reason == 120 else "generalError", auth_code=verdict.auth_code
            )
        return verdict

    def _echeck_month_cents(self):
        month = stamp(self._store.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        return self._store.value(
            "SELECT coalesce(sum(amount_cents), 0) FROM trans WHERE kind = 'bank' AND submitted_at >= ?"
            " AND response_code = 1 AND type = 'authCaptureTransaction' AND fingerprint <> ''",
            month,
        )

    def _twin(self, charge, fingerprint):
        """The earlier attempt that the duplicate rule finds, or None."""
        window = 120 if charge.duplicate_window is None else min(charge.duplicate_window, 28800)
        if window <= 0:
            return None
        declined = "" if self.options["duplicate_counts_declined"] else " AND response_code <> 2"
        return self._store.row(
            f"SELECT * FROM trans WHERE fingerprint = ? AND submitted_at > ?{declined} ORDER BY id DESC",
            fingerprint,
            stamp(self._store.now() - timedelta(seconds=window)),
        )

    def _record(self, charge, verdict, fingerprint, original=None):
        moved = verdict.response_code == 3 and verdict.status != "generalError"  # reason 120
        new = self._store.insert(
            "trans",
            type=charge.type,
            status=verdict.status,
            amount_cents=charge.amount_cents if verdict.approved_cents is None else verdict.approved_cents,
            response_code=1 if moved else verdict.response_code,
            reason_code=1 if moved else verdict.reason_code,
            reason_text="Approval" if moved or verdict.response_code == 1 else verdict.text,
            auth_code=verdict.auth_code,
            avs=verdict.avs,
            cvv=verdict.cvv,
            filter=verdict.filter,
            network_trans_id=secrets.token_hex(8).upper() if verdict.auth_code else "",
            fingerprint=fingerprint,
            token=charge.token,
            ref_trans_id=original["id"] if original else None,
            submitted_at=stamp(self._store.now()),
            **_order_columns(charge),
            **(_columns_of(original) if original else _source_columns(charge.source)),
        )
        return self.get(new)

    def _move(self, transaction_id, status, **changes):
        self._store.update("trans", transaction_id, status=status, **changes)

    def _tell_of_charge(self, row, verdict):
        if verdict.response_code == 4 and row["status"] in HELD:
            self._notify("net.authorize.payment.fraud.held", row)
        elif row["status"] == "authorizedPendingCapture":
            self._notify("net.authorize.payment.authorization.created", row)
        elif row["status"] == "capturedPendingSettlement":
            self._notify("net.authorize.payment.authcapture.created", row)


def _order_columns(charge):
    return {
        "invoice_number": charge.invoice_number,
        "description": charge.description,
        "customer_id": charge.customer_id,
        "customer_email": charge.customer_email,
        "bill_to": json.dumps(charge.bill_to, ensure_ascii=False),
        "ref_id": charge.ref_id,
    }


def _source_columns(source):
    columns = {"kind": source.kind, "account_type": source.account_type, "account_number": _mask(source)}
    if source.kind == "bank":
        columns |= {
            "routing_number": "XXXX" + source.routing[-4:],
            "bank_account_type": source.type,
            "bank_account_name": source.name,
            "echeck_type": source.echeck_type,
        }
    return columns


def _columns_of(original):
    names = (
        "kind",
        "account_type",
        "account_number",
        "routing_number",
        "bank_account_type",
        "bank_account_name",
    )
    return {name: original[name] for name in names}


def _mask(source):
    return "XXXX" + source.number[-4:]


def _fingerprint(charge):
    """One hash of all that the duplicate rule compares; the numbers themselves are not kept."""
    source, to = charge.source, charge.bill_to
    where = ("firstName", "lastName", "company", "address", "city", "state", "zip", "country")
    numbers = (source.number, source.expiration) if source.kind == "card" else (source.routing, source.number)
    compared = [
        *numbers, charge.type, charge.amount_cents, charge.invoice_number, charge.po_number,
        charge.customer_id, charge.duplicate_window, *(to.get(name, "") for name in where),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(compared).encode()).hexdigest()


def _duplicate(twin, charge):
    """Reason 11; the original's data only for those who sent a duplicateWindow."""
    shown = (twin["account_type"], twin["account_number"])
    if charge.duplicate_window is None:
        return Answer(Verdict(3, 11), 0, None, *shown)
    auth_code = twin["auth_code"] if twin["response_code"] == 1 else ""
    return Answer(Verdict(3, 11, "", twin["avs"], twin["cvv"], auth_code), twin["id"], None, *shown)


def _error(reason_code, original_id, row=None):
    shown = (row["account_type"], row["account_number"]) if row else ("", "")
    return Answer(Verdict(3, reason_code), 0, original_id, *shown)
