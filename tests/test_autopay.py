"""Autopay: words that are agreed to, a day for every invoice, and no charge without notice."""

import itertools
import re
from datetime import date, datetime, timedelta

import pytest
from peewee import IntegrityError

import models
from billing import company as companies
from billing import consents, daily, notices, outbox, preferences, reminding
from billing.automatic import autopay, consent, telling, texting, upcoming
from billing.errors import BillingError
from billing.outbox import judging
from models import (
    Autopay,
    Contact,
    Customer,
    Event,
    Hold,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    PlannedCharge,
    Preference,
)
from tests.factories import BY, NOW, make_customer, make_invoice, make_method, payer

TODAY = date(2026, 12, 1)


@pytest.fixture
def card(alice):
    return make_method(alice)


@pytest.fixture
def account(alice):
    return make_method(alice, kind=PaymentMethod.BANK, label="Checking account ending 6781", expires_on=None)


@pytest.fixture
def agree(alice, card, clock):
    """Alice agrees to terms; what is not said is the due date, without limit and without a wish."""

    def agree(method=card, *, customer=alice, **chosen):
        terms = consent.Terms(**chosen)._asdict()
        return autopay.agree(
            customer,
            contact=payer(customer),
            method=method,
            **terms,
            text=consent.words_of(customer, method, **terms).text,
            address="203.0.113.7",
            by="customer:alice@example.com",
            today=clock.today(),
            now=clock.now(),
        )

    return agree


@pytest.fixture
def day(clock):
    """The autopay step of one day without the charging: plan, then tell."""

    def day(on=None):
        if on:
            clock.advance(days=(on - clock.today()).days)
        planned = autopay.plan_due(clock.today(), now=clock.now())
        return planned, autopay.tell_due(clock.today(), now=clock.now())

    return day


def charge_on(invoice):
    return autopay.planned(invoice).charge_on


def kinds():
    return [notice.kind for notice in Notice.select().order_by(Notice.id)]


# --- Agreeing ------------------------------------------------------------------------------------


def test_what_was_agreed_is_kept_with_words_time_and_address(agree, alice, card, clock):
    made = agree(cap_cents=10000, tell_days=3)

    assert (
        made.text
        == consent.words_of(alice, card, **consent.Terms(cap_cents=10000, tell_days=3)._asdict()).text
    )
    assert (made.text_version, made.agreed_from, made.agreed_at) == (
        "2026-12-card",
        "203.0.113.7",
        clock.now(),
    )
    assert (made.contact, made.agreed_by) == (payer(alice), "customer:alice@example.com")
    assert Customer.get_by_id(alice.id).pay_wish == Customer.CARD_AUTOPAY
    assert Event.get(Event.what == "autopay.agreed").customer_id == alice.id
    assert kinds() == ["autopay_on"]


def test_every_payer_gets_a_copy(agree, alice):
    Contact.create(customer=alice, name="Al", email="al@example.com")
    Contact.create(customer=alice, name="View", email="view@example.com", role=Contact.VIEWER)

    agree()

    assert [notice.address for notice in Notice.select()] == ["alice@example.com", "al@example.com"]


def test_who_agreed_to_texts_gets_the_copy_too(agree, alice, company):
    Contact.update(phone="(512) 555-0100").execute()
    person = payer(alice)
    consents.give_text(
        person, wording=consents.text_words(person, company).text, source="page", by=BY, now=NOW
    )

    made = agree()
    autopay.end(made, reason="They asked.", by=BY, now=NOW)

    assert kinds() == ["autopay_on", "autopay_off"]


def test_the_same_click_again_is_the_same_authorization(agree):
    assert agree().id == agree().id
    assert Autopay.select().count() == Notice.select().count() == 1


def test_other_terms_are_another_authorization_and_the_old_one_stays_to_read(agree, alice, clock):
    old = agree()
    clock.advance(days=3)

    new = agree(cap_cents=10000)

    assert autopay.standing(alice).id == new.id
    old = Autopay.get_by_id(old.id)
    assert (old.ended_at, old.end_reason) == (clock.now(), "Autopay has other terms now.")
    assert "autopay_off" not in kinds()


def test_words_that_are_not_those_of_the_terms_are_refused(alice, card, clock):
    with pytest.raises(BillingError, match="wording has changed"):
        autopay.agree(
            alice, contact=payer(alice), method=card, **consent.Terms()._asdict(), text="Anything.",
            address="", by=BY, today=TODAY, now=NOW,
        )  # fmt: skip
    assert autopay.standing(alice) is None


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"timing": "weekly"}, "Choose on which day"),
        ({"timing": "days_before"}, "between 1 and 30 days before"),
        ({"timing": "days_before", "days_before": 31}, "between 1 and 30 days before"),
        ({"timing": "day_of_month"}, "from 1 to 28"),
        ({"timing": "day_of_month", "day_of_month": 29}, "from 1 to 28"),
        ({"cap_cents": 0}, "above zero"),
        ({"tell_days": 0}, "between 1 and 30"),
        ({"tell_days": 31}, "between 1 and 30"),
    ],
)
def test_terms_that_cannot_be_are_refused_with_a_sentence(agree, chosen, sentence):
    with pytest.raises(BillingError, match=sentence):
        agree(**chosen)


