"""Staff are mailed before a legal window closes, and when it closed without proof: really, each once."""

from datetime import date, timedelta

import pytest

import models
from billing.edges import commands
from billing.edges.replies import Replies
from models import Notice, RenewalNotice, Staff
from tests import factories
from tests.post_office import PostOffice
from tests.test_renewals import agree, run, table  # noqa: F401

ALARM, CLOSED = date(2027, 1, 25), date(2027, 1, 31)


@pytest.fixture
def office():
    with PostOffice() as office:
        yield office


@pytest.fixture
def daily(app, db, clock, table, office):  # noqa: F811
    """``daily(on)``: the renew step of the daily job on a day, with a real mail server."""
    models.db.connect(reuse_if_open=True)
    app.clock = clock
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
    for name, role in (("Olga", "owner"), ("Sam", "billing"), ("Priya", "support")):
        Staff.create(email=f"{name.lower()}@lantern.example", name=name, role=role)
    Staff.create(email="gone@lantern.example", name="Gone", role="owner", left_on=date(2026, 1, 1))

    def act(on):
        clock.set(on)
        with app.app_context():
            return commands.run_day(app, on, only="renew", tell=lambda line: None)

    return act


@pytest.fixture
def letter(daily):
    """A notice that waits to be printed; its window closes on January 30."""
    contract = agree(factories.make_customer("Paul Paper", email=""))
    run(date(2027, 1, 15))
    return contract


def text_of(mail):
    return " ".join(mail.get_body(("plain",)).get_content().split())


def test_owners_and_billing_are_mailed_before_a_window_closes_and_once(daily, letter, office):
    daily(ALARM)
    daily(ALARM)
    daily(ALARM + timedelta(days=1))

    assert sorted(mail["To"] for mail in office.taken) == ["olga@lantern.example", "sam@lantern.example"]
    mail = office.taken[0]
    assert mail["Subject"].endswith(
        "1 renewal notice without proof, the first window closes on January 30, 2027"
    )
    said = text_of(mail)
    assert f"The notice by GA-13-12-3 for {letter} waits to be printed and mailed" in said
    assert "/staff/renewal-notice/?standing=at_risk" in said
    assert str(letter) in mail.get_body(("html",)).get_content()


def test_when_it_closed_they_are_mailed_what_followed(daily, letter, office):
    daily(ALARM)
    daily(CLOSED)
    daily(CLOSED)

    assert len(office.taken) == 4
    said = text_of(office.taken[-1])
    assert "1 renewal notice missed" in said and "no fee for leaving" in said
    assert "standing=missed" in said


def test_while_no_mail_leaves_it_is_tried_again_with_every_run(daily, letter, office):
    office.script = ["450", "450"]
    daily(ALARM)
    assert office.taken == []

    daily(ALARM)
    assert len(office.taken) == 2


def test_who_was_not_reached_is_mailed_with_the_next_run_and_nobody_twice(daily, letter, office):
    office.script = ["450"]
    daily(ALARM)
    assert len(office.taken) == 1

    daily(ALARM)
    daily(ALARM)
    assert sorted(mail["To"] for mail in office.taken) == ["olga@lantern.example", "sam@lantern.example"]


def test_before_the_company_is_live_staff_are_not_mailed_either(daily, letter, office):
    models.Company.update(live_on=None).execute()
    daily(ALARM)
    assert office.taken == []

    models.Company.update(live_on=ALARM).execute()
    daily(ALARM)
    assert len(office.taken) == 2


def test_an_answer_to_a_warning_names_no_message_to_a_customer(app, daily, letter, office, monkeypatch):
    """A signed address would name a row that does not exist."""
    monkeypatch.setattr(app, "replies", Replies("secret", "reply@lantern.example", "lantern.example"))
    daily(ALARM)

    assert {mail["Reply-To"] for mail in office.taken} == {app.config["MAIL_FROM"]}
    assert set(office.senders) == {app.config["MAIL_FROM"]}


def test_nobody_is_mailed_what_was_done_in_time(daily, letter, office):
    row = letter.renewal_notices.get()
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()
    models.RenewalNotice.update(state=RenewalNotice.PROVEN, sent_on=date(2027, 1, 18)).where(
        RenewalNotice.id == row.id
    ).execute()

    daily(ALARM)

    assert office.taken == []
