"""A bill run of 20,000 contracts with three taxed lines each, against bare inserts of the same rows."""

import sqlite3
import tempfile
from datetime import date
from pathlib import Path

import apsw
import psycopg

import migrations
import models
from billing import bill
from billing.edges.database import journal_mode, open_database
from tests.benchmarks.measure import Figure, at_least, peak_mb, seconds
from tests.factories import NOW, make_company, make_item, make_rate

CONTRACTS = 20_000
LINES = 3
TODAY = date(2026, 12, 1)
TABLES = ("invoice", "line", "notice")
MOST_MB = 300


def figures(databases, contracts=CONTRACTS):
    """Measure on SQLite and on PostgreSQL; ``databases`` is tests.databases.Databases."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with databases.fresh(kind, migrate) as url:
            ours, memory = _ours(url, contracts)
            bare = (_bare_sqlite if kind == "sqlite" else _bare_postgresql)(url, databases)
        yield at_least(f"Bill run of {contracts:,} contracts, {label}", ours, bare, 0.25, " invoices/s")
    yield Figure(
        "Memory of a bill run",
        f"{memory:,.0f} MB",
        f"{MOST_MB} MB",
        memory / MOST_MB,
        "≤ 1×",
        memory <= MOST_MB,
    )


def migrate(url):
    database = open_database(url)
    migrations.apply(database)
    if hasattr(database, "close_all"):
        database.close_all()


def _ours(url, contracts):
    """Invoices per second of our own run."""
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        _prepare(contracts)
        took = seconds(bill.run, TODAY, by="benchmark", now=NOW)
        assert models.Invoice.select().count() == contracts
        assert models.Line.select().count() == contracts * LINES
    return contracts / took, peak_mb()


def _prepare(contracts):
    """Customers, payers, sites, contracts and charges; every line taxed."""
    make_company()
    make_rate()
    item, ids = make_item().id, range(1, contracts + 1)
    with models.db.atomic():
        fill(
            models.Customer,
            "id account_number name street city",
            ((n, f"A{n}", f"Customer {n}", f"{n} Oak Street", "Austin") for n in ids),
        )
        fill(models.Contact, "customer_id name email", ((n, "Payer", f"p{n}@example.com") for n in ids))
        fill(models.Site, "id customer_id name jurisdiction", ((n, n, "Home", "TX-AUSTIN") for n in ids))
        fill(models.Contract, "id customer_id name starts_on", ((n, n, "Monitoring", TODAY) for n in ids))
        charges = (
            (n, n, item, f"Monitoring, part {at + 1}", 1999 + 500 * at, TODAY, TODAY)
            for n in ids
            for at in range(LINES)
        )
        fill(models.Charge, "contract_id site_id item_id text unit_cents starts_on next_on", charges)


def fill(model, columns, rows):
    """Insert many rows of the given columns; every other column gets its default."""
    given = columns.split()
    others = {
        field.column_name: field.default
        for field in model._meta.sorted_fields
        if field.column_name not in given and field.default is not None
    }
    models.insert_rows(model, (*given, *others), ((*row, *others.values()) for row in rows))


def _bare_sqlite(url, databases):
    """Invoices per second of apsw's executemany for the rows that our run wrote, as durably, as chunked."""
    rows = _written(sqlite3.connect(url.removeprefix("sqlite:///")))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bare.db"
        migrate(f"sqlite:///{path}")
        bare = apsw.Connection(
            str(path)
        ).cursor()  # the standard library's may be too old for the search index
        bare.execute(f"PRAGMA journal_mode = {journal_mode()}")
        bare.execute("PRAGMA synchronous = FULL")

        def insert():
            for chunk in _chunks(rows):
                bare.execute("BEGIN IMMEDIATE")
                for table, part in chunk.items():
                    marks = ", ".join("?" * len(part[0]))
                    bare.executemany(f"INSERT INTO {table} VALUES ({marks})", part)
                bare.execute("COMMIT")

        return len(rows["invoice"]) / seconds(insert)


def _bare_postgresql(url, databases):
    """The same through psycopg's executemany, on the same tables with the same parents."""
    with psycopg.connect(url) as source:
        rows = _written(source)
    with databases.fresh("postgresql", migrate) as other:
        return _insert_postgresql(other, rows)


def _insert_postgresql(url, rows):
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        _prepare(len(rows["invoice"]))
    database.close_all()
    with psycopg.connect(url, autocommit=True) as bare:

        def insert():
            for chunk in _chunks(rows):
                with bare.transaction(), bare.cursor() as cursor:
                    for table, part in chunk.items():
                        marks = ", ".join(["%s"] * len(part[0]))
                        cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", part)

        return len(rows["invoice"]) / seconds(insert)


def _written(connection):
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in TABLES}


def _chunks(rows):
    """The rows of as many invoices as our run commits at once."""
    invoices = len(rows["invoice"])
    for start in range(0, invoices, bill.CHUNK):
        stop = start + bill.CHUNK
        yield {
            table: part[start * len(part) // invoices : stop * len(part) // invoices]
            for table, part in rows.items()
        }
