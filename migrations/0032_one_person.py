"""Who asks and who decides are people, not spellings of an address; and staff have one spelling."""

from migrations.changing import freeze, refuse, run, thaw

ASKED = (
    "kind", "about_table", "about_id", "customer_id", "amount_cents", "reason", "details", "asked_by",
    "asked_at", "asked_by_staff_id",
)  # fmt: skip
SPELLED = """NEW."decided_by" <> '' AND LOWER(NEW."decided_by") = LOWER(NEW."asked_by")"""
CAPITALS = 'NEW."email" <> LOWER(NEW."email")'
ONE_SPELLING = "the address of staff is kept in small letters"


def up(migrator, db):
    run(db, SPELLING)
    refuse(db, "staff", "capitals", "INSERT", CAPITALS, ONE_SPELLING)
    refuse(db, "staff", "new_capitals", 'UPDATE OF "email"', CAPITALS, ONE_SPELLING)
    thaw(db, "approval")
    run(db, PEOPLE)
    freeze(db, "approval", ASKED)
    refuse(
        db, "approval", "other_person", 'UPDATE OF "decided_by_staff_id"', "OLD.state <> 'asked'",
        "an approval is decided once",
    )  # fmt: skip
    refuse(
        db, "approval", "same_person", 'UPDATE OF "decided_by"', SPELLED, "nobody decides what they asked for"
    )


# Two rows of one person under two spellings: the one with the right spelling stays, the other one leaves.
SPELLING = """
UPDATE "staff" SET "email" = LOWER("email") WHERE "email" <> LOWER("email") AND NOT EXISTS (
    SELECT 1 FROM "staff" AS "other" WHERE LOWER("other"."email") = LOWER("staff"."email")
    AND "other"."id" <> "staff"."id");
UPDATE "staff" SET "email" = LOWER("email") WHERE "email" <> LOWER("email") AND NOT EXISTS (
    SELECT 1 FROM "staff" AS "other" WHERE LOWER("other"."email") = LOWER("staff"."email")
    AND ("other"."email" = LOWER("other"."email") OR "other"."id" < "staff"."id"));
UPDATE "staff" SET "email" = 'second-' || "id" || '-' || LOWER("email"),
    "left_on" = COALESCE("left_on", CURRENT_DATE) WHERE "email" <> LOWER("email")
"""

PEOPLE = """
ALTER TABLE "approval" ADD COLUMN "asked_by_staff_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT;
ALTER TABLE "approval" ADD COLUMN "decided_by_staff_id" INTEGER REFERENCES "staff" ("id") ON DELETE RESTRICT
    CHECK (decided_by_staff_id <> asked_by_staff_id)
    CHECK (state <> 'approved' OR asked_by_staff_id IS NULL OR decided_by_staff_id IS NOT NULL);
CREATE INDEX "approval_asked_by_staff_id" ON "approval" ("asked_by_staff_id");
CREATE INDEX "approval_decided_by_staff_id" ON "approval" ("decided_by_staff_id");
UPDATE "approval" SET "asked_by_staff_id" = (
    SELECT "staff"."id" FROM "staff" WHERE 'staff:' || "staff"."email" = LOWER("approval"."asked_by"))
    WHERE "state" = 'asked'
"""
