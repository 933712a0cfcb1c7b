"""What the banks would say to a charge: a verdict, by the documented sandbox triggers and the switches.

Amounts, ZIP codes, card codes, account numbers; what is charged and with what. Remembering it and moving it
on is the work of ``processor``.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field

DECLINED = "This transaction has been declined."
FAILED = "An error occurred during processing.  Please try again."
TEXTS = {
    1: "This transaction has been approved.",
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
    18: "ACH transactions are not accepted by this merchant.",
    27: "The transaction has been declined because of an AVS mismatch. "
    "The address provided does not match billing address of cardholder.",
    28: "The merchant does not accept this type of credit card.",
    33: "%s cannot be left blank.",
    36: "The authorization was approved but settlement failed.",
    37: "The credit card number is invalid.",
    47: "The amount requested for settlement cannot be greater than the original amount authorized.",
    49: "The transaction amount submitted was greater than the maximum amount allowed.",
    54: "The referenced transaction does not meet the criteria for issuing a credit.",
    55: "The sum of credits against the referenced transaction would exceed original debit amount.",
    66: "This transaction cannot be accepted for processing.",
    78: "The card code is invalid.",
    101: "The given name on the account and/or the account type does not match the actual account.",
    120: "An error occurred during processing. Please try again.",
    121: "An error occurred during processing. Please try again.",
    122: "An error occurred during processing. Please try again.",
    127: "The transaction resulted in an AVS mismatch. "
    "The address provided does not match billing address of cardholder.",
    128: "This transaction cannot be processed.",
    193: "The transaction is currently under review.",
    243: "Recurring billing is not allowed for this eCheck.Net type.",
    247: "This eCheck.Net type is not allowed.",
    252: "Your order has been received. Thank you for your business!",
    253: "Your order has been received. Thank you for your business!",
    295: "The amount of this request was only partially approved on the given prepaid card.",
    310: "This transaction has already been voided.",
    311: "This transaction has already been captured.",
    315: "The credit card number is invalid.",
    316: "Credit card expiration date is invalid.",
    317: "The credit card has expired.",
    318: "A duplicate transaction has been submitted.",
    901: "This transaction cannot be accepted at this time due to system maintenance.  "
    "Please try again later.",
}
UNANSWERED = {19, 20, 21, 22, 23, 25, 26, *range(57, 64), 180, 181}  # says the processor: nothing moved
UNVOIDED = {120, 121, 122}  # the charge timed out, and the automatic void failed: the money moved
ERRORS = UNANSWERED | UNVOIDED | {
    *range(5, 12), 13, 15, 16, 17, 18, 33, 36, 43, 47, *range(49, 57), 66, 78, 100, 101, *range(104, 111),
    128, 130, 131, 132, 152, *range(243, 249), 261, 270, 271, 289, 290, 901,
}  # fmt: skip
REVIEWS = {193: "FDSPendingReview", 252: "FDSPendingReview", 253: "FDSAuthorizedPendingReview"}
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


@dataclass(frozen=True)
class Card:
    """A card as it was typed. Only its last four digits are ever stored."""

    number: str
    expiration: str
    code: str = ""
    kind = "card"

    @property
    def last_four(self):
        """What a mask shows."""
        return self.number[-4:]

    @property
    def identity(self):
        """What the duplicate rules compare instead of the number."""
        return digest("card", self.number)

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
    expiration = code = ""

    @property
    def last_four(self):
        """What a mask shows."""
        return self.number[-4:]

    @property
    def identity(self):
        """What the duplicate rules compare instead of the numbers."""
        return digest("bank", self.routing, self.number)


@dataclass(frozen=True)
class Stored:
    """A card or account that is kept with a customer profile: masks, and a hash in place of the number."""

    profile_id: int
    method_id: int
    kind: str
    account_type: str
    last_four: str
    identity: str
    expiration: str = ""
    routing: str = ""  # of an account: masked
    name: str = ""
    type: str = ""
    echeck_type: str = ""
    code: str = ""
    decline_reason: int | None = None  # the control page makes it fail so


@dataclass(frozen=True)
class Charge:
    """What somebody wants to be paid: a request of the API or a click on the hosted page."""

    amount_cents: int
    source: Card | Account | Stored
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
    recurring: bool = False
    processing: str = ""  # the processingOptions that were true, with commas
    original_network_trans_id: str = ""


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
        return text_of(self.reason_code)


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
    profile_id: int | None = None
    method_id: int | None = None


def text_of(reason_code):
    """The gateway's sentence for a reason code."""
    return TEXTS.get(reason_code, FAILED if reason_code in ERRORS else DECLINED)


