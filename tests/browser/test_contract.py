"""The page on which a customer answers about their agreement: on a phone, by keyboard, without a script."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from billing import links, notices
from models import Contract, Notice, RenewalAnswer
from tests.browser.shop import button
from tests.browser.signs import says
from tests.test_renewals import agree

SHOTS = os.environ.get("SHOTS")


@pytest.fixture
def path(shop):
    contract = agree(shop.alice)
    told = {"customer": shop.alice, "contact": shop.contact, "contract": contract, "now": shop.now}
    notices.queue(Notice.RENEWAL, key="n", why="x", **told)
    return f"{shop.url}/c/{links.answer_link(shop.contact, Notice.get(), now=shop.now)}"


def seen(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_an_agreement_is_read_and_ended_on_a_phone(phone, shop, path, axe, fits):
    phone.goto(path)
    axe(phone)
    fits(phone)
    seen(phone, "agreement")
    button(phone, "Cancel my service").click()
    says(phone, "Please type your name")
    axe(phone)
    seen(phone, "agreement-no-name")
    phone.get_by_label("Your name").fill("Alice Archer")
    button(phone, "Cancel my service").click()
    says(phone, "is your last day of service")
    axe(phone)
    fits(phone)
    seen(phone, "agreement-ended")

    assert RenewalAnswer.get().answer == "end"
    assert Contract.get().ends_on is not None


def test_enter_in_the_name_answers_nothing(phone, shop, path):
    phone.goto(path)
    phone.get_by_label("Your name").fill("Alice Archer")
    phone.get_by_label("Your name").press("Enter")
    says(phone, "Choose what you would like")

    expect(phone.get_by_label("Your name")).to_have_value("Alice Archer")
    assert not RenewalAnswer.select().exists()
