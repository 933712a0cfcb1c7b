"""The autopay step: charge what is due today, and say of every due invoice what became of it.

Each customer's charge is a use case of its own; a few are under way at once, never two of one customer. What
is to be charged is read twice: ahead for many customers, and again under the lock of the claim, so that what
was paid, put off or switched off a moment ago is not charged. Afterwards every due invoice has exactly one
outcome for the day: charged, declined and told, held, in doubt, or skipped and why.

When to try again stands in ``retries``, when to charge in ``autopay``, how money moves in ``payments``.
"""

import hashlib
import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from threading import BoundedSemaphore

from peewee import EXCLUDED, fn

from billing import ledger, notices, payments, words
from billing.automatic import autopay, tries, upcoming
from billing.errors import BillingError, GatewayUnavailable
from billing.money import format_cents
from billing.outcomes import HARD, OURS, cause_of
from models import (
    Autopay,
    AutopayOutcome,
    Credit,
    Customer,
    Invoice,
    Payment,
    PaymentPart,
    PlannedCharge,
    among,
    db,
)

log = logging.getLogger(__name__)
CHUNK = 200  # customers whose due invoices are read at once
NOTE_EVERY = 20  # outcomes are written so many at a time; what a killed run left out, its payments tell
MOST_DESKS = 4  # customers who are read or booked at once, while others wait for the processor
TROUBLE_IN_A_ROW = 5  # from then on it is not the customers: the rest waits for the next run
LOOK_BACK = timedelta(days=7)  # for charges that a killed run did not note

UNREACHED = "The payment processor could not be reached. Nothing was charged; we try again at the next run."
NEVER_SENT = "The charge never reached the payment processor. Nothing was charged; we try again."
OUR_FAULT = "The fault is on our side. Nothing was charged; our staff look into it, and we try again."
CANCELED = "The charge was canceled or paid back, so nothing is charged again by itself."
NOBODY_TOLD = "There is no mail address to tell: please call."
GIVEN_UP = (AutopayOutcome.STOPPED, AutopayOutcome.OUT_OF_USE)
CHARGED, DECLINED, HELD = AutopayOutcome.CHARGED, AutopayOutcome.DECLINED, AutopayOutcome.HELD
IN_DOUBT, SKIPPED = AutopayOutcome.IN_DOUBT, AutopayOutcome.SKIPPED


@dataclass(frozen=True)
class Verdict:
    """What became of one due invoice today. ``why`` is one of AutopayOutcome.WHYS, ``reason`` a sentence."""

    invoice_id: int
    customer_id: int
    outcome: str
    why: str = ""
    reason: str = ""
    payment: Payment | None = None
    cents: int = 0  # charged
    number: int | None = None  # of the invoice, where a dry run tells of it


@dataclass(frozen=True)
class Plan:
    """What is going to happen to one customer's due invoices today."""

    customer: Customer
    autopay: Autopay | None
    invoices: tuple[Invoice, ...]  # charged together
    try_number: int
    verdicts: tuple[Verdict, ...]  # of those that are not charged
    asked: tuple[tuple[Invoice, ...], ...] = ()  # above the customer's limit, as they are asked together

    @property
    def parts(self):
        """[(invoice, cents)], as a payment takes them."""
        return [(invoice, invoice.open_cents) for invoice in self.invoices]

    @property
    def cents(self):
        """The amount of the charge."""
        return sum(invoice.open_cents for invoice in self.invoices)

    @property
    def method(self):
        """The saved method that is charged."""
        return self.autopay.method

    def __str__(self):
        lines = []
        if self.invoices:
            numbers = words.joined(str(invoice.number) for invoice in self.invoices)
            lines = [f"{format_cents(self.cents)} with {self.method.label} for invoice {numbers}"]
        lines += [f"invoice {verdict.number} skipped: {verdict.reason}" for verdict in self.verdicts]
        return f"{self.customer}: {'; '.join(lines)}"

    def key(self, today):
        """Names the attempt: one for a customer, a day, a method and a set of invoices."""
        numbers = ",".join(str(id) for id in sorted(invoice.id for invoice in self.invoices))
        digest = hashlib.sha256(numbers.encode()).hexdigest()[:12]
        return f"autopay:{self.customer.id}:{today:%Y%m%d}:{self.method.id}:{digest}"


