"""The gate once more: what was in our books when a message left stops it, whenever it happened.

What two people let pass is what was known when they looked: a call counts from when it was logged, a message
from when it was taken, a hold from when it was begun; where nobody noted that, nobody let it pass. A message
that changes its kind, customer, invoice or channel is asked about like a new one. Two reasons are new: what
it asks for never reached anybody, and it is unpaid by a mistake of ours. What nobody has matched yet marks
those whose it may be.
"""

from migrations.changing import refuse, run

GATED = ("overdue", "check_in", "plan_missed", "late_fee", "suspension_warning", "handed_over")
LEAVING = ("sending", "sent", "print", "joined")
NOTED = {"hold": "created_at", "inbound": "noted_at"}
MOVED = ("kind", "customer_id", "invoice_id", "channel")


def up(migrator, db):
    run(db, COLUMNS)
    first = 'CAST("starts_on" AS TIMESTAMP)' if db.for_update else "\"starts_on\" || ' 00:00:00'"
    db.execute_sql(f'UPDATE "hold" SET "created_at" = {first}')
    unlike = "IS DISTINCT FROM" if db.for_update else "IS NOT"
    for table, column in NOTED.items():
        changed = f'OLD."{column}" IS NOT NULL AND OLD."{column}" {unlike} NEW."{column}"'
        refuse(db, table, "backdating", f'UPDATE OF "{column}"', changed, "when it was noted is noted once")
    _drop(db)
    _shut(db)
    _mark_perhaps(db)


def _drop(db):
    on = ' ON "notice"' if db.for_update else ""
    for act in ("insert", "update"):
        db.execute_sql(f'DROP TRIGGER "notice_gate_{act}"{on}')
    if db.for_update:
        db.execute_sql("DROP FUNCTION notice_gate()")


# --- What no message of pressure passes ----------------------------------------------------------

