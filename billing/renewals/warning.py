"""What staff are mailed about windows: those about to close without proof, and those that just did.

Each once to whoever may act on it; while no mail leaves it is tried again with every daily run. The same
stands on the page of today. Not here: when a window is about to close (closing.py), how the mail looks.
"""

import logging
from dataclasses import dataclass
from datetime import date, timedelta

from peewee import fn

from billing import company as companies
from billing import events, words
from billing.errors import BillingError
from billing.renewals import closing
from models import Event, RenewalNotice, Staff

log = logging.getLogger(__name__)
ALARMED, MISSED = "renewal_notice.alarm_mailed", "renewal_notice.missed_mailed"
ROLES = (Staff.OWNER, Staff.BILLING)
NEWS = timedelta(days=14)  # what was missed longer ago is no news


@dataclass(frozen=True)
class Warning:
    """One mail to staff, as plain values: sentences about windows, the most pressing first."""

    closing: tuple[str, ...]
    missed: tuple[str, ...]
    first_on: date | None  # when the first window closes
    key: str  # the same for the same windows

    @property
    def subject(self):
        if not self.closing:
            return f"{words.plural(len(self.missed), 'renewal notice')} missed"
        count = words.plural(len(self.closing), "renewal notice")
        return f"{count} without proof, the first window closes on {words.date(self.first_on)}"


def send(today, *, tell, now):
    """Mail each of staff about windows that they were not mailed about. Returns to how many people it left.

    Before the company is live nobody is: nothing leaves then.

    tell -- callable(staff, warning), which sends one mail and raises BillingError when it did not leave
    """
    if not companies.is_live(companies.current(), today):
        return 0
    return sum(_warned(person, today, tell, now) for person in _people())


def _warned(person, today, tell, now):
    """Mail one person what they were not mailed yet, and note that; False when nothing left."""
    closing_rows = list(_new(closing.at_risk(today), ALARMED, person))
    missed_rows = list(_new(_lately_missed(today), MISSED, person))
    if not closing_rows and not missed_rows:
        return False
    if not _told(person, _warning(closing_rows, missed_rows), tell):
        return False
    for what, rows in ((ALARMED, closing_rows), (MISSED, missed_rows)):
        for row in rows:
            to = {"reason": _to(person), "customer": row.contract.customer}
            events.record(what, row, by=closing.JOB, now=now, **to)
    return True


def _to(person):
    return f"To {person.email}"


def _warning(closing_rows, missed_rows):
    return Warning(
        tuple(closing.alarm_words(row) for row in closing_rows),
        tuple(closing.missed_words(row) for row in missed_rows),
        min((row.closes_on for row in closing_rows), default=None),
        "-".join(f"{row.state}{row.id}" for row in (*closing_rows, *missed_rows))[:200],
    )


def _told(person, warning, tell):
    try:
        tell(person, warning)
    except BillingError as refusal:
        log.warning("warning to %s: %s", person, refusal)
        return False
    return True


def _people():
    return Staff.select().where(Staff.role.in_(ROLES) & Staff.left_on.is_null()).order_by(Staff.id)


def _lately_missed(today):
    """Missed notices that a law wanted."""
    return RenewalNotice.select().where(
        (RenewalNotice.state == RenewalNotice.MISSED)
        & RenewalNotice.overridden_at.is_null()
        & (RenewalNotice.closes_on >= today - NEWS)
    )


def _new(query, what, person):
    """Those of ``query`` that no mail told a person of, the first to close first.

    Our own courtesy is never missed. An event that names nobody is about all.
    """
    known = Event.select(Event.id).where(
        (Event.what == what)
        & (Event.about_table == "renewal_notice")
        & (Event.about_id == RenewalNotice.id)
        & Event.reason.in_(["", _to(person)])
    )
    rows = query.where(~fn.EXISTS(known)).order_by(RenewalNotice.closes_on, RenewalNotice.id)
    return (row for row in rows if what == ALARMED or row.rule.consequence != "courtesy")
