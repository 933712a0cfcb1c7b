"""Promises to pay: who may say which day, what rests until then, and what becomes of it."""

from datetime import date, datetime, timedelta

import pytest

from billing import payments, promises, reminding
from billing.errors import BillingError
from billing.plans import agreeing, keeping
from models import Company, Event, Notice, Promise
from tests.factories import BY, NOW, fresh, make_invoice, payer

TODAY = date(2026, 12, 1)
DAY = timedelta(days=1)


@pytest.fixture
def owed(alice):
    return make_invoice(alice, cents=10_000, due=date(2026, 11, 20), issued=date(2026, 11, 5))


def make(customer, pay_on=TODAY + 7 * DAY, today=TODAY, **more):
    known = {"via": "page", "by": "customer:alice@example.com", "contact": payer(customer)}
    return promises.make(customer, pay_on=pay_on, today=today, now=at(today), **known | more)


def at(day):
    return datetime(day.year, day.month, day.day, 18)


def decide(day):
    return promises.decide_due(day, now=at(day), by=BY)


def pay(invoice, cents, on=TODAY):
    payments.record(
        invoice.customer, kind="check", amount_cents=cents, received_on=on, key=f"{invoice.id}-{on}-{cents}",
        parts=[(fresh(invoice), cents)], by=BY, today=on, now=at(on),
    )  # fmt: skip


def test_a_promise_is_noted_and_confirmed_with_its_day(owed, alice):
    promise = make(alice, invoice=owed, words="My card is 4111 1111 1111 1111.")

    assert (promise.state, promise.amount_cents, promise.owed_cents) == ("running", 10_000, 10_000)
    assert "4111 1111 1111 1111" not in promise.words
    [notice] = Notice.select().where(Notice.kind == "promise")
    assert (notice.promise, notice.address) == (promise, "alice@example.com")
    assert promises.covered([alice.id]) == {owed.id: promise}
    assert Event.get(Event.what == "promise.made").customer_id == alice.id


def test_two_clicks_are_one_promise(owed, alice):
    assert make(alice, invoice=owed).id == make(alice, invoice=owed).id
    assert Notice.select().where(Notice.kind == "promise").count() == 1


@pytest.mark.parametrize(
    ("pay_on", "says"),
    [
        (TODAY, "after today"),
        (TODAY - 400 * DAY, "after today"),
        (TODAY + 15 * DAY, "until December 15, 2026"),
        (date(9999, 12, 31), "until December 15, 2026"),
    ],
)
def test_a_day_that_cannot_be_says_why(owed, alice, pay_on, says):
    with pytest.raises(BillingError, match=says):
        make(alice, pay_on, invoice=owed)
    assert not Promise.select().exists()


@pytest.mark.parametrize("invoice", [True, False])
def test_what_is_not_due_yet_is_promised_for_a_day_after_its_due_date(alice, invoice):
    later = make_invoice(alice, due=date(2026, 12, 22))
    make_invoice(alice, due=date(2027, 1, 5))
    room = promises.room(TODAY, later.due_on)
    assert (room.first_on, room.last_on) == (date(2026, 12, 23), date(2027, 1, 5))

    about = {"invoice": later} if invoice else {}
    with pytest.raises(BillingError, match="due on December 22, 2026 only"):
        make(alice, later.due_on, **about)
    with pytest.raises(BillingError, match="until January 5, 2027"):
        make(alice, room.last_on + DAY, **about)
    assert make(alice, room.last_on, **about).pay_on == room.last_on


def test_staff_may_note_a_later_day_but_not_any(owed, alice):
    assert make(alice, TODAY + 60 * DAY, invoice=owed, staff=True).pay_on == TODAY + 60 * DAY
    newer = make_invoice(alice)
    with pytest.raises(BillingError, match="installment plan"):
        make(alice, TODAY + 200 * DAY, invoice=newer, staff=True)


def test_after_two_that_were_broken_a_person_is_asked(alice):
    owed = make_invoice(alice, due=date(2026, 7, 20), issued=date(2026, 7, 1))
    for n in range(2):
        day = date(2026, 8, 1) + n * 30 * DAY
        make(alice, day + 5 * DAY, today=day, invoice=owed)
        assert decide(day + 20 * DAY)[1] == 1
    with pytest.raises(promises.AskUs, match="Twice in the last year"):
        make(alice, invoice=owed)
    assert make(alice, invoice=owed, staff=True).state == "running"


def test_another_day_is_not_simply_promised_again(owed, alice):
    make(alice, invoice=owed)
    with pytest.raises(promises.AskUs, match="by December 8, 2026"):
        make(alice, TODAY + 9 * DAY, invoice=owed)
    with pytest.raises(promises.AskUs):
        make(alice, TODAY + 9 * DAY)


def test_everything_that_is_open_now_is_covered_and_nothing_newer(owed, alice):
    promise = make(alice)
    make_invoice(alice, cents=500, issued=TODAY + DAY)
    assert promises.covered([alice.id]) == {owed.id: promise}


