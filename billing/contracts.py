"""Contracts and their recurring charges: start, pause, resume, new price, end.

What a period costs and when it may be billed is computed here, by pure functions over a charge's
terms, so that the bill step, the preview and the customer's page can never disagree.
"""

from datetime import date
from typing import NamedTuple

from peewee import fn

from billing import authorities, events, ledger, masking, money, periods, prepared, words
from billing.errors import BillingError
from models import Charge, Contract, Credit, Hold, Invoice, Line, PriceChange, db


class Billable(NamedTuple):
    """The part of a period that is billed. ``days`` is None for the whole of it."""

    from_on: date
    to_on: date
    days: int | None
    of_days: int | None


class Terms(NamedTuple):
    """What of a charge decides its periods; a Charge row has the same names."""

    starts_on: date
    ends_on: date | None
    cycle_months: int
    anchor_day: int
    in_arrears: bool
    prorate_first: bool
    prorate_last: bool


# --- Pure: periods of a charge -------------------------------------------------------------------


def period_of(terms, index):
    """The whole calendar period number ``index`` of a charge, clipped by nothing."""
    first = periods.first_start(terms.starts_on, terms.anchor_day, prorate=terms.prorate_first)
    return periods.period(first, terms.anchor_day, terms.cycle_months, index)


def index_of(terms, day):
    """The index of the period that holds ``day``."""
    first = period_of(terms, 0).from_on
    return periods.index_at(first, terms.anchor_day, terms.cycle_months, day)


def bill_on(terms, index):
    """The day from which period ``index`` may be billed, or None when the charge ends before it.

    In advance it is the first day of service, in arrears the last.
    """
    whole = period_of(terms, index)
    starts = max(whole.from_on, terms.starts_on)
    if terms.ends_on is not None and starts > terms.ends_on:
        return None
    if not terms.in_arrears:
        return starts
    return whole.to_on if terms.ends_on is None else min(whole.to_on, terms.ends_on)


def billable(terms, index, pauses=()):
    """What of period ``index`` is billed, as a Billable; None when all of it was paused.

    pauses -- pairs (first day, last day or None) in which nothing is charged

    A period cut short by the charge's end is billed by the day when ``prorate_last``, else in full.
    """
    whole = period_of(terms, index)
    starts, ends = max(whole.from_on, terms.starts_on), whole.to_on
    if terms.ends_on is not None and terms.ends_on < ends and terms.prorate_last:
        ends = terms.ends_on
    paused = _paused_days(starts, ends, pauses) if pauses else 0
    days = (ends - starts).days + 1 - paused
    if days <= 0:
        return None
    if days == whole.days:
        return Billable(starts, ends, None, None)
    return Billable(starts, ends, days, whole.days)


def _paused_days(starts, ends, pauses):
    """Days of [starts, ends] that lie in any pause; pauses may overlap each other."""
    days = set()
    for first, last in pauses:
        day, last = max(first, starts), min(last or ends, ends)
        days.update(range(day.toordinal(), last.toordinal() + 1))
    return len(days)


def is_undecided(terms, index, pauses, today):
    """True while a running pause touches period ``index`` and the period is not over.

    It is billed when the pause has an end or the period has: before that, nobody knows how many of its days
    are charged, and a period is billed once only.
    """
    ends = period_of(terms, index).to_on
    if terms.ends_on is not None:
        ends = min(ends, terms.ends_on)
    return today <= ends and any(last is None and first <= ends for first, last in pauses)


def price_at(unit_cents, changes, day):
    """The price of one for a period that starts on ``day``; ``changes`` is [(from, cents)] in order."""
    for starts_on, cents in changes:
        if starts_on <= day:
            unit_cents = cents
    return unit_cents


# --- Use cases -----------------------------------------------------------------------------------


