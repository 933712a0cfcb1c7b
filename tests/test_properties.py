"""Whatever is billed, paid, credited, voided, returned and refunded, in any order: the books add up."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import models
from billing import bill, checks, contracts, invoices, ledger, payments, refunds, returns
from billing.edges.database import open_database
from billing.errors import BillingError
from models import Allocation, Contract, Credit, Customer, Invoice, Payment, Refund
from tests.conftest import TODAY, build
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_one_off,
    make_rate,
    make_site,
)

CENTS = st.integers(1, 9_000)
WHICH = st.integers(0, 7)


class Office(RuleBasedStateMachine):
    """A small company and everything that its staff may do, in any order, on any day."""

    @initialize(data=st.data())
    def found(self, data):
        self.today, self.clicks = TODAY, 0
        make_rate()
        for name in ("Ann", "Ben"):
            customer = make_customer(name)
            site = make_site(customer, jurisdiction=data.draw(st.sampled_from(["", "TX-AUSTIN"])))
            contract = make_contract(customer)
            for _ in range(data.draw(st.integers(1, 2))):
                make_charge(
                    contract, site=site, cents=data.draw(CENTS), starts_on=TODAY,
                    cycle_months=data.draw(st.sampled_from([1, 1, 3])), quantity=data.draw(st.integers(1, 3)),
                    anchor_day=data.draw(st.integers(1, 31)), in_arrears=data.draw(st.booleans()),
                )  # fmt: skip

    def told(self):
        return {"by": BY, "today": self.today, "now": NOW}

    def key(self):
        self.clicks += 1
        return f"click {self.clicks}"

    def attempt(self, act, *args, **kwargs):
        """Do it, or be refused in words; anything else is a bug."""
        try:
            return act(*args, **kwargs)
        except BillingError as refusal:
            assert str(refusal)

    def one(self, model, which, condition=True):
        rows = list(model.select().where(condition).order_by(model.id))
        return rows[which % len(rows)] if rows else None

    # -- what may happen

    @rule(days=st.integers(1, 40))
    def time_passes_and_it_is_billed(self, days):
        self.today += timedelta(days=days)
        report = bill.run(self.today, by=BY, now=NOW)
        assert report.skipped == []

    @rule(which=WHICH, cents=CENTS)
    def work_is_done(self, which, cents):
        make_one_off(self.one(Customer, which), cents=cents, done_on=self.today)

    @rule(which=WHICH, cents=CENTS)
    def money_comes(self, which, cents):
        self.attempt(
            payments.record, self.one(Customer, which), amount_cents=cents, kind="check", key=self.key(),
            received_on=self.today, confirmed=True, **self.told(),
        )  # fmt: skip

    @rule(which=WHICH, cents=CENTS, part=CENTS)
    def money_comes_for_one_invoice(self, which, cents, part):
        invoice = self.one(Invoice, which, Invoice.state == "issued")
        if invoice:
            self.attempt(
                payments.record, invoice.customer, amount_cents=cents, kind="cash", key=self.key(),
                received_on=self.today, parts=[(invoice, part)], confirmed=True, **self.told(),
            )  # fmt: skip

    @rule(which=WHICH)
    def a_check_comes_back(self, which):
        payment = self.one(Payment, which)
        if payment:
            self.attempt(returns.bounce, payment, reason="No funds", **self.told())

    @rule(which=WHICH, cents=CENTS)
    def money_goes_back(self, which, cents):
        payment = self.one(Payment, which)
        if payment:
            self.attempt(
                refunds.start, payment, amount_cents=cents, how="check", reason="x", key=self.key(),
                **self.told(),
            )  # fmt: skip

    @rule(which=WHICH, cents=CENTS)
    def an_invoice_is_credited(self, which, cents):
        invoice = self.one(Invoice, which)
        if invoice:
            self.attempt(invoices.credit, invoice, amount_cents=cents, reason="Sorry", **self.told())

    @rule(which=WHICH, cents=CENTS)
    def somebody_is_kind(self, which, cents):
        self.attempt(
            invoices.goodwill, self.one(Customer, which), amount_cents=cents, reason="x", **self.told()
        )

    @rule(which=WHICH, again=st.booleans())
    def an_invoice_is_voided(self, which, again):
        invoice = self.one(Invoice, which)
        if invoice:
            self.attempt(invoices.void, invoice, reason="Wrong", bill_again=again, **self.told())

    @rule(which=WHICH, issue=st.booleans())
    def a_draft_is_decided(self, which, issue):
        draft = self.one(Invoice, which, Invoice.state == "draft")
        if draft and issue:
            self.attempt(invoices.issue, draft, **self.told())
        elif draft:
            self.attempt(invoices.discard, draft, reason="x", **self.told())

    @rule(which=WHICH, days=st.integers(-20, 20))
    def a_contract_is_paused_or_resumed(self, which, days):
        contract, on = self.one(Contract, which), self.today + timedelta(days=days)
        if contracts.running_pause(contract):
            self.attempt(contracts.resume, contract, on=on, by=BY, now=NOW)
        else:
            self.attempt(contracts.pause, contract, from_on=on, reason="x", by=BY, now=NOW)

    @rule(which=WHICH, days=st.integers(-20, 20))
    def a_contract_ends(self, which, days):
        on = self.today + timedelta(days=days)
        self.attempt(contracts.end, self.one(Contract, which), on=on, reason_code="moved", **self.told())

    # -- what must be true after each of them

    @invariant()
    def the_books_are_sound(self):
        assert [str(finding) for finding in checks.run()] == []

    @precondition(lambda self: Customer.select().exists())
    @invariant()
    def every_history_ends_at_the_balance(self):
        for customer in Customer.select():
            balance = ledger.balance(customer, today=self.today)
            history = ledger.history(customer)
            last = history[-1].balance_cents if history else 0
            assert last == balance.owed_cents - balance.unapplied_cents

    @invariant()
    def no_cent_is_made_or_lost(self):
        """What came in, less what went back, is what paid invoices and what is left."""
        ours = list(Payment.select().where(Payment.state.in_((*Payment.MONEY, Payment.REFUNDED))))
        came = sum(payment.amount_cents for payment in ours) + sum(
            one.amount_cents for one in Credit.select()
        )
        went = sum(refund.amount_cents for refund in Refund.select().where(Refund.payment.in_(ours)))
        left = sum(one.open_cents for model in (Payment, Credit) for one in model.select())
        assert came - went == left + sum(one.amount_cents for one in Allocation.select())


@pytest.mark.parametrize("round_", range(6))
def test_whatever_happens_the_books_add_up(databases, round_):
    """Each example on an empty SQLite database of its own; the same rules run on PostgreSQL elsewhere."""

    class Fresh(Office):
        def __init__(self):
            self._stack = databases.fresh("sqlite", build)
            self._database = open_database(self._stack.__enter__())
            models.db.initialize(self._database)
            self._database.connect()
            super().__init__()

        def teardown(self):
            self._database.close()
            self._database.close_all()
            self._stack.__exit__(None, None, None)

    run_state_machine_as_test(
        Fresh,
        settings=settings(
            max_examples=4, stateful_step_count=25, deadline=None, derandomize=False, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        ),
    )  # fmt: skip
