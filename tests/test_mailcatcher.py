"""The mail catcher as an own process, spoken to over real SMTP and real HTTP."""

import smtplib
import subprocess
import sys
from email.message import EmailMessage

import pytest
import requests

PICTURE = bytes.fromhex("89504e470d0a1a0a")


class Catcher:
    """A running mail catcher, and how to reach it."""

    def __init__(self, state):
        command = [sys.executable, "-m", "billing.edges.mailcatcher", "--smtp-port", "0", "--port", "0"]
        self.process = subprocess.Popen([*command, "--state", str(state)], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.url = line.split()[3].rstrip(",")
        self.smtp_port = int(line.rpartition(":")[2])

    def send(
        self, subject="Your invoice", to="ann@example.com", html="", attachment=None, date=None, timeout=60
    ):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "Lantern <billing@example.com>", to, subject
        if date:
            mail["Date"] = date
        mail.set_content("Good day, Ann.")
        if html:
            mail.add_alternative(html, subtype="html")
            mail.get_payload()[1].add_related(PICTURE, "image", "png", cid="<logo>")
        if attachment:
            mail.add_attachment(attachment, maintype="application", subtype="pdf", filename="invoice-7.pdf")
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=timeout) as server:
            server.send_message(mail)

    def fault(self, **given):
        assert requests.post(f"{self.url}/faults", json=given, timeout=60).status_code == 200

    def messages(self, **query):
        return requests.get(f"{self.url}/messages.json", params=query, timeout=60).json()

    def get(self, path):
        return requests.get(self.url + path, timeout=60)

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    catcher = Catcher(tmp_path_factory.mktemp("mails") / "mails.sqlite")
    yield catcher
    catcher.stop()


@pytest.fixture
def catcher(running):
    requests.post(f"{running.url}/delete", timeout=60)
    running.fault(clear=True)
    return running


def test_it_catches_a_mail_with_all_that_is_in_it(catcher):
    catcher.send("Über alles — paid", html="<p>Hi</p>", attachment=b"%PDF-1.7")

    [mail] = catcher.messages()

    assert (mail["subject"], mail["sender"]) == ("Über alles — paid", "billing@example.com")
    assert mail["recipients"] == ["ann@example.com"]
    assert (mail["text"].strip(), mail["html"].strip()) == ("Good day, Ann.", "<p>Hi</p>")
    assert ["From", "Lantern <billing@example.com>"] in mail["headers"]
    assert {"name": "invoice-7.pdf", "kind": "application/pdf", "size": 8} in mail["attachments"]


def test_it_lists_the_newest_mail_first_and_finds_by_recipient(catcher):
    catcher.send("First", to="Ann@Example.com")
    catcher.send("Second", to="bob@example.com")

    assert [mail["subject"] for mail in catcher.messages()] == ["Second", "First"]
    assert [mail["subject"] for mail in catcher.messages(to="ANN@")] == ["First"]
    assert catcher.messages(to="a%n") == []
    page = catcher.get("/?find=bob").text
    assert "Second" in page and "First" not in page


def test_words_are_found_in_recipients_and_subjects(catcher):
    catcher.send("Invoice 7, 100% paid", to="ann@example.com")
    catcher.send("Your receipt", to="bob@example.com")

    def found(words):
        page = requests.get(catcher.url, params={"find": words}, timeout=60).text
        return [subject for subject in ("Invoice 7, 100% paid", "Your receipt") if subject in page]

    assert found("RECEIPT") == found("bob receipt") == ["Your receipt"]
    assert found("ann 100%") == ["Invoice 7, 100% paid"]
    assert found("ann receipt") == found("1%0") == []
    assert found("example.com") == ["Invoice 7, 100% paid", "Your receipt"]


def test_it_shows_the_day_that_a_mail_says_and_whose_day_that_is(catcher):
    """The calendar of the demo is moved on; the clock of this machine is not."""
    catcher.send("Ahead", date="Tue, 29 Dec 2099 09:05:00 -0600")
    [mail] = catcher.messages()

    listed, opened = catcher.get("/").text, catcher.get(f"/mails/{mail['id']}").text

    assert mail["sent_at"] == "2099-12-29T09:05:00-06:00"
    assert "Dec 29, 9:05 am" in listed and "those of the demo's calendar" in listed
    assert "by the demo's calendar" in opened and "by this machine's clock" in opened


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Foo 2026"])
def test_a_mail_without_a_day_has_the_one_on_which_it_was_caught(catcher, date):
    catcher.send("Odd", date=date)
    [mail] = catcher.messages()

    assert mail["sent_at"] is None
    assert catcher.get(f"/mails/{mail['id']}").status_code == 200
    assert "calendar" not in catcher.get("/").text


