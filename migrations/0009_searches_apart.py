"""When a search for an attempt last found nothing: two within one request prove no more than one."""

from migrations.changing import run


def up(migrator, db):
    run(db, CHANGES)


CHANGES = """
ALTER TABLE "payment" ADD COLUMN "searched_at" {instant};
ALTER TABLE "refund" ADD COLUMN "searched_at" {instant}
"""
