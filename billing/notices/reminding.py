"""What is due and still open, and whom to remind of it: *due and not yet done*, never *is today*.

Whether a reminder is still right when it leaves is asked again in ``judging``.
"""

from datetime import timedelta

from peewee import JOIN, fn

from billing import company as companies
from billing.automatic import upcoming
from billing.notices import queueing
from models import Contact, Invoice, Notice, PaymentPart, Preference

JUST_TOLD = timedelta(days=3)  # who was just told of a decline is not reminded as well
WHY_REMINDER = "You asked to be reminded before the due date."


def queue_reminders(today, *, now):
    """Queue a friendly reminder for everything that falls due soon and is still open; returns how many.

    *Due and not yet done*, never *is today*: a job that did not run for two days makes up for it, but
    nothing is called a reminder after the due date.
    """
    company, queued = companies.current(), 0
    rows = list(_open_and_due_soon(today).where(~fn.EXISTS(_told_of_a_decline(now))).namedtuples())
    charged = upcoming.promised_invoices({row.customer for row in rows}, today=today)
    for row in rows:
        ahead = company.reminder_days if row.wish is None else row.ahead
        wanted = row.wish != Preference.NONE and row.id not in charged
        if wanted and today >= row.due_on - timedelta(days=ahead):
            _queue_reminder(row, now)
            queued += 1
    return queued


def _open_and_due_soon(today):
    """A query of open invoices and who may be reminded of each, without those who were already."""
    wish = Preference.event == Preference.REMINDER
    reminded = Notice.select(Notice.id).where(
        (Notice.kind == Notice.REMINDER) & (Notice.invoice == Invoice.id) & (Notice.contact == Contact.id)
    )
    return (
        Invoice.select(
            Invoice.id,
            Invoice.customer,
            Invoice.due_on,
            Contact.id.alias("contact_id"),
            Contact.email,
            Preference.channel.alias("wish"),
            Preference.days_ahead.alias("ahead"),
        )
        .join(Contact, on=(Contact.customer == Invoice.customer))
        .join(Preference, JOIN.LEFT_OUTER, on=(Preference.contact == Contact.id) & wish)
        .where(
            (Invoice.open_cents > 0)
            & (Invoice.due_on >= today)
            & (Invoice.due_on <= today + timedelta(days=30))
            & (Invoice.issued_on < today)
            & (Contact.role == Contact.PAYER)
            & Contact.left_on.is_null()
            & (Contact.email != "")
            & ~fn.EXISTS(reminded)
        )
    )


def _told_of_a_decline(now):
    """Messages of the last days that said already: this invoice was not paid, please pay it."""
    return (
        PaymentPart.select(PaymentPart.id)
        .join(Notice, on=(Notice.payment == PaymentPart.payment))
        .where(
            (PaymentPart.invoice == Invoice.id)
            & Notice.kind.in_((Notice.CHARGE_DECLINED, Notice.METHOD_PROBLEM))
            & (Notice.created_at > now - JUST_TOLD)
        )
    )


def _queue_reminder(row, now):
    queueing.queue(
        Notice.REMINDER,
        key=f"reminder:{row.id}:{row.contact_id}:before",
        customer=row.customer,
        contact=Contact(id=row.contact_id, email=row.email),
        invoice=row.id,
        why=WHY_REMINDER,
        now=now,
    )
