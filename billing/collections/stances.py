"""What customers told us of why they do not pay, in their own words. Written down by a person, ended by one.

It proves "cannot pay" and "will not pay", which nothing else does: nobody's silence is read as either.
"""

from billing import events, masking
from billing.errors import BillingError
from models import Stance, db

LONGEST = 1_000


def standing(customer_id):
    """A query of what a customer said and nobody has ended, the latest first."""
    mine = (Stance.customer == customer_id) & Stance.ended_at.is_null()
    return Stance.select().where(mine).order_by(Stance.id.desc())


def note(customer, code, *, words, heard_on, by, today, now, invoice=None, contact=None, ticket=None):
    """Write down why they do not pay; returns the Stance.

    code  -- Stance.CANNOT_PAY or WILL_NOT_PAY
    words -- theirs; a refusal without words is not one

    Raises BillingError when nothing was said, or on a day that is still to come.
    """
    said = masking.said(words, missing="Write down what they said, in their words.", longest=LONGEST)
    if heard_on > today:
        raise BillingError("They cannot have said it on a day that is still to come.")
    if code not in Stance.WORDS:
        raise BillingError("Choose whether they cannot pay it now or refuse to.")
    with db.atomic():
        row = Stance.create(
            customer=customer, invoice=invoice, contact=contact, ticket=ticket, code=code, words=said,
            heard_on=heard_on, by=by, at=now,
        )  # fmt: skip
        events.record("stance.noted", row, by=by, now=now, after={"code": code})
    return row


def end(stance, *, reason, by, now):
    """It is not so any more. Ending it twice changes nothing; returns the Stance."""
    reason = masking.typed(reason)
    open_one = (Stance.id == stance.id) & Stance.ended_at.is_null()
    with db.atomic():
        if Stance.update(ended_at=now, ended_by=by, end_reason=reason[:255]).where(open_one).execute():
            events.record("stance.ended", stance, by=by, now=now, reason=reason)
    return Stance.get_by_id(stance.id)
