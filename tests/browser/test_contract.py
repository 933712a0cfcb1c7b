"""The page on which a customer answers about their agreement: on a phone, by keyboard, without a script."""

import os
from pathlib import Path

import pytest

from billing import links, notices
from models import Contract, Notice, RenewalAnswer
from tests.browser.shop import button
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
    assert phone.get_by_text("Please type your name").first.is_visible()
    axe(phone)
    seen(phone, "agreement-no-name")
    phone.get_by_label("Your name").fill("Alice Archer")
    button(phone, "Cancel my service").click()
    phone.get_by_text("is your last day of service").first.wait_for()
    axe(phone)
    fits(phone)
    seen(phone, "agreement-ended")

    assert RenewalAnswer.get().answer == "end"
    assert Contract.get().ends_on is not None


def test_enter_in_the_name_answers_nothing(phone, shop, path):
    phone.goto(path)
    phone.get_by_label("Your name").fill("Alice Archer")
    phone.get_by_label("Your name").press("Enter")
    phone.get_by_text("Choose what you would like").wait_for()

    assert phone.get_by_label("Your name").input_value() == "Alice Archer"
    assert not RenewalAnswer.select().exists()
