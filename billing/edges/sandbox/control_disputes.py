"""Controls of what comes back after settlement: returns, chargebacks, notices of change, the Account Updater.

The routes belong to the blueprint of ``control``.
"""

from flask import request

from billing.edges.sandbox.control import bp, done, given
from billing.edges.sandbox.current import sandbox


@bp.post("/return")
def give_back():
    """Return a settled bank debit: transaction_id, code ("R01"), linkage ("both", "ref" or "has")."""
    sent = given()
    code, linkage = sent.get("code") or "R01", sent.get("linkage") or "both"
    return _made(sandbox.disputes.give_back(sent["transaction_id"], code, linkage))


@bp.post("/chargeback")
def chargeback():
    """Charge a settled card payment back: transaction_id; optional amount_cents and reason."""
    sent = given()
    cents = int(sent["amount_cents"]) if sent.get("amount_cents") else None
    return _made(sandbox.disputes.charge_back(sent["transaction_id"], cents, sent.get("reason") or "10.4"))


@bp.post("/chargeback-reversal")
def chargeback_reversal():
    """Win a chargeback: transaction_id of the payment or of the chargeback."""
    return _made(sandbox.disputes.reverse(given()["transaction_id"]))


@bp.post("/notice-of-change")
def notice_of_change():
    """The bank corrects an account: method_id, code ("C01"). The next batch of bank debits counts it."""
    sent = given()
    sandbox.disputes.note_change(sent["method_id"], sent.get("code") or "C01")
    return done({})


@bp.post("/updater")
def updater():
    """This month's job of the Account Updater: [{method_id, reason, number?, expiration?, deleted?}]."""
    sandbox.updater.run(request.get_json() if request.is_json else [given()])
    return done({})


def _made(transaction_id):
    return done({"transaction_id": str(transaction_id)})
