"""The sandbox's own controls: a page for people and the same actions as JSON for tests and the demo.

A form is answered with a redirect back to the page, JSON with JSON. None of this exists at the real gateway.
"""

import json
from datetime import datetime, timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for

from billing.edges.sandbox import disputes, faults, history, hosted
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.history import Nonsense
from billing.edges.sandbox.processor import HELD, VOIDABLE
from billing.edges.sandbox.profiles import NotPossible
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.verdicts import Account, Card, Charge
from billing.edges.sandbox.wire import readable

bp = Blueprint("control", __name__, url_prefix="/control")

IDS = ("id", "ref_trans_id", "batch_id", "profile_id", "method_id")
METHODS = """
SELECT method.*, profile.number FROM method JOIN profile ON profile.id = method.profile_id
 ORDER BY method.id DESC LIMIT 100
"""
ENDPOINT = ("id", "url", "status", "failures")
SECRET = ("fingerprint", "identity", "token")


@bp.errorhandler(Nonsense)
@bp.errorhandler(NotPossible)
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
        methods=store.rows(METHODS),
        returns=disputes.RETURNS,
        name_of=hosted.name_of,
        late=sandbox.faults.late_ones(),
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
        "late": sandbox.faults.late_ones(),
        "webhooks": sandbox.webhooks.mischief(),
        "endpoints": [{name: row[name] for name in ENDPOINT} for row in sandbox.webhooks.all()],
    }


# -- what one can do


@bp.post("/settle")
def settle():
    """Close the day. Optional: kind ("card", "bank"), fail (the batch fails)."""
    sent = given()
    batches = sandbox.processor.settle(sent.get("kind") or None, fail=yes(sent.get("fail")))
    return done({"batches": [str(batch) for batch in batches]})


@bp.post("/clock")
def clock():
    """Move the clock by minutes, hours, days; set it with at (ISO, UTC); or reset it to the real time."""
    sent = given()
    store = sandbox.store
    if sent.get("at"):
        store.move_clock(datetime.fromisoformat(sent["at"]))
    elif yes(sent.get("reset")):
        store.remember("clock_offset", 0)
    else:
        step = {name: float(sent[name]) for name in ("minutes", "hours", "days") if sent.get(name)}
        store.move_clock(store.now() + timedelta(**step))
    sandbox.faults.do_late_ones()
    sandbox.processor.catch_up()
    sandbox.webhooks.wake()
    return done({"now": stamp(store.now())})


@bp.post("/fault")
def fault():
    """Switch a fault on: mode, count (default 1, null: until switched off), calls, seconds, processed."""
    sent = given()
    if sent.get("mode") == "none" or yes(sent.get("clear")):
        sandbox.faults.clear()
        return done({"faults": []})
    count = sent.get("count", 1)
    sandbox.faults.add(
        sent["mode"],
        count=None if count in (None, "") else int(count),
        calls=sent.get("calls") or (),
        seconds=float(sent.get("seconds") or 40),
        processed=sent.get("processed"),
    )
    return done({"faults": [vars(one) for one in sandbox.faults.all()]})


@bp.post("/hold")
def hold():
    """The amount filter: hold charges above above_cents (null: none), authorized first or not."""
    sent = given()
    above = sent.get("above_cents")
    limits = {"hold_above_cents": None if above in (None, "") else int(above)}
    sandbox.processor.set_options({**limits, "hold_authorized": yes(sent.get("authorized"))})
    return done(sandbox.processor.options)


@bp.post("/options")
def options():
    """Change any of processor.OPTIONS. A form says null by leaving a field empty."""
    changes = given() if request.is_json else {name: _value(text) for name, text in given().items()}
    sandbox.processor.set_options(changes)
    return done(sandbox.processor.options)


@bp.post("/webhooks")
def webhooks():
    """Make notifications misbehave: delay_seconds, copies, reorder, lose, retries."""
    sent = given()
    changes = sent if request.is_json else {name: int(value or 0) for name, value in sent.items()}
    sandbox.webhooks.set_mischief(changes)
    return done(sandbox.webhooks.mischief())


@bp.post("/held")
def held():
    """Review a held transaction: transaction_id, action ("approve" or "decline")."""
    sent = given()
    return _answered(sandbox.processor.review(sent["transaction_id"], sent["action"]))


@bp.post("/void")
def void():
    """Void a transaction as the merchant's staff would on the gateway's own screens."""
    return _answered(sandbox.processor.void(given()["transaction_id"]))


@bp.post("/refund")
def refund():
    """Refund a settled transaction on the gateway's own screens: transaction_id, optional amount_cents."""
    sent = given()
    row = sandbox.processor.get(sent["transaction_id"])
    if row is None:
        raise Nonsense("There is no such transaction.")
    last_four, cents = row["account_number"][-4:], int(sent.get("amount_cents") or row["amount_cents"])
    source = (
        Card(last_four, "XXXX") if row["kind"] == "card" else Account("", last_four, "", echeck_type="PPD")
    )
    wanted = Charge(cents, source, "refundTransaction", row["invoice_number"], duplicate_window=0)
    return _answered(sandbox.processor.refund(wanted, row["id"]))


@bp.post("/reset")
def reset():
    """Forget all transactions, tokens, faults and switches; endpoints stay."""
    sandbox.faults.forget_late_ones()
    sandbox.store.forget_everything()
    return done({})


@bp.post("/history")
def past():
    """Register past transactions in bulk; returns their ids in the order given.

    Each: reference, amount_cents, submitted_at (ISO, UTC); optional kind, method_label ("Visa ending 4242")
    or account_type and last_four, status, type, ref_transaction_id, description, customer_id, customer_email,
    first_name, last_name, profile_id, method_id. They settle in the night that follows (bank debits three
    nights later) unless that night has not come yet or another status is given.
    """
    ids = history.register(sandbox.store, request.get_json())
    return {"transaction_ids": [str(one) for one in ids]}


# -- how


def given():
    """What was sent, as JSON or as a form."""
    sent = request.get_json() if request.is_json else request.form.to_dict()
    if not isinstance(sent, dict):
        raise Nonsense("Send an object.")
    return sent


def _value(text):
    """What a field of a form means: a number where it is one."""
    return int(text) if text.lstrip("-").isdigit() else text or None


def yes(value):
    return value in (True, "true", "1", "on", "yes")


def _shown(row):
    shown = {name: row[name] for name in row.keys() if name not in SECRET}  # noqa: SIM118
    ids = {name: None if row[name] is None else str(row[name]) for name in IDS}
    return {**shown, "bill_to": json.loads(row["bill_to"]), **ids, "transaction_id": ids["id"]}


def _answered(answer):
    verdict = answer.verdict
    return done(
        {
            "response_code": verdict.response_code,
            "reason_code": verdict.reason_code,
            "text": verdict.text,
            "transaction_id": str(answer.transaction_id),
        }
    )


def done(result):
    return result if request.is_json else redirect(url_for("control.page"), 303)
