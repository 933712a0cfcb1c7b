"""The calendar: periods from an anchor day and an index, through short months and leap years."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import contracts, periods
from billing.contracts import Terms

DAYS = st.dates(date(2000, 1, 1), date(2090, 12, 31))
ANCHORS = st.integers(1, 31)
CYCLES = st.sampled_from([1, 3, 6, 12])


@pytest.mark.parametrize(
    ("index", "from_on", "to_on"),
    [
        (0, date(2027, 1, 31), date(2027, 2, 27)),
        (1, date(2027, 2, 28), date(2027, 3, 30)),
        (2, date(2027, 3, 31), date(2027, 4, 29)),
        (13, date(2028, 2, 29), date(2028, 3, 30)),
        (-1, date(2026, 12, 31), date(2027, 1, 30)),
    ],
)
def test_a_short_month_clips_the_day_and_the_anchor_stays(index, from_on, to_on):
    assert periods.period(date(2027, 1, 31), 31, 1, index) == (from_on, to_on)


@pytest.mark.parametrize(
    ("cycle", "to_on"),
    [(1, date(2026, 3, 14)), (3, date(2026, 5, 14)), (6, date(2026, 8, 14)), (12, date(2027, 2, 14))],
)
def test_cycles_of_one_three_six_and_twelve_months(cycle, to_on):
    assert periods.period(date(2026, 2, 15), 15, cycle, 0).to_on == to_on


@pytest.mark.parametrize(
    ("starts_on", "anchor", "prorate", "first"),
    [
        (date(2026, 3, 10), 1, True, date(2026, 3, 1)),
        (date(2026, 3, 10), 1, False, date(2026, 4, 1)),
        (date(2026, 3, 10), 10, True, date(2026, 3, 10)),
        (date(2026, 3, 10), 10, False, date(2026, 3, 10)),
        (date(2026, 3, 10), 20, True, date(2026, 2, 20)),
        (date(2026, 3, 10), 20, False, date(2026, 3, 20)),
        (date(2026, 2, 28), 31, True, date(2026, 2, 28)),
        (date(2026, 1, 15), 31, True, date(2025, 12, 31)),
        (date(2026, 12, 31), 1, False, date(2027, 1, 1)),
    ],
)
def test_where_the_first_period_starts(starts_on, anchor, prorate, first):
    assert periods.first_start(starts_on, anchor, prorate=prorate) == first


@given(DAYS, ANCHORS, CYCLES, st.booleans(), st.integers(0, 60))
def test_periods_follow_each_other_without_gap_or_overlap(starts_on, anchor, cycle, prorate, index):
    first = periods.first_start(starts_on, anchor, prorate=prorate)
    this, following = (periods.period(first, anchor, cycle, index + step) for step in (0, 1))

    assert this.to_on + timedelta(days=1) == following.from_on
    assert this.from_on <= this.to_on
    assert this.days == (following.from_on - this.from_on).days


@given(DAYS, ANCHORS, CYCLES, st.integers(-20, 60), st.integers(0, 400))
def test_the_index_of_a_day_is_that_of_the_period_that_holds_it(starts_on, anchor, cycle, index, offset):
    first = periods.first_start(starts_on, anchor, prorate=True)
    whole = periods.period(first, anchor, cycle, index)
    day = whole.from_on + timedelta(days=offset % whole.days)

    assert periods.index_at(first, anchor, cycle, day) == index


@given(DAYS, ANCHORS, CYCLES, st.booleans(), st.booleans(), st.integers(0, 24))
def test_a_charge_pays_for_every_day_of_service_once(starts_on, anchor, cycle, arrears, last, index):
    ends_on = starts_on + timedelta(days=500)
    terms = Terms(starts_on, ends_on, cycle, anchor, arrears, True, last)
    day, billed = starts_on, []
    for number in range(600):
        if contracts.bill_on(terms, number) is None:
            break
        part = contracts.billable(terms, number)
        assert part.from_on == day, "the next part begins where the last one ended"
        day = part.to_on + timedelta(days=1)
        billed.append(part)

    assert billed[0].from_on == starts_on
    assert billed[-1].to_on == ends_on if last else billed[-1].to_on >= ends_on


@pytest.mark.parametrize(
    ("terms", "index", "day"),
    [
        (Terms(date(2026, 3, 10), None, 1, 1, False, True, True), 0, date(2026, 3, 10)),
        (Terms(date(2026, 3, 10), None, 1, 1, False, False, True), 0, date(2026, 4, 1)),
        (Terms(date(2026, 3, 10), None, 1, 1, True, True, True), 0, date(2026, 3, 31)),
        (Terms(date(2026, 3, 10), date(2026, 4, 15), 1, 1, True, True, True), 1, date(2026, 4, 15)),
        (Terms(date(2026, 3, 10), date(2026, 4, 15), 1, 1, False, True, True), 2, None),
    ],
)
def test_when_a_period_may_be_billed(terms, index, day):
    assert contracts.bill_on(terms, index) == day


def test_months_are_added_on_the_anchor_day():
    assert periods.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert periods.add_months(date(2026, 2, 28), 1, 31) == date(2026, 3, 31)
    assert periods.add_months(date(2026, 1, 15), -1) == date(2025, 12, 15)
