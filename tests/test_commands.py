"""The command line as a person or cron types it: help, exit statuses, silence, and real data in real time."""

import csv
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import psycopg
import pytest

from billing.edges.database import open_database
from tests import forks
from tests.databases import leave_empty

ROOT = Path(__file__).parent.parent
TELCO = ROOT.parent / "shared" / "data" / "telco-customers.csv"
IMPORT = ("import-customers", "--map", "tests/data/telco.toml", "--commit", "--release")
NAMES = (
    "init-db", "create-staff", "import-customers", "import-release", "import-undo", "daily", "check-books",
    "send-notices", "pay-link", "demo", "worker", "settings", "certificate", "check-gateway",
    "import-payments", "import-calls", "verify-proof",
)  # fmt: skip


@pytest.fixture
def url(databases, database_kind):
    """A database without any table, as ``init-db`` finds it."""
    with databases.fresh(database_kind, leave_empty) as url:
        yield url


@pytest.fixture
def flask(url):
    """``flask("daily")``: run a command in a process of its own, without a terminal."""
    return typed(url)


@pytest.fixture
def flask_on_sqlite(databases):
    with databases.fresh("sqlite", leave_empty) as url:
        yield typed(url)


def typed(url):
    def run(*arguments, **settings):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PORCHLIGHT_")
        }
        environment |= {"PORCHLIGHT_DATABASE_URL": url, **{f"PORCHLIGHT_{k}": v for k, v in settings.items()}}
        return forks.flask(arguments, environment)

    run.url = url
    return run


def good(result):
    """A command that went well and said so on standard output only."""
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    return result.stdout


