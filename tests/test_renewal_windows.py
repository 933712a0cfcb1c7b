"""The law as a table: every row of the rules, with the days that it gives; pure, no database."""

import html
import re
from datetime import date, timedelta
from functools import cache

import pytest
from jinja2 import Environment, FileSystemLoader

from billing import letterheads, money, words
from billing.errors import BillingError
from billing.renewals import contents, limits, matching, places, rules, sample, terms, windows
from billing.renewals.terms import Agreement, Place
from billing.wording import defaults, tongues, writing
from models import RenewalRule

TODAY = date(2026, 11, 22)
COMPANY = letterheads.Letterhead(
    "Lantern", "Lantern Security LLC", ("12 Main Street", "Austin, TX 78701"), "(512) 555-0100", "",
    "billing@lantern.example", "B-1", "Lantern", (),
)  # fmt: skip
EMAIL, MAIL, CERTIFIED = windows.EMAIL, windows.MAIL, windows.CERTIFIED


@cache
def table():
    """Every rule of the product, as it comes."""
    rows = [rules._read(number, row) for number, row in rules._lines(rules.FILE.read_text("utf-8"))]
    return tuple(
        RenewalRule(id=number, code=code, version=1, status="active", **values)
        for number, (code, values) in enumerate(rows, 1)
    )


def rule(code):
    return next(one for one in table() if one.code == code)


def agreed(state="TX", **terms_of_it):
    """Three years from April 1, 2024, a year at a time after that, 30 days of notice."""
    usual = {
        "places": (Place(state, f"the site Home is in {places.name(state)}"),),
        "audience": "consumer",
        "starts_on": date(2024, 4, 1),
        "term_months": 36,
        "renewal_months": 12,
        "notice_days": 30,
    }
    return Agreement(**usual | terms_of_it)


FITTING = {
    "AR-LEASE": {"leased": True},
    "RI-LEASE": {"leased": True},
    "ID-603G": {"signed_online": True},
    "ME-1210C": {"signed_online": True},
    "GA-24M": {"renewal_months": 36},
    "TN-62325": {"renewal_months": 24},
    "WI-13449": {"audience": "business", "renewal_months": 24},
}

