"""A message as HTML and as plain text: blocks and pieces drawn with the looks of templates/mail.

Both parts come from the same blocks, so they say the same. Not here: what is said.
"""

import functools
import re
import secrets
import textwrap
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from billing import words
from billing.money import format_cents
from billing.wording import pieces
from billing.wording.rendering import MARK, CannotSay, filled
from billing.wording.spanish import MONTHS

TEMPLATES = Path(__file__).parents[2] / "templates"
WIDTH = 72
SAFE = re.compile(r"https?://|mailto:|tel:", re.I)
PHONE = re.compile(r"(\(\d{3}\)) (?=\d)")  # a number is not torn apart
MONTH = re.compile("|".join(MONTHS))
# where something of one message stands in what is drawn once for many: nobody can write such a mark
PLACE = f"[{secrets.token_hex(16)} {{}}]"
PLACES = re.compile(re.escape(PLACE).replace(r"\{\}", r"(\d)"))
MARKUP = {
    "strong_open": Markup("<strong>"), "strong_close": Markup("</strong>"), "em_open": Markup("<em>"),
    "em_close": Markup("</em>"), "softbreak": "\n", "hardbreak": Markup("<br>"), "link_close": Markup("</a>"),
}  # fmt: skip


@functools.cache
def _environment():
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    found.filters.update(words.FILTERS, money=format_cents)
    return found


@functools.cache
def _looks():
    return _environment().get_template("mail/_pieces.html").module


def drawn(said, *, company, links, why, tongue):
    """(plain text, HTML) of a message. What the layout says besides: company, links, why, tongue."""
    texts = [_text_of(block, said) for block in said.blocks]
    url = links.get("preferences_url", "")
    around = (company, why, tongue, bool(url))
    body = "\n\n".join(filter(None, texts))
    plain = f"{body}\n\n-- \n{_footer(*around).replace(PLACE, url)}\n"
    shown = [text for text, block in zip(texts, said.blocks, strict=True) if not _is_button(block)]
    preview = words.clipped(" ".join(shown[:2]), 140)
    blocks = "\n".join(_html_of(block, said) for block in said.blocks)
    told = (blocks, escape(said.subject), escape(preview), escape(url))
    return plain, _filled(_page(*around), told)


def _is_button(block):
    return isinstance(block.piece, pieces.Button)


@functools.lru_cache(200)
def _page(company, why, tongue, has_preferences):
    """The layout, cut where a message differs from the next one: body, subject, preview, link."""
    body, subject, preview, url = (Markup(PLACE.format(n)) for n in range(4))
    links = {"preferences_url": url} if has_preferences else {}
    page = _environment().get_template("mail/_page.html").render(
        body=body, subject=subject, preview=preview, links=links, company=company, why=why, tongue=tongue
    )  # fmt: skip
    return _cut(page, PLACES)


def _cut(text, marks=MARK):
    """Words and the numbers of marks in turns, beginning with words."""
    return tuple(int(part) if at % 2 else part for at, part in enumerate(marks.split(text)))


def _filled(cut, told):
    """What was cut, with what the marks stand for."""
    return "".join(told[part] if at % 2 else part for at, part in enumerate(cut))


@functools.lru_cache(200)
def _footer(company, why, tongue, has_preferences):
    lines = [wrapped(why)]
    if has_preferences:
        lines += [f"{tongue.say('Change what we send you')}:", PLACE]
    lines += ["", company.legal_name, ", ".join(company.address_lines)]
    if company.phone:
        lines.append(company.phone + (f" ({tongue.say(company.phone_hours)})" if company.phone_hours else ""))
    if company.license_number:
        lines.append(f"{tongue.say('License')} {company.license_number}")
    return "\n".join(lines)


# --- HTML ----------------------------------------------------------------------------------------


def _html_of(block, said):
    if _is_button(block):
        told = (escape(block.piece.label), escape(block.piece.url))
        return _filled(_button(), told) if block.piece else ""
    if block.kind == "piece":
        return _html_piece(block.piece)
    cut, links = _shape(block.kind, block.level, block.items or block.spans)
    for link in links:
        address_of(link, said)
    return _filled(cut, said.escaped) if len(cut) > 1 else cut[0]


@functools.lru_cache(1000)
def _shape(kind, level, spans):
    """(HTML cut where facts stand, the Spans that begin a link) of a block: the same in most messages."""
    looks = _looks()
    if kind == "rule":
        return _cut(looks.rule()), ()
    if kind == "list":
        html = looks.items([_html_spans(item) for item in spans], bool(level))
        spans = [span for item in spans for span in item]
    else:
        draw = looks.para if kind == "para" else looks.title if level == 1 else looks.heading
        html = draw(_html_spans(spans))
    return _cut(html), _links(spans)


def _links(spans):
    return tuple(span for span in spans if span.type == "link_open")


