"""Scenes that shut the gate, for tests: each makes the one record that proves its reason, and returns it."""

from datetime import date, timedelta

from billing import tickets
from billing.edges.clock import FixedClock
from models import (
    Allocation,
    Call,
    Credit,
    Customer,
    Dispute,
    Feed,
    Hold,
    Inbound,
    Installment,
    InstallmentPart,
    Notice,
    Payment,
    PaymentPart,
    Plan,
    PlanInvoice,
    Promise,
    Ticket,
)
from tests.factories import BY, NOW, fresh, payer

DUE = date(2026, 12, 14)  # a Monday
_numbers = iter(range(1, 10**9))


def day(number):
    """So many days after the due date."""
    return DUE + timedelta(days=number)


def clock_at(number, **span):
    """A clock of that day."""
    clock = FixedClock(day(number))
    clock.advance(**span)
    return clock


AT = clock_at(15).now()
BEFORE = AT - timedelta(hours=2)
LATELY = day(10)


# --- Somebody waits for us -----------------------------------------------------------------------


def ticket(customer, invoice):
    return tickets.open(customer, subject="Why?", body="So much", by="Alice", now=BEFORE)


def fault(customer, invoice):
    ticket = tickets.open(customer, subject="No signal", body="x", by="Alice", now=BEFORE, kind="service")
    state = Ticket.WAITING_ON_CUSTOMER
    Ticket.update(state=state, last_at=NOW, waiting_since_at=None).where(Ticket.id == ticket.id).execute()
    return fresh(ticket)


def call(customer, invoice, at=BEFORE, *, outcome=Call.MISSED, logged_at=None, **fields):
    return Call.create(
        **{
            "customer": customer, "number": "+15125550111", "direction": Call.IN, "outcome": outcome,
            "started_at": at, "state": Call.TO_CALL, "waits": True, "by": "phone", "source": "pbx",
            "source_id": f"call {next(_numbers)}", "logged_at": logged_at or at, **fields,
        }
    )  # fmt: skip


def voicemail(customer, invoice):
    return call(customer, invoice, outcome=Call.VOICEMAIL)


def inbound(customer, invoice, at=BEFORE, noted_at=BEFORE):
    told = {"source_id": f"m{next(_numbers)}", "received_at": at, "noted_at": noted_at}
    return Inbound.create(customer=customer, sender="x@example.com", **told)


def inbound_of_address(customer, invoice, at=BEFORE, noted_at=BEFORE):
    told = {"source_id": f"m{next(_numbers)}", "received_at": at, "noted_at": noted_at}
    return Inbound.create(sender=payer(customer).email.title(), subject="Hello", **told)


def proposal(customer, invoice, **fields):
    return plan(customer, invoice, state=Plan.PROPOSED, **fields)


def plan(customer, invoice, *, state=Plan.RUNNING, via=Plan.PAGE, proposed_on=LATELY, **fields):
    plan = Plan.create(
        customer=customer, key=f"plan {next(_numbers)}", amount_cents=4250, count=2, by="Alice",
        via=via, proposed_on=proposed_on, proposed_at=BEFORE, text="x", text_sha256="x",
    )  # fmt: skip
    is_running = state == Plan.RUNNING
    part = PlanInvoice.create(plan=plan, invoice=invoice, amount_cents=4250)
    for number, cents in ((1, 2125), (2, 2125)):
        one = Installment.create(plan=plan, number=number, due_on=day(14 * number), amount_cents=cents)
        InstallmentPart.create(installment=one, invoice=invoice, amount_cents=cents)
    if is_running:
        agreed = {"state": state, "agreed_on": day(10), "agreed_at": BEFORE, "signed_at": BEFORE}
        Plan.update(**agreed).where(Plan.id == plan.id).execute()
        PlanInvoice.update(active=True).where(PlanInvoice.id == part.id).execute()
        if fields:
            Plan.update(**fields).where(Plan.id == plan.id).execute()
    return plan


def missed_plan(customer, invoice):
    return plan(customer, invoice, missed_on=day(14), repair_by_on=day(20))


def dispute(customer, invoice, cents=4250):
    return Dispute.create(
        customer=customer, invoice=invoice, amount_cents=cents, reason="not_ordered", words="No", by="Alice",
        via="portal", opened_on=day(14), opened_at=BEFORE, answer_by_on=day(20),
    )  # fmt: skip


def hold(customer, invoice, created_at=BEFORE):
    return Hold.create(
        scope=Hold.NOTICES, customer=customer, reason="Family", by=BY, starts_on=day(-9),
        created_at=created_at,
    )  # fmt: skip


def feed(customer, invoice):
    return Feed.create(name="phone", beat_at=AT - timedelta(hours=25), limit_minutes=24 * 60, watched=True)


def never_read(customer, invoice):
    return Feed.create(name="mail", limit_minutes=30, watched=True)


def payment(customer, invoice, *, state=Payment.IN_DOUBT, has_part=True, **fields):
    number = next(_numbers)
    payment = Payment.create(
        customer=customer, reference=f"R{number}", key=f"k{number}", state=state, kind=Payment.BANK,
        amount_cents=4250,
        received_on=day(14), created_at=BEFORE, **fields,
    )  # fmt: skip
    if has_part:
        PaymentPart.create(payment=payment, invoice=invoice, amount_cents=4250, live=state in Payment.LIVE)
    return payment


def held_payment(customer, invoice):
    return payment(customer, invoice, state=Payment.HELD)


def settling(customer, invoice):
    row = payment(customer, invoice, state=Payment.APPROVED, transaction_id=f"6000{next(_numbers)}")
    Allocation.create(invoice=invoice, payment=row, amount_cents=1000, by=BY, made_on=day(14))
    return row


def promise(customer, invoice, about=None, made_on=LATELY):
    return Promise.create(
        customer=customer, invoice=about, amount_cents=4250, owed_cents=4250, pay_on=day(20), by="Alice",
        made_on=made_on, made_at=BEFORE,
    )  # fmt: skip


def promise_of_invoice(customer, invoice):
    return promise(customer, invoice, invoice)


def bankruptcy(customer, invoice):
    Customer.update(legal_state=Customer.BANKRUPTCY).where(Customer.id == customer.id).execute()
    return customer


def death(customer, invoice):
    Customer.update(legal_state=Customer.DECEASED).where(Customer.id == customer.id).execute()
    return customer


# --- Our mistakes ----------------------------------------------------------------------------------


def message(customer, invoice, **fields):
    """The message that carried an invoice."""
    number = next(_numbers)
    return Notice.create(
        **{
            "key": f"told:{number}", "kind": Notice.INVOICE, "state": Notice.SENT, "customer": customer,
            "contact": payer(customer), "invoice": invoice, "address": payer(customer).email, "why": "Test",
            "sent_at": NOW, "send_at": NOW, "created_at": NOW, **fields,
        }
    )  # fmt: skip


def came_back(customer, invoice):
    """The invoice was mailed, and the mail came back."""
    return message(customer, invoice, bounced_at=BEFORE, bounce_text="no such mailbox")


def to_print(customer, invoice):
    """The invoice is a letter that nobody has printed."""
    return message(
        customer, invoice, channel=Notice.PAPER, state=Notice.PRINT, sent_at=None, created_at=BEFORE
    )


def unused_money(customer, invoice):
    """We have money of theirs that would pay it."""
    credit = Credit.create(
        customer=customer, amount_cents=5000, kind=Credit.GOODWILL, reason="Test", by=BY,
        made_on=day(14), created_at=BEFORE,
    )  # fmt: skip
    Credit.update(open_cents=5000).where(Credit.id == credit.id).execute()
    return credit
