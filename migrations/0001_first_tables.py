"""The first tables, as they stood on the first day. What stands in braces differs by database."""

SQLITE = {
    "serial": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
    "cents": "INTEGER",
    "flag": "INTEGER",
    "instant": "DATETIME",
    "blob": "BLOB",
}
POSTGRESQL = {
    "serial": "SERIAL NOT NULL PRIMARY KEY",
    "cents": "BIGINT",
    "flag": "BOOLEAN",
    "instant": "TIMESTAMP",
    "blob": "BYTEA",
}


def up(migrator, db):
    for statement in TABLES.split(";"):
        db.execute_sql(statement.format(**(POSTGRESQL if db.for_update else SQLITE)))


TABLES = """
CREATE TABLE "import_batch" (
    "id" {serial},
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('committed', 'released', 'undone')),
    "file_name" VARCHAR(255) NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "totals" TEXT NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "committed_at" {instant} NOT NULL,
    "released_at" {instant},
    "undone_at" {instant}
);

CREATE TABLE "customer" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "street" VARCHAR(80) NOT NULL,
    "street2" VARCHAR(80) NOT NULL,
    "city" VARCHAR(50) NOT NULL,
    "state" VARCHAR(2) NOT NULL,
    "zip" VARCHAR(10) NOT NULL,
    "account_number" VARCHAR(20) NOT NULL,
    "name" VARCHAR(100) NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('residential', 'commercial')),
    "language" VARCHAR(30) NOT NULL CHECK (language IN ('en', 'es')),
    "since_on" DATE,
    "terms_days" INTEGER,
    "po_number" VARCHAR(30) NOT NULL,
    "tax_exempt_number" VARCHAR(40) NOT NULL,
    "tax_exempt_until_on" DATE,
    "pay_wish" VARCHAR(30) NOT NULL CHECK (pay_wish IN ('reminders', 'card_autopay', 'bank_autopay', 'check')),
    "note" TEXT NOT NULL,
    "closed_on" DATE,
    "import_batch_id" INTEGER,
    FOREIGN KEY ("import_batch_id") REFERENCES "import_batch" ("id") ON DELETE RESTRICT,
    CHECK (terms_days IS NULL OR terms_days BETWEEN 0 AND 120)
);
CREATE UNIQUE INDEX "customer_account_number" ON "customer" ("account_number");
CREATE INDEX "customer_import_batch_id" ON "customer" ("import_batch_id");
CREATE INDEX "customer_name" ON "customer" ("name");

CREATE TABLE "job_run" (
    "id" {serial},
    "name" VARCHAR(40) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('running', 'done', 'failed', 'died')),
    "as_of_on" DATE NOT NULL,
    "holder" VARCHAR(80) NOT NULL,
    "lease_until_at" {instant} NOT NULL,
    "started_at" {instant} NOT NULL,
    "ended_at" {instant},
    "report" TEXT NOT NULL
);
CREATE UNIQUE INDEX "job_run_running" ON "job_run" ("name") WHERE ("state" = 'running');

CREATE TABLE "invoice" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "number" INTEGER,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('draft', 'issued', 'void')),
    "issued_on" DATE,
    "due_on" DATE,
    "subtotal_cents" {cents} NOT NULL,
    "discount_cents" {cents} NOT NULL,
    "tax_cents" {cents} NOT NULL,
    "total_cents" {cents} NOT NULL,
    "open_cents" {cents} NOT NULL,
    "previous_cents" {cents} NOT NULL,
    "bill_to" TEXT NOT NULL,
    "po_number" VARCHAR(30) NOT NULL,
    "note" TEXT NOT NULL,
    "run_id" INTEGER,
    "voided_on" DATE,
    "void_reason" VARCHAR(255) NOT NULL,
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("run_id") REFERENCES "job_run" ("id") ON DELETE RESTRICT,
    CHECK (total_cents = subtotal_cents - discount_cents + tax_cents),
    CHECK (subtotal_cents >= 0 AND discount_cents >= 0 AND tax_cents >= 0),
    CHECK (open_cents >= 0 AND open_cents <= total_cents),
    CHECK (state = 'draft' OR state = 'void' OR (number IS NOT NULL AND due_on IS NOT NULL)),
    CHECK (state <> 'void' OR open_cents = 0)
);
CREATE INDEX "invoice_customer_id" ON "invoice" ("customer_id");
CREATE UNIQUE INDEX "invoice_number" ON "invoice" ("number");
CREATE INDEX "invoice_run_id" ON "invoice" ("run_id");
CREATE INDEX "invoice_customer_id_due_on" ON "invoice" ("customer_id", "due_on");
CREATE INDEX "invoice_state_due_on" ON "invoice" ("state", "due_on");
CREATE INDEX "invoice_issued_on" ON "invoice" ("issued_on");
CREATE INDEX "invoice_owed" ON "invoice" ("customer_id") WHERE ("open_cents" > 0);
CREATE INDEX "invoice_open" ON "invoice" ("due_on") WHERE ("open_cents" > 0);

CREATE TABLE "payment" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "reference" VARCHAR(20) NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('prepared', 'sent', 'held', 'in_doubt', 'approved', 'settled', 'declined', 'expired', 'returned', 'charged_back', 'voided', 'refunded')),
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('online', 'card', 'bank', 'check', 'cash', 'money_order', 'wire')),
    "amount_cents" {cents} NOT NULL,
    "open_cents" {cents} NOT NULL,
    "received_on" DATE NOT NULL,
    "method_label" VARCHAR(60) NOT NULL,
    "check_number" VARCHAR(30) NOT NULL,
    "transaction_id" VARCHAR(20),
    "auth_code" VARCHAR(10) NOT NULL,
    "form_token" TEXT NOT NULL,
    "form_token_at" {instant},
    "ask_at" {instant},
    "asks" INTEGER NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "entered_by" VARCHAR(80) NOT NULL,
    "note" VARCHAR(255) NOT NULL,
    "created_at" {instant} NOT NULL,
    "concluded_at" {instant},
    "returned_on" DATE,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0),
    CHECK (open_cents >= 0 AND open_cents <= amount_cents)
);
CREATE INDEX "payment_customer_id" ON "payment" ("customer_id");
CREATE UNIQUE INDEX "payment_reference" ON "payment" ("reference");
CREATE UNIQUE INDEX "payment_key" ON "payment" ("key");
CREATE UNIQUE INDEX "payment_transaction_id" ON "payment" ("transaction_id");
CREATE INDEX "payment_customer_id_received_on" ON "payment" ("customer_id", "received_on");
CREATE INDEX "payment_received_on" ON "payment" ("received_on");
CREATE INDEX "payment_state" ON "payment" ("state");
CREATE INDEX "payment_check_number" ON "payment" ("check_number") WHERE ("check_number" != '');
CREATE INDEX "payment_ask" ON "payment" ("ask_at") WHERE ("ask_at" IS NOT NULL);
CREATE INDEX "payment_unapplied" ON "payment" ("customer_id") WHERE ("open_cents" > 0);

CREATE TABLE "contract" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "audience" VARCHAR(30) NOT NULL CHECK (audience IN ('consumer', 'business')),
    "signed_on" DATE,
    "starts_on" DATE NOT NULL,
    "term_months" INTEGER NOT NULL,
    "renewal_months" INTEGER NOT NULL,
    "notice_days" INTEGER NOT NULL,
    "auto_renew" {flag} NOT NULL,
    "ends_on" DATE,
    "end_reason" VARCHAR(30) CHECK (end_reason IN ('moved', 'competitor', 'service', 'cost', 'not_used', 'not_paid', 'deceased', 'other')),
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK (term_months >= 0),
    CHECK (ends_on IS NULL OR ends_on >= starts_on)
);
CREATE INDEX "contract_customer_id" ON "contract" ("customer_id");

CREATE TABLE "site" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "street" VARCHAR(80) NOT NULL,
    "street2" VARCHAR(80) NOT NULL,
    "city" VARCHAR(50) NOT NULL,
    "state" VARCHAR(2) NOT NULL,
    "zip" VARCHAR(10) NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "jurisdiction" VARCHAR(30) NOT NULL,
    "time_zone" VARCHAR(40) NOT NULL,
    "permit_number" VARCHAR(40) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT
);
CREATE INDEX "site_customer_id" ON "site" ("customer_id");

CREATE TABLE "system" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "site_id" INTEGER NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('burglary', 'fire', 'medical', 'cameras', 'access', 'other')),
    "name" VARCHAR(80) NOT NULL,
    "station_number" VARCHAR(30) NOT NULL,
    "required_fire" {flag} NOT NULL,
    FOREIGN KEY ("site_id") REFERENCES "site" ("id") ON DELETE RESTRICT
);
CREATE INDEX "system_site_id" ON "system" ("site_id");

CREATE TABLE "item" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "code" VARCHAR(30) NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('recurring', 'labor', 'part')),
    "unit_cents" {cents} NOT NULL,
    "taxable" {flag} NOT NULL,
    "retired_on" DATE,
    CHECK (unit_cents >= 0)
);
CREATE UNIQUE INDEX "item_code" ON "item" ("code");

CREATE TABLE "charge" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "contract_id" INTEGER NOT NULL,
    "site_id" INTEGER,
    "system_id" INTEGER,
    "item_id" INTEGER NOT NULL,
    "text" VARCHAR(120) NOT NULL,
    "quantity" INTEGER NOT NULL,
    "unit_cents" {cents} NOT NULL,
    "discount_cents" {cents} NOT NULL,
    "discount_reason" VARCHAR(80) NOT NULL,
    "cycle_months" INTEGER NOT NULL,
    "anchor_day" INTEGER NOT NULL,
    "in_arrears" {flag} NOT NULL,
    "prorate_first" {flag} NOT NULL,
    "prorate_last" {flag} NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE,
    "next_index" INTEGER NOT NULL,
    "next_on" DATE,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("site_id") REFERENCES "site" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("system_id") REFERENCES "system" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("item_id") REFERENCES "item" ("id") ON DELETE RESTRICT,
    CHECK (quantity > 0),
    CHECK (unit_cents >= 0),
    CHECK (discount_cents >= 0 AND discount_cents <= quantity * unit_cents),
    CHECK (cycle_months IN (1, 3, 6, 12)),
    CHECK (anchor_day BETWEEN 1 AND 31),
    CHECK (ends_on IS NULL OR ends_on >= starts_on),
    CHECK (next_index >= 0)
);
CREATE INDEX "charge_contract_id" ON "charge" ("contract_id");
CREATE INDEX "charge_site_id" ON "charge" ("site_id");
CREATE INDEX "charge_system_id" ON "charge" ("system_id");
CREATE INDEX "charge_item_id" ON "charge" ("item_id");
CREATE INDEX "charge_next_on" ON "charge" ("next_on") WHERE ("next_on" IS NOT NULL);

CREATE TABLE "one_off" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "site_id" INTEGER,
    "system_id" INTEGER,
    "item_id" INTEGER NOT NULL,
    "text" VARCHAR(120) NOT NULL,
    "quantity" INTEGER NOT NULL,
    "unit_cents" {cents} NOT NULL,
    "discount_cents" {cents} NOT NULL,
    "discount_reason" VARCHAR(80) NOT NULL,
    "done_on" DATE NOT NULL,
    "work_order" VARCHAR(30) NOT NULL,
    "alone" {flag} NOT NULL,
    "billed_on" DATE,
    "canceled_on" DATE,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("site_id") REFERENCES "site" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("system_id") REFERENCES "system" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("item_id") REFERENCES "item" ("id") ON DELETE RESTRICT,
    CHECK (quantity > 0),
    CHECK (unit_cents >= 0),
    CHECK (discount_cents >= 0 AND discount_cents <= quantity * unit_cents)
);
CREATE INDEX "one_off_customer_id" ON "one_off" ("customer_id");
CREATE INDEX "one_off_site_id" ON "one_off" ("site_id");
CREATE INDEX "one_off_system_id" ON "one_off" ("system_id");
CREATE INDEX "one_off_item_id" ON "one_off" ("item_id");
CREATE INDEX "one_off_unbilled" ON "one_off" ("customer_id") WHERE (("billed_on" IS NULL) AND ("canceled_on" IS NULL));

CREATE TABLE "line" (
    "id" {serial},
    "invoice_id" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "charge_id" INTEGER,
    "one_off_id" INTEGER,
    "text" VARCHAR(160) NOT NULL,
    "site_text" VARCHAR(200) NOT NULL,
    "system_text" VARCHAR(80) NOT NULL,
    "from_on" DATE,
    "to_on" DATE,
    "days" INTEGER,
    "of_days" INTEGER,
    "quantity" INTEGER NOT NULL,
    "unit_cents" {cents} NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "discount_cents" {cents} NOT NULL,
    "discount_reason" VARCHAR(80) NOT NULL,
    "tax_name" VARCHAR(80) NOT NULL,
    "tax_ppm" INTEGER NOT NULL,
    "tax_cents" {cents} NOT NULL,
    "total_cents" {cents} NOT NULL,
    "done_on" DATE,
    "work_order" VARCHAR(30) NOT NULL,
    "voided_on" DATE,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("charge_id") REFERENCES "charge" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("one_off_id") REFERENCES "one_off" ("id") ON DELETE RESTRICT,
    CHECK (total_cents = amount_cents - discount_cents + tax_cents),
    CHECK (amount_cents >= 0 AND discount_cents >= 0 AND tax_cents >= 0 AND total_cents >= 0),
    CHECK (to_on IS NULL OR to_on >= from_on)
);
CREATE INDEX "line_invoice_id" ON "line" ("invoice_id");
CREATE INDEX "line_charge_id" ON "line" ("charge_id");
CREATE INDEX "line_one_off_id" ON "line" ("one_off_id");
CREATE UNIQUE INDEX "line_invoice_id_position" ON "line" ("invoice_id", "position");
CREATE UNIQUE INDEX "line_period_once" ON "line" ("charge_id", "from_on") WHERE (("charge_id" IS NOT NULL) AND ("voided_on" IS NULL));
CREATE UNIQUE INDEX "line_work_once" ON "line" ("one_off_id") WHERE (("one_off_id" IS NOT NULL) AND ("voided_on" IS NULL));

CREATE TABLE "credit" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER,
    "line_id" INTEGER,
    "key" VARCHAR(64),
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('note', 'goodwill', 'unused_service')),
    "amount_cents" {cents} NOT NULL,
    "open_cents" {cents} NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "made_on" DATE NOT NULL,
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("line_id") REFERENCES "line" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0),
    CHECK (open_cents >= 0 AND open_cents <= amount_cents)
);
CREATE INDEX "credit_customer_id" ON "credit" ("customer_id");
CREATE INDEX "credit_invoice_id" ON "credit" ("invoice_id");
CREATE INDEX "credit_line_id" ON "credit" ("line_id");
CREATE UNIQUE INDEX "credit_key" ON "credit" ("key");
CREATE INDEX "credit_unapplied" ON "credit" ("customer_id") WHERE ("open_cents" > 0);

CREATE TABLE "allocation" (
    "id" {serial},
    "invoice_id" INTEGER NOT NULL,
    "payment_id" INTEGER,
    "credit_id" INTEGER,
    "amount_cents" {cents} NOT NULL,
    "reverses_id" INTEGER,
    "reason" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "made_on" DATE NOT NULL,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("credit_id") REFERENCES "credit" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("reverses_id") REFERENCES "allocation" ("id") ON DELETE RESTRICT,
    CHECK ((payment_id IS NULL) <> (credit_id IS NULL)),
    CHECK ((reverses_id IS NULL AND amount_cents > 0) OR (reverses_id IS NOT NULL AND amount_cents < 0))
);
CREATE INDEX "allocation_invoice_id" ON "allocation" ("invoice_id");
CREATE INDEX "allocation_payment_id" ON "allocation" ("payment_id");
CREATE INDEX "allocation_credit_id" ON "allocation" ("credit_id");
CREATE UNIQUE INDEX "allocation_reverses_id" ON "allocation" ("reverses_id");

CREATE TABLE "company" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "street" VARCHAR(80) NOT NULL,
    "street2" VARCHAR(80) NOT NULL,
    "city" VARCHAR(50) NOT NULL,
    "state" VARCHAR(2) NOT NULL,
    "zip" VARCHAR(10) NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "legal_name" VARCHAR(120) NOT NULL,
    "phone" VARCHAR(25) NOT NULL,
    "phone_hours" VARCHAR(80) NOT NULL,
    "email" VARCHAR(255) NOT NULL,
    "website" VARCHAR(255) NOT NULL,
    "license_number" VARCHAR(60) NOT NULL,
    "payable_to" VARCHAR(80) NOT NULL,
    "remit_street" VARCHAR(80) NOT NULL,
    "remit_city" VARCHAR(50) NOT NULL,
    "remit_state" VARCHAR(2) NOT NULL,
    "remit_zip" VARCHAR(10) NOT NULL,
    "logo" {blob},
    "logo_type" VARCHAR(20) NOT NULL,
    "time_zone" VARCHAR(40) NOT NULL,
    "invoice_prefix" VARCHAR(8) NOT NULL,
    "next_invoice_number" INTEGER NOT NULL,
    "terms_days" INTEGER NOT NULL,
    "bill_ahead_days" INTEGER NOT NULL,
    "catch_up_periods" INTEGER NOT NULL,
    "minimum_payment_cents" {cents} NOT NULL,
    "pay_link_days" INTEGER NOT NULL,
    "reminder_days" INTEGER NOT NULL,
    "demo_days" INTEGER,
    CHECK (next_invoice_number > 0),
    CHECK (terms_days BETWEEN 0 AND 120),
    CHECK (catch_up_periods >= 1),
    CHECK (minimum_payment_cents >= 0)
);

CREATE TABLE "contact" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "email" VARCHAR(255) NOT NULL,
    "phone" VARCHAR(25) NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK (role IN ('payer', 'viewer', 'technical')),
    "bounced_at" {instant},
    "left_on" DATE,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT
);
CREATE INDEX "contact_customer_id" ON "contact" ("customer_id");
CREATE INDEX "contact_email" ON "contact" ("email");

CREATE TABLE "event" (
    "id" {serial},
    "at" {instant} NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "what" VARCHAR(60) NOT NULL,
    "about_table" VARCHAR(40) NOT NULL,
    "about_id" INTEGER NOT NULL,
    "customer_id" INTEGER,
    "reason" VARCHAR(255) NOT NULL,
    "before" TEXT NOT NULL,
    "after" TEXT NOT NULL
);
CREATE INDEX "event_at" ON "event" ("at");
CREATE INDEX "event_customer_id" ON "event" ("customer_id");
CREATE INDEX "event_about_table_about_id" ON "event" ("about_table", "about_id");

CREATE TABLE "gateway_event" (
    "id" {serial},
    "notification_id" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(80) NOT NULL,
    "transaction_id" VARCHAR(20) NOT NULL,
    "body" TEXT NOT NULL,
    "received_at" {instant} NOT NULL,
    "handled_at" {instant},
    "result" VARCHAR(120) NOT NULL
);
CREATE UNIQUE INDEX "gateway_event_notification_id" ON "gateway_event" ("notification_id");
CREATE INDEX "gateway_event_waiting" ON "gateway_event" ("received_at") WHERE ("handled_at" IS NULL);

CREATE TABLE "hold" (
    "id" {serial},
    "scope" VARCHAR(30) NOT NULL CHECK (scope IN ('billing', 'notices', 'autopay')),
    "customer_id" INTEGER NOT NULL,
    "contract_id" INTEGER,
    "reason" VARCHAR(120) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT,
    CHECK (ends_on IS NULL OR ends_on >= starts_on)
);
CREATE INDEX "hold_customer_id" ON "hold" ("customer_id");
CREATE INDEX "hold_contract_id" ON "hold" ("contract_id");

CREATE TABLE "link" (
    "id" {serial},
    "purpose" VARCHAR(30) NOT NULL CHECK (purpose IN ('pay', 'preferences', 'sign_in', 'session')),
    "token_hash" VARCHAR(64) NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL,
    "tries" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "invoice_id" INTEGER,
    "created_at" {instant} NOT NULL,
    "expires_at" {instant} NOT NULL,
    "used_at" {instant},
    "revoked_at" {instant},
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "link_token_hash" ON "link" ("token_hash");
CREATE INDEX "link_customer_id" ON "link" ("customer_id");
CREATE INDEX "link_contact_id" ON "link" ("contact_id");
CREATE INDEX "link_invoice_id" ON "link" ("invoice_id");
CREATE INDEX "link_customer_id_purpose" ON "link" ("customer_id", "purpose");

CREATE TABLE "ticket" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "invoice_id" INTEGER,
    "subject" VARCHAR(120) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('waiting_on_us', 'waiting_on_customer', 'closed')),
    "opened_at" {instant} NOT NULL,
    "last_at" {instant} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT
);
CREATE INDEX "ticket_customer_id" ON "ticket" ("customer_id");
CREATE INDEX "ticket_contact_id" ON "ticket" ("contact_id");
CREATE INDEX "ticket_invoice_id" ON "ticket" ("invoice_id");
CREATE INDEX "ticket_state_last_at" ON "ticket" ("state", "last_at");

CREATE TABLE "staff" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "email" VARCHAR(255) NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK (role IN ('owner', 'billing', 'support', 'read_only')),
    "password_hash" VARCHAR(255) NOT NULL,
    "failed_tries" INTEGER NOT NULL,
    "locked_until_at" {instant},
    "signed_in_at" {instant},
    "left_on" DATE
);
CREATE UNIQUE INDEX "staff_email" ON "staff" ("email");

CREATE TABLE "message" (
    "id" {serial},
    "ticket_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "staff_id" INTEGER,
    "body" TEXT NOT NULL,
    "internal" {flag} NOT NULL,
    "written_at" {instant} NOT NULL,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT
);
CREATE INDEX "message_ticket_id" ON "message" ("ticket_id");
CREATE INDEX "message_contact_id" ON "message" ("contact_id");
CREATE INDEX "message_staff_id" ON "message" ("staff_id");

CREATE TABLE "notice" (
    "id" {serial},
    "key" VARCHAR(100) NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('invoice', 'reminder', 'receipt', 'payment_problem', 'sign_in', 'fresh_link', 'ticket_reply', 'contact_changed')),
    "channel" VARCHAR(30) NOT NULL CHECK (channel IN ('mail', 'paper')),
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'print', 'failed', 'skipped')),
    "customer_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "invoice_id" INTEGER,
    "payment_id" INTEGER,
    "ticket_message_id" INTEGER,
    "address" VARCHAR(255) NOT NULL,
    "why" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "body_text" TEXT NOT NULL,
    "body_html" TEXT NOT NULL,
    "message_id" VARCHAR(120) NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "tries" INTEGER NOT NULL,
    "send_at" {instant} NOT NULL,
    "claimed_at" {instant},
    "sent_at" {instant},
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_message_id") REFERENCES "message" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "notice_key" ON "notice" ("key");
CREATE INDEX "notice_customer_id" ON "notice" ("customer_id");
CREATE INDEX "notice_contact_id" ON "notice" ("contact_id");
CREATE INDEX "notice_invoice_id" ON "notice" ("invoice_id");
CREATE INDEX "notice_payment_id" ON "notice" ("payment_id");
CREATE INDEX "notice_ticket_message_id" ON "notice" ("ticket_message_id");
CREATE INDEX "notice_customer_id_created_at" ON "notice" ("customer_id", "created_at");
CREATE INDEX "notice_waiting" ON "notice" ("send_at") WHERE ("state" IN ('queued', 'sending'));

CREATE TABLE "payment_part" (
    "id" {serial},
    "payment_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "live" {flag} NOT NULL,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "payment_part_payment_id" ON "payment_part" ("payment_id");
CREATE INDEX "payment_part_invoice_id" ON "payment_part" ("invoice_id");
CREATE UNIQUE INDEX "payment_part_payment_id_invoice_id" ON "payment_part" ("payment_id", "invoice_id");
CREATE UNIQUE INDEX "payment_part_live" ON "payment_part" ("invoice_id") WHERE "live";

CREATE TABLE "preference" (
    "id" {serial},
    "contact_id" INTEGER NOT NULL,
    "event" VARCHAR(30) NOT NULL CHECK (event IN ('invoice', 'reminder', 'receipt')),
    "channel" VARCHAR(30) NOT NULL CHECK (channel IN ('mail', 'paper', 'none')),
    "days_ahead" INTEGER NOT NULL,
    "changed_at" {instant} NOT NULL,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    CHECK (days_ahead BETWEEN 0 AND 30)
);
CREATE INDEX "preference_contact_id" ON "preference" ("contact_id");
CREATE UNIQUE INDEX "preference_contact_id_event" ON "preference" ("contact_id", "event");

CREATE TABLE "price_change" (
    "id" {serial},
    "charge_id" INTEGER NOT NULL,
    "starts_on" DATE NOT NULL,
    "unit_cents" {cents} NOT NULL,
    "reason" VARCHAR(120) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "made_at" {instant} NOT NULL,
    FOREIGN KEY ("charge_id") REFERENCES "charge" ("id") ON DELETE RESTRICT,
    CHECK (unit_cents >= 0)
);
CREATE INDEX "price_change_charge_id" ON "price_change" ("charge_id");
CREATE UNIQUE INDEX "price_change_charge_id_starts_on" ON "price_change" ("charge_id", "starts_on");

CREATE TABLE "refund" (
    "id" {serial},
    "payment_id" INTEGER NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "how" VARCHAR(30) NOT NULL CHECK (how IN ('check', 'cash', 'wire')),
    "reason" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "made_on" DATE NOT NULL,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "refund_payment_id" ON "refund" ("payment_id");
CREATE UNIQUE INDEX "refund_key" ON "refund" ("key");

CREATE TABLE "tax_rate" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "jurisdiction" VARCHAR(30) NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "rate_ppm" INTEGER NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE,
    CHECK (rate_ppm BETWEEN 0 AND 500000),
    CHECK (ends_on IS NULL OR ends_on >= starts_on)
);
CREATE UNIQUE INDEX "tax_rate_jurisdiction_starts_on" ON "tax_rate" ("jurisdiction", "starts_on")
"""  # noqa: E501
