"""A promise to pay, and plans of installments: they move no money, and must add up to get in."""

from migrations.changing import freeze, never_delete, refuse, run

PROMISED = (
    "customer_id", "invoice_id", "contact_id", "amount_cents", "owed_cents", "pay_on", "words", "via", "by",
    "made_on", "made_at",
)  # fmt: skip
AGREED = (
    "key", "customer_id", "amount_cents", "count", "fee_cents", "autopay", "name", "ip", "browser",
    "signed_at", "text", "text_sha256", "agreed_on", "agreed_at",
)  # fmt: skip

UNLIKE = """(SELECT COALESCE(SUM(installment.amount_cents), 0) FROM installment
        WHERE installment.plan_id = NEW.id) <> NEW.amount_cents
    OR (SELECT COUNT(*) FROM installment WHERE installment.plan_id = NEW.id) <> NEW.count
    OR (SELECT COALESCE(SUM(plan_invoice.amount_cents), 0) FROM plan_invoice
        WHERE plan_invoice.plan_id = NEW.id) <> NEW.amount_cents
    OR EXISTS (SELECT 1 FROM installment WHERE installment.plan_id = NEW.id AND installment.amount_cents <>
        (SELECT COALESCE(SUM(installment_part.amount_cents), 0) FROM installment_part
         WHERE installment_part.installment_id = installment.id))
    OR EXISTS (SELECT 1 FROM plan_invoice WHERE plan_invoice.plan_id = NEW.id AND plan_invoice.amount_cents <>
        (SELECT COALESCE(SUM(installment_part.amount_cents), 0) FROM installment_part
         JOIN installment ON installment.id = installment_part.installment_id
         WHERE installment.plan_id = NEW.id AND installment_part.invoice_id = plan_invoice.invoice_id))"""
RUNS = f"OLD.state <> 'running' AND NEW.state = 'running' AND ({UNLIKE})"
LATER = "EXISTS (SELECT 1 FROM plan WHERE plan.id = NEW.plan_id AND plan.state <> 'proposed')"
LATER_PART = """EXISTS (SELECT 1 FROM plan JOIN installment ON installment.plan_id = plan.id
    WHERE installment.id = NEW.installment_id AND plan.state <> 'proposed')"""
LATE = "a plan is written before it is agreed"


def up(migrator, db):
    run(db, TABLES)
    run(db, COLUMNS)
    for table in ("promise", "plan", "plan_invoice", "installment", "installment_part"):
        never_delete(db, table)
    freeze(db, "promise", PROMISED)
    freeze(db, "plan", AGREED, when="OLD.state <> 'proposed'")
    freeze(db, "plan_invoice", ("plan_id", "invoice_id", "amount_cents"))
    freeze(db, "installment", ("plan_id", "number", "amount_cents"))
    freeze(db, "installment_part", ("installment_id", "invoice_id", "amount_cents"))
    moved = "OLD.due_on <> NEW.due_on AND (OLD.moved_from_on IS NOT NULL OR NEW.moved_from_on IS NULL)"
    refuse(db, "installment", "second_move", 'UPDATE OF "due_on"', moved, "a payment of a plan is moved once")
    refuse(db, "plan", "wrong_sums", 'UPDATE OF "state"', RUNS, "a plan that does not add up does not run")
    refuse(db, "plan", "shortcut", "INSERT", "NEW.state <> 'proposed'", LATE)
    refuse(db, "installment", "late", "INSERT", LATER, LATE)
    refuse(db, "plan_invoice", "late", "INSERT", LATER, LATE)
    refuse(db, "installment_part", "late", "INSERT", LATER_PART, LATE)


