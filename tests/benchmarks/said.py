"""The timeline of ten years against an empty one, and search over a million messages against one row by key.

Timeline: the page of a customer with 5,000 entries of seven kinds, and of one with none, from the same
database. Search: the page of what was said, for words that stand everywhere, in one text of a hundred, in
one of 4,000, nowhere, as a phrase, with a beginning only, and of one customer; beside the page of one note,
read by its key. A million notes of 30 words; with ``--quick`` 50,000.
"""

import contextlib
import random
from datetime import datetime, timedelta
from functools import partial

import models
from admin import security
from billing import search
from billing.edges.database import open_database
from models import Call, Customer, Event, Invoice, Message, Notice, Payment, Staff, Ticket
from tests import factories
from tests.benchmarks.bill_run import fill, migrate
from tests.benchmarks.lists import EMAIL, PASSWORD
from tests.benchmarks.measure import at_most
from tests.benchmarks.served import in_turns, our_app

NOTES, QUICK_NOTES = 1_000_000, 50_000
ENTRIES = 5_000
CUSTOMERS = 200
TIMELINE_AIM, SEARCH_AIM = 3, 5
BEGAN = datetime(2016, 12, 1, 9, 0)
COMMON = (
    "alarm panel keypad sensor battery motion door window camera siren invoice payment charge monitoring "
    "contract technician visit call back voicemail please thank you the and for was not is to of we they "
    "customer house office garage replaced tested repaired broken low noise beep night morning zone code "
    "factura pago cuenta gracias servicio alarma sistema técnico visita llamada mañana"
).split()
RARE = tuple(a + b for a in ("zul", "quer", "brim", "taxo") for b in ("ino", "eta", "quist", "man", "vale"))
SEARCHES = (
    ("a common word", "q=alarm"),
    ("three common words", "q=alarm+panel+keypad"),
    ("one of a hundred", "q=leak"),
    ("a rare word", "q=zulino"),
    ("a common and a rare word", "q=alarm+zulino"),
    ("nothing", "q=zebra"),
    ("a phrase", "q=%22alarm+panel%22"),
    ("a beginning", "q=technici"),
    ("of one customer", "q=alarm&customer=7"),
)


