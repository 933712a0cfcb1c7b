"""From a text that staff wrote and the facts of one message to its blocks: sandboxed, and small on purpose.

A text is Markdown (paragraphs, **bold**, headings, lists, links) with Jinja's ``{{ name }}`` and
``{% if %}``. There are no loops, no macros and no arithmetic: lists are pieces, so what a text can cost is
bounded by its length. Facts never become Markdown: each is kept aside behind a mark until it is drawn.
Not here: which names there are (``facts``), what a text must say (``billing.editions``), how it looks
(``drawing``).
"""

import difflib
import functools
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import jinja2
from jinja2 import nodes, pass_context
from jinja2.sandbox import SandboxedEnvironment
from markdown_it import MarkdownIt
from markupsafe import escape

from billing.errors import BillingError
from billing.wording.pieces import Piece

LONGEST_BODY, LONGEST_SUBJECT, LONGEST_OUTPUT = 10_000, 500, 100_000
FILTERS = ("capitalize", "lower", "upper")
OPEN, CLOSE = "\ue000", "\ue001"  # private use: no keyboard types them
MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Filter, nodes.Call,
    nodes.Keyword,
)  # fmt: skip
ALOUD = "aloud"  # what a sum takes beside its words
WORDS = {
    nodes.For: "There are no loops: a list is a piece, such as {{ items }}.",
    nodes.Getattr: "A name has no parts: write {{ number }}, without a dot.",
    nodes.Getitem: "A name has no parts: write {{ number }}, without brackets.",
}
OTHERWISE = (
    "Only {{ name }}, {% if name %} … {% elif %} … {% else %} … {% endif %}, “and”, “or”, “not”, comparisons "
    f"and “~” are understood, and the filters {', '.join(FILTERS)}."
)


class CannotSay(BillingError):
    """A text that cannot be written out; the sentence names the line."""


@dataclass(frozen=True)
class Text:
    """What is said, as written by staff: ``subject`` is empty for a text message."""

    subject: str
    body: str


class Span(NamedTuple):
    """A stretch of a line, by the name that Markdown gives it; facts in it are still marks."""

    type: str
    content: str = ""
    href: str = ""


@dataclass(frozen=True)
class Block:
    """One block of a message. kind: heading, para, list, rule, piece."""

    kind: str
    level: int = 0
    spans: tuple[Span, ...] = ()
    items: tuple[tuple[Span, ...], ...] = ()
    piece: Piece | None = None


@dataclass(frozen=True)
class Said:
    """A message without its looks. ``facts`` is what the marks stand for."""

    subject: str
    blocks: tuple[Block, ...]
    facts: tuple = ()

    @functools.cached_property
    def escaped(self):
        """The facts as HTML."""
        return [escape(fact) if isinstance(fact, str) else fact for fact in self.facts]


# --- What is wrong with a text -------------------------------------------------------------------


def problems(text, names):
    """Sentences on what is wrong with a Text before any message is written by it; none when it is right.

    names -- every name that this kind of message knows; True for pieces
    """
    found = []
    for part, source, longest in (
        ("Subject", text.subject, LONGEST_SUBJECT),
        ("Line", text.body, LONGEST_BODY),
    ):
        if len(source) > longest:
            found.append(f"{part if part != 'Line' else 'The text'}: at most {longest:,} characters.")
        elif OPEN in source or CLOSE in source or "\x00" in source:
            found.append("There is a character in it that no keyboard types. Type that passage anew.")
        else:
            found += [_at(part, *one) for one in _wrong(source, names, part)]
    return found


def _at(part, line, sentence):
    return f"{part} {line}: {sentence}" if part == "Line" else f"{part}: {sentence}"


def _wrong(source, names, part):
    """(line, sentence) of everything in a source that is not understood."""
    try:
        tree = _environment().parse(source)
    except jinja2.TemplateSyntaxError as error:
        yield error.lineno, _syntax_words(error)
        return
    for node in _all(tree):
        if sentence := _objection(node, names, part):
            yield node.lineno, sentence


def _syntax_words(error):
    said = str(error.message)
    if "unknown tag" in said:
        return f"{said} {OTHERWISE}"
    if "Unexpected end of template" in said or "end of print statement" in said:
        return f"A brace or an {{% endif %}} is missing. ({said})"
    return said if said.endswith(".") else f"{said}."


def _all(node):
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _objection(node, names, part):
    if not isinstance(node, ALLOWED):
        return WORDS.get(type(node), OTHERWISE)
    if isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.args or node.kwargs):
        return f"The filter “{node.name}” is not known: only {', '.join(FILTERS)} are."
    if isinstance(node, nodes.Call):
        return _called(node, names)
    if isinstance(node, nodes.CondExpr) and node.expr2 is None:
        return "After “if” inside braces comes “else”, at least an empty one: {{ a if b else  }}."
    if isinstance(node, nodes.Name) and node.name not in names:
        close = difflib.get_close_matches(node.name, names, 1)
        guess = f" Did you mean {{{{ {close[0]} }}}}?" if close else ""
        return f"There is no {{{{ {node.name} }}}}.{guess}"
    return _piece_in_line(node, names, part) if isinstance(node, nodes.Output) else ""


def _called(node, names):
    name = getattr(node.node, "name", "")
    named = [word.key for word in node.kwargs]
    may_aloud = str(name).startswith("amount")
    too_much = len(node.args) > 1 or node.dyn_args or node.dyn_kwargs or named not in ([], [ALOUD])
    if not names.get(name) or too_much or not (node.args or named) or (named and not may_aloud):
        return 'Only a piece takes words, such as {{ button("Pay") }}.'
    return ""


