"""What will happen now: each sentence of the page of wishes beside what the daily steps then really do.

Every event, channel and timing that can be chosen is one customer of its own; the clock moves for all of them
at once. A sentence may not promise what does not come, nor leave out what will.
"""

import re
from datetime import date, datetime, timedelta

import pytest

from billing import bill, calendars, digests, foretold, notices, outlook, preferences, reminding, words
from billing.automatic import autopay, texting
from billing.notices import bouncing
from billing.plans import agreeing, keeping
from billing.preferences import offers
from billing.tickets import talking
from billing.wording import finished, tongues
from models import Autopay, Consent, Contact, Customer, Dispute, Notice, PlannedCharge, Preference
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_item,
    make_method,
    payer,
)

MAIL, TEXT, PAPER, CALENDAR = Preference.CHANNELS
NUMBER = "+15125550100"
MUST = (Preference.INVOICE, Preference.UPCOMING_CHARGE, Preference.PAYMENT_PROBLEM)
PLEASANT = {Notice.PROMISE, Notice.CHARGE_POSTPONED}  # they chose it themselves, at our page
KINDS_THAT_MUST = sorted({kind for kind, event in preferences.EVENT_OF.items() if event in MUST} - PLEASANT)
TODAY = date(2026, 12, 1)
BY_WORDS = {words: channel for channel, words in offers.BY.items()}
SAID = re.compile(r"(by email|by text|on paper)(?: on)? ((?:[A-Z]\w+ \d+, \d{4}|today|, | and (?=[A-Z]))+)")


def told_of(contact, *, today=TODAY, now=NOW):
    """The sentences for a contact, as the page of wishes asks for them."""
    contact = Contact.get_by_id(contact.id)
    return foretold.story(ahead_of(contact, today=today, now=now))


def ahead_of(contact, *, today=TODAY, now=NOW):
    _, wishes = preferences.standing(contact)
    return outlook.ahead(contact, wishes, autopay.standing(contact.customer), today=today, now=now)


def promised(sentences, today=TODAY):
    """{(kind, channel, day)} of every day on which these sentences say that something is sent."""
    return {one for sentence in sentences for one in _promised(sentence, today)}


def _promised(sentence, today):
    for part in sentence.split(". "):
        kind = next((kind for words, kind in KINDS.items() if words in part), None)
        for way, days in SAID.findall(part) if kind else ():
            for day in re.findall(r"[A-Z]\w+ \d+, \d{4}|today", days):
                on = today if day == "today" else datetime.strptime(day, "%B %d, %Y").date()
                yield kind, BY_WORDS[way], on
    if found := re.search(r"Your next invoice, \S+ comes on (\w+ \d+, \d{4}) (.+?), and is ", sentence):
        for way in re.findall("|".join(BY_WORDS), found[2]):
            yield Notice.INVOICE, BY_WORDS[way], datetime.strptime(found[1], "%B %d, %Y").date()
    if found := re.search(r"comes by email, next on (\w+ \d+, \d{4})", sentence):
        yield Notice.DIGEST, MAIL, datetime.strptime(found[1], "%B %d, %Y").date()


KINDS = {
    "We remind you": Notice.REMINDER, "We tell you": Notice.UPCOMING_CHARGE, "It comes": Notice.INVOICE,
}  # fmt: skip


def live(until, *, since=TODAY, at=NOW):
    """Every daily run up to ``until``, without a processor: {contact id: {(kind, channel, day)}}."""
    sent, day = {}, since
    while day <= until:
        now = at + (day - since)
        before = Notice.select().count()
        bill.run(day, by=BY, now=now)
        autopay.plan_due(day, now=now)
        autopay.tell_due(day, now=now)
        texting.queue_due(day, now=now)
        keeping.run(day, now=now, by=BY)
        reminding.queue_reminders(day, now=now)
        digests.queue_due(day, now=now)
        new = Notice.select(Notice.contact, Notice.kind, Notice.channel).order_by(Notice.id).offset(before)
        for contact, kind, channel in new.tuples():
            sent.setdefault(contact, set()).add((kind, channel, day))
        day += timedelta(days=1)
    return sent