@pytest.mark.parametrize("state", [PaymentMethod.DISABLED, PaymentMethod.REMOVED])
def test_a_method_out_of_use_cannot_be_agreed_to(agree, card, state):
    PaymentMethod.update(state=state).execute()

    with pytest.raises(BillingError, match="cannot be used any more"):
        agree()


def test_an_expired_card_and_a_viewer_are_refused(agree, alice, card):
    PaymentMethod.update(expires_on=date(2026, 11, 30)).execute()
    with pytest.raises(BillingError, match="has expired"):
        agree()

    PaymentMethod.update(expires_on=date(2026, 12, 31)).execute()
    Contact.update(role=Contact.VIEWER).execute()
    with pytest.raises(BillingError, match="Only somebody who pays"):
        agree()


def test_a_method_of_somebody_else_is_a_bug_not_a_sentence(agree, bob):
    with pytest.raises(ValueError):
        agree(make_method(bob, label="Visa ending 1111"))


def test_the_database_lets_one_authorization_stand(agree, alice, card):
    agree()

    with pytest.raises(IntegrityError):
        Autopay.create(
            customer=alice,
            method=card,
            text="x",
            text_version="1",
            agreed_at=NOW,
            agreed_from="",
            agreed_by="",
        )


# --- The words -----------------------------------------------------------------------------------


def said(customer, method, **chosen):
    return consent.words_of(customer, method, **consent.Terms(**chosen)._asdict()).text


def test_the_words_name_amount_day_method_notice_and_how_to_stop(alice, card):
    text = said(alice, card)

    assert "Lantern Security LLC to charge my Visa ending 4242 automatically" in text
    assert f"account {alice.account_number}, Alice Archer" in text
    assert "Amount: what is still open on the invoice on the day of the charge." in text
    assert "Day: on the due date of each invoice." in text
    assert "Notice: each invoice that is emailed to me states the amount and the day" in text
    assert "How to stop: I can switch autopay off at any time, at once" in text
    assert "(512) 555-0100" in text


def test_a_limit_a_wish_and_a_day_stand_in_the_words(alice, card):
    text = said(alice, card, timing="day_of_month", day_of_month=3, cap_cents=10000, tell_days=5)

    assert "If that comes to more than $100.00, nothing is charged: I am asked first." in text
    assert "Day: on the 3rd of the month after each invoice is issued." in text
    assert "told by email 5 days before each charge" in text
    assert "7 days before the due date" in said(alice, card, timing="days_before", days_before=7)


def test_a_bank_account_has_the_words_of_the_law(alice, account):
    text = said(alice, account)

    assert "to debit my checking account ending 6781" in text
    assert "If an amount differs from the last one, I am told 10 days or more before the debit." in text
    assert "tell my bank to stop a debit, up to three business days before" in text
    assert "Amounts may differ up to the limit" in said(alice, account, cap_cents=10000)


def test_a_return_fee_is_agreed_to_only_where_there_is_one(alice, account, card, company):
    assert "fee" not in said(alice, account)

    company.return_fee_cents = 2500
    company.save()

    assert "a fee of $25.00 may be added" in said(alice, account)
    assert "fee" not in said(alice, card)


CHOICES = (
    {},
    {"timing": "days_before", "days_before": 1, "tell_days": 1},
    {"timing": "days_before", "days_before": 7, "tell_days": 5, "cap_cents": 10000},
    {"timing": "day_of_month", "day_of_month": 3},
)


@pytest.mark.parametrize(("limit", "days"), [(0, 0), (1, 1), (2, 14), (4, 10)])
def test_who_reads_spanish_agrees_in_spanish(alice, card, account, company, limit, days):
    models.Company.update(return_fee_cents=2500, postpone_limit=limit, postpone_days=days).execute()
    for method, chosen in itertools.product((card, account), CHOICES):
        alice.language = "en"
        in_english = said(alice, method, **chosen)
        alice.language = "es"
        text = said(alice, method, **chosen)

        assert text.count("\n") == in_english.count("\n")
        assert text.startswith("Autorizo a Lantern Security LLC a ")
        assert not re.search(r"\b(I|the|that|this|and|of|my|can|at|is|are|by|to|each|days?)\b", text), text
        assert consent.version(method, alice) == f"{consent.VERSION}-{method.kind}-es"


