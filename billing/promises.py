"""A promise to pay: somebody says when, and until then nobody asks them again.

Made by the customer with one click or by staff, confirmed by mail, decided by the daily job: kept when what
was promised has come, broken when it has not come some banking days after the day (a check is in the mail, a
debit settles). A broken one is seen by a person; the next message is a step milder than it would have been.
Not here: the page (portal/plans.py), what is late (``demands``), installments (``billing.plans``).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from peewee import IntegrityError

from billing import banking_days, demands, events, ledger, localtime, masking, naming, prepared, words
from billing import company as companies
from billing.automatic import autopay, upcoming
from billing.errors import BillingError
from billing.money import format_cents
from billing.notices import queueing
from billing.periods import YEAR
from billing.states import move
from models import Invoice, Notice, Plan, PlanInvoice, Promise, among, db

FARTHEST = timedelta(days=90)  # that staff may note
TOLD_WITHIN = timedelta(days=30)  # after that nobody wants to be told of what they once said
LONGEST = 2000
MADE, DAY = "made", "day"


class AskUs(BillingError):
    """Refused, but a person can help: the page leads on to a question."""


# --- Reading -------------------------------------------------------------------------------------


def running(customer):
    """A query of the customer's running promises, the earliest day first."""
    return customer.promises.where(Promise.state == Promise.RUNNING).order_by(Promise.pay_on, Promise.id)


def covered(customer_ids):
    """{invoice id: the running Promise that covers it}, in two queries however many customers."""
    query = Promise.select().where(
        (Promise.state == Promise.RUNNING) & among(Promise.customer, list(customer_ids))
    )
    rows = list(query.order_by(Promise.pay_on.desc()))
    whole = {row.customer_id: row for row in rows if row.invoice_id is None}
    found = {row.invoice_id: row for row in rows if row.invoice_id}
    if whole:
        ids = Invoice.select(Invoice.id, Invoice.customer, Invoice.issued_on).where(
            among(Invoice.customer, list(whole)) & Invoice.IS_OWED & Invoice.id.not_in(_planned())
        )
        for id, customer_id, issued_on in ids.tuples():
            if issued_on <= whole[customer_id].made_on:
                found.setdefault(id, whole[customer_id])
    return found


def broken():
    """A query of the broken promises that nobody has looked after yet, the oldest first."""
    unseen = (Promise.state == Promise.BROKEN) & Promise.seen_at.is_null()
    return Promise.select().where(unseen).order_by(Promise.decided_on, Promise.id)


def _invoices(customer_id, invoice_id, made_on=None):
    """The open invoices that a promise is about: none that a plan covers, or covered since."""
    query = Invoice.select().where(
        (Invoice.customer == customer_id) & Invoice.IS_OWED & Invoice.id.not_in(_planned(made_on))
    )
    if invoice_id:
        query = query.where(Invoice.id == invoice_id)
    elif made_on:
        query = query.where(Invoice.issued_on <= made_on)
    return list(query.order_by(Invoice.due_on, Invoice.id))


def _planned(made_on=None):
    """A query of the ids of invoices that a plan covers; and of those that one covered since ``made_on``."""
    query = PlanInvoice.select(PlanInvoice.invoice)
    if made_on is None:
        return query.where(PlanInvoice.active)
    since = Plan.agreed_on.is_null(False) & (Plan.ended_on >= made_on)
    return query.join(Plan).where(PlanInvoice.active | since)


def owed_cents(invoices):
    """What of these could be promised: all but what is disputed."""
    return sum(demands.undisputed_cents(asked) for asked in demands.of_invoices(invoices).values())