# Term ends March 31, 2027, deadline March 1: first and last lawful day, planned by mail and by letter.
DAYS = [
    ("AR-LEASE", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("CA-ARL", "2027-02-14", "2027-03-16", "2027-02-24", "2027-03-01"),
    ("CO-732", "2027-02-19", "2027-03-06", "2027-02-24", "2027-02-27"),
    ("CT-126b", "2026-12-31", "2027-02-14", "2027-01-15", "2027-01-20"),
    ("DE-2734", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("DC-203", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("FL-501165", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("GA-13-12-3", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("GA-24M", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("HI-481", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("ID-603G", "2027-01-30", "2027-03-01", "2027-02-09", "2027-02-13"),
    ("IL-601", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("ME-1210C", "2027-03-01", "2027-03-01", "2027-03-01", "2027-03-01"),
    ("MA-38", "2027-01-30", "2027-02-24", "2027-02-06", "2027-02-12"),
    ("NJ-9555", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("NM-12211", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("NY-5903", "2027-01-30", "2027-02-14", "2027-01-30", "2027-01-30"),
    ("NY-527a", "2027-01-15", "2027-02-14", "2027-01-25", "2027-01-30"),
    ("NC-7541", "2027-02-14", "2027-03-16", "2027-02-24", "2027-03-01"),
    ("ND-5137", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("RI-LEASE", "2026-12-31", "2027-02-14", "2027-01-15", "2027-01-20"),
    ("SC-376120", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("UT-1510", "2026-12-01", "2027-01-30", "2026-12-01", "2026-12-01"),
    ("UT-1370", "2027-01-30", "2027-03-01", "2027-02-09", "2027-02-13"),
    ("VT-2454a", "2027-01-30", "2027-03-01", "2027-02-09", "2027-02-13"),
    ("VA-20746", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
    ("WI-13449", "2026-12-31", "2027-02-14", "2027-01-15", "2027-01-20"),
    ("ZZ-DEFAULT", "2026-12-31", "2027-01-30", "2027-01-09", "2027-01-15"),
]  # fmt: skip
YEARLY = ["CA-ARL-Y", "CT-158ff", "MN-57"]
WITHOUT_A_TERM = {"AR-ALARM", "CA-7599", "CA-ARL-P", "TN-62325"}


def fitting(code):
    one = rule(code)
    state = "TX" if one.state == "*" else one.state
    return agreed(state, **FITTING.get(code, {}))


def test_every_row_of_the_table_is_tested():
    assert {one.code for one in table()} == {row[0] for row in DAYS} | set(YEARLY) | WITHOUT_A_TERM
    assert len(table()) == 35


@pytest.mark.parametrize("code, opens, closes, by_mail, by_letter", DAYS, ids=[row[0] for row in DAYS])
def test_a_row_gives_these_days(code, opens, closes, by_mail, by_letter):
    agreement = fitting(code)
    one = windows.window(rule(code), agreement, windows.occasion(rule(code), agreement, TODAY))

    assert matching.match(rule(code), agreement, one.anchor_on).applies
    assert (str(one.opens_on), str(one.closes_on)) == (opens, closes)
    for has_email, planned in ((True, by_mail), (False, by_letter)):
        wide = one._replace(media=one.media if one.media == {CERTIFIED} else windows.ANY_WAY)
        plan = windows.plan([(rule(code), wide)], agreement, has_email=has_email, may_write=False)
        assert str(plan.plan_on) == planned
        assert one.opens_on <= plan.plan_on <= one.closes_on
        assert not windows.is_quiet(plan.plan_on)
        assert plan.plan_on <= plan.alarm_on <= one.closes_on


@pytest.mark.parametrize("code", YEARLY)
def test_a_yearly_reminder_is_due_once_in_each_calendar_year_after_the_first(code):
    agreement = fitting(code)
    one = windows.window(rule(code), agreement, windows.occasion(rule(code), agreement, date(2027, 5, 5)))
    plan = windows.plan([(rule(code), one)], agreement, has_email=True, may_write=False)

    assert (one.opens_on, one.closes_on) == (date(2027, 1, 1), date(2027, 12, 31))
    assert plan.plan_on == date(2027, 4, 1)  # about the day on which the contract began
    assert not matching.match(rule(code), agreement, date(2024, 12, 31)).applies


def test_the_reminder_of_the_year_in_which_a_law_begins_waits_for_it():
    one = windows.window(rule("CT-158ff"), fitting("CT-158ff"), date(2026, 12, 31))

    assert one.opens_on == date(2026, 7, 1)


def test_a_price_change_is_counted_from_the_day_it_takes_effect():
    one = windows.window(rule("CA-ARL-P"), agreed("CA"), date(2027, 3, 31))

    assert (one.opens_on, one.closes_on) == (date(2027, 3, 1), date(2027, 3, 24))
    assert one.arithmetic[0] == "The new price takes effect on March 31, 2027."


def test_the_arithmetic_can_be_read():
    one = windows.window(rule("GA-13-12-3"), agreed("GA"), date(2027, 3, 31))

    assert one.arithmetic == (
        "The term ends on March 31, 2027.",
        "The customer may say no until March 1, 2027: Mar 31, 2027 − 30 days of notice = Mar 1, 2027.",
        "First lawful day: Mar 1, 2027 − 60 days = December 31, 2026.",
        "Last lawful day: Mar 1, 2027 − 30 days = January 30, 2027.",
    )


# --- Terms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "starts, months, renewal, asked, ends, number, monthly",
    [
        ("2024-04-01", 36, 12, "2026-11-22", "2027-03-31", 0, False),
        ("2024-04-01", 36, 12, "2027-03-31", "2027-03-31", 0, False),
        ("2024-04-01", 36, 12, "2027-04-01", "2028-03-31", 1, False),
        ("2024-04-01", 12, 12, "2029-01-01", "2029-03-31", 4, False),
        ("2024-02-29", 12, 12, "2024-03-01", "2025-02-27", 0, False),  # begins on a leap day
        ("2024-02-29", 12, 12, "2027-06-01", "2028-02-28", 3, False),  # and on the leap day again in 2028
        ("2024-08-31", 6, 6, "2025-01-01", "2025-02-27", 0, False),  # February 28 begins the next
        ("2024-08-31", 6, 6, "2025-03-01", "2025-08-30", 1, False),
        ("2024-01-31", 1, 1, "2024-02-15", "2024-02-28", 0, False),
        ("2024-01-31", 0, 1, "2024-03-15", "2024-03-30", 1, True),
        ("2024-04-01", 36, 1, "2027-05-10", "2027-05-31", 2, True),
        ("2030-01-01", 12, 12, "2026-11-22", "2030-12-31", 0, False),  # has not begun
    ],
)
def test_the_term_that_holds_a_day(starts, months, renewal, asked, ends, number, monthly):
    agreement = agreed(starts_on=date.fromisoformat(starts), term_months=months, renewal_months=renewal)

    term = terms.term_of(agreement, date.fromisoformat(asked))

    assert (str(term.ends_on), term.number, term.is_monthly) == (ends, number, monthly)


def test_terms_follow_each_other_without_a_gap_whatever_day_they_began():
    for starts_on in (date(2024, 2, 29), date(2023, 8, 31), date(2024, 1, 30), date(2024, 12, 31)):
        agreement = agreed(starts_on=starts_on, term_months=7, renewal_months=5)
        term = terms.term_of(agreement, starts_on)
        for _ in range(20):
            later = terms.next_term(agreement, term)
            assert later.starts_on == term.ends_on + timedelta(days=1)
            assert (
                terms.term_of(agreement, later.starts_on) == terms.term_of(agreement, later.ends_on) == later
            )
            term = later


def test_what_was_decided_to_run_monthly_has_no_longer_term():
    agreement = agreed(monthly_from_on=date(2027, 4, 1))

    assert not terms.term_of(agreement, date(2027, 3, 31)).is_monthly
    assert terms.term_of(agreement, date(2027, 5, 5))[1:] == (date(2027, 5, 1), date(2027, 5, 31), True)


def test_a_stored_term_is_counted_on_from_whatever_was_agreed_before():
    agreement = agreed(term_ends_on=date(2028, 6, 30), renewal_months=6)

    assert terms.term_of(agreement, date(2028, 1, 1)).ends_on == date(2028, 6, 30)
    assert terms.term_of(agreement, date(2028, 7, 1)).ends_on == date(2028, 12, 31)


# --- Which rules apply ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, change, why",
    [
        ("GA-13-12-3", {"audience": "business"},
         "It protects consumers; this is a contract with a business."),
        ("WI-13449", {"audience": "consumer"},
         "It protects businesses; this is a contract with a consumer."),
        ("GA-13-12-3", {"term_months": 6},
         "It is about first terms of a year or more; this one has 6 months."),
        ("WI-13449", {"term_months": 12},
         "It is about first terms of 13 months or more; this one has a year."),
        ("GA-13-12-3", {"renewal_months": 1},
         "It is about renewals longer than a month; this one renews for a month at a time."),
        ("NC-7541", {"renewal_months": 1},
         "It is about renewals longer than a month; this one renews for a month at a time."),
        ("GA-13-12-3", {"auto_renew": False}, "The contract does not renew by itself."),
        ("ID-603G", {"signed_online": False},
         "It is about contracts that were signed online; this one was not."),
        ("AR-LEASE", {"leased": False}, "It is about leased equipment; nothing is leased here."),
        ("GA-13-12-3", {"ends_on": date(2027, 1, 5)}, "The contract ends on January 5, 2027."),
        ("GA-13-12-3", {"monthly_from_on": date(2026, 1, 1)},
         "It runs month to month by now; the rule is about the end of a longer term."),
        ("GA-24M", {"renewal_months": 24},
         "It is about renewals longer than 2 years; this one renews for 2 years."),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_apply_says_why(code, change, why):
    agreement = fitting(code)._replace(**change)

    found = matching.match(rule(code), agreement, windows.occasion(rule(code), agreement, TODAY))

    assert (found.applies, found.why) == (False, why)


def test_a_rule_of_another_state_is_told_apart():
    found = matching.match(rule("NY-5903"), agreed("TX"), date(2027, 3, 31))

    assert found.elsewhere
    assert found.why == "It is a rule of New York; this contract has to do with Texas."


def test_every_state_that_has_to_do_with_it_counts():
    site, bill, law = (Place(state, f"the place is in {state}") for state in ("GA", "NY", "CT"))
    applying = {
        one.rule.code
        for one in matching.matches(table(), agreed()._replace(places=(site, bill, law)), TODAY)
        if one.applies
    }

    assert {"GA-13-12-3", "NY-5903", "NY-527a", "CT-126b", "CT-158ff"} == applying


def test_our_own_rule_gives_way_to_a_law():
    assert _codes("TX") == {"ZZ-DEFAULT"}
    assert _codes("FL") == {"FL-501165"}
    assert _codes("MN") == {"MN-57", "ZZ-DEFAULT"}  # a yearly reminder says nothing of the end of a term
    assert _codes("TX", renewal_months=1) == set()


def _codes(state, **change):
    return {one.rule.code for one in matching.matches(table(), agreed(state, **change), TODAY) if one.applies}


def test_who_is_said_to_be_exempt_is_written_to_until_that_is_plain():
    likely = matching.match(rule("CA-ARL"), agreed("CA"), date(2027, 3, 31))
    plain = RenewalRule(**{**rule("CA-ARL").__data__, "alarm_exempt": "yes"})

    assert likely.applies and "counsel confirms" in likely.why
    assert matching.match(plain, agreed("CA"), date(2027, 3, 31)).why == "Alarm companies are exempt from it."


@pytest.mark.parametrize("day, applies", [("2027-06-30", False), ("2027-07-01", True), ("2028-06-30", False)])
def test_a_rule_is_in_force_by_the_end_of_the_term(day, applies):
    one = RenewalRule(**{**rule("GA-13-12-3").__data__, "effective_from_on": date(2027, 7, 1)})
    one.effective_to_on = date(2028, 6, 29)

    assert matching.match(one, agreed("GA"), date.fromisoformat(day)).applies is applies


@pytest.mark.parametrize(
    "today, occasion",
    [("2026-11-22", "2027-03-31"), ("2027-04-01", "2028-03-31"), ("2030-12-01", "2031-03-31")],
)
def test_what_is_due_first_and_then_yearly_comes_back_every_year(today, occasion):
    monthly = agreed("DC", renewal_months=1)
    long = agreed("DC", renewal_months=60)

    for agreement in (monthly, long):
        assert str(windows.occasion(rule("DC-203"), agreement, date.fromisoformat(today))) == occasion
        assert matching.match(rule("DC-203"), agreement, date.fromisoformat(occasion)).applies


@pytest.mark.parametrize(
    "months, renewal, first",
    [(0, 1, "2025-03-31"), (6, 6, "2025-03-31"), (12, 12, "2025-03-31"), (36, 1, "2027-03-31")],
)
def test_colorado_counts_the_renewal_that_carries_it_over_a_year(months, renewal, first):
    agreement = agreed("CO", term_months=months, renewal_months=renewal)

    assert str(windows.occasion(rule("CO-732"), agreement, date(2024, 4, 2))) == first


# --- Ways and company ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes, has_email, may_write, medium",
    [
        (["GA-13-12-3"], True, False, EMAIL),
        (["GA-13-12-3"], False, False, MAIL),
        (["IL-601"], True, False, MAIL),
        (["IL-601"], True, True, EMAIL),
        (["IL-601"], False, True, MAIL),
        (["ND-5137"], True, True, MAIL),  # as the statute lists: no e-mail, whatever was agreed
        (["NY-5903"], True, True, CERTIFIED),
        (["NY-5903", "NY-527a"], True, True, CERTIFIED),
        (["UT-1510"], True, True, CERTIFIED),
        (["CT-126b", "GA-13-12-3"], True, False, MAIL),
    ],
)
def test_the_strictest_way_is_taken(codes, has_email, may_write, medium):
    group = [(rule(code), windows.window(rule(code), agreed(), date(2027, 3, 31))) for code in codes]

    assert windows.plan(group, agreed(), has_email=has_email, may_write=may_write).medium == medium


def test_who_signed_by_mail_is_reminded_by_mail():
    one = windows.window(rule("CT-158ff"), agreed(signup_medium="mail"), date(2027, 12, 31))

    assert one.media == {MAIL, CERTIFIED}


def grouped(*codes, **change):
    agreement = agreed(**change)
    pairs = [(rule(code), windows.window(rule(code), agreement, date(2027, 3, 31))) for code in codes]
    return [[one.code for one, _ in group] for group in windows.together(pairs)]


def test_windows_that_overlap_share_a_message_and_others_do_not():
    assert grouped("GA-13-12-3", "FL-501165") == [["FL-501165", "GA-13-12-3"]]
    assert grouped("GA-13-12-3", "NC-7541") == [["GA-13-12-3"], ["NC-7541"]]
    assert grouped("NY-5903", "NY-527a") == [["NY-527a", "NY-5903"]]
    assert grouped("UT-1510", "UT-1370") == [["UT-1510"], ["UT-1370"]]  # a single day in common is no day


def test_a_shared_message_stays_inside_every_window():
    pairs = [
        (rule(code), windows.window(rule(code), agreed(), date(2027, 3, 31)))
        for code in ("CT-126b", "NY-527a")
    ]
    [group] = windows.together(pairs)

    plan = windows.plan(group, agreed(), has_email=True, may_write=True)

    assert (plan.opens_on, plan.closes_on) == (date(2027, 1, 15), date(2027, 2, 14))
    assert plan.plan_on == date(2027, 1, 25)


# --- Sundays and holidays ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "day, opens, closes, moved",
    [
        ("2027-01-10", "2026-12-31", "2027-01-30", "2027-01-09"),  # Sunday: the day before
        ("2027-05-31", "2027-05-01", "2027-06-20", "2027-05-29"),  # Memorial Day after a Sunday
        ("2026-07-04", "2026-06-20", "2026-07-20", "2026-07-02"),  # a Saturday, kept on the Friday too
        ("2026-12-25", "2026-12-25", "2027-01-05", "2026-12-26"),  # the window has not opened: later
        ("2027-01-31", "2027-01-31", "2027-01-31", "2027-01-31"),  # nothing but a Sunday: all the same
        ("2027-01-01", "2027-01-01", "2027-01-01", "2027-01-01"),
        ("2027-01-12", "2026-12-31", "2027-01-30", "2027-01-12"),
    ],
)
def test_a_planned_day_moves_earlier_and_never_out_of_the_window(day, opens, closes, moved):
    day, opens, closes = map(date.fromisoformat, (day, opens, closes))

    assert str(windows._mailing_day(day, opens, closes)[0]) == moved


def test_every_day_of_ten_years_is_planned_inside_its_window():
    for code in ("GA-13-12-3", "NY-5903", "CO-732", "ME-1210C", "MA-38", "UT-1510"):
        for offset in range(0, 3653, 7):
            one = windows.window(rule(code), agreed(), date(2024, 1, 1) + timedelta(days=offset))
            for has_email in (True, False):
                plan = windows.plan([(rule(code), one)], agreed(), has_email=has_email, may_write=False)
                assert one.opens_on <= plan.plan_on <= one.closes_on
                assert plan.plan_on <= plan.alarm_on <= one.closes_on or one.opens_on == plan.alarm_on
                quiet = [
                    one.opens_on + timedelta(days=n) for n in range((one.closes_on - one.opens_on).days + 1)
                ]
                assert not windows.is_quiet(plan.plan_on) or all(map(windows.is_quiet, quiet))


@pytest.mark.parametrize("notice_days", [0, 30, 60, 90])
@pytest.mark.parametrize("ends", ["2028-02-29", "2027-02-28", "2027-12-31", "2028-03-01"])
def test_days_are_counted_over_leap_days_and_month_ends(ends, notice_days):
    ends = date.fromisoformat(ends)
    one = windows.window(rule("GA-13-12-3"), agreed(notice_days=notice_days), ends)

    assert (ends - one.opens_on).days == notice_days + 60
    assert (ends - one.closes_on).days == notice_days + 30


# --- Limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state, months, more, broken",
    [
        ("AR", 12, {}, ["AR-ALARM"]),
        ("AR", 1, {}, []),
        ("AR", 12, {"requested_on": TODAY}, []),
        ("AR", 12, {"audience": "business"}, []),
        ("TN", 24, {}, ["TN-62325"]),
        ("TN", 24, {"requested_on": TODAY}, ["TN-62325"]),  # a waiver is void
        ("TN", 12, {}, []),
        ("CA", 12, {}, ["CA-7599"]),
        ("CA", 12, {"disclosure_on": TODAY}, []),
        ("CA", 1, {}, []),
        ("ND", 13, {}, ["ND-5137"]),
        ("ND", 13, {"audience": "business"}, ["ND-5137"]),
        ("ND", 12, {}, []),
        ("GA", 25, {}, ["GA-24M"]),
        ("GA", 24, {}, []),
        ("GA", 36, {"requested_on": TODAY}, []),
        ("CO", 24, {}, ["CO-732"]),
        ("CO", 24, {"requested_on": TODAY}, []),
        ("TN", 24, {"auto_renew": False}, []),
        ("TX", 60, {}, []),
    ],
)
def test_what_the_law_forbids_or_limits(state, months, more, broken):
    agreement = agreed(state, renewal_months=months, **more)

    assert [one.code for one in limits.broken(table(), agreement, TODAY)] == broken


def test_a_refusal_says_what_to_do_beside_the_right_field():
    assert limits._refusal(rule("TN-62325")) == (
        "renewal_months",
        "Tennessee (Tenn. Code 62-32-325) allows renewals of at most a year at a time. Shorten it.",
    )
    assert limits._refusal(rule("CA-7599"))[0] == "renewal_disclosure_signed_on"
    assert "enter when they asked" in limits._refusal(rule("AR-ALARM"))[1]


# --- The table itself ----------------------------------------------------------------------------


def test_every_rule_has_its_citation_and_when_it_was_checked():
    for one in table():
        assert one.citation and one.checked_on and one.note, one.code
        assert one.contents or one.basis == "limit", one.code


@pytest.mark.parametrize(
    "line, why",
    [
        ("new york,NY,60,30,deadline,email", "is no code"),
        ("NY-1,NY,30,60,deadline,email", "opens after it closes"),
        ("NY-1,NY,60,,deadline,email", "needs both"),
        ("NY-1,NY,x,30,deadline,email", "is not a whole number"),
        ("NY-1,NY,inf,30,deadline,email", "is not a whole number"),
        ("NY-1,NY,-60,-90,deadline,email", "never below zero"),
        ("NY-1,NY,60,30,someday,email", "is not one of"),
        ("NY-1,NY,60,30,deadline,pigeon", "no such way"),
        ("NY-1,NY,60,30,deadline,", "in which ways"),
        ("NY-1,NY,60,30", "more or fewer cells"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line(line, why):
    text = f"code,state,opens,closes,anchor,media\n{line}\n"

    with pytest.raises(BillingError, match=f"Line 2.*{why}"):
        [rules.checked(number, *rules._read(number, row)) for number, row in rules._lines(text)]


# --- What a notice says --------------------------------------------------------------------------


def rendered(document, name):
    """The mail, or the letter, as somebody reads it."""
    if name == "letter":
        templates = Environment(loader=FileSystemLoader("templates"), trim_blocks=True, lstrip_blocks=True)
        marks = dict.fromkeys(("theirs", "reason"), str)
        templates.filters.update(words.FILTERS, money=money.format_cents, **marks)
        text = templates.get_template("pdf/renewal.html").render(document=document, company=document.company)
    else:
        part, language = name.split()
        text = mailed(document, language)[part]
    text = re.sub(r'<a [^>]*href="([^"]+)"[^>]*>', r"\1 ", text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def mailed(document, language):
    """The parts of the mail by the default text; what law asks for stands in English in each language."""
    links = {"answer_url": document.online}
    context = {"document": document, "company": document.company, "links": links, "why": "w"}
    text = defaults.of("renewal", "mail", language)
    _, plain, page = writing.written_by(text, "renewal", "mail", context, tongues.TONGUES[language])
    return {"text": plain, "html": page}


@pytest.mark.parametrize("name", ["text en", "html en", "text es", "html es", "letter"])
@pytest.mark.parametrize("code", [one.code for one in table() if one.contents])
def test_one_letter_says_what_each_law_wants(code, name):
    one = rule(code)
    make = sample.yearly if one.basis == "continuous" else sample.renewal
    document = make(COMPANY, is_leased=one.basis == "lease")

    assert contents.missing(document, rendered(document, name), contents.wanted([one])) == []


ENGLISH = re.compile(r"\b(the|every|until|you|your|renews?|with|from|any|by|a year|months?|days?)\b", re.I)
SPANISH_CASES = {
    "a year more": {},
    "month to month after 18 months": {"length": "18 months", "deadline_on": None},
    "leased, and nothing changes": {"is_leased": True, "lines": (), "totals": (), "contract_signed_on": None},
    "ends on the deadline": {"deadline_on": date(2027, 3, 31)},
}


@pytest.mark.parametrize("case", SPANISH_CASES)
@pytest.mark.parametrize("make", [sample.renewal, sample.yearly])
@pytest.mark.parametrize("name", ["letter", "text es"])
def test_who_reads_spanish_gets_all_of_it_in_both_marked_as_a_translation(name, make, case):
    """The English words count, so they stand there whole; the Spanish ones say all of it."""
    fields = {**SPANISH_CASES[case], **({} if make is sample.renewal else {"deadline_on": None})}
    english = rendered(make(COMPANY, **fields), name.replace("es", "en"))
    both = rendered(make(COMPANY, **fields, language="es"), name)

    assert "Esta es una traducción para su comodidad." in both and "El aviso que vale" in both
    if name == "letter":
        before, _, spanish = both.partition("Esta es una traducción")
        assert before.replace("En español: después del texto en inglés. ", "").strip() == english
    else:
        spanish, _, after = both.partition("Esta es una traducción")
        spanish = spanish.replace("Wq7", "")
        assert english.partition(" -- ")[0].endswith(after.partition("---- ")[2].partition(" -- ")[0][-200:])
    spanish = re.sub(r"Monitoring agreement|Burglary monitoring|13-12-1 to|Home, 7 Oak Street", "", spanish)
    assert not ENGLISH.findall(spanish), spanish


@pytest.mark.parametrize("part", ["deadline", "how", "amount_after", "post", "online"])
def test_what_a_letter_leaves_out_is_noticed(part):
    document = sample.renewal(COMPANY)

    assert contents.missing(document, "Hello.", [part]) == [part]


def test_a_letter_after_the_deadline_grants_the_rest_of_the_term():
    late = sample.renewal(COMPANY, deadline_on=date(2027, 3, 31))

    assert late.cancel_words == "Tell us by March 31, 2027, and it ends that day."
