"""The gate: what is held back and why it goes on, who may not be pressed at all, what a personal mail tells.

The database itself lets no message that presses for money leave while the customer waits for us, has
promised, is paying, or while we cannot know. What a sender handed to the mail server is noted as sent all the
same.
"""

from migrations.changing import freeze, never_delete, refuse, run, widen

STATES = ("queued", "sending", "sent", "print", "failed", "skipped", "draft", "joined")
GATED = ("overdue", "check_in", "plan_missed", "late_fee", "suspension_warning", "handed_over")
LEAVING = ("sending", "sent", "print", "joined")


def up(migrator, db):
    run(db, TABLES)
    widen(db, "notice", "state", STATES, (*STATES, "held"))
    for table, columns in FROZEN.items():
        never_delete(db, table)
        freeze(db, table, columns)
    refuse(
        db, "gate_override", "alone", "INSERT", "NOT EXISTS (SELECT 1 FROM approval a WHERE a.id = "
        "NEW.approval_id AND a.state = 'approved')", "a second person must approve it",
    )  # fmt: skip
    _shut(db)


FROZEN = {
    "citation": ("notice_id", "about_table", "about_id", "at", "sentence"),
    "offer": (
        "notice_id", "kind", "amount_cents", "invoice_id", "credit_id", "reason", "staff_id", "made_at",
    ),
    "gate_override": (
        "customer_id", "notice_id", "invoice_id", "what", "reason", "sentences", "covers_at", "approval_id",
        "made_at",
    ),
}  # fmt: skip


# --- What no message of pressure passes ----------------------------------------------------------

AT = "COALESCE(NEW.claimed_at, NEW.created_at)", "COALESCE(NEW.sent_at, NEW.created_at)"
MINE = "x.customer_id = NEW.customer_id"
ABOUT = "(NEW.invoice_id IS NULL OR {0} IS NULL OR {0} = NEW.invoice_id)"
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
     f"call x WHERE {MINE} AND x.state = 'to_call' AND x.waits", "x.started_at"),
    ("this customer wrote and nobody has looked at it",
     f"inbound x WHERE {MINE} AND x.state = 'waiting'", "x.received_at"),
    ("this customer wrote and nobody has looked at it",
     "inbound x JOIN contact c ON LOWER(c.email) = LOWER(x.sender) WHERE x.customer_id IS NULL "
     "AND x.sender <> '' AND c.customer_id = NEW.customer_id AND x.state = 'waiting'", "x.received_at"),
    ("this customer proposed a plan and waits for our answer",
     f"plan x WHERE {MINE} AND x.state = 'proposed' AND x.waits_for = 'us'", "x.proposed_at"),
    ("what it asks for is disputed",
     f"dispute x JOIN invoice i ON i.id = x.invoice_id WHERE {MINE} AND x.state = 'open' "
     "AND i.open_cents > 0 AND (NEW.invoice_id IS NULL OR (x.invoice_id = NEW.invoice_id AND i.open_cents <= "
     "(SELECT SUM(y.amount_cents) FROM dispute y WHERE y.invoice_id = i.id AND y.state = 'open')))",
     "x.opened_at"),
    ("messages to this customer are on hold",
     f"hold x WHERE {MINE} AND x.scope = 'notices' AND x.starts_on <= {{day}} "
     "AND (x.ends_on IS NULL OR x.ends_on >= {day})", "{start}"),
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
    "quiet": "datetime({at}, '-' || x.limit_minutes || ' minutes')",
    "days_ago": "datetime({at}, '-10 days')",
    "start": "x.starts_on || ' 00:00:00'",
    "start_of_time": "'0001-01-01 00:00:00'",
}
POSTGRESQL = {
    "at": f"GREATEST({AT[0]}, {AT[1]})",
    "day": "CAST({at} AS DATE)",
    "quiet": "{at} - x.limit_minutes * INTERVAL '1 minute'",
    "days_ago": "{at} - INTERVAL '10 days'",
    "start": "CAST(x.starts_on AS TIMESTAMP)",
    "start_of_time": "TIMESTAMP '0001-01-01 00:00:00'",
}


