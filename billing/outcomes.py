"""What the payment gateway said, as values: the one vocabulary between the rules and the edge.

Match them exhaustively (``match outcome: case Approved(): ...``); never test one for truth. Reading the
gateway's words belongs here; talking to it belongs in ``billing.edges.gateway``, and what follows from
an answer (is the invoice paid, may we try again, did it never happen) belongs to the rules.
"""

from dataclasses import dataclass
from datetime import date, datetime

CARD, BANK = "card", "bank"


@dataclass(frozen=True)
class Approved:
    """The money is on its way to us (or, for a refund, to the customer)."""

    transaction_id: str
    auth_code: str = ""
    method_label: str = ""
    network_transaction_id: str = ""  # of the card network: proves later charges to be agreed by this one


@dataclass(frozen=True)
class Declined:
    """Final, and no money moved. ``sentence`` tells the customer what happened and what to do."""

    reason_code: str
    sentence: str
    transaction_id: str = ""


@dataclass(frozen=True)
class Held:
    """The gateway keeps it for review by a person: neither paid nor failed."""

    transaction_id: str


@dataclass(frozen=True)
class InDoubt:
    """The money may or may not have moved: ask again, never charge again. ``why`` is for staff and logs."""

    why: str = ""
    transaction_id: str = ""


@dataclass(frozen=True)
class Voided:
    """Taken back before it settled: no money moves."""

    transaction_id: str


@dataclass(frozen=True)
class Returned:
    """The bank or the card network took approved money back."""

    transaction_id: str
    reason_code: str = ""


@dataclass(frozen=True)
class NothingChanged:
    """What was asked for had been done earlier (codes 310 and 311): no second success to count."""

    transaction_id: str
    why: str = ""


@dataclass(frozen=True)
class HostedPage:
    """A page of the gateway that waits: the browser posts ``token`` to ``url`` within fifteen minutes."""

    token: str
    url: str


@dataclass(frozen=True)
class StoredMethod:
    """A card or bank account that the gateway keeps for a customer; all that we may know of it."""

    method_id: str
    kind: str  # CARD or BANK
    label: str  # Visa ending 4242
    last_four: str
    expires_on: date | None = None  # the last day of the month; None for an account, or when not told
    account_type: str = ""  # of an account: checking, savings or businessChecking
    holder: str = ""
    network_transaction_id: str = ""


@dataclass(frozen=True)
class AccountUpdate:
    """What a card network's monthly Account Updater did to a stored card, in place, at the gateway."""

    profile_id: str
    method_id: str
    reason: str  # NAN new number, NED new expiration date, ACL account closed, CCH ask the card holder
    deleted: bool
    updated_at: datetime | None = None  # naive UTC

    @property
    def is_new_data(self):
        """True when the card goes on with a new number or date; otherwise its holder has to be asked."""
        return self.reason in ("NAN", "NED") and not self.deleted


@dataclass(frozen=True)
class Webhook:
    """Where the gateway sends its notifications, and whether it still does: failures switch it off."""

    webhook_id: str
    url: str
    is_active: bool
    event_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReturnedItem:
    """What a bank said about a debit of ours: a return (Rxx), or a correction of account data (Cxx)."""

    return_id: str
    code: str
    description: str = ""
    returned_on: date | None = None

    @property
    def takes_back(self):
        """True when the money went back; a notification of change moves none."""
        return not self.code.upper().startswith("C")


@dataclass(frozen=True)
class Batch:
    """One settlement of the processor; cards and bank debits settle apart. Totals are those it reports."""

    batch_id: str
    state: str
    kind: str
    settled_at: datetime | None = None  # naive UTC
    charge_count: int = 0
    charge_cents: int = 0
    refund_count: int = 0
    refund_cents: int = 0
    return_count: int = 0  # returned bank debits and chargebacks
    return_cents: int = 0

    @property
    def is_settled(self):
        """True when the money moved; a batch can fail as a whole."""
        return self.state == "settledSuccessfully"


