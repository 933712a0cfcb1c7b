"""Service that rests: ninety days, two people, a checklist for lives, told twice, cured by a payment."""

from datetime import date, datetime, timedelta

import pytest
from peewee import DatabaseError, IntegrityError

from billing import approvals, authorities, calls, contracts, outbox, payments, tickets
from billing.edges import print_batches
from billing.edges.clock import FixedClock
from billing.errors import BillingError
from billing.outbox import judging
from billing.suspensions import standing, steps
from models import (
    Approval,
    Company,
    Contract,
    Customer,
    Event,
    Feed,
    Hold,
    Invoice,
    Notice,
    PrintBatch,
    PrintPiece,
    Suspension,
    System,
)
from tests.factories import fresh, make_charge, make_contract, make_invoice, make_site, make_system, payer

ANN, BEN = "staff:ann@lantern.example", "staff:ben@lantern.example"
DAY = date(2026, 12, 7)
REASON = "Eleven letters and four calls without an answer."


def at(days=0):
    return datetime.combine(DAY + timedelta(days=days), datetime.min.time()).replace(hour=18)


def told(days=0, by=None):
    """What a use case is told on the day so many days later."""
    return {"today": DAY + timedelta(days=days), "now": at(days)} | ({"by": by} if by else {})


@pytest.fixture
def contract(alice):
    """Alice's burglary monitoring, and an invoice that is 114 days late."""
    site = make_site(alice)
    made = make_contract(alice)
    make_charge(made, site=site, system=make_system(site))
    make_invoice(alice, cents=4250, due=date(2026, 8, 15), issued=date(2026, 8, 1))
    return made


def asked(contract, **more):
    return steps.ask(contract, reason=REASON, **told(by=ANN), **more)


def approve(days=0, by=BEN):
    approvals.approve(approvals.waiting().get(), by=by, **told(days))
    return Suspension.get()


def warned(contract):
    asked(contract)
    return approve()


def deliver(row, days=1, channels=("mail", "paper")):
    """The messages leave, the letter by the post."""
    for notice in row.notices.where((Notice.state == "queued") & Notice.channel.in_(channels)):
        way = "print" if notice.channel == "paper" else "sending"
        for state in (way, "sent"):
            Notice.update(state=state, sent_at=at(days)).where(Notice.id == notice.id).execute()


def rested(contract):
    row = warned(contract)
    deliver(row)
    days = (row.rests_on - DAY).days
    steps.request(row, reason=REASON, **told(days, ANN))
    return approve(days), days


def pay(customer, cents=4250, days=0):
    return payments.record(
        customer, amount_cents=cents, kind="check", received_on=DAY + timedelta(days=days),
        key=f"p{cents}{days}", confirmed=True, **told(days, "desk"),
    )  # fmt: skip


# --- The whole way -------------------------------------------------------------------------------


def test_service_rests_after_two_decisions_of_two_people_and_is_not_billed_meanwhile(contract, alice):
    row = warned(contract)
    assert (row.state, row.rests_on, row.warned_by) == ("warned", date(2026, 12, 21), BEN)
    assert sorted((one.kind, one.channel) for one in row.notices) == [
        ("suspension_warning", "mail"), ("suspension_warning", "paper")
    ]  # fmt: skip
    deliver(row)

    steps.request(row, reason=REASON, **told(14, ANN))
    row = approve(14)

    assert (row.state, row.suspended_on, row.suspended_by, row.station) == (
        "suspended", date(2026, 12, 21), BEN, True
    )  # fmt: skip
    assert contracts.running_pause(contract) == row.hold
    assert {one.kind for one in row.notices.where(Notice.state == "queued")} == {"suspended"}
    assert not steps.station_told(row, by=ANN, now=at(14)).station


def test_what_rests_may_be_billed_where_an_owner_says_so(contract):
    Company.update(suspend_pauses_billing=False).execute()
    row, _ = rested(contract)

    assert row.hold is None and not Hold.select().exists()
    assert standing.document(row, today=DAY).is_billed