def _shut(db):
    """Triggers for what is inserted as leaving and for what begins to leave, one question for each reason."""
    gated = f"NEW.kind IN ({_quoted(GATED)}) AND NEW.state IN ({_quoted(LEAVING)})"
    noted = "(OLD.state = 'sending' AND NEW.state = 'sent')"  # it left: that is a fact
    same = "(OLD.state = NEW.state AND NEW.state <> 'sending')"
    acts = {
        "insert": ("INSERT", gated),
        "update": ('UPDATE OF "state", "claimed_at"', f"{gated} AND NOT {noted} AND NOT {same}"),
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
    words = {name: text.replace("{at}", words["at"]) for name, text in words.items()}
    if since:
        rows += f" AND NOT EXISTS {LOOKED_AT.format(since=since)}"
    for name, text in words.items():
        rows = rows.replace(f"{{{name}}}", text)
    return f"SELECT 1 FROM {rows}"


def _quoted(names):
    return ", ".join(f"'{name}'" for name in names)


TABLES = """
ALTER TABLE "customer" ADD COLUMN "legal_state" VARCHAR(30) NOT NULL CHECK (legal_state IN ('none', 'bankruptcy', 'deceased')) DEFAULT 'none';
ALTER TABLE "notice" ADD COLUMN "held_at" {instant};
ALTER TABLE "notice" ADD COLUMN "released_at" {instant};
CREATE INDEX "notice_held" ON "notice" ("customer_id") WHERE ("state" = 'held');
CREATE INDEX "notice_released" ON "notice" ("invoice_id") WHERE ("released_at" IS NOT NULL);

CREATE TABLE "citation" (
    "id" {serial},
    "notice_id" INTEGER NOT NULL,
    "about_table" VARCHAR(40) NOT NULL,
    "about_id" INTEGER NOT NULL,
    "at" {instant},
    "sentence" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT
);
CREATE INDEX "citation_notice_id" ON "citation" ("notice_id");
CREATE UNIQUE INDEX "citation_notice_id_about_table_about_id" ON "citation" ("notice_id", "about_table", "about_id");

CREATE TABLE "offer" (
    "id" {serial},
    "notice_id" INTEGER NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('date', 'installments', 'goodwill', 'service_credit', 'fee')),
    "amount_cents" {cents},
    "invoice_id" INTEGER,
    "credit_id" INTEGER,
    "reason" VARCHAR(255) NOT NULL,
    "staff_id" INTEGER NOT NULL,
    "made_at" {instant} NOT NULL,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("credit_id") REFERENCES "credit" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT
);
CREATE INDEX "offer_notice_id" ON "offer" ("notice_id");
CREATE INDEX "offer_invoice_id" ON "offer" ("invoice_id");
CREATE INDEX "offer_credit_id" ON "offer" ("credit_id");
CREATE INDEX "offer_staff_id" ON "offer" ("staff_id");
CREATE UNIQUE INDEX "offer_notice_id_kind" ON "offer" ("notice_id", "kind");

CREATE TABLE "gate_override" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "notice_id" INTEGER,
    "invoice_id" INTEGER,
    "what" VARCHAR(30) NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "sentences" TEXT NOT NULL,
    "covers_at" {instant} NOT NULL,
    "approval_id" INTEGER NOT NULL,
    "made_at" {instant} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("approval_id") REFERENCES "approval" ("id") ON DELETE RESTRICT
);
CREATE INDEX "gate_override_customer_id" ON "gate_override" ("customer_id");
CREATE INDEX "gate_override_notice_id" ON "gate_override" ("notice_id");
CREATE INDEX "gate_override_invoice_id" ON "gate_override" ("invoice_id");
CREATE UNIQUE INDEX "gate_override_approval_id" ON "gate_override" ("approval_id")
"""  # noqa: E501
