"""One timeline for each customer: money, messages, tickets, calls, notes, deals and changes, newest first.

One statement finds the newest entries of all kinds together, then each kind that is on the page is loaded by
one query: as many queries for ten years as for a day. What there is stands in ``sources`` (one entry of a
table for each kind), how it reads in ``telling``. Not here: addresses and looks (admin/timeline.py).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from billing.timeline import seeking, sources
from models import as_instant, db

PAGE = 40
GROUPS = sources.GROUPS


@dataclass(frozen=True)
class Page:
    """Entries, newest first; ``older`` is what ``before`` is for the next page, empty on the last."""

    entries: tuple
    older: str


def page(customer, *, group="", text="", before="", most=PAGE):
    """What happened with ``customer``: the newest entries, or those that a filter leaves.

    group  -- a key of GROUPS; anything else means all
    text   -- words that must stand in an entry
    before -- Page.older of the page before, or a date: the last day to show
    """
    mark = _mark(before)
    chosen = [source for source in sources.SOURCES if group not in GROUPS or group in source.groups]
    words = seeking.words(text)
    if words is None or not chosen:
        return Page((), "")
    found = _newest(customer, chosen, group, words, mark, most + 1)
    entries = _load(found[:most])
    return Page(entries, _as_text(found[most - 1]) if len(found) > most else "")


def _newest(customer, chosen, group, words, mark, most):
    """[(instant, place of the source in the table, id)], newest first."""
    arms, values = [], []
    for source in chosen:
        sql, given = source.arm(customer, group, words, mark, most)
        arms.append(f"SELECT * FROM ({sql}) AS {source.kind}")
        values += given
    sql = f"{' UNION ALL '.join(arms)} ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT {int(most)}"
    if not db.for_update:
        sql = sql.replace("%s", "?")
    return [(as_instant(at), place, id) for at, place, id in db.execute_sql(sql, values).fetchall()]


def _load(found):
    """The entries themselves: one query for each kind that is among them."""
    told = {}
    for place in {place for _, place, _ in found}:
        source = sources.SOURCES[place]
        for entry in source.load([id for _, at, id in found if at == place]):
            told[place, entry.row.id] = entry
    entries = []
    for at, place, id in found:
        entry = told.get((place, id))
        if entry:
            entry.at, entry.is_day = at, sources.SOURCES[place].is_day(at)
            entries.append(entry)
    return tuple(entries)


# --- Where a page begins -------------------------------------------------------------------------


def _mark(before):
    """The (instant, place, id) that the entries of a page come after; None for the first page."""
    try:
        at, place, id = before.split("~")
        return datetime.fromisoformat(at).replace(tzinfo=None), int(place), min(int(id), 2**31 - 1)
    except ValueError:
        pass
    try:
        day = date.fromisoformat(before)
        # The end of that day, wherever in the United States: 4 am in New York is 10 pm in Hawaii.
        return datetime.combine(day + timedelta(days=1), time(10)), -1, 0
    except (ValueError, OverflowError):
        return None


def _as_text(found):
    at, place, id = found
    return f"{at.isoformat()}~{place}~{id}"
