"""Saved methods and autopay in the portal: read before agreeing, off at once, nothing of anybody else's."""

import re
from datetime import date
from urllib.parse import urlsplit

import pytest

from billing import checks, daily, links, notices
from billing.automatic import autopay, consent, methods, upcoming
from billing.disputes import asking
from billing.edges import letters as writing
from billing.plans import agreeing
from models import (
    Autopay,
    AutopayOutcome,
    Contact,
    Customer,
    Dispute,
    Event,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    PlannedCharge,
)
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_invoice,
    make_item,
    make_method,
    payer,
)
from tests.portal_visitor import Visitor
from tests.test_portal_account import enter

TODAY = date(2026, 12, 1)


@pytest.fixture
def shop(app, paying):
    """The app, with the sandbox as its gateway."""
    app.gateway = paying.gateway
    return app


@pytest.fixture
def alices(app, alice, clock):
    """Alice's browser, signed in."""
    return enter(Visitor(app), payer(alice), clock)


@pytest.fixture
def bobs(app, bob, clock):
    return enter(Visitor(app), payer(bob), clock)


@pytest.fixture
def card(alice):
    return make_method(alice)


@pytest.fixture
def standing(alice, card, clock):
    """Alice has autopay on the due date."""
    return agreed(alice, card, clock)


def agreed(customer, method, clock, **chosen):
    terms = consent.Terms(**chosen)._asdict()
    return autopay.agree(
        customer, contact=payer(customer), method=method, **terms, address="", by=BY, today=clock.today(),
        text=consent.words_of(customer, method, **terms).text, now=clock.now(),
    )  # fmt: skip


def planned(customer, clock):
    """The autopay step of today: what is open is planned and told."""
    autopay.plan_due(clock.today(), now=clock.now())
    autopay.tell_due(clock.today(), now=clock.now())
    return list(PlannedCharge.select().where(PlannedCharge.customer == customer).order_by(PlannedCharge.id))


def refreshed(row):
    return type(row).get_by_id(row.id)


# --- Choosing, reading, agreeing -----------------------------------------------------------------


def read(visitor, card, **typed):
    return visitor.press(
        visitor.open("/account/autopay"), "Continue to the words", method=str(card.id), **typed
    )


def test_nothing_is_switched_on_before_the_box_is_ticked(alices, card, alice):
    page = read(alices, card)

    assert page.headline == "Read and agree"
    box = page.tree.xpath("//input[@name='agreed']")[0]
    assert box.get("checked") is None
    page = alices.press(page, "Switch autopay on")
    assert page.status == 422
    assert page.error_of("agreed") == "Please tick the box if you agree. Without it nothing is switched on."
    assert "I agree to this authorization. Please tick the box" in page.text, "and no colon after a period"
    assert Autopay.select().count() == 0


def test_the_words_on_the_page_are_the_words_that_are_kept_and_mailed(alices, card, alice):
    page = read(alices, card, timing="days_before", days_before="5", cap="$100", tell_days="3")
    shown = [" ".join(p.text_content().split()) for p in page.tree.xpath("//section[h2/@id='words']/p")]

    page = alices.press(page, "Switch autopay on", agreed="y")

    assert "Autopay is on. A copy of what you agreed to" in page.messages
    made = Autopay.get()
    assert made.text.splitlines() == shown
    assert (
        made.text
        == consent.words_of(alice, card, **consent.Terms("days_before", 5, None, 10000, 3)._asdict()).text
    )
    assert (made.agreed_from, made.agreed_by) == ("127.0.0.1", "customer:alice@example.com")
    assert (made.timing, made.days_before, made.cap_cents, made.tell_days) == ("days_before", 5, 10000, 3)
    assert Notice.get(Notice.kind == "autopay_on").autopay_id == made.id


