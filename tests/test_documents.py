"""What a customer is shown: the view models that page, PDF and mail share, and the scan line."""

import datetime as moments
import doctest
import subprocess
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import bill, invoices, ledger, letterheads, localtime, remittance, words
from billing.documents import invoice_documents, printed, receipt_documents, statement_documents
from billing.edges import pdf
from billing.errors import BillingError
from models import Credit, Customer, Event, Invoice, Line, Payment
from tests import factories

TODAY = date(2026, 12, 1)
NOW = factories.NOW
LATER = NOW + timedelta(hours=1)


def as_issued(invoice):
    return invoice_documents.of(invoice, pay_url="https://pay.example/i/x", today=TODAY, as_issued=True)


def live(invoice, today=TODAY):
    invoice = Invoice.get_by_id(invoice.id)
    return invoice_documents.of(invoice, pay_url="https://pay.example/i/x", today=today)


def receive(customer, cents, *, on=TODAY, at=LATER, parts=None, **fields):
    """Approved money of a customer, applied to ``parts`` or kept unapplied."""
    payment = Payment.create(
        **{
            "customer": customer, "reference": f"P{Payment.select().count()}", "key": f"k{at}{cents}",
            "state": Payment.APPROVED, "kind": Payment.CHECK, "check_number": "1042", "amount_cents": cents,
            "received_on": on, "created_at": at, "concluded_at": at, **fields,
        }
    )  # fmt: skip
    ledger.open_money(payment)
    if parts:
        ledger.apply(payment, parts, by=factories.BY, on=on)
    return payment


def billed(customer, **charge):
    """The invoice that the bill step makes of one monthly charge."""
    factories.make_charge(factories.make_contract(customer), **charge)
    bill.run(TODAY, by=factories.BY, now=NOW)
    return customer.invoices.order_by(Invoice.id.desc()).get()


# --- The scan line -------------------------------------------------------------------------------


@given(st.integers(0, 10**10 - 1).map(str), st.integers(0, 10**10 - 1), st.integers(0, 10**10 - 1))
def test_a_scan_line_is_read_back_as_it_was_written(account, number, cents):
    line = remittance.scan_line(account, number, cents)

    assert len(line) == 31
    assert remittance.read_scan_line(line) == (account.zfill(10), number, cents)


@given(st.integers(0, 10**10 - 1), st.integers(0, 30), st.integers(1, 9))
def test_one_misread_digit_is_always_noticed(number, place, off):
    line = remittance.scan_line("100042", number, 4250)
    wrong = line[:place] + str((int(line[place]) + off) % 10) + line[place + 1 :]

    with pytest.raises(BillingError, match="check digit"):
        remittance.read_scan_line(wrong)


@given(st.integers(0, 10**10 - 1), st.integers(0, 29))
def test_two_swapped_digits_are_noticed_unless_they_are_zero_and_nine(number, place):
    line = remittance.scan_line("100042", number, 4250)
    pair = line[place : place + 2]
    if pair[0] == pair[1] or sorted(pair) == ["0", "9"]:
        return

    with pytest.raises(BillingError):
        remittance.read_scan_line(line[:place] + pair[::-1] + line[place + 2 :])


@pytest.mark.parametrize("text", ["", "123", "9" * 30, "9" * 32, "0" * 30 + "x", "٣" * 31, "0" * 10_000])
def test_what_is_no_scan_line_is_refused_with_a_sentence(text):
    with pytest.raises(BillingError, match="31 digits"):
        remittance.read_scan_line(text)


@pytest.mark.parametrize(
    "fields", [("12a", 1, 1), ("1" * 11, 1, 1), ("1", -1, 1), ("1", 1, 10**10), ("", 1, 1)]
)
def test_a_scan_line_is_never_made_of_what_does_not_fit(fields):
    with pytest.raises(ValueError, match="at most 10 digits"):
        remittance.scan_line(*fields)


