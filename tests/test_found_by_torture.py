"""What the torture run found: each as the shortest story that shows it, with the seed that first met it."""

import pytest

from billing import attempts, checks, links
from billing.outcomes import Approved, InDoubt
from billing.reversals import returns
from models import Payment, PaymentPart
from tests.factories import NOW, fresh, make_invoice, make_method
from tests.sandbox_process import ACCOUNT


@pytest.mark.parametrize("linkage", ["both", "ref", "has"])
def test_a_debit_that_came_back_before_we_learned_of_it_is_booked_and_taken_back(paying, alice, linkage):
    """Seed 2026, PostgreSQL, round 19: its webhook was lost; days later debit and return came together."""
    invoice = make_invoice(alice, cents=2783)
    payment = paying.start(invoice)
    paying.pay(payment, ACCOUNT)
    paying.later(days=4)
    paying.sandbox.post_control("settle")
    [debit] = paying.charges(payment)
    paying.sandbox.post_control("return", {"transaction_id": debit["id"], "code": "R01", "linkage": linkage})

    asked = paying.ask(payment)
    for entry in paying.gateway.find(payment.reference, since=payment.created_at):  # as reconciliation would
        returns.follow(entry, today=paying.clock.today(), now=paying.clock.now())

    assert asked.transaction_id == debit["id"]
    assert (fresh(payment).state, fresh(invoice).open_cents) == (Payment.RETURNED, 2783)
    assert checks.run() == []


def test_who_slept_between_the_last_look_and_the_first_byte_sends_nothing(paying, alice):
    """Seed 3107, PostgreSQL, round 9: one thread of a sleeping process had looked at the time already."""
    methods = paying.sandbox.post_control("methods", [{"customer_number": "1", "kind": "card"}])["methods"]
    told = {**methods[0], "amount_cents": 5538, "reference": "PLASLEEP0000001", "description": "Invoice"}

    late = paying.gateway.charge(**told, recurring=True, send_by=attempts.seconds() - 1)
    assert isinstance(late, InDoubt) and "nothing was sent" in late.why
    assert paying.sandbox.transactions() == []

    assert isinstance(paying.gateway.charge(**told, recurring=True, send_by=attempts.send_by()), Approved)
    [charged] = paying.sandbox.transactions()
    refused = paying.gateway.void(charged["id"], send_by=attempts.seconds() - 1)
    assert isinstance(refused, InDoubt)
    assert paying.money_cents() == 5538


def test_the_invoice_can_be_read_while_autopay_charges_it(client, alice, clock):
    """Seed 4211, SQLite, round 28: a charge of a saved method that is under way has no page to go back to."""
    invoice = make_invoice(alice, cents=4250)
    charge = Payment.create(
        customer=alice, reference="PLUNDERWAY", key="k", state=Payment.SENT, kind="card", amount_cents=4250,
        method=make_method(alice), received_on=clock.today(), ask_at=NOW, created_at=NOW,
    )  # fmt: skip
    PaymentPart.create(payment=charge, invoice=invoice, amount_cents=4250)

    page = client.get(f"/i/{links.pay_link(invoice, now=clock.now())}")

    assert page.status_code == 200
    assert "being checked" in page.get_data(as_text=True)
