"""The past of the demo company, day by day, through the same rules that run in the product.

Each day has a morning (the daily job bills and reminds), office hours (what was planned: service calls,
new prices, questions, ends) and its payments. What the processor would have kept of online payments is
given to it, so that the gateway sandbox and the ledger tell the same story.
"""

import random
from collections import defaultdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing import bill, daily, localtime, payments, reminding
from billing.demo import cast, past, people
from billing.outcomes import HostedPage, Transaction
from billing.reversals import refunds, returns
from models import Company, Invoice, Payment, db

REMINDERS_SINCE = timedelta(days=75)  # older reminders are left out: nobody would miss them
PLAINLY_BEFORE = timedelta(days=45)  # older plain payments are booked in bulk (billing.demo.past)
PARTIAL, ROUNDED_UP, BOUNCES = 0.012, 0.024, 0.036  # shares of all payments, each from the one before on
SPECIAL = BOUNCES  # below it something is not plain; for cards: declined at first
SETTLED, PENDING = "settledSuccessfully", "capturedPendingSettlement"


class Hosted:
    """Answers like the gateway when a hosted page is asked for; the page of the past was paid already."""

    def hosted_page(self, **_asked):
        return HostedPage("paid already", "")


class History:
    """Lives through the days from ``begins_on`` to ``today``.

    payers   -- {customer id: people.Payer}
    now      -- naive UTC, an instant of ``today``: nothing happens after it
    processor -- what the gateway sandbox is told, see ``demo.build``
    """

    def __init__(self, payers, *, seed, begins_on, today, now, processor):
        self.payers = payers
        self.seed = seed
        self.begins_on, self.today, self.now = begins_on, today, now
        self.processor, self.register = processor, processor.register
        self.zone = ZoneInfo(cast.COMPANY["time_zone"])
        self.deeds = defaultdict(list)  # day -> [callable(day, at)]
        self._paying = defaultdict(set)  # day -> customer ids
        self._attempts = []  # (payer, payment, at) of the day, not concluded yet

    def plan(self, day, deed):
        """Let ``deed(day, at)`` happen on ``day``, when that is in the past."""
        if self.begins_on <= day <= self.today:
            self.deeds[day].append(deed)

    def live(self, progress=None):
        """Live through all days. ``progress`` is called with 1 after each."""
        day = self.begins_on
        while day <= self.today:
            with db.atomic():
                self._live_day(day)
            if progress:
                progress(1)
            day += timedelta(days=1)

    def at(self, day, hour, minute=0):
        """An instant by the office's clock, as naive UTC; never later than now."""
        return min(localtime.instant(datetime.combine(day, time(hour, minute)), self.zone), self.now)

    def _live_day(self, day):
        hours = random.Random(f"{self.seed}:{day}:deeds")  # of its own: a deed more changes no payment
        self._run_daily_job(day)
        for deed in self.deeds.pop(day, ()):
            deed(day, self.at(day, hours.randrange(9, 17), hours.randrange(60)))
        self._pay_all(random.Random(f"{self.seed}:{day}"), day)

    # --- The morning

    def _run_daily_job(self, day):
        at = self.at(day, 6, 10)
        only = "bill" if day == self.today else ""  # the rest of today is left for the real daily job
        job = daily.begin("daily", today=day, now=at, only=only)
        first = Company.get().next_invoice_number
        report = bill.run(day, by="daily job", now=at, job=job)
        lines = [f"bill: {report}"]
        if day >= self.today - REMINDERS_SINCE:
            lines.append(f"remind: {reminding.queue_reminders(day, now=at):,} reminders queued")
        daily.finish(job, lines, failed=False, now=at + timedelta(minutes=2))
        self._plan_payments(Invoice.select().where(Invoice.number >= first), day)

    def _plan_payments(self, invoices, day):
        for customer_id, number, due_on in invoices.select(
            Invoice.customer, Invoice.number, Invoice.due_on
        ).tuples():
            rng = random.Random(f"{self.seed}:invoice {number}")
            payer = self.payers[customer_id]
            if payer.customer.name == people.HERO_NAME and day > self.today - timedelta(days=8):
                continue  # these wait for a newcomer to pay them
            if pays_on := self._pays_on(rng, payer, day, due_on):
                self._paying[pays_on].add(customer_id)

    def _pays_on(self, rng, payer, day, due_on):
        """When this invoice will be paid, or None when not before today."""
        on = {
            people.EARLY: day + timedelta(days=rng.randrange(0, 7)),
            people.PROMPT: due_on - timedelta(days=rng.choice((0, 0, 1, 1, 2, 3, 4))),
            people.LATE: due_on + timedelta(days=rng.randrange(2, 20)),
            people.SLOW: due_on + timedelta(days=rng.randrange(18, 48)),
            people.STOPPED: due_on - timedelta(days=2),
            people.ON_THE_DAY: due_on,
        }[payer.habit]
        on = max(on, day)
        if payer.way in Payment.BY_HAND:
            on = _weekday(on)
        last = self.today
        if payer.habit == people.ON_THE_DAY:
            last -= timedelta(days=1)  # what falls due today is charged by the real daily job
        if payer.habit == people.STOPPED:
            last = payer.stopped_on or last - timedelta(days=35 + 16 * (payer.customer.id % 5))
        return on if on <= last else None

    # --- Payments

    def wait(self, customer_id, day, until):
        """What a customer was going to pay before ``until`` they pay then: first they want an answer."""
        for ahead in range((until - day).days):
            paying = self._paying.get(day + timedelta(days=ahead), ())
            if customer_id in paying and until <= self.today:
                paying.remove(customer_id)
                self._paying[until].add(customer_id)

    def _pay_all(self, rng, day):
        """Everybody whose day it is pays all that is open, in their way; sometimes less, sometimes more."""
        customer_ids = sorted(self._paying.pop(day, ()))
        plainly = []
        for customer_id, owed in _owed(customer_ids).items():
            payer, luck = self.payers[customer_id], rng.random()
            at = self.at(day, rng.randrange(9, 20), rng.randrange(60))
            if luck > SPECIAL and day < self.today - PLAINLY_BEFORE:
                plainly.append(self._plain(rng, payer, owed, day, at))
            elif payer.way in Payment.BY_PROCESSOR:
                self._pay_online(
                    payer, Invoice.select().where(Invoice.id << [id for id, _ in owed]), day, at, luck
                )
            else:
                self._pay_by_hand(rng, payer, sum(cents for _, cents in owed), day, at, luck)
        self._book_plainly(plainly)
        attempts, self._attempts = self._attempts, []
        self.conclude(attempts, day)

    def _plain(self, rng, payer, owed, day, at):
        return past.Paid(payer, owed, day, at, past.reference(rng), *self._label(rng, payer))

    def _label(self, rng, payer):
        """(words for how they paid, check number)"""
        if payer.way != Payment.CHECK:
            return payer.label or payer.way.replace("_", " ").capitalize(), ""
        payer.check_number += rng.randrange(1, 9)
        return f"Check {payer.check_number}", str(payer.check_number)

    def _book_plainly(self, paid):
        online = [one for one in paid if one.online]
        ids = iter(
            self.register([_entry(one.payer, one, one.at, SETTLED) for one in online]) if online else ()
        )
        past.book([one._replace(transaction_id=next(ids)) if one.online else one for one in paid])

    def _pay_by_hand(self, rng, payer, cents, day, at, luck):
        if luck < PARTIAL:
            cents = max(cents // 200 * 100, 1000)
            self._paying[_weekday(day + timedelta(days=15))].add(payer.customer.id)
        elif luck < ROUNDED_UP:
            cents += 5000 - cents % 5000
        payment = self.receive(payer, cents, payer.way, day, at, self._label(rng, payer)[1])
        if payment.open_cents and rng.random() < 0.5:
            self.plan(_weekday(day + timedelta(days=4)), lambda on, at: _refund(payment.id, on, at))
        if payer.way == Payment.CHECK and ROUNDED_UP < luck < BOUNCES:
            self._plan_bounce(rng, payer, payment, day)

    def receive(self, payer, cents, way, day, at, number=""):
        """The office enters a payment that came by mail or over the counter."""
        return payments.record(
            payer.customer,
            amount_cents=cents,
            kind=way,
            received_on=day,
            key=f"demo:{payer.customer.account_number}:{day}:{way}",
            by=cast.OFFICE,
            today=day,
            now=at,
            check_number=number,
            confirmed=True,  # a check rounded up can be many times the few cents that were left open
        )

    def _plan_bounce(self, rng, payer, payment, day):
        reason, back_on = rng.choice(cast.BOUNCES), _weekday(day + timedelta(days=rng.randrange(4, 9)))
        self.plan(
            back_on,
            lambda on, at: returns.bounce(
                Payment.get_by_id(payment.id), reason=reason, by=cast.OFFICE, today=on, now=at
            ),
        )
        self._paying[_weekday(back_on + timedelta(days=6))].add(payer.customer.id)

    def _pay_online(self, payer, owed, day, at, luck):
        payment = self.start_online(payer, [(invoice, invoice.open_cents) for invoice in owed], day, at)
        if luck < SPECIAL and payer.way == Payment.CARD:
            self._attempts.append((payer, payment, at + timedelta(minutes=1), "declined"))
        self._attempts.append((payer, payment, at + timedelta(minutes=3), self._status(payer.way, day)))

    def start_online(self, payer, parts, day, at):
        """The customer presses Pay: the attempt is written and has its page."""
        return payments.start_online(
            payer.customer,
            parts,
            key=f"demo:{payer.customer.account_number}:{at:%Y-%m-%d %H:%M}",
            gateway=Hosted(),
            urls=lambda payment: payments.Urls("", ""),
            today=day,
            now=at,
            contact=payer.contact,
        )

    def _status(self, way, day):
        """Cards settle in the night that follows, bank debits three nights later."""
        night = datetime.combine(day + timedelta(days=1 if way == Payment.CARD else 3), time(2))
        return SETTLED if night <= self.now else PENDING

    def conclude(self, attempts, day):
        """Tell the processor, then book what it says. ``attempts`` is [(payer, payment, at, status)]."""
        if not attempts:
            return
        ids = self.register([_entry(*attempt) for attempt in attempts])
        for (payer, payment, at, status), id in zip(attempts, ids, strict=True):
            told = _transaction(payer, payment, status, id)
            payments.conclude(payment, told, today=day, now=min(at, self.now))


def _refund(payment_id, day, at):
    """What a payment had too much goes back by check, unless another invoice took it."""
    payment = Payment.get_by_id(payment_id)
    if payment.open_cents:
        refunds.start(
            payment,
            amount_cents=payment.open_cents,
            how=Payment.CHECK,
            reason="Paid more than was owed",
            key=f"demo:{payment_id}",
            by=cast.OFFICE,
            today=day,
            now=at,
        )


def _owed(customer_ids):
    """{customer id: [(invoice id, open cents)]}, oldest due first."""
    owed = defaultdict(list)
    query = Invoice.select(Invoice.customer, Invoice.id, Invoice.open_cents).where(
        Invoice.customer.in_(customer_ids) & Invoice.IS_OWED
    )
    for customer_id, id, cents in query.order_by(Invoice.customer, Invoice.due_on, Invoice.id).tuples():
        owed[customer_id].append((id, cents))
    return owed


def _weekday(day):
    """The mail comes, and the office is open, on weekdays."""
    return day + timedelta(days=(0, 0, 0, 0, 0, 2, 1)[day.weekday()])


def _entry(payer, payment, at, status):
    """What the processor keeps of an online payment."""
    first, _, last = payer.contact.name.partition(" ")
    past = {"status": PENDING if status == SETTLED else status}  # the sandbox settles by itself what is old
    return past | {
        "reference": payment.reference,
        "amount_cents": payment.amount_cents,
        "submitted_at": at.isoformat(),
        "kind": payer.way,
        "method_label": payer.label,
        "customer_id": payer.customer.account_number,
        "customer_email": payer.contact.email,
        "first_name": first,
        "last_name": last,
    }


def _transaction(payer, payment, status, id):
    """The same as the gateway would tell it."""
    return Transaction(
        transaction_id=id,
        status=status,
        amount_cents=payment.amount_cents,
        reference=payment.reference,
        kind=payer.way,
        method_label=payer.label,
        type="authCaptureTransaction",
        response_code="2" if status == "declined" else "1",
        reason_code="2" if status == "declined" else "1",
    )
