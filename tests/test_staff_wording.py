"""The texts of messages in the back office: seen on a real invoice, changed, judged, put in force, tried."""

import pytest

from admin import wording
from billing.wording import defaults
from models import Event, Notice, Template
from tests.factories import make_invoice
from tests.office import NOW, enter
from tests.post_office import PostOffice

PAGE = "/staff/wordings/invoice/mail/en"
SHORT = """{{ amount("Invoice " ~ number) }}

{{ button("Pay " ~ amount_due) }}

Due {{ due_date }}{% if is_automatic %}, charged on {{ charge_date }}{% endif %}. Thank you for being with us!
"""
SUBJECT = "{{ company }}: {{ number }}"


@pytest.fixture
def olga(app):
    return enter(app, "owner")


def test_a_text_that_is_refused_says_that_it_stays_as_a_draft(olga):
    kept = "What you wrote is kept as a draft, version 1. Messages are written as before."

    refused = olga.post(PAGE, do="activate", subject=SUBJECT, body="Hello\n{{ amout_due }}").text

    assert kept in refused and Template.get().state == "draft"
    assert kept not in olga.get(PAGE).text  # nothing was refused there
    fresh = olga.post(PAGE, do="test", subject=SUBJECT, body="Another\n{{ amout_due }}").text
    assert "This was not done" in fresh and kept not in fresh


def test_every_kind_is_listed_with_the_text_that_is_in_force(olga):
    page = olga.get("/staff/wordings").text

    assert "Payment problem" in page and "Text message, Spanish" in page
    assert page.count(">Default<") > 70


def test_the_page_of_a_text_shows_it_with_every_name_and_an_example(olga):
    page = olga.get(PAGE).text

    assert "{{ amount_due }}" in page
    assert "what is open of the invoice" in page and "$178.72" in page
    assert 'sandbox=""' in page


def test_a_text_is_put_in_force_and_kept_with_its_number(olga, db):
    olga.post(PAGE, do="save", subject=SUBJECT, body=SHORT, note="Shorter")
    draft = Template.get()
    assert (draft.state, draft.version, draft.note) == ("draft", 1, "Shorter")

    answer = olga.post(
        PAGE, do="activate", subject=SUBJECT, body=SHORT, note="Shorter", follow_redirects=True
    )

    assert "Version 1 is in force" in answer.text
    row = Template.get()
    assert (row.state, row.activated_by) == ("active", "staff:owner@lantern.example")
    assert Event.get(Event.what == "template.activated").reason == "Shorter"
    assert ">Version 1<" in olga.get("/staff/wordings").text


def test_a_text_that_is_wrong_stays_a_draft_and_says_what_is_wrong(olga, db):
    answer = olga.post(PAGE, do="activate", subject=SUBJECT, body="Hello\n{{ amout_due }}")

    assert answer.status_code == 409
    assert "Line 2: There is no {{ amout_due }}. Did you mean {{ amount_due }}?" in answer.text
    assert Template.get().state == "draft"


def test_the_preview_is_the_mail_of_a_real_invoice_and_makes_no_link_that_works(olga, alice, db):
    invoice = make_invoice(alice, cents=9_137)
    before = Notice.select().count()

    answer = olga.post(
        f"{PAGE}/preview", subject=SUBJECT, body=SHORT, case=f"invoice-{invoice.id}", show="html"
    )

    assert "$91.37" in answer.text and "Thank you for being with us!" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert invoice.links.count() == 0
    assert Notice.select().count() == before


def test_the_preview_says_which_line_is_wrong(olga):
    answer = olga.post(
        f"{PAGE}/preview", subject=SUBJECT, body="{{ amount }}\n\n{% for x in y %}{% endfor %}"
    )

    assert "Line 3: There are no loops" in answer.text


def test_a_text_message_is_seen_with_what_it_costs(olga):
    page = "/staff/wordings/reminder/text/es"
    body = "{{ company }}: {{ amount_due }} vence el {{ due_short }}: {{ pay_link }}"

    assert "1 part to pay for" in olga.post(f"{page}/preview", body=body).text


def test_a_version_is_compared_with_the_one_before_it_and_can_be_started_from(olga, db):
    for note, body in (("One", SHORT), ("Two", SHORT.replace("Thank you", "Many thanks"))):
        olga.post(PAGE, do="activate", subject=SUBJECT, body=body, note=note)

    page = olga.get(PAGE).text
    assert "<ins>+ Due" in page and "Many thanks" in page
    assert "Thank you for being with us!" in olga.get(PAGE, version=1).text.partition("<textarea")[2]
    olga.post(PAGE, do="default")
    assert Template.select().where(Template.state == "active").count() == 0


def test_a_text_of_no_kind_is_not_found(olga):
    assert olga.get("/staff/wordings/nothing/mail/en").status_code == 404
    assert olga.get("/staff/wordings/invoice/mail/fr").status_code == 404
    assert olga.get("/staff/wordings/..%2f..%2fapp/mail/en").status_code == 404
    assert olga.post(PAGE, do="whatever", body="x").status_code == 400


def test_who_does_not_handle_money_does_not_change_what_we_say(app):
    for role in ("support", "read_only"):
        desk = enter(app, role)
        assert desk.get("/staff/wordings").status_code == 403
        assert desk.post(PAGE, do="save", subject="x", body="x").status_code == 403
        assert desk.post(f"{PAGE}/preview", body="x").status_code == 403


def test_every_kind_that_has_a_text_stands_in_the_list():
    listed = [kind for _, kinds in wording.GROUPS for kind in kinds]

    assert sorted(listed) == sorted({*defaults.kinds("mail"), *defaults.kinds("text")})


def test_a_test_goes_to_whoever_asked_and_its_links_open_nothing(olga, app, alice, db):
    invoice = make_invoice(alice, cents=9_137)
    with PostOffice() as office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
        answer = olga.post(
            PAGE, do="test", subject=SUBJECT, body=SHORT, case=f"invoice-{invoice.id}", follow_redirects=True
        )

    [mail] = office.taken
    assert mail["To"] == "owner@lantern.example"
    assert mail["Subject"].startswith("[Test] ")
    assert "A test is on its way to owner@lantern.example" in answer.text
    assert invoice.links.count() == 0


def test_a_text_that_failed_is_told_on_the_first_page(olga, db):
    Template.create(
        kind="invoice", channel="mail", language="en", version=1, state="active", subject="x",
        body="{{ gone }}", made_by="x", made_at=NOW, failed_at=NOW, failure="'gone' is undefined",
    )  # fmt: skip

    assert "an older one is sent instead" in olga.get("/staff/").text
    assert ">Failed<" in olga.get("/staff/wordings").text
