"""By when we answer: working hours of the company, by priority, holidays left out.

One clock for both promises: the first answer, and each later one while a ticket waits on us. It runs from
``waiting_since_at``. Which hours and how many are columns of the Company. Pure but for the company's row.
"""

from datetime import datetime, timedelta

from billing import banking_days, localtime, words
from billing.periods import DAY
from models import Ticket

HOUR = timedelta(hours=1)
LONGEST_LOOK = 400  # days: nobody is promised anything beyond


def due_at(ticket, company):
    """When the customer should have our answer, an instant; None while it does not wait on us."""
    if ticket.state != Ticket.WAITING_ON_US or ticket.waiting_since_at is None:
        return None
    return after(ticket.waiting_since_at, timedelta(hours=hours_of(ticket.priority, company)), company)


def hours_of(priority, company):
    """Working hours within which a ticket of ``priority`` is answered."""
    return getattr(company, f"answer_{priority}_hours")


def is_late(ticket, company, *, now):
    """True when the customer waits longer than we promised."""
    due = due_at(ticket, company)
    return due is not None and due < now


def in_words(ticket, company, *, now):
    """What a colleague reads: "answer by 3:00 pm today", "2 working hours late", or ""."""
    due = due_at(ticket, company)
    if due is None:
        return ""
    if due >= now:
        return f"answer by {_moment(due, company, now)}"
    late = worked(due, now, company)
    if late < HOUR:
        return "should have been answered by now"
    days = late // (HOUR * _day_hours(company))
    count = words.plural(days, "working day") if days else words.plural(late // HOUR, "working hour")
    return f"{count} late"


def promise(ticket, company, *, now):
    """What a customer reads of when we answer; "" when nothing is promised."""
    due = due_at(ticket, company)
    if due is None:
        return ""
    return (
        f"We answer by {_moment(due, company, now)}."
        if due >= now
        else "You should have had our answer by now."
    )


def first_answer(ticket, company):
    """Working time from the opening to our first answer; None while there is none."""
    answered = ticket.first_answered_at
    return worked(ticket.opened_at, answered, company) if answered else None


# --- Working time --------------------------------------------------------------------------------


def after(instant, length, company):
    """The instant at which ``length`` of working time has passed since ``instant``."""
    at, left = _local(instant, company), length
    for _ in range(LONGEST_LOOK):
        begins, ends = _hours_on(at, company)
        if begins is not None and at < ends:
            at = max(at, begins)
            if left <= ends - at:
                return localtime.instant(at + left, company.time_zone)
            left -= ends - at
        at = datetime.combine(at.date() + DAY, datetime.min.time())
    return localtime.instant(at, company.time_zone)


def before(instant, length, company):
    """The latest instant from which ``length`` of working time has passed by ``instant``."""
    at, left = _local(instant, company), length
    for _ in range(LONGEST_LOOK):
        begins, ends = _hours_on(at, company)
        if begins is not None and at > begins:
            at = min(at, ends)
            if left <= at - begins:
                return localtime.instant(at - left, company.time_zone)
            left -= at - begins
        at = datetime.combine(at.date(), datetime.min.time()) - timedelta(microseconds=1)
    return localtime.instant(at, company.time_zone)


def cutoffs(company, *, now):
    """{priority: instant}: who waits since before it should have been answered by now."""
    return {
        priority: before(now, timedelta(hours=hours_of(priority, company)), company)
        for priority in Ticket.PRIORITIES
    }


def worked(start, end, company):
    """The working time between two instants."""
    at, until, total = _local(start, company), _local(end, company), timedelta()
    for _ in range(LONGEST_LOOK):
        if at >= until:
            break
        begins, ends = _hours_on(at, company)
        if begins is not None:
            total += max(min(ends, until) - max(begins, at), timedelta())
        at = datetime.combine(at.date() + DAY, datetime.min.time())
    return total


def _hours_on(at, company):
    """The first and last moment of work on the day of ``at``, in local time; (None, None) on a free day."""
    days = company.support_days or "12345"
    if str(at.isoweekday()) not in days or banking_days.is_holiday(at.date()):
        return None, None
    midnight = datetime.combine(at.date(), datetime.min.time())
    begins, ends = _span(company)
    return midnight + HOUR * begins, midnight + HOUR * ends


def _span(company):
    """Working hours of a day; hours that make no day are taken as the whole of it."""
    begins, ends = company.support_from_hour, company.support_until_hour
    return (begins, ends) if begins < ends else (0, 24)


def _day_hours(company):
    begins, ends = _span(company)
    return ends - begins


def _local(instant, company):
    return localtime.moment(instant, company.time_zone).replace(tzinfo=None)


def _moment(instant, company, now):
    """An instant as people name one that is near: "3:00 pm today", "9:30 am on Monday"; else its date."""
    there, here = _local(instant, company), _local(now, company)
    clock = there.strftime("%I:%M %p").lstrip("0").lower()
    ahead = (there.date() - here.date()).days
    if ahead in (0, 1):
        return f"{clock} {('today', 'tomorrow')[ahead]}"
    return f"{clock} on {there.strftime('%A') if 1 < ahead < 7 else words.date(there.date())}"
