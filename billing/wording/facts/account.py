"""What messages about the account may name: signing in, the month, questions, disputes, answers to texts."""

from billing import words
from billing.money import format_cents
from billing.wording.facts import parts
from billing.wording.pieces import Amount, Button, Code, Row, Rows, Words


def sign_in(context, links, tongue):
    """The code and the link to sign in."""
    return {"code": Code(context["code"]), "button": Button(links["sign_in_url"])}


def digest(context, links, tongue):
    """Of one month of the account."""
    digest = context["digest"]
    rows = [
        Row(tongue.say(entry.text), entry.amount_cents, tongue.date(entry.on)) for entry in digest.entries
    ]
    rows.insert(0, Row(tongue.say("Balance before"), digest.before_cents))
    rows.append(Row(tongue.say("Balance after"), digest.after_cents, is_sum=True))
    following = f"the next due {words.date(digest.next_due_on)}" if digest.next_due_on else "open now"
    return {
        "period": tongue.say(words.period(digest.from_on, digest.to_on)),
        "is_open": bool(digest.open_cents),
        "had_entries": bool(digest.entries),
        "amount": Amount(digest.open_cents, tongue.say(following)),
        "entries": Rows(tuple(rows)),
        "button": Button(links["account_url"]),
    }


def consent(context, links, tongue):
    """The link by which electronic notices are agreed to."""
    return {"button": Button(links["consent_url"])}


def ticket(context, links, tongue):
    """Of what we answered to a question."""
    return {
        "question": context["ticket"].subject,
        "answer": Words(context["message"].body),
        "button": Button(links["ticket_url"]),
        "question_link": links["ticket_url"],
    }


def ticket_received(context, links, tongue):
    """Of a question that we have, and by when it is answered."""
    facts = ticket(context, links, tongue)
    return facts | {"wrote": facts.pop("answer"), **_answered_by(context["answer_on"], tongue)}


def _answered_by(on, tongue):
    return {"answer_day": tongue.date(on), "answer_short": tongue.short_date(on)}


def dispute(context, links, tongue):
    """Of what was disputed, and how it was decided."""
    document = context["document"]
    rest = format_cents(document.rest_cents) if document.rest_cents else ""
    has_two_days = document.again_cents and document.rest_cents > document.again_cents
    due = tongue.falls_due(document.rest_on) if document.rest_on and not has_two_days else ""
    return {
        "number": document.number,
        "about": document.about if document.is_line else tongue.say(document.about),
        "sum": format_cents(document.cents),
        "wrote": Words(document.words),
        **_answered_by(document.answer_by_on, tongue),
        "credit": format_cents(document.credit_cents) if document.credit_cents else "",
        "again": format_cents(document.again_cents) if document.again_cents else "",
        "again_day": tongue.date(document.again_on),
        "again_short": tongue.short_date(document.again_on),
        "answer": Words(document.decision),
        "rest": rest,
        "autopay": tongue.say(document.automatic),
        "amount": Amount(document.rest_cents, due),
        "pay_link": parts.pay_link(links),
        "button": Button(parts.pay_link(links)),
        "question_link": links["ticket_url"],
    }


def nothing_more(context, links, tongue):
    """Nothing beside what every message may name."""
    return {}


def text_reply(context, links, tongue):
    """The answer to STOP, START or HELP."""
    return {"reply": context["words"]}