# --- Which day -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, date(2026, 12, 15)),
        ({"timing": "days_before", "days_before": 5}, date(2026, 12, 10)),
        ({"timing": "days_before", "days_before": 30}, date(2026, 12, 1)),  # passed already: today
        ({"timing": "day_of_month", "day_of_month": 1}, date(2026, 12, 1)),
        ({"timing": "day_of_month", "day_of_month": 20}, date(2026, 12, 20)),
        ({"timing": "day_of_month", "day_of_month": 28}, date(2026, 12, 28)),
    ],
)
def test_an_invoice_is_planned_for_the_chosen_day(agree, alice, day, chosen, expected):
    agree(**chosen)
    invoice = make_invoice(alice)

    assert day() == (1, 0)
    assert charge_on(invoice) == expected
    assert day() == (0, 0)  # once


def test_a_day_of_the_month_that_has_passed_is_that_of_the_next_month(agree, alice, day):
    agree(timing="day_of_month", day_of_month=28)
    invoice = make_invoice(alice, issued=date(2026, 12, 29), due=date(2027, 1, 13))
    day(date(2026, 12, 30))

    assert charge_on(invoice) == date(2027, 1, 28)


def test_what_is_open_already_is_planned_when_it_is_agreed(agree, alice, day):
    late = make_invoice(alice, due=date(2026, 11, 20), issued=date(2026, 11, 5))
    coming = make_invoice(alice)

    agree()

    assert (charge_on(late), charge_on(coming)) == (TODAY, date(2026, 12, 15))
    [today, later] = upcoming.of_customer(alice, today=TODAY)
    assert (today.cents, later.cents) == (4250, 4250)
    assert [notice.kind for notice in Notice.select()] == ["autopay_on"]


def test_the_preview_is_what_then_happens(agree, alice, account):
    make_invoice(alice, due=date(2026, 11, 20), issued=date(2026, 11, 5))
    make_invoice(alice)
    for chosen in ({}, {"tell_days": 20}, {"timing": "day_of_month", "day_of_month": 3}):
        for method in (account, make_method(alice)):
            told = autopay.preview(alice, method, consent.Terms(**chosen), today=TODAY)
            agree(method, **chosen)
            done = upcoming.of_customer(alice, today=TODAY)
            assert [(on, [i.id for i in group]) for on, group in told] == [
                (one.charge_on, [invoice.id for invoice in one.invoices]) for one in done
            ]


def test_what_was_paid_since_is_dropped_with_a_reason(agree, alice, day):
    agree()
    invoice = make_invoice(alice)
    day()
    Invoice.update(open_cents=0).execute()

    day()

    row = PlannedCharge.get()
    assert (row.state, row.reason) == ("dropped", "Nothing is left to pay.")
    assert autopay.planned(invoice) is None


def test_two_planners_at_once_plan_once(agree, alice, day):
    agree()
    make_invoice(alice)

    assert autopay.plan([alice.id], today=TODAY, now=NOW) == 1
    assert autopay.plan([alice.id], today=TODAY, now=NOW) == 0
    assert PlannedCharge.select().count() == 1


def test_nobody_else_is_planned(agree, bob, day):
    agree()
    make_invoice(bob)

    assert day() == (0, 0)


# --- What came back ------------------------------------------------------------------------------


def make_payment(standing, invoice, *, state="approved", **fields):
    made = Payment.create(
        **{
            "customer": invoice.customer_id, "reference": f"PL{Payment.select().count():012}",
            "key": f"k{Payment.select().count()}", "kind": standing.method.kind, "amount_cents": 4250,
            "received_on": TODAY, "created_at": NOW, "state": state, "autopay": standing,
            "method": standing.method, "try_number": 1, **fields,
        }
    )  # fmt: skip
    PaymentPart.create(payment=made, invoice=invoice, amount_cents=4250, live=False)
    return made


def came_back(standing, invoice, **fields):
    make_payment(standing, invoice, state="returned", **fields)
    PlannedCharge.update(state="done").where(PlannedCharge.invoice == invoice).execute()


def test_a_returned_debit_is_planned_again_for_the_day_of_its_second_try(agree, alice, day, account):
    invoice = make_invoice(alice)
    came_back(agree(account), invoice, retry_on=date(2026, 12, 6))

    assert day()[0] == 1
    assert charge_on(invoice) == date(2026, 12, 6)
    assert day()[0] == 0


@pytest.mark.parametrize(
    ("state", "is_planned"), [("expired", True), ("declined", True), ("sent", False), ("approved", False)]
)
def test_a_page_that_led_to_nothing_takes_no_second_try_away(agree, alice, day, account, state, is_planned):
    invoice, standing = make_invoice(alice), agree(account)
    came_back(standing, invoice, retry_on=date(2026, 12, 6))
    make_payment(standing, invoice, state=state, method=None, autopay=None, kind="online", try_number=0)

    assert day()[0] == is_planned
    assert (autopay.planned(invoice) is not None) == is_planned


