"""Doing many things so that the trouble of one never stops the others."""

import logging

log = logging.getLogger(__name__)


def each(rows, act, trouble):
    """Call ``act(row)`` for every row; returns what came of each, in order, without those that went wrong.

    trouble -- a list that gets a sentence for each of those; None lets the first one stop everything
    """
    done = []
    for row in rows:
        try:
            done.append(act(row))
        except Exception as error:  # one bad contract must not stop the rest
            if trouble is None:
                raise
            log.exception("%s", row)
            trouble.append(f"{row}: {error}")
    return done
