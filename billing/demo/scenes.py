"""What waits for a newcomer today: something in every queue, and a customer to sign in as.

``plan`` puts the last days' scenes into the history before it is lived; ``play`` sets those of today.
"""

import random
from datetime import timedelta

from billing import bill, contracts, invoices, ledger, tickets
from billing.demo import cast, leaving
from billing.demo.lives import latest_invoice
from billing.demo.people import EARLY, HERO_NAME, PROMPT
from billing.periods import DAY, add_months, on_day
from billing.reversals import returns
from models import Charge, Contract, Customer, Hold, Invoice, Item, OneOff, Payment, PaymentPart, Staff

HELD, UNCLEAR = "FDSPendingReview", "settlementError"
DOG = "The alarm went off twice because of our dog. What can we do?"
WEIGHT = "Congratulations! How much does the dog weigh? Up to 80 pounds we can adjust the sensor from here."


def plan(history):
    """Put the scenes of the last days on their days."""
    rng = random.Random(f"{history.seed}:scenes")
    hero = next(payer for payer in history.payers.values() if payer.customer.name == HERO_NAME)
    history.plan(history.today - 6 * DAY, lambda day, at: _visit_hero(hero.customer, day))
    history.plan(history.today - 3 * DAY, lambda day, at: _bounce_one(history, rng, day, at))
    askers = rng.sample(
        [payer for payer in _steady(history) if payer is not hero], len(cast.OPEN_QUESTIONS) + 1
    )
    for days, (payer, question) in enumerate(zip(askers, cast.OPEN_QUESTIONS, strict=False), 1):
        history.plan(
            history.today - days * DAY, lambda day, at, payer=payer, q=question: _ask(payer, q, day, at)
        )
    history.plan(history.today - 2 * DAY, lambda day, at: _ask_back(askers[-1], at))


def play(history):
    """Set the scenes of today: a draft, payments under review, credit to spend, an end to come."""
    rng = random.Random(f"{history.seed}:today")
    _held_and_unclear(history, rng)
    _late_paperwork(history, rng)
    _too_much(history, rng)
    _leaving(history, rng)


def _steady(history):
    """Payers who pay in good time and can be mailed to, in order."""
    return [
        payer for payer in history.payers.values() if payer.habit in (EARLY, PROMPT) and payer.contact.email
    ]


def _visit_hero(customer, day):
    """A visit that goes on an invoice of its own, so that two invoices wait for one payment."""
    site = customer.sites.first()
    OneOff.create(
        customer=customer,
        site=site,
        system=site.systems.first(),
        item=Item.get(Item.code == "SERVICE"),
        text="Service call: low battery, replaced",
        unit_cents=9500,
        done_on=day,
        work_order="WO-51877",
        alone=True,
    )


def _bounce_one(history, rng, day, at):
    """A check of the last weeks comes back."""
    fresh = (
        (Payment.kind == Payment.CHECK)
        & (Payment.state == Payment.APPROVED)
        & (Payment.received_on >= day - 30 * DAY)
    )
    checks = list(Payment.select().where(fresh).order_by(Payment.id))
    if checks:
        returns.bounce(rng.choice(checks), reason="Insufficient funds", by=cast.OFFICE, today=day, now=at)


def _ask(payer, question, day, at):
    """A question that nobody has answered yet; about an invoice, it is a dispute, and messages rest."""
    subject, body, about = question
    tickets.open(
        payer.customer,
        subject=subject,
        body=body,
        by=f"customer:{payer.contact.email}",
        now=at,
        contact=payer.contact,
        invoice=latest_invoice(payer.customer) if about else None,
    )
    if about:
        Hold.create(
            scope=Hold.NOTICES,
            customer=payer.customer,
            reason="The customer disputes an invoice",
            by=cast.SUPPORT,
            starts_on=day,
        )


