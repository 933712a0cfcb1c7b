"""What later migrations are made of: types by database, wider choices, guards. Never changed once used."""

SQLITE = {
    "serial": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
    "cents": "INTEGER",
    "flag": "INTEGER",
    "instant": "DATETIME",
    "blob": "BLOB",
}
POSTGRESQL = {
    "serial": "SERIAL NOT NULL PRIMARY KEY",
    "cents": "BIGINT",
    "flag": "BOOLEAN",
    "instant": "TIMESTAMP",
    "blob": "BYTEA",
}
ALWAYS = "1 = 1"


def run(db, statements):
    """Run statements that are separated by semicolons; what stands in braces differs by database."""
    for statement in statements.split(";"):
        if statement.strip():
            db.execute_sql(statement.format(**(POSTGRESQL if db.for_update else SQLITE)).replace("%", "%%"))


def widen(db, table, column, before, after):
    """Let ``column`` hold the names ``after`` where it could hold ``before``.

    SQLite cannot change a CHECK; its documentation (lang_altertable.html, section 7) gives this way for
    changes that make no stored row invalid.
    """
    old, new = _check(column, before), _check(column, after)
    if db.for_update:
        name = f'"{table}_{column}_check"'
        db.execute_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT {name}')
        db.execute_sql(f'ALTER TABLE "{table}" ADD CONSTRAINT {name} {new}')
        return
    where = f"type = 'table' AND name = '{table}'"
    [(sql,)] = db.execute_sql(f"SELECT sql FROM sqlite_master WHERE {where}").fetchall()
    if old not in sql:
        raise ValueError(f"{table} has no {old}")
    [(version,)] = db.execute_sql("PRAGMA schema_version").fetchall()
    db.execute_sql("PRAGMA writable_schema = ON")
    db.execute_sql(f"UPDATE sqlite_master SET sql = ? WHERE {where}", (sql.replace(old, new),))
    db.execute_sql(f"PRAGMA schema_version = {version + 1}")
    db.execute_sql("PRAGMA writable_schema = RESET")


def _check(column, names):
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"CHECK ({column} IN ({quoted}))"


def never_delete(db, table):
    """Rows of ``table`` stay: the database refuses to delete them."""
    refuse(db, table, "delete", "DELETE", ALWAYS, f"rows of {table} are never deleted")
    if db.for_update:  # TRUNCATE fires no trigger of rows
        db.execute_sql(
            f'CREATE TRIGGER "{table}_no_truncate" BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT '
            f"EXECUTE FUNCTION {table}_no_delete()"
        )


def freeze(db, table, columns, when=ALWAYS):
    """The columns of ``table`` keep their values while ``when`` holds, whoever tries to change them."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    unlike = "IS DISTINCT FROM" if db.for_update else "IS NOT"
    changed = " OR ".join(f'OLD."{column}" {unlike} NEW."{column}"' for column in columns)
    condition = f"({when}) AND ({changed})"
    refuse(db, table, "change", f"UPDATE OF {quoted}", condition, f"this {table} is frozen")


def thaw(db, table):
    """Take back what ``freeze`` laid on ``table``; the caller freezes anew what is still to stay."""
    on = f' ON "{table}"' if db.for_update else ""
    db.execute_sql(f'DROP TRIGGER "{table}_no_change"{on}')
    if db.for_update:
        db.execute_sql(f"DROP FUNCTION {table}_no_change()")


def refuse(db, table, name, act, when, sentence):
    """A trigger ``<table>_no_<name>`` that refuses ``act`` on rows for which ``when`` holds."""
    trigger = f'CREATE TRIGGER "{table}_no_{name}" BEFORE {act} ON "{table}"'
    if not db.for_update:
        db.execute_sql(f"{trigger} WHEN {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END")
        return
    result = "OLD" if act == "DELETE" else "NEW"
    db.execute_sql(
        f"CREATE FUNCTION {table}_no_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'restrict_violation'; END IF; "
        f"RETURN {result}; END $$"
    )
    db.execute_sql(f"{trigger} FOR EACH ROW EXECUTE FUNCTION {table}_no_{name}()")


def mark(db, table, *, insert="", update=(), delete=True, customer="customer_id"):
    """Triggers that put the customer of a changed row of ``table`` on the list ``to_judge``.

    insert -- condition under which a new row counts (about NEW); empty: none does
    update -- columns whose change counts
    customer -- the column that names the customer; rows without one mark nobody

    The mark is a plain new row: two transactions never wait for each other over it, and none is lost.
    """
    unlike = "IS DISTINCT FROM" if db.for_update else "IS NOT"
    columns = dict.fromkeys((*update, customer))
    changed = " OR ".join(f'OLD."{column}" {unlike} NEW."{column}"' for column in columns)
    if insert:
        _mark(db, table, "INSERT", f'NEW."{customer}" IS NOT NULL AND ({insert})', f'NEW."{customer}"')
    if update:
        of = ", ".join(f'"{column}"' for column in columns)
        act = f"UPDATE OF {of}"
        _mark(db, table, act, f'NEW."{customer}" IS NOT NULL AND ({changed})', f'NEW."{customer}"')
        left = f'OLD."{customer}" IS NOT NULL AND OLD."{customer}" {unlike} NEW."{customer}"'
        _mark(db, table, act, left, f'OLD."{customer}"', name="left")
    if delete:
        _mark(db, table, "DELETE", f'OLD."{customer}" IS NOT NULL', f'OLD."{customer}"')


def _mark(db, table, act, when, customer, name=""):
    trigger = f"{table}_judge_{name or act.split()[0].lower()}"
    made = f'CREATE TRIGGER "{trigger}" AFTER {act} ON "{table}"'
    insert = f'INSERT INTO "to_judge" ("customer_id") VALUES ({customer})'
    if not db.for_update:
        db.execute_sql(f"{made} WHEN {when} BEGIN {insert}; END")
        return
    body = f"BEGIN {insert}; RETURN NULL; END"
    db.execute_sql(f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    db.execute_sql(f"{made} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {trigger}()")
