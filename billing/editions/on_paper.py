"""The words of a mail as a letter: the same text, without what only a screen can do.

A link becomes its words with the address behind it where a person can type that; the button to pay becomes
the square code beside the sum. Not here: how a letter looks (templates/pdf/letter.html), its documents.
"""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from billing.editions import versions
from billing.wording import defaults, drawing, pieces, rendering, writing
from billing.wording.rendering import CannotSay
from models import Notice, Template

TYPED = 48  # characters of an address that somebody would still type
# What stands above a letter, in a few words; the subject of the mail leads it.
TITLES = {
    Notice.REMINDER: ("A reminder", "Un recordatorio"),
    Notice.OVERDUE: ("Still open", "Aún pendiente"),
    Notice.CHECK_IN: ("A word about your invoice", "Sobre su factura"),
    Notice.FRESH_LINK: ("Your invoice", "Su factura"),
    Notice.PAYMENT_PROBLEM: ("A payment came back", "Un pago fue devuelto"),
    Notice.CREDIT_GIVEN: ("A credit for you", "Un crédito para usted"),
    Notice.INVOICE_CANCELED: ("Nothing to pay", "Nada que pagar"),
    Notice.LATE_FEE: ("Before a late fee", "Antes de un recargo"),
    Notice.SUSPENSION_WARNING: ("Please talk to us", "Hable con nosotros"),
    Notice.SUSPENDED: ("Your service rests", "Su servicio está en pausa"),
    Notice.REINSTATED: ("Your service works", "Su servicio funciona"),
    Notice.HANDED_OVER: ("About your account", "Sobre su cuenta"),
    Notice.PROMISE: ("Noted, thank you", "Anotado, gracias"),
    Notice.PLAN_AGREED: ("Your payment plan", "Su plan de pagos"),
    Notice.PLAN_MISSED: ("About your plan", "Sobre su plan"),
    Notice.PLAN_ENDED: ("About your plan", "Sobre su plan"),
    Notice.REFUND: ("Money back", "Reembolso"),
    Notice.CHARGE_DECLINED: ("A charge was declined", "Un cobro fue rechazado"),
    Notice.CHARGE_POSTPONED: ("Another day", "Otra fecha"),
    Notice.METHOD_PROBLEM: ("About how you pay", "Sobre su forma de pago"),
    Notice.METHOD_EXPIRING: ("Your card expires", "Su tarjeta vence"),
    Notice.METHOD_CHANGED: ("How you pay", "Su forma de pago"),
    Notice.ABOVE_CAP: ("Above your limit", "Por encima de su límite"),
    Notice.AUTOPAY_ON: ("Autopay is on", "Pago automático activado"),
    Notice.AUTOPAY_OFF: ("Autopay is off", "Pago automático desactivado"),
    Notice.TICKET_REPLY: ("Our answer", "Nuestra respuesta"),
    Notice.TICKET_RECEIVED: ("Your question", "Su pregunta"),
    Notice.TICKET_CLOSED: ("Your question", "Su pregunta"),
    Notice.DISPUTE_RECEIVED: ("We are looking into it", "Lo revisamos"),
    Notice.DISPUTE_DECIDED: ("Our answer", "Nuestra respuesta"),
    Notice.DIGEST: ("Your month", "Su mes"),
    Notice.PRICE_CHANGE: ("A new price", "Un precio nuevo"),
    Notice.CONTRACT_ANSWERED: ("Your answer", "Su respuesta"),
    Notice.CONTRACT_ENDED: ("Your agreement ends", "Su contrato termina"),
}
OTHERWISE = ("A message from us", "Un mensaje nuestro")
# Where a link leads whose address is a secret: it stands in the square code.
CODE = {"en": "square code above", "es": "código de arriba"}
# A letter is not replied to with a click.
INSTEAD = (
    (r"^, or reply to this e?mail", ""),  # right behind where to write
    (r"^, o responda a este correo", ""),
    (r"The agreement is attached as a PDF", "Please keep this letter: it is your copy"),
    (r"El acuerdo va adjunto como PDF", "Por favor guarde esta carta: es su copia"),
    (r"(?i)or (just|simply) (answer|reply to) this e?mail", "or write to us"),
    (r"reply to this e?mail", "write to us"),
    (r"Reply to this e?mail", "Write to us"),
    (r"(?<=[Tt]his )e?mail\b", "letter"),
    (r"o responda a este correo", "o escríbanos"),
    (r"responda( pronto)? a este correo", r"escríbanos\1"),
    (r"Responda a este correo", "Escríbanos"),
    (r"guard(e|ar) este correo", r"guard\1 esta carta"),
    (r"Este correo va", "Esta carta va"),
)


