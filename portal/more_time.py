"""What pages offer to whoever cannot pay now: a day until which we wait, or a plan; and what of it stands.

Only what is shown and read from forms; the pages and buttons are ``plans``, the rules ``billing.promises``
and ``billing.plans``.
"""

from dataclasses import dataclass
from datetime import date

from flask import g, request

from billing import money, prepared, promises
from billing.errors import BillingError
from billing.plans import agreeing, policy, shape, standing
from models import Contact, Plan, Promise

AMOUNTS = 24


@dataclass(frozen=True)
class Ways:
    """How to get more time for what a page shows; empty parts are not offered.

    refusal  -- why no day can be promised; ``ask`` where a question helps
    proposal -- a plan of ours that waits for the customer's yes
    """

    promise: Promise | None = None
    room: promises.Room | None = None
    refusal: str = ""
    ask: bool = False
    plan: standing.Standing | None = None
    proposal: Plan | None = None
    waits: Plan | None = None
    can_split: bool = False

    @property
    def any(self):
        """True when there is something to show."""
        return bool(self.room or self.refusal or self.can_split)


NONE = Ways()


def of_invoice(invoice, due_on):
    """The Ways of one invoice that is open and that nothing else pays. Mostly two queries.

    due_on -- when what is asked for of it is due
    """
    if not may_agree() or not invoice.open_cents:
        return NONE
    plans = _plans(invoice.customer)
    if any(plan.state == Plan.RUNNING for plan in plans) and (plan := standing.of_invoice(invoice)):
        stands = standing.of(plan, today=g.today)
        is_alone = [one.invoice_id for one in stands.invoices] == [invoice.id]
        return Ways(plan=stands) if g.get("contact") or is_alone else NONE
    word = promises.word_of(invoice.customer, today=g.today)
    return _offered(word.covering(invoice), word, plans, due_on)


def of_account(customer, balance, *, all_charged):
    """The Ways of everything that is open on an account; none where autopay charges all of it."""
    if not may_agree() or not balance.due_cents or all_charged:
        return NONE
    plans = _plans(customer)
    if running := [plan for plan in plans if plan.state == Plan.RUNNING]:
        return Ways(plan=standing.of(running[0], today=g.today))
    word = promises.word_of(customer, today=g.today)
    due_on = balance.next_due_on if balance.next_due_on and not balance.past_due_cents else g.today
    return _offered(next((one for one in word.running if one.invoice_id is None), None), word, plans, due_on)


def _plans(customer):
    """What runs, and what is proposed."""
    return _plans_of(customer)


@prepared.question
def _plans_of(customer):
    stands = Plan.state.in_((Plan.RUNNING, Plan.PROPOSED))
    return Plan.select().where((Plan.customer == customer) & stands).order_by(Plan.id)


def _offered(said, word, plans, due_on):
    if said:
        return Ways(promise=said, can_split=True)
    proposals = {plan.waits_for: plan for plan in plans if plan.state == Plan.PROPOSED}
    return Ways(
        proposal=proposals.get(Plan.CUSTOMER),
        waits=proposals.get(Plan.US),
        room=None if word.refusal else promises.room(g.today, due_on),
        refusal=word.refusal,
        ask=bool(word.refusal),
        can_split=True,
    )


def may_agree():
    """By the link of an invoice, and for a payer who is signed in."""
    contact = g.get("contact")
    by_link = (request.endpoint or "").endswith("_link") or "token" in (request.view_args or {})
    return by_link or (contact is not None and contact.role == Contact.PAYER)


# --- What was typed ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Typed:
    """What stands in the fields of the plan form: text as it was typed, to be shown again as it was."""

    count: str
    first_on: str
    rhythm: str
    amounts: tuple
    autopay: bool

    def wish(self):
        """The Wish that it means. Raises BillingError with a sentence for what cannot be read."""
        if not self.count.isdecimal() or len(self.count) > 3:
            raise BillingError("Choose how many payments you would like.")
        amounts = tuple(_cents(text) for text in self.amounts[: int(self.count) - 1])
        return agreeing.Wish(int(self.count), day(self.first_on), self.rhythm, amounts, self.autopay)


def _cents(text):
    return money.parse_cents(text) if text else None


def day(text):
    """A date from a date field. Raises BillingError for what is none."""
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        raise BillingError("Please choose a day.") from None


def typed(values):
    """The Typed of a form or an address."""
    return Typed(
        count=values.get("count", "")[:4].strip(),
        first_on=values.get("first_on", "")[:10],
        rhythm=values.get("rhythm", "")[:20],
        amounts=tuple(values.get(f"amount_{n}", "")[:20].strip() for n in range(1, AMOUNTS)),
        autopay=values.get("autopay") == "yes",
    )


def first(customer, invoice_ids):
    """The Typed that a page begins with."""
    wish = agreeing.first_wish(policy.owed(customer, invoice_ids=invoice_ids), today=g.today)
    return Typed(str(wish.count), wish.first_on.isoformat(), shape.MONTHLY, (), False)
