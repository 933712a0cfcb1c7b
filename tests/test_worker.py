"""The worker: what hinders it is told in a sentence, and it goes on when the hindrance is gone."""

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from billing.edges import commands
from models import db


@pytest.fixture
def bare(app):
    """An application whose tables are not made yet."""
    with db.connection_context():
        db.execute_sql("ALTER TABLE company RENAME TO company_of_before")
    return app


def test_without_tables_it_says_what_to_do(bare):
    result = bare.test_cli_runner().invoke(args=["worker", "--once"])

    assert (result.exit_code, "init-db" in result.output) == (1, True)


def test_it_outlives_a_database_that_cannot_be_used_for_a_while(bare, monkeypatch):
    rests = []

    def rest(seconds):
        """Somebody puts it right while the worker rests; then it is stopped."""
        rests.append(seconds)
        if len(rests) == 2:
            raise KeyboardInterrupt
        with db.connection_context():
            db.execute_sql("ALTER TABLE company_of_before RENAME TO company")

    monkeypatch.setattr(commands.time, "sleep", rest)

    bare.test_cli_runner().invoke(args=["worker"])

    assert rests == [commands.WORKER_REST_SECONDS, commands.WORKER_PAUSE_SECONDS]


@pytest.fixture
def read_only(app, database_url):
    """An application whose database may only be read, as a standby or one in maintenance."""
    if db.for_update:
        with psycopg.connect(database_url, autocommit=True) as connection:
            name = Identifier(connection.info.dbname)
            connection.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        db.close_all()
    else:
        db.connect()
        db.pragma("query_only", 1, permanent=True)
        db.close()
    return app


@pytest.mark.parametrize("command", ["daily", "send-notices"])
def test_a_database_that_may_only_be_read_is_a_sentence(read_only, command):
    result = read_only.test_cli_runner().invoke(args=[command])

    assert (result.exit_code, "can only be read" in result.output) == (1, True), result.output
