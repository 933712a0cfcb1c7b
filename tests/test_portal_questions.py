"""Questions from the portal: asked, answered, asked again; other people's stay out of sight."""

import pytest

from billing import links, tickets
from models import Contact, Staff, Ticket
from tests.factories import BY, make_invoice, payer
from tests.portal_visitor import Visitor


@pytest.fixture
def visitor(app, alice, clock):
    """Alice's browser, signed in."""
    visitor = Visitor(app)
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")
    return visitor


@pytest.fixture
def sam(db):
    return Staff.create(name="Sam", email="sam@lantern.example")


def test_a_question_is_asked_answered_and_asked_again(visitor, alice, sam, clock):
    page = visitor.press(
        visitor.open("/account/questions/new"), "Send", subject="Move", body="We move in May."
    )
    ticket = Ticket.get()
    assert page.path == f"/account/questions/{ticket.id}"
    assert (ticket.customer, ticket.contact, ticket.state) == (alice, payer(alice), "waiting_on_us")

    tickets.reply(ticket, body="Congratulations!", by="staff:sam", now=clock.now(), staff=sam)
    tickets.reply(ticket, body="He sounds nice", by="staff:sam", now=clock.now(), staff=sam, internal=True)
    page = visitor.open(page.path)
    assert "Sam , Lantern Security" in page.text and "Congratulations!" in page.text
    assert "He sounds nice" not in page.source
    assert "Answered" in visitor.open("/account/questions").text

    page = visitor.press(page, "Send", body="On the 3rd.\nThank you <3")
    assert "On the 3rd. Thank you <3" in page.text
    assert Ticket.get().state == "waiting_on_us"


def test_a_closed_question_opens_again_with_a_message(visitor, alice, sam, clock):
    ticket = tickets.open(alice, subject="Move", body="x", by=BY, now=clock.now(), contact=payer(alice))
    tickets.close(ticket, by=BY, now=clock.now())

    page = visitor.press(visitor.open(f"/account/questions/{ticket.id}"), "Send", body="One more thing")

    assert "With us" in page.text
    assert Ticket.get().state == "waiting_on_us"


def test_a_question_about_an_invoice_carries_it(visitor, alice):
    invoice = make_invoice(alice)
    page = visitor.open(f"/account/questions/new?invoice={invoice.number}")
    assert page.value_of("subject") == "Question about invoice 10001"

    visitor.press(page, "Send", body="Why?")

    assert Ticket.get().invoice == invoice


@pytest.mark.parametrize("number", ["{bob}", "x", "9" * 40, "%00", ""])
def test_a_question_never_carries_an_invoice_of_somebody_else(visitor, bob, number):
    others = make_invoice(bob)
    page = visitor.open("/account/questions/new?invoice=" + number.format(bob=others.number))

    visitor.press(page, "Send", subject="Hello", body="Why?", invoice=number.format(bob=others.number)[:12])

    assert Ticket.get().invoice is None


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"subject": "", "body": "x"}, "subject"),
        ({"subject": "x" * 121, "body": "x"}, "subject"),
        ({"subject": "x", "body": " "}, "body"),
        ({"subject": "x", "body": "x" * 10_001}, "body"),
    ],
)
def test_what_cannot_be_sent_says_why_and_is_kept(visitor, typed, field):
    page = visitor.press(visitor.open("/account/questions/new"), "Send", **typed)

    assert page.status == 422
    assert page.error_of(field)
    assert page.value_of("subject") == typed["subject"]
    assert page.value_of("body") == typed["body"].strip()
    assert Ticket.select().count() == 0


def test_what_was_typed_is_shown_as_text_not_as_markup(visitor):
    page = visitor.press(
        visitor.open("/account/questions/new"),
        "Send",
        subject="<b>Bold</b>",
        body="<script>alert(1)</script>",
    )

    assert page.headline == "<b>Bold</b>"
    assert "<script>alert" not in page.source


def test_a_technical_contact_sees_their_own_questions_only(app, alice, clock):
    tickets.open(alice, subject="My bill", body="x", by=BY, now=clock.now(), contact=payer(alice))
    ted = Contact.create(customer=alice, name="Ted", email="ted@example.com", role=Contact.TECHNICAL)
    mine = tickets.open(alice, subject="Panel offline", body="x", by=BY, now=clock.now(), contact=ted)
    visitor = Visitor(app)
    token, _ = links.sign_in_link(ted, now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")

    page = visitor.open("/account/questions")

    assert ("Panel offline" in page.text, "My bill" in page.text) == (True, False)
    assert visitor.open(f"/account/questions/{mine.id - 1}").status == 404
