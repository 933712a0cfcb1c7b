"""The messages of the past are marked as sent; the newest stay queued and leave through the real mailer."""

from collections import defaultdict
from datetime import timedelta

from billing import words
from billing.demo import cast
from billing.demo.people import HERO_EMAIL
from billing.money import format_cents
from models import Contact, Invoice, Message, Notice, Payment, Preference, Ticket, db

REALLY_SENT = 30
FRESH = timedelta(days=8)  # what is older has left long ago, however rare its kind
PRINTED_WITHIN = timedelta(days=7)  # the office prints once a week
PACE = timedelta(seconds=1)  # between two mails of one run
BUSY = "The mail server is busy (451)."
REFUSED = "The mail server refused this address (550)."


def deliver(history):
    """Decide what became of every message up to the history's now."""
    keep = _newest_mails(history)
    settled = [notice for notice in _queued().namedtuples() if notice.id not in keep]
    again, failed = _unlucky(settled)
    paces, rows = defaultdict(int), []
    for notice in settled:
        paces[notice.send_at] += 1
        at = min(notice.send_at + paces[notice.send_at] * PACE, history.now)
        if notice.id not in again:
            state = Notice.FAILED if notice.id in failed else _outcome(notice, history)
            rows.append((state, *_said(notice), at, at if state == Notice.SENT else None, notice.id))
    mark = "%s" if db.for_update else "?"
    columns = ("state", "subject", "body_text", "claimed_at", "sent_at")
    setting = ", ".join(f'"{column}" = {mark}' for column in columns)
    db.cursor().executemany(f'UPDATE "notice" SET {setting}, "tries" = 1 WHERE "id" = {mark}', rows)
    _note_trouble(again, failed, history.now)


def _outcome(notice, history):
    """Mail left; paper of the last days still waits to be printed."""
    fresh = notice.send_at > history.now - PRINTED_WITHIN
    return Notice.PRINT if notice.channel == Preference.PAPER and fresh else Notice.SENT


def _unlucky(settled):
    """Ids of two invoices that a busy server will take in an hour, and of one whose address is gone."""
    mails = [one.id for one in settled if one.kind == Notice.INVOICE and one.channel == Preference.MAIL]
    return set(mails[-2:]), set(mails[-6:-5])


def _note_trouble(again, failed, now):
    later = now + timedelta(hours=1)
    Notice.update(reason=BUSY, tries=1, send_at=later).where(Notice.id << list(again)).execute()
    Notice.update(reason=REFUSED).where(Notice.id << list(failed)).execute()
    for notice in Notice.select().where(Notice.id << list(failed)):
        Contact.update(bounced_at=notice.claimed_at).where(Contact.id == notice.contact_id).execute()


def _queued():
    return (
        Notice.select(
            Notice.id,
            Notice.kind,
            Notice.channel,
            Notice.send_at,
            Notice.charge_on,
            Invoice.number,
            Invoice.total_cents,
            Invoice.due_on,
            Payment.amount_cents,
            Payment.reference,
            Payment.reason,
            Payment.received_on,
            Ticket.subject,
            Message.body,
        )
        .left_outer_join(Invoice, on=(Notice.invoice == Invoice.id))
        .left_outer_join(Payment, on=(Notice.payment == Payment.id))
        .left_outer_join(Message, on=(Notice.ticket_message == Message.id))
        .left_outer_join(Ticket, on=(Message.ticket == Ticket.id))
        .where(Notice.state == Notice.QUEUED)
        .order_by(Notice.send_at, Notice.key)
    )


def _newest_mails(history):
    """Ids of what is still to be sent: the newest mails, the newest of each kind, and the hero's."""
    fresh = (Notice.send_at > history.now - FRESH) & (Notice.channel == Preference.MAIL)
    mails = list(
        Notice.select(Notice.id, Notice.kind, Notice.address)
        .where((Notice.state == Notice.QUEUED) & fresh)
        .order_by(Notice.send_at.desc(), Notice.key)
        .tuples()
    )
    of_kind = {kind: id for id, kind, _ in reversed(mails)}
    hers = {id for id, _, address in mails if address == HERO_EMAIL}
    return {id for id, *_ in mails[:REALLY_SENT]} | set(of_kind.values()) | hers


def _said(notice):
    """(subject, text) of a message of the past: the subjects of templates/mail, and the text in short."""
    subject, text = _WORDS[notice.kind](notice)
    return f"{cast.COMPANY['name']}: {subject}", text


def _invoice(notice):
    amount, due = format_cents(notice.total_cents), words.date(notice.due_on)
    return (
        f"Invoice {notice.number}, {amount} due {due}",
        f"Your invoice {notice.number} for {amount} is due {due}.",
    )


def _reminder(notice):
    amount, due = format_cents(notice.total_cents), words.date(notice.due_on)
    subject = f"Reminder, {amount} due {due} (invoice {notice.number})"
    return subject, f"A friendly reminder: invoice {notice.number} for {amount} falls due {due}."


def _overdue(notice):
    amount, due = format_cents(notice.total_cents), words.date(notice.due_on)
    return (
        f"Still open: {amount}, due {due} (invoice {notice.number})",
        f"Invoice {notice.number} for {amount} was due {due}. If it crossed with your payment, thank you.",
    )


def _receipt(notice):
    amount, on = format_cents(notice.amount_cents), words.date(notice.received_on)
    text = f"Thank you. We received {amount} on {on}; the reference is {notice.reference}."
    return f"Receipt, {amount} on {on}", text


def _problem(notice):
    amount = format_cents(notice.amount_cents)
    return (
        f"Your payment of {amount} came back unpaid",
        f"Your payment of {amount} came back: {notice.reason}.",
    )


def _answer(notice):
    return f"Re: {notice.subject}", notice.body


def _received(notice):
    return (
        f"We have your question “{notice.subject}”",
        "A person reads it and answers. No reminder comes until then.",
    )


def _autopay_on(notice):
    return "Autopay is on", "Your invoices are charged automatically from now on, as you agreed."


def _upcoming(notice):
    on = words.date(notice.charge_on)
    return (
        f"We will charge you on {on}",
        f"Your open invoices will be charged on {on}. You need not do anything.",
    )


def _refund(notice):
    return "Your refund is on its way", "We send back what you paid too much. Thank you for your patience."


def _method_expiring(notice):
    return "Your card expires soon", "The card that autopay charges expires soon. Please give us another one."


_WORDS = {
    Notice.INVOICE: _invoice,
    Notice.REMINDER: _reminder,
    Notice.OVERDUE: _overdue,
    Notice.RECEIPT: _receipt,
    Notice.PAYMENT_PROBLEM: _problem,
    Notice.TICKET_REPLY: _answer,
    Notice.TICKET_RECEIVED: _received,
    Notice.AUTOPAY_ON: _autopay_on,
    Notice.UPCOMING_CHARGE: _upcoming,
    Notice.METHOD_EXPIRING: _method_expiring,
    Notice.REFUND: _refund,
}
