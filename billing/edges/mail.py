"""Sending mail through Flask-Mail, on one reused connection, with what Flask-Mail leaves out.

A time limit, verified certificates, quoted-printable bodies (no line over 78 characters), our own
Message-ID, one recipient per message, and an answer that says whether the message may have left. What
is said in a mail is composed in ``letters``; when it is sent is decided in ``billing.outbox``.
"""

import functools
import logging
import re
import smtplib
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import charset, policy
from email.utils import format_datetime, formataddr

from flask_mail import BadHeaderError, Connection, Mail, Message, sanitize_address

from billing import links
from billing.edges import encryption, mime, smtp
from billing.outbox import MailNotSent

charset.add_charset("utf-8", charset.QP, charset.QP, "utf-8")

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10
IDLE_SECONDS = 5  # a connection that rested longer is tried by a NOOP first


@dataclass(frozen=True)
class Letter:
    """One composed mail. ``kept_*`` is what is stored: the same without the secret part of links."""

    subject: str
    text: str
    html: str
    kept_text: str
    kept_html: str
    message_id: str
    sender_name: str
    preferences_url: str = ""  # empty: this message cannot be stopped by one click
    event: str = ""  # what the one click stops
    attachments: tuple = ()  # of (file name, content type, bytes)
    template: object = None  # the Template that it was written by; None: the default text
    text_sha256: str = ""  # of that text
    links: tuple = ()  # rows of links that are not written yet

    def write_links(self):
        """Let the links in it open something, in the transaction in which it begins to leave."""
        links.write(self.links)


class WholeLinks(policy.EmailPolicy):
    """Header lines as Python folds them, but the link that ends a kind of message stays one piece.

    Longer than a line, it would be written as an encoded word, which RFC 2047 does not allow there: mail
    programs would find no link, and offer no way to unsubscribe but the report as spam.
    """

    def fold_binary(self, name, value):
        if name.lower() == "list-unsubscribe" and value.isascii():
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


WHOLE_LINKS = WholeLinks(linesep="\r\n")