APPROVED_STATUSES = frozenset({
    "capturedPendingSettlement", "settledSuccessfully", "approvedReview", "pendingSettlement",
    "pendingFinalSettlement", "updatingSettlement", "refundPendingSettlement", "refundSettledSuccessfully",
})  # fmt: skip
HELD_STATUSES = frozenset({
    "FDSPendingReview", "FDSAuthorizedPendingReview", "underReview", "authorizedPendingRelease",
})  # fmt: skip
DECLINED_STATUSES = frozenset({"declined", "expired", "generalError", "communicationError", "failedReview"})
RETURNED_STATUSES = frozenset({"returnedItem", "chargeback"})
SETTLED_STATUSES = frozenset({"settledSuccessfully", "refundSettledSuccessfully"})


@dataclass(frozen=True)
class Transaction:
    """All that the gateway tells about one transaction. Instants are naive UTC, codes are text.

    An entry of a list (``find`` re-reads them, ``batch_transactions`` and ``unsettled`` do not) lacks the
    fields that only the details have: response and reason code, auth code, type, original, returned items.
    """

    transaction_id: str
    status: str
    amount_cents: int
    reference: str = ""  # order/invoiceNumber: our reference of the attempt
    kind: str = CARD
    method_label: str = ""
    type: str = ""  # authCaptureTransaction, refundTransaction, ...
    response_code: str = ""
    reason_code: str = ""
    auth_code: str = ""
    ref_transaction_id: str = ""  # of a refund or a return: the original
    batch_id: str = ""
    submitted_at: datetime | None = None
    settled_at: datetime | None = None
    has_returned_items: bool = False  # the details say which
    returned_items: tuple[ReturnedItem, ...] = ()
    profile_id: str = ""
    method_id: str = ""
    network_transaction_id: str = ""

    @property
    def is_refund(self):
        """True for money that goes back to the customer."""
        return self.type == "refundTransaction" or self.status.startswith("refund")

    @property
    def is_money(self):
        """True when the customer's money is ours or on its way: approved, not taken back, not a refund."""
        return self.status in APPROVED_STATUSES and not self.is_refund and not self.was_returned

    @property
    def is_returned(self):
        """True for the entry that a bank's return makes of its own; ``ref_transaction_id`` may be missing."""
        return self.status == "returnedItem"

    @property
    def was_returned(self):
        """True for a debit whose own details tell that the bank took it back: the other way to learn it."""
        return any(item.takes_back for item in self.returned_items)

    @property
    def return_code(self):
        """The bank's code of the return (R01), told here or by the entry of the debit; else empty."""
        return next((item.code for item in self.returned_items if item.takes_back), "")

    @property
    def is_chargeback(self):
        """True when a card holder disputed it and the card network took the money back."""
        return self.status == "chargeback"

    @property
    def is_chargeback_reversal(self):
        """True when a dispute was decided for us and the money came again."""
        return self.status == "chargebackReversal"

    @property
    def is_entry_about_another(self):
        """True for what a bank's return or a dispute makes of its own: never the payment itself."""
        return self.is_returned or self.is_chargeback or self.is_chargeback_reversal

    @property
    def is_settled(self):
        """True after the nightly batch: from now on it is refunded, not voided."""
        return self.status in SETTLED_STATUSES

    @property
    def is_final(self):
        """True when the gateway will not change its mind by itself (a bank debit may still be returned)."""
        return self.is_settled or self.status in DECLINED_STATUSES | RETURNED_STATUSES | {"voided"}

    def outcome(self):
        """What its status means now. A status that we do not know is in doubt: safety is the default."""
        if self.was_returned or self.status in RETURNED_STATUSES:
            return Returned(self.transaction_id, self.return_code)
        if self.status in APPROVED_STATUSES:
            network = self.network_transaction_id
            return Approved(self.transaction_id, self.auth_code, self.method_label, network)
        if self.status in HELD_STATUSES:
            return Held(self.transaction_id)
        if self.status in DECLINED_STATUSES:
            return Declined(self.reason_code, plain_words(self.reason_code, self.kind), self.transaction_id)
        if self.status == "voided":
            return Voided(self.transaction_id)
        return InDoubt(f"The gateway reports the status “{self.status}”.", self.transaction_id)


