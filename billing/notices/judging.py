"""Whether a queued message is still true and wanted, asked at the moment of sending.

Only reading. What is due stands in ``reminding`` and in the use cases that queue; sending in ``sending``.
"""

from billing import ledger
from billing.automatic import setbacks, upcoming
from models import (
    Customer,
    Hold,
    ImportBatch,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    Preference,
    Refund,
    Ticket,
)


def objection(notice, today):
    """Why this message should not leave after all, or an empty string. Asked at the moment of sending."""
    if notice.channel == Preference.MAIL and not notice.address:
        return "There is no mail address."
    if _has_left(notice):
        return "This person is no longer a contact."
    batch = ImportBatch.select().join(Customer).where(Customer.id == notice.customer_id).first()
    if batch and batch.state != ImportBatch.RELEASED:
        return "The import that this customer came with is not released."
    if notice.kind == Notice.INVOICE and notice.invoice.state != Invoice.ISSUED:
        return "The invoice was canceled."
    if notice.kind == Notice.RECEIPT and notice.payment and notice.payment.state not in Payment.MONEY:
        return "The payment came back."
    if notice.kind == Notice.REFUND and notice.refund.state not in (Refund.APPROVED, Refund.SETTLED):
        return "The refund did not go through."
    if notice.kind in (Notice.UPCOMING_CHARGE, Notice.CHARGE_POSTPONED):
        return _charge_objection(notice, today)
    if notice.kind == Notice.METHOD_EXPIRING and notice.method.state != PaymentMethod.ACTIVE:
        return "The card is not used any more."
    if notice.kind in (Notice.CHARGE_DECLINED, Notice.METHOD_PROBLEM, Notice.ABOVE_CAP):
        return _setback_objection(notice)
    return _reminder_objection(notice, today) if notice.kind == Notice.REMINDER else ""


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
    """True for mail to somebody who left; only that their address was changed is told to the old one."""
    is_personal = notice.channel == Preference.MAIL and notice.kind != Notice.CONTACT_CHANGED
    return bool(is_personal and notice.contact and notice.contact.left_on)


def _reminder_objection(notice, today):
    invoice, contact = notice.invoice, notice.contact
    if invoice.state != Invoice.ISSUED or invoice.open_cents == 0:
        return "The invoice is paid."
    if ledger.standing_attempt(invoice):
        return "A payment of this invoice is being checked."
    if invoice.id in upcoming.promised_invoices([invoice.customer_id], today=today):
        return "Autopay will charge it."
    if _unwanted(contact):
        return "The contact does not want reminders any more."
    if _waits_for_us(invoice):
        return "The customer is waiting for our answer."
    return "Messages to this customer are on hold." if _on_hold(notice.customer_id, today) else ""


def _on_hold(customer_id, today):
    return (
        Hold.select()
        .where(
            (Hold.customer == customer_id)
            & (Hold.scope == Hold.NOTICES)
            & (Hold.starts_on <= today)
            & (Hold.ends_on.is_null() | (Hold.ends_on >= today))
        )
        .exists()
    )


def _unwanted(contact):
    return contact.preferences.where(
        (Preference.event == Preference.REMINDER) & (Preference.channel == Preference.NONE)
    ).exists()


def _waits_for_us(invoice):
    return (
        Ticket.select()
        .where((Ticket.customer == invoice.customer_id) & (Ticket.state == Ticket.WAITING_ON_US))
        .exists()
    )
