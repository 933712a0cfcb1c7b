"""Paper in batches, of which every piece is in one, and calendars behind an address of their own."""

from migrations.changing import freeze, never_delete, run, widen

PURPOSES = ("pay", "preferences", "sign_in", "session", "consent")

OUT = ("batch_id", "notice_id", "out_at", "out_by", "out_reason")
MADE = ("ordered_by", "ordered_at", "sha256", "made_at", "pieces", "pages", "sheets")


def up(migrator, db):
    run(db, TABLES)
    widen(db, "link", "purpose", PURPOSES, (*PURPOSES, "calendar"))
    run(db, COLUMNS)
    never_delete(db, "print_batch")
    never_delete(db, "print_piece")
    freeze(db, "print_piece", OUT, when="OLD.out_at IS NOT NULL")
    freeze(db, "print_batch", MADE, when="OLD.made_at IS NOT NULL")


TABLES = """
CREATE TABLE "print_batch" (
    "id" {serial},
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('ordered', 'made', 'printed', 'mailed', 'empty')),
    "ordered_by" VARCHAR(80) NOT NULL,
    "ordered_at" {instant} NOT NULL,
    "claimed_at" {instant},
    "trouble" VARCHAR(255) NOT NULL,
    "pieces" INTEGER NOT NULL,
    "pages" INTEGER NOT NULL,
    "sheets" INTEGER NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "made_at" {instant},
    "printed_by" VARCHAR(80) NOT NULL,
    "printed_at" {instant},
    "mailed_on" DATE,
    "mailed_by" VARCHAR(80) NOT NULL,
    "mailed_at" {instant},
    CHECK (state <> 'mailed' OR mailed_on IS NOT NULL)
);
CREATE UNIQUE INDEX "print_batch_ordered" ON "print_batch" ("state") WHERE ("state" = 'ordered');

CREATE TABLE "print_file" (
    "id" {serial},
    "batch_id" INTEGER NOT NULL,
    "pdf" {blob},
    "forgotten_at" {instant},
    FOREIGN KEY ("batch_id") REFERENCES "print_batch" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "print_file_batch_id" ON "print_file" ("batch_id");

CREATE TABLE "print_piece" (
    "id" {serial},
    "batch_id" INTEGER NOT NULL,
    "notice_id" INTEGER NOT NULL,
    "place" INTEGER,
    "first_page" INTEGER,
    "pages" INTEGER,
    "certified" {flag} NOT NULL,
    "out_at" {instant},
    "out_by" VARCHAR(80) NOT NULL,
    "out_reason" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("batch_id") REFERENCES "print_batch" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT
);
CREATE INDEX "print_piece_batch_id" ON "print_piece" ("batch_id");
CREATE INDEX "print_piece_notice_id" ON "print_piece" ("notice_id");
CREATE UNIQUE INDEX "print_piece_batch_id_place" ON "print_piece" ("batch_id", "place");
CREATE UNIQUE INDEX "print_piece_in_one" ON "print_piece" ("notice_id") WHERE ("out_at" IS NULL);
CREATE INDEX "notice_to_print" ON "notice" ("id") WHERE ("state" = 'print')
"""
COLUMNS = """
ALTER TABLE "link" ADD COLUMN "shows" VARCHAR(255) DEFAULT '' NOT NULL;
ALTER TABLE "company" ADD COLUMN "daily_batch" {flag} DEFAULT '0' NOT NULL
"""