def customer_with(chosen, *, number="", email="ann@example.com", **fields):
    """A payer who chose {(event, channel): Wish}."""
    customer = make_customer(email=email, **fields)
    person = payer(customer)
    if number:
        Contact.update(phone=number).where(Contact.id == person.id).execute()
        Consent.create(
            contact=person, kind=Consent.TEXT, address_or_number=number, wording="x", version="1",
            source=Consent.PAGE, given_at=NOW, by=BY,
        )  # fmt: skip
    for (event, channel), wish in chosen.items():
        Preference.create(
            contact=person, event=event, channel=channel, timing=wish.timing, days_ahead=wish.days,
            digest_day=wish.day, changed_at=NOW,
        )  # fmt: skip
    return person


def billed_on(customer, day, cents=3000):
    item = make_item("Fire monitoring")
    make_charge(make_contract(customer), cents=cents, starts_on=day, anchor_day=day.day, item=item)


# --- What comes by its day -----------------------------------------------------------------------


DATED = (Preference.INVOICE, Preference.REMINDER, Preference.DIGEST)
SOME_DAYS = (None, 0, 1, 2, 3, 7, 15, 28, 30)
CHOICES = [
    {(event, channel): wish}
    for event in DATED
    for channel in offers.OFFERED[event]
    for wish in offers.options(event, channel, offers.NOT)
    if channel != CALENDAR and wish.days in SOME_DAYS and wish.day in SOME_DAYS
]
TWO_AT_ONCE = [
    {(Preference.REMINDER, MAIL): offers.before(7), (Preference.REMINDER, TEXT): offers.before(0)},
    {(Preference.INVOICE, MAIL): offers.NOT, (Preference.INVOICE, PAPER): offers.Wish(offers.UNPAID, 7)},
    {(Preference.INVOICE, MAIL): offers.Wish(offers.UNPAID, 3), (Preference.REMINDER, MAIL): offers.NOT},
]


def test_every_choice_of_what_comes_by_its_day_is_said_and_kept(db):
    """Each choice beside an invoice that is open and one to come, of somebody who pays neither."""
    people = {}
    for chosen in [*CHOICES, *TWO_AT_ONCE]:
        person = customer_with(chosen, number=NUMBER)
        make_invoice(person.customer, due=date(2026, 12, 16), issued=date(2026, 11, 30))
        billed_on(person.customer, date(2026, 12, 20))
        people[person.id] = chosen, promised(told_of(person))
    sent = live(date(2027, 1, 4))

    assert Customer.select().count() == len(people) > 35
    assert {
        str(chosen): (said ^ first(sent.get(id, set())))
        for id, (chosen, said) in people.items()
        if said != first(sent.get(id, set()))
    } == {}


def first(sent):
    """Of what comes again and again, the first; of what is past due nothing is foretold."""
    digest = sorted(one for one in sent if one[0] == Notice.DIGEST)[1:]
    return {one for one in sent if one not in digest and one[0] not in (Notice.OVERDUE, Notice.CHECK_IN)}


@pytest.mark.parametrize("ran", [False, True])
def test_what_was_said_today_is_not_promised_again(db, ran):
    """The page may be opened before the daily run of its day or after it."""
    person = customer_with({("reminder", MAIL): offers.before(0)})
    invoice = make_invoice(person.customer, due=TODAY, issued=date(2026, 11, 1))
    if ran:
        live(TODAY)

    sentence = told_of(person)[0]

    told = (
        "It needs no further reminder." if ran else "We remind you by email today, unless it is paid by then."
    )
    assert sentence == f"Invoice {invoice.number} for $42.50 is due December 1, 2026. {told}"


