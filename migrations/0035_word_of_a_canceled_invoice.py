"""Who was sent an invoice hears that it was canceled: a kind of message."""

from migrations.changing import widen

KINDS = (
    "invoice", "reminder", "receipt", "payment_problem", "sign_in", "fresh_link", "ticket_reply",
    "contact_changed", "autopay_on", "autopay_off", "upcoming_charge", "charge_postponed", "charge_declined",
    "above_cap", "method_expiring", "method_problem", "method_changed", "refund", "overdue", "check_in",
    "digest", "renewal", "yearly_reminder", "price_change", "contract_answered", "contract_ended",
    "consent_confirm", "text_reply", "ticket_received", "ticket_closed", "dispute_received",
    "dispute_decided", "promise", "plan_agreed", "plan_missed", "plan_ended", "credit_given", "late_fee",
    "suspension_warning", "suspended", "reinstated", "handed_over",
)  # fmt: skip


def up(migrator, db):
    widen(db, "notice", "kind", KINDS, (*KINDS, "invoice_canceled"))
