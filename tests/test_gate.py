"""The gate: nothing that presses for money leaves while somebody waits for us, by any way, at any moment."""

import ast
import itertools
import os
import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from peewee import IntegrityError, OperationalError

from billing import approvals, inbound, localtime, outbox, queues, reminding
from billing.collections import gate, obstacles, overrides, verdicts
from billing.edges.clock import FixedClock
from billing.errors import BillingError
from billing.notices import queueing
from billing.outbox import holding
from models import (
    Approval,
    Call,
    Contact,
    Credit,
    Customer,
    Event,
    Feed,
    GateOverride,
    Inbound,
    Invoice,
    Notice,
    Staff,
    Verdict,
)
from models import db as database
from tests import personal_mail
from tests import shutting as scenes
from tests.factories import BY, NOW, fresh, make_customer, make_invoice, payer
from tests.shutting import AT, BEFORE, DUE, clock_at, day

BILLING = Path(__file__).parent.parent / "billing"
TOLD = {"today": day(15), "now": AT}
LEAVING = ("sending", "sent", "print", "joined")


@pytest.fixture
def late(alice):
    return make_invoice(alice, due=DUE, issued=date(2026, 11, 24))


@pytest.fixture
def sent(db):
    return Sent()


class Sent(list):
    """Sends by keeping (kind, step, address), and how many calls there were at that moment."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def at(self, number, *, clock=None, compose=None, **span):
        clock = clock or clock_at(number, **span)
        return outbox.send_due(send=self._send, compose=compose or letter, clock=clock)

    def _send(self, notice, mail):
        self.calls.append(Call.select().count())
        self.append((notice.kind, notice.step, notice.address))


def letter(notice, now):
    return SimpleNamespace(subject="s", kept_text="t", kept_html="h", message_id=f"<{notice.id}@x>")


def remind(number):
    return reminding.queue_reminders(day(number), now=clock_at(number).now())


def of_late():
    rows = Notice.select().where(Notice.kind != Notice.INVOICE).order_by(Notice.id)
    return [(row.kind, row.step, row.state) for row in rows]


# --- What shuts it: one scene for each reason, and what clears it ---------------------------------


def call_back():
    """Somebody calls everybody back."""
    done = {"state": Call.DONE, "done_at": AT, "done_by": BY, "done_how": "Spoke to her"}
    Call.update(**done).where(Call.state == Call.TO_CALL).execute()


DOUBT = "we cannot know whether they called or wrote."
SCENES = [
    (scenes.ticket, "ticket", "They have been waiting for our answer since December 29, 2026: “Why?”."),
    (scenes.fault, "fault", "A fault has been open since December 29, 2026: “No signal”."),
    (scenes.call, "call", "They called on December 29, 2026 and nobody answered."),
    (scenes.voicemail, "call", "They called on December 29, 2026 and left a message."),
    (scenes.inbound, "inbound", "They wrote on December 29, 2026 and nobody has looked at it."),
    (scenes.inbound_of_address, "inbound",
     "They wrote on December 29, 2026 and nobody has looked at it: “Hello”."),
    (scenes.proposal, "proposal", "They proposed on December 29, 2026 to pay $42.50 in 2 parts."),
    (scenes.dispute, "dispute", "$42.50 of invoice {number} has been disputed since December 29, 2026."),
    (scenes.hold, "hold", "Messages have been on hold since December 5, 2026: Family."),
    (scenes.feed, "feed", f"Incoming phone was last read on December 28, 2026: {DOUBT}"),
    (scenes.never_read, "feed", f"Incoming mail was never read: {DOUBT}"),
    (scenes.payment, "payment", "A payment of $42.50, begun on December 29, 2026, is being checked."),
    (scenes.held_payment, "payment", "A payment of $42.50, begun on December 29, 2026, is being checked."),
    (scenes.settling, "settling", "Their payment of $42.50 of December 29, 2026 is not settled yet."),
    (scenes.promise, "promise", "They promised to pay $42.50 by January 3, 2027."),
    (scenes.promise_of_invoice, "promise", "They promised to pay $42.50 by January 3, 2027."),
    (scenes.plan, "plan", "They pay by the plan that they agreed to on December 29, 2026."),
    (scenes.missed_plan, "plan_missed",
     "A payment of their plan has been missing since December 28, 2026; it may still come."),
    (scenes.came_back, "never_delivered", "What we sent to alice@example.com on December 1, 2026 came back: "
     "no such mailbox."),
    (scenes.to_print, "never_delivered", "Invoice {number} waits to be printed and was never mailed."),
    (scenes.bankruptcy, "bankruptcy",
     "Alice Archer is in bankruptcy: the law forbids to ask for what is owed."),
    (scenes.death, "deceased", "Alice Archer has died. Speak with the family or the estate, kindly."),
]  # fmt: skip
NAMES = [scene.__name__.strip("_") for scene, *_ in SCENES]
each_scene = pytest.mark.parametrize(("scene", "code", "sentence"), SCENES, ids=NAMES)
IN_THE_RULE_ONLY = {"handed_over", "autopay", "just_told", "just_answered", "bad_address"}
OF_A_VERDICT = {"our_mistake"}  # see test_gate_and_verdicts


def test_every_reason_has_a_scene():
    assert {code for _, code, _ in SCENES} | IN_THE_RULE_ONLY | OF_A_VERDICT == set(obstacles.CODES)


@each_scene
def test_it_says_why_in_words_with_the_row_that_proves_it(alice, bob, late, scene, code, sentence):
    row = scene(alice, late)

    found = gate.reasons([alice.id, bob.id], **TOLD)

    [reason] = found[alice.id]
    assert (reason.code, reason.sentence) == (code, sentence.format(number=late.number))
    assert reason.row == (row._meta.table_name, row.id)
    assert reason.act
    assert (bob.id in found) == (code == "feed")  # what nobody reads may have come from anybody


@each_scene
def test_a_late_notice_is_held_and_not_lost(alice, late, sent, scene, code, sentence):
    remind(15)
    scene(alice, late)

    report = sent.at(15)

    [row] = Notice.select().where(Notice.kind == Notice.OVERDUE)
    assert (row.state, row.reason) == (Notice.HELD, sentence.format(number=late.number))
    assert (sent, report.held) == ([], 1)
    assert Event.get(Event.what == "notice.held").about_id == row.id


def test_what_only_the_database_refuses_waits_and_stops_nobody_else(alice, bob, late, sent, monkeypatch):
    make_invoice(bob, due=DUE, issued=date(2026, 11, 24))
    remind(15)
    scenes.ticket(alice, late)
    monkeypatch.setattr(gate, "shut", lambda rows, **now: {})

    sent.at(15)

    refused, gone = Notice.select().where(Notice.kind == Notice.OVERDUE).order_by(Notice.customer)
    assert [address for _, _, address in sent] == [payer(bob).email]
    assert (refused.state, refused.tries, gone.state) == (Notice.QUEUED, 0, Notice.SENT)
    assert (refused.send_at, refused.reason) == (
        clock_at(15).now() + timedelta(hours=1),
        "The database does not let it leave: this customer waits for our answer",
    )
    assert refused.reason.startswith(queues.REFUSED)  # by which Today finds it


def test_trouble_at_the_last_look_loses_nothing_and_stops_nobody_else(alice, bob, late, sent, monkeypatch):
    make_invoice(bob, due=DUE, issued=date(2026, 11, 24))
    remind(15)
    looks, real = itertools.count(), holding.hold_back

    def look(*given, **told):
        if next(looks) == 1:  # the first was when both were claimed
            raise OperationalError("the connection is gone")
        return real(*given, **told)

    monkeypatch.setattr(holding, "hold_back", look)

    sent.at(15)

    waits, gone = Notice.select().where(Notice.kind == Notice.OVERDUE).order_by(Notice.customer)
    assert [address for _, _, address in sent] == [payer(bob).email]
    assert (waits.state, gone.state) == (Notice.QUEUED, Notice.SENT)


@each_scene
def test_the_database_refuses_what_is_called_gone(alice, late, scene, code, sentence):
    _insert(alice, late, "queued")
    scene(alice, late)

    for state in LEAVING:
        with pytest.raises(IntegrityError), database.atomic():
            _insert(alice, late, state)
        with pytest.raises(IntegrityError), database.atomic():
            Notice.update(state=state, sent_at=AT).execute()
    assert of_late() == [("overdue", None, "queued")]


def test_the_database_refuses_every_kind_that_presses_and_no_other(alice, late):
    scenes.call(alice, late)

    for kind in Notice.KINDS:
        if kind in Notice.GATED:
            with pytest.raises(IntegrityError), database.atomic():
                _insert(alice, late, "sent", kind=kind)
        else:
            _insert(alice, late, "sent", kind=kind)


def _insert(customer, invoice, state, *, kind=Notice.OVERDUE, channel="mail"):
    return Notice.create(
        key=f"{kind}:{state}", kind=kind, state=state, channel=channel, customer=customer, invoice=invoice,
        contact=payer(customer), address="alice@example.com", why="x", send_at=AT, created_at=AT, sent_at=AT,
    )  # fmt: skip


def test_the_database_lets_pass_what_nothing_stands_against(alice, late):
    for state in LEAVING:
        _insert(alice, late, state)


def test_the_scenes_of_others_shut_nothing(alice, bob, late):
    for scene in (scenes.ticket, scenes.call, scenes.inbound, scenes.hold, scenes.bankruptcy):
        scene(bob, make_invoice(bob))

    assert alice.id not in gate.reasons([alice.id], **TOLD)
    _insert(alice, late, "sent")


def test_a_letter_needs_an_address(alice, late, sent):
    Contact.update(email="").execute()
    Customer.update(street="", city="", state="", zip="").execute()
    remind(15)

    sent.at(15)

    row = Notice.get(Notice.kind == Notice.OVERDUE)
    assert (row.channel, row.state, row.reason) == (
        "paper",
        "held",
        "There is no postal address to send it to.",
    )
    with pytest.raises(IntegrityError):
        _insert(alice, late, "print", channel="paper")


def test_mail_that_comes_back_is_not_called_sent(alice, late):
    Contact.update(bounced_at=NOW).execute()

    with pytest.raises(IntegrityError):
        _insert(alice, late, "sent")


# --- What is about one invoice, or a part of it ---------------------------------------------------


def test_the_undisputed_part_stays_due_but_nobody_is_suspended_for_it(alice, late):
    scenes.dispute(alice, late, cents=1000)
    other = make_invoice(alice)

    [reason] = gate.reasons([alice.id], **TOLD)[alice.id]
    assert gate.shutting([reason], late.id) == gate.shutting([reason], other.id) == []
    assert gate.shutting([reason]) == [reason]
    _insert(alice, late, "sent")
    with pytest.raises(IntegrityError):
        _insert(alice, None, "sent", kind=Notice.SUSPENSION_WARNING)


@pytest.mark.parametrize("scene", [scenes.dispute, scenes.payment, scenes.promise_of_invoice, scenes.plan])
def test_what_is_about_one_invoice_leaves_the_others_alone(alice, late, scene):
    scene(alice, late)
    other = make_invoice(alice)

    _insert(alice, other, "sent")
    assert gate.shutting(gate.reasons([alice.id], **TOLD)[alice.id], other.id) == []


def test_the_missed_payment_of_a_plan_may_be_told(alice, late):
    scenes.missed_plan(alice, late)

    assert gate.reasons([alice.id], kind=Notice.PLAN_MISSED, **TOLD) == {}
    _insert(alice, late, "sent", kind=Notice.PLAN_MISSED)


@each_scene
def test_no_act_of_pressure_is_done_either(alice, late, scene, code, sentence):
    for what in gate.ACTS:
        gate.refuse(alice, what, **TOLD)
    scene(alice, late)

    for what in gate.ACTS:
        with pytest.raises(BillingError, match="^We do not "):
            gate.refuse(alice, what, **TOLD)


# --- The last moment ------------------------------------------------------------------------------


class CallsAt(FixedClock):
    """A clock that is asked for the time again and again; at the ``number``-th time somebody calls."""

    def __init__(self, today, customer, invoice, number):
        super().__init__(today)
        self.left, self.scene, self.caller = number, (customer, invoice), None

    def now(self):
        self.left = getattr(self, "left", 0) - 1
        if self.left == 0:
            self.caller = Thread(target=_call_elsewhere, args=self.scene)
            self.caller.start()
            self.caller.join(60 if not database.in_transaction() or database.for_update else 0.05)
            self.is_stored = not self.caller.is_alive()  # SQLite: it waits for the sender's transaction
        return super().now()


def _call_elsewhere(customer, invoice):
    with database.connection_context():
        scenes.call(customer, invoice, AT - timedelta(milliseconds=1))


@pytest.mark.parametrize("number", range(1, 7))
def test_a_call_one_millisecond_before_sending_stops_it(alice, late, sent, number):
    """Whenever it comes, from the first look at the queue to the last one before the mail server has it."""
    remind(15)
    clock = CallsAt(day(15), alice, late, number)

    sent.at(15, clock=clock)
    if clock.caller:
        clock.caller.join()

    overdue = Notice.get(Notice.kind == Notice.OVERDUE)
    if clock.caller is None or clock.is_stored:
        assert sum(sent.calls) == 0, "it left although somebody had called"
    assert overdue.state == (Notice.SENT if sent else Notice.HELD)


def test_a_call_while_the_message_is_written_stops_it(alice, late, sent):
    """On SQLite the caller waits for the sender's transaction, and the last look sees it."""
    remind(15)
    caller = Thread(target=_call_elsewhere, args=(alice, late))

    def compose(notice, now):
        caller.start()
        caller.join(60 if database.for_update else 0.05)
        return letter(notice, now)

    report = sent.at(15, compose=compose)
    caller.join()

    if database.for_update:
        assert sum(sent.calls) == 0, "it left although somebody had called"
        assert (Notice.get().state, sent, report.held) == (Notice.HELD, [], 1)


