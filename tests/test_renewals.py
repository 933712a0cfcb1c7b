"""The end of a contract, day by day: planned, sent, proven, missed, renewed. Both databases."""

from datetime import date, datetime, timedelta

import pytest
from peewee import IntegrityError

from billing import contracts, outbox, preferences, renewals
from billing.edges import letters
from billing.errors import BillingError
from billing.outbox import judging
from billing.renewals import agreements, closing, day, figures, impact, planning, rules, windows
from models import (
    Consent,
    Contact,
    Contract,
    Event,
    ImportBatch,
    Notice,
    Renewal,
    RenewalNotice,
    RenewalRule,
    RuleReview,
)
from tests import factories

BY, NOW = "staff:olga@lantern.example", datetime(2026, 12, 1, 18, 0)


@pytest.fixture
def table(db, company):
    rules.load_product(by="tests", now=NOW)


def at(on, hour=18):
    return datetime(on.year, on.month, on.day, hour)


def agree(customer, state="GA", **fields):
    """Three years that end on March 31, 2027, protected in a state."""
    site = factories.make_site(customer, state=state, city="Somewhere")
    contract = factories.make_contract(
        customer, **{"starts_on": date(2024, 4, 1), "term_months": 36, "renewal_months": 12, **fields}
    )
    factories.make_charge(contract, site=site, starts_on=date(2026, 12, 1))
    return contract


def run(on):
    """The renew step of one day; returns what it had to tell people."""
    trouble = []
    day.run(on, now=at(on), trouble=trouble)
    return trouble


def live(first, last, each=lambda on: None):
    """The renew step on every day from ``first`` to ``last``."""
    on = first
    while on <= last:
        run(on)
        each(on)
        on += timedelta(days=1)


def the_row(contract, **where):
    return contract.renewal_notices.where(*[getattr(RenewalNotice, n) == v for n, v in where.items()]).get()


def sent(notice, on, text="Your agreement will renew"):
    """As the sender leaves a notice that went out."""
    Notice.update(state=Notice.SENT, sent_at=at(on), body_text=text).where(Notice.id == notice.id).execute()


def printed(notice):
    Notice.update(state=Notice.PRINT).where(Notice.id == notice.id).execute()


# --- The way of a notice -------------------------------------------------------------------------


def test_it_is_planned_before_its_window_opens_and_goes_out_on_its_day(table, alice):
    contract = agree(alice)

    run(date(2026, 11, 15))
    assert contract.renewal_notices.count() == 0  # 46 days before the window opens
    run(date(2026, 11, 16))
    row = the_row(contract)
    assert (row.state, row.rule_code, row.plan_on) == ("planned", "GA-13-12-3", date(2027, 1, 9))
    run(date(2027, 1, 8))
    assert Notice.select().count() == 0
    run(date(2027, 1, 9))

    row = the_row(contract)
    assert (row.state, row.medium, row.notice.kind) == ("queued", "email", "renewal")
    assert (row.notice.channel, row.notice.legal, row.notice.contact) == (
        "mail",
        True,
        factories.payer(alice),
    )
    assert row.notice.key == f"renewal:{contract.id}:2027-03-31:GA-13-12-3"


def test_who_wants_a_text_as_well_gets_one_that_says_where_to_read_it(table, app, alice):
    """The choice stood on the page of wishes and did nothing."""
    person, number = factories.payer(alice), "+15125550100"
    Contact.update(phone=number).execute()
    Consent.create(
        contact=person, kind=Consent.TEXT, address_or_number=number, wording="x", version="1",
        source=Consent.PAGE, given_at=NOW, by=BY,
    )  # fmt: skip
    wishes = {("contract_end", "text"): preferences.ALWAYS}
    preferences.choose(person, wishes, by=BY, via="page", now=NOW)
    contract = agree(alice)
    live(date(2027, 1, 9), date(2027, 1, 12))

    [text] = Notice.select().where(Notice.channel == Notice.TEXT)
    assert (text.kind, text.address, text.legal, text.contract) == ("renewal", number, False, contract)
    assert text.contact == person
    with app.app_context():
        said = letters.composer(app)(text, at(date(2027, 1, 9))).text
    assert "There is a notice about your contract." in said
    assert preferences.judge(text) == ""


def test_who_chose_paper_gets_it_on_paper_where_mail_would_do(table, alice):
    preferences.use_preset(factories.payer(alice), "paper", by=BY, now=NOW)
    contract = agree(alice)

    run(date(2027, 1, 5))

    assert the_row(contract).medium == "mail"


