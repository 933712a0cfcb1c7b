"""Autopay: the customer's standing permission, and the day on which each invoice is charged under it.

An authorization is a row with every word that was agreed to; other terms are a new row. From it follows a
PlannedCharge for every open invoice: its day, and whether the customer was told of it in time. What is too
late to be told in time is charged later, never without notice. Charging itself stands in ``charging``; what
pages and mails say of the plan, in ``upcoming``.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from peewee import fn

from billing import company as companies
from billing import events, ledger, notices, prepared, words
from billing.automatic import consent, following, telling, upcoming
from billing.automatic.consent import Terms
from billing.errors import BillingError
from billing.money import format_cents
from billing.periods import YEAR
from models import (
    Autopay,
    Contact,
    Customer,
    Event,
    Invoice,
    Payment,
    PaymentMethod,
    PaymentPart,
    PlannedCharge,
    among,
    db,
)

CHUNK = 500  # customers in one transaction


# --- The authorization ---------------------------------------------------------------------------


def standing(customer):
    """The customer's Autopay, or None while nothing is charged automatically."""
    return _standing.first(customer)


@prepared.question
def _standing(customer):
    return Autopay.select().where((Autopay.customer == customer) & Autopay.ended_at.is_null()).limit(1)


# --- Agreeing and ending -------------------------------------------------------------------------


def agree(
    customer, *, contact, method, timing, days_before, day_of_month, cap_cents, tell_days, text, address,
    by, today, now,
):  # fmt: skip
    """Switch autopay on, or replace its terms. Returns the Autopay; the same terms again, the same one.

    text    -- the words that were on the page when the box was ticked
    address -- the network address that the click came from

    Plans the open invoices at once and mails a copy. Raises BillingError when the words are not (any more)
    those of these terms, or the method cannot be used.
    """
    terms = Terms(timing, days_before, day_of_month, cap_cents, tell_days)
    with ledger.locked(customer.id):
        method = PaymentMethod.get_by_id(method.id)
        _check_agreeing(customer, contact, method, terms, text, today)
        before = standing(customer)
        if before and before.text == text and before.method_id == method.id:
            return before
        former = _end_rows(before, "Autopay has other terms now.", by, now) if before else {}
        made = _store(customer, contact, method, terms, text, address, by, now)
        _write_plan([customer.id], today, now, former)
        telling.tell([customer.id], today=today, now=now, stated=True)
        _follow_wish(customer, method)
        notices.queue_autopay_on(made, now=now)
        events.record(
            "autopay.agreed", made, by=by, now=now, customer=customer,
            after=terms._asdict() | {"method": method.label, "from": address},
        )  # fmt: skip
    return made


def _check_agreeing(customer, contact, method, terms, text, today):
    if method.customer_id != customer.id:
        raise ValueError(f"{method} is not {customer}'s")  # doors find methods through the customer
    if contact is not None and (contact.role != Contact.PAYER or contact.customer_id != customer.id):
        raise BillingError("Only somebody who pays for this account can switch autopay on.")
    if method.state != PaymentMethod.ACTIVE:
        raise BillingError(f"{method.label} cannot be used any more. Please choose another one.")
    if method.expires_on and method.expires_on < today:
        raise BillingError(f"{method.label} has expired. Please choose another one.")
    if text != consent.words_of(customer, method, **terms._asdict()).text:
        raise BillingError("The wording has changed since you opened this page. Please read it once more.")


def _store(customer, contact, method, terms, text, address, by, now):
    return Autopay.create(
        customer=customer,
        contact=contact,
        method=method,
        **terms._asdict(),
        text=text,
        text_version=consent.version(method, customer),
        agreed_at=now,
        agreed_from=address[:45],
        agreed_by=by,
    )


def _follow_wish(customer, method):
    """What the customer wishes and what is done are one thing from now on."""
    wish = Customer.BANK_AUTOPAY if method.kind == PaymentMethod.BANK else Customer.CARD_AUTOPAY
    Customer.update(pay_wish=wish).where(Customer.id == customer.id).execute()
    customer.pay_wish = wish


