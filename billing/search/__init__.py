"""Full-text search over what was said: tickets, calls, notes, and messages in and out.

The words of each row stand in ``search_index`` (FTS5 on SQLite, tsvector with GIN on PostgreSQL), its kind
and customer in ``SearchEntry``. Triggers of the database (migrations/0020) keep both: whatever use case,
import or shell writes a row, it is found in the same transaction, and no caller can forget to say so. Texts
are masked before they are stored, so nothing is found here that is not in the row itself.

Newest first, not "most relevant": staff look for what was said last, the order is the same on both databases,
pages can follow each other, and no million of matches has to be scored. For staff only; the portal has none.

Here: finding, and building the index anew. What was typed is read in ``typed``, the piece that is shown is
cut in ``snippets``, the rows behind the hits are loaded in ``rows``.
"""

from dataclasses import dataclass
from functools import partial

from peewee import SQL

from billing.search import rows, snippets, typed
from models import SearchEntry, db

KINDS = SearchEntry.KINDS
SAID = (SearchEntry.MESSAGE, SearchEntry.CALL, SearchEntry.NOTE, SearchEntry.INBOUND)  # by people, not by us
MOST = 100
MOST_IN_ONE = 3  # entries for each hit of a page: several in one ticket are one hit
LONGEST_KEPT, MOST_NAMED = 6, 24  # letters of a beginning that FTS5 knows (migrations/0020); words of one
NEWEST = 4_000  # entries that PostgreSQL looks through, before it asks the index for all
SAMPLE = 1_000  # of the newest entries, by which it judges what is rare
MOST_LOOKED = 64_000  # entries that it looks through, where enough were found among the newest to go on


@dataclass(frozen=True)
class Hit:
    """Something that was found. ``row`` is a Message, Notice, Inbound, Call or Note with its customer."""

    id: int
    kind: str
    row: object
    customer: object  # Customer, or None while nobody knows whose it is
    at: object  # naive UTC
    title: str
    snippet: tuple  # of (text, whether it was searched for)
    internal: bool = False
    more: int = 0  # further hits in the same ticket


@dataclass(frozen=True)
class Found:
    """One page of hits; ``next`` is what ``before`` is for the next page, empty on the last."""

    hits: tuple = ()
    next: str = ""


def find(text, *, kinds=None, customer=None, limit=20, before=""):
    """Hits for what was typed, newest first. Never refuses: what has no word in it finds nothing.

    Every word must be there, in any order, whole or with another ending; where whole words find too little,
    their beginnings count. ``"in quotes"`` is a phrase, ``alar*`` a beginning.

    kinds    -- of SearchEntry.KINDS; None means all, an empty one none
    customer -- only what is theirs
    before   -- Found.next of the page before
    """
    words = typed.read(text)
    if not words or (kinds is not None and not kinds):
        return Found()
    begins, at = _cursor(before)
    limit = max(1, min(int(limit), MOST))
    ids = partial(_ids, words, kinds, customer, limit=limit + 1)
    newest = ids(at, begins=begins)
    if not begins and not at and len(newest) < limit:
        begins, newest = True, ids(at, begins=True)
    entries = _entries(newest, partial(ids, begins=begins), limit + 1)
    hits, last = _hits(entries, typed.pattern(words, begins), limit)
    return Found(hits, f"{'b' if begins else 'w'}{last}" if last else "")


def _cursor(before):
    """(whether beginnings count, the entry that the last page ended with or None)."""
    begins, number = before[:1] == "b", before[1:]
    return begins, int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else None


def _ids(words, kinds, customer, before, *, limit, begins):
    """Ids of entries, newest first."""
    marks = (kinds, customer.id if customer else None)
    if db.for_update:
        conditions = typed.for_postgresql(words, begins, *marks)
        return _among_tsvectors(conditions, before, limit, is_narrow=customer is not None)
    older, values = ("AND rowid < ?", [before]) if before else ("", [])
    asked = [typed.for_fts5(words, begins, *marks, known=_words_that_begin), *values, limit]
    return _numbers(
        f"SELECT rowid FROM search_index WHERE search_index MATCH ? {older} ORDER BY rowid DESC LIMIT ?",
        asked,
    )


def _words_that_begin(beginning):
    """The words of the index of SQLite that begin so; None where they are many, or the index knows it itself.

    FTS5 keeps the beginnings of up to LONGEST_KEPT letters. For longer ones it would collect all matches of a
    common word before it gives the newest; of words that are named it gives one by one. Its list of words is
    read by leaps, from each to what comes next.
    """
    if len(beginning) <= LONGEST_KEPT:
        return None
    db.execute_sql(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.search_words "
        "USING fts5vocab('main', 'search_index', 'instance')"
    )
    found, at, after = [], beginning, beginning + "\U0010ffff"
    leap = "SELECT term FROM temp.search_words WHERE term >= ? AND term < ? LIMIT 1"
    while len(found) < MOST_NAMED:
        row = db.execute_sql(leap, [at, after]).fetchone()
        if row is None:
            return found
        found.append(row[0])
        at = row[0] + "\x01"
    return None


_FITS = "SELECT rowid, words FROM search_index WHERE words @@ %s::tsquery"
_NEWEST = "AND (words @@ %s::tsquery) IS NOT FALSE ORDER BY rowid DESC LIMIT %s"  # said so, of no index


