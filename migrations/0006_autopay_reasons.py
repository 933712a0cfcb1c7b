"""Why autopay brought no money for an invoice, as a word that lists can filter by."""

from migrations.changing import run


def up(migrator, db):
    run(db, COLUMNS)


COLUMNS = """
ALTER TABLE "autopay_outcome" ADD COLUMN "why" VARCHAR(30) NOT NULL DEFAULT ''
    CHECK (why IN ('', 'waiting', 'stopped', 'out_of_use', 'on_hold', 'question', 'above_cap', 'being_paid',
    'paid', 'changed', 'canceled', 'unreached', 'ours', 'trouble'))
"""
