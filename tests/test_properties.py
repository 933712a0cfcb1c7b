"""What holds for all amounts, in any order: nothing is lost between parts, and nothing counts twice.

Everything in any order over a moving clock is told in ``test_state_machine.py``; here is what must not depend
on order at all, and what must add up however it is cut.
"""

from contextlib import contextmanager
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import models
from billing import bill, checks, contracts, invoices, ledger, money, payments, webhooks
from billing.contracts import Terms
from billing.outcomes import ReturnedItem
from billing.reconciliation import settlements
from models import Customer, Invoice, Line, Notice, Payment
from tests.conftest import TODAY
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_rate,
    make_site,
)
from tests.paying import urls
from tests.test_state_machine import Gateway

CENTS = st.integers(1, 9_000)
# One database for all examples of a test: each example takes back what it did.
rolled_back = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def taken_back_afterwards():
    with models.db.atomic() as transaction:
        yield
        assert [str(finding) for finding in checks.run()] == []
        transaction.rollback()


# --- Parts add up --------------------------------------------------------------------------------


@given(CENTS, st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_parts_of_a_period_come_to_the_whole_but_for_half_a_cent_each(cents, parts):
    whole = sum(parts)

    together = sum(money.share(cents, part, whole) for part in parts)

    assert abs(together - cents) * 2 <= len(parts)
    assert money.share(cents, whole, whole) == cents


@given(CENTS, st.integers(1, 31), st.integers(1, 31), st.integers(0, 200_000))
def test_a_longer_part_never_costs_less(cents, days, more, ppm):
    of_days = days + more
    short, long = (money.share(cents, part, of_days) for part in (days, of_days))

    assert 0 <= short <= long == cents
    assert money.tax(short, ppm) <= money.tax(long, ppm)


@given(st.dates(), st.integers(1, 31), st.sampled_from([1, 3, 6, 12]), st.data())
def test_what_a_pause_takes_out_and_what_it_leaves_are_the_whole_period(starts_on, anchor, cycle, data):
    starts_on = starts_on.replace(year=2024 + starts_on.year % 9)
    terms = Terms(starts_on, None, cycle, anchor, False, True, True)
    whole = contracts.period_of(terms, 1)
    first = whole.from_on + timedelta(days=data.draw(st.integers(0, whole.days - 1)))
    last = first + timedelta(days=data.draw(st.integers(0, 60)))

    left = contracts.billable(terms, 1, [(first, last)])

    out = (min(last, whole.to_on) - first).days + 1
    kept = 0 if left is None else left.days or left.of_days or whole.days
    assert kept + out == whole.days


@rolled_back
@given(CENTS, st.integers(1, 5), st.integers(0, 8_000), st.integers(0, 500_000), st.integers(1, 31))
def test_the_lines_of_an_invoice_are_its_total_to_the_cent(db, cents, quantity, off, ppm, anchor):
    with taken_back_afterwards():
        make_rate(rate_ppm=ppm)
        customer = make_customer()
        site, contract = make_site(customer, jurisdiction="TX-AUSTIN"), make_contract(customer)
        for cycle in (1, 3, 12):
            make_charge(
                contract, site=site, cents=cents, quantity=quantity, starts_on=TODAY, anchor_day=anchor,
                discount_cents=min(off, quantity * cents), cycle_months=cycle,
            )  # fmt: skip

        bill.run(TODAY, by=BY, now=NOW)

        invoice, lines = Invoice.get(), list(Line.select())
        assert len(lines) == 3
        for column in ("amount", "discount", "tax", "total"):
            name = "subtotal_cents" if column == "amount" else f"{column}_cents"
            assert getattr(invoice, name) == sum(getattr(line, f"{column}_cents") for line in lines)
        assert invoice.total_cents == invoice.subtotal_cents - invoice.discount_cents + invoice.tax_cents


# --- Order does not matter -----------------------------------------------------------------------


@rolled_back
@given(
    st.lists(CENTS, min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(["check", "goodwill"]), CENTS), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_money_of_one_day_pays_the_same_in_any_order(db, owed, came, chance):
    """Oldest first: what is open on each invoice depends on the sum that came and on nothing else."""

    def left_after(order):
        with taken_back_afterwards():
            customer = make_customer()
            for days, cents in enumerate(owed):
                make_invoice(customer, cents=cents, due=TODAY + timedelta(days=days))
            told = {"by": BY, "today": TODAY, "now": NOW}
            for at, (kind, cents) in order:
                if kind == "goodwill":
                    invoices.goodwill(customer, amount_cents=cents, reason="Patience", **told)
                else:
                    payments.record(
                        customer, amount_cents=cents, kind=kind, received_on=TODAY, key=f"check {at}",
                        confirmed=True, **told,
                    )  # fmt: skip
            open_cents = [row.open_cents for row in Invoice.select().order_by(Invoice.id)]
            return open_cents, ledger.balance(customer, today=TODAY)

    order = list(enumerate(came))
    expected, rest = [], sum(cents for _, cents in came)
    for cents in owed:
        expected.append(max(cents - rest, 0))
        rest = max(rest - cents, 0)
    shuffled = chance.sample(order, len(order))

    assert left_after(order) == left_after(shuffled)
    assert left_after(order)[0] == expected


@rolled_back
@given(st.lists(st.tuples(CENTS, st.booleans()), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_customers_are_billed_the_same_together_and_one_by_one(db, prices, chance):
    def billed(one_by_one):
        with taken_back_afterwards():
            for at, (cents, in_arrears) in enumerate(prices):
                contract = make_contract(make_customer(f"Customer {at}"))
                make_charge(contract, cents=cents, in_arrears=in_arrears, starts_on=TODAY)
            everybody = list(Customer.select())
            for customer in chance.sample(everybody, len(everybody)) if one_by_one else [None]:
                bill.run(TODAY + timedelta(days=31), customer=customer, by=BY, now=NOW)
            rows = Line.select(Line, Invoice, Customer).join(Invoice).join(Customer)
            numbers = sorted(row.invoice.number for row in rows.group_by(Invoice.id, Line.id, Customer.id))
            lines = sorted((row.invoice.customer.name, row.from_on, row.total_cents) for row in rows)
            return lines, set(numbers) == set(range(min(numbers), max(numbers) + 1))

    assert billed(one_by_one=True) == billed(one_by_one=False)


WAYS = ("return page", "webhook", "the same webhook", "confirm step", "lists of the processor")


@rolled_back
@given(st.permutations(WAYS), st.integers(1, len(WAYS)))
def test_every_way_to_learn_of_a_payment_is_enough_and_all_together_are_harmless(db, ways, count):
    with taken_back_afterwards():
        gateway, payment = a_sent_page()
        gateway.send_page(payment.reference, "capturedPendingSettlement", "card")
        for way in ways[:count]:
            learn(gateway, way)

        paid = Payment.get()
        assert (paid.state, paid.transaction_id, paid.open_cents) == ("approved", "60001", 0)
        assert Invoice.get().open_cents == 0
        assert Notice.select().where(Notice.kind == "receipt").count() == 1


@rolled_back
@given(st.permutations(WAYS))
def test_a_debit_that_came_back_is_booked_once_whoever_tells_it_first(db, ways):
    """Nobody had asked before: that it came, and that it went again, is learned in any order."""
    with taken_back_afterwards():
        gateway, payment = a_sent_page()
        gateway.send_page(payment.reference, "capturedPendingSettlement", "bank")
        gateway.night()
        [debit] = gateway.transactions.values()
        returned = ReturnedItem("1", "R01", returned_on=TODAY)
        gateway.change(debit, debit.status, returned_items=(returned,))
        gateway.put("returnedItem", debit.amount_cents, kind="bank", ref_transaction_id=debit.transaction_id)
        for way in ways:
            learn(gateway, way)

        paid, invoice = Payment.get(), Invoice.get()
        assert (paid.state, paid.open_cents, invoice.open_cents) == ("returned", 0, invoice.total_cents)
        kinds = [entry.kind for entry in ledger.history(invoice.customer)]
        assert kinds == ["invoice", "payment", "returned"]


def a_sent_page():
    """A customer with one open invoice, and the payment page that they opened."""
    invoice, gateway = make_invoice(), Gateway(NOW)
    payment = payments.start_online(
        invoice.customer, [(invoice, invoice.open_cents)], key="click", gateway=gateway, urls=urls,
        today=TODAY, now=NOW,
    )  # fmt: skip
    return gateway, payment


def learn(gateway, way):
    """One of the ways in which we hear of a payment, a few minutes after its page was opened."""
    told = {"gateway": gateway, "today": TODAY, "now": NOW + timedelta(minutes=5)}
    if way == "return page":
        payments.ask(Payment.get(), **told)
    elif way == "confirm step":
        for payment in list(payments.due_to_ask(told["now"])):
            payments.ask(payment, **told)
    elif way == "lists of the processor":
        settlements.reconcile(**told)
    else:
        body = b'{"notificationId": "1", "eventType": "payment", "payload": {"id": "60001"}}'
        webhooks.note(body, "signed", gateway=gateway, now=told["now"])
        for event in list(webhooks.waiting()):
            webhooks.follow(event, **told)
