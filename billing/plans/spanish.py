"""The agreement of a plan in Spanish, paragraph for paragraph as in ``phrases``. Pure."""

from billing.money import format_cents
from billing.wording import tongues


def paragraphs(facts):
    """The paragraphs of an agreement; facts: phrases.Facts."""
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
        _how(tongue.say(facts.method)),
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


def _how(method):
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