def test_what_will_be_charged_is_said_before_it_is_agreed_to(alices, card, alice):
    make_invoice(alice, due=date(2026, 11, 20), issued=date(2026, 11, 5))
    make_invoice(alice)

    page = read(alices, card)

    assert "We charge $42.50 today from Visa ending 4242 for invoice 10001." in page.text
    assert "We charge $42.50 on December 15, 2026 from Visa ending 4242 for invoice 10002." in page.text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"timing": "days_before", "days_before": "31"}, "days_before", "Please choose from 1 to 30"),
        ({"timing": "days_before", "days_before": ""}, "days_before", "Please choose from 1 to 30"),
        ({"timing": "days_before", "days_before": "x"}, "days_before", "Please write a number"),
        (
            {"timing": "day_of_month", "day_of_month": "29"},
            "day_of_month",
            "Please choose from 1 to 28",
        ),
        ({"cap": "ten"}, "cap", "is not an amount"),
        ({"cap": "0"}, "cap", "above zero"),
        ({"tell_days": "31"}, "tell_days", "Please choose from 1 to 30."),
        ({"tell_days": "0"}, "tell_days", "Please choose from 1 to 30."),
    ],
)
def test_what_cannot_be_is_said_next_to_its_field_and_nothing_typed_is_lost(
    alices, card, typed, field, sentence
):
    page = read(alices, card, **typed)

    assert page.status == 422
    assert sentence in page.error_of(field)
    assert page.value_of(field) == typed[field]


def test_no_method_and_no_timing_are_asked_for(alices, card):
    page = alices.open("/account/autopay/agree")

    assert page.status == 422
    assert page.text.count("Please choose one of these.") == 4  # beside each, and in the summary


def test_a_method_of_somebody_else_cannot_be_chosen(bobs, bob, card):
    make_method(bob, label="Visa ending 1111")

    page = read(bobs, card)

    assert page.status == 422
    assert "Please choose one of these." in page.text
    assert "4242" not in page.text


def test_words_that_were_changed_on_the_way_are_not_agreed_to(alices, card):
    page = alices.press(read(alices, card), "Switch autopay on", agreed="y", text="Anything goes.")

    assert page.status == 422
    assert "The wording has changed since you opened this page." in page.error_of("agreed")
    assert Autopay.select().count() == 0


def test_a_double_click_agrees_once(alices, card):
    page = read(alices, card)
    for _ in range(2):
        alices.press(page, "Switch autopay on", agreed="y")

    assert Autopay.select().count() == 1


def test_without_a_form_token_nothing_is_switched_on_or_off(alices, card, standing, app):
    for path in (
        "/account/autopay/agree?timing=due_date&method=1",
        "/account/autopay/off",
        "/account/methods/add",
    ):
        answer = alices.client.post(path, data={"agreed": "y"})
        assert answer.status_code == 400, path
    assert refreshed(standing).ended_at is None


def test_while_it_is_on_the_page_says_what_is_agreed_and_what_comes(alices, alice, standing, clock):
    make_invoice(alice)
    planned(alice, clock)

    page = alices.open("/account/autopay")

    assert "Your invoices are paid from Visa ending 4242, on the due date of each invoice." in page.text
    assert "$42.50 on December 15, 2026 from Visa ending 4242, for invoice 10001" in page.text
    assert page.buttons == ["Switch autopay off"]


def test_it_is_changed_by_reading_and_agreeing_again(alices, alice, card, standing):
    page = alices.open("/account/autopay?change=1")
    assert page.headline == "Change autopay"

    page = alices.press(page, "Continue to the words", cap="60")
    page = alices.press(page, "Agree to the change", agreed="y")

    assert autopay.standing(alice).cap_cents == 6000
    assert refreshed(standing).end_reason == "Autopay has other terms now."
    assert "What was agreed before" in page.text


def test_what_was_agreed_can_be_read_and_printed_also_after_it_ended(alices, standing, clock):
    autopay.end(standing, reason="You switched it off.", by=BY, now=clock.now())

    page = alices.open(f"/account/autopay/{standing.id}")

    for paragraph in standing.text.splitlines():
        assert paragraph in page.text
    assert "Ended December 1, 2026" in page.text
    assert alices.open("/account/autopay").link(f"Read it (number {standing.id})") == page.path


# --- Off -----------------------------------------------------------------------------------------


def test_it_is_switched_off_at_once(alices, alice, standing, clock):
    make_invoice(alice)
    [row] = planned(alice, clock)

    page = alices.press(alices.open("/account/autopay"), "Switch autopay off")

    assert "Autopay is off. Nothing more is charged by itself" in page.messages
    assert refreshed(row).state == "dropped"
    assert (refreshed(standing).ended_by, refreshed(standing).end_reason) == (
        "customer:alice@example.com", "You switched it off.",
    )  # fmt: skip
    assert "Autopay is off now." in page.text


def test_a_charge_that_was_sent_already_is_told_honestly(alices, alice, card, standing):
    Payment.create(
        customer=alice, reference="PLX", key="x", kind="card", amount_cents=4250, received_on=TODAY,
        method=card, created_at=NOW, state="sent", autopay=standing, method_label=card.label,
    )  # fmt: skip

    page = alices.press(alices.open("/account/autopay"), "Switch autopay off")

    assert (
        "One charge of $42.50 to Visa ending 4242 was sent before that and cannot be called back."
        in page.messages
    )


