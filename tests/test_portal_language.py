"""In which language a page answers: as chosen in this browser, as the account reads, as the browser asks."""

import pytest

from billing import links
from models import Contact, Customer, Event
from tests.factories import fresh, make_invoice, payer
from tests.portal_visitor import SAME_ORIGIN, Visitor
from tests.test_portal_account import enter
from tests.test_spanish_pages import in_spanish

SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def abroad(app):
    """A browser that asks for Spanish."""
    visitor = Visitor(app)
    visitor.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = SPANISH["Accept-Language"]
    return visitor


def spoken(page):
    return page.tree.get("lang")


def choose(visitor, page, code):
    """Press one of the two at the foot of ``page``, as a browser would."""
    [form] = page.tree.xpath("//form[@action='/language']")
    [button] = form.xpath(f".//button[@value='{code}']")
    fields = [*form.form_values(), ("language", button.get("value"))]
    return visitor.send("post", "/language", [one for one in fields if one[0]])


# --- Before anybody is known ---------------------------------------------------------------------


def test_the_way_in_is_in_the_browsers_language(abroad, alice):
    page = abroad.open("/sign-in")
    assert "Vea su cuenta" in in_spanish(page)
    in_spanish(abroad.press(page, "Envíenme un código", email="nobody"))
    in_spanish(abroad.press(page, "Envíenme un código", email=""))
    page = abroad.press(page, "Envíenme un código", email=payer(alice).email)
    in_spanish(page)
    in_spanish(abroad.press(page, "Entrar", code="12"))
    in_spanish(abroad.press(page, "Entrar", code="123456"))
    assert "otro correo va en camino" in in_spanish(abroad.press(page, "Enviar otro correo"))


@pytest.mark.parametrize("asked_for", ["", "fr", "de-DE,de;q=0.9,en;q=0.2", "en-US,en;q=0.9,es;q=0.1", ";;;"])
def test_any_other_browser_is_answered_in_english(visitor, db, asked_for):
    visitor.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = asked_for

    assert spoken(visitor.open("/sign-in")) == "en-US"


def test_a_page_that_needs_signing_in_says_so_in_spanish(abroad, db):
    assert "Por favor entre en su cuenta" in in_spanish(abroad.open("/account"))


@pytest.mark.parametrize(
    "path", ["/nothing", "/i/short", "/sign-in/unknown", "/account/nothing", "/payments/NONE"]
)
def test_what_is_not_there_says_so_in_spanish(abroad, db, path):
    in_spanish(abroad.open(path))


def test_a_form_that_was_open_too_long_says_so_in_spanish(abroad, db):
    page = abroad.press(abroad.open("/sign-in"), "Envíenme un código", email="a@b.co", csrf_token=None)

    assert page.status == 400
    assert "Por favor envíelo" in in_spanish(page)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("post", "/account", 405), ("delete", "/sign-in", 405)]
)
def test_what_an_address_does_not_take_is_refused_in_spanish(abroad, db, method, path, status):
    answer = getattr(abroad.client, method)(path, headers=SAME_ORIGIN)

    assert answer.status_code in (status, 400) and 'lang="es-US"' in answer.get_data(as_text=True)


def test_a_fault_of_ours_is_told_in_spanish(abroad, app, db, monkeypatch):
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.view_functions, "portal.sign_in", lambda: 1 / 0)
    answer = abroad.client.get("/sign-in")

    assert answer.status_code == 500 and "Algo falló de nuestro lado" in answer.get_data(as_text=True)


def test_the_back_office_speaks_english_to_everybody(abroad, db):
    for path in ("/staff/sign-in", "/staff/nothing/at/all"):
        assert '<html lang="en' in abroad.client.get(path, follow_redirects=True).get_data(as_text=True)


# --- Once somebody is known ----------------------------------------------------------------------


def test_what_the_account_reads_counts_more_than_the_browser(abroad, app, alice, clock):
    assert spoken(enter(abroad, payer(alice), clock).open("/account")) == "en-US"

    Customer.update(language="es").where(Customer.id == alice.id).execute()
    at_home = enter(Visitor(app), payer(fresh(alice)), clock)
    in_spanish(at_home.open("/account"))
    in_spanish(at_home.open("/nothing"))
    assert "Ha salido de su cuenta" in in_spanish(at_home.press(at_home.open("/account"), "Salir"))


