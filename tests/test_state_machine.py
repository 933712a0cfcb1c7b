"""A small company over a moving clock, in any order, held against a second model after every step.

Hypothesis draws what happens: bills, payments on a page and by hand, refunds, voids, credits, pauses, ends.
The product does it, ``tests/second_model.py`` writes it down, and both must refuse the same things and show
the same amounts. The gateway is a small one in memory; the way over HTTP is tested in ``test_pay_online.py``.

The suite draws the same stories every time; ``STORIES=5000 pytest tests/test_state_machine.py`` draws new
ones.
"""

import os
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import models
from billing import bill, checks, contracts, daily, invoices, ledger, one_offs, payments, refunds, returns
from billing.edges.clock import FixedClock
from billing.edges.database import open_database
from billing.errors import BillingError, GatewayUnavailable
from billing.outcomes import HostedPage, Transaction
from models import Allocation, Charge, Company, Contract, Credit, Customer, Invoice, Line, OneOff, Payment
from tests import second_model
from tests.conftest import TODAY, build
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_item,
    make_one_off,
    make_rate,
    make_site,
)
from tests.paying import urls

STORIES = int(os.environ.get("STORIES", 0))
CENTS = st.integers(1, 9_000)
WHICH = st.integers(0, 9)
TAX_PPM = 82_500
SENT_FOR = timedelta(minutes=15)  # how long the gateway's page can be sent


class Gateway:
    """A payment gateway in memory. What it is asked is what the rules ask; the rest is the world outside."""

    hosted_url = "https://gateway.example/payment"

    def __init__(self, now):
        self.now, self.is_down, self.pages, self.transactions = now, False, {}, {}

    def hosted_page(self, *, reference, amount_cents, **_):
        self._answer()
        self.pages[reference] = (amount_cents, self.now)
        return HostedPage(f"page of {reference}", self.hosted_url)

    def find(self, reference, *, since):
        self._answer()
        return [one for one in self.transactions.values() if one.reference == reference]

    def details(self, transaction_id):
        self._answer()
        return self.transactions.get(transaction_id)

    def is_authentic(self, body, header):
        return True

    def _answer(self):
        if self.is_down:
            raise GatewayUnavailable("The payment processor cannot be reached.")

    # -- the world outside

    def send_page(self, reference, status):
        """A customer fills in the page and sends it; too late it does nothing."""
        cents, opened_at = self.pages.get(reference, (0, None))
        if opened_at is not None and self.now < opened_at + SENT_FOR:
            self.put(Transaction(str(60_001 + len(self.transactions)), status, cents, reference=reference))

    def put(self, transaction):
        self.transactions[transaction.transaction_id] = transaction

    def change(self, transaction, status):
        """The processor's people, or its night, make something else of a transaction."""
        self.put(Transaction(**{**vars(transaction), "status": status}))

    def having(self, *statuses):
        return [one for one in self.transactions.values() if one.status in statuses]

    def told(self, reference):
        """What it has for a reference, in the words of the second model."""
        return [
            (one.transaction_id, PLAIN[one.status], one.amount_cents)
            for one in self.transactions.values()
            if one.reference == reference
        ]


PLAIN = {
    "capturedPendingSettlement": "approved",
    "settledSuccessfully": "settled",
    "FDSPendingReview": "held",
    "declined": "declined",
    "voided": "voided",
}


