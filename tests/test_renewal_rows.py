"""Every row of the table of rules, carried out by the step: what it demands is sent, or a person does it.

The days themselves are tested in test_renewal_windows.py, one contract's way in test_renewals.py.
"""

from datetime import date, datetime, timedelta

import pytest

from billing.notices import bouncing
from billing.renewals import asking, closing, day, prices, rules, windows
from models import Contract, Notice, PriceChange, RenewalNotice, RenewalRule
from tests import factories
from tests.test_renewal_windows import FITTING

NOW = datetime(2026, 11, 22, 18, 0)
FIRST, LAST = date(2026, 11, 22), date(2027, 4, 2)
COLUMNS = {"leased": "leased_equipment"}
MAIL, PAPER = Notice.MAIL, Notice.PAPER
STRICTER = (RenewalNotice.EMAIL, RenewalNotice.MAIL, RenewalNotice.CERTIFIED)


def at(on):
    return datetime(on.year, on.month, on.day, 18)


@pytest.fixture
def table(db, company):
    rules.load_product(by="tests", now=NOW)
    return list(RenewalRule.select().order_by(RenewalRule.code))


@pytest.fixture
def contracts(table):
    """{code: a contract that the rule is about}: three years that end on March 31, 2027."""
    return {rule.code: agreed(rule) for rule in table}


def agreed(rule):
    state = "TX" if rule.state == "*" else rule.state
    customer = factories.make_customer(rule.code, email=f"{rule.code.lower()}@mail.example", state=state)
    site = factories.make_site(customer, state=state)
    fields = {COLUMNS.get(name, name): value for name, value in FITTING.get(rule.code, {}).items()}
    if rule.state == "CA":
        fields["renewal_disclosure_signed_on"] = date(2024, 4, 1)
    if rule.code == "AR-LEASE":  # a home in Arkansas renews for a month at most; a shop may for longer
        fields["audience"] = "business"
    usual = {"starts_on": date(2024, 4, 1), "term_months": 36, "renewal_months": 12, "notice_days": 30}
    contract = factories.make_contract(customer, **usual | fields)
    factories.make_charge(contract, site=site, starts_on=date(2026, 12, 1))
    return contract


def live(each, wakes=lambda row: (row.plan_on,)):
    """The renew step every month and on the days of its rows that ``wakes`` names. Returns what it told."""
    on, told = FIRST, []
    while on <= LAST:
        day.run(on, now=at(on), trouble=told)
        each(on)
        ahead = RenewalNotice.select().where(
            RenewalNotice.state << (RenewalNotice.PLANNED, RenewalNotice.QUEUED)
        )
        days = [on + timedelta(days=30), LAST, *(edge for row in ahead for edge in wakes(row))]
        on = min((one for one in days if one > on), default=LAST + timedelta(days=1))
    return told


def leaves(on):
    """The mail of a day leaves and arrives."""
    for notice in Notice.select().where((Notice.channel == MAIL) & (Notice.state == Notice.QUEUED)):
        Notice.update(state=Notice.SENT, sent_at=at(on)).where(Notice.id == notice.id).execute()


def row_of(contract, code):
    return contract.renewal_notices.where(RenewalNotice.rule_code == code).order_by(RenewalNotice.id).first()


def test_what_every_row_demands_is_sent_in_its_window_or_the_page_says_who_does_it(table, contracts):
    charge = contracts["CA-ARL-P"].charges.get()
    prices.plan([charge], prices.Rise(more_cents=100), from_on=date(2027, 3, 1), reason="New prices",
                by="tests", today=FIRST, now=NOW)  # fmt: skip
    live(leaves)

    for rule in table:
        contract = contracts[rule.code]
        if rule.basis == RenewalRule.PRICE_CHANGE:
            change = PriceChange.get(PriceChange.charge == charge)
            notice = change.notices.where(Notice.channel == MAIL).get()
            assert change.tell_from_on <= notice.created_at.date() <= change.tell_by_on
        elif windows.has_window(rule):
            row = row_of(contract, rule.code)
            assert row and row.notice, f"{rule.code}: nothing was sent"
            assert row.opens_on <= row.notice.created_at.date() <= row.closes_on, rule.code
            assert row.notice.channel == (MAIL if row.medium == RenewalNotice.EMAIL else PAPER)
            assert STRICTER.index(row.medium) >= STRICTER.index(wanted_medium(rule)), rule.code
        else:
            item = item_of(contract, rule.code)
            assert "asks for no message" in " ".join(item.by_hand), f"{rule.code}: who does it?"


def wanted_medium(rule):
    """By the table's own words: paper for "written" from somebody who never agreed to mail."""
    ways = set(rule.media.split("|"))
    if ways & {"email", "retainable", "conspicuous", "any", "signup_medium", "ack_and_reply"}:
        return RenewalNotice.EMAIL
    return RenewalNotice.CERTIFIED if ways & {"certified", "hand"} else RenewalNotice.MAIL


def item_of(contract, code):
    found = asking.contract_end(contract, today=FIRST, now=NOW)
    items = [item for item in found.applying if item.rule.code == code]
    return items[0] if items else asking.Item(
        RenewalRule.get(RenewalRule.code == code), "", None, None, None, (),
        asking.by_hand_words(RenewalRule.get(RenewalRule.code == code)),
    )  # fmt: skip


def test_mail_of_every_row_that_comes_back_goes_on_paper_while_there_is_time(table, contracts):
    def bounce(on):
        leaves(on)
        out = (Notice.channel == MAIL) & (Notice.state == Notice.SENT) & Notice.bounced_at.is_null()
        for notice in Notice.select().where(out):
            bouncing.came_back(notice, code="4.4.1", text="No answer", now=at(on))
        day.run(on, now=at(on), trouble=[])

    live(bounce)

    for rule in (one for one in table if windows.has_window(one) and one.basis != RenewalRule.PRICE_CHANGE):
        row = row_of(contracts[rule.code], rule.code)
        assert row.notice.channel == PAPER, rule.code
        assert row.medium != RenewalNotice.EMAIL


def test_every_row_whose_window_closes_unproven_is_alarmed_and_has_its_consequence(table, contracts):
    told = " ".join(live(lambda on: None, lambda row: (row.alarm_on, row.closes_on + timedelta(days=1))))

    for rule in (one for one in table if windows.has_window(one) and one.basis != RenewalRule.PRICE_CHANGE):
        row, contract = row_of(contracts[rule.code], rule.code), contracts[rule.code]
        assert row.state == RenewalNotice.MISSED, rule.code
        assert row.alarmed_at and row.consequence, rule.code
        assert closing.alarm_words(row)[:20] in told
        if rule.basis != RenewalRule.CONTINUOUS and rule.consequence in closing.MONTHLY:
            contract = Contract.get_by_id(contract.id)
            assert contract.renews_monthly_from_on == date(2027, 4, 1), rule.code
            assert closing.fee_refusal(contract, today=date(2027, 4, 2)), rule.code