def test_the_slip_asks_for_this_invoice_and_the_earlier_ones(alice, company):
    factories.make_invoice(alice, cents=1000, issued=date(2026, 11, 1), due=date(2026, 11, 15))
    document = live(factories.make_invoice(alice, cents=4250))

    read = remittance.read_scan_line(document.scan_line)

    assert read == (alice.remittance_digits, int(document.number), 5250)


@pytest.mark.parametrize(
    ("language", "due", "says"),
    [
        ("en", date(2026, 12, 2), "Amount due $52.50 $10.00 of it by December 2, 2026"),
        ("en", date(2026, 11, 15), "Amount due $52.50 $10.00 of it was due November 15, 2026"),
        ("en", date(2026, 12, 15), "Amount due $52.50 by December 15, 2026"),
        ("es", date(2026, 12, 2), "Total a pagar $52.50 $10.00 vence el 2 de diciembre de 2026"),
    ],
)
def test_the_slip_says_what_of_its_sum_is_due_first(app, alice, language, due, says):
    type(alice).update(language=language).execute()
    factories.make_invoice(alice, cents=1000, issued=date(2026, 11, 1), due=due)
    document = live(factories.make_invoice(factories.fresh(alice), cents=4250))

    command = ["pdftotext", "-x", "244", "-y", "560", "-W", "176", "-H", "52", "-", "-"]
    slip = subprocess.run(command, input=pdf.invoice_pdf(document), capture_output=True, check=True).stdout

    assert " ".join(slip.decode().split()) == says


@pytest.mark.parametrize("module", [localtime, remittance, words])
def test_the_examples_in_the_docstrings_are_true(module):
    tried = doctest.testmod(module, extraglobs={"datetime": moments})

    assert tried.attempted > 0
    assert tried.failed == 0


# --- Lines ----------------------------------------------------------------------------------------


def test_lines_are_printed_by_position_and_not_as_they_were_written(db, company):
    draft = Invoice.create(customer=factories.make_customer(), created_at=NOW)
    for position in (3, 1, 2):
        Line.create(
            invoice=draft,
            position=position,
            text=f"Line {position}",
            unit_cents=0,
            amount_cents=0,
            total_cents=0,
        )

    assert [item.text for item in live(draft).items] == ["Line 1", "Line 2", "Line 3"]


# --- Words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_on", "to_on", "text"),
    [
        (date(2026, 12, 1), date(2026, 12, 31), "December 1–31, 2026"),
        (date(2026, 3, 10), date(2026, 5, 31), "March 10 – May 31, 2026"),
        (date(2026, 12, 10), date(2027, 1, 9), "December 10, 2026 – January 9, 2027"),
        (date(2026, 12, 10), date(2027, 12, 9), "December 10, 2026 – December 9, 2027"),
        (date(2026, 12, 1), date(2026, 12, 1), "December 1, 2026"),
        (date(2026, 12, 1), None, "December 1, 2026"),
        (None, None, ""),
    ],
)
def test_a_period_says_both_ends_and_nothing_twice(from_on, to_on, text):
    assert words.period(from_on, to_on) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "today"), (1, "tomorrow"), (-1, "yesterday"), (14, "in 14 days"), (-3, "3 days ago")],
)
def test_a_day_is_told_as_people_do(days, text):
    assert words.from_today(TODAY + timedelta(days=days), TODAY) == text


def test_midnight_and_noon_are_told_on_the_companys_clock():
    assert words.moment(datetime(2026, 7, 1, 5, 0), "America/Chicago") == "July 1, 2026, 12:00 am CDT"
    assert words.moment(datetime(2026, 12, 1, 18, 5), "America/Chicago") == "December 1, 2026, 12:05 pm CST"


def test_a_very_long_text_is_cut_to_one_line():
    assert words.clipped("a\n" * 10_000, 5) == "a a…"
    assert words.clipped("short", 5) == "short"


# --- The invoice ---------------------------------------------------------------------------------


