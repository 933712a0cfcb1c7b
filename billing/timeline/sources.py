"""What a timeline is made of: one Source for each kind, in one table. A new kind is one more entry.

An entry stands at an instant. Where only a business day is known it stands at noon in Greenwich, which is
the same day all over the United States, so that days and instants can be in one order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time

from billing.timeline import seeking, telling
from models import SearchEntry, db

NOON = time(12)

MONEY, MESSAGES, TICKETS, CALLS, NOTES = "money", "messages", "tickets", "calls", "notes"
DEALS, CONTRACTS, CHANGES = "deals", "contracts", "changes"
# key -> what the filter says
GROUPS = {
    MONEY: "Money",
    MESSAGES: "Messages",
    TICKETS: "Tickets",
    CALLS: "Calls",
    NOTES: "Notes",
    DEALS: "Promises and disputes",
    CONTRACTS: "Contracts",
    CHANGES: "Changes",
}

# Events by the table that they are about; all others are changes.
EVENTS = {
    MONEY: ("invoice", "payment", "refund", "credit", "chargeback", "one_off", "remittance_row", "late_fee"),
    MESSAGES: ("notice", "inbound", "print_piece"),
    TICKETS: ("ticket",),
    CALLS: ("call",),
    NOTES: ("note",),
    DEALS: ("promise", "plan", "dispute", "service_credit", "approval", "gate_override"),
    CONTRACTS: (
        "contract", "charge", "price_change", "renewal_notice", "renewal_answer", "renewal", "cancellation",
        "hold", "authority_notice", "suspension",
    ),
}  # fmt: skip
# What other sources tell better.
TOLD_ELSEWHERE = (
    "invoice.issued", "payment.recorded", "payment.approved", "payment.declined", "payment.settled",
    "credit.made", "refund.made", "ticket.opened", "ticket.answered", "ticket.continued", "ticket.noted",
    "call.logged", "note.written", "promise.made", "plan.proposed", "dispute.opened", "notice.signed",
    "contract.answered", "renewal_answer.given",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One kind of entry.

    kind    -- its name, once in the table
    groups  -- the filters that show it
    rows    -- FROM and WHERE of its rows, with one ``%s`` for the customer
    at      -- SQL of the instant; or (SQL of the instant or NULL, SQL of the day): see ``_instant``
    tell    -- ids -> [telling.Entry], with one query
    columns -- what a search within the timeline reads
    index   -- the kind of SearchEntry whose full text is read instead
    amount  -- SQL of the cents that can be searched for
    narrow  -- what shows only a group of its rows: group -> SQL
    """

    kind: str
    groups: tuple
    rows: str
    at: object
    tell: Callable
    table: str
    columns: tuple = ()
    index: str = ""
    amount: str = ""
    narrow: dict = field(default_factory=dict)

    @property
    def place(self):
        """Its place in the table; among entries of one instant, the later source is shown first."""
        return _PLACES[self.kind]

    def is_day(self, at):
        """True when only the day of an entry is known."""
        return not isinstance(self.at, str) and at.time() == NOON

    def load(self, ids):
        """The entries of these rows."""
        return self.tell(ids)

    def arm(self, customer, group, words, mark, most):
        """(SQL, values) of its newest entries: instant, place, id."""
        at, id = self._instant(), f"{self.table}.id"
        conditions, values = [], [customer.id]
        if self.narrow and group in self.narrow:
            conditions.append(self.narrow[group])
        if words:
            sql, given = self._with(words, customer, id)
            conditions.append(f"({sql})")
            values += given
        if mark:
            sql, given = self._before(at, id, mark)
            conditions.append(f"({sql})")
            values += given
        also = "".join(f" AND {condition}" for condition in conditions)
        sql = f"SELECT {at} AS at, {self.place} AS place, {id} AS id FROM {self.rows}{also}"
        return f"{sql} ORDER BY 1 DESC, 3 DESC LIMIT {int(most)}", values

    def _instant(self):
        """Where the instant is on that day it is the instant; else noon of the day."""
        if isinstance(self.at, str):
            return self.at
        instant, day = self.at
        if db.for_update:
            return f"CASE WHEN CAST({instant} AS DATE) = {day} THEN {instant} ELSE {day} + TIME '12:00' END"
        return f"CASE WHEN DATE({instant}) = {day} THEN {instant} ELSE {day} || ' 12:00:00' END"

    def _before(self, at, id, mark):
        instant, place, last = mark
        instant = instant if db.for_update else str(instant)
        if self.place < place:
            return f"{at} <= %s", [instant]
        if self.place > place:
            return f"{at} < %s", [instant]
        return f"{at} < %s OR ({at} = %s AND {id} < %s)", [instant, instant, last]

    def _with(self, words, customer, id):
        if self.index:
            return seeking.in_index(self.index, id, customer, words)
        if not self.columns:
            return "1 = 0", []
        sql, values = seeking.in_columns((f"'{self.kind}'", *self.columns), words)
        cents = seeking.cents(words) if self.amount else None
        return (sql, values) if cents is None else (f"({sql}) OR {self.amount} = {int(cents)}", values)


