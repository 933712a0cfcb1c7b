"""The languages that we write in: dates, counts, and our own sentences in the customer's language.

English is what rules and documents say. ``say`` gives the same sentence in another language by looking it up
in that language's list (``spanish``), with whatever stands in its braces; sentences that were stored on a row
long ago are found the same way. What the list does not know stays as it is: names, and what people typed.
"""

import functools
import re

from billing import words
from billing.wording import spanish, spanish_pages

_LONG = "|".join(spanish.MONTHS)
_DATE = re.compile(rf"\b({_LONG}) (\d{{1,2}}), (\d{{4}})\b")
_WITHIN_MONTH = re.compile(rf"\b({_LONG}) (\d{{1,2}})–(\d{{1,2}}), (\d{{4}})\b")
_WITHIN_YEAR = re.compile(rf"\b({_LONG}) (\d{{1,2}}) – ({_LONG}) (\d{{1,2}}), (\d{{4}})\b")
_TIME = re.compile(r"\b(\d{1,2}:\d\d) ([ap])m\b")
# what is left of a moment, and dates in narrow columns
_SHORT = "|".join(month[:3] for month in spanish.MONTHS)
_SHORT_DATE = re.compile(rf"\b({_SHORT}) (\d{{1,2}}), (\d{{4}})\b")
_SHORT_DAY = re.compile(rf"\b({_SHORT}) (\d{{1,2}})\b")
_SHORT_WITHIN_MONTH = re.compile(rf"\b({_SHORT}) (\d{{1,2}})–(\d{{1,2}}), (\d{{4}})\b")
_SHORT_WITHIN_YEAR = re.compile(rf"\b({_SHORT}) (\d{{1,2}}) – ({_SHORT}) (\d{{1,2}}), (\d{{4}})\b")
_ANY_DATE = re.compile(
    rf"\b(?:{_LONG}|{_SHORT}) \d{{1,2}}(?:–\d{{1,2}})?(?:, \d{{4}})?\b"
    r"|\b\d{1,2}:\d\d [ap]m(?: [A-Z]{2,5})?\b"
)
# when somebody answers the telephone: “Mon–Fri 8 am–6 pm”
_WEEKDAY = rf"(?:{'|'.join(sorted(spanish_pages.WEEKDAYS, key=len, reverse=True))})"
_CLOCK, _TO = r"\d{1,2}(?::\d\d)?", r"(?: ?[–-] ?| to )"
_HOURS = re.compile(
    rf"\b{_WEEKDAY}(?:(?: ?[–,-] ?| to | and ){_WEEKDAY})*[,:]?\s"
    rf"(?:{_CLOCK}(?:\s?[ap]m)?{_TO}{_CLOCK}(?:\s?[ap]m\b)?|{_CLOCK}\s?[ap]m\b)"
)
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z$“0-9])")
_WAYS = "by email|by text|on paper|in your calendar"
_BRACES = re.compile(r"\\\{(\w+)\\\}")
# what may stand in braces of a certain name; anything in others
_KINDS = {
    "count": r"[\d,]+", "total": r"[\d,]+", "money": r"[−-]?\$[\d,.]*\d", "digits": r"\w{2,6}",
    "numbers": r"\S+ and \S+|\S+, .+ and \S+", "number": r"\S+",
    "brand": r"American Express|Diners Club|[A-Z]\w*",
    "rate": r"[\d.]+%", "ordinal": r"\d+\w\w", "one": r"\$[^.]+", "other": r"\$[^.]+",
    "cycle": r"(?:every )?(?:month|3 months|6 months|year)", "theirs": "\uf8fe[^\uf8ff]*\uf8ff",
    "ways": rf"(?:{_WAYS})[^.:;]*?", "spans": r"\d+ days?(?:(?:,|,? and) \d+ days?)*",
    "clock": r"\d{1,2}:\d\d [ap]m", "weekday": "|".join(spanish_pages.WEEKDAYS),
    "event": "|".join(spanish_pages.EVENTS),
}  # fmt: skip
_KEPT = {
    "numbers": lambda value: value.replace(" and ", " y "),
    "ordinal": lambda value: value[:-2],
    "short": lambda value: _short_dates(value),
    "ways": lambda value: _word_by_word(_dates(value), spanish_pages.WAYS),
    "spans": lambda value: _word_by_word(value, spanish_pages.SPANS),
    "weekday": lambda value: spanish_pages.WEEKDAYS[value],
}
# in whose braces stands what people typed, to the letter; in the others, that or words of ours
_TYPED = frozenset({"address", "agency", "company", "customer", "file", "name", "service", "text", "typed"})
_FREE = _TYPED | {"about", "brand", "reason", "where"}


