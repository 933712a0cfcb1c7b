"""What day and what time it is. Rules never ask; doors and jobs ask here and pass the answer on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from billing import localtime


class Clock:
    """Real time in the company's zone, moved ahead by whole days in the demo."""

    def __init__(self):
        self.zone = ZoneInfo("America/Chicago")
        self.ahead = timedelta(0)

    def follow(self, company):
        """Take the zone, and the demo's days ahead, from the company row."""
        self.zone = ZoneInfo(company.time_zone)
        self.ahead = timedelta(days=company.demo_days or 0)

    def now(self):
        """The instant, as naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None) + self.ahead

    def today(self):
        """The business date in the company's zone."""
        return self.local(self.now()).date()

    def local(self, instant):
        """A stored instant in the company's zone, for people."""
        return localtime.moment(instant, self.zone)


class FixedClock(Clock):
    """A clock that stands still until it is moved; for tests and stories."""

    def __init__(self, today):
        super().__init__()
        self.set(today)

    def set(self, day):
        """Make it noon of ``day`` in the company's zone."""
        self._now = localtime.at_hour(day, 12, self.zone)

    def follow(self, company):
        """Stand still, in the company's zone."""
        self.zone = ZoneInfo(company.time_zone)

    def now(self):
        return self._now

    def advance(self, **span):
        """Move on by a ``timedelta(**span)``; returns the new date."""
        self._now += timedelta(**span)
        return self.today()
