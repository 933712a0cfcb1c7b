"""Searching within a timeline: the conditions of SQL that the words which somebody typed become."""

from billing import money
from billing.errors import BillingError
from billing.search import typed
from models import db

MOST = 5


def words(text):
    """What must stand in an entry: () for everything, None when nothing can fit."""
    text = " ".join(text.replace("\x00", " ").encode("utf-8", "ignore").decode()[:200].lower().split())
    if not text:
        return ()
    found = tuple(text.split(" "))[:MOST]
    return found if typed.read(text) else None


def in_columns(columns, found):
    """(SQL, values): every word stands in one of the columns, whatever its letters are."""
    told = " || ' ' || ".join(f"COALESCE(CAST({column} AS TEXT), '')" for column in columns)
    parts = [f"LOWER({told}) LIKE %s ESCAPE '!'" for _ in found]
    return " AND ".join(parts), [f"%{_plain(word)}%" for word in found]


def in_index(kind, column, customer, found):
    """(SQL, values): the full text of a row of ``kind`` has every word."""
    asked = typed.read(" ".join(found))
    if db.for_update:
        conditions = typed.for_postgresql(asked, True, (kind,), customer.id)
        match, query = "words @@ %s::tsquery", " & ".join(conditions)
    else:
        match, query = "search_index MATCH %s", typed.for_fts5(asked, True, (kind,), customer.id)
    return (
        f"{column} IN (SELECT about_id FROM search_entry WHERE kind = '{kind}' AND id IN "
        f"(SELECT rowid FROM search_index WHERE {match}))",
        [query],
    )


def cents(found):
    """The amount that was typed, or None: $42.50."""
    try:
        return money.parse_cents("".join(found)) if found[0][:1].isdigit() or found[0][:1] == "$" else None
    except BillingError:
        return None


def _plain(word):
    for sign in "!%_":
        word = word.replace(sign, f"!{sign}")
    return word