def test_a_text_says_when_it_was_sent_as_well(catcher):
    for sent in ("2099-12-29T09:05:00-06:00", "tomorrow", ""):
        told = {"to": "15125550100", "message": f"Hello {sent}", "sent": sent}
        requests.post(f"{catcher.url}/texts", json=told, timeout=60)

    assert [mail["sent_at"] for mail in catcher.messages()] == [None, None, "2099-12-29T09:05:00-06:00"]
    assert "Dec 29, 9:05 am" in catcher.get("/").text


def test_the_html_of_a_mail_runs_nothing_and_fetches_nothing(catcher):
    catcher.send(html='<img src="cid:logo"><script>steal()</script><a href="https://pay.example.com">Pay</a>')
    id = catcher.messages()[0]["id"]

    page, body = catcher.get(f"/mails/{id}"), catcher.get(f"/mails/{id}/body")

    assert 'sandbox="allow-popups' in page.text and "steal()" not in page.text
    policy = body.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups") and "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "data:image/png;base64,iVBORw0KGgo=" in body.text
    assert '<a target="_blank" rel="noopener" href="https://pay.example.com">' in body.text


def test_it_shows_text_headers_source_and_attachments(catcher):
    catcher.send(attachment=b"%PDF-1.7")
    id = catcher.messages()[0]["id"]

    assert "Good day, Ann." in catcher.get(f"/mails/{id}?view=text").text
    assert "billing@example.com" in catcher.get(f"/mails/{id}?view=headers").text
    assert catcher.get(f"/mails/{id}/source").text.startswith("From: Lantern")
    assert catcher.get(f"/mails/{id}/parts/1").content == b"%PDF-1.7"
    for path in (f"/mails/{id}/parts/2", "/mails/999999", "/mails/" + "9" * 40):
        assert catcher.get(path).status_code == 404


def test_another_site_cannot_delete_the_mails(catcher):
    catcher.send()

    foreign = requests.post(f"{catcher.url}/delete", headers={"Sec-Fetch-Site": "cross-site"}, timeout=60)

    assert foreign.status_code == 403 and len(catcher.messages()) == 1
    requests.post(f"{catcher.url}/delete", timeout=60)
    assert catcher.messages() == []


def test_a_restart_keeps_the_mails(tmp_path):
    first = Catcher(tmp_path / "mails.sqlite")
    first.send("Still here")
    first.stop()

    second = Catcher(tmp_path / "mails.sqlite")

    kept = second.messages()
    second.stop()

    assert [mail["subject"] for mail in kept] == ["Still here"]


def test_it_refuses_and_is_busy_as_often_as_it_was_told(catcher):
    catcher.fault(mode="refuse", recipient="gone@")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
        catcher.send(to="gone@example.com")
    catcher.send(to="gone@example.com")

    catcher.fault(mode="busy", count=None)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="451"):
            catcher.send()
    catcher.fault(clear=True)
    catcher.send()

    assert [mail["recipients"] for mail in catcher.messages()] == [["ann@example.com"], ["gone@example.com"]]


def test_it_hangs_until_the_sender_gives_up(catcher):
    catcher.fault(mode="hang", seconds=30)

    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        catcher.send(timeout=0.5)

    assert catcher.messages() == []


def test_it_takes_a_mail_and_hangs_up_before_saying_so(catcher):
    catcher.fault(mode="drop")

    with pytest.raises((ConnectionResetError, smtplib.SMTPServerDisconnected)):
        catcher.send("Taken")

    assert [mail["subject"] for mail in catcher.messages()] == ["Taken"]


def test_it_refuses_a_fault_that_it_does_not_know(catcher):
    answer = requests.post(f"{catcher.url}/faults", json={"mode": "explode"}, timeout=60)

    assert answer.status_code == 400 and "refuse, busy, hang, drop" in answer.json()["error"]