def figures(databases, notes=NOTES):
    """Both, on SQLite and on PostgreSQL."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(databases.fresh(kind, migrate))
            _fill(kind, url, notes)
            desk = stack.enter_context(our_app(url))
            desk.send("/staff/sign-in", email=EMAIL, password=PASSWORD)
            yield from _timelines(desk, label)
            yield from _searches(desk, notes, label)


def _timelines(desk, label):
    for name, query in (
        ("first page", ""),
        ("deep page", "?before=2019-06-01"),
        ("calls only", "?show=calls"),
    ):
        acts = [partial(desk.get, f"/staff/customer/{id}/timeline{query}") for id in (1, 2)]
        ours, limit = in_turns(*acts, times=7)
        yield at_most(f"Timeline of {ENTRIES:,} entries, {name}, {label}", ours, limit, TIMELINE_AIM)


def _searches(desk, notes, label):
    for name, query in SEARCHES:
        ours, limit = in_turns(
            partial(desk.get, f"/staff/said?{query}"), partial(desk.get, f"/staff/note/{notes // 2}"), times=7
        )
        yield at_most(f"Search over {notes:,} texts, {name}, {label}", ours, limit, SEARCH_AIM)


# --- What there is -------------------------------------------------------------------------------


def _fill(kind, url, notes):
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        factories.make_company()
        hashed = security.hashed_password(PASSWORD)
        Staff.create(email=EMAIL, name="Olga Owner", role=Staff.OWNER, password_hash=hashed)
        with models.db.atomic():
            people = ((n, f"A{n}", f"Customer {n}") for n in range(1, CUSTOMERS + 1))
            fill(Customer, "id account_number name", people)
            _ten_years()
            _notes(kind, notes)
        if kind == "postgresql":
            models.db.execute_sql("VACUUM ANALYZE")  # as autovacuum does, where nobody asks at once
    database.close_all()


def _notes(kind, count):
    """So many notes of 30 common words, written by the database itself, then the index of what was said.

    Two pieces of 15 words each are put together, another pair for each note. Row by row, the index kept by
    its trigger, a million take half an hour and more; at once, and the index made anew, minutes.
    """
    chance = random.Random(5)
    for name, words in (
        ("piece", [" ".join(chance.choices(COMMON, k=15)) for _ in range(PIECES)]),
        ("rare", RARE),
    ):
        models.db.execute_sql(f"CREATE TEMPORARY TABLE {name} (id INTEGER PRIMARY KEY, words TEXT NOT NULL)")
        mark = "%s" if kind == "postgresql" else "?"
        rows = list(enumerate(words))
        models.db.cursor().executemany(f"INSERT INTO {name} (id, words) VALUES ({mark}, {mark})", rows)
    triggers = "ALTER TABLE note {} TRIGGER search_note_note_insert"
    if kind == "postgresql":
        models.db.execute_sql(triggers.format("DISABLE"))
    else:
        [made] = models.db.execute_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'search_note_note_insert'"
        ).fetchone()
        models.db.execute_sql("DROP TRIGGER search_note_note_insert")
    models.db.execute_sql(_statement(kind, count))
    models.db.execute_sql(triggers.format("ENABLE") if kind == "postgresql" else made)
    search.reindex()


PIECES = 2_003
_INSERT = """{numbers}
    INSERT INTO note (customer_id, body, pinned, by, at)
    SELECT 3 + n % (SELECT count(*) - 2 FROM customer),
        first.words || ' ' || last.words || CASE WHEN n % 100 = 0 THEN ' leak' ELSE '' END
            || COALESCE(' ' || rare.words, ''),
        {no}, 'staff:olga@example.com', {at}
    FROM numbers JOIN piece AS first ON first.id = n % {pieces}
        JOIN piece AS last ON last.id = (n % {pieces} * 7919 + n / {pieces}) % {pieces}
        LEFT JOIN rare ON n % 4000 = 0 AND rare.id = n / 4000 % 20
    ORDER BY n"""
_SQL = {
    "sqlite": {
        "numbers": "WITH RECURSIVE numbers (n) AS "
        "(SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})",
        "no": "0", "at": f"datetime('{BEGAN}', '+' || (5 * n) || ' minutes')",
    },
    "postgresql": {
        "numbers": "WITH numbers AS (SELECT generate_series(0, {count} - 1) AS n)",
        "no": "false", "at": f"timestamp '{BEGAN}' + n * interval '5 minutes'",
    },
}  # fmt: skip


def _statement(kind, count):
    told = {name: text.format(count=count) for name, text in _SQL[kind].items()}
    statement = _INSERT.format(pieces=PIECES, **told)
    return statement.replace("%", "%%") if kind == "postgresql" else statement


def _stored(at):
    return at if models.db.for_update else str(at)


def _ten_years():
    """5,000 entries of customer 1: 800 invoices, payments, mails, calls, messages; 1,000 changes."""
    days = [BEGAN + timedelta(hours=109 * n) for n in range(800)]
    money = "id customer_id number state issued_on due_on subtotal_cents total_cents created_at"
    fill(Invoice, money, (
        (n, 1, 10_000 + n, "issued", _day(at), _day(at), 4250, 4250, _stored(at))
        for n, at in enumerate(days, 1)
    ))  # fmt: skip
    fill(Payment, "customer_id reference key state kind amount_cents received_on created_at", (
        (1, f"P{n}", f"p{n}", "approved", "check", 4250, _day(at), _stored(at)) for n, at in enumerate(days)
    ))  # fmt: skip
    fill(Notice, "key kind state customer_id why subject body_text send_at sent_at created_at", (
        (f"n{n}", "receipt", "sent", 1, "w", "A receipt", "thank you " * 300, *[_stored(at)] * 3)
        for n, at in enumerate(days)
    ))  # fmt: skip
    fill(Call, "customer_id direction outcome started_at note by source source_id logged_at", (
        (1, "in", "answered", _stored(at), "asked", "t", "staff", n, _stored(at)) for n, at in enumerate(days)
    ))  # fmt: skip
    fill(
        Ticket,
        "id customer_id subject state opened_at last_at",
        [(1, 1, "S", "closed", *[_stored(BEGAN)] * 2)],
    )
    fill(Message, "ticket_id body written_at", ((1, "hello " * 100, _stored(at)) for at in days))
    fill(Event, "at by what about_table about_id customer_id", (
        (_stored(at), "t", "customer.changed", "customer", 1, 1) for at in [*days, *days[:200]]
    ))  # fmt: skip


def _day(at):
    return at.date() if models.db.for_update else str(at.date())