def test_the_link_of_every_message_switches_it_off_without_signing_in(app, alice, standing, clock):
    visitor, path = Visitor(app), f"/p/{links.preferences_link(payer(alice), now=clock.now())}"

    page = visitor.press(visitor.open(path), "Save how I pay", pay_wish="reminders")

    assert page.path == path
    assert "Autopay is off." in page.messages
    assert autopay.standing(alice) is None


def test_the_pay_link_switches_it_off_too(app, alice, standing, clock):
    invoice = make_invoice(alice)
    planned(alice, clock)
    token = links.pay_link(invoice, now=clock.now())
    visitor = Visitor(app)

    page = visitor.press(visitor.open(f"/i/{token}/wait"), "Switch autopay off")

    assert page.path == f"/i/{token}"
    assert "Pay $42.50" in page.buttons
    assert autopay.standing(alice) is None


def test_opening_a_link_switches_nothing_off(app, alice, standing, clock):
    pay = links.pay_link(make_invoice(alice), now=clock.now())
    answer = app.test_client().get(f"/i/{pay}/autopay-off")

    assert answer.status_code == 405
    assert autopay.standing(alice) is not None


def test_a_link_of_one_kind_does_not_open_the_other(app, alice, standing, clock):
    pay = links.pay_link(make_invoice(alice), now=clock.now())
    visitor = Visitor(app)
    page = visitor.open(f"/p/{links.preferences_link(payer(alice), now=clock.now())}")
    method, _, fields = page.form("Save how I pay")
    fields = dict(fields) | {"pay_wish": "reminders"}

    assert visitor.send(method, f"/p/{pay}", fields).status == 404
    assert autopay.standing(alice) is not None


# --- Wait until … --------------------------------------------------------------------------------


@pytest.fixture
def told(alice, standing, clock):
    """(invoice, its planned charge, the pay link of the mail)."""
    invoice = make_invoice(alice)
    [row] = planned(alice, clock)
    return invoice, row, f"/i/{links.pay_link(invoice, now=clock.now(), contact=payer(alice))}"


def test_one_click_in_the_mail_and_one_on_the_page_put_a_charge_off(app, told):
    invoice, row, path = told
    visitor = Visitor(app)
    page = visitor.open(f"{path}/wait")
    assert refreshed(row).charge_on == date(2026, 12, 15)  # opening it changes nothing
    assert "Visa ending 4242 would be charged $42.50 on December 15, 2026 for invoice 10001." in page.text
    days = page.tree.xpath("//select[@name='until']/option")
    assert (days[0].text, days[-1].get("value")) == (
        "Wed, Dec 16, 2026, 1 day later", "2026-12-29",
    )  # fmt: skip

    page = visitor.press(page, "Wait until then", until="2026-12-22")

    assert page.path == path
    assert "We wait. It will be charged on December 22, 2026." in page.messages
    assert "Autopay will charge $42.50 on December 22, 2026 from Visa ending 4242." in page.text
    assert refreshed(row).charge_on == date(2026, 12, 22)


@pytest.mark.parametrize("until", ["2026-12-15", "2027-01-01", "soon", ""])
def test_a_day_that_is_not_offered_is_refused_next_to_the_field(app, told, until):
    _, row, path = told
    visitor = Visitor(app)

    page = visitor.press(visitor.open(f"{path}/wait"), "Wait until then", until=until)

    assert page.status == 422
    assert "Please choose" in page.error_of("until")
    assert refreshed(row).charge_on == date(2026, 12, 15)


def test_signed_in_it_is_the_same_page(alices, told):
    _, row, _ = told
    page = alices.open(alices.open("/account/autopay").tree.xpath("//a[contains(@href, '/wait')]/@href")[0])

    page = alices.press(page, "Wait until then", until="2026-12-20")

    assert page.path == "/account/autopay"
    assert refreshed(row).charge_on == date(2026, 12, 20)


def test_when_it_cannot_wait_the_page_says_why(app, told, clock):
    _, row, path = told
    visitor = Visitor(app)
    for day in ("2026-12-16", "2026-12-17"):
        visitor.press(visitor.open(f"{path}/wait"), "Wait until then", until=day)

    page = visitor.open(f"{path}/wait")

    assert page.status == 409
    assert "twice in a year, and that is used up" in page.text