def _html_spans(spans):
    parts = []
    for span in spans:
        if span.type == "link_open":
            parts.append(_looks().link_start(span.href))
        else:
            parts.append(escape(MARKUP.get(span.type, span.content)))
    return Markup("").join(parts)


def address_of(span, said):
    """Where a link leads. Raises CannotSay for anything but web, mail and telephone."""
    address = filled(span.href, said)
    if not SAFE.match(address):
        shown = words.clipped(address, 60)
        raise CannotSay(f"A link leads to “{shown}”: write https://, mailto: or a {{{{ …_link }}}}.")
    return address


@functools.lru_cache(500)
def _sums(piece):
    """Sums as HTML, drawn once for all who are billed alike."""
    if isinstance(piece, pieces.Amount):
        return _looks().amount(piece.cents, piece.when, piece.above)
    return _looks().amounts(piece.rows) if piece else Markup("")


def _html_piece(piece):
    looks = _looks()
    match piece:
        case pieces.Amount() | pieces.Rows():
            return _sums(piece)
        case pieces.Facts():
            return looks.facts(piece.pairs) if piece else Markup("")
        case pieces.Words():
            return looks.lines(piece.text)
        case pieces.Code():
            return looks.code(piece.text)
    return Markup("\n").join(looks.para(text) for text in piece.texts)


@functools.cache
def _button():
    """A button, cut where its words and its address stand: that is another one in each message."""
    return _cut(_looks().button(*(Markup(PLACE.format(n)) for n in range(2))), PLACES)


# --- Plain text ----------------------------------------------------------------------------------


def wrapped(text, indent=""):
    """``text`` in lines of at most 72 characters; what has no space in it stays whole."""
    whole = PHONE.sub("\\1\u00a0", " ".join(text.split()))
    if len(whole) > WIDTH:
        whole = "\n".join(_lines(whole.split(" "), indent))
    return whole.replace("\u00a0", " ")


def _lines(words, indent):
    """As many words in each line as have room; what ``textwrap`` does, which takes six times as long."""
    line = words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = indent + word
        else:
            line += " " + word
    yield line


def _text_of(block, said):
    if block.kind == "piece":
        return text_of_piece(block.piece)
    if block.kind == "list":
        marks = (f"{number}. " if block.level else "- " for number in range(1, len(block.items) + 1))
        return "\n".join(_text_spans(item, said, mark) for mark, item in zip(marks, block.items, strict=True))
    if block.kind == "rule":
        return "-" * 40
    line = _text_spans(block.spans, said)
    return f"{line}\n{'-' * len(line)}" if block.kind == "heading" and block.level > 1 else line


def _text_spans(spans, said, mark=""):
    """The words in lines, then each address on a line of its own."""
    words, links, ends_with_link = _line(spans)
    line = filled(words, said).strip()
    addresses = [address_of(link, said) for link in links]
    addresses = [address for address in addresses if address.removeprefix("mailto:") not in line]
    colon = ":" if addresses and ends_with_link else ""
    lines = [wrapped(f"{mark}{one}", " " * len(mark)) for one in f"{line}{colon}".split("\n")]
    return "\n".join([*lines, *(f"{' ' * len(mark)}{address}" for address in addresses)])


@functools.lru_cache(1000)
def _line(spans):
    """(words with their marks, the Spans that begin a link, whether it ends with one)."""
    breaks = {"softbreak": " ", "hardbreak": "\n"}
    words = "".join(breaks.get(span.type, span.content) for span in spans)
    return words, _links(spans), bool(spans) and spans[-1].type == "link_close"


def text_of_piece(piece):
    """A piece in plain text."""
    match piece:
        case pieces.Amount(aloud=aloud) if aloud:
            return wrapped(aloud)
        case pieces.Amount():
            above = f"{piece.above}: " if piece.above else ""
            when = f", {_low(piece.when)}" if piece.when else ""
            return wrapped(f"{above}{format_cents(piece.cents)}{when}.")
        case pieces.Button():
            return f"{piece.label}:\n{piece.url}" if piece else ""
        case pieces.Rows():
            return "\n".join(_text_row(row) for row in piece.rows)
        case pieces.Facts():
            return "\n".join(wrapped(f"{term}: {text}", "  ") for term, text in piece.pairs)
        case pieces.Words() | pieces.Code():
            return piece.text.strip()
    return "\n\n".join(wrapped(text) for text in piece.texts)


def _text_row(row):
    if row.is_sum:
        return f"{row.text.upper()}: {format_cents(row.cents)}"
    line = f"- {row.text}{', ' + row.detail if row.detail else ''}: {format_cents(row.cents)}"
    if len(line) <= WIDTH or not row.detail:
        return line
    return f"- {row.text}: {format_cents(row.cents)}\n{textwrap.indent(wrapped(row.detail), '  ')}"


def _low(text):
    """In the middle of a sentence; a month keeps its capital."""
    return text if MONTH.match(text) else text[:1].lower() + text[1:]