def test_of_many_open_invoices_the_first_are_named_and_the_rest_is_counted(db):
    person = customer_with({})
    for day in (10, 12, 14, 16, 18):
        make_invoice(person.customer, due=date(2026, 12, day))

    assert "2 more invoices are open, and due later." in told_of(person)


# --- What autopay charges ------------------------------------------------------------------------


TELL_DAYS = (None, 1, 14)
METHODS = (("card", None), ("bank", None), ("bank", 9_000))
TEXTS = (offers.NOT, offers.before(0), offers.before(21))
AGREED = [(days, *method, text) for days in TELL_DAYS for method in METHODS for text in TEXTS]


def paid_by_itself(tell_days, kind, cap_cents, text, **about):
    person = customer_with({("upcoming_charge", TEXT): text}, number=NUMBER, **about)
    method = make_method(person.customer, kind=kind, label="Visa ending 4242")
    Autopay.create(
        customer=person.customer, method=method, timing=Autopay.DUE_DATE, days_before=0, text="x",
        text_version="1", agreed_at=NOW, agreed_from="", agreed_by="tests", tell_days=tell_days,
        cap_cents=cap_cents,
    )  # fmt: skip
    return person


@pytest.mark.parametrize("billed", [False, True])
def test_every_way_of_being_told_of_a_charge_is_said_and_kept(db, billed):
    """Of an invoice that is open, and of one to come: the day of the charge, and each message before it."""
    people = {}
    for agreed in AGREED:
        person = paid_by_itself(*agreed)
        if billed:
            make_invoice(person.customer, due=date(2026, 12, 17), issued=date(2026, 11, 30))
        else:
            billed_on(person.customer, date(2026, 12, 4))
        people[person.id] = agreed, person
    if billed:
        live(TODAY)
    since = TODAY + timedelta(days=billed)
    said = {
        id: told_of(person, today=since, now=NOW + timedelta(days=billed))
        for id, (_, person) in people.items()
    }
    sent = live(date(2026, 12, 19), since=since, at=NOW + timedelta(days=billed))

    found = {}
    for id, (agreed, person) in people.items():
        day = charge_day(person)
        done = {one for one in sent.get(id, ()) if one[2] <= day}
        if promised(said[id]) != done or f"{day:%B} {day.day}, {day.year}" not in " ".join(said[id]):
            found[str(agreed)] = said[id][0], promised(said[id]) ^ done, day
    assert len(people) == len(AGREED) == 27
    assert found == {}


def charge_day(person):
    planned = PlannedCharge.select().where(PlannedCharge.customer == person.customer_id)
    return planned.get().charge_on


def test_who_has_no_address_is_told_by_letter_and_charged_only_after_it(db):
    person = paid_by_itself(7, "card", None, offers.NOT, email="")
    make_invoice(person.customer, due=date(2026, 12, 15))
    live(TODAY)

    assert told_of(person)[0].endswith("You need not do anything. " + foretold.LETTER)


def test_who_has_no_address_hears_nothing_of_a_charge_that_somebody_else_is_told_of(db):
    """The letter goes only where nobody of the account reads mail; the page once promised one to each."""
    person = paid_by_itself(7, "card", None, offers.NOT)
    other = Contact.create(customer=person.customer, name="Al Archer", email="")
    make_invoice(person.customer, due=date(2026, 12, 15))
    live(TODAY)

    assert not preferences.wishes(other).channels("upcoming_charge")
    assert promised(told_of(other)[:1]) == set()
    assert promised(told_of(person)[:1]) == {("upcoming_charge", MAIL, date(2026, 12, 8))}
    sent = live(date(2026, 12, 14), since=date(2026, 12, 2), at=NOW + timedelta(days=1))
    assert sent == {person.id: {("upcoming_charge", MAIL, date(2026, 12, 8))}}


def test_what_is_above_the_limit_is_not_promised_to_be_charged(db):
    person = paid_by_itself(None, "card", 2_000, offers.NOT)
    billed_on(person.customer, date(2026, 12, 4))

    said = told_of(person)[0]

    assert "is charged" not in said
    assert "That is above the $20.00 that you set for autopay, so it is yours to pay." in said


