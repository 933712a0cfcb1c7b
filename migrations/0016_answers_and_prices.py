"""Answers of customers, ends with their reasons, the authority's notice, and increases that must be told."""

from migrations.changing import freeze, never_delete, refuse, run, widen

PURPOSES = ("pay", "preferences", "sign_in", "session", "consent", "calendar")
REASONS = ("moved", "competitor", "service", "cost", "not_used", "not_paid", "deceased", "other")
MORE_REASONS = ("not_said", "care", "home_sale", "service_member", "cooling_off")
FROZEN = {
    "renewal_answer": (
        "key", "contract_id", "contact_id", "notice_id", "ticket_id", "answer", "term_end_on", "deadline_on",
        "last_on", "is_late", "name", "words", "by", "via", "ip", "browser", "wording", "text_sha256", "at",
    ),
    "cancellation": (
        "contract_id", "answer_id", "reason", "ends_on", "proof", "fee_cents", "fee_refusal",
        "credited_cents", "refund_by_on", "law", "by", "made_at",
    ),
    "authority_notice": (
        "contract_id", "kind", "authority", "address", "ends_on", "sent_on", "medium", "proof", "by", "at",
    ),
    "price_change": (
        "charge_id", "starts_on", "unit_cents", "old_cents", "reason", "by", "made_at", "agreed_how",
        "needs_notice", "tell_from_on", "tell_by_on", "arithmetic", "told_with_id",
    ),
}  # fmt: skip

# Required fire monitoring, as charges name it: by its system, or by the site where no system is named.
FIRE = """EXISTS (SELECT 1 FROM charge JOIN system ON system.id = charge.system_id
    OR (charge.system_id IS NULL AND system.site_id = charge.site_id)
    WHERE {charges} AND system.required_fire)"""
UNTOLD = """NOT EXISTS (SELECT 1 FROM authority_notice WHERE authority_notice.contract_id = {contract}
    AND authority_notice.kind = 'ended' AND authority_notice.ends_on <= NEW.ends_on)"""
ENDS = "NEW.ends_on IS NOT NULL AND (OLD.ends_on IS NULL OR NEW.ends_on < OLD.ends_on)"
NO_ALARM = "required fire monitoring does not end before the authority was told in writing"

UNSENT = """NEW.told_on IS NOT NULL AND NOT EXISTS (SELECT 1 FROM notice
    WHERE notice.price_change_id = COALESCE(NEW.told_with_id, NEW.id) AND notice.state = 'sent'
    AND notice.bounced_at IS NULL)"""
UNAGREED = """NEW.told_on IS NOT NULL OR (NOT NEW.needs_notice AND NEW.agreed_how = ''
    AND NEW.old_cents IS NOT NULL AND NEW.unit_cents > NEW.old_cents)"""
SILENT = """NEW.charge_id IS NOT NULL AND EXISTS (SELECT 1 FROM price_change AS silent
    WHERE silent.charge_id = NEW.charge_id AND silent.needs_notice AND silent.told_on IS NULL
    AND silent.unit_cents = NEW.unit_cents AND silent.starts_on <= NEW.from_on
    AND NOT EXISTS (SELECT 1 FROM price_change AS known WHERE known.charge_id = NEW.charge_id
        AND known.unit_cents = NEW.unit_cents AND (NOT known.needs_notice OR known.told_on IS NOT NULL))
    AND NEW.unit_cents <> (SELECT charge.unit_cents FROM charge WHERE charge.id = NEW.charge_id))"""


def up(migrator, db):
    widen(db, "contract", "end_reason", REASONS, (*REASONS, *MORE_REASONS))
    widen(db, "link", "purpose", PURPOSES, (*PURPOSES, "answer"))
    run(db, PRICES)
    run(db, TABLES)
    for table in ("renewal_answer", "cancellation", "authority_notice"):
        never_delete(db, table)
    for table, columns in FROZEN.items():
        freeze(db, table, columns)
    _guard_fire(db)
    _guard_prices(db)


def _guard_fire(db):
    running = "charge.contract_id = NEW.id AND (charge.ends_on IS NULL OR charge.ends_on > NEW.ends_on)"
    for table, contract, charges in (
        ("contract", "NEW.id", running),
        ("charge", "NEW.contract_id", "charge.id = NEW.id"),
    ):
        fire, untold = FIRE.format(charges=charges), UNTOLD.format(contract=contract)
        refuse(db, table, "silent_end", 'UPDATE OF "ends_on"', f"{ENDS} AND {fire} AND {untold}", NO_ALARM)


def _guard_prices(db):
    refuse(db, "price_change", "empty_claim", 'UPDATE OF "told_on"', UNSENT, "no message told this price")
    refuse(db, "price_change", "secret", "INSERT", UNAGREED, "an increase is agreed to, or told first")
    refuse(db, "line", "untold_price", "INSERT", SILENT, "an increase without its notice cannot be billed")


