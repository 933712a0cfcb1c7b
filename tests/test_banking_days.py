"""Banking days, against the calendar that the Federal Reserve publishes."""

from datetime import date

import pytest

from billing import banking_days

CLOSED = (
    date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19),
    date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25),
    date(2027, 7, 5),  # the fourth is a Sunday
    date(2026, 11, 21), date(2026, 11, 22),  # a weekend
)  # fmt: skip
OPEN = (
    date(2026, 7, 3),  # the fourth is a Saturday: the Friday before stays open
    date(2026, 11, 27), date(2026, 12, 24), date(2025, 1, 20 + 1), date(2024, 12, 31),
)  # fmt: skip


@pytest.mark.parametrize("day", CLOSED, ids=str)
def test_banks_rest(day):
    assert not banking_days.is_banking_day(day)


@pytest.mark.parametrize("day", OPEN, ids=str)
def test_banks_work(day):
    assert banking_days.is_banking_day(day)


@pytest.mark.parametrize(
    ("day", "count", "then"),
    [
        (date(2026, 11, 20), 0, date(2026, 11, 20)),
        (date(2026, 11, 20), 1, date(2026, 11, 23)),  # over a weekend
        (date(2026, 11, 23), 5, date(2026, 12, 1)),  # over Thanksgiving and a weekend
        (date(2026, 12, 31), 1, date(2027, 1, 4)),
        (date(2026, 7, 2), 1, date(2026, 7, 3)),
    ],
)
def test_it_counts_banking_days_only(day, count, then):
    assert banking_days.add(day, count) == then
