"""What a field accepts: from a cell's text to a value that the tables can hold, or the reason why not.

The rules come from ``models.py`` (type, length, choices); only what a column cannot say stands here.
Nothing is repaired on the way: what can be read in two ways is refused.
"""

import datetime
import re
from functools import lru_cache, partial
from zoneinfo import available_timezones

from peewee import BooleanField, DateField, IntegerField, TextField

from billing import money
from billing.errors import BillingError
from models import MoneyField

STATES = """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH
    OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR GU VI AS MP AA AE AP
"""
YES, NO = frozenset(("true", "yes", "y", "1")), frozenset(("false", "no", "n", "0"))
FIRST_YEAR, LAST_YEAR = 1900, 2199  # outside of these a date is a slip of the pen
ISO = "%Y-%m-%d"

# Least and most of the whole numbers; a CHECK in the database would say it without a line number.
RANGES = {
    "terms_days": (0, 120),
    "term_months": (0, 600),
    "renewal_months": (0, 600),
    "notice_days": (0, 730),
    "days_ahead": (0, 30),
    "quantity": (1, 100_000),
    "anchor_day": (1, 31),
}
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
UNPRINTABLE_IN_NOTES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
ZIP = re.compile(r"[0-9]{5}(-[0-9]{4})?")
WAYS = ("mail", "paper", "none")
WHOLE = re.compile(r"[0-9]{1,9}")


class Bad(Exception):
    """A value that cannot be taken. The text is the reason; line and column are added by the caller."""

    def __init__(self, reason, columns=(), value=""):
        super().__init__(reason)
        self.columns, self.value = columns, value


def reader(field, dates=ISO):
    """The function that reads raw values for a field of ``models.py``; it raises Bad.

    ``dates`` is the format that the file writes dates in.
    """
    if field.choices:
        return partial(one_of, {str(name): name for name, _ in field.choices})
    if isinstance(field, MoneyField):
        return amount
    if isinstance(field, BooleanField):
        return yes_or_no
    if isinstance(field, DateField):
        return partial(day, dates=dates)
    if isinstance(field, IntegerField):
        return partial(whole, *RANGES[field.name])
    if isinstance(field, TextField):
        return note
    return partial(text, SPECIAL.get(field.name), field.max_length)


def shown(raw):
    """A cell's text as quoted in a sentence: short, and without what a terminal would obey."""
    plain = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(raw))
    return f"“{plain[:40]}…”" if len(plain) > 40 else f"“{plain}”"


def one_of(names, raw):
    """One of a few names, spelled exactly."""
    if str(raw) not in names:
        raise Bad(f"{shown(raw)} is not one of: {', '.join(names)}. Give it a value table in the mapping.")
    return names[str(raw)]


def way(raw):
    """How an old system told its customers of something."""
    return one_of({name: name for name in WAYS}, raw)


def amount(raw):
    """Cents of an amount such as 42.50."""
    try:
        return money.parse_cents(raw)
    except BillingError as error:
        raise Bad(str(error)) from None


def yes_or_no(raw):
    """True or False, from the words and digits that people use for them."""
    word = str(raw).lower()
    if word not in YES | NO:
        raise Bad(f"{shown(raw)} is neither yes nor no.")
    return word in YES


@lru_cache(4096)  # the same few days stand in thousands of rows
def day(raw, *, dates=ISO):
    """A date in the file's own format, or as 2026-12-31."""
    found = raw if isinstance(raw, datetime.date) else _parsed(raw, dates)
    if not found or not FIRST_YEAR <= found.year <= LAST_YEAR:
        example = datetime.date(2026, 12, 31).strftime(dates)
        raise Bad(f"{shown(raw)} is not a date. Write it like {example}.")
    return found


def _parsed(raw, dates):
    for form in (ISO, dates):
        try:
            return datetime.datetime.strptime(str(raw), form).date()
        except ValueError:
            continue
    return None


def whole(least, most, raw):
    """A whole number between two others."""
    if not WHOLE.fullmatch(str(raw)) or not least <= int(raw) <= most:
        raise Bad(f"{shown(raw)} is not a whole number from {least} to {most:,}.")
    return int(raw)


def note(raw):
    """Text of any length that may have several lines."""
    if UNPRINTABLE_IN_NOTES.search(str(raw)):
        raise Bad(f"{shown(raw)} contains an unprintable character. Is the encoding right?")
    return str(raw)


def text(special, longest, raw):
    """One line of text, no longer than its column."""
    raw = str(raw)
    if UNPRINTABLE.search(raw):
        raise Bad(f"{shown(raw)} contains an unprintable character. Is the encoding right?")
    if len(raw) > longest:
        raise Bad(f"{shown(raw)} has {len(raw):,} characters; at most {longest} fit.")
    return special(raw) if special else raw


def state(raw):
    """A state of the United States, a territory or a military post office, by its two letters."""
    if raw.upper() not in STATES.split():
        raise Bad(f"{shown(raw)} is not a state. Write its two letters, such as TX.")
    return raw.upper()


def zip_code(raw):
    """Five digits, or nine with a hyphen. Spreadsheets like to eat the zero in front."""
    if not ZIP.fullmatch(raw):
        raise Bad(f"{shown(raw)} is not a ZIP code. It has five digits, or nine like 78701-1234.")
    return raw


def email(raw):
    """One mail address, in small letters as it is compared at sign-in."""
    if not EMAIL.fullmatch(raw):
        raise Bad(f"{shown(raw)} is not a mail address.")
    return raw.lower()


def time_zone(raw):
    """A name of the time zone database."""
    if raw not in _zones():
        raise Bad(f"{shown(raw)} is not a time zone. Write it like America/Chicago.")
    return raw


@lru_cache(1)
def _zones():
    return available_timezones()


SPECIAL = {"state": state, "governing_state": state, "zip": zip_code, "email": email, "time_zone": time_zone}
