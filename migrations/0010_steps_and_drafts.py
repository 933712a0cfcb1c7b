"""Reminding by steps that are rows, what messages belong to, and when the company may write at all."""

from migrations.changing import refuse, run, widen

KINDS = (
    "invoice", "reminder", "receipt", "payment_problem", "sign_in", "fresh_link", "ticket_reply",
    "contact_changed", "autopay_on", "autopay_off", "upcoming_charge", "charge_postponed", "charge_declined",
    "above_cap", "method_expiring", "method_problem", "method_changed", "refund",
)  # fmt: skip
MORE_KINDS = (
    "overdue", "check_in", "digest", "renewal", "yearly_reminder", "price_change", "contract_answered",
    "contract_ended", "consent_confirm", "text_reply",
)  # fmt: skip
STATES = ("queued", "sending", "sent", "print", "failed", "skipped")
SAID = ("step", "joined_id", "words", "staff_id", "legal", "event", "why")


def up(migrator, db):
    run(db, TABLES)
    run(db, COLUMNS)
    widen(db, "notice", "kind", KINDS, (*KINDS, *MORE_KINDS))
    widen(db, "notice", "state", STATES, (*STATES, "draft", "joined"))
    widen(db, "notice", "channel", ("mail", "paper"), ("mail", "paper", "text"))
    run(db, DEFAULTS)
    unsaid = "OLD.state = 'sent' AND NEW.state <> OLD.state"
    refuse(db, "notice", "unsaying", 'UPDATE OF "state"', unsaid, "what was said is not unsaid")
    _freeze_words(db)


def _freeze_words(db):
    """What was said keeps who signed it, what it belonged to and why."""
    unlike = "IS DISTINCT FROM" if db.for_update else "IS NOT"
    changed = " OR ".join(f'OLD."{column}" {unlike} NEW."{column}"' for column in SAID)
    columns = ", ".join(f'"{column}"' for column in SAID)
    condition = f"OLD.state = 'sent' AND ({changed})"
    refuse(db, "notice", "rewording", f"UPDATE OF {columns}", condition, "this notice is frozen")


TABLES = """
CREATE TABLE "customer_group" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "note" TEXT NOT NULL
);
CREATE UNIQUE INDEX "customer_group_name" ON "customer_group" ("name");

CREATE TABLE "reminder_policy" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "customer_group_id" INTEGER,
    "customer_id" INTEGER,
    "invoice_id" INTEGER,
    "active" {flag} NOT NULL,
    "note" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("customer_group_id") REFERENCES "customer_group" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    CHECK ((customer_group_id IS NULL AND customer_id IS NULL) OR (customer_group_id IS NULL AND invoice_id IS NULL) OR (customer_id IS NULL AND invoice_id IS NULL))
);
CREATE INDEX "reminder_policy_customer_group_id" ON "reminder_policy" ("customer_group_id");
CREATE INDEX "reminder_policy_customer_id" ON "reminder_policy" ("customer_id");
CREATE INDEX "reminder_policy_invoice_id" ON "reminder_policy" ("invoice_id");
CREATE UNIQUE INDEX "reminder_policy_of_customer_group" ON "reminder_policy" ("customer_group_id") WHERE ("active" AND ("customer_group_id" IS NOT NULL));
CREATE UNIQUE INDEX "reminder_policy_of_customer" ON "reminder_policy" ("customer_id") WHERE ("active" AND ("customer_id" IS NOT NULL));
CREATE UNIQUE INDEX "reminder_policy_of_invoice" ON "reminder_policy" ("invoice_id") WHERE ("active" AND ("invoice_id" IS NOT NULL));
CREATE UNIQUE INDEX "reminder_policy_of_company" ON "reminder_policy" ("active") WHERE ((("active" AND ("customer_group_id" IS NULL)) AND ("customer_id" IS NULL)) AND ("invoice_id" IS NULL));

CREATE TABLE "reminder_step" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "policy_id" INTEGER NOT NULL,
    "days" INTEGER NOT NULL,
    "act" VARCHAR(30) NOT NULL CHECK (act IN ('remind', 'remind_today', 'check_in', 'late', 'person')),
    "active" {flag} NOT NULL,
    FOREIGN KEY ("policy_id") REFERENCES "reminder_policy" ("id") ON DELETE RESTRICT,
    CHECK (days BETWEEN -30 AND 365),
    CHECK ((act = 'remind') = (days < 0)),
    CHECK ((act = 'remind_today') = (days = 0))
);
CREATE INDEX "reminder_step_policy_id" ON "reminder_step" ("policy_id");
CREATE UNIQUE INDEX "reminder_step_policy_id_days" ON "reminder_step" ("policy_id", "days")
"""  # noqa: E501

