"""Preferences by the link of every message: told in plain words with real dates, chosen, obeyed, recorded."""

from datetime import date

import pytest
from lxml import html

from billing import consents, links, preferences, reminding
from billing.preferences.offers import ALWAYS, NOT, Wish
from models import Autopay, Consent, Contact, Customer, Event, Notice, Preference, PreferenceChange
from tests.factories import (
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_item,
    make_method,
    payer,
)
from tests.portal_visitor import Visitor

MAIL, TEXT, PAPER = Preference.MAIL, Preference.TEXT, Preference.PAPER
SAVE, SAVE_WAY, SAVE_PAY = "Save my choices", "Use this way", "Save how I pay"


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def path(alice, clock):
    return f"/p/{links.preferences_link(payer(alice), now=clock.now())}"


def wish(customer, event, channel=MAIL):
    return preferences.wishes(payer(customer)).wish(event, channel)


# --- What it says --------------------------------------------------------------------------------


def test_it_needs_no_sign_in_and_opening_it_changes_nothing(visitor, path):
    page = visitor.open(path)

    assert page.status == 200
    assert "Alice Archer, account" in page.text
    assert (Preference.select().count(), Event.select().count()) == (0, 0)


def test_it_says_what_will_happen_with_real_dates(visitor, path, alice):
    make_invoice(alice, cents=4250)
    charge = {"cents": 3000, "starts_on": date(2027, 1, 1), "item": make_item("Fire monitoring")}
    make_charge(make_contract(alice), **charge)

    page = visitor.open(path)

    assert (
        "Invoice 10001 for $42.50 is due December 15, 2026. We remind you by email on December 12, 2026 "
        "and December 15, 2026, unless it is paid by then." in page.text
    )
    assert (
        "Your next invoice, $30.00, comes on January 1, 2027 by email, and is due January 16, 2027. "
        "We remind you by email on January 13, 2027 and January 16, 2027, if it is unpaid." in page.text
    )
    assert "A receipt follows every payment by email." in page.text


def test_each_way_says_what_it_would_do(visitor, path, alice):
    charge = {"cents": 3000, "starts_on": date(2027, 1, 1), "item": make_item("Fire monitoring")}
    make_charge(make_contract(alice), **charge)

    cards = visitor.open(path).tree.xpath("//*[@class='preset-words']")
    told = [" ".join(card.text_content().split()) for card in cards]

    assert [card.xpath("strong")[0].text for card in cards] == [
        "Set and forget", "Remind me", "Tell me everything", "Paper, please",
    ]  # fmt: skip
    assert "Jan 16: charged; until autopay is on, we remind you" in told[0]
    assert "Jan 13: reminder by email, if unpaid" in told[1] and "This is how it is now." in told[1]
    assert "Jan 9: reminder by email, if unpaid" in told[2] and "Monthly: summary by email" in told[2]
    assert "Jan 1: invoice on paper" in told[3]


def test_what_cannot_be_changed_is_shown_with_its_reason(visitor, path):
    [row] = [
        row for row in visitor.open(path).tree.xpath("//table//tr") if "Payment problem" in row.text_content()
    ]

    assert "You always hear of it, and at once." in row.text_content()
    assert "Always, cannot be changed" in " ".join(row.text_content().split())


# --- Choosing ------------------------------------------------------------------------------------


def test_saving_leads_to_the_same_page_with_a_message_and_the_new_dates(visitor, path, alice):
    make_invoice(alice, cents=4250)

    page = visitor.press(
        visitor.open(path), SAVE,
        **{"reminder-mail": "ahead-7", "invoice-paper": "every", "invoice-mail": "never"},
    )  # fmt: skip

    assert page.path == path
    assert page.messages == "Saved. From now on it is as you chose."
    assert "We remind you by email on December 8, 2026" in page.text
    assert "The next invoice comes on paper." in page.text
    assert wish(alice, "reminder") == Wish("ahead", 7)
    assert {row.via for row in PreferenceChange.select()} == {"link"}
    assert PreferenceChange.get().by == "customer:alice@example.com"


def test_a_way_is_chosen_with_one_press(visitor, path, alice):
    page = visitor.press(visitor.open(path), SAVE_WAY, preset="paper")

    assert page.messages == "Saved. From now on it is as you chose."
    assert set(preferences.wishes(payer(alice)).channels("invoice")) == {PAPER}
    assert visitor.open(path).tree.xpath("//input[@name='preset'][@checked]/@value") == ["paper"]


