"""What customers say is wrong with an invoice: the part in question rests until somebody has decided."""

from migrations.changing import freeze, never_delete, refuse, run

ASKED = (
    "customer_id", "invoice_id", "line_id", "contact_id", "key", "amount_cents", "reason", "words", "by",
    "via", "opened_on", "opened_at", "answer_by_on",
)  # fmt: skip
ANSWERED = 'UPDATE OF "state", "credit_id", "due_again_on", "decision", "decided_by", "decided_at"'

TOO_MUCH = """NEW.state = 'open' AND NEW.amount_cents >
    (SELECT invoice.open_cents FROM invoice WHERE invoice.id = NEW.invoice_id) -
    COALESCE((SELECT SUM(other.amount_cents) FROM dispute AS other
        WHERE other.invoice_id = NEW.invoice_id AND other.state = 'open'), 0)"""


def up(migrator, db):
    run(db, TABLES)
    never_delete(db, "dispute")
    freeze(db, "dispute", ASKED)
    refuse(db, "dispute", "second_answer", ANSWERED, "OLD.state <> 'open'", "a dispute is answered once")
    refuse(db, "dispute", "excess", "INSERT", TOO_MUCH, "no more is disputed than is open")


TABLES = """
ALTER TABLE "company" ADD COLUMN "dispute_days" INTEGER NOT NULL CHECK (dispute_days BETWEEN 1 AND 60) DEFAULT 10;

CREATE TABLE "dispute" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER NOT NULL,
    "line_id" INTEGER,
    "contact_id" INTEGER,
    "ticket_id" INTEGER,
    "key" VARCHAR(64),
    "amount_cents" {cents} NOT NULL,
    "reason" VARCHAR(30) NOT NULL CHECK (reason IN ('wrong_amount', 'not_ordered', 'service_fault', 'already_paid', 'other')),
    "words" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('open', 'upheld', 'rejected', 'withdrawn')),
    "by" VARCHAR(300) NOT NULL,
    "via" VARCHAR(30) NOT NULL CHECK (via IN ('portal', 'pay_link', 'staff')),
    "opened_on" DATE NOT NULL,
    "opened_at" {instant} NOT NULL,
    "answer_by_on" DATE NOT NULL,
    "credit_id" INTEGER,
    "due_again_on" DATE,
    "decision" TEXT NOT NULL,
    "decided_by" VARCHAR(300) NOT NULL,
    "decided_at" {instant},
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("line_id") REFERENCES "line" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("credit_id") REFERENCES "credit" ("id") ON DELETE RESTRICT,
    CHECK (amount_cents > 0),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK (state <> 'upheld' OR credit_id IS NOT NULL),
    CHECK (state <> 'rejected' OR due_again_on IS NOT NULL)
);
CREATE UNIQUE INDEX "dispute_key" ON "dispute" ("key");
CREATE INDEX "dispute_customer_id" ON "dispute" ("customer_id");
CREATE INDEX "dispute_invoice_id" ON "dispute" ("invoice_id");
CREATE INDEX "dispute_line_id" ON "dispute" ("line_id");
CREATE INDEX "dispute_contact_id" ON "dispute" ("contact_id");
CREATE INDEX "dispute_ticket_id" ON "dispute" ("ticket_id");
CREATE INDEX "dispute_credit_id" ON "dispute" ("credit_id");
CREATE UNIQUE INDEX "dispute_of_line" ON "dispute" ("line_id") WHERE ("state" = 'open');
CREATE INDEX "dispute_open" ON "dispute" ("answer_by_on") WHERE ("state" = 'open');
CREATE INDEX "dispute_again" ON "dispute" ("invoice_id") WHERE (("state" = 'open') OR ("due_again_on" IS NOT NULL));

ALTER TABLE "notice" ADD COLUMN "dispute_id" INTEGER REFERENCES "dispute" ("id") ON DELETE RESTRICT;
CREATE INDEX "notice_dispute_id" ON "notice" ("dispute_id")
"""  # noqa: E501