def refused(result, status=1):
    """A command that refused in words: no traceback, nothing on standard output."""
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def ask(url, sql):
    """The rows of a query, through no code of ours."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        with connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows
    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_every_command_is_there_and_says_what_it_does(app):
    runner = app.test_cli_runner()

    assert set(NAMES) <= set(app.cli.commands)
    for name in NAMES:
        result = runner.invoke(args=[name, "--help"])
        assert result.exit_code == 0, name
        described = result.output.split("\n\n")[1].strip()
        assert described.endswith(".") and len(described) > 20, name
        for option in app.cli.commands[name].params:
            assert isinstance(option, click.Argument) or option.help, f"{name} {option.name}"


def test_what_is_typed_wrong_has_its_own_exit_status(app):
    runner = app.test_cli_runner()

    for wrong in (
        *(["daily", "--on"], ["daily", "--as-of", "soon"], ["pay-link", "abc"], ["pay-link"]),
        *(["import-customers", "/nowhere.csv", "--map", "x"], ["send-notices", "--limit", "0"]),
    ):
        assert runner.invoke(args=wrong).exit_code == 2, wrong


def test_from_nothing_to_sound_books(flask):
    assert "Applied 0001_first_tables" in good(flask("init-db"))
    assert good(flask("init-db")) == "The tables are up to date.\n"
    assert good(flask("check-books")) == "The books are sound: nothing found.\n"
    assert good(flask("send-notices")).startswith("0 sent")


def test_the_first_person_of_the_back_office_is_let_in_once(flask, url):
    good(flask("init-db"))
    typed = ("create-staff", "Olga@Lantern.example", "--role", "owner", "--password", "a long enough secret")

    assert good(flask(*typed)) == "olga@lantern.example can sign in now, as owner.\n"

    [(name, role, kept)] = ask(url, "SELECT name, role, password_hash FROM staff")
    assert (name, role, kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")) == ("Olga", "owner", True)
    assert "is a member of staff already" in refused(flask(*typed))
    assert "at least" in refused(flask("create-staff", "a@b.example", "--password", "short"))
    assert "not an e-mail address" in refused(
        flask("create-staff", "Olga", "--password", "a long enough secret")
    )
    refused(flask(*typed[:-2], "--role", "king"), status=2)
    assert ask(url, "SELECT COUNT(*) FROM staff") == [(1,)]


def test_before_init_db_every_command_says_what_to_do(flask):
    assert "init-db" in refused(flask("daily"))


def test_with_the_tables_of_an_older_version_every_command_says_what_to_do(flask, url):
    good(flask("init-db"))
    database = open_database(url)
    with closing(database.connection()):
        database.execute_sql("ALTER TABLE company DROP COLUMN website")

    assert "init-db" in refused(flask("daily"))


def test_a_pay_link_is_for_an_invoice_that_can_be_paid(flask):
    good(flask("init-db"))

    assert "There is no invoice 10001." in refused(flask("pay-link", 10001))
    refused(flask("pay-link", "9" * 40), status=2)


def test_an_unknown_setting_stops_every_command_with_a_sentence(flask):
    assert "There is no setting PORCHLIGHT_MAILPORT" in refused(flask("check-books", MAILPORT="25"))
    assert "production" in refused(flask("daily", MODE="production")).lower()


def set_up(flask):
    """A company that can bill: without a name and an address nothing is issued."""
    good(flask("init-db"))
    ask(
        flask.url,
        "UPDATE company SET name = 'Lantern', email = 'a@example.com', street = '1 Main', city = 'Austin', "
        "state = 'TX', zip = '78701'",
    )


def test_books_that_do_not_add_up_are_told_by_the_exit_status(flask, url, tmp_path):
    own_telco(tmp_path / "small.csv")
    set_up(flask)
    good(flask(*IMPORT, tmp_path / "small.csv"))
    good(flask("daily", "--as-of", "2026-12-01", "--only", "bill"))
    ask(url, "UPDATE invoice SET open_cents = 1 WHERE number = 2")

    result = flask("check-books")

    assert result.returncode == 1
    assert "open amount is not its total less what paid it: 1 (for example 2)" in result.stderr
    assert "1 findings" in result.stdout


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(flask_on_sqlite, tmp_path):
    flask = flask_on_sqlite
    for bad in (
        f"sqlite:///{tmp_path}/nowhere/x.db",
        f"sqlite:///{tmp_path}",
        "postgresql://nobody@127.0.0.1:9/x",
    ):
        refused(flask("check-books", DATABASE_URL=bad))
    (tmp_path / "text.db").write_text("This is no database." * 100)
    refused(flask("check-books", DATABASE_URL=f"sqlite:///{tmp_path}/text.db"))
    assert "must start with sqlite" in refused(flask("check-books", DATABASE_URL="mysql://x"))


# --- Real data -----------------------------------------------------------------------------------


def own_telco(path):
    """A smaller file of our own with the columns of the sample. Returns (invoices, lines, cents)."""
    columns = (
        "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,"
        "OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,"
        "PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges,Churn"
    ).split(",")
    usual = dict(zip(columns, (
        "0001-A,Female,0,Yes,No,12,Yes,No,DSL,Yes,No,No,No,Yes,No,One year,Yes,Mailed check,60.00,720.00,No"
    ).split(","), strict=True))  # fmt: skip
    nothing = dict.fromkeys(columns[9:15], "No internet service")
    rows = [
        usual,  # phone, security, TV, base
        {**usual, "customerID": "0002-B", "Churn": "Yes"},
        {
            **usual,
            "customerID": "0003-C",
            "MonthlyCharges": "20.05",
            "InternetService": "No",
            **nothing,
        },  # base
        {**usual, "customerID": "0004-D", "MultipleLines": "Yes", "MonthlyCharges": "70.00"},  # one more
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return 3, 4 + 1 + 5, 6000 + 2005 + 7000


def test_the_sample_comes_in_and_is_billed_to_the_cent(flask, url, tmp_path):
    source, wanted = TELCO, (5174, 21592, 31698575)
    if not TELCO.exists():
        source = tmp_path / "telco.csv"
        wanted = own_telco(source)
    set_up(flask)

    told = good(flask(*IMPORT, source))
    billed = good(flask("daily", "--as-of", "2026-12-01", "--only", "bill"))

    assert "Written as import 1 and released." in told
    assert f"{wanted[0]:,} invoices with {wanted[1]:,} lines" in billed
    assert f"${wanted[2] // 100:,}.{wanted[2] % 100:02d}" in billed
    assert ask(url, "SELECT COUNT(*), SUM(total_cents) FROM invoice WHERE state = 'issued'") == [
        (wanted[0], wanted[2])
    ]
    assert ask(url, "SELECT COUNT(*) FROM line") == [(wanted[1],)]
    assert "0 invoices" in good(flask("daily", "--as-of", "2026-12-01", "--only", "bill"))
    assert good(flask("check-books")) == "The books are sound: nothing found.\n"


def test_our_own_small_file_gives_its_figures_too(flask_on_sqlite, tmp_path):
    flask = flask_on_sqlite
    invoices, lines, cents = own_telco(tmp_path / "small.csv")
    set_up(flask)
    good(
        flask(
            "import-customers",
            tmp_path / "small.csv",
            "--map",
            "tests/data/telco.toml",
            "--commit",
            "--release",
        )
    )

    billed = good(flask("daily", "--as-of", "2026-12-01", "--only", "bill"))

    assert f"{invoices} invoices with {lines} lines, ${cents / 100:,.2f}" in billed