# --- What comes when it happens ------------------------------------------------------------------


def test_what_comes_when_it_happens_is_said_for_every_way(db):
    """The ways of a receipt, a problem, a new price and an answer are those by which they are queued."""
    for wanted in ({MAIL}, {MAIL, TEXT}, {PAPER}, {MAIL, PAPER, TEXT}):
        cells = {
            (event, channel): offers.ALWAYS if channel in wanted else offers.NOT
            for event in SUDDEN
            for channel in (MAIL, TEXT, PAPER)
            if channel in offers.OFFERED[event]
        }
        person = customer_with(cells, number=NUMBER)
        said = " ".join(told_of(person))

        for event, (sentence, kind) in SUDDEN.items():
            told = notices.tell(person, kind, event=event, step_key=kind, why="x", now=NOW, today=TODAY)
            by = [offers.BY[one] for one in Preference.CHANNELS if one in {row.channel for row in told}]
            assert f"{sentence} {words.joined(by)}." in said, (wanted, event)


SUDDEN = {
    "receipt": ("A receipt follows every payment", Notice.RECEIPT),
    "payment_problem": ("If a payment fails, we tell you", Notice.PAYMENT_PROBLEM),
    "price_change": ("A new price is told in time", Notice.PRICE_CHANGE),
    "ticket_reply": ("Answers to what you ask come", Notice.TICKET_REPLY),
}


def test_a_calendar_that_was_chosen_is_said_to_need_an_address_until_it_has_one(db):
    person = customer_with({("invoice", CALENDAR): offers.ALWAYS, ("contract_end", CALENDAR): offers.ALWAYS})
    assert "it needs an address first" in told_of(person)[-1]

    shows = {"invoice", "contract_end"}
    calendars.open_one(person, shows=shows, by=BY, via="page", now=NOW)

    assert told_of(person)[-1] == (
        "Due dates stand in your calendar. Ends of agreements stand in your calendar."
    )


# --- What stands in the way ----------------------------------------------------------------------


def test_while_mail_comes_back_nothing_is_promised_by_mail(db):
    person = customer_with({("digest", MAIL): offers.Wish("digest", 0, 5)}, number=NUMBER)
    make_invoice(person.customer)
    Contact.update(bounced_at=NOW).where(Contact.id == person.id).execute()

    said = told_of(person)

    assert said[0].startswith("Email to ann@example.com comes back to us.")
    assert [one for one in said if "by email" in one.replace("by email or on paper as the law", "")] == []
    assert promised(said) == {(Notice.REMINDER, TEXT, date(2026, 12, 15))}


@pytest.mark.parametrize("kind", KINDS_THAT_MUST)
def test_what_is_promised_on_paper_while_mail_comes_back_goes_on_paper(db, kind):
    """Of a charge that was declined nobody heard whose mail came back, and the page said that they would."""
    person = customer_with({})
    notices.queue(kind, key="x", customer=person.customer, contact=person, why="x", now=NOW)

    bouncing.came_back(Notice.get(), code="5.1.1", text="no such mailbox", now=NOW)

    paper = Notice.get(Notice.channel == Notice.PAPER)
    assert (paper.kind, paper.contact) == (kind, person)
    Notice.update(state=Notice.PRINT, claimed_at=NOW).where(Notice.id == paper.id).execute()
    assert preferences.judge(fresh(paper)) == ""


def test_no_reminder_is_promised_while_somebody_waits_for_our_answer(db):
    person = customer_with({})
    invoice = make_invoice(person.customer)
    asked = {"subject": "A question", "body": "What is this?", "contact": person, "invoice": invoice}
    talking.open(person.customer, by=BY, now=NOW, **asked)

    assert told_of(person)[0].endswith("For now we send no reminder of it.")
    assert not any(one[0] == Notice.REMINDER for one in live(date(2026, 12, 15)).get(person.id, ()))


