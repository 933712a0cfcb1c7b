"""Installment plans: days and amounts to the cent, who may agree to what, and what becomes of a plan."""

import time
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import calendars, demands, ledger, payments, preferences, reminding
from billing import company as companies
from billing.collections import gate
from billing.disputes import asking, deciding
from billing.errors import BillingError
from billing.outbox import judging
from billing.plans import agreeing, keeping, policy, shape, standing
from models import (
    Company,
    Dispute,
    Event,
    Installment,
    InstallmentPart,
    Notice,
    Plan,
    PlanInvoice,
    Staff,
    Ticket,
)
from tests.factories import BY, NOW, fresh, make_customer, make_invoice, payer

TODAY = date(2026, 12, 1)
DAY = timedelta(days=1)


def signature(key="k" * 32, **fields):
    known = {"name": "Alice Archer", "key": key, "by": "customer:alice@example.com", "ip": "203.0.113.7"}
    return agreeing.Signature(**known | fields)


def sign(customer, wish, *, key="k" * 32, today=TODAY, now=NOW, **more):
    offered = agreeing.offer(customer, wish, today=today, invoice_ids=more.get("invoice_ids"))
    return agreeing.sign(
        customer, wish, signature(key, contact=payer(customer)), shown=offered.sha256, today=today, now=now,
        **more,
    )  # fmt: skip


@pytest.fixture
def owing(alice):
    """Alice owes $100.01 and, younger, $50.00."""
    old = make_invoice(alice, cents=10_001, due=date(2026, 11, 1), issued=date(2026, 10, 15))
    new = make_invoice(alice, cents=5_000, due=date(2026, 12, 10), issued=date(2026, 11, 25))
    return alice, old, new


def pay(invoice, cents, on=TODAY):
    payments.record(
        invoice.customer, kind="check", amount_cents=cents, received_on=on, key=f"{invoice.id}-{on}-{cents}",
        parts=[(fresh(invoice), cents)], by=BY, today=on, now=NOW,
    )  # fmt: skip


THREE = agreeing.Wish(3, TODAY)


# --- Days and amounts ----------------------------------------------------------------------------


@given(st.integers(1, 10**8), st.integers(2, 12))
def test_equal_parts_come_to_the_whole(cents, count):
    if cents >= count:
        parts = shape.amounts(cents, count)
        assert sum(parts) == cents and min(parts) > 0 and len(set(parts[:-1])) == 1


@given(
    st.lists(st.integers(1, 50_000), min_size=1, max_size=6), st.integers(2, 6),
    st.lists(st.one_of(st.none(), st.integers(-5, 60_000)), max_size=6),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.sampled_from(sorted(shape.RHYTHMS)),
)  # fmt: skip
def test_whatever_is_typed_a_plan_adds_up_or_is_refused(open_cents, count, typed, first_on, rhythm):
    owed = list(enumerate(open_cents, 7))
    try:
        cents = shape.filled(sum(open_cents), count, tuple(typed))
        made = shape.shaped(owed, zip(shape.days(first_on, count, rhythm), cents, strict=True))
    except BillingError:
        return
    days = [one.due_on for one in made.payments]
    assert made.cents == sum(open_cents) and days == sorted(set(days)) and days[0] == first_on
    for number, cents in ((one.number, one.cents) for one in made.payments):
        assert sum(part for n, _, part in made.parts if n == number) == cents
    for invoice_id, cents in owed:
        assert sum(part for _, id, part in made.parts if id == invoice_id) == cents


@pytest.mark.parametrize(
    "dated",
    [
        [(TODAY, 100)],
        [(TODAY, 60), (TODAY, 40)],
        [(TODAY, 60), (TODAY - DAY, 40)],
        [(TODAY, 60), (TODAY + DAY, 41)],
        [(TODAY, 101), (TODAY + DAY, -1)],
        [(TODAY, 100), (TODAY + DAY, 0)],
        [(TODAY, 50), (TODAY + 800 * DAY, 50)],
    ],
)
def test_what_does_not_add_up_is_no_plan(dated):
    with pytest.raises(BillingError):
        shape.shaped([(1, 100)], dated)


