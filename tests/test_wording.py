"""What messages say: texts in a sandbox, what they must say, versions and what is fallen back on, Spanish."""

import re
from dataclasses import replace
from datetime import datetime

import pytest
from peewee import DatabaseError

from billing import outcomes
from billing.editions import checking, samples, versions
from billing.editions.composing import compose
from billing.errors import BillingError
from billing.wording import defaults, facts, rendering, spanish, tongues, writing
from billing.wording.rendering import CannotSay, Text
from models import Notice, Template

NOW = datetime(2026, 12, 1, 18, 0)
BY = "staff:olga"
ENGLISH, SPANISH = tongues.TONGUES["en"], tongues.TONGUES["es"]
NAMES = checking.names(Notice.INVOICE)
GOOD = Text(
    "{{ company }}: {{ number }}",
    '{{ amount("Invoice " ~ number) }}\n\n{{ button("See it") }}\n\n{{ charge_date }} {{ due_date }}\n',
)


def said(body, **more):
    """The plain text and HTML of the sample invoice by a body."""
    context = next(iter(samples.contexts(Notice.INVOICE).values())) | more
    _, plain, html = checking.writing.written_by(Text("x", body), Notice.INVOICE, "mail", context, ENGLISH)
    return plain.partition("\n\n-- \n")[0], html


# --- The sandbox ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("a\n{{ nothing }}", "Line 2: There is no {{ nothing }}."),
        ("{{ amout_due }}", "Did you mean {{ amount_due }}?"),
        ("{% for x in items %}{% endfor %}", "There are no loops"),
        ("{{ number.__class__ }}", "A name has no parts"),
        ("{{ number['x'] }}", "A name has no parts"),
        ("{{ ''.join }}", "A name has no parts"),
        ("{{ 'a' * 1000000000 }}", "are understood"),
        ("{{ 10 ** 10 ** 10 }}", "are understood"),
        ("{{ range(10) }}", "There is no {{ range }}"),
        ("{% include 'mail/_page.html' %}", "are understood"),
        ("{% set a = 1 %}", "are understood"),
        ("{% macro a() %}{% endmacro %}", "are understood"),
        ("{{ number|map('x') }}", "The filter “map” is not known"),
        ("{{ number|upper }", "Line 1:"),
        ("{% if number %}\nnever ended", "is missing"),
        ("{% frob %}", "unknown tag"),
        ("{{ number('x') }}", "Only a piece takes words"),
        ("{{ 'a' if number }}", "comes “else”"),
        ("x" * 10_001, "at most 10,000 characters"),
        ("a\ue000b", "no keyboard types"),
    ],
)
def test_what_a_text_may_not_do_is_told_with_its_line(body, sentence):
    found = rendering.problems(Text("x", body), NAMES)

    assert sentence in " ".join(found)


def test_a_piece_cannot_stand_in_a_subject():
    assert rendering.problems(Text("{{ amount }}", "x"), NAMES) == [
        "Subject: {{ amount }} is a piece of the text: it cannot stand in a subject."
    ]


def test_a_piece_stands_on_its_own_line():
    with pytest.raises(CannotSay, match="on a line of its own"):
        said("You owe {{ amount }} to us")


@pytest.mark.parametrize(
    "hostile", ["**bold**", "# Heading", "[x](https://evil.example)", "<b>x</b>", "- a\n- b"]
)
def test_what_a_customer_typed_is_never_read_as_markdown(hostile):
    company = replace(samples.COMPANY, name=hostile)
    plain, html = said("{{ company }} wrote", company=company)

    assert " ".join(plain.split()) == " ".join(f"{hostile} wrote".split())
    sheet = html.partition('class="sheet')[2].partition("</table>")[0]
    assert not re.search(r"<(strong|h\d|li|b)\b|evil.example\"", sheet)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "file:///etc"]
)
def test_a_link_leads_to_web_mail_or_telephone_only(address):
    with pytest.raises(CannotSay, match="A link leads to"):
        said(f"[press]({address})")


