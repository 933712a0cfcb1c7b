"""The first page of the back office: what waits, worst first; and what a new company does first."""

import html
import re
from datetime import datetime, timedelta

import pytest

from billing import queues, tickets, words
from models import Chargeback, Company, Dispute, Item, Notice, Payment
from tests import factories
from tests.conftest import TODAY
from tests.factories import NOW
from tests.office import enter, make_staff, text_of
from tests.test_page_queries import asked

DAY = timedelta(days=1)


@pytest.fixture
def olga(db):
    return make_staff("owner")


def waiting(staff, *, today=TODAY, now=NOW):
    """[(band, queue)] in which something waits, in their order."""
    groups = queues.groups(staff, today=today, now=now)
    return [(group.title, queue) for group in groups for queue in group.waiting]


def of(staff, label):
    return next(queue for _, queue in waiting(staff) if queue.label == label)


def in_doubt(customer, cents, on):
    at = datetime.combine(on, NOW.time())
    return Payment.create(
        customer=customer, reference=f"PL{cents}", key=str(cents), state="in_doubt", kind="card",
        amount_cents=cents, received_on=on, created_at=at,
    )  # fmt: skip


# --- Order ---------------------------------------------------------------------------------------


def test_what_gets_worse_by_waiting_stands_before_people_and_these_before_the_rest(olga, alice, bob):
    factories.make_invoice(bob, due=TODAY - 90 * DAY, issued=TODAY - 120 * DAY)
    tickets.open(alice, subject="Beeping", body="It beeps.", by="customer", now=NOW)
    in_doubt(alice, 4200, TODAY)

    told = [(band, queue.label) for band, queue in waiting(olga)]

    assert told == [
        ("Before anything else", "Payments in doubt"),
        ("People who wait for us", "Tickets waiting on us"),
        ("Then", "Needs a person"),
    ]


def test_a_payment_waits_for_a_person_once_it_is_three_days_old_and_stands_in_one_queue(olga, alice):
    in_doubt(alice, 4200, TODAY - 2 * DAY)
    in_doubt(alice, 1100, TODAY - 3 * DAY)

    assert [(queue.label, queue.cents) for _, queue in waiting(olga)] == [
        ("Payments to decide", 1100), ("Payments in doubt", 4200),
    ]  # fmt: skip


# --- Number, money, age --------------------------------------------------------------------------


def test_a_queue_tells_how_many_how_much_and_since_when(olga, alice):
    in_doubt(alice, 4200, TODAY - 2 * DAY)
    in_doubt(alice, 100, TODAY - DAY)

    queue = of(olga, "Payments in doubt")

    assert (queue.count_words, queue.cents, queue.urgent) == ("2", 4300, True)
    assert queue.age == "oldest 2\N{NO-BREAK SPACE}days"  # on a phone the number stays with its word


@pytest.mark.parametrize(
    ("since", "said"),
    [(timedelta(minutes=5), "1 hour"), (timedelta(hours=7), "7 hours"), (timedelta(days=3), "3 days")],
)
def test_a_wait_is_said_in_hours_and_later_in_days(olga, alice, since, said):
    tickets.open(alice, subject="Beeping", body="It beeps.", by="customer", now=NOW - since)

    assert of(olga, "Tickets waiting on us").age == words.unbroken(said)


@pytest.mark.parametrize(
    ("by", "said"), [(TODAY + 7 * DAY, "by Dec 8, 2026"), (TODAY - DAY, "was due Nov 30, 2026")]
)
def test_what_has_a_last_day_says_it_and_not_its_age(olga, alice, by, said):
    payment = in_doubt(alice, 4200, TODAY)
    Chargeback.create(
        payment=payment, customer=alice, amount_cents=4200, opened_on=TODAY, answer_by_on=by, by="t",
        created_at=NOW,
    )  # fmt: skip

    assert of(olga, "Chargebacks to answer").age == said


def test_a_dispute_is_urgent_from_the_day_on_which_we_promised_an_answer(olga, alice):
    about = {"key": "d", "amount_cents": 100, "reason": "other", "words": "No", "by": "t", "via": "portal"}
    Dispute.create(
        customer=alice, invoice=factories.make_invoice(alice), opened_on=TODAY - 31 * DAY, opened_at=NOW,
        answer_by_on=TODAY - DAY, **about,
    )  # fmt: skip

    assert of(olga, "Disputes to decide").urgent


