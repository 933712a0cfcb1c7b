"""The gate: nothing that presses for money leaves while somebody waits for us, by any way, at any moment."""

import ast
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from peewee import IntegrityError

from billing import approvals, notices, tickets
from billing.collections import gate, overrides
from billing.edges.clock import FixedClock
from billing.errors import BillingError
from billing.notices import holding, queueing
from models import (
    Allocation,
    Approval,
    Call,
    Contact,
    Customer,
    Dispute,
    Event,
    Feed,
    GateOverride,
    Hold,
    Inbound,
    Installment,
    InstallmentPart,
    Invoice,
    Notice,
    Payment,
    PaymentPart,
    Plan,
    PlanInvoice,
    Promise,
    Staff,
    Ticket,
)
from models import db as database
from tests import personal_mail
from tests.factories import BY, NOW, fresh, make_customer, make_invoice, payer

BILLING = Path(__file__).parent.parent / "billing"
DUE = date(2026, 12, 14)  # a Monday


def day(number):
    return DUE + timedelta(days=number)


def clock_at(number, **span):
    clock = FixedClock(day(number))
    clock.advance(**span)
    return clock


AT = clock_at(15).now()
BEFORE = AT - timedelta(hours=2)
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
        return notices.send_due(send=self._send, compose=compose or letter, clock=clock)

    def _send(self, notice, mail):
        self.calls.append(Call.select().count())
        self.append((notice.kind, notice.step, notice.address))


def letter(notice, now):
    return SimpleNamespace(subject="s", kept_text="t", kept_html="h", message_id=f"<{notice.id}@x>")


def remind(number):
    return notices.queue_reminders(day(number), now=clock_at(number).now())


def of_late():
    return [(row.kind, row.step, row.state) for row in Notice.select().order_by(Notice.id)]


# --- What shuts it: one scene for each reason, and what clears it ---------------------------------


def _ticket(customer, invoice):
    return tickets.open(customer, subject="Why?", body="So much", by="Alice", now=BEFORE)


def _fault(customer, invoice):
    ticket = tickets.open(customer, subject="No signal", body="x", by="Alice", now=BEFORE, kind="service")
    state = Ticket.WAITING_ON_CUSTOMER
    Ticket.update(state=state, last_at=NOW, waiting_since_at=None).where(Ticket.id == ticket.id).execute()
    return fresh(ticket)


def _call(customer, invoice, at=BEFORE, *, outcome=Call.MISSED, logged_at=None):
    return Call.create(
        customer=customer, number="+15125550111", direction=Call.IN, outcome=outcome, started_at=at,
        state=Call.TO_CALL, waits=True, by="phone", source="pbx", source_id=str(at),
        logged_at=logged_at or at,
    )  # fmt: skip


def _voicemail(customer, invoice):
    return _call(customer, invoice, outcome=Call.VOICEMAIL)


def call_back():
    """Somebody calls everybody back."""
    done = {"state": Call.DONE, "done_at": AT, "done_by": BY, "done_how": "Spoke to her"}
    Call.update(**done).where(Call.state == Call.TO_CALL).execute()


def _inbound(customer, invoice):
    return Inbound.create(source_id="m1", sender="x@example.com", customer=customer, received_at=BEFORE)


def _inbound_of_address(customer, invoice):
    return Inbound.create(source_id="m2", sender="Alice@Example.com", subject="Hello", received_at=BEFORE)


def _proposal(customer, invoice):
    return _plan(customer, invoice, state=Plan.PROPOSED)


def _plan(customer, invoice, *, state=Plan.RUNNING, **fields):
    plan = Plan.create(
        customer=customer, key=state, amount_cents=4250, count=2, by="Alice", proposed_on=day(10),
        proposed_at=BEFORE, text="x", text_sha256="x",
    )  # fmt: skip
    is_running = state == Plan.RUNNING
    part = PlanInvoice.create(plan=plan, invoice=invoice, amount_cents=4250)
    for number, cents in ((1, 2125), (2, 2125)):
        one = Installment.create(plan=plan, number=number, due_on=day(14 * number), amount_cents=cents)
        InstallmentPart.create(installment=one, invoice=invoice, amount_cents=cents)
    if is_running:
        agreed = {"state": state, "agreed_on": day(10), "agreed_at": BEFORE, "signed_at": BEFORE}
        Plan.update(**agreed).where(Plan.id == plan.id).execute()
        PlanInvoice.update(active=True).where(PlanInvoice.id == part.id).execute()
        if fields:
            Plan.update(**fields).where(Plan.id == plan.id).execute()
    return plan


