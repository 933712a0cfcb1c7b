"""The day's step: what faults are worth is proposed, and late fees go their way, before anybody is billed."""

from billing import words
from billing.remedies import fees, given_up, late_fees, service_credits
from models import LateFee


def run(today, *, now):
    """Do it; returns a line for people. Harmless twice a day."""
    given_up.settle(today, now=now)
    proposed = service_credits.propose_due(now=now)
    report = str(late_fees.run(today, now=now))
    said = f"{words.plural(proposed, 'service credit')} proposed or corrected"
    return f"{said}; {report}" if report else said


def preview(today):
    """What ``run`` would do, as far as it can be said without doing it."""
    waiting = LateFee.select().where(LateFee.state.in_(LateFee.WAITING)).count()
    policy = "" if fees.is_on() else ", and late fees are off"
    return f"faults would be looked at; {words.plural(waiting, 'late fee')} wait{policy}"