def test_what_left_is_noted_as_sent_whoever_calls_meanwhile(alice, late, sent):
    remind(15)

    def send(notice, mail):
        _call_elsewhere(alice, late)

    outbox.send_due(send=send, compose=letter, clock=clock_at(15))

    assert Notice.get().state == Notice.SENT


def test_one_who_waits_does_not_keep_the_others_waiting(alice, bob, late, sent):
    make_invoice(bob, due=DUE, issued=date(2026, 11, 24))
    remind(15)
    scenes.call(alice, late)

    report = sent.at(15)

    assert [address for *_, address in sent] == ["bob@example.com"]
    assert (report.sent, report.held) == (1, 1)


# --- A source that is silent ----------------------------------------------------------------------


def test_a_feed_that_is_silent_for_25_hours_stops_all_late_notices_with_one_alarm(alice, bob, late, sent):
    make_invoice(bob, due=DUE, issued=date(2026, 11, 24))
    feed = scenes.feed(alice, late)

    alarms = [sentence for _ in range(3) for sentence in holding.sound_alarm(now=AT)]
    remind(15)
    sent.at(15)

    assert len(alarms) == 1
    assert Event.select().where(Event.what == "feed.silent").count() == 1
    assert sent == []
    assert {state for *_, state in of_late()} == {Notice.HELD}

    Feed.update(beat_at=clock_at(16).now()).where(Feed.id == feed.id).execute()
    Call.delete()
    scenes.call(
        bob, None, clock_at(15, hours=3).now()
    )  # it was in what came late: judged before anything is sent
    remind(16)
    sent.at(16)

    assert {address for *_, address in sent} == set()
    states = {row.customer_id: row.state for row in Notice.select().order_by(Notice.id)}
    assert (states[alice.id], states[bob.id]) == (Notice.DRAFT, Notice.HELD)
    assert holding.sound_alarm(now=clock_at(16).now()) == []


