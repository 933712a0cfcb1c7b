"""The customer's answer about their contract: what is told before, what is recorded, what it does."""

import hashlib
import re
from datetime import date, datetime, timedelta

import pytest
from peewee import IntegrityError

from billing import authorities, bill, links, notices
from billing.errors import BillingError
from billing.renewals import answers, asking, closing, endings
from billing.renewals import day as renewing
from billing.wording import defaults, tongues, writing
from models import (
    AuthorityNotice,
    Cancellation,
    Contact,
    Contract,
    Credit,
    Customer,
    Message,
    Notice,
    Renewal,
    RenewalAnswer,
    RenewalNotice,
    Ticket,
)
from tests import factories, office
from tests.portal_visitor import Visitor
from tests.test_portal_account import enter
from tests.test_renewals import agree, table  # noqa: F401

TODAY, NOW = date(2026, 12, 1), datetime(2026, 12, 1, 18, 0)
END_ON, DEADLINE_ON = date(2027, 3, 31), date(2027, 3, 1)
LATE = date(2027, 3, 10)
ENGLISH = re.compile(r"\b(the|that|this|and|of|your|you|we|it|is|are|by|to|on|for|please|every)\b", re.I)


def at(on):
    return datetime(on.year, on.month, on.day, 18)


def give(contract, answer="end", *, on=TODAY, **fields):
    """An answer as the page gives it."""
    known = {
        "name": "Alice Archer",
        "key": f"key {contract.id} {answer} {on}",
        "by": "customer:alice",
        "via": "link",
    }
    known |= {"contact": factories.payer(contract.customer), "today": on, "now": at(on)}
    return answers.give(contract, answer=answer, **known | fields)


def offered(contract, on=TODAY):
    return answers.offer(contract, today=on, now=at(on))


def require_fire(contract):
    """The contract's charge monitors a fire system that the authority requires."""
    charge = contract.charges.get()
    system = factories.make_system(charge.site, kind="fire", name="Fire alarm", required_fire=True)
    charge.system = system
    charge.save()
    return system


def tell_authority(contract, ends_on=END_ON, on=TODAY, **fields):
    known = {"authority": "Austin Fire Department", "address": "4201 Ed Bluestein Blvd, Austin, TX 78721"}
    known |= {"medium": "certified", "proof": "9407111899560000000000", "by": "staff", "sent_on": on}
    return authorities.record(contract, ends_on=ends_on, today=on, now=at(on), **known | fields)


# --- What is offered -----------------------------------------------------------------------------


def test_before_the_deadline_it_ends_with_its_term_and_the_page_says_so(company, alice):
    told = offered(agree(alice))

    assert (told.last_on, told.deadline_on, told.is_late) == (END_ON, DEADLINE_ON, False)
    assert told.headline == "Your monitoring agreement renews on April 1, 2027 for a year, unless you end it."
    assert told.until == "You can end it until March 1, 2027."
    assert "Your last day of service is March 31, 2027." in told.end_words


def test_on_the_last_day_of_the_deadline_it_is_still_in_time(company, alice):
    contract = agree(alice, state="TX")

    assert not offered(contract, DEADLINE_ON).is_late
    assert offered(contract, DEADLINE_ON + timedelta(days=1)).is_late


def test_after_the_deadline_it_says_so_and_what_is_possible(company, alice):
    told = offered(agree(alice, state="TX"), LATE)

    assert told.is_late and told.last_on == date(2028, 3, 31)
    assert told.until == (
        "The last day to end it with this term was March 1, 2027; that day is over. Ended now, it runs until "
        "the next term ends, on March 31, 2028."
    )


@pytest.mark.parametrize(
    ("state", "months", "last_on"), [("TN", 24, date(2028, 3, 31)), ("AR", 12, LATE + timedelta(days=30))]
)
def test_no_term_is_offered_that_is_longer_than_the_law_allows(table, db, state, months, last_on):  # noqa: F811
    lee = factories.make_customer("Lee Limit", state=state)

    assert offered(agree(lee, state=state, renewal_months=months), LATE).last_on == last_on


