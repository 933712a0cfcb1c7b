"""The rules as data: read from a file, changed by a new version, activated by an owner, reviewed by counsel.

A file never overwrites: what differs becomes a draft. Not here: what a new version would change for the
contracts (impact.py), which rules apply (matching.py).
"""

import csv
import hashlib
import io
import math
import re
from datetime import date
from pathlib import Path

from peewee import IntegrityError

from billing import events, masking, words
from billing.errors import BillingError
from billing.periods import DAY
from billing.renewals import contents, places, windows
from models import RenewalRule, RuleReview, db

FILE = Path(__file__).with_name("rules.csv")
PRODUCT = "Porchlight"
MOST_TOLD = 20  # rows of a file that cannot be, in one refusal
TEXT = (
    "state", "citation", "audience", "basis", "first_term_at_least", "renewal_longer_than",
    "max_renewal_months", "lifted_by", "online_only", "anchor", "opens_days", "closes_days", "media",
    "contents", "repeat", "consequence", "alarm_exempt", "certainty", "effective_from_on", "effective_to_on",
    "checked_on", "checked_by", "note",
)  # fmt: skip
SHORT_NAMES = {
    "st": "state", "first_ge_m": "first_term_at_least", "renew_gt_m": "renewal_longer_than",
    "max_renew_m": "max_renewal_months", "opens": "opens_days", "closes": "closes_days", "cert": "certainty",
}  # fmt: skip
SHORT_VALUES = {"yes?": "likely", "signed_disclosure": ""}
WHOLE = ("opens_days", "closes_days", "max_renewal_months")
MONTHS = ("first_term_at_least", "renewal_longer_than")
DATES = ("effective_from_on", "effective_to_on", "checked_on")
CODE = re.compile(r"[A-Z]{2}-[A-Za-z0-9-]{1,16}")


# --- Reading -------------------------------------------------------------------------------------


def active():
    """Every active version, by state and code; the house rule last."""
    rows = RenewalRule.select().where(RenewalRule.status == RenewalRule.ACTIVE)
    return sorted(rows, key=lambda rule: (rule.state == "*", rule.state, rule.code, rule.version))


def in_force(rules, day):
    """Those of ``rules`` that are in force on a day."""
    return [rule for rule in rules if (rule.effective_from_on or day) <= day <= (rule.effective_to_on or day)]


# --- From a file ---------------------------------------------------------------------------------


def load(text, *, source, by, now):
    """Take the rules of a CSV. Returns (codes that are active now, codes that wait as drafts).

    Safe to repeat. Into an empty table they come active; later, what is new or differs from what a file last
    said becomes a draft, whatever staff made of it meanwhile, and an owner decides. Columns that the file
    does not have stay as they are. Raises BillingError, with nothing written, which names every row that
    cannot be.
    """
    drafts = []
    with db.atomic():
        is_first = not RenewalRule.select().exists()
        for code, whole, versions in _new_texts(text):
            _take(code, whole, versions, source, by, now)
            drafts.append(code)
        if is_first:
            mine = RenewalRule.status == RenewalRule.DRAFT
            RenewalRule.update(status=RenewalRule.ACTIVE, activated_by=by, activated_at=now).where(
                mine
            ).execute()
    return (drafts, []) if is_first else ([], drafts)


def _new_texts(text):
    """[(code, all columns, the versions of it)] of what a file says that differs; all of it is right."""
    found, wrong, seen = [], [], {}
    for number, row in _lines(text):
        try:
            code, values = _read(number, row)
            if code in seen:
                raise BillingError(f"Line {number}, {code}: it stands on line {seen[code]} already.")
            seen[code] = number
            versions = list(_versions(code))
            last = next((rule for rule in versions if rule.source), None)
            if last is None or _differs(last, values):
                whole = checked(number, code, values, last or next(iter(versions), None))
                found.append((code, whole, versions))
        except BillingError as refusal:
            wrong.append(str(refusal))
    if wrong:
        more = [f"And {len(wrong) - MOST_TOLD:,} more."] if len(wrong) > MOST_TOLD else []
        raise BillingError("\n".join([*wrong[:MOST_TOLD], *more, "Nothing of the file was taken."]))
    return found


def checked(number, code, values, before=None):
    """All columns of a line: what it says, else what the version ``before`` says. Raises BillingError."""
    kept = {name: getattr(before, name) for name in TEXT} if before else _implied(values)
    for name, sentence in problems(kept | values):
        raise BillingError(f"Line {number}, {code}, {name}: {sentence}")
    return kept | values


def _take(code, values, versions, source, by, now):
    """Insert a draft of what a file says about a code."""
    rule = RenewalRule.create(
        **values,
        code=code,
        version=versions[0].version + 1 if versions else 1,
        source=source[:80],
        made_by=by,
        made_at=now,
    )
    after = {"source": source[:80], "version": rule.version}
    events.record("renewal_rule.loaded", rule, by=by, now=now, after=after)