@dataclass
class Report:
    """What the step did, counted in invoices; ``trouble`` holds sentences for staff."""

    counts: Counter = field(default_factory=Counter)  # {outcome: invoices}
    reasons: Counter = field(default_factory=Counter)  # {why: invoices} of those skipped
    cents: int = 0
    trouble: list = field(default_factory=list)

    def add(self, verdict):
        """Count one Verdict."""
        self.counts[verdict.outcome] += 1
        self.cents += verdict.cents
        if verdict.outcome == SKIPPED:
            self.reasons[verdict.why] += 1

    def __str__(self):
        told = [
            f"{self.counts[CHARGED]:,} charged {format_cents(self.cents)}",
            f"{self.counts[DECLINED]:,} declined and told",
            f"{self.counts[HELD]:,} held",
            f"{self.counts[IN_DOUBT]:,} in doubt",
            f"{self.counts[SKIPPED]:,} skipped",
        ]
        whys = [f"{count:,} {_WHY_WORDS[why]}" for why, count in self.reasons.most_common()]
        return ", ".join(told) + (f" ({', '.join(whys)})" if whys else "")


_WHY_WORDS = {
    AutopayOutcome.WAITING: "waiting for another try",
    AutopayOutcome.STOPPED: "not tried any more",
    AutopayOutcome.OUT_OF_USE: "whose card or account cannot be charged",
    AutopayOutcome.ON_HOLD: "on hold",
    AutopayOutcome.QUESTION: "waiting for our answer",
    AutopayOutcome.ABOVE_CAP: "above the customer's limit",
    AutopayOutcome.BEING_PAID: "being paid another way",
    AutopayOutcome.PAID: "paid meanwhile",
    AutopayOutcome.CHANGED: "changed meanwhile",
    AutopayOutcome.CANCELED: "canceled before",
    AutopayOutcome.UNREACHED: "that the processor did not get",
    AutopayOutcome.OURS: "for trouble with our set-up",
    AutopayOutcome.TROUBLE: "for trouble in the program",
}


# --- What is due ---------------------------------------------------------------------------------


def due(today):
    """A query of the planned charges whose day has come and whose invoice is open."""
    return (
        PlannedCharge.select(PlannedCharge, Invoice)
        .join(Invoice)
        .where(
            (PlannedCharge.state == PlannedCharge.PLANNED)
            & (PlannedCharge.charge_on <= today)
            & (Invoice.open_cents > 0)
        )
    )


def due_customers(today):
    """The ids of the customers with something due, in order."""
    query = due(today).select(PlannedCharge.customer).distinct().order_by(PlannedCharge.customer)
    return [id for (id,) in query.tuples()]


def plans(customer_ids, today):
    """{customer id: Plan} for those of them with something due."""
    customers = Customer.select().where(among(Customer.id, customer_ids))
    return {plan.customer.id: plan for plan in _numbered(_planned(customers, today))}


def _planned(customers, today):
    """The Plans of these customers, all as if it were the first try."""
    customers = {one.id: one for one in customers}
    rows = {}
    for row in due(today).where(among(PlannedCharge.customer, customers)).order_by(Invoice.number):
        rows.setdefault(row.customer_id, []).append(row)
    if not rows:
        return []
    charges = upcoming.by_customer(list(rows), today=today)
    claims = ledger.standing_attempts([row.invoice_id for some in rows.values() for row in some])
    return [_plan(customers[id], own, charges.get(id, ()), claims, today) for id, own in rows.items()]


def _plan(customer, rows, charges, claims, today):
    """Split what is due into what is charged now and what is not, and why."""
    by_row = {row.id: one for one in charges for row in one.planned}
    verdicts = {
        row.id: _verdict_before(row, by_row.get(row.id), claims.get(row.invoice_id), today) for row in rows
    }
    above = (
        one
        for one in charges
        if one.objection == AutopayOutcome.ABOVE_CAP and not one.was_asked and one.charge_on <= today
    )
    return Plan(
        customer=customer,
        autopay=next((one.autopay for one in charges), None),
        invoices=tuple(row.invoice for row in rows if verdicts[row.id] is None),
        try_number=1,
        verdicts=tuple(verdict for verdict in verdicts.values() if verdict),
        asked=tuple(one.invoices for one in above),
    )


def _verdict_before(row, charge, claim, today):
    """Why a due invoice is not charged now, as a Verdict, or None when it is."""
    if claim:
        return _of_claim(row, claim)
    if charge is None:
        return _skip(row, AutopayOutcome.CHANGED, "Autopay was switched off.")
    if charge.objection:
        return _skip(row, charge.objection, charge.why_not)
    if charge.charge_on > today:
        again = f"The last try brought no money. We try again on {words.date(charge.charge_on)}."
        return _skip(row, AutopayOutcome.WAITING, again)
    return None


