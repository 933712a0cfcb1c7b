"""How much an invoice asked of its reader when it was issued: kept, to compare with when it was paid."""

from migrations.changing import refuse, run


def up(migrator, db):
    run(db, SCORE)
    changed = (
        'OLD."clarity" IS DISTINCT FROM NEW."clarity"'
        if db.for_update
        else 'OLD."clarity" IS NOT NEW."clarity"'
    )
    refuse(
        db, "invoice", "other_clarity", 'UPDATE OF "clarity"', f"OLD.state <> 'draft' AND {changed}",
        "how clear an invoice was is kept as it was issued",
    )  # fmt: skip


SCORE = """
ALTER TABLE "invoice" ADD COLUMN "clarity" INTEGER CHECK (clarity BETWEEN 0 AND 100)
"""
