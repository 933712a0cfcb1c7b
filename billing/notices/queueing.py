"""Queueing: one function for each message, called by use cases in their own transactions.

Every message has a key that says what it is about, to whom and at which step, so it is queued once. Nothing
here decides whether it is still wanted when it leaves, or sends it (``billing.outbox``).
"""

import secrets

from peewee import IntegrityError, fn

from billing import events, phones, preferences
from billing.errors import BillingError
from billing.preferences import offers
from models import (
    Consent,
    Contact,
    Dispute,
    Invoice,
    Message,
    Notice,
    Payment,
    PaymentPart,
    Preference,
    Ticket,
    among,
    db,
    insert_rows,
)

CHUNK = 50
TROUBLE = (Notice.CHARGE_DECLINED, Notice.METHOD_PROBLEM, Notice.PAYMENT_PROBLEM)

WHY_INVOICE = "You get invoices for this account."
WHY_UNPAID = "You asked for invoices that are still unpaid shortly before their date."
WHY_SAID = "You said yes to this debit on the phone; this is your copy of it."
WHY_RECEIPT = "A receipt is sent for every payment."
WHY_WORKED = "We told you that an earlier payment did not go through."
WHY_PROBLEM = "A payment on this account did not go through."
WHY_REFUND = "We tell you whenever we send money back."
WHY_CAP = "You wanted to be asked before a larger automatic payment."
WHY_AUTOPAY = "This account is paid automatically."
WHY_AUTOPAY_OFF = "This account was paid automatically until now."
WHY_SECURITY = "We tell you whenever a way to pay of this account changes."
WHY_PROMISE = "You told us when you will pay."
WHY_EXPIRING = "A card that you saved is about to expire."
WHY_CANCELED = "We sent you this invoice before."
WHY_CREDIT = "We tell you whenever we put a credit on this account."
WHY_LATE_FEE = "An invoice of this account is past due."
WHY_ASKED = "You asked us a question."
WHY_DISPUTE = "You told us that something on an invoice is not right."


def queue(
    kind, *, key, customer, why, now, contact=None, channel=Notice.MAIL, event="", legal=False, **about
):  # fmt: skip
    """Queue one message, once: the same ``key`` again changes nothing.

    event -- the choice of preferences that it belongs to; "" when nobody may switch it off
    legal -- law or contract wants it: sent at least once, never joined with another, never put off
    about -- what it is about: invoice, payment, ticket_message; and ``address`` when it is not the contact's
    """
    address = about.pop("address") if "address" in about else address_of(contact, channel) if contact else ""
    Notice.insert(
        key=key, kind=kind, channel=channel, customer=customer, contact=contact, address=address,
        event=event, legal=legal, why=why, send_at=about.pop("send_at", now), created_at=now, **about,
    ).on_conflict_ignore().execute()  # fmt: skip


def tell(contact, kind, *, event, step_key, why, now, today, legal=False, **about):
    """Queue one message to a contact on every channel by which they wish to hear of ``event``.

    step_key -- what the key of the message begins with: kind, subject and step

    Returns the Notices, also those of an earlier call with the same key. What waits for a monthly summary is
    left out. Legal messages go by mail or paper whatever was chosen; the wishes see to that.
    """
    channels = preferences.wishes(contact).channels(event)
    keys = {}
    for channel, wish in channels.items():
        if channel in Notice.CHANNELS and wish.timing != Preference.DIGEST:
            keys[channel] = f"{step_key}:{contact.id}{tail(channel)}"
    told = {"customer": contact.customer_id, "contact": contact, "event": event, "legal": legal}
    for channel, key in keys.items():
        queue(kind, key=key, channel=channel, why=why, now=now, **told, **about)
    return list(Notice.select().where(Notice.key.in_(list(keys.values()))).order_by(Notice.id))


def address_of(contact, channel):
    """Where a message to a contact goes on a channel; "" for paper, which goes to the customer's address."""
    if channel == Notice.TEXT:
        return phones.us_number(contact.phone)
    return contact.email if channel == Notice.MAIL else ""


def insert(rows, now):
    """Queue many messages at once, each once, in the caller's transaction.

    rows -- dicts of columns with ``key``, ``kind``, ``channel``, ``customer_id``, ``address`` and ``why``

    The quick way first; somebody else who queues the same at this moment makes it one by one.
    """
    if not rows:
        return
    filled = [_filled(row, now) for row in rows]
    try:
        with db.atomic():
            _insert(filled)
    except IntegrityError:
        for row in filled:
            Notice.insert(row).on_conflict_ignore().execute()


