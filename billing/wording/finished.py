"""Finished pages in another language: whole, or not at all.

Templates and rules write English. Every run of words on a finished page (texts, and attributes that are read
aloud) is said by the sentence list of the language; one that the list does not know raises ``NotWhole``, so
nobody meets half a page. ``theirs`` and ``reason`` mark in templates what is no sentence of ours: names, and
what people typed or agreed to. Pages of the portal and documents on paper go the same way.

Not here: the sentences (``spanish``, ``spanish_pages``), whose language a page is in (portal/speaking.py,
edges/pdf.py), and messages, which are written in a language from the start.
"""

import re
from functools import lru_cache

from markupsafe import Markup, escape

# One character stands for each tag inside a run while it is looked up, and two more around what is theirs.
FIRST_TAG, LAST_TAG, OPENS, CLOSES, REASON = "\ue000", "\uf8f0", "\uf8fe", "\uf8ff", "\uf8fd"
_OURS = re.compile("[\ue000-\uf8ff]")
_MARKS = re.compile(f"[{OPENS}{CLOSES}{REASON}]")
_REASON = re.compile(f"{OPENS}{REASON}([^{CLOSES}]*){CLOSES}")
_THEIRS = re.compile(f"{OPENS}[^{CLOSES}]*{CLOSES}")
_EDGES = re.compile(f"([\\s←:;,.{FIRST_TAG}-{LAST_TAG}]*)(.*?)([\\s:;,{FIRST_TAG}-{LAST_TAG}]*)", re.S)
_PARTS = re.compile(f"([{FIRST_TAG}-{LAST_TAG}]+| · |[()])")
_AROUND_THEIRS = re.compile(f"({OPENS}[^{CLOSES}]*{CLOSES})")
_SENTENCES = re.compile(
    f"(?:(?<=[.!?])|(?<=[.!?][{FIRST_TAG}-{LAST_TAG}{CLOSES}])) "
    f"(?=[{FIRST_TAG}-{LAST_TAG}{OPENS}]*[A-Z$“0-9])"
)
_DIFFERS = re.compile(f"[0-9{OPENS}]")
_AROUND = re.compile(r"(\s*)(.*?)(\s*)", re.S)
_SPACE = re.compile(r"\s+")
_WORDS = re.compile(r"[^\W\d_]{2}")
# of an invoice, a payment, a processor
_NUMBER = re.compile(r"\b[A-Z0-9-]*\d[A-Z0-9-]*\b|\b[A-Z0-9]{6,}\b|\b[0-9a-f]{32,}\b")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")

