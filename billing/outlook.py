"""What is ahead of an account, with real dates: asked before it happens, so that nobody wonders.

Only looking ahead. What the daily job then does stands in ``bill``, ``notices`` and ``automatic``; this asks
the same rules, so that what a customer was told and what they get cannot differ. Nothing here writes a row.
The sentences made of it stand in ``foretold``.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from peewee import fn

from billing import (
    bill,
    calendars,
    contracts,
    demands,
    digests,
    ledger,
    naming,
    preferences,
    promises,
    reminding,
)
from billing import company as companies
from billing.automatic import autopay, telling, texting, upcoming
from billing.documents import autopay_documents
from billing.plans import standing as plans
from billing.plans import telling as plan_telling
from models import Contact, Notice, PaymentMethod, Preference


@dataclass(frozen=True)
class NextInvoice:
    """The next invoice as it would be billed by what is known today; ``total_cents`` with tax.

    charge_on   -- the day on which autopay would charge it to ``method``; None while it would not
    told        -- telling.Foreseen of that charge, or None
    above_cents -- the customer's limit, when that is why autopay will ask first
    """

    bill_on: date
    due_on: date
    total_cents: int
    texts: tuple[str, ...]
    charge_on: date | None = None
    method: str = ""
    told: telling.Foreseen | None = None
    above_cents: int = 0


def next_invoice(customer, *, today):
    """The NextInvoice of a customer, or None when nothing that recurs is on the calendar."""
    return _next_invoice(customer, autopay.standing(customer), today)


def _next_invoice(customer, standing, today):
    company = companies.current()
    coming = contracts.upcoming(customer, count=1)
    if not coming:
        return None
    starts_on, _, charge = coming[0]
    ahead = timedelta(days=0 if charge.in_arrears else company.bill_ahead_days)
    bill_on = max(starts_on - ahead, today)
    lines = bill.recurring_lines(customer, bill_on)
    if not lines:
        return None  # paused, muted, or not billable before somebody has looked at it
    due_on = bill_on + timedelta(days=companies.terms_days(company, customer))
    total_cents = sum(line.total_cents for line in lines)
    return NextInvoice(
        bill_on=bill_on,
        due_on=due_on,
        total_cents=total_cents,
        texts=tuple(dict.fromkeys(line.text for line in lines)),
        **_charge(customer, standing, total_cents, bill_on, due_on),
    )


def _charge(customer, standing, cents, bill_on, due_on):
    """When and how an invoice to come is charged, and how that is announced, as fields of NextInvoice."""
    if standing is None or standing.method.state != PaymentMethod.ACTIVE:
        return {}  # it waits for another card or account: what comes is not charged
    if standing.cap_cents and cents > standing.cap_cents:
        return {"above_cents": standing.cap_cents}
    day = max(autopay.charge_day(standing, issued_on=bill_on, due_on=due_on), bill_on)
    if upcoming.is_held(customer, day):
        return {}
    told = _announced(customer, standing, cents, day, bill_on)
    return {"charge_on": told.charge_on, "method": standing.method.label, "told": told}


def _announced(customer, standing, cents, day, bill_on):
    """The telling.Foreseen of a charge to come: neither law nor wish asks for one, or both are heard."""
    row = telling.Row(
        0, customer.id, standing.id, 0, day, None, None, None, cents, standing.tell_days, standing.cap_cents,
        standing.method.kind, customer.kind,
    )  # fmt: skip
    if not standing.tell_days and not telling.is_consumer_debit(row):
        return telling.Foreseen(day)
    mailed, has_reader = _readers(customer)
    last_cents = telling.last_cents([standing.id]).get(standing.id)
    told = {"mailed": mailed, "has_reader": has_reader, "last_cents": last_cents}
    return telling.foreseen_of(row, today=bill_on, **told)


def _readers(customer):
    """(whether an invoice goes out by mail, whether mail reaches somebody)."""
    never = (Preference.channel == Preference.MAIL) & (Preference.timing == Preference.NEVER)
    invoices = (Preference.contact == Contact.id) & (Preference.event == Preference.INVOICE)
    refused = fn.EXISTS(Preference.select(Preference.id).where(invoices & never))
    mine = (Contact.customer == customer) & Contact.PAYS & (Contact.email != "")
    rows = list(Contact.select(Contact.bounced_at, refused).where(mine).tuples())
    return any(not unwanted for _, unwanted in rows), any(bounced is None for bounced, _ in rows)


# --- For one person ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Owed:
    """An invoice, or the next payment of a plan, that is not past due and that autopay does not charge.

    said    -- [(day, kind, channel)] of what is still sent before its date; None: nothing is, at present
    payment -- (2, 6): the second of six payments of a plan; ``number`` is "" then
    """

    number: str
    due_on: date
    cents: int
    said: list | None
    payment: tuple = ()


@dataclass(frozen=True)
class Charge:
    """A charge to come, and what is still sent of it: [(day, channel)].

    by_letter -- it waits for a letter that tells of it
    """

    document: autopay_documents.ChargeDocument
    said: tuple = ()
    by_letter: bool = False


@dataclass(frozen=True)
class Ahead:
    """What is known of the time ahead of an account, for one of its contacts: read once.

    wishes    -- preferences.Wishes, as far as they reach the contact
    open      -- Owed, earliest first
    late      -- demands.Asked of what is past due, and waits neither for autopay nor for a promised day
    charges   -- Charge, earliest first
    prefix    -- of printed invoice numbers
    digest_on -- the day of the next summary, or None
    calendar  -- there is an address at which a calendar is read
    bounced   -- the address that mail comes back from, or ""
    """

    wishes: preferences.Wishes
    coming: NextInvoice | None
    open: tuple
    charges: tuple
    prefix: str
    today: date
    late: tuple = ()
    digest_on: date | None = None
    calendar: bool = False
    bounced: str = ""


def ahead(contact, wishes, standing, *, today, now):
    """The Ahead of a contact whose preferences.Wishes these are; ``standing``: the Autopay, or None."""
    customer, company = contact.customer, companies.current()
    wishes = preferences.without_mail(wishes) if contact.bounced_at else wishes
    charges = upcoming.of_customer(customer, today=today)
    charged = {row.invoice_id for one in charges if one.is_promise for row in one.planned}
    asked = demands.asked_of(ledger.owed_invoices(customer), today)
    rest = [one for one in asked if one.invoice.id not in charged]
    coming = [one for one in rest if one.due_on >= today]
    late = [one for one in rest if one.due_on < today]
    named = promises.covered([customer.id]) if late else ()
    from_on = _first_on(today, "remind")
    return Ahead(
        wishes=wishes,
        coming=_next_invoice(customer, standing, today),
        open=tuple(_owed(coming, contact, wishes, today=today, now=now, from_on=from_on)),
        charges=tuple(_charges(charges, contact, wishes, today)),
        prefix=company.invoice_prefix,
        today=today,
        late=tuple(one for one in late if one.invoice.id not in named),
        digest_on=digests.next_on(contact, from_on=from_on),
        calendar=bool(calendars.standing(contact, now=now)),
        bounced=contact.email if contact.bounced_at else "",
    )


def _first_on(today, step):
    """The first day of which the daily job has not run yet."""
    return today + timedelta(days=upcoming.has_run(today, step))


def _owed(asked, contact, wishes, *, from_on, **told):
    """What is open: invoices, and of each plan its next payment."""
    if not asked:
        return []
    running = plans.of_many(list(plans.running(contact.customer)), today=told["today"]).values()
    standing = [one for one in running if one.next]  # what was owed after all may have a later day of its own
    covered = {one.invoice_id for stands in standing for one in stands.invoices}
    simple = [one for one in asked if one.invoice.id not in covered]
    invoices, company = [one.invoice for one in simple], companies.current()
    said = reminding.foreseen(invoices, contact, wishes, from_on=from_on, **told)
    found = [
        Owed(naming.number(one.invoice, company), one.due_on, one.cents, said.get(one.invoice.id, []))
        for one in simple
    ]
    named = {one.invoice.id for one in asked}
    for stands in standing:
        if any(one.invoice_id in named for one in stands.invoices):
            found += _payment(stands, contact, wishes, from_on)
    return sorted(found, key=lambda one: (one.due_on, one.number))


def _payment(stands, contact, wishes, from_on):
    """The next payment of a plan as [Owed]."""
    row = stands.next
    days = plan_telling.foreseen(stands, contact, wishes, from_on=from_on)
    said = [(day, Notice.REMINDER, channel) for day, channel in days]
    return [Owed("", row.due_on, row.open_cents, said, (row.number, len(stands.rows)))]


def _charges(charges, contact, wishes, today):
    """The charges to come, with what is still sent of them."""
    if not charges:
        return
    from_on = _first_on(today, "autopay")
    told = telling.foreseen(contact.customer_id, from_on=from_on)
    texted = texting.foreseen(contact, wishes, charges, from_on=from_on)
    ways = wishes.letters(Preference.UPCOMING_CHARGE)
    for one in charges:
        own = [told[row.id] for row in one.planned if row.id in told] if one.is_promise else []
        by_letter = any(found.by_letter for found in own)
        days = {(day, way) for found in own if not by_letter for day in found.told_on for way in ways}
        if one.is_promise and one.charge_on in texted:
            days.add((texted[one.charge_on], Preference.TEXT))
        yield Charge(autopay_documents.charge_document(one), tuple(sorted(days)), by_letter)