@pytest.mark.parametrize("state", ["returned", "charged_back", "refunded", "voided"])
def test_what_must_not_be_tried_again_is_not_planned_again(agree, alice, day, account, state):
    invoice = make_invoice(alice)
    standing = agree(account)
    make_payment(standing, invoice, state=state)
    PlannedCharge.update(state="done").execute()

    assert day() == (0, 0)
    assert autopay.planned(invoice) is None


# --- Telling: the wish ---------------------------------------------------------------------------


def test_a_wish_to_be_told_is_kept_to_the_day(agree, alice, day):
    agree(tell_days=3)
    make_invoice(alice)

    assert day()[1] == 0
    assert day(date(2026, 12, 11))[1] == 0
    assert day(date(2026, 12, 12))[1] == 1
    assert day(date(2026, 12, 13))[1] == 0

    told = Notice.get(Notice.kind == "upcoming_charge")
    assert (told.charge_on, told.address) == (date(2026, 12, 15), "alice@example.com")


def test_what_is_told_late_is_charged_later(agree, alice, day):
    agree(tell_days=3)
    invoice = make_invoice(alice)
    day()

    assert day(date(2026, 12, 14))[1] == 1
    assert charge_on(invoice) == date(2026, 12, 17)
    assert Notice.get(Notice.kind == "upcoming_charge").charge_on == date(2026, 12, 17)


def wants_texts(contact, clock, timing, days=0):
    contact.phone = "(512) 555-0100"
    contact.save()
    told = {"by": "Ann", "now": clock.now()}
    wording = consents.text_words(contact, companies.current()).text
    consents.give_text(contact, wording=wording, source="page", **told)
    chosen = {(Preference.UPCOMING_CHARGE, Preference.TEXT): preferences.Wish(timing, days)}
    preferences.choose(contact, chosen, via="page", **told)


def texts():
    return list(Notice.select().where((Notice.kind == "upcoming_charge") & (Notice.channel == "text")))


def test_who_chose_a_text_before_a_charge_gets_one_and_no_mail_is_spared_by_it(agree, alice, day, clock):
    agree(tell_days=3)
    make_invoice(alice)
    wants_texts(payer(alice), clock, Preference.AHEAD, 2)
    days = {}
    for on in range(11, 16):
        planned, mailed = day(date(2026, 12, on))
        days[on] = (mailed, texting.queue_due(clock.today(), now=clock.now()))

    assert days == {11: (0, 0), 12: (1, 0), 13: (0, 1), 14: (0, 0), 15: (0, 0)}
    [text] = texts()
    assert (text.charge_on, text.address) == (date(2026, 12, 15), "+15125550100")
    assert not judging.objection(text, today=clock.today(), now=clock.now())


def test_a_text_is_no_notice_a_mail_that_came_back_is_told_again(agree, alice, day, clock):
    agree(tell_days=3)
    make_invoice(alice)
    wants_texts(payer(alice), clock, Preference.AHEAD, 3)
    day()
    day(date(2026, 12, 12))
    texting.queue_due(clock.today(), now=clock.now())
    Notice.update(state=Notice.SENT, sent_at=clock.now()).where(Notice.channel == "text").execute()
    Notice.update(state=Notice.FAILED).where(Notice.channel == "mail").execute()

    assert day(date(2026, 12, 13))[1] == 1


def test_a_charge_that_is_not_made_by_itself_and_a_stopped_consent_text_nobody(agree, alice, day, clock):
    agree(cap_cents=1000)
    make_invoice(alice)
    wants_texts(payer(alice), clock, Preference.ON_DAY)
    day(date(2026, 12, 15))
    assert texting.queue_due(clock.today(), now=clock.now()) == 0

    agree()
    day()
    consents.stop_texts_to("+15125550100", how="STOP", by="them", now=clock.now())
    assert texting.queue_due(clock.today(), now=clock.now()) == 0


def test_two_invoices_of_one_day_are_told_in_one_message(agree, alice, day):
    agree(tell_days=3)
    make_invoice(alice)
    make_invoice(alice, cents=1000)
    day()

    assert day(date(2026, 12, 12))[1] == 1


def test_an_invoice_mailed_shortly_before_is_the_notice(agree, alice, day, clock):
    agree(tell_days=13)
    invoice = make_invoice(alice)
    notices.queue_invoices([invoice.id], now=clock.now())

    assert day() == (1, 0)
    assert day(date(2026, 12, 2)) == (0, 0)
    assert autopay.planned(invoice).told_on == TODAY
    assert charge_on(invoice) == date(2026, 12, 15)


def test_an_invoice_mailed_long_before_does_not_replace_the_wish(agree, alice, day, clock):
    agree(tell_days=3)
    notices.queue_invoices([make_invoice(alice).id], now=clock.now())
    day()

    assert day(date(2026, 12, 12))[1] == 1


