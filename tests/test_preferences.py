"""What can be chosen and what is obeyed, over every event, channel and timing; and what was chosen when."""

from datetime import date, datetime, timedelta
from itertools import product

import pytest

from billing import consents, customers, links, preferences
from billing.automatic import consent
from billing.errors import BillingError
from billing.notices import bouncing
from billing.preferences import offers
from billing.preferences.offers import ALWAYS, NOT, Facts, Wish
from models import (
    Autopay,
    Company,
    Consent,
    Contact,
    Customer,
    Event,
    Notice,
    Preference,
    PreferenceChange,
    db,
)
from tests.factories import BY, LATE_EVENING, NOW, fresh, make_customer, make_invoice, make_method, payer

MAIL, TEXT, PAPER, CALENDAR = Preference.CHANNELS
EVERYBODY = [
    Facts(),
    Facts(has_mail=False),
    Facts(number="+15125550100"),
    Facts(has_mail=False, number="+15125550100"),
    Facts(autopay=True),
    Facts(autopay=True, tell_days=7, number="+15125550100"),
    Facts(has_mail=False, autopay=True),
    Facts(written=True),
    Facts(written=True, autopay=True, number="+15125550100", usual=()),
]
COMBINATIONS = list(product(Preference.EVENTS, Preference.CHANNELS, Preference.TIMINGS))


def whole(timing):
    """A Wish of this timing whose numbers can stand."""
    days = 7 if timing in (Preference.AHEAD, Preference.UNPAID) else 0
    return Wish(timing, days, 1 if timing == Preference.DIGEST else None)


def choose(contact, changes, *, now=NOW, via="page", by="customer:alice@example.com", **more):
    return preferences.choose(contact, changes, by=by, via=via, now=now, **more)


def agree_to_texts(contact, *, phone="(512) 555-0100", now=NOW):
    contact.phone = phone
    contact.save()
    wording = consents.text_words(contact, Company.get()).text
    return consents.give_text(contact, wording=wording, source="page", by=BY, now=now)


# --- Pure: every event, channel and timing -------------------------------------------------------


@pytest.mark.parametrize("facts", EVERYBODY)
def test_every_combination_is_obeyed_or_refused_with_a_sentence(facts):
    before = offers.settle({}, facts)
    for event, channel, timing in COMBINATIONS:
        cell, wish = (event, channel), whole(timing)
        refused = list(offers.objections({cell: wish}, before.cells, facts))
        after = offers.settle({cell: wish}, facts)
        if refused:
            assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in refused), cell
        elif cell not in before.fixed:
            assert after.wish(event, channel) == wish, cell
        assert what_must_hold(after, facts), (cell, wish)


def what_must_hold(wishes, facts):
    """Whatever is stored: what must arrive arrives, and nothing goes where nobody is reached."""
    arrives = all(wishes.letters(must) for must in offers.FLOOR)
    mailed = facts.has_mail or not any(wishes.wants(event, MAIL) for event in Preference.EVENTS)
    texted = facts.number or not any(wishes.wants(event, TEXT) for event in Preference.EVENTS)
    return bool(arrives and mailed and texted)


@pytest.mark.parametrize("facts", EVERYBODY)
def test_two_choices_together_never_leave_somebody_without_what_must_arrive(facts):
    for event, timing in product(Preference.EVENTS, Preference.TIMINGS):
        both = {(event, MAIL): whole(timing), (event, PAPER): NOT}
        assert what_must_hold(offers.settle(both, facts), facts), both


@pytest.mark.parametrize("facts", EVERYBODY)
def test_what_the_page_offers_can_be_chosen_and_read_back(facts):
    before = offers.settle({}, facts)
    for event, channels in offers.OFFERED.items():
        for channel in channels:
            if (channel == MAIL and not facts.has_mail) or (channel == TEXT and not facts.number):
                continue
            for wish in offers.options(event, channel, before.wish(event, channel)):
                assert offers.wish_of(offers.code_of(wish)) == wish
                sentences = list(offers.objections({(event, channel): wish}, before.cells, facts))
                known = ("always", "only once it was told", "cannot wait", "want this told", "While autopay")
                assert all(any(words in one for words in known) for one in sentences), sentences


