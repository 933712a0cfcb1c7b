"""Files from the bank: whose payments they are, each booked once, and nothing half-written."""

import io
import re
from datetime import date
from pathlib import Path

import pytest

import models
from billing import checks, payments, remittance, remittances
from billing.errors import BillingError
from models import Event, Invoice, Payment, RemittanceFile, RemittanceRow
from tests.at_once import together
from tests.factories import BY, LATE_EVENING, NOW, fresh, make_customer, make_invoice
from tests.office import enter, text_of

DATA = Path(__file__).parent / "data"
TODAY = date(2026, 12, 1)
TOLD = {"by": "staff:olga@lantern.example", "today": TODAY, "now": NOW}
HEADER = "Type,Amount,Deposit Date,OCR Line,Account,Check,Remitter"


@pytest.fixture(autouse=True)
def sound_books(db):
    yield
    models.db.initialize(db)  # an app of the test has closed its own connection by now
    assert [str(finding) for finding in checks.run()] == []


def mapping(name="lockbox"):
    return remittances.read_mapping((DATA / f"{name}.toml").read_bytes())


def read(*rows, header=HEADER, name="lockbox.csv", by_map="lockbox", encoding="utf-8"):
    """Check a lockbox file of these rows. Returns its Result."""
    content = "\n".join([header, *rows]).encode(encoding)
    return remittances.check(content, name, mapping(by_map), today=TODAY)


def book(*rows, **options):
    return remittances.commit(read(*rows, **options), **TOLD)


def slip(invoice, cents=None):
    return remittance.scan_line(
        invoice.customer.remittance_digits, invoice.number, cents or invoice.open_cents
    )


@pytest.mark.parametrize("name", ["lockbox", "bill-pay"])
def test_the_sample_files_say_one_customer_and_one_that_nobody_knows(name):
    customer = make_customer("Alice Archer", account_number="100042")
    make_invoice(customer, cents=4250, number=10482)
    content = (DATA / f"{name}.csv").read_bytes()

    result = remittances.check(content, f"{name}.csv", mapping(name), today=TODAY)

    assert [row.customer_id for row in result.rows] == [customer.id, None]
    assert (result.refused, result.left_out) == ([], name == "lockbox")


# --- Whose it is -----------------------------------------------------------------------------------


def test_a_check_with_its_slip_pays_the_customers_invoice(alice):
    invoice = make_invoice(alice, cents=4250)

    file = book(f"D,42.50,12/01/2026,{slip(invoice)},,1044,ALICE ARCHER")

    row, payment = RemittanceRow.get(), Payment.get()
    assert (row.state, row.matched_by, row.customer, row.payment) == ("booked", "scan line", alice, payment)
    assert (payment.kind, payment.check_number, payment.amount_cents) == ("check", "1044", 4250)
    assert payment.note == "lockbox.csv, line 2"
    assert fresh(invoice).open_cents == 0
    assert (file.row_count, file.total_cents, file.kind) == (1, 4250, "lockbox")
    assert Event.get(Event.what == "remittance_file.read").by == "staff:olga@lantern.example"


def test_exactly_what_is_open_on_the_invoice_of_the_slip_pays_that_one(alice):
    older = make_invoice(alice, cents=4250, due=date(2026, 11, 1))
    named = make_invoice(alice, cents=3000)

    book(f"D,30.00,12/01/2026,{slip(named)},,1,A")

    assert (fresh(older).open_cents, fresh(named).open_cents) == (4250, 0)


def test_another_amount_pays_the_oldest_first_and_the_rest_stays(alice):
    older = make_invoice(alice, cents=4250, due=date(2026, 11, 1))
    named = make_invoice(alice, cents=3000)

    book(f"D,80.00,12/01/2026,{slip(named)},,1,A")

    assert (fresh(older).open_cents, fresh(named).open_cents, Payment.get().open_cents) == (0, 0, 750)


def test_a_customer_whose_number_has_letters_is_found_by_the_slip_too(db):
    ann = make_customer("Ann", account_number="AX-17")
    invoice = make_invoice(ann)

    book(f"D,42.50,12/01/2026,{slip(invoice)},,1,A")

    assert RemittanceRow.get().customer == ann


@pytest.mark.parametrize("typed", ["0004711", "4711", "47-11", " 4711 "])
def test_an_account_number_is_read_as_people_and_banks_write_it(db, typed):
    ann = make_customer("Ann", account_number="4711")

    book(f"D,42.50,12/01/2026,,{typed},1,A")

    assert (RemittanceRow.get().customer, RemittanceRow.get().matched_by) == (ann, "account number")


