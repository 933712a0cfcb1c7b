"""Whom the office called because something is late, and what they said: a day, that they cannot, or nothing.

Most of what is late has a reason that somebody found by asking. Who was not called yet stays unknown.
"""

import random

from billing import calls, ledger, promises
from billing.collections import stances
from billing.demo import agreed, cast, patience
from billing.demo.people import HERO_EMAIL
from billing.errors import BillingError
from billing.periods import DAY
from models import Call, Contact, Customer, Dispute, Invoice, Plan, Promise, Staff, Stance, Ticket

LATE_DAYS = 12  # before that nobody calls: a mail does it
DAYS = {  # what they said, of those who said a day
    Customer.RESIDENTIAL: (
        "Forgot over the holiday. Pays on payday.",
        "The invoice went to an address that is read once a week.",
        "Thought that the bank had sent it. Sets it up anew.",
    ),
    Customer.COMMERCIAL: (
        "Their bookkeeper is back on Monday and pays then.",
        "The invoice lay in the wrong mailbox. It is in the next check run.",
        "Waits for an insurance payment; has the day in writing.",
    ),
}
CANNOT = {
    Customer.RESIDENTIAL: (
        "I was laid off in October. I have an interview next week.",
        "My wife is in the hospital, please give us until the new year.",
        "The roof took all we had. I can do something small, not this.",
    ),
    Customer.COMMERCIAL: (
        "Half of our orders are gone since the road works began. We get by, but not this month.",
        "Our largest customer pays us in January. Before that I cannot.",
    ),
}
WILL_NOT = "I never wanted the second year. Send it to whoever you like, I am not paying it."
MACHINE = "Left a message: an invoice is open, and we would like to know whether something is wrong."
REACHED, CANNOTS, REFUSES, UNHEARD = 0.34, 0.46, 0.49, 0.68  # shares, each from the one before on


def play(history):
    """Log the calls of the last two weeks, and write down what was said."""
    rng = random.Random(f"{history.seed}:asking")
    for customer in _late(history):
        luck, ago = rng.random(), rng.randrange(2, 12)
        payer = customer.contacts.where(Contact.role == Contact.PAYER).order_by(Contact.id).first()
        if luck < REACHED:
            _says_a_day(history, payer, rng.choice(DAYS[customer.kind]), ago, ago + rng.randrange(1, 8))
        elif luck < REFUSES:
            code = Stance.CANNOT_PAY if luck < CANNOTS else Stance.WILL_NOT_PAY
            words = rng.choice(CANNOT[customer.kind]) if code == Stance.CANNOT_PAY else WILL_NOT
            _says_no(history, payer, code, words, ago)
        elif luck < UNHEARD:
            _call(history, payer, Call.VOICEMAIL, MACHINE, ago)
    agreed.deliver(history)


def _late(history):
    """Customers who are late, of whom no other scene tells, in a fixed order."""
    due = ledger.past_due(history.today - LATE_DAYS * DAY).select(Invoice.customer)
    told = [
        rows.select(rows.model.customer)
        for rows in (
            Ticket.select().where(Ticket.state != Ticket.CLOSED),
            Dispute.select(),
            Promise.select(),
            Plan.select(),
            Call.select().where((Call.state == Call.TO_CALL) & Call.customer.is_null(False)),
            Contact.select().where(Contact.email == HERO_EMAIL),
        )
    ]
    query = Customer.select().where(Customer.id.in_(due) & patience.strangers())
    for busy in told:
        query = query.where(Customer.id.not_in(busy))
    return list(query.order_by(Customer.id))


def _says_a_day(history, payer, words, ago, ahead):
    try:
        promises.make(
            payer.customer, pay_on=history.today + (ahead - ago) * DAY, via=Promise.PHONE, by=cast.SUPPORT,
            words=words, contact=payer, staff=True, today=history.today - ago * DAY,
            now=history.now - ago * DAY,
        )  # fmt: skip
    except BillingError:
        return  # a payment or autopay was faster: nobody had to be called
    _call(history, payer, Call.ANSWERED, words, ago)


def _says_no(history, payer, code, words, ago):
    _call(history, payer, Call.ANSWERED, words, ago)
    stances.note(
        payer.customer, code, words=words, contact=payer, heard_on=history.today - ago * DAY,
        by=cast.SUPPORT, today=history.today, now=history.now - ago * DAY,
    )  # fmt: skip


def _call(history, payer, outcome, note, ago):
    at = history.now - ago * DAY
    calls.log(
        payer.customer, contact=payer, direction=Call.OUT, outcome=outcome, seconds=30 + len(note), note=note,
        key=f"demo-asked-{payer.customer_id}", staff=Staff.get(Staff.email == "priya@example.com"),
        by=cast.SUPPORT, today=at.date(), now=at,
    )  # fmt: skip
