"""When a verdict stopped being so: what waited for us four weeks ago can be told."""

from migrations.changing import run


def up(migrator, db):
    run(db, TABLE)


# Of those that ended before: when the next one of the same took their place, else when they began.
TABLE = """
ALTER TABLE "verdict" ADD COLUMN "ended_at" {instant};
UPDATE "verdict" SET "ended_at" = COALESCE((
    SELECT MIN("next"."judged_at") FROM "verdict" AS "next" WHERE "next"."invoice_id" = "verdict"."invoice_id"
    AND COALESCE("next"."installment_id", 0) = COALESCE("verdict"."installment_id", 0)
    AND "next"."id" > "verdict"."id"), "judged_at") WHERE NOT "current";
CREATE INDEX "verdict_ended" ON "verdict" ("ended_at") WHERE ("ended_at" IS NOT NULL)
"""
