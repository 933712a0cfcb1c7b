"""The mail that warns staff of windows that close: how it is written and handed to the mailer.

Nothing of it is decided here: whom and of what stands in billing/renewals/warning.py.
"""

import hashlib
from functools import partial

from flask import render_template

from billing import company as companies
from billing import letterheads
from billing.edges.mail import Letter
from billing.renewals import warning
from billing.wording import tongues
from models import Notice

WHY = "You get this because you may act on it: owners and billing are told before a legal window closes."
CLOSING = "No proof yet, and the window closes soon:"
MISSED = "Missed, the window closed without proof:"


def warn(app, post, today):
    """Warn staff of windows that they were not warned of. Returns to how many people it left."""
    return warning.send(today, tell=partial(_tell, app, post), now=app.clock.now())


def _tell(app, post, person, told):
    """Send one warning to one person. Raises MailNotSent."""
    letter = letter_of(app, told, person)
    hear = post.send(Notice(id=0, channel=Notice.MAIL, address=person.email), letter)
    hear()


def letter_of(app, told, person):
    """The Letter of a Warning to a Staff."""
    company = letterheads.of(companies.current())
    base = app.config["BASE_URL"]
    list_url = f"{base}/staff/renewal-notice/?standing={'at_risk' if told.closing else 'missed'}"
    parts = [(heading, said) for heading, said in ((CLOSING, told.closing), (MISSED, told.missed)) if said]
    subject = f"{company.name}: {told.subject}"
    lines = [f"{heading}\n" + "\n".join(f"- {sentence}" for sentence in said) for heading, said in parts]
    text = "\n\n".join([told.subject, *lines, f"Open the list: {list_url}", WHY]) + "\n"
    html = render_template(
        "mail/staff_warning.html", parts=parts, list_url=list_url, subject=told.subject, company=company,
        preview=(told.closing + told.missed)[0], links={}, why=WHY, tongue=tongues.TONGUES["en"],
    )  # fmt: skip
    name = hashlib.sha256(f"{told.key}:{person.id}".encode()).hexdigest()[:24]
    host = app.config["MAIL_FROM"].rpartition("@")[2]
    return Letter(subject, text, html, text, html, f"<warning-{name}@{host}>", company.name)
