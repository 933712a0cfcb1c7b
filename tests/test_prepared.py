"""Questions that are written down once: what they answer is what the query would, each time anew."""

from datetime import timedelta

import pytest

import models
from billing import prepared
from models import Contact, Customer, Invoice, Line, among
from tests import factories


@prepared.question
def _due_by(customer, day):
    mine = (Invoice.customer == customer) & (Invoice.due_on <= day) & (Invoice.state == Invoice.ISSUED)
    return Invoice.select().where(mine).order_by(Invoice.due_on)


@prepared.question
def _lines_of(invoice_ids):
    return Line.select(Line, Invoice).join(Invoice).where(among(Line.invoice, invoice_ids)).order_by(Line.id)


@prepared.question
def _numbers_of(customer_ids):
    return Invoice.select(Invoice.number).where(among(Invoice.customer, customer_ids)).tuples()


@prepared.question
def _called(name):
    return (
        Customer.select()
        .where((Customer.name == name) | (Customer.name == "100% O'Hara"))
        .order_by(Customer.id)
    )


def asked(question, *given):
    """(rows, [what the database was asked])."""
    hooks, seen = models.db.obj.query_hooks, []
    hooks.append(seen.append)
    try:
        return question(*given), seen
    finally:
        hooks.remove(seen.append)


def test_it_answers_what_the_query_would_and_looks_each_time(alice, bob):
    first, second = (factories.make_invoice(alice) for _ in range(2))
    assert _due_by(alice, first.due_on) == [first, second]
    assert _due_by(alice, first.due_on - timedelta(days=1)) == []
    assert _due_by(bob, first.due_on) == []

    Invoice.update(state=Invoice.VOID, open_cents=0).where(Invoice.id == first.id).execute()
    assert _due_by(alice, first.due_on) == [second]
    assert _due_by.first(alice.id, first.due_on) == second
    assert _due_by.first(bob, first.due_on) is None


def test_its_rows_are_read_as_those_of_the_query_are(alice):
    invoice = factories.make_invoice(alice)
    for _ in range(2):  # the reader of the rows is made with the first answer
        found = _lines_of([invoice.id])
        plain = list(Line.select().where(Line.invoice == invoice).order_by(Line.id))
        assert [vars(line)["__data__"] for line in found] == [vars(line)["__data__"] for line in plain]
        assert not any(line.dirty_fields for line in found)
        asks = asked(lambda found=found: [line.invoice.due_on for line in found])
        assert asks == ([invoice.due_on] * len(found), [])


def test_what_it_says_itself_stands_in_its_text_and_what_is_given_does_not(alice):
    day = factories.make_invoice(alice).due_on
    _, [one] = asked(_due_by, alice, day)
    assert "'issued'" in one.sql
    assert Invoice.ISSUED not in one.params
    assert len(one.params) == 2
    _, [other] = asked(_due_by, alice, day + timedelta(days=1))
    assert other.sql is one.sql


def test_a_text_with_signs_is_one_text_wherever_it_stands(db):
    tricky = ("100% O'Hara", "'; DROP TABLE customer; --", "%s", "?")
    made = [factories.make_customer(name) for name in tricky]
    assert _called("?") == [made[0], made[3]]
    assert _called("'; DROP TABLE customer; --") == [made[0], made[1]]


@pytest.mark.parametrize("many", [0, 1, prepared.FEW, prepared.FEW + 1])
def test_it_is_asked_with_any_number_of_ids(many, alice):
    numbers = [factories.make_invoice(factories.make_customer(f"Customer {at}")) for at in range(many)]
    ids = {invoice.customer_id for invoice in numbers}
    assert sorted(_numbers_of(ids)) == sorted((invoice.number,) for invoice in numbers)


def test_the_server_keeps_the_plan_of_few_and_plans_anew_for_many(database_kind, alice):
    few, many = [alice.id], list(range(prepared.FEW + 1))
    kept = [isinstance(asked(_numbers_of, ids)[1][0].sql, prepared.Text) for ids in (few, many)]
    assert kept == [True, False]
    if database_kind == "postgresql":
        names = "SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s"
        texts = [text for (text,) in models.db.execute_sql(names, ('%"number" FROM "invoice"%',)).fetchall()]
        assert len(texts) == 1


def test_nothing_is_none_and_nothing_depends_on_what_is_given(alice):
    with pytest.raises(
        TypeError, match=r"_due_by is asked with \(customer, day\), and none of them may be None"
    ):
        _due_by(alice, None)
    with pytest.raises(TypeError, match="is asked with"):
        _due_by(alice)

    @prepared.question
    def either(role):
        return Contact.select().where(Contact.role == role) if role else Contact.select()

    with pytest.raises(TypeError, match="cannot depend"):
        either("payer")
