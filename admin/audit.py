"""What was done to a row: reading the audit for its page and for two editors who meet."""

from models import Event


def history(row, most=30):
    """The audit of one row, newest first."""
    about = (Event.about_table == row._meta.table_name) & (Event.about_id == row.id)
    return list(Event.select().where(about).order_by(Event.id.desc()).limit(most))


def last_change(row):
    """The last event about a row, or None."""
    return next(iter(history(row, 1)), None)
