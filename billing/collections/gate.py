"""The gate: whether somebody may be pressed for money now, and if not, why, and what clears it.

While a customer waits for us, disputes, has promised, keeps a plan, is paying, or while we cannot know
whether they called, no late notice, fee, suspension or hand-over leaves. Asked in a few queries for any
number of customers: when something is queued, again in the transaction in which it leaves, and by every use
case of pressure. The database asks the same by itself (migrations/0026_the_gate.py). Only reading; who may
let something pass all the same stands in ``overrides``.
"""

from peewee import fn

from billing import words
from billing.collections import obstacles
from billing.errors import BillingError
from models import GateOverride, Notice, among, as_instant

LATE_FEE, SUSPENSION, HANDED_OVER = "late_fee", "suspension", "handed_over"
ACTS = {
    LATE_FEE: "charge a late fee",
    SUSPENSION: "suspend the service",
    HANDED_OVER: "hand this account over",
}
# What nobody may let pass: the law, money that is on its way, a letter that would go nowhere.
NEVER_PASSED = frozenset({"bankruptcy", "deceased", "payment", "settling", "bad_address"})


def reasons(customer_ids, *, today, now, kind=""):
    """{customer id: [obstacles.Reason, …]} of those for whom the gate is shut, what is most pressing first.

    kind -- of a notice: what it tells of does not hold it back (OWN)
    """
    asked, found = obstacles.Asked(tuple(set(customer_ids)), today, now), {}
    if asked.ids:
        for source in obstacles.SOURCES:
            for customer_id, reason in source(asked):
                if (kind, reason.code) not in obstacles.OWN:
                    found.setdefault(customer_id, []).append(reason)
    return found


def shutting(found, invoice_id=None):
    """Those reasons that count for an act about one invoice; without an invoice all of them do."""
    if invoice_id is None:
        return list(found)
    own = (reason for reason in found if reason.invoice_id in (None, invoice_id))
    return [reason for reason in own if not (reason.is_partial and reason.invoice_id)]


def shut(rows, *, today, now):
    """{notice id: [Reason, …]} of those of these Notices that may not leave now.

    What two people let pass is left out, and so is what presses nobody.
    """
    gated = [row for row in rows if row.kind in Notice.GATED]
    passed = _passed_notices([row.id for row in gated])
    found = {}
    for kind in {row.kind for row in gated}:
        same = [row for row in gated if row.kind == kind]
        all_of = reasons({row.customer_id for row in same}, today=today, now=now, kind=kind)
        for row in same:
            against = shutting(all_of.get(row.customer_id, ()), row.invoice_id)
            left = _not_passed(against, passed.get(row.id)) + obstacles.bad_address(row, now)
            if left:
                found[row.id] = left
    return found


def before_due(rows, *, today, now):
    """{invoice id: why nothing is said of it now} for reminders before the due date, which press nobody.

    rows -- anything with id and customer_id. Fewer things count than after the due date: who pays, or is
    charged, or waits for our answer is left alone, and for some days who was just told of it another way.
    """
    asked = obstacles.Asked(tuple({row.customer_id for row in rows}), today, now)
    all_of = {}
    for source in obstacles.BEFORE_DUE if rows else ():
        for customer_id, reason in source(asked):
            if reason.code in obstacles.BEFORE_DUE_CODES:
                all_of.setdefault(customer_id, []).append(reason)
    found = {row.id: shutting(all_of.get(row.customer_id, ()), row.id) for row in rows}
    return {id: against[0].sentence for id, against in found.items() if against}


def check(notice, *, today, now):
    """The reasons for which this notice may not leave now: a list, empty when it may."""
    return shut([notice], today=today, now=now).get(notice.id, [])


def refuse(customer, what, *, today, now, invoice=None):
    """Raise BillingError while nobody may do ``what`` (one of ACTS) to a customer; asked in its transaction.

    invoice -- the only one that it is about; none: the whole account
    """
    doing = ACTS[what]
    invoice_id = invoice.id if invoice is not None else None
    found = reasons([customer.id], today=today, now=now).get(customer.id, ())
    left = _not_passed(shutting(found, invoice_id), _passed_act(customer, what, invoice_id))
    if left:
        raise BillingError(f"We do not {doing} now: {sentence(left)}")


def sentence(found):
    """The first of these reasons, and how many more there are."""
    more = len(found) - 1
    return found[0].sentence + (f" And {words.plural(more, 'more reason')}." if more else "")


# --- What lets pass ------------------------------------------------------------------------------


def was_passed(notice_ids):
    """The ids of those of these notices that two people let pass, whatever came up since."""
    return frozenset(_passed_notices(notice_ids))


def _passed_notices(notice_ids):
    """{notice id: until which instant its reasons were looked at by two people}."""
    query = GateOverride.select(GateOverride.notice, fn.MAX(GateOverride.covers_at)).where(
        among(GateOverride.notice, notice_ids)
    )
    return {id: as_instant(at) for id, at in query.group_by(GateOverride.notice).tuples()}


def _passed_act(customer, what, invoice_id):
    mine = (GateOverride.customer == customer) & (GateOverride.what == what)
    about = GateOverride.invoice.is_null() if invoice_id is None else GateOverride.invoice == invoice_id
    return as_instant(GateOverride.select(fn.MAX(GateOverride.covers_at)).where(mine & about).scalar())


def _not_passed(found, covers_at):
    """What came after two people had looked, and what nobody may let pass."""
    if covers_at is None:
        return list(found)
    return [one for one in found if one.code in NEVER_PASSED or one.since_at > covers_at]
