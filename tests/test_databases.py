"""The suite's own ground: every test has a database to itself, on both kinds."""

import signal
import subprocess
import sys
from pathlib import Path

import peewee
import pytest
from playhouse.db_url import connect

from tests.databases import KINDS, Databases, postgresql_server


def make_one_table(url: str) -> None:
    database = connect(url)
    database.execute_sql("CREATE TABLE lamp (name VARCHAR(20) NOT NULL)")
    database.close()


def lamps(url: str) -> list[str]:
    database = connect(url)
    names = [name for (name,) in database.execute_sql("SELECT name FROM lamp").fetchall()]
    database.close()
    return names


def add_lamp(url: str) -> None:
    database = connect(url)
    database.execute_sql("INSERT INTO lamp (name) VALUES ('porch')")
    database.close()


@pytest.fixture(scope="module")
def own_databases(tmp_path_factory):
    databases = Databases(tmp_path_factory.mktemp("own"))
    yield databases
    databases.close()


@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_every_test_its_own_copy(own_databases, kind):
    with (
        own_databases.fresh(kind, make_one_table) as first,
        own_databases.fresh(kind, make_one_table) as second,
    ):
        add_lamp(first)
        assert (lamps(first), lamps(second)) == (["porch"], [])


@pytest.mark.parametrize("kind", KINDS)
def test_it_builds_the_tables_once_only(own_databases, kind):
    built = []

    def build(url):
        built.append(url)
        make_one_table(url)

    for _ in range(2):
        with own_databases.fresh(kind, build) as url:
            assert lamps(url) == []
    assert len(built) == 1


def test_a_copy_that_was_made_ahead_is_as_new_as_the_first(own_databases):
    names = []
    for _ in range(4):
        with own_databases.fresh("postgresql", make_one_table) as url:
            assert lamps(url) == []
            add_lamp(url)
            names.append(url)
    assert len(set(names)) == 4


def test_it_takes_a_database_back_even_from_someone_still_connected(own_databases):
    with own_databases.fresh("postgresql", make_one_table) as url:
        left_open = connect(url)
        left_open.connect()
    own_databases.wait()
    with pytest.raises(peewee.OperationalError):
        connect(url).connect()
    left_open.close()


def test_it_refuses_a_template_that_is_still_written_to(own_databases):
    opened = []

    def build(url):
        database = connect(url, pragmas={"journal_mode": "wal"})
        database.execute_sql("CREATE TABLE lamp (name TEXT)")
        opened.append(database)

    with (
        pytest.raises(AssertionError, match="left its connection open"),
        own_databases.fresh("sqlite", build),
    ):
        pass
    opened[0].close()


START_AND_WAIT = """
from tests.databases import postgresql_server
with postgresql_server() as url:
    print(url.rpartition("host=")[2], flush=True)
    input()
"""


def test_it_clears_away_the_server_of_a_run_that_was_killed():
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killed:
        directory = Path(killed.stdout.readline().strip())
        killed.send_signal(signal.SIGKILL)
    assert directory.exists()
    with postgresql_server():
        assert not directory.exists()
