"""The sandbox's own controls: a page for people and the same actions as JSON for tests and the demo.

A form is answered with a redirect back to the page, JSON with JSON. None of this exists at the real gateway.
"""

import json
import re
from datetime import datetime, timedelta
from itertools import groupby

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.local import LocalProxy

from billing.edges.sandbox import faults
from billing.edges.sandbox.processor import HELD, VOIDABLE, Account, Card, Charge
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.wire import readable

bp = Blueprint("control", __name__, url_prefix="/control")
sandbox = LocalProxy(lambda: current_app.extensions["sandbox"])

LABEL = re.compile(r"(?P<type>.*) ending (?P<digits>\d{4})")
BRAND_WORDS = {"Mastercard": "MasterCard", "American Express": "AmericanExpress", "Diners Club": "DinersClub"}


class Nonsense(Exception):
    """A control request that cannot be followed; the text says why."""


@bp.errorhandler(Nonsense)
@bp.errorhandler(ValueError)
@bp.errorhandler(TypeError)
@bp.errorhandler(KeyError)
def refuse(error):
    """Answer a bad control request with a sentence."""
    missing = f"{error.args[0]} is missing." if isinstance(error, KeyError) else str(error)
    return {"error": missing}, 400


@bp.before_request
def refuse_strangers():
    """A page of another site must not press our buttons."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(403)


# -- what there is


@bp.get("")
def page():
    """The page for people: transactions, batches, faults, clock, notifications."""
    store = sandbox.store
    return render_template(
        "control.html",
        now=store.now(),
        transactions=store.rows("SELECT * FROM trans ORDER BY id DESC LIMIT 100"),
        total=store.value("SELECT count(*) FROM trans"),
        waiting=store.value(
            "SELECT count(*) FROM trans WHERE batch_id IS NULL AND status LIKE '%PendingSettlement'"
        ),
        batches=store.rows("SELECT * FROM batch ORDER BY id DESC LIMIT 10"),
        notifications=store.rows("SELECT * FROM notification ORDER BY sequence DESC LIMIT 20"),
        webhooks=sandbox.webhooks.all(),
        faults=sandbox.faults.all(),
        modes=faults.MODES,
        options=sandbox.processor.options,
        mischief=sandbox.webhooks.mischief(),
        held=HELD,
        voidable=VOIDABLE,
        readable=readable,
    )


@bp.get("/transactions.json")
def transactions():
    """All transactions, oldest first; ?reference= for those of one invoice number."""
    wanted = request.args.get("reference")
    rows = sandbox.store.rows(
        "SELECT * FROM trans WHERE ? IS NULL OR invoice_number = ? ORDER BY id", wanted, wanted
    )
    return [_shown(row) for row in rows]


@bp.get("/notifications.json")
def notifications():
    """All notifications, oldest first."""
    rows = sandbox.store.rows("SELECT * FROM notification ORDER BY sequence")
    return [{**dict(row), "body": json.loads(row["body"])} for row in rows]


@bp.get("/state.json")
def state():
    """The clock, the options, the faults that are on, how notifications misbehave."""
    return {
        "now": stamp(sandbox.store.now()),
        "options": sandbox.processor.options,
        "faults": [vars(one) for one in sandbox.faults.all()],
        "webhooks": sandbox.webhooks.mischief(),
    }


# -- what one can do


@bp.post("/settle")
def settle():
    """Close the day. Optional: kind ("card", "bank"), fail (the batch fails)."""
    given = _given()
    batches = sandbox.processor.settle(given.get("kind") or None, fail=_yes(given.get("fail")))
    return _done({"batches": [str(batch) for batch in batches]})


@bp.post("/clock")
def clock():
    """Move the clock by minutes, hours, days; set it with at (ISO, UTC); or reset it to the real time."""
    given = _given()
    store = sandbox.store
    if given.get("at"):
        store.move_clock(datetime.fromisoformat(given["at"]))
    elif _yes(given.get("reset")):
        store.remember("clock_offset", 0)
    else:
        step = {name: float(given[name]) for name in ("minutes", "hours", "days") if given.get(name)}
        store.move_clock(store.now() + timedelta(**step))
    sandbox.processor.catch_up()
    sandbox.webhooks.wake()
    return _done({"now": stamp(store.now())})


@bp.post("/fault")
def fault():
    """Switch a fault on: mode, count (default 1, null: until switched off), calls, seconds, processed."""
    given = _given()
    if given.get("mode") == "none" or _yes(given.get("clear")):
        sandbox.faults.clear()
        return _done({"faults": []})
    count = given.get("count", 1)
    sandbox.faults.add(
        given["mode"],
        count=None if count in (None, "") else int(count),
        calls=given.get("calls") or (),
        seconds=float(given.get("seconds") or 40),
        processed=given.get("processed"),
    )
    return _done({"faults": [vars(one) for one in sandbox.faults.all()]})


@bp.post("/hold")
def hold():
    """The amount filter: hold charges above above_cents (null: none), authorized first or not."""
    given = _given()
    above = given.get("above_cents")
    limits = {"hold_above_cents": None if above in (None, "") else int(above)}
    sandbox.processor.set_options({**limits, "hold_authorized": _yes(given.get("authorized"))})
    return _done(sandbox.processor.options)


@bp.post("/options")
def options():
    """Change any of processor.OPTIONS; JSON only."""
    sandbox.processor.set_options(request.get_json())
    return _done(sandbox.processor.options)


@bp.post("/webhooks")
def webhooks():
    """Make notifications misbehave: delay_seconds, copies, reorder, lose, retries."""
    given = _given()
    changes = given if request.is_json else {name: int(value or 0) for name, value in given.items()}
    sandbox.webhooks.set_mischief(changes)
    return _done(sandbox.webhooks.mischief())


@bp.post("/held")
def held():
    """Review a held transaction: transaction_id, action ("approve" or "decline")."""
    given = _given()
    return _answered(sandbox.processor.review(given["transaction_id"], given["action"]))


@bp.post("/void")
def void():
    """Void a transaction as the merchant's staff would on the gateway's own screens."""
    return _answered(sandbox.processor.void(_given()["transaction_id"]))


@bp.post("/refund")
def refund():
    """Refund a settled transaction on the gateway's own screens: transaction_id, optional amount_cents."""
    given = _given()
    row = sandbox.processor.get(given["transaction_id"])
    if row is None:
        raise Nonsense("There is no such transaction.")
    last_four, cents = row["account_number"][-4:], int(given.get("amount_cents") or row["amount_cents"])
    source = (
        Card(last_four, "XXXX") if row["kind"] == "card" else Account("", last_four, "", echeck_type="PPD")
    )
    wanted = Charge(cents, source, "refundTransaction", row["invoice_number"], duplicate_window=0)
    return _answered(sandbox.processor.refund(wanted, row["id"], last_four))


