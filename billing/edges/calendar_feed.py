"""A calendar as iCalendar (RFC 5545): days without times, no alarms, nothing that a program has to guess.

Decides nothing: which days stand in it is billing/calendars.py. The library is imported at the first feed
only: it costs a good part of a second.
"""

import hashlib
from datetime import UTC, timedelta

from billing import words

PRODUCT = "-//Porchlight//Billing calendar//EN"
REFRESH = timedelta(hours=6)


def tag_of(feed, name):
    """The ETag of a feed: the same while nothing in it changes, without writing it out."""
    return hashlib.sha256(repr((name, feed)).encode()).hexdigest()[:32]


def written(feed, *, name, host, url):
    """The bytes of a calendars.Feed.

    name -- of the calendar, as programs show it
    host -- makes the names of entries ours
    url  -- of the page to sign in on; no secret stands in a calendar
    """
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT6H")
    for entry in feed.entries:
        calendar.add_component(_event(entry, name, host, url))
    return calendar.to_ical()


def _event(entry, name, host, url):
    from icalendar import Event

    event, changed_at = Event(), entry.changed_at.replace(tzinfo=UTC, microsecond=0)
    event.add("uid", f"{entry.uid}@{host}")
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("sequence", entry.sequence)
    event.add("dtstart", entry.on)
    event.add("dtend", entry.on + timedelta(days=1))
    event.add("summary", f"{words.clipped(name, 60)}: {entry.title}")
    event.add("description", entry.text)
    event.add("url", url)
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    return event
