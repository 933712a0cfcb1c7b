"""What staff do with messages that nobody could match, and with addresses that mail comes back from."""

import pytest

from billing import inbound, tickets
from models import Contact, Feed, Inbound, Ticket
from tests.factories import NOW, payer
from tests.incoming import mail, opened
from tests.office import enter, text_of


@pytest.fixture
def desk(app, db):
    return enter(app, "support")


@pytest.fixture
def lost(db):
    return inbound.take(
        opened(mail("<script>alert(1)</script> Who are you?", sender="x@example.com")), now=NOW
    )


def test_the_queue_leads_to_what_waits(desk, lost):
    home = desk.get("/staff/")
    assert "Messages to look at" in text_of(home)

    listed = text_of(desk.get("/staff/inbound/", state="waiting"))
    assert "x@example.com" in listed and "It answers none of our messages." in listed


def test_its_page_shows_it_as_text_and_nothing_runs(desk, lost):
    page = desk.get(f"/staff/inbound/{lost.id}")

    assert "&lt;script&gt;alert(1)" in page.text and "<script>alert" not in page.text
    assert "Give to a contact" in page.text and lost.source_id not in page.text


def test_it_is_given_to_a_contact_and_becomes_a_ticket(desk, lost, alice):
    answer = desk.act("inbound", "give", lost, contact=payer(alice).id)

    assert "It was given to Alice Archer" in text_of(answer)
    assert Ticket.get().contact == payer(alice)
    assert Inbound.get().handled_by == f"staff:{desk.row.email}"


def test_whose_address_it_is_is_suggested(desk, alice):
    row = inbound.take(opened(mail("Hello")), now=NOW)

    page = desk.get("/staff/inbound/act/give", id=row.id)

    assert f'value="{payer(alice).id}"' in page.text and "Alice Archer" in page.text
    found = desk.get("/staff/inbound/lookup", name="contact", query="alice").json
    assert found == [{"id": payer(alice).id, "text": f"{payer(alice)}, account {alice.account_number}"}]


def test_nothing_is_given_to_nobody(desk, lost):
    assert desk.act("inbound", "give", lost, contact="", follow_redirects=False).status_code == 400
    assert Inbound.get().state == Inbound.WAITING


def test_it_is_put_aside_with_a_reason(desk, lost):
    desk.act("inbound", "dismiss", lost, reason="Spam")

    assert (Inbound.get().state, Inbound.get().result) == ("handled", "Put aside: Spam")
    assert desk.act("inbound", "dismiss", lost, reason="Spam", follow_redirects=False).status_code == 409


def test_who_only_reads_does_neither(app, lost):
    reader = enter(app, "read_only")

    assert reader.get(f"/staff/inbound/{lost.id}").status_code == 200
    assert reader.act("inbound", "dismiss", lost, reason="x", follow_redirects=False).status_code == 403


def test_dead_addresses_are_a_queue_and_can_be_put_right(desk, alice):
    Contact.update(bounced_at=NOW).execute()
    assert "Addresses that bounce" in text_of(desk.get("/staff/"))
    assert "alice@example.com" in desk.get("/staff/contact/", bounced_at_is="set", left_on_is="empty").text

    desk.act("contact", "reached", payer(alice))

    assert payer(alice).bounced_at is None


def test_a_new_address_is_not_blamed_for_the_old_one(desk, alice):
    Contact.update(bounced_at=NOW).execute()
    contact = payer(alice)
    fields = {
        "name": contact.name,
        "phone": "",
        "role": contact.role,
        "left_on": "",
        "version": contact.version,
    }

    desk.post(f"/staff/contact/{contact.id}/edit", **fields, email="alice@example.com")
    assert payer(alice).bounced_at == NOW
    fields["version"] = payer(alice).version
    desk.post(f"/staff/contact/{contact.id}/edit", **fields, email="new@example.com")
    assert (payer(alice).email, payer(alice).bounced_at) == ("new@example.com", None)


def test_a_mailbox_that_was_not_read_is_told_on_the_first_page(desk):
    feed = Feed.create(name="mail", trouble="The mailbox cannot be read (timeout).")

    told = text_of(desk.get("/staff/"))
    assert "never" in told and "so no late notice leaves" in told, told
    Feed.update(watched=False).where(Feed.id == feed.id).execute()
    assert "so no late notice leaves" not in text_of(desk.get("/staff/"))


def test_the_history_of_a_ticket_names_the_person_who_opened_it_by_mail(desk, alice):
    contact = payer(alice)
    ticket = tickets.open(
        alice, subject="Paid twice", body="Look.", contact=contact, by=f"contact:{contact.id}", now=NOW
    )

    page = text_of(desk.get(f"/staff/ticket/{ticket.id}"))

    assert page.rstrip().partition("Ticket opened")[2].find(contact.name) > 0
