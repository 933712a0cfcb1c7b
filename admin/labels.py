"""What staff read: names of columns, and values as people write them, on screen and in exports.

Here: wording and HTML of single values. Not here: which rows (lists.py), which columns (tables/).
"""

import datetime
import json
import re
import zoneinfo

from flask import g, url_for
from markupsafe import Markup, escape
from peewee import BlobField, BooleanField, ForeignKeyField, TextField

from billing import company as companies
from billing import localtime, words
from billing.money import as_decimal, format_cents
from billing.timeline import wording
from models import Charge, Contact, Contract, Customer, MoneyField, RateField, Site, Staff, UtcField

UNITS = {"_days": " (days)", "_months": " (months)", "_cents": "", "_ppm": "", "_on": "", "_at": ""}
WORDS = {"by": "By", "at": "When", "po_number": "PO number", "id": "No.", "url": "URL", "sha256": "SHA-256"}
SHORT_TEXT = 120  # characters: an address, a sentence; what is longer has a row of its own
EMPTY = Markup('<span class="soft" aria-label="empty">–</span>')
# A row's label may need another row: loaded with it, so that a list asks once and not once per row.
NEEDS = {Contract: (Contract.customer,), Charge: (Charge.item,)}
# Where one is chosen among many.
TO_TELL_APART = {**NEEDS, Site: (Site.customer,), Contact: (Contact.customer,)}
TONES = {
    "issued": "open", "void": "plain", "draft": "wait", "open": "open", "past due": "bad", "paid": "good",
    "approved": "good", "settled": "good", "sent": "good", "done": "good", "released": "good",
    "declined": "bad", "returned": "bad", "failed": "bad", "charged_back": "bad", "died": "bad",
    "in_doubt": "bad", "held": "wait", "prepared": "wait", "queued": "wait", "sending": "wait",
    "print": "wait", "active": "good", "running": "wait", "committed": "wait",
    "waiting_on_us": "bad", "waiting_on_customer": "wait", "unmatched": "wait", "booked": "good",
    "waiting": "wait", "refused": "plain", "refunded": "plain", "voided": "plain", "answered": "wait",
    "won": "good", "lost": "bad", "disabled": "bad", "removed": "plain", "planned": "wait",
    "dropped": "plain", "gone": "good", "joined": "good", "skipped": "wait", "charged": "good",
    "handled": "good", "asked": "wait", "withdrawn": "plain", "proposed": "wait", "given": "good",
    "told": "wait", "waived": "plain", "avoided": "plain", "kept": "good", "broken": "bad", "ended": "plain",
}  # fmt: skip


def of(field, given=None):
    """The heading of a column: its own words, else its name without the unit's suffix."""
    name = field if isinstance(field, str) else field.name
    if given and name in given:
        return given[name]
    if not isinstance(field, str) and field.verbose_name:
        return field.verbose_name
    if name in WORDS:
        return WORDS[name]
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", " ").capitalize() + unit
    return name.replace("_", " ").capitalize()


def noun(model):
    """The table in words: ``OneOff`` is a one-off.

    >>> import models
    >>> noun(models.TaxRate), noun(models.OneOff)
    ('tax rate', 'one-off')
    """
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()
    return {"one off": "one-off", "staff": "member of staff"}.get(name, name)


# --- time ------------------------------------------------------------------------------------------


def zone():
    """The company's time zone, read once per request."""
    if "staff_zone" not in g:
        company = g.get("company") or companies.current()
        g.staff_zone = zoneinfo.ZoneInfo(company.time_zone)
    return g.staff_zone


def local(at):
    """An instant (naive UTC) on the company's clock."""
    return localtime.moment(at, zone())


def moment(at):
    """An instant in a narrow column: Dec 1, 2026, 2:05 pm."""
    there = local(at)
    half = "am" if there.hour < 12 else "pm"
    return f"{words.short_date(there.date())}, {there.hour % 12 or 12}:{there:%M} {half}"


