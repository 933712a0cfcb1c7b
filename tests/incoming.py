"""Mails that come in, for tests: answers, failure reports of many mail servers, complaints, machines."""

from email.message import EmailMessage

from billing.edges import envelopes
from billing.edges.replies import Replies
from tests.factories import NOW

REPLIES = Replies("a secret for tests", "reply@lantern.example", "pay.lantern.example")
QUOTE = (
    "\n\nOn Tue, Dec 1, 2026 at 9:00 AM Lantern Security <billing@lantern.example>\nwrote:\n> Your invoice\n"
)


def mail(body="Please call me.", *, to=None, sender="Alice <alice@example.com>", notice=None, **headers):
    """The bytes of an ordinary mail; ``notice`` makes it an answer to that one."""
    made = EmailMessage()
    made["From"], made["Subject"] = sender, headers.pop("subject", "Re: Invoice 10423")
    made["To"] = to or (REPLIES.address_for(notice.id) if notice else "billing@lantern.example")
    made["Message-ID"] = headers.pop("message_id", f"<{abs(hash((body, sender)))}@example.com>")
    made["Date"] = "Tue, 01 Dec 2026 12:00:00 -0600"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made.as_bytes()


def report(notice, *, action="failed", status="5.1.1", code="550 5.1.1 No such user", to=None):
    """A failure report as RFC 3464 wants it."""
    address = REPLIES.address_for(notice.id)
    return f"""\
From: MAILER-DAEMON@mx.example.com
To: {to or address}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <report-{notice.id}-{status}-{action}@mx.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {notice.address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {code}

--cut
Content-Type: message/rfc822

From: billing@lantern.example
Reply-To: {address}
Message-ID: {REPLIES.message_id(notice.id)}
Subject: Invoice

Hello
--cut--
""".encode()


def complaint(notice, kind="abuse"):
    """A feedback report as RFC 5965 wants it."""
    return f"""\
From: feedback@provider.example
To: abuse@lantern.example
Subject: FW: Invoice
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="cut"

--cut
Content-Type: text/plain

This is an email abuse report.
--cut
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Reporter/1.0
Version: 1

--cut
Content-Type: text/rfc822-headers

From: billing@lantern.example
Reply-To: {REPLIES.address_for(notice.id)}
Subject: Invoice
--cut--
""".encode()


def opened(raw):
    """What the edge reads out of it."""
    return envelopes.opened(raw, replies=REPLIES, now=NOW)