def test_an_amount_that_was_told_and_grew_is_told_again(agree, alice, day):
    agree(tell_days=3)
    invoice = make_invoice(alice)
    Invoice.update(open_cents=2000).execute()
    day()
    day(date(2026, 12, 12))
    Invoice.update(open_cents=4250).execute()

    assert day(date(2026, 12, 13))[1] == 1
    assert charge_on(invoice) == date(2026, 12, 16)


def test_above_the_limit_nothing_is_announced(agree, alice, day):
    agree(cap_cents=4000, tell_days=3)
    make_invoice(alice)
    day()

    assert day(date(2026, 12, 12))[1] == 0
    [charge] = upcoming.of_customer(alice, today=TODAY)
    assert not charge.is_promise
    assert "above the $40.00 that you set" in charge.why_not


def test_the_limit_is_for_everything_of_one_day(agree, alice, day):
    agree(cap_cents=8000)
    make_invoice(alice)
    day()
    assert [one.is_promise for one in upcoming.of_customer(alice, today=TODAY)] == [True]

    make_invoice(alice)
    day()
    assert [one.is_promise for one in upcoming.of_customer(alice, today=TODAY)] == [False]


# --- Telling: the law ----------------------------------------------------------------------------


def test_a_varying_bank_debit_is_told_ten_days_ahead(agree, alice, day, account):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 20))

    assert day() == (1, 0)
    assert day(date(2026, 12, 8))[1] == 1
    assert charge_on(invoice) == date(2026, 12, 20)
    assert telling.LAW_DAYS == 10


def test_a_bank_debit_told_too_late_moves(agree, alice, day, account):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 6))

    assert day() == (1, 1)
    assert charge_on(invoice) == date(2026, 12, 11)


def test_the_mailed_invoice_is_the_ten_days_notice(agree, alice, day, account, clock):
    agree(account)
    early, late = make_invoice(alice), make_invoice(alice, due=date(2026, 12, 6))
    notices.queue_invoices([early.id, late.id], now=clock.now())

    assert day() == (2, 0)
    assert (charge_on(early), charge_on(late)) == (date(2026, 12, 15), date(2026, 12, 11))
    assert day(date(2026, 12, 5)) == (0, 0)


def test_an_invoice_that_left_before_the_plan_is_no_notice(agree, alice, day, account, clock):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 6))
    notices.queue_invoices([invoice.id], now=clock.now())
    Notice.update(state="sent", sent_at=clock.now()).where(Notice.kind == "invoice").execute()
    clock.advance(hours=1)

    assert day() == (1, 1)


def test_the_same_amount_again_needs_no_notice(agree, alice, day, account):
    standing = agree(account)
    make_payment(standing, make_invoice(alice, due=date(2026, 11, 15)), amount_cents=4250)
    Invoice.update(open_cents=0).execute()
    invoice = make_invoice(alice, due=date(2026, 12, 4))

    assert day() == (1, 0)
    assert charge_on(invoice) == date(2026, 12, 4)


@pytest.mark.parametrize("chosen", [{"cap_cents": 10000}])
def test_inside_the_agreed_limit_amounts_may_differ(agree, alice, day, account, chosen):
    agree(account, **chosen)
    invoice = make_invoice(alice, due=date(2026, 12, 4))

    assert day() == (1, 0)
    assert charge_on(invoice) == date(2026, 12, 4)


def test_a_business_and_a_card_need_no_ten_days(agree, alice, day, account):
    Customer.update(kind=Customer.COMMERCIAL).execute()
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 4))

    assert day() == (1, 0)
    assert charge_on(invoice) == date(2026, 12, 4)


def test_the_copy_of_the_authorization_is_notice_of_what_it_lists(agree, alice, account, day):
    invoice = make_invoice(alice, due=date(2026, 12, 6))

    agree(account)

    assert charge_on(invoice) == date(2026, 12, 11)
    assert autopay.planned(invoice).told_on == TODAY
    assert day() == (0, 0)


def test_without_a_mail_address_a_letter_is_written_and_while_it_lies_here_nothing_is_charged(
    agree, alice, day, account
):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 6))
    Contact.update(email="").execute()
    for on, is_new in ((TODAY, True), (date(2026, 12, 5), False), (date(2026, 12, 6), True)):
        assert day(on)[1] == is_new
        [letter] = letters("queued")
        assert (letter.channel, letter.contact, letter.charge_on) == ("paper", None, charge_on(invoice))
        assert autopay.planned(invoice).told_on is None
    assert charge_on(invoice) == date(2026, 12, 20)  # ten days for the law, four to print it
    assert [letter.charge_on for letter in letters("skipped")] == [date(2026, 12, 15)]

    Contact.update(email="alice@example.com").execute()
    assert day()[1] == 0  # the day is far enough: the invoice's own mail, or a notice in time
    assert day(date(2026, 12, 10))[1] == 1


