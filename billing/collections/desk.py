"""What staff look at when something is past due: whose money waits for us, and whom to look after first.

Only reading. A verdict says why and what to do; the gate says what may not leave. Money that waits for us
stands above everything else.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from peewee import JOIN, SQL, fn

from billing.collections import gate, verdicts
from models import (
    Call,
    Contact,
    Customer,
    Inbound,
    Invoice,
    Notice,
    Plan,
    Promise,
    Staff,
    Ticket,
    Verdict,
    among,
    as_instant,
    db,
)

SIZE = 25  # customers on a page
TREND = timedelta(weeks=4)  # so long ago is what is compared with today
MOST_WAITING = 50  # rows of what waits for us; the sum is of all of them


@dataclass(frozen=True)
class Reason:
    """Why something of one customer is unpaid: verdicts that say the same, with what they are about."""

    verdict: Verdict
    invoices: tuple  # (Invoice, …), oldest date first
    cents: int
    installments: int = 0  # of them, how many are installments

    @property
    def is_ours(self):
        """True when the money waits for us."""
        return self.verdict.code in Verdict.OURS


@dataclass(frozen=True)
class Case:
    """One customer with something past due."""

    customer: Customer
    cents: int
    since_on: date
    days: int
    reasons: tuple
    shut: tuple = ()  # obstacles.Reason: what holds messages back

    @property
    def first(self):
        """What to look at first: what waits for us, else the largest sum."""
        return min(self.reasons, key=lambda one: (not one.is_ours, -one.cents, one.verdict.id))


@dataclass(frozen=True)
class Waits:
    """Money of one customer that waits for us."""

    customer: Customer
    verdict: Verdict
    cents: int
    since_at: datetime
    owner: Staff | None


@dataclass(frozen=True)
class Share:
    """What waits for one of us; nobody: for whoever comes first."""

    owner: Staff | None
    cents: int
    count: int
    since_at: datetime


@dataclass(frozen=True)
class Waiting:
    """All the money that waits for us: the sum, by owner, and the longest first.

    was_cents -- as much waited four weeks ago; None where nothing was judged yet
    """

    cents: int
    customers: int
    shares: tuple
    rows: tuple
    was_cents: int | None = None


@dataclass(frozen=True)
class Page:
    """One page of the desk."""

    cases: tuple
    codes: tuple  # (code, words, customers, cents) of all that is past due
    number: int
    has_more: bool


# --- Money waiting for us ------------------------------------------------------------------------

OURS = Verdict.current & (Verdict.code << Verdict.OURS)


def waiting_cents():
    """(cents, customers) that wait for us, for the first page."""
    row = Verdict.select(
        fn.COALESCE(fn.SUM(Verdict.amount_cents), 0), fn.COUNT(Verdict.customer.distinct())
    ).where(OURS)
    cents, customers = row.tuples().get()
    return int(cents), customers


def waiting(*, now):
    """The Waiting as it stands now."""
    cents, customers = waiting_cents()
    return Waiting(cents, customers, _shares(), _waiting_rows(), waited_cents(now - TREND))


def waited_cents(at):
    """What waited for us at an instant, by the verdicts of then; None before the first of them."""
    first = Verdict.select(Verdict.judged_at).order_by(Verdict.id).first()
    if first is None or first.judged_at > at:
        return None
    ours = (Verdict.code << Verdict.OURS) & (Verdict.judged_at <= at)
    sums = (
        Verdict.select(fn.COALESCE(fn.SUM(Verdict.amount_cents), 0)).where(ours & stood).scalar()
        for stood in (Verdict.current, Verdict.ended_at > at)
    )
    return sum(map(int, sums))


def _since():
    """Since when: the record's own instant, else the day since which it has been the reason."""
    return fn.COALESCE(Verdict.waiting_since_at, Verdict.since_on)


def _shares():
    query = (
        Verdict.select(
            Verdict.owner, fn.SUM(Verdict.amount_cents), fn.COUNT(Verdict.customer.distinct()),
            fn.MIN(_since()),
        )
        .where(OURS)
        .group_by(Verdict.owner)
        .order_by(fn.MIN(_since()))
    )  # fmt: skip
    rows = list(db.execute(query))
    owners = {
        one.id: one for one in Staff.select().where(among(Staff.id, [row[0] for row in rows if row[0]]))
    }
    return tuple(
        Share(owners.get(owner_id), int(cents), count, as_instant(at)) for owner_id, cents, count, at in rows
    )


def _waiting_rows():
    """Of each customer the verdict that waits longest, with all that waits of theirs."""
    query = (
        Verdict.select(Verdict.customer, fn.SUM(Verdict.amount_cents), fn.MIN(_since()))
        .where(OURS)
        .group_by(Verdict.customer)
        .order_by(fn.MIN(_since()), Verdict.customer)
        .limit(MOST_WAITING)
    )
    rows = list(db.execute(query))
    ids = [row[0] for row in rows]
    standing = (
        Verdict.select(Verdict, Staff).join(Staff, JOIN.LEFT_OUTER).where(OURS & among(Verdict.customer, ids))
    )
    first = {}
    for one in sorted(standing, key=_oldest):
        first.setdefault(one.customer_id, one)
    customers = {one.id: one for one in Customer.select().where(among(Customer.id, ids))}
    return tuple(
        Waits(customers[id], first[id], int(cents), as_instant(at), first[id].owner) for id, cents, at in rows
    )


def _oldest(verdict):
    return verdict.waiting_since_at or datetime.combine(verdict.since_on, time()), verdict.id


# --- Whom to look after --------------------------------------------------------------------------


