"""What autopay is going to charge and when: asked by every page, mail and reminder, so that all say the same.

Only reading. Planning, telling and postponing stand in ``autopay``, charging in ``charging``. A charge that
will not happen by itself (above the customer's limit, method out of use, tried often enough, autopay on hold)
is no promise: whoever reads ``objection`` knows that the invoice is the customer's to pay.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from peewee import fn

from billing import prepared, words
from billing.automatic import following, tries
from billing.money import format_cents
from models import (
    Autopay,
    AutopayOutcome,
    Dispute,
    Hold,
    Invoice,
    JobRun,
    PaymentMethod,
    PlannedCharge,
    Ticket,
    among,
)

ABOVE_CAP, OUT_OF_USE, ON_HOLD = AutopayOutcome.ABOVE_CAP, AutopayOutcome.OUT_OF_USE, AutopayOutcome.ON_HOLD
STOPPED, CANCELED, QUESTION = AutopayOutcome.STOPPED, AutopayOutcome.CANCELED, AutopayOutcome.QUESTION


@dataclass(frozen=True)
class Upcoming:
    """Everything that one customer is charged on one day, with one method."""

    charge_on: date
    autopay: Autopay
    planned: tuple[PlannedCharge, ...]
    objection: str = ""  # why it is not charged by itself, or an empty string
    is_retry: bool = False
    was_asked: bool = False  # above the limit once: the customer knows, and what is left of it is not charged
    is_next_run: bool = False  # due, and the charges of today were made already

    @property
    def cents(self):
        """The amount as it is open now."""
        return sum(row.cents for row in self.planned)

    @property
    def method(self):
        return self.autopay.method

    @property
    def invoices(self):
        return tuple(row.invoice for row in self.planned)

    @property
    def is_promise(self):
        """True when it will happen without the customer doing anything."""
        return not self.objection

    @property
    def when(self):
        """The day in a sentence; what comes after the charges of today were made waits for the next run."""
        return "tomorrow at the latest" if self.is_next_run else f"on {words.date(self.charge_on)}"

    @property
    def advice(self):
        """What the customer has to do about it, in a sentence."""
        if self.is_retry:
            return (
                "The last charge did not go through, so please make sure that this one can, or pay another "
                "way before."
            )
        return "You need not do anything."

    @property
    def needs_another_method(self):
        """True when another card or account is what would help."""
        return self.is_retry or self.objection in (OUT_OF_USE, STOPPED)

    @property
    def why_not(self):
        """A sentence for the customer on why it is not charged by itself; empty when it is."""
        return {
            "": "",
            ABOVE_CAP: self._above_cap(),
            OUT_OF_USE: f"{self.method.label} cannot be charged any more, so nothing is charged by itself. "
            "Please choose another way to pay.",
            ON_HOLD: "Autopay is on hold on this account, so nothing is charged by itself.",
            STOPPED: f"{self.method.label} was declined as often as we may try, so nothing is charged "
            "again by itself. Please pay it yourself, or choose another way to pay.",
            CANCELED: tries.CANCELED,
            QUESTION: "You asked us about this invoice. Nothing is charged before we have answered.",
        }[self.objection]

    def _above_cap(self):
        cap_cents = self.autopay.cap_cents or 0
        limit = f"the {format_cents(cap_cents)} that you set for autopay"
        if self.cents > cap_cents:
            return (
                f"This is above {limit}, so nothing is charged by itself. Please pay it yourself when you "
                "are ready."
            )
        return (
            f"This was above {limit} when we asked you, so what is left of it is not charged by itself "
            "either. Please pay it yourself when you are ready."
        )


def of_customer(customer, *, today):
    """The Upcoming charges of one customer, earliest first."""
    return by_customer([customer.id], today=today).get(customer.id, [])


def of_invoice(invoice, *, today):
    """The Upcoming charge that an invoice is part of, or None."""
    return of_invoices([invoice], today=today).get(invoice.id)


def of_invoices(invoices, *, today):
    """{invoice id: the Upcoming charge that it is part of}; one query where nothing is planned."""
    ids = [invoice.id for invoice in invoices if invoice.open_cents]
    wanted = {id for (id,) in _planned_for(ids)} if ids else ()
    if not wanted:
        return {}
    customer_ids = {invoice.customer_id for invoice in invoices if invoice.id in wanted}
    found = {}
    for charges in by_customer(customer_ids, today=today).values():
        for one in charges:
            for row in one.planned:
                if row.invoice_id in wanted:
                    found.setdefault(row.invoice_id, one)
    return found


@prepared.question
def _planned_for(invoice_ids):
    return live().where(among(PlannedCharge.invoice, invoice_ids)).select(PlannedCharge.invoice).tuples()


def by_customer(customer_ids, *, today):
    """{customer id: [Upcoming, earliest first]} in nine queries, however many customers.

    Each planned row carries ``cents``: what is charged of its invoice then.
    """
    rows = _with_cents(_rows(customer_ids), customer_ids, today)
    if not rows:
        return {}
    held, again, own = _held(customer_ids, today), _again(rows, today), _own_objections(rows)
    groups = {}
    for row in rows:  # what is late, or waits for another try, is charged together
        day = max(row.charge_on, again.get(row.autopay.method_id, today))
        groups.setdefault((row.customer_id, day, own.get(row.id, "")), []).append(row)
    found, last_on = {}, today if has_run(today) else today - timedelta(days=1)
    for (customer_id, day, own_objection), planned in sorted(groups.items(), key=lambda group: group[0]):
        autopay = planned[0].autopay
        objection = _objection(autopay, planned, customer_id in held, own_objection)
        is_retry = not objection and day == again.get(autopay.method_id)
        one = Upcoming(
            day, autopay, tuple(planned), objection, is_retry, own_objection == ABOVE_CAP, day <= last_on
        )
        found.setdefault(customer_id, []).append(one)
    return found


def is_held(customer, on):
    """True when autopay rests on a day, by what is known now."""
    return customer.id in _held([customer.id], on)


def has_run(today, step="autopay"):
    """True when the charges of today were made already: what is due now is charged by the next run.

    step -- the part of the daily job that is asked about
    """
    runs = JobRun.select().where(
        (JobRun.name == "daily")
        & (JobRun.as_of_on == today)
        & (JobRun.state == JobRun.DONE)
        & JobRun.only.in_(("", step))
    )
    return runs.exists()


def promised_invoices(customer_ids, *, today):
    """The ids of all invoices of these customers that will be charged without anybody doing anything."""
    charges = by_customer(customer_ids, today=today)
    return {
        row.invoice_id
        for upcoming in charges.values()
        for one in upcoming
        if one.is_promise
        for row in one.planned
    }


def live():
    """A query of the planned charges that stand: neither made nor dropped."""
    return PlannedCharge.select().where(PlannedCharge.state == PlannedCharge.PLANNED)


@prepared.question
def _rows(customer_ids):
    return (
        PlannedCharge.select(PlannedCharge, Autopay, PaymentMethod, Invoice)
        .join(Autopay)
        .join(PaymentMethod)
        .switch(PlannedCharge)
        .join(Invoice)
        .where(
            among(PlannedCharge.customer, customer_ids)
            & (PlannedCharge.state == PlannedCharge.PLANNED)
            & Invoice.IS_OWED
            & Autopay.ended_at.is_null()
        )
        .order_by(PlannedCharge.charge_on, Invoice.number)
    )


def _with_cents(rows, customer_ids, today):
    """The rows of which something is charged, each with how much: all, or what is due of it by then."""
    special = following.special(customer_ids) if rows else {}
    for row in rows:
        day = max(row.charge_on, today)
        row.cents = following.cents_on(special, row.invoice_id, row.invoice.open_cents, day)
    return [row for row in rows if row.cents]


def _held(customer_ids, today):
    """Those whose autopay rests."""
    holds = Hold.select(Hold.customer).where(
        among(Hold.customer, customer_ids)
        & (Hold.scope == Hold.AUTOPAY)
        & (Hold.starts_on <= today)
        & (Hold.ends_on.is_null() | (Hold.ends_on >= today))
    )
    return {id for (id,) in holds.tuples()}


def _again(rows, today):
    """{method id: the day on which a declined or returned charge is tried again}."""
    return tries.waits({row.autopay.method_id for row in rows}, today)


def _own_objections(rows):
    """{planned id: why this invoice alone is not charged}; the others of its day are not held up by it."""
    invoice_ids = [row.invoice_id for row in rows]
    past = tries.past({row.autopay.method_id for row in rows}, invoice_ids)
    questions, asked = _questions(invoice_ids), _asked(rows, invoice_ids)
    found = {}
    for row in rows:
        earlier = past.get((row.autopay.method_id, row.invoice_id))
        if earlier and earlier.is_over:
            found[row.id] = CANCELED if earlier.is_canceled else STOPPED
        elif row.invoice_id in questions:
            found[row.id] = QUESTION
        elif row.id in asked:
            found[row.id] = ABOVE_CAP
    return found


def _questions(invoice_ids):
    """Those that a customer has asked about and not been answered.

    Whoever disputed a part has said what is right: the rest is charged as before.
    """
    disputed = Dispute.select(Dispute.id).where(Dispute.ticket == Ticket.id)
    waiting = Ticket.select(Ticket.invoice).where(
        among(Ticket.invoice, invoice_ids) & (Ticket.state == Ticket.WAITING_ON_US) & ~fn.EXISTS(disputed)
    )
    return {id for (id,) in waiting.tuples()}


def _asked(rows, invoice_ids):
    """Those that were above the limit once: the customer was asked, and what comes later goes on without."""
    query = AutopayOutcome.select(AutopayOutcome.invoice, AutopayOutcome.decided_at).where(
        among(AutopayOutcome.invoice, invoice_ids) & (AutopayOutcome.why == AutopayOutcome.ABOVE_CAP)
    )
    asked = {}
    for invoice_id, decided_at in query.tuples():
        asked[invoice_id] = max(decided_at, asked.get(invoice_id, decided_at))
    return {
        row.id for row in rows if row.invoice_id in asked and asked[row.invoice_id] >= row.autopay.agreed_at
    }


def _objection(autopay, rows, is_held, own):
    if autopay.method.state != PaymentMethod.ACTIVE:
        return OUT_OF_USE
    if is_held:
        return ON_HOLD
    cents = sum(row.cents for row in rows)
    return own or (ABOVE_CAP if autopay.cap_cents and cents > autopay.cap_cents else "")