def test_an_invoice_says_what_for_where_when_and_by_when(alice, company):
    site = factories.make_site(alice, jurisdiction="TX-AUSTIN")
    factories.make_rate()
    invoice = billed(alice, site=site, system=factories.make_system(site), cents=3000, discount_cents=500,
                     discount_reason="loyalty")  # fmt: skip

    document = live(invoice)

    (section,) = document.sections
    (place,) = section.places
    (item,) = place.items
    assert place.address == "Home, 7 Oak Street, Austin"
    assert (item.text, item.system, item.when) == ("Monitoring", "Burglar alarm", "December 1–31, 2026")
    assert (item.amount_cents, item.discount_cents, item.discount_reason) == (3000, 500, "loyalty")
    assert document.taxes == (printed.Amount("Texas and Austin sales tax, 8.25%", 206),)
    assert (document.subtotal_cents, document.discount_cents, document.total_cents) == (3000, 500, 2706)
    assert (document.when, document.when_note) == ("Due December 16, 2026", "in 15 days")
    assert document.expectation == "Services are billed in advance: this invoice covers December 1–31, 2026."
    assert document.next_invoice.endswith("from January 1, 2027.")
    assert document.company.license_number == "B-12345"


def test_the_printed_amounts_add_up(alice, company):
    site = factories.make_site(alice, jurisdiction="TX-AUSTIN")
    factories.make_rate()
    for cents, discount in ((3333, 0), (1999, 100), (505, 505)):
        factories.make_charge(factories.make_contract(alice), site=site, cents=cents, discount_cents=discount)
    factories.make_one_off(alice, site=site, cents=9501)
    bill.run(TODAY, by=factories.BY, now=NOW)

    document = live(alice.invoices.get())

    items = document.items
    assert sum(i.amount_cents for i in items) == document.subtotal_cents
    assert sum(i.discount_cents for i in items) == document.discount_cents
    assert sum(i.tax_cents for i in items) == sum(tax.cents for tax in document.taxes)
    parts = document.subtotal_cents - document.discount_cents + sum(tax.cents for tax in document.taxes)
    assert parts == document.total_cents == sum(i.total_cents for i in items)


def test_work_is_apart_from_services_and_says_when_it_was_done(alice, company):
    factories.make_charge(factories.make_contract(alice))
    factories.make_one_off(alice, work_order="5531")
    bill.run(TODAY, by=factories.BY, now=NOW)

    document = live(alice.invoices.get())

    assert [section.title for section in document.sections] == ["Recurring services", "Work and parts"]
    (work,) = document.sections[1].items
    assert (work.when, work.work_order) == ("November 20, 2026", "5531")
    assert document.expectation.endswith("The work listed was done on November 20, 2026.")


def test_a_part_period_says_how_many_days_it_has(alice, company):
    document = live(billed(alice, starts_on=date(2026, 11, 20), cents=3000))

    assert [item.part for item in document.items] == ["11 of 30 days", ""]


def test_service_in_arrears_is_not_called_billed_in_advance(alice, company):
    document = live(billed(alice, in_arrears=True, starts_on=date(2026, 11, 1)))

    assert document.expectation == "For service that you already had: November 1–30, 2026."


def test_earlier_invoices_are_listed_with_what_is_open_in_all(alice, bob, company):
    old = factories.make_invoice(alice, cents=1000, issued=date(2026, 11, 1), due=date(2026, 11, 15))
    factories.make_invoice(bob, cents=9999)
    paid = factories.make_invoice(alice, cents=700)
    receive(alice, 700, parts=[(paid, 700)])

    document = live(factories.make_invoice(alice, cents=4250))

    assert document.earlier == (printed.Earlier(str(old.number), date(2026, 11, 15), 1000, True),)
    assert document.due_in_all_cents == 5250


def test_payments_and_what_came_back_stand_on_the_invoice(alice, company):
    invoice = factories.make_invoice(alice, cents=4250)
    payment = receive(alice, 2000, parts=[(invoice, 2000)])
    ledger.unapply(payment, reason="Check 1042 came back", by=factories.BY, on=TODAY)

    document = live(invoice)

    assert document.applied == (
        printed.Amount("Payment, check 1042", -2000, TODAY),
        printed.Amount("Taken back: Check 1042 came back", 2000, TODAY),
    )
    assert document.open_cents == 4250


