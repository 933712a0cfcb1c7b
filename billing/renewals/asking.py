"""What a contract's page tells about its end: rules, windows, what was sent, what comes next. Only reading.

Everything is worked out anew from the contract and the rules as they are, and put beside what is stored.
"""

import json
from dataclasses import dataclass

from billing import words
from billing.renewals import agreements, closing, matching, places, prices, rules, terms, windows
from models import Charge, PriceChange, RenewalNotice, RenewalRule


@dataclass(frozen=True)
class Item:
    """One rule that applies: its window and plan, and the row of it, once there is one."""

    rule: object
    why: str
    window: windows.Window | None
    plan: windows.Plan | None
    row: RenewalNotice | None
    said_with: tuple[str, ...]  # the other rules that the same message serves
    by_hand: tuple[str, ...] = ()  # what no message does, and who does it

    @property
    def arithmetic(self):
        """The lines as they were when the row was begun, else as they are now."""
        if self.row is not None and self.row.state not in (RenewalNotice.PLANNED, RenewalNotice.CANCELED):
            return lines_of(self.row)
        return (*self.window.arithmetic, *self.plan.why) if self.window else ()

    @property
    def is_unverified(self):
        return rules.is_unverified(self.rule)


@dataclass(frozen=True)
class ContractEnd:
    """All about the end of one contract. ``against`` are rules of its states that do not apply."""

    term: terms.Term
    next_term: terms.Term
    applying: tuple[Item, ...]
    against: tuple[matching.Match, ...]
    elsewhere: int
    where: str
    past: tuple[RenewalNotice, ...]
    summary: str


def lines_of(row):
    """The arithmetic of a RenewalNotice, line by line."""
    return tuple(json.loads(row.arithmetic))


def term_of(contract, today):
    """The Term of a contract that holds a day."""
    return terms.term_of(agreements.of(contract).agreement, today)


def window(rule, contract, term_end):
    """The Window of a rule for the term that ends on a day, or None for a rule without a notice."""
    return windows.window(rule, agreements.of(contract).agreement, term_end)


def contract_end(contract, *, today, now):
    """The ContractEnd of one contract."""
    party = agreements.of(contract)
    agreement, day = party.agreement, party.day(today, now)
    found = matching.matches(rules.active(), agreement, day)
    rows = list(contract.renewal_notices.order_by(RenewalNotice.term_end_on.desc(), RenewalNotice.id))
    items = _items(found, party, day, rows)
    term = terms.term_of(agreement, day)
    shown = {item.row.id for item in items if item.row}
    return ContractEnd(
        term=term,
        next_term=terms.next_term(agreement, term),
        applying=tuple(items),
        against=tuple(one for one in found if not one.applies and not one.elsewhere),
        elsewhere=sum(one.elsewhere for one in found),
        where=words.joined(places.name(state) for state in agreement.states),
        past=tuple(row for row in rows if row.id not in shown),
        summary=_summary(party, term, items, day),
    )


def _items(found, party, day, rows):
    stored = {(row.rule_code, row.term_end_on): row for row in rows}
    pairs = {}
    for one in found:
        if one.applies and windows.has_window(one.rule) and one.rule.basis != RenewalRule.PRICE_CHANGE:
            anchor_on = windows.occasion(one.rule, party.agreement, day)
            pairs[one.rule.id] = (one.rule, windows.window(one.rule, party.agreement, anchor_on))
    plans = {}
    for group in windows.together(list(pairs.values())):
        plan = windows.plan(group, party.agreement, has_email=party.has_email, may_write=party.may_write)
        for rule, _ in group:
            others = tuple(other.title for other, _ in group if other.id != rule.id)
            plans[rule.id] = (plan, others)
    items = []
    for one in (match for match in found if match.applies):
        window = pairs.get(one.rule.id, (None, None))[1]
        plan, others = plans.get(one.rule.id, (None, ()))
        row = stored.get((one.rule.code, window.anchor_on)) if window else None
        by_hand = (*by_hand_words(one.rule), *_new_prices(one.rule, party.contract, day))
        items.append(Item(one.rule, one.why, window, plan, row, others, by_hand))
    return items


