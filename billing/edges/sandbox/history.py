"""The past, given in bulk: transactions that settled long ago, and methods that customers had stored.

For the demo and for tests, which need a gateway that has been in use for years.
"""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from billing.edges.sandbox.profiles import Kept, NotPossible
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.verdicts import Account, Card, year_month

LABEL = re.compile(r"(?P<type>.*) ending (?P<digits>\d{4})")
BRAND_WORDS = {"Mastercard": "MasterCard", "American Express": "AmericanExpress", "Diners Club": "DinersClub"}
ROUTING = "121042882"


class Nonsense(Exception):
    """A control request that cannot be followed; the text says why."""


def register(store, given):
    """Keep past transactions; return their ids in the order given. Raises Nonsense.

    What each may say is told at the control of this name.
    """
    past = [_past(one, number) for number, one in enumerate(given)]
    with store.transaction():
        first = store.value("SELECT seq FROM sqlite_sequence WHERE name = 'trans'") + 1
        for id, one in enumerate(past, first):
            one["id"] = id
            one["auth_code"] = f"{id * 2654435761 % 16**6:06X}" if _is_approved_card(one) else ""
        _put_into_batches(store, past)
        names = list(past[0]) if past else []
        if past:
            marks = ", ".join("?" * len(names))
            sql = f"INSERT INTO trans ({', '.join(names)}) VALUES ({marks})"
            store.execute_many(sql, [tuple(one[name] for name in names) for one in past])
    return [one["id"] for one in past]


def _past(given, number):
    """The columns of a past transaction; raises Nonsense that names the entry."""
    try:
        submitted_at = datetime.fromisoformat(given["submitted_at"])
        kind, cents = given.get("kind", "card"), int(given["amount_cents"])
        reference = given["reference"]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Nonsense(f"Entry {number}: {error!r}") from error
    if kind not in ("card", "bank") or cents <= 0 or submitted_at.tzinfo:
        raise Nonsense(
            f"Entry {number}: kind is card or bank, amount_cents above zero, submitted_at naive UTC."
        )
    account_type, digits = _named(given, kind)
    status = given.get("status", "capturedPendingSettlement")
    declined = status == "declined"
    names = {"firstName": given.get("first_name", ""), "lastName": given.get("last_name", "")}
    return {
        "type": given.get("type", "authCaptureTransaction"),
        "status": status,
        "amount_cents": cents,
        "kind": kind,
        "account_type": account_type,
        "account_number": "XXXX" + digits,
        "routing_number": "XXXX2882" if kind == "bank" else "",
        "bank_account_type": "checking" if kind == "bank" else "",
        "bank_account_name": f"{names['firstName']} {names['lastName']}".strip()[:22] or "Account holder",
        "echeck_type": "WEB" if kind == "bank" else "",
        "response_code": 2 if declined else 1,
        "reason_code": 2 if declined else 1,
        "reason_text": "This transaction has been declined." if declined else "Approval",
        "avs": "Y" if kind == "card" else "P",
        "invoice_number": reference,
        "description": given.get("description", ""),
        "customer_id": given.get("customer_id", ""),
        "customer_email": given.get("customer_email", ""),
        "bill_to": json.dumps({name: value for name, value in names.items() if value}),
        "ref_id": reference,
        "ref_trans_id": given.get("ref_transaction_id"),
        "profile_id": given.get("profile_id"),
        "method_id": given.get("method_id"),
        "batch_id": None,
        "submitted_at": stamp(submitted_at),
    }


def _named(given, kind):
    """Account type and last four digits, from the label or from their own fields."""
    match = LABEL.fullmatch(given.get("method_label", ""))
    digits = str(given.get("last_four") or (match and match["digits"]) or "1111")
    if kind == "bank":
        return "eCheck", digits
    brand = given.get("account_type") or (match and match["type"]) or "Visa"
    return BRAND_WORDS.get(brand, brand), digits


def _is_approved_card(one):
    return one["kind"] == "card" and one["response_code"] == 1


def _put_into_batches(store, past):
    """Settle what should have settled by now, one batch a night and kind."""
    now = store.now()
    nights = [(night, one["kind"], one) for one in past if (night := _night(one)) <= now]
    for (night, kind), group in groupby(sorted(nights, key=lambda of: of[:2]), key=lambda of: of[:2]):
        batch = None
        for *_, one in group:
            if one["status"] not in (
                "capturedPendingSettlement",
                "refundPendingSettlement",
                "declined",
                "voided",
            ):
                continue
            batch = batch or _batch(store, night, kind)
            one["batch_id"] = batch
            one["status"] = {
                "capturedPendingSettlement": "settledSuccessfully",
                "refundPendingSettlement": "refundSettledSuccessfully",
            }.get(one["status"], one["status"])


def _batch(store, night, kind):
    """The batch of a night and kind: the one that an earlier call made, or a new one."""
    known = store.value("SELECT id FROM batch WHERE settled_at = ? AND kind = ?", stamp(night), kind)
    return known or store.insert("batch", kind=kind, state="settledSuccessfully", settled_at=stamp(night))


def _night(one):
    """When a transaction settles: two in the morning, UTC, after the day or after three."""
    day = datetime.fromisoformat(one["submitted_at"]).replace(hour=2, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1 if one["kind"] == "card" else 3)


def store_methods(profiles, store, given):
    """Keep past methods; return [(profile id, method id)] in the order given. Raises Nonsense.

    Nobody is told, and a profile is found by its customer number or made.
    """
    made = []
    with store.transaction():
        for number, one in enumerate(given):
            try:
                made.append(_store_method(profiles, store, one))
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise Nonsense(f"Entry {number}: {error!r}") from error
            except NotPossible as problem:
                raise Nonsense(f"Entry {number}: {problem}") from problem
    return made


def _store_method(profiles, store, one):
    number = str(one["customer_number"])
    profile_id = store.value("SELECT id FROM profile WHERE number = ? ORDER BY id", number)
    if profile_id is None:
        about = {"description": one.get("description") or "", "email": one.get("email") or ""}
        profile_id = store.insert("profile", number=number, created_at=stamp(store.now()), **about)
    first, _, last = (one.get("name") or "").rpartition(" ")
    address = {"firstName": first, "lastName": last, "zip": one.get("zip") or ""}
    bill_to = {name: value for name, value in address.items() if value}
    return profile_id, profiles.add(profile_id, _kept(one, store.now()), bill_to, told=False)


def _kept(one, now):
    """What is kept of a past method; its identity is of no other when only the last digits are given."""
    kept = _kept_account(one) if one["kind"] == "bank" else _kept_card(one, now)
    return kept if one.get("number") else replace(kept, identity="")


def _kept_account(one):
    kind = one.get("account_type") or "checking"
    echeck = "CCD" if kind == "businessChecking" else "WEB"
    number = str(one.get("number") or one.get("last_four") or "6781")
    holder = (one.get("name") or "Account holder")[:22]
    return Kept.of(Account(str(one.get("routing") or ROUTING), number, holder, kind, echeck))


def _kept_card(one, now):
    if one["kind"] != "card":
        raise ValueError(f"kind is card or bank, not {one['kind']}")
    month = year_month(one.get("expiration") or f"12/{now.year % 100 + 3:02d}")
    if not month:
        raise ValueError("expiration is MM/YY")
    card = Card(str(one.get("number") or one.get("last_four") or "1111"), month)
    brand = one.get("account_type") or (one.get("number") and card.account_type) or "Visa"
    return replace(Kept.of(card), account_type=BRAND_WORDS.get(brand, brand))