TABLES = """
CREATE TABLE "promise" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER,
    "contact_id" INTEGER,
    "amount_cents" {cents} NOT NULL,
    "owed_cents" {cents} NOT NULL,
    "pay_on" DATE NOT NULL,
    "words" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('running', 'kept', 'broken', 'withdrawn')),
    "via" VARCHAR(30) NOT NULL CHECK (via IN ('page', 'phone', 'mail', 'staff')),
    "by" VARCHAR(300) NOT NULL,
    "made_on" DATE NOT NULL,
    "made_at" {instant} NOT NULL,
    "decided_on" DATE,
    "decided_at" {instant},
    "reason" VARCHAR(255) NOT NULL,
    "seen_at" {instant},
    "seen_by" VARCHAR(80) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0 AND amount_cents <= owed_cents),
    CHECK (pay_on > made_on)
);
CREATE INDEX "promise_customer_id" ON "promise" ("customer_id");
CREATE INDEX "promise_invoice_id" ON "promise" ("invoice_id");
CREATE INDEX "promise_contact_id" ON "promise" ("contact_id");
CREATE INDEX "promise_customer_id_made_on" ON "promise" ("customer_id", "made_on");
CREATE INDEX "promise_state_pay_on" ON "promise" ("state", "pay_on");
CREATE UNIQUE INDEX "promise_of_invoice" ON "promise" ("invoice_id") WHERE (("state" = 'running') AND ("invoice_id" IS NOT NULL));
CREATE UNIQUE INDEX "promise_of_all" ON "promise" ("customer_id") WHERE (("state" = 'running') AND ("invoice_id" IS NULL));

CREATE TABLE "plan" (
    "id" {serial},
    "key" VARCHAR(64) NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "ticket_id" INTEGER,
    "replaces_id" INTEGER,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('proposed', 'running', 'kept', 'broken', 'ended', 'refused')),
    "waits_for" VARCHAR(30) NOT NULL CHECK (waits_for IN ('us', 'customer')),
    "amount_cents" {cents} NOT NULL,
    "count" INTEGER NOT NULL,
    "fee_cents" {cents} NOT NULL,
    "autopay" {flag} NOT NULL,
    "via" VARCHAR(30) NOT NULL CHECK (via IN ('page', 'phone', 'mail', 'staff')),
    "by" VARCHAR(300) NOT NULL,
    "words" TEXT NOT NULL,
    "outside" VARCHAR(255) NOT NULL,
    "override_by" VARCHAR(80) NOT NULL,
    "proposed_on" DATE NOT NULL,
    "proposed_at" {instant} NOT NULL,
    "agreed_on" DATE,
    "agreed_at" {instant},
    "name" VARCHAR(80) NOT NULL,
    "ip" VARCHAR(45) NOT NULL,
    "browser" VARCHAR(255) NOT NULL,
    "signed_at" {instant},
    "text" TEXT NOT NULL,
    "text_sha256" VARCHAR(64) NOT NULL,
    "missed_on" DATE,
    "repair_by_on" DATE,
    "repaired_on" DATE,
    "ended_on" DATE,
    "ended_at" {instant},
    "ended_by" VARCHAR(300) NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "seen_at" {instant},
    "seen_by" VARCHAR(80) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("replaces_id") REFERENCES "plan" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0),
    CHECK (fee_cents = 0),
    CHECK (count BETWEEN 1 AND 24),
    CHECK (count <= 4 OR override_by <> '' OR state IN ('proposed', 'refused')),
    CHECK (state IN ('proposed', 'refused') OR (agreed_at IS NOT NULL AND signed_at IS NOT NULL AND text_sha256 <> ''))
);
CREATE UNIQUE INDEX "plan_key" ON "plan" ("key");
CREATE INDEX "plan_customer_id" ON "plan" ("customer_id");
CREATE INDEX "plan_contact_id" ON "plan" ("contact_id");
CREATE INDEX "plan_ticket_id" ON "plan" ("ticket_id");
CREATE INDEX "plan_replaces_id" ON "plan" ("replaces_id");
CREATE INDEX "plan_customer_id_state" ON "plan" ("customer_id", "state");
CREATE INDEX "plan_running" ON "plan" ("customer_id") WHERE ("state" = 'running');

CREATE TABLE "plan_invoice" (
    "id" {serial},
    "plan_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "active" {flag} NOT NULL,
    FOREIGN KEY ("plan_id") REFERENCES "plan" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "plan_invoice_plan_id" ON "plan_invoice" ("plan_id");
CREATE INDEX "plan_invoice_invoice_id" ON "plan_invoice" ("invoice_id");
CREATE UNIQUE INDEX "plan_invoice_plan_id_invoice_id" ON "plan_invoice" ("plan_id", "invoice_id");
CREATE UNIQUE INDEX "plan_invoice_active" ON "plan_invoice" ("invoice_id") WHERE "active";

CREATE TABLE "installment" (
    "id" {serial},
    "plan_id" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "due_on" DATE NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "moved_from_on" DATE,
    FOREIGN KEY ("plan_id") REFERENCES "plan" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0),
    CHECK (number BETWEEN 1 AND 24)
);
CREATE INDEX "installment_plan_id" ON "installment" ("plan_id");
CREATE UNIQUE INDEX "installment_plan_id_number" ON "installment" ("plan_id", "number");
CREATE INDEX "installment_due_on" ON "installment" ("due_on");

CREATE TABLE "installment_part" (
    "id" {serial},
    "installment_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "amount_cents" {cents} NOT NULL,
    FOREIGN KEY ("installment_id") REFERENCES "installment" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "installment_part_installment_id" ON "installment_part" ("installment_id");
CREATE INDEX "installment_part_invoice_id" ON "installment_part" ("invoice_id");
CREATE UNIQUE INDEX "installment_part_installment_id_invoice_id" ON "installment_part" ("installment_id", "invoice_id")
"""  # noqa: E501
COLUMNS = """
ALTER TABLE "company" ADD COLUMN "promise_days" INTEGER NOT NULL CHECK (promise_days BETWEEN 1 AND 90) DEFAULT 14;
ALTER TABLE "company" ADD COLUMN "promise_limit" INTEGER NOT NULL DEFAULT 2;
ALTER TABLE "company" ADD COLUMN "promise_grace_days" INTEGER NOT NULL CHECK (promise_grace_days BETWEEN 0 AND 30) DEFAULT 3;
ALTER TABLE "company" ADD COLUMN "plan_min_cents" {cents} NOT NULL CHECK (plan_min_cents > 0) DEFAULT 2500;
ALTER TABLE "company" ADD COLUMN "plan_max_count" INTEGER NOT NULL CHECK (plan_max_count BETWEEN 2 AND 4) DEFAULT 4;
ALTER TABLE "company" ADD COLUMN "plan_max_days" INTEGER NOT NULL CHECK (plan_max_days BETWEEN 7 AND 730) DEFAULT 120;
ALTER TABLE "company" ADD COLUMN "plan_first_percent" INTEGER NOT NULL CHECK (plan_first_percent BETWEEN 0 AND 90) DEFAULT 25;
ALTER TABLE "company" ADD COLUMN "plan_grace_days" INTEGER NOT NULL CHECK (plan_grace_days BETWEEN 1 AND 30) DEFAULT 5;

ALTER TABLE "notice" ADD COLUMN "promise_id" INTEGER REFERENCES "promise" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "plan_id" INTEGER REFERENCES "plan" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "installment_id" INTEGER REFERENCES "installment" ("id") ON DELETE RESTRICT;
CREATE INDEX "notice_promise_id" ON "notice" ("promise_id");
CREATE INDEX "notice_plan_id" ON "notice" ("plan_id");
CREATE INDEX "notice_installment_id" ON "notice" ("installment_id")
"""  # noqa: E501