def test_the_end_of_a_month_stays_the_end_of_a_month():
    days = shape.days(date(2027, 1, 31), 4, shape.MONTHLY)
    assert [day.day for day in days] == [31, 28, 31, 30]
    assert shape.days(TODAY, 3, shape.TWO_WEEKLY) == [TODAY, TODAY + 14 * DAY, TODAY + 28 * DAY]


# --- Agreeing ------------------------------------------------------------------------------------


def test_a_plan_inside_the_policy_runs_the_moment_it_is_signed(owing):
    alice, old, new = owing
    plan = sign(alice, THREE)

    assert (plan.state, plan.amount_cents, plan.agreed_on) == ("running", 15_001, TODAY)
    assert [one.amount_cents for one in plan.installments.order_by(Installment.number)] == [5001, 5001, 4999]
    assert (plan.name, plan.ip, len(plan.text_sha256)) == ("Alice Archer", "203.0.113.7", 64)
    assert "There is no fee and no interest." in plan.text and "$50.01 on December 1, 2026" in plan.text
    assert [one.active for one in plan.plan_invoices] == [True, True]
    assert Notice.select().where(Notice.kind == "plan_agreed", Notice.plan == plan).count() == 1
    assert Event.select().where(Event.what == "plan.agreed").count() == 1


def test_what_is_due_follows_the_plan_from_that_second(owing):
    alice, old, new = owing
    assert ledger.balance(alice, today=TODAY).past_due_cents == 10_001
    sign(alice, THREE)
    assert ledger.balance(alice, today=TODAY).past_due_cents == 0
    assert demands.asked_cents(demands.of(fresh(old)), TODAY) == 5001
    assert ledger.balance(alice, today=TODAY).owed_cents == 15_001


def test_a_plan_moves_no_money(owing):
    alice, old, new = owing
    sign(alice, THREE)
    assert (fresh(old).open_cents, fresh(new).open_cents) == (10_001, 5_000)


def test_the_same_press_of_the_button_is_one_plan(owing):
    alice, *_ = owing
    assert (
        sign(alice, THREE).id
        == agreeing.sign(alice, THREE, signature(), shown="anything", today=TODAY, now=NOW).id
    )
    assert Plan.select().count() == 1


def test_an_invoice_is_in_one_plan(owing):
    alice, *_ = owing
    sign(alice, THREE)
    with pytest.raises(BillingError, match="in a plan already"):
        sign(alice, THREE, key="other" * 5)


def test_what_changed_since_the_page_was_read_is_not_agreed_to(owing):
    alice, old, _ = owing
    shown = agreeing.offer(alice, THREE, today=TODAY).sha256
    pay(old, cents=1_000)
    with pytest.raises(BillingError, match="Something changed"):
        agreeing.sign(alice, THREE, signature(), shown=shown, today=TODAY, now=NOW)
    assert not Plan.select().exists()


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (agreeing.Wish(6, TODAY), "more than 4 payments"),
        (agreeing.Wish(2, TODAY, shape.MONTHLY, (14_000,)), "below $25.00"),
        (agreeing.Wish(2, TODAY, shape.MONTHLY, (3_000,)), "25% of the whole"),
        (agreeing.Wish(3, TODAY + 40 * DAY), "first payment comes after"),
    ],
)
def test_outside_the_policy_it_waits_for_us_with_a_ticket(owing, wish, why):
    alice, *_ = owing
    plan = sign(alice, wish, words="My card 4111 1111 1111 1111 is empty.")

    assert (plan.state, plan.waits_for) == ("proposed", "us")
    assert why in plan.outside and "4111 1111" not in plan.words
    assert Ticket.get().id == plan.ticket_id and Ticket.get().state == "waiting_on_us"
    assert not PlanInvoice.select().where(PlanInvoice.active).exists()
    assert list(standing.waiting_for_us()) == [plan]


