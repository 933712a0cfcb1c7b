"""Removed controls: a harness that sees nothing proves nothing.

Each mutant takes one control away from the loaded product, here and never in its source, and says with what
weather and which visitors the dice should look for the harm. The run must then end with a violation.
"""

import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta

from billing import bill, ledger, notices, outcomes, payments
from billing.edges.gateway import Gateway
from billing.states import move
from models import Company, Notice, Payment, PaymentPart, db
from tests.torture import points

MUTANTS = {}


@dataclass(frozen=True)
class Mutant:
    """A removed control.

    remove     -- callable that takes it away in this process, before anything is forked
    statements -- SQL that takes it away in the database
    steer      -- what the dice look for: names of ``plan``'s leanings
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


# --- The controls --------------------------------------------------------------------------------


@mutant("rivals", "fresh")
def no_quarantine():
    """An attempt without an answer is given up while its page can still be sent."""
    payments.QUARANTINE, payments.EMPTY_SEARCHES = timedelta(0), 1


@mutant("storm", "fresh", statements=('DROP INDEX "payment_part_live"',))
def no_unique_index():
    """Nothing but a look before the insert keeps two open attempts apart."""
    real = payments._same_attempt

    def slowly(customer, parts):
        found = real(customer, parts)
        time.sleep(0.02)  # as on a machine with other things to do
        return found

    payments._same_attempt = slowly


@mutant("reminders", "paid meanwhile")
def no_recheck_at_send():
    """What was true when a message was queued is taken as true when it is sent."""
    notices._no_longer = lambda notice, today: ""


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
                payments._free_invoices(asked)
                payments._apply_to_parts(asked, asked.received_on)
        return asked

    pages.ask = trust


@mutant("held")
def held_counted_as_paid():
    """A payment that the processor's people still look at counts as money."""
    outcomes.Transaction.is_money = property(
        lambda self: not self.is_refund and self.status in outcomes.APPROVED_STATUSES | outcomes.HELD_STATUSES
    )
    real = outcomes.Transaction.outcome

    def outcome(self):
        found = real(self)
        return (
            outcomes.Approved(self.transaction_id, self.auth_code, self.method_label)
            if isinstance(found, outcomes.Held)
            else found
        )

    outcomes.Transaction.outcome = outcome


@mutant("forged webhooks")
def signature_unchecked():
    """Anybody can tell us about payments."""
    Gateway.is_authentic = lambda self, body, header: True


@mutant("senders", "reminders")
def no_claim_before_send():
    """Whoever finds a message waiting sends it."""

    def take(now, most):
        waiting = list(notices.waiting(now).limit(most)) if most > 0 else []
        for notice in waiting:
            notice.state = Notice.SENDING
        return waiting

    def keep(notice, mail, now):
        Notice.update(
            state=Notice.SENDING, address=notice.address, subject=mail.subject[:255], body_text=mail.kept_text,
            message_id=mail.message_id, claimed_at=now,
        ).where(Notice.id == notice.id).execute()  # fmt: skip

    notices._claim, notices._keep = take, keep


@mutant("bill deaths")
def number_outside_the_transaction():
    """Invoice numbers are taken, and committed, before the invoices are written."""
    real, taken = bill._bill_all, []

    def reserve(ids, *args, **told):
        with db.atomic():
            Company.update(next_invoice_number=Company.next_invoice_number + 2 * len(ids)).execute()
            taken[:] = [Company.select(Company.next_invoice_number).scalar() - 2 * len(ids)]
        time.sleep(0.02)
        report = real(ids, *args, **told)
        spare = 2 * len(ids) - report.invoices
        Company.update(next_invoice_number=Company.next_invoice_number - spare).execute()
        return report

    def number(count):
        first, taken[0] = taken[0], taken[0] + count
        return first

    bill._bill_all, bill.take_numbers = reserve, number


@mutant("booking deaths")
def allocation_outside_the_transaction():
    """An approval is committed first, and what it pays is written after."""
    later = []
    real_apply, real_conclude = payments._apply_to_parts, payments.conclude

    def conclude(payment, transaction, **told):
        later.clear()
        booked = real_conclude(payment, transaction, **told)
        waiting, later[:] = list(later), []
        for _ in waiting:
            points_passed()
            with ledger.locked(payment.customer_id):
                real_apply(*_)
        return Payment.get_by_id(booked.id)

    payments._apply_to_parts = lambda payment, today: later.append((payment, today))
    payments.conclude = conclude


def points_passed():
    """A breath, in which a killer may come by."""
    time.sleep(0.03)


@mutant("schedulers", statements=('DROP INDEX "line_period_once"', 'DROP INDEX "line_work_once"'))
def no_guard_on_billed_periods():
    """Two bill runs at once both believe what they read, and no index says that a period is billed once."""
    bill._move_charges = lambda moved: _moved_blindly(moved)
    real = bill._bills

    def outside(*args):
        bills = real(*args)
        time.sleep(0.05)
        return bills

    bill._bills = outside
    bill.db = _WithoutLock(bill.db)


def _moved_blindly(moved):
    for index, next_on, charge_id, _ in moved:
        db.execute_sql(
            "UPDATE charge SET next_index = {0}, next_on = {0} WHERE id = {0}".format(
                "%s" if db.for_update else "?"
            ),
            (index, next_on, charge_id),
        )
    return len(moved)


class _WithoutLock:
    """The database as the bill step sees it, without a transaction of its own."""

    def __init__(self, real):
        self._real = real
        self.for_update = None

    def atomic(self):
        return nullcontext()

    def __getattr__(self, name):
        return getattr(self._real, name)


@mutant("rivals", "declines")
def a_decline_frees_the_invoice():
    """A refused card ends the attempt at once, while its page takes another card."""
    real = payments._note_decline

    def end(payment, sentence, now):
        if payment.state in Payment.LIVE:
            payments._end(payment, Payment.DECLINED, sentence, now)
        else:
            real(payment, sentence, now)

    payments._note_decline = end


@mutant("booking deaths", "rivals")
def paid_twice_counts_once():
    """A payment that comes although the invoice was paid otherwise is forgotten."""
    payments._book_extra = lambda *args: None
    real = payments._apply_to_parts

    def generous(payment, today):
        ledger.open_money(payment)
        for part in payment.parts:
            ledger.apply(payment, [(part.invoice, part.amount_cents)], by="processor", on=today)

    payments._apply_to_parts = generous if real else None


@mutant("killed claims")
def attempt_not_committed_first():
    """The page is asked for while the attempt is not on disk yet."""
    claim, opened = payments._claim, payments._open_page

    def both(customer, parts, key, today, now):
        payment = claim(customer, parts, key, today, now)
        PaymentPart.update(live=False).where(PaymentPart.payment == payment).execute()
        return payment

    payments._claim = both
    payments._open_page = opened


def point_named(name):
    """The target of a point, for mutants that must keep it."""
    return next(point for point in points.POINTS if point.name == name)
