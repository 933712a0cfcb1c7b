"""Every kind of mail in both languages, word for word: golden copies, and the promises that hold for all.

``pytest --update-golden`` rewrites tests/golden; read the difference before it is committed.
"""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from billing import money
from billing.documents import printed
from billing.editions import samples
from billing.wording import defaults, facts, tongues, writing
from models import Notice

GOLDEN = Path(__file__).parent / "golden"
PARTS = ("subject", "txt", "html")
BY_MAIL = tuple(defaults.kinds("mail"))
WITH_MONEY = (
    "invoice", "reminder", "fresh_link", "receipt", "payment_problem", "refund", "charge_declined",
    "above_cap",
)  # fmt: skip
CASES = [(kind, case) for kind in BY_MAIL for case in samples.CASES[kind]]


def mail(kind, *, case=None, language="en", **more):
    """{part: words} of a mail by its default text."""
    contexts = samples.contexts(kind)
    context = contexts[case or next(iter(contexts))] | more
    text = defaults.of(kind, "mail", language)
    said = writing.written_by(text, kind, "mail", context, tongues.TONGUES[language])
    return dict(zip(PARTS, said, strict=True))


def render(kind, part, **more):
    return mail(kind, **more)[part]


def why(kind):
    return next(iter(samples.CASES[kind].values()))["why"]


