"""What waits for a kind word today: days without service to credit, a gift and a loss that two decide, cents.

Late fees stay off, as in every new company.
"""

import random
from datetime import timedelta

from billing import bill, ledger, payments, tickets
from billing.demo import cast, patience
from billing.demo.people import PROMPT
from billing.remedies import goodwill, service_credits, write_offs
from models import Charge, Contract, Customer, Invoice, Item, Line, OneOff, Payment, Staff

FAULT = "The app says that the panel is offline. Nothing reaches you, I tried a test alarm."
GIFT = "Three visits until the door contact worked; they stayed patient."
LOST = "They moved out in summer: letters come back, the number is dead."
DAYS = 6
PATIENCE_DAYS = 45  # nobody is given up sooner


def play(history):
    """Set today's scenes."""
    rng = random.Random(f"{history.seed}:kindness")
    _fault(history, rng)
    _gift(history, rng)
    _lost(history)
    _cents(history)
    _unclear(history, rng)


def _unclear(history, rng):
    """Work that somebody entered in a hurry: its invoice waits until it says what was done."""
    prompt = [payer for payer in history.payers.values() if payer.habit == PROMPT]
    customer = rng.choice(prompt).customer
    OneOff.create(
        customer=customer, site=customer.sites.first(), item=Item.get(Item.code == "SERVICE"), text="Misc.",
        unit_cents=4500, done_on=history.today - timedelta(days=1), alone=True,
    )  # fmt: skip
    bill.run(history.today, by=cast.OFFICE, now=history.now, customer=customer)


def _fault(history, rng):
    """Six days without service, mended yesterday: the credit is proposed by itself."""
    lines = (
        Line.select(Line, Invoice, Charge)
        .join(Invoice)
        .switch(Line)
        .join(Charge)
        .join(Contract)
        .where(
            (Line.from_on <= history.today - timedelta(days=2))
            & (Line.to_on >= history.today - timedelta(days=2))
            & (Invoice.state == Invoice.ISSUED)
            & Charge.site.is_null(False)
            & Contract.customer.in_(Customer.select().where(Customer.kind == Customer.RESIDENTIAL))
        )
        .order_by(Line.id)
        .limit(60)
    )
    line = rng.choice(list(lines))
    customer, began = line.invoice.customer, history.now - timedelta(days=DAYS)
    payer = customer.contacts.first()
    ticket = tickets.open(
        customer, contact=payer, subject="Panel offline", body=FAULT, kind="service", site=line.charge.site,
        by=f"contact:{payer.id}", via="portal", now=began,
    )  # fmt: skip
    tickets.sort(
        ticket, by=cast.SUPPORT, now=history.now, reported_from_at=began,
        reported_until_at=history.now - timedelta(hours=20),
    )  # fmt: skip
    service_credits.propose_due(now=history.now)


def _gift(history, rng):
    """Support would like to give more than it may alone."""
    prompt = [payer for payer in history.payers.values() if payer.habit == PROMPT]
    goodwill.give(
        rng.choice(prompt).customer, amount_cents=7500, reason=GIFT, role=Staff.SUPPORT, by=cast.SUPPORT,
        today=history.today, now=history.now,
    )  # fmt: skip


def _lost(history):
    """The oldest invoice of a business that is open: billing would like to give it up."""
    firms = Customer.select().where((Customer.kind == Customer.COMMERCIAL) & patience.strangers())
    late = ledger.past_due(history.today).where(Invoice.customer.in_(firms))
    old = Invoice.due_on <= history.today - timedelta(days=PATIENCE_DAYS)
    unread = Invoice.first_seen_at.is_null()  # whoever opens our mail is hardly gone
    for invoice in late.order_by((old & unread).desc(), old.desc(), Invoice.due_on).limit(5):
        if not ledger.standing_attempt(invoice):
            write_offs.bad_debt(invoice, reason=LOST, by=cast.OFFICE, now=history.now)
            return


def _cents(history):
    """A check over the round sum: a dollar and a bit is left of an old invoice."""
    others = Invoice.customer.in_(Customer.select().where(patience.strangers()))
    late = ledger.past_due(history.today).where((Invoice.open_cents == Invoice.total_cents) & others)
    for invoice in late.order_by(Invoice.due_on.desc(), Invoice.id).limit(20):
        left = invoice.open_cents % 500 or 120
        if left < invoice.open_cents and not ledger.standing_attempt(invoice):
            cents = invoice.open_cents - left
            payments.record(
                invoice.customer, amount_cents=cents, kind=Payment.CHECK, received_on=history.today,
                key=f"demo:round:{invoice.id}", by=cast.OFFICE, today=history.today, now=history.now,
                check_number="2071", parts=[(invoice, cents)], confirmed=True,
            )  # fmt: skip
            return
