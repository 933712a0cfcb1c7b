"""How a phone system or an answering service tells us of calls: a signed request, read here.

The signature covers the moment and the bytes as they came: ``t=<seconds since 1970>,v1=<hex>``, where the
hex is HMAC-SHA256 of ``<t>.<body>`` with the shared secret. Two secrets count while one is being renewed; a
moment that is not now is refused, so that nobody sends an old request again. What a call means is decided
in ``billing.calls``.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from billing import calls
from billing.errors import BillingError

WINDOW_SECONDS = 300
MOST_CALLS = 100
BEAT, CALL = "beat", "call"
FIELDS = (
    "event",
    "id",
    "direction",
    "outcome",
    "number",
    "started_at",
    "seconds",
    "note",
    "caller",
    "agent",
    "waits",
)
SOURCE = "phone"


class Line:
    """The door for signed requests; closed without a secret."""

    def __init__(self, secrets):
        self._secrets = tuple(one.strip().encode() for one in secrets.split(",") if one.strip())

    @property
    def is_open(self):
        return bool(self._secrets)

    def is_authentic(self, body, header, *, at):
        """True when one of our secrets signed these bytes less than five minutes from ``at`` (seconds)."""
        parts = [part.strip().partition("=")[::2] for part in header.split(",")]
        moments = [value for name, value in parts if name == "t"]
        if len(moments) != 1 or not re.fullmatch(r"[0-9]{1,12}", moments[0]):
            return False
        if abs(at - int(moments[0])) > WINDOW_SECONDS:
            return False
        right = [self._sign(secret, moments[0], body).encode() for secret in self._secrets]
        given = [value.encode() for name, value in parts if name == "v1"][:4]
        fits = [hmac.compare_digest(one, other) for one in given for other in right]
        return any(fits)

    def signature(self, body, *, at):
        """The header for these bytes, as a sender makes it."""
        return f"t={int(at)},v1={self._sign(self._secrets[0], str(int(at)), body)}"

    @staticmethod
    def _sign(secret, moment, body):
        return hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Heard:
    """What one request told: calls, and whether it was a sign of life that promises the next."""

    is_beat: bool
    calls: tuple


def read(body):
    """The Heard of a request's bytes. Raises BillingError, a sentence that names the call, for nonsense."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise BillingError("This is not JSON.") from None
    rows = told.get("calls", [told]) if isinstance(told, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise BillingError('Send an object such as {"event": "call", "id": …}, or {"calls": [ … ]}.')
    if len(rows) > MOST_CALLS:
        raise BillingError(f"At most {MOST_CALLS} calls at once.")
    if len(rows) == 1 and rows[0].get("event") == BEAT:
        return Heard(True, ())
    return Heard(False, tuple(_call(row, number) for number, row in enumerate(rows, start=1)))


def _call(row, number):
    for name, value in row.items():
        if name not in FIELDS:
            raise BillingError(f"Call {number}: there is no field {name[:40]}. Known: {', '.join(FIELDS)}.")
        if not isinstance(value, (str, int, type(None))):
            raise BillingError(f"Call {number}: {name} is neither text nor a number.")
    if row.get("event", CALL) != CALL:
        raise BillingError(f"Call {number}: the event is call or beat.")
    if not isinstance(row.get("waits"), (bool, type(None))):
        raise BillingError(f"Call {number}: waits is true, false or left out.")
    text = {name: _text(row.get(name)) for name in FIELDS}
    if len(text["note"]) > calls.LONGEST:
        raise BillingError(f"Call {number}: the note is longer than {calls.LONGEST:,} characters.")
    return calls.Received(
        source=SOURCE,
        source_id=text["id"],
        number=text["number"],
        direction=text["direction"],
        outcome=text["outcome"],
        started_at=_moment(text["started_at"], number),
        seconds=_seconds(row.get("seconds"), number),
        note=text["note"],
        caller=text["caller"],
        agent=text["agent"],
        waits=row.get("waits"),
    )


def _text(value):
    """Text without what no database keeps: NUL and halves of characters."""
    return "" if value is None else str(value).replace("\x00", "").encode("utf-8", "replace").decode()


def _moment(text, number):
    """An instant (naive UTC) of text that names its offset: guessing one would move calls by hours."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        pass
    raise BillingError(f"Call {number}: write started_at like 2026-12-01T14:05:00Z, with its offset.")


def _seconds(value, number):
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BillingError(f"Call {number}: seconds is a whole number.")
