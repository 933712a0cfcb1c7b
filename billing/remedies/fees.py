"""What paying late costs, or would: the policy, the amount, and the sentences that say so beforehand.

Only reading, so that documents, the judge of messages and the daily step agree. A fee is reckoned from what
is late of recurring services whose signed agreement says that there is one: never from tax, work, an
earlier fee, or what is disputed or in a plan. Announcing and charging stand in late_fees.py.
"""

from datetime import timedelta

from billing import company as companies
from billing import demands, words
from billing.money import MILLION, format_cents
from models import Charge, Contract, Customer, LateFee, Line

NONE, FLAT, PERCENT = "none", "flat", "percent"
TOLD_DAYS = 10  # at least so many days between the message and the charge
PLAN_DAYS = 14  # what we plan for, so that a message may wait for a quiet day
AGAIN = timedelta(days=365)
# Tables of the states' ceilings contradict each other, so none is built in: we stay below the common ones.
MOST_PPM = 50_000
MOST_HOME_CENTS = 1000
MOST_BUSINESS_PPM = 15_000


def is_on(company=None):
    """True where the company charges late fees at all; it does not until an owner says so."""
    company = company or companies.current()
    amount = {FLAT: company.late_fee_cents, PERCENT: company.late_fee_ppm}
    return amount.get(company.late_fee_kind, 0) > 0 and company.late_fee_cap_cents > 0


def agreed_cents(lines):
    """What of these lines stands under an agreement that says that paying late costs a fee; before tax."""
    charge_ids = {line.charge_id for line in lines if line.charge_id}
    if not charge_ids:
        return 0
    agreed = (
        Charge.select(Charge.id).join(Contract).where(Contract.late_fee_agreed, Charge.id.in_(charge_ids))
    )
    agreed = {id for (id,) in agreed.tuples()}
    return sum(line.amount_cents - line.discount_cents for line in lines if line.charge_id in agreed)


def lines_of(invoice):
    """The lines of an invoice."""
    return list(invoice.lines.order_by(Line.position))


def base_cents(invoice, *, today, grace_days):
    """What of an invoice a late fee may be reckoned from on ``today``; 0 when nothing is.

    What was paid counts for the services first, so what is left is tax, work and earlier fees first.
    """
    late = sum(
        one.cents
        for one in demands.of(invoice)
        if one.kind == demands.INVOICE and one.due_on and today > one.due_on + timedelta(days=grace_days)
    )
    if not late:
        return 0
    agreed = agreed_cents(lines_of(invoice))
    return max(min(agreed, late - (invoice.total_cents - agreed)), 0)


def cents(base, customer, company):
    """The late fee on ``base`` cents by the company's policy, below every cap; 0 for none."""
    if not is_on(company):
        return 0
    wanted = company.late_fee_cents
    if company.late_fee_kind == PERCENT:
        wanted = base * company.late_fee_ppm // MILLION
    is_home = customer.kind == Customer.RESIDENTIAL
    by_law = MOST_HOME_CENTS if is_home else base * MOST_BUSINESS_PPM // MILLION
    return max(min(wanted, company.late_fee_cap_cents, base * MOST_PPM // MILLION, by_law), 0)


def objection(fee, *, today):
    """Why a message about this fee should not leave any more; empty while it is true."""
    if fee.state not in LateFee.WAITING:
        return "This late fee is not charged any more."
    if not base_cents(fee.invoice, today=today, grace_days=0):
        return "Nothing of it is late any more."
    if (fee.charge_from_on - today).days < TOLD_DAYS:
        return "The day in it is too near: it is told again with a later one."
    return ""


def sentence(invoice, lines, company):
    """What late payment of an invoice costs and from which day, as it is said before it happens.

    Empty where there is no late fee: then documents say that there is none.
    """
    if not invoice.due_on:
        return ""
    agreed = agreed_cents(lines)
    most = cents(agreed, invoice.customer, company)
    if not most:
        return ""
    from_on = invoice.due_on + timedelta(days=company.late_fee_grace_days + 1 + PLAN_DAYS)
    return (
        f"If it is still open on {words.date(from_on)}, your agreement allows a late fee of at most "
        f"{format_cents(most)}, once. We tell you at least {TOLD_DAYS} days before, and the first in twelve "
        "months is waived."
    )


def late_words(invoice, lines, company, as_issued):
    """What late payment of an invoice costs, in a sentence for its documents; "" where it costs nothing.

    as_issued -- True: only what was true when it was issued, whatever was announced since
    """
    if not is_on(company):
        return ""
    fee = None if as_issued else LateFee.get_or_none(LateFee.invoice == invoice)
    return (fee and _became(fee)) or sentence(invoice, lines, company)


def _became(fee):
    """What has become of the late fee of an invoice; "" while nobody was told of it."""
    match fee.state:
        case LateFee.TOLD:
            return (
                f"A late fee of at most {format_cents(fee.cents)} is added to your next invoice if this one "
                f"is still open on {words.date(fee.charge_from_on)}."
            )
        case LateFee.CHARGED:
            added = format_cents(fee.one_off.unit_cents)
            was = "was added for it to a later invoice"
            comes = was if fee.one_off.billed_on else "comes with your next invoice"
            return f"A late fee of {added} {comes}, and there will be no other."
        case LateFee.WAIVED:
            return "The late fee for it is waived."
        case LateFee.AVOIDED:
            return "No late fee is added for it."
    return ""