def test_a_link_that_was_mailed_to_nobody_is_in_the_browsers_language(abroad, alice, clock):
    page = abroad.open(f"/i/{links.pay_link(make_invoice(alice), now=clock.now())}")

    in_spanish(page)


# --- The choice at the foot ----------------------------------------------------------------------


def test_it_is_kept_for_whoever_pays_and_leads_back(app, visitor, alice, clock):
    enter(visitor, payer(alice), clock)
    page = choose(visitor, visitor.open("/account/statement?from=2026-01-01&to=2026-11-30"), "es")

    assert page.path == "/account/statement?from=2026-01-01&to=2026-11-30"
    in_spanish(page)
    assert fresh(alice).language == "es"
    event = Event.get(Event.what == "customer.language")
    assert (event.before, event.after) == ('{"language": "en"}', '{"language": "es"}')
    assert event.by == f"customer:{payer(alice).email}"

    page = choose(visitor, page, "en")
    assert (spoken(page), fresh(alice).language) == ("en-US", "en")


def test_it_is_kept_for_whom_a_link_was_mailed_to(visitor, alice, clock):
    for path in (
        f"/i/{links.pay_link(make_invoice(alice), now=clock.now(), contact=payer(alice))}",
        f"/p/{links.preferences_link(payer(alice), now=clock.now())}",
    ):
        Customer.update(language="en").execute()
        visitor.client.delete_cookie("porchlight")
        page = choose(visitor, visitor.open(path), "es")
        assert page.path == path
        in_spanish(page)
        assert fresh(alice).language == "es"


@pytest.mark.parametrize("role", [Contact.TECHNICAL, "viewer"])
def test_who_does_not_pay_chooses_for_this_browser_only(visitor, alice, clock, role):
    roles = {name for name, _ in Contact.role.choices} - {Contact.PAYER}
    Contact.update(role=role if role in roles else roles.pop()).where(Contact.customer == alice.id).execute()
    person = alice.contacts.get()
    enter(visitor, person, clock)

    in_spanish(choose(visitor, visitor.open("/account/details"), "es"))
    assert fresh(alice).language == "en"


def test_before_anybody_is_known_the_browser_keeps_it(visitor, alice, clock):
    page = choose(visitor, visitor.open("/sign-in"), "es")
    assert page.path == "/sign-in"
    in_spanish(page)
    in_spanish(visitor.open("/nothing"))
    assert fresh(alice).language == "en"


def test_a_dead_or_strange_link_chooses_for_nobody(visitor, alice, clock):
    token = links.pay_link(make_invoice(alice), now=clock.now(), contact=payer(alice))
    clock.advance(days=900)
    page = choose(visitor, visitor.open(f"/i/{token}"), "es")

    in_spanish(page)
    assert fresh(alice).language == "en"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/staff/", "", "x"]
)
def test_it_leads_nowhere_but_to_pages_of_ours(visitor, db, back):
    page = visitor.open("/sign-in")
    [form] = page.tree.xpath("//form[@action='/language']")
    fields = dict(form.form_values()) | {"back": back, "language": "es"}
    answer = visitor.client.post("/language", data=fields, headers=SAME_ORIGIN)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("code", ["", "fr", "es'--", "x" * 500])
def test_what_is_no_language_of_ours_changes_nothing(visitor, alice, clock, code):
    enter(visitor, payer(alice), clock)
    page = visitor.open("/account")
    [form] = page.tree.xpath("//form[@action='/language']")
    visitor.send("post", "/language", list((dict(form.form_values()) | {"language": code}).items()))

    assert spoken(visitor.open("/account")) == "en-US" and fresh(alice).language == "en"


def test_the_choice_names_each_language_in_itself_and_marks_the_one_that_is_spoken(visitor, db):
    [form] = visitor.open("/sign-in").tree.xpath("//form[@action='/language']")
    named = [(one.tag, one.get("lang"), one.text) for one in form if one.get("lang")]

    assert named == [("strong", "en", "English"), ("button", "es", "Español")]
    assert form.get("aria-label") == "Language"
