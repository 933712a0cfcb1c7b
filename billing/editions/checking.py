"""Whether a text may be sent: it renders in every case, and says what law and mission ask of its kind.

What every message carries anyway (why it came, how to change it, who we are) is the layout's and cannot be
left out.
"""

import re

from billing.editions import samples
from billing.wording import facts, pieces, rendering, tongues, writing
from billing.wording.rendering import CannotSay
from models import Notice, Template

NET = re.compile(r"\bnet\s*-?\s*\d+\b", re.I)
SHAMING = re.compile(
    r"\b(over\s?due|past\s+due|delinquen\w*|debts?|debtor|collections?|final\s+notice|urgent|legal\s+action|"
    r"deudas?|deudor\w*|moros\w+|vencid\w+|cobranzas?|urgente|último\s+aviso|acci[oó]n\s+legal)\b",
    re.I,
)

_PAY = ("amount_due", "due_date", "pay_link")
_SETBACK = ("sum", "happened", "next_step")
# names whose words must stand in what is sent, as long as there are any
MUST = {
    Notice.INVOICE: _PAY,
    Notice.REMINDER: _PAY,
    Notice.FRESH_LINK: ("amount_due", "pay_link"),
    Notice.OVERDUE: ("sum_due", "due"),
    Notice.CHECK_IN: ("letter", "pay_link"),
    Notice.RECEIPT: ("sum", "date", "sentence"),
    Notice.PAYMENT_PROBLEM: ("sum", "sentence", "next_step"),
    Notice.REFUND: ("sum", "sentence"),
    Notice.CREDIT_GIVEN: ("sum", "sentence", "reason"),
    Notice.INVOICE_CANCELED: ("number", "reason"),
    Notice.LATE_FEE: ("sum", "fee_date", "pay_link"),
    Notice.SUSPENSION_WARNING: ("sum", "rests_date", "where", "pay_link"),
    Notice.SUSPENDED: ("sum", "rests_date", "where", "pay_link"),
    Notice.REINSTATED: ("where",),
    Notice.HANDED_OVER: ("sum", "agency", "date"),
    Notice.PROMISE: ("sum", "date"),
    Notice.PLAN_AGREED: ("payments", "agreed", "plan_link"),
    Notice.PLAN_MISSED: ("sum", "repair_by", "plan_link"),
    Notice.PLAN_ENDED: ("total", "question_link"),
    Notice.CHARGE_DECLINED: (*_SETBACK, "pay_link"),
    Notice.METHOD_PROBLEM: (*_SETBACK, "methods_link"),
    Notice.ABOVE_CAP: (*_SETBACK, "pay_link"),
    Notice.AUTOPAY_ON: ("agreed", "stop_link"),
    Notice.AUTOPAY_OFF: ("method", "autopay_link"),
    Notice.UPCOMING_CHARGE: ("sum", "date", "method", "stop_link"),
    Notice.CHARGE_POSTPONED: ("sum", "date", "method", "stop_link"),
    Notice.METHOD_EXPIRING: ("method", "expires", "methods_link"),
    Notice.METHOD_CHANGED: ("headline",),
    Notice.SIGN_IN: ("code",),
    Notice.CONSENT_CONFIRM: ("button",),
    Notice.TICKET_REPLY: ("answer",),
    Notice.TICKET_RECEIVED: ("question", "answer_day"),
    Notice.TICKET_CLOSED: ("question",),
    Notice.DISPUTE_RECEIVED: ("sum", "answer_day", "rest"),
    Notice.DISPUTE_DECIDED: ("answer", "credit", "again", "again_day"),
    Notice.DIGEST: ("button",),
    Notice.CONTRACT_ANSWERED: ("sentence", "facts", "paragraphs"),
    Notice.CONTRACT_ENDED: ("sentence", "facts", "paragraphs"),
    Notice.PRICE_CHANGE: ("sentence", "facts", "paragraphs", "answer_link"),
    Notice.RENEWAL: (
        "sentence", "price", "changes", "how_to_cancel", "if_nothing", "small_print", "answer_link", "post",
    ),
    Notice.YEARLY_REMINDER: (
        "sentence", "price", "changes", "how_to_cancel", "if_nothing", "small_print", "answer_link", "post",
    ),
}  # fmt: skip
MUST_IN_TEXTS = {
    Notice.INVOICE: ("pay_link",),
    Notice.REMINDER: ("amount_due", "due_short", "pay_link"),
    Notice.OVERDUE: ("pay_link",),
    Notice.RECEIPT: ("sum",),
    Notice.UPCOMING_CHARGE: ("sum", "date_short"),
    Notice.CHARGE_POSTPONED: ("sum", "date_short"),
    Notice.DISPUTE_RECEIVED: ("sum", "answer_short", "rest"),
    Notice.DISPUTE_DECIDED: ("credit", "again", "again_short"),
    Notice.TEXT_REPLY: ("reply",),
    Notice.RENEWAL: ("sign_in_link",),
    Notice.YEARLY_REMINDER: ("sign_in_link",),
    Notice.PRICE_CHANGE: ("sign_in_link",),
}
AUTOMATIC = ("amount_due", "charge_date", "pay_link")
TOGETHER = ("sum_due", "together_link")


