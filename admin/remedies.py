"""Kind ways out at the desk: gifts, credit for faults, write-offs, late fees, and the second person's word.

Here: their screens, forms and the one call of each. Not here: limits and amounts (billing/remedies/), who
decides what (billing/approvals.py), who may (security.py).
"""

import wtforms
from flask import g

from admin import labels, security
from admin.actions import WAITS, Action, AmountForm, Reason, click_of, day_of
from admin.base import StaffView
from billing import approvals, words
from billing.money import format_cents
from billing.remedies import fees, goodwill, late_fees, service_credits, write_offs
from models import Approval, Credit, Invoice, LateFee, ServiceCredit

# What an owner decides about all of this, on the company's page.
POLICIES = (
    "goodwill_support_cents", "goodwill_billing_cents", "service_credit_hours", "write_off_alone_cents",
    "late_fee_kind", "late_fee_cents", "late_fee_ppm", "late_fee_cap_cents", "late_fee_grace_days",
)  # fmt: skip
POLICY_LABELS = {
    "goodwill_support_cents": "Goodwill, support alone", "goodwill_billing_cents": "Goodwill, billing alone",
    "service_credit_hours": "Service credit after (hours)", "late_fee_kind": "Late fee",
    "late_fee_cents": "Late fee, flat", "late_fee_ppm": "Late fee, percent",
    "late_fee_cap_cents": "Late fee, at most",
}  # fmt: skip


def check_policies(form):
    """Put a sentence beside what cannot be: a late fee of nothing."""
    needed = {fees.FLAT: form.late_fee_cents, fees.PERCENT: form.late_fee_ppm}.get(form.late_fee_kind.data)
    if needed is not None and not needed.data:
        needed.errors = [*needed.errors, "Say how much, or choose no late fee."]


# --- gifts -----------------------------------------------------------------------------------------


class GiftForm(AmountForm):
    """How much, why, and whether they hear of it."""

    tell = wtforms.BooleanField("Tell them by mail", default=True)


def _goodwill(customer, form):
    made = goodwill.give(
        customer, amount_cents=form.amount.data, reason=form.reason.data, role=security.role(),
        tell=form.tell.data, key=click_of(customer), **day_of(),
    )  # fmt: skip
    if isinstance(made, Approval):
        return f"{format_cents(made.amount_cents)} is more than you may give alone. {WAITS}"
    return f"{customer.name} was credited {format_cents(made.amount_cents)}."


def _gift_effect(customer):
    left = goodwill.left_cents(customer, security.role(), by=g.by, today=g.today)
    return "" if left is None else f"you may give {format_cents(left)} alone; more waits for a second person"


GOODWILL = Action(
    "goodwill",
    "Give credit",
    _goodwill,
    form=GiftForm,
    lead="A credit out of kindness. It pays what is open, oldest first; the rest stays on the account.",
    effect=_gift_effect,
)


# --- write-offs ------------------------------------------------------------------------------------


def _write_off(invoice, form):
    made = write_offs.write_off(invoice, reason=form.reason.data, key=click_of(invoice), **day_of())
    cents = format_cents(made.amount_cents)
    if isinstance(made, Approval):
        return f"{cents} of {invoice} is more than one person may write off. {WAITS}"
    return f"{cents} of {invoice} is written off."


def _bad_debt(invoice, form):
    asked = write_offs.bad_debt(invoice, reason=form.reason.data, by=g.by, now=g.now)
    return f"It was asked for: {format_cents(asked.amount_cents)} of {invoice}. {WAITS}"


def _open(invoice):
    return f"{format_cents(invoice.open_cents)} open of {format_cents(invoice.total_cents)}"


def _is_open(invoice):
    return invoice.state == Invoice.ISSUED and invoice.open_cents > 0


