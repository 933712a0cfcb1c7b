"""Two people for what one may not decide, and kind ways out: credits, write-offs, late fees that are told."""

from migrations.changing import freeze, never_delete, refuse, run, widen

ASKED = (
    "kind", "about_table", "about_id", "customer_id", "amount_cents", "reason", "details", "asked_by",
    "asked_at",
)  # fmt: skip
DECIDED = 'UPDATE OF "state", "decided_by", "decided_at", "answer"'
PROPOSED = ("customer_id", "ticket_id", "charge_id")
FEE = ("customer_id", "invoice_id", "computed_on")
ANSWERED = 'UPDATE OF "state", "from_on", "to_on", "days", "of_days", "cents", "credit_id", "reason"'

UNAPPROVED = """NEW.kind = 'bad_debt' AND NOT EXISTS (SELECT 1 FROM approval
    WHERE approval.id = NEW.approval_id AND approval.kind = 'bad_debt' AND approval.state = 'approved')"""
NOT_ITS_OWN = """NEW.amount_cents <> (SELECT credit.amount_cents FROM credit WHERE credit.id = NEW.credit_id)
    OR (SELECT credit.kind FROM credit WHERE credit.id = NEW.credit_id) NOT IN ('write_off', 'bad_debt')"""


def up(migrator, db):
    run(db, TABLES)
    widen(db, "item", "kind", ("recurring", "labor", "part"), ("recurring", "labor", "part", "fee"))
    never_delete(db, "approval")
    freeze(db, "approval", ASKED)
    refuse(db, "approval", "second_answer", DECIDED, "OLD.state <> 'asked'", "an approval is decided once")
    refuse(
        db, "approval", "answer_at_birth", "INSERT", "NEW.state <> 'asked'", "an approval is asked for first"
    )
    refuse(db, "credit", "lone_bad_debt", "INSERT", UNAPPROVED, "bad debt needs a second person")
    never_delete(db, "credit_reversal")
    freeze(db, "credit_reversal", ("credit_id", "amount_cents", "reason", "by", "made_on"))
    refuse(
        db,
        "credit_reversal",
        "other",
        "INSERT",
        NOT_ITS_OWN,
        "only a write-off is taken back, and as a whole",
    )
    never_delete(db, "service_credit")
    freeze(db, "service_credit", PROPOSED)
    refuse(
        db, "service_credit", "second_answer", ANSWERED, "OLD.state <> 'proposed'",
        "a service credit is decided once",
    )  # fmt: skip
    never_delete(db, "late_fee")
    freeze(db, "late_fee", FEE)
    refuse(
        db,
        "late_fee",
        "rise",
        "UPDATE",
        "OLD.state <> 'planned' AND (NEW.cents > OLD.cents OR NEW.charge_from_on < OLD.charge_from_on)",
        "a late fee is never above what was told, nor earlier",
    )


