"""What is to be done about calls: whom to call back, next steps on their day, and what settles them.

A call is settled by one that reached its customer afterwards, or by a person who says how. Nothing else ends
it: not a ring that nobody answered, and not time.
"""

from billing import events, masking, tickets
from billing.errors import BillingError
from billing.states import move
from models import Call, db

CALLED_BACK = "Reached by a later call."
OPEN = Call.state == Call.TO_CALL
NO_STEP = Call.next_step == ""


def to_return():
    """A query of the calls of known customers who wait to be called, oldest first."""
    return (
        Call.select()
        .where(OPEN & Call.waits & NO_STEP & Call.customer.is_null(False))
        .order_by(Call.started_at, Call.id)
    )


def steps_due(today):
    """A query of the next steps whose day has come, or that have none, oldest first."""
    due = Call.next_on.is_null() | (Call.next_on <= today)
    return Call.select().where(OPEN & (Call.next_step != "") & due).order_by(Call.next_on, Call.id)


def done(call, *, how, by, now):
    """Say how a call was dealt with (``how``, a sentence for colleagues). Returns the Call.

    Raises BillingError without a word of how, and StaleState when a colleague was faster.
    """
    how = masking.typed(how)
    if not how:
        raise BillingError("Say what was done about it: your colleagues will read it.")
    if call.state == Call.DONE:
        raise BillingError("This call is done already.")
    with db.atomic():
        move(call, Call.DONE, done_at=now, done_by=by[:80], done_how=how[:255])
        events.record("call.done", call, by=by, now=now, customer=call.customer, reason=how)
    return call


def open_ticket(call, *, subject, body, by, now, staff=None, kind=""):
    """Make a ticket of a call; what was to be done is done there from now on. Returns the Ticket."""
    if call.customer_id is None:
        raise BillingError("Say first whose call it was.")
    if call.ticket_id is not None:
        raise BillingError(f"There is a ticket of this call already: {call.ticket}.")
    with db.atomic():
        ticket = tickets.open(
            call.customer, subject=subject, body=body, by=by, now=now, contact=call.contact, kind=kind,
            via="phone", staff=staff,
        )  # fmt: skip
        Call.update(ticket=ticket).where(Call.id == call.id).execute()
        call.ticket = ticket
        call._dirty.clear()
        if call.state == Call.TO_CALL:
            move(call, Call.DONE, done_at=now, done_by=by[:80], done_how=f"It became ticket {ticket.id}.")
        events.record(
            "call.ticket", call, by=by, now=now, customer=call.customer, after={"ticket": ticket.id}
        )
    return ticket


# --- What settles a call -------------------------------------------------------------------------


def settles(call):
    """True when this call reached the person: one of us spoke with them, and nothing of it is left open."""
    return call.outcome == Call.ANSWERED and (call.direction == Call.OUT or not call.waits)


def look_back(call, now):
    """Settle the earlier calls of the same customer or number that waited to be returned; how many."""
    if not settles(call):
        return 0
    earlier = Call.select().where(
        OPEN & Call.waits & NO_STEP & (Call.started_at <= call.started_at) & _same_side(call)
    )
    count = 0
    for one in earlier:
        count += _settle(one, call, now)
    return count


def look_ahead(call, now):
    """Settle ``call`` when it waits and its customer was reached since: calls may come in any order."""
    if call.state != Call.TO_CALL or not call.waits or call.next_step:
        return
    later = (
        Call.select()
        .where(
            (Call.outcome == Call.ANSWERED)
            & ((Call.direction == Call.OUT) | ~Call.waits)
            & (Call.started_at >= call.started_at)
            & (Call.id != call.id)
            & _same_side(call)
        )
        .order_by(Call.started_at)
        .first()
    )
    if later is not None:
        _settle(call, later, now)


def _same_side(call):
    """The same customer; a call that is nobody's yet goes by its number."""
    same_number = (Call.number == call.number) & (Call.number != "")
    if call.customer_id is None:
        return same_number
    return (Call.customer == call.customer_id) | (same_number & Call.customer.is_null())


def _settle(call, by_call, now):
    changes = {"state": Call.DONE, "done_at": now, "done_by": by_call.by, "done_how": CALLED_BACK}
    if call.customer_id is None and by_call.customer_id is not None:
        changes |= {"customer": by_call.customer_id, "contact": by_call.contact_id}
    changed = Call.update(done_with=by_call, **changes).where((Call.id == call.id) & OPEN).execute()
    for name, value in {**changes, "done_with": by_call}.items() if changed else ():
        setattr(call, name, value)
    call._dirty.clear()
    return changed
