"""The phone in the back office: a call in seconds, whose it was, what waits, notes, and silent sources."""

from datetime import timedelta

import pytest

from billing import calls, feeds, notes
from models import Call, Contact, Customer, Feed, Note, Ticket
from tests.factories import BY, NOW, fresh, payer
from tests.office import enter, text_of


@pytest.fixture
def desk(app, alice):
    Contact.update(phone="(512) 555-0100").where(Contact.id == payer(alice).id).execute()
    return enter(app, "support")


def missed(clock, source_id="1", number="5125550100", **told):
    told = {"direction": "in", "outcome": "missed", "started_at": clock.now()} | told
    return calls.take(calls.Received("pbx", source_id, number, **told), now=clock.now())[0]


def log(desk, **typed):
    page = desk.get("/staff/log-call")
    click = page.text.split('name="click" value="')[1].split('"')[0]
    return desk.post("/staff/log-call", click=click, **{"way": "in-answered", **typed})


@pytest.mark.parametrize("typed", ["512.555.0100", "+1 (512) 555-0100", "Alice", "account"])
def test_who_called_is_found_by_number_in_any_format_by_name_and_by_account(desk, alice, typed):
    typed = alice.account_number if typed == "account" else typed
    found = desk.get("/staff/log-call/who", query=typed).json
    assert len(found) == 1 and "Alice Archer" in found[0]["text"]

    answer = log(desk, **{"who-text": typed, "who": "", "note": "Asked about the bill"})

    assert answer.status_code == 303 and answer.location.endswith(f"/staff/customer/{alice.id}")
    call = Call.get()
    assert (call.customer, call.contact, call.note) == (alice, payer(alice), "Asked about the bill")
    assert call.staff.role == "support"


def test_an_unknown_number_waits_for_somebody_who_knows_it(desk, alice):
    log(desk, **{"who-text": "512 555 0188", "way": "in-voicemail"})

    call = Call.get()
    assert (call.customer, call.number, call.state) == (None, "+15125550188", "to_call")
    page = text_of(desk.get(f"/staff/call/{call.id}"))
    assert "(512) 555-0188" in page and "Whose call it was" in page

    desk.act("call", "give", call, **{"who-text": "Alice Archer", "who": f"p{payer(alice).id}"})
    assert fresh(call).customer == alice


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"who-text": "Nobody Atall"}, "Nobody is called"),
        ({"who-text": "zz12"}, "Nobody is called"),
        ({"way": "in-exploded"}, "Not a valid choice"),
        ({}, "Nobody could tell whose call"),
        ({"who-text": "Alice", "next_on": "2020-01-01", "next_step": "x"}, "from today on"),
        ({"who-text": "Alice", "next_on": "soon", "next_step": "x"}, "not a date"),
        ({"who-text": "Alice", "next_on": "2026-12-24"}, "what is to be done"),
        ({"who-text": "Alice", "started_at": "2030-01-01T10:00"}, "has not come yet"),
        ({"who-text": "Alice", "minutes": "-5"}, "0 minutes"),
        ({"who-text": "Alice", "note": "x" * 10_001}, "10,000"),
    ],
)
def test_what_cannot_be_is_told_beside_what_was_typed(desk, typed, sentence):
    answer = log(desk, **typed)

    assert answer.status_code == 400 and sentence in text_of(answer)
    assert not Call.select().exists()


def test_reaching_them_settles_what_waited_and_says_so(desk, alice, clock):
    call = missed(clock)
    assert "1 To call back" in text_of(desk.get("/staff/"))
    form = desk.get("/staff/log-call", customer=alice.id)
    assert "Reaching them settles it" in text_of(form)

    log(desk, **{"who-text": "Alice", "way": "out-answered"})

    assert fresh(call).state == "done"
    page = text_of(desk.get("/staff/"))
    assert "The call was logged. It settles 1 call that waited." in page and "1 To call back" not in page


def test_a_next_step_comes_up_on_its_day(desk, alice, clock):
    day = clock.today() + timedelta(days=2)
    log(desk, **{"who-text": "Alice", "next_step": "Send permit", "next_on": day.isoformat()})
    assert "Next steps of calls" in text_of(desk.get("/staff/")).partition("Nothing waits for a person")[2]

    clock.advance(days=2)

    assert "1 Next steps of calls" in text_of(desk.get("/staff/"))
    assert "Send permit" in text_of(desk.get("/staff/call/", work="steps_due"))


def test_a_call_becomes_a_ticket_in_one_more_step(desk, alice):
    answer = log(desk, **{"who-text": "Alice", "note": "Keypad beeps", "ticket": "yes"})
    assert "/staff/call/act/ticket" in answer.location
    assert "Keypad beeps" in desk.get(answer.location).text

    desk.act("call", "ticket", Call.get(), subject="Keypad", body="Keypad beeps")

    assert Ticket.get().customer == alice and Call.get().ticket == Ticket.get()


def test_a_call_is_done_with_a_word_of_how(desk, alice, clock):
    call = missed(clock)

    desk.act("call", "done", call, how="They wrote instead.")

    assert fresh(call).done_how == "They wrote instead."


def test_the_search_for_an_unknown_number_leads_to_the_form(desk):
    page = desk.get("/staff/search", q="512 555 0177", all="yes")

    assert "Log a call with this number" in page.text
    assert 'value="512 555 0177"' in desk.get("/staff/log-call", number="512 555 0177").text


def test_a_note_is_written_pinned_and_only_read_afterwards(desk, alice):
    desk.act("customer", "note", alice, body="Dog in the yard, card 4111 1111 1111 1111", pinned="y")

    note = Note.get()
    assert note.pinned and "4111 1111" not in note.body
    desk.act("note", "unpin", note)
    assert not fresh(note).pinned
    assert desk.get(f"/staff/note/{note.id}/edit").status_code in (403, 404)


def test_a_silent_phone_is_told_on_the_first_page_and_an_owner_may_unwatch_it(app, desk, clock):
    feeds.beat(feeds.PHONE, now=clock.now())
    feeds.promise(feeds.PHONE, by=BY, now=clock.now())
    assert "cannot know" not in text_of(desk.get("/staff/"))
    clock.advance(hours=25)
    assert "We cannot know whether they called" in text_of(desk.get("/staff/"))

    assert desk.get("/staff/feed/act/watch", id=Feed.get().id).status_code == 403
    enter(app, "owner").act("feed", "watch", Feed.get(), limit_minutes="60")

    assert not Feed.get().watched
    assert "cannot know" not in text_of(desk.get("/staff/"))


def test_those_who_only_read_log_nothing(app, alice):
    reader = enter(app, "read_only")

    assert reader.get("/staff/log-call").status_code == 403
    assert reader.get("/staff/log-call/who", query="Alice").status_code == 403
    assert reader.get("/staff/call/").status_code == 200


def test_the_list_of_calls_asks_as_often_for_many_as_for_one(desk, alice, clock):
    from tests.test_page_queries import asked

    missed(clock)
    one = asked(lambda: desk.get("/staff/call/").status_code)
    for number in range(20):
        missed(clock, source_id=f"x{number}")
    notes.write(Customer.get_by_id(alice.id), "Hello", by=BY, now=NOW)

    assert len(asked(lambda: desk.get("/staff/call/").status_code)) <= len(one) + 1
