"""What goes wrong on the way in: every error is a page with a sentence and a way on, and nothing is lost."""

import pytest

from billing import links
from models import Ticket
from tests.factories import make_invoice
from tests.office import enter
from tests.portal_visitor import SAME_ORIGIN, Visitor


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def path(alice, clock):
    return f"/i/{links.pay_link(make_invoice(alice), now=clock.now())}"


def test_a_form_without_its_token_is_kept_and_can_be_sent_again(visitor, path):
    page = visitor.press(visitor.open(path), "Send", body="Why so much?", csrf_token=None)
    assert (page.status, page.headline) == (400, "Please send it once more")
    assert Ticket.select().count() == 0

    page = visitor.press(page, "Send it again")

    assert "Your question is with us" in page.messages
    assert Ticket.get().messages.get().body == "Why so much?"


def test_a_form_with_a_token_of_an_older_session_is_kept_too(visitor, path):
    page = visitor.open(path)
    with visitor.client.session_transaction() as session:
        session.clear()

    page = visitor.press(visitor.press(page, "Send", body="Why?"), "Send it again")

    assert "Your question is with us" in page.messages


def test_a_form_of_unknown_origin_is_not_offered_for_sending_again(app, path):
    answer = app.test_client().post(f"{path}/question", data={"body": "Forged"})

    assert answer.status_code == 400
    assert b"Forged" not in answer.data
    assert b"Please send it once more" in answer.data


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
    ],
)
def test_a_form_from_another_site_is_refused_even_with_its_token(visitor, path, headers):
    page = visitor.open(path)
    _, address, fields = page.form("Send")

    answer = visitor.client.post(
        address.partition("#")[0], data=dict(fields) | {"body": "x"}, headers=headers
    )

    assert answer.status_code == 400
    assert Ticket.select().count() == 0


def test_the_origin_null_of_a_page_that_sends_no_referrer_is_ours(visitor, path):
    page = visitor.open(path)
    _, address, fields = page.form("Send")
    fields = dict(fields) | {"body": "Why?"}

    answer = visitor.client.post(
        address.partition("#")[0], data=fields, headers={"Origin": "null", **SAME_ORIGIN}
    )

    assert answer.status_code == 303


def test_behind_https_forms_work_without_a_referrer(visitor, path):
    """Our pages send none; a check that asks for one would refuse every form in production."""
    base = {"base_url": "https://localhost"}
    page = visitor.client.get(path, **base)
    token = page.get_data(as_text=True).split('name="csrf_token" value="')[1].split('"')[0]

    answer = visitor.client.post(
        f"{path}/question", data={"csrf_token": token, "body": "Why?"}, headers=SAME_ORIGIN, **base
    )

    assert answer.status_code == 303


def test_an_address_without_anything_behind_it_has_a_way_back(visitor, db):
    page = visitor.open("/nothing/here")

    assert (page.status, page.headline) == (404, "There is nothing here")
    assert page.link("To the start page") == "/"
    assert "Lantern Security" in page.text


@pytest.mark.parametrize(
    "wrong", ["/staff/nothing-here", "/staff/invoice/nothing", "/staff/ticket/details/?id=x"]
)
def test_staff_at_a_wrong_address_find_the_way_back_into_the_back_office(app, company, wrong):
    page = enter(app).get(wrong)

    assert page.status_code == 404
    assert 'href="/staff"' in page.text


def test_too_much_is_refused_with_a_sentence(visitor, path):
    page = visitor.press(visitor.open(path), "Send", body="x" * 10_000_000)

    assert page.status == 413
    assert "too large" in page.text


def test_the_start_page_leads_to_the_way_in(visitor, db):
    assert visitor.open("/").path == "/sign-in"
