"""The same transaction may stand in two batches, and the same row in two files from the bank."""

from migrations.changing import run


def up(migrator, db):
    run(db, CHANGES)


CHANGES = """
DROP INDEX "settlement_line_transaction_id";
CREATE INDEX "settlement_line_transaction_id" ON "settlement_line" ("transaction_id");
CREATE UNIQUE INDEX "settlement_line_settlement_id_transaction_id"
    ON "settlement_line" ("settlement_id", "transaction_id");
ALTER TABLE "remittance_row" ADD COLUMN "key" VARCHAR(64) NOT NULL DEFAULT '';
CREATE UNIQUE INDEX "remittance_row_once" ON "remittance_row" ("key") WHERE ("key" != '')
"""