def test_waiting_is_not_offered_where_it_is_used_up(app, alices, told, clock):
    invoice, _, path = told
    pages = (path, "/account", "/account/autopay", f"/account/invoices/{invoice.number}")
    assert all("Wait until another day" in alices.open(page).text for page in pages)

    for day in ("2026-12-16", "2026-12-17"):
        alices.press(alices.open(f"{path}/wait"), "Wait until then", until=day)

    assert not any("Wait until another day" in alices.open(page).text for page in pages)
    notice = Notice.select().where(Notice.kind == "charge_postponed").order_by(Notice.id.desc()).get()
    letter = writing.composer(app)(notice, clock.now())
    assert "Wait until" not in letter.text + letter.html


def test_a_day_on_which_the_limit_would_be_crossed_is_not_offered_and_said(app, alice, card, clock):
    agreed(alice, card, clock, cap_cents=8000)
    invoice, _ = make_invoice(alice), make_invoice(alice, due=date(2026, 12, 20))
    planned(alice, clock)
    visitor, path = Visitor(app), f"/i/{links.pay_link(invoice, now=clock.now(), contact=payer(alice))}"

    page = visitor.open(f"{path}/wait")

    offered = [option.get("value") for option in page.tree.xpath("//select[@name='until']/option")]
    assert "2026-12-19" in offered and "2026-12-20" not in offered and "2026-12-21" in offered
    assert (
        "Not offered, because other invoices are charged then: December 20, 2026 ($42.50). Together that "
        "would be above your limit of $80.00, and nothing would be charged." in page.text
    )
    page = visitor.press(page, "Wait until then", until="2026-12-20")
    assert page.status == 422
    assert "above your limit of $80.00" in page.error_of("until")


def test_somebody_elses_charge_is_not_found(bobs, told):
    invoice, row, _ = told

    assert bobs.open(f"/account/autopay/charges/{row.id}/wait").status == 404
    assert bobs.open(f"/account/invoices/{invoice.number}/wait").status == 404


# --- What the other pages say --------------------------------------------------------------------


def test_an_invoice_that_autopay_pays_asks_for_nothing(alices, told):
    invoice, _, path = told
    for page in (alices.open(f"/account/invoices/{invoice.number}"), alices.open(path)):
        assert (
            "Autopay will charge $42.50 on December 15, 2026 from Visa ending 4242. You need not do anything."
            in page.text
        )
        assert page.link("Wait until another day").endswith("/wait")


def test_the_overview_says_it_and_the_list_too(alices, told):
    page = alices.open("/account")

    assert "Autopay will charge $42.50 on December 15, 2026 from Visa ending 4242." in page.text
    assert "Autopay" in alices.open("/account/invoices").tree.xpath("//table")[0].text_content()


def test_above_the_limit_the_invoice_asks_as_ever(alices, alice, card, clock):
    agreed(alice, card, clock, cap_cents=4000)
    invoice = make_invoice(alice)
    planned(alice, clock)

    page = alices.open(f"/account/invoices/{invoice.number}")

    assert "This is above the $40.00 that you set for autopay" in page.text
    assert "Pay $42.50 with Visa ending 4242" in page.buttons


def declined(standing, invoice, clock, *, retry_on):
    """A charge that the bank declined, and that is tried again."""
    made = Payment.create(
        customer=standing.customer, reference="PLX1", key="autopay:x", kind="card", state="declined",
        amount_cents=invoice.open_cents, received_on=clock.today(), created_at=clock.now(), reason="No.",
        method=standing.method, method_label=standing.method.label, autopay=standing, try_number=1,
        decline_code="2", retry_on=retry_on,
    )  # fmt: skip
    PaymentPart.create(payment=made, invoice=invoice, amount_cents=invoice.open_cents)


def test_after_a_decline_nobody_is_told_to_do_nothing(alices, alice, told, standing, clock):
    invoice, _, path = told
    declined(standing, invoice, clock, retry_on=date(2026, 12, 18))

    for page in map(alices.open, ("/account", f"/account/invoices/{invoice.number}", path)):
        assert (
            "will try again to charge $42.50 on December 18, 2026 from Visa ending 4242. The last charge"
            in page.text
        )
        assert "need not do anything" not in page.text
    for page in map(alices.open, ("/account", "/account/autopay")):
        assert page.link("Use another card or account") == "/account/autopay?change=1"


