"""Ports of this machine for servers that must be told theirs before they start.

They lie below the ones that the system hands out by itself, to servers and to whoever connects: nobody is
given one of them between the moment it was found free and the moment it is used.
"""

import contextlib
import itertools
import os
import socket

FIRST, COUNT = 20_000, 12_000

_next = itertools.count(os.getpid() * 97)  # processes that run side by side begin far from each other


def free():
    """A port on 127.0.0.1 that nobody listens at, and that this process has not been given before."""
    while True:
        port = FIRST + next(_next) % COUNT
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
