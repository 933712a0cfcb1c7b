"""What an attempt to move money has in common, whichever way the money goes: a payment or a refund.

Its name, how long it may take from its claim to its call, when it is asked about, and when "it never arrived"
may be believed. Not here: what is claimed, sent and booked (payments/, reversals/refunds.py).
"""

import random
import time
from datetime import timedelta

QUARANTINE = timedelta(minutes=45)  # what was sent may arrive until then, and the gateway's lists lag behind
EMPTY_SEARCHES = 2  # after the quarantine
SEARCHES_APART = timedelta(minutes=5)  # two within one request would be one
WITHOUT_ANSWER = timedelta(hours=1)  # a question that nobody answered is asked again then at the latest
UNRESOLVED = timedelta(days=3)  # without an answer for so long, a person looks
SEND_WITHIN_SECONDS = 60  # a process that slept longer than this between claim and call does not call
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # what people can read aloud
_BOOT = getattr(time, "CLOCK_BOOTTIME", None)  # on Linux
_CHANCE = random.SystemRandom()


def reference(prefix, rng=_CHANCE):
    """At most 20 characters, unique, and readable aloud: what we search the gateway by."""
    return prefix + "".join(rng.choices(ALPHABET, k=12))


# --- From the claim to the call ------------------------------------------------------------------


def send_by():
    """The moment until which what is claimed now may be sent, for ``is_too_late``."""
    return seconds() + SEND_WITHIN_SECONDS


def is_too_late(send_by):
    """True when others may have given up on the attempt meanwhile: it must not be sent any more."""
    return seconds() > send_by


def seconds():
    """Seconds on a clock that nobody sets, and that counts while a machine sleeps where there is one.

    Only differences mean something. Python's monotonic clock stands still in a machine that is suspended.
    """
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


# --- Asking what became of it --------------------------------------------------------------------


def next_question(since, now, waits, afterwards):
    """When to ask about what was sent at ``since``: after each of ``waits``, then every ``afterwards``.

    >>> from datetime import datetime
    >>> waits = timedelta(minutes=5), timedelta(hours=1)
    >>> next_question(datetime(2026, 12, 1, 9), datetime(2026, 12, 1, 9, 5), waits, timedelta(days=1))
    datetime.datetime(2026, 12, 1, 10, 0)
    >>> next_question(datetime(2026, 12, 1, 9), datetime(2026, 12, 1, 10), waits, timedelta(days=1))
    datetime.datetime(2026, 12, 2, 10, 0)
    """
    ahead = (since + wait for wait in waits if since + wait > now)
    return next(ahead, now + afterwards)


def never_arrived(attempt, since, now):
    """Count an empty search for a row that was sent at ``since``; True when there were enough of them.

    One proves nothing while the attempt could still arrive or the lists could still lag, and of two that
    follow each other closely, or come at the same time, one counts.
    """
    if now < since + QUARANTINE:
        return False
    if attempt.searched_at and now < attempt.searched_at + SEARCHES_APART:
        return False
    model = type(attempt)
    unseen = (model.id == attempt.id) & (model.asks == attempt.asks)
    counted = model.update(asks=model.asks + 1, searched_at=now).where(unseen).execute()
    return bool(counted) and attempt.asks + 1 >= EMPTY_SEARCHES