# --- Making one ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Word:
    """How much a customer's word stands for today: what runs, and how many were broken in a year."""

    running: tuple
    broken: int

    def covering(self, invoice):
        """The running Promise that covers an open invoice, or None."""
        own = [one for one in self.running if one.invoice_id == invoice.id]
        whole = [one for one in self.running if one.invoice_id is None and invoice.issued_on <= one.made_on]
        return next(iter(own + whole), None)

    @property
    def refusal(self):
        """Why they cannot promise by themselves any more; "" while they can."""
        if self.broken < companies.current().promise_limit:
            return ""
        return (
            f"{words.times(self.broken).capitalize()} in the last year a payment did not come by the day "
            "that we had noted. Please ask us this time: we find a way that works."
        )


def word_of(customer, *, today):
    """The Word of a customer, in one query."""
    rows = _standing_or_broken(customer, today - YEAR)
    running = tuple(row for row in rows if row.state == Promise.RUNNING)
    return Word(running, len(rows) - len(running))


@prepared.question
def _standing_or_broken(customer, since):
    lately = (Promise.state == Promise.BROKEN) & (Promise.decided_on > since)
    mine = (Promise.customer == customer) & ((Promise.state == Promise.RUNNING) | lately)
    return Promise.select().where(mine).order_by(Promise.pay_on)


@dataclass(frozen=True)
class Room:
    """From when to when somebody may promise to pay by themselves."""

    first_on: date
    last_on: date
    due_on: date | None = None  # where it is due only after today: a promise is for a day after that


def room(today, due_on):
    """The Room of today for what is due on ``due_on``, by the company's policy.

    Whoever pays by the due date needs no promise, so the days are counted from then, or from today once it
    has come.
    """
    begins_on, days = max(today, due_on), companies.current().promise_days
    last_on = begins_on + timedelta(days=days)
    return Room(begins_on + timedelta(days=1), last_on, due_on if due_on > today else None)


def make(customer, *, pay_on, via, by, today, now, invoice=None, amount_cents=None, words="", contact=None,
         staff=False):  # fmt: skip
    """Note that the customer pays by ``pay_on``: one invoice, or all that is open. Returns the Promise.

    staff -- True when staff note it: the company's limits of days and of broken promises do not bind them

    Nothing asks for it before that day. A charge of autopay moves to it. Raises BillingError with a sentence
    for a day that cannot be, AskUs where a person can help.
    """
    with ledger.locked(customer.id):
        invoices = _invoices(customer.id, invoice and invoice.id)
        if known := _same(customer, invoice, pay_on):
            return known
        _check(customer, invoices)
        if not staff and (refusal := word_of(customer, today=today).refusal):
            raise AskUs(refusal)
        _check_day(pay_on, staff, today, _due_on(invoices))
        owed = owed_cents(invoices)
        amount_cents = owed if amount_cents is None else amount_cents
        if not 0 < amount_cents <= owed:
            raise BillingError(f"Between $0.01 and {format_cents(owed)} can be promised.")
        _move_charge(invoices, pay_on, by, today, now)
        promise = _store(
            customer=customer, invoice=invoice, contact=contact, amount_cents=amount_cents, owed_cents=owed,
            pay_on=pay_on, words=masking.typed(words)[:LONGEST], via=via, by=by[:300], made_on=today,
            made_at=now,
        )  # fmt: skip
        queueing.queue_promise(promise, MADE, now=now)
        events.record(
            "promise.made", promise, by=by[:80], now=now,
            after={"pay_on": pay_on, "amount_cents": amount_cents, "invoice": invoice and invoice.number},
        )  # fmt: skip
    return promise


def _store(**columns):
    try:
        with db.atomic():
            return Promise.create(**columns)
    except IntegrityError:
        raise AskUs("You have told us a day already. If that has changed, please ask us.") from None


def _same(customer, invoice, pay_on):
    """The same promise, made a moment ago by the same click."""
    same = (Promise.invoice == invoice) if invoice else Promise.invoice.is_null()
    return running(customer).where(same & (Promise.pay_on == pay_on)).first()


