"""Ways out that a personal mail may bring: what its sender may grant alone, and granting it.

A way that is above what the sender may grant is not offered to them. Not here: the limits themselves
(``billing.remedies``), promises and plans, which the customer makes from the offer.
"""

from dataclasses import dataclass

from billing import company as companies
from billing import demands, promises
from billing.errors import BillingError
from billing.money import format_cents
from billing.remedies import goodwill, late_fees, service_credits
from billing.wording import tongues
from models import Approval, Invoice, LateFee, Offer, Plan, ServiceCredit, Staff

MAY = (Staff.OWNER, Staff.BILLING, Staff.SUPPORT)
GOODWILL_REASON = "Out of kindness, as we wrote to you"
EN = {
    Offer.DATE: (
        "If another day suits you better, choose it on the page that the link below opens, up to {day}: "
        "until then nobody will remind you of it."
    ),
    Offer.INSTALLMENTS: (
        "You can also pay in up to {count} parts, without any fee: choose the days on the same page."
    ),
    Offer.GOODWILL: "I have taken {cents} off what you owe.",
    Offer.SERVICE_CREDIT: "For the days on which our service did not work I have credited you {cents}.",
    Offer.FEE: "The late fee of {cents} is waived.",
}
ES = {
    Offer.DATE: (
        "Si otro día le conviene más, elíjalo en la página que abre el enlace de abajo, hasta el {day}: "
        "hasta entonces nadie se lo recordará."
    ),
    Offer.INSTALLMENTS: (
        "También puede pagar en hasta {count} partes, sin ningún cargo: elija los días en la misma página."
    ),
    Offer.GOODWILL: "He descontado {cents} de lo que está pendiente.",
    Offer.SERVICE_CREDIT: "Por los días en que nuestro servicio no funcionó le he abonado {cents}.",
    Offer.FEE: "El recargo por atraso de {cents} queda anulado.",
}


@dataclass(frozen=True)
class Way:
    """One way out that this person may grant.

    cents      -- what is given at once; None for what the customer does themselves, or what is typed
    most_cents -- the most that may be typed; None where no amount is typed
    says       -- the sentence of the mail; ``{cents}`` where the amount is typed
    """

    kind: str
    label: str
    note: str
    says: str
    cents: int | None = None
    most_cents: int | None = None
    row: object = None


def offered(notice, *, staff, by, today):
    """The Ways that this person may grant in this mail, in a tuple; those it brought already are left out."""
    if staff.role not in MAY:
        return ()
    brought = {offer.kind for offer in notice.offers}
    texts = ES if notice.customer.language == "es" else EN
    found = (
        _date(notice, texts, today), _installments(notice, texts),
        _goodwill(notice, texts, staff, by, today), _service_credit(notice, texts, staff, by, today),
        _fee(notice, texts),
    )  # fmt: skip
    return tuple(way for way in found if way and way.kind not in brought)


def _date(notice, texts, today):
    word = promises.word_of(notice.customer, today=today)
    if word.refusal or word.covering(notice.invoice):
        return None
    day = tongues.of(notice.customer).date(promises.room(today, notice.invoice.due_on).last_on)
    note = "They choose the day themselves; it counts as a promise."
    return Way(Offer.DATE, "Another date", note, texts[Offer.DATE].format(day=day))