def test_a_missed_notice_counts_for_the_customer(table, alice):  # noqa: F811
    contract = agree(alice)
    renewing.run(date(2027, 1, 5), now=at(date(2027, 1, 5)), trouble=[])
    RenewalNotice.update(state="missed").where(RenewalNotice.contract == contract).execute()

    told = offered(contract, LATE)

    assert (told.last_on, told.is_late) == (END_ON, False)
    assert "We should have reminded you of it in time, and cannot show that we did." in told.until


def test_a_notice_that_left_after_the_deadline_counts_for_the_customer(table, alice):  # noqa: F811
    contract = agree(alice)
    renewing.run(date(2027, 1, 5), now=at(date(2027, 1, 5)), trouble=[])
    RenewalNotice.update(state="proven", sent_on=date(2027, 3, 5)).execute()

    assert offered(contract, LATE).last_on == END_ON


def test_what_the_owner_overrode_counts_as_it_was_decided(table, alice):  # noqa: F811
    contract = agree(alice)
    renewing.run(date(2027, 1, 5), now=at(date(2027, 1, 5)), trouble=[])
    RenewalNotice.update(state="missed", overridden_at=NOW).execute()

    assert offered(contract, LATE).is_late


def test_month_to_month_ends_after_the_agreed_notice(company, alice):
    contract = agree(alice, term_months=0, renewal_months=1)

    told = offered(contract)

    assert (told.last_on, told.deadline_on, told.renews) == (date(2026, 12, 31), None, "")
    assert told.until == "You may end it on any day. It then runs for another 30 days."


def test_the_final_invoice_is_told_before_and_comes_so(company, alice):
    contract = agree(alice)
    bill.run(TODAY, by="t", now=NOW)

    before = offered(contract).final
    give(contract)
    for month in (1, 2, 3, 4, 5):
        bill.run(date(2027, month, 1), by="t", now=at(date(2027, month, 1)))

    later = [invoice.subtotal_cents for invoice in alice.invoices if invoice.issued_on > TODAY]
    assert before.to_bill_cents == sum(later) == 9000
    assert before.back_cents == 0


def test_what_was_paid_ahead_is_told_before_and_credited_so(company, alice):
    contract = agree(alice, term_months=0, renewal_months=1)
    charge = contract.charges.get()
    charge.cycle_months, charge.unit_cents = 12, 36500
    charge.save()
    bill.run(TODAY, by="t", now=NOW)

    before = offered(contract).final
    give(contract)

    assert before.back_cents == Credit.get().amount_cents == 33400
    assert Cancellation.get().credited_cents == 33400


# --- What an answer does -------------------------------------------------------------------------


def test_ending_is_recorded_done_and_confirmed(company, alice):
    contract = agree(alice)

    row = give(contract, ip="203.0.113.7", browser="Firefox")

    assert Contract.get_by_id(contract.id).ends_on == row.last_on == END_ON
    assert (row.name, row.ip, row.browser, row.at) == ("Alice Archer", "203.0.113.7", "Firefox", NOW)
    assert "Your last day of service is March 31, 2027." in row.wording
    assert Cancellation.get().reason == "not_said"
    notice = Notice.get(Notice.kind == "contract_answered")
    assert (notice.address, notice.legal) == ("alice@example.com", True)
    assert not Notice.select().where(Notice.kind == "contract_ended").exists()


def test_two_presses_of_one_button_are_one_answer(company, alice):
    contract = agree(alice)

    assert give(contract) == give(contract)
    assert RenewalAnswer.select().count() == Notice.select().count() == 1


def test_a_card_number_that_somebody_types_is_not_kept(company, alice):
    row = give(agree(alice), "talk", message="Charge 4111 1111 1111 1111 instead, please.")

    assert "4111 1111" not in row.words and row.words.endswith("instead, please.")


def test_wanting_to_talk_changes_nothing_and_waits_on_us(company, alice):
    contract = agree(alice)

    row = give(contract, "talk", message="It is too dear.")

    assert Contract.get_by_id(contract.id).ends_on is None
    assert (row.ticket.state, Message.get().body) == (Ticket.WAITING_ON_US, "Alice Archer: It is too dear.")


