"""Where patience came to an end in the demo company: service that rests, an agency, a late fee.

Five customers of their own, who are in nobody else's story (``strangers``). ``settle`` lets them move in,
``plan`` puts what people did about them on its days; all of it by the real use cases, which refuse what would
come too early.
"""

import random
from dataclasses import dataclass
from functools import partial

from billing import approvals, bill, handovers
from billing.demo import cast
from billing.errors import BillingError
from billing.periods import DAY, add_months
from billing.remedies import late_fees
from billing.suspensions import steps
from models import Approval, Company, Customer, Notice, Suspension

OWNER = f"staff:{cast.STAFF[0][0]}"
RESTS, WARNED, ASKED, HANDED, FEE = "rests", "warned", "asked", "handed over", "late fee"
LETTERS = "Two letters, four calls and a personal mail without an answer since summer."
FIRE = "Nobody answers; the fire panel must be talked about with them first."
MOVED = "Moved without an address: letters come back, the number belongs to somebody else now."
AGENCY = "Hill Country Recovery"
FEE_PERCENT, FEE_CAP_CENTS = 50_000, 1000
SAID = {
    Notice.SUSPENSION_WARNING: (
        "Please talk with us: monitoring would rest soon",
        "Much of this account is open for a long time. From the day in our letter on signals would not be "
        "answered; any payment, or a word from you, stops it.",
    ),
    Notice.SUSPENDED: (
        "Monitoring rests from today",
        "From today signals of this system are not answered. Any payment brings it back at once.",
    ),
    Notice.LATE_FEE: (
        "A late fee would come with your next invoice",
        "Your agreement allows a late fee. Pay before the day in this mail and there is none.",
    ),
}


@dataclass(frozen=True)
class Story:
    """A customer who stopped paying so many days ago, and what became of it."""

    name: str
    end: str
    stopped: int
    fire: bool = False
    kind: str = Customer.COMMERCIAL


STORIES = (
    Story("Cordova Print Shop", RESTS, 155),
    Story("Bluff Springs Car Wash", WARNED, 140),
    Story("Pecan Street Deli", ASKED, 130, fire=True),
    Story("Vernon Hatch", HANDED, 160, kind=Customer.RESIDENTIAL),
    Story("Curtis Langley", FEE, 105, kind=Customer.RESIDENTIAL),
)
NAMES = tuple(story.name for story in STORIES)


def strangers():
    """The condition on Customer of everybody else: other scenes choose among them."""
    return Customer.name.not_in(NAMES)


def settle(town):
    """Let them move in; returns their Payers."""
    return [_settle(town, story, number) for number, story in enumerate(STORIES)]


def _settle(town, story, number):
    rng = random.Random(f"{town.seed}:patience {story.name}")
    codes = ("MON-BURG", "MON-CELL") if story.kind == Customer.RESIDENTIAL else ("MON-SHOP", "MON-CELL")
    payer = town.newcomer(
        rng, 8_000 + number, story.name, kind=story.kind, codes=codes, fire=story.fire,
        late_fee_agreed=story.end == FEE,
    )  # fmt: skip
    payer.stopped_on = town.today - story.stopped * DAY
    return payer


def plan(history):
    """Put what was done about each of them on its days."""
    acts = {
        RESTS: ((24, _ask), (23, _agree), (8, _request), (7, _agree)),
        WARNED: ((9, _ask), (8, _agree)),
        ASKED: ((2, _ask),),
        HANDED: ((3, _hand), (1, _agree)),
        FEE: tuple((days, _fees) for days in (59, 44, 29, 14, 2)),
    }
    for payer in history.payers.values():
        if payer.customer.name in NAMES:
            _bill_before(history, payer.customer)
        for days, act in acts.get(_end_of(payer.customer), ()):
            history.plan(history.today - days * DAY, partial(_try, act, payer.customer))


def _bill_before(history, customer):
    """A short history begins when they were late already."""
    day = customer.contracts.first().charges.first().next_on
    while day < history.begins_on:
        bill.run(day, by=cast.OFFICE, now=history.at(day, 6), customer=customer)
        day = add_months(day, 1, 1)


def _end_of(customer):
    return next((story.end for story in STORIES if story.name == customer.name), "")


def _try(act, customer, day, at):
    """A demo of few months is too young for most of it: then the rules say no, and nothing is done."""
    try:
        act(customer, day, at)
    except BillingError:
        return


# --- Service that rests --------------------------------------------------------------------------


def _ask(customer, day, at):
    contract = customer.contracts.first()
    reason = FIRE if customer.name == "Pecan Street Deli" else LETTERS
    steps.ask(contract, reason=reason, by=cast.OFFICE, today=day, now=at)


def _agree(customer, day, at):
    """Olga, who did not ask for it, agrees; what is told leaves the same day."""
    waiting = approvals.waiting().where(Approval.customer == customer).first()
    if waiting is not None:
        approvals.approve(waiting, by=OWNER, today=day, now=at)
        _leave(customer, at)


def _request(customer, day, at):
    row = Suspension.select().where(Suspension.customer == customer).first()
    if row is not None:
        steps.request(row, reason=LETTERS, by=cast.OFFICE, today=day, now=at)


def _hand(customer, day, at):
    handovers.ask(customer, agency=AGENCY, reason=MOVED, by=cast.OFFICE, today=day, now=at)


# --- What paying late costs ----------------------------------------------------------------------


def _fees(customer, day, at):
    """The step of a day, for the one customer whose agreement says that there is a late fee."""
    Company.update(
        late_fee_kind="percent", late_fee_ppm=FEE_PERCENT, late_fee_cap_cents=FEE_CAP_CENTS
    ).execute()
    late_fees.run(day, now=at)
    _leave(customer, at)


def _leave(customer, at):
    """Their messages about it leave at once, the letters by the post of the same day."""
    for kind, (subject, text) in SAID.items():
        Notice.update(
            state=Notice.SENT, subject=f"{cast.COMPANY['name']}: {subject}", body_text=text, tries=1,
            claimed_at=at, sent_at=at,
        ).where(
            (Notice.kind == kind) & (Notice.customer == customer) & (Notice.state == Notice.QUEUED)
        ).execute()  # fmt: skip
