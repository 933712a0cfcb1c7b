"""The outbox and the history of every message: queued in a transaction, judged again when sent.

A use case never sends; it queues a Notice in its own transaction. The sender claims it, looks once more
whether it is still true and wanted, has it composed, sends it, and keeps what was said. A reminder whose
sender died half way is not sent again (at most once); everything else is, under the same Message-ID.
"""

import logging
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from peewee import JOIN, fn

from billing import company as companies
from billing import ledger
from billing.automatic import setbacks, upcoming
from billing.errors import BillingError, StaleState
from billing.states import move
from models import (
    Contact,
    Customer,
    Hold,
    ImportBatch,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    Preference,
    Refund,
    Ticket,
    among,
    db,
    insert_rows,
)

log = logging.getLogger(__name__)
CLAIM_LIFE = timedelta(minutes=15)  # a sender that has not answered by then is dead
RETRY_AFTER = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
CHUNK = 50
JUST_TOLD = timedelta(days=3)  # who was just told of a decline is not reminded as well

WHY_INVOICE = "You get invoices for this account."
WHY_REMINDER = "You asked to be reminded before the due date."
WHY_RECEIPT = "A receipt is sent for every payment."
WHY_PROBLEM = "A payment on this account did not go through."
WHY_REFUND = "A message is sent whenever we send money back."
WHY_CAP = "You asked to be asked before a larger automatic payment."
WHY_AUTOPAY = "This account is paid automatically."
WHY_AUTOPAY_OFF = "This account was paid automatically until now."
WHY_SECURITY = "We tell you whenever a way to pay of this account changes."
WHY_EXPIRING = "A card that you saved is about to expire."


class MailNotSent(BillingError):
    """The mail server did not take a message.

    permanent   -- it never will, at this address
    in_doubt    -- it hung up after it had the message: perhaps it left
    unreachable -- there is no server to talk to: no other message would leave either
    """

    def __init__(self, sentence, *, permanent=False, in_doubt=False, unreachable=False):
        super().__init__(sentence)
        self.permanent = permanent
        self.in_doubt = in_doubt
        self.unreachable = unreachable


@dataclass
class Report:
    """What the sender did, in counts; ``failures`` is [(notice, why)]."""

    sent: int = 0
    printed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)

    def __str__(self):
        return (
            f"{self.sent:,} sent, {self.printed:,} to print, {self.skipped:,} no longer needed, "
            f"{len(self.failures):,} not delivered"
        )


# --- Queueing ------------------------------------------------------------------------------------


def queue(kind, *, key, customer, why, now, contact=None, channel=Preference.MAIL, **about):
    """Queue one message, once: the same ``key`` again changes nothing.

    about -- what it is about: invoice, payment, ticket_message; and ``address`` when it is not the contact's
    """
    address = about.pop("address", contact.email if contact and channel == Preference.MAIL else "")
    Notice.insert(
        key=key, kind=kind, channel=channel, customer=customer, contact=contact, address=address,
        why=why, send_at=now, created_at=now, **about,
    ).on_conflict_ignore().execute()  # fmt: skip


_COLUMNS = (
    "key", "kind", "channel", "state", "customer_id", "contact_id", "invoice_id", "address", "why", "subject",
    "body_text", "body_html", "message_id", "reason", "tries", "send_at", "created_at",
)  # fmt: skip


def queue_invoices(invoice_ids, *, now):
    """Queue the messages of freshly issued invoices: to every payer, each on the channel they chose.

    A customer without anybody to mail to gets paper, so no invoice goes nowhere. Nothing is queued for
    an invoice with nothing due.
    """
    rows = []
    for invoice_id, customer_id, contact_id, email, chosen in _invoice_readers(invoice_ids):
        channel = chosen if chosen and (email or chosen != Preference.MAIL) else None
        channel = channel or (Preference.MAIL if email else Preference.PAPER)
        if channel == Preference.NONE:
            continue
        key = f"invoice:{invoice_id}:{contact_id or 'paper'}"
        rows.append(
            (key, Notice.INVOICE, channel, Notice.QUEUED, customer_id, contact_id, invoice_id,
             email or "" if channel == Preference.MAIL else "", WHY_INVOICE, "", "", "", "", "", 0, now, now)
        )  # fmt: skip
    insert_rows(Notice, _COLUMNS, rows)


