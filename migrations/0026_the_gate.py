"""The gate: what is held back and why it goes on, who may not be pressed at all, what a personal mail tells."""

from migrations.changing import freeze, never_delete, run, widen

STATES = ("queued", "sending", "sent", "print", "failed", "skipped", "draft", "joined")


def up(migrator, db):
    run(db, TABLES)
    widen(db, "notice", "state", STATES, (*STATES, "held"))
    for table, columns in FROZEN.items():
        never_delete(db, table)
        freeze(db, table, columns)


FROZEN = {
    "citation": ("notice_id", "about_table", "about_id", "at", "sentence"),
    "offer": ("notice_id", "kind", "amount_cents", "invoice_id", "credit_id", "reason", "staff_id", "made_at"),
}

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
CREATE UNIQUE INDEX "offer_notice_id_kind" ON "offer" ("notice_id", "kind")
"""  # noqa: E501
