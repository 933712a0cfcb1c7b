"""An account is given to a collection agency: rarely, by two people, told once, and taken back at any time.

From then on nothing is added and nobody of ours presses: the gate says so (``collections.gate``). What the
agency gets is one file with the facts and nothing else; it is kept to the byte. Not here: how that file is
drawn (edges/handover_file.py), the decision of the second person (approvals.py).
"""

import hashlib
from dataclasses import dataclass
from datetime import date

from peewee import IntegrityError

from billing import approvals, events, ledger, letterheads, masking, notices
from billing import company as companies
from billing.collections import gate
from billing.errors import BillingError
from billing.states import move
from billing.suspensions import standing
from models import Approval, Contact, Handover, HandoverFile, Notice, Suspension, db

KIND = "handover"
WHY = "Somebody else will write to you about what is open on this account."
LARGEST = 50_000_000


def running(customer):
    """The hand-over of a customer that is asked for or in force, or None."""
    mine = (Handover.customer == customer) & Handover.state.in_(Handover.RUNNING)
    return Handover.get_or_none(mine)


def ask(customer, *, agency, reason, by, today, now):
    """Ask that an account is given to ``agency``, and a second person for it. Returns the Handover.

    Raises BillingError for a customer who needs special care, before anything is late enough for it, and
    while the gate is shut.
    """
    missing = "Say which agency, and why: the second person decides by it."
    agency, reason = masking.reason(agency, missing), masking.reason(reason, missing)
    with ledger.locked(customer.id):
        cents = _refuse(customer, today, now)
        try:
            with db.atomic():
                row = Handover.create(
                    customer=customer, agency=agency[:120], reason=reason[:255],
                    amount_cents=cents, asked_by=by, asked_at=now,
                )  # fmt: skip
        except IntegrityError:
            raise BillingError("A hand-over of this account is under way already.") from None
        events.record("handover.asked", row, by=by, now=now, reason=reason, after={"cents": cents})
        approvals.ask(KIND, row, reason=reason, by=by, now=now, amount_cents=cents)
    return row


def _refuse(customer, today, now):
    """Cents that are past due; raises BillingError while nobody may hand this account over."""
    if customer.vulnerable_reason:
        raise BillingError(
            f"{customer.name} needs special care ({customer.vulnerable_reason}). Offer a plan."
        )
    if sentence := standing.not_late_enough(customer, today):
        raise BillingError(sentence.replace("Service is not suspended", "No account is handed over"))
    announced = Suspension.state.in_((Suspension.ASKED, Suspension.WARNED))
    if Suspension.select().where((Suspension.customer == customer) & announced).exists():
        raise BillingError("They were told of a suspension that is still to come. Wait for that day first.")
    gate.refuse(customer, gate.HANDED_OVER, today=today, now=now)
    return standing.of(customer, today)[0]


def _approved(approval, *, by, today, now):
    """A second person agrees: the file may be made. Nothing leaves before it is."""
    row = approvals.about(approval)
    _refuse(row.customer, today, now)
    if row.state != Handover.ASKED:
        raise BillingError("This hand-over is not waiting any more.")
    Handover.update(approval=approval).where(Handover.id == row.id).execute()


def is_approved(handover):
    """True when a second person agreed and the file is to be made."""
    return handover.state == Handover.ASKED and handover.approval_id is not None


def hand_over(handover, content, *, name, by, today, now):
    """The file was made: it is kept, the customer is told, and nothing is added from now on.

    content -- bytes of the file that the agency gets. Returns the Handover.
    """
    if not content or len(content) > LARGEST:
        raise BillingError("The file is empty, or larger than 50 MB.")
    with ledger.locked(handover.customer_id):
        row = Handover.get_by_id(handover.id)
        if not is_approved(row):
            raise BillingError("Somebody else has to approve this hand-over first.")
        _refuse(row.customer, today, now)
        HandoverFile.create(
            handover=row, name=name[:120], sha256=hashlib.sha256(content).hexdigest(), size=len(content),
            content=content, made_at=now,
        )  # fmt: skip
        move(row, Handover.HANDED_OVER, handed_on=today, handed_at=now, handed_by=by)
        events.record("handover.made", row, by=by, now=now, reason=row.reason, after={"agency": row.agency})
        _tell(row, now)
    return row


def _tell(row, now):
    """Once, by mail to everybody who pays and by letter."""
    told = {"customer": row.customer_id, "why": WHY, "now": now, "handover": row}
    for contact_id, _ in notices.payers_with_mail([row.customer_id]).get(row.customer_id, ()):
        contact = Contact.get_by_id(contact_id)
        notices.queue(Notice.HANDED_OVER, key=f"handed_over:{row.id}:{contact_id}", contact=contact, **told)
    notices.queue(Notice.HANDED_OVER, key=f"handed_over:{row.id}:paper", channel=Notice.PAPER, **told)


@dataclass(frozen=True)
class HandedDocument:
    """What the customer reads about it, as plain values."""

    company: object
    account_number: str
    agency: str
    cents: int
    oldest_on: date
    on: date


def document(handover, *, today):
    """The HandedDocument of a hand-over as it stands."""
    cents, oldest_on = standing.of(handover.customer, today)
    return HandedDocument(
        company=letterheads.of(companies.current()),
        account_number=handover.customer.account_number,
        agency=handover.agency,
        cents=cents or handover.amount_cents,
        oldest_on=oldest_on or today,
        on=handover.handed_on or today,
    )


def take_back(handover, *, why, by, now):
    """We speak with them ourselves again; what did not leave is not sent. Returns the Handover.

    One person is enough. Before the file was made it is simply not done (canceled).
    """
    why = masking.reason(why, "Say why: it is part of the record.")
    with ledger.locked(handover.customer_id):
        row = Handover.get_by_id(handover.id)
        if row.state not in Handover.RUNNING:
            raise BillingError("This hand-over is over already.")
        state = Handover.TAKEN_BACK if row.state == Handover.HANDED_OVER else Handover.CANCELED
        move(row, state, ended_at=now, ended_by=by[:80], ended_why=why[:255])
        mine = (Approval.about_table == row._meta.table_name) & (Approval.about_id == row.id)
        for approval in Approval.select().where(mine & (Approval.state == Approval.ASKED)):
            approvals.refuse(approval, reason=why, by=by, now=now)
        for notice in row.notices.where(Notice.state.in_((Notice.QUEUED, Notice.HELD, Notice.PRINT))):
            move(notice, Notice.SKIPPED, reason=f"The account was taken back: {why}"[:255])
        events.record(f"handover.{state}", row, by=by, now=now, reason=why)
    return row


approvals.register(
    KIND, _approved, label="Hand an account over",
    effect=lambda approval: "The file for the agency may be made; fees and reminders end with it.",
)  # fmt: skip
