"""Every way in which an answer can be lost, late or wrong, switched on by the control page.

A fault is used up ``count`` times and then gone; ``calls`` limits it to some requests (names of the XML
API, or "hosted" for the payment page), ``seconds`` is for delays. ``processed`` says whether the request
takes effect before its answer is spoiled: the case that costs money when it is taken for a failure.
"""

import contextlib
import socket
import threading
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial

from flask import Response, request

from billing.edges.sandbox import wire

MODES = {
    "drop_after_processing": "Take effect, then drop the connection",
    "drop_before_processing": "Drop the connection without taking effect",
    "lose_request": "Lose the request: drop the connection, nothing was received",
    "late": "Drop the connection at once and take effect some seconds later",
    "delay": "Take effect, then answer later than anyone waits",
    "reset": "Take effect, then reset the connection in the middle of the answer",
    "twice": "Take effect once and answer twice on the same connection",
    "garbage": "Take effect, then answer with bytes that mean nothing",
    "approve_then_void": "Approve, and take it back at once",
    "http_500": "Answer HTTP 500",
    "http_503": "Answer HTTP 503",
    "html": "Answer 200 with a page of HTML",
    "empty": "Answer 200 with an empty body",
    "busy": "E00053 Server too busy, although it took effect",
    "busy_unprocessed": "E00053 Server too busy, without effect",
    "maintenance": "E00104 Server in maintenance, although it took effect",
    "maintenance_unprocessed": "E00104 Server in maintenance, without effect",
    "reason_19": "Reason 19: no answer from the processor",
    "reason_20": "Reason 20: no answer from the processor",
    "reason_120": "Reason 120: timed out, and the automatic void failed: the money moved",
    "no_bom": "No byte order mark before the XML",
    "utf8_names": "Names with accents and Chinese characters",
    "extra_element": "An element that no schema knows",
    "unknown_status": "A transaction status that nobody has heard of",
    "odd_auth_code": "The authorization code 1E5678, which looks like a number",
}
UNPROCESSED = {
    "drop_before_processing", "lose_request", "late", "busy_unprocessed", "maintenance_unprocessed",
}  # fmt: skip
REASONS = {"reason_19": 19, "reason_20": 20, "reason_120": 120}
ENVELOPES = {"busy": ("E00053", "Server too busy"), "maintenance": ("E00104", "Server in maintenance")}
GARBAGE = bytes(range(256)) * 4
HTML = "<!DOCTYPE html><html><head><title>Sorry</title></head><body><p>We will be back soon.</body></html>"


@dataclass(frozen=True)
class Fault:
    """One switched-on fault. ``count`` None means until it is switched off."""

    mode: str
    count: int | None = 1
    calls: tuple = ()
    seconds: float = 40
    processed: bool = True


class Faults:
    """The switched-on faults, kept in the store, and the requests that take effect late."""

    def __init__(self, store):
        self._store = store
        self._late = []  # (due, work); in memory, because a request may hold a whole card number
        self._lock, self._doing = threading.Lock(), threading.RLock()

    def all(self):
        """The faults that are on, oldest first."""
        return [Fault(**{**one, "calls": tuple(one["calls"])}) for one in self._store.setting("faults", [])]

    def add(self, mode, count=1, calls=(), seconds=40, processed=None):
        """Switch a fault on. Raises ValueError for a mode that does not exist."""
        if mode not in MODES:
            raise ValueError(f"There is no fault “{mode}”. There are: {', '.join(MODES)}.")
        processed = mode not in UNPROCESSED if processed is None else processed
        calls = (calls,) if isinstance(calls, str) else tuple(calls)
        with self._store.transaction():
            self._keep([*self.all(), Fault(mode, count, calls, float(seconds), bool(processed))])

    def clear(self):
        """Switch all faults off."""
        self._store.remember("faults", [])

    def take(self, call):
        """The fault that applies to this call, counted down; None when all is well."""
        if not self._store.setting("faults"):
            return None
        with self._store.transaction():
            on = self.all()
            hit = next((one for one in on if not one.calls or call in one.calls), None)
            if hit is not None and hit.count is not None:
                left = [replace(hit, count=hit.count - 1)] if hit.count > 1 else []
                at = on.index(hit)
                self._keep(on[:at] + left + on[at + 1 :])
        return hit

    def later(self, fault, work):
        """Let ``work`` happen when the fault's seconds have passed on the sandbox's clock."""
        with self._lock:
            self._late.append((self._store.now() + timedelta(seconds=fault.seconds), work))

    def late_ones(self):
        """How many requests have yet to take effect."""
        with self._lock:
            return len(self._late)

    def do_late_ones(self):
        """Let those take effect whose time has come."""
        with self._doing:  # whoever asks waits for what another thread has begun
            while (work := self._next_late_one()) is not None:
                work()

    def _next_late_one(self):
        with self._lock:
            now = self._store.now() if self._late else None
            due = next((one for one in self._late if one[0] <= now), None)
            if due is not None:
                self._late.remove(due)
        return due and due[1]

    def forget_late_ones(self):
        """They never happen."""
        with self._lock:
            self._late.clear()

    def _keep(self, faults):
        self._store.remember("faults", [asdict(one) for one in faults])


def mode(fault):
    """The mode of a fault that may be None."""
    return fault.mode if fault else ""


def reason(fault):
    """The reason code that a fault forces on a transaction, or None."""
    return REASONS.get(mode(fault))


def envelope(fault):
    """The (code, text) that a fault puts into the envelope, or None."""
    return ENVELOPES.get(mode(fault).removesuffix("_unprocessed"))


def spoil(fault, answer):
    """The answer that arrives instead of ``answer`` (a Flask response), or ``answer`` itself."""
    match mode(fault):
        case "drop_after_processing" | "drop_before_processing" | "lose_request" | "late":
            _drop()
        case "reset":
            return _reset(answer)
        case "twice":
            answer.call_on_close(partial(_send_again, request.environ["werkzeug.socket"], answer))
        case "garbage":
            return Response(GARBAGE, 200, mimetype="application/xml")
        case "delay":
            time.sleep(fault.seconds)
        case "http_500":
            return Response("Internal Server Error", 500, mimetype="text/plain")
        case "http_503":
            return Response("Service Unavailable", 503, mimetype="text/plain")
        case "html":
            return Response(HTML, 200, mimetype="text/html")
        case "empty":
            return Response(b"", 200, mimetype="application/xml")
        case "no_bom":
            answer.data = answer.data.removeprefix(wire.BOM)
        case "extra_element":
            answer.data = answer.data.replace(b"</messages>", b"</messages><surprise>new</surprise>", 1)
    return answer


def _reset(answer):
    """Send half of the answer, then reset the connection."""
    environ, head, body = request.environ, _head(answer), answer.data

    def half():
        with contextlib.suppress(OSError):
            environ["werkzeug.socket"].sendall(head + body[: len(body) // 2])
        environ["sandbox.handler"].reset()
        yield from _nothing_more()

    return Response(half(), 200)


def _nothing_more():
    """End an answer without another byte: the server takes it that the client is gone."""
    raise ConnectionResetError("as asked for")


def _send_again(connection, answer):
    with contextlib.suppress(OSError):
        connection.sendall(_head(answer) + answer.data)


def _head(answer):
    """The head of an answer as it goes over the line."""
    return (
        f"HTTP/1.1 {answer.status}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.data)}\r\n\r\n"
    ).encode()


def _drop():
    """Cut the line under the answer; whatever is written to it afterwards reaches nobody."""
    with contextlib.suppress(OSError):  # the client may have hung up first
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
