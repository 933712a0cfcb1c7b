"""The collections desk: what waits for us stands first, and every reason leads to its proof and its act."""

from datetime import date, timedelta

import flask_login
import pytest

from admin import collections, security
from billing import tickets
from billing.collections import desk, rules, verdicts
from models import Call, Contact, Invoice, Stance, Ticket, ToJudge, Verdict
from tests import factories
from tests.office import enter, make_staff, text_of
from tests.test_page_queries import asked

TODAY, NOW = factories.NOW.date(), factories.NOW
DUE = date(2026, 11, 10)
DAY = {"today": TODAY, "now": NOW}


@pytest.fixture
def late(app, alice):
    return factories.make_invoice(alice, cents=14_250, due=DUE, issued=date(2026, 10, 26))


@pytest.fixture
def question(late):
    ticket = tickets.open(
        late.customer, subject="Wrong amount?", body="Please look.", by="Alice",
        now=NOW - timedelta(hours=30), contact=factories.payer(late.customer), invoice=late, via="portal",
    )  # fmt: skip
    verdicts.judge_all(TODAY, now=NOW)
    return ticket


@pytest.fixture
def olga(app):
    return enter(app)


def test_money_that_waits_for_us_stands_above_all_with_its_act(olga, question):
    page = olga.get("/staff/collections")
    said = text_of(page)

    assert said.index("Money waiting for us") < said.index("Whom to look after first")
    assert "$142.50 of 1 customer" in said
    assert "Alice Archer wrote on November 30, 2026 (“Wrong amount?”) and waits for our answer." in said
    assert f'href="/staff/ticket/{question.id}">Answer</a>' in page.text


def test_the_desk_says_whether_it_is_more_than_four_weeks_ago(olga, late, alice):
    verdicts.judge_all(TODAY, now=NOW - timedelta(weeks=5))
    assert "as much as four weeks ago" in text_of(olga.get("/staff/collections"))

    factories.make_invoice(alice, cents=1_000, due=DUE, issued=date(2026, 10, 26))
    verdicts.judge_all(TODAY, now=NOW)
    assert "$10.00 more than four weeks ago" in text_of(olga.get("/staff/collections"))

    Invoice.update(open_cents=0).execute()
    verdicts.judge_all(TODAY, now=NOW)
    assert "Four weeks ago it was $142.50." in text_of(olga.get("/staff/collections"))


def test_the_first_page_says_how_much_waits_for_us(olga, question):
    told = "1 customer cannot pay before we have answered or repaired something. $142.50"
    assert f"1 Money waiting for us {told}" in text_of(olga.get("/staff/"))


def test_an_answer_moves_the_amount_at_once(olga, question):
    tickets.reply(question, body="It is right.", by="Sam", now=NOW, staff=make_staff("support"))
    verdicts.judge_marked(TODAY, now=NOW)  # as the worker does every two seconds

    assert desk.waiting_cents() == (14_250, 1)  # it was never sent, which is ours too
    assert Verdict.get(Verdict.current).code == Verdict.NEVER_DELIVERED


def test_the_sum_is_that_of_the_verdicts_that_are_our_fault(late, question, bob):
    for due in (DUE, DUE + timedelta(days=3)):
        factories.make_invoice(bob, cents=1_000, due=due, issued=date(2026, 10, 26))
    verdicts.judge_all(TODAY, now=NOW)
    ours = Verdict.select().where(Verdict.current & (Verdict.code << Verdict.OURS))

    waiting = desk.waiting(now=NOW)

    assert waiting.cents == sum(one.amount_cents for one in ours) == 16_250
    assert waiting.cents == sum(share.cents for share in waiting.shares)
    assert waiting.cents == sum(row.cents for row in waiting.rows)
    assert [row.customer.name for row in waiting.rows] == ["Alice Archer", "Bob Baker"]


def test_what_waits_is_counted_for_whoever_has_taken_it(olga, question):
    sam = make_staff("support")
    Ticket.update(owner=sam, last_at=NOW).where(Ticket.id == question.id).execute()

    assert "Sam Support $142.50" in text_of(olga.get("/staff/collections"))


def test_the_worst_by_money_and_time_comes_first(app, alice, bob):
    factories.make_invoice(alice, cents=5_000, due=TODAY - timedelta(days=40))
    factories.make_invoice(bob, cents=10_000, due=TODAY - timedelta(days=10))
    verdicts.judge_all(TODAY, now=NOW)

    assert [case.customer.name for case in desk.page(**DAY).cases] == ["Alice Archer", "Bob Baker"]
    assert desk.next_after(alice.id, TODAY) == bob.id


