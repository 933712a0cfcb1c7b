"""Numbers and the people behind them. One that two customers share is nobody's until a person says so."""

from peewee import fn

from billing import events, phones
from billing.calls import following
from billing.errors import BillingError
from models import Call, Contact, Customer, db

MARKS = "()-. /+"
TAIL = 7  # digits that are looked for before the whole number is compared


def people_of(number):
    """The contacts who can be reached at ``number``, written in any way; nobody for what is no number."""
    line = phones.line(number)
    if not line:
        return []
    digits = Contact.phone
    for mark in MARKS:
        digits = fn.REPLACE(digits, mark, "")
    maybe = Contact.select(Contact, Customer).join(Customer)
    maybe = maybe.where(digits.contains(line[-TAIL:]) & Contact.left_on.is_null()).order_by(Contact.id)
    return [person for person in maybe if phones.line(person.phone) == line]


def people_by_line():
    """{number: contacts} of everybody with a phone, for a file of many calls."""
    found = {}
    for person in (
        Contact.select().where((Contact.phone != "") & Contact.left_on.is_null()).order_by(Contact.id)
    ):
        if line := phones.line(person.phone):
            found.setdefault(line, []).append(person)
    return found


def owner(people):
    """(customer id, contact) of a call from a number of these people; None for what cannot be known."""
    customers = {person.customer_id for person in people}
    if len(customers) != 1:
        return None, None
    return customers.pop(), people[0] if len(people) == 1 else None


def unmatched():
    """A query of the calls that wait and whose customer nobody knows, oldest first."""
    return (
        Call.select()
        .where((Call.state == Call.TO_CALL) & Call.customer.is_null())
        .order_by(Call.started_at, Call.id)
    )


def give(call, customer, *, by, now, contact=None, remember=False):
    """Say whose call it was. Returns the Call, which may be settled by a later one.

    remember -- note the number as the contact's, who had none
    """
    if call.customer_id is not None:
        raise BillingError(f"It was {call.customer}’s call already.")
    if contact is not None and contact.customer_id != customer.id:
        raise BillingError(f"{contact.name} does not belong to {customer.name}.")
    with db.atomic():
        changed = Call.update(customer=customer, contact=contact).where(
            (Call.id == call.id) & Call.customer.is_null()
        )
        if not changed.execute():
            raise BillingError("A colleague was faster. Reload the page and look again.")
        call.customer, call.contact = customer, contact
        if remember and contact is not None and not contact.phone and call.number:
            Contact.update(phone=phones.shown(call.number)[:25], version=Contact.version + 1).where(
                Contact.id == contact.id
            ).execute()
        events.record("call.given", call, by=by, now=now, customer=customer)
        following.look_ahead(call, now)
    return call
