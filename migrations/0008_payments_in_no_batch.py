"""What waits for its settlement is found without a scan: by the reconciliation, and by the home page."""

from migrations.changing import run


def up(migrator, db):
    run(
        db,
        'CREATE INDEX "payment_in_no_batch" ON "payment" ("received_on") '
        'WHERE (("settlement_id" IS NULL) AND ("transaction_id" IS NOT NULL))',
    )
