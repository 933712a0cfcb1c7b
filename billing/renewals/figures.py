"""The reports of contract ends: windows open, sent and missed; what ends soon; how many renew, and why not.

Only reading. Every figure names the list that proves it, as billing/reports.py does.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from peewee import fn

from billing.periods import add_months
from billing.renewals import agreements, terms
from models import Contract, Customer, Renewal, RenewalNotice

SPANS = (30, 60, 90, 120)
TERMS = (
    Contract.starts_on, Contract.term_months, Contract.renewal_months, Contract.auto_renew,
    Contract.term_ends_on, Contract.renews_monthly_from_on,
)  # fmt: skip
YEAR = timedelta(days=365)
MOST = 200


@dataclass(frozen=True)
class Standing:
    """How the notices stand, in counts: of rules that ask for one, not of letters."""

    opening: int  # planned, before their window
    open: int  # their window is open and nothing is out
    out: int  # on their way, without proof yet
    at_risk: int
    proven: int  # of the last twelve months
    missed: int
    overridden: int


@dataclass(frozen=True)
class Ending:
    """A contract whose term ends soon."""

    contract: Contract
    term: terms.Term
    days: int
    span: int
    notices: tuple[RenewalNotice, ...]


@dataclass(frozen=True)
class Month:
    """What became of the terms that ended in a month, in contracts.

    ended      -- left with their term, or before it was over
    left       -- left while they ran month to month: no term of theirs ended, so they are in no rate
    is_watched -- terms that ended were noted then; before, only who left is known
    """

    first: date
    renewed: int
    monthly: int
    ended: int
    left: int
    is_watched: bool

    @property
    def count(self):
        return self.renewed + self.monthly + self.ended

    @property
    def rate_percent(self):
        """How many of a hundred terms went on, in whole percent; None when none ended, or nobody noted it."""
        if not self.count or not self.is_watched:
            return None
        return (100 * (self.count - self.ended) + self.count // 2) // self.count


def standing(today):
    """The Standing of today."""
    planned = RenewalNotice.state == RenewalNotice.PLANNED
    recent = RenewalNotice.closes_on >= today - YEAR
    missed = (RenewalNotice.state == RenewalNotice.MISSED) & recent
    return Standing(
        opening=_count(planned & (RenewalNotice.opens_on > today)),
        open=_count(planned & (RenewalNotice.opens_on <= today) & (RenewalNotice.closes_on >= today)),
        out=_count(RenewalNotice.state.in_((RenewalNotice.QUEUED, RenewalNotice.SENT))),
        at_risk=_count(
            RenewalNotice.state.in_((RenewalNotice.PLANNED, RenewalNotice.QUEUED))
            & (RenewalNotice.alarm_on <= today)
        ),
        proven=_count((RenewalNotice.state == RenewalNotice.PROVEN) & recent),
        missed=_count(missed & RenewalNotice.overridden_at.is_null()),
        overridden=_count(missed & RenewalNotice.overridden_at.is_null(False)),
    )


def _count(condition):
    return RenewalNotice.select().where(condition).count()


def ending(today):
    """Contracts whose fixed term ends within 120 days, soonest first: [Ending]."""
    found = []
    for id, *term in agreements.running().select(Contract.id, *TERMS).tuples():
        now = terms.term_of(_bare(*term), today)
        days = (now.ends_on - today).days
        if not now.is_monthly and 0 <= days <= SPANS[-1]:
            found.append((days, id, now))
    found = sorted(found)[:MOST]
    contracts, rows = _loaded([id for _, id, _ in found])
    return [
        Ending(
            contracts[id], term, days, next(span for span in SPANS if days <= span), tuple(rows.get(id, ()))
        )
        for days, id, term in found
    ]


def _loaded(ids):
    """({id: Contract with its Customer}, {id: its newest notices})."""
    contracts = Contract.select(Contract, Customer).join(Customer).where(Contract.id << ids)
    rows = {}
    for row in RenewalNotice.select().where(RenewalNotice.contract << ids).order_by(RenewalNotice.id):
        rows.setdefault(row.contract_id, []).append(row)
    return {contract.id: contract for contract in contracts}, rows


def months(today, count=12):
    """What became of terms, month by month, the newest first: [Month]."""
    begins = add_months(today.replace(day=1), 1 - count)
    outcomes = Counter(
        (on.replace(day=1), outcome)
        for on, outcome in Renewal.select(Renewal.term_end_on, Renewal.outcome)
        .where(Renewal.term_end_on >= begins)
        .tuples()
    )
    ended = _ended(begins, today)
    watched = Renewal.select(fn.MIN(Renewal.term_end_on)).scalar()
    firsts = [add_months(begins, index) for index in range(count)][::-1]
    return [
        Month(
            first, outcomes[first, Renewal.RENEWED], outcomes[first, Renewal.MONTHLY], ended[first, False],
            ended[first, True], watched is not None and watched.replace(day=1) <= first,
        )
        for first in firsts
    ]  # fmt: skip


def _ended(begins, today):
    """{(month, whether it ran month to month): how many contracts ended}."""
    rows = Contract.select(Contract.ends_on, *TERMS).where(
        (Contract.ends_on >= begins) & (Contract.ends_on <= today)
    )
    return Counter(
        (on.replace(day=1), terms.term_of(_bare(*term), max(on, term[0])).is_monthly)
        for on, *term in rows.tuples()
    )


def _bare(starts_on, term_months, renewal_months, auto_renew, ends_on, monthly_from_on):
    """An Agreement of nothing but its terms."""
    return terms.Agreement(
        (), "", starts_on, term_months, renewal_months, 0, auto_renew, None, ends_on, monthly_from_on
    )


def reasons(today):
    """Why contracts ended in the last twelve months: [(reason, count)], the most frequent first."""
    count = fn.COUNT(Contract.id)
    rows = (
        Contract.select(Contract.end_reason, count)
        .where((Contract.ends_on > today - YEAR) & (Contract.ends_on <= today))
        .group_by(Contract.end_reason)
        .order_by(count.desc(), Contract.end_reason)
    )
    names = dict(Contract.end_reason.choices)
    return [(names.get(reason, "Not said"), number) for reason, number in rows.tuples()]
