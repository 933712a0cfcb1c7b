"""Personal mails: written from records, within what the sender may grant, read and signed one at a time."""

import re
from datetime import date, timedelta

import pytest
from peewee import IntegrityError

from admin import security
from billing import inbound, invoices, reminding, tickets
from billing.collections import verdicts
from billing.edges.clock import FixedClock
from billing.errors import BillingError, StaleState
from billing.personal import drafts, evidence, ways
from billing.wording import tongues
from models import (
    Approval,
    Call,
    Citation,
    Company,
    Contact,
    Credit,
    Customer,
    Event,
    Invoice,
    Notice,
    Offer,
    Payment,
    ServiceCredit,
    Staff,
    Ticket,
    Verdict,
)
from models import db as database
from tests import personal_mail
from tests.at_once import together
from tests.factories import BY, fresh, make_charge, make_contract, make_invoice, payer
from tests.office import enter, make_staff, text_of

DUE = date(2026, 12, 14)
TODAY = DUE + timedelta(days=20)
NOW = FixedClock(TODAY).now()
TOLD = {"today": TODAY, "now": NOW}
EARLIER = NOW - timedelta(days=8)


@pytest.fixture
def late(alice):
    return make_invoice(alice, due=DUE, issued=date(2026, 11, 24))


@pytest.fixture
def sam(db):
    return Staff.create(email="sam@example.com", name="Sam Porter", role=Staff.SUPPORT)


@pytest.fixture
def olga(db):
    return Staff.create(email="olga@example.com", name="Olga Owner", role=Staff.OWNER)


@pytest.fixture
def draft(alice, late):
    return drafts.begin(alice, by=BY, **TOLD)


def answered_ticket(alice, sam):
    ticket = tickets.open(alice, subject="No signal", body="x", by="Alice", now=EARLIER, contact=payer(alice))
    tickets.reply(ticket, body="Repaired.", staff=sam, by=BY, now=EARLIER + timedelta(hours=2))
    tickets.close(ticket, by=BY, now=EARLIER + timedelta(hours=3))
    return ticket


def read(draft, staff):
    return personal_mail.read(draft, staff, **TOLD)


def sign(draft, staff, **more):
    return personal_mail.sign(draft, staff, **TOLD, **more)


# --- Beginning -----------------------------------------------------------------------------------


def test_anybody_may_begin_one_for_a_customer_who_owes(alice, late):
    other = make_invoice(alice, due=DUE - timedelta(days=9))

    draft = drafts.begin(alice, by=BY, **TOLD)

    assert (draft.kind, draft.state, draft.invoice, draft.step) == ("check_in", "draft", other, None)
    assert drafts.begin(alice, by=BY, **TOLD) == draft  # the one that waits, not a second one
    assert Event.get(Event.what == "notice.begun").about_id == draft.id


def test_two_who_begin_at_once_begin_one(alice, late):
    given = together(3, lambda n: drafts.begin(alice, by=f"{BY}{n}", **TOLD).id)

    assert len(set(given)) == 1 and Notice.select().count() == 1


def test_nobody_is_written_to_who_owes_nothing_yet(alice):
    make_invoice(alice, due=TODAY + timedelta(days=3))

    with pytest.raises(BillingError, match="Nothing of Alice Archer is past due"):
        drafts.begin(alice, by=BY, **TOLD)


def test_nobody_is_written_to_whom_mail_does_not_reach(alice, late):
    Contact.update(bounced_at=NOW).execute()

    with pytest.raises(BillingError, match="Call them, or write a letter"):
        drafts.begin(alice, by=BY, **TOLD)


# --- What it is written from ---------------------------------------------------------------------


