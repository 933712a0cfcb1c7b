"""Every row of the law on every kind of day, by a second reading of the table that shares no arithmetic.

Leap days, month ends, weekends, federal holidays, the clock of the place. The second reading counts days one
by one and knows the holidays as OPM lists them; and each mistake that one makes with days is made on purpose,
to see that it is found. Not here: who a rule is about (test_renewal_windows.py).
"""

import csv
import types
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from billing.renewals import agreements, endings, places, rules, windows
from tests.test_renewal_windows import fitting, rule

ENDS = {
    "a leap day": "2028-02-29",
    "a month after a leap day": "2028-03-31",
    "the end of a short February": "2027-02-28",
    "the first of March after a leap day": "2028-03-01",
    "the end of a month of 30 days": "2027-04-30",
    "the end of a year": "2027-12-31",
    "a Saturday": "2027-03-27",
    "a Sunday": "2027-03-28",
    "Memorial Day": "2027-05-31",
    "Independence Day, a Sunday, kept on Monday": "2027-07-04",
    "Thanksgiving": "2026-11-26",
    "Christmas, a Saturday, kept on Friday": "2027-12-25",
    "Juneteenth, a Saturday, kept on Friday": "2027-06-19",
    "the week of New Year": "2027-01-02",
}
NOTICE_DAYS = (0, 30, 45, 90)
# OPM, "Federal Holidays", with the days on which those of a weekend are kept; both are quiet with us.
HOLIDAYS = """
2026: 01-01 01-19 02-16 05-25 06-19 07-03 07-04 09-07 10-12 11-11 11-26 12-25
2027: 01-01 01-18 02-15 05-31 06-18 06-19 07-04 07-05 09-06 10-11 11-11 11-25 12-24 12-25 12-31
2028: 01-01 01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-11 11-23 12-25
"""
WINTER = {
    "AR": -6, "CA": -8, "CO": -7, "CT": -5, "DC": -5, "DE": -5, "FL": -5, "GA": -5, "HI": -10, "ID": -7,
    "IL": -6, "MA": -5, "ME": -5, "MN": -6, "NC": -5, "ND": -6, "NJ": -5, "NM": -7, "NY": -5, "RI": -5,
    "SC": -5, "TN": -6, "UT": -7, "VA": -5, "VT": -5, "WI": -6,
}  # fmt: skip
FROM_THE_DEADLINE = ("deadline", "served", "deadline_or_renewal", "deadline_or_end")


@cache
def rows():
    """The table as a file, read without the product: the columns that give days, as text and numbers."""
    with rules.FILE.open(newline="") as file:
        return tuple(
            types.SimpleNamespace(
                code=row["code"], state=row["state"], anchor=row["anchor"],
                opens=int(row["opens_days"] or 0), closes=int(row["closes_days"] or 0),
                begins=row["effective_from_on"],
            )
            for row in csv.DictReader(file)
        )  # fmt: skip


def yearly():
    return [row for row in rows() if row.anchor == "calendar_year"]


def by_place():
    return [row for row in rows() if row.state != "*"]


def counted():
    return [row for row in rows() if row.anchor not in ("", "calendar_year")]


def back(day, count):
    """So many days earlier, one by one."""
    for _ in range(count):
        day = date.fromordinal(day.toordinal() - 1)
    return day


@cache
def holidays():
    found = set()
    for line in HOLIDAYS.strip().splitlines():
        year, _, days = line.partition(": ")
        found |= {date.fromisoformat(f"{year}-{day}") for day in days.split()}
    return found


def is_quiet(day):
    return day.isoweekday() == 7 or day in holidays()


def expected(row, ends, notice_days):
    """(first lawful day, last lawful day) by the words of the table."""
    counts_from = back(ends, notice_days) if row.anchor in FROM_THE_DEADLINE else ends
    return back(counts_from, row.opens), back(counts_from, row.closes)


