"""The watch over the processor's webhook: one that is switched off, or missing, is put right and told.

A processor switches a webhook off after some failed deliveries and tells nobody. What was not delivered
meanwhile is not asked for again, because nothing depends on it: a webhook makes answers quicker, and the
unsettled list and the batches (billing/settlements.py) have everything that it would have told, and more.
What a webhook says is followed in billing/payments.py.
"""

EVENT_TYPES = (
    "net.authorize.payment.authcapture.created",
    "net.authorize.payment.capture.created",
    "net.authorize.payment.priorAuthCapture.created",
    "net.authorize.payment.refund.created",
    "net.authorize.payment.void.created",
    "net.authorize.payment.fraud.held",
    "net.authorize.payment.fraud.approved",
    "net.authorize.payment.fraud.declined",
)


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
