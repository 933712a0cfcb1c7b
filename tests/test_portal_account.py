"""The account of whoever is signed in: what they see, what they never see, and paying several at once."""

from datetime import date

import pytest
from flask import url_for

import models
from billing import links, payments, tickets
from billing.reversals import refunds, returns
from models import Contact, Event, Invoice, Notice, Payment, Ticket
from portal import door
from tests.factories import (
    BY,
    make_charge,
    make_contract,
    make_invoice,
    make_item,
    make_rate,
    make_site,
    payer,
)
from tests.portal_visitor import Visitor


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def signed_in(visitor, alice, clock):
    """Alice's browser, signed in."""
    return enter(visitor, payer(alice), clock)


def enter(visitor, contact, clock):
    token, _ = links.sign_in_link(contact, now=clock.now())
    page = visitor.open(f"/sign-in/{token}")
    visitor.press(page, page.buttons[0])  # in whatever language it is
    return visitor


def record(customer, cents, clock, **options):
    told = {"kind": "check", "received_on": clock.today(), "key": f"key {customer.id} {cents}", "by": BY}
    told |= {"today": clock.today(), "now": clock.now(), "check_number": "1042"}
    return payments.record(customer, amount_cents=cents, **told | options)


# --- Closed unless opened ------------------------------------------------------------------------


def test_every_page_is_closed_unless_it_is_opened_by_name(app, visitor, db):
    values = {"reference": "PLX", "number": 1, "id": 1, "file": 1}
    closed = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("portal.")]
    closed = [rule for rule in closed if rule.endpoint.partition(".")[2] not in door.OPEN]
    assert len(closed) > 15

    for rule in closed:
        with app.test_request_context():
            path = url_for(rule.endpoint, **{name: values[name] for name in rule.arguments})
        if "GET" in rule.methods:
            assert visitor.open(path).path == "/sign-in", path
        if "POST" in rule.methods:
            token = visitor.open("/sign-in").form("Email me a code")[2][0]
            assert visitor.send("post", path, [token]).path == "/sign-in", path


def test_what_is_open_exists(app):
    names = {
        rule.endpoint.partition(".")[2]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("portal.")
    }

    assert names >= door.OPEN
    assert names >= door.WITHOUT_MONEY


def test_what_belongs_to_somebody_else_is_not_found(signed_in, bob, clock):
    invoice = make_invoice(bob, cents=666)
    payment = record(bob, 666, clock)
    ticket = tickets.open(bob, subject="Private", body="Secret", by=BY, now=clock.now())

    for path in (
        f"/account/invoices/{invoice.number}",
        f"/account/invoices/{invoice.number}.pdf",
        f"/account/payments/{payment.reference}",
        f"/account/payments/{payment.reference}.pdf",
        f"/account/questions/{ticket.id}",
        f"/payments/{payment.reference}/return",
        f"/payments/{payment.reference}/receipt.pdf",
    ):
        page = signed_in.open(path)
        assert page.status == 404, path
        assert "6.66" not in page.source
    for path in (
        "/account",
        "/account/invoices",
        "/account/payments",
        "/account/statement",
        "/account/questions",
    ):
        page = signed_in.open(path)
        assert "6.66" not in page.source and "Private" not in page.source


@pytest.mark.parametrize("number", ["1" * 40, "0", "-1", "1e3", "x", "99999999999"])
def test_numbers_that_cannot_be_are_not_found(signed_in, number):
    for path in (
        f"/account/invoices/{number}",
        f"/account/questions/{number}",
        f"/account/invoices/{number}.pdf",
    ):
        assert signed_in.open(path).status == 404


def test_a_technical_contact_sees_nothing_about_money(visitor, alice, clock):
    make_invoice(alice, cents=4250)
    tickets.open(alice, subject="About my bill", body="x", by=BY, now=clock.now(), contact=payer(alice))
    tech = Contact.create(customer=alice, name="Ted", email="ted@example.com", role=Contact.TECHNICAL)
    enter(visitor, tech, clock)

    page = visitor.open("/account")

    assert page.path == "/account/questions"
    assert "About my bill" not in page.text
    for path in (
        "/account/invoices",
        "/account/payments",
        "/account/statement",
        "/account/pay",
        "/account/preferences",
    ):
        assert visitor.open(path).status == 404


def test_a_viewer_looks_but_does_not_choose_how_it_is_paid(visitor, alice, clock):
    make_invoice(alice, cents=4250)
    enter(
        visitor,
        Contact.create(customer=alice, name="Vic", email="vic@example.com", role=Contact.VIEWER),
        clock,
    )

    assert "$42.50" in visitor.open("/account").text
    assert visitor.open("/account/preferences").status == 404


