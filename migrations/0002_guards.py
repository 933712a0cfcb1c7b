"""Triggers that refuse deletion of money and evidence, and changes of what is frozen.

They hold against every way in: our own code, the generated back office, and a person with a shell.
"""

APPEND_ONLY = (
    "event", "invoice", "line", "payment", "payment_part", "credit", "allocation", "refund", "gateway_event",
    "ticket", "message", "notice",
)  # fmt: skip

ALWAYS = "1 = 1"
FROZEN = {
    "event": (("at", "by", "what", "about_table", "about_id", "reason", "before", "after"), ALWAYS),
    "allocation": (
        ("invoice_id", "payment_id", "credit_id", "amount_cents", "reverses_id", "made_on"),
        ALWAYS,
    ),
    "credit": (("customer_id", "amount_cents", "reason", "by", "made_on"), ALWAYS),
    "refund": (("payment_id", "amount_cents", "reason", "by", "made_on"), ALWAYS),
    "payment": (("customer_id", "reference", "key", "amount_cents"), ALWAYS),
    "payment_part": (("payment_id", "invoice_id", "amount_cents"), ALWAYS),
    "gateway_event": (("notification_id", "body", "received_at"), ALWAYS),
    "message": (("ticket_id", "contact_id", "staff_id", "body", "internal", "written_at"), ALWAYS),
    "notice": (
        ("kind", "customer_id", "address", "subject", "body_text", "body_html", "message_id", "sent_at"),
        "OLD.state = 'sent'",
    ),
    "invoice": (
        (
            "customer_id", "number", "issued_on", "due_on", "subtotal_cents", "discount_cents", "tax_cents",
            "total_cents", "previous_cents", "bill_to",
        ),
        "OLD.state <> 'draft'",
    ),
    "line": (
        (
            "invoice_id", "position", "charge_id", "one_off_id", "text", "site_text", "system_text",
            "from_on", "to_on", "days", "of_days", "quantity", "unit_cents", "amount_cents", "discount_cents",
            "discount_reason", "tax_name", "tax_ppm", "tax_cents", "total_cents", "done_on", "work_order",
        ),
        "(SELECT state FROM invoice WHERE id = OLD.invoice_id) <> 'draft'",
    ),
}  # fmt: skip
BACK = "(OLD.state = 'issued' AND NEW.state = 'draft') OR (OLD.state = 'void' AND NEW.state <> 'void')"


def up(migrator, db):
    refuse = _refuse_postgresql if db.for_update else _refuse_sqlite
    for table in APPEND_ONLY:
        refuse(db, table, "delete", "DELETE", ALWAYS, f"rows of {table} are never deleted")
        if db.for_update:
            _refuse_truncate(db, table)
    refuse(db, "invoice", "return", 'UPDATE OF "state"', BACK, "an invoice never goes back to what it was")
    for table, (columns, real) in FROZEN.items():
        quoted = ", ".join(f'"{column}"' for column in columns)
        changed = " OR ".join(_differs(db, column) for column in columns)
        refuse(
            db, table, "change", f"UPDATE OF {quoted}", f"({real}) AND ({changed})", f"this {table} is frozen"
        )


def _differs(db, column):
    unlike = "IS DISTINCT FROM" if db.for_update else "IS NOT"
    return f'OLD."{column}" {unlike} NEW."{column}"'


def _refuse_sqlite(db, table, name, act, when, sentence):
    db.execute_sql(
        f'CREATE TRIGGER "{table}_no_{name}" BEFORE {act} ON "{table}" WHEN {when} '
        f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    )


def _refuse_truncate(db, table):
    """TRUNCATE fires no trigger of rows."""
    db.execute_sql(
        f'CREATE TRIGGER "{table}_no_truncate" BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT '
        f"EXECUTE FUNCTION {table}_no_delete()"
    )


def _refuse_postgresql(db, table, name, act, when, sentence):
    """PostgreSQL's WHEN takes no subquery, so the condition stands inside the function."""
    result = "OLD" if act == "DELETE" else "NEW"
    db.execute_sql(
        f"CREATE FUNCTION {table}_no_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'restrict_violation'; END IF; "
        f"RETURN {result}; END $$".replace("%", "%%")
    )
    db.execute_sql(
        f'CREATE TRIGGER "{table}_no_{name}" BEFORE {act} ON "{table}" FOR EACH ROW '
        f"EXECUTE FUNCTION {table}_no_{name}()"
    )