def test_a_source_that_nobody_watches_holds_nothing_back(alice, late):
    Feed.create(name="fax", limit_minutes=30, watched=False)

    assert gate.reasons([alice.id], **TOLD) == {}
    _insert(alice, late, "sent")


# --- The steps go on, one step milder --------------------------------------------------------------


def test_nothing_is_queued_but_what_is_held_is_seen(alice, late, sent):
    call = scenes.call(alice, late)
    assert remind(15) == 0

    assert of_late() == [("overdue", 15, "held")]
    [(customer, [notice], [reason])] = holding.by_customer(**TOLD)
    assert (customer, notice.invoice, reason.row) == (alice, late, ("call", call.id))
    assert remind(16) == remind(30) == 0
    assert of_late() == [("overdue", 15, "held")]


def test_the_steps_go_on_one_step_milder(alice, late, sent):
    scenes.call(alice, late)
    remind(30)
    call_back()

    remind(33)
    sent.at(33)

    assert of_late() == [("overdue", 30, "skipped"), ("overdue", 15, "sent")]
    assert [remind(number) for number in (34, 38, 45, 47)] == [0] * 4
    assert remind(49) == 1  # fifteen days after the milder one, as between the steps
    assert of_late()[-1] == ("overdue", 30, "queued")


def test_what_went_on_late_in_the_evening_went_on_that_day(alice, late, sent):
    scenes.call(alice, late)
    remind(30)
    call_back()
    evening = localtime.instant(datetime.combine(day(32), time(23, 30)), "America/Chicago")
    reminding.queue_reminders(day(32), now=evening)
    sent.at(33)

    assert of_late()[-1] == ("overdue", 15, "sent")
    assert [remind(number) for number in (46, 47)] == [0, 1]  # fifteen days after the 32nd


