"""The short cut of our queries: the same statements and the same rows as Peewee's own way."""

import pytest
from peewee import ModelSelect, fn

import models
from models import Allocation, Customer, Invoice, Link, Payment
from tests import factories


def peewees(query):
    """The same query, by Peewee's general way."""
    query = query.clone()
    query.__class__ = ModelSelect
    return query


OTHER = Invoice.alias()
QUERIES = {
    "whole rows": Invoice.select().where(Invoice.open_cents > 0).order_by(Invoice.number).limit(5),
    "some columns": Invoice.select(Invoice.id, Invoice.due_on),
    "joined rows": Link.select(Link, Customer).join(Customer).where(Customer.name == "Ann"),
    "outer join": Allocation.select(Allocation, Payment).left_outer_join(Payment),
    "the same table twice": Invoice.select(Invoice, OTHER).join(
        OTHER, on=(OTHER.customer == Invoice.customer)
    ),
    "sums": Invoice.select(Invoice.customer, fn.SUM(Invoice.open_cents)).group_by(Invoice.customer),
    "a subquery": Invoice.select().where(Invoice.customer.in_(Customer.select().where(Customer.name == "A"))),
    "a source": Customer.select(fn.COUNT(1)).from_(Customer.select(Customer.id).alias("inner_rows")),
}


@pytest.mark.parametrize("name", QUERIES)
def test_it_writes_the_statement_that_peewee_writes(db, name):
    assert QUERIES[name].sql() == peewees(QUERIES[name]).sql()


def test_it_reads_the_rows_that_peewee_reads(db, company):
    invoice = factories.make_invoice()
    factories.make_charge(factories.make_contract(invoice.customer))
    seen = 0
    for model in models.TABLES:
        for ours, theirs in zip(model.select(), peewees(model.select()), strict=True):
            assert ours.__data__ == theirs.__data__
            assert {name: type(value) for name, value in ours.__data__.items()} == {
                name: type(value) for name, value in theirs.__data__.items()
            }
            seen += 1
    assert seen > 5


def test_what_was_read_is_clean_until_it_is_changed(db, company):
    invoice = Invoice.get_by_id(factories.make_invoice().id)
    assert not invoice.is_dirty()
    invoice.note = "Back door"
    assert invoice.dirty_fields == [Invoice.note]
    assert invoice.customer.name == "Ann Archer"
