"""Signing in by a mailed link or code, staying signed in, and leaving."""

import re
import time

import pytest

from billing import customers, links
from models import Contact, Link, Notice
from tests.factories import BY, make_customer, make_invoice, payer
from tests.portal_visitor import Visitor


@pytest.fixture
def visitor(app):
    return Visitor(app)


def ask_code(visitor, email):
    return visitor.press(visitor.open("/sign-in"), "Email me a code", email=email)


def sign_in(visitor, contact, clock):
    """The short way in for tests that are about something else."""
    token, _ = links.sign_in_link(contact, now=clock.now())
    return visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")


# --- By code -------------------------------------------------------------------------------------


def test_the_mailed_code_signs_in(visitor, alice, clock):
    page = ask_code(visitor, "Alice@Example.com ")
    assert page.path == "/sign-in/code"
    assert [(notice.kind, notice.address) for notice in Notice.select()] == [("sign_in", "alice@example.com")]
    _, code = links.sign_in_link(payer(alice), now=clock.now())

    page = visitor.press(page, "Sign in", code=f" {code[:3]} {code[3:]} ")

    assert page.path == "/account"
    assert "Alice Archer" in page.text


def test_an_unknown_address_gets_the_same_page_and_no_mail(visitor, alice):
    known, unknown = ask_code(visitor, "alice@example.com"), ask_code(visitor, "nobody@example.com")

    assert Notice.select().count() == 1
    same = [re.sub(r'value="[^"]{20,}"|\S+@example.com', "", page.source) for page in (known, unknown)]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    "typed", ["", "not an address", "a@b", "a b@example.com", "x" * 300 + "@example.com", "\x00"]
)
def test_what_is_no_address_says_so_and_is_kept(visitor, db, typed):
    page = ask_code(visitor, typed)

    assert page.status == 422
    assert page.error_of("email")
    assert page.value_of("email") == typed.replace("\x00", "")


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "1234567", "１２３４５６"])
def test_what_is_no_code_says_how_one_looks(visitor, alice, typed):
    page = visitor.press(ask_code(visitor, "alice@example.com"), "Sign in", code=typed)

    assert page.status == 422
    assert "six digits" in page.error_of("code")


def test_a_wrong_code_says_what_to_do_and_five_end_the_right_one(visitor, alice, clock):
    page = ask_code(visitor, "alice@example.com")
    _, code = links.sign_in_link(payer(alice), now=clock.now())
    wrong = "000000" if code != "000000" else "111111"

    for _ in range(links.MOST_TRIES):
        page = visitor.press(page, "Sign in", code=wrong)
        assert "Ask for a new one." in page.error_of("code")

    assert visitor.press(page, "Sign in", code=code).status == 422


def test_a_code_is_dead_after_ten_minutes(visitor, alice, clock):
    page = ask_code(visitor, "alice@example.com")
    _, code = links.sign_in_link(payer(alice), now=clock.now())
    clock.advance(minutes=10)

    assert visitor.press(page, "Sign in", code=code).status == 422


def test_the_code_page_without_a_question_leads_to_the_start(visitor, db):
    assert visitor.open("/sign-in/code").path == "/sign-in"


def test_another_mail_can_be_asked_for_a_few_times(visitor, alice):
    page = ask_code(visitor, "alice@example.com")
    for _ in range(5):
        page = visitor.press(page, "Send another email")

    assert "another email is on its way" in page.messages
    assert Notice.select().count() == links.MOST_MAILS


# --- By link -------------------------------------------------------------------------------------


def test_opening_the_link_does_not_use_it_up_but_the_button_does(visitor, app, alice, clock):
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    scanner = Visitor(app)
    scanner.open(f"/sign-in/{token}")
    assert scanner.open("/account").path == "/sign-in"

    page = visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")

    assert page.path == "/account"
    assert Visitor(app).open(f"/sign-in/{token}").status == 410


def test_a_dead_sign_in_link_offers_a_new_mail(visitor, alice, clock):
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    clock.advance(minutes=11)

    page = visitor.open(f"/sign-in/{token}")

    assert "too old" in page.text
    assert page.link("Sign in by email") == "/sign-in"


def test_it_leads_back_to_where_somebody_wanted_to_go(visitor, alice, clock):
    make_invoice(alice)
    visitor.open("/account/invoices?before=99999")

    assert sign_in(visitor, payer(alice), clock).path == "/account/invoices?before=99999"


