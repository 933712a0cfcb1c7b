"""Opened by a person: what counts, what never does, and which message it was."""

from datetime import timedelta

import pytest
from peewee import IntegrityError

from billing import links, notices, sightings
from models import Invoice, Link, Notice, Sighting
from tests import factories, office
from tests.portal_visitor import SAME_ORIGIN, Visitor
from tests.test_portal_account import enter

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


@pytest.fixture
def invoice(alice):
    return factories.make_invoice(alice, cents=4250)


@pytest.fixture
def visitor(app):
    return Visitor(app)


def link_to(invoice, clock):
    return f"/i/{links.pay_link(invoice, now=clock.now(), contact=factories.payer(invoice.customer))}"


def report(visitor, page, browser=PHONE, **changes):
    """What the page's script sends after the first real touch."""
    [script] = page.tree.xpath("//script[@data-seen]")
    form = {"csrf_token": script.get("data-token")} | changes
    answer = visitor.client.post(
        script.get("data-seen"), data=form, headers={"User-Agent": browser, **SAME_ORIGIN}
    )
    return answer.status_code


def test_fetching_a_page_is_no_opening(visitor, invoice, clock):
    for _ in range(3):
        visitor.open(link_to(invoice, clock))

    assert Sighting.select().count() == 0
    assert Invoice.get().first_seen_at is None


def test_a_person_who_touches_the_page_has_opened_the_invoice(visitor, invoice, clock):
    page = visitor.open(link_to(invoice, clock))

    assert report(visitor, page) == 204

    seen = Sighting.get()
    assert (seen.page, seen.how, seen.invoice, seen.contact.email, seen.at) == (
        "invoice", "looked", invoice, "alice@example.com", clock.now(),
    )  # fmt: skip
    assert Invoice.get().first_seen_at == clock.now()


def test_it_is_noted_once_a_day_and_the_first_time_stays(visitor, invoice, clock):
    path = link_to(invoice, clock)
    first = clock.now()
    for _ in range(2):
        report(visitor, visitor.open(path))
    clock.set(clock.today() + timedelta(days=2))
    report(visitor, visitor.open(path))

    assert Sighting.select().count() == 2
    assert Invoice.get().first_seen_at == first


@pytest.mark.parametrize(
    "browser",
    ["", "Mozilla/5.0 HeadlessChrome/140", "python-requests/2.32", "BarracudaCentral", "Twitterbot/1.0"],
)
def test_a_program_that_says_so_has_opened_nothing(visitor, invoice, clock, browser):
    assert report(visitor, visitor.open(link_to(invoice, clock)), browser) == 204

    assert Sighting.select().count() == 0


def test_nothing_is_noted_without_the_token_of_the_page(visitor, invoice, clock):
    page = visitor.open(link_to(invoice, clock))

    assert report(visitor, page, csrf_token="made up") == 400
    assert Sighting.select().count() == 0


def test_our_own_people_who_look_at_the_page_are_not_the_customer(app, invoice, clock):
    visitor = Visitor(app)
    visitor.client = office.enter(app).client
    report(visitor, visitor.open(link_to(invoice, clock)))

    assert Sighting.select().count() == 0


def test_who_is_signed_in_opens_an_invoice_too(app, alice, invoice, clock):
    visitor = enter(Visitor(app), factories.payer(alice), clock)
    report(visitor, visitor.open(f"/account/invoices/{invoice.number}"))

    assert Sighting.get().contact == factories.payer(alice)
    assert Invoice.get().first_seen_at


def test_nobody_notes_a_look_at_somebody_elses_invoice(app, alice, bob, invoice, clock):
    visitor = enter(Visitor(app), factories.payer(bob), clock)
    own = visitor.open(f"/account/invoices/{factories.make_invoice(bob).number}")
    own.tree.xpath("//script[@data-seen]")[0].set("data-seen", f"/account/invoices/{invoice.number}/seen")

    assert report(visitor, own) == 404
    assert Sighting.select().count() == 0


def test_a_question_that_was_typed_is_evidence_without_any_script(visitor, invoice, clock):
    visitor.client.environ_base["HTTP_USER_AGENT"] = PHONE
    page = visitor.open(link_to(invoice, clock))
    visitor.press(page, "Send", body="")
    assert Sighting.select().count() == 0

    visitor.press(page, "Send", body="What is this for?")

    assert Sighting.get().how == "acted"


def test_a_link_tells_which_message_was_opened(app, alice, invoice, clock):
    notices.queue_invoices([invoice.id], now=clock.now())
    app.compose(Notice.get(), clock.now())
    carried = list(Link.select().where(Link.carried_by == Notice.get()))
    assert {link.purpose for link in carried} == {"pay", "preferences"}

    link = next(one for one in carried if one.purpose == "preferences")
    sightings.note("preferences", customer=alice, today=clock.today(), now=clock.now(), link=link,
                   contact=link.contact, browser=PHONE)  # fmt: skip

    assert Sighting.get().notice == Notice.get()


def test_a_sighting_is_evidence_and_stays_as_it_is(visitor, invoice, clock):
    report(visitor, visitor.open(link_to(invoice, clock)))

    with pytest.raises(IntegrityError):
        Sighting.update(how="acted").execute()
    with pytest.raises(IntegrityError):
        Sighting.delete().execute()