def test_keeping_it_is_recorded_and_changes_nothing(company, alice):
    contract = agree(alice)

    row = give(contract, "renew")

    assert (row.answer, row.last_on, Ticket.select().count()) == ("renew", None, 0)
    assert Contract.get_by_id(contract.id).ends_on is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "Please type your name"),
        ({"answer": "perhaps"}, "Choose what you would like"),
        ({"shown_on": date(2027, 3, 30)}, "has changed since you looked"),
    ],
)
def test_an_answer_that_is_not_whole_does_nothing(company, alice, fields, sentence):
    contract = agree(alice)

    with pytest.raises(BillingError, match=sentence):
        give(contract, **fields)
    assert not RenewalAnswer.select().exists() and not Contract.get().ends_on


def test_what_ends_already_is_not_ended_again(company, alice):
    contract = agree(alice)
    give(contract)

    with pytest.raises(BillingError, match="ends already"):
        give(contract, key="another press of it")


def test_an_answer_is_never_changed_nor_deleted(db, company, alice):
    give(agree(alice))

    for act in (RenewalAnswer.update(name="x"), RenewalAnswer.delete(), Cancellation.update(ends_on=TODAY)):
        with pytest.raises(IntegrityError, match="frozen|never deleted"), db.atomic():
            act.execute()


def test_a_customer_without_mail_is_confirmed_on_paper(company):
    contract = agree(factories.make_customer(email=""))

    give(contract)

    assert Notice.get().channel == "paper"


# --- Required fire monitoring --------------------------------------------------------------------


def test_required_fire_monitoring_waits_for_the_authority(company, alice):
    contract = agree(alice)
    require_fire(contract)

    row = give(contract)

    assert Contract.get_by_id(contract.id).ends_on is None
    assert row.ticket.subject == "Ends required fire monitoring on March 31, 2027: tell the authority"
    assert "we must tell it in writing first" in row.wording
    said, note = row.ticket.messages
    assert (
        said.body
        == "Alice Archer: I cancel my monitoring agreement. My last day of service is March 31, 2027."
    )
    assert (said.internal, note.internal) == (False, True)
    assert "tell the authority in writing and record that notice" in note.body
    assert (row.ticket.kind, row.ticket.contract, row.ticket.state) == (
        Ticket.CANCELLATION, contract, Ticket.WAITING_ON_US,
    )  # fmt: skip
    assert {one.kind for one in Notice.select()} == {"contract_answered"}


@pytest.fixture
def ended_early(company, alice):
    """Ended in time by the customer; required fire monitoring, so it waits for the authority."""
    contract = agree(alice)
    require_fire(contract)
    give(contract, answers.END)
    return Contract.get_by_id(contract.id)


def test_no_term_follows_and_no_fee_however_long_the_authority_takes(ended_early):
    """It once renewed for a year, and a fee could be charged, because we were slow."""
    after = END_ON + timedelta(days=9)
    renewing.run(after, now=at(after), trouble=[])

    contract = Contract.get_by_id(ended_early.id)
    assert Renewal.get().outcome == "monthly" and contract.term_ends_on is None
    assert endings.fee_refusal(contract, "other", after, today=after) == closing.WAITS


def test_the_page_says_that_it_was_ended_and_asks_nothing_twice(ended_early):
    told = offered(ended_early)

    assert told.headline == (
        "You ended your monitoring agreement: March 31, 2027 is planned as your last day of service."
    )
    assert "we tell it in writing first" in told.until
    with pytest.raises(BillingError, match="You have ended it already"):
        give(ended_early, answers.END, key="again")


def test_who_keeps_it_after_all_keeps_its_term_too(ended_early):
    give(ended_early, answers.RENEW, key="kept")

    contract = Contract.get_by_id(ended_early.id)
    assert contract.renews_monthly_from_on is None
    assert offered(contract).headline.startswith("Your monitoring agreement renews on April 1, 2027")
    assert Message.select().order_by(Message.id.desc()).get().body == answers.KEEPS


