"""A verdict says since when its proof is known: new words about the same facts press nobody anew."""

from migrations.changing import run


def up(migrator, db):
    run(db, KNOWN)
    _gate_asks(db, "x.judged_at", "x.known_at")


KNOWN = """
ALTER TABLE "verdict" ADD COLUMN "known_at" {instant};
UPDATE "verdict" SET "known_at" = "judged_at"
"""


def _gate_asks(db, before, after):
    """Let the triggers of the gate (0030) read another column."""
    if db.for_update:
        [(made,)] = db.execute_sql("SELECT pg_get_functiondef('notice_gate'::regproc)").fetchall()
        db.execute_sql(_changed(made, before, after).replace("%", "%%"))
        return
    for name in ("notice_gate_insert", "notice_gate_update"):
        asked = f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = '{name}'"
        [(made,)] = db.execute_sql(asked).fetchall()
        db.execute_sql(f'DROP TRIGGER "{name}"')
        db.execute_sql(_changed(made, before, after))


def _changed(text, before, after):
    if before not in text:
        raise ValueError(f"no {before} in {text}")
    return text.replace(before, after)