def test_set_and_forget_leads_to_autopay_and_reminds_until_it_is_on(visitor, alice, clock):
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")

    page = visitor.press(visitor.open("/account/preferences"), SAVE_WAY, preset="forget")

    assert page.path.startswith("/account/autopay")
    assert wish(alice, "reminder") == ALWAYS
    assert wish(alice, "receipt") == NOT


@pytest.mark.parametrize(
    ("language", "says", "button"),
    [
        ("en", "Autopay is off, so nothing is charged by itself.", "Switch autopay on"),
        ("es", "El pago automático está desactivado, así que nada se cobra", "Activar el pago automático"),
    ],
)
def test_set_and_forget_by_link_says_that_autopay_is_off_and_leads_on(
    visitor, path, alice, language, says, button
):
    type(alice).update(language=language).execute()
    save = {"en": SAVE_WAY, "es": "Usar esta forma"}[language]

    page = visitor.press(visitor.open(path), save, preset="forget")

    assert page.path == path and says in page.messages
    assert "as you chose" not in page.messages and "This is how it is now" not in page.text
    assert page.link(button).startswith("/account/autopay")


def test_the_daily_job_obeys(visitor, path, alice, clock):
    make_invoice(alice, cents=4250)
    visitor.press(visitor.open(path), SAVE, **{"reminder-mail": "ahead-7"})

    assert reminding.queue_reminders(date(2026, 12, 7), now=clock.now()) == 0
    assert reminding.queue_reminders(date(2026, 12, 8), now=clock.now()) == 1


def test_without_reminders_it_says_so_and_none_is_sent(visitor, path, alice, clock):
    make_invoice(alice, cents=4250)

    page = visitor.press(visitor.open(path), SAVE, **{"reminder-mail": "never"})

    assert "You get no reminder of it." in page.text
    assert reminding.queue_reminders(date(2026, 12, 14), now=clock.now()) == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"reminder-mail": "ahead-31"}, "choose between 1 and 30 days"),
        ({"reminder-mail": "ahead-" + "9" * 40}, "This choice is not known here."),
        ({"reminder-mail": "three"}, "This choice is not known here."),
        ({"invoice-mail": "never"}, "New invoice: It always reaches you"),
        ({"receipt-mail": "digest"}, "cannot wait for a summary by email"),
        ({"reminder-text": "on_day"}, "agree to text messages"),
        ({"wedding-mail": "every"}, "This choice is not known here."),
    ],
)
def test_what_cannot_be_chosen_says_why_and_saves_nothing(visitor, path, typed, sentence):
    page = visitor.press(visitor.open(path), SAVE, **typed)

    assert page.status == 422
    assert sentence in page.text
    assert Preference.select().count() == 0


def test_what_was_chosen_stays_on_the_page_when_it_is_refused(visitor, path):
    page = visitor.press(visitor.open(path), SAVE, **{"invoice-mail": "never", "reminder-mail": "ahead-14"})

    assert page.status == 422
    chosen = page.tree.xpath("//select[@name='reminder-mail']/option[@selected]/@value")
    assert chosen == ["ahead-14"]


@pytest.mark.parametrize("do", ["", "everything", "pay;drop"])
def test_a_form_that_is_none_of_ours_is_refused(visitor, path, do):
    _, _, fields = visitor.open(path).form(SAVE)

    assert visitor.send("post", path, dict(fields) | {"do": do}).status == 400


def test_who_has_no_address_is_offered_no_mail(visitor, db, clock):
    nobody = make_customer("Nobody", email="")
    path = f"/p/{links.preferences_link(payer(nobody), now=clock.now())}"
    page = visitor.open(path)
    assert "on paper" in page.text
    assert not page.tree.xpath("//*[@name='invoice-mail']")

    page = visitor.press(page, SAVE, **{"invoice-mail": "every"})

    assert "There is no email address on file." in page.text


# --- How to pay ----------------------------------------------------------------------------------


def test_how_one_pays_is_chosen_on_the_same_page(visitor, path, alice):
    page = visitor.press(visitor.open(path), SAVE_PAY, pay_wish="card_autopay")

    assert "That is not switched on: switch autopay on , or pay each invoice yourself." in page.text
    assert Customer.get_by_id(alice.id).pay_wish == "card_autopay"
    assert visitor.press(page, SAVE_PAY, pay_wish="gold").status == 422
    assert Event.get(Event.what == "customer.pay_wish").by == "customer:alice@example.com"


