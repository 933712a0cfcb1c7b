"""Days on which a service did not work: the program proposes the credit, a person gives or refuses it.

A fault is a service ticket with the time that it began. Longer than the company says, and the days of it
that were charged, or will be, are proposed as a credit: every day that it touched, each once for a charge,
whatever the number of tickets about it. While it lasts the proposal grows; what was decided stands, and
later days are proposed anew. Not here: how a ticket learns these times (billing/tickets).
"""

from datetime import timedelta
from typing import NamedTuple

from billing import company as companies
from billing import contracts, events, invoices, ledger, localtime, masking, money, notices, periods, words
from billing.errors import BillingError
from billing.remedies import goodwill
from billing.states import move
from models import Charge, Contract, Credit, Invoice, Line, Notice, ServiceCredit, Ticket, db

BY = "daily job"
WAIT = timedelta(minutes=5)
MOST_DAYS = timedelta(days=400)  # what began earlier is for a person to look at
CORRECTED = "The times of the fault were corrected: these days are not part of it any more."


class Charged(NamedTuple):
    """A period of a charge, billed or still to be, and what it costs with tax, in cents."""

    from_on: object
    to_on: object
    days: int  # that are charged
    of_days: int
    cents: int
    line: Line | None


def days_of(ticket, *, now):
    """(first, last) day of a fault that is long enough for a credit; None for what is not."""
    began, ended = ticket.reported_from_at, ticket.reported_until_at
    if ended is None:
        ended = ticket.closed_at if ticket.state == Ticket.CLOSED else now
    if ticket.kind != Ticket.SERVICE or ticket.merged_into_id or began is None or ended is None:
        return None
    company = companies.current()
    began = max(began, now - MOST_DAYS)
    if ended - began <= timedelta(hours=company.service_credit_hours):
        return None
    return tuple(localtime.day(at, company.time_zone) for at in (began, min(ended, now)))


def charges_of(ticket):
    """The recurring charges that a fault is about: of its line, else its site, else its contract.

    A ticket that names none of them is about everything where the customer has one site, and about nothing
    where they have several: then a person says which.
    """
    mine = Charge.select(Charge, Contract).join(Contract).where(Contract.customer == ticket.customer_id)
    if ticket.line_id:
        return list(mine.where(Charge.id == ticket.line.charge_id))
    if ticket.site_id:
        everywhere = Charge.site.is_null() & (ticket.customer.sites.count() == 1)
        return list(mine.where((Charge.site == ticket.site_id) | everywhere))
    if ticket.contract_id:
        return list(mine.where(Charge.contract == ticket.contract_id))
    return list(mine) if ticket.customer.sites.count() <= 1 else []


# --- Proposing -----------------------------------------------------------------------------------


def propose_due(*, now):
    """Propose what every fault is worth by now; returns how many proposals are new or have grown."""
    began = Ticket.reported_from_at.is_null(False) & Ticket.merged_into.is_null()
    lasts = (Ticket.state != Ticket.CLOSED) | (Ticket.last_at > now - MOST_DAYS)
    faults = Ticket.select().where((Ticket.kind == Ticket.SERVICE) & began & lasts)
    return sum(len(propose(ticket, now=now)) for ticket in list(faults))


def propose(ticket, *, now):
    """Propose what one fault is worth by now, once for each charge and period. Returns what changed."""
    with ledger.locked(ticket.customer_id):
        ticket = Ticket.get_by_id(ticket.id)
        days = days_of(ticket, now=now)
        found, changed = set(), []
        for charge in charges_of(ticket) if days else ():
            for part in _charged(charge, *days):
                if row := _proposed(ticket, charge, part, days, now, found):
                    changed.append(row)
        for row in ticket.service_credits.where(ServiceCredit.state == ServiceCredit.PROPOSED):
            if row.id not in found:
                _decide(row, ServiceCredit.REFUSED, BY, now, reason=CORRECTED)
    return changed


def _proposed(ticket, charge, part, days, now, found):
    """Write or correct the proposal for one period; the row when something changed, else None."""
    wanted = _days_between(max(part.from_on, days[0]), min(part.to_on, days[1]))
    row, taken = None, set()
    for other in charge.service_credits:
        if other.ticket_id == ticket.id and other.state == ServiceCredit.PROPOSED:
            if part.from_on <= other.from_on <= part.to_on:
                row = other
        elif other.state != ServiceCredit.REFUSED or other.ticket_id == ticket.id:
            taken |= _days_between(other.from_on, other.to_on)
    left = sorted(wanted - taken)
    count = min(len(left), part.days)
    cents = money.share(part.cents, count, part.days)
    if not left or cents <= 0:
        return None
    facts = {
        "from_on": left[0], "to_on": left[-1], "days": count, "of_days": part.days, "cents": cents,
        "line": part.line and part.line.id,
    }  # fmt: skip
    if row is None:
        row = _create(ticket, charge, facts, now)
        found.add(row.id)
        return row
    found.add(row.id)
    before = {"from_on": row.from_on, "to_on": row.to_on, "cents": row.cents, "line": row.line_id}
    if all(facts[name] == value for name, value in before.items()):
        return None
    ServiceCredit.update(facts).where(ServiceCredit.id == row.id).execute()
    return ServiceCredit.get_by_id(row.id)


