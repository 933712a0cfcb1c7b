"""Tried out by hand, end to end: a caught mail is answered, bounced, called spam; a text is answered.

A real catcher process, real SMTP, a real maildir, Apprise over real HTTP, and the portal's own door.
"""

import subprocess
import sys

import pytest
import requests

from billing import consents, notices, outbox, preferences
from billing.edges import mailbox
from billing.edges.post import Post
from billing.edges.replies import Replies
from models import Company, Consent, Contact, Inbound, Notice, PreferenceChange, Ticket
from tests.factories import BY, NOW, make_invoice, payer

SECRET = "a-secret-for-texts"


class Catcher:
    """A running catcher with the doors back."""

    def __init__(self, folder):
        command = [sys.executable, "-m", "billing.edges.mailcatcher", "--smtp-port", "0", "--port", "0"]
        command += ["--state", str(folder / "mails.sqlite"), "--maildir", str(folder / "box")]
        command += ["--texts-url", "http://127.0.0.1:9/webhooks/texts/x"]
        self.box = f"maildir:{folder / 'box'}"
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.url, self.smtp_port = line.split()[3].rstrip(","), int(line.rpartition(":")[2])

    def caught(self):
        return requests.get(f"{self.url}/messages.json", timeout=60).json()

    def answer(self, **given):
        id = self.caught()[0]["id"]
        return requests.post(f"{self.url}/mails/{id}/answer", data=given, timeout=60)

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    catcher = Catcher(tmp_path_factory.mktemp("catcher"))
    yield catcher
    catcher.stop()


@pytest.fixture
def house(app, running):
    """The application, sending to the catcher and reading from it."""
    requests.post(f"{running.url}/delete", timeout=60)
    before = dict(app.config), app.replies
    app.config.update(
        MAIL_PORT=running.smtp_port, MAILBOX=running.box, TEXT_SECRET=SECRET,
        TEXT_URL=f"json://{running.url.removeprefix('http://')}/texts?:to={{to}}",
    )  # fmt: skip
    app.replies = Replies("secret", "reply@lantern.example", "pay.lantern.example")
    yield app
    app.config.update(before[0])
    app.replies = before[1]


def send(app):
    with app.app_context():
        post = Post(app)
        report = outbox.send_due(send=post.send, compose=app.compose, clock=app.clock)
        post.close()
    return report


def read(app):
    box = mailbox.box(app.config["MAILBOX"])
    return mailbox.read(box, replies=app.replies, shelf=app.files, clock=app.clock)


@pytest.fixture
def mailed(house, alice, company):
    """An invoice that was mailed to Alice."""
    Company.update(live_on=NOW.date()).execute()
    invoice = make_invoice(alice)
    notices.queue_invoices([invoice.id], now=NOW)
    assert send(house).sent == 1
    return invoice


def test_a_caught_mail_is_answered_and_becomes_a_ticket(house, running, mailed, alice):
    answer = running.answer(how="reply", words="Why is it more than last month?")
    assert "Your answer lies in the mailbox" in answer.text

    [row] = read(house)

    ticket = Ticket.get()
    assert (ticket.contact, ticket.invoice) == (payer(alice), mailed)
    assert ticket.messages.get().body == "Why is it more than last month?"
    assert "> " in row.body and row.notice == Notice.get()


def test_the_envelope_and_the_reply_address_name_the_notice(house, running, mailed):
    [mail] = running.caught()

    address = house.replies.address_for(Notice.get().id)
    assert mail["sender"] == address
    assert ["Reply-To", address] in mail["headers"]
    assert ["Message-ID", house.replies.message_id(Notice.get().id)] in mail["headers"]


def test_a_caught_mail_bounces_and_a_letter_goes_instead(house, running, mailed, alice):
    running.answer(how="bounce")
    read(house)

    assert payer(alice).bounced_at
    assert Notice.select().where(Notice.channel == Notice.PAPER).count() == 1
    assert send(house).printed == 1
    notices.resend(mailed, contact=payer(alice), by=BY, now=house.clock.now())
    assert send(house).sent == 1  # somebody of the office wants it tried
    another = make_invoice(alice)
    notices.queue_invoices([another.id], now=NOW)
    report = send(house)
    assert (report.sent, report.skipped, report.printed) == (0, 1, 1)
    letters = Notice.select().where(Notice.channel == Notice.PAPER)
    assert letters.where(Notice.invoice == another).count() == 1


def test_a_full_mailbox_is_no_dead_address(house, running, mailed, alice):
    running.answer(how="full")
    read(house)

    assert payer(alice).bounced_at is None and Notice.get(Notice.channel == Notice.PAPER)


def test_a_caught_mail_is_called_spam(house, running, mailed, alice):
    running.answer(how="spam")
    [row] = read(house)

    assert (row.kind, row.contact) == (Inbound.COMPLAINT, payer(alice))
    assert PreferenceChange.select().exists()


def test_a_text_is_caught_and_stop_ends_them(house, running, alice):
    Company.update(live_on=NOW.date()).execute()
    Contact.update(phone="(512) 555-0123").execute()
    ann = payer(alice)
    words = consents.text_words(ann, Company.get()).text
    consents.give_text(ann, wording=words, source=Consent.PAGE, by=BY, now=NOW)
    notices.queue(
        Notice.INVOICE, key="a text", customer=alice, contact=ann, channel=Notice.TEXT,
        address="+15125550123", invoice=make_invoice(alice), why="why", now=NOW,
    )  # fmt: skip
    assert send(house).sent == 1

    [text] = running.caught()
    assert (text["channel"], text["recipients"]) == ("text", ["15125550123"])
    assert text["text"].startswith("Lantern Security: Invoice")
    page = requests.get(f"{running.url}/mails/{text['id']}", timeout=60).text
    assert "Text to 15125550123" in page and 'value="STOP"' in page
    assert "Nobody took your text" in running.answer(words="STOP").text  # no portal is there

    told = {"from": "+15125550123", "text": "STOP", "id": "1"}
    assert house.test_client().post(f"/webhooks/texts/{SECRET}", json=told).status_code == 204
    send(house)
    assert "You will get no more texts" in running.caught()[0]["text"]
    assert preferences.facts(ann).number == ""


def test_a_provider_that_is_not_there_is_tried_again_later(house, alice):
    house.config["TEXT_URL"] = "json://127.0.0.1:9/texts?:to={to}"
    notice = Notice(id=1, address="+15125550123", channel=Notice.TEXT)

    with pytest.raises(outbox.MailNotSent) as trouble:
        Post(house).send(notice, type("Letter", (), {"text": "Hi"}))
    assert (trouble.value.permanent, trouble.value.in_doubt) == (False, False)


def test_nothing_is_answered_where_there_is_no_door(running):
    for given in ({"how": "reply", "words": " "}, {"how": "nonsense", "words": "x"}):
        mails = running.caught()
        if mails:
            assert running.answer(**given).status_code == 400
