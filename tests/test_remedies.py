"""Kind ways out: goodwill by role, credit for a fault, write-offs; each once, each with its limits."""

from datetime import date, datetime, timedelta

import pytest
from peewee import IntegrityError

from billing import approvals, checks, holds, invoices, ledger, payments, queues, reports
from billing.collections import gate
from billing.errors import BillingError
from billing.remedies import given_up as debts
from billing.remedies import goodwill, service_credits, told, write_offs
from billing.reversals import returns
from models import (
    Allocation,
    Approval,
    Company,
    Credit,
    CreditReversal,
    Dispute,
    Event,
    Invoice,
    Line,
    Notice,
    ServiceCredit,
    Staff,
    Ticket,
)
from models import db as models_db
from tests import factories
from tests.at_once import die_everywhere, refusals, together
from tests.factories import fresh
from tests.office import make_staff

NOW = datetime(2027, 1, 20, 18, 0)
TODAY = NOW.date()
ANN, BEN = "staff:ann@lantern.example", "staff:ben@lantern.example"
DAY = {"today": TODAY, "now": NOW}
MORROW = {"today": TODAY + timedelta(days=1), "now": NOW + timedelta(days=1)}


@pytest.fixture
def customer(db):
    return factories.make_customer()


def sound():
    assert [str(one) for one in checks.run()] == []


# --- goodwill --------------------------------------------------------------------------------------


def give(customer, cents, role="support", by=ANN, **more):
    return goodwill.give(
        customer, amount_cents=cents, reason="A late technician", role=role, by=by, **DAY, **more
    )


def test_a_small_gift_is_given_at_once_and_told(customer):
    made = give(customer, 2500)

    assert (made.kind, made.open_cents, made.by) == ("goodwill", 2500, ANN)
    assert [(one.kind, one.credit_id) for one in Notice.select()] == [("credit_given", made.id)]
    sound()


def test_it_is_not_told_when_that_was_unticked(customer):
    give(customer, 2500, tell=False)

    assert not Notice.select().exists()


@pytest.mark.parametrize(
    ("role", "cents", "alone"),
    [("support", 2500, True), ("support", 2501, False), ("billing", 10_000, True), ("billing", 10_001, False),
     ("owner", 99_999, True), ("read_only", 1, False)],
)  # fmt: skip
def test_the_limit_is_the_role_s(customer, role, cents, alone):
    given = give(customer, cents, role)

    assert isinstance(given, Credit if alone else Approval)


def test_small_gifts_one_after_another_do_not_get_around_the_limit(customer):
    give(customer, 2000)

    assert isinstance(give(customer, 501), Approval)
    assert isinstance(give(customer, 2500, by=BEN), Credit)  # another person has a limit of their own


def test_what_is_above_the_limit_waits_for_a_second_person(customer):
    invoice = factories.make_invoice(customer, cents=9000)
    asked = give(customer, 8000)
    assert fresh(invoice).open_cents == 9000
    assert approvals.effect(asked) == (
        "Ann Archer gets $80.00; it pays what is open, oldest first. They are told by mail."
    )

    approvals.approve(asked, by=BEN, **DAY)

    assert fresh(invoice).open_cents == 1000
    made = Credit.get()
    assert (made.by, made.approval_id, made.amount_cents) == (ANN, asked.id, 8000)
    assert Notice.select().where(Notice.kind == "credit_given").count() == 1
    sound()


def test_one_click_is_one_gift(customer):
    given = together(3, lambda n: give(customer, 1000, key="one click"))

    assert refusals(given) == []
    assert Credit.select().count() == 1


def test_two_who_give_at_once_stay_below_the_limit(customer):
    together(3, lambda n: give(customer, 2000, key=f"click {n}"))

    assert Credit.select().count() == 1
    assert Approval.select().count() == 1


# --- write-offs ------------------------------------------------------------------------------------


