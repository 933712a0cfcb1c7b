"""Plain US English for dates, periods and small lists: what every page, paper and mail prints.

Only wording: no clock, no table, no money (billing/money.py has that). Months are always spelled out
or shortened to three letters, never numbers: 12/1 is two different days to two readers.
"""

import re

from billing import localtime

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
DASH = "–"
_COUNTED = re.compile(r"(?<=\d) (?=[A-Za-z])")


def date(on):
    """A date as printed; empty for None.

    >>> date(datetime.date(2026, 12, 1))
    'December 1, 2026'
    """
    return f"{_MONTHS[on.month - 1]} {on.day}, {on.year}" if on else ""


def short_date(on):
    """The same in a narrow column.

    >>> short_date(datetime.date(2026, 12, 1))
    'Dec 1, 2026'
    """
    return f"{_MONTHS[on.month - 1][:3]} {on.day}, {on.year}" if on else ""


def period(from_on, to_on=None, *, short=False):
    """Both ends of a period, saying nothing twice. Takes two dates, or one pair.

    >>> period(datetime.date(2026, 12, 1), datetime.date(2026, 12, 31))
    'December 1–31, 2026'
    >>> period(datetime.date(2026, 12, 10), datetime.date(2027, 1, 9), short=True)
    'Dec 10, 2026 – Jan 9, 2027'
    """
    if to_on is None and isinstance(from_on, tuple):
        from_on, to_on = from_on
    whole = short_date if short else date
    if to_on is None or from_on == to_on:
        return whole(from_on)
    if from_on.year != to_on.year:
        return f"{whole(from_on)} {DASH} {whole(to_on)}"
    start = whole(from_on).rpartition(",")[0]
    if from_on.month == to_on.month:
        return f"{start}{DASH}{to_on.day}, {to_on.year}"
    return f"{start} {DASH} {whole(to_on)}"


def short_period(from_on, to_on=None):
    """A period in a narrow column.

    >>> short_period(datetime.date(2026, 12, 1), datetime.date(2026, 12, 31))
    'Dec 1–31, 2026'
    """
    return period(from_on, to_on, short=True)


def from_today(on, today):
    """How far away a date is, as people say it.

    >>> from_today(datetime.date(2026, 12, 3), datetime.date(2026, 12, 1))
    'in 2 days'
    >>> from_today(datetime.date(2026, 11, 30), datetime.date(2026, 12, 1))
    'yesterday'
    """
    days = (on - today).days
    if abs(days) <= 1:
        return ("yesterday", "today", "tomorrow")[days + 1]
    return f"in {days} days" if days > 0 else f"{-days} days ago"


def moment(at, time_zone):
    """An instant (naive UTC) on the clock of ``time_zone``, with the zone's name.

    >>> moment(datetime.datetime(2026, 12, 1, 20, 5), "America/Chicago")
    'December 1, 2026, 2:05 pm CST'
    """
    there = localtime.moment(at, time_zone)
    return f"{date(there)}, {_hour(there)}:{there:%M} {_half(there)} {there:%Z}"


def clock(there):
    """The time of a day, as people say it.

    >>> clock(datetime.time(9)), clock(datetime.time(14, 5))
    ('9 am', '2:05 pm')
    """
    return f"{_hour(there)}{f':{there:%M}' if there.minute else ''} {_half(there)}"


def _hour(there):
    return there.hour % 12 or 12


def _half(there):
    return "am" if there.hour < 12 else "pm"


def joined(parts):
    """A list in a sentence.

    >>> joined(["a", "b", "c"]), joined(["a"])
    ('a, b and c', 'a')
    """
    parts = list(parts)
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def plural(count, word, words=None):
    """A count with its word.

    >>> plural(1, "invoice"), plural(5174, "invoice")
    ('1 invoice', '5,174 invoices')
    """
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def unbroken(text):
    """A number and its word stay on one line: what a narrow page must not tear apart.

    >>> unbroken("Mon–Fri 8 am–6 pm"), unbroken("oldest 33 days")
    ('Mon–Fri 8\xa0am–6\xa0pm', 'oldest 33\xa0days')
    """
    return _COUNTED.sub("\N{NO-BREAK SPACE}", text)


def times(count):
    """How often, as people say it.

    >>> times(1), times(2), times(5)
    ('once', 'twice', '5 times')
    """
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def ordinal(number):
    """A day of the month as people say it.

    >>> ordinal(1), ordinal(2), ordinal(3), ordinal(11), ordinal(22)
    ('1st', '2nd', '3rd', '11th', '22nd')
    """
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def sentence(text):
    """A remark that somebody typed, as a sentence of its own.

    >>> sentence("insufficient funds"), sentence("No such account."), sentence("")
    ('Insufficient funds.', 'No such account.', '')
    """
    text = text.strip()
    return text[:1].upper() + text[1:] + ("." if text and text[-1] not in ".!?" else "")


def rate(ppm):
    """A rate in parts per million as a percentage, without idle zeros.

    >>> rate(82500), rate(88750), rate(60000)
    ('8.25%', '8.875%', '6%')
    """
    return f"{ppm / 10_000:.4f}".rstrip("0").rstrip(".") + "%"


def clipped(text, most):
    """``text`` on one line, with no more than ``most`` characters: ends in … where something was cut."""
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# What templates know these by; app.py and the PDF edge register them.
FILTERS = {
    "date": date, "short_date": short_date, "period": period, "short_period": short_period, "plural": plural,
    "clip": clipped,
}  # fmt: skip
