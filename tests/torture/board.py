"""What the conductor and all victims share, in memory: the clock's offset, and the points that are deadly.

The conductor writes, victims read. A page of shared memory, because a web process that is already running
must notice that time went on, or that it is to die at the next booking.
"""

import mmap
import os
import struct
import time
from datetime import UTC, datetime, timedelta

from billing.edges.clock import Clock

SIZE, ARMED = 4096, 64


class Board:
    """The shared page, made by the conductor and opened by its path in every victim."""

    def __init__(self, path):
        fresh = not os.path.exists(path)
        with open(path, "w+b" if fresh else "r+b") as file:
            if fresh:
                file.write(bytes(SIZE))
                file.flush()
            self._page = mmap.mmap(file.fileno(), SIZE)

    @property
    def offset(self):
        """Seconds that the clock of all our processes is ahead of the machine's."""
        return struct.unpack_from("d", self._page, 0)[0]

    @offset.setter
    def offset(self, seconds):
        struct.pack_into("d", self._page, 0, seconds)

    def now(self):
        """The instant of our processes, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=self.offset)

    def seconds(self):
        """What the product measures its own patience with: it passes while a process is stopped."""
        return time.monotonic() + self.offset

    def set_clock(self, at):
        """Let it be ``at`` (naive UTC) now; the clock goes on ticking."""
        self.offset = (at - datetime.now(UTC).replace(tzinfo=None)).total_seconds()

    def arm(self, point, passes):
        """Let the next web process that comes by ``point`` for the ``passes``-th time die there."""
        self._page[ARMED + point] = passes

    def disarm(self):
        """No point is deadly any more."""
        self._page[ARMED:] = bytes(SIZE - ARMED)

    def falls(self, point):
        """Count a pass of a web process; True when it is the deadly one."""
        left = self._page[ARMED + point]
        if left:
            self._page[ARMED + point] = left - 1
        return left == 1


class SharedClock(Clock):
    """The product's clock, moved by the board."""

    def __init__(self, board):
        super().__init__()
        self._board = board

    def now(self):
        return self._board.now() + self.ahead
