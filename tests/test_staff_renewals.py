"""The back office of contract ends: the contract's page, entry, rules and their drafts, proof by hand."""

from datetime import date, datetime, timedelta

import pytest

from billing import queues, words
from billing.errors import BillingError
from billing.renewals import day, rules, sending
from models import Contract, Event, Notice, RenewalNotice, RenewalRule, RuleReview
from tests import factories
from tests.office import enter, make_staff, text_of
from tests.test_renewals import agree, draft_of

NOW = datetime(2026, 12, 1, 18, 0)
NEW_YEAR = date(2027, 1, 2)


@pytest.fixture
def olga(app, db):
    rules.load_product(by="tests", now=NOW)
    return enter(app)


def run(on):
    day.run(on, now=datetime(on.year, on.month, on.day, 18), trouble=[])


def page(desk, path):
    answer = desk.get(path)
    assert answer.status_code == 200
    return text_of(answer)


# --- The page of a contract ----------------------------------------------------------------------


def test_the_page_says_which_rules_apply_with_their_arithmetic(olga, alice):
    contract = agree(alice, "GA")

    said = page(olga, f"/staff/contract/{contract.id}")

    assert "It renews for a year on April 1, 2027 unless the customer says no." in said
    assert "The next notice goes out on January 9, 2027, by e-mail." in said
    assert "GA-13-12-3 O.C.G.A. 13-12-1 to 13-12-5" in said
    assert "The site Home is in Georgia; it renews for a year." in said
    assert "First lawful day: Mar 1, 2027 − 60 days = December 31, 2026." in said
    assert "that it renews unless canceled" in said
    assert "It is about renewals longer than 2 years; this one renews for a year." in said  # GA-24M
    assert "33 other rules" not in said and "other rules" in said


def test_what_nobody_verified_says_so_where_it_drives_a_date(olga, alice):
    contract = agree(alice, "HI")

    assert "Not verified" in page(olga, f"/staff/contract/{contract.id}")


def test_a_contract_without_a_rule_says_why(olga, alice):
    contract = agree(alice, "TX", renewal_months=1)

    said = page(olga, f"/staff/contract/{contract.id}")

    assert "It renews month to month on April 1, 2027" in said
    assert "It is about renewals longer than a month; this one renews for a month at a time." in said


def test_the_page_tells_what_was_sent_and_what_was_missed(olga, db):
    contract = agree(factories.make_customer("Paul Paper", email=""), "GA")
    run(date(2027, 1, 15))
    assert "To print and mail" in page(olga, f"/staff/contract/{contract.id}")

    run(date(2027, 1, 31))

    said = page(olga, f"/staff/contract/{contract.id}")
    assert "Missed" in said and "no fee for leaving" in said


# --- Entry ---------------------------------------------------------------------------------------


def terms_of(customer, **fields):
    usual = {
        "customer": customer.id, "name": "Monitoring agreement", "audience": "consumer",
        "starts_on": "2026-12-01", "term_months": "36", "renewal_months": "12", "notice_days": "30",
        "auto_renew": "y",
    }  # fmt: skip
    return usual | fields


@pytest.mark.parametrize(
    "state, fields, said",
    [
        (
            "TN",
            {"renewal_months": "24"},
            "Tennessee (Tenn. Code 62-32-325) allows renewals of at most a year",
        ),
        ("AR", {}, "Arkansas (Ark. Code 4-86-106) allows renewals of at most a month unless"),
        (
            "CA",
            {},
            "California (Cal. Bus. &amp; Prof. Code 7599.54) allows renewals of at most a month unless",
        ),
        ("ND", {"renewal_months": "13"}, "North Dakota (N.D.C.C. 51-37) allows renewals of at most a year"),
        ("GA", {"renewal_months": "36"}, "at most 2 years unless the customer asked"),
    ],
)
def test_what_the_law_forbids_is_refused_next_to_the_field(olga, db, state, fields, said):
    customer = factories.make_customer(state=state)

    answer = olga.post("/staff/contract/new", **terms_of(customer, **fields))

    assert answer.status_code == 400 and said in answer.text
    assert Contract.select().count() == 0


def test_what_lifts_a_limit_is_taken_and_planned_at_once(olga, db):
    customer = factories.make_customer(state="AR")
    answer = olga.post("/staff/contract/new", **terms_of(customer, renewal_requested_on="2026-11-30"))
    assert answer.status_code == 303

    late = terms_of(factories.make_customer(state="GA"), starts_on="2024-03-01")
    assert olga.post("/staff/contract/new", **late).status_code == 303

    assert RenewalNotice.get().term_end_on == date(2027, 2, 28)


def test_a_law_that_nobody_knows_is_refused(olga, alice):
    answer = olga.post("/staff/contract/new", **terms_of(alice, governing_state="ZZ"))

    assert answer.status_code == 400 and "two letters" in answer.text


