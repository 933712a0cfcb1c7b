"""Steps of reminding: which policy counts, what is due and not yet done, what keeps a message back."""

import os
import re
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from peewee import IntegrityError

from billing import company as companies
from billing import notices, outbox, payments, reminder_policies, reminding, tickets
from billing.edges.clock import FixedClock
from billing.errors import BillingError, StaleState
from billing.notices import queueing, timing
from billing.outbox import joining
from billing.personal import drafts
from billing.reversals import returns
from models import (
    Company,
    Contact,
    Customer,
    CustomerGroup,
    Hold,
    Invoice,
    Notice,
    Payment,
    Preference,
    ReminderPolicy,
    ReminderStep,
    Site,
    Staff,
)
from models import db as database
from tests import personal_mail
from tests.at_once import together
from tests.factories import BY, NOW, make_customer, make_invoice, payer

RUNS = int(os.environ.get("REMINDER_RUNS", "80"))
DUE = date(2026, 12, 14)  # a Monday
STANDARD = ((-3, "remind"), (0, "remind_today"), (5, "check_in"), (15, "late"), (30, "late"), (37, "person"))


def day(number):
    """So many days after the due date."""
    return DUE + timedelta(days=number)


def clock_at(number, **span):
    clock = FixedClock(day(number))
    clock.advance(**span)
    return clock


def remind(number):
    return reminding.queue_reminders(day(number), now=clock_at(number).now())


def queued():
    """(kind, step, state) of everything, in order."""
    return [(row.kind, row.step, row.state) for row in Notice.select().order_by(Notice.id)]


def letter(notice, now):
    """A letter that is always the same."""
    also = [one.number for one in joining.said_with(notice, today=now.date())]
    return SimpleNamespace(
        subject=" ".join([notice.kind, *also]), kept_text="t", kept_html="h", message_id=f"<{notice.id}@x>"
    )


class Sent(list):
    """Sends by keeping (kind, subject, address)."""

    def at(self, number, **span):
        return outbox.send_due(send=self._send, compose=letter, clock=clock_at(number, **span))

    def _send(self, notice, mail):
        self.append((notice.kind, mail.subject, notice.address))


@pytest.fixture
def sent(db):
    return Sent()


@pytest.fixture
def late(alice):
    return make_invoice(alice, due=DUE, issued=date(2026, 11, 24))


def policy(*steps, **scope):
    made = ReminderPolicy.create(name="Own", **scope)
    for days, act in steps:
        ReminderStep.create(policy=made, days=days, act=act)
    return made


# --- Which steps count ---------------------------------------------------------------------------


def test_a_company_begins_with_the_standard_steps(late):
    assert reminder_policies.of_invoice(late) == STANDARD


def test_the_most_specific_policy_wins_as_a_whole(late, alice):
    group = CustomerGroup.create(name="Tenants")
    Customer.update(group=group).execute()
    found = []
    for scope in ({"customer_group": group}, {"customer": alice}, {"invoice": late}):
        policy((len(found) + 1, "late"), **scope)
        found.append(reminder_policies.of_invoice(Invoice.get_by_id(late.id)))

    assert found == [((1, "late"),), ((2, "late"),), ((3, "late"),)]
    ReminderPolicy.update(active=False).where(ReminderPolicy.name == "Own").execute()
    assert reminder_policies.of_invoice(late) == STANDARD


def test_the_first_reminder_of_who_chose_nothing_follows_the_policy(alice, bob):
    policy((-7, "remind"), (10, "late"), customer=alice)

    assert reminder_policies.early_days({alice.id: None, bob.id: None}) == {alice.id: (7,), bob.id: (3, 0)}
    assert reminder_policies.early_days({}) == {}


def test_a_policy_without_steps_keeps_silent(late, alice):
    policy(customer=alice)

    assert [remind(number) for number in (-3, 0, 15, 30)] == [0, 0, 0, 0]


def test_what_rests_does_not_count(late):
    ReminderStep.update(active=False).where(ReminderStep.days < 15).execute()

    assert [remind(number) for number in (-3, 0, 5)] == [0, 0, 0]
    assert remind(15) == 1


