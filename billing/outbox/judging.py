"""Whether a queued message is still true and wanted, asked at the moment of sending.

Only reading. Whether the customer may be pressed at all is asked of ``billing.collections.gate``. What is due
stands in ``billing.reminding`` and in the use cases that queue; sending in ``sending``.
"""

from dataclasses import dataclass
from datetime import timedelta

from billing import company as companies
from billing import demands, preferences, promises, words
from billing.automatic import setbacks, upcoming
from billing.collections import gate
from billing.plans import standing as plans
from billing.remedies import fees
from billing.suspensions import standing as suspension
from models import Dispute, ImportBatch, Invoice, Notice, Payment, PaymentMethod, Refund, among

OF_CONTRACTS = (Notice.RENEWAL, Notice.YEARLY_REMINDER)
OF_PLANS = (Notice.PLAN_AGREED, Notice.PLAN_MISSED, Notice.PLAN_ENDED)
OF_SUSPENSIONS = (Notice.SUSPENSION_WARNING, Notice.SUSPENDED, Notice.REINSTATED)
OF_INVOICES = (Notice.REMINDER, Notice.OVERDUE, Notice.CHECK_IN)


def objection(notice, *, today, now, known=None):
    """Why this message should not leave after all, or an empty string. Asked at the moment of sending.

    known -- what was read for it and others together (``read``), at this moment
    """
    known = known or read([notice], today=today, now=now)
    return (
        _nobody_there(notice)
        or _not_released(notice, known)
        or preferences.unwanted(notice, known.wishes)
        or _untrue(notice, today)
        or (_not_now(notice, today, known) if notice.kind in OF_INVOICES else "")
    )


@dataclass(frozen=True)
class Known:
    """What plain messages are judged by, read for many at once."""

    muted: frozenset  # imports that are not released
    wishes: dict  # {contact id: Wishes} of those who may have stopped such a message
    invoices: dict  # {invoice id: Invoice} of what is asked for, as it is now
    due: dict  # {invoice id: the earliest day on which something of it is due}
    quiet: dict  # {invoice id: why nothing is said of it before its due date}


def read(notices, *, today, now):
    """The Known of these notices, in a few queries however many."""
    batches = {one.customer.import_batch_id for one in notices} - {None}
    muted = ImportBatch.select(ImportBatch.id).where(
        among(ImportBatch.id, batches) & (ImportBatch.state != ImportBatch.RELEASED)
    )
    asking = [one for one in notices if one.kind in OF_INVOICES and not one.installment_id]
    ids = {one.invoice_id for one in asking}
    invoices = {one.id: one for one in Invoice.select().where(among(Invoice.id, ids))} if ids else {}
    reminded = {one.invoice_id for one in asking if one.kind == Notice.REMINDER}
    early = [one for one in invoices.values() if one.open_cents and one.id in reminded]
    return Known(
        muted=frozenset(id for (id,) in muted.tuples()) if batches else frozenset(),
        wishes=preferences.asked_when_sent(notices),
        invoices=invoices,
        due={id: demands.first_on(found) for id, found in demands.of_invoices(invoices.values()).items()},
        quiet=gate.before_due(early, today=today, now=now),
    )


def _nobody_there(notice):
    if notice.channel == Notice.MAIL and not notice.address:
        return "There is no mail address."
    if notice.channel == Notice.TEXT and not _may_be_texted(notice):
        return "There is no consent to texts at this number, or no number."
    return "This person is no longer a contact." if _has_left(notice) else ""


def _may_be_texted(notice):
    """True where consent stands for this number; an answer to STOP or HELP needs none."""
    is_answer = notice.kind == Notice.TEXT_REPLY
    return bool(notice.address) and (is_answer or preferences.facts(notice.contact).number == notice.address)


def _not_released(notice, known):
    is_muted = notice.customer.import_batch_id in known.muted
    return "The import that this customer came with is not released." if is_muted else ""


