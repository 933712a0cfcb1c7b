"""How often the busiest pages ask the database: a fixed number, however many rows they show."""

import pytest

import models
from billing import links
from tests import factories, office
from tests.portal_visitor import Visitor
from tests.test_portal_account import enter

MOST = {"pay page": 18, "portal list": 8, "portal overview": 18, "staff list": 6, "staff timeline": 18}


@pytest.fixture
def pages(app, alice, clock):
    """{name: a call that opens it} for Alice and somebody at the desk."""
    latest = factories.make_invoice(alice)
    token = links.pay_link(latest, now=clock.now(), contact=factories.payer(alice))
    alices, desk = enter(Visitor(app), factories.payer(alice), clock), office.enter(app)
    return {
        "pay page": lambda: Visitor(app).open(f"/i/{token}").status,
        "portal list": lambda: alices.open("/account/invoices").status,
        "portal overview": lambda: alices.open("/account").status,
        "staff list": lambda: desk.get("/staff/invoice/").status_code,
        "staff timeline": lambda: desk.get(f"/staff/customer/{alice.id}/timeline").status_code,
    }


def asked(open_page):
    """The statements that a page sends to the database."""
    hooks, statements = models.db.obj.query_hooks, []
    hooks.append(statements.append)
    try:
        assert open_page() == 200
    finally:
        hooks.remove(statements.append)
    return [query.sql for query in statements if query.sql.startswith("SELECT")]


@pytest.mark.parametrize("name", MOST)
def test_a_page_asks_as_often_for_many_invoices_as_for_one(name, pages, alice):
    for_one = asked(pages[name])
    for _ in range(23):
        factories.make_invoice(alice)
    for_many = asked(pages[name])

    assert len(for_many) <= MOST[name], "\n".join(for_many)
    assert len(for_many) <= len(for_one) + 1
