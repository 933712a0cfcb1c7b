"""The application of a test: made once for each set of settings, and as it was made for every test.

Most of the time that a page's test took went into making its application: the routes of every screen, and
every template anew. None of that changes; what tests do change is taken back here.
"""

import contextlib
import functools

import models
from billing.edges.database import open_database
from tests import folders

_made = {}


@contextlib.contextmanager
def application(database_url, clock, **settings):
    """The whole application on a database, at a clock. ``settings``: more for ``create_app``."""
    made = _as_made(settings)
    made.config["DATABASE_URL"], made.clock = database_url, clock
    own = open_database(database_url)
    models.db.initialize(own)
    yield made
    for database in {own, models.db.obj}:  # another fixture may have bound its own meanwhile
        if not database.is_closed():
            database.close()
        database.close_all()


@functools.cache
def _files():
    """The folder of what customers send: of the process that has an application, not of its forks."""
    return folders.made("files")


def _as_made(settings):
    from app import create_app

    key = tuple(sorted(settings.items()))
    if key not in _made:
        made = create_app(MODE="test", DATABASE_URL="sqlite:///:memory:", FILES=_files().name, **settings)
        _made[key] = made, dict(vars(made)), dict(made.config), dict(made.extensions)
    made, attributes, config, extensions = _made[key]
    vars(made).clear()
    vars(made).update(attributes)
    for changed, original in ((made.config, config), (made.extensions, extensions)):
        changed.clear()
        changed.update(original)
    return made