def _untrue(notice, today):
    """What a kind of message says, and is not so any more."""
    if notice.kind == Notice.INVOICE and notice.invoice.state != Invoice.ISSUED:
        return "The invoice was canceled."
    if notice.kind in OF_CONTRACTS and notice.contract.ends_on:
        return "The contract ends, so it does not renew."
    if notice.kind == Notice.RENEWAL and notice.contract.renews_monthly_from_on:
        return "The contract goes on month to month, so it does not renew for a term."
    if notice.kind == Notice.PRICE_CHANGE and not _still_rises(notice.price_change):
        return "The new price was taken back."
    if notice.kind == Notice.RECEIPT and notice.payment and notice.payment.state not in Payment.MONEY:
        return "The payment came back."
    if notice.kind == Notice.PAYMENT_PROBLEM and notice.payment.state in Payment.MONEY:
        return "The money came after all."
    if notice.kind == Notice.REFUND and notice.refund.state not in (Refund.APPROVED, Refund.SETTLED):
        return "The refund did not go through."
    if notice.kind == Notice.DISPUTE_RECEIVED and notice.dispute.state != Dispute.OPEN:
        return "It is decided already."
    if notice.kind in (Notice.UPCOMING_CHARGE, Notice.CHARGE_POSTPONED):
        return _charge_objection(notice, today)
    if notice.kind == Notice.METHOD_EXPIRING and notice.method.state != PaymentMethod.ACTIVE:
        return "The card is not used any more."
    if notice.kind == Notice.PROMISE:
        return promises.objection(notice, today=today)
    if notice.kind in OF_PLANS:
        return plans.objection(notice, today=today)
    if notice.kind == Notice.LATE_FEE:
        return fees.objection(notice.late_fee, today=today)
    if notice.kind in OF_SUSPENSIONS:
        return suspension.notice_objection(notice, today=today)
    if notice.kind in (Notice.CHARGE_DECLINED, Notice.METHOD_PROBLEM, Notice.ABOVE_CAP):
        return _setback_objection(notice)
    return ""


def _still_rises(change):
    """True while one of the new prices that a message tells stands; for one that names none as well."""
    return change is None or change.told_together.exists()


def _setback_objection(notice):
    """Nobody is asked to pay what they have paid since."""
    if notice.kind == Notice.METHOD_PROBLEM:
        return "The card or account works again." if notice.method.state == PaymentMethod.ACTIVE else ""
    asked = notice.kind == Notice.ABOVE_CAP
    owed = (
        setbacks.above_cap(notice.autopay, notice.charge_on) if asked else setbacks.still_owed(notice.payment)
    )
    return "" if owed.exists() else "It was paid another way."


def _charge_objection(notice, today):
    """What is announced must be what will be done: paid, put off or switched off since, it is not."""
    planned = upcoming.of_customer(notice.customer, today=today)
    days = {one.charge_on for one in planned if one.is_promise and one.autopay.id == notice.autopay_id}
    return "" if notice.charge_on in days else "This charge is no longer planned."


def _has_left(notice):
    """True for mail or a text to somebody who left; their old address is told that it was changed."""
    is_answer = notice.kind in (Notice.CONTACT_CHANGED, Notice.TEXT_REPLY)
    is_personal = notice.channel in (Notice.MAIL, Notice.TEXT) and not is_answer
    return bool(is_personal and notice.contact and notice.contact.left_on)


def _not_now(notice, today, known):
    """Why a message about an open invoice, before or after its date, is not true or not wanted by now."""
    if notice.installment_id:
        return plans.objection(notice, today=today)
    invoice = known.invoices[notice.invoice_id]
    if invoice.state != Invoice.ISSUED or invoice.open_cents == 0:
        return "The invoice is paid."
    due_on = known.due[invoice.id]
    if due_on is None:
        return "What is open of it is disputed, and due on no date until that is decided."
    if notice.kind == Notice.REMINDER:
        return known.quiet.get(invoice.id) or ("It is past its due date by now." if today > due_on else "")
    grace_days = companies.current().grace_days if notice.step is not None else 1  # a person began it
    is_early = today < due_on + timedelta(days=grace_days)
    return (
        f"Nothing is called late within {words.plural(grace_days, 'day')} of its due date."
        if is_early
        else ""
    )
