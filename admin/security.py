"""Who may do what in the back office: sign-in, roles, and the one table that decides every route.

Here: passwords, sessions, ``ACCESS``. Not here: screens and actions themselves; they never ask for a role.
A route or action that is missing from ``ACCESS`` is closed for everyone.
"""

import hashlib
import secrets
import time
from datetime import timedelta
from urllib.parse import urlsplit

import flask_login
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import abort, g, redirect, render_template, request, session, url_for
from peewee import IntegrityError

from billing import events
from billing.errors import BillingError
from billing.imports.fields import EMAIL
from models import Staff, db

OWNER, BILLING, SUPPORT, READ_ONLY = Staff.ROLES
ANYBODY = ("anybody",)  # signed in or not
EVERYONE = (OWNER, BILLING, SUPPORT, READ_ONLY)
DESK = (OWNER, BILLING, SUPPORT)
MONEY = (OWNER, BILLING)
OWNERS = (OWNER,)

SHORTEST_PASSWORD = 10
LONGEST_EMAIL = 74  # “staff:” and the address are kept in the 80 characters of who did something
TOO_LONG = f"Use an e-mail address of at most {LONGEST_EMAIL} characters."
FREE_TRIES = 5
LONGEST_LOCK = timedelta(minutes=15)
SESSION_SECONDS = 12 * 3600

_hasher = PasswordHasher()
_DECOY = _hasher.hash(secrets.token_hex(16))  # checked for unknown addresses, so that they take as long


# --- the table -------------------------------------------------------------------------------------


def _screen(name, *, read=EVERYONE, export=DESK, **doings):
    """One generated screen: who reads it, who takes it away as a file, who does what there."""
    table = {f"{name}.read": read, f"{name}.export": export}
    return table | {f"{name}.{doing}": roles for doing, roles in doings.items()}