def test_signed_in_it_is_the_same_page(visitor, alice, clock):
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")

    page = visitor.press(visitor.open("/account/preferences"), SAVE_PAY, pay_wish="check")

    assert page.path == "/account/preferences"
    assert Customer.get_by_id(alice.id).pay_wish == "check"


# --- Links, scanners, one click ------------------------------------------------------------------


def test_a_dead_link_leads_to_sign_in(visitor, path, clock):
    clock.advance(days=400)

    page = visitor.open(path)

    assert page.status == 410
    assert page.link("Sign in by email") == "/sign-in"


def test_a_forged_link_and_one_of_another_kind_open_nothing(visitor, alice, clock, path):
    token = links.pay_link(make_invoice(alice), now=clock.now())

    for bad in (f"/p/{token}", f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}", "/p/" + "x" * 99):
        assert visitor.open(bad).status == 404
        assert visitor.client.post(f"{bad}/unsubscribe/reminder", data=ONE_CLICK).status_code == 404


ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize("event", ["reminder", "receipt"])
def test_one_click_in_a_mail_program_stops_one_kind_and_nothing_else(visitor, path, alice, event):
    before = preferences.wishes(payer(alice)).cells

    answer = visitor.client.post(f"{path}/unsubscribe/{event}", data=ONE_CLICK)

    assert (answer.status_code, answer.location, answer.mimetype) == (200, None, "text/plain")
    assert "Set-Cookie" not in answer.headers
    after = preferences.wishes(payer(alice)).cells
    assert {cell for cell in after if after[cell] != before[cell]} == {(event, MAIL)}
    assert PreferenceChange.get().via == "one_click"


def test_the_page_tells_every_kind_that_clicks_have_stopped(visitor, path, alice):
    for event in ("reminder", "receipt"):
        visitor.client.post(f"{path}/unsubscribe/{event}", data=ONE_CLICK)

    told = visitor.open(path).tree.xpath("//section[@aria-labelledby='happens']//li/strong/text()")

    assert [words.split()[0] for words in told if "was stopped" in words] == ["Receipt", "Reminder"]


@pytest.mark.parametrize("sent_as", ["data", "multipart"])
def test_one_click_works_from_a_mail_program_that_is_a_web_site(visitor, path, alice, sent_as):
    """RFC 8058 wants no cookie and no form token; a browser adds where the click came from."""
    headers = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
    kind = {"content_type": "multipart/form-data"} if sent_as == "multipart" else {}

    answer = visitor.client.post(f"{path}/unsubscribe/reminder", data=ONE_CLICK, headers=headers, **kind)

    assert answer.status_code == 200
    assert wish(alice, "reminder") == NOT


def test_the_address_of_older_mails_still_stops_reminders(visitor, path, alice):
    assert visitor.client.post(f"{path}/unsubscribe", data=ONE_CLICK).status_code == 200
    assert wish(alice, "reminder") == NOT
    assert visitor.open(f"{path}/unsubscribe").path == path


@pytest.mark.parametrize("event", ["invoice", "contract_end", "payment_problem", "everything"])
def test_one_click_stops_nothing_that_must_arrive(visitor, path, event):
    assert visitor.client.post(f"{path}/unsubscribe/{event}", data=ONE_CLICK).status_code == 404
    assert not Preference.select().exists()


def test_a_post_without_what_the_standard_wants_changes_nothing(visitor, path):
    assert visitor.client.post(f"{path}/unsubscribe/reminder").status_code == 400
    assert not Preference.select().exists()


def test_the_visible_link_only_shows(visitor, path):
    assert visitor.open(f"{path}/unsubscribe/reminder").path == path
    assert not Preference.select().exists()


def test_what_a_click_stopped_is_said_on_the_page_until_it_is_wanted_again(visitor, path):
    visitor.client.post(f"{path}/unsubscribe/reminder", data=ONE_CLICK)

    page = visitor.open(path)
    assert "Reminder by email was stopped on December 1, 2026" in page.text
    page = visitor.press(page, SAVE, **{"reminder-mail": "ahead-3"})
    assert "was stopped" not in page.text