INVOICE = (
    Action(
        "write_off",
        "Write off the rest",
        _write_off,
        form=Reason,
        lead="What is left is not asked for any more. No money moves, and it can be taken back. Small "
        "remainders go at once; more waits for a second person.",
        fits=_is_open,
        effect=_open,
        tone="danger",
    ),
    Action(
        "bad_debt",
        "Give up as bad debt",
        _bad_debt,
        form=Reason,
        lead="Nobody will pay it. Somebody else has to agree, however small it is; then it is not asked for "
        "any more.",
        fits=_is_open,
        effect=_open,
        tone="danger",
        bulk=False,
    ),
)


def _take_back(credit, form):
    write_offs.take_back(credit, reason=form.reason.data, **day_of())
    return f"{credit.invoice} is owed again."


CREDIT_STANDING = {
    "given_up": ("Written off", lambda at: at(Credit.kind).in_(tuple(write_offs.KINDS))),
    "goodwill": ("Goodwill", lambda at: at(Credit.kind) == Credit.GOODWILL),
}
CREDIT = (
    Action(
        "take_back",
        "Take the write-off back",
        _take_back,
        form=Reason,
        lead="The invoice is owed again. What lies on the account unapplied pays it.",
        fits=lambda credit: credit.kind in write_offs.KINDS and write_offs.standing_cents(credit) > 0,
        effect=lambda credit: format_cents(write_offs.standing_cents(credit)),
        bulk=False,
    ),
)


# --- the second person -----------------------------------------------------------------------------


def _approve(approval, form):
    approvals.approve(approval, **day_of())
    follows = approvals.follows(approval, today=g.today)
    return f"{approvals.label(approval.kind)}: approved{f'. {follows}' if follows else ' and done.'}"


def _refuse(approval, form):
    approvals.refuse(approval, reason=form.reason.data, by=g.by, now=g.now)
    return f"{approvals.label(approval.kind)}: nothing is done."


def _asked(approval):
    who = labels.person(approval.asked_by)
    return f"{approvals.effect(approval)} Asked by {who}: {words.sentence(approval.reason)}".strip()


def _waits_for_me(approval):
    return approval.state == Approval.ASKED and not approvals.is_mine(approval, g.by)


APPROVAL = (
    Action(
        "approve",
        "Approve",
        _approve,
        lead="You are the second person: with your word it is done at once.",
        fits=_waits_for_me,
        effect=_asked,
        tone="main",
    ),
    Action(
        "refuse",
        "Refuse",
        _refuse,
        form=Reason,
        lead="Nothing is done. The one who asked reads why.",
        fits=_waits_for_me,
        effect=_asked,
        tone="danger",
    ),
    Action(
        "withdraw",
        "Take back",
        _refuse,
        form=Reason,
        lead="You asked for it; nothing is done, and nobody has to decide.",
        fits=lambda approval: approval.state == Approval.ASKED and approvals.is_mine(approval, g.by),
        effect=_asked,
    ),
)


class ApprovalView(StaffView):
    """What needs two people."""

    lead = "One asks with a reason, somebody else decides. Refunds wait under Refunds."
    column_list = ("id", "kind", "customer", "amount_cents", "reason", "asked_by", "state")
    column_labels = {
        "kind": "What", "asked_by": "Asked by", "asked_at": "Asked", "decided_by": "Decided by",
        "decided_at": "Decided", "effect": "What would happen", "about": "About", "details": "Particulars",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "asked_at", "asked_by", "decided_by")
    computed = ("effect", "about")
    actions = APPROVAL

    def get_details_columns(self):
        """Without the two halves of what it is about, which stands there as a link."""
        hidden = ("about_table", "about_id", "details", "asked_by_staff", "decided_by_staff")
        return [pair for pair in super().get_details_columns() if pair[0] not in hidden]

    def show_kind(self, row):
        return approvals.label(row.kind)

    def plain_kind(self, row):
        return approvals.label(row.kind)

    def show_effect(self, row):
        return approvals.effect(row) or labels.EMPTY if row.state == Approval.ASKED else labels.EMPTY

    def show_about(self, row):
        about = approvals.about(row)
        return labels.row_link(about) if about else labels.EMPTY

    def heading(self, row):
        whose = f" – {row.customer.name}" if row.customer_id else ""
        return f"{approvals.label(row.kind)}{whose}"


