"""One timeline for each customer: everything that happened, in order, found, and always as quick."""

from datetime import date, datetime, timedelta

import pytest

import models
from billing import events, sightings, tickets, timeline
from models import Credit, Message, Payment, Plan, Promise, Refund
from tests import factories, office
from tests.test_page_queries import asked
from tests.test_search import make_call, make_inbound, make_note, make_notice, make_ticket

NOW = factories.NOW


def kinds(customer, **options):
    return [entry.kind for entry in timeline.page(customer, **options).entries]


def titles(customer, **options):
    return [entry.title for entry in timeline.page(customer, **options).entries]


def make_payment(customer, **fields):
    reference = f"P{Payment.select().count():05d}"
    values = {"kind": "check", "state": "approved", "amount_cents": 4250, "received_on": NOW.date()}
    values |= {"reference": reference, "key": reference, "created_at": NOW}
    return Payment.create(customer=customer, **(values | fields))


def make_sighting(customer, invoice, at=NOW):
    sightings.note(
        "invoice", customer=customer, today=at.date(), now=at, browser="Safari", invoices=[invoice]
    )


@pytest.fixture
def life(alice):
    """One of everything, an hour apart."""
    invoice = factories.make_invoice(alice, cents=4250)
    payment = make_payment(alice)
    Refund.create(payment=payment, key="r", amount_cents=100, how="check", reason="Paid twice", by="t",
                  made_on=NOW.date(), created_at=NOW)  # fmt: skip
    Credit.create(customer=alice, amount_cents=500, reason="For the wait", by="t", made_on=NOW.date(),
                  created_at=NOW)  # fmt: skip
    make_notice(
        alice, state="sent", subject="Your invoice", body_text="It is due.", sent_at=NOW, address="a@b.c"
    )
    make_notice(alice, state="failed", subject="A reminder")
    make_sighting(alice, invoice)
    make_inbound(alice, "thanks")
    make_ticket(alice, "The keypad beeps")
    make_call(alice, "wants a visit")
    make_note(alice, "prefers mornings")
    Promise.create(customer=alice, amount_cents=4250, owed_cents=4250, pay_on=date(2026, 12, 9), by="t",
                   made_on=NOW.date(), made_at=NOW)  # fmt: skip
    Plan.create(
        key="p", customer=alice, amount_cents=4250, count=2, by="t", proposed_on=NOW.date(), proposed_at=NOW
    )
    models.Dispute.create(customer=alice, invoice=invoice, amount_cents=1000, reason="other", words="why?",
                          by="t", via="portal", opened_on=NOW.date(), opened_at=NOW,
                          answer_by_on=NOW.date())  # fmt: skip
    events.record("contract.paused", factories.make_contract(alice), by="t", now=NOW, reason="Vacation")
    return alice


# --- What is there ---------------------------------------------------------------------------------


def test_everything_that_happened_is_there(life):
    assert set(kinds(life)) >= {
        "invoice", "payment", "refund", "credit", "notice", "seen", "inbound", "message", "call", "note",
        "promise", "plan", "dispute", "event",
    }  # fmt: skip


def test_every_source_is_shown_by_a_filter_and_told_once():
    named = [source.kind for source in timeline.sources.SOURCES]

    assert len(named) == len(set(named))
    assert all(
        set(source.groups) <= set(timeline.GROUPS) and source.groups for source in timeline.sources.SOURCES
    )


@pytest.mark.parametrize(
    ("group", "wanted"),
    [
        ("money", {"invoice", "payment", "refund", "credit"}),
        ("messages", {"notice", "seen", "inbound"}),
        ("tickets", {"message"}),
        ("calls", {"call"}),
        ("notes", {"note"}),
        ("deals", {"promise", "plan", "dispute"}),
        ("contracts", {"event"}),
        ("changes", set()),
    ],
)
def test_a_filter_shows_its_kinds_only(life, group, wanted):
    assert set(kinds(life, group=group)) == wanted


def test_nothing_of_somebody_else_is_there(life, bob):
    assert kinds(bob) == []


def test_the_newest_is_first_whatever_it_is(alice):
    make_call(alice, "second", started_at=datetime(2026, 11, 3, 15, 0))
    make_ticket(alice, "third", at=datetime(2026, 11, 3, 16, 0))
    make_payment(alice, received_on=date(2026, 11, 1), created_at=datetime(2026, 11, 2, 9, 0))

    assert kinds(alice) == ["message", "call", "payment"]


def test_a_business_day_stands_among_the_instants_of_that_day(alice):
    """An evening in Texas is the next day in Greenwich: a payment of that next day is newer all the same."""
    make_call(alice, "evening of the 2nd", started_at=datetime(2026, 11, 3, 3, 0))
    make_payment(alice, received_on=date(2026, 11, 3), created_at=datetime(2026, 11, 9, 9, 0))

    assert kinds(alice) == ["payment", "call"]
    assert [entry.is_day for entry in timeline.page(alice).entries] == [True, False]