def test_one_screen_tells_who_how_much_how_late_why_and_what_is_held(olga, late, question):
    Contact.update(phone="(512) 555-0111").execute()
    page = olga.get(f"/staff/collections/{late.customer_id}")
    said = text_of(page)

    assert "$142.50 past due since November 10, 2026, 21 days." in said
    assert "Asked before Payment on its way? No payment of it is under way." in said
    assert "No late notice, fee, suspension or hand-over leaves now" in said
    assert 'href="tel:5125550111"' in page.text
    assert f'href="/staff/ticket/{question.id}"' in page.text


def test_the_screen_of_somebody_who_owes_nothing_says_so(olga, bob):
    assert "Nothing is past due." in text_of(olga.get(f"/staff/collections/{bob.id}"))
    assert olga.get("/staff/collections/999999").status_code == 404
    assert olga.get("/staff/collections?why=nonsense").status_code == 404


def test_the_pages_judge_what_has_changed_themselves(olga, late, question):
    tickets.close(question, by="Sam", now=NOW)
    assert ToJudge.select().exists()

    assert "We have no record that invoice 10001 was ever sent." in text_of(
        olga.get(f"/staff/collections/{late.customer_id}")
    )


@pytest.mark.parametrize("path", ["/staff/invoice/{0.id}", "/staff/customer/{0.customer_id}"])
def test_the_pages_of_invoice_and_customer_say_why(olga, late, question, path):
    assert "Alice Archer wrote on November 30, 2026" in text_of(olga.get(path.format(late)))


def test_the_ticket_says_why_else_it_is_unpaid(olga, late, question):
    tickets.reply(question, body="It is right.", by="Sam", now=NOW, staff=make_staff("support"))

    assert "no record that invoice 10001 was ever sent" in text_of(olga.get(f"/staff/ticket/{question.id}"))


def test_a_verdict_has_its_own_page_with_its_proof(olga, question):
    page = olga.get(f"/staff/verdict/{Verdict.get().id}")

    assert f'<a href="/staff/ticket/{question.id}">Ticket {question.id}</a>' in page.text
    assert "Rejected" not in text_of(page)


def test_what_they_said_is_written_down_and_proves_it(olga, late):
    told = {"code": "cannot_pay", "said": "I lost my job. Card 4111 1111 1111 1111", "heard_on": "2026-11-30"}
    answer = olga.post(f"/staff/collections/{late.customer_id}", **told)
    assert answer.status_code == 303

    said = Stance.get()
    assert "4111 1111" not in said.words
    assert "I lost my job" in text_of(olga.get(f"/staff/collections/{late.customer_id}"))

    olga.post(f"/staff/collections/{said.id}/past")
    assert Stance.get().ended_at is not None


@pytest.mark.parametrize(
    "wrong", [{"said": ""}, {"heard_on": "2026-12-02"}, {"code": "rich"}, {"heard_on": "soon"}]
)
def test_what_cannot_have_been_said_is_refused(olga, late, wrong):
    told = {"code": "will_not_pay", "said": "Sue me", "heard_on": "2026-11-30", **wrong}

    assert olga.post(f"/staff/collections/{late.customer_id}", **told).status_code == 400
    assert not Stance.select().exists()


def test_who_only_reads_writes_nothing_down(app, late):
    rita = enter(app, "read_only")
    told = {"code": "will_not_pay", "said": "Sue me", "heard_on": "2026-11-30"}

    assert "Write down what they said" not in text_of(rita.get(f"/staff/collections/{late.customer_id}"))
    assert rita.post(f"/staff/collections/{late.customer_id}", **told).status_code == 403
    assert not Stance.select().exists()


def test_the_desk_asks_as_often_for_many_as_for_few(olga, late, question):
    def open_desk():
        return olga.get("/staff/collections").status_code

    open_desk()
    few = asked(open_desk)
    for number in range(12):
        customer = factories.make_customer(f"Customer {number}")
        factories.make_invoice(customer, due=DUE, issued=date(2026, 10, 26))
        Call.create(
            customer=customer, number="+15125550100", direction=Call.IN, outcome=Call.MISSED, started_at=NOW,
            waits=True, by="t", source="staff", source_id=str(number), logged_at=NOW, state=Call.TO_CALL,
        )  # fmt: skip
    open_desk()
    many = asked(open_desk)

    assert len(many) <= len(few) + 6 <= 60, len(many)


def test_every_act_leads_somewhere_that_opens(app, olga, late, question):
    """Each of the acts that a verdict may name, for a verdict with a proof of the kind that goes with it."""
    verdict = Verdict.get()
    with app.test_request_context("/staff/collections"):
        flask_login.login_user(security.Person(olga.row))
        addresses = {
            name: collections._address(verdict, target) for name, (_, target) in collections.ACTS.items()
        }

    assert all(addresses.values()), addresses
    for name, address in addresses.items():
        assert olga.get(address).status_code == 200, f"{name}: {address}"


def test_every_act_of_the_rules_has_its_button_but_waiting():
    named = {value for name, value in vars(rules).items() if name.isupper() and isinstance(value, str)}

    assert set(collections.ACTS) == named - {rules.WAIT}
