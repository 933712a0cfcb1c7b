"""What shuts the gate: one source for each reason, with the row that proves it and what clears it.

Each source answers for any number of customers in one question or two. Only reading. Not here: when a reason
counts, and who may let something pass all the same (gate.py, overrides.py).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from billing import company as companies
from billing import feeds, localtime, words
from billing.automatic import upcoming
from billing.collections import deliveries, underway, waiting
from billing.money import format_cents
from models import (
    Allocation,
    Customer,
    Dispute,
    Handover,
    Hold,
    Invoice,
    Notice,
    PaymentPart,
    Plan,
    PlanInvoice,
    Promise,
    Ticket,
    Verdict,
    among,
    as_instant,
)

JUST_TOLD = timedelta(days=3)  # who was just told of a decline, or answered, is not pressed as well
ANSWER, CALL_BACK, DECIDE, LOOK = "Answer", "Call back", "Decide", "Look at it"
PRINT, REACH, MEND = "Print it", "Send it another way", "Put it right"


@dataclass(frozen=True)
class Reason:
    """Why the gate is shut for a customer, with the row that proves it.

    act        -- what clears it, as the words of a button
    since_at   -- since when (an instant); an approved override lets pass what was there when it was asked
    invoice_id -- the only invoice that it is about; None: the whole account
    is_partial -- it leaves a part of its invoice due, so a message about that part may leave
    waits      -- nobody has to act: it passes by itself
    """

    code: str
    sentence: str
    table: str
    id: int
    act: str
    since_at: datetime
    invoice_id: int | None = None
    is_partial: bool = False
    waits: bool = False

    @property
    def row(self):
        """(table, id) of the row that proves it."""
        return self.table, self.id


@dataclass(frozen=True)
class Asked:
    """Of whom and when the gate is asked."""

    ids: tuple
    today: date
    now: datetime

    def on(self, instant):
        """The business day of an instant as the database gives it."""
        return localtime.day(as_instant(instant), self.zone)

    def day(self, instant):
        """The business day of an instant, in words."""
        return words.date(self.on(instant))

    @cached_property
    def zone(self):
        """The company's time zone."""
        return companies.current().time_zone


# --- The law, and what staff said ----------------------------------------------------------------


def _legal(asked):
    query = Customer.select(Customer.id, Customer.name, Customer.legal_state).where(
        among(Customer.id, asked.ids) & (Customer.legal_state != Customer.NONE)
    )
    told = {
        Customer.BANKRUPTCY: "{} is in bankruptcy: the law forbids to ask for what is owed.",
        Customer.DECEASED: "{} has died. Speak with the family or the estate, kindly.",
    }
    for id, name, state in query.tuples():
        yield id, Reason(state, told[state].format(name), "customer", id, LOOK, datetime.min)


def _holds(asked):
    """A hold counts on the business day and on the day in UTC: the database knows only the latter."""
    columns = (Hold.id, Hold.customer, Hold.reason, Hold.starts_on, Hold.ends_on, Hold.created_at)
    query = Hold.select(*columns).where(
        among(Hold.customer, asked.ids)
        & (Hold.scope == Hold.NOTICES)
        & (Hold.starts_on <= max(asked.today, asked.now.date()))
        & (Hold.ends_on.is_null() | (Hold.ends_on >= min(asked.today, asked.now.date())))
    )
    for id, customer_id, reason, starts_on, ends_on, created_at in query.tuples():
        until = f", until {words.date(ends_on)}" if ends_on else ""
        told = f"Messages have been on hold since {words.date(starts_on)}{until}: {reason.rstrip('.')}."
        since_at = max(datetime.combine(starts_on, time()), created_at or datetime.max)
        yield customer_id, Reason("hold", told, "hold", id, "End the hold", since_at)


