"""A small company over a moving clock, in any order, held against a second model after every step.

Hypothesis draws what happens: bills, payments on a page and by hand, refunds, voids, credits, pauses, ends.
The product does it, ``tests/second_model.py`` writes it down, and both must refuse the same things and show
the same amounts. The gateway is a small one in memory; the way over HTTP is tested in ``test_pay_online.py``.

The suite draws the same stories every time; ``STORIES=5000 pytest tests/test_state_machine.py`` draws new
ones.
"""

import os
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest

import pytest
from hypothesis import settings
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
from billing import bill, checks, contracts, daily, invoices, ledger, one_offs, payments
from billing.automatic import autopay, consent
from billing.edges.clock import FixedClock
from billing.edges.database import open_database
from billing.errors import BillingError, GatewayUnavailable
from billing.outcomes import Approved, Batch, Declined, HostedPage, InDoubt, ReturnedItem, Transaction, Voided
from billing.reversals import refunds, returns
from models import (
    Charge,
    Company,
    Contract,
    Customer,
    Invoice,
    Line,
    OneOff,
    Payment,
    PaymentMethod,
    PaymentPart,
    Refund,
)
from tests import second_model
from tests.conftest import TODAY, build
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_item,
    make_method,
    make_one_off,
    make_rate,
    make_site,
)
from tests.paying import urls

STORIES = int(os.environ.get("STORIES", 0))
STORIES_OF_THE_SUITE = {"sqlite": 20, "postgresql": 8}  # about ten seconds each
CENTS = st.integers(1, 9_000)
WHICH = st.integers(0, 9)
TAX_PPM = 82_500
FOUNDED = TODAY - timedelta(days=40)
HALF_A_YEAR = timedelta(days=150)  # nearly: later the processor refunds no more
ORDERS = {"in_doubt": "sent", "approved": "done", "declined": "dead", "refused": "dead"}
LESS = st.sampled_from([0, 0, 0, 1, 700, 3000])
KIND = st.sampled_from(["card", "card", "bank"])
TABS = st.sampled_from([1, 1, 1, 2])  # in which the page is open and is sent
SENT = st.sampled_from(["capturedPendingSettlement"] * 4 + ["declined", "FDSPendingReview", None])
SENT_FOR = timedelta(minutes=15)  # how long the gateway's page can be sent


def has(*events):
    """The rule is drawn only when one of these has happened: what it needs is there."""
    return precondition(lambda office: any(office.paper.all(event) for event in events))


