"""Promises and plans at the desk: noted, proposed, accepted, answered, ended, and who may."""

from datetime import date, timedelta

import pytest

from billing import links, promises
from billing.plans import agreeing, standing
from models import Notice, Plan, Promise, Ticket
from tests.factories import BY, NOW, make_invoice, payer
from tests.office import enter, text_of
from tests.portal_visitor import Visitor

TODAY = date(2026, 12, 1)
DAY = timedelta(days=1)


@pytest.fixture
def owed(alice):
    return make_invoice(alice, cents=12_000, due=date(2026, 11, 20), issued=date(2026, 11, 5))


@pytest.fixture
def proposal(owed, alice):
    """What Alice signed, outside of the policy."""
    wish = agreeing.Wish(2, TODAY, "monthly", (1_000,))
    shown = agreeing.offer(alice, wish, today=TODAY).sha256
    signature = agreeing.Signature("Alice", "k" * 20, "customer:alice@example.com", contact=payer(alice))
    return agreeing.sign(alice, wish, signature, shown=shown, today=TODAY, now=NOW)


def test_a_promise_on_the_phone_is_noted_and_pauses(app, owed, alice):
    page = enter(app, "support").act(
        "invoice", "promise", owed, pay_on="2026-12-20", via="phone", amount="", said="When the wages come."
    )
    assert "Until then nothing asks them" in text_of(page)
    promise = Promise.get()
    assert (promise.pay_on, promise.via, promise.words) == (
        date(2026, 12, 20),
        "phone",
        "When the wages come.",
    )
    assert promises.covered([owed.customer_id]) == {owed.id: promise}
    assert Notice.select().where(Notice.kind == "promise").exists()


def test_a_promise_for_the_whole_account_and_a_day_too_far(app, owed, alice):
    desk = enter(app, "support")
    page = desk.act("customer", "promise", alice, pay_on="2028-01-01", via="phone", amount="", said="")
    assert "agree on an installment plan" in text_of(page) and not Promise.select().exists()
    desk.act("customer", "promise", alice, pay_on="2026-12-20", via="mail", amount="50", said="")
    assert Promise.get().amount_cents == 5_000 and Promise.get().invoice is None


def test_a_plan_is_proposed_on_the_phone_and_agreed_to_by_the_link_of_the_mail(app, owed, alice):
    desk = enter(app, "billing")
    page = desk.act(
        "customer", "offer_plan", alice, count="3", first_on="2026-12-10", rhythm="monthly", amounts="50 40",
        note="As we said.",
    )  # fmt: skip
    assert "$50.00 on Dec 10, 2026, $40.00 on Jan 10, 2027, $30.00 on Feb 10, 2027" in text_of(page)
    plan = Plan.get()
    assert (plan.state, plan.waits_for) == ("proposed", "customer")

    notice = Notice.get(Notice.kind == "plan_agreed")
    token = links.pay_link(owed, now=NOW, contact=payer(alice))
    links.Link.update(carried_by=notice).execute()
    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}/plan")
    assert "A plan for you" in page.text and "As we said." in page.text
    page = visitor.press(page, "Agree to this plan", name="Alice Archer")
    assert "It is agreed" in page.messages
    assert Plan.get().state == "running" and Plan.get().name == "Alice Archer"


@pytest.mark.parametrize(
    ("role", "count", "amounts", "says"),
    [
        ("billing", "6", "", "by an owner only"),
        ("support", "3", "10", "Billing or an owner"),
        ("owner", "6", "", "to agree to"),
        ("owner", "3", "200", "nothing left for the last one"),
        ("owner", "3", "a lot", "not an amount"),
    ],
)
def test_who_may_offer_what(app, owed, alice, role, count, amounts, says):
    page = enter(app, role).act(
        "customer", "offer_plan", alice, count=count, first_on="2026-12-10", rhythm="monthly",
        amounts=amounts, note="",
    )  # fmt: skip
    assert says in text_of(page)


def test_its_ticket_leads_to_where_it_is_answered(app, proposal):
    desk, ticket = enter(app, "billing"), Ticket.get()
    asks = f'in 2 parts.</span> <a href="/staff/plan/{proposal.id}">Answer the proposal</a>'
    assert asks in desk.get(f"/staff/ticket/{ticket.id}").text

    desk.act("plan", "accept", proposal)
    assert asks not in desk.get(f"/staff/ticket/{ticket.id}").text


def test_its_page_names_what_is_proposed_and_nothing_twice(app, proposal):
    page = text_of(enter(app, "billing").get(f"/staff/plan/{proposal.id}"))

    assert (
        f"<h1>{proposal.count} payments for $" in enter(app, "billing").get(f"/staff/plan/{proposal.id}").text
    )
    nothing = page.partition("Not filled in: ")[2].partition(".")[0].split(", ")
    assert len(nothing) == len(set(nothing)) and page.count("Proposed Dec") == 1


def test_a_proposal_is_accepted_and_runs(app, proposal):
    page = text_of(enter(app, "billing").get(f"/staff/plan/{proposal.id}"))
    assert "below $25.00" in page and "The agreement" in page
    enter(app, "billing").act("plan", "accept", proposal)
    assert Plan.get().state == "running" and Ticket.get().state == "closed"
    assert not list(standing.waiting_for_us())


def test_a_proposal_is_answered_with_another_one(app, proposal):
    enter(app, "billing").act(
        "plan", "counter", proposal, count="2", first_on="2026-12-05", rhythm="monthly", amounts="40", note=""
    )
    old, new = Plan.select().order_by(Plan.id)
    assert (old.state, new.state, new.waits_for, new.replaces) == ("refused", "proposed", "customer", old)
    assert Ticket.get().state == "closed"


def test_a_refusal_says_why_to_the_customer(app, proposal):
    enter(app, "support").act("plan", "refuse", proposal, reason="Could the first part be $30?")
    assert Plan.get().state == "refused"
    assert Notice.select().where(Notice.kind == "ticket_reply").exists()


def test_support_does_not_accept(app, proposal):
    assert enter(app, "support").act("plan", "accept", proposal).status_code == 403
    assert Plan.get().state == "proposed"


def test_a_plan_is_ended_with_a_reason_and_its_file_opens(app, proposal):
    desk = enter(app, "billing")
    desk.act("plan", "accept", proposal)
    assert desk.get(f"/staff/plan/{proposal.id}/agreement.pdf").data.startswith(b"%PDF")
    desk.act("plan", "end", proposal, reason="They moved away.")
    assert (Plan.get().state, Plan.get().reason) == ("ended", "They moved away.")


def test_what_broke_stands_in_a_queue_until_somebody_looked_after_it(app, owed, alice):
    promises.make(
        alice, pay_on=TODAY + DAY, via="phone", by=BY, today=TODAY, now=NOW, invoice=owed, staff=True
    )
    promises.decide_due(TODAY + 20 * DAY, now=NOW + 20 * DAY, by=BY)
    desk = enter(app, "support")
    assert "Promises broken" in text_of(desk.get("/staff/"))
    assert "Alice Archer" in text_of(desk.get("/staff/promise/", standing="broken"))
    desk.act("promise", "seen", Promise.get())
    assert not list(promises.broken())
