"""Removed controls: a harness that sees nothing proves nothing.

Each mutant takes one control away from the loaded product, here and never in its source, and names what the
dice should lean toward so that its harm is met soon. The run must then end with a violation.
"""

import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta

from billing import attempts, bill, ledger, outbox, outcomes
from billing.edges.gateway import Gateway
from billing.outbox import ahead, judging, sending
from billing.outbox import claiming as taking
from billing.outcomes import Approved, Declined, Held, InDoubt, Transaction
from billing.payments import booking, claiming, online, saved
from billing.states import move
from models import Company, Notice, Payment, db

MUTANTS = {}
BREATH_SECONDS = 0.03  # in which a killer, or a rival, may come by


@dataclass(frozen=True)
class Mutant:
    """A removed control.

    remove     -- callable that takes it away in this process, before anything is forked
    statements -- SQL that takes it away in the database
    steer      -- what the dice lean toward: names of ``plan``'s leanings
    """

    name: str
    remove: object
    statements: tuple = ()
    steer: tuple = ()


def mutant(*steer, statements=()):
    """Register a function as the mutant of its name."""

    def register(function):
        name = function.__name__.replace("_", "-")
        MUTANTS[name] = Mutant(name, function, statements, steer)
        return function

    return register


def apply(name):
    """Take the control of the mutant ``name`` away; None takes nothing."""
    if name:
        MUTANTS[name].remove()


# --- Charging ------------------------------------------------------------------------------------


@mutant("silence")
def retry_on_timeout():
    """A charge without an answer is sent again, as something new."""
    real = Gateway.charge

    def insist(self, *, reference, **told):
        outcome = real(self, reference=reference, **told)
        again = f"{reference[:-1]}0"
        return real(self, reference=again, **told) if isinstance(outcome, InDoubt) else outcome

    Gateway.charge = insist


@mutant("silence")
def silence_is_a_refusal():
    """A charge without an answer counts as declined, and its invoices are free for the next."""
    real = saved._book_answer

    def book(payment, outcome, today, now):
        if isinstance(outcome, InDoubt):
            outcome = Declined("2", "The bank declined this payment.")
        return real(payment, outcome, today, now)

    saved._book_answer = book


@mutant("sleepers")
def sent_however_late():
    """Who wakes after hours sends what it had claimed, although others gave the attempt up."""
    attempts.SEND_WITHIN_SECONDS = 10**9


@mutant("rivals")
def no_quarantine():
    """An attempt without an answer is given up while its page can still be sent."""
    attempts.QUARANTINE, attempts.EMPTY_SEARCHES = timedelta(0), 1


@mutant("rivals", "declines")
def a_decline_frees_the_invoice():
    """A refused card ends the attempt at once, while its page takes another card."""

    def end(payment, refusal, today, now):
        if payment.state in Payment.LIVE:
            booking.end(payment, Payment.DECLINED, refusal.sentence, now, today)

    booking._note_decline = end


@mutant("storm", statements=('DROP INDEX "payment_part_live"',))
def no_unique_index():
    """Nothing but a look before the insert keeps two open attempts apart."""
    real = online._same_attempt

    def slowly(customer, parts):
        found = real(customer, parts)
        time.sleep(BREATH_SECONDS)
        return found

    online._same_attempt = slowly


# --- Learning what happened ----------------------------------------------------------------------


@mutant("forgers")
def booking_from_the_return_url():
    """Whoever comes back to the return page has paid."""
    from portal import payments as pages

    real = pages.ask

    def trust(payment):
        asked = real(payment)
        if asked.state in Payment.LIVE:
            with ledger.locked(asked.customer_id):
                move(asked, Payment.APPROVED, kind="card", ask_at=None)
                claiming.free(asked)
                booking._apply_to_parts(asked, asked.received_on, asked.created_at)
        return asked

    pages.ask = trust


@mutant("held")
def held_counted_as_paid():
    """A payment that the processor's people still look at counts as money."""
    real, taken = Transaction.outcome, outcomes.APPROVED_STATUSES | outcomes.HELD_STATUSES

    def outcome(self):
        found = real(self)
        paid = Approved(self.transaction_id, self.auth_code, self.method_label)
        return paid if isinstance(found, Held) else found

    Transaction.outcome = outcome
    Transaction.is_money = property(lambda self: not self.is_refund and self.status in taken)


