"""Reading the mapping of a list of calls: TOML to a Mapping, every mistake one sentence with its key.

The language is that of ``billing/imports/__init__.py``::

    source = "answering service"  # how these calls are named here; its ids count within it
    zone = "America/Chicago"      # whose clock wrote the times; default: the company's

    [file]                        # encoding, delimiter: as there
    times = "%m/%d/%Y %I:%M %p"   # how the file writes moments; 2026-12-01 14:05 is always understood

    [codes]                       # every value of a column that a condition asks for
    Type = ["Call", "Test"]

    [rows]
    skip = { Type = "Test" }

    [call]
    started_at = "{Date} {Time}"  # required
    number = "{Caller ID}"        # required; empty or "Anonymous": withheld
    direction = "in"              # required: in or out
    outcome = { column = "Result", values = { Ans = "answered", VM = "voicemail", Msg = "message" } }
    waits = { column = "Call back", values = { Y = "yes", N = "no" }, default = "no" }
    seconds = "{Duration}"        # 75, 1:15 or 0:01:15
    caller = "{Name}"
    agent = "{Operator}"          # a colleague's address or name
    note = "{Message}"
    id = "{Call ID}"              # without one, a call is known by all that its row says

An outcome is required: answered, missed, voicemail, no_answer, busy, wrong_number, or message, where
somebody answered for us and wrote down what is wanted. ``waits`` says whether they are to be called back;
without it the outcome does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo, available_timezones

from billing import localtime
from billing.errors import BillingError
from billing.imports import fields, mapping, values
from billing.imports.fields import Bad, shown

TOP = ("source", "zone", "file", "codes", "rows", "call")
REQUIRED = ("started_at", "number", "direction", "outcome")
FIELDS = (*REQUIRED, "waits", "seconds", "caller", "agent", "note", "id")
UNDERSTOOD = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class Mapping:
    """A mapping, found to be in order."""

    source: str
    encoding: str
    delimiter: str
    codes: dict
    only: Callable
    skip: Callable
    fields: dict  # name -> (Value, what it accepts)
    used: dict  # column -> the first key that asks for it


def read_mapping(content, *, time_zone):
    """Read the bytes of a mapping. ``time_zone`` is the company's. Raises BillingError with the key."""
    spec = mapping.parse_toml(content)
    mapping.refuse_sections(spec, TOP)
    source = spec.get("source")
    if not isinstance(source, str) or not 1 <= len(source.strip()) <= 40 or source.strip() == "staff":
        raise BillingError("source: name the system, like source = “answering service” (up to 40 letters).")
    file = dict(mapping.section_of(spec, "file"))
    times = file.pop("times", UNDERSTOOD[0])
    encoding, delimiter, _ = mapping.file_settings(file)
    context = values.Context(codes=mapping.codes_of(mapping.section_of(spec, "codes")))
    for column in context.codes:
        context.use(column, f"codes.{column}")
    rows = mapping.section_of(spec, "rows")
    values.refuse_unknown(rows, ("only", "skip"), "rows")
    moment = partial(_moment, times=_format(times), zone=_zone(spec.get("zone", time_zone)))
    return Mapping(
        source=source.strip(),
        encoding=encoding,
        delimiter=delimiter,
        codes=context.codes,
        only=mapping.filter_of(rows, "only", context, everything=True),
        skip=mapping.filter_of(rows, "skip", context, everything=False),
        fields=_fields(mapping.section_of(spec, "call"), context, moment),
        used=context.used,
    )


def _format(times):
    try:
        moment = datetime(2026, 12, 31, 23, 45)
        if datetime.strptime(moment.strftime(times), times) == moment:
            return times
    except (TypeError, ValueError):
        pass
    raise BillingError('file.times: write a format with day, hour and minute, such as "%m/%d/%Y %I:%M %p".')


def _zone(name):
    if name not in available_timezones():
        raise BillingError(f"zone: {shown(name)} is no time zone. Write it like America/Chicago.")
    return ZoneInfo(name)


def _fields(table, context, moment):
    values.refuse_unknown(table, FIELDS, "call")
    for name in REQUIRED:
        if name not in table:
            raise BillingError(f"call.{name} is missing.")
    accepts = {"started_at": moment, "seconds": _seconds, "waits": fields.yes_or_no}
    return {
        name: (values.compile(table[name], f"call.{name}", context), accepts.get(name, str))
        for name in FIELDS
        if name in table
    }


def _moment(raw, *, times, zone):
    """An instant (naive UTC) of what a clock in ``zone`` showed."""
    for one in (times, *UNDERSTOOD):
        try:
            return localtime.instant(datetime.strptime(str(raw), one), zone)
        except (ValueError, OverflowError):
            continue
    raise Bad(f"{shown(raw)} is no moment such as {datetime(2026, 12, 31, 14, 5).strftime(times)}.")


def _seconds(raw):
    """Seconds of 75, 1:15 or 0:01:15."""
    total = 0
    for part in str(raw).split(":"):
        if not part.isascii() or not part.isdigit() or len(part) > 6:
            raise Bad(f"{shown(raw)} is no duration. Write it like 75 or 1:15.")
        total = 60 * total + int(part)
    return total