def _skip(row, why, reason):
    return Verdict(row.invoice_id, row.customer_id, SKIPPED, why, reason, number=row.invoice.number)


def _of_claim(row, payment):
    """Another attempt stands: the customer's own page, or a charge that is not concluded."""
    if payment.state == Payment.HELD or payment.method_id or payment.state == Payment.IN_DOUBT:
        return replace(_of_payment(payment, row.invoice_id), number=row.invoice.number)
    return _skip(row, AutopayOutcome.BEING_PAID, payments.in_progress_sentence(payment))


def _numbered(made):
    """The same plans, each with the number of its try."""
    charged = [plan for plan in made if plan.invoices]
    if not charged:
        return made
    invoice_ids = [invoice.id for plan in charged for invoice in plan.invoices]
    past = tries.past({plan.method.id for plan in charged}, invoice_ids)
    return [replace(plan, try_number=1 + _tries_before(plan, past)) for plan in made]


def _tries_before(plan, past):
    before = (past.get((plan.method.id, invoice.id), tries.Past()) for invoice in plan.invoices)
    return max((one.count for one in before), default=0)


def preview(today):
    """Yield the Plan of every customer with something due, for a dry run: who would be charged what."""
    return _read_ahead(due_customers(today), today)


# --- Charging ------------------------------------------------------------------------------------


def run(*, gateway, today, clock, by, at_once=4, progress=None):
    """Charge everything that is due; returns a Report. Safe to run again, and beside another runner.

    clock    -- asked again for every charge: a long run must not look like one instant
    at_once  -- charges under way at the same time, each of another customer
    progress -- called with the number of customers done

    Whatever ends it (a signal, a lost lease), the charges under way are finished and noted, and no other
    begins. A processor that is out of reach, or refuses everything for reasons of ours, stops the run: the
    rest is skipped until the next one, and nobody's charge is put in doubt for nothing.
    """
    began_at = clock.now()
    learn(today, now=began_at)
    crew = _Crew(gateway, today, clock, by, progress or (lambda count: None), at_once)
    customer_ids = due_customers(today)
    if customer_ids:
        crew.ask_whether_it_answers()
    try:
        _charge_all(_read_ahead(customer_ids, today), crew)
    finally:
        crew.write()
        learn(today, now=clock.now())
    crew.report.trouble += unproven(today, known_at=began_at)
    return crew.report


def _read_ahead(customer_ids, today):
    """Yield the Plan of each customer, read in chunks."""
    for at in range(0, len(customer_ids), CHUNK):
        yield from plans(customer_ids[at : at + CHUNK], today).values()


def _charge_all(plans_ahead, crew):
    """Keep as many charges under way as may be, until there is nothing left."""
    pool, under_way = ThreadPoolExecutor(crew.size, "autopay"), set()
    try:
        for plan in plans_ahead:
            if crew.halted or not plan.invoices:
                crew.note(crew.without_charge(plan))
                continue
            under_way.add(pool.submit(crew.charge, plan))
            is_full = len(under_way) >= 2 * crew.size  # some wait, so that nobody is idle
            done, under_way = wait(under_way, None if is_full else 0, FIRST_COMPLETED)
            for one in done:
                crew.note(one.result())
        while under_way:
            one = next(as_completed(under_way))
            under_way.remove(one)
            crew.note(one.result())
        crew.tell()
    finally:
        pool.shutdown(cancel_futures=True)  # interrupted: what is under way is finished, nothing else begins
        for one in under_way:
            with suppress(CancelledError):
                crew.keep(one.result())


class _Desks:
    """Where threads read and book. Who waits for the processor leaves, and takes no connection along.

    One desk on SQLite: there, writers would only poll for the file, and the unlucky give up after a while.
    """

    def __init__(self):
        self.count = MOST_DESKS if db.for_update else 1
        self._free = BoundedSemaphore(self.count)

    @contextmanager
    def taken(self):
        with self._free:
            db.connect()
            try:
                yield
            finally:
                db.close()

    @contextmanager
    def left(self):
        db.close()
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
            db.connect()


