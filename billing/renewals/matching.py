"""Which rules apply to a contract, and in plain words why the others do not. Pure.

A rule is asked with the attributes of a RenewalRule row, a contract as an Agreement. The first reason against
is given; with none, the reasons for. Not here: dates (windows.py).
"""

from typing import NamedTuple

from billing import words
from billing.renewals import places, terms, windows
from models import RenewalRule

EVERYWHERE = "*"
AUDIENCES = {"consumer": "consumers", "business": "businesses"}
ONCE_A_YEAR = (RenewalRule.YEARLY, RenewalRule.FIRST_THEN_YEARLY, RenewalRule.OVER_A_YEAR)


class Match(NamedTuple):
    """Whether a rule applies, and why or why not, as one sentence. ``elsewhere``: a rule of other states."""

    rule: object
    applies: bool
    why: str
    elsewhere: bool = False


def matches(rules, agreement, today):
    """The Match of every rule, in their order, each for what it is next about on ``today``.

    The house rule gives way to every law that asks for a notice.
    """
    found = [match(rule, agreement, windows.occasion(rule, agreement, today)) for rule in rules]
    if not any(one.applies and is_law_with_window(one.rule) for one in found):
        return found
    return [_give_way(one) if one.applies and one.rule.state == EVERYWHERE else one for one in found]


def due(rules, agreement, today):
    """[(rule, Window)] of every notice that is next due by the rules that apply on ``today``."""
    found = []
    for one in matches(rules, agreement, today):
        if one.applies and windows.has_window(one.rule) and one.rule.basis != RenewalRule.PRICE_CHANGE:
            anchor_on = windows.occasion(one.rule, agreement, today)
            found.append((one.rule, windows.window(one.rule, agreement, anchor_on)))
    return found


def is_law_with_window(rule):
    """True for a rule of a state that asks for a notice before a term ends."""
    return rule.state != EVERYWHERE and rule.anchor not in (None, RenewalRule.EFFECTIVE, RenewalRule.YEAR)


def _give_way(one):
    return Match(one.rule, False, "The law of the state asks for a notice already.")


def match(rule, agreement, day):
    """The Match of one rule for the term that ends on ``day``."""
    elsewhere = rule.state not in (EVERYWHERE, *agreement.states)
    if elsewhere:
        where = words.joined(places.name(state) for state in agreement.states) or "no known state"
        return Match(
            rule,
            False,
            f"It is a rule of {places.name(rule.state)}; this contract has to do with {where}.",
            True,
        )
    against = next((why for ask in _AGAINST if (why := ask(rule, agreement, day))), "")
    return Match(rule, not against, against or _why(rule, agreement))


def _why(rule, agreement):
    place = next((place.why for place in agreement.places if place.state == rule.state), "")
    reasons = [place[:1].upper() + place[1:] if place else "No law asks for a notice, so our own rule does"]
    if rule.basis in (RenewalRule.TERM, RenewalRule.LIMIT):
        months = terms.renews_into_months(agreement)
        reasons.append("it renews for " + ("a month at a time" if months == 1 else length(months)))
    if rule.alarm_exempt == "likely":
        reasons.append("alarm companies may be exempt, and it is done anyway until counsel confirms that")
    return "; ".join(reasons) + "."


# --- Reasons against, in the order in which they are asked ---------------------------------------


def _not_in_force(rule, agreement, day):
    if rule.effective_from_on and day < rule.effective_from_on:
        return f"It is in force for terms that end on {words.date(rule.effective_from_on)} or later."
    if rule.effective_to_on and day > rule.effective_to_on:
        return f"It was in force for terms that ended by {words.date(rule.effective_to_on)}."
    return ""


def _exempt(rule, agreement, day):
    return "Alarm companies are exempt from it." if rule.alarm_exempt == "yes" else ""


def _other_audience(rule, agreement, day):
    if rule.audience in (RenewalRule.ANY, agreement.audience):
        return ""
    return f"It protects {AUDIENCES[rule.audience]}; this is a contract with a {agreement.audience}."


def _not_leased(rule, agreement, day):
    return (
        "It is about leased equipment; nothing is leased here."
        if rule.basis == RenewalRule.LEASE and not agreement.leased
        else ""
    )


def _not_online(rule, agreement, day):
    if rule.online_only and not agreement.signed_online:
        return "It is about contracts that were signed online; this one was not."
    return ""


def _first_year(rule, agreement, day):
    if rule.anchor == RenewalRule.YEAR and agreement.starts_on.year >= day.year:
        return f"The contract began in {agreement.starts_on.year}: the first reminder is due the year after."
    return ""


def _short_first_term(rule, agreement, day):
    if agreement.term_months >= rule.first_term_at_least:
        return ""
    has = length(agreement.term_months) if agreement.term_months else "month to month from the start"
    return f"It is about first terms of {length(rule.first_term_at_least)} or more; this one has {has}."


def _does_not_renew(rule, agreement, day):
    if rule.basis in (RenewalRule.CONTINUOUS, RenewalRule.PRICE_CHANGE) or agreement.auto_renew:
        return ""
    return "The contract does not renew by itself."


def _ends_anyway(rule, agreement, day):
    if agreement.ends_on and agreement.ends_on <= day:
        return f"The contract ends on {words.date(agreement.ends_on)}."
    return ""


def _short_renewal(rule, agreement, day):
    if rule.basis in (RenewalRule.CONTINUOUS, RenewalRule.PRICE_CHANGE, RenewalRule.LEASE):
        return ""
    months = terms.renews_into_months(agreement)
    if months > rule.renewal_longer_than:
        return ""
    than = length(rule.renewal_longer_than)
    has = "a month at a time" if months == 1 else length(months)
    return f"It is about renewals longer than {than}; this one renews for {has}."


def _monthly_by_now(rule, agreement, day):
    """Month to month there is no term to renew; only what is due yearly goes on."""
    if rule.basis not in (RenewalRule.TERM, RenewalRule.LEASE) or rule.repeat in ONCE_A_YEAR:
        return ""
    if terms.term_of(agreement, day).is_monthly:
        return "It runs month to month by now; the rule is about the end of a longer term."
    return ""


def _lifted(rule, agreement, day):
    """A limit that the customer lifted; the notice of a rule that has both is sent all the same."""
    if rule.basis != RenewalRule.LIMIT or not is_lifted(rule, agreement):
        return ""
    if rule.lifted_by == RenewalRule.REQUEST:
        return f"The customer asked for the longer renewal on {words.date(agreement.requested_on)}."
    return f"The separate disclosure was signed on {words.date(agreement.disclosure_on)}."


def is_lifted(rule, agreement):
    """True when the customer did what makes a longer renewal lawful under a rule."""
    given = {
        RenewalRule.REQUEST: agreement.requested_on,
        RenewalRule.DISCLOSURE: agreement.disclosure_on,
    }
    return given.get(rule.lifted_by) is not None


def length(months):
    """A length of time as people say it.

    >>> length(12), length(18), length(24), length(1)
    ('a year', '18 months', '2 years', 'a month')
    """
    if months == 12:
        return "a year"
    if months and months % 12 == 0:
        return words.plural(months // 12, "year")
    return "a month" if months == 1 else words.plural(months, "month")


_AGAINST = (
    _not_in_force, _exempt, _other_audience, _not_leased, _not_online, _first_year, _short_first_term,
    _does_not_renew, _ends_anyway, _short_renewal, _monthly_by_now, _lifted,
)  # fmt: skip