def test_one_click_of_one_person_brings_it_back_and_it_is_billed_again(contract):
    row, days = rested(contract)

    row = steps.lift(row, why="We agreed on a plan.", **told(days + 3, ANN))

    assert (row.state, row.ended_by, row.station) == ("lifted", ANN, True)
    assert fresh(row.hold).ends_on == DAY + timedelta(days=days + 2)
    assert {(one.kind, one.channel) for one in row.notices.where(Notice.state == "queued")} == {
        ("reinstated", "mail"), ("reinstated", "paper")
    }  # fmt: skip
    assert row.notices.where((Notice.kind == "suspended") & (Notice.state == "skipped")).count() == 2


# --- Two people ----------------------------------------------------------------------------------


def test_nobody_decides_alone(contract):
    asked(contract)
    with pytest.raises(BillingError, match="Somebody else"):
        approve(by=ANN)
    assert Suspension.get().state == "asked" and not Notice.select().exists()

    row = approve()
    deliver(row)
    steps.request(row, reason=REASON, **told(14, BEN))
    with pytest.raises(BillingError, match="Somebody else"):
        approve(14, by=BEN)
    assert Suspension.get().state == "warned"


@pytest.mark.parametrize(
    "change",
    [
        {"state": "warned", "rests_on": date(2026, 12, 21)},
        {"state": "suspended", "suspended_on": DAY},
        {"state": "lifted"},
    ],
)
def test_the_database_refuses_a_step_without_a_second_person(contract, change):
    asked(contract)
    with pytest.raises(DatabaseError):
        Suspension.update(**change).execute()


def test_the_database_refuses_a_suspension_that_begins_in_the_middle(contract, alice):
    with pytest.raises(DatabaseError, match="asked for first"):
        Suspension.create(
            customer=alice, contract=contract, state="suspended", reason="x", owed_cents=1, oldest_on=DAY,
            asked_by=ANN, asked_at=at(),
        )  # fmt: skip


def test_an_approval_of_something_else_is_no_second_person(contract, alice):
    row = asked(contract)
    other = Approval.create(
        kind="suspension", about_table="suspension", about_id=999, customer=alice, asked_by=ANN,
        asked_at=at(), reason="x",
    )  # fmt: skip
    Approval.update(state="approved", decided_by=BEN, decided_at=at()).where(
        Approval.id == other.id
    ).execute()
    with pytest.raises(DatabaseError):
        Suspension.update(state="warned", rests_on=DAY, warn_approval=other).where(
            Suspension.id == row.id
        ).execute()


def test_the_database_refuses_the_day_itself_without_a_second_decision_or_the_letter(contract):
    row = warned(contract)
    approval = Approval.get()
    for changes in (
        {"rest_approval": approval, "suspended_on": row.rests_on},  # that approval was about the warning
        {"suspended_on": row.rests_on},
    ):
        with pytest.raises(DatabaseError):
            Suspension.update(state="suspended", **changes).execute()


def test_the_database_refuses_a_suspension_that_nobody_was_told_or_before_its_day(contract):
    row = warned(contract)
    Approval.create(
        kind="suspension", about_table="suspension", about_id=row.id, customer=row.customer, asked_by=ANN,
        asked_at=at(), reason="x",
    )  # fmt: skip
    Approval.update(state="approved", decided_by=BEN, decided_at=at()).where(
        Approval.kind == "suspension"
    ).execute()
    second = Approval.get(Approval.kind == "suspension")
    change = Suspension.update(state="suspended", rest_approval=second, suspended_on=row.rests_on)
    with pytest.raises(DatabaseError, match="two ways"):
        change.execute()
    deliver(row)
    with pytest.raises(DatabaseError, match="two ways"):
        Suspension.update(state="suspended", rest_approval=second, suspended_on=DAY).execute()
    assert change.execute() == 1


# --- Not too early, and not while they wait for us ------------------------------------------------------


def test_nothing_is_asked_before_ninety_days(contract):
    with pytest.raises(BillingError, match="90 days"):
        steps.ask(contract, reason=REASON, **told(-25, ANN))

    assert steps.ask(contract, reason=REASON, **told(-24, ANN)).oldest_on == date(2026, 8, 15)


def test_no_policy_is_shorter_than_ninety_days_or_ten(db):
    for change in ({"suspend_after_days": 89}, {"suspend_notice_days": 9}):
        with pytest.raises(IntegrityError):
            Company.update(**change).execute()


