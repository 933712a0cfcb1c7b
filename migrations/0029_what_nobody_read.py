"""Two columns that nobody read, and indexes of messages that hold only what there is to find.

Each message names one or two of the things that it may be about. The indexes of all the others held an empty
entry for every message, and PostgreSQL wrote each of them anew at every step of sending one.
"""

from migrations.changing import run

SELDOM = (
    "payment", "ticket_message", "autopay", "method", "refund", "contract", "price_change", "dispute",
    "promise", "plan", "installment", "credit", "late_fee", "suspension", "handover", "joined", "staff",
    "template",
)  # fmt: skip


def up(migrator, db):
    for name in SELDOM:
        run(
            db,
            f'DROP INDEX "notice_{name}_id"; CREATE INDEX "notice_{name}_id" ON "notice" ("{name}_id") '
            f'WHERE ("{name}_id" IS NOT NULL)',
        )
    run(db, COLUMNS)


COLUMNS = """
ALTER TABLE "notice" DROP COLUMN "provider_id";
ALTER TABLE "company" DROP COLUMN "reminder_days"
"""
