"""Rules come in by init-db and load-rules; an import is refused what the law refuses."""

from datetime import datetime

import pytest

from billing import imports
from billing.renewals import rules
from models import Contract, RenewalRule

MAPPING = """
bill_from = 2026-12-01
[customer]
account_number = { column = "no" }
name = { column = "name" }
state = { column = "state" }
[contract]
name = "Monitoring agreement"
starts_on = 2026-12-01
term_months = 36
renewal_months = { column = "months" }
renewal_requested_on = { column = "asked" }
"""


@pytest.fixture
def check(db, company, tmp_path):
    rules.load_product(by="tests", now=datetime(2026, 12, 1))
    (tmp_path / "map.toml").write_text(MAPPING)

    def checked(rows):
        (tmp_path / "rows.csv").write_text("no,name,state,months,asked\n" + rows)
        return imports.check(tmp_path / "rows.csv", imports.read_mapping(tmp_path / "map.toml"))

    return checked


def test_an_import_is_refused_what_the_law_refuses_with_line_and_column(check):
    result = check("1,Ann,TN,24,\n2,Bob,AR,12,\n3,Cy,AR,12,2026-11-01\n4,Di,TX,60,\n")

    assert [(one.line, one.column) for one in result.refused] == [(2, "months"), (3, "months")]
    assert "Tennessee (Tenn. Code 62-32-325) allows renewals of at most a year at a time" in str(
        result.refused[0]
    )
    assert [record.customer["account_number"] for record in result.rows] == ["3", "4"]


def test_what_was_asked_for_is_kept_with_the_contract(check):
    imports.commit(check("3,Cy,AR,12,2026-11-01\n"), by="tests", now=datetime(2026, 12, 1))

    assert str(Contract.get().renewal_requested_on) == "2026-11-01"


def test_init_db_takes_the_rules_and_leaves_what_is_there(app):
    run = app.test_cli_runner().invoke

    assert run(args=["init-db"]).exit_code == 0
    count = RenewalRule.select().count()
    run(args=["init-db"])

    assert RenewalRule.select().count() == count == 35
    assert RenewalRule.select().where(RenewalRule.status == "active").count() == 35


def test_load_rules_says_what_became_of_a_file(app, tmp_path):
    run, file = app.test_cli_runner().invoke, tmp_path / "rules.csv"
    run(args=["init-db"])
    file.write_text("code,st,opens,closes\nGA-13-12-3,GA,90,30\n")

    first, second = (run(args=["load-rules", str(file)]) for _ in range(2))

    assert "GA-13-12-3: a draft now." in first.output and "0 rules in force, 1 draft." in first.output
    assert second.output == "The table says this already: nothing changed.\n"


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "This is no table of rules"),
        (b"a,b\n1,2\n", "This is no table of rules"),
        (b"code,state,color\nGA-1,GA,red\n", "No rule has a column color."),
        (b"code,state\nGA-1\n", "Line 2: it has more or fewer cells"),
        (b"code,state,anchor\nZZ-1,QQ,\n", "Write the state as two letters"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_of_rules_is_refused_in_words(app, tmp_path, content, said):
    file = tmp_path / "rules.csv"
    file.write_bytes(content)

    answer = app.test_cli_runner().invoke(args=["load-rules", str(file)])

    assert answer.exit_code == 1 and said in answer.output
    assert RenewalRule.select().count() == 0