@pytest.mark.parametrize(
    ("days", "act"), [(-1, "late"), (0, "check_in"), (3, "remind"), (5, "remind_today"), (400, "late")]
)
def test_the_database_refuses_a_step_that_means_nothing(db, days, act):
    with pytest.raises(IntegrityError), database.atomic():
        ReminderStep.create(policy=ReminderPolicy.get(), days=days, act=act)
    assert days == 400 or reminder_policies.misfit(days, act)


def test_one_scope_has_one_active_policy(alice):
    policy(customer=alice)
    with pytest.raises(IntegrityError), database.atomic():
        policy(customer=alice)
    with pytest.raises(IntegrityError), database.atomic():
        policy()
    policy(customer=alice, active=False)


# --- What is due and not done --------------------------------------------------------------------


def test_the_standard_steps_one_after_the_other(late, sent):
    history = []
    for number in (-5, -4, -3, -2, 0, 1, 4, 5, 6, 14, 15, 16, 29, 30, 31, 37, 44):
        remind(number)
        for draft in drafts.waiting():
            _sign(draft, number)
        sent.at(number)
    for row in Notice.select().order_by(Notice.id):
        history.append((row.kind, row.step, (row.sent_at.date() - DUE).days, row.state))

    assert history == [
        ("reminder", -3, -3, "sent"),
        ("reminder", 0, 0, "sent"),
        ("check_in", 5, 5, "sent"),
        ("overdue", 15, 15, "sent"),
        ("overdue", 30, 30, "sent"),
    ]


def _sign(draft, number):
    staff = Staff.get_or_none() or Staff.create(email="sam@example.com", name="Sam Porter", role="support")
    return personal_mail.sign(draft, staff, today=day(number), now=clock_at(number).now())


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        (-4, []),
        (-3, ["reminder"]),
        (-1, ["reminder"]),
        (0, ["reminder"]),
        (1, []),
        (4, []),
        (5, ["check_in"]),
        (14, ["check_in"]),
        (15, ["overdue"]),
        (29, ["overdue"]),
        (36, ["overdue"]),
        (37, []),
        (200, []),
    ],
)
def test_a_job_that_rested_does_the_latest_step_only(late, number, kinds):
    remind(number)

    assert [kind for kind, _, _ in queued()] == kinds


def test_without_a_person_the_last_step_is_made_up_for_a_month_long(late):
    policy((15, "late"), customer=late.customer)

    assert [remind(number) for number in (46, 44)] == [0, 1]


def test_nothing_is_called_late_before_the_grace_has_passed(late, alice):
    policy((1, "late"), customer=alice)

    assert [remind(number) for number in (1, 2, 3, 4, 5)] == [0, 0, 0, 0, 1]


def test_a_young_invoice_is_given_the_same_grace(alice):
    """An invoice of long ago that is issued today is not called late tomorrow."""
    make_invoice(alice, due=DUE, issued=day(12))

    assert [remind(number) for number in (15, 16, 17)] == [0, 0, 1]


def test_a_late_message_goes_to_every_payer_and_a_personal_one_to_one(late, alice):
    Contact.create(customer=alice, name="Al", email="al@example.com")

    remind(5)
    remind(15)

    told = [(row.kind, row.address) for row in Notice.select().order_by(Notice.id)]
    assert told == [
        ("check_in", "alice@example.com"), ("overdue", "alice@example.com"), ("overdue", "al@example.com"),
    ]  # fmt: skip


@pytest.mark.parametrize("fields", [{"email": ""}, {"bounced_at": NOW}])
def test_whom_no_mail_reaches_gets_paper_and_no_draft(late, alice, fields):
    Contact.update(**fields).execute()

    assert remind(5) == 0
    remind(15)

    assert [(row.kind, row.channel, row.address) for row in Notice.select()] == [("overdue", "paper", "")]