def test_it_says_that_a_message_came_back_and_that_one_was_opened(alice):
    invoice = factories.make_invoice(alice)
    back = make_notice(
        alice, state="sent", subject="S", sent_at=NOW, bounced_at=NOW, bounce_text="No such box"
    )
    link = models.Link.create(purpose="pay", token_hash="h", customer=alice, invoice=invoice, created_at=NOW,
                              expires_at=NOW, carried_by=back)  # fmt: skip
    sightings.note("invoice", customer=alice, today=NOW.date(), now=NOW, browser="Safari", link=link,
                   invoices=[invoice])  # fmt: skip

    [entry] = [entry for entry in timeline.page(alice).entries if entry.kind == "notice"]

    assert entry.states == ("came back", "opened")
    assert "No such box" in entry.text


# --- Searching -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("keypad", ["message"]),
        ("KEYPADS", ["message"]),
        ("visit", ["call"]),
        ("mornings", ["note"]),
        ("thanks", ["inbound"]),
        ("wait credit", ["credit"]),
        ("invoice 10001", ["invoice"]),
        ("for the wait", ["credit"]),
        ("vacation", ["event"]),
        ("5.00", ["credit"]),
        ("$5", ["credit"]),
        ("reminder", ["notice"]),
    ],
)
def test_searching_within_finds(life, text, wanted):
    assert kinds(life, text=text) == wanted


@pytest.mark.parametrize(
    "text", ["%", "_", "'", '"', "🙂", "a" * 10_000, "\x00", "!", "\ud800", "$", "((", "-"]
)
def test_odd_words_are_no_mistake(life, text):
    assert len(kinds(life, text=text)) <= 20


@pytest.mark.parametrize(
    "before", ["x", "2026-13-99", "~", "a~b~c", "2026-11-03T00:00:00~1~99999999999", "9999-12-31", "~" * 50]
)
def test_a_made_up_place_shows_a_page(life, before):
    timeline.page(life, before=before)


def test_a_day_shows_what_was_up_to_its_end(alice):
    for day in (1, 2, 3):
        make_call(alice, str(day), started_at=datetime(2026, 11, day, 23, 0))

    assert [entry.text for entry in timeline.page(alice, before="2026-11-02").entries] == ["2", "1"]


# --- Many entries ----------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_repetition(life):
    for number in range(40):
        make_call(life, f"call {number}", started_at=NOW - timedelta(minutes=number // 3))
    whole = [(entry.kind, entry.row.id) for entry in timeline.page(life, most=200).entries]
    seen, before = [], ""
    while True:
        page = timeline.page(life, before=before, most=7)
        seen += [(entry.kind, entry.row.id) for entry in page.entries]
        before = page.older
        if not before:
            break

    assert seen == whole
    assert len(seen) == len(set(seen)) >= 54


def test_many_entries_ask_the_database_as_often_as_few(app, life):
    desk = office.enter(app)
    path = f"/staff/customer/{life.id}/timeline"
    few = len(asked(lambda: desk.get(path).status_code))
    for number in range(60):
        make_call(life, "c", started_at=NOW - timedelta(days=number))
        make_note(life, "n")
        make_ticket(life, "m")
        make_notice(life, state="sent", subject="S", sent_at=NOW)

    assert len(asked(lambda: desk.get(path).status_code)) <= few
    assert few <= 30


# --- The page --------------------------------------------------------------------------------------


def test_the_page_shows_days_people_and_ways_to_the_thing(app, alice):
    staff = office.make_staff("support", email="sam@lantern.example")
    ticket = tickets.open(alice, subject="Beeping", body="It beeps", by="t", now=NOW)
    make_note(alice, "prefers mornings")
    desk = office.enter(app, row=staff)

    page = desk.get(f"/staff/customer/{alice.id}/timeline")
    text = office.text_of(page)

    assert page.status_code == 200
    assert "newest first Today 12:00 pm" in text
    assert "by Sam Support" in text
    message = Message.get(Message.ticket == ticket)
    assert f'href="/staff/ticket/{ticket.id}#message-{message.id}"' in page.text


def test_the_page_keeps_filter_and_words_on_its_way_to_older_entries(app, alice):
    for number in range(60):
        make_call(alice, f"siren {number}", started_at=NOW - timedelta(days=number))
    desk = office.enter(app)

    page = desk.get(f"/staff/customer/{alice.id}/timeline", show="calls", q="siren")

    assert "show=calls&amp;q=siren&amp;before=" in page.text
    assert 'aria-current="true">Calls<' in page.text
    assert "siren 59" not in page.text


def test_a_page_without_anything_says_so(app, bob):
    desk = office.enter(app)

    assert "Nothing has happened yet" in desk.get(f"/staff/customer/{bob.id}/timeline").text
    assert "Nothing fits" in desk.get(f"/staff/customer/{bob.id}/timeline", q="zebra").text
    assert desk.get("/staff/customer/999999/timeline").status_code == 404


def test_what_stands_in_a_message_is_no_markup(app, alice):
    make_ticket(alice, "<script>alert(1)</script>", subject="<b>x")
    desk = office.enter(app)

    page = desk.get(f"/staff/customer/{alice.id}/timeline").text

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_note_and_next_step_of_a_call_are_sentences(alice):
    make_call(alice, "Asked for the technician.", next_step="Call back on Tuesday")

    (entry,) = timeline.page(alice, group="calls").entries
    assert entry.text == "Asked for the technician. Call back on Tuesday"
