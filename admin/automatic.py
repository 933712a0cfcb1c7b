"""Automatic payment as a customer's page tells it: what was agreed, what is charged next, what is saved.

Here: which rows, in words for staff, and the actions that they offer. Not here: what will be charged and why
not (billing/automatic/), the actions themselves (autopay_actions.py), looks (templates/admin/).
"""

from dataclasses import dataclass
from datetime import date

from flask import g

from admin import base, security
from billing.automatic import autopay, consent, methods, upcoming
from billing.documents import autopay_documents
from models import Autopay, AutopayOutcome, PlannedCharge

# Why it is not charged by itself, as staff say it; the customer's own sentences stand in ``upcoming``.
WHY_NOT = {
    AutopayOutcome.ABOVE_CAP: "above the customer’s limit. They were or will be asked to pay it themselves.",
    AutopayOutcome.OUT_OF_USE: "the card or account is refused. Ask for another one.",
    AutopayOutcome.ON_HOLD: "automatic payment is on hold. Lift the hold to go on.",
    AutopayOutcome.STOPPED: "declined as often as we may try. Call them: another card, or pay by phone.",
    AutopayOutcome.CANCELED: "the earlier charge was canceled or paid back.",
    AutopayOutcome.QUESTION: "the customer asked about the invoice. Answer the question first.",
}


@dataclass(frozen=True)
class NextCharge:
    """Everything that is charged on one day; ``why_not`` in words for staff, empty when it is charged."""

    charge_on: date
    cents: int
    numbers: str
    why_not: str
    is_retry: bool
    put_off_from_on: date | None
    planned: PlannedCharge
    actions: tuple


def of(customer):
    """What the template reads, by name; None for whoever may not read it."""
    if not security.may("autopay.read"):
        return None
    standing, view = autopay.standing(customer), base.screen(Autopay)
    ended = customer.autopays.where(Autopay.ended_at.is_null(False)).order_by(Autopay.id.desc())
    return {
        "standing": standing,
        "day": consent.day_words(standing) if standing else "",
        "agreed_by": _who(standing) if standing else "",
        "waits_left": autopay.waits_left(customer.id, now=g.now) if standing else 0,
        "autopay_view": view,
        "actions": view.row_actions(standing) if standing else [],
        "former": None if standing else ended.first(),
        "methods": list(methods.kept(customer)),
        "charges": charges(customer) if standing else [],
    }


def _who(standing):
    return standing.contact.name if standing.contact_id else standing.agreed_by.partition(":")[2]


def charges(customer):
    """The NextCharge rows of a customer, earliest first."""
    coming = upcoming.of_customer(customer, today=g.today)
    waiting = autopay.can_wait(coming, now=g.now)
    return [_next(one, one.charge_on in waiting) for one in coming]


def _next(one, can_wait):
    view = base.screen(PlannedCharge)
    document = autopay_documents.charge_document(one, company=g.company)
    return NextCharge(
        charge_on=document.charge_on,
        cents=document.cents,
        numbers=document.numbers,
        why_not=WHY_NOT.get(one.objection, ""),
        is_retry=one.is_retry,
        put_off_from_on=document.put_off_from_on,
        planned=one.planned[0],
        actions=tuple(view.row_actions(one.planned[0])) if can_wait else (),
    )