AT = "COALESCE(NEW.claimed_at, NEW.created_at)", "COALESCE(NEW.sent_at, NEW.created_at)"
MINE = "x.customer_id = NEW.customer_id"
ABOUT = "(NEW.invoice_id IS NULL OR {0} IS NULL OR {0} = NEW.invoice_id)"
# A message about the invoice, a summary of all that was open, or one about its payment that failed.
REACHED = (
    "COALESCE(z.state, y.state) = 'sent' AND COALESCE(z.bounced_at, y.bounced_at) IS NULL AND y.id <> NEW.id "
    "AND (y.invoice_id = i.id OR (y.kind = 'digest' AND y.customer_id = i.customer_id "
    "AND {sent_on} >= i.issued_on) OR y.payment_id IN "
    "(SELECT q.payment_id FROM payment_part q WHERE q.invoice_id = i.id))"
)
LOOKED_AT = "(SELECT 1 FROM gate_override o WHERE o.notice_id = NEW.id AND o.covers_at >= {since})"
# (sentence, rows that shut the gate, since when; None: nobody lets it pass)
REASONS = (
    ("the law or a death forbids to ask this customer for money",
     "customer x WHERE x.id = NEW.customer_id AND x.legal_state <> 'none'", None),
    ("this customer waits for our answer",
     f"ticket x WHERE {MINE} AND x.state = 'waiting_on_us'", "COALESCE(x.waiting_since_at, x.last_at)"),
    ("a fault of this customer is open",
     f"ticket x WHERE {MINE} AND x.kind = 'service' AND x.state = 'waiting_on_customer'", "x.opened_at"),
    ("this customer called and waits for us",
     f"call x WHERE {MINE} AND x.state = 'to_call' AND x.waits", "x.logged_at"),
    ("this customer wrote and nobody has looked at it",
     f"inbound x WHERE {MINE} AND x.state = 'waiting'", "COALESCE(x.noted_at, {end_of_time})"),
    ("this customer wrote and nobody has looked at it",
     "inbound x JOIN contact c ON LOWER(c.email) = LOWER(x.sender) WHERE x.customer_id IS NULL "
     "AND x.sender <> '' AND c.customer_id = NEW.customer_id AND x.state = 'waiting'",
     "COALESCE(x.noted_at, {end_of_time})"),
    ("this customer proposed a plan and waits for our answer",
     f"plan x WHERE {MINE} AND x.state = 'proposed' AND x.waits_for = 'us'", "x.proposed_at"),
    ("what it asks for is disputed",
     f"dispute x JOIN invoice i ON i.id = x.invoice_id WHERE {MINE} AND x.state = 'open' "
     "AND i.open_cents > 0 AND (NEW.invoice_id IS NULL OR (x.invoice_id = NEW.invoice_id AND i.open_cents <= "
     "(SELECT SUM(y.amount_cents) FROM dispute y WHERE y.invoice_id = i.id AND y.state = 'open')))",
     "x.opened_at"),
    ("messages to this customer are on hold",
     f"hold x WHERE {MINE} AND x.scope = 'notices' AND x.starts_on <= {{day}} "
     "AND (x.ends_on IS NULL OR x.ends_on >= {day})", "{begun}"),
    ("we cannot know whether this customer called or wrote",
     "feed x WHERE x.watched AND (x.beat_at IS NULL OR x.beat_at < {quiet})",
     "COALESCE(x.beat_at, {start_of_time})"),
    ("a payment of this customer is being checked",
     f"payment x LEFT JOIN payment_part p ON p.payment_id = x.id AND p.live WHERE {MINE} "
     f"AND x.state IN ('prepared', 'sent', 'held', 'in_doubt') AND {ABOUT.format('p.invoice_id')}", None),
    ("a payment of this customer is not settled yet",
     "payment x JOIN allocation p ON p.payment_id = x.id AND p.amount_cents > 0 "
     f"JOIN invoice i ON i.id = p.invoice_id AND i.open_cents > 0 WHERE {MINE} AND x.state = 'approved' "
     f"AND x.transaction_id IS NOT NULL AND x.created_at > {{days_ago}} AND {ABOUT.format('p.invoice_id')}",
     None),
    ("this customer has promised to pay",
     f"promise x WHERE {MINE} AND x.state = 'running' AND {ABOUT.format('x.invoice_id')}", "x.made_at"),
    ("this customer pays by a plan",
     f"plan x JOIN plan_invoice p ON p.plan_id = x.id AND p.active WHERE {MINE} AND x.state = 'running' "
     f"AND {ABOUT.format('p.invoice_id')} AND NOT (NEW.kind = 'plan_missed' AND x.missed_on IS NOT NULL "
     "AND (x.repaired_on IS NULL OR x.repaired_on < x.missed_on))", "x.agreed_at"),
    ("what it asks for never reached this customer",
     "notice x JOIN invoice i ON i.id = x.invoice_id WHERE NEW.kind <> 'plan_missed' "
     f"AND i.customer_id = NEW.customer_id AND {ABOUT.format('x.invoice_id')} AND i.open_cents > 0 "
     "AND i.due_on < {day} AND i.first_seen_at IS NULL AND x.kind = 'invoice' "
     "AND (x.bounced_at IS NOT NULL OR x.state IN ('failed', 'print')) "
     f"AND NOT EXISTS (SELECT 1 FROM notice y LEFT JOIN notice z ON z.id = y.joined_id WHERE {REACHED})",
     "COALESCE(x.bounced_at, x.created_at)"),
    ("it is unpaid by a mistake of ours",
     f"verdict x WHERE {MINE} AND x.current AND x.code = 'our_mistake' AND {ABOUT.format('x.invoice_id')}",
     "x.judged_at"),
    ("there is no address to send it to",
     "customer x WHERE x.id = NEW.customer_id AND NEW.channel = 'paper' "
     "AND x.street = '' AND x.street2 = '' AND x.city = '' AND x.state = '' AND x.zip = ''", None),
    ("mail to this address comes back",
     "contact x WHERE x.id = NEW.contact_id AND NEW.state = 'sent' AND NEW.channel = 'mail' "
     "AND x.bounced_at IS NOT NULL AND x.email = NEW.address", None),
)  # fmt: skip
SQLITE = {
    "at": f"MAX({AT[0]}, {AT[1]})",
    "day": "date({at})",
    "sent_on": "date(COALESCE(z.sent_at, y.sent_at))",
    "quiet": "datetime({at}, '-' || x.limit_minutes || ' minutes')",
    "days_ago": "datetime({at}, '-10 days')",
    "begun": "MAX(x.starts_on || ' 00:00:00', COALESCE(x.created_at, {end_of_time}))",
    "start_of_time": "'0001-01-01 00:00:00'",
    "end_of_time": "'9999-12-31 00:00:00'",
}
POSTGRESQL = {
    "at": f"GREATEST({AT[0]}, {AT[1]})",
    "day": "CAST({at} AS DATE)",
    "sent_on": "CAST(COALESCE(z.sent_at, y.sent_at) AS DATE)",
    "quiet": "{at} - x.limit_minutes * INTERVAL '1 minute'",
    "days_ago": "{at} - INTERVAL '10 days'",
    "begun": "GREATEST(CAST(x.starts_on AS TIMESTAMP), COALESCE(x.created_at, {end_of_time}))",
    "start_of_time": "TIMESTAMP '0001-01-01 00:00:00'",
    "end_of_time": "TIMESTAMP '9999-12-31 00:00:00'",
}