def test_markdown_is_drawn_in_both_parts():
    plain, html = said("# Hello\n\n## More\n\nOne **two** [three](https://example.com/x).\n\n1. a\n2. b")

    assert plain == "Hello\n\nMore\n----\n\nOne two three.\nhttps://example.com/x\n\n1. a\n2. b"
    assert "<h1" in html and "<h2" in html and "<strong>two</strong>" in html and "<ol" in html


# --- What a text must say ------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["mail", "text"])
@pytest.mark.parametrize("language", tongues.TONGUES)
def test_every_default_says_what_it_must_in_every_case(channel, language):
    for kind in defaults.kinds(channel):
        assert checking.problems(kind, channel, language, defaults.of(kind, channel, language)) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda one: Text(one.subject, one.body.replace('{{ button("See it") }}', "")), "{{ pay_link }}"),
        (lambda one: Text(one.subject, "Pay, please.\n\n{{ pay_link }}"), "{{ due_date }}"),
        (lambda one: Text(one.subject, one.body + "\nNet 15, please."), "“Net 15” is nothing"),
        (lambda one: Text("{{ company }}: Past due!", one.body), "does not belong in a subject"),
        (lambda one: Text("{{ company }}: deuda", one.body), "does not belong in a subject"),
        (lambda one: Text("", one.body), "The subject is empty"),
        (lambda one: Text(one.subject, " "), "The text is empty"),
        (lambda one: Text(one.subject + "x" * 160, one.body), "too many to read"),
    ],
)
def test_what_law_and_mission_ask_for_cannot_be_left_out(change, sentence):
    assert checking.problems(Notice.INVOICE, "mail", "en", GOOD) == []
    found = checking.problems(Notice.INVOICE, "mail", "en", change(GOOD))

    assert sentence in " ".join(found)


def test_a_renewal_notice_cannot_leave_out_how_to_cancel():
    text = defaults.of(Notice.RENEWAL, "mail", "en")
    shorter = Text(text.subject, text.body.replace("{{ how_to_cancel }}", ""))

    [found] = checking.problems(Notice.RENEWAL, "mail", "en", shorter)
    assert "{{ how_to_cancel }}: by when, in a sentence" in found


def test_every_name_has_a_meaning_and_none_is_idle():
    used = {name for kind in facts.KINDS for name in checking.names(kind)}

    assert used == set(facts.MEANINGS)


# --- Versions ------------------------------------------------------------------------------------


def put_in_force(text=GOOD, **more):
    about = {"kind": Notice.INVOICE, "channel": "mail", "language": "en"} | more
    draft = versions.save(**about, text=text, note="", by=BY, now=NOW)
    return versions.activate(draft, by=BY, now=NOW)


def written():
    context = next(iter(samples.contexts(Notice.INVOICE).values()))
    return compose(Notice.INVOICE, "mail", context, ENGLISH, now=NOW)


def test_the_text_in_force_is_sent_and_known_by_its_number(db):
    default = written()
    row = put_in_force()
    now = written()

    assert default.template is None and default.sha256 == defaults.sha256(
        defaults.of(Notice.INVOICE, "mail", "en")
    )
    assert (now.template, now.subject) == (row, "Example Alarm: 10482")


def test_one_text_is_in_force_at_a_time(db):
    first, second = put_in_force(), put_in_force()

    assert [row.state for row in Template.select().order_by(Template.id)] == ["retired", "active"]
    with pytest.raises(DatabaseError):
        Template.update(state="active").where(Template.id == first.id).execute()
    assert second.version == 2


def test_what_was_in_force_is_never_changed_nor_deleted(db):
    row = put_in_force()
    with pytest.raises(DatabaseError):
        Template.update(body="Something else").where(Template.id == row.id).execute()
    with pytest.raises(DatabaseError):
        Template.delete().execute()
    with pytest.raises(BillingError):
        versions.discard(row, by=BY, now=NOW)