def end(autopay, *, reason, by, now):
    """Switch autopay off, at once. Returns the Autopay; ending it twice is ending it once.

    Nothing that was planned is charged any more; what was sent to the processor already is not called back.
    """
    with ledger.locked(autopay.customer_id):
        autopay = Autopay.get_by_id(autopay.id)
        if autopay.ended_at:
            return autopay
        _end_rows(autopay, "Autopay was switched off.", by, now, reason)
        wishes = (Customer.CARD_AUTOPAY, Customer.BANK_AUTOPAY)
        Customer.update(pay_wish=Customer.REMINDERS).where(
            (Customer.id == autopay.customer_id) & Customer.pay_wish.in_(wishes)
        ).execute()
        notices.queue_autopay_off(autopay, now=now)
        events.record("autopay.ended", autopay, by=by, now=now, reason=reason)
    return Autopay.get_by_id(autopay.id)


def _end_rows(autopay, why, by, now, reason=""):
    """End an authorization and what was planned under it; returns {invoice id: the row that was planned}."""
    Autopay.update(ended_at=now, ended_by=by, end_reason=(reason or why)[:255]).where(
        Autopay.id == autopay.id
    ).execute()
    live = upcoming.live().where(PlannedCharge.autopay == autopay)
    former = {row.invoice_id: row for row in live}
    _drop(PlannedCharge.autopay == autopay, why)
    return former


def under_way(autopay):
    """A query of the charges under this authorization that are sent and not concluded: too late to stop."""
    return autopay.payments.where(Payment.state.in_(Payment.LIVE)).order_by(Payment.id)


# --- Planning: which day -------------------------------------------------------------------------


def charge_day(terms, *, issued_on, due_on):
    """The day on which these terms have an invoice charged.

    >>> import datetime
    >>> charge_day(Terms("day_of_month", day_of_month=5), issued_on=datetime.date(2026, 12, 6), due_on=None)
    datetime.date(2027, 1, 5)
    """
    if terms.timing == Autopay.DAYS_BEFORE:
        return due_on - timedelta(days=terms.days_before)
    if terms.timing == Autopay.DUE_DATE:
        return due_on
    day = issued_on.replace(day=terms.day_of_month)
    return day if day >= issued_on else (day.replace(day=1) + timedelta(days=31)).replace(day=day.day)


def planned(invoice):
    """The live PlannedCharge of an invoice, or None."""
    return upcoming.live().where(PlannedCharge.invoice == invoice).first()


def plan_due(today, *, now):
    """Plan a charge for every open invoice of an autopay customer that has none yet; returns how many.

    An invoice is planned once under an authorization. One that was charged and came back is planned again
    only when a second try was set for it; one that was given up, or disputed, never is.
    """
    _drop(_is_settled(), "Nothing is left to pay.")
    _drop(_is_ended(), "Autopay was switched off.")
    unplanned = {row.customer_id for row in _unplanned()} | {row.customer_id for row in _to_repeat()}
    unplanned |= {customer_id for _, customer_id, *_ in following.next_parts(today)}
    count = 0
    for ids in _chunks(sorted(unplanned), CHUNK):
        with db.atomic():
            _lock(ids)
            count += _write_plan(ids, today, now)
    return count


def plan(customer_ids, *, today, now):
    """Plan what was just issued to these customers, in the transaction that issues it; returns how many."""
    return _write_plan(customer_ids, today, now)


def _chunks(rows, size):
    return (rows[at : at + size] for at in range(0, len(rows), size))


def done(invoice_ids, *, today):
    """These were charged. What comes back of them, and may be tried again, is planned anew.

    So is what is not due yet: the next installment of a plan, a part that is still disputed.
    """
    rests = among(Invoice.id, following.resting(today))
    paid = Invoice.select(Invoice.id).where(
        among(Invoice.id, invoice_ids) & ((Invoice.open_cents == 0) | rests)
    )
    PlannedCharge.update(state=PlannedCharge.DONE).where(
        (PlannedCharge.state == PlannedCharge.PLANNED) & PlannedCharge.invoice.in_(paid)
    ).execute()


def put_aside(invoice_ids, why):
    """Nothing that was planned for these invoices is charged by itself; in the caller's lock."""
    _drop(among(PlannedCharge.invoice, list(invoice_ids)), why)


def _lock(customer_ids):
    """What ``ledger.locked`` is for one customer, for many, in one order."""
    if db.for_update:
        ids = Customer.select(Customer.id).where(among(Customer.id, customer_ids)).order_by(Customer.id)
        list(ids.for_update("FOR NO KEY UPDATE").tuples())