def _filled(row, now):
    return _BLANK | {"send_at": now, "created_at": now} | row


def _insert(filled):
    insert_rows(Notice, tuple(_BLANK), [tuple(row.values()) for row in filled])


_BLANK = {
    "key": "", "kind": "", "channel": Notice.MAIL, "state": Notice.QUEUED, "customer_id": None,
    "contact_id": None, "invoice_id": None, "address": "", "event": "", "step": None, "why": "",
    "subject": "", "body_text": "", "body_html": "", "message_id": "", "reason": "", "tries": 0,
    "send_at": None, "held_at": None, "created_at": None, "plan_id": None, "installment_id": None,
    "charge_on": None,
}  # fmt: skip


def queue_invoices(invoice_ids, *, now):
    """Queue the messages of freshly issued invoices: to every payer, on each channel that they chose.

    A customer without anybody to mail to gets paper, so no invoice goes nowhere. Nothing is queued for
    an invoice with nothing due. Who wants it only if it is still unpaid gets it then (``billing.reminding``).
    """
    rows = []
    for invoice_id, customer_id, contact_id, channel, address in _invoice_readers(invoice_ids):
        key = (
            f"invoice:{invoice_id}:{contact_id}{tail(channel)}"
            if contact_id
            else f"invoice:{invoice_id}:paper"
        )
        about = {"customer_id": customer_id, "contact_id": contact_id, "invoice_id": invoice_id}
        sent = {"key": key, "kind": Notice.INVOICE, "channel": channel, "address": address}
        said = {"event": Preference.INVOICE, "why": WHY_INVOICE}
        rows.append(_filled({**about, **sent, **said}, now))
    _insert(rows)


def _invoice_readers(invoice_ids):
    """(invoice, customer, contact, channel, address) for every payer of invoices with something due.

    An invoice that nobody reads comes once, without a contact. Two plain look-ups instead of one join of
    three tables: a bill run fills them faster than PostgreSQL learns their sizes, and its plan suffered.
    """
    due = Invoice.select(Invoice.id, Invoice.customer).where(among(Invoice.id, invoice_ids) & Invoice.IS_OWED)
    invoices = list(due.order_by(Invoice.id).tuples())
    ways = _ways({customer_id for _, customer_id in invoices}, Preference.INVOICE)
    for invoice_id, customer_id in invoices:
        for contact in ways.get(customer_id, [(None, Notice.PAPER, "")]):
            yield (invoice_id, customer_id, *contact)


def _ways(customer_ids, event):
    """{customer id: [(contact id, channel, address)]}: how the payers of these accounts hear of ``event``.

    What waits for a monthly summary, or for the days before a due date, is left out. Most people chose
    nothing: only for the others are their wishes worked out. About what nobody can choose nobody has wishes.
    """
    contacts = list(_payers(customer_ids, event).namedtuples())
    wishes = preferences.of_contacts([contact.id for contact in contacts if contact.is_special])
    ways = {}
    for contact in contacts:
        wanted = wishes.get(contact.id)
        channels = _at_once(wanted, event) if wanted and event else _usual(contact, event)
        told = [(contact.id, channel, address_of(contact, channel)) for channel in channels]
        ways.setdefault(contact.customer, []).extend(told)
    return ways


def _payers(customer_ids, event):
    """A query of payers, with whether they chose something about ``event`` or may be texted."""
    chose = Preference.select(Preference.id).where(
        (Preference.contact == Contact.id) & (Preference.event == event)
    )
    texts = Consent.select(Consent.id).where(
        (Consent.contact == Contact.id) & (Consent.kind == Consent.TEXT) & Consent.withdrawn_at.is_null()
    )
    special = fn.EXISTS(chose) | fn.EXISTS(texts)
    return (
        Contact.select(
            Contact.customer, Contact.id, Contact.email, Contact.phone, special.alias("is_special")
        )
        .where(among(Contact.customer, customer_ids) & Contact.PAYS)
        .order_by(Contact.id)
    )


def _at_once(wishes, event):
    return [
        channel
        for channel, wish in wishes.channels(event).items()
        if wish.timing == Preference.EVERY and channel in Notice.CHANNELS
    ]


def _usual(contact, event):
    if contact.email:
        return [Notice.MAIL]
    return [Notice.PAPER] if event in offers.FLOOR else []


