"""A list of calls from a phone system or an answering service: checked whole, then kept whole or not at all.

The same list again, or one that overlaps with it, adds only what is new: each call is known by its id, or by
all that its row says.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import NamedTuple

from billing import events, feeds, words
from billing.calls import entering, whose
from billing.errors import BillingError
from billing.imports import source
from billing.imports.fields import Bad
from models import Call, Event, Feed, among, db

MOST_ROWS = 20_000
CHUNK = 1000
MOST_TOLD = 50
IMPORTED = "calls.imported"


class Refusal(NamedTuple):
    """Why a row cannot be taken."""

    line: int
    reason: str

    def __str__(self):
        return f"Line {self.line:,}: {self.reason}"


@dataclass
class Result:
    """What keeping a list would do."""

    file_name: str
    source: str
    calls: list = field(default_factory=list)  # entering.Received
    refused: list = field(default_factory=list)
    repeated: int = 0
    left_out: int = 0


def check(content, name, mapping, *, now):
    """Read the bytes of a list and say what would be kept. Writes nothing.

    Raises BillingError when the file as a whole cannot be read, or is too long.
    """
    file = source.read_bytes(content, name, encoding=mapping.encoding, delimiter=mapping.delimiter)
    source.refuse_missing(file, mapping)
    if file.lines > MOST_ROWS + 1:
        raise BillingError(f"{file.name} has {file.lines:,} lines; at most {MOST_ROWS:,} are read. Split it.")
    result = Result(file.name, mapping.source)
    for line, _, cells, reason in file.rows():
        _take(result, mapping, line, cells, reason, now)
    _leave_known(result)
    return result


def _take(result, mapping, line, cells, reason, now):
    """One row: a call, a refusal for each of its faults, or left out by [rows]."""
    faults = [reason] if cells is None else source.foreign(mapping, cells)
    if not faults and (mapping.skip(cells) or not mapping.only(cells)):
        result.left_out += 1
        return
    read = {} if cells is None else _read(mapping, cells, faults)
    if not faults:
        try:
            received = _received(mapping, read)
            entering.sound(received, now=now)
            result.calls.append(received)
        except BillingError as refusal:
            faults.append(str(refusal))
    result.refused += [Refusal(line, fault) for fault in faults]


def _read(mapping, cells, faults):
    found = {}
    for name, (value, accept) in mapping.fields.items():
        try:
            raw = value.read(cells).raw
            if raw == "" and name in ("started_at", "direction", "outcome"):
                raise Bad(f"call.{name} is empty.")
            if raw != "":
                found[name] = accept(raw)
        except Bad as bad:
            faults.append(f"{', '.join(value.columns) or name}: {bad}")
    return found


def _received(mapping, read):
    said = {name: read.get(name, "") for name in ("number", "note", "caller", "agent")}
    if len(said["note"]) > entering.LONGEST:
        raise BillingError(f"The note is longer than {entering.LONGEST:,} characters.")
    everything = "|".join(str(read.get(name, "")) for name in mapping.fields)
    digest = hashlib.sha256(everything.encode()).hexdigest()
    return entering.Received(
        source=mapping.source,
        source_id=read.get("id") or f"row:{digest}",
        direction=read["direction"],
        outcome=read["outcome"],
        started_at=read["started_at"],
        seconds=read.get("seconds"),
        waits=read.get("waits"),
        **said,
    )


def _leave_known(result):
    """Take out what came before, in this list or in another."""
    ids = list(dict.fromkeys(call.source_id for call in result.calls))
    known = set()
    for at in range(0, len(ids), CHUNK):
        query = Call.select(Call.source_id).where(Call.source == result.source)
        known.update(id for (id,) in query.where(among(Call.source_id, ids[at : at + CHUNK])).tuples())
    kept = {}
    for call in result.calls:
        if call.source_id not in known:
            kept.setdefault(call.source_id, call)
    result.repeated = len(result.calls) - len(kept)
    result.calls = list(kept.values())


def commit(result, *, by, now, mapping=""):
    """Keep the calls of a checked list in one transaction, oldest first. Returns the new Calls.

    mapping -- the text that it was read by, to be offered for the next list

    Raises BillingError, with nothing written, when any row was refused. A list without anything new is
    no fault: it proves that the phone was read.
    """
    if result.refused:
        rows = words.plural(len({one.line for one in result.refused}), "refused row")
        raise BillingError(f"Nothing was written, because of {rows} in {result.file_name}.")
    people = whose.people_by_line()
    with db.atomic():
        feeds.beat(feeds.PHONE, now=now, watched=False)
        taken = [
            entering.take(received, now=now, people=people)
            for received in sorted(result.calls, key=lambda one: one.started_at)
        ]
        made = [call for call, is_new in taken if is_new]
        events.record(
            IMPORTED, Feed.get(Feed.name == feeds.PHONE), by=by, now=now,
            after={"file": result.file_name[:120], "source": result.source, "calls": len(made)}
            | ({"mapping": mapping} if mapping else {}),
        )  # fmt: skip
    return made


def last_mapping():
    """The text by which the last list was read; "" before there was one."""
    about = (Event.about_table == Feed._meta.table_name) & (Event.what == IMPORTED)
    kept = Event.select(Event.after).where(about & Event.after.contains('"mapping"'))
    last = kept.order_by(Event.id.desc()).first()
    return json.loads(last.after).get("mapping", "") if last else ""


def report_lines(result):
    """The lines to print for a Result, refused rows last so that they stand above the prompt."""
    left_out = f", {result.left_out:,} left out by [rows]" if result.left_out else ""
    came = f", {result.repeated:,} came before" if result.repeated else ""
    calls = words.plural(len(result.calls), "new call")
    told = [str(one) for one in result.refused[:MOST_TOLD]]
    if len(result.refused) > MOST_TOLD:
        told.append(f"… and {len(result.refused) - MOST_TOLD:,} more.")
    return [f"{result.file_name}: {calls}{came}{left_out}, {len(result.refused):,} refused.", *told]