@mutant("forged webhooks")
def signature_unchecked():
    """Anybody can tell us about payments."""
    Gateway.is_authentic = lambda self, body, header: True


@mutant("booking deaths")
def allocation_outside_the_transaction():
    """An approval is committed first, and what it pays is written after."""
    real, waiting = booking._apply_to_parts, []
    booking._apply_to_parts = lambda payment, today: waiting.append((payment, today))

    def then_apply(function):
        def both(payment, *args, **told):
            waiting.clear()
            booked = function(payment, *args, **told)
            for paid, today in list(waiting):
                time.sleep(BREATH_SECONDS)
                with ledger.locked(paid.customer_id):
                    real(paid, today)
            return Payment.get_by_id(booked.id)

        return both

    booking.conclude = then_apply(booking.conclude)
    saved._book_answer = then_apply(saved._book_answer)


# --- Messages ------------------------------------------------------------------------------------


@mutant("reminders", "paid meanwhile")
def no_recheck_at_send():
    """What was true when a message was queued is taken as true when it is sent."""
    judging.objection = lambda notice, *, today, now, known=None: ""


@mutant("senders", "reminders")
def no_claim_before_send():
    """Whoever finds a message waiting sends it."""

    def take(clock, most, report):
        now = clock.now()
        waiting = list(outbox.waiting(now).limit(most)) if most > 0 else []
        time.sleep(BREATH_SECONDS)
        for notice in waiting:
            notice.state, notice.tries, notice.claimed_at = Notice.SENDING, notice.tries + 1, now
            notice.save()
        return waiting

    def begin(notice, mail, now):
        Notice.update(
            address=notice.address, subject=mail.subject[:255], claimed_at=now,
            body_text=mail.kept_text, body_html=mail.kept_html, message_id=mail.message_id,
        ).where((Notice.id == notice.id) & (Notice.state == Notice.SENDING)).execute()  # fmt: skip
        return lambda: 1

    taking.take, sending._begin = take, begin
    ahead.is_plain = lambda notice: False  # what is read ahead is looked at once more when it leaves
    sending._as_it_is = lambda claimed: Notice.get_by_id(claimed.id)


# --- Billing -------------------------------------------------------------------------------------


@mutant("bill deaths")
def number_outside_the_transaction():
    """Invoice numbers are taken, and committed, before the invoices are written."""
    real, following = bill._bill_all, []

    def reserve(ids, *args, **told):
        most = 2 * len(ids)
        with db.atomic():
            Company.update(next_invoice_number=Company.next_invoice_number + most).execute()
            following[:] = [Company.select(Company.next_invoice_number).scalar() - most]
        time.sleep(BREATH_SECONDS)
        report = real(ids, *args, **told)
        spare = most - report.invoices
        Company.update(next_invoice_number=Company.next_invoice_number - spare).execute()
        return report

    def number(count):
        following[0] += count
        return following[0] - count

    bill._bill_all, bill.take_numbers = reserve, number


@mutant("schedulers", statements=('DROP INDEX "line_period_once"', 'DROP INDEX "line_work_once"'))
def periods_billed_unguarded():
    """Two bill runs at once believe what they read, and no index says that a period is billed once."""
    from billing import daily

    real = bill._bills

    def slowly(*args):
        bills = real(*args)
        time.sleep(2 * BREATH_SECONDS)
        return bills

    bill._bills = slowly
    bill._move_charges = _move_blindly
    bill.db = _Careless(bill.db)
    daily.begin = _without_lease(daily.begin)


def _move_blindly(moved):
    mark = "%s" if db.for_update else "?"
    for index, next_on, charge_id, _ in moved:
        sql = f"UPDATE charge SET next_index = {mark}, next_on = {mark} WHERE id = {mark}"
        db.execute_sql(sql, (index, next_on, charge_id))
    return len(moved)


def _without_lease(real):
    def begin(name, **told):
        return real(f"{name} {time.monotonic_ns() % 10**9}", **told)

    return begin


class _Careless:
    """The database as the bill step sees it: without a transaction of its own, and without locks."""

    for_update = None

    def __init__(self, real):
        self._real = real

    def atomic(self):
        return nullcontext()

    def __getattr__(self, name):
        return getattr(self._real, name)
