"""Preferences by the link of every message: saved, obeyed, and told in plain words with real dates."""

from datetime import date

import pytest

from billing import customers, links, notices, outlook
from models import Contact, Customer, Event, Notice, Preference
from tests.factories import make_charge, make_contract, make_customer, make_invoice, make_item, payer
from tests.portal_visitor import Visitor


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def path(alice, clock):
    return f"/p/{links.preferences_link(payer(alice), now=clock.now())}"


def test_it_needs_no_sign_in_and_opening_it_changes_nothing(visitor, path):
    page = visitor.open(path)

    assert page.status == 200
    assert "Alice Archer, account" in page.text
    assert (Preference.select().count(), Event.select().count()) == (0, 0)


def test_it_says_what_will_happen_with_real_dates(visitor, path, alice):
    make_invoice(alice, cents=4250)
    make_charge(
        make_contract(alice), cents=3000, starts_on=date(2027, 1, 1), item=make_item("Fire monitoring")
    )

    page = visitor.open(path)

    assert (
        "Invoice 10001 for $42.50 is due December 15, 2026 . We remind you on December 12, 2026" in page.text
    )
    assert (
        "Your next invoice, for $30.00, comes on January 1, 2027 by email and is due January 16, 2027"
        in page.text
    )


def test_saving_leads_to_the_same_page_with_a_message_and_the_new_dates(visitor, path, alice):
    make_invoice(alice, cents=4250)

    page = visitor.press(
        visitor.open(path), "Save", days_ahead="7", pay_wish="card_autopay", invoice_channel="paper"
    )

    assert page.path == path
    assert page.messages == "Saved. From now on it is as you chose."
    assert "We remind you on December 8, 2026" in page.text
    assert "by mail" in page.text
    assert "That is not switched on: switch autopay on , or pay each invoice yourself." in page.text
    assert customers.preferences(payer(alice)) == customers.Choices("paper", True, 7, "card_autopay")
    assert Event.get(Event.what == "contact.preferences").by == "customer:alice@example.com"


def test_the_daily_job_obeys(visitor, path, alice, clock):
    make_invoice(alice, cents=4250)
    visitor.press(visitor.open(path), "Save", days_ahead="7")

    assert notices.queue_reminders(date(2026, 12, 7), now=clock.now()) == 0
    assert notices.queue_reminders(date(2026, 12, 8), now=clock.now()) == 1


def test_without_reminders_it_says_so_and_none_is_sent(visitor, path, alice, clock):
    make_invoice(alice, cents=4250)

    page = visitor.press(visitor.open(path), "Save", reminder="no")

    assert "You get no reminders before the due date." in page.text
    assert notices.queue_reminders(date(2026, 12, 14), now=clock.now()) == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"days_ahead": "31"}, "Please choose a number from 0 to 30."),
        ({"days_ahead": "-1"}, "Please choose a number from 0 to 30."),
        ({"days_ahead": "9" * 40}, "Please choose a number from 0 to 30."),
        ({"days_ahead": "three"}, "Please write a number, such as 3."),
        ({"pay_wish": "gold"}, "Please choose one of these."),
        ({"invoice_channel": "pigeon"}, "Please choose one of these."),
    ],
)
def test_what_cannot_be_chosen_says_why_and_saves_nothing(visitor, path, alice, typed, sentence):
    page = visitor.press(visitor.open(path), "Save", **typed)

    assert page.status == 422
    assert sentence in page.text
    assert Preference.select().count() == 0


def test_mail_without_an_address_is_refused_with_a_sentence(visitor, db, clock):
    nobody = make_customer("Nobody", email="")
    path = f"/p/{links.preferences_link(payer(nobody), now=clock.now())}"
    assert "by mail" in visitor.open(path).text

    page = visitor.press(visitor.open(path), "Save", invoice_channel="mail")

    assert "There is no email address on file." in page.text


def test_a_dead_link_leads_to_sign_in(visitor, path, clock):
    clock.advance(days=400)

    page = visitor.open(path)

    assert page.status == 410
    assert page.link("Sign in by email") == "/sign-in"


def test_a_pay_link_opens_no_preferences(visitor, alice, clock):
    token = links.pay_link(make_invoice(alice), now=clock.now())

    assert visitor.open(f"/p/{token}").status == 404


def test_one_click_in_a_mail_program_stops_reminders_and_nothing_else(visitor, path, alice):
    before = customers.preferences(payer(alice))

    answer = visitor.client.post(f"{path}/unsubscribe", data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert customers.preferences(payer(alice)) == customers.Choices(
        before.invoice_channel, False, before.days_ahead, before.pay_wish
    )
    assert visitor.open(f"{path}/unsubscribe").path == path


def test_signed_in_it_is_the_same_page(visitor, alice, clock):
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")

    page = visitor.press(visitor.open("/account/preferences"), "Save", pay_wish="check")

    assert page.path == "/account/preferences"
    assert Customer.get_by_id(alice.id).pay_wish == "check"


# --- What was promised is what happens -----------------------------------------------------------


@pytest.mark.parametrize("ahead", [0, 1, 3, 14, 30])
def test_the_promised_day_is_the_day_of_the_reminder(db, alice, clock, ahead):
    make_invoice(alice, cents=4250)
    choices = customers.choose(
        payer(alice), invoice_channel="mail", reminder=True, days_ahead=ahead, pay_wish="reminders",
        by="tests", now=clock.now(),
    )  # fmt: skip
    [promised] = outlook.reminders(payer(alice), choices, today=clock.today())

    day = clock.today()
    while not notices.queue_reminders(day, now=clock.now()):
        day = clock.advance(days=1)
        assert day <= date(2026, 12, 16)

    assert day == promised.remind_on


def test_a_past_due_invoice_is_promised_nothing(db, alice, clock):
    make_invoice(alice, due=date(2026, 11, 30), issued=date(2026, 11, 1))

    assert outlook.reminders(payer(alice), customers.preferences(payer(alice)), today=clock.today()) == []


def test_only_payers_with_an_address_are_promised_mail(db, alice, clock):
    make_invoice(alice)
    Contact.update(email="").execute()

    assert outlook.reminders(payer(alice), customers.preferences(payer(alice)), today=clock.today()) == []
    assert Notice.select().count() == 0


@pytest.mark.parametrize("role", [Contact.VIEWER, Contact.TECHNICAL])
def test_whoever_does_not_pay_decides_nothing_by_a_link(visitor, path, alice, clock, role):
    other = Contact.create(customer=alice, name="Vi", email="vi@example.com", role=role)
    theirs = f"/p/{links.preferences_link(other, now=clock.now())}"
    _, _, fields = visitor.open(path).form("Save")

    assert visitor.open(theirs).status == 404
    assert visitor.send("post", theirs, dict(fields) | {"pay_wish": "check"}).status == 404
    assert Customer.get_by_id(alice.id).pay_wish == "reminders"
