"""Why an invoice is unpaid, as it was judged; and the list of customers to judge anew, kept by triggers."""

from migrations.changing import freeze, mark, never_delete, refuse, run

FROZEN = (
    "customer_id", "invoice_id", "installment_id", "code", "sentence", "evidence", "rejected", "act",
    "amount_cents", "due_on", "owner_id", "waiting_since_at", "since_on", "judged_at",
)  # fmt: skip
# What is evidence changes by these columns. A bill run's new invoices and messages are none.
MARKED = (
    (
        "invoice",
        "NEW.due_on < CAST(NEW.created_at AS DATE)",
        ("state", "due_on", "open_cents", "first_seen_at"),
    ),
    ("payment", "1 = 1", ("state", "open_cents", "retry_on", "returned_on")),
    ("credit", "1 = 1", ("open_cents",)),
    ("chargeback", "1 = 1", ("state",)),
    ("payment_method", "1 = 1", ("state", "expires_on")),
    ("autopay", "1 = 1", ("ended_at",)),
    ("planned_charge", "", ("state", "charge_on")),
    ("notice", "NEW.state = 'sent'", ("state", "bounced_at")),
    (
        "ticket",
        "1 = 1",
        ("state", "kind", "subject", "owner_id", "contact_id", "last_at", "waiting_since_at"),
    ),
    ("inbound", "1 = 1", ("state",)),
    ("contact", "1 = 1", ("name", "email", "role", "bounced_at", "left_on")),
    ("customer", "", ("name", "street", "street2", "city", "state", "zip", "closed_on")),
    ("hold", "1 = 1", ("ends_on",)),
)


def up(migrator, db):
    run(db, TABLES)
    never_delete(db, "verdict")
    freeze(db, "verdict", FROZEN)
    refuse(db, "verdict", "revival", 'UPDATE OF "current"', "NEW.current AND NOT OLD.current", "judge anew")
    for table, insert, update in MARKED:
        if not db.for_update:
            insert = insert.replace("CAST(NEW.created_at AS DATE)", "date(NEW.created_at)")
        customer = "id" if table == "customer" else "customer_id"
        mark(db, table, insert=insert, update=update, customer=customer)


TABLES = """
CREATE TABLE "verdict" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "installment_id" INTEGER,
    "code" VARCHAR(30) NOT NULL CHECK (code IN ('payment_in_flight', 'our_mistake', 'waiting_for_us', 'disputed', 'service_fault', 'never_delivered', 'never_opened', 'method_failed', 'promise_running', 'plan_running', 'habitual_lag', 'cannot_pay', 'will_not_pay', 'unknown')),
    "sentence" TEXT NOT NULL,
    "evidence" TEXT NOT NULL,
    "rejected" TEXT NOT NULL,
    "act" VARCHAR(30) NOT NULL,
    "amount_cents" {cents} NOT NULL,
    "due_on" DATE NOT NULL,
    "owner_id" INTEGER,
    "waiting_since_at" {instant},
    "since_on" DATE NOT NULL,
    "judged_at" {instant} NOT NULL,
    "current" {flag} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("owner_id") REFERENCES "staff" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0)
);
CREATE INDEX "verdict_customer_id" ON "verdict" ("customer_id");
CREATE INDEX "verdict_invoice_id" ON "verdict" ("invoice_id");
CREATE INDEX "verdict_owner_id" ON "verdict" ("owner_id");
CREATE INDEX "verdict_invoice_id_judged_at" ON "verdict" ("invoice_id", "judged_at");
CREATE UNIQUE INDEX "verdict_of_invoice" ON "verdict" ("invoice_id") WHERE ("current" AND ("installment_id" IS NULL));
CREATE UNIQUE INDEX "verdict_of_installment" ON "verdict" ("invoice_id", "installment_id") WHERE ("current" AND ("installment_id" IS NOT NULL));
CREATE INDEX "verdict_current" ON "verdict" ("customer_id") WHERE "current";

CREATE TABLE "to_judge" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL
);
CREATE INDEX "to_judge_customer_id" ON "to_judge" ("customer_id")
"""  # noqa: E501