def _queue_to_payers(customer_id, kind, step, why, now, *, event=None, **about):
    """Queue one message to every payer as they wish to hear of such, once for each ``step`` and payer.

    event -- the choice that decides, where it is not the one that the kind belongs to
    """
    event = preferences.EVENT_OF.get(kind, "") if event is None else event
    for contact_id, channel, address in _ways([customer_id], event).get(customer_id, ()):
        key = f"{step}:{contact_id}{tail(channel)}"
        told = {"customer": customer_id, "contact": contact_id, "channel": channel, "address": address}
        queue(kind, key=key, event=event, why=why, now=now, **told, **about)


def tail(channel):
    """What the key of a message ends with: nothing for mail, so that older keys stay what they are."""
    return "" if channel == Notice.MAIL else f":{channel}"


def payers_with_mail(customer_ids):
    """{customer id: [(contact id, email)]}: whom a message of these accounts can be mailed to."""
    query = Contact.select(Contact.customer, Contact.id, Contact.email).where(
        among(Contact.customer, customer_ids) & Contact.PAYS & (Contact.email != "")
    )
    found = {}
    for customer_id, *contact in query.order_by(Contact.id).tuples():
        found.setdefault(customer_id, []).append(tuple(contact))
    return found


# --- Payments


def queue_receipt(payment, *, now):
    """Queue the receipt of a payment to every payer who wants it at once; others read it in their digest.

    Whom we told that an earlier payment of these invoices failed waits to hear that this one worked: they
    get it as they get messages about such trouble, whatever they chose about receipts. Of a debit that was
    authorized by telephone the law wants it, on paper where no mail reaches them; a business was promised
    the same when it said yes.
    """
    why, choice = WHY_RECEIPT, {}
    if payment.said_by and payment.kind == Payment.BANK:
        why, choice = WHY_SAID, {"event": Preference.PAYMENT_PROBLEM, "legal": True}
    elif _ends_trouble(payment):
        why, choice = WHY_WORKED, {"event": Preference.PAYMENT_PROBLEM}
    _queue_about(payment, Notice.RECEIPT, f"receipt:{payment.id}", why, now, **choice)


def _ends_trouble(payment):
    """True when a message said that another payment of the same invoices was declined or came back."""
    own = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.payment == payment)
    told = (
        Notice.select()
        .join(PaymentPart, on=(PaymentPart.payment == Notice.payment))
        .where(PaymentPart.invoice.in_(own) & (Notice.payment != payment) & Notice.kind.in_(TROUBLE))
    )
    return told.exists()


def queue_payment_problem(payment, *, now):
    """Tell the payers that a payment came back, in plain words."""
    step = f"problem:{payment.id}:{payment.state}"
    _queue_about(payment, Notice.PAYMENT_PROBLEM, step, WHY_PROBLEM, now)


def queue_refund(refund, *, now):
    """Tell the payers that money went back to them, by which way and what it means for their invoices."""
    _queue_about(refund.payment, Notice.REFUND, f"refund:{refund.id}", WHY_REFUND, now, refund=refund)


def queue_credit_given(credit, *, now, send_at=None):
    """Tell the payers that we gave them a credit, why, and what it paid; not before ``send_at``."""
    _queue_to_payers(
        credit.customer_id, Notice.CREDIT_GIVEN, f"credit:{credit.id}", WHY_CREDIT, now, credit=credit,
        send_at=send_at or now,
    )  # fmt: skip


def queue_canceled(invoice, *, now):
    """Tell the payers that an invoice which was sent to them, or which they saw, is canceled.

    What has its Message-ID and waits or is on its way may have left; what has none is looked at once more,
    and does not leave.
    """
    under_way = Notice.state.in_((Notice.SENDING, Notice.QUEUED)) & (Notice.message_id != "")
    left = Notice.state.in_((Notice.SENT, Notice.PRINT)) | under_way
    if invoice.first_seen_at or invoice.notices.where(left).exists():
        _queue_to_payers(
            invoice.customer_id, Notice.INVOICE_CANCELED, f"canceled:{invoice.id}", WHY_CANCELED, now,
            invoice=invoice,
        )  # fmt: skip


def queue_late_fee(fee, *, now):
    """Tell the payers ahead what a late fee would be, from which day, and how to avoid it."""
    _queue_to_payers(
        fee.customer_id, Notice.LATE_FEE, f"late_fee:{fee.id}", WHY_LATE_FEE, now, late_fee=fee,
        invoice=fee.invoice_id,
    )  # fmt: skip


