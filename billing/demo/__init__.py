"""The demo company: an alarm dealer with believable customers and years of history, from a fixed seed.

``build`` fills an empty, migrated database. The same seed, size and day give the same company. Nothing
here talks to the outside: what the payment processor would know is handed to ``processor``.
"""

from dataclasses import dataclass

from billing import search
from billing.demo import (
    agreed,
    answers,
    asking,
    bank,
    cast,
    channels,
    company,
    doubts,
    ends,
    held,
    history,
    kindness,
    lives,
    opened,
    patience,
    people,
    phone,
    post,
    scenes,
    standing,
    support,
    unpaid,
)
from billing.errors import BillingError
from models import Company, Contact, Invoice, PaymentPart, db

SEED = 2208
CUSTOMERS, MONTHS = 400, 24
PASSWORD = cast.PASSWORD
HERO_EMAIL = people.HERO_EMAIL


@dataclass(frozen=True)
class Size:
    """How large a demo is; tests build small ones in seconds."""

    customers: int = CUSTOMERS
    months: int = MONTHS

    def work(self, today):
        """How often ``build`` calls its ``progress``."""
        return self.customers + (today - people.first_day(today, self.months)).days + 1


def build(*, today, now, processor, size=None, seed=SEED, progress=None):
    """Found the company and live through its history up to ``today``.

    now       -- naive UTC; the last instant at which anything happened
    processor -- has ``register([entry]) -> [transaction id]`` for payments of the past,
                 ``keep([entry]) -> [(profile id, method id)]`` for saved methods,
                 ``decline(method id, code)``, ``give_back(transaction id)``, ``dispute(transaction id)``.
                 Entries are what the sandbox's /control/history and /control/methods take.
    progress  -- called with 1, ``size.work(today)`` times

    Raises BillingError when the database holds a company already.
    """
    if Company.select().exists():
        raise BillingError("This database has a company already. The demo company needs an empty one.")
    size = size or Size()
    begins_on = people.first_day(today, size.months)
    with db.atomic():
        company.found(begins_on)
        payers = _settle(seed, begins_on, today, size.customers, progress)
    past = history.History(payers, seed=seed, begins_on=begins_on, today=today, now=now, processor=processor)
    lives.Lives(past, seed=seed).plan()
    scenes.plan(past)
    patience.plan(past)
    standing.plan(past)
    past.live(progress)
    with db.atomic():
        scenes.play(past)
        standing.play(past)
        bank.play(past)
        post.deliver(past)
        ends.play(past)
        answers.play(past)
        support.play(past)
        channels.play(past)
        phone.play(past)
        opened.play(past)
        kindness.play(past)
        doubts.play(past)
        agreed.play(past)
        asking.play(past)
        unpaid.play(past)
        held.play(past)
        search.reindex()  # the scenes of the past were written last; found, they come in their order


def _settle(seed, begins_on, today, count, progress):
    town = people.Town(seed, begins_on=begins_on, today=today)
    payers = {}
    for number in range(count):
        payer = town.settle(number)
        payers[payer.customer.id] = payer
        if progress:
            progress(1)
    payers |= {payer.customer.id: payer for payer in patience.settle(town)}
    return payers


def invoice_to_pay():
    """An open invoice whose pay link a newcomer can try: the hero's newest, else anybody's; or None."""
    claimed = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.live)
    hero = Contact.select(Contact.customer).where(Contact.email == HERO_EMAIL)
    payable = Invoice.select().where(Invoice.IS_OWED & Invoice.id.not_in(claimed)).order_by(Invoice.id.desc())
    return payable.where(Invoice.customer.in_(hero)).first() or payable.first()
