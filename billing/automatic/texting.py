"""Texts about charges to come, for those who chose to have them: so many days ahead, or on the day.

They are a kindness beside the notice that law or the customer's own authorization asks for, and never count
as that notice. What is told by mail and by letter, and when, stands in ``telling``.
"""

from datetime import timedelta

from billing import notices, preferences
from billing.automatic import upcoming
from billing.notices import queueing
from models import Autopay, Contact, Notice, Preference

WHY = "You asked for a text before an automatic charge."


def queue_due(today, *, now):
    """Queue every text about a charge to come that is due and was not queued; returns how many.

    Due and not yet done, never *is today*: a day on which nothing ran is made up for while the charge is
    still to come. Each charge, with its day and amount, is told once.
    """
    wishes = preferences.of_contacts(_who_chose_texts())
    contacts = {row.id: row for row in Contact.select().where(Contact.id.in_(list(wishes)))}
    coming = upcoming.by_customer({row.customer_id for row in contacts.values()}, today=today)
    due = {
        _key(contact, charge): (contact, wishes[contact.id].number, charge)
        for contact in contacts.values()
        for charge in coming.get(contact.customer_id, ())
        if _is_due(wishes[contact.id], charge, today)
    }
    known = {key for (key,) in Notice.select(Notice.key).where(Notice.key.in_(list(due))).tuples()}
    for key in sorted(due.keys() - known):
        _queue(key, *due[key], now)
    return len(due.keys() - known)


def _who_chose_texts():
    chosen = (
        Preference.select(Preference.contact)
        .join(Contact)
        .join(Autopay, on=(Autopay.customer == Contact.customer))
        .where(
            (Preference.event == Preference.UPCOMING_CHARGE)
            & (Preference.channel == Preference.TEXT)
            & (Preference.timing != Preference.NEVER)
            & Contact.left_on.is_null()
            & Autopay.ended_at.is_null()
        )
    )
    return [id for (id,) in chosen.tuples()]


def _is_due(wishes, charge, today):
    wish = wishes.wish(Preference.UPCOMING_CHARGE, Preference.TEXT)
    is_wanted = bool(wishes.number) and wish.timing != Preference.NEVER
    return is_wanted and charge.is_promise and charge.charge_on - timedelta(days=wish.days) <= today


def foreseen(contact, wishes, charges, *, from_on):
    """{day of a charge: the day on which a text will tell of it}; none for what was told.

    charges -- upcoming.Upcoming of the customer; from_on -- the first day that is still to be run
    """
    wish = wishes.wish(Preference.UPCOMING_CHARGE, Preference.TEXT)
    if not wishes.number or wish.timing == Preference.NEVER:
        return {}
    keys = {_key(contact, charge): charge for charge in charges if charge.is_promise}
    known = {key for (key,) in Notice.select(Notice.key).where(Notice.key.in_(list(keys))).tuples()}
    days = {keys[key].charge_on for key in keys.keys() - known}
    return {day: max(day - timedelta(days=wish.days), from_on) for day in days}


def _key(contact, charge):
    told = f"{charge.autopay.id}:{charge.charge_on}:{charge.cents}"
    return f"upcoming:{told}:{contact.id}{queueing.tail(Notice.TEXT)}"


def _queue(key, contact, number, charge, now):
    notices.queue(
        Notice.UPCOMING_CHARGE,
        key=key,
        channel=Notice.TEXT,
        event=Preference.UPCOMING_CHARGE,
        customer=contact.customer_id,
        contact=contact,
        address=number,
        autopay=charge.autopay,
        charge_on=charge.charge_on,
        why=WHY,
        now=now,
    )