@pytest.mark.parametrize("autopay_on", [False, True])
def test_a_scanner_that_opens_every_link_and_sends_every_form_changes_nothing(
    app, visitor, path, alice, clock, autopay_on, request
):
    person = payer(alice)
    Contact.update(phone="(512) 555-0100").execute()
    if autopay_on:
        request.getfixturevalue("standing_autopay")
    preferences.choose(
        person, {("receipt", MAIL): NOT}, by="tests", via=PreferenceChange.PAGE, now=clock.now()
    )
    before = everything(alice)

    for page in (visitor.open(path), visitor.open(f"/e/{links.consent_link(payer(alice), now=clock.now())}")):
        for form in page.tree.forms:
            fields = [(name, value) for name, value in form.form_values() if name]
            visitor.send(form.get("method", "get").lower(), form.get("action") or page.path, fields)
        for href in page.tree.xpath("//main//a/@href"):
            if href.startswith("/"):
                visitor.open(href)
                visitor.client.post(href)

    assert everything(alice) == before


def everything(customer):
    """What a scanner could have changed."""
    fresh = Customer.get_by_id(customer.id)
    return (
        preferences.wishes(payer(fresh)), fresh.pay_wish, Consent.select().count(), Notice.select().count(),
        PreferenceChange.select().count(), fresh.autopays.where(Autopay.ended_at.is_null()).count(),
    )  # fmt: skip


@pytest.fixture
def standing_autopay(alice, clock):
    return Autopay.create(
        customer=alice, method=make_method(alice), timing="due_date", days_before=0, text="x",
        text_version="1", agreed_at=clock.now(), agreed_from="", agreed_by="tests",
    )  # fmt: skip


# --- Consents ------------------------------------------------------------------------------------


@pytest.fixture
def reachable(alice):
    Contact.update(phone="(512) 555-0100").execute()
    return payer(alice)


def test_texts_are_agreed_to_with_a_box_and_then_chosen(visitor, path, reachable, alice):
    page = visitor.press(visitor.open(path), "Agree to texts")
    assert (page.status, "Please tick the box first." in page.text) == (422, True)
    assert not Consent.select().exists()

    page = visitor.press(visitor.open(path), "Agree to texts", agreed="y")
    given = Consent.get()
    assert (given.source, given.ip, given.address_or_number) == ("link", "127.0.0.1", "+15125550100")
    page = visitor.press(page, SAVE, **{"receipt-text": ["never", "every"]})
    assert wish(alice, "receipt", TEXT) == ALWAYS

    page = visitor.press(page, "End texts", agreed="y")
    assert page.messages == "You get no texts any more."
    assert wish(alice, "receipt", TEXT) == NOT


def test_legal_notices_by_email_take_the_mailed_link(visitor, path, reachable, alice, clock):
    page = visitor.press(visitor.open(path), "Send the link", agreed="y")
    assert "A link is on its way to alice@example.com." in page.messages
    assert consents.standing(reachable, Consent.ELECTRONIC) is None
    assert Notice.get().kind == "consent_confirm"

    mailed = f"/e/{links.consent_link(reachable, now=clock.now())}"
    page = visitor.press(visitor.open(mailed), "Agree")
    assert page.status == 422
    page = visitor.press(visitor.open(mailed), "Agree", agreed="y")
    assert page.headline == "Thank you"
    assert consents.standing(payer(alice), Consent.ELECTRONIC).source == "link"
    assert visitor.open(mailed).status == 410

    page = visitor.press(visitor.open(path), "Back to paper", agreed="y")
    assert page.messages == "From now on legal notices come on paper."


def test_without_a_number_it_says_where_to_add_one(visitor, path):
    assert "We have no mobile number of yours." in visitor.open(path).text


@pytest.mark.parametrize("role", [Contact.VIEWER, Contact.TECHNICAL])
def test_whoever_does_not_pay_decides_nothing_by_a_link(visitor, path, alice, clock, role):
    other = Contact.create(customer=alice, name="Vi", email="vi@example.com", role=role)
    theirs = f"/p/{links.preferences_link(other, now=clock.now())}"
    _, _, fields = visitor.open(path).form(SAVE_PAY)

    assert visitor.open(theirs).status == 404
    assert visitor.send("post", theirs, dict(fields) | {"pay_wish": "check"}).status == 404
    assert Customer.get_by_id(alice.id).pay_wish == "reminders"


def test_names_of_other_scripts_and_of_great_length_are_shown(visitor, alice, clock):
    Contact.update(name="张" * 80, email="ünï@exämple.com").execute()
    Customer.update(name="W" * 100).execute()

    page = visitor.open(f"/p/{links.preferences_link(payer(alice), now=clock.now())}")

    assert page.status == 200
    assert html.tostring(page.tree).count(b"W" * 100) >= 1
