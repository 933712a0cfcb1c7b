"""The payment page that a customer sees: opened by POST with a token, paid at most once, left by plain GET.

Nothing but the token comes in from the merchant's page, and nothing at all goes back: the Continue and
Cancel links carry no data, exactly as at the real gateway.
"""

import json
import time
from datetime import datetime, timedelta
from functools import partial

from flask import Blueprint, copy_current_request_context, current_app, render_template, request

from billing.edges.sandbox import faults, typed
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.profiles import Kept, NotPossible
from billing.edges.sandbox.store import as_id, stamp
from billing.edges.sandbox.verdicts import Charge
from billing.edges.sandbox.wire import readable

bp = Blueprint("hosted", __name__, url_prefix="/payment")

TOKEN_MINUTES = 15
MOST_OFFERED = 4  # of the customer's saved methods, the latest
TEST_METHODS = {  # key -> (label, note)
    "visa": ("Visa 1111", "approved"),
    "mastercard": ("Mastercard 0015", "approved"),
    "bank": ("Bank 6781", "approved up to the limit"),
    "declined": ("Visa 0027", "declined by the bank"),
    "held": ("Visa 8888", "held for review"),
}
TEST_FIELDS = {
    "visa": {"method": "card", "number": "4111111111111111"},
    "mastercard": {"method": "card", "number": "5424000000000015"},
    "declined": {"method": "card", "number": "4007000000027", "zip": "46282"},
    "held": {"method": "card", "number": "4012888818888"},
    "bank": {"method": "bank", "routing": "121042882", "account": "123456781", "name": "Terry Tester"},
}
BRAND_NAMES = {
    "eCheck": "Bank account", "MasterCard": "Mastercard", "AmericanExpress": "American Express",
    "DinersClub": "Diners Club",
}  # fmt: skip
ADVICE = {
    2: "Please use another card or bank account.",
    11: "The same payment was sent a moment ago. Please wait before you try it again.",
    27: "Please check the billing address.",
    65: "Please check the security code.",
}
GONE = {
    "busy": ("The payment page is too busy", "Nothing was charged. Please go back and try again."),
    "unknown": ("This payment page does not exist", "Please go back to the merchant's page and start again."),
    "expired": (
        "This payment page has expired",
        "Nothing was charged. Please go back to the merchant's page and start again.",
    ),
    "used": (
        "This payment page was used already",
        "It takes one payment only, and that was made. Nothing was charged again.",
    ),
}


@bp.post("/payment")
def show():
    """Display the form for a token."""
    token = request.form.get("token", "")
    row, gone = _open(token, displayed=False)
    if gone:
        return _gone(gone, row)
    sandbox.store.update("token", token, displayed_at=stamp(sandbox.store.now()))
    return _form(row)


@bp.post("/pay")
def pay():
    """Take the payment. Under the store's lock, so that fifty clicks at once are one payment."""
    fault = sandbox.faults.take("hosted")
    if fault and fault.mode == "late":
        request.form  # noqa: B018 -- read while the connection is there
        sandbox.faults.later(fault, copy_current_request_context(partial(_pay, None)))
    if fault and not fault.processed:
        return faults.spoil(fault, current_app.make_response(_gone("busy", None)))
    answer = current_app.make_response(_pay(fault))
    time.sleep(sandbox.processor.options["answer_ms"] / 1000)
    return faults.spoil(fault, answer)


def _pay(fault):
    token = request.form.get("token", "")
    row, gone = _open(token, displayed=True)
    if gone:
        return _gone(gone, row)
    given = _given(row)
    problems = _problems(given, row)
    if problems:
        return _form(row, given, problems)
    with sandbox.store.transaction():
        row, gone = _open(token, displayed=True)
        if gone:
            return _gone(gone, row)
        charge = _charge(row, given)
        answer = sandbox.processor.charge(
            charge, reason=faults.reason(fault), hold=given.get("test") == "held"
        )
        if faults.mode(fault) == "approve_then_void":
            sandbox.processor.void(answer.transaction_id)
        if answer.verdict.response_code in (1, 4) and _saves(row, given):
            _save(row, charge, answer)
    if answer.verdict.response_code in (1, 4):
        return _receipt(row, answer)
    advice = ADVICE.get(answer.verdict.reason_code, "")
    return _form(row, given, {"": f"{answer.verdict.text} {advice}".strip()})


def _open(token, *, displayed):
    """The row of a token and why it cannot be used any more ("" when it can)."""
    store = sandbox.store
    row = store.row("SELECT * FROM token WHERE token = ? AND kind = 'payment'", token)
    if row is None:
        return None, "unknown"
    if store.value("SELECT 1 FROM trans WHERE token = ? AND response_code IN (1, 4)", token):
        return row, "used"
    return row, why_late(row, displayed=displayed)


def why_late(row, *, displayed):
    """Why a token has had its time: "expired", "unknown" when it was never displayed, or ""."""
    since, minutes = row["created_at"], TOKEN_MINUTES
    if displayed:
        since, minutes = row["displayed_at"], sandbox.processor.options["form_minutes"]
    if since is None:
        return "unknown"
    late = sandbox.store.now() > datetime.fromisoformat(since) + timedelta(minutes=minutes)
    return "expired" if late else ""