class Gateway:
    """A payment gateway in memory. What it is asked is what the rules ask; the rest is the world outside."""

    hosted_url = "https://gateway.example/payment"

    def __init__(self, now):
        self.now, self.line, self.verdict = now, "good", "capturedPendingSettlement"
        self.pages, self.transactions, self.settled, self.charges = {}, {}, [], []

    # -- what it is asked

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

    def unsettled(self, *, since):
        self._answer()
        return self.waiting()

    def batches(self, first, last):
        self._answer()
        return [batch for batch, _ in self.settled]

    def batch_transactions(self, batch_id):
        self._answer()
        return next(
            list(map(self.as_listed, ids)) for batch, ids in self.settled if batch.batch_id == batch_id
        )

    def account_updates(self, month):
        self._answer()
        return []

    def check(self):
        self._answer()

    def charge(self, *, amount_cents, reference, **_):
        """A stored card is charged: what the bank says was drawn before, and whether we hear of it."""
        answer = InDoubt("No answer.")
        if self.line in ("good", "loses answers"):
            made = self.put(self.verdict, amount_cents, reference, type="authCaptureTransaction")
            if self.line == "good":
                answer = made.outcome()
        self.charges.append((reference, self.told(reference) if self.line == "good" else None))
        return answer

    def void(self, transaction_id, **_):
        transaction = self.transactions[transaction_id]
        if self.line in ("down", "loses requests"):
            return InDoubt("No answer.")
        if transaction.status != "capturedPendingSettlement":
            return Declined("16", "Too late.")
        self.change(transaction, "voided")
        return Voided(transaction_id) if self.line == "good" else InDoubt("No answer.")

    def refund(self, transaction_id, amount_cents, *, reference, **_):
        self._answer()
        if self.line == "loses requests":
            return InDoubt("No answer.")
        made = self.put(
            "refundPendingSettlement", amount_cents, reference, ref_transaction_id=transaction_id,
            type="refundTransaction",
        )  # fmt: skip
        return Approved(made.transaction_id) if self.line == "good" else InDoubt("No answer.")

    def is_authentic(self, body, header):
        return True

    def _answer(self):
        if self.line == "down":
            raise GatewayUnavailable("The payment processor cannot be reached.")

    # -- the world outside

    def send_page(self, reference, status, kind):
        """A customer fills in the page and sends it; too late it does nothing."""
        cents, opened_at = self.pages.get(reference, (0, None))
        if opened_at is not None and self.now < opened_at + SENT_FOR:
            self.put(status, cents, reference, kind=kind, type="authCaptureTransaction")

    def put(self, status, cents, reference="", **more):
        id = str(60_001 + len(self.transactions))
        made = Transaction(id, status, cents, reference=reference, submitted_at=self.now, **more)
        self.transactions[id] = made
        return made

    def change(self, transaction, status, **more):
        """The processor's people, its night or a bank make something else of a transaction."""
        self.transactions[transaction.transaction_id] = replace(transaction, status=status, **more)

    def having(self, *statuses):
        return [one for one in self.transactions.values() if one.status in statuses]

    def as_listed(self, id):
        """Lists say less than details: not what a bank returned."""
        return replace(self.transactions[id], returned_items=())

    def waiting(self):
        batched = {id for _, ids in self.settled for id in ids}
        return [self.as_listed(id) for id in self.transactions if id not in batched]

    def night(self):
        """What was approved or came back is settled; cards and bank debits each in a batch of their own."""
        for kind in ("card", "bank"):
            ids = [
                one.transaction_id for one in self.waiting() if one.kind == kind and one.status in AT_NIGHT
            ]
            for id in ids:
                self.change(self.transactions[id], AT_NIGHT[self.transactions[id].status])
            if ids:
                self.settled.append((self._batch(kind, [self.transactions[id] for id in ids]), ids))

    def _batch(self, kind, all):
        paid = [one.amount_cents for one in all if one.status == "settledSuccessfully"]
        back = [one.amount_cents for one in all if one.status == "refundSettledSuccessfully"]
        taken = [one.amount_cents for one in all if one.status in TAKEN_AWAY]
        return Batch(
            str(1 + len(self.settled)), "settledSuccessfully", kind, self.now,
            len(paid), sum(paid), len(back), sum(back), len(taken), sum(taken),
        )  # fmt: skip

    # -- the same in the words of the second model

    def told(self, reference):
        """All that it has for a reference: [(id, status, cents)]."""
        ours = [one for one in self.transactions.values() if one.reference == reference]
        return [(one.transaction_id, plain(one), one.amount_cents) for one in ours]


PLAIN = {
    "capturedPendingSettlement": "approved",
    "settledSuccessfully": "settled",
    "FDSPendingReview": "held",
    "declined": "declined",
    "voided": "voided",
    "refundPendingSettlement": "refund",
    "refundSettledSuccessfully": "refund settled",
    "returnedItem": "return entry",
    "chargeback": "chargeback",
    "chargebackReversal": "reversal",
}
TAKEN_AWAY = ("returnedItem", "chargeback")
AT_NIGHT = {
    "capturedPendingSettlement": "settledSuccessfully",
    "refundPendingSettlement": "refundSettledSuccessfully",
    **{status: status for status in (*TAKEN_AWAY, "chargebackReversal")},
}


def plain(transaction):
    return "returned" if transaction.returned_items else PLAIN[transaction.status]


