"""Importing a file: what the mapping language can say, and what commit, release and undo do."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest
from peewee import ForeignKeyField, OperationalError, fn

import models
from billing import bill, checks, imports
from billing.errors import BillingError
from billing.imports import writing
from models import (
    Charge,
    Contact,
    Contract,
    Customer,
    Event,
    ImportBatch,
    Invoice,
    Item,
    Line,
    Notice,
    OneOff,
    Preference,
    Site,
    System,
)
from tests.at_once import die_everywhere

DATA = Path(__file__).parent / "data"
TELCO = Path(__file__).parents[2] / "shared" / "data" / "telco-customers.csv"
NOW = datetime(2026, 11, 30, 12)
FIRST = date(2026, 12, 1)
IMPORTED = (Customer, Contact, Preference, Site, System, Contract, Charge, Item, ImportBatch, Event)

MAPPING = """
bill_from = 2026-12-01

[items]
MONITORING = { name = "Monitoring" }
FIRE = { name = "Fire monitoring", price = "12.50", taxable = false }

[customer]
account_number = "{Acct}"
name = "{Name}"

[contract]
name = "Agreement"
starts_on = 2026-01-15

[[charge]]
item = "MONITORING"
amount = "{Amount}"
"""
CODES = 'codes.Fire = ["Y", "N"]\n'


@pytest.fixture
def importing(tmp_path, db):
    """Check rows of text against a mapping; returns the Result."""

    def check(text, mapping=MAPPING):
        (tmp_path / "map.toml").write_text(mapping)
        (tmp_path / "file.csv").write_text(text)
        return imports.check(tmp_path / "file.csv", imports.read_mapping(tmp_path / "map.toml"))

    return check


def small():
    return imports.check(DATA / "small.csv", imports.read_mapping(DATA / "small.toml"))


def counts():
    return {model.__name__: model.select().count() for model in IMPORTED}


def committed(result):
    return imports.commit(result, by="import", now=NOW)


def released(result):
    return imports.release(committed(result), by="import", now=NOW)


# --- The mapping language ------------------------------------------------------------------------


def test_it_joins_columns_in_a_template_and_keeps_constants(importing):
    mapping = MAPPING.replace('"{Name}"', '"{Name} {Last}"')

    result = importing("Acct,Name,Last,Amount\n7,Ann,Lee,9\n8,,Ray,9\n", mapping)

    assert [record.customer["name"] for record in result.rows] == ["Ann Lee", "Ray"]
    assert [record.contract["name"] for record in result.rows] == ["Agreement"] * 2


def test_it_prints_a_doubled_brace_as_one(importing):
    result = importing("Acct,Name,Amount\n7,Ann,9\n", MAPPING.replace('"{Name}"', '"{{{Name}}}"'))

    assert result.rows[0].customer["name"] == "{Ann}"


def test_it_takes_the_default_for_an_empty_cell_and_the_table_for_a_code(importing):
    mapping = MAPPING + 'cycle_months = { column = "Cycle", values = { M = 1, Y = 12 }, default = 3 }\n'

    result = importing("Acct,Name,Amount,Cycle\n1,A,9,M\n2,B,9,Y\n3,C,9,\n", mapping)

    assert [record.charges[0]["cycle_months"] for record in result.rows] == [1, 12, 3]


def test_it_counts_months_back_from_a_date(importing):
    mapping = MAPPING.replace("2026-01-15", '{ date = 2026-03-31, minus_months = "{Months}" }')

    result = importing("Acct,Name,Amount,Months\n1,A,9,1\n2,B,9,0\n3,C,9,25\n", mapping)

    starts = [record.contract["starts_on"] for record in result.rows]
    assert starts == [date(2026, 2, 28), date(2026, 3, 31), date(2024, 2, 29)]


def test_it_makes_one_charge_for_every_condition_that_a_row_meets(importing):
    mapping = CODES + MAPPING + '[[charge]]\nitem = "FIRE"\nwhen = { Fire = "Y" }\namount = "12.50"\n'

    result = importing("Acct,Name,Amount,Fire\n1,A,9,Y\n2,B,9,N\n", mapping)

    items = [[charge["item_id"] for charge in record.charges] for record in result.rows]
    assert items == [["MONITORING", "FIRE"], ["MONITORING"]]


def test_it_charges_the_remainder_and_nothing_when_nothing_remains(importing):
    mapping = MAPPING.replace('"{Amount}"', '{ remainder_of = "Amount" }')
    mapping += '[[charge]]\nitem = "FIRE"\namount = "12.50"\n'

    result = importing("Acct,Name,Amount\n1,A,20.00\n2,B,12.50\n", mapping)

    cents = [[charge["unit_cents"] for charge in record.charges] for record in result.rows]
    assert cents == [[750, 1250], [1250]]


def test_it_leaves_out_the_rows_that_the_filters_do_not_want(importing):
    mapping = CODES + 'rows.only = { Fire = ["Y"] }\nrows.skip = { Name = "" }\n' + MAPPING

    result = importing("Acct,Name,Amount,Fire\n1,A,9,Y\n2,,9,Y\n3,C,9,N\n", mapping)

    assert (result.totals.rows_read, result.totals.customers, result.totals.rows_left_out) == (3, 1, 2)


def test_it_runs_charges_from_the_first_billed_day_or_from_a_later_start(importing):
    mapping = MAPPING.replace("2026-01-15", '"{Start}"')

    result = importing("Acct,Name,Amount,Start\n1,A,9,2020-05-05\n2,B,9,2027-02-10\n", mapping)
    batch = committed(result)

    assert [charge.next_on for charge in Charge.select().order_by(Charge.id)] == [FIRST, date(2027, 2, 10)]
    assert batch.state == ImportBatch.COMMITTED


def test_it_keeps_what_ended_as_history_that_is_never_billed(importing):
    mapping = MAPPING.replace("2026-01-15", "2026-01-15\nends_on = 2026-11-30")

    committed(importing("Acct,Name,Amount\n1,A,9\n", mapping))

    charge = Charge.get()
    assert (charge.starts_on, charge.ends_on) == (date(2026, 1, 15), date(2026, 11, 30))
    assert (charge.next_index, charge.next_on) == (0, None)


def test_it_bills_a_charge_in_arrears_at_the_end_of_its_period(importing):
    committed(importing("Acct,Name,Amount\n1,A,9\n", MAPPING + "in_arrears = true\n"))

    assert Charge.get().next_on == date(2026, 12, 31)


def test_it_reads_a_byte_order_mark_another_encoding_and_tabs(importing, tmp_path):
    mapping = 'file = { encoding = "utf-16", delimiter = "\\t" }\n' + MAPPING
    importing("Acct,Name,Amount\n1,A,9\n")
    (tmp_path / "map.toml").write_text(mapping)
    (tmp_path / "file.csv").write_bytes("Acct\tName\tAmount\n1\tZoë\t9\n".encode("utf-16"))
    wide = imports.check(tmp_path / "file.csv", imports.read_mapping(tmp_path / "map.toml"))
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "file.csv").write_bytes("Acct,Name,Amount\n1,Zoë,9\n".encode("utf-8-sig"))
    marked = imports.check(tmp_path / "file.csv", imports.read_mapping(tmp_path / "map.toml"))

    assert wide.rows[0].customer == marked.rows[0].customer == {"account_number": "1", "name": "Zoë"}


def test_it_ignores_empty_rows_and_spaces_around_cells(importing):
    result = importing("\n Acct , Name,Amount\n\n 7 , Ann ,9\n,,\n")

    assert [record.customer for record in result.rows] == [{"account_number": "7", "name": "Ann"}]
    assert result.rows[0].line == 4


def test_it_finds_a_column_whose_name_has_a_line_break(importing):
    mapping = MAPPING.replace("{Acct}", "{Account number}")

    result = importing('"Account\nnumber",Name,Amount\n7,Ann,9\n', mapping)

    assert (result.rows[0].customer["account_number"], result.rows[0].line) == ("7", 3)


def test_the_example_in_the_documentation_is_a_mapping(tmp_path):
    example = imports.__doc__.split("::\n")[1].split("\nFields have")[0]
    (tmp_path / "map.toml").write_text("\n".join(line[4:] for line in example.splitlines()))

    mapping = imports.read_mapping(tmp_path / "map.toml")

    assert mapping.encoding == "cp1252" and mapping.delimiter == ";" and len(mapping.charges) == 2


# --- Commit, release, undo -----------------------------------------------------------------------


def test_a_check_writes_nothing(db):
    before = counts()

    small()

    assert counts() == before


def test_it_writes_every_row_with_all_that_hangs_on_it(db):
    batch = committed(small())

    zoe = Customer.get(Customer.account_number == "1001")
    charge = Charge.select().join(Contract).where(Contract.customer == zoe).order_by(Charge.id).first()
    assert (zoe.name, zoe.kind, zoe.pay_wish, zoe.import_batch) == (
        "Zoë Álvarez",
        "residential",
        "card_autopay",
        batch,
    )
    assert [contact.email for contact in zoe.contacts] == ["zoe@example.com"]
    assert [wish.channel for wish in zoe.contacts[0].preferences] == ["mail"]
    assert charge.site.city == "Austin" and charge.system.station_number == "AX-1001"
    assert (charge.item.code, charge.unit_cents, charge.next_index, charge.next_on) == (
        "BURGLARY",
        3995,
        0,
        FIRST,
    )


def test_its_totals_are_what_was_written_and_stay_on_the_batch(db):
    result = small()

    batch = committed(result)

    running = Charge.select().where(Charge.next_on.is_null(False))
    totals = json.loads(batch.totals)
    assert (totals["customers"], totals["rows_left_out"]) == (Customer.select().count(), 1)
    assert totals["charges"] == running.count() == 14
    assert totals["rmr_cents"] == 45965  # 329.70 of monthly, 89.85 ÷ 3, 420.00 ÷ 12
    assert totals["by_item"]["FIRE"] == [2, 6500]


def test_it_makes_the_missing_items_and_leaves_known_ones_alone(db):
    Item.create(code="FIRE", name="Our fire", unit_cents=1)

    committed(small())

    assert Item.get(Item.code == "FIRE").name == "Our fire"
    assert json.loads(ImportBatch.get().totals)["items_created"] == ["APP", "BURGLARY", "CELL"]


def test_a_batch_is_mute_until_it_is_released(db):
    batch = committed(small())
    before = bill.run(FIRST, by="test", now=NOW)
    imports.release(batch, by="import", now=NOW)
    after = bill.run(FIRST, by="test", now=NOW)

    assert (before.invoices, Notice.select().where(Notice.created_at < NOW).count()) == (0, 0)
    assert (after.invoices, after.lines, after.total_cents) == (8, 13, 48455)


def test_it_takes_an_import_back_whole_and_keeps_the_batch_row(db):
    before = counts()
    batch = released(small())

    imports.undo(batch, by="staff:olga", now=NOW)

    assert counts() == {**before, "ImportBatch": 1, "Event": 3}
    assert ImportBatch.get().state == ImportBatch.UNDONE
    assert [event.what for event in Event.select().order_by(Event.id)][-1] == "import_batch.undone"


def test_an_undone_file_can_be_imported_again(db):
    imports.undo(committed(small()), by="import", now=NOW)

    committed(small())

    assert Customer.select().count() == 10


def test_undo_keeps_an_item_that_somebody_uses_by_now(db):
    batch = committed(small())
    other = Customer.create(account_number="9000", name="Other")
    OneOff.create(customer=other, item=Item.get(Item.code == "CELL"), unit_cents=100, done_on=FIRST)

    imports.undo(batch, by="import", now=NOW)

    assert [item.code for item in Item.select()] == ["CELL"]
    assert [customer.name for customer in Customer.select()] == ["Other"]


def test_undo_refuses_once_something_was_billed(db):
    batch = released(small())
    bill.run(FIRST, by="test", now=NOW)

    with pytest.raises(BillingError, match=r"^Import \d+ cannot be undone: its customers have 8 invoices"):
        imports.undo(batch, by="import", now=NOW)

    assert ImportBatch.get().state == ImportBatch.RELEASED
    assert Customer.select().count() == 10


def test_undo_knows_every_table_that_refers_to_an_import():
    known = {*writing.IN_THE_WAY, *writing.TAKEN}
    theirs = {
        Line, models.PaymentPart, models.Allocation, models.Refund, models.Message, models.GatewayEvent,
        models.Autopay, models.PlannedCharge, models.AutopayOutcome, models.Chargeback, models.RemittanceRow,
        models.Dispute, models.LateFee, models.ServiceCredit, models.Verdict, models.Plan,
    }  # fmt: skip

    referring = {
        model
        for model in models.TABLES
        for field in model._meta.sorted_fields
        if isinstance(field, ForeignKeyField) and field.rel_model in {*writing.TAKEN}
    }

    assert referring - theirs - known == set()  # `theirs` hang on one of those that stand in the way


@pytest.mark.parametrize(
    ("state", "act", "sentence"),
    [
        ("released", imports.release, "Import 1 is released already."),
        ("undone", imports.release, "Import 1 is undone already."),
        ("undone", imports.undo, "Import 1 is undone already."),
    ],
)
def test_it_refuses_what_was_done_already(db, state, act, sentence):
    batch = ImportBatch.create(id=1, state=state, file_name="f", sha256="", by="t", committed_at=NOW)

    with pytest.raises(BillingError) as refusal:
        act(batch, by="t", now=NOW)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("number", [0, -1, 7, 10**40])
def test_it_says_when_there_is_no_such_batch(db, number):
    with pytest.raises(BillingError, match="^There is no import"):
        imports.find(number)


def test_a_second_commit_of_the_same_check_is_refused(db):
    result = small()
    committed(result)

    with pytest.raises(BillingError, match="1001 is the number of another customer by now"):
        committed(result)

    assert ImportBatch.select().count() == 1


def test_a_commit_that_is_killed_anywhere_leaves_nothing(db, database_url):
    killed = die_everywhere("import_small", database_url, [{}] * 100)

    assert killed >= 13  # each of which would hinder the next, had it left a customer or an item
    assert [str(finding) for finding in checks.run()] == []
    assert (Customer.select().count(), ImportBatch.select().count()) == (10, 1)


def test_a_commit_onto_a_full_disk_leaves_nothing(db, database_kind, importing):
    if database_kind != "sqlite":
        pytest.skip("only SQLite can be told how large its file may grow")
    before = counts()
    result = importing("Acct,Name,Amount\n" + "".join(f"{number},Ann,9\n" for number in range(5000)))
    db.pragma("max_page_count", db.pragma("page_count") + 50)

    with pytest.raises(OperationalError, match="full"):
        committed(result)

    assert counts() == before
    db.pragma("max_page_count", 1_000_000)
    assert committed(result).state == ImportBatch.COMMITTED


# --- From the command line -----------------------------------------------------------------------


@pytest.fixture
def run(app):
    """Run a command; returns (exit status, what it said)."""

    def run(*args):
        result = app.test_cli_runner().invoke(args=[str(arg) for arg in args])
        return result.exit_code, result.output

    return run


def test_the_command_is_a_dry_run_until_told_otherwise(run, db):
    status, said = run("import-customers", DATA / "small.csv", "--map", DATA / "small.toml")

    assert status == 0 and "Nothing was written." in said and "$459.65" in said
    assert Customer.select().count() == 0


def test_the_commands_commit_release_and_undo(run, db):
    assert run("import-customers", DATA / "small.csv", "--map", DATA / "small.toml", "--commit")[0] == 0
    assert run("import-release", 1) == (0, "Import 1 is released.\n")
    assert run("import-undo", 1) == (0, "Import 1 is undone.\n")
    assert run("import-undo", 1)[0] == 1
    assert Customer.select().count() == 0


def test_the_command_prints_every_refused_row_and_fails(run, db, tmp_path):
    bad = (DATA / "small.csv").read_bytes().replace(b"29.95", b"29,95").replace(b";TX;76701", b";TX;7670")
    (tmp_path / "bad.csv").write_bytes(bad)

    status, said = run("import-customers", tmp_path / "bad.csv", "--map", DATA / "small.toml", "--commit")

    assert status == 1
    assert "Line 3, Total: “29,95” is not an amount. Write it like 42.50." in said
    assert "Line 5, ZIP: “7670” is not a ZIP code." in said
    assert Customer.select().count() == 0


REAL = pytest.param(TELCO, "telco.toml", (5174, 21592, 31698575), marks=pytest.mark.skipif(
    not TELCO.exists(), reason="the public sample of 7,043 customers is not on this machine"
))  # fmt: skip


@pytest.mark.parametrize(
    ("file", "mapping", "billed"), [(DATA / "small.csv", "small.toml", (8, 13, 48455)), REAL]
)
def test_customers_come_in_and_are_billed_to_the_cent(run, db, file, mapping, billed):
    assert run("import-customers", file, "--map", DATA / mapping, "--commit", "--release")[0] == 0
    assert run("daily", "--as-of", FIRST, "--only", "bill")[0] == 0
    assert run("daily", "--as-of", FIRST, "--only", "bill")[0] == 0  # again: issues none

    issued = Invoice.select().where(Invoice.state == Invoice.ISSUED)
    total = issued.select(fn.SUM(Invoice.total_cents)).scalar()
    assert (issued.count(), Line.select().count(), total) == billed
    assert run("check-books")[0] == 0
