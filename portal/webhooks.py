"""The processor's door: what it tells us is kept when its signature is right, and answered at once.

A webhook is a hint. What it means is asked for later, by the worker or the daily job, never here.
"""

from flask import current_app, g, request

from billing import webhooks
from portal.door import bp

MOST_BYTES = 64 * 1024


@bp.post("/webhooks/authorize-net")
def authorize_net():
    """Keep an authentic webhook; 401 for any other, so that a wrong signature key is noticed."""
    request.max_content_length = MOST_BYTES
    body = request.get_data()
    header = request.headers.get("X-ANET-Signature", "")
    if webhooks.note(body, header, gateway=current_app.gateway, now=g.now):
        return "", 200
    return "The signature does not fit.", 401, {"Content-Type": "text/plain; charset=utf-8"}
