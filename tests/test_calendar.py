"""The calendar proof: every anchor day, cycle and start from 2024 to 2032 against a second, naive calendar.

Also what day it is in every zone from Honolulu to New York, a minute before and after midnight, on both days
on which the clocks move, and what the daily job does when its clock is set back or it did not run at all.
"""

from datetime import date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from billing import bill, checks, contracts, daily, money, periods
from billing.contracts import Terms
from billing.edges.clock import FixedClock
from models import Charge, Company, Customer, Invoice, JobRun, Line
from tests import second_model as paper
from tests.factories import BY, NOW, make_charge, make_contract, make_item, make_site

ANCHORS = range(1, 32)
CYCLES = (1, 3, 6, 12)
YEARS = range(2024, 2033)
FIRST, LAST = date(2024, 1, 1), date(2032, 12, 31)
EVERY_DAY = paper.days_between(FIRST, LAST)
ONE_DAY = timedelta(days=1)


def terms(starts_on, anchor, cycle, *, ends_on=None, in_arrears=False, prorate_first=True, prorate_last=True):
    return Terms(starts_on, ends_on, cycle, anchor, in_arrears, prorate_first, prorate_last)


# --- Periods -------------------------------------------------------------------------------------


@pytest.mark.parametrize("anchor", ANCHORS)
def test_periods_are_those_of_the_wall_calendar(anchor):
    """From every first day that a period can have, in every cycle, every period until the end of 2032."""
    for at, first in enumerate(paper.anchor_days(anchor)):
        if first.year not in YEARS:
            continue
        for cycle in CYCLES:
            starts = paper.anchor_days(anchor)[at::cycle]
            for index, starts_on in enumerate(starts):
                if starts_on > LAST:
                    break
                expected = (starts_on, starts[index + 1] - ONE_DAY)
                assert periods.period(first, anchor, cycle, index) == expected