@pytest.mark.parametrize("facts", EVERYBODY)
@pytest.mark.parametrize("preset", [preset.name for preset in offers.PRESETS])
def test_every_preset_can_be_chosen_by_everybody(facts, preset):
    before = offers.settle({}, facts)
    cells = offers.preset_cells(preset, facts)
    changes = {cell: wish for cell, wish in cells.items() if cell not in before.fixed}

    assert list(offers.objections(changes, before.cells, facts)) == []
    assert offers.preset_of(offers.settle(cells, facts), facts)


def test_presets_do_what_their_names_say():
    facts = Facts(number="+15125550100")
    kinds = {one.name: offers.settle(offers.preset_cells(one.name, facts), facts) for one in offers.PRESETS}

    assert not kinds["forget"].channels("receipt")
    assert kinds["forget"].wish("reminder", MAIL) == ALWAYS  # until autopay is on
    assert kinds["remind"].channels("reminder") == {MAIL: ALWAYS, TEXT: Wish("on_day")}
    assert kinds["everything"].wish("digest", MAIL) == Wish("digest", 0, 1)
    assert kinds["everything"].wants("contract_end", CALENDAR)
    assert kinds["paper"].channels("invoice") == {PAPER: ALWAYS}
    assert kinds["paper"].channels("payment_problem") == {MAIL: ALWAYS}  # it cannot wait for the post


def test_nothing_chosen_is_the_way_that_most_people_want():
    assert offers.preset_of(offers.settle({}, Facts()), Facts()) == "remind"
    nobody = Facts(has_mail=False)
    assert offers.preset_of(offers.settle({}, nobody), nobody) == "paper"


@pytest.mark.parametrize(
    "code", ["", "owl", "ahead-", "ahead-x", "ahead--3", "ahead-9999", "-3", "every-", "٣", "ahead-٣"]
)
def test_a_value_that_no_page_sends_is_no_wish(code):
    assert offers.wish_of(code) is None


@pytest.mark.parametrize(
    ("facts", "event", "channel", "wish", "sentence"),
    [
        (Facts(), "reminder", MAIL, Wish("ahead", 31), "between 1 and 30 days"),
        (Facts(), "reminder", PAPER, Wish("ahead", 4), "between 5 and 30 days"),
        (Facts(), "invoice", MAIL, Wish("unpaid", 0), "between 1 and 30 days"),
        (Facts(), "digest", MAIL, Wish("digest", 0, 29), "between 1 and 28"),
        (Facts(), "digest", MAIL, Wish("digest"), "between 1 and 28"),
        (Facts(), "receipt", MAIL, Wish("digest"), "cannot wait for a summary"),
        (Facts(), "invoice", MAIL, NOT, "always reaches you"),
        (Facts(), "contract_end", MAIL, NOT, "The law and your contract"),
        (Facts(autopay=True), "invoice", MAIL, Wish("unpaid", 7), "While autopay is on"),
        (Facts(has_mail=False), "receipt", MAIL, ALWAYS, "no email address on file"),
        (Facts(), "reminder", TEXT, Wish("on_day"), "agree to text messages"),
        (Facts(), "reminder", CALENDAR, ALWAYS, "cannot be chosen"),
        (Facts(), "wedding", MAIL, ALWAYS, "not known here"),
        (Facts(), "invoice", "owl", ALWAYS, "not known here"),
    ],
)
def test_what_cannot_be_chosen_says_why(facts, event, channel, wish, sentence):
    before = offers.settle({}, facts)

    assert sentence in " ".join(offers.objections({(event, channel): wish}, before.cells, facts))


def test_what_the_law_wants_in_writing_goes_on_paper_too_until_mail_is_agreed_to():
    assert offers.settle({}, Facts(written=True)).letters("contract_end") == {MAIL: ALWAYS, PAPER: ALWAYS}
    assert offers.settle({}, Facts()).letters("contract_end") == {MAIL: ALWAYS}


def test_while_autopay_is_on_each_invoice_comes_because_it_announces_the_charge():
    chosen = {("invoice", MAIL): Wish("unpaid", 7)}

    assert offers.settle(chosen, Facts()).wish("invoice", MAIL) == Wish("unpaid", 7)
    assert offers.settle(chosen, Facts(autopay=True)).wish("invoice", MAIL) == ALWAYS
    told = offers.settle({}, Facts(autopay=True, tell_days=10))
    assert told.channels("upcoming_charge") == {MAIL: Wish("ahead", 10)}


