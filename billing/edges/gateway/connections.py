"""Bytes to the gateway and back, each sent once.

A call that moves money gets a connection of its own: one that was kept open may be closed under it, so that
nobody can say whether it was read, and may still hold an answer to somebody else. Questions share kept
ones. Nothing here ever sends a second time, follows a redirect or uses a proxy of the environment.
"""

import functools
import ssl
import time
from contextlib import contextmanager

import certifi
import urllib3

from billing import attempts

MOST_BYTES = 20_000_000  # a full page of a list is about one million
HEADERS = {"User-Agent": "Porchlight", "Accept-Encoding": "gzip"}
KEPT = 16  # connections for questions; more at once are opened and not kept


class NoAnswer(Exception):
    """Nothing that can be read came back. What it means depends on whether money could have moved."""


class Connections:
    """The connections of one account, for any number of threads."""

    def __init__(self, origin):
        """``origin`` is a URL at the gateway: whether it begins with https decides about encryption."""
        self._encryption = encryption() if origin.startswith("https:") else None
        self._kept = urllib3.PoolManager(maxsize=KEPT, ssl_context=self._encryption)

    def ask(self, method, url, body, headers, timeout):
        """The status and body of an answer to a question. Raises NoAnswer."""
        return _exchange(self._kept, method, url, body, headers, timeout)

    def move(self, url, body, headers, timeout, send_by=None):
        """The status and body of an answer to a request that moves money. Raises NoAnswer.

        Nothing leaves after ``send_by`` (of ``attempts.send_by()``): a process may have slept for hours
        between its decision and this, and others have given up on it meanwhile.
        """
        with urllib3.PoolManager(ssl_context=self._encryption) as own:
            if send_by is not None:
                own.pool_classes_by_scheme = _punctual(own.pool_classes_by_scheme, send_by)
            return _exchange(own, "POST", url, body, headers | {"Connection": "close"}, timeout)


def _punctual(pools, send_by):
    """The pools of urllib3, whose connections look at the time when they stand, before the first byte."""

    def punctual(pool):
        class Connection(pool.ConnectionCls):
            def connect(self):
                super().connect()
                if attempts.is_too_late(send_by):
                    raise NoAnswer("it was too late to send it, so nothing was sent")

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    return {scheme: punctual(pool) for scheme, pool in pools.items()}


def _exchange(connections, method, url, body, headers, timeout):
    """Send once, read all. ``timeout`` is (connect, read) in seconds; both together end the reading, too."""
    connect, read = timeout
    deadline = time.monotonic() + connect + read
    with _silence_has_a_name():
        reply = connections.urlopen(
            method,
            url,
            body=body,
            headers=HEADERS | headers,
            timeout=urllib3.Timeout(connect=connect, read=read),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            return reply.status, _read_until(deadline, reply)
        except BaseException:
            reply.close()  # what is left of this answer must not become the beginning of the next one
            raise


@contextmanager
def _silence_has_a_name():
    try:
        yield
    except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError) as error:
        raise NoAnswer("the gateway cannot be reached") from error
    except urllib3.exceptions.SSLError as error:
        raise NoAnswer("no encrypted connection to the gateway") from error
    except urllib3.exceptions.TimeoutError as error:
        raise NoAnswer("no answer in time") from error
    except urllib3.exceptions.HTTPError as error:
        raise NoAnswer("the connection broke before the answer was complete") from error


def _read_until(deadline, reply):
    """All bytes of an answer, piece by piece: the timeout of a socket starts anew with every piece."""
    body = b""
    while piece := reply.read1(1 << 16, decode_content=True):
        body += piece
        if time.monotonic() > deadline or len(body) > MOST_BYTES:
            raise NoAnswer("an answer without an end")
    return body


@functools.cache
def encryption():
    """The one TLS context: loading the certificates takes longer than a charge takes to build."""
    return ssl.create_default_context(cafile=certifi.where())
