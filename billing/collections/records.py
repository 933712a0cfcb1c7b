"""The records that may prove why something is unpaid, read for many customers or invoices at once.

One query each, however many are asked for; rows come as the plain values of ``rules``. What they mean is
decided there; what belongs to which invoice is put together in ``evidence``.
"""

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

from peewee import JOIN, fn

from billing import company as companies
from billing.automatic import upcoming
from billing.collections import habits
from billing.collections.rules import (
    Attempt,
    Correction,
    Delivery,
    Fault,
    Kept,
    Money,
    Parts,
    PlannedDebit,
    Question,
    Rise,
    Told,
    Waiting,
)
from models import (
    Allocation,
    Autopay,
    Call,
    Contact,
    Credit,
    Customer,
    Dispute,
    Inbound,
    Installment,
    InstallmentPart,
    Invoice,
    Line,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    Plan,
    PlanInvoice,
    PriceChange,
    Promise,
    RemittanceRow,
    Sighting,
    Stance,
    Ticket,
    among,
    as_date,
    as_instant,
    db,
)

FAILED = (Payment.DECLINED, Payment.RETURNED, Payment.CHARGED_BACK)
CORRECTIONS = (Credit.NOTE, Credit.UNUSED_SERVICE, Credit.SERVICE, Credit.DISPUTE)
OF_TICKETS = (Notice.TICKET_RECEIVED, Notice.TICKET_REPLY, Notice.TICKET_CLOSED)
HISTORY = timedelta(days=365)  # of payments, for habits
REMEMBERED = timedelta(days=120)  # a promise that was broken, a plan that was asked for
LONGEST_QUOTE = 80


@dataclass(frozen=True)
class House:
    """What is the same for all customers of one run."""

    zone: ZoneInfo
    prefix: str  # of invoice numbers
    seen_since: date | None  # since when it is noted who opened what
    unmatched: dict  # {(payer's name, cents): Money} of the bank's files
    rises: dict  # {charge id: [(price change id, from when, cents)]} whose message came back

    def day(self, at):
        """The business day of an instant as the database gives it; None for None."""
        if at is None:
            return None
        return as_instant(at).replace(tzinfo=UTC).astimezone(self.zone).date()


def house():
    """The House as it is now."""
    company = companies.current()
    zone = ZoneInfo(company.time_zone)
    first = Sighting.select(fn.MIN(Sighting.at)).scalar()
    made = House(zone, company.invoice_prefix, None, _unmatched(), _rises())
    return House(zone, company.invoice_prefix, made.day(first), made.unmatched, made.rises)


def _unmatched():
    query = RemittanceRow.select(
        RemittanceRow.id, RemittanceRow.payer_text, RemittanceRow.amount_cents, RemittanceRow.received_on
    ).where(RemittanceRow.state == RemittanceRow.UNMATCHED)
    return {
        (name.strip().casefold(), cents): Money("remittance_row", id, cents, as_date(on))
        for id, name, cents, on in db.execute(query.order_by(RemittanceRow.id.desc()))
        if name.strip()
    }


def _rises():
    """Increases that had to be told, whose message came back, and that no other message told."""
    told_by = fn.COALESCE(PriceChange.told_with, PriceChange.id)
    arrived = Notice.select(Notice.price_change).where(
        (Notice.state == Notice.SENT) & Notice.bounced_at.is_null() & Notice.price_change.is_null(False)
    )
    query = (
        PriceChange.select(PriceChange.charge, PriceChange.id, PriceChange.starts_on, PriceChange.unit_cents)
        .join(Notice, on=(Notice.price_change == told_by))
        .where(
            PriceChange.needs_notice
            & PriceChange.canceled_on.is_null()
            & Notice.bounced_at.is_null(False)
            & told_by.not_in(arrived)
        )
        .order_by(PriceChange.id)
    )
    found = {}
    for charge_id, id, starts_on, cents in db.execute(query):
        found.setdefault(charge_id, []).append((id, as_date(starts_on), cents))
    return found


def _grouped(rows):
    found = {}
    for key, value in rows:
        found.setdefault(key, []).append(value)
    return found


