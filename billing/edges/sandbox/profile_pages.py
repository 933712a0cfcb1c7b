"""The pages on which customers keep their cards and bank accounts: opened by POST with a token, left by GET.

One token opens adding, managing and changing until it expires. Nothing of what was typed goes back to the
merchant: it finds out by asking, or by a notification.
"""

import json

from flask import Blueprint, render_template, request

from billing.edges.sandbox import hosted, typed
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.profiles import MOST_METHODS, Kept, NotPossible
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.verdicts import Charge, all_unreadable, judge, text_of, year_month

bp = Blueprint("profile_pages", __name__, url_prefix="/customer")

TESTS = {  # key -> (label, note)
    "visa": ("Visa 1111", "always approved"),
    "mastercard": ("Mastercard 0015", "always approved"),
    "bank": ("Bank 6781", "approved up to the limit"),
    "expiring": ("Mastercard 9703", "expires this month"),
    "failing": ("Visa 8888", "saved, then declined"),
    "declined": ("Visa 0027", "the bank refuses it"),
}
TEST_FIELDS = {
    "visa": hosted.TEST_FIELDS["visa"],
    "mastercard": hosted.TEST_FIELDS["mastercard"],
    "bank": hosted.TEST_FIELDS["bank"],
    "expiring": {"method": "card", "number": "2223000010309703"},
    "failing": hosted.TEST_FIELDS["held"],
    "declined": hosted.TEST_FIELDS["declined"],
}
GONE = {
    "unknown": ("This page does not exist", "Please go back to the merchant's page and start again."),
    "expired": ("This page has expired", "Please go back to the merchant's page and start again."),
    "no profile": ("The record cannot be found", "Please go back to the merchant's page and start again."),
}
SENTENCES = {  # what a profile refuses, for the person who asked
    "E00039": "This card or account is saved already.",
    "E00042": f"{MOST_METHODS} cards and accounts are saved, and that is the limit. Remove one first.",
    "E00040": "It was removed in the meantime.",
}
REFUSED = "The bank did not accept it. Please check the details, or use another card or bank account."


# -- opening


@bp.post("/addPayment")
def add_payment():
    """The form for a new card or account."""
    row, gone = _open(displayed=False)
    return gone or _form(row)


@bp.post("/manage")
def manage():
    """All that is saved, with what can be done to it."""
    row, gone = _open(displayed=False)
    return gone or _list(row)


@bp.post("/editPayment")
def edit_payment():
    """The form for one saved method: field paymentProfileId."""
    row, gone = _open(displayed=False)
    if gone:
        return gone
    method = _method(row)
    return _list(row, problem=SENTENCES["E00040"]) if method is None else _edit_form(row, method)


def _open(*, displayed):
    """The row of the posted token, and the page that says why it cannot be used (None when it can)."""
    token = request.form.get("token", "")
    row = sandbox.store.row("SELECT * FROM token WHERE token = ? AND kind = 'profile'", token)
    why = "unknown" if row is None else hosted.why_late(row, displayed=displayed)
    if not why and not sandbox.store.value("SELECT 1 FROM profile WHERE id = ?", row["profile_id"]):
        why = "no profile"
    if why:
        return row, _gone(row, why)
    if not displayed:
        sandbox.store.update("token", token, displayed_at=stamp(sandbox.store.now()))
    return row, None


# -- doing


@bp.post("/save")
def save():
    """Keep what was typed."""
    row, gone = _open(displayed=True)
    if gone:
        return gone
    given = _given(row)
    problems = _problems(row, given)
    if not problems:
        method_id, problems = _kept(row, given)
    return _form(row, given, problems) if problems else _done(row, method_id, "saved")


@bp.post("/change")
def change():
    """Change the expiration date, the holder or the address of a saved method."""
    row, gone = _open(displayed=True)
    if gone:
        return gone
    method = _method(row)
    if method is None:
        return _list(row, problem=SENTENCES["E00040"])
    given = {name: value.strip() for name, value in request.form.items()}
    changes, problems = _changes(method, given)
    if problems:
        return _edit_form(row, method, given, problems)
    sandbox.profiles.change(method["id"], **changes)
    return _done(row, method["id"], "changed")


@bp.post("/remove")
def remove():
    """Ask whether to remove a saved method, and with ``sure`` remove it."""
    row, gone = _open(displayed=True)
    if gone:
        return gone
    method = _method(row)
    if method is None:
        return _list(row, problem=SENTENCES["E00040"])
    if not request.form.get("sure"):
        return render_template("profile_remove.html", **_common(row), method=method)
    sandbox.profiles.remove(row["profile_id"], method["id"])
    return _list(row, notice=f"{hosted.name_of(method)} was removed.")


def _method(row):
    """The saved method that the form names, or None."""
    try:
        return sandbox.profiles.method(row["profile_id"], request.form.get("paymentProfileId", ""))
    except (NotPossible, ValueError):
        return None