def _among_tsvectors(conditions, before, limit, *, is_narrow):
    """What is common is among the newest; what is not is few, and the index finds all of it.

    PostgreSQL cannot tell which: it guesses the same number for every word that it has no statistics of, and
    then reads a million rows in search of twenty, or sorts a million to show twenty. How often it stands in
    the newest tells how many more are to be looked through; a phrase of common words needs that most, because
    the index knows no places of words and would look through all that hold them.

    What stands everywhere is not asked of the index beside what is rare, because it would collect a million
    places of the one to keep ten: those ten rows are looked at instead.
    """
    end = before or (_numbers("SELECT COALESCE(max(rowid), 0) + 1 FROM search_index", [])[0])
    rare = _rare(conditions, end) if end > NEWEST else conditions
    few, all_of_it = " & ".join(rare), " & ".join(conditions)
    near = f"{_FITS} AND rowid < %s AND rowid >= %s {_NEWEST}"
    found, done, looked = [], 0, MOST_LOOKED if is_narrow else NEWEST
    while looked <= MOST_LOOKED:
        found += _numbers(near, [few, end - done, end - looked, all_of_it, limit - len(found)])
        if len(found) == limit or looked >= end:
            return found
        enough = 2 * looked * limit // max(len(found), 1)  # twice what should do
        done, looked = looked, max(enough, looked + NEWEST)
    with db.atomic():
        db.execute_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        every = f"SELECT rowid FROM ({_FITS} OFFSET 0) AS found WHERE rowid < %s {_NEWEST}"
        return _numbers(every, [few, end, all_of_it, limit])


def _rare(conditions, end):
    """Of several conditions those that do not hold everywhere, where one of them hardly ever does; else all.

    Judged by the newest SAMPLE entries.
    """
    if len(conditions) == 1:
        return conditions
    counts = ", ".join("count(*) FILTER (WHERE words @@ %s::tsquery)" for _ in conditions)
    sample = f"SELECT {counts} FROM search_index WHERE rowid < %s AND rowid >= %s"
    held = db.execute_sql(sample, [*conditions, end, end - SAMPLE]).fetchone()
    if min(held) > SAMPLE // 20:
        return conditions
    return [one for one, count in zip(conditions, held, strict=True) if count < SAMPLE // 10]


def _numbers(sql, values):
    return [number for number, *_ in db.execute_sql(sql, values).fetchall()]


def _entries(ids, more, count):
    """Yield (entry, its row), newest first: of ``ids``, then of ``more(last id)`` as long as it gives all of
    ``count``. Rows are loaded as somebody comes to them: mostly the first page of ids is enough.
    """
    while ids:
        entries = {entry.id: entry for entry in SearchEntry.select().where(SearchEntry.id.in_(ids))}
        loaded = rows.load(entries.values())
        for id in ids:
            row = loaded.get((entries[id].kind, entries[id].about_id))
            if row is not None:
                yield entries[id], row
        ids = more(ids[-1]) if len(ids) == count else ()


def _hits(entries, pattern, limit):
    """(at most ``limit`` hits, one for each ticket, the id that the next page begins after or None)."""
    shown, last = {}, None
    for number, (entry, row) in enumerate(entries):
        place = rows.place(entry.kind, row)
        if number == MOST_IN_ONE * limit or (place not in shown and len(shown) == limit):
            break
        shown.setdefault(place, []).append((entry, row))
        last = entry.id
    else:
        last = None
    return tuple(_hit(found, pattern) for found in shown.values()), last


def _hit(found, pattern):
    entry, row = found[0]
    title, told = rows.words(entry.kind, row)
    return Hit(
        id=entry.id,
        kind=entry.kind,
        row=row,
        customer=rows.customer(entry.kind, row),
        at=entry.at,
        title=title,
        snippet=snippets.cut(told, pattern),
        internal=bool(getattr(row, "internal", False)),
        more=len(found) - 1,
    )


# --- Building it anew ----------------------------------------------------------------------------

_ENTRIES = """INSERT INTO search_entry (kind, about_id, customer_id, at)
    SELECT kind, about_id, customer_id, at FROM search_source ORDER BY at, kind, about_id"""
_WORDS = """INSERT INTO search_index (rowid, {columns}) SELECT entry.id, {values}
    FROM search_source AS source JOIN search_entry AS entry
    ON entry.kind = source.kind AND entry.about_id = source.about_id"""
_FTS5 = {
    "columns": "words, marks",
    "values": "source.told, 'k' || source.kind || COALESCE(' c' || source.customer_id, '')",
}
_TSVECTOR = {
    "columns": "words",
    "values": "search_words(source.told, source.kind, source.customer_id)",
}


def reindex():
    """Forget the index and build it from the rows; returns how many can be found now.

    For an index that somebody broke, or filled past the triggers. Nobody else writes or searches meanwhile: a
    minute or two for a million texts.
    """
    with db.atomic():
        if db.for_update:
            _anew_on_postgresql()
        else:
            db.execute_sql("INSERT INTO search_index (search_index) VALUES ('delete-all')")
            SearchEntry.delete().execute()
            db.execute_sql(_ENTRIES)
            db.execute_sql(_WORDS.format(**_FTS5))
    return SearchEntry.select(SQL("1")).count()


def _anew_on_postgresql():
    """The index over the words is made at the end: row by row it would take ten times as long."""
    [(definition,)] = db.execute_sql(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'search_index_words' "
        "AND schemaname = current_schema()"
    ).fetchall()
    db.execute_sql("TRUNCATE search_entry, search_index RESTART IDENTITY")
    db.execute_sql("DROP INDEX search_index_words")
    db.execute_sql(_ENTRIES)
    db.execute_sql(_WORDS.format(**_TSVECTOR))
    db.execute_sql(definition)
