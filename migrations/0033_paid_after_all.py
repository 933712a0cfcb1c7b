"""A write-off is taken back in parts, by the money that came after all; a plan says its words' language."""

from migrations.changing import freeze, refuse, run, thaw

AGREED = (
    "key", "customer_id", "amount_cents", "count", "fee_cents", "autopay", "name", "ip", "browser",
    "signed_at", "text", "text_sha256", "agreed_on", "agreed_at", "language",
)  # fmt: skip
REVERSED = ("credit_id", "amount_cents", "reason", "by", "made_on", "payment_id")
TOO_MUCH = """NEW.amount_cents + COALESCE((SELECT SUM(earlier.amount_cents) FROM credit_reversal AS earlier
        WHERE earlier.credit_id = NEW.credit_id), 0)
        > (SELECT credit.amount_cents FROM credit WHERE credit.id = NEW.credit_id)
    OR (SELECT credit.kind FROM credit WHERE credit.id = NEW.credit_id) NOT IN ('write_off', 'bad_debt')"""


def up(migrator, db):
    drop(db, "credit_reversal", "other")
    thaw(db, "credit_reversal")
    thaw(db, "plan")
    run(db, TABLES)
    freeze(db, "plan", AGREED, when="OLD.state <> 'proposed'")
    freeze(db, "credit_reversal", REVERSED)
    sentence = "only a write-off is taken back, and no more than was written off"
    refuse(db, "credit_reversal", "other", "INSERT", TOO_MUCH, sentence)


def drop(db, table, name):
    """Take away a trigger that ``refuse`` made."""
    on = f' ON "{table}"' if db.for_update else ""
    db.execute_sql(f'DROP TRIGGER "{table}_no_{name}"{on}')
    if db.for_update:
        db.execute_sql(f"DROP FUNCTION {table}_no_{name}()")


TABLES = """
ALTER TABLE "plan" ADD COLUMN "language" VARCHAR(30) NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'es'));
DROP INDEX "credit_reversal_credit_id";
CREATE INDEX "credit_reversal_credit_id" ON "credit_reversal" ("credit_id");
ALTER TABLE "credit_reversal" ADD COLUMN "payment_id" INTEGER REFERENCES "payment" ("id") ON DELETE RESTRICT;
CREATE INDEX "credit_reversal_payment_id" ON "credit_reversal" ("payment_id")
"""
