"""The pay link: what it shows, that opening it changes nothing, and every state of its invoice."""

import base64
import zlib
from datetime import date, timedelta

import pytest

from billing import bill, invoices, links, payments
from models import TABLES, Contact, Invoice, Link, Notice, Payment, Ticket
from tests.factories import BY, make_charge, make_contract, make_customer, make_invoice, payer
from tests.portal_visitor import Visitor


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, cents=4250)


def link_to(invoice, clock, **options):
    return f"/i/{links.pay_link(invoice, now=clock.now(), contact=payer(invoice.customer), **options)}"


def cookie_text(client):
    """Everything that the session cookie says to whoever can read it."""
    packed = client.get_cookie("porchlight").value
    compressed, body = packed.startswith("."), packed.lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    return (zlib.decompress(raw) if compressed else raw).decode()


# --- What it shows -------------------------------------------------------------------------------


def test_it_says_who_asks_how_much_for_what_and_by_when(app, visitor, invoice, clock):
    page = visitor.open(link_to(invoice, clock))

    assert page.status == 200
    for words in (
        "Lantern Security",
        "Invoice 10001",
        "$42.50",
        "Due December 15, 2026",
        "Alice Archer",
        "Monitoring",
    ):
        assert words in page.text
    assert page.buttons.count("Pay $42.50") == 1
    assert "(512) 555-0100" in page.text
    assert "you pay each invoice yourself" in page.text


def test_opening_it_changes_nothing(app, visitor, invoice, clock):
    path = link_to(invoice, clock)
    before = [model.select().count() for model in TABLES]

    visitor.open(path)
    visitor.open(path)

    assert [model.select().count() for model in TABLES] == before
    assert Link.get().used_at is None


def test_it_is_neither_kept_nor_indexed_nor_told_to_others(app, visitor, invoice, clock):
    headers = visitor.open(link_to(invoice, clock)).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in headers["X-Robots-Tag"]


def test_it_shows_what_was_paid_in_part(app, visitor, invoice, clock):
    payments.record(
        invoice.customer, amount_cents=2000, kind="check", received_on=clock.today(), key="k", by=BY,
        today=clock.today(), now=clock.now(),
    )  # fmt: skip

    page = visitor.open(link_to(invoice, clock))

    assert "$42.50 in all, $20.00 already paid" in page.text
    assert "Pay $22.50" in page.buttons


def test_the_invoice_is_there_as_pdf(app, visitor, invoice, clock):
    page = visitor.open(link_to(invoice, clock) + "/invoice.pdf")

    assert page.bytes.startswith(b"%PDF-")
    assert page.headers["Content-Type"] == "application/pdf"
    assert page.headers["Cache-Control"] == "no-store"


def test_a_paid_invoice_is_a_receipt_not_an_error(app, visitor, invoice, clock):
    payments.record(
        invoice.customer, amount_cents=4250, kind="cash", received_on=clock.today(), key="k", by=BY,
        today=clock.today(), now=clock.now(),
    )  # fmt: skip

    page = visitor.open(link_to(invoice, clock))

    assert page.status == 200
    assert "Paid on December 1, 2026" in page.text
    assert not [words for words in page.buttons if words.startswith("Pay")]


@pytest.mark.parametrize(
    ("language", "cents", "says"),
    [
        ("en", [2000], "on this invoice. Invoice 10001 is still open: $20.00 was due November 20, 2026."),
        ("es", [2000], "La factura 10001 sigue pendiente: $20.00 vencieron el 20 de noviembre de 2026."),
        ("en", [2000, 3000], "2 other invoices are still open: $50.00 in all, the first was due November 20"),
        ("es", [2000, 3000], "Otras 2 facturas siguen pendientes: $50.00 en total; la primera venció el 20"),
    ],
)
def test_a_paid_invoice_says_what_before_it_is_open(visitor, alice, clock, language, cents, says):
    type(alice).update(language=language).execute()
    for one in cents:
        make_invoice(alice, cents=one, due=date(2026, 11, 20))
    paid, _later = make_invoice(alice, cents=4250), make_invoice(alice, cents=9900)
    payments.record(
        alice, amount_cents=4250, kind="cash", received_on=clock.today(), key="k", by=BY,
        parts=[(paid, 4250)], today=clock.today(), now=clock.now(),
    )  # fmt: skip

    page = visitor.open(link_to(paid, clock))

    assert says in " ".join(page.text.split())
    assert "99.00" not in page.text  # a link opens its invoice, and tells what that told of before


