"""How many threads read and book at once, and how many wait for the processor: nothing of what they do."""

from contextlib import contextmanager
from threading import BoundedSemaphore

from models import db

MOST_DESKS = 4  # customers who are read or booked at once, while others wait for the processor


class Desks:
    """Where threads read and book. Who waits for the processor leaves, and takes no connection along.

    One desk on SQLite: there, writers would only poll for the file, and the unlucky give up after a while.
    """

    def __init__(self):
        self.count = MOST_DESKS if db.for_update else 1
        self._free = BoundedSemaphore(self.count)

    @contextmanager
    def taken(self):
        with self._free:
            db.connect()
            try:
                yield
            finally:
                db.close()

    @contextmanager
    def left(self):
        db.close()
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
            db.connect()


class Bounded:
    """A gateway that charges ``at_once`` at the same time; whoever calls it leaves the desk."""

    def __init__(self, gateway, at_once, desks):
        self._gateway, self._free, self._desks = gateway, BoundedSemaphore(at_once), desks

    def charge(self, **about):
        with self._desks.left(), self._free:
            return self._gateway.charge(**about)
