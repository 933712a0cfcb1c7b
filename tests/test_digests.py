"""The monthly summary: on the day that was chosen, once, with what was billed and paid."""

from datetime import date, timedelta

import pytest

from billing import digests, payments, preferences
from billing.edges.letters import composer
from billing.preferences.offers import Wish
from models import Contact, Notice
from tests.factories import BY, LATE_EVENING, NOW, make_invoice, payer


def want(customer, day=5, *, now=NOW):
    changes = {("digest", "mail"): Wish("digest", 0, day)}
    preferences.choose(payer(customer), changes, by=BY, via="page", now=now)


def queued():
    return [notice.key.rpartition(":")[2] for notice in Notice.select().order_by(Notice.id)]


def test_it_comes_once_a_month_on_the_chosen_day(alice, bob):
    want(alice)
    day = date(2026, 12, 1)
    while day < date(2027, 3, 1):
        digests.queue_due(day, now=NOW)
        digests.queue_due(day, now=NOW)
        day += timedelta(days=1)

    assert queued() == ["2026-12-05", "2027-01-05", "2027-02-05"]
    assert {notice.contact_id for notice in Notice.select()} == {payer(alice).id}


@pytest.mark.parametrize(("runs_on", "keys"), [(9, ["2026-12-05"]), (10, [])])
def test_a_job_that_rested_makes_up_for_it_for_some_days(alice, runs_on, keys):
    want(alice)

    assert digests.queue_due(date(2026, 12, runs_on), now=NOW) == len(keys)
    assert queued() == keys


def test_nothing_is_made_up_for_from_before_it_was_wanted(alice):
    want(alice, 30 - 2, now=NOW)  # on December 1, the 28th

    assert digests.queue_due(date(2026, 12, 1), now=NOW) == 0


def test_what_was_wanted_late_in_the_evening_was_wanted_on_that_day(alice):
    want(alice, 1, now=LATE_EVENING)

    assert digests.queue_due(date(2026, 12, 1), now=LATE_EVENING) == 1


def test_it_ends_when_it_is_given_up_or_nobody_is_there(alice):
    want(alice)
    preferences.stop(payer(alice), "digest", "mail", by=BY, via="one_click", now=NOW)
    assert digests.queue_due(date(2026, 12, 5), now=NOW) == 0

    want(alice)
    Contact.update(left_on=date(2026, 12, 2)).execute()
    assert digests.queue_due(date(2026, 12, 5), now=NOW) == 0


def test_what_was_billed_and_paid_adds_up(alice):
    make_invoice(alice, cents=4250, issued=date(2026, 10, 1), due=date(2026, 10, 15))
    make_invoice(alice, cents=3000, issued=date(2026, 11, 10), due=date(2026, 11, 25))
    told = {"by": BY, "today": date(2026, 11, 20), "now": NOW}
    payments.record(alice, amount_cents=4250, kind="check", received_on=date(2026, 11, 20), key="k", **told)
    make_invoice(alice, cents=900, issued=date(2026, 12, 5), due=date(2026, 12, 20))

    told = digests.of_customer(alice, to_on=date(2026, 12, 4), today=date(2026, 12, 5))

    assert (told.from_on, told.to_on) == (date(2026, 11, 5), date(2026, 12, 4))
    assert [(entry.text, entry.amount_cents) for entry in told.entries] == [
        ("Invoice 10002", 3000), ("Payment, Check", -4250),
    ]  # fmt: skip
    assert (told.before_cents, told.after_cents, told.open_cents) == (4250, 3000, 3900)


def test_the_mail_says_it(app, db, alice, clock):
    want(alice, 1)
    make_invoice(alice, cents=4250, issued=date(2026, 11, 10), due=date(2026, 12, 25))
    digests.queue_due(clock.today(), now=clock.now())
    letter = composer(app)(Notice.get(), clock.now())

    assert letter.subject == "Lantern Security: your summary of November 1–30, 2026"
    for words in ("November 10, 2026", "Invoice 10001", "$42.50", "the next due December 25, 2026"):
        assert words in letter.text
    assert letter.event == "digest" and letter.preferences_url