def _check(customer, invoices):
    """Raise when there is nothing to promise."""
    if not invoices and customer.plans.where(Plan.state == Plan.RUNNING).exists():
        raise AskUs("An installment plan covers this. If a payment does not fit, please ask us.")
    if not invoices:
        raise BillingError("Nothing is open, so there is nothing to promise. Thank you.")
    ids = [one.id for one in invoices]
    if ledger.standing_attempts(ids):
        raise BillingError("A payment is under way already. You need not do anything until that is known.")
    if not owed_cents(invoices):
        raise BillingError("You told us that it is not right. Until that is decided, nothing is due.")
    covering = covered([customer.id])
    if said := next((covering[id] for id in ids if id in covering), None):
        day = words.date(said.pay_on)
        raise AskUs(f"You have told us that you pay by {day}. If that has changed, please ask us.")


def _due_on(invoices):
    """The earliest day on which something of these is or was due."""
    asked = demands.of_invoices(invoices).values()
    return min(one.due_on for each in asked for one in each if one.due_on)


def _check_day(pay_on, staff, today, due_on):
    if pay_on <= today:
        raise BillingError("Please choose a day after today.")
    open_to_them = room(today, due_on)
    if not staff and pay_on < open_to_them.first_on:
        raise BillingError(f"It is due on {words.date(due_on)} only. Please choose a later day.")
    last_on = max(today, due_on) + FARTHEST if staff else open_to_them.last_on
    if pay_on <= last_on:
        return
    sentence = f"We can note a day until {words.date(last_on)}."
    if staff:
        raise BillingError(f"{sentence} For longer, agree on an installment plan.")
    raise AskUs(f"{sentence} If you need longer, pay in parts or ask us.")


def _move_charge(invoices, pay_on, by, today, now):
    """A charge of autopay before the day waits until then; raises the sentence why where it cannot."""
    ids = {one.id for one in invoices}
    for charge in upcoming.of_customer(invoices[0].customer, today=today):
        if not charge.is_promise or not ids & {one.id for one in charge.invoices}:
            continue
        if charge.charge_on >= pay_on:
            raise BillingError(
                f"Autopay charges it on {words.date(charge.charge_on)} already, so you need not do anything."
            )
        autopay.postpone(charge.planned[0], until_on=pay_on, by=by, today=today, now=now)


# --- What becomes of it --------------------------------------------------------------------------


def withdraw(promise, *, reason, by, today, now):
    """Take a promise back: it is asked for again as if there were none. Returns the Promise."""
    with ledger.locked(promise.customer_id):
        promise = Promise.get_by_id(promise.id)
        if promise.state != Promise.RUNNING:
            raise BillingError("This promise is decided already.")
        _decide(promise, Promise.WITHDRAWN, by, today, now, reason=masking.typed(reason)[:255])
    return promise


def replaced(customer_id, invoice_ids, *, reason, by, now):
    """A plan was agreed for these invoices: what was promised of them is done with. In the caller's lock.

    What somebody promised to pay in full beside them, they still pay by that day. A part of everything that
    was promised cannot be told apart any more: that promise is done with as well.
    """
    today = localtime.day(now, companies.current().time_zone)
    planned = list(Invoice.select().where(among(Invoice.id, list(invoice_ids))))
    query = Promise.select().where((Promise.customer == customer_id) & (Promise.state == Promise.RUNNING))
    for promise in list(query):
        if not any(_covers(promise, invoice) for invoice in planned):
            continue
        is_part = promise.amount_cents < promise.owed_cents
        if is_part or not _invoices(customer_id, promise.invoice_id, promise.made_on):
            _decide(promise, Promise.WITHDRAWN, by, today, now, reason=reason)


def _covers(promise, invoice):
    if promise.invoice_id:
        return promise.invoice_id == invoice.id
    return invoice.issued_on <= promise.made_on