def test_bank_bill_pay_is_booked_by_the_account_number(alice):
    make_invoice(alice, cents=4250)

    book(
        f"4250;2026-11-30;{alice.account_number};T1;Alice",
        header="amount_cents;date;account;trace;name", by_map="bill-pay",
    )  # fmt: skip

    payment = Payment.get()
    assert (payment.kind, payment.method_label, payment.received_on) == (
        "bill_pay",
        "Bank bill pay T1",
        date(2026, 11, 30),
    )


def test_a_misread_scan_line_does_not_stop_an_account_number(alice):
    line = slip(make_invoice(alice))
    misread = line[:5] + str((int(line[5]) + 1) % 10) + line[6:]

    result = read(
        f"D,42.50,12/01/2026,{misread},{alice.account_number},1,A",
        f"D,10.00,12/01/2026,{misread},,2,A",
    )

    assert [row.customer_id for row in result.rows] == [alice.id, None]
    assert result.unmatched[0].reason.startswith("The check digit does not fit")


def test_what_is_not_clear_waits_with_its_reason(alice, bob):
    line = slip(make_invoice(alice))
    strange = remittance.scan_line("8888888", 1, 100)

    book(
        f"D,1.00,12/01/2026,{line},{bob.account_number},1,A",
        "D,2.00,12/01/2026,,NOBODY,2,A",
        f"D,3.00,12/01/2026,{strange},,3,A",
        "D,4.00,12/01/2026,,,4,A",
    )

    assert [(row.state, row.reason) for row in RemittanceRow.select().order_by(RemittanceRow.id)] == [
        ("unmatched", f"The scan line says {alice.account_number}, the account {bob.account_number}."),
        ("unmatched", "No customer has the account number “NOBODY”."),
        ("unmatched", "No customer has the number 8888888 of the scan line."),
        ("unmatched", "There is neither scan line nor account number."),
    ]
    assert Payment.select().count() == 0


def test_two_customers_behind_one_number_are_told_apart_by_a_person(db):
    make_customer("One", account_number="42")
    make_customer("Other", account_number="0042")

    result = read(f"D,1.00,12/01/2026,{remittance.scan_line('42', 1, 100)},,1,A")

    assert result.unmatched[0].reason == "More than one customer has this number."


def test_a_check_that_the_desk_has_entered_already_waits(alice):
    payments.record(
        alice, amount_cents=4250, kind="check", check_number="1044", received_on=TODAY, key="k", by=BY,
        today=TODAY, now=NOW, confirmed=True,
    )  # fmt: skip

    book(f"D,42.50,12/01/2026,,{alice.account_number},1044,A")

    assert Payment.select().count() == 1
    assert "check 1044 over $42.50 was entered already" in RemittanceRow.get().reason


# --- Once ------------------------------------------------------------------------------------------


def test_the_same_file_again_is_refused(alice):
    rows = [f"D,42.50,12/01/2026,,{alice.account_number},1,A"]
    book(*rows)

    with pytest.raises(BillingError, match="was read on December 1, 2026 already, as lockbox.csv by olga"):
        book(*rows, name="renamed.csv")

    assert (Payment.select().count(), RemittanceFile.select().count()) == (1, 1)


def test_a_file_that_was_read_late_in_the_evening_was_read_on_that_day(alice):
    rows = [f"D,42.50,12/01/2026,,{alice.account_number},1,A"]
    remittances.commit(read(*rows), **TOLD | {"now": LATE_EVENING})

    with pytest.raises(BillingError, match="was read on December 1, 2026 already"):
        book(*rows)


def test_the_same_row_in_another_file_is_nothing(alice, bob):
    one = f"D,42.50,12/01/2026,,{alice.account_number},1,A"
    lost = "D,9.00,12/01/2026,,NOBODY,2,B"
    book(one, lost)

    result = read(one, lost, f"D,7.00,12/01/2026,,{bob.account_number},3,B", name="second.csv")
    remittances.commit(result, **TOLD)

    assert [str(row) for row in result.repeated] == [
        "Line 2: This row came in lockbox.csv already.",
        "Line 3: This row came in lockbox.csv already.",
    ]
    assert (Payment.select().count(), RemittanceRow.select().count()) == (2, 3)
    with pytest.raises(BillingError, match="has no payment that did not come before"):
        remittances.commit(read(one, name="third.csv"), **TOLD)