def forced(reason_code, charge):
    """The verdict that ends in ``reason_code`` because somebody wants it so."""
    auth_code = secrets.token_hex(3).upper() if charge.source.kind == "card" else ""
    if reason_code in REVIEWS:
        known = {"filter": "Amount Filter", "auth_code": auth_code if reason_code == 253 else ""}
        return Verdict(4, reason_code, REVIEWS[reason_code], **known)
    if reason_code in UNVOIDED:
        return Verdict(3, reason_code, "capturedPendingSettlement", auth_code=auth_code)
    if reason_code in UNANSWERED:
        return Verdict(3, reason_code, "generalError", auth_code=auth_code)
    if reason_code in ERRORS:
        return Verdict(3, reason_code)
    return Verdict(2, reason_code, "declined", avs=_avs(charge.bill_to))


def judge(charge, options, *, on, echeck_month_cents=0):
    """What happens to ``charge`` on the date ``on``, faults and duplicates aside: a Verdict."""
    if charge.amount_cents <= 0:
        return Verdict(3, 5)
    bad = unreadable(charge.source, on)
    if bad:
        return Verdict(3, bad)
    if isinstance(charge.source, Stored) and charge.source.decline_reason:
        return forced(charge.source.decline_reason, charge)
    if charge.source.kind == "bank":
        return _judge_account(charge, options, echeck_month_cents)
    return _judge_card(charge, options)


def _judge_account(charge, options, echeck_month_cents):
    if charge.recurring and charge.source.echeck_type not in ("WEB", "PPD", "CCD"):
        return Verdict(3, 243)
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


def unreadable(source, on):
    """The reason code for a number that cannot be one, or None."""
    return next(iter(all_unreadable(source, on)), None)


def all_unreadable(source, on):
    """The reason codes for everything about a card or an account that cannot be, the gravest first."""
    if isinstance(source, Stored):  # its number was looked at when it was stored
        found = [_expiration_fault(source.expiration, on) if source.expiration else None]
    elif source.kind == "bank":
        number = None if re.fullmatch(r"\d{4,17}", source.number) else 10
        found = [None if is_routing_number(source.routing) else 9, number]
    else:
        number = re.fullmatch(r"\d{13,16}", source.number) and passes_luhn(source.number)
        code = None if re.fullmatch(r"(\d{3,4})?", source.code) else 78
        brand = None if source.account_type else 17
        found = [brand if number else 6, code, _expiration_fault(source.expiration, on)]
    return [reason for reason in found if reason]


def _expiration_fault(expiration, on):
    month = year_month(expiration)
    return 7 if not month else 8 if month < f"{on:%Y-%m}" else None


def year_month(expiration):
    """An expiration date in any of the gateway's ways to write it, as ``2039-12``; "" when it is none."""
    match = EXPIRATION.fullmatch(expiration.strip())
    month = int((match["month"] or match["late"]) if match else 0)
    if not 1 <= month <= 12:
        return ""
    year = int(match["year"] or match["long"])
    return f"{year + 2000 * (year < 100)}-{month:02d}"


def digest(*values):
    """A hash for comparing what must not be kept."""
    return hashlib.sha256("|".join(values).encode()).hexdigest()


def passes_luhn(number):
    """True when the check digit of a card number fits."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(number, len(number) % 2)]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def is_routing_number(number):
    """True for nine digits whose ABA check digit fits."""
    if not re.fullmatch(r"\d{9}", number) or number == "000000000":
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, (3, 7, 1) * 3, strict=True)) % 10 == 0