def expected_plan(opens, closes, medium):
    """The day of sending: a third into the window, five later for a letter; no quiet day without need."""
    day = date.fromordinal(opens.toordinal() + (closes.toordinal() - opens.toordinal()) // 3)
    if medium == "certified":
        day = opens
    if medium == "mail":
        day = min(date.fromordinal(day.toordinal() + 5), max(day, back(closes, 7)))
    every = [date.fromordinal(n) for n in range(opens.toordinal(), closes.toordinal() + 1)]
    earlier = [one for one in every if one <= day and not is_quiet(one)]
    later = [one for one in every if one > day and not is_quiet(one)]
    return (earlier[-1:] or later[:1] or [day])[0]


def differences(module, row):
    """What ``module`` (windows, or a copy with a mistake) says otherwise about a row, on any kind of day."""
    one, found = rule(row.code), []
    for name, ends in ENDS.items():
        for notice_days in NOTICE_DAYS:
            agreement = fitting(row.code)._replace(notice_days=notice_days)
            ends_on = date.fromisoformat(ends)
            days = module.window(one, agreement, ends_on)
            if (days.opens_on, days.closes_on) != expected(row, ends_on, notice_days):
                found.append(f"{name}, {notice_days} days of notice: {days.opens_on} to {days.closes_on}")
                continue
            for has_email in (True, False):
                plan = module.plan([(one, days)], agreement, has_email=has_email, may_write=False)
                wanted = expected_plan(days.opens_on, days.closes_on, plan.medium)
                alarm = max(days.opens_on, back(days.closes_on, 5))
                if (plan.plan_on, plan.alarm_on) != (wanted, alarm):
                    found.append(f"{name}, {plan.medium}: {plan.plan_on}, not {wanted}; {plan.alarm_on}")
    return found


def test_every_row_is_on_one_of_these_lists():
    without = {row.code for row in rows() if not row.anchor}
    codes = {row.code for row in yearly()}

    assert len(counted()) + len(without) + len(codes) == len(rows()) == 35
    assert codes == {"CA-ARL-Y", "CT-158ff", "MN-57"} and without == {"AR-ALARM", "CA-7599", "TN-62325"}
    assert {row.state for row in rows()} == {*WINTER, "*"}


@pytest.mark.parametrize("row", counted(), ids=lambda row: row.code)
def test_a_row_gives_the_same_days_by_both_readings_on_every_kind_of_day(row):
    assert differences(windows, row) == []


@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize(
    "row", [one for one in rows() if one.anchor == "calendar_year"], ids=lambda row: row.code
)
def test_a_yearly_reminder_has_the_year_and_a_working_day_of_it(row, year):
    one = rule(row.code)
    for starts in ("2024-02-29", "2024-12-31", "2023-07-04", "2024-01-01"):
        agreement = fitting(row.code)._replace(starts_on=date.fromisoformat(starts))
        days = windows.window(one, agreement, date(year, 12, 31))
        begins = max(date(year, 1, 1), date.fromisoformat(row.begins))
        assert (days.opens_on, days.closes_on) == (begins, date(year, 12, 31))

        plan = windows.plan([(one, days)], agreement, has_email=True, may_write=False)
        assert begins <= plan.plan_on <= max(date(year, 11, 15), begins) and not is_quiet(plan.plan_on)
        assert plan.alarm_on == date(year, 12, 1)


@pytest.mark.parametrize("row", by_place(), ids=lambda row: row.code)
def test_the_day_of_a_row_ends_at_midnight_at_its_place_in_winter_and_in_summer(row):
    party = agreements.Party(
        None, fitting(row.code), places.zone(row.state, otherwise=""), None, True, True, "America/Chicago"
    )
    for last, is_summer in ((date(2027, 2, 14), 0), (date(2027, 7, 14), row.state != "HI")):
        midnight = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(
            days=1, hours=-WINTER[row.state] - is_summer
        )
        ends = midnight.replace(tzinfo=None)
        ours = (midnight - timedelta(hours=6 - (last.month == 7), seconds=1)).date()  # in Chicago
        assert party.date(ends - timedelta(seconds=1)) == last
        assert party.date(ends) == last + timedelta(days=1)
        assert party.day(ours, ends - timedelta(seconds=1)) == last


def test_the_quiet_days_are_those_of_the_government():
    for offset in range(3 * 365 + 1):
        day = date(2026, 1, 1) + timedelta(days=offset)
        assert windows.is_quiet(day) == is_quiet(day), day


# --- Mistakes made on purpose --------------------------------------------------------------------

WORKING = """
def _working(day, count):
    while count:
        day -= DAY
        count -= not is_quiet(day) and day.weekday() != 5
    return day
"""
MISTAKES = {
    "a day too early": (
        "opens_on, closes_on = from_on - rule.opens_days * DAY",
        "opens_on, closes_on = from_on - (rule.opens_days + 1) * DAY",
    ),
    "a day too late": ("from_on - rule.closes_days * DAY\n", "from_on - (rule.closes_days - 1) * DAY\n"),
    "the bounds are swapped": (
        "from_on - rule.opens_days * DAY, from_on - rule.closes_days * DAY",
        "from_on - rule.closes_days * DAY, from_on - rule.opens_days * DAY",
    ),
    "working days instead of calendar days": (
        "opens_on, closes_on = from_on - rule.opens_days * DAY, from_on - rule.closes_days * DAY",
        "opens_on, closes_on = _working(from_on, rule.opens_days), _working(from_on, rule.closes_days)",
    ),
    "the deadline counts as the term's end": ("from_on = deadline_on", "from_on = anchor_on"),
    "the customer's notice is a day longer": (
        "anchor_on - agreement.notice_days * DAY",
        "anchor_on - (agreement.notice_days + 1) * DAY",
    ),
    "an anchor is forgotten": ("RenewalRule.EARLIER, RenewalRule.EARLIER_END)", "RenewalRule.EARLIER)"),
    "served is counted from the renewal": ("STATUTORY = (RenewalRule.SERVED, ", "STATUTORY = ("),
    "half of the window instead of a third": (
        "(closes_on - opens_on).days // 3",
        "(closes_on - opens_on).days // 2",
    ),
    "a letter leaves as late as a mail": ("plan_on + PAPER_DAYS * DAY", "plan_on"),
    "staff are told a day late": ("closes_on - ALARM_DAYS * DAY", "closes_on - (ALARM_DAYS - 1) * DAY"),
    "quiet days move later": ("((-DAY, opens_on), (DAY, closes_on))", "((DAY, closes_on), (-DAY, opens_on))"),
    "Sundays are days as others": ("day.weekday() == SUNDAY or day in", "day in"),
    "Saturdays are quiet": ("day.weekday() == SUNDAY or", "day.weekday() >= 5 or"),
    "holidays are days as others": (
        "day.weekday() == SUNDAY or day in _holidays(day.year)",
        "day.weekday() == SUNDAY",
    ),
    "holidays are not kept on another day": ("observed=True", "observed=False"),
    "certified mail waits": ('return opens_on, "Certified', 'return opens_on + DAY, "Certified'),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_with_days_is_found(mistake):
    right, wrong = MISTAKES[mistake]
    source = windows.__loader__.get_source(windows.__name__)
    assert source.count(right) == 1, "It is written otherwise by now: make the mistake anew."
    mutant = types.ModuleType("windows_with_a_mistake")
    exec(compile(source.replace(right, wrong) + WORKING, mistake, "exec"), mutant.__dict__)

    assert any(differences(mutant, row) for row in counted())


@pytest.mark.parametrize(
    "signed, until",
    [
        ("2026-11-23", "2026-11-27"),  # Thanksgiving is no day, the Friday after it is
        ("2026-11-24", "2026-11-28"),  # Saturdays count
        ("2027-07-02", "2027-07-07"),  # neither the Sunday nor the Monday on which the Fourth is kept
        ("2028-02-28", "2028-03-02"),  # over a leap day
        ("2026-12-30", "2027-01-04"),  # over New Year and a Sunday
    ],
)
def test_a_sale_at_home_is_withdrawn_in_business_days_of_which_saturdays_are_some(signed, until):
    contract = types.SimpleNamespace(signed_on=date.fromisoformat(signed))

    assert str(endings.cooling_off_until(contract)) == until
