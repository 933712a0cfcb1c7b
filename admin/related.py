"""Rows behind foreign keys, read with one query for each column, so that a list never asks row by row."""

from admin import labels
from admin.columns import is_big


def load(rows, fields):
    """Read the rows behind foreign-key columns: one query for each column, and for what their names need."""
    for field in fields:
        ids = {row.__data__.get(field.name) for row in rows} - {None}
        model = field.rel_model
        wanted = [column for column in model._meta.sorted_fields if not is_big(column)]
        found = {row.id: row for row in model.select(*wanted).where(model.id.in_(ids))} if ids else {}
        for row in rows:
            row.__rel__[field.name] = found.get(row.__data__.get(field.name))
        load(list(found.values()), labels.NEEDS.get(model, ()))
