"""Signed notifications: what is sent, when it arrives, and the REST API that manages who gets them.

Delivery can be delayed, doubled, reordered and lost on purpose, because the real one does all of it. Retries
and the deactivation of a dead endpoint follow the sandbox's clock, so that a test can wait for days.
"""

import hashlib
import hmac
import json
import logging
import secrets
import threading
import uuid
from datetime import timedelta

import requests
from flask import Blueprint, Response, request

from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.store import stamp
from billing.edges.sandbox.wire import dollars

log = logging.getLogger(__name__)
bp = Blueprint("webhooks", __name__, url_prefix="/rest/v1")

EVENT_TYPES = tuple(
    "net.authorize." + name
    for name in (
        "customer.created", "customer.updated", "customer.deleted",
        "customer.paymentProfile.created", "customer.paymentProfile.updated",
        "customer.paymentProfile.deleted",
        "payment.authorization.created", "payment.authcapture.created", "payment.capture.created",
        "payment.priorAuthCapture.created", "payment.refund.created", "payment.void.created",
        "payment.fraud.held", "payment.fraud.approved", "payment.fraud.declined",
    )
)  # fmt: skip
RETRIES = [180] * 3 + [8 * 3600] * 3 + [48 * 3600] * 4  # seconds after each failure; then the endpoint is off
MISCHIEF = {
    "delay_seconds": 0,  # of the sandbox's clock
    "copies": 1,  # how often each is delivered
    "reorder": 1,  # keep this many back and deliver them last one first
    "lose": 0,  # so many of the next ones never arrive
    "invoice_number": True,  # a newer field of the payload, which may be missing
    "retries": RETRIES,
}


def sign(body, key):
    """The value of X-ANET-Signature: HMAC-SHA512 with the key's hex digits used as text."""
    return "sha512=" + hmac.new(key.encode("ascii"), body, hashlib.sha512).hexdigest().upper()


