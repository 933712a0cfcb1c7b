"""Moving a row from state to state, guarded by the database. The allowed moves stand on the models."""

from billing.errors import StaleState


def move(row, to, *, where=None, **changes):
    """Move ``row`` to state ``to`` and set ``changes``, in one guarded UPDATE.

    where -- what else must still be so: a state alone does not tell whose it is

    Raises ValueError when the model's MOVES does not allow the move (a bug) and StaleState when another
    process moved the row first. Compare-and-swap instead of a lock, so it holds on SQLite too.
    """
    model, seen = type(row), row.state
    if to not in model.MOVES.get(seen, ()):
        raise ValueError(f"{row}: {seen} -> {to} is not a move")
    still = (model.id == row.id) & (model.state == seen)
    if where is not None:
        still &= where
    won = model.update(state=to, **changes).where(still).execute()
    if not won:
        raise StaleState(f"{row} is no longer {seen.replace('_', ' ')}. Reload the page and look again.")
    for name, value in {"state": to, **changes}.items():
        setattr(row, name, value)
    row._dirty.clear()
    return row