@pytest.mark.parametrize("anchor", ANCHORS)
def test_no_day_of_service_is_left_out_or_charged_twice(anchor):
    """Every day of nine years lies in one period, whose index is found from the day."""
    for cycle in CYCLES:
        starts_on = date(2024, 2, 29)
        for index, (first, last) in enumerate(paper.cycles(starts_on, anchor, cycle, True)):
            if first > LAST:
                break
            for day in (first, first + (last - first) // 2, last):
                assert contracts.index_of(terms(starts_on, anchor, cycle), day) == index
            assert contracts.period_of(terms(starts_on, anchor, cycle), index) == (first, last)
            assert contracts.period_of(terms(starts_on, anchor, cycle), index + 1).from_on == last + ONE_DAY


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_first_period_of_a_charge_that_starts_on_any_day(anchor):
    """Prorated it is charged for by the day and from its first day; else from the next anchor day, whole."""
    for cycle in CYCLES:
        for starts_on in EVERY_DAY:
            first, following = paper.cycle_starts(starts_on, anchor, cycle, True)[:2]
            days, of_days = (following - starts_on).days, (following - first).days
            part = (None, None) if days == of_days else (days, of_days)
            by_day = terms(starts_on, anchor, cycle)
            assert contracts.billable(by_day, 0) == (starts_on, following - ONE_DAY, *part)
            assert contracts.bill_on(by_day, 0) == starts_on

            free = terms(starts_on, anchor, cycle, prorate_first=False, in_arrears=True)
            first, following = paper.cycle_starts(starts_on, anchor, cycle, False)[:2]
            assert contracts.billable(free, 0) == (first, following - ONE_DAY, None, None)
            assert contracts.bill_on(free, 0) == following - ONE_DAY


@pytest.mark.parametrize("anchor", ANCHORS)
def test_a_charge_that_ends_on_any_day(anchor):
    """Two years of last days, a leap day among them, for each cycle, in advance and in arrears."""
    starts_on = date(2026, 1, 15)
    for cycle in CYCLES:
        whole = paper.cycles(starts_on, anchor, cycle, True)
        for ends_on in paper.days_between(date(2027, 2, 20), date(2029, 3, 5)):
            index = next(at for at, (_, last) in enumerate(whole) if ends_on <= last)
            first, last = whole[index]
            first = max(first, starts_on)
            for in_arrears in (False, True):
                by_day = terms(starts_on, anchor, cycle, ends_on=ends_on, in_arrears=in_arrears)
                part = contracts.billable(by_day, index)
                assert (part.from_on, part.to_on) == (first, ends_on)
                used = (ends_on - first).days + 1
                assert part.days in (None, used)
                assert (part.days is None) == (used == (last - whole[index][0]).days + 1)
                assert contracts.bill_on(by_day, index) == (ends_on if in_arrears else first)
                assert contracts.bill_on(by_day, index + 1) is None
            in_full = terms(starts_on, anchor, cycle, ends_on=ends_on, prorate_last=False)
            assert contracts.billable(in_full, index).to_on == last


LEAP = [
    # (starts, anchor, cycle, the periods that follow each other around February 29)
    (date(2028, 1, 29), 29, 1, "2028-01-29 2028-02-29 2028-03-29"),
    (date(2028, 1, 30), 30, 1, "2028-01-30 2028-02-29 2028-03-30"),
    (date(2028, 1, 31), 31, 1, "2028-01-31 2028-02-29 2028-03-31 2028-04-30"),
    (date(2027, 1, 29), 29, 1, "2027-01-29 2027-02-28 2027-03-29"),
    (date(2028, 2, 29), 29, 12, "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29"),
    (date(2027, 2, 28), 31, 12, "2027-02-28 2028-02-29 2029-02-28"),
    (date(2027, 8, 31), 31, 6, "2027-08-31 2028-02-29 2028-08-31 2029-02-28"),
    (date(2027, 11, 30), 30, 3, "2027-11-30 2028-02-29 2028-05-30"),
]


@pytest.mark.parametrize(("starts_on", "anchor", "cycle", "expected"), LEAP)
def test_around_february_29_as_a_person_would_write_it(starts_on, anchor, cycle, expected):
    """The naive calendar is software too: here both are held against days that were written by hand."""
    days = [date.fromisoformat(day) for day in expected.split()]

    charge = terms(starts_on, anchor, cycle)
    assert [contracts.period_of(charge, index).from_on for index in range(len(days))] == days
    assert paper.cycle_starts(starts_on, anchor, cycle, True)[: len(days)] == days


DAYS = st.dates(FIRST, LAST)


@given(
    DAYS, st.integers(1, 31), st.sampled_from(CYCLES), st.integers(0, 5),
    st.lists(st.tuples(DAYS, st.integers(0, 200)), max_size=3), st.integers(0, 99_999), st.booleans(),
)  # fmt: skip
def test_a_pause_takes_out_its_days_and_no_others(
    starts_on, anchor, cycle, index, pauses, cents, without_end
):
    """Counted day by day, and charged for by the day: half a cent goes up, never a day too many."""
    held = [(first, first + days * ONE_DAY) for first, days in pauses]
    if without_end and held:
        held[-1] = (held[-1][0], None)
    charge = terms(starts_on, anchor, cycle)
    first, last = paper.cycles(starts_on, anchor, cycle, True)[index]

    part = contracts.billable(charge, index, held)

    days = paper.days_between(max(first, starts_on), last)
    charged = [day for day in days if not any(a <= day and (b is None or day <= b) for a, b in held)]
    if not charged:
        assert part is None
        return
    of_days = len(paper.days_between(first, last))
    assert (part.days or of_days) == len(charged)
    price = cents if part.days is None else money.share(cents, part.days, part.of_days)
    assert price == paper.half_up(cents * len(charged), of_days)


# --- What day it is ------------------------------------------------------------------------------


def clock_at(instant, zone):
    """A clock that stands at a naive UTC instant, in the zone of a company."""
    clock = FixedClock(instant.date())
    clock.follow(Company(time_zone=zone))
    clock.advance(seconds=(instant - clock.now()).total_seconds())
    return clock


def instants_of(wall, zone):
    """When the wall clock in ``zone`` shows ``wall``, found by trying: once, or twice when clocks go back."""
    around = [wall + timedelta(hours=hours) for hours in range(4, 12)]
    return [instant for instant in around if paper.wall_time(instant, zone) == wall]


@pytest.mark.parametrize("zone", paper.HOURS_FROM_UTC)
def test_today_is_what_the_calendar_on_the_wall_shows(zone):
    """A minute before and after each midnight of nine years, and each quarter of an hour of DST days."""
    clock = FixedClock(FIRST)
    clock.follow(Company(time_zone=zone))
    for day in EVERY_DAY:
        [midnight] = instants_of(paper.at_midnight(day), zone)
        assert clock.local(midnight - timedelta(minutes=1)).date() == day - ONE_DAY
        assert clock.local(midnight + timedelta(minutes=1)).date() == day
    for year in YEARS:
        for day in (paper.clocks_go_forward_on(year), paper.clocks_go_back_on(year)):
            for quarter in range(40 * 4):
                instant = paper.at_midnight(day) + timedelta(minutes=15 * quarter)
                wall = paper.wall_time(instant, zone)
                assert clock.local(instant).replace(tzinfo=None) == wall
                assert clock_at(instant, zone).today() == wall.date()


@pytest.mark.parametrize("zone", paper.HOURS_FROM_UTC)
def test_noon_is_noon_on_every_day(zone):
    """The clock of the stories stands at noon of its day, in summer and in winter."""
    clock = FixedClock(FIRST)
    clock.follow(Company(time_zone=zone))
    for day in EVERY_DAY[::7]:
        clock.set(day)
        assert paper.wall_time(clock.now(), zone) == paper.at_midnight(day) + timedelta(hours=12)
        assert clock.today() == day


# --- The job at midnight -------------------------------------------------------------------------


@pytest.fixture
def night(app):
    """``night(zone, day, "23:59", ...)``: the daily job as cron runs it at these wall times of a day.

    Returns (issued on, due on) of all invoices so far.
    """
    models.db.connect(reuse_if_open=True)

    def run(zone, day, *times):
        Company.update(time_zone=zone).execute()
        for text in times:
            for instant in instants_of(datetime.combine(day, time.fromisoformat(text)), zone):
                app.clock = clock_at(instant, zone)
                result = app.test_cli_runner().invoke(args=["daily", "--only", "bill"])
                assert result.exit_code == 0, result.output
        return [(row.issued_on, row.due_on) for row in Invoice.select().order_by(Invoice.number)]

    yield run
    assert [str(finding) for finding in checks.run()] == []


NIGHTS = [
    date(2026, 12, 31),
    date(2027, 1, 1),
    paper.clocks_go_forward_on(2027),
    paper.clocks_go_back_on(2027),
    date(2028, 2, 29),
    date(2028, 3, 1),
]
ZONES = ["Pacific/Honolulu", "America/Phoenix", "America/Chicago", "America/New_York"]


@pytest.mark.parametrize("zone", ZONES)
def test_the_job_bills_on_the_companys_day_once(night, zone):
    """At 23:59 it is still yesterday, at 00:01 it is today; the zone of a far site changes nothing."""
    contract, billed = make_contract(starts_on=NIGHTS[0]), []
    for day, far in zip(NIGHTS, ZONES[::-1] * 2, strict=False):
        site = make_site(contract.customer, time_zone=far)
        make_charge(contract, site=site, starts_on=day, ends_on=day + 20 * ONE_DAY, anchor_day=day.day)

    for day in NIGHTS:
        assert night(zone, day - ONE_DAY, "23:59") == billed
        billed.append((day, day + 15 * ONE_DAY))
        assert night(zone, day, "00:01", "00:01", "01:30", "02:30", "03:30", "23:59") == billed


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "America/New_York"])
def test_a_clock_that_is_set_back_bills_nothing_twice_and_nothing_late(night, zone):
    day = date(2027, 11, 7)
    make_charge(make_contract(starts_on=day), starts_on=day, anchor_day=7)
    tomorrow = make_charge(make_contract(starts_on=day), starts_on=day + ONE_DAY, anchor_day=8)
    once = [(day, day + 15 * ONE_DAY)]

    assert night(zone, day, "00:01") == once
    assert night(zone, day - ONE_DAY, "22:01") == once, "set back two hours"
    assert night(zone, day - 2 * ONE_DAY, "00:01") == once, "set back two days"
    assert night(zone, day, "00:01", "23:59") == once
    assert night(zone, day + ONE_DAY, "00:01") == [*once, (day + ONE_DAY, day + 16 * ONE_DAY)]
    assert Line.get(Line.charge == tomorrow).from_on == day + ONE_DAY