def test_it_tells_what_they_asked_and_what_we_did(draft, alice, sam):
    ticket = answered_ticket(alice, sam)
    invoices.goodwill(alice, amount_cents=300, reason="Sorry", by=BY, today=TODAY, now=EARLIER)
    Call.create(
        customer=alice, direction=Call.IN, outcome=Call.ANSWERED, started_at=EARLIER,
        note="asked when we come",
        by=BY, source="staff", source_id="1", logged_at=EARLIER,
    )  # fmt: skip

    known = read(draft, sam).evidence

    asked = [fact.sentence for fact in known.of(evidence.ASKED)]
    assert "They asked on December 26, 2026: “No signal”." in asked
    assert "They called on December 26, 2026 (answered): asked when we come" in asked
    did = [fact.sentence for fact in known.of(evidence.DID)]
    assert "Sam Porter answered “No signal” on December 26, 2026." in did
    assert any(sentence.startswith("$3.00 credit out of goodwill") for sentence in did)
    assert known.talk.ticket == ticket


def test_every_fact_is_a_record_that_exists(draft, alice, sam):
    answered_ticket(alice, sam)
    tables = {
        model._meta.table_name: model for model in (Ticket, Invoice, Verdict, Notice, Call, Credit, Payment)
    }

    for fact in read(draft, sam).evidence.facts:
        if fact.table in tables:
            assert tables[fact.table].get_or_none(tables[fact.table].id == fact.id), fact


def test_the_letter_speaks_of_what_was_asked_and_answered(draft, alice, sam):
    answered_ticket(alice, sam)

    words = read(draft, sam).words

    assert (
        "You asked us on December 26, 2026 about “No signal”, and we answered on December 26, 2026." in words
    )
    assert words.startswith("Hello Alice,") and "Sam Porter\nLantern Security" in words


def test_it_is_written_in_the_language_of_the_customer(draft, alice, sam):
    Customer.update(language="es").execute()
    answered_ticket(alice, sam)

    reading = read(fresh(draft), sam)

    assert reading.words.startswith("Hola, Alice:")
    assert f"venció el {tongues.of(fresh(alice)).date(DUE)}" in reading.words
    assert "El 26 de diciembre de 2026 nos preguntó por «No signal»" in reading.words
    assert not re.search(r"\b(Invoice|was due|Hello)\b", reading.words)
    assert all("Si " in way.says or "He " in way.says or "También" in way.says for way in reading.ways)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Verdict.NEVER_OPENED, "not sure that it ever reached you"),
        (Verdict.NEVER_DELIVERED, "I am sorry"),
        (Verdict.CANNOT_PAY, "we will find a way"),
        (Verdict.HABITUAL_LAG, "I am not worried"),
        (Verdict.UNKNOWN, "Is everything all right with it?"),
        (Verdict.WILL_NOT_PAY, "Is everything all right with it?"),
    ],
)
def test_the_reason_gives_the_tone(draft, alice, late, sam, code, said):
    verdicts.current(alice.id, **TOLD)
    Verdict.update(current=False).execute()
    Verdict.create(
        customer=alice, invoice=late, code=code, sentence="x", act="write", amount_cents=4250, due_on=DUE,
        since_on=DUE, judged_at=NOW,
    )  # fmt: skip

    words = read(draft, sam).words

    assert said in words
    assert not any(word in words.lower() for word in ("overdue", "past due", "debt", "final", "urgent"))


def test_what_was_read_is_kept_with_the_mail(draft, alice, sam):
    answered_ticket(alice, sam)
    known = read(draft, sam).evidence

    sign(draft, sam)

    kept = {(row.about_table, row.about_id, row.sentence) for row in Citation.select()}
    assert kept == {(fact.table, fact.id, fact.sentence) for fact in known.facts}
    with pytest.raises(IntegrityError):
        Citation.update(sentence="Something else").execute()


def test_what_has_changed_since_must_be_read_again(draft, alice, late, sam):
    reading = read(draft, sam)
    invoices.goodwill(alice, amount_cents=300, reason="Sorry", by=BY, **TOLD)

    changed = r"Since you read it: .* \$3.00 credit out of goodwill on January 3, 2027: Sorry\. Read"
    with pytest.raises(BillingError, match=changed):
        drafts.send(draft, words="Hi", seen=reading.seen, staff=sam, by=BY, **TOLD)

    assert fresh(draft).state == Notice.DRAFT
    sign(draft, sam)


