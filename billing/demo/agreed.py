"""What was agreed with customers who could not pay at once: days that were promised, and plans in parts.

One of each kind that the desk knows: running, waiting for our answer, kept so far, missed, broken.
"""

import random

from peewee import fn

from billing import payments, promises
from billing.demo import cast, patience
from billing.demo.people import HERO_EMAIL
from billing.errors import BillingError
from billing.periods import DAY
from billing.plans import agreeing, keeping, policy, shape
from models import Contact, Customer, Invoice, Notice, Plan, Promise, Ticket

HARD = "My hours were cut in the fall. I can do a little each week until February."
WAGES = "The wages come at the end of the week."
ENOUGH_CENTS = 12_000
SAID = {
    Notice.PROMISE: (
        "Noted, you pay as you told us", "Thank you for telling us. Until that day we do not ask again."
    ),
    Notice.PLAN_AGREED: (
        "Your payment plan", "It is agreed. From now on we go by these days: no fee and no interest."
    ),
}  # fmt: skip


def play(history):
    """Set today's scenes."""
    people = iter(_people(history))
    _promised(history, next(people, None), ago=2, ahead=5)
    _promised(history, next(people, None), ago=16, ahead=9)
    _plan(history, next(people, None), ago=12, paid=1)
    _plan(history, next(people, None), ago=9, paid=0)
    _proposal(history, next(people, None))
    promises.decide_due(history.today, now=history.now, by=cast.OFFICE)
    keeping.run(history.today, now=history.now, by=cast.OFFICE)
    deliver(history)


def deliver(history):
    """What was confirmed on an earlier day has arrived since."""
    for kind, (subject, text) in SAID.items():
        Notice.update(
            state=Notice.SENT, subject=f"{cast.COMPANY['name']}: {subject}", body_text=text, tries=1,
            claimed_at=Notice.send_at, sent_at=Notice.send_at,
        ).where(
            (Notice.kind == kind) & (Notice.state == Notice.QUEUED) & (Notice.channel == Notice.MAIL)
            & (Notice.send_at < history.now - DAY)
        ).execute()  # fmt: skip


def _people(history):
    """Homes that owe enough to split for more than a month, and that do not wait for us, in a fixed order."""
    waiting = Ticket.select(Ticket.customer).where(Ticket.state == Ticket.WAITING_ON_US)
    hero = Contact.select(Contact.customer).where(Contact.email == HERO_EMAIL)
    owed = (
        Invoice.select(Invoice.customer)
        .where(Invoice.IS_OWED & (Invoice.issued_on < history.today - 26 * DAY))
        .group_by(Invoice.customer)
        .having(fn.SUM(Invoice.open_cents) >= ENOUGH_CENTS)
    )
    query = Customer.select().where(
        Customer.id.in_(owed) & Customer.id.not_in(waiting) & Customer.id.not_in(hero)
        & (Customer.kind == Customer.RESIDENTIAL) & patience.strangers()
    )  # fmt: skip
    found = list(query.order_by(Customer.id))
    random.Random(f"{history.seed}:agreed").shuffle(found)
    return [one for one in found if policy.owed(one).cents >= ENOUGH_CENTS]


def _payer(customer):
    return customer.contacts.where(Contact.role == Contact.PAYER).order_by(Contact.id).first()


def _promised(history, customer, *, ago, ahead):
    """By phone, some days ago, for a day that is still to come or over."""
    if customer is None:
        return
    began = ago * DAY
    try:
        promises.make(
            customer, pay_on=history.today - began + ahead * DAY, via=Promise.PHONE, by=cast.SUPPORT,
            words=WAGES, contact=_payer(customer), staff=True, today=history.today - began,
            now=history.now - began,
        )  # fmt: skip
    except BillingError:
        return  # autopay charges it, or it was paid: no scene here


def _signed(history, customer, wish, began, words=""):
    """What the customer signed on the page so many days ago; None where there is nothing to split."""
    payer, today = _payer(customer), history.today - began
    try:
        offered = agreeing.offer(customer, wish, today=today)
        signature = agreeing.Signature(
            customer.name, f"demo-plan-{customer.id:08d}", f"contact:{payer.id}", contact=payer,
            ip="203.0.113.24",
        )  # fmt: skip
        return agreeing.sign(
            customer, wish, signature, shown=offered.sha256, words=words, today=today,
            now=history.now - began,
        )  # fmt: skip
    except BillingError:
        return None


def _plan(history, customer, *, ago, paid):
    """Three payments two weeks apart, of which some came."""
    if customer is None:
        return
    began = ago * DAY
    wish = agreeing.Wish(3, history.today - began, shape.TWO_WEEKLY)
    plan = _signed(history, customer, wish, began)
    if plan is None or plan.state != Plan.RUNNING:
        return
    for row in plan.installments.order_by("number").limit(paid):
        payments.record(
            customer, amount_cents=row.amount_cents, kind="check", received_on=row.due_on,
            check_number=f"{2000 + row.id}", key=f"demo-part-{row.id}", by=cast.OFFICE, today=history.today,
            now=history.now,
        )  # fmt: skip


def _proposal(history, customer):
    """Smaller parts than the policy has: a person looks at it."""
    if customer is not None:
        cents = policy.owed(customer).cents
        wish = agreeing.Wish(4, history.today + 3 * DAY, shape.TWO_WEEKLY, (cents // 10,))
        _signed(history, customer, wish, 0 * DAY, words=HARD)
