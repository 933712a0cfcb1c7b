"""The words of an agreement in each language that we write: the same paragraphs, one for one. Pure.

Whoever changes one changes the other: English stands here, Spanish in ``spanish``. Not here: which facts
stand in them (agreement.py), the messages around it (billing/wording).
"""

from dataclasses import dataclass

from billing import words
from billing.money import format_cents
from billing.plans import spanish


@dataclass(frozen=True)
class Facts:
    """What an agreement tells. ``covered`` is [(number, due_on, cents)], ``payments`` [(cents, due_on)]."""

    ours: str
    customer: str
    account: str
    covered: tuple
    cents: int
    payments: tuple
    method: str  # that autopay charges; "" without
    grace_days: int
    phone: str
    write_to: str


def english(facts):
    """The paragraphs in English."""
    covered = words.joined(
        f"invoice {number}, due {words.date(on)}, with {format_cents(cents)} open"
        for number, on, cents in facts.covered
    )
    payments = "; ".join(f"{format_cents(cents)} on {words.date(on)}" for cents, on in facts.payments)
    grace = words.plural(facts.grace_days, "day")
    reach = " or ".join(filter(None, [facts.phone and f"call {facts.phone}", f"write to {facts.write_to}"]))
    return (
        f"This agreement is between {facts.ours} and {facts.customer}, account {facts.account}.",
        f"It covers {covered}: {format_cents(facts.cents)} in all.",
        "It is not a new debt. It only says by when what is open is paid. There is no fee and no interest.",
        f"{facts.customer} pays in {len(facts.payments)} payments: {payments}.",
        _how_in_english(facts.method),
        "Invoices that are not named here, and those to come, stay due on their own dates.",
        "While the plan is kept, service goes on as usual, we do not ask for these invoices in any other "
        "way, and no late fee is added. We remind of each payment before its day.",
        f"If a payment is missed, we wait {grace}. Then we write, and it can be put right once within "
        f"another {grace}: by paying it, or by moving it to another day. If that does not happen, or a "
        "second payment is missed, the plan ends: the invoices are due on their own dates again, less what "
        "was paid. Nothing is added for that.",
        "It can be paid off early, in whole or in part, at any time and at no cost. What is paid early "
        "counts for the next payment first.",
        f"To change or to cancel it, {reach}. Canceled, the invoices are due on their own dates.",
    )


def _how_in_english(method):
    if method:
        return (
            f"The customer asked us to charge each payment to {method} on its day. That is a separate "
            "permission and can be taken back at any time; the plan goes on without it."
        )
    return (
        "Each payment can be made online, by check or any other way that we accept. Nothing is charged "
        "automatically under this agreement."
    )


PARAGRAPHS = {"en": english, "es": spanish.paragraphs}
