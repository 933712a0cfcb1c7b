"""The collections desk: what waits for us stands first, and every reason leads to its proof and its act."""

from datetime import date, datetime, timedelta

import pytest

from billing import tickets
from billing.collections import verdicts
from models import Stance, Ticket, Verdict
from tests import factories, office
from tests.office import enter, text_of

TODAY = date(2026, 12, 1)
DUE = date(2026, 11, 10)


@pytest.fixture
def late(app, alice):
    return factories.make_invoice(alice, cents=14_250, due=DUE, issued=date(2026, 10, 26))


@pytest.fixture
def question(late, clock):
    return tickets.open(
        late.customer, subject="Wrong amount?", body="Please look.", by="Alice", now=clock.now() - timedelta(hours=30),
        contact=factories.payer(late.customer), invoice=late,
    )  # fmt: skip


def test_money_that_waits_for_us_stands_above_all(app, late, question):
    olga = enter(app)

    page = text_of(olga.get("/staff/collections"))
    assert "Alice Archer wrote on" in page
    assert "$142.50" in page
    assert "Wrong amount?" in page
    print(page)
    print(text_of(olga.get(f"/staff/collections/{late.customer_id}")))
    print(text_of(olga.get(f"/staff/verdict/{Verdict.get().id}")))
