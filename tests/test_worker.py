"""The worker: what hinders it is told in a sentence, and it goes on when the hindrance is gone."""

import pytest

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