def _invoice_readers(invoice_ids):
    """(invoice, customer, contact, email, chosen channel) for every payer of invoices with something due.

    An invoice that nobody reads comes once, without a contact. Two plain look-ups instead of one join of
    three tables: a bill run fills them faster than PostgreSQL learns their sizes, and its plan suffered.
    """
    due = Invoice.select(Invoice.id, Invoice.customer).where(
        among(Invoice.id, invoice_ids) & (Invoice.open_cents > 0)
    )
    invoices = list(due.order_by(Invoice.id).tuples())
    payers = _payers_by_customer({customer_id for _, customer_id in invoices})
    for invoice_id, customer_id in invoices:
        for contact in payers.get(customer_id, [(None, "", None)]):
            yield (invoice_id, customer_id, *contact)


def _payers_by_customer(customer_ids):
    """{customer id: [(contact id, email, chosen channel or None)]}, for invoices."""
    wish = Preference.event == Preference.INVOICE
    query = (
        Contact.select(Contact.customer, Contact.id, Contact.email, Preference.channel)
        .join(Preference, JOIN.LEFT_OUTER, on=(Preference.contact == Contact.id) & wish)
        .where(
            among(Contact.customer, customer_ids)
            & (Contact.role == Contact.PAYER)
            & Contact.left_on.is_null()
        )
        .order_by(Contact.id)
    )
    payers = {}
    for customer_id, *contact in query.tuples():
        payers.setdefault(customer_id, []).append(contact)
    return payers


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
    queue(
        Notice.REMINDER,
        key=f"reminder:{row.id}:{row.contact_id}:before",
        customer=row.customer,
        contact=Contact(id=row.contact_id, email=row.email),
        invoice=row.id,
        why=WHY_REMINDER,
        now=now,
    )


def queue_receipt(payment, *, now):
    """Queue the receipt of a payment to every payer with an address; receipts cannot be switched off."""
    _queue_about(payment, Notice.RECEIPT, f"receipt:{payment.id}", WHY_RECEIPT, now)


def queue_payment_problem(payment, *, now):
    """Tell the payers that a payment came back, in plain words."""
    step = f"problem:{payment.id}:{payment.state}"
    _queue_about(payment, Notice.PAYMENT_PROBLEM, step, WHY_PROBLEM, now)


def queue_refund(refund, *, now):
    """Tell the payers that money went back to them, by which way and what it means for their invoices."""
    _queue_about(refund.payment, Notice.REFUND, f"refund:{refund.id}", WHY_REFUND, now, refund=refund)


def queue_charge_declined(payment, *, now):
    """Tell the payers that a charge of a saved method was declined, and when it is tried again, if ever."""
    _queue_about(payment, Notice.CHARGE_DECLINED, f"declined:{payment.id}", WHY_PROBLEM, now)


def queue_method_problem(payment, *, now):
    """Tell the payers that the method of a payment cannot be charged any more, and ask for another one."""
    about = {"method": payment.method_id, "autopay": payment.autopay_id}
    _queue_about(payment, Notice.METHOD_PROBLEM, f"method_problem:{payment.id}", WHY_PROBLEM, now, **about)


def queue_above_cap(autopay, invoices, charge_on, *, now):
    """Ask the payers, once, to pay ``invoices`` themselves: together they are above the customer's limit."""
    step = f"above_cap:{autopay.id}:{invoices[0].id}"
    for contact in _mail_payers(autopay.customer_id):
        queue(
            Notice.ABOVE_CAP,
            key=f"{step}:{contact.id}",
            customer=autopay.customer_id,
            contact=contact,
            invoice=invoices[0],
            autopay=autopay,
            charge_on=charge_on,
            why=WHY_CAP,
            now=now,
        )


def _queue_about(payment, kind, step, why, now, **about):
    """Queue a message about a payment to every payer with an address, once for each step and payer."""
    for contact in _mail_payers(payment.customer_id):
        queue(
            kind,
            key=f"{step}:{contact.id}",
            customer=payment.customer_id,
            contact=contact,
            payment=payment,
            why=why,
            now=now,
            **about,
        )


