"""A charge of a saved card or account that somebody said yes to on the phone: who, and to which words."""

from migrations.changing import refuse, run

COLUMNS = ("said_by", "said_words", "said_version")


def up(migrator, db):
    run(db, SAID)
    quoted = ", ".join(f'"{name}"' for name in COLUMNS)
    changed = " OR ".join(f'OLD."{name}" <> NEW."{name}"' for name in COLUMNS)
    refuse(
        db, "payment", "other_words", f"UPDATE OF {quoted}", changed, "what was said on the phone stays said"
    )


SAID = """
ALTER TABLE "payment" ADD COLUMN "said_by" VARCHAR(80) NOT NULL DEFAULT '';
ALTER TABLE "payment" ADD COLUMN "said_words" TEXT NOT NULL DEFAULT '';
ALTER TABLE "payment" ADD COLUMN "said_version" VARCHAR(20) NOT NULL DEFAULT ''
    CHECK ((said_by = '') = (said_words = ''))
"""
