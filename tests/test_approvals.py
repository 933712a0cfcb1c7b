"""The second person: what one asked for, another one decides, once; and the database says so too."""

import pytest
from peewee import IntegrityError

from billing import approvals
from billing.errors import BillingError
from models import Approval, Event, Staff
from tests import factories
from tests.at_once import refusals, together
from tests.factories import NOW, fresh
from tests.office import enter, make_staff

ANN, BEN = "staff:ann@lantern.example", "staff:ben@lantern.example"
DAY = {"today": NOW.date(), "now": NOW}


@pytest.fixture
def done(db):
    """What the act of a kind that only tests know did."""
    done = []
    approvals.register(
        "test", lambda approval, **day: done.append(approval.amount_cents), label="A test",
        effect=lambda approval: f"{approval.amount_cents} cents are given.",
    )  # fmt: skip
    yield done
    approvals._kinds.pop("test")


@pytest.fixture
def customer(db):
    return factories.make_customer()


def ask(customer, **more):
    return approvals.ask("test", customer, reason="Because", by=ANN, now=NOW, amount_cents=700, **more)


def test_it_is_done_when_somebody_else_agrees(done, customer):
    asked = ask(customer, color="red")
    assert (done, approvals.effect(asked), approvals.label("test")) == ([], "700 cents are given.", "A test")
    assert (approvals.details(asked), approvals.about(asked)) == ({"color": "red"}, customer)

    approvals.approve(asked, by=BEN, **DAY)

    assert (done, fresh(asked).state, fresh(asked).decided_by) == ([700], "approved", BEN)
    assert [event.what for event in Event.select().order_by(Event.id)] == [
        "approval.asked",
        "approval.approved",
    ]
    assert {event.customer_id for event in Event.select()} == {customer.id}


def test_nobody_approves_what_they_asked_for(done, customer):
    asked = ask(customer)

    for spelling in (ANN, ANN.upper()):
        with pytest.raises(BillingError, match="Somebody else"):
            approvals.approve(asked, by=spelling, **DAY)

    assert (done, fresh(asked).state) == ([], "asked")


def test_the_database_does_not_take_the_same_person_twice(done, customer):
    asked = ask(customer)
    same = {"state": "approved", "decided_by": ANN, "decided_at": NOW}

    with pytest.raises(IntegrityError):
        Approval.update(same).where(Approval.id == asked.id).execute()


def test_the_database_knows_one_person_by_any_spelling(done, customer):
    asked = ask(customer)
    same = {"state": "approved", "decided_by": ANN.upper(), "decided_at": NOW}

    with pytest.raises(IntegrityError):
        Approval.update(same).where(Approval.id == asked.id).execute()


def test_nobody_approves_their_own_request_under_an_address_that_changed_since(done, customer):
    ann = make_staff(name="Ann", email="ann@lantern.example")
    asked = ask(customer)
    Staff.update(email="ann.archer@lantern.example").where(Staff.id == ann.id).execute()

    with pytest.raises(BillingError, match="Somebody else"):
        approvals.approve(asked, by="staff:ann.archer@lantern.example", **DAY)
    approvals.refuse(asked, reason="Not needed", by="staff:Ann.Archer@lantern.example", now=NOW)

    assert (done, fresh(asked).state, fresh(asked).decided_by_staff_id) == ([], "withdrawn", None)


def test_who_has_the_address_of_the_one_who_asked_does_not_decide_either(done, customer):
    ann = make_staff(name="Ann", email="ann@lantern.example")
    asked = ask(customer)
    Staff.update(email="ann.archer@lantern.example").where(Staff.id == ann.id).execute()
    make_staff("billing", name="Another Ann", email="ann@lantern.example")

    with pytest.raises(BillingError, match="Somebody else"):
        approvals.approve(asked, by=ANN, **DAY)

    assert (fresh(asked).state, fresh(asked).asked_by_staff_id) == ("asked", ann.id)


