"""A message as HTML and as plain text: blocks and pieces drawn with the looks of templates/mail.

Both parts come from the same blocks, so they say the same. Not here: what is said.
"""

import functools
import re
import textwrap
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from billing import words
from billing.money import format_cents
from billing.wording import pieces
from billing.wording.rendering import CannotSay, filled
from billing.wording.spanish import MONTHS

TEMPLATES = Path(__file__).parents[2] / "templates"
WIDTH = 72
SAFE = re.compile(r"https?://|mailto:|tel:", re.I)
PHONE = re.compile(r"(\(\d{3}\)) (?=\d)")  # a number is not torn apart
MONTH = re.compile("|".join(MONTHS))
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


def html(said, **around):
    """The HTML part. ``around`` is what the layout says besides: company, links, why, tongue."""
    body = Markup("\n").join(_html_of(block, said) for block in said.blocks)
    shown = [block for block in said.blocks if not isinstance(block.piece, pieces.Button)][:2]
    preview = words.clipped(" ".join(_text_of(block, said) for block in shown), 140)
    return _page().render(body=body, subject=said.subject, preview=preview, **around)


@functools.cache
def _page():
    return _environment().get_template("mail/_page.html")


def text(said, **around):
    """The plain text part: lines of at most 72 characters, each link on a line of its own."""
    body = "\n\n".join(part for part in (_text_of(block, said) for block in said.blocks) if part)
    footer = _footer(**around)
    return f"{body}\n\n-- \n{footer}\n"


def _footer(company, links, why, tongue):
    lines = [wrapped(why)]
    if "preferences_url" in links:
        lines += [f"{tongue.say('Change what we send you')}:", links["preferences_url"]]
    lines += ["", company.legal_name, ", ".join(company.address_lines)]
    if company.phone:
        lines.append(company.phone + (f" ({company.phone_hours})" if company.phone_hours else ""))
    if company.license_number:
        lines.append(f"{tongue.say('License')} {company.license_number}")
    return "\n".join(lines)


# --- HTML ----------------------------------------------------------------------------------------


def _html_of(block, said):
    looks = _looks()
    if block.kind == "piece":
        return _html_piece(block.piece, looks)
    if block.kind == "list":
        return looks.items([_html_spans(item, said) for item in block.items], bool(block.level))
    if block.kind == "rule":
        return looks.rule()
    draw = looks.para if block.kind == "para" else looks.title if block.level == 1 else looks.heading
    return draw(_html_spans(block.spans, said))


def _html_spans(spans, said):
    parts = []
    for token in spans:
        if token.type == "link_open":
            parts.append(_looks().link_start(address_of(token, said)))
        elif token.type in MARKUP:
            parts.append(escape(MARKUP[token.type]))
        else:
            parts.append(escape(filled(token.content, said)))
    return Markup("").join(parts)


def address_of(token, said):
    """Where a link leads. Raises CannotSay for anything but web, mail and telephone."""
    address = filled(str(token.attrs["href"]), said)
    if not SAFE.match(address):
        shown = words.clipped(address, 60)
        raise CannotSay(f"A link leads to “{shown}”: write https://, mailto: or a {{{{ …_link }}}}.")
    return address


def _html_piece(piece, looks):
    match piece:
        case pieces.Amount():
            return looks.amount(piece.cents, piece.when, piece.above)
        case pieces.Button():
            return looks.button(piece.label, piece.url) if piece else Markup("")
        case pieces.Rows():
            return looks.amounts(piece.rows) if piece else Markup("")
        case pieces.Facts():
            return looks.facts(piece.pairs) if piece else Markup("")
        case pieces.Words():
            return looks.lines(piece.text)
        case pieces.Code():
            return looks.code(piece.text)
    return Markup("\n").join(looks.para(text) for text in piece.texts)


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
    parts, addresses = [], []
    for token in spans:
        if token.type == "link_open":
            addresses.append(address_of(token, said))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append("\n" if token.type == "hardbreak" else " ")
        elif token.type == "text" or token.content:
            parts.append(filled(token.content, said))
    line = "".join(parts).strip()
    addresses = [address for address in addresses if address.removeprefix("mailto:") not in line]
    colon = ":" if addresses and spans[-1].type == "link_close" else ""
    lines = [wrapped(f"{mark}{one}", " " * len(mark)) for one in f"{line}{colon}".split("\n")]
    return "\n".join([*lines, *(f"{' ' * len(mark)}{address}" for address in addresses)])


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
