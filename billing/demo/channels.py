"""What came in today: somebody who is texted, two mails that nobody could match.

The hero agreed to texts and wants invoices announced by one, so that the next one shows in the catcher.
"""

from billing import company as companies
from billing import consents, feeds, inbound, phones, preferences
from billing.demo.people import HERO_EMAIL
from models import Consent, Contact, Notice, Preference, PreferenceChange

SON = (
    "Hello,\n\nmy mother forwarded me your invoice. She is in the hospital until next week. I take care of "
    "her mail and will pay it then. Can you note that?\n\nThank you, Paul"
)
NEW = (
    "Good day,\n\nwe moved into Oak Hill Drive and found your panel on the wall. Do you take it over?\n\n"
    "Best, Kim"
)


def play(history):
    """Set today's scenes."""
    now = history.now
    hero = Contact.select().where(Contact.email == HERO_EMAIL).first()
    if hero is not None and phones.us_number(hero.phone):
        _text_to(hero, now)
    notice = Notice.select().where((Notice.state == Notice.SENT) & (Notice.kind == Notice.INVOICE))
    _write(
        "son", "paul.m@example.net", "Fwd: Your invoice", SON, now, notice.order_by(Notice.id.desc()).first()
    )
    _write("new", "kim@example.org", "Alarm panel in our new house", NEW, now)
    feeds.beat(feeds.MAIL, now=now)


def _text_to(hero, now):
    """They agreed on the page of their preferences, and chose reminders and problems by text as well."""
    words = consents.text_words(hero, companies.current()).text
    consents.give_text(hero, wording=words, source=Consent.PAGE, by=f"contact:{hero.id}", now=now)
    changes = {
        (event, Preference.TEXT): preferences.ALWAYS
        for event in (Preference.INVOICE, Preference.PAYMENT_PROBLEM, Preference.TICKET_REPLY)
    }
    preferences.choose(hero, changes, by=f"contact:{hero.id}", via=PreferenceChange.PAGE, now=now)


def _write(name, sender, subject, body, now, notice=None):
    inbound.take(
        inbound.Received(
            source_id=f"mail:demo-{name}", received_at=now, sender=sender, subject=subject, body=body,
            recipient="reply@lantern.example", notice_id=notice and notice.id,
        ),
        now=now,
    )  # fmt: skip
