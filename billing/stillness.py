"""Whether anybody else wrote to the database since: what was decided before is as true as if asked now.

For work that is decided ahead for many and done one by one. It never says that all is still when it is not;
it may say the opposite for a reason that does not matter, and then the question is asked anew.
"""

from billing import prepared
from models import db


class Still:
    """Made before something is read; it holds until somebody wrote, and never again after that.

    What our own transactions write does not count where they ask ``holds`` and then say ``ours``. SQLite
    counts the commits of other connections (``data_version``) and the rows that this one changed. PostgreSQL
    numbers the transactions that write: ours must follow upon our last one, with no other under way.
    """

    def __init__(self):
        with db.atomic():
            self._mark = _look()()

    def holds(self):
        """True while nobody wrote. Asked once in each transaction of ours, after its lock was taken."""
        return self.asked()()

    def asked(self):
        """The same, asked now: callable() for the answer, later in the same transaction (``in_one_trip``)."""
        seen = _look()
        return lambda: self._stands(seen())

    def _stands(self, now):
        if self._mark is not None and db.for_update:
            self._mark = now if now == self._mark + 1 else None
        elif now != self._mark:
            self._mark = None
        return self._mark is not None

    def ours(self):
        """What this transaction has written was meant. Said last in it."""
        if self._mark is not None and not db.for_update:
            self._mark = self._mark[0], db.connection().total_changes()  # nobody else writes meanwhile


def _look():
    """callable(): where the database stood now, in a transaction of ours; None where that cannot be told."""
    if db.for_update:
        cursor = db.execute_sql(_UNDER_WAY)
        return lambda: _alone(*cursor.fetchone())
    commits_of_others = db.execute_sql("PRAGMA data_version").fetchone()[0]
    seen = commits_of_others, db.connection().total_changes()
    return lambda: seen


_UNDER_WAY = prepared.Text("SELECT CAST(pg_current_xact_id() AS TEXT), CAST(pg_current_snapshot() AS TEXT)")


def _alone(own, under_way):
    return int(own) if under_way == f"{own}:{own}:" else None
