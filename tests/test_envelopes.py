"""Opening mails: signed addresses, quotes, charsets, reports, and everything that is broken on purpose."""

import time
from types import SimpleNamespace

import pytest

from billing import inbound, quotes
from billing.edges.replies import Replies
from tests.incoming import QUOTE, REPLIES, complaint, mail, opened, report

NOTICE = SimpleNamespace(id=10423, address="ann@example.com")
ADDRESS = REPLIES.address_for(10423)


# --- The signed address --------------------------------------------------------------------------


def test_an_address_of_ours_names_its_notice():
    assert REPLIES.notice_of(ADDRESS) == 10423
    assert REPLIES.notice_of(f'"Lantern" <{ADDRESS.upper()}>') == 10423
    assert REPLIES.notice_of("other@example.com", REPLIES.message_id(7)) == 7


def test_it_is_short_and_tells_nothing_about_the_customer():
    local = ADDRESS.partition("@")[0]

    assert local.startswith("reply+10423-") and len(local) <= 64


@pytest.mark.parametrize(
    "forged",
    [
        ADDRESS.replace("10423", "10424"),
        ADDRESS.replace("@lantern.example", "@evil.example"),
        ADDRESS.replace("@lantern.example", "@lantern.example.evil.example"),
        ADDRESS.replace("-", "-a", 1),
        "reply+10423-aaaaaaaaaaaaaaaa@lantern.example",
        "reply+10423@lantern.example",
        "reply+99999999999999999999-aaaaaaaaaaaaaaaa@lantern.example",
        Replies("another secret", "reply@lantern.example", "x").address_for(10423),
        "<notice-10423@pay.lantern.example>",
        "reply+١٠٤٢٣-aaaaaaaaaaaaaaaa@lantern.example",
    ],
)
def test_a_forged_address_names_none(forged):
    assert REPLIES.notice_of(forged) is None


def test_every_letter_of_the_proof_counts():
    local, _, domain = ADDRESS.partition("@")
    for at in range(len("reply+10423-"), len(local)):
        other = "a" if local[at] != "a" else "b"
        assert REPLIES.notice_of(f"{local[:at]}{other}{local[at + 1 :]}@{domain}") is None


def test_without_an_address_nothing_is_signed_and_no_address_is_ours():
    silent = Replies("a secret for tests", "", "pay.lantern.example")

    assert silent.address_for(1) == ""
    assert silent.notice_of(silent.message_id(1)) == 1


# --- An ordinary answer --------------------------------------------------------------------------


def test_an_answer_is_read():
    received = opened(mail("Is this right?" + QUOTE, notice=NOTICE))

    assert (received.sender, received.recipient) == ("alice@example.com", ADDRESS)
    assert (received.subject, received.notice_id) == ("Re: Invoice 10423", 10423)
    assert quotes.cut(received.body) == "Is this right?"
    assert not received.is_automatic and not received.is_own and received.report is None


def test_an_answer_to_the_plain_sender_is_known_by_our_message_id():
    assert opened(mail(In_Reply_To=REPLIES.message_id(7))).notice_id == 7
    assert opened(mail(In_Reply_To="<notice-7@pay.lantern.example>")).notice_id is None


def test_the_subject_says_nothing_about_what_is_answered():
    assert opened(mail(subject=f"Re: Invoice {ADDRESS}")).notice_id is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Thanks!\n\n> quoted\n> lines", "Thanks!"),
        ("> Did you pay?\nYes.\n> When?\nMonday.", "Yes.\nMonday."),
        ("Yes\n\n-----Original Message-----\nFrom: Us\nSent: Monday\n\nPay", "Yes"),
        ("Yes\n________________________________\nFrom: Us <a@b.c>\nSent: Monday\nTo: Me\n\nPay", "Yes"),
        ("Gracias\n\nEl mar, 1 dic 2026 a las 9:00, Lantern (<b@l.example>) escribió:\n> Hola", "Gracias"),
        ("Ok\n\nAm 01.12.2026 um 09:00 schrieb Lantern <b@l.example>:\n> Hallo", "Ok"),
        ("Call me\n\nSent from my iPhone\n\nOn Dec 1, 2026, at 9:00 AM, L wrote:\n> Hi", "Call me"),
        ("Call me\n-- \nAnn Archer\nCEO", "Call me"),
        ("On Monday I wrote: nothing", "On Monday I wrote: nothing"),
        ("> only a quote", "> only a quote"),
        ("", ""),
        ("-- \nAnn", "-- \nAnn"),
        ("From: here on it is wrong.\nReally.", "From: here on it is wrong.\nReally."),
    ],
)  # fmt: skip
def test_only_the_answer_is_kept_of_an_answer(text, answer):
    assert quotes.cut(text) == answer


