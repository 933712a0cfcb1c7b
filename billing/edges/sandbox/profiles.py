"""Customer profiles and the cards and bank accounts that they keep.

A whole number is looked at when it arrives and then forgotten: what stays is a mask and a hash, enough for
the duplicate rule. What a charge of a stored method leads to belongs to ``verdicts`` and ``processor``.
"""

import json
import secrets
from dataclasses import dataclass

from billing.edges.sandbox.store import as_id, stamp
from billing.edges.sandbox.verdicts import Stored, digest, year_month

MOST_METHODS = 10
COMPARED = ("firstName", "lastName", "address", "zip")
DUPLICATE = "A duplicate customer payment profile already exists."
UNKNOWN = "The record cannot be found."
NOT_FOUND = "Customer Profile ID or Customer Payment Profile ID not found."


class NotPossible(Exception):
    """What a profile cannot do: the gateway's code and sentence, and the ids that it names."""

    def __init__(self, code, sentence, profile_id=None, method_id=None):
        super().__init__(sentence)
        self.code, self.sentence = code, sentence
        self.profile_id, self.method_id = profile_id, method_id


@dataclass(frozen=True)
class Kept:
    """What a profile keeps of a card or an account; ``number`` and ``routing`` are masks."""

    kind: str
    account_type: str
    number: str
    identity: str
    expiration: str = ""
    routing: str = ""
    bank_type: str = ""
    name: str = ""
    echeck_type: str = ""

    @classmethod
    def of(cls, source):
        """What stays of a Card or an Account that was typed."""
        known = ("card", source.account_type, "XXXX" + source.last_four, source.identity)
        if source.kind == "card":
            return cls(*known, expiration=year_month(source.expiration))
        return cls(
            "bank", *known[1:], routing="XXXX" + source.routing[-4:], bank_type=source.type,
            name=source.name, echeck_type=source.echeck_type,
        )  # fmt: skip

    @classmethod
    def of_transaction(cls, row):
        """What stays of the card or account of a transaction."""
        return cls(
            row["kind"], row["account_type"], row["account_number"], row["identity"], row["expiration"],
            row["routing_number"], row["bank_account_type"], row["bank_account_name"], row["echeck_type"],
        )  # fmt: skip

    def columns(self):
        """As the table of methods has it."""
        return {
            "kind": self.kind,
            "account_type": self.account_type,
            "account_number": self.number,
            "identity": self.identity or digest("unknown", secrets.token_hex(16)),
            "expiration": self.expiration,
            "routing_number": self.routing,
            "bank_account_type": self.bank_type,
            "bank_account_name": self.name,
            "echeck_type": self.echeck_type,
        }


