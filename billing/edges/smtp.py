"""One letter over a connection of ``smtplib``, in two steps: handed over whole, and the server's word on it.

``smtplib`` does it in one step that waits four times. So the next letter is written while the server stores
this one, and a server that is far away is waited for half as often. Not here: which letter, and what its
refusal means (``mail``).
"""

import re
import smtplib

_PLAIN = re.compile(r"[\w.+%=-]+@[\w.-]+", re.A)
_PERIOD = re.compile(rb"^\.", re.M)  # alone on a line it would end the letter (RFC 5321, 4.5.2)
DONE, GO_ON = (250, 251), (354,)


def hand_over(host, sender, recipient, content):
    """Give a letter to the server, to its last byte; ``hear`` gives the answer.

    host      -- an ``smtplib.SMTP`` that is connected
    content   -- bytes, with line ends as they travel

    Raises SMTPException, as ``smtplib`` does, for what is refused before the letter itself was given.
    """
    host.ehlo_or_helo_if_needed()
    size = f" size={len(content)}" if host.has_extn("size") else ""
    commands = (f"mail FROM:{_quoted(sender)}{size}", f"rcpt TO:{_quoted(recipient)}", "data")
    refused = (
        lambda *said: smtplib.SMTPSenderRefused(*said, sender),
        lambda *said: smtplib.SMTPRecipientsRefused({recipient: said}),
        smtplib.SMTPDataError,
    )
    for (code, words), refusal in zip(_answers(host, commands), refused, strict=True):
        if code not in (GO_ON if refusal is smtplib.SMTPDataError else DONE):
            raise refusal(code, words)
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    host.send(_PERIOD.sub(b"..", content) + end)


def _answers(host, commands):
    """What the server says to each, asked one by one; at once where it allows that (RFC 2920).

    A distant server is waited for twice a letter then, and not four times.
    """
    if not host.has_extn("pipelining"):
        yield from map(host.docmd, commands)
        return
    if any("\r" in command or "\n" in command for command in commands):
        raise ValueError("a line break in an address")
    host.send("".join(f"{command}\r\n" for command in commands))
    answers = [host.getreply() for _ in commands]
    if answers[-1][0] in GO_ON and not all(code in DONE for code, _ in answers[:-1]):
        host.docmd(".")  # it waits for a letter although it wants none: an empty one, to nobody
    yield from answers


def _quoted(address):
    """In angle brackets; what ``smtplib`` does for any address, which takes a while."""
    return f"<{address}>" if _PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def hear(host):
    """Wait until the server has said that it keeps the letter. Raises SMTPDataError when it does not."""
    code, words = host.getreply()
    if code not in DONE:
        raise smtplib.SMTPDataError(code, words)