# --- Overview ------------------------------------------------------------------------------------


def test_it_shows_what_is_owed_what_is_past_due_and_what_comes(signed_in, alice):
    make_rate()
    site = make_site(alice, jurisdiction="TX-AUSTIN")
    make_charge(
        make_contract(alice),
        cents=4000,
        starts_on=date(2027, 1, 1),
        site=site,
        item=make_item("Fire monitoring"),
    )
    make_invoice(alice, cents=4250)
    make_invoice(alice, cents=1000, due=date(2026, 11, 15))

    page = signed_in.open("/account")

    assert "$52.50" in page.text
    assert "$10.00 is past due" in page.text
    assert "Your next invoice is for $43.30 . It comes on January 1, 2027" in page.text
    assert "Fire monitoring" in page.text


def test_with_nothing_open_it_says_so(signed_in):
    page = signed_in.open("/account")

    assert "Nothing to pay" in page.text
    assert page.buttons == []


def test_money_that_pays_nothing_yet_is_shown(signed_in, alice, clock):
    record(alice, 5000, clock, confirmed=True)

    assert "$50.00 of yours is with us" in signed_in.open("/account").text


# --- Several at once -----------------------------------------------------------------------------


@pytest.fixture
def three(alice):
    return [make_invoice(alice, cents=cents) for cents in (1000, 2000, 4000)]


def test_several_invoices_are_one_payment(app, signed_in, three, paying):
    app.gateway = paying.gateway
    page = signed_in.press(signed_in.open("/account"), "Review and pay", invoice=["10001", "10003"])
    assert "Invoice 10002" not in page.text
    page = signed_in.press(page, "Pay $50.00")
    assert page.path.endswith("/continue")

    payment = Payment.get()
    paying.pay(payment)
    page = signed_in.open(f"/payments/{payment.reference}/return")

    assert page.headline == "Paid. Thank you."
    assert [invoice.open_cents for invoice in Invoice.select().order_by(Invoice.id)] == [0, 2000, 0]
    assert "$50.00" in signed_in.open("/account/payments").text


def test_all_are_chosen_unless_somebody_chooses(signed_in, three):
    page = signed_in.press(signed_in.open("/account"), "Review and pay")

    assert "Pay $70.00" in page.buttons


def test_choosing_nothing_asks_again(signed_in, three):
    page = signed_in.press(signed_in.open("/account"), "Review and pay", invoice=None)

    assert "Please choose at least one invoice" in page.messages


def test_only_own_open_invoices_can_be_chosen(signed_in, three, bob):
    others = make_invoice(bob, cents=666)

    page = signed_in.open(
        f"/account/pay?invoice={others.number}&invoice=10001&invoice={'9' * 40}&invoice=%00"
    )

    assert "Pay $10.00" in page.buttons


def test_a_sum_that_changed_meanwhile_is_not_charged(signed_in, three, alice, clock):
    page = signed_in.press(signed_in.open("/account"), "Review and pay")
    record(alice, 500, clock)

    page = signed_in.press(page, "Pay $70.00")

    assert "What is open changed since you looked." in page.messages
    assert Payment.select().where(Payment.kind == Payment.ONLINE).count() == 0


def test_an_invoice_that_is_being_paid_is_not_offered_again(app, signed_in, three, paying):
    app.gateway = paying.gateway
    paying.start(three[0])

    page = signed_in.open("/account")

    assert "A payment of $10.00 was started and is not finished." in page.text
    assert "Not finished" in page.text and "Being checked" not in page.text
    assert page.link("Continue to pay $10.00").endswith("/continue")
    assert "Pay $60.00" in signed_in.press(page, "Review and pay").buttons
    page = signed_in.press(signed_in.open("/account/pay?invoice=10001&invoice=10002"), "Pay $30.00")
    assert "You will not be charged twice." in page.messages


def test_several_invoices_begun_together_go_on_from_the_page_of_each(app, signed_in, three, paying, clock):
    app.gateway = paying.gateway
    page = signed_in.open("/account/pay?invoice=10001&invoice=10002")
    signed_in.press(page, "Pay $30.00")

    page = signed_in.open("/account/invoices/10001")

    assert "It is for invoices 10001 and 10002 together." in page.text
    assert page.link("Continue to pay $30.00").endswith("/continue")
    assert "If it was never finished" not in page.text
    stranger = Visitor(app)
    page = stranger.open(f"/i/{links.pay_link(three[0], now=clock.now(), contact=None)}")
    assert "10002" not in page.text and "Continue to pay" not in page.text