def _missed_plan(customer, invoice):
    return _plan(customer, invoice, missed_on=day(14), repair_by_on=day(20))


def _dispute(customer, invoice, cents=4250):
    return Dispute.create(
        customer=customer, invoice=invoice, amount_cents=cents, reason="not_ordered", words="No", by="Alice",
        via="portal", opened_on=day(14), opened_at=BEFORE, answer_by_on=day(20),
    )  # fmt: skip


def _hold(customer, invoice):
    return Hold.create(scope=Hold.NOTICES, customer=customer, reason="Family", by=BY, starts_on=day(-9))


def _feed(customer, invoice):
    return Feed.create(name="phone", beat_at=AT - timedelta(hours=25), limit_minutes=24 * 60, watched=True)


def _never_read(customer, invoice):
    return Feed.create(name="mail", limit_minutes=30, watched=True)


def _payment(customer, invoice, *, state=Payment.IN_DOUBT, **fields):
    payment = Payment.create(
        customer=customer, reference="R1", key="k1", state=state, kind=Payment.BANK, amount_cents=4250,
        received_on=day(14), created_at=BEFORE, **fields,
    )  # fmt: skip
    PaymentPart.create(payment=payment, invoice=invoice, amount_cents=4250, live=state in Payment.LIVE)
    return payment


def _held_payment(customer, invoice):
    return _payment(customer, invoice, state=Payment.HELD)


def _settling(customer, invoice):
    payment = _payment(customer, invoice, state=Payment.APPROVED, transaction_id="60001")
    Allocation.create(invoice=invoice, payment=payment, amount_cents=1000, by=BY, made_on=day(14))
    return payment


def _promise(customer, invoice, about=None):
    return Promise.create(
        customer=customer, invoice=about, amount_cents=4250, owed_cents=4250, pay_on=day(20), by="Alice",
        made_on=day(14), made_at=BEFORE,
    )  # fmt: skip


def _promise_of_invoice(customer, invoice):
    return _promise(customer, invoice, invoice)


def _bankruptcy(customer, invoice):
    Customer.update(legal_state=Customer.BANKRUPTCY).where(Customer.id == customer.id).execute()
    return customer


def _death(customer, invoice):
    Customer.update(legal_state=Customer.DECEASED).where(Customer.id == customer.id).execute()
    return customer


DOUBT = "we cannot know whether they called or wrote."
SCENES = [
    (_ticket, "ticket", "They have been waiting for our answer since December 29, 2026: “Why?”."),
    (_fault, "fault", "A fault has been open since December 29, 2026: “No signal”."),
    (_call, "call", "They called on December 29, 2026 and nobody answered."),
    (_voicemail, "call", "They called on December 29, 2026 and left a message."),
    (_inbound, "inbound", "They wrote on December 29, 2026 and nobody has looked at it."),
    (_inbound_of_address, "inbound", "They wrote on December 29, 2026 and nobody has looked at it: “Hello”."),
    (_proposal, "proposal", "They proposed on December 29, 2026 to pay $42.50 in 2 parts."),
    (_dispute, "dispute", "$42.50 of invoice {number} has been disputed since December 29, 2026."),
    (_hold, "hold", "Messages have been on hold since December 5, 2026: Family."),
    (_feed, "feed", f"Incoming phone was last read on December 28, 2026: {DOUBT}"),
    (_never_read, "feed", f"Incoming mail was never read: {DOUBT}"),
    (_payment, "payment", "A payment of $42.50, begun on December 29, 2026, is being checked."),
    (_held_payment, "payment", "A payment of $42.50, begun on December 29, 2026, is being checked."),
    (_settling, "settling", "Their payment of $42.50 of December 29, 2026 is not settled yet."),
    (_promise, "promise", "They promised to pay $42.50 by January 3, 2027."),
    (_promise_of_invoice, "promise", "They promised to pay $42.50 by January 3, 2027."),
    (_plan, "plan", "They pay by the plan that they agreed to on December 29, 2026."),
    (_missed_plan, "plan_missed",
     "A payment of their plan has been missing since December 28, 2026; it may still come."),
    (_bankruptcy, "bankruptcy", "Alice Archer is in bankruptcy: the law forbids to ask for what is owed."),
    (_death, "deceased", "Alice Archer has died. Speak with the family or the estate, kindly."),
]  # fmt: skip
NAMES = [scene.__name__.strip("_") for scene, *_ in SCENES]
each_scene = pytest.mark.parametrize(("scene", "code", "sentence"), SCENES, ids=NAMES)
IN_THE_RULE_ONLY = {"handed_over", "autopay", "just_told", "just_answered", "bad_address"}


