"""The words of an agreement in each language that we write: the same paragraphs, one for one. Pure.

Whoever changes one changes the other: the lists below are read side by side. Not here: which facts stand in
them (agreement.py), the messages around it (billing/wording).
"""

from dataclasses import dataclass

from billing import words
from billing.money import format_cents
from billing.wording import tongues


@dataclass(frozen=True)
class Facts:
    """What an agreement tells. ``covered`` is [(number, due_on, cents)], ``payments`` [(cents, due_on)]."""

    ours: str
    customer: str
    account: str
    covered: tuple
    cents: int
    payments: tuple
    method: str  # that autopay charges; "" without
    grace_days: int
    phone: str
    write_to: str


def english(facts):
    """The paragraphs in English."""
    covered = words.joined(
        f"invoice {number}, due {words.date(on)}, with {format_cents(cents)} open"
        for number, on, cents in facts.covered
    )
    payments = "; ".join(f"{format_cents(cents)} on {words.date(on)}" for cents, on in facts.payments)
    grace = words.plural(facts.grace_days, "day")
    reach = " or ".join(filter(None, [facts.phone and f"call {facts.phone}", f"write to {facts.write_to}"]))
    return (
        f"This agreement is between {facts.ours} and {facts.customer}, account {facts.account}.",
        f"It covers {covered}: {format_cents(facts.cents)} in all.",
        "It is not a new debt. It only says by when what is open is paid. There is no fee and no interest.",
        f"{facts.customer} pays in {len(facts.payments)} payments: {payments}.",
        _how_in_english(facts.method),
        "Invoices that are not named here, and those to come, stay due on their own dates.",
        "While the plan is kept, service goes on as usual, we do not ask for these invoices in any other "
        "way, and no late fee is added. We remind of each payment before its day.",
        f"If a payment is missed, we wait {grace}. Then we write, and it can be put right once within "
        f"another {grace}: by paying it, or by moving it to another day. If that does not happen, or a "
        "second payment is missed, the plan ends: the invoices are due on their own dates again, less what "
        "was paid. Nothing is added for that.",
        "It can be paid off early, in whole or in part, at any time and at no cost. What is paid early "
        "counts for the next payment first.",
        f"To change or to cancel it, {reach}. Canceled, the invoices are due on their own dates.",
    )


def _how_in_english(method):
    if method:
        return (
            f"The customer asked us to charge each payment to {method} on its day. That is a separate "
            "permission and can be taken back at any time; the plan goes on without it."
        )
    return (
        "Each payment can be made online, by check or any other way that we accept. Nothing is charged "
        "automatically under this agreement."
    )


def spanish(facts):
    """The same in Spanish."""
    tongue = tongues.TONGUES["es"]
    covered = _joined(
        f"la factura {number}, que vence el {tongue.date(on)}, con {format_cents(cents)} pendientes"
        for number, on, cents in facts.covered
    )
    payments = "; ".join(f"{format_cents(cents)} el {tongue.date(on)}" for cents, on in facts.payments)
    grace = "1 día" if facts.grace_days == 1 else f"{facts.grace_days} días"
    reach = " o ".join(
        filter(None, [facts.phone and f"llame al {facts.phone}", f"escriba a {facts.write_to}"])
    )
    return (
        f"Este acuerdo es entre {facts.ours} y {facts.customer}, cuenta {facts.account}.",
        f"Cubre {covered}: {format_cents(facts.cents)} en total.",
        "No es una obligación nueva. Solo dice para cuándo se paga lo que está pendiente. No hay recargo ni "
        "intereses.",
        f"{facts.customer} paga en {len(facts.payments)} pagos: {payments}.",
        _how_in_spanish(tongue.say(facts.method)),
        "Las facturas que no se nombran aquí, y las que vengan, siguen venciendo en sus propias fechas.",
        "Mientras el plan se cumple, el servicio sigue como siempre, no pedimos estas facturas de ninguna "
        "otra manera y no se agrega ningún recargo. Recordamos cada pago antes de su fecha.",
        f"Si falta un pago, esperamos {grace}. Después escribimos, y se puede poner en orden una vez dentro "
        f"de otros {grace}: pagándolo, o pasándolo a otra fecha. Si eso no ocurre, o falta un segundo pago, "
        "el plan termina: las facturas vencen otra vez en sus propias fechas, menos lo que se pagó. No se "
        "agrega nada por eso.",
        "Se puede pagar antes, todo o una parte, en cualquier momento y sin costo. Lo que se paga antes "
        "cuenta primero para el pago siguiente.",
        f"Para cambiarlo o cancelarlo, {reach}. Si se cancela, las facturas vencen en sus propias fechas.",
    )


def _how_in_spanish(method):
    if method:
        return (
            f"El cliente nos pidió cobrar cada pago en {method} en su fecha. Es un permiso aparte que se "
            "puede retirar en cualquier momento; el plan sigue sin él."
        )
    return (
        "Cada pago se puede hacer en línea, con cheque o de cualquier otra forma que aceptamos. Con este "
        "acuerdo no se cobra nada automáticamente."
    )


def _joined(parts):
    *first, last = parts
    return f"{'; '.join(first)}; y {last}" if first else last


PARAGRAPHS = {"en": english, "es": spanish}