def test_who_wants_to_talk_has_taken_nothing_back(ended_early):
    give(ended_early, answers.TALK, key="talk")

    assert closing.asked_to_end(Contract.get_by_id(ended_early.id)) is not None


def test_staff_end_it_on_the_day_that_the_customer_was_told(app, company, alice):
    contract = agree(alice)
    require_fire(contract)
    desk = office.enter(app)
    act = f"/staff/contract/act/end?id={contract.id}"
    assert 'value="2026-12-01"' in desk.get(act).text
    give(contract)

    assert 'value="2027-03-31"' in desk.get(act).text


def test_staff_read_what_follows_on_the_day_that_the_form_begins_with(app, ended_early):
    """It once spoke of today, and of money that only today would have come back."""
    page = office.text_of(office.enter(app).get(f"/staff/contract/act/end?id={ended_early.id}"))

    assert "With March 31, 2027 as its last day, no fee may be charged. " in page
    assert "A fee may be charged" not in page and "a fee may be charged if" not in page
    assert "Before it ends on March 31, 2027, tell the authority" in page


def test_many_services_fold_away_so_that_the_answer_is_near(app, alice, clock):
    contract = agree(alice)
    visitor = enter(Visitor(app), factories.payer(alice), clock)
    assert "services and their prices" not in visitor.open(f"/account/agreements/{contract.id}").text
    for number in range(7):
        factories.make_charge(contract, item=factories.make_item(f"Camera {number}"))

    assert "All 8 services and their prices" in visitor.open(f"/account/agreements/{contract.id}").text


def test_staff_read_on_the_contract_that_the_customer_ended_it_before_it_is_ended_here(company, alice):
    contract = agree(alice)
    require_fire(contract)
    give(contract)

    said = asking.contract_end(contract, today=TODAY, now=NOW).summary

    assert said.startswith("The customer ended it, with March 31, 2027 as the last day of service.")
    give(contract, "renew")
    assert "ended it" not in asking.contract_end(contract, today=TODAY, now=NOW).summary


def test_it_ends_once_the_authority_was_told_that_day(company, alice):
    contract = agree(alice)
    require_fire(contract)
    told = {"reason_code": "cost", "by": "t", "today": TODAY, "now": NOW}
    with pytest.raises(BillingError, match="Before it ends on March 31, 2027, tell the authority in writing"):
        endings.end(contract, on=END_ON, **told)

    tell_authority(contract, ends_on=date(2027, 4, 30))
    with pytest.raises(BillingError, match="tell the authority"):  # it was told a later day
        endings.end(contract, on=END_ON, **told)
    tell_authority(contract)
    endings.end(contract, on=END_ON, **told)

    assert Contract.get_by_id(contract.id).ends_on == END_ON


def test_the_database_itself_keeps_required_fire_monitoring(db, company, alice):
    contract = agree(alice)
    require_fire(contract)

    for table_name in ("contract", "charge"):
        with pytest.raises(IntegrityError, match="authority was told"), db.atomic():
            db.execute_sql(f"UPDATE {table_name} SET ends_on = '2027-03-31'")
    tell_authority(contract)
    db.execute_sql("UPDATE contract SET ends_on = '2027-03-31'")


def test_a_site_with_required_fire_counts_for_a_charge_without_a_system(db, company, alice):
    contract = agree(alice)
    factories.make_system(contract.charges.get().site, kind="fire", required_fire=True)

    assert authorities.missing(contract, END_ON)
    with pytest.raises(IntegrityError), db.atomic():
        db.execute_sql("UPDATE contract SET ends_on = '2027-03-31'")


def test_another_contract_at_the_same_site_ends_freely(company, alice):
    contract = agree(alice)
    site = contract.charges.get().site
    require_fire(contract)
    cameras = factories.make_contract(alice)
    system = factories.make_system(site, kind="cameras")
    factories.make_charge(cameras, site=site, system=system)

    endings.end(cameras, on=END_ON, reason_code="cost", by="t", today=TODAY, now=NOW)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"proof": " "}, "what proves it"),
        ({"on": date(2026, 12, 1), "sent_on": date(2026, 12, 2)}, "has not come yet"),
        ({"ends_on": date(2026, 11, 30)}, "before the monitoring ends"),
    ],
)
def test_a_notice_to_the_authority_needs_its_proof(company, alice, fields, sentence):
    contract = agree(alice)
    require_fire(contract)

    with pytest.raises(BillingError, match=sentence):
        tell_authority(contract, **fields)
    assert not AuthorityNotice.select().exists()