def start(charge, *, by, now):
    """Put a new charge on the calendar: its first period waits to be billed. Returns the charge.

    Raises BillingError when its dates contradict each other or the contract's.
    """
    contract = charge.contract
    if charge.ends_on is not None and charge.ends_on < charge.starts_on:
        raise BillingError("The charge ends before it starts. Correct one of the two dates.")
    if contract.ends_on is not None and charge.starts_on > contract.ends_on:
        ended = words.date(contract.ends_on)
        raise BillingError(f"The contract ended on {ended}. Start the charge on another contract.")
    with db.atomic():
        charge.next_index = 0
        charge.next_on = bill_on(charge, 0)
        charge.save()
        events.record("charge.started", charge, by=by, now=now, customer=contract.customer)
    return charge


def pause(contract, *, from_on, reason, by, now):
    """Stop charging for a contract from a date on, until it is resumed. Returns the Hold.

    Days that were billed in advance already stay billed; credit them by hand when that is wanted.
    """
    reason = masking.reason(reason, "Say why the contract is paused.")
    with ledger.locked(contract.customer_id):
        if running_pause(contract):
            raise BillingError("This contract is paused already.")
        hold = Hold.create(
            scope=Hold.BILLING,
            customer=contract.customer_id,
            contract=contract,
            reason=reason,
            by=by,
            starts_on=from_on,
            created_at=now,
        )
        events.record("contract.paused", contract, by=by, now=now, reason=reason, after={"from": from_on})
    return hold


def running_pause(contract):
    """The pause of a contract that has no end yet, or None."""
    return Hold.get_or_none(
        (Hold.contract == contract) & (Hold.scope == Hold.BILLING) & Hold.ends_on.is_null()
    )


def resume(contract, *, on, by, now):
    """Charge again from ``on``: the day before it is the last day of the pause. Returns the Hold.

    Periods that were passed over because they lay in the pause, and do so no longer, wait to be billed.
    """
    with ledger.locked(contract.customer_id):
        hold = running_pause(contract)
        if hold is None:
            raise BillingError("This contract is not paused.")
        if on <= hold.starts_on:
            raise BillingError(f"The pause began on {words.date(hold.starts_on)}. Resume on a later day.")
        hold.ends_on = on - periods.DAY
        hold.save()
        for charge in contract.charges.where(Charge.starts_on <= on):
            _put_back_to(charge, on)
        events.record("contract.resumed", contract, by=by, now=now, after={"on": on})
    return hold


def _put_back_to(charge, day):
    """Bill again from the period that holds ``day``, or from the first one after it that was passed over.

    One that was billed and voided was not passed over: it was given up, or put back when it was voided.
    """
    index = max(index_of(charge, day), 0)
    since = charge.lines.where(Line.from_on >= period_of(charge, index).from_on)
    billed = since.order_by(Line.from_on.desc()).first()
    if billed is not None:
        index = max(index, index_of(charge, billed.from_on) + 1)
    if index < charge.next_index:
        bill_next(charge, index)


def bill_next(charge, index):
    """Let period ``index`` of a charge be billed next; none, when its contract ended before it began."""
    ended_on = charge.contract.ends_on
    never_began = ended_on is not None and ended_on < charge.starts_on
    charge.next_index, charge.next_on = index, None if never_began else bill_on(charge, index)
    charge.save()


def change_price(charge, *, from_on, unit_cents, reason, by, now, agreed_how=""):
    """Give a charge a new price for every period that starts on or after ``from_on``. Returns the change.

    agreed_how -- what shows that the customer agreed to an increase, such as a signed order

    Issued invoices stay as they are; a period that was billed already is refused. So is an increase that
    nobody agreed to: that one is planned and told first (billing/renewals/prices.py).
    """
    reason, agreed_how = masking.typed(reason), masking.typed(agreed_how)
    with ledger.locked(charge.contract.customer_id):
        old_cents = price_on(charge, from_on)
        if unit_cents > old_cents and not agreed_how:
            raise BillingError(
                "An increase counts only once it was told, or agreed to. Say what shows that the customer "
                "agreed, or plan the increase so that they are told in time."
            )
        return write_price(
            charge, from_on=from_on, unit_cents=unit_cents, reason=reason, by=by, now=now,
            old_cents=old_cents, agreed_how=agreed_how,
        )  # fmt: skip