def test_the_first_late_notice_becomes_a_personal_mail(alice, late):
    scenes.call(alice, late)
    remind(15)
    call_back()

    remind(16)
    remind(17)

    assert of_late() == [("overdue", 15, "skipped"), ("check_in", 5, "draft")]


FOLLOWS = {  # the day on which it was held: what the page says, and what happens
    30: ("Then the notice of 15 days leaves in its place, a milder one.", ("overdue", 15, "sent")),
    15: (holding.DRAFTED, ("check_in", 5, "draft")),
    5: (holding.DRAFTED, ("check_in", 5, "draft")),
    None: (holding.SAME_LEAVES, ("handed_over", None, "sent")),
}


@pytest.mark.parametrize("number", FOLLOWS)
def test_the_page_says_truly_what_becomes_of_each(alice, late, sent, number):
    told, happened = FOLLOWS[number]
    scenes.call(alice, late, clock_at(5).now())
    if number is None:
        about = {"customer": alice, "contact": payer(alice), "invoice": late}
        queueing.queue(Notice.HANDED_OVER, key="k", why="x", now=BEFORE, **about)
        sent.at(15)
    else:
        remind(number)
    [notice] = holding.held()
    assert holding.then([notice], ()) == {notice.id: told}

    call_back()
    last = (number or 15) + 2  # no Sunday
    if number is None:
        holding.look_again(today=day(last), now=clock_at(last).now())
    else:
        remind(last)
    sent.at(last)

    assert of_late()[-1] == happened