class _Bounded:
    """A gateway that charges ``at_once`` at the same time; whoever calls it leaves the desk."""

    def __init__(self, gateway, at_once, desks):
        self._gateway, self._free, self._desks = gateway, BoundedSemaphore(at_once), desks

    def charge(self, **about):
        with self._desks.left(), self._free:
            return self._gateway.charge(**about)


class _Crew:
    """Those who charge, and the one who writes down what became of it: the thread of the run."""

    def __init__(self, gateway, today, clock, by, progress, at_once=1):
        self._desks = _Desks()
        self.size = at_once + self._desks.count
        self.gateway, self._bounded = gateway, _Bounded(gateway, at_once, self._desks)
        self.today, self.clock, self.by = today, clock, by
        self.progress, self.report = progress, Report()
        self.halted = ""  # why nothing more is charged in this run
        self._why_halted = AutopayOutcome.UNREACHED
        self._kept, self._in_a_row = [], 0

    def ask_whether_it_answers(self):
        """A processor that is away, or does not accept us, is not asked for money."""
        try:
            self.gateway.check()
        except GatewayUnavailable as trouble:
            self._halt(UNREACHED, AutopayOutcome.UNREACHED, str(trouble))

    def _halt(self, reason, why, trouble):
        self.halted, self._why_halted = reason, why
        self.report.trouble.append(f"Autopay stopped: {trouble}")

    def charge(self, plan):
        """In a thread of its own: one customer's charge. Returns the plan and its Verdicts; never raises."""
        if self.halted:
            return self.without_charge(plan)
        try:
            with self._desks.taken():
                return plan, _carry_out(plan, self._bounded, self.today, self.clock, self.by), ""
        except Exception as error:  # one customer's trouble must not stop the others
            log.exception("autopay of customer %s", plan.customer.id)
            return plan, _failed(plan), f"Autopay of {plan.customer}: {error}"

    def without_charge(self, plan):
        """The same for a plan that is not carried out."""
        return plan, _left_out(plan, self._why_halted, self.halted), ""

    def note(self, done):
        """Count what became of one customer's invoices, and write it now and then."""
        self.keep(done)
        if len(self._kept) >= NOTE_EVERY:
            self.tell()

    def tell(self):
        """Write what was kept, and say how many customers that were."""
        count = len(self._kept)
        self.write()
        self.progress(count)

    def keep(self, done):
        plan, verdicts, trouble = done
        self._kept.append((plan, verdicts))
        self.report.trouble += [trouble] if trouble else []
        for verdict in verdicts:
            self.report.add(verdict)
        self._watch(verdicts)

    def _watch(self, verdicts):
        """Halt when it is plainly not the customers' cards: only doubt, or faults of ours, in a row."""
        news = [one for one in verdicts if one.payment and one.outcome in (CHARGED, DECLINED, HELD)]
        doubt = any(one.outcome == IN_DOUBT for one in verdicts)
        ours = any(one.why == AutopayOutcome.OURS for one in verdicts)
        if news:
            self._in_a_row = 0
        elif doubt or ours:
            self._in_a_row += 1
        if self._in_a_row >= TROUBLE_IN_A_ROW and not self.halted:
            self._in_a_row = 0
            if ours:
                self._halt(OUR_FAULT, AutopayOutcome.OURS, OUR_FAULT)
            else:
                self.ask_whether_it_answers()

    def write(self):
        """One transaction for what was kept."""
        kept, self._kept = self._kept, []
        with db.atomic():
            for plan, _ in kept:
                for invoices in plan.asked:
                    notices.queue_above_cap(plan.autopay, invoices, self.today, now=self.clock.now())
            verdicts = [verdict for _, some in kept for verdict in some]
            _write(verdicts, self.today, self.clock.now())


def charge_customer(customer, *, gateway, today, clock, by):
    """Charge what is due of one customer, and note it. Returns the Verdicts, none when nothing is due."""
    plan = plans([customer.id], today).get(customer.id)
    if plan is None:
        return []
    crew = _Crew(gateway, today, clock, by, lambda count: None)
    verdicts = _carry_out(plan, gateway, today, clock, by)
    crew.keep((plan, verdicts, ""))
    crew.write()
    return verdicts


class _Changed(BillingError):
    """What is due is not what was read ahead: read again."""