def test_an_invoice_with_nothing_due_asks_for_nothing(app, visitor, alice, clock):
    page = visitor.open(link_to(make_invoice(alice, cents=0), clock))

    assert "There is nothing to pay." in page.text
    assert not [words for words in page.buttons if words.startswith("Pay")]


def test_a_past_due_invoice_says_so_kindly(app, visitor, alice, clock):
    page = visitor.open(link_to(make_invoice(alice, due=date(2026, 11, 15)), clock))

    assert "Past due" in page.text
    assert "There is no late fee" in page.text


def test_a_canceled_invoice_leads_to_the_valid_one(app, visitor, alice, clock):
    make_charge(make_contract(alice), cents=5100)
    told = {"by": BY, "now": clock.now()}
    bill.run(clock.today(), **told)
    invoice = Invoice.get()
    path = link_to(invoice, clock)
    invoices.void(invoice, reason="Wrong address", today=clock.today(), bill_again=True, **told)
    bill.run(clock.today(), **told)

    page = visitor.open(path)
    assert "replaced by invoice 10002" in page.text
    page = visitor.press(page, "Open invoice 10002")

    assert "Pay $51.00" in page.buttons


def test_a_canceled_invoice_that_nothing_replaces_says_why(app, visitor, invoice, clock):
    path = link_to(invoice, clock)
    invoices.void(invoice, reason="Billed twice", by=BY, today=clock.today(), now=clock.now())

    page = visitor.open(path)

    assert "This invoice was canceled: Billed twice. There is nothing to pay on it." in page.text


# --- Links that are dead -------------------------------------------------------------------------


def test_an_old_link_offers_a_fresh_one_to_the_address_on_file(app, visitor, invoice, clock):
    path = link_to(invoice, clock)
    clock.advance(days=200)

    page = visitor.open(path)
    assert (page.status, page.headline) == (410, "This link does not work any more")
    page = visitor.press(page, "Email me a fresh link")

    assert "a fresh link is on its way" in page.text
    assert "alice@example.com" not in page.source
    assert [(notice.kind, notice.address) for notice in Notice.select()] == [
        ("fresh_link", "alice@example.com")
    ]


def test_a_revoked_link_opens_nothing(app, visitor, invoice, clock):
    path = link_to(invoice, clock)
    links.revoke(Link.select(), by=BY, now=clock.now())

    page = visitor.open(path)

    assert "withdrawn" in page.text
    assert "$42.50" not in page.text


def test_pressing_for_a_fresh_link_many_times_sends_few(app, visitor, invoice, clock):
    path = link_to(invoice, clock)
    clock.advance(days=200)

    for _ in range(6):
        visitor.press(visitor.open(path), "Email me a fresh link")

    assert Notice.select().count() == links.MOST_MAILS


@pytest.mark.parametrize("token", ["x" * 43, "1" * 40, "a%00b", "%F0%9F%92%A1"])
def test_an_unknown_link_leads_to_sign_in(app, visitor, db, token):
    page = visitor.open(f"/i/{token}")

    assert page.status == 404
    assert page.link("Sign in by email") == "/sign-in"


def test_a_preferences_link_opens_no_invoice(app, visitor, invoice, clock):
    token = links.preferences_link(payer(invoice.customer), now=clock.now())

    assert visitor.open(f"/i/{token}").status == 404


def test_the_address_of_a_button_opened_by_hand_shows_the_invoice(app, visitor, invoice, clock):
    path = link_to(invoice, clock)

    assert visitor.open(f"{path}/pay").headline.startswith("Invoice 10001")
    assert visitor.path == path