def test_it_waits_while_they_wait_for_us(draft, alice, sam):
    tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)

    reading = read(draft, sam)

    assert reading.objection.startswith("They have been waiting for our answer")
    with pytest.raises(BillingError, match="They have been waiting for our answer"):
        sign(draft, sam)


def test_a_card_number_in_it_is_masked(draft, sam):
    sign(draft, sam, words="Your card 4111 1111 1111 1111 expired")

    assert "4111 1111" not in fresh(draft).words


# --- Ways out ------------------------------------------------------------------------------------


def kinds(draft, staff):
    return {way.kind for way in read(draft, staff).ways}


def test_another_date_and_goodwill_may_be_offered(draft, sam):
    assert {Offer.DATE, Offer.GOODWILL} <= kinds(draft, sam)


def test_goodwill_is_given_with_the_mail_and_said_in_it(draft, alice, late, sam):
    sign(draft, sam, words=None, granting={Offer.GOODWILL: 500, Offer.DATE: None})

    credit = Credit.get()
    assert (credit.amount_cents, credit.kind, fresh(late).open_cents) == (500, Credit.GOODWILL, 3750)
    assert {(row.kind, row.amount_cents, row.credit) for row in Offer.select()} == {
        (Offer.GOODWILL, 500, credit), (Offer.DATE, None, None),
    }  # fmt: skip
    words = fresh(draft).words
    assert "I have taken $5.00 off what you owe." in words
    assert words.index("I have taken") < words.index("Sam Porter")
    assert "choose it on the page that the link below opens" in words
    assert Notice.select().where(Notice.kind == Notice.CREDIT_GIVEN).count() == 0  # this mail says it


def test_what_is_above_the_limit_is_not_offered_and_not_given(draft, alice, late, sam, olga):
    Company.update(goodwill_support_cents=1000).execute()
    [way] = [way for way in read(draft, sam).ways if way.kind == Offer.GOODWILL]
    assert way.most_cents == 1000

    for cents in (1001, 0, -5, None):
        with pytest.raises(BillingError, match=r"Between \$0.01 and \$10.00"):
            sign(draft, sam, granting={Offer.GOODWILL: cents})
    assert (Credit.select().count(), fresh(draft).state) == (0, Notice.DRAFT)

    Company.update(goodwill_support_cents=0).execute()
    assert Offer.GOODWILL not in kinds(draft, sam)
    with pytest.raises(BillingError, match="You may not grant this"):
        sign(draft, sam, granting={Offer.GOODWILL: 1})
    assert [way.most_cents for way in read(draft, olga).ways if way.kind == Offer.GOODWILL] == [4249]


def test_two_ways_of_one_mail_are_not_more_together_than_one_may_give(draft, alice, sam):
    Company.update(goodwill_support_cents=1_000).execute()
    charge = make_charge(make_contract(alice))
    fault = tickets.open(alice, subject="Down", body="x", by="Alice", now=EARLIER, kind="service")
    tickets.reply(fault, body="Repaired.", staff=sam, by=BY, now=EARLIER)
    tickets.close(fault, by=BY, now=EARLIER)
    ServiceCredit.create(
        customer=alice, ticket=fault, charge=charge, from_on=DUE, to_on=DUE, days=1, of_days=31, cents=900,
        proposed_at=NOW,
    )  # fmt: skip

    with pytest.raises(BillingError, match="Together this is more than you may give alone"):
        sign(draft, sam, granting={Offer.SERVICE_CREDIT: None, Offer.GOODWILL: 1_000})

    assert (Credit.select().count(), Offer.select().count(), Approval.select().count()) == (0, 0, 0)


def test_nothing_is_given_when_the_mail_is_not_sent(draft, alice, late, sam):
    reading = read(draft, sam)
    tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)

    with pytest.raises(BillingError):
        drafts.send(
            draft, words="Hi", seen=reading.seen, granting={Offer.GOODWILL: 500}, staff=sam, by=BY, **TOLD
        )

    assert (Credit.select().count(), Offer.select().count()) == (0, 0)


