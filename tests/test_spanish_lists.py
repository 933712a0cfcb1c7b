"""The lists of Spanish sentences are kept as the pages are: none is missing, none is left over.

Read from the sources, so that a sentence which no other test happens to meet is found too.
"""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from billing.wording import spanish, spanish_pages

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
PAPER = ("_paper", "invoice", "receipt", "statement", "charge_letter")
PAGES = [
    *sorted(TEMPLATES.glob("portal/*.html")), *sorted(TEMPLATES.glob("errors/*.html")),
    *(TEMPLATES / f"{name}.html" for name in ("base", "_invoice", "_ticket_files", "_preferences")),
    *(TEMPLATES / "pdf" / f"{name}.html" for name in PAPER),
]  # fmt: skip
LISTS = ("spanish.py", "spanish_pages")
SOURCES = [
    *PAGES, TEMPLATES / "_macros.html", ROOT / "app.py", ROOT / "models.py", *ROOT.glob("portal/*.py"),
    *(path for path in ROOT.glob("billing/**/*.py") if not {"demo", *LISTS} & {*path.parts}),
]  # fmt: skip
SENTENCES = spanish.SENTENCES | spanish_pages.SENTENCES
WORD = re.compile(r"[A-Za-zÀ-ž’']{2,}")


# --- None is left over ---------------------------------------------------------------------------


@cache
def written():
    """All words of the sources, and all two that follow each other."""
    pairs, words = set(), set()
    for path in SOURCES:
        for text in texts(path):
            told = WORD.findall(text.lower())
            words.update(told)
            pairs.update(pairwise(told))
    return pairs, words


def texts(path):
    """What a source says: the whole of a template without its tags, each text of a module."""
    source = path.read_text("utf-8")
    if path.suffix == ".html":
        yield re.sub(r"<[^>]*>|&\w+;", " ", re.sub(r"\{#.*?#\}", "", source, flags=re.S))
        yield from re.findall(r'"([^"]*)"', source)
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "  " for part in node.values)


@pytest.mark.parametrize("family", spanish_pages.FAMILIES, ids=lambda one: one.__name__.rpartition(".")[2])
def test_every_sentence_is_one_that_some_page_says(family):
    assert [english for english in family.SENTENCES if is_left_over(english)] == []


def is_left_over(english):
    """True unless a source has its words, most of them in this order; templates put some together."""
    pairs, words = written()
    parts = [WORD.findall(part.lower()) for part in re.split(r"\{\w+\}", english)]
    if not all(one in words for part in parts for one in part):
        return True
    found = [pair in pairs for part in parts for pair in pairwise(part)]
    return len(found) > 1 and found.count(True) < len(found) / 2


@pytest.mark.parametrize(
    "english", ["Pay the zebras", "Card paper invoice mails everything", "Sign the sign in by sign"]
)
def test_a_sentence_that_no_page_says_is_found(english):
    assert is_left_over(english)


def test_a_sentence_stands_in_one_family():
    met = {}
    for family in spanish_pages.FAMILIES:
        for english in family.SENTENCES:
            met.setdefault(english, []).append(family.__name__)

    assert {english: where for english, where in met.items() if len(where) > 1} == {}


def test_what_messages_say_alike_is_not_said_twice():
    both = spanish_pages.SENTENCES.keys() & spanish.SENTENCES.keys()

    assert {one for one in both if spanish_pages.SENTENCES[one] == spanish.SENTENCES[one]} == set()


def test_the_families_stay_short_enough_to_be_read():
    for path in ROOT.glob("billing/wording/spanish_pages/*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 300, path.name


# --- None is missing -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_word_of_a_page_stands_in_the_lists(path):
    """Of a template what stands between its tags; what it puts together is met by the tests that open it."""
    source = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.S)
    source = re.sub(r"<(script|style|svg)\b.*?</\1>", "", source, flags=re.S)
    source = re.sub(r'<[^>]*\blang="es?"[^>]*>[^<]*', "", source)
    known = pieces()
    missing = []
    for text in re.split(r"(?s)<[^>]*>|\{%.*?%\}|\{\{.*?\}\}|[.?!] |·", source):
        told = " ".join(WORD.findall(text.replace("&nbsp;", " "))).lower()
        if told and not any(told in one for one in known):
            missing.append(" ".join(text.split()))
    assert missing == []


@cache
def pieces():
    """The words of every English sentence on one line, braces left out."""
    return {
        " ".join(WORD.findall(part)).lower()
        for english in SENTENCES
        for part in (re.sub(r"\{\w+\}", " ", english),)
    }


# what only programs read, and what reads sentences
NO_PAGES = ("phone", "texts", "webhooks", "speaking")
TO_MAIL_PROGRAMS = {"by email: stopped", "Nothing else was changed"}
MODULES = [path for path in sorted(ROOT.glob("portal/*.py")) if path.stem not in NO_PAGES]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_sentence_of_the_portal_stands_in_the_lists(path):
    """What is flashed, what a form refuses: in the modules themselves, but for what explains them."""
    missing = []
    for text in spoken_texts(ast.parse(path.read_text("utf-8"))):
        for sentence in re.split(r"[.?!](?: |$)|\0", text):
            told = " ".join(WORD.findall(sentence)).lower()
            if told and not any(told in one for one in pieces()):
                missing.append(sentence.strip())
    assert set(missing) <= TO_MAIL_PROGRAMS


def spoken_texts(tree):
    """The texts of a module that read like sentences; what is filled in is a NUL."""
    told = [one.body for one in ast.walk(tree) if isinstance(one, DOCUMENTED)]
    explained = {id(node.value) for body in told for node in body if isinstance(node, ast.Expr)}
    filled = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in explained | filled
        ):
            text = node.value
        else:
            continue
        if re.search(r"[a-z]{2} [\w“$].*[.?!]$", text):
            yield text


DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef)
