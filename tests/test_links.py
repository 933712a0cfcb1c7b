"""Links and codes: one purpose, one person, a limited time, and only their hash is kept."""

from datetime import date, timedelta

import pytest

from billing import links
from billing.errors import BillingError
from billing.links import DeadLink
from models import Contact, Event, Link, Notice
from tests.at_once import together
from tests.factories import BY, NOW, make_customer, make_invoice, payer

SOON = NOW + timedelta(minutes=5)
LATE = NOW + timedelta(minutes=11)


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, due=date(2026, 12, 15))


def code_for(contact, now=NOW):
    return links.sign_in_link(contact, now=now)[1]


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


# --- Pay links -----------------------------------------------------------------------------------


def test_a_pay_link_opens_its_invoice_and_following_changes_nothing(invoice):
    token = links.pay_link(invoice, now=NOW)

    for _ in range(3):
        assert links.follow(token, Link.PAY, now=SOON).invoice == invoice
    assert Link.get().used_at is None


def test_a_token_has_256_bits_and_is_not_kept(invoice):
    token = links.pay_link(invoice, now=NOW)

    assert len(token) == 43
    assert token not in str(list(Link.select().dicts()))
    assert len({links.pay_link(invoice, now=NOW) for _ in range(20)}) == 20


def test_a_pay_link_works_long_after_the_due_date_and_then_is_too_old(invoice, company):
    token = links.pay_link(invoice, now=NOW)

    assert links.follow(token, Link.PAY, now=NOW + timedelta(days=14 + company.pay_link_days))
    with pytest.raises(DeadLink, match="too old") as dead:
        links.follow(token, Link.PAY, now=NOW + timedelta(days=16 + company.pay_link_days))
    assert dead.value.link.invoice == invoice


def test_a_pay_link_made_long_after_the_due_date_works_as_well(invoice):
    late = NOW + timedelta(days=400)

    assert links.follow(links.pay_link(invoice, now=late), Link.PAY, now=late + timedelta(days=100))


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "💡", "a\x00b", "../../etc"])
def test_what_is_no_token_leads_nowhere_with_a_sentence(invoice, token):
    links.pay_link(invoice, now=NOW)

    with pytest.raises(DeadLink, match="not complete") as dead:
        links.follow(token, Link.PAY, now=NOW)
    assert dead.value.link is None


def test_a_link_is_good_for_its_purpose_only(alice, invoice):
    tokens = {
        Link.PAY: links.pay_link(invoice, now=NOW),
        Link.PREFERENCES: links.preferences_link(payer(alice), now=NOW),
        Link.SIGN_IN: links.sign_in_link(payer(alice), now=NOW)[0],
        Link.SESSION: links.open_session(payer(alice), now=NOW),
    }

    for made_for, token in tokens.items():
        for purpose in tokens:
            if purpose == made_for:
                assert links.follow(token, purpose, now=SOON)
            else:
                with pytest.raises(DeadLink):
                    links.follow(token, purpose, now=SOON)


def test_a_withdrawn_link_is_dead_and_says_so(invoice):
    token, other = links.pay_link(invoice, now=NOW), links.pay_link(make_invoice(), now=NOW)

    assert links.revoke(Link.select().where(Link.invoice == invoice), by=BY, now=NOW) == 1

    with pytest.raises(DeadLink, match="withdrawn"):
        links.follow(token, Link.PAY, now=SOON)
    assert links.follow(other, Link.PAY, now=SOON)
    assert links.revoke(Link.select().where(Link.invoice == invoice), by=BY, now=NOW) == 0
    assert Event.select().where(Event.what == "link.revoked").count() == 1


# --- A fresh one for a dead one ------------------------------------------------------------------


def dead(invoice):
    links.pay_link(invoice, now=NOW)
    return Link.select().order_by(Link.id.desc()).first()


def test_a_dead_pay_link_brings_a_fresh_one_to_the_address_on_file(invoice):
    links.ask_fresh(dead(invoice), now=NOW)

    [notice] = Notice.select()
    assert (notice.kind, notice.address, notice.invoice) == ("fresh_link", "alice@example.com", invoice)


def test_a_dead_pay_link_brings_three_mails_at_most(invoice):
    for _ in range(6):
        links.ask_fresh(dead(invoice), now=NOW)
    assert Notice.select().count() == 3

    links.ask_fresh(dead(invoice), now=LATE)
    assert Notice.select().count() == 4