# --- What never reached anybody --------------------------------------------------------------------


@pytest.fixture
def lost(alice, late):
    """The mail with the invoice came back, and a letter waits to be printed in its place."""
    scenes.came_back(alice, late)
    return scenes.to_print(alice, late)


def posted(letter, number):
    """The letter was printed and mailed."""
    at = clock_at(number).now()
    Notice.update(state=Notice.SENT, sent_at=at).where(Notice.id == letter.id).execute()


def test_nobody_is_called_late_for_what_they_never_got(alice, late, lost, sent):
    for number in range(1, 40):
        remind(number)
        sent.at(number)

    assert sent == []
    assert of_late() == [("check_in", 5, "held")]
    [(_, [notice], [reason])] = holding.by_customer(today=day(39), now=clock_at(39).now())
    assert (reason.act, reason.row) == (obstacles.PRINT, ("notice", lost.id))
    assert holding.then([notice], [reason]) == {notice.id: holding.BEGIN_ANEW}


def test_the_steps_begin_anew_from_the_day_on_which_it_reached_them(alice, late, lost, sent):
    remind(31)  # the notice of thirty days, and they have nothing in their hands yet
    posted(lost, 33)

    kept = {}
    for number in range(33, 75):
        before = Notice.select().count()
        remind(number)
        sent.at(number)
        if Notice.select().count() > before:
            kept[number] = of_late()[-1][:2]

    # 33 + 15 is a Sunday, 33 + 30 a holiday: the day after
    assert kept == {38: ("check_in", 5), 49: ("overdue", 15), 64: ("overdue", 30)}


def test_who_got_it_another_way_before_its_date_is_treated_like_everybody(alice, late, lost):
    posted(lost, -8)

    assert remind(15) == 1
    assert of_late() == [("overdue", 15, "queued")]


def test_a_mistake_of_ours_holds_it_until_it_is_put_right(alice, late, sent):
    scenes.message(alice, late)
    credit = scenes.unused_money(alice, late)
    verdicts.judge_all(day(15), now=AT)
    remind(15)
    assert of_late() == [("overdue", 15, "held")]
    with pytest.raises(IntegrityError):
        _insert(alice, late, "sent")

    type(credit).update(open_cents=0).where(type(credit).id == credit.id).execute()
    verdicts.judge_marked(day(15), now=AT)
    remind(16)
    assert of_late()[0] == ("overdue", 15, "skipped")


# --- However long -----------------------------------------------------------------------------------


def test_however_long_it_was_held_the_steps_go_on(alice, late, sent):
    scenes.call(alice, late)
    remind(30)
    call_back()

    remind(120)

    assert of_late() == [("overdue", 30, "skipped"), ("overdue", 15, "queued")]


def test_what_is_paid_while_it_is_held_is_dropped(alice, late):
    scenes.call(alice, late)
    remind(15)
    Invoice.update(open_cents=0).execute()

    holding.look_again(**TOLD)

    assert (Notice.get().state, Notice.get().reason) == ("skipped", "The invoice is paid.")


def test_a_signed_mail_that_was_held_is_read_again(alice, late, sent):
    remind(5)
    sam = Staff.create(email="sam@example.com", name="Sam Porter", role="support")
    personal_mail.sign(Notice.get(), sam, today=day(5), now=clock_at(5).now())
    scenes.call(alice, late, clock_at(5).now())
    sent.at(5)
    assert Notice.get().state == Notice.HELD
    assert list(holding.then(holding.held(), ()).values()) == [holding.SIGNED]
    call_back()

    holding.look_again(today=day(6), now=clock_at(6).now())

    assert (Notice.get().state, sent) == (Notice.DRAFT, [])
    told = r"It was kept back: They called on .+ and nobody answered\. That is over\. Read it again before.+"
    assert re.fullmatch(told, Notice.get().reason)


def test_what_has_no_steps_waits_for_the_sender_as_before(alice, late, sent):
    queueing.queue(
        Notice.HANDED_OVER, key="k", customer=alice, contact=payer(alice), invoice=late, why="x", now=BEFORE
    )
    scenes.call(alice, late)
    sent.at(15)
    call_back()

    holding.look_again(**TOLD)
    sent.at(15)

    assert [kind for kind, *_ in sent] == [Notice.HANDED_OVER]


