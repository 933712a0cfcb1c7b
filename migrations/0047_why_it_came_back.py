"""What a payment that came back began is found by the row that began it, and not by words about it."""

from migrations.changing import freeze, run, thaw

TAKEN_BACK = (
    "invoice_id", "payment_id", "credit_id", "amount_cents", "reverses_id", "made_on", "refund_id",
    "chargeback_id",
)  # fmt: skip


def up(migrator, db):
    thaw(db, "allocation")
    run(db, COLUMNS)
    run(db, OLD_ROWS)
    freeze(db, "allocation", TAKEN_BACK)


COLUMNS = """
ALTER TABLE "allocation" ADD COLUMN "refund_id" INTEGER REFERENCES "refund" ("id") ON DELETE RESTRICT;
CREATE INDEX "allocation_refund_id" ON "allocation" ("refund_id");
ALTER TABLE "allocation" ADD COLUMN "chargeback_id" INTEGER REFERENCES "chargeback" ("id") ON DELETE RESTRICT
    CHECK (refund_id IS NULL OR chargeback_id IS NULL);
CREATE INDEX "allocation_chargeback_id" ON "allocation" ("chargeback_id");
ALTER TABLE "hold" ADD COLUMN "payment_id" INTEGER REFERENCES "payment" ("id") ON DELETE RESTRICT;
CREATE INDEX "hold_payment_id" ON "hold" ("payment_id");
ALTER TABLE "payment" ADD COLUMN "return_fee_id" INTEGER REFERENCES "one_off" ("id") ON DELETE RESTRICT;
CREATE INDEX "payment_return_fee_id" ON "payment" ("return_fee_id")
"""

# A refund that had no reference yet was named by its number. Messages were held on the day on which the
# payment came back, or was disputed.
OLD_ROWS = """
UPDATE "allocation" SET "refund_id" = (
    SELECT MIN("refund"."id") FROM "refund" WHERE "refund"."payment_id" = "allocation"."payment_id"
    AND "allocation"."reason" IN ('Refund ' || "refund"."reference", 'Refund ' || "refund"."id"))
    WHERE "amount_cents" < 0 AND "reason" LIKE 'Refund _%';
UPDATE "allocation" SET "chargeback_id" = (
    SELECT "chargeback"."id" FROM "chargeback" WHERE "chargeback"."payment_id" = "allocation"."payment_id"
    AND "allocation"."reason" = 'Chargeback ' || "chargeback"."id")
    WHERE "amount_cents" < 0 AND "reason" LIKE 'Chargeback _%';
UPDATE "hold" SET "payment_id" = (
    SELECT "chargeback"."payment_id" FROM "chargeback" WHERE "chargeback"."customer_id" = "hold"."customer_id"
    AND "hold"."reason" = 'Chargeback ' || "chargeback"."id")
    WHERE "scope" = 'autopay' AND "reason" LIKE 'Chargeback _%';
UPDATE "hold" SET "payment_id" = (
    SELECT MIN("payment"."id") FROM "payment"
    JOIN "credit_reversal" ON "credit_reversal"."payment_id" = "payment"."id"
    LEFT JOIN "chargeback" ON "chargeback"."payment_id" = "payment"."id"
    WHERE "payment"."customer_id" = "hold"."customer_id"
    AND "hold"."starts_on" IN ("payment"."returned_on", "chargeback"."opened_on"))
    WHERE "scope" = 'notices' AND "reason" = 'Bad debt was paid, and that payment came back';
UPDATE "payment" SET "return_fee_id" = (
    SELECT MAX("one_off"."id") FROM "one_off" WHERE "one_off"."customer_id" = "payment"."customer_id"
    AND "one_off"."text" LIKE '%' || "payment"."reference")
    WHERE "return_code" <> '' AND "payment"."state" = 'returned'
"""