def test_what_was_granted_is_not_granted_twice(draft, sam):
    sign(draft, sam, granting={Offer.GOODWILL: 500})
    with pytest.raises(StaleState):
        sign(draft, sam, granting={Offer.GOODWILL: 500})
    Notice.update(state=Notice.DRAFT).execute()  # it was held back and is read again

    assert Offer.GOODWILL not in kinds(fresh(draft), sam)
    assert Credit.select().count() == 1


def test_two_who_sign_at_once_grant_once(draft, sam):
    def act(n):
        return sign(Notice.get_by_id(draft.id), sam, granting={Offer.GOODWILL: 500})

    given = together(3, act)

    assert sum(not isinstance(one, Exception) for one in given) == 1
    assert (Credit.select().count(), Offer.select().count()) == (1, 1)


def test_who_only_reads_may_neither_grant_nor_send(draft, db):
    ray = Staff.create(email="ray@example.com", name="Ray", role=Staff.READ_ONLY)

    assert read(draft, ray).ways == ()
    with pytest.raises(BillingError, match="Your role may not"):
        sign(draft, ray)


def test_every_way_is_said_in_both_languages():
    assert set(ways.EN) == set(ways.ES) == set(Offer.WORDS)


# --- One at a time, and the answer comes back ------------------------------------------------------


