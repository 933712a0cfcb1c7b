"""What the payment gateway said, as values: the one vocabulary between the rules and the edge.

Match them exhaustively (``match outcome: case Approved(): ...``); never test one for truth. Reading the
gateway's words belongs here; talking to it belongs in ``billing.edges.gateway``, and what follows from
an answer (is the invoice paid, may we try again, did it never happen) belongs to the rules.
"""

from dataclasses import dataclass
from datetime import datetime

CARD, BANK = "card", "bank"


@dataclass(frozen=True)
class Approved:
    """The money is on its way to us (or, for a refund, to the customer)."""

    transaction_id: str
    auth_code: str = ""
    method_label: str = ""


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


Outcome = Approved | Declined | Held | InDoubt | Voided | Returned | NothingChanged


@dataclass(frozen=True)
class HostedPage:
    """A payment page that is waiting: the browser posts ``token`` to ``url`` within fifteen minutes."""

    token: str
    url: str


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

    An entry of a list (``find`` re-reads them, ``batch_transactions`` does not) lacks the fields that only
    the details have: response and reason code, auth code, type, original.
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

    @property
    def is_refund(self):
        """True for money that goes back to the customer."""
        return self.type == "refundTransaction" or self.status.startswith("refund")

    @property
    def is_money(self):
        """True when the customer's money is ours or on its way: approved, not taken back, not a refund."""
        return self.status in APPROVED_STATUSES and not self.is_refund

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
        if self.status in APPROVED_STATUSES:
            return Approved(self.transaction_id, self.auth_code, self.method_label)
        if self.status in HELD_STATUSES:
            return Held(self.transaction_id)
        if self.status in DECLINED_STATUSES:
            return Declined(self.reason_code, plain_words(self.reason_code, self.kind), self.transaction_id)
        if self.status in RETURNED_STATUSES:
            return Returned(self.transaction_id, self.reason_code)
        if self.status == "voided":
            return Voided(self.transaction_id)
        return InDoubt(f"The gateway reports the status “{self.status}”.", self.transaction_id)


# What a customer reads: what happened, and what to do. Keys: the gateway's response reason codes.
# Every one of them means that no money moved; codes that do not say so are in DOUBTFUL_REASONS.
_OTHER = "Please use another card or bank account, or call the number on the back of the card."
_ADDRESS = "Please enter the billing address exactly as it is on the card statement and try again."
_CODE = "Please check the 3 or 4 digits of the security code on the card and try again."
_BANK = "Please check the routing and account number on a check and try again, or pay by card."
_DECLINED = f"The bank declined this payment. {_OTHER}"
_NUMBER = "The card number is not valid. Please check the number or use another card."
_EXPIRATION = "The expiration date is not valid. Please check the month and year on the card and try again."
_EXPIRED = "The card has expired. Please use the new one that your bank sent you, or another card."
_CARD_CODE = f"The card's security code does not match. {_CODE}"
_KIND = "We do not accept this kind of card. Please use another card or a bank account."
_SECURITY = f"The payment was stopped by a security check. {_OTHER}"
_NAME = f"The name or address on the bank account was not accepted. {_BANK}"
_OURS = "The fault is on our side, not yours. Please try again later, pay by check, or call us."

PLAIN_WORDS = {
    "2": f"The bank declined this payment. Often the reason is the balance or a limit. {_OTHER}",
    "3": f"The card's bank wants to speak with you before it approves this payment. {_OTHER}",
    "4": "The bank does not accept this card any more. Please use another card or a bank account.",
    "6": _NUMBER,
    "7": _EXPIRATION,
    "8": _EXPIRED,
    "9": f"The routing number is not valid. {_BANK}",
    "10": f"The account number is not valid. {_BANK}",
    "17": _KIND,
    "27": f"The address does not match the one that the card's bank has. {_ADDRESS}",
    "28": _KIND,
    "37": _NUMBER,
    "41": _SECURITY,
    "44": _CARD_CODE,
    "45": f"The address and the card's security code do not match. {_ADDRESS} {_CODE}",
    "49": "The amount is above what can be paid at once. Please pay a smaller amount or call us.",
    "65": _CARD_CODE,
    "78": _CARD_CODE,
    "101": f"The name or the account type does not match the bank account. {_BANK}",
    **dict.fromkeys(("104", "105", "106", "107", "108", "109", "110"), _NAME),
    "127": f"The address does not match the one that the card's bank has. {_ADDRESS}",
    "128": f"The bank does not allow this payment from this account. {_OTHER}",
    "141": _SECURITY,
    "145": _CARD_CODE,
    "165": _CARD_CODE,
    "201": _EXPIRATION,
    "209": "The card's bank could not be reached. Please try again in a few minutes.",
    "250": _SECURITY,
    "251": _SECURITY,
    "254": f"The payment was reviewed and could not be accepted. {_OTHER}",
    "261": "The payment could not be processed. Please try again in a few minutes.",
    "315": _NUMBER,
    "316": _EXPIRATION,
    "317": _EXPIRED,
    # our own set-up: the customer can do nothing about these
    **dict.fromkeys(("5", "13", "15", "18", "29", "30", "31", "33", "34", "35", "38", "39", "43"), _OURS),
    **dict.fromkeys(("53", "56", "66", "100", "130", "131", "132", "243", "244", "245", "246", "247"), _OURS),
    # what staff read when they take money back
    "16": "This payment cannot be voided any more: it has settled, or never arrived. Refund it instead.",
    "50": "This payment has not settled yet. Void it as a whole, or refund it after tonight's settlement.",
    "51": "The refunds together would be more than was paid.",
    "54": "This payment cannot be refunded now. Before it has settled, void it as a whole or wait until "
    "tomorrow; more than 180 days later, pay the customer back by check.",
    "55": "The refunds together would be more than was paid.",
    "175": "The processor does not let us cancel a refund. Wait until it has settled.",
    "327": "This payment is being settled right now. Refund it tomorrow.",
}  # fmt: skip

# The gateway answered, yet money may have moved: no answer from the processor, a failed automatic void,
# a duplicate of an attempt whose answer we may have missed, maintenance in the middle of it.
DOUBTFUL_REASONS = frozenset({
    "11", "19", "20", "21", "22", "23", "25", "26", "36", "52", "57", "58", "59", "60", "61", "62", "63",
    "120", "121", "122", "152", "180", "181", "222", "318", "901",
})  # fmt: skip


def plain_words(reason_code, kind=CARD):
    """The sentence for ``reason_code`` (text), with what to do next; a general one when it is not known."""
    if reason_code == "2" and kind == BANK:
        return f"The bank declined this payment. {_BANK}"
    return PLAIN_WORDS.get(reason_code, _DECLINED)
