"""Every kind of message, in both languages, of facts as odd as they come: whole, short, both parts alike.

The facts are those of ``samples`` with one thing made odd throughout: names, sums, days, the way to pay. What
each kind says otherwise is kept word for word in tests/golden (test_mail_templates.py).
"""

import dataclasses
import functools
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import pytest

from billing.documents import printed
from billing.editions import on_paper, samples
from billing.texts import counting
from billing.wording import defaults, tongues, writing
from models import Notice
from tests.factories import NOW

LANGUAGES = sorted(tongues.TONGUES)
TYPED_NAME = "Søren & 李小龍 <b>O’Neill</b>"
LONG_NAME = "Saint Bartholomew Regional Cooperative Cold Storage and Logistics Holdings of Central Texas, LLC"


def remade(value, change, name=""):
    """``value`` with ``change(field, value)`` done to all that stands in it."""
    if dataclasses.is_dataclass(value):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
        told = {key: remade(one, change, key) for key, one in fields.items()}
        return dataclasses.replace(value, **{key: one for key, one in told.items() if one is not fields[key]})
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**{key: remade(one, change, key) for key, one in vars(value).items()})
    if isinstance(value, dict):
        return {key: remade(one, change, key) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(remade(one, change, name) for one in value)
    return change(name, value)


def as_it_is(name, value):
    return value


def larger(name, value):
    """Sums above $10,000, wherever they stand."""
    if type(value) is int and (name.endswith("cents") or name == "cents"):
        return value * 300
    if isinstance(value, str):
        return re.sub(r"\$(\d+)\.(\d\d)", lambda sum: f"${int(sum[1]) * 300:,}.{sum[2]}", value)
    return value


def later(name, value):
    """Days of another year, with the longest month there is."""
    return value + timedelta(days=290) if isinstance(value, date) else value


def called(other):
    def change(name, value):
        return value.replace("Ann Miller", other) if isinstance(value, str) else value

    return change


def paid_with(label):
    def change(name, value):
        return value.replace("Visa ending 4242", label) if isinstance(value, str) else value

    return change


def without_a_phone(name, value):
    return "" if name in ("phone", "phone_hours", "license_number") else value


def nameless(name, value):
    return "" if value == "Ann Miller" else value


ODD = {
    "as it is": as_it_is,
    "sums above $10,000": larger,
    "days of another year": later,
    "a name of another script": called(TYPED_NAME),
    "a long name": called(LONG_NAME),
    "no name": nameless,
    "a bank account": paid_with("Bank account ending 6781"),
    "a card with a long name": paid_with("American Express ending 4242"),
    "no phone": without_a_phone,
}
DISPUTED = samples.simple_invoice(disputed_cents=1000, plan=())
PLANNED = samples.simple_invoice(later_cents=3000)
LATE = samples.simple_invoice(state="past due", when_note="53 days ago")
PLACES = (
    printed.Place("18 Elm Street, Austin, TX 78704", (samples.item(),)),
    printed.Place("7 Oak Street, Hutto, TX 78634", (samples.item("Fire monitoring", 900_000),)),
)
TWO_SITES = samples.simple_invoice(
    sections=(printed.Section("Recurring services", PLACES),),
    subtotal_cents=904_250,
    total_cents=904_250,
    open_cents=904_250,
)
MORE = {
    Notice.INVOICE: {"Disputed in part": DISPUTED, "Due later by a plan": PLANNED, "Two places": TWO_SITES},
    Notice.FRESH_LINK: {"Past due": LATE, "Disputed in part": DISPUTED},
    Notice.REMINDER: {"Disputed in part": DISPUTED},
}


def contexts(kind):
    """{what it is like: context}: all samples of a kind, and what only invoices can be like."""
    known = samples.contexts(kind)
    first = next(iter(known.values()))
    return known | {case: first | {"document": document} for case, document in MORE.get(kind, {}).items()}


@functools.cache
def messages(kind, channel, language):
    """[(what it is like, subject, plain text, HTML)] of all cases and oddities."""
    return list(_messages(kind, channel, language))


def _messages(kind, channel, language):
    tongue, text = tongues.TONGUES[language], defaults.of(kind, channel, language)
    for case, context in contexts(kind).items():
        for odd, change in ODD.items():
            told = remade(context, change)
            yield f"{case}, {odd}", *writing.written_by(text, kind, channel, told, tongue)


def faults(text):
    """What no message may have, with what stands around it. ``text`` is plain."""
    for name, pattern in FAULTS.items():
        for found in re.finditer(pattern, text):
            yield name, text[max(0, found.start() - 40) : found.end() + 40]


FAULTS = {
    "a value that is none": r"\b(None|Undefined|nan|datetime)\b",
    "a brace": r"\{\{|\}\}|\{%|%\}|\{\w+\}",
    "two spaces": r"(?<=\S)  +",
    "two marks in a row": r"[,;:]\s*[.,;:!?]|[.!?]\s+[.,;:]|(?<!\.)\.\.(?!\.)",
    "a space before a mark": r"(?<=\w) [.,;:!?](?=\s|$)",
    "an empty paragraph": r"\n\n\n",
    "a heading of nothing": r"\n-{4,39}\n\n[^\n]+\n-{4,39}\n|\n-{4,39}\n*\Z",
    "a mark that begins a line": r"(?m)^\s*[,.;:!?]",
    "an empty bracket": r"\(\s*\)|“\s*”",
    "escaped HTML": r"&(amp|lt|gt|quot|#\d+);",
    "a sum of many digits": r"\$\d{4,}",
    "a minus of nothing": r"−\$0\.00",
}


class Seen(HTMLParser):
    """The words of an HTML part, block by block, its tags and where its links lead."""

    BLOCKS = ("p", "h1", "h2", "li", "th", "td", "div", "tr", "br")

    def __init__(self, html):
        super().__init__()
        self.blocks, self.tags, self.links, self.hidden = [""], [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.hidden = tag in ("style", "title")
        if tag in self.BLOCKS:
            self.blocks.append("")
        if tag == "a":
            self.links.append([dict(attributes)["href"], ""])

    def handle_endtag(self, tag):
        self.hidden = False
        if tag in self.BLOCKS:
            self.blocks.append("")

    def handle_data(self, data):
        if self.hidden:
            return
        self.blocks[-1] += data
        if self.links and self.tags[-1] == "a":
            self.links[-1][1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.blocks).split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", defaults.kinds("mail"))
def test_a_mail_is_made_of_whole_sentences(kind, language):
    for case, subject, text, _ in messages(kind, "mail", language):
        body = text.partition("\n-- \n")[0]

        assert [*faults(subject), *faults(body)] == [], case


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", defaults.kinds("mail"))
def test_a_subject_is_read_whole_in_a_list_of_mail(kind, language):
    """70 characters: names that people typed may take more."""
    for case, subject, _, _ in messages(kind, "mail", language):
        assert len(subject) <= 70 or LONG_NAME in subject, (case, subject)
        assert not subject.endswith((".", ",", ":", " ")), (case, subject)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", defaults.kinds("mail"))
def test_both_parts_say_the_same_days_and_sums(kind, language):
    month = "|".join(tongues.spanish.MONTHS if language == "en" else tongues.spanish.MONTHS.values())
    day = rf"(?:{month}) \d+, \d{{4}}" if language == "en" else rf"\d+ de (?:{month}) de \d{{4}}"
    for case, _, text, html in messages(kind, "mail", language):
        plain, seen = " ".join(text.split()), Seen(html).text

        for told in (r"[−-]?\$[\d,]+\.\d\d", day):
            assert set(re.findall(told, plain)) == set(re.findall(told, seen)), case


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", defaults.kinds("mail"))
def test_html_has_no_empty_block_no_wordless_link_and_nothing_that_was_typed_as_html(kind, language):
    for case, _, _, html in messages(kind, "mail", language):
        seen = Seen(html)

        assert "b" not in seen.tags, case
        assert not re.search(r"<(p|h1|h2|li|ul|ol|table)\b[^>]*>\s*</\1>", html), case
        assert all(re.search(r"[^\W\d_]{2}", words) for _, words in seen.links), case
        assert f'<html lang="{tongues.TONGUES[language].tag}">' in html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", defaults.kinds("text"))
def test_a_text_is_one_that_is_paid_for_once(kind, language):
    for case, _, text, _ in messages(kind, "text", language):
        assert list(faults(re.sub(r"https?://\S+", "address", text))) == [], case
        assert counting.segments(text) == 1 or LONG_NAME in text, (case, len(text), text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_is_made_of_whole_sentences_too(db, language):
    """The same words without what only a screen can do: nothing is left over of what stood around it."""
    for kind in on_paper.TITLES:
        for case, context in contexts(kind).items():
            letter = on_paper.written(kind, context, tongues.TONGUES[language], now=NOW)
            above = tongues.TONGUES[language].say("In English")  # it has a title below it
            kinds = [block for block, what in letter.blocks if what and str(what) != above]

            assert [*faults(letter.subject)] == [], (kind, case)
            assert letter.subject.lstrip("¿")[0] == letter.subject.lstrip("¿")[0].upper(), (kind, case)
            assert ("heading", "heading") not in set(pairwise(kinds)), (kind, case)
            assert kinds[-1] != "heading", (kind, case)
            for block, what in letter.blocks:
                told = str(what).replace("&amp;", "&") if block in ("para", "heading", "lines") else ""
                assert [*faults(told)] == [], (kind, case)


def test_a_heading_does_not_stay_behind_when_its_sum_stands_in_the_box(db):
    context = samples.contexts(Notice.DISPUTE_RECEIVED)["One line"]

    letter = on_paper.written(Notice.DISPUTE_RECEIVED, context, tongues.TONGUES["en"], now=NOW)

    assert letter.amount.cents == 14872
    assert "What is not in question" not in [str(what) for _, what in letter.blocks]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Pay None now.", "a value that is none"),
        ("Pay {{ sum }} now.", "a brace"),
        ("Pay  now.", "two spaces"),
        ("Reply,: or call.", "two marks in a row"),
        ("Thank you..", "two marks in a row"),
        ("Until , nothing.", "a space before a mark"),
        ("One.\n\n\nTwo.", "an empty paragraph"),
        ("What is open\n------------\n\nDetails\n-------\n\nOne.", "a heading of nothing"),
        ("Account 7 ()", "an empty bracket"),
        ("Smith &amp; Sons", "escaped HTML"),
        ("$12345.67", "a sum of many digits"),
    ],
)
def test_each_fault_is_found(text, fault):
    assert fault in [name for name, _ in faults(text)]


@pytest.mark.parametrize("text", ["2:05 p. m., CST", "Wait …", "Hi “you”: it is $1,234.56.", "a. m. CST"])
def test_what_is_right_is_no_fault(text):
    assert list(faults(text)) == []


def test_what_was_due_is_not_said_to_fall_due():
    """Spanish has a verb for it, and so a tense."""
    for kind in (Notice.FRESH_LINK, Notice.OVERDUE):
        for case, _, text, _ in messages(kind, "mail", "es"):
            if "Past due" in case or kind == Notice.OVERDUE:
                assert not re.search(r"10482[^:]*: \$[\d,.]+\d, vence el", " ".join(text.split())), case
