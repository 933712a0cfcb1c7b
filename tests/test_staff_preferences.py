"""Staff see what a contact wants to hear, and change it for them: with a reason, on the record."""

import pytest

from billing import consents, preferences
from billing.preferences.offers import NOT, Wish
from models import Consent, Contact, Preference, PreferenceChange
from tests.factories import NOW, payer
from tests.office import enter


@pytest.fixture
def office(app):
    return enter(app, "support")


@pytest.fixture
def path(alice):
    Contact.update(phone="(512) 555-0100").execute()
    return f"/staff/contact/{payer(alice).id}/preferences"


def send(office, path, **fields):
    return office.post(path, **{name.replace("__", "-"): value for name, value in fields.items()})


def test_it_says_what_will_happen_and_what_stands(office, path):
    page = office.get(path)

    assert page.status_code == 200
    for words in (
        "What Alice Archer wants to hear",
        "A receipt follows every payment by email.",
        "3 days before, due day",
    ):
        assert words in page.text


def test_a_change_takes_a_reason_and_is_recorded_as_staffs(office, path, alice):
    refused = send(office, path, do="table", reminder__mail="ahead-7", reason=" ")
    assert (refused.status_code, "Say why" in refused.text) == (422, True)
    assert not Preference.select().exists()

    assert (
        send(office, path, do="table", reminder__mail="ahead-7", reason="Asked by phone").status_code == 303
    )

    assert preferences.wishes(payer(alice)).wish("reminder", "mail") == Wish("ahead", 7)
    change = PreferenceChange.get()
    assert (change.via, change.reason) == ("staff", "Asked by phone")
    assert change.by.startswith("staff:")
    assert "Asked by phone" in office.get(path).text


def test_what_must_arrive_cannot_be_taken_away_by_staff_either(office, path):
    refused = send(office, path, do="table", invoice__mail="never", reason="Asked by phone")

    assert refused.status_code == 422
    assert "It always reaches you" in refused.text


def test_a_way_is_chosen_for_somebody(office, path, alice):
    assert send(office, path, do="preset", preset="paper", reason="Wrote a letter").status_code == 303
    assert preferences.wishes(payer(alice)).wish("invoice", "mail") == NOT
    assert send(office, path, do="preset", preset="", reason="x").status_code == 422


def test_texts_are_agreed_to_on_the_phone_and_ended(office, path, alice, company):
    words = consents.text_words(payer(alice), company).text
    assert send(office, path, do="texts", wording=words, reason="Said yes on the phone").status_code == 303
    given = Consent.get()
    assert (given.source, given.proof) == ("staff", "Said yes on the phone")

    assert send(office, path, do="no_texts", reason="Called").status_code == 303
    assert Consent.get().withdrawn_how == "told to our office: Called"


def test_nobody_agrees_to_electronic_notices_for_somebody_else(office, path):
    assert send(office, path, do="electronic", reason="x").status_code == 400
    assert "by a link that is mailed to them" in office.get(path).text


def test_the_customers_page_says_it_in_short_and_leads_there(office, path, alice):
    preferences.choose(
        payer(alice), {("reminder", "mail"): NOT}, by="tests", via=PreferenceChange.PAGE, now=NOW
    )

    page = office.get(f"/staff/customer/{alice.id}").text

    assert "New invoice by email · No reminder · Receipt by email" in " ".join(page.split())
    assert path in page


def test_nobody_there(office):
    assert office.get("/staff/contact/999999/preferences").status_code == 404


def test_who_only_reads_changes_nothing(app, path):
    reader = enter(app, "read_only")

    assert reader.get(path).status_code == 403
    assert send(reader, path, do="preset", preset="paper", reason="x").status_code == 403