COLUMNS = """
ALTER TABLE "customer" ADD COLUMN "group_id" INTEGER REFERENCES "customer_group" ("id") ON DELETE RESTRICT;
CREATE INDEX "customer_group_id" ON "customer" ("group_id");

ALTER TABLE "company" ADD COLUMN "live_on" DATE;
ALTER TABLE "company" ADD COLUMN "gap_days" INTEGER NOT NULL CHECK (gap_days BETWEEN 1 AND 60) DEFAULT 4;
ALTER TABLE "company" ADD COLUMN "contacts_a_week" INTEGER NOT NULL CHECK (contacts_a_week BETWEEN 1 AND 7) DEFAULT 2;
ALTER TABLE "company" ADD COLUMN "grace_days" INTEGER NOT NULL CHECK (grace_days BETWEEN 0 AND 60) DEFAULT 5;
ALTER TABLE "company" ADD COLUMN "send_from_hour" INTEGER NOT NULL CHECK (send_from_hour BETWEEN 0 AND 23) DEFAULT 9;
ALTER TABLE "company" ADD COLUMN "send_until_hour" INTEGER NOT NULL CHECK (send_until_hour BETWEEN 1 AND 24) DEFAULT 17;

ALTER TABLE "notice" ADD COLUMN "event" VARCHAR(30) NOT NULL DEFAULT '';
ALTER TABLE "notice" ADD COLUMN "legal" {flag} NOT NULL DEFAULT '0';
ALTER TABLE "notice" ADD COLUMN "contract_id" INTEGER REFERENCES "contract" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "price_change_id" INTEGER REFERENCES "price_change" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "step" INTEGER;
ALTER TABLE "notice" ADD COLUMN "joined_id" INTEGER REFERENCES "notice" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "words" TEXT NOT NULL DEFAULT '';
ALTER TABLE "notice" ADD COLUMN "staff_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT;
ALTER TABLE "notice" ADD COLUMN "provider_id" VARCHAR(80) NOT NULL DEFAULT '';
ALTER TABLE "notice" ADD COLUMN "pages" INTEGER;
ALTER TABLE "notice" ADD COLUMN "certified_number" VARCHAR(40) NOT NULL DEFAULT '';
ALTER TABLE "notice" ADD COLUMN "bounced_at" {instant};
ALTER TABLE "notice" ADD COLUMN "bounce_code" VARCHAR(20) NOT NULL DEFAULT '';
ALTER TABLE "notice" ADD COLUMN "bounce_text" VARCHAR(255) NOT NULL DEFAULT '';
CREATE INDEX "notice_contract_id" ON "notice" ("contract_id");
CREATE INDEX "notice_price_change_id" ON "notice" ("price_change_id");
CREATE INDEX "notice_joined_id" ON "notice" ("joined_id");
CREATE INDEX "notice_staff_id" ON "notice" ("staff_id");

ALTER TABLE "link" ADD COLUMN "notice_id" INTEGER REFERENCES "notice" ("id") ON DELETE RESTRICT;
CREATE INDEX "link_notice_id" ON "link" ("notice_id");
CREATE INDEX "notice_of_contact_waiting" ON "notice" ("contact_id") WHERE ("state" IN ('queued', 'sending', 'draft'))
"""  # noqa: E501

# What an existing company has chosen stays; it writes as it did. A new one begins mute.
DEFAULTS = """
UPDATE "company" SET "live_on" = CURRENT_DATE;
UPDATE "notice" SET "step" = -3, "event" = 'reminder' WHERE "kind" = 'reminder' AND "state" <> 'sent';
INSERT INTO "reminder_policy" ("version", "name", "active", "note") VALUES (1, 'Standard', TRUE, 'For everybody who has none of their own.');
INSERT INTO "reminder_step" ("version", "policy_id", "days", "act", "active")
    SELECT 1, "id", -3, 'remind', TRUE FROM "reminder_policy"
    UNION ALL SELECT 1, "id", 0, 'remind_today', TRUE FROM "reminder_policy"
    UNION ALL SELECT 1, "id", 5, 'check_in', TRUE FROM "reminder_policy"
    UNION ALL SELECT 1, "id", 15, 'late', TRUE FROM "reminder_policy"
    UNION ALL SELECT 1, "id", 30, 'late', TRUE FROM "reminder_policy"
    UNION ALL SELECT 1, "id", 37, 'person', TRUE FROM "reminder_policy";
UPDATE "reminder_step" SET "days" = -(SELECT MAX("reminder_days") FROM "company")
    WHERE "act" = 'remind' AND (SELECT MAX("reminder_days") FROM "company") BETWEEN 1 AND 30
"""  # noqa: E501
