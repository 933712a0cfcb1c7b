"""The text provider's door: what people answer to texts. The secret in the address, or a header, opens it.

Providers send a form or JSON, each with names of its own; what they need back is that we have it.
"""

import hashlib
import hmac

from flask import abort, current_app, g, request

from billing import text_answers
from portal.door import bp

MOST_BYTES = 64 * 1024
MOST_BODY = 10_000
# As Twilio, Vonage, Plivo, Telnyx, Bandwidth, ClickSend and our own catcher name them.
SENDER = ("From", "from", "msisdn", "from_number", "source")
RECIPIENT = ("To", "to", "to_number", "destination")
BODY = ("Body", "Text", "text", "body", "message")
ID = ("MessageSid", "SmsMessageSid", "messageId", "MessageUUID", "message_id", "id")


@bp.post("/webhooks/texts", defaults={"secret": ""})
@bp.post("/webhooks/texts/<secret>")
def incoming_text(secret):
    """Take a text that came in. 404 without the secret, 400 for what is no text."""
    right = current_app.config["TEXT_SECRET"]
    given = secret or request.headers.get("X-Porchlight-Secret", "")
    if not right or not hmac.compare_digest(given.encode(), right.encode()):
        abort(404)
    request.max_content_length = MOST_BYTES
    fields = _fields()
    sender, body = _one(fields, SENDER), _one(fields, BODY)
    if not sender:
        abort(400, "There is no sender in it.")
    received = text_answers.Received(
        source_id=f"text:{_identity(fields, sender, body)}",
        sender=sender[:255],
        recipient=_one(fields, RECIPIENT)[:255],
        body=body[:MOST_BODY],
        received_at=g.now,
    )
    text_answers.take(received, now=g.now)
    return "", 204


def _fields():
    """The form or the JSON object of a request, flat: a provider's envelope is opened."""
    if not request.is_json:
        return request.form
    told = request.get_json(silent=True)
    for inner in (0, "data", "payload", "message"):
        if isinstance(told, list) and told and inner == 0:
            told = told[0]
        elif isinstance(told, dict) and isinstance(told.get(inner), dict):
            told = told[inner]
    return told if isinstance(told, dict) else {}


def _one(fields, names):
    """The first of these fields that is there, as clean text."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            value = value.get("phone_number") or value.get("number")
        if isinstance(value, list):
            value = value[0] if value else None
            value = value.get("phone_number") if isinstance(value, dict) else value
        if isinstance(value, (str, int)) and str(value).strip():
            return str(value).replace("\x00", "").encode("utf-8", "replace").decode().strip()
    return ""


def _identity(fields, sender, body):
    """The provider's own number of the text; without one, the same words of the same minute are one text."""
    given = _one(fields, ID) or f"{sender}|{body}|{g.now:%Y%m%d%H%M}"
    return hashlib.sha256(given.encode()).hexdigest()