def ticket(alice):
    tickets.open(alice, subject="Why?", body="Hm", by="Alice", now=at(), contact=payer(alice))


def missed_call(alice):
    calls.log(alice, direction="in", outcome="missed", **told(by=ANN))


def silent_phone(alice):
    Feed.create(name="phone", watched=True, beat_at=at(-3), limit_minutes=60)


@pytest.mark.parametrize("what", [ticket, missed_call, silent_phone])
@pytest.mark.parametrize("step", ["ask", "warn", "request", "rest"])
def test_every_step_asks_the_gate(contract, alice, what, step):
    if step != "ask":
        row = asked(contract)
    if step in ("request", "rest"):
        row = approve()
        deliver(row)
    if step == "rest":
        steps.request(row, reason=REASON, **told(14, ANN))
    what(alice)

    acts = {
        "ask": lambda: asked(contract),
        "warn": approve,
        "request": lambda: steps.request(row, reason=REASON, **told(14, ANN)),
        "rest": lambda: approve(14),
    }
    with pytest.raises(BillingError, match="We do not suspend the service now"):
        acts[step]()
    assert {one.state for one in Suspension.select()} <= {"asked", "warned"}


def test_two_of_one_contract_do_not_run_at_once(contract):
    asked(contract)
    with pytest.raises(BillingError, match="under way"):
        asked(contract)


def test_the_day_does_not_come_before_it_was_told_or_too_soon_after_the_letter(contract):
    row = warned(contract)
    with pytest.raises(BillingError, match="December 21, 2026. Not before"):
        steps.request(row, reason=REASON, **told(13, ANN))
    with pytest.raises(BillingError, match="not mailed yet"):
        steps.request(row, reason=REASON, **told(14, ANN))
    deliver(row, days=6)
    with pytest.raises(BillingError, match="give it 10 days"):
        steps.request(row, reason=REASON, **told(14, ANN))
    assert steps.request(row, reason=REASON, **told(16, ANN))


def test_where_no_mail_arrives_somebody_has_to_call_and_speak_with_them(contract, alice):
    row = warned(contract)
    deliver(row)
    Notice.update(bounced_at=at(2)).where(Notice.channel == "mail").execute()
    with pytest.raises(BillingError, match="Only the letter went out. Call them"):
        steps.request(row, reason=REASON, **told(14, ANN))

    calls.log(alice, direction="out", outcome="answered", **told(13, ANN))
    steps.request(row, reason=REASON, **told(14, ANN))

    assert approve(14).state == "suspended"


# --- Where lives may depend on it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda: System.update(kind="fire"),
        lambda: System.update(kind="medical"),
        lambda: System.update(kind="elevator"),
        lambda: System.update(certificated=True),
        lambda: Customer.update(vulnerable_reason="Oxygen at home"),
    ],
)
def test_where_lives_may_depend_on_it_a_person_answers_the_checklist_first(contract, change):
    change().execute()
    row = asked(fresh(contract))
    assert len(standing.names_of(row)) == 1
    with pytest.raises(BillingError, match="Answer the checklist first"):
        approve()
    with pytest.raises(BillingError, match="Not before this is so: nobody there depends"):
        steps.check(row, ["spoke"], by=ANN, now=at())

    steps.check(row, list(steps.CHECKS), by=ANN, now=at())

    assert approve().state == "warned"
    assert (Suspension.get().checked_by, Suspension.get().checked_at) == (ANN, at())


def test_what_became_known_later_needs_the_checklist_as_well(contract):
    row = warned(contract)
    deliver(row)
    Customer.update(vulnerable_reason="Dialysis").execute()

    with pytest.raises(BillingError, match="Special care: Dialysis"):
        steps.request(row, reason=REASON, **told(14, ANN))


