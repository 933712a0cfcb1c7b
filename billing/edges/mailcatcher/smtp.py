"""Taking mail: an SMTP server on loopback that accepts everything, unless it was told to misbehave."""

import asyncio
import threading
from dataclasses import asdict, dataclass

from aiosmtpd.controller import Controller

REFUSE, BUSY, HANG, DROP = "refuse", "busy", "hang", "drop"
MODES = {
    REFUSE: "refuses the recipient for good (550)",
    BUSY: "asks to try again later (451)",
    HANG: "does not answer after the data",
    DROP: "takes the mail and hangs up without an answer",
}
MOST_BYTES = 25 * 1024 * 1024


@dataclass
class Fault:
    """A way to misbehave for the next ``count`` mails (None: until switched off)."""

    mode: str
    count: int | None = 1
    recipient: str = ""  # only for addresses that contain this
    seconds: float = 60  # how long it hangs

    def __post_init__(self):
        if self.mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}")


class Faults:
    """The faults that are on, oldest first. They end with the process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._on = []

    def add(self, fault):
        with self._lock:
            self._on.append(fault)

    def clear(self):
        with self._lock:
            self._on.clear()

    def all(self):
        with self._lock:
            return [asdict(fault) for fault in self._on]

    def take(self, modes, recipients):
        """The first fault of one of ``modes`` that concerns ``recipients``, counted down; or None."""
        with self._lock:
            for fault in self._on:
                if fault.mode in modes and any(fault.recipient.lower() in one.lower() for one in recipients):
                    if fault.count is not None:
                        fault.count -= 1
                    self._on = [one for one in self._on if one.count != 0]
                    return fault
        return None


class Catcher:
    """What aiosmtpd calls for every mail. Its method names are those that aiosmtpd expects."""

    def __init__(self, store, faults):
        self._store = store
        self._faults = faults

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        fault = self._faults.take((REFUSE, BUSY), [address])
        if fault:
            return "550 5.1.1 No such mailbox" if fault.mode == REFUSE else "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        fault = self._faults.take((HANG, DROP), envelope.rcpt_tos)
        if fault and fault.mode == HANG:
            await asyncio.sleep(fault.seconds)
        id = self._store.keep(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content or b"")
        if fault and fault.mode == DROP:
            server.transport.abort()
        return f"250 OK, caught as {id}"


class Listener(Controller):
    """The SMTP server in its own thread; ``port`` says where it listens, also after asking for port 0."""

    def __init__(self, store, faults, host, port):
        super().__init__(Catcher(store, faults), hostname=host, port=port, data_size_limit=MOST_BYTES)

    def _trigger_server(self):
        """Asked for port 0, aiosmtpd would try itself out on port 0; tell it the port that it got."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