# --- The page ------------------------------------------------------------------------------------


@pytest.fixture
def path(app, alice, clock):
    contract = agree(alice)
    notices.queue(
        Notice.RENEWAL, key="n", customer=alice, contact=factories.payer(alice), contract=contract, why="x",
        now=clock.now(),
    )  # fmt: skip
    return f"/c/{links.answer_link(factories.payer(alice), Notice.get(), now=clock.now())}"


def test_the_page_tells_everything_before_the_press(app, path):
    page = Visitor(app).open(path)

    assert page.status == 200
    assert page.buttons[-3:] == ["Keep my service", "Talk to me", "Cancel my service"]
    for words in (
        "renews on April 1, 2027 for a year", "You can end it until March 1, 2027.", "$30.00 every month",
        "Your last day of service is March 31, 2027.", "There is no fee for ending it",
        "Still to be billed as usual: $120.00 for December 1, 2026 – March 31, 2027",
    ):  # fmt: skip
        assert words in page.text


def test_one_press_with_a_name_ends_it_and_the_page_says_so(app, path):
    visitor = Visitor(app)

    page = visitor.press(visitor.open(path), "Cancel my service", name="Alice Archer")

    assert "March 31, 2027 is your last day of service" in page.text
    row = RenewalAnswer.get()
    assert (row.via, row.name, row.notice_id, row.ip) == (
        "link",
        "Alice Archer",
        Notice.get(Notice.key == "n").id,
        "127.0.0.1",
    )
    assert Contract.get().ends_on == END_ON


def test_a_program_that_opens_and_sends_everything_changes_nothing(app, path):
    visitor = Visitor(app)

    page = visitor.open(path)
    for button in ("Keep my service", "Talk to me", "Cancel my service"):
        assert visitor.press(page, button).status == 422
    app.test_client().head(path)

    assert not RenewalAnswer.select().exists()
    assert Contract.get().ends_on is None


def test_a_forgotten_name_is_asked_for_beside_its_field(app, path):
    visitor = Visitor(app)

    page = visitor.press(visitor.open(path), "Talk to me", message="Please call")

    assert page.error_of("name") == "Please type your name, so that we know who answers. Nothing was changed."
    assert page.value_of("message") == "Please call"


def test_whoever_is_signed_in_finds_it_without_a_link(app, alice, clock):
    contract = agree(alice)
    visitor = enter(Visitor(app), factories.payer(alice), clock)

    page = visitor.open("/account/agreements")
    page = visitor.press(page, "Keep my service", name="Alice Archer")

    assert visitor.path == f"/account/agreements/{contract.id}"
    assert "Alice Archer answered on" in page.text
    assert RenewalAnswer.get().via == "account"


def test_an_agreement_of_somebody_else_is_not_found(app, alice, bob, clock):
    contract = agree(bob)
    visitor = enter(Visitor(app), factories.payer(alice), clock)

    assert visitor.open(f"/account/agreements/{contract.id}").status == 404


def test_who_only_looks_ends_nothing(app, alice, clock):
    contract, person = agree(alice), factories.payer(alice)
    person.role = "viewer"
    person.save()

    assert enter(Visitor(app), person, clock).open(f"/account/agreements/{contract.id}").status == 404


@pytest.mark.parametrize("changed", [{"left_on": TODAY}, {"role": "viewer"}, {"role": "technical"}])
def test_a_link_of_somebody_who_left_or_is_no_payer_any_more_opens_nothing(app, alice, path, changed):
    Contact.update(**changed).where(Contact.id == factories.payer(alice).id).execute()

    assert Visitor(app).open(path).status == 404