def left_over(customer, cents, *, due=date(2026, 12, 15)):
    """An invoice of which ``cents`` are left."""
    invoice = factories.make_invoice(customer, cents=4250, due=due)
    payments.record(
        customer, amount_cents=4250 - cents, kind="check", received_on=TODAY, key=f"p{invoice.id}", by=ANN,
        parts=[(invoice, 4250 - cents)], **DAY,
    )  # fmt: skip
    return fresh(invoice)


def test_cents_are_written_off_by_one_person_and_nothing_was_collected(customer):
    invoice = left_over(customer, 200)
    collected = reports.came_cents(TODAY, TODAY)

    made = write_offs.write_off(invoice, reason="Not worth a letter", by=ANN, **DAY)

    assert (made.kind, made.amount_cents, made.open_cents, fresh(invoice).open_cents) == (
        "write_off",
        200,
        0,
        0,
    )
    assert reports.came_cents(TODAY, TODAY) == collected
    assert sum(bucket.cents for bucket in reports.aging(TODAY)) == 0
    sound()


def test_more_than_cents_needs_a_second_person(customer):
    invoice = left_over(customer, 501)

    asked = write_offs.write_off(invoice, reason="Moved away", by=ANN, **DAY)

    assert (asked.kind, fresh(invoice).open_cents) == ("write_off", 501)
    approvals.approve(asked, by=BEN, **DAY)
    assert fresh(invoice).open_cents == 0
    sound()


def test_bad_debt_takes_two_people_however_small(customer):
    invoice = left_over(customer, 1)

    asked = write_offs.bad_debt(invoice, reason="Bankrupt", by=ANN, now=NOW)

    with pytest.raises(BillingError, match="Somebody else"):
        approvals.approve(asked, by=ANN, **DAY)
    approvals.approve(asked, by=BEN, **DAY)
    assert (Credit.get().kind, fresh(invoice).open_cents) == ("bad_debt", 0)
    sound()


def test_the_database_refuses_bad_debt_of_one_person(customer):
    asked = approvals.ask("bad_debt", factories.make_invoice(customer), reason="r", by=ANN, now=NOW)

    for approval in (None, asked):
        with pytest.raises(IntegrityError, match="second person"):
            Credit.create(
                customer=customer, kind="bad_debt", amount_cents=1, reason="r", by=ANN, made_on=TODAY,
                created_at=NOW, approval=approval,
            )  # fmt: skip


def test_what_was_paid_meanwhile_is_not_written_off_with_it(customer):
    invoice = factories.make_invoice(customer, cents=4250)
    asked = write_offs.bad_debt(invoice, reason="Gone", by=ANN, now=NOW)
    payments.record(
        customer, amount_cents=1000, kind="check", received_on=TODAY, key="late", by=ANN, **DAY
    )  # fmt: skip

    with pytest.raises(BillingError, match=r"\$32.50 open now"):
        approvals.approve(asked, by=BEN, **DAY)

    assert (fresh(asked).state, fresh(invoice).open_cents) == ("asked", 3250)


def test_two_who_approve_the_same_debt_write_it_off_once(customer):
    asked = write_offs.bad_debt(factories.make_invoice(customer), reason="Gone", by=ANN, now=NOW)

    given = together(2, lambda n: approvals.approve(fresh(asked), by=f"staff:{n}@x.example", **DAY))

    assert (len(refusals(given)), Credit.select().count()) == (1, 1)
    sound()


def test_a_second_person_killed_anywhere_writes_off_nothing_or_all(customer, database_url):
    debts = [factories.make_invoice(customer) for _ in range(60)]
    asked = [write_offs.bad_debt(debt, reason="Gone", by=ANN, now=NOW) for debt in debts]

    killed = die_everywhere(
        "approve", database_url, [{"approval": one.id, "now": NOW.isoformat()} for one in asked]
    )

    assert 10 < killed < 59
    sound()
    for debt, one in zip(debts[: killed + 1], asked, strict=False):
        assert (fresh(debt).open_cents == 0) == (fresh(one).state == "approved")
        if fresh(one).state == "asked":
            approvals.approve(fresh(one), by=BEN, **DAY)
    assert Credit.select().count() == killed + 1