def _mail_payers(customer_id):
    return Contact.select().where(
        (Contact.customer == customer_id)
        & (Contact.role == Contact.PAYER)
        & (Contact.email != "")
        & Contact.left_on.is_null()
    )


# --- Autopay and saved methods


def queue_autopay_on(autopay, *, now):
    """Mail every payer a copy of the authorization: a copy is part of it."""
    why = "A copy of every authorization is sent to whom it binds."
    for contact in _mail_payers(autopay.customer_id):
        _queue_autopay(Notice.AUTOPAY_ON, autopay, contact, f"{autopay.id}", why, now)


def queue_autopay_off(autopay, *, now):
    """Tell every payer that nothing is charged automatically any more."""
    for contact in _mail_payers(autopay.customer_id):
        _queue_autopay(Notice.AUTOPAY_OFF, autopay, contact, f"{autopay.id}", WHY_AUTOPAY_OFF, now)


def queue_postponed(autopay, charge_on, *, now):
    """Tell every payer the new day of a charge that was put off."""
    for contact in _mail_payers(autopay.customer_id):
        subject = f"{autopay.id}:{charge_on}:{now:%Y%m%d%H%M%S}"
        _queue_autopay(Notice.CHARGE_POSTPONED, autopay, contact, subject, WHY_AUTOPAY, now, charge_on)


def _queue_autopay(kind, autopay, contact, subject, why, now, charge_on=None):
    queue(
        kind,
        key=f"{kind}:{subject}:{contact.id}",
        customer=autopay.customer_id,
        contact=contact,
        autopay=autopay,
        charge_on=charge_on,
        why=why,
        now=now,
    )


def queue_upcoming(charges, *, now):
    """Announce charges to every payer, once for each charge day and amount.

    charges -- [(customer id, autopay id, day, cents)]
    """
    payers = payers_with_mail({charge[0] for charge in charges})
    rows = [
        {
            "key": f"upcoming:{autopay_id}:{day}:{cents}:{contact_id}",
            "kind": Notice.UPCOMING_CHARGE,
            "customer": customer_id,
            "contact": contact_id,
            "autopay": autopay_id,
            "charge_on": day,
            "address": email,
            "why": WHY_AUTOPAY,
            "send_at": now,
            "created_at": now,
        }
        for customer_id, autopay_id, day, cents in charges
        for contact_id, email in payers.get(customer_id, ())
    ]
    for at in range(0, len(rows), CHUNK):
        Notice.insert_many(rows[at : at + CHUNK]).on_conflict_ignore().execute()


def payers_with_mail(customer_ids):
    """{customer id: [(contact id, email)]}: whom a message of these accounts can be mailed to."""
    query = Contact.select(Contact.customer, Contact.id, Contact.email).where(
        among(Contact.customer, customer_ids)
        & (Contact.role == Contact.PAYER)
        & (Contact.email != "")
        & Contact.left_on.is_null()
    )
    found = {}
    for customer_id, *contact in query.order_by(Contact.id).tuples():
        found.setdefault(customer_id, []).append(tuple(contact))
    return found


def queue_method_changed(method, change, *, now):
    """A security mail to every payer. ``change``: added, removed, updated or disabled."""
    step = f"{method.id}:{now:%Y%m%d%H%M%S}"
    _queue_method(Notice.METHOD_CHANGED, method, f"method_{change}:{step}", WHY_SECURITY, now)


def queue_method_expiring(method, days, *, now):
    """Warn every payer that a card expires, once for each date of expiry and each ``days`` ahead."""
    step = f"expiring:{method.id}:{method.expires_on}:{days}"
    _queue_method(Notice.METHOD_EXPIRING, method, step, WHY_EXPIRING, now)


def _queue_method(kind, method, step, why, now):
    for contact in _mail_payers(method.customer_id):
        queue(
            kind,
            key=f"{step}:{contact.id}",
            customer=method.customer_id,
            contact=contact,
            method=method,
            why=why,
            now=now,
        )


