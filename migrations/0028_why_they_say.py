"""What customers tell us of why they do not pay; and the marks of the newer tables of evidence."""

from migrations.changing import freeze, mark, never_delete, run

FROZEN = (
    "customer_id", "invoice_id", "contact_id", "ticket_id", "code", "words", "heard_on", "by", "at",
)  # fmt: skip
MARKED = (
    ("call", ("state", "waits", "customer_id")),
    ("dispute", ("state", "due_again_on")),
    ("promise", ("state", "pay_on")),
    ("plan", ("state", "waits_for")),
    ("sighting", ()),
    ("stance", ("ended_at",)),
)


def up(migrator, db):
    run(db, TABLE)
    never_delete(db, "stance")
    freeze(db, "stance", FROZEN)
    for table, update in MARKED:
        mark(db, table, insert="1 = 1", update=update)
    mark_of_plan(db)


def mark_of_plan(db):
    """A payment of a plan that is moved to another day marks the customer of the plan."""
    made = 'CREATE TRIGGER "installment_judge_update" AFTER UPDATE OF "due_on" ON "installment"'
    insert = 'INSERT INTO "to_judge" ("customer_id") SELECT customer_id FROM plan WHERE plan.id = NEW.plan_id'
    if not db.for_update:
        db.execute_sql(f"{made} BEGIN {insert}; END")
        return
    body = f"BEGIN {insert}; RETURN NULL; END"
    db.execute_sql(
        f"CREATE FUNCTION installment_judge_update() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"
    )
    db.execute_sql(f"{made} FOR EACH ROW EXECUTE FUNCTION installment_judge_update()")


TABLE = """
CREATE TABLE "stance" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER,
    "contact_id" INTEGER,
    "ticket_id" INTEGER,
    "code" VARCHAR(30) NOT NULL CHECK (code IN ('cannot_pay', 'will_not_pay')),
    "words" TEXT NOT NULL,
    "heard_on" DATE NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "at" {instant} NOT NULL,
    "ended_at" {instant},
    "ended_by" VARCHAR(80) NOT NULL,
    "end_reason" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT
);
CREATE INDEX "stance_customer_id" ON "stance" ("customer_id");
CREATE INDEX "stance_invoice_id" ON "stance" ("invoice_id");
CREATE INDEX "stance_contact_id" ON "stance" ("contact_id");
CREATE INDEX "stance_ticket_id" ON "stance" ("ticket_id")
"""
