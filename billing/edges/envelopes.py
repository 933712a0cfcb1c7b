"""Opening a mail that came: from bytes of any kind to an ``inbound.Received``. Decides nothing.

Python's newer mail classes raise on input that spammers send daily; this stands on the old ones, reads raw
headers, and takes every charset that exists, every one that does not, and MIME that ends in the middle.
"""

import email
import email.policy
import hashlib
import re
import unicodedata
from email.header import decode_header
from email.utils import getaddresses
from html.parser import HTMLParser

from billing import attachments, inbound
from billing.errors import BillingError

MOST_BYTES = 12 * 1024 * 1024  # of one mail that are read: the files of one message, as mail writes them
MOST_TEXT = 1024 * 1024  # bytes of a part that are read as text
MOST_BODY = 100_000  # characters
MOST_PARTS = 100
RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
ANSWERED = ("In-Reply-To", "References")
MACHINES = re.compile(r"^(mailer-daemon|postmaster|mail-daemon|mdaemon|no-?reply-bounces?)@", re.IGNORECASE)
FAILED = re.compile(
    r"undeliver|could ?n[o']t be delivered|was ?n[o']t delivered|delivery (status|failure|has failed|failed)|"
    r"returned (mail|to sender)|failure notice|unable to deliver|mail delivery|user unknown|unknown user|"
    r"no such (user|mailbox|address)|does not exist|mailbox (is )?(full|unavailable|not found)|over quota|"
    r"address rejected|recipient rejected",
    re.IGNORECASE,
)
ENHANCED = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
PLAIN_CODE = re.compile(r"(?<![\d.])([45])(\d)(\d)[ -](?=\S)")
FULL = re.compile(r"mailbox (is )?full|over ?quota|quota exceeded", re.IGNORECASE)
NOBODY = re.compile(
    r"user unknown|unknown user|no such (user|mailbox|address)|does not exist|not found", re.IGNORECASE
)


def opened(raw, *, replies, now):
    """Return what a mail says as an ``inbound.Received``; one that cannot be read at all says so.

    raw     -- the bytes, perhaps cut at MOST_BYTES
    replies -- the Replies that know our signed addresses
    """
    try:
        return _opened(raw, replies, now)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError) as trouble:
        # Whatever the parser stumbles over, a person looks at it.
        return unreadable(raw, type(trouble).__name__, now)


def unreadable(raw, why, now):
    """A mail that nobody but a person can read, as it came. ``why`` says what went wrong."""
    return inbound.Received(
        source_id=f"mail:{hashlib.sha256(raw).hexdigest()}",
        subject="A mail that cannot be read",
        body=_clean(raw[:MOST_BODY].decode("utf-8", "replace")),
        received_at=now,
        unreadable=why,
    )


def _opened(raw, replies, now):
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    headers = _headers(message)
    parts = list(_leaves(message))
    text, attached = _text_and_files(parts)
    report = _report(message, headers, parts, text)
    named = [*headers.all(*RECIPIENTS), *headers.all(*ANSWERED)]
    returned = [] if report is None else [_returned(message)]
    automatic = _is_automatic(headers)
    files, left = _files(attached if report is None and not automatic else [], is_cut=len(raw) >= MOST_BYTES)
    return inbound.Received(
        source_id=_source_id(headers, raw),
        sender=_address(headers.first("From")),
        recipient=_address(headers.first(*RECIPIENTS)),
        subject=" ".join(headers.first("Subject").split())[:255],
        body=text[:MOST_BODY],
        attachments=left if report is None and not automatic else tuple(_noted(*one) for one in attached),
        files=files,
        received_at=now,
        notice_id=replies.notice_of(*named, *returned),
        is_own=replies.is_own(headers.first("Message-ID")),
        is_automatic=automatic,
        is_doubtful=_is_doubtful(headers),
        report=report,
    )


# --- Headers -------------------------------------------------------------------------------------


class _Headers:
    """All headers of a mail, decoded, by their names in small letters."""

    def __init__(self, pairs):
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def all(self, *names):
        """Every value of these headers, in the order of ``names``."""
        return [value for name in names for own, value in self._pairs if own == name.lower()]

    def first(self, *names):
        """The first value, or an empty string."""
        return next(iter(self.all(*names)), "")


def _headers(message):
    return _Headers([(name, _decoded(value)) for name, value in message.raw_items()])


