"""What weighs on an account, said at the top of its pages: service that rests or will, an agency that writes.

Calm and whole: what is so, what that means, what ends it. Not here: when it is decided (billing/suspensions,
billing/handovers.py), and the letters about it (templates/mail).
"""

from dataclasses import dataclass

from flask import g

from billing import handovers, words
from billing.suspensions import standing
from models import Handover, Suspension

ENDS = "Any payment switches it on again, mostly within the hour, and that costs nothing."
STOPS = "Any payment stops this at once. If you cannot pay it all now, tell us: we find a way."


@dataclass(frozen=True)
class Word:
    """One thing to know: ``title`` first, then what it means and what ends it."""

    title: str
    text: str


def of_customer(customer):
    """[Word] of what was told to a customer and still stands; for nearly everybody nothing, by one query."""
    if not standing.weighs_on(customer):
        return []
    found = [_of_suspension(row) for row in standing.running(customer) if row.state != Suspension.ASKED]
    row = handovers.running(customer)
    if row is not None and row.state == Handover.HANDED_OVER:
        found.append(_of_handover(row))
    return found


def _of_suspension(row):
    told = standing.document(row, today=g.today)
    day = words.date(told.rests_on)
    if row.state == Suspension.SUSPENDED:
        return Word(
            f"{told.service}: signals are not answered since {day}.",
            f"Nobody is called because of an alarm from {told.where}. In an emergency, call 911 yourself. "
            f"{ENDS}",
        )
    return Word(
        f"{told.service}: please talk to us before {day}.",
        f"If we hear nothing, signals from {told.where} are not answered from that day on. {STOPS}",
    )


def _of_handover(row):
    return Word(
        f"{row.agency} writes to you about this account now.",
        f"We gave it to them on {words.date(row.handed_on)}; from us there are no more reminders, and "
        "nothing is added. You can still pay here, and you can still speak with us: we can take it back at "
        "any time.",
    )
