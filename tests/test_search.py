"""Full-text search over what was said: found when written, changed and merged; never an error."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import search, tickets
from billing.search import typed
from models import Call, Inbound, Message, Note, Notice, SearchEntry, Ticket
from models import db as models_db
from tests import factories

NOW = factories.NOW


def make_ticket(customer, *bodies, subject="Panel", internal=False, at=NOW):
    ticket = Ticket.create(customer=customer, subject=subject, opened_at=at, last_at=at)
    for body in bodies:
        Message.create(ticket=ticket, body=body, internal=internal, written_at=at)
    return ticket


def make_call(customer, note, **fields):
    values = {"direction": "in", "outcome": "answered", "started_at": NOW, "logged_at": NOW, "by": "t"}
    source_id = str(Call.select().count())
    return Call.create(customer=customer, note=note, source="staff", source_id=source_id, **(values | fields))


def make_note(customer, body):
    return Note.create(customer=customer, body=body, by="staff:sam@lantern.example", at=NOW)


def make_notice(customer, **fields):
    values = {"key": str(Notice.select().count()), "kind": "receipt", "why": "w"}
    return Notice.create(customer=customer, send_at=NOW, created_at=NOW, **(values | fields))


def make_inbound(customer, body, **fields):
    values = {"source_id": body[:100], "received_at": NOW, "subject": "Re: Invoice"}
    return Inbound.create(customer=customer, body=body, **(values | fields))


def found(text, **options):
    return [(hit.kind, hit.row.id) for hit in search.find(text, **options).hits]


def told(text, **options):
    """The words that are marked in the first hit."""
    [hit, *_] = search.find(text, **options).hits
    return [piece for piece, wanted in hit.snippet if wanted]


# --- Found when written, changed, merged -----------------------------------------------------------


def test_everything_that_was_said_is_found_as_soon_as_it_is_written(alice):
    make_ticket(alice, "The keypad beeps at night")
    make_call(alice, "Asked about the keypad again")
    make_note(alice, "Keypad replaced in May")
    make_inbound(alice, "my keypad")
    make_notice(alice, state="sent", subject="About your keypad", body_text="It was changed.", sent_at=NOW)

    assert {kind for kind, _ in found("keypad")} == set(search.KINDS)


def test_a_use_case_that_knows_nothing_of_search_is_found_too(alice):
    ticket = tickets.open(alice, subject="Wrong amount", body="Too much monitoring", by="t", now=NOW)

    assert found("monitoring") == [("message", ticket.messages.get().id)]
    assert found("wrong amount") == found("monitoring")


def test_what_is_not_sent_yet_is_not_found_and_then_is(alice):
    notice = make_notice(alice, subject="Past due", body_text="Please pay the siren")
    assert found("siren") == []

    Notice.update(state="sent", sent_at=NOW).where(Notice.id == notice.id).execute()

    assert found("siren") == [("sent", notice.id)]


def test_a_sign_in_code_is_never_found(alice):
    make_notice(alice, kind="sign_in", state="sent", subject="Your code", body_text="123456", sent_at=NOW)
    make_notice(alice, kind="sign_in", subject="Your code", body_text="123456")
    Notice.update(state="sent", sent_at=NOW).where(Notice.state == "queued").execute()

    assert found("code") == found("123456") == []


def test_a_message_that_leaves_is_indexed_as_when_the_index_is_built_anew(alice):
    for said in ("Dec 1–31: $42.50 × 2, it’s due", "año, señal y 5 % · cafe\u0301", ""):
        make_notice(alice, subject=said, body_text=f"{said} siren", sent_at=NOW)
    Notice.update(state="sent").execute()
    asked = ("siren", "42.50", "its due", "ano senal", "café", '"2 it s due"')
    before = [found(text) for text in asked], _entries()

    search.reindex()

    assert ([found(text) for text in asked], _entries()) == before
    assert [len(one) for one in before[0]] == [3, 1, 0, 1, 1, 1]


def _entries():
    rows = SearchEntry.select().order_by(SearchEntry.id)
    return [(row.kind, row.about_id, row.customer_id, row.at) for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dec 1–31, $42.50",
        "it’s “so” × 2 − 1 · 3\tx\n",
        "año",
        "cafe\u0301",
        "日本",
        "x² ½",
        "a\u0001b~c",
        "№5 ™",
    ],
)
def test_postgresql_reads_words_without_accents_as_it_reads_all(alice, text):
    if not models_db.for_update:
        pytest.skip("FTS5 has a reader of its own")
    both = "SELECT search_words(%s, 'note', 5), search_words_of_any(%s, 'note', 5)"

    quick, whole = models_db.execute_sql(both, (text, text)).fetchone()

    assert quick == whole


def test_a_subject_that_is_changed_is_found_by_its_new_words_only(alice):
    ticket = make_ticket(alice, "Hello", subject="Doorbell")

    Ticket.update(subject="Chime").where(Ticket.id == ticket.id).execute()

    assert found("doorbell") == []
    assert len(found("chime hello")) == 1


def test_what_was_done_about_a_call_is_found(alice):
    call = make_call(alice, "wants a visit", state="to_call")

    Call.update(state="done", done_at=NOW, done_by="t", done_how="Technician went there").execute()

    assert found("technician visit") == [("call", call.id)]


def test_a_call_that_is_given_to_a_customer_is_found_as_theirs(alice, bob):
    make_call(None, "about the camera")
    assert found("camera", customer=alice) == []

    Call.update(customer=alice).execute()

    assert len(found("camera", customer=alice)) == 1
    assert found("camera", customer=bob) == []


def test_mail_that_becomes_a_ticket_is_found_once_there(alice):
    mail = make_inbound(alice, "The fence is broken")
    ticket = make_ticket(alice, "The fence is broken")

    Inbound.update(ticket=ticket).where(Inbound.id == mail.id).execute()

    assert [kind for kind, _ in found("fence")] == ["message"]
    assert SearchEntry.select().count() == 1


def test_what_is_rolled_back_is_not_found(alice):
    with pytest.raises(ZeroDivisionError), models_db.atomic():
        make_note(alice, "a gate code")
        raise ZeroDivisionError

    assert found("gate") == []


def test_messages_of_one_ticket_are_one_hit(alice):
    make_ticket(alice, "first siren", "second siren", "third siren")

    [hit] = search.find("siren").hits

    assert (hit.row.body, hit.more) == ("third siren", 2)


def test_an_internal_note_says_that_it_is_one(alice):
    make_ticket(alice, "pays late by habit", internal=True)

    assert search.find("habit").hits[0].internal


# --- What may be typed -----------------------------------------------------------------------------


@pytest.fixture
def texts(alice):
    for body in (
        "Two invoices were charged twice",
        "La facturación de julio está mal, ¿por qué?",
        "Cancelación del contrato antes de fin de año",
        "The motion sensor on the 2nd floor, serial AB-1029/7, mails jane.doe@example.com 👍great",
        "I was billed for a panel I do not have",
    ):
        make_note(alice, body)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("invoice", "Two invoices"),
        ("charge", "Two invoices"),
        ("INVOICES twice", "Two invoices"),
        ("invo", "Two invoices"),
        ("facturacion", "La facturación"),
        ("facturas", "La facturación"),
        ("FACTURACIÓN JULIO", "La facturación"),
        ("cancelar contratos", "Cancelación"),
        ("ano", "Cancelación"),
        ("motion sensors", "The motion"),
        ('"motion sensor"', "The motion"),
        ("“motion sensor”", "The motion"),
        ("jane.doe@example.com", "The motion"),
        ("AB-1029/7", "The motion"),
        ("great", "The motion"),
        ("pan*", "I was billed"),
        ("billing", "I was billed"),
    ],
)
def test_it_finds(texts, text, body):
    [hit] = search.find(text).hits

    assert hit.row.body.startswith(body)


@pytest.mark.parametrize(
    "text",
    ['"sensor motion"', "invoice panel", "floors 3rd", "zebra", "", "   ", '""', "*", "-", "🙂", "()", "\x00",
     "'; DROP TABLE note; --", "'", '"', "¿?"],
)  # fmt: skip
def test_it_finds_nothing_for(texts, text):
    assert search.find(text).hits == ()


@pytest.mark.parametrize(
    "text",
    [
        "invoice AND", "NOT invoice", "invoice OR", "NEAR(invoice twice)", "words:invoice", "marks : knote",
        "^invoice", 'invoice"', "invoice' & |", "invoice:*", "!invoice", "invoice <-> twice", "{invoice}",
        "invoice + twice", "x" * 10_000, "invoice " * 1_500, "İnvoice", "\ud800", "é" * 5_000, "a\x00b",
        "%s ?", "\\",
    ],
)  # fmt: skip
def test_odd_input_is_words_and_never_a_mistake(texts, text):
    search.find(text)
    search.find(text, kinds=("note",), limit=1)


@given(st.text(max_size=80))
def test_whatever_is_typed_becomes_plain_words(text):
    for wanted in typed.read(text):
        assert wanted.parts
        assert all(part == typed.fold(part) and part.replace(" ", "").isalnum() for part in wanted.parts)


def test_the_words_that_were_searched_for_are_marked(texts):
    assert told("facturacion julio") == ["facturación", "julio"]
    assert told("invoice") == ["invoices"]
    assert told('"motion sensor"') == ["motion sensor"]


def test_a_long_text_is_cut_around_what_was_found(alice):
    make_note(alice, f"{'before ' * 80} the leak is here {'after ' * 80}")

    [hit] = search.find("leak").hits
    shown = "".join(piece for piece, _ in hit.snippet)

    assert shown.startswith("… before") and shown.endswith("after …")
    assert len(shown) < 240


# --- Which, and how many ---------------------------------------------------------------------------


def test_only_the_kinds_and_the_customer_that_were_asked_for(alice, bob):
    note, call = make_note(alice, "ladder"), make_call(bob, "ladder")

    assert found("ladder") == [("call", call.id), ("note", note.id)]
    assert found("ladder", kinds=("note",)) == [("note", note.id)]
    assert found("ladder", kinds=()) == []
    assert found("ladder", customer=bob) == [("call", call.id)]


def test_a_number_in_a_text_is_never_taken_for_a_mark(alice, bob):
    make_note(alice, f"code c{bob.id} knote")

    assert found("code", customer=bob) == []
    assert found("code", kinds=("call",)) == []
    assert len(found(f"c{bob.id} knote")) == 1


@pytest.mark.parametrize("text", ["hose", "hos"])
def test_pages_follow_each_other_without_gap_or_repetition(alice, text):
    notes = [make_note(alice, f"garden hose {number}").id for number in range(11)]
    seen, before = [], ""
    for _ in range(6):
        page = search.find(text, limit=3, before=before)
        seen += [hit.row.id for hit in page.hits]
        before = page.next
        if not before:
            break

    assert seen == notes[::-1]


STREET = ("alarm alarm panel siren", "alarm siren leak", "alarm panel", "alarms siren zulino", "siren noise")


@pytest.mark.parametrize(
    "text", ["alarm", "leak", "zulino", "alarm zulino", "siren leak alarm", "alar zul", "alarm zebra", "pan"]
)
@pytest.mark.parametrize(
    "only", [{}, {"kinds": ("note",)}, {"customer": True}], ids=["all", "kind", "theirs"]
)
def test_what_is_common_and_what_is_rare_is_found_in_one_order(monkeypatch, alice, bob, text, only):
    """However a word is looked for: among the newest, or by the index of all, beside common ones or alone."""
    for name, value in (("NEWEST", 5), ("MOST_LOOKED", 20), ("SAMPLE", 40)):
        monkeypatch.setattr(search, name, value)
    said = [STREET[0]] * 37 + [STREET[1], STREET[2]] * 4 + [STREET[3]] + [STREET[4]] * 30
    notes = [make_note(alice if n % 3 else bob, told) for n, told in enumerate(said)]
    theirs = only and "customer" in only
    fits = [note.id for note in notes if not theirs or note.customer_id == alice.id]
    for word in text.split():
        fits = [id for id in fits if any(one.startswith(word) for one in said[id - notes[0].id].split())]

    seen, before = [], ""
    while True:
        page = search.find(text, limit=4, before=before, **({"customer": alice} if theirs else only))
        seen += [hit.row.id for hit in page.hits]
        before = page.next
        if not before:
            break

    assert seen == fits[::-1]


def test_what_is_rare_is_asked_of_the_index_without_what_is_common(monkeypatch, alice):
    monkeypatch.setattr(search, "NEWEST", 5)
    monkeypatch.setattr(search, "SAMPLE", 40)
    for number in range(60):
        make_note(alice, "alarm zulino" if number == 3 else "alarm")
    asked = typed.for_postgresql(typed.read("alarm zulino"), True)

    if models_db.for_update:
        assert search._rare(asked, SearchEntry.select().count() + 1) == asked[1:]
    assert len(found("alar zul")) == 1


@pytest.mark.parametrize("before", ["x", "w", "b-1", "w99999999999999999", "wé", "w²"])
def test_a_made_up_page_is_the_first(alice, before):
    make_note(alice, "garden hose")

    assert len(found("hose", before=before)) == 1


# --- Building it anew ------------------------------------------------------------------------------


def test_the_index_is_built_anew_from_the_rows(app, alice, texts):
    make_ticket(alice, "an older siren", at=NOW - timedelta(days=900))
    before = found("siren"), found("invoice"), SearchEntry.select().count()
    models_db.execute_sql("DELETE FROM search_index WHERE rowid > 0")
    SearchEntry.delete().execute()
    assert found("invoice") == []

    outcome = app.test_cli_runner().invoke(args=["reindex-search"])

    assert outcome.exit_code == 0, outcome.output
    assert "6 texts" in outcome.output
    assert (found("siren"), found("invoice"), SearchEntry.select().count()) == before
    make_note(alice, "after that a gong")
    assert len(found("gong")) == 1


@pytest.mark.parametrize("count", [3, 40])
def test_a_long_beginning_finds_every_word_that_begins_so_however_many_there_are(alice, count):
    """Up to 24 words are asked for by name, quick where each stands everywhere; more by their beginning."""
    for number in range(count):
        make_note(alice, f"The alarmado{number} is here")
    make_note(alice, "An alarm, an Alarmád and nothing else")

    hits = search.find("alarmad*", limit=100).hits

    assert len(hits) == count + 1
    assert [hit.id for hit in hits] == sorted((hit.id for hit in hits), reverse=True)
    assert search.find("alarmadz*").hits == ()