def ago(at, now):
    """How long ago, as people say it: 2 minutes ago."""
    seconds = max(int((now - at).total_seconds()), 0)
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{words.plural(seconds // size, name)} ago"
    return "just now"


def person(by):
    """``staff:ann@example.com`` as a person's name, where there is such a person."""
    kind, _, email = (by or "").partition(":")
    if kind != "staff":
        return by or ""
    row = Staff.get_or_none(Staff.email == email)
    return row.name if row else email


def actor(by):
    """Who did it, for a history: the address of staff, the name of a contact (asked once in a request)."""
    kind, _, rest = by.partition(":")
    if kind != "contact" or not rest.isdecimal():
        return rest or by
    known = g.setdefault("actors", {})
    if rest not in known:
        row = Contact.get_or_none(Contact.id == int(rest))
        known[rest] = row.name if row else by
    return known[rest]


def event(what):
    """What an event of the audit is called."""
    return wording.of(what)


# --- values ----------------------------------------------------------------------------------------


def badge(text, tone=""):
    """A state as the portal shows it too: the word, and a color that only repeats it."""
    tone = tone or TONES.get(text, TONES.get(text.lower(), "plain"))
    shown = text.replace("_", " ")
    return Markup('<span class="badge badge-{}">{}</span>').format(tone, shown[:1].upper() + shown[1:])


def cents(amount):
    """An amount; nothing for None."""
    return EMPTY if amount is None else format_cents(amount)


def breakable(shown):
    """A value in a narrow table: an e-mail address in it may be parted behind its @.

    >>> str(breakable(Markup('<a href="mailto:a@b.example">a@b.example</a>')))
    '<a href="mailto:a@b.example">a@<wbr>b.example</a>'
    """
    return Markup(re.sub(r"@(?=[^<>]*(?:<|$))", "@<wbr>", str(escape(shown))))


def row_link(row):
    """A row's name, leading to its page."""
    if isinstance(row, Customer):
        return Markup('<a href="{}">{}</a>').format(url_for("staff.customer", id=row.id), row)
    endpoint = f"staff_{row._meta.table_name}.details_view"
    return Markup('<a href="{}">{}</a>').format(url_for(endpoint, id=row.id), name_of(row))


def name_of(row):
    """A row's own words; for a table without any, its noun and number."""
    if type(row).__str__ is type(row).__mro__[-2].__str__ or str(row) == str(row.id):
        return f"{noun(type(row)).capitalize()} {row.id}"
    return str(row)


def told_apart(row):
    """A row's words in a list to choose from: four hundred customers have a site called Home."""
    if isinstance(row, Contact):
        return f"{name_of(row)}, account {row.customer.account_number}"
    if isinstance(row, Site):
        return ", ".join(part for part in (row.name, row.street, str(row.customer)) if part)
    return name_of(row)


def value(field, row, *, whole=False):
    """One column of one row as HTML; ``whole`` shows long text in full, as a row's own page does."""
    if isinstance(field, ForeignKeyField):
        other = getattr(row, field.name)
        return row_link(other) if other else EMPTY
    raw = getattr(row, field.name)
    if raw is None or raw == "":
        return EMPTY
    if field.name in ("by", "entered_by", "approved_by", "asked_by", "decided_by"):
        return actor(raw)
    if field.choices:
        label = dict(field.choices).get(raw, raw)
        return badge(raw) if field.name == "state" else label
    return _by_type(field, raw, whole)


def _by_type(field, raw, whole):
    if isinstance(field, MoneyField):
        return format_cents(raw)
    if isinstance(field, RateField):
        return words.rate(raw)
    if isinstance(field, UtcField):
        return Markup('<time datetime="{}Z">{}</time>').format(raw.isoformat(timespec="seconds"), moment(raw))
    if isinstance(raw, datetime.date):
        return Markup('<time datetime="{}">{}</time>').format(raw.isoformat(), words.short_date(raw))
    if isinstance(field, BooleanField):
        return "Yes" if raw else "No"
    if isinstance(field, BlobField):
        return f"{words.plural(len(bytes(raw)), 'byte')}"
    if isinstance(field, TextField) and whole:
        return long_text(raw)
    return escape(raw if whole else words.clipped(raw, 90))


def long_text(raw):
    """Long text as written, an address among the other facts; JSON as a list of its parts."""
    if raw[:1] == "{":
        try:
            return changes(json.loads(raw))
        except ValueError:
            pass
    return Markup('<div class="{}">{}</div>').format("lines" if len(raw) <= SHORT_TEXT else "prewrap", raw)


def changes(values):
    """A dict as term and value pairs."""
    rows = Markup("").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(of(str(key)), json_value(key, item))
        for key, item in values.items()
    )
    return Markup('<dl class="facts">{}</dl>').format(rows)


def json_value(key, item):
    """One value that the audit kept, in words."""
    if item is None or item == "":
        return EMPTY
    if str(key).endswith("_cents") and isinstance(item, int):
        return format_cents(item)
    if str(key).endswith("_ppm") and isinstance(item, int):
        return words.rate(item)
    if isinstance(item, bool):
        return "Yes" if item else "No"
    return json.dumps(item, ensure_ascii=False) if isinstance(item, (dict, list)) else str(item)


def shower(field):
    """How to write a number of this column inside a sentence."""
    if isinstance(field, MoneyField):
        return format_cents
    return words.rate if isinstance(field, RateField) else str


# --- exports ---------------------------------------------------------------------------------------


def plain(field, raw):
    """One value for a spreadsheet: money as a decimal number, dates as ISO, nothing that it would run."""
    if raw is None:
        return ""
    if isinstance(field, MoneyField):
        return str(as_decimal(raw))
    if isinstance(field, RateField):
        return words.rate(raw)
    if isinstance(field, UtcField):
        return local(raw).isoformat(sep=" ", timespec="minutes")
    if isinstance(field, BooleanField):
        return "yes" if raw else "no"
    if isinstance(raw, (int, datetime.date)):
        return str(raw)
    if isinstance(raw, (bytes, memoryview)):
        return ""
    return harmless(str(raw))


def harmless(text):
    """Text that no spreadsheet takes for a formula.

    >>> harmless("=cmd|' /C calc'!A0"), harmless("Ann")
    ("'=cmd|' /C calc'!A0", 'Ann')
    """
    return "'" + text if text.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def value_words(field, raw):
    """A typed filter value inside a sentence."""
    if isinstance(field, MoneyField):
        return format_cents(raw)
    return words.short_date(raw) if isinstance(raw, datetime.date) else str(raw)