@pytest.mark.parametrize(
    "wish",
    [
        agreeing.Wish(1, TODAY),
        agreeing.Wish(0, TODAY),
        agreeing.Wish(-3, TODAY),
        agreeing.Wish(10**9, TODAY),
        agreeing.Wish(3, TODAY - DAY),
        agreeing.Wish(3, date(9999, 12, 31)),
        agreeing.Wish(3, TODAY, "hourly"),
        agreeing.Wish(3, TODAY, shape.MONTHLY, (15_001,)),
        agreeing.Wish(3, TODAY, shape.MONTHLY, (-1,)),
        agreeing.Wish(3, TODAY, shape.MONTHLY, (0, 0)),
        agreeing.Wish(3, TODAY, autopay=True),
    ],
)
def test_no_such_plan_gets_in(owing, wish):
    alice, *_ = owing
    with pytest.raises(BillingError):
        sign(alice, wish)
    assert not Plan.select().exists() and not Ticket.select().exists()


def test_a_name_is_the_signature(owing):
    alice, *_ = owing
    shown = agreeing.offer(alice, THREE, today=TODAY).sha256
    with pytest.raises(BillingError, match="type your name"):
        agreeing.sign(alice, THREE, signature(name=" \x00 "), shown=shown, today=TODAY, now=NOW)


# --- Keeping -------------------------------------------------------------------------------------


def days_of(plan):
    return [one.due_on for one in plan.installments.order_by(Installment.number)]


def at(day):
    return datetime(day.year, day.month, day.day, 18)


def look(plan, day):
    return keeping.look(plan, today=day, now=at(day), by=BY)


def test_paying_early_counts_for_the_next_payment_first_and_ends_the_plan_early(owing):
    alice, old, new = owing
    plan = sign(alice, THREE)
    pay(old, cents=10_001)
    stands = standing.of(plan, today=TODAY)
    assert [row.open_cents for row in stands.rows] == [0, 1, 4999]
    pay(new, cents=5_000)
    assert look(plan, TODAY + DAY) == "kept"
    assert fresh(plan).state == "kept"
    assert Notice.select().where(Notice.kind == "plan_ended").count() == 1


def test_a_plan_of_which_all_is_disputed_is_not_called_paid_and_goes_on_when_it_is_owed(owing):
    alice, *invoices = owing
    plan = sign(alice, THREE)
    later = {"today": TODAY, "now": NOW + timedelta(hours=1)}
    about = {"amount_cents": None, "reason": "other", "words": "Why?", "by": BY, "via": Dispute.STAFF}
    made = [asking.open(fresh(one), **about, **later) for one in invoices]

    assert look(plan, TODAY + DAY) == ""
    assert not Notice.select().where(Notice.kind == "plan_ended").exists()
    for one in made:
        deciding.reject(
            one, decision="It was agreed.", staff=None, by=BY, today=TODAY + DAY, now=at(TODAY + DAY)
        )
    assert look(plan, TODAY + DAY) == ""
    stands = standing.of(fresh(plan), today=TODAY + DAY)
    assert stands.plan.state == "running" and stands.open_cents > 0


def test_a_missed_payment_rests_for_the_grace_then_asks_then_breaks(owing):
    alice, old, new = owing
    plan = sign(alice, THREE)
    assert look(plan, TODAY + 5 * DAY) == ""
    assert look(plan, TODAY + 6 * DAY) == "missed"
    [asked] = Notice.select().where(Notice.kind == "plan_missed")

    for days in (7, 30):  # it does not break while our mail has not left
        assert look(plan, TODAY + days * DAY) == ""
    Notice.update(state="sent", sent_at=at(TODAY + 30 * DAY)).where(Notice.id == asked.id).execute()
    assert look(plan, TODAY + 31 * DAY) == ""
    assert fresh(plan).repair_by_on == TODAY + 35 * DAY
    assert look(plan, TODAY + 35 * DAY) == ""
    assert look(plan, TODAY + 36 * DAY) == "broken"

    assert list(standing.broken()) == [plan]
    assert ledger.balance(alice, today=TODAY).past_due_cents == 10_001
    assert ledger.balance(alice, today=TODAY).owed_cents == 15_001  # nothing was added