TABLES = """
ALTER TABLE "company" ADD COLUMN "service_credit_hours" INTEGER NOT NULL CHECK (service_credit_hours BETWEEN 1 AND 720) DEFAULT 24;
ALTER TABLE "company" ADD COLUMN "goodwill_support_cents" {cents} NOT NULL DEFAULT 2500;
ALTER TABLE "company" ADD COLUMN "goodwill_billing_cents" {cents} NOT NULL DEFAULT 10000;
ALTER TABLE "company" ADD COLUMN "write_off_alone_cents" {cents} NOT NULL DEFAULT 500;
ALTER TABLE "company" ADD COLUMN "late_fee_kind" VARCHAR(30) NOT NULL CHECK (late_fee_kind IN ('none', 'flat', 'percent')) DEFAULT 'none';
ALTER TABLE "company" ADD COLUMN "late_fee_cents" {cents} NOT NULL DEFAULT 0;
ALTER TABLE "company" ADD COLUMN "late_fee_ppm" INTEGER NOT NULL CHECK (late_fee_ppm BETWEEN 0 AND 50000) DEFAULT 0;
ALTER TABLE "company" ADD COLUMN "late_fee_grace_days" INTEGER NOT NULL CHECK (late_fee_grace_days BETWEEN 10 AND 120) DEFAULT 15;
ALTER TABLE "company" ADD COLUMN "late_fee_cap_cents" {cents} NOT NULL DEFAULT 2500;
ALTER TABLE "contract" ADD COLUMN "late_fee_agreed" {flag} NOT NULL DEFAULT '0';

CREATE TABLE "approval" (
    "id" {serial},
    "kind" VARCHAR(30) NOT NULL,
    "about_table" VARCHAR(40) NOT NULL,
    "about_id" INTEGER NOT NULL,
    "customer_id" INTEGER,
    "amount_cents" {cents},
    "reason" VARCHAR(255) NOT NULL,
    "details" TEXT NOT NULL,
    "asked_by" VARCHAR(80) NOT NULL,
    "asked_at" {instant} NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('asked', 'approved', 'refused', 'withdrawn')),
    "decided_by" VARCHAR(80) NOT NULL,
    "decided_at" {instant},
    "answer" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK (decided_by <> asked_by),
    CHECK ((state = 'asked') = (decided_at IS NULL)),
    CHECK ((state IN ('approved', 'refused')) = (decided_by <> '')),
    CHECK (amount_cents IS NULL OR amount_cents > 0)
);
CREATE INDEX "approval_customer_id" ON "approval" ("customer_id");
CREATE UNIQUE INDEX "approval_asked" ON "approval" ("kind", "about_table", "about_id") WHERE ("state" = 'asked');

ALTER TABLE "credit" ADD COLUMN "approval_id" INTEGER REFERENCES "approval" ("id") ON DELETE RESTRICT;
ALTER TABLE "credit" ADD COLUMN "from_on" DATE;
ALTER TABLE "credit" ADD COLUMN "to_on" DATE;
CREATE UNIQUE INDEX "credit_approval_id" ON "credit" ("approval_id");

CREATE TABLE "credit_reversal" (
    "id" {serial},
    "credit_id" INTEGER NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "made_on" DATE NOT NULL,
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("credit_id") REFERENCES "credit" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE UNIQUE INDEX "credit_reversal_credit_id" ON "credit_reversal" ("credit_id");

CREATE TABLE "late_fee" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('planned', 'told', 'charged', 'waived', 'avoided')),
    "cents" {cents} NOT NULL,
    "base_cents" {cents} NOT NULL,
    "computed_on" DATE NOT NULL,
    "charge_from_on" DATE NOT NULL,
    "told_on" DATE,
    "one_off_id" INTEGER,
    "credit_id" INTEGER,
    "reason" VARCHAR(255) NOT NULL,
    "decided_by" VARCHAR(80) NOT NULL,
    "decided_on" DATE,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("one_off_id") REFERENCES "one_off" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("credit_id") REFERENCES "credit" ("id") ON DELETE RESTRICT,
    CHECK (cents > 0 AND cents <= base_cents),
    CHECK (charge_from_on > computed_on),
    CHECK (state <> 'charged' OR one_off_id IS NOT NULL),
    CHECK (state <> 'charged' OR told_on IS NOT NULL),
    CHECK (state NOT IN ('waived', 'avoided') OR reason <> '')
);
CREATE INDEX "late_fee_customer_id" ON "late_fee" ("customer_id");
CREATE UNIQUE INDEX "late_fee_invoice_id" ON "late_fee" ("invoice_id");
CREATE UNIQUE INDEX "late_fee_one_off_id" ON "late_fee" ("one_off_id");
CREATE INDEX "late_fee_credit_id" ON "late_fee" ("credit_id");
CREATE INDEX "late_fee_waiting" ON "late_fee" ("charge_from_on") WHERE ("state" IN ('planned', 'told'));

CREATE TABLE "service_credit" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "ticket_id" INTEGER NOT NULL,
    "charge_id" INTEGER NOT NULL,
    "line_id" INTEGER,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('proposed', 'given', 'refused')),
    "from_on" DATE NOT NULL,
    "to_on" DATE NOT NULL,
    "days" INTEGER NOT NULL,
    "of_days" INTEGER NOT NULL,
    "cents" {cents} NOT NULL,
    "proposed_at" {instant} NOT NULL,
    "credit_id" INTEGER,
    "reason" VARCHAR(255) NOT NULL,
    "decided_by" VARCHAR(80) NOT NULL,
    "decided_at" {instant},
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("charge_id") REFERENCES "charge" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("line_id") REFERENCES "line" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("credit_id") REFERENCES "credit" ("id") ON DELETE RESTRICT,
    CHECK (cents > 0 AND days > 0 AND days <= of_days),
    CHECK (to_on >= from_on),
    CHECK ((state = 'given') = (credit_id IS NOT NULL)),
    CHECK ((state = 'proposed') = (decided_at IS NULL)),
    CHECK (state <> 'refused' OR reason <> '')
);
CREATE INDEX "service_credit_customer_id" ON "service_credit" ("customer_id");
CREATE INDEX "service_credit_ticket_id" ON "service_credit" ("ticket_id");
CREATE INDEX "service_credit_charge_id" ON "service_credit" ("charge_id");
CREATE INDEX "service_credit_line_id" ON "service_credit" ("line_id");
CREATE UNIQUE INDEX "service_credit_credit_id" ON "service_credit" ("credit_id");
CREATE UNIQUE INDEX "service_credit_ticket_id_charge_id_from_on" ON "service_credit" ("ticket_id", "charge_id", "from_on");
CREATE INDEX "service_credit_proposed" ON "service_credit" ("ticket_id") WHERE ("state" = 'proposed');

ALTER TABLE "notice" ADD COLUMN "credit_id" INTEGER REFERENCES "credit" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "late_fee_id" INTEGER REFERENCES "late_fee" ("id") ON DELETE RESTRICT;
CREATE INDEX "notice_credit_id" ON "notice" ("credit_id");
CREATE INDEX "notice_late_fee_id" ON "notice" ("late_fee_id")
"""  # noqa: E501