def test_what_is_disputed_is_not_written_off(customer):
    invoice = left_over(customer, 300)
    Dispute.create(
        customer=customer, invoice=invoice, amount_cents=300, reason="other", words="Why?", by="contact:1",
        via="portal", opened_on=TODAY, opened_at=NOW, answer_by_on=TODAY,
    )  # fmt: skip

    with pytest.raises(BillingError, match="disputed"):
        write_offs.write_off(invoice, reason="r", by=ANN, **DAY)


def test_a_write_off_is_taken_back_by_a_row_of_its_own(customer):
    invoice = left_over(customer, 400)
    made = write_offs.write_off(invoice, reason="Not worth a letter", by=ANN, **DAY)

    write_offs.take_back(made, reason="They sent the rest", by=BEN, **DAY)

    assert (fresh(invoice).open_cents, fresh(made).open_cents, fresh(made).amount_cents) == (400, 0, 400)
    assert CreditReversal.get().by == BEN
    assert (
        ledger.history(customer)[-1].balance_cents == ledger.balance(customer, **{"today": TODAY}).owed_cents
    )
    with pytest.raises(BillingError, match="already"):
        write_offs.take_back(made, reason="again", by=BEN, **DAY)
    sound()
    assert write_offs.write_off(invoice, reason="After all", by=ANN, **DAY).amount_cents == 400
    sound()


def test_what_comes_after_all_pays_what_was_written_off(customer):
    invoice = left_over(customer, 400)
    made = write_offs.write_off(invoice, reason="Not worth a letter", by=ANN, **DAY)
    late = payments.record(
        customer, amount_cents=400, kind="check", received_on=TODAY, key="late", by=ANN, **DAY
    )

    write_offs.take_back(made, reason="They sent the rest", by=BEN, **DAY)

    assert (fresh(invoice).open_cents, fresh(late).open_cents) == (0, 0)
    sound()


# --- Paid after all ------------------------------------------------------------------------------


@pytest.fixture
def given_up(customer):
    """$90.00 that nobody would pay; two people agreed."""
    invoice = factories.make_invoice(customer, cents=9_000, due=TODAY - timedelta(days=200))
    asked = write_offs.bad_debt(invoice, reason="Moved away", by=ANN, now=NOW)
    approvals.approve(asked, by=BEN, **DAY)
    return invoice


def come(customer, cents, key="late", **more):
    return payments.record(
        customer, amount_cents=cents, kind="check", check_number="77", received_on=TODAY, key=key, by=ANN,
        **DAY, **more,
    )  # fmt: skip


@pytest.mark.parametrize("is_named", [True, False])
def test_bad_debt_that_is_paid_after_all_is_booked_on_its_invoice(customer, given_up, is_named):
    parts = [(fresh(given_up), 9_000)] if is_named else None

    late = come(customer, 9_000, parts=parts)

    row = CreditReversal.get()
    assert (row.amount_cents, row.payment, row.reason) == (9_000, late, f"Check 77, {late.reference}")
    assert (fresh(given_up).open_cents, fresh(late).open_cents, write_offs.standing(customer.id)) == (
        0,
        0,
        [],
    )
    told = [(one.kind, one.amount_cents) for one in ledger.history(customer)][-3:]
    assert sorted(told) == [("credit", -9_000), ("credit_taken_back", 9_000), ("payment", -9_000)]
    assert ledger.history(customer)[-1].balance_cents == 0
    assert Event.select().where(Event.what == "credit.recovered").count() == 1
    assert write_offs.totals(TODAY, TODAY) == (9_000, 9_000)
    sound()


