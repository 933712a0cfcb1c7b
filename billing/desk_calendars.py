"""The calendar of somebody of staff: what falls due at the desk, behind a private address of their own.

Windows of notices that close, new prices to be told, promises, next steps of calls. Whoever left the company
has no calendar any more. Only reading, but for opening and closing one. Not here: the format
(billing/edges/calendar_feed.py), the calendar of a customer (calendars.py).
"""

import hashlib
import secrets
from datetime import timedelta

from peewee import JOIN

from billing import company as companies
from billing import events, links, localtime, words
from billing.calendars import Entry, Feed
from billing.calls import following
from billing.money import format_cents
from billing.renewals import prices
from models import Call, Charge, Contract, Customer, PriceChange, Promise, RenewalNotice, Staff, db

AHEAD = timedelta(days=180)
BEHIND = timedelta(days=14)  # what was not done stays in sight for so long
OPEN = (RenewalNotice.PLANNED, RenewalNotice.QUEUED)


# --- Opening and closing -------------------------------------------------------------------------


def open_one(staff, *, by, now):
    """Make an address for a Staff; returns its secret. One of before stops working."""
    token = secrets.token_urlsafe(32)
    _keep(staff, _hash(token), now, "staff.calendar_opened", by, now)
    return token


def close(staff, *, by, now):
    """Withdraw the address."""
    _keep(staff, "", None, "staff.calendar_closed", by, now)


def _keep(staff, hashed, at, what, by, now):
    with db.atomic():
        Staff.update(calendar_hash=hashed, calendar_at=at).where(Staff.id == staff.id).execute()
        events.record(what, staff, by=by, now=now)
    staff.calendar_hash, staff.calendar_at = hashed, at


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


# --- What stands in it ---------------------------------------------------------------------------


def feed(token, *, today):
    """The Feed behind an address. Raises links.DeadLink for one that is wrong, or of somebody who left."""
    staff = Staff.get_or_none((Staff.calendar_hash == _hash(token)) & Staff.left_on.is_null())
    if staff is None:
        raise links.DeadLink("This calendar is closed.")
    return of(staff, today=today)


def of(staff, *, today):
    """The Feed of a Staff: what falls due for everybody, and their own next steps."""
    found = [*_windows(today), *_new_prices(today), *_promised(today), *_next_steps(staff, today)]
    return Feed(tuple(sorted(found, key=lambda one: (one.on, one.uid))), "en")


def _windows(today):
    """The last lawful day of every notice that has no proof yet; one for each message, by what leads it."""
    rows = (
        RenewalNotice.select(RenewalNotice, Contract, Customer)
        .join(Contract)
        .join(Customer)
        .where(RenewalNotice.state.in_(OPEN) & (RenewalNotice.rule_code == RenewalNotice.together))
        .where(RenewalNotice.closes_on.between(today - BEHIND, today + AHEAD))
    )
    for row in rows:
        how = RenewalNotice.MEDIA[row.medium].lower()
        doing = "is out and waits for its proof" if row.state == RenewalNotice.QUEUED else "goes out"
        text = f"{row.contract.name}. The notice {doing}, by {how}, planned {words.date(row.plan_on)}."
        title = f"Last day for the notice by {row.called}: {row.contract.customer}"
        yield Entry(f"notice-{row.id}", row.closes_on, title, text, 0, row.created_at)


def _new_prices(today):
    """The last day to tell an increase that nobody was told yet; one for each message."""
    rows = (
        PriceChange.select(PriceChange, Charge, Contract, Customer)
        .join(Charge)
        .join(Contract)
        .join(Customer)
        .where(prices.UNTOLD & PriceChange.told_with.is_null())
        .where(PriceChange.tell_by_on.between(today, today + AHEAD))
    )
    for row in rows:
        title = f"Last day to tell a new price: {row.charge.contract.customer}"
        text = f"It counts from {words.date(row.starts_on)} only if it was told by then."
        yield Entry(f"price-{row.id}", row.tell_by_on, title, text, 0, row.made_at)


def _promised(today):
    """The day by which somebody said that they pay."""
    rows = Promise.select(Promise, Customer).join(Customer).where(Promise.state == Promise.RUNNING)
    for row in rows.where(Promise.pay_on.between(today - BEHIND, today + AHEAD)):
        title = f"{row.customer} pays {format_cents(row.amount_cents)}, as promised"
        yield Entry(f"promise-{row.id}", row.pay_on, title, words.sentence(row.words), 0, row.made_at)


def _next_steps(staff, today):
    """What was agreed on the phone: their own calls, and those that nobody took."""
    zone = companies.current().time_zone
    rows = (
        Call.select(Call, Customer)
        .join(Customer, JOIN.LEFT_OUTER)
        .where(following.OPEN & (Call.next_step != "") & ((Call.staff == staff) | Call.staff.is_null()))
        .where(Call.next_on.between(today - BEHIND, today + AHEAD))
    )
    for call in rows:
        title = f"{words.clipped(call.next_step, 60)}: {call.customer or call.number or 'nobody we know'}"
        text = f"Agreed on the phone on {words.date(localtime.day(call.started_at, zone))}."
        yield Entry(f"step-{call.id}", call.next_on, title, text, 0, call.logged_at)
