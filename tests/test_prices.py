"""Increases: planned in their window, told, and billed only then; the database stands behind it."""

from datetime import date, datetime, timedelta

import pytest
from peewee import IntegrityError

from billing import bill, contracts, notices
from billing.errors import BillingError
from billing.notices import bouncing
from billing.outbox import judging
from billing.renewals import day as renewing
from billing.renewals import letter, prices, rules
from models import Charge, Company, Line, Notice, PriceChange, RenewalRule
from tests import factories
from tests.office import enter, text_of
from tests.test_renewals import agree, table  # noqa: F401

TODAY, NOW = date(2026, 12, 1), datetime(2026, 12, 1, 18, 0)
MARCH = date(2027, 3, 1)
FIVE_PERCENT = prices.Rise(ppm=50_000)


def at(on):
    return datetime(on.year, on.month, on.day, 18)


def plan(charges, rise=FIVE_PERCENT, *, from_on=MARCH, today=TODAY):
    told = {"reason": "Yearly adjustment", "by": "staff", "today": today, "now": at(today)}
    return prices.plan(charges, rise, from_on=from_on, **told)


def step(on):
    trouble = []
    renewing.run(on, now=at(on), trouble=trouble)
    return trouble


def sent(on):
    Notice.update(state="sent", sent_at=at(on)).where(Notice.kind == "price_change").execute()


def billed(on):
    """The unit prices of the lines that a bill run of a day wrote."""
    before = {line.id for line in Line.select(Line.id)}
    bill.run(on, by="t", now=at(on))
    return [line.unit_cents for line in Line.select().order_by(Line.id) if line.id not in before]


@pytest.fixture
def charge(company, alice):
    """A business, which is told by mail alone: people at home get paper too until they agree to mail."""
    alice.kind = "commercial"
    alice.save()
    return agree(alice).charges.get()


@pytest.fixture
def up_to_date(charge):
    """Billed until February."""
    for month in (date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)):
        bill.run(month, by="t", now=at(month))
    return charge


# --- Windows -------------------------------------------------------------------------------------


def test_california_wants_an_increase_told_30_to_7_days_before(table, alice):  # noqa: F811
    charge = agree(alice, "CA", renewal_disclosure_signed_on=date(2024, 4, 1)).charges.get()

    [row] = plan([charge])[0]

    assert (row.tell_from_on, row.tell_by_on) == (date(2027, 1, 30), date(2027, 2, 22))
    assert row.tell_from_on <= row.plan_on <= row.tell_by_on
    assert "CA-ARL-P" in row.arithmetic


@pytest.mark.parametrize("today, when", [
    ("2026-12-01", "between December 31, 2026 and January 30, 2027"),
    ("2027-01-10", "by January 30, 2027"),
    ("2027-01-30", "on January 30, 2027"),
])  # fmt: skip
def test_staff_read_when_a_new_price_must_be_told(charge, today, when):
    [row] = plan([charge])[0]

    assert prices.standing_words(row, today=date.fromisoformat(today)) == (
        "The customer was not told yet: the old price is billed. It counts from March 1, 2027 once the "
        f"message left {when}."
    )


def test_where_no_law_speaks_the_house_rule_does(charge):
    [row] = plan([charge])[0]

    assert (row.tell_from_on, row.tell_by_on) == (date(2026, 12, 31), date(2027, 1, 30))
    assert (row.old_cents, row.unit_cents, row.needs_notice) == (3000, 3150, True)


@pytest.mark.parametrize(
    ("rise", "cents"),
    [
        (prices.Rise(ppm=45_000), 3135),
        (prices.Rise(ppm=46_000), 3140),
        (prices.Rise(more_cents=233), 3233),
        (prices.Rise(to_cents=3499), 3499),
    ],
)
def test_how_prices_rise(rise, cents):
    assert rise.of(3000) == cents


def test_one_that_is_too_late_names_the_last_day(charge):
    made, refused = plan([charge], from_on=date(2027, 1, 1), today=date(2026, 12, 10))

    assert not made and "It had to be told by December 2, 2026" in refused[0].refusal