def test_who_chose_their_own_days_gets_exactly_those(late, alice):
    Preference.create(
        contact=payer(alice), event="reminder", channel="mail", timing="ahead", days_ahead=10, changed_at=NOW
    )

    assert [remind(number) for number in (-11, -10, -3, 0)] == [0, 1, 0, 0]


def test_a_reminder_that_was_made_up_for_is_not_repeated_the_next_day(late):
    assert [remind(number) for number in (-1, 0)] == [1, 0]


def test_an_invoice_that_is_wanted_only_when_unpaid_comes_then(late, alice):
    Preference.create(
        contact=payer(alice), event="invoice", channel="mail", timing="unpaid", days_ahead=7, changed_at=NOW
    )
    notices.queue_invoices([late.id], now=NOW)

    assert [remind(number) for number in (-8, -7, -6)] == [0, 1, 0]
    assert queued()[0][0] == "invoice"


def test_a_missed_day_is_told_in_the_order_of_the_day(late):
    """Running it twice, or by two at once, changes nothing."""
    reports = together(3, lambda n: remind(15))

    assert Notice.select().count() == 1
    assert max(reports) == 1
    assert remind(15) == 0


def test_however_often_and_by_however_many_it_runs_each_message_is_queued_and_sent_once(late, alice):
    """``REMINDER_RUNS=10000`` with ``-o faulthandler_timeout=0`` runs it as often, the default a little."""
    make_invoice(make_customer("Bob", email="bob@example.com"), due=DUE, issued=date(2026, 11, 1))
    boxes = [Sent() for _ in range(4)]

    def run(n):
        for _ in range(RUNS // 4):
            remind(15)
            boxes[n].at(15)

    given = together(4, run, seconds=3600)

    assert given == [None] * 4
    assert sorted(address for box in boxes for *_, address in box) == ["alice@example.com", "bob@example.com"]
    assert queued() == [("overdue", 15, "sent")] * 2


def test_many_customers_are_looked_at_in_chunks(db, monkeypatch):
    monkeypatch.setattr(reminding, "CHUNK", 3)
    for n in range(8):
        make_invoice(
            make_customer(f"C{n}", email=f"c{n}@example.com"), due=day(n % 3 - 1), issued=date(2026, 11, 1)
        )
    looked = []

    reminding.queue_reminders(day(15), now=clock_at(15).now(), progress=looked.append)

    assert (looked, Notice.select().count()) == ([3, 3, 2], 8)


# --- What keeps it back --------------------------------------------------------------------------


def _question(alice, late):
    tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)


def _hold(alice, late):
    Hold.create(scope=Hold.NOTICES, customer=alice, reason="Family", by=BY, starts_on=day(-9))


def _paid(alice, late):
    told = {"received_on": DUE, "key": "k", "by": BY, "today": DUE, "now": NOW}
    payments.record(alice, amount_cents=4250, kind="cash", **told)


OBSTACLES = [
    (_question, "They have been waiting for our answer since December 1, 2026: “Why[?]”."),
    (_hold, "Messages have been on hold since December 5, 2026: Family."),
    (_paid, "The invoice is paid."),
]


@pytest.mark.parametrize(("obstacle", "why"), OBSTACLES)
@pytest.mark.parametrize("number", [-3, 5, 15])
def test_nothing_is_queued_while_we_owe_them_something(late, alice, obstacle, why, number):
    obstacle(alice, late)

    assert remind(number) == 0


@pytest.mark.parametrize(("obstacle", "why"), OBSTACLES)
def test_it_is_asked_again_at_the_moment_of_sending(late, alice, sent, obstacle, why):
    remind(15)
    obstacle(alice, late)

    sent.at(15)

    row = Notice.get(Notice.kind == "overdue")
    assert row.state == ("skipped" if obstacle is _paid else "held")
    assert re.fullmatch(why, row.reason)
    assert "overdue" not in [kind for kind, *_ in sent]


def test_what_was_held_back_is_said_when_the_way_is_free(late, alice):
    ticket = tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)
    assert remind(15) == 0

    tickets.close(ticket, by=BY, now=NOW)

    assert remind(17) == 1


