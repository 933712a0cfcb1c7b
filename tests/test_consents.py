"""The consents that the law wants in writing: the words, the number, the proof, and that they end at once."""

import re
from datetime import timedelta

import pytest

from billing import consents, customers, links, preferences
from billing.errors import BillingError
from models import Company, Consent, Contact, Customer, Event, Notice, Preference, db
from tests.at_once import together
from tests.factories import BY, NOW, make_customer, payer

ENGLISH = re.compile(r"\b(I|the|that|this|and|of|my|can|at|is|are|by|to)\b")


@pytest.fixture
def person(alice):
    Contact.update(phone="(512) 555-0100").where(Contact.customer == alice).execute()
    return payer(alice)


def words(contact, kind=Consent.TEXT):
    return consents.words_of(kind, contact, Company.get()).text


def give(contact, *, now=NOW, **more):
    return consents.give_text(contact, wording=words(contact), source="page", by="Ann", now=now, **more)


def confirmed(contact, *, now=NOW):
    link = consents.asked(links.consent_link(contact, now=now), now=now)
    text = words(contact, Consent.ELECTRONIC)
    return consents.confirm_electronic(link, wording=text, by="Ann", now=now, ip="203.0.113.9")


def test_the_words_the_number_the_time_and_the_place_are_kept(person):
    given = give(person, ip="203.0.113.7")

    assert (given.address_or_number, given.given_at, given.source, given.ip) == (
        "+15125550100", NOW, "page", "203.0.113.7",
    )  # fmt: skip
    assert "I agree that Lantern Security texts me" in given.wording
    assert "(512) 555-0100" in given.wording
    assert "STOP" in given.wording
    assert preferences.facts(person).number == "+15125550100"
    assert Event.get().what == "consent.given"


def test_who_reads_spanish_agrees_in_spanish_and_that_is_what_is_kept(person):
    Customer.update(language="es").execute()
    person = payer(Customer.get())
    texts, notices_ = give(person), confirmed(person)

    assert texts.wording.startswith("Acepto que Lantern Security me envíe mensajes de texto")
    assert "(512) 555-0100" in texts.wording and "STOP o ALTO" in texts.wording
    for needed in ("en papel", "no me cuesta nada", "retirar", "dirección de correo", "PDF"):
        assert needed in notices_.wording
    for given in (texts, notices_):
        assert given.version.endswith("-es")
        assert not ENGLISH.search(given.wording), given.wording


def test_without_a_number_that_can_be_texted_there_is_nothing_to_agree_to(alice):
    with pytest.raises(BillingError, match="no mobile number"):
        give(payer(alice))


def test_words_that_changed_while_they_were_read_are_not_agreed_to(person):
    wording = words(person)
    Company.update(name="Lantern and Sons").execute()

    with pytest.raises(BillingError, match="have changed meanwhile"):
        consents.give_text(person, wording=wording, source="page", by="Ann", now=NOW)
    assert not Consent.select().exists()


def test_twice_is_once(person):
    assert give(person) == give(person, now=NOW + timedelta(days=1))
    assert Consent.select().count() == 1


def test_it_ends_at_once_and_stays_on_record(person):
    give(person)

    assert consents.withdraw(person, Consent.TEXT, how="STOP by text message", by="Ann", now=NOW)
    assert not consents.withdraw(person, Consent.TEXT, how="STOP by text message", by="Ann", now=NOW)

    assert preferences.facts(person).number == ""
    [ended] = Consent.select()
    assert (ended.withdrawn_at, ended.withdrawn_how) == (NOW, "STOP by text message")
    assert give(person) != ended


def test_another_number_needs_another_consent(person):
    give(person)
    customers.change_contact(
        person, name="A", email="alice@example.com", phone="512 555 0199", by=BY, now=NOW
    )
    assert preferences.facts(person).number == ""

    give(person)

    assert preferences.facts(person).number == "+15125550199"
    assert [bool(one.withdrawn_at) for one in Consent.select().order_by(Consent.id)] == [True, False]