def test_receipts_do_not_wait_for_a_summary_that_was_given_up():
    waiting = {("receipt", MAIL): Wish("digest"), ("digest", MAIL): Wish("digest", 0, 5)}

    assert offers.settle(waiting, Facts()).wish("receipt", MAIL).timing == "digest"
    assert offers.settle({**waiting, ("digest", MAIL): NOT}, Facts()).wish("receipt", MAIL) == ALWAYS


# --- Choosing ------------------------------------------------------------------------------------


def test_a_choice_is_kept_obeyed_and_recorded(alice):
    person = payer(alice)

    assert choose(person, {("reminder", MAIL): Wish("ahead", 7), ("receipt", MAIL): NOT}) == 2

    wishes = preferences.wishes(person)
    assert (wishes.wish("reminder", MAIL), wishes.wants("receipt", MAIL)) == (Wish("ahead", 7), False)
    recorded = PreferenceChange.select().order_by(PreferenceChange.id)
    assert [(row.event, row.timing, row.days_ahead, row.via) for row in recorded] == [
        ("reminder", "ahead", 7, "page"), ("receipt", "never", 0, "page"),
    ]  # fmt: skip
    assert choose(person, {("reminder", MAIL): Wish("ahead", 7)}) == 0
    assert PreferenceChange.select().count() == 2


def test_what_is_so_already_is_no_change(alice):
    assert choose(payer(alice), {("invoice", MAIL): ALWAYS, ("invoice", PAPER): NOT}) == 0
    assert not Preference.select().exists()


def test_a_refusal_saves_nothing_of_it(alice):
    with pytest.raises(BillingError, match="always reaches you"):
        choose(payer(alice), {("receipt", MAIL): NOT, ("invoice", MAIL): NOT})
    assert not Preference.select().exists()
    assert not PreferenceChange.select().exists()


def test_one_contacts_choice_is_not_anothers(alice, bob):
    second = Contact.create(customer=alice, name="Al", email="al@example.com")
    choose(payer(alice), {("reminder", MAIL): NOT})

    assert preferences.wishes(second).wants("reminder", MAIL)
    assert preferences.wishes(payer(bob)).wants("reminder", MAIL)


def test_many_contacts_cost_as_many_queries_as_one(alice, bob, monkeypatch):
    choose(payer(alice), {("reminder", MAIL): NOT})
    asked = []
    execute = db.obj.execute_sql
    monkeypatch.setattr(db.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))

    preferences.of_contacts([payer(alice).id])
    one = len(asked) - 1  # without looking for the payer
    ids = [payer(customer).id for customer in (alice, bob)]
    asked.clear()
    found = preferences.of_contacts(ids)

    assert len(asked) == one <= 6
    assert [found[id].wants("reminder", MAIL) for id in ids] == [False, True]


def test_stopping_stops_one_kind_on_one_channel_and_nothing_else(alice):
    person = payer(alice)
    before = preferences.wishes(person)

    preferences.stop(person, "receipt", MAIL, by=BY, via="one_click", now=NOW)

    after = preferences.wishes(person)
    changed = {cell for cell in after.cells if after.cells[cell] != before.cells[cell]}
    assert changed == {("receipt", MAIL)}


@pytest.mark.parametrize("event", sorted(set(Preference.EVENTS) - offers.STOPPABLE) + ["wedding"])
def test_what_must_reach_people_cannot_be_stopped(alice, event):
    with pytest.raises(BillingError, match="cannot be stopped"):
        preferences.stop(payer(alice), event, MAIL, by=BY, via="one_click", now=NOW)
    assert not Preference.select().exists()


def test_stopping_the_summary_gives_back_the_receipts_that_waited_for_it(alice):
    person = payer(alice)
    choose(person, {("digest", MAIL): Wish("digest", 0, 1), ("receipt", MAIL): Wish("digest")})

    preferences.stop(person, "digest", MAIL, by=BY, via="one_click", now=NOW)

    assert preferences.wishes(person).wish("receipt", MAIL) == ALWAYS


def test_paper_for_whoever_has_no_address_and_mail_as_soon_as_there_is_one(db):
    person = payer(make_customer(email=""))
    assert set(preferences.wishes(person).channels("invoice")) == {PAPER}

    customers.change_contact(person, name="Ann", email="ann@example.com", phone="", by=BY, now=NOW)

    assert set(preferences.wishes(person).channels("invoice")) == {MAIL}


