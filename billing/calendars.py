"""What stands in a customer's calendar, behind an address of its own that only they know.

Which events come in is chosen per contact, as preferences of the channel ``calendar``; the address is a Link
of its own purpose that shows amounts only where that was chosen. What is paid or canceled is no entry any
more, so it is gone at the next fetch. Only reading, but for opening and closing a calendar. Not here: the
format (billing/edges/calendar_feed.py).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from peewee import fn

from billing import demands, events, ledger, links, preferences, promises
from billing.automatic import upcoming
from billing.errors import BillingError
from billing.money import format_cents
from billing.plans import standing as plans
from billing.preferences import offers
from billing.renewals import agreements, terms
from models import (
    Allocation,
    Contact,
    Contract,
    Dispute,
    Event,
    Link,
    Preference,
    among,
    as_date,
    as_instant,
    db,
)

AMOUNTS = "amounts"
CHOICES = (Preference.INVOICE, Preference.UPCOMING_CHARGE, Preference.CONTRACT_END)
AFTERWARDS = timedelta(days=30)  # so long an end that is over can be looked up


@dataclass(frozen=True)
class Entry:
    """One day in a calendar. The same thing keeps its ``uid`` when its day moves, and ``sequence`` grows.

    changed_at -- when it last became what it is
    """

    uid: str
    on: date
    title: str
    text: str
    sequence: int
    changed_at: datetime


# --- Opening and closing -------------------------------------------------------------------------


def standing(contact, *, now):
    """The Link of the calendar of a contact, or None."""
    return _alive(contact, now).order_by(Link.id.desc()).first()


def _alive(contact, now):
    return Link.select().where(
        (Link.contact == contact)
        & (Link.purpose == Link.CALENDAR)
        & Link.revoked_at.is_null()
        & (Link.expires_at > now)
    )


def open_one(contact, *, shows, by, via, now):
    """Open a calendar with what is ticked, or the same one anew; returns the secret of its address.

    shows -- names of CHOICES, and AMOUNTS. An address of before stops working.
    """
    with db.atomic():
        choose(contact, shows, by=by, via=via, now=now)
        links.revoke(_alive(contact, now), by=by, now=now)
        token = links.calendar_link(contact, shows=_kept(shows), now=now)
        events.record("calendar.opened", contact, by=by, now=now, after={"shows": sorted(shows)})
    return token


def change(contact, *, shows, by, via, now):
    """Change what stands in a calendar; its address stays."""
    link = standing(contact, now=now)
    if link is None:
        raise BillingError("There is no calendar of yours at present. Make an address first.")
    with db.atomic():
        choose(contact, shows, by=by, via=via, now=now)
        Link.update(shows=_kept(shows)).where(Link.id == link.id).execute()
        events.record("calendar.changed", contact, by=by, now=now, after={"shows": sorted(shows)})


def close(contact, *, by, now):
    """Withdraw the address. Returns whether there was one."""
    return bool(links.revoke(_alive(contact, now), by=by, now=now))


def choose(contact, shows, *, by, via, now):
    """Note the choices where all choices stand. Raises BillingError when nothing at all is ticked."""
    if not set(shows) & set(CHOICES):
        raise BillingError("Choose at least one thing that is to stand in your calendar.")
    wishes = {
        (event, Preference.CALENDAR): offers.ALWAYS if event in shows else offers.NOT for event in CHOICES
    }
    preferences.choose(contact, wishes, by=by, via=via, now=now)


def chosen(contact, *, now):
    """The names that are ticked for a contact: what was chosen, or all but amounts for a first time."""
    link = standing(contact, now=now)
    wishes = preferences.wishes(contact)
    ticked = {event for event in CHOICES if wishes.wants(event, Preference.CALENDAR)}
    if link is None and not ticked:
        return set(CHOICES)
    return ticked | ({AMOUNTS} if link and AMOUNTS in link.shows else set())


def _kept(shows):
    return AMOUNTS if AMOUNTS in shows else ""


# --- What stands in it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Feed:
    """A calendar as it stands now. ``language`` is the customer's."""

    entries: tuple[Entry, ...]
    language: str


def feed(token, *, today, now):
    """The Feed behind an address. Raises links.DeadLink for one that is wrong, withdrawn or nobody's."""
    link = links.follow(token, Link.CALENDAR, now=now)
    contact = link.contact
    if contact.left_on or contact.role == Contact.TECHNICAL:
        raise links.DeadLink("This calendar is closed.", link)
    return of(contact, amounts=AMOUNTS in link.shows, today=today)