def _drop(condition, why):
    PlannedCharge.update(state=PlannedCharge.DROPPED, reason=why).where(
        (PlannedCharge.state == PlannedCharge.PLANNED) & condition
    ).execute()


def _is_settled():
    paid = Invoice.select(Invoice.id).where((Invoice.id == PlannedCharge.invoice) & (Invoice.open_cents == 0))
    return fn.EXISTS(paid)


def _is_ended():
    ended = Autopay.select(Autopay.id).where(
        (Autopay.id == PlannedCharge.autopay) & Autopay.ended_at.is_null(False)
    )
    return fn.EXISTS(ended)


def _unplanned(customer_ids=None):
    """Open invoices without any planned charge under the authorization that stands, with its terms."""
    known = PlannedCharge.select(PlannedCharge.id).where(
        (PlannedCharge.invoice == Invoice.id) & (PlannedCharge.autopay == Autopay.id)
    )
    query = (
        Autopay.select(
            Autopay.id, Autopay.customer.alias("customer_id"), Autopay.timing, Autopay.days_before,
            Autopay.day_of_month, PaymentMethod.kind, Invoice.id.alias("invoice_id"), Invoice.issued_on,
            Invoice.due_on, Invoice.open_cents,
        )
        .join(PaymentMethod)
        .switch(Autopay)
        .join(Invoice, on=(Invoice.customer == Autopay.customer))
        .where(Autopay.ended_at.is_null() & Invoice.IS_OWED & ~fn.EXISTS(known))
        .where(~following.was_let_go(Invoice.id, Autopay.agreed_at))
        .order_by(Invoice.id)
    )  # fmt: skip
    return _of(query, Autopay.customer, customer_ids).namedtuples()


def _of(query, column, customer_ids):
    return query if customer_ids is None else query.where(among(column, customer_ids))


def _to_repeat(customer_ids=None):
    """Open invoices whose automatic payment came back and is to be tried once more.

    A page of the processor that was opened since and led to nothing takes nobody's second try away.
    """
    later, part, attempt = PaymentPart.alias(), PaymentPart.alias(), Payment.alias()
    nothing = attempt.method.is_null() & attempt.state.in_((Payment.EXPIRED, Payment.DECLINED))
    again = (
        later.select(later.id)
        .join(attempt, on=(later.payment == attempt.id))
        .where((later.invoice == part.invoice) & (later.payment > part.payment) & ~nothing)
    )
    live = PlannedCharge.select(PlannedCharge.id).where(
        (PlannedCharge.invoice == part.invoice) & (PlannedCharge.state == PlannedCharge.PLANNED)
    )
    query = (
        Payment.select(
            Autopay.id, Autopay.customer.alias("customer_id"), Invoice.id.alias("invoice_id"),
            Invoice.open_cents, Payment.retry_on,
        )
        .join(Autopay)
        .switch(Payment)
        .join(part, on=(part.payment == Payment.id))
        .join(Invoice, on=(part.invoice == Invoice.id))
        .where(
            Autopay.ended_at.is_null()
            & (Payment.state == Payment.RETURNED)
            & Payment.retry_on.is_null(False)
            & Invoice.IS_OWED
            & ~fn.EXISTS(again)
            & ~fn.EXISTS(live)
            & ~following.was_let_go(Invoice.id, Payment.created_at)
        )
    )  # fmt: skip
    return _of(query, Payment.customer, customer_ids).namedtuples()


def _write_plan(customer_ids, today, now, former=None):
    """Plan for these customers in the caller's transaction.

    former -- {invoice id: the row under other terms that the new one replaces}
    """
    special = following.special(customer_ids)
    rows = [
        *_first_charges(customer_ids, today, former or {}, special),
        *_next_parts(customer_ids, today),
        *_second_tries(customer_ids, today, special),
    ]
    for chunk in _chunks(rows, 100):
        PlannedCharge.insert_many([row | {"created_at": now} for row in chunk]).on_conflict_ignore().execute()
    return len(rows)


def _first_charges(customer_ids, today, former, special):
    """What nothing was planned for yet, on the day of the terms."""
    for row in _unplanned(customer_ids):
        if following.cents_on(special, row.invoice_id, row.open_cents, date.max):
            before, own_day = former.get(row.invoice_id), following.own_day(special, row.invoice_id)
            yield _about(row) | _plan_of(row, row, row.kind, today, before, own_day)