def write_price(charge, *, from_on, unit_cents, reason, by, now, **more):
    """Write one PriceChange, inside the caller's lock of the customer. ``more``: its other columns."""
    if unit_cents < 0:
        raise BillingError("A price cannot be below zero.")
    check_price_date(charge, from_on)
    change = PriceChange.create(
        charge=charge, starts_on=from_on, unit_cents=unit_cents, reason=reason, by=by, made_at=now, **more
    )
    before = more.get("old_cents", charge.unit_cents)
    events.record(
        "charge.price_changed",
        charge,
        by=by,
        now=now,
        customer=charge.contract.customer,
        reason=reason,
        before={"unit_cents": before},
        after={"unit_cents": unit_cents, "from": from_on},
    )
    return change


def price_on(charge, day):
    """The price of one, in cents, that counts for a period of a charge that starts on ``day``."""
    return price_at(charge.unit_cents, _new_prices(charge), day)


def _new_prices(charge):
    """[(from, cents)] in order: the new prices of a charge that count."""
    changes = charge.price_changes.where(price_counts()).order_by(PriceChange.starts_on)
    return [(one.starts_on, one.unit_cents) for one in changes]


def price_counts():
    """The condition that a PriceChange counts: it stands, and where it must be told, it was."""
    return PriceChange.canceled_on.is_null() & (
        ~PriceChange.needs_notice | PriceChange.told_on.is_null(False)
    )


def check_price_date(charge, from_on):
    """Raise BillingError when no new price can count from that day: billed already, or there is one."""
    billed = charge.lines.where(Line.voided_on.is_null()).order_by(Line.from_on.desc()).first()
    if billed and from_on <= billed.from_on:
        last = words.date(billed.from_on)
        raise BillingError(f"The period from {last} is billed already. Choose a later date.")
    same_day = (PriceChange.starts_on == from_on) & PriceChange.canceled_on.is_null()
    if charge.price_changes.where(same_day).exists():
        raise BillingError(f"There is a new price from {words.date(from_on)} already. Choose another date.")


def end(contract, *, on, reason_code, by, today, now):
    """End a contract: ``on`` is its last day of service. Unused prepaid service is credited.

    Only charges with ``prorate_last`` give credit. Returns the credits that were made. Required fire
    monitoring is refused until its authority was told (billing/authorities.py).
    """
    if on < contract.starts_on:
        raise BillingError("A contract cannot end before it starts.")
    if reason_code not in Contract.END_REASONS:
        raise BillingError("Choose why the contract ends.")
    with ledger.locked(contract.customer_id):
        ended_on = Contract.get_by_id(contract.id).ends_on
        if ended_on is not None:
            raise BillingError(f"This contract ended on {words.date(ended_on)} already.")
        authorities.refuse(contract, on)
        contract.ends_on, contract.end_reason = on, reason_code
        contract.save()
        charges = list(contract.charges.where(Charge.ends_on.is_null() | (Charge.ends_on > on)))
        credits = [credit for charge in charges for credit in _end_charge(charge, on, by, today, now)]
        events.record("contract.ended", contract, by=by, now=now, reason=reason_code, after={"ends_on": on})
    return credits


def _end_charge(charge, on, by, today, now):
    """End one charge and credit what was billed beyond; yields the credits."""
    charge.ends_on = max(on, charge.starts_on)
    bill_next(charge, charge.next_index)
    for line, cents in unused(charge, on):
        yield _credit_unused(charge, line, cents, by, today, now)


