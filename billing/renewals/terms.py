"""What a contract says about its own end, and the terms that follow from it: pure calendar arithmetic.

An Agreement is everything that rules about renewals look at, without a table or a clock. Not here: which
rules apply (matching.py), when a notice may be sent (windows.py), reading rows (agreements.py).
"""

from datetime import date
from typing import NamedTuple

from billing.periods import DAY, add_months


class Place(NamedTuple):
    """A state whose law may matter, and why: ``the site Home is in New York``."""

    state: str
    why: str


class Agreement(NamedTuple):
    """The terms of one contract as agreed. Months and days are whole; ``places`` holds each state once."""

    places: tuple[Place, ...]
    audience: str
    starts_on: date
    term_months: int
    renewal_months: int
    notice_days: int
    auto_renew: bool = True
    ends_on: date | None = None
    term_ends_on: date | None = None
    monthly_from_on: date | None = None
    signed_online: bool = False
    signup_medium: str | None = None
    disclosure_on: date | None = None
    requested_on: date | None = None
    leased: bool = False

    @property
    def states(self):
        return tuple(place.state for place in self.places)


class Term(NamedTuple):
    """One term, both days included. ``number`` 0 is the first; month to month, it is a single month."""

    number: int
    starts_on: date
    ends_on: date
    is_monthly: bool


def term_of(agreement, today):
    """The Term that holds ``today``; the first one, for a contract that has not begun.

    A term ends the day before the next begins, and every one is counted from the same first day: what
    began on the 31st ends before the 31st again, or before the last day of a shorter month.
    """
    first = first_term(agreement)
    if agreement.monthly_from_on and today >= agreement.monthly_from_on:
        return _repeated(agreement.monthly_from_on, agreement.starts_on.day, 1, today, monthly=True)
    if first and today <= first.ends_on:
        return first
    begins = first.ends_on + DAY if first else agreement.starts_on
    months = agreement.renewal_months if first and agreement.auto_renew else 1
    found = _repeated(begins, agreement.starts_on.day, max(months, 1), today, monthly=months <= 1)
    return found._replace(number=found.number + bool(first) + (first.number if first else 0))


def first_term(agreement):
    """The fixed term that renewals are counted from: the one that is stored, else the one agreed first."""
    agreed = add_months(agreement.starts_on, agreement.term_months) - DAY
    stored = agreement.term_ends_on
    if stored and stored > agreed:
        begins = add_months(stored + DAY, -max(agreement.renewal_months, 1), agreement.starts_on.day)
        return Term(1, max(begins, agreement.starts_on), stored, False)
    return Term(0, agreement.starts_on, stored or agreed, False) if agreement.term_months else None


def _repeated(begins, day, months, today, *, monthly):
    """The period of ``months`` that holds ``today``, of those that follow each other from ``begins``."""
    index = max(((today.year - begins.year) * 12 + today.month - begins.month) // months, 0)
    if index and add_months(begins, index * months, day) > today:
        index -= 1
    starts = begins if index == 0 else add_months(begins, index * months, day)
    return Term(index, starts, add_months(begins, (index + 1) * months, day) - DAY, monthly)


def next_term(agreement, term):
    """The Term after ``term`` when nobody says anything."""
    return term_of(agreement, term.ends_on + DAY)


def renews_into_months(agreement):
    """Months of a renewal: 0 when the contract does not renew by itself, 1 for month to month."""
    return max(agreement.renewal_months, 1) if agreement.auto_renew else 0


def first_end_after_a_year(agreement):
    """The end of the term whose renewal first carries the contract past twelve months."""
    months = renews_into_months(agreement) or 1
    done = agreement.term_months
    while done + months <= 12:
        done += months
    return add_months(agreement.starts_on, max(done, 1)) - DAY


def yearly_after(first, day):
    """The first of the yearly returns of ``first`` that is ``day`` or later."""
    years = max(day.year - first.year, 0)
    found = add_months(first + DAY, 12 * years) - DAY
    return found if found >= day else add_months(first + DAY, 12 * (years + 1)) - DAY