# -- what was typed


def _given(row):
    """The form's fields, with a method that the page offers in any case."""
    given = typed.given(request.form, TEST_FIELDS, sandbox.store.now())
    if given.get("method") not in ("card", "bank") and not _chosen(row, given):
        given["method"] = "card" if _offers(_page(row))["card"] else "bank"
    return given


def _chosen(row, given):
    """The saved method that was chosen, or None."""
    wanted = given.get("method", "")
    return next((one for one in _saved(row) if str(one["id"]) == wanted), None)


def _problems(given, row):
    """Field name -> what is wrong with it."""
    if _chosen(row, given):
        return {}
    page = _page(row)
    if not _offers(page)[given["method"]]:
        return {"": "This way to pay is not offered here."}
    return typed.problems(
        given,
        code_required=page.get("hostedPaymentPaymentOptions", {}).get("cardCodeRequired", False),
        address_required=page.get("hostedPaymentBillingAddressOptions", {}).get("required", False),
    )


def _charge(row, given):
    """The charge that the token and the typed fields make together; the amount is the token's."""
    wanted, saved = json.loads(row["request"]), _chosen(row, given)
    if saved:
        source = sandbox.profiles.stored(saved)
        wanted["bill_to"] = json.loads(saved["bill_to"])
    else:
        source = typed.source(given)
        wanted["bill_to"] |= typed.address(given)
    options = sandbox.processor.options
    wanted["duplicate_window"] = wanted["duplicate_window"] if options["page_duplicate_window"] else None
    ref_id = row["ref_id"] if options["page_ref_id"] else ""
    return Charge(**wanted, source=source, ref_id=ref_id, token=row["token"])


# -- saved methods


def _saved(row):
    """The customer's latest saved methods of the kinds that the page offers, latest first."""
    if not row["profile_id"]:
        return []
    offers = _offers(_page(row))
    found = [one for one in sandbox.profiles.methods(row["profile_id"]) if offers[one["kind"]]]
    return found[::-1][:MOST_OFFERED]


def _may_save(row):
    return _page(row).get("hostedPaymentCustomerOptions", {}).get("addPaymentProfile", False)


def _saves(row, given):
    return _may_save(row) and given.get("save") and not _chosen(row, given)


def _save(row, charge, answer):
    """Keep what paid. When that is not possible, the payment stands and the customer hears nothing of it."""
    person = {"number": charge.customer_id, "email": charge.customer_email}
    known = {"network_trans_id": answer.network_trans_id, "network_cents": charge.amount_cents}
    try:
        profile_id = row["profile_id"] or sandbox.profiles.create(**person)
        sandbox.profiles.add(profile_id, Kept.of(charge.source), charge.bill_to, **known)
    except NotPossible as problem:
        current_app.logger.info("not saved: %s %s", problem.code, problem.sentence)


def name_of(method):
    """A saved method as a person knows it: ``Visa ending 1111, expires 05/27``."""
    brand = BRAND_NAMES.get(method["account_type"], method["account_type"])
    month = method["expiration"]
    expires = f", expires {month[5:]}/{month[2:4]}" if month else ""
    return f"{brand} ending {method['account_number'][-4:]}{expires}"


# -- pages


def _page(row):
    return json.loads(row["page"])


def _offers(page):
    options = page.get("hostedPaymentPaymentOptions", {})
    return {"card": options.get("showCreditCard", True), "bank": options.get("showBankAccount", True)}


def _common(row):
    """What every page about a token shows."""
    page, wanted = _page(row), json.loads(row["request"])
    order = page.get("hostedPaymentOrderOptions", {})
    return {
        "returns": page.get("hostedPaymentReturnOptions", {}),
        "merchant": order.get("merchantName", ""),
        "order": wanted if order.get("show", True) else {},
        "amount": readable(wanted["amount_cents"]),
    }


def _form(row, given=None, problems=()):
    page, wanted, saved = _page(row), json.loads(row["request"]), _saved(row)
    offers = _offers(page)
    first = str(saved[0]["id"]) if saved else "card" if offers["card"] else "bank"
    shown = {**wanted["bill_to"], "method": first, **(given or {})}
    return render_template(
        "hosted.html",
        **_common(row),
        token=row["token"],
        offers=offers,
        saved={str(one["id"]): name_of(one) for one in saved},
        may_save=_may_save(row),
        given=typed.harmless(shown),
        problems=dict(problems),
        code_required=page.get("hostedPaymentPaymentOptions", {}).get("cardCodeRequired", False),
        show_address=page.get("hostedPaymentBillingAddressOptions", {}).get("show", True),
        button=page.get("hostedPaymentButtonOptions", {}).get("text", "Pay"),
        tests={key: one for key, one in TEST_METHODS.items() if offers["bank" if key == "bank" else "card"]},
    )


def _receipt(row, answer):
    paid = sandbox.processor.get(as_id(answer.transaction_id))
    return render_template("receipt.html", **_common(row), paid=paid)


def _gone(why, row):
    headline, sentence = GONE[why]
    common = _common(row) if row is not None else {"returns": {}}
    return render_template("gone.html", **common, headline=headline, sentence=sentence), 200
