"""One message by one text: subject, plain text and HTML. Pure; which text is used is decided elsewhere."""

from billing.texts import counting
from billing.wording import defaults, drawing, facts, rendering, tongues
from billing.wording.rendering import Block, Said, Text
from models import Notice, Template

TRANSLATED = (
    "This is a translation for your convenience. "
    "The notice in English, which follows, is the one that counts."
)
# What law or contract asks for is said in English too: that is the language of the contract.
TWICE = (
    Notice.RENEWAL, Notice.YEARLY_REMINDER, Notice.PRICE_CHANGE, Notice.CONTRACT_ANSWERED,
    Notice.CONTRACT_ENDED,
)  # fmt: skip


def written_by(text, kind, channel, context, tongue):
    """(subject, plain text, HTML) of a message by a Text, whether it is in force or not. Raises CannotSay."""
    if channel == Template.TEXT:
        known = facts.of(kind, context, tongue)
        return "", counting.plain(" ".join(rendering.words_of(text.body, known).split())), ""
    said = said_by(text, kind, context, tongue)
    around = {
        "company": context["company"], "links": context["links"], "why": tongue.say(context["why"]),
        "tongue": tongue,
    }  # fmt: skip
    return said.subject, *drawing.drawn(said, **around)


def said_by(text, kind, context, tongue):
    """The Said of a message by a Text, for mail and paper alike. Raises CannotSay."""
    said = rendering.say(text, facts.of(kind, context, tongue))
    if kind in TWICE and tongue.code != "en":
        return _in_english_too(said, kind, context, tongue)
    return said


def _in_english_too(said, kind, context, tongue):
    """The message, and below it the default one in English. Marks of facts are counted on."""
    english = tongues.TONGUES["en"]
    heading = f"{tongue.say(TRANSLATED)}\n\n## {tongue.say('In English')}\n\n"
    text = defaults.of(kind, Template.MAIL, "en")
    both = rendering.say(Text("", heading + text.body), facts.of(kind, context, english))
    moved = rendering.moved(both, len(said.facts))
    return Said(said.subject, (*said.blocks, Block("rule"), *moved.blocks), said.facts + both.facts)