def test_what_was_paid_after_the_mail_puts_it_right_once(owing):
    alice, old, new = owing
    plan = sign(alice, THREE)
    look(plan, TODAY + 6 * DAY)
    pay(old, cents=5_001)
    assert look(plan, TODAY + 7 * DAY) == "put right"
    second = days_of(plan)[1]
    assert look(plan, second + 5 * DAY) == ""
    assert look(plan, second + 6 * DAY) == "broken"


def test_a_missed_payment_can_be_moved_once(owing):
    alice, *_ = owing
    plan = sign(alice, THREE)
    look(plan, TODAY + 6 * DAY)
    to_on = TODAY + 12 * DAY
    with pytest.raises(BillingError, match="until December 28"):
        keeping.move_payment(plan, to_on=TODAY + 60 * DAY, by=BY, today=TODAY + 6 * DAY, now=NOW)
    plan = keeping.move_payment(plan, to_on=to_on, by=BY, today=TODAY + 6 * DAY, now=NOW)
    assert (plan.missed_on, plan.repaired_on, days_of(plan)[0]) == (None, TODAY + 6 * DAY, to_on)
    assert look(plan, to_on + 5 * DAY) == ""
    with pytest.raises(BillingError, match="can be moved"):
        keeping.move_payment(plan, to_on=to_on + 9 * DAY, by=BY, today=to_on + 2 * DAY, now=NOW)
    assert look(plan, to_on + 6 * DAY) == "broken"


def test_no_plan_of_its_own_after_one_that_was_not_kept(owing):
    alice, old, _ = owing
    plan = sign(alice, THREE)
    keeping.end(plan, reason="They asked for it.", by=BY, today=TODAY, now=NOW)
    assert sign(alice, THREE, key="again" * 5).state == "running"
    Plan.update(state="broken").where(Plan.id == plan.id).execute()
    outside = policy.outside(alice, agreeing.offer(make_owing(), THREE, today=TODAY).shape, today=TODAY)
    assert any("running already" in one for one in outside)


def make_owing():
    bob = make_customer("Bob", email="bob@example.com")
    make_invoice(bob, cents=15_000, due=TODAY, issued=TODAY - 15 * DAY)
    return bob


# --- The database itself -------------------------------------------------------------------------


def test_the_database_refuses_a_plan_that_does_not_add_up(owing, db):
    alice, old, _ = owing
    plan = Plan.create(
        key="x" * 20, customer=alice, amount_cents=10_001, count=2, by=BY, proposed_on=TODAY, proposed_at=NOW,
        text="…", text_sha256="1" * 64, signed_at=NOW,
    )  # fmt: skip
    PlanInvoice.create(plan=plan, invoice=old, amount_cents=10_001)
    for number, cents in ((1, 5_000), (2, 5_000)):
        row = Installment.create(plan=plan, number=number, due_on=TODAY + number * DAY, amount_cents=cents)
        InstallmentPart.create(installment=row, invoice=old, amount_cents=cents)
    with pytest.raises(Exception, match="does not add up"), db.atomic():
        Plan.update(state="running", agreed_at=NOW).where(Plan.id == plan.id).execute()
    with pytest.raises(Exception, match="before it is agreed"), db.atomic():
        Plan.create(
            key="y" * 20, customer=alice, amount_cents=1, count=1, by=BY, proposed_on=TODAY, proposed_at=NOW,
            state="running", agreed_at=NOW, signed_at=NOW, text_sha256="1",
        )  # fmt: skip


def test_the_database_refuses_to_change_what_was_agreed(owing, db):
    alice, *_ = owing
    plan = sign(alice, THREE)
    row = plan.installments.get()
    for act in (
        lambda: Plan.update(amount_cents=1).where(Plan.id == plan.id).execute(),
        lambda: Installment.update(amount_cents=1).where(Installment.id == row.id).execute(),
        lambda: Installment.update(due_on=TODAY + 99 * DAY).where(Installment.id == row.id).execute(),
        lambda: Installment.create(plan=plan, number=9, due_on=TODAY, amount_cents=5),
        lambda: Plan.delete().where(Plan.id == plan.id).execute(),
        lambda: Plan.update(count=5).where(Plan.id == plan.id).execute(),
    ):
        with (
            pytest.raises(Exception, match="frozen|moved once|before it is agreed|never deleted"),
            db.atomic(),
        ):
            act()


