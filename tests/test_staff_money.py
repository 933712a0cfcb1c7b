"""Staff and money: refunds that two decide, disputes with their evidence, payments by phone."""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from billing import daily, outbox, payments
from billing.edges import pdf
from billing.outbox import judging
from billing.reversals import evidence, money_back, refunds, returns
from models import Autopay, Chargeback, Event, Hold, Invoice, Loss, Notice, Payment, PaymentMethod, Refund
from tests.factories import BY, NOW, fresh, make_invoice, make_method, payer
from tests.office import enter, text_of
from tests.sandbox_process import ACCOUNT

pytestmark = pytest.mark.usefixtures("sound_books")


@pytest.fixture
def shop(app, paying):
    """The app, with the sandbox as its gateway."""
    app.gateway = paying.gateway
    return app


@pytest.fixture
def paid(shop, paying):
    """paid(invoice, source=None, settled=True) -> the Payment."""

    def pay(invoice, source=None, *, settled=True):
        payment = paying.start(invoice)
        paying.pay(payment, source)
        if settled:
            paying.later(hours=20)
            paying.sandbox.post_control("settle")
        return paying.ask(payment)

    return pay


def told(paying):
    return {"today": paying.clock.today(), "now": paying.clock.now()}


def error_of(page, field):
    """What stands as an error next to a field of a staff form."""
    return html.unescape(re.search(rf'id="{field}-error"[^>]*>([^<]*)', page.text)[1])


# --- Refunds -------------------------------------------------------------------------------------


def test_the_form_of_a_refund_says_what_is_possible(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=4250))

    page = text_of(enter(shop).get("/staff/payment/act/refund", id=payment.id))

    assert "$42.50 can be refunded, $0.00 of it without an invoice being owed again" in page
    assert "Back to Visa ending 1111" in page
    assert "Let the invoices that it paid be owed again" in page


def test_a_refund_goes_back_to_the_card_and_says_so(shop, paid, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = paid(invoice)

    desk = enter(shop, "billing")
    refused = desk.act("payment", "refund", payment, amount="10", how="card", reason="Late technician")
    page = text_of(
        desk.act("payment", "refund", payment, amount="10", how="card", reason="Late technician", reopen="y")
    )

    assert refused.status_code == 400
    assert error_of(refused, "amount").startswith("All of it pays invoices. To refund it, tick below")
    assert "$10.00 was sent back to Visa ending 1111." in page
    assert (fresh(invoice).open_cents, Refund.get().state) == (1000, "approved")
    assert Event.get(Event.what == "refund.ordered").by == "staff:billing@lantern.example"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("50", "Only $42.50 of this payment can be refunded."),
        ("0", "Enter an amount above zero."),
        ("x", "x"),
    ],
)
def test_an_amount_that_cannot_be_refunded_is_refused_next_to_it(shop, paid, alice, typed, sentence):
    payment = paid(make_invoice(alice, cents=4250))

    refused = enter(shop).act("payment", "refund", payment, amount=typed, how="card", reason="r", reopen="y")

    assert refused.status_code == 400
    assert sentence in error_of(refused, "amount")
    assert 'value="r"' in refused.text
    assert Refund.select().count() == 0


def test_a_whole_payment_is_canceled_before_it_settles(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=4250), settled=False)

    page = text_of(
        enter(shop).act("payment", "refund", payment, amount="42.50", how="card", reason="Wrong", reopen="y")
    )

    assert "was canceled before it settled. Its invoices are owed again." in page
    assert fresh(payment).state == "voided"


def test_a_processor_that_does_not_answer_is_told_and_the_order_stands(shop, paid, paying, alice):
    payment = paid(make_invoice(alice, cents=4250))
    paying.sandbox.post_control("fault", {"mode": "http_500"})

    page = text_of(
        enter(shop).act("payment", "refund", payment, amount="5", how="card", reason="x", reopen="y")
    )

    assert "The processor does not answer; it is sent later." in page
    assert Refund.get().state == "prepared"