def queue_sign_in(contact, *, now):
    """Queue the mail with a sign-in link and code; both are made when it is sent."""
    why = "Somebody asked to sign in with this address."
    _queue_now(Notice.SIGN_IN, contact, why, now)


def queue_fresh_link(invoice, contact, *, now):
    """Queue the mail with a fresh pay link."""
    _queue_now(
        Notice.FRESH_LINK, contact, "Somebody opened an old link to this invoice.", now, invoice=invoice
    )


def queue_contact_changed(contact, old_address, *, now):
    """Tell the old address that it is not used any more."""
    why = "This was the address of a contact of this account."
    _queue_now(Notice.CONTACT_CHANGED, contact, why, now, address=old_address)


def _queue_now(kind, contact, why, now, **about):
    key = f"{kind}:{contact.id}:{secrets.token_hex(8)}"
    queue(kind, key=key, customer=contact.customer_id, contact=contact, why=why, now=now, **about)


def queue_ticket_reply(message, *, now):
    """Queue staff's answer to whoever asked, or to the payers when nobody is named."""
    ticket = message.ticket
    asked = ticket.contact
    is_there = asked is not None and asked.email and not asked.left_on
    for contact in [asked] if is_there else _mail_payers(ticket.customer_id):
        queue(
            Notice.TICKET_REPLY,
            key=f"ticket:{message.id}:{contact.id}",
            customer=ticket.customer_id,
            contact=contact,
            invoice=ticket.invoice,
            ticket_message=message,
            why="You asked us a question.",
            now=now,
        )


def resend(invoice, *, contact, by, now):
    """Mail an invoice again, with a fresh link; links that are out already keep working. Returns the Notice.

    Raises BillingError for an invoice that is not issued and a contact without an address.
    """
    if invoice.state != Invoice.ISSUED:
        raise BillingError("Only an issued invoice can be sent again.")
    if not contact.email:
        raise BillingError(f"{contact.name} has no mail address. Add one first.")
    key = f"invoice:{invoice.id}:{contact.id}:again:{secrets.token_hex(8)}"
    why = "Our office sent you this invoice again."
    customer = invoice.customer_id
    queue(Notice.INVOICE, key=key, customer=customer, contact=contact, invoice=invoice, why=why, now=now)
    return Notice.get(Notice.key == key)


# --- Sending -------------------------------------------------------------------------------------


def waiting(now):
    """A query of what may be sent now."""
    return (
        Notice.select()
        .where((Notice.state == Notice.QUEUED) & (Notice.send_at <= now))
        .order_by(Notice.send_at)
    )


def send_due(*, send, compose, clock, progress=None, limit=None):
    """Send what is waiting. Returns a Report; one bad message never stops the others.

    compose -- callable(notice, now) -> an object with ``subject``, ``text``, ``html``
    send    -- callable(notice, mail); raises MailNotSent
    clock   -- asked again for every message: a long run must not look dead to another sender
    limit   -- stop after this many

    Without a mail server it stops at once; what waits goes on waiting, and no try is counted.
    """
    report, left = Report(), limit
    give_up_dead_claims(clock.now())
    while claimed := _claim(clock.now(), CHUNK if left is None else min(CHUNK, left)):
        for at, notice in enumerate(claimed):
            trouble = _deliver(notice, send, compose, clock, report)
            if trouble and trouble.unreachable:
                _let_go(claimed[at:])
                return report
            if progress:
                progress(1)
        left = None if left is None else left - len(claimed)
    return report


def _claim(now, most):
    """Take up to ``most`` notices so that no other sender has them."""
    if most <= 0:
        return []
    ids = waiting(now).select(Notice.id).limit(most)
    if db.for_update:
        ids = ids.for_update("FOR UPDATE SKIP LOCKED")
    with db.atomic():
        taken = [id for (id,) in ids.tuples()]
        Notice.update(state=Notice.SENDING, claimed_at=now, tries=Notice.tries + 1).where(
            Notice.id.in_(taken)
        ).execute()
    return list(Notice.select().where(Notice.id.in_(taken)).order_by(Notice.send_at, Notice.id))


