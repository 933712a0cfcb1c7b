"""What became of every due invoice of a day: one outcome each, noted, learned later, and read again.

Charged, declined and told, held, in doubt, or skipped and why. What is due is read in ``due``, money moves in
``crew``.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from peewee import EXCLUDED, fn

from billing import notices, payments, words
from billing.automatic import autopay
from billing.money import format_cents
from billing.outcomes import HARD, OURS, cause_of
from models import AutopayOutcome, Invoice, Payment, PaymentPart, db

CHUNK = 200  # outcomes in one statement
LOOK_BACK = timedelta(days=7)  # for charges that a killed run did not note

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


# --- From the payment that was to pay it ---------------------------------------------------------


def of_payment(payment, invoice_id, cents=0):
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


# --- Noted ---------------------------------------------------------------------------------------


def write(verdicts, today, now):
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
        autopay.done(paid, today=today)


def learn(today, *, now):
    """Bring the day's outcomes up to what is known by now, and note the charges of runs that were killed."""
    open_rows = (
        AutopayOutcome.select(AutopayOutcome, Payment)
        .join(Payment)
        .where((AutopayOutcome.run_on == today) & (AutopayOutcome.outcome != CHARGED))
    )
    changed = []
    for row in open_rows:
        verdict = of_payment(row.payment, row.invoice_id)
        if (verdict.outcome, verdict.why) != (row.outcome, row.why):
            changed.append(verdict)
    days = {today: changed}
    for payment, invoice_id in _not_noted(today):
        days.setdefault(_day_of(payment), []).append(of_payment(payment, invoice_id))
    with db.atomic():
        for day, verdicts in sorted(days.items()):
            write(verdicts, day, now)


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


# --- Read again ----------------------------------------------------------------------------------


def on(on):
    """A query of what became of every due invoice on that day."""
    return AutopayOutcome.select().where(AutopayOutcome.run_on == on).order_by(AutopayOutcome.id)


def has_stopped(customer):
    """True when autopay gave up on something that is still owed: somebody should speak with the customer."""
    stopped = customer.autopay_outcomes.where(
        (AutopayOutcome.run_on == last_run_on()) & AutopayOutcome.why.in_(GIVEN_UP)
    )
    return stopped.join(Invoice).where(Invoice.IS_OWED).exists()


def last_run_on():
    """The day of the newest outcome, or None when autopay has never run."""
    newest = AutopayOutcome.select().order_by(AutopayOutcome.run_on.desc()).first()
    return newest.run_on if newest else None