def test_what_comes_in_parts_is_paid_after_all_in_parts_and_no_more(customer, given_up):
    come(customer, 2_000, "one")
    assert (write_offs.bad_debt_cents(customer.id), fresh(given_up).open_cents) == (7_000, 0)
    sound()

    come(customer, 3_000, "two", parts=[(fresh(given_up), 3_000)])
    last = come(customer, 6_000, "three")

    assert [row.amount_cents for row in CreditReversal.select().order_by(CreditReversal.id)] == [
        2_000, 3_000, 4_000,
    ]  # fmt: skip
    assert fresh(last).open_cents == 2_000  # what is left is theirs
    sound()


def test_what_is_owed_is_paid_before_what_was_given_up(customer, given_up):
    owed = factories.make_invoice(customer, cents=1_000, due=TODAY)

    come(customer, 1_500)

    assert (fresh(owed).open_cents, write_offs.bad_debt_cents(customer.id)) == (0, 8_500)
    sound()


def test_cents_that_were_let_go_are_not_taken_from_who_pays_ahead(customer):
    invoice = left_over(customer, 400)
    write_offs.write_off(invoice, reason="Not worth a letter", by=ANN, **DAY)

    ahead = come(customer, 900)
    assert (fresh(ahead).open_cents, CreditReversal.select().count()) == (900, 0)

    come(customer, 400, "named", parts=[(fresh(invoice), 400)])
    assert CreditReversal.get().amount_cents == 400
    sound()


def test_a_payment_that_comes_back_leaves_it_owed_and_the_rest_given_up(customer, given_up):
    late = come(customer, 4_000)

    returns.bounce(late, reason="Not covered", by=ANN, **DAY)

    assert (fresh(given_up).open_cents, write_offs.bad_debt_cents(customer.id)) == (4_000, 5_000)
    assert write_offs.totals(TODAY, TODAY) == (9_000, 0)
    sound()


def test_bad_debt_whose_late_payment_came_back_waits_for_a_person_before_anything_asks(customer, given_up):
    returns.bounce(come(customer, 4_000), reason="Not covered", by=ANN, **DAY)
    returns.bounce(come(customer, 4_000, "again"), reason="Not covered", by=ANN, **DAY)

    [hold] = debts.running()
    assert (hold.customer, hold.scope, hold.by) == (customer, "notices", ANN)
    assert held_by(customer, **DAY) == [("hold", hold.id)]
    assert queued("Given-up debts to decide").count == 1
    assert (debts.settle(TODAY, now=NOW), fresh(given_up).open_cents) == (0, 4_000)

    holds.end(hold, by=BEN, **DAY)

    assert held_by(customer, **MORROW) == []
    assert queued("Given-up debts to decide").count == 0
    with pytest.raises(BillingError, match="is over"):
        holds.end(hold, by=BEN, **DAY)


@pytest.mark.parametrize("way", ["paid", "given up again"])
def test_the_hold_ends_by_itself_when_nothing_of_it_is_owed(customer, given_up, way):
    returns.bounce(come(customer, 9_000), reason="Not covered", by=ANN, **DAY)
    if way == "paid":
        come(customer, 9_000, "good money", parts=[(fresh(given_up), 9_000)])
    else:
        asked = write_offs.bad_debt(fresh(given_up), reason="They cannot", by=ANN, now=NOW)
        approvals.approve(asked, by=BEN, **DAY)

    assert debts.settle(TODAY, now=NOW) == 1

    assert not debts.running().exists() and held_by(customer, **MORROW) == []
    sound()


def test_a_check_that_paid_no_bad_debt_holds_nothing_when_it_comes_back(customer):
    factories.make_invoice(customer, cents=4_000)

    returns.bounce(come(customer, 4_000), reason="Not covered", by=ANN, **DAY)

    assert not debts.running().exists()


def held_by(customer, **told):
    """The rows that hold messages back until a person acts."""
    found = gate.reasons([customer.id], **told).get(customer.id, ())
    return [one.row for one in found if not one.waits]


