"""Reading a mailbox: by IMAP, or in a maildir. What a mail means is decided in ``billing.inbound``.

Each mail is marked as read only after what it says is committed, so a reader that is killed reads it again,
and ``inbound.take`` knows it. Every call has a time limit, and no mail is read beyond its first megabytes.
"""

import contextlib
import imaplib
import logging
import re
import ssl
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from billing import feeds, inbound
from billing.edges import encryption, envelopes
from billing.errors import BillingError

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10
MOST_AT_ONCE = 200  # mails of one reading, before the worker looks at its other work
LOOK_BACK = timedelta(days=14)  # older mail of a box that was there before us is not ours to answer
KEYWORD = "Porchlight"  # set beside \Seen: somebody who reads the same box must not hide a mail from us
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOCAL = ("localhost", "127.0.0.1", "::1")


class MailboxTrouble(BillingError):
    """The mailbox could not be read. The sentence says why; it is tried again later."""


def box(address):
    """The mailbox behind a setting: imap(s)://user:password@host/FOLDER or maildir:/folder; None for ""."""
    if not address:
        return None
    if address.startswith("maildir:"):
        return Maildir(address.removeprefix("maildir:"))
    return Imap(address)


def read(mailbox, *, replies, shelf, clock):
    """Take every mail that waits in ``mailbox``. Returns the rows of what was taken, new or known.

    shelf -- where the files that come with them are kept

    Raises MailboxTrouble; what was taken until then stays taken.
    """
    taken = []
    try:
        with contextlib.closing(mailbox.open()) as opened:
            for mail in opened.waiting(clock.now()):
                taken.append(_take(opened.content(mail), replies, shelf, clock.now()))
                opened.done(mail)
    except MailboxTrouble as trouble:
        feeds.stumble(feeds.MAIL, trouble)
        raise
    except (OSError, imaplib.IMAP4.error, ssl.SSLError) as error:
        said = encryption.distrust(error, mailbox.name)
        trouble = MailboxTrouble(said or f"The mailbox cannot be read ({type(error).__name__}: {error}).")
        feeds.stumble(feeds.MAIL, trouble)
        raise trouble from None
    feeds.beat(feeds.MAIL, now=clock.now())
    return taken


def _take(raw, replies, shelf, now):
    """What one mail says, taken. A mail that breaks our own rules is shown to a person, never in the way."""
    received = shelf.opened(envelopes.opened(raw, replies=replies, now=now))
    try:
        return inbound.take(received, now=now)
    except BillingError as refusal:
        log.warning("%s: %s", received.source_id, refusal)
        return inbound.take(envelopes.unreadable(raw, str(refusal), now), now=now)


# --- A maildir -----------------------------------------------------------------------------------


class Maildir:
    """A folder with ``new`` and ``cur``; a mail is read when it stands in ``cur`` with an S."""

    every = timedelta(seconds=5)  # a worker looks: it costs nothing

    def __init__(self, folder):
        self._folder = Path(folder)
        self.name = str(folder)

    def open(self):
        """Raises MailboxTrouble where there is no such folder."""
        if not (self._folder / "new").is_dir():
            raise MailboxTrouble(f"There is no maildir at {self._folder}.")
        return self

    def close(self):
        """Nothing stays open."""

    def waiting(self, now):
        """The paths of what nobody read, oldest first."""
        del now
        found = [path for part in ("new", "cur") for path in (self._folder / part).glob("[!.]*")]
        unread = [
            path for path in found if path.parent.name == "new" or "S" not in path.name.partition(":2,")[2]
        ]
        return sorted(unread, key=lambda path: (path.stat().st_mtime, path.name))[:MOST_AT_ONCE]

    def content(self, path):
        """The beginning of a mail."""
        with path.open("rb") as file:
            return file.read(envelopes.MOST_BYTES)

    def done(self, path):
        """Mark it as read; a reader who was faster did so already."""
        name, _, flags = path.name.partition(":2,")
        (self._folder / "cur").mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.rename(self._folder / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}")


# --- IMAP ----------------------------------------------------------------------------------------


class Imap:
    """A mailbox on a server. Mails are named by UIDs, which no other reader's doings change."""

    every = timedelta(minutes=1)

    def __init__(self, address):
        parts = urlsplit(address)
        self._host, self._is_tls = parts.hostname or "", parts.scheme == "imaps"
        self._port = parts.port or (993 if self._is_tls else 143)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._folder = unquote(parts.path.strip("/")) or "INBOX"
        self._server = self._can_mark = None

    @property
    def name(self):
        """Of the server."""
        return self._host

    def open(self):
        """Connect, sign in and choose the folder. Raises MailboxTrouble, OSError or imaplib's error."""
        self._server = self._connect()
        try:
            self._server.login(self._user, self._password)
            self._ask("select", _quoted(self._folder))
        except BaseException:
            self.close()
            raise
        allowed = (self._server.untagged_responses.get("PERMANENTFLAGS") or [b""])[-1]
        self._can_mark = rb"\*" in allowed or KEYWORD.encode() in allowed
        return self

    def _connect(self):
        if self._is_tls:
            context = encryption.context()
            return imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=TIMEOUT_SECONDS)
        server = imaplib.IMAP4(self._host, self._port, timeout=TIMEOUT_SECONDS)
        if "STARTTLS" in server.capabilities and self._host not in LOCAL:
            try:
                server.starttls(ssl_context=encryption.context())
            except (OSError, imaplib.IMAP4.error):
                with contextlib.suppress(OSError):
                    server.shutdown()
                raise
        elif self._host not in LOCAL:
            server.shutdown()
            raise MailboxTrouble("The mailbox's server offers no encryption; the password was not sent.")
        return server

    def close(self):
        """Say goodbye, if anybody still listens."""
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                server.logout()
            with contextlib.suppress(OSError):
                server.shutdown()

    def waiting(self, now):
        """The UIDs of what we did not take yet, in the order of arrival."""
        since = (now - LOOK_BACK).date()
        since = f"{since.day:02d}-{MONTHS[since.month - 1]}-{since.year}"
        wanted = ("UNKEYWORD", KEYWORD, "SINCE", since) if self._can_mark else ("UNSEEN",)
        [found] = self._uid("SEARCH", *wanted)
        return [uid.decode() for uid in (found or b"").split()][:MOST_AT_ONCE]

    def content(self, uid):
        """The beginning of a mail, without marking it. Nothing when it is gone meanwhile."""
        answer = self._uid("FETCH", uid, f"(BODY.PEEK[]<0.{envelopes.MOST_BYTES}>)")
        return next((part[1] for part in answer if isinstance(part, tuple)), b"")

    def done(self, uid):
        """Mark it as taken."""
        flags = rf"(\Seen {KEYWORD})" if self._can_mark else r"(\Seen)"
        self._uid("STORE", uid, "+FLAGS.SILENT", flags)

    def _uid(self, command, *arguments):
        kind, answer = self._server.uid(command, *arguments)
        if kind != "OK":
            raise MailboxTrouble(f"The mailbox's server refused {command} ({_shown(answer)}).")
        return answer

    def _ask(self, command, *arguments):
        kind, answer = getattr(self._server, command)(*arguments)
        if kind != "OK":
            raise MailboxTrouble(f"The mailbox's server refused {command} ({_shown(answer)}).")
        return answer


def _quoted(name):
    """A folder's name as IMAP wants it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


def _shown(answer):
    first = answer[0] if answer else b""
    return first.decode("utf-8", "replace")[:100] if isinstance(first, bytes) else str(first)[:100]
