"""Who of the demo company's customers opened what we sent: most within a day, some never.

Whoever is past due is less likely to have looked, so that a newcomer sees why some of it is unpaid.
"""

import random
from datetime import timedelta

from models import Invoice, Notice, Sighting, change_many, db

DAYS = 120  # that a newcomer looks back
OPENED, PAST_DUE_OPENED = 0.8, 0.5
BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/146.0 Safari/537.36",
)
KINDS = (Notice.INVOICE, Notice.REMINDER, Notice.OVERDUE)


def play(history):
    """Let people open the invoices of the last months from their mail."""
    rng, seen = random.Random(f"{history.seed}:opened"), {}
    for notice in _mailed(history):
        key = f"contact {notice.contact_id} invoice {notice.invoice_id} looked {notice.sent_at.date()}"
        if key not in seen and (sighting := _opened(notice, rng, history)):
            seen[key] = {"key": key} | sighting
    if seen:
        Sighting.insert_many(list(seen.values())).execute()
        _first_times(seen.values())


def _mailed(history):
    since = history.now - timedelta(days=DAYS)
    return list(
        Notice.select(Notice, Invoice)
        .join(Invoice)
        .where(Notice.kind.in_(KINDS) & (Notice.state == Notice.SENT) & (Notice.channel == Notice.MAIL)
               & Notice.bounced_at.is_null() & (Notice.sent_at > since) & Notice.contact.is_null(False))
        .order_by(Notice.id)
    )  # fmt: skip


def _opened(notice, rng, history):
    """The values of a Sighting some hours after the mail, or None."""
    invoice = notice.invoice
    is_late = invoice.open_cents and invoice.due_on < history.today
    likely, hours, browser = rng.random(), rng.expovariate(1 / 6), rng.choice(BROWSERS)
    at = notice.sent_at + timedelta(hours=hours)
    if likely > (PAST_DUE_OPENED if is_late else OPENED) or at > history.now:
        return None
    return {
        "customer": notice.customer_id, "contact": notice.contact_id, "notice": notice.id,
        "invoice": invoice.id, "page": Sighting.INVOICE, "how": Sighting.LOOKED,
        "at": at.replace(microsecond=0), "browser": browser,
    }  # fmt: skip


def _first_times(sightings):
    first = {}
    for one in sightings:
        first[one["invoice"]] = min(first.get(one["invoice"], one["at"]), one["at"])
    rows = [(at if db.for_update else str(at), id) for id, at in first.items()]
    change_many("UPDATE invoice SET first_seen_at = ? WHERE id = ?", rows)