def test_many_runs_send_it_once(table, alice):
    contract = agree(alice)
    for _ in range(5):
        run(date(2027, 1, 9))
    live(date(2027, 1, 10), date(2027, 1, 14))

    assert contract.renewal_notices.count() == 1
    assert Notice.select().count() == 1


def test_mail_that_did_not_come_back_is_proof(table, alice):
    contract = agree(alice)
    run(date(2027, 1, 9))
    sent(the_row(contract).notice, date(2027, 1, 9))

    run(date(2027, 1, 10))
    row = the_row(contract)
    assert (row.state, row.sent_on, row.address) == ("sent", date(2027, 1, 9), "alice@example.com")
    assert len(row.text_sha256) == 64
    run(date(2027, 1, 14))

    assert the_row(contract).state == "proven"
    assert "nothing came back" in the_row(contract).delivery


@pytest.mark.parametrize("how", ["bounced", "failed", "stuck"])
def test_mail_that_does_not_arrive_becomes_paper_while_there_is_time(table, alice, how):
    contract = agree(alice)
    run(date(2027, 1, 9))
    first = the_row(contract).notice
    if how == "bounced":
        sent(first, date(2027, 1, 9))
        Notice.update(bounced_at=at(date(2027, 1, 10)), bounce_text="No such mailbox.").where(
            Notice.id == first.id
        ).execute()
    if how == "failed":
        Notice.update(state=Notice.FAILED, reason="No such mailbox.").where(Notice.id == first.id).execute()

    run(date(2027, 1, 28) if how == "stuck" else date(2027, 1, 11))

    row = the_row(contract)
    assert (row.state, row.medium, row.notice.channel) == ("queued", "mail", "paper")
    assert row.notice.key == f"{first.key}:paper"
    assert "mailed as a letter" in row.reason
    assert (
        Notice.get_by_id(first.id).state == {"bounced": "sent", "failed": "failed", "stuck": "skipped"}[how]
    )


def test_who_has_no_address_gets_a_letter(table, db):
    contract = agree(factories.make_customer("Paul Paper", email=""))

    run(date(2027, 1, 15))

    assert the_row(contract).notice.channel == "paper"


def test_writing_is_paper_until_they_agreed_to_mail(table, alice, bob):
    payer = factories.payer(bob)
    Consent.create(
        contact=payer, kind=Consent.ELECTRONIC, wording="w", version="1", address_or_number=payer.email,
        given_at=NOW, source=Consent.PAGE, by="t",
    )  # fmt: skip
    without, with_consent = agree(alice, "IL"), agree(bob, "IL")

    run(date(2027, 1, 15))

    assert the_row(without).medium == "mail"
    assert the_row(with_consent).medium == "email"


def test_certified_mail_is_printed_at_once_and_counts_by_its_number(table, alice):
    contract = agree(alice, "NY")

    run(date(2027, 1, 30))
    rows = list(contract.renewal_notices)
    assert {row.rule_code for row in rows} == {"NY-5903", "NY-527a"}
    assert {row.notice_id for row in rows} == {rows[0].notice_id}
    assert {row.medium for row in rows} == {"certified"}
    printed(rows[0].notice)
    letter = Notice.get_by_id(rows[0].notice_id)
    outbox.mark_printed(letter, today=date(2027, 2, 1), now=at(date(2027, 2, 1)))
    run(date(2027, 2, 2))
    assert {row.state for row in contract.renewal_notices} == {"queued"}  # printed, and no number yet

    told = {"by": BY, "today": date(2027, 2, 3), "now": at(date(2027, 2, 3))}
    with pytest.raises(BillingError, match="counts by its number"):
        renewals.mark_mailed(rows[0], mailed_on=date(2027, 2, 2), certified_number="", **told)
    renewals.mark_mailed(
        rows[0], mailed_on=date(2027, 2, 2), certified_number="9407 1000 0000 0000 0000 09", **told
    )

    for row in contract.renewal_notices:
        assert (row.state, row.certified_number) == ("proven", "9407100000000000000009")
    assert "Certified mail 9407 1000 0000 0000 0000 09, mailed on February 2, 2027." in row.delivery
    renewals.mark_delivered(row, on=date(2027, 2, 3), text="signed by A. Archer, 4111 1111 1111 1111", **told)
    for row in rows:  # one letter serves both rules
        row = RenewalNotice.get_by_id(row.id)
        assert row.delivered_on == date(2027, 2, 3)
        assert row.delivery.endswith(
            "Delivered on February 3, 2027. Signed by A. Archer, •••• 1111 (card number removed)."
        )