def test_paper_that_must_be_and_is_wished_as_well_stays_when_mail_would_do(alice):
    person = payer(alice)
    preferences.use_preset(person, "paper", by=BY, now=NOW)
    assert preferences.use_preset(person, "paper", by=BY, now=NOW) == 0
    text = consents.electronic_words(person, Company.get()).text
    link = consents.asked(links.consent_link(person, now=NOW), now=NOW)
    consents.confirm_electronic(link, wording=text, by=BY, now=NOW)

    assert set(preferences.wishes(person).letters("contract_end")) == {PAPER}


def test_texts_stop_with_the_consent_and_with_another_number(alice):
    person = payer(alice)
    agree_to_texts(person)
    choose(person, {("receipt", TEXT): ALWAYS})
    assert preferences.wishes(person).wants("receipt", TEXT)

    Contact.update(phone="(512) 555-0199").execute()
    assert not preferences.wishes(person).wants("receipt", TEXT)
    Contact.update(phone="512-555-0100").execute()
    assert preferences.wishes(person).wants("receipt", TEXT)
    consents.withdraw(person, Consent.TEXT, how="STOP", by=BY, now=NOW)
    assert not preferences.wishes(person).wants("receipt", TEXT)


@pytest.mark.parametrize(
    "fields", [{"invoice": "every"}, {"invoice-mail": "x"}, {"a-b": "every"}, {"invoice-owl": "every"}]
)
def test_fields_that_no_page_sends_are_refused(fields):
    with pytest.raises(BillingError, match="not known here"):
        preferences.typed(fields)


def test_names_of_ten_thousand_characters_and_of_other_scripts_change_nothing_about_it(alice):
    person = payer(alice)
    person.name, person.email = "張" * 10_000, "ünï@exämple.com"
    person.name = person.name[:80]
    person.save()

    assert choose(person, {("receipt", MAIL): NOT}, by="customer:" + "ü" * 10_000) == 1
    assert PreferenceChange.get().by.startswith("customer:ü")


# --- As it was -----------------------------------------------------------------------------------


def test_any_day_of_the_past_is_told_as_it_was(alice):
    person = payer(alice)
    choose(person, {("reminder", MAIL): Wish("ahead", 10)}, now=NOW)
    choose(person, {("reminder", MAIL): NOT}, now=NOW + timedelta(days=10))
    choose(person, {("reminder", MAIL): Wish("on_day")}, now=NOW + timedelta(days=20))

    def then(days):
        return preferences.at(person, NOW + timedelta(days=days)).wish("reminder", MAIL)

    assert [then(-1), then(0), then(9), then(10), then(19), then(20)] == [
        ALWAYS, Wish("ahead", 10), Wish("ahead", 10), NOT, NOT, Wish("on_day"),
    ]  # fmt: skip


def test_what_came_with_an_import_counts_from_its_day_and_is_not_forgotten(alice):
    person = payer(alice)
    Preference.create(contact=person, event="receipt", channel=MAIL, timing="never", changed_at=NOW)
    choose(person, {("receipt", MAIL): ALWAYS}, now=NOW + timedelta(days=5))

    def then(days):
        return preferences.at(person, NOW + timedelta(days=days)).wants("receipt", MAIL)

    assert [then(-1), then(0), then(4), then(5)] == [True, False, False, True]
    assert [row.via for row in PreferenceChange.select().order_by(PreferenceChange.id)] == ["import", "page"]


def test_the_address_of_then_decides_what_the_default_was(alice):
    person = payer(alice)
    customers.change_contact(person, name="Alice", email="", phone="", by=BY, now=NOW)

    assert set(preferences.at(person, NOW - timedelta(days=1)).channels("invoice")) == {MAIL}
    assert set(preferences.at(person, NOW + timedelta(days=1)).channels("invoice")) == {PAPER}


def test_changes_are_never_changed_or_deleted(alice):
    choose(payer(alice), {("receipt", MAIL): NOT})

    for query in (PreferenceChange.update(timing="every"), PreferenceChange.delete()):
        with pytest.raises(Exception, match="frozen|never deleted"), db.atomic():
            query.execute()


# --- Judging -------------------------------------------------------------------------------------


def sent(contact, kind="receipt", *, at=NOW, channel="mail", **fields):
    """A message that left at ``at``."""
    count = Notice.select().count()
    return Notice.create(
        **{
            "key": f"{kind}:{count}", "kind": kind, "channel": channel, "state": "sent", "contact": contact,
            "customer": contact.customer, "address": contact.email, "why": "x", "send_at": at,
            "claimed_at": at, "sent_at": at, "created_at": at, **fields,
        }
    )  # fmt: skip


