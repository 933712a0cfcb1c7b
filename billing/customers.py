"""Customers, their contacts, and what each contact wants to hear and how."""

from dataclasses import dataclass

from billing import company as companies
from billing import events, notices
from billing.errors import BillingError
from models import Contact, Customer, Preference, db

MOST_DAYS_AHEAD = 30


@dataclass(frozen=True)
class Choices:
    """What one contact chose; the company's defaults where they did not."""

    invoice_channel: str  # Preference.MAIL or PAPER
    reminder: bool
    days_ahead: int
    pay_wish: str  # Customer.PAY_WISHES


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
    return customer.contacts.where((Contact.role == Contact.PAYER) & Contact.left_on.is_null()).order_by(
        Contact.id
    )


def preferences(contact):
    """The Choices of a contact."""
    chosen = {row.event: row for row in contact.preferences}
    invoice, reminder = chosen.get(Preference.INVOICE), chosen.get(Preference.REMINDER)
    company = companies.current()
    return Choices(
        invoice_channel=invoice.channel if invoice else _default_channel(contact),
        reminder=reminder.channel != Preference.NONE if reminder else True,
        days_ahead=reminder.days_ahead if reminder else company.reminder_days,
        pay_wish=contact.customer.pay_wish,
    )


def _default_channel(contact):
    return Preference.MAIL if contact.email else Preference.PAPER


def choose(contact, *, invoice_channel, reminder, days_ahead, pay_wish, by, now):
    """Store what a contact chose. Raises BillingError with a sentence for what cannot be."""
    if invoice_channel not in (Preference.MAIL, Preference.PAPER):
        raise BillingError("Choose whether invoices come by mail or on paper.")
    if invoice_channel == Preference.MAIL and not contact.email:
        raise BillingError("There is no email address on file. Add one first, or choose paper.")
    if pay_wish not in Customer.PAY_WISHES:
        raise BillingError("Choose how you wish to pay.")
    if not 0 <= days_ahead <= MOST_DAYS_AHEAD:
        raise BillingError(f"Choose between 0 and {MOST_DAYS_AHEAD} days before the due date.")
    before = preferences(contact)
    with db.atomic():
        _put(contact, Preference.INVOICE, invoice_channel, days_ahead, now)
        _put(contact, Preference.REMINDER, Preference.MAIL if reminder else Preference.NONE, days_ahead, now)
        Customer.update(pay_wish=pay_wish).where(Customer.id == contact.customer_id).execute()
        contact.customer.pay_wish = pay_wish
        after = preferences(contact)
        if after != before:
            events.record(
                "contact.preferences",
                contact,
                by=by,
                now=now,
                customer=contact.customer,
                before=before.__dict__,
                after=after.__dict__,
            )
    return after


def _put(contact, event, channel, days_ahead, now):
    Preference.insert(
        contact=contact, event=event, channel=channel, days_ahead=days_ahead, changed_at=now
    ).on_conflict(
        conflict_target=[Preference.contact, Preference.event],
        update={Preference.channel: channel, Preference.days_ahead: days_ahead, Preference.changed_at: now},
    ).execute()


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
        for field, value in after.items():
            setattr(contact, field, value)
        contact.version += 1
        contact.save()
        events.record(
            "contact.changed", contact, by=by, now=now, customer=contact.customer, before=before, after=after
        )
    return contact
