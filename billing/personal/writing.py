"""The first words of a personal mail: warm, short, true; in English and Spanish. A person makes them theirs.

Not here: what is known (``evidence``), what may be granted (``ways``).
"""

from billing import company as companies
from billing import demands, localtime, naming
from billing.money import format_cents
from billing.wording import tongues
from models import Customer, Verdict

EN = {
    "hello": "Hello {name},",
    "hello_nobody": "Hello,",
    "open": "Invoice {number} for {cents} was due on {due}, and we have not seen a payment yet.",
    "part": (
        "Thank you for the {came} that you paid on invoice {number}. {cents} of it is still open; it "
        "was due on {due}."
    ),
    "more": "{count} more invoices are open as well; the page that the link below opens shows them all.",
    "one_more": "One more invoice is open as well; the page that the link below opens shows both.",
    "well": "Is everything all right with it?",
    Verdict.NEVER_OPENED: "I am not sure that it ever reached you, so I wanted to ask in person.",
    Verdict.NEVER_DELIVERED: "I fear that it never reached you; if so, I am sorry.",
    Verdict.METHOD_FAILED: (
        "The last try to charge your {method} did not go through; perhaps the card or account has changed."
    ),
    Verdict.CANNOT_PAY: (
        "You told us that it is difficult right now. Thank you for saying so: we will find a way."
    ),
    Verdict.HABITUAL_LAG: (
        "You have always paid, so I am not worried; I only want to be sure that nothing is in the way."
    ),
    "talk": (
        "You asked us on {asked} about “{subject}”, and we answered on {answered}. Is that settled for "
        "you? If not, tell me."
    ),
    "broken": "You had hoped to pay by {day}. Things come up; tell me which day would work.",
    "wrong": (
        "If something is wrong, with the invoice or with our service, tell me and I will look into it. "
        "If it does not fit right now, we can find another date, or split it. And if you have just "
        "paid: thank you, our messages crossed."
    ),
    "reply": "You can simply reply to this email. I read the answers myself.",
}
ES = {
    "hello": "Hola, {name}:",
    "hello_nobody": "Hola:",
    "open": "La factura {number}, de {cents}, venció el {due} y todavía no hemos recibido el pago.",
    "part": (
        "Gracias por los {came} que pagó de la factura {number}. Quedan {cents} pendientes; vencieron "
        "el {due}."
    ),
    "more": "Hay otras {count} facturas pendientes; la página que abre el enlace de abajo las muestra todas.",
    "one_more": "Hay otra factura pendiente; la página que abre el enlace de abajo muestra las dos.",
    "well": "¿Está todo bien?",
    Verdict.NEVER_OPENED: "No sé si le llegó, por eso quería preguntarle personalmente.",
    Verdict.NEVER_DELIVERED: "Me temo que nunca le llegó; si es así, lo siento.",
    Verdict.METHOD_FAILED: (
        "El último cobro a su {method} no se pudo hacer; quizá cambió la tarjeta o la cuenta."
    ),
    Verdict.CANNOT_PAY: (
        "Nos dijo que ahora le resulta difícil. Gracias por decírnoslo: encontraremos una manera."
    ),
    Verdict.HABITUAL_LAG: (
        "Usted siempre ha pagado, así que no me preocupa; solo quiero asegurarme de que no hay ningún "
        "problema."
    ),
    "talk": (
        "El {asked} nos preguntó por «{subject}» y le respondimos el {answered}. ¿Quedó resuelto? Si "
        "no, dígamelo."
    ),
    "broken": "Usted esperaba pagar antes del {day}. A veces surgen cosas; dígame qué día le conviene.",
    "wrong": (
        "Si hay algún error, en la factura o en nuestro servicio, dígamelo y lo revisaré. Si ahora no "
        "le conviene, podemos buscar otra fecha o dividir el pago. Y si acaba de pagar: gracias, "
        "nuestros mensajes se cruzaron."
    ),
    "reply": "Puede responder a este correo. Leo las respuestas personalmente.",
}
REASONS = (
    Verdict.NEVER_OPENED,
    Verdict.NEVER_DELIVERED,
    Verdict.METHOD_FAILED,
    Verdict.CANNOT_PAY,
    Verdict.HABITUAL_LAG,
)