def test_who_has_only_just_had_our_answer_is_not_told_the_next_day_that_it_is_late(late, alice):
    ticket = tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)
    tickets.reply(ticket, body="It is right.", staff=sam_of(), by=BY, now=clock_at(15).now())

    assert [remind(number) for number in (16, 17, 19)] == [0, 0, 1]


def test_an_answer_keeps_no_reminder_back_that_comes_before_the_date(late, alice):
    ticket = tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)
    tickets.reply(ticket, body="It is right.", staff=sam_of(), by=BY, now=clock_at(-3).now())

    assert remind(-3) == 1


def test_a_check_that_came_back_is_not_followed_by_a_second_message_at_once(late, alice):
    told = {"received_on": day(10), "key": "k", "by": BY, "today": day(10), "now": clock_at(10).now()}
    check = payments.record(alice, amount_cents=4250, kind="check", check_number="204", **told)
    told = {"by": BY, "today": day(15), "now": clock_at(15).now()}
    returns.bounce(Payment.get_by_id(check.id), reason="Insufficient funds", **told)

    assert [remind(number) for number in (15, 16, 17, 19)] == [0, 0, 0, 1]


def test_who_was_asked_to_pay_above_their_limit_is_not_reminded_of_it_the_same_day(late, alice):
    about = {"customer": alice, "contact": payer(alice), "invoice": late}
    notices.queue(Notice.ABOVE_CAP, key="cap", why="why", now=clock_at(0).now(), **about)

    assert remind(0) == 0


def sam_of():
    return Staff.create(email="sam@example.com", name="Sam Porter", role="support")


class PaidMeanwhile(FixedClock):
    """A clock that is asked for the day right before the sender's transaction; just then the money comes."""

    def __init__(self, today, pay):
        super().__init__(today)
        self.pay = pay

    def today(self):
        if pay := self.__dict__.pop("pay", None):
            pay()
        return super().today()


def test_paid_a_moment_before_it_is_sent_means_not_sent(late, alice, sent):
    remind(15)

    clock = PaidMeanwhile(day(15), lambda: _paid(alice, late))
    outbox.send_due(send=sent._send, compose=letter, clock=clock)

    assert Notice.get(Notice.kind == "overdue").reason == "The invoice is paid."
    assert "overdue" not in [kind for kind, *_ in sent]


def test_nobody_pays_between_the_last_look_and_what_is_kept(late, alice, sent):
    """What is written in a message stays true until the copy of it is stored."""
    remind(15)
    paying = Thread(target=_pay_elsewhere, args=(alice, late))

    def compose(notice, now):
        if notice.kind == "overdue":
            paying.start()
            paying.join(0.3)
            assert paying.is_alive(), "the money was booked in the middle of it"
        return letter(notice, now)

    outbox.send_due(send=sent._send, compose=compose, clock=clock_at(15))
    paying.join()

    assert [kind for kind, *_ in sent][:1] == ["overdue"]
    assert Invoice.get_by_id(late.id).open_cents == 0


def _pay_elsewhere(alice, late):
    with database.connection_context():
        _paid(alice, late)


