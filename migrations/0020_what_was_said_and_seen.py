"""Who saw what we sent, and the full text of what was said: kept by triggers, so that nothing is left out."""

import unicodedata

from migrations.changing import freeze, never_delete, run

SEEN = (
    "key", "customer_id", "contact_id", "link_id", "notice_id", "invoice_id", "contract_id", "page", "how",
    "at", "browser",
)  # fmt: skip
UNSENT = ("sign_in", "fresh_link")  # nothing that anybody searches for

# Everything that can be found: one row each, read by the triggers and when the index is built anew.
SOURCE = f"""CREATE VIEW "search_source" AS
    SELECT 'message' AS kind, message.id AS about_id, ticket.customer_id AS customer_id,
        message.written_at AS at, ticket.subject || ' ' || message.body AS told
    FROM message JOIN ticket ON ticket.id = message.ticket_id
    UNION ALL SELECT 'inbound', inbound.id, inbound.customer_id, inbound.received_at,
        inbound.subject || ' ' || inbound.body
    FROM inbound WHERE inbound.ticket_id IS NULL
    UNION ALL SELECT 'call', "call".id, "call".customer_id, "call".started_at,
        "call".caller || ' ' || "call".note || ' ' || "call".next_step || ' ' || "call".done_how
    FROM "call"
    UNION ALL SELECT 'note', note.id, note.customer_id, note.at, note.body FROM note
    UNION ALL SELECT 'sent', notice.id, notice.customer_id, COALESCE(notice.sent_at, notice.created_at),
        notice.subject || ' ' || notice.body_text
    FROM notice WHERE notice.state = 'sent' AND notice.kind NOT IN {UNSENT}"""

# kind -> (table, the changes that matter, which of its rows are to be read again)
WATCHED = (
    ("message", "message", "INSERT", "{k} = 'message' AND about_id = NEW.id", ""),
    ("message", "ticket", 'UPDATE OF "subject", "customer_id"',
     "{k} = 'message' AND about_id IN (SELECT id FROM message WHERE ticket_id = NEW.id)",
     "OLD.subject <> NEW.subject OR OLD.customer_id <> NEW.customer_id"),
    ("inbound", "inbound", "INSERT", "{k} = 'inbound' AND about_id = NEW.id", "NEW.ticket_id IS NULL"),
    ("inbound", "inbound", 'UPDATE OF "ticket_id", "customer_id", "subject", "body"',
     "{k} = 'inbound' AND about_id = NEW.id", ""),
    ("call", "call", "INSERT", "{k} = 'call' AND about_id = NEW.id", ""),
    ("call", "call", 'UPDATE OF "customer_id", "note", "next_step", "done_how"',
     "{k} = 'call' AND about_id = NEW.id", ""),
    ("note", "note", "INSERT", "{k} = 'note' AND about_id = NEW.id", ""),
    ("sent", "notice", "INSERT", "{k} = 'sent' AND about_id = NEW.id", "NEW.state = 'sent'"),
    ("sent", "notice", 'UPDATE OF "state"', "{k} = 'sent' AND about_id = NEW.id",
     "NEW.state = 'sent' AND OLD.state <> 'sent'"),
)  # fmt: skip


def up(migrator, db):
    run(db, TABLES)
    never_delete(db, "sighting")
    freeze(db, "sighting", SEEN)
    db.execute_sql(SOURCE)
    run(db, POSTGRESQL_INDEX if db.for_update else SQLITE_INDEX)
    if db.for_update:
        db.execute_sql(_words_function().replace("%", "%%"))
    for kind, table, act, which, when in WATCHED:
        _watch(db, kind, table, act, which, when)
    for statement in _filling(db, "1 = 1"):
        db.execute_sql(statement)


def _watch(db, kind, table, act, which, when):
    """After ``act`` on ``table``, what is known of the rows ``which`` is read again."""
    name = f"search_{kind}_{table}_{act.split()[0].lower()}"
    which = which.format(k="kind")
    forget = "" if act == "INSERT" else _forgetting(which)
    steps = f"{forget} {'; '.join(_filling(db, which))};"
    trigger = f'CREATE TRIGGER "{name}" AFTER {act} ON "{table}" FOR EACH ROW'
    condition = f"WHEN ({when})" if when else ""
    if not db.for_update:
        db.execute_sql(f"{trigger} {condition} BEGIN {steps} END")
        return
    db.execute_sql(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {steps} RETURN NULL; END $$".replace("%", "%%")
    )
    db.execute_sql(f"{trigger} {condition} EXECUTE FUNCTION {name}()")


def _forgetting(which):
    """Statements that take out of the index what is about to be read again, or is no source any more."""
    found = f"(SELECT id FROM search_entry WHERE {which})"
    gone = (
        f"{which} AND NOT EXISTS (SELECT 1 FROM search_source AS source "
        "WHERE source.kind = search_entry.kind AND source.about_id = search_entry.about_id)"
    )
    return f"DELETE FROM search_index WHERE rowid IN {found}; DELETE FROM search_entry WHERE {gone};"


