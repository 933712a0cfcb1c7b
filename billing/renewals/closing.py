"""When a window closes: alarm before, the consequence when there is no proof, and what becomes of a term.

A missed notice never ends anybody's service: the contract goes on month to month, and nobody who leaves
then owes a fee for it. Not here: sending and its proof (sending.py, proving.py).
"""

from dataclasses import dataclass
from datetime import timedelta

from billing import events, masking, states, words
from billing.errors import BillingError
from billing.periods import DAY, add_months
from billing.renewals import agreements, limits, matching, one_by_one, rules, terms
from models import Contract, Notice, Renewal, RenewalAnswer, RenewalNotice, RenewalRule, among, db

JOB = "daily job"
WAITS = "The customer ended it; it runs on only until the fire authority was told."
MAIL_WITHIN = timedelta(days=14)  # a letter whose window closes sooner goes before other paper
WATCHED_DAYS = 92  # an end of term that is longer ago was never watched here
MONTHLY = {
    "void": "the renewal clause is void",
    "voidable": "the customer may void the renewal",
    "unenforceable": "the renewal cannot be enforced",
    "gift": "what is delivered in the renewed term may count as a gift",
    "unfair": "a renewal without it is an unfair practice",
    "cancel_refund": "the customer may cancel and is refunded the unearned part",
    "private_suit": "the customer may sue over the renewal",
    "month_to_month": "by law it becomes month to month",
    "treble": "the customer may sue for three times the damage",
    "ends_at_term": "by law the contract ends with its term; service goes on until somebody decides",
}


# --- Before it closes ----------------------------------------------------------------------------


def alarm(today, *, now):
    """Tell staff of windows that are about to close without proof, once each. Returns the rows."""
    due = at_risk(today).where(RenewalNotice.alarmed_at.is_null())
    found = []
    for row in list(due.order_by(RenewalNotice.closes_on, RenewalNotice.id)):
        row.alarmed_at = now
        row.save()
        events.record("renewal_notice.alarmed", row, by=JOB, now=now, customer=row.contract.customer)
        found.append(row)
    return found


def at_risk(today):
    """A query of notices without proof of dispatch whose window is about to close, or just did."""
    return RenewalNotice.select().where(
        RenewalNotice.state.in_((RenewalNotice.PLANNED, RenewalNotice.QUEUED))
        & (RenewalNotice.alarm_on <= today)
    )


def to_mail(today):
    """A query of notices that wait on paper while their window closes soon, before ``at_risk`` has them."""
    return RenewalNotice.select().where(
        (RenewalNotice.state == RenewalNotice.QUEUED)
        & RenewalNotice.notice.in_(on_paper())
        & (RenewalNotice.alarm_on > today)
        & (RenewalNotice.closes_on <= today + MAIL_WITHIN)
    )


def on_paper():
    """A query of the ids of letters that are not mailed yet."""
    return Notice.select(Notice.id).where(Notice.state == Notice.PRINT)


def alarm_words(row):
    """One such notice in a sentence for the report of the day."""
    what = "waits to be printed and mailed" if row.state == RenewalNotice.QUEUED else "has not gone out"
    closes = words.date(row.closes_on)
    return f"The notice by {row.called} for {row.contract} {what}; its window closes on {closes}."


# --- When it closed ------------------------------------------------------------------------------


def close(today, *, now, trouble=None):
    """Call what closed without proof missed, with its consequence. Returns the rows."""
    open_yet = (RenewalNotice.PLANNED, RenewalNotice.QUEUED, RenewalNotice.SENT)
    query = RenewalNotice.select().where(
        RenewalNotice.state.in_(open_yet) & (RenewalNotice.closes_on < today + DAY)
    )

    rows = list(query.order_by(RenewalNotice.id))
    parties = agreements.by_contract(rows)

    def look(row):
        party = parties[row.contract_id]
        is_missed = row.closes_on < party.day(today, now) and not _left_in_time(row)
        if is_missed:
            _miss(row, party, now)
        return row if is_missed else None

    return [row for row in one_by_one.each(rows, look, trouble) if row]


def missed_words(row):
    """A missed notice in a sentence for the report of the day."""
    return f"The notice by {row.called} for {row.contract} was missed. {row.consequence}"


def _left_in_time(row):
    """True for mail that left and has not come back: it is proven when it had time to."""
    return row.state == RenewalNotice.SENT and row.notice.bounced_at is None