def test_certified_mail_that_nobody_took_stays_proven_and_says_that_it_came_back(table, alice):
    agree(alice, "NY")
    run(date(2027, 2, 1))
    row = RenewalNotice.get(RenewalNotice.rule_code == "NY-5903")
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()
    told = {"by": BY, "today": date(2027, 2, 12), "now": at(date(2027, 2, 12))}
    renewals.mark_mailed(row, mailed_on=date(2027, 2, 2), certified_number="9407100000000000000009", **told)

    row = renewals.mark_delivered(
        RenewalNotice.get_by_id(row.id), on=date(2027, 2, 11), text="unclaimed", came_back=True, **told
    )

    assert (row.state, row.delivered_on) == ("proven", None)
    assert row.delivery.endswith("Came back on February 11, 2027. Unclaimed.")


@pytest.mark.parametrize("mailed_on, why", [("2027-01-29", "in its window"), ("2027-02-04", "not come yet")])
def test_a_letter_counts_only_in_its_window(table, alice, mailed_on, why):
    contract = agree(alice, "NY")
    run(date(2027, 1, 30))
    row = contract.renewal_notices.first()
    printed(row.notice)

    with pytest.raises(BillingError, match=why):
        renewals.mark_mailed(
            row, mailed_on=date.fromisoformat(mailed_on), certified_number="9407100000000000000009", by=BY,
            today=date(2027, 2, 3), now=at(date(2027, 2, 3)),
        )  # fmt: skip


def test_the_text_of_a_letter_is_kept_once_with_its_hash(table, alice):
    contract = agree(alice, "NY")
    run(date(2027, 1, 30))
    notice = contract.renewal_notices.first().notice

    renewals.keep_text(notice, subject="s", text="as printed")
    renewals.keep_text(notice, subject="s", text="printed again, later")

    assert Notice.get_by_id(notice.id).body_text == "as printed"
    assert {len(row.text_sha256) for row in contract.renewal_notices} == {64}


def test_windows_that_do_not_overlap_get_a_message_each(table, alice):
    contract = agree(alice, "GA")
    factories.make_site(alice, state="NC")
    alice.state = "NC"
    alice.save()

    live(date(2027, 1, 9), date(2027, 2, 24))

    by_rule = {row.rule_code: row for row in contract.renewal_notices}
    assert set(by_rule) == {"GA-13-12-3", "NC-7541"}
    assert by_rule["GA-13-12-3"].notice_id != by_rule["NC-7541"].notice_id


# --- What changes meanwhile ----------------------------------------------------------------------


def test_a_plan_follows_its_contract(table, alice):
    contract = agree(alice)
    run(date(2026, 12, 1))
    assert the_row(contract).closes_on == date(2027, 1, 30)

    Contract.update(notice_days=60).where(Contract.id == contract.id).execute()
    run(date(2026, 12, 2))
    assert the_row(contract).closes_on == date(2026, 12, 31)
    Contract.update(renewal_months=1).where(Contract.id == contract.id).execute()
    run(date(2026, 12, 3))
    assert the_row(contract).state == "canceled"
    Contract.update(renewal_months=12).where(Contract.id == contract.id).execute()
    run(date(2026, 12, 4))

    assert the_row(contract).state in ("planned", "queued")


def test_a_contract_that_was_ended_is_told_nothing(table, alice):
    contract = agree(alice)
    run(date(2026, 12, 1))
    contracts.end(contract, on=date(2027, 1, 2), reason_code="moved", by=BY, today=date(2026, 12, 2), now=NOW)

    live(date(2026, 12, 3), date(2027, 2, 1))

    assert the_row(contract).state == "canceled"
    assert Notice.select().count() == 0
    assert Renewal.select().count() == 0


def test_an_import_that_is_not_released_is_mute(table, alice):
    batch = ImportBatch.create(file_name="f", sha256="0" * 64, by="t", committed_at=NOW)
    alice.import_batch = batch
    alice.save()
    contract = agree(alice)

    live(date(2027, 1, 5), date(2027, 2, 1))

    assert contract.renewal_notices.count() == 0