class English:
    """What everything is written in."""

    code, tag, name, own_name = "en", "en-US", "English", "English"

    def say(self, text):
        """``text`` as it is."""
        return text

    def date(self, on):
        """A date, months in words."""
        return words.date(on)

    def short_date(self, on):
        """The same, shorter: for texts and subjects."""
        return words.short_date(on)

    def day(self, on):
        """The same without its year: for the subject of a message about the weeks to come."""
        return words.short_date(on).partition(",")[0]

    def falls_due(self, on):
        """When something is due, in a list: the same words before that day and after it."""
        return f"due {words.date(on)}"


class Spanish:
    """Plain, warm Spanish as it is read in the Americas; we say usted."""

    code, tag, name, own_name = "es", "es-US", "Spanish", "Español"

    def say(self, text):
        """One of our sentences, or several, in Spanish.

        >>> Spanish().say("Due December 14, 2026")
        'Vence el 14 de diciembre de 2026'
        """
        text = str(text)
        if (known := spanish.SENTENCES.get(text)) is not None:
            return known
        parts = _SENTENCES.split(text)
        if len(parts) > 1:
            return " ".join(map(self.say, parts))
        for literal, english, known in _patterns():
            if literal in text and (found := _pattern(english, "").fullmatch(text)):
                return known.format(
                    **{name: self._in_braces(name, value) for name, value in found.groupdict().items()}
                )
        return _dates(text)

    def _in_braces(self, name, value):
        return _KEPT.get(name, self.say)(value)

    def date(self, on):
        """A date, months in words."""
        return _dates(words.date(on))

    def dates(self, text):
        """``text`` with its dates and times said as they are said here, long or short."""
        return _short_dates(_dates(text))

    def without_dates(self, text):
        """``text`` without dates and times: what is left of it to be said."""
        return _ANY_DATE.sub("", _HOURS.sub("", text))

    def page_sentence(self, text):
        """What a page says, in Spanish, if it stands in the lists word for word; else None."""
        return spanish_pages.SENTENCES.get(text, spanish.SENTENCES.get(text))

    def page_pattern(self, text, in_braces):
        """The same for a sentence with braces; None if it is not known, or what stands in them is not.

        in_braces -- callable(value) that says a value, or gives None; names and typed words stay (``_FREE``)
        """
        for literal, english, known in _page_patterns():
            if literal in text and (found := _pattern(english, _TAGS).fullmatch(text)):
                told = {name: _kept_or(name, value, in_braces) for name, value in found.groupdict().items()}
                if None in told.values():
                    continue
                said = known.format(**told)
                return said.replace(" m..", " m.")  # a. m. ends a sentence by itself
        return None

    def short_date(self, on):
        """The same, shorter: for texts and subjects."""
        return f"{self.day(on)} {on.year}" if on else ""

    def day(self, on):
        """The same without its year: for the subject of a message about the weeks to come."""
        return f"{on.day} {spanish.MONTHS[list(spanish.MONTHS)[on.month - 1]][:3]}" if on else ""

    def falls_due(self, on):
        """When something is due, in a list: a verb would have to know whether that day has passed."""
        return f"vencimiento {self.date(on)}"