def by_hand_words(rule):
    """What a rule wants that no planned message does, and who does it: sentences for staff."""
    found = []
    if rule.basis == RenewalRule.LIMIT:
        found.append(
            "It asks for no message. It limits how long the contract renews: what is entered or imported "
            f"against it is refused, and no renewal goes further.{_LIFTING.get(rule.lifted_by, '')}"
        )
    if "ack_and_reply" in rule.media.split("|"):
        found.append(
            "Beside the notice it wants the customer's own reply that they do not end it. Ask for that, and "
            "enter the day under “Renewal requested on”; without it the renewal is shortened to "
            f"{matching.length(rule.renewal_longer_than)}."
        )
    if "lease" in rule.contents.split("|"):
        found.append(
            "The letter speaks of a lease sheet: purchase price, rate, monthly payment, payoff. "
            "Whoever mails it puts the sheet in, or attaches it to a mail of their own."
        )
    if rule.basis == RenewalRule.PRICE_CHANGE:
        found.append(
            f"It asks for a message {rule.opens_days} to {rule.closes_days} days before a new price. Plan "
            "the price, and the message goes out by itself; one that was not told in time is not billed."
        )
    return tuple(found)


_LIFTING = {
    RenewalRule.REQUEST: " Enter the day on which the customer asked for a longer one.",
    RenewalRule.DISCLOSURE: " Enter the day on which the separate disclosure was signed.",
}


def _new_prices(rule, contract, day):
    """Where the increases of a contract stand, under the rule that is about them."""
    if rule.basis != RenewalRule.PRICE_CHANGE:
        return ()
    changes = (
        PriceChange.select(PriceChange, Charge)
        .join(Charge)
        .where(
            (Charge.contract == contract) & PriceChange.needs_notice
            & PriceChange.canceled_on.is_null() & (PriceChange.starts_on >= day)
        )
        .order_by(PriceChange.starts_on, PriceChange.id)
    )  # fmt: skip
    return tuple(f"{one.charge}: {prices.standing_words(one, today=day)}" for one in changes)


def _summary(party, term, items, day):
    """Where it stands, in one or two plain sentences."""
    contract, agreement = party.contract, party.agreement
    if contract.ends_on:
        return f"It ends on {words.date(contract.ends_on)}; nothing renews."
    if wish := _wants_to_end(contract, day):
        return wish
    if term.is_monthly:
        return f"It runs month to month. {contract.renews_monthly_reason}".strip()
    if not agreement.auto_renew:
        return f"Its term ends on {words.date(term.ends_on)}; it does not renew by itself."
    months, _ = closing.next_months(party, rules.active(), term.ends_on)
    into = "month to month" if months == 1 else f"for {matching.length(months)}"
    renews = f"It renews {into} on {words.date(term.ends_on + terms.DAY)} unless the customer says no."
    return f"{renews} {_next_step(items, day)}".strip()


def _wants_to_end(contract, day):
    """That the customer ended it, where something of ours still stands before that; or an empty string."""
    said = closing.asked_to_end(contract)
    if said is None:
        return ""
    wish = f"The customer ended it, with {words.date(said.last_on)} as the last day of service."
    if said.last_on < day:
        return f"{wish} That day is over, and it is not ended here: see the ticket."
    return f"{wish} It is not ended here yet: see the ticket."


def _next_step(items, day):
    """What happens next about its notices."""
    steps = []
    for item in items:
        row, plan = item.row, item.plan
        if plan is None or (row and row.state in (RenewalNotice.PROVEN, RenewalNotice.SENT)):
            continue
        if row and row.state == RenewalNotice.MISSED:
            steps.append((row.closes_on, f"The notice by {row.called} was missed."))
        elif row and row.state == RenewalNotice.QUEUED:
            steps.append((row.plan_on, "A notice is on its way."))
        else:
            plan_on = max(row.plan_on if row else plan.plan_on, day)
            how = RenewalNotice.MEDIA[plan.medium].lower()
            steps.append((plan_on, f"The next notice goes out on {words.date(plan_on)}, by {how}."))
    if steps:
        return min(steps)[1]
    return "Every notice that the law asks for is out." if any(item.row for item in items) else ""