class Webhooks:
    """Endpoints, their notifications, and the thread that delivers these."""

    def __init__(self, store, signature_key):
        self._store = store
        self._key = signature_key
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    # -- what happened

    def notify(self, event_type, row):
        """Queue a notification about a transaction for every active endpoint that wants it."""
        self.tell(event_type, _payload(event_type, row, named=self.mischief()["invoice_number"]))

    def tell(self, event_type, payload):
        """Queue a notification for every active endpoint that wants it."""
        mischief = self.mischief()
        with self._store.transaction():
            for webhook in self._store.rows("SELECT * FROM webhook WHERE status = 'active'"):
                if event_type in json.loads(webhook["event_types"]):
                    self._queue(webhook["id"], event_type, payload, mischief)
        self._wake.set()

    def ping(self, webhook):
        """Queue the test notification: response code 0 and no money."""
        payload = {"responseCode": 0, "authCode": "", "avsResponse": "", "authAmount": 0.0}
        payload |= {"entityName": "transaction", "id": "0"}
        self._queue(webhook["id"], "net.authorize.payment.authcapture.created", payload, MISCHIEF)
        self._wake.set()

    def _queue(self, webhook_id, event_type, payload, mischief):
        now = self._store.now()
        notification = {
            "notificationId": str(uuid.uuid4()),
            "eventType": event_type,
            "eventDate": f"{stamp(now)}{secrets.randbelow(10000):04d}Z",
            "webhookId": webhook_id,
            "payload": payload,
        }
        lost = self._lose_one(mischief)
        self._store.insert(
            "notification",
            id=notification["notificationId"],
            sequence=self._store.value("SELECT coalesce(max(sequence), 0) + 1 FROM notification"),
            webhook_id=webhook_id,
            event_type=event_type,
            body=_json(notification),
            created_at=stamp(now),
            due_at=None if lost else stamp(now + timedelta(seconds=mischief["delay_seconds"])),
            copies=mischief["copies"],
            status="Lost" if lost else "Pending",
        )

    def _lose_one(self, mischief):
        if not mischief["lose"]:
            return False
        self.set_mischief({"lose": mischief["lose"] - 1})
        return True

    # -- mischief

    def mischief(self):
        """How delivery misbehaves at the moment."""
        return {**MISCHIEF, **self._store.setting("mischief", {})}

    def set_mischief(self, changes):
        """Change how delivery misbehaves. Raises ValueError for a switch that does not exist."""
        if unknown := set(changes) - set(MISCHIEF):
            raise ValueError(f"There is no switch “{min(unknown)}”. There are: {', '.join(MISCHIEF)}.")
        with self._store.transaction():
            self._store.remember("mischief", {**self._store.setting("mischief", {}), **changes})
        self._wake.set()

    # -- delivery

    def start(self):
        """Begin to deliver, in a thread of its own."""
        self._thread.start()

    def stop(self):
        """Deliver no more; what is waiting stays in the store."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=10)

    def wake(self):
        """Look for due notifications now: the clock was moved."""
        self._wake.set()

    def _run(self):
        with requests.Session() as session:
            session.trust_env = False
            while not self._stopped.is_set():
                self._wake.clear()
                self.deliver_due(session)
                self._wake.wait(0.25)

    def deliver_due(self, session):
        """Deliver what is due now, in order, or in the opposite order when that was asked for."""
        reorder = self.mischief()["reorder"]
        due = self._store.rows(
            "SELECT n.*, w.url FROM notification n JOIN webhook w ON w.id = n.webhook_id"
            " WHERE due_at <= ? ORDER BY sequence",
            stamp(self._store.now()),
        )
        if reorder > 1:
            due = due[::-1] if len(due) >= reorder else []
        for row in due:
            if not self._stopped.is_set() and self._is_due(row):
                self._deliver(session, row)

    def _is_due(self, row):
        """False when the endpoint was switched off by what was delivered just now."""
        return self._store.value("SELECT due_at FROM notification WHERE id = ?", row["id"])

    def _deliver(self, session, row):
        body = row["body"].encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-ANET-Signature": sign(body, self._key),
            "X-Request-Id": str(uuid.uuid4()),
        }
        try:
            reply = session.post(
                row["url"], data=body, headers=headers, timeout=(3, 10), allow_redirects=False
            )
            arrived = reply.status_code == 200
        except requests.RequestException as error:
            log.info("notification %s: %s", row["id"], type(error).__name__)
            arrived = False
        self._note(row, arrived)

    def _note(self, row, arrived):
        now, attempts = self._store.now(), row["attempts"] + 1
        with self._store.transaction():
            if arrived:
                left = row["copies"] - 1
                changes = {"status": "Delivered", "copies": left, "due_at": stamp(now) if left > 0 else None}
                self._store.update("notification", row["id"], attempts=attempts, **changes)
                self._store.update("webhook", row["webhook_id"], failures=0)
            else:
                self._note_failure(row, attempts, now)

    def _note_failure(self, row, attempts, now):
        """Plan the next try; when there is none left, or too many failed in a row, the endpoint is off."""
        retries = self.mischief()["retries"]
        again = attempts <= len(retries)
        due_at = stamp(now + timedelta(seconds=retries[attempts - 1])) if again else None
        status = "RetryPending" if again else "Failed"
        self._store.update("notification", row["id"], status=status, attempts=attempts, due_at=due_at)
        self._store.execute("UPDATE webhook SET failures = failures + 1 WHERE id = ?", row["webhook_id"])
        allowed = self._store.setting("options", {}).get("webhook_failures_allowed")
        too_many = allowed is not None and self.get(row["webhook_id"])["failures"] > allowed
        if too_many or not again:
            self.change(row["webhook_id"], status="inactive")

    # -- endpoints

    def add(self, name, url, event_types, status="active"):
        """Add an endpoint; return its row."""
        new = str(uuid.uuid4())
        self._store.insert(
            "webhook", id=new, name=name, url=url, event_types=json.dumps(list(event_types)), status=status
        )
        return self.get(new)

    def change(self, webhook_id, **columns):
        """Change an endpoint. One that is switched off gets nothing of what was waiting for it."""
        with self._store.transaction():
            if columns.get("status") == "active":
                columns["failures"] = 0
            self._store.update("webhook", webhook_id, **columns)
            if columns.get("status") == "inactive":
                self._store.execute(
                    "UPDATE notification SET status = 'Failed', due_at = NULL"
                    " WHERE webhook_id = ? AND due_at IS NOT NULL",
                    webhook_id,
                )

    def get(self, webhook_id):
        """The row of an endpoint, or None."""
        return self._store.row("SELECT * FROM webhook WHERE id = ?", webhook_id)

    def all(self):
        """All endpoints."""
        return self._store.rows("SELECT * FROM webhook ORDER BY rowid")


def _payload(event_type, row, named):
    payload = {"responseCode": row["response_code"]}
    if row["ref_id"]:
        payload["merchantReferenceId"] = row["ref_id"]
    if not event_type.endswith("void.created"):
        payload |= {"authCode": row["auth_code"], "avsResponse": row["avs"]}
    payload["authAmount"] = row["amount_cents"]
    if named:
        payload["invoiceNumber"] = row["invoice_number"]
    payload |= {"entityName": "transaction", "id": str(row["id"])}
    if ".fraud." in event_type:
        payload["fraudList"] = [{"fraudFilter": row["filter"], "fraudAction": "review"}]
    return payload


def _json(notification):
    """Compact JSON in which the amount is a number with two digits, as the real one writes it: 45.00."""
    if "authAmount" not in notification["payload"]:
        return json.dumps(notification, separators=(",", ":"), ensure_ascii=False)
    cents = notification["payload"]["authAmount"]
    marked = {**notification, "payload": {**notification["payload"], "authAmount": "@amount@"}}
    text = json.dumps(marked, separators=(",", ":"), ensure_ascii=False)
    return text.replace('"@amount@"', dollars(cents) if isinstance(cents, int) else str(cents), 1)


# -- the management API


@bp.before_request
def check_credentials():
    """Basic authentication: the login id and the transaction key."""
    given = request.authorization
    if given is None or given.type != "basic" or not sandbox.accepts(given.username, given.password):
        return _error(401, "UNAUTHORIZED", "The credentials are invalid.")


@bp.get("/eventtypes")
def event_types():
    """All events that exist."""
    return [{"name": name} for name in EVENT_TYPES]


@bp.get("/webhooks")
def list_webhooks():
    """All endpoints."""
    return [_shown(row) for row in sandbox.webhooks.all()]


@bp.post("/webhooks")
def create_webhook():
    """Add an endpoint."""
    given = request.get_json()
    fault = _fault(given, ("url", "eventTypes"))
    if fault:
        return _error(400, "INVALID_DATA", fault)
    name, status = given.get("name", ""), given.get("status", "active")
    return _shown(sandbox.webhooks.add(name, given["url"], given["eventTypes"], status))


@bp.get("/webhooks/<webhook_id>")
def read_webhook(webhook_id):
    """One endpoint."""
    return _found(webhook_id) or _missing()


@bp.put("/webhooks/<webhook_id>")
def change_webhook(webhook_id):
    """Change an endpoint; what is not given stays."""
    if not _found(webhook_id):
        return _missing()
    given = request.get_json()
    fault = _fault(given, ())
    if fault:
        return _error(400, "INVALID_DATA", fault)
    changes = {name: given[name] for name in ("name", "url", "status") if name in given}
    if "eventTypes" in given:
        changes["event_types"] = json.dumps(given["eventTypes"])
    if changes:
        sandbox.webhooks.change(webhook_id, **changes)
    return _found(webhook_id)


@bp.delete("/webhooks/<webhook_id>")
def delete_webhook(webhook_id):
    """Remove an endpoint; what was waiting for it is never sent."""
    if not sandbox.store.execute("DELETE FROM webhook WHERE id = ?", webhook_id):
        return _missing()
    return Response(status=200)


@bp.post("/webhooks/<webhook_id>/pings")
def ping_webhook(webhook_id):
    """Send a test notification, which is possible only while the endpoint is inactive."""
    row = sandbox.webhooks.get(webhook_id)
    if row is None:
        return _missing()
    if row["status"] == "active":
        return _error(400, "INVALID_STATE", "An active webhook cannot be tested.")
    sandbox.webhooks.ping(row)
    return Response(status=200)


@bp.get("/notifications")
def list_notifications():
    """The history, newest first, with offset, limit, from_date, to_date and deliveryStatus."""
    wanted = request.args
    rows = sandbox.store.rows(
        "SELECT * FROM notification WHERE created_at >= ? AND created_at <= ? AND (? = '' OR status = ?)"
        " ORDER BY sequence DESC LIMIT ? OFFSET ?",
        wanted.get("from_date", ""),
        wanted.get("to_date", "9999") + "~",
        wanted.get("deliveryStatus", ""),
        wanted.get("deliveryStatus", ""),
        min(wanted.get("limit", 100, type=int), 1000),
        wanted.get("offset", 0, type=int),
    )
    return {
        "_links": {"self": {"href": "/rest/v1/notifications"}},
        "notifications": [_entry(row) for row in rows],
    }


@bp.get("/notifications/<notification_id>")
def read_notification(notification_id):
    """One notification with its payload."""
    row = sandbox.store.row("SELECT * FROM notification WHERE id = ?", notification_id)
    if row is None:
        return _missing()
    return {**_entry(row), "webhookId": row["webhook_id"], "payload": json.loads(row["body"])["payload"]}


def _shown(row):
    return {
        "_links": {"self": {"href": f"/rest/v1/webhooks/{row['id']}"}},
        "webhookId": row["id"],
        "name": row["name"],
        "eventTypes": json.loads(row["event_types"]),
        "status": row["status"],
        "url": row["url"],
    }


def _found(webhook_id):
    row = sandbox.webhooks.get(webhook_id)
    return row and _shown(row)


def _entry(row):
    return {
        "_links": {"self": {"href": f"/rest/v1/notifications/{row['id']}"}},
        "notificationId": row["id"],
        "deliveryStatus": row["status"],
        "eventType": row["event_type"],
        "eventDate": row["created_at"],
    }


def _fault(given, needed):
    """A sentence about what is wrong with a posted endpoint, or None."""
    missing = [name for name in needed if not given.get(name)]
    if missing:
        return f"{missing[0]} is required."
    unknown = set(given.get("eventTypes", ())) - set(EVENT_TYPES)
    if unknown:
        return f"{min(unknown)} is not an event type."
    if given.get("status", "active") not in ("active", "inactive"):
        return "status is active or inactive."
    if not given.get("url", "http://").startswith(("http://", "https://")):
        return "url must begin with http:// or https://."
    return None


def _missing():
    return _error(404, "NOT_FOUND", "The record cannot be found.")


def _error(status, reason, message):
    return {"status": status, "reason": reason, "message": message}, status