@pytest.mark.parametrize("back", [timedelta(hours=2), timedelta(days=2)])
def test_a_runner_that_died_before_the_clock_was_set_back_does_not_stop_the_job(db, back):
    """Its lease lies further ahead than any lease can be given: nobody can be alive who holds it."""
    dead = daily.begin("daily", today=NOW.date(), now=NOW)

    alive = daily.begin("daily", today=NOW.date(), now=NOW - back)

    assert (JobRun.get_by_id(dead.id).state, alive.state) == ("died", "running")


# --- Nine years of the bill step ----------------------------------------------------------------


@pytest.fixture
def town(db):
    """One customer for each anchor day, with a charge in each cycle, in advance and in arrears."""
    Company.update(catch_up_periods=1000).execute()
    item, rows = make_item(taxable=False), {}
    for anchor in ANCHORS:
        customer = Customer.create(
            name=f"Anchor {anchor}", account_number=str(anchor), terms_days=anchor, street=f"{anchor} Quay",
            city="Austin",
        )  # fmt: skip
        starts_on = FIRST + Random(anchor).randrange(366) * ONE_DAY
        contract = make_contract(customer, starts_on=starts_on)
        for cycle in CYCLES:
            for in_arrears in (False, True):
                charge = make_charge(
                    contract, item=item, cents=100 * cycle + anchor, starts_on=starts_on,
                    anchor_day=anchor, cycle_months=cycle,
                    in_arrears=in_arrears, prorate_first=bool(anchor % 2),
                    text=f"Watch, {'afterwards' if in_arrears else 'ahead'}",
                )  # fmt: skip
                rows[charge.id] = charge
    return rows


