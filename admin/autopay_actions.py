"""What staff do about autopay: end it, stop charging a card or account, put a charge off when asked to.

Here: the forms and the one call of each into ``billing/``. Not here: who may (security.py), how an action
asks and answers (acting.py), what became of each charge (automatic.py).
"""

from datetime import date

import wtforms
from flask import g

from admin.actions import Action, Reason, day_of
from admin.fields import ChoiceInput
from billing import words
from billing.automatic import autopay, methods, upcoming
from billing.errors import BillingError
from billing.money import format_cents


def _end_autopay(standing, form):
    autopay.end(standing, reason=form.reason.data, by=g.by, now=g.now)
    return f"Autopay of {standing.customer} is off. The customer is told by mail."


AUTOPAY = (
    Action(
        "end",
        "Switch off",
        _end_autopay,
        form=Reason,
        lead="Nothing is charged automatically any more, from now on. What was sent to the processor already "
        "is not called back.",
        fits=lambda standing: standing.ended_at is None,
        effect=lambda standing: str(standing.method),
        tone="danger",
    ),
)


def _stop_method(method, form):
    methods.stop(method, reason=form.reason.data, by=g.by, now=g.now)
    return f"{method.label} is not charged any more. The customer is told by mail."


METHOD = (
    Action(
        "stop",
        "Stop charging it",
        _stop_method,
        form=Reason,
        lead="Nothing is charged to it any more, from now on. Autopay by it waits until the customer chooses "
        "another card or account; only they can do that.",
        fits=lambda method: method.state == method.ACTIVE,
        effect=lambda method: f"{method.label} of {method.customer}",
        tone="danger",
        bulk=False,
    ),
)


class WaitForm(wtforms.Form):
    """Until which day a charge waits."""

    until = ChoiceInput("Charge it on", choices=[])


def _fill_days(form, rows):
    found = _postponing(rows[0])
    form.until.offer([(day.isoformat(), f"{day:%a}, {words.short_date(day)}") for day in found.days])
    form.until.description = found.warning


def _postponing(planned):
    return autopay.postponing(planned, today=g.today, now=g.now)


def _can_wait(planned):
    try:
        return bool(_postponing(planned).days)
    except BillingError:
        return False


def _postpone(planned, form):
    until_on = date.fromisoformat(form.until.data)
    autopay.postpone(planned, until_on=until_on, **day_of())
    return f"It waits until {words.date(until_on)}. The customer is told by mail."


def _charge_effect(planned):
    charge = upcoming.of_invoice(planned.invoice, today=g.today)
    if charge is None:
        return ""
    return f"{format_cents(charge.cents)} on {words.date(charge.charge_on)} from {charge.method.label}"


PLANNED_CHARGE = (
    Action(
        "postpone",
        "Put off",
        _postpone,
        form=WaitForm,
        lead="Because the customer asks for it: everything that is charged on that day waits, nobody is "
        "reminded, and it counts as one of the times that they may put a charge off.",
        fits=_can_wait,
        effect=_charge_effect,
        fill=_fill_days,
        bulk=False,
    ),
)