def _installments(notice, texts):
    company = companies.current()
    owed = sum(one.open_cents for one in Invoice.select().where(
        (Invoice.customer == notice.customer_id) & Invoice.IS_OWED))  # fmt: skip
    runs = notice.customer.plans.where(Plan.state.in_((Plan.RUNNING, Plan.PROPOSED))).exists()
    count = min(company.plan_max_count, owed // max(company.plan_min_cents, 1))
    if runs or count < 2:
        return None
    note = f"Inside your policy they agree to it by themselves: up to {count} payments, no fee."
    return Way(Offer.INSTALLMENTS, "Installments", note, texts[Offer.INSTALLMENTS].format(count=count))


def _goodwill(notice, texts, staff, by, today):
    left = goodwill.left_cents(notice.customer, staff.role, by=by, today=today)
    due = sum(one.cents for one in demands.of(notice.invoice) if one.due_on)
    most = min(due - 1, due if left is None else left)
    if most <= 0:
        return None
    note = f"You may give up to {format_cents(most)} alone."
    return Way(Offer.GOODWILL, "Goodwill credit", note, texts[Offer.GOODWILL], most_cents=most)


def _service_credit(notice, texts, staff, by, today):
    row = (
        ServiceCredit.select()
        .where(
            (ServiceCredit.customer == notice.customer_id) & (ServiceCredit.state == ServiceCredit.PROPOSED)
        )
        .order_by(ServiceCredit.id)
        .first()
    )
    left = goodwill.left_cents(notice.customer, staff.role, by=by, today=today)
    if row is None or (left is not None and row.cents > left):
        return None
    says = texts[Offer.SERVICE_CREDIT].format(cents=format_cents(row.cents))
    note = f"{service_credits.words_of(row)}."
    return Way(Offer.SERVICE_CREDIT, "Credit for the fault", note, says, cents=row.cents, row=row)


def _fee(notice, texts):
    states = (*LateFee.WAITING, LateFee.CHARGED)
    row = LateFee.get_or_none((LateFee.invoice == notice.invoice_id) & LateFee.state.in_(states))
    if row is None:
        return None
    note = f"The late fee of {format_cents(row.cents)} on {notice.invoice}."
    says = texts[Offer.FEE].format(cents=format_cents(row.cents))
    return Way(Offer.FEE, "Waive the late fee", note, says, cents=row.cents, row=row)


# --- Granting ------------------------------------------------------------------------------------


def grant(notice, chosen, *, staff, by, today, now):
    """Grant what was chosen; returns the sentences that the mail says of it. In the sender's transaction.

    chosen -- {kind of Offer: cents, or None where none are typed}

    Raises BillingError for what this person may not grant, and for what would settle the invoice: then there
    is nothing to write about.
    """
    found = {way.kind: way for way in offered(notice, staff=staff, by=by, today=today)}
    if missing := set(chosen) - set(found):
        raise BillingError(
            f"You may not grant this in this mail: {', '.join(_label(kind) for kind in missing)}."
        )
    told = [
        _grant(notice, found[kind], cents, staff=staff, by=by, today=today, now=now)
        for kind, cents in chosen.items()
    ]
    if chosen and Invoice.get_by_id(notice.invoice_id).open_cents == 0:
        raise BillingError("This would settle the invoice. Give the credit on the customer's page instead.")
    return told


def _label(kind):
    return Offer.WORDS.get(kind, kind).lower()


def _grant(notice, way, cents, *, staff, by, today, now):
    cents, credit = way.cents if way.most_cents is None else cents, None
    if way.most_cents is not None and not 0 < (cents or 0) <= way.most_cents:
        raise BillingError(f"Between $0.01 and {format_cents(way.most_cents)} can be given in this mail.")
    told = {"by": by, "today": today, "now": now}
    if way.kind == Offer.GOODWILL:
        key = f"offer:{notice.id}"
        credit = goodwill.give(
            notice.customer,
            amount_cents=cents,
            reason=GOODWILL_REASON,
            role=staff.role,
            tell=False,
            key=key,
            **told,
        )
        if isinstance(credit, Approval):  # another way of the same mail used up what may be given alone
            raise BillingError("Together this is more than you may give alone. Choose less.")
    elif way.kind == Offer.SERVICE_CREDIT:
        credit = service_credits.give(way.row, role=staff.role, tell=False, **told)
    elif way.kind == Offer.FEE:
        credit = late_fees.waive(way.row, reason="As we wrote to you", **told).credit
    Offer.create(
        notice=notice, kind=way.kind, amount_cents=cents, invoice=notice.invoice_id, credit=credit,
        reason=GOODWILL_REASON if way.kind == Offer.GOODWILL else "", staff=staff, made_at=now,
    )  # fmt: skip
    return way.says.format(cents=format_cents(cents)) if way.most_cents is not None else way.says