# --- Told, and billed ----------------------------------------------------------------------------


def test_what_was_told_in_time_is_billed(up_to_date):
    [row] = plan([up_to_date])[0]
    step(row.plan_on)
    sent(row.plan_on)
    step(date(2027, 2, 1))

    assert PriceChange.get().told_on == row.plan_on
    assert billed(MARCH) == [3150]


def test_what_was_not_told_is_billed_at_the_old_price_and_staff_see_why(app, up_to_date):
    plan([up_to_date])

    assert billed(MARCH) == [3000]
    said = prices.standing_words(PriceChange.get(), today=MARCH)
    assert said.startswith("Not billed: there is no proof that it was told by January 30, 2027.")
    page = enter(app).get("/staff/price-change/")
    assert "The customer was not told yet" in text_of(page)


def test_the_agreement_shows_a_planned_price_only_while_it_can_still_be_told(up_to_date):
    plan([up_to_date])

    def shown(on):
        [line] = letter.lines_of(up_to_date.contract, on)
        return line.now_cents

    assert (shown(TODAY), shown(MARCH)) == (3000, 3000)


def test_what_was_told_too_late_is_not_billed(up_to_date):
    [row] = plan([up_to_date])[0]
    step(row.plan_on)
    sent(date(2027, 2, 3))
    step(date(2027, 2, 4))

    assert PriceChange.get().told_on is None
    assert billed(MARCH) == [3000]


def test_what_came_back_is_untold_and_goes_out_on_paper(up_to_date):
    [row] = plan([up_to_date])[0]
    step(row.plan_on)
    sent(row.plan_on)
    step(row.plan_on)
    mail = Notice.get(Notice.kind == "price_change")
    bouncing.came_back(mail, code="5.1.1", text="No such mailbox", now=at(row.plan_on))
    step(row.plan_on)

    assert PriceChange.get().told_on is None
    assert Notice.select().where((Notice.kind == "price_change") & (Notice.channel == "paper")).count() == 1


def test_mail_that_has_not_left_three_days_before_it_is_too_late_becomes_a_letter(up_to_date):
    [row] = plan([up_to_date])[0]
    step(row.plan_on)
    step(row.tell_by_on - timedelta(days=4))
    assert Notice.select().where(Notice.channel == "paper").count() == 0
    for on in (row.tell_by_on - timedelta(days=3), row.tell_by_on - timedelta(days=2)):
        step(on)

    mail, letter_ = Notice.select().where(Notice.kind == "price_change").order_by(Notice.id)
    assert (mail.channel, mail.state) == ("mail", "skipped")
    assert (letter_.channel, letter_.legal, letter_.price_change) == ("paper", True, row)


def test_a_text_that_left_does_not_stand_in_for_the_letter(up_to_date):
    [row] = plan([up_to_date])[0]
    step(row.plan_on)
    mail = Notice.get(Notice.kind == "price_change")
    Notice.update(state="failed").where(Notice.id == mail.id).execute()
    about = {"customer": mail.customer, "contact": mail.contact, "price_change": row, "why": "t"}
    notices.queue("price_change", key="a text", channel="text", now=at(row.plan_on), **about)
    Notice.update(state="sent", sent_at=at(row.plan_on)).where(Notice.key == "a text").execute()

    step(row.tell_by_on - timedelta(days=3))

    assert [one.channel for one in row.notices.order_by(Notice.id)] == ["mail", "text", "paper"]


def test_staff_are_told_once_before_an_increase_is_told_too_late(app, up_to_date):
    [row] = plan([up_to_date])[0]
    alarms = [line for days in (6, 5, 4) for line in step(row.tell_by_on - timedelta(days=days))]

    assert len(alarms) == 1
    assert "It counts only if that happens by January 30, 2027." in alarms[0]
    assert [one.id for one in prices.at_risk(row.tell_by_on)] == [row.id]
    assert not prices.at_risk(row.tell_by_on + timedelta(days=1))
    page = enter(app).get("/staff/price-change/", filter_standing="at_risk")
    assert page.status_code == 200


