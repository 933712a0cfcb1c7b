"""What a new version of a rule would change: contracts whose window moves, opens, closes or was missed.

Asked before it is activated. Only reading: every running contract that the rule may be about is worked out
twice, by the rules as they are and as they would be.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from billing.renewals import agreements, matching, rules, windows
from models import Contract, RenewalNotice, RenewalRule, among

MOVED, OPENED, MISSED, NEW, GONE, STAYS = "moved", "opened", "missed", "new", "gone", "stays"
WORDS = {
    MISSED: "Would be missed: its window is over",
    OPENED: "Would open: its window holds today",
    MOVED: "Would move",
    NEW: "Would need a notice that it does not need now",
    GONE: "Would need no notice any more",
    STAYS: "Stays for this term: its notice is out",
}
# How many of each, for who activates it.
COUNTED = {
    MISSED: "would be missed", OPENED: "would open", MOVED: "would move", NEW: "would need a notice",
    GONE: "would need none", STAYS: "stay as they are, because their notice is out",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One contract that a new rule concerns; ``before`` and ``after`` are Windows, or None.

    kind -- STAYS where the notice for this term is out: what a new version says begins with the next
    """

    contract: Contract
    kind: str
    before: windows.Window | None
    after: windows.Window | None


def changes(draft, *, today, now):
    """The Changes that activating ``draft`` would make, the most pressing first."""
    table = rules.active()
    return compared(table, activated(table, draft, today), draft, today=today, now=now)


def activated(table, draft, today):
    """The table as it would be with ``draft`` in force; the rows themselves are not touched."""
    begins = draft.effective_from_on
    if not begins or begins <= today:
        return [*(rule for rule in table if rule.code != draft.code), draft]
    found = []
    for rule in table:
        if rule.code != draft.code:
            found.append(rule)
        elif (rule.effective_from_on or date.min) < begins:
            found.append(_until(rule, begins - timedelta(days=1)))
    return [*found, draft]


def _until(rule, last):
    """A copy of a rule that ends on a day."""
    values = {name: getattr(rule, name) for name in ("id", "code", "version", "status", *rules.TEXT)}
    values["effective_to_on"] = min(rule.effective_to_on or last, last)
    return RenewalRule(**values)


def compared(before, after, draft, *, today, now):
    """The Changes between two tables that differ in one code."""
    concerned = {draft.state, *(rule.state for rule in before if rule.code == draft.code)}
    found = []
    for parties in agreements.chunks(id for (id,) in agreements.running().tuples()):
        begun = _begun([party.contract.id for party in parties], draft.code)
        for party in parties:
            if concerned & {*party.agreement.states, matching.EVERYWHERE}:
                day = party.day(today, now)
                found.extend(_changes_of(party, before, after, draft.code, day, begun))
    order = list(WORDS)
    return sorted(found, key=lambda change: (order.index(change.kind), change.contract.id))


def _begun(contract_ids, code):
    """{(contract id, end of term)} of notices of this rule that are out."""
    out = (RenewalNotice.QUEUED, RenewalNotice.SENT, RenewalNotice.PROVEN)
    rows = RenewalNotice.select(RenewalNotice.contract, RenewalNotice.term_end_on).where(
        among(RenewalNotice.contract, contract_ids)
        & (RenewalNotice.rule_code == code)
        & RenewalNotice.state.in_(out)
    )
    return set(rows.tuples())


def _changes_of(party, before, after, code, day, begun):
    old, new = (_window(table, party.agreement, code, day) for table in (before, after))
    kind = _kind(old, new, day)
    if kind:
        is_out = (party.contract.id, (old or new).anchor_on) in begun
        yield Change(party.contract, STAYS if is_out else kind, old, new)


def _window(table, agreement, code, day):
    """The window of one code by a table, or None."""
    return next((one for rule, one in matching.due(table, agreement, day) if rule.code == code), None)


def _kind(old, new, day):
    """What kind of change it is; an empty string for none."""
    if _days(old) == _days(new):
        return ""
    if new is None:
        return GONE
    if new.closes_on < day and (old is None or old.closes_on >= day):
        return MISSED
    is_open, was_open = (one is not None and one.opens_on <= day <= one.closes_on for one in (new, old))
    if is_open and not was_open:
        return OPENED
    return MOVED if old else NEW


def _days(one):
    return None if one is None else (one.opens_on, one.closes_on, one.media)
