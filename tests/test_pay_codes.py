"""The code on paper: typed however people type, it opens its invoice; nobody finds one by trying."""

import subprocess
from datetime import timedelta

import pytest

from billing import links, notices, pay_codes
from billing.edges import letters, print_batches
from billing.errors import BillingError
from models import CodeGuess, Link, Notice
from tests.factories import BY, NOW, make_invoice
from tests.portal_visitor import Visitor

OPEN = "Open my invoice"
HERE = "203.0.113.7"
SECRET, RENEWED = "the application's secret", "a renewed secret of the application"


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, cents=4250)


@pytest.fixture
def token(invoice):
    return links.pay_link(invoice, now=NOW)


@pytest.fixture
def code(app, token):
    return pay_codes.give(token, secret=app.seal_secrets[0])


@pytest.fixture
def open_by(app):
    def open_by(code, *, address=HERE, now=NOW, secrets=app.seal_secrets):
        return pay_codes.open_by(code, address=address, secrets=secrets, now=now)

    return open_by


def wrong(n):
    return f"0000{n:06d}"


# --- Typing --------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_it_opens_its_invoice_however_it_is_typed(invoice, code, open_by):
    for typed in (code, code.lower(), code.replace("-", " "), f"  {code.replace('-', '')}. "):
        opened, of_several = open_by(typed)
        link = links.follow(opened, Link.PAY, now=NOW)
        assert (link.invoice, of_several) == (invoice, False)
    assert CodeGuess.select().count() == 0


@pytest.mark.one_database
@pytest.mark.parametrize(("shown", "typed"), [("0", "O"), ("1", "I"), ("1", "l"), ("V", "u")])
def test_what_looks_alike_is_the_same(shown, typed):
    assert pay_codes.read(f"AAAA{typed}-BBBBB") == f"AAAA{shown}BBBBB"


def test_no_code_is_stored_and_two_are_never_the_same(db, invoice):
    codes = {pay_codes.give(links.pay_link(invoice, now=NOW), secret=SECRET) for _ in range(5)}

    kept = " ".join(link.code_hash for link in Link.select())
    assert len(codes) == 5
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


@pytest.mark.one_database
def test_what_is_stored_finds_out_no_code_without_the_secret(token):
    kept = set()
    for secret in (SECRET, RENEWED):
        pay_codes.give(token, secret=secret)
        kept.add(Link.get(Link.purpose == Link.PAY).code_hash)
    assert len(kept) == 2


@pytest.mark.one_database
def test_a_code_of_an_earlier_secret_opens_until_that_is_forgotten(open_by, token):
    code = pay_codes.give(token, secret=SECRET)

    open_by(code, secrets=(RENEWED, SECRET))
    with pytest.raises(BillingError, match="We know no invoice"):
        open_by(code, secrets=(RENEWED,))


# --- It lives and ends with its link -------------------------------------------------------------


def test_it_ends_with_its_link_and_what_it_opened_ends_then_too(invoice, token, code, open_by):
    opened, _ = open_by(code)
    made = links.follow(token, Link.PAY, now=NOW)
    assert links.follow(opened, Link.PAY, now=NOW).expires_at == made.expires_at

    with pytest.raises(BillingError, match="We know no invoice"):
        open_by(code, now=made.expires_at)


def test_a_link_that_was_withdrawn_opens_by_no_code(code, open_by):
    links.revoke(Link.select(), by=BY, now=NOW)

    with pytest.raises(BillingError, match="We know no invoice"):
        open_by(code)


def test_the_digits_of_a_sign_in_mail_open_nothing_here(alice, open_by):
    links.sign_in_link(alice.contacts.get(), now=NOW)

    with pytest.raises(BillingError, match="We know no invoice"):
        open_by("1234567890")


# --- Guessing ------------------------------------------------------------------------------------


def test_after_ten_wrong_ones_even_the_right_one_waits_an_hour(code, open_by):
    for n in range(pay_codes.MOST_WRONG):
        with pytest.raises(BillingError, match="We know no invoice"):
            open_by(wrong(n))

    with pytest.raises(pay_codes.TooMany, match="Please try again in an hour"):
        open_by(code, now=NOW + timedelta(minutes=59))
    open_by(code, now=NOW + timedelta(minutes=61))
    open_by(code, address="203.0.113.8")


def test_who_goes_on_trying_does_not_make_the_hour_longer(code, open_by):
    for n in range(pay_codes.MOST_WRONG + 20):
        with pytest.raises(BillingError):
            open_by(wrong(n), now=NOW + timedelta(minutes=n))

    open_by(code, now=NOW + timedelta(minutes=75))


def test_one_house_with_many_addresses_is_one(code, open_by):
    for n in range(pay_codes.MOST_WRONG):
        with pytest.raises(BillingError):
            open_by(wrong(n), address=f"2001:db8:1:2::{n:x}")

    with pytest.raises(pay_codes.TooMany):
        open_by(code, address="2001:db8:1:2:ffff::1")
    open_by(code, address="2001:db8:1:3::1")


def test_one_owner_of_very_many_networks_is_one_as_well(code, open_by, monkeypatch):
    monkeypatch.setattr(pay_codes, "MOST_WRONG_AROUND", 3)
    for n in range(3):
        with pytest.raises(BillingError, match="We know no invoice"):
            open_by(wrong(n), address=f"2001:db8:1:{n:x}::1")

    with pytest.raises(pay_codes.TooMany):
        open_by(code, address="2001:db8:1:ffff::1")
    open_by(code, address="2001:db8:2::1")
    open_by(code)