def test_companies_set_the_policy(owing):
    alice, *_ = owing
    companies.current()
    assert Staff.select().count() == 0


# --- In a calendar -------------------------------------------------------------------------------


def test_a_calendar_has_the_days_of_the_plan_instead_of_the_old_ones(owing):
    alice, *_ = owing
    contact = payer(alice)
    preferences.choose(contact, {("invoice", "calendar"): preferences.ALWAYS}, by=BY, via="page", now=NOW)
    sign(alice, THREE)
    entries = calendars.of(contact, amounts=True, today=TODAY).entries
    assert [(one.on, one.title) for one in entries] == [
        (TODAY, "Payment 1 of 3 of your plan, $50.01"),
        (date(2027, 1, 1), "Payment 2 of 3 of your plan, $50.01"),
        (date(2027, 2, 1), "Payment 3 of 3 of your plan, $49.99"),
    ]


# --- Reminders of payments, and whole days of the daily job --------------------------------------


def reminders():
    return Notice.select().where(Notice.kind == "reminder").order_by(Notice.id)


def live(first, last, acts=()):
    """Days of the daily look, with what people do in the morning; what is queued leaves the same day."""
    for n in range((last - first).days + 1):
        day = first + n * DAY
        for act in [act for on, act in acts if on == day]:
            act(day)
        keeping.run(day, now=at(day), by=BY)
        Notice.update(state="sent", sent_at=at(day)).where(Notice.state == "queued").execute()


def told_days():
    """[(kind, number of the payment, its day, day of the message)] of what the plan wrote about payments."""
    return [
        (one.kind, one.installment.number, one.charge_on and one.charge_on.day, one.sent_at.date())
        for one in Notice.select().where(Notice.kind.in_(("reminder", "plan_missed"))).order_by(Notice.id)
    ]


def test_each_payment_is_reminded_of_once_three_days_ahead(owing):
    alice, old, new = owing
    sign(alice, THREE)

    live(TODAY + DAY, date(2027, 2, 1), [(TODAY + 2 * DAY, lambda day: pay(old, 5_001, day)),
                                         (date(2027, 1, 1), lambda day: pay(old, 5_000, day)),
                                         (date(2027, 1, 1), lambda day: pay(new, 1, day))])  # fmt: skip

    assert told_days() == [
        ("reminder", 2, 1, date(2026, 12, 29)),
        ("reminder", 3, 1, date(2027, 1, 29)),
    ]


def test_a_moved_payment_and_the_next_one_are_one_message(owing, app):
    """Every two weeks; the second one is missed and moved to three days before the third."""
    alice, old, new = owing
    plan = sign(alice, agreeing.Wish(3, TODAY, "two_weekly"))
    moved_to = date(2026, 12, 26)

    def move(day):
        keeping.move_payment(plan, to_on=moved_to, by=BY, today=day, now=at(day))

    live(TODAY + DAY, date(2026, 12, 31), [
        (TODAY + DAY, lambda day: pay(old, 5_001, day)),
        (date(2026, 12, 22), move),
        (moved_to, lambda day: pay(old, 5_000, day)),
        (moved_to, lambda day: pay(new, 1, day)),
    ])  # fmt: skip

    assert told_days() == [
        ("reminder", 2, 15, date(2026, 12, 12)),
        ("plan_missed", 2, None, date(2026, 12, 21)),
        ("reminder", 2, 26, date(2026, 12, 25)),  # four days after we wrote, and it tells of both
    ]
    assert (
        "Payment 3, $49.99, follows on December 29, 2026." in app.compose(reminders()[-1], at(moved_to)).text
    )