def queued(label):
    """A queue of the back office by its name."""
    groups = queues.groups(Staff.get_or_none() or make_staff("billing"), today=TODAY, now=NOW)
    return next(one for group in groups for one in group.queues if one.label == label)


def test_staff_take_back_what_is_left_of_it(customer, given_up):
    come(customer, 4_000)

    row = write_offs.take_back(Credit.get(Credit.kind == "bad_debt"), reason="They call", by=BEN, **DAY)

    assert (row.amount_cents, row.payment, fresh(given_up).open_cents) == (5_000, None, 5_000)
    sound()


def test_two_checks_at_once_pay_it_once(customer, given_up):
    given = together(2, lambda n: come(customer, 9_000, f"check {n}", confirmed=True))

    assert refusals(given) == []
    assert write_offs.bad_debt_cents(customer.id) == 0
    assert sum(row.amount_cents for row in CreditReversal.select()) == 9_000
    sound()


def test_the_database_takes_back_no_more_than_was_written_off(customer, given_up):
    credit = Credit.get(Credit.kind == "bad_debt")
    told = {"credit": credit, "reason": "r", "by": BEN, "made_on": TODAY, "created_at": NOW}
    CreditReversal.create(amount_cents=8_000, **told)

    for refused in (
        lambda: CreditReversal.create(amount_cents=1_001, **told),
        lambda: CreditReversal.update(payment=1).execute(),
        lambda: CreditReversal.delete().execute(),
    ):
        with pytest.raises(IntegrityError), models_db.atomic():
            refused()


def test_only_a_write_off_is_taken_back(customer):
    with pytest.raises(BillingError, match="Only a write-off"):
        write_offs.take_back(give(customer, 100), reason="r", by=BEN, **DAY)
    with pytest.raises(IntegrityError, match="only a write-off"):
        CreditReversal.create(
            credit=Credit.get(), amount_cents=100, reason="r", by=BEN, made_on=TODAY, created_at=NOW
        )


def test_remainders_are_small_late_and_the_rest_of_something(customer):
    wanted = left_over(customer, 200)
    left_over(customer, 200, due=TODAY)  # not late yet
    left_over(customer, 600)
    factories.make_invoice(customer, cents=300)  # nothing was ever paid of it

    assert list(Invoice.select().where(write_offs.remainders(TODAY))) == [wanted]


# --- credit for a fault ----------------------------------------------------------------------------


@pytest.fixture
def served(customer):
    """A customer with one site and a service of $30.00 for December 2026, billed and paid."""
    charge = factories.make_charge(
        factories.make_contract(customer), cents=3000, site=factories.make_site(customer)
    )
    return charge


def billed(charge, *, cents=3000, month=12, year=2026):
    from billing import bill

    day = date(year, month, 1)
    bill.run(day, by=ANN, now=datetime(year, month, 1, 12, 0))
    return Line.select().where(Line.charge == charge).order_by(Line.id.desc()).get()


def fault(customer, first, last, **fields):
    """A service ticket about a fault; ``last`` None: it lasts."""
    fields = {"site": customer.sites.get(), "kind": "service", **fields}
    return Ticket.create(
        customer=customer, subject="No signal", opened_at=first, last_at=first, reported_from_at=first,
        reported_until_at=last, **fields,
    )  # fmt: skip


AT_NOON = {"first": datetime(2026, 12, 3, 18, 0), "last": datetime(2026, 12, 8, 18, 0)}


def test_six_days_of_a_month_at_thirty_dollars_are_5_81(customer, served):
    line = billed(served)
    ticket = fault(customer, **AT_NOON)

    [row] = service_credits.propose(ticket, now=NOW)

    assert (row.cents, row.days, row.of_days, row.line_id) == (581, 6, 31, line.id)
    assert (row.from_on, row.to_on, row.state) == (date(2026, 12, 3), date(2026, 12, 8), "proposed")
    assert (fresh(line.invoice).open_cents, Credit.select().count()) == (3000, 0)  # a person decides


