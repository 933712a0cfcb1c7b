"""Customers and their contacts. What each contact wants to hear, and how, is ``preferences``."""

from billing import events, notices
from billing.errors import BillingError
from models import Contact, Customer, db


def free_account_number():
    """A suggestion for a new customer: the next free number after the newest; "" where it has letters."""
    newest = Customer.select(Customer.account_number).order_by(Customer.id.desc()).first()
    number = newest.account_number if newest else "100000"
    if not number.isdecimal():
        return ""
    following = int(number) + 1
    while Customer.select().where(Customer.account_number == str(following)).exists():
        following += 1
    return str(following)


def payers(customer):
    """A query of the people who get the customer's invoices."""
    return customer.contacts.where(Contact.PAYS).order_by(Contact.id)


def choose_pay_wish(customer, wish, *, by, now):
    """Note how a customer wishes to pay; agreeing to autopay is another page. Raises BillingError."""
    if wish not in Customer.PAY_WISHES:
        raise BillingError("Choose how you wish to pay.")
    _choose(customer, "pay_wish", wish, by, now)


def choose_language(customer, code, *, by, now):
    """Note in which language a customer reads: pages and messages follow. Raises BillingError."""
    if code not in dict(Customer.language.choices):
        raise BillingError("Choose one of the languages that we write.")
    _choose(customer, "language", code, by, now)


def _choose(customer, name, value, by, now):
    before = getattr(customer, name)
    if value == before:
        return
    with db.atomic():
        Customer.update(**{name: value}).where(Customer.id == customer.id).execute()
        setattr(customer, name, value)
        changed = {"before": {name: before}, "after": {name: value}}
        events.record(f"customer.{name}", customer, by=by, now=now, **changed)


def change_contact(contact, *, name, email, phone, by, now):
    """Change a contact's own data; the old address is told when the address changes."""
    if not name.strip():
        raise BillingError("Please tell us a name.")
    before = {"name": contact.name, "email": contact.email, "phone": contact.phone}
    after = {"name": name.strip(), "email": email.strip().lower(), "phone": phone.strip()}
    if after == before:
        return contact
    with db.atomic():
        if before["email"] and after["email"] != before["email"]:
            notices.queue_contact_changed(contact, before["email"], now=now)
        if after["email"] != before["email"]:
            contact.bounced_at = None  # of a new address nothing is known yet
        for field, value in after.items():
            setattr(contact, field, value)
        contact.version += 1
        contact.save()
        events.record(
            "contact.changed", contact, by=by, now=now, customer=contact.customer, before=before, after=after
        )
    return contact