def test_without_an_address_nothing_is_mailed_and_nothing_is_told(db):
    assert links.ask_fresh(dead(make_invoice(make_customer(email=""))), now=NOW) is None
    assert not Notice.select().exists()


# --- Signing in ----------------------------------------------------------------------------------


def test_asking_to_sign_in_mails_a_contact_and_nobody_else(alice):
    for email in ("ALICE@example.com ", "nobody@example.com", ""):
        assert links.ask_sign_in(email, now=NOW) is None

    assert [(notice.kind, notice.address) for notice in Notice.select()] == [("sign_in", "alice@example.com")]


def test_nobody_is_flooded_with_sign_in_mails(alice):
    for _ in range(9):
        links.ask_sign_in("alice@example.com", now=NOW)

    assert Notice.select().count() == 3


def test_a_mailed_link_signs_in_once_and_for_ten_minutes(alice):
    token, _ = links.sign_in_link(payer(alice), now=NOW)

    assert links.sign_in_by_token(token, now=SOON) == payer(alice)
    with pytest.raises(DeadLink):
        links.sign_in_by_token(token, now=SOON)
    token, _ = links.sign_in_link(payer(alice), now=NOW)
    with pytest.raises(DeadLink, match="too old"):
        links.sign_in_by_token(token, now=LATE)


def test_a_mailed_link_signs_in_once_even_when_clicked_ten_times_at_once(alice):
    token, _ = links.sign_in_link(payer(alice), now=NOW)

    given = together(10, lambda n: links.sign_in_by_token(token, now=SOON))

    assert sum(isinstance(one, Contact) for one in given) == 1
    assert all(isinstance(one, (Contact, DeadLink)) for one in given)


def test_a_code_signs_in_however_it_is_typed_once_and_for_ten_minutes(alice):
    code = code_for(payer(alice))

    assert links.sign_in_by_code(" Alice@Example.com", f"{code[:3]} {code[3:]}", now=SOON) == payer(alice)
    for again in (code, code_for(payer(alice))):
        with pytest.raises(BillingError, match="not right, or it is older"):
            links.sign_in_by_code("alice@example.com", again, now=LATE)


def test_a_code_is_for_its_own_address(alice, bob):
    code = code_for(payer(alice))

    with pytest.raises(BillingError):
        links.sign_in_by_code("bob@example.com", code, now=SOON)
    assert links.sign_in_by_code("alice@example.com", code, now=SOON)


def test_five_wrong_tries_end_a_code(alice):
    code = code_for(payer(alice))
    for _ in range(5):
        with pytest.raises(BillingError):
            links.sign_in_by_code("alice@example.com", wrong(code), now=SOON)

    with pytest.raises(BillingError):
        links.sign_in_by_code("alice@example.com", code, now=SOON)


def test_thirty_guesses_at_once_are_five_tries(alice):
    code = code_for(payer(alice))

    together(30, lambda n: links.sign_in_by_code("alice@example.com", wrong(code), now=SOON))

    assert Link.get().tries == links.MOST_TRIES


@pytest.mark.parametrize("code", ["", "abcdef", "12345", "1234567", "١٢٣٤٥٦", "💡"])
def test_what_is_no_code_is_refused_with_the_same_sentence(alice, code):
    code_for(payer(alice))

    with pytest.raises(BillingError, match="not right, or it is older than ten minutes"):
        links.sign_in_by_code("alice@example.com", code, now=SOON)


def test_who_has_left_does_not_sign_in(alice):
    code = code_for(payer(alice))
    Contact.update(left_on=date(2026, 12, 1)).execute()

    with pytest.raises(BillingError):
        links.sign_in_by_code("alice@example.com", code, now=SOON)
    links.ask_sign_in("alice@example.com", now=NOW)
    assert not Notice.select().exists()


# --- Staying signed in ---------------------------------------------------------------------------


def test_a_session_lasts_until_it_is_closed_or_old(alice):
    token = links.open_session(payer(alice), now=NOW)

    assert links.session_contact(token, now=SOON) == payer(alice)
    with pytest.raises(DeadLink):
        links.session_contact(token, now=NOW + links.SESSION_LIFE)
    links.close_session(token, now=SOON)
    with pytest.raises(DeadLink):
        links.session_contact(token, now=SOON)


def test_a_session_ends_with_the_contact(alice):
    token = links.open_session(payer(alice), now=NOW)
    Contact.update(left_on=date(2026, 12, 1)).execute()

    with pytest.raises(DeadLink, match="no longer a contact"):
        links.session_contact(token, now=SOON)