def test_the_same_check_twice_in_a_file_is_one_but_two_equal_payments_without_number_are_two(alice):
    with_number = f"D,42.50,12/01/2026,,{alice.account_number},1,A"
    without = f"D,5.00,12/01/2026,,{alice.account_number},,A"

    result = read(with_number, with_number, without, without)

    assert [row.amount_cents for row in result.rows] == [4250, 500, 500]
    assert [str(row) for row in result.repeated] == ["Line 3: Check 1 stands in this file already."]


def test_of_five_that_read_the_same_file_at_once_one_books_it(alice):
    rows = [f"D,42.50,12/01/2026,,{alice.account_number},{n},A" for n in range(5)]
    result = read(*rows)

    given = together(5, lambda n: remittances.commit(result, **TOLD))

    assert sum(isinstance(one, RemittanceFile) for one in given) == 1
    assert all(isinstance(one, (RemittanceFile, BillingError)) for one in given)
    assert Payment.select().count() == 5


def test_what_a_dead_process_left_is_booked_by_the_next(alice):
    rows = [f"D,42.50,12/01/2026,,{alice.account_number},{n},A" for n in range(4)]
    remittances.commit(read(*rows), limit=1, **TOLD)
    assert Payment.select().count() == 1

    given = together(3, lambda n: remittances.finish(**TOLD))

    assert Payment.select().count() == 4
    assert sum(given) == 3
    assert remittances.finish(**TOLD) == 0


# --- A person ------------------------------------------------------------------------------------------


def test_a_person_finds_the_customer(alice):
    invoice = make_invoice(alice, cents=900)
    book("D,9.00,12/01/2026,,NOBODY,2,MRS ARCHER")

    payment = remittances.match(RemittanceRow.get(), alice, **TOLD)

    row = RemittanceRow.get()
    assert (row.state, row.matched_by, row.closed_by, row.payment) == (
        "booked",
        "a person",
        "staff:olga@lantern.example",
        payment,
    )
    assert fresh(invoice).open_cents == 0
    with pytest.raises(BillingError, match="not waiting any more"):
        remittances.match(row, alice, **TOLD)
    assert Payment.select().count() == 1


def test_a_person_dismisses_a_row_with_a_reason(db):
    book("D,9.00,12/01/2026,,NOBODY,2,X")
    row = RemittanceRow.get()
    with pytest.raises(BillingError, match="reason"):
        remittances.dismiss(row, reason="", by=BY, now=NOW)

    remittances.dismiss(row, reason="Belongs to another company", by=BY, now=NOW)

    assert (fresh(row).state, fresh(row).reason) == ("dismissed", "Belongs to another company")
    with pytest.raises(BillingError):
        remittances.match(fresh(row), make_customer(), **TOLD)


def test_two_persons_at_once_book_a_row_once(alice, bob):
    book("D,9.00,12/01/2026,,NOBODY,2,X")
    row = RemittanceRow.get()

    together(4, lambda n: remittances.match(fresh(row), (alice, bob)[n % 2], **TOLD))

    assert Payment.select().count() == 1


# --- What cannot be -------------------------------------------------------------------------------------