def quoted(text):
    """The beginning of what somebody wrote, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"


# --- Of customers --------------------------------------------------------------------------------


def payers(customer_ids):
    """{customer id: (name of the first payer, whether any of them can be mailed)}."""
    query = Contact.select(Contact.customer, Contact.name, Contact.email).where(
        among(Contact.customer, customer_ids) & Contact.PAYS
    )
    found = {}
    for customer_id, name, email in db.execute(query.order_by(Contact.id)):
        first, has_mail = found.get(customer_id, (name, False))
        found[customer_id] = (first, has_mail or bool(email))
    return found


def unused(customer_ids):
    """{customer id: [Money that pays nothing yet, oldest first]}; two queries."""
    payments = Payment.select(Payment.customer, Payment.id, Payment.open_cents, Payment.received_on).where(
        among(Payment.customer, customer_ids) & (Payment.open_cents > 0) & (Payment.state << Payment.MONEY)
    )
    credits = Credit.select(Credit.customer, Credit.id, Credit.open_cents, Credit.made_on).where(
        among(Credit.customer, customer_ids) & (Credit.open_cents > 0)
    )
    rows = [
        (customer_id, Money(table, id, cents, as_date(on)))
        for table, query in (("payment", payments), ("credit", credits))
        for customer_id, id, cents, on in db.execute(query)
    ]
    return _grouped(sorted(rows, key=lambda row: (row[1].on, row[1].table, row[1].id)))


def tickets(customer_ids, house):
    """({customer id: [Waiting]}, {customer id: [Fault]}) of tickets that are not closed.

    The ticket of an open dispute is left out: the dispute itself is the question.
    """
    disputed = Dispute.select(Dispute.ticket).where(
        (Dispute.state == Dispute.OPEN) & Dispute.ticket.is_null(False)
    )
    query = (
        Ticket.select(
            Ticket.customer, Ticket.id, Ticket.state, Ticket.kind, Ticket.subject, Ticket.owner,
            Ticket.opened_at, Ticket.last_at, Ticket.waiting_since_at, Ticket.reported_from_at,
            fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Ticket)
        .join(Customer)
        .where(
            among(Ticket.customer, customer_ids)
            & (Ticket.state != Ticket.CLOSED)
            & Ticket.id.not_in(disputed)
        )
        .order_by(Ticket.id)
    )  # fmt: skip
    waiting, faults = [], []
    for row in db.execute(query):
        customer_id, id, state, kind, subject, owner_id, opened_at, last_at, since_at, began_at, who = row
        if state == Ticket.WAITING_ON_US:
            since_at = since_at or last_at
            one = Waiting(
                "ticket", id, who, house.day(since_at), as_instant(since_at), subject, "ticket", owner_id
            )
            waiting.append((customer_id, one))
        if kind == Ticket.SERVICE:
            since_at = began_at or opened_at
            fault = Fault(id, who, house.day(since_at), as_instant(since_at), subject, owner_id)
            faults.append((customer_id, fault))
    return _grouped(waiting), _grouped(faults)


def calls(customer_ids, house):
    """{customer id: [Waiting]} of calls because of which somebody waits for us."""
    query = (
        Call.select(
            Call.customer, Call.id, Call.outcome, Call.started_at, Call.next_step, Call.staff,
            fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Call)
        .join(Customer)
        .where(among(Call.customer, customer_ids) & (Call.state == Call.TO_CALL) & Call.waits)
        .order_by(Call.id)
    )  # fmt: skip
    return _grouped(
        (
            customer_id,
            Waiting("call", id, who, house.day(at), as_instant(at), step, _call(outcome, step), staff_id),
        )
        for customer_id, id, outcome, at, step, staff_id, who in db.execute(query)
    )


def _call(outcome, step):
    if outcome == Call.ANSWERED and step:
        return "step"
    return "voicemail" if outcome == Call.VOICEMAIL else "missed"


def messages(customer_ids, house):
    """{customer id: [Waiting]} of mails and texts that nobody has read."""
    query = (
        Inbound.select(
            Inbound.customer, Inbound.id, Inbound.channel, Inbound.received_at, Inbound.subject,
            fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Inbound)
        .join(Customer)
        .where(among(Inbound.customer, customer_ids) & (Inbound.state == Inbound.WAITING))
        .order_by(Inbound.id)
    )  # fmt: skip
    return _grouped(
        (customer_id, Waiting("inbound", id, who, house.day(at), as_instant(at), subject, channel))
        for customer_id, id, channel, at, subject, who in db.execute(query)
    )


def proposals(customer_ids, today, house):
    """({customer id: [Waiting]}, {customer id: [Told]}) of plans: proposed to us, and asked for lately."""
    query = (
        Plan.select(
            Plan.customer, Plan.id, Plan.state, Plan.waits_for, Plan.count, Plan.proposed_on,
            Plan.proposed_at, Plan.words, fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Plan)
        .join(Customer)
        .where(
            among(Plan.customer, customer_ids)
            & (Plan.via != Plan.STAFF)
            & (Plan.proposed_on > today - REMEMBERED)
            & (Plan.state << (Plan.PROPOSED, Plan.REFUSED, Plan.BROKEN))
        )
        .order_by(Plan.id)
    )  # fmt: skip
    waiting, asked = [], []
    for customer_id, id, state, waits_for, count, on, at, said, who in db.execute(query):
        if state == Plan.PROPOSED and waits_for == Plan.US:
            one = Waiting("plan", id, who, house.day(at), as_instant(at), f"{count} parts", "plan")
            waiting.append((customer_id, one))
        else:
            asked.append((customer_id, Told("plan", id, who, as_date(on), quoted(said))))
    return _grouped(waiting), _grouped(asked)


def methods(customer_ids, today):
    """{customer id: (id, label, reason)} of standing autopay whose method cannot be charged."""
    unusable = (PaymentMethod.state != PaymentMethod.ACTIVE) | (PaymentMethod.expires_on < today)
    query = (
        Autopay.select(Autopay.customer, PaymentMethod.id, PaymentMethod.label, PaymentMethod.reason)
        .join(PaymentMethod)
        .where(among(Autopay.customer, customer_ids) & Autopay.ended_at.is_null() & unusable)
    )
    return {row[0]: tuple(row[1:]) for row in db.execute(query)}


def promises(customer_ids, today):
    """({customer id: [(invoice id or None, made on, Kept)]} that run, {customer id: Kept} last broken)."""
    recent = (Promise.state == Promise.BROKEN) & (Promise.decided_on > today - REMEMBERED)
    query = (
        Promise.select(
            Promise.customer, Promise.state, Promise.invoice, Promise.id, Promise.made_on, Promise.pay_on,
            fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Promise)
        .join(Customer)
        .where(among(Promise.customer, customer_ids) & ((Promise.state == Promise.RUNNING) | recent))
        .order_by(Promise.id)
    )  # fmt: skip
    running, broken = [], {}
    for customer_id, state, invoice_id, id, made_on, pay_on, who in db.execute(query):
        kept = Kept(id, who, as_date(made_on), as_date(pay_on))
        if state == Promise.RUNNING:
            running.append((customer_id, (invoice_id, kept)))
        else:
            broken[customer_id] = kept
    return _grouped(running), broken


def paid(customer_ids, today):
    """{customer id: [(invoice id, days from due date to payment), …]} of a year, newest first."""
    query = (
        Invoice.select(Invoice.customer, Invoice.id, Invoice.due_on, fn.MAX(Allocation.made_on))
        .join(Allocation)
        .where(
            among(Invoice.customer, customer_ids)
            & (Invoice.open_cents == 0)
            & (Invoice.state == Invoice.ISSUED)
            & (Invoice.due_on > today - HISTORY)
            & Allocation.payment.is_null(False)
            & (Allocation.amount_cents > 0)
        )
        .group_by(Invoice.customer, Invoice.id, Invoice.due_on)
        .order_by(Invoice.customer, Invoice.due_on.desc(), Invoice.id.desc())
    )
    rows = db.execute(query)
    return _grouped((row[0], (row[1], (as_date(row[3]) - as_date(row[2])).days)) for row in rows)


def habits_of(history):
    """{customer id: Habit} of those who have one. ``history`` is what ``paid`` gives."""
    found = {id: habits.of(rows) for id, rows in history.items() if len(rows) >= habits.LEAST_PAID}
    return {id: habit for id, habit in found.items() if habit}


def watched(customer_ids):
    """Ids of the customers of whom anybody was ever seen to open something."""
    query = Sighting.select(Sighting.customer).where(among(Sighting.customer, customer_ids)).distinct()
    return {id for (id,) in db.execute(query)}


def stances(customer_ids):
    """{customer id: [(code, invoice id or None, Told)]} that stand: no money came since they said it."""
    query = (
        Stance.select(
            Stance.customer, Stance.code, Stance.invoice, Stance.id, Stance.heard_on, Stance.words,
            fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Stance)
        .join(Customer)
        .where(among(Stance.customer, customer_ids) & Stance.ended_at.is_null())
        .order_by(Stance.id)
    )  # fmt: skip
    rows = list(db.execute(query))
    last = last_paid({row[0] for row in rows}) if rows else {}
    return _grouped(
        (customer_id, (code, invoice_id, Told("stance", id, who, as_date(on), quoted(said))))
        for customer_id, code, invoice_id, id, on, said, who in rows
        if customer_id not in last or last[customer_id] <= as_date(on)
    )


def last_paid(customer_ids):
    """{customer id: the day on which their last money came}."""
    query = (
        Payment.select(Payment.customer, fn.MAX(Payment.received_on))
        .where(among(Payment.customer, customer_ids) & (Payment.state << Payment.MONEY))
        .group_by(Payment.customer)
    )
    return {id: as_date(on) for id, on in db.execute(query)}


# --- Of invoices ---------------------------------------------------------------------------------


def attempts(invoice_ids, house):
    """({invoice id: Attempt} under way, {invoice id: Attempt} of those whose last one failed)."""
    query = (
        PaymentPart.select(
            PaymentPart.invoice, PaymentPart.live, Payment.id, Payment.state, Payment.amount_cents,
            Payment.method_label, fn.COALESCE(Payment.concluded_at, Payment.created_at), Payment.returned_on,
            Payment.reason,
        )
        .join(Payment)
        .where(
            among(PaymentPart.invoice, invoice_ids)
            & (PaymentPart.live | (Payment.state << (*FAILED, *Payment.MONEY)))
        )
        .order_by(Payment.id)
    )  # fmt: skip
    live, last = {}, {}
    for invoice_id, is_live, id, state, cents, label, at, returned_on, reason in db.execute(query):
        on = as_date(returned_on) or house.day(at)
        one = Attempt(id, state, cents, label, on, reason)
        (live if is_live else last)[invoice_id] = one
    return live, {id: one for id, one in last.items() if one.state in FAILED}


def debits(customer_ids, today):
    """{invoice id: PlannedDebit} of what autopay will do without anybody doing anything."""
    found = {}
    for charges in upcoming.by_customer(customer_ids, today=today).values():
        for one in charges:
            if one.is_promise:
                made = [(row.invoice_id, row.id) for row in one.planned]
                found.update((at, PlannedDebit(id, one.charge_on, one.method.label)) for at, id in made)
    return found


def corrections(invoice_ids):
    """{invoice id: Correction}, the latest that took something off an invoice."""
    query = Credit.select(Credit.invoice, Credit.id, Credit.amount_cents, Credit.made_on).where(
        among(Credit.invoice, invoice_ids) & (Credit.kind << CORRECTIONS)
    )
    rows = db.execute(query.order_by(Credit.id))
    return {invoice_id: Correction(id, cents, as_date(on)) for invoice_id, id, cents, on in rows}


def told_corrections(customer_ids, found):
    """Ids of those of the Corrections of an invoice (``found``) of which a message of their own has told."""
    if not found:
        return set()
    said = Notice.alias()
    query = (
        Notice.select(Notice.credit)
        .join(said, JOIN.LEFT_OUTER, on=(Notice.joined == said.id))
        .where(
            among(Notice.customer, customer_ids)
            & among(Notice.credit, [one.id for one in found.values()])
            & (fn.COALESCE(said.state, Notice.state) == Notice.SENT)
            & fn.COALESCE(said.bounced_at, Notice.bounced_at).is_null()
        )
    )
    return {id for (id,) in db.execute(query)}


def rises(invoice_ids, house):
    """{invoice id: Rise} of invoices at a price whose announcement came back."""
    if not house.rises:
        return {}
    query = Line.select(Line.invoice, Line.charge, Line.unit_cents, Line.from_on).where(
        among(Line.invoice, invoice_ids) & among(Line.charge, house.rises)
    )
    return {
        invoice_id: Rise(id, starts_on)
        for invoice_id, charge_id, cents, from_on in db.execute(query)
        for id, starts_on, new_cents in house.rises[charge_id]
        if new_cents == cents and from_on and starts_on <= as_date(from_on)
    }


REASONS = {
    Dispute.WRONG_AMOUNT: "the amount is wrong",
    Dispute.NOT_ORDERED: "they did not order it",
    Dispute.SERVICE_FAULT: "the service did not work",
    Dispute.ALREADY_PAID: "they have paid it",
    Dispute.OTHER: "see their words",
}


def questions(invoice_ids):
    """{invoice id: [Question]} of open disputes."""
    query = (
        Dispute.select(
            Dispute.invoice, Dispute.id, Dispute.amount_cents, Dispute.opened_on, Dispute.reason,
            Dispute.answer_by_on, fn.COALESCE(Contact.name, Customer.name),
        )
        .join(Contact, JOIN.LEFT_OUTER)
        .switch(Dispute)
        .join(Customer)
        .where(among(Dispute.invoice, invoice_ids) & (Dispute.state == Dispute.OPEN))
        .order_by(Dispute.id)
    )  # fmt: skip
    return _grouped(
        (invoice_id, Question(id, who, cents, as_date(on), REASONS[reason], as_date(answer_by_on)))
        for invoice_id, id, cents, on, reason, answer_by_on, who in db.execute(query)
    )


def deliveries(invoice_ids, house):
    """{invoice id: [Delivery]} of every message that carried it, and of invoices that did not leave."""
    said = Notice.alias()
    query = (
        Notice.select(
            Notice.invoice, Notice.id, Notice.channel, fn.COALESCE(said.state, Notice.state),
            fn.COALESCE(said.address, Notice.address), fn.COALESCE(said.sent_at, Notice.sent_at),
            fn.COALESCE(said.bounced_at, Notice.bounced_at), Notice.bounce_text, Notice.reason, Notice.kind,
        )
        .join(said, JOIN.LEFT_OUTER, on=(Notice.joined == said.id))
        .where(
            among(Notice.invoice, invoice_ids)
            & ((Notice.kind == Notice.INVOICE) | (Notice.state << (Notice.SENT, Notice.JOINED)))
        )
        .order_by(Notice.id)
    )  # fmt: skip
    return _grouped((row[0], _delivery(row, house)) for row in db.execute(query))


def _delivery(row, house):
    _, id, channel, state, address, sent_at, bounced_at, bounce_text, reason, *kind = row
    bounced_on, is_talk = house.day(bounced_at), bool(kind and kind[0] in OF_TICKETS)
    return Delivery(
        id, channel, state, address, house.day(sent_at), bounced_on, bounce_text or reason, is_talk
    )


def digests(customer_ids, house):
    """{customer id: [Delivery]} of monthly summaries: each tells of everything that was open then."""
    query = Notice.select(
        Notice.customer, Notice.id, Notice.channel, Notice.state, Notice.address, Notice.sent_at,
        Notice.bounced_at, Notice.bounce_text, Notice.reason,
    ).where(
        among(Notice.customer, customer_ids)
        & (Notice.kind == Notice.DIGEST)
        & (Notice.state == Notice.SENT)
    )  # fmt: skip
    return _grouped((row[0], _delivery(row, house)) for row in db.execute(query.order_by(Notice.id)))


def told_of(payment_ids, house):
    """{payment id: [Delivery]} of messages about payments that failed: they too ask for the money."""
    query = Notice.select(
        Notice.payment, Notice.id, Notice.channel, Notice.state, Notice.address, Notice.sent_at,
        Notice.bounced_at, Notice.bounce_text, Notice.reason,
    ).where(among(Notice.payment, payment_ids) & (Notice.state == Notice.SENT))  # fmt: skip
    return _grouped((row[0], _delivery(row, house)) for row in db.execute(query.order_by(Notice.id)))


def plans(invoice_ids):
    """{invoice id: {installment id: Parts}} of running plans, by date."""
    query = (
        InstallmentPart.select(
            InstallmentPart.invoice, Installment.id, Plan.id, Plan.count, Installment.number,
            Installment.due_on, InstallmentPart.amount_cents,
        )
        .join(Installment)
        .join(Plan)
        .join(PlanInvoice, on=((PlanInvoice.plan == Plan.id) & PlanInvoice.active))
        .where(
            among(InstallmentPart.invoice, invoice_ids)
            & (Plan.state == Plan.RUNNING)
            & (PlanInvoice.invoice == InstallmentPart.invoice)
        )
        .order_by(Installment.due_on, Installment.number)
    )  # fmt: skip
    found = {}
    for invoice_id, installment_id, id, count, number, due_on, cents in db.execute(query):
        found.setdefault(invoice_id, {})[installment_id] = Parts(id, count, number, as_date(due_on), cents)
    return found
