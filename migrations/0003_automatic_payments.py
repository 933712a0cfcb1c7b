"""Saved methods, autopay, refunds by the processor, returns, settlements, files from the bank."""

from migrations.changing import freeze, never_delete, run, widen

EVIDENCE = (
    "payment_method", "autopay", "planned_charge", "settlement", "chargeback", "loss", "autopay_outcome",
    "settlement_line", "difference", "remittance_file", "remittance_row",
)  # fmt: skip
FROZEN = {
    "payment_method": ("customer_id", "token", "kind", "added_by", "added_at"),
    "autopay": (
        "customer_id", "contact_id", "method_id", "timing", "days_before", "day_of_month", "cap_cents",
        "tell_days", "text", "text_version", "agreed_at", "agreed_from", "agreed_by",
    ),
    "planned_charge": ("autopay_id", "customer_id", "invoice_id"),
    "settlement": ("batch_id", "kind"),
    "chargeback": ("payment_id", "customer_id", "amount_cents"),
    "loss": ("payment_id", "key", "kind", "amount_cents", "reason", "by", "made_on"),
    "autopay_outcome": ("run_on", "invoice_id", "customer_id"),
    "settlement_line": ("settlement_id", "transaction_id"),
    "difference": ("key", "kind", "found_on"),
    "remittance_file": ("kind", "file_name", "sha256", "row_count", "total_cents", "by", "read_at"),
    "remittance_row": ("file_id", "row_number", "amount_cents", "received_on", "check_number", "scan_line"),
}  # fmt: skip
PAYMENT_KINDS = ("online", "card", "bank", "check", "cash", "money_order", "wire")
REFUND_WAYS = ("check", "cash", "wire")
NOTICE_KINDS = (
    "invoice", "reminder", "receipt", "payment_problem", "sign_in", "fresh_link", "ticket_reply",
    "contact_changed",
)  # fmt: skip
MORE_NOTICE_KINDS = (
    "autopay_on", "autopay_off", "upcoming_charge", "charge_postponed", "charge_declined", "above_cap",
    "method_expiring", "method_problem", "method_changed", "refund",
)  # fmt: skip


def up(migrator, db):
    run(db, TABLES)
    widen(db, "payment", "kind", PAYMENT_KINDS, (*PAYMENT_KINDS, "bill_pay"))
    widen(db, "refund", "how", REFUND_WAYS, (*REFUND_WAYS, "card", "bank", "void"))
    widen(db, "notice", "kind", NOTICE_KINDS, (*NOTICE_KINDS, *MORE_NOTICE_KINDS))
    for table in EVIDENCE:
        never_delete(db, table)
    for table, columns in FROZEN.items():
        freeze(db, table, columns)


