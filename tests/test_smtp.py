"""A letter on the wire, to servers of which no library makes one."""

import smtplib
import socket
import threading

import pytest

from billing.edges import smtp


class Server:
    """Answers each line of ``script`` (what it waits for, what it says) and keeps what it heard."""

    def __init__(self, *script):
        self._script, self.heard = script, []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()
        self._listening.close()

    def _run(self):
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rwb", buffering=0) as wire:
            wire.write(b"220 here\r\n")
            for start, answer in self._script:
                while not (line := wire.readline()).startswith(start):
                    self.heard.append(line)
                    assert line, f"nobody said {start}"
                self.heard.append(line)
                wire.write(answer + b"\r\n")


def give(server, to="ann@example.com", content=b"Subject: s\r\n\r\n.hidden\r\nend"):
    return smtp.hand_over(server, "us@example.com", to, content)


HELLO = (b"ehlo", b"250-here\r\n250 PIPELINING")
TAKEN = ((b"mail", b"250 ok"), (b"rcpt", b"250 ok"), (b"data", b"354 go on"), (b".\r\n", b"250 kept"))


def test_a_line_that_begins_with_a_period_arrives_whole():
    with Server((b"ehlo", b"250 here"), *TAKEN) as server, smtplib.SMTP("127.0.0.1", server.port) as host:
        give(host)
        smtp.hear(host)
        host.close()

    assert server.heard[-3:] == [b"..hidden\r\n", b"end\r\n", b".\r\n"]


def test_who_waits_for_a_letter_to_nobody_gets_an_empty_one_and_then_the_next():
    refused = (
        (b"mail", b"250 ok"),
        (b"rcpt", b"550 unknown"),
        (b"data", b"354 go on"),
        (b".\r\n", b"554 none"),
    )
    with Server(HELLO, *refused, *TAKEN) as server, smtplib.SMTP("127.0.0.1", server.port) as host:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            give(host)
        give(host, "bob@example.com")
        smtp.hear(host)
        host.close()

    assert caught.value.recipients == {"ann@example.com": (550, b"unknown")}
    assert server.heard.count(b"end\r\n") == 1


@pytest.mark.parametrize("hello", [HELLO, (b"ehlo", b"250 here")], ids=["at once", "one by one"])
def test_an_address_adds_no_command(hello):
    with Server(hello) as server, smtplib.SMTP("127.0.0.1", server.port) as host:
        with pytest.raises((ValueError, smtplib.SMTPException)):
            give(host, "ann@example.com>\r\nrcpt TO:<eve@example.com")
        host.close()

    assert not [line for line in server.heard if b"eve" in line]