def test_an_old_link_says_so(app, path, clock):
    clock.advance(days=200)

    assert Visitor(app).open(path).status == 410


@pytest.mark.parametrize("kind", ["renew", "talk", "end"])
def test_the_confirmation_says_what_was_answered_and_leads_back(app, alice, clock, kind):
    contract = agree(alice)
    give(contract, kind)

    letter = app.compose(Notice.get(Notice.kind == "contract_answered"), clock.now())

    assert {"renew": "You keep your", "talk": "You want to talk", "end": "ends on March 31, 2027"}[
        kind
    ] in letter.subject
    assert "Signed by: Alice Archer" in letter.text
    assert "/c/" in letter.text and "/c/…" in letter.kept_text


@pytest.mark.parametrize(
    "language, subject, sentence, fact",
    [
        (
            "en",
            "March 31, 2027 is planned as its last day",
            "is planned as your last day",
            "Planned last day",
        ),
        (
            "es",
            "está previsto que termine el 31 de marzo",
            "está previsto que su último",
            "Último día previsto",
        ),
    ],
)
def test_an_end_that_waits_for_the_authority_is_confirmed_as_planned(
    app, alice, clock, language, subject, sentence, fact
):
    Customer.update(language=language).execute()
    contract = agree(Customer.get())
    require_fire(contract)
    give(contract)

    letter = app.compose(Notice.get(Notice.kind == "contract_answered"), clock.now())
    said = " ".join(letter.text.split())

    assert subject in letter.subject and sentence in said and fact in said
    for settled in ("is your last day of service", "es su último día de servicio", "agreement ends on"):
        assert settled not in letter.subject + said


# --- In Spanish ----------------------------------------------------------------------------------


def words_in(page):
    """What a person reads in the main part of a page, without what only the key Enter presses."""
    found = page.tree.xpath("//main//text()[not(ancestor::button[@aria-hidden])][not(ancestor::script)]")
    return " ".join(" ".join(found).split())


@pytest.mark.parametrize(
    ("on", "fields"),
    [
        (TODAY, {}),
        (LATE, {}),
        (TODAY, {"renewal_months": 1}),
        (TODAY, {"auto_renew": False}),
        (date(2027, 5, 3), {"renewal_months": 1}),
    ],
)
def test_who_reads_spanish_answers_in_spanish(app, alice, clock, on, fields):
    Customer.update(language="es").execute()
    contract = agree(Customer.get(), **fields)
    require_fire(contract)
    clock.set(on)
    visitor = enter(Visitor(app), factories.payer(alice), clock)

    page = visitor.open(f"/account/agreements/{contract.id}")
    said = words_in(page)

    assert page.tree.get("lang") == "es-US" and "Cancelar mi servicio" in said
    assert not ENGLISH.search(said.replace("Monitoring agreement", "")), said


@pytest.mark.parametrize("answer", ["end", "renew"])
def test_what_is_signed_in_spanish_is_kept_and_confirmed_in_both_languages(company, alice, answer):
    """The hash is of both; neither half of the confirmation has words of the other."""
    Customer.update(language="es").execute()
    row = give(agree(Customer.get()), answer)

    shown, english = row.wording.split("\n\n")
    assert "Su contrato se renueva el 1 de abril de 2027" in shown and not ENGLISH.search(shown)
    assert "Your monitoring agreement renews on April 1, 2027" in english
    assert row.text_sha256 == hashlib.sha256(row.wording.encode()).hexdigest()
    document = answers.document(row, today=TODAY, moment="")
    links_of_it = {"answer_url": "https://pay.example"}
    context = {"document": document, "company": document.company, "links": links_of_it, "why": ""}
    text = defaults.of("contract_answered", "mail", "es")
    _, plain, _ = writing.written_by(text, "contract_answered", "mail", context, tongues.TONGUES["es"])
    spanish, _, rest = " ".join(plain.split()).partition("Esta es una traducción")
    assert not ENGLISH.search(spanish), spanish
    assert not re.search(r"[áéíóúñ]", rest.partition("En inglés")[2].partition(" -- ")[0]), rest