# --- Two people let it pass ------------------------------------------------------------------------


@pytest.fixture
def held(alice, late, sent):
    remind(15)
    scenes.call(alice, late)
    sent.at(15)
    return Notice.get()


def _ask(notice, by="staff:sam"):
    return overrides.ask(notice, reason="I spoke to her", by=by, today=day(15), now=AT)


def test_a_second_person_lets_it_pass_and_the_audit_says_so(held, sent):
    approval = _ask(held)
    with pytest.raises(BillingError, match="Somebody else"):
        approvals.approve(approval, by="staff:sam", today=day(15), now=AT)

    approvals.approve(approval, by="staff:olga", today=day(15), now=AT)
    sent.at(15)

    assert [kind for kind, *_ in sent] == [Notice.OVERDUE]
    passed = GateOverride.get(GateOverride.notice == held)
    assert (passed.reason, passed.approval.decided_by) == ("I spoke to her", "staff:olga")
    assert "nobody answered" in passed.sentences
    event = Event.get(Event.what == "gate.passed")
    assert "staff:sam" in event.after and "staff:olga" in event.after and "nobody answered" in event.after


def test_it_lets_pass_only_what_both_have_seen(held, alice, late, sent):
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)
    scenes.call(alice, late, AT + timedelta(minutes=1))

    sent.at(15, minutes=5)

    assert (fresh(held).state, sent) == (Notice.HELD, [])
    with pytest.raises(IntegrityError):
        Notice.update(state="sent").execute()


@pytest.mark.parametrize("is_another", [False, True])
def test_a_mistake_that_both_have_seen_stays_seen_in_other_words(alice, late, sent, is_another):
    credit = scenes.unused_money(alice, late)
    remind(15)
    verdicts.judge_all(**TOLD)
    sent.at(15)
    approvals.approve(_ask(Notice.get()), by="staff:olga", **TOLD)

    Credit.update(open_cents=4500).where(Credit.id == credit.id).execute()
    if is_another:
        Credit.update(open_cents=0).where(Credit.id == credit.id).execute()
        other = scenes.unused_money(alice, late)
        Credit.update(open_cents=4500).where(Credit.id == other.id).execute()
    verdicts.judge_all(today=day(15), now=AT + timedelta(minutes=1))
    sent.at(15, minutes=5)

    assert "$45.00" in Verdict.get(Verdict.current).sentence
    assert [kind for kind, *_ in sent] == ([] if is_another else [Notice.OVERDUE])
    if is_another:
        with pytest.raises(IntegrityError):
            Notice.update(state="sent").execute()


def _agree(notice, number, **span):
    """Two people let a held notice pass at that moment of that day."""
    at = {"today": day(number), "now": clock_at(number, **span).now()}
    asked = overrides.ask(notice, reason="I spoke to her", by="staff:sam", **at)
    return approvals.approve(asked, by="staff:olga", **at)


@pytest.mark.parametrize("is_answered", [False, True])
def test_what_was_let_pass_in_the_evening_leaves_in_the_morning_once(alice, late, sent, is_answered):
    scenes.call(alice, late)
    remind(30)
    evening = {"hours": 9}  # past the hours of business
    approval = _agree(Notice.get(), 30, **evening)
    assert approvals.follows(approval, today=day(30)).startswith("It leaves tomorrow at 9 am")

    sent.at(30, **evening)
    if is_answered:
        call_back()
    reminding.queue_reminders(day(30), now=clock_at(30, **evening).now())
    assert sent == []
    for number in (31, 32):
        remind(number)
        sent.at(number)

    assert [(kind, step) for kind, step, _ in sent] == [(Notice.OVERDUE, 30)]
    assert of_late() == [("overdue", 30, "sent")]


def test_what_was_let_pass_and_held_for_something_new_leaves_itself_afterwards(alice, late, sent):
    scenes.call(alice, late)
    remind(30)
    _agree(Notice.get(), 30, hours=9)
    feed = Feed.create(name="phone", limit_minutes=30, beat_at=clock_at(30, hours=10).now())
    sent.at(31)
    [held] = holding.held()
    assert holding.then([held], ()) == {held.id: holding.SAME_LEAVES}

    Feed.update(beat_at=clock_at(31, minutes=5).now()).where(Feed.id == feed.id).execute()
    reminding.queue_reminders(day(31), now=clock_at(31, minutes=10).now())
    sent.at(31, minutes=11)

    assert of_late() == [("overdue", 30, "sent")]


def test_what_nobody_has_signed_is_a_draft_once_it_was_let_pass(alice, late, sent):
    scenes.call(alice, late, clock_at(4).now())
    remind(5)
    approval = _agree(Notice.get(), 5)
    sent.at(7)

    assert (of_late(), sent) == ([("check_in", 5, "draft")], [])
    assert "draft again" in approvals.follows(approval, today=day(5))


