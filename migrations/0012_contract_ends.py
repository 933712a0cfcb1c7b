"""Rules about renewals as data, the notices that they ask for, and what became of each term."""

from migrations.changing import freeze, never_delete, refuse, run

EVIDENCE = ("renewal_rule", "rule_review", "renewal")
SETTLED = "OLD.\"state\" NOT IN ('planned', 'canceled')"  # before that, a plan follows its contract
FROZEN = {
    "rule_review": ("table_version", "rule_count", "name", "reviewed_on", "by", "at"),
    "renewal": ("contract_id", "term_end_on", "outcome", "next_ends_on", "reason", "by", "decided_at"),
}
RULE = (
    "code", "version", "state", "citation", "audience", "basis", "first_term_at_least", "renewal_longer_than",
    "max_renewal_months", "lifted_by", "online_only", "anchor", "opens_days", "closes_days", "media",
    "contents", "repeat", "consequence", "alarm_exempt", "certainty", "effective_from_on", "checked_on",
    "checked_by", "note", "source", "made_by", "made_at",
)  # fmt: skip
PLAN = (
    "contract_id", "term_end_on", "rule_id", "rule_code", "together", "deadline_on", "opens_on", "closes_on",
    "arithmetic", "contents", "created_at",
)  # fmt: skip


def up(migrator, db):
    run(db, TABLES)
    for table in EVIDENCE:
        never_delete(db, table)
    for table, columns in FROZEN.items():
        freeze(db, table, columns)
    freeze(db, "renewal_rule", RULE, when="OLD.\"status\" <> 'draft'")
    freeze(db, "renewal_notice", PLAN, when=SETTLED)
    sentence = "notices of renewals that were begun are never deleted"
    refuse(db, "renewal_notice", "delete", "DELETE", SETTLED, sentence)


