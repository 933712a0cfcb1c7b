"""What a mail said is taken into the search from the row at hand; words without accents are read once.

Each message that leaves waits for this. The view of all that can be found (0020) was read four times for it.
"""

UNSENT = "('sign_in', 'fresh_link')"  # as in the view


def up(migrator, db):
    for statement in POSTGRESQL if db.for_update else SQLITE:
        db.execute_sql(statement)


# Nothing of the message can be in the index yet: what was sent stays so (notice_no_unsaying).
SQLITE = (
    'DROP TRIGGER "search_sent_notice_update"',
    f"""CREATE TRIGGER "search_sent_notice_update" AFTER UPDATE OF "state" ON "notice" FOR EACH ROW
    WHEN (NEW.state = 'sent' AND OLD.state <> 'sent' AND NEW.kind NOT IN {UNSENT}) BEGIN
        INSERT INTO search_entry (kind, about_id, customer_id, at)
            VALUES ('sent', NEW.id, NEW.customer_id, COALESCE(NEW.sent_at, NEW.created_at));
        INSERT INTO search_index (rowid, words, marks)
            SELECT id, NEW.subject || ' ' || NEW.body_text, 'ksent c' || NEW.customer_id
            FROM search_entry WHERE kind = 'sent' AND about_id = NEW.id;
    END""",
)
# Signs as in search_words, but of the foreign ones only those that we write ourselves: where nothing but
# ASCII is left after them, nothing else had to be done.
SIGNS = r"[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u00B7\u00D7\u2000-\u206F\u2212]+"
POSTGRESQL = (
    "ALTER FUNCTION search_words(text, text, integer) RENAME TO search_words_of_any",
    f"""CREATE FUNCTION search_words(told text, kind text, customer integer) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE plain text := regexp_replace(left(told, 100000), '{SIGNS}', ' ', 'g');
    BEGIN
        IF octet_length(plain) <> length(plain) THEN
            RETURN search_words_of_any(told, kind, customer);
        END IF;
        RETURN to_tsvector('simple', plain)
            || array_to_tsvector(array_remove(ARRAY['=k' || kind, '=c' || customer], NULL));
    END $$""",
    """CREATE OR REPLACE FUNCTION search_sent_notice_update() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE entry integer;
    BEGIN
        INSERT INTO search_entry (kind, about_id, customer_id, at)
            VALUES ('sent', NEW.id, NEW.customer_id, COALESCE(NEW.sent_at, NEW.created_at))
            RETURNING id INTO entry;
        INSERT INTO search_index (rowid, words)
            VALUES (entry, search_words(NEW.subject || ' ' || NEW.body_text, 'sent', NEW.customer_id));
        RETURN NULL;
    END $$""",
    'DROP TRIGGER "search_sent_notice_update" ON "notice"',
    f"""CREATE TRIGGER "search_sent_notice_update" AFTER UPDATE OF "state" ON "notice" FOR EACH ROW
    WHEN (NEW.state = 'sent' AND OLD.state <> 'sent' AND NEW.kind NOT IN {UNSENT})
    EXECUTE FUNCTION search_sent_notice_update()""",
)
