"""What is known of who owes: what they asked, what we did, what is open. Only what a record proves.

Not here: why it is unpaid (``billing.collections``), the letter that is written from it (``writing``).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing import company as companies
from billing import demands, ledger, localtime, naming, words
from billing.collections import verdicts
from billing.money import format_cents
from models import Call, Credit, Dispute, Message, Notice, Payment, Promise, Ticket

ASKED, DID, OPEN = "asked", "did", "open"
BACK = timedelta(days=365)
MOST = 5  # of each kind, the latest
CREDITS = {
    Credit.GOODWILL: "out of goodwill",
    Credit.SERVICE: "for a fault",
    Credit.DISPUTE: "after a dispute",
}


@dataclass(frozen=True)
class Fact:
    """One record, and what it says. ``side``: what they asked, what we did, what is open."""

    side: str
    table: str
    id: int
    at: datetime | None
    sentence: str

    @property
    def mark(self):
        """The same as long as the record says the same."""
        told = f"{self.table} {self.id} {self.sentence}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Talk:
    """A conversation that is over: what they asked, when, and when we answered or put it right."""

    ticket: Ticket
    answered_at: datetime


@dataclass
class Evidence:
    """All that a personal mail is written from."""

    facts: list = field(default_factory=list)
    verdict: object = None  # the standing Verdict of the invoice
    invoices: list = field(default_factory=list)  # past due, oldest first
    talk: Talk | None = None
    failed: Payment | None = None  # the last try that did not go through
    broken: Promise | None = None

    @property
    def digest(self):
        """The same as long as nothing that the mail is written from has changed: the mark of each fact."""
        return " ".join(sorted({fact.mark for fact in self.facts}))

    def news(self, digest):
        """The facts that were not there, or said something else, when ``digest`` was made; in a tuple."""
        seen = digest.split()
        return tuple(fact for fact in self.facts if fact.mark not in seen)

    def of(self, side):
        """The facts of one side, latest first."""
        rows = [fact for fact in self.facts if fact.side == side]
        return sorted(rows, key=lambda fact: (fact.at or datetime.min, -fact.id), reverse=True)


def read(notice, *, today, now):
    """The Evidence for a personal mail about ``notice``: its invoice and its customer, as of now."""
    found, customer, told = Evidence(), notice.customer, _Days(now)
    for reader in (_open, _reason, _talks, _calls, _credits, _disputes, _promises, _payments, _messages):
        reader(found, notice, customer, told, today)
    return found


class _Days:
    """Days of instants in the company's zone, in words; and since when to look."""

    def __init__(self, now):
        self.now, self.since = now, now - BACK
        self.zone = companies.current().time_zone

    def __call__(self, instant):
        return words.date(localtime.day(instant, self.zone))


def _open(found, notice, customer, told, today):
    """What is past due, invoice by invoice."""
    invoices = list(ledger.open_invoices(customer))
    asked, company = demands.of_invoices(invoices), companies.current()
    for invoice in invoices:
        late = demands.late_cents(asked[invoice.id], today)
        if late or invoice.id == notice.invoice_id:
            found.invoices.append(invoice)
            due = words.date(demands.first_on(asked[invoice.id]) or invoice.due_on)
            sentence = (
                f"Invoice {naming.number(invoice, company)}: "
                f"{format_cents(late or invoice.open_cents)}, due {due}."
            )
            found.facts.append(Fact(OPEN, "invoice", invoice.id, None, sentence))


def _reason(found, notice, customer, told, today):
    standing = verdicts.current(customer.id, today=today, now=told.now)
    own = [verdict for verdict in standing if verdict.invoice_id == notice.invoice_id]
    found.verdict = own[0] if own else None
    once = {}
    for verdict in (*own, *standing):
        once.setdefault(verdict.sentence, verdict)  # the same reason of several invoices is read once
    for verdict in once.values():
        found.facts.append(Fact(OPEN, "verdict", verdict.id, verdict.judged_at, verdict.sentence))


