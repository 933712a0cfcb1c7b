"""What an attempt to move money has in common, whichever way the money goes: a payment or a refund.

Its name, how long it may take from its claim to its call, when it is asked about, and when "it never arrived"
may be believed. Not here: what is claimed, sent and booked (payments.py, reversals/refunds.py).
"""

import random
import time
from datetime import timedelta

QUARANTINE = timedelta(minutes=45)  # what was sent may arrive until then, and the gateway's lists lag behind
EMPTY_SEARCHES = 2  # after the quarantine
UNRESOLVED = timedelta(days=3)  # without an answer for so long, a person looks
SEND_WITHIN_SECONDS = 60  # a process that slept longer than this between claim and call does not call
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # what people can read aloud
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
    """Seconds on a clock that nobody sets; only differences mean something."""
    return time.monotonic()


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
