"""What the recipient of a caught mail may do, to try it out: answer, let it bounce, call it spam, text back.

Mails go into a maildir, texts to a webhook, both given when the catcher starts; without them it only shows.
"""

import itertools
import os
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import requests

DOMAIN = "mailcatcher.invalid"
_count = itertools.count()


class Answers:
    """The doors back to whoever sent what was caught.

    maildir   -- folder of the mailbox that answers come to, made when missing; empty: no answering of mail
    texts_url -- address that takes incoming texts; empty: no answering of texts
    """

    def __init__(self, maildir="", texts_url=""):
        self._folder = Path(maildir) if maildir else None
        self._texts_url = texts_url
        for part in ("tmp", "new", "cur") if self._folder else ():
            (self._folder / part).mkdir(parents=True, exist_ok=True)

    @property
    def takes_mail(self):
        return self._folder is not None

    @property
    def takes_texts(self):
        return bool(self._texts_url)

    def deliver(self, raw):
        """Put a mail into the mailbox, whole or not at all."""
        name = f"{time.time_ns()}.{os.getpid()}_{next(_count)}.catcher"
        waiting = self._folder / "tmp" / name
        waiting.write_bytes(raw)
        waiting.rename(self._folder / "new" / name)

    def text(self, number, body, id):
        """Text ``body`` as ``number``. Returns a sentence about what came of it."""
        told = {"from": number, "text": body, "id": f"catcher-{id}-{time.time_ns()}"}
        try:
            answer = requests.post(self._texts_url, json=told, timeout=10)
        except requests.RequestException as trouble:
            return f"Nobody took it ({type(trouble).__name__})."
        return "It was taken." if answer.ok else f"It was refused ({answer.status_code})."


def reply(mail, words):
    """The bytes of an answer by the first recipient, with the mail quoted below it."""
    made = _mail(mail.recipients[0], mail.message["Reply-To"] or mail.message["From"] or mail.sender)
    subject = str(mail.message["Subject"] or "").strip()
    made["Subject"] = subject if subject.lower().startswith("re:") else f"Re: {subject}"
    if answered := str(mail.message["Message-ID"] or "").strip():
        made["In-Reply-To"] = made["References"] = answered
    quoted = "\n".join(f"> {line}" for line in mail.text.strip().splitlines())
    writer = mail.message["From"] or mail.sender
    made.set_content(f"{words}\n\nOn {mail.received_at:%b %d, %Y}, {writer} wrote:\n{quoted}\n")
    return made.as_bytes()


def bounce(mail, *, full=False):
    """The bytes of a mail server's report (RFC 3464) that the first recipient does not exist, or is full."""
    status, words = ("5.2.2", "552 5.2.2 Mailbox full") if full else ("5.1.1", "550 5.1.1 No such mailbox")
    about = f"Reporting-MTA: dns; {DOMAIN}\n\nFinal-Recipient: rfc822; {mail.recipients[0]}\n"
    about += f"Action: failed\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n"
    return _report(
        mail, "delivery-status", "Undelivered Mail Returned to Sender", "MAILER-DAEMON", mail.sender, about
    )


def complaint(mail):
    """The bytes of a mail provider's report (RFC 5965) that the recipient calls it spam."""
    about = "Feedback-Type: abuse\nUser-Agent: Mailcatcher/1\nVersion: 1\n"
    about += f"Original-Rcpt-To: {mail.recipients[0]}\n"
    return _report(mail, "feedback-report", "Complaint about a message", "feedback", mail.sender, about)


def _mail(sender, recipient):
    made = EmailMessage()
    made["From"], made["To"] = sender, recipient
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = make_msgid(domain=DOMAIN)
    return made


def _report(mail, kind, subject, sender, recipient, about):
    """A multipart/report: words, what a machine reads, and the headers of the mail that it is about."""
    made = _mail(f"{sender}@{DOMAIN}", recipient)
    made["Subject"], made["Auto-Submitted"] = subject, "auto-replied"
    cut = f"cut{time.time_ns()}"
    headers = mail.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    head = (
        made.as_bytes().partition(b"\n\n")[0]
        + (
            f'\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind}; boundary="{cut}"\n\n'
            f"--{cut}\nContent-Type: text/plain\n\n{subject}: {mail.recipients[0]}\n\n"
            f"--{cut}\nContent-Type: message/{kind}\n\n{about}\n"
            f"--{cut}\nContent-Type: text/rfc822-headers\n\n"
        ).encode()
    )
    return head + headers + f"\n\n--{cut}--\n".encode()