def test_where_the_law_wants_paper_mail_alone_does_not_count(table, alice):  # noqa: F811
    draft = rules.new_version(RenewalRule.get(RenewalRule.code == "CA-ARL-P"), by="t", now=NOW)
    RenewalRule.update(media="mail").where(RenewalRule.id == draft.id).execute()
    rules.activate(draft, reason="Read again", by="t", today=TODAY, now=NOW)
    alice.kind = "commercial"
    alice.save()
    charge = agree(alice, "CA", renewal_disclosure_signed_on=date(2024, 4, 1)).charges.get()
    [row] = plan([charge])[0]
    step(row.plan_on)
    assert sorted(one.channel for one in row.notices) == ["mail", "paper"]

    Notice.update(state="sent", sent_at=at(row.plan_on)).where(Notice.channel == "mail").execute()
    step(row.plan_on)
    assert PriceChange.get().told_on is None
    Notice.update(state="sent", sent_at=at(row.plan_on)).where(Notice.channel == "paper").execute()
    step(row.plan_on)
    assert PriceChange.get().told_on == row.plan_on


def test_what_was_billed_ahead_before_its_message_came_back_waits_for_a_credit(app, up_to_date):
    [row] = plan([up_to_date])[0]
    step(row.plan_on)
    sent(row.plan_on)
    step(row.plan_on)
    Company.update(bill_ahead_days=30).execute()
    assert billed(date(2027, 1, 30)) == [3150]
    assert prices.billed_untold(date(2027, 2, 10)).count() == 0
    mail = Notice.get((Notice.kind == "price_change") & (Notice.channel == "mail"))
    bouncing.came_back(mail, code="5.1.1", text="No such mailbox", now=at(date(2027, 2, 9)))
    step(date(2027, 2, 9))

    [change] = prices.billed_untold(date(2027, 2, 10))
    said = prices.standing_words(change, today=date(2027, 2, 10))
    assert "before its message came back" in said and "Credit the $1.50" in said


def test_one_message_tells_all_new_prices_of_a_contract(charge):
    other = factories.make_charge(
        charge.contract, cents=1000, site=charge.site, item=factories.make_item("Video")
    )
    first, second = plan([charge, other])[0]
    step(first.plan_on)
    sent(first.plan_on)
    step(first.plan_on)

    assert Notice.select().where(Notice.kind == "price_change").count() == 1
    assert {row.told_on for row in PriceChange.select()} == {first.plan_on}
    told = prices.document(first, today=TODAY)
    assert dict(told.facts)["Video"] == "$10.00 every month now, $10.50 from then on"
    assert second.told_with == first


@pytest.mark.parametrize("is_queued", [False, True])
def test_what_is_told_with_a_price_that_was_taken_back_is_still_told(charge, is_queued):
    other = factories.make_charge(
        charge.contract, cents=1000, site=charge.site, item=factories.make_item("Video")
    )
    first, second = plan([charge, other])[0]
    if is_queued:
        step(first.plan_on)
    prices.cancel(first, reason="Mistake", by="t", today=TODAY, now=NOW)
    step(first.plan_on)
    notice = Notice.get(Notice.kind == "price_change")
    told = prices.document(notice.price_change, today=TODAY)

    assert judging.objection(notice, today=first.plan_on, now=at(first.plan_on)) == ""
    assert [term for term, _ in told.facts] == ["Account", "Where", "Video", "From"]
    sent(first.plan_on)
    step(first.plan_on)
    assert PriceChange.get_by_id(second.id).told_on == first.plan_on
    prices.cancel(second, reason="Mistake", by="t", today=TODAY, now=NOW)
    assert "taken back" in judging.objection(notice, today=first.plan_on, now=at(first.plan_on))