ACCESS = {
    # pages
    "staff.sign_in": ANYBODY,
    "staff.sign_out": EVERYONE,
    "staff.password": EVERYONE,
    "staff.calendar": EVERYONE,
    "staff.index": EVERYONE,
    "staff.search": EVERYONE,
    "staff.customer": EVERYONE,
    "staff.timeline": EVERYONE,
    "staff.said": EVERYONE,
    "staff.contact_preferences": DESK,
    "staff.collections": EVERYONE,
    "staff.collections_case": EVERYONE,
    "staff.collections_note": DESK,
    "staff.clarity": EVERYONE,
    "staff.record_payment": MONEY,
    "staff.phone_payment": DESK,
    "staff.phone_saved": MONEY,
    "staff.phone_page": DESK,
    "staff.phone_return": DESK,
    "staff.phone_cancel": DESK,
    "staff.log_call": DESK,
    "staff.callers": DESK,
    "staff.call_list": DESK,
    "staff.bill_preview": MONEY,
    "staff.bill_run": MONEY,
    "staff.bank_file": MONEY,
    "staff.certificate": EVERYONE,
    "staff.certificate_pdf": EVERYONE,
    "staff.certificate_verify": EVERYONE,
    "staff.certificate_look": MONEY,
    "staff.contract_ends": EVERYONE,
    "staff.check_proof": EVERYONE,
    "staff.price_increase": MONEY,
    "staff.review_rules": OWNERS,
    "staff.print_queue": EVERYONE,
    "staff.held": EVERYONE,
    "staff.write_to": DESK,
    "staff.personal": DESK,
    "staff.ask_to_pass": DESK,
    "staff.make_batch": DESK,
    "staff.wordings": MONEY,
    "staff.wording": MONEY,
    "staff.wording_preview": MONEY,
    "staff.demo_advance": OWNERS,
    # generated screens: reading, taking away, writing by hand, and their actions
    **_screen(
        "customer",
        write=DESK,
        goodwill=DESK,
        revoke_links=DESK,
        open_ticket=DESK,
        note=DESK,
        promise=DESK,
        offer_plan=DESK,
        hand_over=MONEY,
        let_pass=MONEY,
        hold_messages=DESK,
        release_messages=DESK,
    ),
    **_screen("contact", write=DESK, reached=DESK),
    **_screen("preference"),
    **_screen("preference_change"),
    **_screen("consent"),
    **_screen("site", write=DESK),
    **_screen("system", write=DESK),
    **_screen(
        "contract",
        write=MONEY,
        pause=MONEY,
        resume=MONEY,
        end=MONEY,
        authority_letter=DESK,
        authority_told=MONEY,
        suspend=MONEY,
    ),
    **_screen("charge", write=MONEY, change_price=MONEY),
    **_screen("price_change", take_back=MONEY),
    **_screen("renewal_answer"),
    **_screen("cancellation"),
    **_screen("authority_notice", proof=DESK),
    **_screen("renewal_rule", write=MONEY, new_version=MONEY, activate=OWNERS, retire=OWNERS),
    **_screen("renewal_notice", proof=DESK, send_now=DESK, mailed=DESK, delivered=DESK, override=OWNERS),
    **_screen("renewal"),
    **_screen("rule_review"),
    **_screen("one_off", write=DESK, cancel=MONEY),
    **_screen("hold", lift=MONEY),
    **_screen(
        "invoice",
        issue=MONEY,
        discard=MONEY,
        void=MONEY,
        credit=MONEY,
        redo=MONEY,
        write_off=MONEY,
        bad_debt=MONEY,
        dispute=DESK,
        promise=DESK,
        resend=DESK,
        pay_link=DESK,
        revoke_links=DESK,
    ),
    **_screen("line"),
    **_screen("dispute", uphold=DESK, reject=DESK, withdraw=DESK),
    **_screen(
        "payment", ask=DESK, conclude=MONEY, refund=MONEY, bounce=MONEY, take_back=MONEY, dispute=MONEY
    ),
    **_screen("payment_part"),
    **_screen("promise", withdraw=DESK, seen=DESK),
    **_screen(
        "plan",
        accept=MONEY,
        counter=DESK,
        refuse=DESK,
        withdraw=DESK,
        move=DESK,
        seen=DESK,
        end=MONEY,
    ),
    **_screen("installment"),
    **_screen("plan_invoice"),
    **_screen("installment_part"),
    **_screen("credit", take_back=MONEY),
    **_screen("credit_reversal"),
    **_screen("approval", approve=MONEY, refuse=MONEY, withdraw=DESK),
    **_screen("service_credit", give=DESK, refuse=DESK),
    **_screen("late_fee", waive=DESK),
    **_screen("allocation"),
    **_screen("refund", approve=MONEY, refuse=MONEY, ask=DESK, conclude=MONEY),
    **_screen("chargeback", letter=MONEY, answer=MONEY, win=MONEY, lose=MONEY),
    **_screen("loss"),
    **_screen("payment_method", stop=DESK),
    **_screen("autopay", end=DESK),
    **_screen("planned_charge", postpone=DESK),
    **_screen("autopay_outcome"),
    **_screen("settlement"),
    **_screen("settlement_line"),
    **_screen("difference", settle=MONEY),
    **_screen("remittance_file"),
    **_screen("remittance_row", match=MONEY, dismiss=MONEY),
    **_screen("ticket", reply=DESK, note=DESK, close=DESK, sort=DESK, assign=DESK, merge=DESK),
    **_screen("attachment", file=EVERYONE),
    **_screen("canned_reply", write=DESK),
    **_screen("message"),
    **_screen("customer_group", write=MONEY),
    **_screen("reminder_policy", write=MONEY),
    **_screen("reminder_step", write=MONEY),
    **_screen("template"),
    **_screen("citation"),
    **_screen("offer"),
    **_screen("gate_override"),
    **_screen("notice", proof=DESK, discard_draft=DESK, print=DESK, mark_printed=DESK, send_again=DESK),
    **_screen("print_batch", file=DESK, number=DESK, printed=DESK, mailed=DESK),
    **_screen("print_piece", take_out=DESK),
    **_screen("print_file"),
    **_screen("link", read=DESK, export=OWNERS, revoke=DESK),
    **_screen("code_guess", read=OWNERS, export=OWNERS),
    **_screen("item", write=MONEY),
    **_screen("tax_rate", write=MONEY),
    **_screen("company", write=OWNERS, go_live=OWNERS, go_mute=OWNERS),
    **_screen("staff", export=OWNERS, write=OWNERS, set_password=OWNERS, unlock=OWNERS),
    **_screen("import_batch", release=OWNERS, undo=OWNERS),
    **_screen("job_run"),
    **_screen("event", read=DESK, export=OWNERS),
    **_screen("sighting"),
    **_screen("search_entry", read=OWNERS, export=OWNERS),
    **_screen("inbound", give=DESK, dismiss=DESK),
    **_screen("call", give=DESK, done=DESK, ticket=DESK),
    **_screen("suspension", check=DESK, request=MONEY, stop=DESK, lift=DESK, station=DESK, recalled=DESK),
    **_screen("handover", make_file=MONEY, take_back=DESK, file=MONEY),
    **_screen("handover_file", read=MONEY, export=OWNERS),
    **_screen("note", pin=DESK, unpin=DESK),
    **_screen("verdict"),
    **_screen("stance"),
    **_screen("to_judge"),
    **_screen("feed", watch=OWNERS),
    **_screen("gateway_event", read=DESK, export=OWNERS),
}

