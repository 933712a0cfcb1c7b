"""“This is not right”, as a customer does it: by the link in a mail, and signed in."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from billing import links, words
from billing.disputes import asking, deciding
from billing.documents import receipt_documents
from billing.edges import pdf
from models import Attachment, Customer, Dispute, Line, Notice, Payment, Ticket
from tests.conftest import TODAY
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    payer,
)
from tests.office import enter, make_staff, text_of
from tests.portal_visitor import SAME_ORIGIN, Visitor
from tests.test_pdf import text_of as pdf_text
from tests.test_portal_account import enter as enter_portal

TOLD = {"by": BY, "now": NOW}


@pytest.fixture
def visitor(app, paying):
    app.gateway = paying.gateway
    return Visitor(app)


@pytest.fixture
def invoice(alice):
    made = make_invoice(alice, cents=10_000)
    Line.create(
        invoice=made, position=2, text="Service call", unit_cents=3_000, amount_cents=3_000, total_cents=3_000
    )
    return made


@pytest.fixture
def path(invoice, clock):
    return f"/i/{links.pay_link(invoice, now=clock.now(), contact=payer(invoice.customer))}"


@pytest.fixture
def disputed(visitor, path):
    """The page after the service call was disputed."""
    line = Line.get(Line.text == "Service call")
    page = visitor.open(f"{path}/dispute?line={line.id}")
    return visitor.press(page, "This part is not right", words="He was here for one hour.")


def test_a_line_is_disputed_in_one_sentence_and_the_rest_is_asked_for(disputed, invoice, path):
    assert disputed.path == path
    assert "$30.00 is on hold until you have our answer. $70.00 stays due." in disputed.messages
    assert "Pay $70.00" in disputed.buttons
    assert "Pay $100.00" not in disputed.buttons
    assert "$30.00 of this invoice is on hold: Service call. We answer by December 31, 2026" in disputed.text
    [made] = Dispute.select()
    assert (made.amount_cents, made.via, made.contact) == (3_000, "pay_link", payer(invoice.customer))


def test_the_rest_is_paid_now(disputed, visitor, invoice):
    page = visitor.press(disputed, "Pay $70.00")

    assert page.status == 200
    assert invoice.payment_parts.get().amount_cents == 7_000


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_receipt_says_that_what_is_still_open_is_disputed(disputed, visitor, paying, app, language):
    """Page, mail and PDF alike: the bare sum reads like a demand."""
    visitor.press(disputed, "Pay $70.00")
    payment = Payment.get()
    paying.pay(payment)
    Customer.update(language=language).execute()

    page = visitor.open(f"/payments/{payment.reference}/return").text
    mail = app.compose(Notice.get(Notice.kind == Notice.RECEIPT), NOW)
    file = " ".join(pdf_text(pdf.receipt_pdf(receipt_documents.of(Payment.get()))).split())

    told = {
        "en": ("$30.00 is disputed and not due until you have our answer",) * 2,
        "es": (
            "$30.00 están en duda y no vencen hasta que tenga nuestra respuesta",
            "$30.00 en duda, que no vencen hasta que tenga nuestra respuesta",
        ),
    }[language]
    assert told[0] in page and told[0] in file
    assert told[1] in " ".join(mail.text.split()) and told[1] in mail.html
    assert "$30.00 still open" not in page + mail.text + file


def test_a_line_that_counts_more_than_its_price_says_why(visitor, path, invoice):
    Line.create(
        invoice=invoice, position=3, text="Siren", unit_cents=3_000, amount_cents=3_000, tax_cents=248,
        tax_name="Texas sales tax", total_cents=3_248,
    )  # fmt: skip

    page = visitor.open(f"{path}/dispute").text

    assert "Siren, $32.48 with tax" in page and "Service call, $30.00 " in page


def test_the_question_names_the_day_that_the_invoice_names(disputed, app, clock, invoice):
    signed_in = enter_portal(Visitor(app), payer(invoice.customer), clock)

    page = signed_in.open("/account/questions").text

    promised = "Our answer about the amount comes by December 31, 2026 at the latest."
    assert promised in page
    assert promised in signed_in.open(f"/account/questions/{Ticket.get().id}").text


def test_staff_hear_that_what_nobody_ordered_is_billed_again(app, alice):
    charge = make_charge(make_contract(alice), text="Cellular backup", next_on=TODAY)
    one = make_invoice(alice, cents=3_000)
    line = Line.create(
        invoice=one, position=2, charge=charge, text="Cellular backup", unit_cents=3_000, amount_cents=3_000,
        total_cents=3_000,
    )  # fmt: skip
    made = asking.open(
        one, amount_cents=None, line=line, reason="not_ordered", words="Gone.", via="portal",
        today=TODAY, **TOLD,
    )  # fmt: skip

    desk = enter(app)
    assert (
        f'href="/staff/dispute/{made.id}">Decide the dispute</a>'
        in desk.get(f"/staff/ticket/{made.ticket_id}").text
    )
    page = text_of(desk.act("dispute", "uphold", made, amount="30.00", decision="You are right."))

    assert "“Cellular backup” goes on: it is billed again on December 1, 2026." in page
    assert "$30.00 of Invoice 10001: Cellular backup" in page
    assert "Line Cellular backup" in text_of(desk.get(f"/staff/dispute/{made.id}"))


def test_opening_the_page_changes_nothing(visitor, path):
    assert visitor.open(f"{path}/dispute").status == 200
    assert Dispute.select().count() == Ticket.select().count() == 0


def test_all_of_it_rests_and_nothing_is_asked_for(visitor, path):
    page = visitor.press(visitor.open(f"{path}/dispute"), "This part is not right", words="Not mine.")

    assert not [button for button in page.buttons if button.startswith("Pay $")]
    assert "There is nothing to pay on this invoice until you have our answer." in page.text
    assert "Not due until you have our answer" in page.text


def test_a_part_of_a_line_can_rest(visitor, path):
    page = visitor.open(f"{path}/dispute")
    page = visitor.press(page, "This part is not right", words="Too much.", amount="12.50")

    assert "Pay $87.50" in page.buttons


@pytest.mark.parametrize(
    ("typed", "field", "refusal"),
    [
        ({"words": ""}, "words", "one sentence"),
        ({"words": "Hm", "amount": "lots"}, "amount", ""),
        ({"words": "Hm", "amount": "900"}, "words", "between $0.01 and $100.00"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(visitor, path, typed, field, refusal):
    page = visitor.press(visitor.open(f"{path}/dispute"), "This part is not right", **typed)

    assert page.status == 422
    assert refusal in page.error_of(field)
    assert Dispute.select().count() == 0


def test_the_button_pressed_twice_disputes_once(visitor, path):
    page = visitor.open(f"{path}/dispute")
    for _ in range(2):
        visitor.press(page, "This part is not right", words="Not mine.", amount="5")

    assert Dispute.select().count() == 1


def test_a_pay_button_from_before_does_not_pay_what_rests(visitor, path, invoice):
    before = visitor.open(path)
    visitor.press(visitor.open(f"{path}/dispute"), "This part is not right", words="Not mine.", amount="30")

    page = visitor.press(before, "Pay $100.00")

    assert page.path == path
    assert "changed since you opened it" in page.messages
    assert not invoice.payment_parts.exists()


def test_it_is_taken_back_by_one_button(disputed, visitor):
    page = visitor.press(disputed, "It was right after all")

    assert "$30.00 is due again." in page.messages
    assert Dispute.get().state == "withdrawn"


def test_the_answer_stands_on_the_invoice(disputed, visitor, path, clock):
    told = {"staff": make_staff("owner"), "today": clock.today(), **TOLD}
    deciding.reject(Dispute.get(), decision="The sheet says two hours.", **told)

    page = visitor.open(path)

    assert "The sheet says two hours. The $30.00 is due December 15, 2026." in page.text
    assert "Pay $100.00" in page.buttons


def test_the_link_of_one_invoice_takes_back_no_other_dispute(visitor, path, alice, clock, invoice):
    other = make_invoice(alice, cents=5_000)
    mine = {"reason": "other", "words": "x", "via": "portal", "today": clock.today(), **TOLD}
    made = asking.open(other, amount_cents=100, **mine)
    token = visitor.open(path).form("Send")[2][0]

    assert visitor.send("post", f"{path}/dispute/{made.id}/withdraw", [token]).status == 404
    assert fresh(made).state == "open"


def test_a_stranger_disputes_nothing(visitor, app, clock, invoice):
    eve = make_customer("Eve", email="eve@example.com")
    token, _ = links.sign_in_link(payer(eve), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")

    assert visitor.open(f"/account/invoices/{invoice.number}/dispute").status == 404


def test_the_account_asks_for_the_rest(visitor, alice, invoice, clock):
    token, _ = links.sign_in_link(payer(alice), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")
    page = visitor.open(f"/account/invoices/{invoice.number}/dispute")
    visitor.press(page, "This part is not right", words="Not mine.", amount="30")

    page = visitor.open("/account")
    assert "You owe $70.00" in page.text
    assert "$30.00 more is disputed" in page.text
    review = visitor.press(page, "Review and pay")
    assert "Pay $70.00" in review.buttons


# --- At the desk ---------------------------------------------------------------------------------


def test_staff_see_it_and_answer(app, disputed, invoice):
    desk = enter(app, "billing")
    assert "Disputes to decide" in text_of(desk.get("/staff/"))
    seen = text_of(desk.get(f"/staff/invoice/{invoice.id}"))
    assert "$30.00 of it is disputed and rests (Service call)" in seen

    done = desk.act("dispute", "uphold", Dispute.get(), amount="30", decision="One hour it is.")

    assert "was credited $30.00; the customer is told" in text_of(done)
    assert fresh(invoice).open_cents == 7_000


def test_support_asks_a_second_person_above_the_limit(app, visitor, path):
    visitor.press(visitor.open(f"{path}/dispute"), "This part is not right", words="Not mine.")

    done = enter(app, "support").act("dispute", "uphold", Dispute.get(), amount="100", decision="Right.")

    assert "A second person decides" in text_of(done)
    assert Dispute.get().state == "open"


def test_staff_note_what_was_said_on_the_phone(app, invoice):
    done = enter(app, "support").act(
        "invoice", "dispute", invoice, amount="20", reason="wrong_amount", words="Too many hours."
    )

    assert "$20.00 rests; the customer is told that we answer by December 31, 2026" in text_of(done)
    assert Dispute.get().via == "staff"


@pytest.mark.parametrize("action", ["uphold", "reject"])
def test_staff_read_beside_the_words_that_the_customer_reads_spanish(app, disputed, invoice, action):
    dispute = Dispute.get()
    desk, hint = enter(app), "They read Spanish: your words reach them as you write them."
    assert hint not in text_of(desk.get(f"/staff/dispute/act/{action}", id=dispute.id))
    Customer.update(language="es").execute()

    assert hint in text_of(desk.get(f"/staff/dispute/act/{action}", id=dispute.id))
    for path in ("customer/act/offer_plan", "customer/act/goodwill"):
        assert hint in text_of(desk.get(f"/staff/{path}", id=invoice.customer_id)), path
    assert hint in text_of(desk.get("/staff/invoice/act/dispute", id=invoice.id))
    assert "They read Spanish." in text_of(desk.get(f"/staff/ticket/{dispute.ticket_id}"))


def test_the_first_page_warns_two_weeks_before_the_90_days_run_out(app, disputed, clock):
    opened = Dispute.get().opened_on
    clock.set(opened + timedelta(days=75))
    assert "1 Disputes: the 90 days run out" not in text_of(enter(app).get("/staff/"))

    clock.set(opened + timedelta(days=76))

    desk = enter(app)
    assert "Disputes: the 90 days run out" in text_of(desk.get("/staff/"))
    last = f"The first has to be decided by {words.date(opened + timedelta(days=90))}."
    assert last in text_of(desk.get("/staff/"))
    assert "Open, 90 days run out" in text_of(desk.get("/staff/dispute/", standing="runs_out"))
    assert "in 14 days" in text_of(desk.get(f"/staff/dispute/{Dispute.get().id}"))
    clock.set(opened + timedelta(days=100))  # past it, it is still there until somebody decides
    desk = enter(app)
    assert "Disputes: the 90 days run out" in text_of(desk.get("/staff/"))
    deciding.reject(
        Dispute.get(), decision="It is right.", staff=desk.row, by=BY, today=clock.today(), now=clock.now()
    )
    assert "1 Disputes: the 90 days run out" not in text_of(desk.get("/staff/"))


def test_the_statement_says_what_is_in_dispute_and_not_due_now(visitor, disputed, invoice, clock):
    token, _ = links.sign_in_link(payer(invoice.customer), now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")
    known = "from=2026-01-01&to=2026-12-31"

    page = " ".join(visitor.open(f"/account/statement?{known}").text.split())
    file = " ".join(pdf_text(visitor.client.get(f"/account/statement.pdf?{known}").data).split())

    for text in (page, file):
        assert f"Invoice {invoice.number}, Service call: in dispute, not due now" in text
        assert "$30.00" in text and "$70.00" in text
    asking.withdraw(Dispute.get(), today=clock.today(), **TOLD)
    assert "in dispute" not in visitor.open(f"/account/statement?{known}").text


# --- Photos and papers ---------------------------------------------------------------------------


def send(visitor, path, name, content):
    """The form of a dispute with a file, as a browser sends it."""
    page = visitor.open(f"{path}/dispute")
    _, address, fields = page.form("This part is not right")
    data = dict(fields) | {"words": "The panel is broken.", "files": (BytesIO(content), name)}
    return visitor.client.post(
        address, data=data, content_type="multipart/form-data", headers=SAME_ORIGIN, follow_redirects=True
    )


def picture():
    made = BytesIO()
    Image.new("RGB", (40, 30), "red").save(made, "PNG")
    return made.getvalue()


def test_a_photo_comes_with_a_dispute_and_stands_in_its_ticket(app, visitor, path):
    answer = send(visitor, path, "panel.png", picture())

    assert answer.status_code == 200
    [file] = Attachment.select()
    assert (file.message.ticket, file.name, file.kind) == (Dispute.get().ticket, "panel.png", Attachment.PNG)
    assert "panel.png" in text_of(enter(app).get(f"/staff/ticket/{file.message.ticket_id}"))


def test_a_file_that_is_none_of_these_is_refused_and_nothing_is_disputed(app, visitor, path):
    answer = send(visitor, path, "panel.png", b"MZ this is a program")

    assert answer.status_code == 422
    assert "The panel is broken." in answer.text  # nothing typed is lost
    assert Dispute.select().count() == Attachment.select().count() == Ticket.select().count() == 0
