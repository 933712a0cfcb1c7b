"""When and how a notice must go out, with the arithmetic that anybody can check. Pure.

Days are calendar days at the protected place. The anchor day is left out, the day of sending counts. For a
Sunday's sake a planned day never moves into a closed window. Not here: which rules apply (matching.py).
"""

from datetime import date
from functools import cache
from typing import NamedTuple

import holidays

from billing import words
from billing.periods import DAY
from billing.renewals import terms
from models import RenewalNotice, RenewalRule

EMAIL, MAIL, CERTIFIED = RenewalNotice.EMAIL, RenewalNotice.MAIL, RenewalNotice.CERTIFIED
ANY_WAY = frozenset((EMAIL, MAIL, CERTIFIED))
ON_PAPER = frozenset((MAIL, CERTIFIED))
ALARM_DAYS = 5  # before the last lawful day
RETRY_DAYS = 3  # from here on, mail that did not leave becomes paper
PAPER_DAYS = 5  # a letter is on its way
WEEK_DAYS = 7
SUNDAY = 6
YEAR_ALARM = (12, 1)
# What a law's own words leave us. "Written" may be an e-mail where the reader agreed to that (E-SIGN).
MEDIA = {
    "email": EMAIL, "retainable": EMAIL, "conspicuous": EMAIL, "any": EMAIL, "signup_medium": EMAIL,
    "ack_and_reply": EMAIL, "mail": MAIL, "written": MAIL, "listed": MAIL, "statement_page1": CERTIFIED,
    "hand": CERTIFIED, "certified": CERTIFIED,
}  # fmt: skip
# The same in words, for proof packs and the screen of a rule.
WAYS = {
    "email": "e-mail", "retainable": "a form that the reader can keep", "any": "any way",
    "conspicuous": "set apart so that it is seen", "mail": "letter",
    "signup_medium": "the way the customer signed up",
    "ack_and_reply": "with the customer's acknowledgment and reply", "written": "in writing",
    "listed": "a way that the statute lists", "statement_page1": "page 1 of a monthly statement",
    "hand": "by hand", "certified": "certified mail", "text_if_agreed": "text where it was agreed",
}  # fmt: skip
STATUTORY = (RenewalRule.SERVED, RenewalRule.DEADLINE, RenewalRule.EARLIER, RenewalRule.EARLIER_END)


class Window(NamedTuple):
    """One rule's lawful days for one term. ``media`` are our ways that the rule allows."""

    anchor_on: date  # the last day of the term, or what stands in for it
    deadline_on: date | None
    opens_on: date
    closes_on: date
    media: frozenset
    arithmetic: tuple[str, ...]


class Plan(NamedTuple):
    """Windows that one message serves: its lawful days in common, its day, and when staff are alarmed."""

    opens_on: date
    closes_on: date
    plan_on: date
    alarm_on: date
    retry_until_on: date
    medium: str
    why: tuple[str, ...]


# --- One rule ------------------------------------------------------------------------------------


def has_window(rule):
    """True for a rule that asks for a notice; a mere limit does not."""
    return rule.anchor is not None


def occasion(rule, agreement, today):
    """The end of term, or of the year, that ``rule`` is next about on ``today``."""
    if rule.anchor == RenewalRule.YEAR:
        return date(today.year, 12, 31)
    if rule.repeat == RenewalRule.OVER_A_YEAR:
        return terms.yearly_after(terms.first_end_after_a_year(agreement), today)
    term = terms.term_of(agreement, today)
    if rule.repeat == RenewalRule.FIRST_THEN_YEARLY and (term.is_monthly or term.number):
        first = terms.term_of(agreement._replace(term_ends_on=None), agreement.starts_on)
        return terms.yearly_after(first.ends_on, today)
    return term.ends_on