VERBS = {
    "index_view": "read",
    "details_view": "read",
    "ajax_lookup": "read",
    "pdf_view": "read",
    "file_view": "file",
    "answer_view": "reply",
    "sort_view": "sort",
    "news_view": "read",
    "numbers_view": "number",
    "export": "export",
    "deposit_view": "export",
    "create_view": "write",
    "edit_view": "write",
}


def rule_of(endpoint, view_args=None):
    """The name under which ``ACCESS`` decides a route; an action is decided by its own name."""
    blueprint, _, view = endpoint.partition(".")
    if blueprint == "staff":
        return endpoint
    screen = blueprint.removeprefix("staff_")
    verb = (view_args or {}).get("action", "") if view == "act_view" else VERBS.get(view, "")
    return f"{screen}.{verb}"


def may(rule):
    """True when the person of this request may do what ``rule`` names."""
    roles = ACCESS.get(rule, ())
    return roles is ANYBODY or role() in roles


def me():
    """The Staff row of whoever is signed in."""
    return flask_login.current_user.row


def role():
    """The role of the person of this request; None for nobody."""
    return flask_login.current_user.role if flask_login.current_user.is_authenticated else None


def is_ours(endpoint):
    """True for every route of the back office."""
    blueprint = (endpoint or "").partition(".")[0]
    return blueprint == "staff" or blueprint.startswith("staff_")


def guard():
    """Before every request: let the back office be entered by ``ACCESS`` only."""
    if not is_ours(request.endpoint):
        return None
    rule = rule_of(request.endpoint, request.view_args)
    if may(rule):
        if role():
            g.by = f"staff:{flask_login.current_user.row.email}"
        return None
    if role() is None:
        return _to_sign_in()
    return render_template("admin/refused.html", rule=rule), 403


def _to_sign_in():
    back = request.full_path.rstrip("?") if request.method == "GET" else ""
    return redirect(url_for("staff.sign_in", next=back or None), 303)


# --- the person of a request -----------------------------------------------------------------------


class Person(flask_login.UserMixin):
    """A member of staff for the length of one request."""

    def __init__(self, row):
        self.row, self.role, self.name = row, row.role, row.name

    def get_id(self):
        """The row and its password: a new password ends every session that began with the old one."""
        return f"{self.row.id}.{hashlib.sha256(self.row.password_hash.encode()).hexdigest()[:24]}"


def load_person(session_id):
    """The Person of a session, or None when they left, changed the password or have been here too long."""
    number = session_id.partition(".")[0]
    if not number.isdecimal() or time.time() - session.get("staff_since", 0) > SESSION_SECONDS:
        return None
    row = Staff.get_or_none((Staff.id == int(number)) & Staff.left_on.is_null())
    person = Person(row) if row else None
    return person if person and person.get_id() == session_id else None


def sign_in(email, password, *, now):
    """Sign somebody in, or raise BillingError with a sentence that does not say which half was wrong.

    Every try is counted before the password is looked at, so that many at once are not more tries.
    """
    row = Staff.get_or_none((Staff.email == email.strip().lower()) & Staff.left_on.is_null())
    _count_try(row, now)
    if not _matches(row, password):
        raise BillingError("This email address and password do not match.")
    Staff.update(failed_tries=0, locked_until_at=None, signed_in_at=now).where(Staff.id == row.id).execute()
    if _hasher.check_needs_rehash(row.password_hash):
        row.password_hash = _hasher.hash(password)
        row.save()
    session.clear()  # nothing that was planted before survives
    session["staff_since"] = time.time()
    flask_login.login_user(Person(row))
    return row


