"""The phone system's door: signed requests that tell of calls, each taken once, and of its heartbeat."""

import time

from flask import abort, current_app, g, request

from billing import calls, feeds
from billing.edges import phone
from billing.errors import BillingError
from models import db
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
        return {"new": _taken(phone.read(body), g.now)}
    except BillingError as refusal:
        return str(refusal), 400, PLAIN


def _taken(heard, now):
    """How many calls are new. Anything that is rightly signed shows that the phone system lives."""
    with db.atomic():
        feeds.beat(feeds.PHONE, now=now, watched=False)
        if heard.is_beat:
            feeds.promise(feeds.PHONE, by=NAME, now=now)
        return sum(calls.take(received, now=now)[1] for received in heard.calls)
