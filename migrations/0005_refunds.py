"""What a refund takes from invoices, when it was sent and when the money went."""

from migrations.changing import run


def up(migrator, db):
    run(db, COLUMNS)


COLUMNS = """
ALTER TABLE "refund" ADD COLUMN "reopen_cents" {cents} NOT NULL DEFAULT 0;
ALTER TABLE "refund" ADD COLUMN "sent_at" {instant};
ALTER TABLE "refund" ADD COLUMN "paid_on" DATE;
UPDATE "refund" SET "paid_on" = "made_on" WHERE "state" IN ('approved', 'settled')
"""