def test_a_charge_that_is_billed_already_does_not_stop_the_others(company, alice, bob):
    billed_ahead, other = agree(alice).charges.get(), agree(bob).charges.get()
    Charge.update(cycle_months=12, next_on=MARCH).where(Charge.id == billed_ahead.id).execute()
    billed_ahead = Charge.get_by_id(billed_ahead.id)
    on = prices.first_period(billed_ahead, MARCH)
    bill.run(on, by="t", now=at(on), customer=alice)

    made, refused = plan([billed_ahead, other], prices.Rise(to_cents=2500))

    assert [row.charge for row in made] == [other]
    assert "billed already" in refused[0].refusal


def test_the_message_goes_once_however_often_the_step_runs(charge):
    [row] = plan([charge])[0]
    for _ in range(3):
        step(row.plan_on)

    assert Notice.select().where(Notice.kind == "price_change").count() == 1


def test_people_at_home_are_told_on_paper_too_until_they_agree_to_mail(company, bob):
    [row] = plan([agree(bob).charges.get()])[0]
    step(row.plan_on)

    assert sorted(notice.channel for notice in Notice.select()) == ["mail", "paper"]


def test_a_decrease_and_what_was_agreed_to_need_no_message(up_to_date):
    made, _ = plan([up_to_date], prices.Rise(to_cents=2500))

    assert not made[0].needs_notice
    assert billed(MARCH) == [2500]
    contracts.change_price(
        up_to_date, from_on=date(2027, 4, 1), unit_cents=9900, reason="Cameras", by="t", now=NOW,
        agreed_how="Order 7 of March 12",
    )  # fmt: skip
    assert billed(date(2027, 4, 1)) == [9900]


def test_why_a_price_changes_keeps_no_card_number(charge):
    told = {"reason": "Costs, 4111 1111 1111 1111 ", "by": "t", "today": TODAY, "now": NOW}

    [change], _ = prices.plan([charge], FIVE_PERCENT, from_on=MARCH, **told)

    assert change.reason == "Costs, •••• 1111 (card number removed)"


def test_a_planned_price_is_taken_back_until_it_was_billed(up_to_date):
    told = {"reason": "Mistake, 4111 1111 1111 1111", "by": "t", "today": TODAY, "now": NOW}
    row = prices.cancel(plan([up_to_date])[0][0], **told)

    assert (row.canceled_on, row.cancel_reason) == (TODAY, "Mistake, •••• 1111 (card number removed)")
    made, refused = plan([up_to_date])  # another one fits on the same day
    assert (len(made), refused) == (1, [])
    with pytest.raises(BillingError, match="taken back already"):
        prices.cancel(row, **told)


# --- The database itself -------------------------------------------------------------------------


def test_no_line_is_written_at_a_price_that_nobody_told(db, up_to_date):
    plan([up_to_date])
    bill.run(MARCH, by="t", now=at(MARCH))
    copied = ", ".join(name for name in Line._meta.columns if name not in ("id", "unit_cents", "from_on"))

    with pytest.raises(IntegrityError, match="without its notice cannot be billed"), db.atomic():
        db.execute_sql(
            f"INSERT INTO line (unit_cents, from_on, {copied}) "
            f"SELECT 3150, from_on, {copied} FROM line WHERE from_on = '2027-03-01'"
        )


def test_nobody_claims_that_it_was_told_when_nothing_left(db, charge):
    [row] = plan([charge])[0]

    for statement in (
        "UPDATE price_change SET told_on = '2027-01-10'",
        "UPDATE price_change SET needs_notice = FALSE",
        "UPDATE price_change SET unit_cents = 9900",
    ):
        with pytest.raises(IntegrityError, match="no message told|frozen"), db.atomic():
            db.execute_sql(statement)
    assert PriceChange.get_by_id(row.id).told_on is None


def test_no_increase_is_written_that_is_neither_agreed_nor_to_be_told(db, charge):
    with pytest.raises(IntegrityError, match="agreed to, or told first"), db.atomic():
        PriceChange.create(
            charge=charge, starts_on=MARCH, unit_cents=9900, old_cents=3000, reason="x", by="x", made_at=NOW
        )


