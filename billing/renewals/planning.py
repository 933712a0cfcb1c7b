"""Planning: one RenewalNotice for each rule and term, written before its window opens and kept up to date.

What has not begun follows its contract: a new end, another state or a changed rule moves it or takes it away.
Not here: sending (sending.py), windows that close (closing.py).
"""

import json
from dataclasses import dataclass
from datetime import timedelta

from billing import states, words
from billing.renewals import agreements, matching, one_by_one, rules, windows
from models import Contract, RenewalNotice, among, db

LEAD = timedelta(days=45)  # staff see a window this long before it opens
COURTESY = "courtesy"
DATES = ("rule_id", "together", "deadline_on", "opens_on", "closes_on", "plan_on", "alarm_on")


@dataclass
class Report:
    """What planning changed, in counts."""

    planned: int = 0
    moved: int = 0
    canceled: int = 0


def plan_due(today, *, now, trouble=None):
    """Plan the notices of every running contract whose window is open or opens soon. Returns a Report.

    trouble -- gets a sentence for each contract that could not be planned; the others go on
    """
    table, report = rules.active(), Report()
    if not table and not RenewalNotice.select().exists():
        return report
    for parties in agreements.chunks(id for (id,) in agreements.running().tuples()):
        stored = _stored([party.contract.id for party in parties], today)
        one_by_one.each(
            parties,
            lambda party, stored=stored: _plan_whole(party, table, stored, today, now, report),
            trouble,
        )
    _cancel_ended(report)
    return report


def plan_one(contract, *, today, now):
    """Plan the notices of one contract at once, after it was changed. Returns a Report."""
    report = Report()
    if not agreements.running().where(Contract.id == contract.id).exists():
        return report
    _plan_whole(agreements.of(contract), rules.active(), _stored([contract.id], today), today, now, report)
    return report


def _plan_whole(party, table, stored, today, now, report):
    """All notices of one contract or none; most contracts have nothing to plan, and write nothing."""
    day, mine = party.day(today, now), stored.get(party.contract.id, {})
    here = [rule for rule in table if rule.state in (matching.EVERYWHERE, *party.agreement.states)]
    due = [pair for pair in matching.due(here, party.agreement, day) if pair[1].opens_on - LEAD <= day]
    if due or mine:
        with db.atomic():
            _plan(party, due, mine, day, now, report)


def _stored(contract_ids, today):
    """{contract id: {(rule code, end of term): row}} of the terms that are not over."""
    rows = RenewalNotice.select().where(
        among(RenewalNotice.contract, contract_ids) & (RenewalNotice.term_end_on >= today - timedelta(days=1))
    )
    found = {}
    for row in rows:
        found.setdefault(row.contract_id, {})[row.rule_code, row.term_end_on] = row
    return found


def _plan(party, due, stored, day, now, report):
    waiting = [pair for pair in due if _has_not_begun(stored.get((pair[0].code, pair[1].anchor_on)))]
    for group in windows.together(waiting):
        plan = windows.plan(group, party.agreement, has_email=party.has_email, may_write=party.may_write)
        for rule, window in group:
            row = stored.get((rule.code, window.anchor_on))
            if row is None and rule.consequence == COURTESY and plan.closes_on < day:
                continue  # nothing was promised, so nothing was missed
            _write(row, party.contract, _values(rule, window, plan, group, day), now, report)
    wanted = {(rule.code, window.anchor_on) for rule, window in due}
    for key, row in stored.items():
        if row.state == RenewalNotice.PLANNED and key not in wanted and row.closes_on >= day:
            states.move(row, RenewalNotice.CANCELED, reason="The contract or the rule changed.")
            report.canceled += 1


def _has_not_begun(row):
    return row is None or row.state in (RenewalNotice.PLANNED, RenewalNotice.CANCELED)


def _values(rule, window, plan, group, day):
    """The columns of a planned row. What is found late goes out at once, inside the window."""
    return {
        "rule_id": rule.id,
        "together": group[0][0].code,
        "deadline_on": window.deadline_on,
        "opens_on": window.opens_on,
        "closes_on": window.closes_on,
        "plan_on": max(plan.plan_on, min(day, plan.closes_on)),
        "alarm_on": plan.alarm_on,
        "medium": plan.medium,
        "term_end_on": window.anchor_on,
        "rule_code": rule.code,
        "contents": rule.contents,
        "arithmetic": json.dumps([*window.arithmetic, *plan.why], ensure_ascii=False),
    }


def _write(row, contract, values, now, report):
    if row is None:
        RenewalNotice.create(contract=contract, created_at=now, **values)
        report.planned += 1
    elif row.state == RenewalNotice.CANCELED:
        states.move(row, RenewalNotice.PLANNED, reason="", **_columns(values))
        report.planned += 1
    else:
        _follow(row, values, report)


def _columns(values):
    return {name.removesuffix("_id") if name == "rule_id" else name: value for name, value in values.items()}


def _follow(row, values, report):
    """Bring a planned row up to date; a planned day that has come stays, or it would never be reached."""
    if row.plan_on < values["plan_on"] and not _moved(row, values):
        values = {**values, "plan_on": row.plan_on}
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if changed:
        still = (RenewalNotice.id == row.id) & (RenewalNotice.state == RenewalNotice.PLANNED)
        RenewalNotice.update(_columns(changed)).where(still).execute()
        report.moved += any(name in DATES for name in changed)


def _moved(row, values):
    return (row.opens_on, row.closes_on, row.medium) != tuple(
        values[name] for name in ("opens_on", "closes_on", "medium")
    )


def _cancel_ended(report):
    """A contract that was ended needs no notice that it would renew."""
    ended = (
        RenewalNotice.select(RenewalNotice, Contract)
        .join(Contract)
        .where((RenewalNotice.state == RenewalNotice.PLANNED) & Contract.ends_on.is_null(False))
    )
    for row in list(ended):
        why = f"The contract ends on {words.date(row.contract.ends_on)}."
        states.move(row, RenewalNotice.CANCELED, reason=why)
        report.canceled += 1