def test_the_database_wants_the_checklist_too(contract):
    System.update(kind="fire").execute()
    row = asked(contract)
    steps.check(row, list(steps.CHECKS), by=ANN, now=at())
    row = approve()
    deliver(row)
    Suspension.update(checked_at=None).execute()
    Approval.create(
        kind="suspension", about_table="suspension", about_id=row.id, asked_by=ANN, asked_at=at(), reason="x"
    )
    Approval.update(state="approved", decided_by=BEN, decided_at=at()).where(
        Approval.kind == "suspension"
    ).execute()
    with pytest.raises(DatabaseError, match="checked by a person"):
        Suspension.update(
            state="suspended",
            rest_approval=Approval.get(Approval.kind == "suspension"),
            suspended_on=row.rests_on,
        ).execute()


def test_required_fire_monitoring_rests_only_after_the_authority_was_told_with_proof(contract):
    System.update(kind="fire", required_fire=True).execute()
    row = steps.check(asked(contract), list(steps.CHECKS), by=ANN, now=at())
    row = approve()
    deliver(row)
    with pytest.raises(BillingError, match="The authority requires the monitoring"):
        steps.request(row, reason=REASON, **told(14, ANN))
    record = {"authority": "Austin Fire Department", "address": "", "medium": "certified", "proof": "9400"}
    when = {"ends_on": row.rests_on, "sent_on": DAY}
    authorities.record(contract, kind="ended", **record, **when, **told(by=ANN))
    with pytest.raises(BillingError, match="rests"):  # told that it ends is not told that it rests
        steps.request(row, reason=REASON, **told(14, ANN))

    authorities.record(contract, kind="suspended", **record, **when, **told(by=ANN))
    steps.request(row, reason=REASON, **told(14, ANN))

    assert approve(14).state == "suspended"


# --- A payment cures ---------------------------------------------------------------------------------


def test_a_payment_before_the_warning_ends_it_and_nobody_has_to_decide_any_more(contract, alice):
    asked(contract)
    pay(alice, 500)

    assert steps.cure_all(**told()) == 1

    row = Suspension.get()
    assert (row.state, row.ended_by, row.payment.amount_cents) == ("canceled", "payment", 500)
    assert not approvals.waiting().exists() and not Notice.select().where(Notice.suspension == row).exists()
    with pytest.raises(BillingError, match="decided this already"):
        approvals.approve(Approval.get(), by="staff:cleo", **told())


def test_a_payment_while_the_letter_waits_skips_it(contract, alice):
    row = warned(contract)
    pay(alice, 1000)
    letter = row.notices.where(Notice.channel == "paper").get()
    assert judging.objection(letter, **told()).startswith("They paid")  # even before anybody looked

    steps.cure_all(**told())

    assert {one.state for one in row.notices.where(Notice.kind == "suspension_warning")} == {"skipped"}
    assert not row.notices.where(Notice.kind == "reinstated").exists()  # they never heard of it


def test_a_payment_between_printing_and_posting_recalls_the_letter_and_the_log_proves_it(contract, alice):
    row = warned(contract)
    deliver(row, channels=("mail",))
    letter = row.notices.where(Notice.channel == "paper").get()
    Notice.update(state="print").where(Notice.id == letter.id).execute()
    batch = PrintBatch.create(state="printed", ordered_by=ANN, ordered_at=at())
    PrintPiece.create(batch=batch, notice=letter, place=1)
    pay(alice, 4250)

    steps.cure_all(**told(1))

    row = fresh(row)
    assert (row.state, row.recall, fresh(letter).state) == ("canceled", True, "skipped")
    log = Event.select().where(Event.about_table == "suspension").order_by(Event.id)
    assert [one.what for one in log] == [
        "suspension.asked", "suspension.warned", "suspension.recall", "suspension.canceled",
    ]  # fmt: skip
    assert row.notices.where(Notice.kind == "reinstated").count() == 2  # the mail had left
    assert not steps.recalled(row, how="In the shredder.", by=ANN, now=at(1)).recall


def test_the_database_lets_no_warning_leave_after_the_cure(contract, alice):
    row = warned(contract)
    pay(alice, 4250)
    steps.cure_all(**told())
    Notice.update(state="queued").where(Notice.suspension == row).execute()
    Notice.update(state="sending").where(Notice.suspension == row).execute()

    with pytest.raises(DatabaseError):
        Notice.update(state="sent").where(Notice.suspension == row).execute()