def _feeds(asked):
    for feed in feeds.silent(asked.now):
        last = f"was last read on {asked.day(feed.beat_at)}" if feed.beat_at else "was never read"
        told = f"Incoming {feed.name} {last}: we cannot know whether they called or wrote."
        since_at = feed.beat_at or datetime.min
        for id in asked.ids:
            yield id, Reason("feed", told, "feed", feed.id, "See what is wrong", since_at)


# --- The customer waits for us -------------------------------------------------------------------


UNANSWERED = {
    "ticket": "They have been waiting for our answer since {on}: “{what}”.",
    "missed": "They called on {on} and nobody answered.",
    "voicemail": "They called on {on} and left a message.",
    "step": "They called on {on} and we were to: {what}.",
    "call": "They called on {on} and wait for us.",
    "perhaps": "Somebody called on {on} from a number of theirs; nobody has said whose call it was.",
    "mail": "They wrote on {on} and nobody has looked at it{about}.",
    "text": "They wrote on {on} and nobody has looked at it{about}.",
    "plan": "They proposed on {on} to pay {cents} in {what}.",
}
CLEARED = {  # by table: (code, what clears it)
    "ticket": ("ticket", ANSWER),
    "call": ("call", CALL_BACK),
    "inbound": ("inbound", LOOK),
    "plan": ("proposal", "Answer the proposal"),
}


def _unanswered(one):
    """The Reason of somebody who waits for us; nobody let pass what was not known yet."""
    code, act = CLEARED[one.table]
    if one.kind == "perhaps":
        act = "Say whose call it was"
    sentence = UNANSWERED[one.kind].format(
        on=words.date(one.on), what=one.what.rstrip(".") if one.kind == "step" else one.what,
        about=f": “{one.what}”" if one.what else "", cents=format_cents(one.cents),
    )  # fmt: skip
    return Reason(code, sentence, one.table, one.id, act, one.known_at or one.since_at)


def _contacts(asked):
    for customer_id, one in waiting.contacts(asked.ids, asked.on):
        yield customer_id, _unanswered(one)


def _tickets(asked):
    questions, faults = waiting.tickets(asked.ids, asked.on)
    for customer_id, one in questions:
        yield customer_id, _unanswered(one)
    answering = {one.id for _, one in questions}
    for customer_id, one in faults:
        if one.id not in answering:
            told = f"A fault has been open since {words.date(one.on)}: “{one.what}”."
            act = "Put it right and close it"
            yield customer_id, Reason("fault", told, "ticket", one.id, act, one.known_at)
    yield from _just_answered(asked, {one.id for _, one in faults})


def _just_answered(asked, faults):
    query = Ticket.select(Ticket.id, Ticket.customer, Ticket.subject, Ticket.last_at).where(
        among(Ticket.customer, asked.ids)
        & (Ticket.state == Ticket.WAITING_ON_CUSTOMER)
        & (Ticket.last_at > asked.now - JUST_TOLD)
    )
    for id, customer_id, subject, at in query.order_by(Ticket.id).tuples():
        if id not in faults:
            told = f"They had our answer on {asked.day(at)}: “{subject}”. Give them time to read it."
            yield customer_id, Reason("just_answered", told, "ticket", id, LOOK, at, waits=True)


def _disputes(asked):
    """What is disputed is not due; the rest of the invoice is, and may be asked for."""
    query = (
        Dispute.select(Dispute.id, Dispute.customer, Dispute.invoice, Dispute.amount_cents,
                       Dispute.opened_at, Invoice.number, Invoice.open_cents)
        .join(Invoice)
        .where(among(Dispute.customer, asked.ids) & (Dispute.state == Dispute.OPEN))
        .where(Invoice.IS_OWED)
        .order_by(Dispute.id)
    )  # fmt: skip
    rows, disputed = list(query.tuples()), {}
    for _, _, invoice_id, cents, *_ in rows:
        disputed[invoice_id] = disputed.get(invoice_id, 0) + cents
    for id, customer_id, invoice_id, cents, at, number, open_cents in rows:
        told = f"{format_cents(cents)} of invoice {number} has been disputed since {asked.day(at)}."
        is_partial = disputed[invoice_id] < open_cents
        yield customer_id, Reason("dispute", told, "dispute", id, DECIDE, at, invoice_id, is_partial)


