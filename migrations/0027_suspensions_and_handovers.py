"""Suspensions that two people decide and a payment cures; hand-overs to an agency that can be undone."""

from migrations.changing import freeze, never_delete, refuse, run, widen

SYSTEMS = ("burglary", "fire", "medical", "cameras", "access", "other")
BEGUN = ("customer_id", "contract_id", "owed_cents", "oldest_on", "reason", "asked_by", "asked_at")
FIRST = "NEW.state <> 'asked'"
BACK = """OLD.state IN ('lifted', 'canceled')
    OR (OLD.state = 'asked' AND NEW.state NOT IN ('asked', 'warned', 'canceled'))
    OR (OLD.state = 'warned' AND NEW.state NOT IN ('warned', 'suspended', 'canceled'))
    OR (OLD.state = 'suspended' AND NEW.state NOT IN ('suspended', 'lifted'))"""
ALONE = """NOT EXISTS (SELECT 1 FROM approval WHERE approval.id = NEW.{column} AND approval.kind = '{kind}'
    AND approval.state = 'approved' AND approval.decided_by <> '' AND approval.decided_by <> approval.asked_by
    AND approval.about_table = '{table}' AND approval.about_id = NEW.id)"""
WARNED = "NEW.state = 'warned' AND OLD.state <> 'warned' AND (NEW.rests_on IS NULL OR {alone})"
REACHED = """EXISTS (SELECT 1 FROM notice WHERE notice.suspension_id = NEW.id
    AND notice.kind = 'suspension_warning' AND notice.channel = '{channel}' AND notice.state = 'sent'
    AND notice.bounced_at IS NULL)"""
SPOKEN = """EXISTS (SELECT 1 FROM call WHERE call.customer_id = NEW.customer_id AND call.direction = 'out'
    AND call.outcome = 'answered' AND call.started_at >= NEW.asked_at)"""
RESTS = "NEW.state = 'suspended' AND OLD.state <> 'suspended'"
UNWARNED = f"""{RESTS} AND (NEW.suspended_on IS NULL OR NEW.suspended_on < NEW.rests_on
    OR NOT {REACHED.format(channel="paper")} OR NOT ({REACHED.format(channel="mail")} OR {SPOKEN}))"""
UNCHECKED = f"{RESTS} AND NEW.guarded <> '[]' AND NEW.checked_at IS NULL"
# Required fire monitoring, as charges name it: by its system, or by the site where no system is named.
FIRE = """EXISTS (SELECT 1 FROM charge JOIN system ON system.id = charge.system_id
    OR (charge.system_id IS NULL AND system.site_id = charge.site_id)
    WHERE charge.contract_id = NEW.contract_id AND system.required_fire)"""
UNTOLD = f"""{RESTS} AND {FIRE} AND NOT EXISTS (SELECT 1 FROM authority_notice
    WHERE authority_notice.contract_id = NEW.contract_id AND authority_notice.kind = 'suspended'
    AND authority_notice.ends_on <= NEW.rests_on)"""
CURED = """NEW.kind = 'suspension_warning' AND NEW.state IN ('sent', 'print') AND OLD.state <> NEW.state
    AND NOT EXISTS (SELECT 1 FROM suspension WHERE suspension.id = NEW.suspension_id
    AND suspension.state = 'warned')"""
HANDED = "NEW.state = 'handed_over' AND OLD.state <> 'handed_over'"
NO_FILE = "NOT EXISTS (SELECT 1 FROM handover_file WHERE handover_file.handover_id = NEW.id)"


def up(migrator, db):
    widen(db, "system", "kind", SYSTEMS, (*SYSTEMS, "elevator"))
    run(db, TABLES)
    for table in ("suspension", "handover", "handover_file"):
        never_delete(db, table)
    freeze(db, "suspension", BEGUN)
    _guard_suspensions(db)
    freeze(db, "handover", ("customer_id", "agency", "reason", "asked_by", "asked_at"))
    freeze(db, "handover_file", ("handover_id", "name", "sha256", "size", "content", "made_at"))
    alone = ALONE.format(column="approval_id", kind="handover", table="handover")
    refuse(db, "handover", "start", "INSERT", FIRST, "a hand-over is asked for first")
    refuse(
        db, "handover", "lone_act", 'UPDATE OF "state"', f"{HANDED} AND ({alone} OR {NO_FILE})",
        "a hand-over needs two people and its file",
    )  # fmt: skip


def _guard_suspensions(db):
    change = 'UPDATE OF "state"'
    warned = ALONE.format(column="warn_approval_id", kind="suspension_warning", table="suspension")
    rests = ALONE.format(column="rest_approval_id", kind="suspension", table="suspension")
    for name, act, when, sentence in (
        ("start", "INSERT", FIRST, "a suspension is asked for first"),
        ("way_back", change, BACK, "a suspension goes step by step"),
        ("lone_warning", change, WARNED.format(alone=warned), "a warning needs two people and a date"),
        ("lone_act", change, f"{RESTS} AND {rests}", "a suspension needs two people"),
        ("silence", change, UNWARNED, "a suspension is told in two ways, and not before its day"),
        ("unchecked", change, UNCHECKED, "life safety is checked by a person first"),
        ("untold", change, UNTOLD, "the fire authority is told before a suspension"),
    ):
        refuse(db, "suspension", name, act, when, sentence)
    refuse(db, "notice", "cured_warning", change, CURED, "this suspension is not going on")