def test_it_is_proposed_once_however_often_the_day_runs(customer, served):
    billed(served)
    fault(customer, **AT_NOON)

    assert [service_credits.propose_due(now=NOW) for _ in range(3)] == [1, 0, 0]
    assert ServiceCredit.select().count() == 1


def test_what_was_given_corrects_the_invoice_with_its_days(customer, served):
    line = billed(served)
    [row] = service_credits.propose(fault(customer, **AT_NOON), now=NOW)

    made = service_credits.give(row, role="support", by=ANN, **DAY)

    assert (made.kind, made.invoice_id, made.line_id) == ("service", line.invoice_id, line.id)
    assert made.reason == "Monitoring did not work December 3–8, 2026 (6 of 31 days)"
    assert (made.from_on, made.to_on, fresh(line.invoice).open_cents) == (row.from_on, row.to_on, 2419)
    assert (fresh(row).state, fresh(row).credit_id, fresh(row).decided_by) == ("given", made.id, ANN)
    assert Notice.get(Notice.kind == "credit_given").credit_id == made.id
    assert service_credits.propose_due(now=NOW) == 0
    with pytest.raises(BillingError, match="decided already"):
        service_credits.give(row, role="support", by=ANN, **DAY)
    sound()


def test_while_it_lasts_the_proposal_grows(customer, served):
    billed(served)
    ticket = fault(customer, AT_NOON["first"], None)

    service_credits.propose(ticket, now=datetime(2026, 12, 5, 18, 0))
    first = ServiceCredit.get()
    assert (first.days, first.cents) == (3, 290)
    service_credits.propose(ticket, now=datetime(2026, 12, 8, 18, 0))

    assert (ServiceCredit.select().count(), ServiceCredit.get().cents) == (1, 581)


def test_days_after_a_decision_are_proposed_anew(customer, served):
    billed(served)
    ticket = fault(customer, AT_NOON["first"], None)
    [row] = service_credits.propose(ticket, now=datetime(2026, 12, 5, 18, 0))
    service_credits.give(row, role="owner", by=ANN, **DAY)

    [later] = service_credits.propose(ticket, now=datetime(2026, 12, 8, 18, 0))

    assert (later.from_on, later.days) == (date(2026, 12, 6), 3)
    service_credits.give(later, role="owner", by=ANN, **DAY)
    sound()


def test_a_fault_over_two_periods_is_proposed_for_each(customer, served):
    billed(served)
    billed(served, month=1, year=2027)
    ticket = fault(customer, datetime(2026, 12, 30, 18, 0), datetime(2027, 1, 2, 18, 0))

    rows = service_credits.propose(ticket, now=NOW)

    assert [(row.from_on, row.to_on, row.cents) for row in rows] == [
        (date(2026, 12, 30), date(2026, 12, 31), 194), (date(2027, 1, 1), date(2027, 1, 2), 194)
    ]  # fmt: skip


def test_what_is_not_billed_yet_is_proposed_before_the_invoice(customer, served):
    ticket = fault(customer, **AT_NOON)

    [row] = service_credits.propose(ticket, now=NOW)
    made = service_credits.give(row, role="support", by=ANN, **DAY)

    assert (row.cents, row.line_id, made.invoice_id, made.open_cents) == (581, None, None, 581)
    line = billed(served)
    assert fresh(line.invoice).open_cents == 2419
    assert service_credits.propose_due(now=NOW) == 0  # the same days again, now that they are billed
    sound()


def test_two_tickets_about_the_same_days_are_one_credit(customer, served):
    billed(served)
    service_credits.propose(fault(customer, **AT_NOON), now=NOW)

    assert service_credits.propose(fault(customer, **AT_NOON), now=NOW) == []
    assert ServiceCredit.select().count() == 1