def _miss(row, party, now):
    with db.atomic():
        said = _consequence(row, party, now)
        states.move(row, RenewalNotice.MISSED, consequence=said[:255], reason=row.reason or _why(row))
        events.record(
            "renewal_notice.missed",
            row,
            by=JOB,
            now=now,
            reason=said,
            customer=party.contract.customer,
        )


def _why(row):
    if row.state == RenewalNotice.QUEUED and row.medium == RenewalNotice.EMAIL:
        return "It had not left before the window closed."
    if row.state == RenewalNotice.QUEUED:
        return "Nobody noted that it was mailed before the window closed."
    if row.state == RenewalNotice.SENT:
        return "The mail came back."
    return "The window had closed before it could be sent."


def _consequence(row, party, now):
    """Do what follows from a missed notice, and say it."""
    rule = row.rule
    why = MONTHLY.get(rule.consequence)
    if rule.basis == RenewalRule.CONTINUOUS:
        return "The yearly reminder was not sent. The contract goes on as it is; tell counsel."
    if why is None:
        return "It was a courtesy of ours: the contract renews as agreed."
    term = terms.term_of(party.agreement, row.term_end_on)
    if not term.is_monthly:
        said = f"Renewed month to month; the notice by {row.called} was missed ({why})."
        _make_monthly(party.contract, term.ends_on + DAY, said, now, JOB)
    return f"Month to month after {words.date(term.ends_on)}, and no fee for leaving: {why}."


def _make_monthly(contract, from_on, reason, now, by):
    """From a day on, the contract runs month to month; an earlier such day stays."""
    stands = contract.renews_monthly_from_on
    if stands is not None and stands <= from_on:
        return
    _change(contract, "contract.made_monthly", reason, now, by,
            renews_monthly_from_on=from_on, renews_monthly_reason=reason[:255])  # fmt: skip


def _change(contract, what, reason, now, by, **changes):
    """Write columns of a contract, so that somebody who has its form open notices, with an audit entry."""
    before = {name: getattr(contract, name) for name in changes}
    Contract.update(version=Contract.version + 1, **changes).where(Contract.id == contract.id).execute()
    for name, value in changes.items():
        setattr(contract, name, value)
    contract._dirty.clear()
    events.record(what, contract, by=by, now=now, reason=reason, before=before, after=changes)


def override(row, *, reason, by, now):
    """An owner lets the contract renew as agreed though a notice was missed. Returns the row.

    The notice stays missed, with who decided this and why. Raises BillingError without a reason.
    """
    if row.state != RenewalNotice.MISSED or row.overridden_at:
        raise BillingError("Only a missed notice can be overridden, and only once.")
    reason = masking.reason(reason, "Say why the contract renews though the notice was missed.")
    with db.atomic():
        row.overridden_by, row.overridden_at, row.override_reason = by, now, reason[:255]
        row.save()
        events.record(
            "renewal_notice.overridden", row, by=by, now=now, reason=reason, customer=row.contract.customer
        )
        take_back(row, reason=reason, by=by, now=now)
    return row


def asked_to_end(contract):
    """The RenewalAnswer by which the customer ended a contract that is not ended here yet; None without one.

    Who wants to talk takes nothing back; who keeps the service does.
    """
    if contract.ends_on:
        return None
    decided = contract.answers.where(RenewalAnswer.answer != RenewalAnswer.TALK)
    last = decided.order_by(RenewalAnswer.id.desc()).first()
    return last if last and last.answer == RenewalAnswer.END else None


def wait_for_authority(contract, from_on, *, by, now):
    """The customer has ended a contract: however long the authority takes, no term follows, and no fee."""
    _make_monthly(contract, from_on, WAITS, now, by)


def keep_after_all(contract, *, by, now):
    """Undo ``wait_for_authority``."""
    if contract.renews_monthly_reason == WAITS:
        nothing = {"renews_monthly_from_on": None, "renews_monthly_reason": ""}
        _change(contract, "contract.renews_again", "The customer keeps it after all.", now, by, **nothing)


def take_back(row, *, reason, by, now):
    """Undo the consequence of a notice that was called missed, unless another one still stands."""
    others = RenewalNotice.select().where(
        (RenewalNotice.contract == row.contract_id)
        & (RenewalNotice.state == RenewalNotice.MISSED)
        & RenewalNotice.overridden_at.is_null()
        & (RenewalNotice.id != row.id)
    )
    contract = Contract.get_by_id(row.contract_id)
    standing = any(
        one.rule.consequence in MONTHLY and one.rule.basis != RenewalRule.CONTINUOUS for one in others
    )
    if contract.renews_monthly_from_on and contract.renews_monthly_reason != WAITS and not standing:
        nothing = {"renews_monthly_from_on": None, "renews_monthly_reason": ""}
        _change(contract, "contract.renews_again", reason, now, by, **nothing)