def test_a_refund_above_the_limit_is_approved_by_somebody_else(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=50000))
    bill, olga = enter(shop, "billing"), enter(shop, "owner")

    page = text_of(
        bill.act("payment", "refund", payment, amount="300", how="card", reason="Moved", reopen="y")
    )
    refund = Refund.get()
    own = bill.act("refund", "approve", refund)
    waiting = text_of(olga.get("/staff/"))
    asked = text_of(olga.get("/staff/refund/act/approve", id=refund.id))
    done = text_of(olga.act("refund", "approve", refund))

    assert "$300.00 waits for a second person: refunds above $200.00 need one." in page
    assert own.status_code == 409 and fresh(refund).approved_by in ("", "staff:owner@lantern.example")
    assert "1 Refunds to approve They need a second person." in waiting
    assert "ordered by Bill Ing: Moved" in asked
    assert "$300.00 was sent back to Visa ending 1111." in done
    assert (fresh(refund).state, fresh(refund).approved_by) == ("approved", "staff:owner@lantern.example")


def test_a_refund_is_refused_with_a_reason(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=50000))
    enter(shop, "billing").act(
        "payment", "refund", payment, amount="300", how="card", reason="Moved", reopen="y"
    )

    page = text_of(enter(shop).act("refund", "refuse", Refund.get(), reason="They still owe June"))

    assert "nothing goes back" in page
    assert (Refund.get().state, Refund.get().outcome) == ("refused", "They still owe June")


def test_a_refund_that_waits_is_asked_about_from_its_page(shop, paid, paying, alice):
    payment = paid(make_invoice(alice, cents=4250), settled=False)
    desk = enter(shop)
    page = text_of(desk.act("payment", "refund", payment, amount="5", how="card", reason="x", reopen="y"))
    assert "Waits for the settlement" in page
    paying.later(hours=20)
    paying.sandbox.post_control("settle")

    page = text_of(desk.act("refund", "ask", Refund.get()))

    assert "$5.00 was sent back to Visa ending 1111." in page


def test_what_nobody_answers_for_three_days_is_concluded_by_hand(shop, paid, paying, alice):
    payment = paid(make_invoice(alice, cents=4250))
    order = refunds.start(payment, amount_cents=500, reason="x", key="k", by=BY, reopen=True, **told(paying))
    Refund.update(state="in_doubt", sent_at=paying.clock.now()).where(Refund.id == order.id).execute()
    desk = enter(shop)
    early = desk.act("refund", "conclude", order, has_gone="yes", reason="Seen")
    paying.clock.advance(days=3)

    page = text_of(desk.act("refund", "conclude", order, has_gone="yes", reason="Seen on the statement"))

    assert early.status_code == 409
    assert "the money went back" in page
    assert fresh(order).state == "approved"


def test_support_asks_but_does_not_refund(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=4250))
    sam = enter(shop, "support")

    answer = sam.act("payment", "refund", payment, amount="5", how="card", reason="x", reopen="y")

    assert answer.status_code == 403
    assert not Refund.select().exists()


# --- Payments that nobody answers for ------------------------------------------------------------