def test_nothing_is_promised_where_a_plan_runs_or_nothing_is_open(owed, alice, bob):
    with pytest.raises(BillingError, match="Nothing is open"):
        make(bob)
    wish = agreeing.Wish(2, TODAY)
    shown = agreeing.offer(alice, wish, today=TODAY).sha256
    agreeing.sign(alice, wish, agreeing.Signature("Alice", "k" * 20, BY), shown=shown, today=TODAY, now=NOW)
    with pytest.raises(promises.AskUs, match="installment plan covers this"):
        make(alice, invoice=owed)


def test_it_is_kept_when_it_is_paid_by_then(owed, alice):
    promise = make(alice, invoice=owed)
    assert decide(TODAY + DAY) == (0, 0, 0)
    pay(owed, 10_000)
    assert decide(TODAY + 2 * DAY) == (1, 0, 0)
    assert fresh(promise).state == "kept"


def test_part_of_it_is_promised_and_kept(owed, alice):
    make(alice, invoice=owed, amount_cents=4_000, staff=True)
    pay(owed, 4_000)
    assert decide(TODAY + DAY)[0] == 1


@pytest.mark.parametrize("cents", [0, -1, 10_001])
def test_no_more_than_is_owed_can_be_promised(owed, alice, cents):
    with pytest.raises(BillingError, match="can be promised"):
        make(alice, invoice=owed, amount_cents=cents)


def test_a_friendly_word_on_the_day_and_only_once(owed, alice):
    promise = make(alice, invoice=owed)
    assert decide(promise.pay_on) == (0, 0, 1)
    assert decide(promise.pay_on) == (0, 0, 0)
    assert Notice.select().where(Notice.kind == "promise").count() == 2
    assert decide(promise.pay_on + DAY) == (0, 0, 0)


def test_it_is_broken_only_when_a_check_would_have_come(owed, alice):
    promise = make(alice, invoice=owed)  # by Tuesday, December 8
    assert decide(date(2026, 12, 11)) == (0, 0, 0)
    assert decide(date(2026, 12, 12)) == (0, 1, 0)
    assert list(promises.broken()) == [promise]
    promises.seen(promise, by=BY, now=NOW)
    assert not list(promises.broken())


def test_a_plan_takes_the_place_of_a_promise(owed, alice):
    promise = make(alice, invoice=owed)
    wish = agreeing.Wish(2, TODAY)
    shown = agreeing.offer(alice, wish, today=TODAY).sha256
    signature = agreeing.Signature("Alice", "k" * 20, BY)
    agreeing.sign(alice, wish, signature, shown=shown, today=TODAY, now=NOW)
    assert (fresh(promise).state, fresh(promise).reason) == ("withdrawn", "A plan was agreed instead.")


# --- A plan for a part of it ---------------------------------------------------------------------


@pytest.fixture
def younger(alice):
    return make_invoice(alice, cents=3_000, due=date(2026, 11, 28), issued=date(2026, 11, 10))


def plan_for(customer, invoice, today=TODAY):
    wish = agreeing.Wish(2, today)
    shown = agreeing.offer(customer, wish, today=today, invoice_ids=[invoice.id]).sha256
    signature = agreeing.Signature("Alice", "k" * 20, BY, contact=payer(customer))
    told = {"today": today, "now": at(today), "invoice_ids": [invoice.id]}
    return agreeing.sign(customer, wish, signature, shown=shown, **told)


def test_what_a_plan_covers_is_not_told_of_nor_decided_by_the_promise_beside_it(owed, younger, alice, app):
    promise = make(alice)

    plan_for(alice, owed)

    assert promises.covered([alice.id]) == {younger.id: promise}
    assert decide(promise.pay_on) == (0, 0, 1)
    word = Notice.select().where(Notice.kind == "promise").order_by(Notice.id.desc()).get()
    letter = app.compose(word, at(promise.pay_on))
    assert "$30.00" in letter.subject and "$130.00" not in letter.text
    pay(younger, 3_000, on=promise.pay_on)
    assert decide(promise.pay_on + DAY) == (1, 0, 0)


def test_a_plan_that_ends_does_not_break_the_promise_beside_it(owed, younger, alice):
    promise = make(alice)
    plan = plan_for(alice, owed)
    keeping.end(plan, reason="It did not fit.", by=BY, today=TODAY + 2 * DAY, now=at(TODAY + 2 * DAY))

    pay(younger, 3_000, on=TODAY + 3 * DAY)

    assert decide(TODAY + 3 * DAY) == (1, 0, 0)
    assert fresh(promise).state == "kept"


def test_a_part_of_everything_cannot_be_told_apart_from_a_plan(owed, younger, alice):
    promise = make(alice, amount_cents=5_000)

    plan_for(alice, owed)

    assert (fresh(promise).state, fresh(promise).reason) == ("withdrawn", "A plan was agreed instead.")


def test_a_promise_of_another_invoice_stays(owed, younger, alice):
    promise = make(alice, invoice=younger)
    plan_for(alice, owed)
    assert fresh(promise).state == "running"