def letters(state):
    """The announcements on paper in a state, oldest first."""
    paper = (Notice.kind == "upcoming_charge") & (Notice.channel == "paper") & (Notice.state == state)
    return list(Notice.select().where(paper).order_by(Notice.id))


@pytest.mark.parametrize(("left_on", "is_told"), [(date(2026, 12, 5), True), (date(2026, 12, 6), False)])
def test_a_letter_tells_when_it_has_left_ten_days_before(agree, alice, day, account, clock, left_on, is_told):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 6))
    Contact.update(email="").execute()
    day()
    Notice.update(state="print").where(Notice.channel == "paper").execute()
    clock.advance(days=(left_on - TODAY).days)

    outbox.mark_printed(letters("print")[0], today=clock.today(), now=clock.now())
    day(date(2026, 12, 7))

    row = autopay.planned(invoice)
    assert (row.charge_on == date(2026, 12, 15), row.told_on) == (is_told, left_on if is_told else None)
    assert len(letters("queued")) == (0 if is_told else 1)
    if is_told:
        assert day(date(2026, 12, 15)) == (0, 0)
        assert charge_on(invoice) == date(2026, 12, 15)


def test_what_left_late_in_the_evening_told_on_that_day(agree, alice, day, account):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 6))
    Contact.update(email="").execute()
    day()
    left = {"state": "sent", "sent_at": datetime(2026, 12, 6, 5, 30)}
    Notice.update(**left).where(Notice.channel == "paper").execute()

    day(date(2026, 12, 7))

    row = autopay.planned(invoice)
    assert (row.charge_on, row.told_on) == (date(2026, 12, 15), date(2026, 12, 5))  # ten days before


def test_the_invoice_that_left_late_in_the_evening_told_on_that_day(agree, alice, day, account):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 15))
    autopay.plan_due(TODAY, now=NOW)
    left = datetime(2026, 12, 6, 5, 30)
    Notice.create(
        key="i", kind="invoice", channel="mail", state="sent", customer=alice, contact=payer(alice),
        invoice=invoice, address="alice@example.com", why="x", send_at=left, claimed_at=left, sent_at=left,
        created_at=left,
    )  # fmt: skip

    day(date(2026, 12, 7))

    row = autopay.planned(invoice)
    assert (row.charge_on, row.told_on) == (date(2026, 12, 15), date(2026, 12, 5))


def test_a_letter_about_a_charge_that_will_not_be_is_not_printed(agree, alice, day, account, clock):
    standing = agree(account)
    make_invoice(alice, due=date(2026, 12, 6))
    Contact.update(email="").execute()
    day()
    Notice.update(state="print").where(Notice.channel == "paper").execute()

    autopay.end(standing, reason="Off.", by=BY, now=clock.now())
    day(date(2026, 12, 2))

    assert [letter.reason for letter in letters("skipped")] == ["Nothing is charged on that day any more."]


def test_a_notice_that_came_back_told_nobody(agree, alice, day, account, clock):
    agree(account)
    invoice = make_invoice(alice, due=date(2026, 12, 6))
    day()
    Notice.update(state="sent", sent_at=clock.now() - timedelta(hours=1)).execute()
    assert day(date(2026, 12, 3))[1] == 0
    Notice.update(bounced_at=clock.now()).where(Notice.kind == "upcoming_charge").execute()

    assert day(date(2026, 12, 3))[1] == 1
    assert charge_on(invoice) == date(2026, 12, 13)
    assert kinds().count("upcoming_charge") == 2


def test_where_mail_comes_back_from_the_address_a_letter_is_written(agree, alice, day, account, clock):
    agree(account)
    make_invoice(alice, due=date(2026, 12, 6))
    day()
    Notice.update(state="sent", sent_at=clock.now(), bounced_at=clock.now()).execute()
    Contact.update(bounced_at=clock.now()).execute()

    assert day(date(2026, 12, 2))[1] == 1
    assert [letter.charge_on for letter in letters("queued")] == [date(2026, 12, 16)]


# --- Nobody is asked for what is charged anyway --------------------------------------------------


def test_nobody_is_reminded_of_what_autopay_charges(agree, alice, day, clock):
    agree()
    make_invoice(alice)
    day(date(2026, 12, 13))

    assert reminding.queue_reminders(clock.today(), now=clock.now()) == 0


@pytest.mark.parametrize("reason", ["above the limit", "on hold", "out of use"])
def test_what_autopay_will_not_charge_is_reminded_as_ever(agree, alice, day, clock, card, reason):
    agree(cap_cents=4000 if reason == "above the limit" else None)
    make_invoice(alice)
    if reason == "on hold":
        Hold.create(scope="autopay", customer=alice, reason="They asked.", by=BY, starts_on=TODAY)
    if reason == "out of use":
        PaymentMethod.update(state="disabled").execute()
    day(date(2026, 12, 13))

    assert reminding.queue_reminders(clock.today(), now=clock.now()) == 1


# --- Ending --------------------------------------------------------------------------------------