def test_a_payment_in_doubt_for_three_days_waits_for_a_person_who_decides(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = paying.start(invoice)
    Payment.update(state="in_doubt").where(Payment.id == payment.id).execute()
    desk = enter(shop, "billing")
    early = text_of(desk.get("/staff/"))
    paying.later(days=3)

    home = text_of(desk.get("/staff/"))
    page = text_of(desk.act("payment", "conclude", payment, reason="Looked at the processor: nothing there"))

    assert "1 Payments to decide" not in early
    assert "1 Payments to decide" in home
    assert "no money moved, and its invoices are free" in page
    assert fresh(payment).state == "expired"


def test_whoever_paid_is_told_that_no_money_moved_unless_it_comes_after_all(shop, paying, alice, clock):
    invoice = make_invoice(alice, cents=4250)
    payment = paying.start(invoice)
    paying.pay(payment)
    Payment.update(state="in_doubt").where(Payment.id == payment.id).execute()
    paying.later(days=3)
    enter(shop, "billing").act("payment", "conclude", payment, reason="Nothing there")

    mail = Notice.get(Notice.kind == "payment_problem")
    told = money_back.problem_document(fresh(payment))

    assert (mail.address, mail.payment) == ("alice@example.com", payment)
    assert told.title == "Your payment did not go through"
    assert told.sentence == "We could not confirm it with our payment processor, and no money moved."
    assert [(one.number, one.open_cents) for one in told.reopened] == [(str(invoice.number), 4250)]
    moment = {"today": clock.today(), "now": clock.now()}
    assert judging.objection(mail, **moment) == ""
    [money] = paying.gateway.find(payment.reference, since=payment.created_at)
    payments.conclude(payment, money, **moment)
    assert judging.objection(fresh(mail), **moment) == "The money came after all."


# --- Returns and disputes ------------------------------------------------------------------------


def test_a_debit_that_the_bank_returned_by_letter_is_noted_with_its_code(shop, paid, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = paid(invoice, ACCOUNT)
    desk = enter(shop, "billing")

    form = text_of(desk.get("/staff/payment/act/take_back", id=payment.id))
    page = text_of(desk.act("payment", "take_back", payment, code="R02", on=paying.clock.today().isoformat()))

    assert "R02: Account closed." in form
    assert "was returned. Its invoices are owed again" in page
    assert (fresh(payment).return_code, fresh(invoice).open_cents) == ("R02", 4250)


@pytest.fixture
def case(shop, paid, paying, alice):
    """A disputed autopay payment with all that can be shown about it."""
    invoice = make_invoice(alice, cents=4250)
    payment = paid(invoice)
    method = PaymentMethod.create(
        customer=alice, token="5", kind="card", label="Visa ending 1111", added_by="t", added_at=NOW
    )
    agreed = Autopay.create(
        customer=alice, contact=payer(alice), method=method, text="I authorize Lantern Security to charge.",
        text_version="1", agreed_at=NOW, agreed_from="203.0.113.7", agreed_by="customer:alice@example.com",
    )  # fmt: skip
    Payment.update(autopay=agreed, method=method).where(Payment.id == payment.id).execute()
    Notice.update(
        state="sent", sent_at=NOW, subject="Receipt, $42.50", body_text="Thank you. We have your payment."
    ).where(Notice.kind == "receipt").execute()
    enter(shop, "billing").act(
        "payment", "dispute", payment, amount="42.50", reason="Not recognized", fee="15",
        answer_by_on=(paying.clock.today() + timedelta(days=7)).isoformat(),
    )  # fmt: skip
    return Chargeback.get()


def test_a_dispute_is_entered_by_staff_and_stands_on_the_first_page(shop, case, alice):
    page = text_of(enter(shop).get("/staff/"))

    assert "1 Chargebacks to answer The next answer is due in 7 days." in page
    assert (case.amount_cents, case.fee_cents, case.by) == (4250, 1500, "staff:billing@lantern.example")
    assert (Loss.get().amount_cents, Hold.get().scope) == (1500, "autopay")


def test_the_page_of_a_dispute_shows_all_the_evidence(shop, case):
    page = text_of(enter(shop).get(f"/staff/chargeback/{case.id}"))

    for words in (
        "send the evidence by December 9, 2026", "I authorize Lantern Security to charge.", "203.0.113.7",
        "Receipt, $42.50", "Thank you. We have your payment.", "Visa ending 1111", "Invoice 10001",
        "automatically, under the authorization below",
    ):  # fmt: skip
        assert words in page


def test_the_evidence_goes_to_the_bank_as_a_file(shop, case):
    answer = enter(shop).get(f"/staff/chargeback/{case.id}/evidence")

    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
    assert pdf.evidence_pdf(evidence.collect(case)) == answer.data  # the same bytes each time


def test_staff_leave_parts_of_the_evidence_out(shop, case):
    desk = enter(shop)
    page = desk.get(f"/staff/chargeback/{case.id}")
    assert re.findall(r'name="part" value="(\w+)" checked', page.text) == [name for name, _ in evidence.PARTS]

    told = desk.get(f"/staff/chargeback/{case.id}/evidence?chosen=yes&part=invoices&part=nonsense")

    assert told.mimetype == "application/pdf"
    document = evidence.without(evidence.collect(case), ["consents", "messages", "tickets", "earlier"])
    drawn = pdf._templates().get_template("pdf/evidence.html").render(document=document)
    assert "What was billed" in drawn
    assert "What was agreed to" not in drawn and "What we sent" not in drawn


def test_a_dispute_is_answered_and_won(shop, case):
    desk = enter(shop, "billing")

    noted = desk.act(
        "chargeback", "letter", case, reason="Not recognized", answer_by_on="2026-12-20", fee="15"
    )
    assert "is to be answered by December 20, 2026." in text_of(noted)
    assert "The next answer is due" in text_of(desk.get("/staff/"))
    desk.act("chargeback", "answer", case, note="By fax")
    page = text_of(desk.act("chargeback", "win", case, note="Letter of the bank"))

    assert "is won: the payment counts again" in page
    assert (fresh(case).state, case.payment.state, Invoice.get().open_cents) == ("won", "settled", 0)
    assert fresh(case).note == "By fax\nLetter of the bank"


def test_a_dispute_is_lost_and_its_hold_is_lifted_by_staff(shop, case):
    desk = enter(shop, "billing")

    desk.act("chargeback", "lose", case, note="")
    page = text_of(desk.act("hold", "lift", Hold.get()))

    assert "The hold was lifted." in page
    assert Hold.get().ends_on is not None


def test_a_frozen_payment_offers_no_refund(shop, case):
    page = text_of(enter(shop).get(f"/staff/payment/{case.payment_id}"))

    assert "Charged back" in page
    assert "act/refund" not in enter(shop).get(f"/staff/payment/{case.payment_id}").text


# --- By phone ------------------------------------------------------------------------------------


def open_page(desk, customer, **amounts):
    """Choose the amounts and go on; returns (response, payment)."""
    given = {f"part-{id}": cents for id, cents in amounts.items()}
    answer = desk.post(
        "/staff/phone-payment", follow_redirects=True, customer=customer.id, click="c1", **given
    )
    return answer, Payment.select().order_by(Payment.id.desc()).first()


def test_the_customers_page_offers_a_payment_by_phone(shop, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop, "support")

    assert f"/staff/phone-payment?customer={alice.id}" in desk.get(f"/staff/customer/{alice.id}").text
    page = desk.get("/staff/phone-payment", customer=alice.id)

    assert "The receipt goes to alice@example.com" in text_of(page)
    assert f'name="part-{invoice.id}"' in page.text
    assert 'value="$42.50"' in page.text
    assert not re.search(r'name="(card|number|code|account)', page.text)


def test_a_payment_by_phone_goes_through_the_processors_page_and_back_into_the_office(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop, "support")

    page, payment = open_page(desk, alice, **{str(invoice.id): "40.00"})
    assert f'name="token" value="{payment.form_token}"' in page.text
    assert f'action="{paying.gateway.hosted_url}"' in page.text
    hosted = paying.pay(payment)
    back = hosted.link("Continue")
    told = text_of(desk.get(urlsplit(back).path))

    assert back.endswith(f"/staff/phone-payment/{payment.id}/return")
    assert "Paid: $40.00" in told
    assert "The receipt goes to alice@example.com." in told
    assert f"Invoice {invoice.number}: $40.00, $2.50 still open" in told
    assert (fresh(payment).state, fresh(payment).entered_by) == ("approved", "staff:support@lantern.example")
    assert Event.get(Event.what == "payment.by_phone").by == "staff:support@lantern.example"
    assert [notice.address for notice in Notice.select().where(Notice.kind == "receipt")] == [
        "alice@example.com"
    ]


def test_going_back_to_change_the_amount_never_leads_to_the_page_with_the_former_one(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop)
    open_page(desk, alice, **{str(invoice.id): "42.50"})

    page, payment = open_page(desk, alice, **{str(invoice.id): "10.00"})

    assert 'name="token"' not in page.text
    assert "A payment of $42.50 was started already" in text_of(page)
    assert (Payment.select().count(), payment.amount_cents) == (1, 4250)


def test_a_card_that_is_declined_by_phone_says_what_to_read_to_the_caller(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop)
    _, payment = open_page(desk, alice, **{str(invoice.id): "42.50"})
    paying.decline(payment)

    told = desk.get(f"/staff/phone-payment/{payment.id}/return")

    assert "Not accepted: $42.50" in text_of(told)
    assert "Read this to the caller" in text_of(told)
    assert f"/staff/phone-payment/{payment.id}/page" in told.text


def test_a_page_that_was_left_is_not_called_paid(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop)
    _, payment = open_page(desk, alice, **{str(invoice.id): "42.50"})

    told = text_of(desk.get(f"/staff/phone-payment/{payment.id}/cancel"))

    assert "Not finished: $42.50" in told
    assert fresh(payment).state == "sent"


def test_without_an_answer_staff_are_told_not_to_take_the_card_again(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop)
    _, payment = open_page(desk, alice, **{str(invoice.id): "42.50"})
    paying.sandbox.post_control("fault", {"mode": "http_503", "count": None})

    told = text_of(desk.get(f"/staff/phone-payment/{payment.id}/return"))

    assert "Being checked: $42.50" in told
    assert "Do not take the card again" in told


def test_the_same_form_twice_opens_one_page(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    desk = enter(shop)

    for _ in range(2):
        page, _ = open_page(desk, alice, **{str(invoice.id): "42.50"})

    assert "form_token" not in page.text
    assert Payment.select().count() == 1
    assert Event.select().where(Event.what == "payment.by_phone").count() == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("", "Enter an amount for at least one invoice."), ("42.51", "Please enter"), ("x", "is not an amount")],
)
def test_what_cannot_be_paid_by_phone_is_refused_beside_what_was_typed(shop, alice, typed, sentence):
    invoice = make_invoice(alice, cents=4250)

    page, payment = open_page(enter(shop), alice, **{str(invoice.id): typed})

    assert page.status_code == 400
    assert sentence in text_of(page)
    assert payment is None
    if typed:
        assert sentence in re.search(rf'id="e-part-{invoice.id}">([^<]*)', page.text)[1]
        assert "flash" not in re.search(rf"<[^>]*>[^<]*{re.escape(sentence)}", page.text)[0]


def test_an_invoice_that_is_being_paid_already_is_not_offered(shop, paying, alice):
    invoice = make_invoice(alice, cents=4250)
    paying.start(invoice)

    page = enter(shop).get("/staff/phone-payment", customer=alice.id)

    assert "being paid" in text_of(page)
    assert f'name="part-{invoice.id}"' not in page.text


def test_a_payment_that_no_page_was_opened_for_has_no_page(shop, alice, clock):
    check = payments.record(
        alice, amount_cents=900, kind="check", received_on=clock.today(), key="k", by=BY,
        today=clock.today(), now=clock.now(),
    )  # fmt: skip

    assert enter(shop).get(f"/staff/phone-payment/{check.id}/return").status_code == 404


def test_a_reader_takes_no_payment(shop, alice):
    assert enter(shop, "read_only").get("/staff/phone-payment", customer=alice.id).status_code == 403


# --- What customers are told ---------------------------------------------------------------------


def mail_of(app, kind):
    """The newest mail of a kind, composed as the sender would."""
    notice = Notice.select().where(Notice.kind == kind).order_by(Notice.id.desc()).get()
    return app.compose(notice, app.clock.now())


def test_the_mail_of_a_refund_says_where_the_money_went_and_what_is_open_again(shop, paid, alice):
    invoice = make_invoice(alice, cents=4250)
    payment = paid(invoice)
    enter(shop).act("payment", "refund", payment, amount="42.50", how="card", reason="Wrong card", reopen="y")

    mail = mail_of(shop, "refund")

    assert mail.subject == "Lantern Security: Refund, $42.50 on December 2, 2026"
    assert "We have sent $42.50 back to your Visa ending 1111." in " ".join(mail.text.split())
    assert f"- Invoice {invoice.number}, due December 15, 2026: $42.50" in mail.text
    link = re.search(r"/i/\S+", mail.text)[0]
    assert "$42.50" in text_of(shop.test_client().get(link))
    assert link.rpartition("/")[2] not in mail.kept_text


def test_the_mail_of_a_cancellation_says_that_no_money_moved(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=4250), settled=False)
    enter(shop).act("payment", "refund", payment, amount="42.50", how="card", reason="Wrong", reopen="y")

    mail = mail_of(shop, "refund")

    assert "Canceled payment" in mail.subject
    assert "before any money moved" in " ".join(mail.text.split())


