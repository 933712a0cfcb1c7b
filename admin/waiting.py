"""What of one customer waits for us: at the top of their page, the oldest first.

Here: which rows, and what they are called. Not here: when something waits (billing/ writes the states), and
what that holds back (billing/collections/gate.py).
"""

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from admin import base
from billing import words
from models import Approval, Call, Dispute, Inbound, Notice, Plan, Ticket

MOST = 5  # of each kind


@dataclass(frozen=True)
class Waiting:
    """One thing to do. ``since`` is an instant; ``is_urgent``: the customer waits, not only we."""

    kind: str
    title: str
    since: datetime
    url: str
    note: str = ""
    is_urgent: bool = True


def of(customer):
    """[Waiting] of a customer, what they wait for before what only we want done: one query for each kind."""
    found = [
        make(row)
        for model, waits, make in KINDS
        if base.screen(model) and base.screen(model).is_accessible()
        for row in model.select().where((model.customer == customer) & waits).order_by(model.id).limit(MOST)
    ]
    return sorted(found, key=lambda one: (not one.is_urgent, one.since))


def _url(row):
    return url_for(f"{base.screen(type(row)).endpoint}.details_view", id=row.id)


def _ticket(row):
    return Waiting("Ticket", row.subject, row.waiting_since_at or row.last_at, _url(row))


def _call(row):
    note = row.next_step and f"{row.next_step}{_by(row.next_on)}"
    return Waiting("Call", str(row), row.started_at, _url(row), note, is_urgent=row.waits)


def _by(day):
    return f" by {words.short_date(day)}" if day else ""


def _inbound(row):
    return Waiting(row.channel.capitalize(), str(row), row.received_at, _url(row), row.result)


def _dispute(row):
    note = f"We promised an answer by {words.short_date(row.answer_by_on)}"
    return Waiting("Dispute", dict(Dispute.reason.choices)[row.reason], row.opened_at, _url(row), note)


def _plan(row):
    return Waiting("Plan", f"Asks to pay in {words.plural(row.count, 'part')}", row.proposed_at, _url(row))


def _draft(row):
    title, note = row.subject or dict(Notice.kind.choices)[row.kind], "To be read and sent by a person"
    return Waiting("Draft", title, row.created_at, _url(row), note, is_urgent=False)


def _approval(row):
    return Waiting("Second person", row.reason, row.asked_at, _url(row), is_urgent=False)


KINDS = (
    (Ticket, Ticket.state == Ticket.WAITING_ON_US, _ticket),
    (Call, Call.state == Call.TO_CALL, _call),
    (Inbound, Inbound.state == Inbound.WAITING, _inbound),
    (Dispute, Dispute.state == Dispute.OPEN, _dispute),
    (Plan, (Plan.state == Plan.PROPOSED) & (Plan.waits_for == Plan.US), _plan),
    (Notice, Notice.state == Notice.DRAFT, _draft),
    (Approval, Approval.state == Approval.ASKED, _approval),
)
