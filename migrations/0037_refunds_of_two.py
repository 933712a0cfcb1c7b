"""Who orders a refund and who approves it are people as well, as with everything else that needs two."""

from migrations.changing import freeze, refuse, run, thaw

ORDERED = ("payment_id", "amount_cents", "reason", "by", "made_on", "by_staff_id")
SPELLED = """NEW."approved_by" <> '' AND LOWER(NEW."approved_by") = LOWER(NEW."by")"""
APPROVED = """OLD."approved_by" <> ''"""


def up(migrator, db):
    thaw(db, "refund")
    run(db, PEOPLE)
    freeze(db, "refund", ORDERED)
    approval = 'UPDATE OF "approved_by", "approved_by_staff_id"'
    refuse(db, "refund", "other_person", approval, APPROVED, "a refund is approved once")
    refuse(db, "refund", "same_person", approval, SPELLED, "nobody approves what they ordered")


PEOPLE = """
ALTER TABLE "refund" ADD COLUMN "by_staff_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT;
ALTER TABLE "refund" ADD COLUMN "approved_by_staff_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT
    CHECK (approved_by_staff_id <> by_staff_id)
    CHECK (approved_by = '' OR by_staff_id IS NULL OR approved_by_staff_id IS NOT NULL);
CREATE INDEX "refund_by_staff_id" ON "refund" ("by_staff_id");
CREATE INDEX "refund_approved_by_staff_id" ON "refund" ("approved_by_staff_id");
UPDATE "refund" SET "by_staff_id" = (
    SELECT "staff"."id" FROM "staff" WHERE 'staff:' || "staff"."email" = LOWER("refund"."by"))
    WHERE "state" = 'waiting'
"""