@dataclass(frozen=True)
class OnPaper:
    """What a letter says. ``amount`` is the sum that stands in the box, or None; ``blocks`` follow it.

    blocks  -- (kind, what): kind is para, heading, list, rule, rows, facts, lines or texts
    subject -- of the mail with the same words, without our name
    """

    title: str
    subject: str
    amount: pieces.Amount | None
    blocks: tuple
    template: Template | None
    sha256: str


def written(kind, context, tongue, *, now):
    """The OnPaper of one message, by the text that is in force; an older one where that fails.

    Raises CannotSay when there is no text of this kind.
    """
    failed = CannotSay(f"There are no words for a letter of this kind: {kind}.")
    for template, text in versions.candidates(kind, Template.MAIL, tongue.code):
        try:
            return _laid_out(kind, context, tongue, text, template)
        except CannotSay as error:
            failed = error
            if template:
                versions.note_failure(template, str(error), now=now)
    raise failed


def _laid_out(kind, context, tongue, text, template):
    said = writing.said_by(text, kind, context, tongue)
    amount = next((block.piece for block in said.blocks if isinstance(block.piece, pieces.Amount)), None)
    rest = list(_without(amount, said.blocks))
    code = CODE[tongue.code]
    blocks = [made for block in rest if (made := _block(block, said, code))]
    our_name = f"{context['company'].name}: "
    return OnPaper(
        title=title_of(kind, tongue),
        subject=_begun(_paper_words(said.subject.removeprefix(our_name))),
        amount=amount,
        blocks=tuple(blocks),
        template=template,
        sha256=defaults.sha256(text),
    )


def _without(amount, blocks):
    """The blocks but for the sum that stands in the box, and for the heading that it stood under."""
    for block, following in zip(blocks, (*blocks[1:], None), strict=True):
        moved = amount is not None and following is not None and following.piece is amount
        if not (moved and block.kind == "heading") and (amount is None or block.piece is not amount):
            yield block


def _begun(text):
    """With a capital: behind our name a subject may begin small."""
    at = 1 if text[:1] in "¿¡" else 0
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]


def title_of(kind, tongue):
    """The heading of a letter."""
    english, spanish = TITLES.get(kind, OTHERWISE)
    return spanish if tongue.code == "es" else english


def _paper_words(text):
    for pattern, instead in INSTEAD:
        text = re.sub(pattern, instead, text)
    return text


def _block(block, said, code):
    """(kind, what) of a block; None for what says nothing on paper."""
    if block.kind == "piece":
        return _piece(block.piece)
    if block.kind == "list":
        return "list", [_spans(item, said, code) for item in block.items]
    if block.kind == "rule":
        return "rule", None
    return block.kind, _spans(block.spans, said, code)


def _piece(piece):
    match piece:
        case pieces.Rows():
            return ("rows", piece.rows) if piece else None
        case pieces.Facts():
            return ("facts", piece.pairs) if piece else None
        case pieces.Words():
            return "lines", piece.text
        case pieces.Paragraphs():
            return "texts", piece.texts
        case pieces.Amount():
            return "para", Markup("<b>{}</b>").format(drawing.text_of_piece(piece))
        case pieces.Button():
            return _button(piece)
    return None


def _button(piece):
    """What can be opened by typing is said; a secret address is in the square code."""
    shown = typed(piece.url)
    return ("para", Markup("{}: <b>{}</b>").format(piece.label, shown)) if shown else None


def typed(url):
    """An address as somebody types it; "" for one that nobody would."""
    shown = re.sub(r"^(https?://|mailto:|tel:)", "", url).rstrip("/")
    return shown if 0 < len(shown) <= TYPED else ""


def _spans(spans, said, code):
    parts, behind, inside = [], "", ""
    for token in spans:
        if token.type == "link_open":
            behind, inside = typed(drawing.address_of(token, said)) or code, ""
        elif token.type == "link_close":
            parts.append("" if behind in inside else Markup(" (<b>{}</b>)").format(behind))
        elif token.type in drawing.MARKUP:
            parts.append(escape(drawing.MARKUP[token.type]))
        else:
            words = _paper_words(rendering.filled(token.content, said))
            inside += words
            parts.append(escape(words))
    return Markup("").join(parts)
