"""Importing what is wrong: each fault gives one sentence with its place, and nothing is written."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from billing import imports
from billing.edges.database import open_database
from billing.errors import BillingError
from models import Customer, ImportBatch, Item
from tests.conftest import build
from tests.test_imports import NOW

HEAD = "Acct,Name,State,ZIP,Email,Start,End,Cycle,Amount,Fire"
GOOD = "1,Ann,TX,78701,ann@example.com,2026-01-15,,M,20.00,N"
MAPPING = """
bill_from = 2026-12-01

[codes]
Fire = ["Y", "N"]

[items]
MONITORING = { name = "Monitoring" }

[customer]
account_number = "{Acct}"
name = "{Name}"
state = "{State}"
zip = "{ZIP}"

[contact]
name = "{Name}"
email = "{Email}"

[site]
name = "Home"

[contract]
name = "Agreement"
starts_on = "{Start}"
ends_on = "{End}"

[charges]
cycle_months = { column = "Cycle", values = { M = 1, Y = 12 } }

[[charge]]
item = "MONITORING"
amount = { remainder_of = "Amount" }

[[charge]]
item = "MONITORING"
text = "Fire"
when = { Fire = "Y" }
amount = "12.00"
"""


@pytest.fixture(scope="module")
def books(databases):
    """One SQLite database for all of these tests: none of them leaves anything in it."""
    with databases.fresh("sqlite", build) as url:
        models.db.initialize(open_database(url))
        with models.db.connection_context():
            yield


@pytest.fixture
def checked(tmp_path, books):
    """Check a file of these contents; returns the Result."""

    def check(content, mapping=MAPPING):
        (tmp_path / "map.toml").write_text(mapping)
        (tmp_path / "file.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return imports.check(tmp_path / "file.csv", imports.read_mapping(tmp_path / "map.toml"))

    return check


def row(**changes):
    """The good row with some cells changed."""
    cells = dict(zip(HEAD.split(","), GOOD.split(","), strict=True))
    return ",".join(f'"{cell}"' for cell in {**cells, **changes}.values())


# --- Rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"Amount": "12,50"}, "Line 3, Amount: “12,50” is not an amount. Write it like 42.50."),
        ({"Amount": "-5"}, "Line 3, Amount: “-5” is not an amount. Write it like 42.50."),
        ({"Amount": "1e9"}, "Line 3, Amount: “1e9” is not an amount. Write it like 42.50."),
        ({"Amount": "9" * 40}, "Line 3, Amount: This amount is too large."),
        ({"Amount": ""}, "Line 3, Amount: charge 1.amount.remainder_of is empty."),
        ({"Start": "2026-02-30"}, "Line 3, Start: “2026-02-30” is not a date. Write it like 2026-12-31."),
        ({"Start": "0026-01-01"}, "Line 3, Start: “0026-01-01” is not a date. Write it like 2026-12-31."),
        ({"Start": "yesterday"}, "Line 3, Start: “yesterday” is not a date. Write it like 2026-12-31."),
        ({"Start": ""}, "Line 3, Start: contract.starts_on is empty."),
        ({"End": "2026-01-14"},
         "Line 3, End: The contract ends on 2026-01-14, before it starts on 2026-01-15."),
        ({"State": "Texas"}, "Line 3, State: “Texas” has 5 characters; at most 2 fit."),
        ({"State": "ZZ"}, "Line 3, State: “ZZ” is not a state. Write its two letters, such as TX."),
        ({"ZIP": "2139"},
         "Line 3, ZIP: “2139” is not a ZIP code. It has five digits, or nine like 78701-1234."),
        ({"Email": "ann at home"}, "Line 3, Email: “ann at home” is not a mail address."),
        ({"Cycle": "W"}, "Line 3, Cycle: “W” is not one of: M, Y (for charge 1.cycle_months)."),
        ({"Fire": "maybe"}, "Line 3, Fire: “maybe” is not one of: Y, N."),
        ({"Fire": "Y", "Amount": "11.99"},
         "Line 3, Amount: The other charges add up to $12.00, more than $11.99."),
        ({"Acct": ""}, "Line 3, Acct: customer.account_number is empty."),
        ({"Acct": "1" * 21}, "Line 3, Acct: “111111111111111111111” has 21 characters; at most 20 fit."),
        ({"Acct": "1\x00"}, "Line 3, Acct: The cell contains a NUL byte."),
        ({"Name": "Two\nlines"},
         "Line 3, Name: “Two�lines” contains an unprintable character. Is the encoding right?"),
        ({"Acct": "1"}, "Line 3, Acct: “1” stands on line 2 already."),
    ],
)  # fmt: skip
def test_it_refuses_a_row_with_its_line_column_and_reason(checked, changes, sentence):
    result = checked(f"{HEAD}\n{GOOD}\n{row(**{'Acct': '2', **changes})}\n")

    assert str(result.refused[0]) == sentence
    assert [record.line for record in result.rows] == [2]


def test_it_names_every_fault_of_a_row_once(checked):
    result = checked(f"{HEAD}\n{row(State='ZZ', ZIP='1', Email='x', Start='never')}\n")

    assert [refusal.column for refusal in result.refused] == ["Email", "Start", "State", "ZIP"]
    assert result.totals.rows_refused == 1


def test_it_refuses_a_name_of_ten_thousand_characters_in_a_short_sentence(checked):
    result = checked(f"{HEAD}\n{row(Name='x' * 10_000)}\n")

    assert {refusal.reason for refusal in result.refused} == {
        f"“{'x' * 40}…” has 10,000 characters; at most 100 fit.",
        f"“{'x' * 40}…” has 10,000 characters; at most 80 fit.",
    }


@pytest.mark.parametrize(("cells", "count"), [("1,Ann", 2), (GOOD + ",more", 11)])
def test_it_refuses_a_row_with_too_few_or_too_many_fields(checked, cells, count):
    result = checked(f"{HEAD}\n{cells}\n")

    assert [str(refusal) for refusal in result.refused] == [
        f"Line 2: The row has {count} fields; the header has 10."
    ]


def test_it_counts_lines_as_an_editor_does_when_a_cell_has_line_breaks(checked):
    result = checked(f"{HEAD}\n{row(Name='A' + chr(10) * 3 + 'B')}\n{row(Acct='2', State='ZZ')}\n")

    assert sorted({refusal.line for refusal in result.refused}) == [2, 6]


def test_it_refuses_an_account_number_that_a_customer_has_already(checked):
    taken = Customer.create(account_number="777", name="Here first")

    result = checked(f"{HEAD}\n{row(Acct='777')}\n{row(Acct='778')}\n")

    assert [str(refusal) for refusal in result.refused] == [
        "Line 2, Acct: “777” is the account number of another customer already."
    ]
    taken.delete_instance()


def test_a_commit_with_a_refused_row_writes_nothing(checked):
    result = checked(f"{HEAD}\n{GOOD}\n{row(Acct='2', Amount='-5')}\n")

    with pytest.raises(BillingError, match="^Nothing was written, because of 1 refused row in file.csv.$"):
        imports.commit(result, by="import", now=NOW)

    assert (Customer.select().count(), Item.select().count(), ImportBatch.select().count()) == (0, 0, 0)


def test_a_commit_of_no_rows_is_refused(checked):
    with pytest.raises(BillingError, match="^file.csv has no row to import.$"):
        imports.commit(checked(HEAD + "\n"), by="import", now=NOW)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("starts_on = 2026-11-01",
         "The charge starts on 2026-11-01, so time before 2026-12-01 would be billed again."),
        ("ends_on = 2026-10-01\nstarts_on = 2026-10-02",
         "The charge ends on 2026-10-01, before it starts on 2026-10-02."),
        ('discount = "9.00"', "The discount is larger than the charge."),
    ],
)  # fmt: skip
def test_it_refuses_a_charge_that_cannot_be(checked, line, sentence):
    mapping = MAPPING.replace('amount = { remainder_of = "Amount" }', f'amount = "8.00"\n{line}')

    result = checked(f"{HEAD}\n{GOOD}\n", mapping)

    assert [refusal.reason for refusal in result.refused] == [f"{sentence} (charge 1)"]


def test_it_refuses_a_charge_that_outlives_its_contract(checked):
    mapping = MAPPING.replace("[charges]", "[charges]\nends_on = 2027-12-31")

    result = checked(f"{HEAD}\n{row(End='2027-06-30')}\n", mapping)

    assert "after its contract (2027-06-30)" in result.refused[0].reason


def test_it_refuses_items_and_tax_codes_that_nobody_knows(checked):
    mapping = MAPPING.replace('name = "Home"', 'name = "Home"\njurisdiction = "{Cycle}"').replace(
        'item = "MONITORING"\ntext', 'item = "{Cycle}"\ntext'
    )

    result = checked(f"{HEAD}\n{GOOD}\n{row(Acct='2', Cycle='', Fire='Y')}\n", mapping)

    assert [refusal.reason for refusal in result.refused] == [
        "“M” is not a tax code with a rate. Add the rate first, or leave it empty.",
        "charge 2.item is empty.",
    ]


def test_it_refuses_an_item_that_is_not_sold_any_more(checked):
    retired = Item.create(code="MONITORING", name="Old", retired_on=NOW.date())

    result = checked(f"{HEAD}\n{GOOD}\n")

    assert result.refused[0].reason == "The item “MONITORING” is retired. (charge 1)"
    retired.delete_instance()


@pytest.mark.parametrize("months", ["-1", "1.5", "99999", "x"])
def test_it_refuses_months_that_lead_nowhere(checked, months):
    mapping = MAPPING.replace('"{Start}"', '{ date = 2026-12-01, minus_months = "{Start}" }')

    result = checked(f"{HEAD}\n{row(Start=months)}\n", mapping)

    assert [(refusal.line, refusal.column) for refusal in result.refused] == [(2, "Start")]


# --- Whole files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "file.csv is empty."),
        ("\n\n  \n", "file.csv is empty."),
        (f'{HEAD}\n{GOOD}\n2,"Ann,TX\n3,Bob,TX\n',
         "file.csv, line 3: a quotation mark opens in this row and is never closed."),
        (f'{HEAD}\n2,"An"n,TX\n',
         "file.csv, line 2: text follows a closing quotation mark. Quotation marks inside of a field are "
         "doubled."),
        (f'{HEAD}\n"{"x" * 200_000}\n',
         "file.csv, line 2: a field is far too long; perhaps a quotation mark opens in this row and is "
         "never closed."),
        ("Acct,Name,Acct\n", "file.csv, line 1: “Acct” stands there as column 1 and as column 3."),
        (f"{HEAD}\n{GOOD}\n2,Zoë\n".encode("cp1252"),
         "file.csv, line 3: byte 112 (0xEB) is not utf-8. Save the file as UTF-8, or set its encoding, "
         'perhaps encoding = "cp1252", under [file] in the mapping.'),
        (HEAD.encode("utf-16"),
         'file.csv is in UTF-16. Set encoding = "utf-16" under [file] in the mapping.'),
        (HEAD.encode("utf-16-le"), "file.csv, line 1 contains NUL bytes. Save the file as CSV in UTF-8."),
        (HEAD.replace(",", ";"), "Is the delimiter right?"),
        (HEAD.replace("Acct,", "Nr,"),
         "file.csv has no column “Acct” (customer.account_number). It has: Nr, Name, State, ZIP, Email, "
         "Start, "
         "End, Cycle, Amount, Fire."),
    ],
)  # fmt: skip
def test_it_refuses_a_file_that_cannot_be_read_as_a_whole(checked, content, sentence):
    with pytest.raises(BillingError) as refusal:
        checked(content)

    assert str(refusal.value).endswith(sentence)


def test_it_says_so_when_the_mapping_names_another_encoding_than_the_file_has(checked):
    mapping = 'file.encoding = "cp1252"\n' + MAPPING
    with pytest.raises(BillingError, match="file.csv is in UTF-8. Take encoding out"):
        checked(HEAD.encode("utf-8-sig"), mapping)

    mapping = 'file.encoding = "ascii"\n' + MAPPING
    with pytest.raises(BillingError, match='line 1: byte 1 .0xC3. is not ascii.*encoding = "utf-8"'):
        checked("É", mapping)


def test_it_refuses_a_directory_a_missing_and_an_unreadable_file(tmp_path, books):
    (tmp_path / "map.toml").write_text(MAPPING)
    mapping = imports.read_mapping(tmp_path / "map.toml")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for path, why in (
        (tmp_path, "Is a directory"),
        (tmp_path / "no", "No such file"),
        (tmp_path / "loop", "symbolic"),
    ):
        with pytest.raises(BillingError, match=rf"^Cannot read {path}: .*{why}"):
            imports.check(path, mapping)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_it_refuses_a_file_that_it_may_not_read(tmp_path, books):
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "file.csv").touch(mode=0)

    with pytest.raises(BillingError, match="Permission denied"):
        imports.check(tmp_path / "file.csv", imports.read_mapping(tmp_path / "map.toml"))


@settings(max_examples=150, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: f"{HEAD}\n{text}".encode())
    )
)
def test_whatever_the_file_holds_the_answer_is_a_result_or_a_sentence(books, content):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "map.toml").write_text(MAPPING)
        (folder / "file.csv").write_bytes(content)
        mapping = imports.read_mapping(folder / "map.toml")
        try:
            assert imports.report_lines(imports.check(folder / "file.csv", mapping))
        except BillingError as refusal:
            assert str(refusal).startswith("file.csv")


# --- Mappings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("bill_from = 2026-12-01", "",
         "bill_from: write the first day that is billed here, like bill_from = 2026-12-01."),
        ("bill_from = 2026-12-01", 'bill_from = "soon"',
         "bill_from: write the first day that is billed here, like bill_from = 2026-12-01."),
        ("[site]", "[sites]",
         "sites is not a section of the mapping. Known: bill_from, file, codes, rows, items, "
         "customer, contact, preferences, site, system, contract, charges, charge."),
        ("[contract]", "[system]", "the section [contract] is missing."),
        ("zip =", "zipcode =",
         "customer.zipcode is not a key of the mapping. Known here: account_number, name, kind, language, "
         "since_on, terms_days, po_number, tax_exempt_number, tax_exempt_until_on, pay_wish, note, "
         "closed_on, street, street2, city, state, zip."),
        ('name = "Home"', "", "site.name is missing."),
        ('name = "Home"', 'name = ""', "site.name is empty."),
        ('name = "Home"', 'name = "{Acct"',
         "site.name: “{Acct” has a brace without its twin. Double it to print one."),
        ('name = "Home"', 'name = "{ }"', "site.name: name a column."),
        ('name = "Home"', 'name = ["Home"]', "site.name: “['Home']” is not a value."),
        ('name = "Home"', "name = {}", "site.name: a table needs one of the keys column, date, when."),
        ('state = "{State}"', 'state = "Texas"', "customer.state: “Texas” has 5 characters; at most 2 fit."),
        ("M = 1, Y = 12", "", "charge 1.cycle_months.values: write a table such as { Y = 1, N = 0 }."),
        ('{ Fire = "Y" }', '{ Fire = "yes" }',
         "charge 2.when.Fire: “yes” is not a value of Fire under [codes]. Add it there."),
        ('{ Fire = "Y" }', '{ Cycle = "M" }',
         "charge 2.when.Cycle: “M” is not a value of Cycle under [codes]. Add it there."),
        ('{ Fire = "Y" }', "{ Fire = 1 }", "charge 2.when.Fire: write a text or a list of texts."),
        ('{ Fire = "Y" }', "true", 'charge 2.when: write a condition such as { Status = "Active" }.'),
        ('amount = "12.00"', 'amount = "12,50"',
         "charge 2.amount: “12,50” is not an amount. Write it like 42.50."),
        ('amount = "12.00"', "amount = -12.00",
         "charge 2.amount: “-12.00” is not an amount. Write it like 42.50."),
        ('amount = "12.00"', 'amount = { remainder_of = "Amount" }', "only one charge can be the remainder."),
        ('amount = { remainder_of = "Amount" }', 'amount = { remainder_of = "Amount" }\nquantity = 2',
         "charge 1.quantity: the remainder is one amount, without quantity."),
        ('["Y", "N"]', '"Y"', 'codes.Fire: write a list of texts, such as ["Yes", "No"].'),
        ('{ name = "Monitoring" }', '"Monitoring"', "items.MONITORING: an item needs at least a name."),
        ('{ name = "Monitoring" }', '{ name = "M", price = "1e3" }',
         "items.MONITORING.price: “1e3” is not an amount. Write it like 42.50."),
        ("[codes]", '[file]\nencoding = "rot13"\n[codes]',
         "file.encoding: “rot13” is no encoding. Try utf-8 or cp1252."),
        ("[codes]", '[file]\ndelimiter = "ab"\n[codes]',
         'file.delimiter: write "," or ";" or "|" or "\\t" (tab).'),
        ("[codes]", '[file]\ndates = "%m/%d"\n[codes]',
         'file.dates: write a format with year, month and day, such as "%m/%d/%Y".'),
        ("[codes]", "[codes",
         "the mapping is not TOML: Expected ']' at the end of a table declaration (at line 4, column 7)."),
    ],
)  # fmt: skip
def test_it_refuses_a_wrong_mapping_with_the_key(tmp_path, old, new, sentence):
    assert old in MAPPING
    (tmp_path / "map.toml").write_text(MAPPING.replace(old, new, 1))

    with pytest.raises(BillingError) as refusal:
        imports.read_mapping(tmp_path / "map.toml")

    assert str(refusal.value) == f"map.toml: {sentence}"


def test_it_refuses_a_mapping_that_is_no_file_or_not_utf_8(tmp_path):
    (tmp_path / "latin.toml").write_bytes('name = "Zoë"'.encode("latin-1"))

    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "latin.toml", "byte 11 is not UTF-8")):
        with pytest.raises(BillingError, match=why):
            imports.read_mapping(path)