def test_it_ends_at_once_and_everything_planned_with_it(agree, alice, day, clock):
    standing = agree()
    invoice = make_invoice(alice)
    day()

    ended = autopay.end(standing, reason="You switched it off.", by="customer:a", now=clock.now())

    assert (ended.ended_at, ended.ended_by, ended.end_reason) == (
        clock.now(),
        "customer:a",
        "You switched it off.",
    )
    assert autopay.standing(alice) is None and autopay.planned(invoice) is None
    assert day() == (0, 0)
    assert Customer.get_by_id(alice.id).pay_wish == Customer.REMINDERS
    assert kinds()[-1] == "autopay_off"


def test_ending_twice_is_ending_once(agree, clock):
    standing = agree()
    for _ in range(2):
        autopay.end(standing, reason="Off.", by=BY, now=clock.now())

    assert kinds().count("autopay_off") == 1


def test_who_pays_by_check_meanwhile_still_does(agree, alice, clock):
    standing = agree()
    Customer.update(pay_wish=Customer.CHECK).execute()

    autopay.end(standing, reason="Off.", by=BY, now=clock.now())

    assert Customer.get_by_id(alice.id).pay_wish == Customer.CHECK


# --- Putting off ---------------------------------------------------------------------------------


@pytest.fixture
def put_off(clock):
    def put_off(invoice, until_on):
        return autopay.postpone(
            autopay.planned(invoice), until_on=until_on, by=BY, today=clock.today(), now=clock.now()
        )

    return put_off


def test_a_charge_is_put_off_and_the_new_day_is_told(agree, alice, day, put_off):
    agree()
    invoice = make_invoice(alice)
    day()

    row = put_off(invoice, date(2026, 12, 22))

    assert (row.charge_on, row.postponed_from_on, row.told_on) == (
        date(2026, 12, 22),
        date(2026, 12, 15),
        TODAY,
    )
    assert Notice.get(Notice.kind == "charge_postponed").charge_on == date(2026, 12, 22)
    assert day() == (0, 0)
    assert charge_on(invoice) == date(2026, 12, 22)


def test_everything_of_one_day_is_put_off_together_and_counts_once(agree, alice, day, put_off):
    agree()
    one, other = make_invoice(alice), make_invoice(alice)
    day()

    put_off(one, date(2026, 12, 20))

    assert charge_on(other) == date(2026, 12, 20)
    assert Event.select().where(Event.what == "autopay.postponed").count() == 1


def test_it_is_put_off_no_further_than_the_company_allows(agree, alice, day, put_off, clock):
    agree()
    invoice = make_invoice(alice)
    day()
    days = autopay.postponing(autopay.planned(invoice), today=TODAY, now=clock.now()).days

    assert (days[0], days[-1]) == (date(2026, 12, 16), date(2026, 12, 29))
    for wrong in (date(2026, 12, 15), date(2026, 12, 30), date(2026, 12, 1)):
        with pytest.raises(BillingError, match="one of the days"):
            put_off(invoice, wrong)

    put_off(invoice, date(2026, 12, 29))
    with pytest.raises(BillingError, match="cannot be put off beyond December 29, 2026"):
        put_off(invoice, date(2026, 12, 30))


def test_it_is_put_off_twice_in_a_year(agree, alice, day, put_off, clock):
    agree()
    invoice = make_invoice(alice)
    day()
    put_off(invoice, date(2026, 12, 16))
    put_off(invoice, date(2026, 12, 17))

    with pytest.raises(BillingError, match="twice in a year"):
        put_off(invoice, date(2026, 12, 18))
    clock.advance(days=366)
    assert put_off(make_invoice_planned(alice, day, clock), clock.today() + timedelta(days=16))


def make_invoice_planned(customer, day, clock):
    Invoice.update(open_cents=0).execute()
    invoice = make_invoice(customer, issued=clock.today(), due=clock.today() + timedelta(days=15))
    day()
    return invoice


def test_one_minute_before_the_run_is_early_enough_and_under_way_is_too_late(agree, alice, day, put_off):
    standing = agree()
    invoice = make_invoice(alice)
    day(date(2026, 12, 15))

    assert put_off(invoice, date(2026, 12, 16)).charge_on == date(2026, 12, 16)
    made = make_payment(standing, invoice, state="sent")
    PaymentPart.update(live=True).where(PaymentPart.payment == made).execute()
    with pytest.raises(BillingError, match="under way already"):
        put_off(invoice, date(2026, 12, 17))


def test_it_is_not_put_off_onto_a_day_that_would_be_above_the_limit(agree, alice, day, put_off, clock):
    agree(cap_cents=8000)
    one, _ = make_invoice(alice), make_invoice(alice, due=date(2026, 12, 20))
    day()

    found = autopay.postponing(autopay.planned(one), today=TODAY, now=clock.now())
    assert date(2026, 12, 20) not in found.days
    with pytest.raises(BillingError, match=r"December 20, 2026 \(\$42.50\).*above your limit of \$80.00"):
        put_off(one, date(2026, 12, 20))
    assert put_off(one, date(2026, 12, 21)).charge_on == date(2026, 12, 21)
    assert all(charge.is_promise for charge in upcoming.of_customer(alice, today=TODAY))