class Office(RuleBasedStateMachine):
    """Everything that staff, customers, banks and the clock may do, in any order, on any day."""

    @initialize(data=st.data(), ahead=st.sampled_from([0, 0, 10]))
    def found(self, data, ahead):
        self.clock, self.clicks = FixedClock(TODAY), 0
        self.gateway = Gateway(self.clock.now())
        Company.update(bill_ahead_days=ahead, catch_up_periods=3).execute()
        self.paper = second_model.Books(
            first_number=10001, terms_days=15, bill_ahead_days=ahead, catch_up_periods=3
        )
        make_rate(rate_ppm=TAX_PPM)
        self.item = make_item()
        for name in ("Ann", "Ben"):
            customer = make_customer(name)
            self.paper.note("customer", customer=customer.id)
            for _ in range(data.draw(st.integers(1, 2))):
                contract = make_contract(customer, starts_on=TODAY)
                self.paper.note("contract", contract=contract.id, starts_on=TODAY)
                for _ in range(data.draw(st.integers(1, 2))):
                    self.agree(contract, data)

    def agree(self, contract, data):
        """A recurring charge, on both books."""
        taxed, in_arrears = data.draw(st.booleans()), data.draw(st.booleans())
        terms = {
            "starts_on": TODAY + data.draw(st.integers(0, 40)) * second_model.ONE_DAY,
            "cycle_months": data.draw(st.sampled_from([1, 1, 1, 3, 12])), "in_arrears": in_arrears,
            "prorate_first": data.draw(st.booleans()), "prorate_last": data.draw(st.booleans()),
            "quantity": data.draw(st.integers(1, 3)),
        }  # fmt: skip
        cents, anchor, off = data.draw(CENTS), data.draw(st.integers(1, 31)), data.draw(st.integers(0, 300))
        off = min(off, terms["quantity"] * cents)
        site = make_site(contract.customer, jurisdiction="TX-AUSTIN" if taxed else "")
        charge = make_charge(
            contract, item=self.item, site=site, cents=cents, anchor_day=anchor, discount_cents=off, **terms
        )
        self.paper.note(
            "charge", charge=charge.id, customer=contract.customer_id, contract=contract.id, cents=cents,
            anchor=anchor, discount=off, tax_ppm=TAX_PPM if taxed else 0, **terms,
        )  # fmt: skip

    # -- doing something on both books

    @property
    def today(self):
        return self.clock.today()

    def told(self):
        return {"by": BY, "today": self.today, "now": self.clock.now()}

    def click(self):
        self.clicks += 1
        return f"click {self.clicks}"

    def both(self, product, paper):
        """Do it in the product and on paper: both do it, or both refuse. Returns what the product returns."""
        try:
            done, refusal = product(), None
        except BillingError as error:
            done, refusal = None, str(error)
        try:
            paper()
        except second_model.Refused:
            assert refusal is not None, "on paper this is refused"
        else:
            assert refusal is None, f"on paper this is done; the product says: {refusal}"
        return done

    def one(self, model, which, condition=True):
        rows = list(model.select().where(condition).order_by(model.id))
        return rows[which % len(rows)] if rows else None

    def names(self):
        """{id: count} of the invoices, which paper names by their count."""
        return {
            id: at for at, (id,) in enumerate(Invoice.select(Invoice.id).order_by(Invoice.id).tuples(), 1)
        }

    def name(self, invoice):
        return self.names()[invoice.id]

    # -- the clock and the job

    @rule(days=st.integers(1, 40))
    def days_pass_and_the_job_runs(self, days):
        self.pass_time(days=days)
        self.run_the_job()

    @rule(days=st.integers(1, 70))
    def days_pass_without_the_job(self, days):
        self.pass_time(days=days)

    @rule(minutes=st.integers(1, 90))
    def minutes_pass(self, minutes):
        self.pass_time(minutes=minutes)

    @rule()
    def the_clock_is_set_back_two_hours(self):
        self.clock.advance(hours=-2)

    def pass_time(self, **span):
        self.clock.advance(**span)
        self.gateway.now += timedelta(**span)

    @rule()
    def run_the_job(self):
        """The daily job as it is, but for sending: every step, in its order, without trouble."""
        asked = [] if self.gateway.is_down else list(payments.due_to_ask(self.clock.now()))
        day = daily.Day(self.today, self.clock, self.gateway, send=None, compose=None)
        for step in daily.STEPS:
            if step.name in ("confirm", "bill", "remind", "check"):
                step.run(day)
        assert self.gateway.is_down or day.trouble == []
        for payment in asked:
            self.hear(payment)
        self.paper.run(self.today)

    # -- paying online

    @rule(which=WHICH, more=st.booleans(), less=st.integers(0, 3000))
    def somebody_presses_the_pay_button(self, which, more, less):
        """For one invoice, in full or in part, or for all that are open."""
        invoice = self.one(Invoice, which, Invoice.state == "issued")
        if invoice is None:
            return
        parts = [(invoice, max(invoice.open_cents - less, 1))]
        if more:
            others = ledger.open_invoices(invoice.customer).where(Invoice.id != invoice.id)
            parts += [(other, other.open_cents) for other in others]
        click, now = self.click(), self.clock.now()
        self.both(
            lambda: payments.start_online(
                invoice.customer, parts, key=click, gateway=self.gateway, urls=urls, today=self.today, now=now
            ),
            lambda: self.paper.start(
                click, invoice.customer_id, {self.name(one): cents for one, cents in parts}, now, self.today,
                lowest=500, answered=not self.gateway.is_down,
            ),
        )  # fmt: skip

    @rule(which=WHICH, status=st.sampled_from([*PLAIN][:4] + ["capturedPendingSettlement"] * 3))
    def a_customer_sends_the_page(self, which, status):
        payment = self.one(Payment, -1 - which % 3, Payment.kind == "online")
        if payment and status != "settledSuccessfully":
            self.gateway.send_page(payment.reference, status)

    @rule(which=WHICH)
    def a_customer_comes_back_from_the_page(self, which):
        payment = self.one(Payment, which, Payment.state.in_(Payment.LIVE))
        if payment and not self.gateway.is_down:
            payments.ask(payment, gateway=self.gateway, today=self.today, now=self.clock.now())
            self.hear(payment)

    def hear(self, payment):
        if self.paper.claims(payment.key):
            self.paper.hear(payment.key, self.gateway.told(payment.reference), self.clock.now(), self.today)

    @rule(which=WHICH, status=st.sampled_from(["capturedPendingSettlement", "declined"]))
    def the_processor_reviews(self, which, status):
        held = self.gateway.having("FDSPendingReview")
        if held:
            self.gateway.change(held[which % len(held)], status)

    @rule()
    def the_processor_settles(self):
        for transaction in self.gateway.having("capturedPendingSettlement"):
            self.gateway.change(transaction, "settledSuccessfully")

    @rule(is_down=st.booleans())
    def the_gateway_goes_down_or_comes_back(self, is_down):
        self.gateway.is_down = is_down

    # -- by hand

    @rule(which=WHICH, cents=CENTS)
    def a_check_comes(self, which, cents):
        self.enter(self.one(Customer, which), cents)

    @rule(which=WHICH, cents=CENTS, part=CENTS)
    def cash_comes_for_one_invoice(self, which, cents, part):
        invoice = self.one(Invoice, which, Invoice.state == "issued")
        if invoice:
            self.enter(invoice.customer, cents, {invoice: part})

    def enter(self, customer, cents, parts=None):
        click = self.click()
        named = parts and {self.name(invoice): part for invoice, part in parts.items()}
        for _ in range(2):  # a double click
            paid = self.both(
                lambda: payments.record(
                    customer, amount_cents=cents, kind="check", key=click, received_on=self.today,
                    parts=parts and list(parts.items()), confirmed=True, **self.told(),
                ),
                lambda: self.paper.pay_by_hand(click, customer.id, cents, self.today, named),
            )  # fmt: skip
            if paid is None:
                break

    @rule(which=WHICH)
    def a_check_comes_back(self, which):
        payment = self.one(Payment, which)
        if payment:
            self.both(
                lambda: returns.bounce(payment, reason="No funds", **self.told()),
                lambda: self.paper.bounce(payment.key, self.today),
            )

    @rule(which=WHICH, cents=CENTS)
    def money_goes_back(self, which, cents):
        payment, click = self.one(Payment, which), self.click()
        if payment:
            self.both(
                lambda: refunds.start(
                    payment, amount_cents=cents, how="check", reason="Paid twice", key=click, **self.told()
                ),
                lambda: self.paper.refund(click, ("payment", payment.key), cents, self.today),
            )

    # -- corrections

    @rule(which=WHICH, cents=CENTS)
    def an_invoice_is_credited(self, which, cents):
        invoice = self.one(Invoice, which)
        if invoice:
            self.both(
                lambda: invoices.credit(invoice, amount_cents=cents, reason="Sorry", **self.told()),
                lambda: self.paper.credit(self.name(invoice), cents, self.today),
            )

    @rule(which=WHICH, cents=CENTS)
    def somebody_is_kind(self, which, cents):
        customer = self.one(Customer, which)
        self.both(
            lambda: invoices.goodwill(customer, amount_cents=cents, reason="Patience", **self.told()),
            lambda: self.paper.goodwill(customer.id, cents, self.today),
        )

    @rule(which=WHICH, again=st.booleans())
    def an_invoice_is_voided(self, which, again):
        invoice = self.one(Invoice, which)
        if invoice:
            self.both(
                lambda: invoices.void(invoice, reason="Wrong", bill_again=again, **self.told()),
                lambda: self.paper.void(self.name(invoice), self.today, again),
            )

    @rule(which=WHICH, issue=st.booleans())
    def a_draft_is_decided(self, which, issue):
        draft = self.one(Invoice, which, Invoice.state == "draft")
        if draft and issue:
            self.both(
                lambda: invoices.issue(draft, **self.told()),
                lambda: self.paper.issue_draft(self.name(draft), self.today),
            )
        elif draft:
            self.both(
                lambda: invoices.discard(draft, reason="Wrong", **self.told()),
                lambda: self.paper.discard(self.name(draft), self.today),
            )

    # -- work and contracts

    @rule(which=WHICH, cents=CENTS, alone=st.booleans(), days=st.integers(-3, 3))
    def work_is_done(self, which, cents, alone, days):
        customer, on = self.one(Customer, which), self.today + days * second_model.ONE_DAY
        work = make_one_off(customer, item=self.item, cents=cents, done_on=on, alone=alone)
        self.paper.note("work", work=work.id, customer=customer.id, cents=cents, on=on, alone=alone)

    @rule(which=WHICH)
    def work_is_canceled(self, which):
        work = self.one(OneOff, which)
        if work:
            self.both(
                lambda: one_offs.cancel(work, reason="Not done", **self.told()),
                lambda: self.paper.cancel_work(work.id),
            )

    @rule(which=WHICH, days=st.integers(-70, 30))
    def a_contract_is_paused_or_resumed(self, which, days):
        contract, on = self.one(Contract, which), self.today + days * second_model.ONE_DAY
        if contracts.running_pause(contract):
            self.both(
                lambda: contracts.resume(contract, on=on, by=BY, now=self.clock.now()),
                lambda: self.paper.resume(contract.id, on),
            )
        else:
            self.both(
                lambda: contracts.pause(contract, from_on=on, reason="Away", by=BY, now=self.clock.now()),
                lambda: self.paper.pause(contract.id, on),
            )

    @rule(which=WHICH, days=st.integers(-40, 70), cents=CENTS)
    def a_price_changes(self, which, days, cents):
        charge, on = self.one(Charge, which), self.today + days * second_model.ONE_DAY
        self.both(
            lambda: contracts.change_price(
                charge, from_on=on, unit_cents=cents, reason="Yearly", by=BY, now=self.clock.now()
            ),
            lambda: self.paper.change_price(charge.id, on, cents),
        )

    @rule(which=WHICH, days=st.integers(-40, 40))
    def a_contract_ends(self, which, days):
        contract, on = self.one(Contract, which), self.today + days * second_model.ONE_DAY
        self.both(
            lambda: contracts.end(contract, on=on, reason_code="moved", **self.told()),
            lambda: self.paper.end(contract.id, on, self.today),
        )

    # -- what must be true after each of them

    @invariant()
    def both_books_agree(self):
        self.the_checks_find_nothing()
        self.every_invoice_is_as_on_paper()
        self.all_money_is_as_on_paper()
        self.money_pays_the_same_invoices_as_on_paper()
        self.every_balance_and_history_is_as_on_paper()
        self.nothing_that_is_due_was_left_out()

    def the_checks_find_nothing(self):
        assert [str(finding) for finding in checks.run()] == []

    def every_invoice_is_as_on_paper(self):
        lines, found = {}, []
        for line in Line.select().order_by(Line.position):
            part = (line.from_on, line.to_on, line.days or None, line.total_cents)
            lines.setdefault(line.invoice_id, []).append(part)
        for at, row in enumerate(Invoice.select().order_by(Invoice.id), 1):
            found.append(
                (
                    *(
                        at,
                        row.customer_id,
                        row.state,
                        row.number,
                        row.issued_on,
                        row.due_on,
                        row.previous_cents,
                    ),
                    *(row.total_cents, row.open_cents, row.voided_on, lines[row.id]),
                )
            )
        assert found == self.paper.list_of_invoices()

    def all_money_is_as_on_paper(self):
        found = {
            ("payment", row.key): (row.state, row.amount_cents, row.open_cents) for row in Payment.select()
        }
        for at, row in enumerate(Credit.select().order_by(Credit.id), 1):
            found["credit", at] = (row.kind, row.amount_cents, row.open_cents)
        assert found == self.paper.list_of_money()

    def money_pays_the_same_invoices_as_on_paper(self):
        names, found = self.names(), {}
        keys = dict(Payment.select(Payment.id, Payment.key).tuples())
        credits = {
            id: at for at, (id,) in enumerate(Credit.select(Credit.id).order_by(Credit.id).tuples(), 1)
        }
        for row in Allocation.select():
            money = (
                ("payment", keys[row.payment_id]) if row.payment_id else ("credit", credits[row.credit_id])
            )
            pair = money, names[row.invoice_id]
            found[pair] = found.get(pair, 0) + row.amount_cents
        assert {pair: cents for pair, cents in found.items() if cents} == self.paper.list_of_applied()

    def every_balance_and_history_is_as_on_paper(self):
        paper, customers = self.paper, list(Customer.select())
        balances = ledger.balances([customer.id for customer in customers], today=self.today)
        for customer in customers:
            balance = balances[customer.id]
            assert balance.owed_cents == paper.owed(customer.id)
            assert balance.unapplied_cents == paper.unapplied(customer.id)
            assert balance.past_due_cents == paper.past_due(customer.id, self.today)
            assert balance.pending_cents == paper.pending(customer.id)
            history, running = ledger.history(customer), 0
            for entry in history:
                running += entry.amount_cents
                assert entry.balance_cents == running
            assert running == balance.owed_cents - balance.unapplied_cents
            rows = [(entry.on, entry.kind, entry.amount_cents) for entry in history]
            assert sorted(rows) == paper.history(customer.id)

    def nothing_that_is_due_was_left_out(self):
        """A preview right after the job's day is what paper would bill."""
        due = sum(one.total_cents for one in bill.preview(self.today) if not one.refusal)
        assert due == self.paper.due_cents(self.today)