TABLES = """
CREATE TABLE "payment_method" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "token" VARCHAR(20) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('active', 'disabled', 'removed')),
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('card', 'bank')),
    "label" VARCHAR(60) NOT NULL,
    "last_four" VARCHAR(4) NOT NULL,
    "expires_on" DATE,
    "account_type" VARCHAR(20) NOT NULL,
    "network_transaction_id" VARCHAR(255) NOT NULL,
    "first_cents" {cents},
    "reason" VARCHAR(255) NOT NULL,
    "added_by" VARCHAR(80) NOT NULL,
    "added_at" {instant} NOT NULL,
    "ended_at" {instant},
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT
);
CREATE INDEX "payment_method_customer_id" ON "payment_method" ("customer_id");
CREATE UNIQUE INDEX "payment_method_token" ON "payment_method" ("token");

CREATE TABLE "autopay" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "method_id" INTEGER NOT NULL,
    "timing" VARCHAR(30) NOT NULL CHECK (timing IN ('due_date', 'days_before', 'day_of_month')),
    "days_before" INTEGER NOT NULL,
    "day_of_month" INTEGER,
    "cap_cents" {cents},
    "tell_days" INTEGER,
    "text" TEXT NOT NULL,
    "text_version" VARCHAR(20) NOT NULL,
    "agreed_at" {instant} NOT NULL,
    "agreed_from" VARCHAR(45) NOT NULL,
    "agreed_by" VARCHAR(80) NOT NULL,
    "ended_at" {instant},
    "ended_by" VARCHAR(80) NOT NULL,
    "end_reason" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("method_id") REFERENCES "payment_method" ("id") ON DELETE RESTRICT,
    CHECK (days_before BETWEEN 0 AND 30),
    CHECK (day_of_month IS NULL OR day_of_month BETWEEN 1 AND 28),
    CHECK (cap_cents IS NULL OR cap_cents > 0),
    CHECK (tell_days IS NULL OR tell_days BETWEEN 1 AND 30)
);
CREATE INDEX "autopay_customer_id" ON "autopay" ("customer_id");
CREATE INDEX "autopay_contact_id" ON "autopay" ("contact_id");
CREATE INDEX "autopay_method_id" ON "autopay" ("method_id");
CREATE UNIQUE INDEX "autopay_standing" ON "autopay" ("customer_id") WHERE ("ended_at" IS NULL);

CREATE TABLE "planned_charge" (
    "id" {serial},
    "autopay_id" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('planned', 'done', 'dropped')),
    "charge_on" DATE NOT NULL,
    "told_on" DATE,
    "told_cents" {cents},
    "postponed_from_on" DATE,
    "postponed_at" {instant},
    "reason" VARCHAR(255) NOT NULL,
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("autopay_id") REFERENCES "autopay" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT
);
CREATE INDEX "planned_charge_autopay_id" ON "planned_charge" ("autopay_id");
CREATE INDEX "planned_charge_customer_id" ON "planned_charge" ("customer_id");
CREATE INDEX "planned_charge_invoice_id" ON "planned_charge" ("invoice_id");
CREATE INDEX "planned_charge_customer_id_charge_on" ON "planned_charge" ("customer_id", "charge_on");
CREATE UNIQUE INDEX "planned_charge_once" ON "planned_charge" ("invoice_id") WHERE ("state" = 'planned');
CREATE INDEX "planned_charge_due" ON "planned_charge" ("charge_on") WHERE ("state" = 'planned');

CREATE TABLE "settlement" (
    "id" {serial},
    "batch_id" VARCHAR(20) NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('card', 'bank')),
    "is_settled" {flag} NOT NULL,
    "settled_at" {instant} NOT NULL,
    "charge_count" INTEGER NOT NULL,
    "charge_cents" {cents} NOT NULL,
    "refund_count" INTEGER NOT NULL,
    "refund_cents" {cents} NOT NULL,
    "return_count" INTEGER NOT NULL,
    "return_cents" {cents} NOT NULL,
    "read_at" {instant} NOT NULL
);
CREATE UNIQUE INDEX "settlement_batch_id" ON "settlement" ("batch_id");
CREATE INDEX "settlement_settled_at" ON "settlement" ("settled_at");

ALTER TABLE "company" ADD COLUMN "bank_clear_days" INTEGER NOT NULL DEFAULT 5;
ALTER TABLE "company" ADD COLUMN "postpone_days" INTEGER NOT NULL DEFAULT 14;
ALTER TABLE "company" ADD COLUMN "postpone_limit" INTEGER NOT NULL DEFAULT 2;
ALTER TABLE "company" ADD COLUMN "refund_alone_cents" {cents} NOT NULL DEFAULT 20000;
ALTER TABLE "company" ADD COLUMN "return_fee_cents" {cents} NOT NULL DEFAULT 0;

ALTER TABLE "customer" ADD COLUMN "profile_id" VARCHAR(20) NOT NULL DEFAULT '';
CREATE UNIQUE INDEX "customer_profile" ON "customer" ("profile_id") WHERE ("profile_id" != '');

ALTER TABLE "job_run" ADD COLUMN "only" VARCHAR(20) NOT NULL DEFAULT '';

ALTER TABLE "payment" ADD COLUMN "method_id" INTEGER REFERENCES "payment_method" ("id") ON DELETE RESTRICT;
ALTER TABLE "payment" ADD COLUMN "autopay_id" INTEGER REFERENCES "autopay" ("id") ON DELETE RESTRICT;
ALTER TABLE "payment" ADD COLUMN "entry_class" VARCHAR(3) NOT NULL DEFAULT '';
ALTER TABLE "payment" ADD COLUMN "try_number" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "payment" ADD COLUMN "retry_on" DATE;
ALTER TABLE "payment" ADD COLUMN "decline_code" VARCHAR(10) NOT NULL DEFAULT '';
ALTER TABLE "payment" ADD COLUMN "return_code" VARCHAR(5) NOT NULL DEFAULT '';
ALTER TABLE "payment" ADD COLUMN "settlement_id" INTEGER REFERENCES "settlement" ("id") ON DELETE RESTRICT;
ALTER TABLE "payment" ADD COLUMN "settled_on" DATE;
ALTER TABLE "payment" ADD COLUMN "clears_on" DATE;
CREATE INDEX "payment_method_id" ON "payment" ("method_id");
CREATE INDEX "payment_autopay_id" ON "payment" ("autopay_id");
CREATE INDEX "payment_settlement_id" ON "payment" ("settlement_id");
CREATE INDEX "payment_by_method" ON "payment" ("method_id", "created_at") WHERE ("method_id" IS NOT NULL);

ALTER TABLE "refund" ADD COLUMN "state" VARCHAR(30) NOT NULL CHECK (state IN ('waiting', 'prepared', 'sent', 'in_doubt', 'approved', 'settled', 'declined', 'refused')) DEFAULT 'approved';
ALTER TABLE "refund" ADD COLUMN "approved_by" VARCHAR(80) NOT NULL DEFAULT '';
ALTER TABLE "refund" ADD COLUMN "reference" VARCHAR(20);
ALTER TABLE "refund" ADD COLUMN "transaction_id" VARCHAR(20);
ALTER TABLE "refund" ADD COLUMN "ask_at" {instant};
ALTER TABLE "refund" ADD COLUMN "asks" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "refund" ADD COLUMN "outcome" VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE "refund" ADD COLUMN "created_at" {instant};
ALTER TABLE "refund" ADD COLUMN "concluded_at" {instant};
ALTER TABLE "refund" ADD COLUMN "settlement_id" INTEGER REFERENCES "settlement" ("id") ON DELETE RESTRICT;
CREATE UNIQUE INDEX "refund_reference" ON "refund" ("reference");
CREATE UNIQUE INDEX "refund_transaction_id" ON "refund" ("transaction_id");
CREATE INDEX "refund_settlement_id" ON "refund" ("settlement_id");
CREATE UNIQUE INDEX "refund_live" ON "refund" ("payment_id") WHERE ("state" IN ('waiting', 'prepared', 'sent', 'in_doubt'));
CREATE INDEX "refund_ask" ON "refund" ("ask_at") WHERE ("ask_at" IS NOT NULL);

ALTER TABLE "notice" ADD COLUMN "autopay_id" INTEGER REFERENCES "autopay" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "method_id" INTEGER REFERENCES "payment_method" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "refund_id" INTEGER REFERENCES "refund" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "charge_on" DATE;
CREATE INDEX "notice_autopay_id" ON "notice" ("autopay_id");
CREATE INDEX "notice_method_id" ON "notice" ("method_id");
CREATE INDEX "notice_refund_id" ON "notice" ("refund_id");

CREATE TABLE "chargeback" (
    "id" {serial},
    "payment_id" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('open', 'answered', 'won', 'lost')),
    "amount_cents" {cents} NOT NULL,
    "fee_cents" {cents} NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "transaction_id" VARCHAR(20),
    "opened_on" DATE NOT NULL,
    "answer_by_on" DATE,
    "answered_on" DATE,
    "closed_on" DATE,
    "note" TEXT NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0),
    CHECK (fee_cents >= 0)
);
CREATE INDEX "chargeback_payment_id" ON "chargeback" ("payment_id");
CREATE INDEX "chargeback_customer_id" ON "chargeback" ("customer_id");
CREATE UNIQUE INDEX "chargeback_transaction_id" ON "chargeback" ("transaction_id");
CREATE INDEX "chargeback_state_answer_by_on" ON "chargeback" ("state", "answer_by_on");

CREATE TABLE "loss" (
    "id" {serial},
    "payment_id" INTEGER NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('after_refund', 'fee')),
    "amount_cents" {cents} NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "made_on" DATE NOT NULL,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "loss_payment_id" ON "loss" ("payment_id");
CREATE UNIQUE INDEX "loss_key" ON "loss" ("key");

CREATE TABLE "autopay_outcome" (
    "id" {serial},
    "run_on" DATE NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "outcome" VARCHAR(30) NOT NULL CHECK (outcome IN ('charged', 'declined', 'held', 'in_doubt', 'skipped')),
    "reason" VARCHAR(255) NOT NULL,
    "payment_id" INTEGER,
    "decided_at" {instant} NOT NULL,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT
);
CREATE INDEX "autopay_outcome_invoice_id" ON "autopay_outcome" ("invoice_id");
CREATE INDEX "autopay_outcome_customer_id" ON "autopay_outcome" ("customer_id");
CREATE INDEX "autopay_outcome_payment_id" ON "autopay_outcome" ("payment_id");
CREATE UNIQUE INDEX "autopay_outcome_run_on_invoice_id" ON "autopay_outcome" ("run_on", "invoice_id");
CREATE INDEX "autopay_outcome_run_on_outcome" ON "autopay_outcome" ("run_on", "outcome");

CREATE TABLE "settlement_line" (
    "id" {serial},
    "settlement_id" INTEGER NOT NULL,
    "transaction_id" VARCHAR(20) NOT NULL,
    "status" VARCHAR(40) NOT NULL,
    "reference" VARCHAR(20) NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "is_refund" {flag} NOT NULL,
    "payment_id" INTEGER,
    "refund_id" INTEGER,
    "submitted_at" {instant},
    FOREIGN KEY ("settlement_id") REFERENCES "settlement" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("refund_id") REFERENCES "refund" ("id") ON DELETE RESTRICT
);
CREATE INDEX "settlement_line_settlement_id" ON "settlement_line" ("settlement_id");
CREATE UNIQUE INDEX "settlement_line_transaction_id" ON "settlement_line" ("transaction_id");
CREATE INDEX "settlement_line_payment_id" ON "settlement_line" ("payment_id");
CREATE INDEX "settlement_line_refund_id" ON "settlement_line" ("refund_id");

CREATE TABLE "difference" (
    "id" {serial},
    "key" VARCHAR(64) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('open', 'gone', 'settled')),
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('not_in_books', 'not_at_processor', 'amount', 'state', 'batch_total')),
    "transaction_id" VARCHAR(20) NOT NULL,
    "settlement_id" INTEGER,
    "payment_id" INTEGER,
    "refund_id" INTEGER,
    "ours_cents" {cents},
    "theirs_cents" {cents},
    "text" VARCHAR(255) NOT NULL,
    "found_on" DATE NOT NULL,
    "closed_at" {instant},
    "closed_by" VARCHAR(80) NOT NULL,
    "resolution" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("settlement_id") REFERENCES "settlement" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("refund_id") REFERENCES "refund" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "difference_key" ON "difference" ("key");
CREATE INDEX "difference_settlement_id" ON "difference" ("settlement_id");
CREATE INDEX "difference_payment_id" ON "difference" ("payment_id");
CREATE INDEX "difference_refund_id" ON "difference" ("refund_id");
CREATE INDEX "difference_state_found_on" ON "difference" ("state", "found_on");

CREATE TABLE "remittance_file" (
    "id" {serial},
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('lockbox', 'bill_pay')),
    "file_name" VARCHAR(255) NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "row_count" INTEGER NOT NULL,
    "total_cents" {cents} NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "read_at" {instant} NOT NULL
);
CREATE UNIQUE INDEX "remittance_file_sha256" ON "remittance_file" ("sha256");

CREATE TABLE "remittance_row" (
    "id" {serial},
    "file_id" INTEGER NOT NULL,
    "row_number" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('booked', 'unmatched', 'dismissed')),
    "amount_cents" {cents} NOT NULL,
    "received_on" DATE NOT NULL,
    "check_number" VARCHAR(30) NOT NULL,
    "scan_line" VARCHAR(80) NOT NULL,
    "account_text" VARCHAR(60) NOT NULL,
    "payer_text" VARCHAR(120) NOT NULL,
    "customer_id" INTEGER,
    "payment_id" INTEGER,
    "matched_by" VARCHAR(20) NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "closed_by" VARCHAR(80) NOT NULL,
    FOREIGN KEY ("file_id") REFERENCES "remittance_file" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "remittance_row_file_id" ON "remittance_row" ("file_id");
CREATE INDEX "remittance_row_customer_id" ON "remittance_row" ("customer_id");
CREATE INDEX "remittance_row_payment_id" ON "remittance_row" ("payment_id");
CREATE UNIQUE INDEX "remittance_row_file_id_row_number" ON "remittance_row" ("file_id", "row_number");
CREATE INDEX "remittance_row_state" ON "remittance_row" ("state")
"""  # noqa: E501