def bills_of_paper(charge, runs):
    """What the lines of a charge should be, when the job ran on these days, the last of them included."""
    expected = []
    for first, last in paper.cycles(
        charge.starts_on, charge.anchor_day, charge.cycle_months, charge.prorate_first
    ):
        begins = max(first, charge.starts_on)
        ready = last if charge.in_arrears else begins
        issued = next((run for run in runs if run >= ready), None)
        if issued is None:
            return expected
        days, of_days = len(paper.days_between(begins, last)), len(paper.days_between(first, last))
        cents = paper.half_up(charge.unit_cents * days, of_days)
        due = issued + charge.anchor_day * ONE_DAY  # the town's customers have as many days to pay
        expected.append((begins, last, cents, issued, due))
    return expected


def check_town(town, runs):
    found = {id: [] for id in town}
    lines = Line.select(Line, Invoice).join(Invoice).order_by(Line.from_on)
    for line in lines:
        row = line.invoice
        found[line.charge_id].append((line.from_on, line.to_on, line.total_cents, row.issued_on, row.due_on))
    for id, charge in town.items():
        assert found[id] == bills_of_paper(charge, runs), charge.anchor_day
    assert len(lines) == sum(map(len, found.values()))
    assert [str(finding) for finding in checks.run()] == []


def test_nine_years_of_a_job_that_often_does_not_run(town):
    """Up to seven weeks pass between two runs: every period is billed once, on the first run that can."""
    chance, day, runs = Random(2024), FIRST, []
    while day <= LAST:
        runs.append(day)
        day += chance.choice([1, 1, 2, 3, 10, 31, 50]) * ONE_DAY
    for day in runs:
        assert bill.run(day, by=BY, now=NOW).skipped == []

    check_town(town, runs)
    assert len({charge.next_index for charge in Charge.select()}) > 10


def test_every_day_around_a_leap_day(town):
    """The job runs every day, and now and then as if its clock were two days behind."""
    runs = [date(2028, 1, 20), *paper.days_between(date(2028, 1, 21), date(2028, 3, 5))]
    for day in runs:
        bill.run(day, by=BY, now=NOW)
        if day.day % 5 == 0:
            assert bill.run(day - 2 * ONE_DAY, by=BY, now=NOW).invoices == 0

    check_town(town, runs)
