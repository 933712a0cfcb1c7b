"""Numbered schema changes, applied in order by ``flask init-db`` and safe to run again.

Each file has ``up(migrator, db)`` and its own frozen copy of what it needs: it must give the same
tables years later, whatever ``models.py`` says by then. A test compares the outcome with the models.
"""

import pathlib
from contextlib import contextmanager

from playhouse.migrations import Runner

FOLDER = pathlib.Path(__file__).parent
LOCK = 728_100  # any number that is only ours


def apply(db):
    """Apply what is missing, one process at a time. Returns the names of what was applied."""
    with db.connection_context(), _alone(db):
        return Runner(db, str(FOLDER)).up()


def pending(db):
    """Names of the migrations that this database has not seen yet."""
    with db.connection_context():
        return [row.name for row in Runner(db, str(FOLDER)).status() if row.path and not row.applied]


@contextmanager
def _alone(db):
    """Keep a second migrating process waiting: the runner itself takes no lock."""
    if not db.for_update:  # SQLite: one IMMEDIATE transaction around all of it
        with db.atomic():
            yield
        return
    db.execute_sql("SET lock_timeout = 0")  # for as long as the other one works
    db.execute_sql("SELECT pg_advisory_lock(%s)", (LOCK,))
    db.execute_sql("RESET lock_timeout")
    try:
        yield
    finally:
        db.execute_sql("SELECT pg_advisory_unlock(%s)", (LOCK,))
