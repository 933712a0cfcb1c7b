"""Controls of what customers stored: methods in bulk, and how their next charges fail.

The routes belong to the blueprint of ``control``; they are apart because that module is about the day.
"""

from flask import request

from billing.edges.sandbox import history
from billing.edges.sandbox.control import bp, done, given, yes
from billing.edges.sandbox.current import sandbox


@bp.get("/profiles.json")
def profiles():
    """All customer profiles with their methods, oldest first; ?customer_number= for those of one customer."""
    wanted = request.args.get("customer_number")
    rows = sandbox.store.rows(
        "SELECT * FROM profile WHERE ? IS NULL OR number = ? ORDER BY id", wanted, wanted
    )
    return [_shown(row) for row in rows]


@bp.post("/methods")
def methods():
    """Register stored methods in bulk; returns their ids in the order given. Nobody is told.

    Each: customer_number, kind ("card" or "bank"); optional email, description, number (or last_four and
    account_type), routing, expiration ("MM/YY"), name, zip. A customer without a profile gets one.
    """
    made = history.store_methods(sandbox.profiles, sandbox.store, request.get_json())
    return {"methods": [{"profile_id": str(profile), "method_id": str(method)} for profile, method in made]}


@bp.post("/decline")
def decline():
    """Let the next count charges (default 1, null: until cleared) of method_id end in reason_code.

    clear takes that back, for method_id or for all.
    """
    sent = given()
    if yes(sent.get("clear")):
        sandbox.profiles.decline_nothing(sent.get("method_id"))
        return done({})
    count = sent.get("count", 1)
    sandbox.profiles.decline(
        sent["method_id"], int(sent["reason_code"]), None if count in (None, "") else int(count)
    )
    return done({})


@bp.post("/delete-method")
def delete_method():
    """Remove a method as the merchant's staff would on the gateway's own screens: method_id."""
    row = sandbox.profiles.method_alone(given()["method_id"])
    sandbox.profiles.remove(row["profile_id"], row["id"])
    return done({})


@bp.post("/delete-profile")
def delete_profile():
    """Remove a profile with its methods as the merchant's staff would: profile_id."""
    sandbox.profiles.delete(given()["profile_id"])
    return done({})


def _shown(row):
    methods = sandbox.profiles.methods(row["id"])
    return {
        "profile_id": str(row["id"]),
        "customer_number": row["number"],
        "description": row["description"],
        "email": row["email"],
        "methods": [_shown_method(one) for one in methods],
    }


def _shown_method(row):
    names = (
        "kind", "account_type", "account_number", "routing_number", "bank_account_type", "bank_account_name",
        "expiration", "network_trans_id", "decline_reason", "decline_left", "bill_to",
    )  # fmt: skip
    shown = {name: row[name] for name in names}
    return {"method_id": str(row["id"]), **shown, "is_default": bool(row["is_default"])}
