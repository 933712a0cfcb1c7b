"""The private calendar of somebody of staff: the hash of its address, which they may withdraw."""

from migrations.changing import run


def up(migrator, db):
    run(db, CALENDAR)


CALENDAR = """
ALTER TABLE "staff" ADD COLUMN "calendar_hash" VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE "staff" ADD COLUMN "calendar_at" {instant};
CREATE UNIQUE INDEX "staff_calendar" ON "staff" ("calendar_hash") WHERE ("calendar_hash" != '')
"""