# --- The page ------------------------------------------------------------------------------------


def test_staff_see_who_pays_how_much_from_when_and_plan_it(app, charge):
    desk = enter(app)
    typed = {"from_on": "2027-03-01", "percent": "5", "kind": "commercial"}

    page = text_of(desk.get("/staff/price-increase", **typed))
    assert "Alice Archer" in page and "$30.00" in page and "$31.50" in page and "Mar 1, 2027" in page
    assert not PriceChange.select().exists()
    assert desk.post("/staff/price-increase", **typed).status_code == 400  # no reason
    desk.post("/staff/price-increase", **typed, reason="Yearly adjustment")

    assert PriceChange.get().unit_cents == 3150


def test_one_way_of_rising_is_said_and_no_more(app, charge):
    page = enter(app).get("/staff/price-increase", from_on="2027-03-01", percent="5", amount="2")

    assert page.status_code == 400
    assert "Say one of the three" in text_of(page)


def test_a_sum_for_a_month_is_not_taken_for_a_year(app, charge):
    """A price of $39.95 a month once made yearly charges of $424.20 cheap."""
    page = enter(app).get("/staff/price-increase", from_on="2027-03-01", to="39.95")

    assert page.status_code == 400
    assert "Say how often it is billed" in text_of(page)


def test_an_increase_lowers_nothing(app, charge, bob):
    dear = agree(bob).charges.get()
    Charge.update(unit_cents=9900).where(Charge.id == dear.id).execute()
    desk = enter(app)
    typed = {"from_on": "2027-03-01", "to": "35", "cycle": "1"}

    page = text_of(desk.get("/staff/price-increase", **typed))
    desk.post("/staff/price-increase", **typed, reason="Costs")

    assert "1 price would rise" in page and "1 price would become lower by this, and stays as it is" in page
    assert [row.charge_id for row in PriceChange.select()] == [charge.id]


def test_only_the_cycle_that_was_chosen_rises(app, charge, bob):
    yearly = agree(bob).charges.get()
    Charge.update(cycle_months=12).where(Charge.id == yearly.id).execute()
    enter(app).post("/staff/price-increase", from_on="2027-03-01", amount="2", cycle="1", reason="Costs")

    assert [row.charge_id for row in PriceChange.select()] == [charge.id]


def test_no_message_is_planned_for_a_day_that_is_over(charge):
    late = date(2027, 1, 28)
    [row] = plan([charge], today=late)[0]

    assert row.plan_on == late
    assert prices.LATE_PLAN in row.arithmetic


def test_staff_see_who_was_told_of_a_price_and_when(app, up_to_date):
    [row] = plan([up_to_date])[0]
    desk = enter(app)
    before = text_of(desk.get(f"/staff/price-change/{row.id}"))
    step(row.plan_on)
    sent(row.plan_on)
    told = text_of(desk.get(f"/staff/price-change/{row.id}"))
    notice = Notice.get(Notice.kind == "price_change")
    Notice.update(bounced_at=NOW).where(Notice.id == notice.id).execute()

    assert "Nobody yet. The message is planned for" in before
    assert f"E-mail to {notice.address}" in told and "Sent" in told
    assert "Came back" in text_of(desk.get(f"/staff/price-change/{row.id}"))


def test_a_price_change_names_its_customer_and_day(app, up_to_date):
    [row] = plan([up_to_date])[0]
    desk = enter(app)

    assert "Alice Archer" in text_of(desk.get("/staff/price-change/"))
    page = text_of(desk.get(f"/staff/price-change/{row.id}"))
    assert "Alice Archer" in page and "from Mar 1, 2027" in page


def test_only_charges_that_were_chosen_rise(app, charge, bob):
    other = agree(bob).charges.get()
    desk = enter(app)
    desk.post("/staff/price-increase", from_on="2027-03-01", to="35", charge=other.id, reason="Agreed")

    assert [row.charge for row in PriceChange.select()] == [Charge.get_by_id(other.id)]
