"""A link that stands on paper has a code that people can type; wrong ones are counted."""

from migrations.changing import run


def up(migrator, db):
    run(db, CODES)


CODES = """
CREATE INDEX "link_pay_code" ON "link" ("code_hash") WHERE (("purpose" = 'pay') AND ("code_hash" != ''));
CREATE TABLE "code_guess" (
  "id" {serial},
  "network_hash" VARCHAR(64) NOT NULL,
  "at" {instant} NOT NULL
);
CREATE INDEX "code_guess_network_hash_at" ON "code_guess" ("network_hash", "at");
CREATE INDEX "code_guess_at" ON "code_guess" ("at")
"""
