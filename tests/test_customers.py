"""What a contact chooses to hear and how, and their own data."""

import pytest

from billing import customers
from billing.errors import BillingError
from models import Contact, Customer, Event, Notice, Preference
from tests.factories import BY, NOW, make_customer, payer

CHOICE = {
    "invoice_channel": "mail",
    "reminder": True,
    "days_ahead": 5,
    "pay_wish": "check",
    "by": "Alice",
    "now": NOW,
}


def test_without_a_choice_the_companys_default_counts(alice, company):
    assert customers.preferences(payer(alice)) == customers.Choices(
        "mail", True, company.reminder_days, "reminders"
    )
    assert customers.preferences(payer(make_customer(email=""))).invoice_channel == "paper"


def test_a_choice_is_kept_and_can_be_changed(alice):
    customers.choose(payer(alice), **CHOICE)
    chosen = customers.choose(payer(alice), **{**CHOICE, "invoice_channel": "paper", "reminder": False})

    assert chosen == customers.preferences(payer(alice)) == customers.Choices("paper", False, 5, "check")
    assert Preference.select().count() == 2
    assert Customer.get().pay_wish == "check"


def test_a_change_is_in_the_audit_and_no_change_is_not(alice):
    customers.choose(payer(alice), **CHOICE)
    customers.choose(payer(alice), **CHOICE)

    [event] = Event.select()
    assert (event.what, event.by, '"days_ahead": 5' in event.after) == ("contact.preferences", "Alice", True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"invoice_channel": "none"}, "by mail or on paper"),
        ({"invoice_channel": "owl"}, "by mail or on paper"),
        ({"pay_wish": "later"}, "how you wish to pay"),
        ({"days_ahead": -1}, "between 0 and 30"),
        ({"days_ahead": 31}, "between 0 and 30"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_a_sentence(alice, change, sentence):
    with pytest.raises(BillingError, match=sentence):
        customers.choose(payer(alice), **{**CHOICE, **change})
    assert not Preference.select().exists()


def test_mail_takes_an_address(db):
    with pytest.raises(BillingError, match="no email address"):
        customers.choose(payer(make_customer(email="")), **CHOICE)


def test_one_contacts_choice_is_not_anothers(alice, bob):
    customers.choose(payer(alice), **{**CHOICE, "reminder": False})

    assert customers.preferences(payer(bob)).reminder is True


def change(contact, **fields):
    given = {"name": contact.name, "email": contact.email, "phone": contact.phone, **fields}
    return customers.change_contact(contact, **given, by="Alice", now=NOW)


def test_a_new_address_is_told_to_the_old_one(alice):
    changed = change(payer(alice), email=" New@Example.com ", phone="555-0100")

    assert (changed.email, Contact.get().phone, Contact.get().version) == ("new@example.com", "555-0100", 2)
    [notice] = Notice.select()
    assert (notice.kind, notice.address) == ("contact_changed", "alice@example.com")
    assert '"email": "alice@example.com"' in Event.get().before


def test_nothing_changed_is_nothing_told(alice):
    change(payer(alice))

    assert not Event.select().exists()
    assert not Notice.select().exists()


def test_a_contact_has_a_name(alice):
    with pytest.raises(BillingError, match="tell us a name"):
        change(payer(alice), name="  ")
    assert Contact.get().name == "Alice Archer"


def test_the_payers_are_those_who_pay_and_are_still_there(alice):
    Contact.create(customer=alice, name="View", role="viewer")
    Contact.create(customer=alice, name="Gone", left_on=NOW.date())

    assert [contact.name for contact in customers.payers(alice)] == ["Alice Archer"]
    assert BY
