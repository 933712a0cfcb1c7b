"""Deposits, differences, the certificate and files from the bank in a real browser."""

import pytest

from admin import security
from billing import daily, remittances
from models import Difference, Payment, RemittanceRow, Settlement, SettlementLine
from tests import factories
from tests.browser.signs import says
from tests.browser.test_staff import sign_in
from tests.factories import BY, NOW
from tests.office import PASSWORD
from tests.test_remittances import DATA, HEADER, TODAY

pytestmark = pytest.mark.one_database  # what a browser sees
PAGES = (
    "/staff/", "/staff/certificate", "/staff/certificate?first=2026-12-02&last=2026-12-01",
    "/staff/settlement/", "/staff/settlement/1", "/staff/settlement-line/", "/staff/difference/",
    "/staff/difference/1", "/staff/difference/act/settle?id=1", "/staff/remittance-row/?state=unmatched",
    "/staff/remittance-row/1", "/staff/remittance-row/act/match?id=2",
    "/staff/remittance-row/act/dismiss?id=2", "/staff/remittance-file/", "/staff/remittance-file/1",
    "/staff/bank-file",
)  # fmt: skip


@pytest.fixture
def office(app, live_server, alice, bob):
    """A back office with two deposits, two differences, and a file from the bank; and Olga."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    factories.make_invoice(alice)
    for number, kind in ((1, "card"), (2, "bank")):
        deposit(alice, number, kind)
    differ()
    rows = [
        f"D,42.50,12/01/2026,,{alice.account_number},1044,ALICE ARCHER",
        "D,12.00,12/01/2026,,NOBODY,1045,SOMEBODY WITH QUITE A LONG NAME",
    ]
    content = "\n".join([HEADER, *rows]).encode()
    mapping = remittances.read_mapping((DATA / "lockbox.toml").read_bytes())
    result = remittances.check(content, "lockbox-2026-12-01.csv", mapping, today=TODAY)
    remittances.commit(result, by=BY, today=TODAY, now=NOW)
    job = daily.begin("daily", today=TODAY, now=NOW)
    daily.finish(job, ["reconcile: 2 batches with 4 transactions read"], failed=False, now=NOW)
    return live_server(app)


def deposit(customer, number, kind):
    batch = Settlement.create(
        batch_id=str(7000000 + number), kind=kind, is_settled=True, settled_at=NOW, charge_count=2,
        charge_cents=8500, refund_count=0, refund_cents=0, read_at=NOW,
    )  # fmt: skip
    for place in (1, 2):
        id = f"6000000000{number}{place}"
        payment = Payment.create(
            customer=customer, reference=f"PL{id}", key=id, kind=kind, state="settled", amount_cents=4250,
            transaction_id=id, received_on=TODAY, created_at=NOW, concluded_at=NOW, settlement=batch,
            settled_on=TODAY, method_label="Visa ending 4242",
        )  # fmt: skip
        SettlementLine.create(
            settlement=batch, transaction_id=id, status="settledSuccessfully", amount_cents=4250,
            reference=payment.reference, payment=payment, submitted_at=NOW,
        )  # fmt: skip


def differ():
    SettlementLine.create(
        settlement=1, transaction_id="60000000099", status="settledSuccessfully", amount_cents=999,
        reference="FOREIGN", submitted_at=NOW,
    )  # fmt: skip
    Difference.create(
        key="not_in_books:60000000099", kind="not_in_books", transaction_id="60000000099", settlement=1,
        theirs_cents=999, found_on=TODAY,
        text="The processor settled $9.99 (transaction 60000000099, reference FOREIGN) that the books do not "
        "have.",
    )  # fmt: skip


def walk(page, office, axe, fits):
    sign_in(page, office)
    for path in PAGES:
        page.goto(office + path)
        axe(page)
        fits(page)


def test_every_page_is_easy_to_use_on_a_phone(phone, office, axe, fits):
    walk(phone, office, axe, fits)


def test_every_page_is_easy_to_use_on_a_desktop(desktop, office, axe, fits):
    walk(desktop, office, axe, fits)


def test_a_file_is_read_looked_at_and_booked(open_page, office, axe, fits, bob, tmp_path):
    page = open_page()
    path = tmp_path / "second.csv"
    path.write_text(
        "\n".join([HEADER, f"D,10.00,12/01/2026,,{bob.account_number},7,BOB", "D,5.00,12/01/2026,,X,8,?"])
    )
    sign_in(page, office)
    page.get_by_role("link", name="File from the bank").click()
    page.get_by_label("The file").set_input_files(path)
    page.get_by_role("button", name="Read it").click()

    says(page, "Nothing is written until you say so")
    axe(page)
    fits(page)
    assert RemittanceRow.select().count() == 2
    page.get_by_role("button", name="Book 1 payment").click()

    says(page, "1 payment of second.csv booked.")
    assert Payment.get(Payment.check_number == "7").customer == bob
    page.goto(f"{office}/staff/bank-file")
    page.get_by_label("The file").set_input_files(path)
    page.get_by_role("button", name="Read it").click()
    page.get_by_role("alert").get_by_text("already, as second.csv by olga@lantern.example").wait_for()
    axe(page)


def test_a_row_without_customer_gets_one(open_page, office, bob):
    page = open_page()
    sign_in(page, office)
    page.goto(f"{office}/staff/remittance-row/act/match?id=2")
    page.get_by_role("combobox", name="Customer", exact=True).press_sequentially("Bob")
    page.get_by_role("option").first.click()

    page.get_by_role("button", name="Book for a customer").click()

    says(page, "$12.00 was booked for Bob Baker")
    assert RemittanceRow.get_by_id(2).customer == bob
