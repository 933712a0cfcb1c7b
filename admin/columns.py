"""Facts about columns, read from the model: which an index begins with, which are secret, which are large.

Here: questions about a model's fields that lists, filters, search and pages all ask. Nothing else.
"""

from functools import cache

from peewee import OP, BlobField, Field, Index, TextField


def is_secret(field):
    """Hashes and tokens: nobody reads, sorts or exports them."""
    return field.name.endswith(("_hash", "_token"))


def is_blob(field):
    """A picture or another file."""
    return isinstance(field, BlobField)


def is_big(field):
    """Too much for a row of a list."""
    return isinstance(field, (BlobField, TextField))


@cache
def indexed(model):
    """The columns that an index of the whole table begins with."""
    first = {model._meta.primary_key}
    for columns in whole_indexes(model):
        first.add(columns[0])
    for field in model._meta.sorted_fields:
        if field.index or field.unique:
            first.add(field)
    return first


def whole_indexes(model):
    """The columns of each index over several columns that leaves no row out."""
    for index in model._meta.indexes:
        if not isinstance(index, Index):
            yield tuple(model._meta.combined[name] for name in index[0])
        elif index._where is None:
            columns = tuple(part for part in index._expressions if isinstance(part, Field))
            if columns:
                yield columns


@cache
def behind_choice(model):
    """{column: the choice in front of it} for indexes such as (state, due on)."""
    pairs = [columns[:2] for columns in whole_indexes(model) if len(columns) > 1]
    return {second: first for first, second in pairs if first.choices and second not in indexed(model)}


@cache
def above_zero(model):
    """The columns of which an index holds only the rows above zero: what is still open."""
    conditions = [index._where for index in model._meta.indexes if isinstance(index, Index)]
    return {one.lhs for one in conditions if getattr(one, "op", None) == OP.GT and isinstance(one.lhs, Field)}
