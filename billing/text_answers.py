"""What people answer to texts: STOP, START, HELP in all their forms, and everything else they want to say.

STOP ends every text to that number at once and is confirmed once (47 CFR 64.1200(a)(10) to (12)); START
brings them back; HELP says who we are. The rest is a message to us: a ticket, or it waits for a person.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from billing import company as companies
from billing import consents, inbound, masking, phones
from billing.notices import queueing
from billing.texts import counting
from billing.wording import tongues
from models import Consent, Contact, Inbound, Notice, Ticket

# The words of the law and of the carriers, and what people who read Spanish write in their place.
STOP_WORDS = set(
    "stop stopall unsubscribe cancel end quit revoke optout alto parar pare paren baja cancelar fin".split()
)
START_WORDS = {"start", "unstop", "yes", "si", "iniciar", "inicio", "empezar"}
HELP_WORDS = {"help", "info", "ayuda"}
FILLING = set(
    "please pls stop texting text texts message messages messaging msg msgs sending send me us all now the "
    "these this them it immediately to from get getting i want you thanks "
    "por favor de los el mensajes mensaje texto textos enviar enviarme mandar mandarme ya gracias".split()
)
ABOUT_LIFE = timedelta(days=30)  # an answer is about the last text of these days
TALK_LIFE = timedelta(days=7)
WHY_REPLY = "You wrote to us."
LONGEST_NAME = 40
STOPPED, STARTED, HELPED = "stopped", "started", "helped"
ANSWERS = {
    "en": {
        STOPPED: "{name}: You will get no more texts. Text START to get them again. Questions: {phone}",
        STARTED: (
            "{name}: You get texts about your account. Text HELP for help, STOP to end them. "
            "Msg and data rates may apply."
        ),
        HELPED: (
            "{name} billing: call {phone} or write to {email}. Text STOP to end texts. "
            "Msg and data rates may apply."
        ),
    },
    "es": {
        STOPPED: (
            "{name}: Ya no recibirá mensajes. Responda START para volver a recibirlos. Preguntas: {phone}"
        ),
        STARTED: (
            "{name}: Recibirá mensajes sobre su cuenta. Responda AYUDA para ayuda, ALTO para terminar. "
            "Pueden aplicarse cargos."
        ),
        HELPED: (
            "{name}: llame al {phone} o escriba a {email}. Responda ALTO para terminar. "
            "Pueden aplicarse cargos."
        ),
    },
}


@dataclass(frozen=True)
class Received:
    """One text as a provider handed it over. Numbers as they came; ``source_id`` the same at every try."""

    source_id: str
    sender: str
    body: str
    received_at: object  # an instant
    recipient: str = ""


def meaning(body):
    """Inbound.STOP, START, HELP or "" for anything else.

    >>> [meaning(one) for one in ("STOP", " stop. ", "Opt-Out", "please stop texting me", "Stop!!!")]
    ['stop', 'stop', 'stop', 'stop', 'stop']
    >>> [meaning(one) for one in ("ALTO", "No quiero", "¡Ayuda!", "Sí", "por favor parar los mensajes")]
    ['stop', '', 'help', 'start', 'stop']
    >>> [meaning(one) for one in ("Unstop", "HELP?", "Stop by on Monday", "cancel my contract", "yes it is")]
    ['start', 'help', '', '', '']
    """
    text = re.sub(r"\bopt[\s-]+out\b", "optout", _without_accents(body[:200].casefold()))
    text = re.sub(r"\bstop[\s-]+all\b", "stopall", text)
    words = re.findall(r"\w+", text)
    if len(words) == 1 and words[0] in START_WORDS | HELP_WORDS:
        return Inbound.START if words[0] in START_WORDS else Inbound.HELP
    said = STOP_WORDS & set(words)
    return Inbound.STOP if said and set(words) <= STOP_WORDS | FILLING else ""


def _without_accents(text):
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def take(received, *, now):
    """Keep ``received`` and do what it asks for, once, in one transaction. Returns its Inbound row."""
    return inbound.once(received.source_id, lambda: _take(received, now))


def _take(received, now):
    number = phones.us_number(received.sender) or received.sender.strip()
    people = people_of(number)
    one = people[0] if len({person.customer_id for person in people}) == 1 else None
    row = Inbound.create(
        channel=Inbound.TEXT,
        source_id=received.source_id,
        sender=number[:255],
        recipient=received.recipient[:255],
        body=masking.masked(received.body),
        received_at=received.received_at,
        noted_at=now,
        notice=_last_text(number, now),
        customer=one and one.customer_id,
        contact=one,
    )
    if inbound.is_too_much(row, now) and meaning(received.body) != Inbound.STOP:
        inbound.rest(row, now)
        return row
    act = {Inbound.STOP: _stop, Inbound.START: _start, Inbound.HELP: _help}.get(meaning(row.body), _say)
    act(row, number, people, now)
    return row


def people_of(number):
    """The contacts with this number, those who agreed to texts there first; nobody for what is no number."""
    if not phones.us_number(number):
        return []
    agreed = Consent.select(Consent.contact).where(Consent.address_or_number == number)
    maybe = Contact.phone.contains(number[-4:]) | Contact.id.in_(agreed)
    found = list(Contact.select().where(maybe & Contact.left_on.is_null()).order_by(Contact.id))
    agreed_ids = {id for (id,) in agreed.tuples()}
    found = [one for one in found if one.id in agreed_ids or phones.us_number(one.phone) == number]
    return sorted(found, key=lambda one: (one.id not in agreed_ids, one.id))


def _last_text(number, now):
    """The text that is answered: the last one that went to this number, if it was lately."""
    return (
        Notice.select()
        .where(
            (Notice.channel == Notice.TEXT)
            & (Notice.address == number)
            & (Notice.state == Notice.SENT)
            & (Notice.sent_at > now - ABOUT_LIFE)
        )
        .order_by(Notice.sent_at.desc())
        .first()
    )


# --- The words that mean something ---------------------------------------------------------------


def _stop(row, number, people, now):
    how = f"{row.body.strip()[:40]} by text"
    stopped = consents.stop_texts_to(number, how=how, by=f"text from {number}", now=now)
    if not stopped:
        inbound.finish(row, Inbound.STOP, "No texts went to this number; none will.", now)
        return
    _reply(row, stopped[0], number, STOPPED, now)
    names = ", ".join(person.name for person in stopped)
    inbound.finish(row, Inbound.STOP, f"Texts to {names} ended.", now)


def _start(row, number, people, now):
    """Bring texts back to whoever had them; a number that several people share needs one who did."""
    before = Consent.select(Consent.contact).where(
        (Consent.kind == Consent.TEXT) & (Consent.address_or_number == number)
    )
    had = {id for (id,) in before.tuples()}
    asking = [person for person in people if person.id in had] or (people if len(people) == 1 else [])
    asking = [person for person in asking if phones.us_number(person.phone) == number]
    if not asking:
        inbound.wait(row, "Somebody wants texts at a number that is not one person's here.")
        return
    company = companies.current()
    for person in asking:
        consents.give_text(
            person, wording=consents.text_words(person, company).text, source=Consent.TEXT,
            by=f"text from {number}", now=now, proof=f"text {row.id}: {row.body.strip()[:40]}",
        )  # fmt: skip
    _reply(row, asking[0], number, STARTED, now)
    inbound.finish(row, Inbound.START, f"Texts to {', '.join(one.name for one in asking)} began.", now)


def _help(row, number, people, now):
    if not people:
        inbound.wait(row, "Somebody asks for help from a number that we do not know.")
        return
    _reply(row, people[0], number, HELPED, now)
    inbound.finish(row, Inbound.HELP, "Answered with how to reach us.", now)


def _reply(row, person, number, answer, now):
    """The one text that answers, in their language: to say that there is no consent any more takes none."""
    company = companies.current()
    said = ANSWERS[tongues.of(person.customer).code][answer].format(
        name=company.name[:LONGEST_NAME], phone=company.phone, email=company.email
    )
    queueing.queue(
        Notice.TEXT_REPLY, key=f"text_reply:{row.id}", customer=person.customer_id, contact=person,
        channel=Notice.TEXT, address=number, words=counting.plain(said), why=WHY_REPLY, now=now,
    )  # fmt: skip


# --- Everything else -----------------------------------------------------------------------------


def _talk(row, now):
    """The open ticket that texts of this person went to lately: people say one thing in three texts."""
    theirs = (Inbound.channel == Inbound.TEXT) & (Inbound.sender == row.sender)
    earlier = Inbound.select(Inbound.ticket).where(theirs & Inbound.ticket.is_null(False))
    return (
        Ticket.select()
        .where(
            Ticket.id.in_(earlier)
            & (Ticket.contact == row.contact)
            & (Ticket.state != Ticket.CLOSED)
            & (Ticket.last_at > now - TALK_LIFE)
        )
        .order_by(Ticket.last_at.desc())
        .first()
    )


def _say(row, number, people, now):
    """Somebody tells us something: about the last text, else by whose number it is, else a person looks."""
    told = row.notice and row.notice.contact
    writer = told if told in people else row.contact
    if writer is None:
        shared = "Several accounts have this number." if people else "We know nobody with this number."
        inbound.wait(row, shared)
        return
    row.contact, row.customer = writer, writer.customer_id
    ticket = (inbound.conversation(row, now) if row.notice else None) or _talk(row, now)
    inbound.go_on(row, ticket, by=f"contact:{writer.id}", now=now)