def test_what_was_chosen_late_in_the_evening_was_chosen_on_that_day(alice):
    choose(payer(alice), {("receipt", MAIL): NOT}, now=LATE_EVENING)

    told = preferences.explain(sent(payer(alice), at=LATE_EVENING + timedelta(days=1)))

    assert "“No”, chosen on December 1, 2026" in told.choice


def test_a_message_that_was_wanted_that_day_was_allowed_whatever_was_chosen_since(alice):
    person = payer(alice)
    before = sent(person, at=NOW)
    choose(person, {("receipt", MAIL): NOT}, now=NOW + timedelta(days=1))
    after = sent(person, at=NOW + timedelta(days=2))

    assert preferences.judge(before) == ""
    assert preferences.judge(after) == "Receipt by email was not wanted."
    assert preferences.explain(before).choice == "Nobody had chosen anything else."
    assert "“No”, chosen on December 2, 2026 by customer:alice" in preferences.explain(after).choice
    assert preferences.violations(since=None) == (2, [(after.id, "Receipt by email was not wanted.")])


@pytest.mark.parametrize(
    ("wish", "day", "violation"),
    [
        (Wish("ahead", 5), date(2026, 12, 9), "Reminder by email came 1 day before the day that was chosen."),
        (Wish("ahead", 5), date(2026, 12, 10), ""),
        (Wish("on_day"), date(2026, 12, 14), "Reminder by email came 1 day before the day that was chosen."),
        (Wish("on_day"), date(2026, 12, 15), ""),
        (NOT, date(2026, 12, 15), "Reminder by email was not wanted."),
    ],
)
def test_a_reminder_before_its_day_was_not_allowed(alice, wish, day, violation):
    person = payer(alice)
    choose(person, {("reminder", MAIL): wish})
    at = datetime(day.year, day.month, day.day, 18)

    assert preferences.judge(sent(person, "reminder", at=at, invoice=make_invoice(alice))) == violation


def test_the_day_is_that_of_the_company_not_of_greenwich(alice):
    person, invoice = payer(alice), make_invoice(alice)
    choose(person, {("reminder", MAIL): Wish("ahead", 3)})  # due December 15; 3 days ahead is December 12
    early = sent(person, "reminder", at=datetime(2026, 12, 12, 3), invoice=invoice)  # the 11th in Chicago

    assert "1 day before" in preferences.judge(early)


def test_an_invoice_that_was_wanted_only_if_unpaid_came_too_early(alice):
    person, invoice = payer(alice), make_invoice(alice)
    choose(person, {("invoice", MAIL): Wish("unpaid", 7)})

    assert "7 days before" in preferences.judge(sent(person, "invoice", at=NOW, invoice=invoice))
    assert preferences.judge(sent(person, "invoice", at=NOW + timedelta(days=7), invoice=invoice)) == ""


def test_a_receipt_that_was_to_wait_for_the_summary(alice):
    person = payer(alice)
    choose(person, {("digest", MAIL): Wish("digest", 0, 1), ("receipt", MAIL): Wish("digest")})

    assert preferences.judge(sent(person)) == "Receipt by email was to wait for the monthly summary."
    assert preferences.judge(sent(person, "digest")) == ""


def test_a_text_without_consent_that_day(alice):
    person = payer(alice)
    given = agree_to_texts(person, now=NOW)
    text = {"channel": "text", "kind": "payment_problem", "address": given.address_or_number}
    before, during = (sent(person, at=NOW + timedelta(days=day), **text) for day in (-1, 1))
    consents.withdraw(person, Consent.TEXT, how="STOP", by=BY, now=NOW + timedelta(days=2))
    after = sent(person, at=NOW + timedelta(days=3), **text)

    reasons = [preferences.judge(one) for one in (before, during, after)]
    assert [bool(reason) for reason in reasons] == [True, False, True]
    assert "no consent to texts" in reasons[0]


def test_whoever_had_left_is_written_to_no_more(alice):
    person = payer(alice)
    Contact.update(left_on=date(2026, 12, 5)).execute()

    assert preferences.judge(sent(person, at=NOW)) == ""
    assert "had left" in preferences.judge(sent(person, at=NOW + timedelta(days=10)))
    assert preferences.judge(sent(person, "contact_changed", at=NOW + timedelta(days=10))) == ""


