"""How a customer wishes to pay, and the data of the people there."""

import pytest

from billing import customers
from billing.errors import BillingError
from models import Contact, Customer, Event, Notice
from tests.factories import BY, NOW, payer


def test_how_a_customer_wishes_to_pay_is_kept_and_in_the_audit(alice):
    customers.choose_pay_wish(alice, "check", by="Alice", now=NOW)
    customers.choose_pay_wish(alice, "check", by="Alice", now=NOW)

    assert Customer.get().pay_wish == "check"
    [event] = Event.select()
    assert (event.what, event.by, '"check"' in event.after) == ("customer.pay_wish", "Alice", True)


def test_a_wish_that_there_is_not_is_refused_with_a_sentence(alice):
    with pytest.raises(BillingError, match="how you wish to pay"):
        customers.choose_pay_wish(alice, "later", by="Alice", now=NOW)
    assert not Event.select().exists()


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
