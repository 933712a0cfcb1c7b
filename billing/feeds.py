"""The heartbeat of what customers tell us by: when each source was last read to its end.

While one is silent, an unanswered question may lie in it. Who asks whether a late notice may leave asks here.
"""

from datetime import timedelta

from models import Feed

MAIL, TEXTS = "mail", "texts"


def take_turn(name, *, every, now):
    """True for the one who may read ``name`` now: of any number of workers one in each ``every``."""
    Feed.insert(name=name).on_conflict_ignore().execute()
    free = Feed.tried_at.is_null() | (Feed.tried_at <= now - every) | (Feed.tried_at > now)
    return bool(Feed.update(tried_at=now).where((Feed.name == name) & free).execute())


def beat(name, *, now):
    """It was read to its end."""
    Feed.insert(name=name).on_conflict_ignore().execute()
    Feed.update(beat_at=now, trouble="").where(Feed.name == name).execute()


def stumble(name, trouble, *, now):
    """It could not be read, because of ``trouble`` (a sentence)."""
    Feed.insert(name=name).on_conflict_ignore().execute()
    Feed.update(trouble=str(trouble)[:255]).where(Feed.name == name).execute()


def silent(now):
    """The feeds that were not read within their limit, or never, in a list."""
    return [feed for feed in Feed.select().order_by(Feed.name) if _is_silent(feed, now)]


def _is_silent(feed, now):
    return feed.beat_at is None or feed.beat_at < now - timedelta(minutes=feed.limit_minutes)