class SafeConnection(Connection):
    """Flask-Mail's connection with a time limit and verified certificates (stock: neither)."""

    def configure_host(self):
        mail = self.mail
        # Reading the authorities takes longer than sending a mail: only where there is somebody to verify.
        context = encryption.context() if mail.use_ssl or mail.use_tls else None
        if mail.use_ssl:
            host = smtplib.SMTP_SSL(mail.server, mail.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            host = smtplib.SMTP(mail.server, mail.port, timeout=TIMEOUT_SECONDS)
        try:
            if mail.use_tls:
                host.starttls(context=context)
            if mail.username:
                host.login(mail.username, mail.password)
        except (smtplib.SMTPException, OSError):
            host.close()
            raise
        return host


class Mailer:
    """Sends letters for an app, one at a time. Not shared between threads; each sender makes its own."""

    def __init__(self, app):
        self._app = app
        self._mail = Mail(app).state
        self._connection = None
        self._used_at = 0.0

    def send(self, notice, letter):
        """Send ``letter`` to the notice's address. Raises MailNotSent, which says what is known."""
        self.begin(notice, letter)()

    def begin(self, notice, letter):
        """Hand a letter over; returns callable(), which waits for the server's word and raises MailNotSent.

        The word has to be heard before the next letter begins: the server takes one at a time. Raises
        MailNotSent where the server wants nothing of it.
        """
        content = self._content(notice, letter)
        host = self._open().host
        # Reports of mail servers go to the envelope's sender: it names the notice, as the Reply-To does.
        with self._told():
            smtp.hand_over(host, _ascii(self._answers_to(notice)), _ascii(notice.address), content)
        return functools.partial(self._end, host)

    def _end(self, host):
        with self._told():
            smtp.hear(host)
        self._used_at = time.monotonic()

    @contextmanager
    def _told(self):
        """What goes wrong between us and the server, as MailNotSent."""
        try:
            yield
        except smtplib.SMTPRecipientsRefused as refused:
            code, _ = next(iter(refused.recipients.values()))
            self._rest()
            raise MailNotSent(
                f"The mail server refused this address ({code}).", permanent=code >= 550
            ) from None
        except smtplib.SMTPResponseException as error:
            self._rest()
            words = f"The mail server refused the message ({error.smtp_code})."
            raise MailNotSent(words, permanent=error.smtp_code >= 550) from None
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            words = f"The mail server hung up ({type(error).__name__}); the message may have left."
            raise MailNotSent(words, in_doubt=True) from None

    def close(self):
        """Hang up. The next message opens a new connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(smtplib.SMTPException, OSError):
                connection.host.close()

    def reach(self):
        """Open the connection before anything is composed for it. Raises MailNotSent, unreachable."""
        self._open()

    def _open(self):
        if self._connection and time.monotonic() - self._used_at > IDLE_SECONDS and not self._alive():
            self.close()
        if self._connection is None:
            connection = SafeConnection(self._mail)
            try:
                self._connection = connection.__enter__()
            except (smtplib.SMTPException, OSError) as error:
                log.warning("mail server: %s", error)
                words = encryption.distrust(error, self._mail.server) or (
                    f"The mail server cannot be reached ({type(error).__name__})."
                )
                raise MailNotSent(words, unreachable=True) from None
        return self._connection

    def _alive(self):
        try:
            return self._connection.host.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _rest(self):
        """After a refusal the connection is good for the next message once it is reset."""
        try:
            self._connection.host.rset()
        except (smtplib.SMTPException, OSError):
            self.close()

    def _content(self, notice, letter):
        """The bytes that travel: written straight away, but for a letter with files."""
        headers = dict(self._headers(notice, letter))
        if not letter.attachments:
            return mime.two_bodies(headers.items(), letter.text, letter.html, policy=WHOLE_LINKS)
        return _with_files(letter, headers)

    def _answers_to(self, notice):
        """The address that names the notice; the plain one for what is no row of ours, as mail to staff."""
        signed = self._app.replies.address_for(notice.id) if notice.id else ""
        return signed or self._app.config["MAIL_FROM"]

    def _headers(self, notice, letter):
        ours = self._app.config["MAIL_FROM"]
        yield "MIME-Version", "1.0"
        yield "Subject", _one_line(letter.subject)
        yield "From", formataddr((_one_line(letter.sender_name), ours))
        yield "To", _ascii(notice.address)
        yield "Date", format_datetime(self._app.clock.local(self._app.clock.now()))
        yield "Message-ID", letter.message_id
        yield "Reply-To", _ascii(self._answers_to(notice))
        yield "Auto-Submitted", "auto-generated"
        if letter.preferences_url:
            # RFC 8058: the mail program posts here by itself; a person who opens it sees the preferences.
            yield "List-Unsubscribe", f"<{letter.preferences_url}/unsubscribe/{letter.event}>"
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _with_files(letter, headers):
    message = Message(
        subject=headers["Subject"],
        recipients=[headers["To"]],
        body=letter.text,
        html=letter.html,
        sender=headers["From"],
        reply_to=headers["Reply-To"],
        extra_headers={"Auto-Submitted": headers["Auto-Submitted"]}
        | {name: value for name, value in headers.items() if name.startswith("List-")},
    )
    message.msgId = headers["Message-ID"]
    for name, content_type, content in letter.attachments:
        message.attach(name, content_type, content)
    if message.has_bad_headers():
        raise BadHeaderError
    made = message._message()
    made.replace_header("Date", headers["Date"])
    return made.as_bytes(policy=WHOLE_LINKS)


def _ascii(address):
    """An address as a header takes it: a domain in another script is written in its ASCII form."""
    return address if address.isascii() else sanitize_address(address)


def _one_line(text):
    """No line break may reach a header: it would start another one."""
    return re.sub(r"\s+", " ", text).strip()