def window(rule, agreement, anchor_on):
    """The Window of ``rule`` for the term that ends on ``anchor_on``; None for a rule without a notice.

    For a price change, ``anchor_on`` is the day on which it takes effect.
    """
    if not has_window(rule):
        return None
    if rule.anchor == RenewalRule.YEAR:
        return _of_the_year(rule, agreement, anchor_on)
    deadline_on = None
    from_on, lines = anchor_on, [f"The term ends on {words.date(anchor_on)}."]
    if rule.anchor == RenewalRule.EFFECTIVE:
        lines = [f"The new price takes effect on {words.date(anchor_on)}."]
    else:
        deadline_on = anchor_on - agreement.notice_days * DAY
        lines.append(
            f"The customer may say no until {words.date(deadline_on)}: "
            f"{_less(anchor_on, agreement.notice_days)} of notice = {words.short_date(deadline_on)}."
        )
    if rule.anchor in STATUTORY:
        from_on = deadline_on
    opens_on, closes_on = from_on - rule.opens_days * DAY, from_on - rule.closes_days * DAY
    lines.append(f"First lawful day: {_less(from_on, rule.opens_days)} = {words.date(opens_on)}.")
    lines.append(f"Last lawful day: {_less(from_on, rule.closes_days)} = {words.date(closes_on)}.")
    return Window(anchor_on, deadline_on, opens_on, closes_on, media(rule, agreement), tuple(lines))


def _less(day, days):
    return f"{words.short_date(day)} − {words.plural(days, 'day')}"


def _of_the_year(rule, agreement, last):
    """Once in a calendar year of service that went on from the year before."""
    first = date(last.year, 1, 1)
    opens_on = max(first, rule.effective_from_on or first)
    lines = (f"Once in {last.year}: from {words.date(opens_on)} to {words.date(last)}.",)
    return Window(last, None, opens_on, last, media(rule, agreement), lines)


def media(rule, agreement):
    """Which of our ways a rule allows for this contract; certified mail is never less than a letter."""
    ways = {MEDIA[way] for way in rule.media.split("|") if way in MEDIA}
    if "signup_medium" in rule.media and agreement.signup_medium == "mail":
        return ON_PAPER
    if EMAIL in ways:
        return ANY_WAY
    return ON_PAPER if MAIL in ways else frozenset((CERTIFIED,))


def in_words(rule):
    """The lawful days of a rule in a few words, such as “60 to 30 days before the customer's deadline”."""
    if rule.anchor is None:
        return "A limit, no notice"
    if rule.anchor == RenewalRule.YEAR:
        return "Once a year"
    anchor = RenewalRule.ANCHORS[rule.anchor]
    days = words.plural(rule.closes_days, "day")
    before = (
        f"{days} before" if rule.opens_days == rule.closes_days else f"{rule.opens_days} to {days} before"
    )
    return f"{before} {anchor[:1].lower()}{anchor[1:]}"


def ways(rule):
    """The lawful ways of a rule in words."""
    return ", ".join(WAYS[way] for way in rule.media.split("|") if way)


def wants_writing(rule):
    """True where the law says "written" and nothing of e-mail: that takes the reader's consent first."""
    return "written" in rule.media.split("|") and "email" not in rule.media


# --- Several rules -------------------------------------------------------------------------------


def together(windows):
    """Windows that one message can serve, as lists of (rule, Window); those that do not overlap stay apart.

    windows -- [(rule, Window)]

    The one that closes first leads; the next joins while all of them share a week of lawful days, or all
    of the shortest window: a single day in common would be a day on which everything has to go well.
    """
    groups = []
    for rule, one in sorted(windows, key=lambda pair: (pair[1].closes_on, pair[1].opens_on, pair[0].code)):
        for group in groups:
            if _share_enough([one, *(other for _, other in group)]):
                group.append((rule, one))
                break
        else:
            groups.append([(rule, one)])
    return groups


def _share_enough(several):
    shared = (min(one.closes_on for one in several) - max(one.opens_on for one in several)).days
    shortest = min((one.closes_on - one.opens_on).days for one in several)
    return shared >= min(WEEK_DAYS, shortest)


