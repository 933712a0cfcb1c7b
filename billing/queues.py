"""What waits for a person today, in five groups: people first, then money, messages, autopay and contracts.

Only reading; every queue names the filtered list behind it. Not here: how the house is doing (reports.py),
what is done about it (each list and page has its acts).
"""

from dataclasses import dataclass, field
from datetime import timedelta

from peewee import SQL, fn

from billing import calls, promises, reminder_policies, words
from billing import company as companies
from billing.charging import tally
from billing.disputes import finding as disputes
from billing.plans import standing as plans
from billing.remedies import given_up, write_offs
from billing.renewals import closing, prices
from billing.tickets import finding
from models import (
    Approval,
    Autopay,
    AutopayOutcome,
    Chargeback,
    Contact,
    Difference,
    Dispute,
    ImportBatch,
    Inbound,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    PlannedCharge,
    Refund,
    RemittanceRow,
    ServiceCredit,
    Suspension,
    Ticket,
)


@dataclass(frozen=True)
class Number:
    """One figure: ``cents`` for money, ``count`` for rows, and the filtered list behind it."""

    label: str
    screen: str
    args: dict = field(default_factory=dict)
    count: int | None = None
    cents: int | None = None
    note: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class Group:
    """Queues that one person works through together."""

    title: str
    queues: tuple[Number, ...]

    @property
    def waiting(self):
        """Those in which something waits."""
        return tuple(queue for queue in self.queues if queue.count)

    @property
    def empty(self):
        """Those in which nothing does."""
        return tuple(queue for queue in self.queues if not queue.count)


def groups(staff, *, today, now):
    """The Groups of the day for a member of staff, most pressing first."""
    return (
        Group("People who wait for us", (*_tickets(staff, now), *_calls(today), *_incoming())),
        Group("What is past due", tuple(_past_due(today))),
        Group("Money to decide", tuple(_money(today))),
        Group("Autopay", tuple(_autopay())),
        Group("Messages and letters", tuple(_messages())),
        Group("Contracts and imports", tuple(_contracts(today))),
    )


# --- People --------------------------------------------------------------------------------------


def _tickets(staff, now):
    """What is late by the clock at this moment, what waits, the open faults, and what is their own."""
    late = finding.late(companies.current(), now=now).count()
    yield Number(
        "Late answers", "ticket", {"standing": "late"}, count=late, urgent=late > 0,
        note="They should have had an answer by now.",
    )  # fmt: skip
    yield Number(
        "Your tickets", "ticket", {"owner": staff.id, "state": Ticket.WAITING_ON_US},
        count=finding.waiting_on_us().where(Ticket.owner == staff).count(), note="They wait for you.",
    )  # fmt: skip
    yield _queue("Tickets waiting on us", Ticket, Ticket.WAITING_ON_US, "Answer these first.")
    yield Number(
        "Open faults", "ticket", {"standing": "fault"}, count=finding.faults().count(),
        note="Something does not work at a customer.",
    )  # fmt: skip


# --- Past due ------------------------------------------------------------------------------------


def _past_due(today):
    """Why something is unpaid, and what a person does about it before anything presses."""
    yield _held()
    yield _queue("Drafts to read", Notice, Notice.DRAFT, "Personal mails: read, sign and send.")
    yield from _disputes(today)
    yield from _plans()
    yield Number(
        "Given-up debts to decide", "hold", {"standing": "given_up"}, count=given_up.running().count(),
        note="Paid, and the payment came back. Call, then lift the hold or give it up again.",
    )  # fmt: skip
    yield _needing_person(today)
    yield from _last_steps(today)


# --- Money ---------------------------------------------------------------------------------------


def _money(today):
    """What came, may go back, or needs a second person."""
    yield _queue(
        "Payments in doubt", Payment, Payment.IN_DOUBT, "The processor's answer is missing.", urgent=True
    )
    yield from _charged(today)
    yield from _remedies(today)
    yield _queue("Differences", Difference, Difference.OPEN, "Processor and books do not agree.", urgent=True)
    yield _queue(
        "Bank payments to match", RemittanceRow, RemittanceRow.UNMATCHED, "From files: whose are they?"
    )
    yield _queue("Payments held", Payment, Payment.HELD, "The processor's people are reviewing them.")
    unclear = (Invoice.unclear != SQL("''")) & (Invoice.state == Invoice.DRAFT)
    yield Number(
        "Invoices to make clear", "invoice", {"standing": "unclear"},
        count=Invoice.select().where(unclear).count(),
        note="They would confuse their readers, so they wait.",
    )  # fmt: skip
    yield _queue("Invoices to look at", Invoice, Invoice.DRAFT, "Drafts: make them clear, then issue them.")


# --- Messages, contracts -------------------------------------------------------------------------


def _messages():
    yield _queue(
        "Messages that failed", Notice, Notice.FAILED, "They did not reach the customer.", urgent=True
    )
    yield _queue("To print and mail", Notice, Notice.PRINT, "Letters that are not mailed yet.")


