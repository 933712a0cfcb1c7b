"""The second person: what one may not decide alone is asked for, and done when somebody else agrees.

Here: asking, deciding, who counts as somebody else, and what each kind of request would do (registered by
whoever owns the kind). Not here: when a second person is needed (the rule that asks), refunds, which bring
their own (reversals/).
"""

import json
from dataclasses import dataclass
from typing import Any

from peewee import IntegrityError

from billing import events, ledger, masking
from billing.errors import BillingError
from billing.states import move
from models import TABLES, Approval, Staff, db

_kinds = {}


@dataclass(frozen=True)
class Kind:
    """What may be asked for.

    act    -- callable(approval, by, today, now): does it, in the transaction that approves
    label  -- what people call it, such as "Goodwill credit"
    effect -- callable(approval): a sentence of what would happen
    follows -- callable(approval, today): a sentence of what is still to come once it was approved
    """

    act: Any
    label: str
    effect: Any
    follows: Any


def register(kind, act, *, label, effect=None, follows=None):
    """Make ``kind`` something that can be asked for; called when the module that owns it is imported."""
    _kinds[kind] = Kind(act, label, effect or _nothing, follows or _nothing)


def _nothing(*_):
    return ""


def label(kind):
    """What people call a kind of request."""
    return _kinds[kind].label if kind in _kinds else kind.replace("_", " ").capitalize()


def effect(approval):
    """A sentence of what would happen if it were approved now; empty when nothing more is to be said."""
    return _kinds[approval.kind].effect(approval) if approval.kind in _kinds else ""


def follows(approval, *, today):
    """A sentence of what is still to come of what was approved; empty when all of it is done."""
    return _kinds[approval.kind].follows(approval, today) if approval.kind in _kinds else ""


def about(approval):
    """The row that a request is about; None when it cannot be found."""
    model = next((one for one in TABLES if one._meta.table_name == approval.about_table), None)
    return model.get_or_none(model.id == approval.about_id) if model else None


def details(approval):
    """What else was asked for, as a dict of plain values."""
    return json.loads(approval.details) if approval.details else {}


def waiting():
    """A query of what waits for a second person, oldest first."""
    return Approval.select().where(Approval.state == Approval.ASKED).order_by(Approval.id)


def is_asked(kind, row):
    """The request of this kind about ``row`` that waits, or None."""
    return Approval.get_or_none(
        (Approval.kind == kind)
        & (Approval.about_table == row._meta.table_name)
        & (Approval.about_id == row.id)
        & (Approval.state == Approval.ASKED)
    )


def ask(kind, row, *, reason, by, now, amount_cents=None, customer=None, **more):
    """Ask for a second person. Returns the Approval; raises BillingError when the same waits already.

    more -- plain values that the act will need, kept with the request as they are now
    """
    reason = masking.reason(reason, "Give a reason; your colleague decides by it.")
    customer_id = row.id if row._meta.table_name == "customer" else getattr(row, "customer_id", None)
    try:
        with db.atomic():
            asked = Approval.create(
                kind=kind,
                about_table=row._meta.table_name,
                about_id=row.id,
                customer_id=customer.id if customer else customer_id,
                amount_cents=amount_cents,
                reason=reason[:255],
                details=json.dumps(more, default=str, ensure_ascii=False) if more else "",
                asked_by=by,
                asked_by_staff=staff_of(by),
                asked_at=now,
            )
            told = {"kind": kind} | ({} if amount_cents is None else {"cents": amount_cents})
            events.record("approval.asked", asked, by=by, now=now, reason=reason, after=told)
    except IntegrityError:
        raise BillingError("This was asked for already and waits for a second person.") from None
    return asked


def approve(approval, *, by, today, now):
    """A second person agrees, and it is done in the same transaction. Returns the Approval.

    Refuses the one who asked. Raises StaleState when somebody decided meanwhile, and whatever the act
    itself refuses: then nothing was decided and it waits on.
    """
    if is_mine(approval, by):
        raise BillingError("You asked for this yourself. Somebody else has to approve it.")
    second = second_person(by, approval.asked_by_staff_id)
    if approval.kind not in _kinds:
        raise BillingError(f"Nobody knows how to do “{label(approval.kind)}” any more. Refuse it.")
    with _locked(approval):
        _check_waits(approval)
        move(approval, Approval.APPROVED, decided_by=by, decided_by_staff=second, decided_at=now)
        events.record("approval.approved", approval, by=by, now=now, reason=approval.reason)
        _kinds[approval.kind].act(approval, by=by, today=today, now=now)
    return approval


def refuse(approval, *, reason, by, now):
    """Nothing is done: a second person says no, or the one who asked takes it back. Returns the Approval."""
    reason = masking.reason(reason, "Say why, so that the one who asked can go on.")
    with _locked(approval):
        _check_waits(approval)
        if is_mine(approval, by):
            _take_back(approval, reason, by, now)
        else:
            told = {"decided_by": by, "decided_by_staff": staff_of(by), "answer": reason[:255]}
            move(approval, Approval.REFUSED, decided_at=now, **told)
            events.record("approval.refused", approval, by=by, now=now, reason=reason)
    return approval


def lapse(kind, row, *, reason, by, now):
    """What waits about ``row`` has no point any more: nobody decides it. In the caller's transaction."""
    if asked := is_asked(kind, row):
        _take_back(asked, reason, by, now)


def _take_back(approval, reason, by, now):
    move(approval, Approval.WITHDRAWN, decided_at=now, answer=reason[:255])
    events.record("approval.withdrawn", approval, by=by, now=now, reason=reason)


def is_mine(approval, by):
    """True for who asked, by ``is_one_person``."""
    return is_one_person(by, approval.asked_by, approval.asked_by_staff_id)


def _locked(approval):
    """What approves moves money mostly: the customer's lock comes first, as everywhere."""
    return ledger.locked(approval.customer_id) if approval.customer_id else db.atomic()


def _check_waits(approval):
    if Approval.get_by_id(approval.id).state != Approval.ASKED:
        raise BillingError("Somebody decided this already. Nothing was done twice.")


# --- Who is who ----------------------------------------------------------------------------------


def staff_of(by):
    """The member of staff behind “staff:ann@example.com”; None for the daily job, a command, a customer."""
    kind, _, email = by.partition(":")
    return Staff.get_or_none(Staff.email == email.lower()) if kind == "staff" else None


def is_one_person(by, first, first_staff_id):
    """True for the same member of staff, whatever their address was then or how it is spelled.

    first, first_staff_id -- who was written down, and the row of staff behind it then, or None

    Who has that address today counts too: a record on which one address asked and decided proves nothing.
    """
    staff = staff_of(by)
    is_same_row = staff is not None and staff.id == first_staff_id
    return is_same_row or by.casefold() == first.casefold()


def second_person(by, first_staff_id):
    """The member of staff who decides; None where neither of the two is one.

    Raises BillingError where somebody of staff asked and nobody of staff decides.
    """
    second = staff_of(by)
    if first_staff_id and second is None:
        raise BillingError("Somebody who signs in here has to approve it.")
    return second
