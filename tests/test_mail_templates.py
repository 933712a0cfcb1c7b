"""Every kind of mail, word for word: golden copies, and the promises that hold for all of them.

``pytest --update-golden`` rewrites tests/golden; read the difference before it is committed.
"""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from billing import digests, documents, ledger, money, words
from billing.notices import joining
from billing.renewals import sample
from models import Notice
from tests import sample_documents as samples

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"

LINKS = {
    "pay_url": samples.PAY_URL,
    "question_url": f"{samples.PAY_URL}#question",
    "preferences_url": "https://pay.example.com/preferences/Wq7",
    "sign_in_page_url": "https://pay.example.com/sign-in",
}
TICKET = {
    "ticket": SimpleNamespace(subject="Why is there a service call?"),
    "message": SimpleNamespace(body="Hello Ann,\n\nthe fee is off.\nSorry for the trouble."),
    "links": LINKS | {"ticket_url": "https://pay.example.com/questions/7"},
    "why": "You asked us a question.",
}
SIGN_IN = {
    "code": "493021",
    "links": {
        "sign_in_url": "https://pay.example.com/sign-in/Kd8",
        "sign_in_page_url": LINKS["sign_in_page_url"],
    },
    "why": "Somebody asked to sign in with this address.",
}
AUTOPAY = {
    "links": LINKS
    | {
        "autopay_url": "https://pay.example.com/account/autopay",
        "methods_url": "https://pay.example.com/account/methods",
    }
}
ALSO = joining.Also(None, "10519", "due December 18, 2026", 3995)
TOGETHER = {"also": (ALSO,), "links": LINKS | {"together_url": f"{samples.PAY_URL}/together"}}
LATE = {
    "document": samples.simple_invoice(state="past due", when_note="15 days ago"),
    "why": "An invoice of this account is past its due date.",
    "due_words": "was due December 15, 2026",
    "also": (),
    "all_cents": 4250,
    "next_on": date(2027, 1, 14),
}
PERSONAL = """Hello Ann,

Invoice 10482 for $42.50 was due on December 15, 2026, and we have not
seen a payment yet. Is everything all right with it?

Sam Porter
Example Alarm"""
CHARGE = {"links": AUTOPAY["links"] | {"wait_url": f"{samples.PAY_URL}/wait"}}
CONTRACT_END = {"links": LINKS | {"answer_url": sample.ANSWER_URL}, "why": "The law wants you to be told."}
MONTH = digests.Digest(
    from_on=date(2026, 11, 1),
    to_on=date(2026, 11, 30),
    entries=(
        ledger.Entry(date(2026, 11, 1), "invoice", "Invoice 10480", 4250, 8245, None),
        ledger.Entry(date(2026, 11, 12), "payment", "Payment, Visa ending 4242", -8245, 0, None),
    ),
    before_cents=3995,
    after_cents=0,
    open_cents=4250,
    next_due_on=date(2026, 12, 15),
)
MAILS = {
    "digest": {
        "digest": MONTH,
        "links": LINKS | {"account_url": "https://pay.example.com/account"},
        "why": digests.WHY,
    },
    "consent_confirm": {
        "links": LINKS | {"consent_url": "https://pay.example.com/e/Zx3"},
        "why": "You asked to get legal notices by email.",
    },
    "renewal": CONTRACT_END | {"document": sample.renewal(samples.COMPANY)},
    "yearly_reminder": CONTRACT_END | {"document": sample.yearly(samples.COMPANY)},
    "invoice": {"document": samples.invoice(), "why": "You get invoices for this account."},
    "reminder": {
        "document": samples.simple_invoice(when_note="in 3 days"),
        "why": "You asked to be reminded before the due date.",
        "due_words": "due December 15, 2026",
        "also": (),
        "all_cents": 4250,
    },
    "overdue": LATE,
    "check_in": LATE | {"words": PERSONAL},
    "fresh_link": {"document": samples.simple_invoice(), "why": "You asked for a new link."},
    "receipt": {"document": samples.receipt(), "why": "A receipt is sent for every payment."},
    "payment_problem": {"document": samples.problem(), "why": "A payment did not go through."},
    "refund": {"document": samples.refund(), "why": "A message is sent whenever we send money back."},
    "charge_declined": AUTOPAY | {"document": samples.setback(), "why": "A payment did not go through."},
    "method_problem": AUTOPAY | {"document": samples.method_problem(), "why": "A payment was declined."},
    "above_cap": AUTOPAY | {"document": samples.above_cap(), "why": "You asked to be asked before."},
    "autopay_on": AUTOPAY | {"document": samples.agreement(), "why": "A copy of what was agreed."},
    "autopay_off": AUTOPAY | {"document": samples.ended_agreement(), "why": "It was paid automatically."},
    "upcoming_charge": CHARGE | {"document": samples.charge(), "why": "It is paid automatically."},
    "charge_postponed": CHARGE | {"document": samples.put_off(), "why": "It waits."},
    "method_expiring": AUTOPAY | {"document": samples.saved_method(), "why": "A card expires."},
    "method_changed": AUTOPAY | {"document": samples.saved_method(change="added"), "why": "It changed."},
    "sign_in": SIGN_IN,
    "ticket_reply": TICKET,
    "contact_changed": {"links": LINKS, "why": "Your contact details were changed."},
}
WITH_MONEY = (
    "invoice",
    "reminder",
    "fresh_link",
    "receipt",
    "payment_problem",
    "refund",
    "charge_declined",
    "above_cap",
)


