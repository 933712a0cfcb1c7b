"""Wishes per event, channel and time, every change of them, and the consents that the law wants in writing.

What was chosen before keeps its meaning: "none" is never, a reminder is so many days ahead, and paper for an
invoice says also that it does not come by mail.
"""

from migrations.changing import freeze, never_delete, refuse, run, widen

EVENTS = (
    "invoice", "upcoming_charge", "reminder", "receipt", "payment_problem", "contract_end", "price_change",
    "ticket_reply", "digest",
)  # fmt: skip
CHANNELS = ("mail", "text", "paper", "calendar")
PURPOSES = ("pay", "preferences", "sign_in", "session")
CHANGE = (
    "contact_id", "event", "channel", "timing", "days_ahead", "digest_day", "by", "via", "reason", "at",
)  # fmt: skip
CONSENT = (
    "contact_id", "kind", "wording", "version", "address_or_number", "given_at", "source", "by", "ip",
    "proof",
)  # fmt: skip


def up(migrator, db):
    run(db, WISHES)
    widen(db, "preference", "event", EVENTS_BEFORE, EVENTS)
    widen(db, "preference", "channel", CHANNELS_BEFORE, CHANNELS)
    widen(db, "link", "purpose", PURPOSES, (*PURPOSES, "consent"))
    run(db, TABLES)
    for table, columns in (("preference_change", CHANGE), ("consent", CONSENT)):
        never_delete(db, table)
        freeze(db, table, columns)
    refuse(
        db, "consent", "revival", 'UPDATE OF "withdrawn_at", "withdrawn_how"',
        'OLD."withdrawn_at" IS NOT NULL', "a consent that was withdrawn stays withdrawn",
    )  # fmt: skip


EVENTS_BEFORE = ("invoice", "reminder", "receipt")
CHANNELS_BEFORE = ("mail", "paper", "none")

WISHES = """
ALTER TABLE "preference" ADD COLUMN "timing" VARCHAR(30) NOT NULL CHECK (timing IN ('every', 'unpaid', 'ahead', 'on_day', 'digest', 'never')) DEFAULT 'every';
ALTER TABLE "preference" ADD COLUMN "digest_day" INTEGER CHECK (digest_day IS NULL OR digest_day BETWEEN 1 AND 28);
DROP INDEX "preference_contact_id_event";
CREATE UNIQUE INDEX "preference_contact_id_event_channel" ON "preference" ("contact_id", "event", "channel");
UPDATE "preference" SET "timing" = 'ahead' WHERE "event" = 'reminder' AND "channel" != 'none' AND "days_ahead" > 0;
UPDATE "preference" SET "timing" = 'on_day' WHERE "event" = 'reminder' AND "channel" != 'none' AND "days_ahead" = 0;
UPDATE "preference" SET "channel" = 'mail' WHERE "event" = 'reminder' AND "channel" = 'paper';
UPDATE "preference" SET "channel" = 'mail', "timing" = 'never' WHERE "channel" = 'none';
INSERT INTO "preference" ("contact_id", "event", "channel", "timing", "days_ahead", "changed_at")
    SELECT "contact_id", "event", 'mail', 'never', "days_ahead", "changed_at" FROM "preference" WHERE "channel" = 'paper'
"""  # noqa: E501

TABLES = """
CREATE TABLE "preference_change" (
    "id" {serial},
    "contact_id" INTEGER NOT NULL,
    "event" VARCHAR(30) NOT NULL CHECK (event IN ('invoice', 'upcoming_charge', 'reminder', 'receipt', 'payment_problem', 'contract_end', 'price_change', 'ticket_reply', 'digest')),
    "channel" VARCHAR(30) NOT NULL CHECK (channel IN ('mail', 'text', 'paper', 'calendar')),
    "timing" VARCHAR(30) NOT NULL CHECK (timing IN ('every', 'unpaid', 'ahead', 'on_day', 'digest', 'never')),
    "days_ahead" INTEGER NOT NULL,
    "digest_day" INTEGER,
    "by" VARCHAR(300) NOT NULL,
    "via" VARCHAR(30) NOT NULL CHECK (via IN ('page', 'link', 'one_click', 'text', 'staff', 'preset', 'import')),
    "reason" VARCHAR(255) NOT NULL,
    "at" {instant} NOT NULL,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT
);
CREATE INDEX "preference_change_contact_id" ON "preference_change" ("contact_id");
CREATE INDEX "preference_change_contact_id_at" ON "preference_change" ("contact_id", "at");

CREATE TABLE "consent" (
    "id" {serial},
    "contact_id" INTEGER NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('text', 'electronic')),
    "wording" TEXT NOT NULL,
    "version" VARCHAR(20) NOT NULL,
    "address_or_number" VARCHAR(255) NOT NULL,
    "given_at" {instant} NOT NULL,
    "source" VARCHAR(30) NOT NULL CHECK (source IN ('page', 'link', 'staff', 'text')),
    "by" VARCHAR(300) NOT NULL,
    "ip" VARCHAR(45) NOT NULL,
    "proof" VARCHAR(255) NOT NULL,
    "withdrawn_at" {instant},
    "withdrawn_how" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT
);
CREATE INDEX "consent_contact_id" ON "consent" ("contact_id");
CREATE UNIQUE INDEX "consent_standing" ON "consent" ("contact_id", "kind") WHERE ("withdrawn_at" IS NULL)
"""  # noqa: E501
