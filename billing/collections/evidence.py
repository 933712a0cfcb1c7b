"""The evidence about everything that is past due of some customers: one frozen value for each demand.

Here: what is judged at all, and which record belongs to what. The queries stand in ``waiting``, ``underway``,
``deliveries``, ``paying``, ``said``, ``mistakes`` and ``people``, the questions in ``rules``.
"""

from typing import NamedTuple

from peewee import SQL

from billing import demands
from billing.collections import deliveries, houses, mistakes, paying, people, said, waiting
from billing.collections.rules import Account, Evidence
from models import Invoice, Stance, Verdict, among, as_date, db


class Item(NamedTuple):
    """What is judged: an invoice as a whole, or one installment of it."""

    invoice_id: int
    installment_id: int | None
    due_on: object
    cents: int
    is_disputed: bool = False


class Row(NamedTuple):
    """An open invoice after its printed date."""

    id: int
    customer_id: int
    number: int
    due_on: object
    issued_on: object
    cents: int
    first_seen_at: object


def customers_after(customer_id, today, limit):
    """Ids of the next customers with something past its date, or with a verdict that may be over; in order.

    About ``limit`` of them: as far as the rows reach that were read. An index gives them in their order.
    """
    late = Invoice.select(Invoice.customer).where(
        Invoice.IS_OWED & (Invoice.due_on < today) & (Invoice.customer > customer_id)
    )
    judged = Verdict.select(Verdict.customer).where(Verdict.current & (Verdict.customer > customer_id))
    both = [[id for (id,) in db.execute(query.order_by(SQL("1")).limit(limit))] for query in (late, judged)]
    last = min((ids[-1] for ids in both if len(ids) == limit), default=None)
    return sorted(id for id in {*both[0], *both[1]} if last is None or id <= last)


def read(customer_ids, *, today, now, house=None):
    """The Evidence of everything past due of these customers, in a list: by customer, date and invoice.

    Some twenty queries, however many customers.
    """
    rows = _rows(customer_ids, today)
    if not rows:
        return []
    customer_ids = list(dict.fromkeys(row.customer_id for row in rows))
    special = demands.apart(customer_ids=customer_ids)
    items = [(row, item) for row in rows for item in items_of(row, special.get(row.id), today)]
    scene = _Scene(customer_ids, [row.id for row in rows], today, now, house or houses.read())
    return [scene.evidence(row, item) for row, item in items]


def _rows(customer_ids, today):
    query = (
        Invoice.select(
            Invoice.id, Invoice.customer, Invoice.number, Invoice.due_on, Invoice.issued_on,
            Invoice.open_cents, Invoice.first_seen_at,
        )
        .where(among(Invoice.customer, customer_ids) & Invoice.IS_OWED & (Invoice.due_on < today))
        .order_by(Invoice.customer, Invoice.due_on, Invoice.id)
    )  # fmt: skip
    return [Row(*row[:3], as_date(row[3]), as_date(row[4]), *row[5:]) for row in db.execute(query)]


def items_of(row, apart, today):
    """The Items of one open invoice after its date. ``apart``: its demands.Apart, None where it is simple.

    A late installment is judged for itself. What is disputed, or runs by a plan, is no more than one Item;
    what was given a later date is not past due at all.
    """
    if apart is None:
        return [Item(row.id, None, row.due_on, row.cents)]
    late = [one for one in apart.demands if one.is_past_due(today)]
    plain = [one for one in late if one.kind != demands.INSTALLMENT]
    found = [
        Item(row.id, one.installment_id, one.due_on, one.cents)
        for one in late
        if one.kind == demands.INSTALLMENT
    ]
    if plain:
        found.append(Item(row.id, None, plain[0].due_on, sum(one.cents for one in plain)))
    elif cents := demands.disputed_cents(apart.demands):
        found.append(Item(row.id, None, row.due_on, cents, True))
    elif not found and any(one.kind == demands.INSTALLMENT for one in apart.demands):
        found.append(Item(row.id, None, row.due_on, row.cents))
    return found