# --- Our mistakes --------------------------------------------------------------------------------


def _never_delivered(asked):
    """What never reached anybody is asked for of nobody: it is delivered first, another way."""
    late = max(asked.today, asked.now.date())
    for one in deliveries.lost(asked.ids, late, asked.on):
        act = PRINT if one.to_print else REACH
        yield (
            one.customer_id,
            Reason(
                Verdict.NEVER_DELIVERED, one.sentence, "notice", one.notice_id, act, one.at, one.invoice_id
            ),
        )


def _our_mistakes(asked):
    """What was judged to be unpaid by our fault: money of theirs that pays nothing, a change not told."""
    query = Verdict.select(Verdict.id, Verdict.customer, Verdict.invoice, Verdict.sentence, Verdict.known_at)
    ours = Verdict.current & (Verdict.code == Verdict.OUR_MISTAKE) & among(Verdict.customer, asked.ids)
    for id, customer_id, invoice_id, told, at in query.where(ours).order_by(Verdict.id).tuples():
        yield customer_id, Reason(Verdict.OUR_MISTAKE, told, "verdict", id, MEND, at, invoice_id)


# --- What is on its way --------------------------------------------------------------------------


def _payments(asked):
    """Payments whose end is not known: being made, held, in doubt."""
    for one in underway.unknown(asked.ids):
        told = f"A payment of {format_cents(one.cents)}, begun on {asked.day(one.at)}, is being checked."
        yield one.customer_id, _on_its_way("payment", told, one)


def _settling(asked):
    """Part payments that the processor approved and has not settled."""
    for one in underway.settling(asked.ids, asked.now):
        told = f"Their payment of {format_cents(one.cents)} of {asked.day(one.at)} is not settled yet."
        yield one.customer_id, _on_its_way("settling", told, one)


def _on_its_way(code, told, one):
    return Reason(code, told, "payment", one.id, LOOK, one.at, one.invoice_id, waits=True)


def _promises(asked):
    query = Promise.select(
        Promise.id, Promise.customer, Promise.invoice, Promise.amount_cents, Promise.pay_on, Promise.made_at
    ).where(among(Promise.customer, asked.ids) & (Promise.state == Promise.RUNNING))
    for id, customer_id, invoice_id, cents, pay_on, at in query.tuples():
        told = f"They promised to pay {format_cents(cents)} by {words.date(pay_on)}."
        yield customer_id, Reason("promise", told, "promise", id, LOOK, at, invoice_id, waits=True)


def _plans(asked):
    query = (
        Plan.select(
            Plan.id, Plan.customer, Plan.agreed_at, Plan.missed_on, Plan.repaired_on, PlanInvoice.invoice
        )
        .join(PlanInvoice, on=((PlanInvoice.plan == Plan.id) & PlanInvoice.active))
        .where(among(Plan.customer, asked.ids) & (Plan.state == Plan.RUNNING))
        .order_by(Plan.id)
    )  # fmt: skip
    for id, customer_id, at, missed_on, repaired_on, invoice_id in query.tuples():
        if missed_on and (repaired_on is None or repaired_on < missed_on):
            told = (
                f"A payment of their plan has been missing since {words.date(missed_on)}; it may still come."
            )
            yield customer_id, Reason("plan_missed", told, "plan", id, LOOK, at, invoice_id, waits=True)
        else:
            told = f"They pay by the plan that they agreed to on {asked.day(at)}."
            yield customer_id, Reason("plan", told, "plan", id, LOOK, at, invoice_id, waits=True)


