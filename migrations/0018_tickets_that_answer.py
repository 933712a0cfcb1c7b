"""Tickets know what they are about, whose they are and since when they wait; files come with messages."""

from migrations.changing import freeze, never_delete, refuse, run, thaw

SAID = ("contact_id", "staff_id", "body", "internal", "written_at")
ASTRAY = """OLD."ticket_id" <> NEW."ticket_id" AND NOT EXISTS (SELECT 1 FROM "ticket"
    WHERE "ticket"."id" = OLD."ticket_id" AND "ticket"."merged_into_id" = NEW."ticket_id")"""


def up(migrator, db):
    run(db, COMPANY)
    run(db, TICKET)
    run(db, TABLES)
    run(db, BEFORE)
    never_delete(db, "attachment")
    freeze(db, "attachment", ("name", "kind", "size", "sha256", "stored_as", "inbound_id", "made_at"))
    thaw(db, "message")
    freeze(db, "message", SAID)
    refuse(db, "message", "move", 'UPDATE OF "ticket_id"', ASTRAY, "a message moves only with its ticket")


COMPANY = """
ALTER TABLE "company" ADD COLUMN "support_from_hour" INTEGER NOT NULL DEFAULT 8 CHECK (support_from_hour BETWEEN 0 AND 23);
ALTER TABLE "company" ADD COLUMN "support_until_hour" INTEGER NOT NULL DEFAULT 18 CHECK (support_until_hour BETWEEN 1 AND 24);
ALTER TABLE "company" ADD COLUMN "support_days" VARCHAR(7) NOT NULL DEFAULT '12345';
ALTER TABLE "company" ADD COLUMN "answer_urgent_hours" INTEGER NOT NULL DEFAULT 1 CHECK (answer_urgent_hours BETWEEN 1 AND 400);
ALTER TABLE "company" ADD COLUMN "answer_high_hours" INTEGER NOT NULL DEFAULT 4 CHECK (answer_high_hours BETWEEN 1 AND 400);
ALTER TABLE "company" ADD COLUMN "answer_normal_hours" INTEGER NOT NULL DEFAULT 8 CHECK (answer_normal_hours BETWEEN 1 AND 400);
ALTER TABLE "company" ADD COLUMN "answer_low_hours" INTEGER NOT NULL DEFAULT 24 CHECK (answer_low_hours BETWEEN 1 AND 400)
"""  # noqa: E501

TICKET = """
ALTER TABLE "ticket" ADD COLUMN "kind" VARCHAR(30) NOT NULL DEFAULT 'other' CHECK (kind IN ('billing', 'service', 'cancellation', 'other'));
ALTER TABLE "ticket" ADD COLUMN "priority" VARCHAR(30) NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent'));
ALTER TABLE "ticket" ADD COLUMN "via" VARCHAR(30) NOT NULL DEFAULT 'staff' CHECK (via IN ('portal', 'pay_link', 'mail', 'text', 'phone', 'staff'));
ALTER TABLE "ticket" ADD COLUMN "owner_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT;
ALTER TABLE "ticket" ADD COLUMN "line_id" INTEGER REFERENCES "line" ("id") ON DELETE RESTRICT;
ALTER TABLE "ticket" ADD COLUMN "site_id" INTEGER REFERENCES "site" ("id") ON DELETE RESTRICT;
ALTER TABLE "ticket" ADD COLUMN "contract_id" INTEGER REFERENCES "contract" ("id") ON DELETE RESTRICT;
ALTER TABLE "ticket" ADD COLUMN "first_answered_at" {instant};
ALTER TABLE "ticket" ADD COLUMN "waiting_since_at" {instant};
ALTER TABLE "ticket" ADD COLUMN "closed_at" {instant};
ALTER TABLE "ticket" ADD COLUMN "reported_from_at" {instant};
ALTER TABLE "ticket" ADD COLUMN "reported_until_at" {instant};
ALTER TABLE "ticket" ADD COLUMN "merged_into_id" INTEGER REFERENCES "ticket" ("id") ON DELETE RESTRICT;
ALTER TABLE "ticket" ADD COLUMN "seen_by_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT;
ALTER TABLE "ticket" ADD COLUMN "seen_at" {instant};
CREATE INDEX "ticket_owner_id" ON "ticket" ("owner_id");
CREATE INDEX "ticket_line_id" ON "ticket" ("line_id");
CREATE INDEX "ticket_site_id" ON "ticket" ("site_id");
CREATE INDEX "ticket_contract_id" ON "ticket" ("contract_id");
CREATE INDEX "ticket_merged_into_id" ON "ticket" ("merged_into_id");
CREATE INDEX "ticket_seen_by_id" ON "ticket" ("seen_by_id");
CREATE INDEX "ticket_waiting" ON "ticket" ("waiting_since_at") WHERE (state = 'waiting_on_us')
"""  # noqa: E501

TABLES = """
CREATE TABLE "attachment" (
    "id" {serial},
    "message_id" INTEGER,
    "inbound_id" INTEGER,
    "name" VARCHAR(120) NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('image/jpeg', 'image/png', 'application/pdf', 'text/plain')),
    "size" INTEGER NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "stored_as" VARCHAR(80) NOT NULL,
    "width" INTEGER,
    "height" INTEGER,
    "made_at" {instant} NOT NULL,
    FOREIGN KEY ("message_id") REFERENCES "message" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("inbound_id") REFERENCES "inbound" ("id") ON DELETE RESTRICT,
    CHECK (message_id IS NOT NULL OR inbound_id IS NOT NULL)
);
CREATE INDEX "attachment_message_id" ON "attachment" ("message_id");
CREATE INDEX "attachment_inbound_id" ON "attachment" ("inbound_id");

CREATE TABLE "canned_reply" (
    "id" {serial},
    "version" INTEGER NOT NULL,
    "title" VARCHAR(80) NOT NULL,
    "body" TEXT NOT NULL,
    "kind" VARCHAR(30) CHECK (kind IN ('billing', 'service', 'cancellation', 'other')),
    "language" VARCHAR(30) NOT NULL CHECK (language IN ('en', 'es')),
    "active" {flag} NOT NULL
)
"""

# What tickets of before tell of themselves.
BEFORE = """
UPDATE "ticket" SET "kind" = 'billing' WHERE "invoice_id" IS NOT NULL;
UPDATE "ticket" SET "waiting_since_at" = "last_at" WHERE "state" = 'waiting_on_us';
UPDATE "ticket" SET "closed_at" = "last_at" WHERE "state" = 'closed';
UPDATE "ticket" SET "first_answered_at" = (SELECT MIN("written_at") FROM "message"
    WHERE "message"."ticket_id" = "ticket"."id" AND "staff_id" IS NOT NULL AND NOT "internal")
"""