def test_of_a_thousand_and_more_nobody_counts_the_rest(olga, alice, monkeypatch):
    monkeypatch.setattr(queues, "MOST", 3)
    for cents in range(1, 8):
        in_doubt(alice, cents, TODAY)

    queue = of(olga, "Payments in doubt")

    assert (queue.count_words, queue.age) == ("3+", "")


def test_mail_that_nobody_sends_is_told_after_an_hour(olga, alice):
    Company.update(live_on=TODAY).execute()
    mail = {"kind": "receipt", "channel": "mail", "state": "queued", "customer": alice, "why": "w"}
    Notice.create(key="old", send_at=NOW - timedelta(minutes=61), created_at=NOW, **mail)
    Notice.create(key="new", send_at=NOW - timedelta(minutes=59), created_at=NOW, **mail)

    assert of(olga, "Messages that do not leave").count == 1
    Company.update(live_on=None).execute()
    assert waiting(olga) == []


def test_no_message_waits_unseen_that_is_refused_every_hour_or_was_left_half_way(olga, alice):
    hour, mail = timedelta(hours=1), {"channel": "mail", "customer": alice, "why": "w", "kind": "receipt"}
    why = f"{queues.REFUSED}: this customer waits for our answer"
    for key, begun_at in (("old", NOW - hour), ("new", NOW - hour / 2)):
        refused = {"state": "queued", "send_at": NOW + hour / 2, "reason": why}
        Notice.create(key=f"refused {key}", created_at=begun_at, **refused, **mail)
        taken = {"state": "sending", "send_at": begun_at, "claimed_at": begun_at}
        Notice.create(key=f"taken {key}", created_at=begun_at, **taken, **mail)
    Notice.create(
        key="busy", created_at=NOW - hour, state="queued", send_at=NOW + hour, reason="Busy (451).", **mail
    )

    told = [(band, queue.label, queue.count) for band, queue in waiting(olga)]

    assert told == [
        ("Before anything else", "Messages that are refused", 1),
        ("Before anything else", "Messages left half way", 1),
    ]


# --- The page ------------------------------------------------------------------------------------


def test_every_queue_and_every_number_leads_to_a_page(app, alice):
    desk = enter(app)
    main = desk.get("/staff/").text.partition("<main")[2]
    links = {html.unescape(link) for link in re.findall(r'href="(/staff/[^"#]+)', main)}

    assert len(links) > 40
    assert {desk.get(link).status_code for link in links} == {200}


def test_all_queues_are_asked_for_at_once(olga, db):
    def look():
        waiting(olga)
        return 200

    assert len(asked(look)) <= 6  # the company, its steps of reminding, autopay's last day, and all of them


# --- A new company -------------------------------------------------------------------------------


def test_a_new_company_reads_what_to_do_next_in_order(app, db):
    Company.update(live_on=None).execute()
    desk = enter(app)

    before = desk.get("/staff/")
    Item.create(code="MON", name="Monitoring")
    after = desk.get("/staff/")

    assert "Before customers hear from you" in text_of(before)
    assert done(after) - done(before) == {"Say what you sell"}
    assert [named in text_of(before) for named in ("Start the clock", "Go live")] == [True, True]


def done(page):
    return set(re.findall(r">([^<]+)</(?:a|strong)> <span[^>]*>\(done\)", page.text))


def test_the_next_step_is_the_first_that_is_not_done(app, db):
    Company.update(live_on=None).execute()
    make_staff("billing")

    page = enter(app).get("/staff/").text

    assert page.partition('aria-current="step"')[2].partition("</li>")[0].count("Say what you sell") == 1


def test_a_live_company_and_who_cannot_set_it_up_read_nothing_of_it(app, db):
    Company.update(live_on=TODAY).execute()
    assert "Before customers hear from you" not in text_of(enter(app).get("/staff/"))
    Company.update(live_on=None).execute()
    assert "Before customers hear from you" not in text_of(enter(app, "support").get("/staff/"))