def test_the_rest_beside_a_plan_can_be_promised(owed, younger, alice):
    plan_for(alice, owed)
    assert make(alice).owed_cents == 3_000
    with pytest.raises(promises.AskUs, match="plan covers this"):
        make(alice, invoice=owed)


# --- What comes after one that was broken --------------------------------------------------------


def live(first, last, acts=()):
    """Days of the daily look and of reminding: [(day, kind, step)] of what was said. What waits leaves."""
    said = []
    for n in range((last - first).days + 1):
        day, at_nine = first + n * DAY, at(first + n * DAY)
        for act in [act for on, act in acts if on == day]:
            act(day)
        decide(day)
        reminding.queue_reminders(day, now=at_nine)
        queued = Notice.state.in_(("queued", "draft")) & (Notice.kind != "invoice")
        for notice in list(Notice.select().where(queued).order_by(Notice.id)):
            Notice.update(state="sent", sent_at=at_nine).where(Notice.id == notice.id).execute()
            said.append((day, notice.kind, notice.step))
    return said


def test_after_a_broken_promise_they_are_asked_kindly_first_and_not_as_if_nothing_was_said(owed, alice, app):
    """Due November 20: the late notices of 15 and 30 days would stand on December 5 and 20."""
    Company.update(live_on=date(2020, 1, 1)).execute()
    before = live(date(2026, 11, 21), TODAY)
    make(alice, date(2026, 12, 8), invoice=owed)

    after = live(TODAY + DAY, date(2027, 1, 20))

    assert before == [(date(2026, 11, 25), "check_in", 5)]
    assert after == [
        (date(2026, 12, 1) + DAY, "promise", None),  # the confirmation
        (date(2026, 12, 8), "promise", None),  # a friendly word on the day
        (date(2026, 12, 12), "check_in", 5),  # a person writes: a step milder than the late notice
        (date(2026, 12, 22), "overdue", 15),
        (date(2027, 1, 6), "overdue", 30),
    ]


def test_the_first_message_after_it_says_what_they_had_told_us(owed, alice, app, clock):
    Company.update(live_on=date(2020, 1, 1)).execute()
    make(alice, date(2026, 12, 8), invoice=owed)
    live(TODAY + DAY, date(2026, 12, 21))
    reminding.queue_reminders(date(2026, 12, 22), now=at(date(2026, 12, 22)))
    first = Notice.get(Notice.kind == "overdue")
    clock.set(date(2026, 12, 22))

    text = " ".join(app.compose(first, at(date(2026, 12, 22))).text.split())

    assert "You told us that you pay by December 8, 2026, and it has not reached us yet." in text
    assert "we will write once more on January 6, 2027" in text
    Notice.update(sent_at=at(date(2026, 12, 22)), state="sent").where(Notice.id == first.id).execute()
    assert promises.broken_for(owed, today=date(2027, 1, 6)) is None


def test_a_promise_that_is_kept_late_is_followed_by_nothing(owed, alice):
    Company.update(live_on=date(2020, 1, 1)).execute()
    make(alice, date(2026, 12, 8), invoice=owed)
    said = live(TODAY, date(2027, 1, 20), [(date(2026, 12, 12), lambda day: pay(owed, 10_000, on=day))])
    assert [kind for _, kind, _ in said] == ["promise", "promise", "receipt"]


def test_after_a_plan_there_are_days_to_answer_its_last_mail(owed, alice):
    """Agreed December 1 after a notice on the 5th step; ended on the 20th, when a second notice was near."""
    Company.update(live_on=date(2020, 1, 1)).execute()
    plan = plan_for(alice, owed)
    ended = date(2026, 12, 20)

    said = live(TODAY, date(2027, 1, 10), [
        (TODAY, lambda day: pay(owed, 5_000, on=day)),
        (ended, lambda day: keeping.end(plan, reason="It did not fit.", by=BY, today=day, now=at(day))),
    ])  # fmt: skip

    assert [(day, kind) for day, kind, _ in said if day >= ended] == [
        (ended, "plan_ended"),
        (date(2026, 12, 26), "overdue"),  # five days after it, and not on Christmas
        (date(2027, 1, 9), "overdue"),
    ]


def test_the_database_keeps_what_was_said(owed, alice, db):
    promise = make(alice, invoice=owed)
    known = {
        "customer": alice,
        "amount_cents": 1,
        "owed_cents": 1,
        "by": BY,
        "made_on": TODAY,
        "made_at": NOW,
    }
    for act in (
        lambda: Promise.update(pay_on=TODAY + 30 * DAY).where(Promise.id == promise.id).execute(),
        lambda: Promise.delete().where(Promise.id == promise.id).execute(),
        lambda: Promise.create(invoice=owed, pay_on=TODAY + DAY, **known),
        lambda: Promise.create(pay_on=TODAY - DAY, **known),
    ):
        with pytest.raises(Exception, match="(?i)frozen|never deleted|unique|check"), db.atomic():
            act()


def test_a_company_sets_how_far_ahead(owed, alice):
    Company.update(promise_days=30).execute()
    assert make(alice, TODAY + 30 * DAY, invoice=owed).state == "running"
