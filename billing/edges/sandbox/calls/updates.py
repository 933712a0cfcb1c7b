"""getAUJobSummary and getAUJobDetails: what the Account Updater changed in a month."""

from datetime import datetime

from billing.edges.sandbox import updater
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.wire import NO_RECORDS, Refused, Reply, text


def job_summary(root, _fault):
    """getAUJobSummary."""
    rows = sandbox.updater.summary(_month(root, "getAUJobSummaryResponse"))
    if not rows:
        return Reply([], messages=(NO_RECORDS,))
    return Reply([("auSummary", [("auResponse", _counted(row)) for row in rows])])


def _counted(row):
    reason = row["reason"]
    return [
        ("auReasonCode", reason),
        ("profileCount", row["count"]),
        ("reasonDescription", updater.REASONS[reason]),
    ]


def job_details(root, _fault):
    """getAUJobDetails: updates first, then deletions."""
    month = _month(root, "getAUJobDetailsResponse")
    kind = text(root, "modifiedTypeFilter", "all")
    limit, page = int(text(root, "paging/limit", "1000")), int(text(root, "paging/offset", "1"))
    total, rows = sandbox.updater.details(month, kind, limit, page)
    if not rows:
        return Reply([], messages=(NO_RECORDS,))
    updates = [("auUpdate", _change(row)) for row in rows if not row["is_deleted"]]
    deletes = [("auDelete", _change(row)) for row in rows if row["is_deleted"]]
    return Reply([("totalNumInResultSet", total), ("auDetails", updates + deletes)])


def _month(root, answer):
    month = text(root, "month")
    if month > f"{sandbox.store.now():%Y-%m}":
        raise Refused("E00112", "The specified month should not be in the future.", answer)
    return month


def _change(row):
    first, last = updater.holder(row)
    old = [("cardNumber", row["old_number"]), ("expirationDate", _slashed(row["old_expiration"]))]
    new = [("cardNumber", row["new_number"]), ("expirationDate", _slashed(row["new_expiration"]))]
    cards = [("creditCard", old)] if row["is_deleted"] else [("newCreditCard", new), ("oldCreditCard", old)]
    return [
        ("customerProfileID", row["profile_id"]),
        ("customerPaymentProfileID", row["method_id"]),
        ("firstName", first),
        ("lastName", last),
        ("updateTimeUTC", _american(row["updated_at"])),
        ("auReasonCode", row["reason"]),
        ("reasonDescription", updater.REASONS[row["reason"]]),
        *cards,
    ]


def _slashed(month):
    return f"{month[5:]}/{month[:4]}" if month else "XXXX"


def _american(at):
    """An instant as the job writes it: 6/28/2017 1:31:01 PM."""
    at = datetime.fromisoformat(at)
    return f"{at.month}/{at.day}/{at.year} {at:%I:%M:%S %p}".replace(" 0", " ")
