"""The audit: one row for every change worth explaining later. Written in the use case's transaction."""

import json

from billing import masking
from models import Event

PROCESSOR = "processor"  # who did it, where no person did


def record(what, row, *, by, now, customer=None, reason="", before=None, after=None):
    """Note that ``by`` did ``what`` (``invoice.voided``) to ``row`` at ``now``; returns the Event.

    ``before`` and ``after`` hold the changed fields only, as dicts of plain values. A card number that
    somebody typed into ``reason`` is not kept, whatever the caller did.
    """
    return Event.create(
        at=now,
        by=by,
        what=what,
        about_table=row._meta.table_name,
        about_id=row.id,
        customer_id=_customer_id(row, customer),
        reason=masking.masked(reason)[:255],
        before=_as_json(before),
        after=_as_json(after),
    )


def _customer_id(row, customer):
    if customer is not None:
        return customer.id
    return row.id if row._meta.table_name == "customer" else getattr(row, "customer_id", None)


def _as_json(values):
    return json.dumps(values, default=str, ensure_ascii=False) if values else ""