def give_up_dead_claims(now):
    """A sender died between claiming and reporting: did the message leave? Nobody knows.

    Reminders are not risked twice; whatever the customer must have is sent again.
    """
    dead = (Notice.state == Notice.SENDING) & (Notice.claimed_at < now - CLAIM_LIFE)
    Notice.update(
        state=Notice.FAILED,
        reason="The sender stopped half way; it may have been sent, so it is not repeated.",
    ).where(dead & (Notice.kind == Notice.REMINDER)).execute()
    Notice.update(state=Notice.QUEUED).where(dead & (Notice.kind != Notice.REMINDER)).execute()


def _let_go(claimed):
    """Nothing was tried with these: they wait as before."""
    mine = Notice.id.in_([notice.id for notice in claimed]) & (Notice.state == Notice.SENDING)
    Notice.update(state=Notice.QUEUED, tries=Notice.tries - 1).where(mine).execute()


def _deliver(notice, send, compose, clock, report):
    """Judge, print or send one claimed notice. Returns the MailNotSent when it did not leave."""
    _readdress(notice)
    try:
        if objection := _no_longer(notice, clock.today()):
            move(notice, Notice.SKIPPED, reason=objection)
            report.skipped += 1
        elif notice.channel == Preference.PAPER:
            move(notice, Notice.PRINT)
            report.printed += 1
        else:
            return _mail(notice, send, compose, clock.now(), report)
    except StaleState:
        log.info("%s was taken over by another sender", notice)


def _readdress(notice):
    """Mail goes where the contact reads it now: an address may have been put right since it was queued."""
    if notice.channel == Preference.MAIL and notice.contact and notice.kind != Notice.CONTACT_CHANGED:
        notice.address = notice.contact.email


def _mail(notice, send, compose, now, report):
    trouble = _attempt(notice, send, compose, now)
    if trouble is None:
        move(notice, Notice.SENT, sent_at=now, reason="")
        report.sent += 1
        return
    report.failures.append((notice, str(trouble)))
    if not trouble.unreachable:
        _try_later(notice, trouble, now)
    return trouble


def _attempt(notice, send, compose, now):
    """Compose and send. Returns None, or the MailNotSent that says what is known about its fate."""
    in_doubt = False
    try:
        mail = compose(notice, now)
        _keep(notice, mail, now)
        in_doubt = True
        send(notice, mail)
    except MailNotSent as trouble:
        return trouble
    except StaleState:
        raise
    except Exception as error:  # one bad message must not stop the rest
        log.exception("%s", notice)
        return MailNotSent(f"It could not be written: {error}", in_doubt=in_doubt)


def _keep(notice, mail, now):
    """Store what is about to be said, before it leaves, and renew the claim.

    The secret part of links is left out. Raises StaleState when another sender took the notice over.
    """
    mine = (Notice.id == notice.id) & (Notice.state == Notice.SENDING)
    won = (
        Notice.update(
            address=notice.address,
            subject=mail.subject[:255],
            body_text=mail.kept_text,
            body_html=mail.kept_html,
            message_id=mail.message_id,
            claimed_at=now,
        )
        .where(mine & (Notice.claimed_at == notice.claimed_at))
        .execute()
    )
    if not won:
        raise StaleState(f"{notice} is sent by somebody else.")


def _try_later(notice, trouble, now):
    repeatable = notice.kind != Notice.REMINDER or not trouble.in_doubt
    if trouble.permanent or not repeatable or notice.tries > len(RETRY_AFTER):
        move(notice, Notice.FAILED, reason=str(trouble)[:255])
        if trouble.permanent and notice.contact_id:
            Contact.update(bounced_at=now).where(Contact.id == notice.contact_id).execute()
    else:
        later = now + RETRY_AFTER[notice.tries - 1]
        move(notice, Notice.QUEUED, send_at=later, reason=str(trouble)[:255])


def _no_longer(notice, today):
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


# --- Paper ---------------------------------------------------------------------------------------


def print_queue():
    """A query of what waits to be printed, oldest first."""
    return Notice.select().where(Notice.state == Notice.PRINT).order_by(Notice.id)


def mark_printed(notice, *, now):
    """The paper left the house. Returns the notice; raises StaleState when it was marked already."""
    return move(notice, Notice.SENT, sent_at=now)