def test_a_text_that_fails_is_noted_and_the_last_good_one_is_sent(db):
    good = put_in_force()
    bad = put_in_force()
    Template.update(state="retired").where(Template.id == bad.id).execute()
    broken = Template.create(
        kind=Notice.INVOICE, channel="mail", language="en", version=3, state="active", subject="x",
        body="{{ gone_since_the_update }}", made_by=BY, made_at=NOW, activated_at=NOW, activated_by=BY,
    )  # fmt: skip

    assert written().template in (bad, good)
    [failing] = versions.failing()
    assert failing == broken and "gone_since_the_update" in failing.failure


def test_without_an_older_one_the_default_is_sent(db):
    broken = {"version": 1, "state": "active", "subject": "x", "body": "{{ gone }}"}
    Template.create(kind=Notice.INVOICE, channel="mail", language="en", made_by=BY, made_at=NOW,
                    activated_at=NOW, **broken)  # fmt: skip

    assert written().template is None
    assert "178.72" in written().subject


def test_a_draft_of_another_language_changes_nothing_else(db):
    put_in_force(Text("{{ company }}: {{ number }}", GOOD.body), language="es")

    assert written().template is None


# --- Spanish -------------------------------------------------------------------------------------

LEFT = re.compile(
    r"\b(the|and|you|your|we|our|us|invoices?|due|account|pay|paid|payment|will|please|charged?|card|from|for|"
    r"this|that|open|with|until|by|is|was|are|not|nothing|reply|call|month|year|ends?|cancel)\b",
    re.I,
)
# what people typed, what was agreed to word for word, and what law wants in English
THEIRS = re.compile(
    r"Burglary monitoring|Front house system|Camera cloud storage, 30 days|Replace motion sensor, kitchen|"
    r"(?:Our )?technician came a day late|We heard of it too late|"
    r"It was for a panel that you no longer have|"
    r"second camera at half price until June 2027|Texas and Austin sales tax|"
    r"Charged to the wrong card\.|Cellular backup|[Mm]onitoring agreement|Yearly adjustment|"
    r"Why is there a service call\?|Service call|He was here for one hour, not for two\.|"
    r"Our technician's sheet says one hour\. The second one was typed by mistake\.|"
    r"Mon–Fri 8 am–6 pm|Example Alarm & Monitoring, LLC|O\.C\.G\.A\. 13-12-1 to 13-12-5"
)
TYPED = (
    Notice.CHECK_IN, Notice.TICKET_REPLY, Notice.TICKET_RECEIVED, Notice.TEXT_REPLY, Notice.AUTOPAY_ON,
    Notice.PLAN_AGREED,
)  # fmt: skip


@pytest.mark.parametrize("channel", ["mail", "text"])
def test_no_english_is_left_in_a_spanish_message(channel):
    for kind in set(defaults.kinds(channel)) - set(TYPED):
        for case, context in samples.contexts(kind).items():
            text = defaults.of(kind, channel, "es")
            subject, plain, _ = checking.writing.written_by(text, kind, channel, context, SPANISH)
            plain = re.sub(r"https?://\S+|\S+@\S+", "", plain).partition("En inglés")[0]
            words = THEIRS.sub("", " ".join(f"{subject} {plain}".split()))

            assert LEFT.findall(words.replace("Example Alarm", "")) == [], (kind, case)


def test_every_sentence_of_a_bank_is_known_in_spanish():
    of_staff = {"16", "50", "51", "54", "55", "175", "319", "327"}  # when they take money back
    causes = [cause for code, cause in outcomes.CAUSES.items() if code not in of_staff]
    said = {cause.sentence for cause in (*causes, *outcomes.RETURN_CAUSES.values())}

    for sentence in {one for text in said for one in tongues._SENTENCES.split(text)}:
        assert sentence in spanish.SENTENCES


def test_no_sentence_stands_in_two_lists_of_spanish():
    names = [name for name in vars(spanish) if name.isupper() and name not in ("SENTENCES", "MONTHS")]
    said = [english for name in names for english in getattr(spanish, name)]

    assert [english for english in set(said) if said.count(english) > 1] == []


def test_nothing_is_filled_in_that_the_english_sentence_does_not_have():
    for english, known in spanish.SENTENCES.items():
        assert set(re.findall(r"\{\w+\}", english)) >= set(re.findall(r"\{\w+\}", known)), english