def _ask_back(payer, at):
    """We answered with a question of our own: this one waits on the customer."""
    ticket = tickets.open(
        payer.customer,
        subject="Motion sensor and our new dog",
        body=DOG,
        by=f"customer:{payer.contact.email}",
        now=at,
        contact=payer.contact,
    )
    tickets.reply(
        ticket,
        body=WEIGHT,
        by=cast.SUPPORT,
        now=at + timedelta(hours=2),
        staff=Staff.get(Staff.email == "priya@example.com"),
    )


# --- Today -----------------------------------------------------------------------------------------


def _open_of_steady(history):
    """[(payer, open invoices)] of steady payers with something to pay and no attempt under way."""
    claimed = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.live)
    for payer in _steady(history):
        if payer.customer.name != HERO_NAME:
            owed = list(ledger.open_invoices(payer.customer).where(Invoice.id.not_in(claimed)))
            if owed:
                yield payer, owed


def _held_and_unclear(history, rng):
    """One payment that the processor's people look at, and one that nobody can explain yet."""
    online = [(payer, owed) for payer, owed in _open_of_steady(history) if payer.way in Payment.BY_PROCESSOR]
    at = history.now - timedelta(hours=2)
    for (payer, owed), status in zip(rng.sample(online, min(2, len(online))), (HELD, UNCLEAR), strict=False):
        parts = [(invoice, invoice.open_cents) for invoice in owed]
        payment = history.start_online(payer, parts, history.today, at)
        history.conclude([(payer, payment, at + timedelta(minutes=2), status)], history.today)


def _late_paperwork(history, rng):
    """An agreement that was signed months ago and entered today: more periods than may be billed unseen."""
    payer = rng.choice(_steady(history)[1:])
    starts_on = on_day(history.today.year, history.today.month - 5, 1)
    contract = Contract.create(
        customer=payer.customer,
        name="Monitoring agreement, garage",
        signed_on=starts_on - 9 * DAY,
        starts_on=starts_on,
        term_months=36,
        renewal_months=12,
        audience=_audience(payer.customer),
    )
    charge = Charge.create(
        contract=contract,
        site=payer.customer.sites.first(),
        item=Item.get(Item.code == "MON-CELL"),
        text="Cellular monitoring, garage",
        unit_cents=1495,
        starts_on=starts_on,
    )
    contracts.start(charge, by=cast.OFFICE, now=history.now)
    bill.run(history.today, by=cast.OFFICE, now=history.now, customer=payer.customer)


def _audience(customer):
    return Contract.CONSUMER if customer.kind == Customer.RESIDENTIAL else Contract.BUSINESS


def _too_much(history, rng):
    """Credit that waits for the next invoice: once out of kindness, once from a check that was too high."""
    owing = {payer.customer.id: (payer, owed) for payer, owed in _open_of_steady(history)}
    clear = [payer for payer in _steady(history) if not ledger.open_invoices(payer.customer).exists()]
    for payer in rng.sample(clear, min(2, len(clear))):
        invoices.goodwill(
            payer.customer,
            amount_cents=1500,
            reason=cast.GOODWILL[0],
            by=cast.SUPPORT,
            today=history.today,
            now=history.now,
        )
    by_check = [(payer, owed) for payer, owed in owing.values() if payer.way == Payment.CHECK]
    for payer, owed in by_check[:1]:
        cents = sum(invoice.open_cents for invoice in owed) + 5000
        payer.check_number += 1
        history.receive(payer, cents, Payment.CHECK, history.today, history.now, str(payer.check_number))


def _leaving(history, rng):
    """Somebody who moves next month: the contract has its last day already."""
    running = [
        payer
        for payer in _steady(history)
        if payer.customer.contracts.where(Contract.ends_on.is_null()).exists()
    ]
    payer = rng.choice(running[1:])
    contract = payer.customer.contracts.where(Contract.ends_on.is_null()).first()
    last = max(add_months(history.today, 1, 28), contract.starts_on)
    leaving.end(contract, on=last, reason_code="moved", by=cast.SUPPORT, today=history.today, now=history.now)