def test_what_is_tried_again_is_said_in_spanish_as_well(alices, alice, told, standing, clock):
    invoice, _, path = told
    declined(standing, invoice, clock, retry_on=date(2026, 12, 18))
    Customer.update(language="es").where(Customer.id == alice.id).execute()

    for page in map(alices.open, ("/account", f"/account/invoices/{invoice.number}", path)):
        assert "intentará de nuevo cobrar $42.50 el 18 de diciembre de 2026" in page.text


def test_a_card_that_is_refused_is_not_promised_to_pay_and_another_is_one_click_away(
    alices, alice, card, told, standing, clock
):
    make_charge(make_contract(alice), cents=3000, starts_on=date(2027, 1, 1), item=make_item())
    assert "and is charged to Visa ending 4242" in alices.open("/account").text
    methods.disable(card, reason="The card has expired.", by=BY, now=clock.now())

    overview, page = alices.open("/account"), alices.open("/account/autopay")

    assert "is charged to Visa ending 4242" not in overview.text
    for seen in (overview, page):
        assert seen.link("Use another card or account") == "/account/autopay?change=1"
    assert "Waiting" in page.text and "Your invoices are paid from" not in page.text
    assert "Visa ending 4242 cannot be charged any more. The card has expired." in page.text
    aim = alices.open("/account/methods").tree.xpath("//form//input[@name='for']/@value")
    assert aim == ["autopay"], "what is added now is meant for autopay"


def test_what_was_above_the_limit_is_not_called_above_it_when_a_part_is_paid(alice, card, clock):
    agreed(alice, card, clock, cap_cents=4000)
    invoice = make_invoice(alice)
    planned(alice, clock)
    AutopayOutcome.create(
        run_on=clock.today(), invoice=invoice, customer=alice, outcome="skipped", why="above_cap", reason="r",
        decided_at=clock.now(),
    )  # fmt: skip
    Invoice.update(open_cents=1000).execute()

    [charge] = upcoming.of_customer(alice, today=clock.today())

    assert charge.why_not.startswith("This was above the $40.00 that you set for autopay when we asked you")


def test_when_the_charges_of_today_were_made_the_next_is_not_promised_for_today(alices, alice, card, clock):
    make_invoice(alice, due=date(2026, 11, 20), issued=date(2026, 11, 5))
    job = daily.begin("daily", today=clock.today(), now=clock.now())
    daily.finish(job, [], failed=False, now=clock.now())

    page = read(alices, card)
    assert "We charge $42.50 tomorrow at the latest from Visa ending 4242 for invoice 10001." in page.text
    alices.press(page, "Switch autopay on", agreed="y")

    assert "Autopay will charge $42.50 tomorrow at the latest from" in alices.open("/account").text
    assert "$42.50 tomorrow at the latest from Visa ending 4242" in alices.open("/account/autopay").text


def test_the_newest_card_is_chosen_beforehand_and_the_words_speak_of_one_invoice(alices, alice, card):
    newest = make_method(alice, token="2", label="Mastercard ending 0015")
    make_invoice(alice)

    page = alices.press(alices.open("/account/autopay"), "Continue to the words")

    assert f"from {newest.label}" in page.text
    assert "Every invoice that comes is charged on its due date." in page.text


def test_several_invoices_are_paid_by_one_click_with_what_is_saved(shop, alices, alice, saved, paying):
    one, other = make_invoice(alice), make_invoice(alice)
    page = alices.press(
        alices.open("/account"), "Review and pay", invoice=[str(one.number), str(other.number)]
    )

    page = alices.press(page, "Pay $85.00 with Visa ending 1111")

    assert page.headline == "Paid. Thank you."
    assert sum(invoice.open_cents for invoice in Invoice.select()) == 0
    assert paying.money_cents() == 8500


def test_what_was_issued_says_nothing_of_autopay(alices, alice, told, clock):
    invoice, _, _ = told
    before = alices.open(f"/account/invoices/{invoice.number}.pdf").bytes

    autopay.end(autopay.standing(alice), reason="Off.", by=BY, now=clock.now())

    assert alices.open(f"/account/invoices/{invoice.number}.pdf").bytes == before


def test_the_next_invoice_says_when_it_is_charged(alices, alice, standing):
    make_charge(make_contract(alice), cents=3000, starts_on=date(2027, 1, 1), item=make_item())

    for path in ("/account", "/account/preferences"):
        assert "charged to Visa ending 4242 on January 16, 2027" in alices.open(path).text