def of(contact, *, amounts, today):
    """The Feed of a contact, by what they chose."""
    wishes = preferences.wishes(contact)
    shown = {event for event in CHOICES if wishes.wants(event, Preference.CALENDAR)}
    say = _Words(contact.customer.language, amounts)
    found = []
    for source in SOURCES:
        found += source(contact.customer, shown, say, today)
    return Feed(tuple(sorted(found, key=lambda one: (one.on, one.uid))), contact.customer.language)


def _due_dates(customer, shown, say, today):
    """The due date of every open invoice that is not charged by itself."""
    if Preference.INVOICE not in shown:
        return
    charged = set()
    if Preference.UPCOMING_CHARGE in shown:
        charged = upcoming.promised_invoices([customer.id], today=today)
    waiting = {*charged, *promises.covered([customer.id]), *_planned(customer)}
    invoices = [one for one in ledger.open_invoices(customer) if one.id not in waiting]
    paid_on = _last_paid([one.id for one in invoices])
    said_at = _last_said([one.id for one in invoices])
    for asked in demands.asked_of(invoices, today):
        invoice = asked.invoice
        known = (found[invoice.id] for found in (paid_on, said_at) if invoice.id in found)
        changed_at = max([invoice.created_at, *known])
        title, text = say.due(asked)
        grown = _grown(invoice.created_at, changed_at)
        yield Entry(f"due-{invoice.id}", asked.due_on, title, text, grown, changed_at)


