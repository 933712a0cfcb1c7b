"""Deciding a dispute: we were wrong (a credit), right (due again on a fresh date), or both in part.

Only staff decide, with reasons that the customer reads. A credit above what one may give alone waits for a
second person; until then nothing changes for the customer.
"""

from datetime import timedelta

from billing import approvals, events, invoices, ledger, masking, notices, tickets, undisputed
from billing import company as companies
from billing.disputes import asking
from billing.errors import BillingError
from billing.money import format_cents
from billing.remedies import goodwill
from billing.states import move
from models import Credit, Dispute, Staff, Ticket

LONGEST = 2_000


def uphold(dispute, *, amount_cents, decision, staff, by, today, now):
    """We were wrong about so much of it: that is credited, the rest is due again on a fresh date.

    Returns the Dispute, or the Approval that waits where the credit is above what this person may give alone.
    Raises BillingError for an amount outside of what is disputed, and without reasons.
    """
    decision = _decision(decision)
    with ledger.locked(dispute.customer_id):
        _check(dispute, amount_cents)
        left = goodwill.left_cents(dispute.customer, staff.role, by=by, today=today)
        if left is not None and amount_cents > left:
            told = {"decision": decision, "staff": staff.id}
            return approvals.ask(
                undisputed.KIND, dispute, reason=decision, by=by, now=now, amount_cents=amount_cents, **told
            )
        return _uphold(dispute, amount_cents, decision, staff, by, today, now)


def _check(dispute, amount_cents):
    if Dispute.get_by_id(dispute.id).state != Dispute.OPEN:
        raise BillingError("This dispute is decided already. Reload the page and look.")
    if not 0 < amount_cents <= dispute.amount_cents:
        most = format_cents(dispute.amount_cents)
        raise BillingError(f"Enter an amount between $0.01 and {most}, which is what is disputed.")
    if asked := approvals.is_asked(undisputed.KIND, dispute):
        raise BillingError(f"{asked.asked_by} asked for a credit already, which waits for a second person.")


def _uphold(dispute, amount_cents, decision, staff, by, today, now, approval=None):
    made = invoices.credit(
        dispute.invoice, amount_cents=amount_cents, reason=decision, by=by, today=today, now=now,
        kind=Credit.DISPUTE, line=dispute.line, key=f"dispute:{dispute.id}", approval=approval,
    )  # fmt: skip
    is_part = amount_cents < dispute.amount_cents
    again_on = _again_on(dispute, today) if is_part else None
    told = {"decision": decision, "decided_by": by, "decided_at": now, "due_again_on": again_on}
    move(dispute, Dispute.UPHELD, credit=made, **told)
    undisputed.settle([dispute.invoice_id], by=by, now=now)
    return _tell(dispute, staff, by, today, now)


def reject(dispute, *, decision, staff, by, today, now):
    """It is owed after all: due again on a fresh date, so many days ahead as the company gives.

    Returns the Dispute. Raises BillingError without reasons, and when it was decided meanwhile.
    """
    decision = _decision(decision)
    with ledger.locked(dispute.customer_id):
        _check(dispute, dispute.amount_cents)
        told = {"decision": decision, "decided_by": by, "decided_at": now}
        move(dispute, Dispute.REJECTED, due_again_on=_again_on(dispute, today), **told)
        return _tell(dispute, staff, by, today, now)


def _again_on(dispute, today):
    return max(dispute.invoice.due_on, today + timedelta(days=companies.current().dispute_days))


def _decision(text):
    return masking.said(text, missing="Give your reasons; the customer reads them.", longest=LONGEST)


def _tell(dispute, staff, by, today, now):
    """The reasons, in the thread and by one mail; then it is over."""
    if dispute.ticket_id:
        ticket = Ticket.get_by_id(dispute.ticket_id)
        tickets.reply(ticket, body=dispute.decision, by=by, now=now, staff=staff, mail=False)
    asking.end(dispute, by=by, today=today, now=now)
    notices.queue_dispute(dispute, now=now)
    events.record(f"dispute.{dispute.state}", dispute, by=by, now=now, reason=dispute.decision)
    return dispute


def _approved(approval, *, by, today, now):
    details = approvals.details(approval)
    dispute = Dispute.get_by_id(approval.about_id)
    if dispute.state != Dispute.OPEN:
        raise BillingError("This dispute is closed meanwhile. Refuse the request.")
    staff = Staff.get_by_id(details["staff"])
    _uphold(
        dispute, approval.amount_cents, details["decision"], staff, approval.asked_by, today, now, approval
    )


def _effect(approval):
    dispute = approvals.about(approval)
    cents, number = format_cents(approval.amount_cents), dispute.invoice.number
    return f"{cents} is credited on invoice {number}, and the customer reads: “{approval.reason}”"


approvals.register(undisputed.KIND, _approved, label="Credit for a dispute", effect=_effect)
