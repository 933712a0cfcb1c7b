"""The payment page that a customer sees: opened by POST with a token, paid at most once, left by plain GET.

Nothing but the token comes in from the merchant's page, and nothing at all goes back: the Continue and
Cancel links carry no data, exactly as at the real gateway.
"""

import json
import re
from datetime import datetime, timedelta
from functools import partial

from flask import Blueprint, copy_current_request_context, current_app, render_template, request

from billing.edges.sandbox import faults
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.verdicts import Account, Card, Charge
from billing.edges.sandbox.wire import readable

bp = Blueprint("hosted", __name__, url_prefix="/payment")

TOKEN_MINUTES = 15
ADDRESS = ("firstName", "lastName", "address", "city", "state", "zip")
TEST_METHODS = {  # key -> (label, note)
    "visa": ("Visa 1111", "approved"),
    "mastercard": ("Mastercard 0015", "approved"),
    "bank": ("Bank 6781", "approved up to the limit"),
    "declined": ("Visa 0027", "declined by the bank"),
    "held": ("Visa 8888", "held for review"),
}
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
    return faults.spoil(fault, current_app.make_response(_pay(fault)))


def _pay(fault):
    token = request.form.get("token", "")
    row, gone = _open(token, displayed=True)
    if gone:
        return _gone(gone, row)
    given = _given(request.form, _page(row))
    problems = _problems(given, _page(row))
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
    if answer.verdict.response_code in (1, 4):
        return _receipt(row, answer)
    advice = ADVICE.get(answer.verdict.reason_code, "")
    return _form(row, given, {"": f"{answer.verdict.text} {advice}".strip()})


def _open(token, *, displayed):
    """The row of a token and why it cannot be used any more ("" when it can)."""
    store = sandbox.store
    row = store.row("SELECT * FROM token WHERE token = ?", token)
    if row is None:
        return None, "unknown"
    if store.value("SELECT 1 FROM trans WHERE token = ? AND response_code IN (1, 4)", token):
        return row, "used"
    since, minutes = row["created_at"], TOKEN_MINUTES
    if displayed:
        since, minutes = row["displayed_at"], sandbox.processor.options["form_minutes"]
    if since is None:
        return row, "unknown"
    late = store.now() > datetime.fromisoformat(since) + timedelta(minutes=minutes)
    return row, "expired" if late else ""


# -- what was typed


def _given(form, page):
    """The form's fields, or those of the test method whose button was pressed."""
    given = {name: value.strip() for name, value in form.items()}
    test = given.get("test")
    if test in TEST_METHODS:
        year = sandbox.store.now().year % 100 + 2
        given |= {name: given.get(name) or value for name, value in _TEST_ADDRESS.items()}
        given |= {"expiration": f"12/{year:02d}", "code": "900", **_TEST_FIELDS[test]}
    if given.get("method") not in ("card", "bank"):
        given["method"] = "card" if _offers(page)["card"] else "bank"
    return given


_TEST_ADDRESS = {"firstName": "Terry", "lastName": "Tester", "address": "1 Test Street", "zip": "98004"}
_TEST_FIELDS = {
    "visa": {"method": "card", "number": "4111111111111111"},
    "mastercard": {"method": "card", "number": "5424000000000015"},
    "declined": {"method": "card", "number": "4007000000027", "zip": "46282"},
    "held": {"method": "card", "number": "4012888818888"},
    "bank": {"method": "bank", "routing": "121042882", "account": "123456781", "name": "Terry Tester"},
}


def _problems(given, page):
    """Field name -> what is wrong with it."""
    if not _offers(page)[given["method"]]:
        return {"": "This way to pay is not offered here."}
    needed = {"number": "Enter the card number.", "expiration": "Enter the expiration date as MM/YY."}
    if page.get("hostedPaymentPaymentOptions", {}).get("cardCodeRequired"):
        needed["code"] = "Enter the security code."
    if given["method"] == "bank":
        needed = {
            "routing": "Enter the nine digits of the routing number.",
            "account": "Enter the account number.",
            "name": "Enter the name on the account.",
        }
    if page.get("hostedPaymentBillingAddressOptions", {}).get("required"):
        needed |= {"address": "Enter the street address.", "zip": "Enter the ZIP code."}
    return {name: sentence for name, sentence in needed.items() if not given.get(name)}


def _charge(row, given):
    """The charge that the token and the typed fields make together; the amount is the token's."""
    wanted = json.loads(row["request"])
    typed = {name: given[name] for name in ADDRESS if given.get(name)}
    digits = {name: re.sub(r"[ -]", "", given.get(name, "")) for name in ("number", "routing", "account")}
    if given["method"] == "card":
        source = Card(digits["number"], given.get("expiration", ""), given.get("code", ""))
    else:
        kind = given.get("account_type") or "checking"
        echeck = "CCD" if kind == "businessChecking" else "WEB"
        source = Account(digits["routing"], digits["account"], given.get("name", "")[:22], kind, echeck)
    options = sandbox.processor.options
    wanted["bill_to"] |= typed
    wanted["duplicate_window"] = wanted["duplicate_window"] if options["page_duplicate_window"] else None
    ref_id = row["ref_id"] if options["page_ref_id"] else ""
    return Charge(**wanted, source=source, ref_id=ref_id, token=row["token"])


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
    page, wanted = _page(row), json.loads(row["request"])
    offers = _offers(page)
    shown = {**wanted["bill_to"], "method": "card" if offers["card"] else "bank", **(given or {})}
    secret = ("number", "code", "routing", "account")
    return render_template(
        "hosted.html",
        **_common(row),
        token=row["token"],
        offers=offers,
        given={name: value for name, value in shown.items() if name not in secret},
        problems=dict(problems),
        code_required=page.get("hostedPaymentPaymentOptions", {}).get("cardCodeRequired", False),
        show_address=page.get("hostedPaymentBillingAddressOptions", {}).get("show", True),
        button=page.get("hostedPaymentButtonOptions", {}).get("text", "Pay"),
        tests={key: one for key, one in TEST_METHODS.items() if offers["bank" if key == "bank" else "card"]},
    )


def _receipt(row, answer):
    paid = sandbox.processor.get(answer.transaction_id)
    return render_template("receipt.html", **_common(row), paid=paid)


def _gone(why, row):
    headline, sentence = GONE[why]
    common = _common(row) if row is not None else {"returns": {}}
    return render_template("gone.html", **common, headline=headline, sentence=sentence), 200