class Office(RuleBasedStateMachine):
    """Everything that staff, customers, banks and the clock may do, in any order, on any day."""

    @initialize(data=st.data(), ahead=st.sampled_from([0, 0, 10]))
    def found(self, data, ahead):
        self.clock, self.clicks = FixedClock(TODAY), 0
        self.gateway = Gateway(self.clock.now())
        Company.update(bill_ahead_days=ahead, catch_up_periods=3, refund_alone_cents=8000).execute()
        self.paper = second_model.Books(
            first_number=10001, terms_days=15, bill_ahead_days=ahead, catch_up_periods=3,
            refund_alone_cents=8000,
        )  # fmt: skip
        make_rate(rate_ppm=TAX_PPM)
        self.item, self.customers, self.names, self.seen = make_item(), [], {}, None
        for name in ("Ann", "Ben"):
            customer = make_customer(name)
            self.customers.append(customer)
            self.paper.note("customer", customer=customer.id)
            for _ in range(data.draw(st.integers(1, 2))):
                contract = make_contract(customer, starts_on=FOUNDED)
                self.paper.note("contract", contract=contract.id, starts_on=FOUNDED)
                for _ in range(data.draw(st.integers(1, 2))):
                    self.agree(contract, data)
        self.run_the_job()

    def agree(self, contract, data):
        """A recurring charge, on both books."""
        taxed, in_arrears = data.draw(st.booleans()), data.draw(st.booleans())
        terms = {
            "starts_on": FOUNDED + data.draw(st.integers(0, 60)) * second_model.ONE_DAY,
            "cycle_months": data.draw(st.sampled_from([1, 1, 1, 3, 12])), "in_arrears": in_arrears,
            "prorate_first": data.draw(st.booleans()), "prorate_last": data.draw(st.booleans()),
            "quantity": data.draw(st.integers(1, 3)),
        }  # fmt: skip
        cents, anchor, off = data.draw(CENTS), data.draw(st.integers(1, 31)), data.draw(st.integers(0, 300))
        off = min(off, terms["quantity"] * cents)
        site = make_site(contract.customer, jurisdiction="TX-AUSTIN" if taxed else "")
        charge = make_charge(
            contract, item=self.item, site=site, cents=cents, anchor_day=anchor, discount_cents=off,
            discount_reason="agreed", text=f"Monitoring {site.id}, included", **terms,
        )  # fmt: skip
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

    def name(self, invoice):
        """Paper names invoices by their count."""
        if invoice.id not in self.names:
            self.names = {id: at for at, (id,) in enumerate(rows("SELECT id FROM invoice ORDER BY id"), 1)}
        return self.names[invoice.id]

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
        if "days" in span:
            self.gateway.night()

    @rule()
    def run_the_job(self):
        """The daily job as it is, but for sending: every step, in its order, without trouble."""
        now = self.clock.now()
        asked = [(payment.key, self.gateway.told(payment.reference)) for payment in payments.due_to_ask(now)]
        orders = [(refund.key, self.seen_of(refund)) for refund in refunds.due_to_ask(now)]
        self.gateway.charges.clear()
        day = daily.Day(self.today, self.clock, self.gateway, send=None, compose=None)
        for step in daily.STEPS:
            if step.name != "send":
                step.run(day)
        trouble = [line for line in day.trouble if "did not go through" not in line]
        assert self.is_down() or not trouble, trouble
        for key, told in asked if not self.is_down() else ():
            self.paper.hear(key, told, now, self.today)
        for key, seen in orders:
            self.paper.go_on_with_refund(key, seen, self.gateway.line, now, self.today)
        self.paper.run(self.today)
        self.paper.use_credit(self.today)
        for reference, told in self.gateway.charges:
            self.put_charge_on_paper(reference, told, by_itself=True)
        if not self.is_down():
            self.look_through_the_lists()

    def put_charge_on_paper(self, reference, told, *, by_itself):
        """The product has just charged a stored method: was that right, and what follows from the answer?"""
        payment = Payment.get(Payment.reference == reference)
        parts = {
            self.name(part.invoice): part.amount_cents for part in payment.parts.order_by(PaymentPart.id)
        }
        self.paper.charge(
            payment.key, payment.customer_id, parts, told, self.clock.now(), self.today, by_itself=by_itself
        )

    def is_down(self):
        return self.gateway.line == "down"

    def look_through_the_lists(self):
        """Paper reads the gateway's lists as the job does: batch by batch, then what waits."""
        clicks = dict(Payment.select(Payment.reference, Payment.key).tuples())
        orders = dict(Refund.select(Refund.reference, Refund.key).tuples())
        batched = [(id, True) for _, ids in self.gateway.settled for id in ids]
        for id, in_batch in batched + [(one.transaction_id, False) for one in self.gateway.waiting()]:
            one = self.gateway.as_listed(id)
            about = orders.get(one.reference) or one.ref_transaction_id
            told = (id, plain(one), one.amount_cents, about)
            self.paper.look_at(told, clicks.get(one.reference), self.today, in_batch=in_batch)

    def seen_of(self, refund):
        """What the gateway would tell of an order: how its payment stands, and whether it is there."""
        paid = self.gateway.transactions.get(refund.payment.transaction_id)
        is_there = any(one.reference == refund.reference for one in self.gateway.transactions.values())
        return paid and plain(paid), is_there

    # -- paying online

    @has("issued")
    @rule(
        which=WHICH,
        more=st.booleans(),
        less=LESS,
        status=SENT,
        kind=KIND,
        tabs=TABS,
        comes_back=st.booleans(),
    )
    def somebody_pays_online(self, which, more, less, status, kind, tabs, comes_back):
        """For one invoice, in full or in part, or for all that are open; as far as they get."""
        invoice = self.one(Invoice, which, Invoice.open_cents > 0)
        if invoice is None:
            return
        parts = [(invoice, max(invoice.open_cents - less, 1))]
        if more:
            others = ledger.open_invoices(invoice.customer).where(Invoice.id != invoice.id)
            parts += [(other, other.open_cents) for other in others]
        click, now = self.click(), self.clock.now()
        payment = self.both(
            lambda: payments.start_online(
                invoice.customer, parts, key=click, gateway=self.gateway, urls=urls, today=self.today, now=now
            ),
            lambda: self.paper.start(
                click, invoice.customer_id, {self.name(one): cents for one, cents in parts}, now, self.today,
                lowest=500, answered=not self.is_down(),
            ),
        )  # fmt: skip
        for _ in range(tabs if payment and status else 0):
            self.gateway.send_page(payment.reference, status, kind)
        if payment and comes_back:
            self.come_back(payment)

    @has("attempt")
    @rule(which=st.integers(-3, -1), status=SENT, kind=KIND)
    def a_page_is_sent_once_more(self, which, status, kind):
        payment = self.one(Payment, which, Payment.form_token_at.is_null(False))
        if payment and status:
            self.gateway.send_page(payment.reference, status, kind)

    @has("attempt")
    @rule(which=WHICH)
    def a_customer_comes_back_from_the_page(self, which):
        payment = self.one(Payment, which, Payment.state.in_(Payment.LIVE))
        if payment:
            self.come_back(payment)

    def come_back(self, payment):
        if not self.is_down():
            told = self.gateway.told(payment.reference)
            payments.ask(payment, gateway=self.gateway, today=self.today, now=self.clock.now())
            self.paper.hear(payment.key, told, self.clock.now(), self.today)

    @precondition(lambda self: self.gateway.having("FDSPendingReview"))
    @rule(which=WHICH, status=st.sampled_from(["capturedPendingSettlement", "declined"]))
    def the_processor_reviews(self, which, status):
        held = self.gateway.having("FDSPendingReview")
        if held:
            self.gateway.change(held[which % len(held)], status)

    @rule(line=st.sampled_from(["good", "good", "good", "down", "loses answers", "loses requests"]))
    def the_line_to_the_gateway_changes(self, line):
        self.gateway.line = line

    @precondition(lambda self: self.gateway.having("capturedPendingSettlement"))
    @rule(which=WHICH)
    def the_processor_cancels_a_payment(self, which):
        approved = self.gateway.having("capturedPendingSettlement")
        if approved:
            self.gateway.change(approved[which % len(approved)], "voided")

    @precondition(lambda self: self.gateway.having("settledSuccessfully"))
    @rule(which=WHICH)
    def a_bank_returns_a_debit(self, which):
        settled = [one for one in self.gateway.having("settledSuccessfully") if one.kind == "bank"]
        if settled:
            debit = settled[which % len(settled)]
            if not debit.returned_items:
                item = ReturnedItem("1", "R01", returned_on=self.today)
                self.gateway.change(debit, debit.status, returned_items=(item,))
                self.gateway.put(
                    "returnedItem", debit.amount_cents, kind="bank", ref_transaction_id=debit.transaction_id
                )

    @precondition(lambda self: self.gateway.having("settledSuccessfully"))
    @rule(which=WHICH, cents=CENTS)
    def a_card_holder_disputes_a_payment(self, which, cents):
        settled = [one for one in self.gateway.having("settledSuccessfully") if one.kind == "card"]
        disputed = {one.ref_transaction_id for one in self.gateway.having("chargeback")}
        paid = settled[which % len(settled)] if settled else None
        if paid and paid.transaction_id not in disputed:
            cents = min(cents, paid.amount_cents)
            self.gateway.put("chargeback", cents, ref_transaction_id=paid.transaction_id)

    @precondition(lambda self: self.gateway.having("chargeback"))
    @rule(which=WHICH)
    def a_dispute_is_decided_for_us(self, which):
        disputes = self.gateway.having("chargeback")
        if disputes:
            about = disputes[which % len(disputes)]
            won = {one.ref_transaction_id for one in self.gateway.having("chargebackReversal")}
            if about.ref_transaction_id not in won:
                self.gateway.put(
                    "chargebackReversal", about.amount_cents, ref_transaction_id=about.ref_transaction_id
                )

    # -- saved methods

    @rule(which=WHICH, days_before=st.sampled_from([0, 0, 5]))
    def a_customer_agrees_to_autopay(self, which, days_before):
        customer = self.one(Customer, which)
        method = PaymentMethod.get_or_none(
            (PaymentMethod.customer == customer) & (PaymentMethod.state == PaymentMethod.ACTIVE)
        ) or make_method(customer, expires_on=None)
        terms = {
            "timing": "days_before" if days_before else "due_date", "days_before": days_before,
            "day_of_month": None, "cap_cents": None, "tell_days": None,
        }  # fmt: skip
        autopay.agree(
            customer, contact=None, method=method, text=consent.words_of(customer, method, **terms).text,
            address="192.0.2.1", **terms, **self.told(),
        )  # fmt: skip
        self.paper.note("autopay", customer=customer.id, days_before=days_before)

    @has("autopay")
    @rule(which=WHICH)
    def a_customer_switches_autopay_off(self, which):
        customer = self.one(Customer, which)
        standing = autopay.standing(customer)
        if standing:
            autopay.end(standing, reason="Enough", by=BY, now=self.clock.now())
            self.paper.note("autopay", customer=customer.id, days_before=None)

    @has("autopay")
    @rule(which=WHICH, less=st.integers(0, 3000))
    def a_customer_pays_with_a_saved_card(self, which, less):
        invoice = self.one(Invoice, which, Invoice.open_cents > 0)
        method = invoice and invoice.customer.methods.where(PaymentMethod.state == "active").first()
        if method:
            cents, before = max(invoice.open_cents - less, 1), len(self.gateway.charges)
            try:
                payments.charge_saved(
                    invoice.customer, [(invoice, cents)], method=method, key=self.click(),
                    gateway=self.gateway, **self.told(),
                )  # fmt: skip
            except BillingError:
                assert len(self.gateway.charges) == before
                assert self.paper.may_not_pay(self.name(invoice), cents, lowest=500)
            else:
                self.put_charge_on_paper(*self.gateway.charges[-1], by_itself=False)

    @has("autopay")
    @rule(verdict=st.sampled_from(["capturedPendingSettlement"] * 3 + ["declined", "FDSPendingReview"]))
    def banks_change_their_mind(self, verdict):
        self.gateway.verdict = verdict

    # -- by hand

    @rule(which=WHICH, cents=CENTS)
    def a_check_comes(self, which, cents):
        self.enter(self.one(Customer, which), cents)

    @has("issued")
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

    @has("paid by hand")
    @rule(which=WHICH)
    def a_check_comes_back(self, which):
        payment = self.one(Payment, which)
        if payment:
            self.both(
                lambda: returns.bounce(payment, reason="No funds", **self.told()),
                lambda: self.paper.bounce(payment.key, self.today),
            )

    # -- refunds

    @has("attempt", "paid by hand")
    @rule(which=WHICH, cents=CENTS, all_of_it=st.booleans(), reopen=st.booleans())
    def staff_order_a_refund(self, which, cents, all_of_it, reopen):
        payment, click = self.one(Payment, which), self.click()
        if payment is None:
            return
        cents = payment.amount_cents if all_of_it else cents
        how = None if payment.kind == "card" and self.today < payment.received_on + HALF_A_YEAR else "check"
        self.both(
            lambda: refunds.start(
                payment, amount_cents=cents, how=how, reopen=reopen, reason="Paid twice", key=click,
                **self.told(),
            ),
            lambda: self.paper.order_refund(
                click, ("payment", payment.key), cents, self.today, by_hand=how is not None, reopen=reopen
            ),
        )  # fmt: skip

    @has("refund")
    @rule(which=WHICH)
    def an_order_goes_on(self, which):
        refund = self.one(Refund, which, Refund.state.in_(("prepared", "sent", "in_doubt")))
        if refund and not self.is_down():
            seen, now = self.seen_of(refund), self.clock.now()
            refunds.go_on(refund, gateway=self.gateway, today=self.today, now=now)
            self.paper.go_on_with_refund(refund.key, seen, self.gateway.line, now, self.today)

    @has("refund")
    @rule(which=WHICH, agrees=st.booleans())
    def a_second_person_decides(self, which, agrees):
        refund = self.one(Refund, which)
        if refund and agrees:
            self.both(
                lambda: refunds.approve(refund, by="Olga", today=self.today, now=self.clock.now()),
                lambda: self.paper.agree_to_refund(refund.key, self.today),
            )
        elif refund:
            self.both(
                lambda: refunds.refuse(refund, reason="No", by="Olga", now=self.clock.now()),
                lambda: self.paper.refuse_refund(refund.key, self.today),
            )

    # -- corrections

    @has("issued")
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

    @has("issued")
    @rule(which=WHICH, again=st.booleans())
    def an_invoice_is_voided(self, which, again):
        invoice = self.one(Invoice, which)
        if invoice:
            self.both(
                lambda: invoices.void(invoice, reason="Wrong", bill_again=again, **self.told()),
                lambda: self.paper.void(self.name(invoice), self.today, again),
            )

    @precondition(lambda self: len(self.paper.all("drawn up")) > len(self.paper.all("issued")))
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
        text = f"Repair {OneOff.select().count()}, included"  # one that looks like another would be a draft
        work = make_one_off(customer, item=self.item, cents=cents, done_on=on, alone=alone, text=text)
        self.paper.note("work", work=work.id, customer=customer.id, cents=cents, on=on, alone=alone)

    @has("work")
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
                charge,
                from_on=on,
                unit_cents=cents,
                reason="Yearly",
                by=BY,
                now=self.clock.now(),
                agreed_how="Order",
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
        if self.seen != (self.today, len(self.paper.events)):  # else they cannot be others than before
            self.every_balance_and_history_is_as_on_paper()
            self.seen = self.today, len(self.paper.events)

    def the_checks_find_nothing(self):
        assert [str(finding) for finding in checks.run()] == []

    def every_invoice_is_as_on_paper(self):
        lines = {}
        for invoice, *line in rows(
            "SELECT invoice_id, from_on, to_on, days, total_cents FROM line ORDER BY invoice_id, position"
        ):
            lines.setdefault(invoice, []).append(tuple(line))
        found = rows(
            "SELECT id, customer_id, state, number, issued_on, due_on, previous_cents, total_cents,"
            " open_cents, voided_on FROM invoice ORDER BY id"
        )
        self.names = {id: at for at, (id, *_) in enumerate(found, 1)}
        found = [(self.names[id], *row, lines[id]) for id, *row in found]
        same(found, self.paper.list_of_invoices())

    def all_money_is_as_on_paper(self):
        payments = rows("SELECT id, key, state, amount_cents, open_cents FROM payment")
        credits = rows("SELECT id, kind, amount_cents, open_cents FROM credit ORDER BY id")
        orders = rows("SELECT key, state, amount_cents FROM refund")
        self.money = {("payment", id): ("payment", key) for id, key, *_ in payments}
        self.money |= {("credit", id): ("credit", at) for at, (id, *_) in enumerate(credits, 1)}
        found = {("payment", key): tuple(row) for _, key, *row in payments}
        found |= {self.money["credit", id]: tuple(row) for id, *row in credits}
        same(sorted(found.items()), sorted(self.paper.list_of_money().items()))
        refunds = {key: (ORDERS.get(state, state), cents) for key, state, cents in orders}
        same(sorted(refunds.items()), sorted(self.paper.list_of_refunds().items()))

    def money_pays_the_same_invoices_as_on_paper(self):
        found = {}
        for invoice, payment, credit, cents in rows(
            "SELECT invoice_id, payment_id, credit_id, SUM(amount_cents) FROM allocation GROUP BY 1, 2, 3"
        ):
            money = self.money["payment", payment] if payment else self.money["credit", credit]
            found[money, self.names[invoice]] = cents
        found = {pair: cents for pair, cents in found.items() if cents}
        same(sorted(found.items()), sorted(self.paper.list_of_applied().items()))

    def every_balance_and_history_is_as_on_paper(self):
        paper = self.paper
        balances = ledger.balances([customer.id for customer in self.customers], today=self.today)
        for customer in self.customers:
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
            shown = [(entry.on, entry.kind, entry.amount_cents) for entry in history]
            same(sorted(shown), paper.history(customer.id))


