"""When a message about what is past due may leave: not too often, not at night, not on Sundays and holidays.

Only for messages of collection (Notice.COLLECTION). What somebody asked for themselves, what they must know
and what the law wants are never held back here.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from peewee import fn

from billing import company as companies
from billing import localtime
from billing.texts import hours
from models import Notice, Site, among, as_instant

WEEK = 7
SUNDAY = 6
MOST_DAYS = 14  # ahead, to find a day on which one may write
WENT_OUT = (Notice.SENT, Notice.JOINED, Notice.PRINT, Notice.FAILED)
_HOLIDAYS = holidays.US(observed=True)


def is_quiet_day(day):
    """True for Sundays and the holidays of the United States, on which nobody is written to about money.

    >>> import datetime
    >>> [is_quiet_day(datetime.date(2026, 12, day)) for day in (24, 25, 26, 27)]
    [False, True, False, True]
    """
    return day.weekday() == SUNDAY or day in _HOLIDAYS


def rested(customer_ids, *, today, now):
    """The customers of these who may be written to today about what is past due.

    Nobody who was written to within the gap, or as often as a week allows. What went out today does not
    count: several things of one day become one message.
    """
    if is_quiet_day(today):
        return frozenset()
    company, days = companies.current(), _contact_days(customer_ids, now)
    return frozenset(id for id in customer_ids if not _too_soon(days.get(id, ()), today, company))


def _contact_days(customer_ids, now):
    """{customer id: {day on which they were written to about what is past due}}, in the company's zone."""
    zone = ZoneInfo(companies.current().time_zone)
    since = now - timedelta(days=max(WEEK, companies.current().gap_days) + 1)
    at = fn.COALESCE(Notice.sent_at, Notice.created_at)
    query = Notice.select(Notice.customer, at).where(
        among(Notice.customer, customer_ids)
        & Notice.kind.in_(Notice.COLLECTION)
        & Notice.state.in_(WENT_OUT)
        & (Notice.created_at > since - timedelta(days=WEEK))
    )
    days = {}
    for customer_id, instant in query.tuples():
        instant = as_instant(instant)
        if instant > since:
            days.setdefault(customer_id, set()).add(localtime.day(instant, zone))
    return days


def _too_soon(days, today, company):
    earlier = {day for day in days if day < today}
    within_gap = any(day > today - timedelta(days=company.gap_days) for day in earlier)
    in_week = sum(day > today - timedelta(days=WEEK) for day in earlier)
    return within_gap or in_week >= company.contacts_a_week


def not_before(notice, now):
    """The instant (naive UTC) at which a message may leave; ``now`` when it may right away.

    Texts leave by day only, wherever the recipient is; messages of collection in business hours.

    Hours are those of the place where the customer is; days those of the law of good manners.
    """
    company = companies.current()
    if notice.channel == Notice.TEXT and notice.kind != Notice.TEXT_REPLY:
        now = hours.leaves_at(notice.customer, now, company_zone=company.time_zone)
    if notice.kind not in Notice.COLLECTION or notice.channel == Notice.PAPER:
        return now
    zone = zone_of(notice.customer_id, company)
    there = localtime.moment(now, zone)
    gap = not notice.suspension_id  # two people decided on it, and it has to be told in time, in two ways
    days = _contact_days([notice.customer_id], now).get(notice.customer_id, set()) if gap else set()
    days -= {localtime.day(now, company.time_zone)}
    day = there.date() + timedelta(days=there.hour >= company.send_until_hour)
    for _ in range(MOST_DAYS):
        if not is_quiet_day(day) and not _too_soon(days, day, company):
            break
        day += timedelta(days=1)
    return max(localtime.at_hour(day, company.send_from_hour, zone), now)


def zone_of(customer_id, company):
    """The time zone of the customer's first site, else the company's."""
    name = (
        Site.select(Site.time_zone)
        .where((Site.customer == customer_id) & (Site.time_zone != ""))
        .order_by(Site.id)
        .limit(1)
        .scalar()
    )
    try:
        return ZoneInfo(name or company.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(company.time_zone)