def test_preferences_lead_to_the_real_thing(alices, alice, card):
    page = alices.press(alices.open("/account/preferences"), "Save how I pay", pay_wish="card_autopay")

    assert page.headline == "Autopay"
    assert "Continue to the words" in page.buttons
    page = alices.open("/account/preferences")
    assert "That is not switched on: switch autopay on , or pay each invoice yourself." in page.text


def test_who_chooses_to_pay_by_themselves_has_autopay_switched_off(alices, alice, standing):
    page = alices.press(alices.open("/account/preferences"), "Save how I pay", pay_wish="reminders")

    assert "Autopay is off." in page.messages
    assert autopay.standing(alice) is None
    assert Customer.get_by_id(alice.id).pay_wish == "reminders"


def test_stopping_reminders_in_a_mail_program_leaves_autopay_on(app, alice, standing, clock):
    path = f"/p/{links.preferences_link(payer(alice), now=clock.now())}/unsubscribe"

    assert app.test_client().post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert autopay.standing(alice) is not None


# --- Whose pages these are -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/account/autopay", "/account/autopay/agree", "/account/methods", "/account/methods/added"]
)
@pytest.mark.parametrize("role", [Contact.VIEWER, Contact.TECHNICAL])
def test_they_are_the_payers_only(app, alice, clock, path, role):
    viewer = Contact.create(customer=alice, name="Vi", email="vi@example.com", role=role)

    page = enter(Visitor(app), viewer, clock).open(path)

    assert page.status == 404
    assert "Autopay" not in page.tree.xpath("//nav")[0].text_content()


def test_somebody_elses_method_and_agreement_are_not_found(bobs, bob, card, standing):
    page = bobs.open("/account/methods")
    _, _, fields = page.form("Add a card or bank account")

    assert bobs.open(f"/account/methods/{card.id}/remove").status == 404
    assert bobs.send("post", f"/account/methods/{card.id}/remove", fields).status == 404
    assert bobs.open(f"/account/autopay/{standing.id}").status == 404
    assert "4242" not in bobs.open("/account/methods?all=1").text.replace(
        "such as “Visa ending 4242”", "", 1
    ).replace("Visa ending 4242", "", 3)


def test_without_signing_in_they_lead_to_the_door(app, db):
    for path in ("/account/autopay", "/account/methods"):
        assert Visitor(app).open(path).path == "/sign-in"


# --- Saved methods over the real sandbox ---------------------------------------------------------


@pytest.fixture
def saved(shop, alice, paying):
    """Alice's card as the gateway keeps it."""
    customer = Customer.get_by_id(alice.id)
    methods.profile(customer, gateway=paying.gateway)
    paying.sandbox.method(customer.account_number, expiration="05/39")
    [card] = methods.refresh(customer, gateway=paying.gateway, by=BY, now=NOW)
    return card


def test_adding_leads_to_the_processor_with_a_posted_token_and_back(shop, alices, alice, paying):
    page = alices.press(alices.open("/account/autopay"), "Add a card or bank account")

    [form] = [form for form in page.tree.forms if "token" in form.fields]
    assert form.get("action") == f"{paying.sandbox.url}/customer/addPayment"
    assert form.fields["token"] not in page.path


def test_what_was_added_is_said_and_chosen_for_autopay(shop, alices, alice, paying):
    alices.press(alices.open("/account/autopay"), "Add a card or bank account")
    profile = paying.sandbox.profiles(alice.account_number)[0]
    known = {"email": profile["email"], "description": profile["description"], "expiration": "05/39"}
    paying.sandbox.method(alice.account_number, **known)

    page = alices.open("/account/methods/added")

    assert page.messages == "Visa ending 1111 is saved."
    assert page.path.startswith("/account/autopay?method=")
    page = alices.press(page, "Continue to the words")
    assert page.headline == "Read and agree"


def test_coming_back_with_nothing_new_is_said(shop, alices, saved):
    page = alices.open("/account/methods/added")

    assert page.messages.startswith("Nothing new was saved.")
    assert "Visa ending 1111" in page.text


def test_whoever_turns_back_without_saving_anything_stands_where_they_began(shop, alices):
    alices.press(alices.open("/account/autopay"), "Add a card or bank account")

    page = alices.open("/account/methods/added")

    assert (page.messages, page.path) == ("Nothing was saved.", "/account/autopay")