@pytest.mark.parametrize(
    ("english", "known"),
    [
        ("Due December 14, 2026", "Vence el 14 de diciembre de 2026"),
        ("December 1–31, 2026", "1 al 31 de diciembre de 2026"),
        ("December 10, 2026 – January 9, 2027", "10 de diciembre de 2026 al 9 de enero de 2027"),
        ("December 3, 2026, 2:05 pm CST", "3 de diciembre de 2026, 2:05 p. m. CST"),
        ("Payment, Visa ending 4242", "Pago, Visa terminada en 4242"),
        ("invoices 10482, 10483 and 10484", "las facturas 10482, 10483 y 10484"),
        ("The new roof. It leaks and drips.", "The new roof. It leaks and drips."),
        ("", ""),
    ],
)
def test_dates_and_sentences_are_said_in_spanish(english, known):
    assert SPANISH.say(english) == known
    assert ENGLISH.say(english) == english


def test_a_spanish_customer_is_written_to_in_spanish(alice, app, db):
    from tests.factories import make_invoice

    alice.language = "es"
    alice.save()
    invoice = make_invoice(alice, cents=4210)
    notice = Notice.get_or_none(Notice.invoice == invoice) or Notice.create(
        key="x", kind=Notice.INVOICE, customer=alice, contact=alice.contacts.first(), invoice=invoice,
        why="You get invoices for this account.", send_at=NOW, created_at=NOW,
    )  # fmt: skip

    letter = app.compose(notice, NOW)

    assert "$42.10 vence el 15 dic 2026" in letter.subject
    assert '<html lang="es-US">' in letter.html
    assert "Usted recibe las facturas de esta cuenta." in letter.text


# --- A sum, said aloud ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(defaults.kinds("mail")))
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_sum_is_said_in_a_sentence(kind, language):
    """In plain text nothing is large: “was declined: $42.50, was not paid.” is no sentence."""
    for context in samples.contexts(kind).values():
        text = defaults.of(kind, "mail", language)
        _, plain, _ = writing.written_by(text, kind, "mail", context, tongues.TONGUES[language])

        said = " ".join(plain.split())
        assert not re.search(
            r"\$[\d,.]+\d, (was|were|in \d|to pay|por pagar|venció|no se|el \d+ de \w+ de \d+\.$)",
            said,
        )


def test_a_text_says_a_sum_aloud_and_only_a_sum():
    names = {"amount": True, "button": True, "sum": False}

    def problems(body):
        return rendering.problems(rendering.Text("Hello", body), names)

    assert problems('{{ amount(aloud="You owe nothing.") }}') == []
    assert problems('{{ amount("Open", aloud="Open: " ~ sum) }}') == []
    assert problems('{{ button("Pay", aloud="Pay") }}') != []
    assert problems('{{ amount("Open", loud="Open") }}') != []


@pytest.mark.parametrize("kind", sorted(defaults.kinds("mail")))
def test_nobody_is_asked_to_reply_to_a_letter(kind):
    """“Mail” is what the postman brings; ours is an email."""
    text = defaults.of(kind, "mail", "en")

    assert not re.search(r"\b(this|by|we) mail\b", f"{text.subject}\n{text.body}", re.I)


OF_EARLIER_ROWS = (
    "A message is sent whenever a contract ends.",
    "A message is sent whenever we send money back.",
    "A copy of every authorization is sent to whom it binds.",
    "A copy of every plan is sent to whom it binds.",
    "You asked to be asked before a larger automatic payment.",
    "The law or your agreement wants you to be told before your agreement renews.",
    "The price of a service of yours changes; it counts only once you were told.",
)


@pytest.mark.parametrize("why", OF_EARLIER_ROWS)
def test_why_a_letter_came_is_said_in_spanish_though_we_say_it_otherwise_by_now(why):
    """A reason stands on its row: a letter that had waited once said it in English."""
    assert not re.search(r"\b(the|is|was|you)\b", tongues.TONGUES["es"].say(why), re.I)
