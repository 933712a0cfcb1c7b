"""The mail server of a run: real SMTP on loopback, that refuses or hangs up as the dice say.

What it took counts as delivered, whether or not its 250 reached anybody.
"""

import re
import threading

from tests.post_office import PostOffice

NOTICE_ID = re.compile(rb"^Message-ID:\s*<notice-(\d+)-", re.I | re.M)
PAY_LINK = re.compile(rb"/i/([A-Za-z0-9_-]{40,50})")


class Post(PostOffice):
    """``taken`` is [notice id] in the order of arrival; ``links`` the pay links that came by mail."""

    def __init__(self):
        super().__init__()
        self.links, self._lock = [], threading.Lock()

    def begin(self):
        """An empty mailbox."""
        with self._lock:
            self.taken, self.links, self.script = [], [], []

    async def handle_DATA(self, server, session, envelope):
        if session.fate.startswith("data "):
            return f"{session.fate[5:]} no"
        content = envelope.content
        notice = NOTICE_ID.search(content)
        with self._lock:
            if notice:
                self.taken.append(int(notice[1]))
            found = PAY_LINK.search(content.replace(b"=\r\n", b"").replace(b"=\n", b""))
            if found and len(self.links) < 50:
                self.links.append(found[1].decode())
        if session.fate == "drop after":
            server.transport.abort()
        return "250 OK"

    def take_link(self):
        """A pay link that came by mail and nobody used yet, or None."""
        with self._lock:
            return self.links.pop(0) if self.links else None