def _talks(found, notice, customer, told, today):
    """Tickets with what we answered. The last one that is over is spoken of in the mail."""
    rows = customer.tickets.where((Ticket.last_at > told.since) & Ticket.merged_into.is_null())
    for ticket in rows.order_by(Ticket.last_at.desc()).limit(MOST):
        asked = f"They asked on {told(ticket.opened_at)}: “{ticket.subject}”."
        found.facts.append(Fact(ASKED, "ticket", ticket.id, ticket.opened_at, asked))
        answer = (
            ticket.messages.where(Message.staff.is_null(False) & ~Message.internal)
            .order_by(Message.id.desc())
            .first()
        )
        if answer:
            said = f"{answer.staff.name} answered “{ticket.subject}” on {told(answer.written_at)}."
            found.facts.append(Fact(DID, "message", answer.id, answer.written_at, said))
            if ticket.state != Ticket.WAITING_ON_US and found.talk is None:
                found.talk = Talk(ticket, answer.written_at)


def _calls(found, notice, customer, told, today):
    rows = customer.calls.where(Call.started_at > told.since).order_by(Call.started_at.desc()).limit(MOST)
    for call in rows:
        about = f": {call.note.strip()}" if call.note.strip() else "."
        who = "They called" if call.direction == Call.IN else "We called"
        what = dict(Call.outcome.choices)[call.outcome].lower()
        sentence = words.clipped(f"{who} on {told(call.started_at)} ({what}){about}", 255)
        side = ASKED if call.direction == Call.IN else DID
        found.facts.append(Fact(side, "call", call.id, call.started_at, sentence))


def _credits(found, notice, customer, told, today):
    kinds = Credit.kind.in_(tuple(CREDITS))
    rows = customer.credits.where(kinds & (Credit.created_at > told.since)).order_by(Credit.id.desc())
    for credit in rows.limit(MOST):
        cents, why = format_cents(credit.amount_cents), CREDITS[credit.kind]
        sentence = words.clipped(
            f"{cents} credit {why} on {words.date(credit.made_on)}: {credit.reason}", 255
        )
        found.facts.append(Fact(DID, "credit", credit.id, credit.created_at, sentence))


def _disputes(found, notice, customer, told, today):
    for one in (
        customer.disputes.where(Dispute.opened_at > told.since).order_by(Dispute.id.desc()).limit(MOST)
    ):
        cents = format_cents(one.amount_cents)
        sentence = f"They disputed {cents} of {one.invoice} on {told(one.opened_at)} ({one.state})."
        found.facts.append(Fact(ASKED, "dispute", one.id, one.opened_at, sentence))


def _promises(found, notice, customer, told, today):
    rows = customer.promises.where(Promise.made_at > told.since).order_by(Promise.id.desc()).limit(MOST)
    for one in rows:
        cents, day = format_cents(one.amount_cents), words.date(one.pay_on)
        found.facts.append(
            Fact(ASKED, "promise", one.id, one.made_at, f"They promised {cents} by {day} ({one.state}).")
        )
        if one.state == Promise.BROKEN and found.broken is None:
            found.broken = one


def _payments(found, notice, customer, told, today):
    """What came last, and the last try that did not go through."""
    rows = customer.payments.where(Payment.created_at > told.since).order_by(Payment.id.desc())
    came = rows.where(Payment.state.in_(Payment.MONEY)).first()
    if came:
        cents, day = format_cents(came.amount_cents), words.date(came.received_on)
        found.facts.append(
            Fact(ASKED, "payment", came.id, came.created_at, f"They last paid {cents} on {day}.")
        )
    failed = rows.where(Payment.state.in_((Payment.DECLINED, Payment.RETURNED))).first()
    if failed and (came is None or failed.id > came.id):
        found.failed, cents = failed, format_cents(failed.amount_cents)
        day, what = told(failed.created_at), failed.method_label or "A payment"
        what = f"{what}: {cents} did not go through on {day}."
        found.facts.append(Fact(OPEN, "payment", failed.id, failed.created_at, what))


def _messages(found, notice, customer, told, today):
    """What we sent about this invoice, and whether it came back."""
    gone = Notice.state.in_((Notice.SENT, Notice.JOINED)) & (Notice.invoice == notice.invoice_id)
    kinds = dict(Notice.kind.choices)
    for row in customer.notices.where(gone & (Notice.id != notice.id)).order_by(Notice.id.desc()).limit(MOST):
        sentence = f"{kinds[row.kind]} sent on {told(row.sent_at or row.created_at)}" + (
            ", and it came back." if row.bounced_at else "."
        )
        found.facts.append(Fact(DID, "notice", row.id, row.sent_at or row.created_at, sentence))
