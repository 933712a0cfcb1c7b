"""More time to pay, in the browser of a customer: a day, a plan, by pay link and signed in."""

from datetime import date, timedelta

import pytest

from billing import links, payments
from billing.plans import agreeing
from models import Link, Notice, Payment, Plan, Promise, Ticket
from tests.factories import BY, NOW, make_invoice, payer
from tests.portal_visitor import Visitor

TODAY = date(2026, 12, 1)
DAY = timedelta(days=1)


@pytest.fixture
def signed_in(app, clock):
    """Sign a customer's payer in with a browser of their own."""

    def sign_in(customer):
        visitor = Visitor(app)
        token, _ = links.sign_in_link(payer(customer), now=clock.now())
        visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")
        return visitor

    return sign_in


@pytest.fixture
def owed(alice):
    return make_invoice(alice, cents=12_000, due=date(2026, 11, 20), issued=date(2026, 11, 5))


@pytest.fixture
def token(owed, alice):
    return links.pay_link(owed, now=NOW, contact=payer(alice))


def test_one_click_says_when_and_no_login_is_needed(app, token, owed):
    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}")
    page = visitor.press(page, "I will pay by this day", pay_on="2026-12-10")

    assert "Until December 10, 2026 you hear nothing more" in page.messages
    assert "You pay by December 10, 2026" in page.text
    assert Promise.get().invoice == owed and Promise.get().via == "page"


def test_opening_the_pages_promises_nothing(app, token):
    visitor = Visitor(app)
    visitor.open(f"/i/{token}")
    visitor.open(f"/i/{token}/promise")
    visitor.open(f"/i/{token}/plan?count=3&first_on=2026-12-01&rhythm=monthly")
    assert not Promise.select().exists() and not Plan.select().exists()


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-12-01", "after today"),
        ("2020-01-01", "after today"),
        ("soon", "choose a day"),
        ("2027-06-01", "until December 15"),
    ],
)
def test_a_day_that_cannot_be_says_why(app, token, day, says):
    visitor = Visitor(app)
    page = visitor.press(visitor.open(f"/i/{token}"), "I will pay by this day", pay_on=day)
    assert says in page.messages and not Promise.select().exists()


def test_the_days_to_choose_from_begin_after_the_due_date(app, alice, signed_in):
    invoice = make_invoice(alice, due=date(2026, 12, 22))
    by_link = f"/i/{links.pay_link(invoice, now=NOW, contact=payer(alice))}"
    for visitor, path in ((Visitor(app), by_link), (signed_in(alice), "/account")):
        page = visitor.open(path)
        [field] = page.tree.xpath("//input[@name='pay_on']")
        assert (field.get("min"), field.get("max")) == ("2026-12-23", "2027-01-05")
        assert "A day after December 22, 2026, by January 5, 2027." in page.text


def test_a_plan_is_chosen_looked_at_and_signed(app, token, owed):
    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}/plan")
    page = visitor.press(
        page, "Show the plan", count="4", first_on="2026-12-05", rhythm="two_weekly", amount_1="45"
    )
    assert "$45.00" in page.text and "$25.00" in page.text and "January 16, 2027" in page.text
    page = visitor.press(page, "Agree to this plan", name="Alice Archer")

    assert "It is agreed" in page.messages and "Your payment plan" in page.text
    plan = Plan.get()
    assert (plan.state, plan.name, plan.count) == ("running", "Alice Archer", 4)
    assert visitor.open(f"/i/{token}/plan.pdf").bytes.startswith(b"%PDF")


def test_without_a_name_nothing_is_agreed_and_nothing_typed_is_lost(app, token):
    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}/plan")
    page = visitor.press(page, "Agree to this plan", name=" ")
    assert page.status == 422 and "type your name" in page.text and not Plan.select().exists()


def test_a_proposal_outside_the_policy_becomes_a_question(app, token):
    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}/plan?count=4&first_on=2026-12-05&rhythm=monthly&amount_1=20")
    assert "below $25.00" in page.text
    page = visitor.press(page, "Send this proposal", name="Alice", words="It is hard at present.")
    assert "Your proposal is with us" in page.messages
    assert Plan.get().state == "proposed" and Ticket.get().state == "waiting_on_us"


@pytest.mark.parametrize("query", [
    "count=x&first_on=2026-12-05&rhythm=monthly", "count=99&first_on=2026-12-05&rhythm=monthly",
    "count=3&first_on=yesterday&rhythm=monthly", "count=3&first_on=2026-12-05&rhythm=hourly",
    "count=3&first_on=2026-12-05&rhythm=monthly&amount_1=a+lot", "count=²&first_on=2026-12-05&rhythm=monthly",
    "count=3&first_on=2026-12-05&rhythm=monthly&amount_1=500", "count=3",
    "count=3&first_on=9999-12-31&rhythm=monthly",
])  # fmt: skip
def test_nonsense_in_the_address_is_a_sentence(app, token, query):
    page = Visitor(app).open(f"/i/{token}/plan?{query}")
    assert page.status in (200, 422)
    assert "Please look at this" in page.text