def decide_due(today, *, now, by, trouble=None):
    """Decide every running promise that can be, and say the friendly word on the day.

    trouble -- a list for what goes wrong with one, which never stops the others

    Returns (kept, broken, reminded). Each in a transaction of its own.
    """
    counts = {Promise.KEPT: 0, Promise.BROKEN: 0, DAY: 0}
    running = Promise.select(Promise.id, Promise.customer).where(Promise.state == Promise.RUNNING)
    for id, customer_id in list(running.order_by(Promise.id).tuples()):
        try:
            with ledger.locked(customer_id):
                outcome = _decided(Promise.get_by_id(id), today, now, by)
        except Exception as error:  # one promise must not stop the rest
            if trouble is None:
                raise
            trouble.append(f"Promise {id}: {error}")
            continue
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts[Promise.KEPT], counts[Promise.BROKEN], counts[DAY]


def _decided(promise, today, now, by):
    """What was found: a state of Promise, DAY, or "" when it still runs."""
    if promise.state != Promise.RUNNING:
        return ""
    invoices = _invoices(promise.customer_id, promise.invoice_id, promise.made_on)
    left = owed_cents(invoices)
    if left <= promise.owed_cents - promise.amount_cents:
        return _decide(promise, Promise.KEPT, by, today, now)
    if ledger.standing_attempts([one.id for one in invoices]):
        return ""
    if today == promise.pay_on and not _said(promise):
        queueing.queue_promise(promise, DAY, now=now)
        return DAY
    last_on = banking_days.add(promise.pay_on, companies.current().promise_grace_days)
    return _decide(promise, Promise.BROKEN, by, today, now) if today > last_on else ""


def _said(promise):
    return promise.notices.where(Notice.key.startswith(f"promise:{promise.id}:{DAY}")).exists()


def _decide(promise, state, by, today, now, reason=""):
    move(promise, state, decided_on=today, decided_at=now, reason=reason)
    events.record(f"promise.{state}", promise, by=by[:80], now=now, reason=reason)
    return state


def seen(promise, *, by, now):
    """Somebody has looked after a broken promise: it leaves the queue."""
    Promise.update(seen_at=now, seen_by=by[:80]).where(
        (Promise.id == promise.id) & Promise.seen_at.is_null()
    ).execute()


# --- In a message --------------------------------------------------------------------------------


@dataclass(frozen=True)
class PromiseDocument:
    """What a message tells of a promise. ``what`` is “invoice 10482” or “everything that is open”."""

    what: str
    cents: int
    pay_on: date
    is_today: bool
    said: str
    pays_itself: bool


def broken_for(invoice, *, today):
    """The day that was promised for an invoice and passed, until a message has told of it; or None."""
    broken = (Promise.state == Promise.BROKEN) & (Promise.decided_on >= today - TOLD_WITHIN)
    query = Promise.select().where((Promise.customer == invoice.customer_id) & broken)
    last = next((one for one in query.order_by(Promise.id.desc()) if _covers(one, invoice)), None)
    if last is None:
        return None
    since = (Notice.kind == Notice.OVERDUE) & (Notice.sent_at > last.decided_at)
    return None if invoice.notices.where(since).exists() else last.pay_on


def document(promise, *, today):
    """The PromiseDocument of a promise as it stands today."""
    company = companies.current()
    invoices = _invoices(promise.customer_id, promise.invoice_id, promise.made_on)
    what = "everything that is open"
    if promise.invoice_id:
        what = f"invoice {naming.number(promise.invoice, company)}"
    charged = upcoming.promised_invoices([promise.customer_id], today=today)
    return PromiseDocument(
        what=what,
        cents=min(promise.amount_cents, owed_cents(invoices)) or promise.amount_cents,
        pay_on=promise.pay_on,
        is_today=today == promise.pay_on,
        said=promise.words,
        pays_itself=bool({one.id for one in invoices} & set(charged)),
    )


def objection(notice, *, today):
    """Why a message about a promise should not leave any more, or ""."""
    promise = Promise.get_by_id(notice.promise_id)
    if promise.state != Promise.RUNNING:
        return "The promise is decided."
    is_word = notice.key.startswith(f"promise:{promise.id}:{DAY}")
    return "Its day is over." if is_word and today > promise.pay_on else ""