def test_the_database_refuses_the_same_person_by_row_and_nobody(done, customer):
    ann = make_staff(name="Ann", email="ann@lantern.example")
    asked = ask(customer)

    for second in (ann, None):
        told = {"decided_by": BEN, "decided_by_staff": second, "decided_at": NOW}
        with pytest.raises(IntegrityError):
            Approval.update(state="approved", **told).where(Approval.id == asked.id).execute()
    with pytest.raises(BillingError, match="signs in"):
        approvals.approve(asked, by="daily", **DAY)
    assert fresh(asked).state == "asked"


def test_staff_have_one_spelling_of_their_address(app):
    desk = enter(app)
    told = {"name": "Ann", "email": " Ann@Lantern.Example", "role": "billing", "password": ""}

    desk.post("/staff/staff/new", **told)
    again = desk.post("/staff/staff/new", **told | {"email": "ANN@lantern.example"})

    assert [row.email for row in Staff.select().where(Staff.name == "Ann")] == ["ann@lantern.example"]
    assert (again.status_code, "has this already" in again.text) == (400, True)
    with pytest.raises(IntegrityError):
        make_staff(email="Ann@lantern.example")


def test_what_has_no_point_any_more_is_decided_by_nobody(done, customer):
    asked = ask(customer)

    approvals.lapse("test", customer, reason="It was paid.", by="daily", now=NOW)
    approvals.lapse("test", customer, reason="It was paid.", by="daily", now=NOW)

    assert (fresh(asked).state, fresh(asked).decided_by, fresh(asked).answer) == (
        "withdrawn", "", "It was paid.",
    )  # fmt: skip


def test_the_database_takes_no_request_that_is_born_approved(done, customer):
    with pytest.raises(IntegrityError):
        Approval.create(
            kind="test", about_table="customer", about_id=customer.id, reason="r", asked_by=ANN, asked_at=NOW,
            state="approved", decided_by=BEN, decided_at=NOW,
        )  # fmt: skip


def test_an_answer_stands_and_what_was_asked_never_changes(done, customer):
    asked = ask(customer)
    approvals.refuse(asked, reason="Too much", by=BEN, now=NOW)

    for change in ({"state": "asked", "decided_by": "", "decided_at": None}, {"amount_cents": 1}):
        with pytest.raises(IntegrityError):
            Approval.update(change).where(Approval.id == asked.id).execute()
    with pytest.raises(BillingError, match="already"):
        approvals.approve(asked, by=BEN, **DAY)
    assert (done, fresh(asked).answer) == ([], "Too much")


def test_the_one_who_asked_takes_it_back(done, customer):
    asked = ask(customer)

    approvals.refuse(asked, reason="A mistake", by=ANN, now=NOW)

    assert (fresh(asked).state, fresh(asked).decided_by) == ("withdrawn", "")


def test_the_same_is_asked_for_once_at_a_time(done, customer):
    first = ask(customer)

    with pytest.raises(BillingError, match="asked for already"):
        ask(customer)
    approvals.refuse(first, reason="No", by=BEN, now=NOW)
    assert ask(customer).id != first.id


def test_what_the_act_refuses_leaves_it_waiting(done, customer):
    def impossible(approval, **day):
        raise BillingError("The invoice was paid meanwhile.")

    approvals.register("test", impossible, label="A test")
    asked = ask(customer)

    with pytest.raises(BillingError, match="paid meanwhile"):
        approvals.approve(asked, by=BEN, **DAY)

    assert (fresh(asked).state, Event.select().where(Event.what == "approval.approved").count()) == (
        "asked",
        0,
    )


def test_two_who_approve_at_once_do_it_once(done, customer):
    asked = ask(customer)

    given = together(2, lambda n: approvals.approve(fresh(asked), by=f"staff:{n}@lantern.example", **DAY))

    assert (len(refusals(given)), done) == (1, [700])
