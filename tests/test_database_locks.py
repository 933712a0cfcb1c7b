"""Who waits for a lock is told, and who stands still with one loses it: on both kinds of database."""

import threading
import time

import pytest

import models
from billing import ledger
from billing.edges import database as databases
from billing.edges.database import TROUBLE, open_database, trouble_sentence
from models import Customer
from tests.at_once import processes
from tests.factories import make_customer


@pytest.fixture
def impatient(database_url, monkeypatch):
    """The same database, opened by somebody who does not wait for long."""
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.2)
    monkeypatch.setattr(databases, "IDLE_SECONDS", 0.6)
    database, before = open_database(database_url), models.db.obj
    models.db.initialize(database)
    yield database
    database.close_all()
    models.db.initialize(before)


def lock(customer, held, free):
    """Hold the customer's lock, as a stopped process does, until ``free`` is set."""
    try:
        with models.db.connection_context(), ledger.locked(customer.id):
            held.set()
            free.wait(10)
    except TROUBLE:
        pass  # it stood still for too long: what the other test is about


def test_who_waits_for_a_locked_account_is_told_that_the_database_is_busy(impatient):
    with impatient.connection_context():
        alice = make_customer("Alice Archer")
    held, free = threading.Event(), threading.Event()
    holder = threading.Thread(target=lock, args=(alice, held, free))
    holder.start()
    assert held.wait(5)

    began = time.monotonic()
    try:
        with pytest.raises(TROUBLE) as refused, impatient.connection_context(), ledger.locked(alice.id):
            pass
    finally:
        free.set()
        holder.join()

    assert trouble_sentence(refused.value) == databases.BUSY
    assert time.monotonic() - began < 5


def test_who_stands_still_within_a_transaction_loses_it_and_can_begin_anew(impatient, database_kind):
    if database_kind == "sqlite":
        pytest.skip("a file is locked by its process: who dies or goes on gives it back")
    with impatient.connection_context():
        alice = make_customer("Alice Archer")
        with pytest.raises(TROUBLE) as lost, ledger.locked(alice.id):
            Customer.update(name="Somebody else").execute()
            time.sleep(0.9)
            Customer.get_by_id(alice.id)
    assert "Nothing was changed; please try again" in trouble_sentence(lost.value)

    with impatient.connection_context():
        assert Customer.get_by_id(alice.id).name == "Alice Archer"


def test_many_who_open_a_new_database_at_the_same_moment_all_come_in(empty_url):
    """Each turns the new SQLite file into a WAL file, where SQLite refuses without waiting."""
    for _ in range(3):
        assert processes(4, "look", empty_url) == [1] * 4