@bp.post("/reset")
def reset():
    """Forget all transactions, tokens, faults and switches; endpoints stay."""
    sandbox.store.forget_everything()
    return _done({})


@bp.post("/history")
def history():
    """Register past transactions in bulk; returns their ids in the order given.

    Each: reference, amount_cents, submitted_at (ISO, UTC); optional kind, method_label ("Visa ending 4242")
    or account_type and last_four, status, type, ref_transaction_id, description, customer_id, customer_email,
    first_name, last_name. They settle in the night that follows (bank debits three nights later) unless
    that night has not come yet or another status is given.
    """
    past = [_past(one, number) for number, one in enumerate(request.get_json())]
    with sandbox.store.transaction():
        first = sandbox.store.value("SELECT seq FROM sqlite_sequence WHERE name = 'trans'") + 1
        for id, one in enumerate(past, first):
            one["id"] = id
            one["auth_code"] = f"{id * 2654435761 % 16**6:06X}" if _is_approved_card(one) else ""
        _put_into_batches(past, sandbox.store.now())
        names = list(past[0]) if past else []
        if past:
            marks = ", ".join("?" * len(names))
            sql = f"INSERT INTO trans ({', '.join(names)}) VALUES ({marks})"
            sandbox.store.execute_many(sql, [tuple(one[name] for name in names) for one in past])
    return {"transaction_ids": [str(one["id"]) for one in past]}


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


def _put_into_batches(past, now):
    """Settle what should have settled by now, one batch a night and kind."""
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
            batch = batch or _batch(night, kind)
            one["batch_id"] = batch
            one["status"] = {
                "capturedPendingSettlement": "settledSuccessfully",
                "refundPendingSettlement": "refundSettledSuccessfully",
            }.get(one["status"], one["status"])


def _batch(night, kind):
    """The batch of a night and kind: the one that an earlier call made, or a new one."""
    known = sandbox.store.value("SELECT id FROM batch WHERE settled_at = ? AND kind = ?", stamp(night), kind)
    return known or sandbox.store.insert(
        "batch", kind=kind, state="settledSuccessfully", settled_at=stamp(night)
    )


def _night(one):
    """When a transaction settles: two in the morning, UTC, after the day or after three."""
    day = datetime.fromisoformat(one["submitted_at"]).replace(hour=2, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1 if one["kind"] == "card" else 3)


# -- how


def _given():
    """What was sent, as JSON or as a form."""
    given = request.get_json() if request.is_json else request.form.to_dict()
    if not isinstance(given, dict):
        raise Nonsense("Send an object.")
    return given


def _yes(value):
    return value in (True, "true", "1", "on", "yes")


def _shown(row):
    shown = {name: row[name] for name in row.keys() if name not in ("fingerprint", "token")}  # noqa: SIM118
    ids = {name: None if row[name] is None else str(row[name]) for name in ("id", "ref_trans_id", "batch_id")}
    return {**shown, "bill_to": json.loads(row["bill_to"]), **ids, "transaction_id": ids["id"]}


def _answered(answer):
    verdict = answer.verdict
    return _done(
        {
            "response_code": verdict.response_code,
            "reason_code": verdict.reason_code,
            "text": verdict.text,
            "transaction_id": str(answer.transaction_id),
        }
    )


def _done(result):
    return result if request.is_json else redirect(url_for("control.page"), 303)