# --- Something wrong -----------------------------------------------------------------------------


def test_one_sentence_makes_a_ticket_and_the_page_says_so(app, visitor, invoice, clock):
    page = visitor.open(link_to(invoice, clock))

    page = visitor.press(page, "Send", body="The technician never came.")

    assert "Your question is with us" in page.messages
    assert "You asked us about this invoice on December 1, 2026, 12:00 pm CST" in page.text
    ticket = Ticket.get()
    assert (ticket.invoice, ticket.contact, ticket.state) == (
        invoice,
        payer(invoice.customer),
        "waiting_on_us",
    )
    assert ticket.subject == "Question about invoice 10001"
    assert [message.body for message in ticket.messages] == ["The technician never came."]


def test_a_double_click_asks_once(app, visitor, invoice, clock):
    page = visitor.open(link_to(invoice, clock))

    visitor.press(page, "Send", body="Why?")
    visitor.press(page, "Send", body="Why?")
    visitor.press(page, "Send", body="And when?")

    assert Ticket.select().count() == 2


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "Please write what it is about."),
        ("  \x00 ", "Please write"),
        ("x" * 10_001, "Please keep it under 10,000"),
    ],
)
def test_a_question_that_cannot_be_taken_says_why_and_is_kept(app, visitor, invoice, clock, body, sentence):
    page = visitor.press(visitor.open(link_to(invoice, clock)), "Send", body=body)

    assert page.status == 422
    assert sentence in page.error_of("body")
    assert page.value_of("body") == body.replace("\x00", "").strip()
    assert Ticket.select().count() == 0


# --- More than this invoice ----------------------------------------------------------------------


def test_everything_needs_the_code_that_was_mailed_to_the_address_on_file(app, visitor, invoice, clock):
    make_invoice(invoice.customer, cents=999)
    page = visitor.open(link_to(invoice, clock))
    assert "a•••@example.com" in page.text
    assert "alice@example.com" not in page.source

    page = visitor.press(page, "See everything you owe")

    assert page.path == "/sign-in/code"
    assert "a•••@example.com" in page.text
    assert "alice@example.com" not in page.source
    assert "alice" not in cookie_text(visitor.client).lower()
    assert [(notice.kind, notice.address) for notice in Notice.select()] == [("sign_in", "alice@example.com")]
    assert visitor.open("/account").path == "/sign-in"

    _, code = links.sign_in_link(payer(invoice.customer), now=clock.now())
    page = visitor.press(visitor.open("/sign-in/code"), "Sign in", code=code)
    assert page.path == "/account"
    assert "$52.49" in page.text


def test_without_an_address_on_file_it_says_whom_to_call(app, visitor, db, clock):
    nobody = make_customer("Nobody", email="")
    path = f"/i/{links.pay_link(make_invoice(nobody), now=clock.now())}"

    page = visitor.open(path)

    assert "Call us and we will note an email address" in page.text
    assert "See everything you owe" not in page.buttons


def test_somebody_who_left_gets_no_code(app, visitor, invoice, clock):
    path = f"/i/{links.pay_link(invoice, now=clock.now())}"
    Contact.update(left_on=clock.today() - timedelta(days=1)).execute()

    assert "See everything you owe" not in visitor.open(path).buttons


def test_a_link_shows_no_receipt_that_tells_about_other_invoices(app, visitor, invoice, paying, clock):
    app.gateway = paying.gateway
    other = make_invoice(invoice.customer, cents=700)
    both = paying.start_parts(invoice.customer, [(invoice, 4250), (other, 700)])
    paying.pay(both)
    assert paying.ask(both).state == Payment.APPROVED
    path = link_to(Invoice.get_by_id(invoice.id), clock)

    page = visitor.open(path)

    assert "Receipt" not in page.text
    assert visitor.open(f"{path}/receipts/{both.reference}.pdf").status == 404