def test_a_notice_that_is_out_stands_whatever_changes(table, alice):
    contract = agree(alice)
    run(date(2027, 1, 9))
    row = the_row(contract)

    with pytest.raises(IntegrityError):
        RenewalNotice.update(closes_on=date(2027, 12, 31)).where(RenewalNotice.id == row.id).execute()
    with pytest.raises(IntegrityError):
        RenewalNotice.delete().where(RenewalNotice.id == row.id).execute()


# --- Closing -------------------------------------------------------------------------------------


def test_staff_are_told_before_a_window_closes_without_proof_and_once(table, db):
    contract = agree(factories.make_customer("Paul Paper", email=""))
    run(date(2027, 1, 15))

    told = run(date(2027, 1, 25))

    assert len(told) == 1 and "GA-13-12-3" in told[0] and "closes on January 30, 2027" in told[0]
    assert "waits to be printed and mailed" in told[0]
    assert run(date(2027, 1, 26)) == []
    assert closing.at_risk(date(2027, 1, 26)).get().contract == contract


def test_a_letter_that_waits_when_its_window_closes_is_not_printed_any_more(table, db):
    contract = agree(factories.make_customer("Paul Paper", email=""))
    run(date(2027, 1, 15))
    live(date(2027, 1, 29), date(2027, 1, 31))

    waiting = the_row(contract).notice
    said = judging.objection(waiting, today=date(2027, 1, 31), now=datetime(2027, 1, 31, 18))

    assert said == "The contract goes on month to month, so it does not renew for a term."


def test_a_missed_notice_makes_it_month_to_month_and_nobody_pays_a_fee(table, db):
    contract = agree(factories.make_customer("Paul Paper", email=""))
    run(date(2027, 1, 15))
    live(date(2027, 1, 29), date(2027, 1, 30))
    assert the_row(contract).state == "queued"

    told = run(date(2027, 1, 31))

    row, contract = the_row(contract), Contract.get_by_id(contract.id)
    assert (row.state, contract.renews_monthly_from_on) == ("missed", date(2027, 4, 1))
    assert "no fee for leaving" in row.consequence and any("was missed" in line for line in told)
    assert renewals.fee_refusal(contract, today=date(2027, 3, 31)) == ""
    assert "was missed" in renewals.fee_refusal(contract, today=date(2027, 4, 1))
    run(date(2027, 4, 1))
    assert Renewal.get().outcome == "monthly"
    assert Contract.get_by_id(contract.id).term_ends_on is None


def test_the_end_of_a_window_is_midnight_at_the_protected_place(table, db):
    customer = factories.make_customer("Hana Hawaii", email="")
    contract = agree(customer, "HI")
    run(date(2027, 1, 15))
    early = datetime(2027, 1, 31, 9, 0)  # 3 am in Texas, 11 pm of the 30th in Honolulu

    closing.close(date(2027, 1, 31), now=early)
    assert the_row(contract).state == "queued"
    closing.close(date(2027, 1, 31), now=early + timedelta(hours=2))

    assert the_row(contract).state == "missed"


def test_an_owner_may_override_with_a_reason(table, db):
    contract = agree(factories.make_customer("Paul Paper", email=""))
    run(date(2027, 1, 15))
    run(date(2027, 1, 31))
    row = the_row(contract)

    with pytest.raises(BillingError, match="Say why"):
        renewals.override(row, reason=" ", by=BY, now=NOW)
    renewals.override(row, reason="Sent from the old system, 4111 1111 1111 1111", by=BY, now=NOW)

    assert Contract.get_by_id(contract.id).renews_monthly_from_on is None
    assert the_row(contract).state == "missed"  # it stays what it is
    assert the_row(contract).override_reason.endswith("•••• 1111 (card number removed)")
    assert Event.select().where(Event.what == "renewal_notice.overridden").count() == 1
    with pytest.raises(BillingError, match="only once"):
        renewals.override(the_row(contract), reason="again", by=BY, now=NOW)


def test_a_letter_that_nobody_noted_is_proof_after_all(table, db):
    contract = agree(factories.make_customer("Paul Paper", email=""))
    run(date(2027, 1, 15))
    printed(the_row(contract).notice)
    run(date(2027, 1, 31))
    assert the_row(contract).state == "missed"

    renewals.mark_mailed(
        the_row(contract),
        mailed_on=date(2027, 1, 20),
        by=BY,
        today=date(2027, 2, 3),
        now=at(date(2027, 2, 3)),
    )

    assert the_row(contract).state == "proven"
    assert Contract.get_by_id(contract.id).renews_monthly_from_on is None


