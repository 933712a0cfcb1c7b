"""One letter over a connection of ``smtplib``, in two steps: handed over whole, and the server's word on it.

What ``smtplib`` does in one step that waits four times: so the next letter can be written while the server
stores this one. Not here: which letter, and what its refusal means (``mail``).
"""

import re
import smtplib

_PLAIN = re.compile(r"[\w.+%=-]+@[\w.-]+", re.A)
_PERIOD = re.compile(rb"^\.", re.M)  # alone on a line it would end the letter (RFC 5321, 4.5.2)
DONE, GO_ON = (250, 251), 354


def hand_over(host, sender, recipient, content):
    """Give a letter to the server, to its last byte; ``hear`` gives the answer.

    host      -- an ``smtplib.SMTP`` that is connected
    content   -- bytes, with line ends as they travel

    Raises SMTPException, as ``smtplib`` does, for what is refused before the letter itself was given.
    """
    host.ehlo_or_helo_if_needed()
    size = f" size={len(content)}" if host.has_extn("size") else ""
    _ask(host, f"mail FROM:{_quoted(sender)}{size}", smtplib.SMTPSenderRefused, sender)
    code, words = host.docmd(f"rcpt TO:{_quoted(recipient)}")
    if code not in DONE:
        raise smtplib.SMTPRecipientsRefused({recipient: (code, words)})
    code, words = host.docmd("data")
    if code != GO_ON:
        raise smtplib.SMTPDataError(code, words)
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    host.send(_PERIOD.sub(b"..", content) + end)


def _ask(host, command, refusal, *about):
    code, words = host.docmd(command)
    if code not in DONE:
        raise refusal(code, words, *about)


def _quoted(address):
    """In angle brackets; what ``smtplib`` does for any address, which takes a while."""
    return f"<{address}>" if _PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def hear(host):
    """Wait until the server has said that it keeps the letter. Raises SMTPDataError when it does not."""
    code, words = host.getreply()
    if code not in DONE:
        raise smtplib.SMTPDataError(code, words)
