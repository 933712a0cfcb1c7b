"""What messages say: versions of texts that staff write, and which one a message was written by."""

from migrations.changing import freeze, never_delete, run

SAID = ("kind", "channel", "language", "version", "subject", "body", "made_by", "made_at")


def up(migrator, db):
    run(db, TABLES)
    never_delete(db, "template")
    freeze(db, "template", SAID, when="OLD.state <> 'draft'")
    run(db, COLUMNS)


TABLES = """
CREATE TABLE "template" (
    "id" {serial},
    "kind" VARCHAR(30) NOT NULL,
    "channel" VARCHAR(30) NOT NULL CHECK (channel IN ('mail', 'text')),
    "language" VARCHAR(30) NOT NULL CHECK (language IN ('en', 'es')),
    "version" INTEGER NOT NULL CHECK (version > 0),
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('draft', 'active', 'retired')),
    "subject" VARCHAR(500) NOT NULL,
    "body" TEXT NOT NULL,
    "note" VARCHAR(255) NOT NULL,
    "made_by" VARCHAR(80) NOT NULL,
    "made_at" {instant} NOT NULL,
    "activated_by" VARCHAR(80) NOT NULL,
    "activated_at" {instant},
    "failed_at" {instant},
    "failure" VARCHAR(255) NOT NULL
);
CREATE UNIQUE INDEX "template_kind_channel_language_version"
    ON "template" ("kind", "channel", "language", "version");
CREATE UNIQUE INDEX "template_in_force" ON "template" ("kind", "channel", "language")
    WHERE ("state" = 'active')
"""
COLUMNS = """
ALTER TABLE "notice" ADD COLUMN "template_id" INTEGER REFERENCES "template" ("id") ON DELETE RESTRICT;
CREATE INDEX "notice_template_id" ON "notice" ("template_id");
ALTER TABLE "notice" ADD COLUMN "text_sha256" VARCHAR(64) DEFAULT '' NOT NULL
"""