def queue_charge_declined(payment, *, now):
    """Tell the payers that a charge of a saved method was declined, and when it is tried again, if ever."""
    _queue_about(payment, Notice.CHARGE_DECLINED, f"declined:{payment.id}", WHY_PROBLEM, now)


def queue_method_problem(payment, *, now):
    """Tell the payers that the method of a payment cannot be charged any more, and ask for another one."""
    about = {"method": payment.method_id, "autopay": payment.autopay_id}
    _queue_about(payment, Notice.METHOD_PROBLEM, f"method_problem:{payment.id}", WHY_PROBLEM, now, **about)


def _queue_about(payment, kind, step, why, now, **about):
    _queue_to_payers(payment.customer_id, kind, step, why, now, payment=payment, **about)


# --- Autopay and saved methods


def queue_autopay_on(autopay, *, now):
    """Mail every payer a copy of the authorization: a copy is part of it."""
    why = "We send a copy of every authorization to the person who gave it."
    _queue_autopay(Notice.AUTOPAY_ON, autopay, f"autopay_on:{autopay.id}", why, now)


def queue_autopay_off(autopay, *, now):
    """Tell every payer that nothing is charged automatically any more."""
    _queue_autopay(Notice.AUTOPAY_OFF, autopay, f"autopay_off:{autopay.id}", WHY_AUTOPAY_OFF, now)


def queue_postponed(autopay, charge_on, *, now):
    """Tell every payer the new day of a charge that was put off."""
    step = f"charge_postponed:{autopay.id}:{charge_on}:{now:%Y%m%d%H%M%S}"
    _queue_autopay(Notice.CHARGE_POSTPONED, autopay, step, WHY_AUTOPAY, now, charge_on=charge_on)


def queue_above_cap(autopay, invoices, charge_on, *, now):
    """Ask the payers, once, to pay ``invoices`` themselves: together they are above the customer's limit."""
    step = f"above_cap:{autopay.id}:{invoices[0].id}"
    about = {"invoice": invoices[0], "charge_on": charge_on}
    _queue_autopay(Notice.ABOVE_CAP, autopay, step, WHY_CAP, now, **about)


def _queue_autopay(kind, autopay, step, why, now, **about):
    _queue_to_payers(autopay.customer_id, kind, step, why, now, autopay=autopay, **about)