# -- why money did not come

HARD, SOFT, OURS = "hard", "soft", "ours"


@dataclass(frozen=True)
class Cause:
    """Why a payment was refused: what that means for the method, and what its owner reads.

    kind -- HARD: this method will never work again as it is stored, ask for another one
            SOFT: balance, limit, a bank that could not be reached; it may be tried again later
            OURS: the fault is in our set-up; staff must act, the method is not to blame
    """

    kind: str
    sentence: str  # what happened, and what to do


_OTHER = "Please use another card or bank account, or call the number on the back of the card."
_ADDRESS = "Please enter the billing address exactly as it is on the card statement and try again."
_CODE = "Please check the 3 or 4 digits of the security code on the card and try again."
_ACCOUNT = "Please check the routing and account number on a check and try again, or pay by card."
_BALANCE = Cause(
    SOFT, f"The bank declined this payment. Often the reason is the balance or a limit. {_OTHER}"
)
_BANK_BALANCE = Cause(SOFT, f"The bank declined this payment. {_ACCOUNT}")
_DECLINED = Cause(SOFT, f"The bank declined this payment. {_OTHER}")
_NUMBER = Cause(HARD, "The card number is not valid. Please check the number or use another card.")
_EXPIRATION = Cause(
    HARD, "The expiration date is not valid. Please check the month and year on the card and try again."
)
_EXPIRED = Cause(
    HARD, "The card has expired. Please use the new one that your bank sent you, or another card."
)
_CARD_CODE = Cause(HARD, f"The card's security code does not match. {_CODE}")
_KIND = Cause(HARD, "We do not accept this kind of card. Please use another card or a bank account.")
_SECURITY = f"The payment was stopped by a security check. {_OTHER}"
_MISMATCH = Cause(HARD, f"The address does not match the one that the card's bank has. {_ADDRESS}")
_NAME = Cause(HARD, f"The name or address on the bank account was not accepted. {_ACCOUNT}")
_SETUP = Cause(OURS, "The fault is on our side, not yours. Please try again later, pay by check, or call us.")
_GONE = Cause(
    HARD,
    "This card or bank account is no longer saved with our payment processor. Please add it again, or "
    "choose another way to pay.",
)