def suggested(notice, evidence, *, staff):
    """The words that a draft begins with, in the name of ``staff`` and in the customer's language."""
    tongue = tongues.of(notice.customer)
    texts = ES if notice.customer.language == "es" else EN
    body = " ".join(
        filter(
            None,
            (
                _open(notice, evidence, texts, tongue),
                _reason(evidence, texts, tongue),
                _well(evidence, texts),
            ),
        )
    )
    parts = (
        _hello(notice.contact, texts),
        body,
        _talk(evidence, texts, tongue),
        _broken(evidence, texts, tongue),
        texts["wrong"],
        texts["reply"],
        signature(staff),
    )
    return "\n\n".join(filter(None, parts))


def signature(staff):
    """Who writes: the name, the company and its phone."""
    company = companies.current()
    return f"{staff.name}\n{company.name}" + (f", {company.phone}" if company.phone else "")


def _open(notice, evidence, texts, tongue):
    """What is due of the invoice: what is disputed or due later is not asked for."""
    invoice = notice.invoice
    asked = demands.of(invoice)
    cents = sum(one.cents for one in asked if one.due_on) or invoice.open_cents
    told = {
        "number": naming.number(invoice, companies.current()),
        "cents": format_cents(cents),
        "due": tongue.date(demands.first_on(asked) or invoice.due_on),
        "came": format_cents(invoice.total_cents - invoice.open_cents),
    }
    text = texts["part" if invoice.open_cents < invoice.total_cents else "open"].format(**told)
    more = len([one for one in evidence.invoices if one.id != invoice.id])
    if more:
        text += " " + (texts["one_more"] if more == 1 else texts["more"].format(count=more))
    return text


def _reason(evidence, texts, tongue):
    code = evidence.verdict.code if evidence.verdict else ""
    if code not in REASONS:
        return ""
    if code != Verdict.METHOD_FAILED:
        return texts[code]
    if evidence.failed is None:
        return ""
    return texts[code].format(method=tongue.say(naming.in_a_sentence(evidence.failed.method_label)))


def _well(evidence, texts):
    """The plain question, where nothing is known that says more."""
    return "" if evidence.verdict and evidence.verdict.code in REASONS else texts["well"]


def _talk(evidence, texts, tongue):
    talk = evidence.talk
    if talk is None:
        return ""
    zone = companies.current().time_zone
    asked, answered = (localtime.day(at, zone) for at in (talk.ticket.opened_at, talk.answered_at))
    told = {"asked": tongue.date(asked), "answered": tongue.date(answered), "subject": talk.ticket.subject}
    return texts["talk"].format(**told)


def _broken(evidence, texts, tongue):
    return texts["broken"].format(day=tongue.date(evidence.broken.pay_on)) if evidence.broken else ""


def _hello(contact, texts):
    name = _called(contact)
    return texts["hello"].format(name=name) if name else texts["hello_nobody"]


def _called(contact):
    """The first name of a person at home; the whole name of whoever stands for a business; or nothing."""
    name = contact.name.strip() if contact else ""
    is_home = contact is not None and contact.customer.kind == Customer.RESIDENTIAL
    return name.split()[0] if is_home and name else name


def with_ways(text, sentences, *, staff):
    """``text`` with what is granted, said before the name of the one who writes."""
    if not sentences:
        return text
    said = " ".join(sentences)
    body, name, rest = text.rpartition(f"\n{staff.name}\n")
    if not name:
        return f"{text}\n\n{said}"
    return f"{body.rstrip()}\n\n{said}\n{name}{rest}"