def _given(row):
    given = typed.given(request.form, TEST_FIELDS, sandbox.store.now())
    if given.get("test") == "expiring":
        given["expiration"] = f"{sandbox.store.now():%m/%y}"
    if given.get("method") not in ("card", "bank"):
        given["method"] = "card" if _offers(row)["card"] else "bank"
    return given


def _problems(row, given):
    """Field name -> what is wrong with it; "" for what is wrong with all of it."""
    if not _offers(row)[given["method"]]:
        return {"": "This kind is not offered here."}
    settings, on = _settings(row), sandbox.store.now().date()
    missing = typed.problems(
        given,
        code_required=settings.get("hostedProfileCardCodeRequired") == "true",
        address_required=settings.get("hostedProfileBillingAddressRequired") == "true",
    )
    source = typed.source(given)
    wrong = {
        typed.FIELD_OF_REASON[code]: text_of(code).rstrip(".") + "." for code in all_unreadable(source, on)
    }
    if missing or wrong:
        return wrong | missing
    if settings.get("hostedProfileValidationMode") == "testMode":
        return {}
    charge = Charge(100, source, "authOnlyTransaction", bill_to=typed.address(given))
    options = {**sandbox.processor.options, "hold_above_cents": None}
    return {} if judge(charge, options, on=on).response_code == 1 else {"": REFUSED}


def _kept(row, given):
    """(id of the new method, {}) or (None, what is wrong)."""
    more = {"decline_reason": 2} if given.get("test") == "failing" else {}
    kept = Kept.of(typed.source(given))
    try:
        return sandbox.profiles.add(row["profile_id"], kept, typed.address(given), **more), {}
    except NotPossible as problem:
        return None, {"": SENTENCES.get(problem.code, problem.sentence)}


def _changes(method, given):
    """What a change form asks for, and what is wrong with it."""
    address = json.loads(method["bill_to"])
    address |= {name: given[name] for name in typed.ADDRESS if name in given}
    changes = {"bill_to": {name: value for name, value in address.items() if value}}
    if method["kind"] == "bank":
        name = given.get("name", "")[:22]
        problems = {} if name else {"name": "Enter the name on the account."}
        return {**changes, "bank_account_name": name}, problems
    month = year_month(given.get("expiration", ""))
    if month < f"{sandbox.store.now():%Y-%m}":
        return {}, {"expiration": "Enter a date to come, as MM/YY."}
    return {**changes, "expiration": month, "decline_reason": None, "decline_left": None}, {}


# -- pages


def _settings(row):
    return json.loads(row["page"])


def _offers(row):
    wanted = _settings(row).get("hostedProfilePaymentOptions", "showAll")
    return {"card": wanted != "showBankAccount", "bank": wanted != "showCreditCard"}


def _common(row):
    """What every page about a profile shows. ``back`` is the page that a form returns to."""
    settings = _settings(row)
    return {
        "token": row["token"],
        "back": "manage" if request.path.endswith("manage") else request.form.get("back", ""),
        "returns": {
            "url": settings.get("hostedProfileReturnUrl", ""),
            "urlText": settings.get("hostedProfileReturnUrlText", ""),
        },
        "name_of": hosted.name_of,
    }


def _form(row, given=None, problems=()):
    settings, offers = _settings(row), _offers(row)
    shown = {"method": "card" if offers["card"] else "bank", **(given or {})}
    return render_template(
        "profile_add.html",
        **_common(row),
        offers=offers,
        given=typed.harmless(shown),
        problems=dict(problems),
        code_required=settings.get("hostedProfileCardCodeRequired") == "true",
        show_address=settings.get("hostedProfileBillingAddressOptions") != "showNone",
        button=settings.get("hostedProfileSaveButtonText") or "Save",
        tests={key: one for key, one in TESTS.items() if offers["bank" if key == "bank" else "card"]},
    )


def _edit_form(row, method, given=None, problems=()):
    month = method["expiration"]
    known = {**json.loads(method["bill_to"]), "name": method["bank_account_name"]}
    known["expiration"] = f"{month[5:]}/{month[2:4]}" if month else ""
    return render_template(
        "profile_edit.html",
        **_common(row),
        method=method,
        given={**known, **(given or {})},
        problems=dict(problems),
        show_address=_settings(row).get("hostedProfileBillingAddressOptions") != "showNone",
    )


def _list(row, notice="", problem=""):
    methods = sandbox.profiles.methods(row["profile_id"])
    common = {**_common(row), "back": "manage"}
    return render_template(
        "profile_list.html", **common, methods=methods, notice=notice, problem=problem, most=MOST_METHODS
    )


def _done(row, method_id, what):
    """Back to the list when the customer came from there, or the way back to the merchant."""
    name = hosted.name_of(sandbox.profiles.method(row["profile_id"], method_id))
    if request.form.get("back") == "manage":
        return _list(row, notice=f"{name} was {what}.")
    return render_template("profile_saved.html", **_common(row), name=name, what=what)


def _gone(row, why):
    headline, sentence = GONE[why]
    returns = _common(row)["returns"] if row is not None else {}
    return render_template("gone.html", returns=returns, headline=headline, sentence=sentence), 200