GOOD = "D,1.00,12/01/2026,,NOBODY,1,A"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("D,-5.00,12/01/2026,,1,1,A", "Line 3: Amount: “-5.00” is negative. What the bank took back"),
        ("D,(5.00),12/01/2026,,1,1,A", "Line 3: Amount: “(5.00)” is negative"),
        ("D,,12/01/2026,,1,1,A", "Line 3: Amount: payment.amount is empty."),
        ("D,0.00,12/01/2026,,1,1,A", "Line 3: The amount is zero."),
        ("D,five,12/01/2026,,1,1,A", "Line 3: Amount: “five” is not an amount. Write it like 42.50."),
        ('D,"1,00",12/01/2026,,1,1,A', "Line 3: Amount: “1,00” is not an amount."),
        ("D,1e9,12/01/2026,,1,1,A", "is not an amount"),
        ("D,9999999999999.00,12/01/2026,,1,1,A", "This amount is too large."),
        ("D,1.00,2026-13-01,,1,1,A", "Line 3: Deposit Date: “2026-13-01” is not a date."),
        ("D,1.00,,,1,1,A", "payment.received_on is empty."),
        ("D,1.00,12/24/2026,,1,1,A", "Line 3: December 24, 2026 has not come yet."),
        ("X,1.00,12/01/2026,,1,1,A", "Line 3: Type: “X” is not one of: D, T."),
        ("D,1.00,12/01/2026,,1", "Line 3: The row has 5 fields; the header has 7."),
        (f"D,1.00,12/01/2026,,1,{'9' * 31},A", "has 31 characters; at most 30 fit."),
        (f"D,1.00,12/01/2026,{'1' * 81},1,1,A", "at most 80 fit"),
        ("D,1.00,12/01/2026,,1\x00,1,A", "Account contains a NUL byte."),
        ("D,1.00,12/01/2026,,1,1,\x1b[31mred", "unprintable character"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_nothing_of_the_file_is_written(db, row, sentence):
    result = read(GOOD, row)

    assert sentence in "\n".join(map(str, result.refused))
    with pytest.raises(BillingError, match="Nothing was written, because of 1 refused row in lockbox.csv."):
        remittances.commit(result, **TOLD)
    assert (RemittanceFile.select().count(), RemittanceRow.select().count()) == (0, 0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "lockbox.csv is empty."),
        (HEADER.encode("utf-16"), "lockbox.csv is in UTF-16"),
        (f"{HEADER}\nD,1.00,12/01/2026,,1,1,Jos\xe9".encode("latin-1"), "is not utf-8"),
        (
            b"Type,Amount,Amount,Deposit Date,OCR Line,Account,Check,Remitter\n",
            "“Amount” stands there as column 2",
        ),
        (b"Type,Amount\nD,1.00\n", "has no column “Deposit Date” (payment.received_on)"),
        (b"Type;Amount\n", "Is the delimiter right?"),
        (f'{HEADER}\nD,"1.00,12/01/2026'.encode(), "a quotation mark opens in this row and is never closed"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(db, content, sentence):
    with pytest.raises(BillingError) as refusal:
        remittances.check(content, "lockbox.csv", mapping(), today=TODAY)

    assert sentence in str(refusal.value)


def test_a_file_with_a_hundred_thousand_rows_is_refused_in_a_sentence(db):
    with pytest.raises(BillingError, match="has 100,001 lines; at most 50,000 are read at once. Split it"):
        read(*[GOOD] * 100_000)


def test_rows_that_are_left_out_are_counted(db):
    result = read(GOOD, "T,1.00,12/01/2026,,,,TOTAL")

    assert (len(result.rows), result.left_out) == (1, 1)
    assert remittances.report_lines(result)[0] == (
        "lockbox.csv: 1 payment of $1.00, 1 left out by [rows], 0 refused."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('kind = "paper"', "kind: write one of lockbox, bill_pay"),
        ('kind = "lockbox"', "payment.amount is missing."),
        ('kind = "lockbox"\n[payment]\namount = "{A}"', "payment.received_on is missing."),
        ('kind = "lockbox"\n[payment]\namount = "{A}"\nreceived_on = "{B}"', "whose payments are they?"),
        ('kind = "lockbox"\nextra = 1', "extra is not a section of the mapping"),
        (
            'kind = "lockbox"\n[payment]\namount = "{A}"\nreceived_on = "{B}"\naccount = "{C}"\nfee = "{D}"',
            "payment.fee is not a key of the mapping",
        ),
        ("kind = ", "the mapping is not TOML"),
        ('kind = "lockbox"\n[file]\ndelimiter = "x"', "file.delimiter"),
        (
            'kind = "lockbox"\n[payment]\namount = "{A}"\nreceived_on = "{B}"\naccount = "{C}"\n'
            'amount_in = "euros"',
            "payment.amount_in",
        ),
    ],
)
def test_a_mistake_in_the_mapping_is_one_sentence_with_its_key(text, sentence):
    with pytest.raises(BillingError) as refusal:
        remittances.read_mapping(text.encode())

    assert sentence in str(refusal.value)


def test_a_long_file_is_matched_with_few_queries(db):
    customers = [make_customer(f"Customer {n}") for n in range(20)]
    rows = [f"D,1.00,12/01/2026,,{customers[n % 20].account_number},{n},A" for n in range(3000)]
    statements = []
    db.query_hooks.append(statements.append)

    result = read(*rows)

    assert len(result.matched) == 3000
    assert len(statements) < 20


def test_a_dry_run_writes_nothing(alice):
    read(f"D,42.50,12/01/2026,,{alice.account_number},1,A")

    assert (RemittanceFile.select().count(), Payment.select().count(), Invoice.select().count()) == (0, 0, 0)


# --- The command and the pages ---------------------------------------------------------------------------


@pytest.fixture
def lockbox(tmp_path, alice):
    """A file on disk with one payment of Alice's and one of nobody's."""
    path = tmp_path / "lockbox.csv"
    path.write_text(
        f"{HEADER}\nD,42.50,12/01/2026,,{alice.account_number},1044,ALICE\nD,9.00,12/01/2026,,NOBODY,2,X\n"
    )
    return path


@pytest.fixture
def invoke(app):
    models.db.connect(reuse_if_open=True)
    runner = app.test_cli_runner()
    return lambda *arguments: runner.invoke(args=[str(argument) for argument in arguments])


def test_the_command_says_what_it_would_do_and_does_it_when_told(invoke, lockbox):
    arguments = ("import-payments", lockbox, "--map", DATA / "lockbox.toml")

    dry = invoke(*arguments)
    assert (dry.exit_code, Payment.select().count()) == (0, 0)
    assert "1 payment of $42.50 will be booked" in dry.output
    assert "Line 3, $9.00: No customer has the account number “NOBODY”." in dry.output
    assert "Nothing was written." in dry.output

    done = invoke(*arguments, "--commit")
    assert (done.exit_code, Payment.select().count()) == (0, 1)
    again = invoke(*arguments, "--commit")
    assert again.exit_code == 1
    assert "was read on December 1, 2026 already" in again.output


def test_a_mapping_that_is_wrong_is_named(invoke, lockbox, tmp_path):
    (tmp_path / "wrong.toml").write_text('kind = "paper"')

    refused = invoke("import-payments", lockbox, "--map", tmp_path / "wrong.toml")

    assert refused.exit_code == 1
    assert "wrong.toml: kind: write one of lockbox, bill_pay" in refused.output


def upload(desk, lockbox, mapping_text):
    return desk.client.post(
        "/staff/bank-file",
        data={
            "csrf_token": desk.token(), "mapping": mapping_text,
            "file": (io.BytesIO(lockbox.read_bytes()), "lockbox.csv"),
        },
    )  # fmt: skip


def test_the_page_shows_first_and_books_when_told(app, lockbox):
    desk, text = enter(app, "billing"), (DATA / "lockbox.toml").read_text()

    shown = upload(desk, lockbox, text)
    assert "Will be booked 1 payment of $42.50" in text_of(shown)
    assert RemittanceFile.select().count() == 0
    packed = re.search(r'name="packed" value="([^"]+)"', shown.text)[1]
    booked = desk.post(
        "/staff/bank-file", follow_redirects=True, book="yes", name="lockbox.csv", packed=packed, mapping=text
    )

    assert "1 payment of lockbox.csv booked." in text_of(booked)
    assert (Payment.get().kind, RemittanceFile.get().by) == ("check", "staff:billing@lantern.example")
    assert "kind = &#34;lockbox&#34;" in desk.get("/staff/bank-file").text, (
        "the next file is read the same way"
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Choose the file that the bank gave you."),
        ({"book": "yes", "packed": "!!!", "name": "x.csv"}, "did not come back whole"),
        ({"book": "yes", "name": "x.csv"}, "did not come back whole"),
    ],
)
def test_a_page_without_a_file_says_what_to_do(app, fields, sentence):
    answer = enter(app).post("/staff/bank-file", **fields)

    assert answer.status_code == 400
    assert sentence in text_of(answer)


def test_support_reads_no_files(app):
    assert enter(app, "support").get("/staff/bank-file").status_code == 403


def test_the_queue_matches_and_dismisses(app, alice):
    book("D,9.00,12/01/2026,,NOBODY,2,X", "D,8.00,12/01/2026,,NOBODY,3,Y")
    one, other = RemittanceRow.select().order_by(RemittanceRow.id)
    desk = enter(app, "billing")

    matched = desk.act("remittance-row", "match", one, **{"customer": alice.id, "customer-text": str(alice)})
    dismissed = desk.act("remittance-row", "dismiss", other, reason="Another company's")

    assert "$9.00 was booked for Alice Archer" in text_of(matched)
    assert "The row was dismissed." in text_of(dismissed)
    assert [fresh(row).state for row in (one, other)] == ["booked", "dismissed"]
    assert fresh(one).closed_by == "staff:billing@lantern.example"