@pytest.mark.parametrize("ahead", [1, 3, 10])
def test_the_next_payment_of_a_plan_is_said_and_reminded_of_as_any(db, ahead):
    person = customer_with({("reminder", MAIL): offers.before(ahead)})
    make_invoice(person.customer, cents=30_000, due=date(2026, 12, 10), issued=date(2026, 11, 25))
    wish = agreeing.Wish(3, date(2026, 12, 14))
    offered = agreeing.offer(person.customer, wish, today=TODAY)
    signature = agreeing.Signature(name="Ann Archer", key="k" * 32, by=BY, ip="", contact=person)
    agreeing.sign(person.customer, wish, signature, shown=offered.sha256, today=TODAY, now=NOW)

    [sentence] = [one for one in told_of(person) if one.startswith("Payment ")]

    sent = live(date(2027, 1, 5))[person.id]
    reminders = {one for one in sent if one[0] == Notice.REMINDER}
    assert promised([sentence]) == {min(reminders, key=lambda one: one[2])}, sentence


def test_what_is_owed_after_all_later_than_its_plan_is_said_on_its_own_day(db):
    """A decision after the plan gave all of the invoice a day of its own: no payment of the plan is left."""
    person = customer_with({})
    invoice = make_invoice(person.customer, cents=30_000, due=date(2026, 12, 10), issued=date(2026, 11, 25))
    wish = agreeing.Wish(3, date(2026, 12, 14))
    offered = agreeing.offer(person.customer, wish, today=TODAY)
    signature = agreeing.Signature(name="Ann Archer", key="k" * 32, by=BY, ip="", contact=person)
    agreeing.sign(person.customer, wish, signature, shown=offered.sha256, today=TODAY, now=NOW)
    Dispute.create(
        customer=person.customer, invoice=invoice, amount_cents=30_000, reason="other", words="Why?", by=BY,
        via="staff", state=Dispute.REJECTED, opened_on=TODAY, opened_at=NOW, answer_by_on=TODAY,
        decided_at=NOW + timedelta(hours=1), due_again_on=date(2027, 3, 1),
    )  # fmt: skip

    assert f"Invoice {invoice.number}" in told_of(person)[0] and "March 1, 2027" in told_of(person)[0]


# --- First things first, and in Spanish ----------------------------------------------------------


def test_what_is_past_due_is_told_first(db):
    """The page of wishes once spoke of everything but of what was open for months."""
    person = customer_with({})
    first = make_invoice(person.customer, cents=4250, due=TODAY - timedelta(days=9))
    one = told_of(person)[0]
    make_invoice(person.customer, cents=1000, due=TODAY - timedelta(days=3))
    two = told_of(person)[0]

    due = words.date(TODAY - timedelta(days=9))
    assert one == (
        f"Invoice {first.number}: $42.50 was due {due} and is still open. Pay it, or tell us what would fit."
    )
    assert two.startswith("$52.50 on 2 invoices was due before today and is still open.")


def test_every_sentence_is_said_in_spanish_with_its_dates(db):
    """For each choice: a page that says these sentences is said whole, and names the same days."""
    spanish, said = tongues.TONGUES["es"], set()
    people = [customer_with(chosen, number=NUMBER) for chosen in [*CHOICES, *TWO_AT_ONCE]]
    people += [paid_by_itself(*agreed) for agreed in AGREED]
    for person in people:
        make_invoice(person.customer, due=date(2026, 12, 16))
        billed_on(person.customer, date(2026, 12, 20))
        said.update(told_of(person))
        wishes = preferences.wishes(person)
        said.update(what for _, what in foretold.timeline(ahead_of(person), wishes))
    for sentence in said:
        page = f'<html lang="en-US"><body><p>{sentence}</p></body></html>'
        told = finished.spoken(page, spanish, frozenset())  # raises NotWhole for one that is not known
        assert days_in(told) == days_in(spanish.dates(sentence)), told


def days_in(text):
    return re.findall(r"\d+", text)
