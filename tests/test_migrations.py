"""The migrations give exactly the tables of models.py, once, whoever runs them, however they end."""

import re
from pathlib import Path

import pytest

import migrations
import models
from billing.edges.database import open_database
from tests.at_once import die_everywhere, processes
from tests.databases import leave_empty

ALL = [
    "0001_first_tables",
    "0002_guards",
    "0003_automatic_payments",
    "0004_read_again",
    "0005_refunds",
    "0006_autopay_reasons",
    "0007_remembered_mapping",
    "0008_payments_in_no_batch",
    "0009_searches_apart",
    "0010_steps_and_drafts",
    "0011_on_their_terms",
    "0012_contract_ends",
    "0013_what_comes_in",
    "0014_texts_of_messages",
    "0015_paper_and_calendar",
    "0016_answers_and_prices",
    "0017_words_of_support",
    "0018_tickets_that_answer",
    "0019_calls_and_notes",
    "0020_what_was_said_and_seen",
    "0021_verdicts",
    "0022_disputes",
    "0023_promises_and_plans",
    "0024_second_person_and_remedies",
    "0025_what_is_not_clear",
    "0026_the_gate",
    "0027_suspensions_and_handovers",
    "0028_why_they_say",
    "0029_what_nobody_read",
    "0030_what_was_known",
    "0031_when_a_verdict_ended",
    "0032_one_person",
    "0033_paid_after_all",
    "0034_calendars_of_staff",
    "0035_word_of_a_canceled_invoice",
    "0037_refunds_of_two",
    "0040_how_clear_it_was",
    "0044_mails_are_found_sooner",
    "0045_codes_on_paper",
    "0047_why_it_came_back",
    "0048_known_since",
    "0049_said_on_the_phone",
]
INDEX = {f"search_index{part}" for part in ("", "_config", "_data", "_docsize", "_idx")}  # of the full text
OURS = {"schema_migration", "sqlite_sequence", *INDEX}  # of the runner and of SQLite, not of the models


def opened(url):
    database = open_database(url)
    models.db.initialize(database)
    return database


def closed(database):
    if not database.is_closed():
        database.close()
    if hasattr(database, "close_all"):
        database.close_all()


@pytest.fixture
def migrated(empty_url):
    """The outcome of the migrations, described."""
    database = opened(empty_url)
    migrations.apply(database)
    with database.connection_context():
        found = described(database)
    closed(database)
    return found


@pytest.fixture
def modeled(databases, database_kind):
    """The outcome of Peewee's own create_tables, described."""
    with databases.fresh(database_kind, leave_empty) as url:
        database = opened(url)
        with database.connection_context(), database.bind_ctx(models.TABLES):
            database.create_tables(models.TABLES)
            found = described(database)
        closed(database)
    return found


def described(database):
    """Everything that a table is, but the order of its parts: {table: {"columns": …, "indexes": …}}."""
    describe = _postgresql if database.for_update else _sqlite
    names = [name for name in database.get_tables() if name not in OURS]
    return {name: describe(database, name) for name in names}


def _sqlite(database, table):
    def ask(sql):
        return database.execute_sql(sql).fetchall()

    [(sql,)] = ask(f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'")
    indexes = ask(f"SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}' AND sql > ''")
    return {
        "columns": sorted(row[1:] for row in ask(f'PRAGMA table_info("{table}")')),
        "keys": sorted(row[2:] for row in ask(f'PRAGMA foreign_key_list("{table}")')),
        "indexes": sorted(_plain(index) for (index,) in indexes),
        "checks": sorted(_checks(sql)),
    }


def _plain(sql):
    return " ".join(sql.replace('"', "").replace(" IF NOT EXISTS", "").split())


def _checks(sql):
    """The conditions of every CHECK (…), found by counting parentheses."""
    for match in re.finditer(r"CHECK \(", sql):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        yield _plain(sql[match.end() : end - 1])


def _postgresql(database, table):
    def ask(sql):
        return [row[0] if len(row) == 1 else row for row in database.execute_sql(sql, (table,)).fetchall()]

    return {
        "columns": sorted(ask(
            "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_name = %s"
        )),
        "constraints": sorted(ask(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass "
            "AND contype <> 'n'"
        )),
        "indexes": sorted(ask("SELECT indexdef FROM pg_indexes WHERE tablename = %s")),
    }  # fmt: skip


# --- The outcome ---------------------------------------------------------------------------------


def test_the_outcome_is_what_the_models_say(migrated, modeled):
    assert set(migrated) == set(modeled) == {model._meta.table_name for model in models.TABLES}
    for table, parts in modeled.items():
        for part, wanted in parts.items():
            assert migrated[table][part] == wanted, f"{part} of {table}"


def test_the_description_would_notice_a_difference(empty_url):
    database = opened(empty_url)
    migrations.apply(database)
    with database.connection_context():
        before = described(database)
        database.execute_sql('DROP INDEX "line_period_once"')
        after = described(database)
    closed(database)

    assert before["line"]["indexes"] != after["line"]["indexes"]


def test_every_table_of_money_and_evidence_is_guarded(empty_url):
    database = opened(empty_url)
    migrations.apply(database)
    catalog = "SELECT tgname FROM pg_trigger" if database.for_update else (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )  # fmt: skip
    with database.connection_context():
        triggers = {name for (name,) in database.execute_sql(catalog).fetchall()}
    closed(database)

    for table in (
        "event",
        "invoice",
        "line",
        "payment",
        "credit",
        "allocation",
        "refund",
        "notice",
        "autopay",
    ):
        assert {f"{table}_no_delete", f"{table}_no_change"} <= triggers


# --- Running them --------------------------------------------------------------------------------


def test_the_second_run_finds_nothing_to_do(empty_url):
    database = opened(empty_url)

    assert migrations.pending(database) == ALL
    assert migrations.apply(database) == ALL
    assert migrations.apply(database) == []
    assert migrations.pending(database) == []
    closed(database)


def test_three_processes_at_once_migrate_once(empty_url):
    reports = processes(3, "migrate", empty_url)

    assert sorted(map(len, reports)) == [0, 0, len(ALL)]


def test_three_times_init_db_at_once_makes_one_company(empty_url):
    processes(3, "init_db", empty_url)

    database = opened(empty_url)
    with database.connection_context():
        assert models.Company.select().count() == 1
    closed(database)


def states_on_the_way():
    """The tables that there are before and after each migration."""
    states = [set()]
    for name in ALL:
        source = (Path(migrations.__file__).parent / f"{name}.py").read_text()
        states.append(states[-1] | set(re.findall(r'CREATE TABLE "(\w+)"', source)))
    return states


@pytest.mark.parametrize("point", [3, 10, 60, 120, 140])
def test_a_process_killed_in_the_middle_leaves_no_half_migration(empty_url, modeled, point):
    assert die_everywhere("migrate", empty_url, [{"point": point}]) == 1

    database = opened(empty_url)
    with database.connection_context():
        tables = set(database.get_tables()) - OURS
    assert tables in states_on_the_way()  # each migration whole or not at all
    migrations.apply(database)
    with database.connection_context():
        assert described(database) == modeled
    closed(database)