# --- Not too often, not at night -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "number", "rested"),
    [
        ((), 15, True),
        ((11,), 15, True),  # four days
        ((12,), 15, False),
        ((14,), 15, False),
        ((15,), 15, True),  # the same day: it becomes one message
        ((8, 11), 15, True),
        ((9, 10), 15, False),  # twice within seven days
        ((), 13, False),  # a Sunday
        ((), 11, False),  # Christmas
    ],
)
def test_the_gap_the_week_and_the_quiet_days(late, alice, before, number, rested):
    for one in before:
        at = clock_at(one).now()
        queueing.queue("overdue", key=f"k{one}", customer=alice, why="x", now=at, invoice=late, step=1)
    Notice.update(state="sent", sent_at=Notice.created_at).execute()

    found = timing.rested({alice.id}, today=day(number), now=clock_at(number).now())

    assert (alice.id in found) == rested


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        (datetime(2026, 12, 29, 8, 59), datetime(2026, 12, 29, 9)),
        (datetime(2026, 12, 29, 9, 0), datetime(2026, 12, 29, 9)),
        (datetime(2026, 12, 29, 16, 59), datetime(2026, 12, 29, 16, 59)),
        (datetime(2026, 12, 29, 17, 0), datetime(2026, 12, 30, 9)),
        (datetime(2026, 12, 24, 18, 0), datetime(2026, 12, 26, 9)),  # over Christmas
        (datetime(2026, 12, 26, 20, 0), datetime(2026, 12, 28, 9)),  # over a Sunday
        (datetime(2026, 3, 7, 20, 0), datetime(2026, 3, 9, 9)),  # into daylight saving time
        (datetime(2026, 10, 31, 20, 0), datetime(2026, 11, 2, 9)),  # and out of it
    ],
)
@pytest.mark.parametrize("zone", ["America/Chicago", "Pacific/Honolulu", "America/New_York"])
def test_messages_of_collection_leave_by_day_where_the_customer_is(late, alice, at, leaves, zone):
    Site.create(customer=alice, name="Home", time_zone=zone)
    notice = Notice(kind="overdue", channel="mail", customer=alice)

    def utc(local):
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)

    assert timing.not_before(notice, utc(at)) == utc(leaves)


@pytest.mark.parametrize("kind", ["invoice", "reminder", "receipt", "renewal"])
def test_everything_else_leaves_at_any_hour(alice, kind):
    midnight = datetime(2026, 12, 25, 6)

    assert timing.not_before(Notice(kind=kind, channel="mail", customer=alice), midnight) == midnight


def test_a_site_with_a_zone_that_does_not_exist_is_no_trouble(late, alice):
    Site.create(customer=alice, name="Home", time_zone="Texas")

    assert timing.zone_of(alice.id, companies.current()).key == "America/Chicago"


def test_at_night_it_waits_and_costs_no_try(late, sent):
    remind(15)

    report = sent.at(15, hours=8)

    row = Notice.get()
    assert (report.later, row.state, row.tries, "better hour" in str(report)) == (1, "queued", 0, True)
    assert sent.at(16).sent == 1


def test_two_invoices_that_are_late_days_apart_keep_the_gap(late, alice, sent):
    make_invoice(alice, due=day(2), issued=date(2026, 11, 1))
    policy((15, "late"), customer=alice)
    days = []
    for number in range(14, 30):
        remind(number)
        if sent.at(number).sent:
            days.append(number)

    assert days == [15, 19]


# --- Said together -------------------------------------------------------------------------------


def test_two_late_invoices_are_one_message(late, alice, sent):
    other = make_invoice(alice, due=DUE, issued=date(2026, 11, 2))
    policy((15, "late"), customer=alice)
    remind(15)

    sent.at(15)

    assert list(sent) == [("overdue", f"overdue {other.number}", "alice@example.com")]
    lead, joined = Notice.select().order_by(Notice.id)
    assert (joined.state, joined.joined, joined.sent_at) == ("joined", lead, lead.sent_at)


def test_a_reminder_is_said_in_the_invoice_that_comes_the_same_day(late, alice, sent):
    new = make_invoice(alice, due=day(27), issued=day(-3))
    remind(-3)
    notices.queue_invoices([new.id], now=clock_at(-3).now())

    sent.at(-3)

    assert list(sent) == [("invoice", f"invoice {late.number}", "alice@example.com")]


def test_what_is_late_is_the_lead_and_what_falls_due_is_said_with_it(late, alice, sent):
    soon = make_invoice(alice, due=day(18), issued=date(2026, 12, 1))
    remind(15)

    sent.at(15)

    assert [subject for _, subject, _ in sent] == [f"overdue {soon.number}"]


def test_two_people_get_a_message_each(late, alice, sent):
    Contact.create(customer=alice, name="Al", email="al@example.com")
    make_invoice(alice, due=DUE, issued=date(2026, 11, 2))
    remind(15)

    sent.at(15)

    assert sorted(address for *_, address in sent) == ["al@example.com", "alice@example.com"]


