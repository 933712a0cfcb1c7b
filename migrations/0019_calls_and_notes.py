"""The call log, the notes of staff on a customer, and which sources' silence counts."""

from migrations.changing import freeze, never_delete, refuse, run

AS_IT_WAS = (
    "number", "caller", "direction", "outcome", "started_at", "seconds", "note", "next_step", "next_on",
    "waits", "source", "source_id", "by", "logged_at",
)  # fmt: skip
REOPENED = "OLD.state = 'done' AND NEW.state <> 'done'"
FORGOTTEN = "NEW.state = 'done' AND OLD.state <> 'done' AND (NEW.done_at IS NULL OR NEW.done_how = '')"
LOST = "OLD.customer_id IS NOT NULL AND NEW.customer_id IS NULL"


def up(migrator, db):
    run(db, TABLES)
    never_delete(db, "call")
    freeze(db, "call", AS_IT_WAS)
    refuse(db, "call", "reopen", 'UPDATE OF "state"', REOPENED, "a call that is done stays done")
    refuse(db, "call", "silent_end", 'UPDATE OF "state"', FORGOTTEN, "say how a call was done, and when")
    refuse(db, "call", "loss", 'UPDATE OF "customer_id"', LOST, "a call stays with a customer")
    never_delete(db, "note")
    freeze(db, "note", ("customer_id", "body", "by", "at"))


TABLES = """
CREATE TABLE "call" (
    "id" {serial},
    "customer_id" INTEGER,
    "contact_id" INTEGER,
    "number" VARCHAR(40) NOT NULL,
    "caller" VARCHAR(80) NOT NULL,
    "direction" VARCHAR(30) NOT NULL CHECK (direction IN ('in', 'out')),
    "outcome" VARCHAR(30) NOT NULL
        CHECK (outcome IN ('answered', 'missed', 'voicemail', 'no_answer', 'busy', 'wrong_number')),
    "started_at" {instant} NOT NULL,
    "seconds" INTEGER,
    "note" TEXT NOT NULL,
    "next_step" VARCHAR(255) NOT NULL,
    "next_on" DATE,
    "waits" {flag} NOT NULL,
    "staff_id" INTEGER,
    "by" VARCHAR(80) NOT NULL,
    "source" VARCHAR(40) NOT NULL,
    "source_id" VARCHAR(120) NOT NULL,
    "logged_at" {instant} NOT NULL,
    "ticket_id" INTEGER,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('to_call', 'done')),
    "done_at" {instant},
    "done_by" VARCHAR(80) NOT NULL,
    "done_how" VARCHAR(255) NOT NULL,
    "done_with_id" INTEGER,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("done_with_id") REFERENCES "call" ("id") ON DELETE RESTRICT,
    CHECK (seconds IS NULL OR seconds >= 0),
    CHECK (next_on IS NULL OR next_step <> '')
);
CREATE UNIQUE INDEX "call_source_source_id" ON "call" ("source", "source_id");
CREATE INDEX "call_contact_id" ON "call" ("contact_id");
CREATE INDEX "call_staff_id" ON "call" ("staff_id");
CREATE INDEX "call_ticket_id" ON "call" ("ticket_id");
CREATE INDEX "call_done_with_id" ON "call" ("done_with_id");
CREATE INDEX "call_customer_id" ON "call" ("customer_id");
CREATE INDEX "call_customer_id_started_at" ON "call" ("customer_id", "started_at");
CREATE INDEX "call_number_started_at" ON "call" ("number", "started_at");
CREATE INDEX "call_started_at" ON "call" ("started_at");
CREATE INDEX "call_to_call" ON "call" ("customer_id") WHERE ("state" = 'to_call');

CREATE TABLE "note" (
    "id" {serial},
    "customer_id" INTEGER NOT NULL,
    "invoice_id" INTEGER,
    "ticket_id" INTEGER,
    "body" TEXT NOT NULL,
    "pinned" {flag} NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "at" {instant} NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT
);
CREATE INDEX "note_customer_id" ON "note" ("customer_id");
CREATE INDEX "note_invoice_id" ON "note" ("invoice_id");
CREATE INDEX "note_ticket_id" ON "note" ("ticket_id");

ALTER TABLE "feed" ADD COLUMN "watched" {flag} NOT NULL DEFAULT True;
"""