def test_after_the_page_has_died_the_overview_only_says_that_it_is_checked(app, signed_in, three, paying):
    app.gateway = paying.gateway
    paying.start(three[0])
    paying.later(minutes=20)

    page = signed_in.open("/account")

    assert "A payment of $10.00 is being checked." in page.text and "Being checked" in page.text
    assert "Continue to pay" not in page.text


# --- Invoices ------------------------------------------------------------------------------------


def test_every_invoice_is_listed_with_its_state_newest_first(signed_in, alice, clock):
    make_invoice(alice, cents=1000, due=date(2026, 11, 15))
    make_invoice(alice, cents=2000)
    record(alice, 1000, clock)

    page = signed_in.open("/account/invoices")

    assert page.text.index("Invoice 10002") < page.text.index("Invoice 10001")
    assert "Paid" in page.text and "Due" in page.text


def test_long_lists_have_pages(signed_in, alice):
    for _ in range(30):
        make_invoice(alice, cents=100)

    page = signed_in.open("/account/invoices")
    assert ("Invoice 10030" in page.text, "Invoice 10005" in page.text) == (True, False)
    page = signed_in.open(page.link("Older →"))

    assert ("Invoice 10005" in page.text, "Invoice 10006" in page.text) == (True, False)
    assert signed_in.open(page.link("← Newer")).path == "/account/invoices"
    for odd in ("x", "9" * 40, "-1", "%00"):
        assert signed_in.open(f"/account/invoices?before={odd}").status == 200


def test_drafts_are_not_shown(signed_in, alice, clock):
    Invoice.create(customer=alice, created_at=clock.now(), subtotal_cents=666, total_cents=666)

    assert "6.66" not in signed_in.open("/account/invoices").text


def test_an_invoice_can_be_seen_paid_asked_about_and_downloaded(app, signed_in, alice, paying):
    app.gateway = paying.gateway
    make_invoice(alice, cents=4250)
    page = signed_in.open("/account/invoices/10001")
    assert signed_in.open(page.link("Download the invoice (PDF)")).bytes.startswith(b"%PDF-")

    asked = signed_in.press(page, "Send", body="Why?")
    assert "Your question is with us" in asked.messages
    assert Ticket.get().contact == payer(alice)
    page = signed_in.press(page, "Pay this amount", amount="7,5")
    assert page.error_of("amount") == "“7,5” is not an amount. Write it like 42.50."
    page = signed_in.press(page, "Pay this amount", amount="7.50")
    assert page.path.endswith("/continue")
    page = signed_in.open("/account/invoices/10001")
    assert "Pay $7.50" in page.buttons
    page = signed_in.press(page, "Check again now")
    assert "not concluded yet" in page.messages


# --- Payments and statements ---------------------------------------------------------------------


def test_every_payment_has_its_receipt(signed_in, alice, clock):
    make_invoice(alice, cents=4250)
    payment = record(alice, 4250, clock)

    page = signed_in.open(signed_in.open("/account/payments").link("December 1, 2026"))

    for words in ("$42.50", "Check 1042", payment.reference, "Invoice 10001", "Alice Archer"):
        assert words in page.text
    assert signed_in.open(page.link("Download the receipt (PDF)")).bytes.startswith(b"%PDF-")
    assert signed_in.open(f"/account/payments/{payment.reference}.pdf").bytes.startswith(b"%PDF-")


def test_a_check_that_came_back_is_told_plainly(signed_in, alice, clock):
    make_invoice(alice, cents=4250)
    payment = record(alice, 4250, clock)
    returns.bounce(payment, reason="No funds", by=BY, today=clock.today(), now=clock.now())

    page = signed_in.open(f"/account/payments/{payment.reference}")

    assert page.headline == "Returned payment"
    assert "came back to us unpaid. No funds" in page.text
    assert "Open again" in page.text and "$42.50" in signed_in.open(page.link("Invoice 10001")).text
    assert signed_in.open(f"/account/payments/{payment.reference}.pdf").status == 404