def test_what_autopay_does_after_a_canceled_charge_is_said(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=4250), settled=False)
    card = make_method(alice)
    agreed = Autopay.create(
        customer=alice, method=card, text="I agree.", text_version="1", agreed_at=NOW, agreed_from="",
        agreed_by="customer:alice@example.com",
    )  # fmt: skip
    Payment.update(autopay=agreed, method=card).where(Payment.id == payment.id).execute()
    enter(shop).act("payment", "refund", payment, amount="42.50", how="card", reason="Wrong", reopen="y")

    mail = mail_of(shop, "refund")

    assert "Autopay does not charge this invoice again by itself" in " ".join(mail.text.split())


def test_the_mail_of_a_return_explains_it_and_leads_to_the_invoice(shop, paid, paying, alice):
    payment = paid(make_invoice(alice, cents=4250), ACCOUNT)
    returns.take_back(payment, code="R02", on=paying.clock.today(), by="processor", **told(paying))

    mail = mail_of(shop, "payment_problem")

    assert mail.subject == "Lantern Security: Your payment of $42.50 came back unpaid"
    assert "Your bank says that this account is closed." in " ".join(mail.text.split())
    assert re.search(r"Pay another way:\n\S+/i/\S+", mail.text)


def test_the_mail_of_a_dispute_offers_to_talk_and_no_button_to_pay(shop, case):
    mail = mail_of(shop, "payment_problem")

    assert mail.subject == "Lantern Security: Your payment of $42.50 was taken back by your bank"
    assert "If something is wrong with our invoice, reply to this email" in " ".join(mail.text.split())
    assert "Pay another way" not in mail.text + mail.html