def _next_parts(customer_ids, today):
    """What a plan, or a decision about a dispute, makes due later than what was charged."""
    for id, customer_id, invoice_id, day in following.next_parts(today, customer_ids):
        about = {"autopay": id, "customer": customer_id, "invoice": invoice_id}
        yield about | _NOTHING | {"charge_on": day}


def _second_tries(customer_ids, today, special):
    """What came back and may be tried once more: whoever reads that it came back reads of this as well."""
    for row in _to_repeat(customer_ids):
        cents = following.cents_on(special, row.invoice_id, row.open_cents, row.retry_on)
        told = {"charge_on": max(row.retry_on, today), "told_on": today, "told_cents": cents}
        yield _about(row) | _NOTHING | told


def _about(row):
    return {"autopay": row.id, "customer": row.customer_id, "invoice": row.invoice_id}


_NOTHING = {"told_on": None, "told_cents": None, "postponed_from_on": None, "postponed_at": None}


def _plan_of(invoice, terms, method_kind, today, former, own_day=None):
    """Day and notice of one invoice, as columns of PlannedCharge.

    own_day -- the day that its next part has, whatever the terms say: of a plan, or of a decision

    What the customer put off under former terms stays put off. A notice given under them counts for a
    card, so that a card that replaces a declined one is charged at once; the law asks for a new one for a
    bank debit.
    """
    day = own_day or charge_day(terms, issued_on=invoice.issued_on, due_on=invoice.due_on)
    day = max(day, today)
    values = _NOTHING | {"charge_on": day}
    if former and former.postponed_at and former.charge_on > today:
        values |= {
            "charge_on": max(former.charge_on, day),
            "postponed_from_on": former.postponed_from_on,
            "postponed_at": former.postponed_at,
        }
    if former and former.told_on and method_kind == PaymentMethod.CARD:
        values |= {"told_on": former.told_on, "told_cents": former.told_cents}
    return values


# --- Telling: never without notice ---------------------------------------------------------------


def tell_due(today, *, now):
    """Announce what must or should be announced now, and move what cannot be told in time.

    Returns how many charges were announced. What has to be told, and when, stands in ``telling``.
    """
    told = 0
    for ids in _chunks(telling.customers_to_tell(), CHUNK):
        with db.atomic():
            _lock(ids)
            telling.untell(ids, today=today, now=now)
            told += telling.tell(ids, today=today, now=now)
    telling.withdraw_letters()
    return told


def preview(customer, method, terms, *, today):
    """What these terms would charge of what is open now: [(day, [invoices])], earliest first.

    The same arithmetic as ``agree``, before anybody agrees.
    """
    before = standing(customer)
    planned_before = upcoming.live().where(PlannedCharge.autopay == before) if before else ()
    former = {row.invoice_id: row for row in planned_before}
    invoices = {invoice.id: invoice for invoice in ledger.open_invoices(customer)}
    rows, special = [], following.special([customer.id])
    for invoice in list(invoices.values()):
        own_day = following.own_day(special, invoice.id)
        values = _plan_of(invoice, terms, method.kind, today, former.get(invoice.id), own_day)
        cents = following.cents_on(special, invoice.id, invoice.open_cents, values["charge_on"])
        if not cents:
            del invoices[invoice.id]
            continue
        rows.append(
            telling.Row(
                invoice.id, customer.id, 0, invoice.id, values["charge_on"], values["told_on"],
                values["told_cents"], None, cents, terms.tell_days, terms.cap_cents, method.kind,
                customer.kind,
            )
        )  # fmt: skip
    has_reader = bool(telling.with_reader([customer.id]))
    told = telling.Desk(today, None, {}, True, has_reader).decide(rows)
    days = telling.grouped(invoices.values(), lambda invoice: told[invoice.id].charge_on)
    return sorted(days, key=lambda group: group[0])


# --- Putting a charge off ------------------------------------------------------------------------


@dataclass(frozen=True)
class Postponing:
    """How a planned charge can be put off: to which days, earliest first, and to which of them not.

    crowded -- {day: cents} of days that would be possible, but that others are charged on: together with
               them it would be above the customer's limit, and nothing would be charged at all
    """

    charge: upcoming.Upcoming
    days: tuple[date, ...]
    crowded: dict

    @property
    def warning(self):
        """Why some days are not offered, for the customer; empty when all are."""
        if not self.crowded:
            return ""
        days = words.joined(
            f"{words.date(day)} ({format_cents(cents)})" for day, cents in self.crowded.items()
        )
        return (
            f"Not offered, because other invoices are charged then: {days}. Together that would be above "
            f"your limit of {format_cents(self.charge.autopay.cap_cents)}, and nothing would be charged."
        )