@pytest.mark.parametrize(
    ("paid_cents", "today", "state", "when"),
    [
        (0, TODAY, "due", "Due December 15, 2026"),
        (2000, TODAY, "part paid", "Due December 15, 2026"),
        (2000, date(2026, 12, 16), "past due", "Due December 15, 2026"),
        (0, date(2026, 12, 15), "due", "Due December 15, 2026"),
        (4250, TODAY, "paid", "Paid on December 1, 2026"),
    ],
)
def test_an_invoice_tells_where_it_stands(alice, company, paid_cents, today, state, when):
    invoice = factories.make_invoice(alice, cents=4250)
    if paid_cents:
        receive(alice, paid_cents, parts=[(invoice, paid_cents)])

    document = live(invoice, today)

    assert (document.state, document.when) == (state, when)
    assert bool(document.scan_line) == document.is_payable == (state != "paid")


def test_a_void_invoice_asks_for_nothing(alice, company):
    invoice = factories.make_invoice(alice)
    invoices.void(invoice, reason="wrong customer", by=factories.BY, today=TODAY, now=LATER)

    document = live(invoice)

    assert (document.state, document.when) == ("void", "Voided on December 1, 2026")
    assert not document.is_payable
    assert document.late == document.wish == document.scan_line == ""


def test_a_payment_in_doubt_is_said_instead_of_asking_again(alice, company):
    invoice = factories.make_invoice(alice)
    payment = Payment.create(
        customer=alice,
        reference="P9",
        key="k9",
        state=Payment.IN_DOUBT,
        kind=Payment.ONLINE,
        amount_cents=4250,
        received_on=TODAY,
        created_at=NOW,
    )
    payment.parts.model.create(payment=payment, invoice=invoice, amount_cents=4250)

    assert live(invoice).state == "being checked"


@pytest.mark.parametrize("wish", Customer.PAY_WISHES)
def test_every_way_that_people_like_to_pay_is_told_in_words(alice, company, wish):
    alice.pay_wish = wish
    alice.save()

    said = {
        Customer.REMINDERS: "Nothing is charged automatically",
        Customer.CARD_AUTOPAY: "You would like us to charge your card automatically. This is not switched on",
        Customer.BANK_AUTOPAY: "You would like us to debit your bank account automatically",
        Customer.CHECK: "You like to pay by check",
    }
    assert live(factories.make_invoice(alice)).wish.startswith(said[wish])


def test_a_draft_can_be_shown_before_it_has_a_number(alice, company):
    draft = Invoice.create(customer=alice, created_at=NOW)
    Line.create(invoice=draft, position=1, text="Monitoring", unit_cents=0, amount_cents=0, total_cents=0)

    document = live(draft)

    assert (document.number, document.when, document.scan_line) == ("Draft", "Not issued yet", "")


# --- As it stood at issue ------------------------------------------------------------------------


def test_as_issued_nothing_that_came_later_shows(alice, company):
    factories.make_invoice(alice, cents=1000, issued=date(2026, 11, 1), due=date(2026, 11, 15),
                           created_at=NOW - timedelta(days=30))  # fmt: skip
    receive(alice, 500, at=NOW - timedelta(days=1), on=date(2026, 11, 30))
    invoice = billed(alice, cents=4250)
    first = as_issued(invoice)

    ledger.unapply(Payment.get(), reason="returned", by=factories.BY, on=date(2026, 12, 3))
    receive(alice, 5250, at=LATER, on=date(2026, 12, 4), parts=None)
    ledger.use_unapplied([alice.id], by=factories.BY, on=date(2026, 12, 4))
    invoices.credit(
        invoice, amount_cents=100, reason="late", by=factories.BY, today=date(2026, 12, 5), now=LATER
    )
    alice.pay_wish = Customer.CHECK
    alice.save()

    assert as_issued(Invoice.get_by_id(invoice.id)) == first
    assert first.state == "due"
    assert first.open_cents == 4250
    assert live(invoice).state == "paid"