# --- credit for faults -----------------------------------------------------------------------------


class GiveForm(wtforms.Form):
    """Whether they hear of it."""

    tell = wtforms.BooleanField("Tell them by mail", default=True)


def _give(row, form):
    made = service_credits.give(row, role=security.role(), tell=form.tell.data, **day_of())
    return f"{row.customer.name} was credited {format_cents(made.amount_cents)} for {row.days} days."


def _refuse_credit(row, form):
    service_credits.refuse(row, reason=form.reason.data, by=g.by, now=g.now)
    return "These days are not credited."


def _is_proposed(row):
    return row.state == ServiceCredit.PROPOSED


def _credit_effect(row):
    return f"{format_cents(row.cents)}. {service_credits.words_of(row)}"


SERVICE_CREDIT = (
    Action(
        "give",
        "Give",
        _give,
        form=GiveForm,
        lead="The invoice that billed these days is corrected; where it is paid, the credit stays on the "
        "account.",
        fits=_is_proposed,
        effect=_credit_effect,
        tone="main",
    ),
    Action(
        "refuse",
        "Refuse",
        _refuse_credit,
        form=Reason,
        lead="These days are not credited, and not proposed again.",
        fits=_is_proposed,
        effect=_credit_effect,
        tone="danger",
    ),
)


class ServiceCreditView(StaffView):
    """Days that did not work: proposed by themselves, decided here."""

    lead = "Proposed every day from service tickets. Give them before the customer has to ask."
    column_list = ("ticket", "customer", "cents", "state", "from_on", "to_on", "days", "charge")
    column_labels = {
        "cents": "Credit", "from_on": "From", "to_on": "To", "days": "Days", "of_days": "Of days",
        "proposed_at": "Proposed", "decided_by": "Decided by", "decided_at": "Decided",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "ticket", "from_on", "cents")
    actions = SERVICE_CREDIT

    def heading(self, row):
        return f"Credit for {row.days} days, {format_cents(row.cents)}"


# --- late fees -------------------------------------------------------------------------------------


def _waive(fee, form):
    late_fees.waive(fee, reason=form.reason.data, **day_of())
    return f"The late fee of {fee.invoice} is waived."


def _fee_effect(fee):
    cents, state = format_cents(fee.cents), dict(LateFee.state.choices)[fee.state].lower()
    day = f", from {words.date(fee.charge_from_on)}" if fee.state in LateFee.WAITING else ""
    return f"{cents} for {fee.invoice}, {state}{day}"


LATE_FEE = (
    Action(
        "waive",
        "Waive",
        _waive,
        form=Reason,
        lead="It is not charged. If it was billed already, that line is credited and the customer hears of "
        "it.",
        fits=lambda fee: fee.state in (*LateFee.WAITING, LateFee.CHARGED),
        effect=_fee_effect,
        tone="main",
    ),
)


class LateFeeView(StaffView):
    """What paying late costs, where an owner switched that on."""

    lead = "Off unless the company says otherwise. Told at least ten days before, once for an invoice."
    column_list = (
        "invoice",
        "customer",
        "state",
        "cents",
        "charge_from_on",
        "told_on",
        "computed_on",
        "reason",
    )
    column_labels = {
        "cents": "At most", "base_cents": "Reckoned from", "computed_on": "Planned", "told_on": "Told",
        "charge_from_on": "Charged from", "one_off": "Work", "decided_by": "By", "decided_on": "Decided",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "invoice", "charge_from_on")
    actions = LATE_FEE
    inline = ("notices",)

    def heading(self, row):
        return f"Late fee of {row.invoice}"


class CreditReversalView(StaffView):
    """Write-offs that were taken back, or paid after all."""

    column_list = ("credit", "amount_cents", "payment", "reason", "by", "made_on")
    column_labels = {"payment": "Paid after all by"}
    column_filters_by = ("credit", "made_on", "payment")

    def customer_of(self, row):
        return row.credit.customer if row.credit_id else None
