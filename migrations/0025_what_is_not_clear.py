"""Why a draft is not issued: what of it would confuse the customer."""

from migrations.changing import refuse, run


def up(migrator, db):
    run(db, TABLES)
    refuse(
        db,
        "invoice",
        "unclear_issue",
        'UPDATE OF "state"',
        "NEW.state = 'issued' AND NEW.unclear <> ''",
        "an invoice that would confuse is not issued",
    )


TABLES = """
ALTER TABLE "invoice" ADD COLUMN "unclear" TEXT NOT NULL DEFAULT '';
CREATE INDEX "invoice_unclear" ON "invoice" ("id") WHERE ("unclear" != '')
"""