@pytest.mark.parametrize("email", ["paul@example.com", ""])
def test_what_left_after_its_window_closed_proves_nothing(table, db, email):
    contract = agree(factories.make_customer("Paul Paper", email=email))
    run(date(2027, 1, 15))
    sent(the_row(contract).notice, date(2027, 1, 31))

    live(date(2027, 1, 31), date(2027, 2, 6))

    assert (the_row(contract).closes_on, the_row(contract).state) == (date(2027, 1, 30), "missed")
    assert Contract.get_by_id(contract.id).renews_monthly_from_on == date(2027, 4, 1)


def test_our_own_courtesy_has_no_consequence(table, db):
    contract = agree(factories.make_customer("Tex Tyler", email="", state="TX"), "TX")
    run(date(2027, 1, 15))

    run(date(2027, 1, 31))

    assert the_row(contract).state == "missed"
    assert Contract.get_by_id(contract.id).renews_monthly_from_on is None


def test_a_contract_that_is_found_after_its_window_has_no_proof(table, alice):
    contract = agree(alice)

    run(date(2027, 2, 20))
    run(date(2027, 2, 21))

    assert the_row(contract).state == "missed"
    assert Contract.get_by_id(contract.id).renews_monthly_from_on == date(2027, 4, 1)


# --- Terms that are over -------------------------------------------------------------------------


def test_a_term_that_is_over_renews_as_agreed_and_once(table, alice):
    contract = agree(alice, "TX")

    live(date(2027, 3, 31), date(2027, 4, 3))

    assert Renewal.get().outcome == "renewed"
    assert Contract.get_by_id(contract.id).term_ends_on == date(2028, 3, 31)
    assert renewals.term_of(Contract.get_by_id(contract.id), date(2027, 6, 1)).ends_on == date(2028, 3, 31)


@pytest.mark.parametrize(
    "state, months, outcome, ends_on",
    [("TN", 24, "renewed", date(2028, 3, 31)), ("AR", 12, "monthly", None), ("CA", 12, "monthly", None)],
)
def test_what_the_law_limits_does_not_renew_for_longer(table, db, state, months, outcome, ends_on):
    contract = agree(factories.make_customer("Lee Limit", state=state), state, renewal_months=months)

    run(date(2027, 4, 1))

    row = Renewal.get()
    assert (row.outcome, row.next_ends_on) == (outcome, ends_on)
    assert state in row.reason
    is_monthly = Contract.get_by_id(contract.id).renews_monthly_from_on == date(2027, 4, 1)
    assert is_monthly == (outcome == "monthly")


def test_on_the_last_day_of_a_term_the_one_before_it_is_not_made_up(table, alice):
    contract = agree(alice, "TX", starts_on=date(2023, 4, 1), term_months=12)  # a year at a time, since 2024

    run(date(2027, 3, 31))
    assert not contract.renewals.exists()

    run(date(2027, 4, 1))
    assert [row.term_end_on for row in contract.renewals] == [date(2027, 3, 31)]


def test_what_does_not_renew_by_itself_runs_on_month_to_month(table, alice):
    contract = agree(alice, "GA", auto_renew=False)

    run(date(2027, 4, 1))

    assert "until somebody ends it" in Renewal.get().reason
    assert renewals.term_of(contract, date(2027, 5, 5)).is_monthly


def test_ends_of_terms_long_ago_are_not_made_up(table, alice):
    agree(alice, "TX", starts_on=date(2015, 8, 1), term_months=12)

    run(date(2026, 12, 1))

    assert Renewal.select().count() == 0


def test_one_bad_contract_does_not_stop_the_others(table, alice, bob):
    bad, good = agree(alice), agree(bob)
    Contract.update(notice_days=10**7).where(Contract.id == bad.id).execute()

    trouble = run(date(2027, 1, 9))

    assert len(trouble) == 1 and "Alice" in trouble[0]
    assert the_row(good).state == "queued"


# --- Rules ---------------------------------------------------------------------------------------


def test_loading_again_changes_nothing(table):
    count = RenewalRule.select().count()

    assert rules.load_product(by="tests", now=NOW) == ([], [])
    assert RenewalRule.select().count() == count == 35


