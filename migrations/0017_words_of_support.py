"""The words that support and the ways out bring: kinds of messages and of credits."""

from migrations.changing import widen

KINDS = (
    "invoice", "reminder", "receipt", "payment_problem", "sign_in", "fresh_link", "ticket_reply",
    "contact_changed", "autopay_on", "autopay_off", "upcoming_charge", "charge_postponed", "charge_declined",
    "above_cap", "method_expiring", "method_problem", "method_changed", "refund", "overdue", "check_in",
    "digest", "renewal", "yearly_reminder", "price_change", "contract_answered", "contract_ended",
    "consent_confirm", "text_reply",
)  # fmt: skip
MORE_KINDS = (
    "ticket_received", "ticket_closed", "dispute_received", "dispute_decided", "promise", "plan_agreed",
    "plan_missed", "plan_ended", "credit_given", "late_fee", "suspension_warning", "suspended", "reinstated",
    "handed_over",
)  # fmt: skip
CREDITS = ("note", "goodwill", "unused_service")
MORE_CREDITS = ("service", "dispute", "late_fee", "write_off", "bad_debt")


def up(migrator, db):
    widen(db, "notice", "kind", KINDS, (*KINDS, *MORE_KINDS))
    widen(db, "credit", "kind", CREDITS, (*CREDITS, *MORE_CREDITS))
