"""The phone system's door: signed requests that tell of calls, each taken once, and of its heartbeat."""

import time

from flask import abort, current_app, g, request

from billing import calls
from billing.edges import phone
from billing.errors import BillingError
from portal.door import bp

MOST_BYTES = 256 * 1024
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
NAME = "phone system"  # who did it, in the audit


@bp.post("/webhooks/phone")
def incoming_calls():
    """Keep the calls of a request, all or none. 404 without a secret, 401 for a wrong or old signature."""
    if not current_app.phone.is_open:
        abort(404)
    request.max_content_length = MOST_BYTES
    body = request.get_data()
    header = request.headers.get("X-Porchlight-Signature", "")
    if not current_app.phone.is_authentic(body, header, at=time.time()):
        return "The signature does not fit, or its moment is not now.", 401, PLAIN
    try:
        heard = phone.read(body)
        return {"new": calls.hear(heard.calls, is_beat=heard.is_beat, by=NAME, now=g.now)}
    except BillingError as refusal:
        return str(refusal), 400, PLAIN