TONGUES = {"en": English(), "es": Spanish()}


def of(customer):
    """The tongue of a Customer; English for one in a language that we do not write."""
    return TONGUES.get(customer.language, TONGUES["en"])


_TAGS = "[\ue000-\uf8f0]*"  # on pages, tags (see finished) may stand around what differs


@functools.cache
def _patterns():
    """[(what stands in it, the English sentence, the Spanish one)], the most particular first."""
    return _by_length(spanish.SENTENCES)


@functools.cache
def _page_patterns():
    """The same for pages."""
    sentences = spanish.SENTENCES | spanish_pages.SENTENCES
    plain = {english: known for english, known in sentences.items() if _is_telling(english)}
    return _by_length(plain)


def _is_telling(english):
    """False for a sentence of little but a name: on a page, anything might be one."""
    free = set(re.findall(r"\{(\w+)\}", english)) & _FREE
    return not free or len(re.findall(r"[a-z]", re.sub(r"\{\w+\}", "", english))) > 5


def _by_length(sentences):
    with_braces = [pair for pair in sentences.items() if "{" in pair[0]]
    with_braces.sort(key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
    return [(_literal(english), english, known) for english, known in with_braces]


@functools.cache
def _pattern(english, around):
    """The pattern of a sentence, made when it is first looked for: all at once take most of a second."""
    return re.compile(_BRACES.sub(functools.partial(_group, around=around), re.escape(english)), re.S)


def _literal(english):
    """The longest part between braces: looking for it first is cheaper than trying the pattern."""
    return max(re.split(r"\{\w+\}", english), key=len)


def _group(brace, around):
    kind = _KINDS.get(brace[1])
    return f"(?P<{brace[1]}>{around}(?:{kind}){around})" if kind else f"(?P<{brace[1]}>.+?)"


def _kept_or(name, value, say):
    if name in _TYPED:
        return value
    if name in _KEPT:
        return _KEPT[name](value)
    said = say(value)
    return _short_dates(_dates(value)) if said is None and name in _FREE else said


_OPEN = spanish_pages.WEEKDAYS | {"to": "a", "and": "y"}


def _word_by_word(text, words):
    for english, known in words.items():
        text = re.sub(rf"\b{english}\b", known, text)
    return text


def _short_dates(text):
    text = _SHORT_WITHIN_YEAR.sub(lambda m: f"{m[2]} {_short(m[1])} – {m[4]} {_short(m[3])} {m[5]}", text)
    text = _SHORT_WITHIN_MONTH.sub(lambda m: f"{m[2]}–{m[3]} {_short(m[1])} {m[4]}", text)
    text = _SHORT_DATE.sub(lambda m: f"{m[2]} {_short(m[1])} {m[3]}", text)
    return _SHORT_DAY.sub(lambda m: f"{m[2]} {_short(m[1])}", text)


def _short(month):
    return next(known[:3] for english, known in spanish.MONTHS.items() if english.startswith(month))


def _dates(text):
    """The dates in ``text``, and days with hours, in Spanish; everything else as it is."""
    months = spanish.MONTHS
    text = _HOURS.sub(lambda m: _word_by_word(m[0], _OPEN), text)
    text = _WITHIN_YEAR.sub(lambda m: f"{m[2]} de {months[m[1]]} al {m[4]} de {months[m[3]]} de {m[5]}", text)
    text = _WITHIN_MONTH.sub(lambda m: f"{m[2]} al {m[3]} de {months[m[1]]} de {m[4]}", text)
    text = _DATE.sub(lambda m: f"{m[2]} de {months[m[1]]} de {m[3]}", text)
    text = re.sub(r"(\d{4}) – (\d{1,2} de)", r"\1 al \2", text)
    return _TIME.sub(r"\1 \2. m.", text)
