"""The monthly summary, for whoever wants one: what was billed and paid in a month, and what is open.

Queued once for each month, on the day that was chosen; a job that rested makes up for it for a few days. What
it says is read when it is sent. That somebody wants it is decided in ``preferences``.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from billing import company as companies
from billing import ledger, localtime, notices, periods
from models import Contact, Notice, Preference, among

LATE_DAYS = 5  # later, the next one says it as well
WHY = "You asked for a summary every month."


@dataclass(frozen=True)
class Digest:
    """What happened from ``from_on`` to ``to_on``; entries are ledger.Entry, amounts cents.

    before_cents, after_cents -- the balance: above zero is owed, below zero is to their credit
    """

    from_on: date
    to_on: date
    entries: tuple
    before_cents: int
    after_cents: int
    open_cents: int
    next_due_on: date | None


def queue_due(today, *, now):
    """Queue every summary whose day has come; returns how many were. Safe to run again."""
    due = {}
    for row in _wanted():
        if on := _due_on(row, today):
            due[_key(row, on)] = row.contact
    known = Notice.select(Notice.key).where(among(Notice.key, due)).tuples()
    for key in due.keys() - {key for (key,) in known}:
        contact = due[key]
        about = {"customer": contact.customer_id, "contact": contact, "event": Preference.DIGEST}
        notices.queue(Notice.DIGEST, key=key, why=WHY, now=now, **about)
    return len(due) - len(known)


def _due_on(row, today):
    """The day of the summary that is due today, or None; only of days since it was chosen."""
    on = last_day(row.digest_day, today)
    is_new = localtime.day(row.changed_at, companies.current().time_zone) <= on
    return on if is_new and on > today - timedelta(days=LATE_DAYS) else None


def _key(row, on):
    return f"digest:{row.contact_id}:{on}"


def next_on(contact, *, from_on):
    """The day on which the next summary comes to a contact, or None where none does.

    from_on -- the first day that is still to be run
    """
    row = _wanted().where(Contact.id == contact.id).first()
    if row is None:
        return None
    on = _due_on(row, from_on)
    if on and not Notice.select().where(Notice.key == _key(row, on)).exists():
        return from_on
    return periods.add_months(last_day(row.digest_day, from_on), 1, row.digest_day)


def _wanted():
    """A query of the payers who want one by mail, with its day."""
    return (
        Preference.select(Preference.digest_day, Preference.changed_at, Contact)
        .join(Contact)
        .where(
            (Preference.event == Preference.DIGEST)
            & (Preference.channel == Preference.MAIL)
            & (Preference.timing == Preference.DIGEST)
            & Contact.PAYS
            & (Contact.email != "")
        )
        .order_by(Contact.id)
    )


def last_day(day, today):
    """The last ``day`` of a month (1 to 28) that is not after ``today``."""
    this = today.replace(day=day)
    return this if this <= today else periods.add_months(this, -1, day)


def of_notice(notice, *, today):
    """The Digest that a queued summary tells: the month that ended the day before the one in its key."""
    to_on = date.fromisoformat(notice.key.rpartition(":")[2]) - timedelta(days=1)
    return of_customer(notice.customer, to_on=to_on, today=today)


def of_customer(customer, *, to_on, today):
    """The Digest of the month that ends with ``to_on``."""
    following = to_on + timedelta(days=1)
    from_on = periods.add_months(following, -1, following.day)
    entries = ledger.history(customer, until=to_on)
    earlier = [entry for entry in entries if entry.on < from_on]
    balance = ledger.balance(customer, today=today)
    return Digest(
        from_on=from_on,
        to_on=to_on,
        entries=tuple(entry for entry in entries if entry.on >= from_on),
        before_cents=earlier[-1].balance_cents if earlier else 0,
        after_cents=entries[-1].balance_cents if entries else 0,
        open_cents=balance.owed_cents - balance.disputed_cents,
        next_due_on=balance.next_due_on,
    )