def test_stop_ends_it_for_everybody_with_the_number(person, bob):
    give(person)
    Contact.update(phone="1 512 555 0100").where(Contact.customer == bob).execute()
    give(payer(bob))

    stopped = consents.stop_texts_to("+15125550100", how="STOP by text message", by="text", now=NOW)

    assert {contact.id for contact in stopped} == {person.id, payer(bob).id}
    assert not Consent.select().where(Consent.withdrawn_at.is_null()).exists()


def test_electronic_notices_are_agreed_to_from_the_mailed_link_only(person):
    consents.ask_electronic(person, now=NOW)
    [asked] = Notice.select()
    assert (asked.kind, asked.address) == ("consent_confirm", "alice@example.com")
    assert consents.standing(person, Consent.ELECTRONIC) is None

    given = confirmed(person)

    assert given.proof == "opened the link mailed to alice@example.com on 2026-12-01 18:00 UTC"
    for needed in ("on paper", "costs me nothing", "withdraw", "email address changes", "PDF"):
        assert needed in given.wording
    assert preferences.facts(person).written is False


def test_until_then_and_again_afterwards_it_goes_on_paper(person):
    def paper():
        return Preference.PAPER in preferences.wishes(person).letters(Preference.CONTRACT_END)

    assert paper()
    confirmed(person)
    assert not paper()
    consents.withdraw(person, Consent.ELECTRONIC, how="ended on the page", by="Ann", now=NOW)
    assert paper()


def test_another_address_goes_on_paper_again(person):
    confirmed(person)
    customers.change_contact(person, name="A", email="new@example.com", phone="", by=BY, now=NOW)

    assert consents.standing(person, Consent.ELECTRONIC) is None
    assert preferences.facts(person).written


def test_the_link_works_once_and_not_for_long(person):
    token = links.consent_link(person, now=NOW)
    text = words(person, Consent.ELECTRONIC)
    consents.confirm_electronic(consents.asked(token, now=NOW), wording=text, by="Ann", now=NOW)
    with pytest.raises(links.DeadLink):
        consents.asked(token, now=NOW)

    late = links.consent_link(person, now=NOW)
    with pytest.raises(links.DeadLink):
        consents.asked(late, now=NOW + timedelta(days=4))


def test_a_link_of_another_kind_or_none_at_all_opens_nothing(person):
    for token in ("nonsense", links.preferences_link(person, now=NOW)):
        with pytest.raises(links.DeadLink):
            consents.asked(token, now=NOW)


def test_a_link_to_an_old_address_agrees_to_nothing(person):
    consents.ask_electronic(person, now=NOW)
    token = links.consent_link(person, now=NOW, notice=Notice.get())
    consents.asked(token, now=NOW)
    customers.change_contact(person, name="A", email="new@example.com", phone="", by=BY, now=NOW)

    with pytest.raises(links.DeadLink, match="changed"):
        consents.asked(token, now=NOW)


def test_the_link_is_not_mailed_without_end(person):
    for _ in range(consents.MOST_MAILS):
        consents.ask_electronic(person, now=NOW)
    with pytest.raises(BillingError, match="several times"):
        consents.ask_electronic(person, now=NOW)
    consents.ask_electronic(person, now=NOW + timedelta(days=2))


def test_without_an_address_there_is_no_link(db):
    with pytest.raises(BillingError, match="no email address"):
        consents.ask_electronic(payer(make_customer(email="")), now=NOW)


def test_a_consent_is_never_changed_revived_or_deleted(person):
    give(person)
    consents.withdraw(person, Consent.TEXT, how="x", by="Ann", now=NOW)
    for query in (
        Consent.update(wording="other"),
        Consent.update(withdrawn_at=None),
        Consent.update(withdrawn_how="y"),
        Consent.delete(),
    ):
        with pytest.raises(Exception, match="frozen|stays withdrawn|never deleted"), db.atomic():
            query.execute()


def test_many_clicks_at_once_are_one_consent(person):
    assert len(set(together(4, lambda _: give(person).id))) == 1
    assert Consent.select().count() == 1