def page(*, today, now, code="", number=1):
    """One Page of cases, worst first by money and time: what is most, and late for longest, comes first.

    code -- only customers with such a verdict; empty: all
    """
    verdicts.judge_marked(today, now=now, most=verdicts.CHUNK)
    found = _worst(today, code, SIZE + 1, (number - 1) * SIZE)
    cases = _cases(found[:SIZE], today, now)
    return Page(cases, _codes(), number, len(found) > SIZE)


def _worst(today, code, limit, skip):
    chosen = Verdict.current
    if code:
        chosen &= Verdict.customer.in_(
            Verdict.select(Verdict.customer).where(Verdict.current & (Verdict.code == code))
        )
    weight = fn.SUM(Verdict.amount_cents * _days_late(today))
    query = Verdict.select(Verdict.customer).where(chosen).group_by(Verdict.customer)
    return [
        id for (id,) in db.execute(query.order_by(weight.desc(), Verdict.customer).limit(limit).offset(skip))
    ]


def _days_late(today):
    if db.for_update:
        return SQL("(CAST(%s AS DATE) - due_on)", (today,))
    return SQL("CAST(julianday(?) - julianday(due_on) AS INTEGER)", (today.isoformat(),))


def _codes():
    query = (
        Verdict.select(Verdict.code, fn.COUNT(Verdict.customer.distinct()), fn.SUM(Verdict.amount_cents))
        .where(Verdict.current)
        .group_by(Verdict.code)
    )
    found = {code: (customers, int(cents)) for code, customers, cents in db.execute(query)}
    return tuple((code, Verdict.WORDS[code], *found[code]) for code in Verdict.CODES if code in found)


def case(customer_id, *, today, now):
    """The Case of one customer, judged anew where something has changed; None when nothing is past due."""
    verdicts.current(customer_id, today=today, now=now)
    found = _cases([customer_id], today, now)
    return found[0] if found else None


def of_customer(customer_id, *, today, now):
    """Why what is past due of one customer is unpaid: (Reason, …), in the order of the rules."""
    standing = verdicts.current(customer_id, today=today, now=now)
    query = Invoice.select().where(among(Invoice.id, {one.invoice_id for one in standing}))
    invoices = {one.id: one for one in query} if standing else {}
    for one in standing:
        one.invoice = invoices[one.invoice_id]
    return reasons(standing)


def people(customer):
    """The contacts of a customer who are still there, who pays first."""
    query = customer.contacts.where(Contact.left_on.is_null())
    return sorted(query, key=lambda one: (one.role != Contact.PAYER, one.id))


def next_after(customer_id, today, code=""):
    """The id of the customer who comes after this one on the desk, or None."""
    ids = _worst(today, code, 1_000, 0)
    at = ids.index(customer_id) + 1 if customer_id in ids else 0
    return ids[at] if at < len(ids) else None


def _cases(customer_ids, today, now):
    """Cases in the order of the ids, in a few queries."""
    query = (
        Verdict.select(Verdict, Invoice)
        .join(Invoice)
        .where(Verdict.current & among(Verdict.customer, customer_ids))
        .order_by(Verdict.due_on, Verdict.id)
    )
    of_customer = {}
    for one in query:
        of_customer.setdefault(one.customer_id, []).append(one)
    customers = {one.id: one for one in Customer.select().where(among(Customer.id, customer_ids))}
    shut = gate.reasons(list(of_customer), today=today, now=now) if of_customer else {}
    return tuple(
        _case(customers[id], of_customer[id], tuple(shut.get(id, ())), today)
        for id in customer_ids
        if id in of_customer
    )


def _case(customer, standing, shut, today):
    since_on = standing[0].due_on
    cents = sum(one.amount_cents for one in standing)
    return Case(customer, cents, since_on, (today - since_on).days, reasons(standing), shut)


def reasons(standing):
    """Verdicts of one customer that say the same, together: (Reason, …), in the order of the rules."""
    groups = {}
    for one in standing:
        groups.setdefault((one.code, one.sentence), []).append(one)
    made = [
        Reason(
            some[0],
            tuple(dict.fromkeys(one.invoice for one in some)),
            sum(one.amount_cents for one in some),
            sum(one.installment_id is not None for one in some),
        )
        for some in groups.values()
    ]
    return tuple(sorted(made, key=lambda one: Verdict.CODES.index(one.verdict.code)))


# --- Queues --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Queue:
    """Work that waits, and the list behind it."""

    label: str
    note: str
    screen: str
    args: dict
    count: int


def queues(today):
    """What is to be done, each with the list that shows it: [Queue]."""
    due = (Promise.state == Promise.RUNNING) & (Promise.pay_on <= today)
    broken = (Plan.state == Plan.BROKEN) & Plan.seen_at.is_null()
    return [
        _queue("To answer", "Tickets that wait for us.", Ticket, Ticket.state == Ticket.WAITING_ON_US,
               state=Ticket.WAITING_ON_US),
        _queue("To read", "Mails and texts that nobody has read.", Inbound,
               Inbound.state == Inbound.WAITING, state=Inbound.WAITING),
        _queue("To call", "Call them back, or do what was agreed.", Call, Call.state == Call.TO_CALL,
               state=Call.TO_CALL),
        _queue("Promises due", "The promised day has come.", Promise, due, state=Promise.RUNNING),
        _queue("Plans broken", "Call before the old balance is asked for.", Plan, broken, state=Plan.BROKEN),
        _queue("Drafts to read", "Personal mails: read, sign and send.", Notice,
               Notice.state == Notice.DRAFT, state=Notice.DRAFT),
        _queue("Notices held", "Nothing late leaves while somebody waits.", Notice,
               Notice.state == Notice.HELD, state=Notice.HELD),
    ]  # fmt: skip


def _queue(label, note, model, condition, **args):
    count = model.select(model.id).where(condition).count()
    return Queue(label, note, model._meta.table_name, args, count)
