"""What comes in by mail and text, each message once; the heartbeat of what is read."""

from migrations.changing import freeze, never_delete, run

CAME = ("channel", "source_id", "sender", "recipient", "subject", "body", "attachments", "received_at")


def up(migrator, db):
    run(db, TABLES)
    never_delete(db, "inbound")
    freeze(db, "inbound", CAME)


TABLES = """
CREATE TABLE "inbound" (
    "id" {serial},
    "channel" VARCHAR(30) NOT NULL CHECK (channel IN ('mail', 'text')),
    "source_id" VARCHAR(120) NOT NULL,
    "kind" VARCHAR(30) NOT NULL
        CHECK (kind IN ('reply', 'bounce', 'complaint', 'automatic', 'stop', 'start', 'help', 'unknown')),
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('waiting', 'handled')),
    "sender" VARCHAR(255) NOT NULL,
    "recipient" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "body" TEXT NOT NULL,
    "attachments" TEXT NOT NULL,
    "received_at" {instant} NOT NULL,
    "notice_id" INTEGER,
    "customer_id" INTEGER,
    "contact_id" INTEGER,
    "ticket_id" INTEGER,
    "result" VARCHAR(255) NOT NULL,
    "handled_at" {instant},
    "handled_by" VARCHAR(80) NOT NULL,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "inbound_source_id" ON "inbound" ("source_id");
CREATE INDEX "inbound_notice_id" ON "inbound" ("notice_id");
CREATE INDEX "inbound_customer_id" ON "inbound" ("customer_id");
CREATE INDEX "inbound_contact_id" ON "inbound" ("contact_id");
CREATE INDEX "inbound_ticket_id" ON "inbound" ("ticket_id");
CREATE INDEX "inbound_sender_received_at" ON "inbound" ("sender", "received_at");
CREATE INDEX "inbound_waiting" ON "inbound" ("received_at") WHERE ("state" = 'waiting');

CREATE TABLE "feed" (
    "id" {serial},
    "name" VARCHAR(40) NOT NULL,
    "tried_at" {instant},
    "beat_at" {instant},
    "limit_minutes" INTEGER NOT NULL,
    "trouble" VARCHAR(255) NOT NULL
);
CREATE UNIQUE INDEX "feed_name" ON "feed" ("name");
"""