def _decoded(value):
    """A header as people read it: encoded words, raw UTF-8 and nonsense alike."""
    text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if "=?" not in text:
        return _clean(text)
    try:
        pieces = [
            piece if isinstance(piece, str) else _as_text(piece, charset)
            for piece, charset in decode_header(text)
        ]
    except (ValueError, email.errors.MessageError):
        return _clean(text)
    return _clean("".join(pieces))


def _address(header):
    """The first address in a header, without its name, in small letters."""
    found = next((address for _, address in getaddresses([header]) if "@" in address), "")
    return unicodedata.normalize("NFC", found).strip().lower()[:255]


def _source_id(headers, raw):
    """What is the same however often a mail is delivered, and differs for every other mail.

    Not the Message-ID alone: somebody could send another mail under the same one to have it ignored.
    """
    body = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1]
    told = "\n".join(headers.first(name) for name in ("Message-ID", "From", "Date", "Subject"))
    return f"mail:{hashlib.sha256(told.encode() + b'|' + body).hexdigest()}"


def _is_automatic(headers):
    """RFC 3834, and what programs do that never heard of it."""
    submitted = headers.first("Auto-Submitted").split(";")[0].strip().lower()
    precedence = headers.first("Precedence").strip().lower()
    return bool(
        submitted not in ("", "no")
        or precedence in ("bulk", "junk", "list", "auto_reply", "auto-reply")
        or headers.first("X-Autoreply", "X-Autorespond", "X-Auto-Reply-From", "List-Id")
        or headers.first("Return-Path").strip() == "<>"
        or MACHINES.match(_address(headers.first("From")))
    )


def _is_doubtful(headers):
    """True when our own mail server says that the sender is not who it claims to be."""
    return any("dmarc=fail" in value.lower() for value in headers.all("Authentication-Results"))


# --- Bodies --------------------------------------------------------------------------------------


def _leaves(message):
    """The parts of a mail, in order; mails inside it stay closed."""
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting = [*part.get_payload(), *waiting]
        else:
            yield part


def _text_and_files(parts):
    """(what it says, [(name, part) of each attachment]); HTML is read where there is no plain text."""
    plain, rich, files = [], [], []
    for part in parts:
        kind, name = part.get_content_type(), _file_name(part)
        if name or part.get_content_disposition() == "attachment":
            files.append((name or kind, part))
        elif kind == "text/plain":
            plain.append(_flowed(part, _content(part)))
        elif kind == "text/html":
            rich.append(_Plain.of(_content(part)))
        elif kind not in ("message/delivery-status", "message/feedback-report"):
            files.append((kind, part))
    text = "\n\n".join(one.strip() for one in plain if one.strip()) or "\n\n".join(rich)
    return _clean(text).strip(), files[:MOST_PARTS]


def _files(attached, *, is_cut):
    """(the Files that may be kept, name, size and reason of the others), each by its content."""
    kept, left, room = [], [], attachments.MOST_BYTES
    for name, part in attached:
        content = part.get_payload(decode=True) or b""
        room -= len(content)
        try:
            if is_cut and (name, part) == attached[-1]:
                raise BillingError("The mail is too large to be read to its end.")
            if room < 0 or len(kept) == attachments.MOST_FILES:
                raise BillingError("There are too many files in this mail.")
            kept.append(attachments.checked(name, content))
        except BillingError as refusal:
            left.append(f"{_noted(name, part)}: {refusal}"[:300])
    return tuple(kept), tuple(left)


def _noted(name, part):
    return f"{name}, {_size(part)}"


def _content(part):
    payload = (part.get_payload(decode=True) or b"")[:MOST_TEXT]
    return _as_text(payload or b"", part.get_content_charset())


def _as_text(content, charset):
    """Bytes as text, by the charset that they claim, else by UTF-8, else by what takes every byte."""
    for name in (charset or "utf-8", "utf-8"):
        try:
            return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def _flowed(part, text):
    """Lines that a mail program broke for its own sake, joined again (RFC 3676)."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    return re.sub(r"(?<=[^\n>-]) \r?\n(?!>)", " ", text)


def _file_name(part):
    name = part.get_filename()
    return _decoded(name)[:100].replace("\n", " ") if name else ""


def _size(part):
    payload = part.get_payload(decode=True)
    size = len(payload) if payload is not None else len(str(part))
    return f"{size / 1024:,.0f} KB" if size >= 1024 else f"{size} bytes"


def _clean(text):
    """Without what no database keeps: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


