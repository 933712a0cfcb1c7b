"""A mail server of the real kind for tests, that takes, refuses, stalls or hangs up as it is told.

with PostOffice() as office:
    office.script = ["550", "accept"]
    ...
    assert office.taken[0]["To"] == "ann@example.com"
"""

import asyncio
import email
import email.policy

from aiosmtpd.controller import Controller

from tests import ports

STALL_SECONDS = 3600  # longer than anybody waits


class PostOffice:
    """``script`` says what happens to the next messages, in order; after its end everything is taken.

    accept, a refusal of the recipient by its code ("550", "450"), "data 554" (refused after its text),
    "drop before" and "drop after" (hangs up before or after it has the message), "stall".
    """

    def __init__(self, *, tls=None, starttls=None, pipelining=False):
        """``tls``, ``starttls``: the SSL context of a server that is encrypted at once, or insists on it.

        pipelining -- it says that commands need not wait for the answer to the one before (it never minds)
        """
        self._extensions = ["250-PIPELINING"] if pipelining else []
        self.script, self.taken, self.senders, self.seen = [], [], [], 0
        self.port = ports.free()
        told = {"tls_context": starttls, "require_starttls": True} if starttls else {"ssl_context": tls}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **told)

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return [*responses[:-1], *self._extensions, responses[-1]]

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.seen += 1
        session.fate = self.script.pop(0) if self.script else "accept"
        if session.fate.isdecimal():
            return f"{session.fate} no"
        if session.fate == "stall":
            await asyncio.sleep(STALL_SECONDS)
        if session.fate == "drop before":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if session.fate.startswith("data "):
            return f"{session.fate[5:]} no"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.taken.append(message)
        self.senders.append(envelope.mail_from)
        if session.fate == "drop after":
            server.transport.abort()
        return "250 OK"
