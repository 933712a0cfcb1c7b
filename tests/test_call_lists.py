"""A list of calls on a page: what it would do, then kept once; and how the last one was read."""

import io
from pathlib import Path

import pytest

from models import Call, Contact
from tests.factories import payer
from tests.office import enter, text_of

DATA = Path(__file__).parent / "data"
CALLS, MAPPING = (DATA / "calls.csv").read_bytes(), (DATA / "calls.toml").read_text("utf-8")


@pytest.fixture
def desk(app, alice):
    """Somebody of support; Alice's number is in the list."""
    Contact.update(phone="+1 512 555 0100").where(Contact.id == payer(alice).id).execute()
    return enter(app, "support")


def read(desk, content=CALLS, mapping=MAPPING):
    return desk.post("/staff/call-list", file=(io.BytesIO(content), "calls.csv"), mapping=mapping)


def keep(desk, page):
    fields = {name: page.text.split(f'name="{name}" value="')[1].split('"')[0] for name in ("packed", "name")}
    return desk.post("/staff/call-list", book="yes", mapping=MAPPING, **fields, follow_redirects=True)


def test_it_shows_what_it_would_do_and_writes_nothing(desk):
    page = text_of(read(desk))

    assert "What calls.csv would do. Nothing is written until you say so." in page
    assert "New calls 3" in page and "Keep 3 calls" in page
    assert "Alice Archer They called, message Keypad beeps. Please call back, •••• 1111" in page
    assert not Call.select().exists()


def test_kept_they_wait_to_be_called_back_and_the_next_list_is_read_alike(desk, alice):
    page = text_of(keep(desk, read(desk)))

    assert "3 calls of calls.csv kept. 3 people wait to be called back." in page
    assert Call.get(Call.customer == alice).state == "to_call"
    assert "{Caller ID}" in desk.get("/staff/call-list").text and "A-2" not in page
    again = read(desk)
    assert "Nothing new" in text_of(again)
    keep(desk, again)
    assert Call.select().count() == 3


def test_what_cannot_be_read_is_said_and_the_mapping_stays(desk):
    refused = read(desk, mapping='source = "x"\n[call]\n')

    assert refused.status_code == 400
    assert "call.started_at is missing." in text_of(refused) and "source = &#34;x&#34;" in refused.text
    assert "Choose the list of calls." in text_of(desk.post("/staff/call-list", mapping=MAPPING))
    broken = desk.post("/staff/call-list", book="yes", packed="!", name="a", mapping=MAPPING)
    assert "did not come back whole" in text_of(broken)


def test_a_bad_row_holds_the_whole_list(desk):
    page = text_of(read(desk, CALLS.replace(b"11/30/2026", b"13/30/2026")))

    assert "Nothing of this list can be kept before these rows are right" in page
    assert "Keep " not in page


def test_it_is_two_clicks_from_the_first_page(desk, app):
    assert 'href="/staff/call-list"' in desk.get("/staff/call/").text
    assert "/staff/call-list" not in enter(app, "read_only").get("/staff/call/").text