def _carry_out(plan, gateway, today, clock, by):
    """Charge one Plan; returns the Verdicts of all its invoices. Whoever was faster is asked once more."""
    for _ in range(2):
        if not plan.invoices:
            return list(plan.verdicts)
        try:
            return [*plan.verdicts, *_charge(plan, gateway, today, clock, by)]
        except BillingError as refusal:  # nothing was sent
            reason = str(refusal)
        seen, plan = plan, plans([plan.customer.id], today).get(plan.customer.id)
        if plan is None:
            return _left_out(seen, AutopayOutcome.PAID, "It was paid meanwhile, or put off.")
    return _left_out(plan, AutopayOutcome.CHANGED, reason)


def _charge(plan, gateway, today, clock, by):
    def still_due():
        again = _planned([plan.customer], today)
        if not again or not again[0].invoices or again[0].key(today) != plan.key(today):
            raise _Changed("What is due has changed meanwhile.")
        return again[0].parts

    payment = payments.charge_saved(
        plan.customer,
        plan.parts,
        method=plan.method,
        key=plan.key(today),
        gateway=gateway,
        today=today,
        now=clock.now(),
        by=by,
        autopay=plan.autopay,
        try_number=plan.try_number,
        recheck=still_due,
    )
    parts = PaymentPart.select().where(PaymentPart.payment == payment)
    return [_of_payment(payment, part.invoice_id, part.amount_cents) for part in parts]


def _left_out(plan, why, reason):
    """The Verdicts of a plan that was not carried out."""
    left = [Verdict(one.id, one.customer_id, SKIPPED, why, reason) for one in plan.invoices]
    return [*plan.verdicts, *left]


def _failed(plan):
    return _left_out(plan, AutopayOutcome.TROUBLE, "Something went wrong on our side; our staff were told.")


# --- What became of it ---------------------------------------------------------------------------


def _of_payment(payment, invoice_id, cents=0):
    """The Verdict of an invoice by the state of the payment that was to pay it."""
    about = {"invoice_id": invoice_id, "customer_id": payment.customer_id, "payment": payment}
    if payment.state in (*Payment.MONEY, Payment.RETURNED):
        return Verdict(outcome=CHARGED, reason=f"Paid with {payment.method_label}.", cents=cents, **about)
    if payment.state == Payment.HELD:
        return Verdict(outcome=HELD, reason=payments.in_progress_sentence(payment), **about)
    if payment.state in Payment.LIVE:
        return Verdict(outcome=IN_DOUBT, reason=payments.in_progress_sentence(payment), **about)
    if payment.state == Payment.DECLINED:
        return _of_decline(payment, about)
    why, reason = AutopayOutcome.CANCELED, CANCELED
    if payment.state == Payment.EXPIRED:
        why, reason = AutopayOutcome.UNREACHED, NEVER_SENT
    return Verdict(outcome=SKIPPED, why=why, reason=reason, **about)


def _of_decline(payment, about):
    cause = cause_of(payment.decline_code, payment.kind)
    if cause.kind == OURS:
        return Verdict(outcome=SKIPPED, why=AutopayOutcome.OURS, reason=OUR_FAULT, **about)
    then = f" We try again on {words.date(payment.retry_on)}." if payment.retry_on else ""
    why = AutopayOutcome.WAITING if payment.retry_on else AutopayOutcome.STOPPED
    if cause.kind == HARD:
        why = AutopayOutcome.OUT_OF_USE
    if not notices.payers_with_mail([payment.customer_id]):
        then += f" {NOBODY_TOLD}"
    return Verdict(outcome=DECLINED, why=why, reason=f"{payment.reason}{then}", **about)


def _write(verdicts, today, now):
    """Note outcomes. A later look corrects an earlier one of the same day, but forgets no attempt."""
    rows = [
        {
            "run_on": today,
            "invoice": verdict.invoice_id,
            "customer": verdict.customer_id,
            "outcome": verdict.outcome,
            "why": verdict.why,
            "reason": words.clipped(verdict.reason, 255),
            "payment": verdict.payment and verdict.payment.id,
            "decided_at": now,
        }
        for _, verdict in sorted({one.invoice_id: one for one in verdicts}.items())  # no two wait crosswise
    ]
    known = AutopayOutcome
    says_nothing = EXCLUDED.payment_id.is_null() & known.payment.is_null(False)
    is_late = (known.payment == EXCLUDED.payment_id) & known.outcome.in_((CHARGED, DECLINED))
    is_late &= EXCLUDED.outcome.in_((IN_DOUBT, HELD))  # seen before another runner learned the answer
    for at in range(0, len(rows), CHUNK):
        known.insert_many(rows[at : at + CHUNK]).on_conflict(
            conflict_target=(known.run_on, known.invoice),
            preserve=(known.outcome, known.why, known.reason, known.payment, known.decided_at),
            where=~says_nothing & ~is_late,
        ).execute()
    if paid := [verdict.invoice_id for verdict in verdicts if verdict.outcome == CHARGED]:
        autopay.done(paid)


