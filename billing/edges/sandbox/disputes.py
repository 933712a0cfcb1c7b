"""What comes back after settlement: returned bank debits, chargebacks and their reversal, notices of change.

Each return and each chargeback is a transaction of its own. It waits for the next batch of its kind, as a
payment does, and takes part in what can still be refunded of its original.
"""

from billing.edges.sandbox.store import as_id, stamp

RETURNS = {
    "R01": "Insufficient Funds",
    "R02": "Account Closed",
    "R03": "No Account/Unable to Locate Account",
    "R04": "Invalid Account Number",
    "R05": "Unauthorized Debit to Consumer Account Using Corporate SEC Code",
    "R06": "Returned per ODFI's Request",
    "R07": "Authorization Revoked by Customer",
    "R08": "Payment Stopped",
    "R09": "Uncollected Funds",
    "R10": "Customer Advises Not Authorized",
    "R11": "Customer Advises Entry Not in Accordance with the Terms of the Authorization",
    "R12": "Account Sold to Another DFI",
    "R14": "Representative Payee Deceased",
    "R15": "Beneficiary or Account Holder Deceased",
    "R16": "Account Frozen",
    "R17": "File Record Edit Criteria",
    "R20": "Non-Transaction Account",
    "R23": "Credit Entry Refused by Receiver",
    "R24": "Duplicate Entry",
    "R29": "Corporate Customer Advises Not Authorized",
}
CHANGES = {
    "C01": "Incorrect DFI Account Number",
    "C02": "Incorrect Routing Number",
    "C03": "Incorrect Routing Number and Incorrect DFI Account Number",
    "C05": "Incorrect Transaction Code",
    "C06": "Incorrect DFI Account Number and Incorrect Transaction Code",
    "C07": "Incorrect Routing Number, Incorrect DFI Account Number, and Incorrect Transaction Code",
}
LINKAGES = ("both", "ref", "has")  # where a return is linked: its refTransId, the original's hasReturnedItems
SETTLED = ("settledSuccessfully", "refundSettledSuccessfully")
TYPES = ("return", "chargeback", "chargebackReversal")
COPIED = (
    "amount_cents", "kind", "account_type", "account_number", "routing_number", "bank_account_type",
    "bank_account_name", "echeck_type", "invoice_number", "description", "customer_id", "customer_email",
    "bill_to", "profile_id", "method_id", "identity", "expiration",
)  # fmt: skip


class Unfit(ValueError):
    """Something that cannot come back; the text says why."""


class Disputes:
    """Returns, chargebacks and notices of change, by the transactions that they are about."""

    def __init__(self, store):
        self._store = store

    def give_back(self, transaction_id, code, linkage="both"):
        """The bank returns a settled debit, or a refund: the id of the return."""
        if code not in RETURNS:
            raise Unfit(f"There is no return code {code}. There are: {', '.join(RETURNS)}.")
        if linkage not in LINKAGES:
            raise Unfit(f"linkage is one of {', '.join(LINKAGES)}.")
        with self._store.transaction():
            row = self._settled(transaction_id, "bank")
            if self._store.value("SELECT 1 FROM trans WHERE ref_trans_id = ? AND type = 'return'", row["id"]):
                raise Unfit("This transaction was returned already.")
            return self._add(row, "return", "returnedItem", code, RETURNS[code], linkage=linkage)

    def charge_back(self, transaction_id, amount_cents=None, reason="10.4"):
        """The card network takes a settled payment back, whole or in part: the id of the chargeback."""
        with self._store.transaction():
            row = self._settled(transaction_id, "card")
            cents = amount_cents or row["amount_cents"]
            if not 0 < cents <= row["amount_cents"] - self._disputed(row):
                raise Unfit("A chargeback is for what was paid at most.")
            return self._add(
                row, "chargeback", "chargeback", reason, "Chargeback", amount_cents=cents, linkage="both"
            )

    def reverse(self, transaction_id):
        """The chargeback was won: the id of the reversal. Takes the payment's id, or the chargeback's."""
        with self._store.transaction():
            row = self._store.row(
                "SELECT * FROM trans WHERE type = 'chargeback' AND ? IN (id, ref_trans_id) AND NOT EXISTS"
                " (SELECT 1 FROM trans AS won WHERE won.type = 'chargebackReversal'"
                "  AND won.return_code = 'of ' || trans.id) ORDER BY id DESC",
                as_id(transaction_id),
            )
            if row is None:
                raise Unfit("There is no chargeback to reverse.")
            original = self._store.row("SELECT * FROM trans WHERE id = ?", row["ref_trans_id"])
            return self._add(
                original, "chargebackReversal", "chargebackReversal", f"of {row['id']}",
                "Chargeback reversal", amount_cents=row["amount_cents"], linkage="both",
            )  # fmt: skip

    def note_change(self, method_id, code):
        """The bank corrects the data of an account; the next batch of bank debits counts it."""
        if code not in CHANGES:
            raise Unfit(f"There is no change code {code}. There are: {', '.join(CHANGES)}.")
        row = self._store.row("SELECT * FROM method WHERE id = ? AND kind = 'bank'", as_id(method_id))
        if row is None:
            raise Unfit("There is no such bank account.")
        self._store.insert("correction", method_id=row["id"], code=code, created_at=stamp(self._store.now()))

    def returns_of(self, transaction_id):
        """The returns that point to a transaction by its hasReturnedItems, oldest first."""
        return self._store.rows(
            "SELECT * FROM trans WHERE ref_trans_id = ? AND type = 'return' AND linkage IN ('both', 'has')"
            " ORDER BY id",
            transaction_id,
        )

    def returned_ids(self):
        """The ids of all transactions whose hasReturnedItems is true."""
        rows = self._store.rows(
            "SELECT ref_trans_id FROM trans WHERE type = 'return' AND linkage IN ('both', 'has')"
        )
        return {row["ref_trans_id"] for row in rows}

    def _settled(self, transaction_id, kind):
        row = self._store.row("SELECT * FROM trans WHERE id = ?", as_id(transaction_id))
        if row is None:
            raise Unfit("There is no such transaction.")
        if row["kind"] != kind or row["status"] not in SETTLED or row["type"] in TYPES:
            what = "bank debits" if kind == "bank" else "card payments"
            raise Unfit(f"Only {what} that have settled can come back; this is {row['status']}.")
        return row

    def _disputed(self, row):
        """Cents of a payment that are charged back at the moment."""
        return self._store.value(
            "SELECT coalesce(sum(CASE type WHEN 'chargeback' THEN amount_cents"
            " WHEN 'chargebackReversal' THEN -amount_cents END), 0) FROM trans WHERE ref_trans_id = ?",
            row["id"],
        )

    def _add(self, original, type_, status, code, text, **more):
        return self._store.insert(
            "trans",
            **{
                **{name: original[name] for name in COPIED},
                "type": type_,
                "status": status,
                "reason_text": text,
                "return_code": code,
                "ref_trans_id": original["id"],
                "submitted_at": stamp(self._store.now()),
                **more,
            },
        )
