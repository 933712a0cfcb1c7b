"""By when we answer: working hours, free days, priorities, and the words for it."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import tickets
from billing.tickets import clocks, finding
from models import Company, Ticket
from tests.factories import BY

HOUR = timedelta(hours=1)


def company(**fields):
    hours = {"urgent": 1, "high": 4, "normal": 8, "low": 24}
    usual = {f"answer_{priority}_hours": count for priority, count in hours.items()}
    usual |= {"support_from_hour": 8, "support_until_hour": 18, "support_days": "12345"}
    usual["time_zone"] = "America/Chicago"
    return SimpleNamespace(**usual | fields)


USUAL = company()


def at(text):
    """An instant (UTC) from the clock in Austin: six hours behind in winter, five in summer."""
    local = datetime.fromisoformat(text)
    return local + timedelta(hours=5 if 4 <= local.month <= 10 else 6)


@pytest.mark.parametrize(
    ("begins", "hours", "ends"),
    [
        ("2026-12-01T09:00", 8, "2026-12-01T17:00"),  # a Tuesday
        ("2026-12-01T12:00", 8, "2026-12-02T10:00"),
        ("2026-12-01T05:00", 1, "2026-12-01T09:00"),
        ("2026-12-01T22:00", 1, "2026-12-02T09:00"),
        ("2026-12-01T17:30", 1, "2026-12-02T08:30"),
        ("2026-12-01T10:00", 8, "2026-12-01T18:00"),  # to the minute of closing
        ("2026-12-04T16:00", 4, "2026-12-07T10:00"),  # over a weekend
        ("2026-12-24T16:00", 4, "2026-12-28T10:00"),  # over Christmas, a Friday, and a weekend
        ("2026-07-02T17:00", 2, "2026-07-03T09:00"),
        ("2026-12-01T09:00", 24, "2026-12-03T13:00"),
        ("2026-03-06T17:00", 2, "2026-03-09T09:00"),  # over the night on which clocks go forward
    ],
)
def test_working_time_passes_in_working_hours_only(begins, hours, ends):
    begins = at(begins)
    ends = at(ends) if ends != "2026-03-09T09:00" else datetime(2026, 3, 9, 14, 0)

    assert clocks.after(begins, hours * HOUR, USUAL) == ends


def test_a_company_that_works_on_saturdays_answers_on_saturdays():
    assert clocks.after(at("2026-12-04T17:00"), 2 * HOUR, company(support_days="123456")) == at(
        "2026-12-05T09:00"
    )


@pytest.mark.parametrize(
    "strange", [{"support_from_hour": 18, "support_until_hour": 8}, {"support_days": ""}]
)
def test_hours_that_make_no_day_still_give_an_answer(strange):
    assert clocks.after(at("2026-12-01T09:00"), HOUR, company(**strange)) == at("2026-12-01T10:00")


def test_no_working_day_at_all_ends_somewhere():
    assert clocks.after(at("2026-12-01T09:00"), HOUR, company(support_days="9")) > at("2027-12-01T09:00")


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31))


@given(moments, st.integers(1, 40 * 60))
def test_forth_and_back_are_the_same_working_time(begins, minutes):
    length = timedelta(minutes=minutes)
    ends = clocks.after(begins, length, USUAL)

    assert clocks.worked(begins, ends, USUAL) == length
    assert clocks.before(ends, length, USUAL) >= begins or minutes == 0
    assert clocks.worked(clocks.before(ends, length, USUAL), ends, USUAL) == length


@given(moments, moments, st.sampled_from(Ticket.PRIORITIES))
def test_late_by_the_clock_and_late_by_the_query_are_the_same(since, now, priority):
    ticket = SimpleNamespace(state=Ticket.WAITING_ON_US, waiting_since_at=since, priority=priority)

    by_query = since < clocks.cutoffs(USUAL, now=now)[priority]
    assert by_query == clocks.is_late(ticket, USUAL, now=now)


@pytest.mark.parametrize(
    ("now", "said", "told"),
    [
        ("2026-12-01T09:30", "answer by 5:00 pm today", "We answer by 5:00 pm today."),
        ("2026-12-01T17:00", "answer by 5:00 pm today", "We answer by 5:00 pm today."),
        ("2026-12-01T17:30", "should have been answered by now", "You should have had our answer by now."),
        ("2026-12-02T09:00", "2 working hours late", "You should have had our answer by now."),
        ("2026-12-03T17:00", "2 working days late", "You should have had our answer by now."),
        ("2026-11-30T17:00", "answer by 5:00 pm tomorrow", "We answer by 5:00 pm tomorrow."),
        ("2026-11-28T17:00", "answer by 5:00 pm on Tuesday", "We answer by 5:00 pm on Tuesday."),
        ("2026-11-20T17:00", "answer by 5:00 pm on December 1, 2026",
         "We answer by 5:00 pm on December 1, 2026."),
    ],
)  # fmt: skip
def test_it_is_said_as_people_say_it(now, said, told):
    ticket = SimpleNamespace(
        state=Ticket.WAITING_ON_US, waiting_since_at=at("2026-12-01T09:00"), priority="normal"
    )

    assert clocks.in_words(ticket, USUAL, now=at(now)) == said
    assert clocks.promise(ticket, USUAL, now=at(now)) == told


def test_nothing_is_promised_when_it_is_not_our_turn():
    ticket = SimpleNamespace(state=Ticket.CLOSED, waiting_since_at=None, priority="urgent")

    assert (clocks.due_at(ticket, USUAL), clocks.in_words(ticket, USUAL, now=at("2026-12-01T09:00"))) == (
        None,
        "",
    )


def test_the_late_ones_are_found_by_priority(alice):
    made = {
        priority: tickets.open(
            alice, subject="x", body="x", by=BY, now=at("2026-12-01T09:00"), priority=priority
        )
        for priority in Ticket.PRIORITIES
    }
    tickets.close(
        tickets.open(alice, subject="x", body="x", by=BY, now=at("2026-11-01T09:00")),
        by=BY,
        now=at("2026-11-02T09:00"),
    )

    def late(moment):
        return {row.priority for row in finding.late(Company.get(), now=at(moment))}

    assert late("2026-12-01T10:00") == set()
    assert late("2026-12-01T10:01") == {"urgent"}
    assert late("2026-12-01T13:01") == {"urgent", "high"}
    assert late("2026-12-02T08:00") == {"urgent", "high", "normal"}
    assert late("2026-12-04T08:00") == set(made)