def _filling(db, which):
    """Statements that bring the rows ``which`` of the source into the index, in the order of time."""
    entries = (
        "INSERT INTO search_entry (kind, about_id, customer_id, at) SELECT kind, about_id, customer_id, at "
        f"FROM search_source WHERE {which} ORDER BY at, about_id "
        "ON CONFLICT (kind, about_id) DO UPDATE SET customer_id = excluded.customer_id, at = excluded.at"
    )
    joined = (
        "FROM search_source AS source JOIN search_entry AS entry "
        "ON entry.kind = source.kind AND entry.about_id = source.about_id "
        f"WHERE {which.replace('kind =', 'source.kind =').replace('about_id', 'source.about_id')}"
    )
    if db.for_update:
        words = "search_words(source.told, source.kind, source.customer_id)"
        return entries, f"INSERT INTO search_index (rowid, words) SELECT entry.id, {words} {joined}"
    marks = "'k' || source.kind || COALESCE(' c' || source.customer_id, '')"
    return (
        entries,
        f"INSERT INTO search_index (rowid, words, marks) SELECT entry.id, source.told, {marks} {joined}",
    )


def _words_function():
    """What PostgreSQL takes for the words of a text: letters and digits without accents, as FTS5's unicode61.

    By hand, because its own parser keeps addresses and numbers with signs together, depends on the locale
    for what is not ASCII, and needs an extension to drop accents. ``=k`` and ``=c`` are the marks of kind
    and customer: no word of a text begins with a sign.
    """
    plain = [(chr(code), unicodedata.normalize("NFD", chr(code))[0]) for code in range(0xC0, 0x180)]
    plain = [(letter, base.lower()) for letter, base in plain if base.isascii()]
    letters, bases = "".join(one for one, _ in plain), "".join(base for _, base in plain)
    signs = (
        r"[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B1\u00B4\u00B6-\u00B8\u00BB\u00BF\u00D7"
        r"\u00F7\u2000-\u206F\u20A0-\u20CF\u2100-\u2101\u2190-\u2BFF\u3000-\u3004\uFE00-\uFE0F"
        r"\U0001F000-\U0001FAFF]+"
    )
    told = r"regexp_replace(left(told, 100000), '[\u0300-\u036F]+', '', 'g')"
    return (
        "CREATE FUNCTION search_words(told text, kind text, customer integer) RETURNS tsvector "
        "LANGUAGE sql IMMUTABLE AS $$ SELECT to_tsvector('simple', "
        f"translate(regexp_replace({told}, '{signs}', ' ', 'g'), '{letters}', '{bases}')) "
        "|| array_to_tsvector(array_remove(ARRAY['=k' || kind, '=c' || customer], NULL)) $$"
    )


TABLES = """
ALTER TABLE "invoice" ADD COLUMN "first_seen_at" {instant};
ALTER TABLE "link" ADD COLUMN "carried_by_id" INTEGER REFERENCES "notice" ("id") ON DELETE RESTRICT;
CREATE INDEX "link_carried_by_id" ON "link" ("carried_by_id");

CREATE TABLE "sighting" (
    "id" {serial},
    "key" VARCHAR(120) NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "contact_id" INTEGER,
    "link_id" INTEGER,
    "notice_id" INTEGER,
    "invoice_id" INTEGER,
    "contract_id" INTEGER,
    "page" VARCHAR(30) NOT NULL CHECK (page IN ('invoice', 'together', 'preferences', 'contract')),
    "how" VARCHAR(30) NOT NULL CHECK (how IN ('looked', 'acted')),
    "at" {instant} NOT NULL,
    "browser" VARCHAR(255) NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customer" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contact_id") REFERENCES "contact" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("link_id") REFERENCES "link" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("notice_id") REFERENCES "notice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "sighting_key" ON "sighting" ("key");
CREATE INDEX "sighting_contact_id" ON "sighting" ("contact_id");
CREATE INDEX "sighting_link_id" ON "sighting" ("link_id");
CREATE INDEX "sighting_notice_id" ON "sighting" ("notice_id");
CREATE INDEX "sighting_invoice_id" ON "sighting" ("invoice_id");
CREATE INDEX "sighting_contract_id" ON "sighting" ("contract_id");
CREATE INDEX "sighting_customer_id" ON "sighting" ("customer_id");
CREATE INDEX "sighting_customer_id_at" ON "sighting" ("customer_id", "at");

CREATE TABLE "search_entry" (
    "id" {serial},
    "kind" VARCHAR(30) NOT NULL CHECK (kind IN ('message', 'sent', 'inbound', 'call', 'note')),
    "about_id" INTEGER NOT NULL,
    "customer_id" INTEGER,
    "at" {instant} NOT NULL
);
CREATE UNIQUE INDEX "search_entry_kind_about_id" ON "search_entry" ("kind", "about_id");
CREATE INDEX "notice_customer_id_sent_at" ON "notice" ("customer_id", "sent_at")
"""

# The words themselves are in no second place: of a text, only the index is kept.
SQLITE_INDEX = """
CREATE VIRTUAL TABLE "search_index" USING fts5(words, marks, content='', contentless_delete=1,
    tokenize='unicode61 remove_diacritics 2', prefix='3 4 5 6')
"""
POSTGRESQL_INDEX = """
CREATE TABLE "search_index" ("rowid" INTEGER NOT NULL PRIMARY KEY, "words" TSVECTOR NOT NULL);
CREATE INDEX "search_index_words" ON "search_index" USING gin ("words") WITH (fastupdate = off)
"""