def _piece_in_line(node, names, part):
    """A subject has no pieces."""
    shown = {getattr(getattr(one, "node", one), "name", "") for one in node.nodes}
    if part == "Subject" and (pieces := sorted(name for name in shown if names.get(name))):
        return f"{{{{ {pieces[0]} }}}} is a piece of the text: it cannot stand in a subject."
    return ""


# --- Writing it out ------------------------------------------------------------------------------


@pass_context
def _aside(context, value):
    """Every fact is kept aside; in its place stands a mark that no Markdown reads."""
    kept = context["facts_aside"]
    if kept is None:  # a subject, or a text message: nothing but words
        if isinstance(value, Piece):
            raise CannotSay("A piece can only stand in the text of a mail.")
        return str(value)
    kept.append(value if isinstance(value, Piece) else str(value))
    return f"{OPEN}{len(kept) - 1}{CLOSE}"


@functools.cache
def _environment():
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_aside
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    return environment


@functools.lru_cache(200)
def _compiled(source):
    environment = _environment()
    for node in _all(environment.parse(source)):
        if not isinstance(node, ALLOWED):
            raise CannotSay(f"Line {node.lineno}: {WORDS.get(type(node), OTHERWISE)}")
    return environment.from_string(source)


def words_of(source, facts):
    """``source`` with its facts, as plain words: a subject, or a text message. Raises CannotSay."""
    return _written(source, facts, None)


def _written(source, facts, kept):
    if len(source) > LONGEST_BODY:
        raise CannotSay(f"At most {LONGEST_BODY:,} characters.")
    try:
        said = _compiled(source).render(facts, facts_aside=kept)
    except jinja2.TemplateSyntaxError as error:
        raise CannotSay(f"Line {error.lineno}: {_syntax_words(error)}") from None
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise CannotSay(str(error)) from None
    if len(said) + sum(len(one) for one in kept or () if isinstance(one, str)) > LONGEST_OUTPUT:
        raise CannotSay(f"It came to more than {LONGEST_OUTPUT:,} characters.")
    return said


def say(text, facts):
    """The Said of a Text with the facts of one message. Raises CannotSay."""
    kept = []
    body = _written(text.body, facts, kept)
    subject = " ".join(words_of(text.subject, facts).split())
    return Said(subject, tuple(_blocks(_parsed(body), kept)), tuple(kept))


@dataclass(frozen=True)
class _Passage:
    """A paragraph, or the pieces that stand in its lines: that is seen when the facts are known."""

    content: str
    spans: tuple[Span, ...]
    lines: tuple  # the number of the fact that a line is; None where it is anything else
    facts: frozenset  # the numbers of all in it
    has_words: bool  # of its own, whatever the facts are


@functools.lru_cache(200)
def _parsed(body):
    """Blocks and _Passages of a text with its marks: the same for most messages of a run."""
    return tuple(_in_order(_markdown().parse(body)))


@functools.cache
def _markdown():
    reader = MarkdownIt("zero").enable(["heading", "list", "emphasis", "link", "escape", "newline", "hr"])
    reader.normalizeLink = reader.normalizeLinkText = lambda link: link
    reader.validateLink = lambda link: True  # checked when it is drawn: the address is still a mark
    return reader


def _in_order(tokens):
    """The top level of Markdown's tokens; a list is one, with its items."""
    items, depth, ordered = [], 0, False
    for at, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
            ordered = token.type == "ordered_list_open" if depth == 1 else ordered
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
            if not depth:
                yield Block("list", level=int(ordered), items=tuple(items))
                items = []
        elif token.type == "inline" and depth:
            items.append(_spans(token))
        elif token.type == "inline" and tokens[at - 1].type == "heading_open":
            yield Block("heading", level=int(tokens[at - 1].tag[1]), spans=_spans(token))
        elif token.type == "inline":
            yield _passage(token)
        elif token.type == "hr":
            yield Block("rule")


def _spans(token):
    return tuple(Span(one.type, one.content, str(one.attrs.get("href", ""))) for one in token.children)


def _passage(token):
    marks = (MARK.fullmatch(line.strip()) for line in token.content.split("\n"))
    return _Passage(
        token.content,
        _spans(token),
        lines=tuple(mark and int(mark[1]) for mark in marks),
        facts=frozenset(int(one) for one in MARK.findall(token.content)),
        has_words=bool(MARK.sub("", token.content).strip()),
    )


def _blocks(parsed, kept):
    """The Blocks of a parsed text with these facts."""
    for part in parsed:
        if isinstance(part, Block):
            yield part
        else:
            yield from _paragraph(part, kept)


def _paragraph(passage, kept):
    pieces = [None if at is None else kept[at] for at in passage.lines]
    if all(isinstance(piece, Piece) for piece in pieces):
        for piece in pieces:
            yield Block("piece", piece=piece)
        return
    if any(isinstance(kept[at], Piece) for at in passage.facts):
        raise CannotSay("A piece, such as {{ amount }}, stands on a line of its own.")
    if passage.has_words or _with_facts(passage.content, kept).strip():
        yield Block("para", spans=passage.spans)


def _with_facts(text, facts):
    return MARK.sub(lambda mark: str(facts[int(mark[1])]), text) if OPEN in text else text


def filled(text, said):
    """``text`` of a Said with its facts instead of the marks."""
    return _with_facts(text, said.facts)


def moved(said, by):
    """A Said whose marks count from ``by`` on, to be joined to another one."""

    def shift(text):
        return MARK.sub(lambda mark: f"{OPEN}{int(mark[1]) + by}{CLOSE}", text)

    def spans(some):
        return tuple(Span(one.type, shift(one.content), shift(one.href)) for one in some)

    blocks = (
        replace(block, spans=spans(block.spans), items=tuple(map(spans, block.items)))
        for block in said.blocks
    )
    return replace(said, blocks=tuple(blocks))