def test_paper_instead_of_mail_that_came_back_is_allowed(alice):
    person = payer(alice)
    assert "not wanted" in preferences.judge(sent(person, "invoice", channel="paper"))

    Contact.update(bounced_at=NOW - timedelta(days=1)).execute()

    assert preferences.judge(sent(person, "invoice", channel="paper")) == ""
    assert "not wanted" in preferences.judge(sent(person, "reminder", channel="paper"))


def test_it_stays_allowed_when_the_address_was_put_right_afterwards(alice):
    person = payer(alice)
    bouncing.came_back(sent(person, "invoice"), code="5.1.1", text="No such user", now=NOW)
    letter = sent(person, "invoice", channel="paper", at=NOW + timedelta(hours=1))
    new = {"name": "Alice Archer", "email": "alice@new.example", "phone": ""}
    customers.change_contact(fresh(person), **new, by=BY, now=NOW + timedelta(days=9))

    assert preferences.judge(letter) == ""
    later = sent(person, "invoice", channel="paper", at=NOW + timedelta(days=10))
    assert "not wanted" in preferences.judge(later)


def test_what_a_person_sent_by_hand_and_what_nobody_may_stop(alice):
    person = payer(alice)
    choose(person, {("invoice", PAPER): ALWAYS, ("invoice", MAIL): NOT})
    by_hand = sent(person, "invoice", key=f"invoice:1:{person.id}:again:ab12")

    assert preferences.judge(by_hand) == ""
    assert preferences.judge(sent(person, "sign_in")) == ""
    assert preferences.explain(sent(person, "sign_in")).choice == "Nobody can switch this off."


def test_a_letter_that_the_law_wants_needs_no_wish(alice):
    letter = {"channel": "paper", "address": "", "legal": True}

    assert preferences.judge(sent(payer(alice), "renewal", **letter)) == ""


def test_what_has_not_left_is_not_judged(alice):
    person = payer(alice)
    choose(person, {("receipt", MAIL): NOT})

    assert preferences.judge(sent(person, state="queued", sent_at=None)) == ""
    assert preferences.violations(since=None) == (0, [])


def test_many_messages_are_judged_in_few_queries(alice, monkeypatch):
    person = payer(alice)
    for _ in range(30):
        sent(person)
    asked = []
    execute = db.obj.execute_sql
    monkeypatch.setattr(db.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))

    assert preferences.violations(since=None).judged == 30
    assert len(asked) <= 14


def test_the_command_says_what_was_not_allowed_and_ends_so(app, db, alice):
    person = payer(alice)
    sent(person)
    runner = app.test_cli_runner()

    fine = runner.invoke(args=["judge-notices"])
    assert (fine.exit_code, fine.output.strip()) == (0, "1 messages judged, 0 were not allowed.")

    choose(person, {("receipt", MAIL): NOT}, now=NOW - timedelta(days=1))
    wrong = runner.invoke(args=["judge-notices"])
    assert wrong.exit_code == 1
    assert "Receipt by email was not wanted." in wrong.output
    assert runner.invoke(args=["judge-notices", "--since", "2027-01-01"]).exit_code == 0


# --- What autopay says of it ---------------------------------------------------------------------


def test_autopay_that_stood_that_day_is_what_decides(alice):
    method = make_method(alice)
    terms = consent.Terms(Autopay.DUE_DATE, 0, None, None, 7)
    Autopay.create(
        customer=alice, method=method, **terms._asdict(), text="x", text_version="1", agreed_at=NOW,
        agreed_from="", agreed_by=BY, ended_at=NOW + timedelta(days=10),
    )  # fmt: skip
    person = payer(alice)

    assert preferences.at(person, NOW + timedelta(days=1)).wants("upcoming_charge", MAIL)
    assert not preferences.at(person, NOW + timedelta(days=11)).wants("upcoming_charge", MAIL)
    assert Customer.get().id == alice.id
    assert Event.select().count() == 0


def test_the_history_does_not_say_that_the_law_was_switched_off(alice):
    """“Price change on paper: no” stood there while letters went on, as they must."""
    person = payer(alice)
    choose(person, {("price_change", "paper"): ALWAYS})
    choose(person, {("price_change", "paper"): NOT, ("price_change", "mail"): ALWAYS})

    told = [change.what for change in preferences.history(person, most=5)]

    assert "Price change on paper: only where the law wants paper" in told
    assert not any(what == "Price change on paper: no" for what in told)