_TOKENS = re.compile(
    r"<!--.*?-->|<!doctype[^>]*>|<(?:script|style|textarea|svg)\b.*?</(?:script|style|textarea|svg)>|<[^>]*>|[^<]+",
    re.S | re.I,
)
_NAME = re.compile(r"</?(\w+)")
_LANG = re.compile(r'<html lang="en-US">')
_HEARD = re.compile(r'( (?:aria-label|alt|placeholder|title|data-label|data-sum|data-none)=")([^"]*)(")')
_INLINE = frozenset({"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "time"})


class NotWhole(Exception):
    """A page says something that the list does not know."""


# --- Marks, in templates -------------------------------------------------------------------------


def theirs(value):
    """A template's filter: a name, or what somebody typed or agreed to. It stays as it is."""
    return _marked(value, OPENS)


def reason(value):
    """A template's filter: why something is so: a sentence of ours is said, any other is theirs."""
    return _marked(value, OPENS + REASON)


def ours_until(value, sign, then="reason"):
    """A template's filter: what stands before the first ``sign`` is ours, the rest a reason or ``theirs``."""
    before, found, after = str(value).partition(sign)
    marked = {"reason": reason, "theirs": theirs}[then]
    return Markup("{}{}{}").format(before, found, marked(after)) if found else value


def joined(values):
    """A template's filter: “one, two and three”, of texts that may be marked."""
    *most, last = [escape(value) for value in values] or [""]
    return Markup(", ").join(most) + Markup(" and ") + last if most else last


def _marked(value, opens):
    return Markup(opens + escape(_OURS.sub("", str(value))) + CLOSES) if value else value


def unmarked(page):
    """``page`` (HTML) as it was written, without marks."""
    return _MARKS.sub("", page)


def names_of(company):
    """What a Letterhead is called: never translated, wherever it stands. Escaped as on a page."""
    told = [value for name in _COMPANY for value in _several(getattr(company, name))]
    return frozenset(str(escape(text)) for one in told if one for text in (one, _SPACE.sub(" ", one)))


_COMPANY = (
    "name", "legal_name", "address_lines", "license_number", "phone", "phone_hours", "email", "payable_to",
    "remit_lines",
)  # fmt: skip


def _several(value):
    """A text, or lines one by one and all together, as pages write them."""
    return (value,) if isinstance(value, str) else (*value, ", ".join(value))


# --- The page ------------------------------------------------------------------------------------


def said(text, tongue):
    """A sentence of a page's in ``tongue``, by itself; as it is where the list does not know it."""
    return (_Speaker(tongue, frozenset(), None).said(text) or text) if tongue.code != "en" else text


def spoken(page, tongue, names, unsaid=None):
    """``page`` (HTML) in ``tongue``.

    names  -- what stays as it is wherever it stands, escaped as on the page
    unsaid -- a list to note what is not known in; without one, the first of it raises NotWhole
    """
    return _Speaker(tongue, names, unsaid).page(page)


class _Speaker:
    def __init__(self, tongue, names, unsaid):
        self.tongue, self.names, self.unsaid = tongue, names, unsaid

    def page(self, page):
        if not _LANG.search(page):
            raise NotWhole("It has a language of its own.")
        page = _LANG.sub(f'<html lang="{self.tongue.tag}">', page, count=1)
        said, run, resting = [], [], []
        for token in _TOKENS.findall(page):
            name = _tag_name(token)
            if resting or _rests(token, name):
                said += self._run(run)
                run = []
                _follow(resting, token, name)
                said.append(token)
            elif name is None or name in _INLINE:
                run.append(self._heard(token) if name else token)
            else:
                said += [*self._run(run), self._heard(token)]
                run = []
        return _MARKS.sub("", _REASON.sub(self._reason, "".join([*said, *self._run(run)])))

    def _reason(self, found):
        return self.said(_plain(found[1])) or found[1]

    def _heard(self, tag):
        """A tag whose attributes that are read aloud are said."""
        if '="' not in tag:
            return tag
        return _HEARD.sub(lambda found: found[1] + _quoted(self._whole(_plain(found[2]))) + found[3], tag)

    def _run(self, tokens):
        """Text and inline tags that stand together."""
        if not any(_WORDS.search(token) for token in tokens if token[:1] != "<"):
            return tokens
        tags, text = [], []
        for token in tokens:
            if token.startswith("<"):
                text.append(chr(ord(FIRST_TAG) + len(tags)))
                tags.append(token)
            else:
                text.append(_OURS_TAGS.sub("", _plain(token)))
        before, core, after = _AROUND.fullmatch("".join(text)).groups()
        whole = self._dates(core) if self._needs_nothing(core) else self._whole(_on_one_line(core))
        said = before + whole + after
        return [tags[ord(one) - ord(FIRST_TAG)] if _is_tag(one) else one for one in said]

    # --- What stands on it

    def _whole(self, text):
        if (said := self.said(text) if _DIFFERS.search(text) else self._fixed(text)) is not None:
            return said
        if self.unsaid is None:
            raise NotWhole(text)
        self.unsaid.append(text)
        return text

    def _fixed(self, text):
        return _fixed(self.tongue, self.names, text)

    def said(self, text):
        """``text`` in the tongue, or None: a sentence, sentences, or pieces between tags, all known."""
        if self._needs_nothing(text):
            return self._dates(text)
        if (known := self.tongue.page_sentence(text)) is not None:
            return known
        if (known := self._all(_cut(text, _SENTENCES), "")) is not None:
            return known
        if (known := self.tongue.page_pattern(text, self.said)) is not None:
            return known
        before, core, after = _EDGES.fullmatch(text).groups()
        if core != text:
            return None if (known := self.said(core)) is None else before + known + after
        known = self._all(_cut(text, _PARTS), "")
        return self._all(_AROUND_THEIRS.split(text), "") if known is None else known

    def _needs_nothing(self, text):
        rest = _ADDRESS.sub("", _THEIRS.sub("", _OURS_TAGS.sub("", text)))
        return text in self.names or not _WORDS.search(_NUMBER.sub("", self.tongue.without_dates(rest)))

    def _all(self, parts, between):
        if len(parts) < 2:
            return None
        said = []
        for part in parts:
            if (known := self.said(part)) is None:
                return None
            said.append(known)
        return between.join(said)

    def _dates(self, text):
        """``text`` with its dates said, but for those that are theirs: what was agreed to stays as signed."""
        said = [self.tongue.dates(part) for part in _THEIRS.split(text)]
        return "".join(part + own for part, own in zip(said, [*_THEIRS.findall(text), ""], strict=True))


def _on_one_line(text):
    """``text`` with single spaces, but for what is theirs: an address has lines."""
    return "".join(
        part if part[:1] == OPENS else _SPACE.sub(" ", part) for part in _AROUND_THEIRS.split(text)
    )


def _cut(text, between):
    """``text`` in pieces, those that match ``between`` too; what is theirs stays in one piece."""
    told = _THEIRS.sub(_blank, text) if OPENS in text else text
    at, pieces = 0, []
    for found in between.finditer(told):
        pieces += [text[at : found.start()], found[0]]
        at = found.end()
    return [*pieces, text[at:]]


def _blank(found):
    """As long, and with the same end: a sentence may end with what somebody typed."""
    return f"{OPENS}{'x' * (len(found[0]) - 3)}{found[0][-2:]}" if len(found[0]) > 2 else found[0]


@lru_cache(maxsize=4096)
def _fixed(tongue, names, text):
    """What stands on a page for everybody: it is looked for once, and not for each reader again."""
    return _Speaker(tongue, names, None).said(text)


_OURS_TAGS = re.compile(f"[{FIRST_TAG}-{LAST_TAG}]")


def _tag_name(token):
    found = _NAME.match(token)
    return found[1].lower() if found else "" if token.startswith("<") else None


def _rests(token, name):
    """True where something begins that is in a language of its own."""
    return bool(name) and name != "html" and " lang=" in token


def _follow(resting, token, name):
    """Keep count of what is open inside what rests; ``resting`` is empty again after its end."""
    if not resting:
        resting.append(name)
    elif name == resting[0] and token.startswith("</"):
        resting.pop()
    elif name == resting[0]:
        resting.append(name)


def _is_tag(one):
    return FIRST_TAG <= one <= LAST_TAG


def _plain(text):
    return text.replace("&#39;", "'").replace("&#34;", '"')


def _quoted(text):
    return text.replace('"', "&#34;")