def test_a_personal_mail_a_legal_notice_and_a_resent_one_stand_alone(late, alice, sent):
    remind(15)
    queueing.queue(
        "reminder", key="legal", customer=alice, contact=payer(alice), invoice=late, why="x",
        now=NOW, legal=True,
    )  # fmt: skip

    assert not joining._may_join(Notice.get(Notice.key == "legal"))
    assert joining._may_join(Notice.get(Notice.kind == "overdue"))
    assert not joining._may_join(Notice(kind="check_in", contact=1, channel="mail", message_id=""))
    assert not joining._may_join(Notice(kind="overdue", contact=1, channel="mail", message_id="<x>"))


def test_what_was_joined_waits_again_when_its_message_is_not_sent(late, alice, sent):
    new = make_invoice(alice, due=day(27), issued=day(-3))
    remind(-3)
    notices.queue_invoices([new.id], now=clock_at(-3).now())

    def refuse(notice, mail):
        raise outbox.MailNotSent("Busy.")

    outbox.send_due(send=refuse, compose=letter, clock=clock_at(-3))
    assert sorted(state for _, _, state in queued()) == ["joined", "queued"]
    Invoice.update(open_cents=0, state="void").where(Invoice.id == new.id).execute()

    sent.at(-3, minutes=10)
    sent.at(-3, minutes=11)

    assert [kind for kind, *_ in sent] == ["reminder"]


def test_what_was_joined_fails_with_its_message(late, alice):
    make_invoice(alice, due=DUE, issued=date(2026, 11, 2))
    remind(15)

    def refuse(notice, mail):
        raise outbox.MailNotSent("No such address.", permanent=True)

    outbox.send_due(send=refuse, compose=letter, clock=clock_at(15))

    assert {row.state for row in Notice.select().where(Notice.channel == "mail")} == {"failed"}


def test_many_senders_at_once_say_everything_once(db):
    for n in range(12):
        customer = make_customer(f"C{n}", email=f"c{n}@example.com")
        for _ in range(3):
            make_invoice(customer, due=DUE, issued=date(2026, 11, 2))
    remind(15)
    boxes = [Sent() for _ in range(4)]

    together(4, lambda n: boxes[n].at(15))

    told = [address for box in boxes for *_, address in box]
    assert sorted(told) == sorted(set(told)) and len(told) == 12
    assert {state for _, _, state in queued()} == {"sent", "joined"}


# --- Drafts that a person reads ------------------------------------------------------------------


@pytest.fixture
def draft(late):
    remind(5)
    return drafts.waiting().get()


def first_words(sam):
    told = {"today": day(5), "now": clock_at(5).now()}
    return personal_mail.read(drafts.waiting().get(), sam, **told).words


@pytest.fixture
def sam(db):
    return Staff.create(email="sam@example.com", name="Sam Porter", role="support")


def test_a_draft_waits_for_a_person_and_nothing_sends_it(draft, sent):
    assert (draft.kind, draft.step, sent.at(9).sent) == ("check_in", 5, 0)


def test_the_first_words_are_warm_specific_and_true(draft, sam, late, alice):
    Contact.update(name="Alice Archer").execute()
    text = first_words(sam)

    assert text.startswith("Hello Alice,")
    assert f"Invoice {late.number} for $42.50 was due on December 14, 2026" in text
    assert "tell me and I will look into it" in text and text.rstrip().endswith("(512) 555-0100")
    assert not any(word in text.lower() for word in ("overdue", "past due", "debt", "final", "urgent"))
    told = {"received_on": DUE, "key": "k", "by": BY, "today": DUE, "now": NOW}
    payments.record(alice, amount_cents=2000, kind="cash", **told)
    later = first_words(sam)
    assert "Thank you for the $20.00" in later and "$22.50 of it is still open" in later


def test_a_business_is_called_by_its_whole_name(draft, sam, alice):
    Contact.update(name="Accounts Payable").execute()
    Customer.update(kind="commercial").execute()

    assert first_words(sam).startswith("Hello Accounts Payable,")