def _matches(row, password):
    stored = row.password_hash if row and row.password_hash else _DECOY
    try:
        return _hasher.verify(stored, password) and stored is not _DECOY
    except (VerificationError, InvalidHashError):
        return False


def _count_try(row, now):
    if row is None:
        return
    counted = Staff.update(failed_tries=Staff.failed_tries + 1).where(
        (Staff.id == row.id) & (Staff.locked_until_at.is_null() | (Staff.locked_until_at <= now))
    )
    if not counted.execute():
        raise BillingError("Too many tries. Wait up to 15 minutes, or ask an owner to unlock you.")
    tries = Staff.get_by_id(row.id).failed_tries
    if tries >= FREE_TRIES:
        pause = min(timedelta(minutes=2 ** (tries - FREE_TRIES)), LONGEST_LOCK)
        Staff.update(locked_until_at=now + pause).where(Staff.id == row.id).execute()


def sign_out():
    """End the session of this browser."""
    flask_login.logout_user()
    session.clear()


def safe_next(target):
    """Where to go after signing in: a page of ours, never another site."""
    parts = urlsplit(target or "")
    ours = parts.path == "/staff" or parts.path.startswith("/staff/")
    inside = ours and not parts.scheme and not parts.netloc and "\\" not in target and ".." not in target
    return target if inside else url_for("staff.index")


# --- accounts --------------------------------------------------------------------------------------


def is_too_long(email):
    """True for an address that does not fit where it is noted who did something."""
    return len(email) > LONGEST_EMAIL


def create_staff(email, name, role, password, *, by, now):
    """Create somebody who may sign in. Returns the Staff row; raises BillingError with a sentence."""
    email = email.strip().lower()
    if not EMAIL.fullmatch(email):
        raise BillingError(f"“{email[:60]}” is not an e-mail address.")
    if is_too_long(email):
        raise BillingError(TOO_LONG)
    if role not in Staff.ROLES:
        raise BillingError(f"“{role}” is not a role. Choose one of: {', '.join(Staff.ROLES)}.")
    if not name.strip():
        raise BillingError("Give the person's name.")
    hashed = hashed_password(password)
    try:
        with db.atomic():
            row = Staff.create(email=email, name=name.strip()[:80], role=role, password_hash=hashed)
            events.record("staff.created", row, by=by, now=now, after={"email": email, "role": role})
    except IntegrityError:
        raise BillingError(f"{email} is a member of staff already.") from None
    return row


def set_password(row, password, *, by, now):
    """Give somebody a new password; their sessions everywhere end."""
    with db.atomic():
        row.password_hash, row.failed_tries, row.locked_until_at = hashed_password(password), 0, None
        row.save()
        events.record("staff.password_set", row, by=by, now=now)


def unlock(row, *, by, now):
    """Let somebody who mistyped too often try again."""
    with db.atomic():
        row.failed_tries, row.locked_until_at = 0, None
        row.save()
        events.record("staff.unlocked", row, by=by, now=now)


def confirm(row, password, *, now):
    """Ask somebody who is signed in for their password; raises BillingError, and counts wrong ones."""
    _count_try(row, now)
    if not _matches(row, password):
        raise BillingError("This is not your password.")
    Staff.update(failed_tries=0, locked_until_at=None).where(Staff.id == row.id).execute()


def hashed_password(password):
    """The argon2 hash of a password that is long enough; raises BillingError for one that is not."""
    if len(password) < SHORTEST_PASSWORD:
        raise BillingError(f"Choose a password of at least {SHORTEST_PASSWORD} characters.")
    if len(password) > 500:
        raise BillingError("This password is longer than 500 characters.")
    return _hasher.hash(password)


def init_app(app):
    """Put the guard and the sign-in before the app."""
    manager = flask_login.LoginManager(app)
    manager.user_loader(load_person)
    manager.unauthorized_handler(lambda: abort(401))
    app.before_request(guard)