def load_product(*, by, now):
    """Take the rules that come with the product. Returns the same as ``load``; twice at once is harmless."""
    try:
        return load(FILE.read_text("utf-8"), source=PRODUCT, by=by, now=now)
    except IntegrityError:  # another process has just taken them
        return [], []


def _lines(text):
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    names = {SHORT_NAMES.get(name, name) for name in reader.fieldnames or ()}
    if not {"code", "state"} <= names:
        raise BillingError("This is no table of rules: its first line names no column “code” and “state”.")
    unknown = names - {"code", *TEXT}
    if unknown:
        raise BillingError(f"No rule has a column {words.joined(sorted(unknown))}.")
    for row in reader:
        is_whole = None not in row and None not in row.values()
        named = (
            {SHORT_NAMES.get(name, name): cell.strip() for name, cell in row.items()} if is_whole else None
        )
        yield reader.line_num, named


def _read(number, row):
    """(code, {column: value}) of one line; None is half a one. Raises BillingError with its number."""
    if row is None:
        raise BillingError(f"Line {number}: it has more or fewer cells than the first line.")
    code = row.pop("code")
    try:
        if not CODE.fullmatch(code):
            raise BillingError(f"“{code[:30]}” is no code. Write it like NY-5903.")
        values = {name: _value(name, SHORT_VALUES.get(cell, cell)) for name, cell in row.items()}
    except BillingError as refusal:
        raise BillingError(f"Line {number}, {code[:20]}: {refusal}") from None
    return code, values


def _implied(values):
    """What a short table does not say and a new rule needs."""
    anchor, consequence = values.get("anchor"), values.get("consequence")
    basis = {None: RenewalRule.LIMIT, RenewalRule.YEAR: RenewalRule.CONTINUOUS,
             RenewalRule.EFFECTIVE: RenewalRule.PRICE_CHANGE}.get(anchor, RenewalRule.TERM)  # fmt: skip
    lifted_by = RenewalRule.REQUEST if consequence == "forbidden_over_1m" else None
    return {"citation": "", "certainty": "D", "basis": basis, "lifted_by": lifted_by}


def _value(name, cell):
    if name in WHOLE:
        return _number(name, cell, _whole) if cell else None
    if name == "first_term_at_least":  # 12.01 is "longer than a year": whole months make it 13
        return _number(name, cell, math.ceil)
    if name == "renewal_longer_than":  # 0.99 is "a month or more": longer than none
        return _number(name, cell, math.floor)
    if name == "online_only":
        return cell.lower() in ("yes", "true", "1")
    if name in DATES:
        return _date(name, cell) if cell else None
    field = getattr(RenewalRule, name)
    if field.choices and cell not in dict(field.choices) and not (field.null and not cell):
        raise BillingError(f"“{cell[:40]}” is not one of: {', '.join(dict(field.choices))} ({name}).")
    if len(cell) > (getattr(field, "max_length", None) or len(cell)):
        raise BillingError(f"“{cell[:30]}…” is longer than {field.max_length} characters ({name}).")
    return (cell or None) if field.null else cell


def _number(name, cell, whole):
    try:
        return whole(float(cell))
    except (ValueError, OverflowError):
        kind = "whole number" if whole is _whole else "number"
        said = f"“{cell[:20]}” is not a {kind}" if cell else f"it is empty and wants a {kind}"
        raise BillingError(f"{said} ({name}).") from None


def _whole(number):
    if number != int(number):
        raise ValueError
    return int(number)


def _date(name, cell):
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise BillingError(f"“{cell[:20]}” is not a date. Write it like 2026-12-31 ({name}).") from None


def _differs(rule, values):
    return any(getattr(rule, name) != value for name, value in values.items())


def _versions(code):
    return RenewalRule.select().where(RenewalRule.code == code).order_by(RenewalRule.version.desc())


# --- By staff ------------------------------------------------------------------------------------


def problems(values):
    """[(column, sentence)] of what cannot be about a rule; ``values`` by column name."""
    return [*_wrong_numbers(values), *_wrong_window(values), *_wrong_words(values)]


def _wrong_numbers(values):
    for name in (*WHOLE, *MONTHS):
        if (values.get(name) or 0) < 0:
            yield name, "Days and months are never below zero."
    begins, ends = values.get("effective_from_on"), values.get("effective_to_on")
    if begins and ends and ends < begins:
        yield "effective_to_on", "It ends before it begins. Correct one of the two dates."


def _wrong_window(values):
    if values.get("anchor") in (None, RenewalRule.YEAR):
        return
    opens, closes = values.get("opens_days"), values.get("closes_days")
    if opens is None or closes is None:
        yield (
            "opens_days" if opens is None else "closes_days",
            "A window needs both: how many days before it opens, and before it closes.",
        )
    elif opens < closes:
        yield "opens_days", "It opens after it closes: this must be the larger number of days."
    if not values.get("media"):
        yield "media", "Say in which ways the notice may be sent."