def names(kind):
    """{name: True for pieces} of everything that a text of a kind may name."""
    return {name: isinstance(value, pieces.Piece) for name, value in example(kind).items()}


def example(kind, language="en"):
    """{name: value} of the sample that the editor shows first."""
    context = next(iter(samples.contexts(kind).values()))
    return facts.of(kind, context, tongues.TONGUES[language])


def too_long(text):
    """A sentence when a Text cannot be kept at all; else ""."""
    if len(text.body) > rendering.LONGEST_BODY:
        return f"Keep the text under {rendering.LONGEST_BODY:,} characters."
    if len(text.subject) > rendering.LONGEST_SUBJECT:
        return f"Keep the subject under {rendering.LONGEST_SUBJECT:,} characters."
    return ""


def problems(kind, channel, language, text, *, real=()):
    """Sentences on why a Text may not be sent; none when it may.

    real -- [(what it is, context)] of messages as they are sent, beside the samples
    """
    if sentence := too_long(text):
        return [sentence]
    found = rendering.problems(text, names(kind))
    if not text.body.strip():
        found.append("The text is empty.")
    if channel == Template.MAIL and not text.subject.strip():
        found.append("The subject is empty.")
    if found:
        return found
    tongue = tongues.TONGUES[language]
    for case, context in (*samples.contexts(kind).items(), *real):
        found += _of_case(kind, channel, text, case, context, tongue)
    return list(dict.fromkeys(found))


def _of_case(kind, channel, text, case, context, tongue):
    """What is wrong when a Text tells of one case."""
    try:
        subject, plain, _ = writing.written_by(text, kind, channel, context, tongue)
    except CannotSay as error:
        yield f"It cannot say “{case}”. {error}"
        return
    known, flat = facts.of(kind, context, tongue), _flat(f"{subject}\n{plain}")
    for name in _wanted(kind, channel, known):
        if any(_flat(words) not in flat for words in _words(known[name])):
            yield f"In the case “{case}” it does not say {{{{ {name} }}}}: {facts.MEANINGS[name]}."
    if NET.search(text.body) or NET.search(text.subject):
        yield "“Net 15” is nothing that a customer can look up: say the date, {{ due_date }}."
    if shaming := SHAMING.search(subject):
        yield f"“{shaming[0]}” does not belong in a subject: others may read it over a shoulder."
    if channel == Template.MAIL and len(subject) > 150:
        yield f"In the case “{case}” the subject has {len(subject)} characters; 150 are too many to read."


def _wanted(kind, channel, known):
    if channel == Template.TEXT:
        return MUST_IN_TEXTS.get(kind, ()) if known.get("is_payable", True) else ()
    if known.get("several") and kind in (Notice.REMINDER, Notice.OVERDUE):
        return TOGETHER
    if known.get("is_automatic"):
        return AUTOMATIC
    if known.get("is_payable") is False:
        return ("pay_link",)
    return MUST.get(kind, ())


def _words(value):
    """What of a fact or piece must stand in the plain text."""
    match value:
        case pieces.Button():
            return [value.url]
        case pieces.Paragraphs():
            return value.texts
        case pieces.Words() | pieces.Code():
            return [value.text]
        case pieces.Facts():
            return [text for _, text in value.pairs]
        case pieces.Rows():
            return [row.text for row in value.rows]
    return [str(value)]


def _flat(text):
    """Without line breaks and marks, in small letters; GSM-7 leaves accents off."""
    return " ".join(re.sub(r"[*_\\]", "", text).casefold().split())