def test_a_charge_at_a_site_whose_state_forbids_the_renewal_is_refused(olga, alice):
    contract = agree(alice, "GA", renewal_months=24)
    site, item = factories.make_site(alice, state="TN", name="Cabin"), factories.make_item()

    answer = olga.post(
        "/staff/charge/new",
        **{"contract": contract.id, "contract-text": str(contract), "item": item.id, "item-text": str(item),
           "site": site.id, "site-text": str(site), "quantity": "1", "unit_cents": "30.00",
           "discount_cents": "0", "cycle_months": "1", "anchor_day": "1", "starts_on": "2026-12-01"},
    )  # fmt: skip

    assert answer.status_code == 400 and "Tennessee" in answer.text


# --- Proof by hand -------------------------------------------------------------------------------


def test_a_certified_letter_is_noted_with_its_number(olga, alice):
    contract = agree(alice, "NY", notice_days=100)  # the window is November 21 to December 6
    run(date(2026, 12, 1))
    row = contract.renewal_notices.where(RenewalNotice.rule_code == "NY-5903").get()
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()

    refused = olga.act("renewal-notice", "mailed", row, mailed_on="2026-12-01")
    assert "counts by its number" in refused.text
    wrong = {"mailed_on": "2026-12-01", "certified_number": "9407 1000 0000 0000 0000 01"}
    assert "A digit of this number is wrong" in olga.act("renewal-notice", "mailed", row, **wrong).text
    number = "9407 1000 0000 0000 0000 09"
    olga.act("renewal-notice", "mailed", row, mailed_on="2026-12-01", certified_number=number)

    assert RenewalNotice.get_by_id(row.id).state == "proven"
    told = {"on": "2026-12-01", "text": "return receipt signed by A. Archer"}
    said = text_of(olga.act("renewal-notice", "delivered", row, came_back="", **told))
    assert "Noted: it was delivered" in said
    said = page(olga, f"/staff/renewal-notice/{row.id}")
    assert "Delivered on December 1, 2026. Return receipt signed by A. Archer." in said
    assert "9407 1000 0000 0000 0000 09" in said
    said = text_of(
        olga.act("renewal-notice", "delivered", row, came_back="y", on="2026-12-01", text="unclaimed")
    )
    assert "That it was mailed stays proven" in said


def test_only_an_owner_overrides_and_says_why(app, olga, db):
    contract = agree(factories.make_customer("Paul Paper", email=""), "GA")
    run(date(2027, 1, 15))
    run(date(2027, 1, 31))
    row = contract.renewal_notices.get()

    assert enter(app, "billing").act("renewal-notice", "override", row, reason="x").status_code == 403
    olga.act("renewal-notice", "override", row, reason="Counsel agrees")

    assert RenewalNotice.get_by_id(row.id).override_reason == "Counsel agrees"


# --- Rules ---------------------------------------------------------------------------------------


def test_a_draft_shows_what_it_would_change_before_an_owner_activates_it(app, olga, alice):
    contract = agree(alice, "NC")
    draft = draft_of("NC-7541", opens_days=120, closes_days=119)

    said = page(olga, f"/staff/renewal-rule/{draft.id}")
    assert "of 1 contract that it is about 1 would open" in said and str(contract) in said
    asked = text_of(olga.get("/staff/renewal-rule/act/activate", id=draft.id))
    assert "1 would open" in asked
    assert enter(app, "billing").act("renewal-rule", "activate", draft, reason="x").status_code == 403
    olga.act("renewal-rule", "activate", draft, reason="H188 became law")

    assert RenewalRule.get_by_id(draft.id).status == "active"
    assert Event.get(Event.what == "renewal_rule.activated").reason == "H188 became law"


def test_only_a_draft_can_be_changed_by_hand(olga, db):
    active = RenewalRule.get(RenewalRule.code == "GA-13-12-3")
    assert olga.get(f"/staff/renewal-rule/{active.id}/edit").status_code == 303
    olga.act("renewal-rule", "new_version", active)
    draft = RenewalRule.get(RenewalRule.code == "GA-13-12-3", RenewalRule.version == 2)

    form = {name: getattr(draft, name) or "" for name in rules.TEXT} | {"opens_days": "20"}
    form["online_only"] = ""
    refused = olga.post(f"/staff/renewal-rule/{draft.id}/edit", **form)
    assert refused.status_code == 400 and "It opens after it closes" in refused.text
    saved = olga.post(f"/staff/renewal-rule/{draft.id}/edit", **form | {"opens_days": "75"})

    assert saved.status_code == 303
    assert RenewalRule.get_by_id(draft.id).opens_days == 75


def test_a_rule_of_ones_own_begins_as_a_draft(olga, db):
    answer = olga.post(
        "/staff/renewal-rule/new", code="OK-1851", state="OK", citation="HB 1851", audience="consumer",
        basis="term", first_term_at_least="0", renewal_longer_than="1", anchor="deadline", opens_days="60",
        closes_days="30", media="written", contents="will_renew|how", repeat="each", consequence="unfair",
        alarm_exempt="no", certainty="D",
    )  # fmt: skip

    assert answer.status_code == 303
    made = RenewalRule.get(RenewalRule.code == "OK-1851")
    assert (made.status, made.version, made.made_by) == ("draft", 1, "staff:owner@lantern.example")