def test_an_address_that_is_written_the_new_way_is_still_one_house(code, open_by):
    for n in range(pay_codes.MOST_WRONG):
        with pytest.raises(BillingError, match="We know no invoice"):
            open_by(wrong(n), address="::ffff:198.51.100.1")

    open_by(code, address="::ffff:198.51.100.2")


def test_many_networks_together_are_limited_as_well(code, open_by, monkeypatch):
    monkeypatch.setattr(pay_codes, "MOST_WRONG_OF_ALL", 3)
    for n in range(3):
        with pytest.raises(BillingError, match="We know no invoice"):
            open_by(wrong(n), address=f"198.51.100.{n}")

    with pytest.raises(pay_codes.TooMany):
        open_by(code)


def test_the_hour_goes_on_over_midnight(code, open_by):
    late = NOW.replace(hour=23, minute=50)
    for n in range(pay_codes.MOST_WRONG):
        with pytest.raises(BillingError, match="We know no invoice"):
            open_by(wrong(n), now=late)

    with pytest.raises(pay_codes.TooMany):
        open_by(code, now=late + timedelta(minutes=20))


def test_what_is_kept_of_an_address_tells_it_only_to_who_has_the_secret(code, open_by):
    for secret in (SECRET, RENEWED):
        with pytest.raises(BillingError):
            open_by(wrong(1), secrets=(secret,))

    assert len({guess.network_hash for guess in CodeGuess.select()}) == 2


def test_guesses_are_kept_for_a_day(code, open_by):
    for later in (timedelta(0), timedelta(hours=25)):
        with pytest.raises(BillingError):
            open_by(wrong(1), now=NOW + later)

    assert CodeGuess.select().count() == 1


def test_what_can_be_no_code_is_no_guess(open_by):
    for typed in ("", "12345", "K7Q2M-9XW4R1", "ÄÖÜ!!", "x" * 10_000, "\x00" * 10):
        with pytest.raises(BillingError, match="ten letters and digits"):
            open_by(typed)
    assert CodeGuess.select().count() == 0


# --- The page ------------------------------------------------------------------------------------


def test_the_page_leads_to_the_invoice_and_says_what_is_wrong(app, code):
    visitor = Visitor(app)

    page = visitor.press(visitor.open("/pay"), OPEN, code="K7Q2M-9XW4")
    assert (page.status, page.value_of("code")) == (422, "K7Q2M-9XW4")
    assert "A code has ten letters and digits" in page.error_of("code")
    page = visitor.press(page, OPEN, code=wrong(1))
    assert page.error_of("code").startswith("We know no invoice by this code")
    page = visitor.press(page, OPEN, code=code)

    assert page.path.startswith("/i/")
    assert "Invoice 10001" in page.headline


def test_who_is_stopped_reads_calmly_what_works_and_the_link_still_does(app, token, code):
    visitor = Visitor(app)
    page = visitor.open("/pay")
    for n in range(pay_codes.MOST_WRONG):
        page = visitor.press(page, OPEN, code=wrong(n))

    page = visitor.press(page, OPEN, code=code)

    assert page.status == 429
    assert "scan the square code on your invoice or letter" in page.text
    assert visitor.open(f"/i/{token}").status == 200


def test_a_scanner_that_posts_without_having_opened_the_page_counts_for_nothing(app, code):
    visitor = Visitor(app)

    assert visitor.client.post("/pay", data={"code": wrong(1)}).status_code == 400
    assert CodeGuess.select().count() == 0


def test_the_page_and_all_that_it_says_are_said_in_spanish(app, code):
    """Whole, or the page would be left in English."""
    visitor = Visitor(app)
    visitor.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "es"
    pages = [visitor.open("/pay")]
    for typed in ["", "K7Q2M", *map(wrong, range(pay_codes.MOST_WRONG + 1))]:
        pages.append(visitor.press(pages[-1], "Abrir mi factura", code=typed))

    assert [page.status for page in pages] == [200] + [422] * 12 + [429]
    assert {page.tree.get("lang") for page in pages} == {"es-US"}


# --- On paper ------------------------------------------------------------------------------------


def printed(app, notice, clock):
    content, letter = print_batches.one_letter(app, notice, today=clock.today(), now=clock.now())
    return " ".join(text_of(content).split()), letter


def text_of(content):
    run = subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True)
    return run.stdout.decode()


@pytest.mark.parametrize("kind", [Notice.INVOICE, Notice.REMINDER, Notice.OVERDUE])
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "No camera? Type this at {}:"), ("es", "¿Sin cámara? Escriba en {}:")],
)
def test_paper_that_asks_for_money_has_a_code(app, alice, invoice, clock, kind, language, words, open_by):
    alice.language = language
    alice.save()
    notices.queue(
        kind, key="paper", customer=alice, invoice=invoice, channel=Notice.PAPER, why="You are a customer.",
        now=clock.now(),
    )  # fmt: skip

    text, letter = printed(app, Notice.get(), clock)

    host = app.config["BASE_URL"].partition("://")[2]
    _, found, rest = text.partition(words.format(f"{host}/pay"))
    assert found, text
    opened, _ = open_by(rest.split()[0], now=clock.now())
    assert links.follow(opened, Link.PAY, now=clock.now()).invoice == invoice
    assert rest.split()[0] not in letter.text


def test_what_is_mailed_has_no_code(app, alice, invoice, clock):
    notices.queue(
        Notice.INVOICE, key="mail", customer=alice, contact=alice.contacts.get(), invoice=invoice, why="x",
        now=clock.now(),
    )  # fmt: skip

    letters.composer(app)(Notice.get(), clock.now())
    assert {link.code_hash for link in Link.select()} == {""}