def test_a_file_never_overwrites_what_staff_made_of_a_rule(table):
    mine = rules.new_version(RenewalRule.get(RenewalRule.code == "GA-13-12-3"), by=BY, now=NOW)
    RenewalRule.update(opens_days=50).where(RenewalRule.id == mine.id).execute()
    rules.activate(RenewalRule.get_by_id(mine.id), reason="Counsel", by=BY, today=date(2026, 12, 1), now=NOW)

    assert rules.load_product(by="tests", now=NOW) == ([], [])
    changed = "code,st,opens,closes,anchor\nGA-13-12-3,GA,75,30,deadline\nXX-NEW,XX,60,30,deadline\n"
    with pytest.raises(BillingError, match="Line 3"):  # the whole file or nothing
        rules.load(changed, source="new.csv", by="tests", now=NOW)
    active, drafts = rules.load(
        changed.replace("XX-NEW,XX,60,30,deadline\n", ""), source="new.csv", by="t", now=NOW
    )

    assert (active, drafts) == ([], ["GA-13-12-3"])
    versions = RenewalRule.select().where(RenewalRule.code == "GA-13-12-3").order_by(RenewalRule.version)
    assert [(one.version, one.status, one.opens_days) for one in versions] == [
        (1, "retired", 60), (2, "active", 50), (3, "draft", 75),
    ]  # fmt: skip
    assert versions[2].citation == versions[0].citation  # what the file does not say stays


def test_the_text_of_an_active_rule_stands(table):
    with pytest.raises(IntegrityError):
        RenewalRule.update(opens_days=1).where(RenewalRule.code == "GA-13-12-3").execute()


def draft_of(code, **changes):
    draft = rules.new_version(RenewalRule.get(RenewalRule.code == code), by=BY, now=NOW)
    RenewalRule.update(**changes).where(RenewalRule.id == draft.id).execute()
    return RenewalRule.get_by_id(draft.id)


def test_a_version_of_the_future_leaves_earlier_terms_to_the_one_before(table, alice):
    draft = draft_of("NC-7541", opens_days=60, closes_days=30, effective_from_on=date(2027, 6, 1))
    rules.activate(draft, reason="H188", by=BY, today=date(2026, 12, 1), now=NOW)
    early, late = agree(alice, "NC"), agree(alice, "NC", starts_on=date(2024, 8, 1))

    run(date(2027, 2, 14))
    run(date(2027, 6, 1))

    assert the_row(early, term_end_on=date(2027, 3, 31)).rule.version == 1
    row = the_row(late, term_end_on=date(2027, 7, 31))
    assert (row.rule.version, row.opens_on) == (2, date(2027, 6, 1))


def test_a_draft_lists_exactly_the_contracts_that_brute_force_finds(table, alice, bob):
    """NC H188, from a day on: recomputed contract by contract, with the old and the new table."""
    today, starts = date(2026, 12, 1), [date(2024, month, 1) for month in range(1, 13)]
    made = [agree(alice, state, starts_on=on) for on in starts for state in ("NC", "GA")]
    made += [agree(bob, "NC", starts_on=on, renewal_months=1) for on in starts[:3]]
    draft = draft_of("NC-7541", opens_days=75, closes_days=30, effective_from_on=date(2027, 1, 1))
    old = rules.active()

    listed = {change.contract.id: change for change in impact.changes(draft, today=today, now=NOW)}
    rules.activate(draft, reason="H188", by=BY, today=today, now=NOW)
    new = rules.active()

    expected = {}
    for contract in made:
        party = agreements.of(contract)
        pair = []
        for versions in (old, new):
            found = [
                (rule, windows.window(rule, party.agreement, windows.occasion(rule, party.agreement, today)))
                for rule in versions
                if rule.code == "NC-7541"
                and impact.matching.match(
                    rule, party.agreement, windows.occasion(rule, party.agreement, today)
                ).applies
            ]
            pair.append(found[0][1] if found else None)
        if pair[0] != pair[1]:
            expected[contract.id] = pair
    assert {id: [one.before, one.after] for id, one in listed.items()} == expected
    assert {one.kind for one in listed.values()} >= {"moved", "opened"}
    assert len(expected) > 5


def test_a_window_that_a_new_version_closed_already_is_called_missed_beforehand(table, alice):
    contract = agree(alice, "NC")
    draft = draft_of("NC-7541", opens_days=120, closes_days=110)

    [change] = impact.changes(draft, today=date(2027, 1, 5), now=at(date(2027, 1, 5)))

    assert (change.contract, change.kind) == (contract, "missed")