TABLES = """
ALTER TABLE "contract" ADD COLUMN "governing_state" VARCHAR(2) NOT NULL DEFAULT '';
ALTER TABLE "contract" ADD COLUMN "signed_online" {flag} NOT NULL DEFAULT False;
ALTER TABLE "contract" ADD COLUMN "signup_medium" VARCHAR(30)
    CHECK (signup_medium IN ('online', 'mail', 'phone', 'in_person'));
ALTER TABLE "contract" ADD COLUMN "renewal_disclosure_signed_on" DATE;
ALTER TABLE "contract" ADD COLUMN "renewal_requested_on" DATE;
ALTER TABLE "contract" ADD COLUMN "leased_equipment" {flag} NOT NULL DEFAULT False;
ALTER TABLE "contract" ADD COLUMN "term_ends_on" DATE;
ALTER TABLE "contract" ADD COLUMN "renews_monthly_from_on" DATE;
ALTER TABLE "contract" ADD COLUMN "renews_monthly_reason" VARCHAR(255) NOT NULL DEFAULT '';

CREATE TABLE "renewal_rule" (
    "id" {serial},
    "code" VARCHAR(20) NOT NULL,
    "version" INTEGER NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
    "state" VARCHAR(2) NOT NULL,
    "citation" VARCHAR(255) NOT NULL,
    "audience" VARCHAR(30) NOT NULL CHECK (audience IN ('consumer', 'business', 'any')),
    "basis" VARCHAR(30) NOT NULL CHECK (basis IN ('term', 'continuous', 'price_change', 'lease', 'limit')),
    "first_term_at_least" INTEGER NOT NULL,
    "renewal_longer_than" INTEGER NOT NULL,
    "max_renewal_months" INTEGER,
    "lifted_by" VARCHAR(30) CHECK (lifted_by IN ('request', 'disclosure')),
    "online_only" {flag} NOT NULL,
    "anchor" VARCHAR(30) CHECK (anchor IN ('deadline', 'renewal', 'served', 'deadline_or_renewal', 'deadline_or_end', 'effective', 'calendar_year')),
    "opens_days" INTEGER,
    "closes_days" INTEGER,
    "media" VARCHAR(60) NOT NULL,
    "contents" VARCHAR(255) NOT NULL,
    "repeat" VARCHAR(30) CHECK (repeat IN ('each', 'yearly', 'first_then_yearly', 'first_over_12m_then_yearly')),
    "consequence" VARCHAR(30) NOT NULL CHECK (consequence IN ('courtesy', 'forbidden_over_1m', 'cap_12m', 'void', 'voidable', 'unenforceable', 'gift', 'unfair', 'cancel_refund', 'private_suit', 'month_to_month', 'treble', 'ends_at_term')),
    "alarm_exempt" VARCHAR(30) NOT NULL CHECK (alarm_exempt IN ('no', 'unclear', 'likely', 'yes')),
    "certainty" VARCHAR(30) NOT NULL CHECK (certainty IN ('A', 'B', 'C', 'D', 'house_rule')),
    "effective_from_on" DATE,
    "effective_to_on" DATE,
    "checked_on" DATE,
    "checked_by" VARCHAR(80) NOT NULL,
    "note" TEXT NOT NULL,
    "source" VARCHAR(80) NOT NULL,
    "made_by" VARCHAR(80) NOT NULL,
    "made_at" {instant} NOT NULL,
    "activated_by" VARCHAR(80) NOT NULL,
    "activated_at" {instant},
    CHECK (opens_days IS NULL OR opens_days >= closes_days),
    CHECK (first_term_at_least >= 0),
    CHECK (renewal_longer_than >= 0)
);
CREATE UNIQUE INDEX "renewal_rule_code_version" ON "renewal_rule" ("code", "version");

CREATE TABLE "rule_review" (
    "id" {serial},
    "table_version" VARCHAR(64) NOT NULL,
    "rule_count" INTEGER NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "reviewed_on" DATE NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "at" {instant} NOT NULL
);

CREATE TABLE "renewal_notice" (
    "id" {serial},
    "contract_id" INTEGER NOT NULL,
    "term_end_on" DATE NOT NULL,
    "rule_id" INTEGER NOT NULL,
    "rule_code" VARCHAR(20) NOT NULL,
    "together" VARCHAR(20) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK (state IN ('planned', 'queued', 'sent', 'proven', 'missed', 'canceled')),
    "deadline_on" DATE,
    "opens_on" DATE NOT NULL,
    "closes_on" DATE NOT NULL,
    "plan_on" DATE NOT NULL,
    "alarm_on" DATE NOT NULL,
    "medium" VARCHAR(30) NOT NULL CHECK (medium IN ('email', 'mail', 'certified')),
    "notice_id" INTEGER,
    "address" VARCHAR(255) NOT NULL,
    "sent_on" DATE,
    "certified_number" VARCHAR(40) NOT NULL,
    "delivered_on" DATE,
    "delivery" VARCHAR(255) NOT NULL,
    "consequence" VARCHAR(255) NOT NULL,
    "arithmetic" TEXT NOT NULL,
    "contents" VARCHAR(255) NOT NULL,
    "text_sha256" VARCHAR(64) NOT NULL,
    "reason" VARCHAR(255) NOT NULL,
    "alarmed_at" {instant},
    "overridden_by" VARCHAR(80) NOT NULL,
    "overridden_at" {instant},
    "override_reason" VARCHAR(255) NOT NULL,
    "created_at" {instant} NOT NULL,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("rule_id") REFERENCES "renewal_rule" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT,
    CHECK (closes_on >= opens_on)
);
CREATE INDEX "renewal_notice_contract_id" ON "renewal_notice" ("contract_id");
CREATE INDEX "renewal_notice_rule_id" ON "renewal_notice" ("rule_id");
CREATE INDEX "renewal_notice_notice_id" ON "renewal_notice" ("notice_id");
CREATE UNIQUE INDEX "renewal_notice_contract_id_term_end_on_rule_code"
    ON "renewal_notice" ("contract_id", "term_end_on", "rule_code");
CREATE INDEX "renewal_notice_state_closes_on" ON "renewal_notice" ("state", "closes_on");

CREATE TABLE "renewal" (
    "id" {serial},
    "contract_id" INTEGER NOT NULL,
    "term_end_on" DATE NOT NULL,
    "outcome" VARCHAR(30) NOT NULL CHECK (outcome IN ('renewed', 'monthly', 'ended')),
    "next_ends_on" DATE,
    "reason" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "decided_at" {instant} NOT NULL,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT
);
CREATE INDEX "renewal_contract_id" ON "renewal" ("contract_id");
CREATE UNIQUE INDEX "renewal_contract_id_term_end_on" ON "renewal" ("contract_id", "term_end_on");
CREATE INDEX "renewal_term_end_on" ON "renewal" ("term_end_on")
"""  # noqa: E501