def test_what_is_not_charged_by_itself_cannot_be_put_off(agree, alice, day, put_off):
    agree(cap_cents=4000)
    invoice = make_invoice(alice)
    day()

    with pytest.raises(BillingError, match="Please pay it yourself"):
        put_off(invoice, date(2026, 12, 20))


def test_what_was_put_off_stays_put_off_under_other_terms(agree, alice, day, put_off):
    agree()
    invoice = make_invoice(alice)
    day()
    put_off(invoice, date(2026, 12, 22))

    agree(cap_cents=10000)

    row = autopay.planned(invoice)
    assert (row.charge_on, row.postponed_from_on) == (date(2026, 12, 22), date(2026, 12, 15))


def test_another_card_after_a_decline_is_charged_at_once_in_spite_of_the_wish(agree, alice, day):
    standing = agree(tell_days=3)
    invoice = make_invoice(alice)
    day()
    day(date(2026, 12, 12))
    day(date(2026, 12, 16))
    make_payment(standing, invoice, state="declined", retry_on=date(2026, 12, 18))

    agree(make_method(alice, label="Mastercard ending 5454"), tell_days=3)

    [charge] = upcoming.of_customer(alice, today=date(2026, 12, 16))
    assert (charge.charge_on, charge.is_retry) == (date(2026, 12, 16), False)


def test_while_a_retry_waits_the_day_that_is_said_is_that_of_the_retry(agree, alice, day):
    standing = agree()
    invoice = make_invoice(alice)
    day(date(2026, 12, 15))
    make_payment(standing, invoice, state="declined", retry_on=date(2026, 12, 18))

    [charge] = upcoming.of_customer(alice, today=date(2026, 12, 16))
    assert (charge.charge_on, charge.is_retry) == (date(2026, 12, 18), True)


def test_a_retry_is_not_announced_by_the_wish_again(agree, alice, day):
    standing = agree(tell_days=3)
    invoice = make_invoice(alice)
    day()
    day(date(2026, 12, 12))
    day(date(2026, 12, 15))
    make_payment(standing, invoice, state="declined", retry_on=date(2026, 12, 18))

    assert day(date(2026, 12, 20)) == (0, 0)
    assert charge_on(invoice) == date(2026, 12, 15)


# --- Said at the moment of sending ---------------------------------------------------------------


def deliver(clock):
    sent = []
    outbox.send_due(
        send=lambda notice, mail: sent.append(notice.kind), compose=lambda notice, now: Said(), clock=clock
    )
    return sent


class Said:
    subject = kept_text = kept_html = message_id = "x"


@pytest.mark.parametrize("since", ["paid", "put off", "switched off"])
def test_a_charge_that_will_not_be_is_not_announced(agree, alice, day, clock, put_off, since):
    standing = agree(tell_days=3)
    deliver(clock)
    invoice = make_invoice(alice)
    day(date(2026, 12, 12))
    if since == "paid":
        Invoice.update(open_cents=0).execute()
    if since == "put off":
        put_off(invoice, date(2026, 12, 20))
    if since == "switched off":
        autopay.end(standing, reason="Off.", by=BY, now=clock.now())

    assert "upcoming_charge" not in deliver(clock)
    assert Notice.get(Notice.kind == "upcoming_charge").reason == "This charge is no longer planned."


# --- How much it costs ---------------------------------------------------------------------------


def test_planning_and_telling_ask_no_more_for_many_customers(agree, day, db):
    def statements(count):
        for number in range(count):
            customer = make_customer(f"C{number}", email=f"c{number}@example.com")
            agree(make_method(customer, kind="bank", expires_on=None), customer=customer, tell_days=3)
            make_invoice(customer)
        seen = []
        models.db.obj.query_hooks.append(lambda query: seen.append(query.sql))
        try:
            assert day()[0] == count
        finally:
            models.db.obj.query_hooks.pop()
        return len(seen)

    assert statements(40) <= statements(2) + 2


def test_without_telling_nothing_is_charged_that_day(agree, alice, account, clock, db):
    agree(account)
    make_invoice(alice, due=TODAY)
    db.execute_sql("ALTER TABLE contact RENAME TO contact_that_nobody_finds")
    day = daily.Day(TODAY, clock, gateway=None, send=None, compose=None)

    line = next(step for step in daily.STEPS if step.name == "autopay").run(day)

    assert line == "nothing was charged, because not everybody could be told of it"
    assert any("told ahead" in trouble for trouble in day.trouble)
    assert Payment.select().count() == 0
