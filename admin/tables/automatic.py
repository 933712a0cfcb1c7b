"""Saved methods, autopay and what it charges: what their screens need beyond the generator."""

from admin import (
    autopay_actions,
    labels,
)
from admin.base import StaffView


class PaymentMethodView(StaffView):
    """Cards and bank accounts that the processor keeps. The customer adds and removes them."""

    column_list = ("label", "customer", "kind", "state", "expires_on", "added_at", "reason")
    column_labels = {
        "label": "Method", "first_cents": "First charge", "token": "Processor's id", "ended_at": "Ended",
        "network_transaction_id": "Network's id of the first charge",
    }  # fmt: skip
    column_filters_by = ("state", "kind", "customer", "expires_on", "added_at")
    lead = "Nobody types a card here: customers save them on the processor's page."
    actions = autopay_actions.METHOD
    inline = ("payments",)


class AutopayView(StaffView):
    """Standing authorizations: who agreed to which words, and when. Never changed, only ended."""

    plural = "Autopay"
    column_list = ("id", "customer", "method", "timing", "cap_cents", "tell_days", "agreed_at", "ended_at")
    column_labels = {
        "cap_cents": "Ask above", "tell_days": "Told ahead (days)", "days_before": "Days before due",
        "agreed_at": "Agreed", "agreed_from": "Agreed from", "ended_at": "Ended", "text": "Words agreed to",
    }  # fmt: skip
    column_filters_by = ("customer", "method", "timing", "cap_cents", "agreed_at", "ended_at")
    actions = autopay_actions.AUTOPAY
    inline = ("planned_charges", "payments")


class PlannedChargeView(StaffView):
    """What autopay is going to do, and what customers were told of it."""

    column_list = ("id", "customer", "invoice", "state", "charge_on", "told_on", "told_cents", "reason")
    column_labels = {
        "told_on": "Told on", "told_cents": "Told", "charge_on": "Day of the charge",
        "postponed_from_on": "Put off from", "postponed_at": "Put off",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "invoice", "charge_on", "told_on", "postponed_from_on")
    actions = autopay_actions.PLANNED_CHARGE

    def show_state(self, row):
        """A charge of an invoice that was paid another way stays planned until the next daily job."""
        is_paid = row.state == row.PLANNED and row.invoice.open_cents == 0
        return labels.badge("paid already", "plain") if is_paid else labels.badge(row.state)


class AutopayOutcomeView(StaffView):
    """What became of every invoice that autopay should have paid on a day."""

    plural = "Autopay, day by day"
    column_list = ("id", "run_on", "customer", "invoice", "outcome", "why", "reason", "payment")
    column_labels = {"run_on": "Day", "decided_at": "Decided", "reason": "In words"}
    column_filters_by = ("outcome", "why", "run_on", "customer", "invoice")
