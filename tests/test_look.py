"""The look that every page shares: contrast of all colors in light and dark, pages without inline style or
script, forms whose hints and errors belong to their fields.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, get_flashed_messages, render_template_string
from wtforms import BooleanField, EmailField, Form, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from billing import money, words
from tests import sample_documents as samples

ROOT = Path(__file__).parents[1]
TOKENS = (ROOT / "static" / "tokens.css").read_text("utf-8")
APP = (ROOT / "static" / "app.css").read_text("utf-8")

TEXT, EDGE = 4.5, 3.0  # WCAG 2.2: 1.4.3 for text, 1.4.11 for the edges of controls
PAIRS = [
    *((ink, "paper", TEXT) for ink in ("ink", "ink-soft", "accent", "accent-strong")),
    *((ink, "card", TEXT) for ink in ("ink", "ink-soft", "accent", "accent-strong")),
    *((ink, "sunken", TEXT) for ink in ("ink", "ink-soft")),
    *((ink, "accent-soft", TEXT) for ink in ("ink", "accent")),
    *((ink, ground, TEXT) for ink in ("good", "ink") for ground in ("good-soft", "card")),
    *((ink, ground, TEXT) for ink in ("bad", "ink") for ground in ("bad-soft", "card")),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("on-banner", "banner", TEXT),
    ("line-strong", "card", EDGE),
    ("line-strong", "paper", EDGE),
    ("accent", "paper", EDGE),
]  # fmt: skip


def colors(part):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))


LIGHT = colors(TOKENS.partition("@media")[0])
DARK = LIGHT | colors(TOKENS.partition("@media")[2])


def luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_every_color_can_be_read_on_its_ground(scheme, ink, ground, least):
    assert contrast(scheme[ink], scheme[ground]) >= least


def test_the_style_uses_only_names_that_exist():
    names = set(re.findall(r"--([\w-]+):", TOKENS)) | {"glow"}

    for style in (APP, (ROOT / "static" / "invoice.css").read_text("utf-8")):
        assert set(re.findall(r"var\(--([\w-]+)\)", style)) <= names
        assert not re.findall(r"(?<![\w-])(?:#[0-9a-f]{6}|oklch|hsl)", style)


def test_the_style_stays_small():
    assert len(APP.splitlines()) <= 400
    assert len(re.findall(r"^  --", TOKENS.partition("@media")[0], re.M)) <= 50


# --- Pages ---------------------------------------------------------------------------------------


class Contact(Form):
    name = StringField("Your name", [InputRequired("Please tell us your name.")])
    email = EmailField("Mail address", description="We answer there.")
    paper = BooleanField("Send paper")
    channel = RadioField(
        "How shall we write?", choices=[SelectChoice("mail", "By mail"), SelectChoice("paper", "On paper")]
    )


@pytest.fixture
def show():
    """Render a template text as the app does, outside of any database."""
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.secret_key = "test"
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        words.FILTERS, money=money.format_cents, theirs=str, reason=str, ours_until=lambda text, *_: text
    )

    def show(text, flashed=(), **context):
        with app.test_request_context():
            get_flashed_messages()
            context = {"company": samples.COMPANY, "environment_banner": None} | context
            return render_template_string(text, **context)

    return show


PAGE = """{% extends "base.html" %}{% import "_invoice.html" as parts with context %}
{% block title %}Invoice{% endblock %}{% block main %}
{{ parts.hero(document) }}{{ parts.itemized(document) }}
{{ parts.paying(document, "/q") }}{{ parts.facts(document) }}
{% endblock %}"""
DOCUMENTS = [
    samples.invoice(), samples.simple_invoice(changes=samples.CHANGES), samples.paid(samples.invoice()),
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_page_sends_no_inline_style_and_no_script(show, document):
    html = show(
        PAGE, document=document, environment_banner="Demo.", nav=[{"label": "A", "href": "/", "current": 1}]
    )

    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|javascript:", html)
    assert html.count("<h1>") == 1
    assert '<html lang="en-US">' in html
    assert 'href="#main"' in html and 'id="main"' in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', html)) <= set(ids)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_page_says_what_the_paper_says(show, document):
    html = show(PAGE, document=document)

    for said in (document.number, document.when, document.customer_name, document.account_number):
        assert said in html
    for item in document.items:
        assert item.text in html and money.format_cents(item.amount_cents) in html
    assert ("What changed since last time" in html) == bool(document.changes)
    assert all(said in html for said in document.changes)
    for amount in (*document.taxes, *document.applied):
        assert amount.text in html and money.format_cents(amount.cents) in html
    assert ("By check" in html) == document.is_payable


def test_a_field_in_error_says_what_to_do_and_is_tied_to_it(show):
    form = Contact(data={"email": ""})
    form.validate()

    html = show(
        '{% from "_macros.html" import field %}{{ field(form.name, hint="As on the contract.") }}', form=form
    )

    assert 'aria-describedby="name-hint name-error"' in html
    assert 'aria-invalid="true"' in html
    assert '<p class="error" id="name-error">Please tell us your name.</p>' in html
    assert '<label for="name">' in html


def test_a_field_without_notes_points_at_none(show):
    html = show(
        '{% from "_macros.html" import field %}{{ field(form.name, autocomplete="name") }}', form=Contact()
    )

    assert "aria-" not in html
    assert 'autocomplete="name"' in html


def test_a_description_becomes_the_hint(show):
    html = show('{% from "_macros.html" import field %}{{ field(form.email) }}', form=Contact())

    assert 'aria-describedby="email-hint"' in html


def test_choices_are_one_group_with_a_question(show):
    html = show('{% from "_macros.html" import choices %}{{ choices(form.channel) }}', form=Contact())

    assert "<legend>How shall we write?</legend>" in html
    assert html.count('type="radio"') == 2 == html.count('<label class="choice"')


def test_problems_lead_to_their_fields(show):
    form = Contact(data={})
    form.validate()

    html = show('{% from "_macros.html" import problems %}{{ problems(form) }}', form=form)

    assert 'role="alert"' in html
    assert '<a href="#name">Your name</a>: Please tell us your name.' in html
    assert show('{% from "_macros.html" import problems %}{{ problems(form) }}', form=Contact()).strip() == ""


@pytest.mark.parametrize(
    ("state", "tone"), [("past due", "bad"), ("paid", "good"), ("being checked", "wait"), ("zzz", "plain")]
)
def test_a_badge_says_the_state_in_words(show, state, tone):
    html = show('{% from "_macros.html" import badge %}{{ badge(state) }}', state=state)

    assert html == f'<span class="badge badge-{tone}">{state.capitalize()}</span>'


def test_a_message_area_is_there_before_there_is_a_message(show):
    assert '<div class="flashes" role="status"></div>' in show(PAGE, document=samples.invoice())


def test_the_banner_shows_only_outside_production(show):
    page = '{% extends "base.html" %}'

    assert "Demo company." in show(page, environment_banner="Demo company.")
    assert "banner" not in show(page)


def test_a_logo_is_named_for_those_who_cannot_see_it(show):
    company = replace(samples.COMPANY, logo_uri="data:image/png;base64,AAAA")

    assert 'src="data:image/png;base64,AAAA" alt="Example Alarm"' in show(
        '{% extends "base.html" %}', company=company
    )


def test_the_invoice_page_reads_as_it_did(request, show):
    path = ROOT / "tests" / "golden" / "invoice.html"
    now = re.sub(r"\n\s*\n+", "\n", show(PAGE, document=samples.invoice(when_note="in 14 days")))
    if request.config.getoption("--update-golden"):
        path.write_text(now, "utf-8")

    assert now == path.read_text("utf-8")