def test_a_signed_draft_is_sent_with_these_words(draft, sam, sent):
    personal_mail.sign(draft, sam, words=" Hi\r\nAlice ", today=day(5), now=clock_at(5).now())

    assert sent.at(5).sent == 1
    row = Notice.get()
    assert (row.words, row.staff, row.state) == ("Hi\nAlice", sam, "sent")


@pytest.mark.parametrize(("obstacle", "why"), OBSTACLES)
def test_a_draft_is_not_signed_when_there_is_nothing_to_say_any_more(draft, sam, alice, late, obstacle, why):
    obstacle(alice, late)

    with pytest.raises(BillingError, match=why):
        personal_mail.sign(draft, sam, today=day(5), now=clock_at(5).now())


def test_a_draft_needs_words_and_is_signed_once(draft, sam):
    told = {"today": day(5), "now": clock_at(5).now()}
    with pytest.raises(BillingError, match="Write what you want"):
        personal_mail.sign(draft, sam, words="  ", **told)
    personal_mail.sign(Notice.get(), sam, **told)
    with pytest.raises(StaleState):
        personal_mail.sign(draft, sam, words="Hi again", **told)


def test_a_draft_that_nobody_read_ends_with_the_next_step_or_the_payment(draft, alice, late):
    remind(15)
    remind(15)

    assert [state for _, _, state in queued()] == ["skipped", "queued"]
    assert Notice.get_by_id(draft.id).reason == "Nobody sent it before the next step came."


def test_a_paid_invoice_needs_no_draft(draft, alice, late):
    _paid(alice, late)
    remind(6)

    assert Notice.get_by_id(draft.id).reason == "The invoice is paid."


def test_a_discarded_draft_does_not_come_again(draft):
    drafts.discard(draft, reason="I called her", by=BY, now=NOW)

    assert [remind(number) for number in (6, 9)] == [0, 0]
    assert Notice.get().state == "skipped"


def test_after_the_last_step_a_person_looks_at_it(late, alice, bob):
    make_invoice(bob, due=day(20), issued=date(2026, 11, 1))

    def waiting(number):
        condition = reminder_policies.needing_person(lambda field: field, day(number))
        return [row.id for row in Invoice.select().where(condition)]

    assert (waiting(36), waiting(37)) == ([], [late.id])
    own = policy((50, "person"), customer=alice)
    assert (waiting(49), waiting(50)) == ([], [late.id])
    ReminderStep.update(active=False).where(ReminderStep.policy == own).execute()
    assert waiting(60) == [row.id for row in Invoice.select().where(Invoice.customer == bob)]


# --- Mute until live -----------------------------------------------------------------------------


def test_before_the_company_is_live_only_links_to_sign_in_leave(late, alice, sent):
    Company.update(live_on=None).execute()
    notices.queue_invoices([late.id], now=NOW)
    notices.queue_sign_in(payer(alice), now=NOW)

    sent.at(0)

    assert [kind for kind, *_ in sent] == ["sign_in"]
    assert outbox.waiting(clock_at(0).now()).count() == 0


@pytest.mark.parametrize(("discard", "told"), [(True, []), (False, ["invoice"])])
def test_going_live_says_what_becomes_of_what_waits(late, sent, discard, told):
    Company.update(live_on=None).execute()
    notices.queue_invoices([late.id], now=NOW)

    gone = companies.go_live(companies.current(), discard=discard, by=BY, today=DUE, now=NOW)
    sent.at(0)

    assert (gone, [kind for kind, *_ in sent]) == (int(discard), told)
    with pytest.raises(BillingError, match="live already"):
        companies.go_live(companies.current(), discard=True, by=BY, today=DUE, now=NOW)


def test_a_company_can_be_silenced_again(late, sent):
    companies.go_mute(companies.current(), reason="A wrong price list", by=BY, now=NOW)
    notices.queue_invoices([late.id], now=NOW)

    assert sent.at(0).sent == 0
