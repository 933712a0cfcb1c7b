"""Autopay in tests: customers with methods that the sandbox keeps, and the step that charges them.

    def test_it_is_charged(autopaying):
        ann = autopaying.customer("Ann")
        invoice = autopaying.due(ann)
        assert str(autopaying.run()).startswith("1 charged $42.50")

What an enrollment writes is written here row by row, so that a test can begin anywhere; enrolling itself is
tested with its own module.
"""

from billing import charging, payments
from models import Autopay, AutopayOutcome, Customer, Invoice, Payment, PaymentMethod, PlannedCharge
from tests.factories import BY, make_customer, make_invoice

CARDS = ("4111111111111111", "4242424242424242", "4000000000000002")


class Autopaying:
    """Customers on autopay, a sandbox and one clock for both. ``paying`` is tests.paying.Paying."""

    def __init__(self, paying):
        self.paying, self.sandbox, self.clock, self.gateway = (
            paying, paying.sandbox, paying.clock, paying.gateway,
        )  # fmt: skip

    @property
    def today(self):
        return self.clock.today()

    def later(self, **span):
        self.paying.later(**span)

    # -- who

    def customer(self, name="Ann Archer", *, kind="card", email="ann@example.com", **terms):
        """A customer with one saved method and a standing authorization."""
        customer = make_customer(name, email=email)
        self.enroll(customer, self.method(customer, kind), **terms)
        return customer

    def method(self, customer, kind="card", **about):
        """Another saved method of a customer, here and at the sandbox."""
        known = PaymentMethod.select().where(PaymentMethod.customer == customer).count()
        given = {"number": CARDS[known % len(CARDS)]} if kind == "card" else {}
        profile, token = self.sandbox.method(customer.account_number, kind, **given, **about)
        Customer.update(profile_id=profile).where(Customer.id == customer.id).execute()
        customer.profile_id = profile
        label = f"Visa ending {given['number'][-4:]}" if given else "Checking account ending 6781"
        return PaymentMethod.create(
            customer=customer, token=token, kind=kind, label=label, last_four=label[-4:], added_by=BY,
            account_type="" if kind == "card" else "checking", added_at=self.clock.now(),
        )  # fmt: skip

    def enroll(self, customer, method, **terms):
        """A standing authorization, in place of the former one."""
        now = self.clock.now()
        Autopay.update(ended_at=now).where(
            (Autopay.customer == customer) & Autopay.ended_at.is_null()
        ).execute()
        made = Autopay.create(
            customer=customer, method=method, text="I agree.", text_version="1", agreed_at=now,
            agreed_from="127.0.0.1", agreed_by=BY, **terms,
        )  # fmt: skip
        PlannedCharge.update(state=PlannedCharge.DROPPED).where(
            (PlannedCharge.customer == customer) & (PlannedCharge.state == PlannedCharge.PLANNED)
        ).execute()
        for invoice in Invoice.select().where((Invoice.customer == customer) & (Invoice.open_cents > 0)):
            self.plan(invoice)
        return made

    # -- what

    def due(self, customer, cents=4250, *, on=None):
        """An open invoice that autopay charges on a day, today unless told otherwise."""
        on = on or self.today
        invoice = make_invoice(customer, cents=cents, issued=on, due=on)
        self.plan(invoice, on)
        return invoice

    def plan(self, invoice, on=None):
        """Plan its charge."""
        standing = Autopay.get((Autopay.customer == invoice.customer_id) & Autopay.ended_at.is_null())
        return PlannedCharge.create(
            autopay=standing, customer=invoice.customer_id, invoice=invoice, charge_on=on or self.today,
            created_at=self.clock.now(),
        )  # fmt: skip

    def decline(self, customer, code, count=1):
        """The next charges of the customer's method end in this reason code."""
        self.sandbox.decline(self.standing(customer).method.token, code, count)

    def standing(self, customer):
        return Autopay.get((Autopay.customer == customer) & Autopay.ended_at.is_null())

    # -- then

    def run(self, **options):
        """The autopay step. Returns its Report."""
        told = {"gateway": self.gateway, "today": self.today, "clock": self.clock, "by": BY}
        return charging.run(**told | options)

    def on(self, day):
        """Let the days pass until ``day``, with the step on each of them."""
        while self.today < day:
            self.later(days=1)
            self.run()

    def ask_due(self):
        """The confirm step."""
        for payment in list(payments.due_to_ask(self.clock.now())):
            payments.ask(payment, gateway=self.gateway, today=self.today, now=self.clock.now())

    def outcome(self, invoice, on=None):
        """(outcome, why) of an invoice on a day; fails when there is none."""
        row = AutopayOutcome.get(
            (AutopayOutcome.invoice == invoice) & (AutopayOutcome.run_on == (on or self.today))
        )
        return row.outcome, row.why

    def reason(self, invoice, on=None):
        return AutopayOutcome.get(
            (AutopayOutcome.invoice == invoice) & (AutopayOutcome.run_on == (on or self.today))
        ).reason

    def tries(self, customer):
        """[(day, state)] of the customer's charges, oldest first."""
        rows = Payment.select().where(Payment.customer == customer).order_by(Payment.id)
        return [(row.key.split(":")[2][4:], row.state) for row in rows]

    def money_cents(self):
        return self.paying.money_cents()
