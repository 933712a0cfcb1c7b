"""How long a contract may renew: what the law forbids is refused when it is entered, with the reason.

Not here: what happens to contracts that were longer already (closing.py).
"""

from billing.renewals import agreements, matching, places, rules, windows
from models import RenewalRule


def most_months(rule):
    """The longest renewal that a rule allows without more, in months; None when it sets no limit."""
    if rule.max_renewal_months is not None:
        return rule.max_renewal_months
    return rule.renewal_longer_than if rule.lifted_by else None


def broken(table, agreement, today):
    """The rules of ``table`` that forbid this renewal as it is agreed."""
    months = agreement.renewal_months if agreement.auto_renew else 0
    found = []
    for rule in table:
        most = most_months(rule)
        if most is None or months <= most or matching.is_lifted(rule, agreement):
            continue
        if matching.match(rule, agreement, windows.occasion(rule, agreement, today)).applies:
            found.append(rule)
    return found


def refusals(contract, *, today, sites=None):
    """[(column, sentence)] of what the law refuses about a contract that is typed or imported.

    contract -- a Contract row, which need not be stored
    sites    -- the protected places; None: those that it charges for, else all of its customer's
    """
    if sites is None:
        sites = agreements.sites_of(contract)
    return refused(rules.active(), contract, contract.customer, sites, today=today)


def refused(table, contract, customer, sites, *, today):
    """The same by a table of rules that was read already; nothing is asked of the database."""
    return [_refusal(rule) for rule in broken(table, agreements.agreement(contract, customer, sites), today)]


def _refusal(rule):
    """(column, sentence) for one rule."""
    where = places.name(rule.state)
    most = matching.length(most_months(rule))
    said = f"{where[:1].upper()}{where[1:]} ({rule.citation}) allows renewals of at most {most}"
    if rule.lifted_by == RenewalRule.DISCLOSURE:
        return "renewal_disclosure_signed_on", (
            f"{said} unless the customer signed a separate disclosure. Enter when, or let it renew monthly."
        )
    if rule.lifted_by == RenewalRule.REQUEST:
        return "renewal_months", (
            f"{said} unless the customer asked for a longer one. Shorten it, or enter when they asked."
        )
    return "renewal_months", f"{said} at a time. Shorten it."


def refusals_of_site(contract, site, *, today):
    """[(column, sentence)] of what the law of a new site refuses about a contract that is stored."""
    before = refusals(contract, today=today)
    return [one for one in refusals(contract, today=today, sites=[site]) if one not in before]
