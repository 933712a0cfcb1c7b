"""Files from the bank remember by which mapping they were read: the next one is offered the same."""

from migrations.changing import run


def up(migrator, db):
    run(db, 'ALTER TABLE "remittance_file" ADD COLUMN "mapping" TEXT NOT NULL DEFAULT \'\'')