PRICES = """
ALTER TABLE "price_change" ADD COLUMN "old_cents" {cents};
ALTER TABLE "price_change" ADD COLUMN "agreed_how" VARCHAR(120) NOT NULL DEFAULT '';
ALTER TABLE "price_change" ADD COLUMN "needs_notice" {flag} NOT NULL DEFAULT False;
ALTER TABLE "price_change" ADD COLUMN "tell_from_on" DATE;
ALTER TABLE "price_change" ADD COLUMN "tell_by_on" DATE;
ALTER TABLE "price_change" ADD COLUMN "plan_on" DATE;
ALTER TABLE "price_change" ADD COLUMN "arithmetic" TEXT NOT NULL DEFAULT '[]';
ALTER TABLE "price_change" ADD COLUMN "told_with_id" INTEGER REFERENCES "price_change" ("id") ON DELETE RESTRICT;
ALTER TABLE "price_change" ADD COLUMN "told_on" DATE CHECK (told_on IS NULL OR told_on <= tell_by_on);
ALTER TABLE "price_change" ADD COLUMN "canceled_on" DATE;
ALTER TABLE "price_change" ADD COLUMN "cancel_reason" VARCHAR(120) NOT NULL DEFAULT '';
DROP INDEX "price_change_charge_id_starts_on";
CREATE INDEX "price_change_told_with_id" ON "price_change" ("told_with_id");
CREATE UNIQUE INDEX "price_change_standing" ON "price_change" ("charge_id", "starts_on") WHERE ("canceled_on" IS NULL);
CREATE INDEX "price_change_untold" ON "price_change" ("charge_id") WHERE (needs_notice AND ("told_on" IS NULL))
"""  # noqa: E501

TABLES = """
CREATE TABLE "renewal_answer" (
    "id" {serial},
    "key" VARCHAR(64) NOT NULL,
    "contract_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "notice_id" INTEGER,
    "ticket_id" INTEGER,
    "answer" VARCHAR(30) NOT NULL CHECK (answer IN ('renew', 'talk', 'end')),
    "term_end_on" DATE NOT NULL,
    "deadline_on" DATE,
    "last_on" DATE,
    "is_late" {flag} NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "words" TEXT NOT NULL,
    "by" VARCHAR(300) NOT NULL,
    "via" VARCHAR(30) NOT NULL CHECK (via IN ('link', 'account', 'staff')),
    "ip" VARCHAR(45) NOT NULL,
    "browser" VARCHAR(255) NOT NULL,
    "wording" TEXT NOT NULL,
    "text_sha256" VARCHAR(64) NOT NULL,
    "at" {instant} NOT NULL,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "renewal_answer_key" ON "renewal_answer" ("key");
CREATE INDEX "renewal_answer_contract_id" ON "renewal_answer" ("contract_id");
CREATE INDEX "renewal_answer_contact_id" ON "renewal_answer" ("contact_id");
CREATE INDEX "renewal_answer_notice_id" ON "renewal_answer" ("notice_id");
CREATE INDEX "renewal_answer_ticket_id" ON "renewal_answer" ("ticket_id");
CREATE INDEX "renewal_answer_contract_id_at" ON "renewal_answer" ("contract_id", "at");

CREATE TABLE "cancellation" (
    "id" {serial},
    "contract_id" INTEGER NOT NULL,
    "answer_id" INTEGER,
    "reason" VARCHAR(30) NOT NULL CHECK (reason IN ('moved', 'competitor', 'service', 'cost', 'not_used', 'not_paid', 'deceased', 'other', 'not_said', 'care', 'home_sale', 'service_member', 'cooling_off')),
    "ends_on" DATE NOT NULL,
    "proof" VARCHAR(255) NOT NULL,
    "fee_cents" {cents} NOT NULL,
    "fee_refusal" VARCHAR(255) NOT NULL,
    "credited_cents" {cents} NOT NULL,
    "refund_by_on" DATE,
    "law" TEXT NOT NULL,
    "by" VARCHAR(300) NOT NULL,
    "made_at" {instant} NOT NULL,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("answer_id") REFERENCES "renewal_answer" ("id") ON DELETE RESTRICT,
    CHECK (fee_cents >= 0),
    CHECK (fee_cents = 0 OR fee_refusal = '')
);
CREATE UNIQUE INDEX "cancellation_contract_id" ON "cancellation" ("contract_id");
CREATE INDEX "cancellation_answer_id" ON "cancellation" ("answer_id");

CREATE TABLE "authority_notice" (
    "id" {serial},
    "contract_id" INTEGER NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('ended', 'suspended')),
    "authority" VARCHAR(120) NOT NULL,
    "address" VARCHAR(255) NOT NULL,
    "ends_on" DATE NOT NULL,
    "sent_on" DATE NOT NULL,
    "medium" VARCHAR(30) NOT NULL CHECK (medium IN ('certified', 'mail', 'email', 'fax', 'hand', 'online')),
    "proof" VARCHAR(255) NOT NULL,
    "by" VARCHAR(80) NOT NULL,
    "at" {instant} NOT NULL,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT
);
CREATE INDEX "authority_notice_contract_id" ON "authority_notice" ("contract_id")
"""  # noqa: E501
