"""Who waits for a lock is told, and who stands still with one loses it: on both kinds of database."""

import threading

import psycopg
import pytest

import models
from billing import ledger
from billing.edges import database as databases
from billing.edges.database import TROUBLE, open_database, trouble_sentence
from models import Customer
from tests.at_once import processes
from tests.factories import make_customer
from tests.sandbox_process import eventually


@pytest.fixture
def impatient(request, database_url, monkeypatch):
    """The same database, opened by somebody who does not wait for long. Its parameter: for what."""
    monkeypatch.setattr(databases, request.param, 0.2)
    database, before = open_database(database_url), models.db.obj
    models.db.initialize(database)
    yield database
    database.close_all()
    models.db.initialize(before)


def lock(customer, held, free):
    """Hold the customer's lock, as a stopped process does, until ``free`` is set."""
    with models.db.connection_context(), ledger.locked(customer.id):
        held.set()
        free.wait()


@pytest.mark.parametrize("impatient", ["BUSY_SECONDS"], indirect=True)
def test_who_waits_for_a_locked_account_is_told_that_the_database_is_busy(impatient):
    with impatient.connection_context():
        alice = make_customer("Alice Archer")
    held, free = threading.Event(), threading.Event()
    holder = threading.Thread(target=lock, args=(alice, held, free))
    holder.start()
    assert held.wait(60)

    try:
        with pytest.raises(TROUBLE) as refused, impatient.connection_context(), ledger.locked(alice.id):
            pass
    finally:
        free.set()
        holder.join()

    assert trouble_sentence(refused.value) == databases.BUSY


@pytest.mark.parametrize("impatient", ["IDLE_SECONDS"], indirect=True)
def test_who_stands_still_within_a_transaction_loses_it_and_can_begin_anew(
    impatient, database_url, database_kind
):
    if database_kind == "sqlite":
        pytest.skip("a file is locked by its process: who dies or goes on gives it back")
    with impatient.connection_context():
        alice = make_customer("Alice Archer")
        me = impatient.connection().info.backend_pid
        with pytest.raises(TROUBLE) as lost, ledger.locked(alice.id):
            Customer.update(name="Somebody else").execute()
            assert eventually(lambda: not is_connected(me, database_url))
            Customer.get_by_id(alice.id)
    assert "Nothing was changed; please try again" in trouble_sentence(lost.value)

    with impatient.connection_context():
        assert Customer.get_by_id(alice.id).name == "Alice Archer"


def is_connected(pid, url):
    """Whether the server still has the connection with this process id."""
    with psycopg.connect(url) as other:
        return other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()


def test_many_who_open_a_new_database_at_the_same_moment_all_come_in(empty_url):
    """Each turns the new SQLite file into a WAL file, where SQLite refuses without waiting."""
    for _ in range(3):
        assert processes(4, "look", empty_url) == [1] * 4