def test_as_issued_shows_the_money_that_lay_ready(alice, company):
    receive(alice, 1000, at=NOW - timedelta(days=1), on=date(2026, 11, 30))
    invoice = billed(alice, cents=4250)
    receive(alice, 50, at=LATER, parts=[(invoice, 50)])

    document = as_issued(Invoice.get_by_id(invoice.id))

    assert document.applied == (printed.Amount("Payment, check 1042", -1000, date(2026, 11, 30)),)
    assert document.open_cents == 3250


def test_as_issued_money_that_was_taken_back_and_used_again_on_that_day_counts_once(alice, company):
    payment = receive(alice, 3000, at=NOW - timedelta(days=1), on=date(2026, 11, 30))
    invoice = billed(alice, cents=4250)
    first = as_issued(invoice)

    ledger.unapply(payment, reason="a refund", by=factories.BY, on=TODAY)
    ledger.use_unapplied([alice.id], by=factories.BY, on=TODAY)

    assert as_issued(Invoice.get_by_id(invoice.id)) == first
    assert first.open_cents == 1250


def test_a_draft_that_waited_is_as_issued_from_its_issue_on(alice, company):
    draft = Invoice.create(
        customer=alice, subtotal_cents=900, total_cents=900, created_at=NOW - timedelta(days=3)
    )
    Line.create(
        invoice=draft, position=1, text="Repair of the gate", unit_cents=900, amount_cents=900,
        total_cents=900, done_on=date(2026, 11, 20),
    )  # fmt: skip
    receive(alice, 400, at=NOW - timedelta(hours=1))
    invoice = invoices.issue(draft, by=factories.BY, today=TODAY, now=NOW)
    assert Event.select().where(Event.what == "invoice.issued").count() == 1

    assert as_issued(invoice).open_cents == 500


def test_as_issued_the_work_billed_apart_in_the_same_run_is_not_an_earlier_invoice(alice, company):
    factories.make_charge(factories.make_contract(alice))
    factories.make_one_off(alice, alone=True)
    bill.run(TODAY, by=factories.BY, now=NOW)

    second = alice.invoices.order_by(Invoice.number.desc()).get()

    assert as_issued(second).earlier == ()


def test_as_issued_an_invoice_that_lay_ready_money_paid_stays_paid(alice, company):
    payment = receive(alice, 4250, at=NOW - timedelta(days=1), on=date(2026, 11, 30))
    invoice = billed(alice, cents=4250)
    ledger.unapply(payment, reason="returned", by=factories.BY, on=date(2026, 12, 20))

    document = as_issued(Invoice.get_by_id(invoice.id))

    assert (document.state, document.when) == ("paid", "Paid on November 30, 2026")
    assert document.scan_line == ""


def test_as_issued_ready_money_that_paid_an_earlier_invoice_is_not_asked_for_twice(alice, company):
    before = NOW - timedelta(days=30)
    old = factories.make_invoice(
        alice, cents=1000, issued=date(2026, 11, 1), due=date(2026, 11, 15), created_at=before
    )
    receive(alice, 400, at=NOW - timedelta(days=1), on=date(2026, 11, 30))
    invoice = billed(alice, cents=4250)

    document = as_issued(invoice)

    assert invoice.previous_cents == 1000
    assert document.earlier == (printed.Earlier(str(old.number), date(2026, 11, 15), 600, True),)
    assert document.due_in_all_cents == 4850


# --- Receipts and statements ---------------------------------------------------------------------


def test_a_receipt_says_what_the_money_paid_and_what_is_left(alice, company):
    first = factories.make_invoice(alice, cents=1000, due=date(2026, 12, 5))
    second = factories.make_invoice(alice, cents=4250)
    payment = receive(alice, 6000, parts=[(second, 4000), (first, 1000)])

    document = receipt_documents.of(Payment.get_by_id(payment.id))

    assert (document.title, document.state, document.when) == ("Receipt", "paid", "December 1, 2026")
    assert document.paid == (
        receipt_documents.Paid(str(first.number), date(2026, 12, 5), 1000, 0),
        receipt_documents.Paid(str(second.number), date(2026, 12, 15), 4000, 250),
    )
    assert document.unapplied_cents == 1000
    assert ("Method", "check 1042") in document.facts


