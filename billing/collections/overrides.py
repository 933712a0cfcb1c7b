"""What two people let pass the gate: one asks with a reason, seeing what is against it, another approves.

It counts for what was so when it was asked for; whatever comes later shuts the gate again. Nobody lets pass
what the law forbids, or a payment that is on its way. What shuts the gate stands in ``gate``.
"""

from datetime import datetime

from billing import approvals, events, ledger, localtime, words
from billing import company as companies
from billing.collections import gate
from billing.errors import BillingError
from billing.notices import timing
from billing.states import move
from models import GateOverride, Invoice, Notice, db

KIND, KIND_OF_ACT = "gate_notice", "gate_act"


def ask(notice, *, reason, by, today, now):
    """Ask a second person to let a held notice pass. Returns the Approval.

    Raises BillingError when it is not held, or when nobody may let it pass.
    """
    if notice.state != Notice.HELD:
        raise BillingError("This message is not held back any more.")
    against = gate.check(notice, today=today, now=now)
    _check(against)
    with db.atomic():
        return approvals.ask(
            KIND, notice, reason=reason, by=by, now=now, covers_at=now, sentences=_sentences(against)
        )


def ask_act(customer, what, *, reason, by, today, now, invoice=None):
    """The same for one of ``gate.ACTS``, about one invoice or the whole account. Returns the Approval."""
    found = gate.reasons([customer.id], today=today, now=now).get(customer.id, ())
    against = gate.shutting(found, invoice.id if invoice is not None else None)
    _check(against)
    return approvals.ask(
        KIND_OF_ACT, invoice if invoice is not None else customer, reason=reason, by=by, now=now,
        covers_at=now, sentences=_sentences(against), what=what,
    )  # fmt: skip


def _check(against):
    if not against:
        raise BillingError("Nothing keeps it back: nobody has to let it pass.")
    if never := [one for one in against if one.code in gate.NEVER_PASSED]:
        raise BillingError(f"Nobody may let this pass. {never[0].sentence}")


def _sentences(against):
    return "\n".join(one.sentence for one in against)


def _pass_notice(approval, *, by, today, now):
    """A second person agreed: the message leaves at the next hour at which one may write.

    What nobody has written and signed yet is a draft again: two people let it pass, but wrote no word of it.
    """
    notice = Notice.get_by_id(approval.about_id)
    with ledger.locked(notice.customer_id):
        if notice.state != Notice.HELD:
            raise BillingError("This message is not held back any more.")
        made = _keep(approval, notice.kind, notice=notice, invoice=notice.invoice_id, now=now)
        if notice.kind == Notice.CHECK_IN and not notice.words:
            move(notice, Notice.DRAFT, released_at=now, reason="")
        else:
            leaves_at = timing.not_before(notice, now)
            move(notice, Notice.QUEUED, send_at=leaves_at, released_at=now, reason="")
        _told(made, notice, by, now)


def _pass_act(approval, *, by, today, now):
    is_invoice = approval.about_table == Invoice._meta.table_name
    what = approvals.details(approval)["what"]
    made = _keep(approval, what, invoice=approval.about_id if is_invoice else None, now=now)
    _told(made, made.customer, by, now)


def _keep(approval, what, *, now, **about):
    more = approvals.details(approval)
    return GateOverride.create(
        customer=approval.customer_id, what=what, reason=approval.reason, sentences=more["sentences"],
        covers_at=datetime.fromisoformat(more["covers_at"]), approval=approval, made_at=now, **about,
    )  # fmt: skip


def _told(made, row, by, now):
    """The audit says who asked, who agreed, why, and what stood against it."""
    said = {"asked_by": made.approval.asked_by, "approved_by": by, "against": made.sentences}
    events.record("gate.passed", row, by=by, now=now, customer=made.customer, reason=made.reason, after=said)


def _follows(approval, today):
    notice = Notice.get_by_id(approval.about_id)
    if notice.state == Notice.DRAFT:
        return "It is a draft again: one of us reads, signs and sends it."
    if notice.channel == Notice.PAPER:
        return "It goes to the letters to print."
    if notice.send_at <= approval.decided_at:
        return "It leaves within minutes."
    there = localtime.moment(notice.send_at, companies.current().time_zone)
    days = (there.date() - today).days
    on = words.from_today(there.date(), today) if days in (0, 1) else f"on {words.date(there.date())}"
    return f"It leaves {on} at {words.clock(there)}, unless something new comes up."


def _effect(approval):
    return "It would leave although: " + approvals.details(approval)["sentences"].replace("\n", " ")


approvals.register(KIND, _pass_notice, label="Message past the gate", effect=_effect, follows=_follows)
approvals.register(KIND_OF_ACT, _pass_act, label="Act past the gate", effect=_effect)
