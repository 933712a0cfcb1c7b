"""What of an invoice is our own mistake: a correction or a price that nobody was told of."""

from peewee import JOIN, fn

from billing.collections.rules import Correction, Rise
from models import Credit, Line, Notice, among, as_date, db

CORRECTIONS = (Credit.NOTE, Credit.UNUSED_SERVICE, Credit.SERVICE, Credit.DISPUTE)


def corrections(invoice_ids):
    """{invoice id: Correction}, the latest that took something off an invoice."""
    query = Credit.select(Credit.invoice, Credit.id, Credit.amount_cents, Credit.made_on).where(
        among(Credit.invoice, invoice_ids) & (Credit.kind << CORRECTIONS)
    )
    rows = db.execute(query.order_by(Credit.id))
    return {invoice_id: Correction(id, cents, as_date(on)) for invoice_id, id, cents, on in rows}


def told_corrections(customer_ids, found):
    """Ids of those of the Corrections of an invoice (``found``) of which a message of their own has told."""
    if not found:
        return set()
    said = Notice.alias()
    query = (
        Notice.select(Notice.credit)
        .join(said, JOIN.LEFT_OUTER, on=(Notice.joined == said.id))
        .where(
            among(Notice.customer, customer_ids)
            & among(Notice.credit, [one.id for one in found.values()])
            & (fn.COALESCE(said.state, Notice.state) == Notice.SENT)
            & fn.COALESCE(said.bounced_at, Notice.bounced_at).is_null()
        )
    )
    return {id for (id,) in db.execute(query)}


def rises(invoice_ids, house):
    """{invoice id: Rise} of invoices at a price whose announcement came back."""
    if not house.rises:
        return {}
    query = Line.select(Line.invoice, Line.charge, Line.unit_cents, Line.from_on).where(
        among(Line.invoice, invoice_ids) & among(Line.charge, house.rises)
    )
    return {
        invoice_id: Rise(id, starts_on)
        for invoice_id, charge_id, cents, from_on in db.execute(query)
        for id, starts_on, new_cents in house.rises[charge_id]
        if new_cents == cents and from_on and starts_on <= as_date(from_on)
    }
