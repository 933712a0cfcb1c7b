"""A call becomes a row, once: logged by staff, or reported by a phone system or an answering service."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import IntegrityError

from billing import events, feeds, masking, phones, words
from billing.calls import following, whose
from billing.errors import BillingError
from models import Call, Staff, db

LONGEST = 10_000  # letters of a note
LONGEST_CALL = 24 * 3600
SKEW = timedelta(minutes=5)  # how far a phone system's clock may be ahead of ours
OLDEST = timedelta(days=3 * 366)
FURTHEST = timedelta(days=2 * 366)  # of a next step
STAFF = "staff"
MESSAGE = "message"  # an answering service took a message: answered, and they wait for us
# What phone systems call the outcomes.
OUTCOMES = {
    **{name: name for name in Call.OUTCOMES},
    MESSAGE: Call.ANSWERED, "completed": Call.ANSWERED, "connected": Call.ANSWERED, "abandoned": Call.MISSED,
    "noanswer": Call.NO_ANSWER, "unanswered": Call.MISSED, "voice_mail": Call.VOICEMAIL,
}  # fmt: skip
DIRECTIONS = {"in": Call.IN, "inbound": Call.IN, "incoming": Call.IN,
              "out": Call.OUT, "outbound": Call.OUT, "outgoing": Call.OUT}  # fmt: skip


@dataclass(frozen=True)
class Received:
    """One call as another system told it.

    number     -- of the other side, as it was told
    started_at -- an instant, naive UTC
    waits      -- True or False where the system knows whether they wait for us; None: by the outcome
    """

    source: str
    source_id: str
    number: str
    direction: str
    outcome: str
    started_at: datetime
    seconds: int | None = None
    note: str = ""
    caller: str = ""
    agent: str = ""
    waits: bool | None = None


# --- By staff ------------------------------------------------------------------------------------


def log(customer, *, direction, outcome, by, today, now, **told):
    """Log a call that somebody on our side had or saw. Returns the Call; earlier ones may be settled by it.

    customer -- None when nobody knows who it was; then it waits for somebody who does
    told     -- number, contact, note, next_step, next_on, waits (None: by the rest), staff, started_at,
                seconds, key (of the form: sent twice, it is one call)

    Raises BillingError for what cannot be: a call of tomorrow, a step of yesterday, somebody else's contact.
    """
    contact, key = told.pop("contact", None), told.pop("key", "")
    number = told.pop("number", "") or (contact.phone if contact else "")
    if contact is not None and (customer is None or contact.customer_id != customer.id):
        raise BillingError(f"{contact.name} does not belong to this customer.")
    if direction not in (Call.IN, Call.OUT) or outcome not in Call.OUTCOMES:
        raise BillingError("Say who called, and what became of it.")
    fields = _sound(direction, outcome, today=today, now=now, **told)
    if customer is None and not number and not fields["note"]:
        raise BillingError("Nobody could tell whose call this was. Give a number, or a note.")
    fields |= {
        "customer": customer, "contact": contact, "number": _stored(number), "direction": direction,
        "outcome": outcome, "by": by[:80], "source": STAFF, "source_id": key or uuid.uuid4().hex,
    }  # fmt: skip
    call, is_new = _once(fields, now)
    if is_new:
        events.record("call.logged", call, by=by, now=now, customer=customer)
    return call


def _sound(direction, outcome, *, today, now, note="", next_step="", next_on=None, waits=None, staff=None,
           started_at=None, seconds=None):  # fmt: skip
    """The fields that people type, found to be possible."""
    next_step = _clean(next_step, 255, "the next step")
    if next_on is not None and not next_step:
        raise BillingError("Say what is to be done on that day.")
    if next_on is not None and not today <= next_on <= today + FURTHEST:
        raise BillingError("The next step needs a day from today on, within two years.")
    _refuse_odd(started_at or now, seconds, now)
    waits = _waits(direction, outcome, next_step) if waits is None else waits
    return {
        "note": _clean(note, LONGEST, "the note"), "next_step": next_step, "next_on": next_on,
        "waits": waits, "staff": staff, "started_at": min(started_at or now, now), "seconds": seconds,
    }  # fmt: skip


def _waits(direction, outcome, next_step):
    """Whether somebody waits for us: they were not answered, or something was agreed with them."""
    if direction == Call.OUT or outcome == Call.WRONG_NUMBER:
        return False
    return outcome != Call.ANSWERED or bool(next_step)


def _refuse_odd(started_at, seconds, now):
    if started_at > now + SKEW:
        raise BillingError(f"{words.date(started_at.date())}, {started_at:%H:%M} UTC has not come yet.")
    if started_at < now - OLDEST:
        raise BillingError(f"{words.date(started_at.date())} is more than three years ago.")
    if seconds is not None and not 0 <= seconds <= LONGEST_CALL:
        raise BillingError("A call lasts from 0 seconds to a day.")


def _clean(text, most, what):
    text = masking.masked("".join(sign for sign in text if sign == "\n" or sign.isprintable()).strip())
    if len(text) > most:
        raise BillingError(f"Please keep {what} under {most:,} characters.")
    return text


def _stored(number):
    """A number as it is kept: the line where it can be read, else what was shown; "" for a withheld one."""
    if phones.is_withheld(number):
        return ""
    return phones.line(number) or "".join(sign for sign in number if sign.isprintable()).strip()[:40]


# --- By other systems ----------------------------------------------------------------------------


def take(received, *, now, people=None):
    """Keep a call that another system reported. Returns (Call, whether it is new).

    people -- {number: contacts} where many calls are taken at once (``whose.people_by_line``)

    The same call again changes nothing. Raises BillingError, a sentence, for what cannot be a call.
    """
    direction, outcome = sound(received, now=now)
    return _once(_reported(received, direction, outcome, people), now)


def hear(received, *, is_beat, by, now):
    """What a phone system reported in one request: its calls, all or none; returns how many are new.

    is_beat -- it says that it lives, and promises to go on saying so
    by      -- who did it, for the audit

    Any report shows that it lives. Raises BillingError, a sentence, for what cannot be a call.
    """
    with db.atomic():
        feeds.beat(feeds.PHONE, now=now, watched=False)
        if is_beat:
            feeds.promise(feeds.PHONE, by=by, now=now)
        return sum(take(one, now=now)[1] for one in received)


def sound(received, *, now):
    """(direction, outcome) of a call that was told; raises BillingError, a sentence, for what is no call."""
    outcome = OUTCOMES.get(_folded(received.outcome))
    direction = DIRECTIONS.get(_folded(received.direction))
    if direction is None:
        raise BillingError(f"“{received.direction[:40]}” is no direction. Write in or out.")
    if outcome is None:
        known = ", ".join((*Call.OUTCOMES, MESSAGE))
        raise BillingError(f"“{received.outcome[:40]}” is no outcome. Known: {known}.")
    if not received.source_id or len(received.source_id) > 120:
        raise BillingError("A call needs an id of 1 to 120 characters.")
    _refuse_odd(received.started_at, received.seconds, now)
    return direction, outcome


def _reported(received, direction, outcome, people):
    number = _stored(received.number)
    found = whose.people_of(number) if people is None else people.get(number, [])
    customer_id, contact = whose.owner(found)
    waits = received.waits
    if waits is None:
        waits = (
            _waits(direction, outcome, "") or _folded(received.outcome) == MESSAGE and direction == Call.IN
        )
    agent = received.agent.strip()
    return {
        "customer": customer_id, "contact": contact, "number": number, "direction": direction,
        "outcome": outcome, "caller": _printable(received.caller, 80), "started_at": received.started_at,
        "seconds": received.seconds, "note": masking.masked(_printable(received.note, LONGEST)),
        "waits": waits, "staff": _member(agent), "source": received.source[:40],
        "by": _printable(f"{received.source}: {agent}" if agent else received.source, 80),
        "source_id": received.source_id,
    }  # fmt: skip


def _folded(text):
    return text.strip().lower().replace("-", "_").replace(" ", "_")


def _printable(text, most):
    return "".join(sign for sign in text if sign == "\n" or sign.isprintable()).strip()[:most]


def _member(agent):
    """The member of staff that a phone system names, by address or name."""
    same = (Staff.email == agent.lower()) | (Staff.name == agent)
    return Staff.get_or_none(same & Staff.left_on.is_null()) if agent else None


# --- Once ----------------------------------------------------------------------------------------


def _once(fields, now):
    """(the Call, whether it is new): inserted with what it settles, or the one that an earlier try left."""
    is_open = fields["waits"] or fields.get("next_step")
    try:
        with db.atomic():
            call = Call.create(**fields, logged_at=now, state=Call.TO_CALL if is_open else Call.DONE)
            following.look_back(call, now)
            following.look_ahead(call, now)
            return call, True
    except IntegrityError:
        same = (Call.source == fields["source"]) & (Call.source_id == fields["source_id"])
        if earlier := Call.get_or_none(same):
            return earlier, False
        raise