def test_a_payment_that_we_canceled_stays_in_the_list_and_leads_to_what_is_open_again(
    app, signed_in, alice, paying, clock
):
    invoice = make_invoice(alice, cents=4250)
    payment = paying.start(invoice)
    paying.pay(payment)
    payment = paying.ask(payment)
    refund = refunds.start(
        payment, amount_cents=4250, reason="Paid by mistake", reopen=True, key="k", by=BY,
        today=clock.today(), now=clock.now(),
    )  # fmt: skip
    refunds.send(refund, gateway=paying.gateway, today=clock.today(), now=clock.now())

    page = signed_in.open(signed_in.open("/account/payments").link("December 1, 2026"))

    assert page.headline == "Canceled payment"
    assert page.link("Invoice 10001") == "/account/invoices/10001"


def test_a_statement_lists_a_range_with_balances_and_is_there_as_pdf(signed_in, alice, clock):
    make_invoice(alice, cents=3000, issued=date(2026, 10, 1))
    make_invoice(alice, cents=4250, issued=date(2026, 11, 1))
    record(alice, 3000, clock)

    page = signed_in.open("/account/statement?from=2026-11-01&to=2026-11-30")

    assert "November 1–30, 2026" in page.text
    assert "Balance before $30.00" in page.text
    assert ("Invoice 10002" in page.text, "Check 1042" in page.text) == (True, False)
    assert "Balance at the end $72.50" in page.text
    pdf = signed_in.open(page.link("Download as PDF"))
    assert pdf.bytes.startswith(b"%PDF-")
    assert "2026-11-01" in pdf.headers["Content-Disposition"]


def test_without_dates_the_statement_is_of_this_year(signed_in, clock):
    page = signed_in.open("/account/statement")

    assert "January 1 – December 1, 2026" in page.text
    assert page.value_of("to") == clock.today().isoformat()


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("from=2026-02-30&to=2026-03-01", "from", "This date does not exist."),
        ("from=2026-03-02&to=2026-03-01", "from", "The first day is after the last."),
        ("from=2026-03-02", "to", "choose a date"),
        ("from=%00&to=x", "to", "not exist"),
        ("from=99999-01-01&to=2026-01-01", "from", "not exist"),
    ],
)
def test_dates_that_cannot_be_say_why(signed_in, query, field, sentence):
    page = signed_in.open(f"/account/statement?{query}")

    assert page.status == 422
    assert sentence.lower() in page.error_of(field).lower()
    assert signed_in.open(f"/account/statement.pdf?{query}").status == 422


# --- Their own data ------------------------------------------------------------------------------


def test_contact_data_can_be_changed_and_the_old_address_is_told(signed_in, alice):
    page = signed_in.press(
        signed_in.open("/account/details"),
        "Save",
        name="Alice A.",
        email="New@Example.com",
        phone="(512) 555-0111",
    )

    assert page.messages == "Saved. We also told alice@example.com."
    contact = payer(alice)
    assert (contact.name, contact.email, contact.phone) == ("Alice A.", "new@example.com", "(512) 555-0111")
    assert [(notice.kind, notice.address) for notice in Notice.select()] == [
        ("contact_changed", "alice@example.com")
    ]
    assert Event.select().where(Event.what == "contact.changed").get().by == "customer:alice@example.com"


def test_saving_what_is_there_tells_nobody(signed_in, alice):
    page = signed_in.press(signed_in.open("/account/details"), "Save")

    assert page.messages == "Saved."
    assert Notice.select().count() == 0


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""), ("name", "x" * 81), ("name", "\x00"), ("email", ""), ("email", "not an address"),
        ("email", "a@b.c, d@e.f"), ("phone", "call me"), ("phone", "1" * 30),
    ],
)  # fmt: skip
def test_data_that_cannot_be_says_why_and_nothing_typed_is_lost(signed_in, alice, field, typed):
    page = signed_in.press(
        signed_in.open("/account/details"), "Save", **{"phone": "512 555 0100", field: typed}
    )

    assert page.status == 422
    assert page.error_of(field)
    assert page.value_of(field) == typed.replace("\x00", "")
    assert payer(alice).email == "alice@example.com"


# --- Speed ---------------------------------------------------------------------------------------


def test_lists_ask_the_database_the_same_number_of_questions_however_long(signed_in, alice, db):
    def asked(path):
        seen = []
        models.db.obj.query_hooks.append(lambda *args: seen.append(args))
        try:
            assert signed_in.open(path).status == 200
        finally:
            models.db.obj.query_hooks.clear()
        return len(seen)

    make_invoice(alice, cents=100)
    few = asked("/account"), asked("/account/invoices")
    for _ in range(20):
        make_invoice(alice, cents=100)

    assert (asked("/account"), asked("/account/invoices")) == few