def _shut(db):
    """Triggers for what is inserted as leaving and for what begins to leave, one question for each reason."""
    gated = f"NEW.kind IN ({_quoted(GATED)}) AND NEW.state IN ({_quoted(LEAVING)})"
    noted = "(OLD.state = 'sending' AND NEW.state = 'sent')"  # it left: that is a fact
    same = "(OLD.state = NEW.state AND NEW.state <> 'sending')"
    unlike = "IS DISTINCT FROM" if db.for_update else "IS NOT"
    moved = " OR ".join(f"OLD.{column} {unlike} NEW.{column}" for column in MOVED)
    columns = ", ".join(f'"{column}"' for column in ("state", "claimed_at", *MOVED))
    acts = {
        "insert": ("INSERT", gated),
        "update": (f"UPDATE OF {columns}", f"{gated} AND ({moved} OR NOT ({noted} OR {same}))"),
    }
    asked = [(sentence, _rows(db, rows, since)) for sentence, rows, since in REASONS]
    if db.for_update:
        checks = " ".join(
            f"IF EXISTS ({rows}) THEN RAISE EXCEPTION '{sentence}' "
            "USING ERRCODE = 'restrict_violation'; END IF;"
            for sentence, rows in asked
        )
        db.execute_sql(
            "CREATE FUNCTION notice_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{checks} RETURN NEW; END $$"
        )
        body = "EXECUTE FUNCTION notice_gate()"
    else:
        checks = " ".join(
            f"SELECT RAISE(ABORT, '{sentence}') WHERE EXISTS ({rows});" for sentence, rows in asked
        )
        body = f"BEGIN {checks} END"
    for name, (act, when) in acts.items():
        each = "FOR EACH ROW " if db.for_update else ""
        db.execute_sql(
            f'CREATE TRIGGER "notice_gate_{name}" BEFORE {act} ON "notice" {each}WHEN ({when}) {body}'
        )


def _rows(db, rows, since):
    words = POSTGRESQL if db.for_update else SQLITE
    if since:
        rows += f" AND NOT EXISTS {LOOKED_AT.replace('{since}', since)}"
    while any(f"{{{name}}}" in rows for name in words):  # some are said by others
        for name, text in words.items():
            rows = rows.replace(f"{{{name}}}", text)
    return f"SELECT 1 FROM {rows}"


def _quoted(names):
    return ", ".join(f"'{name}'" for name in names)


# --- Whose it may be -----------------------------------------------------------------------------

# Only a hint whom to judge anew: what counts as theirs is decided there.
LAST_DIGITS = "SUBSTR({row}.number, LENGTH({row}.number) - 3)"
PERHAPS = {
    "call": ("number", "waits", f"contact.phone LIKE '%' || {LAST_DIGITS} || '%'"),
    "inbound": ("sender", "sender", "LOWER(contact.email) = LOWER({row}.sender)"),
}


def _mark_perhaps(db):
    """Calls and messages that are nobody's yet, when they come and when somebody says whose they were."""
    for table, (column, also, theirs) in PERHAPS.items():
        for act, row in (("INSERT", "NEW"), (f'UPDATE OF "state", "customer_id", "{also}"', "OLD")):
            when = f"{row}.customer_id IS NULL AND {row}.{column} <> ''"
            insert = (
                'INSERT INTO "to_judge" ("customer_id") SELECT DISTINCT contact.customer_id FROM contact '
                f"WHERE {theirs.format(row=row)}"
            )
            _after(db, f"{table}_perhaps_{act.split()[0].lower()}", act, table, when, insert)


def _after(db, name, act, table, when, insert):
    made = f'CREATE TRIGGER "{name}" AFTER {act} ON "{table}"'
    if not db.for_update:
        db.execute_sql(f"{made} WHEN {when} BEGIN {insert}; END")
        return
    body = f"BEGIN {insert}; RETURN NULL; END".replace("%", "%%")
    db.execute_sql(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    db.execute_sql(f"{made} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()")


COLUMNS = """
ALTER TABLE "hold" ADD COLUMN "created_at" {instant};
ALTER TABLE "inbound" ADD COLUMN "noted_at" {instant};
UPDATE "inbound" SET "noted_at" = "received_at"
"""