def test_a_window_whose_notice_is_out_stays_and_is_not_called_missed(table, alice):
    agree(alice, "GA")
    run(date(2027, 1, 9))
    draft = draft_of("GA-13-12-3", opens_days=90, closes_days=75)

    [change] = impact.changes(draft, today=date(2027, 1, 10), now=at(date(2027, 1, 10)))

    assert change.kind == "stays"


def test_nothing_changes_before_a_draft_is_activated(table, alice):
    contract = agree(alice, "NC")
    draft_of("NC-7541", opens_days=120, closes_days=110)
    run(date(2027, 1, 5))

    assert the_row(contract).rule.version == 1


def test_counsel_reviews_a_table_and_a_change_asks_for_it_again(table):
    assert "Nobody has said yet" in rules.review_words()
    rules.review("Jane Doe, Esq.", by=BY, today=date(2026, 12, 1), now=NOW)
    assert rules.review_words() == ""
    assert RuleReview.get().rule_count == 35

    rules.activate(draft_of("NC-7541", opens_days=60), reason="H188", by=BY, today=date(2026, 12, 1), now=NOW)

    assert "has changed since Jane Doe, Esq. reviewed it on December 1, 2026" in rules.review_words()


def test_two_owners_cannot_activate_a_draft_twice(table):
    draft = draft_of("NC-7541", opens_days=60)
    again = RenewalRule.get_by_id(draft.id)
    rules.activate(draft, reason="H188", by=BY, today=date(2026, 12, 1), now=NOW)

    with pytest.raises(BillingError, match="already"):
        rules.activate(again, reason="H188", by=BY, today=date(2026, 12, 1), now=NOW)


# --- Reports -------------------------------------------------------------------------------------


def test_the_figures_count_what_the_lists_show(table, alice, db):
    agree(alice)
    agree(factories.make_customer("Paul Paper", email=""))
    run(date(2026, 12, 1))
    assert figures.standing(date(2026, 12, 1)).opening == 2
    assert [one.span for one in figures.ending(date(2026, 12, 1))] == [120, 120]
    live(date(2027, 1, 9), date(2027, 1, 15))
    run(date(2027, 1, 26))
    standing = figures.standing(date(2027, 1, 26))
    assert (standing.out, standing.at_risk) == (2, 2)

    run(date(2027, 1, 31))
    run(date(2027, 4, 1))

    assert figures.standing(date(2027, 4, 1)).missed == 2
    march = next(month for month in figures.months(date(2027, 4, 1)) if month.first == date(2027, 3, 1))
    assert (march.renewed, march.monthly, march.ended, march.rate_percent) == (0, 2, 0, 100)


def test_who_leaves_while_it_runs_month_to_month_lowers_no_renewal_rate(table, alice, bob):
    """One term renews, one is left with its end, and one contract ends long after its term."""
    agree(alice, "TX", starts_on=date(2023, 4, 1), term_months=36)  # renews on April 1, 2026
    leaves = agree(bob, "TX", starts_on=date(2023, 4, 1), term_months=36)
    monthly = agree(bob, "TX", starts_on=date(2023, 4, 1), term_months=12, renewal_months=1)
    for contract, on in ((leaves, date(2026, 3, 31)), (monthly, date(2026, 3, 10))):
        Contract.update(ends_on=on, end_reason="moved").where(Contract.id == contract.id).execute()
    run(date(2026, 4, 1))

    by_month = {month.first: month for month in figures.months(date(2026, 4, 30))}

    march = by_month[date(2026, 3, 1)]
    assert (march.renewed, march.ended, march.left, march.rate_percent) == (1, 1, 1, 50)
    assert by_month[date(2026, 2, 1)].rate_percent is None  # nobody noted terms then
    assert not by_month[date(2026, 2, 1)].is_watched and march.is_watched


def test_the_step_reads_as_little_for_many_contracts_as_for_few(table, db):
    def asked():
        seen = []
        db.query_hooks = [lambda query: seen.append(query)] if hasattr(db, "query_hooks") else []
        planning.plan_due(date(2026, 8, 1), now=at(date(2026, 8, 1)))
        db.query_hooks = []
        return len(seen)

    for _ in range(2):
        agree(factories.make_customer())
    few = asked()
    for _ in range(10):
        agree(factories.make_customer())

    assert asked() - few <= 20  # one savepoint for each contract, and no query