class Seen(HTMLParser):
    """What a reader of an HTML mail gets: its words, its links, its tags."""

    def __init__(self, html):
        super().__init__()
        self.words, self.hrefs, self.tags, self.hidden = [], [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.hidden = tag in ("style", "title")
        self.hrefs += [value for name, value in attributes if name == "href"]

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        if not self.hidden:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize(("kind", "case"), CASES)
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_mail_reads_as_it_did(request, kind, case, language):
    contexts = list(samples.CASES[kind])
    name = kind if case == contexts[0] else f"{kind}-{re.sub('[^a-z]+', '-', case.lower())}"
    for part, now in mail(kind, case=case, language=language).items():
        path = GOLDEN / "mail" / language / f"{name}.{part}"
        if part == "html" and case != contexts[0]:
            continue
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(now, "utf-8")

        assert now == path.read_text("utf-8")


@pytest.mark.parametrize("kind", ["overdue", "check_in"])
def test_what_is_late_is_said_without_a_word_that_shames(kind):
    for part in ("subject", "txt", "html"):
        said = render(kind, part).lower()
        shaming = (
            r"\b(overdue|delinquen\w*|debt|collection|final|urgent|immediate\w*|must|failure|legal action)\b"
        )
        assert not re.search(shaming, re.sub(r"<style.*?</style>|style=\"[^\"]*\"", "", said, flags=re.S))


def test_every_kind_of_message_has_its_text_in_both_languages():
    assert set(facts.KINDS) == set(Notice.KINDS)
    for language in tongues.TONGUES:
        for kind in BY_MAIL:
            assert (defaults.TEMPLATES / "mail" / language / f"{kind}.md").exists()
        for kind in defaults.kinds("text"):
            assert (defaults.TEMPLATES / "text" / language / f"{kind}.txt").exists()


# --- Subject and first line ----------------------------------------------------------------------


def test_an_invoice_says_company_number_amount_and_date_in_its_subject():
    assert render("invoice", "subject").strip() == (
        "Example Alarm: Invoice 10482, $178.72 due December 15, 2026"
    )


@pytest.mark.parametrize("kind", BY_MAIL)
def test_a_subject_is_one_short_line_without_secrets(kind):
    subject = render(kind, "subject").strip()

    assert "\n" not in subject
    assert len(subject) < 100
    assert "Example Alarm" in subject
    assert "493021" not in subject


@pytest.mark.parametrize("kind", ["invoice", "reminder", "fresh_link"])
def test_the_first_lines_say_how_much_by_when_and_where(kind):
    lines = [line for line in render(kind, "txt").splitlines() if line]

    assert "$" in lines[0] and "December 15, 2026" in lines[0]
    assert lines[2] == samples.PAY_URL


@pytest.mark.parametrize("kind", ["invoice", "reminder", "fresh_link"])
def test_there_is_one_button_and_it_says_the_amount(kind):
    html = render(kind, "html")

    assert html.count('class="button"') == 1
    assert re.search(r"<a href=\"[^\"]+\"[^>]*>Pay \$\d", html)


@pytest.mark.parametrize("kind", ["invoice", "fresh_link"])
def test_a_paid_invoice_is_never_asked_for_again(kind):
    paid = samples.paid(samples.invoice())

    for part in ("subject", "txt", "html"):
        assert "Pay $" not in render(kind, part, document=paid)
        assert " due December" not in render(kind, part, document=paid)
    assert "paid on December 3, 2026" in render(kind, "txt", document=paid)


def test_a_reminder_says_that_letters_may_have_crossed():
    assert "messages crossed" in render("reminder", "txt")
    assert "messages crossed" in render("reminder", "html")


# --- Both parts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BY_MAIL)
def test_the_text_part_carries_every_link_and_amount_of_the_html_part(kind):
    text, seen = render(kind, "txt"), Seen(render(kind, "html"))

    assert {href.removeprefix("mailto:") for href in seen.hrefs} <= set(
        re.findall(r"https://\S+|\w+@\S+\w", text)
    )
    assert set(re.findall(r"\$[\d,.]+\d", seen.text)) == set(re.findall(r"\$[\d,.]+\d", text))


@pytest.mark.parametrize("kind", BY_MAIL)
def test_the_text_part_is_plain_and_tidy(kind):
    text = render(kind, "txt")

    assert not re.search(r"<[a-z/]|&[a-z#]+;|None|Undefined", text)
    assert "\n\n\n" not in text
    assert all(len(line) <= 80 or "https://" in line or line.startswith("- ") for line in text.splitlines())


@pytest.mark.parametrize("kind", BY_MAIL)
def test_a_mail_ends_with_why_it_came_how_to_change_it_and_who_sent_it(kind):
    text = " ".join(render(kind, "txt").partition("\n-- \n")[2].split())
    seen = Seen(render(kind, "html"))

    for part in (text, seen.text):
        assert why(kind) in part
        assert "Example Alarm & Monitoring, LLC" in part
        assert "410 Commerce Street, Suite 200, Austin, TX 78701" in part
    wanted = next(iter(samples.contexts(kind).values()))["links"].get("preferences_url")
    assert (wanted in seen.hrefs) == (wanted is not None)
    assert "None" not in seen.text


@pytest.mark.parametrize("kind", BY_MAIL)
def test_html_mail_loads_nothing_and_runs_nothing(kind):
    html = render(kind, "html")

    assert set(Seen(html).tags).isdisjoint({"script", "img", "link", "iframe", "form", "object"})
    assert "url(" not in html
    assert '<html lang="en-US">' in html


@pytest.mark.parametrize("kind", WITH_MONEY)
def test_layout_tables_are_told_from_tables_of_amounts(kind):
    tables = re.findall(r"<table[^>]*>", render(kind, "html"))

    assert any('role="presentation"' in table for table in tables)
    assert any('role="presentation"' not in table for table in tables)


def luminance(color):
    """Of a color, as WCAG 2 reckons it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_color_of_a_mail_is_read_on_its_ground_by_day_and_by_night():
    html = render("invoice", "html")
    night = re.search(r"prefers-color-scheme: dark\) \{(.*)\n    \}", html, re.S)[1]

    def by_night(name, what):
        return re.search(rf"\.{name} \{{[^}}]*?{what}: (#\w{{6}})", night)[1]

    grounds = {"#ffffff", "#faf7f2"}
    inks = set(re.findall(r'[;"]color:(#\w{6})', html)) - {"#ffffff"}
    button = re.search(r'bgcolor="(#\w{6})"', html)[1]
    assert len(inks) > 2 and all(contrast(ink, ground) >= 4.5 for ink in inks for ground in grounds)
    assert contrast("#ffffff", button) >= 4.5
    grounds = {by_night("page", "background"), by_night("sheet", "background")}
    inks = {by_night("ink strong", "color"), by_night("ink .soft", "color"), by_night("link", "color")}
    assert all(contrast(ink, ground) >= 4.5 for ink in inks for ground in grounds)
    assert contrast(by_night("button a", "background"), by_night("button a", "[^-]color")) >= 4.5


def test_a_button_is_one_where_a_link_has_no_padding():
    """Outlook colors the cell, or nothing."""
    [button] = re.findall(r'<table[^>]*class="button".*?</table>', render("invoice", "html"), re.S)

    assert re.search(r'<td bgcolor="#\w{6}" style="[^"]*mso-padding-alt:15px 34px">', button)


@pytest.mark.parametrize("kind", BY_MAIL)
def test_the_line_that_an_inbox_shows_says_something_of_its_own(kind):
    html = render(kind, "html")
    preview = re.search(r'<div style="display:none[^>]*>(.*?)</div>', html, re.S)[1]

    assert len(preview) >= 20
    assert "://" not in preview


# --- What is typed -------------------------------------------------------------------------------


def test_names_are_text_in_html_and_stay_as_typed_in_plain_text():
    hostile = '<script>alert("1")</script> & Söhne'
    company = replace(samples.COMPANY, name=hostile, legal_name=hostile)
    line = samples.item(hostile)
    place = printed.Place("", (line,))
    document = samples.simple_invoice(sections=(printed.Section("Work", (place,)),), company=company)

    html = render("invoice", "html", document=document, company=company)

    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert hostile in render("invoice", "txt", document=document, company=company)
    assert hostile in render("invoice", "subject", document=document, company=company)


def test_a_reply_keeps_its_lines():
    assert "the fee is off.\nSorry for the trouble." in render("ticket_reply", "txt")
    assert "white-space:pre-line" in render("ticket_reply", "html")


@pytest.mark.parametrize("count", [12, 13, 200])
def test_a_long_invoice_is_summed_up_and_still_adds_up(count):
    items = tuple(samples.item(f"Line {n}", 100) for n in range(count))
    section = printed.Section("Recurring services", (printed.Place("", items),))
    document = samples.simple_invoice(sections=(section,), open_cents=100 * count, total_cents=100 * count)

    text = render("invoice", "txt", document=document)
    amounts = [money.parse_cents(cents) for cents in re.findall(r"^- .*: (\$[\d,.]+)$", text, re.M)]

    assert sum(amounts) == document.open_cents
    assert len(amounts) == min(count, 13)


def test_a_company_without_phone_is_never_called():
    company = replace(samples.COMPANY, phone="", phone_hours="", license_number="")
    for kind in BY_MAIL:
        for part in ("txt", "html"):
            said = render(kind, part, company=company)
            assert not re.search(r"or call(?!\s+us|\s+the\s+number\s+on)|please\s+call|\(\)", said), kind