def test_html_is_read_where_there_is_nothing_else():
    html = (
        b"From: a@example.com\nContent-Type: text/html; charset=utf-8\n\n"
        b"<style>p{color:red}</style><p>Please&nbsp;call <b>me</b>.</p><script>x()</script>"
        b"<div>On Tue, Dec 1, 2026 Lantern wrote:<br></div><blockquote>Your <p>invoice</p></blockquote>"
    )

    assert quotes.cut(opened(html).body) == "Please call me."


def test_attachments_come_along_by_their_content_or_are_noted_with_the_reason():
    from email.message import EmailMessage

    made = EmailMessage()
    made["From"], made["Subject"] = "a@example.com", "x"
    made.set_content("See the photo.")
    made.add_attachment(b"\xff\xd8\xff" + b"x" * 4093, maintype="image", subtype="jpeg", filename="Türe.jpg")
    made.add_attachment("a forwarded mail", filename="note.txt")

    received = opened(made.as_bytes())

    assert received.body == "See the photo."
    [file] = received.files
    assert (file.name, file.kind, file.content) == ("note.txt", "text/plain", b"a forwarded mail\n")
    [left] = received.attachments
    assert left.startswith("Türe.jpg, 4 KB: ") and "cannot be read as a picture" in left


def test_lines_that_a_program_broke_are_joined():
    raw = b"From: a@example.com\nContent-Type: text/plain; format=flowed\n\nOne \ntwo\nthree\n-- \nAnn"

    assert opened(raw).body == "One two\nthree\n-- \nAnn"


@pytest.mark.parametrize(
    ("charset", "content", "text"),
    [
        ("iso-8859-1", "Señor Müller".encode("latin-1"), "Señor Müller"),
        ("windows-1252", b"\x93Hi\x94", "“Hi”"),
        ("utf-8", "日本語".encode(), "日本語"),
        ("no-such-charset", "Müller".encode(), "Müller"),
        ("utf-8", b"\xff\xfe\x80", "ÿþ€"),
        ("us-ascii", "naïve".encode(), "naïve"),
        ("utf-7", b"+AGE-", "a"),
    ],
)
def test_every_charset_is_read(charset, content, text):
    head = f"From: a@example.com\nContent-Type: text/plain; charset={charset}\n\n".encode()

    assert opened(head + content).body == text


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ('"Doe, Jürgen" <JÜRGEN@Exämple.de>', "jürgen@exämple.de"),
        ("=?utf-8?b?SsO8cmdlbg==?= <j@example.com>", "j@example.com"),
        ("a@example.com, b@example.com", "a@example.com"),
        ("<>", ""),
        ("=?utf-8?q?=FF=FE?= <j@example.com>", "j@example.com"),
        ("=?nonsense?x?y?= <j@example.com>", "j@example.com"),
        ("(((((", ""),
        ("x" * 5000 + "@example.com", None),
    ],
)
def test_every_sender_is_read(header, sender):
    received = opened(f"From: {header}\nTo: x\n\nHi".encode())

    assert received.sender == sender or (sender is None and len(received.sender) <= 255)


# --- Machines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; x=y"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"List_Id": "<news.example.com>"},
        {"Return_Path": "<>"},
        {"sender": "MAILER-DAEMON@example.com"},
    ],
)
def test_machines_are_known_by_their_headers(headers):
    received = opened(mail("I am away.", notice=NOTICE, **headers))

    assert received.is_automatic and received.report is None


def test_a_person_is_not_a_machine():
    assert not opened(
        mail(Auto_Submitted="no", Precedence="normal", Return_Path="<a@example.com>")
    ).is_automatic


def test_our_own_message_is_known_when_it_comes_back():
    assert opened(mail(message_id=REPLIES.message_id(5))).is_own
    assert not opened(mail(message_id="<notice-5-aaaaaaaaaaaaaaaa@pay.lantern.example>")).is_own


def test_our_mail_servers_doubts_are_heard():
    assert opened(mail(Authentication_Results="mx.lantern.example; spf=fail; dmarc=fail")).is_doubtful
    assert not opened(mail(Authentication_Results="mx.lantern.example; dmarc=pass")).is_doubtful


# --- Reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "failed", "code"),
    [
        ({}, True, "5.1.1"),
        ({"status": "5.2.2", "code": "552 5.2.2 Mailbox full"}, True, "5.2.2"),
        ({"status": "4.4.1", "code": "no answer"}, True, "4.4.1"),
        ({"status": "", "code": "550 User unknown"}, True, "5.1.1"),
        ({"status": "5.0.0", "code": "550 5.7.1 Rejected as spam"}, True, "5.0.0"),
        ({"action": "delayed", "status": "4.0.0"}, False, "4.0.0"),
        ({"action": "relayed", "status": "2.0.0"}, False, ""),
    ],
)
def test_a_report_says_what_became_of_the_mail(told, failed, code):
    received = opened(report(NOTICE, **told))

    assert received.notice_id == 10423
    assert (received.report.failed, received.report.code) == (failed, code or received.report.code)