def queue_upcoming(charges, *, now):
    """Announce charges by mail to every payer, once for each charge day, amount and day of telling.

    charges -- [(customer id, autopay id, day, cents)]; what came back is announced anew on another day
    """
    payers = payers_with_mail({charge[0] for charge in charges})
    rows = [
        {
            "key": f"upcoming:{autopay_id}:{day}:{cents}:{contact_id}:{now:%Y%m%d}",
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


def queue_charge_letters(charges, *, now):
    """Announce charges on paper to customers without a mail address, once for each charge day and amount.

    charges -- [(customer id, autopay id, day, cents)]; the key states the amount, as that of a mail does
    """
    for customer_id, autopay_id, day, cents in charges:
        queue(
            Notice.UPCOMING_CHARGE,
            key=f"upcoming:{autopay_id}:{day}:{cents}:paper",
            customer=customer_id,
            channel=Notice.PAPER,
            autopay=autopay_id,
            charge_on=day,
            why=WHY_AUTOPAY,
            now=now,
        )


def queue_method_changed(method, change, *, now):
    """A security mail to every payer. ``change``: added, removed, updated or disabled."""
    step = f"{method.id}:{now:%Y%m%d%H%M%S}"
    _queue_method(Notice.METHOD_CHANGED, method, f"method_{change}:{step}", WHY_SECURITY, now)


def queue_method_expiring(method, days, *, now):
    """Warn every payer that a card expires, once for each date of expiry and each ``days`` ahead."""
    step = f"expiring:{method.id}:{method.expires_on}:{days}"
    _queue_method(Notice.METHOD_EXPIRING, method, step, WHY_EXPIRING, now)


def _queue_method(kind, method, step, why, now):
    _queue_to_payers(method.customer_id, kind, step, why, now, method=method)


# --- Promises and plans


def queue_promise(promise, step, *, now):
    """Confirm a promise to every payer (``made``), or say a friendly word on its day (``day``); once each."""
    about = {"promise": promise, "invoice": promise.invoice_id}
    key = f"promise:{promise.id}:{step}"
    _queue_to_payers(promise.customer_id, Notice.PROMISE, key, WHY_PROMISE, now, **about)


def queue_about_plan(plan, kind, step, why, *, now, **about):
    """Tell every payer something about a plan, once for each ``step``."""
    _queue_to_payers(plan.customer_id, kind, step, why, now, plan=plan, **about)


# --- One person


def queue_sign_in(contact, *, now):
    """Queue the mail with a sign-in link and code; both are made when it is sent."""
    why = "Somebody asked to sign in with this address."
    _queue_now(Notice.SIGN_IN, contact, why, now)


def queue_fresh_link(invoice, contact, *, now):
    """Queue the mail with a fresh pay link."""
    _queue_now(
        Notice.FRESH_LINK, contact, "Somebody opened an old link to this invoice.", now, invoice=invoice
    )


def queue_consent_confirm(contact, *, now):
    """Queue the mail with the link that agrees to electronic notices: who reads it there can read them."""
    _queue_now(Notice.CONSENT_CONFIRM, contact, "You asked to get legal notices by email.", now)


def queue_contact_changed(contact, old_address, *, now):
    """Tell the old address that it is not used any more."""
    why = "This was the address of a contact of this account."
    _queue_now(Notice.CONTACT_CHANGED, contact, why, now, address=old_address)


def _queue_now(kind, contact, why, now, **about):
    key = f"{kind}:{contact.id}:{secrets.token_hex(8)}"
    queue(kind, key=key, customer=contact.customer_id, contact=contact, why=why, now=now, **about)


def queue_ticket_reply(message, *, now):
    """Queue staff's answer to whoever asked, or to the payers when nobody is named."""
    _queue_about_ticket(Notice.TICKET_REPLY, message.ticket, f"ticket:{message.id}", message, now)


def queue_ticket_received(message, *, now):
    """Tell whoever asked, once, that we have it and that reminders wait."""
    ticket = message.ticket
    _queue_about_ticket(Notice.TICKET_RECEIVED, ticket, f"ticket_received:{ticket.id}", message, now)


def queue_ticket_closed(ticket, *, now):
    """Tell whoever asked that a ticket is closed, once for each time it is."""
    last = ticket.messages.order_by(Message.id.desc()).first()
    step = f"ticket_closed:{ticket.id}:{last.id}"
    _queue_about_ticket(Notice.TICKET_CLOSED, ticket, step, last, now)


def _queue_about_ticket(kind, ticket, step, message, now):
    about = {"invoice": ticket.invoice, "ticket_message": message}
    _queue_to_whom(ticket.contact, ticket.customer_id, kind, step, WHY_ASKED, now, **about)
    for asked in _who_asked_the_same(ticket):
        _queue_to_whom(asked, ticket.customer_id, kind, step, WHY_ASKED, now, **about)


def _who_asked_the_same(ticket):
    """Those of the account whose own tickets became a part of this one: they wait for the same answer."""
    asked = Ticket.select(Ticket.contact).where(
        (Ticket.merged_into == ticket) & Ticket.contact.is_null(False)
    )
    others = Contact.select().where(Contact.id.in_(asked) & (Contact.email != "") & Contact.left_on.is_null())
    return (
        list(others.where(Contact.id != ticket.contact_id).order_by(Contact.id)) if ticket.contact_id else []
    )


def _queue_to_whom(asked, customer_id, kind, step, why, now, **about):
    """Queue one message to whoever asked, or to the payers when nobody is named."""
    if asked is None or not asked.email or asked.left_on:
        _queue_to_payers(customer_id, kind, step, why, now, **about)
        return
    queue(
        kind, key=f"{step}:{asked.id}", customer=customer_id, contact=asked, why=why, now=now, **about
    )  # fmt: skip


def queue_dispute(dispute, *, now):
    """Tell whoever disputed that the part rests and until when, or how it was decided."""
    kind = Notice.DISPUTE_RECEIVED if dispute.state == Dispute.OPEN else Notice.DISPUTE_DECIDED
    about = {"invoice": dispute.invoice_id, "dispute": dispute}
    _queue_to_whom(
        dispute.contact, dispute.customer_id, kind, f"{kind}:{dispute.id}", WHY_DISPUTE, now, **about
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
    with db.atomic():
        queue(Notice.INVOICE, key=key, customer=customer, contact=contact, invoice=invoice, why=why, now=now)
        notice = Notice.get(Notice.key == key)
        after = {"to": contact.email}
        events.record("invoice.sent_again", invoice, by=by, now=now, after=after, customer=invoice.customer)
    return notice