def plan(group, agreement, *, has_email, may_write):
    """The Plan of one message for a group of (rule, Window).

    has_email -- somebody reads mail there, and it does not come back
    may_write -- they agreed that e-mail counts as writing
    """
    opens_on = max(one.opens_on for _, one in group)
    closes_on = min(one.closes_on for _, one in group)
    medium, why = _medium(group, has_email, may_write)
    if all(rule.anchor == RenewalRule.YEAR for rule, _ in group):
        plan_on, said = _in_the_year(agreement, opens_on, closes_on)
        alarm_on = max(opens_on, date(closes_on.year, *YEAR_ALARM))
    else:
        plan_on, said = _third(opens_on, closes_on, medium)
        alarm_on = max(opens_on, closes_on - ALARM_DAYS * DAY)
    plan_on, moved = _mailing_day(plan_on, opens_on, closes_on)
    lines = [*why, said, *moved]
    lines.append(f"Staff are told when there is no proof by {words.date(alarm_on)}.")
    return Plan(
        opens_on,
        closes_on,
        plan_on,
        alarm_on,
        max(opens_on, closes_on - RETRY_DAYS * DAY),
        medium,
        tuple(lines),
    )


def _medium(group, has_email, may_write):
    """The strictest way that serves every rule of the group: (way, lines)."""
    allowed = frozenset.intersection(*(one.media for _, one in group))
    strict = [rule.code for rule, one in group if one.media == frozenset((CERTIFIED,))]
    if MAIL not in allowed:
        return CERTIFIED, [f"By certified mail: {words.joined(strict)} counts nothing less."]
    if EMAIL in allowed and has_email:
        return EMAIL, ["By e-mail, which every rule of it allows."]
    written = [rule.code for rule, _ in group if wants_writing(rule)]
    if EMAIL not in allowed and has_email and may_write and len(written) == _paper_only(group):
        return EMAIL, [
            f"By e-mail: {words.joined(written)} asks for writing, and they agreed to get that by e-mail."
        ]
    return MAIL, [
        "By letter: " + ("nobody there can be mailed to." if EMAIL in allowed else "on paper by law.")
    ]


def _paper_only(group):
    """How many rules of a group want paper."""
    return sum(EMAIL not in one.media for _, one in group)


def _third(opens_on, closes_on, medium):
    """A third of the way into the window; a letter five days later, a certified one at once."""
    if medium == CERTIFIED:
        return opens_on, "Certified mail goes to the print queue on the first lawful day."
    plan_on = opens_on + (closes_on - opens_on).days // 3 * DAY
    said = f"Planned a third of the way into the window: {words.date(plan_on)}."
    if medium == MAIL:
        latest = max(plan_on, closes_on - (ALARM_DAYS + 2) * DAY)
        plan_on = min(plan_on + PAPER_DAYS * DAY, latest)
        said = f"Planned a third of the way into the window, with days for printing: {words.date(plan_on)}."
    return plan_on, said


def _in_the_year(agreement, opens_on, closes_on):
    """Yearly reminders go out around the day on which the contract began, so that they are spread."""
    begun = terms.yearly_after(agreement.starts_on, date(closes_on.year, 1, 15))
    latest = date(closes_on.year, 11, 15)
    plan_on = min(max(begun, opens_on), max(latest, opens_on))
    return plan_on, f"Planned about the day on which the contract began: {words.date(plan_on)}."


def _mailing_day(day, opens_on, closes_on):
    """A planned Sunday or holiday moves earlier, later only where the window has not opened: (day, lines)."""
    for step, edge in ((-DAY, opens_on), (DAY, closes_on)):
        moved = day
        while is_quiet(moved) and moved != edge:
            moved += step
        if not is_quiet(moved):
            break
    else:
        return day, ["The window holds no working day, so it goes out all the same."]
    if moved == day:
        return day, []
    why = holiday(day) or "a Sunday"
    return moved, [f"{words.short_date(day)} is {why}, so it is {words.date(moved)}."]


def is_quiet(day):
    """True on Sundays and federal holidays, kept or observed: nothing is mailed then."""
    return day.weekday() == SUNDAY or day in _holidays(day.year)


def holiday(day):
    """The name of a federal holiday, or an empty string."""
    return _holidays(day.year).get(day, "")


@cache
def _holidays(year):
    return dict(holidays.US(years=year, observed=True).items())