@pytest.mark.parametrize(
    "fields",
    [{"last": AT_NOON["first"] + timedelta(hours=24)}, {"kind": "billing"}, {"site": None}, {"first": None}],
)
def test_no_credit_is_proposed_for_what_is_no_long_fault_of_something(customer, served, fields):
    billed(served)
    factories.make_site(customer, name="Shop")  # two sites: a ticket without one names neither
    ticket = fault(customer, **AT_NOON)
    named = {"first": "reported_from_at", "last": "reported_until_at"}
    for name, value in fields.items():
        setattr(ticket, named.get(name, name), value)
    ticket.save()

    assert service_credits.propose(ticket, now=NOW) == []


def test_corrected_times_take_the_proposal_back(customer, served):
    billed(served)
    ticket = fault(customer, **AT_NOON)
    [row] = service_credits.propose(ticket, now=NOW)
    ticket.reported_until_at = AT_NOON["first"]
    ticket.save()

    service_credits.propose(ticket, now=NOW)

    assert (fresh(row).state, fresh(row).reason) == ("refused", service_credits.CORRECTED)


def test_it_is_refused_with_a_reason_and_not_proposed_again(customer, served):
    billed(served)
    [row] = service_credits.propose(fault(customer, **AT_NOON), now=NOW)
    with pytest.raises(BillingError, match="Say why"):
        service_credits.refuse(row, reason=" ", by=ANN, now=NOW)

    service_credits.refuse(row, reason="It worked: the phone line was cut", by=ANN, now=NOW)

    assert service_credits.propose_due(now=NOW) == 0
    assert (fresh(row).state, Credit.select().count()) == ("refused", 0)


def test_support_gives_no_more_than_it_may(customer, served):
    Company.update(goodwill_support_cents=500).execute()
    billed(served)
    [row] = service_credits.propose(fault(customer, **AT_NOON), now=NOW)

    with pytest.raises(BillingError, match="more than you may give alone"):
        service_credits.give(row, role="support", by=ANN, **DAY)

    assert service_credits.give(row, role="billing", by=ANN, **DAY).amount_cents == 581


def test_two_who_give_it_at_once_give_it_once(customer, served):
    billed(served)
    [row] = service_credits.propose(fault(customer, **AT_NOON), now=NOW)

    given = together(
        2, lambda n: service_credits.give(fresh(row), role="owner", by=f"staff:{n}@x.example", **DAY)
    )

    assert (len(refusals(given)), Credit.select().count()) == (1, 1)
    sound()


def test_a_paid_invoice_leaves_the_credit_on_the_account(customer, served):
    line = billed(served)
    payments.record(customer, amount_cents=3000, kind="check", received_on=TODAY, key="p", by=ANN, **DAY)
    [row] = service_credits.propose(fault(customer, **AT_NOON), now=NOW)

    made = service_credits.give(row, role="support", by=ANN, **DAY)

    assert made.open_cents == 581
    assert invoices.creditable_cents(line.invoice) == 2419
    assert not Allocation.select().where(Allocation.credit == made).exists()
    sound()


def test_what_is_given_for_one_fault_is_told_in_one_message(customer, served):
    factories.make_charge(served.contract, cents=1000, item=factories.make_item("App"), site=served.site)
    billed(served)
    rows = service_credits.propose(fault(customer, **AT_NOON), now=NOW)

    made = [service_credits.give(row, role="owner", by=ANN, **DAY) for row in rows]

    [notice] = Notice.select().where(Notice.kind == "credit_given")
    assert notice.send_at == NOW + timedelta(minutes=5)
    document = told.credit_document(notice.credit)
    assert document.cents == sum(one.amount_cents for one in made) == 581 + 194
    assert document.reason == (
        "Monitoring did not work December 3–8, 2026 (6 of 31 days). "
        "App did not work December 3–8, 2026 (6 of 31 days)."
    )
    assert [part.cents for part in document.paid] == [581 + 194]