def test_a_call_of_before_that_we_learned_of_later_was_not_seen_by_them(held, alice, late, sent):
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)
    scenes.call(alice, late, AT - timedelta(minutes=5), logged_at=AT + timedelta(minutes=1))

    sent.at(15, minutes=5)

    assert (fresh(held).state, sent) == (Notice.HELD, [])


# --- What was in our books when they looked --------------------------------------------------------

LATER = AT + timedelta(minutes=1)  # after two people looked
LONG_AGO = AT - timedelta(days=1)
# What happened long ago, and when we learned of it; None: nobody noted when.
LEARNED = {
    "call": lambda alice, late, at: scenes.call(alice, late, LONG_AGO, logged_at=at),
    "mail": lambda alice, late, at: scenes.inbound(alice, late, LONG_AGO, at),
    "mail_of_their_address": lambda alice, late, at: scenes.inbound_of_address(alice, late, LONG_AGO, at),
    "hold": lambda alice, late, at: scenes.hold(alice, late, at),
}


@pytest.mark.parametrize("what", LEARNED)
def test_what_we_learned_of_before_they_looked_passes_with_them(held, alice, late, what):
    LEARNED[what](alice, late, BEFORE)
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)

    assert gate.check(fresh(held), today=day(15), now=LATER) == []
    _by_sql("UPDATE notice SET state = 'sent', sent_at = {at} WHERE id = {id}", held)
    assert fresh(held).state == Notice.SENT


@pytest.mark.parametrize("what", LEARNED)
def test_what_we_learned_of_since_stops_it_however_long_ago_it_was(held, alice, late, what):
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)
    LEARNED[what](alice, late, LATER)

    assert gate.check(fresh(held), today=day(15), now=LATER)
    with pytest.raises(IntegrityError), database.atomic():
        _by_sql("UPDATE notice SET state = 'sent', sent_at = {at} WHERE id = {id}", held)


@pytest.mark.parametrize("what", ["mail", "mail_of_their_address", "hold"])
def test_what_nobody_noted_the_time_of_was_let_pass_by_nobody(held, alice, late, what):
    LEARNED[what](alice, late, None)
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)

    assert gate.check(fresh(held), today=day(15), now=LATER)
    with pytest.raises(IntegrityError), database.atomic():
        _by_sql("UPDATE notice SET state = 'sent', sent_at = {at} WHERE id = {id}", held)


def _by_sql(statement, notice):
    database.execute_sql(statement.format(at=f"'{LATER}'", id=notice.id))


def test_nobody_says_afterwards_that_it_was_known_before(alice, late):
    mail, hold = scenes.inbound(alice, late), scenes.hold(alice, late)

    for row in (mail, hold):
        column = "noted_at" if row is mail else "created_at"
        with pytest.raises(IntegrityError, match="was noted"), database.atomic():
            database.execute_sql(
                f"UPDATE {row._meta.table_name} SET {column} = '{LONG_AGO}' WHERE id = {row.id}"
            )


def test_what_is_taken_in_carries_the_moment_at_which_we_learned_of_it(alice):
    told = inbound.Received(
        source_id="m", received_at=LONG_AGO, sender="x@example.com", subject="Hi", body="?"
    )
    inbound.take(told, now=AT)

    row = Inbound.get()
    assert (row.received_at, row.noted_at) == (LONG_AGO, AT)


MOVES = {
    "to another customer": "customer_id = {waiting}, invoice_id = NULL",
    "to a kind that presses": "kind = 'overdue'",
    "to a letter": "channel = 'paper'",
    "to another invoice": "invoice_id = {disputed}",
}


@pytest.mark.parametrize("how", MOVES)
@pytest.mark.parametrize("state", LEAVING)
def test_a_message_that_is_made_another_one_is_asked_about_again(alice, bob, late, how, state):
    """By whatever statement: what left, or is about to, is not turned into what may not leave."""
    other = make_invoice(alice)
    scenes.dispute(alice, other)
    scenes.call(bob, None)
    kind = Notice.OVERDUE
    if how == "to a kind that presses":
        scenes.call(alice, late)
        kind = Notice.RECEIPT
    if how == "to a letter":
        Customer.update(street="", city="", state="", zip="").where(Customer.id == alice.id).execute()
    notice = _insert(alice, late, state, kind=kind)

    change = MOVES[how].format(waiting=bob.id, disputed=other.id)
    with pytest.raises(IntegrityError), database.atomic():
        database.execute_sql(f"UPDATE notice SET {change} WHERE id = {notice.id}")
    with pytest.raises(IntegrityError), database.atomic():  # not under cover of noting that it left either
        database.execute_sql(f"UPDATE notice SET {change}, state = 'sent' WHERE id = {notice.id}")