def test_a_payment_lifts_it_at_once_whoever_took_it(contract, alice):
    row, days = rested(contract)
    pay(alice, 1000, days + 1)

    assert steps.cure_all(**told(days + 1)) == 1

    row = fresh(row)
    assert (row.state, row.ended_by, row.station) == ("lifted", "payment", True)
    assert contracts.running_pause(contract) is None
    assert steps.cure_all(**told(days + 1)) == 0


def test_less_than_the_smallest_part_payment_is_no_cure(contract, alice):
    asked(contract)
    pay(alice, 100)

    assert steps.cure_all(**told()) == 0


def test_an_approval_that_comes_after_the_payment_does_nothing(contract, alice):
    asked(contract)
    pay(alice, 4250)

    with pytest.raises(BillingError):
        approve()
    assert Suspension.get().state == "asked"


def test_nothing_so_late_any_more_ends_it_too(contract):
    asked(contract)
    Invoice.update(open_cents=0).execute()

    steps.cure_all(**told())

    assert Suspension.get().ended_why == "Nothing on the account is 90 days late any more."


def test_a_letter_that_stayed_too_long_is_not_sent_with_a_day_that_is_too_near(contract):
    row = warned(contract)
    letter = row.notices.where(Notice.channel == "paper").get()

    assert judging.objection(letter, **told(4)) == ""
    assert "too near" in judging.objection(letter, **told(5))


def test_it_can_be_stopped_by_hand_with_a_reason(contract):
    row = warned(contract)
    with pytest.raises(BillingError, match="Say why"):
        steps.cancel(row, why=" ", **told(by=ANN))

    steps.cancel(row, why="They called and we found our mistake.", **told(by=ANN))

    assert Suspension.get().state == "canceled"
    with pytest.raises(BillingError, match="over already"):
        steps.lift(fresh(row), why="x", **told(by=ANN))


def test_the_mail_says_the_day_and_that_signals_are_not_answered(app, contract):
    row = warned(contract)
    mail = row.notices.where(Notice.channel == "mail").get()

    text = " ".join(app.compose(mail, at()).text.split())

    assert "not be answered from December 21, 2026 on" in text and "Any payment stops this at once." in text
    assert "/i/" in text and "$42.50" in text


def test_mail_and_letter_really_leave_and_the_day_counts_from_then(app, contract, alice):
    row = warned(contract)
    clock, taken = FixedClock(DAY + timedelta(days=1)), []

    report = outbox.send_due(send=lambda notice, mail: taken.append(mail), compose=app.compose, clock=clock)

    assert (report.sent, report.printed, report.held) == (1, 1, 0)
    [mail] = taken
    assert "Please talk to us before December 21, 2026" in mail.subject
    letter = row.notices.where(Notice.channel == "paper").get()
    content, drawn = print_batches.one_letter(app, letter, today=clock.today(), now=clock.now())
    assert content.startswith(b"%PDF")
    assert "will not be answered from December 21, 2026" in " ".join(drawn.text.split())
    outbox.mark_printed(letter, today=clock.today(), now=clock.now())
    steps.request(row, reason=REASON, **told(14, ANN))
    assert approve(14).state == "suspended"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("suspended", "Since December 21, 2026, signals from"),
        ("reinstated", "have been answered again since"),
    ],
)
def test_what_is_told_afterwards_can_be_written_in_both_ways(app, contract, kind, said):
    row, days = rested(contract)
    if kind == "reinstated":
        steps.lift(row, why="We agreed on a plan.", **told(days, ANN))

    for notice in row.notices.where(Notice.kind == kind):
        assert said in " ".join(app.compose(notice, at(days)).text.split())
        assert judging.objection(notice, **told(days)) == ""


def test_where_the_contract_ends_nothing_comes_back_and_nobody_is_told_that_it_does(contract):
    row, days = rested(contract)
    Contract.update(ends_on=DAY + timedelta(days=days + 5)).where(Contract.id == contract.id).execute()

    assert steps.cure_all(**told(days + 4)) == 0 and steps.cure_all(**told(days + 5)) == 1

    row = fresh(row)
    assert (row.state, row.ended_by, fresh(row.hold).ends_on) == ("lifted", "contract", None)
    assert not row.notices.where(Notice.kind == "reinstated").exists()
