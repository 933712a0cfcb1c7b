"""Signing in to the back office: passwords, wrong ones, locks, sessions that end."""

import re
import time
from datetime import timedelta

import pytest

from admin import security
from billing.errors import BillingError
from models import Event, Staff
from tests.office import NOW, PASSWORD, Desk, enter, make_staff, text_of


@pytest.fixture
def olga(db):
    return security.create_staff("Olga@Lantern.example", "Olga Owner", "owner", PASSWORD, by="tests", now=NOW)


def try_in(client, email="olga@lantern.example", password=PASSWORD, **more):
    page = client.get("/staff/sign-in").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(
        "/staff/sign-in", data={"csrf_token": token, "email": email, "password": password, **more}
    )


def test_the_right_password_opens_today(app, client, olga):
    answer = try_in(client)

    assert (answer.status_code, answer.location) == (303, "/staff/")
    assert "Olga Owner" in client.get("/staff/").text
    assert Staff.get_by_id(olga.id).signed_in_at is not None


def test_the_address_may_be_typed_in_capitals(app, client, olga):
    assert try_in(client, email=" OLGA@lantern.EXAMPLE ").status_code == 303


@pytest.mark.parametrize("email", ["olga@lantern.example", "nobody@lantern.example"])
def test_a_wrong_password_and_an_unknown_address_read_the_same(app, client, olga, email):
    answer = try_in(client, email=email, password="not this one")

    assert answer.status_code == 400
    assert "This email address and password do not match." in text_of(answer)


def test_five_wrong_tries_lock_for_a_while_even_for_the_right_one(app, client, clock, olga):
    for _ in range(5):
        try_in(client, password="guess")

    assert "Too many tries" in text_of(try_in(client))
    clock.advance(minutes=20)
    assert try_in(client).status_code == 303


def test_tries_are_counted_before_the_password_is_looked_at(app, client, olga):
    Staff.update(failed_tries=4, locked_until_at=NOW + timedelta(hours=1)).execute()

    with app.test_request_context(), pytest.raises(BillingError):
        security.sign_in(olga.email, PASSWORD, now=NOW)


def test_a_right_one_forgives_the_wrong_ones_before(app, client, olga):
    for _ in range(3):
        try_in(client, password="guess")
    try_in(client)

    assert Staff.get_by_id(olga.id).failed_tries == 0


def test_an_owner_unlocks(app, olga):
    row = make_staff("billing", failed_tries=9, locked_until_at=NOW + timedelta(hours=9))

    enter(app, row=olga).act("staff", "unlock", row)

    assert Staff.get_by_id(row.id).locked_until_at is None


def test_somebody_who_left_cannot_sign_in_and_is_out_at_once(app, client, clock, olga):
    try_in(client)
    Staff.update(left_on=clock.today()).where(Staff.id == olga.id).execute()

    assert client.get("/staff/").status_code == 303
    assert try_in(client).status_code == 400


def test_what_was_planted_in_the_session_before_does_not_survive(app, client, olga):
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    try_in(client)

    with client.session_transaction() as session:
        assert "planted" not in session


def test_a_new_password_ends_the_sessions_of_the_old_one(app, client, olga):
    try_in(client)

    security.set_password(Staff.get_by_id(olga.id), "another long secret", by="tests", now=NOW)

    assert client.get("/staff/").status_code == 303


def test_a_session_ends_after_twelve_hours(app, olga):
    desk = enter(app, row=olga)
    with desk.client.session_transaction() as session:
        session["staff_since"] = time.time() - 13 * 3600

    assert desk.get("/staff/").status_code == 303


def test_signing_out_takes_a_post(app, olga):
    desk = enter(app, row=olga)

    assert desk.get("/staff/sign-out").status_code == 405
    desk.post("/staff/sign-out")
    assert desk.get("/staff/").status_code == 303


def test_it_goes_on_to_where_one_wanted_to_go(app, client, olga):
    assert (
        client.get("/staff/invoice/?state=draft").location
        == "/staff/sign-in?next=/staff/invoice/?state%3Ddraft"
    )
    assert try_in(client, next="/staff/invoice/?state=draft").location == "/staff/invoice/?state=draft"


def test_it_goes_on_to_our_own_pages_only(app, client, olga):
    for target in (
        "https://evil.example/staff",
        "//evil.example/staff",
        "/\\evil.example",
        "/staff\\@evil.example",
        "/staffroom",
        "/staff/../../etc",
        "javascript:alert(1)",
    ):
        with app.test_request_context():
            assert security.safe_next(target) == "/staff/"


def test_one_changes_ones_own_password_with_the_old_one(app, client, olga):
    try_in(client)
    desk = Desk(client)

    wrong = desk.post("/staff/password", old="not it", new="a brand new secret")
    short = desk.post("/staff/password", old=PASSWORD, new="short")
    right = desk.post("/staff/password", old=PASSWORD, new="a brand new secret")

    assert "This is not your password." in text_of(wrong)
    assert "at least 10 characters" in text_of(short)
    assert right.status_code == 303
    assert try_in(client, password="a brand new secret").status_code == 303


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"password": "short"}, "at least 10 characters"),
        ({"email": "olga"}, "not an e-mail address"),
        ({"email": f"{'o' * 60}@lantern.example"}, "at most 74 characters"),
        ({"role": "boss"}, "not a role"),
        ({"name": " "}, "name"),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_words(db, change, sentence):
    fields = {"email": "a@b.example", "name": "Ann", "role": "owner", "password": PASSWORD, **change}

    with pytest.raises(BillingError, match=sentence):
        security.create_staff(**fields, by="tests", now=NOW)
    assert not Staff.select().exists()


def test_an_account_is_made_once(db, olga):
    with pytest.raises(BillingError, match="already"):
        security.create_staff("olga@lantern.example", "Olga", "owner", PASSWORD, by="tests", now=NOW)


def test_the_audit_knows_who_was_made_and_never_the_password(db, olga):
    event = Event.get(Event.what == "staff.created")

    assert "owner" in event.after
    assert PASSWORD not in event.after and "argon2" not in event.after
