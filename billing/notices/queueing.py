"""Queueing: one function for each message, called by use cases in their own transactions.

Every message has a key that says what it is about, to whom and at which step, so it is queued once. Nothing
here decides whether it is still wanted when it leaves (``judging``), or sends it (``sending``).
"""

import secrets

from peewee import JOIN

from billing.errors import BillingError
from models import Contact, Invoice, Notice, Preference, among, insert_rows

CHUNK = 50

WHY_INVOICE = "You get invoices for this account."
WHY_RECEIPT = "A receipt is sent for every payment."
WHY_PROBLEM = "A payment on this account did not go through."
WHY_REFUND = "A message is sent whenever we send money back."
WHY_CAP = "You asked to be asked before a larger automatic payment."
WHY_AUTOPAY = "This account is paid automatically."
WHY_AUTOPAY_OFF = "This account was paid automatically until now."
WHY_SECURITY = "We tell you whenever a way to pay of this account changes."
WHY_EXPIRING = "A card that you saved is about to expire."


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


def _queue_to_payers(customer_id, kind, step, why, now, **about):
    """Queue one message to every payer with an address, once for each ``step`` and payer."""
    for contact in _mail_payers(customer_id):
        key = f"{step}:{contact.id}"
        queue(kind, key=key, customer=customer_id, contact=contact, why=why, now=now, **about)


def _mail_payers(customer_id):
    return Contact.select().where(
        (Contact.customer == customer_id)
        & (Contact.role == Contact.PAYER)
        & (Contact.email != "")
        & Contact.left_on.is_null()
    )


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


# --- Payments


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


def _queue_about(payment, kind, step, why, now, **about):
    _queue_to_payers(payment.customer_id, kind, step, why, now, payment=payment, **about)


# --- Autopay and saved methods


def queue_autopay_on(autopay, *, now):
    """Mail every payer a copy of the authorization: a copy is part of it."""
    why = "A copy of every authorization is sent to whom it binds."
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


def queue_contact_changed(contact, old_address, *, now):
    """Tell the old address that it is not used any more."""
    why = "This was the address of a contact of this account."
    _queue_now(Notice.CONTACT_CHANGED, contact, why, now, address=old_address)


def _queue_now(kind, contact, why, now, **about):
    key = f"{kind}:{contact.id}:{secrets.token_hex(8)}"
    queue(kind, key=key, customer=contact.customer_id, contact=contact, why=why, now=now, **about)


def queue_ticket_reply(message, *, now):
    """Queue staff's answer to whoever asked, or to the payers when nobody is named."""
    ticket, why = message.ticket, "You asked us a question."
    about = {"invoice": ticket.invoice, "ticket_message": message}
    asked, step = ticket.contact, f"ticket:{message.id}"
    if asked is None or not asked.email or asked.left_on:
        _queue_to_payers(ticket.customer_id, Notice.TICKET_REPLY, step, why, now, **about)
        return
    told = {"customer": ticket.customer_id, "contact": asked, "why": why, "now": now}
    queue(Notice.TICKET_REPLY, key=f"{step}:{asked.id}", **told, **about)


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