def _contracts(today):
    yield from _contract_ends(today)
    yield _queue("Imports not released", ImportBatch, ImportBatch.COMMITTED, "Their customers are mute.")


# --- Each queue ----------------------------------------------------------------------------------


def _disputes(today):
    """What customers say is wrong, with the clocks of the law and of our promise."""
    count, late = disputes.waiting().count(), disputes.late(today).count()
    note = f"{late:,} wait longer than we promised." if late else "Answer within 30 days, decide within 90."
    yield Number(
        "Disputes to decide", "dispute", {"state": Dispute.OPEN}, count=count, note=note, urgent=late > 0
    )
    soon = list(disputes.running_out(today).limit(1))
    if soon:
        last_on = words.date(disputes.last_on(soon[0]))
        yield Number(
            "Disputes: the 90 days run out",
            "dispute",
            {"standing": "runs_out"},
            count=disputes.running_out(today).count(),
            note=f"The first has to be decided by {last_on}.",
            urgent=True,
        )


def _held():
    """Late notices that wait until somebody was answered; the page behind it names the people."""
    counted = Notice.select(fn.COUNT(Notice.id), fn.COUNT(Notice.customer.distinct()))
    count, people = counted.where(Notice.state == Notice.HELD).scalar(as_tuple=True)
    note = f"Answer {'this person' if people == 1 else f'these {people:,} people'} first."
    return Number(
        "Messages held back", "notice", {"state": Notice.HELD}, count=count, note=note, urgent=count > 0
    )


def _remedies(today):
    """What one person may not decide alone, what faults are worth, and cents not worth a letter."""
    yield _queue("To approve", Approval, Approval.ASKED, "A colleague asked; a second person decides.")
    yield _queue(
        "Credits for faults", ServiceCredit, ServiceCredit.PROPOSED, "Give them before anybody has to ask."
    )
    yield Number(
        "Small remainders", "invoice", {"standing": "remainder"},
        count=Invoice.select().where(write_offs.remainders(today)).count(),
        note="The rest of something that was paid: write it off.",
    )  # fmt: skip


def _plans():
    """Proposals that wait for our answer, and what was agreed and did not come."""
    for label, model, standing, query, note in (
        ("Plans to answer", "plan", "answer", plans.waiting_for_us(), "A customer proposed to pay in parts."),
        ("Plans broken", "plan", "broken", plans.broken(), "Call before the old balance is asked for."),
        ("Promises broken", "promise", "broken", promises.broken(), "Ask them what happened."),
    ):
        count = query.count()
        yield Number(
            label, model, {"standing": standing}, count=count, note=note,
            urgent=standing == "answer" and count > 0,
        )  # fmt: skip


def _contract_ends(today):
    """Notices of contract ends that a person has to see to before their window closes."""
    count = closing.at_risk(today).count()
    yield Number(
        "Renewal notices about to close", "renewal_notice", {"standing": "at_risk"}, count=count,
        urgent=count > 0, note="No proof that they went out. Print and mail them now.",
    )  # fmt: skip
    if count := prices.at_risk(today).count():
        yield Number(
            "New prices about to be told too late", "price_change", {"standing": "at_risk"}, count=count,
            urgent=True, note="Print and mail the letters now, or the old price goes on.",
        )  # fmt: skip
    yield Number(
        "Increases that were not told", "price_change", {"standing": "silent"},
        count=prices.silent(today).count(), note="The old price is billed. Plan them for a later day.",
    )  # fmt: skip
    if count := prices.billed_untold(today).count():
        yield Number(
            "Billed at a price nobody was told", "price_change", {"standing": "billed"}, count=count,
            urgent=True, note="The message came back after the invoice. Credit the difference.",
        )  # fmt: skip


def _calls(today):
    """Whom to call: those whom nobody answered, what was agreed, and calls that are nobody's yet."""
    for work, label, query, note, urgent in (
        ("to_return", "To call back", calls.to_return(), "They called and nobody answered.", True),
        ("steps_due", "Next steps of calls", calls.steps_due(today), "Agreed on the phone, due now.", False),
        ("unmatched", "Whose call was it?", calls.unmatched(), "A number of nobody, or of two.", True),
    ):  # fmt: skip
        count = query.count()
        yield Number(label, "call", {"work": work}, count=count, note=note, urgent=urgent and count > 0)


def _last_steps(today):
    """What suspensions leave to do: first what undoes them."""
    running = Suspension.select()
    for args, label, condition, note, urgent in (
        ({"recall": "yes"}, "Letters to take back", Suspension.recall, "Printed, not true any more.", True),
        ({"station": "yes"}, "Stations to tell", Suspension.station, "Whether signals are answered.", True),
        ({"state": "warned", "rests_on_to": str(today)}, "Suspensions to decide",
         (Suspension.state == Suspension.WARNED) & (Suspension.rests_on <= today), "Their day came.", False),
    ):  # fmt: skip
        count = running.where(condition).count()
        yield Number(label, "suspension", args, count=count, note=note, urgent=urgent and count > 0)