def _autopay(asked):
    promised = upcoming.promised_invoices(asked.ids, today=asked.today)
    if promised:
        query = Invoice.select(Invoice.id, Invoice.customer, Invoice.number, Invoice.created_at)
        for id, customer_id, number, at in query.where(among(Invoice.id, promised)).tuples():
            told = f"Autopay will charge invoice {number}."
            yield customer_id, Reason("autopay", told, "invoice", id, LOOK, at, id, waits=True)


def _just_told(asked):
    """Who was asked to pay by another message of the last days: above the limit, declined, come back."""
    recent = among(Notice.customer, asked.ids) & (Notice.created_at > asked.now - JUST_TOLD)
    told = {
        Notice.ABOVE_CAP: "The customer was just asked, above their autopay limit.",
        Notice.CHARGE_DECLINED: "The customer was just told of a declined payment.",
        Notice.METHOD_PROBLEM: "The customer was just told of a declined payment.",
        Notice.PAYMENT_PROBLEM: "The customer was just told that a payment came back.",
    }
    query = Notice.select(
        Notice.id, Notice.customer, Notice.kind, Notice.created_at, Notice.invoice, Notice.payment
    )
    rows = list(query.where(recent & Notice.kind.in_(tuple(told))).tuples())
    invoices = _invoices_of([row[5] for row in rows if row[5]])
    for id, customer_id, kind, at, invoice_id, payment_id in rows:
        for about in {invoice_id, *invoices.get(payment_id, ())} - {None}:
            yield customer_id, Reason("just_told", told[kind], "notice", id, LOOK, at, about, waits=True)


def _invoices_of(payment_ids):
    """{payment id: {ids of the invoices that it paid or was to pay}}."""
    found = {}
    for model in (PaymentPart, Allocation) if payment_ids else ():
        query = model.select(model.payment, model.invoice).where(among(model.payment, payment_ids))
        for payment_id, invoice_id in query.tuples():
            found.setdefault(payment_id, set()).add(invoice_id)
    return found


def _handed_over(asked):
    """An agency has the account: nobody of ours presses as well."""
    query = Handover.select(Handover.id, Handover.customer, Handover.agency, Handover.handed_at).where(
        among(Handover.customer, asked.ids) & (Handover.state == Handover.HANDED_OVER)
    )
    for id, customer_id, agency, at in query.tuples():
        told = f"The account is with {agency} since {asked.day(at)}: nothing is added or asked from here."
        yield customer_id, Reason("handed_over", told, "handover", id, "Take it back", at)


# Whoever must act first; what passes by itself last.
SOURCES = (
    _legal, _handed_over, _tickets, _contacts, _disputes, _our_mistakes, _never_delivered, _holds,
    _feeds, _payments, _settling, _promises, _plans, _autopay, _just_told,
)  # fmt: skip
BEFORE_DUE = (_payments, _autopay, _tickets, _holds, _just_told)
BEFORE_DUE_CODES = frozenset({"payment", "autopay", "ticket", "hold", "just_told"})
OWN = frozenset(
    {
        (Notice.PLAN_MISSED, "plan_missed"),
        (Notice.PLAN_MISSED, "never_delivered"),  # they agreed to pay it: they know of it
        (Notice.HANDED_OVER, "handed_over"),
    }
)
CODES = (
    "bankruptcy", "deceased", "handed_over", "ticket", "fault", "call", "inbound", "proposal", "dispute",
    "our_mistake", "never_delivered", "hold", "feed",
    "payment", "settling", "promise", "plan", "plan_missed", "autopay", "just_answered",
    "just_told", "bad_address",
)  # fmt: skip


# --- The way there -------------------------------------------------------------------------------


def bad_address(notice, now):
    """[Reason] of a letter without an address. Mail that comes back becomes one (``notices.bouncing``)."""
    if notice.channel != Notice.PAPER or notice.customer.address_lines:
        return []
    told = "There is no postal address to send it to."
    return [Reason("bad_address", told, "customer", notice.customer_id, "Put the address right", now)]