def _wrong_words(values):
    ways = [way for way in (values.get("media") or "").split("|") if way]
    if unknown := [way for way in ways if way not in (*windows.MEDIA, "text_if_agreed")]:
        yield "media", f"{words.joined(unknown)}: no such way. Known are {', '.join(windows.MEDIA)}."
    codes = [code for code in (values.get("contents") or "").split("|") if code]
    if unknown := [code for code in codes if code not in contents.CODES]:
        yield "contents", f"{words.joined(unknown)}: no such content. Known are {', '.join(contents.CODES)}."
    if values.get("state") not in (*places.STATES, "*"):
        yield "state", "Write the state as two letters, such as TX; * is everywhere."


def new_version(rule, *, by, now):
    """A draft of the next version with the text of ``rule``, to be changed and activated. Returns it.

    Raises BillingError while another draft of the same rule waits.
    """
    newest = _versions(rule.code).first()
    if newest.status == RenewalRule.DRAFT:
        raise BillingError(f"{newest} is a draft already. Change or retire that one.")
    with db.atomic():
        draft = RenewalRule.create(
            **{name: getattr(rule, name) for name in TEXT},
            code=rule.code, version=newest.version + 1, made_by=by, made_at=now,
        )  # fmt: skip
        events.record("renewal_rule.drafted", draft, by=by, now=now)
    return draft


def activate(draft, *, reason, by, today, now):
    """Put a draft in force; the version before it ends the day before, or at once. Returns the rule.

    Terms that end before ``effective_from_on`` keep the version before. Raises BillingError for no draft.
    """
    reason = masking.reason(reason, "Say why the rule changes: who checked it, and against what.")
    with db.atomic():
        _turn(draft, RenewalRule.DRAFT, RenewalRule.ACTIVE, activated_by=by, activated_at=now)
        for old in _versions(draft.code).where(
            (RenewalRule.status == RenewalRule.ACTIVE) & (RenewalRule.id != draft.id)
        ):
            _make_way(old, draft, today)
        events.record(
            "renewal_rule.activated", draft, by=by, now=now, reason=reason, after={"version": draft.version}
        )
    return draft


def _make_way(old, draft, today):
    begins = draft.effective_from_on
    if begins and begins > today:
        ends = min(old.effective_to_on or begins - DAY, begins - DAY)
        RenewalRule.update(effective_to_on=ends).where(RenewalRule.id == old.id).execute()
    else:
        _turn(old, RenewalRule.ACTIVE, RenewalRule.RETIRED)


def retire(rule, *, reason, by, now):
    """Take a rule or a draft out of use. Returns it; raises BillingError when it is out of use already."""
    reason = masking.reason(reason, "Say why it is not used any more.")
    with db.atomic():
        _turn(rule, rule.status, RenewalRule.RETIRED)
        events.record("renewal_rule.retired", rule, by=by, now=now, reason=reason)
    return rule


def _turn(rule, before, after, **changes):
    """Change the status in one guarded UPDATE."""
    won = 0
    if before != after:
        here = (RenewalRule.id == rule.id) & (RenewalRule.status == before)
        won = RenewalRule.update(status=after, **changes).where(here).execute()
    if not won:
        raise BillingError(f"{rule} is {RenewalRule.get_by_id(rule.id).status} already.")
    rule.status = after
    rule._dirty.clear()


# --- Counsel -------------------------------------------------------------------------------------


def table_version(rules):
    """The fingerprint of a table of rules: the same for the same versions, whatever their order."""
    told = "\n".join(sorted(f"{rule.code}|{rule.version}|{rule.effective_to_on or ''}" for rule in rules))
    return hashlib.sha256(told.encode()).hexdigest()


def review(name, *, by, today, now):
    """Note that counsel has reviewed the table as it is now. Returns the RuleReview."""
    if not name.strip():
        raise BillingError("Write the name of the counsel who reviewed the table.")
    rules = active()
    if not rules:
        raise BillingError("There is no rule to review yet. Load them with: flask --app app load-rules")
    with db.atomic():
        row = RuleReview.create(
            table_version=table_version(rules), rule_count=len(rules), name=name.strip(), reviewed_on=today,
            by=by, at=now,
        )  # fmt: skip
        events.record("rule_review.made", row, by=by, now=now, after={"rules": len(rules)})
    return row


def review_words():
    """What a banner says while counsel has not seen the table as it is; empty when they have."""
    last = RuleReview.select().order_by(RuleReview.id.desc()).first()
    if last is None:
        return (
            "Nobody has said yet that our counsel has reviewed the table of renewal notices. "
            "It is a starting point gathered from public pages, not legal advice."
        )
    if last.table_version != table_version(active()):
        return (
            f"The table of renewal notices has changed since {last.name} reviewed it on "
            f"{words.date(last.reviewed_on)}."
        )
    return ""


def is_unverified(rule):
    """True where a rule drives a date that nobody has verified."""
    return rule.certainty in ("C", "D")
