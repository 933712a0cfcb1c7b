"""Those who charge: what is due today is charged or not, and what became of each due invoice is noted.

Each customer's charge is a use case of its own; a few are under way at once, never two of one customer. What
is due stands in ``due``, what became of it in ``tally``, who may work at once in ``desks``; when to try
again in ``retries``, when to charge in ``autopay``, how money moves in ``billing.payments``.
"""

import logging
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, as_completed, wait
from contextlib import suppress

from peewee import fn

from billing import notices, payments
from billing.charging import desks, due, tally
from billing.charging.tally import CHARGED, DECLINED, HELD, IN_DOUBT, OUR_FAULT, SKIPPED, Report, Verdict
from billing.errors import BillingError, GatewayUnavailable, for_operator
from models import AutopayOutcome, PaymentPart, PlannedCharge, db

log = logging.getLogger(__name__)
NOTE_EVERY = 20  # outcomes are written so many at a time; what a killed run left out, its payments tell
TROUBLE_IN_A_ROW = 5  # from then on it is not the customers: the rest waits for the next run
UNREACHED = "The payment processor could not be reached. Nothing was charged; we try again at the next run."


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
    tally.learn(today, now=began_at)
    crew = _Crew(gateway, today, clock, by, progress or (lambda count: None), at_once)
    customer_ids = due.customers(today)
    if customer_ids:
        crew.ask_whether_it_answers()
    try:
        _charge_all(due.read_ahead(customer_ids, today), crew)
    finally:
        crew.write()
        tally.learn(today, now=clock.now())
    crew.report.trouble += unproven(today, known_at=began_at)
    return crew.report


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


def unproven(today, *, known_at):
    """Sentences about what was due and has no outcome today: none, when the step did its work.

    known_at -- what was planned later than this was not to be expected
    """
    noted = AutopayOutcome.select(AutopayOutcome.id).where(
        (AutopayOutcome.invoice == PlannedCharge.invoice) & (AutopayOutcome.run_on == today)
    )
    missing = due.charges(today).where((PlannedCharge.created_at <= known_at) & ~fn.EXISTS(noted))
    numbers = ", ".join(str(row.invoice.number) for row in missing.limit(5))
    return [f"Check autopay: due invoices without an outcome: {numbers}"] if numbers else []


# --- Those who charge ----------------------------------------------------------------------------


class _Crew:
    """Those who charge, and the one who writes down what became of it: the thread of the run."""

    def __init__(self, gateway, today, clock, by, progress, at_once=1):
        self._desks = desks.Desks()
        self.size = at_once + self._desks.count
        self.gateway, self._bounded = gateway, desks.Bounded(gateway, at_once, self._desks)
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
            self._halt(UNREACHED, AutopayOutcome.UNREACHED, for_operator(trouble))

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
            tally.write(verdicts, self.today, self.clock.now())


# --- One customer --------------------------------------------------------------------------------


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
        seen, plan = plan, due.plans([plan.customer.id], today).get(plan.customer.id)
        if plan is None:
            return _left_out(seen, AutopayOutcome.PAID, "It was paid meanwhile, or put off.")
    return _left_out(plan, AutopayOutcome.CHANGED, reason)


def _charge(plan, gateway, today, clock, by):
    def still_due():
        again = due.planned([plan.customer], today)
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
    return [tally.of_payment(payment, part.invoice_id, part.amount_cents) for part in parts]


def _left_out(plan, why, reason):
    """The Verdicts of a plan that was not carried out."""
    left = [Verdict(one.id, one.customer_id, SKIPPED, why, reason) for one in plan.invoices]
    return [*plan.verdicts, *left]


def _failed(plan):
    return _left_out(plan, AutopayOutcome.TROUBLE, "Something went wrong on our side; our staff were told.")