def test_no_route_and_no_action_sends_two(app):
    """Neither a bulk action nor a page takes more than one draft."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "staff.personal":
            assert "<int:id>" in rule.rule
    view = next(view for view in app.extensions["admin"][0]._views if view.endpoint == "staff_notice")
    assert {action.name for action in view.actions} & {"read_draft", "send_draft"} == set()
    for action in view.actions:
        assert not action.bulk or "send" not in action.name or action.name == "send_again"
    assert "notice.read_draft" not in security.ACCESS


def test_signing_one_leaves_the_others(app, alice, bob, late, sam):
    make_invoice(bob, due=DUE)
    one, other = (drafts.begin(customer, by=BY, **TOLD) for customer in (alice, bob))

    sign(one, sam)

    assert (fresh(one).state, fresh(other).state) == (Notice.QUEUED, Notice.DRAFT)


def test_the_answer_comes_back_to_the_case_and_the_reason_is_judged_anew(draft, alice, late, sam):
    sign(draft, sam)
    Notice.update(state=Notice.SENT, sent_at=NOW).execute()
    soon = NOW + timedelta(seconds=30)

    row = inbound.take(
        inbound.Received("m1", soon, "alice@example.com", "x", "Re: hello", "Lost it", notice_id=draft.id),
        now=soon,
    )  # fmt: skip

    assert (row.ticket.customer, row.ticket.invoice, row.ticket.state) == (alice, late, Ticket.WAITING_ON_US)
    [verdict] = verdicts.current(alice.id, today=TODAY, now=soon)
    assert verdict.code == Verdict.WAITING_FOR_US
    assert reminding.queue_reminders(TODAY, now=soon) == 0


# --- The page ------------------------------------------------------------------------------------


@pytest.fixture
def desk(app):
    return enter(app)


@pytest.fixture
def waiting(app, alice):
    make_invoice(
        alice, due=app.clock.today() - timedelta(days=20), issued=app.clock.today() - timedelta(days=40)
    )
    return drafts.begin(alice, by=BY, today=app.clock.today(), now=app.clock.now())


def test_the_page_shows_the_evidence_the_letter_and_the_ways(desk, waiting):
    page = desk.get(f"/staff/personal/{waiting.id}").text

    assert "What we know" in page and "Hello Alice," in page and "What you can grant with it" in page
    assert 'name="way" value="goodwill"' in page


def test_the_same_reason_of_several_invoices_is_read_once(draft, alice):
    make_invoice(alice, due=DUE - timedelta(days=30), issued=DUE - timedelta(days=50))
    tickets.open(alice, subject="Two panels", body="x", by="Alice", now=EARLIER, contact=payer(alice))

    known = evidence.read(fresh(draft), **TOLD)

    assert Verdict.select().where(Verdict.current & (Verdict.code == "waiting_for_us")).count() == 2
    assert len([fact for fact in known.facts if fact.table == "verdict"]) == 1


def test_a_draft_opens_where_it_is_read(desk, waiting, app):
    address = f'href="/staff/personal/{waiting.id}"'

    assert address in desk.get("/staff/notice/", state="draft").text
    assert address not in enter(app, "read_only").get("/staff/notice/", state="draft").text


def test_a_draft_is_listed_with_its_invoice_and_what_is_open_of_it(desk, waiting):
    page = desk.get("/staff/notice/", state="draft")

    assert "10001" in text_of(page) and "$42.50&nbsp;open" in page.text
    assert "/act/discard_draft" not in page.text and "/act/mark_printed" not in page.text  # one at a time
    assert "/act/discard_draft" in desk.get(f"/staff/notice/{waiting.id}").text


def test_what_happened_since_it_was_signed_is_marked_and_leads_to_its_record(app, desk, waiting, alice):
    signed = {"staff": make_staff("support"), "by": BY, "today": app.clock.today()}
    seen = drafts.read(waiting, now=app.clock.now(), **signed).seen
    drafts.send(waiting, words="Hi Alice", seen=seen, now=app.clock.now(), **signed)
    app.clock.advance(hours=1)
    tickets.open(alice, subject="Two panels", body="x", by="Alice", now=app.clock.now(), contact=payer(alice))
    Notice.update(state=Notice.DRAFT, reason="It was kept back: They wrote. That is over.").execute()
    app.clock.advance(hours=1)

    page = desk.get(f"/staff/personal/{waiting.id}")

    assert "It was kept back: They wrote. That is over. What is new since it was signed is marked" in text_of(
        page
    )
    news = re.findall(r'<li><span class="badge badge-wait">New</span> (.*?)</li>', page.text)
    about = f'href="/staff/ticket/{Ticket.get().id}"'
    assert any(about in one and "“Two panels”" in one for one in news)
    assert not any("Invoice 10001:" in one for one in news)


def test_a_mail_is_begun_from_the_customer_read_and_sent(app, desk, alice):
    make_invoice(alice, due=app.clock.today() - timedelta(days=20))
    assert "Begin the mail" in desk.get(f"/staff/write/{alice.id}").text
    assert Notice.select().count() == 0  # looking begins nothing

    page = desk.post(f"/staff/write/{alice.id}", follow_redirects=True).text
    [seen] = re.findall(r'name="seen" value="([\w ]+)"', page)
    draft = Notice.get()
    told = {"words": "Hi Alice, all well?", "seen": seen, "way": "goodwill", "cents-goodwill": "5.00"}
    desk.post(f"/staff/personal/{draft.id}", **told)

    assert (fresh(draft).state, Credit.get().amount_cents) == (Notice.QUEUED, 500)
    assert fresh(draft).words.startswith("Hi Alice, all well?")


def test_what_was_typed_stays_when_it_is_refused(app, desk, waiting, alice):
    page = desk.post(f"/staff/personal/{waiting.id}", words="Hi Alice, all well?", seen="old")

    assert page.status_code == 400
    assert "Since you read it: Invoice 10001: $42.50, due November 11, 2026." in text_of(page)
    assert "Hi Alice, all well?" in page.text


def test_what_is_no_amount_is_refused(app, desk, waiting):
    told = {"words": "Hi", "seen": "x", "way": "goodwill", "cents-goodwill": "lots"}

    page = desk.post(f"/staff/personal/{waiting.id}", **told)

    assert page.status_code == 400 and Credit.select().count() == 0


def test_what_was_sent_is_not_written_again(app, desk, waiting):
    Notice.update(state=Notice.SKIPPED).execute()

    assert desk.get(f"/staff/personal/{waiting.id}").status_code == 303
    assert desk.get("/staff/personal/99999").status_code == 404
    assert database.in_transaction() is False