def same(found, expected):
    """Equal, or the rows in which they differ."""
    differ = [pair for pair in zip_longest(found, expected) if pair[0] != pair[1]]
    assert not differ, f"(in the books, on paper): {differ[:3]}"


def rows(query):
    """What really stands in the database, read without a word of our own code."""
    found = models.db.execute_sql(query).fetchall()
    return [tuple(map(_plain_value, row)) for row in found]


def _plain_value(value):
    """SQLite keeps days as text, and PostgreSQL sums whole numbers into a Decimal."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return date.fromisoformat(value)
    return int(value) if isinstance(value, Decimal) else value


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
            max_examples=STORIES or STORIES_OF_THE_SUITE[database_kind],
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


def test_a_resume_after_the_end_does_not_bill_the_last_days_twice(db, alice):
    """The last period was billed up to the end of the contract; the pause ends later in the same month."""
    contract = make_contract(alice)
    make_charge(contract, starts_on=TODAY)
    contracts.end(contract, on=TODAY.replace(day=10), reason_code="moved", by=BY, today=TODAY, now=NOW)
    bill.run(TODAY, by=BY, now=NOW)
    contracts.pause(contract, from_on=TODAY.replace(day=11), reason="Away", by=BY, now=NOW)

    contracts.resume(contract, on=TODAY.replace(day=15), by=BY, now=NOW)

    report = bill.run(TODAY.replace(day=15), by=BY, now=NOW)
    assert (report.skipped, Line.select().count()) == ([], 1)


def test_what_never_began_is_not_billed_again_when_its_invoice_is_voided(db, alice):
    """The contract ended before the charge began, which had been billed by then."""
    contract = make_contract(alice, starts_on=TODAY.replace(month=11))
    make_charge(contract, starts_on=TODAY, prorate_last=False)
    bill.run(TODAY, by=BY, now=NOW)
    told = {"by": BY, "today": TODAY, "now": NOW}
    contracts.end(contract, on=TODAY.replace(month=11, day=20), reason_code="moved", **told)

    invoices.void(Invoice.get(), reason="Never began", bill_again=True, **told)

    assert bill.run(TODAY, by=BY, now=NOW).invoices == 0
