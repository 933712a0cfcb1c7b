"""New prices that must be told before they count: planned, told in their window, and billed only then.

An increase names its window when it is planned: by the laws that reach the contract, else by the house rule.
The renew step sends the message, puts it on paper when mail does not get through, tells staff before it is
too late, and notes the day on which it left; ``contracts.price_counts`` is what the bill step goes by.
Decreases, and what a customer agreed to, need none of this (contracts.change_price).
"""

import json
from dataclasses import dataclass, replace
from datetime import date

from peewee import JOIN, fn

from billing import contracts, customers, events, ledger, masking, money, notices, states, words
from billing.errors import BillingError
from billing.money import format_cents
from billing.periods import DAY
from billing.renewals import agreements, endings, letter, matching, one_by_one, rules, told, windows
from models import Charge, Contact, Event, Line, Notice, Preference, PriceChange, RenewalRule, db

WHY = "The price of one of your services changes, and it counts only after we have told you."
WHY_PAPER = "A new price counts only once you were told, and our e-mail had not got through."
LATE_PLAN = "That day is over: the message leaves with the next daily run."
ALARMED = "price_change.alarmed"
UNTOLD = PriceChange.needs_notice & PriceChange.told_on.is_null() & PriceChange.canceled_on.is_null()
HOUSE_OPENS, HOUSE_CLOSES = 60, 30  # days before it takes effect, where no law says otherwise
COUNTS = (Notice.MAIL, Notice.PAPER)  # a text alone proves nothing
HOUSE = RenewalRule(
    code=RenewalRule.HOUSE_PRICE, state=matching.EVERYWHERE, citation="Our own rule",
    basis=RenewalRule.PRICE_CHANGE, audience=RenewalRule.ANY, anchor=RenewalRule.EFFECTIVE,
    opens_days=HOUSE_OPENS, closes_days=HOUSE_CLOSES, media="email|mail",
    consequence="courtesy", certainty="house_rule",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """When an increase must be told. ``rules``: what says so, by title."""

    opens_on: date
    closes_on: date
    plan_on: date
    is_on_paper: bool  # mail does not count for one of the rules
    rules: tuple[str, ...]
    arithmetic: tuple[str, ...]


@dataclass(frozen=True)
class Planned:
    """What an increase would mean for one charge; ``refusal`` says why it cannot be planned."""

    charge: Charge
    old_cents: int
    new_cents: int
    first_on: date  # of the first period at the new price
    window: Window | None
    refusal: str = ""


@dataclass(frozen=True)
class Rise:
    """How prices rise: by so many parts per million, by an amount, or to an amount; to the next ``step``."""

    ppm: int = 0
    more_cents: int = 0
    to_cents: int = 0
    step_cents: int = 5

    def of(self, cents):
        """The new price of one."""
        if self.to_cents:
            return self.to_cents
        exact = cents + self.more_cents + money.tax(cents, self.ppm)
        return -(-exact // self.step_cents) * self.step_cents if self.ppm else exact


# --- Windows -------------------------------------------------------------------------------------


def window(contract, first_on, *, party=None, table=None):
    """The Window of an increase that takes effect on ``first_on``: the strictest of all rules that apply."""
    party = party or agreements.of(contract)
    group = [
        (rule, windows.window(rule, party.agreement, first_on))
        for rule in (table if table is not None else rules.active())
        if rule.basis == RenewalRule.PRICE_CHANGE and matching.match(rule, party.agreement, first_on).applies
    ] or [(HOUSE, windows.window(HOUSE, party.agreement, first_on))]
    plan = windows.plan(group, party.agreement, has_email=party.has_email, may_write=party.may_write)
    lines = [line for rule, one in group for line in (f"{rule.named}.", *one.arithmetic)]
    titles = tuple(rule.title for rule, _ in group)
    by_mail = all(windows.EMAIL in one.media for _, one in group) or plan.medium == windows.EMAIL
    lines = (*lines, *plan.why)
    return Window(plan.opens_on, plan.closes_on, plan.plan_on, not by_mail, titles, lines)


def first_period(charge, from_on):
    """The first day of the first period of a charge that starts on ``from_on`` or later."""
    index = max(contracts.index_of(charge, from_on), 0)
    starts = max(contracts.period_of(charge, index).from_on, charge.starts_on)
    return starts if starts >= from_on else contracts.period_of(charge, index + 1).from_on


# --- Planning ------------------------------------------------------------------------------------


def preview(charges, rise, *, from_on, today):
    """What an increase from ``from_on`` would mean for each charge: [Planned]. Only reading.

    rise -- a Rise
    """
    table = [rule for rule in rules.active() if rule.basis == RenewalRule.PRICE_CHANGE]
    charges = list(charges)
    ids = sorted({charge.contract_id for charge in charges})
    parties = {party.contract.id: party for chunk in agreements.chunks(ids) for party in chunk}
    return [_planned(one, rise, from_on, parties[one.contract_id], table, today) for one in charges]


def _planned(charge, rise, from_on, party, table, today):
    first_on = first_period(charge, from_on)
    old = contracts.price_on(charge, first_on)
    new = rise.of(old)
    found = window(party.contract, first_on, party=party, table=table) if new > old else None
    if found and found.plan_on < today <= found.closes_on:
        found = replace(found, plan_on=today, arithmetic=(*found.arithmetic, LATE_PLAN))
    return Planned(charge, old, new, first_on, found, _refusal(charge, first_on, found, today))


def _refusal(charge, first_on, found, today):
    if charge.next_on is None:
        return "This charge has ended."
    try:
        contracts.check_price_date(charge, first_on)
    except BillingError as refusal:
        return str(refusal)
    if found is None:
        return ""
    if today > found.closes_on:
        return (
            f"It had to be told by {words.date(found.closes_on)} to count from {words.date(first_on)}. "
            "Choose a later day."
        )
    lines = charge.price_changes.where(
        PriceChange.canceled_on.is_null() & (PriceChange.starts_on >= first_on)
    )
    return "Another new price is planned for that day or later." if lines.exists() else ""


def plan(charges, rise, *, from_on, reason, by, today, now):
    """Plan new prices: each contract is told in one message. Returns (the PriceChanges, the refused Planned).

    What goes down, or stays, needs no message. Raises BillingError without a reason.
    """
    reason = masking.reason(reason, "Say why prices change; the customer reads it.")
    made, refused, leads = [], [], {}
    for one in preview(charges, rise, from_on=from_on, today=today):
        if one.refusal:
            refused.append(one)
        elif one.new_cents != one.old_cents:
            made.append(_write(one, leads, reason, by, now))
    return made, refused


def _write(one, leads, reason, by, now):
    """Write one new price; the first of a contract and day leads the message."""
    charge, found = one.charge, one.window
    more = {"old_cents": one.old_cents}
    if found:
        key = (charge.contract_id, one.first_on)
        more |= {
            "needs_notice": True, "tell_from_on": found.opens_on, "tell_by_on": found.closes_on,
            "plan_on": found.plan_on, "told_with": leads.get(key),
            "arithmetic": json.dumps(found.arithmetic, ensure_ascii=False),
        }  # fmt: skip
    with ledger.locked(charge.contract.customer_id):
        told_by = {"reason": reason, "by": by, "now": now}
        row = contracts.write_price(charge, from_on=one.first_on, unit_cents=one.new_cents, **told_by, **more)
    if found:
        leads.setdefault((charge.contract_id, one.first_on), row)
    return row


def cancel(change, *, reason, by, today, now):
    """Take a planned price back before anything was billed at it. Returns the change."""
    customer, reason = change.charge.contract.customer, masking.typed(reason)
    with ledger.locked(customer.id):
        change = PriceChange.get_by_id(change.id)
        if change.canceled_on:
            raise BillingError("It was taken back already.")
        if change.charge.lines.where(_lines_at(change)).exists():
            raise BillingError("It was billed already. Plan a new price instead.")
        change.canceled_on, change.cancel_reason = today, reason[:120]
        change.save()
        events.record("price_change.canceled", change, by=by, now=now, reason=reason, customer=customer)
    return change


def _lines_at(change):
    return (
        (Line.from_on >= change.starts_on) & (Line.unit_cents == change.unit_cents) & Line.voided_on.is_null()
    )


# --- Telling -------------------------------------------------------------------------------------


def _waiting():
    """A query of increases that stand and were not told yet."""
    return PriceChange.select().where(UNTOLD)


def send_due(today, *, now, trouble=None):
    """Queue the message of every increase whose planned day has come, while its window is open.

    Returns how many contracts are told.
    """
    due = _waiting().where(
        (PriceChange.plan_on <= today)
        & (PriceChange.tell_from_on <= today)
        & (PriceChange.tell_by_on >= today)
    )
    leads = {change.told_with_id or change.id: change for change in due.order_by(PriceChange.id)}

    def send(change):
        return _queue(change.told_with or change, today, now)

    return sum(one_by_one.each(list(leads.values()), send, trouble))


def _queue(change, today, now):
    contract = change.charge.contract
    if contract.ends_on or change.notices.exists():
        return False
    about = {"legal": True, "contract": contract, "price_change": change, "why": WHY, "now": now}
    with db.atomic():
        queued = []
        for person in customers.payers(contract.customer):
            queued += notices.tell(
                person, Notice.PRICE_CHANGE, event=Preference.PRICE_CHANGE, step_key=f"price:{change.id}",
                today=today, **about,
            )  # fmt: skip
        if not any(one.channel in _counting(change) for one in queued):
            _queue_letter(change, WHY, now)
    return True


def _queue_letter(change, why, now):
    notices.queue(
        Notice.PRICE_CHANGE, key=f"price:{change.id}:paper", customer=change.charge.contract.customer,
        channel=Notice.PAPER, event=Preference.PRICE_CHANGE, legal=True, contract=change.charge.contract,
        price_change=change, why=why, now=now,
    )  # fmt: skip


def _counting(change):
    """The channels that count for a change: mail does not where a law wants paper."""
    needs_paper = window(change.charge.contract, change.starts_on).is_on_paper
    return (Notice.PAPER,) if needs_paper else COUNTS


def fall_back(today, *, now, trouble=None):
    """Put on paper what mail has not told with three days to go. Returns how many messages."""
    waiting = _waiting().where(
        PriceChange.told_with.is_null()
        & (PriceChange.tell_by_on >= today)
        & (PriceChange.tell_by_on <= today + windows.RETRY_DAYS * DAY)
    )

    def look(change):
        out = list(change.notices)
        if not out or any(one.channel == Notice.PAPER or _has_told(one) for one in out):
            return 0
        with db.atomic():
            for one in (one for one in out if one.state == Notice.QUEUED):
                states.move(one, Notice.SKIPPED, reason="It goes out on paper instead.")
            _queue_letter(change, WHY_PAPER, now)
            events.record("price_change.fell_back", change, by="daily job", now=now, reason=WHY_PAPER)
        return 1

    return sum(one_by_one.each(list(waiting.order_by(PriceChange.id)), look, trouble))


def _has_told(notice):
    """True for what left and proves it: a text alone does not."""
    return notice.state == Notice.SENT and notice.channel in COUNTS


def follow(today, *, now, trouble=None):
    """Note which increases were told, by what left and did not come back. Returns how many changes.

    What came back before the price counts is untold again; the outbox has put a letter in its place.
    """

    def look(change):
        on = _told_on(change)
        if on and on <= change.tell_by_on and change.told_on is None:
            return _note(change, on, now)
        if on is None and change.told_on and change.starts_on > today:
            return _note(change, None, now)
        return 0

    recent = PriceChange.select().where(
        PriceChange.needs_notice
        & PriceChange.canceled_on.is_null()
        & (PriceChange.starts_on > today - 7 * DAY)
    )
    return sum(one_by_one.each(list(recent.order_by(PriceChange.id)), look, trouble))


def _told_on(change):
    """The day on which a message left that told a change and stands, or None."""
    sent = Notice.select(Notice.sent_at, Notice.channel).where(
        (Notice.price_change == (change.told_with_id or change.id))
        & (Notice.state == Notice.SENT)
        & (Notice.channel << COUNTS)
        & Notice.bounced_at.is_null()
    )
    out = list(sent.order_by(Notice.sent_at))
    if any(one.channel != Notice.PAPER for one in out):
        counting = _counting(change)
        out = [one for one in out if one.channel in counting]
    first = out[0] if out else None
    return agreements.of(change.charge.contract).date(first.sent_at) if first else None


def _note(change, on, now):
    with db.atomic():
        change.told_on = on
        change.save()
        events.record(
            "price_change.told" if on else "price_change.came_back", change, by="daily job", now=now,
            after={"told_on": on}, customer=change.charge.contract.customer,
        )  # fmt: skip
    return 1


def at_risk(today):
    """A query of increases that nothing has told yet, a few days before it is too late for that."""
    return _waiting().where(
        (PriceChange.tell_by_on >= today) & (PriceChange.tell_by_on <= today + windows.ALARM_DAYS * DAY)
    )


def alarm(today, *, now):
    """Tell staff of increases that are about to be told too late, once each. Returns the changes."""
    told = Event.select(Event.about_id).where(
        (Event.what == ALARMED) & (Event.about_table == PriceChange._meta.table_name)
    )
    due = at_risk(today).where(PriceChange.id.not_in(told))
    found = list(due.order_by(PriceChange.tell_by_on, PriceChange.id))
    for change in found:
        events.record(ALARMED, change, by="daily job", now=now, customer=change.charge.contract.customer)
    return found


def alarm_words(change):
    """One such increase in a sentence for the report of the day."""
    out = change.notices.where(Notice.channel == Notice.PAPER).exists()
    what = "its letter waits to be printed and mailed" if out else "nobody was told yet"
    return (
        f"The new price of {change.charge} for {change.charge.contract}: {what}. "
        f"It counts only if that happens by {words.date(change.tell_by_on)}."
    )


def silent(today):
    """A query of increases that were not told in time: the old price is billed, and somebody should know."""
    return _waiting().where(PriceChange.tell_by_on < today)


def billed_untold(today):
    """A query of those of ``silent`` that were billed ahead, before their message came back: credit them."""
    billed = (
        (Line.charge == PriceChange.charge)
        & (Line.from_on >= PriceChange.starts_on)
        & (Line.unit_cents == PriceChange.unit_cents)
        & Line.voided_on.is_null()
    )
    return silent(today).where(fn.EXISTS(Line.select(Line.id).where(billed)))


def standing_words(change, *, today):
    """Where a new price stands, in a sentence for staff."""
    first = words.date(change.starts_on)
    if change.canceled_on:
        return f"Taken back on {words.date(change.canceled_on)}: {change.cancel_reason or 'no reason given'}"
    if not change.needs_notice:
        return f"Counts from {first}: {change.agreed_how or 'no message is needed'}."
    if change.told_on:
        return f"Told on {words.date(change.told_on)}; counts from {first}."
    if today > change.tell_by_on and (line := change.charge.lines.where(_lines_at(change)).first()):
        more = format_cents(max(line.unit_cents - change.old_cents, 0) * line.quantity)
        return (
            f"Billed on {line.invoice} before its message came back, so nobody was told. Credit the {more} "
            "that it is more, and plan it for a later day."
        )
    if today > change.tell_by_on:
        return (
            f"Not billed: there is no proof that it was told by {words.date(change.tell_by_on)}. "
            "The old price goes on. Take it back and plan it for a later day."
        )
    return (
        f"The customer was not told yet: the old price is billed. It counts from {first} once the message "
        f"left {_window_words(change, today)}."
    )


def _window_words(change, today):
    """When the message counts, in words."""
    first, last = change.tell_from_on, change.tell_by_on
    if today >= last or first == last:
        return f"on {words.date(last)}"
    if today >= first:
        return f"by {words.date(last)}"
    return f"between {words.date(first)} and {words.date(last)}"


def messages(change):
    """The Notices by which somebody is told of a new price, with whom they go to, in their order."""
    lead = change.told_with_id or change.id
    query = Notice.select(Notice, Contact).join(Contact, JOIN.LEFT_OUTER)
    return list(query.where(Notice.price_change == lead).order_by(Notice.id))


# --- What it says --------------------------------------------------------------------------------


def document(change, *, today, online=""):
    """The Told of an increase: each charge with old and new amount, the first day, what one can do."""
    contract, changes = change.charge.contract, list(change.told_together)
    name, first = endings.lower(contract.name), words.date(change.starts_on)
    return told.told(
        contract.customer,
        today=today,
        online=online,
        title=f"Your price changes on {first}",
        sentence=f"From {first} on, your {name} costs more. Here is what changes.",
        facts=(
            ("Account", f"{contract.customer.account_number}, {contract.name}"),
            ("Where", words.joined(dict.fromkeys(_place(one.charge) for one in changes))),
            *map(_fact, changes),
            ("From", first),
        ),
        paragraphs=(
            f"Why: {change.reason}." if change.reason else "",
            "Nothing else changes. Tax is added where it applies.",
            "Is that too much, or is something not right? "
            "Talk to us, or end the service on the page below; no reason is needed.",
        ),
    )


def _place(charge):
    return ", ".join(part for part in (charge.site.name, charge.site.street) if part) if charge.site else ""


def _fact(change):
    charge = change.charge
    old, new = (
        format_cents(charge.quantity * cents - charge.discount_cents)
        for cents in (change.old_cents, change.unit_cents)
    )
    return str(charge), f"{old} {letter.EVERY[charge.cycle_months]} now, {new} from then on"