def _create(ticket, charge, facts, now):
    row = ServiceCredit.create(
        customer=ticket.customer_id, ticket=ticket, charge=charge, proposed_at=now, **facts
    )
    told = {"cents": row.cents, "days": row.days, "ticket": ticket.id}
    events.record("service_credit.proposed", row, by=BY, now=now, after=told)
    return row


def _days_between(first, last):
    return {first + n * periods.DAY for n in range((last - first).days + 1)}


def _charged(charge, first, last):
    """The Charged periods of a charge that a fault touches: the issued lines, then what is not billed yet."""
    lines = Line.select(Line, Invoice).join(Invoice).where(
        (Line.charge == charge) & Line.voided_on.is_null() & (Invoice.state == Invoice.ISSUED)
        & (Line.from_on <= last) & (Line.to_on >= first)
    )  # fmt: skip
    for line in lines.order_by(Line.from_on):
        whole = (line.to_on - line.from_on).days + 1
        yield Charged(line.from_on, line.to_on, line.days or whole, whole, line.total_cents, line)
    yield from _to_come(charge, first, last)


def _to_come(charge, first, last):
    """Periods that a fault touched before they were billed, priced as they will be."""
    terms, index = contracts.charge_terms(charge), charge.next_index
    known = charge.lines.where(Line.voided_on.is_null()).order_by(Line.id.desc()).first()
    while charge.next_on is not None and contracts.bill_on(terms, index) is not None:
        if contracts.period_of(terms, index).from_on > last:
            return
        part = contracts.billable(terms, index)
        if part is not None and part.to_on >= first:
            whole = (part.to_on - part.from_on).days + 1
            cents = charge.quantity * contracts.price_on(charge, part.from_on) - charge.discount_cents
            if part.days is not None:
                cents = money.share(cents, part.days, part.of_days)
            cents += money.tax(cents, known.tax_ppm) if known else 0
            yield Charged(part.from_on, part.to_on, part.days or whole, whole, cents, None)
        index += 1


# --- Deciding ------------------------------------------------------------------------------------


def words_of(row):
    """What the customer reads of it: “Monitoring did not work December 3–8, 2026 (6 of 31 days)”."""
    name = row.line.text if row.line_id else row.charge.text or row.charge.item.name
    span = words.period(row.from_on, row.to_on)
    return words.clipped(f"{name} did not work {span} ({row.days} of {row.of_days} days)", 255)


def give(row, *, role, by, today, now, tell=True):
    """Give what was proposed: the invoice that billed these days is corrected, or the account credited.

    Returns the Credit. Raises BillingError above what this role may give alone, and when it was decided.
    """
    with ledger.locked(row.customer_id):
        row = _waiting(row)
        left = goodwill.left_cents(row.customer, role, by=by, today=today)
        if left is not None and row.cents > left:
            raise BillingError("This is more than you may give alone. Ask billing or an owner to give it.")
        made = _credit(row, by, today, now)
        _decide(row, ServiceCredit.GIVEN, by, now, credit=made)
        if tell:
            _tell(row, made, now)
    return made


def _tell(row, credit, now):
    """One message for everything that is given for a fault within minutes: it waits for the rest."""
    same = ServiceCredit.select(ServiceCredit.credit).where(ServiceCredit.ticket == row.ticket_id)
    waits = (Notice.kind == Notice.CREDIT_GIVEN) & (Notice.state == Notice.QUEUED)
    if not Notice.select().where(waits & Notice.credit.in_(same)).exists():
        notices.queue_credit_given(credit, now=now, send_at=now + WAIT)


def _credit(row, by, today, now):
    about = {
        "reason": words_of(row), "by": by, "today": today, "now": now, "kind": Credit.SERVICE,
        "from_on": row.from_on, "to_on": row.to_on,
    }  # fmt: skip
    invoice = row.line.invoice if row.line_id else None
    if invoice is None or invoice.state != Invoice.ISSUED:
        return invoices.goodwill(row.customer, amount_cents=row.cents, **about)
    cents = min(row.cents, invoices.creditable_cents(invoice))
    if cents <= 0:
        raise BillingError(f"{invoice} was credited in full already. Refuse this credit.")
    return invoices.credit(invoice, amount_cents=cents, line=row.line, **about)


def refuse(row, *, reason, by, now):
    """These days are not credited. Returns the row; raises BillingError without a reason."""
    reason = masking.reason(reason, "Say why; the next who looks at the ticket will read it.")
    with ledger.locked(row.customer_id):
        return _decide(_waiting(row), ServiceCredit.REFUSED, by, now, reason=reason[:255])


def _waiting(row):
    row = ServiceCredit.get_by_id(row.id)
    if row.state != ServiceCredit.PROPOSED:
        raise BillingError("This was decided already. Nothing was done twice.")
    return row


def _decide(row, state, by, now, **changes):
    with db.atomic():
        move(row, state, decided_by=by, decided_at=now, **changes)
        reason = changes.get("reason", "")
        events.record(f"service_credit.{state}", row, by=by, now=now, reason=reason)
    return row