def _incoming():
    """What came in and nobody could match, and whom mail does not reach."""
    yield _queue(
        "Messages to look at", Inbound, Inbound.WAITING, "Mail and texts that fit nowhere by themselves.",
        urgent=True,
    )  # fmt: skip
    dead = Contact.bounced_at.is_null(False) & Contact.left_on.is_null() & (Contact.email != "")
    yield Number(
        "Addresses that bounce", "contact", {"bounced_at_is": "set", "left_on_is": "empty"},
        count=Contact.select().where(dead).count(), note="Mail comes back. Ask them for another address.",
    )  # fmt: skip


def _charged(today):
    """What waits about money that came and may go back. Unresolved: nobody has answered for three days."""
    unresolved = {"state": Payment.IN_DOUBT, "received_on_to": str(today - timedelta(days=3))}
    old = (Payment.state == Payment.IN_DOUBT) & (Payment.received_on <= today - timedelta(days=3))
    count = Payment.select().where(old).count()
    yield Number(
        "Payments to decide", "payment", unresolved, count=count, urgent=count > 0,
        note="No answer for three days: look at the processor, then conclude by hand.",
    )  # fmt: skip
    yield _queue("Chargebacks to answer", Chargeback, Chargeback.OPEN, _next_deadline(today), urgent=True)
    yield _queue("Refunds to approve", Refund, Refund.WAITING, "They need a second person.")
    yield _queue("Refunds in doubt", Refund, Refund.IN_DOUBT, "The processor's answer is missing.")


AUTOPAY_QUEUES = (
    (AutopayOutcome.STOPPED, "Autopay given up", "Declined as often as we may try. Call them.", False),
    (AutopayOutcome.OUT_OF_USE, "Autopay without a card", "The card or account is refused. Ask for another.",
     False),
    (AutopayOutcome.OURS, "Autopay: trouble with our set-up", "The processor refuses us, not the customer.",
     True),
    (AutopayOutcome.TROUBLE, "Autopay: trouble in the program", "The report of the day tells more.", True),
)  # fmt: skip


def _autopay():
    """What autopay could not do when it last ran, by what a person has to do about it."""
    last_on = tally.last_run_on()
    last = {"run_on_from": str(last_on), "run_on_to": str(last_on)} if last_on else {}
    rows = AutopayOutcome.select(AutopayOutcome.why, fn.COUNT(AutopayOutcome.id))
    rows = rows.where(AutopayOutcome.run_on == last_on).group_by(AutopayOutcome.why)
    counts = dict(rows.tuples()) if last_on else {}
    for why, label, note, urgent in AUTOPAY_QUEUES:
        count = counts.get(why, 0)
        is_urgent = urgent and count > 0
        if count or not urgent:
            yield Number(
                label, "autopay_outcome", {"why": why, **last}, count=count, note=note, urgent=is_urgent
            )
    yield Number(
        "Autopay that waits for a notice", "planned_charge", {"state": "planned", "told_on_is": "empty"},
        count=_untold(), note="No mail reaches them: print their letter and mark it, or note an address.",
    )  # fmt: skip


def _untold():
    """Planned charges that need a notice first, of customers whom no mail reaches: they wait for ever."""
    readers = Contact.select(Contact.customer).where(Contact.IS_REACHED)
    needing = Autopay.tell_days.is_null(False) | (
        (PaymentMethod.kind == PaymentMethod.BANK) & Autopay.cap_cents.is_null()
    )
    return (
        PlannedCharge.select()
        .join(Autopay)
        .join(PaymentMethod)
        .where(
            (PlannedCharge.state == PlannedCharge.PLANNED)
            & PlannedCharge.told_on.is_null()
            & needing
            & PlannedCharge.customer.not_in(readers)
        )
        .count()
    )


def _next_deadline(today):
    case = (
        Chargeback.select()
        .where((Chargeback.state == Chargeback.OPEN) & Chargeback.answer_by_on.is_null(False))
        .order_by(Chargeback.answer_by_on)
        .first()
    )
    if case is None:
        return "Send the evidence to the bank in time."
    return f"The next answer is due {words.from_today(case.answer_by_on, today)}."


def _needing_person(today):
    """Open invoices whose messages are over: the last step came, and nobody paid."""
    condition = reminder_policies.needing_person(lambda field: field, today)
    return Number(
        "Needs a person",
        "invoice",
        {"standing": "needs_person"},
        count=Invoice.select().where(condition).count(),
        note="Every message was sent. Call, and find out why.",
    )


def _queue(label, model, state, note, *, urgent=False):
    count = model.select().where(model.state == state).count()
    screen = model._meta.table_name
    return Number(label, screen, {"state": state}, count=count, note=note, urgent=urgent and count > 0)