def test_signed_in_everything_that_is_open_is_split(app, alice, owed, signed_in):
    make_invoice(alice, cents=3_000, due=date(2026, 12, 20))
    visitor = signed_in(alice)
    page = visitor.open("/account")
    page = visitor.open(page.link("Pay it in parts"))
    assert "$150.00 is to be paid" in page.text
    page = visitor.press(page, "Agree to this plan", name="Alice")
    assert Plan.get().amount_cents == 15_000 and "Your payment plan" in page.text
    assert "Your plan" in visitor.open("/account").text


def test_nobody_else_sees_a_plan(app, alice, bob, owed, signed_in):
    wish = agreeing.Wish(3, TODAY)
    shown = agreeing.offer(alice, wish, today=TODAY).sha256
    signature = agreeing.Signature("Alice", "k" * 20, BY)
    plan = agreeing.sign(alice, wish, signature, shown=shown, today=TODAY, now=NOW)
    visitor = signed_in(bob)
    assert visitor.open(f"/account/plans/{plan.id}").status == 404
    assert visitor.open(f"/account/plans/{plan.id}.pdf").status == 404


def test_a_promise_of_no_invoice_of_theirs_is_not_found(signed_in, alice, owed):
    visitor = signed_in(alice)
    page = visitor.open(f"/account/invoices/{owed.number}")
    for number in ("999999", "9" * 5_000, "x"):
        answer = visitor.press(page, "I will pay by this day", invoice=number, pay_on="2026-12-10")
        assert answer.status == 404
    assert not Promise.select().exists()


# --- Paying what is due of it --------------------------------------------------------------------


@pytest.fixture
def planned(app, paying, alice, owed):
    """A plan of two invoices in three payments: the first pays the older invoice, and some of the other."""
    app.gateway = paying.gateway
    younger = make_invoice(alice, cents=9_000, due=date(2026, 11, 28), issued=date(2026, 11, 10))
    wish = agreeing.Wish(3, TODAY, "two_weekly", (13_000, 4_000))
    shown = agreeing.offer(alice, wish, today=TODAY).sha256
    signature = agreeing.Signature("Alice", "k" * 20, BY, contact=payer(alice))
    plan = agreeing.sign(alice, wish, signature, shown=shown, today=TODAY, now=NOW)
    return plan, owed, younger


def test_the_button_pays_exactly_the_part_that_is_due(signed_in, planned, alice):
    plan, owed, younger = planned
    visitor = signed_in(alice)
    page = visitor.open(f"/account/plans/{plan.id}")

    page = visitor.press(page, "Pay $130.00")

    assert page.status == 200 and Payment.get().amount_cents == 13_000
    parts = {part.invoice_id: part.amount_cents for part in Payment.get().parts}
    assert parts == {owed.id: 12_000, younger.id: 1_000}


def test_one_page_pays_a_part_once_however_often_it_is_pressed(signed_in, planned, alice):
    visitor = signed_in(alice)
    page = visitor.open(f"/account/plans/{planned[0].id}")

    for _ in range(3):
        visitor.press(page, "Pay $130.00")

    assert Payment.select().count() == 1


def test_what_was_paid_since_the_page_was_opened_is_not_paid_again(signed_in, planned, alice):
    plan, owed, _ = planned
    visitor = signed_in(alice)
    page = visitor.open(f"/account/plans/{plan.id}")
    payments.record(
        alice, amount_cents=13_000, kind="check", received_on=TODAY, key="check", by=BY, today=TODAY, now=NOW
    )

    page = visitor.press(page, "Pay $130.00")

    assert "What is due changed since you looked" in page.messages
    assert Payment.select().where(Payment.kind != "check").count() == 0
    assert "Pay $40.00" in page.buttons  # the next part


def test_the_part_is_paid_by_the_link_of_its_mail_too(app, planned, clock):
    plan, owed, younger = planned
    notice = Notice.get(Notice.kind == "plan_agreed")
    token = links.pay_link(owed, now=clock.now(), contact=notice.contact)
    Link.update(carried_by=notice).execute()  # as sending the mail notes it
    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}/plan")

    visitor.press(page, "Pay $130.00")

    assert sorted(part.amount_cents for part in Payment.get().parts) == [1_000, 12_000]