def test_a_report_to_the_wrong_address_is_known_by_what_it_brings_back():
    assert opened(report(NOTICE, to="billing@lantern.example")).notice_id == 10423


STRANGE = {
    "qmail": b"""From: MAILER-DAEMON@mx.example.com\nTo: %s\nSubject: failure notice\n\n
Hi. This is the qmail-send program at mx.example.com.
<ann@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)\n""",
    "exim": b"""From: Mail Delivery System <Mailer-Daemon@mx.example.com>\nTo: %s
X-Failed-Recipients: ann@example.com\nSubject: Mail delivery failed: returning message to sender\n\n
A message that you sent could not be delivered:\n  ann@example.com\n    550 no such user here\n""",
    "exchange": b"""Return-Path: <>\nFrom: postmaster@example.com\nTo: %s\nSubject: Undeliverable: Invoice\n\n
Your message couldn't be delivered. The recipient's mailbox is full. 552 quota\n""",
    "no bounce address": b"""Return-Path: <>\nFrom: postmaster@example.com\nTo: %s\nSubject: Returned mail\n\n
User unknown\n""",
}  # fmt: skip


@pytest.mark.parametrize(
    ("server", "code"),
    [("qmail", "5.1.1"), ("exim", "5.1.1"), ("exchange", "5.2.2"), ("no bounce address", "5.1.1")],
)
def test_reports_that_follow_no_standard_are_understood(server, code):
    received = opened(STRANGE[server] % ADDRESS.encode())

    assert isinstance(received.report, inbound.Delivery)
    assert (received.report.failed, received.report.code, received.notice_id) == (True, code, 10423)


def test_a_person_who_speaks_of_failed_mail_sends_no_report():
    assert opened(mail("Your message could not be delivered? Call me.", notice=NOTICE)).report is None


def test_a_complaint_names_what_it_is_about():
    received = opened(complaint(NOTICE))

    assert received.report == inbound.Complaint(kind="abuse")
    assert received.notice_id == 10423


# --- Broken on purpose ---------------------------------------------------------------------------


def bomb(depth):
    head = b"From: a@example.com\nTo: x\n"
    for level in range(depth):
        head += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level)
    return head + b"\n\nHi"


BROKEN = {
    "nothing": b"",
    "no headers": b"\n\nHello",
    "only a header": b"Subject: x",
    "NUL": b"From: a\x00@example.com\nSubject: a\x00b\n\nHi\x00",
    "bytes": bytes(range(256)) * 40,
    "no end": b"From: a@example.com\nContent-Type: multipart/mixed; boundary=x\n\n--x\nSubject: y\n\nHi",
    "no boundary": b"From: a@example.com\nContent-Type: multipart/mixed\n\n--x\n\nHi",
    "empty boundary": b'From: a@example.com\nContent-Type: multipart/mixed; boundary=""\n\n--\n\nHi',
    "bad base64": b"From: a@example.com\nContent-Transfer-Encoding: base64\n\n%%%%=",
    "bad encoding": b"From: a@example.com\nContent-Transfer-Encoding: nonsense\n\nHi",
    "bad type": b"From: a@example.com\nContent-Type: ;;;/\n\nHi",
    "status without blocks": b"From: a@b.example\nContent-Type: message/delivery-status\n\n\n\n\n",
    "a thousand parts": b"From: a@example.com\nContent-Type: multipart/mixed; boundary=x\n\n"
    + b"--x\n\nHi\n" * 1000,
    "nested": bomb(60),
    "deeply nested": bomb(2000),
    "surrogates": "From: a@example.com\nSubject: \udcff\n\nHi".encode("utf-8", "surrogateescape"),
    "long lines": b"From: a@example.com\nSubject: " + b"x" * 100_000 + b"\n\n" + b"> " * 300_000,
    "many headers": b"X-A: b\n" * 20_000 + b"\nHi",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_read_as_far_as_it_goes(name):
    started = time.process_time()

    received = opened(BROKEN[name])
    inbound_text = quotes.cut(received.body)

    assert received.source_id.startswith("mail:")
    assert time.process_time() - started < 2
    for text in (received.sender, received.subject, received.body, inbound_text, *received.attachments):
        assert "\x00" not in text
        text.encode()


def test_a_mail_is_the_same_however_it_travels_and_another_one_is_not():
    raw = mail("Hello", notice=NOTICE)
    again = b"Received: from mx2.example.com\nDelivered-To: x@lantern.example\n" + raw

    assert opened(raw).source_id == opened(again).source_id
    assert opened(raw).source_id != opened(mail("Hello!", notice=NOTICE)).source_id
    other = raw.replace(b"Hello", b"Howdy")
    assert opened(raw).source_id != opened(other).source_id