class _Scene:
    """All records of a chunk of customers, and what of them belongs to one Item."""

    def __init__(self, customer_ids, invoice_ids, today, now, house):
        self.today, self.house = today, house
        self.left = {
            id: [sum(one.cents for one in some), tuple(some)]
            for id, some in paying.unused(customer_ids).items()
        }
        self._read_customers(customer_ids, today, now)
        self._read_invoices(customer_ids, invoice_ids)
        self.accounts = {}

    def _read_customers(self, customer_ids, today, now):
        day = self.house.day
        self.people = people.read(customer_ids)
        who = self.people.who
        self.waiting, self.faults = waiting.read(customer_ids, day, who)
        self.watched = people.watched(customer_ids) if self.house.seen_since else set()
        self.asked = said.asked_for_plans(customer_ids, today, who)
        self.promises, self.broken = said.promises(customer_ids, today, who)
        self.stances = said.stances(customer_ids, who)
        self.methods = paying.methods(customer_ids, today)
        self.paid = paying.paid(customer_ids, today)
        self.habits = paying.habits_of(self.paid)
        self.in_flight = paying.in_flight(customer_ids, now, day)
        self.debits = paying.debits(customer_ids, today)

    def _read_invoices(self, customer_ids, invoice_ids):
        day = self.house.day
        tries, self.failed = paying.tries(invoice_ids, day)
        self.sent = deliveries.everything(customer_ids, invoice_ids, day, tries)
        self.corrections = mistakes.corrections(invoice_ids)
        self.told_corrections = mistakes.told_corrections(customer_ids, self.corrections)
        self.rises = mistakes.rises(invoice_ids, self.house)
        self.questions = said.questions(invoice_ids, self.people.who)
        self.plans = said.plans(invoice_ids)

    def evidence(self, row, item):
        """The Evidence of one Item."""
        failure = self.failed.get(row.id)
        sent = self.sent(row.customer_id, row.id, row.issued_on)
        arrived = [one for one in sent if one.arrived]
        stances = self.stances.get(row.customer_id, ())
        return Evidence(
            self.today,
            self._account(row),
            row.id,
            item.installment_id,
            f"{self.house.prefix}{row.number}",
            item.due_on,
            item.cents,
            item.is_disputed,
            self.in_flight.get((row.customer_id, row.id)) or self.in_flight.get((row.customer_id, None)),
            self.debits.get(row.id),
            self._covered_by(row, item),
            self._unmatched(row, item),
            self._correction(row, arrived),
            self.rises.get(row.id),
            tuple(self.questions.get(row.id, ())),
            sent,
            row.first_seen_at and self.house.day(row.first_seen_at),
            self._seen_counts(row, arrived),
            failure,
            self._promise(row),
            self._plan(row, item),
            self._cannot(row, stances),
            _stance(stances, Stance.WILL_NOT_PAY, row.id),
        )

    def _account(self, row):
        found = self.accounts.get(row.customer_id)
        if found is None:
            id = row.customer_id
            name, has_mail = self.people.payers.get(id, (self.people.names[id], False))
            found = self.accounts[id] = Account(
                id, name, has_mail, id in self.people.with_post, tuple(self.waiting.get(id, ())),
                tuple(self.faults.get(id, ())), self.methods.get(id, ()), self.broken.get(id),
                self.habits.get(id),
            )  # fmt: skip
        return found

    def _unmatched(self, row, item):
        """A row of the bank's files that says their name and this amount, or None."""
        if not self.house.unmatched:
            return None
        return self.house.unmatched.get((self.people.names[row.customer_id].casefold(), item.cents))

    def _covered_by(self, row, item):
        """What lies unused and would pay this Item, the oldest Items first; none when it does not suffice."""
        left = self.left.get(row.customer_id)
        if not left or item.is_disputed or left[0] < item.cents:
            return ()
        left[0] -= item.cents
        return left[1]

    def _correction(self, row, arrived):
        """A correction that no message has told since: neither one of its own, nor one with the amounts."""
        one = self.corrections.get(row.id)
        if one is None or one.id in self.told_corrections:
            return None
        return None if any(sent.on >= one.on and not sent.is_talk for sent in arrived) else one

    def _seen_counts(self, row, arrived):
        """True where we would know, had somebody opened it. Who pays but is never seen tells nothing."""
        since = self.house.seen_since
        if not since or not arrived or arrived[0].on < since:
            return False
        return row.customer_id in self.watched or row.customer_id not in self.paid

    def _promise(self, row):
        """The promise that covers it: for this invoice, else for all that was open then.

        While somebody keeps their word for all of that, what came later can wait as well.
        """
        found = self.promises.get(row.customer_id)
        if not found:
            return None
        own = [kept for invoice_id, kept in found if invoice_id == row.id]
        every = [
            kept._replace(is_of_this=row.issued_on <= kept.made_on)
            for invoice_id, kept in found
            if invoice_id is None
        ]
        return next(iter((*own, *every)), None)

    def _plan(self, row, item):
        """The part that is late, or the next one."""
        parts = self.plans.get(row.id)
        if not parts:
            return None
        if item.installment_id:
            return parts.get(item.installment_id)
        coming = [one for one in parts.values() if one.due_on >= self.today]
        return (coming or list(parts.values()))[0]

    def _cannot(self, row, stances):
        """What they said, else a plan that they asked for and that does not run."""
        said = _stance(stances, Stance.CANNOT_PAY, row.id)
        asked = self.asked.get(row.customer_id, ())
        return said or (asked[-1] if asked else None)


def _stance(stances, code, invoice_id):
    """The latest of this code about this invoice or all of them."""
    if not stances:
        return None
    found = [told for said, about_id, told in stances if said == code and about_id in (None, invoice_id)]
    return found[-1] if found else None