def test_every_reason_has_a_scene():
    assert {code for _, code, _ in SCENES} | IN_THE_RULE_ONLY == set(gate.CODES)


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
    _call(alice, late)

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
    for scene in (_ticket, _call, _inbound, _hold, _bankruptcy):
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
    _dispute(alice, late, cents=1000)
    other = make_invoice(alice)

    [reason] = gate.reasons([alice.id], **TOLD)[alice.id]
    assert gate.shutting([reason], late.id) == gate.shutting([reason], other.id) == []
    assert gate.shutting([reason]) == [reason]
    _insert(alice, late, "sent")
    with pytest.raises(IntegrityError):
        _insert(alice, None, "sent", kind=Notice.SUSPENSION_WARNING)


@pytest.mark.parametrize("scene", [_dispute, _payment, _promise_of_invoice, _plan])
def test_what_is_about_one_invoice_leaves_the_others_alone(alice, late, scene):
    scene(alice, late)
    other = make_invoice(alice)

    _insert(alice, other, "sent")
    assert gate.shutting(gate.reasons([alice.id], **TOLD)[alice.id], other.id) == []


def test_the_missed_payment_of_a_plan_may_be_told(alice, late):
    _missed_plan(alice, late)

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
            self.caller.join(5 if not database.in_transaction() or database.for_update else 0.05)
            self.is_stored = not self.caller.is_alive()  # SQLite: it waits for the sender's transaction
        return super().now()


def _call_elsewhere(customer, invoice):
    with database.connection_context():
        _call(customer, invoice, AT - timedelta(milliseconds=1))


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
        caller.join(2 if database.for_update else 0.05)
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

    notices.send_due(send=send, compose=letter, clock=clock_at(15))

    assert Notice.get().state == Notice.SENT


def test_one_who_waits_does_not_keep_the_others_waiting(alice, bob, late, sent):
    make_invoice(bob, due=DUE, issued=date(2026, 11, 24))
    remind(15)
    _call(alice, late)

    report = sent.at(15)

    assert [address for *_, address in sent] == ["bob@example.com"]
    assert (report.sent, report.held) == (1, 1)


# --- A source that is silent ----------------------------------------------------------------------


def test_a_feed_that_is_silent_for_25_hours_stops_all_late_notices_with_one_alarm(alice, bob, late, sent):
    make_invoice(bob, due=DUE, issued=date(2026, 11, 24))
    feed = _feed(alice, late)

    alarms = [sentence for _ in range(3) for sentence in holding.sound_alarm(now=AT)]
    remind(15)
    sent.at(15)

    assert len(alarms) == 1
    assert Event.select().where(Event.what == "feed.silent").count() == 1
    assert sent == []
    assert {state for *_, state in of_late()} == {Notice.HELD}

    Feed.update(beat_at=clock_at(16).now()).where(Feed.id == feed.id).execute()
    Call.delete()
    _call(bob, None, clock_at(15, hours=3).now())  # it was in what came late: judged before anything is sent
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
    call = _call(alice, late)
    assert remind(15) == 0

    assert of_late() == [("overdue", 15, "held")]
    [(customer, [notice], [reason])] = holding.by_customer(**TOLD)
    assert (customer, notice.invoice, reason.row) == (alice, late, ("call", call.id))
    assert remind(16) == remind(30) == 0
    assert of_late() == [("overdue", 15, "held")]


def test_the_steps_go_on_one_step_milder(alice, late, sent):
    _call(alice, late)
    remind(30)
    call_back()

    remind(33)
    sent.at(33)

    assert of_late() == [("overdue", 30, "skipped"), ("overdue", 15, "sent")]
    assert [remind(number) for number in (34, 38, 45, 47)] == [0] * 4
    assert remind(49) == 1  # fifteen days after the milder one, as between the steps
    assert of_late()[-1] == ("overdue", 30, "queued")