def fee_refusal(contract, *, today):
    """Why no fee may be charged for leaving early today, or an empty string where one may be.

    Month to month there is nothing to leave early; and never after a notice that was missed.
    """
    if contract.renews_monthly_from_on and today >= contract.renews_monthly_from_on:
        return contract.renews_monthly_reason or "It runs month to month."
    if terms.term_of(agreements.of(contract).agreement, today).is_monthly:
        return "It runs month to month: there is no term to leave early."
    return ""


# --- When the term is over -----------------------------------------------------------------------


@dataclass
class Report:
    """What became of terms that ended, in counts."""

    renewed: int = 0
    monthly: int = 0


def renew(today, *, now, trouble=None):
    """Begin the next term of contracts whose term is over, each once. Returns a Report."""
    report, table = Report(), rules.active()
    for parties in agreements.chunks(_perhaps_over(today)):
        decided = _decided([party.contract.id for party in parties])

        def begin(party, decided=decided):
            over = _over(party.agreement, party.day(today, now))
            if over and _was_watched(over, today) and (party.contract.id, over) not in decided:
                _decide(party, table, over, now, report)

        one_by_one.each(parties, begin, trouble)
    return report


def _perhaps_over(today):
    """Ids of running contracts with a term that ended lately, by dates alone."""
    columns = (Contract.id, Contract.starts_on, Contract.term_months, Contract.renewal_months,
               Contract.auto_renew, Contract.term_ends_on, Contract.renews_monthly_from_on)  # fmt: skip
    for id, starts_on, term, renewal, auto, ends_on, monthly in (
        agreements.running().select(*columns).tuples()
    ):
        bare = terms.Agreement((), "", starts_on, term, renewal, 0, auto, None, ends_on, monthly)
        over = _over(bare, today + DAY)
        if over and _was_watched(over, today):
            yield id


def _was_watched(over, today):
    return (today - over).days <= WATCHED_DAYS + 1


def _over(agreement, day):
    """The last day of the newest fixed term that is over on ``day``; None while the first one runs."""
    first = terms.first_term(agreement)
    if first is None or day <= first.ends_on:
        return None
    term = terms.term_of(agreement, day)
    if not term.is_monthly:
        return term.starts_on - DAY
    if agreement.monthly_from_on and agreement.monthly_from_on > first.ends_on:
        return agreement.monthly_from_on - DAY
    return first.ends_on


def _decided(contract_ids):
    rows = Renewal.select(Renewal.contract, Renewal.term_end_on).where(among(Renewal.contract, contract_ids))
    return set(rows.tuples())


def _decide(party, table, over, now, report):
    """Write what became of one term, and the end of the next."""
    contract, months, reason = party.contract, *next_months(party, table, over)
    with db.atomic():
        if months <= 1:
            report.monthly += 1
            _write(contract, over, Renewal.MONTHLY, None, reason, now)
            if party.agreement.auto_renew and contract.renewal_months > 1:
                _make_monthly(contract, over + DAY, reason, now, JOB)
            return
        report.renewed += 1
        ends_on = add_months(over + DAY, months, contract.starts_on.day) - DAY
        _write(contract, over, Renewal.RENEWED, ends_on, reason, now)
        _change(contract, "contract.renewed", reason, now, JOB, term_ends_on=ends_on)


def next_months(party, table, over):
    """(months of the term after the one that ends on ``over``, why), as law allows; 1 is month to month."""
    agreement, contract = party.agreement, party.contract
    if agreement.monthly_from_on and agreement.monthly_from_on <= over + DAY:
        return 1, contract.renews_monthly_reason
    if asked_to_end(contract):
        return 1, WAITS
    if not agreement.auto_renew:
        return 1, "It does not renew by itself; it runs on month to month until somebody ends it."
    broken = limits.broken(rules.in_force(table, over), agreement, over)
    if broken:
        rule = min(broken, key=limits.most_months)
        most = limits.most_months(rule)
        return most, f"{rule.code} allows {matching.length(most)} at a time ({rule.citation})."
    return max(agreement.renewal_months, 1), "As agreed."


def _write(contract, over, outcome, next_ends_on, reason, now):
    Renewal.create(
        contract=contract, term_end_on=over, outcome=outcome, next_ends_on=next_ends_on,
        reason=reason[:255], by=JOB, decided_at=now,
    )  # fmt: skip