def test_a_silent_processor_is_an_apology_not_an_error(shop, alices, alice, saved, paying):
    paying.sandbox.stop()
    try:
        page = alices.press(alices.open("/account/methods"), "Add a card or bank account")
        assert (page.status, page.headline) == (503, "Our payment processor does not answer right now")
        page = alices.press(alices.open(f"/account/methods/{saved.id}/remove"), "Remove Visa ending 1111")
        assert "so nothing was removed" in page.messages
    finally:
        paying.sandbox.start()
    assert refreshed(saved).state == "active"


def test_removing_asks_first_and_says_that_autopay_ends(shop, alices, alice, saved, clock, paying):
    agreed(alice, saved, clock)
    page = alices.open("/account/methods")
    page = alices.open(page.link("Remove Visa ending 1111"))
    assert "Autopay uses it, so autopay ends with it." in page.text

    page = alices.press(page, "Remove Visa ending 1111")

    assert page.messages == "Visa ending 1111 was removed. Autopay is off."
    assert paying.sandbox.profiles(alice.account_number)[0]["methods"] == []
    assert autopay.standing(alice) is None


def test_ten_saved_methods_are_the_most(shop, alices, alice):
    for number in range(10):
        make_method(alice, label=f"Visa ending 100{number}")

    page = alices.open("/account/methods")

    assert "10 are saved, which is the most there can be." in page.text
    assert "Add a card or bank account" not in page.buttons


def test_one_click_pays_with_what_is_saved(shop, alices, alice, saved, paying):
    invoice = make_invoice(alice)
    page = alices.open(f"/account/invoices/{invoice.number}")

    page = alices.press(page, "Pay $42.50 with Visa ending 1111")

    assert page.headline == "Paid. Thank you."
    assert refreshed(invoice).open_cents == 0
    assert paying.money_cents() == 4250
    assert Payment.get().entered_by == "customer:alice@example.com"
    assert [str(finding) for finding in checks.run()] == []


def test_two_clicks_on_it_pay_once(shop, alices, alice, saved, paying):
    page = alices.open(f"/account/invoices/{make_invoice(alice).number}")
    for _ in range(2):
        shown = alices.press(page, "Pay $42.50 with Visa ending 1111")

    assert shown.headline == "Paid. Thank you."
    assert paying.money_cents() == 4250
    assert Payment.select().count() == 1


def test_another_card_on_the_same_page_is_another_click(shop, alices, alice, saved, paying):
    """Who was declined goes back, where the form is the old one, and takes the other card."""
    paying.sandbox.method(fresh(alice).account_number, number="4242424242424242")
    methods.refresh(fresh(alice), gateway=paying.gateway, by=BY, now=NOW)
    paying.sandbox.decline(saved.token, "2")
    page = alices.open(f"/account/invoices/{make_invoice(alice).number}")

    declined = alices.press(page, "Pay $42.50 with Visa ending 1111")
    paid = alices.press(page, "Pay $42.50 with Visa ending 4242")

    assert (declined.headline, paid.headline) == ("The payment was not accepted", "Paid. Thank you.")
    assert paying.money_cents() == 4250


def test_a_declined_click_says_why_and_charges_nothing(shop, alices, alice, saved, paying):
    paying.sandbox.decline(saved.token, "2")
    invoice = make_invoice(alice)

    page = alices.press(
        alices.open(f"/account/invoices/{invoice.number}"), "Pay $42.50 with Visa ending 1111"
    )

    assert page.headline == "The payment was not accepted"
    assert refreshed(invoice).open_cents == 4250


def test_somebody_elses_method_pays_nothing(shop, bobs, bob, saved, paying):
    mine = make_method(bob, label="Visa ending 9999")
    page = bobs.open(f"/account/invoices/{make_invoice(bob).number}")
    assert mine

    page = bobs.press(page, "Pay $42.50 with Visa ending 9999", method=str(saved.id))

    assert "cannot be used any more" in page.messages
    assert Payment.select().count() == 0


def test_a_pay_link_offers_no_saved_method(app, alice, card, clock):
    page = Visitor(app).open(f"/i/{links.pay_link(make_invoice(alice), now=clock.now())}")

    assert "4242" not in page.text


def test_what_just_paid_is_saved_by_a_click(shop, alices, alice, paying):
    payment = paying.start(make_invoice(alice))
    paying.pay(payment)
    page = alices.open(f"/account/payments/{payment.reference}")

    page = alices.press(page, "Save Visa ending 1111 for next time")

    assert page.messages == "Visa ending 1111 is saved."
    assert PaymentMethod.get().state == "active"
    assert Event.get(Event.what == "method.added").by == "customer:alice@example.com"