def test_the_first_late_notice_becomes_a_personal_mail(alice, late):
    _call(alice, late)
    remind(15)
    call_back()

    remind(16)
    remind(17)

    assert of_late() == [("overdue", 15, "skipped"), ("check_in", 5, "draft")]


def test_however_long_it_was_held_the_steps_go_on(alice, late, sent):
    _call(alice, late)
    remind(30)
    call_back()

    remind(120)

    assert of_late() == [("overdue", 30, "skipped"), ("overdue", 15, "queued")]


def test_what_is_paid_while_it_is_held_is_dropped(alice, late):
    _call(alice, late)
    remind(15)
    Invoice.update(open_cents=0).execute()

    holding.look_again(**TOLD)

    assert (Notice.get().state, Notice.get().reason) == ("skipped", "The invoice is paid.")


def test_a_signed_mail_that_was_held_is_read_again(alice, late, sent):
    remind(5)
    sam = Staff.create(email="sam@example.com", name="Sam Porter", role="support")
    personal_mail.sign(Notice.get(), sam, today=day(5), now=clock_at(5).now())
    _call(alice, late, clock_at(5).now())
    sent.at(5)
    assert Notice.get().state == Notice.HELD
    call_back()

    holding.look_again(today=day(6), now=clock_at(6).now())

    assert (Notice.get().state, sent) == (Notice.DRAFT, [])
    assert "read it again" in Notice.get().reason


def test_what_has_no_steps_waits_for_the_sender_as_before(alice, late, sent):
    queueing.queue(
        Notice.HANDED_OVER, key="k", customer=alice, contact=payer(alice), invoice=late, why="x", now=BEFORE
    )
    _call(alice, late)
    sent.at(15)
    call_back()

    holding.look_again(**TOLD)
    sent.at(15)

    assert [kind for kind, *_ in sent] == [Notice.HANDED_OVER]


# --- Two people let it pass ------------------------------------------------------------------------


@pytest.fixture
def held(alice, late, sent):
    remind(15)
    _call(alice, late)
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
    passed = overrides.of_notice(held)
    assert (passed.reason, passed.approval.decided_by) == ("I spoke to her", "staff:olga")
    assert "nobody answered" in passed.sentences
    event = Event.get(Event.what == "gate.passed")
    assert "staff:sam" in event.after and "staff:olga" in event.after and "nobody answered" in event.after


def test_it_lets_pass_only_what_both_have_seen(held, alice, late, sent):
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)
    _call(alice, late, AT + timedelta(minutes=1))

    sent.at(15, minutes=5)

    assert (fresh(held).state, sent) == (Notice.HELD, [])
    with pytest.raises(IntegrityError):
        Notice.update(state="sent").execute()


def test_a_call_of_before_that_we_learned_of_later_was_not_seen_by_them(held, alice, late, sent):
    approvals.approve(_ask(held), by="staff:olga", today=day(15), now=AT)
    _call(alice, late, AT - timedelta(minutes=5), logged_at=AT + timedelta(minutes=1))

    sent.at(15, minutes=5)

    assert (fresh(held).state, sent) == (Notice.HELD, [])


@pytest.mark.parametrize("scene", [_bankruptcy, _death, _payment, _settling])
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
    _call(alice, late)
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
    may = {"notices/sending.py", "notices/joining.py", "demo/past.py", "demo/ends.py",
           "demo/agreed.py", "demo/doubts.py"}  # fmt: skip
    found = set()
    for path in BILLING.rglob("*.py"):
        for call in _calls_in(path):
            writes = call.startswith(("move(", "Notice.update(", "Notice.create("))
            if writes and any(f"Notice.{state}" in call for state in ("SENT", "JOINED", "SENDING")):
                found.add(os.path.relpath(path, BILLING))
    assert found <= may, found - may


@pytest.mark.parametrize("count", [1, 40])
def test_it_asks_few_queries_however_many_customers(db, count, monkeypatch):
    customers = [make_customer(f"C{n}", email=f"c{n}@example.com") for n in range(count)]
    for customer in customers:
        _ticket(customer, make_invoice(customer))
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
