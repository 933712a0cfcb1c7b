"""Moving a row from state to state: allowed moves only, and one winner when two move it at once."""

import pytest

import models
from billing.errors import BillingError, StaleState
from billing.states import move
from models import Invoice, Payment, Ticket
from tests.at_once import together
from tests.factories import NOW, make_invoice


@pytest.fixture
def ticket(alice):
    return Ticket.create(customer=alice, subject="Why?", opened_at=NOW, last_at=NOW)


def test_a_move_sets_the_state_and_what_goes_with_it(db, ticket):
    moved = move(ticket, "closed", subject="Because")

    assert (moved.state, moved.subject) == ("closed", "Because")
    assert Ticket.get().state == "closed"
    assert Ticket.get().subject == "Because"


def test_a_move_that_is_none_is_a_bug(db, alice):
    with pytest.raises(ValueError, match="issued -> draft is not a move"):
        move(make_invoice(alice), "draft")


def test_a_row_that_somebody_else_moved_first_is_a_fact_of_life(db, ticket):
    stale = Ticket.get()
    move(ticket, "closed")

    with pytest.raises(StaleState, match="is no longer waiting on us. Reload the page"):
        move(stale, "waiting_on_customer", subject="Lost")
    assert Ticket.get().subject == "Why?"
    assert issubclass(StaleState, BillingError)


def test_of_ten_at_once_one_wins(db, ticket):
    given = together(10, lambda n: move(Ticket.get(), "closed", subject=f"{n}"))

    winners = [one for one in given if isinstance(one, Ticket)]
    assert len(winners) == 1
    assert Ticket.get().subject == winners[0].subject
    assert all(isinstance(one, (Ticket, StaleState, ValueError)) for one in given)


def test_a_moved_row_saved_later_writes_nothing_old_back(db, ticket):
    move(ticket, "closed")
    Ticket.update(subject="New").execute()

    ticket.save()

    assert (Ticket.get().state, Ticket.get().subject) == ("closed", "New")


BORN = {
    models.Refund: {"waiting"},
    models.RemittanceRow: {"unmatched"},
    models.Notice: {"draft"},
    models.Call: {"to_call"},
}  # where a row may also begin


@pytest.mark.parametrize("model", [model for model in models.TABLES if hasattr(model, "MOVES")])
def test_every_state_but_the_first_is_reached_by_a_move(model):
    first = model._meta.fields["state"].default
    reached = {to for tos in model.MOVES.values() for to in tos}

    assert {name for name, _ in model._meta.fields["state"].choices} - reached <= {
        first, "charged_back", *BORN.get(model, ()),
    }  # fmt: skip


def test_money_that_is_ours_never_becomes_an_open_attempt_again():
    for state in Payment.MONEY:
        assert not set(Payment.LIVE) & Payment.MOVES[state]
    assert Invoice.MOVES.get(Invoice.VOID) is None