def test_the_message_of_a_refund_that_was_undone_does_not_leave(shop, paid, alice):
    payment = paid(make_invoice(alice, cents=4250))
    enter(shop).act("payment", "refund", payment, amount="5", how="card", reason="x", reopen="y")
    Refund.update(state="declined").execute()
    Payment.update(open_cents=500).execute()

    report = outbox.send_due(send=lambda notice, mail: None, compose=shop.compose, clock=shop.clock)

    assert report.skipped >= 1
    assert Notice.get(Notice.kind == "refund").reason == "The refund did not go through."


# --- The daily job -------------------------------------------------------------------------------


def test_the_confirm_step_sends_what_waited_and_tells_what_did_not_go_through(shop, paid, paying, alice):
    waits = paid(make_invoice(alice, cents=4250), settled=False)
    order = refunds.start(waits, amount_cents=500, reason="x", key="k", by=BY, reopen=True, **told(paying))
    unknown = paid(make_invoice(alice, cents=900))  # and settles both
    Payment.update(transaction_id="12345").where(Payment.id == unknown.id).execute()
    refunds.start(fresh(unknown), amount_cents=900, reason="x", key="u", by=BY, reopen=True, **told(paying))
    day = daily.Day(
        today=paying.clock.today(), clock=paying.clock, gateway=paying.gateway, send=None, compose=None
    )

    [line] = [step.run(day) for step in daily.STEPS if step.name == "confirm"]

    assert line == "2 answers"
    assert fresh(order).state == "approved"
    assert [one for one in day.trouble if "did not go through: The processor cannot find" in one]
