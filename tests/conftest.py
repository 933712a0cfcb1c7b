"""The cast and the stage of every test: a fresh database on SQLite and on PostgreSQL, a clock, an app.

Alice is a customer, Bob is another who must never see Alice's things; Sam and Olga are staff. A test that
takes ``db`` (or anything built on it) runs on both databases. Real parts throughout: real SMTP, real
HTTP to the gateway sandbox, no stand-in for our own code.
"""

from datetime import date
from pathlib import Path

import argon2
import pytest
from hypothesis import HealthCheck, settings

import migrations
import models
from admin import security
from billing import checks
from billing.edges.clock import FixedClock
from billing.edges.database import open_database
from tests import factories, folders
from tests.apps import application
from tests.autopaying import Autopaying
from tests.databases import KINDS, Databases, leave_empty
from tests.paying import Listener, Paying
from tests.sandbox_process import SandboxProcess

TODAY = date(2026, 12, 1)

# The same examples in every run, however busy the machine is. `--hypothesis-profile=hunt` looks for new ones.
settings.register_profile("hunt", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("hunt"), derandomize=True)
settings.load_profile("steady")


def pytest_addoption(parser):
    parser.addoption("--database", choices=(*KINDS, "both"), default="both", help="run on one database only")
    parser.addoption("--latency", type=int, default=0, help="milliseconds that the browser's network takes")
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden from what is rendered now"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "one_database: the database plays no part; SQLite, unless told")


def pytest_generate_tests(metafunc):
    if "database_kind" in metafunc.fixturenames:
        chosen, once = metafunc.config.getoption("database"), KINDS[:1]
        both = once if metafunc.definition.get_closest_marker("one_database") else KINDS
        metafunc.parametrize("database_kind", both if chosen == "both" else [chosen], scope="function")


@pytest.fixture(scope="session")
def databases():
    with folders.made("sqlite", folders.memory()) as folder:
        made = Databases(Path(folder))
        yield made
        made.close()


def build(url):
    """An empty database with every table and one company, as ``init-db`` leaves it."""
    database = open_database(url)
    migrations.apply(database)
    with database.bind_ctx(models.TABLES), database.connection_context():
        factories.make_company()
    if hasattr(database, "close_all"):
        database.close_all()


@pytest.fixture
def database_url(databases, database_kind):
    with databases.fresh(database_kind, build) as url:
        yield url


@pytest.fixture
def db(database_url):
    """The bound and connected database of one test."""
    database = open_database(database_url)
    models.db.initialize(database)
    database.connect()
    yield database
    database.close()
    if hasattr(database, "close_all"):
        database.close_all()


@pytest.fixture
def sound_books(db):
    """Whatever happens in the test, the books add up at its end."""
    yield
    models.db.initialize(db)  # an application bound its own, and closed it
    assert [str(finding) for finding in checks.run()] == []


@pytest.fixture(scope="session", autouse=True)
def quick_passwords():
    """Passwords that are hashed in no time; how the real command hashes them has its test."""
    security._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    security._DECOY = security._hasher.hash("a decoy")


@pytest.fixture
def clock():
    return FixedClock(TODAY)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory):
    """One sandbox process for the session, which sends its webhooks to nobody."""
    with SandboxProcess(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process):
    """An empty sandbox, for tests that talk to it themselves."""
    sandbox_process.post_control("reset")
    return sandbox_process


@pytest.fixture(scope="session")
def gateway_sandbox(tmp_path_factory):
    """One sandbox process for the session, and the listener that gets its webhooks."""
    state = tmp_path_factory.mktemp("gateway") / "sandbox.sqlite"
    with Listener() as listener, SandboxProcess(state, listener.url) as process:
        yield process, listener


@pytest.fixture
def paying(db, clock, gateway_sandbox):
    """A customer's way through an online payment, at an empty gateway whose clock follows the test's."""
    return Paying(*gateway_sandbox, clock)


@pytest.fixture
def autopaying(paying):
    """The autopay step, with customers whose methods the sandbox keeps."""
    return Autopaying(paying)


@pytest.fixture
def company(db):
    return models.Company.get()


@pytest.fixture
def alice(db):
    return factories.make_customer("Alice Archer", email="alice@example.com")


@pytest.fixture
def bob(db):
    return factories.make_customer("Bob Baker", email="bob@example.com")


@pytest.fixture
def app(database_url, clock):
    """The whole application on the test's database, with a clock that stands still."""
    with application(database_url, clock) as made:
        yield made


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def empty_url(databases, database_kind):
    with databases.fresh(database_kind, leave_empty) as url:
        yield url