def postponing(planned, *, today, now):
    """The Postponing of a planned charge. Raises BillingError with the reason when it cannot be put off."""
    charges = upcoming.of_customer(Customer.get_by_id(planned.customer_id), today=today)
    charge = next((one for one in charges if planned.id in {row.id for row in one.planned}), None)
    if charge is None or planned.state != PlannedCharge.PLANNED:
        raise BillingError("This charge is not planned any more.")
    if charge.objection:
        raise BillingError(charge.why_not)
    if charge.is_retry or any(ledger.standing_attempt(invoice) for invoice in charge.invoices):
        raise BillingError("This charge is under way already, so it cannot be put off any more.")
    company = companies.current()
    if not waits_left(planned.customer_id, now=now):
        raise BillingError(
            f"A charge can be put off {words.times(company.postpone_limit)} in a year, and that is used up. "
            "You can switch autopay off instead, or talk to us."
        )
    found = _postponing(charge, charges, company)
    if not found.days:
        refusal = f"This charge cannot be put off beyond {words.date(charge.charge_on)}."
        raise BillingError(f"{refusal} {found.warning}".strip())
    return found


def _postponing(charge, charges, company):
    """The Postponing of one among all charges of a customer, as far as days and the limit go."""
    beside = _beside(charge, charges)
    first_on = min(row.postponed_from_on or row.charge_on for row in charge.planned)
    last_on = first_on + timedelta(days=company.postpone_days)
    days = [charge.charge_on + timedelta(days=n + 1) for n in range((last_on - charge.charge_on).days)]
    cap_cents = charge.autopay.cap_cents
    crowded = {
        day: beside[day]
        for day in days
        if cap_cents and day in beside and beside[day] + charge.cents > cap_cents
    }
    return Postponing(charge, tuple(day for day in days if day not in crowded), crowded)


def _beside(charge, charges):
    """{day: cents} of what else is charged, and what a charge put off to that day would be charged with."""
    counts = ("", upcoming.ABOVE_CAP)
    return {
        one.charge_on: one.cents
        for one in charges
        if one is not charge and one.objection in counts and not one.was_asked
    }


def can_wait(charges, *, now):
    """The days of those of one customer's Upcoming charges, all of them given, that can be put off."""
    offered = [one for one in charges if one.is_promise and not one.is_retry]
    if not offered or not waits_left(offered[0].autopay.customer_id, now=now):
        return frozenset()
    company = companies.current()
    return frozenset(one.charge_on for one in offered if _postponing(one, charges, company).days)


def waits_left(customer_id, *, now):
    """How often a customer can still put a charge off, in the year that ends now."""
    return max(companies.current().postpone_limit - _postponed_count(customer_id, now), 0)


def _postponed_count(customer_id, now):
    return (
        Event.select()
        .where(
            (Event.customer_id == customer_id) & (Event.what == "autopay.postponed") & (Event.at > now - YEAR)
        )
        .count()
    )


def postpone(planned, *, until_on, by, today, now):
    """Put off everything that is charged together with ``planned``; returns the PlannedCharge as it is now.

    Raises BillingError for a day that is not allowed, and when the charge is under way: the charge step and
    this take the same lock, so one of them comes first.
    """
    with ledger.locked(planned.customer_id):
        planned = PlannedCharge.get_by_id(planned.id)
        found = postponing(planned, today=today, now=now)
        if until_on in found.crowded:
            raise BillingError(found.warning)
        if until_on not in found.days:
            raise BillingError("Please choose one of the days that are offered.")
        charge = found.charge
        for row in charge.planned:
            PlannedCharge.update(
                charge_on=until_on,
                postponed_from_on=row.postponed_from_on or row.charge_on,
                postponed_at=now,
                told_on=today,
                told_cents=row.cents,
            ).where((PlannedCharge.id == row.id) & (PlannedCharge.state == PlannedCharge.PLANNED)).execute()
        notices.queue_postponed(charge.autopay, until_on, now=now)
        before, after = {"charge_on": charge.charge_on}, {"charge_on": until_on}
        events.record("autopay.postponed", planned, by=by, now=now, before=before, after=after)
    return PlannedCharge.get_by_id(planned.id)