# Keys: the gateway's response reason codes, and its message codes (E…) where they say more than a fault of
# ours. Every one of them means that no money moved; codes that do not say so are in DOUBTFUL_REASONS.
CAUSES = {
    "2": _BALANCE,
    "3": Cause(SOFT, f"The card's bank wants to speak with you before it approves this payment. {_OTHER}"),
    "4": Cause(
        HARD, "The bank does not accept this card any more. Please use another card or a bank account."
    ),
    "6": _NUMBER,
    "7": _EXPIRATION,
    "8": _EXPIRED,
    "9": Cause(HARD, f"The routing number is not valid. {_ACCOUNT}"),
    "10": Cause(HARD, f"The account number is not valid. {_ACCOUNT}"),
    "17": _KIND,
    "27": _MISMATCH,
    "28": _KIND,
    "37": _NUMBER,
    "41": Cause(HARD, _SECURITY),
    "44": _CARD_CODE,
    "45": Cause(
        HARD, f"The address and the card's security code do not match. {_ADDRESS} {_CODE}"
    ),
    "49": Cause(
        OURS, "The amount is above what can be paid at once. Please pay a smaller amount or call us."
    ),
    "65": _CARD_CODE,
    "78": _CARD_CODE,
    "101": Cause(HARD, f"The name or the account type does not match the bank account. {_ACCOUNT}"),
    **dict.fromkeys(("104", "105", "106", "107", "108", "109", "110"), _NAME),
    "127": _MISMATCH,
    "128": Cause(HARD, f"The bank does not allow this payment from this account. {_OTHER}"),
    "141": Cause(HARD, _SECURITY),
    "145": _CARD_CODE,
    "165": _CARD_CODE,
    "191": _DECLINED,
    "200": _NUMBER,
    "201": _EXPIRATION,
    "209": Cause(SOFT, "The card's bank could not be reached. Please try again in a few minutes."),
    "250": Cause(OURS, _SECURITY),  # a blocked address on the internet; ours, when no browser is involved
    "251": Cause(OURS, _SECURITY),  # a filter that we set up
    "254": Cause(HARD, f"The payment was reviewed and could not be accepted. {_OTHER}"),
    "261": Cause(SOFT, "The payment could not be processed. Please try again in a few minutes."),
    "315": _NUMBER,
    "316": _EXPIRATION,
    "317": _EXPIRED,
    # our own set-up: the customer can do nothing about these
    **dict.fromkeys(("5", "13", "15", "18", "29", "30", "31", "33", "34", "35", "38", "39", "43"), _SETUP),
    **dict.fromkeys(("47", "53", "56", "66", "100", "130", "131", "132", "153", "155"), _SETUP),
    **dict.fromkeys(("170", "171", "172", "173", "174", "243", "244", "245", "246", "247"), _SETUP),
    **dict.fromkeys(("248", "270", "271", "289", "290", "325", "326", "328"), _SETUP),
    # what staff read when they take money back
    "16": Cause(
        OURS, "This payment cannot be voided any more: it has settled, or never arrived. Refund it instead."
    ),
    "50": Cause(
        OURS,
        "This payment has not settled yet. Void it as a whole, or refund it after tonight's settlement.",
    ),
    "51": Cause(OURS, "The refunds together would be more than was paid."),
    "54": Cause(
        OURS,
        "This payment cannot be refunded now. Before it has settled, void it as a whole or wait until "
        "tomorrow; more than 180 days later, pay the customer back by check.",
    ),
    "55": Cause(OURS, "The refunds together would be more than was paid."),
    "175": Cause(OURS, "The processor does not let us cancel a refund. Wait until it has settled."),
    "319": Cause(OURS, "The processor cannot find this payment. Look it up in the payment list first."),
    "327": Cause(OURS, "This payment is being settled right now. Refund it tomorrow."),
    # a stored method that the gateway no longer has
    **dict.fromkeys(("E00040", "E00098", "E00110", "E00121"), _GONE),
}  # fmt: skip

# The gateway answered, yet money may have moved: no answer from the processor, a failed automatic void,
# a duplicate of an attempt whose answer we may have missed, maintenance in the middle of it.
DOUBTFUL_REASONS = frozenset({
    "11", "19", "20", "21", "22", "23", "25", "26", "36", "52", "57", "58", "59", "60", "61", "62", "63",
    "120", "121", "122", "152", "180", "181", "222", "318", "901",
})  # fmt: skip


def cause_of(reason_code, kind=CARD):
    """Why a payment was declined: the Cause for ``reason_code`` (text) of a payment by CARD or BANK.

    A reason that we do not know is soft, with a general sentence: a bank's caprice must not cost somebody
    the card. A message code that we do not know (E00007) is a fault of our set-up.
    """
    cause = CAUSES.get(reason_code, _SETUP if reason_code.startswith("E") else _DECLINED)
    return _BANK_BALANCE if kind == BANK and cause in (_BALANCE, _DECLINED) else cause


def plain_words(reason_code, kind=CARD):
    """What the owner of a declined method reads: what happened, and what to do next."""
    return cause_of(reason_code, kind).sentence


# -- why a bank sent a debit back

RETRY, DISABLE, MANUAL = "retry", "disable", "manual"


@dataclass(frozen=True)
class ReturnCause:
    """Why a bank returned a debit, and what must follow.

    consequence -- RETRY: at most two more tries within 180 days of the first (Nacha rules)
                   DISABLE: never again from this account without a new authorization
                   MANUAL: a person decides
    window_days -- how long after settlement such a return may come: 2 are banking days, 60 calendar days
    """

    code: str
    sentence: str  # for the customer: what happened, and what to do
    staff_sentence: str
    consequence: str
    window_days: int = 2
    is_unauthorized: bool = False  # counts toward the limit of 0.5 % of all debits