TABLES = """
ALTER TABLE "customer" ADD COLUMN "vulnerable_reason" VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE "system" ADD COLUMN "certificated" {flag} NOT NULL DEFAULT False;
ALTER TABLE "company" ADD COLUMN "suspend_after_days" INTEGER NOT NULL CHECK (suspend_after_days BETWEEN 90 AND 730) DEFAULT 90;
ALTER TABLE "company" ADD COLUMN "suspend_notice_days" INTEGER NOT NULL CHECK (suspend_notice_days BETWEEN 10 AND 90) DEFAULT 14;
ALTER TABLE "company" ADD COLUMN "suspend_pauses_billing" {flag} NOT NULL DEFAULT True;

CREATE TABLE "suspension" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "contract_id" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('asked', 'warned', 'suspended', 'lifted', 'canceled')),
    "reason" VARCHAR(255) NOT NULL,
    "owed_cents" {cents} NOT NULL,
    "oldest_on" DATE NOT NULL,
    "guarded" TEXT NOT NULL,
    "checks" TEXT NOT NULL,
    "checked_at" {instant},
    "checked_by" VARCHAR(80) NOT NULL,
    "asked_by" VARCHAR(80) NOT NULL,
    "asked_at" {instant} NOT NULL,
    "warn_approval_id" INTEGER,
    "warned_at" {instant},
    "warned_by" VARCHAR(80) NOT NULL,
    "rests_on" DATE,
    "rest_approval_id" INTEGER,
    "suspended_on" DATE,
    "suspended_at" {instant},
    "suspended_by" VARCHAR(80) NOT NULL,
    "hold_id" INTEGER,
    "ended_at" {instant},
    "ended_by" VARCHAR(80) NOT NULL,
    "ended_why" VARCHAR(255) NOT NULL,
    "payment_id" INTEGER,
    "recall" {flag} NOT NULL,
    "recalled_at" {instant},
    "recalled_by" VARCHAR(80) NOT NULL,
    "recalled_how" VARCHAR(255) NOT NULL,
    "station" {flag} NOT NULL,
    "station_told_at" {instant},
    "station_told_by" VARCHAR(80) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("warn_approval_id") REFERENCES "approval" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("rest_approval_id") REFERENCES "approval" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("hold_id") REFERENCES "hold" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("payment_id") REFERENCES "payment" ("id") ON DELETE RESTRICT
);
CREATE INDEX "suspension_customer_id" ON "suspension" ("customer_id");
CREATE INDEX "suspension_contract_id" ON "suspension" ("contract_id");
CREATE INDEX "suspension_warn_approval_id" ON "suspension" ("warn_approval_id");
CREATE INDEX "suspension_rest_approval_id" ON "suspension" ("rest_approval_id");
CREATE INDEX "suspension_hold_id" ON "suspension" ("hold_id");
CREATE INDEX "suspension_payment_id" ON "suspension" ("payment_id");
CREATE UNIQUE INDEX "suspension_running" ON "suspension" ("contract_id") WHERE ("state" IN ('asked', 'warned', 'suspended'));

CREATE TABLE "handover" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('asked', 'handed_over', 'taken_back', 'canceled')),
    "agency" VARCHAR(120) NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "asked_by" VARCHAR(80) NOT NULL,
    "asked_at" {instant} NOT NULL,
    "approval_id" INTEGER,
    "handed_on" DATE,
    "handed_at" {instant},
    "handed_by" VARCHAR(80) NOT NULL,
    "ended_at" {instant},
    "ended_by" VARCHAR(80) NOT NULL,
    "ended_why" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("approval_id") REFERENCES "approval" ("id") ON DELETE RESTRICT
);
CREATE INDEX "handover_customer_id" ON "handover" ("customer_id");
CREATE INDEX "handover_approval_id" ON "handover" ("approval_id");
CREATE UNIQUE INDEX "handover_running" ON "handover" ("customer_id") WHERE ("state" IN ('asked', 'handed_over'));

CREATE TABLE "handover_file" (
    "id" {serial},
    "handover_id" INTEGER NOT NULL,
    "name" VARCHAR(120) NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "size" INTEGER NOT NULL,
    "content" {blob} NOT NULL,
    "made_at" {instant} NOT NULL,
    FOREIGN KEY ("handover_id") REFERENCES "handover" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "handover_file_handover_id" ON "handover_file" ("handover_id");

ALTER TABLE "notice" ADD COLUMN "suspension_id" INTEGER REFERENCES "suspension" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "handover_id" INTEGER REFERENCES "handover" ("id") ON DELETE RESTRICT;
CREATE INDEX "notice_suspension_id" ON "notice" ("suspension_id");
CREATE INDEX "notice_handover_id" ON "notice" ("handover_id");
"""  # noqa: E501