class Profiles:
    """All customer profiles. ``tell(event, payload)`` hears of each change."""

    def __init__(self, store, tell, options):
        self._store, self._tell, self._options = store, tell, options

    # -- profiles

    def create(self, *, number="", description="", email=""):
        """Make a profile; return its id. Raises NotPossible for an empty one and for a duplicate."""
        if not (number or description or email):
            raise NotPossible("E00041", "One or more fields must contain a value.")
        with self._store.transaction():
            if twin := self._twin(number, description, email):
                raise NotPossible("E00039", f"A duplicate record with ID {twin} already exists.", twin)
            new = self._store.insert(
                "profile", number=number, description=description, email=email,
                created_at=stamp(self._store.now()),
            )  # fmt: skip
            self._tell_of(new, "created")
        return new

    def _twin(self, number, description, email):
        same_email = " AND email = ?" if self._options()["profile_email_counts"] else ""
        return self._store.value(
            f"SELECT id FROM profile WHERE number = ? AND description = ?{same_email} ORDER BY id",
            *(number, description, email)[: 3 if same_email else 2],
        )

    def get(self, profile_id):
        """The row of a profile. Raises NotPossible when there is none."""
        row = self._store.row("SELECT * FROM profile WHERE id = ?", as_id(profile_id))
        if row is None:
            raise NotPossible("E00040", UNKNOWN)
        return row

    def find(self, *, number="", email=""):
        """The oldest profile of a merchant's customer id, or else of an e-mail address."""
        column, value = ("number", number) if number else ("email", email)
        row = self._store.row(f"SELECT * FROM profile WHERE {column} = ? ORDER BY id", value)
        if row is None or not value:
            raise NotPossible("E00040", UNKNOWN)
        return row

    def ids(self):
        """The ids of all profiles."""
        return [row["id"] for row in self._store.rows("SELECT id FROM profile ORDER BY id")]

    def update(self, profile_id, *, number, description, email):
        """Replace what a profile says of its customer."""
        with self._store.transaction():
            row = self.get(profile_id)
            self._store.update("profile", row["id"], number=number, description=description, email=email)
            self._tell_of(row["id"], "updated")

    def delete(self, profile_id):
        """Remove a profile and its methods."""
        with self._store.transaction():
            row = self.get(profile_id)
            payload = self._payload(row)
            self._store.execute("DELETE FROM method WHERE profile_id = ?", row["id"])
            self._store.execute("DELETE FROM profile WHERE id = ?", row["id"])
            self._tell("net.authorize.customer.deleted", payload)

    def was_there(self, table, row_id):
        """True for the id of something that existed once ("profile" or "method")."""
        last = self._store.value("SELECT seq FROM sqlite_sequence WHERE name = ?", table)
        return 0 < as_id(row_id) <= last

    # -- methods

    def methods(self, profile_id):
        """The methods of a profile, oldest first."""
        return self._store.rows("SELECT * FROM method WHERE profile_id = ? ORDER BY id", as_id(profile_id))

    def method(self, profile_id, method_id):
        """The row of a method of this profile. Raises NotPossible when it has no such method."""
        row = self._store.row(
            "SELECT * FROM method WHERE id = ? AND profile_id = ?", as_id(method_id), as_id(profile_id)
        )
        if row is None:
            raise NotPossible("E00040", NOT_FOUND)
        return row

    def method_alone(self, method_id):
        """The row of a method of any profile."""
        profile_id = self._store.value("SELECT profile_id FROM method WHERE id = ?", as_id(method_id))
        return self.method(profile_id or 0, method_id)

    def default(self, profile_id):
        """The row of the profile's default method. Raises NotPossible when it has none."""
        row = self._store.row(
            "SELECT * FROM method WHERE profile_id = ? AND is_default = 1", self.get(profile_id)["id"]
        )
        if row is None:
            raise NotPossible("E00121", "No default payment/shipping profile found.")
        return row

    def add(self, profile_id, kept, bill_to, *, default=False, customer_type="individual", told=True, **more):
        """Keep a card or account; return its id. Raises NotPossible for a duplicate and for the eleventh."""
        with self._store.transaction():
            profile = self.get(profile_id)
            known = self.methods(profile["id"])
            if twin := _same(known, kept.identity, bill_to):
                raise NotPossible("E00039", DUPLICATE, profile["id"], twin["id"])
            if len(known) >= MOST_METHODS:
                raise NotPossible("E00042", f"You cannot add more than {MOST_METHODS} payment profiles.")
            if default:
                self._no_default(profile["id"])
            new = self._store.insert(
                "method", profile_id=profile["id"], bill_to=json.dumps(bill_to, ensure_ascii=False),
                customer_type=customer_type, is_default=int(default), created_at=stamp(self._store.now()),
                **kept.columns(), **more,
            )  # fmt: skip
            if told:
                self._tell_of_method(self.method(profile["id"], new), "created")
        return new

    def change(self, method_id, *, kept=None, bill_to=None, **more):
        """Replace what is given of a method; one that differs in nothing else stays as it is."""
        with self._store.transaction():
            row = self.method_alone(method_id)
            changes = {**(kept.columns() if kept else {}), **more}
            if bill_to is not None:
                changes["bill_to"] = json.dumps(bill_to, ensure_ascii=False)
            if more.get("is_default"):
                self._store.execute(
                    "UPDATE method SET is_default = 0 WHERE profile_id = ?", row["profile_id"]
                )
            if changes:
                self._store.update("method", row["id"], **changes)
            self._tell_of_method(row, "updated")

    def _no_default(self, profile_id):
        self._store.execute("UPDATE method SET is_default = 0 WHERE profile_id = ?", profile_id)

    def remove(self, profile_id, method_id):
        """Remove a method. Raises NotPossible when this profile has no such method."""
        with self._store.transaction():
            row = self.method(profile_id, method_id)
            self._store.execute("DELETE FROM method WHERE id = ?", row["id"])
            self._tell_of_method(row, "deleted")

    def stored(self, row, code=""):
        """A method as the source of a charge."""
        return Stored(
            row["profile_id"], row["id"], row["kind"], row["account_type"], row["account_number"][-4:],
            row["identity"], row["expiration"], row["routing_number"], row["bank_account_name"],
            row["bank_account_type"], row["echeck_type"], code, row["decline_reason"],
        )  # fmt: skip

    def decline(self, method_id, reason_code, count=1):
        """Let the next ``count`` charges of a method (None: all) end in ``reason_code``."""
        row = self.method_alone(method_id)
        self._store.update("method", row["id"], decline_reason=reason_code, decline_left=count)

    def decline_nothing(self, method_id=None):
        """Take back what ``decline`` asked for, for one method or for all."""
        where, values = ("WHERE id = ?", (as_id(method_id),)) if method_id else ("", ())
        self._store.execute(f"UPDATE method SET decline_reason = NULL, decline_left = NULL {where}", *values)

    # -- who hears of it

    def _tell_of(self, profile_id, what):
        self._tell(f"net.authorize.customer.{what}", self._payload(self.get(profile_id)))

    def _payload(self, row):
        found = self.methods(row["id"])
        return {
            "paymentProfiles": [
                {"customerType": one["customer_type"], "id": str(one["id"])} for one in found
            ],
            "merchantCustomerId": row["number"],
            "description": row["description"],
            "entityName": "customerProfile",
            "id": str(row["id"]),
        }

    def _tell_of_method(self, row, what):
        self._tell(
            f"net.authorize.customer.paymentProfile.{what}",
            {
                "customerProfileId": row["profile_id"],
                "customerType": row["customer_type"],
                "entityName": "customerPaymentProfile",
                "id": str(row["id"]),
            },
        )


def _same(methods, identity, bill_to):
    """The method that the duplicate rule finds: the same number, name, address and ZIP."""
    wanted = [bill_to.get(name, "") for name in COMPARED]
    for row in methods:
        known = json.loads(row["bill_to"])
        if row["identity"] == identity and [known.get(name, "") for name in COMPARED] == wanted:
            return row
    return None
