"""How soon we answer, and how soon that is paid: what is counted, by which month, and honest words."""

import math
from datetime import date, datetime, timedelta

import pytest

from billing import invoices, paid_after_answer, payments, tickets
from billing.paid_after_answer import Month, Question, compared
from models import Ticket
from tests.factories import BY, make_invoice
from tests.office import enter, make_staff, text_of

TODAY = date(2026, 12, 1)
ASKED = datetime(2026, 10, 5, 15)
DAY = timedelta(days=1)


@pytest.fixture
def ask(alice):
    """``ask(hours=3, days=5)``: a question about an invoice, answered and paid so much later."""

    def act(*, hours=None, days=None, at=ASKED, via="portal"):
        invoice = make_invoice(alice, cents=3000, issued=at.date() - 5 * DAY, due=at.date() + 10 * DAY)
        ticket = tickets.open(alice, subject="Why?", body="Why?", by=BY, now=at, invoice=invoice, via=via)
        if hours is not None:
            staff = make_staff("support", email=f"s{ticket.id}@lantern.example")
            tickets.reply(ticket, body="So.", by=BY, now=at + timedelta(hours=hours), staff=staff)
        if days is not None:
            pay(invoice, at.date() + days * DAY)
        return invoice

    return act


def pay(invoice, day):
    payments.record(
        invoice.customer, amount_cents=3000, kind="check", received_on=day, key=f"k{invoice.id}", by=BY,
        today=day, now=ASKED + 40 * DAY, parts=[(invoice, 3000)], check_number=str(invoice.id),
        confirmed=True,
    )  # fmt: skip


def test_a_month_tells_the_median_of_answers_and_of_payments(ask):
    ask(hours=2, days=1)
    ask(hours=4, days=6)
    ask(hours=90, days=20)
    ask(at=ASKED + 31 * DAY)

    assert paid_after_answer.report(TODAY).months == (
        Month(date(2026, 11, 1), 1, None, None),
        Month(date(2026, 10, 1), 3, 4.0, 6),
    )


def test_the_month_is_the_one_at_the_company_s_place(ask):
    ask(hours=1, days=2, at=datetime(2026, 11, 1, 3))  # in Texas it is still October

    assert [month.first_on for month in paid_after_answer.report(TODAY).months] == [date(2026, 10, 1)]


def test_what_says_nothing_about_patience_is_not_counted(ask):
    ask(hours=2, days=-3)  # paid before they asked
    ask(hours=2, days=3, via=Ticket.STAFF)
    ask(hours=2, days=3, at=ASKED - 400 * DAY)
    credited = ask(hours=2)
    invoices.credit(credited, amount_cents=3000, reason="Billed twice", by=BY, today=TODAY, now=ASKED)

    assert paid_after_answer.report(TODAY).months == ()


def test_quick_answers_stand_beside_slow_ones(db):
    quick = [Question(TODAY, 3, 4)] * 10
    slow = [Question(TODAY, 72, 19)] * 6 + [Question(TODAY, math.inf, math.inf)] * 4

    assert compared(quick + slow) == (
        "Of 10 answered within a day, half were paid 4 days after asking. "
        "Of 10 answered later or not yet, half were paid 19 days after asking."
    )
    assert compared(quick + slow[:9]).startswith("Too few questions")
    assert compared(quick + slow[4:] + slow[6:]).endswith("later or not yet, most are not paid.")


def test_the_page_is_two_clicks_from_home(app, ask):
    ask(hours=30, days=5)
    ask(at=ASKED + 31 * DAY)
    desk = enter(app)

    assert "/staff/clarity#answers" in desk.get("/staff/collections").text
    page = text_of(desk.get("/staff/clarity"))
    assert "October 2026 1 30 hours 5 days" in page
    assert "November 2026 1 most wait most wait" in page