_PAY_AGAIN = "Please pay this invoice another way."
_ADD_AGAIN = "Please add the account again, or another way to pay."
_NOT_AGREED = (
    "Your bank returned this payment because it was told that you did not agree to it. We have stopped "
    "charging this account. If that was a mistake, please call us; otherwise please pay another way."
)
_STAFF_NOT_AGREED = (
    "Not authorized, says the account holder ({}). Never debit this account again without a new signed "
    "authorization. Have the stored consent at hand: the bank may ask for it within ten banking days."
)


def _not_agreed(code, what, window_days=60):
    return ReturnCause(code, _NOT_AGREED, _STAFF_NOT_AGREED.format(what), DISABLE, window_days, True)


RETURN_CAUSES = {
    cause.code: cause
    for cause in (
        ReturnCause(
            "R01",
            "There was not enough money in the account when the payment arrived. Please make sure that the "
            "balance covers it, or pay another way.",
            "Insufficient funds. It may be tried twice more within 180 days.",
            RETRY,
        ),
        ReturnCause(
            "R02",
            f"Your bank says that this account is closed. {_ADD_AGAIN}",
            "Account closed. Ask the customer for another account or a card.",
            DISABLE,
        ),
        ReturnCause(
            "R03",
            "Your bank cannot find this account, or the name on it is another one. Please compare the "
            "numbers with a check and add the account again, or choose another way to pay.",
            "No such account, or another holder. Ask the customer for the correct numbers.",
            DISABLE,
        ),
        ReturnCause(
            "R04",
            "The account number is not valid. Please compare it with a check and add the account again, or "
            "choose another way to pay.",
            "Invalid account number. Ask the customer for the correct numbers.",
            DISABLE,
        ),
        _not_agreed("R05", "a personal account debited like a company's"),
        ReturnCause(
            "R06",
            "The payment was called back on its way through the banks. You need not do anything; we "
            "will look into it and write to you.",
            "Returned at our own bank's request. Ask the processor why before anything else is charged.",
            MANUAL,
            60,
        ),
        _not_agreed("R07", "the authorization was revoked"),
        ReturnCause(
            "R08",
            "You asked your bank to stop this payment. Please pay another way, or call us if that was a "
            "mistake.",
            "Payment stopped by the customer. Speak with them; charge again only if they newly agree.",
            MANUAL,
        ),
        ReturnCause(
            "R09",
            "The account had money on the way that was not available yet. If you would rather not wait "
            "until it is, please pay another way.",
            "Uncollected funds. It may be tried twice more within 180 days.",
            RETRY,
        ),
        _not_agreed("R10", "not known or not agreed to"),
        _not_agreed("R11", "not according to what was agreed: another amount or date"),
        ReturnCause(
            "R16",
            f"The account is frozen, and your bank cannot pay from it. {_PAY_AGAIN}",
            "Account frozen, or the bank acts on a legal order. Ask the customer for another way to pay.",
            DISABLE,
        ),
        ReturnCause(
            "R20",
            "Your bank does not allow payments from this kind of account. Please use a checking account or "
            "a card.",
            "Not an account for transactions (often savings). Ask for a checking account or a card.",
            DISABLE,
        ),
        _not_agreed("R29", "a company's account", window_days=2),
    )
}


def return_cause(code):
    """The ReturnCause for a bank's code, such as ``R01``. One that we do not know goes to a person."""
    code = code.strip().upper()
    if code.startswith("C"):
        return ReturnCause(
            code,
            f"Your bank sent us a correction of your account details. {_ADD_AGAIN}",
            "Not a return: the bank asks for corrected account data before the next debit.",
            MANUAL,
        )
    return RETURN_CAUSES.get(code) or ReturnCause(
        code,
        "Your bank returned this payment. Please pay another way, or call us.",
        f"The bank returned it with the code {code or '(none)'}. Ask the processor what it means.",
        MANUAL,
        60,
    )