def render(kind, part, **more):
    """One part of a mail as the sender composes it; an unknown name in a template is an error here."""
    templates = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    templates.filters.update(words.FILTERS, money=money.format_cents)
    context = {"company": samples.COMPANY, "contact": None, "links": LINKS} | MAILS[kind] | more
    return templates.get_template(f"mail/{kind}.{part}").render(context)


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


@pytest.mark.parametrize("kind", MAILS)
@pytest.mark.parametrize("part", ["subject", "txt", "html"])
def test_a_mail_reads_as_it_did(request, kind, part):
    path = GOLDEN / "mail" / f"{kind}.{part}"
    now = render(kind, part)
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, "utf-8")

    assert now == path.read_text("utf-8")


MORE = {
    "reminder-of-two": ("reminder", TOGETHER | {"all_cents": 8245}),
    "overdue-of-two": ("overdue", TOGETHER | {"all_cents": 8245}),
    "invoice-and-reminder": (
        "invoice",
        TOGETHER
        | {"document": samples.simple_invoice(), "all_cents": 8245, "due_words": "due December 15, 2026"},
    ),
    "overdue-last": ("overdue", {"next_on": None}),
}


@pytest.mark.parametrize("name", MORE)
@pytest.mark.parametrize("part", ["subject", "txt", "html"])
def test_a_mail_of_several_invoices_reads_as_it_did(request, name, part):
    path = GOLDEN / "mail" / f"{name}.{part}"
    kind, more = MORE[name]
    now = render(kind, part, **more)
    if request.config.getoption("--update-golden"):
        path.write_text(now, "utf-8")

    assert now == path.read_text("utf-8")
    if part != "subject":
        assert "$82.45" in now or name == "overdue-last"


@pytest.mark.parametrize("kind", ["overdue", "check_in"])
def test_what_is_late_is_said_without_a_word_that_shames(kind):
    for part in ("subject", "txt", "html"):
        said = render(kind, part).lower()
        shaming = (
            r"\b(overdue|delinquen\w*|debt|collection|final|urgent|immediate\w*|must|failure|legal action)\b"
        )
        assert not re.search(shaming, re.sub(r"<style.*?</style>|style=\"[^\"]*\"", "", said, flags=re.S))


def test_every_kind_of_message_has_its_mail():
    assert set(MAILS) == set(Notice.KINDS)


# --- Subject and first line ----------------------------------------------------------------------


def test_an_invoice_says_company_number_amount_and_date_in_its_subject():
    assert render("invoice", "subject").strip() == (
        "Example Alarm: Invoice 10482, $178.72 due December 15, 2026"
    )


@pytest.mark.parametrize("kind", MAILS)
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
    assert "Paid on December 3, 2026" in render(kind, "txt", document=paid)


def test_a_reminder_says_that_letters_may_have_crossed():
    assert "letters crossed" in render("reminder", "txt")
    assert "letters crossed" in render("reminder", "html")


# --- Both parts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAILS)
def test_the_text_part_carries_every_link_and_amount_of_the_html_part(kind):
    text, seen = render(kind, "txt"), Seen(render(kind, "html"))

    assert set(seen.hrefs) <= set(re.findall(r"https://\S+", text))
    assert set(re.findall(r"\$[\d,.]+\d", seen.text)) == set(re.findall(r"\$[\d,.]+\d", text))


@pytest.mark.parametrize("kind", MAILS)
def test_the_text_part_is_plain_and_tidy(kind):
    text = render(kind, "txt")

    assert not re.search(r"<[a-z/]|&[a-z#]+;|None|Undefined", text)
    assert "\n\n\n" not in text
    assert all(len(line) <= 80 or "https://" in line or line.startswith("- ") for line in text.splitlines())


@pytest.mark.parametrize("kind", MAILS)
def test_a_mail_ends_with_why_it_came_how_to_change_it_and_who_sent_it(kind):
    text = render(kind, "txt").partition("\n-- \n")[2]
    seen = Seen(render(kind, "html"))

    for part in (text, seen.text):
        assert MAILS[kind]["why"] in part
        assert "Example Alarm & Monitoring, LLC" in part
        assert "410 Commerce Street, Suite 200, Austin, TX 78701" in part
    wanted = MAILS[kind].get("links", LINKS).get("preferences_url")
    assert (wanted in seen.hrefs) == (wanted is not None)


@pytest.mark.parametrize("kind", MAILS)
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


# --- What is typed -------------------------------------------------------------------------------


def test_names_are_text_in_html_and_stay_as_typed_in_plain_text():
    hostile = '<script>alert("1")</script> & Söhne'
    company = replace(samples.COMPANY, name=hostile, legal_name=hostile)
    line = samples.item(hostile)
    place = documents.Place("", (line,))
    document = samples.simple_invoice(sections=(documents.Section("Work", (place,)),), company=company)

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
    section = documents.Section("Recurring services", (documents.Place("", items),))
    document = samples.simple_invoice(sections=(section,), open_cents=100 * count, total_cents=100 * count)

    text = render("invoice", "txt", document=document)
    amounts = [money.parse_cents(cents) for cents in re.findall(r"^- .*: (\$[\d,.]+)$", text, re.M)]

    assert sum(amounts) == document.open_cents
    assert len(amounts) == min(count, 13)


def test_a_company_without_phone_is_never_called():
    company = replace(samples.COMPANY, phone="", phone_hours="", license_number="")
    for kind in MAILS:
        for part in ("txt", "html"):
            said = render(kind, part, company=company)
            assert not re.search(r"or call(?!\s+the\s+number\s+on)|please\s+call|\(\)", said), kind