def test_whatever_happens_both_books_agree(databases, database_kind):
    class Fresh(Office):
        """Every story begins with an empty database of its own."""

        def __init__(self):
            self._stack = databases.fresh(database_kind, build)
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
            max_examples=STORIES or 60,
            stateful_step_count=40,
            deadline=None,  # the first step of a story makes a database
            derandomize=not STORIES,
            database=None,
        ),
    )


# --- What it found, told again -------------------------------------------------------------------


def test_a_period_that_was_voided_for_good_is_not_billed_again_with_an_earlier_one(db, alice):
    make_charge(make_contract(alice), starts_on=TODAY)
    months = TODAY, TODAY.replace(year=2027, month=1), TODAY.replace(year=2027, month=2)
    for day in months:
        bill.run(day, by=BY, now=NOW)
    december, january, february = Invoice.select().order_by(Invoice.number)
    told = {"reason": "Wrong", "by": BY, "today": months[-1], "now": NOW}
    invoices.void(february, bill_again=True, **told)
    invoices.void(january, **told)

    with pytest.raises(BillingError, match="voided for good"):
        invoices.void(december, bill_again=True, **told)
    invoices.void(Invoice.get_by_id(december.id), **told)
    bill.run(months[-1], by=BY, now=NOW)

    assert [line.from_on for line in Line.select().where(Line.voided_on.is_null())] == [months[-1]]


def test_a_resume_long_ago_bills_what_was_passed_over_after_what_was_billed(db, alice):
    """December was billed before the pause was entered; January and February were passed over in it."""
    contract = make_contract(alice)
    make_charge(contract, starts_on=TODAY)
    bill.run(TODAY, by=BY, now=NOW)
    contracts.pause(contract, from_on=TODAY.replace(day=5), reason="Away", by=BY, now=NOW)
    bill.run(TODAY.replace(year=2027, month=3), by=BY, now=NOW)

    contracts.resume(contract, on=TODAY.replace(day=20), by=BY, now=NOW)
    bill.run(TODAY.replace(year=2027, month=3), by=BY, now=NOW)

    assert [line.from_on.month for line in Line.select().order_by(Line.from_on)] == [12, 1, 2, 3]
