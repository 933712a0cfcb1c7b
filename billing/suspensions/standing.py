"""What can be said about a suspension: what is owed, what lives depend on, who was told, what cured it.

Only reading. What people do stands in ``steps``.
"""

import json
from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import demands, ledger, letterheads, localtime, prepared, words
from models import Call, Charge, Handover, Invoice, Notice, Payment, Site, Suspension, System

LEAST_DAYS = 10  # from the letter to the day, whatever the policy says


def of(customer, today):
    """(cents past due, due date of the oldest of it): (0, None) for nothing."""
    late = [
        demand
        for found in demands.of_invoices(list(ledger.open_invoices(customer))).values()
        for demand in found
        if demand.is_past_due(today)
    ]
    return sum(one.cents for one in late), min((one.due_on for one in late), default=None)


def not_late_enough(customer, today):
    """Why it is too early for a suspension, as a sentence; "" when it is not."""
    cents, oldest_on = of(customer, today)
    days = companies.current().suspend_after_days
    if not cents:
        return f"{customer.name} owes nothing that is past due."
    if (today - oldest_on).days < days:
        return (
            f"The oldest of it was due {words.date(oldest_on)}. Service is not suspended before {days} days: "
            "speak with them, and offer a plan."
        )
    return ""


def _systems(contract):
    """The systems that the charges of a contract are about: one that names none counts for its site."""
    here = (Charge.system == System.id) | (Charge.system.is_null() & (Charge.site == System.site))
    query = System.select(System, Site).join(Site).join(Charge, on=here)
    return query.where(Charge.contract == contract).order_by(System.id).distinct()


def guarded(contract):
    """What lives may depend on, as names; () where nothing is known of the kind.

    Fire, medical and elevator monitoring, certificated systems, and a customer who needs special care.
    """
    kinds = System.kind.in_(System.LIFE_SAFETY) | System.certificated | System.required_fire
    names = [f"{system.name} at {system.site.name}" for system in _systems(contract).where(kinds)]
    reason = contract.customer.vulnerable_reason
    return (*names, *([f"Special care: {reason}"] if reason else ()))


def names_of(suspension):
    """What lives may depend on, as it was when the suspension was asked for."""
    return tuple(json.loads(suspension.guarded))


def running(customer):
    """The suspensions of a customer that are asked for, announced or in force, in a list."""
    mine = (Suspension.customer == customer) & Suspension.state.in_(Suspension.RUNNING)
    return list(Suspension.select().where(mine).order_by(Suspension.id))


def weighs_on(customer):
    """True when an agency has the account, or service rests or will: in one query, for every page."""
    return bool(_weighing(customer))


@prepared.question
def _weighing(customer):
    handed = Handover.select(Handover.id).where(
        (Handover.customer == customer) & (Handover.state == Handover.HANDED_OVER)
    )
    rests = Suspension.select(Suspension.id).where(
        (Suspension.customer == customer) & Suspension.state.in_((Suspension.WARNED, Suspension.SUSPENDED))
    )
    return rests.union_all(handed).tuples()


def untold(suspension, today):
    """Why the customer cannot be said to know the day yet, as a sentence; "" when they were told twice."""
    sent = Notice.select().where(
        (Notice.suspension == suspension)
        & (Notice.kind == Notice.SUSPENSION_WARNING)
        & (Notice.state == Notice.SENT)
        & Notice.bounced_at.is_null()
    )
    letter = sent.where(Notice.channel == Notice.PAPER).order_by(Notice.sent_at).first()
    if letter is None:
        return "The letter with the day was not mailed yet: print it, and note when it went to the post."
    since = localtime.day(letter.sent_at, companies.current().time_zone)
    if (today - since).days < LEAST_DAYS:
        return f"The letter was mailed {words.date(since)}: give it {LEAST_DAYS} days."
    spoke = (Call.customer == suspension.customer_id) & (Call.direction == Call.OUT)
    spoke &= (Call.outcome == Call.ANSWERED) & (Call.started_at >= suspension.asked_at)
    if not sent.where(Notice.channel == Notice.MAIL).exists() and not Call.select().where(spoke).exists():
        return "Only the letter went out. Call them, and log that you spoke."
    return ""


def cure_of(row, today):
    """(the payment or None, the sentence): what cured a suspension; an empty sentence for nothing.

    Any payment counts that is as large as the smallest that the pay page takes: who pays is talking with us.
    """
    since = (Payment.concluded_at >= row.asked_at) | (Payment.created_at >= row.asked_at)
    payment = (
        Payment.select()
        .where(
            (Payment.customer == row.customer_id)
            & Payment.state.in_(Payment.MONEY)
            & (Payment.amount_cents >= companies.current().minimum_payment_cents)
            & since
        )
        .order_by(Payment.id)
        .first()
    )
    if payment is not None:
        return payment, f"They paid: {payment.reference}."
    cents, oldest_on = of(row.customer, today)
    days = companies.current().suspend_after_days
    if not cents or (today - oldest_on).days < days:
        return None, f"Nothing on the account is {days} days late any more."
    return None, ""


def notice_objection(notice, *, today):
    """Why a message about a suspension is not true any more; "" while it is. Asked when it leaves."""
    row = notice.suspension
    if notice.kind == Notice.SUSPENSION_WARNING:
        if row.state != Suspension.WARNED:
            return "The suspension does not go on."
        if (row.rests_on - today).days < LEAST_DAYS:
            return "The day that it names is too near to be told now. Ask for the suspension anew."
        return cure_of(row, today)[1]
    if notice.kind == Notice.SUSPENDED:
        return "" if row.state == Suspension.SUSPENDED else "It does not rest any more."
    return "" if row.state in (Suspension.LIFTED, Suspension.CANCELED) else "It rests again."


# --- What is told --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RestDocument:
    """What a customer reads about it, as plain values. ``rests_on``: from that day nothing is answered."""

    company: object
    account_number: str
    service: str
    where: str
    systems: tuple[str, ...]
    rests_on: date
    cents: int
    oldest_on: date
    on: date
    is_billed: bool
    was_resting: bool


def document(suspension, *, today):
    """The RestDocument of a suspension as it stands."""
    row, contract = suspension, suspension.contract
    sites = Site.select().join(Charge).where(Charge.contract == contract).order_by(Site.id).distinct()
    cents, _ = of(row.customer, today)
    return RestDocument(
        company=letterheads.of(companies.current()),
        account_number=row.customer.account_number,
        service=contract.name,
        where="; ".join(", ".join(site.address_lines) or site.name for site in sites),
        systems=tuple(system.name for system in _systems(contract)),
        rests_on=row.suspended_on or row.rests_on or today,
        cents=cents or row.owed_cents,
        oldest_on=row.oldest_on,
        on=today,
        is_billed=row.hold_id is None,
        was_resting=row.suspended_on is not None,
    )


def pay_invoice(customer):
    """The invoice that the pay link in such a message opens: the oldest that is open; None for none."""
    return ledger.open_invoices(customer).order_by(Invoice.due_on, Invoice.id).first()
