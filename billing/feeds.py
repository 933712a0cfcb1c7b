"""The heartbeat of what customers tell us by: when each source was last read to its end.

While one is silent, an unanswered question may lie in it. Who asks whether a late notice may leave asks here.
A source is *watched* when it promised to be heard: its silence then holds whatever presses a customer. The
mail is watched from the first time that it is read; the phone from its first heartbeat, or when an owner says
so.
"""

from datetime import timedelta

from billing import events
from billing.errors import BillingError
from models import Feed, db

MAIL, TEXTS, PHONE = "mail", "texts", "phone"
LIMITS = {MAIL: 30, TEXTS: 30, PHONE: 24 * 60}  # minutes, until an owner says otherwise
SHORTEST, LONGEST = 5, 7 * 24 * 60


def take_turn(name, *, every, now):
    """True for the one who may read ``name`` now: of any number of workers one in each ``every``."""
    _found(name)
    free = Feed.tried_at.is_null() | (Feed.tried_at <= now - every) | (Feed.tried_at > now)
    return bool(Feed.update(tried_at=now).where((Feed.name == name) & free).execute())


def beat(name, *, now, watched=True):
    """It was read to its end, or says itself that it lives.

    watched -- False for a sign of life that does not promise a next one, such as a list of calls
    """
    _found(name, watched=watched)
    Feed.update(beat_at=now, trouble="").where(Feed.name == name).execute()


def promise(name, *, by, now):
    """``name`` will be heard from again and again: from now on its silence counts."""
    _found(name)
    if Feed.update(watched=True).where((Feed.name == name) & ~Feed.watched).execute():
        events.record("feed.watched", Feed.get(Feed.name == name), by=by, now=now)


def set_watch(feed, *, watched, limit_minutes, by, now):
    """An owner says whether the silence of ``feed`` counts, and after how many minutes. Returns the Feed."""
    if not SHORTEST <= limit_minutes <= LONGEST:
        raise BillingError("A source is trusted for 5 minutes to 7 days.")
    before = {"watched": feed.watched, "limit_minutes": feed.limit_minutes}
    after = {"watched": watched, "limit_minutes": limit_minutes}
    with db.atomic():
        Feed.update(**after).where(Feed.id == feed.id).execute()
        events.record("feed.changed", feed, by=by, now=now, before=before, after=after)
    return Feed.get_by_id(feed.id)


def stumble(name, trouble):
    """It could not be read, because of ``trouble`` (a sentence)."""
    _found(name)
    Feed.update(trouble=str(trouble)[:255]).where(Feed.name == name).execute()


def silent(now):
    """The watched feeds that were not read within their limit, or never, in a list."""
    return [feed for feed in Feed.select().where(Feed.watched).order_by(Feed.name) if is_silent(feed, now)]


def is_silent(feed, now):
    """True when ``feed`` was not heard from within its limit."""
    return feed.beat_at is None or feed.beat_at < now - timedelta(minutes=feed.limit_minutes)


def doubt(feed):
    """What its silence leaves us in doubt about, as the beginning of a sentence."""
    if feed.name == PHONE:
        return "We cannot know whether they called"
    return "A customer’s answer may lie in it unread"


def _found(name, *, watched=True):
    Feed.insert(name=name, watched=watched, limit_minutes=LIMITS.get(name, 30)).on_conflict_ignore().execute()
