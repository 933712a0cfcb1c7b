"""The Account Updater: what the card networks changed of stored cards, month by month.

Its job edits methods in place; afterwards it can only be read.
"""

import json

from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.verdicts import Card, year_month

REASONS = {
    "NAN": "New Account Number",
    "NED": "New Expiration Date",
    "ACL": "Account Closed",
    "CCH": "Contact Cardholder",
}


class Updater:
    """Applies the changes of a month and remembers them."""

    def __init__(self, store, profiles):
        self._store, self._profiles = store, profiles

    def run(self, changes):
        """Apply ``changes``: dicts with method_id, reason, and number, last_four, expiration, deleted.

        ACL deletes the method unless told otherwise, CCH changes nothing. Raises ValueError.
        """
        with self._store.transaction():
            for one in changes:
                self._apply(one)

    def _apply(self, one):
        reason = one["reason"]
        if reason not in REASONS:
            raise ValueError(f"There is no reason {reason}. There are: {', '.join(REASONS)}.")
        row = self._profiles.method_alone(one["method_id"])
        deleted = bool(one.get("deleted", reason == "ACL"))
        changes = {} if deleted else _new(row, one)
        now = self._store.now()
        self._store.insert(
            "updated", month=f"{now:%Y-%m}", profile_id=row["profile_id"], method_id=row["id"], reason=reason,
            is_deleted=int(deleted), bill_to=row["bill_to"], account_type=row["account_type"],
            old_number=row["account_number"], old_expiration=row["expiration"],
            new_number=changes.get("account_number", row["account_number"]),
            new_expiration=changes.get("expiration", row["expiration"]), updated_at=stamp(now),
        )  # fmt: skip
        if deleted:
            self._profiles.remove(row["profile_id"], row["id"])
        elif changes:
            self._profiles.change(row["id"], **changes)

    def summary(self, month):
        """Rows of reason and count of a month ("2026-11")."""
        return self._store.rows(
            "SELECT reason, count(*) AS count FROM updated WHERE month = ? GROUP BY reason ORDER BY reason",
            month,
        )

    def details(self, month, kind="all", limit=1000, page=1):
        """How many changes a month has, and one page of their rows, oldest first.

        kind -- all, updates or deletes
        """
        where = {"updates": " AND is_deleted = 0", "deletes": " AND is_deleted = 1"}.get(kind, "")
        rows = self._store.rows(f"SELECT * FROM updated WHERE month = ?{where} ORDER BY id", month)
        return len(rows), rows[(page - 1) * limit : page * limit]


def _new(row, one):
    """The columns that the networks changed."""
    changes = {}
    if number := str(one.get("number") or ""):
        card = Card(number, row["expiration"])
        changes |= {"account_number": "XXXX" + card.last_four, "identity": card.identity}
        changes["account_type"] = card.account_type or row["account_type"]
    elif one.get("last_four"):
        changes["account_number"] = f"XXXX{one['last_four']}"
    if one.get("expiration"):
        changes["expiration"] = year_month(one["expiration"])
        if not changes["expiration"]:
            raise ValueError("expiration is MM/YY.")
    return changes


def holder(row):
    """First and last name of the holder, as the job reports them."""
    address = json.loads(row["bill_to"])
    return address.get("firstName", ""), address.get("lastName", "")