@pytest.mark.parametrize("scene", [scenes.bankruptcy, scenes.death, scenes.payment, scenes.settling])
def test_nobody_lets_pass_what_the_law_forbids_or_a_payment_on_its_way(held, alice, late, scene):
    scene(alice, late)

    with pytest.raises(BillingError, match="Nobody may let this pass"):
        _ask(held)


def test_the_database_wants_the_second_person(held, alice):
    asked = _ask(held)
    about = {"customer": alice, "notice": held, "what": "overdue", "reason": "x", "sentences": "x"}

    with pytest.raises(IntegrityError):
        GateOverride.create(approval=asked, covers_at=AT, made_at=AT, **about)
    assert Approval.get().state == Approval.ASKED


def test_what_may_leave_by_itself_needs_nobody(held):
    call_back()

    with pytest.raises(BillingError, match="Nothing keeps it back"):
        _ask(held)


def test_an_act_of_pressure_passes_with_two_people_as_well(alice, late):
    scenes.call(alice, late)
    told = {"reason": "She asked us to", "by": "staff:sam", **TOLD}
    approval = overrides.ask_act(alice, gate.SUSPENSION, **told)

    approvals.approve(approval, by="staff:olga", **TOLD)

    gate.refuse(alice, gate.SUSPENSION, **TOLD)
    with pytest.raises(BillingError):
        gate.refuse(alice, gate.HANDED_OVER, **TOLD)


# --- Everybody asks --------------------------------------------------------------------------------

PRESSING = {  # who presses, and what it has to ask before
    "remedies/late_fees.py": "LATE_FEE",
    "suspensions/steps.py": "SUSPENSION",
    "handovers.py": "HANDED_OVER",
}


@pytest.mark.parametrize(("module", "what"), PRESSING.items())
def test_every_use_case_of_pressure_asks(module, what):
    asked = [call for call in _calls_in(BILLING / module) if call.startswith("gate.refuse(")]
    assert any(f"gate.{what}" in call for call in asked), asked


def _calls_in(path):
    """The calls in a module, as they are written."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def test_nobody_else_presses():
    """Whoever begins a fee, a suspension or a hand-over stands in the list above."""
    begins = ("LateFee.create(", "Suspension.create(", "Handover.create(")
    found = {
        os.path.relpath(path, BILLING)
        for path in BILLING.rglob("*.py")
        if "demo" not in path.parts and any(call.startswith(begins) for call in _calls_in(path))
    }
    assert found == set(PRESSING)


def test_nothing_marks_a_message_as_gone_but_the_sender_and_the_print_room():
    """Whoever calls a notice sent or joined stands where the gate is asked first."""
    may = {"outbox/claiming.py", "outbox/sending.py", "outbox/joining.py"}
    found = set()
    for path in BILLING.rglob("*.py"):
        for call in _calls_in(path):
            writes = call.startswith(("move(", "Notice.update(", "Notice.create(", "change_many("))
            if writes and any(f"Notice.{state}" in call for state in ("SENT", "JOINED", "SENDING")):
                found.add(os.path.relpath(path, BILLING))
    found = {path for path in found if not path.startswith("demo/")}  # which tells of what was
    assert found <= may, found - may


@pytest.mark.parametrize("count", [1, 40])
def test_it_asks_few_queries_however_many_customers(db, count, monkeypatch):
    customers = [make_customer(f"C{n}", email=f"c{n}@example.com") for n in range(count)]
    for customer in customers:
        scenes.ticket(customer, make_invoice(customer))
    asked = []
    execute = type(database.obj).execute_sql
    monkeypatch.setattr(
        type(database.obj),
        "execute_sql",
        lambda self, sql, *more: asked.append(sql) or execute(self, sql, *more),
    )

    found = gate.reasons([customer.id for customer in customers], **TOLD)

    assert len(found) == count
    assert len(asked) <= 24, len(asked)


def test_the_time_of_a_stale_feed_is_that_of_the_message(alice, late):
    """What was sent while the feed was read is not refused because it is silent by now."""
    Feed.create(name="phone", beat_at=AT, limit_minutes=60, watched=True)

    _insert(alice, late, "sent")
    with pytest.raises(IntegrityError):
        Notice.create(
            key="later", kind=Notice.OVERDUE, state="sent", customer=alice, invoice=late, why="x", send_at=AT,
            created_at=AT, sent_at=AT + timedelta(hours=2),
        )  # fmt: skip


def test_the_clock_of_these_tests_is_the_one_of_the_scenes():
    assert datetime(2026, 12, 29, 18, 0) == AT
