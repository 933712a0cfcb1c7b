"""The mails that were caught: one SQLite file. What came over the wire is kept as it came."""

import email
import email.policy
import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,      -- naive UTC, on the clock of this machine
    sender TEXT NOT NULL,           -- of the envelope
    recipients TEXT NOT NULL,       -- of the envelope, as a JSON list in lower case
    subject TEXT NOT NULL,
    raw BLOB NOT NULL,
    channel TEXT NOT NULL DEFAULT 'mail',
    sent_at TEXT NOT NULL DEFAULT ''  -- by the sender's own clock, with its zone; empty where it said nothing
);
"""
MAIL, TEXT = "mail", "text"
LATER = {"channel": "TEXT NOT NULL DEFAULT 'mail'", "sent_at": "TEXT NOT NULL DEFAULT ''"}  # of older files
MOST_LISTED = 500


class Store:
    """All caught mails, shared by all threads through one connection and one lock."""

    def __init__(self, path):
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        there = [row["name"] for row in self._db.execute("PRAGMA table_info(mail)")]
        for name, kind in LATER.items():
            if name not in there:
                self._db.execute(f"ALTER TABLE mail ADD COLUMN {name} {kind}")

    def close(self):
        """Close the file. The store is of no use afterwards."""
        with self._lock:
            self._db.close()

    def keep(self, sender, recipients, raw):
        """Store one mail as it came; returns its id."""
        message = _parse(raw)
        subject = " ".join(str(message.get("Subject", "")).split())
        sent_at = getattr(message.get("Date"), "datetime", None)
        told = sent_at.isoformat() if sent_at else ""
        return self._put(sender, recipients, subject, raw, MAIL, told)

    def keep_text(self, number, words, sent_at=""):
        """Store one text as it came; returns its id. ``sent_at``: an ISO moment, as its sender told it."""
        told = sent_at if _moment(sent_at) else ""
        return self._put("", [number], " ".join(words.split())[:120], words.encode(), TEXT, told)

    def _put(self, sender, recipients, subject, raw, channel, sent_at):
        to = json.dumps([one.lower() for one in recipients])
        row = (_now(), sender, to, subject, raw, channel, sent_at)
        with self._lock:
            cursor = self._db.execute(
                "INSERT INTO mail (received_at, sender, recipients, subject, raw, channel, sent_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return cursor.lastrowid

    def mails(self, to="", words="", most=MOST_LISTED):
        """The newest mails first, without their content.

        to    -- only those with a recipient that contains this
        words -- only those that have each of these in a recipient or in the subject, whole or in part
        """
        where, values = ["recipients LIKE ? ESCAPE '!'"], [_like(to)]
        for word in words.split():
            where.append("(recipients LIKE ? ESCAPE '!' OR subject LIKE ? ESCAPE '!')")
            values += [_like(word)] * 2
        rows = self._rows(
            "SELECT id, received_at, sender, recipients, subject, channel, sent_at, x'' AS raw FROM mail "
            f"WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
            *values,
            most,
        )
        return [Mail(row) for row in rows]

    def mail(self, id):
        """One mail with its content, or None."""
        rows = self._rows("SELECT * FROM mail WHERE id = ?", id)
        return Mail(rows[0]) if rows else None

    def count(self):
        """How many mails there are, and the id of the newest (0 for none)."""
        return tuple(self._rows("SELECT count(*), coalesce(max(id), 0) FROM mail")[0])

    def forget_all(self):
        """Delete every mail. Ids go on rising, so that no old address shows another mail."""
        with self._lock:
            self._db.execute("DELETE FROM mail")

    def _rows(self, sql, *values):
        with self._lock:
            return self._db.execute(sql, values).fetchall()


@dataclass(frozen=True)
class Part:
    """One attachment, or a picture that the HTML part shows."""

    name: str
    kind: str  # content type
    content: bytes
    content_id: str = ""

    @property
    def size(self):
        return len(self.content)


class Mail:
    """One caught mail, taken apart on demand."""

    def __init__(self, row):
        self.id = row["id"]
        self.received_at = datetime.fromisoformat(row["received_at"])
        self.sent_at = _moment(row["sent_at"])
        self.sender = row["sender"]
        self.recipients = json.loads(row["recipients"])
        self.subject = row["subject"]
        self.raw = row["raw"]
        self.is_text = row["channel"] == TEXT

    @property
    def at(self):
        """When it was sent, on the clock of its sender; where that is not told, when it was caught."""
        return self.sent_at or self.received_at.replace(tzinfo=UTC).astimezone()

    @property
    def is_of_another_day(self):
        """True when its sender's calendar is another one than this machine's: that of a demo is moved on."""
        away = abs(self.at - self.received_at.replace(tzinfo=UTC))
        return away > timedelta(hours=1)

    @cached_property
    def message(self):
        return _parse(self.raw)

    @property
    def headers(self):
        """All headers in their order, decoded: [(name, value)]."""
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def from_text(self):
        """The name of the sender as a mail program shows it, else the address."""
        header = self.message.get("From")
        first = header.addresses[0] if header is not None and getattr(header, "addresses", None) else None
        return (first.display_name or first.addr_spec) if first else self.sender

    @property
    def text(self):
        return self.raw.decode() if self.is_text else self._body("plain")

    @property
    def html(self):
        return "" if self.is_text else self._body("html")

    def _body(self, kind):
        part = self.message.get_body(preferencelist=(kind,))
        return part.get_content() if part is not None else ""

    @cached_property
    def parts(self):
        """Attachments and embedded pictures, in order."""
        if self.is_text:
            return []
        bodies = {id(self.message.get_body((kind,))) for kind in ("plain", "html")}
        leaves = (part for part in self.message.walk() if not part.is_multipart() and id(part) not in bodies)
        return [
            Part(
                leaf.get_filename() or f"part-{number}",
                leaf.get_content_type(),
                leaf.get_payload(decode=True) or b"",
                str(leaf.get("Content-ID", "")).strip("<> "),
            )
            for number, leaf in enumerate(leaves, 1)
        ]


def _like(text):
    """What LIKE looks for to find ``text`` within something; its own signs are letters like others."""
    return "%" + text.strip().lower().replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"


def _moment(text):
    """An ISO moment with its zone as datetime; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def _now():
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