def learn(today, *, now):
    """Bring the day's outcomes up to what is known by now, and note the charges of runs that were killed."""
    open_rows = (
        AutopayOutcome.select(AutopayOutcome, Payment)
        .join(Payment)
        .where((AutopayOutcome.run_on == today) & (AutopayOutcome.outcome != CHARGED))
    )
    changed = []
    for row in open_rows:
        verdict = _of_payment(row.payment, row.invoice_id)
        if (verdict.outcome, verdict.why) != (row.outcome, row.why):
            changed.append(verdict)
    days = {today: changed}
    for payment, invoice_id in _not_noted(today):
        days.setdefault(_day_of(payment), []).append(_of_payment(payment, invoice_id))
    with db.atomic():
        for day, verdicts in sorted(days.items()):
            _write(verdicts, day, now)


def _not_noted(today):
    """[(payment, invoice id)] of automatic charges without an outcome."""
    noted = AutopayOutcome.select(AutopayOutcome.id).where(
        (AutopayOutcome.payment == Payment.id) & (AutopayOutcome.invoice == PaymentPart.invoice)
    )
    parts = (
        PaymentPart.select(PaymentPart, Payment)
        .join(Payment)
        .where(
            (Payment.received_on >= today - LOOK_BACK)
            & (Payment.try_number > 0)
            & Payment.autopay.is_null(False)
            & ~fn.EXISTS(noted)
        )
    )
    return [(part.payment, part.invoice_id) for part in parts]


def _day_of(payment):
    """The day of the run that made an automatic charge; its key tells, for it may be booked later."""
    told = payment.key.split(":")[2]
    return date(int(told[:4]), int(told[4:6]), int(told[6:]))


def outcomes(on):
    """A query of what became of every due invoice on that day."""
    return AutopayOutcome.select().where(AutopayOutcome.run_on == on).order_by(AutopayOutcome.id)


def has_stopped(customer):
    """True when autopay gave up on something that is still owed: somebody should speak with the customer."""
    stopped = customer.autopay_outcomes.where(
        (AutopayOutcome.run_on == last_run_on()) & AutopayOutcome.why.in_(GIVEN_UP)
    )
    return stopped.join(Invoice).where(Invoice.open_cents > 0).exists()


def last_run_on():
    """The day of the newest outcome, or None when autopay has never run."""
    newest = AutopayOutcome.select().order_by(AutopayOutcome.run_on.desc()).first()
    return newest.run_on if newest else None


def unproven(today, *, known_at):
    """Sentences about what was due and has no outcome today: none, when the step did its work.

    known_at -- what was planned later than this was not to be expected
    """
    noted = AutopayOutcome.select(AutopayOutcome.id).where(
        (AutopayOutcome.invoice == PlannedCharge.invoice) & (AutopayOutcome.run_on == today)
    )
    missing = due(today).where((PlannedCharge.created_at <= known_at) & ~fn.EXISTS(noted))
    numbers = ", ".join(str(row.invoice.number) for row in missing.limit(5))
    return [f"Check autopay: due invoices without an outcome: {numbers}"] if numbers else []


# --- Credit first --------------------------------------------------------------------------------


def credit_due(today):
    """The ids of customers with money on account, something due, and no attempt under way."""
    unapplied = [model.select(model.customer).where(model.open_cents > 0) for model in (Credit, Payment)]
    has_money = Customer.id.in_(unapplied[0]) | Customer.id.in_(unapplied[1])
    owes = Invoice.select(Invoice.customer).where((Invoice.open_cents > 0) & (Invoice.due_on <= today))
    is_due = Customer.id.in_(owes) | Customer.id.in_(due(today).select(PlannedCharge.customer))
    live = Payment.select(Payment.customer).where(Payment.state.in_(Payment.LIVE))
    query = Customer.select(Customer.id).where(has_money & is_due & Customer.id.not_in(live))
    return [id for (id,) in query.order_by(Customer.id).tuples()]


def use_credit(customer_id, *, by, today):
    """Let what a customer has on account pay what is open, before anything is charged."""
    with ledger.locked(customer_id):
        ledger.use_unapplied([customer_id], by=by, on=today)