# --- Mails ---------------------------------------------------------------------------------------


def letters(app, kind):
    """What is composed for every notice of a kind."""
    compose = writing.composer(app)
    return [compose(notice, app.clock.now()) for notice in Notice.select().where(Notice.kind == kind)]


def test_the_mail_of_a_charge_leads_to_the_page_that_puts_it_off(app, alice, card, clock):
    agreed(alice, card, clock, tell_days=14)
    make_invoice(alice)
    planned(alice, clock)

    [mail] = letters(app, "upcoming_charge")

    assert mail.subject == "Lantern Security: $42.50 will be charged on Dec 15, no action needed"
    assert "Autopay will charge $42.50 to your Visa ending 4242 on" in mail.text
    [address] = [line for line in mail.text.splitlines() if line.endswith("/wait")]
    assert Visitor(app).open(urlsplit(address).path).headline == "Wait until another day"


def test_the_mailed_invoice_says_the_day_and_asks_for_nothing(app, alice, standing, clock):
    invoice = make_invoice(alice)
    notices.queue_invoices([invoice.id], now=clock.now())
    planned(alice, clock)

    [mail] = letters(app, "invoice")

    assert mail.subject == "Lantern Security: Invoice 10001, $42.50 on Dec 15, no action needed"
    assert "You need not do anything." in " ".join(mail.text.split())
    assert "Pay $42.50" not in mail.html
    assert "By check" not in mail.text


@pytest.mark.parametrize(
    ("label", "terms", "told"),
    [
        ("Mastercard ending 0015", {}, "and no longer from Visa ending 4242."),
        ("", {"tell_days": 3}, "These words replace those that you agreed to before."),
    ],
)
def test_the_mail_of_a_change_says_what_has_changed(app, alice, card, clock, label, terms, told):
    agreed(alice, card, clock)
    clock.advance(minutes=1)
    agreed(alice, make_method(alice, token="2", label=label) if label else card, clock, **terms)

    _, mail = letters(app, "autopay_on")

    assert "Autopay has changed. Your copy" in mail.subject
    assert told in " ".join(mail.text.split()) and told in " ".join(mail.html.split())
    assert "Autopay is on" not in mail.text + mail.html


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_copy_says_of_what_is_open_and_not_charged_what_becomes_of_it(app, alice, card, clock, language):
    """It said that nothing was open beside a running plan and a disputed invoice."""
    Customer.update(language=language).execute()
    planned = make_invoice(alice, cents=30_000, due=date(2026, 12, 10))
    disputed = make_invoice(alice, cents=4_250)
    told = {"by": BY, "today": clock.today(), "now": clock.now()}
    wish = agreeing.Wish(3, date(2026, 12, 14))
    invoices = {"invoice_ids": [planned.id]}
    offered = agreeing.offer(alice, wish, today=clock.today(), **invoices)
    signature = agreeing.Signature(name="Al", key="k" * 32, by=BY, ip="", contact=payer(alice))
    signed = {"shown": offered.sha256, "today": clock.today(), "now": clock.now(), **invoices}
    agreeing.sign(alice, wish, signature, **signed)
    asking.open(
        disputed, amount_cents=None, reason="wrong_amount", words="Too much.", via=Dispute.PORTAL, **told
    )
    agreed(alice, card, clock)

    mail = letters(app, "autopay_on")[-1]

    text = " ".join(mail.text.split())
    assert not re.search("Nothing is open now|Ahora no hay nada", text)
    assert {
        "en": "$42.50 of invoice 10002 is disputed. Nothing of that is charged.",
        "es": "$42.50 de la factura 10002 están en duda. Nada de eso se cobra.",
    }[language] in text
    assert {
        "en": "$300.00 of your plan is yours to pay on the days of its payments, next on December 14, 2026.",
        "es": "$300.00 de su plan le toca pagarlos a usted en los días de sus pagos, el próximo el 14 de",
    }[language] in text


def test_the_copy_holds_every_word_and_what_is_charged_next(app, alice, card, clock):
    make_invoice(alice)
    made = agreed(alice, card, clock)

    [mail] = letters(app, "autopay_on")

    text = " ".join(mail.text.split())
    for paragraph in made.text.splitlines():
        assert paragraph in text
    assert "- December 15, 2026, invoice 10001: $42.50" in mail.text
    assert made.text_version in mail.text
