"""What messages about a contract may name: its end, its price, and what was answered."""

from billing.wording.facts import parts
from billing.wording.pieces import Button, Paragraphs, Row, Rows


def renewal(context, links, tongue):
    """Of the end of a contract, as the law wants it told."""
    document = context["document"]
    until = f"You can cancel until {document.deadline_words}."
    return {
        "title": tongue.say(document.subject),
        "sentence": tongue.say(document.sentence),
        "can_cancel": tongue.say("You can end it any time." if document.is_yearly else until),
        "is_yearly": document.is_yearly,
        "facts": parts.particulars(document.facts, tongue),
        "services": Rows(
            tuple(
                Row(line.text, line.now_cents, ", ".join(filter(None, [line.where, tongue.say(line.every)])))
                for line in document.lines
            )
        ),
        "price": tongue.say(document.price_words),
        "changes": tongue.say(document.changes_words),
        "how_to_cancel": tongue.say(document.cancel_words),
        "if_nothing": tongue.say(document.if_nothing),
        "small_print": Paragraphs((" ".join(map(tongue.say, document.small_print)),)),
        "post": f"{document.company.legal_name}, {', '.join(document.company.address_lines)}",
        "answer_link": links["answer_url"],
        "button": Button(links["answer_url"]),
    }


def told(context, links, tongue):
    """What is told about a contract besides the notice of its end."""
    document = context["document"]
    return {
        "title": tongue.say(document.title),
        "sentence": tongue.say(document.sentence),
        "facts": parts.particulars(document.facts, tongue),
        "paragraphs": Paragraphs(tuple(map(tongue.say, document.paragraphs))),
        "answer_link": links["answer_url"],
        "button": Button(links["answer_url"]),
    }
