"""Drafts that staff read and sign, steps that they set, and the switch that lets the company speak."""

import re
from datetime import date, timedelta

import pytest

from billing import reminding
from billing.collections import verdicts
from billing.edges.clock import FixedClock
from billing.outbox import holding
from models import Approval, Call, Company, CustomerGroup, Notice, ReminderPolicy, ReminderStep
from tests import shutting
from tests.factories import NOW, make_invoice
from tests.office import enter, text_of

DUE = date(2026, 11, 26)  # five days ago


@pytest.fixture
def draft(app, alice):
    make_invoice(alice, due=DUE, issued=date(2026, 11, 1))
    today = FixedClock(date(2026, 12, 1))
    reminding.queue_reminders(today.today(), now=today.now())
    return Notice.get()


def test_a_draft_is_read_put_right_and_sent_in_ones_own_name(app, draft):
    desk = enter(app)
    page = desk.get(f"/staff/personal/{draft.id}")
    assert "tell me and I will look into it" in page.text
    [seen] = re.findall(r'name="seen" value="([\w ]+)"', page.text)

    desk.post(f"/staff/personal/{draft.id}", words="Hi Alice, all well?", seen=seen)

    row = Notice.get_by_id(draft.id)
    assert (row.state, row.words, row.staff.role) == ("queued", "Hi Alice, all well?", "owner")


def test_a_draft_can_be_discarded_with_a_reason(app, draft):
    enter(app).act("notice", "discard_draft", draft, reason="I called her")

    assert (Notice.get().state, Notice.get().reason) == ("skipped", "I called her")


def test_what_is_no_draft_offers_neither(app, draft):
    Notice.update(state="sent").execute()

    page = enter(app).get(f"/staff/notice/{draft.id}")

    assert "Read and send" not in page.text and "Discard" not in page.text


def test_the_queues_of_the_day_lead_to_drafts_and_to_what_needs_a_person(app, draft, bob):
    make_invoice(bob, due=date(2026, 10, 1), issued=date(2026, 9, 1))
    desk = enter(app)

    page = desk.get("/staff/").text

    assert "Drafts to read" in page and "Needs a person" in page
    listed = desk.get("/staff/invoice/", standing="needs_person").text
    assert "Bob Baker" in listed and "Alice Archer" not in listed


def test_a_policy_shows_what_it_means_with_dates(app):
    page = enter(app).get(f"/staff/reminder-policy/{ReminderPolicy.get().id}").text

    assert "An invoice that is due on December 16, 2026, and not paid" in page
    assert "Dec 13, 2026" in page and "Jan 15, 2027" in page


def test_staff_make_a_policy_of_a_group_and_its_steps(app):
    group, desk = CustomerGroup.create(name="Tenants"), enter(app)

    desk.post("/staff/reminder-policy/new", name="Tenants", customer_group=group.id, active="y")
    made = ReminderPolicy.get(ReminderPolicy.customer_group == group)
    desk.post("/staff/reminder-step/new", policy=made.id, days=10, act="late", active="y")

    assert [(step.days, step.act) for step in made.steps] == [(10, "late")]


@pytest.mark.parametrize(("days", "act"), [(-2, "late"), (0, "remind"), (4, "remind"), (500, "late")])
def test_a_step_that_means_nothing_is_refused_with_a_sentence(app, days, act):
    policy = ReminderPolicy.get()

    page = enter(app).post("/staff/reminder-step/new", policy=policy.id, days=days, act=act, active="y")

    assert page.status_code == 400
    assert ReminderStep.select().where(ReminderStep.days == days, ReminderStep.act == act).count() == 0


def test_a_second_policy_for_the_same_is_refused_with_a_sentence(app):
    page = enter(app).post("/staff/reminder-policy/new", name="Another", active="y")

    assert "counts for the same already" in page.text


def test_a_company_that_is_not_live_says_so_until_an_owner_changes_it(app, company):
    Company.update(live_on=None).execute()
    desk = enter(app)
    assert "is not live yet" in desk.get("/staff/").text

    desk.act("company", "go_live", company, discard="y")

    assert Company.get().live_on == date(2026, 12, 1)
    assert "is not live yet" not in desk.get("/staff/").text
    desk.act("company", "go_mute", company, reason="Wrong prices")
    assert Company.get().live_on is None


def test_only_an_owner_lets_the_company_speak(app, company):
    page = enter(app, "billing").get("/staff/company/act/go_live", id=company.id)

    assert page.status_code == 403


# --- What is held back ---------------------------------------------------------------------------


@pytest.fixture
def held(app, alice):
    """A late notice to Alice, who called and whom nobody has called back."""
    today, now = app.clock.today(), app.clock.now()
    make_invoice(alice, due=today - timedelta(days=20), issued=today - timedelta(days=40))
    reminding.queue_reminders(today, now=now)
    Call.create(
        customer=alice, direction=Call.IN, outcome=Call.MISSED, started_at=now, waits=True,
        state=Call.TO_CALL, by="phone", source="pbx", source_id="1", logged_at=now,
    )  # fmt: skip
    notice = Notice.get(Notice.kind == Notice.OVERDUE)
    holding.hold_back([notice.id], today=today, now=now)
    return notice


def test_the_page_says_whom_to_answer_and_why(app, held, alice):
    desk = enter(app)
    assert "Answer this person first." in desk.get("/staff/").text

    page = desk.get("/staff/held").text

    assert "Alice Archer" in page and "nobody answered" in page and "Call back" in page
    assert holding.DRAFTED in page  # and not that it goes on by itself
    assert f"/staff/call/{Call.get().id}" in page


def test_a_mistake_of_ours_leads_to_the_case_where_it_is_put_right(app, held, alice):
    Call.update(state=Call.DONE, done_at=NOW, done_by="t", done_how="Spoke to her").execute()
    shutting.unused_money(alice, held.invoice)
    verdicts.judge_all(app.clock.today(), now=app.clock.now())

    page = enter(app).get("/staff/held").text

    assert "pays nothing yet." in page and f'href="/staff/collections/{alice.id}">Put it right' in page


def test_sending_all_the_same_asks_a_second_person(app, held):
    sam = enter(app, "support")
    sam.post(f"/staff/held/{held.id}/pass", reason="")
    assert Approval.select().count() == 0

    sam.post(f"/staff/held/{held.id}/pass", reason="I spoke to her just now")

    asked = Approval.get()
    assert (asked.about_id, asked.state, Notice.get_by_id(held.id).state) == (held.id, "asked", "held")
    page = sam.get("/staff/held").text
    assert "second person asked" in page and f'href="/staff/approval/{asked.id}"' in page
    assert sam.get(f"/staff/approval/{asked.id}").status_code == 200


def test_whoever_agrees_reads_when_it_leaves(app, held):
    enter(app, "support").post(f"/staff/held/{held.id}/pass", reason="I spoke to her just now")
    app.clock.advance(hours=9)  # past the hours in which one writes

    page = text_of(enter(app).act("approval", "approve", Approval.get()))

    assert "approved. It leaves tomorrow at 9 am" in page


def test_who_only_reads_sees_it_and_cannot_let_it_pass(app, held):
    ray = enter(app, "read_only")

    assert "Alice Archer" in ray.get("/staff/held").text
    assert ray.post(f"/staff/held/{held.id}/pass", reason="x").status_code == 403
