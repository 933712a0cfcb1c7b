"""Between instants, which are kept in UTC, and the days and hours of a place: here and nowhere else.

Which zone counts is the caller's question: mostly the company's, for good manners the customer's, for the law
the protected site's. A ``zone`` is its name or a ZoneInfo. Not here: how either is written (``words``).
"""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo


def moment(at, zone):
    """An instant (naive UTC) on the clock of ``zone``, as an aware datetime."""
    return at.replace(tzinfo=UTC).astimezone(_zone(zone))


def day(at, zone):
    """The calendar day of an instant (naive UTC) in ``zone``.

    >>> day(datetime.datetime(2026, 12, 2, 5, 30), "America/Chicago")
    datetime.date(2026, 12, 1)
    """
    return moment(at, zone).date()


def instant(shown, zone):
    """The instant (naive UTC) at which a clock in ``zone`` shows the naive datetime ``shown``.

    >>> instant(datetime.datetime(2026, 12, 1, 23, 30), "America/Chicago")
    datetime.datetime(2026, 12, 2, 5, 30)
    """
    return shown.replace(tzinfo=_zone(zone)).astimezone(UTC).replace(tzinfo=None)


def at_hour(on, hour, zone):
    """The instant (naive UTC) at which the day ``on`` comes to a full hour in ``zone``."""
    return instant(datetime.combine(on, time(hour)), zone)


def _zone(zone):
    return ZoneInfo(zone) if isinstance(zone, str) else zone
