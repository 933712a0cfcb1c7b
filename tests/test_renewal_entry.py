"""Rules come in by init-db and load-rules; an import is refused what the law refuses."""

import csv
import io
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


def edited(tmp_path, **cells):
    """The table of the product as a file, with ``{code__column: text}`` changed."""
    rows = list(csv.DictReader(io.StringIO(rules.FILE.read_text("utf-8"))))
    for where, text in cells.items():
        code, _, column = where.partition("__")
        next(row for row in rows if row["code"] == code.replace("_", "-"))[column] = text
    file = tmp_path / "edited.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return file


def test_every_bad_row_of_a_file_is_named_with_its_line_and_column_and_nothing_is_taken(app, tmp_path):
    run = app.test_cli_runner().invoke
    run(args=["init-db"])
    file = edited(
        tmp_path, IL_601__opens_days="sixty", HI_481__opens_days="10", DE_2734__basis="",
        MN_57__anchor="someday", MA_38__closes_days="5.5", NC_7541__effective_from_on="07/01/2026",
        CT_126b__renewal_longer_than="", FL_501165__opens_days="75",
    )  # fmt: skip
    lines = file.read_text().splitlines()
    at = {line.partition(",")[0]: number for number, line in enumerate(lines, 1)}
    file.write_text("\n".join([*lines, lines[1], "GA-13-12-3,GA"]) + "\n")

    answer = run(args=["load-rules", str(file)])

    for said in (
        f"Line {at['IL-601']}, IL-601: “sixty” is not a whole number (opens_days).",
        f"Line {at['HI-481']}, HI-481, opens_days: It opens after it closes",
        f"Line {at['DE-2734']}, DE-2734: “” is not one of: term,",
        "MN-57: “someday” is not one of: deadline,",
        "MA-38: “5.5” is not a whole number (closes_days).",
        "NC-7541: “07/01/2026” is not a date. Write it like 2026-12-31 (effective_from_on).",
        "CT-126b: it is empty and wants a number (renewal_longer_than).",
        "Line 37, AR-ALARM: it stands on line 2 already.",
        "Line 38: it has more or fewer cells than the first line.",
        "Nothing of the file was taken.",
    ):
        assert said in answer.output
    assert answer.exit_code == 1 and RenewalRule.select().count() == 35


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