def test_counsel_is_noted_once_an_owner_ticks_it(app, olga, db):
    assert "reviewed the table of renewal notices" in page(olga, "/staff/")
    assert olga.post("/staff/contract-ends/review", name="Jane Doe").status_code == 400
    assert (
        enter(app, "billing").post("/staff/contract-ends/review", name="J", reviewed="y").status_code == 403
    )

    olga.post("/staff/contract-ends/review", name="Jane Doe, Esq.", reviewed="y")

    assert RuleReview.get().name == "Jane Doe, Esq."
    assert "reviewed the table of renewal notices" not in page(olga, "/staff/")


def test_the_report_opens_with_something_in_every_part(olga, alice):
    agree(alice, "GA")
    run(date(2026, 12, 1))

    said = page(olga, "/staff/contract-ends")

    assert "Within 120 days: 1" in said and "GA-13-12-3" in said
    assert "Terms that end within 120 days" in said


def test_how_soon_terms_end_is_a_filter(olga, alice):
    agree(alice, "GA")
    run(date(2026, 12, 1))

    all_of_them = page(olga, "/staff/contract-ends")
    sooner = page(olga, "/staff/contract-ends?within=30")

    assert "None within 30 days." in sooner and "Terms that end within 30 days" in sooner
    assert "Within 30 days: 0" in sooner and "Within 120 days: 1" in sooner  # every choice keeps its count
    assert "None within" not in all_of_them
    assert "Terms that end within 120 days" in page(olga, "/staff/contract-ends?within=7")


def test_a_letter_is_printed_and_its_text_is_kept_with_the_hash(app, olga, alice):
    contract = agree(alice, "NY", notice_days=100)
    run(date(2026, 12, 1))
    row = contract.renewal_notices.first()
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()

    answer = olga.act("notice", "print", row.notice)

    assert answer.mimetype == "application/pdf"
    notice = Notice.get_by_id(row.notice_id)
    assert "Your agreement will renew automatically on April 1, 2027" in " ".join(notice.body_text.split())
    assert RenewalNotice.get_by_id(row.id).text_sha256 == sending.text_hash(notice.body_text)


@pytest.mark.parametrize("standing", ["at_risk", "to_mail", "open", "opening", "out", "missed"])
def test_a_list_for_every_figure_opens(olga, alice, standing):
    agree(alice, "GA")
    run(date(2026, 12, 1))

    assert olga.get("/staff/renewal-notice/", standing=standing).status_code == 200


def test_a_legal_letter_that_is_not_mailed_stands_first_with_its_last_day(app, olga, alice):
    """It hid among other paper, which has no day, until its alarm."""
    contract = agree(alice, "NY", notice_days=100)
    run(date(2026, 12, 1))
    row = contract.renewal_notices.first()
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()
    closes, alarm = row.closes_on, row.closes_on - timedelta(days=2)
    RenewalNotice.update(alarm_on=alarm).where(RenewalNotice.id == row.id).execute()
    sam = make_staff("owner", email="sam@lantern.example")

    def told(today):
        groups = queues.groups(sam, today=today, now=NOW)
        found = [(at, one) for at, group in enumerate(groups) for one in group.waiting]
        return {one.label: (at, one.note) for at, one in found if one.screen == "renewal_notice"}

    note = f"On paper, and not mailed yet. The first has to leave by {words.date(closes)}."
    assert told(closes - timedelta(days=7)) == {"Legal letters to mail": (0, note)}
    assert told(closes - timedelta(days=40)) == {}  # there is time yet
    assert list(told(alarm)) == ["Renewal notices about to close"]
    app.clock.set(closes - timedelta(days=7))
    assert row.title in page(enter(app, row=sam), "/staff/renewal-notice/?standing=to_mail")
    Notice.update(state=Notice.SENT).where(Notice.id == row.notice_id).execute()
    assert told(closes - timedelta(days=7)) == {}


def test_staff_send_a_planned_notice_before_its_day_and_only_in_its_window(olga, alice):
    contract = agree(alice)
    run(date(2026, 12, 1))
    row = contract.renewal_notices.get()

    refused = text_of(olga.act("renewal-notice", "send_now", row))
    assert "It counts only when it leaves in its window, December 31, 2026" in refused  # it is December 1
    assert Notice.select().count() == 0
    with pytest.raises(BillingError, match="not planned any more"):
        sending.send_now(
            RenewalNotice(id=99, contract=contract), today=NEW_YEAR, now=datetime(2027, 1, 2, 18)
        )
    sent = sending.send_now(row, today=NEW_YEAR, now=datetime(2027, 1, 2, 18))

    assert (sent.state, sent.notice.kind, sent.notice.key) == (
        "queued", "renewal", f"renewal:{contract.id}:2027-03-31:GA-13-12-3",
    )  # fmt: skip
    run(row.plan_on)
    assert Notice.select().where(Notice.kind == "renewal").count() == 1  # not again on its planned day