def unused(charge, on):
    """[(issued Line, cents)]: what of a charge was billed for days after ``on``, as it would be credited.

    A charge without ``prorate_last`` gives nothing back. Only reading.
    """
    if not charge.prorate_last:
        return
    beyond = Line.select(Line, Invoice).join(Invoice).where(
        (Line.charge == charge) & (Line.to_on > on) & Line.voided_on.is_null()
        & (Invoice.state == Invoice.ISSUED)
    )  # fmt: skip
    pauses = _pauses(charge.contract)
    for line in list(beyond):
        cents = money.share(line.total_cents, *_unused_days(line, on, pauses))
        credited = sum(credit.amount_cents for credit in line.invoice.credits)
        cents = min(cents, line.invoice.total_cents - credited)
        if cents > 0:
            yield line, cents


def left_to_bill(charge, on):
    """[(Billable, cents before discount and tax)]: what a charge is still billed that ends on ``on``.

    Only reading; at most five years of periods.
    """
    ending, pauses = (
        charge_terms(charge)._replace(ends_on=max(on, charge.starts_on)),
        _pauses(charge.contract),
    )
    new_prices = _new_prices(charge)
    for index in range(charge.next_index, charge.next_index + 60):
        if charge.next_on is None or bill_on(ending, index) is None:
            return
        part = billable(ending, index, pauses)
        if part is not None:
            cents = charge.quantity * price_at(charge.unit_cents, new_prices, part.from_on)
            yield part, cents if part.days is None else money.share(cents, part.days, part.of_days)


def charge_terms(charge):
    """The Terms of a Charge row."""
    return Terms(*(getattr(charge, name) for name in Terms._fields))


def _pauses(contract):
    """[(first day, last day or None)] in which nothing was charged for a contract."""
    everywhere = (Hold.customer == contract.customer_id) & Hold.contract.is_null()
    holds = Hold.select().where((Hold.scope == Hold.BILLING) & ((Hold.contract == contract) | everywhere))
    return [(hold.starts_on, hold.ends_on) for hold in holds]


def _unused_days(line, on, pauses):
    """(days after ``on`` that a line charged for, days that it charged for).

    Days that a pause had left out of the line were never paid, so they are not given back.
    """
    whole = (line.to_on - line.from_on).days + 1
    charged = line.days or whole
    starts = max(on + periods.DAY, line.from_on)
    left_out = min(_paused_days(starts, line.to_on, pauses), whole - charged)
    return (line.to_on - starts).days + 1 - left_out, charged


def _credit_unused(charge, line, cents, by, today, now):
    credit = Credit.create(
        customer=line.invoice.customer_id,
        invoice=line.invoice,
        line=line,
        kind=Credit.UNUSED_SERVICE,
        amount_cents=cents,
        reason=f"Unused service: {line.text} after {charge.ends_on:%B %-d, %Y}",
        by=by,
        made_on=today,
        created_at=now,
    )
    ledger.open_money(credit)
    ledger.apply_oldest_first(credit, by=by, on=today)
    events.record("credit.made", credit, by=by, now=now, reason=credit.reason)
    return credit


# --- Queries -------------------------------------------------------------------------------------


def upcoming(customer, *, count=3):
    """The next periods that will be billed to a customer: [(bill on, Billable, charge)], soonest first.

    What is paused until somebody says otherwise is not among them.
    """
    rows = []
    for charge in _running(customer):
        for index in range(charge.next_index, charge.next_index + count):
            day, part = bill_on(charge, index), billable(charge, index)
            if day is not None and part is not None:
                rows.append((day, part, charge))
    return sorted(rows, key=lambda row: (row[0], row[2].id))[:count]


@prepared.question
def _running(customer):
    """The charges of a customer that go on and are not paused until somebody says otherwise."""
    paused = (Hold.customer == customer) & (Hold.scope == Hold.BILLING) & Hold.ends_on.is_null()
    paused &= Hold.contract.is_null() | (Hold.contract == Contract.id)
    return (
        Charge.select(Charge, Contract)
        .join(Contract)
        .where((Contract.customer == customer) & Charge.next_on.is_null(False))
        .where(~fn.EXISTS(Hold.select().where(paused)))
    )