def test_an_online_receipt_names_the_processors_reference(alice, company):
    payment = receive(
        alice,
        500,
        kind=Payment.ONLINE,
        check_number="",
        method_label="Visa ending 4242",
        transaction_id="60198230011",
        auth_code="A1B2C3",
    )

    facts = dict(receipt_documents.of(payment).facts)

    assert facts["Method"] == "Visa ending 4242"
    assert facts["Processor reference"] == "60198230011"
    assert facts["Confirmed"] == "December 1, 2026, 1:00 pm CST"


@pytest.mark.parametrize("state", Payment.STATES)
def test_a_receipt_never_claims_money_that_is_not_ours(alice, company, state):
    payment = receive(alice, 500)
    Payment.update(state=state, reason="No funds.").where(Payment.id == payment.id).execute()

    document = receipt_documents.of(Payment.get_by_id(payment.id))

    assert (document.title == "Receipt") == (state in Payment.MONEY)
    assert ("Thank you" in document.sentence) == (state in Payment.MONEY)
    assert (document.unapplied_cents > 0) == (state in Payment.MONEY)


def test_a_statement_starts_where_the_last_one_ended(alice, company):
    factories.make_invoice(alice, cents=1000, issued=date(2026, 10, 1), due=date(2026, 10, 15))
    invoice = factories.make_invoice(alice, cents=4250)
    receive(alice, 2000, on=date(2026, 12, 3), parts=[(invoice, 2000)])

    november = statement_documents.of(alice, date(2026, 10, 1), date(2026, 11, 30), today=TODAY)
    december = statement_documents.of(alice, date(2026, 12, 1), date(2026, 12, 31), today=TODAY)

    assert november.closing_cents == december.opening_cents == 1000
    assert (december.charged_cents, december.paid_cents, december.closing_cents) == (4250, 2000, 3250)
    assert december.period == "December 1–31, 2026"


def test_a_statement_of_a_quiet_time_carries_the_balance(alice, company):
    factories.make_invoice(alice, cents=1000, issued=date(2026, 10, 1), due=date(2026, 10, 15))

    document = statement_documents.of(alice, date(2026, 11, 1), date(2026, 11, 30), today=TODAY)

    assert (document.rows, document.opening_cents, document.closing_cents) == ((), 1000, 1000)


def test_a_statement_that_ends_before_it_starts_is_refused(alice, company):
    with pytest.raises(BillingError, match="first day"):
        statement_documents.of(alice, date(2026, 12, 2), date(2026, 12, 1), today=TODAY)


# --- The company ---------------------------------------------------------------------------------


@pytest.mark.parametrize("blob", [None, b"", b"<svg><script>", b"<img src=file:///etc/passwd>", b"GIF89a"])
def test_what_is_no_plain_picture_is_no_logo(company, blob):
    company.logo = blob

    assert letterheads.of(company).logo_uri == ""


def test_a_picture_is_carried_inside_the_page(company):
    company.logo = b"\x89PNG\r\n\x1a\nrest"

    assert letterheads.of(company).logo_uri.startswith("data:image/png;base64,")


def test_the_hours_of_the_phone_are_torn_apart_nowhere(company):
    company.phone_hours = "Mon–Fri 8 am–6 pm"

    assert letterheads.of(company).phone_hours == "Mon–Fri 8\N{NO-BREAK SPACE}am–6\N{NO-BREAK SPACE}pm"


def test_a_company_without_a_legal_name_or_payee_still_has_both(company):
    company.legal_name = company.payable_to = ""

    head = letterheads.of(company)

    assert head.legal_name == head.payable_to == "Lantern Security"


def test_a_credit_is_shown_with_its_reason(alice, company):
    invoice = factories.make_invoice(alice)
    why = "two days without signal"
    invoices.credit(invoice, amount_cents=1000, reason=why, by=factories.BY, today=TODAY, now=LATER)

    assert Credit.select().count() == 1
    assert live(invoice).applied == (printed.Amount(f"Credit: {why}", -1000, TODAY),)
