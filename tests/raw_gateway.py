"""A gateway of canned bytes: does with each request exactly what a test says, and keeps what it received.

with RawGateway(approved) as raw:
    outcome = raw.gateway().charge(...)
    assert len(raw.received) == 1
"""

import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from billing.edges.gateway import Gateway
from tests.sandbox_process import NAMESPACE, PATIENT

BOM = "\ufeff"
CERTIFICATE = Path(__file__).parent / "certificates" / "127.0.0.1.pem"  # signed by nobody, with its key


@dataclass(frozen=True)
class Received:
    """One request, and on which connection it came (the first is 1)."""

    connection: int
    line: str
    headers: dict
    body: bytes

    def text(self, path):
        """The text at a path of its XML, "" when it is not there."""
        found = etree.fromstring(self.body).findtext("/".join("{*}" + name for name in path.split("/")))
        return found or ""

    @property
    def own(self):
        """Its XML from the refId's end on, without the root: what the request itself says."""
        text = self.body.decode()
        return text[text.index("</refId>") + len("</refId>") : text.rindex("</")]


class RawGateway:
    """``behave(connection, received)`` answers; what it returns, if anything, is sent as the XML answer."""

    def __init__(self, behave, *, encrypted=False):
        self.behave, self.received = behave, []
        self._encryption = _certified() if encrypted else None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open, self._lock, self._count = set(), threading.Lock(), 0
        self.url = f"http{'s' * encrypted}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def gateway(self, **changes):
        """Our gateway edge, set up for this server."""
        given = {"timeout": PATIENT, "money_timeout": PATIENT, **changes}
        endpoint, hosted_url = f"{self.url}/xml/v1/request.api", f"{self.url}/payment/payment"
        return Gateway(endpoint, "login", "key", hosted_url=hosted_url, **given)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._count += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, self._count), daemon=True).start()

    def _serve(self, connection, number):
        with contextlib.suppress(OSError):
            if self._encryption:
                connection = self._encryption.wrap_socket(connection, server_side=True)
            self._answer_all(connection, number)

    def _answer_all(self, connection, number):
        with connection:
            reader = connection.makefile("rb")
            while received := _read(reader, number):
                with self._lock:
                    self.received.append(received)
                body = self.behave(connection, received)
                if body is not None:
                    reply(connection, body)
        with self._lock:
            self._open.discard(connection)


def _certified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def _read(reader, number):
    line = reader.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while header := reader.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Received(number, line, headers, reader.read(int(headers.get("content-length", 0))))


# -- what a server can do with a request


def reply(connection, body, status="200 OK", headers="", cut=0):
    """Send an answer; ``cut`` promises so many bytes more than come."""
    body = body if isinstance(body, bytes) else body.encode()
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body) + cut}\r\n\r\n"
    connection.sendall(head.encode() + body)


def close_soon(connection, seconds):
    """Close a connection from this side, as a server does that finds it idle."""

    def close():
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    threading.Timer(seconds, close).start()


def hang_up(connection):
    """Close the connection in good order."""
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection):
    """Break the connection so that the other side gets an error instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())  # at once: ``close`` would wait for our own reader


# -- answers in the shapes of the wire


def answer(root, inner="", *, result="Ok", code="I00001", ref_id=None):
    """The XML of an answer, with the mark at its beginning that the real gateway writes."""
    reference = "" if ref_id is None else f"<refId>{ref_id}</refId>"
    return (
        f'{BOM}<?xml version="1.0" encoding="utf-8"?><{root} '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="{NAMESPACE}">{reference}'
        f"<messages><resultCode>{result}</resultCode><message><code>{code}</code><text>t</text></message>"
        f"</messages>{inner}</{root}>"
    )


def error(root, code, inner="", **more):
    """The XML of a refusal."""
    return answer(root, inner, result="Error", code=code, **more)


def paid(transaction_id="2227534280", ref_id=None):
    """The XML of an approved charge."""
    return answer(
        "createTransactionResponse",
        "<transactionResponse><responseCode>1</responseCode><authCode>H6K4BU</authCode>"
        "<avsResultCode>Y</avsResultCode><cvvResultCode>P</cvvResultCode><cavvResultCode>2</cavvResultCode>"
        f"<transId>{transaction_id}</transId><refTransID /><transHash /><testRequest>0</testRequest>"
        "<accountNumber>XXXX2224</accountNumber><accountType>Visa</accountType><messages><message>"
        "<code>1</code><description>This transaction has been approved.</description></message></messages>"
        "<transHashSha2 /><networkTransId>0TDFCWDKBDTW1T4BDHCB5XL</networkTransId></transactionResponse>",
        ref_id=ref_id,
    )


def refused(response, reason, transaction_id="0", *, account_type="Visa", ref_id=None):
    """The XML of a charge that was declined (2) or went wrong (3)."""
    return error(
        "createTransactionResponse",
        "E00027",
        f"<transactionResponse><responseCode>{response}</responseCode><authCode />"
        "<avsResultCode>P</avsResultCode><cvvResultCode /><cavvResultCode />"
        f"<transId>{transaction_id}</transId><refTransID /><transHash />"
        f"<testRequest>0</testRequest><accountNumber>XXXX2224</accountNumber><accountType>{account_type}"
        f"</accountType><errors><error><errorCode>{reason}</errorCode><errorText>e</errorText></error></errors>"
        "<transHashSha2 /></transactionResponse>",
        ref_id=ref_id,
    )