class _Plain(HTMLParser):
    """The words of an HTML body; what it quotes is marked as mail programs do, by a >."""

    SILENT = ("style", "script", "head", "title", "template")
    BREAKS = ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "blockquote", "table", "hr")

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self._words, self._silent, self._quoted = [], 0, 0

    @classmethod
    def of(cls, html):
        """``html`` as text."""
        reader = cls()
        reader.feed(html)
        reader.close()
        lines = (" ".join(line.split()) for line in "".join(reader._words).split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def handle_starttag(self, tag, attributes):
        self._silent += tag in self.SILENT
        self._quoted += tag == "blockquote"
        if tag in self.BREAKS:
            self._words.append("\n" + "> " * (self._quoted > 0))

    def handle_endtag(self, tag):
        self._silent = max(self._silent - (tag in self.SILENT), 0)
        self._quoted = max(self._quoted - (tag == "blockquote"), 0)
        if tag in self.BREAKS and tag != "br":
            self._words.append("\n" + "> " * (self._quoted > 0))

    def handle_data(self, data):
        if not self._silent:
            self._words.append(data.replace("\n", " "))


# --- Reports -------------------------------------------------------------------------------------


def _report(message, headers, parts, text):
    """A Delivery or Complaint when a machine reports about a mail of ours, else None."""
    kinds = {part.get_content_type(): part for part in reversed(parts)}
    if feedback := kinds.get("message/feedback-report"):
        return inbound.Complaint(kind=_fields(feedback).get("feedback-type", "abuse").lower()[:30])
    if status := kinds.get("message/delivery-status"):
        return _delivery(status)
    is_machine = (
        MACHINES.match(_address(headers.first("From"))) or headers.first("Return-Path").strip() == "<>"
    )
    told = f"{headers.first('Subject')}\n{text[:5000]}"
    if headers.first("X-Failed-Recipients") or (is_machine and FAILED.search(told)):
        return inbound.Delivery(failed=True, code=_code(told), text=_reason(told))
    return None


def _delivery(part):
    """RFC 3464: one block about the message, then one for each recipient; ours have one."""
    blocks = [_fields_of(block) for block in part.get_payload()] if part.is_multipart() else [_fields(part)]
    told = next((block for block in blocks if block.get("action", "").lower().startswith("fail")), None)
    told = told or next((block for block in blocks if "action" in block), {})
    status, diagnosis = told.get("status", ""), told.get("diagnostic-code", "")
    found = ENHANCED.search(status) or ENHANCED.search(diagnosis)
    return inbound.Delivery(
        failed=told.get("action", "failed").strip().lower().startswith("fail"),
        code=found[1] if found else _code(diagnosis),
        text=re.sub(r"^\s*[\w-]+\s*;\s*", "", diagnosis)[:255],
    )


def _fields(part):
    payload = part.get_payload()
    if isinstance(payload, list):
        return {name: value for block in payload for name, value in _fields_of(block).items()}
    return _fields_of(email.message_from_string(str(payload), policy=email.policy.compat32))


def _fields_of(block):
    return {name.lower(): " ".join(_decoded(value).split()) for name, value in block.raw_items()}


def _returned(message):
    """What a report brings back of the mail that it is about, its headers above all."""
    kinds = ("message/rfc822", "text/rfc822-headers", "message/global", "text/plain")
    parts = [part for part in _leaves(message) if part.get_content_type() in kinds]
    shown = (_content(part) if part.get_content_maintype() == "text" else str(part) for part in parts)
    return "\n".join(one[:20_000] for one in shown)


def _code(text):
    """The enhanced status code (RFC 3463) that a text holds or its old code stands for, or nothing."""
    if found := ENHANCED.search(text):
        return found[1]
    if FULL.search(text):
        return "5.2.2"
    if NOBODY.search(text):
        return "5.1.1"
    found = PLAIN_CODE.search(text)
    return f"{found[1]}.0.0" if found else ""


def _reason(text):
    """The line that says why."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    coded = (
        line for line in lines if ENHANCED.search(line) or PLAIN_CODE.search(line) or NOBODY.search(line)
    )
    return next(coded, lines[0] if lines else "")[:255]