def test_a_plan_that_breaks_is_not_reminded_of_in_the_same_run(owing):
    """Every week; the first payment is moved past the second, which is missed on the day of the first."""
    plan = sign(owing[0], agreeing.Wish(3, TODAY, "weekly"))
    assert look(plan, TODAY + 6 * DAY) == "missed"
    moved_on, day = date(2026, 12, 9), date(2026, 12, 14)
    keeping.move_payment(plan, to_on=day, by=BY, today=moved_on, now=at(moved_on))

    report = keeping.run(day, now=at(day), by=BY)

    assert (report.broken, report.reminded, list(reminders())) == (1, 0, [])


def test_a_payment_that_was_moved_to_a_day_before_long_is_told_of_by_nobody_who_knows(owing):
    alice, old, _ = owing
    plan = sign(alice, agreeing.Wish(3, TODAY, "two_weekly"))
    pay(old, 5_001)
    live(TODAY + DAY, date(2026, 12, 21))
    keeping.move_payment(
        plan, to_on=date(2026, 12, 24), by=BY, today=date(2026, 12, 21), now=at(date(2026, 12, 21))
    )

    live(date(2026, 12, 22), date(2026, 12, 24))

    assert told_days()[-1] == ("plan_missed", 2, None, date(2026, 12, 21))


@pytest.mark.parametrize("gap_days", [1, 4, 60])
@pytest.mark.parametrize("rhythm", ["weekly", "two_weekly", "monthly"])
def test_whatever_the_gap_a_person_gets_one_message_for_each_payment(owing, gap_days, rhythm):
    alice, old, new = owing
    Company.update(gap_days=gap_days).execute()
    plan = sign(alice, agreeing.Wish(3, TODAY + 10 * DAY, rhythm))
    days = [one.due_on for one in plan.installments.order_by(Installment.number)]

    live(TODAY, days[-1], [(days[0], lambda day: pay(old, 5_001, day)),
                           (days[1], lambda day: pay(old, 5_000, day)),
                           (days[1], lambda day: pay(new, 1, day))])  # fmt: skip

    assert [(number, on) for _, number, _, on in told_days()] == [
        (number, day - 3 * DAY) for number, day in enumerate(days, 1)
    ]


def test_who_has_just_agreed_is_not_reminded_of_a_day_that_they_chose(owing):
    sign(owing[0], agreeing.Wish(2, TODAY + 3 * DAY))

    live(TODAY, TODAY + 3 * DAY)

    assert told_days() == []


def test_a_reminder_of_a_payment_made_since_does_not_leave(owing):
    alice, old, new = owing
    sign(alice, THREE)
    pay(old, 5_001)
    day = date(2026, 12, 29)
    keeping.run(day, now=at(day), by=BY)
    [notice] = reminders()
    assert judging.objection(notice, today=day, now=at(day)) == ""
    pay(old, 5_000)
    assert judging.objection(notice, today=day, now=at(day)) == ""  # a cent of it is open
    pay(new, 1)
    assert judging.objection(notice, today=day, now=at(day)) == "This payment is made."


def test_nothing_calls_it_late_while_the_plan_is_kept(owing):
    alice, old, new = owing
    Company.update(live_on=date(2020, 1, 1)).execute()
    sign(alice, THREE)
    pay(old, 5_001)
    for days in range(1, 31):
        reminding.queue_reminders(TODAY + days * DAY, now=at(TODAY + days * DAY))
    late = Notice.select().where(Notice.kind.in_(("overdue", "check_in")))
    assert {one.state for one in late} <= {"held", "queued", "draft"}
    for one in late:
        assert gate.check(one, today=TODAY + 30 * DAY, now=at(TODAY + 30 * DAY))


def test_a_megabyte_of_digits_is_cut_before_it_is_looked_through(owing):
    began = time.process_time()
    wish = agreeing.Wish(3, TODAY + 40 * DAY)
    plan = sign(owing[0], wish, words="4 " * 250_000)
    assert len(plan.words) <= agreeing.LONGEST_WORDS and time.process_time() - began < 5
