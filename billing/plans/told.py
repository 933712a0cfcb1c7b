"""What a customer reads in a message about a plan, as plain values: agreed, proposed, missed, over, coming.

Not here: languages and looks (billing/wording), the agreement itself (agreement.py), who is told (telling).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from billing import company as companies
from billing import naming
from billing.plans import agreement, keeping, standing, telling
from models import Plan


@dataclass(frozen=True)
class PlanDocument:
    """A plan as a message tells of it. ``late`` and ``next`` are Rows, or None.

    repair_by_on -- until when a missed payment can be put right, were the message sent today
    owed         -- what counts by its own date again, of a plan that is over without being paid
    pay_by_on    -- until when nobody asks for it again, of a plan that is over
    """

    state: str
    cents: int
    count: int
    rows: tuple
    next: object
    late: object
    repair_by_on: date
    can_move: bool
    reason: str
    note: str
    owed: tuple
    paragraphs: tuple
    signed: tuple
    autopay: bool
    pay_by_on: date | None = None
    language: str = "en"

    def due_now_cents(self, day):
        """What of ``owed`` is past its own date on ``day``."""
        return sum(one.cents for one in self.owed if one.due_on < day)

    @property
    def is_proposal(self):
        """True for one that the customer is asked to agree to."""
        return self.state == Plan.PROPOSED

    @property
    def is_kept(self):
        """True when it is paid off."""
        return self.state == Plan.KEPT


@dataclass(frozen=True)
class Owed:
    """An invoice with its own date and what is open of it."""

    number: str
    due_on: date
    cents: int


def plan_document(plan, *, today):
    """The PlanDocument of a plan as it stands today."""
    company, stands = companies.current(), standing.of(plan, today=today)
    written = agreement.document(plan, today=today)
    return PlanDocument(
        state=plan.state,
        cents=plan.amount_cents,
        count=plan.count,
        rows=stands.rows,
        next=stands.next,
        late=stands.late[0] if stands.late else None,
        repair_by_on=today + timedelta(days=company.plan_grace_days),
        can_move=keeping.movable(stands) is not None,
        reason=plan.reason,
        note=plan.words if plan.state == Plan.PROPOSED else "",
        owed=tuple(
            Owed(naming.number(one.invoice, company), one.invoice.due_on, one.invoice.open_cents)
            for one in stands.invoices
            if one.invoice.open_cents
        ),
        paragraphs=written.paragraphs,
        signed=written.signed,
        autopay=plan.autopay,
        language=plan.language,
        pay_by_on=plan.ended_on and plan.ended_on + timedelta(days=company.plan_grace_days),
    )


@dataclass(frozen=True)
class Coming:
    """A payment of a plan that a reminder tells of. ``place`` is “2 of 4”; ``follows``: Rows told along."""

    due_on: date
    cents: int
    place: str
    rows: tuple
    follows: tuple = ()


def coming(notice, *, today):
    """The Coming of a reminder of a payment."""
    stands = standing.of(Plan.get_by_id(notice.plan_id), today=today)
    row = next(one for one in stands.rows if one.id == notice.installment_id)
    place, follows = f"{row.number} of {len(stands.rows)}", telling.together(row, stands.rows)
    return Coming(row.due_on, row.open_cents, place, stands.rows, follows)