def _grown(began_at, changed_at):
    """A sequence that is higher after every change: the minutes between."""
    return max(int((changed_at - began_at).total_seconds() // 60), 0)


def _last_said(invoice_ids):
    """{invoice id: when a part of it was last disputed, or decided}."""
    rows = Dispute.select(Dispute.invoice, Dispute.opened_at, Dispute.decided_at).where(
        among(Dispute.invoice, invoice_ids)
    )
    found = {}
    for invoice_id, opened_at, decided_at in rows.tuples():
        at = decided_at or opened_at
        found[invoice_id] = max(at, found.get(invoice_id, at))
    return found


def _planned(customer):
    """The ids of the invoices that a running plan covers."""
    return {one.invoice_id for plan in plans.running(customer) for one in plan.plan_invoices}


def _promises(customer, shown, say, today):
    """The day by which somebody said that they pay."""
    if Preference.INVOICE in shown:
        for promise in promises.running(customer):
            if promise.pay_on >= today:
                title, text = say.promise(promise)
                yield Entry(f"promise-{promise.id}", promise.pay_on, title, text, 0, promise.made_at)


def _installments(customer, shown, say, today):
    """The days of the payments of a plan that are still to be paid."""
    if Preference.INVOICE not in shown:
        return
    for stands in plans.of_many(list(plans.running(customer)), today=today).values():
        began_at, repaired_on = stands.plan.agreed_at, stands.plan.repaired_on
        paid = _last_paid([one.invoice_id for one in stands.invoices]).values()
        moved = [datetime.combine(repaired_on, time())] if repaired_on else []
        changed_at = max([began_at, *moved, *paid])
        for row in stands.rows:
            if row.open_cents:
                title, text = say.installment(row, len(stands.rows))
                grown = _grown(began_at, changed_at) + bool(row.moved_from_on)
                yield Entry(f"installment-{row.id}", row.due_on, title, text, grown, changed_at)


def _last_paid(invoice_ids):
    """{invoice id: when something was last paid of it}."""
    query = (
        Allocation.select(Allocation.invoice, fn.MAX(Allocation.made_on))
        .where(Allocation.invoice.in_(invoice_ids))
        .group_by(Allocation.invoice)
    )
    return {id: datetime.combine(as_date(on), time()) for id, on in query.tuples()}


def _charges(customer, shown, say, today):
    """The day of every charge that autopay makes by itself."""
    if Preference.UPCOMING_CHARGE not in shown:
        return
    for charge in upcoming.of_customer(customer, today=today):
        if charge.is_promise:
            first = charge.planned[0]
            began_at = first.created_at
            changed_at = max([began_at, *(row.postponed_at for row in charge.planned if row.postponed_at)])
            waits = max((charge.charge_on - first.charge_on).days, 0)
            uid, grown = f"charge-{first.autopay_id}-{first.invoice_id}", _grown(began_at, changed_at) + waits
            yield Entry(uid, charge.charge_on, *say.charge(charge), grown, changed_at)


def _contract_ends(customer, shown, say, today):
    """The last day to say no, and the end of the term or of the service."""
    if Preference.CONTRACT_END not in shown:
        return
    for contract in Contract.select().where(Contract.customer == customer).order_by(Contract.id):
        changed_at = _contract_changed_at(contract)
        for what, on in _days_of(contract, today):
            uid = f"{what}-{contract.id}-{contract.ends_on or on}"
            yield Entry(uid, on, *say.contract(what, contract), contract.version, changed_at)


def _days_of(contract, today):
    if contract.ends_on:
        if contract.ends_on >= today - AFTERWARDS:
            yield "end", contract.ends_on
        return
    agreement = agreements.of(contract).agreement
    term = terms.term_of(agreement, today)
    if term.is_monthly:
        return
    if agreement.auto_renew:
        yield "notice", term.ends_on - timedelta(days=agreement.notice_days)
    yield ("renews" if agreement.auto_renew else "term"), term.ends_on


def _contract_changed_at(contract):
    last = Event.select(fn.MAX(Event.at)).where(
        (Event.about_table == "contract") & (Event.about_id == contract.id)
    )
    return as_instant(last.scalar()) or datetime.combine(contract.starts_on, time())


# In this order; whoever brings other days adds a function ``(customer, shown, say, today) -> entries``, and
# its choice to CHOICES where it is one of its own: promises and plans are ways to pay an invoice.
SOURCES = (_due_dates, _promises, _installments, _charges, _contract_ends)


# --- In words ------------------------------------------------------------------------------------


class _Words:
    """Titles and texts in the customer's language; names, addresses and amounts only where chosen."""

    def __init__(self, language, amounts):
        self.said, self.amounts = _SAID.get(language, _SAID["en"]), amounts

    def _sum(self, cents):
        return f", {format_cents(cents)}" if self.amounts else ""

    def due(self, asked):
        """Of what is to be paid of an invoice."""
        title, text = self.said["due"]
        return f"{title.format(asked.invoice.number)}{self._sum(asked.cents)}", text

    def promise(self, promise):
        """Of a day that was promised."""
        title, text = self.said["promise"]
        return f"{title}{self._sum(promise.amount_cents)}", text

    def installment(self, row, count):
        """Of a payment of a plan."""
        title, text = self.said["installment"]
        return f"{title.format(row.number, count)}{self._sum(row.open_cents)}", text

    def charge(self, charge):
        """Of a charge of autopay; the method is a name of theirs, too."""
        title, text = self.said["charge"]
        numbers = ", ".join(str(invoice.number) for invoice in charge.invoices)
        return f"{title}{self._sum(charge.cents)}", text.format(numbers)

    def contract(self, what, contract):
        """Of a day of a contract."""
        title, text = self.said[what]
        return title, text.format(contract.name)


_SAID = {
    "en": {
        "due": ("Invoice {} is due", "If you have just paid, it is gone from here within a day."),
        "promise": ("You pay, as you told us", "Until then you hear nothing more about it from us."),
        "installment": ("Payment {} of {} of your plan", "If you have just paid, it is gone within a day."),
        "charge": ("Autopay charges you", "It pays invoice {}. You need not do anything."),
        "notice": ("Last day to cancel the renewal", "{}: from tomorrow on it renews by itself."),
        "renews": ("Your term ends and renews", "{}: unless it was canceled in time."),
        "term": ("Your term ends", "{}: it does not renew by itself."),
        "end": ("Your service ends", "{}: the last day of service."),
    },
    "es": {
        "due": ("Vence la factura {}", "Si acaba de pagar, desaparecerá de aquí en un día."),
        "promise": ("Usted paga, como nos dijo", "Hasta entonces no le escribimos más sobre esto."),
        "installment": ("Pago {} de {} de su plan", "Si acaba de pagar, desaparecerá en un día."),
        "charge": ("Cobro automático", "Paga la factura {}. No tiene que hacer nada."),
        "notice": ("Último día para cancelar la renovación", "{}: desde mañana se renueva por sí solo."),
        "renews": ("Su plazo termina y se renueva", "{}: salvo que se haya cancelado a tiempo."),
        "term": ("Su plazo termina", "{}: no se renueva por sí solo."),
        "end": ("Su servicio termina", "{}: el último día de servicio."),
    },
}