def test_it_never_leads_out_of_the_account(visitor, alice, clock):
    visitor.open("/sign-in?next=https://evil.example")
    with visitor.client.session_transaction() as session:
        session["next"] = "//evil.example/account"

    assert sign_in(visitor, payer(alice), clock).path == "/account"


# --- Staying and leaving -------------------------------------------------------------------------


def test_signing_in_changes_the_session_and_signing_out_ends_it_on_the_server(visitor, alice, clock):
    sign_in(visitor, payer(alice), clock)
    stolen = visitor.client.get_cookie("porchlight").value

    page = visitor.press(visitor.open("/account"), "Sign out")

    assert "You are signed out." in page.messages
    visitor.client.set_cookie("porchlight", stolen)
    assert visitor.open("/account").path == "/sign-in"


def test_a_new_sign_in_ends_the_earlier_session_of_the_same_browser(visitor, alice, clock):
    sign_in(visitor, payer(alice), clock)
    first = visitor.client.get_cookie("porchlight").value
    sign_in_again = links.sign_in_link(payer(alice), now=clock.now())[0]
    visitor.press(visitor.open(f"/sign-in/{sign_in_again}"), "Sign in")

    visitor.client.set_cookie("porchlight", first)

    assert visitor.open("/account").path == "/sign-in"


def test_twelve_idle_hours_end_a_session(visitor, alice, clock):
    sign_in(visitor, payer(alice), clock)
    with visitor.client.session_transaction() as session:
        session["portal"] = {**session["portal"], "seen": int(time.time()) - 12 * 3600 + 60}
    assert visitor.open("/account").path == "/account"
    with visitor.client.session_transaction() as session:
        assert session["portal"]["seen"] > time.time() - 60
        session["portal"] = {**session["portal"], "seen": int(time.time()) - 12 * 3600 - 60}

    page = visitor.open("/account")

    assert page.path == "/sign-in"
    assert "Please sign in to see this page." in page.messages


def test_somebody_who_left_is_signed_out(visitor, alice, clock):
    sign_in(visitor, payer(alice), clock)
    Contact.update(left_on=clock.today()).execute()

    assert visitor.open("/account").path == "/sign-in"


def test_only_a_hash_of_the_session_is_stored(visitor, alice, clock):
    sign_in(visitor, payer(alice), clock)
    with visitor.client.session_transaction() as session:
        token = session["portal"]["token"]

    assert Link.select().where(Link.purpose == Link.SESSION).count() == 1
    assert token not in str(list(Link.select().dicts()))


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(visitor, alice, clock):
    sign_in(visitor, payer(alice), clock)
    answer = visitor.client.get("/sign-in/nothing")

    cookie = visitor.client.get_cookie("porchlight")
    assert cookie.http_only and cookie.same_site == "Lax"
    assert answer.status_code == 404


# --- Several accounts ----------------------------------------------------------------------------


@pytest.fixture
def second(alice):
    """Alice's shop has an account of its own, under the same address."""
    return make_customer("Archer Bakery", email="Alice@example.com")


def test_one_address_with_two_accounts_gets_one_mail_and_chooses(visitor, alice, second, clock):
    make_invoice(second, cents=777)
    ask_code(visitor, "alice@example.com")
    assert Notice.select().count() == 1

    page = sign_in(visitor, payer(alice), clock)
    assert page.path == "/account/choose"
    page = visitor.press(page, f"Archer Bakery · account {second.account_number}")

    assert "$7.77" in page.text
    assert visitor.open("/account/details").link("Change to another account") == "/account/choose"


def test_nobody_chooses_an_account_by_changing_their_own_address(visitor, alice, bob, clock):
    sign_in(visitor, payer(alice), clock)
    customers.change_contact(
        payer(alice), name="Alice", email="bob@example.com", phone="", by=BY, now=clock.now()
    )

    page = visitor.open("/account/choose")

    assert "Bob Baker" not in page.text


def test_nobody_chooses_an_account_by_its_number(visitor, alice, second, bob, clock):
    page = sign_in(visitor, payer(alice), clock)
    button = f"Archer Bakery · account {second.account_number}"

    for contact in (str(payer(bob).id), "", "9" * 40, "x"):
        assert visitor.press(page, button, contact=contact).path == "/account/choose"