def _of(table, where=""):
    return f'"{table}" WHERE "{table}".customer_id = %s{where}'


def _in(names):
    return f"({', '.join(repr(name) for name in names)})"


def _event_groups():
    known = [table for tables in EVENTS.values() for table in tables]
    by_group = {group: f"event.about_table IN {_in(tables)}" for group, tables in EVENTS.items()}
    return by_group | {CHANGES: f"event.about_table NOT IN {_in(known)}"}


def _events():
    return Source(
        kind="event", table="event", groups=tuple(GROUPS), at="event.at", tell=telling.events,
        rows=_of("event", f" AND event.what NOT IN {_in(TOLD_ELSEWHERE)}"),
        columns=("event.what", "event.reason", "event.before", "event.after"), narrow=_event_groups(),
    )  # fmt: skip


SOURCES = (
    Source(
        kind="invoice", table="invoice", groups=(MONEY,), tell=telling.invoices, amount="invoice.total_cents",
        rows=_of("invoice", " AND invoice.issued_on IS NOT NULL AND invoice.number IS NOT NULL"),
        at=("invoice.created_at", "invoice.issued_on"), columns=("invoice.number", "invoice.note"),
    ),
    Source(
        kind="payment", table="payment", groups=(MONEY,), tell=telling.payments,
        amount="payment.amount_cents",
        rows=_of("payment", " AND payment.state NOT IN ('prepared', 'expired')"),
        at=("payment.created_at", "payment.received_on"),
        columns=("payment.reference", "payment.method_label", "payment.check_number", "payment.reason",
                 "payment.note", "payment.transaction_id"),
    ),
    Source(
        kind="refund", table="refund", groups=(MONEY,), tell=telling.refunds, amount="refund.amount_cents",
        rows="refund JOIN payment ON payment.id = refund.payment_id WHERE payment.customer_id = %s",
        at=("refund.created_at", "refund.made_on"), columns=("refund.reason", "refund.reference"),
    ),
    Source(
        kind="credit", table="credit", groups=(MONEY,), tell=telling.credits, amount="credit.amount_cents",
        rows=_of("credit"), at=("credit.created_at", "credit.made_on"), columns=("credit.reason",),
    ),
    Source(
        kind="sent", table="notice", groups=(MESSAGES,), tell=telling.notices, index=SearchEntry.SENT,
        rows=_of("notice", " AND notice.sent_at IS NOT NULL AND notice.state = 'sent'"), at="notice.sent_at",
    ),
    Source(
        kind="unsent", table="notice", groups=(MESSAGES,), tell=telling.notices, at="notice.created_at",
        rows=_of("notice", " AND notice.state IN ('queued', 'sending', 'print', 'failed', 'draft')"),
        columns=("notice.subject", "notice.reason", "notice.words"),
    ),
    Source(
        kind="seen", table="sighting", groups=(MESSAGES,), tell=telling.sightings, at="sighting.at",
        rows=_of("sighting"), columns=("sighting.page",),
    ),
    Source(
        kind="inbound", table="inbound", groups=(MESSAGES,), tell=telling.inbound, index=SearchEntry.INBOUND,
        rows=_of("inbound", " AND inbound.ticket_id IS NULL"), at="inbound.received_at",
    ),
    Source(
        kind="message", table="message", groups=(TICKETS,), tell=telling.messages, at="message.written_at",
        rows="message JOIN ticket ON ticket.id = message.ticket_id WHERE ticket.customer_id = %s",
        index=SearchEntry.MESSAGE,
    ),
    Source(
        kind="call", table='"call"', groups=(CALLS,), tell=telling.calls, at='"call".started_at',
        rows=_of("call"), index=SearchEntry.CALL,
    ),
    Source(
        kind="note", table="note", groups=(NOTES,), tell=telling.notes, at="note.at", rows=_of("note"),
        index=SearchEntry.NOTE,
    ),
    Source(
        kind="promise", table="promise", groups=(DEALS,), tell=telling.promises, at="promise.made_at",
        rows=_of("promise"), columns=("promise.words", "promise.reason"), amount="promise.amount_cents",
    ),
    Source(
        kind="plan", table="plan", groups=(DEALS,), tell=telling.plans, at="plan.proposed_at",
        rows=_of("plan"), columns=("plan.words", "plan.reason"), amount="plan.amount_cents",
    ),
    Source(
        kind="dispute", table="dispute", groups=(DEALS,), tell=telling.disputes, at="dispute.opened_at",
        rows=_of("dispute"), columns=("dispute.words", "dispute.decision"), amount="dispute.amount_cents",
    ),
    Source(
        kind="answer", table="renewal_answer", groups=(CONTRACTS,), tell=telling.answers,
        at="renewal_answer.at",
        rows="renewal_answer JOIN contract ON contract.id = renewal_answer.contract_id "
             "WHERE contract.customer_id = %s",
        columns=("renewal_answer.words", "renewal_answer.name"),
    ),
    _events(),
)  # fmt: skip
_PLACES = {source.kind: place for place, source in enumerate(SOURCES)}
