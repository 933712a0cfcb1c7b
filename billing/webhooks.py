"""Webhooks: a hint that something happened at the processor, never the truth; and the watch over them.

A webhook is kept as it came, once, and followed later: the processor is asked about what it names. One that
is switched off after failed deliveries, or missing, is put right and told. What was not delivered meanwhile
is not asked for again, because nothing depends on it: the unsettled list and the batches
(billing/reconciliation/settlements.py) have everything that it would have told, and more.
"""

import json
import secrets

from billing import events, payments
from billing.automatic import methods
from billing.payments import booking
from billing.reversals import refunds
from models import Customer, GatewayEvent, Payment

EVENT_TYPES = (
    "net.authorize.payment.authcapture.created",
    "net.authorize.payment.capture.created",
    "net.authorize.payment.priorAuthCapture.created",
    "net.authorize.payment.refund.created",
    "net.authorize.payment.void.created",
    "net.authorize.payment.fraud.held",
    "net.authorize.payment.fraud.approved",
    "net.authorize.payment.fraud.declined",
    "net.authorize.customer.deleted",
    "net.authorize.customer.paymentProfile.created",
    "net.authorize.customer.paymentProfile.updated",
    "net.authorize.customer.paymentProfile.deleted",
)
ABOUT_CUSTOMERS = "net.authorize.customer."


# --- What they say -------------------------------------------------------------------------------


def note(body, header, *, gateway, now):
    """Keep a webhook as it came. Returns False when its signature is not the gateway's."""
    if not gateway.is_authentic(body, header):
        return False
    text = body.decode("utf-8", "replace").replace("\x00", "")  # PostgreSQL keeps no NUL
    try:
        told = json.loads(text)
        notification_id, kind = str(told["notificationId"])[:64], str(told["eventType"])[:80]
        subject_id = str(told.get("payload", {}).get("id", ""))[:20]  # raises for what is no object
    except (ValueError, KeyError, TypeError, AttributeError):
        notification_id, kind, subject_id = secrets.token_hex(16), "unreadable", ""
    GatewayEvent.insert(
        notification_id=notification_id,
        kind=kind,
        transaction_id="" if kind.startswith(ABOUT_CUSTOMERS) else subject_id,
        body=text,
        received_at=now,
    ).on_conflict_ignore().execute()
    return True


def waiting():
    """A query of the webhooks that nobody followed yet, oldest first."""
    return GatewayEvent.select().where(GatewayEvent.handled_at.is_null()).order_by(GatewayEvent.received_at)


def follow(event, *, gateway, today, now):
    """Ask the gateway about what a webhook names, and book it. Raises GatewayUnavailable.

    Returns what came of it, in words for staff.
    """
    if event.kind.startswith(ABOUT_CUSTOMERS):
        result = _follow_customer(event, gateway, now)
    else:
        result = _follow_transaction(event, gateway, today, now)
    GatewayEvent.update(handled_at=now, result=result).where(GatewayEvent.id == event.id).execute()
    return result


def _follow_customer(event, gateway, now):
    """A method was added, changed or removed there, perhaps by a customer who then closed the browser."""
    payload = json.loads(event.body).get("payload", {})
    profile_id = str(payload.get("customerProfileId") or payload.get("id") or "")
    customer = Customer.get_or_none((Customer.profile_id == profile_id) & (Customer.profile_id != ""))
    if customer is None:
        return "Not one of our customers"
    methods.refresh(customer, gateway=gateway, by=events.PROCESSOR, now=now)
    return f"Saved methods of {customer.account_number}"


def _follow_transaction(event, gateway, today, now):
    told = {"today": today, "now": now}
    transaction = gateway.details(event.transaction_id) if event.transaction_id else None
    payment = transaction and payments.of_transaction(transaction)
    if transaction and transaction.is_refund:
        refund = refunds.follow(transaction, **told)
        return str(refund) if refund else "A refund that was not ordered here"
    if payment and payment.state in Payment.LIVE and transaction.is_final and not transaction.is_money:
        payments.ask(payment, gateway=gateway, **told)  # one refusal proves nothing about other tries
    elif payment:
        booking.conclude(payment, transaction, **told)
    return f"Payment {payment.reference}" if payment else "Not one of our payments"


# --- The watch -----------------------------------------------------------------------------------


def address(base_url, *, is_demo):
    """Where the processor should notify us; "" where it could not reach us anyway."""
    return f"{base_url}/webhooks/authorize-net" if base_url.startswith("https://") or is_demo else ""


def watch(*, gateway, url):
    """See that the processor notifies ``url``. Returns sentences about what was wrong, none when all is well.

    Raises GatewayUnavailable when the processor cannot be asked.
    """
    ours = [one for one in gateway.webhooks() if one.url.rstrip("/") == url.rstrip("/")]
    if not ours:
        gateway.create_webhook(url, EVENT_TYPES)
        return [f"The processor had no webhook to {url}. It has one now."]
    if any(one.is_active for one in ours):
        return []
    gateway.activate_webhook(ours[0].webhook_id)
    return [
        f"The processor had switched off the webhook to {url}, as it does when deliveries fail. It is on "
        "again; see whether the portal can be reached from outside."
    ]


def state(*, gateway, url):
    """One word for ``flask check-gateway``: active, inactive or missing."""
    ours = [one for one in gateway.webhooks() if one.url.rstrip("/") == url.rstrip("/")]
    if not ours:
        return "missing"
    return "active" if any(one.is_active for one in ours) else "inactive"
